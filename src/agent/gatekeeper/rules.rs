//! The rules of the flow "deploy gate", in one table: what each fires on, what it says, how much it weighs, where it looks.
//!
//! Never: judges. `draft` does, naming the rule and its version on every signal it makes.

use serde::Deserialize;

use super::facts::Usual;
use crate::{agent::rule::rules, row::measure::BurnLimits};

rules! {
    CI_FAILED "ci-failed" v 1 Block from "GitHub jobs and checks":
        "a job of this attempt or a check of its commit failed" => "block";
    JOB_SKIPPED "required-job-skipped" v 1 Block from "GitHub jobs":
        "a required job was skipped or did not run" => "block: skipped proves nothing";
    BURN_FAST "burn-fast" v 1 Block from "Datadog or Prometheus":
        "the error budget burns 14.4x or more over 1 h and 5 min both" => "block";
    OPEN_SEV1 "open-sev1" v 2 Block from "PagerDuty":
        "an incident of the highest severity is open on the service" => "block";
    BURN_WITH_CHANGE "burn-with-change" v 1 Block from "Datadog or Prometheus, Terraform plan, GitHub compare":
        "the error budget burns 3x or more over both windows, with any privilege or schema change" => "block";
    DANGER_WHILE_BURNING "danger-while-burning" v 1 Block from "Terraform plan, Datadog or Prometheus":
        "state is destroyed or privileges widen while the error budget burns 1x or more" => "block";
    POLICY_FAILED "policy-failed" v 1 Block from "Terraform policy checks":
        "a policy of the workspace failed on the plan, and Terraform will not apply it" => "block, naming it";
    STATE_LOST "stateful-destroyed" v 1 Hold from "Terraform plan":
        "the plan destroys or replaces a resource that holds state" => "hold";
    PLAN_OVERTAKEN "plan-overtaken" v 1 Hold from "Terraform workspace":
        "a newer run of the workspace took the place of the plan that is shown" => "hold: it would not be applied";
    PLAN_NOT_WAITING "plan-not-waiting" v 1 Hold from "Terraform run":
        "the plan's run errored, was discarded, or waits for something other than its confirmation" => "hold: an answer would not apply it";
    POLICY_SOFT_FAILED "policy-soft-failed" v 1 Hold from "Terraform policy checks":
        "a policy failed that somebody may override in Terraform, and nobody has" => "hold, naming it";
    PRIVILEGE_WIDENED "privilege-widened" v 1 Hold from "Terraform plan, GitHub compare":
        "IAM or RBAC is added or changed" => "hold";
    BUDGET_SPENT "budget-spent" v 1 Hold from "Datadog":
        "90 % of the error budget or more is spent" => "hold";
    SLO_BURNING "slo-burning" v 1 Hold from "Datadog or Prometheus":
        "the error budget burns 1x or more over both windows" => "hold";
    SCHEMA_MIGRATION "schema-migration" v 1 Hold from "GitHub compare":
        "a migration is among the changes" => "hold, naming the table";
    NO_CANARY "no-canary" v 1 Hold from "configuration":
        "no canary is configured for a change that is costly to take back" => "hold";
    OUT_OF_SYNC "argocd-out-of-sync" v 1 Hold from "ArgoCD application":
        "the service's application differs from git" => "hold: what runs is not what was reviewed";
    DEGRADED_NOW "degraded-now" v 1 Hold from "ArgoCD application":
        "the service's application is not Healthy" => "hold: look at what ails it first";
    P95_SLOW "p95-slow" v 1 Hold from "Datadog or Prometheus":
        "p95 now is 50 % or more over its median of 14 days, or over the service's own limit" => "hold";
    FREEZE "freeze" v 1 Hold from "configuration":
        "a configured freeze covers this environment now" => "hold until it ends";
    OPEN_SEV2 "open-sev2" v 1 Hold from "PagerDuty":
        "an incident of the second severity is open on the service" => "hold: a deploy may hide its cause";
    INCIDENT_UNRATED "incident-unrated" v 1 Hold from "PagerDuty":
        "an incident is open on the service without a priority, or with one that is not known here" => "hold: it may be the worst";
    CI_UNFINISHED "ci-unfinished" v 1 Hold from "GitHub jobs and checks":
        "a job or a check still runs" => "hold until it is green";
    UNKNOWN_FACT "unknown-fact" v 1 Hold from "every platform that was asked":
        "a read failed, or gave no data" => "hold: unknown is never fine";
    STALE_FACT "stale-fact" v 1 Hold from "every platform that was asked":
        "a fact is older than its budget" => "hold: read it again";
    AUTO_APPLY "auto-apply" v 1 Note from "Terraform workspace":
        "the workspace applies plans by itself" => "an answer here gates nothing of the plan";
    INCIDENT_OPEN "incident-open" v 2 Note from "PagerDuty":
        "an incident of lower severity is open on the service" => "which, and since when";
    ALERT_FIRING "alert-firing" v 1 Note from "Alertmanager":
        "an alert fires on the service" => "which, and since when";
    MONITOR_ALERTING "monitor-alerting" v 1 Note from "Datadog monitors":
        "a monitor of the service alerts or warns" => "which, and how it stands";
    POLICY_OVERRIDDEN "policy-overridden" v 1 Note from "Terraform policy checks":
        "a policy failed on the plan, and somebody let it pass in Terraform" => "which";
    DECLINED_BEFORE "declined-before" v 1 Note from "Dock":
        "the same change was declined before" => "who declined it, when and why";
    GREEN_AND_STABLE "green-and-stable" v 2 Go from "GitHub, Datadog or Prometheus":
        "CI is green, p95 is as usual and stayed within 10 % for 14 days, and no changed path is risky" => "ship";
    READ "read" v 1 Note from "every platform that was asked":
        "a fact that was read and raises no concern" => "shown as evidence";
}

