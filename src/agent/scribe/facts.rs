//! What the scribe has on the table when it drafts: one incident's story, the page as it is, what reviewers said.
//!
//! Never: a platform's own types, but the page that operations are made for.

use jiff::Timestamp;

pub use crate::agent::{
    facts::{Asked, Asks, Past},
    story::{Around, Event, EventKind, Said, Story},
};
use crate::row::{
    Moved, Pointer, PrincipalId, RowId,
    page::{Edit, Page, Runbook},
};

/// All that one draft rests on.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    pub story: Story,
    /// As the config names the page: `CONF-4711`.
    pub name: String,
    pub runbook: Runbook,
    pub page: Page,
    /// What its author is called, where Dock or the platform knows that.
    pub written_by: Option<String>,
    pub read_at: Timestamp,
    pub on_call: Asked<Vec<PrincipalId>>,
    /// Who answers for the scribe: they may not decide on its rows, and are not asked to.
    pub owner: Option<PrincipalId>,
    /// What people decided about this page before, newest first.
    pub past: Asked<Vec<Past>>,
    /// What reviewers asked of the revisions before this one, the first first.
    pub asks: Vec<Asks>,
    pub before: Option<Before>,
    /// What was ticked on the incident's live runbook and signed, by the step's text.
    pub ticks: Vec<Tick>,
    /// Other incidents that have something to say of this page.
    pub also: Vec<Also>,
}

/// An incident that waits for the row of another one to be over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Also {
    pub title: String,
    /// Its reference is the incident's name.
    pub pointer: Pointer,
}

/// The revision that is replaced.
#[derive(Debug, Clone, PartialEq)]
pub struct Before {
    pub row: RowId,
    pub revision: u32,
    pub edit: Edit,
    /// The reviewers who changed it: what they left out and wrote stands.
    pub amended_by: Vec<PrincipalId>,
    /// What of the page has moved since.
    pub moved: Vec<Moved>,
    /// Who wrote the page as it is now, as Dock knows them, else as its platform does.
    pub moved_by: String,
    /// The page as that revision was made for it, as text; empty where it is not known.
    pub text: String,
}

/// What who was on call said of one step of the live runbook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tick {
    pub step: String,
    /// `followed`, `skipped`, `wrong: gone since the move`.
    pub word: String,
    pub by: String,
    pub at: Timestamp,
    pub pointer: Pointer,
}
