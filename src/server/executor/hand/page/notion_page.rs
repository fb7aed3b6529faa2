//! A page in Notion: what it shows, its edit call by call, its comment.
//!
//! Notion has no lock and no versions: the whole tree is read right before the first call, and what the page shows
//! afterwards is all that tells how far an edit came.
//! Never: a page's whole content replaced; a block deleted that the row did not show.

use super::{
    Hand, Ours, Publication, Published, Sent, Warrant, after, mark, message, nothing_there, page_of, shown,
    titled,
};
use crate::{
    platform::notion,
    row::{
        Proposal,
        base::NewPage,
        page::{self, Body, Page},
    },
};

impl Hand {
    fn notion(&self) -> Result<&notion::Actuator, String> {
        self.notion.as_ref().ok_or_else(|| super::super::missing("notion"))
    }

    pub(super) async fn in_notion(&self, warrant: &Warrant, it: &Publication) -> Result<Published, String> {
        let page = self.notion()?.reads().page(&it.effect.page).await.map_err(|error| error.to_string())?;
        Ok(shown(None, page_of(warrant), page))
    }

    /// A page of ours under the parent.
    pub(super) async fn new_in_notion(&self, warrant: &Warrant, new: &NewPage) -> Result<Published, String> {
        let title = titled(warrant, new);
        let Some(id) = self.found_in_notion(warrant, new).await? else { return Ok(nothing_there(&title)) };
        let page = self.notion()?.reads().page(&id).await.map_err(|error| error.to_string())?;
        let ours = Ours { number: 1, written: page.body.written() };
        Ok(shown(Some(ours), &title, page))
    }

    pub(super) async fn create_in_notion(
        &self,
        warrant: &Warrant,
        new: &NewPage,
        blocks: &[serde_json::Value],
    ) -> Result<Sent, String> {
        let parent = parent(new)?;
        let children = page::notion::request(blocks);
        let created = self.notion()?.create(parent, &titled(warrant, new), &children).await;
        Ok(sent(created.map(drop)))
    }

    /// Call by call; where one fails, what the page shows tells how far it came.
    pub(super) async fn edit_in_notion(&self, page: &Page, it: &Publication) -> Result<Sent, String> {
        let (Proposal::Edit(edit), Body::Blocks(blocks)) = (&it.proposal, &page.body) else {
            return Err("it is no edit of blocks".to_owned());
        };
        let calls = page::notion::calls(&page.id, blocks, &edit.operations).map_err(|why| why.to_string())?;
        let notion = self.notion()?;
        let count = calls.len();
        for (at, call) in calls.iter().enumerate() {
            let Err(error) = notion.carry_out(call).await else { continue };
            return Ok(match sent(Err(error)) {
                // Something of it is written: only what the page shows tells.
                Sent::Later { why, .. } | Sent::No { why } | Sent::Refused { why } if at > 0 => {
                    Sent::Refused { why: format!("call {} of {count}: {why}", at + 1) }
                }
                sent => sent,
            });
        }
        Ok(Sent::Accepted)
    }

    pub(super) async fn commented_in_notion(
        &self,
        warrant: &Warrant,
        it: &Publication,
    ) -> Result<bool, String> {
        let Some(page) = self.written_in_notion(warrant, it).await? else { return Ok(false) };
        let comments = self.notion()?.reads().comments(&page).await.map_err(|error| error.to_string())?;
        Ok(comments.iter().any(|comment| comment.text.starts_with(&mark(warrant))))
    }

    pub(super) async fn comment_in_notion(
        &self,
        warrant: &Warrant,
        it: &Publication,
        log: &str,
    ) -> Result<Sent, String> {
        let Some(page) = self.written_in_notion(warrant, it).await? else {
            return Ok(Sent::Refused { why: "the page is gone".to_owned() });
        };
        Ok(match sent(self.notion()?.comment(&page, &message(warrant, Some(log))).await.map(drop)) {
            Sent::No { why } => Sent::Refused { why },
            sent => sent,
        })
    }

    /// The id of the page that was written.
    async fn written_in_notion(&self, warrant: &Warrant, it: &Publication) -> Result<Option<String>, String> {
        match &it.effect.create {
            None => Ok(Some(it.effect.page.clone())),
            Some(new) => self.found_in_notion(warrant, new).await,
        }
    }

    async fn found_in_notion(&self, warrant: &Warrant, new: &NewPage) -> Result<Option<String>, String> {
        let found = self.notion()?.reads().find(parent(new)?, &titled(warrant, new)).await;
        let found = found.map_err(|error| error.to_string())?;
        Ok(found.into_iter().next().map(|below| below.id))
    }
}

fn parent(new: &NewPage) -> Result<&str, String> {
    new.parent.as_deref().ok_or_else(|| "a new page in Notion needs a parent".to_owned())
}

fn sent(answer: Result<(), notion::WriteError>) -> Sent {
    let Err(error) = answer else { return Sent::Accepted };
    match &error {
        notion::WriteError::Platform(platform) => after(&error, Some(platform), error.next()),
        notion::WriteError::Partly { .. } => after(&error, None, error.next()),
    }
}
