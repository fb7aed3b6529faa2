//! What Argus has on the table when it drafts: one application's reading, and what else was asked about it.
//!
//! Every fact is dated, and knows whether it was never asked, answered, or not to be had. The three are never mixed up:
//! a platform that is not configured fires no rule, one that did not answer holds the sync.
//! Never: a platform's own types; `gather` puts their answers into these.

use jiff::Timestamp;

pub use crate::agent::facts::{
    Asked, Asks, CheckVerdict, Checks, Freeze, Gauge, Incident, Past, Pull, Sample,
};
use crate::row::{PrincipalId, release::ChartBump, sync::Reading};

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

/// A chart's move and the notes of the release it moves to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    pub chart: ChartBump,
    pub notes: Asked<String>,
    /// The page of the notes, or of the chart where there is none.
    pub url: String,
}
