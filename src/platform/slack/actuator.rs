//! The write to Slack: one message by Dock's own app, in a channel or in a thread, tagged with the row that it is about.
//!
//! The tag stands in the message's metadata: that is where a post is found again after a lost answer.
//! Never: a second try; a mention, a link's label or markup made from somebody's words.

use jiff::Timestamp;
use reqwest::header::CONTENT_TYPE;
use serde_json::json;

use super::{Config, History, Source, text, wire};
use crate::platform::{PlatformError, http::Ask};

/// What a message of Dock's is called in its metadata.
pub(super) const EVENT_TYPE: &str = "dock_row";
/// Without the charset Slack warns.
const JSON: &str = "application/json; charset=utf-8";

/// Slack with the token that may post.
#[derive(Debug)]
pub struct Actuator {
    source: Source,
}

/// Which row a message is about, and in which state of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    pub row: String,
    /// What is told, digested: the same news is not told twice.
    pub digest: String,
}

/// A message to be posted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Post {
    /// The channel's id.
    pub channel: String,
    /// Plain text: what would be markup or a mention is escaped.
    pub text: String,
    /// The `ts` of the message that it answers.
    pub thread: Option<String>,
    pub tag: Tag,
}

/// Where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posted {
    pub channel: String,
    pub ts: String,
    pub permalink: String,
}

impl Actuator {
    /// `config` names the posting app's token, not the agents'.
    pub fn open(config: &Config) -> Result<Self, PlatformError> {
        Ok(Self { source: Source::open(config)? })
    }

    /// The reads that posting needs, with the posting app's own token.
    pub fn reads(&self) -> &Source {
        &self.source
    }

    /// Posts, once. After a lost answer, or one that says that Slack failed: [`Self::find`], before anything else.
    pub async fn post(&self, post: &Post) -> Result<Posted, PlatformError> {
        // Before the write, so that nothing can fail after it.
        let ourselves = self.source.ourselves().await?;
        let asked = format!("a message in {}", post.channel);
        let mut body = json!({
            "channel": post.channel,
            "text": text::escaped(&post.text),
            "unfurl_links": false,
            "unfurl_media": false,
            "metadata": {
                "event_type": EVENT_TYPE,
                "event_payload": {"row": post.tag.row, "digest": post.tag.digest},
            },
        });
        if let Some(thread) = &post.thread {
            body["thread_ts"] = json!(thread);
        }
        let ask = Ask::post(&asked, &["api", "chat.postMessage"], &body).header(CONTENT_TYPE, JSON);
        let answer = self.source.answer(ask).await?;
        let wire: wire::Posted = self.source.http.parse(&asked, &answer)?;
        let permalink = ourselves.permalink(&wire.channel, &wire.ts, post.thread.as_deref());
        Ok(Posted { channel: wire.channel, ts: wire.ts, permalink })
    }

    /// The post, where it was made since then: by its tag, or by its very words from our own account. An error where what
    /// was said cannot be read whole: then nobody knows.
    pub async fn find(&self, post: &Post, since: Timestamp) -> Result<Option<Posted>, PlatformError> {
        let ourselves = self.source.ourselves().await?;
        let history = match &post.thread {
            Some(thread) => self.source.replies(&post.channel, thread).await?,
            None => self.source.messages(&post.channel, since, Timestamp::MAX).await?,
        };
        let History { messages, missing } = history;
        let words = text::escaped(&post.text);
        let ours = |user: Option<&str>| user == Some(ourselves.user_id.as_str());
        let found = messages.into_iter().find(|message| {
            let here = message.at >= since && message.thread_ts == post.thread;
            let tagged = message.tag.as_ref() == Some(&post.tag);
            let same = message.tag.is_none() && ours(message.user.as_deref()) && message.text == words;
            here && (tagged || same)
        });
        match (found, missing) {
            (Some(message), _) => {
                let Post { channel, .. } = post;
                let permalink = message.permalink;
                Ok(Some(Posted { channel: channel.clone(), ts: message.ts, permalink }))
            }
            (None, None) => Ok(None),
            (None, Some(why)) => {
                let failure = crate::platform::Failure::TooLarge;
                Err(self.source.http.error("our own message", failure, &why))
            }
        }
    }
}
