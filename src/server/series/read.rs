//! Reading one pane from its platform, with the backend's own reading credentials.
//!
//! Never: waits for a platform longer than a console waits for us; a number where the platform gave none.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{
    super::app::App,
    panes::{AppName, Ask, Unit, Wanted},
};
use crate::{
    platform::{Fact, Platform, PlatformError, Window, Windows, argocd, datadog},
    row::{Pointer, Series},
};

/// How long a platform has. Consoles wait for 20 s.
const WITHIN: Duration = Duration::from_secs(8);
/// The distance of points that are single readings.
const READING_STEP_S: u32 = 30;

/// Between which times is looked, both on whole steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Between {
    pub(super) from: Timestamp,
    pub(super) until: Timestamp,
    pub(super) step_s: u32,
    /// It ends now.
    pub(super) live: bool,
}

/// What a platform gave for one pane.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Got {
    pub(super) pointer: Pointer,
    pub(super) series: Result<Series, String>,
}

/// For how long an answer is given again.
pub(super) fn cadence(ask: &Ask) -> SignedDuration {
    SignedDuration::from_secs(match ask {
        Ask::Prometheus(_) | Ask::Nobody(..) => 10,
        // Dozens of consoles of one team stay far below Datadog's limits with these.
        Ask::DatadogErrors(_) | Ask::DatadogP95(_) | Ask::Ready(_) => 30,
        Ask::DatadogBudget(_) | Ask::DatadogBurn(..) => 60,
    })
}

/// How old the last point may be, in seconds: what is measured every minute, and what is read one number at a time.
pub(super) fn budget_s(ask: &Ask) -> u32 {
    match ask {
        Ask::Prometheus(_) | Ask::Ready(_) | Ask::Nobody(..) => 300,
        Ask::DatadogErrors(_) | Ask::DatadogP95(_) | Ask::DatadogBudget(_) | Ask::DatadogBurn(..) => 600,
    }
}

/// Asks the platform. `before` is what it gave the last time.
pub(super) async fn read(app: &App, wanted: &Wanted, between: Between, before: Option<Got>) -> Got {
    let read = async {
        match &wanted.ask {
            Ask::Prometheus(query) => of_prometheus(app, query, wanted.unit, between).await,
            Ask::DatadogErrors(name) | Ask::DatadogP95(name) => {
                of_datadog(app, &wanted.ask, name, wanted.unit, between).await
            }
            Ask::DatadogBudget(slo) => {
                one_number(app, between, of_slo(app, slo, None).await, wanted.unit, before)
            }
            Ask::DatadogBurn(slo, window) => {
                one_number(app, between, of_slo(app, slo, Some(*window)).await, wanted.unit, before)
            }
            Ask::Ready(name) => {
                let read = ready(app, name).await;
                let (number, desired) = match read.1 {
                    Ok((ready, desired)) => (Ok(ready), Some(desired)),
                    Err(why) => (Err(why), None),
                };
                let mut got = one_number(app, between, (read.0, number), wanted.unit, before);
                if let (Ok(series), Some(desired)) = (&mut got.series, desired) {
                    series.threshold = Some(wanted.unit.text(desired));
                }
                got
            }
            Ask::Nobody(platform, why) => {
                Got { pointer: pointer(platform, "configuration", "", ""), series: Err(why.clone()) }
            }
        }
    };
    let mut got = tokio::time::timeout(WITHIN, read).await.unwrap_or_else(|_| Got {
        pointer: no_pointer(&wanted.ask),
        series: Err(format!("no answer within {} s", WITHIN.as_secs())),
    });
    if let (Ok(series), Some(threshold)) = (&mut got.series, &wanted.threshold) {
        series.threshold = Some(threshold.clone());
    }
    got
}

impl Ask {
    fn platform(&self) -> &'static str {
        match self {
            Self::Prometheus(_) => Platform::Prometheus.name(),
            Self::DatadogErrors(_) | Self::DatadogP95(_) | Self::DatadogBudget(_) | Self::DatadogBurn(..) => {
                Platform::Datadog.name()
            }
            Self::Ready(_) => Platform::ArgoCd.name(),
            Self::Nobody(platform, _) => platform,
        }
    }

    /// The pointer's type.
    fn typed(&self) -> &'static str {
        match self {
            Self::Prometheus(_) => "prometheus_query",
            Self::DatadogErrors(_) | Self::DatadogP95(_) => "datadog_query",
            Self::DatadogBudget(_) | Self::DatadogBurn(..) => "datadog_slo",
            Self::Ready(_) => "argocd_application",
            Self::Nobody(..) => "configuration",
        }
    }

    fn reference(&self) -> String {
        match self {
            Self::Prometheus(query) => query.clone(),
            Self::DatadogErrors(name) => format!("errors of {name}"),
            Self::DatadogP95(name) => format!("p95 of {name}"),
            Self::DatadogBudget(slo) | Self::DatadogBurn(slo, _) => slo.clone(),
            Self::Ready(app) => app.name.clone(),
            Self::Nobody(..) => String::new(),
        }
    }
}

