//! The loop: list what waits, draft what is new, look again at what is open, sleep until something is due.
//!
//! A look takes no input but what the platforms and Dock say now, so that it can be repeated, doubled or cut off at any
//! point. What is remembered between looks saves calls, and never decides: before anything is sent, all is read again, but
//! for a run that was listed a moment ago; Dock reads that, too, and refuses what has moved.
//! Never: a crash because a platform is away; more of GitHub's calls than a look is allowed.

use std::{collections::BTreeMap, future::Future, time::Duration};

use futures_util::{StreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};

use super::{
    Config, draft,
    facts::{Facts, Service},
    gather::{Gatherer, Place, Target},
    memory::{Memory, Seen, THRIFTY_POLLS, thrifty, told_of},
    plan::{self, Act, Known},
};
use crate::{
    agent::{
        Told, Wish, again,
        drafter::Drafter,
        tally::Tally,
        wake::{Dirty, PIPELINES, Wake, pause},
    },
    client::api::{Api, ApiError},
    clock::Clock,
    config::{self, ConfigError},
    platform::{PlatformError, Sources, reading::NoReading},
    row::{
        Draft, Kind, State,
        gate::{self, Pipeline, Run},
    },
    wire::Snapshot,
};

/// Gates that are gathered at the same time; the connectors have their own bounds on top.
const GATHERED_AT_ONCE: usize = 8;
/// Repositories that are listed at the same time.
const LISTED_AT_ONCE: usize = 8;
/// New gates that one look gathers; more wait for the next, which follows at once.
const NEW_A_LOOK: usize = 24;
/// Open gates that one look reads again, the ones that were read longest ago first.
const AGAIN_A_LOOK: usize = 16;
/// What was asked about a service so long ago is asked again for a gate that is new.
const ASKED_JUST_NOW: SignedDuration = SignedDuration::from_secs(10);
/// How soon is looked again where another gatekeeper did what was to be done.
const AFTER_ANOTHER: SignedDuration = SignedDuration::from_secs(2);
pub(super) const WAIT_MIN: Duration = Duration::from_millis(50);

/// The gatekeeper, ready to look.
pub struct Gatekeeper {
    config: Config,
    sources: Sources,
    api: Api,
    clock: Clock,
    drafter: Drafter,
}

/// Why the gatekeeper cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum GatekeeperError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Platform(#[from] PlatformError),
    #[error(transparent)]
    Reading(#[from] NoReading),
    #[error(transparent)]
    Api(#[from] ApiError),
    #[error(
        "gatekeeper needs the section [platforms.github]\nhint: a token, or an App, that may read Actions, deployments and code"
    )]
    NoGithub,
    #[error(
        "no service is gated\nhint: [gates.NAME] with repository = \"owner/name\", or pipeline = \"elsewhere\"; the backend needs the same tables"
    )]
    NoGates,
    #[error("[services.{0}] has no [gates.{0}]\nhint: is the name spelled as there?")]
    NoSuchGate(String),
    #[error("gates.{0}: {1}")]
    Gate(String, String),
    #[error("there is no gate of {0}\nhint: names are as under [gates]")]
    NotGated(String),
}

/// What a look knows of the services, asked once for all of their gates.
type Services = BTreeMap<Place, Service>;

impl Gatekeeper {
    /// Reads tokens and makes the clients; asks nobody yet.
    pub fn open(config: Config, clock: Clock) -> Result<Self, GatekeeperError> {
        if config.gates.is_empty() {
            return Err(GatekeeperError::NoGates);
        }
        if let Some(name) = config.without_gate() {
            return Err(GatekeeperError::NoSuchGate(name.to_owned()));
        }
        for (name, gate) in &config.gates {
            gate.check_plans().map_err(|why| GatekeeperError::Gate(name.clone(), why))?;
        }
        let sources = Sources::open(&config.platforms)?;
        if sources.github.is_none() && config.gates.values().any(|gate| gate.pipeline.is_github()) {
            return Err(GatekeeperError::NoGithub);
        }
        let api = Api::new(&config.server)?.with_token(config::secret(&config.token_file)?);
        let drafter = Drafter::open(config.model.as_ref())?;
        Ok(Self { config, sources, api, clock, drafter })
    }

