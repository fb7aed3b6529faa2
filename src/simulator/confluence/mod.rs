//! Confluence Cloud, as far as runbooks and post-mortems need it: pages with all their versions, spaces, who one is; on the
//! site's own address and on the gateway's.
//!
//! Two accounts of Dock's come over the API, one that reads and one that writes; people write in their browsers.
//! Never: a version that overwrites one that its writer had not seen.

mod access;
mod controls;
mod storage;
mod wiki;

use axum::{
    Extension, Router,
    extract::{DefaultBodyLimit, Path, Query, State},
    http::{HeaderMap, StatusCode, Uri, header},
    middleware,
    response::{IntoResponse, Response},
    routing::get,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::world::World;
use access::User;
pub(super) use access::{EXECUTOR, basic};
pub use controls::PageEdit;
pub use wiki::ConfluenceWrite;
pub(super) use wiki::Wiki;
use wiki::{Page, Refusal, Sent, Version};

const PAGE: usize = 25;
const PAGE_MAX: usize = 250;
/// A larger request is refused.
const REQUEST_BYTES_MAX: usize = 5 * 1024 * 1024;
/// The site's number at the gateway.
const CLOUD: &str = "/ex/confluence/0f9a6c1e-9d52-4a4e-8f6b-6a1f0f3c2b1d";

type Answer = Result<Response, Refused>;

/// A no in the shape of the API's second version.
struct Refused(StatusCode, &'static str, String);

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        // A conflict has its status as text, everything else as a number.
        let status = match self.0 {
            StatusCode::CONFLICT => json!("409"),
            status => json!(status.as_u16()),
        };
        answer(
            self.0,
            &json!({"errors": [{"status": status, "code": self.1, "title": self.2, "detail": null}]}),
        )
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        let bad = |title: String| Self(StatusCode::BAD_REQUEST, "BAD_REQUEST", title);
        match refusal {
            Refusal::NotFound => not_found(),
            Refusal::Forbidden => {
                let title = "You do not have permission to edit this page".to_owned();
                Self(StatusCode::FORBIDDEN, "FORBIDDEN", title)
            }
            Refusal::NotTheNext { current, provided } => {
                let title = format!(
                    "Version must be incremented when updating a page. Current Version: [{current}]. Provided \
                     version: [{provided}]"
                );
                Self(StatusCode::CONFLICT, "CONFLICT", title)
            }
            Refusal::Malformed(why) => bad(why),
            Refusal::TitleTaken => {
                bad("A page with this title already exists: A page already exists with the same TITLE in this space"
                    .to_owned())
            }
        }
    }
}

fn not_found() -> Refused {
    Refused(StatusCode::NOT_FOUND, "NOT_FOUND", "Not Found".to_owned())
}

fn invalid(what: &str) -> Refused {
    Refused(
        StatusCode::BAD_REQUEST,
        "INVALID_REQUEST_PARAMETER",
        format!("Provided value for '{what}' is invalid"),
    )
}

fn answer(status: StatusCode, body: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

#[expect(clippy::unnecessary_wraps, reason = "how a handler that found something ends")]
fn found(body: &Value) -> Answer {
    Ok(answer(StatusCode::OK, body))
}

pub(super) fn router(world: World) -> Router {
    let api = Router::new()
        .route("/wiki/rest/api/user/current", get(access::current))
        .route("/wiki/rest/api/user/bulk", get(access::bulk))
        .route("/wiki/rest/api/content/{id}/restriction", get(restrictions))
        .route("/wiki/api/v2/pages", get(pages).post(make))
        .route("/wiki/api/v2/pages/{id}", get(page).put(publish))
        .route("/wiki/api/v2/pages/{id}/versions", get(versions))
        .route("/wiki/api/v2/pages/{id}/versions/{number}", get(version))
        .route("/wiki/api/v2/pages/{id}/properties", get(properties))
        .route("/wiki/api/v2/pages/{id}/operations", get(operations))
        .route("/wiki/api/v2/spaces", get(spaces))
        .route("/wiki/api/v2/spaces/{id}/pages", get(pages_of_space))
        .route("/wiki/api/v2/spaces/{id}/operations", get(operations_in_space));
    Router::new()
        .nest(CLOUD, api.clone())
        .merge(api)
        .fallback(async || not_found())
        .layer(middleware::from_fn_with_state(world.clone(), access::at_the_door))
        .layer(DefaultBodyLimit::max(REQUEST_BYTES_MAX))
        .with_state(world)
}

type Parameters = Query<Vec<(String, String)>>;

fn parameter<'q>(query: &'q [(String, String)], name: &str) -> Option<&'q str> {
    query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

