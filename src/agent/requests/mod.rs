//! A reviewer's note, line by line: what it asks for is done to the next draft, or it is said plainly that it is not.
//!
//! This is what flows share of it: [`clauses`] finds the wishes of a line, [`grammar`] reads what can be asked of
//! anything that is numbered, and what was done is compared with the draft that came of it. Each flow reads its own requests beside these, and does them.
//! Never: a line without an answer; a request half followed; `Done` of what the draft does not show.

pub(in crate::agent) mod clauses;
pub(in crate::agent) mod grammar;
mod rest;
mod tokens;

use super::{facts::Asks, words};

pub(in crate::agent) use clauses::Wish;
pub(in crate::agent) use grammar::NotRead;

/// Answers that a rationale has room for.
const ANSWERS_MAX: usize = 16;

/// One wish of a note, and what was done about it. `S` is what the draft shows where it was followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::agent) struct Answered<S> {
    pub(in crate::agent) by: String,
    pub(in crate::agent) line: String,
    /// Which of the wishes of its line it is, and how many those are.
    pub(in crate::agent) part: (usize, usize),
    /// It is about the last revision.
    pub(in crate::agent) same: bool,
    /// What was done; else why nothing was.
    pub(in crate::agent) outcome: Result<Done<S>, Why>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::agent) struct Done<S> {
    pub(in crate::agent) says: String,
    pub(in crate::agent) shows: Vec<S>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::agent) enum Why {
    /// The rules do not know what is meant.
    NotRead(String),
    /// They do, and it cannot be.
    Not(String),
}

impl<S> Answered<S> {
    /// `marcus asked: “Link the workflow by its file.” Done: …`
    fn sentence(&self) -> String {
        let which = match self.part {
            (_, 1) => String::new(),
            (number, of) => format!(" ({number} of {of})"),
        };
        let asked = format!("{} asked{which}: {}", self.by, words::quoted(&self.line));
        match &self.outcome {
            Ok(done) => format!("{asked} Done: {}.", done.says),
            Err(Why::NotRead(why) | Why::Not(why)) => format!("{asked} Not followed: {why}."),
        }
    }
}

/// Answers a note line by line: each is read, and then done, wish by wish.
pub(in crate::agent) fn answer<R: Wish, S>(
    asks: &Asks,
    mut follow: impl FnMut(&str, R) -> Result<Done<S>, String>,
) -> Vec<Answered<S>> {
    let mut answers = Vec::new();
    for line in clauses::lines::<R>(&asks.note) {
        let mut answered = |part, words: &str, outcome| {
            let (by, line) = (asks.by.clone(), words.trim().to_owned());
            answers.push(Answered { by, line, part, same: asks.same, outcome });
        };
        match clauses::wishes::<R>(line) {
            Err(NotRead(why)) => answered((1, 1), line, Err(Why::NotRead(why))),
            Ok(wishes) => {
                let of = wishes.len();
                for (at, (words, wish)) in wishes.into_iter().enumerate() {
                    answered((at + 1, of), words, follow(words.trim(), wish).map_err(Why::Not));
                }
            }
        }
    }
    answers
}

/// What is said of the last notes, with how to say it where something was not understood.
pub(in crate::agent) fn sentences<S>(answers: &[Answered<S>], hint: &str) -> Vec<String> {
    let last: Vec<&Answered<S>> = answers.iter().filter(|one| one.same).take(ANSWERS_MAX).collect();
    let unread = last.iter().any(|one| matches!(one.outcome, Err(Why::NotRead(_))));
    let mut said: Vec<String> = last.into_iter().map(Answered::sentence).collect();
    said.extend(unread.then(|| hint.to_owned()));
    said
}

/// Compares what was done with the draft that came of it; `what` that is: `edit`.
pub(in crate::agent) fn compare<S>(answers: &mut [Answered<S>], what: &str, stands: impl Fn(&S) -> bool) {
    for answer in answers {
        if answer.outcome.as_ref().is_ok_and(|done| !done.shows.iter().all(&stands)) {
            let why = format!("it was done, and the {what} that came of all that was asked does not show it");
            answer.outcome = Err(Why::Not(why));
        }
    }
}
