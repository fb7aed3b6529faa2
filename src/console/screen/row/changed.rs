//! What stands below a proposal that its reader has begun to change: what is not sent, and what fits no more.
//!
//! Never: an unsent change that looks as if the row said so.

use super::super::super::canvas::Styled;
use super::super::super::changes::Changes;
use super::super::super::keymap::Command;
use super::super::super::model::Model;
use super::super::super::theme::Slot;
use super::{Doc, Pane};

pub(super) fn unsent(model: &Model, changes: &Changes, doc: &mut Doc) {
    if changes.amends() {
        let said = if changes.sending {
            format!(" {}: being sent …", changes.summary())
        } else {
            let key = model.keymap.key_of(Command::Amend).unwrap_or_else(|| ":amend".to_owned());
            format!(
                " {}, NOT SENT: {key} makes it revision {}, yours",
                changes.summary(),
                changes.revision + 1
            )
        };
        doc.wrapped(Pane::Proposal, Slot::Unsent, 1, &said);
    }
    if let Some(why) = &changes.error {
        doc.wrapped(Pane::Proposal, Slot::Danger, 1, &format!("not taken: {why}"));
    }
    if !changes.lost.is_empty() {
        doc.push(
            Pane::Proposal,
            Styled::of(Slot::Watch, " what you had begun on the revision before, and fits none of this one:"),
        );
        for lost in &changes.lost {
            doc.wrapped(Pane::Proposal, Slot::Watch, 3, lost);
        }
    }
}
