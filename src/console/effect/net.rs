//! Effects that ask the backend: the feed, deliveries, fresh bases, history. One thread with its own runtime, begun
//! after the first frame.
//!
//! Never: in the way of a key. What it learns is in the cache before the console hears of it.

mod asked;

use std::cell::{Cell, RefCell};
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;
use tokio::sync::mpsc::Receiver;
use zeroize::Zeroizing;

use super::super::found::ROWS_MAX;
use super::super::telemetry::Look;
use super::home::{OpenError, Place, TellAnswer, since};
use super::{Answer, Attempt, Effect, IncidentTold, Link, LinkState, Secret};
use crate::client::signer::DEMO_ORG;
use crate::client::{
    Api, ApiError, Cache, Entry, Exchange, Halts, NoteDraft, Outbox, Pulled, SignError, SyncError,
    api::POLL_MAX, plan, session,
};
use crate::row::{Amendment, RowId, c1, search::Query};
use crate::wire::{HistoryEntry, IncidentView, RowView};

/// Questions that wait at once.
pub const ASKS_MAX: usize = 64;
/// The outbox is looked at this often although nothing was heard: another program may have signed, or ticked.
const LOOK_EVERY: Duration = Duration::from_secs(5);

const LOCKED: &str = "your key asks for its passphrase before it signs you in: `:unlock`";

/// A question to the backend.
#[derive(Clone, Debug)]
pub enum Ask {
    Row(RowId),
    Fresh(RowId),
    Series(Look),
    /// The rows in which a filter's words stand.
    Find {
        number: u64,
        query: Query,
    },
    History(RowId),
    /// Everything is to stand still.
    Halt {
        note: String,
    },
    /// Which rows put this line on this page.
    Why {
        visit: u64,
        page: String,
        line: String,
    },
    /// What the backend knows of an incident.
    Incident {
        visit: u64,
        name: String,
    },
    /// A reviewer's changes become the next revision.
    Amend {
        row: RowId,
        revision: u32,
        amendment: Box<Amendment>,
    },
    /// Something was signed, or is to leave now.
    Push,
    /// Try again now, however long the pause was to be.
    Now,
    /// The key's passphrase was given: where no session is open, it opens one.
    SignIn(Secret),
}

/// Runs until the console is gone.
pub fn run(place: &Place, asks: Receiver<Ask>, effects: &SyncSender<Effect>, tell: &TellAnswer) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tell(Answer::Told(format!("no runtime for the network: {error}")));
            return;
        }
    };
    match Net::open(place, effects, tell) {
        Ok(net) => runtime.block_on(net.run(asks)),
        Err(error) => {
            tell(Answer::Told(error.to_string()));
        }
    }
}

struct Net<'a> {
    place: &'a Place,
    outbox: Outbox,
    /// The feed's own connection, and one for everything else: neither waits for the other.
    feed: RefCell<Cache>,
    cache: RefCell<Cache>,
    api: RefCell<Option<Api>>,
    link: RefCell<Link>,
    failures: Cell<u32>,
    kick_feed: Notify,
    kick_push: Notify,
    kick_series: Notify,
    /// The series that are wanted next.
    looked: Cell<Option<Look>>,
    kick_find: Notify,
    /// What is to be found next, with the question's number.
    sought: Cell<Option<(u64, Query)>>,
    kick_base: Notify,
    /// Whose base is read next: a platform may take its time, and nothing else waits for it.
    wanted: Cell<Option<RowId>>,
    kick_why: Notify,
    /// The line that is asked about next, after its visit and its page.
    wondered: Cell<Option<(u64, String, String)>>,
    told: RefCell<Option<(Vec<Entry>, Vec<NoteDraft>)>>,
    effects: &'a SyncSender<Effect>,
    tell: &'a TellAnswer,
}

impl<'a> Net<'a> {
    fn open(
        place: &'a Place,
        effects: &'a SyncSender<Effect>,
        tell: &'a TellAnswer,
    ) -> Result<Self, OpenError> {
        let outbox = place.outbox()?;
        let (cache, _) = place.cache()?;
        let (feed, _) = place.cache()?;
        let org = place.org(&cache, &outbox).unwrap_or_default();
        let as_of = cache.as_of()?;
        let link = Link {
            synced_at: as_of.as_ref().map(|as_of| as_of.as_of),
            halts: as_of.as_ref().map(|as_of| as_of.halts.clone()).unwrap_or_default(),
            untold: as_of.map(|as_of| as_of.untold).unwrap_or_default(),
            broken: outbox.broken()?.map(|head| head.at),
            demo: org == DEMO_ORG && place.settings.loopback(),
            ..Link::default()
        };
        Ok(Self {
            place,
            outbox,
            feed: RefCell::new(feed),
            cache: RefCell::new(cache),
            api: RefCell::new(None),
            link: RefCell::new(link),
            failures: Cell::new(0),
            kick_feed: Notify::new(),
            kick_push: Notify::new(),
            kick_series: Notify::new(),
            looked: Cell::new(None),
            kick_find: Notify::new(),
            sought: Cell::new(None),
            kick_base: Notify::new(),
            wanted: Cell::new(None),
            kick_why: Notify::new(),
            wondered: Cell::new(None),
            told: RefCell::new(None),
            effects,
            tell,
        })
    }

