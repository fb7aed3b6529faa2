//! Kubernetes objects: as git has them, as the cluster keeps them, and how the one becomes the other.
//!
//! Enough of Kubernetes' own rules for a faithful drift: defaults, the three-way merge of `kubectl apply`, field owners.
//! Never: a value that depends on chance.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use similar::{ChangeTag, TextDiff};

use super::git::File;

pub(super) const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
pub(super) const CONTROLLER: &str = "argocd-controller";

/// What a service of ours looks like in git.
pub(super) struct Service<'a> {
    pub(super) name: &'a str,
    pub(super) namespace: &'a str,
    pub(super) image: String,
    pub(super) replicas: u32,
    pub(super) env: &'a [(&'a str, &'a str)],
    pub(super) flags: &'a [(&'a str, &'a str)],
    pub(super) chart: Option<String>,
}

/// The manifests of a service: deployment, service, flags, autoscaler's account, and a database secret.
pub(super) fn service(of: &Service<'_>) -> Vec<Value> {
    let Service { name, namespace, .. } = of;
    let metadata = |name: &str| {
        let mut labels =
            json!({"app.kubernetes.io/name": of.name, "app.kubernetes.io/part-of": of.namespace});
        if let Some(chart) = &of.chart {
            labels["helm.sh/chart"] = json!(chart);
        }
        json!({"name": name, "namespace": namespace, "labels": labels})
    };
    let env: Vec<Value> = of.env.iter().map(|(key, value)| json!({"name": key, "value": value})).collect();
    let flags: Map<String, Value> =
        of.flags.iter().map(|&(key, value)| (key.to_owned(), json!(value))).collect();
    let selector = json!({"app.kubernetes.io/name": name});
    let container = json!({"name": name, "image": of.image, "ports": [{"containerPort": 8080, "name": "http"}],
        "env": env, "envFrom": [{"configMapRef": {"name": format!("{name}-flags")}}],
        "resources": {"requests": {"cpu": "250m", "memory": "256Mi"}, "limits": {"memory": "512Mi"}},
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": "http"}, "periodSeconds": 5}});
    vec![
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata(name),
            "spec": {"replicas": of.replicas, "selector": {"matchLabels": selector.clone()},
                "template": {"metadata": {"labels": selector.clone()},
                    "spec": {"serviceAccountName": name, "containers": [container]}}}}),
        json!({"apiVersion": "v1", "kind": "Service", "metadata": metadata(name),
            "spec": {"selector": selector, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]}}),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata(&format!("{name}-flags")), "data": flags}),
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata(name)}),
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata(&format!("{name}-db")), "type": "Opaque",
            "data": {"password": "c2ltdWxhdGVk"}}),
    ]
}

/// `group/kind/namespace/name`.
pub(super) fn key(object: &Value) -> String {
    let [group, kind, namespace, name] = parts(object);
    format!("{group}/{kind}/{namespace}/{name}")
}

/// Group, kind, namespace and name.
pub(super) fn parts(object: &Value) -> [&str; 4] {
    let api = object["apiVersion"].as_str().unwrap_or_default();
    let group = api.split_once('/').map_or("", |(group, _)| group);
    let metadata = &object["metadata"];
    [
        group,
        object["kind"].as_str().unwrap_or_default(),
        metadata["namespace"].as_str().unwrap_or_default(),
        metadata["name"].as_str().unwrap_or_default(),
    ]
}

/// The image of the first container of the deployment among these.
pub(super) fn image(manifests: &[Value]) -> Option<&str> {
    let deployment = manifests.iter().find(|object| object["kind"] == "Deployment")?;
    deployment["spec"]["template"]["spec"]["containers"][0]["image"].as_str()
}

/// The same manifests with another image.
pub(super) fn with_image(manifests: &[Value], image: &str) -> Vec<Value> {
    let mut manifests = manifests.to_vec();
    for object in &mut manifests {
        if object["kind"] == "Deployment" {
            object["spec"]["template"]["spec"]["containers"][0]["image"] = json!(image);
        }
    }
    manifests
}

