//! A row as it travels: its head for lists, and the whole for one who decides on it.
//!
//! Never: judges; it only says what stands in row and draft.

use std::{collections::BTreeMap, num::NonZeroU32};

use jiff::Timestamp;

use crate::{
    audit::authority::Person,
    row::{Attributes, Decision, DecisionId, Draft, Hold, Key, PrincipalId, Row, Stage, Threshold, signal},
    wire::{AskView, BaseHead, DecisionView, ExecutionView, OutcomeView, RowHead, RowView, SignalView},
};

/// A fact that an open row rests on is older than its budget.
pub(super) fn stale(row: &Row, draft: &Draft, now: Timestamp) -> bool {
    row.state().open() && signals(row, draft, now).any(|signal| !signal.fresh)
}

/// The revision's signals, each as old as its last reading.
fn signals(row: &Row, draft: &Draft, now: Timestamp) -> impl Iterator<Item = SignalView> {
    (0_u32..).zip(&draft.signals).map(move |(place, signal)| {
        let again = row.again.get(&place).cloned();
        let fresh = signal::is_fresh(signal.read_at(again.as_ref()), signal.budget_s, now);
        SignalView { signal: signal.clone().into(), fresh, again }
    })
}

/// What lists show.
pub(super) fn head(row: &Row, stale: bool, now: Timestamp) -> RowHead {
    let given = row.standing_keys().filter(|key| key.decision == Decision::Approve).count();
    RowHead {
        id: row.id,
        kind: row.id.kind,
        subject: row.subject.clone(),
        environment: row.environment.clone(),
        title: row.title.clone(),
        state: row.state(),
        how: row.how(),
        verdict: row.verdict,
        risk: row.risk,
        revision: row.revision,
        word: row.word().to_string(),
        content_sha256: row.digests.content,
        base: BaseHead { revision: row.base_revision.clone(), sha256: row.digests.base },
        agent: row.agent.clone(),
        owner: row.owner.clone(),
        reviewers: row.reviewers.clone(),
        keys_needed: row.rule.keys_needed(),
        keys_given: u32::try_from(given).unwrap_or(u32::MAX),
        second_key_by: row.second_key_by(),
        void: void(row),
        incident: row.incident.clone(),
        created_at: row.created_at,
        changed_at: row.changed_at,
        expires_at: row.expires_at,
        as_of: now,
        stale,
        unsent: false,
    }
}

/// The decisions on this revision that count no more: their authors are needed again.
fn void(row: &Row) -> Vec<DecisionId> {
    let void = |key: &&Key| key.void.is_some() && key.revision == row.revision;
    row.keys.iter().filter(void).map(|key| key.decision_id.clone()).collect()
}

/// The row whole. `index` knows where in the record a decision stands.
pub(super) fn whole(
    row: &Row,
    draft: &Draft,
    declined_before: Vec<Hold>,
    people: &BTreeMap<PrincipalId, Person>,
    index: impl Fn(&DecisionId) -> Option<u64>,
    now: Timestamp,
) -> RowView {
    RowView {
        head: head(row, stale(row, draft, now), now),
        rationale: draft.rationale.clone(),
        prose_by: draft.prose_by.clone(),
        claim: row.claim,
        signals: signals(row, draft, now).collect(),
        pointers: draft.pointers.clone(),
        diff: draft.diff.clone(),
        proposal: draft.proposal.clone(),
        amended_by: draft.amended_by.clone(),
        revised_by: row.revised_by.clone(),
        effect: draft.effect.clone(),
        effect_sha256: row.digests.effect,
        evidence_sha256: row.digests.evidence,
        presented_sha256: row.digests.presented,
        base_read: draft.base.clone(),
        read_at: draft.read_at,
        parent: row.parent,
        touch_needed: row.rule.touch,
        note_needed: row.rule.note,
        asks: asks(row, people),
        decisions: row.keys.iter().map(|key| decision(key, &index)).collect(),
        execution: execution(row),
        outcome: outcome(row),
        why: why(row),
        drift_sha256: row.drift,
        declined_before,
        facts: draft.facts.clone(),
        policy: row.stage.approval().and_then(|approval| approval.policy.clone()),
    }
}

/// Who has to be among those who sign: who has, and who can by the roles that administrators gave.
fn asks(row: &Row, people: &BTreeMap<PrincipalId, Person>) -> Vec<AskView> {
    let approvals = || {
        row.standing_keys().filter(|key| key.decision == Decision::Approve && key.revision == row.revision)
    };
    let ask = |one: &Threshold| {
        let signed: Vec<_> = approvals()
            .filter(|key| one.filter.admits(&key.attributes))
            .map(|key| key.reviewer.clone())
            .collect();
        let by_role = |person: &Person| {
            let roles = person.roles.iter().cloned().collect();
            one.filter.admits(&Attributes::from([("role".to_owned(), roles)]))
        };
        let free = |who: &PrincipalId| *who != row.owner && approvals().all(|key| key.reviewer != *who);
        let can = people.iter().filter(|(who, person)| person.active && free(who) && by_role(person));
        AskView {
            name: one.name.clone(),
            who: one.filter.words(),
            approve: one.approve.map_or(1, NonZeroU32::get),
            can: can.map(|(who, _)| who.clone()).collect(),
            on_call: one.filter.names("on_call"),
            signed,
        }
    };
    row.rule.asked().map(ask).collect()
}

fn decision(key: &Key, index: &impl Fn(&DecisionId) -> Option<u64>) -> DecisionView {
    DecisionView {
        id: key.decision_id.clone(),
        decision: key.decision,
        overrides: key.overrides,
        reviewer: key.reviewer.clone(),
        note: key.note.as_ref().map(ToString::to_string),
        made_at: key.made_at,
        at: key.at,
        key: key.key_fingerprint.clone(),
        touch: key.touch,
        offline: key.offline,
        revision: key.revision,
        conditions: key.conditions.clone(),
        void: key.void.clone(),
        log_index: index(&key.decision_id),
    }
}

fn execution(row: &Row) -> Option<ExecutionView> {
    let execution = row.stage.execution()?;
    Some(ExecutionView {
        tag: execution.tag.clone(),
        intended_at: execution.intended_at,
        confirmed_at: execution.confirmed_at,
    })
}

fn outcome(row: &Row) -> Option<OutcomeView> {
    let Some(outcome) = row.stage.outcome() else {
        // What was carried out in part says so from the first.
        let undone = row.stage.execution()?.undone.as_ref()?;
        let (checked_at, detail) = (undone.at, undone.detail.clone());
        return Some(OutcomeView { state: row.state(), checked_at, detail });
    };
    Some(OutcomeView { state: row.state(), checked_at: outcome.checked_at, detail: outcome.detail.clone() })
}

/// The reason of a state that no decision gave it.
fn why(row: &Row) -> Option<String> {
    match &row.stage {
        Stage::Stale { moved, .. } => Some(format!("the base moved: {}", moved.join(", "))),
        Stage::Superseded { why, .. } => Some(why.clone()),
        Stage::Withdrawn { why, .. } => Some(why.clone()).filter(|why| !why.is_empty()),
        Stage::Pending => {
            row.keys.iter().rev().find(|key| key.revision == row.revision).and_then(|key| key.void.clone())
        }
        _ => None,
    }
}
