//! The deciding commands: the dialog's fields in the dialog's order, then the signature, then the delivery.
//!
//! Never: a question after the signature; a decision sent that is not on disk; `--yes` for an approval that nobody can
//! be proved to have touched a key for, but in the demo.

use std::{collections::BTreeMap, fs, path::PathBuf};

use jiff::{SignedDuration, tz::TimeZone};
use serde_json::{Value, json};

use super::{
    Globals,
    exit::{Code, Failure, Outcome},
    out, page,
    person::{Person, Read, ask, block_on},
    tick,
};
use crate::{
    client::{
        Cache, DecideError, Entry, Fate, Me, Outbox, Pin, Signer, Wish, decide,
        listed::SIGN_TICKS,
        ticks::{self, Kept},
    },
    console::signers,
    row::{Decision, DecisionId, Digest, Grade, Note, Proposal, Refusal, Risk, State, gate, note::NotANote},
    wire::{DecisionOutcome, RowView},
};

/// The largest note file that is read; a note is far smaller.
const NOTE_FILE_BYTES_MAX: u64 = 64 * 1024;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  dock decline sync-8822 --note \"The toggle is the mitigation of INC-771.\"\n  \
    dock needs-changes rb-8823 --note-file note.txt --yes\n  dock withdraw sync-8821"
)]
pub(super) struct Plain {
    /// The row.
    row: String,
    #[command(flatten)]
    how: HowTo,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  dock approve sync-8821 --note \"Read the whole diff.\"\n  \
    dock approve gate-9821 --with canary=10% --note \"Additive schema change.\"\n  \
    dock approve gate-9821 --with \"canary=10% for 15m\"   then all, unless its health or burn goes bad\n  \
    dock approve rb-8824                     signs what `dock tick` said of a live runbook's steps")]
pub(super) struct Approve {
    /// The row.
    row: String,
    /// A condition, as in canary=10%, or "canary=10% for 15m"; more than once where there are several.
    #[arg(long = "with", value_name = "NAME=VALUE")]
    with: Vec<String>,
    #[command(flatten)]
    how: HowTo,
}

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  dock override sync-8822 approve --note \"The incident is over, the flag goes back on.\""
)]
pub(super) struct Override {
    /// The row.
    row: String,
    /// The direction, spelled out.
    direction: Direction,
    #[command(flatten)]
    how: HowTo,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Direction {
    Approve,
    Decline,
}

#[derive(Debug, clap::Args)]
struct HowTo {
    /// Why.
    #[arg(long, value_name = "TEXT", conflicts_with = "note_file")]
    note: Option<String>,
    #[arg(long, value_name = "FILE")]
    note_file: Option<PathBuf>,
    /// The content digest that was read; refused when it moved.
    #[arg(long, value_name = "SHA256")]
    digest: Option<String>,
    /// No questions, for scripts.
    #[arg(long)]
    yes: bool,
}

/// What the options ask for.
struct Asked<'a> {
    row: &'a str,
    decision: Decision,
    overrides: bool,
    conditions: BTreeMap<String, String>,
    how: &'a HowTo,
}

pub(super) fn plain(globals: &Globals, decision: Decision, args: &Plain) -> Outcome {
    run(
        globals,
        &Asked { row: &args.row, decision, overrides: false, conditions: BTreeMap::new(), how: &args.how },
    )
}

pub(super) fn approve(globals: &Globals, args: &Approve) -> Outcome {
    let mut conditions = BTreeMap::new();
    for text in &args.with {
        let (name, value) =
            text.split_once('=').filter(|(name, value)| !name.is_empty() && !value.is_empty()).ok_or_else(
                || Failure::usage(format!("`{}` is no condition\nhint: --with canary=10%", out::safe(text))),
            )?;
        conditions.insert(name.to_owned(), gate::as_signed(name, value));
    }
    run(
        globals,
        &Asked { row: &args.row, decision: Decision::Approve, overrides: false, conditions, how: &args.how },
    )
}

pub(super) fn over(globals: &Globals, args: &Override) -> Outcome {
    let decision = match args.direction {
        Direction::Approve => Decision::Approve,
        Direction::Decline => Decision::Decline,
    };
    run(
        globals,
        &Asked { row: &args.row, decision, overrides: true, conditions: BTreeMap::new(), how: &args.how },
    )
}

