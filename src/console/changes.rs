//! What a reviewer changes of a proposal before deciding on it: operations struck or reworded, lines accepted, steps
//! ticked. It belongs to one revision, and is the reviewer's alone until it is sent; it is kept on disk as it is written here.
//!
//! Never: sent by itself; lost to a newer revision without being told.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub use crate::client::ticks::{Followed, Tick, Ticks, WORD_MAX};

use super::text::plural;
use crate::client::ticks;
use crate::row::page::{Block, markup};
use crate::row::paper::{Line, Own, Section, SectionChanges, Sentence, Standing, own_words};
use crate::row::{Amendment, Proposal};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Changes {
    /// The revision whose numbers these are.
    pub revision: u32,
    /// Operations that are not to be published, from 1.
    pub struck: BTreeSet<usize>,
    /// Other words for an operation or a sentence, as they were typed.
    pub words: BTreeMap<usize, String>,
    /// Lines of the timeline: accepted, or struck.
    pub lines: BTreeMap<usize, bool>,
    /// Lines of the reviewer's own, in the order in which they were written.
    pub own: Vec<Line>,
    /// Sentences of a post-mortem's sections: accepted, or struck.
    pub sentences: BTreeMap<usize, bool>,
    /// Answers to its open questions, by the question's number.
    pub answers: BTreeMap<usize, String>,
    /// Sentences of the reviewer's own, in the order in which they were written.
    pub told: Vec<Own>,
    /// What became of the steps of a live runbook: kept with the note of the decision that signs them.
    #[serde(skip)]
    pub ticks: Ticks,
    /// The backend is being asked to take them.
    pub sending: bool,
    /// Why it did not.
    #[serde(skip)]
    pub error: Option<String>,
    /// What was typed for a revision before, and fits none of this one.
    pub lost: Vec<String>,
}

impl Changes {
    pub fn of(revision: u32) -> Self {
        Self { revision, ..Self::default() }
    }

    /// Changes that make a new revision; ticks are signed with the decision and make none.
    pub fn amends(&self) -> bool {
        let of_any = self.struck.is_empty() && self.words.is_empty();
        let of_lines = self.lines.is_empty() && self.own.is_empty();
        let of_sections = self.sentences.is_empty() && self.answers.is_empty() && self.told.is_empty();
        !(of_any && of_lines && of_sections)
    }

    /// Nothing is left of them.
    pub fn is_empty(&self) -> bool {
        !self.amends() && self.ticks.is_empty() && self.lost.is_empty()
    }

    pub fn strike(&mut self, number: usize) {
        if !self.struck.remove(&number) {
            self.struck.insert(number);
        }
    }

    /// A line: accepted, struck, as it was.
    pub fn stand(&mut self, number: usize, was: Standing) {
        next_standing(&mut self.lines, number, was);
    }

    /// A sentence, the same way.
    pub fn stand_sentence(&mut self, number: usize, was: Standing) {
        next_standing(&mut self.sentences, number, was);
    }

    /// Followed, skipped, wrong, nothing said. The word stays while anything is said.
    pub fn tick(&mut self, number: usize) {
        let next = Followed::next(self.ticks.get(&number).map(|tick| tick.followed));
        match (next, self.ticks.get_mut(&number)) {
            (Some(followed), Some(tick)) => tick.followed = followed,
            (Some(followed), None) => {
                self.ticks.insert(number, Tick { followed, word: String::new() });
            }
            (None, _) => drop(self.ticks.remove(&number)),
        }
    }

    /// What is signed of the ticks: `3` → `wrong: gone`.
    pub fn conditions(&self) -> BTreeMap<String, String> {
        ticks::conditions(&self.ticks)
    }

    /// With the ticks that were kept on disk.
    #[must_use]
    pub fn with_kept(self, kept: ticks::Kept) -> Self {
        Self { ticks: kept.ticks, lost: kept.lost, ..self }
    }

    /// `1 struck, 2 reworded`
    pub fn summary(&self) -> String {
        let said = || self.lines.values().chain(self.sentences.values());
        let accepted = said().filter(|accepted| **accepted).count();
        let counted = [
            (self.struck.len() + said().count() - accepted, "struck"),
            (self.words.keys().filter(|number| !self.strikes(**number)).count(), "reworded"),
            (accepted, "accepted"),
            (self.answers.len(), "answered"),
        ];
        let counted = counted.into_iter().filter(|(count, _)| *count > 0);
        let mut parts: Vec<String> = counted.map(|(count, word)| format!("{count} {word}")).collect();
        if !self.own.is_empty() {
            parts.push(plural(self.own.len(), "line added", "lines added"));
        }
        if !self.told.is_empty() {
            parts.push(plural(self.told.len(), "sentence added", "sentences added"));
        }
        parts.join(", ")
    }

    /// The operation or sentence with this number is struck: its other words count for nothing.
    fn strikes(&self, number: usize) -> bool {
        self.struck.contains(&number) || self.sentences.get(&number) == Some(&false)
    }

    /// As the backend takes it, or which words cannot be read, and why.
    pub fn amendment(&self, of: &Proposal) -> Result<Amendment, String> {
        let words = || self.words.iter().filter(|(number, _)| !self.strikes(**number));
        if let Proposal::Paper(_) = of {
            let one = |what: &str, (number, text): (&usize, &String)| {
                own_words(text).map(|text| (*number, text)).map_err(|why| format!("{what} {number}: {why}"))
            };
            let sections = SectionChanges {
                standing: self.sentences.clone(),
                words: words().map(|words| one("sentence", words)).collect::<Result<_, _>>()?,
                answers: self
                    .answers
                    .iter()
                    .map(|said| one("the answer to", said))
                    .collect::<Result<_, _>>()?,
                add: self.told.clone(),
            };
            let (lines, add) = (self.lines.clone(), self.own.clone());
            return Ok(Amendment { lines, add, sections, ..Amendment::default() });
        }
        let mut reword = BTreeMap::new();
        for (number, words) in words() {
            reword.insert(*number, read(words).map_err(|why| format!("operation {number}: {why}"))?);
        }
        Ok(Amendment { strike: self.struck.iter().copied().collect(), reword, ..Amendment::default() })
    }

