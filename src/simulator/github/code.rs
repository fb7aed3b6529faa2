//! Code: comparisons, commits, checks, pull requests, releases, contents.
//!
//! Never: changed files beyond the first page of a comparison, or more of them than GitHub lists.

use axum::{Router, extract::State, routing::get};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{Answer, Asked};
use crate::simulator::{
    git::{Check, Commit, Repository},
    manifest::{self, seconds},
    world::World,
};

const FILES_MAX: usize = 300;

/// The paths below a repository.
pub(super) fn routes(under: &str) -> Router<World> {
    Router::new()
        .route(&format!("{under}/compare/{{range}}"), get(compare))
        .route(&format!("{under}/commits/{{sha}}"), get(commit))
        .route(&format!("{under}/commits/{{sha}}/check-runs"), get(check_runs))
        .route(&format!("{under}/commits/{{sha}}/status"), get(status))
        .route(&format!("{under}/commits/{{sha}}/pulls"), get(pulls))
        .route(&format!("{under}/pulls"), get(closed))
        .route(&format!("{under}/releases/tags/{{tag}}"), get(release))
        .route(&format!("{under}/contents/{{*path}}"), get(contents))
}

async fn compare(State(world): State<World>, asked: Asked) -> Answer {
    asked.look(&world, |repository| {
        let range = asked.param("range");
        let (base, head) = range.split_once("...")?;
        let (from, to) = (repository.history(base)?, repository.history(head)?);
        let common = from.iter().zip(&to).take_while(|(one, other)| one.sha == other.sha).count();
        let (ahead, behind) = (&to[common..], from.len() - common);
        let status = match (ahead.len(), behind) {
            (0, 0) => "identical",
            (_, 0) => "ahead",
            (0, _) => "behind",
            (_, _) => "diverged",
        };
        let shown = ahead.iter().map(|commit| commit_json(repository, commit)).collect();
        let mut answer = json!({"status": status, "ahead_by": ahead.len(), "behind_by": behind,
            "total_commits": ahead.len(), "base_commit": commit_json(repository, from.last()?),
            "commits": asked.page.of(shown),
            "html_url": format!("https://github.com/{}/compare/{range}", repository.full_name)});
        // Changed files come with the first page only.
        answer["files"] = if asked.page.number() <= 1 { files(ahead) } else { json!([]) };
        Some(answer)
    })
}

/// The files of several commits, each path once.
fn files(commits: &[&Commit]) -> Value {
    let mut files: std::collections::BTreeMap<&str, Value> = std::collections::BTreeMap::new();
    for (commit, file) in
        commits.iter().flat_map(|commit| commit.files.iter().map(move |file| (commit, file)))
    {
        let (additions, deletions) = (file.additions, file.deletions);
        let status = if commit.texts.contains_key(&file.path) { "added" } else { "modified" };
        let mut shown = json!({"filename": file.path, "status": status, "additions": additions,
            "deletions": deletions, "changes": additions + deletions});
        if let Some(patch) = &file.patch {
            shown["patch"] = json!(patch);
        }
        files.insert(&file.path, shown);
    }
    files.into_values().take(FILES_MAX).collect()
}

fn commit_json(repository: &Repository, commit: &Commit) -> Value {
    let author = json!({"name": commit.author, "email": format!("{}@demo.invalid", commit.author),
        "date": seconds(commit.date)});
    json!({"sha": commit.sha, "html_url": format!("https://github.com/{}/commit/{}", repository.full_name, commit.sha),
        "author": {"login": commit.author}, "commit": {"message": commit.message, "author": author, "committer": author}})
}

async fn commit(State(world): State<World>, asked: Asked) -> Answer {
    asked.look(&world, |repository| {
        let commit = repository.named(asked.param("sha"))?;
        let mut shown = commit_json(repository, commit);
        shown["files"] = files(&[commit]);
        Some(shown)
    })
}

async fn check_runs(State(world): State<World>, asked: Asked) -> Answer {
    asked.look(&world, |repository| {
        let commit = repository.named(asked.param("sha"))?;
        let run = |check: &Check| {
            let status = if check.conclusion.is_some() { "completed" } else { "in_progress" };
            let url = format!("https://github.com/{}/commit/{}/checks", repository.full_name, commit.sha);
            json!({"name": check.name, "head_sha": commit.sha, "status": status, "conclusion": check.conclusion,
                "html_url": url, "completed_at": seconds(commit.date)})
        };
        let runs: Vec<Value> = commit.checks.iter().map(run).collect();
        Some(json!({"total_count": runs.len(), "check_runs": asked.page.of(runs)}))
    })
}

/// No one uses commit statuses here: the combined word is then "pending", with nothing in it.
async fn status(State(world): State<World>, asked: Asked) -> Answer {
    asked.look(&world, |repository| {
        let commit = repository.named(asked.param("sha"))?;
        Some(json!({"state": "pending", "statuses": [], "sha": commit.sha, "total_count": 0}))
    })
}

async fn pulls(State(world): State<World>, asked: Asked) -> Answer {
    asked.look(&world, |repository| {
        let commit = repository.named(asked.param("sha"))?;
        let pull = commit.pull.and_then(|number| pull(repository, number, commit));
        Some(pull.into_iter().collect())
    })
}

/// All of them are merged, each by its own commit; newest first, whatever else is asked for.
async fn closed(State(world): State<World>, asked: Asked) -> Answer {
    asked.look(&world, |repository| {
        let merged =
            repository.commits.iter().rev().filter_map(|commit| pull(repository, commit.pull?, commit));
        Some(Value::Array(asked.page.of(merged.collect())))
    })
}

fn pull(repository: &Repository, number: u64, commit: &Commit) -> Option<Value> {
    let pull = repository.pulls.get(&number)?;
    let url = format!("https://github.com/{}/pull/{number}", repository.full_name);
    Some(json!({"number": number, "title": pull.title, "state": "closed", "user": {"login": pull.author},
        "merged_at": seconds(pull.merged_at), "merge_commit_sha": commit.sha, "html_url": url, "base": {"ref": "main"}}))
}

async fn release(State(world): State<World>, asked: Asked) -> Answer {
    asked.look(&world, |repository| {
        let tag = asked.param("tag");
        let release = repository.releases.iter().find(|release| release.tag == tag)?;
        let url = format!("https://github.com/{}/releases/tag/{tag}", repository.full_name);
        Some(json!({"tag_name": tag, "name": tag, "body": release.notes, "draft": false, "prerelease": false,
            "published_at": seconds(release.published_at), "html_url": url, "target_commitish": "main"}))
    })
}

async fn contents(State(world): State<World>, asked: Asked) -> Answer {
    asked.look(&world, |repository| {
        let (path, at) = (asked.param("path"), asked.page.at.as_deref().unwrap_or("HEAD"));
        let manifests = repository.manifests(at).unwrap_or_default();
        let rendered = manifests.iter().find(|object| manifest::path(object) == path).map(manifest::yaml);
        let text = rendered.or_else(|| repository.text(at, path))?;
        let content = STANDARD.encode(&text);
        Some(json!({"type": "file", "encoding": "base64", "path": path, "size": text.len(), "content": content}))
    })
}
