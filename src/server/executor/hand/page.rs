//! A page's writes: its next version or the new page, and the comment that names the decision where versions cannot.
//!
//! The body is made again from the page as it was just read and the proposal; it is sent only where it comes to what was
//! signed. Confluence takes one version as a whole; Notion's edit is several calls, each sent on a page just read.
//! Never: a version on another one than the reviewed; a body that was not approved.

use serde_json::{Value as Json, json};

use super::{BaseNow, Hand, Sent, after};
use crate::{
    platform::{
        Fact, Failure, PlatformError, confluence, notion,
        reading::{self, IncidentNow, NoReading, PageSources},
    },
    row::{
        Base, Moved, Proposal, Reading,
        base::{IncidentBase, NewPage, PageBase},
        page::{self, Body, Edit, Editing, Page, Proposed, Site},
        paper,
        stage::Before,
    },
    server::executor::{
        plan::{Ours, Part, Published},
        warrant::{Publication, Warrant},
    },
};

mod notion_page;

/// Versions that a read-back looks through.
const LOOKED_THROUGH: usize = 25;

impl Hand {
    fn pages(&self) -> PageSources<'_> {
        PageSources {
            confluence: self.confluence.as_ref().map(confluence::Actuator::reads),
            notion: self.notion.as_ref().map(notion::Actuator::reads),
        }
    }

    fn confluence(&self) -> Result<&confluence::Actuator, String> {
        self.confluence.as_ref().ok_or_else(|| super::missing("confluence"))
    }

    /// What moved of a page, with its authors by their names.
    pub(in crate::server::executor) async fn named(&self, base: &Base, moved: Vec<Moved>) -> Vec<Moved> {
        let runbook = if let Base::Runbook(base) = base { self.runbooks.get(&base.name) } else { None };
        let Some(runbook) = runbook else { return moved };
        self.pages().named(runbook.site, moved).await
    }

    /// The page as it is now, with what was approved for it; or the incident of a paper.
    pub(super) async fn page(&self, base: &Base, it: &Publication) -> Result<Reading, BaseNow> {
        match (base, &it.proposal) {
            (Base::Runbook(base), Proposal::Edit(edit)) => self.runbook(base, edit).await,
            (Base::Postmortem(base), Proposal::Paper(paper)) => self.paper(base, paper).await,
            _ => Err(BaseNow::Away("nothing of this kind is carried out here".to_owned())),
        }
    }

    async fn runbook(&self, base: &PageBase, edit: &Edit) -> Result<Reading, BaseNow> {
        let gone = |is: &str| {
            let (what, was) = ("page".to_owned(), base.page.clone());
            BaseNow::Moved(vec![Moved { what, was, is: is.to_owned() }])
        };
        let Some(runbook) = self.runbooks.get(&base.name) else {
            let why = format!("{} is no runbook of the section [runbooks] any more", base.name);
            return Err(BaseNow::Away(why));
        };
        if runbook.page != base.page {
            return Err(gone(&runbook.page));
        }
        let page = match reading::page(self.pages(), runbook).await {
            Ok(page) => Page { editing: self.editing(&page).await, ..page },
            Err(NoReading::Platform(error)) if error.failure == Failure::NotFound => {
                return Err(gone("absent"));
            }
            Err(error) => return Err(BaseNow::Away(error.to_string())),
        };
        Ok(Reading::Page(Box::new(page::Reading {
            name: base.name.clone(),
            environment: runbook.environment.clone(),
            risk: runbook.risk,
            keys: runbook.keys,
            page,
            proposed: Proposed::Edit(edit.clone()),
        })))
    }

    /// Whether our own account may edit it. What is not told now is told by the write.
    async fn editing(&self, page: &Page) -> Editing {
        if let Some(who) = page.says.shuts_out() {
            return Editing::Restricted(who);
        }
        match (&self.confluence, page.site) {
            (Some(confluence), Site::Confluence) => match confluence.reads().may_edit(&page.id).await {
                Ok(Fact::Known(false)) => Editing::Restricted("others alone".to_owned()),
                Ok(Fact::Known(true) | Fact::Unknown(_)) | Err(_) => Editing::Open,
            },
            _ => page.editing.clone(),
        }
    }

    /// Only the platform that is written has to answer: where PagerDuty does not, the incident is taken as it was reviewed.
    async fn paper(&self, base: &IncidentBase, paper: &paper::Paper) -> Result<Reading, BaseNow> {
        let read = match &self.pagerduty {
            Some(pagerduty) => reading::incident(pagerduty, &base.incident).await.ok(),
            None => None,
        };
        let reviewed =
            || IncidentNow { updated_at: base.updated_at.clone(), closed: true, service: String::new() };
        let IncidentNow { updated_at, closed, service } = read.unwrap_or_else(reviewed);
        Ok(Reading::Paper(Box::new(paper::Reading {
            incident: base.incident.clone(),
            updated_at,
            closed,
            service,
            environment: String::new(),
            paper: Some(paper.clone()),
        })))
    }

    /// What the platform shows of a publication now.
    pub(super) async fn published(
        &self,
        warrant: &Warrant,
        it: &Publication,
        before: &Before,
    ) -> Result<Published, String> {
        match (it.site, &it.effect.create) {
            (Site::Confluence, None) => self.version(warrant, &it.effect.page, page_of(warrant)).await,
            (Site::Confluence, Some(new)) => self.new_in_confluence(warrant, new).await,
            (Site::Notion, None) => self.in_notion(warrant, it, before).await,
            (Site::Notion, Some(new)) => self.new_in_notion(warrant, it, new).await,
        }
    }

    /// Our version of a page in Confluence, if there is one, and the page as it is.
    async fn version(&self, warrant: &Warrant, id: &str, name: &str) -> Result<Published, String> {
        let source = self.confluence()?.reads();
        let told = |error: PlatformError| error.to_string();
        // The versions first: what they show was so before the page was read.
        let versions = match source.versions(id, LOOKED_THROUGH).await {
            Ok(versions) => versions,
            Err(error) => return absent(&error, id),
        };
        let mark = mark(warrant);
        let ours = versions.iter().find(|version| version.message.starts_with(&mark));
        let page = match source.page(id).await {
            Ok(page) => page,
            Err(error) => return absent(&error, id),
        };
        let ours = match ours {
            None => None,
            Some(ours) if ours.number == page.version => {
                Some(Ours { number: ours.number, written: page.body.written() })
            }
            Some(ours) => {
                let body = source.body_of(id, ours.number).await.map_err(told)?;
                Some(Ours { number: ours.number, written: body.written() })
            }
        };
        Ok(shown(ours, name, page))
    }

    /// The page of our title. Confluence takes no message with a new page, so the title names the row, and the first
    /// version is the one that we wrote.
    async fn new_in_confluence(&self, warrant: &Warrant, new: &NewPage) -> Result<Published, String> {
        let source = self.confluence()?.reads();
        let told = |error: PlatformError| error.to_string();
        let title = titled(warrant, new);
        let Some(found) = source.find(&new.space, &title).await.map_err(told)? else {
            return Ok(nothing_there(&title));
        };
        let page = source.page(&found.id).await.map_err(told)?;
        let first = match page.version {
            1 => page.body.written(),
            _ => source.body_of(&found.id, 1).await.map_err(told)?.written(),
        };
        Ok(shown(Some(Ours { number: 1, written: first }), &title, page))
    }

    /// Sends the next version, or makes the page.
    pub(super) async fn publish(
        &self,
        warrant: &Warrant,
        it: &Publication,
        before: &Before,
        reading: &Reading,
        log: &str,
    ) -> Result<Sent, String> {
        if let (Site::Notion, None, Reading::Page(reading)) = (it.site, &it.effect.create, reading) {
            return self.edit_in_notion(warrant, &reading.page, it, before).await;
        }
        let Some(next) = next_body(it, reading) else {
            return Ok(Sent::No { why: "what would be published is not what was approved".to_owned() });
        };
        let message = message(warrant, Some(log));
        match (next, &it.effect.create, reading) {
            (Body::Storage(body), None, Reading::Page(reading)) => {
                let publish = confluence::Publish {
                    page: it.effect.page.clone(),
                    title: reading.page.title.clone(),
                    expected_version: it.effect.expected_version,
                    body,
                    message,
                };
                Ok(sent(self.confluence()?.publish(&publish).await.map(drop)))
            }
            (Body::Storage(body), Some(new), _) => {
                let (space, parent, title) = (new.space.clone(), new.parent.clone(), titled(warrant, new));
                let create = confluence::Create { space, parent, title, body };
                Ok(sent(self.confluence()?.create(&create).await.map(drop)))
            }
            (Body::Blocks(blocks), Some(new), _) => self.create_in_notion(warrant, it, new, &blocks).await,
            _ => Err("the warrant is not for this".to_owned()),
        }
    }

    /// The page names the decision: in Notion by a comment, where Confluence made a page by its second version.
    pub(super) async fn commented(
        &self,
        warrant: &Warrant,
        it: &Publication,
    ) -> Result<Option<String>, String> {
        let Some(new) = it.effect.create.as_ref().filter(|_| it.site == Site::Confluence) else {
            return self.commented_in_notion(warrant, it).await;
        };
        let source = self.confluence()?.reads();
        let found =
            source.find(&new.space, &titled(warrant, new)).await.map_err(|error| error.to_string())?;
        let Some(found) = found else { return Ok(None) };
        let versions = source.versions(&found.id, LOOKED_THROUGH).await.map_err(|error| error.to_string())?;
        let ours = versions.iter().find(|version| version.message.starts_with(&mark(warrant)));
        Ok(ours.map(|ours| format!("version {} names the decision", ours.number)))
    }

    pub(super) async fn comment(
        &self,
        warrant: &Warrant,
        it: &Publication,
        log: &str,
    ) -> Result<Sent, String> {
        let Some(new) = it.effect.create.as_ref().filter(|_| it.site == Site::Confluence) else {
            return self.comment_in_notion(warrant, it, log).await;
        };
        let confluence = self.confluence()?;
        let told = |error: PlatformError| error.to_string();
        let title = titled(warrant, new);
        let refused = |why: &str| Ok(Sent::Refused { why: why.to_owned() });
        let Some(found) = confluence.reads().find(&new.space, &title).await.map_err(told)? else {
            return refused("the page is gone");
        };
        let page = confluence.reads().page(&found.id).await.map_err(told)?;
        let Body::Storage(body) = page.body else { return refused("its body is no storage format") };
        if page.version != 1 || page.closed.is_some() {
            return refused("somebody was at the page already");
        }
        let message = message(warrant, Some(log));
        let publish = confluence::Publish { page: found.id, title, expected_version: 1, body, message };
        Ok(match sent(confluence.publish(&publish).await.map(drop)) {
            Sent::No { why } => Sent::Refused { why },
            sent => sent,
        })
    }
}

