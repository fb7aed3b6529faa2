//! What was said in a channel in a while: its messages and the threads under them, in the order of time.
//!
//! Slack gives the newest first and lets us ask about fifty times a minute; a long history is read across its pauses, and
//! what could not be read is told with the messages that could.
//! Never: a history that is short without saying so.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::Timestamp;

use super::{Identity, PAGE, Source, Tag, get, wire};
use crate::platform::{Failure, PlatformError, http::Ask};

/// Messages that are read at most, replies among them.
const MESSAGES_MAX: usize = 5_000;
/// Pages of one channel or thread, full or not.
const PAGES_MAX: usize = 400;
/// How long Slack's pauses may be waited out for one history, in all.
const PATIENCE: Duration = Duration::from_secs(3 * 60);
const MICROS: i64 = 1_000_000;

/// What was said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    /// In the order of time.
    pub messages: Vec<Message>,
    /// What is not among them, and why; `None`: nothing is missing.
    pub missing: Option<String>,
}

/// One message, or one reply in a thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its name in the channel: digits with a point, not a number.
    pub ts: String,
    pub at: Timestamp,
    /// Who wrote it, by Slack's id; absent for some programs.
    pub user: Option<String>,
    /// What a program calls itself.
    pub name: Option<String>,
    /// As Slack wrote it: see [`super::text::plain`].
    pub text: String,
    /// The message that it replies to; absent where it stands in the channel itself.
    pub thread_ts: Option<String>,
    /// Names without colons, and how many people.
    pub reactions: Vec<(String, u64)>,
    /// A program wrote it.
    pub bot: bool,
    /// It was changed after it was said.
    pub edited: bool,
    /// Slack's word for what is not plainly said, as in `channel_join`.
    pub subtype: Option<String>,
    /// The row that a message of Dock's is about.
    pub tag: Option<Tag>,
    pub permalink: String,
}

impl Message {
    /// Slack's own notices (somebody came, the topic changed), which nobody said.
    pub fn is_notice(&self) -> bool {
        self.subtype.as_deref().is_some_and(|word| {
            ["channel_", "group_"].iter().any(|notice| word.starts_with(notice))
                || matches!(word, "bot_add" | "bot_remove" | "tombstone" | "pinned_item" | "reminder_add")
        })
    }
}

impl Source {
    /// What was said in a channel from one time to another, both included; `channel` is its id. A reply is found with the
    /// message that it replies to: one to a message before `from` is not, as Slack lists it nowhere.
    pub async fn messages(
        &self,
        channel: &str,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<History, PlatformError> {
        let ourselves = self.ourselves().await?;
        let found = BTreeMap::new();
        let mut reader =
            Reader { source: self, ourselves, channel, from, to, found, missing: None, patience: PATIENCE };
        let threads = reader.channel().await?;
        for (at, thread) in threads {
            reader.thread(at, &thread).await?;
        }
        let messages = reader.found.into_values().collect();
        Ok(History { messages, missing: reader.missing })
    }

    /// The replies to one message, in the order of time.
    pub async fn replies(&self, channel: &str, thread: &str) -> Result<History, PlatformError> {
        let ourselves = self.ourselves().await?;
        let (found, from, to) = (BTreeMap::new(), Timestamp::MIN, Timestamp::MAX);
        let mut reader =
            Reader { source: self, ourselves, channel, from, to, found, missing: None, patience: PATIENCE };
        let at = time_of(thread).unwrap_or(Timestamp::MIN);
        reader.thread(at, thread).await?;
        let messages = reader.found.into_values().collect();
        Ok(History { messages, missing: reader.missing })
    }
}

struct Reader<'s> {
    source: &'s Source,
    ourselves: &'s Identity,
    channel: &'s str,
    from: Timestamp,
    to: Timestamp,
    /// Two messages at one time have different names.
    found: BTreeMap<(Timestamp, String), Message>,
    missing: Option<String>,
    patience: Duration,
}

