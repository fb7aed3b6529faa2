//! `GET /v1/rows/{id}/series?span=&until=`: the live telemetry of what a row is about.
//!
//! Never: a pane without its source; a number where there was none.

use std::{fmt, str::FromStr};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::row::{Pointer, RowId, Series};

/// How much time is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub enum Span {
    #[serde(rename = "1h")]
    Hour,
    #[default]
    #[serde(rename = "3h")]
    Hours3,
    #[serde(rename = "12h")]
    Hours12,
    #[serde(rename = "3d")]
    Days3,
}

/// A span that is none of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no span; there are 1h, 3h, 12h, 3d")]
pub struct NotASpan(String);

impl Span {
    pub const ALL: [Span; 4] = [Span::Hour, Span::Hours3, Span::Hours12, Span::Days3];

    pub fn word(self) -> &'static str {
        match self {
            Span::Hour => "1h",
            Span::Hours3 => "3h",
            Span::Hours12 => "12h",
            Span::Days3 => "3d",
        }
    }

    pub fn seconds(self) -> i64 {
        match self {
            Span::Hour => 3_600,
            Span::Hours3 => 3 * 3_600,
            Span::Hours12 => 12 * 3_600,
            Span::Days3 => 72 * 3_600,
        }
    }

    /// Between two points: what keeps a series within [`Series::POINTS_MAX`], and no finer than a minute.
    pub fn step_s(self) -> u32 {
        match self {
            Span::Hour | Span::Hours3 => 60,
            Span::Hours12 => 240,
            Span::Days3 => 1_440,
        }
    }

    pub fn duration(self) -> SignedDuration {
        SignedDuration::from_secs(self.seconds())
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for Span {
    type Err = NotASpan;

    fn from_str(text: &str) -> Result<Self, NotASpan> {
        Self::ALL.into_iter().find(|span| span.word() == text).ok_or_else(|| NotASpan(text.to_owned()))
    }
}

/// The answer: panes in the order in which they are to be looked at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Telemetry {
    pub row: RowId,
    /// The span that was asked for ends here.
    pub until: Timestamp,
    pub span: Span,
    pub panes: Vec<Pane>,
    /// What happened around it, oldest first.
    pub marks: Vec<Mark>,
    /// Whom the marks could not be asked from, and why.
    #[serde(default)]
    pub marks_unknown: Vec<String>,
}

/// One series, or why there is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pane {
    pub name: String,
    /// As it stands behind a number: ` %`, ` ms`, `x`.
    pub unit: String,
    /// Its source: what was asked of which platform, and the page that shows it.
    pub pointer: Pointer,
    pub fetched_at: Timestamp,
    /// How long the last point stays fresh, in seconds.
    pub budget_s: u32,
    #[serde(default)]
    pub series: Option<Series>,
    /// Why there is no series.
    #[serde(default)]
    pub unknown: Option<String>,
    /// Which side of the threshold is the bad one.
    #[serde(default)]
    pub bad: Side,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    #[default]
    Over,
    Under,
}

impl Side {
    pub fn word(self) -> &'static str {
        match self {
            Side::Over => "OVER",
            Side::Under => "UNDER",
        }
    }

    /// Is `value` on the bad side of `threshold`?
    pub fn is_bad(self, value: f64, threshold: f64) -> bool {
        match self {
            Side::Over => value > threshold,
            Side::Under => value < threshold,
        }
    }
}

/// Something that happened at a time, to be seen beside the series.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    pub at: Timestamp,
    /// `deploy`, `drift seen`, `incident`, `last sync`, `this run`, `executed`.
    pub what: String,
    pub detail: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_span_fits_into_a_series_and_is_read_back() {
        for span in Span::ALL {
            let points = span.seconds() / i64::from(span.step_s()) + 1;
            assert!(usize::try_from(points).unwrap() <= Series::POINTS_MAX, "{span}");
            assert_eq!(span.word().parse(), Ok(span));
            assert_eq!(serde_json::to_value(span).unwrap(), span.word());
        }
        assert!("2h".parse::<Span>().is_err());
    }
}
