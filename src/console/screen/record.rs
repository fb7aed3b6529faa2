//! The record: every accepted and every refused attempt, with its place and its proof.
//!
//! Never: says more than was proved.

use super::super::canvas::Styled;
use super::super::model::{Model, Record};
use super::super::shown::Shown;
use super::super::text;
use super::super::theme::Slot;
use crate::client::Fate;

pub fn lines(model: &Model, record: &Record, width: u16) -> Vec<Styled> {
    let Some(row) = record.row else { return own(model) };
    match model.body(row).and_then(|body| body.attempts.as_ref()) {
        None => vec![Styled::of(
            Slot::Muted,
            if model.link.away() {
                "The backend is away; what this row went through is not cached."
            } else {
                "…"
            },
        )],
        Some(Err(why)) => vec![Styled::of(Slot::Unknown, format!("UNKNOWN: {why}"))],
        Some(Ok(attempts)) => attempts
            .iter()
            .map(|attempt| {
                let at = text::when(attempt.at, model.now(), &model.zone, true);
                let head = Styled::of(Slot::Muted, format!("{:>8}  {at}  ", text::grouped(attempt.index)))
                    .add(Slot::Title, format!("{:<12} ", attempt.actor))
                    .text(format!("{:<20} ", attempt.event));
                let room = usize::from(width).saturating_sub(head.width() + 2);
                head.text(Shown::untrusted(&attempt.detail).fit(room))
            })
            .collect(),
    }
}

/// The entry under the cursor, in full.
pub(super) fn detail(model: &Model, record: &Record) -> Vec<(Slot, String)> {
    let Some(row) = record.row else { return Vec::new() };
    let attempts = model.body(row).and_then(|body| body.attempts.as_ref()?.as_ref().ok());
    let Some(attempt) = attempts.and_then(|attempts| attempts.get(record.view.cursor)) else {
        return Vec::new();
    };
    vec![
        (
            Slot::Title,
            format!(
                "entry {} of the record: {} by {}",
                text::grouped(attempt.index),
                attempt.event,
                attempt.actor
            ),
        ),
        (Slot::Text, attempt.detail.clone()),
        (Slot::Muted, format!("`dock audit show {}` prints it and checks it", attempt.index)),
    ]
}

/// What was signed in this home, with what is proved of it.
fn own(model: &Model) -> Vec<Styled> {
    let lines: Vec<Styled> = model
        .known
        .entries
        .iter()
        .map(|entry| {
            let at = text::when(entry.made_at, model.now(), &model.zone, true);
            let (slot, proof) = match &entry.fate {
                Fate::Accepted { log_index, receipt, .. } => {
                    let proved = if receipt.as_ref().is_some_and(|receipt| !receipt.is_empty()) {
                        "proved to be in the record"
                    } else {
                        "not proved yet"
                    };
                    (Slot::Ok, format!("entry {}, {proved}", text::grouped(*log_index)))
                }
                fate => (Slot::Muted, fate.word().replace('_', " ")),
            };
            Styled::of(Slot::Muted, format!("{at}  "))
                .add(Slot::Title, format!("{:<10}", entry.row.to_string()))
                .text(format!("{:<14} ", entry.decision.word().replace('_', " ")))
                .add(slot, proof)
        })
        .collect();
    if lines.is_empty() { vec![Styled::from("You have signed nothing here yet.")] } else { lines }
}
