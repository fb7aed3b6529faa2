//! The writes to Notion: one call of an approved edit, a comment that says whose it was, a page that did not exist.
//!
//! No call is repeated here, and none knows of the others: whoever carries out an edit keeps the record of what was done,
//! and reads the page back after an answer that was lost.
//! Never: a block that a call does not name; a comment or page made twice.

use reqwest::header::CONTENT_TYPE;
use serde_json::{Value as Json, json};

use super::{Config, Source, normalised, wire};
use crate::{
    platform::{
        Next, PlatformError,
        http::{Answer, Ask},
    },
    row::page::notion::{Call, chunks},
};

const JSON: &str = "application/json";
/// Characters of one piece of text; Notion counts 2 000 of its own, which are never more than two of these.
const PIECE_CHARS: usize = 1_000;

/// Notion with the integration that may write.
#[derive(Debug)]
pub struct Actuator {
    source: Source,
}

/// A page that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    pub id: String,
    pub url: String,
}

/// Why something was not written, or was in part, or why that cannot be told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    #[error(transparent)]
    Platform(#[from] PlatformError),
    #[error("Notion has the page {page} with {written} of its {of} blocks: {why}")]
    Partly {
        page: String,
        /// Of its blocks at the top, how many are certainly there.
        written: usize,
        of: usize,
        why: PlatformError,
    },
}

impl WriteError {
    /// What the executor does next.
    pub fn next(&self) -> Next {
        match self {
            WriteError::Platform(error) => error.after_write(),
            // The page is there: making it again would make another.
            WriteError::Partly { .. } => Next::ReadBack,
        }
    }

    pub fn hint(&self) -> &'static str {
        match self {
            WriteError::Platform(error) => error.hint(),
            WriteError::Partly { .. } => "look at the page: delete it, or let the rest be written",
        }
    }
}

impl Actuator {
    /// `config` names the executor's integration, not the agents'.
    pub fn open(config: &Config) -> Result<Self, PlatformError> {
        Ok(Self { source: Source::open(config)? })
    }

    /// The reads that writing needs, with the executor's own token.
    pub fn reads(&self) -> &Source {
        &self.source
    }

    /// One call of an edit, once. The ids of the blocks that it made, in their order.
    pub async fn carry_out(&self, call: &Call) -> Result<Vec<String>, WriteError> {
        match call {
            Call::Append { parent, after, children } => {
                let mut body = json!({ "children": children });
                if let Some(after) = after {
                    body["after"] = json!(after);
                }
                self.append(parent, &body).await
            }
            Call::Prepend { parent, children } => {
                self.append(parent, &json!({"children": children, "position": {"type": "start"}})).await
            }
            Call::Update { block, kind, payload } => {
                let asked = format!("a change of the block {block}");
                let ask = Ask::patch(&asked, &["v1", "blocks", block], &json!({ kind: payload }));
                self.write(&asked, ask).await?;
                Ok(vec![])
            }
            Call::Delete { block } => self.take(block).await.map(|_| vec![]),
        }
    }

    /// Takes a block away, into the trash: the block as it was when it went.
    pub async fn take(&self, block: &str) -> Result<Json, WriteError> {
        let asked = format!("to take the block {block} away");
        let answer = self.write(&asked, Ask::delete(&asked, &["v1", "blocks", block])).await?;
        Ok(self.source.http.parse(&asked, &answer)?)
    }

    /// Gets a block back out of the trash.
    pub async fn put_back(&self, block: &str) -> Result<(), WriteError> {
        let asked = format!("to get the block {block} back");
        let ask = Ask::patch(&asked, &["v1", "blocks", block], &json!({ "archived": false }));
        self.write(&asked, ask).await?;
        Ok(())
    }

    /// Says something about a page, beside it: the comment's id.
    pub async fn comment(&self, page: &str, text: &str) -> Result<String, WriteError> {
        let page = self.source.uuid(page)?;
        let asked = format!("a comment on {page}");
        let body = json!({"parent": {"page_id": page}, "rich_text": rich(text)});
        let answer = self.write(&asked, Ask::post(&asked, &["v1", "comments"], &body)).await?;
        let made: wire::Made = self.source.http.parse(&asked, &answer)?;
        Ok(made.id)
    }

    /// A page below another, with these blocks as requests take them. More than one request takes are put after it in
    /// batches. After a lost answer: [`Source::find`], before anything else.
    pub async fn create(&self, parent: &str, title: &str, children: &[Json]) -> Result<Created, WriteError> {
        let parent = self.source.uuid(parent)?;
        let asked = format!("the page {title:?} below {parent}");
        let mut parts = chunks(children.to_vec()).into_iter();
        let first = parts.next().unwrap_or_default();
        let body = json!({
            "parent": {"page_id": parent},
            "properties": {"title": rich(title)},
            "children": first,
        });
        let answer = self.write(&asked, Ask::post(&asked, &["v1", "pages"], &body)).await?;
        let made: wire::Made = self.source.http.parse(&asked, &answer)?;
        let id = normalised(&made.id).unwrap_or(made.id);
        self.append_all(&id, parts, (first.len(), children.len())).await?;
        Ok(Created { id, url: made.url })
    }

    /// The rest of a page on which the first `from` blocks stand, in the requests that [`Self::create`] would have gone on with.
    pub async fn finish(&self, page: &str, children: &[Json], from: usize) -> Result<(), WriteError> {
        let mut before = 0;
        let rest = chunks(children.to_vec()).into_iter().skip_while(|part| {
            let there = before < from;
            before += part.len();
            there
        });
        self.append_all(page, rest, (from, children.len())).await
    }

    /// One request after the other; `written` of all blocks are there.
    async fn append_all(
        &self,
        page: &str,
        parts: impl Iterator<Item = Vec<Json>>,
        (mut written, of): (usize, usize),
    ) -> Result<(), WriteError> {
        for part in parts {
            if let Err(error) = self.append(page, &json!({ "children": part })).await {
                let WriteError::Platform(why) = error else { return Err(error) };
                return Err(WriteError::Partly { page: page.to_owned(), written, of, why });
            }
            written += part.len();
        }
        Ok(())
    }

    async fn append(&self, parent: &str, body: &Json) -> Result<Vec<String>, WriteError> {
        let asked = format!("new blocks in {parent}");
        let ask = Ask::patch(&asked, &["v1", "blocks", parent, "children"], body);
        let answer = self.write(&asked, ask).await?;
        let made: wire::Appended = self.source.http.parse(&asked, &answer)?;
        let id = |made: wire::Made| normalised(&made.id).unwrap_or(made.id);
        Ok(made.results.into_iter().map(id).collect())
    }

    async fn write(&self, asked: &str, ask: Ask) -> Result<Answer, PlatformError> {
        let answer = self.source.http.send(ask.header(CONTENT_TYPE, JSON)).await?;
        self.source.http.accept(asked, answer)
    }
}

/// Plain text as rich text, in pieces that Notion takes.
fn rich(text: &str) -> Json {
    let letters: Vec<char> = text.chars().collect();
    letters
        .chunks(PIECE_CHARS)
        .map(|piece| json!({"type": "text", "text": {"content": piece.iter().collect::<String>()}}))
        .collect()
}
