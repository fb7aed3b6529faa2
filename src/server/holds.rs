//! Holds, and the word that lifts one.
//!
//! Never: lifted without a reason.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use jiff::Timestamp;

use super::{app::App, identity::Caller, input::Body, problem::Problem};
use crate::{
    row::{Event, Hold, Note, c1, hold::Lifted},
    store::{About, Actor, Commit, Committed, LeafDraft, StoreError},
    wire::LiftRequest,
};

/// `GET /v1/holds`.
pub(super) async fn list(State(app): State<Arc<App>>, caller: Caller) -> Result<Json<Vec<Hold>>, Problem> {
    caller.may_read()?;
    Ok(Json(app.store.holds().await?))
}

/// `POST /v1/holds/lift`.
pub(super) async fn lift(
    State(app): State<Arc<App>>,
    caller: Caller,
    body: Body<LiftRequest>,
) -> Result<StatusCode, Problem> {
    caller.human()?;
    app.writable()?;
    let LiftRequest { subject, drift, note } = body.value;
    let note = Note::parse(&note).map_err(|error| Problem::bad_request("note", &error.to_string()))?;
    let mut standing = app.store.holds().await?.into_iter();
    let found = standing.find(|hold| hold.subject == subject && hold.drift == drift);
    let hold = found.ok_or_else(|| Problem::not_found(&format!("hold on {subject} for that drift")))?;
    lift_one(&app, hold, &caller.actor(), note.as_str(), app.clock.now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends a hold, with its entry. Twice is once.
pub(super) async fn lift_one(
    app: &App,
    hold: Hold,
    actor: &Actor,
    why: &str,
    now: Timestamp,
) -> Result<Committed, StoreError> {
    let body = c1::map([
        ("subject", c1::Value::from(hold.subject.as_str())),
        ("drift_sha256", hold.drift.into()),
        ("by", actor.id.as_str().into()),
        ("why", why.into()),
    ]);
    let revision = app.store.row(hold.row).await?.map_or(1, |row| row.revision);
    let about = About::Row { row: hold.row, revision };
    let leaf = LeafDraft { actor: actor.clone(), event: Event::HoldLifted, about, body };
    let lifted = Lifted { by: actor.id.clone(), at: now, why: why.to_owned() };
    let hold = Hold { lifted: Some(lifted), ..hold };
    app.store.commit(Commit { leaves: vec![leaf], holds: vec![hold], ..Commit::at(now) }).await
}
