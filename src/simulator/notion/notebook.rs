//! The workspace: pages, the blocks in them, what is said about them.
//!
//! Never: HTTP.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    No, NotionEdit,
    blocks::{self, Draft},
    rich,
};
use crate::simulator::manifest;

#[derive(Debug, Default, Serialize, Deserialize)]
pub(in crate::simulator) struct Notebook {
    /// Blocks and pages.
    things: BTreeMap<String, Thing>,
    /// What lies in a page or block, in order.
    within: BTreeMap<String, Vec<String>>,
    comments: Vec<Value>,
    serial: u64,
    /// Writes that were carried out, oldest first.
    pub(super) ledger: Vec<String>,
    /// Answers to come: of writes or of reads, with which status and code.
    troubles: Vec<(bool, u16, String)>,
    /// What people do right before a write of this method: the page, and what.
    #[serde(skip)]
    pub(super) ambushes: Vec<(String, String, NotionEdit)>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Thing {
    kind: Kind,
    parent: Parent,
    created: (Timestamp, String),
    edited: (Timestamp, String),
    trashed: bool,
    /// What stood before it when it went to the trash.
    #[serde(default)]
    stood_after: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
enum Kind {
    Page { title: String, locked: bool, shared: bool },
    Block { kind: String, payload: Value },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Parent {
    Workspace,
    Page(String),
    Block(String),
}

/// Where among a parent's blocks.
pub(super) enum Place {
    Start,
    End,
    After(String),
}

/// Minutes are all that Notion tells.
fn minute(at: Timestamp) -> String {
    let minute = Timestamp::from_second(at.as_second().div_euclid(60) * 60).unwrap_or(at);
    minute.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string()
}

fn account(id: &str) -> Value {
    json!({"object": "user", "id": id})
}

impl Parent {
    fn json(&self) -> Value {
        match self {
            Parent::Workspace => json!({"type": "workspace", "workspace": true}),
            Parent::Page(id) => json!({"type": "page_id", "page_id": id}),
            Parent::Block(id) => json!({"type": "block_id", "block_id": id}),
        }
    }

    fn id(&self) -> Option<&str> {
        match self {
            Parent::Workspace => None,
            Parent::Page(id) | Parent::Block(id) => Some(id),
        }
    }
}

impl Notebook {
    fn new_id(&mut self, what: &str) -> String {
        self.serial += 1;
        manifest::uid(&format!("notion {what} {}", self.serial))
    }

    /// The page's id: the given one, or a new one.
    pub(super) fn add_page(
        &mut self,
        id: Option<&str>,
        title: &str,
        parent: Parent,
        by: &str,
        now: Timestamp,
    ) -> String {
        let id = id.map_or_else(|| self.new_id("page"), str::to_owned);
        let kind = Kind::Page { title: title.to_owned(), locked: false, shared: true };
        if let Some(parent) = parent.id() {
            self.within.entry(parent.to_owned()).or_default().push(id.clone());
            let parent = parent.to_owned();
            self.touch(&parent, by, now);
        }
        let (created, edited) = ((now, by.to_owned()), (now, by.to_owned()));
        self.things
            .insert(id.clone(), Thing { kind, parent, created, edited, trashed: false, stood_after: None });
        id
    }

    /// Blocks into a page or block; the ids of the ones at the top.
    pub(super) fn put(
        &mut self,
        parent: &str,
        place: &Place,
        drafts: Vec<Draft>,
        by: &str,
        now: Timestamp,
    ) -> Result<Vec<String>, No> {
        let here = self.within.get(parent).map(Vec::as_slice).unwrap_or_default();
        let at = match place {
            Place::Start => 0,
            Place::End => here.len(),
            Place::After(id) => match here.iter().position(|one| one == id) {
                Some(at) => at + 1,
                None => {
                    return Err(No::invalid(format!(
                        "Block to append children after: {id} is not a child of {parent}."
                    )));
                }
            },
        };
        let is_page = self.things.get(parent).is_some_and(|thing| matches!(thing.kind, Kind::Page { .. }));
        let mut made = vec![];
        for draft in drafts {
            let id = self.new_id("block");
            let above = parent.to_owned();
            let above = if is_page { Parent::Page(above) } else { Parent::Block(above) };
            let (created, edited) = ((now, by.to_owned()), (now, by.to_owned()));
            let kind = Kind::Block { kind: draft.kind, payload: draft.payload };
            self.things.insert(
                id.clone(),
                Thing { kind, parent: above, created, edited, trashed: false, stood_after: None },
            );
            self.put(&id, &Place::End, draft.children, by, now)?;
            made.push(id);
        }
        if !made.is_empty() {
            let here = self.within.entry(parent.to_owned()).or_default();
            here.splice(at..at, made.iter().cloned());
            self.touch(parent, by, now);
        }
        Ok(made)
    }

    /// Another content for a block of the same type.
    pub(super) fn reword(&mut self, id: &str, body: &Value, by: &str, now: Timestamp) -> Result<(), No> {
        let sent = blocks::kind(body)?;
        let Some(Thing { kind: Kind::Block { kind, payload }, .. }) = self.things.get_mut(id) else {
            return Err(No::invalid("A page's content is changed by its blocks."));
        };
        if sent != *kind {
            let why =
                format!("body failed validation: body.{kind} should be defined, instead was `undefined`.");
            return Err(No::invalid(why));
        }
        let fields = body[&sent].as_object().cloned().unwrap_or_default();
        let changed = blocks::payload(&sent, &fields, false)?;
        if let (Some(payload), Some(changed)) = (payload.as_object_mut(), changed.as_object()) {
            payload.extend(changed.clone());
        }
        self.touch(id, by, now);
        Ok(())
    }

    /// Into the trash, with all that lies in it.
    pub(super) fn throw_away(&mut self, id: &str, by: &str, now: Timestamp) {
        self.touch(id, by, now);
        let Some(thing) = self.things.get_mut(id) else { return };
        thing.trashed = true;
        let parent = thing.parent.id().map(str::to_owned);
        if let Some(siblings) = parent.and_then(|parent| self.within.get_mut(&parent)) {
            let at = siblings.iter().position(|one| one == id);
            thing.stood_after = at.and_then(|at| siblings.get(at.checked_sub(1)?)).cloned();
            siblings.retain(|one| one != id);
        }
    }

    /// Out of the trash, to where it stood; at the end where what stood before it is gone.
    pub(super) fn get_back(&mut self, id: &str, by: &str, now: Timestamp) {
        let Some(thing) = self.things.get_mut(id).filter(|thing| thing.trashed) else { return };
        thing.trashed = false;
        let (parent, after) = (thing.parent.id().map(str::to_owned), thing.stood_after.take());
        let siblings = self.within.entry(parent.unwrap_or_default()).or_default();
        let at = match after {
            Some(after) => siblings.iter().position(|one| *one == after).map(|at| at + 1),
            None => Some(0),
        };
        siblings.insert(at.unwrap_or(siblings.len()), id.to_owned());
        self.touch(id, by, now);
    }

    /// It and what it lies in, up to its page, were edited.
    fn touch(&mut self, id: &str, by: &str, now: Timestamp) {
        let Some(thing) = self.things.get_mut(id) else { return };
        thing.edited = (now, by.to_owned());
        if let (Kind::Block { .. }, Some(parent)) = (&thing.kind, thing.parent.id().map(str::to_owned)) {
            self.touch(&parent, by, now);
        }
    }

    /// Is it shared with us: its page, or one that its page lies in?
    fn seen(&self, id: &str) -> bool {
        let mut at = Some(id.to_owned());
        while let Some(id) = at {
            let Some(thing) = self.things.get(&id) else { return false };
            match &thing.kind {
                Kind::Page { shared: false, .. } => return false,
                Kind::Page { .. } if thing.parent == Parent::Workspace => return true,
                _ => at = thing.parent.id().map(str::to_owned),
            }
        }
        false
    }

    /// May it be written to? The right itself was looked at before.
    pub(super) fn writable(&self, id: &str, what: &str) -> Result<(), No> {
        if !self.seen(id) {
            return Err(No::missing(what, id));
        }
        let mut at = Some(id);
        while let Some(thing) = at.and_then(|id| self.things.get(id)) {
            if thing.trashed {
                let why = "Can't edit block that is archived. You must unarchive the block before editing.";
                return Err(No::invalid(why));
            }
            at = thing.parent.id();
        }
        Ok(())
    }

    pub(super) fn page_json(&self, id: &str) -> Option<Value> {
        let thing = self.things.get(id).filter(|_| self.seen(id))?;
        let Kind::Page { title, locked, .. } = &thing.kind else { return None };
        let rich = rich::stored(&json!([{"text": {"content": title}}])).unwrap_or_default();
        let slug: String = title.chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect();
        let url = format!("https://app.notion.com/p/{slug}-{}", id.replace('-', ""));
        Some(json!({"object": "page", "id": id, "created_time": minute(thing.created.0),
            "last_edited_time": minute(thing.edited.0), "created_by": account(&thing.created.1),
            "last_edited_by": account(&thing.edited.1), "cover": null, "icon": null,
            "parent": thing.parent.json(), "in_trash": thing.trashed, "is_archived": false, "is_locked": locked,
            "properties": {"title": {"id": "title", "type": "title", "title": rich}}, "url": url,
            "public_url": null, "archived": thing.trashed}))
    }

    pub(super) fn block_json(&self, id: &str) -> Option<Value> {
        let thing = self.things.get(id).filter(|_| self.seen(id))?;
        let (kind, payload) = match &thing.kind {
            Kind::Page { title, .. } => ("child_page", json!({ "title": title })),
            Kind::Block { kind, payload } => (kind.as_str(), payload.clone()),
        };
        let holds = self.within.get(id).is_some_and(|below| !below.is_empty());
        Some(json!({"object": "block", "id": id, "parent": thing.parent.json(),
            "created_time": minute(thing.created.0), "last_edited_time": minute(thing.edited.0),
            "created_by": account(&thing.created.1), "last_edited_by": account(&thing.edited.1),
            "has_children": holds, "in_trash": thing.trashed, "type": kind, kind: payload, "archived": thing.trashed}))
    }

    /// `None`: there is no such page or block.
    pub(super) fn children_json(&self, id: &str) -> Option<Vec<Value>> {
        self.things.get(id).filter(|_| self.seen(id))?;
        let below = self.within.get(id).map(Vec::as_slice).unwrap_or_default();
        Some(below.iter().filter_map(|id| self.block_json(id)).collect())
    }

    pub(super) fn comment(&mut self, page: &str, text: Value, by: &str, now: Timestamp) -> Value {
        let id = self.new_id("comment");
        let comment = json!({"object": "comment", "id": id, "parent": {"type": "page_id", "page_id": page},
            "discussion_id": manifest::uid(&id), "created_time": minute(now), "last_edited_time": minute(now),
            "created_by": account(by), "rich_text": text});
        self.comments.push(comment.clone());
        comment
    }

    pub(super) fn comments_json(&self, page: &str) -> Vec<Value> {
        let on = |comment: &&Value| comment["parent"]["page_id"] == page;
        self.comments.iter().filter(on).cloned().collect()
    }

    /// The first block with text, wherever it lies in a page.
    pub(super) fn first_text(&self, id: &str) -> Option<(String, String, String)> {
        let below = self.within.get(id)?;
        below.iter().find_map(|id| match self.things.get(id).map(|thing| &thing.kind) {
            Some(Kind::Block { kind, payload }) if payload["rich_text"].is_array() => {
                Some((id.clone(), kind.clone(), rich::plain(&payload["rich_text"])))
            }
            _ => self.first_text(id),
        })
    }

    /// A block of a page by its text.
    pub(super) fn with_text(&self, id: &str, text: &str) -> Option<(String, String)> {
        self.within.get(id)?.iter().find_map(|id| match self.things.get(id).map(|thing| &thing.kind) {
            Some(Kind::Block { kind, payload }) if rich::plain(&payload["rich_text"]) == text => {
                Some((id.clone(), kind.clone()))
            }
            _ => self.with_text(id, text),
        })
    }

    pub(super) fn rename(&mut self, id: &str, to: &str) -> bool {
        match self.things.get_mut(id).map(|thing| &mut thing.kind) {
            Some(Kind::Page { title, .. }) => {
                to.clone_into(title);
                true
            }
            _ => false,
        }
    }

    /// A page goes into another: who may see it follows from there.
    pub(super) fn hang(&mut self, id: &str, into: &str) -> bool {
        let fits = id != into && self.is_page(id) && self.is_page(into);
        if let Some(thing) = self.things.get_mut(id).filter(|_| fits) {
            thing.parent = Parent::Page(into.to_owned());
        }
        fits
    }

    pub(super) fn set_locked(&mut self, id: &str, on: bool) -> bool {
        match self.things.get_mut(id).map(|thing| &mut thing.kind) {
            Some(Kind::Page { locked, .. }) => {
                *locked = on;
                true
            }
            _ => false,
        }
    }

    pub(super) fn set_shared(&mut self, id: &str, on: bool) -> bool {
        match self.things.get_mut(id).map(|thing| &mut thing.kind) {
            Some(Kind::Page { shared, .. }) => {
                *shared = on;
                true
            }
            _ => false,
        }
    }

    pub(super) fn is_page(&self, id: &str) -> bool {
        self.things.get(id).is_some_and(|thing| matches!(thing.kind, Kind::Page { .. }))
    }

    pub(super) fn add_trouble(&mut self, writes: bool, status: u16, code: &str) {
        self.troubles.push((writes, status, code.to_owned()));
    }

    pub(super) fn trouble(&mut self, writes: bool) -> Option<(u16, &'static str)> {
        const CODES: [&str; 6] = [
            "conflict_error",
            "rate_limited",
            "service_overload",
            "internal_server_error",
            "service_unavailable",
            "gateway_timeout",
        ];
        let index = self.troubles.iter().position(|(of_writes, ..)| *of_writes == writes)?;
        let (_, status, code) = self.troubles.remove(index);
        let code = CODES.into_iter().find(|known| *known == code).unwrap_or("internal_server_error");
        Some((status, code))
    }
}
