//! How a demo or a test moves Confluence: pages that are there, people who edit in their browsers, the trash, restrictions.
//!
//! Never: reachable over HTTP.

use jiff::Timestamp;
use serde_json::Value;

use super::{
    access::{EXECUTOR, User},
    wiki::{ConfluenceWrite, Draft, Editors, Page, Property, Refusal, Sent, Status, Wiki},
};
use crate::simulator::{SimulatorError, World};

/// What somebody does to a page in the browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PageEdit {
    /// The first paragraph says this now; a page without one gets one.
    Paragraph(String),
    /// The whole page, in storage format.
    Body(String),
    Title(String),
}

impl World {
    /// A page is there, written once by `author`; one of the same id is forgotten. `space` is the space's key.
    pub fn add_page(
        &self,
        id: &str,
        space: &str,
        title: &str,
        storage: &str,
        author: &str,
    ) -> Result<(), SimulatorError> {
        self.edit(|state, now| state.confluence.add((id, space), title, storage, author, now))
    }

    /// Somebody edits a page in the browser, and it is published at once: the new version.
    pub fn edit_page(&self, id: &str, author: &str, how: &PageEdit) -> Result<u64, SimulatorError> {
        self.edit(|state, now| {
            let wiki = &mut state.confluence;
            let latest = wiki.known(id)?.latest().clone();
            let (title, body) = match how {
                PageEdit::Paragraph(words) => (latest.title, reworded(&latest.body, words)),
                PageEdit::Body(body) => (latest.title, body.clone()),
                PageEdit::Title(title) => (title.clone(), latest.body),
            };
            let sent = Sent { who: author, title: &title, body: &body, message: "", minor: false };
            let page = wiki.publish(id, latest.number + 1, &sent, now).map_err(unwritable)?;
            Ok(page.latest().number)
        })
    }

    /// Somebody has a page open in the editor, with this body beside what is published.
    pub fn draft_page(&self, id: &str, author: &str, body: &str) -> Result<(), SimulatorError> {
        self.edit(|state, _| {
            let draft = Draft { author: author.to_owned(), body: body.to_owned() };
            state.confluence.known_mut(id)?.draft = Some(draft);
            Ok(())
        })
    }

    pub fn trash_page(&self, id: &str) -> Result<(), SimulatorError> {
        self.edit(|state, _| {
            state.confluence.known_mut(id)?.status = Status::Trashed;
            Ok(())
        })
    }

    pub fn archive_page(&self, id: &str) -> Result<(), SimulatorError> {
        self.edit(|state, _| {
            state.confluence.known_mut(id)?.status = Status::Archived;
            Ok(())
        })
    }

    /// A page is gone for good, also from the trash.
    pub fn purge_page(&self, id: &str) -> Result<(), SimulatorError> {
        self.edit(|state, _| state.confluence.pages.remove(id).map(|_| ()).ok_or_else(|| unknown(id)))
    }

    /// A page goes to another space, by its key; that makes no version.
    pub fn move_page(&self, id: &str, space: &str) -> Result<(), SimulatorError> {
        self.edit(|state, _| {
            let wiki = &mut state.confluence;
            let to =
                wiki.space_by_key(space).ok_or_else(|| SimulatorError::Unknown(format!("space {space}")))?;
            let to = to.id.clone();
            wiki.known_mut(id)?.space = to;
            Ok(())
        })
    }

    /// A page goes below another of its space; that makes no version.
    pub fn hang_page(&self, id: &str, below: &str) -> Result<(), SimulatorError> {
        self.edit(|state, _| {
            let wiki = &mut state.confluence;
            let space = wiki.known(below)?.space.clone();
            let page = wiki.known_mut(id)?;
            (page.space, page.parent) = (space, Some(below.to_owned()));
            Ok(())
        })
    }

