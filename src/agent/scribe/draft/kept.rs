//! An edit that reviewers amended, on the page as it is now: what they left of it and what they wrote in it is what is
//! proposed, not what the story would say afresh.
//!
//! Never: an operation that a reviewer struck; a reviewer's words changed, or said in their name of another passage; an
//! operation left out without a word.

use std::collections::BTreeSet;

use super::{
    Case, Finding, Wanted,
    operations::name,
    rules,
    words::{list, small},
};
use crate::{
    agent::{scribe::facts::Before, words::quoted},
    row::page::{
        Operation,
        outline::PassageKind,
        refit::{Fitted, LeftOut},
    },
};

impl Before {
    /// `sarah and ben`; none where nobody amended it.
    pub(super) fn amenders(&self) -> Option<String> {
        let names: Vec<String> = self.amended_by.iter().map(ToString::to_string).collect();
        (!names.is_empty()).then(|| list(&names))
    }
}

impl Case<'_> {
    /// The revision before, where reviewers amended it, and who they were.
    pub(super) fn amended(&self) -> Option<(&Before, String)> {
        let before = self.facts.before.as_ref()?;
        Some((before, before.amenders()?))
    }

    /// Its operations at their numbers, with gaps where one no longer fits. What the story would propose beside them stays
    /// out: of what was struck nothing else is left to remember it by.
    pub(super) fn kept(
        &self,
        (before, by): (&Before, &str),
        drafted: &[Wanted],
        found: &mut Vec<Finding>,
    ) -> Result<Vec<Option<Wanted>>, String> {
        let refitted = before.edit.refitted(&self.facts.page.body).map_err(|why| why.to_string())?;
        let pairs = paired(&before.edit.operations, drafted);
        let mut numbered = vec![None; before.edit.operations.len()];
        let mut said = Vec::new();
        for out in &refitted.left_out {
            let at = out.number.saturating_sub(1);
            let story = pairs.get(at).copied().flatten().and_then(|pair| drafted.get(pair));
            // Under a heading, and where on the page: a person's to say.
            let story = story.filter(|story| out.lost && !self.is_heading(story.at));
            match (story, numbered.get_mut(at)) {
                (Some(story), Some(place)) => {
                    *place = Some(placed_again(&out.operation, story));
                    said.push(self.placed_again(out, story));
                }
                _ => said.push(self.left_out(out)),
            }
        }
        found.splice(0..0, said);
        let again: BTreeSet<usize> = pairs.iter().flatten().copied().collect();
        let beside = drafted.iter().enumerate().filter(|(at, _)| !again.contains(at));
        found.extend(beside.map(|(_, one)| self.beside(one, by)));
        for one in refitted.kept {
            let at = one.number.saturating_sub(1);
            let story = pairs.get(at).copied().flatten().and_then(|pair| drafted.get(pair));
            if let Some(place) = numbered.get_mut(at) {
                *place = Some(self.still(one, story));
            }
        }
        Ok(numbered)
    }

    /// An operation that stands; what the row says of it is what the story says, but where its words are a reviewer's.
    fn still(&self, fitted: Fitted, story: Option<&Wanted>) -> Wanted {
        let Fitted { at, operation, .. } = fitted;
        if let Some(story) = story.filter(|_| operation.by.is_none()) {
            return Wanted { operation, at, ..story.clone() };
        }
        let from = operation.pointers.first().unwrap_or(&self.facts.story.pointer).clone();
        Wanted { id: 0, phrase: operation.phrase(), rule: rules::KEPT, from, at, operation }
    }

    fn is_heading(&self, at: usize) -> bool {
        self.outline.passages.get(at).is_some_and(|one| matches!(one.kind, PassageKind::Heading(_)))
    }

    /// Where it stands now, and what became of the reviewer's words.
    fn placed_again(&self, out: &LeftOut, story: &Wanted) -> Finding {
        let (number, was) = (out.number, small(&out.operation.phrase()));
        let there = quoted(&story.operation.anchor.text);
        let words = match &out.operation.by {
            Some(by) => format!(" It reads as {by} worded it for the passage that is gone."),
            None => String::new(),
        };
        let says = format!(
            "Placed again: operation {number} ({was}) is proposed at {there} now, from what was said, since {}.{words}",
            out.why
        );
        let pointer = self.page_pointer();
        self.finding(rules::PLACED_AGAIN, "placed again", &format!("{number}: {was}"), pointer, &says)
    }

    /// What of an amended edit stands as it was.
    pub(super) fn as_amended(by: &str, findings: &[Finding]) -> String {
        let changed = [rules::PLACED_AGAIN, rules::NO_LONGER_FITS];
        if findings.iter().any(|finding| changed.contains(&finding.rule)) {
            return format!("What of the edit still fits is kept as {by} amended it.");
        }
        format!("The edit is kept as {by} amended it.")
    }

    fn left_out(&self, out: &LeftOut) -> Finding {
        let LeftOut { number, operation, why, .. } = out;
        let phrase = operation.phrase();
        let says = format!("Left out: operation {number} ({}), since {why}.", small(&phrase));
        let pointer = self.page_pointer();
        self.finding(rules::NO_LONGER_FITS, "left out", &format!("{number}: {phrase}"), pointer, &says)
    }

    fn beside(&self, one: &Wanted, by: &str) -> Finding {
        let phrase = small(&one.phrase);
        let says = format!("Not proposed: {phrase}; it is not in the edit as {by} amended it.");
        self.finding(rules::NOT_AS_AMENDED, "not proposed", &one.phrase, one.from.clone(), &says)
    }
}

/// A reviewer said their words of one passage: on another one they are no longer said in their name.
fn placed_again(operation: &Operation, story: &Wanted) -> Wanted {
    let mut again = story.clone();
    if operation.by.is_some() {
        again.operation.action = operation.action.clone();
        again.phrase = operation.phrase();
    }
    again
}

/// Which of what is drafted afresh each operation came from, the closest first; none has two.
pub(in crate::agent::scribe) fn paired(operations: &[Operation], drafted: &[Wanted]) -> Vec<Option<usize>> {
    let closeness: [fn(&Operation, &Operation) -> bool; 3] = [
        |one, new| one.anchor.text == new.anchor.text && one.action == new.action,
        |one, new| one.anchor.text == new.anchor.text && of_one_origin(one, new),
        of_one_origin,
    ];
    let mut pairs = vec![None; operations.len()];
    let mut free: BTreeSet<usize> = (0..drafted.len()).collect();
    for close in closeness {
        for (operation, pair) in operations.iter().zip(&mut pairs).filter(|(_, pair)| pair.is_none()) {
            let found = free.iter().copied().find(|at| close(operation, &drafted[*at].operation));
            *pair = found.filter(|at| free.remove(at));
        }
    }
    pairs
}

/// They do the like, and rest on the same record: other words, or another place.
fn of_one_origin(one: &Operation, new: &Operation) -> bool {
    let same =
        one.because == new.because || one.pointers.iter().any(|pointer| new.pointers.contains(pointer));
    same && name(&one.action) == name(&new.action)
}
