//! The section of Argus: where Dock and the platforms are, how long a drift settles, who is who.
//!
//! Never: a secret in it; tokens are named by file or variable.

use std::{collections::BTreeMap, path::PathBuf};

use jiff::Timestamp;
use serde::Deserialize;

use super::rules::Limits;
use crate::{
    platform::{self, pagerduty::OnCall},
    row::PrincipalId,
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
    /// Dock's name of a person, by e-mail address or PagerDuty's user id, where it is not the part before the `@`.
    #[serde(default)]
    pub people: BTreeMap<String, PrincipalId>,
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

/// A time in which nothing is to be synced.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Freeze {
    pub from: Timestamp,
    pub until: Timestamp,
    pub why: String,
    /// All where it is empty.
    #[serde(default)]
    pub environments: Vec<String>,
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

    /// Who a shift's person is in Dock; none where the name cannot be one.
    pub(super) fn person(&self, shift: &OnCall) -> Option<PrincipalId> {
        let named = shift.email.as_ref().and_then(|email| self.people.get(email));
        if let Some(person) = named.or_else(|| self.people.get(&shift.user_id)) {
            return Some(person.clone());
        }
        let name = shift.email.as_deref().and_then(|email| email.split('@').next()).unwrap_or(&shift.user);
        name.to_lowercase().replace(['.', '_', ' '], "-").parse().ok()
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

    #[test]
    fn people_are_named_by_address_unless_told_otherwise() {
        let mut config: Config = toml::from_str("server = \"x\"\ntoken_file = \"/t\"\n").unwrap();
        let shift = |email: Option<&str>, user: &str| OnCall {
            user_id: "P1".to_owned(),
            user: user.to_owned(),
            email: email.map(str::to_owned),
            schedule: None,
            policy: "payments".to_owned(),
            level: 1,
            start: None,
            end: None,
        };
        let name = |config: &Config, shift: OnCall| config.person(&shift).map(|person| person.to_string());
        assert_eq!(name(&config, shift(Some("Govind@acme.example"), "G")).as_deref(), Some("govind"));
        assert_eq!(name(&config, shift(None, "Ana Lee")).as_deref(), Some("ana-lee"));
        assert_eq!(name(&config, shift(None, "Łukasz")), None);
        config.people.insert("P1".to_owned(), "gk".parse().unwrap());
        assert_eq!(name(&config, shift(Some("govind@acme.example"), "G")).as_deref(), Some("gk"));
    }
}
