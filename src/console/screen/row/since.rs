//! What became of it since: what moved, what was decided, where it all comes from.
//!
//! Never: silent about a base that could not be read again.

use super::super::super::canvas::Styled;
use super::super::super::keymap::Command;
use super::super::super::model::{Body, Model};
use super::super::super::moved;
use super::super::super::shown::Shown;
use super::super::super::signers;
use super::super::super::text;
use super::super::super::theme::Slot;
use super::{Doc, Pane};
use crate::client::Fate;
use crate::row::page::Since;
use crate::row::{Decision, State};
use crate::wire::{DecisionView, RowView};

/// What moved, for the preview's last line.
pub(in super::super) fn moved_in_short(body: &Body) -> String {
    match &body.fresh {
        _ if is_settled(body) => "base not compared: it was acted on".to_owned(),
        Some(Ok(fresh)) if fresh.moved.is_empty() => "base moved: no".to_owned(),
        Some(Ok(fresh)) => format!("BASE MOVED: {}", text::plural(fresh.moved.len(), "thing", "things")),
        Some(Err(_)) => "base moved: UNKNOWN".to_owned(),
        None => "base not read again yet".to_owned(),
    }
}

/// It was answered or carried out: what differs from the base now is what was done, and decides nothing any more.
fn is_settled(body: &Body) -> bool {
    let state = body.view.head.state;
    !state.undecided() && state != State::Approved
}

pub(super) fn what_moved(model: &Model, body: &Body, doc: &mut Doc) {
    doc.heading(Pane::Moved, "WHAT MOVED", "");
    let now = model.now();
    let label = |label: &str| Styled::of(Slot::Muted, format!(" {label:<24}"));
    match &body.fresh {
        _ if is_settled(body) => {
            let at = |at| text::when(at, now, &model.zone, true);
            let said = if let Some(done) = &body.view.execution {
                format!("not compared: executed {}, which moves the base itself", at(done.intended_at))
            } else {
                let head = &body.view.head;
                format!("not compared: {} {}", text::state_short(head.state), at(head.changed_at))
            };
            doc.push(Pane::Moved, label("since the draft").add(Slot::Muted, said));
        }
        Some(Ok(fresh)) if fresh.moved.is_empty() => {
            let read = text::when(fresh.read_at, now, &model.zone, true);
            doc.push(Pane::Moved, label("since the draft").text(format!("nothing (base read {read})")));
        }
        Some(Ok(fresh)) => {
            let read = text::when(fresh.read_at, now, &model.zone, true);
            let said = Styled::of(
                Slot::Watch,
                format!("{} (base read {read})", text::plural(fresh.moved.len(), "thing", "things")),
            );
            doc.push(Pane::Moved, label("since the draft").join(said));
            for moved in &fresh.moved {
                doc.wrapped(Pane::Moved, Slot::Watch, 5, &moved::in_words(&body.view.base_read, moved));
            }
            if let Some(since) = &fresh.since {
                on_the_page(model, since, doc);
            }
        }
        Some(Err(why)) => {
            doc.push(Pane::Moved, label("since the draft").add(Slot::Unknown, format!("UNKNOWN: {why}")));
        }
        None if model.link.away() => {
            let said = "UNKNOWN: the backend is away, the base is not read";
            doc.push(Pane::Moved, label("since the draft").add(Slot::Unknown, said));
        }
        None => doc.push(Pane::Moved, label("since the draft").add(Slot::Muted, "reading the base …")),
    }
    let Some(opened) = &body.opened else {
        doc.push(Pane::Moved, label("since you opened it").add(Slot::Muted, text::NOT_OPENED_BEFORE));
        return;
    };
    let moved = match &opened.view {
        Some(view) => moved::between(Some(view), &body.view, now, &model.zone),
        None => opened_base(body, opened.revision, opened.base.as_ref()),
    };
    let since = format!("since you opened r{}", opened.revision);
    match moved.split_first() {
        None => doc.push(Pane::Moved, label(&since).text("nothing")),
        Some((first, rest)) => {
            doc.push(Pane::Moved, label(&since).add(Slot::Changed, first.as_str()));
            for line in rest {
                doc.wrapped(Pane::Moved, Slot::Changed, 5, line);
            }
        }
    }
}

/// What moved on the page that an edit is for, which operations that touches, and whether they can be merged.
fn on_the_page(model: &Model, since: &Since, doc: &mut Doc) {
    if since.diff.is_empty() && since.closed.is_none() {
        doc.wrapped(
            Pane::Moved,
            Slot::Watch,
            5,
            "its text reads as before: formatting, macros or properties",
        );
    }
    for line in since.diff.lines().filter(|line| !line.starts_with("--- ") && !line.starts_with("+++ ")) {
        let slot = match line.as_bytes().first() {
            Some(b'+') => Slot::Added,
            Some(b'-') => Slot::Removed,
            _ => Slot::Muted,
        };
        doc.wrapped(Pane::Moved, slot, 5, line);
    }
    for touched in &since.touched {
        doc.wrapped(Pane::Moved, Slot::Danger, 5, &format!("TOUCHES {}", touched.sentence()));
    }
    let key = model.keymap.key_of(Command::Merge).unwrap_or_else(|| ":merge".to_owned());
    match model.disabled(Command::Merge) {
        None => {
            let said =
                format!("{key} merges the edit with it: a revision of yours, to be approved on its own");
            doc.wrapped(Pane::Moved, Slot::Changed, 5, &said);
        }
        Some(why) => doc.wrapped(Pane::Moved, Slot::Watch, 5, &format!("cannot be merged by {key}: {why}")),
    }
}

