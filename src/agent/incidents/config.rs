//! The section `[incidents]` of the agents that write about them: which are looked at, and where they were talked about.
//!
//! Never: an incident left out without somebody having said so.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Dock tells of rows that ended within a day: what was resolved before that is looked at by name alone.
pub const LOOK_BACK_H_MAX: u32 = 24;

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The channel of an incident: `{number}` is its number, `{incident}` its name in small letters, `{service}` its
    /// service's name.
    pub channel: String,
    /// Resolved this many hours ago at most; 24 are the limit.
    pub look_back_h: u32,
    /// Resolved this many seconds ago at least: the last words are said after the last alert.
    pub settle_s: u32,
    /// Minutes before an incident was opened, and after it was resolved, that belong to it.
    pub margin_min: u32,
    /// Only these priorities, as PagerDuty names them; all where it is empty.
    pub priorities: Vec<String>,
    /// Only these services; all where it is empty.
    pub services: Vec<String>,
    /// What a service of PagerDuty's is called in Prometheus.
    pub prometheus: BTreeMap<String, String>,
    /// What it is called in Datadog's tags, where Prometheus does not measure it; of what neither names no numbers are asked.
    pub datadog: BTreeMap<String, String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            channel: "inc-{number}".to_owned(),
            look_back_h: LOOK_BACK_H_MAX,
            settle_s: 120,
            margin_min: 15,
            priorities: Vec::new(),
            services: Vec::new(),
            prometheus: BTreeMap::new(),
            datadog: BTreeMap::new(),
        }
    }
}

impl Config {
    /// The channel of `INC-2099` on a service.
    pub fn channel_of(&self, incident: &str, service: &str) -> String {
        let number = incident.rsplit('-').next().unwrap_or(incident);
        let filled = self.channel.replace("{number}", number);
        filled.replace("{incident}", &incident.to_lowercase()).replace("{service}", service)
    }

    /// Each incident has a channel of its own.
    pub fn own_channel(&self) -> bool {
        self.channel.contains("{number}") || self.channel.contains("{incident}")
    }

    /// Why an incident is none of this agent's, if it is none.
    pub fn leaves_out(&self, service: &str, priority: Option<&str>) -> Option<&'static str> {
        let among = |names: &[String], name: &str| names.is_empty() || names.iter().any(|one| one == name);
        if !among(&self.services, service) {
            return Some("its service is not configured");
        }
        // One without a priority could be any.
        let wanted = priority.is_none_or(|priority| among(&self.priorities, priority));
        (!wanted).then_some("its priority is not configured")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_is_named_after_its_incident() {
        let named = |channel: &str| {
            let config = Config { channel: channel.to_owned(), ..Config::default() };
            config.channel_of("INC-2099", "session-store")
        };
        assert!(Config::default().own_channel());
        assert!(!Config { channel: "ops-{service}".to_owned(), ..Config::default() }.own_channel());
        assert_eq!(named("inc-{number}"), "inc-2099");
        assert_eq!(named("{incident}-{service}"), "inc-2099-session-store");
        assert_eq!(named("ops"), "ops");
    }

    #[test]
    fn what_is_left_out_was_configured_so() {
        let config: Config = toml::from_str("priorities = [\"SEV-1\"]\nservices = [\"a\"]\n").unwrap();
        assert_eq!(config.leaves_out("a", Some("SEV-1")), None);
        assert_eq!(config.leaves_out("a", None), None);
        assert!(config.leaves_out("a", Some("SEV-3")).is_some());
        assert!(config.leaves_out("b", Some("SEV-1")).is_some());
        assert_eq!(Config::default().leaves_out("b", Some("SEV-3")), None);
    }
}