/// What can be set per installation, and per service on top. The rules' sentences name the defaults.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// The burn over 1 h and 5 min both, from which on a deploy is blocked whatever it brings.
    pub burn_block: f64,
    /// The burn over both windows from which on a privilege or schema change is blocked.
    pub burn_block_with_change: f64,
    /// The burn over both windows from which on a deploy is held.
    pub burn_hold: f64,
    /// From so much of the error budget spent on, in percent, a deploy is held.
    pub budget_spent_hold_percent: f64,
    /// How far p95 may lie from its median over two weeks, in percent, for a deploy to be proposed.
    pub p95_moved_percent: f64,
    /// From so much over that median on, in percent, p95 as it is now holds a deploy.
    pub p95_over_usual_percent: f64,
    /// Over so many milliseconds p95 holds a deploy whatever is usual; no such limit by default.
    pub p95_max_ms: Option<f64>,
    /// Priorities of open incidents that block. `SEV-1`, `sev 1`, `P1` and `Critical` say the same; other names are compared
    /// as they are.
    pub severities_block: Vec<String>,
    /// Priorities of open incidents that hold; so does one without a priority, or with a name that says no severity.
    pub severities_hold: Vec<String>,
    /// A job whose name holds one of these words, in small letters, may not be skipped.
    pub required_jobs: Vec<String>,
    /// Jobs by their exact names that may neither be skipped nor missing, in place of the words above.
    pub must_run: Vec<String>,
    /// Parts of a path, in small letters, that mean a schema migration.
    pub migration_paths: Vec<String>,
    /// Words of a path, in small letters, that mean privileges.
    pub privilege_paths: Vec<String>,
    /// Parts of a path, in small letters, that no deploy is proposed with.
    pub risky_paths: Vec<String>,
    /// How long what a platform said stays fresh, in seconds.
    pub fresh_s: u32,
}

impl Default for Limits {
    fn default() -> Self {
        let burns = BurnLimits::default();
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Self {
            burn_block: burns.burn_block,
            burn_block_with_change: burns.burn_block_with_change,
            burn_hold: burns.burn_hold,
            budget_spent_hold_percent: burns.budget_spent_hold_percent,
            p95_moved_percent: 10.0,
            p95_over_usual_percent: 50.0,
            p95_max_ms: None,
            severities_block: words(&["sev-0", "sev-1"]),
            severities_hold: words(&["sev-2"]),
            required_jobs: words(&["test", "build"]),
            must_run: Vec::new(),
            migration_paths: words(&["migration", "migrate", "schema", ".sql", "liquibase", "flyway"]),
            privilege_paths: words(&["rbac", "iam", "clusterrole", "rolebinding", "clusterrolebinding"]),
            risky_paths: words(&["terraform/", ".tf", "secrets/"]),
            fresh_s: 300,
        }
    }
}

impl Limits {
    /// With those that the service's gate has for everybody who looks at its error budget.
    pub(super) fn with(mut self, burns: &BurnLimits) -> Self {
        self.burn_block = burns.burn_block;
        self.burn_block_with_change = burns.burn_block_with_change;
        self.burn_hold = burns.burn_hold;
        self.budget_spent_hold_percent = burns.budget_spent_hold_percent;
        self
    }

    /// Over so many milliseconds p95 is too slow: the service's own limit, or what is too far over the usual, whichever is
    /// less. Absent where neither is known.
    pub(super) fn p95_limit_ms(&self, usual: Option<Usual>) -> Option<f64> {
        let usual = usual.map(|usual| usual.ms * (1.0 + self.p95_over_usual_percent / 100.0));
        [usual, self.p95_max_ms].into_iter().flatten().reduce(f64::min)
    }
}

/// How many days of p95 are looked at.
pub const P95_DAYS: u32 = 14;
