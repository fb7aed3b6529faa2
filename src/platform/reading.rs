//! What several platforms say about one gate, put together: the same function for the agent that drafts, the server that
//! checks the draft and the executor that reads again.
//!
//! GitHub has to answer; what another platform cannot say is unknown with its reason.
//! Never: a judgement; a plan that could not be read passed off as none.

use std::time::Duration;

use super::{
    Fact, Failure, Platform, PlatformError, Sources, confluence,
    github::{self, ApprovalState, Repository},
    names::Names,
    notion, pagerduty,
    terraform::{self, NotAWorkspace, Planned, WorkspaceName},
};
use crate::row::{
    Moved, Risk,
    base::PageBase,
    gate::{Changes, Pipeline, Plan, Reading, Run, Service, Told, Unplanned},
    page::{Page, Runbook, Site},
    waiting::{Seen, Waiting},
};

/// How much is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// What the base is made of: run, pending deployments, plan. It fits into a decision's time.
    Base,
    /// What the difference is made of, too: the commits and files since the last good deploy.
    Whole,
}

/// Whom a gate is read from.
#[derive(Debug, Clone, Copy)]
pub struct GateSources<'a> {
    pub github: &'a github::Source,
    /// `None`: a plan that a service has stays unknown.
    pub terraform: Option<&'a terraform::Source>,
}

/// Whom it is read from what a run brings that waits at Dock itself; what is not configured is not asked.
#[derive(Debug, Clone, Copy)]
pub struct Around<'a> {
    pub github: Option<&'a github::Source>,
    pub terraform: Option<&'a terraform::Source>,
}

/// Names are for people to read: nothing waits longer for them.
const NAMES_WITHIN: Duration = Duration::from_secs(2);

/// Why there is no reading.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoReading {
    #[error("{service} has no gate before {environment} in the config")]
    NotGated { service: String, environment: String },
    #[error("{} is not configured", site.title())]
    NotConfigured { site: Site },
    #[error(transparent)]
    Platform(#[from] PlatformError),
}

/// Whom pages are read from.
#[derive(Debug, Clone, Copy)]
pub struct PageSources<'a> {
    pub confluence: Option<&'a confluence::Source>,
    pub notion: Option<&'a notion::Source>,
}

impl PageSources<'_> {
    /// Pages of this site can be read.
    pub fn reads(&self, site: Site) -> bool {
        match site {
            Site::Confluence => self.confluence.is_some(),
            Site::Notion => self.notion.is_some(),
        }
    }

    /// What people are called by their accounts there; without an answer in time they stay ids.
    pub async fn names(&self, site: Site, accounts: &[&str]) -> Names {
        let asked = async {
            match site {
                Site::Confluence => Some(self.confluence?.names(accounts).await),
                Site::Notion => Some(self.notion?.names(accounts).await),
            }
        };
        tokio::time::timeout(NAMES_WITHIN, asked).await.ok().flatten().unwrap_or_default()
    }

    /// What moved of a page, with its authors by their names.
    pub async fn named(&self, site: Site, mut moved: Vec<Moved>) -> Vec<Moved> {
        let Some(author) = moved.iter_mut().find(|moved| moved.what == PageBase::AUTHOR) else {
            return moved;
        };
        let names = self.names(site, &[&author.was, &author.is]).await;
        let (was, is) = (names.of(&author.was), names.of(&author.is));
        // Two people of one name.
        let same = was == is;
        let tell = |name: String, id: &str| if same { format!("{name}, {id}") } else { name };
        (author.was, author.is) = (tell(was, &author.was), tell(is, &author.is));
        moved
    }
}

impl Sources {
    /// Whom pages are read from.
    pub fn pages(&self) -> PageSources<'_> {
        PageSources { confluence: self.confluence.as_ref(), notion: self.notion.as_ref() }
    }

    /// Whom it is read from what a run brings that waits at Dock itself.
    pub fn around(&self) -> Around<'_> {
        Around { github: self.github.as_ref(), terraform: self.terraform.as_ref() }
    }

    /// Whom a gate is read from, where GitHub is configured at all.
    pub fn gate(&self) -> Option<GateSources<'_>> {
        Some(GateSources { github: self.github.as_ref()?, terraform: self.terraform.as_ref() })
    }
}

/// One run before one environment of a service, as the platforms give it now.
pub async fn gate(
    from: GateSources<'_>,
    name: &str,
    service: &Service,
    run: u64,
    environment: &str,
    depth: Depth,
) -> Result<Reading, NoReading> {
    risk(name, service, environment)?;
    let run = from.github.run(&repository(service)?, run).await?;
    gate_of(from, name, service, run, environment, depth).await
}

