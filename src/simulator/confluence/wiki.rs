//! Spaces, pages with all their versions, and the rules by which a page gets its next one.
//!
//! Never: a version that was kept and is changed; a write that the ledger does not have.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::storage;
use crate::row::Digest;

/// Ids of pages that are made here begin above it.
const FIRST_ID: u64 = 5_000_000;

#[derive(Debug, Default, Serialize, Deserialize)]
pub(in crate::simulator) struct Wiki {
    pub(super) spaces: Vec<Space>,
    pub(super) pages: BTreeMap<String, Page>,
    pub(super) writes: Vec<ConfluenceWrite>,
    /// Counts ids.
    count: u64,
    /// Counts requests.
    #[serde(skip)]
    traces: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Space {
    pub(super) id: String,
    pub(super) key: String,
    pub(super) name: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Page {
    pub(super) id: String,
    /// The space's id.
    pub(super) space: String,
    pub(super) parent: Option<String>,
    pub(super) status: Status,
    /// Whom its restrictions let edit it; nobody is named where it has none.
    #[serde(default)]
    pub(super) editors: Editors,
    /// JSON under a key, which any editor of the page may leave there; in the order of their ids.
    #[serde(default)]
    pub(super) properties: Vec<Property>,
    /// Somebody has it open in the editor, with this beside what is published.
    pub(super) draft: Option<Draft>,
    pub(super) created_at: Timestamp,
    /// Oldest first, never empty.
    pub(super) versions: Vec<Version>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Property {
    pub(super) id: String,
    pub(super) key: String,
    pub(super) value: Value,
    /// How often it was written.
    pub(super) version: u64,
    pub(super) author: String,
    pub(super) at: Timestamp,
}

/// Accounts and groups by name. Dock's accounts are in none of the groups.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Editors {
    pub(super) accounts: Vec<String>,
    pub(super) groups: Vec<String>,
}

impl Editors {
    pub(super) fn let_in(&self, account: &str) -> bool {
        let restricted = !(self.accounts.is_empty() && self.groups.is_empty());
        !restricted || self.accounts.iter().any(|one| one == account)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Status {
    Current,
    Archived,
    Trashed,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Draft {
    pub(super) author: String,
    pub(super) body: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Version {
    pub(super) number: u64,
    pub(super) title: String,
    pub(super) message: String,
    pub(super) minor: bool,
    pub(super) author: String,
    pub(super) created_at: Timestamp,
    pub(super) body: String,
}

/// Something that somebody wrote, over the API or in the browser.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfluenceWrite {
    /// The account's id.
    pub who: String,
    pub at: Timestamp,
    pub page: String,
    pub version: u64,
    pub message: String,
}

/// What somebody wants to be written.
pub(super) struct Sent<'s> {
    pub(super) who: &'s str,
    pub(super) title: &'s str,
    pub(super) body: &'s str,
    pub(super) message: &'s str,
    pub(super) minor: bool,
}

/// Why it is not.
#[derive(Debug)]
pub(super) enum Refusal {
    NotFound,
    Forbidden,
    NotTheNext { current: u64, provided: u64 },
    Malformed(String),
    TitleTaken,
}

impl Wiki {
    pub(in crate::simulator) fn with_spaces(spaces: &[(&str, &str, &str)]) -> Self {
        let space = |&(id, key, name): &(&str, &str, &str)| Space {
            id: id.to_owned(),
            key: key.to_owned(),
            name: name.to_owned(),
        };
        Self { spaces: spaces.iter().map(space).collect(), ..Self::default() }
    }

    /// The number under which a request would be found.
    pub(super) fn next_trace(&mut self) -> u64 {
        self.traces += 1;
        self.traces
    }

    pub(super) fn space_by_key(&self, key: &str) -> Option<&Space> {
        self.spaces.iter().find(|space| space.key == key)
    }

    pub(super) fn space(&self, id: &str) -> Option<&Space> {
        self.spaces.iter().find(|space| space.id == id)
    }

    /// The next id that nothing has yet.
    pub(super) fn new_id(&mut self) -> String {
        self.count += 1;
        (FIRST_ID + self.count).to_string()
    }

    /// A page's first version.
    pub(super) fn make(
        &mut self,
        id: String,
        (space, parent): (String, Option<String>),
        sent: &Sent<'_>,
        now: Timestamp,
    ) -> Result<&Page, Refusal> {
        if self.is_taken(&space, sent.title, &id) {
            return Err(Refusal::TitleTaken);
        }
        let version = self.version(1, sent, now)?;
        let page = Page {
            id: id.clone(),
            space,
            parent,
            status: Status::Current,
            editors: Editors::default(),
            properties: vec![],
            draft: None,
            created_at: now,
            versions: vec![],
        };
        self.pages.insert(id.clone(), page);
        self.keep(&id, version)
    }

    /// A page's next version, which has to be `number`.
    pub(super) fn publish(
        &mut self,
        id: &str,
        number: u64,
        sent: &Sent<'_>,
        now: Timestamp,
    ) -> Result<&Page, Refusal> {
        let page = self.pages.get(id).ok_or(Refusal::NotFound)?;
        let current = page.latest().number;
        if number != current + 1 {
            return Err(Refusal::NotTheNext { current, provided: number });
        }
        if self.is_taken(&page.space.clone(), sent.title, id) {
            return Err(Refusal::TitleTaken);
        }
        let version = self.version(number, sent, now)?;
        self.keep(id, version)
    }

    fn keep(&mut self, id: &str, version: Version) -> Result<&Page, Refusal> {
        self.writes.push(ConfluenceWrite {
            who: version.author.clone(),
            at: version.created_at,
            page: id.to_owned(),
            version: version.number,
            message: version.message.clone(),
        });
        let page = self.pages.get_mut(id).ok_or(Refusal::NotFound)?;
        page.versions.push(version);
        page.status = Status::Current;
        Ok(page)
    }

    fn version(&mut self, number: u64, sent: &Sent<'_>, now: Timestamp) -> Result<Version, Refusal> {
        let body = storage::stored(sent.body, &mut || {
            self.count += 1;
            hexadecimal(&Digest::of(format!("confluence {}", self.count)))
        });
        Ok(Version {
            number,
            title: sent.title.to_owned(),
            message: sent.message.to_owned(),
            minor: sent.minor,
            author: sent.who.to_owned(),
            created_at: now,
            body: body.map_err(Refusal::Malformed)?,
        })
    }

    /// One page of a title in a space, whatever its case; those in the trash do not count.
    fn is_taken(&self, space: &str, title: &str, but: &str) -> bool {
        self.pages.values().any(|page| {
            page.space == space
                && page.id != but
                && page.status == Status::Current
                && page.latest().title.to_lowercase() == title.to_lowercase()
        })
    }

    /// A page as the API shows it, with or without its body; `shown` is one of its versions.
    pub(super) fn json(&self, page: &Page, shown: &Version, with_body: bool, base: &str) -> Value {
        let key = self.space(&page.space).map(|space| space.key.as_str()).unwrap_or_default();
        let first = page.versions.first().unwrap_or(shown);
        let path = format!("/spaces/{key}/pages/{}", page.id);
        let title = shown.title.replace(' ', "+");
        json!({
            "id": page.id, "status": page.word(shown), "title": shown.title, "spaceId": page.space,
            "parentId": page.parent, "parentType": page.parent.as_ref().map(|_| "page"),
            "authorId": first.author, "ownerId": first.author, "lastOwnerId": null,
            "createdAt": page.created_at, "version": shown.json(),
            "body": if with_body { shown.storage() } else { json!({}) },
            "_links": {"webui": format!("{path}/{title}"), "editui": format!("/pages/resumedraft.action?draftId={}", page.id),
                "base": base},
        })
    }
}

impl Page {
    /// What is there now.
    pub(super) fn latest(&self) -> &Version {
        // A page begins with its first version and loses none.
        &self.versions[self.versions.len() - 1]
    }

    fn word(&self, shown: &Version) -> &'static str {
        match self.status {
            Status::Trashed => "trashed",
            Status::Archived => "archived",
            Status::Current if shown.number < self.latest().number => "historical",
            Status::Current => "current",
        }
    }
}

impl Property {
    pub(super) fn json(&self) -> Value {
        json!({"id": self.id, "key": self.key, "value": self.value, "version": {"number": self.version, "message": "",
            "minorEdit": false, "authorId": self.author, "createdAt": self.at}})
    }
}

impl Version {
    pub(super) fn json(&self) -> Value {
        json!({"number": self.number, "message": self.message, "minorEdit": self.minor, "authorId": self.author,
            "createdAt": self.created_at})
    }

    pub(super) fn storage(&self) -> Value {
        json!({"storage": {"representation": "storage", "value": self.body}})
    }
}

fn hexadecimal(digest: &Digest) -> String {
    digest.0.iter().map(|byte| format!("{byte:02x}")).collect()
}
