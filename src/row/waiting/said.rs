//! What a pipeline says of itself when it waits: its commit, its attempt, how its CI went; and how its deploy ended.
//!
//! Never: believed further than that it says so.

use serde::{Deserialize, Serialize};

/// What a pipeline says of itself. Nobody checks it but by the commit, where a repository is configured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Said {
    pub commit: String,
    /// From 1; raised where the same run is tried again.
    #[serde(default = "super::first")]
    pub attempt: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// The page a person would open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// How its CI went; unknown where it does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ci: Option<Ci>,
}

impl Said {
    pub const COMMIT_MAX: usize = 64;
    pub const BRANCH_MAX: usize = 255;
    pub const URL_MAX: usize = 1024;

    /// What is wrong with it: the field, and why.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        let hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !(7..=Self::COMMIT_MAX).contains(&self.commit.len()) || !hex(&self.commit) {
            return Err(("commit", "is no commit's id: 7 to 64 hex digits".to_owned()));
        }
        if self.attempt == 0 {
            return Err(("attempt", "attempts are counted from 1".to_owned()));
        }
        for (field, text, max) in
            [("branch", &self.branch, Self::BRANCH_MAX), ("url", &self.url, Self::URL_MAX)]
        {
            let Some(text) = text else { continue };
            if text.len() > max || text.chars().any(char::is_control) {
                return Err((field, format!("has more than {max} bytes, or control characters")));
            }
        }
        let page = |url: &String| url.starts_with("https://") || url.starts_with("http://");
        if self.url.as_ref().is_some_and(|url| !page(url)) {
            return Err(("url", "begins with https:// or http://".to_owned()));
        }
        Ok(())
    }

    pub(super) fn same_run(&self, other: &Self) -> bool {
        (self.attempt, &self.commit) == (other.attempt, &other.commit)
    }
}

/// How a pipeline says that its CI went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ci {
    Passed,
    Failed,
}

/// How a deploy ended, as the pipeline says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// The commit runs there.
    Deployed,
    Failed,
}

/// What it says of a deploy that it was told to go on with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reports {
    pub commit: String,
    /// Without it, the newest that was told to go on with this commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    pub state: Ended,
}

/// What it asks with: [`Said`], where the attempt may be left to the backend, and who asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asks {
    pub commit: String,
    /// From 1. Without it the backend counts: the attempt that waits, or the next, where the last was answered to
    /// somebody else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ci: Option<Ci>,
    /// The name of the process that waits, which no other has: it alone is told again, however late, what it took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listener: Option<String>,
}

impl Asks {
    pub const LISTENER_MAX: usize = 64;

    pub fn said(&self, attempt: u32) -> Said {
        let Self { commit, branch, url, ci, .. } = self.clone();
        Said { commit, attempt, branch, url, ci }
    }

    /// What is wrong with it: the field, and why.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        let name = |name: &String| {
            (1..=Self::LISTENER_MAX).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic())
        };
        if !self.listener.as_ref().is_none_or(name) {
            return Err(("listener", "is no name: 1 to 64 visible letters of ASCII".to_owned()));
        }
        self.said(self.attempt.unwrap_or_else(super::first)).check()
    }
}
