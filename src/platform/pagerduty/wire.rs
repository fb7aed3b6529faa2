//! PagerDuty's JSON as it comes, turned into the room's types at once.
//!
//! Never: seen outside this room.

use jiff::Timestamp;
use serde::Deserialize;

use super::{IncidentStatus, LogKind, REFERENCE};

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
    pub(super) resolved_at: Option<Timestamp>,
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
pub(super) struct LogEntry {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    created_at: Option<Timestamp>,
    agent: Option<Agent>,
    channel: Option<Channel>,
    note: Option<String>,
    summary: Option<String>,
    event_details: Option<Described>,
    html_url: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Agent {
    id: Option<String>,
    #[serde(rename = "type", default)]
    kind: String,
    summary: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Channel {
    summary: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Described {
    description: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Alert {
    id: String,
    #[serde(default)]
    status: String,
    severity: Option<String>,
    summary: Option<String>,
    created_at: Option<Timestamp>,
    html_url: Option<String>,
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

#[derive(Debug, Deserialize)]
pub(super) struct Schedule {
    id: String,
    name: Option<String>,
    summary: Option<String>,
    html_url: Option<String>,
}

impl From<Schedule> for super::Schedule {
    fn from(wire: Schedule) -> Self {
        let name = wire.name.or(wire.summary).unwrap_or_else(|| wire.id.clone());
        Self { id: wire.id, name, url: wire.html_url.unwrap_or_default() }
    }
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

impl From<LogEntry> for super::LogEntry {
    fn from(wire: LogEntry) -> Self {
        let person = wire.agent.filter(|agent| agent.kind.starts_with("user"));
        let described = wire.event_details.and_then(|details| details.description);
        let told = wire.channel.and_then(|channel| channel.summary);
        Self {
            kind: kind(&wire.kind),
            at: wire.created_at,
            by: person.as_ref().and_then(|person| person.summary.clone()),
            by_id: person.and_then(|person| person.id),
            text: wire.note.or(described).or(told).filter(|text| !text.trim().is_empty()),
            summary: wire.summary.unwrap_or_default(),
            url: wire.html_url.unwrap_or_default(),
            id: wire.id,
        }
    }
}

fn kind(name: &str) -> LogKind {
    match name.strip_suffix("_log_entry").unwrap_or(name) {
        "acknowledge" => LogKind::Acknowledge,
        "annotate" => LogKind::Annotate,
        "assign" => LogKind::Assign,
        "custom_field_value_change" => LogKind::CustomFieldValueChange,
        "delegate" => LogKind::Delegate,
        "escalate" => LogKind::Escalate,
        "exhaust_escalation_path" => LogKind::ExhaustEscalationPath,
        "field_value_change" => LogKind::FieldValueChange,
        "notify" => LogKind::Notify,
        "reach_ack_limit" => LogKind::ReachAckLimit,
        "reach_trigger_limit" => LogKind::ReachTriggerLimit,
        "repeat_escalation_path" => LogKind::RepeatEscalationPath,
        "resolve" => LogKind::Resolve,
        "snooze" => LogKind::Snooze,
        "trigger" => LogKind::Trigger,
        "unacknowledge" => LogKind::Unacknowledge,
        "urgency_change" => LogKind::UrgencyChange,
        other => LogKind::Other(other.to_owned()),
    }
}

impl From<Alert> for super::Alert {
    fn from(wire: Alert) -> Self {
        Self {
            id: wire.id,
            summary: wire.summary.unwrap_or_default(),
            resolved: wire.status == "resolved",
            severity: wire.severity,
            at: wire.created_at,
            url: wire.html_url.unwrap_or_default(),
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_read_whole_and_a_kind_that_is_new_survives() {
        let read = |json: serde_json::Value| -> super::super::LogEntry {
            serde_json::from_value::<LogEntry>(json).unwrap().into()
        };
        let user = serde_json::json!({"id": "PUSR1", "type": "user_reference", "summary": "Priya"});
        let service =
            serde_json::json!({"id": "PSVC1", "type": "service_reference", "summary": "checkout-web"});
        let trigger = read(serde_json::json!({"id": "R1", "type": "trigger_log_entry",
            "created_at": "2026-08-22T02:02:11Z", "agent": service, "contexts": [],
            "channel": {"type": "events_api_v2", "summary": "p95 over 2 s"},
            "summary": "Triggered through the API.", "event_details": {"description": "p95 over 2 s"}}));
        assert_eq!((trigger.kind, trigger.by), (LogKind::Trigger, None));
        assert_eq!(trigger.text.as_deref(), Some("p95 over 2 s"));
        let note = read(serde_json::json!({"id": "R3", "type": "annotate_log_entry", "agent": user,
            "created_at": "2026-08-22T02:11:02Z", "channel": {"type": "note", "summary": "cut"},
            "note": "flag checkout_v2 off by hand", "summary": "Note added by Priya."}));
        assert_eq!((note.kind, note.by.as_deref()), (LogKind::Annotate, Some("Priya")));
        assert_eq!(note.text.as_deref(), Some("flag checkout_v2 off by hand"));
        let new = read(serde_json::json!({"id": "R4", "type": "some_future_log_entry", "agent": null,
            "created_at": "2026-08-22T02:12:00Z", "channel": null, "summary": "An unknown kind must survive."}));
        assert_eq!(new.kind, LogKind::Other("some_future".to_owned()));
        assert_eq!((new.by, new.text), (None, None));
    }
}
