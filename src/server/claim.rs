//! The backend's own read of what an agent, or a reviewer, speaks about.
//!
//! Never: an answer without having asked; what cannot be read is unreachable, never unmoved.

use std::{collections::BTreeMap, time::Duration};

use super::{app::App, waiting};
use crate::{
    platform::{
        Fact, Failure, PlatformError,
        argocd::{AppKey, Refresh},
        reading::{self, Depth, IncidentNow, NoReading},
    },
    row::{
        Base, Draft, Moved, Proposal, Reading, Refusal, Rule,
        base::{IncidentBase, PageBase},
        gate::{self, GateBase, Pipeline, Service},
        page::{self, Proposed},
        paper, release,
        sync::SyncBase,
        waiting::Place,
    },
};

/// The fact that a row about a document is found by.
const SERVICE: &str = "service";
/// How long a decision waits for the platform.
pub(super) const DECISION_WITHIN: Duration = Duration::from_secs(5);
/// How long a draft or a look waits: the platform may have to reconcile.
pub(super) const LOOK_WITHIN: Duration = Duration::from_secs(60);

/// How hard is looked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// For a decision: what the base is made of, as the platform has it at hand.
    Base,
    /// For a draft: all that the draft says.
    Whole,
    /// For a person who asks: all of it, after the platform looked again itself.
    Refreshed,
}

impl Look {
    fn within(self) -> Duration {
        if self == Self::Base { DECISION_WITHIN } else { LOOK_WITHIN }
    }
}

/// What the platforms that would be written say now. `None` where the backend cannot read this kind, or is not
/// configured to.
///
/// `proposal`: what a row about a document proposes; without one, only what it was read against is asked for.
pub(super) async fn read(
    app: &App,
    base: &Base,
    proposal: Option<&Proposal>,
    look: Look,
) -> Result<Option<Reading>, Refusal> {
    match base {
        Base::Sync(base) => sync(app, base, look).await,
        Base::Gate(base) => gate(app, base, look).await,
        Base::Runbook(base) => page(app, base, proposal, look).await,
        Base::Postmortem(base) => paper(app, base, proposal, look).await,
        Base::Policy(_) => Ok(None),
    }
}

/// What moved since the draft, and that its subject asks by now for more keys than the row's rule. Only the platforms that
/// will be written are asked.
pub(super) async fn moved(app: &App, draft: &Draft, rule: &Rule) -> Result<Vec<Moved>, Refusal> {
    let was = &draft.base;
    // Of a paper the incident alone is read.
    let proposal = draft.proposal.as_ref().filter(|_| matches!(was, Base::Runbook(_)));
    let platform = match was {
        Base::Sync(_) => "ArgoCD",
        Base::Gate(_) => "GitHub",
        Base::Runbook(_) => "The platform of the page",
        Base::Postmortem(_) => "PagerDuty",
        // The version that it replaces is in our own record.
        Base::Policy(_) => return Ok(Vec::new()),
    };
    match read(app, was, proposal, Look::Base).await {
        Ok(Some(reading)) => {
            let mut moved = reading.moved(was);
            moved.extend(reading.asks_more(rule.keys_needed()));
            Ok(named(app, was, moved).await)
        }
        Ok(None) => Err(not_configured(platform)),
        // It is gone.
        Err(Refusal::ClaimMismatch { what, claimed, read }) => {
            Ok(vec![Moved { what, was: claimed, is: read }])
        }
        Err(refusal) => Err(refusal),
    }
}

/// The authors of a page by their names.
pub(super) async fn named(app: &App, base: &Base, moved: Vec<Moved>) -> Vec<Moved> {
    let runbook = if let Base::Runbook(base) = base { app.runbooks.get(&base.name) } else { None };
    let Some(runbook) = runbook else { return moved };
    app.sources.pages().named(runbook.site, moved).await
}

/// The application as ArgoCD has it now.
async fn sync(app: &App, base: &SyncBase, look: Look) -> Result<Option<Reading>, Refusal> {
    let Some(argocd) = &app.sources.argocd else { return Ok(None) };
    let key = AppKey { name: base.application.clone(), project: base.project.clone(), namespace: None };
    let refresh = if look == Look::Refreshed { Refresh::Normal } else { Refresh::No };
    let absent = || mismatch("the application", &base.application, "absent");
    match tokio::time::timeout(look.within(), argocd.reading(&key, refresh)).await {
        Ok(Ok(reading)) => Ok(Some(Reading::Sync(Box::new(reading)))),
        // An answer, and no outage: asking again would not help.
        Ok(Err(error)) if error.failure == Failure::NotFound => Err(absent()),
        Ok(Err(error)) => Err(unreachable(&error)),
        Err(_) => Err(too_slow("ArgoCD", look)),
    }
}

