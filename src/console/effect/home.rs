//! Effects that need this machine alone: cache, outbox, key. One thread, one order.
//!
//! Never: the network. What the cache does not have is asked of [`super::net`], and told when it came.

use std::sync::Arc;
use std::sync::mpsc::Receiver;

use jiff::Timestamp;
use tokio::sync::mpsc::Sender;
use zeroize::Zeroizing;

use super::super::incident::{self, Happening};
use super::super::model::{Body, Opened};
use super::super::widget::diff::Diff;
use super::net::Ask;
use super::{Answer, Effect, KeyState, Link, LinkState, Order, Snapshot, WhyTold};
use crate::audit::private_key::KeyError;
use crate::client::signer::DEMO_ORG;
use crate::client::{
    Cache, Entry, Fate, Home, Me, Outbox, Pin, Settings, SignError, Signer, StoreError, Wish, cache::RECENT,
    decide,
};
use crate::clock::Clock;
use crate::row::{Decision, Note, RowId, difference::read};
use crate::wire;

/// Effects that wait at once.
pub const EFFECTS_MAX: usize = 256;

/// Hands an answer to the console; false once nobody listens.
pub type TellAnswer = Arc<dyn Fn(Answer) -> bool + Send + Sync>;

const NEVER_SPOKEN: &str =
    "this home has never spoken to its server: it does not know whose record it signs for";

/// What every effect works with.
#[derive(Clone)]
pub struct Place {
    pub home: Home,
    pub settings: Settings,
    pub clock: Clock,
}

pub struct Worker {
    place: Place,
    outbox: Outbox,
    cache: Cache,
    signer: Option<Signer>,
}

impl Place {
    pub fn outbox(&self) -> Result<Outbox, OpenError> {
        self.home.state_folder()?;
        Ok(Outbox::open(&self.home.outbox_file())?)
    }

    /// The cache, and what is to be told of it.
    pub fn cache(&self) -> Result<(Cache, Option<String>), OpenError> {
        self.home.cache_folder()?;
        Ok(Cache::open(&self.home.cache_file())?)
    }

    /// The team's domain, as the log's key or the last sync names it.
    pub fn org(&self, cache: &Cache, outbox: &Outbox) -> Option<String> {
        let of_key = |key: String| key.split("/dock+").next().map(str::to_owned);
        let pinned = self.settings.log_key.clone().and_then(of_key);
        let kept = || outbox.fact("log_key").ok().flatten().and_then(of_key);
        pinned.or_else(kept).or_else(|| cache.as_of().ok().flatten().map(|as_of| as_of.org))
    }

    pub fn known_me(&self, cache: &Cache) -> Option<wire::Me> {
        cache.fact("me").ok().flatten()
    }

    pub fn signer(
        &self,
        org: &str,
        cache: &Cache,
        passphrase: Option<&Zeroizing<String>>,
    ) -> Result<Signer, SignError> {
        let known: Vec<String> =
            self.known_me(cache).into_iter().flat_map(|me| me.keys).map(|key| key.fingerprint).collect();
        Signer::open(&self.settings, org, &known, &mut |_| passphrase.cloned())
    }
}

