//! ArgoCD's HTTP API, with its rules: who may what, which errors mean what, one operation at a time, masked Secrets.
//!
//! Never: a shortcut that ArgoCD's own API does not have.

pub(super) mod app;
mod operation;
pub(super) mod reconcile;
mod stream;

use std::collections::BTreeMap;

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, Query, Request, State},
    http::{HeaderMap, Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{delete, get, post},
};
use serde_json::{Value, json};

use super::{
    manifest::seconds,
    world::{self, World},
};

/// Only these names count in a list's `fields`; others vanish silently.
const LIST_FIELDS: [&str; 22] = [
    "metadata.name",
    "metadata.namespace",
    "metadata.labels",
    "metadata.annotations",
    "metadata.creationTimestamp",
    "metadata.deletionTimestamp",
    "spec",
    "spec.project",
    "spec.source",
    "spec.sources",
    "spec.destination",
    "spec.syncPolicy",
    "status.summary",
    "status.health",
    "status.resources",
    "status.sync.status",
    "status.sync.revision",
    "operation.sync",
    "status.operationState.phase",
    "status.operationState.startedAt",
    "status.operationState.finishedAt",
    "spec.sourceHydrator",
];

/// The accounts of the simulated ArgoCD.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Account {
    /// Agents: `get`.
    Agent,
    /// The executor: `get` and `sync`.
    Executor,
    /// Whoever looks from outside: `get`.
    Reader,
}

impl Account {
    pub(super) fn username(self) -> &'static str {
        match self {
            Account::Agent => "dock-agent",
            Account::Executor => "dock-executor",
            Account::Reader => "reader",
        }
    }

    pub(super) fn may_sync(self) -> bool {
        self == Account::Executor
    }
}

/// A no in the shape of the grpc gateway.
#[derive(Debug)]
pub(super) struct Refusal {
    http: u16,
    code: u32,
    message: String,
}

impl Refusal {
    fn new(http: u16, code: u32, message: &str) -> Self {
        Self { http, code, message: message.to_owned() }
    }

    fn forbidden() -> Self {
        Self::new(403, 7, "permission denied")
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.http).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = json!({"error": self.message, "code": self.code, "message": self.message});
        (status, Json(body)).into_response()
    }
}

type Answer = Result<Json<Value>, Refusal>;
type Parameters = Query<Vec<(String, String)>>;

pub(super) fn router(world: World) -> Router {
    let apps = "/api/v1/applications/{name}";
    Router::new()
        .route("/api/version", get(async || Json(json!({"Version": "v3.1.5+cfeed49"}))))
        .route("/api/v1/session/userinfo", get(userinfo))
        .route("/api/v1/account/can-i/{resource}/{action}/{project}/{name}", get(can_i))
        .route("/api/v1/stream/applications", get(stream::stream))
        .route("/api/v1/applications", get(list))
        .route(apps, get(one))
        .route(&format!("{apps}/managed-resources"), get(managed_resources))
        .route(&format!("{apps}/resource-tree"), get(resource_tree))
        .route(&format!("{apps}/manifests"), get(manifests))
        .route(&format!("{apps}/revisions/{{revision}}/metadata"), get(revision_metadata))
        .route(&format!("{apps}/syncwindows"), get(sync_windows))
        .route(&format!("{apps}/sync"), post(sync))
        .route(&format!("{apps}/operation"), delete(terminate))
        .fallback(async || Refusal::new(404, 5, "Not Found"))
        .layer(middleware::from_fn(content_type))
        .with_state(world)
}

/// Every call but GET must say `application/json`, exactly.
async fn content_type(request: Request, next: Next) -> Response {
    let told =
        request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if request.method() != Method::GET && told.to_lowercase() != "application/json" {
        return (StatusCode::UNSUPPORTED_MEDIA_TYPE, "Invalid content type\n").into_response();
    }
    next.run(request).await
}

fn account(world: &World, headers: &HeaderMap) -> Result<Account, Refusal> {
    let unknown = |said: &str| Refusal::new(401, 16, said);
    let bearer = super::bearer(headers).ok_or_else(|| unknown("no session information"))?;
    world.account(bearer).ok_or_else(|| unknown("invalid session: token is malformed or revoked"))
}

fn find<'q>(query: &'q [(String, String)], name: &str) -> Option<&'q str> {
    query.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.as_str())
}