    /// Sent and taken: what is left is what was no part of it.
    #[must_use]
    pub fn taken(self) -> Self {
        Self { revision: self.revision, ticks: self.ticks, lost: self.lost, ..Self::default() }
    }

    /// Carried to another revision: what was said of an operation, line or step that is in it too. The rest is kept as
    /// text to read, and told.
    #[must_use]
    pub fn carried(self, before: &Proposal, after: &Proposal, revision: u32) -> Self {
        let mut next = Self {
            revision,
            own: self.own,
            told: self.told,
            lost: self.lost,
            sending: self.sending,
            error: self.error,
            ..Self::default()
        };
        let to = |number: usize| place(before, after, number);
        for number in self.struck {
            match to(number) {
                Some(number) => drop(next.struck.insert(number)),
                None => next.lost.push(format!("operation {number}: struck")),
            }
        }
        let of_paper = matches!(before, Proposal::Paper(_));
        let to_sentence = |number: usize| place_of_sentence(before, after, number);
        for (number, words) in self.words {
            let (to, what) =
                if of_paper { (to_sentence(number), "sentence") } else { (to(number), "operation") };
            match to {
                Some(number) => drop(next.words.insert(number, words)),
                None => next.lost.push(format!("{what} {number}: {words}")),
            }
        }
        for (number, accepted) in self.sentences {
            match to_sentence(number) {
                Some(number) => drop(next.sentences.insert(number, accepted)),
                None => next.lost.push(format!("sentence {number}: {}", standing_word(accepted))),
            }
        }
        for (number, answer) in self.answers {
            match to_sentence(number) {
                Some(number) => drop(next.answers.insert(number, answer)),
                None => next.lost.push(format!("the answer to {number}: {answer}")),
            }
        }
        for (number, accepted) in self.lines {
            match to(number) {
                Some(number) => drop(next.lines.insert(number, accepted)),
                None => next.lost.push(format!("line {number}: {}", standing_word(accepted))),
            }
        }
        for (number, tick) in self.ticks {
            // What nobody is to follow any more is not signed as followed.
            match to(number).filter(|number| !is_struck_out(after, *number)) {
                Some(number) => drop(next.ticks.insert(number, tick)),
                None => next.lost.push(format!("step {number}: {}", tick.said())),
            }
        }
        next
    }
}

/// The number in `after` of what stands at `number` in `before`.
fn place(before: &Proposal, after: &Proposal, number: usize) -> Option<usize> {
    let at = number.checked_sub(1)?;
    let found = match (before, after) {
        (Proposal::Edit(before), Proposal::Edit(after)) => {
            let was = before.operations.get(at)?;
            let same = after.operations.iter().position(|is| is == was);
            // On a page that moved it has another anchor.
            same.or_else(|| after.operations.iter().position(|is| is.says_as(was)))
        }
        (Proposal::Paper(before), Proposal::Paper(after)) => {
            let was = before.timeline.get(at)?;
            let same = |is: &Line| (is.at, &is.source, &is.text) == (was.at, &was.source, &was.text);
            after.timeline.iter().position(same)
        }
        (Proposal::Live(before), Proposal::Live(after)) => return ticks::moved(before, after, number),
        _ => None,
    };
    found.map(|at| at + 1)
}

/// The page itself says that this step of a live runbook is over.
pub fn is_struck_out(proposal: &Proposal, number: usize) -> bool {
    matches!(proposal, Proposal::Live(live) if ticks::is_struck_out(live, number))
}

/// The same of a sentence: its agent says it again, or it reads the same.
fn place_of_sentence(before: &Proposal, after: &Proposal, number: usize) -> Option<usize> {
    let (Proposal::Paper(before), Proposal::Paper(after)) = (before, after) else { return None };
    let (section, was) = before.sentence(number)?;
    let same =
        |is: &Sentence| is.text == was.text || (was.drafted().is_some() && is.drafted() == was.drafted());
    let found = |(_, of, is): &(usize, &Section, &Sentence)| of.heading == section.heading && same(is);
    after.sentences().find(found).map(|(number, ..)| number)
}

fn standing_word(accepted: bool) -> &'static str {
    if accepted { "accepted" } else { "struck" }
}

/// Accepted, struck, as it was.
fn next_standing(said: &mut BTreeMap<usize, bool>, number: usize, was: Standing) {
    let next = match (said.get(&number), was) {
        (None, Standing::Accepted) => Some(false),
        (None, _) => Some(true),
        (Some(true), Standing::Struck) | (Some(false), _) => None,
        (Some(true), _) => Some(false),
    };
    match next {
        Some(accepted) => drop(said.insert(number, accepted)),
        None => drop(said.remove(&number)),
    }
}

/// Typed words as blocks, or why they are none.
pub fn read(words: &str) -> Result<Vec<Block>, String> {
    match markup::parse(words) {
        Ok(blocks) if blocks.is_empty() => Err("it says nothing; strike the operation instead".to_owned()),
        Ok(blocks) => Ok(blocks),
        Err(why) => Err(why.to_string()),
    }
}
