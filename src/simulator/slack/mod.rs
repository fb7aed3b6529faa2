//! Slack's Web API as far as Dock uses it: two apps of one workspace, one that reads and one that posts.
//!
//! Every no is a 200 with `"ok": false`, but for the rate limit, which is a 429; scopes are told in a header; a bot sees
//! the channels that it is in.
//! Never: a right that a token was not given; a thread's replies in a channel's history.

mod controls;
mod workspace;

use std::sync::Arc;

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, Query, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::any,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

use super::{Site, meter::Meter, world::World};
pub(super) use workspace::Chat;
use workspace::{Author, Channel};

/// In `State::tokens`: the app that posts.
pub(super) const WRITER: &str = "slack-writer";

const MINUTE_MS: i64 = 60_000;
const PAGE: usize = 100;
const PAGE_MAX: usize = 999;
/// Slack's limit of a text.
const TEXT_CHARS_MAX: usize = 40_000;

/// Which app asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum App {
    Reader,
    Writer,
}

impl App {
    fn scopes(self) -> &'static [&'static str] {
        match self {
            App::Reader => &[
                "channels:history",
                "channels:read",
                "groups:history",
                "groups:read",
                "users:read",
                "users:read.email",
            ],
            App::Writer => {
                &["channels:history", "channels:read", "chat:write", "groups:history", "groups:read"]
            }
        }
    }

    fn name(self) -> &'static str {
        match self {
            App::Reader => "dock_reader",
            App::Writer => "dock",
        }
    }
}

/// A no, as Slack says it.
struct No {
    word: &'static str,
    needed: Option<&'static str>,
}

const fn no(word: &'static str) -> No {
    No { word, needed: None }
}

type Answer = Result<Value, No>;

/// What came with a call, wherever it came in.
struct Call(Map<String, Value>);

impl Call {
    /// Methods take their parameters from the query, from a form, and (those that write) from JSON.
    fn new(query: Vec<(String, String)>, headers: &HeaderMap, body: &[u8]) -> Self {
        let mut all: Map<String, Value> = query.into_iter().map(|(key, value)| (key, json!(value))).collect();
        let kind =
            headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if kind.starts_with("application/json")
            && let Ok(Value::Object(body)) = serde_json::from_slice(body)
        {
            all.extend(body);
        }
        Self(all)
    }

