//! Asks the platforms what a draft rests on. Each answer is dated; each failure is a fact of its own, with its reason.
//!
//! Never: a write, a guess in the place of an answer. Only the application's own reading is needed: without it there is
//! nothing to draft.

use super::{
    Config,
    facts::{Asked, CheckVerdict, Checks, Commits, Facts, Gauge, Incident, Release, Windows},
};
use crate::{
    agent::{
        inquiry::{Inquiry, Unit},
        people::frozen,
    },
    clock::Clock,
    platform::{
        PlatformError, Sources,
        argocd::{self, AppKey, Refresh},
        github::{self, CiState, Repository},
    },
    row::{Measure, PrincipalId, release, sync::Reading},
};

/// The newest commits whose pull requests are asked for.
const PULLS_ASKED_MAX: usize = 10;
/// Where facts come from.
pub(super) struct Gatherer<'a> {
    pub(super) argocd: &'a argocd::Source,
    pub(super) sources: &'a Sources,
    pub(super) config: &'a Config,
    pub(super) clock: &'a Clock,
}

impl Gatherer<'_> {
    /// Everything about one application, after ArgoCD looked again. Fails only where ArgoCD itself cannot be read.
    pub(super) async fn gather(&self, app: &AppKey) -> Result<Facts, PlatformError> {
        let reading = self.argocd.reading(app, Refresh::Normal).await?;
        let read_at = self.clock.now();
        let (windows, (commits, checks), releases, (incidents, on_call), gauges) = tokio::join!(
            self.windows(app),
            self.changes(&reading),
            self.releases(&reading),
            self.service(&reading.app),
            self.gauges(&reading.app),
        );
        let freeze = frozen(&self.config.freeze, reading.environment.as_deref(), read_at);
        let app_url = self.argocd.link(app);
        Ok(Facts {
            reading,
            read_at,
            app_url,
            windows,
            commits,
            checks,
            releases,
            incidents,
            on_call,
            gauges,
            past: Asked::Never,
            asks: None,
            freeze,
        })
    }

    fn inquiry(&self) -> Inquiry<'_> {
        Inquiry { sources: self.sources, clock: self.clock, people: &self.config.people }
    }

    async fn windows(&self, app: &AppKey) -> Asked<Windows> {
        self.inquiry().told(self.argocd.sync_windows(app).await).map(|windows| Windows {
            can_sync: windows.can_sync,
            active: windows
                .active
                .iter()
                .map(|w| format!("{} {} for {}", w.kind, w.schedule, w.duration))
                .collect(),
        })
    }

    /// What the first git source brings, and what CI says about it.
    async fn changes(&self, reading: &Reading) -> (Asked<Commits>, Asked<Checks>) {
        let Some((github, between)) =
            self.sources.github.as_ref().and_then(|github| Some((github, between(github, reading)?)))
        else {
            return (Asked::Never, Asked::Never);
        };
        let (commits, checks) = tokio::join!(self.commits(github, &between), self.checks(github, &between));
        (commits, checks)
    }

    async fn commits(&self, github: &github::Source, between: &Between) -> Asked<Commits> {
        let Between { repository, from, to, branch } = between;
        let compared = match github.compare(repository, from, to).await {
            Ok(compared) => compared,
            Err(error) => return self.inquiry().unknown(&error),
        };
        let newest = compared.commits.iter().rev().take(PULLS_ASKED_MAX).rev();
        let newest = newest.map(|commit| commit.sha.as_str());
        let pulls = match self.inquiry().pulls(github, repository, newest).await {
            Ok(pulls) => pulls,
            Err(error) => return self.inquiry().unknown(&error),
        };
        let subject = |commit: &github::Commit| commit.message.lines().next().unwrap_or_default().to_owned();
        let target_url =
            compared.commits.last().map_or_else(|| compared.url.clone(), |commit| commit.url.clone());
        let complete = compared.files_complete;
        Asked::Known {
            value: Commits {
                branch: branch.clone(),
                target: to.clone(),
                target_url,
                compare_url: compared.url,
                ahead_by: u32::try_from(compared.total_commits).unwrap_or(u32::MAX),
                behind_by: u32::try_from(compared.behind_by).unwrap_or(u32::MAX),
                subjects: compared.commits.iter().map(subject).collect(),
                pulls,
                paths: complete.then(|| compared.files.into_iter().map(|file| file.path).collect()),
            },
            at: self.clock.now(),
        }
    }

    async fn checks(&self, github: &github::Source, between: &Between) -> Asked<Checks> {
        self.inquiry().told(github.ci(&between.repository, &between.to).await).map(|ci| {
            let green = ci.checks.iter().filter(|check| check.word == "success").count();
            let loud = |words: &[&str]| {
                let named = ci.checks.iter().filter(|check| words.contains(&check.word.as_str()));
                named
                    .map(|check| format!("{} {}", check.name, check.word))
                    .take(4)
                    .collect::<Vec<_>>()
                    .join(", ")
            };
            let (verdict, summary) = match &ci.state {
                CiState::Green => (CheckVerdict::Green, format!("{green} of {} green", ci.checks.len())),
                CiState::Red => (
                    CheckVerdict::Red,
                    loud(&[
                        "failure",
                        "error",
                        "cancelled",
                        "timed_out",
                        "action_required",
                        "stale",
                        "startup_failure",
                    ]),
                ),
                CiState::Pending => (
                    CheckVerdict::Running,
                    loud(&["queued", "in_progress", "pending", "waiting", "requested"]),
                ),
                CiState::Unknown(why) => (CheckVerdict::None, why.clone()),
            };
            Checks { verdict, summary, url: ci.url }
        })
    }

    async fn releases(&self, reading: &Reading) -> Vec<Release> {
        let mut releases = Vec::new();
        for chart in release::charts(reading) {
            let (notes, url) = match &self.sources.github {
                None => (
                    Asked::Unknown { why: "GitHub is not configured".to_owned(), at: self.clock.now() },
                    String::new(),
                ),
                Some(github) => match self.inquiry().answered(github.chart_notes(&chart).await) {
                    Asked::Known { value, at } => (Asked::Known { value: value.text, at }, value.url),
                    Asked::Unknown { why, at } => (Asked::Unknown { why, at }, chart.repository.clone()),
                    Asked::Never => (Asked::Never, String::new()),
                },
            };
            releases.push(Release { chart, notes, url });
        }
        releases
    }

    async fn service(&self, app: &str) -> (Asked<Vec<Incident>>, Asked<Vec<PrincipalId>>) {
        if !self.config.service(app).pagerduty {
            return (Asked::Never, Asked::Never);
        }
        self.inquiry().service(app).await
    }

    async fn gauges(&self, app: &str) -> Vec<Gauge> {
        let Some(prometheus) =
            self.sources.prometheus.as_ref().filter(|_| self.config.service(app).prometheus)
        else {
            return Vec::new();
        };
        let queries = prometheus.queries(app);
        let hold_at = Some(self.config.limits(app).burn_hold.to_string());
        let inquiry = self.inquiry();
        let (burn, errors, p95) = tokio::join!(
            inquiry.gauge(prometheus, Measure::Burn1h.name(), queries.burn_1h, hold_at, Unit::Times),
            inquiry.gauge(prometheus, Measure::ErrorRate.name(), queries.error_rate, None, Unit::Percent),
            inquiry.gauge(prometheus, Measure::P95.name(), queries.p95_seconds, None, Unit::Milliseconds),
        );
        vec![burn, errors, p95]
    }
}

/// Two commits of one repository: what is live, and what the target means now.
struct Between {
    repository: Repository,
    from: String,
    to: String,
    branch: String,
}

/// The first git source on GitHub whose commit moved.
fn between(github: &github::Source, reading: &Reading) -> Option<Between> {
    let text = |source: &serde_json::Value, name: &str| {
        source.get(name).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned()
    };
    let moved = reading.sources.iter().zip(reading.synced_revisions.iter().zip(&reading.revisions));
    moved.filter(|(source, (from, to))| text(source, "chart").is_empty() && from != to).find_map(
        |(source, (from, to))| {
            let target = text(source, "targetRevision");
            Some(Between {
                repository: github.repository_of(&text(source, "repoURL"))?,
                from: from.clone(),
                to: to.clone(),
                branch: if target.is_empty() { "HEAD".to_owned() } else { target },
            })
        },
    )
}
