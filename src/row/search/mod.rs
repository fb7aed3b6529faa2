//! Finding rows again: the language of filters and searches, what of a row is looked through, how well it fits, and the
//! lines that show why.
//!
//! One language for the console, `[views]`, `dock rows --search` and `GET /v1/rows?q=` ([`Query`]). One reading of a row's
//! texts ([`Document`]), so that a backend, a home without it and a test find the same. One rank ([`ranked`]).
//! Never: markup in what is found. Marks are byte ranges of plain text, and whoever draws them decides how.

pub mod alike;
pub mod document;
mod excerpt;
pub mod language;
mod rank;

use std::ops::Range;

pub use document::{Document, Head, Indexed, Looked, Part};
pub use excerpt::{Match, excerpts};
pub use language::{Is, Key, NotAQuery, Query, Term, Test, Text, When, span};
pub use rank::ranked;

/// An incident as people call it: `INC-2099`, and `2099`.
pub fn incident_names(incident: &str) -> impl Iterator<Item = &str> {
    let number = incident.rsplit_once('-').map(|(_, number)| number);
    let number = number.filter(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()));
    [Some(incident), number].into_iter().flatten()
}

/// The words of a search or of a text: letters and digits, in small letters.
pub fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase)
}

/// The same words, each with the bytes that it stands on.
pub(super) fn placed(text: &str) -> Vec<(Range<usize>, String)> {
    let mut found = Vec::new();
    let mut start = None;
    for (at, c) in text.char_indices().chain([(text.len(), ' ')]) {
        match (c.is_alphanumeric(), start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                found.push((from..at, text[from..at].to_lowercase()));
                start = None;
            }
            _ => {}
        }
    }
    found
}

/// Where these words stand one after the other, by the index of the first. The last one may be only begun.
pub(super) fn runs<S: AsRef<str>>(tokens: &[S], words: &[String], begun: bool) -> Vec<usize> {
    let Some((last, before)) = words.split_last() else { return Vec::new() };
    let fits = |window: &[S]| {
        let (end, rest) = window.split_last().map_or(("", window), |(end, rest)| (end.as_ref(), rest));
        let whole = rest.iter().zip(before).all(|(token, word)| token.as_ref() == word);
        whole && if begun { end.starts_with(last.as_str()) } else { end == last }
    };
    tokens.windows(words.len()).enumerate().filter(|(_, window)| fits(window)).map(|(at, _)| at).collect()
}

#[cfg(test)]
mod tests;