/// The application, or ArgoCD's way of not telling whether it exists: 404 only to who names the project.
fn visible<'s>(state: &'s world::State, name: &str, project: Option<&str>) -> Result<&'s app::App, Refusal> {
    let found = state.apps.get(name);
    match (project, found) {
        (None, Some(app)) => Ok(app),
        (Some(project), Some(app)) if app.project == project => Ok(app),
        (Some(project), _) if state.apps.values().any(|app| app.project == project) => {
            Err(Refusal::new(404, 5, &format!("applications.argoproj.io \"{name}\" not found")))
        }
        (_, _) => Err(Refusal::forbidden()),
    }
}

/// Runs one read on a visible application.
fn read(
    world: &World,
    headers: &HeaderMap,
    name: &str,
    query: &[(String, String)],
    what: impl FnOnce(&world::State, &app::App) -> Answer,
) -> Answer {
    account(world, headers)?;
    world.read(|state| what(state, visible(state, name, find(query, "project"))?))
}

async fn list(State(world): State<World>, headers: HeaderMap, Query(query): Parameters) -> Answer {
    account(&world, &headers)?;
    let fields: Option<Vec<String>> = find(&query, "fields").map(|text| {
        text.split(',').filter_map(|name| name.trim().strip_prefix("items.")).map(str::to_owned).collect()
    });
    world.read(|state| {
        let shown = state.apps.values().filter(|app| wanted(&query, app)).map(app::App::json);
        let items: Vec<Value> = match &fields {
            None => shown.collect(),
            Some(fields) => shown.map(|app| only(&app, fields)).collect(),
        };
        let items = if items.is_empty() { Value::Null } else { json!(items) };
        Ok(Json(json!({"metadata": {"resourceVersion": state.serial.to_string()}, "items": items})))
    })
}

/// Does the query's `projects` and `selector` (equality only) let this application through?
fn wanted(query: &[(String, String)], app: &app::App) -> bool {
    let projects: Vec<&str> =
        query.iter().filter(|(key, _)| key == "projects").map(|(_, v)| v.as_str()).collect();
    let labels = BTreeMap::from([("env", app.env.as_str()), ("team", app.project.as_str())]);
    let matches =
        |pair: &str| pair.split_once('=').is_some_and(|(key, value)| labels.get(key) == Some(&value));
    (projects.is_empty() || projects.contains(&app.project.as_str()))
        && find(query, "selector").is_none_or(|selector| selector.split(',').all(matches))
}

/// The named fields of an application, of those that count.
fn only(app: &Value, fields: &[String]) -> Value {
    let mut out = json!({});
    for field in fields.iter().filter(|field| LIST_FIELDS.contains(&field.as_str())) {
        let pointer = format!("/{}", field.replace('.', "/"));
        let Some(value) = app.pointer(&pointer) else { continue };
        let place = field.split('.').fold(&mut out, |at, key| &mut at[key]);
        *place = value.clone();
    }
    out
}

/// One application. A refresh writes its annotation, takes its time, and answers what the controller then found.
async fn one(
    State(world): State<World>,
    Path(name): Path<String>,
    headers: HeaderMap,
    Query(query): Parameters,
) -> Answer {
    let shown = read(&world, &headers, &name, &query, |_, app| Ok(Json(app.json())))?;
    if find(&query, "refresh").is_none() {
        return Ok(shown);
    }
    world.edit(|state, _| {
        if let Some(app) = state.apps.get_mut(&name) {
            app.refresh_asked = true;
            state.touch(&name);
        }
    });
    tokio::time::sleep(world.pace().refresh).await;
    world.edit(|state, now| state.reconcile(&name, now));
    read(&world, &headers, &name, &query, |_, app| Ok(Json(app.json())))
}

async fn managed_resources(
    State(world): State<World>,
    Path(name): Path<String>,
    headers: HeaderMap,
    Query(query): Parameters,
) -> Answer {
    if account(&world, &headers)? == Account::Agent {
        world.note_look(&name);
    }
    read(&world, &headers, &name, &query, |_, app| Ok(Json(app.managed_json())))
}

async fn resource_tree(
    State(world): State<World>,
    Path(name): Path<String>,
    headers: HeaderMap,
    Query(query): Parameters,
) -> Answer {
    read(&world, &headers, &name, &query, |_, app| {
        let node = |object: &Value| {
            let [group, kind, namespace, name] = super::manifest::parts(object);
            let mut node = json!({"group": group, "version": "v1", "kind": kind, "namespace": namespace, "name": name,
                "uid": object["metadata"]["uid"]});
            if kind == "Deployment" {
                node["health"] = json!({"status": app.health, "message": app.health_message});
            }
            node
        };
        Ok(Json(json!({"nodes": app.live.values().map(node).collect::<Vec<_>>()})))
    })
}

