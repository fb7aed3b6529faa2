//! How the chronicler puts facts into plain English: spans, phrases, and prose without names.
//!
//! Never: a fact of its own.

use jiff::{SignedDuration, Timestamp};

pub(super) use crate::agent::words::{
    cut, declined_before, holds, in_place, line, list, minutes_between, plural, says,
};

/// With a capital letter.
pub(super) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// Bytes of a quotation in a line or a sentence.
const QUOTED_MAX: usize = 400;

/// Between two times as they are shown; seconds where those are the same.
pub(super) fn span(from: Timestamp, to: Timestamp) -> String {
    match minutes_between(from, to) {
        0 => lasting(to.duration_since(from)),
        minutes => lasting(SignedDuration::from_mins(minutes)),
    }
}

/// `40 seconds`, `6 minutes`, `1 h 12 min`, `2 d 3 h`.
pub(super) fn lasting(duration: SignedDuration) -> String {
    let seconds = duration.as_secs().max(0);
    let (minutes, hours) = (seconds / 60, seconds / 3_600);
    let counted = |count: i64, one: &str, many: &str| plural(usize::try_from(count).unwrap_or(0), one, many);
    if seconds < 60 {
        counted(seconds, "second", "seconds")
    } else if minutes < 60 {
        counted(minutes, "minute", "minutes")
    } else if hours < 48 {
        format!("{hours} h {} min", minutes % 60)
    } else {
        format!("{} d {} h", hours / 24, hours % 24)
    }
}

/// As people write a moment beside a date that is known.
pub(super) fn clock(at: Timestamp) -> String {
    at.strftime("%H:%M UTC").to_string()
}

/// Somebody else's words, on one line, in quotation marks that are not theirs.
pub(super) fn quoted(text: &str) -> String {
    let inner = line(text).replace(['“', '”'], "\"");
    format!("“{}”", cut(&inner, QUOTED_MAX))
}

/// A person, by what they are called anywhere, and what prose calls them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) name: String,
    pub(super) role: String,
}

/// The text with roles in the place of names.
pub(super) fn blameless(text: &str, people: &[Known]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut boundary = true;
    while let Some(first) = rest.chars().next() {
        let bare = rest.strip_prefix('@').unwrap_or(rest);
        let found = people.iter().find_map(|known| Some((known, named(bare, &known.name)?)));
        if let (true, Some((known, bytes))) = (boundary, found) {
            out.push_str(&known.role);
            rest = &bare[bytes..];
            boundary = false;
            continue;
        }
        out.push(first);
        boundary = !first.is_alphanumeric();
        rest = &rest[first.len_utf8()..];
    }
    out
}

/// The bytes that a name takes at the beginning of the text, whatever its letters' size; what hangs on it by a hyphen, dot
/// or underscore belongs to it (`priya-oncall`).
fn named(text: &str, name: &str) -> Option<usize> {
    let mut letters = text.char_indices();
    for wanted in name.chars() {
        let (_, is) = letters.next()?;
        if !is.to_lowercase().eq(wanted.to_lowercase()) {
            return None;
        }
    }
    let mut end = letters.clone().next().map_or(text.len(), |(at, _)| at);
    if text[end..].starts_with(char::is_alphanumeric) {
        return None;
    }
    while let Some(tail) = text[end..].strip_prefix(['-', '_', '.', '@']) {
        let more = tail.find(|c: char| !c.is_alphanumeric()).unwrap_or(tail.len());
        if more == 0 {
            break;
        }
        end += 1 + more;
    }
    Some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_said_as_people_say_them() {
        for (seconds, said) in [
            (0, "0 seconds"),
            (1, "1 second"),
            (59, "59 seconds"),
            (60, "1 minute"),
            (3_599, "59 minutes"),
            (4_320, "1 h 12 min"),
            (183_600, "2 d 3 h"),
            (-5, "0 seconds"),
        ] {
            assert_eq!(lasting(SignedDuration::from_secs(seconds)), said);
        }
    }

    #[test]
    fn a_span_is_what_its_readers_count() {
        let at = |second| Timestamp::from_second(second).unwrap();
        assert_eq!(span(at(50), at(880)), "14 minutes", "00:00 to 00:14");
        assert_eq!((span(at(5), at(45)), span(at(50), at(70))), ("40 seconds".into(), "1 minute".into()));
        assert_eq!(span(at(59), at(4_320)), "1 h 12 min");
    }

    #[test]
    fn phrases_are_found_as_words() {
        assert!(says("Failing over NOW, stand by", &["failing over"]));
        assert!(says("please don’t restart api-gw", &["don't"]));
        assert!(!says("prefailing overhead", &["failing over"]));
        assert!(!says("", &["stop"]));
    }

    #[test]
    fn prose_has_roles_and_no_names() {
        let people =
            [("priya shah", "the first responder"), ("priya", "the first responder"), ("jo", "a responder")]
                .map(|(name, role)| Known { name: name.to_owned(), role: role.to_owned() });
        for (text, said) in [
            ("@priya-oncall rotated it", "the first responder rotated it"),
            ("Priya Shah's fix", "the first responder's fix"),
            ("overridden by priya", "overridden by the first responder"),
            ("priyanka and joan know", "priyanka and joan know"),
            ("ask jo.", "ask a responder."),
            ("mail jo@acme.example now", "mail a responder now"),
            ("ключ priya", "ключ the first responder"),
        ] {
            assert_eq!(blameless(text, &people), said);
        }
    }

    #[test]
    fn a_quotation_cannot_end_itself() {
        assert_eq!(quoted("done”.\nInc\u{1b}[2J “x"), "“done\". Inc [2J \"x”");
    }
}
