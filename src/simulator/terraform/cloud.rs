//! An organisation's workspaces and their runs, and what may become of a run.
//!
//! Never: HTTP.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::manifest;

pub(super) const ORGANIZATION: &str = "acme";
/// How long an apply stays in each of its states.
const APPLY_TICKS: u32 = 5;

/// The one organisation.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(in crate::simulator) struct Cloud {
    workspaces: BTreeMap<String, Workspace>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Workspace {
    name: String,
    pub(super) auto_apply: bool,
    /// Oldest first.
    pub(super) runs: Vec<Run>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Run {
    id: String,
    commit: String,
    message: String,
    created_at: Timestamp,
    stage: Stage,
    stage_at: Timestamp,
    /// As in a plan's `resource_changes`.
    changes: Vec<Value>,
    comments: Vec<String>,
    /// A decimal; what it costs more a month.
    cost: String,
}

/// The states that runs here come into, of all that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Stage {
    Pending,
    Planning,
    /// Planned, and policies passed: it waits.
    PolicyChecked,
    Confirmed(u32),
    Applying(u32),
    Applied,
    Discarded,
    Errored,
    PlannedAndFinished,
}

impl Stage {
    fn word(self) -> &'static str {
        match self {
            Stage::Pending => "pending",
            Stage::Planning => "planning",
            Stage::PolicyChecked => "policy_checked",
            Stage::Confirmed(_) => "confirmed",
            Stage::Applying(_) => "applying",
            Stage::Applied => "applied",
            Stage::Discarded => "discarded",
            Stage::Errored => "errored",
            Stage::PlannedAndFinished => "planned_and_finished",
        }
    }
}

/// An entry of `resource_changes`.
pub(in crate::simulator) fn resource(address: &str, actions: &[&str], before: Value, after: Value) -> Value {
    let (kind, name) = address.split_once('.').unwrap_or((address, "this"));
    let unknown = if before.is_null() { json!({"arn": true, "id": true}) } else { json!({}) };
    json!({"address": address, "mode": "managed", "type": kind, "name": name,
        "provider_name": "registry.terraform.io/hashicorp/aws",
        "change": {"actions": actions, "before": before, "after": after, "after_unknown": unknown,
            "before_sensitive": false, "after_sensitive": {}}})
}

impl Cloud {
    pub(in crate::simulator) fn add_workspace(&mut self, name: &str) {
        let workspace = Workspace { name: name.to_owned(), auto_apply: false, runs: vec![] };
        self.workspaces.insert(name.to_owned(), workspace);
    }

    /// A run that a commit started, planned, which waits for somebody; it overtakes the ones before it. `false`: there is
    /// no such workspace.
    pub(in crate::simulator) fn plan(
        &mut self,
        workspace: &str,
        commit: &str,
        changes: Vec<Value>,
        now: Timestamp,
    ) -> bool {
        let Some(workspace) = self.workspaces.get_mut(workspace) else { return false };
        let number = workspace.runs.len() + 1;
        let id = id("run", &format!("{} {number}", workspace.name));
        let stage = if changes.is_empty() { Stage::PlannedAndFinished } else { Stage::PolicyChecked };
        let message = format!("Triggered by {}", commit.get(..7).unwrap_or(commit));
        let cost = if changes.is_empty() { "0.0" } else { "4.38" }.to_owned();
        workspace.runs.push(Run {
            id,
            commit: commit.to_owned(),
            message,
            created_at: now,
            stage,
            stage_at: now,
            changes,
            comments: vec![],
            cost,
        });
        true
    }

    /// The newest run's plan goes on for a while longer, or ends in an error.
    pub(in crate::simulator) fn unplan(&mut self, workspace: &str, errored: bool, now: Timestamp) -> bool {
        let newest = self.workspaces.get_mut(workspace).and_then(|workspace| workspace.runs.last_mut());
        let Some(run) = newest else { return false };
        run.come_into(if errored { Stage::Errored } else { Stage::Planning }, now);
        true
    }

    /// The newest run is discarded; `false`: there is none that could be.
    pub(in crate::simulator) fn discard(&mut self, workspace: &str, now: Timestamp) -> bool {
        let newest = self.workspaces.get_mut(workspace).and_then(|workspace| workspace.runs.last_mut());
        newest.is_some_and(|run| run.discard(now).is_ok())
    }

    pub(in crate::simulator) fn set_auto_apply(&mut self, workspace: &str, on: bool) -> bool {
        let found = self.workspaces.get_mut(workspace);
        found.map(|workspace| workspace.auto_apply = on).is_some()
    }

