//! Notion's blocks as passages.
//!
//! Never: a block whose own blocks were not read taken for one that has none.

use serde_json::Value as Json;

use super::super::outline::{PASSAGES_MAX, Passage, PassageKind, Seen, Trail, Unreadable};
use super::rich;

/// So deep may blocks lie in each other.
pub const DEPTH_MAX: usize = 32;

/// Where a passage stands.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// Its block's number among its parent's, from the page down.
    pub(super) address: Vec<usize>,
    pub(super) sort: Sort,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    /// It has `rich_text`.
    Text,
    Item,
    Code,
    Row,
    /// Dock carries it.
    Opaque,
}

pub(super) type Found = Seen<Place>;

/// Blocks that only hold others.
const HOLDERS: &[&str] =
    &["column_list", "column", "synced_block", "table", "divider", "breadcrumb", "table_of_contents"];

/// Blocks whose own blocks are another page's.
const PAGES: &[&str] = &["child_page", "child_database"];

pub(super) fn passages(blocks: &[Json]) -> Result<Vec<Found>, Unreadable> {
    let mut walk = Walk { found: Vec::new(), trail: Trail::default(), address: Vec::new(), copied: false };
    walk.blocks(blocks, 0)?;
    Ok(walk.found)
}

/// A block's type, and what stands under its name.
pub(super) fn payload(block: &Json) -> Option<(&str, &Json)> {
    let kind = block["type"].as_str()?;
    Some((kind, block.get(kind).filter(|payload| payload.is_object())?))
}

pub(super) fn children(block: &Json) -> &[Json] {
    block["children"].as_array().map(Vec::as_slice).unwrap_or_default()
}

pub(super) fn rich_text(payload: &Json) -> &[Json] {
    payload["rich_text"].as_array().map(Vec::as_slice).unwrap_or_default()
}

pub(super) fn cells(payload: &Json) -> &[Json] {
    payload["cells"].as_array().map(Vec::as_slice).unwrap_or_default()
}

struct Walk {
    found: Vec<Found>,
    trail: Trail,
    address: Vec<usize>,
    /// Within a copy of what stands elsewhere.
    copied: bool,
}

impl Walk {
    fn blocks(&mut self, blocks: &[Json], depth: u8) -> Result<(), Unreadable> {
        if self.address.len() > DEPTH_MAX {
            return Err(Unreadable(format!("its blocks lie more than {DEPTH_MAX} deep in each other")));
        }
        let mut number = 0;
        for (at, block) in blocks.iter().enumerate() {
            let id = block["id"].as_str().unwrap_or("that is new");
            let Some((kind, payload)) = payload(block) else {
                return Err(Unreadable(format!(
                    "the block {id} says of what type it is, but not what is in it"
                )));
            };
            if block["has_children"] == true && !block["children"].is_array() && !PAGES.contains(&kind) {
                return Err(Unreadable(format!("the block {id} has blocks of its own that were not read")));
            }
            number = if kind == "numbered_list_item" { number + 1 } else { 0 };
            self.address.push(at);
            self.block(block, kind, payload, number, depth)?;
            self.address.pop();
        }
        Ok(())
    }

    fn block(
        &mut self,
        block: &Json,
        kind: &str,
        payload: &Json,
        number: u32,
        depth: u8,
    ) -> Result<(), Unreadable> {
        if self.found.len() >= PASSAGES_MAX {
            return Err(Unreadable(format!("it has more than {PASSAGES_MAX} passages")));
        }
        let (was, trail) = (self.copied, self.trail.clone());
        self.copied |= kind == "synced_block" && !payload["synced_from"].is_null();
        let deeper = matches!(kind, "bulleted_list_item" | "numbered_list_item" | "to_do" | "toggle");
        if !HOLDERS.contains(&kind) {
            self.passage(block, kind, payload, number, depth);
        }
        self.blocks(children(block), depth.saturating_add(u8::from(deeper)))?;
        // The headings within a block are for what it holds alone.
        if !HOLDERS.contains(&kind) && !children(block).is_empty() && !kind.starts_with("heading_") {
            self.trail = trail;
        }
        self.copied = was;
        Ok(())
    }

