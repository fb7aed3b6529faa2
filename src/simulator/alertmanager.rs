//! Alertmanager's API, the reading part: alerts with what keeps them quiet, over two replicas of a cluster, with its errors.
//!
//! An open incident raises an alert on its service; others are raised by hand. The second replica is the same program under
//! the prefix `/replica-2`, as `--web.route-prefix` makes it.
//! Never: a write; a matcher beyond equality and plain alternatives.

use std::collections::BTreeMap;

use axum::{
    Json, Router,
    extract::{Query, Request, State},
    http::StatusCode,
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Site, manifest,
    world::{State as WorldState, World},
};

/// Where the second replica is.
const SECOND: &str = "/replica-2";

/// What keeps an alert quiet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Quiet {
    Silenced,
    Inhibited,
}

/// All that is known here beside incidents.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Alerting {
    /// By service and name.
    pub(super) raised: BTreeMap<String, BTreeMap<String, Raised>>,
    /// Services whose alerts a silence keeps quiet that only the second replica has heard of yet.
    pub(super) half_silenced: Vec<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Raised {
    pub(super) since: Timestamp,
    pub(super) quiet: Option<Quiet>,
}

pub(super) fn router(world: World) -> Router {
    Router::new()
        .nest(SECOND, replica(1))
        .merge(replica(0))
        .fallback(async || (StatusCode::NOT_FOUND, "404 page not found\n"))
        .layer(middleware::from_fn_with_state(world.clone(), proxy))
        .with_state(world)
}

fn replica(number: usize) -> Router<World> {
    let alerts = move |State(world): State<World>, Query(query): Query<Vec<(String, String)>>| async move {
        alerts(&world, &query, number)
    };
    Router::new()
        .route("/-/ready", get(async || "OK"))
        .route("/api/v2/alerts", get(alerts))
        .route("/api/v2/status", get(status))
        .route("/api/v2/receivers", get(async || Json(json!([{"name": "pager"}]))))
}

/// The proxy before it, which asks for a bearer.
async fn proxy(State(world): State<World>, request: Request, next: Next) -> Response {
    if super::bearer(request.headers()) != Some(world.token(Site::Alertmanager).as_str()) {
        return (StatusCode::UNAUTHORIZED, "Unauthorized\n").into_response();
    }
    next.run(request).await
}

/// `label="value"`, `!=`, and `=~`, `!~` with plain alternatives.
struct Matcher {
    label: String,
    values: Vec<String>,
    is_equal: bool,
}

impl Matcher {
    fn parse(text: &str) -> Option<Self> {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let end = text.find(|c| !plain(c)).filter(|end| *end > 0)?;
        let (label, rest) = text.split_at(end);
        let operators = [("=~", true, true), ("!~", false, true), ("!=", false, false), ("=", true, false)];
        let (rest, is_equal, is_regex) = operators
            .into_iter()
            .find_map(|(operator, equal, regex)| Some((rest.strip_prefix(operator)?, equal, regex)))?;
        let value = unquoted(rest.trim())?;
        let values = if is_regex { value.split('|').map(str::to_owned).collect() } else { vec![value] };
        Some(Self { label: label.to_owned(), values, is_equal })
    }

    fn matches(&self, labels: &Value) -> bool {
        let value = labels[&self.label].as_str().unwrap_or_default();
        self.values.iter().any(|wanted| wanted == value) == self.is_equal
    }
}

/// What stands in quotes, `\"`, `\\` and `\n` resolved; `None` where a quote ends it early.
fn unquoted(text: &str) -> Option<String> {
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    let (mut value, mut letters) = (String::new(), inner.chars());
    while let Some(letter) = letters.next() {
        value.push(match letter {
            '\\' => match letters.next()? {
                'n' => '\n',
                other => other,
            },
            '"' => return None,
            other => other,
        });
    }
    Some(value)
}

/// An error is a bare string.
fn alerts(world: &World, query: &[(String, String)], replica: usize) -> Response {
    let shown = |state: &str| {
        let asked = query.iter().find(|(key, _)| key == state);
        asked.is_none_or(|(_, value)| value != "false")
    };
    let mut matchers = vec![];
    for (_, text) in query.iter().filter(|(key, _)| key == "filter") {
        let Some(matcher) = Matcher::parse(text) else {
            let words = format!("bad matcher format: {text}");
            return (StatusCode::BAD_REQUEST, Json(json!(words))).into_response();
        };
        matchers.push(matcher);
    }
    let now = world.now();
    let all = world.read(|state| state.alerts(replica, now));
    let wanted = |alert: &Value| {
        let is = |by: &str| alert["status"][by].as_array().is_some_and(|by| !by.is_empty());
        let kind = if is("silencedBy") {
            "silenced"
        } else if is("inhibitedBy") {
            "inhibited"
        } else {
            "active"
        };
        shown(kind) && matchers.iter().all(|matcher| matcher.matches(&alert["labels"]))
    };
    Json(all.into_iter().filter(wanted).collect::<Vec<_>>()).into_response()
}

impl WorldState {
    /// What a replica knows.
    fn alerts(&self, replica: usize, now: Timestamp) -> Vec<Value> {
        let open = self.pager.incidents.iter().filter_map(|incident| {
            let service = self.apps.keys().find(|service| incident.is_on(service))?;
            let since = incident.created_at();
            Some((service, "ErrorBudgetBurn", Raised { since, quiet: None }))
        });
        let raised = self.alerting.raised.iter().flat_map(|(service, alerts)| {
            alerts.iter().map(move |(name, raised)| (service, name.as_str(), raised.clone()))
        });
        let all = open.chain(raised).map(|(service, name, mut raised)| {
            if replica == 1 && self.alerting.half_silenced.contains(service) {
                raised.quiet = Some(Quiet::Silenced);
            }
            alert_json(service, name, &raised, now)
        });
        all.collect()
    }
}

fn alert_json(service: &str, name: &str, raised: &Raised, now: Timestamp) -> Value {
    let fingerprint = manifest::uid(&format!("alert {service} {name}")).replace('-', "")[..16].to_owned();
    let by = |quiet: Quiet, id: String| if raised.quiet == Some(quiet) { vec![id] } else { vec![] };
    let silenced = by(Quiet::Silenced, manifest::uid(&format!("silence {service}")));
    let inhibited = by(Quiet::Inhibited, "0123456789abcdef".to_owned());
    let state = if raised.quiet.is_some() { "suppressed" } else { "active" };
    let ends = now.saturating_add(SignedDuration::from_mins(4)).unwrap_or(now);
    json!({"fingerprint": fingerprint, "receivers": [{"name": "pager"}],
        "labels": {"alertname": name, "service": service, "severity": "page"},
        "annotations": {"summary": format!("{name} on {service}"),
            "runbook_url": format!("https://runbooks.acme.example/{service}")},
        "startsAt": raised.since.to_string(), "updatedAt": now.to_string(), "endsAt": ends.to_string(),
        "generatorURL": format!("https://prometheus.acme.example/graph?g0.expr=service%3Aslo_burn&g0.tab=1#{service}"),
        "status": {"state": state, "silencedBy": silenced, "inhibitedBy": inhibited}})
}

async fn status() -> Json<Value> {
    let peers = ["first", "second"].map(|name| json!({"name": name, "address": "127.0.0.1:9094"}));
    Json(json!({"cluster": {"status": "ready", "peers": peers}, "config": {"original": ""},
        "uptime": "2026-01-01T00:00:00.000Z",
        "versionInfo": {"version": "0.28.1", "branch": "HEAD", "revision": "b2099eaa2c9ebc25edb26517cb9c732738e93910"}}))
}
