//! The two sides of a drift, resource by resource, and the one form in which live state is digested.
//!
//! Never: a Secret's value (they arrive as masks of `+`), a comparison of raw live with raw target (that shows the
//! cluster's defaults as drift).

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

/// What names one object in a cluster. The group is empty for the core kinds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceKey {
    pub group: String,
    pub kind: String,
    pub namespace: String,
    pub name: String,
}

/// One resource that git, the cluster, or both know. As old as the application's `reconciled_at`.
#[derive(Debug, Clone, PartialEq)]
pub struct ManagedResource {
    pub key: ResourceKey,
    /// What git says. `None`: git does not have it, a sync with prune would remove it.
    pub target: Option<Value>,
    /// What the cluster has, with `metadata.managedFields` (who changed what, when). `None`: it is missing there.
    pub live: Option<Value>,
    /// `live` without noise: the left side of the difference.
    pub normalized_live: Option<Value>,
    /// What the cluster would have after a sync: the right side of the difference.
    pub predicted_live: Option<Value>,
    pub resource_version: String,
    /// ArgoCD itself counts it as drifted.
    pub modified: bool,
}

impl ManagedResource {
    /// Secrets are shown as "changed", by uid and resource version, never by value.
    pub fn is_secret(&self) -> bool {
        self.key.group.is_empty() && self.key.kind == "Secret"
    }

    /// The object's uid in the cluster.
    pub fn uid(&self) -> Option<&str> {
        self.live.as_ref()?.get("metadata")?.get("uid")?.as_str()
    }
}

/// Somebody who owns fields of a live object, from `metadata.managedFields`.
#[derive(Debug, Clone, PartialEq)]
pub struct Manager {
    /// As in `kubectl-edit`, `argocd-controller`.
    pub name: String,
    pub at: Option<Timestamp>,
    /// `Apply` or `Update`.
    pub operation: String,
    /// The fields, in Kubernetes' own tree (`f:data` → `f:flag`); null where it is not told.
    pub fields: Value,
}

impl Manager {
    /// Does it own the field at this path of keys (list entries, which are named otherwise, are not looked into)?
    pub fn owns(&self, path: &[&str]) -> bool {
        let mut at = Some(&self.fields);
        for &key in path {
            at = at.and_then(|tree| tree.get(format!("f:{key}")));
        }
        at.is_some()
    }
}

/// Who owns fields of this live object, newest first. Empty: not told, which is not nobody.
pub fn managers(live: &Value) -> Vec<Manager> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Entry {
        #[serde(default)]
        manager: String,
        #[serde(default)]
        operation: String,
        time: Option<Timestamp>,
        #[serde(default, rename = "fieldsV1")]
        fields: Value,
    }
    let entries = live.get("metadata").and_then(|metadata| metadata.get("managedFields"));
    let entries = entries.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let read = entries.iter().filter_map(|entry| Entry::deserialize(entry).ok());
    let mut managers: Vec<Manager> = read
        .map(|e| Manager { name: e.manager, at: e.time, operation: e.operation, fields: e.fields })
        .collect();
    managers.sort_by_key(|manager| std::cmp::Reverse(manager.at));
    managers
}

/// The form in which a resource goes into digests, in every place: without `metadata.resourceVersion`,
/// `.managedFields`, `.generation`, `status`, and ArgoCD's own annotations. Write it with `row::c1::sorted_json`.
pub fn digest_form(state: &Value) -> Value {
    let mut state = state.clone();
    if let Some(object) = state.as_object_mut() {
        object.remove("status");
    }
    if let Some(metadata) = state.get_mut("metadata").and_then(Value::as_object_mut) {
        for noise in ["resourceVersion", "managedFields", "generation"] {
            metadata.remove(noise);
        }
        if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
            annotations.retain(|name, _| !is_argocds(name));
            if annotations.is_empty() {
                metadata.remove("annotations");
            }
        }
    }
    state
}

