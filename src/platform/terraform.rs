//! HCP Terraform and Terraform Enterprise: the run of a workspace for a commit, what its plan changes, what it costs, what
//! policies say; and the one write, the apply of exactly that run.
//!
//! [`Source`] reads with a token that may read, [`Actuator`] applies with the executor's. Facts that shape this: whatever a
//! token may not see is a 404; the plan lies at an address of another host that is a secret of its own, good for a minute,
//! where no token of ours goes; a plan without `resource_changes` says nothing, which is not "nothing changes".
//! Never: the unredacted plan (it holds secrets); a token or an address in a message; an apply of another run than the one
//! that was named.

mod actuator;
mod plan;
mod wire;

use std::{path::PathBuf, time::Duration};

use jiff::Timestamp;
use reqwest::{
    StatusCode,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue},
};
use serde::{Deserialize, de::DeserializeOwned};

use super::{
    Fact, Failure, Health, Platform, PlatformError,
    http::{self, Answer, Ask, Http, Manners, Stranger},
    secret,
};
use crate::row::gate::Plan;

pub use actuator::{Actuator, ApplyRequest, RunError, RunRefusal};
pub use plan::Changes;

const JSON_API: &str = "application/vnd.api+json";
/// Runs that are looked through for a commit: this many pages of this many, newest first.
const PAGES_MAX: usize = 5;
const PAGE: usize = 50;
/// A run that ended so changed nothing, and overtakes none.
const WITHOUT_EFFECT: [&str; 5] =
    ["discarded", "errored", "canceled", "force_canceled", "planned_and_finished"];
/// What tells a run's commit.
const WITH_COMMIT: &str = "configuration_version.ingress_attributes";
/// The address of a plan is good for a minute; one that went stale is asked for again this often.
const FETCHES_MAX: usize = 2;

/// The section `[terraform]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Without `/api`.
    #[serde(default = "public_address")]
    pub url: String,
    /// Where people open it, if that is another address.
    pub public_url: Option<String>,
    pub token_env: Option<String>,
    pub token_file: Option<PathBuf>,
    pub ca_file: Option<PathBuf>,
}

fn public_address() -> String {
    "https://app.terraform.io".to_owned()
}

/// Terraform Cloud with a reading token.
#[derive(Debug)]
pub struct Source {
    http: Http,
    stranger: Stranger,
    public_url: String,
}

/// `organisation/workspace`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkspaceName {
    pub organisation: String,
    pub workspace: String,
}

/// Text that names no workspace.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a workspace is named as organisation/workspace")]
pub struct NotAWorkspace;

impl std::str::FromStr for WorkspaceName {
    type Err = NotAWorkspace;

    fn from_str(text: &str) -> Result<Self, NotAWorkspace> {
        let (organisation, workspace) = text.split_once('/').ok_or(NotAWorkspace)?;
        let bad = |part: &str| part.is_empty() || part.contains('/') || part.contains(char::is_whitespace);
        if bad(organisation) || bad(workspace) {
            return Err(NotAWorkspace);
        }
        Ok(Self { organisation: organisation.to_owned(), workspace: workspace.to_owned() })
    }
}

impl std::fmt::Display for WorkspaceName {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}/{}", self.organisation, self.workspace)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workspace {
    pub id: String,
    pub name: String,
    /// What is planned is applied without anybody: an answer elsewhere gates nothing. Unknown is not "no".
    pub auto_apply: Fact<bool>,
    pub locked: Option<bool>,
    pub terraform_version: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    pub id: String,
    pub workspace_id: Option<String>,
    /// In Terraform's word: `planned`, `policy_checked`, `applied`, …; new words come.
    pub status: String,
    /// When it came into the last status that is dated.
    pub status_at: Option<Timestamp>,
    pub created_at: Option<Timestamp>,
    pub message: String,
    /// It waits for somebody to confirm it.
    pub confirmable: bool,
    pub discardable: bool,
    /// A speculative run: it can never be applied.
    pub plan_only: bool,
    pub is_destroy: bool,
    /// The commit that it was started by; unknown for runs by command line or API.
    pub commit: Fact<String>,
    pub plan_id: Option<String>,
    pub cost_estimate_id: Option<String>,
}

