//! The vocabulary: what a row is, in the words that code, API, screens and docs share.
//!
//! A [`Row`] is the head of one proposal: identity, stage, the keys given, the digests of its newest revision. The
//! bodies, what the agent wrote, are [`Draft`]s, kept apart, one a revision, never changed.
//!
//! Never: IO, the clock, the network; nothing of ours outside this folder is named here.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

pub mod base;
pub mod c1;
pub mod change;
pub mod count;
pub mod decision;
pub mod difference;
pub mod digest;
pub mod draft;
pub mod event;
pub mod gate;
pub mod hold;
pub mod id;
pub mod measure;
pub mod note;
pub mod page;
pub mod paper;
pub mod present;
pub mod principal;
pub mod proposal;
pub mod reading;
pub mod refusal;
pub mod release;
pub mod rule;
pub mod search;
pub mod signal;
pub mod stage;
pub mod sync;
pub mod waiting;
pub mod yaml;

pub use base::{Base, Effect, Moved};
pub use decision::{Decision, DecisionId, Touch};
pub use digest::{Digest, Word};
pub use draft::{Digests, Draft, Verdict};
pub use event::Event;
pub use hold::Hold;
pub use id::{Kind, RowId};
pub use measure::Measure;
pub use note::Note;
pub use principal::{PrincipalId, PrincipalKind};
pub use proposal::{Amendment, Proposal};
pub use reading::Reading;
pub use refusal::Refusal;
pub use rule::{Attributes, Filter, Risk, Rule, Threshold};
pub use signal::{Again, Grade, Pointer, Series, Signal, Weight};
pub use stage::{How, Stage, State};

/// Counts the commits of a row: two keys on one revision must still conflict.
pub type Version = u64;

/// One proposal by one agent, and everything decided about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    pub id: RowId,
    pub subject: String,
    pub environment: String,
    pub title: String,
    pub agent: PrincipalId,
    /// The person who answers for the agent; may not decide here.
    pub owner: PrincipalId,
    pub verdict: Verdict,
    pub incident: Option<String>,
    pub parent: Option<RowId>,
    pub reviewers: Vec<PrincipalId>,
    pub risk: Risk,
    /// Frozen when the row was opened; may only be tightened.
    pub rule: Rule,
    /// Counts proposals; the agent moves it.
    pub revision: u32,
    /// Counts commits; the store moves it.
    pub version: Version,
    pub digests: Digests,
    /// The base in one word, for lists.
    pub base_revision: String,
    /// What a hold is keyed by; syncs have one.
    pub drift: Option<Digest>,
    /// The backend could not recompute the difference: shown as the agent's claim, never decided by policy.
    pub claim: bool,
    pub stage: Stage,
    /// All accepted reviews of all revisions, oldest first, those that are void among them.
    pub keys: Vec<Key>,
    /// A person took an approval back: policy never decides this row again.
    pub withdrawn_by_person: bool,
    /// The reviewer who made this revision; none where its agent drafted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revised_by: Option<PrincipalId>,
    /// The signals of this revision that its agent read again, by their place: no part of what is signed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub again: BTreeMap<u32, Again>,
    pub created_at: Timestamp,
    pub changed_at: Timestamp,
    pub expires_at: Timestamp,
}

/// One accepted review: a person's signed word on one revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    pub decision_id: DecisionId,
    pub decision: Decision,
    pub overrides: bool,
    pub reviewer: PrincipalId,
    pub revision: u32,
    pub note: Option<Note>,
    /// The reviewer's own clock.
    pub made_at: Timestamp,
    /// The server's.
    pub at: Timestamp,
    pub offline: bool,
    pub on_screen_s: u64,
    /// Role and shift, as looked up when the decision was made.
    pub attributes: Attributes,
    pub key_fingerprint: String,
    pub touch: Touch,
    pub evidence: Digest,
    pub effect: Digest,
    pub conditions: BTreeMap<String, String>,
    /// Counts no more, and why. Void stays void.
    pub void: Option<String>,
}

impl Row {
    pub const REVISIONS_MAX: u32 = 32;
    /// The second key of an irreversible row comes within this time of the first.
    pub const SECOND_KEY_WITHIN: SignedDuration = SignedDuration::from_mins(15);

    pub fn state(&self) -> State {
        self.stage.state()
    }

    pub fn word(&self) -> Word {
        digest::word(&self.digests.content)
    }

    /// The reviews that count now: of this revision, not void.
    pub fn standing_keys(&self) -> impl Iterator<Item = &Key> {
        self.keys.iter().filter(|key| key.void.is_none() && key.revision == self.revision)
    }

    /// Until when the missing keys may come, before those that were given lapse.
    pub fn second_key_by(&self) -> Option<Timestamp> {
        match &self.stage {
            Stage::HalfSigned { first_at } if self.risk == Risk::Irreversible => {
                Some(first_at.saturating_add(Self::SECOND_KEY_WITHIN).unwrap_or(Timestamp::MAX))
            }
            _ => None,
        }
    }

    pub fn how(&self) -> Option<How> {
        match &self.stage {
            Stage::Declined { overridden, .. } => overridden.then_some(How::Overridden),
            stage => stage.approval().map(|approval| approval.how),
        }
    }

    /// How long an undecided row of this kind lives.
    pub fn lifetime(kind: Kind) -> SignedDuration {
        match kind {
            Kind::Sync => SignedDuration::from_hours(4),
            Kind::Gate => SignedDuration::from_hours(2),
            Kind::Runbook | Kind::Policy => SignedDuration::from_hours(7 * 24),
            Kind::Postmortem => SignedDuration::from_hours(14 * 24),
        }
    }

    /// How long an approval waits for the executor before it lapses.
    pub fn approval_lasts(&self) -> SignedDuration {
        if self.risk == Risk::Irreversible { Self::SECOND_KEY_WITHIN } else { SignedDuration::from_hours(4) }
    }
}