/// Why the console does not start.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    Home(#[from] crate::client::HomeError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Worker {
    pub fn open(place: Place) -> Result<(Worker, Option<String>), OpenError> {
        let outbox = place.outbox()?;
        let (cache, remark) = place.cache()?;
        Ok((Worker { place, outbox, cache, signer: None }, remark))
    }

    /// Everything that the first frame shows.
    pub fn snapshot(&self) -> Result<Snapshot, StoreError> {
        let now = self.place.clock.now();
        let as_of = self.cache.as_of()?;
        let org = self.place.org(&self.cache, &self.outbox).unwrap_or_default();
        let mut list = self.cache.list(since(now), now)?;
        let entries = self.outbox.entries()?;
        // What came back to its reader is shown, whatever became of the row; so is what the reader approved.
        let approved = |entry: &Entry| {
            matches!(entry.fate, Fate::Accepted { .. }) && entry.decision == Decision::Approve
        };
        let wanted = |entry: &&Entry| approved(entry) || !entry.opened && entry.fate.came_back();
        for entry in entries.iter().filter(wanted) {
            if let Some(at) = list.over.iter().position(|(row, _)| *row == entry.row) {
                list.over.swap_remove(at);
                list.rows.extend(self.cache.listed(entry.row, now)?);
            }
        }
        let link = Link {
            state: if self.place.settings.server.is_some() {
                LinkState::Starting
            } else {
                LinkState::NoServer
            },
            synced_at: as_of.as_ref().map(|as_of| as_of.as_of),
            halts: as_of.as_ref().map(|as_of| as_of.halts.clone()).unwrap_or_default(),
            untold: as_of.map(|as_of| as_of.untold).unwrap_or_default(),
            broken: self.outbox.broken()?.map(|head| head.at),
            demo: org == DEMO_ORG && self.place.settings.loopback(),
            ..Link::default()
        };
        Ok(Snapshot {
            me: self.me(&org),
            list,
            holds: self.cache.holds()?,
            seen: self.outbox.seen()?,
            entries,
            drafts: self.outbox.drafts()?,
            begun: self.outbox.begun()?,
            link,
        })
    }

    fn me(&self, org: &str) -> Option<Me> {
        let known = self.place.known_me(&self.cache);
        Some(Me::of(self.place.settings.person.clone()?, org, known))
    }

    /// Does effects until nobody sends any more.
    pub fn run(mut self, effects: &Receiver<Effect>, tell: &TellAnswer, net: &Sender<Ask>) {
        while let Ok(effect) = effects.recv() {
            for answer in self.perform(effect, net) {
                if !tell(answer) {
                    return;
                }
            }
        }
    }

    #[expect(clippy::too_many_lines, reason = "one arm an effect")]
    fn perform(&mut self, effect: Effect, net: &Sender<Ask>) -> Vec<Answer> {
        let now = self.place.clock.now();
        super::super::run::panic_for_tests("effect");
        match effect {
            Effect::LoadRow { row } => match self.body(row, now) {
                Ok(Some(body)) => vec![Answer::Row { row, body: Ok(Box::new(body)) }],
                Ok(None) => ask(net, Ask::Row(row)),
                Err(error) => vec![Answer::Row { row, body: Err(error.to_string()) }],
            },
            Effect::LoadOver => {
                let over = self.cache.over(since(now), now);
                vec![Answer::Over(over.map_err(|error| error.to_string()))]
            }
            Effect::Compare { row, visit, mode, files, loose } => {
                vec![Answer::Compared { row, visit, mode, diff: Arc::new(Diff::of(files, loose)) }]
            }
            Effect::Find { number, query } => ask(net, Ask::Find { number, query }),
            Effect::Why { visit, page, line } => ask(net, Ask::Why { visit, page, line }),
            Effect::Fresh { row } => ask(net, Ask::Fresh(row)),
            Effect::History { row } => ask(net, Ask::History(row)),
            Effect::Series { look } => ask(net, Ask::Series(look)),
            Effect::Amend { row, revision, amendment } => ask(net, Ask::Amend { row, revision, amendment }),
            Effect::Incident { visit, name } => {
                let known = self.incident(&name, now).map_err(|error| error.to_string());
                vec![Answer::Incident { visit, known }]
            }
            Effect::AskIncident { visit, name } => ask(net, Ask::Incident { visit, name }),
            Effect::Halt { note } => ask(net, Ask::Halt { note }),
            Effect::SyncNow => ask(net, Ask::Now),
            Effect::MarkSeen(seen) => told(self.outbox.mark_seen(&seen)),
            Effect::MarkOpened(row) => self.outbox_after(|outbox| outbox.mark_opened(row)),
            Effect::SaveDraft(draft) => {
                let saved = self.outbox.save_draft(&draft);
                crate::stop_point::reach("draft.kept");
                told(saved)
            }
            Effect::SaveTicks { draft, said } => {
                let mut answers = told(self.outbox.save_ticks(&draft, &said));
                crate::stop_point::reach("draft.kept");
                answers.push(Answer::TicksKept(draft.row));
                // What another program ticked meanwhile is on the screen at once.
                answers.extend(self.outbox_now());
                answers
            }
            Effect::DropDraft { row, revision } => {
                self.outbox_after(|outbox| outbox.drop_draft(row, revision))
            }
            Effect::SaveBegun(begun) => {
                let saved = self.outbox.save_begun(&begun);
                crate::stop_point::reach("draft.kept");
                told(saved)
            }
            Effect::DropBegun { row } => told(self.outbox.drop_begun(row)),
            Effect::Key => vec![Answer::Key(self.key(None))],
            Effect::Unlock(secret) => {
                let mut answers = vec![Answer::Key(self.key(Some(&secret.0)))];
                // A passphrase that is wrong opens no session either.
                if !matches!(answers[..], [Answer::Key(KeyState::Locked { .. })]) {
                    answers.extend(ask(net, Ask::SignIn(secret)));
                }
                answers
            }
            Effect::TakeOver => {
                let mut answers = vec![Answer::Alone];
                answers.extend(self.outbox.begun().ok().map(Answer::Begun));
                answers.extend(self.outbox_now());
                answers
            }
            Effect::ForgetKey => {
                self.signer = None;
                Vec::new()
            }
            Effect::Sign(order) => {
                let row = order.pin.row;
                let signed = self.sign(&order, now);
                let mut answers = vec![Answer::Signed { row, signed: signed.map(Box::new) }];
                answers.extend(self.outbox_now());
                answers.extend(ask(net, Ask::Push));
                answers
            }
            Effect::TakeBack { row, id } => match self.outbox.take_back(&id, now) {
                Ok(taken) => {
                    let mut answers = self.outbox_now();
                    answers.push(Answer::TakenBack { row, taken });
                    answers
                }
                Err(error) => vec![Answer::Told(error.to_string())],
            },
            Effect::SendNow(id) => {
                let mut answers = self.outbox_after(|outbox| outbox.hurry(&id, now).map(drop));
                answers.extend(ask(net, Ask::Push));
                answers
            }
            Effect::SaveTheme(theme) => {
                let said = match self.place.home.save_theme(&theme) {
                    Ok(file) => format!("theme {theme}: saved in {}", file.display()),
                    Err(error) => format!("theme {theme}, until you leave: {error}"),
                };
                vec![Answer::Told(said)]
            }
            // Done by whoever holds the terminal.
            Effect::Edit { .. }
            | Effect::Copy(_)
            | Effect::OpenUrl(_)
            | Effect::Page(_)
            | Effect::TakeTurn
            | Effect::Suspend
            | Effect::Redraw
            | Effect::Quit => Vec::new(),
        }
    }

    fn body(&self, row: RowId, now: Timestamp) -> Result<Option<Body>, StoreError> {
        let Some(cached) = self.cache.row(row, now)? else { return Ok(None) };
        let seen = self.outbox.seen()?.into_iter().find(|seen| seen.row == row);
        let opened = match seen {
            None => None,
            Some(seen) => Some(Opened {
                revision: seen.revision,
                base: serde_json::from_str(&seen.base).ok(),
                at: seen.at,
                view: self.cache.revision(row, seen.revision, now)?.map(|cached| cached.view),
            }),
        };
        let files = read(&cached.view.diff);
        let diff = Arc::new(Diff::of(files.clone(), false));
        Ok(Some(Body {
            view: cached.view,
            undecidable: cached.undecidable,
            files,
            diff,
            opened,
            fresh: None,
            attempts: None,
        }))
    }

    /// Everything that is cached of an incident, in the order of time.
    fn incident(&self, name: &str, now: Timestamp) -> Result<Vec<Happening>, StoreError> {
        let mut views = Vec::new();
        for listed in self.cache.all(since(now), now)? {
            if listed.incident.as_deref() == Some(name) {
                views.extend(self.cache.row(listed.id, now)?.map(|cached| cached.view));
            }
        }
        Ok(incident::happened(name, &views, &self.cache.holds()?))
    }

    /// Opens the key where it is not open, and says what it is.
    fn key(&mut self, passphrase: Option<&Zeroizing<String>>) -> KeyState {
        let org = self.place.org(&self.cache, &self.outbox);
        if self.signer.is_none() {
            match self.place.signer(org.as_deref().unwrap_or_default(), &self.cache, passphrase) {
                Ok(signer) if org.is_some() => self.signer = Some(signer),
                Err(SignError::NoPassphrase) => return self.locked(false),
                Err(SignError::File { error: KeyError::WrongPassphrase, .. }) => return self.locked(true),
                Err(error) if org.is_some() => {
                    return KeyState::Missing(error.to_string().replace('\n', " "));
                }
                Ok(_) | Err(_) => return KeyState::Missing(NEVER_SPOKEN.to_owned()),
            }
        }
        match &self.signer {
            Some(signer) => KeyState::Ready {
                fingerprint: signer.fingerprint(),
                kind: signer.origin().to_owned(),
                touch: signer.proves_touch(),
            },
            None => KeyState::Unasked,
        }
    }

    fn locked(&self, wrong: bool) -> KeyState {
        let settings = &self.place.settings;
        let key =
            Signer::named_in_file(settings).map(|key| format!("{} {}", key.key_type(), key.fingerprint()));
        KeyState::Locked { file: settings.key.clone(), key: key.unwrap_or_default(), wrong }
    }

    /// Signs and keeps: when this returns, it is on disk.
    fn sign(&mut self, order: &Order, now: Timestamp) -> Result<crate::client::Entry, String> {
        let text = |error: &dyn std::fmt::Display| error.to_string().replace('\n', " ");
        let org = self.place.org(&self.cache, &self.outbox).ok_or("no organisation is known yet")?;
        let me = self.me(&org).ok_or("console.toml does not say who you are")?;
        let row = order.pin.row;
        let cached = self.cache.row(row, now).map_err(|error| text(&error))?;
        let cached = cached.ok_or_else(|| format!("{row} is not in the cache any more"))?;
        let note = match order.note.as_str() {
            "" => None,
            note => Some(Note::parse(note).map_err(|error| text(&error))?),
        };
        let digests = &order.pin.digests;
        let wish = Wish {
            decision: order.decision,
            overrides: order.overrides,
            note,
            conditions: order.conditions.iter().cloned().collect(),
            pin: Pin {
                revision: order.pin.revision,
                content: digests.content,
                base: digests.base,
                evidence: digests.evidence,
                presented: digests.presented,
            },
            on_screen_s: order.on_screen_s,
            offline: order.offline,
            rests: self.place.settings.leave_after(),
        };
        if self.signer.is_none() {
            self.key(None);
        }
        let signer = self.signer.as_ref().ok_or("the key is locked: sign again to unlock it")?;
        decide::sign(&mut self.outbox, signer, &cached, &me, &wish, now).map_err(|error| text(&error))
    }

    fn outbox_after(&self, change: impl FnOnce(&Outbox) -> Result<(), StoreError>) -> Vec<Answer> {
        match change(&self.outbox) {
            Ok(()) => self.outbox_now(),
            Err(error) => vec![Answer::Told(error.to_string())],
        }
    }

    fn outbox_now(&self) -> Vec<Answer> {
        match (self.outbox.entries(), self.outbox.drafts()) {
            (Ok(entries), Ok(drafts)) => vec![Answer::Outbox { entries, drafts }],
            (Err(error), _) | (_, Err(error)) => vec![Answer::Told(error.to_string())],
        }
    }
}

