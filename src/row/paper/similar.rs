//! "Incidents like this one": how much two papers have in common, and in which words.
//!
//! Never: a judgement of cause. Papers that speak of the same things may be worth reading; no more is said.

use std::collections::BTreeMap;

use super::Paper;

/// Below this share of common words, in percent, two papers are not called alike.
const ALIKE_PERCENT: u64 = 12;
/// Words that are shown of what two papers share.
const SHOWN: usize = 4;
/// Shorter words say little.
const LETTERS_MIN: usize = 4;
/// What the chronicler's own sentences and every incident have in common.
const COMMON: &[&str] = &[
    "accepted",
    "acknowledged",
    "after",
    "alert",
    "asked",
    "been",
    "before",
    "burn",
    "channel",
    "contributing",
    "does",
    "done",
    "error",
    "escalated",
    "executed",
    "first",
    "from",
    "have",
    "helped",
    "hindered",
    "incident",
    "lasted",
    "later",
    "message",
    "messages",
    "minute",
    "minutes",
    "most",
    "named",
    "needed",
    "nobody",
    "noted",
    "opened",
    "over",
    "people",
    "postmortem",
    "questions",
    "resolved",
    "responder",
    "said",
    "second",
    "seconds",
    "since",
    "somebody",
    "source",
    "spend",
    "tells",
    "than",
    "that",
    "their",
    "them",
    "then",
    "there",
    "they",
    "this",
    "time",
    "under",
    "warned",
    "went",
    "were",
    "what",
    "when",
    "which",
    "while",
    "with",
    "within",
];

/// A paper that is like another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alike {
    /// 0 to 100.
    pub percent: u64,
    /// What they share, the most telling first.
    pub shared: Vec<String>,
}

/// What two papers have in common, where it is enough.
pub fn alike(one: &Paper, other: &Paper) -> Option<Alike> {
    if one.incident == other.incident {
        return None;
    }
    let (mine, theirs) = (words(one), words(other));
    let mut all = mine.clone();
    for (word, weight) in &theirs {
        let known = all.entry(word.clone()).or_insert(0);
        *known = (*known).max(*weight);
    }
    let all: u64 = all.values().sum();
    let mut shared: Vec<(&String, u64)> =
        mine.iter().filter_map(|(word, weight)| Some((word, (*weight).min(*theirs.get(word)?)))).collect();
    let common: u64 = shared.iter().map(|(_, weight)| weight).sum();
    let percent = (common * 100).checked_div(all)?;
    if percent < ALIKE_PERCENT {
        return None;
    }
    shared.sort_by_key(|(word, weight)| (std::cmp::Reverse(*weight), *word));
    let shared = shared.into_iter().take(SHOWN).map(|(word, _)| word.clone()).collect();
    Some(Alike { percent, shared })
}

/// The words that tell a paper from another, each with its weight: names of things weigh most, then the title's words.
fn words(paper: &Paper) -> BTreeMap<String, u64> {
    let mut found = BTreeMap::new();
    let sentences = paper.sections.iter().filter(|section| section.heading != "Open questions");
    let sentences =
        sentences.flat_map(|section| section.sentences.iter().map(|sentence| sentence.text.as_str()));
    let lines = paper.standing().map(|(_, line)| line.text.as_str());
    for text in sentences.chain(lines) {
        take(&mut found, text, 1, paper);
    }
    take(&mut found, &paper.title, 2, paper);
    found
}

fn take(found: &mut BTreeMap<String, u64>, text: &str, weight: u64, paper: &Paper) {
    let part = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    for word in text.split(|c: char| !part(c)) {
        let word = word.trim_matches(['-', '_']).to_lowercase();
        let number = word.chars().all(|c| c.is_ascii_digit() || c == '-');
        if word.chars().count() < LETTERS_MIN || number || word.eq_ignore_ascii_case(&paper.incident) {
            continue;
        }
        if COMMON.binary_search(&word.as_str()).is_ok() {
            continue;
        }
        // `session-store`, `redis_primary`: the name of a thing.
        let weight = if word.contains(['-', '_']) { 3 } else { weight };
        let known = found.entry(word).or_insert(0);
        *known = (*known).max(weight);
    }
}

#[cfg(test)]
mod tests {
    use super::{super::tests::paper, *};

    fn about(incident: &str, title: &str, lines: &[&str]) -> Paper {
        let mut paper = paper();
        paper.incident = incident.to_owned();
        paper.title = super::super::title(incident, title);
        paper.timeline.truncate(lines.len());
        for (line, text) in paper.timeline.iter_mut().zip(lines) {
            line.text = (*text).to_owned();
        }
        paper
    }

    #[test]
    fn papers_about_the_same_things_are_alike_and_others_are_not() {
        let redis = about(
            "INC-2099",
            "Redis primary of session-store is read-only",
            &["rotated the replica", "failed over"],
        );
        let again = about("INC-1999", "Redis replica of session-store lags", &["rotated the replica"]);
        let dns = about("INC-1777", "Certificates of edge-routing expired", &["renewed by hand"]);
        let found = alike(&redis, &again).unwrap();
        assert_eq!(found.shared[..2], ["session-store", "redis"]);
        assert_eq!(alike(&again, &redis).map(|a| a.percent), Some(found.percent), "it goes both ways");
        assert_eq!(alike(&redis, &dns), None);
        assert_eq!(alike(&redis, &redis), None, "the same incident");
    }

    #[test]
    fn the_list_of_common_words_can_be_searched() {
        assert!(COMMON.is_sorted());
    }
}
