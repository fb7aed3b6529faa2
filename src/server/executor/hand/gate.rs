//! A gate's writes, as GitHub and Terraform take them: the dispatch that begins a canary, the answer to the rule that holds
//! a run, the apply of the reviewed plan's run.
//!
//! Never: a comment that is longer than GitHub keeps, or that lacks the decision's id.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::{BaseNow, Hand, Sent, after};
use crate::{
    platform::{
        Failure,
        github::{Answered, Repository, Review, ReviewError, Reviewed},
        reading::{self, Depth, GateSources, NoReading},
        terraform::{ApplyRequest, RunError, RunRefusal},
    },
    row::{
        Base, DecisionId, Moved, Reading,
        gate::{self, Canary, GateBase, GateEffect, Pipeline, Run},
        stage::Before,
    },
    server::executor::{
        plan::Applied,
        warrant::{Task, Warrant},
    },
};

/// What starts a workflow by a dispatch is called so.
const DISPATCHED: &str = "workflow_dispatch";

impl Hand {
    /// The run as it is now, and the plan. Terraform has to answer where a plan was reviewed.
    pub(super) async fn run(&self, base: &GateBase, tag: &DecisionId) -> Result<Reading, BaseNow> {
        let service = self.service(&base.service).map_err(BaseNow::Away)?;
        if base.pipeline == Pipeline::Elsewhere {
            return self.waiting(base, service, tag).await;
        }
        let from = GateSources {
            github: self.github().map_err(BaseNow::Away)?.reads(),
            terraform: self.terraform.as_ref().map(crate::platform::terraform::Actuator::reads),
        };
        let moved = |what: &str, was: &str, is: &str| {
            let (what, was, is) = (what.to_owned(), was.to_owned(), is.to_owned());
            BaseNow::Moved(vec![Moved { what, was, is }])
        };
        let Ok(run) = base.run.parse() else { return Err(moved("run", &base.run, "no run's number")) };
        let read = reading::gate(from, &base.service, service, run, &base.environment, Depth::Base).await;
        let reading = match read {
            Ok(reading) => reading,
            Err(NoReading::NotGated { environment, .. }) => {
                return Err(moved("environment", &environment, "not gated"));
            }
            Err(NoReading::Platform(error)) if error.failure == Failure::NotFound => {
                return Err(moved("run", &base.run, "absent"));
            }
            Err(error @ NoReading::NotConfigured { .. }) => return Err(BaseNow::Away(error.to_string())),
            Err(NoReading::Platform(error)) => return Err(BaseNow::Away(error.to_string())),
        };
        match reading.plan_untold(base) {
            Some(why) => Err(BaseNow::Away(format!("the plan: {why}"))),
            None => Ok(Reading::Gate(Box::new(reading))),
        }
    }

    /// The newest run of the canary's workflow, by GitHub's own number: what comes after it may be ours.
    pub(super) async fn before_canary(&self, warrant: &Warrant) -> Result<Before, String> {
        let (repo, effect) = gate_of(warrant)?;
        let Some(Canary::Workflow { file, .. }) = &effect.canary else { return Ok(Before::default()) };
        let newest = self.github()?.reads().newest_workflow_run(&repo, file).await;
        let newest = newest.map_err(|error| error.to_string())?.unwrap_or(0);
        Ok(Before { history_id: i64::try_from(newest).ok(), ..Before::default() })
    }

    /// The runs that dispatches of the canary's workflow began since; none where dispatches are not shown.
    pub(super) async fn canary_runs(
        &self,
        warrant: &Warrant,
        before: &Before,
    ) -> Result<Option<Vec<Run>>, String> {
        let (repo, effect) = gate_of(warrant)?;
        let Some(Canary::Workflow { file, .. }) = &effect.canary else { return Ok(None) };
        let since = before.history_id.and_then(|id| u64::try_from(id).ok()).unwrap_or(0);
        let runs = self.github()?.reads().workflow_runs_after(&repo, file, since).await;
        let runs = runs.map_err(|error| error.to_string())?;
        Ok(Some(runs.into_iter().filter(|run| run.event == DISPATCHED).collect()))
    }

    pub(super) async fn reviewed(&self, warrant: &Warrant) -> Result<Reviewed, String> {
        let (repo, effect) = gate_of(warrant)?;
        let (Base::Gate(base), Some(run)) = (&warrant.base, run_of(warrant)) else {
            return Err("it is about no run".to_owned());
        };
        let github = self.github()?;
        let reviewed =
            github.reviewed(&repo, run, base.attempt, &effect.environment, warrant.tag.as_str()).await;
        reviewed.map_err(|error| error.to_string())
    }