    /// Looks and drafts until `stop` is done.
    pub async fn run(
        &self,
        wish: &Wish,
        mut told: impl FnMut(Told),
        stop: impl Future<Output = ()>,
    ) -> Result<(), GatekeeperError> {
        self.check(wish)?;
        let wake = Wake::default();
        let look = async {
            let mut memory = Memory::default();
            let (mut dirty, mut tally) = (Dirty::everything(), Tally::default());
            loop {
                let wait = Box::pin(self.look(wish, &mut memory, &dirty, &mut told)).await;
                tally.tell(&self.api, &self.sources, &self.clock).await;
                dirty = wake.next(wait).await;
            }
        };
        tokio::select! {
            () = stop => Ok(()),
            () = wake.follow_dock(&self.api, Kind::Gate) => Ok(()),
            () = wake.follow_hooks(&self.api, "github"), if self.some(Pipeline::Github) => Ok(()),
            () = wake.follow_hooks(&self.api, PIPELINES), if self.some(Pipeline::Elsewhere) => Ok(()),
            () = look => Ok(()),
        }
    }

    /// Looks at everything that waits, once, and ends.
    pub async fn once(&self, wish: &Wish, mut told: impl FnMut(Told)) -> Result<(), GatekeeperError> {
        self.check(wish)?;
        let mut memory = Memory::default();
        let mut dirty = Dirty::everything();
        loop {
            let wait = Box::pin(self.look(wish, &mut memory, &dirty, &mut told)).await;
            let new = |seen: &Seen| seen.facts.is_none() && seen.read_at.is_none() && seen.failures == 0;
            let left = memory.gates.values().any(new);
            if memory.failures > 0 || !left {
                return Ok(());
            }
            tokio::time::sleep(wait).await;
            dirty = Dirty::default();
        }
    }

