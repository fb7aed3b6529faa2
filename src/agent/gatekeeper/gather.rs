//! Asks the platforms what a draft rests on. Each answer is dated; each failure is a fact of its own, with its reason.
//!
//! Never: a write, a guess in the place of an answer. Only the run's own reading is needed: without it there is nothing
//! to draft.

use std::collections::BTreeMap;

use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;

use super::{
    Config, GatekeeperError,
    facts::{Alert, Application, Asked, Ci, Facts, Job, Monitor, Policy, Pull, Question, Service, Stand},
    telemetry::Measured,
};
use crate::{
    agent::{
        finding::{application_pointer, pointer},
        inquiry::Inquiry,
        people::frozen,
    },
    client::api::Api,
    clock::Clock,
    platform::{
        Fact, Sources, alertmanager,
        argocd::{self, AppSummary, SyncStatus},
        datadog, github,
        reading::{self, Depth, NoReading},
        terraform,
    },
    row::{
        gate::{self, Pipeline, Reading, Run, Told},
        waiting::{self, Said, Seen},
    },
};

/// The newest commits whose pull requests are asked for.
const PULLS_ASKED_MAX: usize = 5;
/// Runs whose waiting environments are asked for at a time.
const RUNS_AT_ONCE: usize = 8;

/// One run before one environment of a service.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Target {
    /// First, so that targets are in the order of their runs.
    pub(super) run: u64,
    pub(super) environment: String,
    pub(super) service: String,
}

impl Target {
    fn waits_at(&self) -> waiting::Place {
        let Self { run, environment, service } = self.clone();
        waiting::Place { service, environment, run }
    }

    pub(super) fn subject(&self) -> String {
        gate::subject(&self.service, self.run, &self.environment)
    }

    pub(super) fn place(&self) -> Place {
        (self.service.clone(), self.environment.clone())
    }
}

impl From<&waiting::Place> for Target {
    fn from(place: &waiting::Place) -> Self {
        let waiting::Place { service, environment, run } = place.clone();
        Self { run, environment, service }
    }
}

/// What waits before one service's environments, as it was listed.
#[derive(Debug)]
pub(super) struct Listed {
    pub(super) runs: BTreeMap<Target, Waits>,
    pub(super) at: Timestamp,
}

/// What a list tells of a run.
#[derive(Debug, Clone)]
pub(super) enum Waits {
    /// As GitHub has it.
    Github(Box<Run>),
    /// What the pipeline says of itself, which may be something else each time.
    Elsewhere(Said),
}

/// A service and one of its environments: who knows how it does may differ from one to the next.
pub(super) type Place = (String, String);

/// Where facts come from.
#[derive(Clone, Copy)]
pub(super) struct Gatherer<'a> {
    /// None where every run waits elsewhere and GitHub is not configured.
    pub(super) github: Option<&'a github::Source>,
    pub(super) api: &'a Api,
    pub(super) sources: &'a Sources,
    pub(super) config: &'a Config,
    pub(super) clock: &'a Clock,
}

