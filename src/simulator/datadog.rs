//! Datadog's API, the reading part: SLOs with their history, monitors, metric queries; two keys, its rate-limit headers,
//! its errors.
//!
//! Never: a write; a metric query beyond the two that services have (any other well-formed one finds nothing).

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, Query, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Site, manifest,
    meter::{Meter, Reading},
    telemetry::{BUDGET_DAYS, SCRAPE_S, TARGET},
    world::{State as WorldState, World},
};

const TIMEFRAME: &str = "30d";
const MINUTE_MS: i64 = 60_000;
const HOUR_S: i64 = 3_600;
/// Requests a minute, under each of the names below.
const REQUESTS_PER_MINUTE: u32 = 600;
const PAGE: usize = 100;
const PAGE_MAX: usize = 1_000;
/// Parts of a history.
const PARTS: i64 = 24;
/// From which burn over an hour a service's monitor warns and alerts.
const WARNS: f64 = 3.0;
const ALERTS: f64 = 14.4;

type Answer = Result<Json<Value>, Refusal>;

struct Refusal(StatusCode, String);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, Json(json!({"errors": [self.1]}))).into_response()
    }
}

fn bad(why: &str) -> Refusal {
    Refusal(StatusCode::BAD_REQUEST, why.to_owned())
}

pub(super) fn router(world: World) -> Router {
    let meter = Arc::new(Meter::new(REQUESTS_PER_MINUTE, MINUTE_MS));
    Router::new()
        .route("/api/v1/validate", get(async || Json(json!({"valid": true}))))
        .route("/api/v1/slo", get(slos))
        .route("/api/v1/slo/{id}", get(slo))
        .route("/api/v1/slo/{id}/history", get(history))
        .route("/api/v1/monitor", get(monitors))
        .route("/api/v1/query", get(query))
        .fallback(async || Refusal(StatusCode::NOT_FOUND, "Not found".to_owned()))
        .layer(middleware::from_fn_with_state((world.clone(), meter), at_the_door))
        .with_state(world)
}

/// Both keys, then the count. `validate` asks for the first key alone.
async fn at_the_door(
    State((world, meter)): State<(World, Arc<Meter>)>,
    request: Request,
    next: Next,
) -> Response {
    if let Some(why) = refused(&world, request.headers(), request.uri().path()) {
        return Refusal(StatusCode::FORBIDDEN, why.to_owned()).into_response();
    }
    let name = match request.uri().path() {
        path if path.ends_with("/history") => "slo_history",
        path if path.starts_with("/api/v1/query") => "query",
        path if path.starts_with("/api/v1/monitor") => "monitor",
        _ => "slo",
    };
    let reading = meter.count(name, world.now());
    let mut response = if reading.taken {
        next.run(request).await
    } else {
        Refusal(StatusCode::TOO_MANY_REQUESTS, "Rate limit exceeded".to_owned()).into_response()
    };
    response.headers_mut().extend(limits(name, reading));
    response
}

fn refused(world: &World, headers: &HeaderMap, path: &str) -> Option<&'static str> {
    let sent = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    match sent("dd-api-key") {
        None => Some("API key required"),
        Some(key) if key != world.token(Site::Datadog) => Some("Forbidden"),
        Some(_) if path == "/api/v1/validate" => None,
        Some(_) if sent("dd-application-key") == Some(&world.datadog_application_key()) => None,
        Some(_) => Some("Forbidden"),
    }
}

/// `Reset` counts seconds until, in whole ones.
fn limits(name: &'static str, reading: Reading) -> HeaderMap {
    let number = |value: u32| HeaderValue::from(value);
    let whole = HeaderValue::from_str(&format!("{:.0}", reading.reset_s.ceil())).unwrap_or(number(60));
    let pairs = [
        ("x-ratelimit-name", HeaderValue::from_static(name)),
        ("x-ratelimit-limit", number(reading.limit)),
        ("x-ratelimit-period", number(60)),
        ("x-ratelimit-remaining", number(reading.remaining)),
        ("x-ratelimit-reset", whole),
    ];
    pairs.into_iter().map(|(name, value)| (HeaderName::from_static(name), value)).collect()
}

