//! One line of a list, small: names that many rows share are kept once.
//!
//! Never: what is decided on. Whoever opens a row reads it whole, and its digests are recomputed then.

use std::sync::Arc;

use jiff::Timestamp;

use crate::{
    row::{DecisionId, Digest, Kind, PrincipalId, Risk, RowId, State, Verdict, gate},
    wire::RowHead,
};

/// What lists, filters, groups and ranks need of a row.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    pub id: RowId,
    pub state: State,
    pub verdict: Verdict,
    pub risk: Risk,
    /// A fact that it rests on is older than its budget.
    pub stale: bool,
    /// A decision on it waits in this home's outbox.
    pub unsent: bool,
    pub revision: u32,
    pub keys_needed: u32,
    pub keys_given: u32,
    /// Until when the missing keys may come, before the given ones lapse.
    pub second_key_by: Option<Timestamp>,
    /// Decisions on this revision that count no more.
    pub void: Box<[DecisionId]>,
    pub subject: Arc<str>,
    pub environment: Arc<str>,
    pub title: Box<str>,
    pub word: Box<str>,
    pub agent: PrincipalId,
    pub owner: PrincipalId,
    pub reviewers: Arc<[PrincipalId]>,
    pub incident: Option<Arc<str>>,
    pub content_sha256: Digest,
    pub base_sha256: Digest,
    pub created_at: Timestamp,
    pub changed_at: Timestamp,
    pub expires_at: Timestamp,
}

/// What a live runbook waits for.
pub const SIGN_TICKS: &str = "sign ticks";

/// The rows that wait or are carried out, and those that are over: counted, and read when somebody looks at them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct List {
    pub rows: Vec<Listed>,
    /// What is over, with when it last changed.
    pub over: Vec<(RowId, Timestamp)>,
}

impl Listed {
    pub fn kind(&self) -> Kind {
        self.id.kind
    }

    /// The service, page or incident that it is about: a gate's subject names its run and environment, too, a live
    /// runbook's its incident.
    pub fn service(&self) -> &str {
        match self.kind() {
            Kind::Gate => gate::of_subject(&self.subject).0,
            Kind::Runbook => self.subject.split_once('@').map_or(&*self.subject, |(page, _)| page),
            Kind::Sync | Kind::Postmortem | Kind::Policy => &self.subject,
        }
    }

    /// When time alone changes what it waits for: the row's own end, or before it that of the keys which were given.
    pub fn waits_until(&self) -> Timestamp {
        self.second_key_by.map_or(self.expires_at, |by| by.min(self.expires_at))
    }

    /// The number of a gate's run.
    pub fn run(&self) -> Option<&str> {
        gate::of_subject(&self.subject).1.filter(|_| self.kind() == Kind::Gate)
    }

    /// A runbook while its incident is on, not an edit of one.
    pub fn is_live(&self) -> bool {
        self.kind() == Kind::Runbook && self.subject.contains('@')
    }

    /// What its agent calls for: of a live runbook nothing is published, its ticks are signed.
    pub fn call(&self) -> &'static str {
        if self.is_live() { SIGN_TICKS } else { self.verdict.word() }
    }

    /// What it is about, as people say it: of a gate its service and its run.
    pub fn about(&self) -> String {
        match gate::of_subject(&self.subject) {
            (service, Some(run)) if self.kind() == Kind::Gate => format!("{service} run {run}"),
            _ => self.service().to_owned(),
        }
    }
}

impl From<&RowHead> for Listed {
    fn from(head: &RowHead) -> Self {
        Self {
            id: head.id,
            state: head.state,
            verdict: head.verdict,
            risk: head.risk,
            stale: head.stale,
            unsent: head.unsent,
            revision: head.revision,
            keys_needed: head.keys_needed,
            keys_given: head.keys_given,
            second_key_by: head.second_key_by,
            void: head.void.as_slice().into(),
            subject: head.subject.as_str().into(),
            environment: head.environment.as_str().into(),
            title: head.title.as_str().into(),
            word: head.word.as_str().into(),
            agent: head.agent.clone(),
            owner: head.owner.clone(),
            reviewers: head.reviewers.as_slice().into(),
            incident: head.incident.as_deref().map(Arc::from),
            content_sha256: head.content_sha256,
            base_sha256: head.base.sha256,
            created_at: head.created_at,
            changed_at: head.changed_at,
            expires_at: head.expires_at,
        }
    }
}