/// One page of a list, with where it goes on in its body and in a header.
fn listed(uri: &Uri, query: &[(String, String)], base: &str, all: Vec<Value>) -> Answer {
    let limit = match parameter(query, "limit").map(str::parse) {
        None => PAGE,
        Some(Ok(limit)) if (1..=PAGE_MAX).contains(&limit) => limit,
        Some(_) => return Err(invalid("limit")),
    };
    let from = match parameter(query, "cursor") {
        None => 0,
        Some(cursor) => offset(cursor).ok_or_else(|| invalid("cursor"))?,
    };
    let total = all.len();
    let results: Vec<Value> = all.into_iter().skip(from).take(limit).collect();
    let mut body = json!({"results": results, "_links": {"base": base}});
    if from + limit >= total {
        return found(&body);
    }
    let cursor = URL_SAFE_NO_PAD.encode(format!("{{\"from\":{}}}", from + limit));
    let next = format!("{}?limit={limit}&cursor={cursor}", uri.path());
    body["_links"]["next"] = json!(next);
    let link = [(header::LINK, format!("<{next}>; rel=\"next\""))];
    Ok((link, answer(StatusCode::OK, &body)).into_response())
}

fn offset(cursor: &str) -> Option<usize> {
    let text = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    let value: Value = serde_json::from_slice(&text).ok()?;
    usize::try_from(value["from"].as_u64()?).ok()
}

fn base(headers: &HeaderMap) -> String {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    format!("http://{host}/wiki")
}

fn with_body(query: &[(String, String)]) -> bool {
    parameter(query, "body-format") == Some("storage")
}

async fn page(
    State(world): State<World>,
    Path(id): Path<String>,
    Query(query): Parameters,
    headers: HeaderMap,
) -> Answer {
    world.read(|state| {
        let wiki = &state.confluence;
        let page = wiki.pages.get(&id).ok_or_else(not_found)?;
        if parameter(&query, "get-draft") == Some("true")
            && let Some(draft) = &page.draft
        {
            let shown =
                Version { author: draft.author.clone(), body: draft.body.clone(), ..page.latest().clone() };
            let mut body = wiki.json(page, &shown, with_body(&query), &base(&headers));
            body["status"] = json!("draft");
            return found(&body);
        }
        let shown = match parameter(&query, "version") {
            None => page.latest(),
            Some(number) => numbered(page, number)?,
        };
        found(&wiki.json(page, shown, with_body(&query), &base(&headers)))
    })
}

fn numbered<'p>(page: &'p Page, number: &str) -> Result<&'p Version, Refused> {
    let number: u64 = number.parse().map_err(|_| invalid("version"))?;
    page.versions.iter().find(|version| version.number == number).ok_or_else(not_found)
}

/// Newest first, unless it is asked otherwise.
async fn versions(
    State(world): State<World>,
    Path(id): Path<String>,
    uri: Uri,
    Query(query): Parameters,
    headers: HeaderMap,
) -> Answer {
    let oldest_first = match parameter(&query, "sort") {
        None | Some("-modified-date") => false,
        Some("modified-date") => true,
        Some(_) => return Err(invalid("sort")),
    };
    world.read(|state| {
        let page = state.confluence.pages.get(&id).ok_or_else(not_found)?;
        let shown = |version: &Version| {
            let mut shown = version.json();
            if with_body(&query) {
                shown["page"] = json!({"id": page.id, "title": version.title, "body": version.storage()});
            }
            shown
        };
        let mut all: Vec<Value> = page.versions.iter().map(shown).collect();
        if !oldest_first {
            all.reverse();
        }
        listed(&uri, &query, &base(&headers), all)
    })
}

async fn version(State(world): State<World>, Path((id, number)): Path<(String, String)>) -> Answer {
    world.read(|state| {
        let page = state.confluence.pages.get(&id).ok_or_else(not_found)?;
        let shown = numbered(page, &number)?;
        let mut body = shown.json();
        body["page"] = json!({"id": page.id, "title": shown.title});
        body["contentTypeModified"] = json!(false);
        body["collaborators"] = json!([shown.author]);
        body["prevVersion"] = json!((shown.number > 1).then(|| shown.number - 1));
        body["nextVersion"] = json!((shown.number < page.latest().number).then(|| shown.number + 1));
        found(&body)
    })
}

