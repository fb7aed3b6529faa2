//! Deployments: what was deployed where, how it went, what guards an environment.
//!
//! Never: "went well" for a deploy whose statuses do not say so.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use tokio::time::Instant;

use super::{PAGE, Repository, Source, about, short, wire};
use crate::{
    platform::{Fact, Failure, PlatformError},
    row::gate,
};

/// Deployments whose statuses are looked at for the last that went well, and for the one of a run.
const LOOKED_AT_MAX: usize = 20;
/// Statuses that were read so lately stand for [`Source::good_before`]: where many runs wait, each of them looks at all
/// before it.
const LATELY: Duration = Duration::from_secs(20);
const LATELY_MAX: usize = 4 * 1024;

/// An environment and what guards it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    pub id: u64,
    pub name: String,
    pub url: String,
    /// GitHub's own rules: `required_reviewers`, `wait_timer`, `branch_policy`.
    pub rules: Vec<String>,
    /// Rules of Apps; one must be ours for our answer to count.
    pub custom: Vec<CustomRule>,
}

/// A protection rule that an App answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomRule {
    pub id: u64,
    pub enabled: bool,
    /// The App's short name, as in `dock-gate`.
    pub app: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment {
    pub id: u64,
    pub sha: String,
    /// Branch, tag or commit, as it was asked for.
    pub target: String,
    pub environment: String,
    pub creator: String,
    pub created_at: Option<Timestamp>,
    pub updated_at: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeploymentStatus {
    pub state: DeployState,
    pub at: Option<Timestamp>,
    pub description: String,
    /// Where its log is; of a workflow's deploy, the run's job.
    pub log_url: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeployState {
    /// Before a protection rule.
    Waiting,
    Queued,
    Pending,
    InProgress,
    Success,
    Failure,
    Error,
    /// Another deploy took its place.
    Inactive,
    Other(String),
}

/// What was read of deployments a moment ago.
#[derive(Debug, Default)]
pub(super) struct Lately(Mutex<Book>);

#[derive(Debug, Default)]
struct Book {
    /// By repository and id, with the time at which each was asked.
    statuses: BTreeMap<(String, u64), (Instant, Vec<DeploymentStatus>)>,
    /// By repository and environment.
    listings: BTreeMap<(String, String), Listing>,
}

#[derive(Debug, Clone)]
struct Listing {
    at: Instant,
    newest_first: Vec<Deployment>,
    /// There are none beyond these that would be read.
    whole: bool,
}

impl Lately {
    fn with<T>(&self, act: impl FnOnce(&mut Book) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A deployment and how it went, newest status first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deploy {
    pub deployment: Deployment,
    pub statuses: Vec<DeploymentStatus>,
}

impl Deploy {
    /// Its state now; `None`: nobody said anything yet.
    pub fn state(&self) -> Option<&DeployState> {
        self.statuses.first().map(|status| &status.state)
    }

    /// When it began to be carried out. What waits before a rule, a timer or a reviewer, or in a queue, has not begun; what
    /// failed there never did.
    pub fn begun_at(&self) -> Option<Timestamp> {
        let begun = |status: &&DeploymentStatus| {
            matches!(status.state, DeployState::InProgress | DeployState::Success | DeployState::Inactive)
        };
        self.statuses.iter().rev().find(begun).map(|status| status.at.unwrap_or(Timestamp::UNIX_EPOCH))
    }

    /// It succeeded, and no failure was told since. One that another took the place of had succeeded before.
    pub fn went_well(&self) -> bool {
        let told = self.statuses.iter().map(|status| &status.state);
        told.into_iter().find(|state| **state != DeployState::Inactive) == Some(&DeployState::Success)
    }
}

impl DeployState {
    /// Will nothing follow by itself?
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Success | Self::Failure | Self::Error | Self::Inactive)
    }

    /// In GitHub's word.
    pub fn word(&self) -> &str {
        match self {
            Self::Waiting => "waiting",
            Self::Queued => "queued",
            Self::Pending => "pending",
            Self::InProgress => "in_progress",
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Error => "error",
            Self::Inactive => "inactive",
            Self::Other(word) => word,
        }
    }
}

impl Source {
    /// An environment and its rules; one that is not there is unknown.
    pub async fn environment(
        &self,
        repo: &Repository,
        name: &str,
    ) -> Result<Fact<Environment>, PlatformError> {
        let asked = format!("the environment {name} of {repo}");
        let found =
            self.api.json::<wire::Environment>(Some(repo), about(repo, &asked, &["environments", name]));
        let environment = match found.await {
            Ok(environment) => environment,
            Err(error) if error.failure == Failure::NotFound => {
                return Ok(Fact::Unknown(format!("{repo} shows no environment {name}")));
            }
            Err(error) => return Err(error),
        };
        let asked = format!("the protection rules of {name} in {repo}");
        let ask = about(repo, &asked, &["environments", name, "deployment_protection_rules"]);
        let rules: Vec<wire::Rule> =
            self.api.all(repo, ask, Some("custom_deployment_protection_rules")).await?;
        Ok(Fact::Known(environment.with(rules)))
    }

    /// The newest deployments to an environment, newest first, at most one page.
    pub async fn deployments(
        &self,
        repo: &Repository,
        environment: &str,
    ) -> Result<Vec<Deployment>, PlatformError> {
        let asked = format!("the deployments of {repo} to {environment}");
        let ask = about(repo, &asked, &["deployments"])
            .query("environment", environment)
            .query("per_page", PAGE.to_string());
        let all: Vec<wire::Deployment> = self.api.json(Some(repo), ask).await?;
        Ok(all.into_iter().map(Into::into).collect())
    }

    /// The deployments to an environment that were made after this one, newest first: a roll-back is one of an older
    /// commit.
    pub async fn deployments_after(
        &self,
        repo: &Repository,
        environment: &str,
        id: u64,
    ) -> Result<Vec<Deployment>, PlatformError> {
        let asked = format!("the deployments of {repo} to {environment} after {id}");
        let ask = about(repo, &asked, &["deployments"])
            .query("environment", environment)
            .query("per_page", PAGE.to_string());
        let listed = self.api.until(repo, ask, None, |one: &wire::Deployment| one.id <= id).await?;
        if !listed.whole {
            return Err(self.api.error(&asked, Failure::TooLarge, "more pages than are read"));
        }
        Ok(listed.items.into_iter().map(Into::into).collect())
    }

    /// How a deployment went, newest first.
    pub async fn deployment_statuses(
        &self,
        repo: &Repository,
        id: u64,
    ) -> Result<Vec<DeploymentStatus>, PlatformError> {
        let asked = format!("how the deployment {id} of {repo} went");
        let ask = about(repo, &asked, &["deployments", &id.to_string(), "statuses"]);
        let ask = ask.query("per_page", PAGE.to_string());
        let mut all: Vec<wire::DeploymentStatus> = self.api.all(repo, ask, None).await?;
        all.sort_by_key(|status| std::cmp::Reverse((status.created_at, status.id)));
        Ok(all.into_iter().map(Into::into).collect())
    }

    /// What a run deployed, or wants to deploy, to an environment. GitHub links the two by the log's address alone.
    pub async fn deploy_of(
        &self,
        repo: &Repository,
        run: &gate::Run,
        environment: &str,
    ) -> Result<Fact<Deploy>, PlatformError> {
        let asked = format!("the deployments of {} of {repo} to {environment}", short(&run.head_sha));
        let ask = about(repo, &asked, &["deployments"])
            .query("environment", environment)
            .query("sha", &run.head_sha)
            .query("per_page", PAGE.to_string());
        let found: Vec<wire::Deployment> = self.api.json(Some(repo), ask).await?;
        let mark = format!("/actions/runs/{}/", run.id);
        for deployment in found.into_iter().take(LOOKED_AT_MAX) {
            let deploy = self.deploy(repo, deployment.into()).await?;
            if deploy.statuses.iter().any(|status| format!("{}/", status.log_url).contains(&mark)) {
                return Ok(Fact::Known(deploy));
            }
        }
        Ok(Fact::Unknown(format!("{repo} shows no deployment of the run {} to {environment}", run.id)))
    }

    /// The newest deploy to an environment that went well, older than `before` where that is given: what runs there now,
    /// so far as GitHub knows.
    pub async fn last_good_deploy(
        &self,
        repo: &Repository,
        environment: &str,
        before: Option<u64>,
    ) -> Result<Fact<Deploy>, PlatformError> {
        let all = self.deployments(repo, environment).await?;
        let older = all.into_iter().filter(|one| before.is_none_or(|before| one.id < before));
        for deployment in older.take(LOOKED_AT_MAX) {
            let deploy = self.deploy(repo, deployment).await?;
            if deploy.went_well() {
                return Ok(Fact::Known(deploy));
            }
        }
        let what =
            format!("none of the last {LOOKED_AT_MAX} deployments of {repo} to {environment} went well");
        Ok(Fact::Unknown(what))
    }

    /// The newest deploy to an environment that went well before this run's own: what the run would take the place of.
    /// Runs that wait, wait before one another: what one of them just asked is not asked again for the next.
    pub async fn good_before(
        &self,
        repo: &Repository,
        run: &gate::Run,
        environment: &str,
    ) -> Result<Fact<Deploy>, PlatformError> {
        let mut listing = self.listed_lately(repo, environment).await?;
        let mut before = self.own_among(repo, run, &listing.newest_first).await?;
        if before.is_none() {
            // It may have come since.
            listing = self.listed(repo, environment).await?;
            before = self.own_among(repo, run, &listing.newest_first).await?;
        }
        if before.is_none() {
            let ours = self.deploy_of(repo, run, environment).await?.known();
            before = ours.map(|deploy| deploy.deployment.id);
        }
        let mut found = self.good_among(repo, &listing.newest_first, before).await?;
        if found.is_none() && !listing.whole {
            let all = self.listed_whole(repo, environment).await?;
            found = self.good_among(repo, &all, before).await?;
        }
        let none = || format!("none of the deployments of {repo} to {environment} went well before it");
        Ok(found.map_or_else(|| Fact::Unknown(none()), Fact::Known))
    }

    /// The newest of these that went well, older than `before` where that is given.
    async fn good_among(
        &self,
        repo: &Repository,
        all: &[Deployment],
        before: Option<u64>,
    ) -> Result<Option<Deploy>, PlatformError> {
        for one in all.iter().filter(|one| before.is_none_or(|before| one.id < before)) {
            let deploy = self.lately(repo, one.clone()).await?;
            if deploy.went_well() {
                return Ok(Some(deploy));
            }
        }
        Ok(None)
    }

    /// The newest deployments to an environment, as they were listed a moment ago or are now.
    async fn listed_lately(&self, repo: &Repository, environment: &str) -> Result<Listing, PlatformError> {
        let name = (repo.to_string(), environment.to_owned());
        let known = self.lately.with(|book| book.listings.get(&name).cloned());
        match known.filter(|listing| listing.at.elapsed() < LATELY) {
            Some(listing) => Ok(listing),
            None => self.listed(repo, environment).await,
        }
    }

    async fn listed(&self, repo: &Repository, environment: &str) -> Result<Listing, PlatformError> {
        let newest_first = self.deployments(repo, environment).await?;
        let whole = newest_first.len() < PAGE;
        let listing = Listing { at: Instant::now(), newest_first, whole };
        let name = (repo.to_string(), environment.to_owned());
        self.lately.with(|book| book.listings.insert(name, listing.clone()));
        Ok(listing)
    }

    /// As many pages as are read of any list: where very many wait, what runs is behind all of them.
    async fn listed_whole(
        &self,
        repo: &Repository,
        environment: &str,
    ) -> Result<Vec<Deployment>, PlatformError> {
        let asked = format!("all deployments of {repo} to {environment}");
        let ask = about(repo, &asked, &["deployments"])
            .query("environment", environment)
            .query("per_page", PAGE.to_string());
        let all = self.api.until(repo, ask, None, |_: &wire::Deployment| false).await?;
        let listing = Listing {
            at: Instant::now(),
            newest_first: all.items.into_iter().map(Into::into).collect(),
            whole: true,
        };
        let name = (repo.to_string(), environment.to_owned());
        let found = listing.newest_first.clone();
        self.lately.with(|book| book.listings.insert(name, listing));
        Ok(found)
    }

    /// The run's own deployment, where it is among these.
    async fn own_among(
        &self,
        repo: &Repository,
        run: &gate::Run,
        all: &[Deployment],
    ) -> Result<Option<u64>, PlatformError> {
        let mark = format!("/actions/runs/{}/", run.id);
        for one in all.iter().filter(|one| one.sha == run.head_sha) {
            let deploy = self.lately(repo, one.clone()).await?;
            if deploy.statuses.iter().any(|status| format!("{}/", status.log_url).contains(&mark)) {
                return Ok(Some(one.id));
            }
        }
        Ok(None)
    }

    /// A deployment with its statuses, as they are or were a moment ago.
    async fn lately(&self, repo: &Repository, deployment: Deployment) -> Result<Deploy, PlatformError> {
        let name = (repo.to_string(), deployment.id);
        let known = self.lately.with(|book| book.statuses.get(&name).cloned());
        if let Some((_, statuses)) = known.filter(|(at, _)| at.elapsed() < LATELY) {
            return Ok(Deploy { deployment, statuses });
        }
        let deploy = self.deploy(repo, deployment).await?;
        self.lately.with(|book| {
            if book.statuses.len() >= LATELY_MAX {
                book.statuses.retain(|_, (at, _)| at.elapsed() < LATELY);
                book.listings.retain(|_, listing| listing.at.elapsed() < LATELY);
            }
            book.statuses.insert(name, (Instant::now(), deploy.statuses.clone()));
        });
        Ok(deploy)
    }

    /// What a run brings that is not in the last good deploy's commit.
    pub async fn changes(
        &self,
        repo: &Repository,
        since: &str,
        head: &str,
    ) -> Result<gate::Changes, PlatformError> {
        let compared = self.compare(repo, since, head).await?;
        let commit = |commit: super::Commit| gate::Commit {
            subject: commit.message.lines().next().unwrap_or_default().to_owned(),
            sha: commit.sha,
            author: commit.author,
        };
        let file = |file: super::ChangedFile| gate::File {
            path: file.path,
            was: file.was,
            status: file.status,
            added: file.additions,
            removed: file.deletions,
            patch: file.patch,
        };
        Ok(gate::Changes {
            since: since.to_owned(),
            // Commits that the head lacks are taken back by it, and the comparison does not list what they changed.
            complete: compared.commits_complete && compared.files_complete && compared.behind_by == 0,
            commits: compared.commits.into_iter().map(commit).collect(),
            files: compared.files.into_iter().map(file).collect(),
        })
    }

    async fn deploy(&self, repo: &Repository, deployment: Deployment) -> Result<Deploy, PlatformError> {
        let statuses = self.deployment_statuses(repo, deployment.id).await?;
        Ok(Deploy { deployment, statuses })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deploy_went_well_when_nothing_after_its_success_says_otherwise() {
        use DeployState::{Error, Failure, InProgress, Inactive, Success};
        let check = |newest_first: &[DeployState], expected: bool| {
            let status = |state: &DeployState| DeploymentStatus {
                state: state.clone(),
                at: None,
                description: String::new(),
                log_url: String::new(),
            };
            let deployment = Deployment {
                id: 1,
                sha: String::new(),
                target: String::new(),
                environment: String::new(),
                creator: String::new(),
                created_at: None,
                updated_at: None,
            };
            let deploy = Deploy { deployment, statuses: newest_first.iter().map(status).collect() };
            assert_eq!(deploy.went_well(), expected, "{newest_first:?}");
        };
        check(&[Success, InProgress], true);
        check(&[Inactive, Success, InProgress], true);
        check(&[Inactive, Failure, Success], false);
        check(&[Error, Success], false);
        check(&[InProgress], false);
        check(&[Inactive], false);
        check(&[Inactive, InProgress], false);
        check(&[DeployState::Other("abandoned".into()), Success], false);
        check(&[], false);
    }
}