/// The run as GitHub has it now, and its plan where the service has a Terraform workspace.
async fn gate(app: &App, base: &GateBase, look: Look) -> Result<Option<Reading>, Refusal> {
    let Some(service) = app.gates.get(&base.service) else {
        return Err(mismatch("the service", &base.service, "no service of the section [gates]"));
    };
    if service.pipeline != base.pipeline {
        let word = |pipeline: Pipeline| if pipeline.is_github() { "on GitHub" } else { "at Dock" };
        return Err(mismatch("where its runs wait", word(base.pipeline), word(service.pipeline)));
    }
    if !service.repository.eq_ignore_ascii_case(&base.repository) {
        return Err(mismatch("the repository", &base.repository, &service.repository));
    }
    let Ok(run) = base.run.parse() else { return Err(mismatch("the run", &base.run, "no number of a run")) };
    if service.pipeline == Pipeline::Elsewhere {
        return elsewhere(app, base, service, run, look).await.map(Some);
    }
    let Some(from) = app.sources.gate() else { return Ok(None) };
    let depth = if look == Look::Base { Depth::Base } else { Depth::Whole };
    let read = reading::gate(from, &base.service, service, run, &base.environment, depth);
    let reading = match tokio::time::timeout(look.within(), read).await {
        Ok(Ok(reading)) => reading,
        Ok(Err(NoReading::NotGated { environment, .. })) => {
            return Err(mismatch("the environment", &environment, "not gated"));
        }
        Ok(Err(NoReading::NotConfigured { site })) => return Err(not_configured(site.title())),
        Ok(Err(NoReading::Platform(error))) if error.failure == Failure::NotFound => {
            return Err(mismatch("the run", &base.run, "absent"));
        }
        Ok(Err(NoReading::Platform(error))) => return Err(unreachable(&error)),
        Err(_) => return Err(too_slow("GitHub", look)),
    };
    with_plan(base, reading).map(Some)
}

/// The run as its pipeline tells of it, and what the platforms say of its commit.
async fn elsewhere(
    app: &App,
    base: &GateBase,
    service: &Service,
    run: u64,
    look: Look,
) -> Result<Reading, Refusal> {
    let (name, environment) = (base.service.clone(), base.environment.clone());
    let place = Place { service: name, environment, run };
    let seen = waiting::seen(app, &place, look != Look::Base).await.map_err(|error| {
        let platform = "Dock's own store".to_owned();
        Refusal::SourceUnreachable { platform, why: error.to_string() }
    })?;
    let seen = seen.ok_or_else(|| mismatch("the run", &base.run, "no pipeline tells of it"))?;
    let depth = if look == Look::Base { Depth::Base } else { Depth::Whole };
    let read = reading::elsewhere(app.sources.around(), service, &seen, depth);
    let reading = match tokio::time::timeout(look.within(), read).await {
        Ok(Ok(reading)) => reading,
        Ok(Err(NoReading::NotGated { environment, .. })) => {
            return Err(mismatch("the environment", &environment, "not gated"));
        }
        Ok(Err(NoReading::NotConfigured { site })) => return Err(not_configured(site.title())),
        Ok(Err(NoReading::Platform(error))) => return Err(unreachable(&error)),
        Err(_) => return Err(too_slow("Terraform or GitHub", look)),
    };
    with_plan(base, reading)
}

/// Terraform has to answer where a plan was part of what is spoken about.
fn with_plan(base: &GateBase, reading: gate::Reading) -> Result<Reading, Refusal> {
    match reading.plan_untold(base) {
        Some(why) => {
            Err(Refusal::SourceUnreachable { platform: "Terraform".to_owned(), why: why.to_owned() })
        }
        None => Ok(Reading::Gate(Box::new(reading))),
    }
}

