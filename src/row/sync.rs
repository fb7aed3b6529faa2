//! The kind `sync`: one ArgoCD application that differs from git, what was read of it, and what a sync would do.
//!
//! Everything that Dock judges about a sync is computed here, from one [`Reading`], by the agent that drafts, the
//! server that checks the draft, and the executor that reads again before it acts: same reading, same answer.
//!
//! Never: reads a platform, or believes what somebody else computed.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{Digest, Risk, base::Moved, c1, change::Change};

/// One application as ArgoCD gave it after a refresh: the application, and both sides of its managed resources.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    pub app: String,
    pub project: String,
    /// From the application's own label `env`; absent is unknown.
    pub environment: Option<String>,
    /// `Synced`, `OutOfSync`, `Unknown`.
    pub sync_status: String,
    /// `Healthy`, `Progressing`, `Degraded`, `Suspended`, `Missing`, `Unknown`.
    pub health: String,
    /// The commits or chart versions that the target resolves to now; one a source.
    pub revisions: Vec<String>,
    /// What was synced last, from the newest history entry.
    pub synced_revisions: Vec<String>,
    /// `spec.source` or `spec.sources`, whole.
    pub sources: Vec<Json>,
    /// ArgoCD reconciles by itself: it refuses a pinned revision, and a decline cannot hold it.
    pub auto_sync: bool,
    pub operation_running: bool,
    pub reconciled_at: Option<Timestamp>,
    /// The newest history entry's id, and when the last operation ended: what tells ours from theirs after a crash.
    pub history_id: Option<i64>,
    pub operation_finished_at: Option<String>,
    /// All managed resources, hooks left out.
    pub resources: Vec<Resource>,
    /// Hooks that a sync would run, as `kind/name phase`.
    pub hooks: Vec<String>,
}

/// One managed resource, live and as it would be after a sync.
#[derive(Debug, Clone, PartialEq)]
pub struct Resource {
    pub key: ResourceKey,
    /// `normalizedLiveState`; absent where nothing is live.
    pub live: Option<Json>,
    /// `predictedLiveState`; absent where a sync would prune it.
    pub predicted: Option<Json>,
    /// Who wrote the live object last outside of ArgoCD, from `managedFields`.
    pub hand: Option<Hand>,
    /// Live, `uid` and `resourceVersion`: for Secrets, whose values ArgoCD masks.
    pub uid: Option<String>,
    pub resource_version: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResourceKey {
    pub group: String,
    pub kind: String,
    pub namespace: String,
    pub name: String,
}

/// A manager of live fields that is not ArgoCD: somebody's kubectl, an operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hand {
    pub manager: String,
    pub at: Option<Timestamp>,
}

impl fmt::Display for ResourceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.name)
    }
}

/// What a sync row was read against (9-formats `base.v1`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SyncBase {
    pub application: String,
    pub project: String,
    pub revisions: Vec<String>,
    pub sources: Vec<Json>,
    pub resources: Vec<TouchedResource>,
    pub hooks: Vec<String>,
}

/// A resource that a sync would change, by digests of both sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TouchedResource {
    #[serde(flatten)]
    pub key: ResourceKey,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predicted: Option<Digest>,
    /// Secrets are masked: their identity and version stand in for their content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

/// What the executor will ask of ArgoCD (9-formats `effect.v1`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SyncEffect {
    pub application: String,
    pub project: String,
    pub revisions: Vec<String>,
    pub prune: bool,
    /// `all`: the whole application. A partial sync would skip hooks and write no history.
    pub resources: String,
    pub hooks: Vec<String>,
}

impl Reading {
    /// The resources that a sync would change, in a fixed order.
    pub fn touched(&self) -> Vec<&Resource> {
        let mut touched: Vec<_> = self.resources.iter().filter(|resource| resource.differs()).collect();
        touched.sort_by(|a, b| a.key.cmp(&b.key));
        touched
    }

    pub fn base(&self) -> SyncBase {
        SyncBase {
            application: self.app.clone(),
            project: self.project.clone(),
            revisions: self.revisions.clone(),
            sources: self.sources.clone(),
            resources: self.touched().into_iter().map(Resource::identity).collect(),
            hooks: self.hooks.clone(),
        }
    }

    pub fn effect(&self) -> SyncEffect {
        SyncEffect {
            application: self.app.clone(),
            project: self.project.clone(),
            revisions: self.revisions.clone(),
            prune: self.touched().iter().any(|resource| resource.predicted.is_none()),
            resources: "all".to_owned(),
            hooks: self.hooks.clone(),
        }
    }

