//! HCP Terraform's API, as far as a gate needs it: workspaces, runs with their states, plans, costs, policies, comments,
//! apply and discard; JSON:API, two users, thirty requests a second for each.
//!
//! A plan's document lies at another address ([`archive`]), which is handed out by 307 and good for a minute.
//! Never: a token in a handed-out address; a state that a run of the real one does not come into from where it is.

pub(super) mod archive;
mod cloud;

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, Query, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Value, json};

use super::{
    Site,
    meter::{Meter, Reading},
    world::World,
};
pub(super) use cloud::{Cloud, resource};

const JSON_API: &str = "application/vnd.api+json";
const SECOND_MS: i64 = 1_000;
const PAGE: usize = 20;
const PAGE_MAX: usize = 100;
/// Under which the executor's token is kept.
pub(super) const EXECUTOR: &str = "terraform-executor";

type Answer = Result<Response, Refusal>;

pub(super) struct Refusal(StatusCode, &'static str, String);

/// Not there, or not for this token: nobody is told which.
const NOT_FOUND: Refusal = Refusal(StatusCode::NOT_FOUND, "not found", String::new());

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        // Its rate limit has the status as a number, everything else as text.
        let status = match self.0 {
            StatusCode::TOO_MANY_REQUESTS => json!(self.0.as_u16()),
            status => json!(status.as_str()),
        };
        let mut error = json!({"status": status, "title": self.1});
        if !self.2.is_empty() {
            error["detail"] = json!(self.2);
        }
        answer(self.0, &json!({"errors": [error]}))
    }
}

fn answer(status: StatusCode, body: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, JSON_API)], body.to_string()).into_response()
}

#[expect(clippy::unnecessary_wraps, reason = "how a handler that found something ends")]
fn found(body: &Value) -> Answer {
    Ok(answer(StatusCode::OK, body))
}

/// Who asks: the token's user, and whether it may write.
#[derive(Debug, Clone, Copy, PartialEq)]
enum User {
    Reader,
    Executor,
}

impl User {
    fn name(self) -> &'static str {
        match self {
            User::Reader => "api-team-reader",
            User::Executor => "api-team-executor",
        }
    }
}

pub(super) fn router(world: World) -> Router {
    let meter = Arc::new(Meter::new(world.pace().terraform_per_second, SECOND_MS));
    let api = Router::new()
        .route("/account/details", get(account))
        .route("/organizations/{organization}/workspaces/{name}", get(workspace_by_name))
        .route("/workspaces/{id}", get(workspace))
        .route("/workspaces/{id}/runs", get(runs))
        .route("/runs/{id}", get(run))
        .route("/runs/{id}/comments", get(comments).post(comment))
        .route("/runs/{id}/policy-checks", get(policy_checks))
        .route("/runs/{id}/task-stages", get(task_stages))
        .route("/runs/{id}/actions/apply", post(apply))
        .route("/runs/{id}/actions/discard", post(discard))
        .route("/plans/{id}", get(plan))
        .route("/plans/{id}/json-output-redacted", get(plan_document))
        .route("/cost-estimates/{id}", get(cost_estimate));
    Router::new()
        .nest("/api/v2", api)
        .fallback(async || NOT_FOUND)
        .layer(middleware::from_fn_with_state((world.clone(), meter), at_the_door))
        .with_state(world)
}

/// The token, the count, the content type, the right to write.
async fn at_the_door(
    State((world, meter)): State<(World, Arc<Meter>)>,
    mut request: Request,
    next: Next,
) -> Response {
    let token = super::bearer(request.headers());
    let user = match token {
        Some(token) if token == world.token(Site::Terraform) => User::Reader,
        Some(token) if token == world.terraform_executor_token() => User::Executor,
        _ => return Refusal(StatusCode::UNAUTHORIZED, "unauthorized", String::new()).into_response(),
    };
    let reading = meter.count(user.name(), world.now());
    let mut response = if let Some(refusal) = refused(&request, user, reading) {
        refusal.into_response()
    } else {
        request.extensions_mut().insert(user);
        next.run(request).await
    };
    response.headers_mut().extend(told(reading));
    response
}