    /// Did a run come further?
    pub(in crate::simulator) fn tick(&mut self, now: Timestamp) -> bool {
        let runs = self.workspaces.values_mut().flat_map(|workspace| &mut workspace.runs);
        // Each gets its turn, whatever the others did.
        runs.map(|run| run.tick(now)).filter(|moved| *moved).count() > 0
    }

    pub(super) fn workspace(&self, name: &str) -> Option<&Workspace> {
        self.workspaces.get(name)
    }

    pub(super) fn workspace_by_id(&self, id: &str) -> Option<&Workspace> {
        self.workspaces.values().find(|workspace| workspace.id() == id)
    }

    pub(super) fn run(&self, id: &str) -> Option<(&Workspace, &Run)> {
        let mut all = self
            .workspaces
            .values()
            .flat_map(|workspace| workspace.runs.iter().map(move |run| (workspace, run)));
        all.find(|(_, run)| run.id == id)
    }

    pub(super) fn run_mut(&mut self, id: &str) -> Option<&mut Run> {
        self.workspaces.values_mut().flat_map(|workspace| &mut workspace.runs).find(|run| run.id == id)
    }

    /// The run that has this plan.
    pub(super) fn planned(&self, plan: &str) -> Option<&Run> {
        self.runs().find(|run| run.part("plan") == plan)
    }

    pub(super) fn estimated(&self, estimate: &str) -> Option<&Run> {
        self.runs().find(|run| run.part("ce") == estimate)
    }

    fn runs(&self) -> impl Iterator<Item = &Run> {
        self.workspaces.values().flat_map(|workspace| &workspace.runs)
    }
}

impl Workspace {
    fn id(&self) -> String {
        id("ws", &self.name)
    }

    pub(super) fn json(&self) -> Value {
        let current = self.runs.last().map(|run| json!({"id": run.id, "type": "runs"}));
        json!({"id": self.id(), "type": "workspaces",
            "attributes": {"name": self.name, "auto-apply": self.auto_apply, "locked": false,
                "execution-mode": "remote", "terraform-version": "1.9.5",
                "vcs-repo": {"identifier": format!("{ORGANIZATION}/{}", self.name), "branch": "main"},
                "permissions": {"can-queue-run": false, "can-read-settings": true}},
            "relationships": {"current-run": {"data": current}, "latest-run": {"data": current},
                "organization": {"data": {"id": ORGANIZATION, "type": "organizations"}}}})
    }
}

impl Run {
    /// The id of what belongs to it.
    fn part(&self, kind: &str) -> String {
        id(kind, &self.id)
    }

    fn come_into(&mut self, stage: Stage, now: Timestamp) {
        (self.stage, self.stage_at) = (stage, now);
    }

    pub(super) fn is_planning(&self) -> bool {
        matches!(self.stage, Stage::Pending | Stage::Planning)
    }

