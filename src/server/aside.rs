//! What a reviewer says about a row beside deciding: that it may wait longer, or what became of it.
//!
//! Never: a key, or anything that a key would have to sign.

use std::sync::Arc;

use axum::{Json, extract::State};

use super::{
    app::App,
    identity::Caller,
    input::{Body, Named},
    problem::Problem,
    rows::shown,
    step::{self, Taken},
};
use crate::{
    lifecycle::Step,
    policy::{Asker, Permission, RowFacts, Wish},
    row::{Note, Refusal, RowId},
    wire::{AttestRequest, ExtendRequest, RowView},
};

/// `POST /v1/rows/{id}/extend`.
pub(super) async fn extend(
    State(app): State<Arc<App>>,
    caller: Caller,
    Named(id): Named<RowId>,
    body: Body<ExtendRequest>,
) -> Result<Json<RowView>, Problem> {
    let ExtendRequest { until, note } = body.value;
    let (by, note) = (caller.id.clone(), written(&note)?);
    said(&app, &caller, id, Step::Extend { by, note, until }).await
}

/// `POST /v1/rows/{id}/attest`.
pub(super) async fn attest(
    State(app): State<Arc<App>>,
    caller: Caller,
    Named(id): Named<RowId>,
    body: Body<AttestRequest>,
) -> Result<Json<RowView>, Problem> {
    let AttestRequest { executed, note } = body.value;
    let (by, note) = (caller.id.clone(), written(&note)?);
    said(&app, &caller, id, Step::Attest { by, executed, note }).await
}

async fn said(app: &App, caller: &Caller, id: RowId, step: Step) -> Result<Json<RowView>, Problem> {
    caller.human()?;
    app.writable()?;
    let whole = app.store.whole(id, None).await?.ok_or_else(|| Problem::not_found(&format!("row {id}")))?;
    let (now, standing) = (app.clock.now(), app.standing().await?);
    let attributes = app.shifts.attributes(app, &standing, &caller.id, now).await;
    let asker = Asker::Human { id: &caller.id, attributes: &attributes };
    let of = RowFacts { row: &whole.row, facts: &whole.draft.facts };
    if let Permission::Deny { why } = app.engine.may(asker, Wish::Review(of)) {
        return Err(why.into());
    }
    let ruling = standing.ruling(&whole.row.agent);
    match step::take(&*app.store, id, &caller.actor(), &ruling, &step, now).await? {
        Taken::Done(_) => shown(app, id, None).await.map(Json),
        Taken::Refused(refusal) => Err(refusal.into()),
        Taken::NoSuchRow => Err(Problem::not_found(&format!("row {id}"))),
        Taken::Busy => Err(Refusal::Busy.into()),
    }
}

fn written(note: &str) -> Result<Note, Problem> {
    Note::parse(note).map_err(|error| Problem::bad_request("note", &error.to_string()))
}