impl Reader<'_> {
    /// Reads the channel itself, newest first. Tells which messages have threads, oldest first.
    async fn channel(&mut self) -> Result<BTreeSet<(Timestamp, String)>, PlatformError> {
        let asked = format!("what was said in {}", self.channel);
        let (mut threads, mut cursor) = (BTreeSet::new(), None);
        for _ in 0..PAGES_MAX {
            let ask = self.ask(&asked, "conversations.history");
            let Some((page, next)) = self.page(ask, cursor.as_deref()).await? else {
                self.lacks_before("Slack limits our rate");
                return Ok(threads);
            };
            for said in page {
                let (at, has_thread) = (self.time(&asked, &said)?, said.reply_count > 0);
                let name = (at, said.ts.clone());
                if !self.keep(at, said) {
                    self.lacks_before(&format!("there are over {MESSAGES_MAX} messages"));
                    return Ok(threads);
                }
                if has_thread {
                    threads.insert(name);
                }
            }
            cursor = next;
            if cursor.is_none() {
                return Ok(threads);
            }
        }
        self.lacks_before("there are too many pages");
        Ok(threads)
    }

    /// Reads the replies under one message.
    async fn thread(&mut self, at: Timestamp, thread: &str) -> Result<(), PlatformError> {
        let asked = format!("the thread {thread} in {}", self.channel);
        let mut cursor = None;
        for _ in 0..PAGES_MAX {
            let ask = self.ask(&asked, "conversations.replies").query("ts", thread);
            let page = match self.page(ask, cursor.as_deref()).await {
                Ok(Some(page)) => page,
                Ok(None) => {
                    self.lacks(&format!(
                        "Slack limits our rate: replies to what was said at {at} are missing"
                    ));
                    return Ok(());
                }
                // It was deleted since.
                Err(error) if error.failure == Failure::NotFound && at > Timestamp::MIN => return Ok(()),
                Err(error) => return Err(error),
            };
            for said in page.0 {
                // The message itself comes first in each page.
                if said.ts == thread {
                    continue;
                }
                let at_reply = self.time(&asked, &said)?;
                if !self.keep(at_reply, said) {
                    self.lacks(&format!(
                        "there are over {MESSAGES_MAX} messages: replies to what was said at {at} are missing"
                    ));
                    return Ok(());
                }
            }
            cursor = page.1;
            if cursor.is_none() {
                return Ok(());
            }
        }
        self.lacks(&format!("there are too many pages: replies to what was said at {at} are missing"));
        Ok(())
    }

    fn ask(&self, asked: &str, method: &str) -> Ask {
        let ask = get(asked, method)
            .query("channel", self.channel)
            .query("inclusive", "true")
            .query("include_all_metadata", "true")
            .query("limit", PAGE.to_string());
        let ask = if self.from > Timestamp::MIN { ask.query("oldest", ts_of(self.from)) } else { ask };
        if self.to < Timestamp::MAX { ask.query("latest", ts_of(self.to)) } else { ask }
    }

    /// One page, across Slack's pauses. `None`: they became too long, and there is something already.
    async fn page(
        &mut self,
        ask: Ask,
        cursor: Option<&str>,
    ) -> Result<Option<(Vec<wire::Said>, Option<String>)>, PlatformError> {
        loop {
            let error = match self.source.page(ask.clone(), "messages", cursor).await {
                Ok(page) => return Ok(Some(page)),
                Err(error) => error,
            };
            let Failure::RateLimited { retry_after } = error.failure else { return Err(error) };
            if retry_after > self.patience {
                return if self.found.is_empty() { Err(error) } else { Ok(None) };
            }
            self.patience -= retry_after;
            tokio::time::sleep(retry_after).await;
        }
    }

    fn time(&self, asked: &str, said: &wire::Said) -> Result<Timestamp, PlatformError> {
        said.at().map_err(|why| self.source.http.error(asked, Failure::Garbage, &why))
    }

    /// `false`: there is no room for it.
    fn keep(&mut self, at: Timestamp, said: wire::Said) -> bool {
        let name = (at, said.ts.clone());
        if at < self.from || self.to < at || self.found.contains_key(&name) {
            return true;
        }
        if self.found.len() >= MESSAGES_MAX {
            return false;
        }
        let permalink = self.ourselves.permalink(self.channel, &said.ts, said.thread_ts.as_deref());
        self.found.insert(name, said.message(at, permalink));
        true
    }

    /// The history came newest first: what is missing is what was said first.
    fn lacks_before(&mut self, why: &str) {
        let what = match self.found.keys().next() {
            Some((at, _)) => format!("{why}: what was said before {at} is missing"),
            None => format!("{why}: all of it is missing"),
        };
        self.lacks(&what);
    }

    fn lacks(&mut self, what: &str) {
        match &mut self.missing {
            Some(missing) if missing.len() < 1_000 => {
                missing.push_str("; ");
                missing.push_str(what);
            }
            Some(_) => {}
            None => self.missing = Some(what.to_owned()),
        }
    }
}

/// The time in a message's name.
pub(super) fn time_of(ts: &str) -> Option<Timestamp> {
    let (seconds, micros) = ts.split_once('.')?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(seconds) || !digits(micros) || micros.len() != 6 {
        return None;
    }
    let micros: i64 = micros.parse().ok()?;
    Timestamp::from_microsecond(seconds.parse::<i64>().ok()?.checked_mul(MICROS)?.checked_add(micros)?).ok()
}

/// A time as Slack compares it with messages' names.
pub(super) fn ts_of(at: Timestamp) -> String {
    let micros = at.as_microsecond().max(0);
    format!("{}.{:06}", micros / MICROS, micros % MICROS)
}