/// For what was not asked at all.
pub(super) fn no_pointer(ask: &Ask) -> Pointer {
    pointer(ask.platform(), ask.typed(), &ask.reference(), "")
}

fn pointer(platform: &str, name: &str, reference: &str, url: &str) -> Pointer {
    Pointer {
        name: name.to_owned(),
        platform: platform.to_owned(),
        reference: reference.to_owned(),
        url: url.to_owned(),
    }
}

async fn of_prometheus(app: &App, query: &str, unit: Unit, between: Between) -> Got {
    let Some(prometheus) = &app.sources.prometheus else { return not_configured(Platform::Prometheus) };
    let step = Duration::from_secs(u64::from(between.step_s));
    let read = prometheus.series(query, between.from, between.until, step).await;
    Got {
        pointer: pointer("prometheus", "prometheus_query", query, &prometheus.link(query)),
        series: series(said(read), unit, between),
    }
}

async fn of_datadog(app: &App, ask: &Ask, name: &str, unit: Unit, between: Between) -> Got {
    let Some(datadog) = &app.sources.datadog else { return not_configured(Platform::Datadog) };
    let read = match ask {
        Ask::DatadogErrors(_) => datadog.error_rate(name, between.from, between.until).await,
        _ => datadog.p95(name, between.from, between.until).await,
    };
    Got {
        pointer: pointer(ask.platform(), ask.typed(), &ask.reference(), ""),
        series: series(said(read), unit, between),
    }
}

/// A number that rests on an SLO, with the SLO's page: its burn over a window, or what is left of its budget.
async fn of_slo(app: &App, id: &str, window: Option<Window>) -> (Pointer, Result<f64, String>) {
    let Some(datadog) = &app.sources.datadog else {
        return (pointer("datadog", "configuration", "", ""), Err(missing(Platform::Datadog)));
    };
    let slo = match said(datadog.slo(id).await) {
        Ok(slo) => slo,
        Err(why) => return (pointer("datadog", "datadog_slo", id, ""), Err(why)),
    };
    let url = datadog.link(&slo).unwrap_or_default();
    let now = app.clock.now();
    let read = match window {
        Some(window) => burn(datadog, &slo, window, now).await,
        None => datadog.budget(&slo, now).await.map(|read| read.map(|budget| budget.left_percent)),
    };
    (pointer("datadog", "datadog_slo", id, &url), said(read))
}

async fn burn(
    datadog: &datadog::Source,
    slo: &datadog::Slo,
    window: Window,
    now: Timestamp,
) -> Result<Fact<f64>, PlatformError> {
    let pair = |windows: &Windows| windows.short() == window || windows.long() == window;
    let windows = Windows::ALL.into_iter().find(pair).unwrap_or(Windows::Fast);
    let read = datadog.burn(slo, windows, now).await?;
    Ok(read.map(|burn| if windows.short() == window { burn.short.rate } else { burn.long.rate }))
}

/// Ready and wanted replicas over everything that has replicas.
async fn ready(app: &App, name: &AppName) -> (Pointer, Result<(f64, f64), String>) {
    let Some(argocd) = &app.sources.argocd else {
        return (pointer("argocd", "configuration", "", ""), Err(missing(Platform::ArgoCd)));
    };
    let pointer = pointer("argocd", "argocd_application", &name.name, &argocd.link(&name.key()));
    let counted = match argocd.managed_resources(&name.key()).await {
        Ok(resources) => replicas(&resources),
        Err(error) => Err(error.sentence()),
    };
    (pointer, counted)
}

/// Kubernetes leaves out what is zero; without a status at all nothing is known.
fn replicas(resources: &[argocd::ManagedResource]) -> Result<(f64, f64), String> {
    let number = |value: Option<&serde_json::Value>| value.and_then(serde_json::Value::as_f64);
    let (mut ready, mut desired, mut any) = (0.0, 0.0, false);
    for resource in resources {
        if !matches!(resource.key.kind.as_str(), "Deployment" | "StatefulSet" | "Rollout") {
            continue;
        }
        let Some(live) = &resource.live else { continue };
        let name = &resource.key.name;
        let status = live.get("status").ok_or_else(|| format!("{name} has no status"))?;
        any = true;
        ready += number(status.get("readyReplicas")).unwrap_or(0.0);
        desired += number(live.pointer("/spec/replicas")).unwrap_or(1.0);
    }
    if any { Ok((ready, desired)) } else { Err("nothing of it has replicas".to_owned()) }
}

/// The reading as the newest point behind those that were read before.
fn one_number(
    app: &App,
    between: Between,
    (pointer, read): (Pointer, Result<f64, String>),
    unit: Unit,
    before: Option<Got>,
) -> Got {
    if !between.live {
        return Got { pointer, series: Err("is read as it is now; what it was is not kept".to_owned()) };
    }
    let before = before.and_then(|got| got.series.ok());
    let series = read.map(|value| extended(before, app.clock.now(), &unit.text(value), unit.word()));
    Got { pointer, series }
}

