//! A reviewer's note, line by line: what it asks for is done to the operations, or it is said plainly that it is not.
//!
//! Never: a line without an answer; a request half followed and called done.

use super::{
    chatter,
    draft::Wanted,
    facts::{Asks, Facts},
    place, words,
};
use crate::row::page::{Action, Block, Outline, Piece};

/// Answers that a rationale has room for.
const ANSWERS_MAX: usize = 16;

/// One line of a note, and what was done about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answered {
    by: String,
    line: String,
    /// What was done; else why nothing was.
    outcome: Result<String, String>,
}

impl Answered {
    /// `marcus asked: “Link the workflow by its file.” Done: …`
    pub(super) fn sentence(&self) -> String {
        let asked = format!("{} asked: {}", self.by, words::quoted(&self.line));
        match &self.outcome {
            Ok(done) => format!("{asked} Done: {done}."),
            Err(why) => format!("{asked} Not followed: {why}."),
        }
    }
}

/// Follows all notes in their order; gives the answers to those about the last revision.
pub(super) fn follow(
    asks: &[Asks],
    wanted: &mut Vec<Wanted>,
    facts: &Facts,
    outline: &Outline,
) -> Vec<Answered> {
    let mut answers = Vec::new();
    for asks in asks {
        // Numbers are those that the reviewer saw: what is dropped leaves a gap until the note is through.
        let mut numbered: Vec<Option<Wanted>> = wanted.drain(..).map(Some).collect();
        let answered = answer(asks, &mut numbered, facts, outline);
        answers.extend(answered.into_iter().filter(|_| asks.same));
        wanted.extend(numbered.into_iter().flatten());
        wanted.sort_by_key(|one| one.at);
    }
    answers.truncate(ANSWERS_MAX);
    answers
}

/// Follows what was asked of the last revision, which reviewers amended: what was asked before is in it, or was undone by
/// them. The numbers are that revision's, with gaps where an operation no longer fits the page.
pub(super) fn follow_amended(
    asks: &[Asks],
    mut numbered: Vec<Option<Wanted>>,
    facts: &Facts,
    outline: &Outline,
) -> (Vec<Wanted>, Vec<Answered>) {
    let of_last = asks.iter().filter(|asks| asks.same);
    let mut answers: Vec<_> = of_last.flat_map(|asks| answer(asks, &mut numbered, facts, outline)).collect();
    answers.truncate(ANSWERS_MAX);
    let mut wanted: Vec<_> = numbered.into_iter().flatten().collect();
    wanted.sort_by_key(|one| one.at);
    (wanted, answers)
}

fn answer(asks: &Asks, numbered: &mut [Option<Wanted>], facts: &Facts, outline: &Outline) -> Vec<Answered> {
    let answer = |line: &str| {
        let outcome = one(line, numbered, facts, outline);
        Answered { by: asks.by.clone(), line: line.to_owned(), outcome }
    };
    lines(&asks.note).map(answer).collect()
}

/// Lines and sentences, without what marks them as a list.
fn lines(note: &str) -> impl Iterator<Item = &str> {
    let sentences =
        note.lines().flat_map(|line| line.split_inclusive(". ").flat_map(|part| part.split("; ")));
    let bare = |line: &'_ str| line.trim().trim_start_matches(['-', '*', '\u{2022}']).trim().len();
    sentences
        .filter(move |line| bare(line) > 0)
        .map(|line| line.trim().trim_start_matches(['-', '*', '\u{2022}']).trim())
}

fn one(
    line: &str,
    wanted: &mut [Option<Wanted>],
    facts: &Facts,
    outline: &Outline,
) -> Result<String, String> {
    let lower = line.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    if says(&["drop ", "remove ", "strike ", "leave out ", "delete "]) {
        return drop_one(&lower, wanted);
    }
    if says(&["link"]) && says(&["file", "definition", "source", ".yml", ".yaml"]) {
        return link_file(wanted, facts);
    }
    if let Some((side, number)) = place_of(&lower) {
        return move_to(&lower, side, number, wanted, outline);
    }
    if says(&["say ", "call it", "word it", "write ", "rename", "instead of"]) {
        return reword(line, wanted);
    }
    Err("the rules do not know how; edit the operation yourself, or decline".to_owned())
}

