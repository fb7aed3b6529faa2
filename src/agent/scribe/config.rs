//! A whole `scribe.toml`: where Dock and the platforms are, which runbooks there are, what marks a message.
//!
//! Never: a secret in it; tokens are named by file or variable.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use serde::Deserialize;

use super::rules::Limits;
use crate::{
    agent::{incidents, people::People},
    platform,
    row::page::Runbook,
};

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Dock's backend.
    pub server: String,
    /// The scribe's own token: it may draft, and decides nothing.
    pub token_file: PathBuf,
    #[serde(default)]
    pub platforms: platform::Config,
    /// Incidents are listed again after so long, whatever was told, in seconds.
    #[serde(default = "poll_s")]
    pub poll_s: u32,
    #[serde(default)]
    pub incidents: incidents::Config,
    /// The pages: the same tables as the backend's.
    #[serde(default)]
    pub runbooks: BTreeMap<String, Runbook>,
    /// While an incident is on, its runbook is shown beside the system as it is.
    #[serde(default = "yes")]
    pub live: bool,
    /// Minutes after an incident in which what was ticked can still be signed.
    #[serde(default = "sign_within_min")]
    pub sign_within_min: u32,
    /// Numbers that steps of a live runbook name, by how they name them: `replication lag`.
    #[serde(default)]
    pub numbers: BTreeMap<String, Number>,
    #[serde(default)]
    pub limits: Limits,
    #[serde(default)]
    pub people: People,
    /// What words the rules' decisions, where one is wanted.
    #[serde(default)]
    pub model: Option<platform::model::Config>,
    /// The demo moves time by this file.
    #[serde(default)]
    pub clock_file: Option<PathBuf>,
}

fn yes() -> bool {
    true
}

fn sign_within_min() -> u32 {
    120
}

/// A number that is measured somewhere: the query, and what its unit is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Given")]
pub struct Number {
    pub query: Query,
    /// As it is shown behind the number; empty where it has none.
    pub unit: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Query {
    Prometheus(String),
    Datadog(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    prometheus: Option<String>,
    datadog: Option<String>,
    #[serde(default)]
    unit: String,
}

impl TryFrom<Given> for Number {
    type Error = &'static str;

    fn try_from(given: Given) -> Result<Self, Self::Error> {
        let query = match (given.prometheus, given.datadog) {
            (Some(query), None) => Query::Prometheus(query),
            (None, Some(query)) => Query::Datadog(query),
            (Some(_), Some(_)) | (None, None) => return Err("a number has one query: prometheus or datadog"),
        };
        Ok(Self { query, unit: given.unit })
    }
}

impl Number {
    /// `3.2 s`.
    pub(super) fn told(&self, value: f64) -> String {
        let text = format!("{value:.2}");
        let number = text.trim_end_matches('0').trim_end_matches('.');
        if self.unit.is_empty() { number.to_owned() } else { format!("{number} {}", self.unit) }
    }
}

fn poll_s() -> u32 {
    60
}

impl Config {
    /// The services that any runbook is for.
    pub(super) fn services(&self) -> BTreeSet<&str> {
        self.runbooks.values().flat_map(|runbook| runbook.services.iter().map(String::as_str)).collect()
    }

    /// The runbooks of a service's incidents, by name.
    pub(super) fn runbooks_of<'a>(
        &'a self,
        service: &'a str,
    ) -> impl Iterator<Item = (&'a String, &'a Runbook)> {
        self.runbooks.iter().filter(move |(_, runbook)| runbook.services.iter().any(|one| one == service))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: &str = "server = \"http://127.0.0.1:1\"\ntoken_file = \"/t\"\n";

    #[test]
    fn a_runbook_is_found_by_the_services_that_it_is_for() {
        let text = format!(
            "{LEAST}[runbooks.CONF-4711]\nsite = \"confluence\"\npage = \"4711\"\nservices = [\"session-store\"]\n"
        );
        let config: Config = toml::from_str(&text).unwrap();
        let names =
            |service: &str| config.runbooks_of(service).map(|(name, _)| name.clone()).collect::<Vec<_>>();
        assert_eq!(names("session-store"), ["CONF-4711"]);
        assert!(names("session").is_empty());
        assert_eq!((config.poll_s, config.runbooks["CONF-4711"].keys.get()), (60, 1));
        assert!(toml::from_str::<Config>(&format!("{LEAST}pol_s = 2\n")).is_err());
    }

    #[test]
    fn a_live_runbook_is_shown_unless_it_is_turned_off() {
        let live = |more: &str| toml::from_str::<Config>(&format!("{LEAST}{more}")).unwrap().live;
        assert!(live("") && live("live = true\n") && !live("live = false\n"));
    }

    #[test]
    fn a_number_has_one_query() {
        let read =
            |text: &str| toml::from_str::<Config>(&format!("{LEAST}[numbers.\"replication lag\"]\n{text}"));
        let config = read("prometheus = \"max(lag_seconds)\"\nunit = \"s\"\n").unwrap();
        let lag = &config.numbers["replication lag"];
        assert_eq!(lag.query, Query::Prometheus("max(lag_seconds)".to_owned()));
        assert_eq!([3.2, 3.0, 0.004].map(|value| lag.told(value)), ["3.2 s", "3 s", "0 s"]);
        for wrong in ["", "unit = \"s\"\n", "prometheus = \"a\"\ndatadog = \"b\"\n", "promql = \"a\"\n"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
