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
    #[error(transparent)]
    Page(#[from] outline::Unreadable),
}

impl Operation {
    /// It says the same of a passage that reads the same, wherever that stands by now.
    pub fn says_as(&self, other: &Self) -> bool {
        let anchor = Anchor { text: other.anchor.text.clone(), ..self.anchor.clone() };
        *self == Self { anchor, ..other.clone() }
    }
}

impl Edit {
    pub const OPERATIONS_MAX: usize = 64;

    /// The page's body with all operations carried out; or none of them.
    pub fn apply(&self, body: &Body) -> Result<Body, NotApplicable> {
        outline::apply(body, &self.operations)
    }

    /// Without the operations that a reviewer struck, and with other blocks where they were reworded. Numbers are from 1.
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
                let blocks = match &mut operation.action {
                    Action::InsertBefore { blocks }
                    | Action::InsertAfter { blocks }
                    | Action::Replace { blocks } => blocks,
                    Action::ReplaceValue { .. } | Action::MarkDeprecated { .. } => {
                        return Err(no(number, "it has no text of its own; strike it instead"));
                    }
                };
                blocks.clone_from(new);
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
