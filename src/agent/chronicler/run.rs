//! The chronicler at work: what is gathered of one incident, who is asked, what is drafted.
//!
//! Never: a write; a person's words dropped because it drafts again.

use std::future::Future;

use super::{
    Config, draft,
    facts::{Before, Facts, Note},
};
use crate::{
    agent::{
        Told, Wish,
        drafter::Drafter,
        facts::{Asked, Asks},
        incidents::{
            IncidentsError,
            gather::{self, Gatherer},
            plan::Known,
            run::{Case, Drafted, Flow, Looker},
        },
        inquiry::Inquiry,
        people::{self, Owner},
        story::Story,
    },
    client::api::Api,
    clock::Clock,
    config,
    platform::{Fact, Sources, pagerduty, reading},
    row::{Base, Decision, Kind, PrincipalId, Proposal, State, base::IncidentBase},
    wire::RowView,
};

/// The chronicler, ready to look.
pub struct Chronicler {
    config: Config,
    sources: Sources,
    api: Api,
    clock: Clock,
    drafter: Drafter,
    owner: Owner,
}

impl Chronicler {
    /// Reads tokens and makes the clients; asks nobody yet.
    pub fn open(config: Config, clock: Clock) -> Result<Self, IncidentsError> {
        let sources = Sources::open(&config.platforms)?;
        if sources.pagerduty.is_none() {
            return Err(IncidentsError::NoPagerduty("chronicler"));
        }
        if let Err((what, hint)) = config.postmortems.check() {
            return Err(IncidentsError::Section { what: what.to_owned(), hint });
        }
        let api = Api::new(&config.server)?.with_token(config::secret(&config.token_file)?);
        let drafter = Drafter::open(config.model.as_ref())?;
        Ok(Self { config, sources, api, clock, drafter, owner: Owner::default() })
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
        Ok(Looker {
            flow: self,
            pagerduty: self.pagerduty()?,
            sources: &self.sources,
            api: &self.api,
            clock: &self.clock,
            config: &self.config.incidents,
            poll_s: self.config.poll_s,
            drafter: &self.drafter,
        })
    }

    fn pagerduty(&self) -> Result<&pagerduty::Source, IncidentsError> {
        self.sources.pagerduty.as_ref().ok_or(IncidentsError::NoPagerduty("chronicler"))
    }

    /// What reviewers asked for, each with the revision that they read: their numbers are its own.
    async fn notes(&self, row: &RowView) -> Result<Vec<Note>, String> {
        let sent_back = row.head.state == State::NeedsChanges;
        let asked = row.decisions.iter().filter(|decision| decision.decision == Decision::NeedsChanges);
        let mut notes = Vec::new();
        for decision in asked {
            let same = decision.revision == row.head.revision;
            let proposal = if same {
                row.proposal.clone()
            } else {
                let read = self.api.revision(row.head.id, decision.revision).await;
                read.map_err(|error| error.to_string())?.proposal
            };
            let Some(Proposal::Paper(paper)) = proposal else { continue };
            let (by, note) = (decision.reviewer.to_string(), decision.note.clone().unwrap_or_default());
            let asks = Asks { by, note, same: same && sent_back };
            notes.push(Note { asks, row: row.head.id, paper });
        }
        Ok(notes)
    }

    /// Whoever leads the service's incidents; else who came first; else who is on call now: of those who may decide on it.
    async fn reviewers(&self, inquiry: &Inquiry<'_>, story: &Story) -> Vec<PrincipalId> {
        let owner = self.owner.ask(&self.api).await;
        let may = |all: &[PrincipalId]| people::who_may(all, owner.as_ref());
        let leads = self.config.leads.get(&story.service).map(|leads| may(leads));
        if let Some(leads) = leads.filter(|leads| !leads.is_empty()) {
            return leads;
        }
        if let Some(first) = may(&story.responders).into_iter().next() {
            return vec![first];
        }
        may(&self.on_call(inquiry, story).await)
    }