/// The run for a commit, and whether the workspace has gone on since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub run: Run,
    /// A newer run that was applied or may still be: what was reviewed is overtaken by it.
    pub newer: Option<String>,
}

/// What there is of a plan for a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    pub plan: Fact<Plan>,
    /// The run that it belongs to, or would.
    pub run: Option<Run>,
    /// As in [`Found`].
    pub newer: Option<String>,
}

/// The counts that Terraform itself gives for a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    pub has_changes: bool,
    pub additions: u64,
    pub changes: u64,
    pub destructions: u64,
    pub imports: u64,
}

/// What a policy, or a set of them, says about a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// `Sentinel` or `OPA`.
    pub engine: &'static str,
    pub id: String,
    pub verdict: Verdict,
    /// In Terraform's word.
    pub status: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Passed,
    Failed,
    /// It failed, and somebody let the run go on.
    Overridden,
    Pending,
    /// It could not be told: an error, a cancellation, a word that we do not know.
    Untold,
}

/// What stands on a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    pub id: String,
    pub body: String,
}

impl Source {
    pub fn open(config: &Config) -> Result<Self, PlatformError> {
        let place = secret::Place { env: config.token_env.as_deref(), file: config.token_file.as_ref() };
        let token = secret::read(Platform::Terraform, place)?.ok_or_else(|| {
            let why = "token_env or token_file is needed";
            PlatformError::new(Platform::Terraform, "its token", Failure::Setup, why)
        })?;
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, secret::header(Platform::Terraform, "Bearer ", &token)?);
        headers.insert(ACCEPT, HeaderValue::from_static(JSON_API));
        let ca_file = config.ca_file.as_deref();
        let http = Http::new(Platform::Terraform, &config.url, headers, ca_file, Manners { said, failure })?;
        let stranger = Stranger::beside(&http, ca_file)?;
        let public_url = config.public_url.as_ref().unwrap_or(&config.url).trim_end_matches('/').to_owned();
        Ok(Self { http, stranger, public_url })
    }

    pub async fn workspace(&self, name: &WorkspaceName) -> Result<Workspace, PlatformError> {
        let path = ["organizations", &name.organisation, "workspaces", &name.workspace];
        let found: wire::One = self.json(get(format!("the workspace {name}"), &path)).await?;
        found.workspace().map_err(|why| self.garbage(&format!("the workspace {name}"), &why))
    }

    /// One run, by `run-…`.
    pub async fn run(&self, id: &str) -> Result<Run, PlatformError> {
        let asked = format!("the run {id}");
        let found: wire::One =
            self.json(get(asked.clone(), &["runs", id]).query("include", WITH_COMMIT)).await?;
        let run = wire::run(&found.data, &found.included).map_err(|why| self.garbage(&asked, &why))?;
        if run.id == id { Ok(run) } else { Err(self.garbage(&asked, "another run in the answer")) }
    }

    /// The newest run of a workspace that a commit started, speculative ones only where there is no other.
    pub async fn run_for_commit(
        &self,
        workspace: &Workspace,
        commit: &str,
    ) -> Result<Fact<Found>, PlatformError> {
        let asked = format!("the run for {commit} in {}", workspace.name);
        let (mut newest, mut speculative, mut seen) = (None, None, 0);
        for page in 1..=PAGES_MAX {
            let ask = get(asked.clone(), &["workspaces", &workspace.id, "runs"])
                .query("page[number]", page.to_string())
                .query("page[size]", PAGE.to_string())
                .query("include", WITH_COMMIT);
            let list: wire::Many = self.json(ask).await?;
            seen += list.data.len();
            for resource in &list.data {
                let run = wire::run(resource, &list.included).map_err(|why| self.garbage(&asked, &why))?;
                let is_ours = matches!(&run.commit, Fact::Known(sha) if sha == commit);
                if is_ours && !run.plan_only {
                    return Ok(Fact::Known(Found { run, newer: newest }));
                }
                if is_ours {
                    speculative.get_or_insert(run);
                } else if !run.plan_only && !WITHOUT_EFFECT.contains(&run.status.as_str()) {
                    newest.get_or_insert(run.id);
                }
            }
            if list.is_last(PAGE).map_err(|why| self.garbage(&asked, &why))? {
                let none = || format!("no run of {} is for the commit {commit}", workspace.name);
                return Ok(speculative
                    .map_or_else(|| Fact::Unknown(none()), |run| Fact::Known(Found { run, newer: None })));
            }
        }
        Ok(Fact::Unknown(format!("none of the newest {seen} runs of {} is for {commit}", workspace.name)))
    }

    /// How much a plan adds, changes and destroys; unknown until it is finished.
    pub async fn counts(&self, plan_id: &str) -> Result<Fact<Counts>, PlatformError> {
        let plan: wire::One = self.json(get("the plan's counts", &["plans", plan_id])).await?;
        Ok(plan.counts())
    }

    /// What a plan changes, sensitive values removed by Terraform. Unknown where it is not finished, not whole, or not in
    /// a form that is known here.
    pub async fn changes(&self, plan_id: &str) -> Result<Fact<Changes>, PlatformError> {
        let asked = "the plan's changes";
        let answer = self.plan_document(asked, plan_id).await?;
        if answer.status == StatusCode::NO_CONTENT {
            return Ok(Fact::Unknown("the plan is not finished".to_owned()));
        }
        plan::read(&answer.body).map_err(|why| self.garbage(asked, &why))
    }

    /// The plan's document: inline, or from the address that Terraform hands out.
    async fn plan_document(&self, asked: &str, plan_id: &str) -> Result<Answer, PlatformError> {
        let mut fetches = 0;
        loop {
            let ask = get(asked, &["plans", plan_id, "json-output-redacted"]).redirect_is_answer();
            let answer = self.http.send(ask).await?;
            if !Stranger::is_led_by(&answer) {
                return self.http.accept(asked, answer);
            }
            fetches += 1;
            let fetched = self.stranger.follow(asked, &answer).await?;
            let stale = matches!(fetched.status.as_u16(), 403 | 404 | 410);
            if stale && fetches < FETCHES_MAX {
                continue;
            }
            if fetched.status == StatusCode::OK {
                return Ok(fetched);
            }
            // Its words could repeat the address.
            let failure = if stale { Failure::NotFound } else { http::failure_of(&fetched) };
            return Err(self.http.error(asked, failure, "at the address that Terraform handed out"));
        }
    }

    /// What a run's plan costs more a month, as a decimal; unknown where it is not estimated.
    pub async fn monthly_cost_delta(&self, run: &Run) -> Result<Fact<String>, PlatformError> {
        let Some(id) = &run.cost_estimate_id else {
            return Ok(Fact::Unknown("the workspace has no cost estimates".to_owned()));
        };
        let estimate: wire::One = self.json(get("the cost estimate", &["cost-estimates", id])).await?;
        Ok(estimate.monthly_cost_delta())
    }

    /// What policies say about a run: Sentinel's checks, then OPA's evaluations. Empty: no policy is set.
    pub async fn policies(&self, run_id: &str) -> Result<Vec<Policy>, PlatformError> {
        let checks: wire::Many =
            self.json(get("the policy checks", &["runs", run_id, "policy-checks"])).await?;
        let stages = get("the policy evaluations", &["runs", run_id, "task-stages"])
            .query("include", "policy_evaluations");
        let stages: wire::Many = self.json(stages).await?;
        Ok(checks.sentinel().chain(stages.opa()).collect())
    }

    /// What stands on a run, in Terraform's order: where a write is found again.
    pub async fn comments(&self, run_id: &str) -> Result<Vec<Comment>, PlatformError> {
        let comments: wire::Many =
            self.json(get(format!("the comments of {run_id}"), &["runs", run_id, "comments"])).await?;
        Ok(comments.comments().collect())
    }

    /// A workspace's plan for a commit, whole, as a gate rests on it; with a newer run, if there is one.
    pub async fn plan_for(&self, name: &WorkspaceName, commit: &str) -> Result<Planned, PlatformError> {
        let workspace = self.workspace(name).await?;
        let Found { run, newer } = match self.run_for_commit(&workspace, commit).await? {
            Fact::Known(found) => found,
            Fact::Unknown(why) => return Ok(Planned { plan: Fact::Unknown(why), run: None, newer: None }),
        };
        let plan = self.plan(name, &workspace, &run).await?;
        Ok(Planned { plan, run: Some(run), newer })
    }

    /// The plan of one run, whole.
    pub async fn plan(
        &self,
        name: &WorkspaceName,
        workspace: &Workspace,
        run: &Run,
    ) -> Result<Fact<Plan>, PlatformError> {
        let auto_apply = match &workspace.auto_apply {
            Fact::Known(auto_apply) => *auto_apply,
            Fact::Unknown(why) => return Ok(Fact::Unknown(why.clone())),
        };
        let Some(plan_id) = &run.plan_id else {
            return Ok(Fact::Unknown(format!("the run {} has no plan yet ({})", run.id, run.status)));
        };
        let changes = match self.changes(plan_id).await? {
            Fact::Known(changes) => changes,
            Fact::Unknown(why) => return Ok(Fact::Unknown(why)),
        };
        // A cost that is not told does not make the plan unknown; it is left out, and shown so.
        let monthly_cost_delta = self.monthly_cost_delta(run).await.ok().and_then(Fact::known);
        Ok(Fact::Known(Plan {
            run: run.id.clone(),
            workspace: name.to_string(),
            status: run.status.clone(),
            confirmable: run.confirmable,
            auto_apply,
            digest: changes.digest,
            changes: changes.changes,
            monthly_cost_delta,
            url: self.link(name, &run.id),
        }))
    }

    /// What our calls have come to.
    pub fn calls(&self) -> super::Calls {
        self.http.calls()
    }

    /// Does it take our token, and whose is it?
    pub async fn health(&self) -> Result<Health, PlatformError> {
        let asked = "whose token it is";
        let answer = self.http.send(get(asked, &["account", "details"])).await?;
        let answer = self.http.accept(asked, answer)?;
        let header = |name: &str| answer.headers.get(name).and_then(|value| value.to_str().ok());
        let version = match (header("x-tfe-version"), header("tfp-api-version")) {
            (Some(version), _) => Fact::Known(format!("Terraform Enterprise {version}")),
            (None, Some(version)) => Fact::Known(format!("API {version}")),
            (None, None) => Fact::Unknown("Terraform does not tell".to_owned()),
        };
        let account: wire::One = self.http.parse(asked, &answer)?;
        Ok(Health { platform: Platform::Terraform, version, account: account.username() })
    }

    /// The page of a run.
    pub fn link(&self, name: &WorkspaceName, run: &str) -> String {
        let mut url = reqwest::Url::parse(&self.public_url);
        if let Ok(url) = &mut url
            && let Ok(mut path) = url.path_segments_mut()
        {
            let (organisation, workspace) = (&name.organisation, &name.workspace);
            path.pop_if_empty().extend(["app", organisation, "workspaces", workspace, "runs", run]);
        }
        url.map_or_else(|_| self.public_url.clone(), Into::into)
    }

    async fn json<T: DeserializeOwned>(&self, ask: Ask) -> Result<T, PlatformError> {
        self.http.json(ask).await
    }

    fn garbage(&self, asked: &str, why: &str) -> PlatformError {
        self.http.error(asked, Failure::Garbage, why)
    }
}

fn get(asked: impl Into<String>, path: &[&str]) -> Ask {
    Ask::get(asked, &[&["api", "v2"], path].concat())
}

/// Every write carries the content type, with a body or without.
fn post(asked: impl Into<String>, path: &[&str], body: &serde_json::Value) -> Ask {
    Ask::post(asked, &[&["api", "v2"], path].concat(), body).header(CONTENT_TYPE, JSON_API)
}

fn said(answer: &Answer) -> String {
    let wire = serde_json::from_slice::<wire::Errors>(&answer.body).unwrap_or_default();
    wire.words()
}

/// Its 429 counts in `X-RateLimit-Reset`, in seconds with a fraction: thirty requests a second and user are allowed.
fn failure(answer: &Answer) -> Option<Failure> {
    if answer.status.as_u16() != 429 {
        return None;
    }
    let told = http::seconds_until(answer, "x-ratelimit-reset").or_else(|| http::retry_after(answer));
    Some(Failure::RateLimited { retry_after: told.unwrap_or(Duration::from_secs(1)) })
}

#[cfg(test)]
mod tests;
