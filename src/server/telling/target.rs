//! Whom to tell: the tables `[[tell]]`, and one sending to each kind of them.
//!
//! Never: a secret in the config; a sending that is repeated here.

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroU32,
    path::PathBuf,
};

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use tokio::sync::Mutex;

use super::{message::Message, news::What};
use crate::{
    platform::{
        Fact, Next, PlatformError, ntfy,
        pagerduty::events::{self, Action, Severity},
        slack::{self, Post, Tag},
        webhook,
    },
    row::{Kind, Row},
};

/// How much earlier than the news a post of ours may stand, by clocks that differ.
const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_mins(2);
/// What only a person can mend is tried again after so long.
pub(super) const MEND: SignedDuration = SignedDuration::from_mins(10);

/// One table `[[tell]]`: exactly one of `slack`, `webhook`, `ntfy` and `pagerduty`. What is left out of `kinds`, `environments` and
/// `about` leaves nothing out.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// As `dock doctor` and messages of trouble name it.
    pub name: String,
    #[serde(default)]
    pub kinds: BTreeSet<Kind>,
    #[serde(default)]
    pub environments: BTreeSet<String>,
    #[serde(default)]
    pub about: BTreeSet<What>,
    /// More wait.
    #[serde(default = "per_minute")]
    pub per_minute: NonZeroU32,
    pub slack: Option<Slack>,
    pub webhook: Option<webhook::Config>,
    pub ntfy: Option<ntfy::Config>,
    pub pagerduty: Option<events::Config>,
}

/// A channel of Slack, and the app that posts there.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Slack {
    /// Its name or id. With `{number}` or `{incident}` in it, the channel of the row's incident, as the agents' `[incidents]`
    /// name it: rows without an incident are not told there.
    pub channel: String,
    pub url: Option<String>,
    pub token_env: Option<String>,
    pub token_file: Option<PathBuf>,
    pub ca_file: Option<PathBuf>,
}

fn per_minute() -> NonZeroU32 {
    const PER_MINUTE: NonZeroU32 = NonZeroU32::MIN.saturating_add(19);
    PER_MINUTE
}

/// A table, ready to be told.
pub(super) struct Target {
    pub(super) config: Config,
    way: Way,
}

enum Way {
    Slack {
        actuator: Box<slack::Actuator>,
        channel: String,
        /// Ids of channels by their names.
        ids: Mutex<BTreeMap<String, String>>,
    },
    Webhook(webhook::Actuator),
    Ntfy(ntfy::Actuator),
    PagerDuty(events::Actuator),
}

/// Why a message is not there, in words; and when to try again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unsent {
    pub(super) why: String,
    pub(super) again: Again,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    /// It passes; not sooner than this.
    After(SignedDuration),
    /// Somebody has to mend something first.
    Mended,
}

impl From<PlatformError> for Unsent {
    fn from(error: PlatformError) -> Self {
        let again = match error.after_write() {
            Next::GiveUp => Again::Mended,
            Next::Retry { wait } => Again::After(SignedDuration::try_from(wait).unwrap_or(MEND)),
            // Under the same id, or after a look: a second one does no harm.
            Next::ReadBack => Again::After(SignedDuration::ZERO),
        };
        Self { why: error.sentence(), again }
    }
}

impl Target {
    /// Reads the table's secrets; asks nobody.
    pub(super) fn open(config: &Config) -> Result<Self, String> {
        let Config { name, slack, webhook, ntfy, pagerduty, about, .. } = config;
        let named = |error: PlatformError| format!("tell `{name}`: {error}");
        if let Some(what) = about.iter().find(|what| what.quiets()) {
            return Err(format!(
                "tell `{name}`: `{}` ends an alert by itself; leave it out of about",
                what.word()
            ));
        }
        let way = match (slack, webhook, ntfy, pagerduty) {
            (Some(table), None, None, None) => Way::slack(table).map_err(named)?,
            (None, Some(table), None, None) => Way::Webhook(webhook::Actuator::open(table).map_err(named)?),
            (None, None, Some(table), None) => Way::Ntfy(ntfy::Actuator::open(table).map_err(named)?),
            (None, None, None, Some(table)) => Way::PagerDuty(events::Actuator::open(table).map_err(named)?),
            _ => {
                return Err(format!(
                    "tell `{name}`: exactly one of slack, webhook, ntfy and pagerduty is needed"
                ));
            }
        };
        Ok(Self { config: config.clone(), way })
    }

