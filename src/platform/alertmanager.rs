//! Alertmanager: which alerts stand on a service, and which of them somebody or something keeps quiet.
//!
//! An empty list of active alerts can mean that they are silenced, so the suppressed ones are asked for and told apart.
//! Each replica of a cluster has its own view for a while: all are asked, and where they do not agree that is said.
//! Never: a write; a silenced alert as none; "nothing fires" on the word of some replicas alone.

mod wire;

use std::{collections::BTreeMap, path::PathBuf};

use futures_util::future::join_all;
use jiff::Timestamp;
use reqwest::header::{AUTHORIZATION, HeaderMap};
use serde::Deserialize;

use super::{
    Fact, Failure, Health, Platform, PlatformError,
    http::{Answer, Ask, Http, Manners},
    secret,
};

const SERVICE: &str = "$service";

/// The section `[alertmanager]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// With the path prefix, if there is one.
    pub url: String,
    /// The other replicas of its cluster.
    #[serde(default)]
    pub replicas: Vec<String>,
    /// A bearer for the proxy before it, if there is one.
    pub token_env: Option<String>,
    pub token_file: Option<PathBuf>,
    pub ca_file: Option<PathBuf>,
    /// Which alerts are a service's, `$service` where its name goes; all of them have to match.
    #[serde(default = "by_service")]
    pub matchers: Vec<String>,
}

fn by_service() -> Vec<String> {
    vec![format!("service=\"{SERVICE}\"")]
}

/// The replicas of one Alertmanager, with what credential their proxy asks for.
#[derive(Debug)]
pub struct Source {
    replicas: Vec<Replica>,
    matchers: Vec<String>,
}

#[derive(Debug)]
struct Replica {
    /// As people tell it from the others.
    name: String,
    http: Http,
}

/// What stands on a service, from all replicas together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alerts {
    /// By fingerprint; the loudest state that a replica gives counts.
    pub alerts: Vec<Alert>,
    /// A sentence for each alert that the replicas tell differently.
    pub disagreements: Vec<String>,
    /// Replicas that did not answer; at least one did.
    pub unheard: Vec<PlatformError>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    pub fingerprint: String,
    /// The label `alertname`.
    pub name: String,
    pub severity: Option<String>,
    pub labels: BTreeMap<String, String>,
    pub summary: Option<String>,
    pub runbook_url: Option<String>,
    pub starts_at: Option<Timestamp>,
    /// When Alertmanager last heard of it.
    pub updated_at: Option<Timestamp>,
    pub state: AlertState,
    /// The page of what raised it.
    pub url: String,
}

/// From quiet to loud.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum AlertState {
    /// Another alert keeps it quiet: its fingerprint.
    Inhibited(Vec<String>),
    /// Somebody's silence keeps it quiet: its id.
    Silenced(Vec<String>),
    /// Nobody has been told yet.
    Unprocessed,
    /// A word that is not known here; it may well fire.
    Other(String),
    Active,
}

impl AlertState {
    /// Is it kept quiet?
    pub fn is_suppressed(&self) -> bool {
        matches!(self, AlertState::Inhibited(_) | AlertState::Silenced(_))
    }

    fn words(&self) -> &str {
        match self {
            AlertState::Inhibited(_) => "inhibited",
            AlertState::Silenced(_) => "silenced",
            AlertState::Unprocessed => "not processed yet",
            AlertState::Other(word) => word,
            AlertState::Active => "active",
        }
    }
}

impl Alerts {
    /// What is not kept quiet. None is known only if every replica said so.
    pub fn firing(&self) -> Fact<Vec<&Alert>> {
        let loud: Vec<&Alert> = self.alerts.iter().filter(|alert| !alert.state.is_suppressed()).collect();
        match self.unheard.first() {
            Some(error) if loud.is_empty() => Fact::Unknown(format!("nothing fires elsewhere, but {error}")),
            _ => Fact::Known(loud),
        }
    }

    /// What is there and kept quiet.
    pub fn suppressed(&self) -> impl Iterator<Item = &Alert> {
        self.alerts.iter().filter(|alert| alert.state.is_suppressed())
    }
}

impl Source {
    pub fn open(config: &Config) -> Result<Self, PlatformError> {
        let place = secret::Place { env: config.token_env.as_deref(), file: config.token_file.as_ref() };
        let mut headers = HeaderMap::new();
        if let Some(token) = secret::read(Platform::Alertmanager, place)? {
            headers.insert(AUTHORIZATION, secret::header(Platform::Alertmanager, "Bearer ", &token)?);
        }
        if config.matchers.is_empty() {
            let why = "matchers are empty: every alert would be every service's";
            return Err(PlatformError::new(Platform::Alertmanager, "its set-up", Failure::Setup, why));
        }
        let replicas = std::iter::once(&config.url).chain(&config.replicas).map(|url| {
            let manners = Manners { said, failure: |_| None };
            let ca_file = config.ca_file.as_deref();
            let http = Http::new(Platform::Alertmanager, url, headers.clone(), ca_file, manners)?;
            Ok(Replica { name: url.trim_end_matches('/').to_owned(), http })
        });
        let replicas = replicas.collect::<Result<_, PlatformError>>()?;
        Ok(Self { replicas, matchers: config.matchers.clone() })
    }

