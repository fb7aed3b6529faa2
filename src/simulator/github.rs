//! GitHub's REST API: comparisons, commits, checks, pull requests, releases, contents; ETags, limits, its 403s.
//!
//! Never: a write; a private thing told to a stranger (that is a 404).

use axum::{
    Json, Router,
    body::Body,
    extract::{Path, Query, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{
    Site,
    git::{Commit, Repository},
    manifest::{self, seconds},
    world::World,
};

const LIMIT: u32 = 5_000;
const FILES_MAX: usize = 300;

type Answer = Result<Json<Value>, NotFound>;

struct NotFound;

impl IntoResponse for NotFound {
    fn into_response(self) -> Response {
        let body = json!({"message": "Not Found", "status": "404", "documentation_url": "https://docs.github.com/rest"});
        (StatusCode::NOT_FOUND, Json(body)).into_response()
    }
}

#[derive(Deserialize)]
struct Page {
    #[serde(rename = "page")]
    number: Option<usize>,
    #[serde(rename = "per_page")]
    size: Option<usize>,
    #[serde(rename = "ref")]
    at: Option<String>,
}

impl Page {
    fn of<T>(&self, items: Vec<T>) -> Vec<T> {
        let size = self.size.unwrap_or(30).clamp(1, 100);
        items.into_iter().skip((self.number.unwrap_or(1).max(1) - 1) * size).take(size).collect()
    }
}

pub(super) fn router(world: World) -> Router {
    let repo = "/repos/{owner}/{repo}";
    Router::new()
        .route("/rate_limit", get(rate_limit))
        .route(&format!("{repo}/compare/{{range}}"), get(compare))
        .route(&format!("{repo}/commits/{{sha}}"), get(commit))
        .route(&format!("{repo}/commits/{{sha}}/check-runs"), get(check_runs))
        .route(&format!("{repo}/commits/{{sha}}/status"), get(status))
        .route(&format!("{repo}/commits/{{sha}}/pulls"), get(pulls))
        .route(&format!("{repo}/releases/tags/{{tag}}"), get(release))
        .route(&format!("{repo}/contents/{{*path}}"), get(contents))
        .fallback(async || NotFound)
        .layer(middleware::from_fn_with_state(world.clone(), manners))
        .with_state(world)
}

/// What holds for every call: a user agent, a token that is good if there is one, limits told, ETags honoured.
async fn manners(State(world): State<World>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    if !headers.contains_key(header::USER_AGENT) {
        return (StatusCode::FORBIDDEN, "Request forbidden by administrative rules.").into_response();
    }
    if super::bearer(headers) != Some(world.token(Site::GitHub).as_str()) {
        let body = json!({"message": "Bad credentials", "status": "401"});
        return (StatusCode::UNAUTHORIZED, Json(body)).into_response();
    }
    let known = headers.get(header::IF_NONE_MATCH).cloned();
    let reset = world.now().as_second() + 3_600;
    let mut response = tagged(next.run(request).await, known.as_ref()).await;
    let limits = [
        ("x-ratelimit-limit", i64::from(LIMIT)),
        ("x-ratelimit-remaining", 4_990),
        ("x-ratelimit-reset", reset),
    ];
    for (name, value) in limits {
        response.headers_mut().insert(name, HeaderValue::from(value));
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

fn look(world: &World, owner: &str, repo: &str, what: impl FnOnce(&Repository) -> Option<Value>) -> Answer {
    world
        .read(|state| {
            let repository = state.repositories.get(&format!("{owner}/{repo}"))?;
            what(repository)
        })
        .map(Json)
        .ok_or(NotFound)
}

async fn rate_limit(_: HeaderMap) -> Json<Value> {
    Json(
        json!({"resources": {"core": {"limit": LIMIT, "remaining": 4_990}}, "rate": {"limit": LIMIT, "remaining": 4_990}}),
    )
}

async fn compare(
    State(world): State<World>,
    Path((owner, repo, range)): Path<(String, String, String)>,
    Query(page): Query<Page>,
) -> Answer {
    look(&world, &owner, &repo, |repository| {
        let (base, head) = range.split_once("...")?;
        let ((from, base), (to, _)) = (repository.find(base)?, repository.find(head)?);
        let ahead: &[Commit] = if from < to { &repository.commits[from + 1..=to] } else { &[] };
        let behind = from.saturating_sub(to);
        let status = match (ahead.len(), behind) {
            (0, 0) => "identical",
            (_, 0) => "ahead",
            (_, _) => "behind",
        };
        let commits = page.of(ahead.iter().map(|commit| commit_json(repository, commit)).collect());
        let mut answer = json!({"status": status, "ahead_by": ahead.len(), "behind_by": behind,
            "total_commits": ahead.len(), "base_commit": commit_json(repository, base), "commits": commits,
            "html_url": format!("https://github.com/{}/compare/{range}", repository.full_name)});
        // Changed files come with the first page only.
        answer["files"] = if page.number.unwrap_or(1) <= 1 { files(ahead) } else { json!([]) };
        Some(answer)
    })
}

/// The files of several commits, each path once.
fn files(commits: &[Commit]) -> Value {
    let mut files: std::collections::BTreeMap<&str, Value> = std::collections::BTreeMap::new();
    for file in commits.iter().flat_map(|commit| &commit.files) {
        let (additions, deletions) = (file.additions, file.deletions);
        let mut shown = json!({"filename": file.path, "status": "modified", "additions": additions,
            "deletions": deletions, "changes": additions + deletions});
        if let Some(patch) = &file.patch {
            shown["patch"] = json!(patch);
        }
        files.insert(&file.path, shown);
    }
    files.into_values().take(FILES_MAX).collect()
}

fn commit_json(repository: &Repository, commit: &Commit) -> Value {
    let author = json!({"name": commit.author, "email": format!("{}@demo.invalid", commit.author),
        "date": seconds(commit.date)});
    json!({"sha": commit.sha, "html_url": format!("https://github.com/{}/commit/{}", repository.full_name, commit.sha),
        "author": {"login": commit.author}, "commit": {"message": commit.message, "author": author, "committer": author}})
}

async fn commit(
    State(world): State<World>,
    Path((owner, repo, sha)): Path<(String, String, String)>,
) -> Answer {
    look(&world, &owner, &repo, |repository| {
        let (_, commit) = repository.find(&sha)?;
        let mut shown = commit_json(repository, commit);
        shown["files"] = files(std::slice::from_ref(commit));
        Some(shown)
    })
}

async fn check_runs(
    State(world): State<World>,
    Path((owner, repo, sha)): Path<(String, String, String)>,
    Query(page): Query<Page>,
) -> Answer {
    look(&world, &owner, &repo, |repository| {
        let (_, commit) = repository.find(&sha)?;
        let run = |check: &super::git::Check| {
            let status = if check.conclusion.is_some() { "completed" } else { "in_progress" };
            let url = format!("https://github.com/{}/commit/{}/checks", repository.full_name, commit.sha);
            json!({"name": check.name, "head_sha": commit.sha, "status": status, "conclusion": check.conclusion,
                "html_url": url, "completed_at": seconds(commit.date)})
        };
        let runs: Vec<Value> = commit.checks.iter().map(run).collect();
        Some(json!({"total_count": runs.len(), "check_runs": page.of(runs)}))
    })
}

/// No one uses commit statuses here: the combined word is then "pending", with nothing in it.
async fn status(
    State(world): State<World>,
    Path((owner, repo, sha)): Path<(String, String, String)>,
) -> Answer {
    look(&world, &owner, &repo, |repository| {
        let (_, commit) = repository.find(&sha)?;
        Some(json!({"state": "pending", "statuses": [], "sha": commit.sha, "total_count": 0}))
    })
}

async fn pulls(
    State(world): State<World>,
    Path((owner, repo, sha)): Path<(String, String, String)>,
) -> Answer {
    look(&world, &owner, &repo, |repository| {
        let (_, commit) = repository.find(&sha)?;
        let pull = |number: u64| {
            let pull = repository.pulls.get(&number)?;
            let url = format!("https://github.com/{}/pull/{number}", repository.full_name);
            Some(
                json!({"number": number, "title": pull.title, "state": "closed", "user": {"login": pull.author},
                "merged_at": seconds(pull.merged_at), "html_url": url, "base": {"ref": "main"}}),
            )
        };
        Some(commit.pull.and_then(pull).into_iter().collect())
    })
}

async fn release(
    State(world): State<World>,
    Path((owner, repo, tag)): Path<(String, String, String)>,
) -> Answer {
    look(&world, &owner, &repo, |repository| {
        let release = repository.releases.iter().find(|release| release.tag == tag)?;
        let url = format!("https://github.com/{}/releases/tag/{tag}", repository.full_name);
        Some(json!({"tag_name": tag, "name": tag, "body": release.notes, "draft": false, "prerelease": false,
            "published_at": seconds(release.published_at), "html_url": url, "target_commitish": "main"}))
    })
}

async fn contents(
    State(world): State<World>,
    Path((owner, repo, path)): Path<(String, String, String)>,
    Query(page): Query<Page>,
) -> Answer {
    look(&world, &owner, &repo, |repository| {
        let manifests = repository.manifests(page.at.as_deref().unwrap_or("HEAD"))?;
        let object = manifests.iter().find(|object| manifest::path(object) == path)?;
        let text = manifest::yaml(object);
        Some(
            json!({"type": "file", "encoding": "base64", "path": path, "size": text.len(), "content": STANDARD.encode(text)}),
        )
    })
}