    /// Is it told this of that row?
    pub(super) fn wants(&self, what: What, row: &Row) -> bool {
        let Config { kinds, environments, about, .. } = &self.config;
        let here = match &self.way {
            Way::Slack { channel, .. } => {
                !what.quiets() && of_incident(channel, row.incident.as_deref()).is_some()
            }
            Way::Webhook(_) | Way::Ntfy(_) => !what.quiets(),
            // A published page calls nobody.
            Way::PagerDuty(_) => what != What::Published,
        };
        here && (kinds.is_empty() || kinds.contains(&row.id.kind))
            && (environments.is_empty() || environments.contains(&row.environment))
            && (about.is_empty() || about.contains(&what) || what.quiets())
    }

    /// Sends it. `perhaps`: it may have been sent before, by one who did not come to say so.
    pub(super) async fn send(
        &self,
        message: &Message,
        incident: Option<&str>,
        since: Timestamp,
        perhaps: bool,
        now: Timestamp,
    ) -> Result<(), Unsent> {
        match &self.way {
            Way::Webhook(webhook) => Ok(webhook.send(&message.id, now, &message.json(since)).await?),
            Way::Ntfy(ntfy) => Ok(ntfy.publish(&message.title(), &message.text()).await?),
            Way::PagerDuty(events) => Ok(alert(events, message, since).await?),
            Way::Slack { actuator, channel, ids } => {
                let mended = |why: String| Unsent { why, again: Again::Mended };
                let name = of_incident(channel, incident)
                    .ok_or_else(|| mended("the row has no incident any more".to_owned()))?;
                let channel = channel_id(actuator, &name, ids).await?;
                let tag = Tag { row: message.row.to_string(), digest: message.id.clone() };
                let post = Post { channel, text: message.text(), thread: None, tag };
                let since = since.checked_sub(CLOCKS_DIFFER).unwrap_or(since);
                if perhaps && actuator.find(&post, since).await?.is_some() {
                    return Ok(());
                }
                actuator.post(&post).await?;
                Ok(())
            }
        }
    }

    /// What can be told of it without telling it anything.
    pub(super) async fn check(&self) -> Result<String, String> {
        let name = &self.config.name;
        let said = |error: PlatformError| format!("{name}: {error}\nhint: {}", error.hint());
        match &self.way {
            Way::Webhook(_) => Ok(format!(
                "{name}: a webhook, its secret is read; whether it takes messages only one of them tells"
            )),
            Way::PagerDuty(_) => Ok(format!(
                "{name}: PagerDuty's events, the integration key is read; whether it is one only an event tells"
            )),
            Way::Ntfy(ntfy) => {
                ntfy.health().await.map_err(said)?;
                Ok(format!("{name}: ntfy is well; whether it takes messages only one of them tells"))
            }
            Way::Slack { actuator, channel, .. } => {
                let slack = actuator.reads();
                let identity = slack.identity().await.map_err(said)?;
                let who = format!("{name}: as {} in {}", identity.user, identity.team);
                let lacks = identity.lacks(&slack::WRITER_SCOPES);
                if !lacks.is_empty() {
                    return Err(format!(
                        "{who}: the token lacks {}\nhint: add it, then reinstall the app",
                        lacks.join(", ")
                    ));
                }
                let beyond = identity.beyond(&slack::WRITER_SCOPES);
                if !beyond.is_empty() {
                    return Err(format!("{who}: the token may more than it needs: {}", beyond.join(", ")));
                }
                if channel.contains('{') {
                    return Ok(format!("{who}, in the channel of each incident"));
                }
                match slack.channel(channel).await.map_err(said)? {
                    Fact::Known(found) if found.archived => {
                        Err(format!("{who}: #{} is archived", found.name))
                    }
                    Fact::Known(found) if found.member => Ok(format!("{who}, in #{}", found.name)),
                    Fact::Known(found) => {
                        Err(format!("{who}: it is not in #{}\nhint: /invite it there", found.name))
                    }
                    Fact::Unknown(why) => Err(format!("{who}: {why}")),
                }
            }
        }
    }
}