/// The page as its platform has it now, with what is proposed for it.
async fn page(
    app: &App,
    base: &PageBase,
    proposal: Option<&Proposal>,
    look: Look,
) -> Result<Option<Reading>, Refusal> {
    let Some(runbook) = app.runbooks.get(&base.name) else {
        return Err(mismatch("the runbook", &base.name, "no runbook of the section [runbooks]"));
    };
    if !app.sources.pages().reads(runbook.site) {
        return Ok(None);
    }
    if runbook.page != base.page {
        return Err(mismatch("the page", &base.page, &runbook.page));
    }
    let proposed = match proposal {
        None => Proposed::Nothing,
        Some(Proposal::Edit(edit)) => Proposed::Edit(edit.clone()),
        Some(Proposal::Live(live)) => Proposed::Live(live.clone()),
        Some(Proposal::Paper(_)) => return Err(mismatch("the proposal", "a post-mortem", "a runbook")),
    };
    let title = runbook.site.title();
    let page = match tokio::time::timeout(look.within(), reading::page(app.sources.pages(), runbook)).await {
        Ok(Ok(page)) => page,
        Ok(Err(NoReading::Platform(error))) if error.failure == Failure::NotFound => {
            return Err(mismatch("the page", &base.page, "absent"));
        }
        Ok(Err(NoReading::Platform(error))) => return Err(unreachable(&error)),
        Ok(Err(NoReading::NotGated { .. } | NoReading::NotConfigured { .. })) => {
            return Err(not_configured(title));
        }
        Err(_) => return Err(too_slow(title, look)),
    };
    Ok(Some(Reading::Page(Box::new(page::Reading {
        name: base.name.clone(),
        environment: runbook.environment.clone(),
        risk: runbook.risk,
        keys: runbook.keys,
        page,
        proposed,
    }))))
}

/// The incident as PagerDuty has it now, with the paper about it.
async fn paper(
    app: &App,
    base: &IncidentBase,
    proposal: Option<&Proposal>,
    look: Look,
) -> Result<Option<Reading>, Refusal> {
    let (Some(pagerduty), Some(place)) = (&app.sources.pagerduty, &app.postmortems) else { return Ok(None) };
    let paper = match proposal {
        None => None,
        Some(Proposal::Paper(paper)) if !place.holds(paper) => {
            let (claimed, read) = (paper.site.title(), place.site.title());
            return Err(mismatch(
                "where it is published",
                claimed,
                &format!("{read}, as [postmortems] says"),
            ));
        }
        Some(Proposal::Paper(paper)) => Some(paper.clone()),
        Some(Proposal::Edit(_) | Proposal::Live(_)) => {
            return Err(mismatch("the proposal", "a runbook", "a post-mortem"));
        }
    };
    let read = reading::incident(pagerduty, &base.incident);
    let IncidentNow { updated_at, closed, service } = match tokio::time::timeout(look.within(), read).await {
        Ok(Ok(read)) => read,
        Ok(Err(error)) if error.failure == Failure::NotFound => {
            return Err(mismatch("the incident", &base.incident, "absent"));
        }
        Ok(Err(error)) => return Err(unreachable(&error)),
        Err(_) => return Err(too_slow("PagerDuty", look)),
    };
    Ok(Some(Reading::Paper(Box::new(paper::Reading {
        incident: base.incident.clone(),
        updated_at,
        closed,
        service,
        environment: place.environment.clone(),
        paper,
    }))))
}

/// What the policies look at and rows are found by, from our own reading. Gates have none: a person decides them, and
/// their subject names the service. Of rows about documents it is the service, where the one that is claimed holds.
pub(super) async fn facts(
    app: &App,
    reading: &Reading,
    claimed: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, Refusal> {
    let service = |holds: &dyn Fn(&String) -> bool| {
        let claimed = claimed.iter().filter(|(name, service)| *name == SERVICE && holds(service));
        Ok(claimed.map(|(name, service)| (name.clone(), service.clone())).collect())
    };
    let reading = match reading {
        Reading::Sync(reading) => reading,
        Reading::Gate(_) => return Ok(BTreeMap::new()),
        Reading::Page(reading) => {
            let runbook = app.runbooks.get(&reading.name);
            return service(&|service| runbook.is_some_and(|one| one.services.contains(service)));
        }
        Reading::Paper(reading) => return service(&|service| reading.service == *service),
    };
    let mut notes = Vec::new();
    if let Some(github) = &app.sources.github {
        for chart in release::charts(reading) {
            notes.push(match github.chart_notes(&chart).await.map_err(|error| unreachable(&error))? {
                Fact::Known(notes) => Some(notes.text),
                Fact::Unknown(_) => None,
            });
        }
    }
    Ok(release::facts(reading, &notes))
}

/// The backend was not told how to read it.
pub(super) fn not_configured(platform: &str) -> Refusal {
    let why = "the backend is not configured to read it".to_owned();
    Refusal::SourceUnreachable { platform: platform.to_owned(), why }
}

fn mismatch(what: &str, claimed: &str, read: &str) -> Refusal {
    let (what, claimed, read) = (what.to_owned(), claimed.to_owned(), read.to_owned());
    Refusal::ClaimMismatch { what, claimed, read }
}

fn too_slow(platform: &str, look: Look) -> Refusal {
    let why = format!("no answer within {} s", look.within().as_secs());
    Refusal::SourceUnreachable { platform: platform.to_owned(), why }
}

fn unreachable(error: &PlatformError) -> Refusal {
    Refusal::SourceUnreachable { platform: error.platform.title().to_owned(), why: error.sentence() }
}
