//! Names of rows: a kind and a number, written as the seeds write them.
//!
//! Never: gives out numbers. The backend does, one counter a kind.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// What a row proposes. The prefix of its id tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Gate,
    Sync,
    Runbook,
    Postmortem,
    Policy,
}

impl Kind {
    pub const ALL: [Self; 5] = [Self::Gate, Self::Sync, Self::Runbook, Self::Postmortem, Self::Policy];

    /// As in JSON, filters and `--kind`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Gate => "gate",
            Self::Sync => "sync",
            Self::Runbook => "runbook",
            Self::Postmortem => "postmortem",
            Self::Policy => "policy",
        }
    }

    /// As in a row's id.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Gate => "gate",
            Self::Sync => "sync",
            Self::Runbook => "rb",
            Self::Postmortem => "pm",
            Self::Policy => "pol",
        }
    }
}

impl FromStr for Kind {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        Self::ALL.into_iter().find(|kind| kind.word() == text).ok_or_else(|| NotAnId(text.to_owned()))
    }
}

/// `sync-8821`. Also read as `sync_8821`; always written with the hyphen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RowId {
    pub kind: Kind,
    pub number: u64,
}

/// The text names no row.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a row's id: ids look like `sync-8821`, `gate-9821`, `rb-8821`, `pm-31`, `pol-7`")]
pub struct NotAnId(pub String);

impl fmt::Display for RowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.kind.prefix(), self.number)
    }
}

impl FromStr for RowId {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let wrong = || NotAnId(text.to_owned());
        let (prefix, digits) = text.split_once(['-', '_']).ok_or_else(wrong)?;
        let kind = Kind::ALL.into_iter().find(|kind| kind.prefix() == prefix).ok_or_else(wrong)?;
        let plain =
            !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
        let number = digits.parse().ok().filter(|_| plain).ok_or_else(wrong)?;
        Ok(Self { kind, number })
    }
}

impl Serialize for RowId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RowId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_as_the_seeds_write_them() {
        for (typed, written) in [
            ("sync-8821", "sync-8821"),
            ("rb_8821", "rb-8821"),
            ("gate-9821", "gate-9821"),
            ("pm-31", "pm-31"),
            ("pol-7", "pol-7"),
        ] {
            assert_eq!(typed.parse::<RowId>().unwrap().to_string(), written);
        }
    }

    #[test]
    fn what_names_no_row_is_refused() {
        for typed in [
            "",
            "sync",
            "sync-",
            "sync-x",
            "sync-08",
            "sync-+8",
            "run-1",
            "sync-1-2",
            "sync-99999999999999999999",
        ] {
            assert!(typed.parse::<RowId>().is_err(), "{typed}");
        }
    }
}