fn run(globals: &Globals, asked: &Asked<'_>) -> Outcome {
    let person = Person::open(globals)?;
    if person.settings.read_only {
        return Err(Failure::new(Code::Refused, "read only: nothing is decided from here"));
    }
    // A note that cannot be one is told before anything else is asked or read.
    let given = note_given(asked.how)?;
    if let Some(text) = &given
        && asked.decision != Decision::Withdraw
    {
        note(text, asked.decision, asked.overrides)?;
    }
    block_on(decide(&person, asked, given))
}

async fn decide(person: &Person, asked: &Asked<'_>, given: Option<String>) -> Outcome {
    let (mut outbox, mut cache) = (person.outbox()?, person.cache()?);
    let id = Person::row_id(asked.row, &cache)?;
    let Read { cached, offline } = person.row(&outbox, &mut cache, id).await?;
    let org = person.org(&cache, &outbox)?;
    let me = person.me(&cache, &org)?;
    let view = &cached.view;
    if let Some(why) = &cached.undecidable {
        return Err(DecideError::Undecidable(why.clone()).into());
    }
    check_digest(asked.how, view)?;
    let signer = person.signer(&org, Some(&cache))?;
    let ticked = ticked(person, &outbox, asked, view)?;
    let conditions =
        ticked.as_ref().map_or_else(|| asked.conditions.clone(), |kept| ticks::conditions(&kept.ticks));
    let mut wish = Wish {
        decision: asked.decision,
        overrides: asked.overrides && view.head.verdict.against(asked.decision, !conditions.is_empty()),
        note: None,
        conditions,
        pin: Pin::of(view),
        on_screen_s: 0,
        offline: offline.is_some(),
        rests: SignedDuration::ZERO,
    };
    wish.note = given.as_deref().map(|text| note(text, wish.decision, wish.overrides)).transpose()?.flatten();
    if asked.how.yes {
        check_unseen(person, asked, &wish, &signer, &org)?;
    } else {
        check_early(view, &me, &wish, &signer)?;
        dialog(person, &cache, view, &mut wish, &signer, offline.as_deref())?;
    }
    let now = person.now();
    let entry = match decide::sign(&mut outbox, &signer, &cached, &me, &wish, now) {
        Ok(entry) => entry,
        Err(DecideError::Refused(refusal)) => return refused(person, view, &refusal),
        Err(error) => return Err(error.into()),
    };
    let (entry, away) = person.deliver(&outbox, &entry).await?;
    if let (Some(kept), Some(Proposal::Live(live)), Fate::Overtaken { .. } | Fate::Refused { .. }) =
        (&ticked, &view.proposal, &entry.fate)
    {
        // They are not in the record, and went from the disk when they were signed.
        tick::keep_the_rest(&outbox, view, live, kept, now)?;
    }
    if matches!(&entry.fate, Fate::Refused { code, .. } if code == "base_moved") && !person.globals.json {
        out::text(&page::moved(person, view, None).await);
    }
    if !matches!(entry.fate, Fate::Accepted { .. }) {
        return tell(person, view, &entry, away.as_deref());
    }
    // So that the cache and the receipt are there when the backend is not, and that what came of it can be said.
    let _ = person.pull(&outbox, &mut cache, std::time::Duration::ZERO).await;
    let receipts = person.receipts(&outbox).await;
    let outcome = tell(person, view, &entry, away.as_deref());
    if entry.decision == Decision::Approve && !person.globals.json {
        came_of(person, &cache, view)?;
    }
    receipts.and(outcome)
}

/// What an approval that was accepted has brought about: its place among the keys, and what keeps it from being executed.
fn came_of(person: &Person, cache: &Cache, view: &RowView) -> Result<(), Failure> {
    if let Some(now) =
        cache.row(view.head.id, person.now())?.filter(|now| now.view.head.state == State::HalfSigned)
    {
        let keys = signers::keys(&now.view, person.now(), &TimeZone::system());
        out::line(format!("{}: {keys}.", view.head.id));
    }
    let halts = cache.as_of()?.map(|as_of| as_of.halts).unwrap_or_default();
    if let Some(halted) = halts.sentence(&view.head.agent) {
        out::line(format!("{}: {}.", view.head.id, out::safe(&halted)));
    }
    Ok(())
}

