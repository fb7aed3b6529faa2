//! PagerDuty's REST API, the reading part: incidents, their log, alerts and notes, shifts, services, users; offset pages,
//! its own errors; webhooks; and alerts by the Events API.
//!
//! Never: a write to an incident.

mod events;
mod hooks;

use axum::{
    Json, Router,
    extract::{Path, Query, Request, State},
    http::{HeaderMap, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Site,
    manifest::{self, seconds},
    world::World,
};

const PAGE: usize = 25;
const PAGE_MAX: usize = 100;
const REACH_MAX: usize = 10_000;
/// Without `since` and `until`, a month.
const WINDOW: SignedDuration = SignedDuration::from_hours(24 * 30);

pub use events::PagerAlert;
pub(super) use hooks::deliver;

/// All that is known here.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Pager {
    pub(super) incidents: Vec<Incident>,
    /// A service's name, and the escalation policy that it has.
    pub(super) services: Vec<(String, String)>,
    /// A policy's name, and the people on it by level, first called first.
    pub(super) policies: Vec<(String, Vec<String>)>,
    /// Where webhooks go, and the secret; `None`: nobody is told.
    #[serde(default)]
    pub(super) hook: Option<(String, String)>,
    /// What integrations opened by the Events API.
    #[serde(default)]
    pub(super) events: Vec<PagerAlert>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Incident {
    pub(super) number: u64,
    service: String,
    title: String,
    details: String,
    priority: String,
    created_at: Timestamp,
    changed_at: Timestamp,
    resolved_at: Option<Timestamp>,
    acknowledged_by: Option<String>,
    log: Vec<Entry>,
    alerts: Vec<Alert>,
    /// So many entries of the log were told to whoever is told.
    told: usize,
}

/// One entry of an incident's log; a note is one of them.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Entry {
    at: Timestamp,
    kind: Kind,
    by: Option<String>,
    text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Kind {
    Trigger,
    Notify,
    Acknowledge,
    Escalate,
    Assign,
    Annotate,
    Resolve,
    Reopen,
}

impl Kind {
    /// A log entry's type: an incident that is opened again is triggered again.
    fn log(self) -> &'static str {
        match self {
            Self::Trigger | Self::Reopen => "trigger_log_entry",
            Self::Notify => "notify_log_entry",
            Self::Acknowledge => "acknowledge_log_entry",
            Self::Escalate => "escalate_log_entry",
            Self::Assign => "assign_log_entry",
            Self::Annotate => "annotate_log_entry",
            Self::Resolve => "resolve_log_entry",
        }
    }

    /// A webhook's type; of notifications nobody is told.
    fn event(self) -> Option<&'static str> {
        match self {
            Self::Trigger => Some("incident.triggered"),
            Self::Notify => None,
            Self::Acknowledge => Some("incident.acknowledged"),
            Self::Escalate => Some("incident.escalated"),
            Self::Assign => Some("incident.reassigned"),
            Self::Annotate => Some("incident.annotated"),
            Self::Resolve => Some("incident.resolved"),
            Self::Reopen => Some("incident.reopened"),
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Alert {
    summary: String,
    at: Timestamp,
    resolved: bool,
}

impl Incident {
    /// It begins with an alert that says what its title says.
    pub(super) fn new(number: u64, service: &str, title: &str, details: &str, at: Timestamp) -> Self {
        let mut incident = Self {
            number,
            service: service.to_owned(),
            title: title.to_owned(),
            details: details.to_owned(),
            priority: "SEV-2".to_owned(),
            created_at: at,
            changed_at: at,
            resolved_at: None,
            acknowledged_by: None,
            log: vec![],
            alerts: vec![],
            told: 0,
        };
        incident.happened(at, Kind::Trigger, None, title);
        incident.alert(at, title);
        incident
    }

    pub(super) fn of_priority(mut self, priority: &str) -> Self {
        priority.clone_into(&mut self.priority);
        self
    }

    pub(super) fn acknowledge(&mut self, by: &str, at: Timestamp) {
        self.acknowledged_by = Some(by.to_owned());
        self.happened(at, Kind::Notify, Some(by), "");
        self.happened(at, Kind::Acknowledge, Some(by), "");
    }

    pub(super) fn escalate(&mut self, to: &str, at: Timestamp) {
        self.happened(at, Kind::Escalate, Some(to), "");
        self.happened(at, Kind::Assign, Some(to), "");
    }

    pub(super) fn note(&mut self, by: &str, at: Timestamp, text: &str) {
        self.happened(at, Kind::Annotate, Some(by), text);
    }

    /// An alert joins the incident.
    pub(super) fn alert(&mut self, at: Timestamp, summary: &str) {
        self.alerts.push(Alert { summary: summary.to_owned(), at, resolved: self.resolved_at.is_some() });
    }

    pub(super) fn resolve(&mut self, by: &str, at: Timestamp) {
        self.resolved_at = Some(at);
        self.alerts.iter_mut().for_each(|alert| alert.resolved = true);
        self.happened(at, Kind::Resolve, Some(by), "");
    }

    /// Whoever acknowledged it resolves it. What is so already stays so.
    pub(super) fn set_open(&mut self, open: bool, now: Timestamp) {
        match (open, self.resolved_at) {
            (true, Some(_)) => {
                self.resolved_at = None;
                let title = self.title.clone();
                self.happened(now, Kind::Reopen, None, &title);
            }
            (false, None) => {
                let by = self.acknowledged_by.clone().unwrap_or_else(|| "admin".to_owned());
                self.resolve(&by, now);
            }
            (true, None) | (false, Some(_)) => {}
        }
    }

    fn happened(&mut self, at: Timestamp, kind: Kind, by: Option<&str>, text: &str) {
        self.changed_at = at;
        self.log.push(Entry { at, kind, by: by.map(str::to_owned), text: text.to_owned() });
    }

    fn notes(&self) -> impl Iterator<Item = &Entry> {
        self.log.iter().filter(|entry| entry.kind == Kind::Annotate)
    }

    pub(super) fn is_on(&self, service: &str) -> bool {
        self.resolved_at.is_none() && self.service == service
    }

    pub(super) fn created_at(&self) -> Timestamp {
        self.created_at
    }

    fn status(&self) -> &'static str {
        match (self.resolved_at, &self.acknowledged_by) {
            (Some(_), _) => "resolved",
            (None, Some(_)) => "acknowledged",
            (None, None) => "triggered",
        }
    }

    fn id(&self) -> String {
        id("Q", &format!("incident {}", self.number))
    }

    fn json(&self, policy: &str) -> Value {
        json!({
            "id": self.id(), "type": "incident", "incident_number": self.number, "title": self.title,
            "summary": format!("[#{}] {}", self.number, self.title), "status": self.status(), "urgency": "high",
            "priority": priority(&self.priority), "service": reference("service", &self.service),
            "escalation_policy": reference("escalation_policy", policy),
            "created_at": seconds(self.created_at), "updated_at": seconds(self.changed_at),
            "last_status_change_at": seconds(self.changed_at), "resolved_at": self.resolved_at.map(seconds),
            "body": {"type": "incident_body", "details": self.details},
            "html_url": format!("https://acme.pagerduty.com/incidents/{}", self.id()),
        })
    }
}

impl Entry {
    fn json(&self, incident: &Incident, index: usize) -> Value {
        let id = id("R", &format!("entry {} {index}", incident.number));
        let name = self.by.as_deref().map(capital).unwrap_or_default();
        let agent = match &self.by {
            Some(by) => user(by, false),
            None => reference("service", &incident.service),
        };
        let summary = match self.kind {
            Kind::Trigger | Kind::Reopen => "Triggered through the API.".to_owned(),
            Kind::Notify => format!("Notified {name} by push notification."),
            Kind::Acknowledge => format!("Acknowledged by {name}."),
            Kind::Escalate => format!("Escalated to {name} by timeout."),
            Kind::Assign => format!("Assigned to {name}."),
            Kind::Annotate => format!("Note added by {name}."),
            Kind::Resolve => format!("Resolved by {name}."),
        };
        let mut entry = json!({"id": id, "type": self.kind.log(), "created_at": seconds(self.at), "agent": agent,
            "contexts": [], "teams": [], "summary": summary, "service": reference("service", &incident.service),
            "html_url": format!("https://acme.pagerduty.com/incidents/{}/log_entries/{id}", incident.id())});
        match self.kind {
            Kind::Trigger | Kind::Reopen => {
                entry["channel"] = json!({"type": "events_api_v2", "summary": self.text});
                entry["event_details"] = json!({"description": self.text});
            }
            Kind::Annotate => {
                entry["channel"] = json!({"type": "note", "summary": self.text});
                entry["note"] = json!(self.text);
            }
            Kind::Notify | Kind::Acknowledge | Kind::Escalate | Kind::Assign | Kind::Resolve => {
                entry["channel"] = json!({"type": "website"});
            }
        }
        entry
    }
}

/// An id as PagerDuty makes them: fourteen capitals and digits, here by the name.
fn id(prefix: &str, name: &str) -> String {
    let hex = manifest::uid(name).replace('-', "").to_uppercase();
    format!("{prefix}{}", &hex[..13])
}

fn reference(kind: &str, name: &str) -> Value {
    let id = id("P", &format!("{kind} {name}"));
    json!({"id": id, "type": format!("{kind}_reference"), "summary": name,
        "html_url": format!("https://acme.pagerduty.com/{kind}s/{id}")})
}

/// A priority has no page of its own.
fn priority(name: &str) -> Value {
    let mut priority = reference("priority", name);
    priority["type"] = json!("priority");
    priority["html_url"] = Value::Null;
    priority
}

fn user(name: &str, whole: bool) -> Value {
    let mut user = reference("user", &capital(name));
    if whole {
        user["type"] = json!("user");
        user["name"] = json!(capital(name));
        user["email"] = json!(format!("{name}@demo.invalid"));
    }
    user
}

pub(super) fn capital(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

type Parameters = Query<Vec<(String, String)>>;
type Answer = Result<Json<Value>, Refusal>;

struct Refusal(StatusCode, u32, &'static str);

const NOT_FOUND: Refusal = Refusal(StatusCode::NOT_FOUND, 2100, "Not Found");

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, Json(json!({"error": {"message": self.2, "code": self.1}}))).into_response()
    }
}

