//! How a demo or a test moves Notion: pages laid down, changed by people, thrown away; a no that is to come.
//!
//! Never: reachable over HTTP.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    blocks,
    notebook::{Notebook, Parent, Place},
    user_id,
};
use crate::simulator::{SimulatorError, World};

/// What a person does to a page; blocks by their text.
#[derive(Debug, Clone)]
pub enum NotionEdit {
    /// A paragraph at the end.
    Line(String),
    Reword {
        was: String,
        is: String,
    },
    Remove(String),
    /// Something within a block.
    Within {
        block: String,
        line: String,
    },
}

impl World {
    /// jordan edits a page in the browser.
    pub fn change_notion_page(&self, id: &str, edit: &NotionEdit) -> Result<(), SimulatorError> {
        self.edit(|state, now| state.notebook.change(id, edit, now))
            .map_err(|no| SimulatorError::Unknown(format!("way to change {id}: {}", no.message)))
    }

    /// The same right before the next write of this method that Dock sends.
    pub fn change_notion_page_before(&self, method: &str, id: &str, edit: &NotionEdit) {
        self.edit(|state, _| {
            state.notebook.ambushes.push((method.to_owned(), id.to_owned(), edit.clone()));
        });
    }

    pub(super) fn come_between(&self, method: &str) {
        self.edit(|state, now| {
            let notebook = &mut state.notebook;
            let Some(at) = notebook.ambushes.iter().position(|(of, ..)| of == method) else { return };
            let (_, page, edit) = notebook.ambushes.remove(at);
            if let Err(no) = notebook.change(&page, &edit, now) {
                tracing::warn!(page, why = no.message, "nobody came between");
            }
        });
    }

    /// A page with these blocks, as a request would bring them; `id` is a UUID with dashes.
    pub fn add_notion_page(&self, id: &str, title: &str, blocks: &Value) -> Result<(), SimulatorError> {
        self.edit(|state, now| state.notebook.lay((id, title), blocks, "sarah", now))
    }

    /// A person changes a few words of a page.
    pub fn edit_notion_page(&self, id: &str, person: &str) -> Result<(), SimulatorError> {
        self.edit(|state, now| {
            let (notebook, by) = (&mut state.notebook, user_id(person));
            let failed = |no: super::No| SimulatorError::Unknown(format!("way to edit {id}: {}", no.message));
            if !notebook.is_page(id) {
                return Err(unknown(id));
            }
            let rich = |text: &str| json!([{"text": {"content": text}}]);
            let Some((block, kind, text)) = notebook.first_text(id) else {
                let draft = blocks::drafts(&json!([{"paragraph": {"rich_text": rich("Checked.")}}]));
                let put = draft.and_then(|draft| notebook.put(id, &Place::End, draft, &by, now));
                return put.map(|_| ()).map_err(failed);
            };
            let words = format!("{text} (checked by {person})");
            notebook.reword(&block, &json!({ kind: {"rich_text": rich(&words)} }), &by, now).map_err(failed)
        })
    }

    pub fn trash_notion_page(&self, id: &str) -> Result<(), SimulatorError> {
        self.edit(|state, now| {
            let known = state.notebook.is_page(id);
            state.notebook.throw_away(id, &user_id("sarah"), now);
            if known { Ok(()) } else { Err(unknown(id)) }
        })
    }

    pub fn rename_notion_page(&self, id: &str, title: &str) -> Result<(), SimulatorError> {
        self.edit(|state, _| if state.notebook.rename(id, title) { Ok(()) } else { Err(unknown(id)) })
    }

    /// A page goes into another.
    pub fn move_notion_page(&self, id: &str, into: &str) -> Result<(), SimulatorError> {
        self.edit(|state, _| if state.notebook.hang(id, into) { Ok(()) } else { Err(unknown(id)) })
    }

    pub fn lock_notion_page(&self, id: &str, locked: bool) -> Result<(), SimulatorError> {
        self.edit(|state, _| if state.notebook.set_locked(id, locked) { Ok(()) } else { Err(unknown(id)) })
    }

    /// Shares a page with Dock's integrations, or takes it back.
    pub fn share_notion_page(&self, id: &str, shared: bool) -> Result<(), SimulatorError> {
        self.edit(|state, _| if state.notebook.set_shared(id, shared) { Ok(()) } else { Err(unknown(id)) })
    }

    /// The next write, or the next read, is answered with this status and code, and is not carried out.
    pub fn notion_says(&self, writes: bool, status: u16, code: &str) {
        self.edit(|state, _| state.notebook.add_trouble(writes, status, code));
    }

    /// The writes that were carried out, oldest first, as in `PATCH /v1/blocks/…`.
    pub fn notion_writes(&self) -> Vec<String> {
        self.read(|state| state.notebook.ledger.clone())
    }

    /// The token of the integration that may write.
    pub fn notion_executor_token(&self) -> String {
        self.read(|state| state.tokens.get(super::EXECUTOR).cloned().unwrap_or_default())
    }
}

impl Notebook {
    fn change(&mut self, id: &str, edit: &NotionEdit, now: Timestamp) -> Result<(), super::No> {
        let by = user_id("jordan");
        let rich = |text: &str| json!([{"text": {"content": text}}]);
        let line = |text: &str| blocks::drafts(&json!([{"paragraph": {"rich_text": rich(text)}}]));
        let found =
            |text: &str| self.with_text(id, text).ok_or_else(|| super::No::missing("block that reads", text));
        match edit {
            NotionEdit::Line(text) => self.put(id, &Place::End, line(text)?, &by, now).map(drop),
            NotionEdit::Within { block, line: text } => {
                let (block, _) = found(block)?;
                self.put(&block, &Place::End, line(text)?, &by, now).map(drop)
            }
            NotionEdit::Reword { was, is } => {
                let (block, kind) = found(was)?;
                self.reword(&block, &json!({ kind: {"rich_text": rich(is)} }), &by, now)
            }
            NotionEdit::Remove(text) => {
                let (block, _) = found(text)?;
                self.throw_away(&block, &by, now);
                Ok(())
            }
        }
    }

    /// A page by its id and title, with these blocks, written by a person.
    pub(in crate::simulator) fn lay(
        &mut self,
        (id, title): (&str, &str),
        blocks: &Value,
        person: &str,
        at: Timestamp,
    ) -> Result<(), SimulatorError> {
        let by = user_id(person);
        let unfit =
            |no: super::No| SimulatorError::Unknown(format!("way to lay down {title}: {}", no.message));
        let blocks = blocks.as_array().map(Vec::as_slice).unwrap_or_default();
        self.add_page(Some(id), title, Parent::Workspace, &by, at);
        for batch in blocks.chunks(100) {
            let drafts = blocks::drafts(&json!(batch)).map_err(unfit)?;
            self.put(id, &Place::End, drafts, &by, at).map_err(unfit)?;
        }
        Ok(())
    }
}

fn unknown(id: &str) -> SimulatorError {
    SimulatorError::Unknown(format!("page {id} in Notion"))
}
