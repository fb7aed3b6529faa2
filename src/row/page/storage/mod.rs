//! Confluence's storage format: read as passages, edited as splices of the page's own bytes, digested in a form that its
//! normalisation does not change.
//!
//! Never: rewrites the page from a tree; touches a byte outside of what an operation names.

mod canonical;
mod edit;
mod inline;
mod passages;
mod replace;
mod tree;
mod write;

#[cfg(test)]
mod tests;

pub use tree::{BYTES_MAX, DEPTH_MAX};
pub use write::{in_line, write};

use super::{
    NotApplicable, Operation, Unreadable,
    outline::{Outline, Passage, line, lines_of},
};
use crate::row::Digest;

pub fn read(body: &str) -> Result<Outline, Unreadable> {
    let tree = tree::Tree::parse(body)?;
    let found = passages::passages(&tree)?;
    Ok(Outline { passages: found.into_iter().map(|seen| seen.passage).collect() })
}

pub fn text(body: &str) -> Result<String, Unreadable> {
    let tree = tree::Tree::parse(body)?;
    Ok(passages::passages(&tree)?.iter().map(line).collect())
}

pub(super) fn lines(body: &str) -> Result<Vec<(Passage, String)>, Unreadable> {
    let tree = tree::Tree::parse(body)?;
    Ok(lines_of(passages::passages(&tree)?))
}

/// What is written; a body that cannot be read is digested as it is. Ids are the platform's own here and in no digest.
pub fn digest(body: &str) -> Digest {
    match tree::Tree::parse(body) {
        Ok(tree) => Digest::of(canonical::canonical(&tree)),
        Err(_) => Digest::of(body),
    }
}

pub fn apply(body: &str, operations: &[Operation]) -> Result<String, NotApplicable> {
    edit::apply(body, operations)
}