/// An SLO's id: 32 hexadecimal digits, by the service's name.
pub(super) fn slo_id(service: &str) -> String {
    manifest::uid(&format!("slo {service}")).replace('-', "")
}

fn slo_json(service: &str) -> Value {
    let threshold = json!({"timeframe": TIMEFRAME, "target": TARGET, "target_display": "99.9", "warning": 99.95,
        "warning_display": "99.95"});
    json!({"id": slo_id(service), "name": format!("{service} availability"), "tags": [format!("service:{service}")],
        "monitor_tags": [], "thresholds": [threshold], "type": "metric", "type_id": 1, "description": "",
        "timeframe": TIMEFRAME, "target_threshold": TARGET, "warning_threshold": 99.95,
        "query": {"numerator": format!("sum:trace.http.request.ok{{service:{service}}}.as_count()"),
            "denominator": format!("sum:trace.http.request.hits{{service:{service}}}.as_count()")},
        "created_at": 1_735_689_600, "modified_at": 1_755_841_000})
}

fn service_of<'s>(state: &'s WorldState, id: &str) -> Result<&'s String, Refusal> {
    let found = state.services().find(|service| slo_id(service) == id);
    found.ok_or_else(|| Refusal(StatusCode::NOT_FOUND, format!("SLO not found: {id} not found")))
}

#[derive(Deserialize)]
struct Sought {
    ids: Option<String>,
    tags_query: Option<String>,
    limit: Option<usize>,
    offset: Option<usize>,
}

async fn slos(State(world): State<World>, Query(sought): Query<Sought>) -> Answer {
    let limit = sought.limit.unwrap_or(PAGE_MAX).min(PAGE_MAX);
    world.read(|state| {
        let ids: Option<Vec<&str>> = sought.ids.as_deref().map(|ids| ids.split(',').collect());
        let wanted = |service: &&String| {
            ids.as_ref().is_none_or(|ids| ids.contains(&slo_id(service).as_str()))
                && sought.tags_query.as_deref().is_none_or(|tag| tag == format!("service:{service}"))
        };
        let all: Vec<Value> = state.services().filter(wanted).map(|service| slo_json(service)).collect();
        let total = all.len();
        let data: Vec<Value> = all.into_iter().skip(sought.offset.unwrap_or(0)).take(limit).collect();
        let page = json!({"total_count": state.services().count(), "total_filtered_count": total});
        Ok(Json(json!({"data": data, "error": null, "metadata": {"page": page}})))
    })
}

async fn slo(State(world): State<World>, Path(id): Path<String>) -> Answer {
    world.read(|state| Ok(Json(json!({"data": slo_json(service_of(state, &id)?), "error": null}))))
}

#[derive(Deserialize)]
struct Span {
    from_ts: Option<i64>,
    to_ts: Option<i64>,
    target: Option<f64>,
}

async fn history(State(world): State<World>, Path(id): Path<String>, Query(span): Query<Span>) -> Answer {
    let (Some(from), Some(to)) = (span.from_ts, span.to_ts) else {
        return Err(bad("from_ts and to_ts are required"));
    };
    if to <= from {
        return Err(bad("to_ts must be after from_ts"));
    }
    world.read(|state| {
        let service = service_of(state, &id)?;
        let step = ((to - from) / PARTS).max(SCRAPE_S);
        let times: Vec<i64> = (from..to).step_by(usize::try_from(step).unwrap_or(1)).collect();
        let parts: Vec<_> = times
            .iter()
            .map(|at| state.events(service, *at as f64, (*at + step).min(to) as f64))
            .collect();
        let series = |values: Vec<f64>| json!({"sum": values.iter().sum::<f64>(), "count": values.len(), "values": values});
        let (good, all): (Vec<f64>, Vec<f64>) = parts.iter().map(|part| (part.good, part.all)).unzip();
        let overall = overall(good.iter().sum(), all.iter().sum(), span.target);
        Ok(Json(json!({
            "data": {
                "from_ts": from, "to_ts": to, "type": "metric", "type_id": 1, "slo": slo_json(service), "group_by": [],
                "thresholds": {TIMEFRAME: {"timeframe": TIMEFRAME, "target": TARGET, "target_display": "99.9"}},
                "series": {"resp_version": 2, "res_type": "time_series", "interval": step, "query": "good, all",
                    "times": times.iter().map(|at| *at as f64 * 1000.0).collect::<Vec<_>>(),
                    "numerator": series(good), "denominator": series(all)},
                "overall": overall,
            },
            "errors": null,
        })))
    })
}

