//! What to do about one incident and one subject: a pure answer from what Dock has about them.
//!
//! Exactly one row for each incident and subject follows from here: the answer depends on nothing that a restart loses, and
//! the keys of the calls are made of what was read, so that two agents at once say the same words.
//! Never: IO, memory.

use jiff::Timestamp;

use crate::{
    agent::{
        facts::{Asks, Past},
        told,
    },
    row::{Decision, Digest, Kind, Pointer, RowId, State, difference},
    wire::{DecisionView, RowView},
};

/// Decisions that are remembered in a draft.
const PAST_MAX: usize = 8;

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::agent) enum Act {
    /// Nothing, and why.
    Rest(String),
    Open,
    Revise {
        row: RowId,
        revision: u32,
    },
    /// Its row is open: to be revised once the base has moved.
    Watch {
        row: RowId,
        revision: u32,
    },
    /// Another incident's row is open on the subject: it is to name this one, which waits for it to be over.
    Beside(RowId),
}

/// The rule whose signals name the incidents that wait for a row to be over.
const BESIDE: &str = "another-incident/";

/// What Dock knows of rows of one kind.
#[derive(Debug, Clone, Copy)]
pub(in crate::agent) struct Known<'a> {
    pub(in crate::agent) kind: Kind,
    pub(in crate::agent) rows: &'a [RowView],
}

/// What people settled rests, unless one of them `asked` for this incident by its name.
pub(in crate::agent) fn act(known: Known<'_>, subject: &str, incident: &str, asked: bool) -> Act {
    let open = known.of(subject).find(|row| can_still_turn_out(row.head.state));
    let Some(row) = open else {
        let settled = known.over(subject, incident).filter(|row| is_settled(row) && !asked);
        return settled.map_or(Act::Open, |row| Act::Rest(what_became(row)));
    };
    let (id, revision, state) = (row.head.id, row.head.revision, row.head.state);
    let mine = row.head.incident.as_deref() == Some(incident);
    match state {
        State::NeedsChanges | State::Stale if mine => Act::Revise { row: id, revision },
        State::Pending | State::HalfSigned if mine => Act::Watch { row: id, revision },
        _ if mine => Act::Rest("its row is being carried out".to_owned()),
        State::Pending | State::HalfSigned => Act::Beside(id),
        _ => {
            let of = row.head.incident.as_deref().unwrap_or("no incident");
            Act::Rest(format!("{id} after {of} is open on the same subject"))
        }
    }
}

/// People had their say: they declined it, it was published, or it was taken back because of what they asked. What merely
/// came to nothing may be proposed again.
fn is_settled(row: &RowView) -> bool {
    match row.head.state {
        State::Failed | State::Expired => false,
        State::Withdrawn => row.decisions.iter().any(|one| one.decision == Decision::NeedsChanges),
        _ => true,
    }
}

/// `it was proposed, and that is over: rb-8822 declined by sarah`
fn what_became(row: &RowView) -> String {
    let (id, state) = (row.head.id, row.head.state);
    let how = match (state, &row.why, row.decisions.last()) {
        (State::Withdrawn, Some(why), _) => format!("{id} withdrawn: {why}"),
        (State::Declined, _, Some(last)) => format!("{id} declined by {}", last.reviewer),
        (_, _, Some(last)) => format!("{id} {}, decided by {}", state.word(), last.reviewer),
        (_, _, None) => format!("{id} {}", state.word()),
    };
    format!("it was proposed, and that is over: {how}")
}

/// The row names this incident as one that waits for it.
pub(in crate::agent) fn names(row: &RowView, incident: &str) -> bool {
    beside(row).any(|pointer| pointer.reference == incident)
}

fn beside(row: &RowView) -> impl Iterator<Item = &Pointer> {
    let signals = row.signals.iter().map(|view| &view.signal);
    signals.filter(|signal| signal.rule.starts_with(BESIDE)).map(|signal| &signal.pointer)
}

/// Something may still follow from a row in this state.
fn can_still_turn_out(state: State) -> bool {
    state.undecided()
        || matches!(state, State::Approved | State::Executing | State::Executed | State::Unknown)
}

