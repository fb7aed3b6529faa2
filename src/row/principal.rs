//! Who acts: people, agents, policies, services, the system itself.
//!
//! Never: says what a principal may do; that is `policy`.

use std::{borrow::Borrow, fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PrincipalKind {
    Human,
    Agent,
    Policy,
    Service,
    System,
}

impl PrincipalKind {
    pub fn word(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::Agent => "agent",
            Self::Policy => "policy",
            Self::Service => "service",
            Self::System => "system",
        }
    }
}

impl FromStr for PrincipalKind {
    type Err = NotAName;

    fn from_str(text: &str) -> Result<Self, NotAName> {
        [Self::Human, Self::Agent, Self::Policy, Self::Service, Self::System]
            .into_iter()
            .find(|kind| kind.word() == text)
            .ok_or_else(|| NotAName(text.to_owned()))
    }
}

/// `[a-z][a-z0-9-]*`, at most 64 bytes. The id outlives its keys. A copy shares its text: few names stand in many rows.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PrincipalId(Arc<str>);

/// The text names no principal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a name: names are small letters, digits and hyphens, and begin with a letter")]
pub struct NotAName(pub String);

impl PrincipalId {
    pub const BYTES_MAX: usize = 64;

    /// Dock itself: expiry, staleness, recovery.
    pub fn system() -> Self {
        Self("system".into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PrincipalId {
    type Err = NotAName;

    fn from_str(text: &str) -> Result<Self, NotAName> {
        let letters = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        let begins = text.bytes().next().is_some_and(|b| b.is_ascii_lowercase());
        if letters && begins && text.len() <= Self::BYTES_MAX {
            Ok(Self(text.into()))
        } else {
            Err(NotAName(text.chars().take(Self::BYTES_MAX).collect()))
        }
    }
}

impl fmt::Display for PrincipalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Sets of names are asked by text.
impl Borrow<str> for PrincipalId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl Serialize for PrincipalId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for PrincipalId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}
