//! The rules about what the run brings: CI, privileges, state, schemas, and what would speak for shipping it.
//!
//! Never: a word for shipping that rests on something unread.

use super::Case;
use crate::{
    agent::{
        finding::Finding,
        gatekeeper::{
            facts::{Ci, Job, Latency},
            rules::{self, P95_DAYS},
            schema, words,
        },
    },
    row::gate::{Action, File, Pipeline, Told},
};

/// How a job or a check stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stand {
    Green,
    Skipped,
    /// Behind a gate, ours among them.
    Gated,
    Failed,
    /// It runs, or GitHub says a word that we do not know.
    Unfinished,
}

fn stand(job: &Job) -> Stand {
    match job.word.as_str() {
        "success" | "neutral" => Stand::Green,
        "skipped" => Stand::Skipped,
        "waiting" => Stand::Gated,
        "failure" | "error" | "cancelled" | "timed_out" | "action_required" | "stale" | "startup_failure" => {
            Stand::Failed
        }
        _ => Stand::Unfinished,
    }
}

fn all(ci: &Ci) -> impl Iterator<Item = &Job> {
    ci.jobs.iter().chain(&ci.checks)
}

fn named(ci: &Ci, wanted: Stand) -> Vec<String> {
    let of = all(ci).filter(|job| stand(job) == wanted);
    of.map(|job| format!("{} {}", words::line(&job.name), words::line(&job.word))).collect()
}

