//! Telling people: what asks somebody, what runs out, what went wrong, what was published, to where they are.
//!
//! [`news`] says what is told of a row and when, [`message`] in which words, [`target`] to whom and how; here is the work:
//! news are taken from the store, shared out to those whom they concern, sent, and tried again while they are so. A message
//! may come twice, under the same id; none is lost while its row stands as it says.
//! Never: a decision, or a link to one; a row that waits for a message; a target that keeps the others waiting.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use tokio::task::JoinSet;

use super::{app::App, config::WrongConfig, standing::Standing};
use crate::{
    row::{PrincipalId, Row},
    store::{Commit, Committed, StoreError, Work, WorkChange, WorkKind},
    wire::Untold,
};

mod message;
mod news;
mod target;

pub(super) use news::follow;
pub use target::Config;

use message::Message;
use news::News;
use target::{Again, MEND, Target, Unsent};

/// Messages that are on their way at once.
const TOGETHER_MAX: usize = 4;
/// One sending may wait for Slack's pauses; then its lease runs out, and it is looked for.
const LEASE: SignedDuration = SignedDuration::from_secs(120);
const SEND_WITHIN: Duration = Duration::from_secs(100);
const POLL: Duration = Duration::from_secs(1);
/// A target that fails is left alone for so long, and twice as long each time.
const PAUSE: SignedDuration = SignedDuration::from_secs(2);
const PAUSE_MAX: SignedDuration = SignedDuration::from_mins(5);
/// What a platform asks for at most is waited.
const REST_MAX: SignedDuration = SignedDuration::from_mins(15);
const MINUTE: SignedDuration = SignedDuration::from_mins(1);
/// How long one waits at least while another message goes to the same target.
const TURN: SignedDuration = SignedDuration::from_millis(200);

/// Everybody who is told, and how it goes with each.
pub(super) struct Telling {
    targets: BTreeMap<String, (Target, Mutex<Going>)>,
}

/// How it goes with one target.
#[derive(Debug, Default)]
struct Going {
    /// A message is on its way to it since then.
    busy: Option<Timestamp>,
    failures: u32,
    not_before: Option<Timestamp>,
    /// What fails, and since when.
    trouble: Option<(String, Timestamp)>,
    /// When messages were sent, within the last minute.
    sent: VecDeque<Timestamp>,
}

impl Telling {
    pub(super) fn open(tables: &[Config]) -> Result<Self, WrongConfig> {
        let mut targets = BTreeMap::new();
        for table in tables {
            let target = Target::open(table).map_err(WrongConfig)?;
            if targets.insert(table.name.clone(), (target, Mutex::default())).is_some() {
                return Err(WrongConfig(format!("tell: two are called `{}`", table.name)));
            }
        }
        Ok(Self { targets })
    }

    /// Whom nothing can be told now, and since when.
    pub(super) fn untold(&self) -> Vec<Untold> {
        let told = |(name, (_, going)): (&String, &(Target, Mutex<Going>))| {
            let going = going.lock().unwrap_or_else(PoisonError::into_inner);
            going.trouble.as_ref().map(|(_, since)| Untold { to: name.clone(), since: *since })
        };
        self.targets.iter().filter_map(told).collect()
    }

    /// Whom nothing can be told now, and why.
    pub(super) fn troubles(&self) -> Vec<String> {
        let told = |(name, (_, going)): (&String, &(Target, Mutex<Going>))| {
            let going = going.lock().unwrap_or_else(PoisonError::into_inner);
            going.trouble.as_ref().map(|(why, since)| format!("telling {name}, since {since}: {why}"))
        };
        self.targets.iter().filter_map(told).collect()
    }
}

/// Every table of a config, tried without telling anybody anything.
pub async fn check(tables: &[Config]) -> Vec<Result<String, String>> {
    let mut found = Vec::new();
    for table in tables {
        found.push(match Target::open(table) {
            Ok(target) => target.check().await,
            Err(why) => Err(why),
        });
    }
    found
}

/// Runs until it is dropped.
pub(super) async fn run(app: Arc<App>) {
    let mut running = JoinSet::new();
    let mut grown = app.store.grown();
    loop {
        while running.len() < TOGETHER_MAX {
            match app.store.take_work(WorkKind::Tell, app.clock.now(), LEASE).await {
                Ok(Some(work)) => {
                    let app = Arc::clone(&app);
                    running.spawn(async move {
                        if let Err(error) = tell(&app, &work).await {
                            tracing::error!(row = %work.row, %error, "news could not be kept");
                        }
                    });
                }
                Ok(None) => break,
                Err(error) => {
                    tracing::error!(%error, "news cannot be read");
                    break;
                }
            }
        }
        tokio::select! {
            _ = grown.changed() => {}
            Some(_) = running.join_next(), if !running.is_empty() => {}
            () = tokio::time::sleep(POLL) => {}
        }
    }
}

