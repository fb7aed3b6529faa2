//! GitHub: what a revision brings (commits, files, pull requests), whether its CI is green, what a release says.
//!
//! Answers are asked for again with their ETag, which costs no rate. A repository that a token may not see answers 404.
//! Never: green for what was not checked, a list that was cut short passed off as whole.

mod chart;
mod wire;

use std::{
    collections::BTreeMap,
    fmt,
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use base64::Engine;
use jiff::Timestamp;
use reqwest::{
    StatusCode,
    header::{ACCEPT, AUTHORIZATION, ETAG, HeaderMap, HeaderName, HeaderValue, IF_NONE_MATCH},
};
use serde::{Deserialize, de::DeserializeOwned};

use super::{
    Fact, Failure, Health, Platform, PlatformError,
    http::{self, Answer, Ask, Http, Manners},
    secret,
};

pub use chart::ReleaseNotes;

/// Commits, checks or pull requests in one page, and pages that are read at most.
const PAGE: usize = 100;
const PAGES_MAX: usize = 5;
/// GitHub lists no more changed files than these in a comparison.
const FILES_MAX: usize = 300;
/// Answers kept for their ETag, and the largest that is.
const KEPT_MAX: usize = 256;
const KEPT_BYTES_MAX: usize = 64 * 1024;

/// The section `[github]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// `https://api.github.com`, or `https://HOST/api/v3`.
    #[serde(default = "public_api")]
    pub url: String,
    pub token_env: Option<String>,
    pub token_file: Option<PathBuf>,
    pub ca_file: Option<PathBuf>,
    /// The host in repositories' addresses, where it is not github.com.
    pub host: Option<String>,
}

fn public_api() -> String {
    "https://api.github.com".to_owned()
}

/// GitHub with a reading token.
#[derive(Debug)]
pub struct Source {
    http: Http,
    host: String,
    kept: Mutex<BTreeMap<String, Kept>>,
}

#[derive(Debug, Clone)]
struct Kept {
    etag: HeaderValue,
    body: Vec<u8>,
}

/// `owner/name`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Repository {
    pub owner: String,
    pub name: String,
}

/// What lies between two commits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// In git's order, the oldest first; check `commits_complete`.
    pub commits: Vec<Commit>,
    pub total_commits: usize,
    pub commits_complete: bool,
    pub files: Vec<ChangedFile>,
    /// GitHub lists at most 300 changed files.
    pub files_complete: bool,
    /// Commits that `head` lacks: it is no descendant of `base`.
    pub behind_by: usize,
    pub url: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    pub sha: String,
    pub author: String,
    pub date: Option<Timestamp>,
    pub message: String,
    pub url: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ChangedFile {
    #[serde(rename = "filename")]
    pub path: String,
    /// `added`, `removed`, `modified`, `renamed`, …
    pub status: String,
    #[serde(default)]
    pub additions: u64,
    #[serde(default)]
    pub deletions: u64,
    /// Absent for large and binary files.
    pub patch: Option<String>,
}

/// A commit's checks and statuses, together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ci {
    pub state: CiState,
    pub checks: Vec<Check>,
    /// The page that shows them.
    pub url: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CiState {
    Green,
    Red,
    Pending,
    /// Nothing was checked, or something answered in a way that we do not know.
    Unknown(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    pub name: String,
    /// The conclusion, or the status while there is none, in GitHub's word.
    pub word: String,
    pub url: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullRequest {
    pub number: u64,
    pub title: String,
    pub author: String,
    pub merged_at: Option<Timestamp>,
    pub url: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    pub tag: String,
    pub name: String,
    /// The release notes, in Markdown; empty is possible.
    pub notes: String,
    pub published_at: Option<Timestamp>,
    pub url: String,
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.owner, self.name)
    }
}

/// The repository that an address in an ArgoCD source means, on `host`: clone addresses of every form, and charts that
/// are published on the repository's own pages (`https://acme.github.io/ledger-worker`).
pub fn repository_of(address: &str, host: &str) -> Option<Repository> {
    let bare = address.trim().trim_end_matches('/');
    let bare = ["https://", "http://", "ssh://", "git://"]
        .iter()
        .find_map(|scheme| bare.strip_prefix(scheme))
        .unwrap_or(bare);
    let bare = bare.split_once('@').map_or(bare, |(_, rest)| rest);
    let (place, path) = bare.split_once(['/', ':'])?;
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let named = |owner: &str, name: &str| {
        let name = name.trim_end_matches(".git");
        let good = !owner.is_empty() && !name.is_empty();
        good.then(|| Repository { owner: owner.to_owned(), name: name.to_owned() })
    };
    match (place.strip_suffix(".github.io"), parts.as_slice()) {
        (None, [owner, name]) if place.eq_ignore_ascii_case(host) => named(owner, name),
        (Some(owner), [name, ..]) => named(owner, name),
        _ => None,
    }
}

