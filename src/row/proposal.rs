//! What rows about documents propose, beside what every draft says: an edit, a live runbook, a post-mortem.
//!
//! The backend applies it to its own reading: what it would write, and the difference that is signed, follow from it.
//! Never: believed for what a platform says itself.

use std::collections::BTreeMap;

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
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Live {
    pub incident: String,
    pub steps: Vec<LiveStep>,
    /// What stands behind the last step, under headings of its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<LivePart>,
    /// So many more steps the page has than are shown.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more: usize,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LiveStep {
    /// Where the page has it: `Failover 2a`. Empty in rows that were drafted before it was kept.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub label: String,
    /// As on the page.
    pub text: String,
    /// What stands between the step before and this one, headings among it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<LivePart>,
    /// What belongs to it: commands, warnings, what else is said of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub under: Vec<LivePart>,
    /// It is struck out on the page: it keeps its number, and nobody ticks it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deprecated: bool,
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

/// A passage of the page that is no step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LivePart {
    pub sort: PartSort,
    pub text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PartSort {
    Heading,
    Text,
    Code,
    /// A macro or block of its own kind: `warning: …`.
    Note,
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
        let mut lines: Vec<String> = Vec::new();
        for (at, step) in self.steps.iter().enumerate() {
            lines.extend(step.before.iter().flat_map(LivePart::lines));
            lines.push(format!("{}. {}", at + 1, step.head()));
            lines.extend(step.under.iter().flat_map(LivePart::lines).map(|line| format!("   {line}")));
            let facts = step.facts.iter();
            lines.extend(
                facts.map(|fact| format!("   {}: {} (read {})", fact.name, fact.value, fact.read_at)),
            );
            lines.extend(step.broken.iter().map(|broken| format!("   NO LONGER HOLDS: {broken}")));
            lines.extend(step.row.iter().map(|row| format!("   last touched by {row}")));
            lines.extend(step.signed.iter().map(|SignedTick { said, by, row, at }| {
                format!("   signed: {said}, by {by} in {row} ({at})")
            }));
        }
        lines.extend(self.after.iter().flat_map(LivePart::lines));
        lines.extend(self.not_shown());
        lines.iter().fold(String::new(), |text, line| text + line + "\n")
    }

    /// That steps were cut off, where they were.
    pub fn not_shown(&self) -> Option<String> {
        match self.more {
            0 => None,
            1 => Some("1 more step is not shown: see the page".to_owned()),
            many => Some(format!("{many} more steps are not shown: see the page")),
        }
    }

    /// Why it is not about this page: its steps have to be the page's, with all that stands around them.
    pub fn differs_from(&self, body: &Body) -> Option<String> {
        let outline = match super::page::outline::read(body) {
            Ok(outline) => outline,
            Err(why) => return Some(why.to_string()),
        };
        if self.is_bare() {
            let foreign = self.steps.iter().find(|step| outline.passages.iter().all(|p| p.text != step.text));
            return foreign.map(LiveStep::is_not_there);
        }
        self.lacks(&outline)
    }

    /// It was drafted before labels were kept, and says of its steps the text alone.
    pub fn is_bare(&self) -> bool {
        self.after.is_empty() && self.more == 0 && self.steps.iter().all(LiveStep::is_bare)
    }

    /// What of the page's steps, commands and warnings it leaves out or has otherwise.
    pub fn lacks(&self, outline: &super::page::Outline) -> Option<String> {
        let page = super::page::procedure::of(outline);
        let said = |step: &LiveStep| LiveStep {
            facts: Vec::new(),
            broken: None,
            row: None,
            signed: None,
            ..step.clone()
        };
        if let Some((foreign, _)) = self.steps.iter().zip(&page.steps).find(|(is, on)| said(is) != **on) {
            return Some(foreign.is_not_there());
        }
        let (has, on) = (self.steps.len(), page.steps.len());
        let whole = has == on && self.after == page.after && self.more == page.more;
        (!whole).then(|| format!("it has {has} steps, the page {on}, or what stands behind them differs"))
    }
}

impl LiveStep {
    /// On one line, as the page names it: `Failover 2 · Fail over to the replica.`
    pub fn head(&self) -> String {
        let text = self.text.replace('\n', " ");
        let struck = if self.deprecated { "DEPRECATED: " } else { "" };
        match self.label.as_str() {
            "" => format!("{struck}{text}"),
            label => format!("{label} · {struck}{text}"),
        }
    }

    fn is_not_there(&self) -> String {
        format!("the page has no step “{}”", self.head())
    }

    fn is_bare(&self) -> bool {
        self.label.is_empty() && self.before.is_empty() && self.under.is_empty() && !self.deprecated
    }
}

impl LivePart {
    /// For reading: a heading behind `##`, code line by line behind a bar, text behind a point.
    pub fn lines(&self) -> Vec<String> {
        match self.sort {
            PartSort::Heading => vec![format!("## {}", self.text.replace('\n', " "))],
            PartSort::Code => self.text.split('\n').map(|line| format!("| {line}")).collect(),
            PartSort::Note => self.text.split('\n').map(|line| format!("! {line}")).collect(),
            // A mark of its own: what the page says is never taken for a line of ours.
            PartSort::Text => self.text.split('\n').map(|line| format!("\u{b7} {line}")).collect(),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_zero(count: &usize) -> bool {
    *count == 0
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
