//! What effects bring back, and what the home tells by itself.
//!
//! Never: takes an answer for a screen that went.

use std::collections::BTreeMap;

use super::super::changes::Changes;
use super::super::decide;
use super::super::effect::{Answer, Effect, LinkState, Snapshot};
use super::super::model::{Body, Layer, Model, Screen};
use super::super::queue::Line;
use super::super::text;
use super::super::theme::Slot;
use super::{begun, layers, list_changed, lists, paging, proposal, screens, telemetry, why};
use crate::client::{Begun, Entry, Fate, Listed};
use crate::row::{Decision, Grade, RowId};
use crate::wire::Fresh;

#[expect(clippy::too_many_lines, reason = "one line an answer")]
pub(super) fn take(model: &mut Model, answer: Answer) -> Vec<Effect> {
    model.dirty = true;
    match answer {
        Answer::Known(snapshot) => known(model, *snapshot),
        Answer::All { rows, holds, me } => {
            let all: std::collections::BTreeSet<RowId> = rows.iter().map(|row| row.id).collect();
            let gone: Vec<RowId> =
                model.known.rows.keys().filter(|row| !all.contains(row)).copied().collect();
            model.known.over.clear();
            model.known.holds = holds;
            model.known.me = me.or(model.known.me.take());
            changed(model, rows, &gone)
        }
        Answer::Changed { rows, gone } => changed(model, rows, &gone),
        Answer::Over(rows) => over(model, rows),
        Answer::Found { number, found } => {
            lists::found(model, number, found);
            Vec::new()
        }
        Answer::Holds(holds) => {
            model.known.holds = holds;
            list_changed(model);
            Vec::new()
        }
        Answer::Outbox { entries, drafts } => outbox(model, entries, drafts),
        Answer::TicksKept(row) => {
            proposal::ticks_kept(model, row);
            Vec::new()
        }
        Answer::Begun(all) => begun_came(model, all),
        Answer::Link(link) => {
            let broke = link.broken.is_some() && model.link.broken.is_none();
            let back = model.link.away() && link.state == LinkState::Synced;
            model.link = link;
            model.missed = model.missed.filter(|_| !back);
            if back {
                model.found.back(model.at.ms);
            }
            let fresh = model
                .subject()
                .filter(|_| back && !model.screens.is_empty())
                .map(|row| Effect::Fresh { row });
            if broke {
                list_changed(model);
            }
            let incident = back.then(|| screens::incident_back(model)).flatten();
            fresh.into_iter().chain(incident).collect()
        }
        Answer::Row { row, body } => body_came(model, row, body),
        Answer::Compared { row, visit, mode, diff } => {
            if let Some(Screen::Diff(screen)) = model.screens.last()
                && (screen.row, screen.visit, screen.mode) == (row, visit, mode)
            {
                screens::take_diff(model, diff);
            }
            Vec::new()
        }
        Answer::Fresh { row, fresh } => {
            let Some(body) = model.bodies.get_mut(&row) else { return Vec::new() };
            let diff_of = |fresh: &Option<Result<Fresh, String>>| match fresh {
                Some(Ok(fresh)) => Some(fresh.diff.clone()),
                _ => None,
            };
            let before = diff_of(&body.fresh);
            let had_moved = matches!(&body.fresh, Some(Ok(was)) if !was.moved.is_empty());
            // What moved has moved, though it could not be read once more.
            if fresh.is_ok() || !had_moved {
                body.fresh = Some(fresh.map(|fresh| *fresh));
            }
            let differs = diff_of(&body.fresh) != before;
            let waits = matches!(model.screens.last(), Some(Screen::Diff(screen)) if screen.row == row
                && (screen.diff.is_none() || differs && screen.mode == super::super::model::Mode::SinceDraft));
            if waits { screens::compare(model) } else { Vec::new() }
        }
        Answer::History { row, attempts } => {
            if let Some(body) = model.bodies.get_mut(&row) {
                body.attempts = Some(attempts);
            }
            Vec::new()
        }
        Answer::Series { look, series } => {
            telemetry::came(model, look, series.map(|told| *told));
            Vec::new()
        }
        Answer::Key(key) => {
            decide::key_came(model, key);
            Vec::new()
        }
        Answer::Alone => {
            model.elsewhere = None;
            model.tell(Slot::Ok, text::ALONE);
            Vec::new()
        }
        Answer::Signed { row, signed } => signed_came(model, row, signed),
        Answer::TakenBack { row, taken } => {
            let said = if taken { text::TAKEN_BACK } else { text::LEFT_ALREADY };
            model.tell(Slot::Info, &format!("{row}: {said}"));
            Vec::new()
        }
        Answer::Amended { row, revision } => {
            proposal::amended(model, row, revision);
            Vec::new()
        }
        Answer::Why { visit, told } => {
            why::came(model, visit, &told);
            Vec::new()
        }
        Answer::Incident { visit, known } => {
            screens::incident_came(model, visit, |screen| screen.cached = Some(known));
            Vec::new()
        }
        Answer::IncidentTold { visit, told } => {
            screens::incident_came(model, visit, |screen| screen.told = told);
            Vec::new()
        }
        Answer::Edited(edited) => {
            layers::edited(model, edited);
            Vec::new()
        }
        Answer::Told(what) => {
            model.tell(Slot::Info, &what);
            Vec::new()
        }
    }
}