/// One reading more; times in which nobody asked are gaps.
fn extended(before: Option<Series>, at: Timestamp, value: &str, unit: &str) -> Series {
    let step = i64::from(READING_STEP_S);
    let slot = at.as_second().div_euclid(step);
    let begin = || Series {
        unit: unit.to_owned(),
        from: Timestamp::from_second(slot * step).unwrap_or(at),
        step_s: READING_STEP_S,
        points: Vec::new(),
        threshold: None,
    };
    let mut series = before.unwrap_or_else(begin);
    let wanted = slot - series.from.as_second().div_euclid(step);
    let Some(index) = usize::try_from(wanted).ok().filter(|index| *index < Series::POINTS_MAX * 2) else {
        series = begin();
        series.points.push(Some(value.to_owned()));
        return series;
    };
    if series.points.len() <= index {
        series.points.resize(index + 1, None);
    }
    series.points[index] = Some(value.to_owned());
    let over = series.points.len().saturating_sub(Series::POINTS_MAX);
    series.points.drain(..over);
    let moved = SignedDuration::from_secs(step * i64::try_from(over).unwrap_or(0));
    series.from = series.from.saturating_add(moved).unwrap_or(series.from);
    series
}

/// The platform's series as it travels: no point beyond the span, numbers in the unit.
fn series(
    read: Result<crate::platform::Series, String>,
    unit: Unit,
    between: Between,
) -> Result<Series, String> {
    let read = read?;
    let step_s = u32::try_from(read.step.as_secs()).unwrap_or(u32::MAX).max(1);
    let (step_s, points) =
        if read.points.len() > Series::POINTS_MAX { thinned(&read, between) } else { (step_s, read.points) };
    Ok(Series {
        unit: unit.word().to_owned(),
        from: read.start,
        step_s,
        points: points.into_iter().map(|point| point.map(|value| unit.text(value))).collect(),
        threshold: None,
    })
}

/// A platform that chose a finer step than was asked for: the largest of each of our steps.
fn thinned(read: &crate::platform::Series, between: Between) -> (u32, Vec<Option<f64>>) {
    let count = Series::POINTS_MAX - 1;
    let chunk = read.points.len().div_ceil(count).max(1);
    let points: Vec<Option<f64>> =
        read.points.chunks(chunk).map(|some| some.iter().flatten().copied().reduce(f64::max)).collect();
    let step = read.step.as_secs().saturating_mul(u64::try_from(chunk).unwrap_or(1));
    (u32::try_from(step).unwrap_or(between.step_s).max(1), points)
}

fn said<T>(read: Result<Fact<T>, PlatformError>) -> Result<T, String> {
    match read {
        Ok(Fact::Known(value)) => Ok(value),
        Ok(Fact::Unknown(why)) => Err(why),
        Err(error) => Err(error.sentence()),
    }
}

fn not_configured(platform: Platform) -> Got {
    Got { pointer: pointer(platform.name(), "configuration", "", ""), series: Err(missing(platform)) }
}

fn missing(platform: Platform) -> String {
    format!("the backend is not configured to read {}", platform.title())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn some(points: &[Option<&str>]) -> Vec<Option<String>> {
        points.iter().map(|point| point.map(str::to_owned)).collect()
    }

    #[test]
    fn readings_become_a_series_with_gaps_where_nobody_asked() {
        let first = extended(None, at(3_010), "4", " pods");
        assert_eq!((first.from, first.points.clone()), (at(3_000), some(&[Some("4")])));
        let again = extended(Some(first), at(3_029), "3", " pods");
        assert_eq!(again.points, some(&[Some("3")]), "one slot, one reading");
        let later = extended(Some(again), at(3_095), "2", " pods");
        assert_eq!(later.points, some(&[Some("3"), None, None, Some("2")]));
        let long = extended(Some(later), at(3_000 + 30 * 300), "1", " pods");
        assert_eq!((long.points.len(), long.from), (Series::POINTS_MAX, at(3_000 + 30 * 61)));
        assert_eq!(long.points.last(), Some(&Some("1".to_owned())));
        let back = extended(Some(long), at(60), "9", " pods");
        assert_eq!((back.from, back.points.clone()), (at(60), some(&[Some("9")])));
        let days = extended(Some(back), at(900_000), "8", " pods");
        assert_eq!(days.points, some(&[Some("8")]));
    }

    #[test]
    fn a_finer_series_keeps_its_peaks_and_its_gaps() {
        let mut points = vec![Some(1.0); 1_000];
        points[501] = Some(9.0);
        for point in &mut points[900..950] {
            *point = None;
        }
        let read = crate::platform::Series { start: at(0), step: Duration::from_secs(10), points };
        let between = Between { from: at(0), until: at(10_000), step_s: 60, live: true };
        let series = series(Ok(read), Unit::Times, between).unwrap();
        assert!(series.points.len() <= Series::POINTS_MAX);
        assert_eq!(series.step_s, 50);
        assert!(series.points.contains(&Some("9".to_owned())) && series.points.contains(&None));
    }
}
