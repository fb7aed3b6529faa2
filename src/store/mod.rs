//! The server's database: rows, their bodies, the log that proves them, and the work that follows from them.
//!
//! One trait, coarse methods, one suite of named cases (`suite.rs`) for every implementation: [`memory`] for tests and
//! as the twin that says what is right, [`sqlite`] for a team. PostgreSQL takes its place beside them.
//!
//! [`Store::commit`] is the only write of what anybody decided or did. A row, its leaf, the tree over it and the work
//! that follows land together, from the versions they were computed from, or not at all. Readers compute with pure
//! code from what they read and commit; on [`Committed::Conflict`] they read again. No transaction object escapes.
//! Beside it stands [`Store::turn`]: the place where pipelines wait is to the executor what a platform is, not the record.
//!
//! Never: a state chosen here (that is `lifecycle`), a leaf changed or removed, an index handed out before its leaf
//! is durable, a reader that sees leaf n+1 before leaf n.

use std::{
    collections::{BTreeMap, HashMap},
    future::Future,
    pin::Pin,
};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

use crate::{
    audit::merkle::Hash,
    row::{
        DecisionId, Digest, Draft, Hold, Kind, PrincipalId, Row, RowId,
        waiting::{No, Place, Turn, Waiting},
    },
};

mod commit;
#[cfg(test)]
pub(crate) mod faulty;
#[cfg(test)]
mod histories;
pub mod memory;
mod query;
mod seal;
#[cfg(test)]
mod searches;
pub mod sqlite;
#[cfg(test)]
mod suite;

pub use commit::{
    About, Actor, Commit, Committed, FinalAnswer, LeafDraft, Receipt, Repeatable, RowWrite, Session,
    WorkChange, WorkKind,
};
pub use query::{Changed, Cursor, Found, Leaves, Page, RowQuery, Search};

/// How long a run that waited at Dock itself is kept after its last sign.
pub const WAITING_KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

/// What a method of the store gives: a future that may be boxed, since stores are chosen at start-up.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// What went wrong with the database itself. Nothing of the commit that failed has happened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    #[error("the database {file} cannot be opened: {why}")]
    Open { file: String, why: String },
    #[error(
        "the database {file} has schema {found}; this dock knows {known}: use the newer dock that wrote it"
    )]
    Newer { file: String, found: i64, known: i64 },
    #[error("{file} is a database of another program")]
    Foreign { file: String },
    #[error("the disk is full: nothing was written")]
    Full,
    #[error("the database is damaged: {0}")]
    Damaged(String),
    #[error("the database failed: {0}")]
    Failed(String),
    #[error("the store has stopped")]
    Stopped,
}

/// Where the log stands, and the counters that change with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Names this log among restored copies: 1, and what a `log.epoch` entry says.
    pub epoch: u64,
    /// Leaves so far: the index of the next.
    pub size: u64,
    /// Moves with each change of people, keys, agents, tokens or halt.
    pub authority: u64,
    /// The newest leaf's time.
    pub at: Timestamp,
    /// The next number of each kind of row.
    pub next: BTreeMap<Kind, u64>,
}

/// One entry of the log, as it stands there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    pub index: u64,
    pub bytes: Vec<u8>,
}

/// A decision's final answer, as it was given: the same bytes get the same again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptAnswer {
    /// Over statement and signature as received.
    pub request: Digest,
    pub answer: String,
    /// The leaf that the decision made, accepted or refused.
    pub leaf: Option<u64>,
}

/// Work that was taken under a lease. The fence grows with each taking: what a former holder still tries is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work {
    pub id: u64,
    pub kind: WorkKind,
    pub row: RowId,
    pub payload: String,
    pub fence: u64,
    /// How often it was taken, this time included.
    pub attempts: u32,
    pub leased_until: Timestamp,
}

/// A row with the body of one of its revisions, and where its decisions stand in the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Whole {
    pub row: Row,
    pub draft: Draft,
    pub decisions: Vec<(DecisionId, u64)>,
}

/// Rows, and the position at which all of them are true.
#[derive(Debug, Clone)]
pub struct Snapshot {
    pub head: Head,
    pub rows: Vec<Whole>,
    pub holds: Vec<Hold>,
}

