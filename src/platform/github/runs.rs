//! Workflow runs: attempts, jobs, what waits before an environment, who answered.
//!
//! Never: a run whose attempt GitHub does not tell; "nothing waits" from a list that was cut short.

use jiff::Timestamp;

use super::{Repository, Source, about, wire};
use crate::{
    platform::{Failure, PlatformError, http::Ask},
    row::gate::Run,
};

/// Runs in one page; each is some kilobytes.
const PAGE: usize = 30;

/// One job of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    pub id: u64,
    pub name: String,
    pub attempt: u32,
    /// `queued`, `in_progress`, `waiting`, `completed`, …
    pub status: String,
    /// `success`, `failure`, `skipped`, `cancelled`, `timed_out`, …; absent while it runs.
    pub conclusion: Option<String>,
    pub started_at: Option<Timestamp>,
    pub completed_at: Option<Timestamp>,
    pub url: String,
}

/// A run waits before this environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingDeployment {
    pub environment: String,
    pub environment_id: u64,
    /// In minutes; 0: none.
    pub wait_timer_min: u64,
    pub wait_timer_started_at: Option<Timestamp>,
    pub we_can_approve: bool,
    /// Users and teams whose review is required beside the rule.
    pub reviewers: Vec<String>,
}

/// An entry of a run's review log. GitHub tells no time, no id and no attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    pub state: ApprovalState,
    pub by: String,
    pub comment: String,
    pub environments: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApprovalState {
    Approved,
    Rejected,
    /// A report without an answer.
    Pending,
    Other(String),
}

impl Job {
    /// It ended in another way than well. One that was skipped did not prove anything either.
    pub fn failed(&self) -> bool {
        self.conclusion.as_deref().is_some_and(|word| !matches!(word, "success" | "neutral" | "skipped"))
    }

    pub fn skipped(&self) -> bool {
        self.conclusion.as_deref() == Some("skipped")
    }
}

impl ApprovalState {
    /// In GitHub's word.
    pub fn word(&self) -> &str {
        match self {
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Pending => "pending",
            Self::Other(word) => word,
        }
    }
}

impl Source {
    /// A run as it is now, by its newest attempt.
    pub async fn run(&self, repo: &Repository, id: u64) -> Result<Run, PlatformError> {
        self.one_run(repo, format!("the run {id} of {repo}"), &[&id.to_string()]).await
    }

    /// A run as one of its attempts was.
    pub async fn run_attempt(&self, repo: &Repository, id: u64, attempt: u32) -> Result<Run, PlatformError> {
        let asked = format!("attempt {attempt} of the run {id} of {repo}");
        self.one_run(repo, asked, &[&id.to_string(), "attempts", &attempt.to_string()]).await
    }

    /// The jobs of one attempt.
    pub async fn jobs(&self, repo: &Repository, id: u64, attempt: u32) -> Result<Vec<Job>, PlatformError> {
        let asked = format!("the jobs of attempt {attempt} of the run {id} of {repo}");
        let path = ["actions", "runs", &id.to_string(), "attempts", &attempt.to_string(), "jobs"];
        let ask = about(repo, &asked, &path).query("per_page", super::PAGE.to_string());
        let jobs: Vec<wire::Job> = self.api.all(repo, ask, Some("jobs")).await?;
        Ok(jobs.into_iter().map(|job| job.of_attempt(attempt)).collect())
    }

    /// The environments before which a run waits. None: nothing waits, or all was answered.
    pub async fn pending_deployments(
        &self,
        repo: &Repository,
        id: u64,
    ) -> Result<Vec<PendingDeployment>, PlatformError> {
        let asked = format!("what the run {id} of {repo} waits for");
        let ask = about(repo, &asked, &["actions", "runs", &id.to_string(), "pending_deployments"]);
        let pending: Vec<wire::Pending> = self.api.all(repo, ask, None).await?;
        Ok(pending.into_iter().map(Into::into).collect())
    }

