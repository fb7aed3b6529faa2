//! The rules that hold a sync: what was changed by hand, what is hard to take back, how things are now, what is unknown.
//!
//! Never: a concern without the fact that raised it.

use jiff::Timestamp;

use super::{Case, Finding, pointers::release_pointer};
use crate::{
    agent::{
        argus::{
            facts::{Asked, CheckVerdict, Facts, Gauge},
            rules, words,
        },
        finding::incident_pointer,
        rule::Rule,
    },
    row::{
        Grade, Pointer,
        change::{Action, Change, Class},
    },
};

impl Case<'_> {
    /// Somebody changed the live object: a mitigation, where it fell into an incident.
    pub(super) fn by_hand(&self, found: &mut Vec<Finding>) {
        for change in self.changes.iter().filter(|change| change.hand.is_some()) {
            let Some(hand) = &change.hand else { continue };
            let when = hand.at.map(|at| format!(" at {at}")).unwrap_or_default();
            let value = format!("{}: {} by {}{when}", change.key, words::manual(change.class), hand.manager);
            match self.incident_for(change) {
                Some(incident) => found.push(self.finding(
                    rules::MANUAL_DURING_INCIDENT,
                    "manual change",
                    &format!("{value}, during {}", incident.name),
                    incident_pointer(incident),
                    self.facts.incidents.at(),
                    Some(format!(
                        "Drift is from a {} during incident #{}. Reconciling would revert the mitigation.",
                        words::manual(change.class),
                        incident.name
                    )),
                )),
                None => found.push(self.about_app(
                    rules::MANUAL_CHANGE,
                    "manual change",
                    &value,
                    format!(
                        "{} was changed by hand ({}). Promote that to git or revert it.",
                        change.key, hand.manager
                    ),
                )),
            }
        }
    }

    /// What a sync would do that is hard to take back.
    pub(super) fn dangerous(&self, found: &mut Vec<Finding>) {
        let of = |test: &dyn Fn(&Change) -> bool| -> Vec<String> {
            self.changes.iter().filter(|change| test(change)).map(|change| change.key.to_string()).collect()
        };
        let stateful =
            |class| matches!(class, Class::Storage | Class::Namespace | Class::CustomResourceDefinition);
        let pruned = of(&|change| change.action == Action::Removed && stateful(change.class));
        let mut fire = |rule: Rule, name: &str, named: Vec<String>, says: &str| {
            if !named.is_empty() {
                let named = words::list(&named);
                found.push(self.about_app(rule, name, &named, says.replace("{}", &named)));
            }
        };
        fire(rules::PRUNE_STATEFUL, "pruned", pruned, "A sync would delete {}, and that does not come back.");
        fire(rules::RBAC_WIDENED, "rights", of(&|c| c.class == Class::Rbac), "Rights change: {}.");
        let secrets = of(&|c| c.class == Class::Secret);
        fire(
            rules::SECRET_CHANGED,
            "secrets",
            secrets,
            "{} changes; its values are masked, so nobody can compare them here.",
        );
        fire(rules::SCHEMA_MIGRATION, "migration", self.migrations(), "A migration comes with it: {}.");
    }

    /// Jobs, hooks and paths that change a schema.
    pub(super) fn migrations(&self) -> Vec<String> {
        let jobs = self.changes.iter().filter(|change| change.class == Class::JobOrHook);
        let hooks = self.facts.reading.hooks.iter().cloned();
        let paths =
            self.facts.commits.known().and_then(|commits| commits.paths.as_deref()).unwrap_or_default();
        let migrates = |path: &&String| {
            let path = path.to_lowercase();
            self.limits.migration_paths.iter().any(|part| path.contains(part.as_str()))
        };
        jobs.map(|change| change.key.to_string())
            .chain(hooks)
            .chain(paths.iter().filter(migrates).cloned())
            .collect()
    }

    /// How the service and its surroundings are now.
    pub(super) fn condition(&self, found: &mut Vec<Finding>) {
        let Facts { reading, windows, commits, checks, freeze, .. } = self.facts;
        // What an incident shows is no second reason beside the mitigation that it asked for.
        let symptom = self.incident_of_hand().is_some();
        if reading.health != "Healthy" {
            let says = format!("{} is {} now.", reading.app, reading.health);
            let mut finding = self.about_app(rules::DEGRADED_NOW, "health", &reading.health, says);
            finding.sentence = finding.sentence.filter(|_| !symptom);
            found.push(finding);
        }
        for gauge in &self.facts.gauges {
            if let Some(sample) = gauge.value.known().filter(|sample| burns(gauge, &sample.value)) {
                let says = format!("{} is {}{}.", gauge.name, sample.value, sample.unit);
                found.push(self.gauge(rules::SLO_BURNING, gauge, (!symptom).then_some(says)));
            }
        }
        if let Asked::Known { value, at } = checks
            && matches!(value.verdict, CheckVerdict::Red | CheckVerdict::Running)
        {
            let says = format!("CI is not green: {}.", value.summary);
            found.push(self.finding(
                rules::CI_NOT_GREEN,
                "CI",
                &value.summary,
                self.checks_pointer(),
                Some(*at),
                Some(says),
            ));
        }
        if let Some(commits) = commits.known().filter(|commits| commits.behind_by > 0) {
            let says = format!(
                "Live has {} that {} has not; a sync takes them back.",
                words::commits(commits.behind_by),
                commits.branch
            );
            let value = format!("{} behind", words::commits(commits.behind_by));
            found.push(self.finding(
                rules::STEP_BACK,
                "commits",
                &value,
                self.compare_pointer(),
                self.facts.commits.at(),
                Some(says),
            ));
        }
        if let Asked::Known { value, at } = windows
            && !value.can_sync
        {
            let active = if value.active.is_empty() {
                "none that allows it".to_owned()
            } else {
                value.active.join(", ")
            };
            let says = format!("No sync window is open ({active}).");
            found.push(self.finding(
                rules::WINDOW_CLOSED,
                "sync window",
                &active,
                self.app_pointer(),
                Some(*at),
                Some(says),
            ));
        }
        if let Some(freeze) = freeze {
            let says = format!("Frozen until {}: {}.", freeze.until, freeze.why.trim_end_matches('.'));
            found.push(self.about_app(rules::FREEZE, "freeze", &freeze.why, says));
        }
    }

    /// What was asked and not answered.
    pub(super) fn unknown(&self, found: &mut Vec<Finding>) {
        let Facts { windows, commits, checks, incidents, on_call, past, gauges, releases, .. } = self.facts;
        let mut fire = |what: &str, unknown: Option<(&str, Timestamp)>, pointer: Pointer| {
            if let Some((why, at)) = unknown {
                let says = format!("Unknown: {what} ({why}).");
                let mut finding = self.finding(rules::UNKNOWN_FACT, what, why, pointer, Some(at), Some(says));
                finding.signal.verdict = Grade::Unknown;
                found.push(finding);
            }
        };
        fire("sync windows", windows.unknown(), self.app_pointer());
        fire("commits", commits.unknown(), self.commit_pointer());
        fire("CI", checks.unknown(), self.commit_pointer());
        fire("incidents", incidents.unknown(), self.service_pointer());
        fire("who is on call", on_call.unknown(), self.service_pointer());
        fire("earlier decisions", past.unknown(), self.app_pointer());
        for release in releases {
            fire(
                &format!("changelog of {}", release.chart),
                release.notes.unknown(),
                release_pointer(release),
            );
        }
        for gauge in gauges.iter().filter(|gauge| gauge.hold_at.is_some()) {
            fire(&gauge.name, gauge.value.unknown(), gauge.pointer.clone());
        }
        if commits.known().is_some_and(|commits| commits.paths.is_none()) {
            let at = self.facts.commits.at().unwrap_or(self.facts.read_at);
            fire("changed paths", Some(("GitHub cut the list off", at)), self.compare_pointer());
        }
        if self.facts.reading.environment.is_none() {
            fire(
                "environment",
                Some(("the application has no label `env`", self.facts.read_at)),
                self.app_pointer(),
            );
        }
    }
}

/// A gauge with a threshold is at or over it. What is no number was made unknown when it was read.
pub(super) fn burns(gauge: &Gauge, value: &str) -> bool {
    let threshold = gauge.hold_at.as_deref().and_then(|text| text.parse::<f64>().ok());
    threshold.zip(value.parse::<f64>().ok()).is_some_and(|(threshold, value)| value >= threshold)
}
