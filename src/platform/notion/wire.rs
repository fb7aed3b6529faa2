//! Notion's JSON as it comes, turned into the room's types at once.
//!
//! Never: seen outside this room.

use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::{Body, Fact, Site, normalised};
use crate::row::page::Editing;

/// `{"object": "error", status, code, message}`.
#[derive(Debug, Deserialize)]
pub(super) struct Error {
    code: String,
    #[serde(default)]
    message: String,
}

impl Error {
    pub(super) fn words(&self) -> String {
        format!("{}: {}", self.code, self.message)
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct User {
    id: String,
    name: Option<String>,
    bot: Option<Bot>,
}

#[derive(Debug, Deserialize)]
struct Bot {
    workspace_name: Option<String>,
}

impl User {
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn called(&self) -> Option<&str> {
        self.name.as_deref()
    }

    pub(super) fn account(self) -> Fact<String> {
        let name = self.name.filter(|name| !name.is_empty()).unwrap_or(self.id);
        let workspace = self.bot.and_then(|bot| bot.workspace_name);
        Fact::Known(match workspace {
            Some(workspace) => format!("{name} in {workspace}"),
            None => name,
        })
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Account {
    id: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Page {
    pub(super) id: String,
    pub(super) last_edited_time: String,
    last_edited_by: Option<Account>,
    #[serde(default)]
    in_trash: bool,
    #[serde(default)]
    archived: bool,
    #[serde(default)]
    is_archived: bool,
    #[serde(default)]
    is_locked: bool,
    #[serde(default)]
    properties: Map<String, Json>,
    #[serde(default)]
    pub(super) url: String,
}

impl Page {
    fn title(&self) -> String {
        let title = self.properties.values().find(|property| property["type"] == "title");
        title.map(|property| words(&property["title"])).unwrap_or_default()
    }

    /// `archived` is what Notion called the trash before it had a word of its own for it.
    fn closed(&self) -> Option<String> {
        let states = [
            (self.in_trash || self.archived, "trashed"),
            (self.is_archived, "archived"),
            (self.is_locked, "locked"),
        ];
        states.into_iter().find(|(is, _)| *is).map(|(_, word)| word.to_owned())
    }

    pub(super) fn page(self, body: Body) -> crate::row::page::Page {
        crate::row::page::Page {
            site: Site::Notion,
            id: normalised(&self.id).unwrap_or_else(|| self.id.clone()),
            title: self.title(),
            space: String::new(),
            version: 0,
            closed: self.closed(),
            editing: Editing::Open,
            says: crate::row::page::Says::Nothing,
            author: self.last_edited_by.map(|account| account.id).unwrap_or_default(),
            created_at: self.last_edited_time,
            url: self.url,
            body,
        }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Comment {
    pub(super) id: String,
    #[serde(default)]
    created_time: String,
    created_by: Option<Account>,
    #[serde(default)]
    rich_text: Json,
}

impl From<Comment> for super::Comment {
    fn from(wire: Comment) -> Self {
        Self {
            id: wire.id,
            created_at: wire.created_time,
            by: wire.created_by.map(|account| account.id).unwrap_or_default(),
            text: words(&wire.rich_text),
        }
    }
}

/// The plain text of rich text.
fn words(rich_text: &Json) -> String {
    let items = rich_text.as_array().map(Vec::as_slice).unwrap_or_default();
    let text = |item: &Json| {
        item["plain_text"]
            .as_str()
            .or_else(|| item["text"]["content"].as_str())
            .unwrap_or_default()
            .to_owned()
    };
    items.iter().map(text).collect()
}

/// The blocks that an append made, in their order.
#[derive(Debug, Deserialize)]
pub(super) struct Appended {
    pub(super) results: Vec<Made>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Made {
    pub(super) id: String,
    #[serde(default)]
    pub(super) url: String,
}
