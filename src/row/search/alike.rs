//! Incidents like this one: by the services that they touched, by what contributed, by the words that are rare elsewhere.
//!
//! Two incidents are as alike as they share of these: four tenths for services, three for the words of contributing
//! factors, three for all words. A word weighs ln((N + 1) / (n + 1)) where *n* of *N* incidents have it, so that what stands in
//! every post-mortem weighs next to nothing. Where there are few, that is not enough: what English is made of, and who was
//! there, are no matter of an incident.
//! Never: alike by a word that everybody writes alone, or by who was on call; a number without what it rests on.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{
    Document, Looked, Part,
    document::{self, Passage},
    words,
};
use crate::row::{Draft, Proposal};

/// What one incident was about, as far as its rows say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Traits {
    services: BTreeSet<String>,
    /// Words of contributing factors.
    factors: BTreeSet<String>,
    words: BTreeSet<String>,
    /// Parts of the names of who was asked, decided or reworded: no words of the matter.
    people: BTreeSet<String>,
}

/// One incident beside the one that was asked about.
#[derive(Debug, Clone, PartialEq)]
pub struct Alike {
    /// Among the others, from 0.
    pub place: usize,
    /// 0 to 1.
    pub score: f64,
    pub shared: Shared,
}

/// What a likeness rests on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shared {
    pub services: Vec<String>,
    /// Those that weigh most first.
    pub words: Vec<String>,
}

/// Less is chance.
const SCORE_MIN: f64 = 0.05;
const WORDS_SHOWN: usize = 6;
/// Shorter words are no words of a matter.
const LETTERS_MIN: usize = 3;
/// Words that any two texts share, in the order of the alphabet; those about incidents as such among them.
const COMMON: &[&str] = &[
    "about",
    "added",
    "after",
    "again",
    "all",
    "also",
    "and",
    "any",
    "are",
    "ask",
    "asked",
    "because",
    "been",
    "before",
    "began",
    "being",
    "between",
    "both",
    "but",
    "came",
    "can",
    "come",
    "could",
    "did",
    "does",
    "done",
    "down",
    "during",
    "each",
    "edit",
    "every",
    "find",
    "first",
    "for",
    "found",
    "from",
    "get",
    "given",
    "goes",
    "had",
    "happened",
    "has",
    "have",
    "her",
    "here",
    "him",
    "his",
    "how",
    "inc",
    "incident",
    "incidents",
    "into",
    "its",
    "just",
    "keep",
    "kept",
    "known",
    "last",
    "like",
    "line",
    "lines",
    "long",
    "made",
    "make",
    "may",
    "message",
    "messages",
    "minute",
    "minutes",
    "more",
    "most",
    "must",
    "named",
    "need",
    "never",
    "new",
    "next",
    "none",
    "nor",
    "not",
    "nothing",
    "now",
    "off",
    "once",
    "one",
    "only",
    "open",
    "opened",
    "operation",
    "other",
    "our",
    "out",
    "over",
    "own",
    "page",
    "people",
    "point",
    "post",
    "read",
    "resolved",
    "row",
    "rows",
    "run",
    "runbook",
    "said",
    "same",
    "say",
    "says",
    "see",
    "seen",
    "sentence",
    "she",
    "should",
    "since",
    "some",
    "step",
    "steps",
    "still",
    "such",
    "tell",
    "tells",
    "than",
    "that",
    "the",
    "their",
    "them",
    "then",
    "there",
    "these",
    "they",
    "this",
    "those",
    "through",
    "time",
    "told",
    "too",
    "two",
    "under",
    "until",
    "use",
    "used",
    "very",
    "wait",
    "was",
    "were",
    "what",
    "when",
    "where",
    "which",
    "while",
    "who",
    "whom",
    "why",
    "will",
    "with",
    "without",
    "would",
    "write",
    "written",
    "wrote",
    "yet",
    "you",
    "your",
];

impl Traits {
    /// Adds what one row of the incident says.
    pub fn add(&mut self, looked: &Looked<'_>) {
        self.services.extend(document::services(looked.draft).map(str::to_lowercase));
        self.factors.extend(factors(looked.draft).flat_map(telling));
        let amended = looked.draft.amended_by.iter().map(crate::row::PrincipalId::as_str);
        self.people.extend(looked.head.people().chain(amended).flat_map(words));
        for Passage { part, text } in Document::of(looked).passages {
            if matches!(part, Part::Title | Part::Rationale | Part::Proposal | Part::Note) {
                self.words.extend(telling(&text));
            }
        }
    }
}

/// The sentences of what contributed.
fn factors(draft: &Draft) -> impl Iterator<Item = &str> {
    let paper = match &draft.proposal {
        Some(Proposal::Paper(paper)) => Some(paper),
        _ => None,
    };
    let contributing = |heading: &str| heading.to_lowercase().contains("factor");
    let told = paper.into_iter().flat_map(|paper| paper.sentences().filter(|(.., one)| paper.tells(one)));
    let of_factors = told.filter(move |(_, section, _)| contributing(&section.heading));
    of_factors.map(|(.., sentence)| sentence.text.as_str())
}

/// Words that may tell one matter from another: no numbers, nothing short.
fn telling(text: &str) -> impl Iterator<Item = String> + '_ {
    let common = |word: &String| COMMON.binary_search(&word.as_str()).is_ok();
    let long = |word: &String| word.chars().count() >= LETTERS_MIN && !word.chars().all(char::is_numeric);
    words(text).filter(move |word| long(word) && !common(word))
}

