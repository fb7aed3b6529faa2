//! GitHub: what a revision brings, which run waits before which environment, what became of deploys; and the writes of a
//! deploy gate: the answer to a protection rule, and what begins a canary.
//!
//! [`Source`] reads; [`Actuator`] writes with a credential of its own. Answers are asked for again with their ETag, which
//! costs no rate. A repository that a credential may not see answers 404. Deliveries of GitHub's hooks are read in
//! [`webhook`], which only computes.
//! Never: a call while GitHub limits us; our credential at another host; a write sent twice.

mod actuator;
mod api;
mod chart;
mod code;
mod credential;
mod deploys;
mod limits;
mod runs;
pub mod webhook;
mod wire;

use std::{fmt, path::PathBuf};

use reqwest::header::CONTENT_TYPE;
use serde::Deserialize;

use super::{
    Fact, Health, Platform, PlatformError,
    http::{Answer, Ask},
};
use api::{Api, Role};

pub use actuator::{Actuator, Answered, Review, ReviewError, Reviewed};
pub use chart::ReleaseNotes;
pub use code::{ChangedFile, Check, Ci, CiState, Commit, Comparison, PullRequest, Release, ci_state};
pub use deploys::{CustomRule, Deploy, DeployState, Deployment, DeploymentStatus, Environment};
pub use limits::{Quota, Usage};
pub use runs::{Approval, ApprovalState, Job, PendingDeployment};

/// What the reading App is given.
pub const READER_PERMISSIONS: [(&str, &str); 7] = [
    ("actions", "read"),
    ("checks", "read"),
    ("contents", "read"),
    ("deployments", "read"),
    ("metadata", "read"),
    ("pull_requests", "read"),
    ("statuses", "read"),
];
/// What the answering App is given. A canary takes one more: `contents` for a repository dispatch, `actions` for a workflow's.
pub const WRITER_PERMISSIONS: [(&str, &str); 2] = [("actions", "read"), ("deployments", "write")];

/// Items in one page.
const PAGE: usize = 100;

/// The section `[github]`. One of a token (`token_env`, `token_file`) and an App (`app_id`, `installation_id`,
/// `app_key_file`) is given; with neither, only what is public is seen.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// `https://api.github.com`, or `https://HOST/api/v3`.
    #[serde(default = "public_api")]
    pub url: String,
    pub token_env: Option<String>,
    pub token_file: Option<PathBuf>,
    /// The App's id or client id.
    pub app_id: Option<AppId>,
    pub installation_id: Option<u64>,
    /// The App's private key in PEM, PKCS#1 (as GitHub gives it) or PKCS#8.
    pub app_key_file: Option<PathBuf>,
    /// As in `["acme/payments-api"]`: an App's reading token is narrowed to these; where it is empty, to the one
    /// repository that is asked about.
    #[serde(default)]
    pub repositories: Vec<String>,
    pub ca_file: Option<PathBuf>,
    /// The host in repositories' addresses, where it is not github.com.
    pub host: Option<String>,
}

/// As GitHub's pages show it: a number, or `Iv1.…`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum AppId {
    Number(u64),
    Text(String),
}

impl fmt::Display for AppId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AppId::Number(number) => number.fmt(f),
            AppId::Text(text) => text.fmt(f),
        }
    }
}

fn public_api() -> String {
    "https://api.github.com".to_owned()
}

/// GitHub with a reading credential.
#[derive(Debug)]
pub struct Source {
    api: Api,
    host: String,
    lately: deploys::Lately,
    merged: code::Merged,
}

/// `owner/name`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Repository {
    pub owner: String,
    pub name: String,
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.owner, self.name)
    }
}

impl std::str::FromStr for Repository {
    type Err = NotARepository;

