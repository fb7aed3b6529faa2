//! A leaf's bytes, from what a commit says and what only the writer knows.
//!
//! Never: IO.

use jiff::Timestamp;

use super::commit::{About, LeafDraft};
use crate::audit::leaf::Leaf;

/// The canonical bytes of an entry (9-formats "Leaves").
pub(super) fn bytes(draft: &LeafDraft, at: Timestamp, prev: Option<u64>) -> Vec<u8> {
    let (row, revision) = match &draft.about {
        About::Row { row, revision } => (Some(*row), Some(*revision)),
        About::Principal(_) => (None, None),
    };
    let (actor, body) = (draft.actor.clone(), draft.body.clone());
    Leaf { actor, at, body, event: draft.event, prev, revision, row }.to_bytes()
}