impl<'k> Known<'k> {
    pub(in crate::agent) fn row(self, row: RowId) -> Option<&'k RowView> {
        self.rows.iter().find(|view| view.head.id == row)
    }

    /// What people said about this subject, newest first; `same` of what was about this very difference.
    pub(in crate::agent) fn past(self, subject: &str, diff: &str) -> Vec<Past> {
        let one = |row: &RowView, decision: &DecisionView| Past {
            row: row.head.id.to_string(),
            decision: decision.decision.word().to_owned(),
            by: decision.reviewer.to_string(),
            at: decision.at,
            note: decision.note.clone().unwrap_or_default(),
            same: difference::same(&row.diff, diff),
        };
        let mut past: Vec<Past> = self
            .of(subject)
            .flat_map(|row| row.decisions.iter().map(move |decision| one(row, decision)))
            .collect();
        past.sort_by_key(|past| std::cmp::Reverse(past.at));
        past.truncate(PAST_MAX);
        past
    }

    /// Incidents whose row nobody has decided yet.
    pub(in crate::agent) fn undecided(self) -> impl Iterator<Item = &'k str> {
        self.open_rows().filter_map(|row| row.head.incident.as_deref())
    }

    /// Rows that nobody has decided yet.
    pub(in crate::agent) fn open_rows(self) -> impl Iterator<Item = &'k RowView> {
        self.rows.iter().filter(move |row| row.head.kind == self.kind && row.head.state.undecided())
    }

    /// Incidents that wait for a row to be over, as the row itself remembers.
    pub(in crate::agent) fn waiting(self) -> impl Iterator<Item = &'k str> {
        let ours = self.rows.iter().filter(move |row| row.head.kind == self.kind);
        ours.flat_map(beside).map(|pointer| pointer.reference.as_str())
    }

    /// The newest row that was made of this incident and is over.
    pub(in crate::agent) fn over(self, subject: &str, incident: &str) -> Option<&'k RowView> {
        let of = self.of(subject).filter(|row| row.head.incident.as_deref() == Some(incident));
        of.filter(|row| !can_still_turn_out(row.head.state)).max_by_key(|row| row.head.id)
    }

    /// The newest row of this subject, whatever became of it: what a new one comes after.
    pub(in crate::agent) fn newest(self, subject: &str) -> Option<RowId> {
        self.of(subject).map(|row| row.head.id).max()
    }

    fn of<'a>(self, subject: &'a str) -> impl Iterator<Item = &'k RowView> + use<'k, 'a> {
        let kind = self.kind;
        self.rows.iter().filter(move |row| row.head.kind == kind && row.head.subject == subject)
    }
}

/// What reviewers asked to be changed in a row, the first first. What was asked of an earlier revision still stands.
pub(in crate::agent) fn asks(row: &RowView) -> Vec<Asks> {
    let asked = row.decisions.iter().filter(|decision| decision.decision == Decision::NeedsChanges);
    let ask = |decision: &DecisionView| Asks {
        by: decision.reviewer.to_string(),
        note: decision.note.clone().unwrap_or_default(),
        same: decision.revision == row.head.revision,
    };
    asked.map(ask).collect()
}

