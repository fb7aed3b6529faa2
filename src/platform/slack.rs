//! Slack: what was said in a channel and its threads, by whom; and the one write, a message by Dock's own app.
//!
//! [`Source`] reads with a bot's token that may only read, [`Actuator`] posts with another. Facts that shape this: Slack
//! answers 200 for every no (`"ok": false` and a word); a bot reads only the channels that it is in; the history of a
//! channel comes newest first and without its threads; a page may be short or empty while another follows; `ts` is a name
//! of a message made of digits, not a number.
//! Never: a `ts` as a float; a history that is short without saying so; a mention made from somebody's words.

mod actuator;
mod history;
pub mod text;
pub mod webhook;
mod wire;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use reqwest::header::{AUTHORIZATION, HeaderMap};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use tokio::sync::OnceCell;

use super::{
    Fact, Failure, Health, Platform, PlatformError,
    http::{self, Answer, Ask, Http, Manners},
    secret,
};

pub use actuator::{Actuator, Post, Posted, Tag};
pub use history::{History, Message};

/// What the reading app needs, and no more.
pub const READER_SCOPES: [&str; 6] =
    ["channels:history", "channels:read", "groups:history", "groups:read", "users:read", "users:read.email"];
/// What the posting app needs: to post, and to find its own post again after a lost answer.
pub const WRITER_SCOPES: [&str; 5] =
    ["channels:history", "channels:read", "chat:write", "groups:history", "groups:read"];

/// What one page may hold; Slack asks for no more than this.
const PAGE: usize = 200;
/// Pages of the list of channels that are read at most.
const PAGES_MAX: usize = 50;
/// People that are remembered.
const PEOPLE_MAX: usize = 1_000;
/// What is waited where Slack does not say how long.
const PAUSE: Duration = Duration::from_secs(30);

/// The section `[slack]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Without `/api`.
    #[serde(default = "public_address")]
    pub url: String,
    pub token_env: Option<String>,
    pub token_file: Option<PathBuf>,
    pub ca_file: Option<PathBuf>,
}

fn public_address() -> String {
    "https://slack.com".to_owned()
}

impl Config {
    /// The same for an app that another section names; Slack's own address where none is given.
    pub fn at(
        url: Option<String>,
        token_env: Option<String>,
        token_file: Option<PathBuf>,
        ca_file: Option<PathBuf>,
    ) -> Self {
        Self { url: url.unwrap_or_else(public_address), token_env, token_file, ca_file }
    }
}

/// Slack with a reading token.
#[derive(Debug)]
pub struct Source {
    http: Http,
    identity: OnceCell<Identity>,
    people: Mutex<BTreeMap<String, Person>>,
}

/// Whom Slack takes us for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pub team: String,
    /// Where the workspace is opened, with a slash at its end.
    pub team_url: String,
    pub user: String,
    pub user_id: String,
    pub bot_id: Option<String>,
    /// What the token may; unknown where Slack does not tell.
    pub scopes: Fact<BTreeSet<String>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel {
    pub id: String,
    /// Without `#`.
    pub name: String,
    pub private: bool,
    pub archived: bool,
    /// Are we in it? What is said elsewhere cannot be read.
    pub member: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    pub id: String,
    /// As colleagues see it.
    pub name: String,
    /// Absent where the token may not see it.
    pub email: Option<String>,
    pub bot: bool,
}

impl Identity {
    /// The token's scopes beyond these; none where Slack does not tell.
    pub fn beyond(&self, needed: &[&str]) -> Vec<&str> {
        match &self.scopes {
            Fact::Known(scopes) => {
                scopes.iter().map(String::as_str).filter(|scope| !needed.contains(scope)).collect()
            }
            Fact::Unknown(_) => vec![],
        }
    }

