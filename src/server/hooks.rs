//! Webhooks in: each is verified the platform's way, told once, answered at once; agents wait for what came and look.
//!
//! A delivery is a hint to look, never a fact: it shortens an agent's poll and changes nothing here. So what came is kept
//! in memory alone, the newest of it: after a restart an agent is told that it may have missed something, and looks at
//! everything; a delivery that was replayed over the restart costs one look (`server::tests::gates` replays one). To keep
//! their ids would buy no more than that look.
//! Never: a body believed before its signature was checked; a row, or a state, from a hook.

use std::{
    collections::{BTreeMap, VecDeque},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
};
use jiff::Timestamp;
use serde::Deserialize;
use tokio::sync::watch;
use zeroize::Zeroizing;

use super::{
    app::App,
    config::WrongConfig,
    identity::Caller,
    input::{Fields, Raw},
    problem::Problem,
    rows::wait_of,
};
use crate::{
    config,
    platform::{
        github::{
            Repository,
            webhook::{self, Delivery, Event, Ours, Received, Refusal},
        },
        pagerduty::webhook as pager,
    },
    row::{gate::Service, waiting::Place},
    wire::{Hint, Hints},
};

/// Ids of deliveries that are remembered, and hints that are kept for who asks later.
const SEEN_MAX: usize = 4_096;
const HINTS_MAX: usize = 256;
const GITHUB: &str = "github";
const PAGERDUTY: &str = "pagerduty";
/// No platform: pipelines that wait at Dock itself, told by [`super::waiting`].
const PIPELINES: &str = "pipelines";

/// The section `[hooks]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub github: Option<Secret>,
    pub pagerduty: Option<Secret>,
}

/// What the platform signs with: exactly one of the two.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Secret {
    pub secret_env: Option<String>,
    pub secret_file: Option<PathBuf>,
}

/// What is held against deliveries, and what came. Not `Debug`: secrets are in it.
pub(super) struct Hooks {
    github: Option<(Github, Line)>,
    pagerduty: Option<(RwLock<Zeroizing<String>>, Line)>,
    pipelines: Line,
}

/// What deliveries are signed with now. Not `Debug`.
pub(super) struct Secrets {
    github: Option<Zeroizing<String>>,
    pagerduty: Option<Zeroizing<String>>,
}

impl Secrets {
    /// All of them, or what is wrong with one.
    pub(super) fn read(config: &Config) -> Result<Self, WrongConfig> {
        let read = |name: &str, section: &Option<Secret>| {
            section.as_ref().map(|section| secret(name, section)).transpose()
        };
        Ok(Self { github: read(GITHUB, &config.github)?, pagerduty: read(PAGERDUTY, &config.pagerduty)? })
    }
}

struct Github {
    secret: RwLock<Zeroizing<String>>,
    /// As the section `[platforms.github]` has it.
    api: String,
    repositories: Vec<Repository>,
}

/// What one platform told, in the order in which it came.
#[derive(Default)]
struct Line {
    inner: Mutex<Inner>,
    /// The number of the newest hint.
    newest: watch::Sender<u64>,
}

#[derive(Default)]
struct Inner {
    seen: VecDeque<String>,
    hints: VecDeque<Hint>,
}

impl Hooks {
    /// Reads the secrets. GitHub's deliveries are held against the repositories of the gated services.
    pub(super) fn open(
        config: &Config,
        api: Option<&str>,
        gates: &BTreeMap<String, Service>,
    ) -> Result<Self, WrongConfig> {
        let secrets = Secrets::read(config)?;
        let github = match (secrets.github, api) {
            (None, _) => None,
            (Some(_), None) => {
                return Err(WrongConfig("hooks.github needs a section [platforms.github]".to_owned()));
            }
            (Some(secret), Some(api)) => {
                let repositories = gates.values().filter_map(|service| service.repository.parse().ok());
                let (api, repositories) = (api.to_owned(), repositories.collect());
                Some((Github { secret: RwLock::new(secret), api, repositories }, Line::default()))
            }
        };
        let pagerduty = secrets.pagerduty.map(|secret| (RwLock::new(secret), Line::default()));
        Ok(Self { github, pagerduty, pipelines: Line::default() })
    }

    /// From now on deliveries are held against these; what was told stays told.
    pub(super) fn take_secrets(&self, secrets: Secrets) {
        let take = |held: &RwLock<Zeroizing<String>>, new: Zeroizing<String>| {
            *held.write().unwrap_or_else(PoisonError::into_inner) = new;
        };
        if let (Some((github, _)), Some(new)) = (&self.github, secrets.github) {
            take(&github.secret, new);
        }
        if let (Some((held, _)), Some(new)) = (&self.pagerduty, secrets.pagerduty) {
            take(held, new);
        }
    }