/// What another console of this home left.
fn begun_came(model: &mut Model, all: Vec<Begun>) -> Vec<Effect> {
    model.known.begun = all.into_iter().map(|begun| (begun.row, begun)).collect();
    list_changed(model);
    Vec::new()
}

fn known(model: &mut Model, snapshot: Snapshot) -> Vec<Effect> {
    let Snapshot { me, list, holds, seen, entries, drafts, begun: all, link } = snapshot;
    let known = &mut model.known;
    known.me = me;
    known.over = list.over.into_iter().collect();
    known.rows = list.rows.into_iter().map(|row| (row.id, row)).collect();
    known.holds = holds;
    known.seen = seen.into_iter().map(|seen| (seen.row, seen)).collect();
    known.set_entries(entries);
    known.drafts = drafts;
    // What was decided on in the meantime has nothing left to change.
    let over = |begun: &Begun| {
        known.entries.iter().any(|entry| {
            entry.row == begun.row
                && entry.revision >= begun.revision
                && matches!(entry.fate, Fate::Accepted { .. })
                && matches!(entry.decision, Decision::Approve | Decision::Decline)
        })
    };
    let (over, open): (Vec<Begun>, Vec<Begun>) = all.into_iter().partition(over);
    known.begun = open.into_iter().map(|begun| (begun.row, begun)).collect();
    let over = over.into_iter().map(|begun| Effect::DropBegun { row: begun.row }).collect();
    model.link = link;
    if model.queue.lines.is_empty() {
        paging::begin(model);
        lists::begin_anew(model);
        return over;
    }
    list_changed(model);
    let mut effects: Vec<Effect> = over;
    effects.extend(reload_open(model, |_, _| true));
    effects
}

/// What was only counted has been read, because somebody looks at it.
fn over(model: &mut Model, rows: Result<Vec<Listed>, String>) -> Vec<Effect> {
    model.reading_over = false;
    let rows = match rows {
        Ok(rows) => rows,
        Err(why) => {
            model.tell(Slot::Watch, &why);
            Vec::new()
        }
    };
    for row in rows {
        // What was told of a row meanwhile is newer.
        if model.known.over.remove(&row.id).is_some() {
            model.known.rows.insert(row.id, row);
        }
    }
    // What was not found any more is not counted any more.
    model.known.over.clear();
    if model.queue.unfolded || !model.filter.is_empty() {
        lists::settle(model);
    } else {
        list_changed(model);
    }
    Vec::new()
}

fn changed(model: &mut Model, rows: Vec<Listed>, gone: &[RowId]) -> Vec<Effect> {
    for row in rows {
        model.known.put(row);
    }
    for row in gone {
        model.known.over.remove(row);
        // Its line stays until the order is made anew, and longer where the cursor has come to stand on it.
        if let Some(head) = model.known.rows.remove(row)
            && model.queue.lines.contains(&Line::Row(*row))
        {
            model.queue.ghosts.insert(*row, head);
        }
    }
    list_changed(model);
    let mut effects = reload_open(model, |head, body| head.changed_at > body.view.head.changed_at);
    effects.extend(screens::incident_again(model));
    effects
}

/// Bodies that are shown and no longer what their head says are read again.
fn reload_open(model: &mut Model, behind: impl Fn(&Listed, &Body) -> bool) -> Vec<Effect> {
    let rows: Vec<RowId> = model
        .bodies
        .iter()
        .filter(|(row, body)| model.head(**row).is_some_and(|head| behind(head, body)))
        .map(|(row, _)| *row)
        .collect();
    rows.into_iter().map(|row| Effect::LoadRow { row }).collect()
}

