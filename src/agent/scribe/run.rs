//! The scribe at work: which pages an incident concerns, what is gathered for each, what is drafted.
//!
//! Never: a page read once and taken for how it is now; a write.

use std::{collections::BTreeMap, future::Future};

use super::{
    Config, draft,
    facts::{Before, Facts, Tick, ticked},
    live::{self, LiveFacts, Workload},
};
use crate::{
    agent::{
        Told, Wish,
        drafter::Drafter,
        facts::Asked,
        finding,
        incidents::{
            IncidentsError,
            gather::Gatherer,
            plan,
            run::{Case, Drafted, Flow, Looker},
        },
        inquiry::Inquiry,
    },
    client::api::Api,
    clock::Clock,
    config,
    platform::{Fact, PlatformError, Sources, argocd::Refresh, pagerduty, reading},
    row::{
        Base, Decision, Draft, Kind, PrincipalId, Proposal, RowId, State,
        page::{self, Page, Proposed, Runbook},
        sync,
    },
    wire::RowView,
};

/// Applications that are read for a live runbook.
const APPS_MAX: usize = 100;

/// The scribe, ready to look.
pub struct Scribe {
    config: Config,
    sources: Sources,
    api: Api,
    clock: Clock,
    drafter: Drafter,
}

impl Scribe {
    /// Reads tokens and makes the clients; asks nobody yet.
    pub fn open(config: Config, clock: Clock) -> Result<Self, IncidentsError> {
        let sources = Sources::open(&config.platforms)?;
        if sources.pagerduty.is_none() {
            return Err(IncidentsError::NoPagerduty("scribe"));
        }
        if config.runbooks.is_empty() {
            let hint = "[runbooks.NAME] with site, page and services; the backend needs the same tables";
            return Err(IncidentsError::Section { what: "no page is a runbook".to_owned(), hint });
        }
        let api = Api::new(&config.server)?.with_token(config::secret(&config.token_file)?);
        let drafter = Drafter::open(config.model.as_ref())?;
        Ok(Self { config, sources, api, clock, drafter })
    }

    /// Looks and drafts until `stop` is done.
    pub async fn run(
        &self,
        wish: &Wish,
        told: impl FnMut(Told),
        stop: impl Future<Output = ()>,
    ) -> Result<(), IncidentsError> {
        self.looker()?.run(wish, told, stop).await
    }

    /// Looks once at everything, and ends.
    pub async fn once(&self, wish: &Wish, told: impl FnMut(Told)) -> Result<(), IncidentsError> {
        self.looker()?.once(wish, told).await
    }

    fn looker(&self) -> Result<Looker<'_, Self>, IncidentsError> {
        let pagerduty = self.sources.pagerduty.as_ref().ok_or(IncidentsError::NoPagerduty("scribe"))?;
        Ok(Looker {
            flow: self,
            pagerduty,
            api: &self.api,
            clock: &self.clock,
            config: &self.config.incidents,
            poll_s: self.config.poll_s,
            drafter: &self.drafter,
        })
    }

    fn runbook(&self, name: &str) -> Result<&Runbook, String> {
        self.config.runbooks.get(name).ok_or_else(|| format!("there is no [runbooks.{name}]"))
    }

    async fn page(&self, runbook: &Runbook) -> Result<Page, String> {
        reading::page(self.sources.pages(), runbook).await.map_err(|error| error.to_string())
    }

    async fn on_call(&self, inquiry: &Inquiry<'_>, service: &str) -> Asked<Vec<PrincipalId>> {
        let Some(pagerduty) = &self.sources.pagerduty else { return Asked::Never };
        match pagerduty.service(service).await {
            Ok(Fact::Known(service)) => inquiry.on_call(pagerduty, &service).await,
            Ok(Fact::Unknown(why)) => Asked::Unknown { why, at: self.clock.now() },
            Err(error) => inquiry.unknown(&error),
        }
    }

    async fn facts(&self, case: &Case<'_>) -> Result<Facts, String> {
        let runbook = self.runbook(case.subject)?;
        let people = &self.config.people;
        let inquiry = Inquiry { sources: &self.sources, clock: &self.clock, people };
        let gatherer = Gatherer { inquiry, config: &self.config.incidents };
        let (story, on_call, page) = tokio::join!(
            gatherer.story(case.incident, case.known.rows),
            self.on_call(&inquiry, &case.incident.service),
            self.page(runbook),
        );
        let page = page?;
        let read_at = self.clock.now();
        let asks = case.before.map(plan::asks).unwrap_or_default();
        let sent_back = case.before.is_some_and(|row| row.head.state == State::NeedsChanges);
        let facts = Facts {
            before: case.before.and_then(|row| before(row, case.subject, runbook, &page)),
            story,
            name: case.subject.to_owned(),
            runbook: runbook.clone(),
            page,
            read_at,
            on_call,
            past: Asked::Known { value: Vec::new(), at: read_at },
            asks: asks
                .into_iter()
                .map(|ask| crate::agent::facts::Asks { same: ask.same && sent_back, ..ask })
                .collect(),
            ticks: ticks(case.known.rows, case.subject, &case.incident.reference),
        };
        Ok(facts)
    }
}

