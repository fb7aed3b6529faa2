//! Facts in, a row out: which rules fire, what they come to, and the sentences that say so.
//!
//! The worst rule wins; where none fires, or a fact is unknown, the agent holds. Every signal carries the rule that made
//! it, the place it was read at and the time.
//! Never: IO, a clock, an application's name in a condition.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{
    facts::{Asked, CheckVerdict, Facts, Gauge, Incident, Pull, Release},
    rules::{self, Limits, Rule},
    words,
};
use crate::row::{
    Base, Draft, Effect, Grade, Kind, Pointer, Risk, Signal, Verdict, Weight,
    change::{Action, Change, Class},
    difference,
    draft::PROSE_BY_RULES,
    release::{self, Bump, Changelog},
};

/// One rule that fired: the signal that it made, and what it adds to the rationale (nothing, for mere evidence).
#[derive(Debug, Clone, PartialEq)]
struct Finding {
    rule: Rule,
    signal: Signal,
    sentence: Option<String>,
}

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
        // The weightiest first; among equals the table's order.
        found.sort_by_key(|finding| std::cmp::Reverse(finding.rule.weight));
        found
    }

    /// Somebody changed the live object: a mitigation, where it fell into an incident.
    fn by_hand(&self, found: &mut Vec<Finding>) {
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
    fn dangerous(&self, found: &mut Vec<Finding>) {
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
    fn migrations(&self) -> Vec<String> {
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
    fn condition(&self, found: &mut Vec<Finding>) {
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
                self.commit_pointer(),
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
                self.commit_pointer(),
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
    fn unknown(&self, found: &mut Vec<Finding>) {
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
            fire(&gauge.name, gauge.value.unknown(), gauge_pointer(gauge));
        }
        if let Some(commits) = commits.known().filter(|commits| commits.paths.is_none()) {
            let at = self.facts.commits.at().unwrap_or(self.facts.read_at);
            fire(
                "changed paths",
                Some(("GitHub cut the list off", at)),
                self.commit_pointer_of(&commits.target, &commits.target_url),
            );
        }
        if self.facts.reading.environment.is_none() {
            fire(
                "environment",
                Some(("the application has no label `env`", self.facts.read_at)),
                self.app_pointer(),
            );
        }
    }

    fn remarks(&self, found: &mut Vec<Finding>) {
        if self.facts.reading.auto_sync {
            let says = "The application syncs by itself: a pinned revision is refused, and a decline cannot hold it \
                unless automated sync is turned off.";
            found.push(self.about_app(rules::AUTO_SYNC_ON, "auto-sync", "on", says.to_owned()));
        }
        let past = self.facts.past.known().map(Vec::as_slice).unwrap_or_default();
        if let Some(last) = past.iter().find(|past| past.same_drift && past.decision == "decline") {
            let says = format!(
                "The same drift was declined by {} at {}: {}",
                last.by,
                last.at,
                words::line(&last.note)
            );
            let value = format!("{} declined {}", last.by, last.row);
            found.push(self.about_app(rules::DECLINED_BEFORE, "earlier decision", &value, says));
        }
    }

    /// The rules that speak for a sync.
    fn speaks_for(&self, found: &mut Vec<Finding>) {
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
            let mut says =
                words::roll_forward(&pulls, commits.subjects.last().map(String::as_str), &commits.target);
            says.push_str(&format!(" {}", self.blast_radius()));
            found.push(self.finding(
                rules::ROLL_FORWARD,
                "roll forward",
                &value,
                self.commit_pointer(),
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
            let mut says = "Patch release, changelog is dependency bumps only.".to_owned();
            if let Some(environment) =
                reading.environment.as_ref().filter(|e| self.limits.auto_environments.contains(e))
            {
                says.push_str(&format!(" Auto-syncing in {environment} first."));
            }
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

    fn only_images_or_charts(&self) -> bool {
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
    fn blast_radius(&self) -> String {
        let low = self.changes.len() <= self.limits.low_blast_resources
            && self.facts.reading.risk() == Risk::Reversible;
        let radius = if low {
            "Low blast radius".to_owned()
        } else {
            format!("{} resources change", self.changes.len())
        };
        let paths_known = self.facts.commits.known().is_some_and(|commits| commits.paths.is_some());
        if paths_known && self.migrations().is_empty() {
            format!("{radius}, no schema change.")
        } else {
            format!("{radius}.")
        }
    }

    /// What was read and raises no concern: shown, so that the reviewer sees that it was looked at.
    fn evidence(&self, found: &mut Vec<Finding>) {
        let Facts { reading, checks, incidents, gauges, .. } = self.facts;
        if reading.health == "Healthy" {
            found.push(self.plain("health", &reading.health, self.app_pointer(), self.facts.read_at));
        }
        if let Asked::Known { value, at } = checks {
            let mut signal = self.plain("CI", &value.summary, self.commit_pointer(), *at);
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
                    let names =
                        words::list(&open.iter().map(|incident| incident.name.clone()).collect::<Vec<_>>());
                    let mut signal = self.plain("open incidents", &names, incident_pointer(first), *at);
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
                let mut finding = self.plain(&gauge.name, why, gauge_pointer(gauge), at);
                finding.signal.verdict = Grade::Unknown;
                found.push(finding);
            }
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
        let answer = self.facts.asks.as_ref().map(words::answer);
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

    /// Everything a reader may want to open, without doubles.
    fn pointers(&self) -> Vec<Pointer> {
        let mut pointers = vec![self.app_pointer()];
        if let Some(commits) = self.facts.commits.known() {
            pointers.push(self.commit_pointer());
            pointers.extend(commits.pulls.iter().rev().map(pull_pointer));
        }
        pointers.extend(self.facts.releases.iter().map(release_pointer));
        pointers.extend(self.facts.incidents.known().into_iter().flatten().map(incident_pointer));
        pointers.extend(self.facts.gauges.iter().map(gauge_pointer));
        let mut seen = BTreeSet::new();
        pointers.retain(|pointer| seen.insert(pointer.clone()));
        pointers.truncate(Draft::POINTERS_MAX);
        pointers
    }

    fn app_pointer(&self) -> Pointer {
        pointer(
            "argocd_application",
            "argocd",
            &format!("argocd/app/{}", self.facts.reading.app),
            &self.facts.app_url,
        )
    }

    /// The target commit, or the application where no repository was compared.
    fn commit_pointer(&self) -> Pointer {
        match self.facts.commits.known() {
            Some(commits) => self.commit_pointer_of(&commits.target, &commits.target_url),
            None => self.app_pointer(),
        }
    }

    #[expect(clippy::unused_self, reason = "beside its siblings, which look at the case")]
    fn commit_pointer_of(&self, sha: &str, url: &str) -> Pointer {
        pointer("github_commit", "github", sha, url)
    }

    /// Where incidents of the service would stand.
    fn service_pointer(&self) -> Pointer {
        self.facts
            .incidents
            .known()
            .and_then(|all| all.first())
            .map_or_else(|| self.app_pointer(), incident_pointer)
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
            self.finding(rule, &gauge.name, &value, gauge_pointer(gauge), gauge.value.at(), sentence);
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
        let verdict = match rule.weight {
            Weight::Hold | Weight::Block => Grade::Bad,
            Weight::Go => Grade::Good,
            Weight::Note if rule == rules::READ => Grade::Good,
            Weight::Note => Grade::Bad,
        };
        let value = words::cut(&words::line(value), Draft::FIELD_BYTES_MAX);
        let value = if value.is_empty() { "not told".to_owned() } else { value };
        let signal = Signal {
            name: words::cut(&words::line(name), Draft::FIELD_BYTES_MAX),
            value,
            verdict,
            weight: rule.weight,
            pointer,
            rule: rule.name(),
            fetched_at: at.unwrap_or(self.facts.read_at),
            budget_s: self.limits.fresh_s,
            series: None,
        };
        Finding { rule, signal, sentence }
    }
}

/// A gauge with a threshold is at or over it. What is no number was made unknown when it was read.
fn burns(gauge: &Gauge, value: &str) -> bool {
    let threshold = gauge.hold_at.as_deref().and_then(|text| text.parse::<f64>().ok());
    threshold.zip(value.parse::<f64>().ok()).is_some_and(|(threshold, value)| value >= threshold)
}

fn pointer(name: &str, platform: &str, reference: &str, url: &str) -> Pointer {
    let reference = words::cut(&words::line(reference), Draft::FIELD_BYTES_MAX);
    Pointer { name: name.to_owned(), platform: platform.to_owned(), reference, url: url.to_owned() }
}

fn pull_pointer(pull: &Pull) -> Pointer {
    pointer("github_pull_request", "github", &pull.number.to_string(), &pull.url)
}

fn release_pointer(release: &Release) -> Pointer {
    pointer(
        "github_release",
        "github",
        &format!("{} {}", release.chart.chart, release.chart.to),
        &release.url,
    )
}

fn incident_pointer(incident: &Incident) -> Pointer {
    pointer("pagerduty_incident", "pagerduty", &incident.name, &incident.url)
}

fn gauge_pointer(gauge: &Gauge) -> Pointer {
    pointer("prometheus_query", "prometheus", &gauge.query, &gauge.url)
}

#[cfg(test)]
mod tests;
