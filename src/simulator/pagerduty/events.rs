//! The Events API v2: alerts by their key, as an integration opens, acknowledges and resolves them.
//!
//! Never: two open alerts of one key; an alert opened by an acknowledgement.

use axum::{
    Json,
    body::Bytes,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::simulator::world::World;

/// The one integration's key.
const KEY: &str = "d0c4d0c4d0c4d0c4d0c4d0c4d0c4d0c4";
const SUMMARY_CHARS_MAX: usize = 1_024;
const DEDUP_CHARS_MAX: usize = 255;

/// An alert that an integration opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PagerAlert {
    pub dedup_key: String,
    pub summary: String,
    pub severity: String,
    /// `triggered`, `acknowledged`, `resolved`.
    pub status: String,
    /// How often it was triggered while it was open.
    pub times: u32,
}

impl World {
    /// What an integration signs its events with.
    pub fn pagerduty_routing_key(&self) -> String {
        KEY.to_owned()
    }

    /// All alerts, oldest first; one that was resolved and triggered again is there twice.
    pub fn pagerduty_alerts(&self) -> Vec<PagerAlert> {
        self.read(|state| state.pager.events.clone())
    }
}

pub(super) async fn enqueue(State(world): State<World>, body: Bytes) -> Response {
    let event: Value = serde_json::from_slice(&body).unwrap_or_default();
    let wrong = wrong(&event);
    if !wrong.is_empty() {
        let body = json!({"status": "invalid event", "message": "Event object is invalid", "errors": wrong});
        return (StatusCode::BAD_REQUEST, Json(body)).into_response();
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let given = text(&event["dedup_key"]);
    let key = world.edit(|state, _| {
        let events = &mut state.pager.events;
        let key = if given.is_empty() { format!("made-{}", events.len()) } else { given };
        let open = events.iter_mut().find(|alert| alert.dedup_key == key && alert.status != "resolved");
        match (event["event_action"].as_str(), open) {
            (Some("trigger"), Some(alert)) => alert.times += 1,
            (Some("trigger"), None) => events.push(PagerAlert {
                dedup_key: key.clone(),
                summary: text(&event["payload"]["summary"]),
                severity: text(&event["payload"]["severity"]),
                status: "triggered".to_owned(),
                times: 1,
            }),
            (Some("acknowledge"), Some(alert)) => "acknowledged".clone_into(&mut alert.status),
            (Some("resolve"), Some(alert)) => "resolved".clone_into(&mut alert.status),
            // What is not open is neither acknowledged nor resolved: it is taken, and dropped.
            _ => {}
        }
        key
    });
    let body = json!({"status": "success", "message": "Event processed", "dedup_key": key});
    (StatusCode::ACCEPTED, Json(body)).into_response()
}

/// What PagerDuty does not take about an event.
fn wrong(event: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut unless = |good: bool, why: &str| {
        if !good {
            wrong.push(why.to_owned());
        }
    };
    let text = |value: &Value, most: usize| {
        value.as_str().is_some_and(|text| !text.is_empty() && text.chars().count() <= most)
    };
    unless(event["routing_key"] == KEY, "Invalid routing key");
    let action = event["event_action"].as_str().unwrap_or_default();
    unless(matches!(action, "trigger" | "acknowledge" | "resolve"), "'event_action' is invalid");
    let key = &event["dedup_key"];
    unless(
        text(key, DEDUP_CHARS_MAX) || (key.is_null() && action == "trigger"),
        "'dedup_key' is missing or too long",
    );
    if action == "trigger" {
        let payload = &event["payload"];
        unless(text(&payload["summary"], SUMMARY_CHARS_MAX), "'payload.summary' is missing or too long");
        unless(text(&payload["source"], usize::MAX), "'payload.source' is missing or blank");
        let severity = payload["severity"].as_str().unwrap_or_default();
        unless(
            matches!(severity, "critical" | "error" | "warning" | "info"),
            "'payload.severity' is invalid",
        );
    }
    wrong
}
