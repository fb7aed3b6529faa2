//! Asks the platforms what a draft rests on. Each answer is dated; each failure is a fact of its own, with its reason.
//!
//! Never: a write, a guess in the place of an answer. Only the application's own reading is needed: without it there is
//! nothing to draft.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{
    Config,
    facts::{
        Asked, CheckVerdict, Checks, Commits, Facts, Freeze, Gauge, Incident, Pull, Release, Sample, Windows,
    },
};
use crate::{
    clock::Clock,
    platform::{
        Fact, PlatformError, Sources,
        argocd::{self, AppKey, Refresh},
        github::{self, CiState, Repository},
        pagerduty, prometheus,
    },
    row::{PrincipalId, Series, release, sync::Reading},
};

/// The newest commits whose pull requests are asked for.
const PULLS_ASKED_MAX: usize = 10;
/// The incidents whose notes are read.
const NOTES_ASKED_MAX: usize = 5;
/// How far back an incident may lie that a manual change belongs to.
const INCIDENTS_SINCE: SignedDuration = SignedDuration::from_hours(7 * 24);
const SERIES_SPAN: SignedDuration = SignedDuration::from_hours(1);
const SERIES_STEP: Duration = Duration::from_secs(60);

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
            self.service(&reading),
            self.gauges(&reading.app),
        );
        let freeze = self.freeze(reading.environment.as_deref(), read_at);
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

    async fn windows(&self, app: &AppKey) -> Asked<Windows> {
        self.told(self.argocd.sync_windows(app).await).map(|windows| Windows {
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
            Err(error) => return self.unknown(&error),
        };
        let mut pulls: Vec<Pull> = Vec::new();
        for commit in compared.commits.iter().rev().take(PULLS_ASKED_MAX).rev() {
            match github.pull_requests(repository, &commit.sha).await {
                Ok(found) => {
                    pulls.extend(found.into_iter().filter(|pull| pull.merged_at.is_some()).map(pull));
                }
                Err(error) => return self.unknown(&error),
            }
        }
        let mut seen = std::collections::BTreeSet::new();
        pulls.retain(|pull| seen.insert(pull.number));
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
        self.told(github.ci(&between.repository, &between.to).await).map(|ci| {
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
                Some(github) => match self.answered(github.chart_notes(&chart).await) {
                    Asked::Known { value, at } => (Asked::Known { value: value.text, at }, value.url),
                    Asked::Unknown { why, at } => (Asked::Unknown { why, at }, chart.repository.clone()),
                    Asked::Never => (Asked::Never, String::new()),
                },
            };
            releases.push(Release { chart, notes, url });
        }
        releases
    }

    /// Incidents on the service, and who is on call for it.
    async fn service(&self, reading: &Reading) -> (Asked<Vec<Incident>>, Asked<Vec<PrincipalId>>) {
        let watched = self.config.service(&reading.app).pagerduty;
        let Some(pagerduty) = self.sources.pagerduty.as_ref().filter(|_| watched) else {
            return (Asked::Never, Asked::Never);
        };
        let service = match self.answered(pagerduty.service(&reading.app).await) {
            Asked::Known { value, .. } => value,
            Asked::Unknown { why, at } => {
                return (Asked::Unknown { why: why.clone(), at }, Asked::Unknown { why, at });
            }
            Asked::Never => return (Asked::Never, Asked::Never),
        };
        tokio::join!(self.incidents(pagerduty, &service), self.on_call(pagerduty, &service))
    }

    async fn incidents(
        &self,
        pagerduty: &pagerduty::Source,
        service: &pagerduty::Service,
    ) -> Asked<Vec<Incident>> {
        let now = self.clock.now();
        let since = now.checked_sub(INCIDENTS_SINCE).unwrap_or(now);
        let (open, recent) = tokio::join!(
            pagerduty.open_incidents(&service.id),
            pagerduty.incidents_between(&service.id, since, now)
        );
        let mut found = match (open, recent) {
            (Ok(open), Ok(recent)) => {
                let known: Vec<_> = open.iter().map(|incident| incident.id.clone()).collect();
                let closed = recent.into_iter().filter(|incident| !known.contains(&incident.id));
                open.iter().cloned().chain(closed).collect::<Vec<_>>()
            }
            (Err(error), _) | (_, Err(error)) => return self.unknown(&error),
        };
        // Open ones first, then the newest.
        found.sort_by_key(|incident| (!incident.is_open(), std::cmp::Reverse(incident.created_at)));
        let mut incidents = Vec::new();
        for (at, incident) in found.into_iter().enumerate() {
            let notes =
                if at < NOTES_ASKED_MAX { pagerduty.notes(&incident.id).await } else { Ok(Vec::new()) };
            let notes = match notes {
                Ok(notes) => notes,
                Err(error) => return self.unknown(&error),
            };
            let Some(opened_at) = incident.created_at else {
                return Asked::Unknown { why: format!("{} tells no time", incident.reference), at: now };
            };
            let words: Vec<_> = notes.into_iter().map(|note| note.text).collect();
            incidents.push(Incident {
                text: format!("{}\n{}\n{}", incident.title, incident.details, words.join("\n")),
                closed_at: incident.resolved_at.filter(|_| !incident.is_open()),
                name: incident.reference,
                title: incident.title,
                url: incident.url,
                opened_at,
            });
        }
        Asked::Known { value: incidents, at: self.clock.now() }
    }

    /// The first level of the service's escalation policy, as names that Dock knows.
    async fn on_call(
        &self,
        pagerduty: &pagerduty::Source,
        service: &pagerduty::Service,
    ) -> Asked<Vec<PrincipalId>> {
        self.told(pagerduty.on_call().await).map(|shifts| {
            let policy = |shift: &&pagerduty::OnCall| {
                service.policy.as_ref().is_none_or(|policy| shift.policy == *policy)
            };
            let first = shifts.iter().filter(policy).map(|shift| shift.level).min();
            let of_first = shifts.iter().filter(policy).filter(|shift| Some(shift.level) == first);
            let mut people: Vec<PrincipalId> =
                of_first.filter_map(|shift| self.config.person(shift)).collect();
            people.sort();
            people.dedup();
            people
        })
    }

    async fn gauges(&self, app: &str) -> Vec<Gauge> {
        let Some(prometheus) =
            self.sources.prometheus.as_ref().filter(|_| self.config.service(app).prometheus)
        else {
            return Vec::new();
        };
        let queries = prometheus.queries(app);
        let hold_at = Some(self.config.limits(app).burn_hold.to_string());
        let (burn, errors, p95) = tokio::join!(
            self.gauge(prometheus, "SLO burn over 1 h", queries.burn_1h, hold_at, Unit::Times),
            self.gauge(prometheus, "errors", queries.error_rate, None, Unit::Percent),
            self.gauge(prometheus, "p95", queries.p95_seconds, None, Unit::Milliseconds),
        );
        vec![burn, errors, p95]
    }

    async fn gauge(
        &self,
        prometheus: &prometheus::Source,
        name: &str,
        query: String,
        hold_at: Option<String>,
        unit: Unit,
    ) -> Gauge {
        let now = self.clock.now();
        let from = now.checked_sub(SERIES_SPAN).unwrap_or(now);
        let (value, series) =
            tokio::join!(prometheus.value(&query), prometheus.series(&query, from, now, SERIES_STEP));
        // The series only shows the way here; the value is the fact.
        let series = series.ok().and_then(Fact::known).map(|series| Series {
            unit: unit.word().to_owned(),
            from: series.start,
            step_s: u32::try_from(series.step.as_secs()).unwrap_or(u32::MAX),
            points: series
                .points
                .into_iter()
                .take(Series::POINTS_MAX)
                .map(|point| point.map(|point| unit.text(point)))
                .collect(),
            threshold: hold_at.clone(),
        });
        let value = self.answered(value).map(|sample| Sample {
            value: unit.text(sample.value),
            unit: unit.word().to_owned(),
            series,
        });
        Gauge { name: name.to_owned(), url: prometheus.link(&query), query, hold_at, value }
    }

    fn freeze(&self, environment: Option<&str>, now: Timestamp) -> Option<Freeze> {
        let covers = |freeze: &&super::config::Freeze| {
            let here = freeze.environments.is_empty()
                || environment.is_none_or(|e| freeze.environments.iter().any(|f| f == e));
            here && freeze.from <= now && now < freeze.until
        };
        self.config
            .freeze
            .iter()
            .find(covers)
            .map(|freeze| Freeze { until: freeze.until, why: freeze.why.clone() })
    }

    fn told<T>(&self, answer: Result<T, PlatformError>) -> Asked<T> {
        match answer {
            Ok(value) => Asked::Known { value, at: self.clock.now() },
            Err(error) => self.unknown(&error),
        }
    }

    fn answered<T>(&self, answer: Result<Fact<T>, PlatformError>) -> Asked<T> {
        match answer {
            Ok(Fact::Known(value)) => Asked::Known { value, at: self.clock.now() },
            Ok(Fact::Unknown(why)) => Asked::Unknown { why, at: self.clock.now() },
            Err(error) => self.unknown(&error),
        }
    }

    fn unknown<T>(&self, error: &PlatformError) -> Asked<T> {
        Asked::Unknown { why: error.to_string(), at: self.clock.now() }
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

fn pull(pull: github::PullRequest) -> Pull {
    Pull { number: pull.number, title: pull.title, url: pull.url }
}

/// How a number is shown. Prometheus gives seconds and ratios.
#[derive(Clone, Copy)]
enum Unit {
    Times,
    Percent,
    Milliseconds,
}

impl Unit {
    fn word(self) -> &'static str {
        match self {
            Self::Times => "x",
            Self::Percent => " %",
            Self::Milliseconds => " ms",
        }
    }

    fn text(self, value: f64) -> String {
        match self {
            Self::Times => plain(value),
            Self::Percent => plain(value * 100.0),
            Self::Milliseconds => format!("{:.0}", value * 1000.0),
        }
    }
}

/// Two decimals at most, without zeros at the end.
fn plain(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