/// As [`gate`], of a run as a list has just told of it. What it waits for is asked now; what became of it instead is
/// told by [`gate`] alone.
pub async fn gate_of(
    from: GateSources<'_>,
    name: &str,
    service: &Service,
    run: Run,
    environment: &str,
    depth: Depth,
) -> Result<Reading, NoReading> {
    let not_gated = || NoReading::NotGated { service: name.to_owned(), environment: environment.to_owned() };
    let risk = risk(name, service, environment)?;
    let service = &service.before(environment).ok_or_else(not_gated)?;
    let repo = repository(service)?;
    let pending = from.github.pending_deployments(&repo, run.id).await?;
    let waits = pending.iter().any(|one| one.environment == environment);
    let instead =
        if waits { None } else { Some(instead(from.github, &repo, &run, environment, &pending).await?) };
    let changes = match depth {
        Depth::Base => Told::Unknown("not read this time".to_owned()),
        Depth::Whole => changes(from.github, &repo, &run, environment).await,
    };
    let (plan, unplanned, overtaken) = match &service.terraform {
        None => (Told::None, None, None),
        Some(workspace) => plan(from.terraform, workspace, &run.head_sha).await,
    };
    Ok(Reading {
        service: name.to_owned(),
        pipeline: Pipeline::Github,
        environment: environment.to_owned(),
        run,
        says_ci: None,
        waits,
        instead,
        plan,
        unplanned,
        overtaken,
        changes,
        risk,
        canary: service.canary.clone(),
    })
}

fn risk(name: &str, service: &Service, environment: &str) -> Result<Risk, NoReading> {
    let not_gated = || NoReading::NotGated { service: name.to_owned(), environment: environment.to_owned() };
    service.environments.get(environment).map(|one| one.risk).ok_or_else(not_gated)
}

/// One run that waits at Dock itself, with what the platforms say of its commit.
pub async fn elsewhere(
    from: Around<'_>,
    service: &Service,
    seen: &Seen,
    depth: Depth,
) -> Result<Reading, NoReading> {
    let Seen { waiting: Waiting { place, said, by, since, seen_at, .. }, instead, deployed } = seen;
    let not_gated =
        || NoReading::NotGated { service: place.service.clone(), environment: place.environment.clone() };
    let risk = risk(&place.service, service, &place.environment)?;
    let service = &service.before(&place.environment).ok_or_else(not_gated)?;
    let changes = match depth {
        Depth::Base => Told::Unknown("not read this time".to_owned()),
        Depth::Whole => brought(from.github, service, &said.commit, deployed.as_deref()).await,
    };
    let (plan, unplanned, overtaken) = match &service.terraform {
        None => (Told::None, None, None),
        Some(workspace) => plan(from.terraform, workspace, &said.commit).await,
    };
    let run = Run {
        repository: service.repository.clone(),
        id: place.run,
        attempt: said.attempt,
        head_sha: said.commit.clone(),
        branch: said.branch.clone().unwrap_or_default(),
        workflow: String::new(),
        event: String::new(),
        status: "waiting".to_owned(),
        conclusion: None,
        actor: by.to_string(),
        created_at: Some(*since),
        started_at: Some(*since),
        updated_at: Some(*seen_at),
        url: said.url.clone().unwrap_or_default(),
    };
    Ok(Reading {
        service: place.service.clone(),
        pipeline: Pipeline::Elsewhere,
        environment: place.environment.clone(),
        run,
        says_ci: said.ci,
        waits: instead.is_none(),
        instead: instead.clone(),
        plan,
        unplanned,
        overtaken,
        changes,
        risk,
        canary: service.canary.clone(),
    })
}

/// What a run elsewhere brings since the last deploy there that was reported or seen. What GitHub shows of deploys is not asked:
/// those are of whoever else deploys out of this repository.
async fn brought(
    github: Option<&github::Source>,
    service: &Service,
    commit: &str,
    deployed: Option<&str>,
) -> Told<Changes> {
    if service.repository.is_empty() {
        return Told::Unknown("no repository is configured that it could be compared in".to_owned());
    }
    let Some(github) = github else { return Told::Unknown("GitHub is not configured".to_owned()) };
    let Some(since) = deployed else {
        return Told::Unknown(
            "no earlier deploy to there was reported that it could be compared with".to_owned(),
        );
    };
    let told = async { github.changes(&repository(service)?, since, commit).await.map(Told::Known) };
    told.await.unwrap_or_else(|error: PlatformError| Told::Unknown(error.sentence()))
}

/// A runbook's page as its platform has it now.
pub async fn page(from: PageSources<'_>, runbook: &Runbook) -> Result<Page, NoReading> {
    let missing = NoReading::NotConfigured { site: runbook.site };
    let page = match runbook.site {
        Site::Confluence => from.confluence.ok_or(missing)?.page(&runbook.page).await,
        Site::Notion => from.notion.ok_or(missing)?.page(&runbook.page).await,
    };
    Ok(page?)
}

