//! A page as a list of passages in order, and what is done to it in terms of them.
//!
//! Never: a passage whose text is not on the page; a byte changed outside of what an operation names.

use super::{Block, Body, NotApplicable, Operation, Site};
use crate::row::Digest;

/// A page as people read it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outline {
    pub passages: Vec<Passage>,
}

/// One block of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passage {
    /// The platform's own id, where it has one.
    pub id: Option<String>,
    pub kind: PassageKind,
    /// The headings above it, outermost first.
    pub path: Vec<String>,
    /// How deep it lies in lists.
    pub depth: u8,
    /// Its plain text, white space collapsed but in code.
    pub text: String,
    /// Where its links go.
    pub links: Vec<String>,
    /// It is struck out or marked as deprecated.
    pub deprecated: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PassageKind {
    Heading(u8),
    Paragraph,
    /// An item of an ordered list, with its number from 1.
    Step(u32),
    Bullet,
    Code,
    /// A table's row, cells joined by ` | `.
    TableRow,
    /// A macro, layout or block of a type that Dock carries and does not read, by its name.
    Opaque(String),
}

/// A page that Dock does not touch.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the page cannot be read: {0}")]
pub struct Unreadable(pub String);

/// The page's passages, in order.
pub fn read(_body: &Body) -> Result<Outline, Unreadable> {
    Err(Unreadable("nothing reads it yet".to_owned()))
}

/// The page as text, a passage a line: what differences are made of.
pub fn text(_body: &Body) -> Result<String, Unreadable> {
    Err(Unreadable("nothing reads it yet".to_owned()))
}

/// Over the canonical form: with the blocks' ids, or without. A body that cannot be read is digested as it is.
pub fn digest(body: &Body, _ids: bool) -> Digest {
    match body {
        Body::Storage(text) => Digest::of(text),
        Body::Blocks(blocks) => Digest::of(serde_json::to_vec(blocks).unwrap_or_default()),
    }
}

/// The body with all operations carried out; or none of them.
pub fn apply(_body: &Body, _operations: &[Operation]) -> Result<Body, NotApplicable> {
    Err(Unreadable("nothing reads it yet".to_owned()).into())
}

/// Blocks as a site keeps them.
pub fn write(site: Site, _blocks: &[Block]) -> Body {
    match site {
        Site::Confluence => Body::Storage(String::new()),
        Site::Notion => Body::Blocks(Vec::new()),
    }
}