/// What was ticked of a live runbook, here or in the console; a row of another kind has none, and `--with` says its own.
fn ticked(
    person: &Person,
    outbox: &Outbox,
    asked: &Asked<'_>,
    view: &RowView,
) -> Result<Option<Kept>, Failure> {
    let Some(Proposal::Live(live)) = &view.proposal else { return Ok(None) };
    if asked.decision != Decision::Approve || !asked.conditions.is_empty() {
        return Ok(None);
    }
    let kept = tick::of_row(outbox, view, live)?;
    if kept.ticks.is_empty() {
        let (id, count) = (view.head.id, out::plural(live.steps.len(), "step", "steps"));
        out::remark(&format!(
            "None of {count} is ticked, and signing ends it: `dock tick {id} 1 followed` says what became of one."
        ));
    }
    if kept.made_on != view.head.revision {
        tick::keep_the_rest(outbox, view, live, &kept, person.now())?;
    }
    Ok(Some(kept))
}

fn note_given(how: &HowTo) -> Result<Option<String>, Failure> {
    let Some(file) = &how.note_file else { return Ok(how.note.clone()) };
    let unreadable = |why: String| Failure::usage(format!("{}: {why}", file.display()));
    let size = fs::metadata(file).map_err(|error| unreadable(error.to_string()))?.len();
    if size > NOTE_FILE_BYTES_MAX {
        return Err(unreadable(format!("{size} bytes; a note has {} at most", Note::BYTES_MAX)));
    }
    fs::read_to_string(file).map(Some).map_err(|error| unreadable(error.to_string()))
}

/// The note, where one is given; a blank one is none, which only a plain approval or a withdrawal may have.
fn note(text: &str, decision: Decision, overrides: bool) -> Result<Option<Note>, Failure> {
    let optional = decision == Decision::Withdraw || (decision == Decision::Approve && !overrides);
    match Note::parse(text) {
        Ok(note) => Ok(Some(note)),
        Err(NotANote::TooLittle { visible: 0, .. }) if optional && text.trim().is_empty() => Ok(None),
        Err(why) => Err(Failure::usage(format!("{why}\nhint: say why, in a sentence"))),
    }
}

fn check_digest(how: &HowTo, view: &RowView) -> Result<(), Failure> {
    let Some(text) = &how.digest else { return Ok(()) };
    let read: Digest = text.parse().map_err(|_| {
        Failure::usage(
            "--digest takes the 64 hex digits of `content_sha256`\nhint: `dock show ROW --json` has it",
        )
    })?;
    if read == view.head.content_sha256 {
        return Ok(());
    }
    let refusal = Refusal::ContentMismatch { what: format!("the content of {}", view.head.id) };
    Err(DecideError::Refused(refusal).into())
}

/// `--yes` for what goes ahead: a process on the reviewer's machine must not be able to approve unseen.
fn check_unseen(
    person: &Person,
    asked: &Asked<'_>,
    wish: &Wish,
    signer: &Signer,
    org: &str,
) -> Result<(), Failure> {
    let free = matches!(wish.decision, Decision::NeedsChanges | Decision::Withdraw)
        || (wish.decision == Decision::Decline && !asked.overrides);
    if free {
        return Ok(());
    }
    if person.in_demo(org) {
        out::warn(
            "DEMO: --yes approves unseen here; elsewhere it needs --digest and a key that proves a touch",
            person.globals.color,
        );
        return Ok(());
    }
    if asked.how.digest.is_none() {
        return Err(Failure::usage(
            "--yes needs --digest for approvals and overrides: the content digest that was read\nhint: `dock show ROW --json`",
        ));
    }
    if signer.proves_touch() { Ok(()) } else { Err(DecideError::Refused(Refusal::TouchRequired).into()) }
}