    fn text(&self, name: &str) -> &str {
        self.0.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    fn is_set(&self, name: &str) -> bool {
        matches!(self.text(name), "true" | "1") || self.0.get(name) == Some(&Value::Bool(true))
    }
}

#[derive(Clone)]
struct Desk {
    world: World,
    /// By tier, 2 to 4, for each app.
    tiers: Arc<[[Meter; 3]; 2]>,
}

pub(super) fn router(world: World) -> Router {
    let tiers = || [20, 50, 100].map(|limit| Meter::new(limit, MINUTE_MS));
    let desk = Desk { world, tiers: Arc::new([tiers(), tiers()]) };
    Router::new().route("/api/{method}", any(call)).fallback(async || StatusCode::NOT_FOUND).with_state(desk)
}

/// Its name for the count, and the tier that it is in.
fn tier(method: &str) -> Option<(&'static str, usize)> {
    Some(match method {
        "auth.test" => ("auth.test", 4),
        "users.info" => ("users.info", 4),
        "chat.postMessage" => ("chat.postMessage", 4),
        "conversations.history" => ("conversations.history", 3),
        "conversations.replies" => ("conversations.replies", 3),
        "conversations.info" => ("conversations.info", 3),
        "conversations.list" => ("conversations.list", 2),
        _ => return None,
    })
}

async fn call(
    State(desk): State<Desk>,
    Path(method): Path<String>,
    Query(query): Query<Vec<(String, String)>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let world = &desk.world;
    let app = match super::bearer(&headers) {
        None => return refused(&no("not_authed"), None),
        Some(token) if token == world.token(Site::Slack) => App::Reader,
        Some(token) if token == world.slack_writer() => App::Writer,
        Some(_) => return refused(&no("invalid_auth"), None),
    };
    let Some((name, tier)) = tier(&method) else { return refused(&no("unknown_method"), Some(app)) };
    let meters = &desk.tiers[usize::from(app == App::Writer)];
    let reading = meters[tier - 2].count(name, world.now());
    if !reading.taken {
        let wait = [(header::RETRY_AFTER, HeaderValue::from(reading.retry_s))];
        return (StatusCode::TOO_MANY_REQUESTS, wait, Json(json!({"ok": false, "error": "ratelimited"})))
            .into_response();
    }
    let troubled = world.quietly(|state, _| state.chat.trouble(&method));
    if let Some((word, false)) = &troubled {
        return trouble(word, app);
    }
    let call = Call::new(query, &headers, &body);
    let answer = match name {
        "auth.test" => Ok(auth_test(app)),
        "users.info" => user(world, app, &call),
        "conversations.list" => channels(world, app, &call),
        "conversations.info" => channel(world, app, &call),
        "conversations.history" => history(world, app, &call),
        "conversations.replies" => replies(world, app, &call),
        _ => post(world, app, &call, &headers),
    };
    if let Some((word, true)) = &troubled {
        return trouble(word, app);
    }
    match answer {
        Ok(mut answer) => {
            answer["ok"] = json!(true);
            (told(app), Json(answer)).into_response()
        }
        Err(no) => refused(&no, Some(app)),
    }
}

fn told(app: App) -> [(HeaderName, HeaderValue); 1] {
    let scopes = HeaderValue::from_str(&app.scopes().join(","));
    [(HeaderName::from_static("x-oauth-scopes"), scopes.unwrap_or(HeaderValue::from_static("")))]
}

fn trouble(word: &str, app: App) -> Response {
    (told(app), Json(json!({"ok": false, "error": word}))).into_response()
}

fn refused(no: &No, app: Option<App>) -> Response {
    let mut body = json!({"ok": false, "error": no.word});
    let Some(app) = app else { return Json(body).into_response() };
    if let Some(needed) = no.needed {
        body["needed"] = json!(needed);
        body["provided"] = json!(app.scopes().join(","));
    }
    (told(app), Json(body)).into_response()
}

fn auth_test(app: App) -> Value {
    json!({"url": "https://acme.slack.com/", "team": "Acme", "team_id": "T0ACME", "user": app.name(),
        "user_id": workspace::bot_user(app), "bot_id": workspace::bot(app), "is_enterprise_install": false})
}

fn needs(app: App, scope: &'static str) -> Result<(), No> {
    if app.scopes().contains(&scope) {
        Ok(())
    } else {
        Err(No { word: "missing_scope", needed: Some(scope) })
    }
}

fn user(world: &World, app: App, call: &Call) -> Answer {
    needs(app, "users:read")?;
    let user = world.read(|state| state.chat.user(call.text("user")));
    Ok(json!({"user": user.ok_or(no("user_not_found"))?}))
}

fn channels(world: &World, app: App, call: &Call) -> Answer {
    let types = if call.text("types").is_empty() { "public_channel" } else { call.text("types") };
    if types.contains("private_channel") {
        needs(app, "groups:read")?;
    }
    let wanted = |channel: &&Channel| {
        let kind = if channel.private { "private_channel" } else { "public_channel" };
        types.split(',').any(|one| one == kind) && (!channel.private || channel.has(app))
    };
    let (all, stutters) = world.read(|state| {
        let shown: Vec<Value> = state.chat.channels().filter(wanted).map(|one| one.json(app)).collect();
        (shown, state.chat.stutters)
    });
    // Archived ones are left out after the page was cut, which is why pages are short.
    let mut page = page(call, "channels", all, stutters, |channel| channel)?;
    if call.is_set("exclude_archived")
        && let Some(items) = page["channels"].as_array_mut()
    {
        items.retain(|item| item["is_archived"] == false);
    }
    Ok(page)
}

/// Looks at a channel that this app may read.
fn readable<T>(
    world: &World,
    app: App,
    call: &Call,
    look: impl FnOnce(&Channel, bool) -> Result<T, No>,
) -> Result<T, No> {
    world.read(|state| {
        let channel = state.chat.by_id(call.text("channel")).ok_or(no("channel_not_found"))?;
        needs(app, if channel.private { "groups:history" } else { "channels:history" })?;
        match (channel.has(app), channel.private) {
            (true, _) => look(channel, state.chat.stutters),
            (false, true) => Err(no("channel_not_found")),
            (false, false) => Err(no("not_in_channel")),
        }
    })
}

fn channel(world: &World, app: App, call: &Call) -> Answer {
    world.read(|state| {
        let found = state.chat.by_id(call.text("channel")).filter(|one| !one.private || one.has(app));
        Ok(json!({"channel": found.ok_or(no("channel_not_found"))?.json(app)}))
    })
}

fn history(world: &World, app: App, call: &Call) -> Answer {
    readable(world, app, call, |channel, stutters| {
        let mut said = channel.history(bounds(call)?);
        said.reverse();
        let metadata = call.is_set("include_all_metadata");
        page(call, "messages", said, stutters, |(ts, replies)| channel.shown(ts, replies, metadata))
    })
}

/// The message itself first, then the replies, oldest first.
fn replies(world: &World, app: App, call: &Call) -> Answer {
    readable(world, app, call, |channel, stutters| {
        let all = channel.thread(call.text("ts"), bounds(call)?).ok_or(no("thread_not_found"))?;
        let metadata = call.is_set("include_all_metadata");
        page(call, "messages", all, stutters, |(ts, replies)| channel.shown(ts, replies, metadata))
    })
}

/// `oldest` and `latest`, compared as Slack compares: by their digits. Without `inclusive` neither is in.
fn bounds(call: &Call) -> Result<workspace::Bounds, No> {
    let whole = |name| {
        let text = call.text(name);
        let good = text.split('.').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
        if text.is_empty() {
            Ok(None)
        } else if good {
            Ok(Some(text.to_owned()))
        } else {
            Err(no(if name == "oldest" { "invalid_ts_oldest" } else { "invalid_ts_latest" }))
        }
    };
    Ok(workspace::Bounds {
        oldest: whole("oldest")?,
        latest: whole("latest")?,
        inclusive: call.is_set("inclusive"),
    })
}

/// One page, and the cursor of the next. A workspace that stutters gives every second page empty.
fn page<T>(call: &Call, list: &str, items: Vec<T>, stutters: bool, show: impl Fn(T) -> Value) -> Answer {
    let limit: usize = match &call.0.get("limit") {
        None => PAGE,
        Some(Value::String(text)) => text.parse().map_err(|_| no("invalid_limit"))?,
        Some(other) => other.as_u64().ok_or(no("invalid_limit"))? as usize,
    };
    if limit == 0 || limit > PAGE_MAX {
        return Err(no("invalid_limit"));
    }
    let (from, number) = match call.text("cursor") {
        "" => (0, 0),
        cursor => place(cursor).ok_or(no("invalid_cursor"))?,
    };
    let take = match (stutters, number % 3) {
        (true, 1) => 0,
        (true, 2) => limit.div_ceil(2),
        _ => limit,
    };
    let more = items.len() > from + take;
    let next =
        if more { STANDARD.encode(format!("next:{}:{}", from + take, number + 1)) } else { String::new() };
    let items: Vec<Value> = items.into_iter().skip(from).take(take).map(show).collect();
    Ok(json!({list: items, "has_more": more, "response_metadata": {"next_cursor": next}}))
}

fn place(cursor: &str) -> Option<(usize, usize)> {
    let text = String::from_utf8(STANDARD.decode(cursor).ok()?).ok()?;
    let (from, number) = text.strip_prefix("next:")?.split_once(':')?;
    Some((from.parse().ok()?, number.parse().ok()?))
}

fn post(world: &World, app: App, call: &Call, headers: &HeaderMap) -> Answer {
    needs(app, "chat:write")?;
    let text = call.text("text");
    if text.is_empty() {
        return Err(no("no_text"));
    }
    if text.chars().count() > TEXT_CHARS_MAX {
        return Err(no("msg_too_long"));
    }
    let metadata = call.0.get("metadata").cloned();
    if let Some(metadata) = &metadata
        && !(metadata["event_type"].is_string() && metadata["event_payload"].is_object())
    {
        return Err(no("invalid_metadata_format"));
    }
    let thread = Some(call.text("thread_ts")).filter(|thread| !thread.is_empty()).map(str::to_owned);
    let mut answer = world.edit(|state, now| {
        let channel = state.chat.by_id_mut(call.text("channel")).ok_or(no("channel_not_found"))?;
        if channel.archived {
            return Err(no("is_archived"));
        }
        if !channel.has(app) {
            return Err(no(if channel.private { "channel_not_found" } else { "not_in_channel" }));
        }
        if thread.as_ref().is_some_and(|thread| !channel.has_message(thread)) {
            return Err(no("thread_not_found"));
        }
        let ts = channel.add(Author::Bot(app.name().to_owned(), workspace::bot_user(app)), now, text, thread);
        channel.tag(&ts, metadata);
        Ok(json!({"channel": channel.id, "ts": ts, "message": channel.shown(&ts, 0, true)}))
    })?;
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !kind.contains("charset") {
        answer["warning"] = json!("missing_charset");
        answer["response_metadata"] = json!({"warnings": ["missing_charset"]});
    }
    Ok(answer)
}