/// `operation 2`, `the second one` is not read: a number is.
fn number_after(lower: &str, words: &[&str]) -> Option<usize> {
    words.iter().find_map(|word| {
        let at = lower.find(word)? + word.len();
        let digits: String = lower[at..].chars().take_while(char::is_ascii_digit).collect();
        digits.parse().ok()
    })
}

fn operation_of(lower: &str, wanted: &[Option<Wanted>]) -> Result<usize, String> {
    let named = number_after(lower, &["operation ", "change ", "op ", "#"]);
    let left: Vec<usize> = (0..wanted.len()).filter(|at| wanted[*at].is_some()).collect();
    match (named, left.as_slice()) {
        (Some(number), _) => {
            let at = number.checked_sub(1).filter(|at| left.contains(at));
            at.ok_or_else(|| format!("there is no operation {number}"))
        }
        (None, [only]) => Ok(*only),
        (None, []) => Err("there is no operation left".to_owned()),
        (None, several) => {
            Err(format!("which of the {} operations is meant? Name it by its number", several.len()))
        }
    }
}

fn drop_one(lower: &str, wanted: &mut [Option<Wanted>]) -> Result<String, String> {
    let named = number_after(lower, &["operation ", "change ", "op ", "#"]);
    if named.is_none() {
        return Err("name the operation by its number, as in \u{201c}drop operation 2\u{201d}".to_owned());
    }
    let at = operation_of(lower, wanted)?;
    let dropped = wanted.get_mut(at).and_then(Option::take);
    dropped
        .map(|one| format!("left out: {}", words::small(&one.phrase)))
        .ok_or_else(|| "it is gone already".to_owned())
}

/// The address of a workflow's file: as somebody gave it, else its page on GitHub by the name that somebody gave.
fn link_file(wanted: &mut [Option<Wanted>], facts: &Facts) -> Result<String, String> {
    let linked = wanted.iter_mut().flatten().find_map(|one| match &mut one.operation.action {
        Action::MarkDeprecated { instead } => instead.iter_mut().find_map(|piece| match piece {
            Piece::Link { url, .. } => Some(url),
            Piece::Plain(_) | Piece::Strong(_) | Piece::Code(_) => None,
        }),
        _ => None,
    });
    let Some(url) = linked else { return Err("no operation links anything".to_owned()) };
    let file = file_of(url, facts).ok_or("nobody named the file, and it cannot be told from the link")?;
    let name = file.rsplit('/').next().unwrap_or(&file).to_owned();
    if *url == file {
        return Ok(format!("it links the file {name} already"));
    }
    *url = file;
    Ok(format!("it links the file {name} now"))
}

fn file_of(link: &str, facts: &Facts) -> Option<String> {
    let is_file = |text: &str| {
        let path = text.split(['?', '#']).next().unwrap_or(text);
        std::path::Path::new(path).extension().is_some_and(|end| end == "yml" || end == "yaml")
    };
    if is_file(link) {
        return Some(link.to_owned());
    }
    // The same repository: an address that only looks like it is another one.
    let repository = link.split("/actions/").next().filter(|before| before.len() < link.len())?;
    let ours = |url: &&str| url.strip_prefix(repository).is_some_and(|rest| rest.starts_with('/'));
    let said =
        facts.story.said.known().map(Vec::as_slice).unwrap_or_default().iter().rev().filter(|said| !said.bot);
    let texts: Vec<&str> = said.map(|said| said.text.as_str()).collect();
    let given = texts.iter().find_map(|text| chatter::links(text).filter(ours).find(|url| is_file(url)));
    given.map(str::to_owned).or_else(|| {
        let words =
            texts.iter().flat_map(|text| text.split(|c: char| c.is_whitespace() || "`(),".contains(c)));
        let mut named = words.filter(|word| !word.contains("://") && is_file(word));
        let name = named.find_map(|word| word.rsplit('/').next())?;
        Some(format!("{repository}/actions/workflows/{name}"))
    })
}

