//! How far an edit of several calls came, told by what the page shows.
//!
//! Notion knows no edit of several calls, no version and no lock: a crash, a lost answer or a person leaves a page on which
//! some of the calls were made. What is kept of a page before the first call is little: of each call what it is found by,
//! and the blocks that are changed or taken away, as they were. With that the page is taken back in thought: where the
//! first so many calls undone make the reviewed page, to the digest, exactly those were made and nobody else was there.
//! Where no number of them does, each call is looked for by itself.
//! Never: a call taken for made because the page reads as if; somebody else's change taken for ours.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::{digest, read, written};
use crate::row::Digest;

/// One call of an edit, as it is found again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Of which operations it is, from 1.
    pub operations: Vec<usize>,
    #[serde(flatten)]
    pub does: Does,
}

/// What a call does to the page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "does", rename_all = "snake_case")]
pub enum Does {
    Put {
        parent: String,
        at: At,
        /// Of each new block, what is written in it.
        blocks: Vec<Digest>,
        /// Blocks beside them that read the same and are not ours.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        twins: Vec<String>,
    },
    Change {
        /// Without the blocks in it.
        was: Json,
        is: Digest,
    },
    Take {
        was: Json,
        parent: String,
        /// What stood before it.
        after: At,
    },
}

/// A place among a parent's blocks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum At {
    Start,
    End,
    After(String),
}

/// Whether a call was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trace {
    There,
    Missing,
    /// Somebody else changed what it would be told by.
    Unclear,
}

/// What the page shows of an edit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// But for our calls, the page is the one that was reviewed.
    pub reviewed: bool,
    /// One for each call, in the order in which they are sent.
    pub traces: Vec<Trace>,
    operations: Vec<Vec<usize>>,
}

impl Step {
    /// `beside`: the blocks of the same parent.
    pub(super) fn put(parent: &str, at: &At, new: &[(usize, &Json)], beside: &[Json]) -> Self {
        let operations: BTreeSet<usize> = new.iter().map(|(number, _)| *number).collect();
        let blocks: Vec<Digest> = new.iter().map(|(_, block)| written(block)).collect();
        let twins = beside.iter().filter(|block| blocks.contains(&written(block)));
        let twins = twins.filter_map(|block| block["id"].as_str().map(str::to_owned)).collect();
        let does = Does::Put { parent: parent.to_owned(), at: at.clone(), blocks, twins };
        Self { operations: operations.into_iter().collect(), does }
    }
}

/// A block without the blocks in it, and without who touched it when.
pub fn own(block: &Json) -> Json {
    let kind = block["type"].as_str().unwrap_or_default();
    json!({"id": block["id"], "type": kind, kind: block[kind]})
}

/// A block, just read, is still as it was when it was reviewed, for a call that changes it or takes it away.
pub fn is_still(block: &Json, step: &Step) -> bool {
    block["in_trash"] != true && was_still(block, step)
}

/// The same of a block that went to the trash: as it was when it went.
pub fn was_still(block: &Json, step: &Step) -> bool {
    let alone = block["has_children"] != true;
    let (was, free) = match &step.does {
        Does::Put { .. } => return true,
        Does::Change { was, .. } => (was, true),
        Does::Take { was, .. } => (was, alone),
    };
    free && written(&own(block)) == written(was)
}

/// How far the edit came on a page that reads `now`. `base` is the digest of the page that was reviewed.
pub fn progress(page: &str, now: &[Json], steps: &[Step], base: Digest) -> Progress {
    let operations = steps.iter().map(|step| step.operations.clone()).collect();
    let done = (0..=steps.len()).rev().find(|done| taken_back(page, now, &steps[..*done], base).is_some());
    let traces = match done {
        Some(done) => {
            (0..steps.len()).map(|at| if at < done { Trace::There } else { Trace::Missing }).collect()
        }
        None => looked_for(page, now, steps),
    };
    Progress { reviewed: done.is_some(), traces, operations }
}

