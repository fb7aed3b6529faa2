//! Datadog's JSON as it comes, turned into the room's types at once; here is decided what its numbers rest on.
//!
//! Never: seen outside this room.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use serde::Deserialize;

use super::{MonitorState, Mute, SloKind, Timeframe};
use crate::platform::{Fact, Sample, Series};

/// In a history of states: nothing was known then.
const STATE_NO_DATA: f64 = 2.0;
const POINTS_MAX: u64 = 100_000;

#[derive(Debug, Deserialize)]
pub(super) struct Data<T> {
    pub(super) data: T,
}

#[derive(Debug, Deserialize)]
pub(super) struct Valid {
    #[serde(default)]
    pub(super) valid: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct Slo {
    id: String,
    #[serde(default)]
    name: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    thresholds: Vec<Threshold>,
    timeframe: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Threshold {
    timeframe: String,
    target: f64,
}

impl Slo {
    /// Unknown where it has no target over a timeframe that means something here.
    pub(super) fn slo(self) -> Fact<super::Slo> {
        let first = self.thresholds.iter().find(|one| Some(&one.timeframe) == self.timeframe.as_ref());
        let Some(shown) = first.or(self.thresholds.first()) else {
            return Fact::Unknown(format!("the SLO {} has no target", self.name));
        };
        let Some(timeframe) = Timeframe::named(&shown.timeframe) else {
            return Fact::Unknown(format!("the SLO {} has the timeframe {}", self.name, shown.timeframe));
        };
        let target = shown.target;
        let kind = match self.kind.as_str() {
            "metric" => SloKind::Metric,
            "monitor" => SloKind::Monitor,
            "time_slice" => SloKind::TimeSlice,
            _ => SloKind::Other(self.kind),
        };
        Fact::Known(super::Slo { id: self.id, name: self.name, kind, tags: self.tags, timeframe, target })
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct History {
    data: Option<Window>,
    errors: Option<Vec<Trouble>>,
}

#[derive(Debug, Deserialize)]
struct Window {
    from_ts: Option<i64>,
    to_ts: Option<i64>,
    overall: Option<Overall>,
    series: Option<Counts>,
}

#[derive(Debug, Deserialize)]
struct Overall {
    sli_value: Option<f64>,
    state: Option<String>,
    span_precision: Option<f64>,
    error_budget_remaining: Option<BTreeMap<String, f64>>,
    errors: Option<Vec<Trouble>>,
    #[serde(default)]
    preview: bool,
    history: Option<Vec<(f64, f64)>>,
}

#[derive(Debug, Deserialize)]
struct Counts {
    denominator: Count,
}

#[derive(Debug, Deserialize)]
struct Count {
    sum: Option<f64>,
    count: Option<f64>,
}

/// `error` at the top of the answer, `error_message` within.
#[derive(Debug, Deserialize)]
struct Trouble {
    #[serde(alias = "error")]
    error_message: Option<String>,
    error_type: Option<String>,
}

impl Trouble {
    fn words(errors: &[Trouble]) -> Option<String> {
        let first = errors.first()?;
        let words = first.error_message.clone().or_else(|| first.error_type.clone());
        Some(words.unwrap_or_else(|| "an error without words".to_owned()))
    }
}

impl History {
    /// The window's numbers, if something was counted behind them; else why not.
    pub(super) fn history(self, kind: &SloKind, from: Timestamp, to: Timestamp) -> Fact<super::History> {
        let unknown = |why: &str| Fact::Unknown(why.to_owned());
        if let Some(words) = self.errors.as_deref().and_then(Trouble::words) {
            return Fact::Unknown(words);
        }
        let Some(window) = self.data else { return unknown("an answer without data") };
        let Some(overall) = window.overall else { return unknown("an answer without an overall value") };
        if let Some(words) = overall.errors.as_deref().and_then(Trouble::words) {
            return Fact::Unknown(words);
        }
        if overall.state.as_deref() == Some("no_data") {
            return unknown("no data in this window");
        }
        if overall.preview {
            return unknown("Datadog is still computing it (preview)");
        }
        if overall.history.iter().flatten().any(|(_, state)| (state - STATE_NO_DATA).abs() < 0.5) {
            return unknown("no data in a part of this window");
        }
        let events = window.series.as_ref().and_then(|series| series.denominator.sum);
        let points = window.series.as_ref().and_then(|series| series.denominator.count);
        // 100 % of nothing, and of what nobody can see, is not 100 %.
        match (kind, events) {
            (_, Some(all)) if all <= 0.0 || points == Some(0.0) => {
                return unknown("nothing was counted in this window (the denominator is zero)");
            }
            (SloKind::Metric, None) => return unknown("no event counts in the answer"),
            (_, None) if overall.history.is_none() => {
                return unknown("neither counts nor states in the answer: nothing may have arrived");
            }
            _ => {}
        }
        let Some(sli) = overall.sli_value.filter(|sli| sli.is_finite()) else {
            return unknown("no value for this window");
        };
        let time =
            |second: Option<i64>, or| second.and_then(|at| Timestamp::from_second(at).ok()).unwrap_or(or);
        Fact::Known(super::History {
            from: time(window.from_ts, from),
            to: time(window.to_ts, to),
            sli,
            decimals: overall.span_precision.filter(|count| (0.0..=15.0).contains(count)).map(f64::round),
            budget_left: overall.error_budget_remaining.unwrap_or_default(),
            events,
        })
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Monitor {
    id: u64,
    #[serde(default)]
    name: String,
    overall_state: Option<String>,
    #[serde(default)]
    tags: Vec<String>,
    options: Option<Options>,
    matching_downtimes: Option<Vec<Downtime>>,
}

#[derive(Debug, Deserialize)]
struct Options {
    /// The end of each muted scope, in seconds.
    silenced: Option<BTreeMap<String, Option<i64>>>,
}

#[derive(Debug, Deserialize)]
struct Downtime {
    end: Option<i64>,
    scope: Option<Vec<String>>,
}

impl From<Monitor> for super::Monitor {
    fn from(wire: Monitor) -> Self {
        let until = |end: Option<i64>| end.and_then(|end| Timestamp::from_second(end).ok());
        let silenced = wire.options.and_then(|options| options.silenced).unwrap_or_default();
        let muted = silenced.into_iter().map(|(scope, end)| Mute { scope, until: until(end) });
        let downtimes = wire.matching_downtimes.unwrap_or_default().into_iter().map(|downtime| {
            let scope = downtime.scope.filter(|scope| !scope.is_empty()).map(|scope| scope.join(","));
            Mute { scope: scope.unwrap_or_else(|| "*".to_owned()), until: until(downtime.end) }
        });
        Self {
            id: wire.id,
            name: wire.name,
            mutes: muted.chain(downtimes).collect(),
            tags: wire.tags,
            state: match wire.overall_state.as_deref() {
                Some("OK") => MonitorState::Ok,
                Some("Warn") => MonitorState::Warn,
                Some("Alert") => MonitorState::Alert,
                Some("No Data") | None => MonitorState::NoData,
                Some(other) => MonitorState::Other(other.to_owned()),
            },
        }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Query {
    status: Option<String>,
    error: Option<String>,
    #[serde(default)]
    series: Vec<Line>,
}

#[derive(Debug, Deserialize)]
struct Line {
    /// Milliseconds and the value.
    #[serde(default)]
    pointlist: Vec<(f64, Option<f64>)>,
}

impl Query {
    /// The failure that an answer of 200 can hide.
    pub(super) fn trouble(&self) -> Option<String> {
        let error = self.error.as_deref().filter(|error| !error.is_empty());
        match (self.status.as_deref(), error) {
            (_, Some(error)) => Some(error.to_owned()),
            (Some("ok"), None) => None,
            (status, None) => Some(format!("the query ended as {}", status.unwrap_or("nothing"))),
        }
    }

    /// The one series. Its step is the least distance between two points: what Datadog calls its interval is in seconds
    /// here and in milliseconds there.
    pub(super) fn series(self) -> Fact<Series> {
        let mut lines = self.series.into_iter();
        let line = match (lines.next(), lines.len()) {
            (None, _) => return Fact::Unknown("no data".to_owned()),
            (Some(line), 0) => line,
            (Some(_), more) => return Fact::Unknown(format!("{} series where one is needed", more + 1)),
        };
        let mut times: Vec<i64> = line.pointlist.iter().map(|(at, _)| *at as i64).collect();
        times.sort_unstable();
        let (Some(&first), Some(&last)) = (times.first(), times.last()) else {
            return Fact::Unknown("no data".to_owned());
        };
        let steps = times.windows(2).map(|pair| pair[1] - pair[0]).filter(|step| *step > 0);
        let step = steps.min().unwrap_or(60_000).unsigned_abs();
        let count = (last - first).unsigned_abs() / step + 1;
        let start = Timestamp::from_millisecond(first);
        let (Ok(start), true) = (start, count <= POINTS_MAX) else {
            return Fact::Unknown("points without order".to_owned());
        };
        let samples = line.pointlist.iter().filter_map(|(at, value)| {
            Some(Sample { value: (*value)?, at: Timestamp::from_millisecond(*at as i64).ok()? })
        });
        let series = Series::spread(samples, start, Duration::from_millis(step), count);
        if series.last().is_none() {
            return Fact::Unknown("no data".to_owned());
        }
        Fact::Known(series)
    }
}
