//! The kind `gate`: one pipeline run that waits before an environment, what was read of it, and what an answer would do.
//!
//! As with a sync, everything that Dock judges is computed here from one [`Reading`], by the agent that drafts, the server
//! that checks the draft, and the executor that reads again before it answers: same reading, same answer.
//!
//! Never: reads a platform; takes a plan that could not be read for one without changes.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Digest, Effect, Risk, base::Moved, measure::BurnLimits, waiting::Ci};

mod canary;
mod environment;
mod plan;

pub use canary::{Canary, Share, as_signed};
pub use environment::{Environment, Measure};
pub use plan::{Action, FieldChange, Plan, ResourceChange, Unplanned};

/// How the deploys of one service are gated: the same table in the configs of gatekeeper, server and executor.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// Who holds its runs until they are answered.
    #[serde(default)]
    pub pipeline: Pipeline,
    /// `acme/billing-worker`. Where its runs wait elsewhere, what changed is read there; without one it stays unknown.
    #[serde(default)]
    pub repository: String,
    /// The environments that wait for an answer, each with what a deploy there costs to take back.
    /// What is not named here is not gated; a class that is left out is irreversible.
    #[serde(default = "production")]
    pub environments: BTreeMap<String, Environment>,
    /// The ArgoCD application that runs it: its name, or `project/name` or `namespace/name` where others are called so, too.
    #[serde(default)]
    pub argocd: Option<String>,
    /// Its Terraform workspace, as `organisation/workspace`; where it has several environments, said at one of them.
    #[serde(default)]
    pub terraform: Option<String>,
    /// How a part of the traffic gets the build first.
    #[serde(default)]
    pub canary: Option<Canary>,
    /// Datadog's SLO, by its id: what its deploys may burn.
    #[serde(default)]
    pub datadog_slo: Option<String>,
    /// The name under which Prometheus' rules know it: `$service` in the queries of that section.
    #[serde(default)]
    pub prometheus: Option<String>,
    /// The environment that follows once this one is healthy: `staging` → `production`.
    #[serde(default)]
    pub promotes_to: BTreeMap<String, String>,
    /// From where on its error budget is a concern; without them the gatekeeper's `[limits]`, and the defaults elsewhere.
    #[serde(default)]
    pub limits: Option<BurnLimits>,
}

/// Who holds a run until it is answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pipeline {
    /// A protection rule of GitHub's.
    #[default]
    Github,
    /// The pipeline itself, wherever it runs: it asks Dock, and waits ([`super::waiting`]).
    Elsewhere,
}

impl Pipeline {
    pub fn is_github(&self) -> bool {
        *self == Self::Github
    }
}

fn production() -> BTreeMap<String, Environment> {
    BTreeMap::from([("production".to_owned(), Risk::Irreversible.into())])
}

/// A workflow run, as GitHub gives it. A re-run keeps the id and raises the attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    pub repository: String,
    pub id: u64,
    pub attempt: u32,
    pub head_sha: String,
    pub branch: String,
    /// The workflow's file, as `.github/workflows/deploy.yml`.
    pub workflow: String,
    pub event: String,
    /// `queued`, `in_progress`, `waiting`, `completed`, or a word that we do not know.
    pub status: String,
    pub conclusion: Option<String>,
    pub actor: String,
    pub created_at: Option<Timestamp>,
    pub started_at: Option<Timestamp>,
    pub updated_at: Option<Timestamp>,
    /// The page a person would open.
    pub url: String,
}

/// One commit since the last good deploy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    pub sha: String,
    pub author: String,
    /// The message's first line.
    pub subject: String,
}

/// One file that changed since the last good deploy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    pub path: String,
    /// Its path before, where it was renamed.
    pub was: Option<String>,
    /// GitHub's word: `added`, `removed`, `modified`, `renamed`.
    pub status: String,
    /// Lines added and removed.
    pub added: u64,
    pub removed: u64,
    /// The unified patch; absent for large and binary files.
    pub patch: Option<String>,
}