    /// What differs, resource by resource, with its class.
    pub fn changes(&self) -> Vec<Change> {
        self.touched().into_iter().map(Change::of).collect()
    }

    /// The riskiest change decides; nothing touched is reversible.
    pub fn risk(&self) -> Risk {
        self.changes().iter().map(Change::risk).max().unwrap_or(Risk::Reversible)
    }
}

impl Resource {
    pub fn differs(&self) -> bool {
        self.live.as_ref().map(settled) != self.predicted.as_ref().map(settled)
    }

    fn identity(&self) -> TouchedResource {
        let digest =
            |side: &Option<Json>| side.as_ref().map(|json| Digest::of(c1::sorted_json(&settled(json))));
        let version = || {
            let (uid, version) = (self.uid.as_deref()?, self.resource_version.as_deref()?);
            Some(format!("{uid}@{version}"))
        };
        let secret = if self.key.kind == "Secret" { version() } else { None };
        TouchedResource {
            key: self.key.clone(),
            live: digest(&self.live),
            predicted: digest(&self.predicted),
            secret,
        }
    }
}

impl SyncBase {
    /// The drift's own digest, for holds: the base without revisions, so that a new commit that changes nothing
    /// of what differs is the same drift.
    pub fn drift(&self) -> Digest {
        let without = Self { revisions: Vec::new(), ..self.clone() };
        super::base::digest_of("base.v1", &without)
    }

    /// Field by field. A new revision alone is no move while what would be touched is equal; a row that touches
    /// nothing that it can name is stale on any change.
    pub fn moved(&self, now: &Self) -> Vec<Moved> {
        let mut moved = Vec::new();
        let mut field = |what: &str, was: String, is: String| {
            if was != is {
                moved.push(Moved { what: what.to_owned(), was, is });
            }
        };
        field("application", self.application.clone(), now.application.clone());
        field("project", self.project.clone(), now.project.clone());
        field("source", text(&self.sources), text(&now.sources));
        field("hooks", self.hooks.join(", "), now.hooks.join(", "));
        if self.resources.is_empty() {
            field("revision", self.revisions.join(", "), now.revisions.join(", "));
        }
        for resource in &self.resources {
            let Some(other) = now.resources.iter().find(|other| other.key == resource.key) else {
                field(&resource.key.to_string(), "differs".to_owned(), "no longer differs".to_owned());
                continue;
            };
            let side = |digest: Option<Digest>| digest.map_or_else(|| "absent".to_owned(), |d| d.short());
            field(&format!("{} live", resource.key), side(resource.live), side(other.live));
            field(&format!("{} in git", resource.key), side(resource.predicted), side(other.predicted));
            let version = |secret: &Option<String>| secret.clone().unwrap_or_else(|| "unknown".to_owned());
            field(&format!("{} version", resource.key), version(&resource.secret), version(&other.secret));
        }
        for other in &now.resources {
            if !self.resources.iter().any(|resource| resource.key == other.key) {
                field(&other.key.to_string(), "did not differ".to_owned(), "differs now".to_owned());
            }
        }
        moved
    }
}

fn text(sources: &[Json]) -> String {
    String::from_utf8_lossy(&c1::sorted_json(&Json::Array(sources.to_vec()))).into_owned()
}

/// Annotations that ArgoCD itself writes: they move without anybody's doing.
const ARGOCD_ANNOTATIONS: [&str; 3] = [
    "argocd.argoproj.io/",
    "kubectl.kubernetes.io/last-applied-configuration",
    "deployment.kubernetes.io/revision",
];

/// A resource without what moves by itself: resource version, managed fields, generation, status, ArgoCD's own
/// annotations (9-formats, "Live state of a resource").
pub fn settled(resource: &Json) -> Json {
    let mut settled = resource.clone();
    let Some(object) = settled.as_object_mut() else { return settled };
    object.remove("status");
    let Some(metadata) = object.get_mut("metadata").and_then(Json::as_object_mut) else { return settled };
    for own in ["resourceVersion", "managedFields", "generation", "uid", "creationTimestamp", "selfLink"] {
        metadata.remove(own);
    }
    if let Some(annotations) = metadata.get_mut("annotations").and_then(Json::as_object_mut) {
        annotations.retain(|name, _| !ARGOCD_ANNOTATIONS.iter().any(|own| name.starts_with(own)));
        if annotations.is_empty() {
            metadata.remove("annotations");
        }
    }
    settled
}
