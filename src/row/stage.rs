//! Where a row stands. Each stage carries what is true in it alone; the one-word state is derived.
//!
//! Never: moved by hand. Only `lifecycle::apply` makes the next one.

use std::{fmt, str::FromStr};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{DecisionId, PrincipalId, digest::Digest, page::notion::steps::Step};

/// How an approval came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    Plain,
    Conditions,
    Overridden,
    Policy,
    ByHand,
}

impl How {
    pub fn word(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Conditions => "conditions",
            Self::Overridden => "overridden",
            Self::Policy => "policy",
            Self::ByHand => "by_hand",
        }
    }
}

/// What a row was approved for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    pub how: How,
    /// The decisions that count, in order; for a policy, the one that the backend made in its name.
    pub decisions: Vec<DecisionId>,
    pub at: Timestamp,
    /// What exactly will be executed, after conditions.
    pub effect: Digest,
    /// The policy and its version, where one decided: `staging-patch v3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
}

/// One write of an effect. A gate has up to three, in this order, each with its own intent and read-back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Write {
    #[default]
    Sync,
    /// What begins a canary: it leaves no trace that names us, so it goes first.
    Canary,
    /// The answer to the rule that holds a run.
    Answer,
    /// The Terraform run of the reviewed plan.
    Apply,
    /// A page's next body, or a new page.
    Publish,
    /// The comment that names the decision on a page, where the page's versions cannot.
    Comment,
    /// Nothing is written anywhere: what was said stands in the record.
    Record,
}

impl Write {
    pub fn word(self) -> &'static str {
        match self {
            Self::Sync => "sync",
            Self::Canary => "canary",
            Self::Answer => "answer",
            Self::Apply => "apply",
            Self::Publish => "publish",
            Self::Comment => "comment",
            Self::Record => "record",
        }
    }
}

/// A write that was read back, or was given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    pub write: Write,
    pub at: Timestamp,
    pub detail: String,
}

/// What the platform was told of a decline, or is being told: `rejected`, where a run waits for an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// What stands in the comment: the decline's id.
    pub tag: DecisionId,
    pub intended_at: Timestamp,
    pub before: Before,
    /// Absent while it is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
}

/// What is being carried out, or was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Execution {
    pub approval: Approval,
    /// What the execution leaves on the platform: the deciding decision's id.
    pub tag: DecisionId,
    /// The write that is under way, or that was done last.
    #[serde(default)]
    pub write: Write,
    /// The writes of an effect of several that were read back, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub done: Vec<Done>,
    /// Of `write`.
    pub intended_at: Timestamp,
    /// What the platform's history said last, before we wrote: how a read-back after a crash tells ours from theirs.
    pub before: Before,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed_at: Option<Timestamp>,
    /// The write that was given up after the ones before it were done: what was approved was carried out in part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undone: Option<Done>,
}

/// The platform's last history entry, seen at the intent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Before {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history_id: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation_finished_at: Option<String>,
    /// The calls of an edit in Notion, each with what it is found by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub edit: Vec<Step>,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    pub checked_at: Timestamp,
    /// What was read: health and the resources' messages.
    pub detail: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Stage {
    Pending,
    HalfSigned {
        first_at: Timestamp,
    },
    NeedsChanges {
        by: PrincipalId,
        at: Timestamp,
    },
    Approved {
        approval: Approval,
    },
    Executing {
        execution: Execution,
    },
    Executed {
        execution: Execution,
        /// Its watch is over and could not tell how it does; absent while that is awaited.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        outcome: Option<Outcome>,
    },
    Healthy {
        execution: Execution,
        outcome: Outcome,
    },
    Degraded {
        execution: Execution,
        outcome: Outcome,
        watch_until: Timestamp,
    },
    RolledBack {
        execution: Execution,
        outcome: Outcome,
    },
    Failed {
        execution: Execution,
        outcome: Outcome,
    },
    Unknown {
        execution: Option<Execution>,
        approval: Approval,
        outcome: Outcome,
    },
    Declined {
        by: PrincipalId,
        at: Timestamp,
        overridden: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        told: Option<Told>,
    },
    Expired {
        at: Timestamp,
    },
    Superseded {
        at: Timestamp,
        why: String,
    },
    Withdrawn {
        at: Timestamp,
        /// As its agent says; empty where it gave no reason.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        why: String,
    },
    Stale {
        at: Timestamp,
        moved: Vec<String>,
    },
}

