//! How a demo or a test talks in Slack.
//!
//! Never: reachable over HTTP.

use jiff::Timestamp;

use super::workspace::{Author, Channel, user_id};
use crate::simulator::{SimulatorError, World};

impl World {
    /// Opens a channel, with Dock's apps in it or not.
    pub fn open_channel(&self, name: &str, private: bool, member: bool) {
        self.edit(|state, _| {
            state.chat.add_channel(name, member);
            if let Some(channel) = state.chat.named(name) {
                channel.private = private;
            }
        });
    }

    /// A person says something in a channel; the message's `ts`.
    pub fn say(
        &self,
        channel: &str,
        person: &str,
        at: Timestamp,
        text: &str,
    ) -> Result<String, SimulatorError> {
        self.spoken(channel, person, at, text, None)
    }

    /// A person answers a message in its thread.
    pub fn reply(
        &self,
        channel: &str,
        thread: &str,
        person: &str,
        at: Timestamp,
        text: &str,
    ) -> Result<String, SimulatorError> {
        self.spoken(channel, person, at, text, Some(thread))
    }

    /// A person reacts to a message, by the reaction's name without colons.
    pub fn react(&self, channel: &str, ts: &str, person: &str, name: &str) -> Result<(), SimulatorError> {
        self.on_message(channel, ts, |channel| channel.react(ts, person, name))
    }

    /// A message gets other words.
    pub fn reword(&self, channel: &str, ts: &str, text: &str) -> Result<(), SimulatorError> {
        self.on_message(channel, ts, |channel| channel.reword(ts, text))
    }

    pub fn delete_message(&self, channel: &str, ts: &str) -> Result<(), SimulatorError> {
        self.on_message(channel, ts, |channel| channel.delete(ts))
    }

    /// A program posts so many messages, one a second up to that time.
    pub fn flood(&self, channel: &str, count: u32, until: Timestamp) -> Result<(), SimulatorError> {
        self.in_channel(channel, |channel| {
            let by = Author::Bot("alert-relay".to_owned(), user_id("alert-relay"));
            for index in 0..count {
                let at = jiff::SignedDuration::from_secs(i64::from(count - index));
                let at = until.checked_sub(at).unwrap_or(until);
                channel.add(by.clone(), at, &format!("[FIRING:1] probe {index} failed"), None);
            }
        })
    }

    /// Slack's notice that somebody came into a channel.
    pub fn come_in(&self, channel: &str, person: &str, at: Timestamp) -> Result<(), SimulatorError> {
        self.in_channel(channel, |channel| {
            let user = user_id(person);
            let text = format!("<@{user}> has joined the channel");
            channel.add(Author::Notice("channel_join".to_owned(), user), at, &text, None);
        })
    }

    /// Dock's apps are invited to a channel, or taken out of it.
    pub fn set_slack_member(&self, channel: &str, member: bool) -> Result<(), SimulatorError> {
        self.in_channel(channel, |channel| channel.set_member(member))
    }

    pub fn archive_channel(&self, channel: &str) -> Result<(), SimulatorError> {
        self.in_channel(channel, |channel| channel.archived = true)
    }

    /// Lists come in short pages and in empty ones that another follows.
    pub fn slack_stutters(&self, on: bool) {
        self.edit(|state, _| state.chat.stutters = on);
    }

    /// The next call of a method is answered with a word of Slack's, as in `internal_error`; `done`: it is carried out
    /// all the same.
    pub fn slack_says(&self, method: &str, word: &str, done: bool) {
        self.edit(|state, _| state.chat.add_trouble(method, word, done));
    }

    fn spoken(
        &self,
        channel: &str,
        person: &str,
        at: Timestamp,
        text: &str,
        thread: Option<&str>,
    ) -> Result<String, SimulatorError> {
        if !self.read(|state| state.chat.is_there(person)) {
            return Err(SimulatorError::Unknown(format!("person {person} in Slack")));
        }
        let by = Author::Person(user_id(person));
        self.in_channel(channel, |channel| channel.add(by, at, text, thread.map(str::to_owned)))
    }

    fn on_message(
        &self,
        channel: &str,
        ts: &str,
        change: impl FnOnce(&mut Channel) -> bool,
    ) -> Result<(), SimulatorError> {
        let known = self.in_channel(channel, change)?;
        if known { Ok(()) } else { Err(SimulatorError::Unknown(format!("message {ts} in {channel}"))) }
    }

    fn in_channel<T>(&self, name: &str, change: impl FnOnce(&mut Channel) -> T) -> Result<T, SimulatorError> {
        self.edit(|state, _| {
            let unknown = || SimulatorError::Unknown(format!("channel {name} in Slack"));
            Ok(change(state.chat.named(name).ok_or_else(unknown)?))
        })
    }
}
