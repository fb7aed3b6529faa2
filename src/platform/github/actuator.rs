//! The writes of a deploy gate: the answer to a protection rule, a report on it, and the dispatches that begin a canary.
//!
//! GitHub takes no precondition and a re-run keeps the run's id: the caller reads the attempt right before, and
//! [`Actuator::reviewed`] after. An answer is found again by the words in its comment.
//! Never: a retry, a comment that was cut.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{ApprovalState, Config, Repository, Source, about_write, api::Role, credential::Purpose};
use crate::platform::{Failure, Next, PlatformError};

/// What GitHub keeps of a comment or report.
const COMMENT_CHARS_MAX: usize = 1024;
/// Reports that GitHub takes for one deployment.
const REPORTS_MAX: usize = 10;

/// GitHub with the executor's credential.
#[derive(Debug)]
pub struct Actuator {
    source: Source,
}

/// An answer as data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    pub repo: Repository,
    pub run: u64,
    pub environment: String,
    pub answer: Answered,
    /// At most 1024 characters. What the read-back looks for stands in it.
    pub comment: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answered {
    Approved,
    Rejected,
}

/// Why an answer or report was not taken, or why that cannot be told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReviewError {
    #[error("the comment on run {run} has {chars} characters, GitHub keeps {COMMENT_CHARS_MAX}")]
    TooLong { run: u64, chars: usize },
    #[error("GitHub takes no more than {REPORTS_MAX} reports on run {run} for {environment}")]
    TooMany { run: u64, environment: String },
    #[error(transparent)]
    Platform(#[from] PlatformError),
}

/// What GitHub shows of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reviewed {
    /// Ours is there, on the attempt that was reviewed.
    Ours { state: ApprovalState },
    /// Somebody else answered, and nothing waits any more.
    Theirs { state: ApprovalState, by: String },
    /// The environment still waits and our answer is not there.
    NotYet,
    /// Nothing waits for this environment and nobody answered: it was cancelled, forced through, or renamed.
    NothingPends { status: String, conclusion: Option<String>, others: Vec<String> },
    /// It was run again since. With `ours`, an answer of ours is in the log, but nobody can tell which attempt it met.
    AttemptMoved { now: u32, ours: bool },
}

impl ReviewError {
    /// What the executor does next. GitHub's noes to an answer may mean that it was answered.
    pub fn next(&self) -> Next {
        match self {
            Self::TooLong { .. } | Self::TooMany { .. } => Next::GiveUp,
            Self::Platform(error) => match error.failure {
                Failure::NotFound | Failure::Refused { .. } => Next::ReadBack,
                _ => error.after_write(),
            },
        }
    }

    pub fn hint(&self) -> &'static str {
        match self {
            Self::TooLong { .. } => "shorten the note that goes into the comment",
            Self::TooMany { .. } => "the row itself says what is awaited",
            Self::Platform(error) => error.hint(),
        }
    }
}

impl Answered {
    /// In GitHub's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Rejected => "rejected",
        }
    }
}

impl Actuator {
    /// `config` names the executor's credential, not the agents'. An App's must be the one that owns the rule.
    pub fn open(config: &Config) -> Result<Self, PlatformError> {
        Ok(Self { source: Source::open_as(config, Role::Writer)? })
    }

    /// The reads that writing needs, with the executor's own credential.
    pub fn reads(&self) -> &Source {
        &self.source
    }

    /// Answers the rule that holds a run before an environment, once.
    pub async fn review(&self, review: &Review) -> Result<(), ReviewError> {
        let Review { repo, run, environment, answer, comment } = review;
        fits(*run, comment)?;
        let body = json!({"environment_name": environment, "state": answer.word(), "comment": comment});
        self.rule(repo, *run, format!("the answer to run {run} of {repo} for {environment}"), &body).await
    }

