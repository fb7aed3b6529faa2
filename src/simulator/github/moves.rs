//! How pipelines go on: they build, wait at their gate, are answered, deploy, and may go wrong.
//!
//! Never: a deploy that nobody let through; an answer to an attempt that does not wait.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::json;

use super::{
    No,
    pipelines::{Deployment, Fate, New, Review, Run, Stage, Status, Then, Workflow},
    shown,
};
use crate::simulator::{SimulatorError, scenario, world::State};

const BUILD_TICKS: u32 = 8;
const DEPLOY_TICKS: u32 = 15;
/// How long a broken deploy runs before it is rolled back.
const BREAKS_TICKS: u32 = 60;
const REPORTS_MAX: u32 = 10;
const COMMENT_CHARS_MAX: usize = 1024;

impl State {
    fn run_mut(&mut self, id: u64) -> Result<&mut Run, SimulatorError> {
        self.github.changed = true;
        let unknown = || SimulatorError::Unknown(format!("run {id}"));
        self.github.pipelines.runs.get_mut(&id).ok_or_else(unknown)
    }

    /// A run that builds, and waits or deploys afterwards. Returns its number.
    pub(in crate::simulator) fn begin_run(&mut self, new: &New<'_>, now: Timestamp) -> u64 {
        let pipelines = &mut self.github.pipelines;
        let id = pipelines.next_run;
        pipelines.next_run += 1;
        let run = Run {
            id,
            repo: new.repo.to_owned(),
            file: new.file,
            environment: new.environment.map(str::to_owned),
            ahead: vec![],
            behind: vec![],
            gated: new.gated,
            sha: new.sha.to_owned(),
            event: new.event.to_owned(),
            actor: new.actor.to_owned(),
            title: new.title.to_owned(),
            attempt: 1,
            created_at: now,
            started_at: now,
            updated_at: now,
            stage: Stage::Building { ticks: BUILD_TICKS },
            deployment: None,
            past: BTreeMap::new(),
            reviews: vec![],
            reports: 0,
            skipped: None,
            fate: new.fate,
            then: None,
        };
        pipelines.runs.insert(id, run);
        self.github.changed = true;
        self.tell_run(id, "requested");
        id
    }

    /// A run that was long over when the world began, and deployed well.
    pub(in crate::simulator) fn run_before(&mut self, new: &New<'_>, at: Timestamp) {
        let id = self.begin_run(new, at);
        self.deploy_of(id, "success", at);
        if let Ok(run) = self.run_mut(id) {
            run.stage = Stage::Over { conclusion: "success".to_owned() };
        }
    }

    /// A run whose jobs deploy to these environments, one after the other.
    pub(in crate::simulator) fn leads_through(
        &mut self,
        id: u64,
        environments: &[&str],
    ) -> Result<(), SimulatorError> {
        let run = self.run_mut(id)?;
        let mut names = environments.iter().map(|name| (*name).to_owned());
        run.environment = names.next();
        run.ahead = names.collect();
        Ok(())
    }

    /// The job before the next environment begins, and waits at its gate.
    fn next_environment(&mut self, id: u64, now: Timestamp) {
        let Ok(run) = self.run_mut(id) else { return };
        let next = run.ahead.remove(0);
        run.behind.extend(run.environment.replace(next.clone()));
        (run.stage, run.deployment, run.updated_at) = (Stage::Waiting, None, now);
        self.deploy_of(id, "waiting", now);
        self.ask_rule(id, &next, now);
    }

    /// Time passes by one tick.
    pub(in crate::simulator) fn tick_pipelines(&mut self, now: Timestamp) {
        let due: Vec<(u64, Stage, Option<Then>)> =
            self.github.pipelines.runs.values_mut().filter_map(Run::tick).collect();
        for (id, stage, then) in due {
            match stage {
                Stage::Building { ticks: 0 } => self.built(id, now),
                Stage::Deploying { ticks: 0 } => self.deployed(id, now),
                _ => {}
            }
            match then {
                Some(Then::RollBack) => self.roll_back(id, now),
                // It may have been answered meanwhile: then there is nothing left to do.
                Some(Then::AdminApproves) => {
                    drop(self.answer(id, "approved", ("admin", "Approved in the run's page."), now));
                }
                Some(Then::Cancelled) => drop(self.cancel(id, now)),
                None => {}
            }
        }
    }

    /// After these ticks, and only if it waits then.
    pub(in crate::simulator) fn later(&mut self, id: u64, ticks: u32, then: Then) {
        if let Ok(run) = self.run_mut(id) {
            run.then = Some((ticks, then));
        }
    }

    fn built(&mut self, id: u64, now: Timestamp) {
        let Ok(run) = self.run_mut(id) else { return };
        run.updated_at = now;
        let gate = run.environment.clone().filter(|_| run.gated);
        run.stage = if gate.is_some() { Stage::Waiting } else { Stage::Deploying { ticks: DEPLOY_TICKS } };
        if run.environment.is_some() {
            self.deploy_of(id, if gate.is_some() { "waiting" } else { "in_progress" }, now);
        }
        self.tell_run(id, "in_progress");
        if let Some(environment) = gate {
            self.ask_rule(id, &environment, now);
        }
    }

