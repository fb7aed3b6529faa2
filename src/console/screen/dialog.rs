//! The decision dialog, questions, and the passphrase.
//!
//! Never: the sign field before the last line of the effect, and never a passphrase's length.

mod fields;

use fields::fields;
use ratatui::layout::Rect;

use super::super::canvas::{Canvas, Styled};
use super::super::changes::Changes;
use super::super::decide;
use super::super::dialog::{Dialog, Field, Verb};
use super::super::effect::KeyState;
use super::super::layout;
use super::super::model::{About, Ask, Model, Pin, Typing};
use super::super::shown::Shown;
use super::super::signers;
use super::super::text;
use super::super::theme::Slot;
use super::row::paper::Told;
use crate::client::{Listed, Me, ticks as signed};
use crate::row::{Base, Decision, DecisionId, Digest, Grade, Proposal, RowId, paper::Paper};
use crate::wire::RowView;

/// Where a line's second fact begins, and how wide its label is.
const SECOND_FACT: usize = 48;
const LABEL: usize = 11;

struct Part {
    text: Styled,
    /// A part of the frame: stands in the bar's column.
    bar: bool,
    field: Option<Field>,
    /// Where the cursor stands in this line, when its field has it.
    cursor: Option<usize>,
}

impl Part {
    fn text(text: Styled) -> Self {
        Self { text, bar: false, field: None, cursor: None }
    }

    fn bar(text: Styled) -> Self {
        Self { text, bar: true, field: None, cursor: None }
    }
}

pub(super) fn draw(model: &Model, dialog: &Dialog, canvas: &mut Canvas<'_>) {
    let area = layout::dialog(model);
    canvas.clear(area);
    let width = usize::from(area.width).saturating_sub(3);
    let parts = parts(model, dialog, width);
    let height = usize::from(area.height);
    // The field that has the cursor is on the screen; the rest is seen on the way to it.
    let focused = parts.iter().rposition(|part| part.field == Some(dialog.focus)).unwrap_or(0);
    let top = (focused + 3).saturating_sub(height).min(parts.len().saturating_sub(height));
    for (y, part) in (0..area.height).zip(parts.iter().skip(top)) {
        if part.bar {
            canvas.line(area.x, area.y + y, area.width, &part.text);
        } else {
            canvas.put(area.x, area.y + y, 1, &"│".into(), Slot::Border);
            canvas.line(area.x + 2, area.y + y, area.width.saturating_sub(2), &part.text);
        }
        if let Some(column) = part.cursor.filter(|_| part.field == Some(dialog.focus)) {
            let x = area.x + 2 + u16::try_from(column).unwrap_or(0);
            canvas.cursor(x, area.y + y, true);
        }
    }
}

fn parts(model: &Model, dialog: &Dialog, width: usize) -> Vec<Part> {
    let mut parts = Vec::new();
    let decision = dialog.verb.decision(dialog.verdict);
    let overrides = dialog.verb == Verb::Override;
    let live = dialog
        .pins
        .first()
        .and_then(|pin| model.body(pin.row))
        .is_some_and(|body| decide::is_live(&body.view));
    let what = match text::decision_title(decision, overrides, dialog.verb == Verb::Conditions) {
        _ if live && dialog.verb == Verb::Approve => "SIGN TICKS of",
        title => title,
    };
    let rows = match dialog.pins.as_slice() {
        [pin] => pin.row.to_string(),
        pins => text::plural(pins.len(), "row", "rows"),
    };
    let title = Styled::of(Slot::Border, "┌ ").add(Slot::Title, format!("{what} {rows}"));
    parts.push(Part::bar(title.add(
        Slot::Watch,
        match () {
            () if dialog.over => "   OVER: nothing can be decided on it any more",
            () if dialog.broken => "   MOVED since you read it",
            () => "",
        },
    )));
    parts.extend(key_line(model).wrap(width, LABEL).into_iter().map(Part::text));
    match dialog.pins.as_slice() {
        [pin] => single(model, dialog, pin, width, &mut parts),
        pins => {
            for pin in pins {
                let title = model
                    .head(pin.row)
                    .map(|head| format!("{}: {}", head.about(), head.title))
                    .unwrap_or_default();
                let line = Styled::of(Slot::Title, format!("{:<10}", pin.row.to_string()))
                    .text(format!("r{} ", pin.revision))
                    .add(Slot::Muted, format!("{} ", pin.digests.content.short()))
                    .text(title);
                parts.push(Part::text(line.fit(width)));
            }
        }
    }
    fields(dialog, width, &mut parts);
    for line in Shown::untrusted(&decide::delivery(model)).wrap(width) {
        parts.push(Part::bar(Styled::from(" ").add(Slot::Muted, line)));
    }
    parts
}

