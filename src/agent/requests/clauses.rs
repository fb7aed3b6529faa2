//! A note as the wishes in it: several may stand in one line, joined by `and`, `then`, a comma or a semicolon.
//!
//! A line is cut only where a request begins behind the join, and then each part has to be understood by itself, or
//! nothing of the line is. Words of the reviewer's own (a step to add, what set it off) are cut where what follows is a
//! request by itself, and nowhere else.
//! Never: a cut within a quotation; a wish made of what stands behind a denial.

use std::ops::Range;

use super::{
    grammar::{NotRead, POLITE},
    tokens::{self, closing},
    words,
};

/// What a flow's notes can ask for.
pub(in crate::agent) trait Wish: Clone {
    /// With which words a request begins, beside those of [`BEGINS`].
    const BEGINS: &'static [&'static str];
    /// What its numbers count, as notes call it.
    const COUNTED: &'static [&'static str];

    /// One request, and nothing beside it.
    fn read(line: &str) -> Result<Self, NotRead>;

    /// It ends in words of the reviewer's own.
    fn ends_in_words(&self) -> bool;

    /// The sentences behind it may be more of those words.
    fn goes_on(&self) -> bool {
        self.ends_in_words()
    }

    /// A `not` in it says what something is said or linked instead of.
    fn contrasts(&self) -> bool;
}

/// With which words a request of any kind begins.
const BEGINS: &[&str] = &[
    "drop",
    "remove",
    "strike",
    "delete",
    "omit",
    "leave",
    "take",
    "cross",
    "keep",
    "restore",
    "reinstate",
    "put",
    "bring",
    "add",
    "insert",
    "say",
    "write",
    "call",
    "word",
    "reword",
    "phrase",
    "rephrase",
    "change",
    "replace",
    "rename",
    "use",
];

/// Places where one line may be cut; who wants more writes more lines.
const CUTS_MAX: usize = 16;
/// Words that say what not to do.
const FORBIDS: &[&str] = &["don't", "dont", "never", "stop", "avoid"];

/// A place where a line may be cut: where its head ends, and where what follows begins.
#[derive(Debug, Clone, Copy)]
struct Cut {
    head: usize,
    rest: usize,
    /// More than a bare `and` or comma.
    strong: bool,
}

/// Lines and sentences of a note; the sentences of somebody's own words stay together, where those may go on.
pub(in crate::agent) fn lines<R: Wish>(note: &str) -> Vec<&str> {
    note.lines().map(tokens::bare).flat_map(sentences::<R>).collect()
}

fn sentences<R: Wish>(line: &str) -> Vec<&str> {
    let mut found: Vec<Range<usize>> = Vec::new();
    for next in tokens::sentences(line) {
        match found.last_mut() {
            Some(last) if is_more::<R>(&line[last.clone()], &line[next.clone()]) => last.end = next.end,
            _ => found.push(next),
        }
    }
    let texts = found.into_iter().map(|range| line[range].trim());
    texts.filter(|text| !text.is_empty()).collect()
}

/// More of somebody's own words, and nothing that is asked or asked for.
fn is_more<R: Wish>(before: &str, next: &str) -> bool {
    let own = || wishes::<R>(before).is_ok_and(|all| all.last().is_some_and(|(_, last)| last.goes_on()));
    let polite = next.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).all(is_polite);
    !polite && !next.contains('?') && !is_meant::<R>(next) && wishes::<R>(next).is_err() && own()
}

fn is_polite(word: &str) -> bool {
    let word = word.to_lowercase();
    POLITE.contains(&word.as_str()) || ["thank", "you", "cheers"].contains(&word.as_str())
}

/// What a line asks for, each with its words; all of it, or why none of it.
pub(in crate::agent) fn wishes<R: Wish>(line: &str) -> Result<Vec<(&str, R)>, NotRead> {
    let cuts = cuts::<R>(line);
    if cuts.len() > CUTS_MAX {
        return Err(NotRead("it asks for too many things at once; write one a line".to_owned()));
    }
    // From the right: what stands behind each cut is read once.
    let mut behind: Vec<Read<'_, R>> = Vec::new();
    for at in (0..cuts.len()).rev() {
        let read = part(&line[cuts[at].rest..], (line, &cuts[at + 1..]), &behind);
        behind.push(read);
    }
    part(line, (line, &cuts), &behind).map_err(|why| in_part(why, line))
}

/// The wishes of a part of a line; else the part that is not understood, and why.
type Read<'a, R> = Result<Vec<(&'a str, R)>, (&'a str, NotRead)>;

/// Why, and which part of the line it is about.
fn in_part((part, NotRead(why)): (&str, NotRead), line: &str) -> NotRead {
    if part.trim() == line.trim() {
        return NotRead(why);
    }
    NotRead(format!("of it, {} is not understood, and nothing of it was done: {why}", words::quoted(part)))
}

/// A part of the line, which goes to its end. `cuts` are those within it; `behind` has what stands behind each, the last
/// first.
fn part<'a, R: Wish>(text: &'a str, (line, cuts): (&'a str, &[Cut]), behind: &[Read<'a, R>]) -> Read<'a, R> {
    let whole = R::read(text);
    let Some(cut) = cuts.first() else {
        return whole.map(|wish| vec![(text, wish)]).map_err(|why| (text, why));
    };
    let head = |cut: &Cut| &text[..cut.head - (line.len() - text.len())];
    let own = |wish: R| wish.ends_in_words();
    match whole {
        Ok(wish) if wish.ends_in_words() && R::read(head(cut)).map_or(true, own) => {
            for (at, cut) in cuts.iter().enumerate().filter(|(_, cut)| cut.strong) {
                let follows = &behind[cuts.len() - 1 - at];
                if follows.is_ok() || is_meant::<R>(&line[cut.rest..]) {
                    return followed((head(cut), *cut), follows, text);
                }
            }
            Ok(vec![(text, wish)])
        }
        Ok(_) | Err(_) => followed((head(cut), *cut), &behind[cuts.len() - 1], text),
    }
}