fn refused(request: &Request, user: User, reading: Reading) -> Option<Refusal> {
    if !reading.taken {
        let detail = "You have exceeded the API's rate limit.".to_owned();
        return Some(Refusal(StatusCode::TOO_MANY_REQUESTS, "Too many requests", detail));
    }
    if request.method() == Method::GET {
        return None;
    }
    let content = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if content != Some(JSON_API) {
        return Some(Refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, "invalid content type", String::new()));
    }
    (user == User::Reader).then_some(NOT_FOUND)
}

/// The limit's headers; `Reset` has a fraction.
fn told(reading: Reading) -> HeaderMap {
    let reset = HeaderValue::from_str(&format!("{:.3}", reading.reset_s));
    let pairs = [
        ("x-ratelimit-limit", HeaderValue::from(reading.limit)),
        ("x-ratelimit-remaining", HeaderValue::from(reading.remaining)),
        ("x-ratelimit-reset", reset.unwrap_or(HeaderValue::from_static("1.0"))),
        ("tfp-api-version", HeaderValue::from_static("2.6")),
        ("tfp-appname", HeaderValue::from_static("HCP Terraform")),
    ];
    pairs.into_iter().map(|(name, value)| (HeaderName::from_static(name), value)).collect()
}

type Parameters = Query<Vec<(String, String)>>;

fn parameter<'q>(query: &'q [(String, String)], name: &str) -> Option<&'q str> {
    query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

async fn account(axum::Extension(user): axum::Extension<User>) -> Answer {
    let attributes = json!({"username": user.name(), "is-service-account": true});
    found(
        &json!({"data": {"id": format!("user-{}", user.name()), "type": "users", "attributes": attributes}}),
    )
}

async fn workspace_by_name(
    State(world): State<World>,
    Path((organization, name)): Path<(String, String)>,
) -> Answer {
    world.read(|state| {
        let ours = (organization == cloud::ORGANIZATION).then(|| state.terraform.workspace(&name)).flatten();
        found(&json!({"data": ours.ok_or(NOT_FOUND)?.json()}))
    })
}

async fn workspace(State(world): State<World>, Path(id): Path<String>) -> Answer {
    world.read(|state| {
        let workspace = state.terraform.workspace_by_id(&id).ok_or(NOT_FOUND)?;
        found(&json!({"data": workspace.json()}))
    })
}

/// Newest first.
async fn runs(State(world): State<World>, Path(id): Path<String>, Query(query): Parameters) -> Answer {
    let number =
        |name: &str, or: usize| parameter(&query, name).and_then(|text| text.parse().ok()).unwrap_or(or);
    let (page, size) = (number("page[number]", 1).max(1), number("page[size]", PAGE).clamp(1, PAGE_MAX));
    world.read(|state| {
        let workspace = state.terraform.workspace_by_id(&id).ok_or(NOT_FOUND)?;
        let total = workspace.runs.len();
        let shown: Vec<&cloud::Run> =
            workspace.runs.iter().rev().skip((page - 1).saturating_mul(size)).take(size).collect();
        let more = page.saturating_mul(size) < total;
        let pagination = json!({"current-page": page, "page-size": size, "prev-page": (page > 1).then(|| page - 1),
            "next-page": more.then(|| page + 1), "total-pages": total.div_ceil(size), "total-count": total});
        let mut body = json!({"data": shown.iter().map(|run| run.json(workspace)).collect::<Vec<_>>(),
            "meta": {"pagination": pagination}});
        if parameter(&query, "include").is_some_and(|include| include.contains("ingress_attributes")) {
            body["included"] = shown.iter().flat_map(|run| run.ingress()).collect();
        }
        found(&body)
    })
}

