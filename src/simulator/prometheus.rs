//! Prometheus' HTTP API over recording rules of the services: plain selectors and their `timestamp()`, instant and over a
//! range; with gaps, empty vectors, `NaN` and its own errors.
//!
//! Never: PromQL beyond a selector with equality matchers (that is a parse error here), a series for what nobody measures.

use axum::{
    Json, Router,
    extract::{Query, Request, State},
    http::StatusCode,
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Site,
    telemetry::SCRAPE_S,
    world::{State as WorldState, World},
};

const POINTS_MAX: i64 = 11_000;
type Answer = Result<Json<Value>, Refusal>;

struct Refusal(StatusCode, &'static str, String);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, Json(json!({"status": "error", "errorType": self.1, "error": self.2}))).into_response()
    }
}

fn bad(why: &str) -> Refusal {
    Refusal(StatusCode::BAD_REQUEST, "bad_data", why.to_owned())
}

pub(super) fn router(world: World) -> Router {
    Router::new()
        .route("/-/ready", get(async || "Prometheus Server is Ready.\n"))
        .route("/api/v1/query", get(query))
        .route("/api/v1/query_range", get(query_range))
        .route("/api/v1/rules", get(rules))
        .route("/api/v1/status/buildinfo", get(buildinfo))
        .fallback(async || (StatusCode::NOT_FOUND, "404 page not found\n"))
        .layer(middleware::from_fn_with_state(world.clone(), proxy))
        .with_state(world)
}

/// The proxy before it, which asks for a bearer.
async fn proxy(State(world): State<World>, request: Request, next: Next) -> Response {
    if super::bearer(request.headers()) != Some(world.token(Site::Prometheus).as_str()) {
        return (StatusCode::UNAUTHORIZED, "Unauthorized\n").into_response();
    }
    next.run(request).await
}

/// What a rule's name means.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Metric {
    ErrorRate,
    P95,
    Requests,
    /// The share of the month's error budget that is left.
    BudgetLeft,
    /// Error budget spent, as a multiple of the even pace, over so many seconds.
    Burn(f64),
}

#[derive(Debug, PartialEq)]
struct Selector {
    metric: String,
    labels: Vec<(String, String)>,
    /// Its samples' times are asked for, not their values.
    is_timestamp: bool,
}

/// `name{label="value",…}`, perhaps in `timestamp(…)`.
fn parse(query: &str) -> Result<Selector, Refusal> {
    let error = || bad(&format!("invalid parameter \"query\": 1:1: parse error: unexpected {query:?}"));
    let inner = query.trim().strip_prefix("timestamp(").and_then(|inner| inner.strip_suffix(')'));
    let is_timestamp = inner.is_some();
    let plain = inner.unwrap_or(query.trim());
    let (metric, rest) = plain.split_once('{').unwrap_or((plain, "}"));
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':');
    if metric.is_empty() || !metric.chars().all(good) {
        return Err(error());
    }
    let inner = rest.strip_suffix('}').ok_or_else(error)?;
    let pairs = inner.split(',').filter(|pair| !pair.trim().is_empty());
    let labels = pairs.map(|pair| {
        let (name, value) = pair.split_once('=').ok_or_else(error)?;
        let value =
            value.trim().strip_prefix('"').and_then(|value| value.strip_suffix('"')).ok_or_else(error)?;
        Ok((name.trim().to_owned(), value.to_owned()))
    });
    let labels = labels.collect::<Result<_, Refusal>>()?;
    Ok(Selector { metric: metric.to_owned(), labels, is_timestamp })
}

/// The services that a selector means, each with what it measures.
fn chosen(state: &WorldState, selector: &Selector) -> Vec<(String, Metric)> {
    let label = |name: &str| selector.labels.iter().find(|(label, _)| label == name);
    let window = label("window").map(|(_, window)| window.as_str());
    let metric = match (selector.metric.as_str(), window) {
        ("service:request_errors:ratio_rate5m", None) => Metric::ErrorRate,
        ("service:request_duration_seconds:p95_5m", None) => Metric::P95,
        ("service:requests:rate5m", None) => Metric::Requests,
        ("service:slo_budget_left:ratio30d", None) => Metric::BudgetLeft,
        ("service:slo_burn:ratio_rate5m", None) | ("service:slo_burn:ratio", Some("5m")) => {
            Metric::Burn(300.0)
        }
        ("service:slo_burn:ratio_rate30m", None) | ("service:slo_burn:ratio", Some("30m")) => {
            Metric::Burn(1_800.0)
        }
        ("service:slo_burn:ratio_rate1h", None) | ("service:slo_burn:ratio", Some("1h")) => {
            Metric::Burn(3_600.0)
        }
        ("service:slo_burn:ratio_rate6h", None) | ("service:slo_burn:ratio", Some("6h")) => {
            Metric::Burn(21_600.0)
        }
        ("service:slo_burn:ratio_rate3d", None) | ("service:slo_burn:ratio", Some("3d")) => {
            Metric::Burn(259_200.0)
        }
        _ => return vec![],
    };
    let wanted = |service: &str| {
        selector.labels.iter().all(|(name, value)| match name.as_str() {
            "service" => value == service,
            other => other == "window",
        })
    };
    let services = state.services().filter(|name| state.telemetry.contains_key(*name) && wanted(name));
    services.map(|name| (name.clone(), metric)).collect()
}

