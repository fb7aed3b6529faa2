//! What any agent has on the table: dated answers, and the facts that flows share.
//!
//! Every fact is dated, and knows whether it was never asked, answered, or not to be had. The three are never mixed up:
//! a platform that is not configured fires no rule, one that did not answer holds.
//! Never: a platform's own types; a flow's `gather` puts their answers into these.

use jiff::Timestamp;

use crate::row::{Pointer, Series};

/// One question and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Asked<T> {
    /// No platform is configured that could say.
    #[default]
    Never,
    Known {
        value: T,
        at: Timestamp,
    },
    Unknown {
        why: String,
        at: Timestamp,
    },
}

impl<T> Asked<T> {
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known { value, .. } => Some(value),
            Self::Never | Self::Unknown { .. } => None,
        }
    }

    pub fn unknown(&self) -> Option<(&str, Timestamp)> {
        match self {
            Self::Unknown { why, at } => Some((why, *at)),
            Self::Never | Self::Known { .. } => None,
        }
    }

    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Asked<U> {
        match self {
            Self::Never => Asked::Never,
            Self::Known { value, at } => Asked::Known { value: change(value), at },
            Self::Unknown { why, at } => Asked::Unknown { why, at },
        }
    }

    /// Where it could not be read this time, what was read before stands until it is older than `budget_s`.
    pub(super) fn keep(&mut self, before: &Self, now: Timestamp, budget_s: u32)
    where
        T: Clone,
    {
        if let (Self::Unknown { .. }, Self::Known { at, .. }) = (&*self, before)
            && now.duration_since(*at).as_secs() <= i64::from(budget_s)
        {
            *self = before.clone();
        }
    }

    /// When it was read, where it was.
    pub fn at(&self) -> Option<Timestamp> {
        match self {
            Self::Never => None,
            Self::Known { at, .. } | Self::Unknown { at, .. } => Some(*at),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pull {
    pub number: u64,
    pub title: String,
    pub url: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checks {
    pub verdict: CheckVerdict,
    /// `4 of 4 green`, `test failed`.
    pub summary: String,
    pub url: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckVerdict {
    Green,
    Red,
    Running,
    /// The commit has no checks.
    None,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incident {
    /// As people say it: `INC-771`.
    pub name: String,
    pub title: String,
    pub url: String,
    /// As the account calls it, `SEV-1`; absent where it has none.
    pub priority: Option<String>,
    pub opened_at: Timestamp,
    /// Absent while it is open.
    pub closed_at: Option<Timestamp>,
    /// Title, description and notes: where an object may be named.
    pub text: String,
}

/// One configured series and its newest value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gauge {
    /// `SLO burn`.
    pub name: String,
    /// Where it was asked: the query or the objective.
    pub pointer: Pointer,
    /// From this value on it speaks against going ahead; a gauge without it only informs.
    pub hold_at: Option<String>,
    pub value: Asked<Sample>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// A number, as the platform gave it.
    pub value: String,
    pub unit: String,
    pub series: Option<Series>,
}

/// An earlier decision on the same subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Past {
    pub row: String,
    pub decision: String,
    pub by: String,
    pub at: Timestamp,
    pub note: String,
    /// It was about the same change.
    pub same: bool,
}

/// A reviewer's note that sent the row back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asks {
    pub by: String,
    pub note: String,
    /// It was about the same change.
    pub same: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Freeze {
    pub until: Timestamp,
    pub why: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_stands_until_it_is_stale() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let known = Asked::Known { value: 1, at: at(0) };
        let kept = |mut is: Asked<i32>, now| {
            is.keep(&known, at(now), 300);
            is
        };
        let unknown = || Asked::Unknown { why: "429".to_owned(), at: at(300) };
        assert_eq!(kept(unknown(), 300), known);
        assert_eq!(kept(unknown(), 301), unknown());
        assert_eq!(kept(Asked::Never, 300), Asked::Never);
        let newer = Asked::Known { value: 2, at: at(300) };
        assert_eq!(kept(newer.clone(), 300), newer);
    }
}
