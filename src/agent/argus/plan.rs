//! What to do about one application: a pure answer from its reading and what Dock has open about it.
//!
//! Exactly one row per settled drift follows from here: the answer depends on nothing that a restart loses, and the keys
//! of the calls are made of what was read, so that two Argus at once say the same words.
//! Never: IO, memory.

use jiff::Timestamp;

use crate::{
    agent::told,
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
        why: &'static str,
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
                Act::Withdraw { row: row.head.id, revision: row.head.revision, why: "the drift is gone" }
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
            same: hold.drift == drift,
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
        Some(Asks { by: last.reviewer.to_string(), note, same: row.drift_sha256 == Some(drift) })
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
        same: row.drift_sha256 == Some(drift),
    }
}

/// The key under which a call counts once: what is done, and what it is done about. Dock tells of rows that ended within a
/// day; a drift that comes back later, the same to the byte, is a new occasion by its day.
pub(super) fn key(act: &Act, app: &str, base: Digest, newest: Option<RowId>, read_at: Timestamp) -> String {
    let about = match act {
        Act::Rest(_) => "rest".to_owned(),
        Act::Open => told::occasion(newest, read_at),
        Act::Revise { row, revision } => format!("revise {row}/{revision}"),
        Act::Withdraw { row, revision, .. } => format!("withdraw {row}/{revision}"),
    };
    Digest::of(format!("argus.v1\n{app}\n{about}\n{base}")).to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        client::sample,
        row::sync::{Resource, ResourceKey},
    };

    const APP: &str = "checkout-web";

    fn reading(flag: &str) -> Reading {
        let key = ResourceKey {
            group: String::new(),
            kind: "ConfigMap".into(),
            namespace: "checkout".into(),
            name: "flags".into(),
        };
        let side = |value: &str| Some(json!({"data": {"express": value}}));
        let flags = Resource {
            key,
            live: side(flag),
            predicted: side("on"),
            hand: None,
            uid: None,
            resource_version: None,
        };
        Reading {
            app: APP.into(),
            project: "checkout".into(),
            environment: Some("production".into()),
            sync_status: "OutOfSync".into(),
            health: "Healthy".into(),
            revisions: vec!["r1".into()],
            synced_revisions: vec!["r1".into()],
            sources: vec![],
            auto_sync: false,
            operation_running: false,
            reconciled_at: None,
            history_id: None,
            operation_finished_at: None,
            resources: vec![flags],
            hooks: vec![],
        }
    }

    fn row(state: State, drift: &Reading) -> RowView {
        let mut view = sample::view("sync-8822", 2, sample::draft());
        view.head.state = state;
        view.drift_sha256 = Some(drift.base().drift());
        view
    }

    fn hold(drift: &Reading) -> Hold {
        Hold {
            subject: APP.into(),
            drift: drift.base().drift(),
            row: "sync-8801".parse().unwrap(),
            by: "sarah".parse().unwrap(),
            note: "the toggle stays".into(),
            incident: None,
            since: sample::at(0),
            lifted: None,
        }
    }

    #[test]
    fn one_row_for_each_drift() {
        let (same, other) = (reading("off"), reading("half"));
        let in_sync = Reading { sync_status: "Synced".into(), ..reading("on") };
        let unknown = Reading { sync_status: "Unknown".into(), ..reading("off") };
        let running = Reading { operation_running: true, ..reading("off") };
        let open = |state| vec![row(state, &same)];
        let mut lifted = hold(&same);
        lifted.lifted = Some(crate::row::hold::Lifted {
            by: "sarah".parse().unwrap(),
            at: sample::at(1),
            why: "over".into(),
        });
        let table = vec![
            ("a new drift", &same, vec![], vec![], "open"),
            ("held", &same, vec![], vec![hold(&same)], "rest"),
            ("another drift than the held one", &other, vec![], vec![hold(&same)], "open"),
            ("the hold was lifted", &same, vec![], vec![lifted], "open"),
            ("open already", &same, open(State::Pending), vec![], "rest"),
            ("the open row's drift changed", &other, open(State::Pending), vec![], "revise"),
            ("half signed, changed", &other, open(State::HalfSigned), vec![], "revise"),
            ("sent back", &same, open(State::NeedsChanges), vec![], "revise"),
            ("stale", &same, open(State::Stale), vec![], "revise"),
            ("approved, changed: the executor finds out", &other, open(State::Approved), vec![], "rest"),
            ("executing", &other, open(State::Executing), vec![], "rest"),
            ("done before, drifted again", &same, open(State::Healthy), vec![], "open"),
            ("declined before, drifted otherwise", &other, open(State::Declined), vec![], "open"),
            ("expired, still there", &same, open(State::Expired), vec![], "open"),
            ("in sync again", &in_sync, open(State::Pending), vec![], "withdraw"),
            ("in sync, sent back", &in_sync, open(State::NeedsChanges), vec![], "withdraw"),
            ("in sync after our sync", &in_sync, open(State::Executed), vec![], "rest"),
            ("in sync, nothing open", &in_sync, vec![], vec![], "rest"),
            ("ArgoCD cannot tell", &unknown, open(State::Pending), vec![], "rest"),
            ("an operation runs", &running, vec![], vec![], "rest"),
        ];
        for (name, reading, rows, holds, expected) in table {
            let got = match act(reading, Known { rows: &rows, holds: &holds }) {
                Act::Rest(_) => "rest",
                Act::Open => "open",
                Act::Revise { revision: 2, .. } => "revise",
                Act::Withdraw { revision: 2, .. } => "withdraw",
                Act::Revise { .. } | Act::Withdraw { .. } => "another revision",
            };
            assert_eq!(got, expected, "{name}");
        }
    }

    #[test]
    fn two_argus_say_the_same_and_a_new_occasion_is_a_new_call() {
        let base = Digest::of("base");
        let key = |act: &Act, app: &str, base, newest| super::key(act, app, base, newest, sample::at(0));
        let first = || key(&Act::Open, APP, base, None);
        assert_eq!(first(), first());
        let others = [
            key(&Act::Open, APP, Digest::of("other"), None),
            key(&Act::Open, "other", base, None),
            key(&Act::Open, APP, base, Some("sync-8822".parse().unwrap())),
            key(&Act::Revise { row: "sync-8822".parse().unwrap(), revision: 1 }, APP, base, None),
            key(&Act::Revise { row: "sync-8822".parse().unwrap(), revision: 2 }, APP, base, None),
            key(&Act::Withdraw { row: "sync-8822".parse().unwrap(), revision: 2, why: "" }, APP, base, None),
            super::key(&Act::Open, APP, base, None, sample::at(24 * 60 * 60)),
        ];
        let all: std::collections::BTreeSet<_> = others.iter().cloned().chain([first()]).collect();
        assert_eq!(all.len(), 8);
    }

    #[test]
    fn what_was_declined_is_remembered() {
        let same = reading("off");
        let drift = same.base().drift();
        let (holds, rows) = ([hold(&same)], [row(State::Pending, &same)]);
        let past = Known { rows: &rows, holds: &holds }.past(APP, drift);
        assert_eq!(past.len(), 1);
        assert!(past[0].same && past[0].by == "sarah" && past[0].decision == "decline");
        assert!(Known { rows: &rows, holds: &holds }.past("other", drift).is_empty());
    }
}
