//! The operations of an edit, numbered as `dock amend` takes them.
//!
//! Never: what is signed; that is the text above them.

use super::out;
use crate::{
    row::{
        Proposal,
        page::{Operation, named},
    },
    wire::RowView,
};

/// A line each, with whose words they are; none where the row proposes no edit.
pub(super) fn lines(view: &RowView) -> Vec<String> {
    let Some(Proposal::Edit(edit)) = &view.proposal else { return Vec::new() };
    let id = view.head.id;
    let mut lines = vec![format!("OPERATIONS, by number (`dock amend {id} --strike N`, `--edit N`)")];
    lines.extend(edit.operations.iter().enumerate().map(|(at, operation)| line(at + 1, operation)));
    lines
}

fn line(number: usize, operation: &Operation) -> String {
    let (what, near) = named(operation);
    let place: Vec<&str> = operation.anchor.path.iter().map(String::as_str).collect();
    let place = if place.is_empty() { String::new() } else { format!(" {} ›", place.join(" › ")) };
    let near = if near.is_empty() { String::new() } else { format!(" {near}") };
    let text = operation.anchor.text.replace('\n', " ");
    let anchor = if text.is_empty() { String::new() } else { format!(" “{text}”") };
    let by = operation.by.as_ref().map(|by| format!(" (words by {by})")).unwrap_or_default();
    out::safe(&format!("{number}. {what}{place}{near}{anchor}{by}; because {}", operation.because))
}
