//! The one operation slot: what gets in, in ArgoCD's order of checks, and how a sync goes from accepted to done.
//!
//! Never: two operations at once; a history entry for a partial or a dry run.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Account, Refusal, app::App};
use crate::simulator::{
    git::Repository,
    manifest::{self, seconds},
};

const PICKED_UP_TICKS: u32 = 2;
const RUNNING_TICKS: u32 = 5;
const RETRY_TICKS: u32 = 10;
/// After a sync the controller looks again, and the pods have settled after this.
const LOOKS_AGAIN_TICKS: u32 = 2;
const SETTLING_TICKS: u32 = 10;

const INVALID_ARGUMENT: u32 = 3;
const PERMISSION_DENIED: u32 = 7;
const FAILED_PRECONDITION: u32 = 9;

/// Where an operation stands, with the ticks that are left there.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) enum Step {
    Accepted(u32),
    Running(u32),
    Retrying(u32),
    Terminating(u32),
}

impl App {
    /// `POST …/sync`. Accepted means: in the slot, with the revision resolved.
    pub(super) fn ask_sync(
        &mut self,
        repository: &Repository,
        body: &Value,
        account: Account,
    ) -> Result<(), Refusal> {
        let text = |field: &str| body[field].as_str().unwrap_or_default();
        if self.window_closed {
            return Err(Refusal::new(403, PERMISSION_DENIED, "cannot sync: blocked by sync window"));
        }
        if !account.may_sync() {
            return Err(Refusal::forbidden());
        }
        if self.deleting {
            return Err(Refusal::new(400, FAILED_PRECONDITION, "application is deleting"));
        }
        let target =
            self.source["targetRevision"].as_str().filter(|target| !target.is_empty()).unwrap_or("HEAD");
        let (asked, dry) = (text("revision"), body["dryRun"] == true);
        if self.is_automated() && !asked.is_empty() && asked != target && !dry {
            let said = format!("Cannot sync to {asked}: auto-sync currently set to {target}");
            return Err(Refusal::new(400, FAILED_PRECONDITION, &said));
        }
        let wanted = if asked.is_empty() { target } else { asked };
        let Some(revision) = self.resolve(repository, wanted) else {
            let said = format!("unable to resolve '{wanted}' to a commit SHA");
            return Err(Refusal::new(400, FAILED_PRECONDITION, &said));
        };
        if self.operation.is_some() {
            return Err(Refusal::new(400, FAILED_PRECONDITION, "another operation is already in progress"));
        }
        let mut sync = json!({"revision": revision, "syncStrategy": body.get("strategy").cloned().unwrap_or(json!({"hook": {}})),
            "syncOptions": body.get("syncOptions").cloned().unwrap_or(json!(["CreateNamespace=false"]))});
        for flag in ["prune", "dryRun"] {
            if body[flag] == true {
                sync[flag] = json!(true);
            }
        }
        if let Some(resources) = body["resources"].as_array().filter(|resources| !resources.is_empty()) {
            sync["resources"] = json!(resources);
        }
        let mut operation =
            json!({"sync": sync, "initiatedBy": {"username": account.username()}, "retry": {}});
        if let Some(infos) = body["infos"].as_array() {
            operation["info"] = json!(infos);
        }
        if let Some(limit) = body["retryStrategy"]["limit"].as_u64().filter(|limit| *limit > 0) {
            operation["retry"] = json!({"limit": limit});
        }
        self.take_slot(operation);
        Ok(())
    }

    /// `DELETE …/operation`. An operation that was not picked up yet counts as none.
    pub(super) fn terminate(&mut self) -> Result<(), Refusal> {
        let (Some(_), Some(state)) = (&self.operation, &mut self.operation_state) else {
            let said = "Unable to terminate operation. No operation is in progress";
            return Err(Refusal::new(400, INVALID_ARGUMENT, said));
        };
        state["phase"] = json!("Terminating");
        self.step = Some(Step::Terminating(1));
        Ok(())
    }

