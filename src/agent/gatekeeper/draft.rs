//! Facts in, a row out: which rules fire, what they come to, and the sentences that say so.
//!
//! The worst rule wins; where none fires, or a fact is unknown or stale, the gatekeeper holds. A fact that several rules
//! look at makes one signal, under the weightiest of them.
//! Never: IO, a clock, a service's name in a condition.

mod change;
mod condition;
mod infrastructure;
mod pointers;
mod unknown;

use std::collections::{BTreeMap, BTreeSet};

use super::{
    facts::{Asked, Burn, Facts, Incident, Latency, Rates, Usual},
    rules::{self, Limits},
    schema::{self, Migration},
    severity::{self, Severity},
    words,
};
use crate::{
    agent::{
        finding::{self, Finding},
        rule::Rule,
    },
    row::{
        Base, Draft, Grade, Kind, Measure, Pointer, Verdict, Weight, difference,
        draft::PROSE_BY_RULES,
        gate::{File, ResourceChange},
    },
};

/// Phrases in a title before the rest is counted.
const PHRASES_MAX: usize = 4;

/// The draft of one run before one environment.
pub fn draft(facts: &Facts, limits: &Limits) -> Draft {
    let case = Case::of(facts, limits);
    let findings = case.findings();
    let verdict = verdict(&findings);
    let title = case.title(verdict, &findings);
    let on_call = facts.service.on_call.known().cloned().unwrap_or_default();
    Draft {
        kind: Kind::Gate,
        subject: facts.reading.subject(),
        environment: facts.reading.environment.clone(),
        title: words::cut(&title, Draft::TITLE_BYTES_MAX),
        verdict,
        rationale: words::cut(&case.rationale(verdict, &title, &findings), Draft::RATIONALE_BYTES_MAX),
        prose_by: PROSE_BY_RULES.to_owned(),
        pointers: case.pointers(),
        signals: findings.into_iter().map(|finding| finding.signal).take(Draft::SIGNALS_MAX).collect(),
        incident: case.open_incidents().first().map(|incident| incident.name.clone()),
        parent: facts.parent,
        reviewers: on_call.into_iter().take(Draft::REVIEWERS_MAX).collect(),
        risk: facts.reading.class(),
        base: Base::Gate(facts.reading.base()),
        effect: facts.reading.execution(),
        diff: difference::of_gate(&facts.reading),
        proposal: None,
        amended_by: vec![],
        facts: BTreeMap::new(),
        read_at: facts.read_at,
    }
}

/// The worst wins; nothing that speaks for shipping is a hold.
fn verdict(findings: &[Finding]) -> Verdict {
    match findings.iter().map(|finding| finding.rule.weight).max() {
        Some(Weight::Block) => Verdict::Block,
        Some(Weight::Go) => Verdict::Ship,
        Some(Weight::Note | Weight::Hold) | None => Verdict::Hold,
    }
}

/// One run on the table, with what its change comes to.
struct Case<'a> {
    facts: &'a Facts,
    limits: &'a Limits,
    migrations: Vec<Migration>,
    /// What the plan does with privileges.
    privileges: Vec<&'a ResourceChange>,
    /// What the plan destroys or replaces that holds state.
    lost: Vec<&'a ResourceChange>,
    /// Changed files that mean privileges, where no plan says it better.
    privilege_paths: Vec<String>,
}

impl<'a> Case<'a> {
    fn of(facts: &'a Facts, limits: &'a Limits) -> Self {
        let files = facts.reading.changes.known().map(|changes| changes.files.as_slice()).unwrap_or_default();
        let plan = facts.reading.plan.known();
        let resources = plan.map(|plan| plan.changes.as_slice()).unwrap_or_default();
        let planned =
            |path: &str| plan.is_some() && path.rsplit_once('.').is_some_and(|(_, kind)| kind == "tf");
        let mean_privileges = |path: &str| {
            let path = path.to_lowercase();
            path.split(|c: char| !c.is_alphanumeric())
                .any(|word| limits.privilege_paths.iter().any(|p| p == word))
        };
        let paths = files.iter().flat_map(File::paths);
        Self {
            facts,
            limits,
            migrations: schema::migrations(files, &limits.migration_paths),
            privileges: resources.iter().filter(|change| change.privileges()).collect(),
            lost: resources.iter().filter(|change| change.loses_state()).collect(),
            privilege_paths: paths
                .filter(|path| mean_privileges(path) && !planned(path))
                .map(str::to_owned)
                .collect(),
        }
    }

