//! The section of Argus: where Dock and the platforms are, how long a drift settles, who is who.
//!
//! Never: a secret in it; tokens are named by file or variable.

use std::{collections::BTreeMap, path::PathBuf};

use serde::Deserialize;

use super::rules::Limits;
use crate::{
    agent::people::{Freeze, People},
    platform,
};

/// A whole `argus.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Dock's backend.
    pub server: String,
    /// Argus' own token: it may draft, and decides nothing.
    pub token_file: PathBuf,
    #[serde(default)]
    pub platforms: platform::Config,
    /// How long a drift must stand still before it is drafted, in seconds.
    #[serde(default = "settle_s")]
    pub settle_s: u32,
    /// Everything is looked at again after so long, whatever was told, in seconds.
    #[serde(default = "poll_s")]
    pub poll_s: u32,
    #[serde(default)]
    pub limits: Limits,
    #[serde(default)]
    pub people: People,
    /// What words the rules' decisions, where one is wanted.
    #[serde(default)]
    pub model: Option<platform::model::Config>,
    /// By application.
    #[serde(default)]
    pub services: BTreeMap<String, Service>,
    #[serde(default)]
    pub freeze: Vec<Freeze>,
    /// The demo moves time by this file.
    #[serde(default)]
    pub clock_file: Option<PathBuf>,
}

/// What is particular about one application.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Service {
    /// PagerDuty has a service for it.
    pub pagerduty: bool,
    /// Prometheus has its series.
    pub prometheus: bool,
    pub limits: Option<Limits>,
}

impl Default for Service {
    fn default() -> Self {
        Self { pagerduty: true, prometheus: true, limits: None }
    }
}

fn settle_s() -> u32 {
    30
}

fn poll_s() -> u32 {
    60
}

impl Config {
    pub(super) fn service(&self, app: &str) -> Service {
        self.services.get(app).cloned().unwrap_or_default()
    }

    pub(super) fn limits(&self, app: &str) -> Limits {
        self.service(app).limits.unwrap_or_else(|| self.limits.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_config_of_two_lines_is_enough() {
        let config: Config =
            toml::from_str("server = \"http://127.0.0.1:1\"\ntoken_file = \"/t\"\n").unwrap();
        assert_eq!((config.settle_s, config.poll_s, config.service("x").pagerduty), (30, 60, true));
        assert!(toml::from_str::<Config>("server = \"x\"\ntoken_file = \"/t\"\nsetle_s = 2\n").is_err());
    }
}
