//! Asks the platforms what a draft rests on. Each answer is dated; each failure is a fact of its own, with its reason.
//!
//! Never: a write, a guess in the place of an answer. Only the run's own reading is needed: without it there is nothing
//! to draft.

use std::collections::BTreeMap;

use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;

use super::{
    Config,
    facts::{Alert, Application, Asked, Ci, Facts, Job, Pull, Question, Service},
    telemetry::Measured,
};
use crate::{
    agent::{
        finding::{application_pointer, pointer},
        inquiry::Inquiry,
        people::frozen,
    },
    clock::Clock,
    platform::{
        Sources, alertmanager,
        argocd::{AppSummary, SyncStatus},
        github,
        reading::{self, Depth, NoReading},
    },
    row::gate::{self, Reading, Run, Told},
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
    pub(super) fn subject(&self) -> String {
        gate::subject(&self.service, self.run, &self.environment)
    }
}

/// What waits before one service's environments, as it was listed.
#[derive(Debug)]
pub(super) struct Listed {
    pub(super) runs: BTreeMap<Target, Run>,
    pub(super) at: Timestamp,
}

/// Where facts come from.
#[derive(Clone, Copy)]
pub(super) struct Gatherer<'a> {
    pub(super) github: &'a github::Source,
    pub(super) sources: &'a Sources,
    pub(super) config: &'a Config,
    pub(super) clock: &'a Clock,
}

impl Gatherer<'_> {
    /// What waits before the gated environments of one service. What GitHub cannot say is the whole list's failure: a
    /// run that is not listed would look answered.
    pub(super) async fn waiting(&self, name: &str, service: &gate::Service) -> Result<Listed, NoReading> {
        let (repository, at) = (reading::repository(service)?, self.clock.now());
        let runs = self.github.waiting_runs(&repository).await?;
        let pending = stream::iter(runs).map(|run: Run| {
            let repository = &repository;
            async move {
                let pending = self.github.pending_deployments(repository, run.id).await?;
                let gated =
                    pending.into_iter().filter(|one| service.environments.contains_key(&one.environment));
                let target = |one: github::PendingDeployment| Target {
                    run: run.id,
                    environment: one.environment,
                    service: name.to_owned(),
                };
                let targets = gated.map(target).map(|target| (target, run.clone()));
                Ok::<_, NoReading>(targets.collect::<Vec<_>>())
            }
        });
        let found: Vec<Result<Vec<_>, NoReading>> = pending.buffered(RUNS_AT_ONCE).collect().await;
        let runs = found.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect();
        Ok(Listed { runs, at })
    }

    /// With the run as it was just listed, where it was; what waits no more is read whole.
    async fn reading(
        &self,
        target: &Target,
        listed: Option<Run>,
        depth: Depth,
    ) -> Result<Reading, NoReading> {
        let not_gated = || NoReading::NotGated {
            service: target.service.clone(),
            environment: target.environment.clone(),
        };
        let service = self.config.gates.get(&target.service).ok_or_else(not_gated)?;
        let from = self.sources.gate().ok_or_else(not_gated)?;
        if let Some(run) = listed {
            let told =
                reading::gate_of(from, &target.service, service, run, &target.environment, depth).await;
            match told {
                Ok(reading) if !reading.waits => {}
                other => return other,
            }
        }
        reading::gate(from, &target.service, service, target.run, &target.environment, depth).await
    }

    /// Everything about one run. Fails only where GitHub itself cannot be read.
    pub(super) async fn gather(
        &self,
        target: &Target,
        listed: Option<Run>,
        service: Service,
    ) -> Result<Facts, NoReading> {
        let reading = self.reading(target, listed, Depth::Whole).await?;
        let (ci, pulls) = tokio::join!(self.ci(&reading.run), self.pulls(&reading));
        let read_at = self.clock.now();
        let freeze = frozen(&self.config.freeze, Some(&reading.environment), read_at);
        Ok(Facts {
            reading,
            read_at,
            ci,
            pulls,
            service,
            past: Asked::Never,
            asks: None,
            freeze,
            parent: None,
        })
    }

    /// What may have changed since these facts were gathered, of the same attempt and head: what is immutable is kept.
    pub(super) async fn refresh(&self, mut facts: Facts, target: &Target) -> Result<Facts, NoReading> {
        let reading = self.reading(target, None, Depth::Base).await?;
        facts.ci = self.ci(&reading.run).await;
        facts.read_at = self.clock.now();
        facts.freeze = frozen(&self.config.freeze, Some(&reading.environment), facts.read_at);
        let changes = std::mem::replace(&mut facts.reading.changes, Told::None);
        facts.reading = Reading { changes, ..reading };
        Ok(facts)
    }

    pub(super) async fn ci(&self, run: &Run) -> Asked<Ci> {
        let Ok(repository) = run.repository.parse() else { return Asked::Never };
        let (jobs, checks) = tokio::join!(
            self.github.jobs(&repository, run.id, run.attempt),
            self.github.ci(&repository, &run.head_sha)
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

    async fn pulls(&self, reading: &Reading) -> Asked<Vec<Pull>> {
        let Ok(repository) = reading.run.repository.parse() else { return Asked::Never };
        let commits = reading.changes.known().map(|changes| changes.commits.as_slice()).unwrap_or_default();
        let newest = commits.iter().rev().take(PULLS_ASKED_MAX).rev().map(|commit| commit.sha.as_str());
        let inquiry = self.inquiry();
        inquiry.told(inquiry.pulls(self.github, &repository, newest).await)
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
        let (telemetry, (incidents, on_call), alerts) =
            tokio::join!(measured.telemetry(), people, self.alerts(name));
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

    fn application(
        &self,
        gate: &gate::Service,
        apps: &Asked<Vec<AppSummary>>,
    ) -> Option<Question<Application>> {
        let (name, argocd) = (gate.argocd.as_ref()?, self.sources.argocd.as_ref()?);
        let found = apps.known().and_then(|apps| apps.iter().find(|app| app.key.name == *name));
        let url = found.map(|app| argocd.link(&app.key)).unwrap_or_default();
        let answer = match (apps, found) {
            (Asked::Known { at, .. }, Some(app)) => Asked::Known {
                value: Application {
                    name: name.clone(),
                    sync: sync_word(&app.sync).to_owned(),
                    health: app.health.word().to_owned(),
                    url: url.clone(),
                },
                at: *at,
            },
            (Asked::Known { at, .. }, None) => {
                Asked::Unknown { why: format!("ArgoCD shows no application {name}"), at: *at }
            }
            (Asked::Unknown { why, at }, _) => Asked::Unknown { why: why.clone(), at: *at },
            (Asked::Never, _) => return None,
        };
        Some(Question { pointer: application_pointer(name, &url), answer })
    }

    fn inquiry(&self) -> Inquiry<'_> {
        Inquiry { sources: self.sources, clock: self.clock, people: &self.config.people }
    }
}

fn sync_word(sync: &SyncStatus) -> &str {
    match sync {
        SyncStatus::Synced => "Synced",
        SyncStatus::OutOfSync => "OutOfSync",
        SyncStatus::Other(word) => word,
    }
}
