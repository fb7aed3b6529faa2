//! The loop: look at what may have changed, draft what has settled, sleep until something is due.
//!
//! A look takes no input but what the platforms and Dock say now, so that it can be repeated, doubled or cut off at any
//! point. What is remembered between looks (since when a drift stands) only delays a draft.
//! Never: a crash because a platform is away; a row for a drift that still moves.

use std::{collections::BTreeMap, future::Future, time::Duration};

use jiff::{SignedDuration, Timestamp};

use super::{
    Config, draft,
    facts::Facts,
    gather::Gatherer,
    plan::{self, Act, Known},
    wake::follow_argocd,
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
    config::{self, ConfigError},
    platform::{
        PlatformError, Sources,
        argocd::{self, AppKey, Refresh, SyncStatus},
    },
    row::{Digest, Kind},
    wire::Snapshot,
};

/// How soon is looked again where another Argus did what was to be done.
const AFTER_ANOTHER: SignedDuration = SignedDuration::from_secs(2);
const WAIT_MIN: Duration = Duration::from_millis(50);

/// The deploy agent, ready to look.
pub struct Argus {
    config: Config,
    sources: Sources,
    api: Api,
    clock: Clock,
    drafter: Drafter,
}

/// Why Argus cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum ArgusError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Platform(#[from] PlatformError),
    #[error(transparent)]
    Api(#[from] ApiError),
    #[error(
        "argus needs the section [platforms.argocd]\nhint: url and token_file of an account that may only `get`"
    )]
    NoArgocd,
    #[error("there is no application {0}\nhint: names are as `argocd app list` shows them")]
    NoSuchApp(String),
}

/// What is remembered of one application.
#[derive(Debug, Clone)]
struct Seen {
    key: AppKey,
    /// Since when this drift stands.
    drift: Option<(Digest, Timestamp)>,
    due: Option<Timestamp>,
    failures: u32,
    rested: String,
}

#[derive(Debug, Default)]
struct Memory {
    dock: Dock,
    apps: BTreeMap<String, Seen>,
    listed_at: Option<Timestamp>,
    failures: u32,
}