/// `ghcr.io/acme/payments-api:2.14.0` → `…:2.14.1`.
pub(super) fn next_patch(version: &str) -> String {
    match version.rsplit_once('.') {
        Some((rest, patch)) => format!("{rest}.{}", patch.parse::<u64>().map_or(1, |patch| patch + 1)),
        None => format!("{version}.1"),
    }
}

/// What the cluster has after this target was applied over what was there: the merge, its owner, its versions. Where
/// nothing changes, not even a version does.
pub(super) fn apply(live: Option<&Value>, target: &Value, serial: u64, now: Timestamp) -> Value {
    let mut object = predict(live, target);
    object["metadata"]["annotations"][LAST_APPLIED] = json!(target.to_string());
    if let Some(live) = live.filter(|live| **live == object) {
        return live.clone();
    }
    if live.is_none() {
        object["metadata"]["uid"] = json!(uid(&key(target)));
        object["metadata"]["creationTimestamp"] = json!(seconds(now));
        object["metadata"]["generation"] = json!(0);
    }
    let before = live.map(|live| &live["spec"]);
    if before != Some(&object["spec"]) {
        let generation = object["metadata"]["generation"].as_u64().unwrap_or(0);
        object["metadata"]["generation"] = json!(generation + 1);
    }
    object["metadata"]["resourceVersion"] = json!(serial.to_string());
    object["metadata"]["managedFields"] = json!([owner(CONTROLLER, target, now)]);
    object
}

/// A change of one field past git, as somebody's `kubectl edit` leaves it.
pub(super) fn edit_by_hand(live: &mut Value, field: (&str, &str), value: &str, serial: u64, now: Timestamp) {
    let (section, name) = field;
    live[section][name] = json!(value);
    live["metadata"]["resourceVersion"] = json!(serial.to_string());
    let edited = json!({"apiVersion": live["apiVersion"], (section): {(name): value}});
    if let Some(owners) = live["metadata"]["managedFields"].as_array_mut() {
        owners.push(owner("kubectl-edit", &edited, now));
    }
}

/// What the cluster would have: the three-way merge of `kubectl apply` over live, last applied and target.
pub(super) fn predict(live: Option<&Value>, target: &Value) -> Value {
    let Some(live) = live else {
        return defaulted(target.clone());
    };
    let last = live["metadata"]["annotations"][LAST_APPLIED].as_str();
    let last = last.and_then(|text| serde_json::from_str(text).ok()).unwrap_or(Value::Null);
    merge(live, &last, target)
}

fn merge(live: &Value, last: &Value, target: &Value) -> Value {
    match (live, target) {
        (Value::Object(live), Value::Object(target)) => {
            let kept = live.iter().filter(|(key, _)| target.contains_key(*key) || last.get(*key).is_none());
            let mut merged: Map<String, Value> =
                kept.map(|(key, value)| (key.clone(), value.clone())).collect();
            for (key, wanted) in target {
                let next = match merged.get(key) {
                    Some(have) => merge(have, last.get(key).unwrap_or(&Value::Null), wanted),
                    None => wanted.clone(),
                };
                merged.insert(key.clone(), next);
            }
            Value::Object(merged)
        }
        (Value::Array(live), Value::Array(target)) if named(target) && named(live) => {
            let find =
                |items: &[Value], name: &Value| items.iter().find(|item| item["name"] == *name).cloned();
            let last = last.as_array().map(Vec::as_slice).unwrap_or_default();
            let one = |wanted: &Value| match find(live, &wanted["name"]) {
                Some(have) => merge(&have, &find(last, &wanted["name"]).unwrap_or(Value::Null), wanted),
                None => wanted.clone(),
            };
            Value::Array(target.iter().map(one).collect())
        }
        (_, target) => target.clone(),
    }
}

fn named(items: &[Value]) -> bool {
    items.iter().all(|item| item["name"].is_string())
}

