//! `POST /v1/rows/{id}/confirm`: an agent read its row's facts again and found them the same. They are dated anew beside the
//! revision, which stays byte for byte what was signed; no key becomes void, nobody is called to read it again.
//!
//! Never: an entry of the record for each look of an agent: one comes where it dates a fact anew whose time was half over, and
//! not within half a minute of the last.

use std::{collections::BTreeMap, sync::Arc};

use axum::{Json, extract::State};
use jiff::{SignedDuration, Timestamp};

use super::{
    app::App,
    identity::Caller,
    input::{Body, Named},
    problem::Problem,
    step::{self, TRIES_MAX},
};
use crate::{
    lifecycle::{self, Step},
    row::{Again, Draft, Refusal, Row, RowId, signal},
    store::{Committed, Whole},
    wire::{ConfirmAnswer, ConfirmRequest},
};

/// A row is dated anew no sooner than so long after what it was dated with last.
const SELDOM: SignedDuration = SignedDuration::from_secs(30);

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
        if !due(&before, &draft, &again, now) {
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

/// Something that was read again had half of its time over, and has not any more; and the row was not dated just now. What
/// is not read again may be as old as it likes: an entry would not make it younger.
fn due(row: &Row, draft: &Draft, again: &BTreeMap<u32, Again>, now: Timestamp) -> bool {
    let just_now = |one: &Again| now.duration_since(one.at) < SELDOM;
    if row.again.values().any(just_now) {
        return false;
    }
    let half_over = |at: Timestamp, budget_s| signal::half_over(at, budget_s, now);
    (0_u32..).zip(&draft.signals).any(|(place, signal)| {
        again.get(&place).is_some_and(|new| {
            half_over(signal.read_at(row.again.get(&place)), signal.budget_s)
                && !half_over(new.at.min(now), signal.budget_s)
        })
    })
}
