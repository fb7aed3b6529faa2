//! Facts in, a row out: what was said and run becomes operations on the page, each with its reason and what it rests on.
//!
//! The worst rule wins; what is disputed, cut off, unknown or without a place holds. Where nothing is left to propose there
//! is no row.
//! Never: IO, a clock; an operation without a message, an entry or a tick behind it.

mod kept;
mod moved;
mod operations;
mod shown;
mod ticked;

use std::collections::BTreeSet;

use super::{
    facts::{Asked, Facts},
    requests,
    rules::{self, Limits},
    words,
};
use crate::{
    agent::{
        finding::{self, Finding},
        people,
        rule::Rule,
    },
    row::{
        self, Draft, Kind, Pointer, Proposal, Verdict, Weight,
        draft::PROSE_BY_RULES,
        page::{self, Edit, NotApplicable, Outline, Proposed, outline},
    },
    wire::WithdrawRequest,
};

pub(super) use kept::paired;
pub(super) use operations::{Wanted, item_like};

/// Why there is no draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nothing {
    pub why: String,
    /// Not all could be read: what was proposed before is not taken back for it.
    pub uncertain: bool,
}

impl Nothing {
    fn certain(why: impl Into<String>) -> Self {
        Self { why: why.into(), uncertain: false }
    }
}

/// The draft of one page after one incident; else why there is none.
pub fn draft(facts: &Facts, limits: &Limits) -> Result<Draft, Nothing> {
    let (outline, unreadable) = match outline::read(&facts.page.body) {
        Ok(outline) => (outline, None),
        Err(why) => (Outline { passages: Vec::new() }, Some(why.to_string())),
    };
    if let Some(shut) = facts.page.shut() {
        return Err(Nothing::certain(shut));
    }
    let case = Case { facts, limits, outline: &outline };
    let mut findings = Vec::new();
    let (wanted, mut answers) = match &unreadable {
        None => case.asked(&mut findings)?,
        Some(_) => (case.wanted(&mut findings), Vec::new()),
    };
    let (wanted, reading) = case.applied(wanted, &mut findings);
    requests::compare(&mut answers, &wanted);
    // What is not in an edit that reviewers amended is not theirs to place again.
    let placed = case.amended().is_some() || findings.iter().all(|finding| finding.rule != rules::NOT_PLACED);
    if wanted.is_empty() && (placed || requests::left_out(&answers).is_some()) {
        return Err(match unreadable {
            Some(why) => Nothing { why, uncertain: true },
            None => case.nothing(&findings, &answers),
        });
    }
    findings.extend(unreadable.as_deref().map(|why| case.unreadable(why)));
    findings.extend(wanted.iter().map(|one| case.proposing(one)));
    case.shown(&mut findings);
    finding::sort(&mut findings);
    let verdict = verdict(&findings);
    // Its difference is part of the draft: what was declined before is known only now.
    let reading = row::Reading::Page(Box::new(reading));
    let rationale = case.rationale(verdict, &findings, &answers);
    let edit = edit(&wanted);
    Ok(Draft {
        kind: Kind::Runbook,
        subject: facts.name.clone(),
        environment: facts.runbook.environment.clone(),
        title: words::cut(&case.title(&wanted, &findings), Draft::TITLE_BYTES_MAX),
        verdict,
        rationale: words::cut(&rationale, Draft::RATIONALE_BYTES_MAX),
        prose_by: PROSE_BY_RULES.to_owned(),
        signals: findings.into_iter().map(|finding| finding.signal).take(Draft::SIGNALS_MAX).collect(),
        pointers: case.pointers(&wanted),
        incident: Some(facts.story.incident.clone()),
        parent: None,
        reviewers: case.reviewers(),
        risk: reading.risk(),
        base: reading.base(),
        effect: reading.effect(),
        diff: reading.difference(),
        proposal: Some(Proposal::Edit(edit)),
        amended_by: facts.before.as_ref().map(|before| before.amended_by.clone()).unwrap_or_default(),
        facts: facts.story.row_facts(),
        read_at: facts.read_at,
    })
}

