//! What was asked and not answered, or answered too long ago: a hold, with the reason, never a calm number.
//!
//! Never: silence about something that a configured platform should have told.

use jiff::Timestamp;

use super::{Case, condition};
use crate::{
    agent::{
        finding::Finding,
        gatekeeper::{
            facts::{Asked, Ci},
            rules, words,
        },
        rule::Rule,
    },
    row::{Measure, Pointer, gate::Told},
};

/// One thing that nobody can rest anything on.
struct Gap {
    rule: Rule,
    what: String,
    why: String,
    at: Timestamp,
    pointer: Pointer,
}

impl Case<'_> {
    pub(super) fn unknown(&self, found: &mut Vec<Finding>) {
        let gaps = self.gaps();
        let names: Vec<String> = gaps.iter().map(|gap| gap.what.clone()).collect();
        for (at, gap) in gaps.iter().enumerate() {
            let finding =
                Finding::new(gap.rule, &gap.what, &gap.why, gap.pointer.clone(), gap.at, self.limits.fresh_s);
            let mut finding = finding.unknown();
            // What has one reason is said in one sentence.
            let same = |other: &&Gap| other.why == gap.why;
            if !gaps[..at].iter().any(|earlier| same(&earlier)) {
                let what: Vec<String> = gaps.iter().filter(same).map(|gap| gap.what.clone()).collect();
                finding =
                    finding.saying(format!("Unknown: {} ({}).", words::list(&what), words::line(&gap.why)));
            }
            if at == 0 {
                finding = finding.in_short(format!("unknown: {}", words::list(&names)));
            }
            found.push(finding);
        }
    }

    fn gaps(&self) -> Vec<Gap> {
        let mut gaps = Vec::new();
        let service = &self.facts.service;
        for burn in &service.burns {
            self.gap(&mut gaps, condition::name(burn.windows), &burn.rates, burn.pointer.clone());
        }
        if let Some(budget) = &service.budget {
            self.gap(&mut gaps, Measure::BudgetLeft.name(), &budget.answer, budget.pointer.clone());
        }
        if let Some(p95) = &service.p95 {
            self.gap(&mut gaps, Measure::P95.name(), &p95.answer, p95.pointer.clone());
            let too_few = self.usable(&p95.answer).filter(|latency| latency.usual.is_none());
            gaps.extend(too_few.map(|latency| {
                let why = format!("too few of the last {} days have data", latency.days);
                self.untold(Measure::P95.name(), &why, p95.pointer.clone())
            }));
        }
        self.gap(&mut gaps, "CI", &self.facts.ci, self.run_pointer());
        if self.usable(&self.facts.ci).is_some_and(Ci::is_silent) {
            gaps.push(self.untold("CI", "no job or check has said anything", self.run_pointer()));
        }
        self.gap(&mut gaps, "pull requests", &self.facts.pulls, self.commit_pointer());
        if let Some(argocd) = &service.argocd {
            self.gap(&mut gaps, "ArgoCD application", &argocd.answer, argocd.pointer.clone());
            for (what, word) in self
                .usable(&argocd.answer)
                .into_iter()
                .flat_map(|app| [("ArgoCD sync", &app.sync), ("ArgoCD health", &app.health)])
            {
                if matches!(word.as_str(), "Unknown" | "") {
                    gaps.push(self.untold(what, "ArgoCD cannot tell", argocd.pointer.clone()));
                }
            }
        }
        let pagerduty = self.service_pointer("pagerduty_service", "pagerduty");
        self.gap(&mut gaps, "incidents", &service.incidents, pagerduty);
        let alertmanager = self.service_pointer("alertmanager_alerts", "alertmanager");
        self.gap(&mut gaps, "alerts", &service.alerts, alertmanager);
        let datadog = self.service_pointer("datadog_monitors", "datadog");
        self.gap(&mut gaps, "monitors", &service.monitors, datadog);
        self.gap(&mut gaps, "Terraform policies", &self.facts.policies, self.plan_pointer());
        for policy in self.silent_policies() {
            let why = format!("{} is {}", policy.name, policy.word);
            gaps.push(self.untold("Terraform policies", &why, self.plan_pointer()));
        }
        self.gap(&mut gaps, "who is on call", &service.on_call, self.run_pointer());
        self.gap(&mut gaps, "earlier decisions", &self.facts.past, self.run_pointer());
        self.reading_gaps(&mut gaps);
        gaps
    }

    /// What the reading itself could not say.
    fn reading_gaps(&self, gaps: &mut Vec<Gap>) {
        let reading = &self.facts.reading;
        if let Told::Unknown(why) = &reading.plan {
            gaps.push(self.untold("Terraform plan", why, self.run_pointer()));
        }
        match &reading.changes {
            Told::Unknown(why) => gaps.push(self.untold("changes", why, self.commit_pointer())),
            Told::None => {
                let why = "nothing was deployed here before that it could be compared with";
                gaps.push(self.untold("changes", why, self.commit_pointer()));
            }
            Told::Known(changes) if !changes.complete => {
                let why = "GitHub does not list all that changed";
                gaps.push(self.untold("changed files", why, self.compare_pointer()));
            }
            Told::Known(_) => {}
        }
    }

    fn gap<T>(&self, gaps: &mut Vec<Gap>, what: &str, fact: &Asked<T>, pointer: Pointer) {
        let what = what.to_owned();
        if let Some((why, at)) = fact.unknown() {
            gaps.push(Gap { rule: rules::UNKNOWN_FACT, what, why: why.to_owned(), at, pointer });
        } else if let Some(at) = fact.at().filter(|_| self.stale(fact)) {
            let why = format!("told at {at}, more than {} s before", self.limits.fresh_s);
            gaps.push(Gap { rule: rules::STALE_FACT, what, why, at, pointer });
        }
    }

    fn untold(&self, what: &str, why: &str, pointer: Pointer) -> Gap {
        let (what, why) = (what.to_owned(), why.to_owned());
        Gap { rule: rules::UNKNOWN_FACT, what, why, at: self.facts.read_at, pointer }
    }
}

impl Ci {
    /// Nothing ended, nothing runs: there is no CI, or it was not found.
    fn is_silent(&self) -> bool {
        self.jobs.iter().chain(&self.checks).all(|job| matches!(job.word.as_str(), "waiting" | "skipped"))
    }
}