/// What would be refused whatever the note says is told before the dialog asks anything.
fn check_early(view: &RowView, me: &Me, wish: &Wish, signer: &Signer) -> Result<(), Failure> {
    match decide::check(view, me, wish, signer.proves_touch(), view.head.as_of) {
        Ok(()) | Err(Refusal::NoteRequired { .. }) => Ok(()),
        Err(refusal) => Err(DecideError::Refused(refusal).into()),
    }
}

/// The dialog's fields in the dialog's order, on standard error: effect, key, pin, note, then the word or `y`.
fn dialog(
    person: &Person,
    cache: &Cache,
    view: &RowView,
    wish: &mut Wish,
    signer: &Signer,
    offline: Option<&str>,
) -> Result<(), Failure> {
    let opened = person.now();
    let head = &view.head;
    let live = match &view.proposal {
        Some(Proposal::Live(live)) if wish.decision == Decision::Approve => Some(live),
        _ => None,
    };
    let direction = if live.is_some() && !wish.overrides {
        SIGN_TICKS.to_uppercase()
    } else if wish.overrides {
        format!("OVERRIDE: {} against {}", wish.decision.word(), head.verdict)
    } else {
        wish.decision.word().to_owned()
    };
    let mut lines = vec![
        format!("{direction} {} revision {}: {} {}", head.id, head.revision, head.subject, head.title),
        format!(
            "you sign with {} {} ({})",
            signer.public().key_type(),
            signer.fingerprint(),
            signer.origin()
        ),
        format!("content  {}  word {}", head.content_sha256, head.word),
        format!(
            "base     {}  read {}",
            out::safe(&view.base_read.sentence()),
            out::when(view.read_at, opened)
        ),
    ];
    let effect = view
        .effect
        .with_conditions(&wish.conditions)
        .map(|effect| effect.sentence_of(view.head.id))
        .unwrap_or_default();
    match wish.decision {
        Decision::Approve => lines.push(format!("effect   {effect}")),
        _ => lines.push("effect   nothing is executed".to_owned()),
    }
    let ticked = live.filter(|_| !wish.conditions.is_empty());
    lines.extend(ticked.map(|live| format!("steps    {}", ticks::left(live, &wish.conditions))));
    if wish.decision == Decision::Approve {
        if head.keys_needed > 1 {
            lines.push(format!("keys     {}", signers::keys(view, opened, &TimeZone::system())));
        }
        lines.extend(view.asks.iter().map(|ask| format!("asked    {}", ask.sentence())));
        let halts = cache.as_of()?.map(|as_of| as_of.halts).unwrap_or_default();
        lines.extend(halts.sentence(&head.agent).map(|halted| format!("{halted}.")));
    }
    let bad = view.signals.iter().filter(|one| one.signal.verdict == Grade::Bad);
    lines.extend(bad.map(|one| format!("bad      {}: {}", one.signal.name, one.signal.value)));
    let stale: Vec<_> =
        view.signals.iter().filter(|signal| !signal.fresh).map(|s| s.signal.name.clone()).collect();
    if !stale.is_empty() {
        lines.push(format!("decided on stale signals: {}", stale.join(", ")));
    }
    if offline.is_some() {
        let as_of = cache.as_of()?.map(|as_of| out::when(as_of.as_of, opened)).unwrap_or_default();
        lines.push(format!("OFFLINE: it waits unsent. What is shown is as of {as_of}."));
    }
    for line in &lines {
        out::remark(line);
    }
    ask_note(view, wish)?;
    let word = needs_word(view, wish).then_some(head.word.as_str());
    ask_word(word)?;
    wish.on_screen_s = u64::try_from(person.now().duration_since(opened).as_secs()).unwrap_or(0);
    Ok(())
}

fn nobody() -> Failure {
    Failure::usage("this asks questions, and nobody sits at a terminal\nhint: --note TEXT --yes, for scripts")
}

fn ask_note(view: &RowView, wish: &mut Wish) -> Result<(), Failure> {
    let asked = wish.overrides
        || view.note_needed
        || matches!(wish.decision, Decision::Decline | Decision::NeedsChanges);
    if wish.note.is_some() || wish.decision == Decision::Withdraw {
        return Ok(());
    }
    let prompt = if asked { "note: " } else { "note (may be left empty): " };
    let text = ask(prompt).ok_or_else(nobody)?;
    wish.note = if asked {
        Some(
            Note::parse(&text)
                .map_err(|why| Failure::usage(format!("{why}\nhint: say why, in a sentence")))?,
        )
    } else {
        note(&text, wish.decision, wish.overrides)?
    };
    Ok(())
}

