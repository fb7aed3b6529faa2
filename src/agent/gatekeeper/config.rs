//! A whole `gatekeeper.toml`: where Dock and the platforms are, which deploys are gated, by what limits.
//!
//! Never: a secret in it; tokens are named by file or variable.

use std::{collections::BTreeMap, path::PathBuf};

use serde::Deserialize;

use super::rules::Limits;
use crate::{
    agent::people::{Freeze, People},
    platform,
    row::{PrincipalId, gate},
};

/// GitHub is asked no oftener than this by default, in seconds; webhooks and Dock's feed wake earlier.
const POLL_S: u32 = 60;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Dock's backend.
    pub server: String,
    /// The gatekeeper's own token: it may draft, and decides nothing.
    pub token_file: PathBuf,
    #[serde(default)]
    pub platforms: platform::Config,
    /// Waiting runs are looked for after so long, whatever was told, in seconds.
    #[serde(default = "poll_s")]
    pub poll_s: u32,
    /// What concerns a service alike for all of its runs is asked again after so long, in seconds, and at once for a run
    /// that is new.
    #[serde(default = "poll_s")]
    pub service_s: u32,
    /// The services whose deploys are gated: the same tables as the backend's.
    #[serde(default)]
    pub gates: BTreeMap<String, gate::Service>,
    #[serde(default)]
    pub limits: Limits,
    #[serde(default)]
    pub people: People,
    /// What words the rules' decisions, where one is wanted.
    #[serde(default)]
    pub model: Option<platform::model::Config>,
    /// What else is particular about a service.
    #[serde(default)]
    pub services: BTreeMap<String, Service>,
    #[serde(default)]
    pub freeze: Vec<Freeze>,
    /// The demo moves time by this file.
    #[serde(default)]
    pub clock_file: Option<PathBuf>,
}

/// What is particular about one service.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Service {
    /// PagerDuty has a service for it.
    pub pagerduty: bool,
    /// The query for its p95, in seconds, in place of the platform's own.
    pub p95_seconds: Option<String>,
    /// Who is asked; without them whoever is on call first.
    pub reviewers: Vec<PrincipalId>,
    pub limits: Option<Limits>,
}

impl Default for Service {
    fn default() -> Self {
        Self { pagerduty: true, p95_seconds: None, reviewers: Vec::new(), limits: None }
    }
}

fn poll_s() -> u32 {
    POLL_S
}

impl Config {
    pub(super) fn service(&self, name: &str) -> Service {
        self.services.get(name).cloned().unwrap_or_default()
    }

    pub(super) fn limits(&self, service: &str) -> Limits {
        let limits = self.service(service).limits.unwrap_or_else(|| self.limits.clone());
        match self.gates.get(service).and_then(|gate| gate.limits) {
            Some(burns) => limits.with(&burns),
            None => limits,
        }
    }

    /// A table under `[services]` that no gate goes with, if there is one: most likely a name that was mistyped.
    pub(super) fn without_gate(&self) -> Option<&str> {
        self.services.keys().find(|name| !self.gates.contains_key(*name)).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: &str = "server = \"http://127.0.0.1:1\"\ntoken_file = \"/t\"\n";

    #[test]
    fn a_service_has_the_installations_limits_unless_it_has_its_own() {
        let text = format!(
            "{LEAST}[limits]\nburn_hold = 2\n[gates.a]\nrepository = \"acme/a\"\n[services.a.limits]\nburn_hold = 3\n"
        );
        let config: Config = toml::from_str(&text).unwrap();
        assert_eq!((config.limits("a").burn_hold, config.limits("b").burn_hold), (3.0, 2.0));
        assert_eq!((config.poll_s, config.service("a").pagerduty), (60, true));
        assert_eq!(config.without_gate(), None);
    }

    #[test]
    fn the_gates_own_burns_are_those_that_charts_and_the_watch_go_by() {
        let text = format!(
            "{LEAST}[limits]\nburn_hold = 2\np95_moved_percent = 20\n[gates.a]\nrepository = \"acme/a\"\n\
             limits = {{ burn_hold = 4 }}\n"
        );
        let config: Config = toml::from_str(&text).unwrap();
        let limits = config.limits("a");
        assert_eq!((limits.burn_hold, limits.burn_block, limits.p95_moved_percent), (4.0, 14.4, 20.0));
        assert!((config.limits("b").burn_hold - 2.0).abs() < f64::EPSILON);
    }

    #[test]
    fn what_is_mistyped_is_found() {
        assert!(toml::from_str::<Config>(&format!("{LEAST}pol_s = 2\n")).is_err());
        assert!(toml::from_str::<Config>(&format!("{LEAST}[services.a]\nslo = \"x\"\n")).is_err());
        let config: Config = toml::from_str(&format!("{LEAST}[services.serch]\n")).unwrap();
        assert_eq!(config.without_gate(), Some("serch"));
    }
}
