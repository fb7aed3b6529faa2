//! What any agent is asked to do by whoever started it, and what it tells of its doings.
//!
//! Never: a secret, or text that is safe to print as it is.

use jiff::Timestamp;

use crate::{
    row::{Draft, RowId},
    wire::DraftAnswer,
};

/// What one run is asked to do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wish {
    /// Only this application, service or incident.
    pub only: Option<String>,
    /// Draft and show; send nothing, and do not wait for anything to settle.
    pub dry_run: bool,
}

/// What an agent did or met.
#[derive(Debug, Clone, PartialEq)]
pub enum Told {
    Answered {
        subject: String,
        answer: DraftAnswer,
    },
    /// With `--dry-run`: what would have been sent.
    Draft(Box<Draft>),
    /// Why nothing is done about a subject; said once while it stays so.
    Rest {
        subject: String,
        why: String,
    },
    Trouble {
        what: String,
        error: String,
    },
}

/// What an opening is about, in the key under which it counts once. Dock tells of rows that ended within a day: the same
/// again after that is a new occasion by its day.
pub(super) fn occasion(newest: Option<RowId>, read_at: Timestamp) -> String {
    let day = read_at.as_second().div_euclid(24 * 60 * 60);
    format!("open on {day} after {}", newest.map_or_else(|| "none".to_owned(), |row| row.to_string()))
}