/// Reversible rows, and every plain no, take `y`; costly rows, overrides and irreversible rows take the word.
fn needs_word(view: &RowView, wish: &Wish) -> bool {
    wish.overrides || (wish.decision == Decision::Approve && view.head.risk != Risk::Reversible)
}

fn ask_word(word: Option<&str>) -> Result<(), Failure> {
    let prompt = word.map_or_else(|| "sign? y: ".to_owned(), |word| format!("type {word} to sign: "));
    let typed = ask(&prompt).ok_or_else(nobody)?;
    if typed.trim() == word.unwrap_or("y") {
        return Ok(());
    }
    Err(Failure::new(Code::Failed, "Not signed."))
}

/// A no that was computed here: nothing was signed, nothing sent.
fn refused(person: &Person, view: &RowView, refusal: &Refusal) -> Outcome {
    let now = person.now();
    if person.globals.json {
        out::json(&answer(
            view,
            None,
            DecisionOutcome::Refused,
            Some(refusal.code()),
            &refusal.unsent(&|at| out::when(at, now)),
            view.head.state.word(),
            None,
        ));
    }
    Err(Failure::refused(refusal))
}

fn answer(
    view: &RowView,
    id: Option<&DecisionId>,
    outcome: DecisionOutcome,
    code: Option<&str>,
    message: &str,
    state: &str,
    log_index: Option<u64>,
) -> Value {
    json!({"decision_id": id, "row": view.head.id, "outcome": outcome, "code": code, "message": message,
        "state": state, "log_index": log_index})
}

/// What became of it, and the exit code.
fn tell(person: &Person, view: &RowView, entry: &Entry, away: Option<&str>) -> Outcome {
    let unsent = || {
        let at = out::when(entry.made_at, person.now());
        let why = away.and_then(|why| why.lines().next()).map(|why| format!(" ({why})")).unwrap_or_default();
        format!("Signed {at}, NOT delivered{why}. Nobody else can see it. `dock sync --once` delivers it.")
    };
    let state = view.head.state.word();
    let (code, outcome, why, message, hint, state, log_index) = match &entry.fate {
        Fate::Accepted { log_index, row_state, .. } => {
            let message = format!("Accepted, entry {log_index} of the record.");
            (
                Code::Done,
                DecisionOutcome::Accepted,
                None,
                message,
                String::new(),
                row_state.as_str(),
                Some(*log_index),
            )
        }
        Fate::Overtaken { message } => {
            let hint = format!("dock show {} --diff --since opened", entry.row);
            let message = format!("Not sent: {message}.");
            (Code::Refused, DecisionOutcome::Overtaken, Some("overtaken"), message, hint, state, None)
        }
        Fate::Refused { code, message, hint } => (
            Code::Refused,
            DecisionOutcome::Refused,
            Some(code.as_str()),
            message.clone(),
            hint.clone(),
            state,
            None,
        ),
        Fate::Unknown { code, message } if away.is_none() => {
            let message = format!("Signed, and not accepted yet: {message} It is tried again by itself.");
            (Code::Queued, DecisionOutcome::Queued, Some(code.as_str()), message, String::new(), state, None)
        }
        Fate::Signed | Fate::TakenBack | Fate::Sending | Fate::Unknown { .. } => {
            (Code::Queued, DecisionOutcome::Queued, None, unsent(), String::new(), state, None)
        }
    };
    if person.globals.json {
        out::json(&answer(view, Some(&entry.id), outcome, why, &message, state, log_index));
    }
    let hint = if hint.is_empty() { hint } else { format!("\nhint: {hint}") };
    match code {
        Code::Done => {
            if !person.globals.json {
                out::line(format!("{} {}: {message}", entry.row, entry.decision.past()));
            }
            Ok(code)
        }
        _ => Err(Failure::new(code, format!("{message}{hint}"))),
    }
}