/// When PagerDuty last changed an incident, as it wrote it, and whether it is resolved.
pub async fn incident(from: &pagerduty::Source, reference: &str) -> Result<IncidentNow, PlatformError> {
    let incident = from.incident(reference).await?;
    let updated_at = incident.updated_at.map_or_else(|| "unknown".to_owned(), |at| at.to_string());
    Ok(IncidentNow { updated_at, closed: !incident.is_open(), service: incident.service })
}

/// An incident as PagerDuty has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncidentNow {
    /// When it last changed; `unknown` where PagerDuty does not say.
    pub updated_at: String,
    /// It is resolved.
    pub closed: bool,
    /// The service's name in PagerDuty.
    pub service: String,
}

/// The repository that a service's config names.
pub fn repository(service: &Service) -> Result<Repository, PlatformError> {
    service.repository.parse().map_err(|error: github::NotARepository| {
        PlatformError::new(Platform::GitHub, "a service's repository", Failure::Setup, &error.to_string())
    })
}

/// The plan of the run's commit, or the run that has none to show; and the newer run that has overtaken it, if one has.
async fn plan(
    terraform: Option<&terraform::Source>,
    workspace: &str,
    commit: &str,
) -> (Told<Plan>, Option<Unplanned>, Option<String>) {
    let unknown = |why: String| (Told::Unknown(why), None, None);
    let Some(terraform) = terraform else {
        return unknown("Terraform is not configured".to_owned());
    };
    let name: WorkspaceName = match workspace.parse() {
        Ok(name) => name,
        Err(error @ NotAWorkspace) => return unknown(format!("{workspace}: {error}")),
    };
    match terraform.plan_for(&name, commit).await {
        Ok(Planned { plan: Fact::Known(plan), newer, .. }) => (Told::Known(plan), None, newer),
        Ok(Planned { plan: Fact::Unknown(why), run, .. }) => {
            let unplanned = run.map(|run| Unplanned { run: run.id, status: run.status });
            (Told::Unknown(why), unplanned, None)
        }
        Err(error) => unknown(error.sentence()),
    }
}

/// What became of a run that waits no more. The review log names no attempt: the last answer is the one that met it.
async fn instead(
    github: &github::Source,
    repo: &Repository,
    run: &Run,
    environment: &str,
    pending: &[github::PendingDeployment],
) -> Result<String, PlatformError> {
    let log = github.approvals(repo, run.id).await?;
    let answers =
        |one: &github::Approval| matches!(one.state, ApprovalState::Approved | ApprovalState::Rejected);
    let here = |one: &&github::Approval| one.environments.iter().any(|name| name == environment);
    let last = log.iter().filter(|one| answers(one)).rfind(here);
    let elsewhere: Vec<&str> = pending.iter().map(|one| one.environment.as_str()).collect();
    Ok(match (last, run.conclusion.as_deref()) {
        (_, Some("cancelled")) => "the run was cancelled".to_owned(),
        (Some(last), _) => format!("{} in GitHub by {}", last.state.word(), last.by),
        (None, None) if !elsewhere.is_empty() => format!(
            "the run waits before {} now and no longer before {environment}: was the environment renamed? A row comes \
             once [gates] names it",
            elsewhere.join(" and ")
        ),
        (None, conclusion) if deploys(github, repo, run, environment).await? => {
            let how = conclusion.map(|word| format!(" and is over, {word}")).unwrap_or_default();
            format!(
                "the deploy to {environment} was started past its rules{how}: no answer is in GitHub's log, so an \
                 administrator let it through, or the rule was taken off"
            )
        }
        (None, Some(conclusion)) => format!("the run is {}, {conclusion}", run.status),
        (None, None) if run.attempt > 1 => {
            format!("the run was started again, and its attempt {} is {}", run.attempt, run.status)
        }
        (None, None) => format!("the run is {}", run.status),
    })
}

/// The attempt's own deploy has begun, whoever let it.
async fn deploys(
    github: &github::Source,
    repo: &Repository,
    run: &Run,
    environment: &str,
) -> Result<bool, PlatformError> {
    let Fact::Known(deploy) = github.deploy_of(repo, run, environment).await? else { return Ok(false) };
    let of_attempt =
        deploy.deployment.created_at.zip(run.started_at).is_none_or(|(made, began)| made >= began);
    Ok(of_attempt && deploy.begun_at().is_some())
}

/// What the run brings since the last deploy there that went well.
async fn changes(github: &github::Source, repo: &Repository, run: &Run, environment: &str) -> Told<Changes> {
    let told = async {
        let good = match github.good_before(repo, run, environment).await? {
            Fact::Known(good) => good,
            Fact::Unknown(why) => return Ok(Told::Unknown(why)),
        };
        github.changes(repo, &good.deployment.sha, &run.head_sha).await.map(Told::Known)
    };
    told.await.unwrap_or_else(|error: PlatformError| Told::Unknown(error.sentence()))
}
