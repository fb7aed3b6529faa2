//! The scribe at work: which pages an incident concerns, what is gathered for each, what is drafted.
//!
//! Never: a page read once and taken for how it is now; a write.

use std::future::Future;

use jiff::SignedDuration;

use super::{
    Config, draft,
    facts::{Also, Before, Facts, Tick},
    live::{
        self, LiveFacts,
        history::history,
        running::{Lately, numbers},
        steps::{SignedSteps, gone},
    },
    rules, words,
};
use crate::{
    agent::{
        Told, Wish,
        drafter::Drafter,
        facts::Asked,
        incidents::{
            IncidentsError,
            gather::{self, Gatherer},
            plan::{self, Known},
            run::{AtRest, Case, Drafted, Flow, Looker},
        },
        inquiry::Inquiry,
        people::Owner,
        story::Ticked,
    },
    client::api::Api,
    clock::Clock,
    config,
    platform::{Fact, PlatformError, Sources, pagerduty, reading},
    row::{
        Base, Draft, Kind, PrincipalId, Proposal, State, difference,
        page::{self, Page, Proposed, Runbook, Says, outline},
    },
    wire::RowView,
};

/// The scribe, ready to look.
pub struct Scribe {
    config: Config,
    sources: Sources,
    api: Api,
    clock: Clock,
    drafter: Drafter,
    lately: Lately,
    owner: Owner,
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
        Ok(Self { config, sources, api, clock, drafter, lately: Lately::default(), owner: Owner::default() })
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
            sources: &self.sources,
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
        let names = self.sources.pages().names(runbook.site, &[&page.author]).await;
        let ours = people.get(&page.author).map(ToString::to_string);
        let moved_by = ours.clone().unwrap_or_else(|| names.of(&page.author));
        let written_by = ours.or_else(|| names.known(&page.author).map(str::to_owned));
        let sent_back = case.before.is_some_and(|row| row.head.state == State::NeedsChanges);
        let facts = Facts {
            before: case.before.and_then(|row| before(row, case.subject, runbook, &page, moved_by)),
            story,
            name: case.subject.to_owned(),
            runbook: runbook.clone(),
            page,
            written_by,
            read_at,
            on_call,
            owner: self.owner.ask(&self.api).await,
            past: Asked::Known { value: Vec::new(), at: read_at },
            asks: asks
                .into_iter()
                .map(|ask| crate::agent::facts::Asks { same: ask.same && sent_back, ..ask })
                .collect(),
            ticks: ticks(case.known.rows, case.subject, &case.incident.reference),
            also: also(case),
        };
        Ok(facts)
    }
}

impl Scribe {
    /// The page is not as the open row has it.
    async fn page_moved(&self, case: &Case<'_>, name: &str) -> Result<bool, String> {
        let runbook = self.runbook(name)?;
        let now = of_page(name, runbook, self.page(runbook).await?);
        Ok(case.before.is_some_and(|row| match &row.base_read {
            Base::Runbook(base) => !now.moved(base).is_empty(),
            Base::Sync(_) | Base::Gate(_) | Base::Postmortem(_) | Base::Policy(_) => true,
        }))
    }

