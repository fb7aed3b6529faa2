//! The sentences of a paper's sections: what reviewers said of them, whose words they are, and what answers a question.
//!
//! Never: a reviewer's words under the agent's name, or an agent's under a reviewer's; a word of theirs that falls in silence.

use std::{collections::BTreeMap, fmt::Write as _};

use serde::{Deserialize, Serialize};

use super::{Paper, Standing, pieces};
use crate::row::{
    Pointer, PrincipalId,
    page::{Block, NotApplicable, Piece},
};

/// The sections that papers have, in their order; what is not known stands in the last.
pub const HEADINGS: [&str; 7] =
    ["Summary", "Impact", "Contributing factors", "What helped", "What hindered", "Actions", OPEN_QUESTIONS];

/// Its sentences are asked, and may be answered.
pub const OPEN_QUESTIONS: &str = "Open questions";

/// One section: `Summary`, `Impact`, `Contributing factors`, …
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Section {
    pub heading: String,
    pub sentences: Vec<Sentence>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sentence {
    pub text: String,
    /// What it rests on; an open question rests on nothing, and so does what a reviewer adds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pointers: Vec<Pointer>,
    #[serde(default, skip_serializing_if = "Standing::is_proposed")]
    pub standing: Standing,
    /// The reviewer who accepted or struck it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<PrincipalId>,
    /// Whose words these are, where they are a reviewer's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub words: Option<Words>,
    /// What a reviewer says to it, where it is an open question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Answer>,
}

/// A sentence in a reviewer's words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Words {
    pub by: PrincipalId,
    /// What its agent said; absent where the reviewer added the sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    pub by: PrincipalId,
    pub text: String,
}

/// What a reviewer changes of the sections. Sentences are numbered from 1 through the whole paper.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SectionChanges {
    /// Sentences that are accepted (true) or struck (false).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub standing: BTreeMap<usize, bool>,
    /// Other words for a sentence.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub words: BTreeMap<usize, String>,
    /// Answers to open questions.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub answers: BTreeMap<usize, String>,
    /// Sentences of the reviewer's own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub add: Vec<Own>,
}

/// A reviewer's own sentence, and the section that it is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Own {
    pub section: String,
    pub text: String,
}

impl SectionChanges {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A reviewer's own words as one paragraph, or why they are none.
pub fn own_words(text: &str) -> Result<String, String> {
    let text: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match text.len() {
        1..=Paper::OWN_SENTENCE_MAX => Ok(text),
        _ => Err(format!("a sentence of your own has 1 to {} bytes of text", Paper::OWN_SENTENCE_MAX)),
    }
}

/// The heading as papers write it: of one that the paper has, or of one that papers have.
pub fn heading(paper: &Paper, named: &str) -> Result<String, String> {
    let named = named.trim();
    let own = paper.sections.iter().map(|section| section.heading.as_str());
    let known: Vec<&str> = own.chain(HEADINGS).collect();
    let found = known.iter().find(|known| known.to_lowercase() == named.to_lowercase());
    found.map(|found| (*found).to_owned()).ok_or_else(|| {
        let mut all: Vec<&str> = Vec::new();
        for one in known {
            if !all.contains(&one) {
                all.push(one);
            }
        }
        format!("there is no section “{named}”; the sections are {}", all.join(", "))
    })
}

impl Section {
    pub fn asks(&self) -> bool {
        self.heading == OPEN_QUESTIONS
    }
}

impl Sentence {
    /// As its agent says it.
    pub fn of(text: impl Into<String>, pointers: Vec<Pointer>) -> Self {
        let (standing, by, words, answer) = (Standing::Proposed, None, None, None);
        Self { text: text.into(), pointers, standing, by, words, answer }
    }

    /// A reviewer said something of it.
    pub fn is_reviewed(&self) -> bool {
        self.standing != Standing::Proposed
            || self.by.is_some()
            || self.words.is_some()
            || self.answer.is_some()
    }

    /// What its agent said, where one did.
    pub fn drafted(&self) -> Option<&str> {
        match &self.words {
            Some(words) => words.was.as_deref(),
            None => Some(&self.text),
        }
    }

    /// What became of it, and by whom: `worded by priya`, `added by priya, struck by marcus`; empty where nobody said
    /// anything.
    pub fn said(&self) -> String {
        let words = self.words.as_ref().map(|words| {
            let what = if words.was.is_some() { "worded" } else { "added" };
            format!("{what} by {}", words.by)
        });
        let author = self.words.as_ref().map(|words| &words.by);
        // Whoever words a sentence stands by it.
        let stands = self.standing == Standing::Proposed
            || (self.standing == Standing::Accepted && author.is_some() && author == self.by.as_ref());
        let by = self.by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
        let judged = (!stands).then(|| format!("{}{by}", self.standing.word()));
        words.into_iter().chain(judged).collect::<Vec<_>>().join(", ")
    }

