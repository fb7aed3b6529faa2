//! PagerDuty's JSON as it comes, turned into the room's types at once.
//!
//! Never: seen outside this room.

use jiff::Timestamp;
use serde::Deserialize;

use super::{IncidentStatus, REFERENCE};

#[derive(Debug, Deserialize)]
pub(super) struct Service {
    id: String,
    #[serde(default)]
    pub(super) name: String,
    html_url: Option<String>,
    escalation_policy: Option<Reference>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Incident {
    id: String,
    #[serde(rename = "incident_number")]
    number: u64,
    #[serde(default)]
    title: String,
    status: String,
    #[serde(default)]
    urgency: String,
    priority: Option<Reference>,
    service: Reference,
    created_at: Option<Timestamp>,
    resolved_at: Option<Timestamp>,
    updated_at: Option<Timestamp>,
    last_status_change_at: Option<Timestamp>,
    body: Option<Body>,
    html_url: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Reference {
    id: String,
    summary: Option<String>,
    email: Option<String>,
}

impl Reference {
    fn named(self) -> String {
        self.summary.unwrap_or(self.id)
    }
}

#[derive(Debug, Deserialize)]
struct Body {
    // Text or an object, as the integration sent it.
    details: Option<serde_json::Value>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Note {
    user: Option<Reference>,
    #[serde(default)]
    content: String,
    created_at: Option<Timestamp>,
}

#[derive(Debug, Deserialize)]
pub(super) struct OnCall {
    user: Reference,
    schedule: Option<Reference>,
    escalation_policy: Reference,
    escalation_level: u32,
    start: Option<Timestamp>,
    end: Option<Timestamp>,
}

impl From<Service> for super::Service {
    fn from(wire: Service) -> Self {
        let policy = wire.escalation_policy.map(Reference::named);
        Self { id: wire.id, name: wire.name, url: wire.html_url.unwrap_or_default(), policy }
    }
}

impl From<Incident> for super::Incident {
    fn from(wire: Incident) -> Self {
        let details = match wire.body.and_then(|body| body.details) {
            Some(serde_json::Value::String(text)) => text,
            Some(other) => other.to_string(),
            None => String::new(),
        };
        Self {
            id: wire.id,
            reference: format!("{REFERENCE}{}", wire.number),
            title: wire.title,
            status: match wire.status.as_str() {
                "triggered" => IncidentStatus::Triggered,
                "acknowledged" => IncidentStatus::Acknowledged,
                "resolved" => IncidentStatus::Resolved,
                _ => IncidentStatus::Other(wire.status),
            },
            urgency: wire.urgency,
            priority: wire.priority.and_then(|priority| priority.summary),
            service_id: wire.service.id,
            service: wire.service.summary.unwrap_or_default(),
            created_at: wire.created_at,
            resolved_at: wire.resolved_at,
            updated_at: wire.updated_at.or(wire.last_status_change_at),
            details,
            url: wire.html_url.unwrap_or_default(),
        }
    }
}

impl From<Note> for super::IncidentNote {
    fn from(wire: Note) -> Self {
        let by = wire.user.and_then(|user| user.summary).unwrap_or_default();
        Self { at: wire.created_at, by, text: wire.content }
    }
}

impl From<OnCall> for super::OnCall {
    fn from(wire: OnCall) -> Self {
        Self {
            user_id: wire.user.id.clone(),
            email: wire.user.email.clone(),
            user: wire.user.named(),
            schedule: wire.schedule.map(Reference::named),
            policy: wire.escalation_policy.named(),
            level: wire.escalation_level,
            start: wire.start,
            end: wire.end,
        }
    }
}
