//! A runbook while its incident is on: each step with what the system says now, and what became of it.
//!
//! Never: a step that no longer holds told by colour alone; a fact without its age.

use jiff::{SignedDuration, Timestamp};

use super::super::super::canvas::Styled;
use super::super::super::changes::Changes;
use super::super::super::model::{Body, Model};
use super::super::super::shown::Shown;
use super::super::super::text::{self, plural};
use super::super::super::theme::Slot;
use super::{Doc, Item, Pane};
use crate::client::ticks::{self, Tick};
use crate::row::proposal::{Live, LiveFact, LivePart, LiveStep, PartSort, SignedTick};

/// A fact about a system in trouble is not believed for longer.
const FRESH_FOR: SignedDuration = SignedDuration::from_mins(5);
/// Columns of a tick.
const TICK: usize = 8;
/// Columns before a step's text: its number, its tick, and whether it still holds.
const UNDER: usize = TICK + 10;

pub(super) fn steps(model: &Model, body: &Body, live: &Live, doc: &mut Doc) {
    let broken = live.steps.iter().filter(|step| step.broken.is_some()).count();
    let title = format!("STEPS OF {}, LIVE: {}", page(&body.view.head.subject), live.steps.len());
    let told = if broken > 0 {
        format!("{broken} NO LONGER {}", if broken == 1 { "HOLDS" } else { "HOLD" })
    } else {
        String::new()
    };
    doc.heading(Pane::Proposal, &title, &told);
    let nothing = Changes::default();
    let changes = model.changes.get(&body.view.head.id).unwrap_or(&nothing);
    let signed = ticks::signed(&body.view);
    // Where another key is still wanted, the boxes are what this reader would sign.
    let open = body.view.head.state.undecided() || signed.is_empty();
    let (shown, slot) = if open { (&changes.ticks, Slot::Unsent) } else { (&signed, Slot::Text) };
    let first = ticks::signature(&body.view).filter(|_| open);
    for (at, step) in live.steps.iter().enumerate() {
        parts(&step.before, 1, doc);
        doc.item = Some(Item::Part(at + 1));
        self::step(model, (at + 1, step), shown.get(&(at + 1)), slot, doc);
        if let Some((first, tick)) = first.zip(signed.get(&(at + 1))) {
            let when = text::when(first.made_at, model.now(), &model.zone, true);
            let said = format!("signed: {}, by {}, {when}", tick.said(), first.reviewer);
            doc.wrapped(Pane::Proposal, Slot::Ok, UNDER, &said);
        }
        doc.item = None;
    }
    parts(&live.after, 1, doc);
    if let Some(said) = live.not_shown() {
        doc.wrapped(Pane::Proposal, Slot::Watch, 1, &said);
    }
    if open {
        ticked(changes, live.steps.len(), doc);
    } else {
        let said =
            format!("{} of {} ticked, and signed.", signed.len(), plural(live.steps.len(), "step", "steps"));
        doc.wrapped(Pane::Proposal, Slot::Muted, 1, &said);
    }
    super::changed::unsent(model, changes, doc);
}

/// A live row's subject names the page and the incident.
pub(super) fn page(subject: &str) -> &str {
    subject.split_once('@').map_or(subject, |(page, _)| page)
}

/// `said_in`: whether what is said of the step is signed, or still this reader's own.
fn step(
    model: &Model,
    (number, step): (usize, &LiveStep),
    tick: Option<&Tick>,
    said_in: Slot,
    doc: &mut Doc,
) {
    // What is in the record already stands where a tick of this row does, until the reader says something else.
    let before = step.signed.as_ref().and_then(|signed| Tick::read(&signed.said));
    let (said, said_in) = match (tick, &before) {
        (Some(tick), _) => (tick.followed.word(), said_in),
        (None, Some(before)) => (before.followed.word(), Slot::Text),
        (None, None) => ("", said_in),
    };
    let (mark, slot) = if step.broken.is_some() { ("!", Slot::Danger) } else { (" ", Slot::Text) };
    let head = Styled::of(Slot::Title, format!("{number:>4} "))
        .add(said_in, format!("[{said:<TICK$}] "))
        .add(slot, mark)
        .add(slot, " ");
    let indent = head.width();
    let width = doc.width.saturating_sub(indent + 1);
    let mut head = Some(head);
    let slot = if step.deprecated { Slot::Muted } else { slot };
    for part in Shown::untrusted(&step.head()).wrap(width) {
        let before = head.take().unwrap_or_else(|| Styled::from(" ".repeat(indent)));
        doc.push(Pane::Proposal, before.add(slot, part));
    }
    parts(&step.under, indent, doc);
    if let Some(why) = &step.broken {
        doc.wrapped(Pane::Proposal, Slot::Danger, indent, &format!("NO LONGER HOLDS: {why}"));
    }
    for fact in &step.facts {
        self::fact(model.now(), fact, indent, doc);
    }
    if let Some(row) = step.row {
        doc.push(
            Pane::Proposal,
            Styled::from(" ".repeat(indent)).add(Slot::Muted, format!("last touched by {row}")),
        );
    }
    if let Some(SignedTick { said, by, row, at }) = &step.signed {
        let at = text::when(*at, model.now(), &model.zone, true);
        doc.wrapped(Pane::Proposal, Slot::Ok, indent, &format!("signed: {said}, by {by} in {row}, {at}"));
    }
    if let Some(tick) = tick.filter(|tick| !tick.word.is_empty()) {
        let whose = if said_in == Slot::Unsent { "your word" } else { "signed" };
        doc.wrapped(Pane::Proposal, said_in, indent, &format!("{whose}: {}", tick.word));
    }
}

/// What the page says around a step, as it stands there.
fn parts(parts: &[LivePart], indent: usize, doc: &mut Doc) {
    for part in parts {
        let slot = match part.sort {
            PartSort::Heading => Slot::Title,
            PartSort::Text | PartSort::Code => Slot::Text,
            PartSort::Note => Slot::Watch,
        };
        part.lines().iter().for_each(|line| doc.wrapped(Pane::Proposal, slot, indent, line));
    }
}

fn fact(now: Timestamp, fact: &LiveFact, indent: usize, doc: &mut Doc) {
    let age = now.duration_since(fact.read_at);
    let stale = age > FRESH_FOR;
    let told = if stale { format!("STALE {}", text::age(age)) } else { text::age(age) };
    let said = format!("{}: {}", fact.name, fact.value.replace('\n', " "));
    let slot = if stale { Slot::Stale } else { Slot::Info };
    let line = Styled::from(" ".repeat(indent)).add(slot, Shown::untrusted(&said));
    doc.spread(Pane::Proposal, line, &told, if stale { Slot::Stale } else { Slot::Muted }, indent + 2);
}

/// How many steps something is said of: it is signed with the decision.
fn ticked(changes: &Changes, steps: usize, doc: &mut Doc) {
    let said = match changes.ticks.len() {
        0 => "No step is ticked yet: Space says followed, skipped or wrong.".to_owned(),
        count => format!(
            "{} of {} ticked, NOT SIGNED: they are signed with your decision. The rest comes again while the incident is on.",
            count,
            plural(steps, "step", "steps")
        ),
    };
    doc.wrapped(Pane::Proposal, if changes.ticks.is_empty() { Slot::Muted } else { Slot::Unsent }, 1, &said);
}