impl Scribe {
    /// The live runbook, while its incident is on.
    async fn live(&self, case: &Case<'_>, name: &str) -> Result<Drafted, String> {
        if !case.incident.is_open() {
            let at = case.incident.resolved_at.map(|at| format!(" since {at}")).unwrap_or_default();
            return Ok(Drafted::Nothing(format!("{} is over{at}", case.incident.reference)));
        }
        let runbook = self.runbook(name)?;
        let people = &self.config.people;
        let inquiry = Inquiry { sources: &self.sources, clock: &self.clock, people };
        let gatherer = Gatherer { inquiry, config: &self.config.incidents };
        let (story, on_call, page, workloads) = tokio::join!(
            gatherer.story(case.incident, case.known.rows),
            self.on_call(&inquiry, &case.incident.service),
            self.page(runbook),
            self.workloads(&inquiry),
        );
        let facts = LiveFacts {
            story,
            name: name.to_owned(),
            runbook: runbook.clone(),
            page: page?,
            read_at: self.clock.now(),
            on_call,
            workloads,
            touched: touched(case.known.rows, name),
        };
        match live::draft(&facts, &self.config.limits) {
            Ok(draft) => Ok(Drafted::Draft(Box::new(draft))),
            Err(why) => Ok(Drafted::Nothing(why)),
        }
    }

    /// What ArgoCD runs. A step may name any of it; where one application cannot be read, none is taken for gone.
    async fn workloads(&self, inquiry: &Inquiry<'_>) -> Asked<Vec<Workload>> {
        let Some(argocd) = &self.sources.argocd else { return Asked::Never };
        let apps = match argocd.applications().await {
            Ok(apps) if apps.len() <= APPS_MAX => apps,
            Ok(apps) => {
                let why = format!("there are {} applications; {APPS_MAX} are read", apps.len());
                return Asked::Unknown { why, at: self.clock.now() };
            }
            Err(error) => return inquiry.unknown(&error),
        };
        let mut found = Vec::new();
        for app in apps {
            match argocd.reading(&app.key, Refresh::No).await {
                Ok(reading) => found.extend(workloads_of(&reading)),
                Err(error) => return inquiry.unknown(&error),
            }
        }
        Asked::Known { value: found, at: self.clock.now() }
    }
}

fn workloads_of(reading: &sync::Reading) -> impl Iterator<Item = Workload> {
    let runs = |kind: &str| matches!(kind, "Deployment" | "StatefulSet" | "DaemonSet");
    let live = reading.resources.iter().filter(move |one| runs(&one.key.kind));
    live.filter_map(|one| {
        let object = one.live.as_ref()?;
        let image = object.pointer("/spec/template/spec/containers/0/image");
        Some(Workload {
            app: reading.app.clone(),
            kind: one.key.kind.clone(),
            name: one.key.name.clone(),
            replicas: object.pointer("/spec/replicas").and_then(serde_json::Value::as_u64),
            image: image.and_then(serde_json::Value::as_str).map(str::to_owned),
            health: reading.health.clone(),
            deployed_at: reading.operation_finished_at.clone(),
        })
    })
}

/// The newest row of this page that put or touched a step, by the step's text.
fn touched(rows: &[RowView], name: &str) -> BTreeMap<String, RowId> {
    let done = |row: &&RowView| matches!(row.head.state, State::Executed | State::Healthy);
    let mut of_page: Vec<&RowView> = rows
        .iter()
        .filter(|row| row.head.kind == Kind::Runbook && row.head.subject == name)
        .filter(done)
        .collect();
    of_page.sort_by_key(|row| row.head.id);
    let edits = of_page.into_iter().filter_map(|row| match &row.proposal {
        Some(Proposal::Edit(edit)) => Some((row.head.id, edit)),
        _ => None,
    });
    let steps =
        edits.flat_map(|(id, edit)| edit.operations.iter().map(move |one| (one.anchor.text.clone(), id)));
    steps.collect()
}

impl Flow for Scribe {
    const NAME: &'static str = "scribe";
    const KIND: Kind = Kind::Runbook;

