//! The wait of a run that nobody else holds: GitLab's, Jenkins', a shell's.
//!
//! With each poll the backend is told again that it waits; nothing is kept here. Who is ended while it waits says so.
//! Never: yes, unless the backend says that it was approved.

use std::{collections::BTreeMap, time::Duration};

use serde::Serialize;
use tokio::{
    signal::unix::{SignalKind, signal},
    time::Instant,
};

use super::{PAUSE, left};
use crate::{
    cli::{
        Globals,
        exit::{Code, Failure, Outcome},
        out,
    },
    client::{Api, ApiError, random_name},
    row::{
        RowId,
        waiting::{Answer, Asks, Ci, Place, Word},
    },
    wire::{Waited, WaitedRow},
};

/// How long the backend is told, at the end, that nobody waits any more.
const LEAVES_WITHIN: Duration = Duration::from_secs(3);

/// What the pipeline says of a run that waits here.
#[derive(Debug, clap::Args)]
pub(super) struct Elsewhere {
    /// The commit that it would deploy. With it the run waits here, not on GitHub.
    #[arg(long, value_name = "SHA", requires = "service", requires = "environment")]
    commit: Option<String>,
    /// Which try of the same run this is, from 1. Without it the backend counts: a run that was answered before asks anew.
    #[arg(long, value_name = "N", requires = "commit")]
    attempt: Option<u32>,
    #[arg(long, value_name = "NAME", requires = "commit")]
    branch: Option<String>,
    /// The page of the run that a reviewer would open.
    #[arg(long, value_name = "URL", requires = "commit")]
    url: Option<String>,
    /// How its CI went. It is shown as what the pipeline says; without it the gatekeeper holds.
    #[arg(long, value_name = "WORD", requires = "commit")]
    ci: Option<Went>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Went {
    Passed,
    Failed,
}

/// A run that waits here.
pub(super) struct Run {
    place: Place,
    asks: Asks,
    /// This process, by a name that no other has.
    listener: String,
}

impl Elsewhere {
    /// The run, where it waits here.
    pub(super) fn run(
        &self,
        run: u64,
        service: Option<&str>,
        environment: Option<&str>,
    ) -> Result<Option<Run>, Failure> {
        let (Some(commit), Some(service), Some(environment)) = (&self.commit, service, environment) else {
            return Ok(None);
        };
        let ci = self.ci.map(|went| match went {
            Went::Passed => Ci::Passed,
            Went::Failed => Ci::Failed,
        });
        // CI systems leave variables empty that they have nothing for.
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let (branch, url) = (given(&self.branch), given(&self.url));
        let listener = random_name().ok_or_else(|| Failure::failed("the system gives no random numbers"))?;
        let (commit, attempt) = (commit.to_ascii_lowercase(), self.attempt);
        let asks = Asks { commit, attempt, branch, url, ci, listener: Some(listener.clone()) };
        asks.check().map_err(|(field, why)| Failure::usage(format!("--{field} {why}")))?;
        let (service, environment) = (service.to_owned(), environment.to_owned());
        Ok(Some(Run { place: Place { service, environment, run }, asks, listener }))
    }
}

/// Blocks until the run is told something, or `end`, or a signal ends it.
pub(super) async fn wait(globals: &Globals, api: &Api, run: &Run, end: Option<Instant>) -> Outcome {
    let ended = |error: std::io::Error| Failure::failed(format!("signals cannot be heard: {error}"));
    let (mut interrupt, mut terminate) =
        (signal(SignalKind::interrupt()).map_err(ended)?, signal(SignalKind::terminate()).map_err(ended)?);
    let (answer, row) = tokio::select! {
        told = told(api, run, end) => match told {
            Ok(told) => told,
            Err(failure) => {
                if failure.code == Code::Nothing {
                    leave(api, run).await;
                }
                return Err(failure);
            }
        },
        _ = interrupt.recv() => return stopped(api, run).await,
        _ = terminate.recv() => return stopped(api, run).await,
    };
    if globals.json {
        out::json(&Told { row: &row, answer: answer.word.word(), conditions: &answer.conditions });
    } else {
        let conditions: Vec<_> =
            answer.conditions.iter().map(|(name, value)| format!(" {name}={value}")).collect();
        out::line(format!("{}{}", in_words(&row), out::safe(&conditions.concat())));
    }
    match answer.word {
        Word::Approved => Ok(Code::Done),
        Word::Declined | Word::Expired => Err(Failure::new(Code::Refused, "")),
        Word::Failed => Err(Failure::new(Code::Failed, "")),
    }
}

/// `gate-9821 approved (conditions) by sarah and jordan: …`.
fn in_words(row: &WaitedRow) -> String {
    let names: Vec<_> = row.by.iter().map(ToString::to_string).collect();
    let by = if names.is_empty() { String::new() } else { format!(" by {}", names.join(" and ")) };
    let note = row.note.as_ref().map(|note| format!(": {}", out::safe(note.as_str()))).unwrap_or_default();
    let how = row.how.map(|how| format!(" ({})", how.word())).unwrap_or_default();
    format!("{} {}{how}{by}{note}", row.id, row.state.said())
}

/// The row, and beside it what the run was told.
#[derive(Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    row: &'a WaitedRow,
    answer: &'a str,
    conditions: &'a BTreeMap<String, String>,
}

