//! PagerDuty: which incidents are open on a service, what happened in one and what is written on it, who is on call.
//!
//! Dock calls an incident by its number, as in `INC-771`. An empty list of incidents means none only for a service that
//! PagerDuty knows; a service that it does not know is unknown.
//! Alerts of Dock's own go another way, by [`events`].
//! Never: a write to an incident; an on-call row read as a role.

pub mod events;
pub mod webhook;
mod wire;

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use jiff::Timestamp;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue};
use serde::{Deserialize, de::DeserializeOwned};

use super::{
    Fact, Failure, Health, Platform, PlatformError,
    http::{self, Answer, Ask, Http, Manners},
    secret,
};

/// What an OAuth app is given, where the key is not the account's own that only reads.
pub const READER_SCOPES: [&str; 6] = [
    "escalation_policies.read",
    "incidents.read",
    "oncalls.read",
    "schedules.read",
    "services.read",
    "users.read",
];

const PAGE: usize = 100;
/// Pages of any list that are read at most.
const PAGES_MAX: usize = 5;
/// Pages of one incident's log: a long night has thousands of entries.
const LOG_PAGES_MAX: usize = 50;
/// Pages of shifts: an account has one for each policy and level.
const SHIFT_PAGES_MAX: usize = 20;
/// How Dock names incidents: this and PagerDuty's number.
const REFERENCE: &str = "INC-";

/// The section `[pagerduty]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    #[serde(default = "public_api")]
    pub url: String,
    pub token_env: Option<String>,
    pub token_file: Option<PathBuf>,
    pub ca_file: Option<PathBuf>,
    /// The token is an OAuth bearer, not an API key.
    #[serde(default)]
    pub bearer: bool,
    /// PagerDuty's service id by application, where the two do not have the same name.
    #[serde(default)]
    pub services: BTreeMap<String, String>,
    /// Only shifts under these escalation policies; all where it is empty.
    #[serde(default)]
    pub escalation_policies: Vec<String>,
}

fn public_api() -> String {
    "https://api.pagerduty.com".to_owned()
}

/// PagerDuty with a reading key.
#[derive(Debug)]
pub struct Source {
    http: Http,
    services: BTreeMap<String, String>,
    escalation_policies: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    pub id: String,
    pub name: String,
    pub url: String,
    /// Its escalation policy, by the name that [`OnCall::policy`] has.
    pub policy: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incident {
    /// PagerDuty's own id.
    pub id: String,
    /// As Dock and people name it: `INC-771`.
    pub reference: String,
    pub title: String,
    pub status: IncidentStatus,
    /// `high` or `low`.
    pub urgency: String,
    /// As in `SEV-1`, where the account has priorities.
    pub priority: Option<String>,
    pub service_id: String,
    pub service: String,
    pub created_at: Option<Timestamp>,
    pub resolved_at: Option<Timestamp>,
    /// Its last change, the base of what is written about it.
    pub updated_at: Option<Timestamp>,
    pub details: String,
    pub url: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IncidentStatus {
    Triggered,
    Acknowledged,
    Resolved,
    Other(String),
}

/// What a responder wrote on an incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncidentNote {
    pub at: Option<Timestamp>,
    pub by: String,
    pub text: String,
}

/// One entry of an incident's log: what happened, when, by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    pub id: String,
    pub kind: LogKind,
    pub at: Option<Timestamp>,
    /// The person who did it; absent where a service or nobody did.
    pub by: Option<String>,
    /// That person's id in PagerDuty.
    pub by_id: Option<String>,
    /// In PagerDuty's words: `Acknowledged by Priya.`
    pub summary: String,
    /// What a person wrote, or what the alert said.
    pub text: Option<String>,
    pub url: String,
}

/// What an entry is about. A kind that PagerDuty brings later is kept by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogKind {
    Acknowledge,
    Annotate,
    Assign,
    CustomFieldValueChange,
    Delegate,
    Escalate,
    ExhaustEscalationPath,
    FieldValueChange,
    Notify,
    ReachAckLimit,
    ReachTriggerLimit,
    RepeatEscalationPath,
    Resolve,
    Snooze,
    Trigger,
    Unacknowledge,
    UrgencyChange,
    Other(String),
}