    async fn on_call(&self, inquiry: &Inquiry<'_>, story: &Story) -> Vec<PrincipalId> {
        let Ok(pagerduty) = self.pagerduty() else { return Vec::new() };
        match pagerduty.service(&story.service).await {
            Ok(Fact::Known(service)) => {
                inquiry.on_call(pagerduty, &service).await.known().cloned().unwrap_or_default()
            }
            Ok(Fact::Unknown(_)) | Err(_) => Vec::new(),
        }
    }
}

impl Flow for Chronicler {
    const NAME: &'static str = "chronicler";
    const KIND: Kind = Kind::Postmortem;

    fn subjects(
        &self,
        incident: &pagerduty::Incident,
        _known: Known<'_>,
    ) -> Result<Vec<String>, &'static str> {
        if incident.is_open() { Err("it is not resolved") } else { Ok(vec![incident.reference.clone()]) }
    }

    /// Somebody signed what became of a runbook's steps: the paper tells it, while nobody has signed it.
    fn has_news(&self, case: &Case<'_>) -> bool {
        case.before.is_some_and(|before| was_ticked_since(before, case.known.rows, &case.incident.reference))
    }

    async fn base(&self, incident: &pagerduty::Incident, _subject: &str) -> Result<Base, String> {
        let pagerduty = self.pagerduty().map_err(|error| error.to_string())?;
        let read = reading::incident(pagerduty, &incident.reference).await;
        let updated_at = read.map_err(|error| error.to_string())?.updated_at;
        Ok(Base::Postmortem(IncidentBase { incident: incident.reference.clone(), updated_at }))
    }

    async fn draft(&self, case: &Case<'_>) -> Result<Drafted, String> {
        let pagerduty = self.pagerduty().map_err(|error| error.to_string())?;
        // What the list said may be a while ago.
        let incident =
            pagerduty.incident(&case.incident.reference).await.map_err(|error| error.to_string())?;
        if incident.is_open() {
            return Ok(Drafted::Nothing(format!("{} was opened again", incident.reference)));
        }
        let inquiry = Inquiry { sources: &self.sources, clock: &self.clock, people: &self.config.people };
        let gatherer = Gatherer { inquiry, config: &self.config.incidents };
        let story = Box::pin(gatherer.story(&incident, case.known.rows)).await;
        if let Some((why, _)) = story.events.unknown() {
            // Without its log there is nothing to write; the next look may have it.
            return Err(format!("the log of {} could not be read: {why}", incident.reference));
        }
        let read_at = self.clock.now();
        let notes = match case.before {
            Some(row) => self.notes(row).await?,
            None => Vec::new(),
        };
        let mut past = case.known.past(case.subject, "");
        for one in &mut past {
            one.same = true;
        }
        let facts = Facts {
            reviewers: self.reviewers(&inquiry, &story).await,
            story,
            place: self.config.postmortems.clone(),
            limits: self.config.limits.clone(),
            before: case.before.and_then(before),
            past: Asked::Known { value: past, at: read_at },
            notes,
            read_at,
        };
        Ok(Drafted::Draft(Box::new(draft(&facts))))
    }
}

/// Steps were ticked and signed since this paper was drafted, which waits for its first key.
pub(super) fn was_ticked_since(paper: &RowView, rows: &[RowView], incident: &str) -> bool {
    let ticks = gather::ticked(rows, incident);
    paper.head.state == State::Pending && ticks.iter().any(|tick| tick.received_at > paper.read_at)
}

/// The paper of the revision before, where people changed it.
fn before(row: &RowView) -> Option<Before> {
    match &row.proposal {
        Some(Proposal::Paper(paper)) if !row.amended_by.is_empty() => {
            Some(Before { paper: paper.clone(), amended_by: row.amended_by.clone() })
        }
        _ => None,
    }
}