    fn line(&self, platform: &str) -> Option<&Line> {
        match platform {
            GITHUB => self.github.as_ref().map(|(_, line)| line),
            PAGERDUTY => self.pagerduty.as_ref().map(|(_, line)| line),
            PIPELINES => Some(&self.pipelines),
            _ => None,
        }
    }

    /// A pipeline waits, or waits no more.
    pub(super) fn pipeline(&self, place: &Place, at: Timestamp) {
        let (run, environment) = (Some(place.run), Some(place.environment.clone()));
        self.pipelines.push(Hint { event: "pipeline".to_owned(), run, environment, ..blank(at) });
    }

    /// Whether it was worth a hint.
    fn take(&self, platform: &str, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Result<bool, Answer> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        match (platform, &self.github, &self.pagerduty) {
            (GITHUB, Some((github, line)), _) => {
                let Github { secret, api, repositories } = github;
                let secret = secret.read().unwrap_or_else(PoisonError::into_inner);
                let ours = Ours { secret: secret.as_bytes(), api, repositories };
                let delivery = Delivery {
                    content_type: text("Content-Type"),
                    event: text("X-GitHub-Event"),
                    id: text("X-GitHub-Delivery"),
                    signature: text("X-Hub-Signature-256"),
                    body,
                };
                let Received { id, event } = webhook::read(&ours, &delivery).map_err(Answer::Refused)?;
                line.take(id, hint(&event, now))
            }
            (PAGERDUTY, _, Some((secret, line))) => {
                let secret = secret.read().unwrap_or_else(PoisonError::into_inner);
                let delivery = pager::Delivery { signature: text("X-PagerDuty-Signature"), body };
                let pager::Received { id, event } =
                    pager::read(secret.as_bytes(), &delivery).map_err(Answer::RefusedByPager)?;
                line.take(id, paged(event, now))
            }
            _ => Err(Answer::NotHere),
        }
    }
}

impl Line {
    fn take(&self, id: String, hint: Option<Hint>) -> Result<bool, Answer> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.seen.contains(&id) {
            return Err(Answer::Repeated);
        }
        if inner.seen.len() >= SEEN_MAX {
            inner.seen.pop_front();
        }
        inner.seen.push_back(id);
        drop(inner);
        let Some(hint) = hint else { return Ok(false) };
        self.push(hint);
        Ok(true)
    }

    fn push(&self, hint: Hint) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let number = *self.newest.borrow() + 1;
        if inner.hints.len() >= HINTS_MAX {
            inner.hints.pop_front();
        }
        inner.hints.push_back(Hint { number, ..hint });
        self.newest.send_replace(number);
    }

    /// What came after `after`. A number that is ahead is of the time before a restart.
    fn since(&self, after: u64) -> Hints {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let newest = *self.newest.borrow();
        let oldest = inner.hints.front().map_or(newest + 1, |hint| hint.number);
        let missed = after > newest || after + 1 < oldest;
        let hints = inner.hints.iter().filter(|hint| missed || hint.number > after).cloned().collect();
        Hints { next: newest, missed, hints }
    }
}

/// Why a delivery is not taken.
#[derive(Debug)]
enum Answer {
    NotHere,
    Repeated,
    Refused(Refusal),
    RefusedByPager(pager::Refusal),
}

/// `POST /v1/hooks/{platform}`.
pub(super) async fn deliver(
    State(app): State<Arc<App>>,
    Path(platform): Path<String>,
    headers: HeaderMap,
    Raw(body): Raw,
) -> Result<StatusCode, Problem> {
    let now = app.clock.now();
    match app.hooks.take(&platform, &headers, &body, now) {
        Ok(told) => {
            app.counters.count("dock_hooks_total", if told { "taken" } else { "ignored" });
            Ok(StatusCode::ACCEPTED)
        }
        Err(Answer::NotHere) => Err(Problem::not_found(&format!("a hook for {}", platform.escape_default()))),
        // PagerDuty takes a refusal for a dropped delivery, and after three of them tells nothing for a day.
        Err(Answer::Repeated) if platform == PAGERDUTY => {
            app.counters.count("dock_hooks_total", "repeated");
            Ok(StatusCode::ACCEPTED)
        }
        Err(Answer::RefusedByPager(pager::Refusal::Malformed(why))) => {
            app.counters.count("dock_hooks_total", "ignored");
            tracing::warn!(why, "a delivery of PagerDuty's cannot be read");
            Ok(StatusCode::ACCEPTED)
        }
        Err(Answer::Repeated) => {
            app.counters.count("dock_hooks_total", "repeated");
            let why = "this delivery was taken already";
            Err(Problem::new(StatusCode::CONFLICT, "delivery_repeated", why).hint("nothing needs to be done"))
        }
        Err(Answer::Refused(refusal)) => {
            app.counters.count("dock_hooks_total", "refused");
            app.limits.stranger(now)?;
            Err(refused(&refusal))
        }
        Err(Answer::RefusedByPager(refusal)) => {
            app.counters.count("dock_hooks_total", "refused");
            app.limits.stranger(now)?;
            if refusal == pager::Refusal::Forged {
                tracing::error!("a delivery that says it is PagerDuty's is not signed by our secret");
            }
            Err(refused_by_pager(&refusal))
        }
    }
}