    pub(super) fn confirm(&mut self, now: Timestamp) -> Result<(), &'static str> {
        if self.stage != Stage::PolicyChecked {
            return Err("Run was not paused for confirmation; apply not allowed.");
        }
        self.come_into(Stage::Confirmed(APPLY_TICKS), now);
        Ok(())
    }

    pub(super) fn discard(&mut self, now: Timestamp) -> Result<(), &'static str> {
        if self.stage != Stage::PolicyChecked {
            return Err("Run was not paused for confirmation or priority; discard not allowed.");
        }
        self.come_into(Stage::Discarded, now);
        Ok(())
    }

    fn tick(&mut self, now: Timestamp) -> bool {
        let next = match self.stage {
            Stage::Confirmed(0) => Stage::Applying(APPLY_TICKS),
            Stage::Applying(0) => Stage::Applied,
            Stage::Confirmed(left) => {
                self.stage = Stage::Confirmed(left - 1);
                return false;
            }
            Stage::Applying(left) => {
                self.stage = Stage::Applying(left - 1);
                return false;
            }
            _ => return false,
        };
        self.come_into(next, now);
        true
    }

    pub(super) fn comment(&mut self, body: &str) -> Value {
        self.comments.push(body.to_owned());
        self.comment_json(self.comments.len() - 1)
    }

    fn comment_json(&self, index: usize) -> Value {
        let id = id("wsc", &format!("{} {index}", self.id));
        json!({"id": id, "type": "comments", "attributes": {"body": self.comments[index]}})
    }

    pub(super) fn comments_json(&self) -> Value {
        (0..self.comments.len()).map(|index| self.comment_json(index)).collect()
    }

    pub(super) fn json(&self, workspace: &Workspace) -> Value {
        let waits = self.stage == Stage::PolicyChecked;
        let (created, stage) = (self.created_at.to_string(), self.stage.word().replace('_', "-"));
        let link = |kind: &str, prefix: &str| json!({"data": {"id": self.part(prefix), "type": kind}});
        json!({"id": self.id, "type": "runs",
            "attributes": {"status": self.stage.word(), "message": self.message, "created-at": created,
                "has-changes": !self.changes.is_empty(), "is-destroy": false, "plan-only": false,
                "auto-apply": workspace.auto_apply, "source": "tfe-configuration-version",
                "actions": {"is-cancelable": waits, "is-confirmable": waits, "is-discardable": waits,
                    "is-force-cancelable": false},
                "permissions": {"can-apply": false, "can-comment": true},
                "status-timestamps": {format!("{stage}-at"): self.stage_at.to_string()}},
            "relationships": {
                "workspace": {"data": {"id": workspace.id(), "type": "workspaces"}},
                "plan": link("plans", "plan"), "cost-estimate": link("cost-estimates", "ce"),
                "configuration-version": link("configuration-versions", "cv"),
                "policy-checks": {"data": [{"id": self.part("polchk"), "type": "policy-checks"}]},
                "task-stages": {"data": []}},
            "links": {"self": format!("/api/v2/runs/{}", self.id)}})
    }

    /// Its configuration version and the commit that it came in with.
    pub(super) fn ingress(&self) -> [Value; 2] {
        let ingress = self.part("ia");
        [
            json!({"id": self.part("cv"), "type": "configuration-versions", "attributes": {"status": "uploaded"},
                "relationships": {"ingress-attributes": {"data": {"id": ingress, "type": "ingress-attributes"}}}}),
            json!({"id": ingress, "type": "ingress-attributes",
                "attributes": {"branch": "main", "commit-sha": self.commit, "commit-message": self.message}}),
        ]
    }

    /// Counts are null until it is finished.
    pub(super) fn plan_json(&self) -> Value {
        let counted = |wanted: &[&str]| {
            let actions = self.changes.iter().filter_map(|change| change["change"]["actions"].as_array());
            let among =
                |actions: &&Vec<Value>| actions.iter().any(|action| wanted.iter().any(|one| action == one));
            (!self.is_planning()).then(|| actions.filter(among).count())
        };
        let status = match self.stage {
            Stage::Pending | Stage::Planning => "running",
            Stage::Errored => "errored",
            _ => "finished",
        };
        let id = self.part("plan");
        json!({"id": id, "type": "plans",
            "attributes": {"status": status, "has-changes": (!self.is_planning()).then_some(!self.changes.is_empty()),
                "resource-additions": counted(&["create"]), "resource-changes": counted(&["update"]),
                "resource-destructions": counted(&["delete"]), "resource-imports": counted(&[])},
            "links": {"self": format!("/api/v2/plans/{id}"),
                "json-output-redacted": format!("/api/v2/plans/{id}/json-output-redacted")}})
    }

    pub(super) fn document(&self) -> Value {
        json!({"format_version": "1.2", "terraform_version": "1.9.5", "errored": self.stage == Stage::Errored,
            "complete": true, "applyable": true, "timestamp": manifest::seconds(self.created_at),
            "resource_changes": self.changes, "resource_drift": [], "output_changes": {}})
    }

    pub(super) fn policy_checks(&self) -> Value {
        let status = if self.is_planning() { "pending" } else { "passed" };
        json!([{"id": self.part("polchk"), "type": "policy-checks",
            "attributes": {"status": status, "scope": "organization", "result": {"passed": 3, "total-failed": 0}}}])
    }

    pub(super) fn cost_json(&self) -> Value {
        let status = if self.is_planning() { "pending" } else { "finished" };
        json!({"id": self.part("ce"), "type": "cost-estimates",
            "attributes": {"status": status, "delta-monthly-cost": self.cost, "prior-monthly-cost": "120.0"}})
    }
}

/// An id as Terraform makes them: sixteen letters and digits, here by the name.
fn id(prefix: &str, name: &str) -> String {
    let hex = manifest::uid(&format!("{prefix} {name}")).replace('-', "");
    format!("{prefix}-{}", &hex[..16])
}
