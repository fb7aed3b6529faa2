//! Notion's API as far as Dock uses it: pages, their blocks, comments; an integration that reads and one that writes.
//!
//! There is no version and no lock; times are cut down to the minute; a page that is not shared is not found.
//! Never: a block whose type changes; more in a request than Notion takes; a write by the integration that reads.

mod blocks;
mod controls;
mod notebook;
mod rich;

use std::sync::Arc;

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, Query, Request, State},
    http::{HeaderValue, Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::{Value, json};

use super::{
    PEOPLE, Site, manifest,
    meter::Meter,
    pagerduty::capital,
    world::{State as WorldState, World},
};
pub use controls::NotionEdit;
pub(super) use notebook::Notebook;
use notebook::{Parent, Place};

/// In `State::tokens`: the integration that writes.
pub(super) const EXECUTOR: &str = "notion-executor";

const MINUTE_MS: i64 = 60_000;
/// Three a second on average.
const PER_MINUTE: u32 = 180;
const PAGE_MAX: usize = 100;

/// Which integration asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Integration {
    Reader,
    Executor,
}

impl Integration {
    fn name(self) -> &'static str {
        match self {
            Integration::Reader => "Dock",
            Integration::Executor => "Dock executor",
        }
    }

    fn id(self) -> String {
        user_id(self.name())
    }
}

/// The account of a person or an integration.
fn user_id(name: &str) -> String {
    manifest::uid(&format!("notion user {name}"))
}

/// A no, as Notion says it.
#[derive(Debug)]
struct No {
    status: u16,
    code: &'static str,
    message: String,
}

impl No {
    fn invalid(message: impl Into<String>) -> Self {
        Self { status: 400, code: "validation_error", message: message.into() }
    }

    fn missing(kind: &str, id: &str) -> Self {
        let message = format!(
            "Could not find {kind} with ID: {id}. Make sure the relevant pages and databases are shared with your \
             integration."
        );
        Self { status: 404, code: "object_not_found", message }
    }
}

impl IntoResponse for No {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = json!({"object": "error", "status": self.status, "code": self.code, "message": self.message,
            "request_id": manifest::uid(&self.message)});
        (status, Json(body)).into_response()
    }
}

type Answer = Result<Json<Value>, No>;
type Parameters = Query<Vec<(String, String)>>;

pub(super) fn router(world: World) -> Router {
    let meters = Arc::new([(); 2].map(|()| Meter::new(PER_MINUTE, MINUTE_MS)));
    let api = Router::new()
        .route("/users/me", get(me))
        .route("/users/{id}", get(user))
        .route("/pages", axum::routing::post(create))
        .route("/pages/{id}", get(page))
        .route("/blocks/{id}", get(block).patch(update).delete(remove))
        .route("/blocks/{id}/children", get(children).patch(append))
        .route("/comments", get(comments).post(comment));
    Router::new()
        .nest("/v1", api)
        .fallback(async || No {
            status: 400,
            code: "invalid_request_url",
            message: "Invalid request URL.".to_owned(),
        })
        .layer(middleware::from_fn_with_state((world.clone(), meters), at_the_door))
        .with_state(world)
}

/// The token, the version, the count, the capability.
async fn at_the_door(
    State((world, meters)): State<(World, Arc<[Meter; 2]>)>,
    mut request: Request,
    next: Next,
) -> Response {
    let integration = match super::bearer(request.headers()) {
        Some(token) if token == world.token(Site::Notion) => Integration::Reader,
        Some(token) if token == world.notion_executor_token() => Integration::Executor,
        _ => {
            let message = "API token is invalid.".to_owned();
            return No { status: 401, code: "unauthorized", message }.into_response();
        }
    };
    if !request.headers().contains_key("notion-version") {
        let message = "Notion-Version header should be defined.".to_owned();
        return No { status: 400, code: "missing_version", message }.into_response();
    }
    let reading = meters[usize::from(integration == Integration::Executor)].count("all", world.now());
    if !reading.taken {
        let message = "You have been rate limited. Please try again in a few minutes.".to_owned();
        let no = No { status: 429, code: "rate_limited", message };
        let wait = HeaderValue::from(reading.retry_s);
        return ([(header::RETRY_AFTER, wait)], no).into_response();
    }
    let writes = request.method() != Method::GET;
    if writes && integration == Integration::Reader {
        let message = "Insufficient permissions for this endpoint.".to_owned();
        return No { status: 403, code: "restricted_resource", message }.into_response();
    }
    if let Some((status, code)) = world.quietly(|state, _| state.notebook.trouble(writes)) {
        let wait = [(header::RETRY_AFTER, HeaderValue::from(1))];
        return (wait, No { status, code, message: "Please try again.".to_owned() }).into_response();
    }
    if writes {
        world.come_between(request.method().as_str());
    }
    let line = format!("{} {}", request.method(), request.uri().path());
    request.extensions_mut().insert(integration);
    let response = next.run(request).await;
    if writes && response.status().is_success() {
        world.edit(|state, _| state.notebook.ledger.push(line));
    }
    response
}

