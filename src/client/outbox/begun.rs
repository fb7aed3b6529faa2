//! What a reviewer began to change of a proposal and has not sent, kept beside the notes that are being written.
//!
//! Never: read here what it says; sent from here.

use jiff::Timestamp;
use rusqlite::{Row as Record, params};

use super::{Outbox, StoreError, parsed, time};
use crate::row::RowId;

/// Changes of one row's proposal, as they were left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begun {
    pub row: RowId,
    /// The revision whose numbers are meant.
    pub revision: u32,
    /// In words: `1 struck, 2 reworded`. Empty where they make no revision: ticks, and what fits no more.
    pub what: String,
    /// As JSON, in the words of whoever wrote them.
    pub changes: String,
    /// What they were made of, as JSON: a later revision is compared with it.
    pub proposal: String,
    pub since: Timestamp,
    pub saved_at: Timestamp,
}

impl Outbox {
    /// Keeps the changes of a row, in place of those that were kept.
    pub fn save_begun(&self, begun: &Begun) -> Result<(), StoreError> {
        self.ask(|db| {
            db.execute(
                "INSERT INTO begun VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (row) DO UPDATE SET
                 revision = ?2, what = ?3, changes = ?4, proposal = ?5, saved_at = ?7",
                params![
                    begun.row.to_string(),
                    begun.revision,
                    begun.what,
                    begun.changes,
                    begun.proposal,
                    begun.since.as_millisecond(),
                    begun.saved_at.as_millisecond()
                ],
            )
            .map(drop)
        })
    }

    /// All that was begun, newest first.
    pub fn begun(&self) -> Result<Vec<Begun>, StoreError> {
        let sql = "SELECT row, revision, what, changes, proposal, since, saved_at FROM begun ORDER BY saved_at DESC";
        self.list(sql, [], begun)
    }

    pub fn drop_begun(&self, row: RowId) -> Result<(), StoreError> {
        self.ask(|db| db.execute("DELETE FROM begun WHERE row = ?1", [row.to_string()]).map(drop))
    }
}

fn begun(record: &Record<'_>) -> rusqlite::Result<Begun> {
    Ok(Begun {
        row: parsed(record, "row")?,
        revision: record.get("revision")?,
        what: record.get("what")?,
        changes: record.get("changes")?,
        proposal: record.get("proposal")?,
        since: time(record, "since")?,
        saved_at: time(record, "saved_at")?,
    })
}
