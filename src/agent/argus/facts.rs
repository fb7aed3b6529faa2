//! What Argus has on the table when it drafts: one application's reading, and what else was asked about it.
//!
//! Every fact is dated, and knows whether it was never asked, answered, or not to be had. The three are never mixed up:
//! a platform that is not configured fires no rule, one that did not answer holds the sync.
//! Never: a platform's own types; `gather` puts their answers into these.

use jiff::Timestamp;

use crate::row::{PrincipalId, Series, release::ChartBump, sync::Reading};

/// One question and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Asked<T> {
    /// No platform is configured that could say.
    #[default]
    Never,
    Known {
        value: T,
        at: Timestamp,
    },
    Unknown {
        why: String,
        at: Timestamp,
    },
}

impl<T> Asked<T> {
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known { value, .. } => Some(value),
            Self::Never | Self::Unknown { .. } => None,
        }
    }

    pub fn unknown(&self) -> Option<(&str, Timestamp)> {
        match self {
            Self::Unknown { why, at } => Some((why, *at)),
            Self::Never | Self::Known { .. } => None,
        }
    }

    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Asked<U> {
        match self {
            Self::Never => Asked::Never,
            Self::Known { value, at } => Asked::Known { value: change(value), at },
            Self::Unknown { why, at } => Asked::Unknown { why, at },
        }
    }

    /// When it was read, where it was.
    pub fn at(&self) -> Option<Timestamp> {
        match self {
            Self::Never => None,
            Self::Known { at, .. } | Self::Unknown { at, .. } => Some(*at),
        }
    }
}

/// All that one draft rests on.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    pub reading: Reading,
    pub read_at: Timestamp,
    /// The application's page in ArgoCD.
    pub app_url: String,
    pub windows: Asked<Windows>,
    /// What lies between the synced and the target commit, where one source is a git repository.
    pub commits: Asked<Commits>,
    /// What CI said about the target commit.
    pub checks: Asked<Checks>,
    /// One for each chart that moves.
    pub releases: Vec<Release>,
    /// On this service: open, or not closed for longer than the drift's own age.
    pub incidents: Asked<Vec<Incident>>,
    pub on_call: Asked<Vec<PrincipalId>>,
    pub gauges: Vec<Gauge>,
    /// What people decided about this application, newest first.
    pub past: Asked<Vec<Past>>,
    /// What a reviewer wants to be changed in the revision before this one.
    pub asks: Option<Asks>,
    /// The configured freeze that covers this environment now.
    pub freeze: Option<Freeze>,
}

impl Facts {
    /// What Dock told of earlier decisions, at the time of the reading.
    pub fn remember(&mut self, past: Vec<Past>) {
        self.past = Asked::Known { value: past, at: self.read_at };
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Windows {
    pub can_sync: bool,
    /// The schedules that are active now.
    pub active: Vec<String>,
}

/// GitHub's comparison of the synced with the target commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commits {
    /// As people say it: `main`.
    pub branch: String,
    pub target: String,
    pub target_url: String,
    pub compare_url: String,
    pub ahead_by: u32,
    /// Commits that are live and not in the target: a step back.
    pub behind_by: u32,
    /// Newest last; GitHub lists 250 at most.
    pub subjects: Vec<String>,
    /// Merged pull requests among them, newest last.
    pub pulls: Vec<Pull>,
    /// Changed paths; absent where GitHub cut the list off.
    pub paths: Option<Vec<String>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pull {
    pub number: u64,
    pub title: String,
    pub url: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checks {
    pub verdict: CheckVerdict,
    /// `4 of 4 green`, `test failed`.
    pub summary: String,
    pub url: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckVerdict {
    Green,
    Red,
    Running,
    /// The commit has no checks.
    None,
}

/// A chart's move and the notes of the release it moves to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    pub chart: ChartBump,
    pub notes: Asked<String>,
    /// The page of the notes, or of the chart where there is none.
    pub url: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incident {
    /// As people say it: `INC-771`.
    pub name: String,
    pub title: String,
    pub url: String,
    pub opened_at: Timestamp,
    /// Absent while it is open.
    pub closed_at: Option<Timestamp>,
    /// Title, description and notes: where an object may be named.
    pub text: String,
}

/// One configured series and its newest value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gauge {
    /// `SLO burn`.
    pub name: String,
    pub query: String,
    pub url: String,
    /// From this value on the rule `slo-burning` fires; a gauge without it only informs.
    pub hold_at: Option<String>,
    pub value: Asked<Sample>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// A number, as the platform gave it.
    pub value: String,
    pub unit: String,
    pub series: Option<Series>,
}

/// An earlier decision on the same application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Past {
    pub row: String,
    pub decision: String,
    pub by: String,
    pub at: Timestamp,
    pub note: String,
    pub same_drift: bool,
}

/// A reviewer's note that sent the row back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asks {
    pub by: String,
    pub note: String,
    pub same_drift: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Freeze {
    pub until: Timestamp,
    pub why: String,
}
