//! A reviewer's note, line by line: what it asks for is done to the operations, or it is said plainly that it is not.
//!
//! `grammar` reads a line, `doing` does it, and what was done is compared with the edit that came of it. Notes are followed
//! in their order, so that the newest about an operation is what stands.
//! Never: a line without an answer; a request half followed; `Done` of what the edit does not show.

mod doing;
mod grammar;
mod texts;

use super::{
    draft::{Wanted, paired},
    facts::{Asks, Facts},
    words,
};
use crate::row::page::{Action, Anchor, Outline};

/// Answers that a rationale has room for.
const ANSWERS_MAX: usize = 16;

/// One line of a note, and what was done about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answered {
    by: String,
    line: String,
    /// It is about the last revision.
    same: bool,
    /// What was done; else why nothing was.
    outcome: Result<Done, Why>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Done {
    says: String,
    shows: Vec<Shows>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Why {
    /// The rules do not know what is meant.
    NotRead(String),
    /// They do, and it cannot be.
    Not(String),
}

/// What the edit shows where a request was followed. An operation is named by its id.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Shows {
    Gone(usize),
    There(usize),
    Links(usize, String),
    At(usize, Anchor, super::chatter::Side),
    Says { id: usize, new: String, old: Option<String> },
}

impl Answered {
    /// `marcus asked: “Link the workflow by its file.” Done: …`
    fn sentence(&self) -> String {
        let asked = format!("{} asked: {}", self.by, words::quoted(&self.line));
        match &self.outcome {
            Ok(done) => format!("{asked} Done: {}.", done.says),
            Err(Why::NotRead(why) | Why::Not(why)) => format!("{asked} Not followed: {why}."),
        }
    }

    /// The operation went because of this line.
    fn left_out(&self) -> Option<String> {
        let done = self.outcome.as_ref().ok()?;
        let gone = done.shows.iter().any(|shows| matches!(shows, Shows::Gone(_)));
        gone.then(|| format!("{} asked: {}", self.by, words::quoted(&self.line)))
    }
}

/// What is said of the last notes, with how to say it where something was not understood.
pub(super) fn sentences(answers: &[Answered]) -> Vec<String> {
    let last: Vec<&Answered> = answers.iter().filter(|one| one.same).take(ANSWERS_MAX).collect();
    let unread = last.iter().any(|one| matches!(one.outcome, Err(Why::NotRead(_))));
    let mut said: Vec<String> = last.into_iter().map(Answered::sentence).collect();
    said.extend(unread.then(|| grammar::HINT.to_owned()));
    said
}

/// Who had operations left out, in their words; none where nobody did.
pub(super) fn left_out(answers: &[Answered]) -> Option<String> {
    let mut all: Vec<String> = answers.iter().filter_map(Answered::left_out).collect();
    all.dedup();
    (!all.is_empty()).then(|| all.join(" "))
}

/// Follows all notes in their order. Numbers are those that the reviewer saw: of the last notes, the last revision's.
pub(super) fn follow(
    asks: &[Asks],
    mut wanted: Vec<Wanted>,
    facts: &Facts,
    outline: &Outline,
) -> (Vec<Wanted>, Vec<Answered>) {
    wanted.iter_mut().enumerate().for_each(|(id, one)| one.id = id);
    let mut table = Table { facts, outline, count: wanted.len(), places: Vec::new(), gone: Vec::new() };
    let mut answers = Vec::new();
    table.places = wanted.into_iter().map(Some).collect();
    for asks in asks.iter().filter(|asks| !asks.same) {
        table.number_afresh();
        answers.extend(table.answer(asks));
    }
    table.number_as_shown();
    answers.extend(asks.iter().filter(|asks| asks.same).flat_map(|asks| table.answer(asks)));
    (table.in_order(), answers)
}

