//! What rows about documents propose, beside what every draft says: an edit, a live runbook, a post-mortem.
//!
//! The backend applies it to its own reading: what it would write, and the difference that is signed, follow from it.
//! Never: believed for what a platform says itself.

use std::{collections::BTreeMap, fmt::Write as _};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    PrincipalId,
    base::RecordEffect,
    page::{Block, Body, Edit, NotApplicable, Operation},
    paper::{Line, Paper, SectionChanges},
};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "proposes", rename_all = "lowercase")]
pub enum Proposal {
    Edit(Edit),
    Live(Live),
    Paper(Paper),
}

/// A runbook while its incident is on: the page's steps, each with what the system says now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Live {
    pub incident: String,
    pub steps: Vec<LiveStep>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LiveStep {
    /// As on the page.
    pub text: String,
    /// What it names, as it is now: `deployment api-gw` → `3 replicas, Healthy`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub facts: Vec<LiveFact>,
    /// Why it no longer holds, where it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broken: Option<String>,
    /// The newest decision that put or touched it: a row's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row: Option<super::RowId>,
    /// What was said of it and signed, on an earlier row of the same incident.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed: Option<SignedTick>,
}

/// A tick that is in the record already.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedTick {
    /// `followed`, `wrong: gone`.
    pub said: String,
    pub by: PrincipalId,
    pub row: super::RowId,
    pub at: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LiveFact {
    pub name: String,
    pub value: String,
    pub read_at: Timestamp,
}

/// What a reviewer changes of a proposal before deciding on it: theirs, and a revision with digests of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Amendment {
    /// Operations that are struck, from 1.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub strike: Vec<usize>,
    /// Other blocks for an operation, by its number.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub reword: BTreeMap<usize, Vec<Block>>,
    /// Lines of the timeline that are accepted (true) or struck (false), by number from 1.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub lines: BTreeMap<usize, bool>,
    /// Lines of the reviewer's own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub add: Vec<Line>,
    /// What is said of the sentences of a post-mortem's sections.
    #[serde(default, skip_serializing_if = "SectionChanges::is_empty")]
    pub sections: SectionChanges,
    /// The edit is taken over to its page as it is now, where the page has moved.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub merge: bool,
}

impl Proposal {
    /// What is said in a person's name, and was not said in the revision before.
    pub fn put_in_mouths(&self, before: Option<&Self>) -> Option<String> {
        match (self, before) {
            (Self::Paper(paper), Some(Self::Paper(before))) => paper.put_in_mouths(Some(before)),
            (Self::Paper(paper), _) => paper.put_in_mouths(None),
            (Self::Edit(edit), before) => {
                let stood = match before {
                    Some(Self::Edit(before)) => before.operations.as_slice(),
                    Some(Self::Paper(_) | Self::Live(_)) | None => &[],
                };
                // On a page that moved the same words have another anchor.
                let said = |one: &Operation| stood.iter().any(|was| one.says_as(was));
                let foreign = edit.operations.iter().find(|one| one.by.is_some() && !said(one))?;
                let by = foreign.by.as_ref().map_or("somebody", PrincipalId::as_str);
                Some(format!("an operation carries {by}'s words, and {by} has not said them"))
            }
            (Self::Live(_), _) => None,
        }
    }

    /// With a reviewer's changes in it.
    pub fn amended(&self, by: &PrincipalId, amendment: &Amendment) -> Result<Self, NotApplicable> {
        let no = |why: &str| Err(NotApplicable::Operation { number: 1, why: why.to_owned() });
        let Amendment { strike, reword, lines, add, sections, merge } = amendment;
        match self {
            Self::Edit(edit) if lines.is_empty() && add.is_empty() && sections.is_empty() => {
                let edit = edit.amended(by, strike, reword)?;
                if edit.operations.is_empty() {
                    return no("nothing would be left of the edit: decline it instead");
                }
                Ok(Self::Edit(edit))
            }
            Self::Edit(_) => no("an edit has no timeline and no sections"),
            Self::Paper(paper) if strike.is_empty() && reword.is_empty() && !merge => {
                Ok(Self::Paper(paper.amended(by, lines, add)?.with_sections(by, sections)?))
            }
            Self::Paper(_) => {
                no("a post-mortem has lines and sentences, and no operations to strike, reword or merge")
            }
            Self::Live(_) => no("a live runbook is ticked, not amended"),
        }
    }
}

impl Live {
    /// What deciding on it does: the ticks come as the decision's conditions.
    pub fn effect(&self) -> RecordEffect {
        let steps = u32::try_from(self.steps.len()).unwrap_or(u32::MAX);
        RecordEffect { steps, ..RecordEffect::default() }
    }

    /// Step by step, for reading and for the difference that is signed.
    pub fn text(&self) -> String {
        let mut out = String::new();
        for (at, step) in self.steps.iter().enumerate() {
            let _ = writeln!(out, "{}. {}", at + 1, step.text.replace('\n', " "));
            for fact in &step.facts {
                let _ = writeln!(out, "   {}: {} (read {})", fact.name, fact.value, fact.read_at);
            }
            if let Some(broken) = &step.broken {
                let _ = writeln!(out, "   NO LONGER HOLDS: {broken}");
            }
            if let Some(row) = step.row {
                let _ = writeln!(out, "   last touched by {row}");
            }
            if let Some(SignedTick { said, by, row, at }) = &step.signed {
                let _ = writeln!(out, "   signed: {said}, by {by} in {row} ({at})");
            }
        }
        out
    }

    /// Why it is not about this page: its steps have to be the page's.
    pub fn differs_from(&self, body: &Body) -> Option<String> {
        let outline = match super::page::outline::read(body) {
            Ok(outline) => outline,
            Err(why) => return Some(why.to_string()),
        };
        let foreign = self.steps.iter().find(|step| outline.passages.iter().all(|p| p.text != step.text));
        foreign.map(|step| format!("the page has no step “{}”", step.text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::page::{Action, Anchor, Operation};

    #[test]
    fn an_edit_of_which_nothing_is_left_is_declined_and_not_amended() {
        let operation = |anchor: &str| Operation {
            anchor: Anchor { id: None, path: vec![], text: anchor.into() },
            action: Action::MarkDeprecated { instead: vec![] },
            because: "it is gone".into(),
            pointers: vec![],
            by: None,
        };
        let edit = Proposal::Edit(Edit { operations: vec![operation("one"), operation("two")] });
        let strike = |strike: Vec<usize>| {
            edit.amended(&"priya".parse().unwrap(), &Amendment { strike, ..Amendment::default() })
        };
        assert!(matches!(strike(vec![1]), Ok(Proposal::Edit(edit)) if edit.operations.len() == 1));
        assert!(strike(vec![1, 2]).unwrap_err().to_string().contains("decline it instead"));
    }
}
