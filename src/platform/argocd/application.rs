//! One application as ArgoCD tells it, in types; what ArgoCD may add later survives as `Other` or in `raw`.
//!
//! Never: a default for what is absent that reads as fine.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// What names an application in every call. The project is always sent: without it, "gone" and "forbidden" look alike.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AppKey {
    pub name: String,
    pub project: String,
    /// Where the Application object itself lives; `None` means ArgoCD's own namespace.
    pub namespace: Option<String>,
}

/// An application in a list: what lists carry, and no more (revisions and times are read per application).
#[derive(Debug, Clone, PartialEq)]
pub struct AppSummary {
    pub key: AppKey,
    pub labels: BTreeMap<String, String>,
    pub sync: SyncStatus,
    pub health: HealthState,
    /// An operation is running or accepted.
    pub busy: bool,
}

/// All that Dock reads of one application.
#[derive(Debug, Clone, PartialEq)]
pub struct Application {
    pub key: AppKey,
    pub uid: String,
    pub resource_version: String,
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
    pub destination: Destination,
    /// In ArgoCD's order. One for most; more where `multi_source`.
    pub sources: Vec<SourceSpec>,
    pub multi_source: bool,
    /// `None`: it syncs only when told to.
    pub automation: Option<Automation>,
    pub sync: SyncStatus,
    /// What the sources resolve to now, in their order: commits, or chart versions. Empty where ArgoCD does not know.
    pub revisions: Vec<String>,
    /// The status was computed against other sources than the spec's: it is out of date.
    pub comparison_outdated: bool,
    pub health: HealthState,
    pub health_message: String,
    pub reconciled_at: Option<Timestamp>,
    /// The one operation slot: set from "accepted" to "done".
    pub operation: Option<Operation>,
    /// The running or the last operation; null between "accepted" and "picked up".
    pub operation_state: Option<OperationState>,
    /// Newest last; ArgoCD keeps ten, full syncs only.
    pub history: Vec<HistoryEntry>,
    pub resources: Vec<ResourceState>,
    pub conditions: Vec<Condition>,
    /// It is being deleted.
    pub deleting: bool,
    /// The generator that owns it rewrites its sync policy.
    pub owned_by: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    pub server: String,
    pub cluster: String,
    pub namespace: String,
}

#[derive(Debug, Clone, PartialEq)]
pub struct SourceSpec {
    pub repo_url: String,
    pub path: Option<String>,
    pub chart: Option<String>,
    /// A branch, tag, commit, chart version or range; empty means `HEAD`.
    pub target_revision: String,
    /// The whole of it, parameters included: part of the base of a row.
    pub raw: Value,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Automation {
    pub prune: bool,
    pub self_heal: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SyncStatus {
    Synced,
    OutOfSync,
    /// `Unknown`, absent, or a word of a later ArgoCD.
    Other(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HealthState {
    Healthy,
    Progressing,
    Degraded,
    Suspended,
    Missing,
    /// `Unknown`, absent, or a word of a later ArgoCD.
    Other(String),
}

/// What was asked of ArgoCD.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    /// As resolved by the server when it accepted; several where multi-source.
    pub revisions: Vec<String>,
    /// Only some resources: no hooks, no history.
    pub partial: bool,
    pub prune: bool,
    pub tags: Vec<Tag>,
    pub by: String,
    pub automated: bool,
}

/// One `info` of an operation: Dock leaves `dock.row`, `dock.decision`, `dock.log`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Tag {
    pub name: String,
    #[serde(default)]
    pub value: String,
}

#[derive(Debug, Clone, PartialEq)]
pub struct OperationState {
    pub operation: Operation,
    pub phase: Phase,
    pub message: String,
    pub started_at: Option<Timestamp>,
    /// Set while `Running` means "waiting to retry".
    pub finished_at: Option<Timestamp>,
    pub retries: u64,
    /// What was really synced.
    pub synced_revisions: Vec<String>,
    pub results: Vec<ResourceResult>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    Running,
    Terminating,
    Succeeded,
    Failed,
    Error,
    Other(String),
}

/// What a sync did to one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceResult {
    pub kind: String,
    pub namespace: String,
    pub name: String,
    /// `Synced`, `SyncFailed`, `Pruned`, `PruneSkipped`.
    pub status: String,
    pub message: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryEntry {
    /// Rises with each full sync.
    pub id: i64,
    pub revisions: Vec<String>,
    pub deployed_at: Option<Timestamp>,
    pub by: String,
    pub automated: bool,
}

/// One resource in the application's own status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceState {
    pub group: String,
    pub kind: String,
    pub namespace: String,
    pub name: String,
    pub sync: SyncStatus,
    /// `None`: this kind has no health, or it is kept in the tree.
    pub health: Option<HealthState>,
    pub health_message: String,
    pub hook: bool,
    pub requires_pruning: bool,
}

/// A warning or error that ArgoCD attached, as in `ComparisonError`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    pub kind: String,
    pub message: String,
}

