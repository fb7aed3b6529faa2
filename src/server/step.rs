//! From a step of the lifecycle to a commit: read, compute with pure code, commit, again on conflict.
//!
//! Never: another way from a transition to the store.

use jiff::Timestamp;

use super::telling;
use crate::{
    lifecycle::{self, Ruling, Step, Transition},
    row::{PrincipalId, PrincipalKind, Refusal, Row, RowId},
    store::{About, Actor, Commit, Committed, LeafDraft, RowWrite, Store, StoreError, WorkChange, WorkKind},
};

/// How often a step is computed anew when somebody else was faster.
pub(super) const TRIES_MAX: usize = 16;

/// What became of a step.
#[derive(Debug)]
pub(super) enum Taken {
    Done(Box<Row>),
    /// The lifecycle says no.
    Refused(Refusal),
    NoSuchRow,
    /// Others were faster each time.
    Busy,
}

/// Dock itself, in the record.
pub(super) fn system() -> Actor {
    Actor { id: PrincipalId::system(), kind: PrincipalKind::System }
}

/// The commit of a transition of `before`: its entries, its row, its hold, the work that follows.
pub(super) fn commit_of(before: &Row, transition: Transition, actor: &Actor, now: Timestamp) -> Commit {
    let Transition { row, entries, hold, work } = transition;
    let about = About::Row { row: row.id, revision: row.revision };
    let leaves = entries.into_iter().map(|entry| LeafDraft {
        actor: actor.clone(),
        event: entry.event,
        about: about.clone(),
        body: entry.body,
    });
    let work = work.into_iter().map(|work| {
        let kind = match work {
            lifecycle::Work::Execute => WorkKind::Execute,
            lifecycle::Work::CheckHealth => WorkKind::Follow,
        };
        WorkChange::Add { kind, row: row.id, payload: String::new(), not_before: now }
    });
    let work = work.chain(telling::follow(Some(before), &row, now));
    Commit {
        leaves: leaves.collect(),
        holds: hold.into_iter().collect(),
        work: work.collect(),
        row: Some(RowWrite { row: row.clone(), expected: Some(before.version) }),
        ..Commit::at(now)
    }
}

/// Takes a step on a row, whatever else happens to it meanwhile.
pub(super) async fn take(
    store: &dyn Store,
    id: RowId,
    actor: &Actor,
    ruling: &Ruling,
    step: &Step,
    now: Timestamp,
) -> Result<Taken, StoreError> {
    for _ in 0..TRIES_MAX {
        let Some(before) = store.row(id).await? else { return Ok(Taken::NoSuchRow) };
        let transition = match lifecycle::apply(ruling, &before, step, now) {
            Ok(transition) => transition,
            Err(refusal) => return Ok(Taken::Refused(refusal)),
        };
        let row = Box::new(transition.row.clone());
        if let Committed::At(_) = store.commit(commit_of(&before, transition, actor, now)).await? {
            return Ok(Taken::Done(row));
        }
    }
    Ok(Taken::Busy)
}