/// The worst wins.
fn verdict(findings: &[Finding]) -> Verdict {
    let worst = findings.iter().map(|finding| finding.rule.weight).max();
    if worst == Some(Weight::Go) { Verdict::Publish } else { Verdict::Hold }
}

fn edit(wanted: &[Wanted]) -> Edit {
    Edit { operations: wanted.iter().map(|one| one.operation.clone()).collect() }
}

/// One incident and one page on the table.
struct Case<'a> {
    facts: &'a Facts,
    limits: &'a Limits,
    outline: &'a Outline,
}

impl Case<'_> {
    /// What is to be proposed, with what reviewers asked of it: on top of what they amended, where they did.
    fn asked(&self, found: &mut Vec<Finding>) -> Result<(Vec<Wanted>, Vec<requests::Answered>), Nothing> {
        let Case { facts, outline, .. } = *self;
        let drafted = self.wanted(found);
        let Some((before, by)) = self.amended() else {
            self.disputes(&drafted, found);
            return Ok(requests::follow(&facts.asks, drafted, facts, outline));
        };
        let numbered = self.kept((before, &by), &drafted, found).map_err(Nothing::certain)?;
        let standing: Vec<Wanted> = numbered.iter().flatten().cloned().collect();
        self.disputes(&standing, found);
        Ok(requests::follow_amended(&facts.asks, numbered, facts, outline))
    }

    fn reading(&self, wanted: &[Wanted]) -> page::Reading {
        page::Reading {
            name: self.facts.name.clone(),
            environment: self.facts.runbook.environment.clone(),
            risk: self.facts.runbook.risk,
            keys: self.facts.runbook.keys,
            page: self.facts.page.clone(),
            proposed: Proposed::Edit(edit(wanted)),
        }
    }

    /// The operations that fit the page, and the reading with them; one that does not fit is named and left out.
    fn applied(&self, mut wanted: Vec<Wanted>, found: &mut Vec<Finding>) -> (Vec<Wanted>, page::Reading) {
        loop {
            let reading = self.reading(&wanted);
            let Some(Err(NotApplicable::Operation { number, why })) = reading.next() else {
                return (wanted, reading);
            };
            let Some(at) = number.checked_sub(1).filter(|at| *at < wanted.len()) else {
                return (wanted, reading);
            };
            let one = wanted.remove(at);
            let says = format!("{} cannot be carried out on the page: {why}.", one.phrase);
            found.push(self.finding(rules::NOT_PLACED, "left out", &one.phrase, one.from.clone(), &says));
        }
    }

    /// Reviewers had it left out, it could not be read, or the page needs nothing: said as it is.
    fn nothing(&self, findings: &[Finding], answers: &[requests::Answered]) -> Nothing {
        if let Some(asked) = requests::left_out(answers) {
            let why = format!("nothing is left of the edit: {asked}");
            return Nothing::certain(words::cut(&why, WithdrawRequest::WHY_MAX));
        }
        let said: Vec<_> = findings.iter().filter_map(|finding| finding.sentence.clone()).collect();
        let story = &self.facts.story;
        let lacks = [story.events.unknown(), story.said.unknown()].into_iter().flatten().next();
        let why = match (lacks, said.first()) {
            (Some((why, _)), _) => format!("nothing is known to propose, and not all could be read: {why}"),
            (None, Some(first)) => format!("nothing to propose: {first}"),
            (None, None) => "nothing was said or run that the page does not have".to_owned(),
        };
        Nothing { why, uncertain: lacks.is_some() }
    }

    fn title(&self, wanted: &[Wanted], findings: &[Finding]) -> String {
        match wanted {
            // Nothing to publish: what has no place is a person's to place.
            [] => match findings.iter().find(|finding| finding.rule == rules::NOT_PLACED) {
                Some(finding) => format!("Not placed on {}: {}", self.facts.name, finding.signal.value),
                None => format!("Not placed on {}", self.facts.name),
            },
            [one] => one.phrase.clone(),
            [first, rest @ ..] => format!("{}, and {} more", first.phrase, rest.len()),
        }
    }

    /// What the reviewer asked first, then why; a hold says so at the beginning.
    fn rationale(&self, verdict: Verdict, findings: &[Finding], answers: &[requests::Answered]) -> String {
        let of = |weight: Weight| {
            let of = findings.iter().filter(move |finding| finding.rule.weight == weight);
            of.filter_map(|finding| finding.sentence.clone())
        };
        let mut sentences: Vec<String> = requests::sentences(answers);
        sentences.extend(self.moved());
        sentences.extend(self.amended().map(|(_, by)| Self::as_amended(&by, findings)));
        if verdict == Verdict::Hold {
            sentences.push("Hold.".to_owned());
            sentences.extend(of(Weight::Hold));
        }
        sentences.extend(of(Weight::Go));
        sentences.extend(of(Weight::Note));
        let mut seen = BTreeSet::new();
        sentences.retain(|sentence| seen.insert(sentence.clone()));
        if sentences.is_empty() {
            sentences.push(format!("After {}.", self.facts.story.incident));
        }
        sentences.join(" ")
    }

    /// Who responded, else who is on call; of those who may decide on it.
    fn reviewers(&self) -> Vec<row::PrincipalId> {
        let may = |all: &[row::PrincipalId]| people::who_may(all, self.facts.owner.as_ref());
        let responders = may(&self.facts.story.responders);
        let on_call = self.facts.on_call.known().map(|all| may(all));
        let on_it = responders
            .iter()
            .find(|one| on_call.as_ref().is_none_or(|all| all.is_empty() || all.contains(one)));
        match (on_it.or(responders.first()), on_call) {
            (Some(one), _) => vec![one.clone()],
            (None, Some(all)) => all.into_iter().take(Draft::REVIEWERS_MAX).collect(),
            (None, None) => Vec::new(),
        }
    }

    fn page_pointer(&self) -> Pointer {
        let site = self.facts.runbook.site;
        finding::pointer(site.pointer(), site.name(), &self.facts.page.id, &self.facts.page.url)
    }

    /// The page, the incident, and what the operations rest on, without doubles.
    fn pointers(&self, wanted: &[Wanted]) -> Vec<Pointer> {
        let first = [self.page_pointer(), self.facts.story.pointer.clone()];
        let rest = wanted.iter().flat_map(|one| one.operation.pointers.iter().cloned());
        let gauges = self.facts.story.gauges.iter().map(|gauge| gauge.pointer.clone());
        let mut seen = BTreeSet::new();
        let all = first.into_iter().chain(rest).chain(gauges);
        all.filter(|pointer| seen.insert(pointer.clone())).take(Draft::POINTERS_MAX).collect()
    }

    fn finding(&self, rule: Rule, name: &str, value: &str, pointer: Pointer, sentence: &str) -> Finding {
        let at = self.facts.story.said.at().unwrap_or(self.facts.read_at);
        Finding::new(rule, name, value, pointer, at, self.limits.fresh_s).saying(sentence)
    }

    /// The signal of an operation.
    fn proposing(&self, one: &Wanted) -> Finding {
        self.finding(one.rule, one.name(), &one.phrase, one.from.clone(), &one.operation.because)
    }

    fn unreadable(&self, why: &str) -> Finding {
        let says = format!("{why}: what was said for it is a person's to place.");
        self.finding(rules::PAGE_UNREADABLE, "page", why, self.page_pointer(), &says)
    }

    fn unknown<T>(&self, what: &str, asked: &Asked<T>, pointer: Pointer) -> Option<Finding> {
        let (why, at) = asked.unknown()?;
        let says = format!("Unknown: {what} ({why}).");
        let finding = Finding::new(rules::UNKNOWN_FACT, what, why, pointer, at, self.limits.fresh_s);
        Some(finding.saying(says).unknown())
    }
}

#[cfg(test)]
pub(super) mod tests;
