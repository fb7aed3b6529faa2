//! What happened around a row's telemetry: deploys, syncs, the run itself, the incident, and what Dock did.
//!
//! Never: a mark without a time; a platform that could not be asked passed over.

use std::time::Duration;

use jiff::Timestamp;

use super::super::app::App;
use crate::{
    platform::{
        Fact,
        argocd::{AppKey, Refresh},
        github::{self, Repository},
    },
    row::{
        Base, Draft, Pointer, Proposal, Row,
        gate::{GateBase, Pipeline},
        paper::Standing,
        sync::SyncBase,
        waiting::Place,
    },
    wire::Mark,
};

const WITHIN: Duration = Duration::from_secs(8);
/// Syncs and deploys that are shown.
const SHOWN: usize = 10;
/// Lines of a paper that are shown, and how much of each.
const LINES_SHOWN: usize = 20;
const TEXT_CHARS: usize = 120;

/// Marks that platforms told, and whom they could not be asked from.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Told {
    pub(super) marks: Vec<Mark>,
    pub(super) unknown: Vec<String>,
}

fn mark(at: Timestamp, what: &str, detail: impl Into<String>) -> Mark {
    Mark { at, what: what.to_owned(), detail: detail.into() }
}

/// What our own record says of the row.
pub(super) fn of_row(row: &Row, draft: &Draft) -> Vec<Mark> {
    let mut marks = Vec::new();
    if matches!(draft.base, Base::Sync(_)) {
        marks.push(mark(row.created_at, "drift seen", row.agent.to_string()));
    }
    match &draft.proposal {
        Some(Proposal::Paper(paper)) => {
            let mut shown: Vec<_> =
                paper.timeline.iter().filter(|line| line.standing != Standing::Struck).collect();
            // Where there is no room for all, what was only said goes first.
            shown.sort_by_key(|line| line.source == "slack");
            let shown = shown.into_iter().take(LINES_SHOWN);
            marks.extend(shown.map(|line| mark(line.at, &line.source, cut(&line.text))));
        }
        Some(Proposal::Edit(edit)) => {
            for (number, operation) in (1..).zip(&edit.operations) {
                let quoted = operation.pointers.iter().filter_map(said_at);
                marks.extend(quoted.map(|at| mark(at, "quoted", format!("for operation {number}"))));
            }
            marks.dedup();
        }
        _ => {}
    }
    marks.extend(
        row.stage.execution().map(|execution| mark(execution.intended_at, "executed", row.id.to_string())),
    );
    marks
}

/// When a message that a page's change rests on was said: Slack's name of it begins with the second.
fn said_at(pointer: &Pointer) -> Option<Timestamp> {
    let (_, ts) = (pointer.platform == "slack").then(|| pointer.reference.split_once(' ')).flatten()?;
    let (second, _) = ts.split_once('.')?;
    Timestamp::from_second(second.parse().ok()?).ok()
}

fn cut(text: &str) -> String {
    text.chars().take(TEXT_CHARS).collect()
}

/// What the platforms say, each asked by itself.
pub(super) async fn of_platforms(app: &App, draft: &Draft) -> Told {
    let asked = async {
        let (base, incident) =
            tokio::join!(of_base(app, &draft.base), incident(app, draft.incident.as_deref()));
        let mut told = Told::default();
        for part in [base, incident] {
            match part {
                Ok(marks) => told.marks.extend(marks),
                Err(why) => told.unknown.push(why),
            }
        }
        told
    };
    let slow =
        || Told { marks: Vec::new(), unknown: vec![format!("no answer within {} s", WITHIN.as_secs())] };
    tokio::time::timeout(WITHIN, asked).await.unwrap_or_else(|_| slow())
}

async fn of_base(app: &App, base: &Base) -> Result<Vec<Mark>, String> {
    match base {
        Base::Sync(base) => syncs(app, base).await,
        Base::Gate(base) => deploys(app, base).await,
        Base::Runbook(_) | Base::Postmortem(_) | Base::Policy(_) => Ok(Vec::new()),
    }
}

/// The application's last syncs, by ArgoCD's own history.
async fn syncs(app: &App, base: &SyncBase) -> Result<Vec<Mark>, String> {
    let Some(argocd) = &app.sources.argocd else { return Ok(Vec::new()) };
    let key = AppKey { name: base.application.clone(), project: base.project.clone(), namespace: None };
    let read = argocd.application(&key, Refresh::No).await.map_err(|error| error.sentence())?;
    let shown = read.history.iter().rev().take(SHOWN);
    let marks = shown.filter_map(|entry| {
        let revision = entry.revisions.first().map(|revision| short(revision)).unwrap_or_default();
        Some(mark(entry.deployed_at?, "sync", revision))
    });
    let mut marks: Vec<Mark> = marks.collect();
    if let Some(newest) = marks.first_mut() {
        "last sync".clone_into(&mut newest.what);
    }
    Ok(marks)
}

/// The run itself, and the deploy that runs there now.
async fn deploys(app: &App, base: &GateBase) -> Result<Vec<Mark>, String> {
    if base.pipeline == Pipeline::Elsewhere {
        return began(app, base).await;
    }
    let Some(github) = &app.sources.github else { return Ok(Vec::new()) };
    let repo: Repository =
        base.repository.parse().map_err(|error: github::NotARepository| error.to_string())?;
    let run = base.run.parse::<u64>().map_err(|_| format!("`{}` is no number of a run", base.run))?;
    let (run, good) =
        tokio::join!(github.run(&repo, run), github.last_good_deploy(&repo, &base.environment, None));
    let run = run.map_err(|error| error.sentence())?;
    let begun = run.started_at.or(run.created_at);
    let mut marks: Vec<Mark> = begun
        .map(|at| mark(at, "this run", format!("{} {}", run.id, short(&run.head_sha))))
        .into_iter()
        .collect();
    if let Fact::Known(good) = good.map_err(|error| error.sentence())? {
        let at = good.statuses.first().and_then(|status| status.at).or(good.deployment.created_at);
        marks.extend(at.map(|at| mark(at, "deploy", short(&good.deployment.sha))));
    }
    Ok(marks)
}

/// Since when a run elsewhere waits, as its pipeline told.
async fn began(app: &App, base: &GateBase) -> Result<Vec<Mark>, String> {
    let run = base.run.parse().map_err(|_| format!("`{}` is no number of a run", base.run))?;
    let place = Place { service: base.service.clone(), environment: base.environment.clone(), run };
    let waiting = app.store.waiting(place).await.map_err(|error| error.to_string())?;
    let of_run = |since| mark(since, "this run", format!("{run} {}", short(&base.head_sha)));
    Ok(waiting.into_iter().map(|waiting| of_run(waiting.since)).collect())
}

async fn incident(app: &App, name: Option<&str>) -> Result<Vec<Mark>, String> {
    let (Some(pagerduty), Some(name)) = (&app.sources.pagerduty, name) else { return Ok(Vec::new()) };
    let incident = pagerduty.incident(name).await.map_err(|error| error.sentence())?;
    let opened = incident.created_at.map(|at| mark(at, "incident", incident.reference.clone()));
    let resolved = incident.resolved_at.map(|at| mark(at, "resolved", incident.reference.clone()));
    Ok(opened.into_iter().chain(resolved).collect())
}

/// A commit as people write it; a chart's version as it is.
fn short(revision: &str) -> String {
    let is_sha = revision.len() == 40 && revision.chars().all(|c| c.is_ascii_hexdigit());
    if is_sha { revision.chars().take(7).collect() } else { revision.to_owned() }
}
