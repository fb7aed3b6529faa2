//! How a demo or a test moves GitHub: pipelines that finish, people in GitHub's own pages, renames, limits, hooks.
//!
//! Never: reachable over HTTP.

use std::collections::BTreeMap;

use super::{Hub, access, access::GithubCalls, pipelines::Then};
use crate::simulator::{SimulatorError, World, scenario};

/// After an agent looked at a planned run, the next one follows by itself after these ticks.
pub(in crate::simulator) const FOLLOW_TICKS: u32 = 15;

/// What an App's owner has: for a section that signs as the App.
#[derive(Debug, Clone)]
pub struct GithubApp {
    pub id: u64,
    pub installation: u64,
    /// Its private key in PEM, PKCS#1 as GitHub gives it.
    pub key: &'static str,
}

impl World {
    /// The App that owns the protection rules.
    pub fn github_app(&self) -> GithubApp {
        let [gate, _] = &access::APPS;
        GithubApp { id: gate.id, installation: gate.installation, key: gate.key }
    }

    /// The App that may only read.
    pub fn github_reading_app(&self) -> GithubApp {
        let [_, reads] = &access::APPS;
        GithubApp { id: reads.id, installation: reads.installation, key: reads.key }
    }

    /// A token that may answer rules and dispatch.
    pub fn github_writer(&self) -> String {
        self.read(|state| state.tokens.get(access::WRITER).cloned().unwrap_or_default())
    }

    /// A change to this service is pushed; its pipeline builds and then waits at its gate. The run's number.
    pub fn run(&self, service: &str) -> Result<u64, SimulatorError> {
        self.edit(|state, now| scenario::gates::push(state, service, now))
    }

    /// The same, with a deploy to each of these environments in turn, each behind its own gate.
    pub fn run_through(&self, service: &str, environments: &[&str]) -> Result<u64, SimulatorError> {
        let run = self.run(service)?;
        self.edit(|state, _| state.leads_through(run, environments))?;
        Ok(run)
    }

    /// The next run of the scenario's plan, if one is left: its number.
    pub fn run_next(&self) -> Option<u64> {
        self.edit(scenario::gates::next)
    }

    /// Somebody answers a waiting run in GitHub's own page.
    pub fn answer_run(&self, run: u64, approve: bool, by: &str) -> Result<(), SimulatorError> {
        let state_ = if approve { "approved" } else { "rejected" };
        self.edit(|state, now| state.answer(run, state_, (by, "Answered in the run's page."), now))
    }

    /// An administrator starts a waiting run past its rules: nobody's answer is left.
    pub fn bypass_run(&self, run: u64) -> Result<(), SimulatorError> {
        self.edit(|state, now| state.let_through(run, now))
    }

    /// Runs of a service are held on by a rule of GitHub's own, a timer or reviewers, after ours was answered; a person's
    /// answer lets them go.
    pub fn hold_on(&self, service: &str) {
        self.edit(|state, _| {
            state.github.pipelines.held_on.insert(format!("acme/{service}"));
        });
    }

    /// Does this run wait before its environment now?
    pub fn run_waits(&self, run: u64) -> bool {
        self.read(|state| state.github.waits(run))
    }

    pub fn rerun(&self, run: u64) -> Result<(), SimulatorError> {
        self.edit(|state, now| state.run_again(run, now))
    }

    pub fn cancel_run(&self, run: u64) -> Result<(), SimulatorError> {
        self.edit(|state, now| state.cancel(run, now))
    }

    /// A waiting run's required job turns out to have been skipped.
    pub fn skip_job(&self, run: u64, job: &str) -> Result<(), SimulatorError> {
        self.edit(|state, _| {
            let unknown = || SimulatorError::Unknown(format!("run {run}"));
            let run = state.github.pipelines.runs.get_mut(&run).ok_or_else(unknown)?;
            run.skipped = Some(job.to_owned());
            Ok(())
        })
    }

    /// The head of main is replaced by another commit, and its pipeline begins: the new run's number.
    pub fn force_push(&self, service: &str) -> Result<u64, SimulatorError> {
        self.edit(|state, now| scenario::gates::force_push(state, service, now))
    }

    /// An environment gets another name; what waits, waits before the new one.
    pub fn rename_environment(&self, service: &str, from: &str, to: &str) -> Result<(), SimulatorError> {
        self.edit(|state, _| {
            let repo = format!("acme/{service}");
            let unknown = || SimulatorError::Unknown(format!("environment {from} of {repo}"));
            let pipelines = &mut state.github.pipelines;
            let all = pipelines.environments.get_mut(&repo).ok_or_else(unknown)?;
            let name = all.iter_mut().find(|name| *name == from).ok_or_else(unknown)?;
            to.clone_into(name);
            for run in
                pipelines.runs.values_mut().filter(|run| run.repo == repo && run.conclusion().is_none())
            {
                if run.environment.as_deref() == Some(from) {
                    run.environment = Some(to.to_owned());
                }
            }
            Ok(())
        })
    }

    /// A repository gets another name; its old one leads to its number.
    pub fn rename_repository(&self, service: &str, to: &str) {
        self.edit(|state, _| {
            let (old, new) = (format!("acme/{service}"), format!("acme/{to}"));
            state.github.moved.insert(old.clone(), Hub::number(&old));
            state.github.renamed.insert(new, old);
        });
    }

    /// So many calls an hour; what was counted stays.
    pub fn limit_github(&self, calls: u32) {
        self.edit(|state, _| state.github.access.limit = calls);
    }

    /// What GitHub was asked so far, by who (as calls are counted) and for what (paths, ids left out).
    pub fn github_calls(&self) -> BTreeMap<(String, String), GithubCalls> {
        self.read(|state| state.github.access.asked())
    }

    /// The next calls are refused as too fast, with or without a time.
    pub fn slow_github(&self, calls: u32, retry_after_s: Option<u64>) {
        self.edit(|state, _| state.github.access.slow = Some((calls, retry_after_s)).filter(|_| calls > 0));
    }

    /// Every installation token ends now, before its time.
    pub fn expire_github_tokens(&self) {
        self.edit(|state, _| state.github.access.expire());
    }

    /// How many installation tokens were bought so far.
    pub fn github_tokens_issued(&self) -> usize {
        self.read(|state| state.github.access.bought)
    }

    /// From now on, what happens is told there, signed with the secret.
    pub fn hook_github(&self, url: &str, secret: &str) {
        self.edit(|state, _| state.github.hooks.to = Some((url.to_owned(), secret.to_owned())));
    }

    /// An agent has looked at a run that waits: its row is on the way, the plan may go on.
    pub(super) fn note_gate(&self, run: u64) {
        self.quietly(|state, _| {
            let waits = state.github.waits(run);
            let plan = &mut state.plan.gates;
            if waits && plan.current == Some(run) && plan.follow_in.is_none() {
                plan.follow_in = Some(FOLLOW_TICKS);
            }
        });
    }
}

impl Then {
    /// How long somebody takes to answer in GitHub's own page, in ticks.
    pub(in crate::simulator) const BY_AND_BY: u32 = 300;
}