/// Where the operation slot stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// Nothing was ever asked, as far as ArgoCD remembers.
    Idle,
    /// In the slot, not picked up yet.
    Accepted,
    Running,
    WaitingToRetry {
        retries: u64,
    },
    Finished(Phase),
}

impl Application {
    /// What a person or a rule calls the service: the application's own name.
    pub fn name(&self) -> &str {
        &self.key.name
    }

    /// The environment by label `env`; the backend's own read uses the same.
    pub fn environment(&self) -> Option<&str> {
        self.labels.get("env").map(String::as_str)
    }

    pub fn progress(&self) -> Progress {
        match (&self.operation, &self.operation_state) {
            (Some(_), None) => Progress::Accepted,
            (Some(_), Some(state)) if state.phase == Phase::Running && state.finished_at.is_some() => {
                Progress::WaitingToRetry { retries: state.retries }
            }
            (None, Some(state)) if state.finished_at.is_some() => Progress::Finished(state.phase.clone()),
            (_, Some(_)) => Progress::Running,
            (None, None) => Progress::Idle,
        }
    }

    /// An operation is running, or accepted and not picked up yet.
    pub fn is_busy(&self) -> bool {
        !matches!(self.progress(), Progress::Idle | Progress::Finished(_))
    }

    /// The value of a tag on the running operation, else on the last one.
    pub fn tag(&self, name: &str) -> Option<&str> {
        let last = self.operation_state.as_ref().map(|state| &state.operation);
        let tags = self.operation.iter().chain(last).flat_map(|operation| &operation.tags);
        tags.into_iter().find(|tag| tag.name == name).map(|tag| tag.value.as_str())
    }

    /// The newest full sync that ArgoCD remembers.
    pub fn last_sync(&self) -> Option<&HistoryEntry> {
        self.history.iter().max_by_key(|entry| entry.id)
    }

    /// Would ArgoCD refuse a sync pinned to these revisions? It compares text: under auto-sync even the head's own
    /// commit is refused where the target is a branch.
    pub fn refuses_pin(&self, revisions: &[String]) -> bool {
        let target = |source: &SourceSpec| {
            if source.target_revision.is_empty() { "HEAD".to_owned() } else { source.target_revision.clone() }
        };
        self.automation.is_some()
            && self.sources.iter().zip(revisions).any(|(source, revision)| target(source) != *revision)
    }

    /// May `health` be believed for the operation that finished last? ArgoCD looks again only some time after a sync,
    /// and tells both times in whole seconds: within the same second it has looked if it says `Synced`.
    pub fn health_is_settled(&self) -> bool {
        let finished = self.operation_state.as_ref().and_then(|state| state.finished_at);
        match (finished, self.reconciled_at) {
            (Some(finished), Some(reconciled)) => {
                reconciled > finished || (reconciled == finished && self.sync == SyncStatus::Synced)
            }
            (None, Some(_)) => self.operation.is_none(),
            (_, None) => false,
        }
    }
}

impl From<String> for SyncStatus {
    fn from(word: String) -> Self {
        match word.as_str() {
            "Synced" => SyncStatus::Synced,
            "OutOfSync" => SyncStatus::OutOfSync,
            _ => SyncStatus::Other(word),
        }
    }
}

impl From<String> for HealthState {
    fn from(word: String) -> Self {
        match word.as_str() {
            "Healthy" => HealthState::Healthy,
            "Progressing" => HealthState::Progressing,
            "Degraded" => HealthState::Degraded,
            "Suspended" => HealthState::Suspended,
            "Missing" => HealthState::Missing,
            _ => HealthState::Other(word),
        }
    }
}

impl HealthState {
    /// As ArgoCD writes it; "Unknown" where it wrote nothing.
    pub fn word(&self) -> &str {
        match self {
            HealthState::Healthy => "Healthy",
            HealthState::Progressing => "Progressing",
            HealthState::Degraded => "Degraded",
            HealthState::Suspended => "Suspended",
            HealthState::Missing => "Missing",
            HealthState::Other(word) if word.is_empty() => "Unknown",
            HealthState::Other(word) => word,
        }
    }
}

impl From<String> for Phase {
    fn from(word: String) -> Self {
        match word.as_str() {
            "Running" => Phase::Running,
            "Terminating" => Phase::Terminating,
            "Succeeded" => Phase::Succeeded,
            "Failed" => Phase::Failed,
            "Error" => Phase::Error,
            _ => Phase::Other(word),
        }
    }
}

impl<'de> Deserialize<'de> for Application {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        super::wire::Application::deserialize(deserializer).map(Into::into)
    }
}

impl<'de> Deserialize<'de> for AppSummary {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let app: Application = super::wire::Application::deserialize(deserializer)?.into();
        let busy = !matches!(app.progress(), Progress::Idle | Progress::Finished(_)) || app.phase_runs();
        Ok(Self { key: app.key, labels: app.labels, sync: app.sync, health: app.health, busy })
    }
}

impl Application {
    fn phase_runs(&self) -> bool {
        self.operation_state
            .as_ref()
            .is_some_and(|state| matches!(state.phase, Phase::Running | Phase::Terminating))
    }
}
