//! What pipelines are made of: runs, their deployments, what was said of them.
//!
//! Never: a change of them; those are in [`super::moves`].

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Hub;

#[derive(Debug, Serialize, Deserialize)]
pub(in crate::simulator) struct Pipelines {
    pub(super) runs: BTreeMap<u64, Run>,
    pub(super) deployments: BTreeMap<u64, Deployment>,
    /// By repository, what its environments are called now.
    pub(in crate::simulator) environments: BTreeMap<String, Vec<String>>,
    /// Repositories whose environments have rules of GitHub's own beside ours.
    #[serde(default)]
    pub(super) held_on: BTreeSet<String>,
    pub(super) next_run: u64,
    pub(super) next: u64,
}

impl Default for Pipelines {
    fn default() -> Self {
        let (runs, deployments, environments) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let held_on = BTreeSet::new();
        Self { runs, deployments, environments, held_on, next_run: 1, next: 145_988_000 }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::simulator) struct Run {
    pub(super) id: u64,
    pub(super) repo: String,
    pub(super) file: Workflow,
    /// The environment that its deploy is for; `None`: it deploys nothing.
    pub(super) environment: Option<String>,
    /// The environments whose jobs come after this one's, each behind a gate of its own; those that are behind it.
    #[serde(default)]
    pub(super) ahead: Vec<String>,
    #[serde(default)]
    pub(super) behind: Vec<String>,
    /// It waits for an answer before it deploys.
    pub(super) gated: bool,
    pub(super) sha: String,
    pub(super) event: String,
    pub(super) actor: String,
    pub(super) title: String,
    pub(super) attempt: u32,
    pub(super) created_at: Timestamp,
    pub(super) started_at: Timestamp,
    pub(super) updated_at: Timestamp,
    pub(super) stage: Stage,
    /// The newest attempt's deployment.
    pub(super) deployment: Option<u64>,
    /// Attempts that are over, with how they ended.
    pub(super) past: BTreeMap<u32, String>,
    pub(super) reviews: Vec<Review>,
    pub(super) reports: u32,
    /// A required job that did not run.
    pub(super) skipped: Option<String>,
    pub(super) fate: Fate,
    /// What happens by itself after these ticks.
    pub(super) then: Option<(u32, Then)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::simulator) enum Workflow {
    Deploy,
    Canary,
    Rollback,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::simulator) enum Stage {
    Building { ticks: u32 },
    Waiting,
    Deploying { ticks: u32 },
    Over { conclusion: String },
}

/// What becomes of its deploy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(in crate::simulator) enum Fate {
    #[default]
    Well,
    /// The deploy itself fails.
    Fails,
    /// It deploys, breaks, and is rolled back by itself.
    Breaks,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::simulator) enum Then {
    RollBack,
    AdminApproves,
    Cancelled,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Review {
    pub(super) state: String,
    pub(super) comment: String,
    pub(super) by: String,
    pub(super) environment: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Deployment {
    pub(super) id: u64,
    pub(super) repo: String,
    pub(super) environment: String,
    pub(super) sha: String,
    pub(super) run: u64,
    pub(super) description: String,
    pub(super) created_at: Timestamp,
    /// Oldest first.
    pub(super) statuses: Vec<Status>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Status {
    pub(super) id: u64,
    pub(super) state: String,
    pub(super) at: Timestamp,
}

/// A run to be begun.
pub(in crate::simulator) struct New<'a> {
    pub(in crate::simulator) repo: &'a str,
    pub(in crate::simulator) file: Workflow,
    pub(in crate::simulator) environment: Option<&'a str>,
    pub(in crate::simulator) gated: bool,
    pub(in crate::simulator) sha: &'a str,
    pub(in crate::simulator) event: &'a str,
    pub(in crate::simulator) actor: &'a str,
    pub(in crate::simulator) title: &'a str,
    pub(in crate::simulator) fate: Fate,
}

impl Workflow {
    pub(super) const ALL: [Workflow; 3] = [Workflow::Deploy, Workflow::Canary, Workflow::Rollback];

    pub(super) fn file(self) -> &'static str {
        match self {
            Self::Deploy => "deploy.yml",
            Self::Canary => "canary.yml",
            Self::Rollback => "rollback.yml",
        }
    }

    pub(super) fn id(self) -> u64 {
        match self {
            Self::Deploy => 161_335,
            Self::Canary => 161_336,
            Self::Rollback => 161_337,
        }
    }

    /// By its file's name or its id.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.file() == name || one.id().to_string() == name)
    }
}

impl Run {
    pub(super) fn status(&self) -> &'static str {
        match self.stage {
            Stage::Building { .. } | Stage::Deploying { .. } => "in_progress",
            Stage::Waiting => "waiting",
            Stage::Over { .. } => "completed",
        }
    }

    pub(super) fn conclusion(&self) -> Option<&str> {
        match &self.stage {
            Stage::Over { conclusion } => Some(conclusion),
            _ => None,
        }
    }

    pub(super) fn service(&self) -> &str {
        self.repo.split('/').next_back().unwrap_or_default()
    }
}

impl Pipelines {
    pub(super) fn next(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// The next run gets this number.
    pub(in crate::simulator) fn number_from(&mut self, id: u64) {
        self.next_run = self.next_run.max(id);
    }

    /// What ran well in an environment before this deployment.
    pub(super) fn good_before(&self, of: &Deployment) -> Option<&Deployment> {
        let well = |one: &&Deployment| one.statuses.iter().any(|status| status.state == "success");
        let same = |one: &&Deployment| {
            one.repo == of.repo && one.environment == of.environment && one.id < of.id && one.sha != of.sha
        };
        self.deployments.values().rev().filter(same).find(well)
    }
}

impl Hub {
    /// What a canary's dispatch begins: a part of the traffic gets the build of the run that it names.
    pub(super) fn canary_of(&self, repo: &str, run: Option<u64>) -> Option<(String, String)> {
        let deploys = |one: &&Run| one.repo == repo && one.file == Workflow::Deploy;
        let mut runs = self.pipelines.runs.values().rev().filter(deploys);
        let run = runs.find(|one| run.is_none_or(|id| one.id == id))?;
        Some((run.sha.clone(), format!("{}-canary", run.environment.as_deref()?)))
    }
}
