//! Notion's blocks: read as passages, edited block by block, digested without what Notion adds by itself.
//!
//! Never: a block sent that no operation names; a call that is right only if those before it were not made.

mod canonical;
mod plan;
mod read;
mod rich;
mod write;

#[cfg(test)]
mod tests;

use serde::Serialize;
use serde_json::{Map, Value as Json};

use super::{
    NotApplicable, Operation, Unreadable,
    outline::{Outline, Passage, line, lines_of},
};
use crate::row::Digest;

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
        new.into_iter().flatten().flat_map(|(_, blocks)| blocks.iter().cloned()).collect::<Vec<_>>()
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

/// What is sent to come from these blocks to those of [`apply`]: first what is new, then what changes, then what goes, so
/// that whatever fails on the way takes nothing from the page. `page` is the page's own id.
pub fn calls(page: &str, blocks: &[Json], operations: &[Operation]) -> Result<Vec<Call>, NotApplicable> {
    let plan = plan::plan(blocks, operations)?;
    let id = |address: &[usize]| -> Result<String, NotApplicable> {
        if address.is_empty() {
            return Ok(page.to_owned());
        }
        let id = plan::block(blocks, address).and_then(|block| block["id"].as_str());
        let no = || Unreadable("a block that is to be edited has no id".to_owned());
        Ok(id.ok_or_else(no)?.to_owned())
    };
    let mut calls = Vec::new();
    for ((parent, after), new) in &plan.inserts {
        let new: Vec<Json> = new.iter().flat_map(|(_, blocks)| request(blocks)).collect();
        let within = if parent.is_empty() {
            blocks.len()
        } else {
            plan::block(blocks, parent).map_or(0, |block| read::children(block).len())
        };
        let beside = after.map(|at| id(&[parent.as_slice(), &[at]].concat())).transpose()?;
        let parent = id(parent)?;
        let mut parts = chunks(new);
        // What comes right after a block pushes on what was put there before.
        if within > 0 {
            parts.reverse();
        }
        calls.extend(parts.into_iter().map(|children| match &beside {
            None if within > 0 => Call::Prepend { parent: parent.clone(), children },
            after => Call::Append { parent: parent.clone(), after: after.clone(), children },
        }));
    }
    for (address, fields) in &plan.updates {
        let kind = plan::block(blocks, address).and_then(|block| block["type"].as_str()).unwrap_or_default();
        let payload = Json::Object(Map::from_iter(fields.clone()));
        calls.push(Call::Update { block: id(address)?, kind: kind.to_owned(), payload });
    }
    for address in &plan.deletes {
        calls.push(Call::Delete { block: id(address)? });
    }
    Ok(calls)
}

/// Blocks as a request takes them, in as many parts as the limits need.
pub fn chunks(blocks: Vec<Json>) -> Vec<Vec<Json>> {
    let mut parts: Vec<Vec<Json>> = Vec::new();
    let (mut count, mut bytes) = (0, 0);
    for block in blocks {
        let (more, size) = (count_of(&block), block.to_string().len());
        let room = count + more <= BLOCKS_MAX && bytes + size <= REQUEST_MAX;
        match parts.last_mut() {
            Some(part) if room && part.len() < CHILDREN_MAX => {
                (count, bytes) = (count + more, bytes + size);
                part.push(block);
            }
            _ => {
                (count, bytes) = (more, size);
                parts.push(vec![block]);
            }
        }
    }
    parts
}

fn count_of(request: &Json) -> usize {
    let kind = request["type"].as_str().unwrap_or_default();
    let within = request[kind]["children"].as_array().map(Vec::as_slice).unwrap_or_default();
    1 + within.iter().map(count_of).sum::<usize>()
}
