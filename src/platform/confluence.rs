//! Confluence Cloud: a page, what it says of itself, its versions and who wrote them; and the two writes, a page's next
//! version and a new page.
//!
//! [`Source`] reads with the agents' token, [`Actuator`] publishes with the executor's. Facts that shape this: a version's
//! number is the lock (the next is exactly one more); what is stored is not byte for byte what was sent; a token without
//! the scope is a 401, a page that may not be seen a 404; the search index lags, so nothing is looked up in it. The site's
//! own address and the gateway `api.atlassian.com/ex/confluence/…` answer alike.
//! Never: the search index; a version number made up from what is there now; a token in a message.

mod actuator;
mod said;
mod wire;

use std::{path::PathBuf, time::Instant};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue};
use serde::{Deserialize, de::DeserializeOwned};
use zeroize::Zeroizing;

use super::{
    Fact, Failure, Health, Platform, PlatformError,
    http::{Ask, Http, Manners},
    names::{Kept, Names},
    secret,
};
use crate::row::page::{Body, Editing, Page, Says, says::PROPERTY};

pub use actuator::{Actuator, BODY_BYTES_MAX, Create, Created, MESSAGE_CHARS_MAX, Publish, PublishError};

/// What a reading token of the kind that has scopes needs.
pub const READER_SCOPES: [&str; 4] = [
    "read:content-details:confluence",
    "read:content.property:confluence",
    "read:page:confluence",
    "read:space:confluence",
];
/// What the publishing one needs.
pub const WRITER_SCOPES: [&str; 5] = [
    "read:content-details:confluence",
    "read:content.property:confluence",
    "read:page:confluence",
    "read:space:confluence",
    "write:page:confluence",
];

const API: [&str; 3] = ["wiki", "api", "v2"];
/// What is asked for at once of a list.
const PAGE: usize = 50;
/// People and groups of a restriction that are asked for.
const RESTRICTIONS: &str = "200";
/// People who are asked for at once.
const PEOPLE: usize = 50;
/// A list that goes on after so many of them is not read to its end.
const PAGES_MAX: usize = 20;

/// The section `[confluence]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// `https://SITE.atlassian.net`, or `https://api.atlassian.com/ex/confluence/CLOUDID` for a token with scopes.
    pub url: String,
    /// Where people open pages, as in `https://SITE.atlassian.net`, if that is another address.
    pub public_url: Option<String>,
    /// The account of an API token. Without it the token is taken as OAuth's.
    pub email: Option<String>,
    pub token_env: Option<String>,
    pub token_file: Option<PathBuf>,
    pub ca_file: Option<PathBuf>,
    /// The id of the account that publishes, where this one only reads: with it a page that is restricted against the
    /// executor is told before anybody signs. It needs the scope to read a content's details, too.
    pub executor: Option<String>,
}

/// Confluence with a reading token.
#[derive(Debug)]
pub struct Source {
    http: Http,
    executor: Option<String>,
    names: Kept,
    public_url: Option<String>,
    url: String,
}

/// One version of a page, without its body. Numbers are ordinals: where a version is deleted, those after it move up, so
/// author and time are part of which one it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    pub number: u64,
    /// What its author said about it; empty where nothing.
    pub message: String,
    /// The account's id.
    pub author: String,
    /// As Confluence wrote it.
    pub created_at: String,
}

/// A page that was found by its title.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub id: String,
    pub title: String,
    /// The space's id.
    pub space: String,
    pub version: Version,
    pub url: String,
    /// Why it cannot be edited, where it cannot: an archived page keeps its title, too.
    pub closed: Option<String>,
}

/// Who alone may edit a page. Nobody is named where it is not restricted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Editors {
    /// Account ids.
    pub accounts: Vec<String>,
    /// Groups by name.
    pub groups: Vec<String>,
    /// There are more than Confluence lists at once.
    pub cut: bool,
}

