//! The one write: what goes into it and what comes of it.
//!
//! Never: half of it.

use jiff::Timestamp;

use crate::audit::authority::is_administrative;
pub use crate::audit::leaf::Actor;
use crate::row::{DecisionId, Digest, Draft, Event, Hold, PrincipalId, Row, RowId, Version, c1};

/// Everything that happens at once. What is left empty is left as it is.
#[derive(Debug, Clone, Default)]
pub struct Commit {
    /// The server's clock. A leaf's time is this, or the previous leaf's where that is later.
    pub now: Timestamp,
    pub row: Option<RowWrite>,
    /// The body of the row's revision, where the revision is new.
    pub draft: Option<Box<Draft>>,
    /// The authority version this was computed from, where it rests on who may do what.
    pub authority: Option<u64>,
    pub leaves: Vec<LeafDraft>,
    /// New, or with `lifted` set.
    pub holds: Vec<Hold>,
    pub work: Vec<WorkChange>,
    pub blobs: Vec<Vec<u8>>,
    pub answer: Option<FinalAnswer>,
    pub repeatable: Option<Repeatable>,
    pub session: Option<Session>,
    /// The log's epoch from here on.
    pub epoch: Option<u64>,
    /// A witness's signature line over the head of a size.
    pub cosignature: Option<(u64, String)>,
}

/// A row's new head, and the version that it was computed from (`None`: it is new, and has the next number).
#[derive(Debug, Clone)]
pub struct RowWrite {
    pub row: Row,
    pub expected: Option<Version>,
}

/// One entry of the log to be; index, time and `prev` are the writer's.
#[derive(Debug, Clone)]
pub struct LeafDraft {
    pub actor: Actor,
    pub event: Event,
    pub about: About,
    /// A map; without fields it is written as such.
    pub body: c1::Value,
}

/// Whose history an entry continues: `prev` is that history's newest entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum About {
    Row {
        row: RowId,
        revision: u32,
    },
    /// A person, an agent or a policy.
    Principal(PrincipalId),
}

/// A decision's final answer. Passing answers are not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FinalAnswer {
    pub id: DecisionId,
    /// Over statement and signature as received.
    pub request: Digest,
    pub answer: String,
}

/// An answer under a principal's `Idempotency-Key`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repeatable {
    pub principal: PrincipalId,
    pub key: String,
    /// Over the request's body.
    pub request: Digest,
    pub status: u16,
    pub answer: String,
}

/// A session's token, hashed, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    pub token: Digest,
    pub principal: PrincipalId,
    /// The key that signed the login: its revocation ends the session.
    pub key_fingerprint: String,
    pub expires_at: Timestamp,
}

/// What is to be done after a commit, by whoever takes it under a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum WorkKind {
    /// An approved row is to be carried out, or an execution that was cut off to be cleared up.
    Execute,
    /// An executed row's health is to be followed and stamped.
    Follow,
    /// Somebody is to be told.
    Tell,
}

impl WorkKind {
    pub const ALL: [Self; 3] = [Self::Execute, Self::Follow, Self::Tell];

    pub fn word(self) -> &'static str {
        match self {
            Self::Execute => "execute",
            Self::Follow => "follow",
            Self::Tell => "tell",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorkChange {
    Add {
        kind: WorkKind,
        row: RowId,
        payload: String,
        not_before: Timestamp,
    },
    /// The commit stands only while the lease does: the fence is the newest, the work is still there.
    Holding {
        id: u64,
        fence: u64,
    },
    /// The lease runs until then.
    Renew {
        id: u64,
        fence: u64,
        until: Timestamp,
    },
    /// Given back, to be taken again from then on.
    Later {
        id: u64,
        fence: u64,
        not_before: Timestamp,
    },
    /// The same, where nothing of it was tried: that it was taken is no attempt.
    Untried {
        id: u64,
        fence: u64,
        not_before: Timestamp,
    },
    Done {
        id: u64,
        fence: u64,
    },
}

impl WorkChange {
    /// The lease that this change rests on.
    pub(super) fn lease(&self) -> Option<(u64, u64)> {
        match self {
            Self::Add { .. } => None,
            Self::Holding { id, fence }
            | Self::Renew { id, fence, .. }
            | Self::Later { id, fence, .. }
            | Self::Untried { id, fence, .. }
            | Self::Done { id, fence } => Some((*id, *fence)),
        }
    }
}

/// What became of a commit. Each but the first means that nothing was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Committed {
    At(Receipt),
    /// The row, the authority, a number, a decision's id or an idempotency key is no longer as it was read.
    Conflict,
    /// Another row of the same kind and subject is not terminal.
    SubjectTaken(RowId),
    /// Somebody else holds the work now.
    LeaseLost,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Of the leaves, in the order in which they were given.
    pub indexes: Vec<u64>,
    /// The log's size after them.
    pub size: u64,
    /// The row's version now.
    pub version: Option<Version>,
    /// The leaves' time.
    pub at: Timestamp,
}

impl Commit {
    /// Nothing yet, at this time.
    pub fn at(now: Timestamp) -> Self {
        Self { now, ..Self::default() }
    }
}

impl LeafDraft {
    /// Does the entry change who may do what?
    pub(super) fn moves_authority(&self) -> bool {
        moves_authority(self.event)
    }
}

/// The entries from which the authority is replayed, and those that halt.
pub(super) fn moves_authority(event: Event) -> bool {
    is_administrative(event) || event == Event::Halt
}

impl About {
    /// The name under which the newest entry of a history is kept.
    pub(super) fn thread(&self) -> String {
        match self {
            Self::Row { row, .. } => format!("row {row}"),
            Self::Principal(id) => format!("principal {id}"),
        }
    }

    pub(super) fn row(&self) -> Option<RowId> {
        match self {
            Self::Row { row, .. } => Some(*row),
            Self::Principal(_) => None,
        }
    }
}