impl File {
    /// Every path that the change touches: what was renamed is gone from where it was.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        [Some(self.path.as_str()), self.was.as_deref()].into_iter().flatten()
    }
}

/// What the run brings that is not deployed yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    /// The commit of the last deployment that succeeded in this environment.
    pub since: String,
    pub commits: Vec<Commit>,
    pub files: Vec<File>,
    /// GitHub lists no more than some: then more changed than is shown.
    pub complete: bool,
}

/// What a platform that is configured said; what it could not say has a reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told<T> {
    /// The service has none of it.
    None,
    Known(T),
    Unknown(String),
}

impl<T> Told<T> {
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::None | Self::Unknown(_) => None,
        }
    }
}

/// One run before one environment, as the platforms gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The service's name in the config.
    pub service: String,
    pub pipeline: Pipeline,
    pub environment: String,
    pub run: Run,
    /// How a pipeline elsewhere says that its CI went: its own word, and no base.
    pub says_ci: Option<Ci>,
    /// The environment is among the run's pending deployments.
    pub waits: bool,
    /// Where it does not wait: what became of it instead, in words, as `approved in GitHub by govind`.
    pub instead: Option<String>,
    pub plan: Told<Plan>,
    /// Where the plan is unknown though Terraform answered: the run that has none to show.
    pub unplanned: Option<Unplanned>,
    /// A newer Terraform run of the workspace that could be applied: the plan is no longer what an apply would do.
    pub overtaken: Option<String>,
    pub changes: Told<Changes>,
    /// The environment's class; [`Reading::class`] is the row's.
    pub risk: Risk,
    pub canary: Option<Canary>,
}

/// What a gate row was read against (9-formats `base.v1`): a re-run keeps the id and raises the attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GateBase {
    pub service: String,
    #[serde(default, skip_serializing_if = "Pipeline::is_github")]
    pub pipeline: Pipeline,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub repository: String,
    pub environment: String,
    pub run: String,
    pub attempt: u32,
    pub head_sha: String,
    /// The Terraform run whose plan was reviewed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan_sha256: Option<Digest>,
    /// The plan waits for the confirmation that the answer would give. Absent in rows of the time before this was kept:
    /// their effect alone says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan_waits: Option<bool>,
}

/// What the executor will do (9-formats `effect.v1`): the answer to a protection rule, and what goes with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GateEffect {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub repository: String,
    pub run: String,
    pub environment: String,
    /// `approved`. A decline's `rejected` follows from the decision itself.
    pub state: String,
    /// The Terraform run that is applied afterwards, if it is still the reviewed one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub apply: Option<String>,
    /// How a canary would be begun; absent where none can be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<Canary>,
    /// Conditions that the approval carries: `canary` → `10%`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub conditions: BTreeMap<String, String>,
}

impl Reading {
    pub fn subject(&self) -> String {
        subject(&self.service, self.run.id, &self.environment)
    }

    /// What is no longer as `base` has it. A run that no longer waits has moved, whoever answered it.
    pub fn moved(&self, base: &GateBase) -> Vec<Moved> {
        let mut moved = base.moved(&self.base());
        for one in &mut moved {
            match (one.what.as_str(), &self.overtaken, &self.unplanned, &self.plan) {
                ("plan", Some(newer), ..) => one.is = format!("overtaken by {newer}"),
                ("plan", None, Some(run), _) => one.is = format!("{}, {}", run.run, run.status),
                ("plan", None, None, Told::Unknown(why)) => one.is = format!("unknown: {why}"),
                (PLAN_WAITS, _, _, Told::Known(plan)) => one.is = format!("{}, {}", one.is, plan.status),
                _ => {}
            }
        }
        if !self.waits {
            let is = self.instead.clone().unwrap_or_else(|| "no".to_owned());
            moved.push(Moved { what: "waits".to_owned(), was: "yes".to_owned(), is });
        }
        moved
    }

    /// Why it cannot be told whether the plan is still the one of `base`; `None` where it can, or there was none. A run that
    /// ended without a plan, or another run in its place, tells.
    pub fn plan_untold(&self, base: &GateBase) -> Option<&str> {
        let (Told::Unknown(why), Some(was)) = (&self.plan, &base.plan) else { return None };
        let told = self.unplanned.as_ref().is_some_and(|run| run.run != *was || run.is_over());
        (!told).then_some(why)
    }