/// Follows what was asked of the last revision, which reviewers amended: what was asked before is in it, or was undone by
/// them. The numbers are that revision's, with gaps where an operation no longer fits the page.
pub(super) fn follow_amended(
    asks: &[Asks],
    mut numbered: Vec<Option<Wanted>>,
    facts: &Facts,
    outline: &Outline,
) -> (Vec<Wanted>, Vec<Answered>) {
    numbered.iter_mut().enumerate().for_each(|(id, one)| one.iter_mut().for_each(|one| one.id = id));
    let mut table = Table { facts, outline, count: numbered.len(), places: numbered, gone: Vec::new() };
    let of_last = asks.iter().filter(|asks| asks.same);
    let answers = of_last.flat_map(|asks| table.answer(asks)).collect();
    (table.in_order(), answers)
}

/// Compares what was done with the edit that came of it.
pub(super) fn compare(answers: &mut [Answered], edit: &[Wanted]) {
    for answer in answers {
        let shown = |done: &Done| done.shows.iter().all(|shows| shows.stands(edit));
        if answer.outcome.as_ref().is_ok_and(|done| !shown(done)) {
            let why = "it was done, and the edit that came of all that was asked does not show it";
            answer.outcome = Err(Why::Not(why.to_owned()));
        }
    }
}

impl Shows {
    fn stands(&self, edit: &[Wanted]) -> bool {
        let one = |id: &usize| edit.iter().find(|one| one.id == *id);
        match self {
            Self::Gone(id) => one(id).is_none(),
            Self::There(id) => one(id).is_some(),
            Self::Links(id, url) => one(id).is_some_and(|one| texts::links(one).contains(&url.as_str())),
            Self::At(id, anchor, side) => one(id).is_some_and(|one| {
                let there = match &one.operation.action {
                    Action::InsertBefore { .. } => super::chatter::Side::Before,
                    _ => super::chatter::Side::After,
                };
                one.operation.anchor == *anchor && there == *side
            }),
            Self::Says { id, new, old } => one(id).is_some_and(|one| {
                let text = texts::text(&one.operation.action);
                let gone = |old: &String| new.contains(old.as_str()) || !texts::says(&text, old);
                text.contains(new.as_str()) && old.as_ref().is_none_or(gone)
            }),
        }
    }
}

/// The operations at their numbers, and those that were left out.
struct Table<'a> {
    facts: &'a Facts,
    outline: &'a Outline,
    /// So many have a number; what is behind them has none that a reviewer could know.
    count: usize,
    places: Vec<Option<Wanted>>,
    /// With the number by which it went.
    gone: Vec<(usize, Wanted)>,
}

impl Table<'_> {
    fn answer(&mut self, asks: &Asks) -> Vec<Answered> {
        let lines: Vec<&str> = grammar::lines(&asks.note).collect();
        let one = |line: &str| {
            let outcome = match grammar::read(line) {
                Ok(request) => self.follow(&asks.by, line, request).map_err(Why::Not),
                Err(grammar::NotRead(why)) => Err(Why::NotRead(why)),
            };
            Answered { by: asks.by.clone(), line: line.to_owned(), same: asks.same, outcome }
        };
        lines.into_iter().map(one).collect()
    }

    fn number_afresh(&mut self) {
        let mut left: Vec<Wanted> = self.places.drain(..).flatten().collect();
        left.sort_by_key(|one| one.at);
        self.count = left.len();
        self.places = left.into_iter().map(Some).collect();
    }

    /// As the last revision counted them; what it did not have stands behind.
    fn number_as_shown(&mut self) {
        self.number_afresh();
        let Some(before) = &self.facts.before else { return };
        let left: Vec<Wanted> = self.places.iter().flatten().cloned().collect();
        let shown = paired(&before.edit.operations, &left);
        let beside = (0..left.len()).filter(|at| !shown.contains(&Some(*at))).map(Some);
        self.count = shown.len();
        let order: Vec<Option<usize>> = shown.iter().copied().chain(beside).collect();
        self.places = order.into_iter().map(|at| left.get(at?).cloned()).collect();
    }

    fn in_order(self) -> Vec<Wanted> {
        let mut wanted: Vec<Wanted> = self.places.into_iter().flatten().collect();
        wanted.sort_by_key(|one| one.at);
        wanted
    }
}