/// The content properties of a page, in pages by their cursors; `key` narrows them to one. Who may see the page may see them.
async fn properties(
    State(world): State<World>,
    Path(id): Path<String>,
    uri: Uri,
    Query(query): Parameters,
    headers: HeaderMap,
) -> Answer {
    world.read(|state| {
        let page = state.confluence.pages.get(&id).ok_or_else(not_found)?;
        let wanted = |key: &str| parameter(&query, "key").is_none_or(|wanted| wanted == key);
        let all = page.properties.iter().filter(|property| wanted(&property.key));
        listed(&uri, &query, &base(&headers), all.map(wiki::Property::json).collect())
    })
}

/// What the caller may do with a page.
async fn operations(
    State(world): State<World>,
    Extension(user): Extension<User>,
    Path(id): Path<String>,
) -> Answer {
    world.read(|state| {
        let page = state.confluence.pages.get(&id).ok_or_else(not_found)?;
        let edits = user == User::Executor && page.editors.let_in(user.account());
        let all = if edits { &["read", "update"][..] } else { &["read"][..] };
        let all: Vec<Value> = all.iter().map(|one| json!({"operation": one, "targetType": "page"})).collect();
        found(&json!({"operations": all}))
    })
}

/// What the caller may do in a space.
async fn operations_in_space(
    State(world): State<World>,
    Extension(user): Extension<User>,
    Path(space): Path<String>,
) -> Answer {
    if world.read(|state| state.confluence.space(&space).is_none()) {
        return Err(not_found());
    }
    let mut all = vec![json!({"operation": "read", "targetType": "space"})];
    if user == User::Executor {
        all.push(json!({"operation": "create", "targetType": "page"}));
    }
    found(&json!({ "operations": all }))
}

/// Who alone may edit a page, in the words of the older interface; without `expand` it names nobody.
async fn restrictions(
    State(world): State<World>,
    Path(id): Path<String>,
    Query(query): Parameters,
) -> Answer {
    let expands =
        |what: &str| parameter(&query, "expand").is_some_and(|all| all.split(',').any(|one| one == what));
    world.read(|state| {
        let page = state.confluence.pages.get(&id).ok_or_else(not_found)?;
        let listed = |all: Vec<Value>| json!({"size": all.len(), "start": 0, "limit": 200, "results": all});
        let user = |id: &String| json!({"type": "known", "accountId": id, "accountType": "atlassian"});
        let group = |name: &String| json!({"type": "group", "name": name, "id": format!("group-{name}")});
        let of = |operation: &str, accounts: &[String], groups: &[String]| {
            let mut restrictions = json!({});
            if expands("restrictions.user") {
                restrictions["user"] = listed(accounts.iter().map(user).collect());
            }
            if expands("restrictions.group") {
                restrictions["group"] = listed(groups.iter().map(group).collect());
            }
            json!({"operation": operation, "restrictions": restrictions})
        };
        let editors = &page.editors;
        let all = [of("read", &[], &[]), of("update", &editors.accounts, &editors.groups)];
        found(&json!({"results": all, "start": 0, "limit": 200, "size": 2, "restrictionsHash": ""}))
    })
}

async fn spaces(
    State(world): State<World>,
    uri: Uri,
    Query(query): Parameters,
    headers: HeaderMap,
) -> Answer {
    let wanted = |name: &str, of: &str| {
        parameter(&query, name).is_none_or(|list| list.split(',').any(|one| one == of))
    };
    world.read(|state| {
        let all = state.confluence.spaces.iter().filter(|space| wanted("keys", &space.key) && wanted("ids", &space.id));
        let all = all.map(|space| {
            json!({"id": space.id, "key": space.key, "name": space.name, "type": "global", "status": "current",
                "_links": {"webui": format!("/spaces/{}", space.key)}})
        });
        listed(&uri, &query, &base(&headers), all.collect())
    })
}

async fn pages(State(world): State<World>, uri: Uri, Query(query): Parameters, headers: HeaderMap) -> Answer {
    let space = parameter(&query, "space-id").map(str::to_owned);
    list_pages(&world, space.as_deref(), &uri, &query, &headers)
}