    /// The apply that was signed would not be made now, though nothing else moved.
    pub fn no_apply(&self, effect: &GateEffect) -> Option<Moved> {
        let was = effect.apply.clone().filter(|run| self.effect().apply.as_ref() != Some(run))?;
        Some(Moved { what: PLAN_WAITS.to_owned(), was, is: "no".to_owned() })
    }

    /// What the answer costs to take back: the environment's class, or that of the plan that goes with it.
    pub fn class(&self) -> Risk {
        match self.applied() {
            Some(plan) => environment::with_apply(self.risk, plan),
            None => self.risk,
        }
    }

    /// The plan that is applied with the answer.
    fn applied(&self) -> Option<&Plan> {
        self.standing_plan().filter(|plan| plan.waits())
    }

    /// The plan, while it is what an apply would do.
    fn standing_plan(&self) -> Option<&Plan> {
        self.plan.known().filter(|_| self.overtaken.is_none())
    }

    pub fn base(&self) -> GateBase {
        let plan = self.standing_plan();
        GateBase {
            service: self.service.clone(),
            pipeline: self.pipeline,
            repository: self.run.repository.clone(),
            environment: self.environment.clone(),
            run: self.run.id.to_string(),
            attempt: self.run.attempt,
            head_sha: self.run.head_sha.clone(),
            plan: plan.map(|plan| plan.run.clone()),
            plan_sha256: plan.map(|plan| plan.digest),
            plan_waits: plan.map(Plan::waits),
        }
    }

    /// What is done with whoever holds the run, once it is decided.
    pub fn execution(&self) -> Effect {
        match self.pipeline {
            Pipeline::Github => Effect::Github(self.effect()),
            Pipeline::Elsewhere => Effect::Pipeline(self.effect()),
        }
    }

    pub fn effect(&self) -> GateEffect {
        let told = (self.pipeline == Pipeline::Elsewhere).then_some(Canary::Told);
        GateEffect {
            repository: self.run.repository.clone(),
            run: self.run.id.to_string(),
            environment: self.environment.clone(),
            state: "approved".to_owned(),
            apply: self.applied().map(|plan| plan.run.clone()),
            // Who waits at Dock can be told a share whatever else is configured.
            canary: self.canary.clone().or(told),
            conditions: BTreeMap::new(),
        }
    }
}

/// The one condition that an approval may carry.
const CANARY: &str = "canary";
/// What moves when a plan is confirmed, discarded or spoilt by others.
const PLAN_WAITS: &str = "plan waits";

/// One open row for each: service, run and environment.
pub fn subject(service: &str, run: u64, environment: &str) -> String {
    format!("{service}/{run}/{environment}")
}

/// The service that a gate's subject names, and the run.
pub fn of_subject(subject: &str) -> (&str, Option<&str>) {
    match subject.split_once('/') {
        Some((service, rest)) => (service, rest.split('/').next()),
        None => (subject, None),
    }
}

impl GateBase {
    /// Field by field. Of a plan its run and its digest are compared, and whether it still waits for its confirmation.
    pub fn moved(&self, now: &Self) -> Vec<Moved> {
        let none = || "none".to_owned();
        let word = |pipeline: Pipeline| if pipeline.is_github() { "github" } else { "elsewhere" }.to_owned();
        let digest = |digest: &Option<Digest>| digest.map_or_else(none, |digest| digest.short());
        let sides = [
            ("service", self.service.clone(), now.service.clone()),
            ("pipeline", word(self.pipeline), word(now.pipeline)),
            ("repository", self.repository.clone(), now.repository.clone()),
            ("environment", self.environment.clone(), now.environment.clone()),
            ("run", self.run.clone(), now.run.clone()),
            ("attempt", self.attempt.to_string(), now.attempt.to_string()),
            ("head", self.head_sha.clone(), now.head_sha.clone()),
            ("plan", self.plan.clone().unwrap_or_else(none), now.plan.clone().unwrap_or_else(none)),
            ("plan's changes", digest(&self.plan_sha256), digest(&now.plan_sha256)),
        ];
        let word = |waits: bool| if waits { "yes" } else { "no" }.to_owned();
        let waits = self.plan_waits.zip(now.plan_waits).map(|(was, is)| (PLAN_WAITS, word(was), word(is)));
        let moved = sides.into_iter().chain(waits).filter(|(_, was, is)| was != is);
        moved.map(|(what, was, is)| Moved { what: what.to_owned(), was, is }).collect()
    }
}

