//! Lists of Notion's, read to their end; and a page's blocks, read level by level.
//!
//! Never: a list that is cut short passed off as whole.

use std::time::Duration;

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value as Json;

use super::{PAGE, Source, get};
use crate::platform::{Failure, PlatformError, http::Ask};

/// Blocks of one page that are read at most.
const BLOCKS_MAX: usize = 5_000;
/// How deep blocks may lie in each other.
const DEPTH_MAX: usize = 32;
/// How long Notion's pauses may be waited out for one question, in all.
const PATIENCE: Duration = Duration::from_secs(45);
/// Their blocks are pages of their own.
const OTHER_PAGES: [&str; 2] = ["child_page", "child_database"];

#[derive(Deserialize)]
struct List<T> {
    results: Vec<T>,
    next_cursor: Option<String>,
    #[serde(default)]
    has_more: bool,
}

/// One question, with what is left of our patience for it.
pub(super) struct Reader<'s> {
    source: &'s Source,
    asked: &'s str,
    patience: Duration,
    blocks: usize,
}

impl<'s> Reader<'s> {
    pub(super) fn new(source: &'s Source, asked: &'s str) -> Self {
        Self { source, asked, patience: PATIENCE, blocks: 0 }
    }

    /// The blocks of a page, each with its own blocks in `children`.
    pub(super) async fn tree(&mut self, page: &str) -> Result<Vec<Json>, PlatformError> {
        let mut top = self.level(page).await?;
        // Addresses of blocks whose own are still to be read.
        let mut open: Vec<Vec<usize>> = holders(&top, &[]);
        while let Some(address) = open.pop() {
            if address.len() >= DEPTH_MAX {
                return Err(self.too_large(&format!("blocks lie more than {DEPTH_MAX} deep in each other")));
            }
            let Some(block) = at(&mut top, &address) else { continue };
            let id = block["id"].as_str().unwrap_or_default().to_owned();
            let below = self.level(&id).await?;
            open.extend(holders(&below, &address));
            if let Some(fields) = at(&mut top, &address).and_then(Json::as_object_mut) {
                fields.insert("children".to_owned(), Json::Array(below));
            }
        }
        Ok(top)
    }

    /// The blocks right in a page or block.
    pub(super) async fn level(&mut self, parent: &str) -> Result<Vec<Json>, PlatformError> {
        let blocks: Vec<Json> = self.all(get(self.asked, &["blocks", parent, "children"])).await?;
        if let Some(bad) = blocks.iter().find(|block| !block["id"].is_string() || !block["type"].is_string())
        {
            let why = format!("a block without id or type: {bad}");
            return Err(self.source.http.error(self.asked, Failure::Garbage, &why));
        }
        Ok(blocks)
    }

    /// Every page of a list.
    pub(super) async fn all<T: DeserializeOwned>(&mut self, ask: Ask) -> Result<Vec<T>, PlatformError> {
        let (mut all, mut cursor) = (vec![], None::<String>);
        loop {
            let mut one = ask.clone().query("page_size", PAGE.to_string());
            if let Some(cursor) = &cursor {
                one = one.query("start_cursor", cursor);
            }
            let list: List<T> = self.patiently(one).await?;
            let empty = list.results.is_empty();
            self.blocks += list.results.len();
            if self.blocks > BLOCKS_MAX {
                return Err(self.too_large(&format!("there is more of it than {BLOCKS_MAX}")));
            }
            all.extend(list.results);
            match (list.has_more, list.next_cursor) {
                (false, _) => return Ok(all),
                (true, next @ Some(_)) if next != cursor && !empty => cursor = next,
                _ => {
                    let why = "there is more, and not a word about where";
                    return Err(self.source.http.error(self.asked, Failure::Garbage, why));
                }
            }
        }
    }

    /// Notion lets us ask about three times a second: a large page is read across its pauses.
    async fn patiently<T: DeserializeOwned>(&mut self, ask: Ask) -> Result<T, PlatformError> {
        loop {
            let error = match self.source.json(ask.clone()).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            match error.failure {
                Failure::RateLimited { retry_after } if retry_after <= self.patience => {
                    self.patience -= retry_after;
                    tokio::time::sleep(retry_after).await;
                }
                _ => return Err(error),
            }
        }
    }

    fn too_large(&self, why: &str) -> PlatformError {
        self.source.http.error(self.asked, Failure::TooLarge, why)
    }
}

/// Addresses of the blocks that hold others which are of the same page.
fn holders(blocks: &[Json], above: &[usize]) -> Vec<Vec<usize>> {
    let holds = |block: &Json| {
        let kind = block["type"].as_str().unwrap_or_default();
        block["has_children"] == true && !OTHER_PAGES.contains(&kind)
    };
    let all = blocks.iter().enumerate().filter(|(_, block)| holds(block));
    all.map(|(index, _)| above.iter().copied().chain([index]).collect()).collect()
}

fn at<'b>(blocks: &'b mut [Json], address: &[usize]) -> Option<&'b mut Json> {
    let (first, rest) = address.split_first()?;
    let block = blocks.get_mut(*first)?;
    if rest.is_empty() {
        return Some(block);
    }
    at(block.get_mut("children")?.as_array_mut()?, rest)
}
