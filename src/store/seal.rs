//! A leaf's bytes, from what a commit says and what only the writer knows.
//!
//! Never: IO.

use jiff::Timestamp;

use super::commit::{About, LeafDraft};
use crate::row::c1;

/// The canonical bytes of an entry (9-formats "Leaves").
pub(super) fn bytes(draft: &LeafDraft, at: Timestamp, prev: Option<u64>) -> Vec<u8> {
    let actor = c1::map([("id", draft.actor.id.as_str().into()), ("kind", draft.actor.kind.word().into())]);
    let leaf = c1::map([
        ("actor", actor),
        ("at", at.into()),
        ("body", draft.body.clone()),
        ("event", draft.event.name().into()),
        ("v", "1".into()),
    ]);
    let leaf = leaf.with_some("prev", prev);
    c1::to_bytes(&match &draft.about {
        About::Row { row, revision } => leaf.with("row", row.to_string()).with("revision", *revision),
        About::Principal(_) => leaf,
    })
}
