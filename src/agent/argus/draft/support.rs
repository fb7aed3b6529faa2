//! The rules that speak for a sync, and what was read and raises no concern.
//!
//! Never: a word for a sync that rests on something unread.

use super::{Case, Finding, concerns::burns, pointers::release_pointer};
use crate::{
    agent::{
        argus::{
            facts::{Asked, CheckVerdict, Facts, Pull, Release},
            rules, words,
        },
        finding::incident_pointer,
    },
    row::{
        Grade, Risk,
        change::{Action, Class},
        release::{self, Bump, Changelog},
    },
};

impl Case<'_> {
    /// The rules that speak for a sync.
    pub(super) fn speaks_for(&self, found: &mut Vec<Finding>) {
        let Facts { reading, commits, checks, releases, .. } = self.facts;
        let by_git = !self.changes.is_empty() && self.changes.iter().all(|change| change.hand.is_none());
        if !by_git || !self.only_images_or_charts() {
            return;
        }
        let green = checks.known().is_some_and(|checks| checks.verdict == CheckVerdict::Green);
        if let Some(commits) =
            commits.known().filter(|commits| green && commits.ahead_by > 0 && commits.behind_by == 0)
        {
            let value = format!("{} ahead on {}, CI green", words::commits(commits.ahead_by), commits.branch);
            let pulls: Vec<&Pull> = commits.pulls.iter().collect();
            let subject = commits.subjects.last().map(String::as_str);
            let says = words::roll_forward(&pulls, subject, &commits.target);
            let says = format!("{says} {}", self.blast_radius());
            found.push(self.finding(
                rules::ROLL_FORWARD,
                "roll forward",
                &value,
                self.compare_pointer(),
                checks.at(),
                Some(says),
            ));
        }
        let about = |release: &Release| {
            release.notes.known().map_or(Changelog::Unknown, |notes| release::changelog(notes))
        };
        let patch = !releases.is_empty()
            && release::bump(reading) == Bump::Patch
            && releases.iter().all(|release| about(release) == Changelog::Dependencies);
        if let Some(first) = releases.first().filter(|_| patch) {
            let auto = reading.environment.as_ref().filter(|e| self.limits.auto_environments.contains(e));
            let first_there = auto.map(|environment| format!(" Auto-syncing in {environment} first."));
            let says = "Patch release, changelog is dependency bumps only.".to_owned();
            let says = says + &first_there.unwrap_or_default();
            let value = first.chart.to_string();
            found.push(self.finding(
                rules::PATCH_RELEASE,
                "chart release",
                &value,
                release_pointer(first),
                first.notes.at(),
                Some(says),
            ));
        }
    }

    pub(super) fn only_images_or_charts(&self) -> bool {
        let plain = |class| matches!(class, Class::ImageTag | Class::ChartVersion | Class::Metadata);
        self.changes.iter().all(|change| {
            change.action == Action::Changed
                && !change.fields.is_empty()
                && change.fields.iter().all(|field| plain(field.class))
        }) && self
            .changes
            .iter()
            .flat_map(|change| &change.fields)
            .any(|field| field.class != Class::Metadata)
    }

    /// `Low blast radius, no schema change.` Both halves only where they were read.
    pub(super) fn blast_radius(&self) -> String {
        let low = self.changes.len() <= self.limits.low_blast_resources
            && self.facts.reading.risk() == Risk::Reversible;
        let radius = if low {
            "Low blast radius".to_owned()
        } else {
            words::plural(self.changes.len(), "resource changes", "resources change")
        };
        let paths_known = self.facts.commits.known().is_some_and(|commits| commits.paths.is_some());
        if paths_known && self.migrations().is_empty() {
            format!("{radius}, no schema change.")
        } else {
            format!("{radius}.")
        }
    }

    /// What was read and raises no concern: shown, so that the reviewer sees that it was looked at.
    pub(super) fn evidence(&self, found: &mut Vec<Finding>) {
        let Facts { reading, checks, incidents, gauges, .. } = self.facts;
        if reading.health == "Healthy" {
            found.push(self.plain("health", &reading.health, self.app_pointer(), self.facts.read_at));
        }
        if let Asked::Known { value, at } = checks {
            let mut signal = self.plain("CI", &value.summary, self.checks_pointer(), *at);
            match value.verdict {
                CheckVerdict::Green => found.push(signal),
                CheckVerdict::None => {
                    signal.signal.verdict = Grade::Unknown;
                    found.push(signal);
                }
                CheckVerdict::Red | CheckVerdict::Running => (),
            }
        }
        if let Asked::Known { value, at } = incidents {
            let open: Vec<_> = value.iter().filter(|incident| incident.closed_at.is_none()).collect();
            match open.first() {
                None => found.push(self.plain("open incidents", "none", self.service_pointer(), *at)),
                Some(first) => {
                    let titles = open.iter().map(|incident| format!("{}: {}", incident.name, incident.title));
                    let titles = words::list(&titles.collect::<Vec<_>>());
                    let mut signal = self.plain("open incidents", &titles, incident_pointer(first), *at);
                    signal.signal.verdict = Grade::Bad;
                    found.push(signal);
                }
            }
        }
        for gauge in gauges {
            if gauge.value.known().is_some_and(|sample| !burns(gauge, &sample.value)) {
                found.push(self.gauge(rules::READ, gauge, None));
            } else if let Some((why, at)) = gauge.value.unknown().filter(|_| gauge.hold_at.is_none()) {
                // It only informs: its absence is shown, and holds nothing.
                let mut finding = self.plain(&gauge.name, why, gauge.pointer.clone(), at);
                finding.signal.verdict = Grade::Unknown;
                found.push(finding);
            }
        }
    }
}