/// One alert of an incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    pub id: String,
    pub summary: String,
    pub resolved: bool,
    /// `critical`, `error`, `warning`, `info`, where it is told.
    pub severity: Option<String>,
    pub at: Option<Timestamp>,
    pub url: String,
}

/// A rota of PagerDuty's, which shifts are named after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    pub id: String,
    pub name: String,
    pub url: String,
}

/// One shift. A person can have several, by policy and level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnCall {
    pub user_id: String,
    pub user: String,
    pub email: Option<String>,
    /// `None`: put on the escalation policy directly.
    pub schedule: Option<String>,
    pub policy: String,
    /// 1 is called first.
    pub level: u32,
    /// Both `None`: always.
    pub start: Option<Timestamp>,
    pub end: Option<Timestamp>,
}

impl Incident {
    pub fn is_open(&self) -> bool {
        self.status != IncidentStatus::Resolved
    }

    /// Was it open at that time? `None`: its times are not told.
    pub fn was_open_at(&self, at: Timestamp) -> Option<bool> {
        let begun = self.created_at? <= at;
        match (&self.status, self.resolved_at) {
            (IncidentStatus::Resolved, Some(resolved)) => Some(begun && at <= resolved),
            (IncidentStatus::Resolved, None) => None,
            _ => Some(begun),
        }
    }
}

impl OnCall {
    /// The shift's id in the record: schedule or policy, and level.
    pub fn shift(&self) -> String {
        format!("{} level {}", self.schedule.as_deref().unwrap_or(&self.policy), self.level)
    }
}