impl Source {
    pub fn open(config: &Config) -> Result<Self, PlatformError> {
        let place = secret::Place { env: config.token_env.as_deref(), file: config.token_file.as_ref() };
        let mut headers = HeaderMap::new();
        if let Some(token) = secret::read(Platform::GitHub, place)? {
            headers.insert(AUTHORIZATION, secret::header(Platform::GitHub, "Bearer ", &token)?);
        }
        headers.insert(ACCEPT, HeaderValue::from_static("application/vnd.github+json"));
        headers
            .insert(HeaderName::from_static("x-github-api-version"), HeaderValue::from_static("2022-11-28"));
        let manners = Manners { said, failure };
        let http = Http::new(Platform::GitHub, &config.url, headers, config.ca_file.as_deref(), manners)?;
        let host = config.host.clone().unwrap_or_else(|| "github.com".to_owned());
        Ok(Self { http, host, kept: Mutex::default() })
    }

    /// [`repository_of`] on this section's host.
    pub fn repository_of(&self, address: &str) -> Option<Repository> {
        repository_of(address, &self.host)
    }

    /// What `head` has that `base` has not.
    pub async fn compare(
        &self,
        repo: &Repository,
        base: &str,
        head: &str,
    ) -> Result<Comparison, PlatformError> {
        let asked = format!("what lies between {} and {} in {repo}", short(base), short(head));
        let range = format!("{base}...{head}");
        let mut whole: Option<wire::Comparison> = None;
        for page in 1..=PAGES_MAX {
            let ask = about(repo, &asked, &["compare", &range]).query("per_page", PAGE.to_string());
            let next: wire::Comparison = self.json(&asked, ask.query("page", page.to_string())).await?;
            let empty = next.commits.is_empty();
            let whole = match &mut whole {
                None => whole.insert(next),
                Some(whole) => {
                    whole.commits.extend(next.commits);
                    whole
                }
            };
            if empty || whole.commits.len() >= whole.total_commits {
                break;
            }
        }
        whole.map(Into::into).ok_or_else(|| self.http.error(&asked, Failure::Garbage, "no page"))
    }

    /// The CI of a commit: check runs and commit statuses together. Absent is unknown, never green.
    pub async fn ci(&self, repo: &Repository, sha: &str) -> Result<Ci, PlatformError> {
        let asked = format!("the checks of {} in {repo}", short(sha));
        let mut checks: Vec<Check> = vec![];
        let mut total = 0;
        for page in 1..=PAGES_MAX {
            let ask =
                about(repo, &asked, &["commits", sha, "check-runs"]).query("per_page", PAGE.to_string());
            let runs: wire::CheckRuns = self.json(&asked, ask.query("page", page.to_string())).await?;
            total = runs.total_count;
            let empty = runs.check_runs.is_empty();
            checks.extend(runs.check_runs.into_iter().map(Into::into));
            if empty || checks.len() >= total {
                break;
            }
        }
        let cut = checks.len() < total;
        let ask = about(repo, &asked, &["commits", sha, "status"]).query("per_page", PAGE.to_string());
        let combined: wire::CombinedStatus = self.json(&asked, ask).await?;
        let cut = cut || combined.statuses.len() < combined.total_count;
        checks.extend(combined.statuses.into_iter().map(Into::into));
        let state =
            if cut { CiState::Unknown("more checks than were read".to_owned()) } else { ci_state(&checks) };
        Ok(Ci { state, checks, url: format!("https://{}/{repo}/commit/{sha}/checks", self.host) })
    }

    /// The pull requests that brought a commit. None is possible: it was pushed.
    pub async fn pull_requests(
        &self,
        repo: &Repository,
        sha: &str,
    ) -> Result<Vec<PullRequest>, PlatformError> {
        let asked = format!("the pull requests of {} in {repo}", short(sha));
        let pulls: Vec<wire::Pull> =
            self.json(&asked, about(repo, &asked, &["commits", sha, "pulls"])).await?;
        Ok(pulls.into_iter().map(Into::into).collect())
    }

    /// The release that has this tag.
    pub async fn release(&self, repo: &Repository, tag: &str) -> Result<Fact<Release>, PlatformError> {
        let asked = format!("the release {tag} of {repo}");
        let ask = about(repo, &asked, &["releases", "tags", tag]);
        match self.json::<wire::Release>(&asked, ask).await {
            Ok(release) => Ok(Fact::Known(release.into())),
            Err(error) if error.failure == Failure::NotFound => {
                Ok(Fact::Unknown(format!("{repo} shows no release {tag}")))
            }
            Err(error) => Err(error),
        }
    }

