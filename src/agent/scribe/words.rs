//! The scribe's plain English: titles, quotations, who said what when.
//!
//! Never: somebody's words at a length or with a line break that they chose.

use jiff::Timestamp;

pub(super) use crate::agent::words::{
    cut, declined_before, holds, in_place, line, list, minutes_between, plural, quoted, undressed,
};

/// `02:41 UTC`.
pub(super) fn clock(at: Timestamp) -> String {
    at.strftime("%H:%M UTC").to_string()
}

/// `20:13 UTC on 21 November`.
pub(super) fn day(at: Timestamp) -> String {
    at.strftime("%H:%M UTC on %-d %B").to_string()
}

/// With a capital letter, as a step begins.
pub(super) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// With a small letter, where the word is none that is written with capitals.
pub(super) fn small(text: &str) -> String {
    let mut letters = text.chars();
    let rest_small = text.chars().skip(1).take_while(|c| c.is_alphabetic()).all(char::is_lowercase);
    match letters.next() {
        Some(first) if rest_small => first.to_lowercase().chain(letters).collect(),
        _ => text.to_owned(),
    }
}

/// `4 minutes`, `less than a minute`, between the times as they are shown.
pub(super) fn minutes(from: Timestamp, to: Timestamp) -> String {
    match minutes_between(from, to) {
        ..=0 => "less than a minute".to_owned(),
        1 => "1 minute".to_owned(),
        many => format!("{many} minutes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_begin_as_they_should() {
        assert_eq!(
            (capital("rotate x"), small("Decision tree")),
            ("Rotate x".into(), "decision tree".into())
        );
        assert_eq!(small("GHA workflow"), "GHA workflow");
        let at = |second| Timestamp::from_second(second).unwrap();
        assert_eq!(minutes(at(0), at(59)), "less than a minute");
        assert_eq!(
            (minutes(at(0), at(60)), minutes(at(0), at(245))),
            ("1 minute".into(), "4 minutes".into())
        );
        assert_eq!(minutes(at(50), at(880)), "14 minutes", "00:00 to 00:14");
        assert_eq!(quoted("a\nb"), "\u{201c}a b\u{201d}");
    }
}