impl Argus {
    /// Reads tokens and makes the clients; asks nobody yet.
    pub fn open(config: Config, clock: Clock) -> Result<Self, ArgusError> {
        let sources = Sources::open(&config.platforms)?;
        if sources.argocd.is_none() {
            return Err(ArgusError::NoArgocd);
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
    ) -> Result<(), ArgusError> {
        let argocd = self.sources.argocd.as_ref().ok_or(ArgusError::NoArgocd)?;
        let wake = Wake::default();
        let look = async {
            let mut memory = Memory::default();
            let (mut dirty, mut tally) = (Dirty::everything(), Tally::default());
            loop {
                let wait = self.look(argocd, wish, &mut memory, &dirty, &mut told).await;
                tally.tell(&self.api, &self.sources, &self.clock).await;
                dirty = wake.next(wait).await;
            }
        };
        tokio::select! {
            () = stop => Ok(()),
            () = follow_argocd(&wake, argocd) => Ok(()),
            () = wake.follow_dock(&self.api, Kind::Sync) => Ok(()),
            () = look => Ok(()),
        }
    }

    /// Looks once at everything, waits for what still settles, and ends.
    pub async fn once(&self, wish: &Wish, mut told: impl FnMut(Told)) -> Result<(), ArgusError> {
        let argocd = self.sources.argocd.as_ref().ok_or(ArgusError::NoArgocd)?;
        if let Some(name) = &wish.only {
            let all = argocd.applications().await?;
            all.iter()
                .find(|app| app.key.name == *name)
                .ok_or_else(|| ArgusError::NoSuchApp(name.clone()))?;
        }
        let mut memory = Memory::default();
        let mut dirty = Dirty::everything();
        let most = 2 * u64::from(self.config.settle_s) + 60;
        let end = self.clock.now().saturating_add(SignedDuration::from_secs(most.cast_signed()));
        loop {
            let wait = self.look(argocd, wish, &mut memory, &dirty, &mut told).await;
            let waits = memory.failures > 0 || memory.apps.values().any(|seen| seen.due.is_some());
            if !waits || end.as_ref().is_ok_and(|end| self.clock.now() >= *end) {
                return Ok(());
            }
            tokio::time::sleep(wait).await;
            dirty = Dirty { all: memory.failures > 0, ..Dirty::default() };
        }
    }

    /// One look. Gives how long nothing is due.
    async fn look(
        &self,
        argocd: &argocd::Source,
        wish: &Wish,
        memory: &mut Memory,
        dirty: &Dirty,
        told: &mut impl FnMut(Told),
    ) -> Duration {
        let mut known = std::mem::take(&mut memory.dock);
        let dock = if wish.dry_run { Ok(None) } else { known.now(&self.api).await.map(Some) };
        let wait = match dock {
            Ok(dock) => self.look_beside(argocd, wish, memory, (dirty, dock), told).await,
            Err(error) => self.trouble(memory, "Dock", &error.to_string(), told),
        };
        memory.dock = known;
        wait
    }

    /// The look, with what Dock says now beside it.
    async fn look_beside(
        &self,
        argocd: &argocd::Source,
        wish: &Wish,
        memory: &mut Memory,
        (dirty, dock): (&Dirty, Option<&Snapshot>),
        told: &mut impl FnMut(Told),
    ) -> Duration {
        if let Some(halted) = dock.and_then(|dock| dock.halted.as_ref()) {
            told(Told::Rest {
                subject: "all".to_owned(),
                why: format!("halted by {}: {}", halted.by, halted.note),
            });
            return self.poll();
        }
        let list = dirty.all
            || memory.stale(self.clock.now(), self.poll())
            || dirty.subjects.iter().any(|app| !memory.apps.contains_key(app));
        if list && let Err(error) = self.list(argocd, wish, memory, dock).await {
            return self.trouble(memory, "ArgoCD", &error.to_string(), told);
        }
        memory.failures = 0;
        let now = self.clock.now();
        for name in memory.due(dirty, now) {
            if let Some(seen) = memory.apps.get_mut(&name) {
                self.consider(argocd, wish, seen, dock, told).await;
            }
        }
        memory.wait(self.clock.now(), self.poll())
    }

    /// Lists what there is. Everything that is out of sync, or has a row that waits, is due at once.
    async fn list(
        &self,
        argocd: &argocd::Source,
        wish: &Wish,
        memory: &mut Memory,
        dock: Option<&Snapshot>,
    ) -> Result<(), PlatformError> {
        let listed = argocd.applications().await?;
        let now = self.clock.now();
        memory.listed_at = Some(now);
        let wanted = |name: &str| wish.only.as_deref().is_none_or(|app| app == name);
        let mut before = std::mem::take(&mut memory.apps);
        for app in listed.into_iter().filter(|app| wanted(&app.key.name)) {
            let name = app.key.name.clone();
            let waits =
                dock.is_some_and(|dock| Known { rows: &dock.rows, holds: &dock.holds }.open(&name).is_some());
            let mut seen = before.remove(&name).unwrap_or_else(|| Seen::new(app.key.clone()));
            seen.key = app.key;
            if app.sync != SyncStatus::Synced || waits {
                // What failed keeps its own pause.
                let pausing = seen.failures > 0 && seen.due.is_some_and(|due| due > now);
                seen.due = if pausing { seen.due } else { Some(now) };
            } else {
                seen.drift = None;
                seen.due = None;
            }
            memory.apps.insert(name, seen);
        }
        Ok(())
    }

    /// Reads one application, and drafts if its drift has settled.
    async fn consider(
        &self,
        argocd: &argocd::Source,
        wish: &Wish,
        seen: &mut Seen,
        dock: Option<&Snapshot>,
        told: &mut impl FnMut(Told),
    ) {
        seen.due = None;
        let known = dock
            .map_or(Known { rows: &[], holds: &[] }, |dock| Known { rows: &dock.rows, holds: &dock.holds });
        match self.step(argocd, wish, seen, known, told).await {
            Ok(Stepped::Rest(why)) => {
                seen.failures = 0;
                if seen.rested != why {
                    why.clone_into(&mut seen.rested);
                    told(Told::Rest { subject: seen.key.name.clone(), why: why.to_owned() });
                }
            }
            Ok(Stepped::Settles(due)) => seen.due = Some(due),
            Ok(Stepped::Done(what)) => {
                seen.failures = 0;
                seen.rested.clear();
                told(what);
            }
            Err(error) => {
                let pause = pause(seen.failures);
                seen.failures = seen.failures.saturating_add(1);
                seen.due = self.clock.now().checked_add(pause).ok();
                told(Told::Trouble { what: seen.key.name.clone(), error });
            }
        }
    }

    async fn step(
        &self,
        argocd: &argocd::Source,
        wish: &Wish,
        seen: &mut Seen,
        known: Known<'_>,
        told: &mut impl FnMut(Told),
    ) -> Result<Stepped, String> {
        let first = argocd.reading(&seen.key, Refresh::No).await.map_err(|error| error.to_string())?;
        let act = plan::act(&first, known);
        if let Act::Rest(why) = act {
            if first.sync_status != "OutOfSync" {
                seen.drift = None;
            }
            if !first.operation_running && !wish.dry_run {
                self.confirm(argocd, seen, known).await?;
            }
            return Ok(if first.operation_running {
                Stepped::Settles(self.after(SignedDuration::from_secs(2)))
            } else {
                Stepped::Rest(why)
            });
        }
        if !matches!(act, Act::Withdraw { .. })
            && let Some(due) = self.settles(seen, first.base().drift()).filter(|_| !wish.dry_run)
        {
            return Ok(Stepped::Settles(due));
        }
        let facts = self.facts(argocd, seen, known).await?;
        // ArgoCD has looked again: what it says now is what counts.
        let act = plan::act(&facts.reading, known);
        if matches!(act, Act::Open | Act::Revise { .. })
            && let Some(due) = self.settles(seen, facts.reading.base().drift()).filter(|_| !wish.dry_run)
        {
            return Ok(Stepped::Settles(due));
        }
        self.carry_out(wish, &act, facts, known, told).await
    }

    /// The open row of a drift that stays what it was: read again once its facts grow old.
    async fn confirm(&self, argocd: &argocd::Source, seen: &Seen, known: Known<'_>) -> Result<(), String> {
        let Some(row) = known.open(&seen.key.name).filter(|row| again::is_due(row, self.clock.now())) else {
            return Ok(());
        };
        let facts = self.facts(argocd, seen, known).await?;
        if matches!(plan::act(&facts.reading, known), Act::Rest(_)) {
            let made = draft(&facts, &self.config.limits(&seen.key.name));
            again::tell(&self.api, row, &made, self.clock.now()).await;
        }
        Ok(())
    }

    async fn facts(&self, argocd: &argocd::Source, seen: &Seen, known: Known<'_>) -> Result<Facts, String> {
        let gatherer = Gatherer { argocd, sources: &self.sources, config: &self.config, clock: &self.clock };
        let mut facts = Box::pin(gatherer.gather(&seen.key)).await.map_err(|error| error.to_string())?;
        let drift = facts.reading.base().drift();
        facts.remember(known.past(&seen.key.name, drift));
        Ok(facts)
    }

    async fn carry_out(
        &self,
        wish: &Wish,
        act: &Act,
        mut facts: Facts,
        known: Known<'_>,
        told: &mut impl FnMut(Told),
    ) -> Result<Stepped, String> {
        let app = facts.reading.app.clone();
        let base = crate::row::Base::Sync(facts.reading.base()).digest();
        let key = plan::key(act, &app, base, known.newest(&app), facts.read_at);
        if let Act::Revise { row, .. } = act {
            facts.asks = known.asks(*row, facts.reading.base().drift());
        }
        let drafts = wish.dry_run || matches!(act, Act::Open | Act::Revise { .. });
        let mut made = draft(&facts, &self.config.limits(&app));
        if drafts {
            made = self.drafter.word(made, &self.clock, told).await;
        }
        crate::stop_point::reach("draft.made");
        let answer = match act {
            Act::Rest(why) => return Ok(Stepped::Rest(why)),
            _ if wish.dry_run => return Ok(Stepped::Done(Told::Draft(Box::new(made)))),
            Act::Open => self.api.open_row(&made, &key).await,
            Act::Revise { row, revision } => self.api.revise_row(*row, *revision, &made, &key).await,
            Act::Withdraw { row, why, .. } => self.api.withdraw_row(*row, why, &key).await,
        };
        crate::stop_point::reach("draft.posted");
        match answer {
            Ok(answer) => Ok(Stepped::Done(Told::Answered { subject: app, answer })),
            // Another Argus was faster: a look later shows its row.
            Err(error) if matches!(error.code(), "key_reused" | "stale_revision") => {
                Ok(Stepped::Settles(self.after(AFTER_ANOTHER)))
            }
            Err(error) => Err(error.to_string()),
        }
    }

    /// When this drift will have stood still for long enough; none where it has.
    fn settles(&self, seen: &mut Seen, drift: Digest) -> Option<Timestamp> {
        let now = self.clock.now();
        let since = match seen.drift {
            Some((same, since)) if same == drift => since,
            _ => now,
        };
        seen.drift = Some((drift, since));
        let due =
            since.checked_add(SignedDuration::from_secs(i64::from(self.config.settle_s))).unwrap_or(now);
        (due > now).then_some(due)
    }

    fn after(&self, wait: SignedDuration) -> Timestamp {
        let now = self.clock.now();
        now.checked_add(wait).unwrap_or(now)
    }

    fn poll(&self) -> Duration {
        Duration::from_secs(u64::from(self.config.poll_s.max(1)))
    }

    fn trouble(&self, memory: &mut Memory, what: &str, error: &str, told: &mut impl FnMut(Told)) -> Duration {
        let wait = pause(memory.failures);
        memory.failures = memory.failures.saturating_add(1);
        memory.listed_at = None;
        told(Told::Trouble { what: what.to_owned(), error: error.to_owned() });
        wait.try_into().unwrap_or(WAIT_MIN).min(self.poll())
    }
}

/// What came of one application's look.
enum Stepped {
    Rest(&'static str),
    Settles(Timestamp),
    Done(Told),
}

impl Seen {
    fn new(key: AppKey) -> Self {
        Self { key, drift: None, due: None, failures: 0, rested: String::new() }
    }
}

impl Memory {
    fn stale(&self, now: Timestamp, poll: Duration) -> bool {
        self.listed_at.is_none_or(|at| now.duration_since(at).unsigned_abs() >= poll)
    }

    /// What is to be looked at now; what stands still for longest comes first.
    fn due(&self, dirty: &Dirty, now: Timestamp) -> Vec<String> {
        let due = self
            .apps
            .iter()
            .filter(|(name, seen)| dirty.subjects.contains(*name) || seen.due.is_some_and(|due| due <= now));
        let mut due: Vec<_> =
            due.map(|(name, seen)| (seen.drift.map_or(now, |(_, since)| since), name.clone())).collect();
        due.sort();
        due.into_iter().map(|(_, name)| name).collect()
    }

    /// Until the first thing is due, the poll at the latest.
    fn wait(&self, now: Timestamp, poll: Duration) -> Duration {
        let due = self.apps.values().filter_map(|seen| seen.due).min();
        let wait = due.map_or(poll, |due| Duration::try_from(due.duration_since(now)).unwrap_or(WAIT_MIN));
        wait.clamp(WAIT_MIN, poll)
    }
}