impl Editors {
    /// What that means for one account. Who is in a group is not told.
    pub fn lets(&self, account: &str, names: &Names) -> Editing {
        let groups = self.groups.iter().map(|group| format!("the group {group}"));
        let all: Vec<String> = self.accounts.iter().map(|one| names.of(one)).chain(groups).collect();
        let who = match all.as_slice() {
            [] => return Editing::Open,
            [one] => one.clone(),
            [some @ .., last] => format!("{} and {last}", some.join(", ")),
        };
        match (self.accounts.iter().any(|one| one == account), self.groups.is_empty() && !self.cut) {
            (true, _) => Editing::Open,
            (false, true) => Editing::Restricted(format!("{who} alone")),
            (false, false) => Editing::Unknown(format!(
                "it is restricted to {who}, and whether {account} is one of them is not told"
            )),
        }
    }
}

impl Source {
    pub fn open(config: &Config) -> Result<Self, PlatformError> {
        let place = secret::Place { env: config.token_env.as_deref(), file: config.token_file.as_ref() };
        let token = secret::read(Platform::Confluence, place)?.ok_or_else(|| {
            let why = "token_env or token_file is needed";
            PlatformError::new(Platform::Confluence, "its token", Failure::Setup, why)
        })?;
        let credential = match &config.email {
            Some(email) => {
                let pair = Zeroizing::new(format!("{email}:{}", token.as_str()));
                let pair = Zeroizing::new(STANDARD.encode(pair.as_bytes()));
                secret::header(Platform::Confluence, "Basic ", &pair)?
            }
            None => secret::header(Platform::Confluence, "Bearer ", &token)?,
        };
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, credential);
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let url = site_of(&config.url).to_owned();
        let manners = Manners { said: said::said, failure: said::failure };
        let http = Http::new(Platform::Confluence, &url, headers, config.ca_file.as_deref(), manners)?;
        let public_url = config.public_url.as_deref().map(|url| site_of(url).to_owned());
        let (executor, names) = (config.executor.clone(), Kept::default());
        Ok(Self { http, executor, names, public_url, url })
    }

    /// The page as it is now, with its body. One that is in the trash, archived or only a draft comes as `closed`.
    pub async fn page(&self, id: &str) -> Result<Page, PlatformError> {
        let asked = format!("the page {id}");
        let page: wire::Page =
            self.json(get(asked.clone(), &["pages", id]).query("body-format", "storage")).await?;
        self.is_page(&asked, id, &page)?;
        let url = self.url_of(&page);
        let page = page.page(url).map_err(|why| self.garbage(&asked, &why))?;
        let (editing, says) = tokio::join!(self.editing(id), self.says(id));
        let says = says?;
        let editing = says.shuts_out().map_or(editing, Editing::Restricted);
        Ok(Page { editing, says, ..page })
    }

    /// What the page says of itself. An error only where asking again may bring it: what a token may not read, or nobody can,
    /// is unknown by name.
    pub async fn says(&self, id: &str) -> Result<Says, PlatformError> {
        let asked = format!("the property `{PROPERTY}` of the page {id}");
        let ask = get(asked, &["pages", id, "properties"]).query("key", PROPERTY);
        let all: Vec<wire::Property> = match self.list(ask, usize::MAX).await {
            Ok(all) => all,
            Err(error) if error.is_unreachable() => return Err(error),
            Err(error) => return Ok(Says::Unread(error.sentence())),
        };
        let own = all.iter().find(|property| property.key == PROPERTY);
        Ok(own.map_or(Says::Nothing, |property| Says::of(&property.value)))
    }

    /// Whether the account that publishes may edit the page, where it is known which one that is.
    async fn editing(&self, id: &str) -> Editing {
        let Some(executor) = &self.executor else { return Editing::Open };
        match self.editors(id).await {
            Ok(editors) => {
                let named: Vec<&str> = editors.accounts.iter().map(String::as_str).collect();
                editors.lets(executor, &self.names(&named).await)
            }
            Err(error) => Editing::Unknown(error.sentence()),
        }
    }

    /// Who alone may edit the page. The newer interface has no word of it.
    pub async fn editors(&self, id: &str) -> Result<Editors, PlatformError> {
        let asked = format!("who may edit the page {id}");
        let ask = Ask::get(asked.clone(), &["wiki", "rest", "api", "content", id, "restriction"])
            .query("expand", "restrictions.user,restrictions.group")
            .query("limit", RESTRICTIONS);
        let restrictions: wire::Restrictions = self.json(ask).await?;
        restrictions.editors().map_err(|why| self.garbage(&asked, &why))
    }

    /// Which version a page has now: the cheap look, without the body.
    pub async fn version(&self, id: &str) -> Result<Version, PlatformError> {
        let asked = format!("the version of the page {id}");
        let page: wire::Page = self.json(get(asked.clone(), &["pages", id])).await?;
        self.is_page(&asked, id, &page)?;
        page.version().map_err(|why| self.garbage(&asked, &why))
    }

    /// At most `limit` versions of a page, newest first.
    pub async fn versions(&self, id: &str, limit: usize) -> Result<Vec<Version>, PlatformError> {
        let ask = get(format!("the versions of the page {id}"), &["pages", id, "versions"])
            .query("sort", "-modified-date");
        let mut versions: Vec<wire::Version> = self.list(ask, limit).await?;
        versions.sort_by_key(|version| std::cmp::Reverse(version.number));
        Ok(versions.into_iter().map(Into::into).collect())
    }

    /// The body of a version that may no longer be the page's.
    pub async fn body_of(&self, id: &str, version: u64) -> Result<Body, PlatformError> {
        let asked = format!("version {version} of the page {id}");
        let ask = get(asked.clone(), &["pages", id])
            .query("version", version.to_string())
            .query("body-format", "storage");
        let page: wire::Page = self.json(ask).await?;
        self.is_page(&asked, id, &page)?;
        let read = page.version().and_then(|found| match found.number {
            number if number == version => page.storage(),
            number => Err(format!("version {number} in the answer")),
        });
        read.map_err(|why| self.garbage(&asked, &why))
    }

    /// The page of this title in a space, which has at most one. `space` is the space's id or key. Read from the space
    /// itself, so a page that was just made is found.
    pub async fn find(&self, space: &str, title: &str) -> Result<Option<Found>, PlatformError> {
        let asked = format!("a page called {title} in {space}");
        let space = self.space_id(space).await?;
        let ask = get(asked.clone(), &["pages"]).query("space-id", &space).query("title", title);
        let pages: Vec<wire::Page> = self.list(ask, PAGE).await?;
        // Titles are told apart without regard to case.
        let same = |page: &&wire::Page| page.title().to_lowercase() == title.to_lowercase();
        let Some(page) = pages.iter().find(same) else { return Ok(None) };
        let found = page.found(self.url_of(page)).map_err(|why| self.garbage(&asked, &why))?;
        if found.space == space {
            Ok(Some(found))
        } else {
            Err(self.garbage(&asked, "a page of another space"))
        }
    }

    /// A space's id, by its key; an id stays one.
    pub async fn space_id(&self, space: &str) -> Result<String, PlatformError> {
        if !space.is_empty() && space.bytes().all(|byte| byte.is_ascii_digit()) {
            return Ok(space.to_owned());
        }
        let asked = format!("the space {space}");
        let spaces: Vec<wire::Space> =
            self.list(get(asked.clone(), &["spaces"]).query("keys", space), PAGE).await?;
        let found = spaces.into_iter().find(|found| found.key.eq_ignore_ascii_case(space));
        found.map(|found| found.id).ok_or_else(|| {
            self.http.error(&asked, Failure::NotFound, "no space that this token sees has the key")
        })
    }

    /// What people are called by their accounts, as far as Confluence tells us; what is not told is asked again later.
    pub async fn names(&self, accounts: &[&str]) -> Names {
        let now = Instant::now();
        for some in self.names.missing(accounts, now).chunks(PEOPLE) {
            let ask = Ask::get("who they are", &["wiki", "rest", "api", "user", "bulk"]);
            let ask = ask.query("limit", PEOPLE.to_string());
            let ask = some.iter().fold(ask, |ask, account| ask.query("accountId", account));
            match self.json::<wire::Users>(ask).await {
                Ok(users) => {
                    for account in some {
                        self.names.keep(account, users.called(account), now);
                    }
                }
                Err(error) if error.is_unreachable() => break,
                Err(_) => some.iter().for_each(|account| self.names.keep(account, None, now)),
            }
        }
        self.names.names(accounts)
    }

    /// May this token's account edit the page, by whatever right?
    pub async fn may_edit(&self, id: &str) -> Result<Fact<bool>, PlatformError> {
        let asked = format!("what we may do with the page {id}");
        let permitted: wire::Operations = self.json(get(asked, &["pages", id, "operations"])).await?;
        Ok(permitted.update())
    }

    /// May this token's account make pages in a space, by its id or key?
    pub async fn may_create(&self, space: &str) -> Result<Fact<bool>, PlatformError> {
        let id = self.space_id(space).await?;
        let asked = format!("what we may do in the space {space}");
        let permitted: wire::Operations = self.json(get(asked, &["spaces", &id, "operations"])).await?;
        Ok(permitted.create())
    }

    /// What our calls have come to.
    pub fn calls(&self) -> super::Calls {
        self.http.calls()
    }

    /// Does it take our token, and whose is it?
    pub async fn health(&self) -> Result<Health, PlatformError> {
        let user = self.user().await?;
        let version = Fact::Unknown("Confluence Cloud has none".to_owned());
        Ok(Health { platform: Platform::Confluence, version, account: user.name() })
    }

    /// The id of the token's account.
    pub async fn account(&self) -> Result<Fact<String>, PlatformError> {
        Ok(self.user().await?.id())
    }

    async fn user(&self) -> Result<wire::User, PlatformError> {
        let asked = "whose token it is";
        let ask = Ask::get(asked, &["wiki", "rest", "api", "user", "current"]);
        let user: wire::User = self.json(ask).await?;
        // Where a site is open to everybody, a token that it does not know reads as nobody.
        if user.is_nobody() {
            return Err(self.http.error(
                asked,
                Failure::Unauthorised,
                "it takes us for an anonymous visitor",
            ));
        }
        Ok(user)
    }

    /// The page that a person would open, by its id alone.
    pub fn link(&self, page: &str) -> String {
        self.people_open("/pages/viewpage.action", Some(page))
    }

    fn url_of(&self, page: &wire::Page) -> String {
        match page.webui() {
            Some(path) => self.people_open(path, None),
            None => self.link(page.id()),
        }
    }

    /// An address below the site's `/wiki`; where Confluence says `path`, it stays on the site.
    fn people_open(&self, path: &str, page: Option<&str>) -> String {
        let site = self.public_url.as_ref().unwrap_or(&self.url);
        let address = format!("{site}/wiki{path}");
        match page {
            None => address,
            Some(page) => {
                let parsed = reqwest::Url::parse_with_params(&address, [("pageId", page)]);
                parsed.map_or(address, Into::into)
            }
        }
    }

    fn is_page(&self, asked: &str, id: &str, page: &wire::Page) -> Result<(), PlatformError> {
        if page.id() == id { Ok(()) } else { Err(self.garbage(asked, "another page in the answer")) }
    }

    /// A list by its cursors, at most `limit` of it. The cursor alone is taken from where Confluence says that the next
    /// page is: that address lies on the site even when it was asked through the gateway.
    async fn list<T: DeserializeOwned>(&self, ask: Ask, limit: usize) -> Result<Vec<T>, PlatformError> {
        let ask = ask.query("limit", limit.clamp(1, PAGE).to_string());
        let asked = ask.asked().to_owned();
        let (mut next, mut found) = (ask.clone(), Vec::new());
        for _ in 0..PAGES_MAX {
            let answer = self.http.accept(&asked, self.http.send(next).await?)?;
            let many: wire::Many<T> = self.http.parse(&asked, &answer)?;
            let cursor = many.cursor(&answer).map_err(|why| self.garbage(&asked, &why))?;
            found.extend(many.results);
            match cursor {
                Some(cursor) if found.len() < limit => next = ask.clone().query("cursor", cursor),
                Some(_) | None => {
                    found.truncate(limit);
                    return Ok(found);
                }
            }
        }
        Err(self.http.error(&asked, Failure::TooLarge, &format!("over {PAGES_MAX} pages of it")))
    }

    async fn json<T: DeserializeOwned>(&self, ask: Ask) -> Result<T, PlatformError> {
        self.http.json(ask).await
    }

    fn garbage(&self, asked: &str, why: &str) -> PlatformError {
        self.http.error(asked, Failure::Garbage, why)
    }
}

fn get(asked: impl Into<String>, path: &[&str]) -> Ask {
    Ask::get(asked, &[&API, path].concat())
}

/// An address without the `/wiki` that people copy along with it.
fn site_of(url: &str) -> &str {
    let url = url.trim_end_matches('/');
    url.strip_suffix("/wiki").unwrap_or(url)
}

#[cfg(test)]
mod tests;