/// What the cluster itself adds to a new object.
fn defaulted(mut object: Value) -> Value {
    match object["kind"].as_str() {
        Some("Deployment") => {
            let spec = &mut object["spec"];
            spec["progressDeadlineSeconds"] = json!(600);
            spec["revisionHistoryLimit"] = json!(10);
            spec["strategy"] = json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}});
            let pod = &mut spec["template"]["spec"];
            pod["restartPolicy"] = json!("Always");
            pod["terminationGracePeriodSeconds"] = json!(30);
            pod["containers"][0]["imagePullPolicy"] = json!("IfNotPresent");
            let replicas = object["spec"]["replicas"].clone();
            object["status"] =
                json!({"replicas": replicas, "readyReplicas": replicas, "updatedReplicas": replicas});
        }
        Some("Service") => {
            object["spec"]["type"] = json!("ClusterIP");
            object["spec"]["sessionAffinity"] = json!("None");
        }
        _ => {}
    }
    object
}

/// An entry of `metadata.managedFields`.
fn owner(manager: &str, fields_of: &Value, now: Timestamp) -> Value {
    let mut fields = fields_of.clone();
    if let Some(object) = fields.as_object_mut() {
        for identity in ["apiVersion", "kind"] {
            object.remove(identity);
        }
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.retain(|key, _| matches!(key.as_str(), "labels" | "annotations"));
        }
    }
    json!({"apiVersion": fields_of["apiVersion"], "fieldsType": "FieldsV1", "fieldsV1": tree(&fields),
        "manager": manager, "operation": "Update", "time": seconds(now)})
}

/// Kubernetes' tree of owned fields: `f:name` for fields, `k:{…}` for entries of named lists.
fn tree(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            fields.iter().map(|(key, value)| (format!("f:{key}"), tree(value))).collect()
        }
        Value::Array(items) if !items.is_empty() && named(items) => {
            items.iter().map(|item| (format!("k:{}", json!({"name": item["name"]})), tree(item))).collect()
        }
        _ => json!({}),
    }
}

/// A uid that follows from a name.
pub(super) fn uid(name: &str) -> String {
    use sha2::Digest;
    let digest = sha2::Sha256::digest(name.as_bytes());
    let hex = digest.iter().take(16).fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    format!("{}-{}-4{}-a{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..32])
}

/// Kubernetes' times: whole seconds.
pub(super) fn seconds(at: Timestamp) -> String {
    Timestamp::from_second(at.as_second()).unwrap_or(at).to_string()
}

/// The files under `deploy/` that differ between two renderings, with their patches.
pub(super) fn changed_files(before: &[Value], after: &[Value]) -> Vec<File> {
    let texts = |objects: &[Value]| -> BTreeMap<String, String> {
        objects.iter().map(|o| (path(o), yaml(o))).collect()
    };
    let (before, after) = (texts(before), texts(after));
    let mut paths: Vec<&String> = before.keys().chain(after.keys()).collect();
    paths.sort();
    paths.dedup();
    let empty = String::new();
    let file = |path: &String| {
        let (old, new) = (before.get(path).unwrap_or(&empty), after.get(path).unwrap_or(&empty));
        let diff = TextDiff::from_lines(old.as_str(), new.as_str());
        let count = |tag| diff.iter_all_changes().filter(|change| change.tag() == tag).count() as u64;
        let (additions, deletions) = (count(ChangeTag::Insert), count(ChangeTag::Delete));
        let patch = diff.unified_diff().context_radius(3).to_string().trim_end().to_owned();
        (additions + deletions > 0).then(|| File {
            path: path.clone(),
            additions,
            deletions,
            patch: Some(patch),
        })
    };
    paths.into_iter().filter_map(file).collect()
}

/// Where an object lies in its repository.
pub(super) fn path(object: &Value) -> String {
    format!("deploy/{}.yaml", object["kind"].as_str().unwrap_or_default().to_lowercase())
}

/// Plain YAML, enough for manifests.
pub(super) fn yaml(value: &Value) -> String {
    let mut out = String::new();
    write_yaml(value, 0, &mut out);
    out
}

fn write_yaml(value: &Value, depth: usize, out: &mut String) {
    let pad = "  ".repeat(depth);
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                out.extend([pad.as_str(), key, ":"]);
                write_nested(value, depth, out);
            }
        }
        Value::Array(items) => {
            for item in items {
                let mut text = String::new();
                write_yaml(item, depth + 1, &mut text);
                out.extend([pad.as_str(), "- ", text.trim_start()]);
            }
        }
        scalar => out.extend([pad.as_str(), &scalar_yaml(scalar), "\n"]),
    }
}

