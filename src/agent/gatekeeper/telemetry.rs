//! What Datadog, or Prometheus where Datadog does not measure a service, says about it: burn, budget, p95, errors.
//!
//! Never: both for one service, one's silence filled by the other's number.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{
    config,
    facts::{Asked, Budget, Burn, Gauge, Latency, Question, Rates, Sample, Windows},
    latency,
    rules::{Limits, P95_DAYS},
};
use crate::{
    agent::{
        finding::pointer,
        inquiry::{Inquiry, Unit},
    },
    platform::{self, Fact, PlatformError, datadog, prometheus},
    row::{
        Measure, Pointer, Series,
        gate::{self, Measure as MeasuredBy},
    },
};

/// How old the last point of p95 may be.
const P95_AGE_MAX: Duration = Duration::from_secs(15 * 60);
const HOUR: SignedDuration = SignedDuration::from_hours(1);
/// What the charts of burn and errors span.
const CHART_SPAN: SignedDuration = SignedDuration::from_hours(12);
const CHART_STEP: Duration = Duration::from_secs(5 * 60);
/// How long a single reading stands for in a chart.
const READING_STEP_S: u32 = 30;
const P95_STEP: Duration = Duration::from_secs(2 * 60 * 60);

/// What was measured of one service.
#[derive(Default)]
pub(super) struct Telemetry {
    pub(super) burns: Vec<Burn>,
    pub(super) budget: Option<Question<Budget>>,
    pub(super) p95: Option<Question<Latency>>,
    pub(super) gauges: Vec<Gauge>,
}

/// One service, and who is asked about it.
#[derive(Clone, Copy)]
pub(super) struct Measured<'a> {
    pub(super) inquiry: Inquiry<'a>,
    pub(super) name: &'a str,
    pub(super) gate: &'a gate::Service,
    pub(super) own: &'a config::Service,
    pub(super) limits: &'a Limits,
    pub(super) now: Timestamp,
}