    fn findings(&self) -> Vec<Finding> {
        let mut found = Vec::new();
        self.ci(&mut found);
        self.burns(&mut found);
        self.budget(&mut found);
        self.incidents(&mut found);
        self.privileges(&mut found);
        self.state_lost(&mut found);
        self.overtaken(&mut found);
        self.plan_state(&mut found);
        self.policies(&mut found);
        self.schema(&mut found);
        self.canary(&mut found);
        self.application(&mut found);
        self.freeze(&mut found);
        self.unknown(&mut found);
        self.remarks(&mut found);
        self.speaks_for(&mut found);
        self.evidence(&mut found);
        finding::sort(&mut found);
        found
    }

    fn title(&self, verdict: Verdict, findings: &[Finding]) -> String {
        let speaks = |finding: &&Finding| match verdict {
            Verdict::Ship => finding.rule.weight == Weight::Go,
            _ => matches!(finding.rule.weight, Weight::Block | Weight::Hold),
        };
        let mut seen = BTreeSet::new();
        let mut phrases: Vec<String> = findings
            .iter()
            .filter(speaks)
            .filter_map(|finding| finding.phrase.clone())
            .filter(|phrase| seen.insert(phrase.clone()))
            .collect();
        if phrases.is_empty() {
            phrases = self.missing();
        }
        if phrases.len() > PHRASES_MAX {
            let more = phrases.len() - PHRASES_MAX;
            phrases.truncate(PHRASES_MAX);
            phrases.push(format!("{more} more"));
        }
        phrases.join(", ")
    }

    /// The title again, under the verdict, then what each of the rules that made it has to say.
    fn rationale(&self, verdict: Verdict, title: &str, findings: &[Finding]) -> String {
        let said = |weight: Weight| {
            let of = findings.iter().filter(move |finding| finding.rule.weight == weight);
            of.filter_map(|finding| finding.sentence.clone())
        };
        let mut sentences = vec![format!("{}: {title}.", words::capital(verdict.word()))];
        if verdict == Verdict::Ship {
            sentences.extend(said(Weight::Go));
        } else {
            sentences.extend(said(Weight::Block).chain(said(Weight::Hold)));
            if sentences.len() == 1 {
                sentences.push("No rule speaks for shipping it.".to_owned());
            }
        }
        sentences.extend(said(Weight::Note));
        sentences.extend(self.facts.asks.as_ref().map(|asks| words::answer(asks, "change")));
        let mut seen = BTreeSet::new();
        sentences.retain(|sentence| seen.insert(sentence.clone()));
        sentences.join(" ")
    }

    fn remarks(&self, found: &mut Vec<Finding>) {
        if let Some(plan) = self.facts.reading.plan.known().filter(|plan| plan.auto_apply) {
            let says = format!(
                "The workspace {} applies by itself: an answer here gates nothing of its plan.",
                words::line(&plan.workspace)
            );
            found.push(
                self.about(rules::AUTO_APPLY, "Terraform apply", "by itself", self.plan_pointer())
                    .saying(says),
            );
        }
        if let Some(parent) = self.facts.parent {
            let pointer = finding::pointer("dock_row", "dock", &parent.to_string(), "");
            let value = format!("{parent}, healthy there");
            found.push(self.about(rules::READ, "promoted from", &value, pointer));
        }
        let past = self.facts.past.known().map(Vec::as_slice).unwrap_or_default();
        if let Some((value, says)) = words::declined_before(past, "change") {
            found.push(
                self.about(rules::DECLINED_BEFORE, "earlier decision", &value, self.run_pointer())
                    .saying(says),
            );
        }
    }

    /// A signal about what was read with the run itself.
    fn about(&self, rule: Rule, name: &str, value: &str, pointer: Pointer) -> Finding {
        Finding::new(rule, name, value, pointer, self.facts.read_at, self.limits.fresh_s)
    }

    /// A signal from a fact with its own time.
    fn told<T>(&self, rule: Rule, name: &str, value: &str, pointer: Pointer, fact: &Asked<T>) -> Finding {
        let at = fact.at().unwrap_or(self.facts.read_at);
        Finding::new(rule, name, value, pointer, at, self.limits.fresh_s)
    }