    fn subjects(&self, incident: &pagerduty::Incident) -> Result<Vec<String>, &'static str> {
        let names: Vec<String> =
            self.config.runbooks_of(&incident.service).map(|(name, _)| name.clone()).collect();
        let live = names.iter().map(|name| live::subject(name, &incident.reference));
        match (names.is_empty(), incident.is_open(), self.config.live) {
            (true, _, _) => Err("no runbook is for its service"),
            (false, true, false) => Err("it is not resolved"),
            (false, true, true) => Ok(live.collect()),
            (false, false, false) => Ok(names),
            // The live row of an incident that is over is withdrawn, where it is still open.
            (false, false, true) => Ok(live.chain(names.iter().cloned()).collect()),
        }
    }

    async fn open(&self) -> Result<Vec<pagerduty::Incident>, PlatformError> {
        let Some(pagerduty) = self.sources.pagerduty.as_ref().filter(|_| self.config.live) else {
            return Ok(Vec::new());
        };
        let mut found = Vec::new();
        for service in self.config.services() {
            if let Fact::Known(service) = pagerduty.service(service).await? {
                found.extend(pagerduty.open_incidents(&service.id).await?);
            }
        }
        Ok(found)
    }

    fn is_refreshed(&self, subject: &str) -> bool {
        subject.contains('@')
    }

    fn worth(&self, subject: &str, before: &RowView, draft: &Draft) -> Option<bool> {
        self.is_refreshed(subject).then(|| live::is_worth(before, draft))
    }

    async fn base(&self, _incident: &pagerduty::Incident, subject: &str) -> Result<Base, String> {
        let runbook = self.runbook(subject)?;
        let page = self.page(runbook).await?;
        Ok(Base::Runbook(of_page(subject, runbook, page).base()))
    }

    async fn draft(&self, case: &Case<'_>) -> Result<Drafted, String> {
        if let Some((name, _)) = case.subject.split_once('@') {
            return Box::pin(self.live(case, name)).await;
        }
        let mut facts = Box::pin(self.facts(case)).await?;
        let first = match draft(&facts, &self.config.limits) {
            Ok(draft) => draft,
            Err(why) => return Ok(Drafted::Nothing(why)),
        };
        // Whether the same was declined before can be asked once there is a difference.
        let past = case.known.past(case.subject, &first.diff);
        if past.iter().all(|past| !past.same) {
            return Ok(Drafted::Draft(Box::new(first)));
        }
        facts.past = Asked::Known { value: past, at: facts.read_at };
        let again = draft(&facts, &self.config.limits).unwrap_or(first);
        Ok(Drafted::Draft(Box::new(again)))
    }
}

fn of_page(name: &str, runbook: &Runbook, page: Page) -> page::Reading {
    page::Reading {
        name: name.to_owned(),
        environment: runbook.environment.clone(),
        risk: runbook.risk,
        keys: runbook.keys,
        page,
        proposed: Proposed::Nothing,
    }
}

/// The revision that is replaced, and what of the page has moved since.
fn before(row: &RowView, name: &str, runbook: &Runbook, page: &Page) -> Option<Before> {
    let Some(Proposal::Edit(edit)) = &row.proposal else { return None };
    let moved = match &row.base_read {
        Base::Runbook(base) => of_page(name, runbook, page.clone()).moved(base),
        Base::Sync(_) | Base::Gate(_) | Base::Postmortem(_) | Base::Policy(_) => Vec::new(),
    };
    let (edit, amended_by) = (edit.clone(), row.amended_by.clone());
    Some(Before { revision: row.head.revision, edit, amended_by, moved })
}

/// What was ticked and signed on the live runbook of this page and incident.
fn ticks(rows: &[RowView], name: &str, incident: &str) -> Vec<Tick> {
    let subject = format!("{name}@{incident}");
    let live = rows.iter().filter(|row| row.head.kind == Kind::Runbook && row.head.subject == subject);
    live.flat_map(|row| {
        let steps: Vec<String> = match &row.proposal {
            Some(Proposal::Live(live)) => live.steps.iter().map(|step| step.text.clone()).collect(),
            _ => Vec::new(),
        };
        let pointer = finding::pointer("dock_row", "dock", &row.head.id.to_string(), "");
        let signed =
            row.decisions.iter().filter(|one| one.decision == Decision::Approve && one.void.is_none());
        let ticks = signed.flat_map(move |one| {
            let of_one = ticked(&steps, &one.conditions).map(|(step, word)| Tick {
                step: step.to_owned(),
                word: word.to_owned(),
                by: one.reviewer.to_string(),
                at: one.at,
                pointer: pointer.clone(),
            });
            of_one.collect::<Vec<_>>()
        });
        ticks.collect::<Vec<_>>()
    })
    .collect()
}
