//! Holds: what was declined, stays declined, and does not page again.
//!
//! Never: a hold without the person and the reason.

use super::super::canvas::Styled;
use super::super::model::Model;
use super::super::shown::Shown;
use super::super::text;
use super::super::theme::Slot;
use crate::row::Hold;

/// Those that stand, newest first.
pub fn items(model: &Model) -> Vec<Hold> {
    let mut holds: Vec<Hold> =
        model.known.holds.iter().filter(|hold| hold.lifted.is_none()).cloned().collect();
    holds.sort_by_key(|hold| std::cmp::Reverse(hold.since));
    holds
}

/// The hold under the cursor, in full.
pub(super) fn detail(model: &Model, cursor: usize) -> Vec<(Slot, String)> {
    let Some(hold) = items(model).into_iter().nth(cursor) else { return Vec::new() };
    let since = text::when(hold.since, model.now(), &model.zone, false);
    vec![
        (Slot::Title, format!("{}: declined by {} at {since}, {}", hold.subject, hold.by, hold.row)),
        (Slot::Text, hold.note),
        (Slot::Muted, "It stands until the drift changes, its incident closes, or a person lifts it: `dock holds lift`.".to_owned()),
    ]
}

pub fn lines(model: &Model, width: u16) -> Vec<Styled> {
    let holds = items(model);
    if holds.is_empty() {
        return vec![Styled::from("No hold stands.")];
    }
    let line = |hold: &Hold| {
        let since = text::when(hold.since, model.now(), &model.zone, false);
        let incident = hold.incident.clone().unwrap_or_else(|| "-".to_owned());
        let head = Styled::of(Slot::Title, format!("{:<20} ", hold.subject))
            .add(Slot::Muted, format!("{} {incident:<9} {since} ", &hold.drift.short()[..8]))
            .text(format!("{}: ", hold.by));
        let room = usize::from(width).saturating_sub(head.width() + 2);
        head.text(Shown::untrusted(&hold.note.replace('\n', " ")).fit(room))
    };
    holds.iter().map(line).collect()
}