impl Case<'_> {
    pub(super) fn ci(&self, found: &mut Vec<Finding>) {
        let Some(ci) = self.usable(&self.facts.ci) else { return };
        let mut fire = |rule, named: Vec<String>, short: &str, says: &str| {
            if !named.is_empty() {
                let list = words::list(&named);
                let told = self.told(rule, "CI", &list, self.run_pointer(), &self.facts.ci);
                found.push(told.saying(format!("{says}: {list}.")).in_short(format!("{short}: {list}")));
            }
        };
        fire(rules::CI_FAILED, named(ci, Stand::Failed), "CI failed", "CI failed");
        fire(rules::JOB_SKIPPED, self.not_run(ci), "required job skipped", "A required job proved nothing");
        fire(rules::CI_UNFINISHED, named(ci, Stand::Unfinished), "CI not finished", "CI still runs");
        if self.green(ci) {
            found.push(self.told(
                rules::READ,
                "CI",
                &self.green_words(ci),
                self.run_pointer(),
                &self.facts.ci,
            ));
        }
    }

    /// Required jobs that were skipped or are not there.
    fn not_run(&self, ci: &Ci) -> Vec<String> {
        let skipped = |job: &&Job| stand(job) == Stand::Skipped;
        if !self.limits.must_run.is_empty() {
            let run = |name: &&String| all(ci).any(|job| job.name == **name && !skipped(&job));
            let missing = self.limits.must_run.iter().filter(|name| !run(name));
            return missing.map(|name| words::line(name)).collect();
        }
        let required = |job: &&Job| {
            let name = job.name.to_lowercase();
            self.limits.required_jobs.iter().any(|word| name.contains(word.as_str()))
        };
        all(ci).filter(skipped).filter(required).map(|job| words::line(&job.name)).collect()
    }

    /// Something succeeded, and nothing failed or still runs.
    pub(super) fn green(&self, ci: &Ci) -> bool {
        all(ci).any(|job| stand(job) == Stand::Green)
            && all(ci).all(|job| !matches!(stand(job), Stand::Failed | Stand::Unfinished))
            && self.not_run(ci).is_empty()
    }

    pub(super) fn privileges(&self, found: &mut Vec<Finding>) {
        let widened: Vec<_> = self
            .privileges
            .iter()
            .copied()
            .filter(|change| matches!(change.action, Action::Create | Action::Update | Action::Replace))
            .collect();
        let rule = if self.burning() { rules::DANGER_WHILE_BURNING } else { rules::PRIVILEGE_WIDENED };
        if !widened.is_empty() {
            let (short, which) = (words::plan(&widened), words::addresses(&widened));
            let told = self.about(rule, "privileges", &format!("{short}: {which}"), self.plan_pointer());
            found.push(told.saying(format!("Privileges would change: {which}.")).in_short(short));
        }
        if !self.privilege_paths.is_empty() {
            let paths = words::quoted(&self.privilege_paths);
            let told = self.about(rule, "privileges", &paths, self.compare_pointer());
            let says = format!("Privileges change in {paths}.");
            found.push(told.saying(says).in_short(format!("privileges change in {paths}")));
        }
    }

    pub(super) fn state_lost(&self, found: &mut Vec<Finding>) {
        if self.lost.is_empty() {
            return;
        }
        let rule = if self.burning() { rules::DANGER_WHILE_BURNING } else { rules::STATE_LOST };
        let (short, which) = (words::plan(&self.lost), words::addresses(&self.lost));
        let told = self.about(rule, "state", &format!("{short}: {which}"), self.plan_pointer());
        let says = format!("The plan loses state that does not come back: {which}.");
        found.push(told.saying(says).in_short(short));
    }

    pub(super) fn overtaken(&self, found: &mut Vec<Finding>) {
        let Some(newer) = self.facts.reading.overtaken.as_deref().map(words::line) else { return };
        let value = format!("overtaken by {newer}");
        let says = format!("The plan that is shown was overtaken by {newer}: it would not be applied.");
        let told = self.about(rules::PLAN_OVERTAKEN, "Terraform plan", &value, self.plan_pointer());
        found.push(told.saying(says).in_short("plan overtaken"));
    }

    pub(super) fn schema(&self, found: &mut Vec<Finding>) {
        let Some(first) = self.migrations.first() else { return };
        let mut tables: Vec<String> =
            self.migrations.iter().flat_map(|migration| migration.tables.iter().cloned()).collect();
        tables.sort();
        tables.dedup();
        let files: Vec<String> = self.migrations.iter().map(|migration| migration.path.clone()).collect();
        let (files, first) = (words::quoted(&files), words::line(&first.path));
        let (value, short, says) = if tables.is_empty() {
            (
                files.clone(),
                format!("schema migration `{first}`"),
                format!("A migration comes with it: {files}."),
            )
        } else {
            let tables = words::quoted(&tables);
            (
                format!("touches {tables} in {files}"),
                format!("schema touches {tables}"),
                format!("A migration touches {tables}: {files}."),
            )
        };
        let told = self.about(rules::SCHEMA_MIGRATION, "schema", &value, self.compare_pointer());
        found.push(told.saying(says).in_short(short));
    }

    pub(super) fn canary(&self, found: &mut Vec<Finding>) {
        match &self.facts.reading.canary {
            None if self.costly() => found.push(
                self.about(rules::NO_CANARY, "canary", "none configured", self.run_pointer())
                    .saying("No canary is configured, and what this changes is costly to take back.")
                    .in_short("no canary config"),
            ),
            None => {}
            Some(canary) => {
                found.push(self.about(rules::READ, "canary", &canary.sentence(), self.run_pointer()));
            }
        }
    }

    /// Taking the deploy back would not take back what it changed.
    pub(super) fn costly(&self) -> bool {
        let gone = |action| matches!(action, Action::Destroy | Action::Replace);
        let plan = self.facts.reading.plan.known();
        self.changes_privileges_or_schema()
            || plan.is_some_and(|plan| plan.changes.iter().any(|c| gone(c.action)))
    }

    pub(super) fn changes_privileges_or_schema(&self) -> bool {
        !(self.migrations.is_empty() && self.privileges.is_empty() && self.privilege_paths.is_empty())
    }

    pub(super) fn plan_evidence(&self, found: &mut Vec<Finding>) {
        let Some(plan) = self.facts.reading.plan.known() else { return };
        let count =
            |wanted: &[Action]| plan.changes.iter().filter(|change| wanted.contains(&change.action)).count();
        let cost = plan.monthly_cost_delta.as_deref().map(|cost| format!(", {} a month", words::line(cost)));
        let value = format!(
            "{} to add, {} to change, {} to destroy{}; {}",
            count(&[Action::Create, Action::Replace]),
            count(&[Action::Update]),
            count(&[Action::Destroy, Action::Replace]),
            cost.unwrap_or_default(),
            words::line(&plan.status)
        );
        found.push(self.about(rules::READ, "Terraform plan", &value, self.plan_pointer()));
    }

    pub(super) fn speaks_for(&self, found: &mut Vec<Finding>) {
        let reasons = self.missing();
        let usual = self.p95().and_then(|latency| latency.usual);
        let (Some(ci), Some(usual), true) = (self.usable(&self.facts.ci), usual, reasons.is_empty()) else {
            return;
        };
        let files = self.facts.reading.changes.known().map_or(0, |changes| changes.files.len());
        let (ci, moved) = (self.green_words(ci), words::number(usual.moved_percent));
        let value = format!("CI {ci}, p95 within {moved}% for {P95_DAYS} d");
        let says = format!(
            "CI is {ci}, p95 stayed within {moved}% of its median for {P95_DAYS} days, and no path among {} is risky.",
            if files == 1 { "1 changed file".to_owned() } else { format!("{files} changed files") }
        );
        let told = self.about(rules::GREEN_AND_STABLE, "readiness", &value, self.run_pointer());
        found.push(told.saying(says).in_short(format!("green CI, p95 stable {P95_DAYS}d")));
    }

    /// Why nothing speaks for shipping, in a few words each; empty where something does.
    pub(super) fn missing(&self) -> Vec<String> {
        let mut reasons = Vec::new();
        if !self.usable(&self.facts.ci).is_some_and(|ci| self.green(ci)) {
            reasons.push("CI not green".to_owned());
        }
        if let Some(latency) = self.p95().filter(|latency| self.slow(latency).is_some()) {
            reasons.push(format!("p95 {} ms", words::number(latency.now_ms)));
        }
        match self.p95().and_then(|latency| latency.usual).map(|usual| usual.moved_percent) {
            None => reasons.push(format!("no p95 of {P95_DAYS}d")),
            Some(moved) if !self.stable(moved) => {
                reasons.push(format!("p95 moved {}% in {P95_DAYS}d", words::number(moved)));
            }
            Some(_) => {}
        }
        match &self.facts.reading.changes {
            Told::Known(changes) => {
                let risky = |path: &str| schema::is_under(path, &self.limits.risky_paths);
                let first = changes.files.iter().flat_map(File::paths).find(|path| risky(path));
                reasons.extend(first.map(|path| format!("touches `{}`", words::line(path))));
            }
            Told::None | Told::Unknown(_) => reasons.push("nothing to compare with".to_owned()),
        }
        if self.costly() {
            reasons.push("costly to take back".to_owned());
        }
        reasons
    }

    /// The same, with whose word it is where nobody else was asked.
    fn green_words(&self, ci: &Ci) -> String {
        match self.facts.reading.pipeline {
            Pipeline::Github => green_words(ci),
            Pipeline::Elsewhere if ci.checks.is_empty() => "green by the pipeline's word".to_owned(),
            Pipeline::Elsewhere => format!("green by the pipeline's word, {}", green_words(ci)),
        }
    }

    fn p95(&self) -> Option<&Latency> {
        self.usable(&self.facts.service.p95.as_ref()?.answer)
    }
}

/// `5 of 6 green`: what was skipped counts as there.
fn green_words(ci: &Ci) -> String {
    let there = all(ci).filter(|job| stand(job) != Stand::Gated).count();
    let green = all(ci).filter(|job| stand(job) == Stand::Green).count();
    format!("{green} of {there} green")
}
