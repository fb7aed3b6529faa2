//! The API on one screen.
//!
//! Never: a handler's work.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request, State},
    http::StatusCode,
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post, put},
};

use super::{
    admin, again, amendments,
    app::App,
    aside, blobs, calls, decisions, drafts, evidence, feed, health, holds, hooks, incidents,
    input::{BLOB_BYTES_MAX, DRAFT_BYTES_MAX, REQUEST_BYTES_MAX},
    log, login,
    problem::Problem,
    rows, series, waiting,
};

/// No request takes longer, its body included.
const ANSWER_WITHIN: Duration = Duration::from_secs(100);

pub(super) fn router(app: Arc<App>) -> Router {
    let drafts = Router::new()
        .route("/v1/rows", get(rows::list).post(drafts::open))
        .route("/v1/rows/{id}/revisions", post(drafts::revise))
        .route("/v1/rows/{id}/amendments", post(amendments::amend))
        .layer(DefaultBodyLimit::max(DRAFT_BYTES_MAX));
    let blobs = Router::new()
        .route("/v1/blobs/{sha256}", put(blobs::put).get(blobs::get))
        .layer(DefaultBodyLimit::max(BLOB_BYTES_MAX));
    let rest = Router::new()
        .route("/v1/login/challenge", post(login::challenge))
        .route("/v1/login", post(login::login))
        .route("/v1/me", get(login::me))
        .route("/v1/rows/{id}", get(rows::one))
        .route("/v1/rows/{id}/revisions/{n}", get(rows::revision))
        .route("/v1/rows/{id}/history", get(rows::history))
        .route("/v1/rows/{id}/wait", get(rows::wait))
        .route("/v1/rows/{id}/series", get(series::of_row))
        .route("/v1/rows/{id}/fresh", post(rows::fresh))
        .route("/v1/rows/{id}/confirm", post(again::confirm))
        .route("/v1/rows/{id}/extend", post(aside::extend))
        .route("/v1/rows/{id}/attest", post(aside::attest))
        .route("/v1/rows/{id}/withdraw", post(drafts::withdraw))
        .route("/v1/incidents/{id}", get(incidents::one))
        .route("/v1/decisions/{id}", put(decisions::decide))
        .route("/v1/snapshot", get(feed::snapshot))
        .route("/v1/sync", get(feed::sync))
        .route("/v1/log/checkpoint", get(log::checkpoint))
        .route("/v1/log/tile/{*path}", get(log::tile))
        .route("/v1/log/proof/inclusion", get(log::inclusion))
        .route("/v1/log/proof/consistency", get(log::consistency))
        .route("/v1/log/witness", post(log::witness))
        .route("/v1/log/witnesses", post(admin::change))
        .route("/v1/evidence", get(evidence::parts))
        .route("/v1/hooks/wait", get(hooks::wait))
        .route("/v1/hooks/{platform}", post(hooks::deliver))
        .route("/v1/gates", get(waiting::list))
        .route(
            "/v1/gates/{service}/{environment}/{run}",
            put(waiting::says).get(waiting::one).delete(waiting::leaves),
        )
        .route("/v1/gates/{service}/{environment}/{run}/report", put(waiting::reports))
        .route("/v1/holds", get(holds::list))
        .route("/v1/holds/lift", post(holds::lift))
        .route("/v1/halt", post(admin::halt))
        .route("/v1/resume", post(admin::change))
        .route("/v1/people", get(admin::people).post(admin::change))
        .route("/v1/agents", get(admin::agents).post(admin::change))
        .route("/v1/agents/calls", post(calls::tell))
        .route("/v1/keys", post(admin::change))
        .route("/v1/tokens", post(admin::change))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .layer(DefaultBodyLimit::max(REQUEST_BYTES_MAX));
    drafts
        .merge(blobs)
        .merge(rest)
        .fallback(nothing_here)
        .method_not_allowed_fallback(not_this_way)
        .layer(middleware::from_fn_with_state(Arc::clone(&app), counted))
        .with_state(app)
}

async fn nothing_here(request: Request) -> Problem {
    Problem::not_found(&format!("such address: {}", request.uri().path()))
}

async fn not_this_way(request: Request) -> Problem {
    let why = format!("{} does not take {}", request.uri().path(), request.method());
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", why)
}

/// Around every request: how long it may take, and what became of it.
async fn counted(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let response = tokio::time::timeout(ANSWER_WITHIN, next.run(request)).await.unwrap_or_else(|_| {
        Problem::new(StatusCode::REQUEST_TIMEOUT, "too_slow", "the request took too long").into_response()
    });
    app.counters.count("dock_requests_total", response.status().as_str());
    tracing::debug!(%method, path, status = response.status().as_u16(), "answered");
    response
}