async fn run(State(world): State<World>, Path(id): Path<String>, Query(query): Parameters) -> Answer {
    world.read(|state| {
        let (workspace, run) = state.terraform.run(&id).ok_or(NOT_FOUND)?;
        let mut body = json!({"data": run.json(workspace)});
        if parameter(&query, "include").is_some_and(|include| include.contains("ingress_attributes")) {
            body["included"] = run.ingress().into_iter().collect();
        }
        found(&body)
    })
}

async fn comments(State(world): State<World>, Path(id): Path<String>) -> Answer {
    world.read(|state| {
        let (_, run) = state.terraform.run(&id).ok_or(NOT_FOUND)?;
        found(&json!({"data": run.comments_json()}))
    })
}

async fn comment(State(world): State<World>, Path(id): Path<String>, Json(body): Json<Value>) -> Answer {
    let text = body["data"]["attributes"]["body"].as_str().unwrap_or_default().to_owned();
    if text.is_empty() || body["data"]["type"] != "comments" {
        let detail = "body can't be blank".to_owned();
        return Err(Refusal(StatusCode::UNPROCESSABLE_ENTITY, "invalid attribute", detail));
    }
    world.edit(|state, _| {
        let run = state.terraform.run_mut(&id).ok_or(NOT_FOUND)?;
        let comment = run.comment(&text);
        Ok(answer(StatusCode::CREATED, &json!({"data": comment})))
    })
}

async fn policy_checks(State(world): State<World>, Path(id): Path<String>) -> Answer {
    world.read(|state| {
        let (_, run) = state.terraform.run(&id).ok_or(NOT_FOUND)?;
        found(&json!({"data": run.policy_checks()}))
    })
}

async fn task_stages(State(world): State<World>, Path(id): Path<String>) -> Answer {
    world.read(|state| {
        state.terraform.run(&id).ok_or(NOT_FOUND)?;
        found(&json!({"data": [], "included": []}))
    })
}

async fn apply(State(world): State<World>, Path(id): Path<String>, body: String) -> Answer {
    act(&world, &id, &body, cloud::Run::confirm)
}

async fn discard(State(world): State<World>, Path(id): Path<String>, body: String) -> Answer {
    act(&world, &id, &body, cloud::Run::discard)
}

fn act(
    world: &World,
    id: &str,
    body: &str,
    action: fn(&mut cloud::Run, jiff::Timestamp) -> Result<(), &'static str>,
) -> Answer {
    let comment =
        serde_json::from_str::<Value>(body).ok().and_then(|body| Some(body["comment"].as_str()?.to_owned()));
    world.edit(|state, now| {
        let run = state.terraform.run_mut(id).ok_or(NOT_FOUND)?;
        action(run, now)
            .map_err(|why| Refusal(StatusCode::CONFLICT, "transition not allowed", why.to_owned()))?;
        if let Some(comment) = comment.filter(|comment| !comment.is_empty()) {
            run.comment(&comment);
        }
        Ok(StatusCode::ACCEPTED.into_response())
    })
}

async fn plan(State(world): State<World>, Path(id): Path<String>) -> Answer {
    world.read(|state| {
        let run = state.terraform.planned(&id).ok_or(NOT_FOUND)?;
        found(&json!({"data": run.plan_json()}))
    })
}

/// 204 until it is finished, then the address where it lies.
async fn plan_document(State(world): State<World>, Path(id): Path<String>) -> Answer {
    let now = world.now();
    world.read(|state| {
        let run = state.terraform.planned(&id).ok_or(NOT_FOUND)?;
        if run.is_planning() {
            return Ok(StatusCode::NO_CONTENT.into_response());
        }
        let place = archive::address(state, &id, now);
        Ok((StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, place)]).into_response())
    })
}

async fn cost_estimate(State(world): State<World>, Path(id): Path<String>) -> Answer {
    world.read(|state| {
        let run = state.terraform.estimated(&id).ok_or(NOT_FOUND)?;
        found(&json!({"data": run.cost_json()}))
    })
}
