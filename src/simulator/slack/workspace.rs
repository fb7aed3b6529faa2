//! The workspace: people, channels, what was said in them.
//!
//! Never: HTTP.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::App;
use crate::simulator::manifest;

const MICROS: i64 = 1_000_000;

#[derive(Debug, Default, Serialize, Deserialize)]
pub(in crate::simulator) struct Chat {
    people: Vec<String>,
    /// By name.
    channels: BTreeMap<String, Channel>,
    /// Every second page of a list is empty, some are short.
    pub(super) stutters: bool,
    troubles: Vec<Trouble>,
}

/// The next call of a method is answered with this word.
#[derive(Debug, Serialize, Deserialize)]
struct Trouble {
    method: String,
    word: String,
    /// What was asked for is done all the same.
    done: bool,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Channel {
    pub(super) id: String,
    name: String,
    pub(super) private: bool,
    pub(super) archived: bool,
    member: bool,
    /// By `ts`, which has as many digits in all of them.
    messages: BTreeMap<String, Message>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum Author {
    Person(String),
    /// A program: what it calls itself, and its user.
    Bot(String, String),
    /// Slack's own notice about a person.
    Notice(String, String),
}

#[derive(Debug, Serialize, Deserialize)]
struct Message {
    by: Author,
    text: String,
    thread: Option<String>,
    /// By name, who.
    reactions: BTreeMap<String, Vec<String>>,
    edited: Option<String>,
    metadata: Option<Value>,
}

/// From which message to which.
pub(super) struct Bounds {
    pub(super) oldest: Option<String>,
    pub(super) latest: Option<String>,
    pub(super) inclusive: bool,
}

impl Bounds {
    fn have(&self, ts: &str) -> bool {
        let after = self.oldest.as_deref().is_none_or(|oldest| oldest < ts || self.inclusive && oldest == ts);
        let before =
            self.latest.as_deref().is_none_or(|latest| ts < latest || self.inclusive && latest == ts);
        after && before
    }
}

fn id(kind: char, name: &str) -> String {
    let hex = manifest::uid(&format!("slack {kind} {name}")).replace('-', "").to_uppercase();
    format!("{kind}0{}", &hex[..8])
}

pub(super) fn user_id(name: &str) -> String {
    id('U', name)
}

pub(super) fn bot_user(app: App) -> String {
    user_id(app.name())
}

pub(super) fn bot(app: App) -> String {
    id('B', app.name())
}

impl Chat {
    pub(in crate::simulator) fn add_user(&mut self, name: &str) {
        self.people.push(name.to_owned());
    }

    pub(in crate::simulator) fn add_channel(&mut self, name: &str, member: bool) {
        let id = id('C', name);
        let channel = Channel {
            id,
            name: name.to_owned(),
            private: false,
            archived: false,
            member,
            messages: BTreeMap::new(),
        };
        self.channels.insert(name.to_owned(), channel);
    }

    /// Its `ts`; empty where there is no such channel.
    pub(in crate::simulator) fn say(
        &mut self,
        channel: &str,
        who: &str,
        at: Timestamp,
        text: &str,
        thread: Option<&str>,
    ) -> String {
        let Some(channel) = self.channels.get_mut(channel) else { return String::new() };
        channel.add(Author::Person(user_id(who)), at, text, thread.map(str::to_owned))
    }

    pub(super) fn channels(&self) -> impl Iterator<Item = &Channel> {
        self.channels.values()
    }

    pub(super) fn by_id(&self, id: &str) -> Option<&Channel> {
        self.channels.values().find(|channel| channel.id == id)
    }

    pub(super) fn by_id_mut(&mut self, id: &str) -> Option<&mut Channel> {
        self.channels.values_mut().find(|channel| channel.id == id)
    }

    pub(super) fn named(&mut self, name: &str) -> Option<&mut Channel> {
        self.channels.get_mut(name)
    }

    pub(super) fn user(&self, id: &str) -> Option<Value> {
        let name = self.people.iter().find(|name| user_id(name) == id);
        if let Some(name) = name {
            return Some(json!({"id": id, "name": name, "is_bot": false, "deleted": false,
                "profile": {"display_name": name, "real_name": name, "email": format!("{name}@demo.invalid")}}));
        }
        let app = [App::Reader, App::Writer].into_iter().find(|app| bot_user(*app) == id)?;
        Some(json!({"id": id, "name": app.name(), "is_bot": true, "deleted": false,
            "profile": {"display_name": "", "real_name": app.name(), "bot_id": bot(app)}}))
    }

    pub(super) fn is_there(&self, person: &str) -> bool {
        self.people.iter().any(|name| name == person)
    }

    pub(super) fn add_trouble(&mut self, method: &str, word: &str, done: bool) {
        self.troubles.push(Trouble { method: method.to_owned(), word: word.to_owned(), done });
    }

    /// The word that the next call of a method is answered with, and whether the call is carried out.
    pub(super) fn trouble(&mut self, method: &str) -> Option<(String, bool)> {
        let index = self.troubles.iter().position(|trouble| trouble.method == method)?;
        let trouble = self.troubles.remove(index);
        Some((trouble.word, trouble.done))
    }
}

impl Channel {
    pub(super) fn has(&self, _: App) -> bool {
        self.member
    }

    pub(super) fn set_member(&mut self, member: bool) {
        self.member = member;
    }

    pub(super) fn json(&self, app: App) -> Value {
        json!({"id": self.id, "name": self.name, "is_channel": !self.private, "is_group": false,
            "is_private": self.private, "is_archived": self.archived, "is_member": self.has(app),
            "topic": {"value": ""}, "num_members": 5})
    }

    pub(super) fn has_message(&self, ts: &str) -> bool {
        self.messages.contains_key(ts)
    }

    /// Its `ts`: the time, moved on by as many millionths as it takes to be another message's no more.
    pub(super) fn add(&mut self, by: Author, at: Timestamp, text: &str, thread: Option<String>) -> String {
        let mut micros = at.as_microsecond();
        let name = |micros: i64| format!("{:010}.{:06}", micros / MICROS, micros % MICROS);
        while self.messages.contains_key(&name(micros)) {
            micros += 1;
        }
        let message = Message {
            by,
            text: text.to_owned(),
            thread,
            reactions: BTreeMap::new(),
            edited: None,
            metadata: None,
        };
        self.messages.insert(name(micros), message);
        name(micros)
    }

    pub(super) fn tag(&mut self, ts: &str, metadata: Option<Value>) {
        if let Some(message) = self.messages.get_mut(ts) {
            message.metadata = metadata;
        }
    }

    pub(super) fn react(&mut self, ts: &str, who: &str, name: &str) -> bool {
        let Some(message) = self.messages.get_mut(ts) else { return false };
        message.reactions.entry(name.to_owned()).or_default().push(user_id(who));
        true
    }

    pub(super) fn reword(&mut self, ts: &str, text: &str) -> bool {
        let Some(message) = self.messages.get_mut(ts) else { return false };
        text.clone_into(&mut message.text);
        message.edited = Some(ts.to_owned());
        true
    }

    /// A message that has replies leaves a trace of itself.
    pub(super) fn delete(&mut self, ts: &str) -> bool {
        if self.replies(ts) == 0 {
            return self.messages.remove(ts).is_some();
        }
        let Some(message) = self.messages.get_mut(ts) else { return false };
        "This message was deleted.".clone_into(&mut message.text);
        message.by = Author::Notice("tombstone".to_owned(), "USLACKBOT".to_owned());
        true
    }

    fn replies(&self, ts: &str) -> usize {
        self.messages.values().filter(|message| message.thread.as_deref() == Some(ts)).count()
    }

    /// What stands in the channel itself, oldest first: each with the number of its replies.
    pub(super) fn history(&self, bounds: Bounds) -> Vec<(&str, usize)> {
        let mut threads: BTreeMap<&str, usize> = BTreeMap::new();
        for thread in self.messages.values().filter_map(|message| message.thread.as_deref()) {
            *threads.entry(thread).or_default() += 1;
        }
        let own = self.messages.iter().filter(|(ts, message)| message.thread.is_none() && bounds.have(ts));
        own.map(|(ts, _)| (ts.as_str(), threads.get(ts.as_str()).copied().unwrap_or_default())).collect()
    }

    /// A message, whatever the bounds, and its replies; `None`: there is no such message.
    pub(super) fn thread(&self, ts: &str, bounds: Bounds) -> Option<Vec<(&str, usize)>> {
        let (first, _) = self.messages.get_key_value(ts)?;
        let below =
            |(at, message): &(&String, &Message)| message.thread.as_deref() == Some(ts) && bounds.have(at);
        let replies = self.messages.iter().filter(below).map(|(ts, _)| (ts.as_str(), 0));
        Some(std::iter::once((first.as_str(), self.replies(ts))).chain(replies).collect())
    }

    pub(super) fn shown(&self, ts: &str, replies: usize, metadata: bool) -> Value {
        self.messages.get(ts).map(|message| message.json(ts, replies, metadata)).unwrap_or_default()
    }
}

impl Message {
    fn json(&self, ts: &str, replies: usize, metadata: bool) -> Value {
        let mut json = json!({"type": "message", "text": self.text, "ts": ts});
        match &self.by {
            Author::Person(user) => json["user"] = json!(user),
            Author::Bot(name, user) => {
                json["user"] = json!(user);
                json["bot_id"] = json!(id('B', name));
                json["bot_profile"] = json!({"id": id('B', name), "name": name});
            }
            Author::Notice(kind, user) => {
                json["user"] = json!(user);
                json["subtype"] = json!(kind);
            }
        }
        if let Some(thread) = &self.thread {
            json["thread_ts"] = json!(thread);
        }
        if replies > 0 {
            json["thread_ts"] = json!(ts);
            json["reply_count"] = json!(replies);
        }
        if let Some(edited) = &self.edited {
            json["edited"] = json!({"ts": edited});
        }
        if !self.reactions.is_empty() {
            let reaction = |(name, users): (&String, &Vec<String>)| json!({"name": name, "users": users, "count": users.len()});
            json["reactions"] = self.reactions.iter().map(reaction).collect();
        }
        if let Some(tag) = self.metadata.as_ref().filter(|_| metadata) {
            json["metadata"] = tag.clone();
        }
        json
    }
}