    /// What the token has not of these scopes; nothing where Slack does not tell.
    pub fn lacks<'n>(&self, needed: &[&'n str]) -> Vec<&'n str> {
        match &self.scopes {
            Fact::Known(scopes) => needed.iter().copied().filter(|scope| !scopes.contains(*scope)).collect(),
            Fact::Unknown(_) => vec![],
        }
    }

    /// The page of a message, or of a reply in a thread.
    pub fn permalink(&self, channel: &str, ts: &str, thread: Option<&str>) -> String {
        let digits: String = ts.chars().filter(char::is_ascii_digit).collect();
        let page = format!("{}archives/{channel}/p{digits}", self.team_url);
        match thread {
            Some(thread) if thread != ts => format!("{page}?thread_ts={thread}&cid={channel}"),
            _ => page,
        }
    }
}

impl Source {
    pub fn open(config: &Config) -> Result<Self, PlatformError> {
        let place = secret::Place { env: config.token_env.as_deref(), file: config.token_file.as_ref() };
        let token = secret::read(Platform::Slack, place)?.ok_or_else(|| {
            let why = "token_env or token_file is needed";
            PlatformError::new(Platform::Slack, "its token", Failure::Setup, why)
        })?;
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, secret::header(Platform::Slack, "Bearer ", &token)?);
        let manners = Manners { said, failure: |_| None };
        let http = Http::new(Platform::Slack, &config.url, headers, config.ca_file.as_deref(), manners)?;
        Ok(Self { http, identity: OnceCell::new(), people: Mutex::default() })
    }

    /// Whom Slack takes us for, and what it lets us do; asked each time.
    pub async fn identity(&self) -> Result<Identity, PlatformError> {
        let asked = "whose token it is";
        let answer = self.answer(get(asked, "auth.test")).await?;
        let wire: wire::Identity = self.http.parse(asked, &answer)?;
        let scopes = answer.headers.get("x-oauth-scopes").and_then(|value| value.to_str().ok());
        Ok(wire.identity(scopes))
    }

    /// What our calls have come to.
    pub fn calls(&self) -> super::Calls {
        self.http.calls()
    }

    /// Does it take our token, and what may we do with it?
    pub async fn health(&self) -> Result<Health, PlatformError> {
        let identity = self.identity().await?;
        let scopes = match &identity.scopes {
            Fact::Known(scopes) => scopes.iter().map(String::as_str).collect::<Vec<_>>().join(", "),
            Fact::Unknown(why) => why.clone(),
        };
        let account = format!("{} in {}, with {scopes}", identity.user, identity.team);
        let version = Fact::Unknown("Slack does not tell".to_owned());
        Ok(Health { platform: Platform::Slack, version, account: Fact::Known(account) })
    }

    /// A channel by its name, with `#` or without, or by its id. Unknown where none that we may see is called so.
    pub async fn channel(&self, name: &str) -> Result<Fact<Channel>, PlatformError> {
        let name = name.trim_start_matches('#');
        let asked = format!("the channel {name}");
        let mut cursor = None;
        let mut seen = 0_usize;
        for _ in 0..PAGES_MAX {
            let ask = get(&asked, "conversations.list")
                .query("types", "public_channel,private_channel")
                .query("limit", PAGE.to_string());
            let (channels, next) = self.page::<wire::Channel>(ask, "channels", cursor.as_deref()).await?;
            seen += channels.len();
            if let Some(found) = channels.into_iter().find(|one| one.name == name || one.id == name) {
                return Ok(Fact::Known(found.into()));
            }
            if next.is_none() {
                return Ok(Fact::Unknown(format!(
                    "Slack shows no channel {name}; a private one is seen by its members alone"
                )));
            }
            cursor = next;
        }
        Ok(Fact::Unknown(format!("{name} is not among the first {seen} channels")))
    }

    /// One person or bot, by `U…`. Asked once.
    pub async fn user(&self, id: &str) -> Result<Person, PlatformError> {
        if let Some(known) = self.remembered().get(id) {
            return Ok(known.clone());
        }
        let asked = format!("the user {id}");
        let answer = self.answer(get(&asked, "users.info").query("user", id)).await?;
        let found: wire::OneUser = self.http.parse(&asked, &answer)?;
        let person = Person::from(found.user);
        let mut people = self.remembered();
        if people.len() < PEOPLE_MAX {
            people.insert(id.to_owned(), person.clone());
        }
        Ok(person)
    }

    /// Who wrote these messages and who is named in them, by id. One whom Slack does not know any more is left out.
    pub async fn people(&self, messages: &[Message]) -> Result<BTreeMap<String, Person>, PlatformError> {
        let authors = messages.iter().filter_map(|message| message.user.clone());
        let named = messages.iter().flat_map(|message| text::mentioned(&message.text));
        let ids: BTreeSet<String> = authors.chain(named).collect();
        let mut people = BTreeMap::new();
        for id in ids {
            match self.user(&id).await {
                Ok(person) => {
                    people.insert(id, person);
                }
                Err(error) if error.failure == Failure::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(people)
    }

    async fn ourselves(&self) -> Result<&Identity, PlatformError> {
        self.identity.get_or_try_init(|| self.identity()).await
    }

    fn remembered(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Person>> {
        self.people.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One page of a list, and the cursor of the next.
    async fn page<T: DeserializeOwned>(
        &self,
        ask: Ask,
        list: &str,
        cursor: Option<&str>,
    ) -> Result<(Vec<T>, Option<String>), PlatformError> {
        let asked = ask.asked().to_owned();
        let ask = match cursor {
            Some(cursor) => ask.query("cursor", cursor),
            None => ask,
        };
        let answer = self.answer(ask).await?;
        let mut body: Value = self.http.parse(&asked, &answer)?;
        let garbage = |why: &str| self.http.error(&asked, Failure::Garbage, why);
        let items = body.get_mut(list).map(Value::take).ok_or_else(|| garbage("no list in it"))?;
        let items = serde_json::from_value(items).map_err(|error| garbage(&error.to_string()))?;
        let next = body["response_metadata"]["next_cursor"].as_str().filter(|cursor| !cursor.is_empty());
        Ok((items, next.map(str::to_owned)))
    }

    /// An answer that says `ok`. Slack's noes come with 200, too.
    async fn answer(&self, ask: Ask) -> Result<Answer, PlatformError> {
        let asked = ask.asked().to_owned();
        let answer = self.http.send(ask).await?;
        let answer = self.http.accept(&asked, answer)?;
        let verdict: wire::Verdict = self.http.parse(&asked, &answer)?;
        if verdict.ok {
            return Ok(answer);
        }
        Err(self.http.error(&asked, refusal(&verdict, &answer), &verdict.words()))
    }
}

fn get(asked: &str, method: &str) -> Ask {
    Ask::get(asked, &["api", method])
}

fn said(answer: &Answer) -> String {
    serde_json::from_slice::<wire::Verdict>(&answer.body).map(|verdict| verdict.words()).unwrap_or_default()
}

/// What a word of Slack's means. One that is not known here is a no without more.
fn refusal(verdict: &wire::Verdict, answer: &Answer) -> Failure {
    match verdict.error.as_deref().unwrap_or_default() {
        "invalid_auth" | "not_authed" | "token_revoked" | "token_expired" | "account_inactive" => {
            Failure::Unauthorised
        }
        "missing_scope"
        | "not_in_channel"
        | "not_allowed_token_type"
        | "no_permission"
        | "access_denied"
        | "ekm_access_denied"
        | "restricted_action"
        | "team_access_not_granted" => Failure::Forbidden,
        "channel_not_found" | "user_not_found" | "users_not_found" | "thread_not_found"
        | "message_not_found" => Failure::NotFound,
        "ratelimited" | "rate_limited" => {
            Failure::RateLimited { retry_after: http::retry_after(answer).unwrap_or(PAUSE) }
        }
        // Of a write that met this nobody knows whether it was done.
        "internal_error" | "fatal_error" | "service_unavailable" | "request_timeout" => {
            Failure::ServerError { status: answer.status.as_u16() }
        }
        _ => Failure::Refused { status: answer.status.as_u16() },
    }
}

#[cfg(test)]
mod tests;
