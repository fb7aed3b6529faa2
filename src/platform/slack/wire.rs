//! Slack's JSON as it comes, turned into the room's types at once.
//!
//! Never: seen outside this room.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::{Message, Tag, actuator::EVENT_TYPE, history};
use crate::platform::Fact;

/// What every answer says first.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Verdict {
    pub(super) ok: bool,
    pub(super) error: Option<String>,
    needed: Option<String>,
    provided: Option<String>,
}

impl Verdict {
    /// Slack's word, with what it says beside it or what it means for whoever has to mend it.
    pub(super) fn words(&self) -> String {
        let word = self.error.clone().unwrap_or_default();
        match (word.as_str(), &self.needed) {
            ("not_in_channel", _) => format!("{word}: invite the app to the channel with /invite"),
            (_, Some(needed)) => {
                let provided = self.provided.as_deref().unwrap_or("none");
                format!("{word}: it needs {needed}, the token has {provided}")
            }
            _ => word,
        }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Identity {
    url: String,
    team: String,
    user: String,
    user_id: String,
    bot_id: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Channel {
    pub(super) id: String,
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    is_private: bool,
    #[serde(default)]
    is_archived: bool,
    #[serde(default)]
    is_member: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct OneUser {
    pub(super) user: User,
}

#[derive(Debug, Deserialize)]
pub(super) struct User {
    id: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    is_bot: bool,
    #[serde(default)]
    profile: Profile,
}

#[derive(Debug, Default, Deserialize)]
struct Profile {
    #[serde(default)]
    display_name: String,
    #[serde(default)]
    real_name: String,
    email: Option<String>,
}

impl Identity {
    pub(super) fn identity(self, scopes: Option<&str>) -> super::Identity {
        let scopes = match scopes {
            Some(list) => {
                let scopes = list.split(',').map(str::trim).filter(|scope| !scope.is_empty());
                Fact::Known(scopes.map(str::to_owned).collect())
            }
            None => Fact::Unknown("scopes that Slack does not tell".to_owned()),
        };
        super::Identity {
            team: self.team,
            team_url: format!("{}/", self.url.trim_end_matches('/')),
            user: self.user,
            user_id: self.user_id,
            bot_id: self.bot_id,
            scopes,
        }
    }
}

impl From<Channel> for super::Channel {
    fn from(wire: Channel) -> Self {
        let Channel { id, name, is_private: private, is_archived: archived, is_member: member } = wire;
        Self { id, name, private, archived, member }
    }
}

impl From<User> for super::Person {
    fn from(wire: User) -> Self {
        let names = [wire.profile.display_name, wire.profile.real_name, wire.name];
        let name = names.into_iter().find(|name| !name.is_empty()).unwrap_or_else(|| wire.id.clone());
        Self {
            name,
            email: wire.profile.email.filter(|email| !email.is_empty()),
            bot: wire.is_bot,
            id: wire.id,
        }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Said {
    pub(super) ts: String,
    pub(super) thread_ts: Option<String>,
    #[serde(default)]
    pub(super) reply_count: u64,
    user: Option<String>,
    username: Option<String>,
    bot_id: Option<String>,
    bot_profile: Option<BotProfile>,
    subtype: Option<String>,
    #[serde(default)]
    text: String,
    edited: Option<Value>,
    #[serde(default)]
    reactions: Vec<Reaction>,
    metadata: Option<Metadata>,
}

#[derive(Debug, Deserialize)]
struct BotProfile {
    name: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Reaction {
    name: String,
    #[serde(default)]
    count: u64,
}

#[derive(Debug, Deserialize)]
struct Metadata {
    event_type: String,
    #[serde(default)]
    event_payload: Value,
}

impl Said {
    /// When it was said; the error names what is no time.
    pub(super) fn at(&self) -> Result<Timestamp, String> {
        history::time_of(&self.ts).ok_or_else(|| format!("{:?} is no time of a message", self.ts))
    }

    pub(super) fn message(self, at: Timestamp, permalink: String) -> Message {
        let bot = self.bot_id.is_some() || self.subtype.as_deref() == Some("bot_message");
        let name = self.username.or(self.bot_profile.and_then(|profile| profile.name));
        Message {
            at,
            user: self.user,
            name: name.filter(|name| !name.is_empty()),
            text: self.text,
            thread_ts: self.thread_ts.filter(|thread| *thread != self.ts),
            reactions: self.reactions.into_iter().map(|one| (one.name, one.count)).collect(),
            bot,
            edited: self.edited.is_some(),
            subtype: self.subtype,
            tag: self.metadata.and_then(Metadata::tag),
            permalink,
            ts: self.ts,
        }
    }
}

impl Metadata {
    fn tag(self) -> Option<Tag> {
        let part = |name: &str| Some(self.event_payload[name].as_str()?.to_owned());
        (self.event_type == EVENT_TYPE).then_some(())?;
        Some(Tag { row: part("row")?, digest: part("digest")? })
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Posted {
    pub(super) channel: String,
    pub(super) ts: String,
}
