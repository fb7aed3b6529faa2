//! Confluence's JSON as it comes, turned into the room's types at once.
//!
//! Never: seen outside this room.

use reqwest::{Url, header::LINK};
use serde::Deserialize;

use super::{Editors, Found, Version as Told};
use crate::{
    platform::{Fact, http::Answer},
    row::page,
};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Page {
    id: String,
    status: String,
    title: Option<String>,
    space_id: Option<String>,
    version: Option<Version>,
    body: Option<Body>,
    #[serde(rename = "_links", default)]
    links: Links,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Version {
    pub(super) number: u64,
    message: Option<String>,
    author_id: Option<String>,
    created_at: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Body {
    storage: Option<Storage>,
}

#[derive(Debug, Deserialize)]
struct Storage {
    value: String,
}

#[derive(Debug, Default, Deserialize)]
struct Links {
    webui: Option<String>,
    next: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Many<T> {
    pub(super) results: Vec<T>,
    #[serde(rename = "_links", default)]
    links: Links,
}

#[derive(Debug, Deserialize)]
pub(super) struct Space {
    pub(super) id: String,
    pub(super) key: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Operations {
    operations: Option<Vec<Operation>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Operation {
    operation: String,
    target_type: Option<String>,
}

/// A content property: any JSON under a key.
#[derive(Debug, Deserialize)]
pub(super) struct Property {
    pub(super) key: String,
    pub(super) value: serde_json::Value,
}

/// The older interface's list of a page's restrictions, one entry an operation.
#[derive(Debug, Deserialize)]
pub(super) struct Restrictions {
    results: Vec<Restriction>,
}

#[derive(Debug, Deserialize)]
struct Restriction {
    operation: String,
    #[serde(default)]
    restrictions: Subjects,
}

#[derive(Debug, Default, Deserialize)]
struct Subjects {
    user: Option<Listed<Account>>,
    group: Option<Listed<Group>>,
}

#[derive(Debug, Deserialize)]
struct Listed<T> {
    results: Vec<T>,
    size: Option<u64>,
    limit: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Account {
    account_id: String,
}

#[derive(Debug, Deserialize)]
struct Group {
    name: Option<String>,
    id: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct User {
    #[serde(rename = "type")]
    kind: Option<String>,
    email: Option<String>,
    display_name: Option<String>,
    public_name: Option<String>,
    account_id: Option<String>,
}

/// Some of those who were asked for.
#[derive(Debug, Deserialize)]
pub(super) struct Users {
    results: Vec<User>,
}

impl Users {
    /// What an account is called. Privacy leaves the one name empty, or the other.
    pub(super) fn called(&self, account: &str) -> Option<&str> {
        let user = self.results.iter().find(|user| user.account_id.as_deref() == Some(account))?;
        let told = [&user.display_name, &user.public_name];
        told.into_iter().flatten().map(String::as_str).find(|name| !name.trim().is_empty())
    }
}

impl From<Version> for Told {
    fn from(wire: Version) -> Self {
        Self {
            number: wire.number,
            message: wire.message.unwrap_or_default(),
            author: wire.author_id.unwrap_or_default(),
            created_at: wire.created_at.unwrap_or_default(),
        }
    }
}

impl Page {
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn title(&self) -> &str {
        self.title.as_deref().unwrap_or_default()
    }

    pub(super) fn version(&self) -> Result<Told, String> {
        Ok(self.version.clone().ok_or("a page without a version")?.into())
    }

    pub(super) fn storage(&self) -> Result<page::Body, String> {
        let storage = self.body.as_ref().and_then(|body| body.storage.as_ref());
        Ok(page::Body::Storage(storage.ok_or("a page without its body")?.value.clone()))
    }

    /// The path below the site's `/wiki`, as Confluence tells it; only what can be nothing else is believed.
    pub(super) fn webui(&self) -> Option<&str> {
        let path = self.links.webui.as_deref()?;
        let plain =
            path.starts_with("/spaces/") && !path.contains(|c: char| c.is_control() || c.is_whitespace());
        plain.then_some(path)
    }

    fn closed(&self) -> Option<String> {
        (self.status != "current").then(|| self.status.clone())
    }

    pub(super) fn page(&self, url: String) -> Result<page::Page, String> {
        let version = self.version()?;
        Ok(page::Page {
            site: page::Site::Confluence,
            id: self.id.clone(),
            title: self.title().to_owned(),
            space: self.space_id.clone().unwrap_or_default(),
            version: version.number,
            author: version.author,
            created_at: version.created_at,
            url,
            closed: self.closed(),
            editing: page::Editing::Open,
            says: page::Says::Nothing,
            body: self.storage()?,
        })
    }

    pub(super) fn found(&self, url: String) -> Result<Found, String> {
        Ok(Found {
            id: self.id.clone(),
            title: self.title().to_owned(),
            space: self.space_id.clone().unwrap_or_default(),
            version: self.version()?,
            url,
            closed: self.closed(),
        })
    }
}

impl<T> Many<T> {
    /// Where the list goes on: the cursor in `_links.next`, else in the header `Link`; `None` where it ends.
    pub(super) fn cursor(&self, answer: &Answer) -> Result<Option<String>, String> {
        let header = answer.headers.get(LINK).and_then(|value| value.to_str().ok());
        let named = header.filter(|link| link.contains("rel=\"next\"") || link.contains("rel=next"));
        let in_header = named.and_then(|link| link.split_once('<')?.1.split_once('>')).map(|(next, _)| next);
        let Some(next) = self.links.next.as_deref().or(in_header) else { return Ok(None) };
        let base = Url::parse("https://confluence.invalid").map_err(|error| error.to_string())?;
        let next = base.join(next).map_err(|_| "a next page at no address")?;
        let cursor = next.query_pairs().find(|(key, _)| key == "cursor").map(|(_, value)| value.into_owned());
        cursor.map(Some).ok_or_else(|| "a next page without a cursor".to_owned())
    }
}

impl Operations {
    /// A list that is not there says nothing; one that is there and has no update says no.
    pub(super) fn update(&self) -> Fact<bool> {
        self.on_pages("update")
    }

    /// The same of new pages in a space.
    pub(super) fn create(&self) -> Fact<bool> {
        self.on_pages("create")
    }

    fn on_pages(&self, operation: &str) -> Fact<bool> {
        let Some(operations) = &self.operations else {
            return Fact::Unknown("Confluence does not tell what is permitted".to_owned());
        };
        let page = |target: &Option<String>| target.as_deref().is_none_or(|target| target == "page");
        Fact::Known(operations.iter().any(|one| one.operation == operation && page(&one.target_type)))
    }
}

impl Restrictions {
    /// Who alone may edit the page; an error where the answer leaves out what was asked for.
    pub(super) fn editors(self) -> Result<Editors, String> {
        let mut editors = Editors::default();
        for one in self.results.into_iter().filter(|one| one.operation == "update") {
            let Subjects { user: Some(users), group: Some(groups) } = one.restrictions else {
                return Err("restrictions without whom they leave out".to_owned());
            };
            editors.cut |= users.is_cut() || groups.is_cut();
            editors.accounts.extend(users.results.into_iter().map(|user| user.account_id));
            let name = |group: Group| group.name.or(group.id).unwrap_or_else(|| "a group".to_owned());
            editors.groups.extend(groups.results.into_iter().map(name));
        }
        Ok(editors)
    }
}

impl<T> Listed<T> {
    fn is_cut(&self) -> bool {
        matches!((self.size, self.limit), (Some(size), Some(limit)) if size >= limit)
    }
}

impl User {
    pub(super) fn is_nobody(&self) -> bool {
        self.kind.as_deref() == Some("anonymous")
    }

    pub(super) fn id(&self) -> Fact<String> {
        let unknown = || Fact::Unknown("Confluence does not say which account it is".to_owned());
        self.account_id.clone().map_or_else(unknown, Fact::Known)
    }

    pub(super) fn name(&self) -> Fact<String> {
        let told = [&self.email, &self.display_name, &self.public_name, &self.account_id];
        // Most accounts keep their address to themselves: it is then empty.
        let name = told.into_iter().flatten().find(|name| !name.is_empty());
        name.map_or_else(
            || Fact::Unknown("Confluence does not say whose it is".to_owned()),
            |name| Fact::Known(name.clone()),
        )
    }
}
