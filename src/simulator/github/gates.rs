//! Runs, environments and deployments over HTTP; the answer to a rule; dispatches.
//!
//! Never: an answer by who does not own the rule.

use std::collections::BTreeMap;

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Query, State},
    http::StatusCode,
    response::Response,
    routing::{get, post},
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{
    Answer, Asked, No,
    pipelines::{Fate, New, Run, Workflow},
    shown,
};
use crate::simulator::world::World;

/// The type of event that begins a canary.
const CANARY: &str = "dock-canary";

/// The paths below a repository.
pub(super) fn routes(under: &str) -> Router<World> {
    let run = format!("{under}/actions/runs/{{run}}");
    let environment = format!("{under}/environments/{{name}}");
    Router::new()
        .route(&format!("{under}/actions/runs"), get(runs))
        .route(&format!("{under}/actions/workflows/{{workflow}}/runs"), get(runs))
        .route(&format!("{under}/actions/workflows/{{workflow}}/dispatches"), post(dispatch_workflow))
        .route(&run, get(one_run))
        .route(&format!("{run}/attempts/{{attempt}}"), get(one_run))
        .route(&format!("{run}/attempts/{{attempt}}/jobs"), get(jobs))
        .route(&format!("{run}/jobs"), get(jobs))
        .route(&format!("{run}/pending_deployments"), get(pending))
        .route(&format!("{run}/approvals"), get(approvals))
        .route(&format!("{run}/deployment_protection_rule"), post(answer))
        .route(&environment, get(one_environment))
        .route(&format!("{environment}/deployment_protection_rules"), get(rules))
        .route(&format!("{environment}/deployment_protection_rules/apps"), get(apps))
        .route(&format!("{under}/deployments"), get(deployments))
        .route(&format!("{under}/deployments/{{deployment}}/statuses"), get(statuses))
        .route(&format!("{under}/dispatches"), post(dispatch))
}

#[derive(Default, Deserialize)]
struct Filter {
    status: Option<String>,
    branch: Option<String>,
    event: Option<String>,
    head_sha: Option<String>,
    sha: Option<String>,
    environment: Option<String>,
}

fn filter(asked: &Asked) -> Filter {
    Query::try_from_uri(&asked.uri).map(|Query(filter)| filter).unwrap_or_default()
}

fn body<T: DeserializeOwned>(bytes: &Bytes) -> Result<T, No> {
    serde_json::from_slice(bytes).map_err(|error| No::Refused(format!("Invalid request: {error}")))
}

async fn runs(State(world): State<World>, asked: Asked) -> Result<Response, No> {
    let wanted = filter(&asked);
    let workflow = match asked.params.get("workflow") {
        Some(name) => Some(Workflow::named(name).ok_or(No::NotFound)?),
        None => None,
    };
    let is = |wanted: &Option<String>, value: &str| wanted.as_ref().is_none_or(|wanted| wanted == value);
    let matches = |run: &&Run| {
        let status = [run.status(), run.conclusion().unwrap_or_default()];
        run.repo == asked.repo
            && workflow.is_none_or(|workflow| run.file == workflow)
            && wanted.status.as_ref().is_none_or(|wanted| status.contains(&wanted.as_str()))
            && is(&wanted.branch, "main")
            && is(&wanted.event, &run.event)
            && is(&wanted.head_sha, &run.sha)
    };
    let found = world.read(|state| {
        let runs = state.github.pipelines.runs.values().rev().filter(matches);
        runs.map(|run| shown::run(state, run, run.attempt)).collect()
    });
    Ok(asked.paged(&world, Some("workflow_runs"), found))
}

/// The run, and the attempt that is asked about.
fn find<T>(
    world: &World,
    asked: &Asked,
    what: impl FnOnce(&crate::simulator::world::State, &Run, u32) -> T,
) -> Result<T, No> {
    let id = asked.number("run")?;
    let attempt =
        asked.params.get("attempt").map(|text| text.parse().map_err(|_| No::NotFound)).transpose()?;
    world.read(|state| {
        let found =
            state.github.pipelines.runs.get(&id).filter(|run| run.repo == asked.repo).ok_or(No::NotFound)?;
        let attempt = attempt.unwrap_or(found.attempt);
        if attempt == 0 || attempt > found.attempt {
            return Err(No::NotFound);
        }
        Ok(what(state, found, attempt))
    })
}

async fn one_run(State(world): State<World>, asked: Asked) -> Answer {
    find(&world, &asked, shown::run).map(Json)
}

async fn jobs(State(world): State<World>, asked: Asked) -> Result<Response, No> {
    let jobs = find(&world, &asked, |_, run, attempt| shown::jobs(run, attempt))?;
    world.note_gate(asked.number("run")?);
    Ok(asked.paged(&world, Some("jobs"), jobs))
}

async fn pending(State(world): State<World>, asked: Asked) -> Answer {
    let pending = find(&world, &asked, |_, run, _| shown::pending(run))?;
    world.note_gate(asked.number("run")?);
    Ok(Json(Value::Array(pending)))
}

async fn approvals(State(world): State<World>, asked: Asked) -> Answer {
    let log = |run: &Run| run.reviews.iter().map(|review| shown::review(run, review)).collect();
    find(&world, &asked, |_, run, _| log(run)).map(Json)
}

#[derive(Deserialize)]
struct Answered {
    environment_name: String,
    state: Option<String>,
    #[serde(default)]
    comment: String,
}