impl Gatherer<'_> {
    /// What waits before the gated environments of one service. What GitHub cannot say is the whole list's failure: a
    /// run that is not listed would look answered.
    pub(super) async fn waiting(
        &self,
        name: &str,
        service: &gate::Service,
        elsewhere: &[Seen],
    ) -> Result<Listed, GatekeeperError> {
        let at = self.clock.now();
        let runs = match service.pipeline {
            Pipeline::Github => self.held_on_github(name, service).await?,
            Pipeline::Elsewhere => {
                let ours = elsewhere.iter().filter(|seen| seen.waiting.place.service == name);
                let waits = ours.filter(|seen| {
                    seen.instead.is_none()
                        && service.environments.contains_key(&seen.waiting.place.environment)
                });
                let told = |seen: &Seen| {
                    (Target::from(&seen.waiting.place), Waits::Elsewhere(seen.waiting.said.clone()))
                };
                waits.map(told).collect()
            }
        };
        Ok(Listed { runs, at })
    }

    async fn held_on_github(
        &self,
        name: &str,
        service: &gate::Service,
    ) -> Result<BTreeMap<Target, Waits>, GatekeeperError> {
        let github = self.github.ok_or(GatekeeperError::NoGithub)?;
        let repository = reading::repository(service)?;
        let runs = github.waiting_runs(&repository).await?;
        let pending = stream::iter(runs).map(|run: Run| {
            let repository = &repository;
            async move {
                let pending = github.pending_deployments(repository, run.id).await?;
                let gated =
                    pending.into_iter().filter(|one| service.environments.contains_key(&one.environment));
                let target = |one: github::PendingDeployment| Target {
                    run: run.id,
                    environment: one.environment,
                    service: name.to_owned(),
                };
                let targets = gated.map(target).map(|target| (target, Waits::Github(Box::new(run.clone()))));
                Ok::<_, GatekeeperError>(targets.collect::<Vec<_>>())
            }
        });
        let found: Vec<Result<Vec<_>, GatekeeperError>> = pending.buffered(RUNS_AT_ONCE).collect().await;
        Ok(found.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
    }

    /// With the run as it was just listed, where it was; what waits no more is read whole.
    async fn reading(
        &self,
        target: &Target,
        listed: Option<Run>,
        depth: Depth,
    ) -> Result<Reading, GatekeeperError> {
        let not_gated = || NoReading::NotGated {
            service: target.service.clone(),
            environment: target.environment.clone(),
        };
        let service = self.config.gates.get(&target.service).ok_or_else(not_gated)?;
        if service.pipeline == Pipeline::Elsewhere {
            let seen = self.api.pipeline(&target.waits_at()).await?;
            return Ok(reading::elsewhere(self.sources.around(), service, &seen, depth).await?);
        }
        let from = self.sources.gate().ok_or(GatekeeperError::NoGithub)?;
        if let Some(run) = listed {
            let told =
                reading::gate_of(from, &target.service, service, run, &target.environment, depth).await;
            match told {
                Ok(reading) if !reading.waits => {}
                other => return Ok(other?),
            }
        }
        Ok(reading::gate(from, &target.service, service, target.run, &target.environment, depth).await?)
    }

    /// Everything about one run. Fails only where who holds it cannot be read.
    pub(super) async fn gather(
        &self,
        target: &Target,
        listed: Option<Run>,
        service: Service,
    ) -> Result<Facts, GatekeeperError> {
        let reading = self.reading(target, listed, Depth::Whole).await?;
        let (ci, pulls, policies) =
            tokio::join!(self.ci(&reading), self.pulls(&reading), self.policies(&reading));
        let read_at = self.clock.now();
        let freeze = frozen(&self.config.freeze, Some(&reading.environment), read_at);
        Ok(Facts {
            reading,
            read_at,
            ci,
            pulls,
            policies,
            service,
            past: Asked::Never,
            asks: None,
            freeze,
            parent: None,
        })
    }

    /// What may have changed since these facts were gathered, of the same attempt and head: what is immutable is kept.
    pub(super) async fn refresh(&self, mut facts: Facts, target: &Target) -> Result<Facts, GatekeeperError> {
        let reading = self.reading(target, None, Depth::Base).await?;
        facts.policies = self.policies(&reading).await;
        facts.ci = self.ci(&reading).await;
        facts.read_at = self.clock.now();
        facts.freeze = frozen(&self.config.freeze, Some(&reading.environment), facts.read_at);
        let changes = std::mem::replace(&mut facts.reading.changes, Told::None);
        facts.reading = Reading { changes, ..reading };
        Ok(facts)
    }

    pub(super) async fn ci(&self, reading: &Reading) -> Asked<Ci> {
        let run = &reading.run;
        let repository = run.repository.parse().ok();
        if reading.pipeline == Pipeline::Elsewhere {
            return self.claimed_ci(reading, repository.as_ref()).await;
        }
        let (Some(repository), Some(github)) = (repository, self.github) else { return Asked::Never };
        let (jobs, checks) = tokio::join!(
            github.jobs(&repository, run.id, run.attempt),
            github.ci(&repository, &run.head_sha)
        );
        let (jobs, checks) = match (jobs, checks) {
            (Ok(jobs), Ok(checks)) => (jobs, checks),
            (Err(error), _) | (_, Err(error)) => return self.inquiry().unknown(&error),
        };
        // The commit's checks list this run's own jobs too, by the address of their page.
        let own = format!("/actions/runs/{}/", run.id);
        let others = checks.checks.into_iter().filter(|check| !check.url.contains(&own));
        self.inquiry().told(Ok(Ci {
            jobs: jobs
                .into_iter()
                .map(|job| Job { name: job.name, word: job.conclusion.unwrap_or(job.status) })
                .collect(),
            checks: others.map(|check| Job { name: check.name, word: check.word }).collect(),
        }))
    }

    /// What policies say of the run whose plan is shown, or that has none to show.
    async fn policies(&self, reading: &Reading) -> Asked<Vec<Policy>> {
        let run = match (&reading.plan, &reading.unplanned) {
            (Told::Known(plan), _) => &plan.run,
            (Told::Unknown(_), Some(unplanned)) => &unplanned.run,
            (Told::None | Told::Unknown(_), _) => return Asked::Never,
        };
        let Some(terraform) = &self.sources.terraform else { return Asked::Never };
        let told = self.inquiry().told(terraform.policies(run).await);
        told.map(|policies| policies.into_iter().map(policy).collect())
    }

    /// What a pipeline elsewhere says of its CI, by its own word, and what GitHub shows of its commit where that is read.
    async fn claimed_ci(&self, reading: &Reading, repository: Option<&github::Repository>) -> Asked<Ci> {
        let Some(says) = reading.says_ci else {
            let why = "the pipeline does not say how CI went: --ci passed".to_owned();
            return Asked::Unknown { why, at: self.clock.now() };
        };
        let word = match says {
            waiting::Ci::Passed => "success",
            waiting::Ci::Failed => "failure",
        };
        let jobs = vec![Job { name: "what the pipeline says".to_owned(), word: word.to_owned() }];
        let (Some(github), Some(repository)) = (self.github, repository) else {
            return self.inquiry().told(Ok(Ci { jobs, checks: Vec::new() }));
        };
        let told = github.ci(repository, &reading.run.head_sha).await.map(|told| {
            let checks = told.checks.into_iter().map(|check| Job { name: check.name, word: check.word });
            Ci { jobs, checks: checks.collect() }
        });
        self.inquiry().told(told)
    }

    async fn pulls(&self, reading: &Reading) -> Asked<Vec<Pull>> {
        let (Ok(repository), Some(github)) = (reading.run.repository.parse(), self.github) else {
            return Asked::Never;
        };
        let commits = reading.changes.known().map(|changes| changes.commits.as_slice()).unwrap_or_default();
        let newest = commits.iter().rev().take(PULLS_ASKED_MAX).rev().map(|commit| commit.sha.as_str());
        let inquiry = self.inquiry();
        inquiry.told(inquiry.pulls(github, &repository, newest).await)
    }

    /// Every application, once for all services.
    pub(super) async fn applications(&self) -> Asked<Vec<AppSummary>> {
        match &self.sources.argocd {
            Some(argocd) => self.inquiry().told(argocd.applications().await),
            None => Asked::Never,
        }
    }

    /// What concerns all runs of a service alike.
    pub(super) async fn service(
        &self,
        name: &str,
        gate: &gate::Service,
        apps: &Asked<Vec<AppSummary>>,
    ) -> Service {
        let (own, limits, now) = (self.config.service(name), self.config.limits(name), self.clock.now());
        let measured = Measured { inquiry: self.inquiry(), name, gate, own: &own, limits: &limits, now };
        let people = async {
            if own.pagerduty { self.inquiry().service(name).await } else { (Asked::Never, Asked::Never) }
        };
        let (telemetry, (incidents, on_call), alerts, monitors) =
            tokio::join!(measured.telemetry(), people, self.alerts(name), self.monitors(name));
        let on_call = if own.reviewers.is_empty() {
            on_call
        } else {
            Asked::Known { value: own.reviewers.clone(), at: now }
        };
        Service {
            burns: telemetry.burns,
            budget: telemetry.budget,
            p95: telemetry.p95,
            gauges: telemetry.gauges,
            argocd: self.application(gate, apps),
            incidents,
            alerts,
            monitors,
            on_call,
        }
    }

    /// What fires on a service, kept quiet or not. Replicas that cannot all be heard make "nothing" unknown.
    async fn alerts(&self, name: &str) -> Asked<Vec<Alert>> {
        let Some(alertmanager) = &self.sources.alertmanager else { return Asked::Never };
        let told = match alertmanager.alerts(name).await {
            Ok(told) => told,
            Err(error) => return self.inquiry().unknown(&error),
        };
        let alert = |alert: &alertmanager::Alert, quiet: bool| Alert {
            name: alert.name.clone(),
            severity: alert.severity.clone().unwrap_or_else(|| "no severity".to_owned()),
            since: alert.starts_at,
            quiet,
            pointer: pointer("alertmanager_alert", "alertmanager", &alert.fingerprint, &alert.url),
        };
        let quiet: Vec<Alert> = told.suppressed().map(|one| alert(one, true)).collect();
        let firing = told.firing().map(|firing| firing.into_iter().map(|one| alert(one, false)));
        self.inquiry().answered(Ok(firing.map(|firing| firing.chain(quiet).collect())))
    }

    async fn monitors(&self, name: &str) -> Asked<Vec<Monitor>> {
        let Some(datadog) = &self.sources.datadog else { return Asked::Never };
        let told = datadog.monitors(name).await.map(|told| match told {
            Fact::Known(monitors) => monitors.into_iter().map(monitor).collect(),
            // That none is tagged is an answer: nobody watches it by that name.
            Fact::Unknown(_) => Vec::new(),
        });
        self.inquiry().told(told)
    }

    fn application(
        &self,
        gate: &gate::Service,
        apps: &Asked<Vec<AppSummary>>,
    ) -> Option<Question<Application>> {
        let (name, argocd) = (gate.argocd.as_ref()?, self.sources.argocd.as_ref()?);
        let found = apps.known().map(|apps| {
            let key = argocd::named(apps.iter().map(|app| &app.key), name)?;
            apps.iter()
                .find(|app| app.key == *key)
                .ok_or_else(|| format!("ArgoCD shows no application {name}"))
        });
        let url = found.as_ref().and_then(|found| found.as_ref().ok());
        let url = url.map(|app| argocd.link(&app.key)).unwrap_or_default();
        let answer = match (apps, found) {
            (Asked::Known { at, .. }, Some(Ok(app))) => Asked::Known {
                value: Application {
                    name: name.clone(),
                    sync: sync_word(&app.sync).to_owned(),
                    health: app.health.word().to_owned(),
                    url: url.clone(),
                },
                at: *at,
            },
            (Asked::Known { at, .. }, Some(Err(why))) => Asked::Unknown { why, at: *at },
            (Asked::Known { .. }, None) => return None,
            (Asked::Unknown { why, at }, _) => Asked::Unknown { why: why.clone(), at: *at },
            (Asked::Never, _) => return None,
        };
        Some(Question { pointer: application_pointer(name, &url), answer })
    }

    fn inquiry(&self) -> Inquiry<'_> {
        Inquiry { sources: self.sources, clock: self.clock, people: &self.config.people }
    }
}