async fn pages_of_space(
    State(world): State<World>,
    Path(space): Path<String>,
    uri: Uri,
    Query(query): Parameters,
    headers: HeaderMap,
) -> Answer {
    if world.read(|state| state.confluence.space(&space).is_none()) {
        return Err(not_found());
    }
    list_pages(&world, Some(&space), &uri, &query, &headers)
}

/// Those in the trash are not among them.
fn list_pages(
    world: &World,
    space: Option<&str>,
    uri: &Uri,
    query: &[(String, String)],
    headers: &HeaderMap,
) -> Answer {
    world.read(|state| {
        let wiki = &state.confluence;
        let titled = |page: &Page| {
            parameter(query, "title")
                .is_none_or(|title| page.latest().title.to_lowercase() == title.to_lowercase())
        };
        let shown = wiki.pages.values().filter(|page| {
            page.status == wiki::Status::Current
                && space.is_none_or(|space| page.space == space)
                && titled(page)
        });
        let shown = shown.map(|page| wiki.json(page, page.latest(), with_body(query), &base(headers)));
        listed(uri, query, &base(headers), shown.collect())
    })
}

/// A JSON body in which everything that a version needs is there.
struct Wanted {
    whole: Value,
    title: String,
    body: String,
}

impl Wanted {
    fn read(text: &str) -> Result<Self, Refused> {
        let whole: Value = serde_json::from_str(text).map_err(|_| invalid("body"))?;
        if whole["status"] != "current" {
            return Err(invalid("status"));
        }
        if whole["body"]["representation"] != "storage" {
            return Err(invalid("body.representation"));
        }
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let title = text(&whole["title"]).filter(|title| !title.trim().is_empty());
        let title = title.ok_or_else(|| invalid("title"))?;
        let body = text(&whole["body"]["value"]).ok_or_else(|| invalid("body.value"))?;
        Ok(Self { whole, title, body })
    }

    fn sent(&self, user: User) -> Sent<'_> {
        let version = &self.whole["version"];
        Sent {
            who: user.account(),
            title: &self.title,
            body: &self.body,
            message: version["message"].as_str().unwrap_or_default(),
            minor: version["minorEdit"] == true,
        }
    }
}

async fn publish(
    State(world): State<World>,
    Extension(user): Extension<User>,
    Path(id): Path<String>,
    headers: HeaderMap,
    text: String,
) -> Answer {
    let may = world
        .read(|state| state.confluence.pages.get(&id).map(|page| page.editors.let_in(user.account())))
        .ok_or_else(not_found)?;
    if !may {
        return Err(Refusal::Forbidden.into());
    }
    let wanted = Wanted::read(&text)?;
    if wanted.whole["id"] != id.as_str() {
        return Err(invalid("id"));
    }
    let number = wanted.whole["version"]["number"].as_u64().ok_or_else(|| invalid("version.number"))?;
    world.edit(|state, now| {
        state.confluence.publish(&id, number, &wanted.sent(user), now)?;
        shown(&state.confluence, &id, &headers)
    })
}

async fn make(
    State(world): State<World>,
    Extension(user): Extension<User>,
    headers: HeaderMap,
    text: String,
) -> Answer {
    let wanted = Wanted::read(&text)?;
    world.edit(|state, now| {
        let wiki = &mut state.confluence;
        let space =
            wanted.whole["spaceId"].as_str().and_then(|id| wiki.space(id)).ok_or_else(not_found)?.id.clone();
        let parent = wanted.whole["parentId"].as_str().map(str::to_owned);
        if parent.as_ref().is_some_and(|parent| wiki.pages.get(parent).is_none_or(|page| page.space != space))
        {
            return Err(invalid("parentId"));
        }
        let id = wiki.new_id();
        // A new page has no message, whatever came along.
        let sent = Sent { message: "", ..wanted.sent(user) };
        wiki.make(id.clone(), (space, parent), &sent, now)?;
        shown(wiki, &id, &headers)
    })
}

/// A page as it was just written, with its body.
fn shown(wiki: &Wiki, id: &str, headers: &HeaderMap) -> Answer {
    let page = wiki.pages.get(id).ok_or_else(not_found)?;
    found(&wiki.json(page, page.latest(), true, &base(headers)))
}
