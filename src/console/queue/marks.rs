//! Four letters beside each row: when, news, evidence, delivery; and one before the title.
//!
//! Never: a colour alone. Each mark is a letter, and help says it in words.

use jiff::Timestamp;

use super::Known;
use crate::client::filter::expiring;
use crate::client::{Fate, Listed};
use crate::row::State;

/// A space where there is nothing to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marks {
    pub when: char,
    pub news: char,
    pub evidence: char,
    pub delivery: char,
    pub title: char,
}

/// What each mark says, for help.
pub const LEGEND: [(&str, &str); 14] = [
    ("!", "15 minutes or a tenth of its life are left"),
    ("2", "waits for a second key"),
    ("H", "its application is on a hold"),
    ("*", "you have never opened it"),
    ("~", "it changed since you opened it"),
    ("?", "a fact that it rests on is stale"),
    ("x", "a fact could not be read: unknown"),
    ("d", "you have a draft of a decision"),
    ("^", "your decision is signed and unsent"),
    ("o", "overtaken: the row moved before your decision left"),
    ("R", "your decision was refused"),
    ("@", "you are asked"),
    ("=", "yours or your agent's: another person must decide"),
    ("+", "marked for a decision on several"),
];

impl Marks {
    pub fn of(known: &Known, row: &Listed, unknown: bool, now: Timestamp) -> Marks {
        let when = match () {
            () if expiring(row, now) => '!',
            () if row.state == State::HalfSigned => '2',
            () if row.state.undecided() && known.on_hold(row) => 'H',
            () => ' ',
        };
        let news = match known.seen.get(&row.id) {
            _ if !row.state.undecided() => ' ',
            None => '*',
            Some(seen) if seen.revision != row.revision || seen.at < row.changed_at => '~',
            Some(_) => ' ',
        };
        let evidence = match (unknown, row.stale) {
            (true, _) => 'x',
            (false, true) if row.state.undecided() => '?',
            (false, _) => ' ',
        };
        let entry = known.entry(row.id).filter(|entry| !entry.opened || entry.fate.unsent());
        let delivery = match entry.map(|entry| &entry.fate) {
            Some(Fate::Signed | Fate::Sending | Fate::Unknown { .. }) => '^',
            Some(Fate::Overtaken { .. }) => 'o',
            Some(Fate::Refused { .. }) => 'R',
            Some(Fate::Accepted { .. } | Fate::TakenBack) | None => {
                let begun = known.begun.get(&row.id).is_some_and(|begun| !begun.what.is_empty());
                let note = known.drafts.iter().any(|draft| draft.row == row.id);
                if begun || note { 'd' } else { ' ' }
            }
        };
        let title = match () {
            () if !row.state.open() => ' ',
            () if known.own(row) => '=',
            () if known.asked(row) => '@',
            () => ' ',
        };
        Marks { when, news, evidence, delivery, title }
    }

    /// As words, for the line mode and for screen readers.
    pub fn words(self) -> Vec<&'static str> {
        let all = [self.when, self.news, self.evidence, self.delivery, self.title];
        let word =
            |mark: &char| LEGEND.iter().find(|(letter, _)| letter.starts_with(*mark)).map(|(_, word)| *word);
        all.iter().filter(|mark| **mark != ' ').filter_map(word).collect()
    }
}