pub(super) fn router(world: World) -> Router {
    Router::new()
        .route("/abilities", get(async || Json(json!({"abilities": ["teams", "urgencies", "priorities"]}))))
        .route("/incidents", get(incidents))
        .route("/incidents/{id}", get(incident))
        .route("/incidents/{id}/notes", get(notes))
        .route("/incidents/{id}/log_entries", get(log_entries))
        .route("/incidents/{id}/alerts", get(alerts))
        .route("/services", get(services))
        .route("/services/{id}", get(service))
        .route("/oncalls", get(oncalls))
        .route("/schedules", get(schedules))
        .route("/users", get(users))
        .route("/users/me", get(nobody))
        .fallback(async || NOT_FOUND)
        .layer(middleware::from_fn_with_state(world.clone(), authenticated))
        // In the world it has a host of its own, and the key is in the body.
        .route("/v2/enqueue", post(events::enqueue))
        .with_state(world)
}

async fn authenticated(State(world): State<World>, request: Request, next: Next) -> Response {
    let told = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token =
        told.and_then(|text| text.strip_prefix("Token token=").or_else(|| text.strip_prefix("Bearer ")));
    if token != Some(world.token(Site::PagerDuty).as_str()) {
        return Refusal(StatusCode::UNAUTHORIZED, 2006, "Authentication failed").into_response();
    }
    let mut response = next.run(request).await;
    let limits: HeaderMap =
        [("ratelimit-limit", "960"), ("ratelimit-remaining", "959"), ("ratelimit-reset", "20")]
            .into_iter()
            .map(|(name, value)| {
                (header::HeaderName::from_static(name), header::HeaderValue::from_static(value))
            })
            .collect();
    response.headers_mut().extend(limits);
    response
}

