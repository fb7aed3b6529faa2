//! What can be asked of the rows and of the log.
//!
//! Never: an answer without a limit.

use jiff::Timestamp;

use crate::row::{Kind, Row, RowId, State};

/// Which rows. What is empty does not narrow.
#[derive(Debug, Clone, Default)]
pub struct RowQuery {
    pub states: Vec<State>,
    pub kinds: Vec<Kind>,
    pub incident: Option<String>,
    pub subject: Option<String>,
    /// Changed at or after.
    pub since: Option<Timestamp>,
    /// Words that all occur, each as the beginning of one, in id, title, subject, rationale, incident or notes.
    pub search: Option<String>,
    /// What follows this place.
    pub after: Option<Cursor>,
    /// At most so many; [`RowQuery::ROWS_MAX`] where 0 or more than that.
    pub limit: usize,
}

impl RowQuery {
    pub const ROWS_MAX: usize = 1_000;

    pub fn limit(&self) -> usize {
        if self.limit == 0 { Self::ROWS_MAX } else { self.limit.min(Self::ROWS_MAX) }
    }
}

/// A place in the order "newest change first".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor {
    pub changed_at: Timestamp,
    pub row: RowId,
}

impl Cursor {
    pub fn of(row: &Row) -> Self {
        Self { changed_at: row.changed_at, row: row.id }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    pub rows: Vec<Row>,
    /// Where the next page begins, if there may be one.
    pub next: Option<Cursor>,
}

/// Which rows a console wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changed {
    /// Not terminal at `now`, or changed at or after `since`.
    Since { since: Timestamp, now: Timestamp },
    /// Told of in the log from this index on.
    From(u64),
}

/// Which entries of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaves {
    /// From this index on, at most so many.
    From { index: u64, limit: usize },
    /// All of one row: each names its predecessor.
    OfRow(RowId),
    /// All that move the authority, from this index on.
    Authority { from: u64 },
    /// Between two times: the indexes only have to be looked up once, the times never fall.
    Between { since: Timestamp, until: Timestamp, limit: usize },
}

impl Leaves {
    pub const LEAVES_MAX: usize = 10_000;
}

/// The words of a search or of a text: letters and digits, in small letters.
pub fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase)
}