    async fn run(&self, asks: Receiver<Ask>) {
        if self.place.settings.server.is_none() {
            return;
        }
        // The questions end when the console is gone, and with them the rest.
        tokio::select! {
            () = self.questions(asks) => {}
            () = self.follow() => {}
            () = self.deliver() => {}
            () = self.series() => {}
            () = self.searches() => {}
            () = self.whys() => {}
            () = self.bases() => {}
        }
    }

    fn now(&self) -> Timestamp {
        self.place.clock.now()
    }

    fn tell(&self, answer: Answer) {
        (self.tell)(answer);
    }

    fn tell_link(&self, change: impl FnOnce(&mut Link)) {
        let mut link = self.link.borrow_mut();
        change(&mut link);
        self.tell(Answer::Link(link.clone()));
    }

    /// The server, signed in where a key is at hand that asks for nothing.
    async fn api(&self) -> Result<Api, String> {
        if let Some(api) = self.api.borrow().clone() {
            return Ok(api);
        }
        let api =
            session::connect(&self.place.home, &self.place.settings).map_err(|error| error.to_string())?;
        let api = if api.has_token() { api } else { self.sign_in(api, None).await? };
        *self.api.borrow_mut() = Some(api.clone());
        Ok(api)
    }

    async fn sign_in(&self, api: Api, passphrase: Option<&Zeroizing<String>>) -> Result<Api, String> {
        let known = self.place.org(&self.cache.borrow(), &self.outbox);
        let org = if let Some(org) = known {
            org
        } else {
            let person = session::person(&self.place.settings).map_err(|error| error.to_string())?;
            api.challenge(&person).await.map_err(|error| error.to_string())?.org
        };
        let signer =
            self.place.signer(&org, &self.cache.borrow(), passphrase).map_err(|error| match error {
                SignError::NoPassphrase => LOCKED.to_owned(),
                other => other.to_string(),
            })?;
        let signed_in = session::login(&self.place.home, &self.place.settings, &api, &signer).await;
        let session = signed_in.map_err(|error| error.to_string())?;
        Ok(api.with_token(Zeroizing::new(session.token)))
    }

    fn exchange<'b>(&'b self, api: &'b Api) -> Exchange<'b> {
        Exchange {
            api,
            outbox: &self.outbox,
            clock: &self.place.clock,
            log_key: self.place.settings.log_key.as_deref(),
            cache_bytes_max: self.place.settings.cache_bytes_max,
        }
    }

