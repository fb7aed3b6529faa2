//! Notion: a page with all of its blocks, what is said about it, the pages below it; and the writes that edit it block by
//! block.
//!
//! [`Source`] reads with an integration that may only read, [`Actuator`] writes with another. Facts that shape this: a page
//! that is not shared with an integration is a 404; there is no version and no lock, and the time of the last edit is cut
//! down to its minute, so that a base is made of the whole block tree; an edit of several calls is not one.
//! Never: a tree that is short without saying so; a second try of a write; a page taken for editable that is not.

mod actuator;
mod tree;
mod wire;

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value as Json;

use super::{
    Fact, Failure, Health, Platform, PlatformError,
    http::{self, Answer, Ask, Http, Manners},
    names::{Kept, Names},
    secret,
};
use crate::row::page::{Body, Page, Site};

pub use actuator::{Actuator, Created, WriteError};

/// What the reading integration is given, as its settings call it.
pub const READER_CAPABILITIES: [&str; 2] = ["Read content", "Read comments"];
/// What the writing one is given.
pub const WRITER_CAPABILITIES: [&str; 5] =
    ["Read content", "Update content", "Insert content", "Read comments", "Insert comments"];

/// The contract that this connector was written for.
const VERSION: &str = "2025-09-03";
/// Notion gives no more in a page of a list.
const PAGE: usize = 100;
/// What is waited where Notion does not say how long.
const PAUSE: Duration = Duration::from_secs(2);
/// People who are asked for, one by one, before something else is.
const PEOPLE: usize = 10;
/// How often a page that changes while it is read is read.
const READINGS_MAX: usize = 2;

/// The section `[notion]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Without `/v1`.
    #[serde(default = "public_api")]
    pub url: String,
    pub token_env: Option<String>,
    pub token_file: Option<PathBuf>,
    pub ca_file: Option<PathBuf>,
}

fn public_api() -> String {
    "https://api.notion.com".to_owned()
}

/// Notion with a reading integration.
#[derive(Debug)]
pub struct Source {
    http: Http,
    names: Kept,
}

/// What stands beside a page, not in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    pub id: String,
    /// As Notion wrote it.
    pub created_at: String,
    /// The account's id.
    pub by: String,
    pub text: String,
}

/// A page that lies in another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Below {
    pub id: String,
    pub title: String,
}

