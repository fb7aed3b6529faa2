//! What time alone does: rows lapse, keys and approvals with them; holds end with their incident.
//!
//! What is due is a pure function of a row and the time; taking it twice does nothing the second time. Nothing here is
//! remembered: after a restart the same things are due.
//! Never: a state of its own.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};

use super::{
    app::App,
    automatic, holds,
    step::{self, Taken},
};
use crate::{
    audit::leaf::Leaf,
    lifecycle::{self, Step},
    row::{Event, Row, RowId, State},
    store::{Leaves, StoreError},
};

const TICK: Duration = Duration::from_secs(1);
/// How often incidents of holds are asked about.
const INCIDENTS_EVERY: SignedDuration = SignedDuration::from_secs(60);

/// Runs until it is dropped.
pub(super) async fn run(app: Arc<App>) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    let mut grown = app.store.grown();
    let mut open: Vec<Row> = Vec::new();
    let mut asked_at = None;
    let mut read = false;
    if let Err(error) = catch_up(&app).await {
        tracing::error!(%error, "rows that waited for a policy could not be looked at");
    }
    loop {
        ticks.tick().await;
        let now = app.clock.now();
        if !read || grown.has_changed().unwrap_or(false) {
            grown.mark_unchanged();
            match app.store.open_rows(now).await {
                Ok(rows) => (open, read) = (rows, true),
                Err(error) => tracing::error!(%error, "the open rows could not be read"),
            }
        }
        if let Err(error) = lapse(&app, &open, now).await {
            tracing::error!(%error, "a row that is due could not be moved");
        }
        if asked_at.is_none_or(|at: Timestamp| now.duration_since(at).abs() >= INCIDENTS_EVERY) {
            asked_at = Some(now);
            if let Err(error) = end_holds(&app, now).await {
                tracing::error!(%error, "holds could not be looked at");
            }
        }
    }
}

/// A crash between a draft and the policies' look at it leaves a row that nobody looked at.
async fn catch_up(app: &App) -> Result<(), StoreError> {
    for row in app.store.open_rows(app.clock.now()).await? {
        if row.state() == State::Pending && nothing_followed(app, row.id).await? {
            automatic::consider(app, row.id).await?;
        }
    }
    Ok(())
}

/// Was opening or revising the row the last thing that happened to it?
async fn nothing_followed(app: &App, row: RowId) -> Result<bool, StoreError> {
    let leaves = app.store.leaves(Leaves::OfRow(row)).await?;
    let last = leaves.last().and_then(|leaf| Leaf::parse(&leaf.bytes).ok());
    Ok(last.is_some_and(|leaf| matches!(leaf.event, Event::RowOpened | Event::RowRevised)))
}

async fn lapse(app: &App, open: &[Row], now: Timestamp) -> Result<(), StoreError> {
    for row in open.iter().filter(|row| lifecycle::due(row, now).is_some()) {
        let ruling = app.standing().await?.ruling(&row.agent);
        match step::take(&*app.store, row.id, &step::system(), &ruling, &Step::Lapse, now).await? {
            Taken::Done(row) => tracing::info!(row = %row.id, state = %row.state(), "lapsed"),
            Taken::Refused(_) | Taken::NoSuchRow | Taken::Busy => {}
        }
    }
    Ok(())
}

/// A hold that was the mitigation of an incident ends with it: the drift comes back as a row.
async fn end_holds(app: &App, now: Timestamp) -> Result<(), StoreError> {
    let Some(pagerduty) = &app.sources.pagerduty else { return Ok(()) };
    for hold in app.store.holds().await? {
        let Some(incident) = hold.incident.clone() else { continue };
        match pagerduty.incident(&incident).await {
            Ok(found) if !found.is_open() => {
                let why = format!("{incident} is over");
                holds::lift_one(app, hold, &step::system(), &why, now).await?;
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "the incident of a hold could not be read"),
        }
    }
    Ok(())
}
