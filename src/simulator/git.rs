//! The repositories: commits with what they change, pull requests, checks, releases, and what they render to.
//!
//! One repository holds one service and its manifests under `deploy/`; a chart's versions render by themselves.
//! Never: a commit whose identity depends on chance; the same story has the same hashes.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::manifest;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Repository {
    /// `owner/name`.
    pub(super) full_name: String,
    /// The main branch, oldest first.
    pub(super) commits: Vec<Commit>,
    pub(super) pulls: BTreeMap<u64, Pull>,
    /// Oldest first.
    pub(super) releases: Vec<Release>,
    /// Heads that a force push left behind, each with the number of commits before it.
    orphans: Vec<(usize, Commit)>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Commit {
    pub(super) sha: String,
    pub(super) author: String,
    pub(super) date: Timestamp,
    pub(super) message: String,
    pub(super) pull: Option<u64>,
    pub(super) files: Vec<File>,
    pub(super) checks: Vec<Check>,
    /// What `deploy/` renders to from here on; `None`: as before.
    pub(super) manifests: Option<Vec<Value>>,
    /// Files that it adds, with their text.
    pub(super) texts: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct File {
    pub(super) path: String,
    pub(super) additions: u64,
    pub(super) deletions: u64,
    pub(super) patch: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Check {
    pub(super) name: String,
    /// `None`: it still runs.
    pub(super) conclusion: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Pull {
    pub(super) title: String,
    pub(super) author: String,
    pub(super) merged_at: Timestamp,
}

/// A tag with notes, and the chart version that it published.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Release {
    pub(super) tag: String,
    pub(super) version: String,
    pub(super) notes: String,
    pub(super) published_at: Timestamp,
    pub(super) sha: String,
    pub(super) manifests: Vec<Value>,
}

/// A commit to be made.
#[derive(Default)]
pub(super) struct Draft<'a> {
    pub(super) author: &'a str,
    pub(super) date: Timestamp,
    pub(super) message: &'a str,
    /// It came by this pull request.
    pub(super) pull: Option<u64>,
    /// Paths of code with lines added and removed.
    pub(super) code: &'a [(&'a str, u64, u64)],
    /// Paths that it adds, with their text.
    pub(super) texts: &'a [(&'a str, &'a str)],
    pub(super) manifests: Option<Vec<Value>>,
}

impl Repository {
    pub(super) fn new(full_name: &str) -> Self {
        let (commits, pulls, releases, orphans) = (vec![], BTreeMap::new(), vec![], vec![]);
        Self { full_name: full_name.to_owned(), commits, pulls, releases, orphans }
    }

    /// Adds a commit to main, its CI green; a pull request that it names is merged by it. Returns its hash.
    pub(super) fn commit(&mut self, draft: Draft<'_>) -> String {
        let sha = self.hash(draft.message);
        let mut files: Vec<File> = draft
            .code
            .iter()
            .map(|&(path, additions, deletions)| File {
                path: path.to_owned(),
                additions,
                deletions,
                patch: None,
            })
            .collect();
        files.extend(draft.texts.iter().map(|&(path, text)| added(path, text)));
        if let Some(after) = &draft.manifests {
            files.extend(manifest::changed_files(self.manifests_at_head(), after));
        }
        if let Some(number) = draft.pull {
            let title = draft.message.lines().next().unwrap_or_default();
            let title = title.trim_end_matches(&format!(" (#{number})")).to_owned();
            self.pulls.insert(number, Pull { title, author: draft.author.to_owned(), merged_at: draft.date });
        }
        let green = |name: &str| Check { name: name.to_owned(), conclusion: Some("success".to_owned()) };
        self.commits.push(Commit {
            sha: sha.clone(),
            author: draft.author.to_owned(),
            date: draft.date,
            message: draft.message.to_owned(),
            pull: draft.pull,
            files,
            checks: vec![green("build"), green("test"), green("lint")],
            manifests: draft.manifests,
            texts: draft.texts.iter().map(|&(path, text)| (path.to_owned(), text.to_owned())).collect(),
        });
        sha
    }

    /// The head of main is replaced by another commit with the same change; the old one is still found by its hash.
    pub(super) fn force_push(&mut self) -> Option<String> {
        let old = self.commits.pop()?;
        let message = format!("{}\n\nReworded.", old.message);
        let sha = self.hash(&message);
        self.commits.push(Commit { sha: sha.clone(), message, ..old.clone() });
        self.orphans.push((self.commits.len() - 1, old));
        Some(sha)
    }

    /// Publishes a chart version from the head of main.
    pub(super) fn release(&mut self, version: &str, notes: &str, at: Timestamp, manifests: Vec<Value>) {
        let name = self.full_name.split('/').next_back().unwrap_or_default();
        self.releases.push(Release {
            tag: format!("{name}-{version}"),
            version: version.to_owned(),
            notes: notes.to_owned(),
            published_at: at,
            sha: self.commits.last().map(|commit| commit.sha.clone()).unwrap_or_default(),
            manifests,
        });
    }

    /// The commit that a hash (or the start of one), branch or tag means.
    pub(super) fn find(&self, name: &str) -> Option<(usize, &Commit)> {
        let tagged =
            self.releases.iter().find(|release| release.tag == name).map(|release| release.sha.as_str());
        let name = tagged.unwrap_or(name);
        match name {
            "" | "HEAD" | "main" => self.commits.iter().enumerate().next_back(),
            _ if name.len() < 7 => None,
            _ => self.commits.iter().enumerate().find(|(_, commit)| commit.sha.starts_with(name)),
        }
    }

    /// All that leads to what a name means, oldest first.
    pub(super) fn history(&self, name: &str) -> Option<Vec<&Commit>> {
        if let Some((index, _)) = self.find(name) {
            return Some(self.commits[..=index].iter().collect());
        }
        let (before, orphan) =
            self.orphans.iter().find(|(_, commit)| name.len() >= 7 && commit.sha.starts_with(name))?;
        Some(self.commits[..*before].iter().chain([orphan]).collect())
    }

    /// The commit that a name means, on main or left behind.
    pub(super) fn named(&self, name: &str) -> Option<&Commit> {
        self.history(name)?.pop()
    }

    /// The text of a file that some commit added.
    pub(super) fn text(&self, at: &str, path: &str) -> Option<String> {
        self.history(at)?.into_iter().rev().find_map(|commit| commit.texts.get(path)).cloned()
    }

    /// What a commit renders to.
    pub(super) fn manifests(&self, sha: &str) -> Option<&[Value]> {
        let (index, _) = self.find(sha)?;
        self.commits[..=index].iter().rev().find_map(|commit| commit.manifests.as_deref())
    }

    pub(super) fn manifests_at_head(&self) -> &[Value] {
        self.manifests("HEAD").unwrap_or_default()
    }

    /// The number of the next pull request.
    pub(super) fn next_pull(&self) -> u64 {
        self.pulls.keys().next_back().map_or(1, |last| last + 1)
    }

    fn hash(&self, message: &str) -> String {
        let seed = json!([self.full_name, self.commits.len(), message]).to_string();
        let digest = Sha256::digest(seed.as_bytes());
        digest.iter().take(20).fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
    }
}

/// A new file as a change, with GitHub's kind of patch.
fn added(path: &str, text: &str) -> File {
    let lines: Vec<&str> = text.lines().collect();
    let patch =
        lines.iter().fold(format!("@@ -0,0 +1,{} @@", lines.len()), |patch, line| patch + "\n+" + line);
    File { path: path.to_owned(), additions: lines.len() as u64, deletions: 0, patch: Some(patch) }
}
