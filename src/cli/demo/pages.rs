//! The demo's runbooks and where its post-mortems go: the tables that scribe, chronicler, server and executor share.
//!
//! Never: a page that nobody simulates.

/// In the configs of scribe, server and executor alike.
pub(super) const RUNBOOKS: &str = r#"
[runbooks.CONF-4711]
site = "confluence"
page = "4711"
services = ["session-store"]
prometheus = "session-store"

[runbooks.CONF-3380]
site = "confluence"
page = "3380"
services = ["api-gw"]
prometheus = "api-gw"

[runbooks.CONF-5120]
site = "confluence"
page = "5120"
services = ["logins"]
prometheus = "logins"

[runbooks.NOTION-91a]
site = "notion"
page = "91a4c2d0-5b7e-4f13-9c86-2e0d7a1b3f58"
services = ["edge-routing"]
prometheus = "edge-routing"
"#;

/// In the configs of chronicler, server and executor alike.
pub(super) const POSTMORTEMS: &str = r#"
[postmortems]
site = "confluence"
space = "98306"
"#;

/// In the configs of server and executor: what is published of an incident is for its lead to approve.
pub(super) const LEAD_APPROVES: &str = r#"
[[keys.thresholds]]
name = "incident lead"
kind = "postmortem"
roles = ["lead"]
"#;

/// In the chronicler's config: who is asked.
pub(super) const LEADS: &str = r#"
[leads]
session-store = ["priya"]
api-gw = ["sarah"]
edge-routing = ["priya"]
"#;

/// In the configs of scribe and chronicler: what was said last is said already when the demo begins.
pub(super) const INCIDENTS: &str = "
[incidents]
settle_s = 5
prometheus = { session-store = \"session-store\", api-gw = \"api-gw\", edge-routing = \"edge-routing\", logins = \"logins\" }
";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::{chronicler, scribe};

    #[test]
    fn the_tables_are_a_scribes() {
        let text = format!("server = \"http://x\"\ntoken_file = \"/t\"\n{INCIDENTS}{RUNBOOKS}");
        let config: scribe::Config = toml::from_str(&text).unwrap();
        assert!(config.runbooks.values().all(|runbook| runbook.services.len() == 1));
        assert_eq!(config.incidents.channel, "inc-{number}");
        let text = format!("server = \"http://x\"\ntoken_file = \"/t\"\n{INCIDENTS}{POSTMORTEMS}");
        let config: chronicler::Config = toml::from_str(&text).unwrap();
        assert_eq!(config.postmortems.environment, "production");
        let text = format!("server = \"http://x\"\ntoken_file = \"/t\"\n{INCIDENTS}{POSTMORTEMS}{LEADS}");
        let config: chronicler::Config = toml::from_str(&text).unwrap();
        assert_eq!(config.leads["api-gw"], ["sarah".parse().unwrap()]);
    }
}