/// Two facts in a line, the second in its column; below the first where it has no room there.
fn beside(parts: &mut Vec<Part>, first: Styled, second: Styled, width: usize) {
    let whole = first.clone().to(SECOND_FACT).join(second.clone());
    if whole.width() <= width {
        parts.push(Part::text(whole));
    } else {
        parts.push(Part::text(first));
        parts.push(Part::text(Styled::from(" ".repeat(LABEL)).join(second)));
    }
}

fn wrap(parts: &mut Vec<Part>, slot: Slot, said: &str, width: usize) {
    let lines = Shown::untrusted(said).wrap(width);
    parts.extend(lines.into_iter().map(|line| Part::text(Styled::of(slot, line))));
}

fn key_line(model: &Model) -> Styled {
    match &model.key {
        KeyState::Unasked => Styled::of(Slot::Muted, "Looking for your key …"),
        KeyState::Ready { fingerprint, kind, touch } => {
            let proof = if *touch { "touch, proved" } else { "touch unproven" };
            Styled::from("You sign with ")
                .text(format!("{kind} {}", &Shown::untrusted(fingerprint).fit(24)))
                .add(Slot::Muted, format!("   {proof}"))
        }
        KeyState::Locked { file, .. } => {
            Styled::of(Slot::Watch, format!("Your key {file} asks for its passphrase when you sign."))
        }
        KeyState::Missing(why) => Styled::of(Slot::Danger, format!("No key: {why}")),
    }
}

fn single(model: &Model, dialog: &Dialog, pin: &Pin, width: usize, parts: &mut Vec<Part>) {
    let label = |label: &str| Styled::of(Slot::Muted, format!("{label:<11}"));
    let muted = |text: &str| Styled::of(Slot::Muted, text);
    let row = label("row").text(format!("{} revision {}", pin.row, pin.revision));
    beside(parts, row, muted("word ").add(Slot::Title, pin.word().to_string()), width);
    let content = label("content").text(format!("sha256:{}", spaced(&pin.digests.content)));
    beside(parts, content, muted("verdict, difference, effect"), width);
    let Some(body) = model.body(pin.row) else { return };
    let view = &body.view;
    if Pin::of(view) != *pin {
        // What is known of the row now is no part of what was read.
        let now = format!("the row is revision {} now; what moved stands above", view.head.revision);
        parts.push(Part::text(label("base").add(Slot::Watch, now)));
        return;
    }
    let read = text::when(view.read_at, model.now(), &model.zone, true);
    let base = Shown::untrusted(&view.base_read.sentence()).fit(width.saturating_sub(11 + read.len() + 6));
    beside(parts, label("base").text(base), muted(&format!("read {read}")), width);
    let decision = dialog.verb.decision(dialog.verdict);
    let effect = match decision {
        // With what is asked for: these words are what the executor is held to.
        Decision::Approve => view
            .effect
            .with_conditions(&dialog.agreed())
            .unwrap_or_else(|| view.effect.clone())
            .sentence_of(view.head.id),
        _ => "nothing is executed".to_owned(),
    };
    for (at, line) in Shown::untrusted(&effect).wrap(width.saturating_sub(11)).into_iter().enumerate() {
        parts.push(Part::text(label(if at == 0 { "effect" } else { "" }).text(line)));
    }
    if decision == Decision::Approve {
        proposed(model, view, width, parts);
    }
    let looked = model.looked_ms.get(&(pin.row, pin.revision)).copied().unwrap_or(0);
    let me = model.known.me.as_ref().map(|me| who(model, me)).unwrap_or_default();
    let you = label("you").text(Shown::untrusted(&me).fit(width.saturating_sub(LABEL)));
    beside(parts, you, muted(&format!("read for {}", text::read_for(looked))), width);
    if view.head.keys_needed > 1 && decision == Decision::Approve {
        let keys = signers::keys(view, model.now(), &model.zone);
        for (at, line) in Shown::untrusted(&keys).wrap(width.saturating_sub(11)).into_iter().enumerate() {
            parts.push(Part::text(label(if at == 0 { "keys" } else { "" }).text(line)));
        }
    }
    if decision == Decision::Approve {
        for ask in &view.asks {
            for (at, line) in
                Shown::untrusted(&ask.sentence()).wrap(width.saturating_sub(11)).into_iter().enumerate()
            {
                parts.push(Part::text(label(if at == 0 { "asked for" } else { "" }).text(line)));
            }
        }
    }
    if decide::is_live(view) && decision == Decision::Approve {
        ticks(dialog, view, width, parts);
    }
    warnings(model, dialog, view, width, parts);
}