    /// All alerts on a service, those that are kept quiet too. Fails only if no replica answers.
    pub async fn alerts(&self, service: &str) -> Result<Alerts, PlatformError> {
        let matchers = matchers_of(&self.matchers, service);
        let views = join_all(self.replicas.iter().map(|replica| replica.alerts(service, &matchers))).await;
        let (mut heard, mut unheard) = (vec![], vec![]);
        for (replica, view) in self.replicas.iter().zip(views) {
            match view {
                Ok(alerts) => heard.push((replica.name.as_str(), alerts)),
                Err(error) => unheard.push(error),
            }
        }
        if heard.is_empty()
            && let Some(first) = unheard.first()
        {
            return Err(first.clone());
        }
        let (alerts, disagreements) = together(heard);
        Ok(Alerts { alerts, disagreements, unheard })
    }

    /// What our calls have come to.
    pub fn calls(&self) -> super::Calls {
        self.replicas
            .iter()
            .map(|replica| replica.http.calls())
            .fold(super::Calls::default(), |all, one| all + one)
    }

    /// Do all replicas answer, and which version are they?
    pub async fn health(&self) -> Result<Health, PlatformError> {
        let mut versions = vec![];
        for replica in &self.replicas {
            let ask = Ask::get(format!("the state of {}", replica.name), &["api", "v2", "status"]);
            let status: wire::Status = replica.http.json(ask).await?;
            versions.push(status.version_info.version);
        }
        versions.sort();
        versions.dedup();
        let account = Fact::Unknown("Alertmanager has no accounts".to_owned());
        Ok(Health { platform: Platform::Alertmanager, version: Fact::Known(versions.join(", ")), account })
    }
}

impl Replica {
    async fn alerts(&self, service: &str, matchers: &[String]) -> Result<Vec<Alert>, PlatformError> {
        let asked = format!("the alerts on {service} at {}", self.name);
        let all = ["active", "silenced", "inhibited", "unprocessed"];
        let ask =
            all.iter().fold(Ask::get(asked, &["api", "v2", "alerts"]), |ask, state| ask.query(state, "true"));
        let ask = matchers.iter().fold(ask, |ask, matcher| ask.query("filter", matcher));
        let alerts: Vec<wire::Alert> = self.http.json(ask).await?;
        Ok(alerts.into_iter().map(Into::into).collect())
    }
}

/// The matchers for one service, its name escaped so that it cannot leave its quotes.
fn matchers_of(matchers: &[String], service: &str) -> Vec<String> {
    let name = service.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    matchers.iter().map(|matcher| matcher.replace(SERVICE, &name)).collect()
}

/// What the replicas say as one, and each alert on which they do not agree.
fn together(heard: Vec<(&str, Vec<Alert>)>) -> (Vec<Alert>, Vec<String>) {
    let names: Vec<&str> = heard.iter().map(|(name, _)| *name).collect();
    let mut views: BTreeMap<String, Vec<(&str, Alert)>> = BTreeMap::new();
    for (name, alerts) in heard {
        for alert in alerts {
            views.entry(alert.fingerprint.clone()).or_default().push((name, alert));
        }
    }
    let (mut alerts, mut disagreements) = (vec![], vec![]);
    for views in views.into_values() {
        let told = |name: &str| {
            let view = views.iter().find(|(of, _)| *of == name);
            view.map_or("not there", |(_, alert)| alert.state.words())
        };
        let all: Vec<&str> = names.iter().map(|name| told(name)).collect();
        let Some((_, loudest)) = views.iter().max_by(|(_, a), (_, b)| a.state.cmp(&b.state)) else {
            continue;
        };
        if all.iter().any(|words| *words != all[0]) {
            let each = names.iter().zip(&all).map(|(name, words)| format!("{words} at {name}"));
            disagreements.push(format!("{}: {}", loudest.name, each.collect::<Vec<_>>().join(", ")));
        }
        alerts.push(loudest.clone());
    }
    (alerts, disagreements)
}

/// A bare string, or `{code, message}`, or nothing at all.
fn said(answer: &Answer) -> String {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Wire {
        Words(String),
        Object { message: String },
    }
    match serde_json::from_slice(&answer.body) {
        Ok(Wire::Words(words) | Wire::Object { message: words }) => words,
        Err(_) => String::new(),
    }
}

#[cfg(test)]
mod tests;
