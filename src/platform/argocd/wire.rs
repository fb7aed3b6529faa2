//! ArgoCD's JSON as it comes: everything may be absent or null. Turned into the types of `application` at once.
//!
//! Never: seen outside this folder.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::application::{self as out, AppKey, SourceSpec, Tag};

fn or_default<'de, T: Default + Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
    Option::<T>::deserialize(from).map(Option::unwrap_or_default)
}

/// A struct whose every field may be absent or null.
macro_rules! lenient {
    ($($(#[$meta:meta])* struct $name:ident { $($(#[$fmeta:meta])* $field:ident: $type:ty,)* })*) => {$(
        #[derive(Debug, Default, Deserialize)]
        #[serde(rename_all = "camelCase", default)]
        $(#[$meta])*
        pub(super) struct $name { $($(#[$fmeta])* #[serde(deserialize_with = "or_default")] $field: $type,)* }
    )*};
}

lenient! {
    struct List { items: Vec<Value>, }
    struct Application { metadata: Metadata, spec: Spec, status: Status, operation: Option<Operation>, }
    struct Metadata {
        name: String, namespace: String, uid: String, resource_version: String,
        labels: BTreeMap<String, String>, annotations: BTreeMap<String, String>,
        deletion_timestamp: Option<String>, owner_references: Vec<Owner>,
    }
    struct Owner { kind: String, name: String, }
    struct Spec {
        project: String, source: Option<Value>, sources: Vec<Value>, destination: Destination,
        sync_policy: SyncPolicy,
    }
    struct Destination { server: String, name: String, namespace: String, }
    struct SyncPolicy { automated: Option<Automated>, }
    struct Automated { prune: bool, self_heal: bool, enabled: Option<bool>, }
    struct SourceFields {
        #[serde(rename = "repoURL")] repo_url: String,
        path: Option<String>, chart: Option<String>, target_revision: String,
    }
    struct Status {
        sync: Sync, health: Health, reconciled_at: Option<Timestamp>, operation_state: Option<OperationState>,
        history: Vec<History>, resources: Vec<Resource>, conditions: Vec<Condition>,
    }
    struct Sync { status: String, revision: String, revisions: Vec<String>, compared_to: Option<ComparedTo>, }
    struct ComparedTo { source: Option<Value>, sources: Vec<Value>, }
    struct Health { status: String, message: String, }
    struct Condition { #[serde(rename = "type")] kind: String, message: String, }
    struct Operation { sync: OperationSync, info: Vec<Tag>, initiated_by: Initiator, }
    struct OperationSync { revision: String, revisions: Vec<String>, resources: Vec<Value>, prune: bool, }
    struct Initiator { username: String, automated: bool, }
    struct OperationState {
        operation: Operation, phase: String, message: String, started_at: Option<Timestamp>,
        finished_at: Option<Timestamp>, retry_count: u64, sync_result: SyncResult,
    }
    struct SyncResult { revision: String, revisions: Vec<String>, resources: Vec<Result_>, }
    struct Result_ { kind: String, namespace: String, name: String, status: String, message: String, }
    struct History {
        id: i64, revision: String, revisions: Vec<String>, deployed_at: Option<Timestamp>, initiated_by: Initiator,
    }
    struct Resource {
        group: String, kind: String, namespace: String, name: String, status: String, health: Option<Health>,
        hook: bool, requires_pruning: bool,
    }
}

impl List {
    pub(super) fn into_items(self) -> Vec<Value> {
        self.items
    }
}

fn revisions(one: String, many: Vec<String>) -> Vec<String> {
    if many.is_empty() && !one.is_empty() { vec![one] } else { many }
}

fn source(raw: Value) -> SourceSpec {
    let fields = SourceFields::deserialize(&raw).unwrap_or_default();
    SourceSpec {
        repo_url: fields.repo_url,
        path: fields.path.filter(|path| !path.is_empty()),
        chart: fields.chart.filter(|chart| !chart.is_empty()),
        target_revision: fields.target_revision,
        raw,
    }
}

impl From<Application> for out::Application {
    fn from(app: Application) -> Self {
        let Application { metadata, spec, status, operation } = app;
        let multi_source = !spec.sources.is_empty();
        let raw: Vec<Value> = if multi_source { spec.sources } else { spec.source.into_iter().collect() };
        let compared = status.sync.compared_to.unwrap_or_default();
        let compared: Vec<Value> = if compared.sources.is_empty() {
            compared.source.into_iter().collect()
        } else {
            compared.sources
        };
        let automation = spec.sync_policy.automated.filter(|automated| automated.enabled != Some(false));
        out::Application {
            key: AppKey {
                name: metadata.name,
                project: spec.project,
                namespace: Some(metadata.namespace).filter(|namespace| !namespace.is_empty()),
            },
            uid: metadata.uid,
            resource_version: metadata.resource_version,
            labels: metadata.labels,
            annotations: metadata.annotations,
            destination: out::Destination {
                server: spec.destination.server,
                cluster: spec.destination.name,
                namespace: spec.destination.namespace,
            },
            comparison_outdated: compared != raw,
            sources: raw.into_iter().map(source).collect(),
            multi_source,
            automation: automation.map(|a| out::Automation { prune: a.prune, self_heal: a.self_heal }),
            sync: status.sync.status.into(),
            revisions: revisions(status.sync.revision, status.sync.revisions),
            health: status.health.status.into(),
            health_message: status.health.message,
            reconciled_at: status.reconciled_at,
            operation: operation.map(Into::into),
            operation_state: status.operation_state.map(Into::into),
            history: status.history.into_iter().map(Into::into).collect(),
            resources: status.resources.into_iter().map(Into::into).collect(),
            conditions: status
                .conditions
                .into_iter()
                .map(|condition| out::Condition { kind: condition.kind, message: condition.message })
                .collect(),
            deleting: metadata.deletion_timestamp.is_some(),
            owned_by: metadata.owner_references.first().map(|owner| format!("{} {}", owner.kind, owner.name)),
        }
    }
}

impl From<Operation> for out::Operation {
    fn from(operation: Operation) -> Self {
        Self {
            revisions: revisions(operation.sync.revision, operation.sync.revisions),
            partial: !operation.sync.resources.is_empty(),
            prune: operation.sync.prune,
            tags: operation.info,
            by: operation.initiated_by.username,
            automated: operation.initiated_by.automated,
        }
    }
}

impl From<OperationState> for out::OperationState {
    fn from(state: OperationState) -> Self {
        let result = |r: Result_| out::ResourceResult {
            kind: r.kind,
            namespace: r.namespace,
            name: r.name,
            status: r.status,
            message: r.message,
        };
        Self {
            operation: state.operation.into(),
            phase: state.phase.into(),
            message: state.message,
            started_at: state.started_at,
            finished_at: state.finished_at,
            retries: state.retry_count,
            synced_revisions: revisions(state.sync_result.revision, state.sync_result.revisions),
            results: state.sync_result.resources.into_iter().map(result).collect(),
        }
    }
}

impl From<History> for out::HistoryEntry {
    fn from(entry: History) -> Self {
        Self {
            id: entry.id,
            revisions: revisions(entry.revision, entry.revisions),
            deployed_at: entry.deployed_at,
            by: entry.initiated_by.username,
            automated: entry.initiated_by.automated,
        }
    }
}

impl From<Resource> for out::ResourceState {
    fn from(resource: Resource) -> Self {
        let health = resource.health.unwrap_or_default();
        Self {
            group: resource.group,
            kind: resource.kind,
            namespace: resource.namespace,
            name: resource.name,
            sync: resource.status.into(),
            health: Some(health.status).filter(|status| !status.is_empty()).map(Into::into),
            health_message: health.message,
            hook: resource.hook,
            requires_pruning: resource.requires_pruning,
        }
    }
}
