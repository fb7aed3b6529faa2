//! Code: what lies between two commits, whether CI is green, which pull requests, releases and files there are.
//!
//! Never: green for what was not checked, a list that was cut short passed off as whole.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use base64::Engine;
use jiff::Timestamp;
use serde::Deserialize;
use tokio::time::Instant;

use super::{PAGE, Repository, Source, about, short, wire};
use crate::platform::{Fact, Failure, PlatformError};

/// Pages of commits or checks that are read at most.
const PAGES_MAX: usize = 5;
/// Pull requests that were merged last, listed together.
const MERGED_LISTED: usize = 50;
/// A list of them stands for so long: where many runs wait, each asks for its newest commits.
const MERGED_LATELY: Duration = Duration::from_secs(20);
/// GitHub lists no more changed files than these in a comparison.
pub(super) const FILES_MAX: usize = 300;

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
    /// Where it was, if it was renamed.
    #[serde(default, rename = "previous_filename")]
    pub was: Option<String>,
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

/// The pull requests that were merged last, by repository and the commit that merged each.
#[derive(Debug, Default)]
pub(super) struct Merged(Mutex<BTreeMap<String, (Instant, BTreeMap<String, PullRequest>)>>);

impl Source {
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
            let next: wire::Comparison =
                self.api.json(Some(repo), ask.query("page", page.to_string())).await?;
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
        whole.map(Into::into).ok_or_else(|| self.api.error(&asked, Failure::Garbage, "no page"))
    }

    /// The CI of a commit: check runs and commit statuses together. Absent is unknown, never green.
    pub async fn ci(&self, repo: &Repository, sha: &str) -> Result<Ci, PlatformError> {
        let asked = format!("the checks of {} in {repo}", short(sha));
        let mut checks: Vec<Check> = vec![];
        let mut total = 0;
        for page in 1..=PAGES_MAX {
            let ask =
                about(repo, &asked, &["commits", sha, "check-runs"]).query("per_page", PAGE.to_string());
            let runs: wire::CheckRuns =
                self.api.json(Some(repo), ask.query("page", page.to_string())).await?;
            total = runs.total_count;
            let empty = runs.check_runs.is_empty();
            checks.extend(runs.check_runs.into_iter().map(Into::into));
            if empty || checks.len() >= total {
                break;
            }
        }
        let cut = checks.len() < total;
        let ask = about(repo, &asked, &["commits", sha, "status"]).query("per_page", PAGE.to_string());
        let combined: wire::CombinedStatus = self.api.json(Some(repo), ask).await?;
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
            self.api.json(Some(repo), about(repo, &asked, &["commits", sha, "pulls"])).await?;
        Ok(pulls.into_iter().map(Into::into).collect())
    }

    /// As [`Source::pull_requests`], for who asks about many commits of a repository: what was merged last is listed once
    /// for all of them, and only a commit that is not among those is asked about.
    pub async fn merged_with(&self, repo: &Repository, sha: &str) -> Result<Vec<PullRequest>, PlatformError> {
        let name = repo.to_string();
        let lately = {
            let mut all = self.merged.0.lock().unwrap_or_else(PoisonError::into_inner);
            all.retain(|_, (at, _)| at.elapsed() < MERGED_LATELY);
            all.get(&name).map(|(_, merged)| merged.get(sha).cloned())
        };
        let found = if let Some(found) = lately {
            found
        } else {
            let merged = self.merged_last(repo).await?;
            let found = merged.get(sha).cloned();
            let mut all = self.merged.0.lock().unwrap_or_else(PoisonError::into_inner);
            all.insert(name, (Instant::now(), merged));
            found
        };
        match found {
            Some(pull) => Ok(vec![pull]),
            None => self.pull_requests(repo, sha).await,
        }
    }

    /// The pull requests that changed last and are merged, by the commit that merged each.
    async fn merged_last(&self, repo: &Repository) -> Result<BTreeMap<String, PullRequest>, PlatformError> {
        let ask = about(repo, &format!("the merged pull requests of {repo}"), &["pulls"])
            .query("state", "closed")
            .query("sort", "updated")
            .query("direction", "desc")
            .query("per_page", MERGED_LISTED.to_string());
        let pulls: Vec<wire::Pull> = self.api.json(Some(repo), ask).await?;
        Ok(pulls.into_iter().filter_map(wire::Pull::merged).collect())
    }

    /// The release that has this tag.
    pub async fn release(&self, repo: &Repository, tag: &str) -> Result<Fact<Release>, PlatformError> {
        let asked = format!("the release {tag} of {repo}");
        let ask = about(repo, &asked, &["releases", "tags", tag]);
        match self.api.json::<wire::Release>(Some(repo), ask).await {
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
            match self.api.json(Some(repo), about(repo, &asked, &segments).query("ref", at)).await {
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