fn opened_base(body: &Body, revision: u32, base: Option<&crate::row::Base>) -> Vec<String> {
    let mut lines = Vec::new();
    if revision != body.view.head.revision {
        lines.push(format!("r{} came; what r{revision} said is not cached", body.view.head.revision));
    }
    let moved = base.map(|base| base.moved(&body.view.base_read)).unwrap_or_default();
    lines.extend(moved.iter().map(|moved| moved::in_words(&body.view.base_read, moved)));
    lines
}

pub(super) fn decided(model: &Model, body: &Body, doc: &mut Doc) {
    let view = &body.view;
    doc.heading(Pane::Decided, "DECIDED SO FAR", "");
    if let Some(can) = signers::can_still(view) {
        let keys = signers::keys(view, model.now(), &model.zone);
        let nothing = if view.decisions.is_empty() { "nothing yet; " } else { "" };
        doc.wrapped(Pane::Decided, Slot::Text, 1, &format!("{nothing}{keys}"));
        for ask in &view.asks {
            let slot = if ask.missing() == 0 { Slot::Text } else { Slot::Watch };
            doc.wrapped(Pane::Decided, slot, 1, &format!("asked for: {}", ask.sentence()));
        }
        doc.wrapped(Pane::Decided, Slot::Muted, 1, &format!("can still: {can}"));
    }
    for decision in &view.decisions {
        decision_lines(model, view, decision, doc);
    }
    if let Some(policy) = &view.policy {
        doc.push(Pane::Decided, Styled::of(Slot::Text, format!(" auto ({policy})")));
    }
    if let Some(execution) = &view.execution {
        let begun = text::when(execution.intended_at, model.now(), &model.zone, true);
        let done = match execution.confirmed_at {
            Some(at) => format!("read back {}", text::when(at, model.now(), &model.zone, true)),
            None => "not read back yet".to_owned(),
        };
        doc.push(Pane::Decided, Styled::of(Slot::Text, format!(" executed from {begun}, {done}")));
    }
    if let Some(outcome) = &view.outcome {
        let at = text::when(outcome.checked_at, model.now(), &model.zone, true);
        let slot = if outcome.state == crate::row::State::Healthy { Slot::Ok } else { Slot::Watch };
        doc.wrapped(
            Pane::Decided,
            slot,
            1,
            &format!("{} at {at}: {}", text::outcome(outcome.state), outcome.detail),
        );
    }
    for entry in
        model.known.entries.iter().filter(|entry| entry.row == view.head.id && entry.fate != Fate::TakenBack)
    {
        let (slot, said) = super::super::outbox::words(model, entry);
        doc.wrapped(
            Pane::Decided,
            slot,
            1,
            &format!("you: {} r{}. {said}", entry.decision.past(), entry.revision),
        );
    }
}

fn decision_lines(model: &Model, view: &RowView, decision: &DecisionView, doc: &mut Doc) {
    let at = text::when(decision.at, model.now(), &model.zone, false);
    let mut line = Styled::of(Slot::Title, format!(" {}", decision.reviewer)).text(format!(
        " {} r{} {at}",
        decision.decision.past(),
        decision.revision
    ));
    if decision.overrides {
        line = line.add(Slot::Watch, " overridden");
    }
    for (name, value) in &decision.conditions {
        line = line.text(format!(" with {name}={value}"));
    }
    let mut facts = vec![format!("touch {}", decision.touch.word())];
    facts.extend(decision.offline.then(|| "made offline".to_owned()));
    facts.extend(decision.log_index.map(|index| format!("entry {}", text::grouped(index))));
    if decision.revision != view.head.revision && decision.decision == Decision::Approve {
        facts.push("for an earlier revision: does not count".to_owned());
    }
    doc.push(Pane::Decided, line.add(Slot::Muted, format!("   {}", facts.join(", "))));
    if let Some(note) = &decision.note {
        doc.wrapped(Pane::Decided, Slot::Text, 3, note.as_str());
    }
    if let Some(why) = decision.counts_no_more() {
        doc.wrapped(Pane::Decided, Slot::Watch, 3, &why);
    }
}

pub(super) fn pointers(body: &Body, doc: &mut Doc) {
    doc.heading(Pane::Pointers, "WHERE IT COMES FROM", "");
    for pointer in &body.view.pointers {
        let name = Shown::untrusted(&format!("{:<22} ", pointer.name));
        let reference = Shown::untrusted(&pointer.reference);
        let x = u16::try_from(name.width() + 1).unwrap_or(1);
        let width = u16::try_from(reference.width()).unwrap_or(0);
        doc.push(Pane::Pointers, Styled::from(" ").add(Slot::Muted, name).add(Slot::Link, reference));
        if let Some(last) = doc.lines.last_mut() {
            last.link = Some((x, width, pointer.url.clone()));
        }
    }
    let digests = body.view.digests();
    doc.push(
        Pane::Pointers,
        Styled::of(
            Slot::Muted,
            format!(" content sha256:{}  base {}", digests.content.short(), body.view.base_read.sentence()),
        ),
    );
}
