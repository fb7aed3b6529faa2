//! The ways back to the platforms' own records.
//!
//! Never: a reference that a reader could not open or look up.

use std::collections::BTreeSet;

use super::Case;
use crate::{
    agent::finding::{incident_pointer, pointer, pull_pointer},
    row::{
        Draft, Pointer,
        gate::{Pipeline, Reading},
    },
};

impl Case<'_> {
    /// Everything a reader may want to open, without doubles.
    pub(super) fn pointers(&self) -> Vec<Pointer> {
        let service = &self.facts.service;
        let mut pointers = vec![self.run_pointer(), self.commit_pointer()];
        let pulls = self.facts.pulls.known().into_iter().flatten();
        pointers.extend(pulls.rev().map(|pull| pull_pointer(pull.number, &pull.url)));
        pointers.extend(service.argocd.iter().map(|argocd| argocd.pointer.clone()));
        pointers.extend(self.facts.reading.plan.known().map(|_| self.plan_pointer()));
        pointers.extend(service.burns.iter().map(|burn| burn.pointer.clone()));
        pointers.extend(service.budget.iter().map(|budget| budget.pointer.clone()));
        pointers.extend(service.p95.iter().map(|p95| p95.pointer.clone()));
        pointers.extend(service.gauges.iter().map(|gauge| gauge.pointer.clone()));
        pointers.extend(self.open_incidents().into_iter().map(incident_pointer));
        pointers.extend(service.alerts.known().into_iter().flatten().map(|alert| alert.pointer.clone()));
        let mut seen = BTreeSet::new();
        pointers.retain(|pointer| seen.insert(pointer.clone()));
        pointers.truncate(Draft::POINTERS_MAX);
        pointers
    }

    pub(super) fn run_pointer(&self) -> Pointer {
        let run = &self.facts.reading.run;
        if self.facts.reading.pipeline == Pipeline::Elsewhere {
            return pointer("pipeline_run", "pipeline", &run.id.to_string(), &run.url);
        }
        pointer("github_run_id", "github", &run.id.to_string(), &run.url)
    }

    /// Where nothing was found: the service in the platform that was asked. It tells no page of its own.
    pub(super) fn service_pointer(&self, name: &str, platform: &str) -> Pointer {
        pointer(name, platform, &self.facts.reading.service, "")
    }

    pub(super) fn commit_pointer(&self) -> Pointer {
        let Reading { pipeline, run, .. } = &self.facts.reading;
        let head = &run.head_sha;
        match (pipeline, run.repository.as_str()) {
            (Pipeline::Elsewhere, "") => pointer("commit", "git", head, ""),
            // Its own page is nowhere told.
            (Pipeline::Elsewhere, _) => pointer("github_commit", "github", head, ""),
            (Pipeline::Github, _) => {
                pointer("github_commit", "github", head, &format!("{}/commit/{head}", self.repository_url()))
            }
        }
    }

    /// The head again, on the page that shows what it brings.
    pub(super) fn compare_pointer(&self) -> Pointer {
        let Some(changes) =
            self.facts.reading.changes.known().filter(|_| self.facts.reading.pipeline.is_github())
        else {
            return self.commit_pointer();
        };
        let head = &self.facts.reading.run.head_sha;
        let url = format!("{}/compare/{}...{head}", self.repository_url(), changes.since);
        pointer("github_commit", "github", head, &url)
    }

    /// The Terraform run, or GitHub's where no plan was read.
    pub(super) fn plan_pointer(&self) -> Pointer {
        self.facts.reading.plan.known().map_or_else(
            || self.run_pointer(),
            |plan| pointer("terraform_run", "terraform", &plan.run, &plan.url),
        )
    }

    /// `https://github.com/acme/billing-worker`, off the run's own page.
    fn repository_url(&self) -> &str {
        let url = &self.facts.reading.run.url;
        url.split_once("/actions/").map_or(url, |(repository, _)| repository)
    }
}
