//! What the gatekeeper has on the table when it drafts: one run's reading, and what else was asked about its service.
//!
//! Never: a platform's own answers; `gather` puts them into these.

use jiff::Timestamp;

pub use crate::agent::facts::{Asked, Asks, Freeze, Gauge, Incident, Past, Pull, Sample};
pub use crate::platform::Windows;
use crate::row::{Pointer, PrincipalId, RowId, Series, gate::Reading};

/// All that one draft rests on.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    pub reading: Reading,
    pub read_at: Timestamp,
    pub ci: Asked<Ci>,
    /// Merged pull requests among the commits, newest last.
    pub pulls: Asked<Vec<Pull>>,
    /// What the workspace's policies say of the plan's run; never asked where there is none.
    pub policies: Asked<Vec<Policy>>,
    pub service: Service,
    pub past: Asked<Vec<Past>>,
    /// What a reviewer wants to be changed in the revision before this one.
    pub asks: Option<Asks>,
    /// The configured freeze that covers this environment now.
    pub freeze: Option<Freeze>,
    /// The row of the environment before this one, whose deploy is healthy.
    pub parent: Option<RowId>,
}

/// What was asked about the service itself: the same for all of its runs that wait.
#[derive(Debug, Clone, PartialEq)]
pub struct Service {
    /// One for each pair of windows, the fast ones first.
    pub burns: Vec<Burn>,
    /// Absent where nobody is configured to say; so the others.
    pub budget: Option<Question<Budget>>,
    pub p95: Option<Question<Latency>>,
    /// What only informs: error rate, request rate.
    pub gauges: Vec<Gauge>,
    pub argocd: Option<Question<Application>>,
    /// Open ones, and those that closed within days.
    pub incidents: Asked<Vec<Incident>>,
    pub alerts: Asked<Vec<Alert>>,
    /// Datadog's; empty where none is tagged with the service's name.
    pub monitors: Asked<Vec<Monitor>>,
    pub on_call: Asked<Vec<PrincipalId>>,
}

impl Service {
    /// What could not be read this time stands as it was told before, with its date, until it is older than `budget_s`.
    #[must_use]
    pub(super) fn or_still_fresh(mut self, before: &Self, now: Timestamp, budget_s: u32) -> Self {
        for (burn, was) in self.burns.iter_mut().zip(&before.burns) {
            if burn.windows == was.windows {
                burn.rates.keep(&was.rates, now, budget_s);
            }
        }
        keep(&mut self.budget, before.budget.as_ref(), now, budget_s);
        keep(&mut self.p95, before.p95.as_ref(), now, budget_s);
        keep(&mut self.argocd, before.argocd.as_ref(), now, budget_s);
        self.incidents.keep(&before.incidents, now, budget_s);
        self.alerts.keep(&before.alerts, now, budget_s);
        self.monitors.keep(&before.monitors, now, budget_s);
        self.on_call.keep(&before.on_call, now, budget_s);
        self
    }
}

fn keep<T: Clone>(is: &mut Option<Question<T>>, was: Option<&Question<T>>, now: Timestamp, budget_s: u32) {
    if let (Some(is), Some(was)) = (is, was) {
        is.answer.keep(&was.answer, now, budget_s);
    }
}

/// An answer, and where it was asked: the place stands even where no answer came.
#[derive(Debug, Clone, PartialEq)]
pub struct Question<T> {
    pub pointer: Pointer,
    pub answer: Asked<T>,
}

/// What the jobs of this attempt, and the other checks of its commit, came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ci {
    pub jobs: Vec<Job>,
    /// Checks of the commit that are no jobs of this run.
    pub checks: Vec<Job>,
}

/// A job or a check, with GitHub's word for how it ended or where it is: `success`, `skipped`, `in_progress`, …
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    pub name: String,
    pub word: String,
}

/// How fast the error budget burns: 1 spends it evenly, to its end and no more.
#[derive(Debug, Clone, PartialEq)]
pub struct Burn {
    pub windows: Windows,
    pub pointer: Pointer,
    pub rates: Asked<Rates>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Rates {
    pub long: f64,
    pub short: f64,
    /// The long window's, where it is told.
    pub series: Option<Series>,
}

impl Rates {
    /// What both windows are at or over. What is no number is at least anything: it never looks calm.
    pub fn both(&self) -> f64 {
        if self.long.is_nan() || self.short.is_nan() { f64::INFINITY } else { self.long.min(self.short) }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Budget {
    /// May be over 100.
    pub spent_percent: f64,
    /// The objective's own span: `30 d`.
    pub span: String,
    pub series: Option<Series>,
}

/// How long requests took, over two weeks.
#[derive(Debug, Clone, PartialEq)]
pub struct Latency {
    pub now_ms: f64,
    /// Absent where too many days are missing.
    pub usual: Option<Usual>,
    pub days: u32,
    pub series: Option<Series>,
}

/// What p95 is on most days.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Usual {
    /// The median of all days' medians.
    pub ms: f64,
    /// How far the worst day's median lies from it.
    pub moved_percent: f64,
}

/// ArgoCD's own words about the application that runs the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Application {
    pub name: String,
    pub sync: String,
    pub health: String,
    pub url: String,
}

/// What a policy of a Terraform workspace, or a set of them, says of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// `Sentinel polchk-…`.
    pub name: String,
    pub stand: Stand,
    /// In Terraform's word.
    pub word: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stand {
    Passed,
    /// Terraform will not apply the run.
    Failed,
    /// Terraform applies the run once somebody has overridden it.
    SoftFailed,
    Overridden,
    Pending,
    Untold,
}

/// A monitor of Datadog's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Monitor {
    pub id: u64,
    pub name: String,
    /// `OK`, `Warn`, `Alert`, `No Data`, or a word that we do not know.
    pub word: String,
    /// It is muted; it tells its state all the same.
    pub quiet: bool,
}

/// An alert that fires on the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    pub name: String,
    pub severity: String,
    pub since: Option<Timestamp>,
    /// A silence or another alert keeps it quiet; it fires all the same.
    pub quiet: bool,
    pub pointer: Pointer,
}
