//! The ways back to the platforms' own records.
//!
//! Never: a reference that a reader could not open or look up.

use std::collections::BTreeSet;

use super::Case;
use crate::{
    agent::{
        argus::facts::{Commits, Release},
        finding::{application_pointer, incident_pointer, pointer, pull_pointer},
    },
    row::{Draft, Pointer},
};

impl Case<'_> {
    /// Everything a reader may want to open, without doubles.
    pub(super) fn pointers(&self) -> Vec<Pointer> {
        let mut pointers = vec![self.app_pointer()];
        if let Some(commits) = self.facts.commits.known() {
            pointers.push(self.commit_pointer());
            pointers.extend(commits.pulls.iter().rev().map(|pull| pull_pointer(pull.number, &pull.url)));
        }
        pointers.extend(self.facts.releases.iter().map(release_pointer));
        pointers.extend(self.facts.incidents.known().into_iter().flatten().map(incident_pointer));
        pointers.extend(self.facts.gauges.iter().map(|gauge| gauge.pointer.clone()));
        let mut seen = BTreeSet::new();
        pointers.retain(|pointer| seen.insert(pointer.clone()));
        pointers.truncate(Draft::POINTERS_MAX);
        pointers
    }

    pub(super) fn app_pointer(&self) -> Pointer {
        application_pointer(&self.facts.reading.app, &self.facts.app_url)
    }

    /// The target commit, or the application where no repository was compared.
    pub(super) fn commit_pointer(&self) -> Pointer {
        self.facts
            .commits
            .known()
            .map_or_else(|| self.app_pointer(), |commits| commit_pointer(commits, &commits.target_url))
    }

    /// The same commit, on the page that shows what comes with it.
    pub(super) fn compare_pointer(&self) -> Pointer {
        self.facts
            .commits
            .known()
            .map_or_else(|| self.app_pointer(), |commits| commit_pointer(commits, &commits.compare_url))
    }

    /// The same commit, on the page that shows its checks.
    pub(super) fn checks_pointer(&self) -> Pointer {
        match (self.facts.commits.known(), self.facts.checks.known()) {
            (Some(commits), Some(checks)) => commit_pointer(commits, &checks.url),
            _ => self.commit_pointer(),
        }
    }

    /// Where incidents of the service would stand: the newest of them, else the service itself, which has no page here.
    pub(super) fn service_pointer(&self) -> Pointer {
        let newest = self.facts.incidents.known().and_then(|all| all.first());
        let service = || pointer("pagerduty_service", "pagerduty", &self.facts.reading.app, "");
        newest.map_or_else(service, incident_pointer)
    }
}

pub(super) fn commit_pointer(commits: &Commits, url: &str) -> Pointer {
    pointer("github_commit", "github", &commits.target, url)
}

pub(super) fn release_pointer(release: &Release) -> Pointer {
    pointer(
        "github_release",
        "github",
        &format!("{} {}", release.chart.chart, release.chart.to),
        &release.url,
    )
}