/// One wish, and those behind it.
fn followed<'a, R: Wish>((head, cut): (&'a str, Cut), behind: &Read<'a, R>, text: &'a str) -> Read<'a, R> {
    let wish = R::read(head).map_err(|why| (head, why))?;
    let behind = behind.as_ref().map_err(|(part, NotRead(why))| (*part, NotRead(why.clone())))?;
    joined(head, cut, &wish).map_err(|why| (text, why))?;
    Ok(std::iter::once((head, wish)).chain(behind.iter().cloned()).collect())
}

/// Whether a request may stand behind this one, so joined.
fn joined<R: Wish>(head: &str, cut: Cut, wish: &R) -> Result<(), NotRead> {
    if wish.ends_in_words() {
        return if forbids(head) { Err(denied()) } else { Ok(()) };
    }
    let (asked, reason) = reason(head);
    if denies(asked) && !(wish.contrasts() && cut.strong) {
        return Err(denied());
    }
    if reason && !cut.strong {
        return Err(NotRead(
            "what follows the reason may belong to it; write one request a line, or \u{201c}, and\u{201d} before the next"
                .to_owned(),
        ));
    }
    Ok(())
}

fn denied() -> NotRead {
    NotRead("what follows what is not to be done may be meant so too; write one request a line".to_owned())
}

/// What is asked, and whether a reason is told behind it.
fn reason(head: &str) -> (&str, bool) {
    let lower = head.to_ascii_lowercase();
    let at = ["because", "since"].iter().filter_map(|word| lower.find(word)).filter(|at| *at > 0).min();
    at.map_or((head, false), |at| (&head[..at], true))
}

fn denies(text: &str) -> bool {
    tokens::tokens(text)
        .is_ok_and(|all| all.iter().filter_map(tokens::Token::word).any(super::grammar::denies))
}

fn forbids(text: &str) -> bool {
    let lower = text.to_lowercase().replace('\u{2019}', "'");
    let words: Vec<&str> =
        lower.split(|c: char| !c.is_alphanumeric() && c != '\'').filter(|word| !word.is_empty()).collect();
    words.iter().any(|word| FORBIDS.contains(word)) || words.windows(2).any(|two| two == ["do", "not"])
}

/// It begins as a request and names what notes number: a request, understood or not.
fn is_meant<R: Wish>(text: &str) -> bool {
    let lower = text.to_lowercase();
    let counted = |word: &str| R::COUNTED.contains(&word.trim_matches(|c: char| !c.is_alphanumeric()));
    begins::<R>(text) && lower.split_whitespace().any(counted)
}

/// A request begins here, as far as its first word tells.
fn begins<R: Wish>(text: &str) -> bool {
    let lower = text.to_lowercase().replace('\u{2019}', "'");
    let bare =
        |word: &str| word.trim_matches(|c: char| !c.is_alphanumeric() && c != '\'' && c != '#').to_owned();
    let mut words = lower.split_whitespace().map(bare).filter(|word| !word.is_empty());
    let mut word = words.next();
    while word.as_deref().is_some_and(is_polite) {
        word = words.next();
    }
    match word.as_deref() {
        Some("do") => words.next().is_some_and(|word| word == "not"),
        Some("could" | "can" | "would") => words.next().is_some_and(|word| word == "you"),
        Some(word) => {
            BEGINS.contains(&word) || R::BEGINS.contains(&word) || ["don't", "dont", "never"].contains(&word)
        }
        None => false,
    }
}

/// Where a request begins behind a join, outside quotations, from left to right.
fn cuts<R: Wish>(line: &str) -> Vec<Cut> {
    let (mut found, mut until, mut after): (Vec<Cut>, Option<char>, usize) = (Vec::new(), None, 0);
    for (at, c) in line.char_indices() {
        if until.is_some() {
            until = until.filter(|end| *end != c);
            continue;
        }
        until = closing(c).filter(|end| line[at + c.len_utf8()..].contains(*end));
        if at < after {
            continue;
        }
        let Some((length, strong)) = join(&line[at..]).filter(|_| at > 0) else { continue };
        after = at + length;
        if begins::<R>(&line[after..]) {
            found.push(Cut { head: at, rest: after, strong });
        }
    }
    found
}

/// How long a join is that begins here, and whether it is more than a bare `and` or comma.
fn join(text: &str) -> Option<(usize, bool)> {
    let bare = text.trim_start_matches([' ', '\t']);
    let mark = bare.starts_with([',', ';', '.', '!']);
    let mut strong = bare.starts_with([';', '.', '!']);
    let mut rest = if mark { &bare[1..] } else { text };
    let mut words = 0;
    for word in ["and", "then", "also"] {
        let bare = rest.trim_start_matches([' ', '\t']);
        let is = bare.get(..word.len()).is_some_and(|is| is.eq_ignore_ascii_case(word));
        if is && bare.len() < rest.len() && bare[word.len()..].starts_with([' ', '\t', ',']) {
            rest = bare[word.len()..].trim_start_matches(',');
            words += 1;
            strong |= word != "and";
        }
    }
    strong |= mark && words > 0;
    let spaced = rest.starts_with([' ', '\t']);
    let length = text.len() - rest.trim_start_matches([' ', '\t']).len();
    ((mark || words > 0) && spaced).then_some((length, strong))
}