    /// The live runbook, while its incident is on. Afterwards it stays for as long as what was ticked can be signed.
    async fn live(&self, case: &Case<'_>, name: &str) -> Result<Drafted, String> {
        let over = case.incident.resolved_at.filter(|_| !case.incident.is_open());
        if !case.incident.is_open() {
            let signable = live::still_signed(over, self.config.sign_within_min, self.clock.now());
            let waits =
                case.before.is_some_and(|row| matches!(row.head.state, State::Pending | State::HalfSigned));
            match signable {
                Some(why) if waits && !self.page_moved(case, name).await? => return Ok(Drafted::Stays(why)),
                // The page moved, or somebody asked: it is drawn again, to be signed.
                Some(_) if case.before.is_some() => {}
                Some(_) | None => {
                    let since = over.map(|at| format!(" since {at}")).unwrap_or_default();
                    return Ok(Drafted::Nothing(format!("{} is over{since}", case.incident.reference)));
                }
            }
        }
        let runbook = self.runbook(name)?;
        let people = &self.config.people;
        let inquiry = Inquiry { sources: &self.sources, clock: &self.clock, people };
        let gatherer = Gatherer { inquiry, config: &self.config.incidents };
        let (story, on_call, page, running) = tokio::join!(
            gatherer.story(case.incident, case.known.rows),
            self.on_call(&inquiry, &case.incident.service),
            self.page(runbook),
            self.lately.running(&inquiry),
        );
        let page = page?;
        let outline = outline::read(&page.body).map_err(|why| why.to_string())?;
        let gone = gone(&outline, &running);
        let before = case.before.and_then(|row| match &row.proposal {
            Some(Proposal::Live(live)) => Some(live),
            _ => None,
        });
        let facts = LiveFacts {
            numbers: numbers(&inquiry, &self.config, &case.incident.service, &outline).await,
            story,
            name: name.to_owned(),
            runbook: runbook.clone(),
            page,
            read_at: self.clock.now(),
            on_call,
            owner: self.owner.ask(&self.api).await,
            running,
            history: history(&self.api, case.known.rows, name, &gone, before).await,
            signed: match before {
                Some(before) => live::carried(before),
                None => self.signed(case, name).await?,
            },
            before: before.cloned(),
        };
        match live::draft(&facts, &self.config.limits) {
            Ok(draft) => Ok(Drafted::Draft(Box::new(draft))),
            Err(why) => Ok(Drafted::Nothing(why)),
        }
    }
}

impl Scribe {
    /// What was signed of the page's steps since the incident was opened, for the first draft of a row.
    async fn signed(&self, case: &Case<'_>, name: &str) -> Result<SignedSteps, String> {
        let said: Vec<Ticked> = ticked(case.known.rows, name, &case.incident.reference).collect();
        let Some(pagerduty) = self.sources.pagerduty.as_ref().filter(|_| !said.is_empty()) else {
            return Ok(SignedSteps::new());
        };
        let log = pagerduty.log_entries(&case.incident.id, None, None).await;
        let log = log.map_err(|error| error.to_string())?;
        Ok(live::said_of(said, live::opened_again(&log)))
    }
}

impl Flow for Scribe {
    const NAME: &'static str = "scribe";
    const KIND: Kind = Kind::Runbook;