async fn answer(State(world): State<World>, asked: Asked, bytes: Bytes) -> Result<StatusCode, No> {
    if !asked.caller.owns_rules {
        return Err(No::Forbidden);
    }
    let Answered { environment_name, state, comment } = body(&bytes)?;
    let id = asked.number("run")?;
    world.edit(|state_, now| {
        state_.rule_answered((&asked.repo, id), (&environment_name, state.as_deref()), &comment, now)
    })?;
    Ok(StatusCode::NO_CONTENT)
}

/// Is there an environment of this name?
fn named(world: &World, asked: &Asked) -> Result<String, No> {
    let name = asked.param("name").to_owned();
    let there = world.read(|state| {
        state.github.pipelines.environments.get(&asked.repo).is_some_and(|all| all.contains(&name))
    });
    if there { Ok(name) } else { Err(No::NotFound) }
}

async fn one_environment(State(world): State<World>, asked: Asked) -> Answer {
    let name = named(&world, &asked)?;
    let mut shown = shown::environment(&asked.repo, &name);
    shown["protection_rules"] = json!([{"id": 3_736, "node_id": "GA_1", "type": "branch_policy"}]);
    Ok(Json(shown))
}

async fn rules(State(world): State<World>, asked: Asked) -> Answer {
    let name = named(&world, &asked)?;
    let rule = shown::custom_rule(&asked.repo, &name);
    Ok(Json(json!({"total_count": 1, "custom_deployment_protection_rules": [rule]})))
}

async fn apps(State(world): State<World>, asked: Asked) -> Answer {
    named(&world, &asked)?;
    Ok(Json(
        json!({"total_count": 1, "available_custom_deployment_protection_rule_integrations": [shown::app()]}),
    ))
}

async fn deployments(State(world): State<World>, asked: Asked) -> Response {
    let wanted = filter(&asked);
    let is = |wanted: &Option<String>, value: &str| wanted.as_ref().is_none_or(|wanted| wanted == value);
    let found = world.read(|state| {
        let all = state.github.pipelines.deployments.values().rev();
        let mine = all.filter(|one| {
            one.repo == asked.repo && is(&wanted.sha, &one.sha) && is(&wanted.environment, &one.environment)
        });
        mine.map(|one| shown::deployment(state, one)).collect()
    });
    asked.paged(&world, None, found)
}

async fn statuses(State(world): State<World>, asked: Asked) -> Result<Response, No> {
    let id = asked.number("deployment")?;
    let found = world.read(|state| {
        let one = state.github.pipelines.deployments.get(&id).filter(|one| one.repo == asked.repo)?;
        Some(one.statuses.iter().rev().map(|status| shown::status(state, one, status)).collect())
    });
    Ok(asked.paged(&world, None, found.ok_or(No::NotFound)?))
}

#[derive(Deserialize)]
struct Dispatch {
    event_type: String,
    #[serde(default)]
    client_payload: BTreeMap<String, Value>,
}

/// Whatever its type, it is taken; a workflow listens to one of them.
async fn dispatch(State(world): State<World>, asked: Asked, bytes: Bytes) -> Result<StatusCode, No> {
    let Dispatch { event_type, client_payload } = body(&bytes)?;
    if event_type.is_empty() || event_type.chars().count() > 100 || client_payload.len() > 10 {
        return Err(No::Refused("Invalid request. No more than 10 properties are allowed".to_owned()));
    }
    if event_type == CANARY {
        let text =
            |name: &str| client_payload.get(name).map(|value| value.to_string().trim_matches('"').to_owned());
        begin_canary(&world, &asked, "repository_dispatch", text("run").as_deref(), text("share").as_deref());
    }
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
struct Start {
    #[serde(rename = "ref")]
    target: String,
    #[serde(default)]
    inputs: BTreeMap<String, String>,
}

async fn dispatch_workflow(State(world): State<World>, asked: Asked, bytes: Bytes) -> Result<StatusCode, No> {
    let workflow = Workflow::named(asked.param("workflow")).ok_or(No::NotFound)?;
    let Start { target, inputs } = body(&bytes)?;
    let head = world
        .read(|state| state.repositories.get(&asked.repo)?.named(&target).map(|commit| commit.sha.clone()));
    let head = head.ok_or_else(|| No::Refused(format!("No ref found for: {target}")))?;
    match workflow {
        Workflow::Canary => {
            let share = inputs.values().find(|value| value.ends_with('%')).map(String::as_str);
            begin_canary(&world, &asked, "workflow_dispatch", inputs.get("run").map(String::as_str), share);
        }
        Workflow::Deploy | Workflow::Rollback => {
            world.edit(|state, now| {
                let environment =
                    state.github.pipelines.environments.get(&asked.repo).and_then(|all| all.first()).cloned();
                let new = New {
                    repo: &asked.repo,
                    file: workflow,
                    environment: environment.as_deref(),
                    gated: workflow == Workflow::Deploy,
                    sha: &head,
                    event: "workflow_dispatch",
                    actor: "dock-gate-bot",
                    title: workflow.file(),
                    fate: Fate::Well,
                };
                state.begin_run(&new, now);
            });
        }
    }
    Ok(StatusCode::NO_CONTENT)
}

/// A part of the traffic gets the build of the run that is named, else of the newest.
fn begin_canary(world: &World, asked: &Asked, event: &str, run: Option<&str>, share: Option<&str>) {
    world.edit(|state, now| {
        let id = run.and_then(|text| text.parse().ok());
        let Some((sha, environment)) = state.github.canary_of(&asked.repo, id) else { return };
        let new = New {
            repo: &asked.repo,
            file: Workflow::Canary,
            environment: Some(&environment),
            gated: false,
            sha: &sha,
            event,
            actor: "dock-gate-bot",
            title: &format!("Canary {}", share.unwrap_or("10%")),
            fate: Fate::Well,
        };
        state.begin_run(&new, now);
    });
}
