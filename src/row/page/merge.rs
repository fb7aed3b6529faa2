//! An edit that was made for a page as it was, on the page as it is now.
//!
//! Never: an operation carried over to a passage that somebody rewrote, or right beside what somebody wrote there.

use std::collections::HashMap;

use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::anchor::{Target, cut, find};
use super::outline::{Outline, Passage, PassageKind, Unreadable, read};
use super::{Action, Body, Edit, NotApplicable, Operation};

/// Why an edit and what moved cannot both stand.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Overlap {
    #[error("operation {number}: {with}")]
    Operation {
        /// From 1, as people are shown them.
        number: usize,
        /// What it overlaps with.
        with: String,
    },
    #[error(transparent)]
    Page(#[from] Unreadable),
}

/// A passage that is not as it was; of a new one there is no `was`, of one that is gone no `now`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rewritten {
    pub was: Option<Passage>,
    pub now: Option<Passage>,
}

impl Edit {
    /// The same operations, anchored on the page as it is now; or the first that overlaps with what moved.
    pub fn merged(&self, was: &Body, now: &Body) -> Result<Self, Overlap> {
        let (was, page) = (read(was)?, read(now)?);
        let moves = Moves::between(&was, &page);
        let mut operations = Vec::with_capacity(self.operations.len());
        for (at, operation) in self.operations.iter().enumerate() {
            let no = |with: String| Overlap::Operation { number: at + 1, with };
            operations.push(moves.carried(operation).map_err(no)?);
        }
        let merged = Self { operations };
        match merged.apply(now) {
            Ok(_) => Ok(merged),
            Err(NotApplicable::Operation { number, why }) => Err(Overlap::Operation { number, with: why }),
            Err(NotApplicable::Page(why)) => Err(Overlap::Page(why)),
        }
    }
}

/// What was written, rewritten and taken away between two readings of a page, in the order of the page.
pub fn moved(was: &Body, now: &Body) -> Result<Vec<Rewritten>, Unreadable> {
    let (was, now) = (read(was)?, read(now)?);
    let mut changes = Vec::new();
    for op in differences(&was, &now) {
        let (old, new) = (op.old_range(), op.new_range());
        if matches!(op, DiffOp::Equal { .. }) {
            continue;
        }
        for at in 0..old.len().max(new.len()) {
            let passage = |outline: &Outline, range: &std::ops::Range<usize>| {
                (at < range.len()).then(|| outline.passages[range.start + at].clone())
            };
            changes.push(Rewritten { was: passage(&was, &old), now: passage(&now, &new) });
        }
    }
    Ok(changes)
}

/// Above this many passages that differ, those between the first and the last one are taken as rewritten.
const COMPARED_MAX: usize = 5_000;

fn differences(was: &Outline, now: &Outline) -> Vec<DiffOp> {
    let mut known: HashMap<Key<'_>, u32> = HashMap::new();
    let mut number = |key| {
        let next = u32::try_from(known.len()).unwrap_or(u32::MAX);
        *known.entry(key).or_insert(next)
    };
    let old: Vec<u32> = was.passages.iter().map(|passage| number(key(passage))).collect();
    let new: Vec<u32> = now.passages.iter().map(|passage| number(key(passage))).collect();
    let head = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let (rest_old, rest_new) = (&old[head..], &new[head..]);
    let tail = rest_old.iter().rev().zip(rest_new.iter().rev()).take_while(|(a, b)| a == b).count();
    let (mid_old, mid_new) = (&rest_old[..rest_old.len() - tail], &rest_new[..rest_new.len() - tail]);
    let mut ops = vec![DiffOp::Equal { old_index: 0, new_index: 0, len: head }];
    if mid_old.len().max(mid_new.len()) > COMPARED_MAX {
        let (old_index, new_index) = (head, head);
        let (old_len, new_len) = (mid_old.len(), mid_new.len());
        ops.push(DiffOp::Replace { old_index, old_len, new_index, new_len });
    } else {
        ops.extend(
            capture_diff_slices(Algorithm::Patience, mid_old, mid_new)
                .into_iter()
                .map(|op| shifted(op, head)),
        );
    }
    ops.push(DiffOp::Equal { old_index: old.len() - tail, new_index: new.len() - tail, len: tail });
    ops
}

fn shifted(op: DiffOp, by: usize) -> DiffOp {
    match op {
        DiffOp::Equal { old_index, new_index, len } => {
            DiffOp::Equal { old_index: old_index + by, new_index: new_index + by, len }
        }
        DiffOp::Delete { old_index, old_len, new_index } => {
            DiffOp::Delete { old_index: old_index + by, old_len, new_index: new_index + by }
        }
        DiffOp::Insert { old_index, new_index, new_len } => {
            DiffOp::Insert { old_index: old_index + by, new_index: new_index + by, new_len }
        }
        DiffOp::Replace { old_index, old_len, new_index, new_len } => {
            DiffOp::Replace { old_index: old_index + by, old_len, new_index: new_index + by, new_len }
        }
    }
}

/// What makes two passages the same: not their place, their number or the headings above.
type Key<'a> = (String, &'a str, &'a [String], bool);

fn key(passage: &Passage) -> Key<'_> {
    let kind = match &passage.kind {
        PassageKind::Step(_) => "step".to_owned(),
        kind => format!("{kind:?}"),
    };
    (kind, &passage.text, &passage.links, passage.deprecated)
}

struct Moves<'a> {
    was: &'a Outline,
    now: &'a Outline,
    /// Where each passage of `was` is now, and each of `now` was.
    to: Vec<Option<usize>>,
    from: Vec<Option<usize>>,
}

impl<'a> Moves<'a> {
    fn between(was: &'a Outline, now: &'a Outline) -> Self {
        let (mut to, mut from) = (vec![None; was.passages.len()], vec![None; now.passages.len()]);
        for op in differences(was, now) {
            if let DiffOp::Equal { old_index, new_index, len } = op {
                for at in 0..len {
                    to[old_index + at] = Some(new_index + at);
                    from[new_index + at] = Some(old_index + at);
                }
            }
        }
        Self { was, now, to, from }
    }

    fn carried(&self, operation: &Operation) -> Result<Operation, String> {
        let Target::Passage(at) = find(self.was.passages.iter(), &operation.anchor)? else {
            self.still_there(0)?;
            return Ok(operation.clone());
        };
        let text = cut(&self.was.passages[at].text);
        let now = self.to[at].ok_or_else(|| format!("“{text}” was rewritten or taken away"))?;
        match &operation.action {
            Action::InsertAfter { .. } => self.still_there(now + 1)?,
            Action::InsertBefore { .. } => {
                if let Some(before) = now.checked_sub(1) {
                    self.still_there(before)?;
                }
            }
            Action::Replace { .. } | Action::ReplaceValue { .. } | Action::MarkDeprecated { .. } => (),
        }
        Ok(Operation { anchor: self.now.passages[now].anchor(), ..operation.clone() })
    }

    /// Nobody wrote what stands at this place now.
    fn still_there(&self, at: usize) -> Result<(), String> {
        match self.from.get(at) {
            Some(None) => {
                Err(format!("“{}” was written right there meanwhile", cut(&self.now.passages[at].text)))
            }
            Some(Some(_)) | None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