    fn check(&self, wish: &Wish) -> Result<(), GatekeeperError> {
        match &wish.only {
            Some(name) if !self.config.gates.contains_key(name) => {
                Err(GatekeeperError::NotGated(name.clone()))
            }
            _ => Ok(()),
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
        let dock = if wish.dry_run { Ok(None) } else { known.now(&self.api).await.map(Some) };
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
        let known = Known { rows };
        let now = self.clock.now();
        if let Err(error) = self.list(wish, memory, dirty, known, told).await {
            return self.trouble(memory, "what waits", &error.to_string(), told);
        }
        memory.failures = 0;
        let services = self.services(memory, dirty).await;
        if !memory.full(now) {
            self.draft_new(wish, memory, &services, known, told).await;
        }
        // Without rows there is nothing that a second look could be held against: each gate is shown once.
        if !wish.dry_run && !memory.full(now) {
            self.look_again(wish, memory, (&services, known), now, told).await;
        }
        memory.wait(self.clock.now(), self.poll())
    }

    /// What waits, where a hook told of something or the poll is due, and what Dock still has open, in the order of the
    /// runs. Each service is asked by itself: a repository that GitHub does not show us is told once, and keeps what was
    /// listed there before, since a run that is not listed would look answered. Fails only where none can be listed.
    async fn list(
        &self,
        wish: &Wish,
        memory: &mut Memory,
        dirty: &Dirty,
        known: Known<'_>,
        told: &mut impl FnMut(Told),
    ) -> Result<(), GatekeeperError> {
        let gatherer = self.gatherer();
        let wanted = |name: &str| wish.only.as_deref().is_none_or(|service| service == name);
        let all = self.config.gates.iter().filter(|(name, _)| wanted(name));
        let (due, others): (Vec<_>, Vec<_>) =
            all.partition(|(name, service)| self.to_be_listed(memory, dirty, name, service));
        if due.is_empty() {
            return Ok(());
        }
        let held = due.iter().all(|(_, service)| service.pipeline.is_github());
        let elsewhere = if held { Vec::new() } else { self.api.pipelines().await? };
        let asked = stream::iter(due).map(|(name, service)| {
            let (gatherer, elsewhere) = (&gatherer, &elsewhere);
            async move { (name, service, gatherer.waiting(name, service, elsewhere).await) }
        });
        let answers: Vec<_> = asked.buffered(LISTED_AT_ONCE).collect().await;
        let any = !others.is_empty() || answers.iter().any(|(.., found)| found.is_ok());
        for (name, service, found) in answers {
            match found {
                Ok(listed) => {
                    memory.unlisted.remove(name);
                    memory.listed.insert(name.clone(), listed);
                }
                Err(error) if !any => return Err(error),
                Err(error) => {
                    let (error, now) = (error.to_string(), self.clock.now());
                    let before = memory.unlisted.insert(name.clone(), (error.clone(), now));
                    if before.is_none_or(|(before, _)| before != error) {
                        told(Told::Trouble {
                            what: format!("{name}, {} on GitHub", service.repository),
                            error,
                        });
                    }
                }
            }
        }
        let open = known.undecided().filter(|base| wanted(&base.service));
        let open = open.filter(|base| self.config.gates.contains_key(&base.service)).filter_map(|base| {
            let (environment, service) = (base.environment.clone(), base.service.clone());
            Some(Target { run: base.run.parse().ok()?, environment, service })
        });
        memory.take(open.collect());
        Ok(())
    }

    /// The list of this service's runs is old, or something told of one.
    fn to_be_listed(&self, memory: &Memory, dirty: &Dirty, name: &str, service: &gate::Service) -> bool {
        let now = self.clock.now();
        let github = self.sources.github.as_ref().filter(|_| service.pipeline.is_github());
        let thrifty = github.is_some_and(|github| thrifty(&github.usage(), now));
        let poll = if thrifty { self.poll() * THRIFTY_POLLS } else { self.poll() };
        memory.list_is_old(name, poll, now) || !thrifty && told_of(dirty, service)
    }

    /// What concerns the services that have a gate, each asked once for all of them: now where something new waits or
    /// somebody decided, else now and then.
    async fn services(&self, memory: &mut Memory, dirty: &Dirty) -> Services {
        let gatherer = self.gatherer();
        let now = self.clock.now();
        let urgent = |target: &Target, seen: &Seen| {
            seen.is_due(now) && (seen.facts.is_none() || dirty.subjects.contains(&target.subject()))
        };
        let mut pauses: BTreeMap<Place, SignedDuration> = BTreeMap::new();
        for (target, seen) in &memory.gates {
            let pause = if urgent(target, seen) { ASKED_JUST_NOW } else { self.service_pause() };
            pauses.entry(target.place()).and_modify(|least| *least = pause.min(*least)).or_insert(pause);
        }
        memory.services.retain(|place, _| pauses.contains_key(place));
        let known = &memory.services;
        let due = pauses.into_iter().filter(|(place, pause)| {
            known.get(place).is_none_or(|(_, at)| now.duration_since(*at) >= *pause)
        });
        let due: Vec<_> = due
            .filter_map(|(place, _)| {
                let gate = self.config.gates.get(&place.0)?.before(&place.1)?;
                Some((place, gate))
            })
            .collect();
        if !due.is_empty() {
            let apps = gatherer.applications().await;
            let told = stream::iter(due).map(|(place, gate)| {
                let (gatherer, apps) = (&gatherer, &apps);
                async move {
                    // What many platforms are asked for is large: on the heap.
                    let service = Box::pin(gatherer.service(&place.0, &gate, apps)).await;
                    (place, (service, now))
                }
            });
            let told: Vec<_> = told.buffer_unordered(GATHERED_AT_ONCE).collect().await;
            memory.services.extend(told);
        }
        memory.services.iter().map(|(place, (service, _))| (place.clone(), service.clone())).collect()
    }

    /// Gates that were never read, those first that people wait for most: several are read at a time.
    async fn draft_new(
        &self,
        wish: &Wish,
        memory: &mut Memory,
        services: &Services,
        known: Known<'_>,
        told: &mut impl FnMut(Told),
    ) {
        let now = self.clock.now();
        let shown = |target: &Target| known.open(&target.subject()).is_some();
        let new: Vec<Target> = memory.new_ones(now, shown).into_iter().take(NEW_A_LOOK).collect();
        let listed: Vec<Option<Run>> = new.iter().map(|target| memory.just_listed(target, now)).collect();
        let gathered = stream::iter(new.into_iter().zip(listed)).map(|(target, listed)| async move {
            let facts = self.gather(&target, listed, services).await;
            (target, facts)
        });
        let mut gathered = std::pin::pin!(gathered.buffered(GATHERED_AT_ONCE));
        while let Some((target, facts)) = gathered.next().await {
            if facts.is_err()
                && let Some(until) = self.limited(told)
            {
                memory.full_until = Some(until);
                return;
            }
            let seen = memory.gates.entry(target.clone()).or_default();
            let outcome = match facts {
                Ok(facts) => Box::pin(self.carry_out(wish, &target, facts, known, seen, told)).await,
                Err(error) => Err(error),
            };
            if let Some(until) = self.conclude(&target, seen, outcome, told) {
                memory.full_until = Some(until);
                return;
            }
        }
    }

    /// Gates that were read before: what Dock or the service's own facts say costs no call; the ones that were read
    /// longest ago are read again.
    async fn look_again(
        &self,
        wish: &Wish,
        memory: &mut Memory,
        (services, known): (&Services, Known<'_>),
        asked_at: Timestamp,
        told: &mut impl FnMut(Told),
    ) {
        let now = self.clock.now();
        // What was drafted in this very look is not among the rows that Dock told of before it.
        let before = |seen: &Seen| seen.read_at.is_none_or(|at| at < asked_at);
        let mut old: Vec<(Option<Timestamp>, Target)> = memory
            .gates
            .iter()
            .filter(|(_, seen)| seen.facts.is_some() && seen.is_due(now) && before(seen))
            .map(|(target, seen)| (seen.read_at, target.clone()))
            .collect();
        old.sort();
        let mut again = 0;
        for (_, target) in old {
            let Some(seen) = memory.gates.get_mut(&target) else { continue };
            let moved = self.moved_by_service(&target, seen, services, known);
            let old = seen.read_at.is_none_or(|at| now.duration_since(at).unsigned_abs() >= self.poll());
            if !(moved || old && again < AGAIN_A_LOOK) {
                continue;
            }
            again += usize::from(!moved);
            let outcome = self.read_again(wish, &target, seen, services, known, told).await;
            if outcome.is_err()
                && let Some(until) = self.limited(told)
            {
                memory.full_until = Some(until);
                return;
            }
            if let Some(until) = self.conclude(&target, seen, outcome, told) {
                memory.full_until = Some(until);
                return;
            }
        }
    }

    /// The service's new facts alone, beside what is remembered of the run, call for something to be done.
    fn moved_by_service(&self, target: &Target, seen: &Seen, services: &Services, known: Known<'_>) -> bool {
        let (Some(facts), Some(service)) = (&seen.facts, services.get(&target.place())) else { return false };
        let limits = self.config.limits(&target.service);
        let service = service.clone().or_still_fresh(&facts.service, self.clock.now(), limits.fresh_s);
        let facts = Facts { service, ..facts.clone() };
        let draft = draft(&facts, &limits);
        !matches!(plan::act(&facts.reading, &draft, known), Act::Rest(_))
    }

    /// Asks again what may have changed; where that calls for something to be done, everything.
    async fn read_again(
        &self,
        wish: &Wish,
        target: &Target,
        seen: &mut Seen,
        services: &Services,
        known: Known<'_>,
        told: &mut impl FnMut(Told),
    ) -> Result<Stepped, String> {
        let mut still = None;
        if let (Some(before), Some(service)) = (seen.facts.take(), services.get(&target.place())) {
            let (attempt, head) = (before.reading.run.attempt, before.reading.run.head_sha.clone());
            let limits = self.config.limits(&target.service);
            let service = service.clone().or_still_fresh(&before.service, self.clock.now(), limits.fresh_s);
            let before = Facts { service, ..before };
            let gatherer = self.gatherer();
            let facts =
                Box::pin(gatherer.refresh(before, target)).await.map_err(|error| error.to_string())?;
            still = Some(facts.service.clone());
            let same = (facts.reading.run.attempt, &facts.reading.run.head_sha) == (attempt, &head);
            let draft = draft(&facts, &limits);
            match plan::act(&facts.reading, &draft, known) {
                Act::Rest(why) if same => {
                    self.confirm(&draft, known).await;
                    (seen.read_at, seen.facts) = (Some(facts.read_at), Some(facts));
                    return Ok(Stepped::Rest(why));
                }
                Act::Rest(_)
                | Act::Open
                | Act::Revise { .. }
                | Act::Supersede { .. }
                | Act::Withdraw { .. } => {}
            }
        }
        let mut facts = self.gather(target, None, services).await?;
        if let Some(service) = still {
            facts.service = service;
        }
        Box::pin(self.carry_out(wish, target, facts, known, seen, told)).await
    }

    async fn gather(
        &self,
        target: &Target,
        listed: Option<Run>,
        services: &Services,
    ) -> Result<Facts, String> {
        let gatherer = self.gatherer();
        let service = services.get(&target.place()).cloned();
        let service = service.ok_or_else(|| format!("{} is no gated service", target.service))?;
        Box::pin(gatherer.gather(target, listed, service)).await.map_err(|error| error.to_string())
    }

    async fn carry_out(
        &self,
        wish: &Wish,
        target: &Target,
        mut facts: Facts,
        known: Known<'_>,
        seen: &mut Seen,
        told: &mut impl FnMut(Told),
    ) -> Result<Stepped, String> {
        let (subject, limits) = (facts.reading.subject(), self.config.limits(&target.service));
        let diff = crate::row::difference::of_gate(&facts.reading);
        let at = facts.read_at;
        facts.past = crate::agent::facts::Asked::Known { value: known.past(&facts.reading, &diff), at };
        let before =
            self.config.gates.get(&target.service).and_then(|gate| known.promoted(gate, &facts.reading));
        facts.parent = before.filter(|row| row.head.state == State::Healthy).map(|row| row.head.id);
        let first = draft(&facts, &limits);
        let mut act = plan::act(&facts.reading, &first, known);
        if act == Act::Open && before.is_some_and(plan::is_awaited) {
            act = Act::Rest("the environment before it is not healthy yet");
        }
        if let Act::Revise { row, .. } = act {
            facts.asks = known.asks(row, &diff);
        }
        let mut draft = if facts.asks.is_some() { draft(&facts, &limits) } else { first };
        if !matches!(act, Act::Rest(_) | Act::Withdraw { .. }) {
            draft = self.drafter.word(draft, &self.clock, told).await;
        }
        (seen.read_at, seen.facts) = (Some(facts.read_at), Some(Facts { asks: None, ..facts }));
        crate::stop_point::reach("draft.made");
        let key = plan::key(&act, &subject, draft.base.digest(), known.newest(&subject), draft.read_at);
        let answer = match &act {
            Act::Rest(why) => {
                self.confirm(&draft, known).await;
                return Ok(Stepped::Rest(why));
            }
            _ if wish.dry_run => return Ok(Stepped::Done(Told::Draft(Box::new(draft)))),
            Act::Open => self.api.open_row(&draft, &key).await,
            Act::Supersede { .. } => self.api.supersede_row(&draft, &key).await,
            Act::Revise { row, revision } => self.api.revise_row(*row, *revision, &draft, &key).await,
            Act::Withdraw { row, why, .. } => self.api.withdraw_row(*row, why, &key).await,
        };
        crate::stop_point::reach("draft.posted");
        match answer {
            Ok(answer) => Ok(Stepped::Done(Told::Answered { subject, answer })),
            // Another gatekeeper was faster, or it moved while it was read: a look later shows.
            Err(error)
                if matches!(
                    error.code(),
                    "key_reused" | "stale_revision" | "subject_taken" | "base_moved"
                ) =>
            {
                seen.reread = true;
                Ok(Stepped::Later(AFTER_ANOTHER))
            }
            Err(error) => match error.retry_after().filter(|_| error.code() == "busy") {
                Some(wait) => Ok(Stepped::Full(wait.try_into().unwrap_or(SignedDuration::from_mins(1)))),
                None => Err(error.to_string()),
            },
        }
    }

    /// The row that is open about it, if nothing is to be done, is as old as what was just read.
    async fn confirm(&self, draft: &Draft, known: Known<'_>) {
        if let Some(row) = known.open(&draft.subject) {
            again::tell(&self.api, row, draft, self.clock.now()).await;
        }
    }

    /// Remembers what came of a gate's look. Gives until when Dock takes nothing more, where it said so.
    fn conclude(
        &self,
        target: &Target,
        seen: &mut Seen,
        outcome: Result<Stepped, String>,
        told: &mut impl FnMut(Told),
    ) -> Option<Timestamp> {
        let now = self.clock.now();
        seen.not_before = None;
        match outcome {
            Ok(Stepped::Full(wait)) => {
                seen.facts = None;
                let why = format!("Dock takes no more drafts for {} s", wait.as_secs());
                told(Told::Rest { subject: "all".to_owned(), why });
                return now.checked_add(wait).ok();
            }
            Ok(Stepped::Rest(why)) => {
                seen.failures = 0;
                if std::mem::replace(&mut seen.rested, why) != why {
                    told(Told::Rest { subject: target.subject(), why: why.to_owned() });
                }
            }
            Ok(Stepped::Later(wait)) => {
                (seen.facts, seen.not_before) = (None, now.checked_add(wait).ok());
            }
            Ok(Stepped::Done(what)) => {
                (seen.failures, seen.rested) = (0, "");
                told(what);
            }
            Err(error) => {
                (seen.facts, seen.not_before) = (None, now.checked_add(pause(seen.failures)).ok());
                seen.failures = seen.failures.saturating_add(1);
                told(Told::Trouble { what: target.subject(), error });
            }
        }
        None
    }

    fn gatherer(&self) -> Gatherer<'_> {
        let Self { config, sources, api, clock, .. } = self;
        Gatherer { github: sources.github.as_ref(), api, sources, config, clock }
    }

    /// The runs of some service wait there.
    fn some(&self, pipeline: Pipeline) -> bool {
        self.config.gates.values().any(|gate| gate.pipeline == pipeline)
    }

    /// Until when GitHub takes no more calls, where it said so.
    fn limited(&self, told: &mut impl FnMut(Told)) -> Option<Timestamp> {
        let wait = self.sources.github.as_ref()?.usage().quota.wait()?;
        let why = format!("GitHub takes no more calls for {} s", wait.as_secs());
        told(Told::Rest { subject: "all".to_owned(), why });
        self.clock.now().checked_add(SignedDuration::try_from(wait).ok()?).ok()
    }

    fn service_pause(&self) -> SignedDuration {
        SignedDuration::from_secs(i64::from(self.config.service_s.max(1)))
    }

    fn poll(&self) -> Duration {
        Duration::from_secs(u64::from(self.config.poll_s.max(1)))
    }

    fn trouble(&self, memory: &mut Memory, what: &str, error: &str, told: &mut impl FnMut(Told)) -> Duration {
        let wait = pause(memory.failures);
        memory.failures = memory.failures.saturating_add(1);
        memory.listed.clear();
        told(Told::Trouble { what: what.to_owned(), error: error.to_owned() });
        wait.try_into().unwrap_or(WAIT_MIN).min(self.poll())
    }
}

/// What came of one gate's look.
enum Stepped {
    Rest(&'static str),
    Later(SignedDuration),
    /// Dock has taken as many drafts as it takes in a while.
    Full(SignedDuration),
    Done(Told),
}
