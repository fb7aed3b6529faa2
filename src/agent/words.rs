//! How agents put anything into plain English: lists, names, texts that fit.
//!
//! Never: a line break or a length that somebody else chose.

use jiff::Timestamp;

use super::facts::{Asks, Past};

pub(super) use crate::row::count::plural;

/// Names in a sentence before the rest is counted.
const LISTED: usize = 4;

/// Who said no to the same `what` before: for the signal, and as a sentence.
pub(super) fn declined_before(past: &[Past], what: &str) -> Option<(String, String)> {
    let last = past.iter().find(|past| past.same && past.decision == "decline")?;
    let says = format!("The same {what} was declined by {} at {}: {}", last.by, last.at, line(&last.note));
    Some((format!("{} declined {}", last.by, last.row), says))
}

/// `a, b and c`; many end in `and 3 more`.
pub(super) fn list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        _ if items.len() > LISTED => {
            format!("{} and {} more", items[..LISTED].join(", "), items.len() - LISTED)
        }
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// Whole minutes between two moments as they are shown, which is to the minute: whoever reads 21:51 and 22:05 counts 14,
/// whatever the seconds were.
pub(super) fn minutes_between(from: Timestamp, to: Timestamp) -> i64 {
    (to.as_second().div_euclid(60) - from.as_second().div_euclid(60)).max(0)
}

/// The text names the object as a word of its own.
pub(super) fn names(text: &str, object: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '-' || c == '_' || c == '.';
    !object.is_empty() && text.split(|c: char| !part(c)).any(|word| word.trim_matches('.') == object)
}

/// As a reader sees it: without characters that show nothing and marks that only dress it, on one line.
pub(super) fn undressed(text: &str) -> String {
    let hidden = |c: char| {
        matches!(
            c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}'
                | '*' | '`' | '~'
        )
    };
    line(&text.chars().filter(|c| !hidden(*c)).collect::<String>())
}

/// On one line: line breaks and other controls are spaces, runs of them one.
pub(super) fn line(text: &str) -> String {
    text.split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Bytes of somebody's words in a sentence.
const QUOTED_BYTES_MAX: usize = 160;

/// `“rotate Redis replica before failover”`.
pub(super) fn quoted(text: &str) -> String {
    format!("\u{201c}{}\u{201d}", cut(&line(text), QUOTED_BYTES_MAX))
}

/// One of the phrases stands in the text, word by word.
pub(super) fn says(text: &str, phrases: &[&str]) -> bool {
    let plain = text.to_lowercase().replace('’', "'");
    let part = |c: char| c.is_alphanumeric() || c == '\'' || c == '-' || c == '_';
    let words: Vec<&str> = plain.split(|c: char| !part(c)).filter(|word| !word.is_empty()).collect();
    phrases.iter().any(|phrase| {
        let phrase: Vec<&str> = phrase.split(' ').collect();
        words.windows(phrase.len()).any(|window| window == phrase)
    })
}

/// The words stand in a text as words: `5s` is not in `15s`.
pub(super) fn holds(text: &str, words: &str) -> bool {
    in_place(text, words, "\0") != text
}

/// The new words in the place of the old ones, wherever those stand as words.
pub(super) fn in_place(text: &str, old: &str, new: &str) -> String {
    if old.is_empty() {
        return text.to_owned();
    }
    let part = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let (mut out, mut done) = (String::new(), 0);
    for (at, found) in text.match_indices(old) {
        let end = at + found.len();
        let begins_within = part(old.chars().next()) && part(text[..at].chars().next_back());
        let ends_within = part(old.chars().next_back()) && part(text[end..].chars().next());
        if !begins_within && !ends_within {
            out.push_str(&text[done..at]);
            out.push_str(new);
            done = end;
        }
    }
    out.push_str(&text[done..]);
    out
}

/// At most so many bytes, with a mark where it was cut.
pub(super) fn cut(text: &str, bytes_max: usize) -> String {
    if text.len() <= bytes_max {
        return text.to_owned();
    }
    let mut end = bytes_max.saturating_sub('…'.len_utf8());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", &text[..end])
}

/// The answer to a reviewer who sent the row back; `what` was proposed: `drift`.
pub(super) fn answer(asks: &Asks, what: &str) -> String {
    let same =
        if asks.same { format!("it is the same {what}") } else { format!("the {what} is another one now") };
    format!("{} asked: “{}” Everything was read again; {same}.", asks.by, line(&asks.note))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_between_letters() {
        assert_eq!(cut("äöü", 6), "äöü");
        assert_eq!(cut("äöüß", 7), "äö…");
        assert_eq!(line("a\u{1b}[2J\r\n b"), "a [2J b");
    }

    #[test]
    fn minutes_are_counted_as_the_times_are_shown() {
        let at = |time: &str| format!("2026-05-29T{time}Z").parse::<Timestamp>().unwrap();
        for (from, to, minutes) in [
            ("21:51:50", "22:05:40", 14),
            ("21:51:10", "22:05:50", 14),
            ("21:51:59", "21:52:00", 1),
            ("21:51:00", "21:51:59", 0),
            ("22:05:00", "21:51:00", 0),
        ] {
            assert_eq!(minutes_between(at(from), at(to)), minutes, "{from} to {to}");
        }
    }

    #[test]
    fn an_object_is_named_as_a_word() {
        assert!(names("toggled checkout-flags, see graph", "checkout-flags"));
        assert!(!names("toggled checkout-flags-v2", "checkout-flags"));
        assert!(!names("anything", ""));
    }

    #[test]
    fn lists() {
        let items: Vec<_> = ["a", "b", "c", "d", "e", "f"].map(str::to_owned).to_vec();
        assert_eq!(list(&items[..1]), "a");
        assert_eq!(list(&items[..3]), "a, b and c");
        assert_eq!(list(&items), "a, b, c, d and 2 more");
    }
}