fn outbox(model: &mut Model, entries: Vec<Entry>, drafts: Vec<crate::client::NoteDraft>) -> Vec<Effect> {
    let mut again = Vec::new();
    let mut moved = Vec::new();
    for entry in &entries {
        let before = model.known.entries.iter().find(|old| old.id == entry.id).map(|old| &old.fate);
        if before == Some(&entry.fate) {
            continue;
        }
        match &entry.fate {
            Fate::Refused { message, .. } | Fate::Overtaken { message } if before.is_some() => {
                if matches!(&entry.fate, Fate::Refused { code, .. } if code == "base_moved") {
                    moved.push(Effect::Fresh { row: entry.row });
                }
                model.tell(Slot::Danger, &format!("{}: {message}", entry.row));
                again.push(entry.row);
            }
            Fate::TakenBack if before.is_some() => again.push(entry.row),
            Fate::Accepted { log_index, .. } if before.is_some_and(Fate::unsent) => {
                // What was ticked is in the record now; what was to be changed of a row that was sent back waits for it.
                let left = model
                    .changes
                    .remove(&entry.row)
                    .map(|changes| Changes { ticks: BTreeMap::new(), ..changes });
                if let Some(left) =
                    left.filter(|left| entry.decision == Decision::NeedsChanges && left.amends())
                {
                    model.changes.insert(entry.row, left);
                }
                let entry_no = text::grouped(*log_index);
                model.tell(Slot::Ok, &format!("{}: accepted, entry {entry_no} of the record.", entry.row));
            }
            _ => {}
        }
    }
    model.known.set_entries(entries);
    // What was ticked is not in the record, and went from the disk when it was signed. It goes there before what was ticked
    // elsewhere meanwhile is taken over.
    moved.extend(again.into_iter().flat_map(|row| proposal::keep_again(model, row, &drafts)));
    proposal::drafts_came(model, drafts);
    layers::left_meanwhile(model);
    list_changed(model);
    moved
}

fn body_came(model: &mut Model, row: RowId, body: Result<Box<Body>, String>) -> Vec<Effect> {
    model.loading.remove(&row);
    let mut body = match body {
        Ok(body) => *body,
        Err(why) => {
            model.missed = Some(row);
            model.tell(Slot::Watch, &format!("{row}: {why}"));
            return Vec::new();
        }
    };
    let unknown = body.view.signals.iter().any(|signal| signal.signal.verdict == Grade::Unknown);
    if unknown && body.view.head.state.undecided() {
        model.unknown.insert(row);
    } else {
        model.unknown.remove(&row);
    }
    let before = model.bodies.remove(&row);
    if let Some(before) = &before {
        // What the reader had open before this visit stays what "since you opened it" is told against.
        body.opened = before.opened.clone().or(body.opened);
        if before.view.head.base == body.view.head.base
            && before.view.head.revision == body.view.head.revision
        {
            body.fresh.clone_from(&before.fresh);
        } else {
            // What was read of its base was compared with another one.
            model.base_asked = model.base_asked.filter(|(asked, _)| *asked != row);
        }
        body.attempts.clone_from(&before.attempts);
    }
    let same_head =
        model.known.rows.get(&row).is_some_and(|head| head.changed_at == body.view.head.changed_at);
    model.known.put(Listed::from(&body.view.head));
    let diff = std::sync::Arc::clone(&body.diff);
    let same_text = before.as_ref().is_some_and(|before| before.view.diff == body.view.diff);
    screens::keep_body(model, row, body);
    decide::check_pin(model, row, before.as_ref().map(|before| &before.view));
    let mut kept = proposal::moved(model, row, before.as_ref().map(|before| &before.view));
    begun::restore(model, row);
    kept.extend(proposal::restore(model, row));
    for screen in &mut model.screens {
        if let Screen::Diff(screen) = screen
            && screen.row == row
            && screen.mode == super::super::model::Mode::Draft
            && !screen.loose
            && !same_text
        {
            screen.diff = Some(std::sync::Arc::clone(&diff));
            screens::diff_lines(screen);
        }
    }
    if !same_head {
        list_changed(model);
    }
    kept
}

fn signed_came(model: &mut Model, row: RowId, signed: Result<Box<Entry>, String>) -> Vec<Effect> {
    match signed {
        Ok(entry) => {
            let leaves_at = Some(entry.leaves_at).filter(|_| !model.link.away());
            let said = if model.link.away() {
                format!("{row}: signed. It waits here until the backend answers; u takes it back.")
            } else {
                format!("{row}: signed.")
            };
            model.known.drafts.retain(|draft| (draft.row, draft.revision) != (row, entry.revision));
            let mut entries = std::mem::take(&mut model.known.entries);
            entries.insert(0, *entry);
            model.known.set_entries(entries);
            model.queue.marked.remove(&row);
            model.done_with = Some(row).filter(|_| !model.screens.is_empty());
            let done = model.dialog_mut().is_none_or(|dialog| {
                dialog.signing = dialog.signing.saturating_sub(1);
                dialog.touched_ms = None;
                dialog.pins.retain(|pin| pin.row != row);
                dialog.signing == 0 && dialog.error.is_none()
            });
            if done {
                model.layers.retain(|layer| !matches!(layer, Layer::Decision(_) | Layer::Moved(_)));
            }
            model.tell(Slot::Unsent, &said);
            if let Some(notice) = &mut model.notice {
                notice.leaves_at = leaves_at;
            }
            list_changed(model);
        }
        Err(why) => {
            let shown = format!("{row}: {why}");
            match model.dialog_mut() {
                Some(dialog) => {
                    dialog.signing = dialog.signing.saturating_sub(1);
                    dialog.typed.clear();
                    dialog.error = Some(shown);
                }
                None => model.tell(Slot::Danger, &shown),
            }
        }
    }
    Vec::new()
}
