//! One application as `row::sync` judges it: the same reading for the agent that drafts, the server that checks and the
//! executor that reads again.
//!
//! Never: a judgement; a manager of fields taken for a person who touched what differs, unless it owns what differs.

use serde_json::{Map, Value};

use super::{AppKey, Application, ManagedResource, Manager, Refresh, Source, SyncStatus, is_hook, managers};
use crate::{
    platform::PlatformError,
    row::sync::{Hand, Reading, Resource, ResourceKey},
};

/// Managers of fields that are ArgoCD, or the cluster at its own work.
const NOT_BY_HAND: [&str; 5] =
    ["argocd", "kube-controller-manager", "kubelet", "kube-scheduler", "before-first-apply"];

impl Source {
    /// The application, both sides of its resources, and the hooks that a sync would run.
    pub async fn reading(&self, app: &AppKey, refresh: Refresh) -> Result<Reading, PlatformError> {
        let application = self.application(app, refresh).await?;
        let managed = self.managed_resources(app).await?;
        let revision = match application.revisions.as_slice() {
            [one] => one.as_str(),
            // Several sources: what their targets resolve to.
            _ => "",
        };
        let manifests = self.manifests(app, revision).await?;
        Ok(reading(&application, &managed, &manifests))
    }
}

/// Puts the three answers together.
pub fn reading(app: &Application, managed: &[ManagedResource], manifests: &[Value]) -> Reading {
    let last = app.last_sync();
    // Where git did not move, what differs was changed on the live side.
    let git_moved = last.is_none_or(|last| last.revisions != app.revisions);
    let since = last.and_then(|last| last.deployed_at);
    let hand = |resource: &ManagedResource| {
        let by_hand: Vec<Manager> =
            resource.live.as_ref().map(managers).unwrap_or_default().into_iter().filter(by_hand).collect();
        let owner = by_hand.iter().find(|manager| touched(manager, resource));
        let newest = by_hand.first().filter(|manager| !git_moved && manager.at > since);
        owner.or(newest).map(|manager| Hand { manager: manager.name.clone(), at: manager.at })
    };
    let state = app.operation_state.as_ref();
    Reading {
        app: app.key.name.clone(),
        project: app.key.project.clone(),
        environment: app.environment().map(str::to_owned),
        sync_status: sync_word(&app.sync).to_owned(),
        health: app.health.word().to_owned(),
        revisions: app.revisions.clone(),
        synced_revisions: last.map(|last| last.revisions.clone()).unwrap_or_default(),
        sources: app.sources.iter().map(|source| source.raw.clone()).collect(),
        auto_sync: app.automation.is_some(),
        operation_running: app.is_busy(),
        reconciled_at: app.reconciled_at,
        history_id: last.map(|last| last.id),
        operation_finished_at: state.and_then(|state| state.finished_at).map(|at| at.to_string()),
        resources: managed.iter().map(|resource| one(resource, hand(resource))).collect(),
        hooks: hooks(manifests),
    }
}

fn one(resource: &ManagedResource, hand: Option<Hand>) -> Resource {
    let super::ResourceKey { group, kind, namespace, name } = resource.key.clone();
    let version = Some(resource.resource_version.clone()).filter(|version| !version.is_empty());
    let metadata = resource.live.as_ref().and_then(|live| live.get("metadata"));
    let live_version = metadata.and_then(|metadata| metadata.get("resourceVersion")).and_then(Value::as_str);
    Resource {
        key: ResourceKey { group, kind, namespace, name },
        live: resource.normalized_live.clone(),
        // Without a target a sync prunes it, whatever was predicted.
        predicted: resource.predicted_live.clone().filter(|_| resource.target.is_some()),
        hand,
        uid: resource.uid().map(str::to_owned),
        resource_version: live_version.map(str::to_owned).or(version),
    }
}