/// What is to be sent, where it comes to what was signed.
fn next_body(it: &Publication, reading: &Reading) -> Option<Body> {
    let next = match reading {
        Reading::Page(reading) => reading.next()?.ok()?,
        Reading::Paper(reading) => reading.paper.as_ref()?.body(),
        Reading::Sync(_) | Reading::Gate(_) => return None,
    };
    (next.written() == it.effect.body).then_some(next)
}

fn sent(answer: Result<(), confluence::PublishError>) -> Sent {
    let Err(error) = answer else { return Sent::Accepted };
    match &error {
        // It answered: what it says no to was not written, unless it had been before.
        confluence::PublishError::Conflict { .. } | confluence::PublishError::TitleTaken { .. } => {
            Sent::Refused { why: error.to_string() }
        }
        confluence::PublishError::Platform(platform) => after(&error, Some(platform), error.next()),
        _ => after(&error, None, error.next()),
    }
}

/// As a body of JSON, without the log's head.
pub(super) fn publish_request(warrant: &Warrant, it: &Publication) -> Json {
    json!({"effect": it.effect, "message": message(warrant, None)})
}

/// What every tag of ours begins with: `dock rb-8821 01J…`.
fn mark(warrant: &Warrant) -> String {
    format!("dock {} {}", warrant.row, warrant.tag)
}

