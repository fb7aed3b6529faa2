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
        Action, Operation,
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

    /// A passage that reads so was on the page that this revision was made for; where that is not known, so it is taken.
    pub(super) fn had(&self, passage: &str) -> bool {
        let was: Vec<&str> = self.text.lines().collect();
        let is: Vec<&str> = passage.lines().collect();
        was.is_empty()
            || is.is_empty()
            || was.windows(is.len()).any(|at| at.iter().zip(&is).all(|(line, text)| reads(line, text)))
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
        let lost: BTreeSet<usize> =
            refitted.left_out.iter().filter(|out| out.lost).map(|out| out.number).collect();
        // One tick row or message sets off several operations: what goes with a passage that stood there already is another
        // one, which reviewers saw and struck.
        let may = |at: usize, new: &Operation| !lost.contains(&(at + 1)) || !before.had(&new.anchor.text);
        let pairs = paired_where(&before.edit.operations, drafted, may);
        let mut numbered = vec![None; before.edit.operations.len()];
        let mut said = Vec::new();
        for out in &refitted.left_out {
            let at = out.number.saturating_sub(1);
            let story = pairs.get(at).copied().flatten().and_then(|pair| drafted.get(pair));
            // Under a heading, and where on the page: a person's to say.
            let story = story.filter(|story| out.lost && !self.is_heading(story.at));
            let again = story.and_then(|story| placed_again(&out.operation, story));
            match (again, numbered.get_mut(at)) {
                (Some(again), Some(place)) => {
                    said.push(self.placed_again(out, &again));
                    *place = Some(again);
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

    /// Where it stands now, and whose words it has.
    fn placed_again(&self, out: &LeftOut, again: &Wanted) -> Finding {
        let (number, was) = (out.number, small(&out.operation.phrase()));
        let there = quoted(&again.operation.anchor.text);
        let words = match &out.operation.by {
            Some(by) => format!("It reads as {by} worded it for the passage that is gone."),
            None => "It reads as the edit had it for the passage that is gone.".to_owned(),
        };
        let says = format!(
            "Placed again: operation {number} ({was}) is proposed at {there} now, from what was said, since {}. {words}",
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

/// Where the story has it now, in the words that the edit has: they may be a reviewer's whose name they lost when they were
/// placed again before. A reviewer said them of one passage: on another one they are no longer said in their name.
fn placed_again(operation: &Operation, story: &Wanted) -> Option<Wanted> {
    let mut again = story.clone();
    let action = on_its_side(&operation.action, &story.operation.action)?;
    if action != again.operation.action {
        again.operation.action = action;
        again.phrase = again.operation.phrase();
    }
    Some(again)
}

/// The earlier words on the side of the story's passage; none where these two do not do the like.
fn on_its_side(earlier: &Action, story: &Action) -> Option<Action> {
    match (earlier, story) {
        (Action::InsertBefore { blocks } | Action::InsertAfter { blocks }, Action::InsertBefore { .. }) => {
            Some(Action::InsertBefore { blocks: blocks.clone() })
        }
        (Action::InsertBefore { blocks } | Action::InsertAfter { blocks }, Action::InsertAfter { .. }) => {
            Some(Action::InsertAfter { blocks: blocks.clone() })
        }
        // Another value is another operation.
        (Action::ReplaceValue { was, .. }, Action::ReplaceValue { was: now, .. }) if was != now => None,
        (Action::Replace { .. }, Action::Replace { .. })
        | (Action::ReplaceValue { .. }, Action::ReplaceValue { .. })
        | (Action::MarkDeprecated { .. }, Action::MarkDeprecated { .. }) => Some(earlier.clone()),
        _ => None,
    }
}

/// A line of the page's text is this line of a passage: but for the sign of its list or heading, what strikes it out, and
/// where its links go.
fn reads(line: &str, text: &str) -> bool {
    let (line, text) = (undressed(line), undressed(text));
    line == text || line.strip_suffix(&text).is_some_and(is_sign)
}

/// `3. `, `- `, `## `, `[macro info] `.
fn is_sign(before: &str) -> bool {
    let Some(sign) = before.strip_suffix(' ') else { return false };
    let number = sign.strip_suffix('.').is_some_and(|number| number.chars().all(|c| c.is_ascii_digit()));
    number
        || sign == "-"
        || sign.chars().all(|c| c == '#')
        || sign.starts_with("[macro ") && sign.ends_with(']')
}

fn undressed(line: &str) -> String {
    let (mut out, mut rest) = (String::new(), line);
    while let Some((before, from)) = rest.split_once('<') {
        let Some((_, after)) = from.split_once('>') else { break };
        out.push_str(before);
        rest = after;
    }
    out.push_str(rest);
    out.replace("~~", "").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Which of what is drafted afresh each operation came from, the closest first; none has two.
pub(in crate::agent::scribe) fn paired(operations: &[Operation], drafted: &[Wanted]) -> Vec<Option<usize>> {
    paired_where(operations, drafted, |_, _| true)
}

/// Those alone that `may` come from one origin at another passage: the operation by its place from 0, and what is drafted.
fn paired_where(
    operations: &[Operation],
    drafted: &[Wanted],
    may: impl Fn(usize, &Operation) -> bool,
) -> Vec<Option<usize>> {
    let here = |one: &Operation, new: &Operation| one.anchor.text == new.anchor.text;
    let closeness: [&dyn Fn(usize, &Operation, &Operation) -> bool; 3] = [
        &|_, one, new| here(one, new) && one.action == new.action,
        &|_, one, new| here(one, new) && of_one_origin(one, new),
        &|at, one, new| may(at, new) && of_one_origin(one, new),
    ];
    let mut pairs = vec![None; operations.len()];
    let mut free: BTreeSet<usize> = (0..drafted.len()).collect();
    for close in closeness {
        for (number, operation) in operations.iter().enumerate() {
            if pairs[number].is_none() {
                let found = free.iter().copied().find(|at| close(number, operation, &drafted[*at].operation));
                pairs[number] = found.filter(|at| free.remove(at));
            }
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