/// The key under which a call counts once: what is done, and what it is done about.
pub(in crate::agent) fn key(
    agent: &str,
    (subject, incident): (&str, &str),
    act: &Act,
    base: Digest,
    newest: Option<RowId>,
    read_at: Timestamp,
) -> String {
    let about = match act {
        Act::Rest(_) | Act::Beside(_) => "rest".to_owned(),
        Act::Open => told::occasion(newest, read_at),
        Act::Revise { row, revision } | Act::Watch { row, revision } => format!("revise {row}/{revision}"),
    };
    Digest::of(format!("{agent}.v1\n{subject}\n{incident}\n{about}\n{base}")).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::sample;

    fn row(state: State, incident: &str) -> RowView {
        let mut row = sample::view("rb-8821", 2, sample::draft());
        row.head.kind = Kind::Runbook;
        row.head.subject = "CONF-4711".into();
        row.head.state = state;
        row.head.incident = Some(incident.into());
        row
    }

    #[test]
    fn one_row_for_each_incident_and_subject() {
        let done = |rows: &[RowView], asked| match act(known(rows), "CONF-4711", "INC-2099", asked) {
            Act::Rest(_) => "rest",
            Act::Beside(_) => "beside",
            Act::Open => "open",
            Act::Revise { revision: 2, .. } => "revise",
            Act::Watch { revision: 2, .. } => "watch",
            Act::Revise { .. } | Act::Watch { .. } => "another revision",
        };
        let table = [
            ("nothing yet", vec![], "open"),
            ("degraded", vec![row(State::Degraded, "INC-2099")], "rest"),
            ("withdrawn by itself", vec![row(State::Withdrawn, "INC-2099")], "open"),
            ("withdrawn as a reviewer asked", vec![asked_of(row(State::Withdrawn, "INC-2099"))], "rest"),
            ("failed", vec![row(State::Failed, "INC-2099")], "open"),
            ("expired", vec![row(State::Expired, "INC-2099")], "open"),
            (
                "declined after it failed",
                vec![row(State::Failed, "INC-2099"), newer(row(State::Declined, "INC-2099"))],
                "rest",
            ),
            ("another incident's row is published now", vec![row(State::Executing, "INC-1")], "rest"),
            ("pending", vec![row(State::Pending, "INC-2099")], "watch"),
            ("half signed", vec![row(State::HalfSigned, "INC-2099")], "watch"),
            ("sent back", vec![row(State::NeedsChanges, "INC-2099")], "revise"),
            ("stale", vec![row(State::Stale, "INC-2099")], "revise"),
            ("approved", vec![row(State::Approved, "INC-2099")], "rest"),
            ("published", vec![row(State::Healthy, "INC-2099")], "rest"),
            ("declined", vec![row(State::Declined, "INC-2099")], "rest"),
            ("another incident's row is open", vec![row(State::Pending, "INC-1")], "beside"),
            ("another incident's row is over", vec![row(State::Healthy, "INC-1")], "open"),
        ];
        for (name, rows, expected) in table {
            assert_eq!(done(&rows, false), expected, "{name}");
            let over = rows.iter().all(|row| {
                row.head.incident.as_deref() == Some("INC-2099") && !can_still_turn_out(row.head.state)
            });
            assert_eq!(done(&rows, true), if over { "open" } else { expected }, "{name}, asked for by name");
        }
    }

    fn known(rows: &[RowView]) -> Known<'_> {
        Known { kind: Kind::Runbook, rows }
    }

    fn newer(mut row: RowView) -> RowView {
        row.head.id = "rb-8822".parse().unwrap();
        row
    }

    fn asked_of(mut row: RowView) -> RowView {
        row.decisions.push(decided(Decision::NeedsChanges));
        row
    }

    fn decided(decision: Decision) -> DecisionView {
        sample::said("sarah", decision, 2)
    }

    #[test]
    fn why_nothing_is_done_names_the_row_and_who_decided() {
        let mut row = row(State::Declined, "INC-2099");
        row.decisions.push(decided(Decision::Decline));
        let rows = [row];
        let Act::Rest(why) = act(known(&rows), "CONF-4711", "INC-2099", false) else { panic!("it rests") };
        assert_eq!(why, "it was proposed, and that is over: rb-8821 declined by sarah");
    }

    #[test]
    fn two_agents_say_the_same_and_another_incident_is_another_call() {
        let base = Digest::of("base");
        let key =
            |incident, act: &Act| key("scribe", ("CONF-4711", incident), act, base, None, sample::at(0));
        let revise = |revision| Act::Revise { row: "rb-8821".parse().unwrap(), revision };
        assert_eq!(key("INC-1", &Act::Open), key("INC-1", &Act::Open));
        assert_ne!(key("INC-1", &Act::Open), key("INC-2", &Act::Open));
        assert_ne!(key("INC-1", &revise(1)), key("INC-1", &revise(2)));
        let watched = Act::Watch { row: "rb-8821".parse().unwrap(), revision: 1 };
        assert_eq!(key("INC-1", &revise(1)), key("INC-1", &watched), "one revision, whatever called for it");
    }
}