    /// One tick of the controller. Says whether anything that can be seen changed.
    pub(in crate::simulator) fn tick(&mut self, repository: &Repository, now: Timestamp) -> bool {
        let operated = self.tick_operation(repository, now);
        let settled = self.tick_settling(repository, now);
        self.reconcile_in = self.reconcile_in.saturating_sub(1);
        let looked = self.reconcile_in == 0;
        if looked {
            self.reconcile(repository, now);
        }
        let automatic = looked && self.begin_automatic_sync();
        operated || settled || looked || automatic
    }

    fn tick_operation(&mut self, repository: &Repository, now: Timestamp) -> bool {
        let (next, changed) = match self.step {
            None => (None, false),
            Some(Step::Accepted(left)) if left > 0 => (Some(Step::Accepted(left - 1)), false),
            Some(Step::Running(left)) if left > 0 => (Some(Step::Running(left - 1)), false),
            Some(Step::Retrying(left)) if left > 0 => (Some(Step::Retrying(left - 1)), false),
            Some(Step::Terminating(left)) if left > 0 => (Some(Step::Terminating(left - 1)), false),
            Some(Step::Accepted(_)) => {
                self.begin(now);
                (Some(Step::Running(RUNNING_TICKS)), true)
            }
            Some(Step::Retrying(_)) => {
                if let Some(state) = &mut self.operation_state {
                    let count = state["retryCount"].as_u64().unwrap_or(0);
                    state["retryCount"] = json!(count + 1);
                    state["finishedAt"] = Value::Null;
                }
                (Some(Step::Running(RUNNING_TICKS)), true)
            }
            Some(Step::Terminating(_)) => {
                self.end("Failed", "Operation terminated", now);
                (None, true)
            }
            Some(Step::Running(_)) => (self.attempt(repository, now), true),
        };
        self.step = next;
        changed
    }

    fn tick_settling(&mut self, repository: &Repository, now: Timestamp) -> bool {
        match self.settling {
            None => false,
            Some(left) if left > 0 => {
                self.settling = Some(left - 1);
                false
            }
            Some(_) => {
                self.settling = None;
                (self.health, self.health_message) = self.outlook.clone();
                self.reconcile(repository, now);
                true
            }
        }
    }

    /// Auto-sync: an application that is out of sync and automated syncs itself, each revision once.
    fn begin_automatic_sync(&mut self) -> bool {
        let due = self.is_automated() && !self.is_synced() && self.operation.is_none();
        if !due || self.tried.as_ref() == Some(&self.cache.revision) {
            return false;
        }
        self.tried = Some(self.cache.revision.clone());
        let sync = json!({"revision": self.cache.revision, "syncStrategy": {"hook": {}}});
        self.take_slot(json!({"sync": sync, "initiatedBy": {"automated": true}, "retry": {"limit": 5}}));
        true
    }

    fn is_automated(&self) -> bool {
        self.automated.as_ref().is_some_and(|automated| automated["enabled"] != false)
    }

    /// Wipes what the last operation left, tags included.
    fn take_slot(&mut self, operation: Value) {
        self.operation = Some(operation);
        self.operation_state = None;
        self.step = Some(Step::Accepted(PICKED_UP_TICKS));
    }

    fn begin(&mut self, now: Timestamp) {
        let operation = self.operation.clone().unwrap_or_default();
        let revision = operation["sync"]["revision"].clone();
        self.operation_state = Some(json!({"operation": operation, "phase": "Running",
            "message": "waiting for completion of hooks and resources", "startedAt": seconds(now),
            "syncResult": {"revision": revision, "source": self.source, "resources": []}}));
    }

    /// One try at applying: what the next step is.
    fn attempt(&mut self, repository: &Repository, now: Timestamp) -> Option<Step> {
        let operation = self.operation.clone().unwrap_or_default();
        if let Some((left, why)) = self.failing.take() {
            self.failing = (left > 1).then(|| (left - 1, why.clone()));
            return self.attempt_failed(&operation, &why, now);
        }
        let sync = &operation["sync"];
        let revision = sync["revision"].as_str().unwrap_or_default().to_owned();
        let dry = sync["dryRun"] == true;
        let results = self.apply(repository, sync, &revision, now);
        if let Some(state) = &mut self.operation_state {
            state["syncResult"]["resources"] = json!(results);
        }
        let began = self.operation_state.as_ref().and_then(|state| state["startedAt"].as_str()?.parse().ok());
        if !dry && sync["resources"].is_null() {
            self.remember(&revision, began.unwrap_or(now), now, &operation["initiatedBy"]);
        }
        self.end("Succeeded", "successfully synced (all tasks run)", now);
        if !dry {
            self.settling = Some(SETTLING_TICKS);
        }
        // Status and health lag behind: they are the old ones until the controller looks again.
        self.notice(LOOKS_AGAIN_TICKS);
        None
    }

