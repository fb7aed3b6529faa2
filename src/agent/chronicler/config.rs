//! A whole `chronicler.toml`: where Dock and the platforms are, where papers are published, who leads.
//!
//! Never: a secret in it; tokens are named by file or variable.

use std::{collections::BTreeMap, path::PathBuf};

use serde::Deserialize;

use super::rules::Limits;
use crate::{
    agent::{incidents, people::People},
    platform,
    row::{PrincipalId, paper::Place},
};

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Dock's backend.
    pub server: String,
    /// The chronicler's own token: it may draft, and decides nothing.
    pub token_file: PathBuf,
    #[serde(default)]
    pub platforms: platform::Config,
    /// Incidents are listed again after so long, whatever was told, in seconds.
    #[serde(default = "poll_s")]
    pub poll_s: u32,
    #[serde(default)]
    pub incidents: incidents::Config,
    /// Where papers are published: the same table as the backend's.
    pub postmortems: Place,
    /// Who leads a service's incidents, and so is asked; without them whoever responded first, else whoever is on call.
    #[serde(default)]
    pub leads: BTreeMap<String, Vec<PrincipalId>>,
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

fn poll_s() -> u32 {
    60
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: &str = "server = \"http://127.0.0.1:1\"\ntoken_file = \"/t\"\n";

    #[test]
    fn a_place_is_needed_and_what_is_mistyped_is_found() {
        assert!(toml::from_str::<Config>(LEAST).is_err(), "nobody guesses where to publish");
        let text = format!(
            "{LEAST}[postmortems]\nsite = \"confluence\"\nspace = \"98310\"\n[leads]\nsessions = [\"priya\"]\n"
        );
        let config: Config = toml::from_str(&text).unwrap();
        assert_eq!((config.poll_s, config.postmortems.environment.as_str()), (60, "production"));
        assert_eq!(config.leads["sessions"], ["priya".parse().unwrap()]);
        assert!(toml::from_str::<Config>(&format!("{text}[limits]\nquick = 1\n")).is_err());
    }
}