impl GateEffect {
    /// With these conditions in it; absent where one of them cannot be carried out.
    pub fn with_conditions(&self, conditions: &BTreeMap<String, String>) -> Option<Self> {
        let can = |(name, share): (&String, &String)| {
            name == CANARY && self.canary.is_some() && Share::of(share).is_some()
        };
        conditions.iter().all(can).then(|| Self { conditions: conditions.clone(), ..self.clone() })
    }

    /// What the approval asks of a canary, if it does.
    pub fn share(&self) -> Option<Share> {
        Share::of(self.conditions.get(CANARY)?)
    }

    /// In words, for dialog, `show` and the signed text; `who` holds the run.
    pub fn sentence(&self, who: &str) -> String {
        let mut said = format!("{who}: answer run {} for {}: {}", self.run, self.environment, self.state);
        for (name, value) in &self.conditions {
            said.push_str(&format!(" with {name}={value}"));
            if let Some(canary) = &self.canary {
                said.push_str(&format!(" ({})", canary.sentence()));
            }
        }
        match (self.share().and_then(|share| share.held), &self.canary) {
            (Some(_), Some(Canary::Told)) => said.push_str(", then all"),
            (Some(_), _) => said.push_str(", then all unless its health or burn goes bad"),
            (None, _) => {}
        }
        if let Some(run) = &self.apply {
            said.push_str(&format!("; then Terraform: apply {run}"));
        }
        said
    }
}

#[cfg(test)]
pub(crate) mod example {
    //! A reading for the tests of several rooms: billing-worker's run 9826, whose plan adds an IAM role.

    use super::*;

