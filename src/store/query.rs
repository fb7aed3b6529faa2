//! What can be asked of the rows and of the log.
//!
//! Never: an answer without a limit.

use jiff::Timestamp;

use crate::row::{Kind, Row, RowId, State, search::Query};

/// Which rows. What is empty does not narrow.
#[derive(Debug, Clone, Default)]
pub struct RowQuery {
    pub states: Vec<State>,
    pub kinds: Vec<Kind>,
    pub incident: Option<String>,
    pub subject: Option<String>,
    /// Changed at or after.
    pub since: Option<Timestamp>,
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

/// Rows by what stands in them: those that fit best first, of those that fit alike the newest change.
#[derive(Debug, Clone)]
pub struct Search {
    pub query: Query,
    /// Narrows further. Its place and limit are not looked at.
    pub among: RowQuery,
    /// What times are counted from.
    pub now: Timestamp,
    /// So many that fit better are left out: what earlier pages gave.
    pub skip: usize,
    /// At most so many; [`Search::ROWS_MAX`] where 0 or more than that.
    pub limit: usize,
}

impl Search {
    pub const ROWS_MAX: usize = 200;

    pub fn limit(&self) -> usize {
        if self.limit == 0 { Self::ROWS_MAX } else { self.limit.min(Self::ROWS_MAX) }
    }
}

/// One page of what a search found.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    pub rows: Vec<Row>,
    /// What the next page skips, if there may be one.
    pub next: Option<usize>,
}

impl Found {
    /// The page of a search, with where the next begins.
    pub(super) fn page(rows: Vec<Row>, search: &Search) -> Self {
        let next = (rows.len() == search.limit()).then(|| search.skip.saturating_add(rows.len()));
        Self { rows, next }
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
