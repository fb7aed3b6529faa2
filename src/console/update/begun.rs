//! What the reader began to change of proposals, kept on disk as it is changed, and there again after a crash.
//!
//! After each event what is in memory is compared with what is on disk, so that no way of changing it is forgotten.
//! Never: lost with a process; carried to another revision without being told.

use std::collections::BTreeSet;

use super::super::changes::Changes;
use super::super::dialog::SAVE_AFTER_MS;
use super::super::effect::Effect;
use super::super::model::{Layer, Model};
use super::super::text::plural;
use super::super::theme::Slot;
use crate::client::Begun;
use crate::row::{Proposal, RowId};

/// Writes what is not on disk yet. A text that is being typed is written once a second, and whenever `leaves`.
pub(super) fn keep(model: &mut Model, leaves: bool) -> Vec<Effect> {
    model.keep_due_ms = None;
    let typed = typed(model);
    let rows: BTreeSet<RowId> = model.changes.keys().copied().chain(typed.iter().map(|one| one.0)).collect();
    let mut effects = Vec::new();
    let mut current = BTreeSet::new();
    for row in rows {
        let Some(changes) = with_typed(model, row, typed.as_ref()) else { continue };
        current.insert(row);
        let Ok(text) = serde_json::to_string(&changes) else { continue };
        if model.known.begun.get(&row).is_some_and(|kept| kept.changes == text) {
            continue;
        }
        let due = model.kept_ms + SAVE_AFTER_MS;
        if typed.as_ref().is_some_and(|one| one.0 == row) && model.at.ms < due && !leaves {
            model.keep_due_ms = Some(due);
            continue;
        }
        if let Some(begun) = begun(model, row, &changes, text) {
            model.known.begun.insert(row, begun.clone());
            model.held.insert(row);
            model.kept_ms = model.at.ms;
            effects.push(Effect::SaveBegun(begun));
        }
    }
    let gone: Vec<RowId> = model.held.difference(&current).copied().collect();
    for row in gone {
        model.held.remove(&row);
        model.known.begun.remove(&row);
        effects.push(Effect::DropBegun { row });
    }
    effects
}

/// The words that are being typed, where they are not as they were.
fn typed(model: &Model) -> Option<(RowId, usize, String)> {
    let reword = model.layers.iter().rev().find_map(|layer| match layer {
        Layer::Reword(reword) => Some(reword),
        _ => None,
    })?;
    let text = reword.text();
    let own = !text.trim().is_empty() && text.trim_end() != reword.before.trim_end();
    own.then_some((reword.row, reword.number, text))
}

fn with_typed(model: &Model, row: RowId, typed: Option<&(RowId, usize, String)>) -> Option<Changes> {
    let revision = || model.body(row).map(|body| body.view.head.revision);
    let mut changes = match model.changes.get(&row) {
        Some(changes) => changes.clone(),
        None => Changes::of(revision()?),
    };
    if let Some((_, number, text)) = typed.filter(|one| one.0 == row) {
        changes.words.insert(*number, text.clone());
    }
    // Ticks are kept with the note of the decision that will sign them.
    (changes.amends() || (!changes.lost.is_empty() && changes.ticks.is_empty())).then_some(changes)
}

fn begun(model: &Model, row: RowId, changes: &Changes, text: String) -> Option<Begun> {
    let before = model.known.begun.get(&row);
    let view = model.body(row).map(|body| &body.view);
    let of = view.filter(|view| view.head.revision == changes.revision);
    let proposal = match (of.and_then(|view| view.proposal.as_ref()), before) {
        (Some(proposal), _) => serde_json::to_string(proposal).ok()?,
        (None, Some(before)) => before.proposal.clone(),
        (None, None) => return None,
    };
    let now = model.now();
    Some(Begun {
        row,
        revision: changes.revision,
        what: changes.summary(),
        changes: text,
        proposal,
        since: before.map_or(now, |before| before.since),
        saved_at: now,
    })
}

/// What was kept of a row that is opened, where the reader has begun nothing of it since.
pub(super) fn restore(model: &mut Model, row: RowId) {
    let Some(kept) = model.known.begun.get(&row).filter(|_| !model.changes.contains_key(&row)) else {
        return;
    };
    let Some(view) = model.body(row).map(|body| &body.view) else { return };
    let revision = view.head.revision;
    if !view.head.state.undecided() || revision < kept.revision {
        return;
    }
    let (Ok(changes), Ok(was)) = (
        serde_json::from_str::<Changes>(&kept.changes),
        serde_json::from_str::<Option<Proposal>>(&kept.proposal),
    ) else {
        model.tell(
            Slot::Watch,
            &format!("{row}: what you had begun to change cannot be read; it stays on disk"),
        );
        return;
    };
    let me = model.known.me.as_ref().map(|me| &me.id);
    let mine = me.is_some() && view.revised_by.as_ref() == me;
    let since = super::super::text::when(kept.since, model.now(), &model.zone, false);
    if revision == kept.revision {
        let changes = Changes { sending: false, ..changes };
        let said = format!("{row}: what you had begun to change is there again, as of {since}");
        model.changes.insert(row, changes);
        model.tell(Slot::Info, &said);
    } else {
        // What was on its way when the console ended has arrived, where the next revision is the reader's own.
        let changes = if changes.sending && mine { changes.taken() } else { changes };
        let lost = changes.lost.len();
        let nothing = Proposal::Edit(crate::row::page::Edit::default());
        let now = view.proposal.clone().unwrap_or_else(|| nothing.clone());
        let next = changes.carried(&was.unwrap_or(nothing), &now, revision);
        let next = Changes { sending: false, error: None, ..next };
        let gone = next.lost.len() - lost;
        let gone = plural(gone, "change of yours fits", "changes of yours fit");
        let said = format!(
            "{row}: revision {revision} came since {since}; {gone} none of it, see below the proposal"
        );
        let told = next.lost.len() > lost;
        if !next.is_empty() {
            model.changes.insert(row, next);
        }
        if told {
            model.tell(Slot::Watch, &said);
        }
    }
    model.held.insert(row);
}