    pub(super) async fn begin_canary(
        &self,
        warrant: &Warrant,
        reading: &gate::Reading,
        log: &str,
    ) -> Result<Sent, String> {
        let (repo, effect) = gate_of(warrant)?;
        let request = canary_request(warrant, reading, Some(log));
        let github = self.github()?;
        let sent = match &effect.canary {
            Some(Canary::Dispatch { event_type }) => {
                github.dispatch(&repo, event_type, &request["client_payload"]).await
            }
            Some(canary @ Canary::Workflow { file, .. }) => {
                let Some(branch) = canary.begun_on(reading.pipeline, &reading.run) else {
                    return Err(format!("nothing says on which branch {file} is to begin"));
                };
                github.dispatch_workflow(&repo, file, branch, &inputs(effect)).await
            }
            Some(Canary::Told) | None => return Err("nothing begins a canary here".to_owned()),
        };
        Ok(match sent {
            Ok(()) => Sent::Accepted,
            Err(error) => after(&error, Some(&error), error.after_write()),
        })
    }

    pub(super) async fn answer(&self, warrant: &Warrant, log: &str) -> Result<Sent, String> {
        let (repo, effect) = gate_of(warrant)?;
        let run = run_of(warrant).ok_or("it is about no run")?;
        let answer = answered(warrant);
        let comment = comment(warrant, Some(log));
        let review = Review { repo, run, environment: effect.environment.clone(), answer, comment };
        Ok(match self.github()?.review(&review).await {
            Ok(()) => Sent::Accepted,
            // It answered: what it says no to was not written, unless it had been before.
            Err(ReviewError::Platform(no))
                if matches!(no.failure, Failure::NotFound | Failure::Refused { .. }) =>
            {
                Sent::Refused { why: no.to_string() }
            }
            Err(error) => {
                let platform = match &error {
                    ReviewError::Platform(error) => Some(error),
                    ReviewError::TooLong { .. } | ReviewError::TooMany { .. } => None,
                };
                after(&error, platform, error.next())
            }
        })
    }

    pub(super) async fn applied(&self, warrant: &Warrant) -> Result<Applied, String> {
        let (_, effect) = gate_of(warrant)?;
        let run = effect.apply.as_deref().ok_or("no run is to be applied")?;
        let terraform = self.terraform()?.reads();
        // The comments first: what they show was so before the run was read.
        let comments = terraform.comments(run).await.map_err(|error| error.to_string())?;
        let run = terraform.run(run).await.map_err(|error| error.to_string())?;
        let ours = comments.iter().any(|comment| comment.body.contains(warrant.tag.as_str()));
        Ok(Applied { status: run.status, waits: run.confirmable, ours })
    }

    pub(super) async fn apply(&self, warrant: &Warrant, log: &str) -> Result<Sent, String> {
        let (_, effect) = gate_of(warrant)?;
        let (Some(run), Base::Gate(base)) = (&effect.apply, &warrant.base) else {
            return Err("no run is to be applied".to_owned());
        };
        let comment = comment(warrant, Some(log));
        let request = ApplyRequest { run: run.clone(), commit: base.head_sha.clone(), comment };
        Ok(match self.terraform()?.apply(&request).await {
            Ok(()) => Sent::Accepted,
            Err(error) => match &error {
                // It answered: what it says no to was not applied, unless it had been before.
                RunError::Refused {
                    refusal: RunRefusal::NotWaiting { .. } | RunRefusal::Overtaken, ..
                } => Sent::Refused { why: error.to_string() },
                RunError::Refused { .. } => after(&error, None, error.next()),
                RunError::Platform(platform) => after(&error, Some(platform), error.next()),
            },
        })
    }
}

/// As a body of JSON.
pub(super) fn apply_request(warrant: &Warrant, log: Option<&str>) -> Json {
    let Ok((_, effect)) = gate_of(warrant) else { return Json::Null };
    json!({"run": effect.apply, "comment": comment(warrant, log)})
}

/// As a body of JSON; `log` is the head that the intent made.
pub(super) fn canary_request(warrant: &Warrant, reading: &gate::Reading, log: Option<&str>) -> Json {
    let Ok((_, effect)) = gate_of(warrant) else { return Json::Null };
    match &effect.canary {
        Some(Canary::Dispatch { event_type }) => {
            let mut payload = json!({
                "dock_row": warrant.row.to_string(),
                "dock_decision": warrant.tag.as_str(),
                "service": reading.service,
                "environment": effect.environment,
                "run": effect.run,
                "attempt": reading.run.attempt.to_string(),
                "sha": reading.run.head_sha,
                "share": effect.share().map(|share| share.part()),
            });
            if let Some(time) = effect.share().and_then(|share| share.time()) {
                payload["for"] = json!(time);
            }
            if let Some(log) = log {
                payload["dock_log"] = json!(log);
            }
            json!({"event_type": event_type, "client_payload": payload})
        }
        Some(canary @ Canary::Workflow { file, .. }) => {
            let branch = canary.begun_on(reading.pipeline, &reading.run);
            json!({"workflow": file, "ref": branch, "inputs": inputs(effect)})
        }
        Some(Canary::Told) | None => Json::Null,
    }
}