    /// Who answered or reported on a run, over all of its attempts, in GitHub's order.
    pub async fn approvals(&self, repo: &Repository, id: u64) -> Result<Vec<Approval>, PlatformError> {
        let asked = format!("the reviews of the run {id} of {repo}");
        let ask = about(repo, &asked, &["actions", "runs", &id.to_string(), "approvals"]);
        let reviews: Vec<wire::Approval> = self.api.all(repo, ask, None).await?;
        Ok(reviews.into_iter().map(Into::into).collect())
    }

    /// The runs of a repository that wait for an answer, newest first.
    pub async fn waiting_runs(&self, repo: &Repository) -> Result<Vec<Run>, PlatformError> {
        let asked = format!("the waiting runs of {repo}");
        let ask = about(repo, &asked, &["actions", "runs"]).query("status", "waiting");
        let runs = self.api.all(repo, ask.query("per_page", PAGE.to_string()), Some("workflow_runs")).await?;
        runs.into_iter().map(|run| self.told(repo, &asked, run)).collect()
    }

    /// The runs on a branch that began after this one, newest first. A re-run of an older run keeps its older id: look at
    /// [`Source::deployments_after`] too.
    pub async fn runs_after(
        &self,
        repo: &Repository,
        branch: &str,
        id: u64,
    ) -> Result<Vec<Run>, PlatformError> {
        let asked = format!("the runs on {branch} after {id} of {repo}");
        let ask = about(repo, &asked, &["actions", "runs"]).query("branch", branch);
        self.newer(repo, asked, ask, id).await
    }

    /// As [`Source::runs_after`], of one workflow (its file's name, as `deploy.yml`, or its id) on any branch.
    pub async fn workflow_runs_after(
        &self,
        repo: &Repository,
        workflow: &str,
        id: u64,
    ) -> Result<Vec<Run>, PlatformError> {
        let asked = format!("the runs of {workflow} after {id} of {repo}");
        let file = workflow.rsplit('/').next().unwrap_or(workflow);
        let ask = about(repo, &asked, &["actions", "workflows", file, "runs"]);
        self.newer(repo, asked, ask, id).await
    }

    /// The number of a workflow's newest run; none where it never ran.
    pub async fn newest_workflow_run(
        &self,
        repo: &Repository,
        workflow: &str,
    ) -> Result<Option<u64>, PlatformError> {
        let asked = format!("the newest run of {workflow} of {repo}");
        let file = workflow.rsplit('/').next().unwrap_or(workflow);
        let ask = about(repo, &asked, &["actions", "workflows", file, "runs"]).query("per_page", "1");
        let newest = self.api.until(repo, ask, Some("workflow_runs"), |_: &wire::Run| true).await?;
        Ok(newest.items.first().map(|run| run.id))
    }

    async fn newer(
        &self,
        repo: &Repository,
        asked: String,
        ask: Ask,
        id: u64,
    ) -> Result<Vec<Run>, PlatformError> {
        let ask = ask.query("per_page", PAGE.to_string());
        let known = |run: &wire::Run| run.id <= id;
        let listed = self.api.until(repo, ask, Some("workflow_runs"), known).await?;
        if !listed.whole {
            return Err(self.api.error(&asked, Failure::TooLarge, "more pages than are read"));
        }
        listed.items.into_iter().map(|run| self.told(repo, &asked, run)).collect()
    }

    async fn one_run(&self, repo: &Repository, asked: String, rest: &[&str]) -> Result<Run, PlatformError> {
        let path: Vec<&str> = ["actions", "runs"].into_iter().chain(rest.iter().copied()).collect();
        let run: wire::Run = self.api.json(Some(repo), about(repo, &asked, &path)).await?;
        self.told(repo, &asked, run)
    }

    /// Without an attempt nobody can tell a re-run from what was reviewed.
    fn told(&self, repo: &Repository, asked: &str, run: wire::Run) -> Result<Run, PlatformError> {
        let untold = || self.api.error(asked, Failure::Garbage, "a run without its attempt or head");
        run.of(repo).ok_or_else(untold)
    }
}