    /// Says something on a waiting run without answering it.
    pub async fn report(
        &self,
        repo: &Repository,
        run: u64,
        environment: &str,
        text: &str,
    ) -> Result<(), ReviewError> {
        fits(run, text)?;
        // The log names no deployment: those of earlier attempts count, too.
        let log = self.source.approvals(repo, run).await?;
        let reports = log.iter().filter(|one| one.state == ApprovalState::Pending && one.is_for(environment));
        if reports.count() >= REPORTS_MAX {
            return Err(ReviewError::TooMany { run, environment: environment.to_owned() });
        }
        let body = json!({"environment_name": environment, "comment": text});
        self.rule(repo, run, format!("a report on run {run} of {repo} for {environment}"), &body).await
    }

    /// Triggers what listens to this type of event in a repository. Nothing tells afterwards what it began.
    pub async fn dispatch(
        &self,
        repo: &Repository,
        event_type: &str,
        payload: &Value,
    ) -> Result<(), PlatformError> {
        let asked = format!("the dispatch {event_type} in {repo}");
        let body = json!({"event_type": event_type, "client_payload": payload});
        let ask = about_write(repo, asked, &["dispatches"], &body);
        self.source.api.write(repo, Purpose::DispatchRepository, ask).await.map(|_| ())
    }

    /// Starts a workflow (its file's name or id) on a branch or tag with these inputs.
    pub async fn dispatch_workflow(
        &self,
        repo: &Repository,
        workflow: &str,
        target: &str,
        inputs: &BTreeMap<String, String>,
    ) -> Result<(), PlatformError> {
        let asked = format!("a start of {workflow} on {target} in {repo}");
        let file = workflow.rsplit('/').next().unwrap_or(workflow);
        let body = json!({"ref": target, "inputs": inputs});
        let ask = about_write(repo, asked, &["actions", "workflows", file, "dispatches"], &body);
        self.source.api.write(repo, Purpose::DispatchWorkflow, ask).await.map(|_| ())
    }

    /// Reads back what became of an answer whose comment holds `tag`, to an attempt that was reviewed. The run is read
    /// last: what was read before it belongs to its attempt or an earlier one.
    pub async fn reviewed(
        &self,
        repo: &Repository,
        run: u64,
        attempt: u32,
        environment: &str,
        tag: &str,
    ) -> Result<Reviewed, PlatformError> {
        let pending = self.source.pending_deployments(repo, run).await?;
        let log = self.source.approvals(repo, run).await?;
        let run = self.source.run(repo, run).await?;
        let answers: Vec<_> = log
            .into_iter()
            .filter(|one| one.state != ApprovalState::Pending && one.is_for(environment))
            .collect();
        let ours = answers.iter().find(|one| !tag.is_empty() && one.comment.contains(tag));
        if run.attempt != attempt {
            return Ok(Reviewed::AttemptMoved { now: run.attempt, ours: ours.is_some() });
        }
        if let Some(ours) = ours {
            return Ok(Reviewed::Ours { state: ours.state.clone() });
        }
        let (here, others): (Vec<_>, Vec<_>) =
            pending.into_iter().map(|one| one.environment).partition(|name| name == environment);
        if !here.is_empty() {
            return Ok(Reviewed::NotYet);
        }
        // Attempts before this one may have left answers; what pends no more was met by the last.
        Ok(match answers.into_iter().next_back() {
            Some(theirs) => Reviewed::Theirs { state: theirs.state, by: theirs.by },
            None => Reviewed::NothingPends { status: run.status, conclusion: run.conclusion, others },
        })
    }

    async fn rule(
        &self,
        repo: &Repository,
        run: u64,
        asked: String,
        body: &Value,
    ) -> Result<(), ReviewError> {
        let path = ["actions", "runs", &run.to_string(), "deployment_protection_rule"];
        let ask = about_write(repo, asked, &path, body);
        self.source.api.write(repo, Purpose::Answer, ask).await?;
        Ok(())
    }
}

impl super::Approval {
    fn is_for(&self, environment: &str) -> bool {
        self.environments.iter().any(|name| name == environment)
    }
}

fn fits(run: u64, comment: &str) -> Result<(), ReviewError> {
    let chars = comment.chars().count();
    if chars > COMMENT_CHARS_MAX { Err(ReviewError::TooLong { run, chars }) } else { Ok(()) }
}