fn policy(policy: terraform::Policy) -> Policy {
    let stand = match policy.verdict {
        terraform::Verdict::Passed => Stand::Passed,
        terraform::Verdict::Failed if policy.status == "soft_failed" => Stand::SoftFailed,
        terraform::Verdict::Failed => Stand::Failed,
        terraform::Verdict::Overridden => Stand::Overridden,
        terraform::Verdict::Pending => Stand::Pending,
        terraform::Verdict::Untold => Stand::Untold,
    };
    Policy { name: format!("{} {}", policy.engine, policy.id), stand, word: policy.status }
}

fn monitor(monitor: datadog::Monitor) -> Monitor {
    let word = match monitor.state {
        datadog::MonitorState::Ok => "OK".to_owned(),
        datadog::MonitorState::Warn => "Warn".to_owned(),
        datadog::MonitorState::Alert => "Alert".to_owned(),
        datadog::MonitorState::NoData => "No Data".to_owned(),
        datadog::MonitorState::Other(word) => word,
    };
    Monitor { id: monitor.id, name: monitor.name, word, quiet: !monitor.mutes.is_empty() }
}

fn sync_word(sync: &SyncStatus) -> &str {
    match sync {
        SyncStatus::Synced => "Synced",
        SyncStatus::OutOfSync => "OutOfSync",
        SyncStatus::Other(word) => word,
    }
}
