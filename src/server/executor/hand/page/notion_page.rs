//! A page in Notion: what it shows, its edit call by call, its comment.
//!
//! Notion has no lock and no versions: the whole tree is read right before the first call, and what the page shows
//! afterwards is all that tells how far an edit came.
//! Never: a page's whole content replaced; a block deleted that the row did not show.

use super::{
    Before, Hand, Ours, Part, Publication, Published, Sent, Warrant, absent, after, mark, message,
    nothing_there, page_of, shown, titled,
};
use crate::{
    platform::{Failure, notion},
    row::{
        Base, Proposal,
        base::NewPage,
        page::{
            self, Body, Page,
            notion::{
                Call,
                steps::{self, Progress, Step},
            },
        },
    },
};

impl Hand {
    fn notion(&self) -> Result<&notion::Actuator, String> {
        self.notion.as_ref().ok_or_else(|| super::super::missing("notion"))
    }

    pub(super) async fn in_notion(
        &self,
        warrant: &Warrant,
        it: &Publication,
        before: &Before,
    ) -> Result<Published, String> {
        let page = match self.notion()?.reads().page(&it.effect.page).await {
            Ok(page) => page,
            Err(error) => return absent(&error, &it.effect.page),
        };
        let (edit, whole) = (progress(warrant, &page, before), Some(Box::new(page.clone())));
        Ok(Published { edit, page: whole, ..shown(None, page_of(warrant), page) })
    }

    /// A page of ours under the parent: all of it, or how far it came.
    pub(super) async fn new_in_notion(
        &self,
        warrant: &Warrant,
        it: &Publication,
        new: &NewPage,
    ) -> Result<Published, String> {
        let title = titled(warrant, new);
        let Some(id) = self.found_in_notion(warrant, new).await? else { return Ok(nothing_there(&title)) };
        let page = self.notion()?.reads().page(&id).await.map_err(|error| error.to_string())?;
        let part = self.begun(it, &page).await?;
        let ours = part.is_none().then(|| Ours { number: 1, written: page.body.written() });
        Ok(Published { part, ..shown(ours, &title, page) })
    }

    /// How far a new page came whose requests were cut off; none where it is whole, and where somebody else wrote on it.
    async fn begun(&self, it: &Publication, page: &Page) -> Result<Option<Part>, String> {
        let (Proposal::Paper(paper), Body::Blocks(now)) = (&it.proposal, &page.body) else { return Ok(None) };
        let Body::Blocks(approved) = paper.body() else { return Ok(None) };
        let Some(made) = page::notion::begun(&approved, now) else { return Ok(None) };
        let own = self.notion()?.reads().account().await.map_err(|error| error.to_string())?;
        let ours = notion::normalised(&page.author).is_some_and(|last| last == own);
        Ok(ours.then_some(Part { made, of: approved.len() }))
    }

    /// Makes the page, or what a request before left of it.
    pub(super) async fn create_in_notion(
        &self,
        warrant: &Warrant,
        it: &Publication,
        new: &NewPage,
        blocks: &[serde_json::Value],
    ) -> Result<Sent, String> {
        let parent = parent(new)?;
        let children = page::notion::request(blocks);
        let later = |why: String| Ok(Sent::Later { why, wait: None });
        let id = match self.found_in_notion(warrant, new).await {
            Ok(Some(id)) => id,
            Ok(None) => {
                let created = self.notion()?.create(parent, &titled(warrant, new), &children).await;
                return Ok(sent(created.map(drop)));
            }
            Err(why) => return later(why),
        };
        let page = match self.notion()?.reads().page(&id).await {
            Ok(page) => page,
            Err(error) => return later(error.to_string()),
        };
        let from = match self.begun(it, &page).await {
            Ok(Some(part)) if page.closed.is_none() => part.made,
            Ok(_) => return Ok(look_again("the page")),
            Err(why) => return later(why),
        };
        Ok(match sent(self.notion()?.finish(&id, &children, from).await) {
            // A part of it stands there.
            Sent::No { why } => Sent::Refused { why },
            sent => sent,
        })
    }

