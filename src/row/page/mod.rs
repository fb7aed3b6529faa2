//! The kind `runbook`: one page, what was read of it, and what an edit of it would do.
//!
//! As with a sync, everything that Dock judges is computed here from one [`Reading`], by the agent that drafts, the server
//! that checks the draft, and the executor that reads again before it publishes: same reading, same answer. An edit is a
//! list of [`Operation`]s on a page's blocks; what they do not name stays as it is, byte for byte.
//!
//! Never: reads a platform; a page taken for readable that is not.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{Digest, Moved, Risk, base::PageBase, base::PageEffect, proposal::Live};

mod anchor;
pub mod markup;
mod named;
pub mod notion;
pub mod operation;
pub mod origin;
pub mod outline;
pub mod procedure;
pub mod refit;
pub mod says;
pub mod since;
pub mod storage;

pub use named::named;
pub use operation::{Action, Anchor, Block, Edit, NotApplicable, Operation, Piece};
pub use outline::{Outline, Passage, Unreadable};
pub use says::Says;
pub use since::Since;

/// The signal that names a page's author.
pub const WRITTEN_BY: &str = "written by";

/// The platform that keeps a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Site {
    Confluence,
    Notion,
}

impl Site {
    /// As pointers name the platform.
    pub fn name(self) -> &'static str {
        match self {
            Self::Confluence => "confluence",
            Self::Notion => "notion",
        }
    }

    pub fn title(self) -> &'static str {
        match self {
            Self::Confluence => "Confluence",
            Self::Notion => "Notion",
        }
    }

    /// The name of a pointer to one of its pages.
    pub fn pointer(self) -> &'static str {
        match self {
            Self::Confluence => "confluence_page_id",
            Self::Notion => "notion_block_id",
        }
    }
}

/// One runbook, as `[runbooks.NAME]` in the configs of scribe, server and executor names it. The name is what people call
/// the page: `CONF-4711`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Runbook {
    pub site: Site,
    /// The platform's own id of the page: digits in Confluence, a UUID in Notion.
    pub page: String,
    /// The services whose incidents it is for.
    pub services: Vec<String>,
    /// The name under which Prometheus' rules know them, where no gate says so.
    #[serde(default)]
    pub prometheus: Option<String>,
    /// Datadog's SLO for them, by its id, where no gate says so.
    #[serde(default)]
    pub datadog_slo: Option<String>,
    #[serde(default = "production")]
    pub environment: String,
    /// What a wrong edit costs to take back.
    #[serde(default = "reversible")]
    pub risk: Risk,
    /// Keys that an edit needs, where the page is sensitive; never fewer than its risk asks for.
    #[serde(default = "one")]
    pub keys: NonZeroU32,
}

fn production() -> String {
    "production".to_owned()
}

fn reversible() -> Risk {
    Risk::Reversible
}

fn one() -> NonZeroU32 {
    NonZeroU32::MIN
}

/// A page as its platform gave it at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    pub site: Site,
    pub id: String,
    pub title: String,
    /// Confluence's space id; empty in Notion.
    pub space: String,
    /// Confluence's version number; 0 in Notion, which has none.
    pub version: u64,
    /// Who wrote this version, as the platform names accounts.
    pub author: String,
    /// When, as the platform wrote it. Notion rounds it down to the minute.
    pub created_at: String,
    /// The page a person would open.
    pub url: String,
    /// Why it cannot be edited, where it cannot: `trashed`, `archived`, `locked`.
    pub closed: Option<String>,
    /// Whether Dock's executor may edit it, as far as whoever read it can tell.
    pub editing: Editing,
    /// What the page says of itself, where its platform has a place for that.
    pub says: Says,
    pub body: Body,
}

impl Page {
    /// Why it cannot be edited and what to do, where it cannot.
    pub fn shut(&self) -> Option<String> {
        let closed = self.closed.as_ref()?;
        let what = match closed.as_str() {
            "trashed" => "get it out of the trash",
            "archived" => "get it out of the archive",
            "locked" => "unlock it",
            "draft" => "publish it",
            _ => "open it",
        };
        Some(format!("the page is {closed}: {what}, or take it out of [runbooks]"))
    }
}

/// Whether a page's own restrictions let Dock's executor edit it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Editing {
    /// Nothing speaks against it, or nobody was asked: then its platform says so at the write.
    #[default]
    Open,
    /// Who alone may, and that the executor is not among them.
    Restricted(String),
    /// It is restricted, or that cannot be read; and why it is not known whether that is against the executor.
    Unknown(String),
}

/// A page's content, as its platform keeps it.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// Confluence's storage format, as received.
    Storage(String),
    /// Notion's blocks in order. Each is `{"id","type",TYPE:{…}}` as received; a block's own blocks lie in `children`
    /// beside them. A block that is to be written has no id.
    Blocks(Vec<Json>),
}