    /// The value, where it was told and is fresh.
    fn usable<'f, T>(&self, fact: &'f Asked<T>) -> Option<&'f T> {
        fact.known().filter(|_| !self.stale(fact))
    }

    /// It was told too long ago to rest anything on.
    fn stale<T>(&self, fact: &Asked<T>) -> bool {
        let age = fact.at().map(|at| self.facts.read_at.duration_since(at));
        fact.known().is_some() && age.is_some_and(|age| age.as_secs() > i64::from(self.limits.fresh_s))
    }

    fn rates(&self, burn: &'a Burn) -> Option<&'a Rates> {
        self.usable(&burn.rates)
    }

    /// The most that both windows of some pair burn at; zero only where every pair says so.
    fn burn(&self) -> f64 {
        let told = self.facts.service.burns.iter().filter_map(|burn| self.rates(burn));
        told.map(Rates::both).fold(0.0, f64::max)
    }

    fn burning(&self) -> bool {
        self.burn() >= self.limits.burn_hold
    }

    fn open_incidents(&self) -> Vec<&'a Incident> {
        let all = self.facts.service.incidents.known().map(Vec::as_slice).unwrap_or_default();
        let mut open: Vec<_> = all.iter().filter(|incident| incident.closed_at.is_none()).collect();
        open.sort_by_key(|incident| self.severity(incident));
        open
    }

    fn severity(&self, incident: &Incident) -> Severity {
        severity::of(incident.priority.as_deref(), self.limits)
    }

    /// What was read and raises no concern, or has no rule of its own.
    fn evidence(&self, found: &mut Vec<Finding>) {
        self.latency(found);
        self.plan_evidence(found);
        self.monitors(found);
        for gauge in &self.facts.service.gauges {
            let pointer = gauge.pointer.clone();
            if let Some(sample) = self.usable(&gauge.value) {
                let value = format!("{}{}", sample.value, sample.unit);
                let told = self.told(rules::READ, &gauge.name, &value, pointer, &gauge.value);
                found.push(told.with_series(sample.series.clone()));
            } else if let Some((why, _)) = gauge.value.unknown() {
                // It only informs: its absence is shown, and holds nothing.
                found.push(self.told(rules::READ, &gauge.name, why, pointer, &gauge.value).unknown());
            }
        }
    }

    /// How slow it is now, and where that raises no concern, how it was for two weeks.
    fn latency(&self, found: &mut Vec<Finding>) {
        let Some(p95) = &self.facts.service.p95 else { return };
        let Some(latency) = self.usable(&p95.answer) else { return };
        let now = words::number(latency.now_ms);
        if let Some(why) = self.slow(latency) {
            let value = format!("{now} ms, {why}");
            let told =
                self.told(rules::P95_SLOW, Measure::P95.name(), &value, p95.pointer.clone(), &p95.answer);
            let told =
                told.saying(format!("p95 is {now} ms now, {why}.")).with_series(latency.series.clone());
            // One number in a title says how the service is: its burn, where that is too high.
            found.push(if self.burning() { told } else { told.in_short(format!("p95 {now} ms")) });
            return;
        }
        let Some(moved) = latency.usual.map(|usual| usual.moved_percent) else { return };
        let by = words::number(moved);
        let value = if self.stable(moved) {
            format!("{now} ms, within {by}% for {} d", latency.days)
        } else {
            format!("{now} ms, moved by {by}% in {} d", latency.days)
        };
        let mut told = self.told(rules::READ, Measure::P95.name(), &value, p95.pointer.clone(), &p95.answer);
        if !self.stable(moved) {
            told.signal.verdict = Grade::Bad;
        }
        found.push(told.with_series(latency.series.clone()));
    }

    /// What p95 as it is now is over; none where it is not too slow. What is no number is over anything.
    fn slow(&self, latency: &Latency) -> Option<String> {
        let limit = self.limits.p95_limit_ms(latency.usual)?;
        if latency.now_ms < limit {
            return None;
        }
        let over = |usual: Usual| {
            let percent = words::number((latency.now_ms / usual.ms - 1.0) * 100.0);
            format!("{percent}% over its usual {} ms", words::number(usual.ms))
        };
        let own = self.limits.p95_max_ms.filter(|max| *max <= limit);
        let own = own.map(|max| format!("its limit is {} ms", words::number(max)));
        own.or_else(|| latency.usual.map(over))
    }

    fn stable(&self, moved_percent: f64) -> bool {
        moved_percent <= self.limits.p95_moved_percent
    }
}

#[cfg(test)]
mod tests;
