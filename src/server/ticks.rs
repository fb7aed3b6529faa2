//! What a live runbook says was signed of its steps on earlier rows, held against those rows.
//!
//! Never: a word in the name of somebody who did not sign it.

use std::collections::{BTreeMap, btree_map::Entry};

use super::{app::App, problem::Problem};
use crate::{
    row::{
        Decision, Draft, Proposal, RowId,
        proposal::{LiveStep, SignedTick},
    },
    store::Whole,
};

/// Every tick that the draft shows as signed stands in the record: on a row of the same page and incident, of that step,
/// by that reviewer, in an approval that counts.
pub(super) async fn borne_out(app: &App, draft: &Draft) -> Result<(), Problem> {
    let Some(Proposal::Live(live)) = &draft.proposal else { return Ok(()) };
    let mut rows: BTreeMap<RowId, Option<Whole>> = BTreeMap::new();
    for step in &live.steps {
        let Some(tick) = &step.signed else { continue };
        let whole = match rows.entry(tick.row) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => place.insert(app.store.whole(tick.row, None).await?),
        };
        if !whole.as_ref().is_some_and(|whole| was_signed(whole, &draft.subject, step, tick)) {
            let SignedTick { said, by, row, .. } = tick;
            let why = format!("{by} did not sign `{said}` of `{}` on {row}", step.text);
            return Err(Problem::bad_request("proposal", &why));
        }
    }
    Ok(())
}

fn was_signed(whole: &Whole, subject: &str, step: &LiveStep, tick: &SignedTick) -> bool {
    let Some(Proposal::Live(before)) = &whole.draft.proposal else { return false };
    // Two steps may read the same; one that others came before is still the only one that reads so.
    let alone = before.steps.iter().filter(|one| one.text == step.text).count() == 1;
    let is_it = |one: &LiveStep| one.text == step.text && (alone || one.label == step.label);
    let of_it = |number: &str| {
        let at = number.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        at.and_then(|at| before.steps.get(at)).is_some_and(is_it)
    };
    whole.row.subject == subject
        && whole.row.standing_keys().any(|key| {
            key.decision == Decision::Approve
                && key.reviewer == tick.by
                // What is signed offline reaches the server later.
                && key.made_at.min(key.at) == tick.at
                && key.conditions.iter().any(|(number, said)| *said == tick.said && of_it(number))
        })
}