    fn passage(&mut self, block: &Json, kind: &str, payload: &Json, number: u32, depth: u8) {
        let (named, sort) = sort(kind, number);
        let (mut text, mut shown, items) = match sort {
            Sort::Row => row(payload),
            Sort::Code => {
                let items = rich_text(payload).to_vec();
                (rich::verbatim(&items), rich::verbatim(&items), items)
            }
            _ => {
                let items = rich_text(payload).to_vec();
                (rich::collapsed(&items, false), rich::collapsed(&items, true), items)
            }
        };
        let mut links: Vec<String> = items.iter().filter_map(rich::link).map(str::to_owned).collect();
        if sort == Sort::Opaque {
            if text.is_empty() {
                text = other_text(payload);
                shown.clone_from(&text);
            }
            if let Some(url) = payload["url"].as_str() {
                links.push(url.to_owned());
                let before =
                    if shown.trim().is_empty() { String::new() } else { format!("{} ", shown.trim_start()) };
                shown = format!("{before}<{url}>");
            }
        } else if text.trim().is_empty() {
            return;
        }
        let first = items.iter().find(|item| !rich::characters(item).trim().is_empty());
        let deprecated = first.is_some_and(rich::is_struck);
        let path = self.trail.path(&named, &text);
        let language = payload["language"].as_str().filter(|it| *it != "plain text").unwrap_or_default();
        let id = block["id"].as_str().map(str::to_owned);
        let sort = if self.copied { Sort::Opaque } else { sort };
        let passage = Passage { id, kind: named, path, depth, text, links, deprecated };
        let place = Place { address: self.address.clone(), sort };
        self.found.push(Seen { passage, shown, language: language.to_owned(), place });
    }
}

fn sort(kind: &str, number: u32) -> (PassageKind, Sort) {
    match kind {
        "heading_1" => (PassageKind::Heading(1), Sort::Text),
        "heading_2" => (PassageKind::Heading(2), Sort::Text),
        "heading_3" => (PassageKind::Heading(3), Sort::Text),
        "paragraph" | "quote" | "toggle" => (PassageKind::Paragraph, Sort::Text),
        "numbered_list_item" => (PassageKind::Step(number), Sort::Item),
        "bulleted_list_item" => (PassageKind::Bullet, Sort::Item),
        "code" => (PassageKind::Code, Sort::Code),
        "table_row" => (PassageKind::TableRow, Sort::Row),
        other => (PassageKind::Opaque(other.to_owned()), Sort::Opaque),
    }
}

/// Cells joined by ` | `: text, shown, and all items.
fn row(payload: &Json) -> (String, String, Vec<Json>) {
    let cells: Vec<&[Json]> =
        cells(payload).iter().map(|cell| cell.as_array().map(Vec::as_slice).unwrap_or_default()).collect();
    let side = |shown: bool| {
        let said = cells.iter().map(|cell| rich::collapsed(cell, shown));
        said.collect::<Vec<_>>().join(" | ").split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let text = if cells.iter().all(|cell| rich::verbatim(cell).trim().is_empty()) {
        String::new()
    } else {
        side(false)
    };
    (text, side(true), cells.concat())
}

/// What names a block that has no text of its own: a title, a caption, a file's name, a formula.
fn other_text(payload: &Json) -> String {
    let caption = payload["caption"].as_array().map(Vec::as_slice).unwrap_or_default();
    let caption = rich::collapsed(caption, false);
    let named = ["title", "name", "expression"].iter().find_map(|key| payload[*key].as_str());
    if caption.is_empty() { named.unwrap_or_default().to_owned() } else { caption }
}
