//! An edit as operations on a page's blocks, each with its anchor, its reason and what it rests on.
//!
//! Never: a page's whole new text; a block that no operation names and that changes anyway.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Body, outline};
use crate::row::{Pointer, PrincipalId};

/// What is proposed for a page, in the order of the page.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    pub operations: Vec<Operation>,
}

/// One operation: where, what, why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Operation {
    pub anchor: Anchor,
    pub action: Action,
    /// One sentence: what of the incident it comes from.
    pub because: String,
    /// What it rests on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pointers: Vec<Pointer>,
    /// The reviewer whose words these are, where they are no longer the agent's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<PrincipalId>,
}

impl Edit {
    /// The title of an edit that was called so while it was another one: the first operation, and how many more.
    #[must_use]
    pub fn retitled(&self, title: &str, was: &Self) -> String {
        let (Some(first), Some(before)) = (self.operations.first(), was.operations.first()) else {
            return title.to_owned();
        };
        let called = match title.rsplit_once(", and ") {
            Some((called, more)) if more.ends_with(" more") => called,
            _ => title,
        };
        let same = first.action == before.action && first.anchor.text == before.anchor.text;
        let called = if same { called.to_owned() } else { first.phrase() };
        match self.operations.len() - 1 {
            0 => called,
            more => format!("{called}, and {more} more"),
        }
    }
}

impl Operation {
    /// What it does, from itself alone.
    pub fn phrase(&self) -> String {
        let there = || quoted(&self.anchor.text);
        match &self.action {
            Action::InsertBefore { blocks } | Action::InsertAfter { blocks } => {
                format!("Insert {}", quoted(&blocks.first().map(Block::line).unwrap_or_default()))
            }
            Action::Replace { .. } => format!("Replace {}", there()),
            Action::ReplaceValue { was, is } => format!("Replace {was} with {is}"),
            Action::MarkDeprecated { .. } => format!("Mark {} as deprecated", there()),
        }
    }
}

/// Bytes of a block's text in a title.
const QUOTED_BYTES_MAX: usize = 160;

fn quoted(text: &str) -> String {
    let line: Vec<&str> =
        text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()).collect();
    let line = line.join(" ");
    if line.len() <= QUOTED_BYTES_MAX {
        return format!("“{line}”");
    }
    let mut end = QUOTED_BYTES_MAX - '…'.len_utf8();
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    format!("“{}…”", &line[..end])
}

impl Block {
    /// Its first line of text.
    fn line(&self) -> String {
        let of = |pieces: &[Piece]| -> String { pieces.iter().map(Piece::text).collect() };
        match self {
            Self::Heading { text, .. } | Self::Paragraph { text } | Self::Item { text, .. } => of(text),
            Self::Code { code, .. } => code.clone(),
            Self::Table { rows } => {
                rows.first().and_then(|row| row.first()).map(|cell| of(cell)).unwrap_or_default()
            }
        }
    }
}

/// The block that an operation is about, named so that it is found again on a page that moved elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Anchor {
    /// The platform's own id of the block, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The headings above it, outermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub path: Vec<String>,
    /// The block's own plain text; empty for the top of the page.
    pub text: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    InsertBefore {
        blocks: Vec<Block>,
    },
    /// At the top of the page, where the anchor's text is empty.
    InsertAfter {
        blocks: Vec<Block>,
    },
    Replace {
        blocks: Vec<Block>,
    },
    /// One value within the block's text.
    ReplaceValue {
        was: String,
        is: String,
    },
    /// The block stays, struck out, with what replaces it after it.
    MarkDeprecated {
        instead: Vec<Piece>,
    },
}

/// A block that is to be written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case", deny_unknown_fields)]
pub enum Block {
    Heading {
        /// 1 to 6; Notion knows 1 to 3.
        level: u8,
        text: Vec<Piece>,
    },
    Paragraph {
        text: Vec<Piece>,
    },
    /// An item of a list; `depth` 0 is outermost.
    Item {
        ordered: bool,
        depth: u8,
        text: Vec<Piece>,
    },
    Code {
        /// Empty where it is none that is known.
        language: String,
        code: String,
    },
    /// A table; the first row is its head.
    Table {
        rows: Vec<Vec<Vec<Piece>>>,
    },
}

/// A piece of text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Piece {
    Plain(String),
    Strong(String),
    Code(String),
    Link { text: String, url: String },
}

/// Why an edit cannot be carried out on a page.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotApplicable {
    #[error("operation {number}: {why}")]
    Operation {
        /// From 1, as people are shown them.
        number: usize,
        why: String,
    },
    /// Of a post-mortem's timeline.
    #[error("line {number}: {why}")]
    Line { number: usize, why: String },
    /// Of a post-mortem's sections.
    #[error("sentence {number}: {why}")]
    Sentence { number: usize, why: String },
    #[error(transparent)]
    Page(#[from] outline::Unreadable),
}

impl Operation {
    /// It says the same of a passage that reads the same, wherever that stands by now.
    pub fn says_as(&self, other: &Self) -> bool {
        let anchor = Anchor { text: other.anchor.text.clone(), ..self.anchor.clone() };
        *self == Self { anchor, ..other.clone() }
    }