/// The page that was reviewed, from the page `now` on which exactly these calls were made; none where anything else on it
/// is not as it was.
pub fn taken_back(page: &str, now: &[Json], made: &[Step], base: Digest) -> Option<Vec<Json>> {
    let mut blocks = now.to_vec();
    // In their order: one is found by the one before it.
    for step in made {
        if let Does::Take { was, parent, after } = &step.does {
            let beside = put_between(made, parent, after);
            let level = level_mut(&mut blocks, page, parent)?;
            let at = place(level, after)? + beside;
            (at <= level.len()).then(|| level.insert(at, was.clone()))?;
        }
    }
    for step in made.iter().rev() {
        match &step.does {
            Does::Take { .. } => {}
            Does::Change { was, is } => {
                let block = find_mut(&mut blocks, was["id"].as_str()?)?;
                (written(&own(block)) == *is).then_some(())?;
                let kind = was["type"].as_str()?;
                block[kind] = was[kind].clone();
            }
            Does::Put { parent, at, blocks: new, .. } => {
                let level = level_mut(&mut blocks, page, parent)?;
                let from =
                    if *at == At::End { level.len().checked_sub(new.len())? } else { place(level, at)? };
                let ours = level.get(from..from + new.len())?;
                ours.iter().map(written).eq(new.iter().copied()).then_some(())?;
                level.drain(from..from + new.len());
            }
        }
    }
    (digest(&blocks, true) == base).then_some(blocks)
}

/// How many of our blocks come between a place and the block that stood there.
fn put_between(made: &[Step], parent: &str, after: &At) -> usize {
    let count = |step: &Step| match &step.does {
        Does::Put { parent: into, at, blocks, .. } if into == parent && at == after => blocks.len(),
        _ => 0,
    };
    made.iter().map(count).sum()
}

/// Each call by itself, on a page that somebody else changed as well.
fn looked_for(page: &str, now: &[Json], steps: &[Step]) -> Vec<Trace> {
    let mut ours = BTreeSet::new();
    let one = |step: &Step| match &step.does {
        Does::Put { parent, at, blocks, twins } => match level(now, page, parent) {
            Some(level) => put_there(level, at, blocks, twins, &mut ours),
            None => Trace::Unclear,
        },
        Does::Change { was, is } => match find(now, was["id"].as_str().unwrap_or_default()).map(own) {
            Some(block) if written(&block) == *is => Trace::There,
            Some(block) if written(&block) == written(was) => Trace::Missing,
            Some(_) | None => Trace::Unclear,
        },
        Does::Take { was, .. } => match find(now, was["id"].as_str().unwrap_or_default()) {
            Some(_) => Trace::Missing,
            None => Trace::There,
        },
    };
    let mut traces: Vec<Trace> = steps.iter().map(one).collect();
    settle(&mut traces, steps);
    traces
}

/// Calls are made one after the other: what comes before one that was made was made, what comes after one that was not
/// was not. A block that is gone may be gone by somebody else's hand, and says nothing of others.
fn settle(traces: &mut [Trace], steps: &[Step]) {
    let takes = |step: &Step| matches!(step.does, Does::Take { .. });
    let last = (0..traces.len()).rev().find(|at| traces[*at] == Trace::There && !takes(&steps[*at]));
    let first = traces.iter().position(|trace| *trace == Trace::Missing);
    for (at, trace) in traces.iter_mut().enumerate().filter(|(_, trace)| **trace == Trace::Unclear) {
        match (first, last) {
            (_, Some(last)) if at < last => *trace = Trace::There,
            (Some(first), _) if at > first => *trace = Trace::Missing,
            _ => {}
        }
    }
}

/// New blocks in their order, whatever somebody put between them; each block is one call's only.
fn put_there(
    level: &[Json],
    at: &At,
    new: &[Digest],
    twins: &[String],
    ours: &mut BTreeSet<String>,
) -> Trace {
    // At the end there was nothing, so that all that is there came since.
    let from = if *at == At::End { 0 } else { place(level, at).unwrap_or(0) };
    let id = |block: &Json| block["id"].as_str().unwrap_or_default().to_owned();
    let mut left = new.iter();
    let mut next = left.next();
    let (mut found, mut like) = (Vec::new(), false);
    for block in &level[from.min(level.len())..] {
        let (id, reads) = (id(block), written(block));
        if twins.contains(&id) || ours.contains(&id) {
            continue;
        }
        like |= new.contains(&reads);
        if next == Some(&reads) {
            found.push(id);
            next = left.next();
        }
    }
    match (next, like) {
        (None, _) => {
            ours.extend(found);
            Trace::There
        }
        (Some(_), true) => Trace::Unclear,
        (Some(_), false) => Trace::Missing,
    }
}

