//! What one line of a reviewer's note asks for, read word by word.
//!
//! A line is understood whole or not at all: what is left over, what denies, what depends on something, makes it a line
//! that the rules do not understand.
//! Never: a word that turns the meaning passed over; an address of a scheme that could do harm.

mod rest;
mod tokens;

use std::ops::ControlFlow;

use super::super::chatter::Side;
use rest::Rest;
use tokens::{Token, tokens};

pub(super) use tokens::lines;

/// One thing that is asked for. Operations are counted from 1, as the reviewer saw them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Request {
    LeaveOut(Vec<usize>),
    Keep(Vec<usize>),
    BringBack(Vec<usize>),
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
    Say {
        number: Option<usize>,
        new: String,
        old: String,
    },
    Word {
        number: Option<usize>,
        new: String,
    },
    /// A step of the reviewer's: `check the lag after failover`.
    Add(String),
}

/// For who wrote what was not understood.
pub(super) const HINT: &str = "Understood, one a line: drop operation 2; keep operation 2; put operation 2 back; \
    say \"new\" instead of \"old\"; word operation 2 \"\u{2026}\"; operation 2 before step 3; link https://\u{2026}; \
    add a step: \u{2026} before \u{2026}. Anything else: dock amend, or w on the operation.";

/// Why a line is not followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NotRead(pub(super) String);

const POLITE: &[&str] =
    &["please", "pls", "kindly", "also", "and", "then", "ok", "okay", "so", "thanks", "now", "just"];
/// What makes a request one that holds only sometimes, or for one of several.
const HEDGES: &[&str] = &[
    "if",
    "unless",
    "except",
    "until",
    "but",
    "maybe",
    "perhaps",
    "either",
    "or",
    "whether",
    "though",
    "although",
    "otherwise",
    "only",
    "might",
    "when",
];
const DROPS: &[&str] = &["drop", "remove", "strike", "delete", "omit"];
const MOVES: &[&str] = &["move", "put", "place", "insert"];
const WORDS: &[&str] = &["say", "write", "call", "word", "reword", "phrase", "rephrase"];
const CHANGES: &[&str] = &["change", "replace", "rename", "use"];
const LINKS: &[&str] = &["link", "point"];
const OPERATION: &[&str] = &["operation", "operations", "change", "changes", "op", "ops"];
/// What may follow a request and adds nothing to it.
const TAIL: &[&str] = &["entirely", "altogether", "completely", "again", "too", "please", "thanks", "now"];
/// What may stand around quotations in a request for other words.
const AROUND: &[&str] = &[
    "it", "the", "step", "text", "value", "in", "of", "as", "like", "this", "that", "so", "should", "must",
    "be", "read", "reads", "with", "to", "by", "into", "here", "there", "its",
];
const AROUND_MOVE: &[&str] = &[
    "it", "this", "that", "the", "step", "should", "stand", "be", "go", "goes", "belongs", "right",
    "directly",
];

