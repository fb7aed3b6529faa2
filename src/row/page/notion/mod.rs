//! Notion's blocks: read as passages, edited block by block, digested without what Notion adds by itself.
//!
//! Never: a block sent that no operation names; a call that is right only if those before it were not made.

mod calls;
mod canonical;
mod plan;
mod read;
mod rich;
pub mod steps;
mod write;

#[cfg(test)]
mod tests;

use serde::Serialize;
use serde_json::Value as Json;

use super::{
    NotApplicable, Operation, Unreadable,
    outline::{Outline, Passage, line, lines_of},
};
use crate::row::Digest;

pub use calls::{calls, chunks, planned};
pub use read::DEPTH_MAX;
pub use rich::{ITEMS_MAX, TEXT_MAX};
pub use write::{CHILDREN_MAX, request, write};

/// A request takes at most so many blocks, those within blocks among them.
pub const BLOCKS_MAX: usize = 1_000;

/// A request is kept below this; Notion takes 500 KB.
pub const REQUEST_MAX: usize = 400_000;

/// One request to Notion.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "call", rename_all = "snake_case")]
pub enum Call {
    /// `PATCH /blocks/{parent}/children`, right after the block `after`; at the end where there is none.
    Append {
        parent: String,
        after: Option<String>,
        /// As a request takes them: a block's own blocks within its type.
        children: Vec<Json>,
    },
    /// The same before the first block: `"position": {"type": "start"}`.
    Prepend { parent: String, children: Vec<Json> },
    /// `PATCH /blocks/{block}` with `{kind: payload}`.
    Update { block: String, kind: String, payload: Json },
    /// `DELETE /blocks/{block}`.
    Delete { block: String },
}

pub fn read(blocks: &[Json]) -> Result<Outline, Unreadable> {
    let found = read::passages(blocks)?;
    Ok(Outline { passages: found.into_iter().map(|seen| seen.passage).collect() })
}

pub fn text(blocks: &[Json]) -> Result<String, Unreadable> {
    Ok(read::passages(blocks)?.iter().map(line).collect())
}

pub(super) fn lines(blocks: &[Json]) -> Result<Vec<(Passage, String)>, Unreadable> {
    Ok(lines_of(read::passages(blocks)?))
}

pub fn digest(blocks: &[Json], ids: bool) -> Digest {
    match read::passages(blocks) {
        Ok(_) => Digest::of(canonical::canonical(blocks, ids)),
        // Too deep, or not what Notion's blocks look like.
        Err(_) => Digest::of(serde_json::to_vec(blocks).unwrap_or_default()),
    }
}

/// What is written in one block and in those within it, whatever their ids.
pub(super) fn written(block: &Json) -> Digest {
    Digest::of(canonical::canonical(std::slice::from_ref(block), false))
}

/// How many blocks of a new page are there, where what made it was cut off between two of its requests: as many as the
/// first few requests bring, and nothing else. None where all of it is there, and where the page reads otherwise.
pub fn begun(approved: &[Json], now: &[Json]) -> Option<usize> {
    let there = approved.get(..now.len()).filter(|there| there.len() < approved.len())?;
    let mut end = 0;
    let between = chunks(request(approved)).iter().any(|part| {
        end += part.len();
        end == now.len()
    });
    (between && digest(now, false) == digest(there, false)).then_some(now.len())
}

/// The blocks with all operations carried out; or none of them.
pub fn apply(blocks: &[Json], operations: &[Operation]) -> Result<Vec<Json>, NotApplicable> {
    let plan = plan::plan(blocks, operations)?;
    let next = carried_out(blocks, &plan, &mut Vec::new());
    // Nothing is sent that Dock could not read back.
    read::passages(&next)?;
    Ok(next)
}

fn carried_out(blocks: &[Json], plan: &plan::Plan, address: &mut Vec<usize>) -> Vec<Json> {
    let put = |at: Option<usize>, address: &[usize]| {
        let new = plan.inserts.get(&(address.to_vec(), at));
        new.into_iter().flatten().flat_map(|put| put.blocks.iter().cloned()).collect::<Vec<_>>()
    };
    let mut next = put(None, address);
    for (at, block) in blocks.iter().enumerate() {
        address.push(at);
        if !plan.deletes.contains(address) {
            let mut block = block.clone();
            if let Some(fields) = plan.updates.get(address) {
                let kind = block["type"].as_str().unwrap_or_default().to_owned();
                fields.iter().for_each(|(key, value)| block[&kind][key] = value.clone());
            }
            let children = carried_out(read::children(&block), plan, address);
            if !children.is_empty() {
                block["children"] = Json::Array(children);
            }
            next.push(block);
        }
        address.pop();
        next.extend(put(Some(at), address));
    }
    next
}
