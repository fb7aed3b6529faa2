//! Alertmanager's JSON as it comes, turned into the room's types at once.
//!
//! Never: seen outside this room.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;

use super::AlertState;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Alert {
    fingerprint: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
    starts_at: Option<Timestamp>,
    updated_at: Option<Timestamp>,
    status: State,
    #[serde(default, rename = "generatorURL")]
    url: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct State {
    #[serde(rename = "state")]
    word: String,
    #[serde(default)]
    silenced_by: Vec<String>,
    #[serde(default)]
    inhibited_by: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Status {
    pub(super) version_info: Version,
}

#[derive(Debug, Deserialize)]
pub(super) struct Version {
    pub(super) version: String,
}

impl From<Alert> for super::Alert {
    fn from(wire: Alert) -> Self {
        let State { word, silenced_by, inhibited_by } = wire.status;
        let state = match word.as_str() {
            "active" => AlertState::Active,
            "unprocessed" => AlertState::Unprocessed,
            "suppressed" if !silenced_by.is_empty() => AlertState::Silenced(silenced_by),
            "suppressed" if !inhibited_by.is_empty() => AlertState::Inhibited(inhibited_by),
            // Suppressed by nothing, too: then nobody knows why it is quiet.
            _ => AlertState::Other(word),
        };
        Self {
            name: wire.labels.get("alertname").cloned().unwrap_or_default(),
            severity: wire.labels.get("severity").cloned(),
            summary: wire.annotations.get("summary").cloned(),
            runbook_url: wire.annotations.get("runbook_url").cloned(),
            fingerprint: wire.fingerprint,
            labels: wire.labels,
            starts_at: wire.starts_at,
            updated_at: wire.updated_at,
            state,
            url: wire.url,
        }
    }
}