fn find<'q>(query: &'q [(String, String)], name: &str) -> Option<&'q str> {
    query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

fn every<'q>(query: &'q [(String, String)], name: &str) -> Vec<&'q str> {
    query.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str()).collect()
}

/// One page of a list, in PagerDuty's envelope.
fn page(query: &[(String, String)], list: &str, items: Vec<Value>) -> Answer {
    let number = |name: &str, or: usize| find(query, name).and_then(|text| text.parse().ok()).unwrap_or(or);
    let (limit, offset) = (number("limit", PAGE).min(PAGE_MAX), number("offset", 0));
    if limit + offset > REACH_MAX {
        return Err(Refusal(StatusCode::BAD_REQUEST, 2001, "Invalid Input Provided"));
    }
    let more = items.len() > offset + limit;
    let items: Vec<Value> = items.into_iter().skip(offset).take(limit).collect();
    Ok(Json(json!({list: items, "limit": limit, "offset": offset, "more": more, "total": null})))
}

impl Pager {
    fn policy_of(&self, service: &str) -> &str {
        self.services.iter().find(|(name, _)| name == service).map_or("", |(_, policy)| policy)
    }

    fn service_json(&self, name: &str) -> Value {
        let mut service = reference("service", name);
        service["type"] = json!("service");
        service["name"] = json!(name);
        service["status"] = json!("active");
        service["escalation_policy"] = reference("escalation_policy", self.policy_of(name));
        service
    }

