//! `dock show`: one row, whole, readable by a screen reader. Its middle is the very text whose digest is signed.
//!
//! Never: a second wording of what is signed.

use jiff::Timestamp;

use super::{
    Globals,
    exit::{Code, Failure, Outcome},
    out,
    person::{Person, block_on},
    plain,
};
use crate::{
    client::{Cache, Cached, Outbox, outbox::Seen},
    row::{Base, Moved, RowId, present},
    wire::RowView,
};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  dock show sync-8822\n  dock show sync-8822 --diff --since opened\n  \
    dock show sync-8822 --history --json")]
pub(super) struct Show {
    /// The row: sync-8822, with a hyphen or an underscore, or a prefix that only one row has.
    row: String,
    /// An earlier revision.
    #[arg(long, value_name = "N")]
    revision: Option<u32>,
    /// The difference alone.
    #[arg(long)]
    diff: bool,
    /// With --diff: what moved since the draft, or since you opened it.
    #[arg(long, value_name = "WHEN", requires = "diff")]
    since: Option<Since>,
    /// Its entries in the record.
    #[arg(long)]
    history: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Since {
    Draft,
    Opened,
}

pub(super) fn run(globals: &Globals, args: &Show) -> Outcome {
    let person = Person::open(globals)?;
    block_on(show(&person, args))
}

async fn show(person: &Person, args: &Show) -> Outcome {
    let (outbox, mut cache) = (person.outbox()?, person.cache()?);
    let id = match Person::row_id(&args.row, &cache) {
        // A prefix can only be resolved once something is cached.
        Err(_) if cache.as_of()?.is_none() => {
            person.pull(&outbox, &mut cache, std::time::Duration::ZERO).await?;
            Person::row_id(&args.row, &cache)?
        }
        found => found?,
    };
    if args.history {
        return history(person, id).await;
    }
    let read = if let Some(revision) = args.revision {
        revision_of(person, &cache, id, revision).await?
    } else {
        let read = person.row(&outbox, &mut cache, id).await?;
        if let Some(why) = &read.offline {
            let as_of = out::when(read.cached.view.head.as_of, person.now());
            out::remark(&format!("{}; {id} as of {as_of}", why.lines().next().unwrap_or_default()));
        }
        read.cached
    };
    if let Some(since) = args.since {
        return moved(person, &outbox, &read.view, since).await;
    }
    print(person, read, args.diff)
        .and_then(|view| if args.revision.is_none() { mark_seen(person, &outbox, &view) } else { Ok(()) })
        .map(|()| Code::Done)
}

async fn revision_of(person: &Person, cache: &Cache, id: RowId, revision: u32) -> Result<Cached, Failure> {
    if let Some(cached) = cache.revision(id, revision, person.now())? {
        return Ok(cached);
    }
    let view = person.online().await?.revision(id, revision).await.map_err(|error| {
        let none = || Failure::nothing(format!("{id} has no revision {revision}"));
        if error.not_found() { none() } else { error.into() }
    })?;
    Ok(Cached::of(view))
}

fn print(person: &Person, mut cached: Cached, diff: bool) -> Result<RowView, Failure> {
    cached.view.head.unsent = person.unsent()?.contains(&cached.view.head.id);
    if let Some(why) = &cached.undecidable {
        out::remark(why);
    }
    let view = cached.view;
    match (person.globals.json, diff) {
        (true, false) => out::json(&view),
        (true, true) => out::json(
            &serde_json::json!({"id": view.head.id, "revision": view.head.revision, "diff": view.diff}),
        ),
        (false, true) => out::text(&out::safe_lines(&view.diff)),
        (false, false) => out::text(&text(&view, person.now(), person.globals.plain)),
    }
    Ok(view)
}

/// That this reader had it open, for "what moved since you opened it".
fn mark_seen(person: &Person, outbox: &Outbox, view: &RowView) -> Result<(), Failure> {
    let base = serde_json::to_string(&view.base_read).map_err(|error| Failure::failed(error.to_string()))?;
    let seen = Seen { row: view.head.id, revision: view.head.revision, base, at: person.now() };
    outbox.mark_seen(&seen)?;
    Ok(outbox.mark_opened(view.head.id)?)
}

/// Where it stands, what is proposed (the text that is signed), what was decided, what became of it.
fn text(view: &RowView, now: Timestamp, plain: bool) -> String {
    let head = &view.head;
    let mut lines = if plain { plain::shown(view, now) } else { above(view, now) };
    lines.push(String::new());
    let present = present::text(&view.draft(), head.id, head.revision);
    lines.push(out::safe_lines(&present).trim_end().to_owned());
    lines.push("\nSIGNALS' AGE".to_owned());
    for signal in &view.signals {
        let age = out::span(now.duration_since(signal.signal.fetched_at).as_secs());
        let budget = out::span(i64::from(signal.signal.budget_s));
        let word = if signal.fresh { format!("{age} old") } else { format!("STALE {age} (budget {budget})") };
        lines.push(format!("{}: {word}", out::safe(&signal.signal.name)));
    }
    lines.push("\nDECIDED SO FAR".to_owned());
    decided(view, now, &mut lines);
    became(view, now, &mut lines);
    lines.join("\n") + "\n"
}

fn above(view: &RowView, now: Timestamp) -> Vec<String> {
    let head = &view.head;
    let mut lines = vec![format!("{} r{} · {} · {}", head.id, head.revision, head.word, standing(view, now))];
    let asked: Vec<_> = head.reviewers.iter().map(ToString::to_string).collect();
    lines.push(format!(
        "by {} ({} answers for it) · asked: {} · keys {} of {}",
        head.agent,
        head.owner,
        if asked.is_empty() { "nobody by name".to_owned() } else { asked.join(", ") },
        head.keys_given,
        head.keys_needed
    ));
    if view.claim {
        lines.push("AGENT'S CLAIM: the backend could not compute this difference itself.".to_owned());
    }
    for hold in &view.declined_before {
        let at = out::when(hold.since, now);
        lines.push(format!("declined before by {}, {at}: {}", hold.by, out::safe(&hold.note)));
    }
    lines
}

fn standing(view: &RowView, now: Timestamp) -> String {
    let head = &view.head;
    let how = head.how.map(|how| format!(" ({})", how.word())).unwrap_or_default();
    let left = if head.state.undecided() {
        format!(" · {} left", out::span(head.expires_at.duration_since(now).as_secs()))
    } else {
        format!(" · since {}", out::when(head.changed_at, now))
    };
    let unsent = if head.unsent { " · your decision is signed and unsent" } else { "" };
    let why = view.why.as_deref().map(|why| format!(" · {}", out::safe(why))).unwrap_or_default();
    format!("{}{how}{left}{unsent}{why}", head.state)
}

fn decided(view: &RowView, now: Timestamp, lines: &mut Vec<String>) {
    if view.decisions.is_empty() && view.policy.is_none() {
        lines.push("nothing yet".to_owned());
    }
    if let Some(policy) = &view.policy {
        lines.push(format!("auto ({})", out::safe(policy)));
    }
    for decision in &view.decisions {
        let over = if decision.overrides { ", an override" } else { "" };
        let offline = if decision.offline { ", decided offline" } else { "" };
        let void =
            decision.void.as_deref().map(|why| format!(", void: {}", out::safe(why))).unwrap_or_default();
        let (who, what, at) = (&decision.reviewer, decision.decision.past(), out::when(decision.at, now));
        lines.push(format!("{who} {what} r{} at {at}{over}{offline}{void}", decision.revision));
        if let Some(note) = &decision.note {
            lines.extend(out::safe_lines(note).lines().map(|line| format!("  {line}")));
        }
    }
}

fn became(view: &RowView, now: Timestamp, lines: &mut Vec<String>) {
    if let Some(execution) = &view.execution {
        let confirmed = execution.confirmed_at.map(|at| format!("confirmed {}", out::when(at, now)));
        let confirmed = confirmed.unwrap_or_else(|| "not confirmed yet".to_owned());
        lines.push(format!("\nEXECUTION\ntagged {}, {confirmed}", execution.tag));
    }
    if let Some(outcome) = &view.outcome {
        let (at, detail) = (out::when(outcome.checked_at, now), out::safe(&outcome.detail));
        lines.push(format!("\nOUTCOME\n{} at {at}: {detail}", outcome.state));
    }
}

async fn history(person: &Person, id: RowId) -> Outcome {
    let entries = person.online().await?.history(id).await.map_err(|error| {
        if error.not_found() { Failure::nothing(format!("no row {id}")) } else { error.into() }
    })?;
    for entry in entries {
        let leaf: serde_json::Value = serde_json::from_str(&entry.leaf).unwrap_or_default();
        if person.globals.json {
            out::json(&serde_json::json!({"index": entry.index, "leaf": leaf}));
            continue;
        }
        let field = |pointer: &str| leaf.pointer(pointer).and_then(|value| value.as_str()).unwrap_or("");
        out::line(out::safe(&format!(
            "{:>6}  {}  {:<20} {:<12} {}",
            entry.index,
            field("/at"),
            field("/event"),
            field("/actor/id"),
            field("/body/to")
        )));
    }
    Ok(Code::Done)
}

/// What is no longer as it was, in the words of both sides.
async fn moved(person: &Person, outbox: &Outbox, view: &RowView, since: Since) -> Outcome {
    let id = view.head.id;
    let (moved, read_at) = match since {
        Since::Draft => {
            let fresh = person.online().await?.fresh(id).await?;
            (fresh.moved, fresh.read_at)
        }
        Since::Opened => {
            let seen = outbox.seen()?.into_iter().find(|seen| seen.row == id);
            let seen = seen.ok_or_else(|| Failure::nothing(format!("you have not opened {id} before")))?;
            let was: Base =
                serde_json::from_str(&seen.base).map_err(|error| Failure::failed(error.to_string()))?;
            (was.moved(&view.base_read), view.read_at)
        }
    };
    if person.globals.json {
        out::json(&serde_json::json!({"id": id, "moved": moved, "read_at": read_at}));
    } else if moved.is_empty() {
        let since = if since == Since::Draft { "the draft" } else { "you opened it" };
        out::line(format!("Nothing moved since {since}. Base read {}.", out::when(read_at, person.now())));
    } else {
        for moved in &moved {
            out::line(sentence(moved));
        }
    }
    Ok(Code::Done)
}

pub(super) fn sentence(moved: &Moved) -> String {
    format!("{}: was {}, is {}", out::safe(&moved.what), out::safe(&moved.was), out::safe(&moved.is))
}
