//! What the chronicler has on the table: one incident's story, and what became of earlier drafts about it.
//!
//! Never: a platform's own types.

use jiff::Timestamp;

use super::rules::Limits;
use crate::{
    agent::{
        facts::{Asks, Asked, Past},
        story::Story,
    },
    row::{PrincipalId, page::Site, paper::Paper},
};

/// Everything that one draft is made from.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    pub story: Story,
    /// Where it is published.
    pub place: Destination,
    /// Whoever led the response is asked first.
    pub reviewers: Vec<PrincipalId>,
    pub limits: Limits,
    /// The newest revision, where people changed it: their words stay.
    pub before: Option<Before>,
    pub past: Asked<Vec<Past>>,
    /// The note that sent it back.
    pub asks: Option<Asks>,
    pub read_at: Timestamp,
}

/// The page tree that papers are published in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    pub site: Site,
    pub space: String,
    pub parent: Option<String>,
    pub environment: String,
}

/// What stood in the row before this draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Before {
    pub paper: Paper,
    pub amended_by: Vec<PrincipalId>,
}
