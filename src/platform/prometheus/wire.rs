//! Prometheus' JSON as it comes, turned into the room's types at once.
//!
//! Never: seen outside this room.

use jiff::Timestamp;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub(super) struct Answer<T> {
    pub(super) data: Data<T>,
    #[serde(default)]
    warnings: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Data<T> {
    pub(super) result: Vec<T>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Instant {
    pub(super) value: Value,
}

#[derive(Debug, Deserialize)]
pub(super) struct Range {
    pub(super) values: Vec<Value>,
}

/// Seconds as a number, the value as text.
#[derive(Debug, Deserialize)]
pub(super) struct Value(pub(super) f64, pub(super) String);

#[derive(Debug, Deserialize)]
pub(super) struct BuildInfo {
    pub(super) data: Build,
}

#[derive(Debug, Deserialize)]
pub(super) struct Build {
    pub(super) version: String,
}

impl<T> Answer<T> {
    pub(super) fn partial(&self) -> Option<String> {
        self.warnings.first().map(|warning| format!("partial data: {warning}"))
    }
}

impl Value {
    /// The finite number and its time.
    pub(super) fn sample(&self) -> Option<(Timestamp, f64)> {
        let value = self.1.parse::<f64>().ok().filter(|value| value.is_finite())?;
        let at = jiff::SignedDuration::try_from_secs_f64(self.0).ok()?;
        let at = Timestamp::from_duration(at).ok()?;
        Some((at, value))
    }
}