    pub(super) fn block(&self) -> Block {
        let mut text = pieces(&self.text);
        for pointer in self.pointers.iter().filter(|pointer| !pointer.url.is_empty()) {
            text.push(Piece::Plain(" ".to_owned()));
            text.push(Piece::Link { text: pointer.called().to_owned(), url: pointer.url.clone() });
        }
        if let Some(words) = &self.words {
            let what = if words.was.is_some() { "worded" } else { "added" };
            text.push(Piece::Plain(format!(" ({what} by {})", words.by)));
        }
        if let Some(answer) = &self.answer {
            text.push(Piece::Plain(" ".to_owned()));
            text.push(Piece::Strong(format!("Answered by {}:", answer.by)));
            text.push(Piece::Plain(" ".to_owned()));
            text.extend(pieces(&answer.text));
        }
        Block::Paragraph { text }
    }
}

impl Paper {
    /// Sentences in all sections together.
    pub const SENTENCES_MAX: usize = 1_000;
    /// Bytes of a reviewer's own sentence, or answer.
    pub const OWN_SENTENCE_MAX: usize = 2_048;

    /// All sentences with their numbers, from 1, and their sections.
    pub fn sentences(&self) -> impl Iterator<Item = (usize, &Section, &Sentence)> {
        let all =
            self.sections.iter().flat_map(|section| section.sentences.iter().map(move |one| (section, one)));
        all.enumerate().map(|(at, (section, sentence))| (at + 1, section, sentence))
    }

    /// The sentence with this number, and its section.
    pub fn sentence(&self, number: usize) -> Option<(&Section, &Sentence)> {
        let (_, section, sentence) = self.sentences().nth(number.checked_sub(1)?)?;
        Some((section, sentence))
    }

    /// It is published.
    pub fn tells(&self, sentence: &Sentence) -> bool {
        sentence.standing != Standing::Struck && !self.falls_with_lines(sentence)
    }

    /// All that a sentence rests on are lines that somebody struck: it is not published either. What rests on the incident
    /// itself stays, and so does what a reviewer said in words of their own.
    pub fn falls_with_lines(&self, sentence: &Sentence) -> bool {
        let struck = |pointer: &Pointer| {
            let mut lines =
                self.timeline.iter().filter(|line| line.pointer.as_ref() == Some(pointer)).peekable();
            let is_told = pointer.reference != self.incident && lines.peek().is_some();
            is_told && lines.all(|line| line.standing == Standing::Struck)
        };
        let own = sentence.words.is_some() || sentence.answer.is_some();
        !own && !sentence.pointers.is_empty() && sentence.pointers.iter().all(struck)
    }

    /// With what a reviewer says of its sentences. Numbers are those that were shown.
    pub fn with_sections(&self, by: &PrincipalId, changes: &SectionChanges) -> Result<Self, NotApplicable> {
        let mut paper = self.clone();
        let count = paper.sentences().count();
        let no = |number: usize, why: String| NotApplicable::Sentence { number, why };
        let contradicted = changes.words.keys().find(|number| changes.standing.get(number) == Some(&false));
        if let Some(number) = contradicted {
            return Err(no(*number, "it is either struck or put in other words".to_owned()));
        }
        let there = |number: &usize| no(*number, format!("the sections have {count}"));
        for (number, accepted) in &changes.standing {
            let (_, sentence) = paper.sentence_mut(*number).ok_or_else(|| there(number))?;
            sentence.standing = if *accepted { Standing::Accepted } else { Standing::Struck };
            sentence.by = Some(by.clone());
        }
        for (number, text) in &changes.words {
            let (_, sentence) = paper.sentence_mut(*number).ok_or_else(|| there(number))?;
            sentence.word(by, own_words(text).map_err(|why| no(*number, why))?);
        }
        for (number, text) in &changes.answers {
            let (asks, sentence) = paper.sentence_mut(*number).ok_or_else(|| there(number))?;
            if !asks {
                return Err(no(*number, "it is no open question: only those are answered".to_owned()));
            }
            let text = own_words(text).map_err(|why| no(*number, why))?;
            if sentence.answer.as_ref().is_none_or(|before| before.text != text) {
                sentence.answer = Some(Answer { by: by.clone(), text });
            }
        }
        if count + changes.add.len() > Self::SENTENCES_MAX {
            let most = Self::SENTENCES_MAX;
            return Err(no(
                count + changes.add.len(),
                format!("a paper has {most} at most; strikes make no room"),
            ));
        }
        for (at, own) in changes.add.iter().enumerate() {
            let wrong = |why| no(count + at + 1, why);
            let (named, text) =
                (heading(&paper, &own.section).map_err(wrong)?, own_words(&own.text).map_err(wrong)?);
            let mut sentence = Sentence::of(text, Vec::new());
            (sentence.standing, sentence.by) = (Standing::Accepted, Some(by.clone()));
            sentence.words = Some(Words { by: by.clone(), was: None });
            paper.section_mut(&named).sentences.push(sentence);
        }
        Ok(paper)
    }

