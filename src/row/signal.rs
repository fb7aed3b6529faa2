//! A fact on the table: what it says, how heavy it weighs, where it was read and when.
//!
//! Never: a value without a source or a time. Unknown never looks like fine.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// The way back to the platform's own record.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pointer {
    /// Typed: `argocd_application`, `github_pull_request`, `pagerduty_incident`, …
    pub name: String,
    pub platform: String,
    #[serde(rename = "ref")]
    pub reference: String,
    /// The page that a person would open.
    pub url: String,
}

impl Pointer {
    /// What a reader calls it: a platform's own number of a message or of an entry in a log says nothing to people.
    pub fn called(&self) -> &str {
        match self.name.as_str() {
            "slack_message" => "Slack message",
            "pagerduty_log_entry" => "PagerDuty log",
            _ => &self.reference,
        }
    }
}

/// What a signal says about going ahead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Grade {
    Good,
    Bad,
    Unknown,
}

impl Grade {
    pub fn word(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Bad => "bad",
            Self::Unknown => "unknown",
        }
    }
}

/// What a fired signal alone would have the agent say. The worst wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Weight {
    Note,
    Go,
    Hold,
    Block,
}

impl Weight {
    pub fn word(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Go => "go",
            Self::Hold => "hold",
            Self::Block => "block",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signal {
    pub name: String,
    pub value: String,
    pub verdict: Grade,
    pub weight: Weight,
    pub pointer: Pointer,
    /// The rule that made it, with its version: `manual-change/1`.
    pub rule: String,
    pub fetched_at: Timestamp,
    /// How long it stays fresh, in seconds.
    pub budget_s: u32,
    /// The series behind it, oldest first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series: Option<Series>,
}

/// A signal of a revision that its agent read again and judges the same: a fact beside what is signed, never in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Again {
    pub at: Timestamp,
    /// What it says now, where that is not word for word what was signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

impl Signal {
    /// When it was read last: for the draft, or again since.
    pub fn read_at(&self, again: Option<&Again>) -> Timestamp {
        again.map_or(self.fetched_at, |again| again.at.max(self.fetched_at))
    }
}

/// What was read then may still be rested on.
pub fn is_fresh(read_at: Timestamp, budget_s: u32, now: Timestamp) -> bool {
    now.duration_since(read_at) <= SignedDuration::from_secs(i64::from(budget_s))
}

/// Half of its time is over: who reads it again now is in time.
pub fn half_over(read_at: Timestamp, budget_s: u32, now: Timestamp) -> bool {
    now.duration_since(read_at) * 2 >= SignedDuration::from_secs(i64::from(budget_s))
}

/// Evidence as it was on the table: evenly spaced points; a missing one is a gap, never zero.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Series {
    pub unit: String,
    pub from: Timestamp,
    pub step_s: u32,
    /// Numbers as text, as the platform gave them; absent is a gap.
    pub points: Vec<Option<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<String>,
}

impl Series {
    pub const POINTS_MAX: usize = 240;

    /// The points as numbers; what is no finite number is a gap.
    pub fn numbers(&self) -> impl Iterator<Item = Option<f64>> {
        self.points
            .iter()
            .map(|point| point.as_ref().and_then(|text| text.parse::<f64>().ok()).filter(|n| n.is_finite()))
    }
}