/// What a window comes to. Without an event it comes to nothing.
fn overall(good: f64, all: f64, target: Option<f64>) -> Value {
    if all == 0.0 {
        let error = json!({"error_message": "The denominator is zero valued", "error_type": "ZERO_VALUED_DENOMINATOR"});
        return json!({"errors": [error], "sli_value": null, "span_precision": 2, "precision": {TIMEFRAME: 0},
            "uptime": null, "corrections": [], "state": "no_data"});
    }
    let sli = 100.0 * good / all;
    let left = |target: f64| 100.0 * (1.0 - (100.0 - sli) / (100.0 - target));
    let mut budget = json!({TIMEFRAME: left(TARGET)});
    if let Some(target) = target {
        budget["custom"] = json!(left(target));
    }
    json!({"errors": [], "sli_value": sli, "span_precision": 2, "precision": {TIMEFRAME: 2}, "uptime": sli,
        "corrections": [], "error_budget_remaining": budget, "state": if sli < TARGET { "breached" } else { "ok" }})
}

#[derive(Deserialize)]
struct Watched {
    monitor_tags: Option<String>,
    page: Option<usize>,
    page_size: Option<usize>,
    group_states: Option<String>,
}

async fn monitors(State(world): State<World>, Query(asked): Query<Watched>) -> Answer {
    let known = ["all", "alert", "warn", "no data"];
    if asked.group_states.is_some_and(|states| !states.split(',').all(|state| known.contains(&state))) {
        return Err(bad("Invalid group_state filters."));
    }
    let size = asked.page_size.unwrap_or(PAGE).min(PAGE_MAX);
    let at = world.now();
    world.read(|state| {
        let wanted = |service: &&String| {
            asked.monitor_tags.as_deref().is_none_or(|tag| tag == format!("service:{service}"))
        };
        let all = state.services().filter(wanted).map(|service| monitor_json(state, service, at));
        let skipped = asked.page.unwrap_or(0).saturating_mul(size);
        Ok(Json(all.skip(skipped).take(size).collect()))
    })
}

fn monitor_json(state: &WorldState, service: &str, at: Timestamp) -> Value {
    let id = manifest::uid(&format!("monitor {service}"))
        .bytes()
        .fold(0_u32, |id, byte| id.wrapping_mul(31).wrapping_add(u32::from(byte)));
    let overall = match state.burn_over(service, at.as_second(), 3_600.0) {
        None => "No Data",
        Some(burn) if burn >= ALERTS => "Alert",
        Some(burn) if burn >= WARNS => "Warn",
        Some(_) => "OK",
    };
    let silenced = if state.is_muted(service) { json!({"*": null}) } else { json!({}) };
    json!({"id": id, "name": format!("{service} burns its error budget"), "type": "slo alert",
        "query": format!("burn_rate(\"{}\").over(\"{BUDGET_DAYS}d\").long_window(\"1h\").short_window(\"5m\") > {ALERTS}", slo_id(service)),
        "tags": [format!("service:{service}")], "overall_state": overall, "overall_state_modified": null,
        "options": {"silenced": silenced, "notify_no_data": false}, "matching_downtimes": [], "priority": 2})
}

