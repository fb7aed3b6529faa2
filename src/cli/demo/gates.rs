//! The demo's gated services: the tables that gatekeeper, server and executor share, and what the gatekeeper knows beside.
//!
//! Never: a service whose runs nobody simulates.

/// In the configs of gatekeeper, server and executor alike.
pub(super) const TABLES: &str = r#"
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
    use crate::agent::gatekeeper;

    #[test]
    fn the_tables_are_a_gatekeepers() {
        let text =
            format!("server = \"http://x\"\ntoken_file = \"/t\"\n{}{}", super::TABLES, super::SERVICES);
        let config: gatekeeper::Config = toml::from_str(&text).unwrap();
        assert!(config.services.keys().all(|name| config.gates.contains_key(name)));
        assert_eq!(config.gates.len(), 6);
    }
}