/// The number of the first block behind a place.
fn place(level: &[Json], at: &At) -> Option<usize> {
    match at {
        At::Start => Some(0),
        At::End => Some(level.len()),
        At::After(id) => Some(level.iter().position(|block| block["id"] == id.as_str())? + 1),
    }
}

fn find<'a>(blocks: &'a [Json], id: &str) -> Option<&'a Json> {
    blocks.iter().find_map(
        |block| {
            if block["id"] == id { Some(block) } else { find(read::children(block), id) }
        },
    )
}

fn level<'a>(blocks: &'a [Json], page: &str, parent: &str) -> Option<&'a [Json]> {
    if parent == page { Some(blocks) } else { find(blocks, parent).map(read::children) }
}

fn find_mut<'a>(blocks: &'a mut [Json], id: &str) -> Option<&'a mut Json> {
    for block in blocks {
        if block["id"] == id {
            return Some(block);
        }
        let children = block.get_mut("children").and_then(Json::as_array_mut);
        if let Some(found) = children.and_then(|children| find_mut(children, id)) {
            return Some(found);
        }
    }
    None
}

fn level_mut<'a>(blocks: &'a mut Vec<Json>, page: &str, parent: &str) -> Option<&'a mut Vec<Json>> {
    if parent == page {
        return Some(blocks);
    }
    let block = find_mut(blocks, parent)?.as_object_mut()?;
    block.entry("children").or_insert_with(|| json!([])).as_array_mut()
}

impl Progress {
    /// Of as many operations, each of one call.
    #[cfg(test)]
    pub fn of(reviewed: bool, traces: Vec<Trace>) -> Self {
        let operations = (1..=traces.len()).map(|number| vec![number]).collect();
        Self { reviewed, traces, operations }
    }

    /// How many calls were made, where nothing stands between them.
    pub fn done(&self) -> usize {
        self.traces.iter().take_while(|trace| **trace == Trace::There).count()
    }

    pub fn all(&self) -> bool {
        self.traces.iter().all(|trace| *trace == Trace::There)
    }

    pub fn none(&self) -> bool {
        self.traces.iter().all(|trace| *trace == Trace::Missing)
    }

    pub fn unclear(&self) -> bool {
        self.traces.contains(&Trace::Unclear)
    }

    /// With what is known beside the page: the first `made` calls were made, and of those after `sent` none can have been.
    pub fn narrow(&mut self, made: usize, sent: usize) {
        for (at, trace) in self.traces.iter_mut().enumerate() {
            *trace = match *trace {
                Trace::Unclear if at < made => Trace::There,
                // It was, and somebody took it away.
                Trace::Missing if at < made => Trace::Unclear,
                _ if at >= sent => Trace::Missing,
                trace => trace,
            };
        }
    }

    /// Which operations are on the page and which are not, in words.
    pub fn words(&self) -> String {
        let numbers: BTreeSet<usize> = self.operations.iter().flatten().copied().collect();
        let (mut there, mut part, mut missing, mut unclear) = (vec![], vec![], vec![], vec![]);
        for number in numbers {
            let of = |at: &usize| self.operations[*at].contains(&number);
            let traces: Vec<_> = (0..self.traces.len()).filter(of).map(|at| self.traces[at]).collect();
            if traces.contains(&Trace::Unclear) {
                unclear.push(number);
            } else if traces.iter().all(|trace| *trace == Trace::There) {
                there.push(number);
            } else if traces.contains(&Trace::There) {
                part.push(number);
            } else {
                missing.push(number);
            }
        }
        let said = [
            (there, "is on the page", "are on the page"),
            (part, "is there in part", "are there in part"),
            (missing, "is not", "are not"),
            (unclear, "cannot be told", "cannot be told"),
        ];
        let said = said.into_iter().filter_map(|(numbers, one, many)| {
            let word = if numbers.len() == 1 { one } else { many };
            Some(format!("{} {word}", listed(&numbers)?))
        });
        said.collect::<Vec<_>>().join(", ")
    }
}

/// `operations 1, 2 and 5`.
fn listed(numbers: &[usize]) -> Option<String> {
    let (last, rest) = numbers.split_last()?;
    if rest.is_empty() {
        return Some(format!("operation {last}"));
    }
    let rest: Vec<_> = rest.iter().map(ToString::to_string).collect();
    Some(format!("operations {} and {last}", rest.join(", ")))
}