/// Ids come with dashes and without.
fn uuid(name: &str, id: &str) -> Result<String, No> {
    let hex = id.replace('-', "").to_lowercase();
    if hex.len() != 32 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        let why =
            format!("path failed validation: path.{name} should be a valid uuid, instead was `\"{id}\"`.");
        return Err(No::invalid(why));
    }
    Ok([&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-"))
}

fn body(bytes: &Bytes) -> Result<Value, No> {
    serde_json::from_slice(bytes).map_err(|_| No {
        status: 400,
        code: "invalid_json",
        message: "Error parsing JSON body.".to_owned(),
    })
}

/// One page of a list. The cursor is the id of the first that follows.
fn listed(query: &[(String, String)], kind: &str, items: Vec<Value>) -> Answer {
    let find = |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let size = match find("page_size").map(str::parse::<usize>) {
        None => PAGE_MAX,
        Some(Ok(size)) if (1..=PAGE_MAX).contains(&size) => size,
        Some(_) => {
            let why = "query failed validation: query.page_size should be ≤ `100`.";
            return Err(No::invalid(why));
        }
    };
    let from = match find("start_cursor") {
        None => 0,
        Some(cursor) => {
            let cursor = uuid("start_cursor", cursor)?;
            let unknown = || No::invalid("The start_cursor provided is invalid.");
            items.iter().position(|item| item["id"] == cursor.as_str()).ok_or_else(unknown)?
        }
    };
    let next = items.get(from + size).map(|item| item["id"].clone());
    let results: Vec<Value> = items.into_iter().skip(from).take(size).collect();
    Ok(Json(json!({"object": "list", "results": results, "has_more": next.is_some(), "next_cursor": next,
        "type": kind, kind: {}})))
}

async fn me(axum::Extension(who): axum::Extension<Integration>) -> Answer {
    Ok(Json(json!({"object": "user", "id": who.id(), "name": who.name(), "avatar_url": null, "type": "bot",
        "bot": {"owner": {"type": "workspace", "workspace": true}, "workspace_name": "Acme"}})))
}

/// A person or an integration of the workspace. Without its capability an integration would be told of nobody.
async fn user(Path(id): Path<String>) -> Answer {
    let id = uuid("user_id", &id)?;
    let integration = [Integration::Reader, Integration::Executor].into_iter().find(|one| one.id() == id);
    if let Some(one) = integration {
        return Ok(Json(
            json!({"object": "user", "id": id, "name": one.name(), "avatar_url": null, "type": "bot",
            "bot": {}}),
        ));
    }
    let name = PEOPLE.into_iter().find(|name| user_id(name) == id).ok_or_else(|| No::missing("user", &id))?;
    Ok(Json(json!({"object": "user", "id": id, "name": capital(name), "avatar_url": null, "type": "person",
        "person": {}})))
}

async fn page(State(world): State<World>, Path(id): Path<String>) -> Answer {
    let id = uuid("page_id", &id)?;
    world.read(|state| {
        let page = state.notebook.page_json(&id).ok_or_else(|| No::missing("page", &id))?;
        Ok(Json(page))
    })
}

async fn block(State(world): State<World>, Path(id): Path<String>) -> Answer {
    let id = uuid("block_id", &id)?;
    world.read(|state| {
        let block = state.notebook.block_json(&id).ok_or_else(|| No::missing("block", &id))?;
        Ok(Json(block))
    })
}

async fn children(State(world): State<World>, Path(id): Path<String>, Query(query): Parameters) -> Answer {
    let id = uuid("block_id", &id)?;
    let blocks = world.read(|state| {
        let notebook = &state.notebook;
        notebook.children_json(&id).ok_or_else(|| No::missing("block", &id))
    })?;
    listed(&query, "block", blocks)
}

async fn append(
    State(world): State<World>,
    axum::Extension(who): axum::Extension<Integration>,
    Path(id): Path<String>,
    bytes: Bytes,
) -> Answer {
    let (id, body) = (uuid("block_id", &id)?, body(&bytes)?);
    let drafts = blocks::drafts(&body["children"])?;
    let place = place(&body)?;
    world.edit(|state, now| {
        let notebook = &mut state.notebook;
        notebook.writable(&id, "block")?;
        let made = notebook.put(&id, &place, drafts, &who.id(), now)?;
        let results: Vec<Value> = made.iter().filter_map(|id| notebook.block_json(id)).collect();
        Ok(Json(json!({"object": "list", "results": results, "next_cursor": null, "has_more": false,
            "type": "block", "block": {}})))
    })
}

fn place(body: &Value) -> Result<Place, No> {
    let after = |id: &Value| {
        let id =
            id.as_str().ok_or_else(|| No::invalid("body failed validation: after should be a string."))?;
        Ok(Place::After(uuid("after", id)?))
    };
    match (&body["after"], &body["position"]) {
        (Value::Null, Value::Null) => Ok(Place::End),
        (id, Value::Null) => after(id),
        (Value::Null, position) => match position["type"].as_str() {
            Some("start") => Ok(Place::Start),
            Some("end") => Ok(Place::End),
            Some("after_block") => after(&position["after_block"]["id"]),
            _ => Err(No::invalid("body failed validation: body.position.type should be defined.")),
        },
        _ => Err(No::invalid("body failed validation: only one of after and position may be given.")),
    }
}

async fn update(
    State(world): State<World>,
    axum::Extension(who): axum::Extension<Integration>,
    Path(id): Path<String>,
    bytes: Bytes,
) -> Answer {
    let (id, body) = (uuid("block_id", &id)?, body(&bytes)?);
    world.edit(|state, now| {
        if body["archived"] == false || body["in_trash"] == false {
            state.notebook.get_back(&id, &who.id(), now);
            state.notebook.writable(&id, "block")?;
            return Ok(Json(state.notebook.block_json(&id).unwrap_or_default()));
        }
        state.notebook.writable(&id, "block")?;
        state.notebook.reword(&id, &body, &who.id(), now)?;
        Ok(Json(state.notebook.block_json(&id).unwrap_or_default()))
    })
}

async fn remove(
    State(world): State<World>,
    axum::Extension(who): axum::Extension<Integration>,
    Path(id): Path<String>,
) -> Answer {
    let id = uuid("block_id", &id)?;
    world.edit(|state, now| {
        state.notebook.writable(&id, "block")?;
        state.notebook.throw_away(&id, &who.id(), now);
        Ok(Json(state.notebook.block_json(&id).unwrap_or_default()))
    })
}

async fn create(
    State(world): State<World>,
    axum::Extension(who): axum::Extension<Integration>,
    bytes: Bytes,
) -> Answer {
    let body = body(&bytes)?;
    let Some(parent) = body["parent"]["page_id"].as_str() else {
        return Err(No::invalid("body failed validation: body.parent.page_id should be defined."));
    };
    let parent = uuid("page_id", parent)?;
    let title = &body["properties"]["title"];
    let title = if title.is_array() { title } else { &title["title"] };
    let title = rich::plain(&rich::stored(title)?);
    let drafts = if body["children"].is_null() { vec![] } else { blocks::drafts(&body["children"])? };
    world.edit(|state: &mut WorldState, now| {
        let notebook = &mut state.notebook;
        notebook.writable(&parent, "page")?;
        let id = notebook.add_page(None, &title, Parent::Page(parent), &who.id(), now);
        notebook.put(&id, &Place::End, drafts, &who.id(), now)?;
        Ok(Json(notebook.page_json(&id).unwrap_or_default()))
    })
}

async fn comments(State(world): State<World>, Query(query): Parameters) -> Answer {
    let id = query.iter().find(|(key, _)| key == "block_id").map_or("", |(_, value)| value.as_str());
    let id = uuid("block_id", id)?;
    let found = world.read(|state| {
        let notebook = &state.notebook;
        notebook.page_json(&id).ok_or_else(|| No::missing("block", &id))?;
        Ok(notebook.comments_json(&id))
    })?;
    listed(&query, "comment", found)
}

async fn comment(
    State(world): State<World>,
    axum::Extension(who): axum::Extension<Integration>,
    bytes: Bytes,
) -> Answer {
    let body = body(&bytes)?;
    let id = uuid("page_id", body["parent"]["page_id"].as_str().unwrap_or_default())?;
    let text = rich::stored(&body["rich_text"])?;
    world.edit(|state, now| {
        state.notebook.writable(&id, "page")?;
        Ok(Json(state.notebook.comment(&id, text, &who.id(), now)))
    })
}