/// What is written where, and whose words it is: a page's number and a digest say neither.
fn proposed(model: &Model, view: &RowView, width: usize, parts: &mut Vec<Part>) {
    let said = match (&view.proposal, &view.base_read) {
        (Some(Proposal::Edit(edit)), Base::Runbook(base)) => {
            let one =
                |(number, operation): (usize, _)| format!("{number} {}", super::row::edit::short(operation));
            let all: Vec<String> = (1..).zip(&edit.operations).map(one).collect();
            format!("{}: {}", base.name, all.join("; "))
        }
        (Some(Proposal::Paper(_)), _) => view.head.title.clone(),
        _ => return,
    };
    let me = model.known.me.as_ref().map(|me| &me.id);
    let by =
        view.revised_by.as_ref().map(|by| if Some(by) == me { "you".to_owned() } else { by.to_string() });
    let said =
        said + &by.map(|by| format!(" (r{}, as changed by {by})", view.head.revision)).unwrap_or_default();
    for (at, line) in Shown::untrusted(&said).wrap(width.saturating_sub(11)).into_iter().enumerate() {
        parts.push(Part::text(
            Styled::of(Slot::Muted, format!("{:<11}", if at == 0 { "which is" } else { "" })).text(line),
        ));
    }
}

/// `priya, on call until 06:00`: with what authority, as the server last said.
fn who(model: &Model, me: &Me) -> String {
    let now = model.now();
    let when = |at| text::when(at, now, &model.zone, false);
    let shift = match (me.on_call, me.on_call_until) {
        (true, Some(until)) if until <= now => format!("shift over since {}", when(until)),
        (true, Some(until)) => format!("on call until {}", when(until)),
        (true, None) => "on call".to_owned(),
        (false, _) => me.roles.join(" and "),
    };
    if shift.is_empty() { me.id.to_string() } else { format!("{}, {shift}", me.id) }
}

/// What is signed of a live runbook's steps, all of it.
fn ticks(dialog: &Dialog, view: &RowView, width: usize, parts: &mut Vec<Part>) {
    let Some(Proposal::Live(live)) = &view.proposal else { return };
    let count = text::plural(live.steps.len(), "step", "steps");
    if dialog.ticks.is_empty() {
        wrap(parts, Slot::Watch, &signed::left(live, &dialog.ticks), width);
        return;
    }
    let said = format!("{} of {count} ticked; this is signed:", dialog.ticks.len());
    parts.push(Part::text(Styled::of(Slot::Title, said)));
    for (at, step) in live.steps.iter().enumerate() {
        let Some(tick) = dialog.ticks.get(&(at + 1).to_string()) else { continue };
        let line =
            Styled::of(Slot::Title, format!("{:>4} ", at + 1)).text(Shown::untrusted(&step.head()).fit(36));
        parts
            .extend(line.to(44).add(Slot::Unsent, tick.as_str()).wrap(width, 44).into_iter().map(Part::text));
    }
    wrap(parts, Slot::Watch, &signed::left(live, &dialog.ticks), width);
}

