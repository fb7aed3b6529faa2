//! One application: what ArgoCD keeps of it, and the JSON that it shows.
//!
//! Never: a status that was not computed by a reconciliation.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::operation::Step;
use crate::simulator::{
    git::Repository,
    manifest::{self, seconds},
};

/// Full syncs that ArgoCD remembers.
const HISTORY_MAX: usize = 10;
const NAMESPACE: &str = "argocd";

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::simulator) struct App {
    pub(in crate::simulator) name: String,
    pub(in crate::simulator) project: String,
    pub(in crate::simulator) env: String,
    /// Where it runs.
    pub(in crate::simulator) namespace: String,
    pub(in crate::simulator) source: Value,
    /// The repository that it is rendered from: `owner/name`.
    pub(in crate::simulator) repository: String,
    /// `spec.syncPolicy.automated`.
    pub(in crate::simulator) automated: Option<Value>,
    pub(in crate::simulator) created_at: Timestamp,
    /// The cluster's objects by `group/kind/namespace/name`.
    pub(in crate::simulator) live: BTreeMap<String, Value>,
    pub(super) cache: Cache,
    pub(in crate::simulator) health: String,
    pub(in crate::simulator) health_message: String,
    /// How it fares after the next sync: `Healthy`, or `Degraded` with the message.
    pub(in crate::simulator) outlook: (String, String),
    pub(super) operation: Option<Value>,
    pub(super) operation_state: Option<Value>,
    pub(super) step: Option<Step>,
    /// Ticks until its pods have settled after a sync.
    pub(super) settling: Option<u32>,
    /// The next attempts that fail, with this message.
    pub(in crate::simulator) failing: Option<(u32, String)>,
    pub(super) history: Vec<Value>,
    pub(super) next_history_id: i64,
    pub(super) resource_version: u64,
    /// A deny window stands.
    pub(in crate::simulator) window_closed: bool,
    pub(in crate::simulator) deleting: bool,
    pub(super) refresh_asked: bool,
    /// Ticks until ArgoCD looks again by itself.
    pub(super) reconcile_in: u32,
    /// What auto-sync tried last; it does not try the same twice.
    pub(super) tried: Option<String>,
}

/// What ArgoCD computed last.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Cache {
    pub(super) status: String,
    pub(super) revision: String,
    pub(super) compared_to: Value,
    pub(super) reconciled_at: Option<Timestamp>,
    pub(super) resources: Vec<Managed>,
    pub(super) images: Vec<String>,
}

/// One managed resource, both sides.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Managed {
    pub(super) key: String,
    pub(super) target: Value,
    pub(super) live: Value,
    pub(super) normalized: Value,
    pub(super) predicted: Value,
    pub(super) modified: bool,
}

impl App {
    /// An application as it was installed: synced once, healthy, at this revision.
    pub(in crate::simulator) fn installed(
        name: &str,
        (project, env): (&str, &str),
        source: Value,
        repository: &Repository,
        at: Timestamp,
    ) -> Self {
        let mut app = Self {
            name: name.to_owned(),
            project: project.to_owned(),
            env: env.to_owned(),
            namespace: project.to_owned(),
            source,
            repository: repository.full_name.clone(),
            automated: None,
            created_at: at,
            live: BTreeMap::new(),
            cache: Cache::default(),
            health: "Healthy".to_owned(),
            health_message: String::new(),
            outlook: ("Healthy".to_owned(), String::new()),
            operation: None,
            operation_state: None,
            step: None,
            settling: None,
            failing: None,
            history: vec![],
            next_history_id: 38,
            resource_version: 80_000,
            window_closed: false,
            deleting: false,
            refresh_asked: false,
            reconcile_in: super::reconcile::EVERY_TICKS,
            tried: None,
        };
        let revision = app.resolve(repository, "").unwrap_or_default();
        for target in app.rendered(repository, &revision) {
            let serial = app.next_version();
            app.live.insert(manifest::key(&target), manifest::apply(None, &target, serial, at));
        }
        app.remember(&revision, at, at, &json!({"username": "jordan"}));
        app
    }

    /// The revision that a name means in this application's repository; an empty one means its target.
    pub(super) fn resolve(&self, repository: &Repository, name: &str) -> Option<String> {
        if self.source["chart"].is_string() {
            let newest = || repository.releases.last().map(|release| release.version.clone());
            let same = |release: &&crate::simulator::git::Release| release.version == name;
            let ranged = name.is_empty() || name.starts_with(['~', '^', '*']);
            return if ranged {
                newest()
            } else {
                repository.releases.iter().find(same).map(|r| r.version.clone())
            };
        }
        repository.find(name).map(|(_, commit)| commit.sha.clone())
    }

