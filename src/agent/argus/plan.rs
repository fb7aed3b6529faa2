//! What to do about one application: a pure answer from its reading and what Dock has open about it.
//!
//! Exactly one row per settled drift follows from here: the answer depends on nothing that a restart loses, and the keys
//! of the calls are made of what was read, so that two Argus at once say the same words.
//! Never: IO, memory.

use crate::{
    row::{Decision, Digest, Hold, Kind, RowId, State, sync::Reading},
    wire::{DecisionView, RowView},
};

use super::facts::{Asks, Past};

/// Decisions that are remembered in a draft.
const PAST_MAX: usize = 8;

/// What Dock knows about one application.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known<'a> {
    pub(super) rows: &'a [RowView],
    pub(super) holds: &'a [Hold],
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Act {
    /// Nothing, and why.
    Rest(&'static str),
    Open,
    Revise {
        row: RowId,
        revision: u32,
    },
    /// The drift is gone.
    Withdraw {
        row: RowId,
        revision: u32,
    },
}

pub(super) fn act(reading: &Reading, known: Known<'_>) -> Act {
    let open = known.open(&reading.app);
    if reading.operation_running {
        return Act::Rest("an operation is running");
    }
    match reading.sync_status.as_str() {
        "OutOfSync" => drifted(reading, known, open),
        "Synced" => match open {
            Some(row) if row.head.state.undecided() => {
                Act::Withdraw { row: row.head.id, revision: row.head.revision }
            }
            _ => Act::Rest("in sync"),
        },
        _ => Act::Rest("ArgoCD cannot tell whether it is in sync"),
    }
}

fn drifted(reading: &Reading, known: Known<'_>, open: Option<&RowView>) -> Act {
    let drift = reading.base().drift();
    let Some(row) = open else {
        let held = known
            .holds
            .iter()
            .any(|hold| hold.subject == reading.app && hold.drift == drift && hold.lifted.is_none());
        return if held { Act::Rest("the same drift is held") } else { Act::Open };
    };
    let revise = Act::Revise { row: row.head.id, revision: row.head.revision };
    match row.head.state {
        State::NeedsChanges | State::Stale => revise,
        State::Pending | State::HalfSigned if row.drift_sha256 != Some(drift) => revise,
        State::Pending | State::HalfSigned => Act::Rest("its row is open"),
        _ => Act::Rest("its row is being carried out"),
    }
}

impl<'k> Known<'k> {
    /// The one row of this application that something can still follow from.
    pub(super) fn open(self, app: &str) -> Option<&'k RowView> {
        let lives = |row: &&RowView| {
            row.head.state.undecided()
                || matches!(
                    row.head.state,
                    State::Approved | State::Executing | State::Executed | State::Unknown
                )
        };
        self.of(app).find(lives)
    }

    /// What people said about this application, newest first.
    pub(super) fn past(self, app: &str, drift: Digest) -> Vec<Past> {
        let mut past: Vec<Past> = self
            .of(app)
            .flat_map(|row| row.decisions.iter().map(move |decision| one(row, decision, drift)))
            .collect();
        let told: Vec<_> = past.iter().map(|past| past.row.clone()).collect();
        let holds =
            self.holds.iter().filter(|hold| hold.subject == app && !told.contains(&hold.row.to_string()));
        past.extend(holds.map(|hold| Past {
            row: hold.row.to_string(),
            decision: Decision::Decline.word().to_owned(),
            by: hold.by.to_string(),
            at: hold.since,
            note: hold.note.clone(),
            same_drift: hold.drift == drift,
        }));
        past.sort_by_key(|past| std::cmp::Reverse(past.at));
        past.truncate(PAST_MAX);
        past
    }

    /// What a reviewer asked to be changed in this row.
    pub(super) fn asks(self, row: RowId, drift: Digest) -> Option<Asks> {
        let row =
            self.rows.iter().find(|view| view.head.id == row && view.head.state == State::NeedsChanges)?;
        let last = row.decisions.iter().rev().find(|decision| decision.decision == Decision::NeedsChanges)?;
        let note = last.note.clone().unwrap_or_default();
        Some(Asks { by: last.reviewer.to_string(), note, same_drift: row.drift_sha256 == Some(drift) })
    }

    /// The newest row of this application, whatever became of it: what a new one comes after.
    pub(super) fn newest(self, app: &str) -> Option<RowId> {
        self.of(app).map(|row| row.head.id).max()
    }

    fn of<'a>(self, app: &'a str) -> impl Iterator<Item = &'k RowView> + use<'k, 'a> {
        self.rows.iter().filter(move |row| row.head.kind == Kind::Sync && row.head.subject == app)
    }
}

fn one(row: &RowView, decision: &DecisionView, drift: Digest) -> Past {
    Past {
        row: row.head.id.to_string(),
        decision: decision.decision.word().to_owned(),
        by: decision.reviewer.to_string(),
        at: decision.at,
        note: decision.note.clone().unwrap_or_default(),
        same_drift: row.drift_sha256 == Some(drift),
    }
}

/// The key under which a call counts once: what is done, and what it is done about.
pub(super) fn key(act: &Act, app: &str, base: Digest, newest: Option<RowId>) -> String {
    let about = match act {
        Act::Rest(_) => "rest".to_owned(),
        Act::Open => {
            format!("open after {}", newest.map_or_else(|| "none".to_owned(), |row| row.to_string()))
        }
        Act::Revise { row, revision } => format!("revise {row}/{revision}"),
        Act::Withdraw { row, revision } => format!("withdraw {row}/{revision}"),
    };
    Digest::of(format!("argus.v1\n{app}\n{about}\n{base}")).to_string()
}
