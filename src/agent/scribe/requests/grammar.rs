//! What one line of a reviewer's note asks for, read word by word.
//!
//! A line is understood whole or not at all: what is left over, what denies, what depends on something, makes it a line
//! that the rules do not understand.
//! Never: a word that turns the meaning passed over; an address of a scheme that could do harm.

use std::ops::ControlFlow;

use super::super::chatter::Side;
use crate::agent::requests::{
    Wish,
    grammar::{
        Attempt, Common, DROPS, NotRead, Noun, Rest, Token, WORDS, after_verb, begin, denied, denies,
        dropping, keeping, no, other_words, tokens,
    },
};

/// One thing that is asked for. Operations are counted from 1, as the reviewer saw them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Request {
    Common(Common),
    Link {
        number: Option<usize>,
        /// Absent where the file behind the link is meant.
        address: Option<String>,
    },
    Move {
        number: Option<usize>,
        side: Side,
        step: u32,
    },
    /// `drop the second step`: of those that it adds.
    LeaveOutStep(usize),
    /// A step of the reviewer's: `check the lag after failover`.
    Add(String),
}

/// For who wrote what was not understood.
pub(super) const HINT: &str = "Understood, one a line or joined by \u{201c}, and\u{201d}: drop operation 2; keep operation 2; put operation 2 back; \
    say \"new\" instead of \"old\"; word operation 2 \"\u{2026}\"; operation 2 before step 3; link https://\u{2026}; \
    add a step: \u{2026} before \u{2026}. Anything else: dock amend, or w on the operation.";

/// What a note numbers.
pub(super) const OPERATION: Noun = Noun {
    one: "operation",
    words: &["operation", "operations", "change", "changes", "op", "ops"],
    bare: true,
};

const MOVES: &[&str] = &["move", "put", "place", "insert"];
const LINKS: &[&str] = &["link", "point"];
const AROUND_MOVE: &[&str] = &[
    "it", "this", "that", "the", "step", "should", "stand", "be", "go", "goes", "belongs", "right",
    "directly",
];

const BEFORE_STEP: &[&str] = &["a", "the", "one", "this", "another", "new", "missing"];

impl Wish for Request {
    const BEGINS: &'static [&'static str] =
        &["move", "place", "link", "point", "operation", "operations", "op", "ops"];
    const COUNTED: &'static [&'static str] = OPERATION.words;

    fn read(line: &str) -> Result<Self, NotRead> {
        read(line)
    }

    fn ends_in_words(&self) -> bool {
        matches!(self, Self::Add(_))
    }

    /// A step is one line of a list: what is said behind it may be about it, or about the rest.
    fn goes_on(&self) -> bool {
        false
    }

    fn contrasts(&self) -> bool {
        matches!(self, Self::Link { .. } | Self::Common(Common::Say { .. }))
    }
}

/// What a line asks for.
pub(super) fn read(line: &str) -> Result<Request, NotRead> {
    if let Some((words, text)) = after_verb(line, &["add", "insert"]) {
        let step = words.split_last().is_none_or(|(last, between)| {
            last == "step" && between.iter().all(|word| BEFORE_STEP.contains(&word.as_str()))
        });
        if step {
            return Ok(Request::Add(text.to_owned()));
        }
    }
    let all = tokens(line).map_err(NotRead)?;
    let begun = begin(&all, &OPERATION)?;
    if begun.denied {
        return denied(&begun).map(Request::Common);
    }
    let common = |attempt: Attempt<Common>| attempt.map_break(|read| read.map(Request::Common));
    let (rest, number) = (begun.rest, begun.number);
    let attempts: [&dyn Fn() -> Attempt<Request>; 6] = [
        &|| link(rest, number),
        &|| dropping_step(rest),
        &|| common(other_words(rest, number)),
        &|| common(dropping(rest, number)),
        &|| common(keeping(rest, number)),
        &|| moving(rest, number),
    ];
    for attempt in attempts {
        if let ControlFlow::Break(read) = attempt() {
            return read;
        }
    }
    no("the rules do not understand it")
}