    pub(crate) fn reading() -> Reading {
        let role = ResourceChange {
            address: "aws_iam_role.billing_export".to_owned(),
            kind: "aws_iam_role".to_owned(),
            action: Action::Create,
            fields: vec![FieldChange {
                name: "name".to_owned(),
                before: None,
                after: Some("\"billing-export\"".to_owned()),
            }],
        };
        let plan = Plan {
            run: "run-77".to_owned(),
            workspace: "acme/billing-worker".to_owned(),
            status: "planned".to_owned(),
            confirmable: true,
            auto_apply: false,
            digest: Digest::of("plan"),
            changes: vec![role],
            monthly_cost_delta: None,
            url: "https://app.terraform.io/app/acme/workspaces/billing-worker/runs/run-77".to_owned(),
        };
        let commit = Commit {
            sha: "9b21c047e0c1a2b3d4e5f60718293a4b5c6d7e8f".to_owned(),
            author: "priya".to_owned(),
            subject: "Export invoices nightly".to_owned(),
        };
        let patch = "@@ -1,1 +1,2 @@\n use ledger;\n+use export;\n";
        let file = File {
            path: "src/export.rs".to_owned(),
            was: None,
            status: "modified".to_owned(),
            added: 1,
            removed: 0,
            patch: Some(patch.to_owned()),
        };
        Reading {
            service: "billing-worker".to_owned(),
            pipeline: Pipeline::Github,
            environment: "production".to_owned(),
            says_ci: None,
            run: Run {
                repository: "acme/billing-worker".to_owned(),
                id: 9826,
                attempt: 1,
                head_sha: commit.sha.clone(),
                branch: "main".to_owned(),
                workflow: ".github/workflows/deploy.yml".to_owned(),
                event: "push".to_owned(),
                status: "waiting".to_owned(),
                conclusion: None,
                actor: "priya".to_owned(),
                created_at: None,
                started_at: None,
                updated_at: None,
                url: "https://github.com/acme/billing-worker/actions/runs/9826".to_owned(),
            },
            waits: true,
            instead: None,
            plan: Told::Known(plan),
            unplanned: None,
            overtaken: None,
            changes: Told::Known(Changes {
                since: "4f1c9e2a0b1c2d3e4f5061728394a5b6c7d8e9f0".to_owned(),
                commits: vec![commit],
                files: vec![file],
                complete: true,
            }),
            risk: Risk::Irreversible,
            canary: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(kind: &str, action: Action) -> ResourceChange {
        ResourceChange { address: format!("{kind}.x"), kind: kind.to_owned(), action, fields: vec![] }
    }

    fn base() -> GateBase {
        GateBase {
            service: "billing-worker".to_owned(),
            pipeline: Pipeline::Github,
            repository: "acme/billing-worker".to_owned(),
            environment: "production".to_owned(),
            run: "9826".to_owned(),
            attempt: 1,
            head_sha: "4f1c9e2".to_owned(),
            plan: Some("run-77".to_owned()),
            plan_sha256: Some(Digest::of("plan")),
            plan_waits: Some(true),
        }
    }

    #[test]
    fn a_plan_that_waits_no_more_has_moved_and_old_rows_are_not_disturbed() {
        let read = example::reading();
        let with = |change: &dyn Fn(&mut Plan)| {
            let mut read = read.clone();
            if let Told::Known(plan) = &mut read.plan {
                change(plan);
            }
            read
        };
        let discarded = with(&|plan| (plan.confirmable, plan.status) = (false, "discarded".to_owned()));
        let told = discarded.moved(&read.base());
        let expected = Moved { what: PLAN_WAITS.into(), was: "yes".into(), is: "no, discarded".into() };
        assert_eq!(told, [expected]);
        assert!(discarded.no_apply(&read.effect()).is_some());
        assert_eq!(read.no_apply(&read.effect()), None);
        let by_itself = with(&|plan| plan.auto_apply = true);
        assert_eq!(by_itself.moved(&read.base()).len(), 1, "somebody else would confirm it");

        let old = GateBase { plan_waits: None, ..read.base() };
        assert!(!serde_json::to_string(&old).unwrap().contains("plan_waits"), "its digest stays");
        assert_eq!((read.moved(&old), discarded.moved(&old)), (vec![], vec![]));
    }

    #[test]
    fn a_run_that_ended_without_a_plan_tells_and_silence_does_not() {
        let read = example::reading();
        let of = |run: Option<(&str, &str)>| {
            let unplanned = run.map(|(run, status)| Unplanned { run: run.into(), status: status.into() });
            Reading { plan: Told::Unknown("no answer".to_owned()), unplanned, ..read.clone() }
        };
        let base = read.base();
        assert_eq!(of(None).plan_untold(&base), Some("no answer"));
        assert_eq!(of(Some(("run-77", "planning"))).plan_untold(&base), Some("no answer"));
        for (run, says) in
            [(("run-77", "errored"), "run-77, errored"), (("run-78", "planning"), "run-78, planning")]
        {
            let now = of(Some(run));
            assert_eq!((now.plan_untold(&base), now.moved(&base)[0].is.as_str()), (None, says));
        }
    }

    #[test]
    fn an_apply_makes_an_answer_as_costly_as_it_is() {
        let staging = Reading { risk: Risk::Reversible, ..example::reading() };
        assert_eq!(staging.class(), Risk::Costly);
        let overtaken = Reading { overtaken: Some("run-78".to_owned()), ..staging.clone() };
        assert_eq!(overtaken.class(), Risk::Reversible, "nothing is applied");
        let mut lost = staging;
        if let Told::Known(plan) = &mut lost.plan {
            plan.changes.push(change("aws_db_instance", Action::Destroy));
        }
        assert_eq!(lost.class(), Risk::Irreversible);
    }

    #[test]
    fn what_moved_is_told_field_by_field() {
        let again = GateBase { attempt: 2, ..base() };
        let told = base().moved(&again);
        assert_eq!(told, [Moved { what: "attempt".to_owned(), was: "1".to_owned(), is: "2".to_owned() }]);
        let gone = GateBase { plan: None, plan_sha256: None, ..base() };
        assert_eq!(base().moved(&gone).len(), 2);
        assert!(base().moved(&base()).is_empty());
    }

    #[test]
    fn a_run_that_was_answered_elsewhere_has_moved() {
        let read = example::reading();
        assert_eq!(read.moved(&read.base()), []);
        let instead = "approved in GitHub by govind".to_owned();
        let answered = Reading { waits: false, instead: Some(instead.clone()), ..read.clone() };
        let told = answered.moved(&read.base());
        let overtaken = Reading { overtaken: Some("run-78".to_owned()), ..read.clone() };
        let plan = &overtaken.moved(&read.base())[0];
        assert_eq!((plan.what.as_str(), plan.is.as_str()), ("plan", "overtaken by run-78"));
        assert_eq!(overtaken.effect().apply, None, "what a newer run overtook is not applied");
        assert_eq!(overtaken.moved(&overtaken.base()), []);
        assert_eq!(told, [Moved { what: "waits".to_owned(), was: "yes".to_owned(), is: instead }]);
    }

    #[test]
    fn a_condition_is_carried_out_or_refused() {
        let effect = GateEffect {
            repository: "acme/checkout-api".to_owned(),
            run: "9821".to_owned(),
            environment: "production".to_owned(),
            state: "approved".to_owned(),
            apply: None,
            canary: Some(Canary::Dispatch { event_type: "dock-canary".to_owned() }),
            conditions: BTreeMap::new(),
        };
        let asks = |name: &str, value: &str| BTreeMap::from([(name.to_owned(), value.to_owned())]);
        let with = effect.with_conditions(&asks("canary", "10%")).unwrap();
        assert_eq!(
            with.sentence("GitHub"),
            "GitHub: answer run 9821 for production: approved with canary=10% (repository dispatch dock-canary)"
        );
        let held = effect.with_conditions(&asks("canary", "10% for 15m")).unwrap();
        assert_eq!(
            held.sentence("GitHub"),
            "GitHub: answer run 9821 for production: approved with canary=10% for 15m (repository dispatch \
             dock-canary), then all unless its health or burn goes bad"
        );
        let odd = effect.with_conditions(&asks("canary", "10 % for 15 min"));
        assert_eq!(odd, None, "what is signed has one form");
        for (name, value) in [("canary", "0%"), ("canary", "101%"), ("canary", "ten"), ("soak", "1h")] {
            assert_eq!(effect.with_conditions(&asks(name, value)), None, "{name}={value}");
        }
        let without = GateEffect { canary: None, ..effect };
        assert_eq!(without.with_conditions(&asks("canary", "10%")), None);
    }

    #[test]
    fn a_pipeline_elsewhere_is_told_its_share_where_nothing_else_is_configured() {
        let reading = Reading { pipeline: Pipeline::Elsewhere, ..example::reading() };
        let effect = reading.execution().with_conditions(&BTreeMap::from([("canary".into(), "10%".into())]));
        assert_eq!(
            effect.unwrap().sentence(),
            "The pipeline: answer run 9826 for production: approved with canary=10% (the pipeline is told); then \
             Terraform: apply run-77"
        );
        let held = BTreeMap::from([("canary".into(), "10% for 15m".into())]);
        let said = reading.execution().with_conditions(&held).unwrap().sentence();
        assert!(said.contains("(the pipeline is told), then all; then Terraform"), "{said}");
        let dispatch = Some(Canary::Dispatch { event_type: "dock-canary".to_owned() });
        let configured = Reading { canary: dispatch.clone(), ..reading.clone() };
        assert_eq!(configured.effect().canary, dispatch);
        let held = Reading { pipeline: Pipeline::Github, ..reading.clone() };
        assert_eq!(held.effect().canary, None, "GitHub tells a run nothing");
        assert_eq!(reading.moved(&held.base())[0].what, "pipeline");
    }
}
