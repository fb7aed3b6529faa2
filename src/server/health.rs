//! Is it alive, is it ready, and what does it count.
//!
//! Never: a secret, or anything about a row, to somebody who has no token.

use std::{fmt::Write as _, sync::Arc};

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{app::App, calls, problem::Problem};
use crate::wire::{PlatformCalls, Ready};

impl App {
    /// A server that is behind its own record reads, and writes nothing.
    pub(super) fn writable(&self) -> Result<(), Problem> {
        match &self.read_only {
            None => Ok(()),
            Some(why) => Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "read_only", why.as_str())
                .hint("`dock restore` begins a new epoch, signed by administrators")),
        }
    }
}

pub(super) async fn alive() -> &'static str {
    "alive\n"
}

/// Readiness, with what is missing.
pub(super) async fn ready(State(app): State<Arc<App>>) -> Response {
    let mut missing: Vec<String> = app.read_only.iter().map(|why| format!("writing: {why}")).collect();
    if let Err(error) = app.store.head().await {
        missing.push(format!("the store: {error}"));
    }
    if app.sources.argocd.is_none() {
        missing.push("ArgoCD is not configured: rows cannot be checked or approved".to_owned());
    }
    missing.extend(app.telling.troubles());
    let blocking = app.read_only.is_some() || missing.iter().any(|what| what.starts_with("the store"));
    let status = if blocking { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    (status, Json(Ready { ready: !blocking, missing, calls: calls::all(&app) })).into_response()
}

/// Prometheus text.
pub(super) async fn metrics(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    let head = app.store.head().await?;
    let open = app.store.open_rows(app.clock.now()).await?;
    let mut out = String::new();
    let mut gauge = |name: &str, help: &str, value: u64| {
        let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}");
    };
    gauge("dock_log_entries", "Entries of the record.", head.size);
    gauge("dock_open_rows", "Rows that are not terminal.", open.len() as u64);
    gauge("dock_read_only", "1 while nothing may be written.", u64::from(app.read_only.is_some()));
    let read = calls::all(&app);
    let made = read.iter().map(|one| ("dock_platform_calls_total", one, Some(one.made)));
    let left = read.iter().map(|one| ("dock_platform_calls_left", one, one.left));
    for (name, PlatformCalls { platform, by, .. }, value) in made.chain(left) {
        let Some(value) = value else { continue };
        let by = by.as_ref().map(|by| format!(",by=\"{by}\"")).unwrap_or_default();
        let _ = writeln!(out, "{name}{{platform=\"{platform}\"{by}}} {value}");
    }
    let mut last = "";
    for ((name, label), value) in app.counters.all() {
        if name != last {
            let _ = writeln!(out, "# TYPE {name} counter");
            last = name;
        }
        let _ = writeln!(out, "{name}{{code=\"{label}\"}} {value}");
    }
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], out).into_response())
}