/// One piece of work: shared out, sent, or over.
async fn tell(app: &App, work: &Work) -> Result<(), StoreError> {
    let done = WorkChange::Done { id: work.id, fence: work.fence };
    let Ok(news) = serde_json::from_str::<News>(&work.payload) else {
        tracing::error!(row = %work.row, "news that nobody can read");
        return commit(app, vec![done]).await;
    };
    let now = app.clock.now();
    let row = app.store.row(work.row).await?.filter(|row| news.stands(row, now));
    let Some(row) = row else { return commit(app, vec![done]).await };
    let Some(name) = &news.to else { return share_out(app, &news, &row, done, now).await };
    // Whoever is no longer configured is told nothing.
    let Some((target, going)) = app.telling.targets.get(name) else { return commit(app, vec![done]).await };
    let wait = match begin(going, target, now) {
        Err(wait) => {
            let not_before = now.checked_add(wait).unwrap_or(now);
            return commit(app, vec![WorkChange::Untried { id: work.id, fence: work.fence, not_before }])
                .await;
        }
        Ok(_turn) => match sent(app, work, &news, &row, target).await {
            Ok(()) => {
                well(going, app.clock.now());
                app.counters.count("dock_told_total", name);
                return commit(app, vec![done]).await;
            }
            Err(unsent) => {
                app.counters.count("dock_untold_total", name);
                tracing::warn!(row = %row.id, to = name, why = unsent.why, "not told yet");
                badly(going, &unsent, app.clock.now())
            }
        },
    };
    let now = app.clock.now();
    let not_before = now.checked_add(wait).unwrap_or(now);
    commit(app, vec![WorkChange::Later { id: work.id, fence: work.fence, not_before }]).await
}

/// One piece of work for each whom the news concern.
async fn share_out(
    app: &App,
    news: &News,
    row: &Row,
    done: WorkChange,
    now: Timestamp,
) -> Result<(), StoreError> {
    let wanting = app.telling.targets.iter().filter(|(_, (target, _))| target.wants(news.what, row));
    let each = wanting.map(|(name, _)| {
        let payload = News { to: Some(name.clone()), ..news.clone() }.payload();
        WorkChange::Add { kind: WorkKind::Tell, row: row.id, payload, not_before: now }
    });
    let work = each.chain([done]).collect();
    commit(app, work).await?;
    crate::stop_point::reach("news.shared");
    Ok(())
}

async fn sent(app: &App, work: &Work, news: &News, row: &Row, target: &Target) -> Result<(), Unsent> {
    let unread = |error: StoreError| Unsent { why: error.to_string(), again: Again::After(PAUSE) };
    let standing = app.standing().await.map_err(unread)?;
    let now = app.clock.now();
    let may = asked_in_order(app, &standing, row, now).await;
    let message = Message::of(news, row, &may, now);
    let sending = target.send(&message, row.incident.as_deref(), news.at, work.attempts > 1, now);
    let slow = |_| Unsent { why: "no answer in time".to_owned(), again: Again::After(PAUSE) };
    tokio::time::timeout(SEND_WITHIN, sending).await.unwrap_or_else(|late| Err(slow(late)))?;
    crate::stop_point::reach("news.sent");
    Ok(())
}

/// Who may decide on a row, in the order in which they are asked: whom its draft named, then whoever is on call, first called
/// first. So there is a next one, where a draft named one alone.
async fn asked_in_order(app: &App, standing: &Standing, row: &Row, now: Timestamp) -> Vec<PrincipalId> {
    let on_call = app.shifts.in_order(app, standing, now).await;
    let people = standing.authority.people();
    let mut asked: Vec<PrincipalId> = Vec::new();
    for who in row.reviewers.iter().chain(&on_call) {
        let active = people.get(who).is_some_and(|person| person.active);
        if active && *who != row.owner && !asked.contains(who) {
            asked.push(who.clone());
        }
    }
    asked
}

async fn commit(app: &App, work: Vec<WorkChange>) -> Result<(), StoreError> {
    let commit = Commit { work, ..Commit::at(app.clock.now()) };
    match app.store.commit(commit).await? {
        // Whoever holds it now goes on with it.
        Committed::At(_) | Committed::LeaseLost | Committed::Conflict | Committed::SubjectTaken(_) => Ok(()),
    }
}

