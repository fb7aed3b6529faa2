//! A platform's no, with what its credential needs.
//!
//! Never: a permission that the connector does not ask for.

use crate::platform::{Failure, Platform, PlatformError, confluence, datadog, github, notion, pagerduty};

/// What failed, and what to do: the permissions by name, where the platform may mean one of them.
pub(super) fn told(error: &PlatformError) -> String {
    let refused =
        matches!(error.failure, Failure::Unauthorised | Failure::Forbidden | Failure::Refused { .. });
    let needed = if refused { needed(error) } else { None };
    match needed {
        Some(needed) => format!("{error}\nhint: {needed}"),
        None => format!("{error}\nhint: {}", error.hint()),
    }
}

fn needed(error: &PlatformError) -> Option<String> {
    let forbidden = error.failure == Failure::Forbidden;
    match error.platform {
        Platform::Confluence if error.said.contains("scope") => Some(format!(
            "the token needs the scopes {}, to publish {} (and the gateway's address as `url`)",
            confluence::READER_SCOPES.join(", "),
            confluence::WRITER_SCOPES
                .iter()
                .filter(|one| one.starts_with("write"))
                .copied()
                .collect::<String>()
        )),
        Platform::Notion if forbidden => Some(format!(
            "the reading integration needs {}; the executor's {}",
            notion::READER_CAPABILITIES.join(", "),
            notion::WRITER_CAPABILITIES.join(", ")
        )),
        Platform::PagerDuty if forbidden => {
            Some(format!("a key that only reads, or an app with {}", pagerduty::READER_SCOPES.join(", ")))
        }
        Platform::Datadog if forbidden => {
            Some(format!("the application key needs {}", datadog::READER_SCOPES.join(", ")))
        }
        Platform::GitHub if forbidden || error.said.contains("permissions") => Some(format!(
            "the reading App needs {}; the executor's {}; an owner accepts what was added later",
            all(&github::READER_PERMISSIONS),
            all(&github::WRITER_PERMISSIONS)
        )),
        _ => None,
    }
}

fn all(permissions: &[(&str, &str)]) -> String {
    permissions.iter().map(|(name, level)| format!("{name}: {level}")).collect::<Vec<_>>().join(", ")
}
