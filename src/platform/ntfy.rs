//! ntfy: one message on a topic, for whoever subscribed to it on a telephone.
//!
//! A public topic is read by everybody who knows its name: what is sent names a row and no more.
//! Never: a second try; an attachment, an action, a link that does something.

use std::path::PathBuf;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap};
use serde::Deserialize;
use serde_json::json;

use super::{
    Failure, Platform, PlatformError,
    http::{Answer, Ask, Http, Manners},
    secret,
};

/// Which server, which topic.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    #[serde(default = "public_address")]
    pub url: String,
    pub topic: String,
    /// An access token that may write to the topic, where it is not everybody's.
    pub token_env: Option<String>,
    pub token_file: Option<PathBuf>,
    pub ca_file: Option<PathBuf>,
}

fn public_address() -> String {
    "https://ntfy.sh".to_owned()
}

/// One topic, to write to.
#[derive(Debug)]
pub struct Actuator {
    http: Http,
    topic: String,
}

impl Actuator {
    /// Reads the token; asks nobody.
    pub fn open(config: &Config) -> Result<Self, PlatformError> {
        let named = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if config.topic.is_empty() || config.topic.len() > 64 || !config.topic.chars().all(named) {
            let why = "topic: 1 to 64 letters, digits, - and _";
            return Err(PlatformError::new(Platform::Ntfy, "its set-up", Failure::Setup, why));
        }
        let place = secret::Place { env: config.token_env.as_deref(), file: config.token_file.as_ref() };
        let mut headers = HeaderMap::new();
        if let Some(token) = secret::read(Platform::Ntfy, place)? {
            headers.insert(AUTHORIZATION, secret::header(Platform::Ntfy, "Bearer ", &token)?);
        }
        let manners = Manners { said, failure: |_| None };
        let http = Http::new(Platform::Ntfy, &config.url, headers, config.ca_file.as_deref(), manners)?;
        Ok(Self { http, topic: config.topic.clone() })
    }

    /// Publishes it, once.
    pub async fn publish(&self, title: &str, text: &str) -> Result<(), PlatformError> {
        let asked = format!("a message on {}", self.topic);
        let body = json!({"topic": self.topic, "title": title, "message": text});
        let ask = Ask::post(&asked, &[], &body).header(CONTENT_TYPE, "application/json");
        let answer = self.http.send(ask).await?;
        self.http.accept(&asked, answer).map(drop)
    }

    /// Is the server there and well?
    pub async fn health(&self) -> Result<(), PlatformError> {
        let asked = "whether it is well";
        let answer = self.http.send(Ask::get(asked, &["v1", "health"])).await?;
        self.http.accept(asked, answer).map(drop)
    }
}

fn said(answer: &Answer) -> String {
    #[derive(Deserialize)]
    struct Wire {
        error: String,
    }
    serde_json::from_slice::<Wire>(&answer.body).map(|wire| wire.error).unwrap_or_default()
}