/// As a body of JSON.
pub(super) fn answer_request(warrant: &Warrant, log: Option<&str>) -> Json {
    let Ok((_, effect)) = gate_of(warrant) else { return Json::Null };
    let state = answered(warrant).word();
    json!({"run": effect.run, "environment_name": effect.environment, "state": state, "comment": comment(warrant, log)})
}

/// The share goes into the input that the service's config names.
fn inputs(effect: &GateEffect) -> BTreeMap<String, String> {
    let Some(Canary::Workflow { input, .. }) = &effect.canary else { return BTreeMap::new() };
    effect.share().map(|share| (input.clone(), share.part())).into_iter().collect()
}

fn answered(warrant: &Warrant) -> Answered {
    if matches!(warrant.task, Task::Reject(_)) { Answered::Rejected } else { Answered::Approved }
}

/// `dock gate-9821 01J… approved by priya with canary=10%, log 1182 ROOT16` (9-formats).
pub(super) fn comment(warrant: &Warrant, log: Option<&str>) -> String {
    let (verb, conditions) = match &warrant.task {
        Task::Approve(effect) => ("approved", effect.conditions.clone()),
        Task::Reject(_) => ("declined", BTreeMap::new()),
        Task::Sync(_) | Task::Publish(_) | Task::Record(_) => ("decided", BTreeMap::new()),
    };
    let conditions: Vec<_> = conditions.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let with = if conditions.is_empty() { String::new() } else { format!(" with {}", conditions.join(", ")) };
    let log = log.map_or(String::new(), |log| format!(", log {log}"));
    format!("dock {} {} {verb} by {}{with}{log}", warrant.row, warrant.tag, warrant.by)
}

fn gate_of(warrant: &Warrant) -> Result<(Repository, &GateEffect), String> {
    match &warrant.task {
        Task::Approve(effect) | Task::Reject(effect) => {
            let repo = effect.repository.parse::<Repository>().map_err(|error| error.to_string())?;
            Ok((repo, effect))
        }
        Task::Sync(_) | Task::Publish(_) | Task::Record(_) => Err("it is no gate".to_owned()),
    }
}

fn run_of(warrant: &Warrant) -> Option<u64> {
    match &warrant.base {
        Base::Gate(base) => base.run.parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_comment_names_row_decision_people_and_conditions() {
        let reading = gate::example::reading();
        let canary = Some(Canary::Dispatch { event_type: "dock-canary".to_owned() });
        let conditions = BTreeMap::from([("canary".to_owned(), "10%".to_owned())]);
        let effect = GateEffect { canary, conditions, ..reading.effect() };
        let warrant = |task: Task| Warrant {
            row: "gate-9821".parse().unwrap(),
            tag: "01ARYZ6S41ZZZZZZZZZZZZZZZZ".parse().unwrap(),
            base: Base::Gate(reading.base()),
            task,
            keys: 2,
            by: "priya and sarah".to_owned(),
        };
        let approved = effect.clone();
        let approve = warrant(Task::Approve(effect.clone()));
        assert_eq!(
            comment(&approve, Some("1182 0011223344556677")),
            "dock gate-9821 01ARYZ6S41ZZZZZZZZZZZZZZZZ approved by priya and sarah with canary=10%, log 1182 \
             0011223344556677"
        );
        let reject = warrant(Task::Reject(effect));
        let said = comment(&reject, None);
        assert_eq!(said, "dock gate-9821 01ARYZ6S41ZZZZZZZZZZZZZZZZ declined by priya and sarah");
        assert_eq!(answer_request(&reject, None)["state"], "rejected");
        let body = canary_request(&approve, &reading, Some("1182 0011223344556677"));
        let payload = body["client_payload"].as_object().unwrap();
        assert!(payload.len() <= 10, "GitHub takes ten fields in a payload");
        assert_eq!((&payload["share"], payload.get("for")), (&json!("10%"), None));
        let held = GateEffect {
            conditions: BTreeMap::from([("canary".to_owned(), "10% for 15m".to_owned())]),
            ..approved.clone()
        };
        let body = canary_request(&warrant(Task::Approve(held.clone())), &reading, Some("1182 0011"));
        let payload = body["client_payload"].as_object().unwrap();
        assert!(payload.len() <= 10, "GitHub takes ten fields in a payload");
        assert_eq!((&payload["share"], &payload["for"]), (&json!("10%"), &json!("15m")));
        let workflow =
            Canary::Workflow { file: "canary.yml".to_owned(), input: "share".to_owned(), branch: None };
        let inputs = inputs(&GateEffect { canary: Some(workflow), ..held });
        assert_eq!(inputs, BTreeMap::from([("share".to_owned(), "10%".to_owned())]), "no input unheard-of");
    }
}
