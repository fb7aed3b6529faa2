//! The controller: compares git with the cluster, now and then and when it is asked to.
//!
//! Never: a Secret's value in what it shows.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::app::{App, Cache, Managed};
use crate::simulator::{git::Repository, manifest};

/// It looks by itself every three minutes of ticks.
pub(super) const EVERY_TICKS: u32 = 1_800;
/// A push or a change in the cluster is noticed after these.
pub(in crate::simulator) const NOTICED_TICKS: u32 = 3;

impl App {
    /// Computes status and both sides of every resource, as of now.
    pub(in crate::simulator) fn reconcile(&mut self, repository: &Repository, now: Timestamp) {
        let target = self.source["targetRevision"].as_str().unwrap_or_default();
        let revision = self.resolve(repository, target).unwrap_or_default();
        let targets = self.rendered(repository, &revision);
        let mut resources: Vec<Managed> = targets.iter().map(|target| self.compare(target)).collect();
        let known = |key: &String| targets.iter().any(|target| manifest::key(target) == *key);
        let gone = self.live.iter().filter(|(key, _)| !known(key)).map(|(key, live)| Managed {
            key: key.clone(),
            target: Value::Null,
            live: live.clone(),
            normalized: normalized(live),
            predicted: Value::Null,
            modified: true,
        });
        resources.extend(gone);
        let drifted = resources.iter().any(|resource| resource.modified);
        let images = self.live.values().filter_map(|live| manifest::image(std::slice::from_ref(live)));
        self.cache = Cache {
            status: if drifted { "OutOfSync" } else { "Synced" }.to_owned(),
            revision,
            compared_to: self.source.clone(),
            reconciled_at: Some(now),
            images: images.map(str::to_owned).collect(),
            resources,
        };
        if self.settling.is_some() {
            (self.health, self.health_message) = ("Progressing".to_owned(), String::new());
        }
        self.refresh_asked = false;
        self.reconcile_in = EVERY_TICKS;
    }

    fn compare(&self, target: &Value) -> Managed {
        let key = manifest::key(target);
        let live = self.live.get(&key);
        let predicted = normalized(&manifest::predict(live, target));
        let normal = live.map_or(Value::Null, normalized);
        let modified = normal != predicted;
        Managed {
            key,
            target: target.clone(),
            live: live.cloned().unwrap_or_default(),
            normalized: normal,
            predicted,
            modified,
        }
    }

    /// `GET …/managed-resources`: states are JSON in strings.
    pub(super) fn managed_json(&self) -> Value {
        let items: Vec<Value> = self.cache.resources.iter().map(item).collect();
        if items.is_empty() { json!({}) } else { json!({"items": items}) }
    }
}

fn item(resource: &Managed) -> Value {
    let mut sides =
        [&resource.target, &resource.live, &resource.normalized, &resource.predicted].map(Value::clone);
    let one = if sides[0].is_null() { sides[1].clone() } else { sides[0].clone() };
    let [group, kind, namespace, name] = manifest::parts(&one);
    if kind == "Secret" {
        mask(&mut sides);
    }
    let version = sides[1]["metadata"]["resourceVersion"].as_str().map(str::to_owned);
    let [target, live, normal, predicted] = sides.map(|side| side.to_string());
    let mut item = json!({"kind": kind, "namespace": namespace, "name": name, "targetState": target, "liveState": live,
        "normalizedLiveState": normal, "predictedLiveState": predicted});
    // The gateway leaves out what is empty or false.
    if !group.is_empty() {
        item["group"] = json!(group);
    }
    if let Some(version) = version {
        item["resourceVersion"] = json!(version);
    }
    if resource.modified {
        item["modified"] = json!(true);
    }
    item
}

/// Live without who owns which field.
fn normalized(live: &Value) -> Value {
    let mut live = live.clone();
    if let Some(metadata) = live.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    live
}

/// Puts runs of `+` where values were; a longer run marks another value.
fn mask(sides: &mut [Value; 4]) {
    let target = sides[0]["data"].clone();
    for side in sides {
        if let Some(annotations) = side["metadata"]["annotations"].as_object_mut() {
            annotations.retain(|name, _| name != manifest::LAST_APPLIED);
        }
        let Some(data) = side.get_mut("data").and_then(Value::as_object_mut) else { continue };
        for (key, value) in data.iter_mut() {
            let same = target.get(key).is_none_or(|wanted| wanted == value);
            *value = json!("+".repeat(if same { 8 } else { 12 }));
        }
    }
}
