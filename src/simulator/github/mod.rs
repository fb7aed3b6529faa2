//! GitHub's REST API: code, workflow runs that wait at their gates, deployments, Apps, hooks; ETags, limits, its noes.
//!
//! Never: a private thing told to a stranger (that is a 404); a write by who may only read.

mod access;
mod code;
mod controls;
mod gates;
mod hooks;
mod moves;
mod pipelines;
mod shown;

use std::collections::BTreeMap;

use axum::{
    Json, Router,
    body::Body,
    extract::{FromRequestParts, Query, RawPathParams, Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header, request::Parts},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{
    git::Repository,
    world::{State as WorldState, World},
};
pub use access::GithubCalls;
pub(super) use access::WRITER;
use access::{Access, Caller};
pub use controls::GithubApp;
use hooks::Hooks;
pub(super) use hooks::deliver;
use pipelines::Pipelines;
pub(super) use pipelines::{Fate, New, Then, Workflow};

/// All that is known here beside the repositories' own content.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Hub {
    pub(super) pipelines: Pipelines,
    access: Access,
    hooks: Hooks,
    /// By a repository's former name, the number that stays.
    moved: BTreeMap<String, u64>,
    /// By a repository's present name, what the rest of the world calls it.
    renamed: BTreeMap<String, String>,
    #[serde(skip)]
    changed: bool,
}

/// An answer, or GitHub's no.
type Answer = Result<Json<Value>, No>;

/// One of GitHub's noes.
#[derive(Debug)]
enum No {
    NotFound,
    /// No right to it.
    Forbidden,
    /// 422, with its words.
    Refused(String),
    /// 401, with its words.
    Unauthorised(String),
    /// A repository has another name now.
    Moved(String),
}

impl IntoResponse for No {
    fn into_response(self) -> Response {
        let said = |status: StatusCode, words: &str| {
            let body = json!({"message": words, "status": status.as_str(), "documentation_url": "https://docs.github.com/rest"});
            (status, Json(body)).into_response()
        };
        match self {
            No::NotFound => said(StatusCode::NOT_FOUND, "Not Found"),
            No::Forbidden => said(StatusCode::FORBIDDEN, "Resource not accessible by integration"),
            No::Refused(words) => said(StatusCode::UNPROCESSABLE_ENTITY, &words),
            No::Unauthorised(words) => said(StatusCode::UNAUTHORIZED, &words),
            No::Moved(to) => {
                let body = json!({"message": "Moved Permanently", "url": to, "documentation_url": "https://docs.github.com/rest"});
                (StatusCode::MOVED_PERMANENTLY, [(header::LOCATION, to)], Json(body)).into_response()
            }
        }
    }
}

#[derive(Debug, Default, Deserialize)]
struct Page {
    #[serde(rename = "page")]
    number: Option<usize>,
    #[serde(rename = "per_page")]
    size: Option<usize>,
    #[serde(rename = "ref")]
    at: Option<String>,
}

impl Page {
    fn number(&self) -> usize {
        self.number.unwrap_or(1).max(1)
    }

    fn size(&self) -> usize {
        self.size.unwrap_or(30).clamp(1, 100)
    }

    fn of<T>(&self, items: Vec<T>) -> Vec<T> {
        items.into_iter().skip((self.number() - 1) * self.size()).take(self.size()).collect()
    }
}

/// What is asked about one repository, by its name or its number, by whom.
struct Asked {
    /// As the rest of the world calls it.
    repo: String,
    params: BTreeMap<String, String>,
    page: Page,
    caller: Caller,
    uri: Uri,
}

impl FromRequestParts<World> for Asked {
    type Rejection = No;

