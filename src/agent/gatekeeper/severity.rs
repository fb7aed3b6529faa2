//! How bad an incident is, by whatever name an account gave its priorities.
//!
//! Never: harmless, of a name that nobody here knows.

use super::rules::Limits;

/// What an open incident's priority comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Severity {
    Blocks,
    Holds,
    /// There is none, or its name says nothing.
    Unknown,
    Lower,
}

pub(super) fn of(priority: Option<&str>, limits: &Limits) -> Severity {
    let Some(priority) = priority.filter(|text| !text.trim().is_empty()) else { return Severity::Unknown };
    let among = |names: &[String]| names.iter().any(|name| same(name, priority));
    if among(&limits.severities_block) {
        Severity::Blocks
    } else if among(&limits.severities_hold) {
        Severity::Holds
    } else if level(priority).is_some() {
        Severity::Lower
    } else {
        Severity::Unknown
    }
}

fn same(one: &str, other: &str) -> bool {
    let plain = |text: &str| -> String {
        text.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_lowercase()
    };
    match (level(one), level(other)) {
        (Some(one), Some(other)) => one == other,
        _ => plain(one) == plain(other),
    }
}

/// Words that stand before a number, the longer ones first.
const BEFORE: [&str; 7] = ["severity", "priority", "prio", "sev", "pri", "s", "p"];
/// What people say in the place of a number.
const WORDS: [(&str, u8); 16] = [
    ("critical", 1),
    ("emergency", 1),
    ("highest", 1),
    ("urgent", 1),
    ("blocker", 1),
    ("high", 2),
    ("major", 2),
    ("medium", 3),
    ("moderate", 3),
    ("normal", 3),
    ("low", 4),
    ("minor", 4),
    ("lowest", 5),
    ("trivial", 5),
    ("informational", 5),
    ("info", 5),
];

/// `SEV-1`, `sev1`, `P 1`, `Severity 1 (critical)`, `1` → 1. A number counts before a word.
fn level(text: &str) -> Option<u8> {
    let text = text.to_lowercase();
    let tokens: Vec<&str> =
        text.split(|c: char| !c.is_alphanumeric()).filter(|token| !token.is_empty()).collect();
    let number = |token: &str| token.parse::<u8>().ok().filter(|level| *level <= 9);
    let mut before = tokens.len() == 1;
    for token in &tokens {
        let prefix = BEFORE.iter().find(|prefix| token.starts_with(**prefix)).copied();
        let rest = prefix.map_or(*token, |prefix| &token[prefix.len()..]);
        if let Some(level) = number(rest).filter(|_| before || prefix.is_some()) {
            return Some(level);
        }
        before = prefix.is_some() && rest.is_empty() || tokens.len() == 1;
    }
    tokens.iter().find_map(|token| WORDS.iter().find(|(word, _)| word == token).map(|(_, level)| *level))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_an_account_calls_it() {
        use Severity::{Blocks, Holds, Lower, Unknown};
        for (priority, expected) in [
            ("SEV-1", Blocks),
            ("SEV 1", Blocks),
            ("sev-0", Blocks),
            ("Sev1", Blocks),
            ("P1", Blocks),
            ("P0 - all hands", Blocks),
            ("Severity 1 (critical)", Blocks),
            ("Critical", Blocks),
            ("1", Blocks),
            ("SEV-2", Holds),
            ("p2", Holds),
            ("High", Holds),
            ("SEV-3", Lower),
            ("P5", Lower),
            ("Low", Lower),
            ("Gold", Unknown),
            ("since 1 hour", Unknown),
            ("", Unknown),
        ] {
            assert_eq!(of(Some(priority), &Limits::default()), expected, "{priority}");
        }
        assert_eq!(of(None, &Limits::default()), Unknown);
        let own = Limits { severities_block: vec!["gold".to_owned()], ..Limits::default() };
        assert_eq!((of(Some("Gold"), &own), of(Some("SEV-1"), &own)), (Blocks, Lower));
    }
}