    /// By PagerDuty's id or by number.
    fn incident(&self, id: &str) -> Option<&Incident> {
        self.incidents.iter().find(|incident| incident.id() == id || incident.number.to_string() == id)
    }
}

async fn incidents(State(world): State<World>, Query(query): Parameters) -> Answer {
    let (statuses, services) = (every(&query, "statuses[]"), every(&query, "service_ids[]"));
    let now = world.now();
    let time = |name: &str, code| match find(&query, name) {
        None => Ok(None),
        Some(text) => {
            let bad = Refusal(StatusCode::BAD_REQUEST, code, "Invalid Input Provided");
            text.parse::<Timestamp>().map(Some).map_err(|_| bad)
        }
    };
    let (since, until) = (time("since", 2004)?, time("until", 2005)?);
    let all_time = find(&query, "date_range") == Some("all");
    let since = since.unwrap_or_else(|| now.saturating_sub(WINDOW).unwrap_or(now));
    let until = until.unwrap_or(now);
    let items = world.read(|state| {
        let pager = &state.pager;
        let wanted = |incident: &&Incident| {
            let id =
                reference("service", &incident.service)["id"].as_str().map(str::to_owned).unwrap_or_default();
            (statuses.is_empty() || statuses.contains(&incident.status()))
                && (services.is_empty() || services.contains(&id.as_str()))
                && (all_time || (since <= incident.created_at && incident.created_at <= until))
        };
        let mut shown: Vec<&Incident> = pager.incidents.iter().filter(wanted).collect();
        match find(&query, "sort_by") {
            Some("resolved_at:desc") => shown.sort_by_key(|one| std::cmp::Reverse(one.resolved_at)),
            Some("resolved_at" | "resolved_at:asc") => shown.sort_by_key(|one| one.resolved_at),
            _ => shown.sort_by_key(|one| one.number),
        }
        shown.into_iter().map(|incident| incident.json(pager.policy_of(&incident.service))).collect()
    });
    page(&query, "incidents", items)
}

async fn incident(State(world): State<World>, Path(id): Path<String>) -> Answer {
    world.read(|state| {
        let incident = state.pager.incident(&id).ok_or(NOT_FOUND)?;
        Ok(Json(json!({"incident": incident.json(state.pager.policy_of(&incident.service))})))
    })
}

async fn notes(State(world): State<World>, Path(id): Path<String>) -> Answer {
    world.read(|state| {
        let incident = state.pager.incident(&id).ok_or(NOT_FOUND)?;
        let note = |(index, note): (usize, &Entry)| {
            json!({"id": self::id("N", &format!("{id} {index}")), "content": note.text,
                "user": note.by.as_deref().map(|by| user(by, false)), "created_at": seconds(note.at),
                "channel": {"summary": "The PagerDuty website"}})
        };
        Ok(Json(json!({"notes": incident.notes().enumerate().map(note).collect::<Vec<_>>()})))
    })
}

/// The newest first, as PagerDuty lists them.
async fn log_entries(State(world): State<World>, Path(id): Path<String>, Query(query): Parameters) -> Answer {
    let bound = |name: &str| match find(&query, name) {
        None => Ok(None),
        Some(text) => text.parse::<Timestamp>().map(Some),
    };
    let bad = |code| Refusal(StatusCode::BAD_REQUEST, code, "Invalid Input Provided");
    let (since, until) = (bound("since").map_err(|_| bad(2004))?, bound("until").map_err(|_| bad(2005))?);
    // An overview leaves out what nobody decided.
    let overview = find(&query, "is_overview") == Some("true");
    let items = world.read(|state| {
        let incident = state.pager.incident(&id).ok_or(NOT_FOUND)?;
        let wanted = |entry: &Entry| {
            !(overview && entry.kind == Kind::Notify)
                && since.is_none_or(|since| since <= entry.at)
                && until.is_none_or(|until| entry.at <= until)
        };
        let numbered = incident.log.iter().enumerate().rev().filter(|(_, entry)| wanted(entry));
        Ok(numbered.map(|(index, entry)| entry.json(incident, index)).collect())
    })?;
    page(&query, "log_entries", items)
}

