//! Asks what runs and what is measured now. Each answer is dated; what one application does not say is unknown, and the
//! others are still told.
//!
//! Never: a write; a Secret; a number of another moment than now.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::steps::{Map, Number, Running, Workload, is_named};
use crate::{
    agent::{
        facts::Asked,
        inquiry::{Inquiry, Unit},
        scribe::{Config, config},
    },
    platform::{
        Fact,
        argocd::{self, Refresh},
    },
    row::{page::Outline, sync},
};

/// It is read whole no more often.
const READ_EVERY_S: i64 = 30;
/// Applications that are read for a live runbook.
const APPS_MAX: usize = 100;
/// A metric of Datadog's has a point that is no older.
const FRESH_FOR: Duration = Duration::from_secs(600);

/// What ArgoCD ran a moment ago, for every live runbook of that while: reading it whole takes a request for each
/// application.
#[derive(Debug, Default)]
pub(in crate::agent::scribe) struct Lately(tokio::sync::Mutex<Option<(Timestamp, Asked<Running>)>>);

impl Lately {
    /// As it is now, or was within [`READ_EVERY_S`]; dated by when it was read. Who asks while it is read waits for that.
    pub(in crate::agent::scribe) async fn running(&self, inquiry: &Inquiry<'_>) -> Asked<Running> {
        let mut last = self.0.lock().await;
        let now = inquiry.clock.now();
        if let Some((at, running)) = last.as_ref()
            && (0..READ_EVERY_S).contains(&now.duration_since(*at).as_secs())
        {
            return running.clone();
        }
        let running = running(inquiry).await;
        *last = Some((now, running.clone()));
        running
    }
}

/// What ArgoCD runs. A step may name any of it.
async fn running(inquiry: &Inquiry<'_>) -> Asked<Running> {
    let Some(argocd) = &inquiry.sources.argocd else { return Asked::Never };
    let apps = match argocd.applications().await {
        Ok(apps) => apps,
        Err(error) => return inquiry.unknown(&error),
    };
    let mut found = Running::default();
    if apps.len() > APPS_MAX {
        found.missing = Some(format!("there are {} applications; {APPS_MAX} are read", apps.len()));
    }
    for app in apps.into_iter().take(APPS_MAX) {
        match read(argocd, &app.key).await {
            Ok(reading) => found.take(&reading),
            Err(why) => found.missing = Some(why),
        }
    }
    let at = inquiry.clock.now();
    match found.missing {
        Some(why) if found.workloads.is_empty() && found.maps.is_empty() => Asked::Unknown { why, at },
        _ => Asked::Known { value: found, at },
    }
}

async fn read(argocd: &argocd::Source, app: &argocd::AppKey) -> Result<sync::Reading, String> {
    let reading = argocd.reading(app, Refresh::No).await;
    reading.map_err(|error| format!("{} could not be read: {error}", app.name))
}

impl Running {
    fn take(&mut self, reading: &sync::Reading) {
        for one in &reading.resources {
            let Some(object) = &one.live else { continue };
            let text = |pointer: &str| {
                object.pointer(pointer).and_then(serde_json::Value::as_str).map(str::to_owned)
            };
            match one.key.kind.as_str() {
                "Deployment" | "StatefulSet" | "DaemonSet" => self.workloads.push(Workload {
                    app: reading.app.clone(),
                    kind: one.key.kind.clone(),
                    name: one.key.name.clone(),
                    replicas: object.pointer("/spec/replicas").and_then(serde_json::Value::as_u64),
                    image: text("/spec/template/spec/containers/0/image"),
                    health: reading.health.clone(),
                    deployed_at: reading.operation_finished_at.clone(),
                }),
                "ConfigMap" => {
                    let data = object.pointer("/data").and_then(serde_json::Value::as_object);
                    let pairs = data.into_iter().flatten();
                    let values =
                        pairs.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())));
                    self.maps.push(Map { name: one.key.name.clone(), values: values.collect() });
                }
                _ => {}
            }
        }
    }
}

/// The numbers that some step names, as they are now: those of the config, and the service's own.
pub(in crate::agent::scribe) async fn numbers(
    inquiry: &Inquiry<'_>,
    config: &Config,
    service: &str,
    outline: &Outline,
) -> Vec<Number> {
    let mut numbers = Vec::new();
    for (name, of) in &config.numbers {
        let number = Number {
            name: name.clone(),
            called: vec![name.clone()],
            on_dashboard: false,
            value: Asked::Never,
        };
        if is_named(outline, &number) {
            numbers.push(Number { value: one(inquiry, of).await, ..number });
        }
    }
    let (Some(prometheus), Some(called)) =
        (&inquiry.sources.prometheus, config.incidents.prometheus.get(service))
    else {
        return numbers;
    };
    let queries = prometheus.queries(called);
    let own: [(&str, &[&str], String, Unit); 3] = [
        ("SLO burn", &["burn", "burns", "error budget", "SLO"], queries.burn_1h, Unit::Times),
        ("errors", &["error rate", "errors", "5xx"], queries.error_rate, Unit::Percent),
        ("p95", &["p95", "latency"], queries.p95_seconds, Unit::Milliseconds),
    ];
    for (name, phrases, query, unit) in own {
        let called = phrases.iter().map(|&phrase| phrase.to_owned()).collect();
        let number =
            Number { name: format!("{name} of {service}"), called, on_dashboard: true, value: Asked::Never };
        if is_named(outline, &number) {
            let value = inquiry.answered(prometheus.value(&query).await);
            numbers
                .push(Number { value: value.map(|sample| unit.text(sample.value) + unit.word()), ..number });
        }
    }
    numbers
}

/// One number of the config.
async fn one(inquiry: &Inquiry<'_>, of: &config::Number) -> Asked<String> {
    let now = inquiry.clock.now();
    let told = |value: f64| of.told(value);
    match &of.query {
        config::Query::Prometheus(query) => match &inquiry.sources.prometheus {
            Some(prometheus) => {
                inquiry.answered(prometheus.value(query).await).map(|sample| told(sample.value))
            }
            None => not_configured("prometheus", now),
        },
        config::Query::Datadog(query) => match &inquiry.sources.datadog {
            Some(datadog) => {
                let from = now
                    .saturating_sub(SignedDuration::try_from(FRESH_FOR).unwrap_or_default())
                    .unwrap_or(now);
                let series = datadog.series(query, from, now).await;
                let newest = series.map(|series| match series {
                    Fact::Known(series) => series.latest(now, FRESH_FOR),
                    Fact::Unknown(why) => Fact::Unknown(why),
                });
                inquiry.answered(newest).map(|sample| told(sample.value))
            }
            None => not_configured("datadog", now),
        },
    }
}

fn not_configured<T>(platform: &str, at: jiff::Timestamp) -> Asked<T> {
    Asked::Unknown { why: format!("there is no [platforms.{platform}]"), at }
}