    fn sentence_mut(&mut self, number: usize) -> Option<(bool, &mut Sentence)> {
        let all = self.sections.iter_mut().flat_map(|section| {
            let asks = section.asks();
            section.sentences.iter_mut().map(move |sentence| (asks, sentence))
        });
        all.into_iter().nth(number.checked_sub(1)?)
    }

    /// The section of this heading; where the paper has none, an empty one at its place.
    pub fn section_mut(&mut self, heading: &str) -> &mut Section {
        let at = if let Some(at) = self.sections.iter().position(|section| section.heading == heading) {
            at
        } else {
            let rank = |heading: &str| HEADINGS.iter().position(|known| *known == heading);
            let behind = |section: &Section| rank(&section.heading) > rank(heading);
            let at = self.sections.iter().position(behind).unwrap_or(self.sections.len());
            self.sections.insert(at, Section { heading: heading.to_owned(), sentences: Vec::new() });
            at
        };
        &mut self.sections[at]
    }

    /// With what people said of the sentences of the revision before. What its agent says again carries it; of what it no
    /// longer says, people's own words stay, and a strike is gone with the sentence.
    pub(super) fn keep_sentences(&mut self, before: &Self) {
        for section in &before.sections {
            for (at, said) in section.sentences.iter().enumerate().filter(|(_, one)| one.is_reviewed()) {
                let there = self.sections.iter_mut().find(|now| now.heading == section.heading);
                let same = |now: &&mut Sentence| !now.is_reviewed() && said.drafted() == Some(&now.text);
                let again = there.and_then(|there| there.sentences.iter_mut().find(same));
                if let Some(again) = again {
                    said.clone_into(again);
                } else if said.words.is_some() || said.answer.is_some() || said.standing == Standing::Accepted
                {
                    let there = &mut self.section_mut(&section.heading).sentences;
                    there.insert(at.min(there.len()), said.clone());
                }
            }
        }
    }

    /// The section of the sentence that carries somebody's word, which was not in the revision before.
    pub(super) fn foreign_sentence(&self, before: Option<&Self>) -> Option<(&Section, &Sentence)> {
        let stood = |section: &Section, sentence: &Sentence| {
            let was = before.into_iter().flat_map(|before| &before.sections);
            was.filter(|was| was.heading == section.heading).any(|was| was.sentences.contains(sentence))
        };
        let claims = self.sentences().filter(|(.., sentence)| sentence.is_reviewed());
        let mut foreign = claims.filter(|(_, section, sentence)| !stood(section, sentence));
        foreign.next().map(|(_, section, sentence)| (section, sentence))
    }

    /// The sections for reading: each sentence with its number and what was said of it.
    pub fn sections_text(&self) -> String {
        let mut out = String::new();
        let mut numbers = 1..;
        for section in &self.sections {
            let _ = writeln!(out, "{}", section.heading.replace('\n', " "));
            for (sentence, number) in section.sentences.iter().zip(&mut numbers) {
                let (said, text) = (sentence.said(), sentence.text.replace('\n', " "));
                let said = if said.is_empty() { String::new() } else { format!("{said}  ") };
                let _ = writeln!(out, "{number:>4}  {said}{text}");
                if self.falls_with_lines(sentence) {
                    let _ = writeln!(out, "      not published: the lines that it rests on are struck");
                }
                if let Some(answer) = &sentence.answer {
                    let _ =
                        writeln!(out, "      answered by {}: {}", answer.by, answer.text.replace('\n', " "));
                }
            }
        }
        out
    }
}

impl Sentence {
    /// In a reviewer's words, who stands by them; in its agent's own again where they say the same.
    fn word(&mut self, by: &PrincipalId, text: String) {
        if text == self.text {
            return;
        }
        let was = self.drafted().map(str::to_owned);
        self.words = (was.as_deref() != Some(&text)).then(|| Words { by: by.clone(), was });
        (self.standing, self.by, self.text) = (Standing::Accepted, Some(by.clone()), text);
    }
}
