//! What moved on a page since an edit was drafted for it, and which of its operations that touches. Where it touches none,
//! the edit can be merged: taken over as it is, anchored on the page as it is now.
//!
//! The page as it was is the old side of the difference that was signed: no site keeps more of it for everybody. Two changes
//! touch as they do in a three-way merge: where no line between them stayed as it was.
//! Never: an operation carried over to a passage that somebody rewrote, or right beside what somebody wrote there, without a
//! reviewer's word.

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
};

use serde::{Deserialize, Serialize};
use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::{
    Anchor, Body, Edit, Operation, Passage, Reading, Unreadable,
    anchor::{cut, under_another},
    outline::{self, PassageKind},
};
use crate::row::difference::{self, FileDifference, steps};

/// What moved between a draft and now.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Since {
    /// The page as it was against the page as it is, as a unified diff with some lines around. Empty where its text reads as
    /// before: then formatting, a macro or nothing but the version is another.
    pub diff: String,
    /// The operations that it touches, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub touched: Vec<Touched>,
    /// Why nothing can be merged whatever the operations are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<String>,
}

/// An operation and what moved at its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Touched {
    /// From 1.
    pub number: usize,
    pub how: Touch,
    /// `“Verify” was written right there (line 14)`.
    pub says: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Touch {
    /// Its own passage is no longer what it was, or it is not clear which one it is.
    Same,
    /// Its passage is as it was, and the text right beside the operation, or the heading above it, is not.
    Beside,
}

impl Since {
    /// Why the edit cannot be merged once these operations are struck and those are put in other words: an operation beside
    /// what moved is taken in the words of who has read both, one whose passage is gone can only be left out.
    pub fn against(&self, struck: &[usize], reworded: &[usize]) -> Vec<String> {
        let solved = |one: &Touched| {
            struck.contains(&one.number) || (one.how == Touch::Beside && reworded.contains(&one.number))
        };
        let open = self.touched.iter().filter(|one| !solved(one)).map(Touched::sentence);
        self.closed.iter().cloned().chain(open).collect()
    }
}

impl Touched {
    /// `operation 2: “Verify” was written right there (line 14)`
    pub fn sentence(&self) -> String {
        format!("operation {}: {}", self.number, self.says)
    }
}

impl Reading {
    /// What moved since an edit was drafted; `drafted` is the difference that was signed, or waits to be.
    pub fn since(&self, edit: &Edit, drafted: &str) -> Since {
        let closed = self.page.closed.as_ref().map(|closed| format!("the page is {closed}"));
        let nothing = |why: String| Since { closed: Some(why), ..Since::default() };
        let Some(file) = difference::read(drafted).into_iter().next() else {
            return nothing("the page as it was is not known".to_owned());
        };
        match since(edit, &file.old, &self.page.body) {
            Ok(since) => Since { closed, ..since },
            Err(why) => nothing(closed.unwrap_or_else(|| why.to_string())),
        }
    }
}

fn since(edit: &Edit, was: &str, now: &Body) -> Result<Since, Unreadable> {
    let moves = Moves::between(was, now)?;
    let refitted = edit.refitted(now)?;
    let left = refitted.left_out.into_iter();
    let left = left.map(|out| Touched { number: out.number, how: Touch::Same, says: out.why });
    let kept = refitted.kept.into_iter();
    let kept = kept.filter_map(|one| {
        let meant = &edit.operations[one.number - 1].anchor;
        let (how, says) = moves.touch(one.at, &one.operation, meant, now)?;
        Some(Touched { number: one.number, how, says })
    });
    let mut touched: Vec<_> = left.chain(kept).collect();
    touched.sort_by_key(|one| one.number);
    Ok(Since { diff: moves.diff(), touched, closed: None })
}

/// A page's text in lines, each with the passage that it is of.
struct Page {
    passages: Vec<Passage>,
    lines: Vec<String>,
    /// The lines of each passage.
    of: Vec<Range<usize>>,
    /// What makes two lines the same: a step's number does not.
    keys: Vec<String>,
}

impl Page {
    fn read(body: &Body) -> Result<Self, Unreadable> {
        let mut page = Self { passages: vec![], lines: vec![], of: vec![], keys: vec![] };
        for (passage, text) in outline::lines(body)? {
            let from = page.lines.len();
            let step = matches!(passage.kind, PassageKind::Step(_));
            for line in text.split_terminator('\n') {
                let key = if step { steps::key(line) } else { line.into() };
                page.keys.push(key.into_owned());
                page.lines.push(line.to_owned());
            }
            page.of.push(from..page.lines.len());
            page.passages.push(passage);
        }
        Ok(page)
    }
}

/// The page as it was and as it is, line by line.
struct Moves {
    was: Vec<String>,
    was_keys: Vec<String>,
    now: Page,
    /// Where each line of `now` was.
    from: Vec<Option<usize>>,
}

impl Moves {
    fn between(was: &str, now: &Body) -> Result<Self, Unreadable> {
        let now = Page::read(now)?;
        let was: Vec<String> = was.split_terminator('\n').map(str::to_owned).collect();
        // Of the page as it was the text is left, not the kinds: what may be a step's number is one where there is such a step.
        let known: HashSet<&String> = now.keys.iter().collect();
        let key = |line: &String| {
            let key = steps::key(line).into_owned();
            if known.contains(&key) { key } else { line.clone() }
        };
        let was_keys: Vec<String> = was.iter().map(key).collect();
        let from = aligned(&was_keys, &now.keys);
        Ok(Self { was, was_keys, now, from })
    }

