//! Webhooks in: each is verified the platform's way, told once, answered at once; agents wait for what came and look.
//!
//! A delivery is a hint to look, never a fact: it shortens an agent's poll and changes nothing here. So what came is kept
//! in memory alone, the newest of it: after a restart an agent is told that it may have missed something, and looks at
//! everything; a delivery that was replayed over the restart costs one look.
//! Never: a body believed before its signature was checked; a row, or a state, from a hook.

use std::{
    collections::{BTreeMap, VecDeque},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
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
    platform::github::{
        Repository,
        webhook::{self, Delivery, Event, Ours, Received, Refusal},
    },
    row::gate::Service,
    wire::{Hint, Hints},
};

/// Ids of deliveries that are remembered, and hints that are kept for who asks later.
const SEEN_MAX: usize = 4_096;
const HINTS_MAX: usize = 256;
const GITHUB: &str = "github";

/// The section `[hooks]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub github: Option<Secret>,
}

/// What the platform signs with: exactly one of the two.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Secret {
    pub secret_env: Option<String>,
    pub secret_file: Option<PathBuf>,
}

/// What is held against deliveries, and what came. Not `Debug`: a secret is in it.
pub(super) struct Hooks {
    github: Option<Github>,
    inner: Mutex<Inner>,
    /// The number of the newest hint.
    newest: watch::Sender<u64>,
}

struct Github {
    secret: Zeroizing<String>,
    /// As the section `[platforms.github]` has it.
    api: String,
    repositories: Vec<Repository>,
}

#[derive(Default)]
struct Inner {
    seen: VecDeque<String>,
    hints: VecDeque<Hint>,
}

impl Hooks {
    /// Reads the secrets. Deliveries are held against the repositories of the gated services.
    pub(super) fn open(
        config: &Config,
        api: Option<&str>,
        gates: &BTreeMap<String, Service>,
    ) -> Result<Self, WrongConfig> {
        let github = match (&config.github, api) {
            (None, _) => None,
            (Some(_), None) => {
                return Err(WrongConfig("hooks.github needs a section [platforms.github]".to_owned()));
            }
            (Some(section), Some(api)) => {
                let repositories = gates.values().filter_map(|service| service.repository.parse().ok());
                let (api, repositories) = (api.to_owned(), repositories.collect());
                Some(Github { secret: secret(section)?, api, repositories })
            }
        };
        Ok(Self { github, inner: Mutex::default(), newest: watch::Sender::new(0) })
    }

    fn take(&self, delivery: &Delivery<'_>, now: Timestamp) -> Result<bool, Answer> {
        let Some(github) = &self.github else { return Err(Answer::NotHere) };
        let Github { secret, api, repositories } = github;
        let ours = Ours { secret: secret.as_bytes(), api, repositories };
        let Received { id, event } = webhook::read(&ours, delivery).map_err(Answer::Refused)?;
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.seen.contains(&id) {
            return Err(Answer::Repeated);
        }
        if inner.seen.len() >= SEEN_MAX {
            inner.seen.pop_front();
        }
        inner.seen.push_back(id);
        let number = *self.newest.borrow() + 1;
        let Some(hint) = hint(number, &event, now) else { return Ok(false) };
        if inner.hints.len() >= HINTS_MAX {
            inner.hints.pop_front();
        }
        inner.hints.push_back(hint);
        drop(inner);
        self.newest.send_replace(number);
        Ok(true)
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
}

/// `POST /v1/hooks/{platform}`.
pub(super) async fn deliver(
    State(app): State<Arc<App>>,
    Path(platform): Path<String>,
    headers: HeaderMap,
    Raw(body): Raw,
) -> Result<StatusCode, Problem> {
    let not_here = || Problem::not_found(&format!("a hook for {}", platform.escape_default()));
    if platform != GITHUB {
        return Err(not_here());
    }
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let delivery = Delivery {
        content_type: text("Content-Type"),
        event: text("X-GitHub-Event"),
        id: text("X-GitHub-Delivery"),
        signature: text("X-Hub-Signature-256"),
        body: &body,
    };
    let now = app.clock.now();
    match app.hooks.take(&delivery, now) {
        Ok(told) => {
            app.counters.count("dock_hooks_total", if told { "taken" } else { "ignored" });
            Ok(StatusCode::ACCEPTED)
        }
        Err(Answer::NotHere) => Err(not_here()),
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
    }
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
    if platform != GITHUB || app.hooks.github.is_none() {
        let why = format!("no hook of {} is configured", platform.escape_default());
        return Err(Problem::new(StatusCode::NOT_FOUND, "no_hook", why.as_str()).hint("poll the platform"));
    }
    let mut newest = app.hooks.newest.subscribe();
    let came = async { drop(newest.wait_for(|newest| *newest != after).await) };
    app.wait_for(came, wait).await;
    Ok(Json(app.hooks.since(after)))
}

fn hint(number: u64, event: &Event, at: Timestamp) -> Option<Hint> {
    let blank =
        Hint { number, event: String::new(), repository: String::new(), run: None, environment: None, at };
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

fn secret(section: &Secret) -> Result<Zeroizing<String>, WrongConfig> {
    let wrong = |why: String| WrongConfig(format!("hooks.github: {why}"));
    let found = match (&section.secret_env, &section.secret_file) {
        (Some(name), None) => config::environment(name)
            .map(Zeroizing::new)
            .ok_or_else(|| wrong(format!("the environment variable {name} is not set")))?,
        (None, Some(file)) => config::secret(file).map_err(|error| wrong(error.to_string()))?,
        _ => return Err(wrong("secret_env or secret_file is needed, and one of them".to_owned())),
    };
    if found.is_empty() { Err(wrong("the secret is empty".to_owned())) } else { Ok(found) }
}