    async fn from_request_parts(parts: &mut Parts, world: &World) -> Result<Self, No> {
        let raw = RawPathParams::from_request_parts(parts, world).await.map_err(|_| No::NotFound)?;
        let params: BTreeMap<String, String> =
            raw.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let Query(page) = Query::try_from_uri(&parts.uri).unwrap_or_default();
        let caller = parts.extensions.get::<Caller>().cloned().ok_or(No::NotFound)?;
        let repo =
            world.read(|state| state.github.resolve(&params, &parts.uri, state.repositories.keys()))?;
        if !caller.reaches(&repo) {
            return Err(No::NotFound);
        }
        let below = parts.uri.path().split('/').skip(if params.contains_key("id") { 3 } else { 4 });
        if !caller.may(&parts.method, &below.collect::<Vec<_>>()) {
            return Err(No::Forbidden);
        }
        Ok(Self { repo, params, page, caller, uri: parts.uri.clone() })
    }
}

impl Asked {
    fn param(&self, name: &str) -> &str {
        self.params.get(name).map(String::as_str).unwrap_or_default()
    }

    fn number(&self, name: &str) -> Result<u64, No> {
        self.param(name).parse().map_err(|_| No::NotFound)
    }

    fn look(&self, world: &World, what: impl FnOnce(&Repository) -> Option<Value>) -> Answer {
        world.read(|state| what(state.repositories.get(&self.repo)?)).map(Json).ok_or(No::NotFound)
    }

    /// One page of a list, and where the next is: under the repository's number, as GitHub likes to.
    fn paged(&self, world: &World, list: Option<&str>, items: Vec<Value>) -> Response {
        let (total, id) = (items.len(), Hub::number(&self.repo));
        let pages = total.div_ceil(self.page.size()).max(1);
        let shown = self.page.of(items);
        let body = match list {
            Some(list) => json!({"total_count": total, list: shown}),
            None => Value::Array(shown),
        };
        let mut headers = HeaderMap::new();
        let below = self.uri.path().split('/').skip(if self.params.contains_key("id") { 3 } else { 4 });
        let path = below.collect::<Vec<_>>().join("/");
        let query = self.uri.query().unwrap_or_default().split('&');
        let rest: Vec<&str> = query.filter(|pair| !pair.is_empty() && !pair.starts_with("page=")).collect();
        let at = |page: usize| {
            let query = [rest.clone(), vec![&*format!("page={page}")]].concat().join("&");
            format!("<{}/repositories/{id}/{path}?{query}>", world.read(WorldState::github_url))
        };
        if self.page.number() < pages {
            let links = format!("{}; rel=\"next\", {}; rel=\"last\"", at(self.page.number() + 1), at(pages));
            headers.extend(HeaderValue::from_str(&links).ok().map(|links| (header::LINK, links)));
        }
        (headers, Json(body)).into_response()
    }
}

impl Hub {
    /// A repository's number, which stays whatever its name.
    fn number(repo: &str) -> u64 {
        let digest = Sha256::digest(repo.as_bytes());
        590_000_000 + u64::from(u32::from_be_bytes([0, digest[0], digest[1], digest[2]]))
    }

    fn resolve<'a>(
        &self,
        params: &BTreeMap<String, String>,
        uri: &Uri,
        mut all: impl Iterator<Item = &'a String>,
    ) -> Result<String, No> {
        if let Some(id) = params.get("id") {
            let id: u64 = id.parse().map_err(|_| No::NotFound)?;
            return all.find(|name| Self::number(name) == id).cloned().ok_or(No::NotFound);
        }
        let part = |name: &str| params.get(name).map(String::as_str).unwrap_or_default();
        let name = format!("{}/{}", part("owner"), part("repo"));
        if let Some(id) = self.moved.get(&name) {
            let rest = uri.path_and_query().map(axum::http::uri::PathAndQuery::as_str).unwrap_or_default();
            let rest = rest.strip_prefix(&format!("/repos/{name}")).unwrap_or_default();
            return Err(No::Moved(format!("/repositories/{id}{rest}")));
        }
        let name = self.renamed.get(&name).unwrap_or(&name);
        all.find(|one| *one == name).cloned().ok_or(No::NotFound)
    }

    /// Has anything changed since this was asked last?
    pub(super) fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// Does the run wait for an answer now?
    fn waits(&self, run: u64) -> bool {
        self.pipelines.runs.get(&run).is_some_and(|run| run.stage == pipelines::Stage::Waiting)
    }

    /// Was it answered or ended before anybody looked?
    pub(super) fn is_over(&self, run: u64) -> bool {
        self.pipelines.runs.get(&run).is_some_and(|run| run.conclusion().is_some())
    }

    /// Which service's run it is.
    pub(super) fn service_of(&self, run: u64) -> Option<&str> {
        self.pipelines.runs.get(&run).map(pipelines::Run::service)
    }
}

