//! PagerDuty's Events API v2: an alert about one thing, opened, acknowledged and resolved under one key.
//!
//! It is not the REST API: another host, an integration's key in the body in place of a token, another shape of a no. A 202
//! says that the event is queued. PagerDuty merges by `dedup_key`, so that the same event twice is one alert; a resolve of what
//! is not open does nothing.
//! Never: a second try; the integration's key in a message.

use std::path::PathBuf;

use jiff::Timestamp;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use serde::Deserialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::platform::{
    Failure, Platform, PlatformError,
    http::{Answer, Ask, Http, Manners},
    secret,
};

/// What PagerDuty keeps of a summary.
const SUMMARY_CHARS_MAX: usize = 1_024;
/// Letters and digits of an integration's key.
const KEY_CHARS: usize = 32;

/// Which integration of a service.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    #[serde(default = "public_address")]
    pub url: String,
    /// The integration key of *Events API v2*.
    pub routing_key_env: Option<String>,
    pub routing_key_file: Option<PathBuf>,
    pub ca_file: Option<PathBuf>,
}

fn public_address() -> String {
    "https://events.pagerduty.com".to_owned()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Trigger,
    Acknowledge,
    Resolve,
}

impl Action {
    fn word(self) -> &'static str {
        match self {
            Self::Trigger => "trigger",
            Self::Acknowledge => "acknowledge",
            Self::Resolve => "resolve",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    Critical,
    Error,
    Warning,
}

impl Severity {
    fn word(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// What an alert is about, for whoever is called by it.
#[derive(Debug, Clone, PartialEq)]
pub struct Alert {
    /// The same for the same thing, at most 255 characters.
    pub dedup_key: String,
    pub summary: String,
    pub severity: Severity,
    pub at: Timestamp,
    pub details: Value,
}

/// One integration. Not `Debug`: its key is in it.
pub struct Actuator {
    http: Http,
    key: Zeroizing<String>,
}

impl Actuator {
    /// Reads the key; asks nobody.
    pub fn open(config: &Config) -> Result<Self, PlatformError> {
        let setup =
            |why: &str| PlatformError::new(Platform::PagerDuty, "its integration key", Failure::Setup, why);
        let place =
            secret::Place { env: config.routing_key_env.as_deref(), file: config.routing_key_file.as_ref() };
        let key = secret::read_named(Platform::PagerDuty, "routing_key", place)?
            .ok_or_else(|| setup("routing_key_env or routing_key_file is needed"))?;
        if key.len() != KEY_CHARS || !key.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(setup("an integration key has 32 letters and digits; a REST API key is another"));
        }
        let manners = Manners { said, failure: |_| None };
        let ca_file = config.ca_file.as_deref();
        let http = Http::new(Platform::PagerDuty, &config.url, HeaderMap::new(), ca_file, manners)?;
        Ok(Self { http, key })
    }

    /// Sends it, once. After a lost answer it may be sent again: the key is the same.
    pub async fn send(&self, action: Action, alert: &Alert) -> Result<(), PlatformError> {
        let asked = format!("the event {} of {}", action.word(), alert.dedup_key);
        let mut body = json!({
            "routing_key": self.key.as_str(),
            "event_action": action.word(),
            "dedup_key": alert.dedup_key,
        });
        if action == Action::Trigger {
            let summary: String = alert.summary.chars().take(SUMMARY_CHARS_MAX).collect();
            body["client"] = json!("Dock");
            body["payload"] = json!({
                "summary": summary,
                "source": "dock",
                "severity": alert.severity.word(),
                "timestamp": alert.at,
                "custom_details": alert.details,
            });
        }
        let ask = Ask::post(&asked, &["v2", "enqueue"], &body).header(CONTENT_TYPE, "application/json");
        let answer = self.http.send(ask).await?;
        self.http.accept(&asked, answer).map(drop)
    }
}

fn said(answer: &Answer) -> String {
    #[derive(Deserialize)]
    struct Wire {
        message: String,
        #[serde(default)]
        errors: Vec<String>,
    }
    let wire = serde_json::from_slice::<Wire>(&answer.body).ok();
    wire.map(|wire| std::iter::once(wire.message).chain(wire.errors).collect::<Vec<_>>().join(": "))
        .unwrap_or_default()
}
