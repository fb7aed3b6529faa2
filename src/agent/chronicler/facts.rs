//! What the chronicler has on the table: one incident's story, and what became of earlier drafts about it.
//!
//! Never: a platform's own types.

use jiff::Timestamp;

use super::rules::Limits;
use crate::{
    agent::{
        facts::{Asked, Asks, Past},
        story::Story,
    },
    row::{
        PrincipalId, RowId,
        paper::{Paper, Place},
    },
};

/// Everything that one draft is made from.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    pub story: Story,
    /// Where it is published.
    pub place: Place,
    /// Whoever led the response is asked first.
    pub reviewers: Vec<PrincipalId>,
    pub limits: Limits,
    /// The newest revision, where people changed it: their words stay.
    pub before: Option<Before>,
    pub past: Asked<Vec<Past>>,
    /// The notes that sent it back, the first first.
    pub notes: Vec<Note>,
    pub read_at: Timestamp,
}

/// A note that sent the row back, with the paper that its writer read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    pub asks: Asks,
    pub row: RowId,
    pub paper: Paper,
}

/// What stood in the row before this draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Before {
    pub paper: Paper,
    pub amended_by: Vec<PrincipalId>,
}