    fn subjects(
        &self,
        incident: &pagerduty::Incident,
        known: Known<'_>,
    ) -> Result<Vec<String>, &'static str> {
        let names: Vec<String> =
            self.config.runbooks_of(&incident.service).map(|(name, _)| name.clone()).collect();
        let live = names.iter().map(|name| live::subject(name, &incident.reference));
        match (names.is_empty(), incident.is_open(), self.config.live) {
            (true, _, _) => Err("no runbook is for its service"),
            (false, true, false) => Err("it is not resolved"),
            (false, true, true) => Ok(live.collect()),
            // The live row of an incident that is over is looked after for as long as it is open.
            (false, false, _) => {
                let is_open = |subject: &String| known.open_rows().any(|row| row.head.subject == *subject);
                Ok(live.filter(is_open).chain(names.iter().cloned()).collect())
            }
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

    /// Somebody signed what was skipped or wrong: the edit says so, while nobody has signed it.
    fn has_news(&self, case: &Case<'_>) -> bool {
        let Some(before) = case.before.filter(|row| row.head.state == State::Pending) else { return false };
        let mut ticks = ticked(case.known.rows, case.subject, &case.incident.reference);
        ticks.any(|tick| tick.received_at > before.read_at && !tick.word.starts_with("followed"))
    }

    /// What is signed while the incident is on leaves the other steps to be ticked. An incident that is opened again needs
    /// all of them again, once what was said of them the last time is signed.
    async fn comes_again(
        &self,
        incident: &pagerduty::Incident,
        subject: &str,
        known: Known<'_>,
    ) -> Result<bool, String> {
        let signed = known.over(subject, &incident.reference).filter(|row| row.head.state == State::Healthy);
        let (Some(pagerduty), Some(signed)) = (&self.sources.pagerduty, signed) else { return Ok(false) };
        let still_open = known.open_rows().any(|row| row.head.subject == subject);
        if !self.is_refreshed(subject) || !incident.is_open() || still_open {
            return Ok(false);
        }
        if live::goes_on(signed) {
            return Ok(true);
        }
        if incident.updated_at.is_some_and(|at| at <= signed.head.changed_at) {
            return Ok(false);
        }
        let log = pagerduty.log_entries(&incident.id, None, None).await.map_err(|error| error.to_string())?;
        Ok(live::opened_again(&log).is_some_and(|at| at > signed.head.changed_at))
    }

    /// Where the edit lies apart from what moved, a merge by a reviewer comes to the same: whoever reads the row is not
    /// overtaken while they look, and nobody waits for them for long.
    async fn left_to_reviewers(&self, subject: &str, before: &RowView) -> Result<Option<String>, String> {
        let (Some(Proposal::Edit(edit)), Base::Runbook(base)) = (&before.proposal, &before.base_read) else {
            return Ok(None);
        };
        let runbook = self.runbook(subject)?;
        let reading = of_page(subject, runbook, self.page(runbook).await?);
        let since = match before.head.state {
            State::Stale => Some(before.head.changed_at),
            _ => reading.page.created_at.parse().ok(),
        };
        let wait = SignedDuration::from_mins(i64::from(self.config.limits.merge_min));
        let until = since.and_then(|since| since.checked_add(wait).ok());
        let Some(until) = until.filter(|until| self.clock.now() < *until) else { return Ok(None) };
        let apart = !reading.changed(base).is_empty()
            && reading.since(edit, &before.diff).against(&[], &[]).is_empty();
        Ok(apart.then(|| {
            let until = words::clock(until);
            format!("its page moved, apart from the edit: its reviewers can merge it until {until}")
        }))
    }

    async fn at_rest(&self, subject: &str, before: &RowView) -> Result<AtRest, String> {
        let page = self.page(self.runbook(subject)?).await?;
        let sensitive = matches!(&page.says, Says::Known(word) if word.sensitive);
        let edits = matches!(before.proposal, Some(Proposal::Edit(_)));
        Ok(match page.closed {
            Some(closed) => AtRest::Closed(format!("the page is {closed}")),
            // The row froze how many keys it takes: nobody could decide on it any more.
            None if sensitive && edits && before.head.keys_needed < page.says.keys().get() => {
                AtRest::Stricter
            }
            None => AtRest::Same,
        })
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
            // What could not be read takes nothing back.
            Err(nothing) if nothing.uncertain && case.before.is_some() => return Err(nothing.why),
            Err(nothing) => return Ok(Drafted::Nothing(nothing.why)),
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
fn before(row: &RowView, name: &str, runbook: &Runbook, page: &Page, moved_by: String) -> Option<Before> {
    let Some(Proposal::Edit(edit)) = &row.proposal else { return None };
    let moved = match &row.base_read {
        Base::Runbook(base) => of_page(name, runbook, page.clone()).changed(base),
        Base::Sync(_) | Base::Gate(_) | Base::Postmortem(_) | Base::Policy(_) => Vec::new(),
    };
    let (edit, amended_by) = (edit.clone(), row.amended_by.clone());
    let text = difference::read(&row.diff).into_iter().next().map(|file| file.old).unwrap_or_default();
    Some(Before { row: row.head.id, revision: row.head.revision, edit, amended_by, moved, moved_by, text })
}

/// The incidents that wait for this row, as it named them before, and the one that came.
fn also(case: &Case<'_>) -> Vec<Also> {
    let signals = case.before.into_iter().flat_map(|row| &row.signals).map(|view| &view.signal);
    let named = signals.filter(|signal| signal.rule == rules::ANOTHER_INCIDENT.name());
    let mut all: Vec<Also> =
        named.map(|signal| Also { title: signal.value.clone(), pointer: signal.pointer.clone() }).collect();
    let came = case.also.map(|one| Also { title: one.title.clone(), pointer: gather::pointer(one) });
    all.extend(came);
    all
}

/// What was ticked and signed on the live runbook of this page and incident.
fn ticks(rows: &[RowView], name: &str, incident: &str) -> Vec<Tick> {
    let ticks = ticked(rows, name, incident);
    ticks.map(|Ticked { step, word, by, at, pointer, .. }| Tick { step, word, by, at, pointer }).collect()
}

fn ticked<'r>(rows: &'r [RowView], name: &str, incident: &str) -> impl Iterator<Item = Ticked> + 'r {
    let subject = format!("{name}@{incident}");
    let live = rows.iter().filter(move |row| row.head.kind == Kind::Runbook && row.head.subject == subject);
    live.flat_map(gather::ticks_of)
}
