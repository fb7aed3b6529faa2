//! Slack's JSON as it comes, turned into the room's types at once.
//!
//! Never: seen outside this room.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::{Message, Tag, actuator::EVENT_TYPE, history, text};
use crate::platform::Fact;

/// Bytes of one message with all that hangs below it: twice what Slack lets anybody write.
const TEXT_BYTES_MAX: usize = 80_000;

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
    #[serde(default)]
    attachments: Vec<Attachment>,
    #[serde(default)]
    files: Vec<File>,
}

/// What a program hangs below its message, which often has no words of its own; or what Slack shows of a link.
#[derive(Debug, Deserialize)]
struct Attachment {
    #[serde(default)]
    pretext: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    fallback: String,
    from_url: Option<String>,
    #[serde(default)]
    is_msg_unfurl: bool,
}

/// A file beside a message: of a pasted snippet Slack tells how it begins.
#[derive(Debug, Deserialize)]
struct File {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    preview: Option<String>,
    #[serde(default)]
    preview_is_truncated: bool,
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

    /// Its words, and those that stand beside them, as Slack writes text.
    fn whole_text(&self) -> String {
        let attached = self.attachments.iter().filter_map(Attachment::text);
        let parts = [self.text.clone()].into_iter().chain(attached).chain(self.files.iter().map(File::text));
        let mut whole = parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n");
        if whole.len() > TEXT_BYTES_MAX {
            let cut = (0..=TEXT_BYTES_MAX).rev().find(|at| whole.is_char_boundary(*at)).unwrap_or(0);
            whole.truncate(cut);
            whole.push('\u{2026}');
        }
        whole
    }

    pub(super) fn message(self, at: Timestamp, permalink: String) -> Message {
        let text = self.whole_text();
        let bot = self.bot_id.is_some() || self.subtype.as_deref() == Some("bot_message");
        let name = self.username.or(self.bot_profile.and_then(|profile| profile.name));
        Message {
            at,
            user: self.user,
            name: name.filter(|name| !name.is_empty()),
            text,
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

impl Attachment {
    /// `None` for what Slack shows of somebody else's page.
    fn text(&self) -> Option<String> {
        if self.from_url.is_some() || self.is_msg_unfurl {
            return None;
        }
        let said = [&self.pretext, &self.title, &self.text];
        let said: Vec<&str> = said.into_iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
        Some(if said.is_empty() { self.fallback.clone() } else { said.join("\n") })
    }
}

impl File {
    /// What a snippet says, as code; of any other file its name. Slack gives both as they are, unlike a message's text.
    fn text(&self) -> String {
        let name = [&self.title, &self.name].into_iter().flatten().find(|name| !name.is_empty());
        let name = name.map_or("a file", String::as_str);
        let cut = if self.preview_is_truncated { " (its beginning)" } else { "" };
        match self.preview.as_deref().filter(|preview| !preview.trim().is_empty()) {
            Some(preview) => text::escaped(&format!("{name}{cut}:\n```\n{}\n```", preview.trim_end())),
            None => text::escaped(&format!("[{name}]")),
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_hangs_below_a_message_is_said_with_it() {
        for (beside, expected) in [
            (json!({"text": "look"}), "look"),
            (
                json!({"text": "", "attachments": [{"pretext": "Alert", "title": "p95 over 1 s", "text": "checkout &amp; cart"}]}),
                "Alert\np95 over 1 s\ncheckout &amp; cart",
            ),
            (json!({"text": "", "attachments": [{"fallback": "p95 over 1 s"}]}), "p95 over 1 s"),
            (
                json!({"text": "see https://x", "attachments": [{"from_url": "https://x", "text": "A page"}]}),
                "see https://x",
            ),
            (
                json!({"text": "ran this", "files": [{"name": "fix.sh", "preview": "redis-cli <a> && true\n"}]}),
                "ran this\nfix.sh:\n```\nredis-cli &lt;a&gt; &amp;&amp; true\n```",
            ),
            (
                json!({"files": [{"title": "log", "name": "l.txt", "preview": "a", "preview_is_truncated": true}]}),
                "log (its beginning):\n```\na\n```",
            ),
            (json!({"text": "", "files": [{"name": "graph.png"}]}), "[graph.png]"),
            (json!({"text": "", "files": [{"id": "F1", "mode": "tombstone"}]}), "[a file]"),
        ] {
            let mut wire = json!({"ts": "1700000000.000100"});
            wire.as_object_mut().unwrap().extend(beside.as_object().unwrap().clone());
            let said: Said = serde_json::from_value(wire).unwrap();
            let at = said.at().unwrap();
            assert_eq!(said.message(at, String::new()).text, expected, "{beside}");
        }
    }

    #[test]
    fn a_message_of_any_length_is_bounded() {
        let said = json!({"ts": "1700000000.000100", "text": "\u{e4}".repeat(TEXT_BYTES_MAX)});
        let said: Said = serde_json::from_value(said).unwrap();
        assert!(said.whole_text().len() <= TEXT_BYTES_MAX + '\u{2026}'.len_utf8());
    }
}
