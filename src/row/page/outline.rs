//! A page as a list of passages in order, and what is done to it in terms of them.
//!
//! Never: a passage whose text is not on the page; a byte changed outside of what an operation names.

use super::{
    Anchor, Block, Body, NotApplicable, Operation, Site,
    anchor::{self, Target},
    notion, storage,
};
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
    /// The headings above it, outermost first; of a long one its first [`HEADING_MAX`] characters.
    pub path: Vec<String>,
    /// How deep it lies in lists: 0 for an item of an outermost one, and for what lies in none.
    pub depth: u8,
    /// Its plain text, white space collapsed but in code.
    pub text: String,
    /// Where its links go.
    pub links: Vec<String>,
    /// It begins struck out: superseded, and what replaces it may follow.
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
    /// A macro, layout or block of a type that Dock carries and does not read, by its name. Its text may be empty.
    Opaque(String),
}

/// A page that Dock does not touch.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the page cannot be read: {0}")]
pub struct Unreadable(pub String);

/// A page has at most so many.
pub const PASSAGES_MAX: usize = 50_000;

/// So many characters of a heading stand in the paths of what lies under it.
pub const HEADING_MAX: usize = 120;

/// A numbered step, or a bullet, as drafts look for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step<'a> {
    /// Its place among the passages, from 0.
    pub at: usize,
    /// As the page numbers it.
    pub number: u32,
    pub passage: &'a Passage,
}

impl Outline {
    /// The numbered steps, in order; those of sub-lists among them, by their depth.
    pub fn steps(&self) -> impl Iterator<Item = Step<'_>> {
        self.passages.iter().enumerate().filter_map(|(at, passage)| match passage.kind {
            PassageKind::Step(number) => Some(Step { at, number, passage }),
            _ => None,
        })
    }

    /// The passages whose text holds all of these words, whatever their case, with their places.
    pub fn with_words<'a>(&'a self, words: &str) -> impl Iterator<Item = (usize, &'a Passage)> {
        let words: Vec<String> = words.split_whitespace().map(str::to_lowercase).collect();
        self.passages.iter().enumerate().filter(move |(_, passage)| {
            let text = passage.text.to_lowercase();
            !words.is_empty() && words.iter().all(|word| text.contains(word.as_str()))
        })
    }

    /// Where the passage of this anchor stands, where that is under another heading than the anchor says.
    pub fn elsewhere(&self, anchor: &Anchor) -> Option<String> {
        match anchor::find(self.passages.iter(), anchor).ok()? {
            Target::Passage(at) => anchor::under_another(anchor, at, &self.passages),
            Target::Top => None,
        }
    }

    /// The passages under a heading, by its text; those under its own headings among them.
    pub fn under<'a>(&'a self, heading: &'a str) -> impl Iterator<Item = (usize, &'a Passage)> {
        let within = move |passage: &Passage| passage.path.iter().any(|above| above == heading);
        self.passages.iter().enumerate().filter(move |(_, passage)| within(passage))
    }
}

impl Passage {
    /// How an operation names it.
    pub fn anchor(&self) -> Anchor {
        Anchor { id: self.id.clone(), path: self.path.clone(), text: self.text.clone() }
    }
}

/// The page's passages, in order.
pub fn read(body: &Body) -> Result<Outline, Unreadable> {
    match body {
        Body::Storage(body) => storage::read(body),
        Body::Blocks(blocks) => notion::read(blocks),
    }
}

/// The page as text, a passage a line or several: what differences are made of.
pub fn text(body: &Body) -> Result<String, Unreadable> {
    match body {
        Body::Storage(body) => storage::text(body),
        Body::Blocks(blocks) => notion::text(blocks),
    }
}

/// The page's passages, each with its lines of that text.
pub(super) fn lines(body: &Body) -> Result<Vec<(Passage, String)>, Unreadable> {
    match body {
        Body::Storage(body) => storage::lines(body),
        Body::Blocks(blocks) => notion::lines(blocks),
    }
}

/// Over the canonical form: with the blocks' ids, or without. A body that cannot be read is digested as it is.
pub fn digest(body: &Body, ids: bool) -> Digest {
    match body {
        Body::Storage(body) => storage::digest(body),
        Body::Blocks(blocks) => notion::digest(blocks, ids),
    }
}

/// The body with all operations carried out; or none of them.
pub fn apply(body: &Body, operations: &[Operation]) -> Result<Body, NotApplicable> {
    match body {
        Body::Storage(body) => storage::apply(body, operations).map(Body::Storage),
        Body::Blocks(blocks) => notion::apply(blocks, operations).map(Body::Blocks),
    }
}

/// Blocks as a site keeps them.
pub fn write(site: Site, blocks: &[Block]) -> Body {
    match site {
        Site::Confluence => Body::Storage(storage::write(blocks)),
        Site::Notion => Body::Blocks(notion::write(blocks)),
    }
}

/// A passage as it was found, and where.
#[derive(Debug)]
pub(super) struct Seen<P> {
    pub(super) passage: Passage,
    /// Its text for reading: links with where they go, what is struck out between `~~`.
    pub(super) shown: String,
    /// Of code.
    pub(super) language: String,
    pub(super) place: P,
}

/// The headings above, while a page is walked.
#[derive(Debug, Clone, Default)]
pub(super) struct Trail(Vec<(u8, String)>);

impl Trail {
    /// The path of a passage of this kind and text; a heading is above what comes after it.
    pub(super) fn path(&mut self, kind: &PassageKind, text: &str) -> Vec<String> {
        let PassageKind::Heading(level) = kind else {
            return self.0.iter().map(|(_, heading)| heading.clone()).collect();
        };
        self.0.retain(|(above, _)| above < level);
        let path = self.0.iter().map(|(_, heading)| heading.clone()).collect();
        self.0.push((*level, text.chars().take(HEADING_MAX).collect()));
        path
    }
}

/// Passages, each with its lines of text.
pub(super) fn lines_of<P>(seen: Vec<Seen<P>>) -> Vec<(Passage, String)> {
    seen.into_iter()
        .map(|seen| {
            let line = line(&seen);
            (seen.passage, line)
        })
        .collect()
}

/// A passage as lines of text.
pub(super) fn line<P>(seen: &Seen<P>) -> String {
    let indent = "  ".repeat(usize::from(seen.passage.depth));
    let shown = &seen.shown;
    match &seen.passage.kind {
        PassageKind::Heading(level) => format!("{indent}{} {shown}\n", "#".repeat(usize::from(*level))),
        PassageKind::Step(number) => format!("{indent}{number}. {shown}\n"),
        PassageKind::Bullet => format!("{indent}- {shown}\n"),
        PassageKind::Paragraph | PassageKind::TableRow => format!("{indent}{shown}\n"),
        PassageKind::Opaque(name) if shown.is_empty() => format!("{indent}[macro {name}]\n"),
        PassageKind::Opaque(name) => format!("{indent}[macro {name}] {shown}\n"),
        PassageKind::Code => {
            let fence = fence(shown);
            let code: String = shown.split('\n').map(|line| format!("{indent}{line}\n")).collect();
            format!("{indent}{fence}{}\n{code}{indent}{fence}\n", seen.language)
        }
    }
}

/// Longer than any row of backticks in the code.
pub(super) fn fence(code: &str) -> String {
    let longest = code.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    "`".repeat(longest.max(2) + 1)
}
