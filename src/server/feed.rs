//! What consoles live on: everything with the position it is true at, and what changed since.
//!
//! Never: a position ahead of what was read.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use jiff::SignedDuration;

use super::{
    app::App,
    identity::Caller,
    input::Fields,
    problem::Problem,
    rows::{view_of, wait_of},
};
use crate::{
    store::{self, Changed},
    wire::{Position, Snapshot},
};

/// Rows that ended longer ago are looked up when somebody asks for them.
const ENDED_SHOWN: SignedDuration = SignedDuration::from_hours(24);

/// `GET /v1/snapshot`.
pub(super) async fn snapshot(
    State(app): State<Arc<App>>,
    caller: Caller,
    query: Fields,
) -> Result<Json<Snapshot>, Problem> {
    caller.may_read()?;
    query.end()?;
    let now = app.clock.now();
    let since = now.saturating_sub(ENDED_SHOWN).unwrap_or(now);
    let read = app.store.snapshot(Changed::Since { since, now }).await?;
    told(&app, read).await.map(Json)
}

/// `GET /v1/sync?after=EPOCH.SEQ&wait=25`: the rows that were told of since; waits for one if there is none.
pub(super) async fn sync(
    State(app): State<Arc<App>>,
    caller: Caller,
    mut query: Fields,
) -> Result<Json<Snapshot>, Problem> {
    caller.may_read()?;
    let after: Position = query.needed("after")?;
    let wait = wait_of(&mut query)?;
    query.end()?;
    let mut grown = app.store.grown();
    let head = app.store.head().await?;
    if after.epoch != head.epoch || after.size > head.size {
        let why = format!("this log is at {}.{}; {after} is no place in it", head.epoch, head.size);
        return Err(Problem::new(StatusCode::GONE, "unknown_position", why).hint("read /v1/snapshot"));
    }
    // Whether something came or the time is over: what there is is told.
    app.wait_for(async { drop(grown.wait_for(|size| *size > after.size).await) }, wait).await;
    let read = app.store.snapshot(Changed::From(after.size)).await?;
    told(&app, read).await.map(Json)
}

async fn told(app: &App, read: store::Snapshot) -> Result<Snapshot, Problem> {
    let store::Snapshot { head, rows, holds } = read;
    let (now, standing) = (app.clock.now(), app.standing().await?);
    let checkpoint = app.record.at(&*app.store, head.size).await?.note;
    Ok(Snapshot {
        position: Position { epoch: head.epoch, size: head.size },
        as_of: now,
        rows: rows.iter().map(|whole| view_of(app, whole, &holds, &standing, now)).collect(),
        holds,
        checkpoint,
        log_key: app.record.key().to_string(),
        org: app.org.clone(),
        halted: standing.halted().cloned(),
        halted_agents: standing.halted_agents(),
        untold: app.telling.untold(),
    })
}