/// While it is held, no other message goes to the target.
struct Turn<'a>(&'a Mutex<Going>);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).busy = None;
    }
}

/// The message's turn, or for how long the target is to be left alone.
fn begin<'a>(whole: &'a Mutex<Going>, target: &Target, now: Timestamp) -> Result<Turn<'a>, SignedDuration> {
    let mut going = whole.lock().unwrap_or_else(PoisonError::into_inner);
    // As long again as that one has taken: whoever waits for a slow target looks seldom, however many they are.
    if let Some(since) = going.busy {
        return Err(now.duration_since(since).clamp(TURN, LEASE));
    }
    let rest = going.not_before.map(|at| at.duration_since(now)).filter(SignedDuration::is_positive);
    // Never longer than it was told: a clock may be set back.
    if let Some(rest) = rest {
        return Err(rest.min(REST_MAX));
    }
    while going.sent.front().is_some_and(|at| now.duration_since(*at).abs() >= MINUTE) {
        going.sent.pop_front();
    }
    let most = usize::try_from(target.config.per_minute.get()).unwrap_or(usize::MAX);
    if going.sent.len() >= most
        && let Some(first) = going.sent.front()
    {
        return Err(MINUTE - now.duration_since(*first).abs());
    }
    going.busy = Some(now);
    drop(going);
    Ok(Turn(whole))
}

fn well(going: &Mutex<Going>, now: Timestamp) {
    let mut going = going.lock().unwrap_or_else(PoisonError::into_inner);
    (going.failures, going.not_before, going.trouble) = (0, None, None);
    going.sent.push_back(now);
}

/// How long the message waits. What passes holds up the target; what somebody has to mend only this message: another may go
/// to another channel.
fn badly(going: &Mutex<Going>, unsent: &Unsent, now: Timestamp) -> SignedDuration {
    let mut going = going.lock().unwrap_or_else(PoisonError::into_inner);
    let since = going.trouble.as_ref().map_or(now, |(_, since)| *since);
    going.trouble = Some((unsent.why.clone(), since));
    match unsent.again {
        Again::Mended => MEND,
        Again::After(least) => {
            let doubled = PAUSE * 2_i32.saturating_pow(going.failures.min(8));
            let wait = doubled.min(PAUSE_MAX).max(least);
            going.failures = going.failures.saturating_add(1);
            going.not_before = now.checked_add(wait).ok();
            wait
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_message_at_a_time_so_many_a_minute_and_ever_longer_pauses_after_failures() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let text = "name = \"ops\"\nper_minute = 2\n[ntfy]\ntopic = \"dock\"\n";
        let target = Target::open(&toml::from_str(text).unwrap()).unwrap();
        let at = |second: i64| Timestamp::from_second(1_780_000_000 + second).unwrap();
        let going = Mutex::default();
        let wait = |second| begin(&going, &target, at(second)).err().map(|wait| wait.as_secs());
        let turn = begin(&going, &target, at(0)).ok();
        let busy = |second| begin(&going, &target, at(second)).err().map(|wait| wait.as_millis());
        assert_eq!([busy(0), busy(1), busy(8)], [Some(200), Some(1_000), Some(8_000)], "one is on its way");
        drop(turn);
        for second in [0, 10] {
            assert_eq!(wait(second), None);
            well(&going, at(second));
        }
        assert_eq!([wait(20), wait(59), wait(60)], [Some(40), Some(1), None], "two a minute");
        let fails = |second, again| {
            let unsent = Unsent { why: "it failed itself (500)".to_owned(), again };
            badly(&going, &unsent, at(second)).as_secs()
        };
        let passes = Again::After(SignedDuration::ZERO);
        assert_eq!([fails(100, passes), fails(102, passes), fails(106, passes)], [2, 4, 8]);
        assert_eq!([wait(107), wait(114)], [Some(7), None]);
        assert_eq!(fails(114, Again::After(SignedDuration::from_mins(9))), 540, "as long as it was told");
        assert_eq!(fails(654, Again::Mended), 600);
        assert_eq!(going.lock().unwrap().trouble.clone().unwrap().1, at(100), "since the first failure");
        for _ in 0..20 {
            fails(700, passes);
        }
        assert_eq!(fails(700, passes), 300, "no longer than that");
        well(&going, at(2_000));
        assert!(wait(2_000).is_none() && going.lock().unwrap().trouble.is_none());
    }
}
