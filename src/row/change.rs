//! One resource's difference in words: what kind of change, which fields, which class, how risky.
//!
//! Never: a Secret's values; ArgoCD masks them and we say "changed".

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{
    Risk,
    sync::{Hand, Resource, ResourceKey, settled},
    yaml,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    Added,
    Changed,
    /// A sync would prune it.
    Removed,
}

/// What a change is about: what the rules judge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    ImageTag,
    ChartVersion,
    Replicas,
    ConfigValue,
    FeatureFlag,
    Resources,
    Metadata,
    Other,
    JobOrHook,
    Rbac,
    Secret,
    CustomResourceDefinition,
    Storage,
    Namespace,
}

impl Class {
    pub fn word(self) -> &'static str {
        match self {
            Self::ImageTag => "image tag",
            Self::ChartVersion => "chart version",
            Self::Replicas => "replicas",
            Self::ConfigValue => "config value",
            Self::FeatureFlag => "feature flag",
            Self::Resources => "resources",
            Self::Metadata => "metadata",
            Self::Other => "other field",
            Self::JobOrHook => "job or hook",
            Self::Rbac => "rbac",
            Self::Secret => "secret",
            Self::CustomResourceDefinition => "custom resource definition",
            Self::Storage => "storage",
            Self::Namespace => "namespace",
        }
    }
}

/// One field, live and as git wants it; absent on one side where it comes or goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    pub path: String,
    pub live: Option<String>,
    pub git: Option<String>,
    pub class: Class,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    pub key: ResourceKey,
    pub action: Action,
    pub fields: Vec<Field>,
    /// Who changed the live object by hand, where somebody did.
    pub hand: Option<Hand>,
    pub class: Class,
}

impl Change {
    /// Fields named at most; a larger change says how many there are in its diff.
    pub const FIELDS_MAX: usize = 200;

    pub fn of(resource: &Resource) -> Self {
        let (live, git) = (resource.live.as_ref().map(settled), resource.predicted.as_ref().map(settled));
        let action = match (&live, &git) {
            (None, _) => Action::Added,
            (Some(_), None) => Action::Removed,
            (Some(_), Some(_)) => Action::Changed,
        };
        let mut fields = Vec::new();
        if action == Action::Changed {
            compare("", live.as_ref(), git.as_ref(), &resource.key, &mut fields);
        }
        // Labels that only name the release change nothing of what the kind is about.
        let labels_only = !fields.is_empty()
            && fields.len() < Self::FIELDS_MAX
            && fields.iter().all(|field| field.class == Class::ChartVersion);
        let by_kind = class_of_kind(&resource.key).filter(|_| !labels_only);
        let class = by_kind.or_else(|| fields.iter().map(|field| field.class).max()).unwrap_or(Class::Other);
        let hand = resource.hand.clone().filter(|_| action == Action::Changed);
        Self { key: resource.key.clone(), action, fields, hand, class }
    }

    /// Storage, namespaces and definitions that are pruned do not come back; rights, secrets and jobs are costly.
    pub fn risk(&self) -> Risk {
        match (self.class, self.action) {
            (Class::Storage | Class::Namespace | Class::CustomResourceDefinition, Action::Removed) => {
                Risk::Irreversible
            }
            (
                Class::Rbac
                | Class::Secret
                | Class::JobOrHook
                | Class::CustomResourceDefinition
                | Class::Storage
                | Class::Namespace,
                _,
            ) => Risk::Costly,
            _ => Risk::Reversible,
        }
    }
}

fn class_of_kind(key: &ResourceKey) -> Option<Class> {
    match key.kind.as_str() {
        "Secret" | "SealedSecret" | "ExternalSecret" => Some(Class::Secret),
        "Role" | "ClusterRole" | "RoleBinding" | "ClusterRoleBinding" | "ServiceAccount" => Some(Class::Rbac),
        "CustomResourceDefinition" => Some(Class::CustomResourceDefinition),
        "PersistentVolumeClaim" | "PersistentVolume" | "StorageClass" => Some(Class::Storage),
        "Namespace" => Some(Class::Namespace),
        "Job" | "CronJob" => Some(Class::JobOrHook),
        _ => None,
    }
}

fn compare(path: &str, live: Option<&Json>, git: Option<&Json>, key: &ResourceKey, out: &mut Vec<Field>) {
    if live == git || out.len() >= Change::FIELDS_MAX {
        return;
    }
    if let (Some(Json::Object(a)), Some(Json::Object(b))) = (live, git) {
        let names: std::collections::BTreeSet<_> = a.keys().chain(b.keys()).collect();
        for name in names {
            let deeper = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            compare(&deeper, a.get(name), b.get(name), key, out);
        }
        return;
    }
    if let (Some(Json::Array(a)), Some(Json::Array(b))) = (live, git) {
        for at in 0..a.len().max(b.len()) {
            compare(&format!("{path}[{at}]"), a.get(at), b.get(at), key, out);
        }
        return;
    }
    let shown = |side: Option<&Json>| {
        side.map(|value| if key.kind == "Secret" { "(masked)".to_owned() } else { yaml::scalar(value) })
    };
    out.push(Field {
        path: path.to_owned(),
        live: shown(live),
        git: shown(git),
        class: class_of_field(path, key),
    });
}

fn class_of_field(path: &str, key: &ResourceKey) -> Class {
    let last = path.rsplit('.').next().unwrap_or(path);
    if path.starts_with("metadata.labels.helm.sh/chart")
        || path == "metadata.labels.app.kubernetes.io/version"
        || path == "spec.chart"
        || path == "spec.source.targetRevision"
    {
        Class::ChartVersion
    } else if path.starts_with("metadata.")
        || path.contains(".metadata.labels")
        || path.contains(".metadata.annotations")
    {
        Class::Metadata
    } else if last == "image" {
        Class::ImageTag
    } else if last == "replicas" {
        Class::Replicas
    } else if path.contains(".resources.") {
        Class::Resources
    } else if path.contains("metadata.finalizers") {
        Class::Other
    } else if key.kind == "ConfigMap" && key.name.contains("flag") {
        Class::FeatureFlag
    } else if key.kind == "ConfigMap" || path.contains(".env[") || path.contains(".args[") {
        Class::ConfigValue
    } else {
        Class::Other
    }
}