/// `drop the second step`.
fn dropping_step(mut rest: Rest<'_>) -> Attempt<Request> {
    let continues = ControlFlow::Continue(());
    if rest.take(DROPS).is_none() {
        return continues;
    }
    rest.take(&["the", "this"]);
    let Some(number) = rest.ordinal() else { return continues };
    rest.skip(&["new", "added", "proposed"]);
    if rest.take(&["step"]).is_some() && rest.is_over() {
        return ControlFlow::Break(Ok(Request::LeaveOutStep(number)));
    }
    continues
}

/// `operation 2 before step 3`, `move it after step 1`.
fn moving(mut rest: Rest<'_>, mut number: Option<usize>) -> Attempt<Request> {
    let continues = ControlFlow::Continue(());
    rest.skip(MOVES);
    if let Some(numbers) = rest.numbers() {
        let ([one], None) = (numbers.as_slice(), number) else { return continues };
        number = Some(*one);
    }
    rest.skip(AROUND_MOVE);
    let side = match rest.take(&["before", "after"]) {
        Some("before") => Side::Before,
        Some(_) => Side::After,
        None => return continues,
    };
    let step = (rest.take(&["step"]).is_some()).then(|| rest.number()).flatten();
    match step.and_then(|step| u32::try_from(step).ok()).filter(|_| rest.is_over()) {
        Some(step) => ControlFlow::Break(Ok(Request::Move { number, side, step })),
        None => continues,
    }
}

/// `link the workflow's page, not a run: https://…`, `link the file`.
fn link(mut rest: Rest<'_>, mut number: Option<usize>) -> Attempt<Request> {
    rest.take(&["the"]);
    if rest.take(LINKS).is_none() {
        return ControlFlow::Continue(());
    }
    let stop = |why: &str| ControlFlow::Break(no(why));
    let (mut addresses, mut words) = (Vec::new(), Vec::new());
    while let Some(token) = rest.left.first() {
        if let Some(numbers) = rest.numbers() {
            let ([one], true) = (numbers.as_slice(), number.is_none()) else {
                return stop("it names several operations");
            };
            number = Some(*one);
            continue;
        }
        if let Some(end) = contrast(rest.left) {
            rest.left = &rest.left[end..];
            continue;
        }
        match token {
            Token::Address(address) => addresses.push(address.clone()),
            Token::Word(word) => words.push(word.as_str()),
            Token::Quote(_) | Token::Mark(_) => {}
        }
        rest.step();
    }
    if words.iter().any(|word| denies(word)) {
        return stop("it says what not to do; say what to do");
    }
    let verbs = [DROPS, MOVES, WORDS, &["add", "keep", "rename", "replace"]].concat();
    if words.iter().any(|word| verbs.contains(word)) {
        return stop("it asks for several things at once; write one a line");
    }
    let file = |word: &&str| {
        ["file", "definition", "source"].contains(word)
            || [".yml", ".yaml"].iter().any(|end| word.ends_with(end))
    };
    ControlFlow::Break(match addresses.as_slice() {
        [one] => Ok(Request::Link { number, address: Some(one.clone()) }),
        [] if words.iter().any(file) => Ok(Request::Link { number, address: None }),
        [] => no("it gives no address; write the one that is to be linked"),
        _ => no("it gives several addresses; write the one that is to be linked"),
    })
}

/// How far `, not its run`, `instead of the run` goes: up to the next mark.
fn contrast(tokens: &[Token]) -> Option<usize> {
    let word = |at: usize| tokens.get(at).and_then(Token::word);
    let begins = match (word(0), word(1)) {
        (Some("not"), _) => 1,
        (Some("and"), Some("not")) | (Some("instead"), Some("of")) | (Some("rather"), Some("than")) => 2,
        _ => return None,
    };
    let end = tokens[begins..].iter().position(|token| matches!(token, Token::Mark(',' | ':' | ';')));
    Some(end.map_or(tokens.len(), |end| begins + end))
}

#[cfg(test)]
mod tests;