/// PagerDuty drops what is refused for good, and stops after three: what may be our own mistake is to come again.
fn refused_by_pager(refusal: &pager::Refusal) -> Problem {
    let (status, code) = match refusal {
        pager::Refusal::Unsigned => (StatusCode::UNAUTHORIZED, "bad_signature"),
        pager::Refusal::Forged => (StatusCode::SERVICE_UNAVAILABLE, "bad_signature"),
        pager::Refusal::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
        pager::Refusal::Malformed(_) => (StatusCode::BAD_REQUEST, "bad_request"),
    };
    Problem::new(status, code, refusal.to_string().as_str())
}

fn refused(refusal: &Refusal) -> Problem {
    let (status, code) = match refusal {
        Refusal::Unsigned | Refusal::Forged => (StatusCode::UNAUTHORIZED, "bad_signature"),
        Refusal::NotJson => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "not_json"),
        Refusal::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
        Refusal::Headless(_) | Refusal::Malformed { .. } | Refusal::Elsewhere => {
            (StatusCode::BAD_REQUEST, "bad_request")
        }
    };
    Problem::new(status, code, refusal.to_string().as_str())
}

/// `GET /v1/hooks/wait?platform=github&after=N&wait=25`: what came since; waits for something if nothing did.
pub(super) async fn wait(
    State(app): State<Arc<App>>,
    caller: Caller,
    mut query: Fields,
) -> Result<Json<Hints>, Problem> {
    caller.may_read()?;
    let platform: String = query.needed("platform")?;
    let after: u64 = query.one("after")?.unwrap_or(0);
    let wait = wait_of(&mut query)?;
    query.end()?;
    let Some(line) = app.hooks.line(&platform) else {
        let why = format!("no hook of {} is configured", platform.escape_default());
        return Err(Problem::new(StatusCode::NOT_FOUND, "no_hook", why.as_str()).hint("poll the platform"));
    };
    let mut newest = line.newest.subscribe();
    let came = async { drop(newest.wait_for(|newest| *newest != after).await) };
    app.wait_for(came, wait).await;
    Ok(Json(line.since(after)))
}

fn blank(at: Timestamp) -> Hint {
    let (event, repository) = (String::new(), String::new());
    Hint { number: 0, event, repository, run: None, environment: None, incident: None, at }
}

fn paged(event: pager::Event, at: Timestamp) -> Option<Hint> {
    match event {
        pager::Event::Incident { name, what, .. } => Some(Hint { event: what, incident: name, ..blank(at) }),
        pager::Event::Ignored { .. } => None,
    }
}

fn hint(event: &Event, at: Timestamp) -> Option<Hint> {
    let blank = blank(at);
    match event {
        Event::GateRequested { repo, run, environment, .. } => Some(Hint {
            event: "gate_requested".to_owned(),
            repository: repo.to_string(),
            run: Some(*run),
            environment: Some(environment.clone()),
            ..blank
        }),
        Event::Run { repo, run, .. } => {
            Some(Hint { event: "run".to_owned(), repository: repo.to_string(), run: Some(*run), ..blank })
        }
        Event::Deployment { repo, environment, .. } => Some(Hint {
            event: "deployment".to_owned(),
            repository: repo.to_string(),
            environment: Some(environment.clone()),
            ..blank
        }),
        Event::Ignored { .. } => None,
    }
}

fn secret(platform: &str, section: &Secret) -> Result<Zeroizing<String>, WrongConfig> {
    let wrong = |why: String| WrongConfig(format!("hooks.{platform}: {why}"));
    let found = match (&section.secret_env, &section.secret_file) {
        (Some(name), None) => config::environment(name)
            .map(Zeroizing::new)
            .ok_or_else(|| wrong(format!("the environment variable {name} is not set")))?,
        (None, Some(file)) => config::secret(file).map_err(|error| wrong(error.to_string()))?,
        _ => return Err(wrong("secret_env or secret_file is needed, and one of them".to_owned())),
    };
    if found.is_empty() { Err(wrong("the secret is empty".to_owned())) } else { Ok(found) }
}
