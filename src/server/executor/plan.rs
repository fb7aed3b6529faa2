//! What to do next about a write, from what its platform shows: the same answer after a crash as on the usual way.
//!
//! One shape for all that is executed; what the shown means is the platform's own matter ([`sync`], [`gate`]).
//! Never: a repeat where ours may have happened; IO.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

use crate::{
    platform::{argocd::Application, github::Reviewed},
    row::{
        DecisionId, Digest, Moved,
        base::PageBase,
        gate::Run,
        page::{Page, notion::steps::Progress},
        stage::Before,
    },
};

pub(super) mod gate;
pub(super) mod page;
pub(super) mod pipeline;
pub(super) mod sync;

/// What was written so far, as far as anybody knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Written {
    /// Nothing was sent, or what was sent did not begin.
    No,
    /// The platform said no to it.
    Refused { why: String },
    /// A crash, or a lost answer: since then a request may have arrived.
    Perhaps { since: Timestamp },
    /// The platform accepted it.
    Yes { since: Timestamp },
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Next {
    /// Ours runs, or somebody's that has to end first: look again.
    Wait,
    /// Ours runs towards another revision than the reviewed one.
    Terminate { revisions: Vec<String> },
    /// Ours is done as reviewed.
    Confirm { detail: String },
    /// Ours is done and is not what was reviewed, or did not succeed.
    Fail { detail: String },
    /// Nothing of ours was written, and what was reviewed is no more.
    Moved { moved: Vec<Moved> },
    /// Nothing of ours happened: read the base again, then write.
    Write,
    /// The trace is gone: a person looks.
    CannotTell { detail: String },
}

/// What stands in the record of a write.
#[derive(Debug, Clone, Copy)]
pub(super) struct Intent<'a> {
    /// What the write is found by.
    pub(super) tag: &'a DecisionId,
    /// What the platform showed before it.
    pub(super) before: &'a Before,
}

/// What was reviewed of a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Due {
    Sync {
        revisions: Vec<String>,
    },
    Canary {
        /// Where the dispatch goes, in words.
        what: String,
    },
    Answer {
        attempt: u32,
        environment: String,
        approve: bool,
    },
    /// The same to a pipeline that waits at Dock itself.
    Tell {
        attempt: u32,
        commit: String,
        environment: String,
        approve: bool,
    },
    Apply {
        /// Terraform's run, as `run-…`.
        run: String,
    },
    Publish {
        /// The page that was reviewed; none where a new one is made.
        was: Option<PageBase>,
        /// What is to be written on it.
        body: Digest,
    },
    Comment,
    Record,
}

/// What a platform shows of a write.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Shown {
    Application(Box<Application>),
    /// The runs that a workflow began since the intent; none where a dispatch is not shown at all.
    Dispatched(Option<Vec<Run>>),
    Reviewed(Reviewed),
    Listening(pipeline::Listening),
    Applied(Applied),
    Published(Published),
    /// Where the page names the decision; none where it does not.
    Commented {
        ours: Option<String>,
    },
    /// There is nothing to be seen.
    Nothing,
}

/// What Terraform shows of a run that is to be applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Applied {
    /// In Terraform's word.
    pub(super) status: String,
    /// It waits for somebody to confirm it.
    pub(super) waits: bool,
    /// A comment of ours is on it.
    pub(super) ours: bool,
}

/// What a page's platform shows of a page that is to be published.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Published {
    /// The version that carries our tag; Notion has none.
    pub(super) ours: Option<Ours>,
    /// The page as it is; none where there is none yet.
    pub(super) now: Option<PageBase>,
    /// What is written on it.
    pub(super) written: Option<Digest>,
    /// The page that a person would open.
    pub(super) url: String,
    /// Why nobody may write on it now, in the platform's word.
    pub(super) closed: Option<String>,
    /// How far an edit of several calls came.
    pub(super) edit: Option<Progress>,
    /// The whole page, for the call that follows.
    pub(super) page: Option<Box<Page>>,
    /// How far a new page of several requests came.
    pub(super) part: Option<Part>,
}

/// Of a new page's blocks the first so many, and nothing by anybody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) made: usize,
    pub(super) of: usize,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the first {} of its {} blocks are on it", self.made, self.of)
    }
}

/// A version of a page that we wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ours {
    pub(super) number: u64,
    /// What is written in it.
    pub(super) written: Digest,
}

/// `repeat_after`: how long a request that may have been sent can still arrive.
pub(super) fn next(
    intent: &Intent<'_>,
    due: &Due,
    shown: &Shown,
    written: &Written,
    repeat_after: SignedDuration,
    now: Timestamp,
) -> Next {
    match (due, shown) {
        (Due::Sync { revisions }, Shown::Application(app)) => {
            sync::next(intent, revisions, app, written, repeat_after, now)
        }
        (Due::Canary { what }, Shown::Dispatched(runs)) => {
            gate::canary(what, runs.as_deref(), written, repeat_after, now)
        }
        (Due::Answer { attempt, environment, approve }, Shown::Reviewed(reviewed)) => {
            gate::answer(*attempt, environment, *approve, reviewed, written, repeat_after, now)
        }
        (Due::Tell { attempt, commit, environment, approve }, Shown::Listening(shown)) => {
            let (attempt, approve) = (*attempt, *approve);
            let of = pipeline::Reviewed { attempt, commit, environment, approve };
            pipeline::tell(of, intent.tag, shown, written)
        }
        (Due::Apply { run }, Shown::Applied(applied)) => {
            gate::apply(run, applied, written, repeat_after, now)
        }
        (Due::Publish { was, body }, Shown::Published(shown)) => {
            page::publish(was.as_ref(), *body, shown, written, repeat_after, now)
        }
        (Due::Comment, Shown::Commented { ours }) => {
            page::comment(ours.as_deref(), written, repeat_after, now)
        }
        (Due::Record, _) => {
            Next::Confirm { detail: "what was said of each step is in the record".to_owned() }
        }
        _ => Next::CannotTell { detail: "what was read is not about what was written".to_owned() },
    }
}

/// A request that was sent at `since` can no longer arrive.
fn waited(since: Timestamp, repeat_after: SignedDuration, now: Timestamp) -> bool {
    now.duration_since(since) >= repeat_after
}

/// What is to be done in a word, for the tables of the tests.
#[cfg(test)]
fn word(next: &Next) -> &'static str {
    match next {
        Next::Wait => "wait",
        Next::Terminate { .. } => "terminate",
        Next::Confirm { .. } => "confirm",
        Next::Fail { .. } => "fail",
        Next::Moved { .. } => "moved",
        Next::Write => "write",
        Next::CannotTell { .. } => "cannot tell",
    }
}
