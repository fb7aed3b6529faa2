//! What calls to the platforms have come to: the server's own, its executor's, and each agent's as it told last.
//!
//! Never: an agent's word about anybody's calls but its own; a number from longer ago than a day.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{extract::State, http::StatusCode};
use jiff::{SignedDuration, Timestamp};

use super::{app::App, identity::Caller, input::Body, problem::Problem};
use crate::{
    agent::platform_calls,
    platform::{self, Platform},
    row::PrincipalId,
    wire::PlatformCalls,
};

const KEPT: SignedDuration = SignedDuration::from_hours(24);

/// What agents told of their calls, by who told it.
#[derive(Debug, Default)]
pub(super) struct AgentCalls(Mutex<BTreeMap<PrincipalId, (Timestamp, Vec<PlatformCalls>)>>);

/// `POST /v1/agents/calls`: an agent's own, by platform.
pub(super) async fn tell(
    State(app): State<Arc<App>>,
    caller: Caller,
    body: Body<Vec<PlatformCalls>>,
) -> Result<StatusCode, Problem> {
    caller.agent()?;
    let known = |one: &PlatformCalls| {
        platform::ALL.iter().map(|p| Platform::name(*p)).any(|name| name == one.platform)
    };
    if body.value.len() > platform::ALL.len() || !body.value.iter().all(known) {
        return Err(Problem::bad_request("platform", "one entry for each platform, by its name"));
    }
    let mut all = app.agent_calls.0.lock().unwrap_or_else(PoisonError::into_inner);
    all.insert(caller.id, (app.clock.now(), body.value));
    Ok(StatusCode::NO_CONTENT)
}

/// All that is known: what the server called itself goes first, and names nobody.
pub(super) fn all(app: &App) -> Vec<PlatformCalls> {
    let mut found = platform_calls(app.sources.calls());
    if let Some(executor) = &app.executor {
        let by = |one| PlatformCalls { by: Some("executor".to_owned()), ..one };
        found.extend(platform_calls(executor.calls()).into_iter().map(by));
    }
    let now = app.clock.now();
    let mut told = app.agent_calls.0.lock().unwrap_or_else(PoisonError::into_inner);
    told.retain(|_, (at, _)| now.duration_since(*at) <= KEPT);
    for (agent, (at, calls)) in told.iter() {
        let by =
            |one: &PlatformCalls| PlatformCalls { by: Some(agent.to_string()), at: Some(*at), ..one.clone() };
        found.extend(calls.iter().map(by));
    }
    found
}
