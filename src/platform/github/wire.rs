//! GitHub's JSON as it comes, turned into the room's types at once.
//!
//! Never: seen outside this room.

use jiff::Timestamp;
use serde::Deserialize;

use super::{
    ApprovalState, DeployState, Repository,
    code::{ChangedFile, FILES_MAX},
};
use crate::row::gate;

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
    merge_commit_sha: Option<String>,
    #[serde(default)]
    html_url: String,
}

impl Pull {
    /// With the commit that merged it, if it is merged: of one that is closed unmerged, GitHub tells a commit that it only
    /// tried.
    pub(super) fn merged(self) -> Option<(String, super::PullRequest)> {
        let sha = self.merge_commit_sha.clone().filter(|_| self.merged_at.is_some())?;
        Some((sha, self.into()))
    }
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

#[derive(Debug, Deserialize)]
pub(super) struct Run {
    pub(super) id: u64,
    #[serde(rename = "run_attempt")]
    attempt: Option<u32>,
    head_sha: Option<String>,
    head_branch: Option<String>,
    path: Option<String>,
    #[serde(default)]
    event: String,
    status: Option<String>,
    conclusion: Option<String>,
    actor: Option<User>,
    triggering_actor: Option<User>,
    created_at: Option<Timestamp>,
    #[serde(rename = "run_started_at")]
    started_at: Option<Timestamp>,
    updated_at: Option<Timestamp>,
    #[serde(default)]
    html_url: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Job {
    id: u64,
    #[serde(default)]
    name: String,
    run_attempt: Option<u32>,
    status: Option<String>,
    conclusion: Option<String>,
    started_at: Option<Timestamp>,
    completed_at: Option<Timestamp>,
    html_url: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Pending {
    environment: Named,
    #[serde(default)]
    wait_timer: u64,
    wait_timer_started_at: Option<Timestamp>,
    #[serde(default)]
    current_user_can_approve: bool,
    #[serde(default)]
    reviewers: Vec<Reviewer>,
}

#[derive(Debug, Deserialize)]
struct Named {
    #[serde(default)]
    id: u64,
    name: String,
}

#[derive(Debug, Deserialize)]
struct Reviewer {
    reviewer: Option<Reviewing>,
}

/// A user has a login, a team a slug.
#[derive(Debug, Deserialize)]
struct Reviewing {
    login: Option<String>,
    slug: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Approval {
    state: String,
    #[serde(default)]
    comment: Option<String>,
    user: Option<User>,
    #[serde(default)]
    environments: Vec<Named>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Environment {
    id: u64,
    name: String,
    #[serde(default)]
    html_url: String,
    #[serde(default)]
    protection_rules: Vec<BuiltIn>,
}

#[derive(Debug, Deserialize)]
struct BuiltIn {
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Rule {
    id: u64,
    enabled: bool,
    app: App,
}

#[derive(Debug, Deserialize)]
struct App {
    slug: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Deployment {
    pub(super) id: u64,
    sha: String,
    #[serde(rename = "ref", default)]
    target: String,
    #[serde(default)]
    environment: String,
    creator: Option<User>,
    created_at: Option<Timestamp>,
    updated_at: Option<Timestamp>,
}

#[derive(Debug, Deserialize)]
pub(super) struct DeploymentStatus {
    #[serde(default)]
    pub(super) id: u64,
    state: String,
    pub(super) created_at: Option<Timestamp>,
    description: Option<String>,
    log_url: Option<String>,
    target_url: Option<String>,
}

impl Run {
    /// `None`: it tells no attempt or no head.
    pub(super) fn of(self, repo: &Repository) -> Option<gate::Run> {
        let unknown = || "unknown".to_owned();
        let path = self.path.unwrap_or_default();
        Some(gate::Run {
            repository: repo.to_string(),
            id: self.id,
            attempt: self.attempt.filter(|attempt| *attempt > 0)?,
            head_sha: self.head_sha.filter(|sha| !sha.is_empty())?,
            branch: self.head_branch.unwrap_or_default(),
            // As in `.github/workflows/ci.yml@main`.
            workflow: path.split('@').next().unwrap_or_default().to_owned(),
            event: self.event,
            status: self.status.unwrap_or_else(unknown),
            conclusion: self.conclusion,
            actor: self.triggering_actor.or(self.actor).map(|user| user.login).unwrap_or_default(),
            created_at: self.created_at,
            started_at: self.started_at,
            updated_at: self.updated_at,
            url: self.html_url,
        })
    }
}

impl Job {
    pub(super) fn of_attempt(self, asked: u32) -> super::Job {
        super::Job {
            id: self.id,
            name: self.name,
            attempt: self.run_attempt.unwrap_or(asked),
            status: self.status.unwrap_or_else(|| "unknown".to_owned()),
            conclusion: self.conclusion,
            started_at: self.started_at,
            completed_at: self.completed_at,
            url: self.html_url.unwrap_or_default(),
        }
    }
}

impl From<Pending> for super::PendingDeployment {
    fn from(wire: Pending) -> Self {
        let named = |reviewer: Reviewer| reviewer.reviewer.and_then(|one| one.login.or(one.slug));
        Self {
            environment: wire.environment.name,
            environment_id: wire.environment.id,
            wait_timer_min: wire.wait_timer,
            wait_timer_started_at: wire.wait_timer_started_at,
            we_can_approve: wire.current_user_can_approve,
            reviewers: wire.reviewers.into_iter().filter_map(named).collect(),
        }
    }
}

impl From<Approval> for super::Approval {
    fn from(wire: Approval) -> Self {
        Self {
            state: match wire.state.as_str() {
                "approved" => ApprovalState::Approved,
                "rejected" => ApprovalState::Rejected,
                "pending" => ApprovalState::Pending,
                _ => ApprovalState::Other(wire.state),
            },
            by: wire.user.map(|user| user.login).unwrap_or_default(),
            comment: wire.comment.unwrap_or_default(),
            environments: wire.environments.into_iter().map(|one| one.name).collect(),
        }
    }
}

impl Environment {
    pub(super) fn with(self, rules: Vec<Rule>) -> super::Environment {
        let custom =
            |rule: Rule| super::CustomRule { id: rule.id, enabled: rule.enabled, app: rule.app.slug };
        super::Environment {
            id: self.id,
            name: self.name,
            url: self.html_url,
            rules: self.protection_rules.into_iter().map(|rule| rule.kind).collect(),
            custom: rules.into_iter().map(custom).collect(),
        }
    }
}

impl From<Deployment> for super::Deployment {
    fn from(wire: Deployment) -> Self {
        let Deployment { id, sha, target, environment, creator, created_at, updated_at } = wire;
        let creator = creator.map(|user| user.login).unwrap_or_default();
        Self { id, sha, target, environment, creator, created_at, updated_at }
    }
}

impl From<DeploymentStatus> for super::DeploymentStatus {
    fn from(wire: DeploymentStatus) -> Self {
        let log = wire.log_url.filter(|url| !url.is_empty()).or(wire.target_url);
        Self {
            state: match wire.state.as_str() {
                "waiting" => DeployState::Waiting,
                "queued" => DeployState::Queued,
                "pending" => DeployState::Pending,
                "in_progress" => DeployState::InProgress,
                "success" => DeployState::Success,
                "failure" => DeployState::Failure,
                "error" => DeployState::Error,
                "inactive" => DeployState::Inactive,
                _ => DeployState::Other(wire.state),
            },
            at: wire.created_at,
            description: wire.description.unwrap_or_default(),
            log_url: log.unwrap_or_default(),
        }
    }
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
