//! A reviewer's note, line by line: what it asks for is done to the next draft, or it is said plainly that it is not.
//!
//! This is what flows share of it: [`grammar`] reads what can be asked of anything that is numbered, and what was done is
//! compared with the draft that came of it. Each flow reads its own requests beside these, and does them.
//! Never: a line without an answer; a request half followed; `Done` of what the draft does not show.

pub(in crate::agent) mod grammar;
mod rest;
mod tokens;

use super::{facts::Asks, words};

pub(in crate::agent) use grammar::NotRead;

/// Answers that a rationale has room for.
const ANSWERS_MAX: usize = 16;

/// One line of a note, and what was done about it. `S` is what the draft shows where it was followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::agent) struct Answered<S> {
    pub(in crate::agent) by: String,
    pub(in crate::agent) line: String,
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
        let asked = format!("{} asked: {}", self.by, words::quoted(&self.line));
        match &self.outcome {
            Ok(done) => format!("{asked} Done: {}.", done.says),
            Err(Why::NotRead(why) | Why::Not(why)) => format!("{asked} Not followed: {why}."),
        }
    }
}

/// Answers a note line by line: each is read, and then done.
pub(in crate::agent) fn answer<R, S>(
    asks: &Asks,
    read: impl Fn(&str) -> Result<R, NotRead>,
    mut follow: impl FnMut(&str, R) -> Result<Done<S>, String>,
) -> Vec<Answered<S>> {
    let one = |line: &str| {
        let outcome = match read(line) {
            Ok(request) => follow(line, request).map_err(Why::Not),
            Err(NotRead(why)) => Err(Why::NotRead(why)),
        };
        Answered { by: asks.by.clone(), line: line.to_owned(), same: asks.same, outcome }
    };
    grammar::lines(&asks.note).map(one).collect()
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
