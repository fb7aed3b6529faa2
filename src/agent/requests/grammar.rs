//! What one line of a note asks of things that are numbered, read word by word.
//!
//! A line is understood whole or not at all: what is left over, what denies, what depends on something, makes it a line
//! that the rules do not understand.
//! Never: a word that turns the meaning passed over.

use std::ops::ControlFlow;

pub(in crate::agent) use super::{
    rest::Rest,
    tokens::{Token, after_verb, tokens},
};

/// What can be asked of anything that is numbered, from 1, as the reviewer saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::agent) enum Common {
    LeaveOut(Vec<usize>),
    Keep(Vec<usize>),
    BringBack(Vec<usize>),
    Say { number: Option<usize>, new: String, old: String },
    Word { number: Option<usize>, new: String },
}

/// What the numbers of a line count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::agent) struct Noun {
    /// As messages name it: `operation`.
    pub(in crate::agent) one: &'static str,
    /// All that notes call it.
    pub(in crate::agent) words: &'static [&'static str],
    /// A number alone, as `#2`, is one of these.
    pub(in crate::agent) bare: bool,
}

/// Why a line is not followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::agent) struct NotRead(pub(in crate::agent) String);

pub(super) const POLITE: &[&str] =
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
pub(in crate::agent) const DROPS: &[&str] = &["drop", "remove", "strike", "delete", "omit"];
pub(in crate::agent) const WORDS: &[&str] = &["say", "write", "call", "word", "reword", "phrase", "rephrase"];
const CHANGES: &[&str] = &["change", "replace", "rename", "use"];
/// What may follow a request and adds nothing to it.
pub(in crate::agent) const TAIL: &[&str] =
    &["entirely", "altogether", "completely", "again", "too", "please", "thanks", "now"];
/// What may stand around quotations in a request for other words.
const AROUND: &[&str] = &[
    "it", "the", "step", "text", "value", "in", "of", "as", "like", "this", "that", "so", "should", "must",
    "be", "read", "reads", "with", "to", "by", "into", "here", "there", "its",
];

/// How a line begins: what is left of it, the number that it names first, and whether it says what not to do.
pub(in crate::agent) struct Begun<'a> {
    pub(in crate::agent) rest: Rest<'a>,
    pub(in crate::agent) number: Option<usize>,
    pub(in crate::agent) denied: bool,
}

/// Takes what is polite off a line that could ask for something.
pub(in crate::agent) fn begin<'a>(all: &'a [Token], noun: &'static Noun) -> Result<Begun<'a>, NotRead> {
    if all.contains(&Token::Mark('?')) {
        return no("it is a question; the rules answer none");
    }
    let words = all.iter().filter_map(Token::word).collect::<Vec<_>>();
    if let Some(hedge) = words.iter().find(|word| HEDGES.contains(word)) {
        return no(&format!("\u{201c}{hedge}\u{201d} makes it a request that the rules cannot weigh"));
    }
    let mut rest = Rest { left: without_reason(all), noun };
    rest.skip(POLITE);
    for polite in ["could", "can", "would"] {
        if rest.left.first().and_then(Token::word) == Some(polite)
            && rest.left.get(1).and_then(Token::word) == Some("you")
        {
            rest.left = &rest.left[2..];
        }
    }
    rest.skip(POLITE);
    let number = rest.prefix();
    rest.skip(POLITE);
    let denied = rest.denial();
    if denied {
        rest.skip(POLITE);
    }
    Ok(Begun { rest, number, denied })
}

/// `do not drop operation 2`.
pub(in crate::agent) fn denied(begun: &Begun<'_>) -> Result<Common, NotRead> {
    match begun.rest.dropping(begun.number) {
        Some(numbers) => Ok(Common::Keep(numbers)),
        None => no("it says what not to do; say what to do"),
    }
}

pub(in crate::agent) type Attempt<R> = ControlFlow<Result<R, NotRead>>;

pub(in crate::agent) fn no<T>(why: &str) -> Result<T, NotRead> {
    Err(NotRead(why.to_owned()))
}

pub(in crate::agent) fn denies(word: &str) -> bool {
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

pub(in crate::agent) fn dropping(rest: Rest<'_>, number: Option<usize>) -> Attempt<Common> {
    if let Some(numbers) = rest.dropping(number) {
        return ControlFlow::Break(Ok(Common::LeaveOut(numbers)));
    }
    let mut drops = rest;
    if drops.take(DROPS).is_some() {
        let named = drops.numbers().is_some();
        return ControlFlow::Break(if named {
            no("the rest of the line is not understood")
        } else {
            let one = rest.noun.one;
            no(&format!("name the {one} by its number, as in \u{201c}drop {one} 2\u{201d}"))
        });
    }
    ControlFlow::Continue(())
}

/// `keep operation 2`, `put operation 2 back`.
pub(in crate::agent) fn keeping(mut rest: Rest<'_>, named: Option<usize>) -> Attempt<Common> {
    if rest.take(&["keep", "leave"]).is_some() {
        if let Some(numbers) = rest.numbers_or(named) {
            rest.skip(&["in", "as", "it", "is", "they", "are", "there", "untouched"]);
            if rest.is_over() {
                return ControlFlow::Break(Ok(Common::Keep(numbers)));
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
                return ControlFlow::Break(Ok(Common::BringBack(numbers)));
            }
        }
    }
    ControlFlow::Continue(())
}

/// `say "x" instead of "y"`, `change "y" to "x"`, `word it "x"`.
pub(in crate::agent) fn other_words(mut rest: Rest<'_>, mut number: Option<usize>) -> Attempt<Common> {
    rest.skip(&["it", "should", "must", "to"]);
    let verb = rest.take(WORDS).map(|_| true).or_else(|| rest.take(CHANGES).map(|_| false));
    let Some(says) = verb else { return ControlFlow::Continue(()) };
    let (mut quotes, mut between) = (Vec::new(), String::new());
    while let Some(token) = rest.left.first() {
        if let Some(numbers) = rest.numbers() {
            let ([one], true) = (numbers.as_slice(), number.is_none()) else {
                return ControlFlow::Break(no(&format!("it names several {}s", rest.noun.one)));
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
        (Ok([new, old]), _) if instead => Ok(Common::Say { number, new, old }),
        (Ok([old, new]), false) if becomes => Ok(Common::Say { number, new, old }),
        (Err(one), true) if one.len() == 1 && harmless => {
            Ok(Common::Word { number, new: one.into_iter().next().unwrap_or_default() })
        }
        _ => no("quote the new words and the old ones, as in: say \"promote\" instead of \"fail over\""),
    })
}
