//! The write to Terraform: apply the run that was named, if it still is that run and waits for it; or discard it.
//!
//! Terraform takes the comment with the action and keeps it on the run: that is where a write is found again after a lost
//! answer ([`Source::comments`], [`Source::run`]).
//! Never: an apply of a run that no longer is what was named; a second try.

use serde_json::json;

use super::{Config, Run, Source, post};
use crate::platform::{Fact, Next, PlatformError};

/// Terraform Cloud with the executor's token, which may apply.
#[derive(Debug)]
pub struct Actuator {
    source: Source,
}

/// Which run, and what it has to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplyRequest {
    pub run: String,
    /// The commit that was reviewed.
    pub commit: String,
    /// Names row, decision and reviewer; what the read-back looks for is in it.
    pub comment: String,
}

/// Why a run was not applied or discarded, or why that cannot be told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    #[error("Terraform's {run} was not {action}: {refusal}")]
    Refused { run: String, action: &'static str, refusal: RunRefusal },
    #[error(transparent)]
    Platform(#[from] PlatformError),
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RunRefusal {
    #[error("it is for {now}, not for the commit that was reviewed")]
    AnotherCommit { now: String },
    /// Applied already (perhaps by us, before an answer was lost), discarded, overtaken, or not planned yet.
    #[error("it does not wait for this, it is {status}")]
    NotWaiting { status: String },
    /// It did when it was read a moment ago.
    #[error("it stopped waiting for this just now")]
    Overtaken,
}

impl RunError {
    /// What the executor does next.
    pub fn next(&self) -> Next {
        match self {
            RunError::Refused { refusal, .. } => match refusal {
                RunRefusal::AnotherCommit { .. } => Next::GiveUp,
                // The one whom it waits for no more may have been us, before an answer was lost.
                RunRefusal::NotWaiting { .. } | RunRefusal::Overtaken => Next::ReadBack,
            },
            RunError::Platform(error) => error.after_write(),
        }
    }

    pub fn hint(&self) -> &'static str {
        match self {
            RunError::Refused { refusal, .. } => match refusal {
                RunRefusal::AnotherCommit { .. } => "the run of the reviewed commit has to be reviewed",
                RunRefusal::NotWaiting { .. } | RunRefusal::Overtaken => {
                    "the run's own page says who did what"
                }
            },
            RunError::Platform(error) => error.hint(),
        }
    }
}

impl Actuator {
    /// `config` names the executor's token, not the agents'.
    pub fn open(config: &Config) -> Result<Self, PlatformError> {
        Ok(Self { source: Source::open(config)? })
    }

    /// The reads that writing needs, with the executor's own token.
    pub fn reads(&self) -> &Source {
        &self.source
    }

    /// Confirms the run, once. Accepted, not done: follow with [`Source::run`].
    pub async fn apply(&self, request: &ApplyRequest) -> Result<(), RunError> {
        let run = self.source.run(&request.run).await?;
        let refused = |refusal| Err(RunError::Refused { run: run.id.clone(), action: "applied", refusal });
        match &run.commit {
            Fact::Known(commit) if *commit == request.commit => {}
            Fact::Known(commit) => return refused(RunRefusal::AnotherCommit { now: commit.clone() }),
            Fact::Unknown(why) => return refused(RunRefusal::AnotherCommit { now: format!("none: {why}") }),
        }
        if !run.confirmable {
            return refused(RunRefusal::NotWaiting { status: run.status.clone() });
        }
        self.act(&run, ("apply", "applied"), &request.comment).await
    }

    /// Ends a run that waits, once.
    pub async fn discard(&self, run: &str, comment: &str) -> Result<(), RunError> {
        let run = self.source.run(run).await?;
        if !run.discardable {
            let refusal = RunRefusal::NotWaiting { status: run.status };
            return Err(RunError::Refused { run: run.id, action: "discarded", refusal });
        }
        self.act(&run, ("discard", "discarded"), comment).await
    }

    /// Writes on a run what becomes of it.
    pub async fn comment(&self, run: &str, body: &str) -> Result<(), PlatformError> {
        let asked = format!("a comment on {run}");
        let body = json!({"data": {"type": "comments", "attributes": {"body": body}}});
        let answer = self.source.http.send(post(asked.clone(), &["runs", run, "comments"], &body)).await?;
        self.source.http.accept(&asked, answer).map(|_| ())
    }

    async fn act(
        &self,
        run: &Run,
        (verb, done): (&str, &'static str),
        comment: &str,
    ) -> Result<(), RunError> {
        let asked = format!("to {verb} {}", run.id);
        let ask = post(asked.clone(), &["runs", &run.id, "actions", verb], &json!({"comment": comment}));
        let answer = self.source.http.send(ask).await?;
        if answer.status == reqwest::StatusCode::CONFLICT {
            let refusal = RunRefusal::Overtaken;
            return Err(RunError::Refused { run: run.id.clone(), action: done, refusal });
        }
        self.source.http.accept(&asked, answer)?;
        Ok(())
    }
}