/// What is to be known before it is signed.
fn warnings(model: &Model, dialog: &Dialog, view: &RowView, width: usize, parts: &mut Vec<Part>) {
    if dialog.verb == Verb::Override {
        wrap(parts, Slot::Watch, &text::override_direction(dialog.verdict), width);
    } else if dialog.verb == Verb::Decline && dialog.verdict.goes_ahead() {
        let said = format!(
            "The agent says {}: the row will say that your decline went against it.",
            Listed::from(&view.head).call()
        );
        wrap(parts, Slot::Watch, &said, width);
    }
    let unsure: Vec<&str> = view
        .signals
        .iter()
        .filter(|signal| !signal.fresh || signal.signal.verdict == Grade::Unknown)
        .map(|signal| signal.signal.name.as_str())
        .collect();
    if !unsure.is_empty() {
        let said = format!(
            "Decided on {}: {}.",
            text::plural(unsure.len(), "stale or unknown signal", "stale or unknown signals"),
            unsure.join(", ")
        );
        wrap(parts, Slot::Stale, &said, width);
    }
    match model.body(view.head.id).and_then(|body| body.fresh.as_ref()) {
        Some(Ok(fresh)) if !fresh.moved.is_empty() => {
            let names: Vec<&str> = fresh.moved.iter().map(|moved| moved.what.as_str()).collect();
            let said = format!("The base has moved: {}. An approval will be refused.", names.join(", "));
            wrap(parts, Slot::Watch, &said, width);
        }
        Some(Err(why)) => {
            wrap(parts, Slot::Unknown, &format!("Whether the base moved is UNKNOWN: {why}"), width);
        }
        Some(Ok(_)) | None => {}
    }
    let approves = dialog.verb.decision(dialog.verdict) == Decision::Approve;
    if let Some(halted) = model.link.halts.sentence(&view.head.agent).filter(|_| approves) {
        wrap(parts, Slot::Watch, &format!("{halted}."), width);
    }
    let me = model.known.me.as_ref().map(|me| me.id.to_string()).unwrap_or_default();
    let nothing = signers::counts_for_nothing(view, &me);
    if let Some(why) = nothing.filter(|_| approves) {
        wrap(parts, Slot::Danger, &why, width);
    }
    let touch_lacks = view.touch_needed && matches!(model.key, KeyState::Ready { touch: false, .. });
    if touch_lacks && approves {
        wrap(
            parts,
            Slot::Danger,
            "This row asks for a touch; your key proves none: your approval would not count.",
            width,
        );
    }
}

/// `7b1e 90c4 … 55af`
fn spaced(digest: &Digest) -> String {
    let hex = digest.to_string();
    format!("{} {} … {}", &hex[..4], &hex[4..8], &hex[60..])
}

/// The exact statement, as `Ctrl+T` shows it: what is known before the signature.
pub fn statement(model: &Model) -> String {
    let Some(dialog) = model.dialog() else { return String::new() };
    let Some(pin) = dialog.pins.first() else { return String::new() };
    let digests = &pin.digests;
    let mut lines = vec![
        format!("row        {}", pin.row),
        format!("revision   {}", pin.revision),
        format!("decision   {}", dialog.verb.decision(dialog.verdict).word()),
        format!("override   {}", dialog.verb.overrides(dialog.verdict)),
        format!("content    {}", digests.content),
        format!("base       {}", digests.base),
        format!("effect     {}", effect_digest(model, dialog, pin)),
        format!("evidence   {}", digests.evidence),
        format!("presented  {}", digests.presented),
        format!(
            "reviewer           {}",
            model.known.me.as_ref().map(|me| me.id.to_string()).unwrap_or_default()
        ),
    ];
    lines.extend(dialog.agreed().iter().map(|(name, value)| format!("condition  {name}={value}")));
    lines.push("note".to_owned());
    lines.extend(dialog.note_text().lines().map(|line| format!("  {line}")));
    lines.push(String::new());
    lines.push(
        "Time, id, seconds on screen and the head of the record are added when it is signed.".to_owned(),
    );
    lines.join("\n")
}