    fn ask_rule(&mut self, id: u64, environment: &str, now: Timestamp) {
        let body = self.github.pipelines.runs.get(&id).map(|run| shown::gate(self, run, environment));
        self.tell("deployment_protection_rule", "requested", body, now);
    }

    fn deployed(&mut self, id: u64, now: Timestamp) {
        let Ok(run) = self.run_mut(id) else { return };
        let fate = run.fate;
        if fate == Fate::Breaks {
            run.then = Some((BREAKS_TICKS, Then::RollBack));
        }
        let (service, well) = (run.service().to_owned(), fate != Fate::Fails);
        let goes_on = well && !run.ahead.is_empty();
        self.say(id, if well { "success" } else { "failure" }, now);
        if goes_on {
            return self.next_environment(id, now);
        }
        self.over(id, if well { "success" } else { "failure" }, now);
        if fate == Fate::Breaks {
            scenario::gates::breaks(self, &service, now);
        }
    }

    /// A newer run deploys what ran before.
    fn roll_back(&mut self, id: u64, now: Timestamp) {
        let Some(run) = self.github.pipelines.runs.get(&id).cloned() else { return };
        let broken = run.deployment.and_then(|id| self.github.pipelines.deployments.get(&id));
        let Some(good) =
            broken.and_then(|broken| self.github.pipelines.good_before(broken)).map(|good| good.sha.clone())
        else {
            return;
        };
        let new = self.begin_run(
            &New {
                repo: &run.repo,
                file: Workflow::Rollback,
                environment: run.environment.as_deref(),
                gated: false,
                sha: &good,
                event: "workflow_dispatch",
                actor: "rollout-bot",
                title: &format!("Roll back run {id}"),
                fate: Fate::Well,
            },
            now,
        );
        if let Ok(run) = self.run_mut(new) {
            run.stage = Stage::Building { ticks: 1 };
        }
        scenario::gates::mended(self, run.service(), now);
    }

    /// An answer to the gate, by whoever may.
    pub(in crate::simulator) fn answer(
        &mut self,
        id: u64,
        state: &str,
        (by, comment): (&str, &str),
        now: Timestamp,
    ) -> Result<(), SimulatorError> {
        let run = self.run_mut(id)?;
        let environment = run.environment.clone().filter(|_| run.stage == Stage::Waiting);
        let environment = environment.ok_or_else(|| SimulatorError::Unknown(format!("gate of run {id}")))?;
        let (comment, by) = (comment.to_owned(), by.to_owned());
        let repo = run.repo.clone();
        let ours = by == format!("{}[bot]", super::access::SLUG);
        run.reviews.push(Review { state: state.to_owned(), comment, by, environment });
        run.updated_at = now;
        if state == "approved" && ours && self.github.pipelines.held_on.contains(&repo) {
            return Ok(());
        }
        let run = self.run_mut(id)?;
        if state == "approved" {
            run.stage = Stage::Deploying { ticks: DEPLOY_TICKS };
            self.say(id, "in_progress", now);
        } else {
            self.say(id, "failure", now);
            self.over(id, "failure", now);
        }
        Ok(())
    }

    /// It goes on past its rules, without anybody's answer.
    pub(in crate::simulator) fn let_through(
        &mut self,
        id: u64,
        now: Timestamp,
    ) -> Result<(), SimulatorError> {
        let run = self.run_mut(id)?;
        if run.stage != Stage::Waiting {
            return Err(SimulatorError::Unknown(format!("gate of run {id}")));
        }
        (run.stage, run.updated_at) = (Stage::Deploying { ticks: DEPLOY_TICKS }, now);
        self.say(id, "in_progress", now);
        Ok(())
    }

    /// What a POST to the rule of a run means.
    pub(super) fn rule_answered(
        &mut self,
        (repo, id): (&str, u64),
        (environment, state): (&str, Option<&str>),
        comment: &str,
        now: Timestamp,
    ) -> Result<(), No> {
        let refused = |words: &str| No::Refused(words.to_owned());
        let found = self.github.pipelines.runs.get(&id).filter(|run| run.repo == repo).ok_or(No::NotFound)?;
        let waits = found.stage == Stage::Waiting && found.environment.as_deref() == Some(environment);
        if comment.chars().count() > COMMENT_CHARS_MAX {
            return Err(refused("Comment is too long (maximum is 1024 characters)"));
        }
        if !waits {
            return Err(refused("There is no pending deployment request for this environment"));
        }
        let by = format!("{}[bot]", super::access::SLUG);
        match state {
            Some(state @ ("approved" | "rejected")) => {
                self.answer(id, state, (&by, comment), now).map_err(|_| No::NotFound)
            }
            Some(_) => Err(refused("State is not included in the list")),
            None if comment.is_empty() => Err(refused("Comment is required when state is not provided")),
            None if found.reports >= REPORTS_MAX => Err(refused("Maximum of 10 status reports exceeded")),
            None => {
                let run = self.run_mut(id).map_err(|_| No::NotFound)?;
                run.reports += 1;
                let (state, environment) = ("pending".to_owned(), environment.to_owned());
                run.reviews.push(Review { state, comment: comment.to_owned(), by, environment });
                Ok(())
            }
        }
    }

