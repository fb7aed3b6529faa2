//! What a policy decides in a person's place, when a row was opened or revised.
//!
//! Never: a decision where the lifecycle or the policies are not clear: then a person decides.

use super::{
    app::App,
    decisions::new_id,
    step::{self, Taken},
};
use crate::{
    lifecycle::Step,
    policy::RowFacts,
    row::{PrincipalId, PrincipalKind, RowId, State},
    store::{Actor, RowQuery, StoreError},
};

/// Asks the policies, and decides where one permits it.
pub(super) async fn consider(app: &App, id: RowId) -> Result<(), StoreError> {
    let Some(whole) = app.store.whole(id, None).await? else { return Ok(()) };
    let (row, draft) = (&whole.row, &whole.draft);
    let now = app.clock.now();
    let of = RowFacts { row, facts: &draft.facts };
    // The facts in the draft are the backend's own: a draft with others was refused.
    let Some(policy) = app.engine.decides(of, failed_before(app, id).await?, now) else { return Ok(()) };
    let Some(decision) = new_id(now) else { return Ok(()) };
    let name = policy.split(' ').next().unwrap_or_default();
    let Ok(actor) = name.parse::<PrincipalId>() else { return Ok(()) };
    let actor = Actor { id: actor, kind: PrincipalKind::Policy };
    let ruling = app.standing().await?.ruling(&row.agent);
    let step = Step::PolicyDecides { decision, policy };
    match step::take(&*app.store, id, &actor, &ruling, &step, now).await? {
        Taken::Done(_) => app.counters.count("dock_decisions_total", "policy"),
        Taken::Refused(refusal) => tracing::info!(row = %id, code = refusal.code(), "a person decides"),
        Taken::NoSuchRow | Taken::Busy => tracing::warn!(row = %id, "no policy could be asked in time"),
    }
    Ok(())
}

/// Was the same drift tried before, without success?
async fn failed_before(app: &App, id: RowId) -> Result<bool, StoreError> {
    let Some(row) = app.store.row(id).await? else { return Ok(false) };
    let query = RowQuery {
        states: vec![State::Failed, State::Unknown, State::Degraded, State::RolledBack],
        kinds: vec![id.kind],
        subject: Some(row.subject.clone()),
        ..RowQuery::default()
    };
    let failed = app.store.rows(query).await?.rows;
    Ok(failed.iter().any(|other| other.id != id && other.drift.is_some() && other.drift == row.drift))
}