/// Of the effect with its conditions: what the statement names.
fn effect_digest(model: &Model, dialog: &Dialog, pin: &Pin) -> Digest {
    let approves = dialog.verb.decision(dialog.verdict) == Decision::Approve;
    let body = model.body(pin.row).filter(|_| approves);
    let with = body.and_then(|body| body.view.effect.with_conditions(&dialog.agreed()));
    with.map_or(pin.digests.effect, |effect| effect.digest())
}

pub(super) fn ask(model: &Model, ask: &Ask, canvas: &mut Canvas<'_>) {
    let (title, body, does) = match &ask.about {
        About::TakeBack { row, id } => ("Take back".to_owned(), resting(model, *row, id), "takes it back"),
        About::SendNow { row, .. } => (
            "Send now".to_owned(),
            format!("Your decision on {row} leaves without waiting any longer."),
            "sends it",
        ),
        About::Amend { row, revision, merge } => (
            format!("{} {row}: revision {}, yours", if *merge { "Merge" } else { "Amend" }, revision + 1),
            amendment(model, *row, *revision, *merge),
            "sends it",
        ),
        About::DropChanges { row } => (
            "Take your changes back".to_owned(),
            format!("What you changed of {row} goes: it was not sent, and is not kept any longer."),
            "takes them back",
        ),
        About::Halt { note } => (
            "HALT everything".to_owned(),
            format!(
                "For everybody: no agent drafts, no policy decides, nothing new is executed. What runs is followed to \
                 its end, and the clocks of waiting rows stand still. An administrator ends it, by `dock resume`.\n\
                 Why: {note}"
            ),
            "halts",
        ),
        About::Quit { unsent, drafts, changed } => (
            text::QUIT_UNSENT.to_owned(),
            format!(
                "{} and {} stay on disk. What is unsent leaves when Dock runs again, or by `dock sync`.{}",
                text::plural(*unsent, "unsent decision", "unsent decisions"),
                text::plural(*drafts, "draft", "drafts"),
                match changed {
                    0 => String::new(),
                    rows => format!(
                        "\nWhat you changed on {} was not sent, and stays on disk as you left it.",
                        text::plural(*rows, "row", "rows")
                    ),
                }
            ),
            "leaves",
        ),
    };
    let width = model.size.0.min(80);
    let lines: Vec<Shown> =
        Shown::lines(&body).flat_map(|line| line.wrap(usize::from(width).saturating_sub(3))).collect();
    let height = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(4);
    let area = layout::layer(model, width, height.max(7));
    super::boxed(canvas, area, &title);
    let inside = super::inside(area);
    // The keys are always seen.
    let room = usize::from(inside.height).saturating_sub(2);
    let cut = lines.len() > room;
    let lines = lines.into_iter().take(if cut { room.saturating_sub(1) } else { room });
    let mut y = inside.y;
    for line in lines {
        canvas.line(inside.x, y, inside.width, &Styled::of(Slot::Text, line));
        y += 1;
    }
    if cut {
        canvas.line(inside.x, y, inside.width, &Styled::of(Slot::Watch, "… the row says all of it"));
        y += 1;
    }
    let keys = Styled::of(Slot::Key, "y")
        .text(format!(" {does}     "))
        .add(Slot::Key, "n  Esc")
        .text(" leaves it as it is");
    canvas.line(inside.x, y + 1, inside.width, &keys);
    canvas.cursor(inside.x, y + 1, false);
}

/// The decision that the question is about, and how long the question can still be answered.
fn resting(model: &Model, row: RowId, id: &DecisionId) -> String {
    let entry = model.known.entries.iter().find(|entry| entry.id == *id);
    let left = entry.map(|entry| entry.leaves_at.duration_since(model.now()).as_secs());
    let when = match left {
        Some(left) if left >= 0 => format!("leaves in {} s", left + 1),
        Some(_) | None => "leaves as soon as the backend answers".to_owned(),
    };
    format!("Your newest decision, on {row}, has not left; it {when}. Taken back, nothing is sent.")
}

