//! The demo's gated services: the tables that gatekeeper, server and executor share, and what the gatekeeper knows beside.
//!
//! Never: a service whose runs nobody simulates.

use std::fmt::Write as _;

use crate::simulator::World;

/// In the configs of gatekeeper, server and executor alike; who measures a service is added to its table.
const TABLES: &str = r#"
[gates.checkout-api]
repository = "acme/checkout-api"
argocd = "checkout-api"
canary = { dispatch = { event_type = "dock-canary" } }

[gates.search-indexer]
repository = "acme/search-indexer"
argocd = "search-indexer"

[gates.billing-worker]
repository = "acme/billing-worker"
argocd = "billing-worker"
terraform = "acme/billing-worker"

[gates.notifications]
repository = "acme/notifications"
environments = { staging = "reversible" }
argocd = "notifications"

[gates.image-resizer]
repository = "acme/image-resizer"
argocd = "image-resizer"

[gates.identity]
repository = "acme/identity"
argocd = "identity"
"#;

/// The tables, each with the SLO that Datadog keeps of the service and its name in Prometheus.
pub(super) fn tables(world: &World) -> String {
    TABLES.split_inclusive('\n').fold(String::new(), |mut text, line| {
        text.push_str(line);
        if let Some(service) = line.trim_end().strip_prefix("[gates.").and_then(|rest| rest.strip_suffix(']'))
        {
            let slo = world.datadog_slo(service);
            let _ = writeln!(text, "datadog_slo = \"{slo}\"\nprometheus = \"{service}\"");
        }
        text
    })
}

/// In the gatekeeper's config alone: who is asked where it is not whoever is on call first.
pub(super) const SERVICES: &str = r#"
[services.checkout-api]
reviewers = ["priya"]

[services.search-indexer]
reviewers = ["jordan"]

[services.billing-worker]
reviewers = ["priya"]
"#;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        agent::gatekeeper,
        clock::Clock,
        simulator::{Setting, Simulators},
    };

    #[tokio::test]
    async fn the_tables_are_a_gatekeepers() {
        let setting = Setting {
            scenario: crate::simulator::Scenario::Seeds,
            clock: Clock::system(),
            pace: crate::simulator::Pace::default(),
            dir: None,
        };
        let simulators = Simulators::start(setting).await.unwrap();
        let tables = tables(simulators.world());
        let text = format!("server = \"http://x\"\ntoken_file = \"/t\"\n{tables}{SERVICES}");
        let config: gatekeeper::Config = toml::from_str(&text).unwrap();
        assert!(config.services.keys().all(|name| config.gates.contains_key(name)));
        assert_eq!(config.gates.len(), 6);
        assert!(config.gates.values().all(|gate| gate.datadog_slo.is_some() && gate.prometheus.is_some()));
    }
}