    /// What it writes, as a person may put it in other words: its blocks, the new value, what stands behind a passage that
    /// is struck out.
    pub fn written(&self) -> Vec<Block> {
        match &self.action {
            Action::InsertBefore { blocks } | Action::InsertAfter { blocks } | Action::Replace { blocks } => {
                blocks.clone()
            }
            Action::ReplaceValue { is, .. } => {
                vec![Block::Paragraph { text: vec![Piece::Plain(is.clone())] }]
            }
            Action::MarkDeprecated { instead } => vec![Block::Paragraph { text: instead.clone() }],
        }
    }

    /// The same in other words; else why these cannot be its words.
    pub fn reword(&mut self, new: &[Block]) -> Result<(), &'static str> {
        let line = || match new {
            [Block::Paragraph { text } | Block::Item { text, .. }] => Some(text),
            _ => None,
        };
        match &mut self.action {
            Action::InsertBefore { blocks } | Action::InsertAfter { blocks } | Action::Replace { blocks } => {
                *blocks = new.to_vec();
            }
            Action::MarkDeprecated { instead } => {
                let text = line().ok_or("what stands behind a struck-out passage is one line of text")?;
                instead.clone_from(text);
            }
            Action::ReplaceValue { was, is } => {
                let text: String =
                    line().ok_or("a value is one line of text")?.iter().map(Piece::text).collect();
                let text = text.trim();
                if text.is_empty() || text == was {
                    return Err("the value would stay as it is; strike the operation instead");
                }
                text.clone_into(is);
            }
        }
        Ok(())
    }
}

impl Piece {
    /// Without its marks.
    pub fn text(&self) -> &str {
        let (Self::Plain(text) | Self::Strong(text) | Self::Code(text) | Self::Link { text, .. }) = self;
        text
    }
}

/// What stands behind a struck-out passage: a space, and a word that says what the line through it means.
pub(super) fn beside_struck(instead: &[Piece]) -> Vec<Piece> {
    let text: String = instead.iter().map(Piece::text).collect();
    if text.trim().is_empty() {
        return vec![Piece::Plain(" Deprecated.".to_owned())];
    }
    let named = text.trim_start().to_lowercase().starts_with("deprecated");
    let mut pieces = instead.to_vec();
    if let Some(Piece::Plain(text) | Piece::Strong(text) | Piece::Code(text) | Piece::Link { text, .. }) =
        pieces.first_mut()
    {
        *text = text.trim_start().to_owned();
    }
    pieces.insert(0, Piece::Plain(if named { " " } else { " Deprecated: " }.to_owned()));
    pieces
}

impl Edit {
    pub const OPERATIONS_MAX: usize = 64;

    /// The page's body with all operations carried out; or none of them.
    pub fn apply(&self, body: &Body) -> Result<Body, NotApplicable> {
        outline::apply(body, &self.operations)
    }

    /// Without the operations that a reviewer struck, and with other words where they were reworded. Numbers are from 1.
    pub fn amended(
        &self,
        by: &PrincipalId,
        struck: &[usize],
        reworded: &BTreeMap<usize, Vec<Block>>,
    ) -> Result<Self, NotApplicable> {
        let count = self.operations.len();
        let no = |number: usize, why: &str| NotApplicable::Operation { number, why: why.to_owned() };
        if let Some(number) = struck.iter().chain(reworded.keys()).find(|n| **n == 0 || **n > count) {
            return Err(no(*number, &format!("there is none; it has {count}")));
        }
        let mut operations = Vec::new();
        for (at, operation) in self.operations.iter().enumerate() {
            let number = at + 1;
            if struck.contains(&number) {
                continue;
            }
            let mut operation = operation.clone();
            if let Some(new) = reworded.get(&number) {
                operation.reword(new).map_err(|why| no(number, why))?;
                operation.by = Some(by.clone());
            }
            operations.push(operation);
        }
        Ok(Self { operations })
    }
}

/// What a link may go to; anything else is shown as text.
pub(super) fn is_web(url: &str) -> bool {
    ["https://", "http://", "mailto:"].iter().any(|scheme| {
        url.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
            && url.len() > scheme.len()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operation(text: &str) -> Operation {
        let blocks = vec![Block::Paragraph { text: vec![Piece::Plain(text.to_owned())] }];
        let anchor = Anchor { id: None, path: vec![], text: format!("before {text}") };
        let because = "It was so.".to_owned();
        Operation { anchor, action: Action::InsertAfter { blocks }, because, pointers: vec![], by: None }
    }

    #[test]
    fn a_title_says_what_is_left_of_the_edit() {
        let edit = |texts: &[&str]| Edit { operations: texts.iter().map(|text| operation(text)).collect() };
        let was = edit(&["one", "two", "three"]);
        let title = "Add step: one, and wait, and 2 more";
        for (left, expected) in [
            (edit(&["one", "two", "three"]), title),
            (edit(&["one", "three"]), "Add step: one, and wait, and 1 more"),
            (edit(&["one"]), "Add step: one, and wait"),
            (edit(&["two", "three"]), "Insert “two”, and 1 more"),
            (edit(&["other"]), "Insert “other”"),
            (edit(&[]), title),
        ] {
            assert_eq!(left.retitled(title, &was), expected);
        }
        assert_eq!(edit(&["one", "two"]).retitled("Add step: one", &was), "Add step: one, and 1 more");
        assert_eq!(operation(&"ä".repeat(200)).phrase().chars().count(), "Insert “…”".chars().count() + 78);
    }
}
