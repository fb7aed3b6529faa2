//! Runs, jobs, deployments and their events as GitHub's JSON.
//!
//! Never: a field with another meaning than GitHub gives it.

use serde_json::{Value, json};

use super::{
    Hub,
    access::SLUG,
    pipelines::{Deployment, Review, Run, Stage, Status},
};
use crate::simulator::{manifest::seconds, world::State};

pub(super) fn place(repo: &str) -> Value {
    let (owner, name) = repo.split_once('/').unwrap_or_default();
    json!({"id": Hub::number(repo), "name": name, "full_name": repo, "private": true, "owner": {"login": owner},
        "html_url": page(repo)})
}

fn page(repo: &str) -> String {
    format!("https://github.com/{repo}")
}

/// A run, by its newest attempt or as one that is over.
pub(super) fn run(state: &State, run: &Run, attempt: u32) -> Value {
    let past = run.past.get(&attempt);
    let (status, conclusion) = match past {
        Some(conclusion) => ("completed", Some(conclusion.as_str())),
        None => (run.status(), run.conclusion()),
    };
    let user = json!({"login": run.actor, "type": if run.actor.ends_with("-bot") { "Bot" } else { "User" }});
    json!({"id": run.id, "name": run.file.file().trim_end_matches(".yml"), "display_title": run.title,
        "run_number": run.id % 1_000, "run_attempt": attempt, "head_branch": "main", "head_sha": run.sha,
        "path": format!(".github/workflows/{}", run.file.file()), "workflow_id": run.file.id(), "event": run.event,
        "status": status, "conclusion": conclusion, "actor": user, "triggering_actor": user, "pull_requests": [],
        "created_at": seconds(run.created_at), "run_started_at": seconds(run.started_at), "updated_at": seconds(run.updated_at),
        "url": format!("{}/repos/{}/actions/runs/{}", state.github_url(), run.repo, run.id),
        "html_url": format!("{}/actions/runs/{}", page(&run.repo), run.id), "repository": place(&run.repo)})
}

/// The jobs of an attempt: what is built, and the deploy.
pub(super) fn jobs(run: &Run, attempt: u32) -> Vec<Value> {
    let past = run.past.get(&attempt).map(String::as_str);
    let stage = match past {
        Some(conclusion) => Stage::Over { conclusion: conclusion.to_owned() },
        None => run.stage.clone(),
    };
    let job = |(index, (name, status, conclusion)): (usize, (&str, &str, Option<&str>))| {
        let id = run.id * 1_000 + u64::from(attempt) * 10 + index as u64;
        let ended = conclusion.map(|_| seconds(run.updated_at));
        json!({"id": id, "run_id": run.id, "run_attempt": attempt, "name": name, "status": status, "conclusion": conclusion,
            "head_sha": run.sha, "started_at": seconds(run.started_at), "completed_at": ended, "steps": [],
            "html_url": format!("{}/actions/runs/{}/job/{id}", page(&run.repo), run.id)})
    };
    let building = matches!(stage, Stage::Building { .. });
    let check = |name: &'static str| match &run.skipped {
        _ if building => (name, "in_progress", None),
        Some(skipped) if skipped == name => (name, "completed", Some("skipped")),
        _ => (name, "completed", Some("success")),
    };
    let deploy = match &stage {
        Stage::Building { .. } => ("queued", None),
        Stage::Waiting => ("waiting", None),
        Stage::Deploying { .. } => ("in_progress", None),
        Stage::Over { conclusion } => ("completed", Some(conclusion.as_str())),
    };
    let mut all = vec![check("build"), check("test"), check("lint")];
    all.extend(run.behind.iter().map(|name| (name.as_str(), "completed", Some("success"))));
    if run.environment.is_some() {
        all.push(("deploy", deploy.0, deploy.1));
    }
    all.into_iter().enumerate().map(job).collect()
}