    pub(in crate::simulator) fn cancel(&mut self, id: u64, now: Timestamp) -> Result<(), SimulatorError> {
        if self.run_mut(id)?.conclusion().is_none() {
            self.say(id, "error", now);
            self.over(id, "cancelled", now);
        }
        Ok(())
    }

    /// The same run again: another attempt, which asks again.
    pub(in crate::simulator) fn run_again(&mut self, id: u64, now: Timestamp) -> Result<(), SimulatorError> {
        if self.run_mut(id)?.conclusion().is_none() {
            self.cancel(id, now)?;
        }
        let run = self.run_mut(id)?;
        if let Stage::Over { conclusion } = &run.stage {
            run.past.insert(run.attempt, conclusion.clone());
        }
        run.attempt += 1;
        if !run.behind.is_empty() {
            let mut all: Vec<String> = std::mem::take(&mut run.behind);
            all.extend(run.environment.take());
            all.append(&mut run.ahead);
            run.environment = Some(all.remove(0));
            run.ahead = all;
        }
        (run.started_at, run.updated_at, run.reports, run.deployment) = (now, now, 0, None);
        run.stage = Stage::Building { ticks: BUILD_TICKS };
        self.tell_run(id, "requested");
        Ok(())
    }

    fn over(&mut self, id: u64, conclusion: &str, now: Timestamp) {
        if let Ok(run) = self.run_mut(id) {
            run.updated_at = now;
            run.stage = Stage::Over { conclusion: conclusion.to_owned() };
        }
        self.tell_run(id, "completed");
    }

    /// The deployment of a run's attempt comes to be.
    fn deploy_of(&mut self, run: u64, state: &str, now: Timestamp) {
        let id = self.github.pipelines.next();
        let Ok(run) = self.run_mut(run) else { return };
        run.deployment = Some(id);
        let deployment = Deployment {
            id,
            repo: run.repo.clone(),
            environment: run.environment.clone().unwrap_or_default(),
            sha: run.sha.clone(),
            run: run.id,
            description: run.title.clone(),
            created_at: now,
            statuses: vec![],
        };
        let run = run.id;
        self.github.pipelines.deployments.insert(id, deployment);
        self.say(run, state, now);
    }

    /// A status for a run's deployment. What succeeds takes the place of what was there.
    fn say(&mut self, run: u64, state: &str, now: Timestamp) {
        let Some(id) = self.github.pipelines.runs.get(&run).and_then(|run| run.deployment) else { return };
        let pipelines = &mut self.github.pipelines;
        let Some(of) = pipelines.deployments.get(&id).map(|one| (one.repo.clone(), one.environment.clone()))
        else {
            return;
        };
        let active = |one: &&mut Deployment| {
            let last = one.statuses.last().map(|status| status.state.as_str());
            one.id < id && (one.repo.clone(), one.environment.clone()) == of && last == Some("success")
        };
        let mut number = pipelines.next;
        if state == "success" {
            for other in pipelines.deployments.values_mut().filter(active) {
                number += 1;
                other.statuses.push(Status { id: number, state: "inactive".to_owned(), at: now });
            }
        }
        pipelines.next = number + 1;
        if let Some(deployment) = pipelines.deployments.get_mut(&id) {
            deployment.statuses.push(Status { id: number + 1, state: state.to_owned(), at: now });
        }
        self.github.changed = true;
        let body = self.github.pipelines.deployments.get(&id).map(|one| shown::deployment_event(self, one));
        self.tell("deployment_status", "created", body, now);
    }

    fn tell_run(&mut self, id: u64, action: &str) {
        let Some(run) = self.github.pipelines.runs.get(&id) else { return };
        let body = json!({"action": action, "workflow_run": shown::run(self, run, run.attempt),
            "repository": shown::place(&run.repo)});
        let at = run.updated_at;
        self.tell("workflow_run", action, Some(body), at);
    }
}

impl Run {
    /// What is due now.
    fn tick(&mut self) -> Option<(u64, Stage, Option<Then>)> {
        if let Stage::Building { ticks } | Stage::Deploying { ticks } = &mut self.stage {
            *ticks = ticks.saturating_sub(1);
        }
        let then = match &mut self.then {
            Some((0, then)) => Some(*then),
            Some((ticks, _)) => {
                *ticks -= 1;
                None
            }
            None => None,
        };
        if then.is_some() {
            self.then = None;
        }
        let due = matches!(self.stage, Stage::Building { ticks: 0 } | Stage::Deploying { ticks: 0 });
        (due || then.is_some()).then(|| (self.id, self.stage.clone(), then))
    }
}