    /// The text of a file at a commit, branch or tag.
    pub async fn file(&self, repo: &Repository, path: &str, at: &str) -> Result<Fact<String>, PlatformError> {
        let asked = format!("{path} at {} in {repo}", short(at));
        let segments: Vec<&str> = std::iter::once("contents").chain(path.split('/')).collect();
        let content: wire::Content =
            match self.json(&asked, about(repo, &asked, &segments).query("ref", at)).await {
                Ok(content) => content,
                Err(error) if error.failure == Failure::NotFound => {
                    return Ok(Fact::Unknown(format!("{repo} shows no {path} at {}", short(at))));
                }
                Err(error) => return Err(error),
            };
        let packed: String = content.content.split_whitespace().collect();
        let text = base64::engine::general_purpose::STANDARD
            .decode(packed)
            .ok()
            .and_then(|b| String::from_utf8(b).ok());
        Ok(text.map_or_else(|| Fact::Unknown(format!("{path} is not text")), Fact::Known))
    }

    /// Does it answer and take our token? (An app's token names nobody.)
    pub async fn health(&self) -> Result<Health, PlatformError> {
        let asked = "our rate limit";
        let _: serde_json::Value = self.http.json(Ask::get(asked, &["rate_limit"])).await?;
        let untold = || Fact::Unknown("GitHub does not tell".to_owned());
        Ok(Health { platform: Platform::GitHub, version: untold(), account: untold() })
    }

    /// An answer's JSON, by its ETag from what is kept where GitHub says that it still holds.
    async fn json<T: DeserializeOwned>(&self, asked: &str, ask: Ask) -> Result<T, PlatformError> {
        let name = ask.name();
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner).get(&name).cloned();
        let ask = match &kept {
            Some(kept) => ask.header_value(IF_NONE_MATCH, kept.etag.clone()),
            None => ask,
        };
        let answer = self.http.send(ask).await?;
        if let (StatusCode::NOT_MODIFIED, Some(kept)) = (answer.status, kept) {
            return self.http.parse(asked, &Answer { body: kept.body, ..answer });
        }
        let answer = self.http.accept(asked, answer)?;
        if let Some(etag) = answer.headers.get(ETAG).filter(|_| answer.body.len() <= KEPT_BYTES_MAX) {
            let mut all = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            if all.len() >= KEPT_MAX {
                all.clear();
            }
            all.insert(name, Kept { etag: etag.clone(), body: answer.body.clone() });
        }
        self.http.parse(asked, &answer)
    }
}

/// What checks mean together. One failure is red; one that runs is pending; nothing at all is unknown.
pub fn ci_state(checks: &[Check]) -> CiState {
    let mut state = CiState::Unknown("nothing was checked".to_owned());
    let (mut red, mut pending, mut strange) = (false, false, None);
    for check in checks {
        match check.word.as_str() {
            "success" => state = CiState::Green,
            // They neither passed nor failed: alone they prove nothing.
            "neutral" | "skipped" => {}
            "failure" | "error" | "cancelled" | "timed_out" | "action_required" | "stale"
            | "startup_failure" => {
                red = true;
            }
            "queued" | "in_progress" | "pending" | "waiting" | "requested" => pending = true,
            other => strange = Some(format!("{} says {other}", check.name)),
        }
    }
    match (red, strange, pending) {
        (true, _, _) => CiState::Red,
        (false, Some(strange), _) => CiState::Unknown(strange),
        (false, None, true) => CiState::Pending,
        (false, None, false) => state,
    }
}

fn about(repo: &Repository, asked: &str, rest: &[&str]) -> Ask {
    let path: Vec<&str> =
        ["repos", &repo.owner, &repo.name].into_iter().chain(rest.iter().copied()).collect();
    Ask::get(asked, &path)
}

/// A commit as people write it; branches and versions stay.
fn short(revision: &str) -> &str {
    let commit = revision.len() == 40 && revision.bytes().all(|byte| byte.is_ascii_hexdigit());
    if commit { &revision[..7] } else { revision }
}

fn said(answer: &Answer) -> String {
    #[derive(Deserialize)]
    struct Wire {
        message: String,
    }
    serde_json::from_slice::<Wire>(&answer.body).map(|wire| wire.message).unwrap_or_default()
}

/// GitHub limits with 403 as well as 429: the primary limit says when it resets, the secondary may say nothing.
fn failure(answer: &Answer) -> Option<Failure> {
    if !matches!(answer.status.as_u16(), 403 | 429) {
        return None;
    }
    let spent = answer.headers.get("x-ratelimit-remaining").is_some_and(|left| left == "0");
    let secondary = said(answer).to_ascii_lowercase().contains("rate limit");
    let limited = spent || secondary || http::retry_after(answer).is_some() || answer.status.as_u16() == 429;
    limited.then(|| {
        let told = http::retry_after(answer)
            .or_else(|| http::until_epoch(answer, "x-ratelimit-reset").filter(|_| spent));
        Failure::RateLimited { retry_after: told.unwrap_or(std::time::Duration::from_secs(60)) }
    })
}

#[cfg(test)]
mod tests;
