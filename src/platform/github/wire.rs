//! GitHub's JSON as it comes, turned into the room's types at once.
//!
//! Never: seen outside this room.

use jiff::Timestamp;
use serde::Deserialize;

use super::{ChangedFile, FILES_MAX};

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Comparison {
    pub(super) total_commits: usize,
    #[serde(default)]
    behind_by: usize,
    #[serde(default)]
    html_url: String,
    pub(super) commits: Vec<Commit>,
    files: Option<Vec<ChangedFile>>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Commit {
    sha: String,
    #[serde(default)]
    html_url: String,
    #[serde(rename = "commit")]
    git: GitCommit,
}

#[derive(Debug, Clone, Deserialize)]
struct GitCommit {
    #[serde(default)]
    message: String,
    author: Option<GitAuthor>,
}

#[derive(Debug, Clone, Deserialize)]
struct GitAuthor {
    name: Option<String>,
    date: Option<Timestamp>,
}

#[derive(Debug, Deserialize)]
pub(super) struct CheckRuns {
    pub(super) total_count: usize,
    pub(super) check_runs: Vec<CheckRun>,
}

#[derive(Debug, Deserialize)]
pub(super) struct CheckRun {
    name: String,
    status: String,
    conclusion: Option<String>,
    html_url: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct CombinedStatus {
    // The combined word says "pending" where there is no status at all, so each is read by itself.
    #[serde(default)]
    pub(super) total_count: usize,
    pub(super) statuses: Vec<Status>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Status {
    context: String,
    state: String,
    target_url: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Pull {
    number: u64,
    title: String,
    user: Option<User>,
    merged_at: Option<Timestamp>,
    #[serde(default)]
    html_url: String,
}

#[derive(Debug, Deserialize)]
struct User {
    login: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Release {
    tag_name: String,
    name: Option<String>,
    body: Option<String>,
    published_at: Option<Timestamp>,
    #[serde(default)]
    html_url: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Content {
    #[serde(default)]
    pub(super) content: String,
}

impl From<Comparison> for super::Comparison {
    fn from(wire: Comparison) -> Self {
        let files = wire.files.unwrap_or_default();
        Self {
            commits_complete: wire.commits.len() >= wire.total_commits,
            commits: wire.commits.into_iter().map(Into::into).collect(),
            total_commits: wire.total_commits,
            files_complete: files.len() < FILES_MAX,
            files,
            behind_by: wire.behind_by,
            url: wire.html_url,
        }
    }
}

impl From<Commit> for super::Commit {
    fn from(wire: Commit) -> Self {
        let author = wire.git.author;
        Self {
            sha: wire.sha,
            date: author.as_ref().and_then(|author| author.date),
            author: author.and_then(|author| author.name).unwrap_or_default(),
            message: wire.git.message,
            url: wire.html_url,
        }
    }
}

impl From<CheckRun> for super::Check {
    fn from(wire: CheckRun) -> Self {
        let word = wire.conclusion.unwrap_or(wire.status);
        Self { name: wire.name, word, url: wire.html_url.unwrap_or_default() }
    }
}

impl From<Status> for super::Check {
    fn from(wire: Status) -> Self {
        Self { name: wire.context, word: wire.state, url: wire.target_url.unwrap_or_default() }
    }
}

impl From<Pull> for super::PullRequest {
    fn from(wire: Pull) -> Self {
        let author = wire.user.map(|user| user.login).unwrap_or_default();
        let Pull { number, title, merged_at, html_url: url, .. } = wire;
        Self { number, title, author, merged_at, url }
    }
}

impl From<Release> for super::Release {
    fn from(wire: Release) -> Self {
        Self {
            name: wire.name.unwrap_or_default(),
            tag: wire.tag_name,
            notes: wire.body.unwrap_or_default(),
            published_at: wire.published_at,
            url: wire.html_url,
        }
    }
}