/// What is sent of the reader's changes, each on a line.
fn amendment(model: &Model, row: RowId, revision: u32, merge: bool) -> String {
    let nothing = Changes::of(revision);
    let changes = model.changes.get(&row).unwrap_or(&nothing);
    let Some(body) = model.body(row) else { return String::new() };
    let mut lines = Vec::new();
    if merge {
        let told =
            "What moved on the page lies apart from the edit: it is taken over to the page as it is now.";
        lines.push(told.to_owned());
    }
    lines.push(match changes.summary() {
        changed if changed.is_empty() => "Nothing is published by it.".to_owned(),
        changed => format!("{changed}. Nothing is published by it."),
    });
    match &body.view.proposal {
        Some(Proposal::Edit(edit)) => {
            for (at, operation) in edit.operations.iter().enumerate() {
                let number = at + 1;
                let what = match () {
                    () if changes.struck.contains(&number) => "struck  ",
                    () if changes.words.contains_key(&number) => "reworded",
                    () => continue,
                };
                lines.push(format!("{what} {number:>3} {}", super::row::edit::short(operation)));
            }
        }
        Some(Proposal::Paper(paper)) => {
            lines.extend(of_sections(paper, changes));
            for (number, line) in super::row::paper::lines(paper, changes) {
                let own = number > paper.timeline.len();
                let what = match changes.lines.get(&number) {
                    _ if own => "added   ",
                    Some(true) => "accepted",
                    Some(false) => "struck  ",
                    None => continue,
                };
                let number = if own { String::new() } else { number.to_string() };
                lines.push(format!(
                    "{what} {number:>3} {}",
                    Shown::untrusted(&line.text.replace('\n', " ")).fit(SAID)
                ));
            }
        }
        Some(Proposal::Live(_)) | None => {}
    }
    lines.push(format!("Keys given to revision {revision} do not count for it. You read it, then decide."));
    lines.join("\n")
}

/// Columns of a line or a sentence in the question.
const SAID: usize = 56;

/// What is sent of the sentences.
fn of_sections(paper: &Paper, changes: &Changes) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = |what: &str, number: String, text: &str| {
        let text = Shown::untrusted(&text.replace('\n', " "));
        lines.push(format!("{what} {number:>3} {}", text.fit(SAID)));
    };
    for (_, told) in super::row::paper::sentences(paper, changes) {
        for (number, told) in told {
            let Told::Paper(sentence) = told else { continue };
            match (changes.sentences.get(&number), changes.words.get(&number)) {
                (Some(false), _) => line("struck  ", number.to_string(), &sentence.text),
                (_, Some(words)) => line("reworded", number.to_string(), words),
                (Some(true), None) => line("accepted", number.to_string(), &sentence.text),
                (None, None) => {}
            }
            if let Some(answer) = changes.answers.get(&number) {
                line("answered", number.to_string(), answer);
            }
        }
    }
    for own in &changes.told {
        line("added   ", String::new(), &format!("{}: {}", own.section, own.text));
    }
    lines
}

pub(super) fn unlock(model: &Model, typing: &Typing, canvas: &mut Canvas<'_>) {
    let area = layout::layer(model, 70, 7);
    super::boxed(canvas, area, "Unlock your key");
    let inside: Rect = super::inside(area);
    if let KeyState::Locked { file, key, .. } = &model.key {
        canvas.line(inside.x, inside.y, inside.width, &Styled::from(format!("Passphrase for {file}")));
        canvas.line(inside.x, inside.y + 1, inside.width, &Styled::of(Slot::Muted, key.as_str()));
    }
    let typed = if typing.input.text().is_empty() { "nothing typed yet" } else { "typed; Enter unlocks" };
    canvas.line(inside.x, inside.y + 3, inside.width, &Styled::of(Slot::Muted, typed));
    canvas.cursor(inside.x, inside.y + 3, true);
}