/// What is proposed for a page.
#[derive(Debug, Clone, PartialEq)]
pub enum Proposed {
    /// Operations to publish.
    Edit(Edit),
    /// The page beside the system as it is now: nothing is executed.
    Live(Live),
    /// Only the page was asked for.
    Nothing,
}

/// One runbook and what is proposed for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// As the config names it.
    pub name: String,
    pub environment: String,
    pub risk: Risk,
    pub keys: NonZeroU32,
    pub page: Page,
    pub proposed: Proposed,
}

impl Reading {
    /// At most one open row each: an edit of the page, and a live runbook for each incident.
    pub fn subject(&self) -> String {
        match &self.proposed {
            Proposed::Live(live) => format!("{}@{}", self.name, live.incident),
            Proposed::Edit(_) | Proposed::Nothing => self.name.clone(),
        }
    }

    pub fn base(&self) -> PageBase {
        PageBase::of(&self.name, &self.page)
    }

    /// What a wrong decision costs to take back. What is said of a live runbook's steps is recorded and changes no page.
    pub fn costs(&self) -> Risk {
        if self.is_live() { Risk::Reversible } else { self.risk }
    }

    /// Keys that the page asks for, by the config and by its own word. Who was on call says alone what became of the steps.
    pub fn asks(&self) -> NonZeroU32 {
        if self.is_live() { NonZeroU32::MIN } else { self.keys.max(self.page.says.keys()) }
    }

    /// The page asks for more keys by its own word than the rule that a row froze.
    pub fn asks_more(&self, keys: u32) -> Option<Moved> {
        let asks = if self.is_live() { 1 } else { self.page.says.keys().get() };
        let why = self.page.says.unknown().unwrap_or("it says that it is sensitive");
        let (what, was) = ("keys that the page asks for".to_owned(), keys.to_string());
        (asks > keys).then(|| Moved { what, was, is: format!("{asks}: {why}") })
    }

    /// Why this account does not know what the page asks for.
    pub fn unread(&self) -> Option<&str> {
        match &self.page.says {
            Says::Unread(why) if !self.is_live() => Some(why),
            _ => None,
        }
    }

    /// Nothing is written by what is decided of it.
    fn is_live(&self) -> bool {
        matches!(self.proposed, Proposed::Live(_))
    }

    /// The page's next body, where there is one.
    pub fn next(&self) -> Option<Result<Body, NotApplicable>> {
        match &self.proposed {
            Proposed::Edit(edit) => Some(edit.apply(&self.page.body)),
            Proposed::Live(_) | Proposed::Nothing => None,
        }
    }

    /// What would be published; absent where nothing is, or where the operations do not fit the page.
    pub fn effect(&self) -> Option<PageEffect> {
        let next = self.next()?.ok()?;
        Some(PageEffect {
            page: self.page.id.clone(),
            expected_version: self.page.version,
            body: next.written(),
            create: None,
        })
    }

    /// An edit without operations publishes nothing: it tells people what is theirs to place.
    pub fn only_tells(&self) -> bool {
        matches!(&self.proposed, Proposed::Edit(edit) if edit.operations.is_empty())
    }

    /// What stands against carrying it out: what moved, and that the page is closed to the executor by now.
    pub fn moved(&self, base: &PageBase) -> Vec<Moved> {
        let mut moved = self.changed(base);
        if let Editing::Restricted(who) = &self.page.editing
            && !self.is_live()
        {
            let (what, was) = ("who may edit the page".to_owned(), "Dock's executor".to_owned());
            moved.push(Moved { what, was, is: who.clone() });
        }
        moved
    }

    /// Field by field. A version alone is a change: somebody wrote.
    pub fn changed(&self, base: &PageBase) -> Vec<Moved> {
        let mut moved = base.moved(&self.base());
        if let Some(closed) = &self.page.closed {
            moved.push(Moved { what: "page".to_owned(), was: "open".to_owned(), is: closed.clone() });
        }
        moved
    }

    /// Why there is nothing to decide, if there is nothing.
    pub fn nothing_to_decide(&self) -> Option<String> {
        if let Some(closed) = &self.page.closed {
            return Some(format!("the page is {closed}"));
        }
        if let Proposed::Live(live) = &self.proposed {
            return live.differs_from(&self.page.body);
        }
        if self.only_tells() {
            return None;
        }
        match self.next() {
            None => Some("nothing is proposed".to_owned()),
            Some(Err(why)) => Some(why.to_string()),
            Some(Ok(next)) if next.written() == self.page.body.written() => {
                Some("the page says so already".to_owned())
            }
            Some(Ok(_)) => None,
        }
    }
}

impl Body {
    /// Which body this is: the canonical form, ids included. What the platform changes by itself is left out.
    pub fn digest(&self) -> Digest {
        outline::digest(self, true)
    }

    /// What is written in it, whatever ids its blocks have or get: what an approval is for, and what a read-back is
    /// compared with.
    pub fn written(&self) -> Digest {
        outline::digest(self, false)
    }
}