async fn alerts(State(world): State<World>, Path(id): Path<String>, Query(query): Parameters) -> Answer {
    let items = world.read(|state| {
        let incident = state.pager.incident(&id).ok_or(NOT_FOUND)?;
        let alert = |(index, alert): (usize, &Alert)| {
            let id = self::id("A", &format!("alert {} {index}", incident.number));
            let status = if alert.resolved { "resolved" } else { "triggered" };
            json!({"id": id, "type": "alert", "status": status, "severity": "critical", "suppressed": false,
                "alert_key": format!("{}-{index}", incident.service), "summary": alert.summary,
                "created_at": seconds(alert.at), "service": reference("service", &incident.service),
                "html_url": format!("https://acme.pagerduty.com/alerts/{id}")})
        };
        Ok(incident.alerts.iter().enumerate().map(alert).collect())
    })?;
    page(&query, "alerts", items)
}

async fn services(State(world): State<World>, Query(query): Parameters) -> Answer {
    let wanted = find(&query, "query").unwrap_or_default();
    let items = world.read(|state| {
        let names = state.pager.services.iter().filter(|(name, _)| name.contains(wanted));
        names.map(|(name, _)| state.pager.service_json(name)).collect()
    });
    page(&query, "services", items)
}

async fn service(State(world): State<World>, Path(id): Path<String>) -> Answer {
    world.read(|state| {
        let all = state.pager.services.iter().map(|(name, _)| state.pager.service_json(name));
        let found = all.into_iter().find(|service| service["id"] == id.as_str());
        found.map(|service| Json(json!({"service": service}))).ok_or(NOT_FOUND)
    })
}

/// Shifts are a day long, from midnight; who is on a level is on it every day.
async fn oncalls(State(world): State<World>, Query(query): Parameters) -> Answer {
    let wanted = every(&query, "escalation_policy_ids[]");
    let whole = every(&query, "include[]").contains(&"users");
    let midnight = world.now().as_second().div_euclid(86_400) * 86_400;
    let at = |second: i64| Timestamp::from_second(second).map(seconds).unwrap_or_default();
    let items = world.read(|state| {
        let policies = state
            .pager
            .policies
            .iter()
            .map(|(name, people)| (reference("escalation_policy", name), name, people));
        let policies = policies.filter(|(policy, _, _)| {
            wanted.is_empty() || policy["id"].as_str().is_some_and(|id| wanted.contains(&id))
        });
        policies
            .flat_map(|(policy, name, people)| {
                people.iter().enumerate().map(move |(index, person)| {
                    let schedule = reference("schedule", &schedule_of(name, index));
                    json!({"user": user(person, whole), "schedule": schedule, "escalation_policy": policy,
                        "escalation_level": index + 1, "start": at(midnight), "end": at(midnight + 86_400)})
                })
            })
            .collect()
    });
    page(&query, "oncalls", items)
}

/// Each level of a policy has a schedule of its own.
fn schedule_of(policy: &str, index: usize) -> String {
    format!("{policy} {}", if index == 0 { "primary" } else { "secondary" })
}

async fn schedules(State(world): State<World>, Query(query): Parameters) -> Answer {
    let wanted = find(&query, "query").unwrap_or_default().to_lowercase();
    let items = world.read(|state| {
        let levels = state
            .pager
            .policies
            .iter()
            .flat_map(|(policy, people)| (0..people.len()).map(move |index| schedule_of(policy, index)));
        let mut names: Vec<String> = levels.filter(|name| name.to_lowercase().contains(&wanted)).collect();
        names.sort();
        names.dedup();
        let schedule = |name: String| {
            let mut schedule = reference("schedule", &name);
            schedule["type"] = json!("schedule");
            schedule["name"] = json!(name);
            schedule["time_zone"] = json!("Etc/UTC");
            schedule
        };
        names.into_iter().map(schedule).collect()
    });
    page(&query, "schedules", items)
}

/// An account's key is nobody's: whose it is can be asked with a user's own alone.
async fn nobody() -> Answer {
    Err(Refusal(StatusCode::BAD_REQUEST, 2001, "Invalid Input Provided"))
}

async fn users(State(world): State<World>, Query(query): Parameters) -> Answer {
    let wanted = find(&query, "query").unwrap_or_default().to_lowercase();
    let items = world.read(|state| {
        let mut names: Vec<&String> = state.pager.policies.iter().flat_map(|(_, people)| people).collect();
        names.sort();
        names.dedup();
        let matching = names.into_iter().filter(|name| format!("{name}@demo.invalid").contains(&wanted));
        matching.map(|name| user(name, true)).collect()
    });
    page(&query, "users", items)
}