impl Measured<'_> {
    pub(super) async fn telemetry(self) -> Telemetry {
        let sources = self.inquiry.sources;
        let (datadog, prometheus) = (&sources.datadog, &sources.prometheus);
        let measure = self.gate.measured_by(datadog.is_some(), prometheus.is_some());
        match (measure, datadog, prometheus) {
            (MeasuredBy::Datadog(_), Some(datadog), _) => Box::pin(self.datadog(datadog)).await,
            (MeasuredBy::Prometheus(name), _, Some(prometheus)) => {
                Box::pin(self.prometheus(prometheus, name)).await
            }
            _ => Telemetry::default(),
        }
    }

    async fn datadog(self, datadog: &datadog::Source) -> Telemetry {
        let asked = match &self.gate.datadog_slo {
            Some(id) => datadog.slo(id).await,
            None => datadog.slo_of(self.name).await,
        };
        let slo = self.inquiry.answered(asked);
        let named = slo.known().map_or_else(
            || self.gate.datadog_slo.clone().unwrap_or_else(|| format!("service:{}", self.name)),
            |slo| slo.id.clone(),
        );
        let url = slo.known().and_then(|slo| datadog.link(slo)).unwrap_or_default();
        let place = pointer("datadog_slo", "datadog", &named, &url);
        let (burns, budget, p95, errors) = tokio::join!(
            self.datadog_burns(datadog, &slo, &place),
            self.datadog_budget(datadog, &slo),
            self.datadog_p95(datadog),
            async {
                self.inquiry.answered(datadog.error_rate(self.name, self.ago(CHART_SPAN), self.now).await)
            },
        );
        let p95_place = pointer("datadog_metric", "datadog", &format!("p95 of {}", self.name), &url);
        let errors_place = pointer("datadog_metric", "datadog", &format!("errors of {}", self.name), &url);
        Telemetry {
            burns,
            budget: Some(Question { pointer: place, answer: budget }),
            p95: Some(Question { pointer: p95_place, answer: p95 }),
            gauges: vec![self.errors(errors, errors_place)],
        }
    }

    async fn datadog_burns(
        self,
        datadog: &datadog::Source,
        slo: &Asked<datadog::Slo>,
        place: &Pointer,
    ) -> Vec<Burn> {
        let one = async |windows: Windows| {
            let rates = match slo {
                Asked::Known { value, .. } => {
                    let prometheus =
                        self.inquiry.sources.prometheus.as_ref().zip(self.gate.prometheus.as_deref());
                    let (rates, series) = tokio::join!(datadog.burn(value, windows, self.now), async {
                        let (prometheus, name) = prometheus?;
                        self.burn_series(prometheus, &prometheus.queries(name).burn(windows.long())).await
                    });
                    self.rates(rates, series)
                }
                Asked::Unknown { why, at } => Asked::Unknown { why: why.clone(), at: *at },
                Asked::Never => Asked::Never,
            };
            Burn { windows, pointer: place.clone(), rates }
        };
        let (fast, middle, slow) = tokio::join!(one(Windows::Fast), one(Windows::Middle), one(Windows::Slow));
        vec![fast, middle, slow]
    }

    async fn datadog_budget(self, datadog: &datadog::Source, slo: &Asked<datadog::Slo>) -> Asked<Budget> {
        match slo {
            Asked::Known { value, .. } => {
                let told = self.inquiry.answered(datadog.budget(value, self.now).await);
                let left = 100.0 - self.limits.budget_spent_hold_percent;
                told.map(|budget| Budget {
                    spent_percent: budget.spent_percent(),
                    span: budget.timeframe.name().to_owned(),
                    series: Some(self.reading(Unit::Percents, budget.left_percent, left)),
                })
            }
            Asked::Unknown { why, at } => Asked::Unknown { why: why.clone(), at: *at },
            Asked::Never => Asked::Never,
        }
    }

    async fn datadog_p95(self, datadog: &datadog::Source) -> Asked<Latency> {
        let since = |from| async move {
            match &self.own.p95_seconds {
                Some(query) => datadog.series(query, from, self.now).await,
                None => datadog.p95(self.name, from, self.now).await,
            }
        };
        // The long series comes in coarse steps: how things are now is asked apart.
        let (long, recent) = tokio::join!(since(self.p95_from()), since(self.ago(HOUR)));
        let recent = recent.map(|told| match told {
            Fact::Known(series) => series.latest(self.now, P95_AGE_MAX),
            Fact::Unknown(why) => Fact::Unknown(why),
        });
        self.latency(long, recent)
    }

    async fn prometheus(self, prometheus: &prometheus::Source, name: &str) -> Telemetry {
        let queries = prometheus.queries(name);
        let place = |query: &str| pointer("prometheus_query", "prometheus", query, &prometheus.link(query));
        let burn = async |windows: Windows| {
            let query = queries.burn(windows.long());
            let (rates, series) =
                tokio::join!(prometheus.burn(name, windows, self.now), self.burn_series(prometheus, &query));
            Burn { windows, pointer: place(&query), rates: self.rates(rates, series) }
        };
        let p95 = self.own.p95_seconds.as_ref().unwrap_or(&queries.p95_seconds);
        let errors = &queries.error_rate;
        let (fast, middle, slow, (long, recent), errors_told) = tokio::join!(
            burn(Windows::Fast),
            burn(Windows::Middle),
            burn(Windows::Slow),
            async {
                tokio::join!(
                    prometheus.series(p95, self.p95_from(), self.now, P95_STEP),
                    prometheus.value(p95)
                )
            },
            prometheus.series(errors, self.ago(CHART_SPAN), self.now, CHART_STEP),
        );
        let errors_told = self.inquiry.answered(errors_told);
        Telemetry {
            burns: vec![fast, middle, slow],
            budget: None,
            p95: Some(Question { pointer: place(p95), answer: self.latency(long, recent) }),
            gauges: vec![self.errors(errors_told, place(errors))],
        }
    }

    /// How the burn went, where Prometheus records it: Datadog tells one number a window. It only shows the way here; the
    /// rates are the fact.
    async fn burn_series(self, prometheus: &prometheus::Source, query: &str) -> Option<Series> {
        let told = prometheus.series(query, self.ago(CHART_SPAN), self.now, CHART_STEP).await;
        let limit = Some(self.limits.burn_hold.to_string());
        told.ok().and_then(Fact::known).map(|series| Unit::Times.series(&series, limit))
    }

    /// One number as a series of one point: what is read live goes on from it.
    fn reading(self, unit: Unit, value: f64, limit: f64) -> Series {
        Series {
            unit: unit.word().to_owned(),
            from: self.ago(SignedDuration::from_secs(i64::from(READING_STEP_S))),
            step_s: READING_STEP_S,
            points: vec![Some(unit.text(value))],
            threshold: Some(limit.to_string()),
        }
    }

    fn rates(
        self,
        told: Result<Fact<platform::Burn>, PlatformError>,
        series: Option<Series>,
    ) -> Asked<Rates> {
        match self.inquiry.answered(told) {
            Asked::Known { value, at } if !(value.long.rate.is_finite() && value.short.rate.is_finite()) => {
                Asked::Unknown { why: "the burn is no number".to_owned(), at }
            }
            told => told.map(|burn| {
                let series = series
                    .unwrap_or_else(|| self.reading(Unit::Times, burn.long.rate, self.limits.burn_hold));
                Rates { long: burn.long.rate, short: burn.short.rate, series: Some(series) }
            }),
        }
    }

    fn latency(
        self,
        long: Result<Fact<platform::Series>, PlatformError>,
        recent: Result<Fact<platform::Sample>, PlatformError>,
    ) -> Asked<Latency> {
        let recent = match self.inquiry.answered(recent) {
            Asked::Known { value, .. } => value,
            Asked::Unknown { why, at } => return Asked::Unknown { why, at },
            Asked::Never => return Asked::Never,
        };
        if !recent.value.is_finite() {
            return Asked::Unknown { why: "p95 now is no number".to_owned(), at: self.inquiry.clock.now() };
        }
        self.inquiry.answered(long).map(|long| {
            let usual = latency::usual(&whole(&long, self.p95_from(), self.now), P95_DAYS as usize);
            let limit = self.limits.p95_limit_ms(usual).map(|limit| format!("{limit:.0}"));
            Latency {
                now_ms: recent.value * 1000.0,
                usual,
                days: P95_DAYS,
                series: Some(Unit::Milliseconds.series(&long, limit)),
            }
        })
    }

    fn errors(self, told: Asked<platform::Series>, place: Pointer) -> Gauge {
        let value = match told {
            Asked::Known { value, at } => match value.latest(self.now, P95_AGE_MAX) {
                Fact::Known(last) => {
                    let (unit, shown) = (Unit::Percent.word().to_owned(), Unit::Percent.text(last.value));
                    let series = Some(Unit::Percent.series(&value, None));
                    Asked::Known { value: Sample { value: shown, unit, series }, at }
                }
                Fact::Unknown(why) => Asked::Unknown { why, at },
            },
            Asked::Unknown { why, at } => Asked::Unknown { why, at },
            Asked::Never => Asked::Never,
        };
        Gauge { name: Measure::ErrorRate.name().to_owned(), pointer: place, hold_at: None, value }
    }

    fn p95_from(self) -> Timestamp {
        self.ago(SignedDuration::from_hours(24 * i64::from(P95_DAYS)))
    }

    fn ago(self, span: SignedDuration) -> Timestamp {
        self.now.checked_sub(span).unwrap_or(self.now)
    }
}

/// The points of a series over a whole span: what it leaves out at either end is a gap.
fn whole(series: &platform::Series, from: Timestamp, to: Timestamp) -> Vec<Option<f64>> {
    let step = i64::try_from(series.step.as_secs()).unwrap_or(i64::MAX).max(1);
    let steps = |span: SignedDuration| usize::try_from(span.as_secs() / step).unwrap_or(0);
    let (all, before) = (steps(to.duration_since(from)), steps(series.start.duration_since(from)));
    let mut points = vec![None; before];
    points.extend(&series.points);
    points.resize(all.max(points.len()), None);
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_series_leaves_out_is_a_gap() {
        let at = |hour: i64| Timestamp::from_second(3600 * hour).unwrap();
        let series = platform::Series {
            start: at(2),
            step: Duration::from_hours(1),
            points: vec![Some(1.0), None, Some(3.0)],
        };
        assert_eq!(whole(&series, at(0), at(7)), [None, None, Some(1.0), None, Some(3.0), None, None]);
        assert_eq!(whole(&series, at(2), at(5)), series.points);
    }
}