async fn manifests(
    State(world): State<World>,
    Path(name): Path<String>,
    headers: HeaderMap,
    Query(query): Parameters,
) -> Answer {
    read(&world, &headers, &name, &query, |state, app| {
        let repository = state.repository(app);
        let wanted = find(&query, "revision").or(app.source["targetRevision"].as_str()).unwrap_or_default();
        let revision = app.resolve(repository, wanted);
        let revision =
            revision.ok_or_else(|| Refusal::new(400, 9, "unable to resolve the revision to a commit SHA"))?;
        let mut objects = app.rendered(repository, &revision);
        for secret in objects.iter_mut().filter(|object| object["kind"] == "Secret") {
            for value in secret["data"].as_object_mut().into_iter().flat_map(|data| data.values_mut()) {
                *value = json!("++++++++");
            }
        }
        let texts: Vec<String> = objects.iter().map(Value::to_string).collect();
        Ok(Json(json!({"manifests": texts, "revision": revision, "sourceType": "Kustomize"})))
    })
}

async fn revision_metadata(
    State(world): State<World>,
    Path((name, revision)): Path<(String, String)>,
    headers: HeaderMap,
    Query(query): Parameters,
) -> Answer {
    read(&world, &headers, &name, &query, |state, app| {
        let repository = state.repository(app);
        let chart = repository.releases.iter().find(|release| release.version == revision);
        if let (true, Some(release)) = (app.source["chart"].is_string(), chart) {
            return Ok(Json(
                json!({"date": seconds(release.published_at), "message": "", "tags": [release.tag]}),
            ));
        }
        let missing = || Refusal::new(400, 9, &format!("unable to resolve '{revision}' to a commit SHA"));
        let (_, commit) = repository.find(&revision).ok_or_else(missing)?;
        let author = format!("{0} <{0}@demo.invalid>", commit.author);
        Ok(Json(json!({"author": author, "date": seconds(commit.date), "message": commit.message})))
    })
}

async fn sync_windows(
    State(world): State<World>,
    Path(name): Path<String>,
    headers: HeaderMap,
    Query(query): Parameters,
) -> Answer {
    read(&world, &headers, &name, &query, |_, app| {
        let window = json!([{"kind": "deny", "schedule": "0 0 * * *", "duration": "24h"}]);
        Ok(Json(if app.window_closed {
            json!({"activeWindows": window, "assignedWindows": window})
        } else {
            json!({"canSync": true})
        }))
    })
}

async fn sync(
    State(world): State<World>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let account = account(&world, &headers)?;
    let body: Value =
        serde_json::from_slice(&body).map_err(|error| Refusal::new(400, 3, &error.to_string()))?;
    world.edit(|state, _| {
        visible(state, &name, body["project"].as_str().filter(|project| !project.is_empty()))?;
        let asked = state.with_app(&name, |app, repository| app.ask_sync(repository, &body, account));
        asked.unwrap_or_else(|| Err(Refusal::forbidden()))?;
        state.touch(&name);
        Ok(())
    })?;
    world.read(|state| Ok(Json(visible(state, &name, None)?.json())))
}

async fn terminate(
    State(world): State<World>,
    Path(name): Path<String>,
    headers: HeaderMap,
    Query(query): Parameters,
) -> Answer {
    let account = account(&world, &headers)?;
    world.edit(|state, _| {
        visible(state, &name, find(&query, "project"))?;
        if !account.may_sync() {
            return Err(Refusal::forbidden());
        }
        state.with_app(&name, |app, _| app.terminate()).unwrap_or_else(|| Err(Refusal::forbidden()))?;
        state.touch(&name);
        Ok(Json(json!({})))
    })
}

async fn userinfo(State(world): State<World>, headers: HeaderMap) -> Json<Value> {
    match account(&world, &headers) {
        Ok(account) => Json(json!({"loggedIn": true, "username": account.username(), "iss": "argocd"})),
        Err(_) => Json(json!({})),
    }
}

async fn can_i(
    State(world): State<World>,
    Path((resource, action, _, _)): Path<(String, String, String, String)>,
    headers: HeaderMap,
) -> Answer {
    let account = account(&world, &headers)?;
    let may = resource == "applications" && (action == "get" || (action == "sync" && account.may_sync()));
    Ok(Json(json!({"value": if may { "yes" } else { "no" }})))
}
