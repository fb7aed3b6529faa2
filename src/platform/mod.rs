//! The platforms that Dock reads and, through some of them, writes: one file or folder each, one list of all.
//!
//! A platform has a `Config` section, a `Source` (reading credentials) and, where Dock writes, an `Actuator` (writing
//! credentials). What a call cannot tell is a [`Fact::Unknown`] with its reason, or a [`PlatformError`]; never a default.
//! The caller dates what it reads.
//! Never: one platform naming another; a clock; a judgement about what was read.

pub mod alertmanager;
pub mod argocd;
mod burn;
pub mod confluence;
pub mod datadog;
mod error;
pub mod github;
mod http;
pub mod model;
pub mod names;
pub mod notion;
pub mod ntfy;
pub mod pagerduty;
pub mod prometheus;
pub mod reading;
mod secret;
mod series;
pub mod slack;
pub mod terraform;
pub mod webhook;

use std::fmt;

use serde::Deserialize;

pub use burn::{Burn, Rate, Window, Windows};
pub use error::{Failure, Next, PlatformError};
pub use http::Calls;
pub use series::{Sample, Series};

/// Every platform there is, in the order in which people are told about them.
pub const ALL: [Platform; 13] = [
    Platform::Alertmanager,
    Platform::ArgoCd,
    Platform::Confluence,
    Platform::Datadog,
    Platform::GitHub,
    Platform::Model,
    Platform::Notion,
    Platform::Ntfy,
    Platform::PagerDuty,
    Platform::Prometheus,
    Platform::Slack,
    Platform::Terraform,
    Platform::Webhook,
];

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Platform {
    Alertmanager,
    ArgoCd,
    Confluence,
    Datadog,
    GitHub,
    /// A language model that words what rules decided.
    Model,
    Notion,
    Ntfy,
    PagerDuty,
    Prometheus,
    Slack,
    Terraform,
    Webhook,
}

impl Platform {
    /// As pointers, config sections and commands name it.
    pub fn name(self) -> &'static str {
        match self {
            Platform::Alertmanager => "alertmanager",
            Platform::ArgoCd => "argocd",
            Platform::Confluence => "confluence",
            Platform::Datadog => "datadog",
            Platform::GitHub => "github",
            Platform::Model => "model",
            Platform::Notion => "notion",
            Platform::Ntfy => "ntfy",
            Platform::PagerDuty => "pagerduty",
            Platform::Prometheus => "prometheus",
            Platform::Slack => "slack",
            Platform::Terraform => "terraform",
            Platform::Webhook => "webhook",
        }
    }

    /// As people write it.
    pub fn title(self) -> &'static str {
        match self {
            Platform::Alertmanager => "Alertmanager",
            Platform::ArgoCd => "ArgoCD",
            Platform::Confluence => "Confluence",
            Platform::Datadog => "Datadog",
            Platform::GitHub => "GitHub",
            Platform::Model => "The language model",
            Platform::Notion => "Notion",
            Platform::Ntfy => "ntfy",
            Platform::PagerDuty => "PagerDuty",
            Platform::Prometheus => "Prometheus",
            Platform::Slack => "Slack",
            Platform::Terraform => "Terraform",
            Platform::Webhook => "The webhook",
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.title())
    }
}

/// What a platform said about one thing. Absent, empty, null, `NaN` and "no data" are unknown, with the reason; they
/// are never fine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact<T> {
    Known(T),
    Unknown(String),
}

impl<T> Fact<T> {
    pub fn known(self) -> Option<T> {
        match self {
            Fact::Known(value) => Some(value),
            Fact::Unknown(_) => None,
        }
    }

    pub fn as_ref(&self) -> Fact<&T> {
        match self {
            Fact::Known(value) => Fact::Known(value),
            Fact::Unknown(why) => Fact::Unknown(why.clone()),
        }
    }

    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Fact<U> {
        match self {
            Fact::Known(value) => Fact::Known(change(value)),
            Fact::Unknown(why) => Fact::Unknown(why),
        }
    }
}

/// What a health check of a reading credential found: for `doctor` and for the start of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    pub platform: Platform,
    /// The platform's own version, where it tells.
    pub version: Fact<String>,
    /// Whom the platform takes us for.
    pub account: Fact<String>,
}

/// The sections of all platforms. One that is left out is not asked, and fires no rule.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub alertmanager: Option<alertmanager::Config>,
    pub argocd: Option<argocd::Config>,
    pub confluence: Option<confluence::Config>,
    pub datadog: Option<datadog::Config>,
    pub github: Option<github::Config>,
    pub notion: Option<notion::Config>,
    pub pagerduty: Option<pagerduty::Config>,
    pub prometheus: Option<prometheus::Config>,
    pub slack: Option<slack::Config>,
    pub terraform: Option<terraform::Config>,
}

/// The configured platforms, ready to be read.
#[derive(Debug)]
pub struct Sources {
    pub alertmanager: Option<alertmanager::Source>,
    pub argocd: Option<argocd::Source>,
    pub confluence: Option<confluence::Source>,
    pub datadog: Option<datadog::Source>,
    pub github: Option<github::Source>,
    pub notion: Option<notion::Source>,
    pub pagerduty: Option<pagerduty::Source>,
    pub prometheus: Option<prometheus::Source>,
    pub slack: Option<slack::Source>,
    pub terraform: Option<terraform::Source>,
}

impl Sources {
    /// Reads secrets and makes the clients; asks nobody yet. Fails with what is wrong in a section.
    pub fn open(config: &Config) -> Result<Self, PlatformError> {
        Ok(Self {
            alertmanager: config.alertmanager.as_ref().map(alertmanager::Source::open).transpose()?,
            argocd: config.argocd.as_ref().map(argocd::Source::open).transpose()?,
            confluence: config.confluence.as_ref().map(confluence::Source::open).transpose()?,
            datadog: config.datadog.as_ref().map(datadog::Source::open).transpose()?,
            github: config.github.as_ref().map(github::Source::open).transpose()?,
            notion: config.notion.as_ref().map(notion::Source::open).transpose()?,
            pagerduty: config.pagerduty.as_ref().map(pagerduty::Source::open).transpose()?,
            prometheus: config.prometheus.as_ref().map(prometheus::Source::open).transpose()?,
            slack: config.slack.as_ref().map(slack::Source::open).transpose()?,
            terraform: config.terraform.as_ref().map(terraform::Source::open).transpose()?,
        })
    }

    /// What our calls to each configured platform have come to.
    pub fn calls(&self) -> Vec<(Platform, Calls)> {
        let all = [
            (Platform::Alertmanager, self.alertmanager.as_ref().map(alertmanager::Source::calls)),
            (Platform::ArgoCd, self.argocd.as_ref().map(argocd::Source::calls)),
            (Platform::Confluence, self.confluence.as_ref().map(confluence::Source::calls)),
            (Platform::Datadog, self.datadog.as_ref().map(datadog::Source::calls)),
            (Platform::GitHub, self.github.as_ref().map(github::Source::calls)),
            (Platform::Notion, self.notion.as_ref().map(notion::Source::calls)),
            (Platform::PagerDuty, self.pagerduty.as_ref().map(pagerduty::Source::calls)),
            (Platform::Prometheus, self.prometheus.as_ref().map(prometheus::Source::calls)),
            (Platform::Slack, self.slack.as_ref().map(slack::Source::calls)),
            (Platform::Terraform, self.terraform.as_ref().map(terraform::Source::calls)),
        ];
        all.into_iter().filter_map(|(platform, calls)| Some((platform, calls?))).collect()
    }
}

#[cfg(test)]
mod tests;
