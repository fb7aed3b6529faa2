//! The loop of the flows about incidents: list what was resolved, ask the flow for a draft of each, sleep until told.
//!
//! A look takes no input but what the platforms and Dock say now, so that it can be repeated, doubled or cut off at any
//! point. Incidents are looked at in the order in which they were resolved.
//! Never: a crash because a platform is away; a webhook's word for what happened.

use std::{collections::BTreeMap, future::Future, time::Duration};

use jiff::{SignedDuration, Timestamp};

use super::{
    Config,
    beside::declined,
    config::LOOK_BACK_H_MAX,
    plan::{self, Act, Known},
};
use crate::{
    agent::{
        Told, Wish, again,
        dock::Dock,
        drafter::Drafter,
        tally::Tally,
        wake::{Dirty, Wake, pause},
    },
    client::api::{Api, ApiError},
    clock::Clock,
    config::ConfigError,
    platform::{Failure, PlatformError, Sources, pagerduty},
    row::{Base, Draft, Kind, State},
    wire::{DraftAnswer, RowView, Snapshot},
};

/// How soon is looked again where another agent did what was to be done.
pub(super) const AFTER_ANOTHER: SignedDuration = SignedDuration::from_secs(2);
/// Whoever asks for one look waits for a platform that stumbles, not for one that is down.
const ONCE_TRIES: u32 = 4;
const WAIT_MIN: Duration = Duration::from_millis(50);

/// What an open row's subject is, beside its base.
pub(in crate::agent) enum AtRest {
    Same,
    /// Nobody could carry it out any more: its page was thrown away.
    Closed(String),
    /// It asks for more keys by now than the row does, which has to be drafted again for that.
    Stricter,
}

/// What an agent makes of incidents.
pub(in crate::agent) trait Flow {
    /// As its token is called: `scribe`.
    const NAME: &'static str;
    const KIND: Kind;