/// What is over leaves the list when it changed before this.
pub fn since(now: Timestamp) -> Timestamp {
    now.saturating_sub(RECENT).unwrap_or(now)
}

fn told(done: Result<(), StoreError>) -> Vec<Answer> {
    done.err().map(|error| Answer::Told(error.to_string())).into_iter().collect()
}

/// A question to the network that finds no room is told, not waited for.
fn ask(net: &Sender<Ask>, what: Ask) -> Vec<Answer> {
    let away = |row: RowId, why: &str| Answer::Row { row, body: Err(why.to_owned()) };
    match (net.try_send(what.clone()), what) {
        (Ok(()), _) | (Err(_), Ask::Push | Ask::Now | Ask::SignIn(_) | Ask::Fresh(_) | Ask::History(_)) => {
            Vec::new()
        }
        (Err(_), Ask::Series(look)) => {
            vec![Answer::Series { look, series: Err("too much is being asked at once".to_owned()) }]
        }
        (Err(_), Ask::Find { number, .. }) => {
            vec![Answer::Found { number, found: Err("too much is being asked at once".to_owned()) }]
        }
        (Err(_), Ask::Halt { .. }) => {
            vec![Answer::Told("NOT halted: too much is being asked at once; say it again".to_owned())]
        }
        (Err(_), Ask::Why { visit, .. }) => {
            let away = Some(("too much is being asked at once".to_owned(), None));
            vec![Answer::Why { visit, told: Box::new(WhyTold { away, ..WhyTold::default() }) }]
        }
        (Err(_), Ask::Incident { visit, .. }) => {
            let told = incident::Told::Failed("too much is being asked at once".to_owned());
            vec![Answer::IncidentTold { visit, told }]
        }
        (Err(_), Ask::Amend { row, .. }) => {
            vec![Answer::Amended {
                row,
                revision: Err("too much is being asked at once; send it again".to_owned()),
            }]
        }
        (Err(_), Ask::Row(row)) => vec![away(row, "it is not cached, and too much is being asked at once")],
    }
}