    fn diff(&self) -> String {
        let text = |lines: &[String]| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
        let file = FileDifference::of_page("page", text(&self.was), text(&self.now.lines));
        difference::in_hunks(&file, "then", "now", AROUND)
    }

    /// What moved at the place of an operation, whose passage is found on the page as it is now.
    /// `meant` is its anchor as it was drafted.
    fn touch(&self, at: usize, operation: &Operation, meant: &Anchor, now: &Body) -> Option<(Touch, String)> {
        let top = operation.anchor.text.trim().is_empty();
        let own = self.now.of.get(at).cloned().filter(|_| !top);
        if let Some(own) = own.clone() {
            if let Some(line) = own.clone().find(|line| self.from[*line].is_none()) {
                let text = cut(&self.now.passages[at].text);
                return Some((Touch::Same, format!("“{text}” was rewritten (line {})", line + 1)));
            }
            if let Some(times) = self.is_one_of_several(own.start) {
                let text = cut(&self.now.passages[at].text);
                let says =
                    format!("“{text}” was there {times} times, and which of them it is cannot be told");
                return Some((Touch::Same, says));
            }
        }
        if let Some(says) = under_another(meant, at, &self.now.passages) {
            return Some((Touch::Beside, says));
        }
        let hunk = self.hunk(operation, now).or(own)?;
        (hunk.start..=hunk.end).find(|at| !self.joined(*at)).map(|at| (Touch::Beside, self.written_at(at)))
    }

    /// How often its text was on the page, where not all of them stand as they stood.
    fn is_one_of_several(&self, line: usize) -> Option<usize> {
        let key = &self.now.keys[line];
        let before = self.was_keys.iter().filter(|one| *one == key).count();
        let now = self.now.keys.iter().zip(&self.from).filter(|(one, from)| *one == key && from.is_some());
        let all = self.now.keys.iter().filter(|one| *one == key).count();
        (before > 1 && (now.count(), all) != (before, before)).then_some(before)
    }

    /// The lines of the page as it is now that an operation takes the place of; empty where it only adds some.
    fn hunk(&self, operation: &Operation, now: &Body) -> Option<Range<usize>> {
        let one = Edit { operations: vec![operation.clone()] };
        let next = Page::read(&one.apply(now).ok()?).ok()?;
        let (was, is) = (&self.now.keys, &next.keys);
        let head = was.iter().zip(is).take_while(|(a, b)| a == b).count();
        let most = was.len().min(is.len()) - head;
        let tail = was.iter().rev().zip(is.iter().rev()).take(most).take_while(|(a, b)| a == b).count();
        (was != is).then(|| head..was.len() - tail)
    }

    /// What stands before and what stands after this place stood beside each other before, too.
    fn joined(&self, at: usize) -> bool {
        let before = at.checked_sub(1).map(|before| self.from[before]);
        let after = self.from.get(at).copied();
        match (before, after) {
            (Some(None), _) | (_, Some(None)) => false,
            (Some(Some(before)), Some(Some(after))) => before + 1 == after,
            (None, Some(Some(after))) => after == 0,
            (Some(Some(before)), None) => before + 1 == self.was.len(),
            (None, None) => self.was.is_empty(),
        }
    }

    /// What was written or taken away at a place that is not joined.
    fn written_at(&self, at: usize) -> String {
        let new = |line: &usize| self.from[*line].is_none();
        let first = (0..at).rev().take_while(new).last().unwrap_or(at);
        let last = (at..self.from.len()).take_while(new).last().map_or(at, |last| last + 1);
        if first < last {
            let lines = if last - first == 1 {
                format!("line {}", first + 1)
            } else {
                format!("lines {} to {last}", first + 1)
            };
            return format!("“{}” was written right there ({lines})", cut(&self.now.lines[first]));
        }
        let gone = at.checked_sub(1).map_or(Some(0), |before| self.from[before].map(|before| before + 1));
        let gone = gone.and_then(|gone| self.was.get(gone)).map(|line| cut(line)).unwrap_or_default();
        format!("“{gone}” was taken away right there (before line {})", at + 1)
    }
}

/// Lines of context around what moved.
const AROUND: usize = 2;
/// Above this many lines that differ, those between the first and the last one are taken as rewritten.
const COMPARED_MAX: usize = 5_000;

/// Where each line of `now` was.
fn aligned(was: &[String], now: &[String]) -> Vec<Option<usize>> {
    let mut known: HashMap<&String, u32> = HashMap::new();
    let mut number = |key| {
        let next = u32::try_from(known.len()).unwrap_or(u32::MAX);
        *known.entry(key).or_insert(next)
    };
    let was: Vec<u32> = was.iter().map(&mut number).collect();
    let now: Vec<u32> = now.iter().map(&mut number).collect();
    let head = was.iter().zip(&now).take_while(|(a, b)| a == b).count();
    let most = was.len().min(now.len()) - head;
    let tail = was.iter().rev().zip(now.iter().rev()).take(most).take_while(|(a, b)| a == b).count();
    let mut from = vec![None; now.len()];
    from.iter_mut().enumerate().take(head).for_each(|(at, from)| *from = Some(at));
    for at in 1..=tail {
        from[now.len() - at] = Some(was.len() - at);
    }
    let (old, new) = (&was[head..was.len() - tail], &now[head..now.len() - tail]);
    if old.len().max(new.len()) <= COMPARED_MAX {
        for op in capture_diff_slices(Algorithm::Patience, old, new) {
            if let DiffOp::Equal { old_index, new_index, len } = op {
                (0..len).for_each(|at| from[head + new_index + at] = Some(head + old_index + at));
            }
        }
    }
    from
}

#[cfg(test)]
mod tests;