    fn attempt_failed(&mut self, operation: &Value, why: &str, now: Timestamp) -> Option<Step> {
        let retries =
            self.operation_state.as_ref().and_then(|state| state["retryCount"].as_u64()).unwrap_or(0);
        let failed = json!([{"group": "apps", "version": "v1", "kind": "Deployment", "namespace": self.namespace,
            "name": self.name, "status": "SyncFailed", "message": why, "hookPhase": "Failed", "syncPhase": "Sync"}]);
        if let Some(state) = &mut self.operation_state {
            state["syncResult"]["resources"] = failed;
        }
        if retries < operation["retry"]["limit"].as_u64().unwrap_or(0) {
            if let Some(state) = &mut self.operation_state {
                state["message"] = json!(format!("{why}. Retrying attempt #{}", retries + 1));
                state["finishedAt"] = json!(seconds(now));
            }
            return Some(Step::Retrying(RETRY_TICKS));
        }
        self.end("Failed", &format!("one or more objects failed to apply, reason: {why}"), now);
        None
    }

    /// Applies the targets, or those that were named, and prunes where that was asked. A dry run only tells.
    fn apply(&mut self, repository: &Repository, sync: &Value, revision: &str, now: Timestamp) -> Vec<Value> {
        let dry = sync["dryRun"] == true;
        let chosen = |object: &Value| {
            let [group, kind, namespace, name] = manifest::parts(object);
            let wanted = |w: &Value| {
                let is = |field: &str, value: &str| w[field].as_str().unwrap_or_default() == value;
                is("group", group)
                    && is("kind", kind)
                    && is("name", name)
                    && (w["namespace"].is_null() || is("namespace", namespace))
            };
            sync["resources"].as_array().is_none_or(|named| named.iter().any(wanted))
        };
        let targets = self.rendered(repository, revision);
        let mut results = vec![];
        for target in targets.iter().filter(|target| chosen(target)) {
            let key = manifest::key(target);
            let before = self.live.get(&key).cloned();
            let serial = self.next_version();
            let after = manifest::apply(before.as_ref(), target, serial, now);
            let word = match &before {
                None => "created",
                Some(before) if before["spec"] == after["spec"] && before["data"] == after["data"] => {
                    "unchanged"
                }
                Some(_) => "configured",
            };
            results.push(result(target, "Synced", word));
            if !dry {
                self.live.insert(key, after);
            }
        }
        let kept: Vec<String> = targets.iter().map(manifest::key).collect();
        let gone: Vec<String> = self.live.keys().filter(|key| !kept.contains(key)).cloned().collect();
        for key in gone {
            let Some(object) = self.live.get(&key).cloned().filter(chosen) else { continue };
            let prune = sync["prune"] == true;
            results.push(if prune {
                result(&object, "Pruned", "pruned")
            } else {
                result(&object, "PruneSkipped", "ignored (requires pruning)")
            });
            if prune && !dry {
                self.live.remove(&key);
            }
        }
        results
    }

    fn end(&mut self, phase: &str, message: &str, now: Timestamp) {
        self.operation = None;
        if let Some(state) = &mut self.operation_state {
            state["phase"] = json!(phase);
            state["message"] = json!(message);
            state["finishedAt"] = json!(seconds(now));
        }
    }
}

fn result(object: &Value, status: &str, word: &str) -> Value {
    let [group, kind, namespace, name] = manifest::parts(object);
    let message = format!("{}/{name} {word}", kind.to_lowercase());
    json!({"group": group, "version": "v1", "kind": kind, "namespace": namespace, "name": name, "status": status,
        "message": message, "hookPhase": "Running", "syncPhase": "Sync"})
}
