//! What a row was read against, what would be executed, and what has moved since: one type a kind.
//!
//! Never: "the digests differ, so it moved". A digest identifies; moving is judged field by field.

use serde::{Deserialize, Serialize};

use super::{
    Digest, c1,
    gate::{GateBase, GateEffect},
    sync::{SyncBase, SyncEffect},
};

/// One thing that is no longer as it was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Moved {
    pub what: String,
    pub was: String,
    #[serde(rename = "now")]
    pub is: String,
}

/// What a row was read against.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Base {
    Sync(SyncBase),
    Gate(GateBase),
    Runbook(PageBase),
    Postmortem(IncidentBase),
    Policy(PolicyBase),
}

/// A page's version, as read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PageBase {
    pub page: String,
    pub version: u64,
    pub author: String,
    pub created_at: String,
    pub body: Digest,
}

/// An incident and its last update.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IncidentBase {
    pub incident: String,
    pub updated_at: String,
}

/// The version that a policy would replace; 0 where it is the first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyBase {
    pub policy: String,
    pub replaces: u64,
}

impl Base {
    pub fn digest(&self) -> Digest {
        digest_of("base.v1", self)
    }

    /// In one word, for lists and headers: the revision, run, version.
    pub fn revision(&self) -> String {
        match self {
            Self::Sync(base) => base.revisions.join(","),
            Self::Gate(base) => format!("{}.{}", base.run, base.attempt),
            Self::Runbook(base) => base.version.to_string(),
            Self::Postmortem(base) => base.updated_at.clone(),
            Self::Policy(base) => base.replaces.to_string(),
        }
    }

    /// What has moved from `self` to `now`. Bases of two kinds have nothing in common: all moved.
    pub fn moved(&self, now: &Self) -> Vec<Moved> {
        match (self, now) {
            (Self::Sync(was), Self::Sync(is)) => return was.moved(is),
            (Self::Gate(was), Self::Gate(is)) => return was.moved(is),
            _ => {}
        }
        if self == now {
            return Vec::new();
        }
        vec![Moved { what: "base".to_owned(), was: self.revision(), is: now.revision() }]
    }
}

/// What will be executed, field by field; tags are not in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "platform", rename_all = "lowercase")]
pub enum Effect {
    Argocd(SyncEffect),
    Github(GateEffect),
    Confluence(PageEffect),
    Notion(PageEffect),
    /// Nothing is executed.
    None,
}

/// A page's next body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PageEffect {
    pub page: String,
    pub expected_version: u64,
    pub body: Digest,
}

impl Effect {
    pub fn digest(&self) -> Digest {
        digest_of("effect.v1", self)
    }

    /// The effect once these conditions are in it; absent where such conditions cannot be carried out. A condition is
    /// carried out or not approved at all, never dropped.
    pub fn with_conditions(&self, conditions: &std::collections::BTreeMap<String, String>) -> Option<Self> {
        match self {
            _ if conditions.is_empty() => Some(self.clone()),
            Self::Github(effect) => effect.with_conditions(conditions).map(Self::Github),
            Self::Argocd(_) | Self::Confluence(_) | Self::Notion(_) | Self::None => None,
        }
    }

    /// In words, for dialog, `show` and the signed text.
    pub fn sentence(&self) -> String {
        match self {
            Self::Argocd(effect) => {
                let prune = if effect.prune { ", pruning what git no longer has" } else { "" };
                let hooks = if effect.hooks.is_empty() {
                    String::new()
                } else {
                    format!(", running {}", effect.hooks.join(", "))
                };
                format!(
                    "ArgoCD: sync {} ({} resources) to revision {}{prune}{hooks}",
                    effect.application,
                    effect.resources,
                    effect.revisions.join(", ")
                )
            }
            Self::Github(effect) => effect.sentence(),
            Self::Confluence(effect) | Self::Notion(effect) => {
                format!(
                    "publish page {} as version {}, body {}",
                    effect.page,
                    effect.expected_version + 1,
                    effect.body.short()
                )
            }
            Self::None => "nothing is executed".to_owned(),
        }
    }
}

/// SHA-256 over `c1` of `{name: value}`; numbers and booleans become strings, what is absent is left out.
pub(super) fn digest_of(name: &str, value: &impl Serialize) -> Digest {
    // Our own types always serialise; were one not to, it would equal nothing that was ever signed.
    let json = serde_json::to_value(value).unwrap_or_default();
    Digest::of_named(name, &c1::from_json(&json).unwrap_or_else(|| c1::Value::Text(String::new())))
}