    /// The manifests at a resolved revision, with ArgoCD's tracking on them.
    pub(super) fn rendered(&self, repository: &Repository, revision: &str) -> Vec<Value> {
        let chart = || repository.releases.iter().find(|release| release.version == revision);
        let plain = if self.source["chart"].is_string() {
            chart().map(|release| release.manifests.clone()).unwrap_or_default()
        } else {
            repository.manifests(revision).unwrap_or_default().to_vec()
        };
        plain.into_iter().map(|object| self.tracked(object)).collect()
    }

    fn tracked(&self, mut object: Value) -> Value {
        let [group, kind, namespace, name] = manifest::parts(&object);
        let id = format!("{}:{group}/{kind}:{namespace}/{name}", self.name);
        object["metadata"]["annotations"]["argocd.argoproj.io/tracking-id"] = json!(id);
        object
    }

    pub(in crate::simulator) fn next_version(&mut self) -> u64 {
        self.resource_version += 1;
        self.resource_version
    }

    pub(in crate::simulator) fn is_synced(&self) -> bool {
        self.cache.status == "Synced"
    }

    /// Is its last full sync what its target resolves to? Then a drift is by hand.
    pub(in crate::simulator) fn runs_what_git_says(&self) -> bool {
        self.history.last().is_some_and(|last| last["revision"] == self.cache.revision.as_str())
    }

    /// ArgoCD looks again in so many ticks, unless it was to look sooner.
    pub(in crate::simulator) fn notice(&mut self, ticks: u32) {
        self.reconcile_in = self.reconcile_in.min(ticks).max(1);
    }

    /// The live object of a kind, to be changed past git.
    pub(in crate::simulator) fn live_of_kind(&mut self, kind: &str) -> Option<&mut Value> {
        self.live.values_mut().find(|object| object["kind"] == kind)
    }

    /// Adds a full sync to the history.
    pub(super) fn remember(&mut self, revision: &str, began: Timestamp, ended: Timestamp, by: &Value) {
        self.next_history_id += 1;
        self.history.push(json!({"id": self.next_history_id, "revision": revision,
            "deployStartedAt": seconds(began), "deployedAt": seconds(ended), "source": self.source, "initiatedBy": by}));
        if self.history.len() > HISTORY_MAX {
            self.history.remove(0);
        }
    }

    /// As the API shows it.
    pub(in crate::simulator) fn json(&self) -> Value {
        let mut metadata = json!({"name": self.name, "namespace": NAMESPACE, "uid": manifest::uid(&self.name),
            "resourceVersion": self.resource_version.to_string(), "generation": self.resource_version - 80_000,
            "creationTimestamp": seconds(self.created_at), "labels": {"env": self.env, "team": self.project}});
        if self.refresh_asked {
            metadata["annotations"] = json!({"argocd.argoproj.io/refresh": "normal"});
        }
        if self.deleting {
            metadata["deletionTimestamp"] = json!(seconds(self.created_at));
        }
        let destination = json!({"server": "https://kubernetes.default.svc", "namespace": self.namespace});
        let mut policy = json!({"syncOptions": ["CreateNamespace=false"]});
        if let Some(automated) = &self.automated {
            policy["automated"] = automated.clone();
        }
        let mut app = json!({"metadata": metadata,
            "spec": {"project": self.project, "source": self.source, "destination": destination, "syncPolicy": policy},
            "status": self.status(&destination)});
        if let Some(operation) = &self.operation {
            app["operation"] = operation.clone();
        }
        app
    }

    fn status(&self, destination: &Value) -> Value {
        let cache = &self.cache;
        let mut health = json!({"status": self.health});
        if !self.health_message.is_empty() {
            health["message"] = json!(self.health_message);
        }
        let mut status = json!({
            "sync": {"status": cache.status, "revision": cache.revision,
                "comparedTo": {"source": cache.compared_to, "destination": destination}},
            "health": health,
            "sourceType": if self.source["chart"].is_string() { "Helm" } else { "Kustomize" },
            "summary": {"images": cache.images},
            "resources": cache.resources.iter().map(|resource| self.resource_status(resource)).collect::<Vec<_>>(),
            "history": self.history,
        });
        if let Some(at) = cache.reconciled_at {
            status["reconciledAt"] = json!(seconds(at));
        }
        if let Some(state) = &self.operation_state {
            status["operationState"] = state.clone();
        }
        status
    }

    fn resource_status(&self, resource: &Managed) -> Value {
        let one = if resource.target.is_null() { &resource.live } else { &resource.target };
        let [group, kind, namespace, name] = manifest::parts(one);
        let word = if resource.modified { "OutOfSync" } else { "Synced" };
        let mut status =
            json!({"version": "v1", "kind": kind, "namespace": namespace, "name": name, "status": word});
        if !group.is_empty() {
            status["group"] = json!(group);
        }
        if resource.target.is_null() {
            status["requiresPruning"] = json!(true);
        }
        if kind == "Deployment" {
            status["health"] = json!({"status": self.health});
            if !self.health_message.is_empty() {
                status["health"]["message"] = json!(self.health_message);
            }
        }
        status
    }
}
