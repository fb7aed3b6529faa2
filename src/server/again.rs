//! `POST /v1/rows/{id}/confirm`: an agent read its row's facts again and found them the same. They are dated anew beside the
//! revision, which stays byte for byte what was signed; no key becomes void, nobody is called to read it again.
//!
//! Never: an entry of the record for each look of an agent: one comes where half of a fact's time is over, not before.

use std::sync::Arc;

use axum::{Json, extract::State};
use jiff::Timestamp;

use super::{
    app::App,
    identity::Caller,
    input::{Body, Named},
    problem::Problem,
    step::{self, TRIES_MAX},
};
use crate::{
    lifecycle::{self, Step},
    row::{Draft, Refusal, Row, RowId},
    store::{Committed, Whole},
    wire::{ConfirmAnswer, ConfirmRequest},
};

pub(super) async fn confirm(
    State(app): State<Arc<App>>,
    caller: Caller,
    Named(id): Named<RowId>,
    body: Body<ConfirmRequest>,
) -> Result<Json<ConfirmAnswer>, Problem> {
    caller.agent()?;
    app.writable()?;
    let ConfirmRequest { revision, evidence_sha256, again } = body.value;
    for _ in 0..TRIES_MAX {
        let now = app.clock.now();
        let whole = app.store.whole(id, None).await?;
        let Whole { row: before, draft, .. } =
            whole.ok_or_else(|| Problem::not_found(&format!("row {id}")))?;
        if before.agent != caller.id {
            return Err(Problem::forbidden(&format!("{id} is {}'s row", before.agent)));
        }
        if before.revision != revision {
            let (signed, current) = (revision, before.revision);
            return Err(Refusal::StaleRevision { row: id, signed, current }.into());
        }
        if let Some((place, wrong)) = again.iter().find_map(|(place, one)| {
            let known = usize::try_from(*place).is_ok_and(|place| place < draft.signals.len());
            let long = one.value.as_ref().is_some_and(|value| value.len() > Draft::FIELD_BYTES_MAX);
            let wrong = if known { long.then_some("its value is too long") } else { Some("no such signal") };
            wrong.map(|wrong| (*place, wrong))
        }) {
            return Err(Problem::bad_request("again", &format!("{place}: {wrong}")));
        }
        let step = Step::ReadAgain { evidence: evidence_sha256, again: again.clone() };
        let standing = app.standing().await?;
        let transition = lifecycle::apply(&standing.ruling(&before.agent), &before, &step, now)?;
        if !half_over(&before, &draft, now) {
            return Ok(Json(ConfirmAnswer { row: id, dated: false }));
        }
        let mut commit = step::commit_of(&before, transition, &caller.actor(), now);
        commit.authority = Some(standing.version);
        if let Committed::At(_) = app.store.commit(commit).await? {
            return Ok(Json(ConfirmAnswer { row: id, dated: true }));
        }
    }
    Err(Refusal::Busy.into())
}

fn half_over(row: &Row, draft: &Draft, now: Timestamp) -> bool {
    let signals = (0_u32..).zip(&draft.signals);
    signals.into_iter().any(|(place, signal)| {
        crate::row::signal::half_over(signal.read_at(row.again.get(&place)), signal.budget_s, now)
    })
}