fn write_nested(value: &Value, depth: usize, out: &mut String) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            out.push('\n');
            write_yaml(value, depth + 1, out);
        }
        Value::Array(items) if !items.is_empty() => {
            out.push('\n');
            write_yaml(value, depth, out);
        }
        scalar => out.extend([" ", &scalar_yaml(scalar), "\n"]),
    }
}

/// Text that YAML would read as something else is quoted.
fn scalar_yaml(value: &Value) -> String {
    match value.as_str() {
        Some(text)
            if text.starts_with(|c: char| c.is_ascii_alphabetic())
                && !matches!(text, "true" | "false" | "null") =>
        {
            text.to_owned()
        }
        _ => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Value {
        let of = Service {
            name: "a",
            namespace: "n",
            image: "i:1.0.0".into(),
            replicas: 2,
            env: &[("A", "1"), ("B", "2")],
            flags: &[("x", "true")],
            chart: None,
        };
        service(&of).swap_remove(0)
    }

    #[test]
    fn what_was_applied_predicts_itself() {
        let target = sample();
        let live = apply(None, &target, 1, Timestamp::UNIX_EPOCH);
        assert_eq!(predict(Some(&live), &target), live);
        assert_eq!(apply(Some(&live), &target, 2, Timestamp::MAX), live, "nothing changes, no version does");
        assert_eq!(live["spec"]["progressDeadlineSeconds"], 600, "the cluster's defaults stay");
    }

    #[test]
    fn a_field_that_git_gave_up_goes_and_a_foreign_one_stays() {
        let mut target = sample();
        let mut live = apply(None, &target, 1, Timestamp::UNIX_EPOCH);
        live["metadata"]["labels"]["foreign"] = json!("yes");
        let env = &mut target["spec"]["template"]["spec"]["containers"][0]["env"];
        env.as_array_mut().unwrap().remove(0);
        target["metadata"]["labels"].as_object_mut().unwrap().remove("app.kubernetes.io/part-of");
        let next = predict(Some(&live), &target);
        assert_eq!(next["metadata"]["labels"], json!({"app.kubernetes.io/name": "a", "foreign": "yes"}));
        assert_eq!(
            next["spec"]["template"]["spec"]["containers"][0]["env"],
            json!([{"name": "B", "value": "2"}])
        );
    }

    #[test]
    fn a_hand_edit_names_its_manager_and_field() {
        let mut live =
            apply(None, &json!({"kind": "ConfigMap", "data": {"x": "true"}}), 1, Timestamp::UNIX_EPOCH);
        edit_by_hand(&mut live, ("data", "x"), "false", 2, Timestamp::UNIX_EPOCH);
        assert_eq!(live["metadata"]["managedFields"][1]["manager"], "kubectl-edit");
        assert_eq!(live["metadata"]["managedFields"][1]["fieldsV1"], json!({"f:data": {"f:x": {}}}));
    }

    #[test]
    fn yaml_reads_as_people_write_it() {
        let value = json!({"a": {"b": ["x", {"c": 1, "d": "true"}]}, "e": {}});
        assert_eq!(yaml(&value), "a:\n  b:\n  - x\n  - c: 1\n    d: \"true\"\ne: {}\n");
    }
}
