//! Facts in, a post-mortem out: its lines, its sentences, the questions that stay open, and the row around it.
//!
//! Never: IO, a clock, a sentence outside the open questions that points at nothing.

mod helped;
mod numbers;
mod outcome;
mod sections;
mod signals;
mod timeline;

use super::{
    facts::Facts,
    requests::{self, Answered},
    words::{self, Known},
};
use crate::row::{
    Draft, Kind, Pointer, PrincipalId, Proposal, Reading, Verdict, Weight,
    draft::PROSE_BY_RULES,
    paper::{self, HEADINGS, Paper, Section, Sentence},
};
use numbers::Measured;
use timeline::{Kept, Noted};

/// The draft about one incident.
pub fn draft(facts: &Facts) -> Draft {
    let case = Case::of(facts);
    let (paper, answers) = case.paper();
    let findings = case.signals(&paper);
    let hold = findings.iter().any(|finding| finding.rule.weight >= Weight::Hold);
    let reading = Reading::Paper(Box::new(paper::Reading {
        incident: facts.story.incident.clone(),
        updated_at: facts.story.updated_at.clone(),
        closed: facts.story.closed_at.is_some(),
        service: facts.story.service.clone(),
        environment: facts.place.environment.clone(),
        paper: Some(paper.clone()),
    }));
    let mut reviewers = facts.reviewers.clone();
    reviewers.truncate(Draft::REVIEWERS_MAX);
    Draft {
        kind: Kind::Postmortem,
        subject: reading.subject(),
        environment: facts.place.environment.clone(),
        title: words::cut(&format!("Post-mortem: {}", about(facts)), Draft::TITLE_BYTES_MAX),
        verdict: if hold { Verdict::Hold } else { Verdict::Publish },
        rationale: words::cut(&Case::rationale(&paper, &findings, &answers), Draft::RATIONALE_BYTES_MAX),
        prose_by: PROSE_BY_RULES.to_owned(),
        signals: findings.into_iter().map(|finding| finding.signal).take(Draft::SIGNALS_MAX).collect(),
        pointers: case.pointers(),
        incident: Some(facts.story.incident.clone()),
        parent: None,
        reviewers,
        risk: reading.risk(),
        base: reading.base(),
        effect: reading.effect(),
        diff: reading.difference(),
        proposal: Some(Proposal::Paper(paper)),
        amended_by: facts.before.as_ref().map(|before| before.amended_by.clone()).unwrap_or_default(),
        facts: facts.story.row_facts(),
        read_at: facts.read_at,
    }
}

/// One incident on the table, with what its lines and numbers come to.
struct Case<'a> {
    facts: &'a Facts,
    people: Vec<Known>,
    noted: Vec<Noted<'a>>,
    measured: Vec<Measured<'a>>,
    kept: Kept,
}

impl<'a> Case<'a> {
    fn of(facts: &'a Facts) -> Self {
        let measured = numbers::measured(&facts.story, &facts.limits);
        let noted = timeline::noted(facts, &measured);
        let kept = timeline::kept(facts, &noted);
        Self { facts, people: people(facts), noted, measured, kept }
    }

    /// With what was asked for in notes, and how each was answered.
    fn paper(&self) -> (Paper, Vec<Answered>) {
        let facts = self.facts;
        let paper = Paper {
            incident: facts.story.incident.clone(),
            title: paper::title(&facts.story.incident, &about(facts)),
            site: facts.place.site,
            space: facts.place.space.clone(),
            parent: facts.place.parent.clone(),
            sections: self.sections(),
            timeline: self.kept.lines.clone(),
        };
        let (paper, mut answers) = requests::follow(facts, paper);
        let paper = match &facts.before {
            Some(before) => paper.keeping(&before.paper),
            None => paper,
        };
        requests::compare(&mut answers, &paper);
        (paper, answers)
    }

    fn sections(&self) -> Vec<Section> {
        let told = [
            self.summary(),
            self.impact(),
            self.factors(),
            self.helped(),
            self.hindered(),
            self.actions(),
            self.questions(),
        ];
        let all = HEADINGS.into_iter().zip(told);
        let said = all.filter(|(_, sentences)| !sentences.is_empty());
        said.map(|(heading, sentences)| Section { heading: heading.to_owned(), sentences }).collect()
    }

    /// One sentence of prose, on what it rests.
    fn sentence(&self, text: &str, pointers: &[&Pointer]) -> Sentence {
        let mut found: Vec<Pointer> = Vec::new();
        for pointer in pointers {
            if !found.contains(pointer) {
                found.push((*pointer).clone());
            }
        }
        Sentence::of(words::blameless(text, &self.people), found)
    }

    /// The incident first, then the rows around it.
    fn pointers(&self) -> Vec<Pointer> {
        let rows = self.facts.story.rows.iter().map(|around| &around.pointer);
        let mut found: Vec<Pointer> = Vec::new();
        for pointer in std::iter::once(&self.facts.story.pointer).chain(rows) {
            if found.len() < Draft::POINTERS_MAX && !found.contains(pointer) {
                found.push(pointer.clone());
            }
        }
        found
    }
}

/// What the incident is about; its row and its page name it beside that.
fn about(facts: &Facts) -> String {
    let title = words::line(&facts.story.title);
    match paper::without_incident(&facts.story.incident, &title) {
        "" => facts.story.incident.clone(),
        about => about.to_owned(),
    }
}

/// The section of this heading, where the paper has one.
fn sections_named<'p>(paper: &'p Paper, heading: &str) -> Option<&'p Section> {
    paper.sections.iter().find(|section| section.heading == heading)
}

/// Everybody whom the story names, the longest names first, with what prose calls them.
fn people(facts: &Facts) -> Vec<Known> {
    let story = &facts.story;
    let role = |name: &str| match story.responders.iter().position(|person| person.as_str() == name) {
        Some(0) => "the first responder",
        Some(1) => "the second responder",
        Some(2) => "the third responder",
        Some(_) => "a responder",
        None => "a colleague",
    };
    let events = story.events.known().into_iter().flatten().filter_map(|event| event.by.as_deref());
    let said = story.said.known().into_iter().flatten().filter(|said| !said.bot).map(|said| said.by.as_str());
    let deciders = story.rows.iter().filter_map(|around| decider(&around.what));
    let responders = story.responders.iter().map(PrincipalId::as_str);
    let reviewers = facts.reviewers.iter().map(PrincipalId::as_str);
    let mut people: Vec<Known> = Vec::new();
    for name in responders.chain(events).chain(said).chain(deciders).chain(reviewers) {
        let name = words::line(name);
        if !name.is_empty() && people.iter().all(|known| known.name != name) {
            people.push(Known { role: role(&name).to_owned(), name });
        }
    }
    people.sort_by_key(|known| std::cmp::Reverse(known.name.len()));
    people
}

/// `executed, overridden by priya` → `priya`.
fn decider(what: &str) -> Option<&str> {
    let (_, after) = what.rsplit_once("by ")?;
    after.split([',', ' ', ';']).next()
}

#[cfg(test)]
mod tests;