impl Way {
    fn slack(table: &Slack) -> Result<Self, PlatformError> {
        let Slack { channel, url, token_env, token_file, ca_file } = table.clone();
        let config = slack::Config::at(url, token_env, token_file, ca_file);
        let actuator = Box::new(slack::Actuator::open(&config)?);
        Ok(Self::Slack { actuator, channel, ids: Mutex::default() })
    }
}

/// A row is one alert: opened while it asks or after it went wrong, acknowledged while it waits for its agent, resolved once
/// nobody is asked. PagerDuty's own escalation calls the next.
async fn alert(events: &events::Actuator, message: &Message, since: Timestamp) -> Result<(), PlatformError> {
    let text = message.text();
    let alert = events::Alert {
        dedup_key: format!("dock {}", message.row),
        summary: text.lines().next().unwrap_or_default().to_owned(),
        severity: match message.what {
            What::AlmostOver => Severity::Critical,
            What::HalfOver | What::Outcome => Severity::Error,
            _ => Severity::Warning,
        },
        at: since,
        details: message.json(since)["data"].clone(),
    };
    let action = match message.what {
        What::Answered => Action::Acknowledge,
        What::Settled => Action::Resolve,
        _ => Action::Trigger,
    };
    // Whoever acknowledged the revision before is called by the next one only if it is an alert of its own.
    if message.what == What::Asks && message.revision > 1 {
        events.send(Action::Resolve, &alert).await?;
    }
    events.send(action, &alert).await
}

/// The channel's name for a row; none where it is an incident's, and the row has none that could name a channel.
fn of_incident(channel: &str, incident: Option<&str>) -> Option<String> {
    if !channel.contains('{') {
        return Some(channel.to_owned());
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let incident = incident.filter(|name| !name.is_empty() && name.len() <= 64 && name.chars().all(plain))?;
    let number = incident.rsplit('-').next().unwrap_or(incident);
    Some(channel.replace("{number}", number).replace("{incident}", &incident.to_lowercase()))
}

async fn channel_id(
    actuator: &slack::Actuator,
    name: &str,
    ids: &Mutex<BTreeMap<String, String>>,
) -> Result<String, Unsent> {
    let mut ids = ids.lock().await;
    if let Some(id) = ids.get(name) {
        return Ok(id.clone());
    }
    match actuator.reads().channel(name).await? {
        Fact::Known(found) => {
            ids.insert(name.to_owned(), found.id.clone());
            Ok(found.id)
        }
        Fact::Unknown(why) => Err(Unsent { why, again: Again::Mended }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_that_is_an_incidents_needs_one() {
        for (channel, incident, expected) in [
            ("#ops", None, Some("#ops")),
            ("inc-{number}", Some("INC-2099"), Some("inc-2099")),
            ("{incident}", Some("INC-2099"), Some("inc-2099")),
            ("inc-{number}", None, None),
            ("inc-{number}", Some("INC 2099 <!channel>"), None),
        ] {
            assert_eq!(of_incident(channel, incident).as_deref(), expected, "{channel} {incident:?}");
        }
    }

    #[test]
    fn a_table_names_one_way() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let open = |more: &str| {
            let config: Config = toml::from_str(&format!("name = \"ops\"\n{more}")).unwrap();
            Target::open(&config).map(drop)
        };
        let ntfy = "[ntfy]\ntopic = \"dock\"\n";
        assert_eq!(open(ntfy), Ok(()));
        assert!(open("").unwrap_err().contains("exactly one"));
        assert!(open("[ntfy]\ntopic = \"a/b\"\n").unwrap_err().contains("topic"));
        let both = format!("{ntfy}[slack]\nchannel = \"#ops\"\n");
        assert!(open(&both).unwrap_err().contains("exactly one"));
        assert!(open("[slack]\nchannel = \"#ops\"\n").unwrap_err().contains("token_env or token_file"));
        assert!(open(&format!("about = [\"settled\"]\n{ntfy}")).unwrap_err().contains("by itself"));
        assert!(open("[pagerduty]\n").unwrap_err().contains("routing_key_env or routing_key_file"));
        assert!(toml::from_str::<Config>("name = \"ops\"\nabout = [\"gossip\"]\n").is_err());
    }
}