macro_rules! states {
    ($($variant:ident $word:literal),+ $(,)?) => {
        /// A stage in one word: what the wire, the filters and the screens say.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum State { $($variant),+ }

        impl State {
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl Stage {
            pub fn state(&self) -> State {
                match self { $(Self::$variant { .. } => State::$variant),+ }
            }
        }
    };
}

states! {
    Pending "pending", HalfSigned "half_signed", NeedsChanges "needs_changes", Approved "approved",
    Executing "executing", Executed "executed", Healthy "healthy", Degraded "degraded",
    RolledBack "rolled_back", Failed "failed", Unknown "unknown", Declined "declined", Expired "expired",
    Superseded "superseded", Withdrawn "withdrawn", Stale "stale",
}

impl Execution {
    /// The intent of this write stands, and what became of it is not read yet.
    pub fn under_way(&self) -> bool {
        self.confirmed_at.is_none() && self.done.iter().all(|done| done.write != self.write)
    }
}

impl State {
    /// As a sentence says it: `half signed`.
    pub fn said(self) -> String {
        self.word().replace('_', " ")
    }

    /// Still waits for a decision, or for its agent's next revision. All of these expire.
    pub fn undecided(self) -> bool {
        matches!(self, Self::Pending | Self::HalfSigned | Self::NeedsChanges | Self::Stale)
    }

    /// Nobody waits for anything any more. What is carried out now, or hangs in doubt, is not over.
    pub fn over(self) -> bool {
        match self {
            Self::Degraded
            | Self::Healthy
            | Self::RolledBack
            | Self::Failed
            | Self::Declined
            | Self::Expired
            | Self::Superseded
            | Self::Withdrawn => true,
            Self::Pending
            | Self::HalfSigned
            | Self::NeedsChanges
            | Self::Stale
            | Self::Approved
            | Self::Executing
            | Self::Executed
            | Self::Unknown => false,
        }
    }

    /// A reviewer may decide now.
    pub fn open(self) -> bool {
        matches!(self, Self::Pending | Self::HalfSigned)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for State {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .iter()
            .copied()
            .find(|state| state.word() == text)
            .ok_or_else(|| format!("`{}` is not a state", text.chars().take(32).collect::<String>()))
    }
}

impl Stage {
    /// Nothing can follow, but for what only reads. A degraded row ends with its watch window, and one that was executed
    /// with a watch that could not tell how it does.
    pub fn terminal(&self, now: Timestamp) -> bool {
        match self {
            Self::Declined { .. }
            | Self::Expired { .. }
            | Self::Superseded { .. }
            | Self::Withdrawn { .. }
            | Self::Failed { .. }
            | Self::Healthy { .. }
            | Self::RolledBack { .. } => true,
            Self::Degraded { watch_until, .. } => *watch_until <= now,
            Self::Executed { outcome, .. } => outcome.is_some(),
            Self::Pending
            | Self::HalfSigned { .. }
            | Self::NeedsChanges { .. }
            | Self::Approved { .. }
            | Self::Executing { .. }
            | Self::Unknown { .. }
            | Self::Stale { .. } => false,
        }
    }

    pub fn approval(&self) -> Option<&Approval> {
        match self {
            Self::Approved { approval } | Self::Unknown { approval, .. } => Some(approval),
            _ => self.execution().map(|execution| &execution.approval),
        }
    }

    pub fn execution(&self) -> Option<&Execution> {
        match self {
            Self::Executing { execution }
            | Self::Executed { execution, .. }
            | Self::Healthy { execution, .. }
            | Self::Degraded { execution, .. }
            | Self::RolledBack { execution, .. }
            | Self::Failed { execution, .. } => Some(execution),
            Self::Unknown { execution, .. } => execution.as_ref(),
            _ => None,
        }
    }

    pub fn outcome(&self) -> Option<&Outcome> {
        match self {
            Self::Healthy { outcome, .. }
            | Self::Degraded { outcome, .. }
            | Self::RolledBack { outcome, .. }
            | Self::Failed { outcome, .. }
            | Self::Unknown { outcome, .. } => Some(outcome),
            Self::Executed { outcome, .. } => outcome.as_ref(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_withdrawal_of_the_time_before_reasons_is_still_read() {
        let old = r#"{"state":"withdrawn","at":"2026-05-30T02:14:00Z"}"#;
        let read: Stage = serde_json::from_str(old).unwrap();
        assert!(matches!(&read, Stage::Withdrawn { why, .. } if why.is_empty()));
        assert_eq!(serde_json::to_string(&read).unwrap(), old);
    }

    #[test]
    fn what_was_executed_ends_with_a_watch_that_could_not_tell() {
        let at: Timestamp = "2026-05-30T02:14:00Z".parse().unwrap();
        let old = r#"{"state":"executed","execution":{"approval":{"how":"plain","decisions":[],"at":"2026-05-30T02:14:00Z","effect":"EFFECT"},"tag":"01J00000000000000000000000","intended_at":"2026-05-30T02:14:00Z","before":{}}}"#;
        let old = old.replace("EFFECT", &Digest::of("effect").to_string());
        let mut read: Stage = serde_json::from_str(&old).unwrap();
        assert!(!read.terminal(at) && read.outcome().is_none());
        if let Stage::Executed { outcome, .. } = &mut read {
            *outcome = Some(Outcome { checked_at: at, detail: "GitHub gave no answer".to_owned() });
        }
        assert!(read.terminal(at) && read.state() == State::Executed);
    }
}