    /// The feed, for as long as the console lives.
    #[expect(
        clippy::await_holding_refcell_ref,
        reason = "one thread, and only this future borrows the feed's cache"
    )]
    async fn follow(&self) {
        let mut wait = Duration::ZERO;
        loop {
            let pulled = match self.api().await {
                Ok(api) => {
                    let mut feed = self.feed.borrow_mut();
                    self.exchange(&api).pull(&mut feed, wait).await.map_err(Failed::Sync)
                }
                Err(why) => Err(Failed::NoSession(why)),
            };
            match pulled {
                Ok(pulled) => {
                    self.pulled(&pulled).await;
                    wait = POLL_MAX;
                }
                Err(failed) => {
                    wait = Duration::ZERO;
                    if self.failed(&failed).await {
                        continue;
                    }
                    self.pause().await;
                }
            }
        }
    }

    async fn pulled(&self, pulled: &Pulled) {
        self.failures.set(0);
        let now = self.now();
        if pulled.whole {
            self.keep_me().await;
        }
        let news = self.news(pulled, now);
        for answer in news {
            self.tell(answer);
        }
        let (halts, untold) = match self.feed.borrow().as_of() {
            Ok(Some(as_of)) => (as_of.halts, as_of.untold),
            Ok(None) | Err(_) => (Halts::default(), Vec::new()),
        };
        let ahead = now.duration_since(pulled.as_of).as_secs();
        let org = self.place.org(&self.feed.borrow(), &self.outbox).unwrap_or_default();
        self.tell_link(|link| {
            link.state = LinkState::Synced;
            link.synced_at = Some(now);
            link.next_at = None;
            link.clock_ahead_s = ahead;
            link.halts = halts;
            link.untold = untold;
            link.demo = org == DEMO_ORG && self.place.settings.loopback();
        });
        self.kick_push.notify_one();
        self.receipts().await;
    }

    fn news(&self, pulled: &Pulled, now: Timestamp) -> Vec<Answer> {
        let cache = self.feed.borrow();
        let mut answers = Vec::new();
        if pulled.whole {
            if let (Ok(rows), Ok(holds)) = (cache.all(since(now), now), cache.holds()) {
                answers.push(Answer::All { rows, holds, me: self.me(&cache) });
            }
            return answers;
        }
        let rows =
            pulled.rows.iter().filter_map(|row| cache.listed(*row, now).ok().flatten()).collect::<Vec<_>>();
        if !rows.is_empty() {
            answers.push(Answer::Changed { rows, gone: Vec::new() });
            answers.extend(cache.holds().ok().map(Answer::Holds));
        }
        answers
    }

    fn me(&self, cache: &Cache) -> Option<crate::client::Me> {
        let org = self.place.org(cache, &self.outbox).unwrap_or_default();
        let known = self.place.known_me(cache);
        Some(crate::client::Me::of(self.place.settings.person.clone()?, &org, known))
    }

    /// Who one is to the server, for deciding without it. Best effort.
    async fn keep_me(&self) {
        let Ok(api) = self.api().await else { return };
        if let Ok(me) = api.me().await {
            let _ = self.cache.borrow().keep_fact("me", &me);
        }
    }

    async fn receipts(&self) {
        let Ok(api) = self.api().await else { return };
        match self.exchange(&api).fetch_receipts().await {
            Ok(0) => {}
            Ok(_) => self.tell_outbox(),
            Err(SyncError::RecordBroken { .. }) => self.broken(),
            Err(_) => {}
        }
    }

    /// True where it may be tried again at once.
    async fn failed(&self, failed: &Failed) -> bool {
        let now = self.now();
        match failed {
            Failed::Sync(SyncError::RecordBroken { .. }) => self.broken(),
            Failed::Sync(error) if error.signed_out() => {
                *self.api.borrow_mut() = None;
                let connected = session::connect(&self.place.home, &self.place.settings);
                if let Ok(api) = connected
                    && let Ok(api) = self.sign_in(api, None).await
                {
                    *self.api.borrow_mut() = Some(api);
                    return true;
                }
                self.away(|since| LinkState::SignedOut { since });
            }
            Failed::Sync(error) if error.away() => self.away(|since| LinkState::Offline { since }),
            Failed::Sync(error) => {
                self.tell(Answer::Told(error.to_string()));
                self.away(|since| LinkState::Offline { since });
            }
            Failed::NoSession(why) => {
                if self.failures.get() == 0 && !self.link.borrow().away() {
                    self.tell(Answer::Told(why.clone()));
                }
                // The server may be away, or no key may be at hand: the server is asked which.
                let reached = match session::connect(&self.place.home, &self.place.settings) {
                    Ok(api) => api.ready().await.is_ok(),
                    Err(_) => false,
                };
                let state: fn(Timestamp) -> LinkState = if reached {
                    |since| LinkState::SignedOut { since }
                } else {
                    |since| LinkState::Offline { since }
                };
                self.away(state);
            }
        }
        let failures = self.failures.get().saturating_add(1);
        self.failures.set(failures);
        let next = plan::next_attempt(failures, None, 1.0, now);
        let next = next.min(now.saturating_add(SignedDuration::from_secs(30)).unwrap_or(next));
        self.tell_link(|link| link.next_at = Some(next));
        false
    }

    /// The time of the first failure stays.
    fn away(&self, state: impl FnOnce(Timestamp) -> LinkState) {
        let now = self.now();
        self.tell_link(|link| {
            let since = match link.state {
                LinkState::Offline { since } | LinkState::SignedOut { since } => since,
                LinkState::Synced => now,
                LinkState::Starting | LinkState::NoServer => link.synced_at.unwrap_or(now),
            };
            link.state = state(since);
        });
    }

    fn broken(&self) {
        let at = self.outbox.broken().ok().flatten().map_or_else(|| self.now(), |head| head.at);
        self.tell_link(|link| link.broken = Some(at));
    }

    /// Until the next attempt, or until somebody asks for it.
    async fn pause(&self) {
        let next = self.link.borrow().next_at;
        let wait = next.map_or(SignedDuration::from_secs(1), |next| next.duration_since(self.now()));
        let wait = Duration::try_from(wait).unwrap_or(Duration::from_secs(1));
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = self.kick_feed.notified() => {}
        }
    }

    /// Deliveries: when something was signed, when its rest is over, when the server is back.
    async fn deliver(&self) {
        loop {
            self.tell_outbox();
            let next_at = self.push().await;
            let until = next_at.map(|at| at.duration_since(self.now()));
            let wait = until.and_then(|until| Duration::try_from(until).ok()).unwrap_or(Duration::ZERO);
            let wait = if next_at.is_some() {
                wait.clamp(Duration::from_millis(50), LOOK_EVERY)
            } else {
                LOOK_EVERY
            };
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.kick_push.notified() => {}
            }
        }
    }

    async fn push(&self) -> Option<Timestamp> {
        let unsent = self.outbox.unsent().ok()?;
        let due = unsent.iter().map(|entry| entry.leaves_at.max(entry.next_at)).min()?;
        if due > self.now() {
            return Some(due);
        }
        // A decision authenticates itself: it needs no session.
        let api = match self.api().await {
            Ok(api) => api,
            Err(_) => session::connect(&self.place.home, &self.place.settings).ok()?,
        };
        let pushed = self.exchange(&api).push().await;
        self.tell_outbox();
        match pushed {
            Ok(pushed) => {
                let elsewhere = pushed.other_sender;
                if elsewhere || pushed.away.is_some() {
                    return Some(self.now().saturating_add(SignedDuration::from_secs(1)).unwrap_or(due));
                }
                if !pushed.settled.is_empty() {
                    self.kick_feed.notify_one();
                }
                pushed.next_at
            }
            Err(error) => {
                self.tell(Answer::Told(error.to_string()));
                Some(self.now().saturating_add(SignedDuration::from_secs(5)).unwrap_or(due))
            }
        }
    }

    /// What stands in the outbox now, where it is not what was told last: another program may have signed.
    fn tell_outbox(&self) {
        let (Ok(entries), Ok(drafts)) = (self.outbox.entries(), self.outbox.drafts()) else { return };
        let now = (entries, drafts);
        if self.told.borrow().as_ref() != Some(&now) {
            let (entries, drafts) = now.clone();
            *self.told.borrow_mut() = Some(now);
            self.tell(Answer::Outbox { entries, drafts });
        }
    }

    async fn questions(&self, mut asks: Receiver<Ask>) {
        while let Some(ask) = asks.recv().await {
            match ask {
                Ask::Push => self.kick_push.notify_one(),
                Ask::Now => {
                    self.kick_feed.notify_one();
                    self.kick_push.notify_one();
                    self.hurry();
                }
                Ask::SignIn(secret) => self.sign_in_with(&secret).await,
                Ask::Series(look) => {
                    self.looked.set(Some(look));
                    self.kick_series.notify_one();
                }
                Ask::Find { number, query } => {
                    self.sought.set(Some((number, query)));
                    self.kick_find.notify_one();
                }
                Ask::Row(row) => self.row(row).await,
                Ask::Fresh(row) => {
                    self.wanted.set(Some(row));
                    self.kick_base.notify_one();
                }
                Ask::Incident { visit, name } => {
                    let told = match self.api().await {
                        Ok(api) => incident_told(api.incident(&name).await),
                        Err(why) => IncidentTold::Failed(why),
                    };
                    self.tell(Answer::IncidentTold { visit, told });
                }
                Ask::Why { visit, page, line } => {
                    self.wondered.set(Some((visit, page, line)));
                    self.kick_why.notify_one();
                }
                Ask::Halt { note } => {
                    let said = self.halt(note).await;
                    self.tell(Answer::Told(said));
                }
                Ask::Amend { row, revision, amendment } => {
                    let amended = match self.api().await {
                        Ok(api) => {
                            api.amend_row(row, revision, &amendment).await.map_err(|error| error.to_string())
                        }
                        Err(why) => Err(why),
                    };
                    let revision = amended.map(|view| {
                        self.keep(row, &view);
                        view.head.revision
                    });
                    self.tell(Answer::Amended { row, revision });
                }
                Ask::History(row) => {
                    let attempts = match self.api().await {
                        Ok(api) => api.history(row).await.map_err(|error| error.to_string()),
                        Err(why) => Err(why),
                    };
                    let attempts = attempts.map(|entries| entries.iter().rev().map(attempt).collect());
                    self.tell(Answer::History { row, attempts });
                }
            }
        }
    }

    /// Live series, one question at a time and the newest alone, beside everything else.
    async fn series(&self) {
        loop {
            self.kick_series.notified().await;
            let Some(look) = self.looked.take() else { continue };
            let read = match self.api().await {
                Ok(api) => {
                    api.series(look.row, look.span, look.until).await.map_err(|error| error.to_string())
                }
                Err(why) => Err(why),
            };
            self.tell(Answer::Series { look, series: read.map(Box::new) });
        }
    }

    /// Searches, one at a time and the newest alone, beside everything else.
    async fn searches(&self) {
        loop {
            self.kick_find.notified().await;
            let Some((number, query)) = self.sought.take() else { continue };
            let limit = [("limit", ROWS_MAX.to_string())];
            let found = match self.api().await {
                Ok(api) => api.find(&query, &limit, None).await.map_err(|error| error.to_string()),
                Err(why) => Err(why),
            };
            self.tell(Answer::Found { number, found: found.map(|page| page.rows) });
        }
    }

    async fn sign_in_with(&self, secret: &Secret) {
        if self.api.borrow().is_some() {
            return;
        }
        let connected = session::connect(&self.place.home, &self.place.settings);
        let signed_in = match connected {
            Ok(api) => self.sign_in(api, Some(&secret.0)).await,
            Err(error) => Err(error.to_string()),
        };
        match signed_in {
            Ok(api) => {
                *self.api.borrow_mut() = Some(api);
                self.kick_feed.notify_one();
            }
            Err(why) => self.tell(Answer::Told(why)),
        }
    }

    /// Somebody asked: what waits for its next attempt goes now.
    fn hurry(&self) {
        let now = self.now();
        for entry in self.outbox.unsent().unwrap_or_default().iter().filter(|entry| entry.leaves_at <= now) {
            let _ = self.outbox.hurry(&entry.id, now);
        }
    }

    async fn row(&self, row: RowId) {
        let read = match self.api().await {
            Ok(api) => api.row(row).await.map_err(|error| error.to_string()),
            Err(why) => Err(why),
        };
        match read {
            Ok(view) => self.keep(row, &view),
            Err(why) => self.tell(Answer::Row { row, body: Err(why) }),
        }
    }

    /// A row that came by itself goes into the cache, and from there to the screen.
    fn keep(&self, row: RowId, view: &RowView) {
        let kept = self.cache.borrow_mut().put(view, self.now());
        match kept {
            Ok(()) => drop(self.effects.try_send(Effect::LoadRow { row })),
            Err(error) => self.tell(Answer::Row { row, body: Err(error.to_string()) }),
        }
    }
}