    /// These alone may edit a page, by account id and by group; with nobody named everybody may again. All may read it.
    pub fn restrict_page(&self, id: &str, accounts: &[&str], groups: &[&str]) -> Result<(), SimulatorError> {
        let named = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect();
        let editors = Editors { accounts: named(accounts), groups: named(groups) };
        self.edit(|state, _| {
            state.confluence.known_mut(id)?.editors = editors;
            Ok(())
        })
    }

    /// Somebody leaves this under a key beside a page; without a value it is taken away. That makes no version of the page.
    pub fn page_property(
        &self,
        id: &str,
        author: &str,
        key: &str,
        value: Option<&Value>,
    ) -> Result<(), SimulatorError> {
        self.edit(|state, now| {
            let new_id = state.confluence.new_id();
            let properties = &mut state.confluence.known_mut(id)?.properties;
            let before = properties.iter().position(|property| property.key == key);
            let before = before.map(|at| properties.remove(at));
            if let Some(value) = value {
                let (id, version) = before.map_or((new_id, 1), |it| (it.id, it.version + 1));
                let (key, author) = (key.to_owned(), author.to_owned());
                properties.push(Property { id, key, value: value.clone(), version, author, at: now });
                properties.sort_by(|a, b| a.id.cmp(&b.id));
            }
            Ok(())
        })
    }

    /// The id of the account that writes.
    pub fn confluence_executor_id(&self) -> &'static str {
        User::Executor.account()
    }

    /// Everything that was written, by whomever, oldest first.
    pub fn confluence_writes(&self) -> Vec<ConfluenceWrite> {
        self.read(|state| state.confluence.writes.clone())
    }

    /// What a page says now, as it is stored.
    pub fn confluence_body(&self, id: &str) -> Result<String, SimulatorError> {
        self.read(|state| Ok(state.confluence.known(id)?.latest().body.clone()))
    }

    /// The token that may write pages.
    pub fn confluence_executor_token(&self) -> String {
        self.read(|state| state.tokens.get(EXECUTOR).cloned().unwrap_or_default())
    }

    /// The address of the account that reads.
    pub fn confluence_reader(&self) -> &'static str {
        User::Reader.email()
    }

    /// The address of the account that writes.
    pub fn confluence_executor(&self) -> &'static str {
        User::Executor.email()
    }
}

impl Wiki {
    pub(in crate::simulator) fn add(
        &mut self,
        (id, space): (&str, &str),
        title: &str,
        storage: &str,
        author: &str,
        now: Timestamp,
    ) -> Result<(), SimulatorError> {
        let space =
            self.space_by_key(space).ok_or_else(|| SimulatorError::Unknown(format!("space {space}")))?;
        let space = space.id.clone();
        let sent = Sent { who: author, title, body: storage, message: "", minor: false };
        self.pages.remove(id);
        self.make(id.to_owned(), (space, None), &sent, now).map(|_| ()).map_err(unwritable)
    }

    fn known(&self, id: &str) -> Result<&Page, SimulatorError> {
        self.pages.get(id).ok_or_else(|| unknown(id))
    }

    fn known_mut(&mut self, id: &str) -> Result<&mut Page, SimulatorError> {
        self.pages.get_mut(id).ok_or_else(|| unknown(id))
    }
}

fn unknown(id: &str) -> SimulatorError {
    SimulatorError::Unknown(format!("page {id}"))
}

fn unwritable(refusal: Refusal) -> SimulatorError {
    SimulatorError::Unknown(format!("way to write such a page: {refusal:?}"))
}

/// The body with other words in its first paragraph.
fn reworded(body: &str, words: &str) -> String {
    let words = words.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let start = ["<p>", "<p "].iter().filter_map(|tag| body.find(tag)).min();
    let inside = start.and_then(|start| {
        let open = start + body[start..].find('>')? + 1;
        Some((open, open + body[open..].find("</p>")?))
    });
    match inside {
        Some((from, to)) => format!("{}{words}{}", &body[..from], &body[to..]),
        None => format!("{body}<p>{words}</p>"),
    }
}