/// `before step 3`.
fn place_of(lower: &str) -> Option<(chatter::Side, u32)> {
    let side = |words: &[&str], side| number_after(lower, words).map(|number| (side, number));
    let found = side(&["before step "], chatter::Side::Before)
        .or_else(|| side(&["after step "], chatter::Side::After));
    found.and_then(|(side, number)| Some((side, u32::try_from(number).ok()?)))
}

fn move_to(
    lower: &str,
    side: chatter::Side,
    number: u32,
    wanted: &mut [Option<Wanted>],
    outline: &Outline,
) -> Result<String, String> {
    let at = operation_of(lower, wanted)?;
    let to = place::step(outline, number).ok_or_else(|| format!("the page has no step {number}"))?;
    let one = wanted.get_mut(at).and_then(Option::as_mut).ok_or("it is gone already")?;
    if let Some(why) = theirs(one) {
        return Err(why);
    }
    let (Action::InsertBefore { blocks } | Action::InsertAfter { blocks }) = &one.operation.action else {
        return Err(format!("operation {} inserts nothing that could be moved", at + 1));
    };
    let blocks = blocks.clone();
    one.operation.action = match side {
        chatter::Side::Before => Action::InsertBefore { blocks },
        chatter::Side::After => Action::InsertAfter { blocks },
    };
    one.operation.anchor = place::anchor(&outline.passages[to]);
    one.at = to;
    let before = [" before ", " after "].iter().filter_map(|cut| one.phrase.rfind(cut)).max();
    let head = before.map_or(one.phrase.as_str(), |at| &one.phrase[..at]).to_owned();
    one.phrase = format!("{head} {} step {number}", side.word());
    Ok(format!("it stands {} step {number} now", side.word()))
}

/// `say “promote” instead of “fail over”`, `say "x", not "y"`: two quotations, the new words first.
fn reword(line: &str, wanted: &mut [Option<Wanted>]) -> Result<String, String> {
    let quotes = ['"', '\u{201c}', '\u{201d}', '`'];
    let quoted: Vec<&str> = line.split(quotes).skip(1).step_by(2).filter(|text| !text.is_empty()).collect();
    let [new, old] = quoted.as_slice() else {
        return Err("quote the new words and the old ones, as in: say \"promote\" instead of \"fail over\""
            .to_owned());
    };
    let (mut count, mut kept) = (0, None);
    for one in wanted.iter_mut().flatten() {
        let theirs = theirs(one);
        let pieces: Vec<&mut Piece> = match &mut one.operation.action {
            Action::InsertBefore { blocks } | Action::InsertAfter { blocks } | Action::Replace { blocks } => {
                blocks.iter_mut().flat_map(text_of).collect()
            }
            Action::MarkDeprecated { instead } => instead.iter_mut().collect(),
            Action::ReplaceValue { .. } => Vec::new(),
        };
        for piece in pieces {
            let (Piece::Plain(text) | Piece::Strong(text) | Piece::Code(text) | Piece::Link { text, .. }) =
                piece;
            if text.contains(*old) && theirs.is_some() {
                kept.clone_from(&theirs);
            } else if text.contains(*old) {
                *text = text.replace(*old, new);
                count += 1;
            }
        }
        if count > 0 && theirs.is_none() {
            one.phrase = one.phrase.replace(*old, new);
        }
    }
    match (count, kept) {
        (0, Some(why)) => Err(why),
        (0, None) => Err(format!("{} stands in no operation", words::quoted(old))),
        _ => Ok(format!("it says {} now", words::quoted(new))),
    }
}

/// A reviewer's words are changed by reviewers alone.
fn theirs(one: &Wanted) -> Option<String> {
    let by = one.operation.by.as_ref()?;
    Some(format!("it holds {by}'s words, which are a reviewer's to change; amend it yourself"))
}

fn text_of(block: &mut Block) -> Vec<&mut Piece> {
    match block {
        Block::Heading { text, .. } | Block::Paragraph { text } | Block::Item { text, .. } => {
            text.iter_mut().collect()
        }
        Block::Table { rows } => rows.iter_mut().flatten().flatten().collect(),
        Block::Code { .. } => Vec::new(),
    }
}