/// The contract. Every method may be called from many tasks at once; each sees whole commits only.
pub trait Store: Send + Sync + 'static {
    /// Writes all of it or nothing, durably, before it answers.
    fn commit(&self, commit: Commit) -> Pending<'_, Committed>;

    /// Takes the oldest work of a kind that is due and that nobody holds, until `now + lease`.
    fn take_work(&self, kind: WorkKind, now: Timestamp, lease: SignedDuration) -> Pending<'_, Option<Work>>;

    /// Frees all leases: at start-up, when whoever held them is gone. Gives how many there were.
    fn reclaim_work(&self) -> Pending<'_, u64>;

    /// One turn of a run that waits at Dock itself ([`crate::row::waiting::turn`]), durable before it answers; or why it is
    /// not taken. Two that are taken at once are taken one after the other.
    fn turn(&self, place: Place, turn: Turn, now: Timestamp) -> Pending<'_, Result<Waiting, No>>;

    /// A run that waits at Dock itself, or waited within [`WAITING_KEPT`].
    fn waiting(&self, place: Place) -> Pending<'_, Option<Waiting>>;

    /// Those that gave a sign at or after `since`, the latest first and no more than `limit`.
    fn waiting_since(&self, since: Timestamp, limit: usize) -> Pending<'_, Vec<Waiting>>;

    fn head(&self) -> Pending<'_, Head>;

    /// The log's size, announced after each durable commit.
    fn grown(&self) -> watch::Receiver<u64>;

    fn row(&self, id: RowId) -> Pending<'_, Option<Row>>;

    fn draft(&self, id: RowId, revision: u32) -> Pending<'_, Option<Draft>>;

    /// Several at once, as one read: what is not there is not in the answer.
    fn drafts(&self, of: Vec<(RowId, u32)>) -> Pending<'_, HashMap<RowId, Draft>>;

    /// The one row of this subject that is not terminal.
    fn open_row(&self, kind: Kind, subject: &str, now: Timestamp) -> Pending<'_, Option<Row>>;

    /// Newest change first, in keyset pages.
    fn rows(&self, query: RowQuery) -> Pending<'_, Page>;

    /// The rows that a query fits, in ranked pages. Looks through the newest revisions and all notes.
    fn search(&self, search: Search) -> Pending<'_, Found>;

    /// A row with a revision's body: the newest, or the one that is asked for.
    fn whole(&self, id: RowId, revision: Option<u32>) -> Pending<'_, Option<Whole>>;

    /// The rows that time may still move: those that are not terminal.
    fn open_rows(&self, now: Timestamp) -> Pending<'_, Vec<Row>>;

    /// Rows whole, with the holds that stand, at one position.
    fn snapshot(&self, which: Changed) -> Pending<'_, Snapshot>;

    /// In the order of the log.
    fn leaves(&self, which: Leaves) -> Pending<'_, Vec<Leaf>>;

    fn answer(&self, id: DecisionId) -> Pending<'_, Option<KeptAnswer>>;

    /// What a principal's idempotency key was answered.
    fn repeated(&self, principal: PrincipalId, key: String) -> Pending<'_, Option<Repeatable>>;

    /// Holds that stand (not lifted), oldest first.
    fn holds(&self) -> Pending<'_, Vec<Hold>>;

    fn blob(&self, digest: Digest) -> Pending<'_, Option<Vec<u8>>>;

    fn session(&self, token: Digest) -> Pending<'_, Option<Session>>;

    /// Complete subtrees of a level from `from` on, at most `count`: a tile, or what a proof asks for.
    fn nodes(&self, level: u8, from: u64, count: u64) -> Pending<'_, Vec<Hash>>;

    /// The root over the first `size` leaves.
    fn root(&self, size: u64) -> Pending<'_, Hash>;

    /// The proof that leaf `index` is in the tree of `size`.
    fn inclusion(&self, index: u64, size: u64) -> Pending<'_, Vec<Hash>>;

    /// The proof that the tree of `old` leaves begins the tree of `new`.
    fn consistency(&self, old: u64, new: u64) -> Pending<'_, Vec<Hash>>;

    /// Signature lines of witnesses over the head of `size`.
    fn cosignatures(&self, size: u64) -> Pending<'_, Vec<String>>;
}

/// How a store is set up when it is made; an existing one keeps what it has.
#[derive(Debug, Clone, Default)]
pub struct Setup {
    /// Where the counters of rows begin; 1 where a kind is not named.
    pub first_numbers: BTreeMap<Kind, u64>,
}

impl Setup {
    fn first(&self, kind: Kind) -> u64 {
        self.first_numbers.get(&kind).copied().unwrap_or(1)
    }
}
