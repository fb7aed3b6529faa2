//! Facts in, a row out: which rules fire, what they come to, and the sentences that say so.
//!
//! The worst rule wins; where none fires, or a fact is unknown, the agent holds. Every signal carries the rule that made
//! it, the place it was read at and the time.
//! Never: IO, a clock, an application's name in a condition.

mod concerns;
mod pointers;
mod support;

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{
    facts::{Facts, Gauge, Incident},
    rules::{self, Limits},
    words,
};
use crate::agent::{
    finding::{self, Finding},
    rule::Rule,
};
use crate::row::{
    Base, Draft, Effect, Kind, Pointer, Verdict, Weight, change::Change, difference, draft::PROSE_BY_RULES,
    release,
};

/// The draft of one application's drift.
pub fn draft(facts: &Facts, limits: &Limits) -> Draft {
    let case = Case { facts, limits, changes: facts.reading.changes() };
    let findings = case.findings();
    let verdict = verdict(&findings);
    let incident = case.incident_of_hand().map(|incident| incident.name.clone());
    let notes: Vec<_> = facts.releases.iter().map(|release| release.notes.known().cloned()).collect();
    Draft {
        kind: Kind::Sync,
        subject: facts.reading.app.clone(),
        environment: facts.reading.environment.clone().unwrap_or_else(|| "unknown".to_owned()),
        title: words::cut(&words::title(facts, &case.changes), Draft::TITLE_BYTES_MAX),
        verdict,
        rationale: words::cut(&case.rationale(verdict, &findings), Draft::RATIONALE_BYTES_MAX),
        prose_by: PROSE_BY_RULES.to_owned(),
        signals: findings.into_iter().map(|finding| finding.signal).take(Draft::SIGNALS_MAX).collect(),
        pointers: case.pointers(),
        incident,
        parent: None,
        reviewers: facts
            .on_call
            .known()
            .cloned()
            .unwrap_or_default()
            .into_iter()
            .take(Draft::REVIEWERS_MAX)
            .collect(),
        risk: facts.reading.risk(),
        base: Base::Sync(facts.reading.base()),
        effect: Effect::Argocd(facts.reading.effect()),
        diff: difference::of_sync(&facts.reading),
        proposal: None,
        amended_by: vec![],
        facts: release::facts(&facts.reading, &notes),
        read_at: facts.read_at,
    }
}

/// The worst wins; nothing that speaks for a sync is a hold.
fn verdict(findings: &[Finding]) -> Verdict {
    match findings.iter().map(|finding| finding.rule.weight).max() {
        Some(Weight::Go) => Verdict::Sync,
        Some(Weight::Note | Weight::Hold | Weight::Block) | None => Verdict::Hold,
    }
}

/// One drift on the table.
struct Case<'a> {
    facts: &'a Facts,
    limits: &'a Limits,
    changes: Vec<Change>,
}

impl Case<'_> {
    fn findings(&self) -> Vec<Finding> {
        let mut found = Vec::new();
        self.by_hand(&mut found);
        self.dangerous(&mut found);
        self.condition(&mut found);
        self.unknown(&mut found);
        self.remarks(&mut found);
        self.speaks_for(&mut found);
        self.evidence(&mut found);
        finding::sort(&mut found);
        found
    }

    fn remarks(&self, found: &mut Vec<Finding>) {
        if self.facts.reading.auto_sync {
            let says = "The application syncs by itself: a pinned revision is refused, and a decline cannot hold it \
                unless automated sync is turned off.";
            found.push(self.about_app(rules::AUTO_SYNC_ON, "auto-sync", "on", says.to_owned()));
        }
        let past = self.facts.past.known().map(Vec::as_slice).unwrap_or_default();
        if let Some((value, says)) = words::declined_before(past, "drift") {
            found.push(self.about_app(rules::DECLINED_BEFORE, "earlier decision", &value, says));
        }
    }

    fn rationale(&self, verdict: Verdict, findings: &[Finding]) -> String {
        let said = |weight: Weight| {
            let of = findings.iter().filter(move |finding| finding.rule.weight == weight);
            of.filter_map(|finding| finding.sentence.as_deref())
        };
        let mut seen = BTreeSet::new();
        let mut sentences: Vec<&str> = if verdict.goes_ahead() {
            // The patch release is the narrower reason where both speak.
            let patch = findings.iter().find(|finding| finding.rule == rules::PATCH_RELEASE);
            patch.map_or_else(
                || said(Weight::Go).collect(),
                |finding| finding.sentence.as_deref().into_iter().collect(),
            )
        } else {
            std::iter::once("Hold.").chain(said(Weight::Hold)).collect()
        };
        let nothing_said = sentences.len() <= 1 && !verdict.goes_ahead();
        let fallback = format!("No rule speaks for a sync of {}.", words::changed(&self.changes));
        if nothing_said {
            sentences.push(&fallback);
        }
        sentences.extend(said(Weight::Note));
        let answer = self.facts.asks.as_ref().map(|asks| words::answer(asks, "drift"));
        sentences.extend(answer.as_deref());
        sentences.retain(|sentence| seen.insert(*sentence));
        sentences.join(" ")
    }

    /// The incident that a manual change belongs to: open when it was made, or naming the object in its text.
    fn incident_for(&self, change: &Change) -> Option<&Incident> {
        let incidents = self.facts.incidents.known()?;
        let at = change.hand.as_ref().and_then(|hand| hand.at);
        let during = |incident: &&Incident| match at {
            Some(at) => incident.opened_at <= at && incident.closed_at.is_none_or(|closed| at <= closed),
            None => incident.closed_at.is_none(),
        };
        let names = |incident: &&Incident| words::names(&incident.text, &change.key.name);
        incidents.iter().find(during).or_else(|| incidents.iter().find(names))
    }

    fn incident_of_hand(&self) -> Option<&Incident> {
        self.changes
            .iter()
            .filter(|change| change.hand.is_some())
            .find_map(|change| self.incident_for(change))
    }

    fn about_app(&self, rule: Rule, name: &str, value: &str, sentence: String) -> Finding {
        self.finding(rule, name, value, self.app_pointer(), Some(self.facts.read_at), Some(sentence))
    }

    fn plain(&self, name: &str, value: &str, pointer: Pointer, at: Timestamp) -> Finding {
        self.finding(rules::READ, name, value, pointer, Some(at), None)
    }

    fn gauge(&self, rule: Rule, gauge: &Gauge, sentence: Option<String>) -> Finding {
        let sample = gauge.value.known();
        let value = sample.map(|sample| format!("{}{}", sample.value, sample.unit)).unwrap_or_default();
        let mut finding =
            self.finding(rule, &gauge.name, &value, gauge.pointer.clone(), gauge.value.at(), sentence);
        finding.signal.series = sample.and_then(|sample| sample.series.clone());
        finding
    }

    fn finding(
        &self,
        rule: Rule,
        name: &str,
        value: &str,
        pointer: Pointer,
        at: Option<Timestamp>,
        sentence: Option<String>,
    ) -> Finding {
        let at = at.unwrap_or(self.facts.read_at);
        let finding = Finding::new(rule, name, value, pointer, at, self.limits.fresh_s);
        Finding { sentence, ..finding }
    }
}

#[cfg(test)]
mod tests;