/// `dock rb-8821 01J… approved by priya, log 1182 ROOT16` (9-formats): the tag is within the first hundred characters.
fn message(warrant: &Warrant, log: Option<&str>) -> String {
    let log = log.map_or(String::new(), |log| format!(", log {log}"));
    format!("{} approved by {}{log}", mark(warrant), warrant.by)
}

/// The title of a new page of ours, as it was approved.
fn titled(warrant: &Warrant, new: &NewPage) -> String {
    new.titled(warrant.row)
}

fn page_of(warrant: &Warrant) -> &str {
    match &warrant.base {
        Base::Runbook(base) => &base.name,
        _ => "",
    }
}

fn nothing_there(title: &str) -> Published {
    let url = title.to_owned();
    Published { ours: None, now: None, written: None, url, closed: None, edit: None, page: None, part: None }
}

/// A page that is not there is seen; whatever else is no answer.
fn absent(error: &PlatformError, page: &str) -> Result<Published, String> {
    if error.failure == Failure::NotFound { Ok(nothing_there(page)) } else { Err(error.to_string()) }
}

/// What an edit of ours moves of its own base.
pub(super) const OURS: [&str; 3] = [PageBase::AUTHOR, "written at", "body"];

/// Some calls of this edit are on the page, and nothing else is other than it was reviewed.
pub(super) fn is_ours_so_far(warrant: &Warrant, reading: &Reading, before: &Before) -> bool {
    let Reading::Page(reading) = reading else { return false };
    notion_page::progress(warrant, &reading.page, before).is_some_and(|it| it.reviewed && !it.none())
}

/// What the calls of an edit in Notion are found again by.
pub(super) fn before(reading: &page::Reading) -> Result<Before, String> {
    let (Body::Blocks(blocks), Proposed::Edit(edit)) = (&reading.page.body, &reading.proposed) else {
        return Ok(Before::default());
    };
    let calls = page::notion::planned(&reading.page.id, blocks, &edit.operations);
    let calls = calls.map_err(|why| why.to_string())?;
    Ok(Before { edit: calls.into_iter().map(|(_, step)| step).collect(), ..Before::default() })
}

fn shown(ours: Option<Ours>, name: &str, page: Page) -> Published {
    let written = Some(page.body.written());
    let now = Some(PageBase::of(name, &page));
    Published { ours, now, written, url: page.url, closed: page.closed, edit: None, page: None, part: None }
}