impl Source {
    pub fn open(config: &Config) -> Result<Self, PlatformError> {
        let place = secret::Place { env: config.token_env.as_deref(), file: config.token_file.as_ref() };
        let token = secret::read(Platform::Notion, place)?.ok_or_else(|| {
            let why = "token_env or token_file is needed";
            PlatformError::new(Platform::Notion, "its token", Failure::Setup, why)
        })?;
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, secret::header(Platform::Notion, "Bearer ", &token)?);
        headers.insert(HeaderName::from_static("notion-version"), HeaderValue::from_static(VERSION));
        let manners = Manners { said, failure };
        let http = Http::new(Platform::Notion, &config.url, headers, config.ca_file.as_deref(), manners)?;
        Ok(Self { http, names: Kept::default() })
    }

    /// What our calls have come to.
    pub fn calls(&self) -> super::Calls {
        self.http.calls()
    }

    /// Does it take our token, and whose is it?
    pub async fn health(&self) -> Result<Health, PlatformError> {
        let me: wire::User = self.json(get("whose token it is", &["users", "me"])).await?;
        let version = Fact::Known(format!("API {VERSION}"));
        Ok(Health { platform: Platform::Notion, version, account: me.account() })
    }

    /// The account of the token, by its id.
    pub async fn account(&self) -> Result<String, PlatformError> {
        let asked = "whose token it is";
        let me: wire::User = self.json(get(asked, &["users", "me"])).await?;
        let no = || self.http.error(asked, Failure::Garbage, "an account without an id");
        normalised(me.id()).ok_or_else(no)
    }

    /// A page with all of its blocks, as they were at one time: a page that changes while it is read is read again, and is
    /// a conflict where it goes on changing. Too large where it has more blocks, or deeper ones, than are read.
    pub async fn page(&self, id: &str) -> Result<Page, PlatformError> {
        let id = self.uuid(id)?;
        let asked = format!("the page {id}");
        let mut head = self.head(&id).await?;
        for _ in 0..READINGS_MAX {
            let blocks = tree::Reader::new(self, &asked).tree(&id).await?;
            let after = self.head(&id).await?;
            if after.last_edited_time == head.last_edited_time {
                return Ok(after.page(Body::Blocks(blocks)));
            }
            head = after;
        }
        Err(self.http.error(&asked, Failure::Conflict, "it changes while it is read"))
    }

    /// When a page was edited last, as Notion wrote it. Equal times do not mean an equal page: minutes are all it tells.
    pub async fn changed(&self, id: &str) -> Result<String, PlatformError> {
        Ok(self.head(&self.uuid(id)?).await?.last_edited_time)
    }

    /// What people are called by their accounts, as far as Notion tells us: an integration without user information is told
    /// nothing, and asks again later.
    pub async fn names(&self, accounts: &[&str]) -> Names {
        let now = Instant::now();
        let mut refused = false;
        for account in self.names.missing(accounts, now).iter().take(PEOPLE) {
            if refused {
                self.names.keep(account, None, now);
                continue;
            }
            match self.json::<wire::User>(get("who somebody is", &["users", account])).await {
                Ok(user) => self.names.keep(account, user.called(), now),
                Err(error) if error.is_unreachable() => break,
                Err(error) => {
                    refused = error.failure == Failure::Forbidden;
                    self.names.keep(account, None, now);
                }
            }
        }
        self.names.names(accounts)
    }

    /// One block as it is right now, without the blocks in it.
    pub async fn block(&self, id: &str) -> Result<Json, PlatformError> {
        let asked = format!("the block {id}");
        self.json(get(&asked, &["blocks", id])).await
    }

    /// What is said about a page and not resolved, oldest first.
    pub async fn comments(&self, page: &str) -> Result<Vec<Comment>, PlatformError> {
        let page = self.uuid(page)?;
        let asked = format!("the comments on {page}");
        let ask = get(&asked, &["comments"]).query("block_id", page);
        let all: Vec<wire::Comment> = tree::Reader::new(self, &asked).all(ask).await?;
        Ok(all.into_iter().map(Into::into).collect())
    }

    /// The pages that lie in a page, in its order.
    pub async fn below(&self, parent: &str) -> Result<Vec<Below>, PlatformError> {
        let parent = self.uuid(parent)?;
        let asked = format!("the pages below {parent}");
        let blocks = tree::Reader::new(self, &asked).level(&parent).await?;
        let below = blocks.iter().filter_map(|block| {
            let title = block["child_page"]["title"].as_str()?.to_owned();
            Some(Below { id: normalised(block["id"].as_str()?)?, title })
        });
        Ok(below.collect())
    }

    /// The pages of this title that lie in a page: where a page that was made is found again after a lost answer.
    pub async fn find(&self, parent: &str, title: &str) -> Result<Vec<Below>, PlatformError> {
        let mut below = self.below(parent).await?;
        below.retain(|page| page.title == title);
        Ok(below)
    }

    async fn head(&self, id: &str) -> Result<wire::Page, PlatformError> {
        let asked = format!("the page {id}");
        let page: wire::Page = self.json(get(&asked, &["pages", id])).await?;
        if normalised(&page.id).as_deref() == Some(id) {
            return Ok(page);
        }
        Err(self.http.error(&asked, Failure::Garbage, "another page in the answer"))
    }

    async fn json<T: DeserializeOwned>(&self, ask: Ask) -> Result<T, PlatformError> {
        self.http.json(ask).await
    }

    fn uuid(&self, id: &str) -> Result<String, PlatformError> {
        let why = "an id of Notion's has 32 hexadecimal digits";
        normalised(id).ok_or_else(|| self.http.error(&format!("{id:?}"), Failure::Setup, why))
    }
}

/// An id in the one form that Dock keeps: small letters, with dashes. `None`: it is none.
pub fn normalised(id: &str) -> Option<String> {
    let hex = id.trim().replace('-', "").to_lowercase();
    if hex.len() != 32 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    Some([&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-"))
}

fn get(asked: &str, path: &[&str]) -> Ask {
    Ask::get(asked, &[&["v1"], path].concat())
}

fn said(answer: &Answer) -> String {
    serde_json::from_slice::<wire::Error>(&answer.body).map(|error| error.words()).unwrap_or_default()
}

/// 529 is its word for too much going on: nothing was done, and it says when to come back, as with a 429.
fn failure(answer: &Answer) -> Option<Failure> {
    let limited = matches!(answer.status.as_u16(), 429 | 529);
    let wait = || http::retry_after(answer).unwrap_or(PAUSE);
    limited.then(|| Failure::RateLimited { retry_after: wait() })
}

#[cfg(test)]
mod tests;
