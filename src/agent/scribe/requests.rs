//! A reviewer's note, line by line: what it asks for is done to the operations, or it is said plainly that it is not.
//!
//! [`crate::agent::requests`] is what other flows share of it; `grammar` reads a line, `doing` does it, and what was done is compared with the edit that came of it. Notes are followed
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
use crate::{
    agent::requests,
    row::page::{Action, Anchor, Outline},
};

type Done = requests::Done<Shows>;

/// One line of a note, and what was done about it.
pub(super) type Answered = requests::Answered<Shows>;

/// What the edit shows where a request was followed. An operation is named by its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shows {
    Gone(usize),
    There(usize),
    Links(usize, String),
    At(usize, Anchor, super::chatter::Side),
    Says { id: usize, new: String, old: Option<String> },
}

/// What is said of the last notes.
pub(super) fn sentences(answers: &[Answered]) -> Vec<String> {
    requests::sentences(answers, grammar::HINT)
}

/// The operation went because of this line.
fn left_out_by(one: &Answered) -> Option<String> {
    let done = one.outcome.as_ref().ok()?;
    let gone = done.shows.iter().any(|shows| matches!(shows, Shows::Gone(_)));
    gone.then(|| format!("{} asked: {}", one.by, words::quoted(&one.line)))
}

/// Who had operations left out, in their words; none where nobody did.
pub(super) fn left_out(answers: &[Answered]) -> Option<String> {
    let mut all: Vec<String> = answers.iter().filter_map(left_out_by).collect();
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
    requests::compare(answers, "edit", |shows: &Shows| shows.stands(edit));
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
                let gone = |old: &String| new.contains(old.as_str()) || !words::holds(&text, old);
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
        requests::answer(asks, |line, request| self.follow(&asks.by, line, request))
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
