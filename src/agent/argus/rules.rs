//! The rules of the flow "sync", in one table: what each fires on, what it says, how much it weighs, where it looks.
//!
//! Never: judges. `draft` does, naming the rule and its version on every signal it makes.

use serde::Deserialize;

use crate::agent::rule::rules;

rules! {
    MANUAL_DURING_INCIDENT "manual-during-incident" v 1 Hold from "ArgoCD managedFields, PagerDuty":
        "a manual change while an incident on this service was open, or whose text names the object"
        => "hold: reconciling would revert the mitigation";
    MANUAL_CHANGE "manual-change" v 1 Hold from "ArgoCD managedFields":
        "a manual change without an incident" => "hold: promote it to git, or revert it";
    PRUNE_STATEFUL "prune-stateful" v 1 Hold from "ArgoCD managed resources":
        "a sync would remove storage, a namespace or a definition" => "hold; irreversible";
    RBAC_WIDENED "rbac-widened" v 1 Hold from "ArgoCD managed resources":
        "rights or service accounts change" => "hold unless asked; costly";
    SECRET_CHANGED "secret-changed" v 1 Hold from "ArgoCD managed resources":
        "a Secret changes; its values are masked" => "hold unless asked; costly";
    SCHEMA_MIGRATION "schema-migration" v 1 Hold from "ArgoCD managed resources, GitHub compare":
        "a migration job, hook or path is among the changes" => "hold unless asked; costly";
    DEGRADED_NOW "degraded-now" v 1 Hold from "ArgoCD application":
        "health is not Healthy" => "hold: look at what ails it first";
    SLO_BURNING "slo-burning" v 1 Hold from "Prometheus":
        "a configured burn rate is at or over its threshold" => "hold: the error budget burns";
    CI_NOT_GREEN "ci-not-green" v 1 Hold from "GitHub checks":
        "a check of the target commit failed or still runs" => "hold until it is green";
    STEP_BACK "step-back" v 1 Hold from "GitHub compare":
        "live has commits that the target has not" => "hold: a sync would take them back";
    WINDOW_CLOSED "window-closed" v 1 Hold from "ArgoCD sync windows":
        "a sync window forbids a sync now" => "hold until it opens";
    FREEZE "freeze" v 1 Hold from "configuration":
        "a configured freeze covers this environment now" => "hold until it ends";
    UNKNOWN_FACT "unknown-fact" v 1 Hold from "every platform that was asked":
        "a read failed" => "hold: unknown is never fine";
    AUTO_SYNC_ON "auto-sync-on" v 1 Note from "ArgoCD application":
        "the application syncs by itself" => "a pinned revision is refused and a decline cannot hold it: turn auto-sync off first";
    DECLINED_BEFORE "declined-before" v 1 Note from "Dock":
        "the same drift was declined before" => "who declined it, when and why";
    ROLL_FORWARD "roll-forward" v 1 Go from "ArgoCD managed resources, GitHub checks":
        "only images or charts change, git is ahead, CI is green on that commit" => "sync";
    PATCH_RELEASE "patch-release" v 1 Go from "ArgoCD application, release notes":
        "charts move by a semver patch, and their notes speak of dependencies only" => "sync";
    READ "read" v 1 Note from "every platform that was asked":
        "a fact that was read and raises no concern" => "shown as evidence";
}

/// What can be set per installation, and per service on top.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Up to so many changed resources the blast radius is called low.
    pub low_blast_resources: usize,
    /// The burn rate of the error budget, over an hour, from which on a sync is held.
    pub burn_hold: f64,
    /// Paths that hold schema migrations: a part of a path, in small letters.
    pub migration_paths: Vec<String>,
    /// Environments where a policy is expected to sync patch releases by itself: the rationale says so.
    pub auto_environments: Vec<String>,
    /// How long what a platform said stays fresh on the screen, in seconds.
    pub fresh_s: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            low_blast_resources: 3,
            burn_hold: 1.0,
            migration_paths: ["migration", "db/migrate", "schema", ".sql", "liquibase", "flyway"]
                .map(str::to_owned)
                .to_vec(),
            auto_environments: vec!["staging".to_owned()],
            fresh_s: 300,
        }
    }
}