impl WorldState {
    fn github_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.get("github").copied().unwrap_or_default())
    }
}

pub(super) fn router(world: World) -> Router {
    let mut router =
        Router::new().route("/rate_limit", get(rate_limit)).merge(access::routes()).merge(hooks::routes());
    for under in ["/repos/{owner}/{repo}", "/repositories/{id}"] {
        router = router.route(under, get(repository)).merge(code::routes(under)).merge(gates::routes(under));
    }
    router
        .fallback(async || No::NotFound)
        .layer(middleware::from_fn_with_state(world.clone(), manners))
        .with_state(world)
}

/// What holds for every call: a user agent, a credential that is good, limits counted and told, ETags honoured.
async fn manners(State(world): State<World>, mut request: Request, next: Next) -> Response {
    let headers = request.headers();
    if !headers.contains_key(header::USER_AGENT) {
        return (StatusCode::FORBIDDEN, "Request forbidden by administrative rules.").into_response();
    }
    let known = headers.get(header::IF_NONE_MATCH).cloned();
    let caller =
        super::bearer(headers).and_then(|token| world.read(|state| state.caller(token, world.now())));
    let Some(caller) = caller else {
        return dated(&world, No::Unauthorised("Bad credentials".to_owned()).into_response());
    };
    let path = request.uri().path().to_owned();
    let free = path == "/rate_limit";
    let refused = world.quietly(|state, now| state.github.access.refuse(&caller, free, now));
    let mut response = if let Some(no) = refused {
        no
    } else {
        let reads = request.method() == Method::GET;
        request.extensions_mut().insert(caller.clone());
        let response = next.run(request).await;
        if reads { tagged(response, known.as_ref()).await } else { response }
    };
    let counts = !free && response.status() != StatusCode::NOT_MODIFIED;
    let told = world.quietly(|state, now| {
        state.github.access.note(&caller, &path, counts);
        state.github.access.count(&caller, counts, now)
    });
    for (name, value) in told {
        response.headers_mut().insert(name, HeaderValue::from(value));
    }
    dated(&world, response)
}

fn dated(world: &World, mut response: Response) -> Response {
    let date = world.now().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    if let Ok(date) = HeaderValue::from_str(&date) {
        response.headers_mut().insert(header::DATE, date);
    }
    response
}

/// The answer with its ETag, or 304 where the caller has it already.
async fn tagged(response: Response, known: Option<&HeaderValue>) -> Response {
    if response.status() != StatusCode::OK {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let whole = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    let digest =
        Sha256::digest(&whole).iter().take(16).fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    let Ok(tag) = HeaderValue::from_str(&format!("W/\"{digest}\"")) else {
        return Response::from_parts(parts, Body::from(whole));
    };
    if known == Some(&tag) {
        return (StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response();
    }
    parts.headers.insert(header::ETAG, tag);
    Response::from_parts(parts, Body::from(whole))
}

async fn rate_limit(State(world): State<World>, caller: axum::Extension<Caller>) -> Json<Value> {
    let told = world.quietly(|state, now| state.github.access.count(&caller, false, now));
    let core: serde_json::Map<String, Value> = told
        .into_iter()
        .map(|(name, value)| (name.trim_start_matches("x-ratelimit-").to_owned(), json!(value)))
        .collect();
    Json(json!({"resources": {"core": core}, "rate": core}))
}

async fn repository(State(world): State<World>, asked: Asked) -> Answer {
    asked.look(&world, |repository| {
        let (owner, name) = repository.full_name.split_once('/')?;
        Some(json!({"id": Hub::number(&repository.full_name), "name": name, "full_name": repository.full_name, "private": true,
            "owner": {"login": owner}, "default_branch": "main", "html_url": format!("https://github.com/{}", repository.full_name)}))
    })
}

#[cfg(test)]
mod tests;