/// What a line asks for.
pub(super) fn read(line: &str) -> Result<Request, NotRead> {
    if let Some(text) = tokens::after_add(line) {
        return Ok(Request::Add(text.to_owned()));
    }
    let all = tokens(line).map_err(NotRead)?;
    if all.contains(&Token::Mark('?')) {
        return no("it is a question; the rules answer none");
    }
    let words = all.iter().filter_map(Token::word).collect::<Vec<_>>();
    if let Some(hedge) = words.iter().find(|word| HEDGES.contains(word)) {
        return no(&format!("\u{201c}{hedge}\u{201d} makes it a request that the rules cannot weigh"));
    }
    let mut rest = Rest(without_reason(&all));
    rest.skip(POLITE);
    for polite in ["could", "can", "would"] {
        if rest.0.first().and_then(Token::word) == Some(polite)
            && rest.0.get(1).and_then(Token::word) == Some("you")
        {
            rest.0 = &rest.0[2..];
        }
    }
    rest.skip(POLITE);
    let number = rest.prefix();
    rest.skip(POLITE);
    let denied = rest.denial();
    if denied {
        rest.skip(POLITE);
        return match rest.dropping(number) {
            Some(numbers) => Ok(Request::Keep(numbers)),
            None => no("it says what not to do; say what to do"),
        };
    }
    let attempts: [fn(Rest<'_>, Option<usize>) -> Attempt; 5] =
        [link, other_words, dropping, keeping, moving];
    for attempt in attempts {
        if let ControlFlow::Break(read) = attempt(rest, number) {
            return read;
        }
    }
    no("the rules do not understand it")
}

type Attempt = ControlFlow<Result<Request, NotRead>>;

fn no<T>(why: &str) -> Result<T, NotRead> {
    Err(NotRead(why.to_owned()))
}

fn denies(word: &str) -> bool {
    let whole =
        ["not", "no", "never", "none", "nothing", "neither", "nor", "without", "cannot", "dont", "stop"];
    whole.contains(&word) || word.ends_with("n't")
}

/// Up to where it is told why.
fn without_reason(all: &[Token]) -> &[Token] {
    let reason = |token: &Token| matches!(token.word(), Some("because" | "since"));
    let end = all.iter().position(reason).filter(|at| *at > 0).unwrap_or(all.len());
    &all[..end]
}

fn dropping(rest: Rest<'_>, number: Option<usize>) -> Attempt {
    if let Some(numbers) = rest.dropping(number) {
        return ControlFlow::Break(Ok(Request::LeaveOut(numbers)));
    }
    let mut drops = rest;
    if drops.take(DROPS).is_some() {
        let named = drops.numbers().is_some();
        return ControlFlow::Break(if named {
            no("the rest of the line is not understood")
        } else {
            no("name the operation by its number, as in \u{201c}drop operation 2\u{201d}")
        });
    }
    ControlFlow::Continue(())
}

/// `keep operation 2`, `put operation 2 back`.
fn keeping(mut rest: Rest<'_>, named: Option<usize>) -> Attempt {
    if rest.take(&["keep", "leave"]).is_some() {
        if let Some(numbers) = rest.numbers_or(named) {
            rest.skip(&["in", "as", "it", "is", "they", "are", "there", "untouched"]);
            if rest.is_over() {
                return ControlFlow::Break(Ok(Request::Keep(numbers)));
            }
        }
        return ControlFlow::Continue(());
    }
    let restores = rest.take(&["restore", "reinstate"]).is_some();
    if restores || rest.take(&["put", "bring", "add", "take"]).is_some() {
        let back = rest.take(&["back"]).is_some() || restores;
        if let Some(numbers) = rest.numbers_or(named) {
            let back = rest.take(&["back", "again"]).is_some() || back;
            rest.skip(&["in"]);
            if back && rest.is_over() {
                return ControlFlow::Break(Ok(Request::BringBack(numbers)));
            }
        }
    }
    ControlFlow::Continue(())
}

/// `operation 2 before step 3`, `move it after step 1`.
fn moving(mut rest: Rest<'_>, mut number: Option<usize>) -> Attempt {
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
fn link(mut rest: Rest<'_>, mut number: Option<usize>) -> Attempt {
    rest.take(&["the"]);
    if rest.take(LINKS).is_none() {
        return ControlFlow::Continue(());
    }
    let stop = |why: &str| ControlFlow::Break(no(why));
    let (mut addresses, mut words) = (Vec::new(), Vec::new());
    while let Some(token) = rest.0.first() {
        if let Some(numbers) = rest.numbers() {
            let ([one], true) = (numbers.as_slice(), number.is_none()) else {
                return stop("it names several operations");
            };
            number = Some(*one);
            continue;
        }
        if let Some(end) = contrast(rest.0) {
            rest.0 = &rest.0[end..];
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

/// `say "x" instead of "y"`, `change "y" to "x"`, `word it "x"`.
fn other_words(mut rest: Rest<'_>, mut number: Option<usize>) -> Attempt {
    rest.skip(&["it", "should", "must", "to"]);
    let verb = rest.take(WORDS).map(|_| true).or_else(|| rest.take(CHANGES).map(|_| false));
    let Some(says) = verb else { return ControlFlow::Continue(()) };
    let (mut quotes, mut between) = (Vec::new(), String::new());
    while let Some(token) = rest.0.first() {
        if let Some(numbers) = rest.numbers() {
            let ([one], true) = (numbers.as_slice(), number.is_none()) else {
                return ControlFlow::Break(no("it names several operations"));
            };
            number = Some(*one);
            continue;
        }
        match token {
            Token::Quote(text) => quotes.push(text.clone()),
            Token::Word(word) if quotes.len() == 1 => {
                between.push_str(word);
                between.push(' ');
            }
            Token::Word(word) if AROUND.contains(&word.as_str()) || TAIL.contains(&word.as_str()) => {}
            Token::Mark(_) => {}
            Token::Word(_) | Token::Address(_) => {
                return ControlFlow::Break(no(
                    "quote the new words and the old ones, as in: say \"promote\" instead of \"fail over\"",
                ));
            }
        }
        rest.step();
    }
    let instead = ["instead of", "rather than", "not", "and not"].contains(&between.trim());
    let becomes = ["to", "with", "by", "into", "as"].contains(&between.trim());
    let harmless = between.split_whitespace().all(|word| AROUND.contains(&word) || TAIL.contains(&word));
    ControlFlow::Break(match (<[String; 2]>::try_from(quotes), says) {
        (Ok([new, old]), _) if instead => Ok(Request::Say { number, new, old }),
        (Ok([old, new]), false) if becomes => Ok(Request::Say { number, new, old }),
        (Err(one), true) if one.len() == 1 && harmless => {
            Ok(Request::Word { number, new: one.into_iter().next().unwrap_or_default() })
        }
        _ => no("quote the new words and the old ones, as in: say \"promote\" instead of \"fail over\""),
    })
}

#[cfg(test)]
mod tests;