    /// `acme/payments-api`, and nothing else.
    fn from_str(text: &str) -> Result<Self, NotARepository> {
        let wrong = || NotARepository(text.to_owned());
        let (owner, name) = text.split_once('/').ok_or_else(wrong)?;
        let good = |part: &str| {
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
            !part.is_empty() && part.chars().all(plain) && !part.chars().all(|c| c == '.')
        };
        if !good(owner) || !good(name) {
            return Err(wrong());
        }
        Ok(Self { owner: owner.to_owned(), name: name.to_owned() })
    }
}

/// What is not `owner/name`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no repository: repositories look like `acme/payments-api`")]
pub struct NotARepository(String);

/// The repository that an address in an ArgoCD source means, on `host`: clone addresses of every form, and charts that
/// are published on the repository's own pages (`https://acme.github.io/ledger-worker`).
pub fn repository_of(address: &str, host: &str) -> Option<Repository> {
    let bare = address.trim().trim_end_matches('/');
    let bare = ["https://", "http://", "ssh://", "git://"]
        .iter()
        .find_map(|scheme| bare.strip_prefix(scheme))
        .unwrap_or(bare);
    let bare = bare.split_once('@').map_or(bare, |(_, rest)| rest);
    let (place, path) = bare.split_once(['/', ':'])?;
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let named = |owner: &str, name: &str| {
        let name = name.trim_end_matches(".git");
        let good = !owner.is_empty() && !name.is_empty();
        good.then(|| Repository { owner: owner.to_owned(), name: name.to_owned() })
    };
    match (place.strip_suffix(".github.io"), parts.as_slice()) {
        (None, [owner, name]) if place.eq_ignore_ascii_case(host) => named(owner, name),
        (Some(owner), [name, ..]) => named(owner, name),
        _ => None,
    }
}

impl Source {
    pub fn open(config: &Config) -> Result<Self, PlatformError> {
        Self::open_as(config, Role::Reader)
    }

    fn open_as(config: &Config, role: Role) -> Result<Self, PlatformError> {
        let host = config.host.clone().unwrap_or_else(|| "github.com".to_owned());
        let (lately, merged) = (deploys::Lately::default(), code::Merged::default());
        Ok(Self { api: Api::open(config, role)?, host, lately, merged })
    }

    /// [`repository_of`] on this section's host.
    pub fn repository_of(&self, address: &str) -> Option<Repository> {
        repository_of(address, &self.host)
    }

    /// What our calls have come to.
    pub fn calls(&self) -> crate::platform::Calls {
        self.api.calls()
    }

    /// Does it answer and take our credential? (An App's token names nobody.)
    pub async fn health(&self) -> Result<Health, PlatformError> {
        self.api.look_at_limits().await?;
        let untold = || Fact::Unknown("GitHub does not tell".to_owned());
        Ok(Health { platform: Platform::GitHub, version: untold(), account: untold() })
    }

    /// Calls made by this source, and what GitHub said is left.
    pub fn usage(&self) -> Usage {
        self.api.usage()
    }
}

fn about(repo: &Repository, asked: &str, rest: &[&str]) -> Ask {
    let path: Vec<&str> =
        ["repos", &repo.owner, &repo.name].into_iter().chain(rest.iter().copied()).collect();
    Ask::get(asked, &path)
}

fn about_write(repo: &Repository, asked: String, rest: &[&str], body: &serde_json::Value) -> Ask {
    let path: Vec<&str> =
        ["repos", &repo.owner, &repo.name].into_iter().chain(rest.iter().copied()).collect();
    Ask::post(asked, &path, body).header(CONTENT_TYPE, "application/json")
}

/// A commit as people write it; branches and versions stay.
fn short(revision: &str) -> &str {
    let commit = revision.len() == 40 && revision.bytes().all(|byte| byte.is_ascii_hexdigit());
    if commit { &revision[..7] } else { revision }
}

fn said(answer: &Answer) -> String {
    #[derive(Deserialize)]
    struct Wire {
        message: String,
    }
    serde_json::from_slice::<Wire>(&answer.body).map(|wire| wire.message).unwrap_or_default()
}

#[cfg(test)]
mod tests;