/// `Job/migrate PreSync`, sorted.
fn hooks(manifests: &[Value]) -> Vec<String> {
    let text = |object: &Value, path: &[&str]| {
        path.iter()
            .try_fold(object, |at, key| at.get(*key))
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let named = |hook: &Value| {
        let phase = ["argocd.argoproj.io/hook", "helm.sh/hook"]
            .map(|annotation| text(hook, &["metadata", "annotations", annotation]))
            .into_iter()
            .find(|phase| !phase.is_empty());
        format!(
            "{}/{} {}",
            text(hook, &["kind"]),
            text(hook, &["metadata", "name"]),
            phase.unwrap_or_default()
        )
    };
    let mut hooks: Vec<_> = manifests.iter().filter(|manifest| is_hook(manifest)).map(named).collect();
    hooks.sort();
    hooks
}

fn sync_word(status: &SyncStatus) -> &str {
    match status {
        SyncStatus::Synced => "Synced",
        SyncStatus::OutOfSync => "OutOfSync",
        SyncStatus::Other(word) if word.is_empty() => "Unknown",
        SyncStatus::Other(word) => word,
    }
}

fn by_hand(manager: &Manager) -> bool {
    !NOT_BY_HAND.iter().any(|own| manager.name.starts_with(own))
}

/// Does the manager own a field in which live and predicted differ?
fn touched(manager: &Manager, resource: &ManagedResource) -> bool {
    let (Some(live), Some(predicted)) = (&resource.normalized_live, &resource.predicted_live) else {
        return false;
    };
    owns_difference(&manager.fields, Some(live), Some(predicted))
}

fn owns_difference(owned: &Value, live: Option<&Value>, predicted: Option<&Value>) -> bool {
    if live == predicted {
        return false;
    }
    let Some(tree) = owned.as_object().filter(|tree| !tree.is_empty()) else {
        // A leaf of the tree: all below it is owned.
        return owned.is_object();
    };
    let under = |name: &str, key: &Value| match name.split_once(':') {
        Some(("f", field)) => {
            let side = |side: Option<&'_ Value>| side.and_then(|side| side.get(field)).cloned();
            owns_difference(key, side(live).as_ref(), side(predicted).as_ref())
        }
        Some(("k", keys)) => {
            let Ok(keys) = serde_json::from_str::<Map<String, Value>>(keys) else { return false };
            let side = |side: Option<&Value>| side.and_then(|side| item(side, &keys)).cloned();
            owns_difference(key, side(live).as_ref(), side(predicted).as_ref())
        }
        // An entry of a set, by value or place: the list itself differs.
        Some(("v" | "i", _)) => true,
        _ => false,
    };
    tree.iter().any(|(name, key)| under(name, key))
}

/// The item of a list that has these keys.
fn item<'a>(list: &'a Value, keys: &Map<String, Value>) -> Option<&'a Value> {
    list.as_array()?.iter().find(|item| keys.iter().all(|(name, value)| item.get(name) == Some(value)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn manager(fields: Value) -> Manager {
        Manager { name: "kubectl-edit".to_owned(), at: None, operation: "Update".to_owned(), fields }
    }

    #[test]
    fn who_owns_what_differs_touched_it() {
        let live = json!({"data": {"a": "1", "b": "1"}, "spec": {"containers": [{"name": "x", "image": "i:1"}], "args": ["a"]}});
        let mut git = live.clone();
        let check = |fields: Value, git: &Value, expected: bool| {
            assert_eq!(
                owns_difference(&manager(fields.clone()).fields, Some(&live), Some(git)),
                expected,
                "{fields}"
            );
        };
        check(json!({"f:data": {"f:a": {}}}), &git, false);
        git["data"]["a"] = json!("2");
        check(json!({"f:data": {"f:a": {}}}), &git, true);
        check(json!({"f:data": {".": {}, "f:b": {}}}), &git, false);
        check(Value::Null, &git, false);
        git["data"]["a"] = json!("1");
        git["spec"]["containers"][0]["image"] = json!("i:2");
        check(json!({"f:spec": {"f:containers": {"k:{\"name\":\"x\"}": {"f:image": {}}}}}), &git, true);
        check(json!({"f:spec": {"f:containers": {"k:{\"name\":\"x\"}": {"f:env": {}}}}}), &git, false);
        check(json!({"f:spec": {"f:containers": {"k:{\"name\":\"y\"}": {"f:image": {}}}}}), &git, false);
        git["spec"]["args"] = json!(["b"]);
        check(json!({"f:spec": {"f:args": {"v:\"a\"": {}}}}), &git, true);
    }

    #[test]
    fn hooks_are_named_with_their_phase() {
        let hook = |kind: &str, name: &str, phase: &str| json!({"kind": kind, "metadata": {"name": name, "annotations": {"argocd.argoproj.io/hook": phase}}});
        let manifests = [
            hook("Job", "migrate", "PreSync"),
            json!({"kind": "Service", "metadata": {"name": "a"}}),
            hook("Job", "a", "PostSync"),
        ];
        assert_eq!(hooks(&manifests), ["Job/a PostSync", "Job/migrate PreSync"]);
    }
}