/// The value at a time. `None`: not scraped.
fn value(state: &WorldState, service: &str, metric: Metric, at: i64) -> Option<f64> {
    if !state.is_scraped(service, at) {
        return None;
    }
    match metric {
        Metric::ErrorRate => state.error_rate(service, at),
        Metric::P95 => state.p95(service, at),
        Metric::Requests => state.request_rate(service, at),
        Metric::BudgetLeft => state.budget_left(service, at),
        Metric::Burn(window) => state.burn_over(service, at, window),
    }
}

#[derive(Deserialize)]
struct Instant {
    query: Option<String>,
    time: Option<String>,
}

async fn query(State(world): State<World>, Query(asked): Query<Instant>) -> Answer {
    let selector = parse(&asked.query.ok_or_else(|| bad("no query"))?)?;
    let at = match asked.time {
        Some(text) => second(&text).ok_or_else(|| bad("invalid parameter \"time\""))?,
        None => world.now().as_second(),
    };
    world.read(|state| {
        let samples = chosen(state, &selector).into_iter().filter_map(|(service, metric)| {
            // A missed scrape is bridged by the one before, up to five minutes back.
            let (taken, found) = (0..5).find_map(|back| {
                let at = at - back * SCRAPE_S;
                Some((at.div_euclid(SCRAPE_S) * SCRAPE_S, value(state, &service, metric, at)?))
            })?;
            let found = if selector.is_timestamp { taken as f64 } else { found };
            Some(json!({"metric": labels(&selector, &service), "value": [at, found.to_string()]}))
        });
        let result: Vec<Value> = samples.collect();
        Ok(Json(json!({"status": "success", "data": {"resultType": "vector", "result": result}})))
    })
}

#[derive(Deserialize)]
struct Range {
    query: Option<String>,
    start: Option<String>,
    end: Option<String>,
    step: Option<String>,
}

async fn query_range(State(world): State<World>, Query(asked): Query<Range>) -> Answer {
    let selector = parse(&asked.query.ok_or_else(|| bad("no query"))?)?;
    let number = |name: &str, text: Option<String>| {
        text.as_deref().and_then(second).ok_or_else(|| bad(&format!("invalid parameter {name:?}")))
    };
    let (start, end) = (number("start", asked.start)?, number("end", asked.end)?);
    let step = number("step", asked.step)?;
    if end < start {
        return Err(bad("invalid parameter \"end\": end timestamp must not be before start time"));
    }
    if step <= 0 {
        return Err(bad(
            "invalid parameter \"step\": zero or negative query resolution step widths are not accepted",
        ));
    }
    if (end - start) / step >= POINTS_MAX {
        return Err(bad(
            "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution",
        ));
    }
    world.read(|state| {
        let count = (end - start) / step + 1;
        let series = chosen(state, &selector).into_iter().filter_map(|(service, metric)| {
            let times = (0..count).map(|index| start + index * step);
            let points: Vec<Value> = times
                .filter_map(|at| value(state, &service, metric, at).map(|v| json!([at, v.to_string()])))
                .collect();
            (!points.is_empty()).then(|| json!({"metric": labels(&selector, &service), "values": points}))
        });
        let result: Vec<Value> = series.collect();
        Ok(Json(json!({"status": "success", "data": {"resultType": "matrix", "result": result}})))
    })
}

async fn rules(State(world): State<World>) -> Json<Value> {
    let at = world.now().to_string();
    let rule = |name: &str| json!({"name": name, "type": "recording", "health": "ok", "lastEvaluation": at, "query": format!("sum({name})")});
    let names = ["service:request_errors:ratio_rate5m", "service:slo_burn:ratio_rate1h"];
    let rules: Vec<Value> = names.into_iter().map(rule).collect();
    Json(json!({"status": "success", "data": {"groups": [{"name": "slo", "interval": 60, "rules": rules}]}}))
}

async fn buildinfo() -> Json<Value> {
    Json(
        json!({"status": "success", "data": {"version": "3.5.0", "revision": "8be3a9560fbdd18a94dedec4b747c35178177202"}}),
    )
}

fn labels(selector: &Selector, service: &str) -> Value {
    json!({"__name__": selector.metric, "service": service})
}

/// A time or a duration: seconds, or RFC 3339.
fn second(text: &str) -> Option<i64> {
    let number =
        text.parse::<f64>().ok().and_then(|number| jiff::SignedDuration::try_from_secs_f64(number).ok());
    number
        .map(|duration| duration.as_secs())
        .or_else(|| text.parse::<Timestamp>().ok().map(Timestamp::as_second))
}