#[derive(Deserialize)]
struct Metric {
    from: Option<i64>,
    to: Option<i64>,
    query: Option<String>,
}

/// A failed query is an answer of 200 that says `error`.
async fn query(State(world): State<World>, Query(asked): Query<Metric>) -> Answer {
    let (Some(from), Some(to), Some(query)) = (asked.from, asked.to, asked.query) else {
        return Err(bad("The parameters 'from', 'to' and 'query' are required"));
    };
    let answer = |status: &str, series: Vec<Value>, error: Option<&str>| {
        let mut answer = json!({"status": status, "res_type": "time_series", "series": series, "query": query,
            "from_date": from * 1000, "to_date": to * 1000, "message": "", "group_by": []});
        if let Some(error) = error {
            answer["error"] = json!(error);
        }
        Ok(Json(answer))
    };
    let Some(measure) = Measure::parse(&query) else {
        return answer("error", vec![], Some("Rule failed validation"));
    };
    let Measure::Of { service, is_p95 } = measure else { return answer("ok", vec![], None) };
    let step = rollup(to - from);
    world.read(|state| {
        if !state.telemetry.contains_key(service) {
            return answer("ok", vec![], None);
        }
        let first = from.div_euclid(step) * step + if from.rem_euclid(step) == 0 { 0 } else { step };
        let points: Vec<Value> = (first..=to)
            .step_by(usize::try_from(step).unwrap_or(1))
            .map(|at| {
                let value = if is_p95 { state.p95(service, at) } else { state.error_rate(service, at) };
                json!([at * 1000, value.filter(|_| state.is_scraped(service, at))])
            })
            .collect();
        let scope = format!("service:{service}");
        let series = json!({"metric": if is_p95 { "trace.http.request" } else { "(trace.http.request.errors / trace.http.request.hits)" },
            "scope": scope, "tag_set": [], "interval": step, "length": points.len(), "pointlist": points,
            "start": first * 1000, "end": to * 1000, "expression": query, "query_index": 0, "aggr": null});
        answer("ok", vec![series], None)
    })
}

/// The longer the span, the coarser the points.
fn rollup(span: i64) -> i64 {
    if span <= 4 * HOUR_S {
        60
    } else if span <= 24 * HOUR_S {
        300
    } else {
        HOUR_S
    }
}

/// What a metric query means here.
#[derive(Debug, PartialEq)]
enum Measure<'q> {
    Of {
        service: &'q str,
        is_p95: bool,
    },
    /// A metric that nobody sends.
    Nothing,
}

impl<'q> Measure<'q> {
    fn parse(query: &'q str) -> Option<Self> {
        let terms: Option<Vec<(&str, &str, &str)>> = query.split(" / ").map(term).collect();
        let terms = terms?;
        let service = |scope: &'q str| scope.strip_prefix("service:");
        Some(match terms.as_slice() {
            [("p95", "trace.http.request", scope)] => {
                service(scope).map_or(Self::Nothing, |service| Self::Of { service, is_p95: true })
            }
            [("sum", "trace.http.request.errors", scope), ("sum", "trace.http.request.hits", other)]
                if scope == other =>
            {
                service(scope).map_or(Self::Nothing, |service| Self::Of { service, is_p95: false })
            }
            _ => Self::Nothing,
        })
    }
}

/// `sum:metric{scope}.as_count()` in its three parts.
fn term(text: &str) -> Option<(&str, &str, &str)> {
    let (aggregation, rest) = text.trim().split_once(':')?;
    let (metric, rest) = rest.split_once('{')?;
    let (scope, after) = rest.split_once('}')?;
    let plain = |text: &str, more: &str| {
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
    };
    let good = plain(aggregation, "") && plain(metric, "._") && plain(scope, "._-:/*,");
    (good && ["", ".as_count()", ".as_rate()"].contains(&after)).then_some((aggregation, metric, scope))
}