enum Failed {
    Sync(SyncError),
    NoSession(String),
}

/// One entry of the record in words. What cannot be read says so.
fn attempt(entry: &HistoryEntry) -> Attempt {
    let unreadable = || Attempt {
        index: entry.index,
        at: Timestamp::UNIX_EPOCH,
        actor: "?".to_owned(),
        event: "unreadable".to_owned(),
        detail: "this entry cannot be read".to_owned(),
    };
    let Ok(leaf) = c1::parse(entry.leaf.as_bytes()) else { return unreadable() };
    let text = |name: &str| leaf.text(name).map(str::to_owned);
    let Some(at) = text("at").and_then(|at| at.parse().ok()) else { return unreadable() };
    let actor = leaf.get("actor").and_then(|actor| actor.text("id")).unwrap_or("?").to_owned();
    let body = leaf.get("body");
    let said = |name: &str| body.and_then(|body| body.text(name)).map(|value| format!("{name} {value}"));
    let told = ["state", "decision", "code", "why", "detail", "title", "verdict", "note"];
    let detail: Vec<String> = told.iter().filter_map(|name| said(name)).collect();
    let revision = text("revision").map(|revision| format!("r{revision} ")).unwrap_or_default();
    Attempt {
        index: entry.index,
        at,
        actor,
        event: text("event").unwrap_or_default(),
        detail: format!("{revision}{}", detail.join(", ")),
    }
}
/// What came of asking about an incident: that the backend has no row of it is an answer.
fn incident_told(asked: Result<IncidentView, ApiError>) -> IncidentTold {
    match asked {
        Ok(view) => IncidentTold::Came(Box::new(view)),
        Err(error) if error.not_found() => IncidentTold::Nothing,
        Err(error) => IncidentTold::Failed(error.to_string()),
    }
}