/// The others that are like it, those most alike first.
pub fn alike(of: &Traits, others: &[Traits]) -> Vec<Alike> {
    let mut having: BTreeMap<&str, usize> = BTreeMap::new();
    for traits in others.iter().chain([of]) {
        for word in traits.words.union(&traits.factors) {
            *having.entry(word).or_default() += 1;
        }
    }
    let all = float(others.len() + 1 + 1);
    let people: BTreeSet<&str> =
        others.iter().chain([of]).flat_map(|traits| &traits.people).map(String::as_str).collect();
    let rare = |word: &str| (all / float(having.get(word).copied().unwrap_or(0) + 1)).ln().max(0.0);
    let weigh = |word: &str| if people.contains(word) { 0.0 } else { rare(word) };
    let mut found: Vec<Alike> = others
        .iter()
        .enumerate()
        .map(|(place, other)| Alike { place, ..compared(of, other, &weigh) })
        .filter(|alike| alike.score >= SCORE_MIN)
        .collect();
    found.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.place.cmp(&b.place)));
    found
}

fn compared(of: &Traits, other: &Traits, weigh: &impl Fn(&str) -> f64) -> Alike {
    let services: Vec<String> = of.services.intersection(&other.services).cloned().collect();
    let fewest = of.services.len().min(other.services.len()).max(1);
    let share = |a: &BTreeSet<String>, b: &BTreeSet<String>| {
        let sum = |words: &mut dyn Iterator<Item = &String>| words.map(|word| weigh(word)).sum::<f64>();
        let whole = (sum(&mut a.iter()) * sum(&mut b.iter())).sqrt();
        if whole > 0.0 { sum(&mut a.intersection(b)) / whole } else { 0.0 }
    };
    let score = 0.4 * float(services.len()) / float(fewest)
        + 0.3 * share(&of.factors, &other.factors)
        + 0.3 * share(&of.words, &other.words);
    let mut words: Vec<&String> = of.words.intersection(&other.words).collect();
    words.retain(|word| weigh(word) > 0.0);
    words.sort_by(|a, b| weigh(b).total_cmp(&weigh(a)).then(a.cmp(b)));
    let words = words.into_iter().take(WORDS_SHOWN).cloned().collect();
    Alike { place: 0, score, shared: Shared { services, words } }
}

#[expect(clippy::cast_precision_loss, reason = "incidents are counted far below 2^52")]
fn float(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn traits(services: &str, factors: &str, text: &str) -> Traits {
        let set = |text: &str| telling(text).collect::<BTreeSet<_>>();
        Traits { services: set(services), factors: set(factors), words: set(text), ..Traits::default() }
    }

    #[test]
    fn the_same_service_and_cause_come_first() {
        let of =
            traits("sessions", "replica lagged", "The redis replica lagged behind, failover stood still.");
        let others = [
            traits("billing", "migration lock", "A migration held a lock on the invoices."),
            traits("sessions", "certificate expired", "The certificate expired."),
            traits("sessions", "replica lagged", "Failover stood still, the redis replica lagged."),
            traits("search", "replica lagged", "The replica of the index lagged behind."),
        ];
        let found = alike(&of, &others);
        let order: Vec<_> = found.iter().map(|alike| alike.place).collect();
        assert_eq!(order, [2, 3, 1], "{found:?}");
        assert_eq!(found[0].shared.services, ["sessions"]);
        assert!(found[0].shared.words.contains(&"redis".to_owned()), "{found:?}");
        assert!(!found[0].shared.words.contains(&"the".to_owned()), "what all have tells nothing: {found:?}");
    }

    #[test]
    fn what_english_is_made_of_and_who_was_there_are_no_matter() {
        assert!(COMMON.is_sorted(), "it is searched by halves");
        let mut of = traits("", "", "Priya kept the page open before they wait for the replica.");
        of.people = BTreeSet::from(["priya".to_owned()]);
        let others = [
            traits("", "", "Priya has kept about the same page and they wait after all."),
            traits("", "", "The replica lagged."),
        ];
        let found = alike(&of, &others);
        assert_eq!(found.iter().map(|one| one.place).collect::<Vec<_>>(), [1], "{found:?}");
        assert_eq!(found[0].shared.words, ["replica"]);
    }

    #[test]
    fn nothing_shared_is_not_alike() {
        let of = traits("a-service", "", "one two");
        assert_eq!(alike(&of, &[traits("other", "", "three four"), Traits::default()]), []);
        assert_eq!(alike(&Traits::default(), &[of]), []);
    }

    proptest! {
        #[test]
        fn a_score_is_between_nothing_and_all(sets in prop::collection::vec(("[ab ]{0,9}", "(foo|bar|baz| ){0,4}", "(foo|bar|baz|qux| ){0,6}"), 1..5)) {
            let all: Vec<_> = sets.iter().map(|(s, f, w)| traits(s, f, w)).collect();
            let found = alike(&all[0], &all);
            for one in &found {
                prop_assert!((0.0..=1.0 + 1e-9).contains(&one.score), "{:?}", one);
            }
            prop_assert!(found.windows(2).all(|pair| pair[0].score >= pair[1].score));
        }
    }
}