pub(super) fn environment(repo: &str, name: &str) -> Value {
    let id = Hub::number(&format!("{repo} {name}"));
    json!({"id": id, "node_id": format!("EN_{id}"), "name": name,
        "url": format!("https://api.github.com/repos/{repo}/environments/{name}"),
        "html_url": format!("{}/deployments/activity_log?environments_filter={name}", page(repo)),
        "created_at": "2025-11-23T22:00:40Z", "updated_at": "2025-11-23T22:00:40Z"})
}

pub(super) fn pending(run: &Run) -> Vec<Value> {
    let waits = run.environment.as_deref().filter(|_| run.stage == Stage::Waiting);
    let one = |name| {
        json!({"environment": environment(&run.repo, name), "wait_timer": 0, "wait_timer_started_at": null,
            "current_user_can_approve": false, "reviewers": []})
    };
    waits.map(one).into_iter().collect()
}

pub(super) fn review(run: &Run, review: &Review) -> Value {
    let kind = if review.by.ends_with("[bot]") { "Bot" } else { "User" };
    json!({"state": review.state, "comment": review.comment, "environments": [environment(&run.repo, &review.environment)],
        "user": {"login": review.by, "type": kind}})
}

pub(super) fn custom_rule(repo: &str, name: &str) -> Value {
    json!({"id": Hub::number(&format!("{repo} {name} rule")), "node_id": "GR_1", "enabled": true, "app": app()})
}

pub(super) fn app() -> Value {
    json!({"id": super::access::APP, "node_id": "A_1", "slug": SLUG, "integration_url": format!("https://api.github.com/apps/{SLUG}")})
}

pub(super) fn deployment(state: &State, one: &Deployment) -> Value {
    let url = format!("{}/repos/{}/deployments/{}", state.github_url(), one.repo, one.id);
    let updated = one.statuses.last().map_or(one.created_at, |status| status.at);
    json!({"id": one.id, "node_id": format!("DE_{}", one.id), "url": url, "sha": one.sha, "ref": "main", "task": "deploy",
        "payload": {}, "environment": one.environment, "original_environment": one.environment,
        "description": one.description, "creator": {"login": "github-actions[bot]", "type": "Bot"},
        "created_at": seconds(one.created_at), "updated_at": seconds(updated), "statuses_url": format!("{url}/statuses"),
        "repository_url": format!("{}/repos/{}", state.github_url(), one.repo),
        "production_environment": one.environment == "production"})
}

pub(super) fn status(state: &State, of: &Deployment, status: &Status) -> Value {
    let url = format!("{}/repos/{}/deployments/{}", state.github_url(), of.repo, of.id);
    let log = format!("{}/actions/runs/{}/job/{}", page(&of.repo), of.run, of.run * 1_000 + 13);
    json!({"id": status.id, "url": format!("{url}/statuses/{}", status.id), "state": status.state, "description": "",
        "environment": of.environment, "creator": {"login": "github-actions[bot]", "type": "Bot"}, "target_url": log,
        "log_url": log, "environment_url": "", "created_at": seconds(status.at), "updated_at": seconds(status.at),
        "deployment_url": url})
}

/// The payload of `deployment_protection_rule`. The run stands in the callback address alone.
pub(super) fn gate(state: &State, run: &Run, name: &str) -> Value {
    let deployment = run
        .deployment
        .and_then(|id| state.github.pipelines.deployments.get(&id))
        .map(|one| deployment(state, one));
    let callback = format!(
        "{}/repos/{}/actions/runs/{}/deployment_protection_rule",
        state.github_url(),
        run.repo,
        run.id
    );
    json!({"action": "requested", "environment": name, "event": run.event, "deployment_callback_url": callback,
        "deployment": deployment, "pull_requests": [], "repository": place(&run.repo), "sender": {"login": run.actor},
        "installation": {"id": super::access::INSTALLATION}})
}

pub(super) fn deployment_event(state: &State, one: &Deployment) -> Value {
    json!({"action": "created", "deployment": deployment(state, one),
        "deployment_status": one.statuses.last().map(|last| status(state, one, last)), "repository": place(&one.repo)})
}