    /// What a row is wanted about; else why none is.
    fn subjects(&self, incident: &pagerduty::Incident, known: Known<'_>)
    -> Result<Vec<String>, &'static str>;

    /// Incidents that are on, where the flow has something to say while they are.
    async fn open(&self) -> Result<Vec<pagerduty::Incident>, PlatformError> {
        Ok(Vec::new())
    }

    /// An open row about this subject is drafted anew each time, and revised where that is worth it; the others are
    /// revised when their base has moved.
    fn worth(&self, _subject: &str, _before: &RowView, _draft: &Draft) -> Option<bool> {
        None
    }

    /// Is it such a subject?
    fn is_refreshed(&self, _subject: &str) -> bool {
        false
    }

    /// Something was said since its row was drafted that it should have been drafted from.
    fn has_news(&self, _case: &Case<'_>) -> bool {
        false
    }

    /// What people settled about this subject is asked anew, because the incident is on again since.
    async fn comes_again(
        &self,
        _incident: &pagerduty::Incident,
        _subject: &str,
        _known: Known<'_>,
    ) -> Result<bool, String> {
        Ok(false)
    }

    /// Why a row whose base has moved is not revised yet: its reviewers may want to take it over themselves.
    async fn left_to_reviewers(&self, _subject: &str, _before: &RowView) -> Result<Option<String>, String> {
        Ok(None)
    }

    /// What became of what an open row is about, though its base is as it was.
    async fn at_rest(&self, _subject: &str, _before: &RowView) -> Result<AtRest, String> {
        Ok(AtRest::Same)
    }

    /// The base as it is now, cheaply.
    async fn base(&self, incident: &pagerduty::Incident, subject: &str) -> Result<Base, String>;

    /// Gathers everything and drafts.
    async fn draft(&self, case: &Case<'_>) -> Result<Drafted, String>;
}

/// One incident and one subject.
pub(in crate::agent) struct Case<'a> {
    pub(in crate::agent) incident: &'a pagerduty::Incident,
    pub(in crate::agent) subject: &'a str,
    /// The row that is revised, where one is.
    pub(in crate::agent) before: Option<&'a RowView>,
    pub(in crate::agent) known: Known<'a>,
    /// Another incident that the row is to name, since it waits for it.
    pub(in crate::agent) also: Option<&'a pagerduty::Incident>,
}

pub(in crate::agent) enum Drafted {
    Draft(Box<Draft>),
    /// There is nothing to propose, and why. A row that is still open is withdrawn.
    Nothing(String),
    /// Its row stays as it is, and why.
    Stays(String),
}

/// Why an agent about incidents cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum IncidentsError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Platform(#[from] PlatformError),
    #[error(transparent)]
    Api(#[from] ApiError),
    #[error("{0} needs the section [platforms.pagerduty]\nhint: a key that may only read")]
    NoPagerduty(&'static str),
    #[error("{what}\nhint: {hint}")]
    Section { what: String, hint: &'static str },
    #[error("PagerDuty has no incident {0}\nhint: its number, as in INC-2099")]
    NoSuchIncident(String),
}

/// A flow, and what it needs to go round.
pub(in crate::agent) struct Looker<'a, F> {
    pub(in crate::agent) flow: &'a F,
    pub(in crate::agent) pagerduty: &'a pagerduty::Source,
    /// Whose calls are told.
    pub(in crate::agent) sources: &'a Sources,
    pub(in crate::agent) api: &'a Api,
    pub(in crate::agent) clock: &'a Clock,
    pub(in crate::agent) config: &'a Config,
    pub(in crate::agent) poll_s: u32,
    pub(in crate::agent) drafter: &'a Drafter,
}

/// What is remembered of one incident.
#[derive(Debug)]
struct Seen {
    incident: pagerduty::Incident,
    /// Not before then: it settles, it failed, or somebody else was faster.
    not_before: Option<Timestamp>,
    failures: u32,
    /// Somebody asked for it by its name, and nothing was made of that yet.
    asked: bool,
    /// Why nothing was done, by subject.
    rested: BTreeMap<String, String>,
}

#[derive(Debug, Default)]
struct Memory {
    dock: Dock,
    /// In the order in which they were resolved.
    incidents: BTreeMap<(Option<Timestamp>, String), Seen>,
    listed_at: Option<Timestamp>,
    failures: u32,
}

/// What came of one subject's look.
pub(super) enum Stepped {
    Rest(String),
    Later(SignedDuration),
    Done(Told),
}

impl<F: Flow> Looker<'_, F> {
    /// Looks and drafts until `stop` is done.
    pub(in crate::agent) async fn run(
        &self,
        wish: &Wish,
        mut told: impl FnMut(Told),
        stop: impl Future<Output = ()>,
    ) -> Result<(), IncidentsError> {
        self.check(wish).await?;
        let wake = Wake::default();
        let look = async {
            let mut memory = Memory::default();
            let (mut dirty, mut tally) = (Dirty::everything(), Tally::default());
            loop {
                let wait = Box::pin(self.look(wish, &mut memory, &dirty, &mut told)).await;
                tally.tell(self.api, self.sources, self.clock).await;
                dirty = wake.next(wait).await;
            }
        };
        tokio::select! {
            () = stop => Ok(()),
            () = wake.follow_dock(self.api, F::KIND) => Ok(()),
            () = wake.follow_hooks(self.api, "pagerduty") => Ok(()),
            () = look => Ok(()),
        }
    }

    /// Looks once at everything, waits for what still settles, and ends.
    pub(in crate::agent) async fn once(
        &self,
        wish: &Wish,
        mut told: impl FnMut(Told),
    ) -> Result<(), IncidentsError> {
        self.check(wish).await?;
        let mut memory = Memory::default();
        let mut dirty = Dirty::everything();
        let most = SignedDuration::from_secs(2 * i64::from(self.config.settle_s) + 60);
        let end = self.clock.now().saturating_add(most);
        loop {
            let wait = Box::pin(self.look(wish, &mut memory, &dirty, &mut told)).await;
            // What could not even be listed, or failed again and again, was told; whoever asked once asks again.
            let waits = |seen: &Seen| seen.not_before.is_some() && seen.failures < ONCE_TRIES;
            let waits = memory.failures == 0 && memory.incidents.values().any(waits);
            if !waits || end.as_ref().is_ok_and(|end| self.clock.now() >= *end) {
                return Ok(());
            }
            tokio::time::sleep(wait).await;
            dirty = Dirty::default();
        }
    }

    /// An incident that was asked for by name has to be there.
    async fn check(&self, wish: &Wish) -> Result<(), IncidentsError> {
        let Some(name) = &wish.only else { return Ok(()) };
        match self.pagerduty.incident(name).await {
            Err(error) if error.failure == Failure::NotFound => {
                Err(IncidentsError::NoSuchIncident(name.clone()))
            }
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// One look. Gives how long nothing is due.
    async fn look(
        &self,
        wish: &Wish,
        memory: &mut Memory,
        dirty: &Dirty,
        told: &mut impl FnMut(Told),
    ) -> Duration {
        let mut known = std::mem::take(&mut memory.dock);
        let dock = if wish.dry_run { Ok(None) } else { known.now(self.api).await.map(Some) };
        let wait = match dock {
            Ok(dock) => Box::pin(self.look_beside(wish, memory, (dirty, dock), told)).await,
            Err(error) => self.trouble(memory, "Dock", &error.to_string(), told),
        };
        memory.dock = known;
        wait
    }

    /// The look, with what Dock says now beside it.
    async fn look_beside(
        &self,
        wish: &Wish,
        memory: &mut Memory,
        (dirty, dock): (&Dirty, Option<&Snapshot>),
        told: &mut impl FnMut(Told),
    ) -> Duration {
        if let Some(halted) = dock.and_then(|dock| dock.halted.as_ref()) {
            let why = format!("halted by {}: {}", halted.by, halted.note);
            told(Told::Rest { subject: "all".to_owned(), why });
            return self.poll();
        }
        let rows = dock.map(|dock| dock.rows.as_slice()).unwrap_or_default();
        let known = Known { kind: F::KIND, rows };
        let now = self.clock.now();
        if dirty.all || memory.stale(now, self.poll()) {
            match self.list(wish, known).await {
                Ok(incidents) => memory.take(incidents, now, wish.only.is_some()),
                Err(error) => return self.trouble(memory, "PagerDuty", &error.to_string(), told),
            }
        }
        memory.failures = 0;
        for seen in memory.incidents.values_mut() {
            self.consider(wish, seen, known, told).await;
        }
        memory.wait(self.clock.now(), self.poll())
    }

    /// What was resolved lately, what Dock still has open, and what waited for that, each read from PagerDuty.
    async fn list(&self, wish: &Wish, known: Known<'_>) -> Result<Vec<pagerduty::Incident>, PlatformError> {
        if let Some(name) = &wish.only {
            return Ok(vec![self.pagerduty.incident(name).await?]);
        }
        let back = SignedDuration::from_hours(i64::from(self.config.look_back_h.min(LOOK_BACK_H_MAX)));
        let now = self.clock.now();
        let mut found = self.pagerduty.resolved_since(now.saturating_sub(back).unwrap_or(now)).await?;
        found.extend(self.flow.open().await?);
        found.retain(|one| self.config.leaves_out(&one.service, one.priority.as_deref()).is_none());
        let mut missing: Vec<&str> = known.undecided().chain(known.waiting()).collect();
        missing.sort_unstable();
        missing.dedup();
        missing.retain(|name| found.iter().all(|incident| incident.reference != *name));
        for name in missing {
            match self.pagerduty.incident(name).await {
                Ok(incident) => found.push(incident),
                // A row can name an incident that was merged away; its row waits for people.
                Err(error) if error.failure == Failure::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    async fn consider(&self, wish: &Wish, seen: &mut Seen, known: Known<'_>, told: &mut impl FnMut(Told)) {
        let now = self.clock.now();
        if seen.not_before.is_some_and(|at| at > now) {
            return;
        }
        seen.not_before = self.settles(wish, &seen.incident, known, now);
        if seen.not_before.is_some() {
            return;
        }
        let subjects = match self.flow.subjects(&seen.incident, known) {
            Ok(subjects) => subjects,
            Err(why) => {
                let subject = seen.incident.reference.clone();
                return seen.rests(&subject, why, told);
            }
        };
        for subject in subjects {
            let asked = seen.asked && !self.flow.is_refreshed(&subject);
            match self.step(wish, &seen.incident, &subject, (known, asked), told).await {
                Ok(Stepped::Rest(why)) => {
                    seen.failures = 0;
                    seen.rests(&subject, &why, told);
                }
                Ok(Stepped::Later(wait)) => seen.not_before = now.checked_add(wait).ok(),
                Ok(Stepped::Done(what)) => {
                    seen.failures = 0;
                    seen.asked = false;
                    seen.rested.remove(&subject);
                    told(what);
                }
                Err(error) => {
                    seen.not_before = now.checked_add(pause(seen.failures)).ok();
                    seen.failures = seen.failures.saturating_add(1);
                    told(Told::Trouble {
                        what: format!("{subject} after {}", seen.incident.reference),
                        error,
                    });
                }
            }
        }
    }

    /// Until when an incident that nobody asked for by name, and that nothing was proposed after yet, is left alone.
    fn settles(
        &self,
        wish: &Wish,
        incident: &pagerduty::Incident,
        known: Known<'_>,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let proposed = |row: &&RowView| !self.flow.is_refreshed(&row.head.subject);
        let has_row = known
            .open_rows()
            .filter(proposed)
            .any(|row| row.head.incident.as_ref() == Some(&incident.reference));
        if wish.dry_run || wish.only.is_some() || has_row {
            return None;
        }
        let settle = SignedDuration::from_secs(i64::from(self.config.settle_s));
        let due = incident.resolved_at?.checked_add(settle).ok()?;
        (due > now).then_some(due)
    }

    async fn step(
        &self,
        wish: &Wish,
        incident: &pagerduty::Incident,
        subject: &str,
        (known, asked): (Known<'_>, bool),
        told: &mut impl FnMut(Told),
    ) -> Result<Stepped, String> {
        let act = match plan::act(known, subject, &incident.reference, asked) {
            Act::Rest(_) if self.flow.comes_again(incident, subject, known).await? => Act::Open,
            act => act,
        };
        let before = match &act {
            Act::Rest(why) => return Ok(Stepped::Rest(why.clone())),
            Act::Beside(row) => return self.beside(wish, incident, subject, (known, *row), told).await,
            Act::Open => None,
            Act::Revise { row, .. } | Act::Watch { row, .. } => known.row(*row),
        };
        let case = Case { incident, subject, before, known, also: None };
        let anew = self.flow.is_refreshed(subject) || self.flow.has_news(&case);
        if let (Act::Watch { .. }, Some(before), false) = (&act, before, anew) {
            let base = self.flow.base(incident, subject).await?;
            if before.base_read.moved(&base).is_empty() {
                match self.flow.at_rest(subject, before).await? {
                    AtRest::Same => {
                        self.confirm(wish, &case, before).await?;
                        return Ok(Stepped::Rest("its row is open".to_owned()));
                    }
                    AtRest::Closed(why) => {
                        return self.carry_out(wish, &act, &case, Drafted::Nothing(why)).await;
                    }
                    AtRest::Stricter => {}
                }
            }
        }
        if let Some(before) = before.filter(|before| !anew && before.head.state != State::NeedsChanges)
            && let Some(why) = self.flow.left_to_reviewers(subject, before).await?
        {
            return Ok(Stepped::Rest(why));
        }
        let drafted = Box::pin(self.flow.draft(&case)).await?;
        if let (Act::Open, Drafted::Draft(draft)) = (&act, &drafted)
            && let Some(why) = declined(known, &case, draft)
        {
            return Ok(Stepped::Rest(why));
        }
        if let (Act::Watch { .. }, Some(before), Drafted::Draft(draft)) = (&act, before, &drafted)
            && self.flow.worth(subject, before, draft) == Some(false)
        {
            if !wish.dry_run {
                again::tell(self.api, before, draft, self.clock.now()).await;
            }
            return Ok(Stepped::Rest("its row is open".to_owned()));
        }
        let drafted = match drafted {
            // What is shown anew again and again is not worded each time.
            Drafted::Draft(draft) if !self.flow.is_refreshed(subject) => {
                Drafted::Draft(Box::new(self.drafter.word(*draft, self.clock, told).await))
            }
            other => other,
        };
        self.carry_out(wish, &act, &case, drafted).await
    }

    /// The open row of a page or paper that stays what it was: everything is read again once its facts grow old.
    async fn confirm(&self, wish: &Wish, case: &Case<'_>, row: &RowView) -> Result<(), String> {
        if wish.dry_run || !again::is_due(row, self.clock.now()) {
            return Ok(());
        }
        if let Drafted::Draft(draft) = Box::pin(self.flow.draft(case)).await? {
            again::tell(self.api, row, &draft, self.clock.now()).await;
        }
        Ok(())
    }

    pub(super) async fn carry_out(
        &self,
        wish: &Wish,
        act: &Act,
        case: &Case<'_>,
        drafted: Drafted,
    ) -> Result<Stepped, String> {
        let about = (case.subject, case.incident.reference.as_str());
        let newest = case.known.newest(case.subject);
        let answer = match (drafted, case.before) {
            (Drafted::Nothing(why), None) | (Drafted::Stays(why), _) => return Ok(Stepped::Rest(why)),
            (Drafted::Nothing(why), Some(row)) => {
                let base = row.base_read.digest();
                let key = plan::key(F::NAME, about, act, base, newest, row.read_at);
                self.api.withdraw_row(row.head.id, &why, &key).await
            }
            (Drafted::Draft(draft), _) if wish.dry_run => return Ok(Stepped::Done(Told::Draft(draft))),
            (Drafted::Draft(draft), before) => {
                crate::stop_point::reach("draft.made");
                let key = plan::key(F::NAME, about, act, draft.base.digest(), newest, draft.read_at);
                self.send(&draft, before, &key).await
            }
        };
        crate::stop_point::reach("draft.posted");
        match answer {
            Ok(answer) => Ok(Stepped::Done(Told::Answered { subject: case.subject.to_owned(), answer })),
            // Another agent was faster, or it moved while it was read: a look later shows.
            Err(error)
                if matches!(
                    error.code(),
                    "key_reused" | "stale_revision" | "subject_taken" | "base_moved"
                ) =>
            {
                Ok(Stepped::Later(AFTER_ANOTHER))
            }
            Err(error) => Err(error.to_string()),
        }
    }

    async fn send(
        &self,
        draft: &Draft,
        before: Option<&RowView>,
        key: &str,
    ) -> Result<DraftAnswer, ApiError> {
        match before {
            None => self.api.open_row(draft, key).await,
            Some(row) => self.api.revise_row(row.head.id, row.head.revision, draft, key).await,
        }
    }

    fn poll(&self) -> Duration {
        Duration::from_secs(u64::from(self.poll_s.max(1)))
    }

    fn trouble(&self, memory: &mut Memory, what: &str, error: &str, told: &mut impl FnMut(Told)) -> Duration {
        let wait = pause(memory.failures);
        memory.failures = memory.failures.saturating_add(1);
        memory.listed_at = None;
        told(Told::Trouble { what: what.to_owned(), error: error.to_owned() });
        wait.try_into().unwrap_or(WAIT_MIN).min(self.poll())
    }
}

impl Seen {
    /// Said once while it stays so.
    fn rests(&mut self, subject: &str, why: &str, told: &mut impl FnMut(Told)) {
        if self.rested.get(subject).is_none_or(|before| before != why) {
            self.rested.insert(subject.to_owned(), why.to_owned());
            let subject = format!("{subject} after {}", self.incident.reference);
            told(Told::Rest { subject, why: why.to_owned() });
        }
    }
}

impl Memory {
    fn stale(&self, now: Timestamp, poll: Duration) -> bool {
        self.listed_at.is_none_or(|at| now.duration_since(at).unsigned_abs() >= poll)
    }

    /// Takes a new list; what is no longer on it is forgotten.
    fn take(&mut self, incidents: Vec<pagerduty::Incident>, now: Timestamp, asked: bool) {
        self.listed_at = Some(now);
        let mut before = std::mem::take(&mut self.incidents);
        for incident in incidents {
            let name = (incident.resolved_at, incident.reference.clone());
            let seen = before.remove(&name).map(|seen| Seen { incident: incident.clone(), ..seen });
            let new = || Seen { incident, not_before: None, failures: 0, asked, rested: BTreeMap::new() };
            self.incidents.insert(name, seen.unwrap_or_else(new));
        }
    }

    /// Until the first thing is due, the poll at the latest.
    fn wait(&self, now: Timestamp, poll: Duration) -> Duration {
        let due = self.incidents.values().filter_map(|seen| seen.not_before).min();
        let wait = due.map_or(poll, |due| Duration::try_from(due.duration_since(now)).unwrap_or(WAIT_MIN));
        wait.clamp(WAIT_MIN, poll)
    }
}
