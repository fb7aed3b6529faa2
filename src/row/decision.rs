//! What a reviewer can say, and the names that decisions carry.
//!
//! Never: whether it counts. That is counted by `policy` and judged by `lifecycle`.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, de};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    Approve,
    Decline,
    NeedsChanges,
    Withdraw,
}

impl Decision {
    pub fn word(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Decline => "decline",
            Self::NeedsChanges => "needs_changes",
            Self::Withdraw => "withdraw",
        }
    }

    /// As a noun in a sentence: your `decline` waits.
    pub fn said(self) -> &'static str {
        match self {
            Self::Approve => "approval",
            Self::Decline => "decline",
            Self::NeedsChanges => "request for changes",
            Self::Withdraw => "withdrawal",
        }
    }

    /// For sentences: `approved`, `asked for changes`.
    pub fn past(self) -> &'static str {
        match self {
            Self::Approve => "approved",
            Self::Decline => "declined",
            Self::NeedsChanges => "asked for changes",
            Self::Withdraw => "withdrew",
        }
    }
}

impl FromStr for Decision {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Approve, Self::Decline, Self::NeedsChanges, Self::Withdraw]
            .into_iter()
            .find(|decision| decision.word() == text)
            .ok_or_else(|| format!("`{}` is not a decision", text.chars().take(32).collect::<String>()))
    }
}

/// A ULID: 26 letters of Crockford's base 32, 48 bits of milliseconds and 80 of chance.
/// Source: github.com/ulid/spec.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct DecisionId(String);

/// The text is no ULID.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a decision's id: it has 26 letters and digits, and begins with 0 to 7")]
pub struct NotADecisionId(pub String);

impl DecisionId {
    const LETTERS: &'static [u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

    /// From the clock (milliseconds since 1970) and ten random bytes, both handed in.
    pub fn new(at_ms: u64, chance: [u8; 10]) -> Self {
        let mut bytes = [0_u8; 16];
        bytes[..6].copy_from_slice(&at_ms.to_be_bytes()[2..]);
        bytes[6..].copy_from_slice(&chance);
        let value = u128::from_be_bytes(bytes);
        let letter = |at: u32| {
            char::from(Self::LETTERS[usize::from(u8::try_from(value >> (at * 5) & 31).unwrap_or(0))])
        };
        Self((0..26).rev().map(letter).collect())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for DecisionId {
    type Err = NotADecisionId;

    fn from_str(text: &str) -> Result<Self, NotADecisionId> {
        let bytes = text.as_bytes();
        let sized = bytes.len() == 26 && bytes.first().is_some_and(|b| (b'0'..=b'7').contains(b));
        if sized && bytes.iter().all(|b| Self::LETTERS.contains(b)) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NotADecisionId(text.chars().take(32).collect()))
        }
    }
}

impl fmt::Display for DecisionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for DecisionId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// What a signature proves of a touch. A file key's passphrase, or an agent's question, cannot be seen from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Touch {
    Unproven,
    /// A security key says that somebody touched it.
    Present,
    /// The same, and it checked a PIN or a finger.
    Verified,
}

impl Touch {
    pub fn word(self) -> &'static str {
        match self {
            Self::Unproven => "unproven",
            Self::Present => "present",
            Self::Verified => "verified",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decision_id_is_a_ulid() {
        // The specification's own example time, 1469918176385 ms, is written 01ARYZ6S41.
        let id = DecisionId::new(1_469_918_176_385, [0xff; 10]);
        assert_eq!(id.as_str(), "01ARYZ6S41ZZZZZZZZZZZZZZZZ");
        assert_eq!(id.as_str().parse::<DecisionId>().unwrap(), id);
        assert!("81ARYZ6S41ZZZZZZZZZZZZZZZZ".parse::<DecisionId>().is_err(), "over 128 bits");
        assert!("01aryz6s41zzzzzzzzzzzzzzzz".parse::<DecisionId>().is_err(), "small letters");
    }
}