async fn stopped(api: &Api, run: &Run) -> Outcome {
    leave(api, run).await;
    Err(Failure::failed(format!("ended while run {} waited; nobody will answer it", run.place.run)))
}

/// Tells the backend, if it hears it, so that nobody decides for nobody. Were it not heard, silence says the same.
async fn leave(api: &Api, run: &Run) {
    let leaves = api.leave(&run.place, &run.listener);
    if let Ok(Err(error)) = tokio::time::timeout(LEAVES_WITHIN, leaves).await {
        tracing::debug!(%error, "the backend was not told that nobody waits");
    }
}

async fn told(api: &Api, run: &Run, end: Option<Instant>) -> Result<(Answer, WaitedRow), Failure> {
    // What cannot be reached at first is a wrong address; later it is an outage, and passes.
    let (mut reached, mut opened, mut away) = (false, None, false);
    let mut asks = run.asks.clone();
    loop {
        // The first look does not wait: it says which attempt it is.
        let wait = if reached { left(end) } else { Duration::ZERO };
        match api.wait_at(&run.place, &asks, wait).await {
            Ok(Waited { row: Some(row), answer: Some(answer), .. }) => return Ok((answer, row)),
            Ok(Waited { row, attempt, .. }) => {
                (reached, away) = (true, false);
                if asks.attempt.replace(attempt).is_none() && attempt > 1 {
                    out::remark(&asks_anew(run.place.run, attempt));
                }
                remark(row.as_ref(), &mut opened);
            }
            Err(error) if reached && passes(&error) => {
                if !std::mem::replace(&mut away, true) {
                    out::remark(&Failure::from(error).words);
                }
                tokio::time::sleep(PAUSE.min(left(end))).await;
            }
            Err(error) => return Err(error.into()),
        }
        if left(end).is_zero() {
            let words = format!("nobody has decided on run {} in time", run.place.run);
            return Err(Failure::nothing(words));
        }
    }
}

/// The backend is away, or another of its answers came between.
fn passes(error: &ApiError) -> bool {
    error.away() || matches!(error.code(), "waits_no_more" | "busy" | "too_many")
}

fn asks_anew(run: u64, attempt: u32) -> String {
    format!(
        "run {run} was answered before, and that answer is not for a job that is started again: this asks anew, as attempt \
         {attempt}, and goes on once somebody has decided"
    )
}

/// Once for each row: where people decide.
fn remark(row: Option<&WaitedRow>, opened: &mut Option<RowId>) {
    if let Some(row) = row
        && opened.replace(row.id) != Some(row.id)
    {
        out::remark(&format!("{} waits for a decision: {}", row.id, out::safe(&row.title)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elsewhere(commit: Option<&str>) -> Elsewhere {
        let commit = commit.map(str::to_owned);
        Elsewhere { commit, attempt: None, branch: Some(String::new()), url: None, ci: Some(Went::Passed) }
    }

    #[test]
    fn with_a_commit_the_run_waits_here() {
        let run = |of: &Elsewhere| of.run(4711, Some("checkout-api"), Some("production"));
        assert!(run(&elsewhere(None)).unwrap().is_none());
        let here = run(&elsewhere(Some("9B21C047"))).unwrap().unwrap();
        assert_eq!(here.asks.commit, "9b21c047");
        assert_ne!(here.listener, run(&elsewhere(Some("9B21C047"))).unwrap().unwrap().listener);
        assert_eq!((here.asks.branch, here.asks.ci), (None, Some(Ci::Passed)), "an empty branch is none");
        assert!(run(&elsewhere(Some("main"))).is_err_and(|failure| failure.code == Code::Usage));
    }
}
