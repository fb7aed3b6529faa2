//! A note as lines, and a line as words, quotations, addresses and marks.
//!
//! Never: a quotation's words taken for the reviewer's own.

use std::ops::Range;

/// A part of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::agent) enum Token {
    /// In small letters.
    Word(String),
    Quote(String),
    Address(String),
    Mark(char),
}

impl Token {
    pub(in crate::agent) fn word(&self) -> Option<&str> {
        match self {
            Self::Word(word) => Some(word),
            Self::Quote(_) | Self::Address(_) | Self::Mark(_) => None,
        }
    }
}

/// What ends a quotation that begins so.
pub(super) fn closing(open: char) -> Option<char> {
    match open {
        '"' | '`' => Some(open),
        '\u{201c}' => Some('\u{201d}'),
        _ => None,
    }
}

/// Without the sign or number of a list.
pub(super) fn bare(line: &str) -> &str {
    let line = line.trim().trim_start_matches(['-', '*', '\u{2022}']).trim_start();
    let rest = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let numbered = (rest.len() < line.len()).then(|| rest.strip_prefix(['.', ')'])).flatten();
    numbered.filter(|rest| rest.starts_with(' ')).unwrap_or(line).trim()
}

/// Where the sentences of a line stand; a quotation is never cut.
pub(super) fn sentences(line: &str) -> Vec<Range<usize>> {
    let (mut found, mut begin, mut until) = (Vec::new(), 0, None);
    let mut letters = line.char_indices().peekable();
    while let Some((at, c)) = letters.next() {
        if until.is_some() {
            until = until.filter(|end| *end != c);
            continue;
        }
        until = closing(c).filter(|end| line[at + c.len_utf8()..].contains(*end));
        let ends = matches!(c, '.' | '!') && letters.peek().is_some_and(|(_, next)| *next == ' ');
        if ends || c == ';' {
            found.push(begin..if ends { at + 1 } else { at });
            begin = at + 1;
        }
    }
    found.push(begin..line.len());
    found
}

/// The words between a verb and a colon, in small letters, and the text behind it: of `Add a step: Check it` (`a`, `step`)
/// and `Check it`.
pub(in crate::agent) fn after_verb<'a>(line: &'a str, verbs: &[&str]) -> Option<(Vec<String>, &'a str)> {
    let (head, text) = line.split_once(':')?;
    let lower = head.to_lowercase();
    let mut words =
        lower.split_whitespace().skip_while(|word| ["please", "also", "and", "then"].contains(word));
    let text = text.trim();
    let asked = words.next().is_some_and(|verb| verbs.contains(&verb)) && !text.is_empty();
    asked.then(|| (words.map(str::to_owned).collect(), text))
}

/// The parts of a line, or why it has none that can be told apart.
pub(in crate::agent) fn tokens(line: &str) -> Result<Vec<Token>, String> {
    let mut found = Vec::new();
    let mut rest = line.trim_start();
    while let Some(first) = rest.chars().next() {
        if let Some(close) = closing(first) {
            let body = &rest[first.len_utf8()..];
            let Some(end) = body.find(close) else {
                return Err("a quotation in it is not closed".to_owned());
            };
            found.push(Token::Quote(body[..end].to_owned()));
            rest = &body[end + close.len_utf8()..];
        } else {
            let until = |c: char| c.is_whitespace() || closing(c).is_some() || "()<>|\u{2014}".contains(c);
            let end = rest.find(until).unwrap_or(rest.len());
            if end == 0 {
                found.push(Token::Mark(first));
                rest = &rest[first.len_utf8()..];
            } else {
                word(&rest[..end], &mut found)?;
                rest = &rest[end..];
            }
        }
        rest = rest.trim_start();
    }
    Ok(found)
}

/// A word with the marks behind it.
fn word(text: &str, found: &mut Vec<Token>) -> Result<(), String> {
    let bare = text.trim_end_matches([',', '.', ';', ':', '!', '?']);
    let lower = bare.to_lowercase().replace('\u{2019}', "'");
    if ["https://", "http://"].iter().any(|scheme| lower.starts_with(scheme) && lower.len() > scheme.len()) {
        found.push(Token::Address(bare.to_owned()));
    } else if let Some((scheme, what)) = lower.split_once(':')
        && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+.-".contains(c))
        && !what.is_empty()
    {
        return Err(format!("{scheme}: is no address that is linked; https:// and http:// are"));
    } else {
        let inner = lower.trim_start_matches(|c: char| !c.is_alphanumeric() && c != '#');
        if !inner.is_empty() {
            found.push(Token::Word(inner.to_owned()));
        }
    }
    found.extend(text[bare.len()..].chars().map(Token::Mark));
    Ok(())
}