impl Source {
    pub fn open(config: &Config) -> Result<Self, PlatformError> {
        let place = secret::Place { env: config.token_env.as_deref(), file: config.token_file.as_ref() };
        let token = secret::read(Platform::PagerDuty, place)?.ok_or_else(|| {
            PlatformError::new(
                Platform::PagerDuty,
                "its token",
                Failure::Setup,
                "token_env or token_file is needed",
            )
        })?;
        let prefix = if config.bearer { "Bearer " } else { "Token token=" };
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, secret::header(Platform::PagerDuty, prefix, &token)?);
        headers.insert(ACCEPT, HeaderValue::from_static("application/vnd.pagerduty+json;version=2"));
        let manners = Manners { said, failure };
        let http = Http::new(Platform::PagerDuty, &config.url, headers, config.ca_file.as_deref(), manners)?;
        let (services, escalation_policies) = (config.services.clone(), config.escalation_policies.clone());
        Ok(Self { http, services, escalation_policies })
    }

    /// The service of an application: as configured, else the one of the same name.
    pub async fn service(&self, application: &str) -> Result<Fact<Service>, PlatformError> {
        let asked = format!("the service of {application}");
        if let Some(id) = self.services.get(application) {
            #[derive(Deserialize)]
            struct One {
                service: wire::Service,
            }
            let one: One = self.http.json(Ask::get(asked, &["services", id])).await?;
            return Ok(Fact::Known(one.service.into()));
        }
        let ask = || Ask::get(asked.clone(), &["services"]).query("query", application);
        let found: Vec<wire::Service> = self.all(&asked, "services", ask).await?;
        let same = found.into_iter().find(|service| service.name == application);
        let unknown = || Fact::Unknown(format!("PagerDuty has no service {application}"));
        Ok(same.map_or_else(unknown, |service| Fact::Known(service.into())))
    }

    /// Triggered and acknowledged incidents of a service, however old.
    pub async fn open_incidents(&self, service_id: &str) -> Result<Vec<Incident>, PlatformError> {
        let asked = "the open incidents";
        self.incidents(asked, || {
            Ask::get(asked, &["incidents"])
                .query("statuses[]", "triggered")
                .query("statuses[]", "acknowledged")
                .query("service_ids[]", service_id)
                .query("date_range", "all")
        })
        .await
    }

    /// All incidents of a service that were created between the two times, resolved ones too.
    pub async fn incidents_between(
        &self,
        service_id: &str,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<Incident>, PlatformError> {
        let asked = "the incidents of a window";
        self.incidents(asked, || {
            Ask::get(asked, &["incidents"])
                .query("service_ids[]", service_id)
                .query("since", since.to_string())
                .query("until", until.to_string())
        })
        .await
    }

    /// One incident, by `INC-771`, by number, or by PagerDuty's id.
    pub async fn incident(&self, name: &str) -> Result<Incident, PlatformError> {
        #[derive(Deserialize)]
        struct One {
            incident: wire::Incident,
        }
        let id = name.strip_prefix(REFERENCE).unwrap_or(name);
        let one: One = self.http.json(Ask::get(format!("the incident {name}"), &["incidents", id])).await?;
        Ok(one.incident.into())
    }

    /// What responders wrote on it, oldest first. `id` is PagerDuty's own.
    pub async fn notes(&self, id: &str) -> Result<Vec<IncidentNote>, PlatformError> {
        #[derive(Deserialize)]
        struct All {
            notes: Vec<wire::Note>,
        }
        let all: All =
            self.http.json(Ask::get(format!("the notes of {id}"), &["incidents", id, "notes"])).await?;
        let mut notes: Vec<IncidentNote> = all.notes.into_iter().map(Into::into).collect();
        notes.sort_by_key(|note| note.at);
        Ok(notes)
    }

    /// What happened in an incident, oldest first. `id` is PagerDuty's own; a time that is left out is unbounded.
    pub async fn log_entries(
        &self,
        id: &str,
        since: Option<Timestamp>,
        until: Option<Timestamp>,
    ) -> Result<Vec<LogEntry>, PlatformError> {
        let asked = format!("the log of {id}");
        let ask = || {
            let ask = Ask::get(asked.clone(), &["incidents", id, "log_entries"])
                .query("is_overview", "false")
                .query("include[]", "channels");
            let bounds = [("since", since), ("until", until)];
            bounds.into_iter().fold(ask, |ask, (name, at)| match at {
                Some(at) => ask.query(name, at.to_string()),
                None => ask,
            })
        };
        let all: Vec<wire::LogEntry> =
            self.pages(&asked, "log_entries", LOG_PAGES_MAX, ask, |_| false).await?;
        // They come newest first, several in one second.
        let mut entries: Vec<LogEntry> = all.into_iter().rev().map(Into::into).collect();
        entries.sort_by_key(|entry| entry.at);
        Ok(entries)
    }

    /// The alerts of an incident, oldest first. `id` is PagerDuty's own.
    pub async fn alerts(&self, id: &str) -> Result<Vec<Alert>, PlatformError> {
        let asked = format!("the alerts of {id}");
        let ask = || Ask::get(asked.clone(), &["incidents", id, "alerts"]);
        let all: Vec<wire::Alert> = self.all(&asked, "alerts", ask).await?;
        let mut alerts: Vec<Alert> = all.into_iter().map(Into::into).collect();
        alerts.sort_by_key(|alert| alert.at);
        Ok(alerts)
    }

    /// Incidents that were resolved since then, whenever they began, in the order in which they were resolved.
    pub async fn resolved_since(&self, since: Timestamp) -> Result<Vec<Incident>, PlatformError> {
        let asked = "the incidents that were resolved";
        let ask = || {
            Ask::get(asked, &["incidents"])
                .query("statuses[]", "resolved")
                .query("date_range", "all")
                .query("sort_by", "resolved_at:desc")
        };
        // The newest come first: nothing behind one that is too old is wanted.
        let enough = |page: &[wire::Incident]| {
            page.last().is_some_and(|last| last.resolved_at.is_some_and(|at| at < since))
        };
        let all: Vec<wire::Incident> = self.pages(asked, "incidents", PAGES_MAX, ask, enough).await?;
        let mut found: Vec<Incident> = all.into_iter().map(Into::into).collect();
        found.retain(|incident| incident.resolved_at.is_none_or(|at| at >= since));
        found.sort_by_key(|incident| (incident.resolved_at, incident.reference.clone()));
        Ok(found)
    }

    /// Who is on call now, with e-mail addresses where the key may see them.
    pub async fn on_call(&self) -> Result<Vec<OnCall>, PlatformError> {
        let asked = "who is on call";
        let ask = || {
            let ask = Ask::get(asked, &["oncalls"]).query("include[]", "users");
            self.escalation_policies.iter().fold(ask, |ask, id| ask.query("escalation_policy_ids[]", id))
        };
        let all = self.pages(asked, "oncalls", SHIFT_PAGES_MAX, ask, |_: &[wire::OnCall]| false).await;
        let all = all.map_err(|error| match error.failure {
            Failure::TooLarge => {
                let most = SHIFT_PAGES_MAX * PAGE;
                let why = format!("more than {most} shifts: name those that count as `escalation_policies`");
                self.http.error(asked, Failure::TooLarge, &why)
            }
            _ => error,
        })?;
        Ok(all.into_iter().map(Into::into).collect())
    }

    /// All schedules, by name.
    pub async fn schedules(&self) -> Result<Vec<Schedule>, PlatformError> {
        let asked = "the schedules";
        let ask = || Ask::get(asked, &["schedules"]);
        let all = self.pages(asked, "schedules", SHIFT_PAGES_MAX, ask, |_: &[wire::Schedule]| false).await?;
        let mut all: Vec<Schedule> = all.into_iter().map(Into::into).collect();
        all.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
        Ok(all)
    }

    /// What our calls have come to.
    pub fn calls(&self) -> super::Calls {
        self.http.calls()
    }

    /// Does it answer and take our key?
    pub async fn health(&self) -> Result<Health, PlatformError> {
        let _: serde_json::Value = self.http.json(Ask::get("its abilities", &["abilities"])).await?;
        let untold = || Fact::Unknown("PagerDuty does not tell".to_owned());
        Ok(Health { platform: Platform::PagerDuty, version: untold(), account: untold() })
    }

    async fn incidents(&self, asked: &str, ask: impl Fn() -> Ask) -> Result<Vec<Incident>, PlatformError> {
        let all: Vec<wire::Incident> = self.all(asked, "incidents", ask).await?;
        Ok(all.into_iter().map(Into::into).collect())
    }

    /// Every page of a list.
    async fn all<T: DeserializeOwned>(
        &self,
        asked: &str,
        list: &str,
        ask: impl Fn() -> Ask,
    ) -> Result<Vec<T>, PlatformError> {
        self.pages(asked, list, PAGES_MAX, ask, |_| false).await
    }

    /// The pages of a list up to the first that is `enough`; more pages than we read are an error, since a list that is
    /// cut short is no answer.
    async fn pages<T: DeserializeOwned>(
        &self,
        asked: &str,
        list: &str,
        pages_max: usize,
        ask: impl Fn() -> Ask,
        enough: impl Fn(&[T]) -> bool,
    ) -> Result<Vec<T>, PlatformError> {
        let garbage = |why: &str| self.http.error(asked, Failure::Garbage, why);
        let mut all = vec![];
        for page in 0..pages_max {
            let ask = ask().query("limit", PAGE.to_string()).query("offset", (page * PAGE).to_string());
            let mut body: serde_json::Value = self.http.json(ask).await?;
            let items =
                body.get_mut(list).map(serde_json::Value::take).ok_or_else(|| garbage("no list in it"))?;
            let items: Vec<T> = serde_json::from_value(items).map_err(|error| garbage(&error.to_string()))?;
            let last = enough(&items);
            all.extend(items);
            if last || body.get("more").and_then(serde_json::Value::as_bool) != Some(true) {
                return Ok(all);
            }
        }
        Err(self.http.error(asked, Failure::TooLarge, "more pages than are read"))
    }
}

fn said(answer: &Answer) -> String {
    #[derive(Deserialize)]
    struct Wire {
        error: Inner,
    }
    #[derive(Deserialize)]
    struct Inner {
        message: String,
        #[serde(default)]
        errors: Vec<String>,
    }
    let wire = serde_json::from_slice::<Wire>(&answer.body).ok();
    wire.map(|wire| {
        std::iter::once(wire.error.message).chain(wire.error.errors).collect::<Vec<_>>().join(": ")
    })
    .unwrap_or_default()
}

/// Its 429 counts in `ratelimit-reset`, in seconds, and sometimes says nothing at all.
fn failure(answer: &Answer) -> Option<Failure> {
    if answer.status.as_u16() != 429 {
        return None;
    }
    let reset = answer.headers.get("ratelimit-reset").and_then(|value| value.to_str().ok()?.parse().ok());
    let told = http::retry_after(answer).or(reset.map(Duration::from_secs));
    Some(Failure::RateLimited { retry_after: told.unwrap_or(Duration::from_secs(60)) })
}

#[cfg(test)]
mod tests;