    /// The next call, on a page that is as it was reviewed but for the calls before it.
    pub(super) async fn edit_in_notion(
        &self,
        warrant: &Warrant,
        page: &Page,
        it: &Publication,
        before: &Before,
    ) -> Result<Sent, String> {
        let (Proposal::Edit(edit), Body::Blocks(now), Base::Runbook(base)) =
            (&it.proposal, &page.body, &warrant.base)
        else {
            return Err("it is no edit of blocks".to_owned());
        };
        if before.edit.is_empty() {
            // Begun by a Dock that kept nothing to finish it by, and the base is as it was.
            return Err("nothing was written, and what it was to be found by was not kept".to_owned());
        }
        let told = steps::progress(&page.id, now, &before.edit, base.body);
        let done = told.done();
        let reviewed = steps::taken_back(&page.id, now, &before.edit[..done], base.body);
        let Some(reviewed) = reviewed.filter(|_| told.reviewed) else { return Ok(look_again("the page")) };
        let next = page::notion::apply(&reviewed, &edit.operations).map_err(|why| why.to_string())?;
        if Body::Blocks(next).written() != it.effect.body {
            return Err("what would be published is not what was approved".to_owned());
        }
        let calls = page::notion::calls(&page.id, &reviewed, &edit.operations);
        let calls = calls.map_err(|why| why.to_string())?;
        let (Some(call), Some(step)) = (calls.get(done), before.edit.get(done)) else {
            return Ok(look_again("the page"));
        };
        Ok(match self.one_call(call, step).await? {
            // Others may be written: only what the page shows tells.
            Sent::No { why } if done > 0 => {
                Sent::Refused { why: format!("call {} of {}: {why}", done + 1, calls.len()) }
            }
            sent => sent,
        })
    }

    /// Notion takes no condition with a call: the block is read right before it, and what went is compared once it is gone.
    async fn one_call(&self, call: &Call, step: &Step) -> Result<Sent, String> {
        let notion = self.notion()?;
        if let Call::Update { block, .. } | Call::Delete { block } = call {
            match notion.reads().block(block).await {
                Ok(now) if steps::is_still(&now, step) => {}
                Ok(_) => return Ok(look_again("a block that it changes")),
                Err(error) if error.failure == Failure::NotFound => {
                    return Ok(look_again("a block that it changes"));
                }
                Err(error) => return Ok(Sent::Later { why: error.to_string(), wait: None }),
            }
        }
        let Call::Delete { block } = call else { return Ok(sent(notion.carry_out(call).await.map(drop))) };
        match notion.take(block).await {
            Ok(gone) if steps::was_still(&gone, step) => Ok(Sent::Accepted),
            Ok(_) => {
                let what = "somebody changed a block while it was taken away";
                let why = match notion.put_back(block).await {
                    Ok(()) => format!("{what}; it was put back"),
                    Err(error) => format!("{what}; it lies in Notion's trash: {error}"),
                };
                Ok(Sent::Refused { why })
            }
            Err(error) => Ok(sent(Err(error))),
        }
    }

    pub(super) async fn commented_in_notion(
        &self,
        warrant: &Warrant,
        it: &Publication,
    ) -> Result<Option<String>, String> {
        let Some(page) = self.written_in_notion(warrant, it).await? else { return Ok(None) };
        let comments = self.notion()?.reads().comments(&page).await.map_err(|error| error.to_string())?;
        let ours = comments.iter().any(|comment| comment.text.starts_with(&mark(warrant)));
        Ok(ours.then(|| "a comment names the decision".to_owned()))
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

/// How far this edit came on the page; none where nothing was kept to tell it by.
pub(super) fn progress(warrant: &Warrant, page: &Page, before: &Before) -> Option<Progress> {
    let (Base::Runbook(base), Body::Blocks(now)) = (&warrant.base, &page.body) else { return None };
    (!before.edit.is_empty()).then(|| steps::progress(&page.id, now, &before.edit, base.body))
}

/// Nothing was sent: somebody else is there.
fn look_again(at: &str) -> Sent {
    Sent::Later { why: format!("somebody changed {at} a moment ago"), wait: None }
}

fn parent(new: &NewPage) -> Result<&str, String> {
    new.parent.as_deref().ok_or_else(|| "a new page in Notion needs a parent".to_owned())
}

fn sent(answer: Result<(), notion::WriteError>) -> Sent {
    let Err(error) = answer else { return Sent::Accepted };
    match &error {
        notion::WriteError::Platform(platform) => after(&error, Some(platform), error.next()),
        // What was refused was one request of several: a part of the page stands there.
        notion::WriteError::Partly { why, .. } => match after(&error, Some(why), why.after_write()) {
            Sent::No { why } => Sent::Refused { why },
            sent => sent,
        },
    }
}