/// Does any text in it consist of ArgoCD's mask? Such a digest identifies a mask, not a value.
pub fn has_masks(state: &Value) -> bool {
    match state {
        Value::String(text) => text.len() >= 8 && text.bytes().all(|byte| byte == b'+'),
        Value::Array(items) => items.iter().any(has_masks),
        Value::Object(fields) => fields.values().any(has_masks),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Is this rendered manifest a hook (a job around the sync)? A full sync runs it, a partial one does not.
pub fn is_hook(manifest: &Value) -> bool {
    let annotations = manifest.get("metadata").and_then(|metadata| metadata.get("annotations"));
    ["argocd.argoproj.io/hook", "helm.sh/hook"]
        .iter()
        .any(|name| annotations.and_then(|annotations| annotations.get(name)).is_some())
}

fn is_argocds(annotation: &str) -> bool {
    annotation.split('/').next().is_some_and(|domain| domain == "argocd.argoproj.io")
}

/// A managed resource as it comes: states are JSON in strings, `"null"` or empty where there is none.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Wire {
    group: Option<String>,
    kind: Option<String>,
    namespace: Option<String>,
    name: Option<String>,
    target_state: Option<String>,
    live_state: Option<String>,
    normalized_live_state: Option<String>,
    predicted_live_state: Option<String>,
    resource_version: Option<String>,
    modified: Option<bool>,
}

impl TryFrom<Wire> for ManagedResource {
    type Error = serde_json::Error;

    fn try_from(wire: Wire) -> Result<Self, Self::Error> {
        Ok(Self {
            key: ResourceKey {
                group: wire.group.unwrap_or_default(),
                kind: wire.kind.unwrap_or_default(),
                namespace: wire.namespace.unwrap_or_default(),
                name: wire.name.unwrap_or_default(),
            },
            target: state(wire.target_state.as_deref())?,
            live: state(wire.live_state.as_deref())?,
            normalized_live: state(wire.normalized_live_state.as_deref())?,
            predicted_live: state(wire.predicted_live_state.as_deref())?,
            resource_version: wire.resource_version.unwrap_or_default(),
            modified: wire.modified.unwrap_or_default(),
        })
    }
}

fn state(text: Option<&str>) -> Result<Option<Value>, serde_json::Error> {
    match text {
        None | Some("") => Ok(None),
        Some(text) => serde_json::from_str(text),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn the_digest_form_drops_noise_and_keeps_the_rest() {
        let noisy = json!({"kind": "Deployment", "metadata": {"name": "a", "resourceVersion": "7", "generation": 3,
            "managedFields": [{}], "uid": "u", "annotations": {"argocd.argoproj.io/tracking-id": "x", "team": "p"}},
            "spec": {"replicas": 3, "paused": null}, "status": {"replicas": 2}});
        let plain = json!({"kind": "Deployment", "metadata": {"name": "a", "uid": "u", "annotations": {"team": "p"}},
            "spec": {"replicas": 3, "paused": null}});
        assert_eq!(digest_form(&noisy), plain);
        assert_eq!(digest_form(&plain), plain);
        let only_argocd = json!({"metadata": {"annotations": {"argocd.argoproj.io/sync-wave": "1"}}});
        assert_eq!(digest_form(&only_argocd), json!({"metadata": {}}));
        assert_eq!(digest_form(&json!(null)), json!(null));
    }

    #[test]
    fn an_absent_state_is_none_in_each_of_its_spellings() {
        for text in [None, Some(""), Some("null")] {
            assert_eq!(state(text).unwrap(), None);
        }
        assert!(state(Some("{")).is_err());
    }

    #[test]
    fn managers_come_newest_first_and_own_paths() {
        let live = json!({"metadata": {"managedFields": [
            {"manager": "argocd-controller", "operation": "Update", "time": "2026-05-01T00:00:00Z"},
            {"manager": "kubectl-edit", "operation": "Update", "time": "2026-05-30T01:52:10Z",
             "fieldsV1": {"f:data": {"f:express": {}}}}]}});
        let managers = managers(&live);
        assert_eq!(managers[0].name, "kubectl-edit");
        assert!(managers[0].owns(&["data", "express"]) && !managers[0].owns(&["data", "other"]));
        assert!(!managers[1].owns(&["data"]));
    }

    fn json_tree() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<i32>().prop_map(Value::from),
            ".{0,6}".prop_map(Value::from)
        ];
        let names =
            prop_oneof!["metadata", "annotations", "status", "argocd.argoproj.io/x", "generation", "a"];
        leaf.prop_recursive(4, 32, 4, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(names.clone(), inner, 0..5)
                    .prop_map(|fields| fields.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn the_digest_form_of_a_digest_form_is_itself(state in json_tree()) {
            let once = digest_form(&state);
            prop_assert_eq!(digest_form(&once), once.clone());
            let _ = (managers(&state), has_masks(&state), is_hook(&state));
        }
    }

    #[test]
    fn masks_are_known() {
        assert!(has_masks(&json!({"data": {"password": "++++++++++"}})));
        assert!(!has_masks(&json!({"data": {"sum": "+1", "note": "a++"}})));
    }
}
