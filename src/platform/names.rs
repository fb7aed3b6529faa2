//! What people are called whose accounts a platform tells by id alone: asked for when a person is to read it, kept for a
//! while, within a bound.
//!
//! A name is anybody's text, may be another's too, and may change: it is shown beside what counts, and counts for nothing.
//! Never: an error of what was asked beside it; an id replaced in what is pinned.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// So many are kept; the oldest goes.
const KEPT_MAX: usize = 1_000;
/// A name is asked for again after that.
const KNOWN_FOR: Duration = Duration::from_secs(60 * 60);
/// That there is none is asked again after that: a right may have been given meanwhile.
const UNKNOWN_FOR: Duration = Duration::from_secs(5 * 60);
/// More of a name is not shown.
const NAME_CHARS_MAX: usize = 60;
/// What platforms call accounts whose people are gone, or keep to themselves.
const NOBODYS: [&str; 4] = ["former user", "unknown user", "anonymous", "deleted user"];

/// What was told of accounts, by their ids.
#[derive(Debug, Default)]
pub(super) struct Kept(Mutex<Told>);

#[derive(Debug, Default)]
struct Told {
    names: BTreeMap<String, (Option<String>, Instant)>,
    /// In the order in which they came.
    order: VecDeque<String>,
}

/// Names by account. An account without one is shown as its id, with that said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names(BTreeMap<String, String>);

impl Names {
    /// An account in words.
    pub fn of(&self, account: &str) -> String {
        match self.0.get(account) {
            Some(name) => name.clone(),
            None if account.is_empty() => "somebody whom the platform does not name".to_owned(),
            None => format!("{account} (its name is not told)"),
        }
    }

    /// The name alone, where there is one.
    pub fn known(&self, account: &str) -> Option<&str> {
        self.0.get(account).map(String::as_str)
    }
}

impl Kept {
    /// Those of `accounts` that have to be asked for, each once.
    pub(super) fn missing(&self, accounts: &[&str], now: Instant) -> Vec<String> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = |account: &str| {
            kept.names.get(account).is_some_and(|(name, at)| {
                let lasts = if name.is_some() { KNOWN_FOR } else { UNKNOWN_FOR };
                now.saturating_duration_since(*at) < lasts
            })
        };
        let mut missing: Vec<String> = accounts
            .iter()
            .filter(|account| !account.is_empty() && !fresh(account))
            .map(|account| (*account).to_owned())
            .collect();
        missing.sort();
        missing.dedup();
        missing
    }

    /// What the platform told; none where it told nothing, or nobody's name.
    pub(super) fn keep(&self, account: &str, name: Option<&str>, now: Instant) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = &mut *kept;
        if kept.names.insert(account.to_owned(), (name.and_then(name_of), now)).is_none() {
            kept.order.push_back(account.to_owned());
        }
        while kept.order.len() > KEPT_MAX {
            if let Some(oldest) = kept.order.pop_front() {
                kept.names.remove(&oldest);
            }
        }
    }

    /// What is known of them.
    pub(super) fn names(&self, accounts: &[&str]) -> Names {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = accounts.iter().filter_map(|account| {
            let (name, _) = kept.names.get(*account)?;
            Some(((*account).to_owned(), name.clone()?))
        });
        Names(known.collect())
    }
}

/// One short line, or none where it names nobody.
fn name_of(told: &str) -> Option<String> {
    let plain: String = told.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let plain = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    if plain.is_empty() || NOBODYS.contains(&plain.to_lowercase().as_str()) {
        return None;
    }
    let mut name: String = plain.chars().take(NAME_CHARS_MAX).collect();
    if name.len() < plain.len() {
        name.push('…');
    }
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_kept_for_a_while_and_nobodys_is_none() {
        let (kept, start) = (Kept::default(), Instant::now());
        let all = ["a", "b", "", "a"];
        assert_eq!(kept.missing(&all, start), ["a", "b"]);
        kept.keep("a", Some(" Jordan\n Lee "), start);
        kept.keep("b", Some("Former user"), start);
        let names = kept.names(&all);
        assert_eq!((names.of("a").as_str(), names.known("b")), ("Jordan Lee", None));
        assert_eq!(names.of("b"), "b (its name is not told)");
        assert_eq!(names.of(""), "somebody whom the platform does not name");
        assert!(kept.missing(&all, start).is_empty(), "that it has none is known, too");
        assert_eq!(kept.missing(&all, start + UNKNOWN_FOR), ["b"]);
        assert_eq!(kept.missing(&all, start + KNOWN_FOR), ["a", "b"]);
        kept.keep("b", Some(&"x".repeat(100)), start);
        assert_eq!(kept.names(&["b"]).of("b").chars().count(), NAME_CHARS_MAX + 1);
    }

    #[test]
    fn no_more_are_kept_than_the_bound() {
        let (kept, now) = (Kept::default(), Instant::now());
        for number in 0..=KEPT_MAX {
            kept.keep(&number.to_string(), Some("somebody"), now);
        }
        assert_eq!(kept.missing(&["0", "1"], now), ["0"], "the oldest went");
    }
}
