//! What to do about one run before one environment: a pure answer from its draft and what Dock has open about it.
//!
//! Exactly one row for each waiting run and environment follows from here: the answer depends on nothing that a restart
//! loses, and the keys of the calls are made of what was read, so that two gatekeepers at once say the same words.
//! Never: IO, memory.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::facts::{Asks, Past};
use crate::{
    agent::{told, words},
    row::{
        Base, Decision, Digest, Draft, Grade, Kind, RowId, State, Verdict, Weight,
        gate::{self, GateBase, Reading},
    },
    wire::{DecisionView, RowView, WithdrawRequest},
};

/// Decisions that are remembered in a draft.
const PAST_MAX: usize = 8;
/// A row has no more revisions than 32; the last ones are kept for what people ask and what moved.
const REVISED_BY_SIGNALS_MAX: u32 = 24;
/// Signals that change while a person reads do not turn the page each second.
const REVISED_AGAIN_AFTER: SignedDuration = SignedDuration::from_secs(60);
/// A number that differs by less than this share of the larger one wobbles.
const WOBBLE: f64 = 0.5;

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
    /// The run was tried again, or its head moved: another row takes the place of this one.
    Supersede {
        row: RowId,
        revision: u32,
    },
    /// It waits no more, and what became of it instead.
    Withdraw {
        row: RowId,
        revision: u32,
        why: String,
    },
}

/// What became of the signals that a row was drafted with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Change {
    None,
    Better,
    Worse,
}

/// What Dock knows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known<'a> {
    pub(super) rows: &'a [RowView],
}

pub(super) fn act(reading: &Reading, draft: &Draft, known: Known<'_>) -> Act {
    let subject = reading.subject();
    let open = known.open(&subject);
    if !reading.waits {
        return match open {
            Some(row) if row.head.state.undecided() => {
                let why = reading.instead.as_deref().unwrap_or("it waits no more");
                let why = words::cut(&words::line(why), WithdrawRequest::WHY_MAX);
                Act::Withdraw { row: row.head.id, revision: row.head.revision, why }
            }
            _ => Act::Rest("it does not wait"),
        };
    }
    let Some(row) = open else {
        let declined = known.of(&subject).any(|row| {
            row.head.state == State::Declined && base(row).is_some_and(|base| same_attempt(base, reading))
        });
        return if declined { Act::Rest("it was declined; the run is being told") } else { Act::Open };
    };
    let (id, revision) = (row.head.id, row.head.revision);
    // A key covers the signals that it saw: while nothing is written, worse ones void it. That the run moved on, the
    // executor finds out by itself.
    let same_run = base(row).is_some_and(|base| same_attempt(base, reading));
    if row.head.state == State::Approved && same_run && change(row, draft) == Change::Worse {
        return revise_by_signals(row, draft);
    }
    if !row.head.state.undecided() {
        return Act::Rest("its row is being carried out");
    }
    if base(row).is_none_or(|base| !same_attempt(base, reading)) {
        return Act::Supersede { row: id, revision };
    }
    let revise = Act::Revise { row: id, revision };
    let moved = base(row).is_none_or(|base| !reading.moved(base).is_empty());
    match row.head.state {
        State::NeedsChanges | State::Stale => revise,
        _ if moved => revise,
        State::HalfSigned if change(row, draft) == Change::Worse => revise_by_signals(row, draft),
        State::Pending if change(row, draft) != Change::None => revise_by_signals(row, draft),
        _ => Act::Rest("its row is open"),
    }
}

fn revise_by_signals(row: &RowView, draft: &Draft) -> Act {
    let age = draft.read_at.duration_since(row.head.changed_at);
    if row.head.revision >= REVISED_BY_SIGNALS_MAX {
        Act::Rest("its row was revised often enough")
    } else if age < REVISED_AGAIN_AFTER && row.head.verdict == draft.verdict {
        Act::Rest("its row was just revised")
    } else {
        Act::Revise { row: row.head.id, revision: row.head.revision }
    }
}

fn base(row: &RowView) -> Option<&GateBase> {
    match &row.base_read {
        Base::Gate(base) => Some(base),
        Base::Sync(_) | Base::Runbook(_) | Base::Postmortem(_) | Base::Policy(_) => None,
    }
}

fn same_attempt(base: &GateBase, reading: &Reading) -> bool {
    let now = reading.base();
    (base.attempt, &base.head_sha) == (now.attempt, &now.head_sha)
}

/// Its deploy may still become healthy, or not: nothing was told of it yet.
pub(super) fn is_awaited(row: &RowView) -> bool {
    can_still_turn_out(row.head.state) && row.outcome.is_none()
}

/// Something may still follow from a row in this state.
fn can_still_turn_out(state: State) -> bool {
    state.undecided()
        || matches!(state, State::Approved | State::Executing | State::Executed | State::Unknown)
}

/// From the row's signals to the draft's: by verdict, by the rules that fired, by values that did more than wobble.
pub(super) fn change(row: &RowView, draft: &Draft) -> Change {
    let rank = |verdict: Verdict| match verdict {
        Verdict::Block => 2,
        Verdict::Hold => 1,
        Verdict::Sync | Verdict::Ship | Verdict::Publish => 0,
    };
    let by_verdict = match rank(draft.verdict).cmp(&rank(row.head.verdict)) {
        std::cmp::Ordering::Greater => Change::Worse,
        std::cmp::Ordering::Equal => Change::None,
        std::cmp::Ordering::Less => Change::Better,
    };
    let was = weighing(row.signals.iter().map(|view| {
        let signal = &view.signal;
        (signal.rule.as_str(), signal.name.as_str(), signal.value.as_str(), signal.verdict, signal.weight)
    }));
    let is = weighing(draft.signals.iter().map(|signal| {
        (signal.rule.as_str(), signal.name.as_str(), signal.value.as_str(), signal.verdict, signal.weight)
    }));
    let speaks_for = |weight: Weight| weight == Weight::Go;
    let come = is
        .iter()
        .filter(|(key, _)| !was.contains_key(*key))
        .map(|(_, (_, _, weight))| if speaks_for(*weight) { Change::Better } else { Change::Worse });
    let gone = was
        .iter()
        .filter(|(key, _)| !is.contains_key(*key))
        .map(|(_, (_, _, weight))| if speaks_for(*weight) { Change::Worse } else { Change::Better });
    let stayed = is.iter().filter_map(|(key, (value, grade, _))| {
        let (before, _, _) = was.get(key)?;
        let alike = *grade == Grade::Unknown || alike(before, value);
        Some(if alike { Change::None } else { Change::Worse })
    });
    come.chain(gone).chain(stayed).fold(by_verdict, Change::max)
}

type Weighing<'a> = BTreeMap<(&'a str, &'a str), (&'a str, Grade, Weight)>;

/// The signals that say something for or against it, by rule and name. What was merely read may wobble as it likes.
fn weighing<'a>(signals: impl Iterator<Item = (&'a str, &'a str, &'a str, Grade, Weight)>) -> Weighing<'a> {
    signals
        .filter(|(rule, ..)| !rule.starts_with("read/"))
        .map(|(rule, name, value, grade, weight)| ((rule, name), (value, grade, weight)))
        .collect()
}

/// The same words, and numbers that differ by no more than a wobble. `INC-771` is a word.
fn alike(one: &str, other: &str) -> bool {
    let (one, other): (Vec<_>, Vec<_>) =
        (one.split_whitespace().collect(), other.split_whitespace().collect());
    one.len() == other.len()
        && one.iter().zip(&other).all(|(one, other)| match (number(one), number(other)) {
            (Some((one, unit)), Some((other, same))) if unit == same => {
                (one - other).abs() <= WOBBLE * one.abs().max(other.abs())
            }
            _ => one == other,
        })
}

/// `4.1x,` → (4.1, "x,").
fn number(word: &str) -> Option<(f64, &str)> {
    let end = word.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(word.len());
    let (digits, unit) = word.split_at(end);
    digits.parse().ok().map(|number| (number, unit))
}

impl<'k> Known<'k> {
    /// The one row of this subject that something can still follow from.
    pub(super) fn open(self, subject: &str) -> Option<&'k RowView> {
        self.of(subject).find(|row| can_still_turn_out(row.head.state))
    }

    /// Subjects whose row nobody has decided yet.
    pub(super) fn undecided(self) -> impl Iterator<Item = &'k GateBase> {
        self.rows
            .iter()
            .filter(|row| row.head.kind == Kind::Gate && row.head.state.undecided())
            .filter_map(base)
    }

    /// What people said about this service before this environment, newest first.
    pub(super) fn past(self, reading: &Reading, diff: &str) -> Vec<Past> {
        let about = |row: &&RowView| {
            row.head.kind == Kind::Gate
                && base(row).is_some_and(|base| {
                    base.service == reading.service && base.environment == reading.environment
                })
        };
        let same = |row: &RowView| row.diff == diff;
        let one = |row: &RowView, decision: &DecisionView| Past {
            row: row.head.id.to_string(),
            decision: decision.decision.word().to_owned(),
            by: decision.reviewer.to_string(),
            at: decision.at,
            note: decision.note.clone().unwrap_or_default(),
            same: same(row),
        };
        let rows = self.rows.iter().filter(about);
        let mut past: Vec<Past> =
            rows.flat_map(|row| row.decisions.iter().map(move |decision| one(row, decision))).collect();
        past.sort_by_key(|past| std::cmp::Reverse(past.at));
        past.truncate(PAST_MAX);
        past
    }

    /// What a reviewer asked to be changed in this row.
    pub(super) fn asks(self, row: RowId, diff: &str) -> Option<Asks> {
        let row =
            self.rows.iter().find(|view| view.head.id == row && view.head.state == State::NeedsChanges)?;
        let last = row.decisions.iter().rev().find(|decision| decision.decision == Decision::NeedsChanges)?;
        let note = last.note.clone().unwrap_or_default();
        Some(Asks { by: last.reviewer.to_string(), note, same: row.diff == diff })
    }

    /// The same run's row before the environment that this one is promoted from.
    pub(super) fn promoted(self, service: &gate::Service, reading: &Reading) -> Option<&'k RowView> {
        let from = service.promotes_to.iter().find(|(_, to)| **to == reading.environment)?.0;
        self.of(&gate::subject(&reading.service, reading.run.id, from)).max_by_key(|row| row.head.id)
    }

    /// The newest row of this subject, whatever became of it: what a new one comes after.
    pub(super) fn newest(self, subject: &str) -> Option<RowId> {
        self.of(subject).map(|row| row.head.id).max()
    }

    fn of<'a>(self, subject: &'a str) -> impl Iterator<Item = &'k RowView> + use<'k, 'a> {
        self.rows.iter().filter(move |row| row.head.kind == Kind::Gate && row.head.subject == subject)
    }
}

/// The key under which a call counts once: what is done, and what it is done about. Dock tells of rows that ended within a
/// day; a run that still waits later is a new occasion by its day.
pub(super) fn key(
    act: &Act,
    subject: &str,
    base: Digest,
    newest: Option<RowId>,
    read_at: Timestamp,
) -> String {
    let about = match act {
        Act::Rest(_) => "rest".to_owned(),
        Act::Open => told::occasion(newest, read_at),
        Act::Revise { row, revision } => format!("revise {row}/{revision}"),
        Act::Supersede { row, revision } => format!("supersede {row}/{revision}"),
        Act::Withdraw { row, revision, .. } => format!("withdraw {row}/{revision}"),
    };
    Digest::of(format!("gatekeeper.v1\n{subject}\n{about}\n{base}")).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        client::sample,
        row::{Effect, Pointer, Risk, Signal, difference},
    };

    fn reading() -> Reading {
        gate::example::reading()
    }

    fn signal(rule: &str, name: &str, value: &str, verdict: Grade, weight: Weight) -> Signal {
        let pointer = Pointer {
            name: "github_run_id".into(),
            platform: "github".into(),
            reference: "9826".into(),
            url: String::new(),
        };
        Signal {
            name: name.into(),
            value: value.into(),
            verdict,
            weight,
            pointer,
            rule: rule.into(),
            fetched_at: sample::at(0),
            budget_s: 300,
            series: None,
        }
    }

    fn draft(reading: &Reading, verdict: Verdict, signals: Vec<Signal>) -> Draft {
        Draft {
            kind: Kind::Gate,
            subject: reading.subject(),
            environment: reading.environment.clone(),
            verdict,
            signals,
            base: Base::Gate(reading.base()),
            effect: Effect::Github(reading.effect()),
            diff: difference::of_gate(reading),
            proposal: None,
            amended_by: vec![],
            risk: Risk::Irreversible,
            read_at: sample::at(3600),
            ..sample::draft()
        }
    }

    fn burn(value: &str) -> Signal {
        signal("slo-burning/1", "SLO burn 1h", value, Grade::Bad, Weight::Hold)
    }

    fn held(value: &str) -> Draft {
        draft(&reading(), Verdict::Hold, vec![burn(value)])
    }

    fn row(state: State, draft: Draft) -> RowView {
        let mut view = sample::view("gate-9826", 2, draft);
        view.head.state = state;
        view.head.changed_at = sample::at(0);
        view
    }

    #[test]
    fn what_is_approved_and_not_begun_is_drafted_again_when_signals_get_worse() {
        let reading = reading();
        let worse = draft(
            &reading,
            Verdict::Block,
            vec![burn("4x"), signal("ci-failed/1", "CI", "test", Grade::Bad, Weight::Block)],
        );
        let better = draft(&reading, Verdict::Hold, vec![]);
        for (state, draft, revises) in [
            (State::Approved, &worse, true),
            (State::Approved, &better, false),
            (State::Executing, &worse, false),
        ] {
            let rows = [row(state, held("4x"))];
            let act = act(&reading, draft, Known { rows: &rows });
            assert_eq!(matches!(act, Act::Revise { .. }), revises, "{state}: {act:?}");
        }
    }

    #[test]
    fn one_row_for_each_run_and_environment() {
        let same = reading();
        let mut again = reading();
        again.run.attempt = 2;
        let mut replanned = reading();
        if let gate::Told::Known(plan) = &mut replanned.plan {
            plan.digest = Digest::of("another plan");
        }
        let over = Reading { waits: false, ..reading() };
        let rows = |state| vec![row(state, held("4x"))];
        let table = vec![
            ("it waits", &same, vec![], "open"),
            ("it does not wait", &over, vec![], "rest"),
            ("open already", &same, rows(State::Pending), "rest"),
            ("tried again", &again, rows(State::Pending), "supersede"),
            ("tried again, half signed", &again, rows(State::HalfSigned), "supersede"),
            ("tried again, sent back", &again, rows(State::NeedsChanges), "supersede"),
            ("another plan", &replanned, rows(State::Pending), "revise"),
            ("sent back", &same, rows(State::NeedsChanges), "revise"),
            ("stale", &same, rows(State::Stale), "revise"),
            ("approved, tried again: the executor finds out", &again, rows(State::Approved), "rest"),
            ("executing", &same, rows(State::Executing), "rest"),
            ("declined: GitHub is being told", &same, rows(State::Declined), "rest"),
            ("declined, and tried again", &again, rows(State::Declined), "open"),
            ("expired, still there", &same, rows(State::Expired), "open"),
            ("answered elsewhere", &over, rows(State::Pending), "withdraw"),
            ("answered elsewhere, sent back", &over, rows(State::NeedsChanges), "withdraw"),
            ("answered by us", &over, rows(State::Executed), "rest"),
        ];
        for (name, reading, rows, expected) in table {
            let draft = draft(reading, Verdict::Hold, vec![burn("4x")]);
            let got = match act(reading, &draft, Known { rows: &rows }) {
                Act::Rest(_) => "rest",
                Act::Open => "open",
                Act::Revise { revision: 2, .. } => "revise",
                Act::Supersede { revision: 2, .. } => "supersede",
                Act::Withdraw { revision: 2, .. } => "withdraw",
                Act::Revise { .. } | Act::Supersede { .. } | Act::Withdraw { .. } => "another revision",
            };
            assert_eq!(got, expected, "{name}");
        }
    }

    #[test]
    fn signals_that_change_are_told_apart_from_those_that_wobble() {
        let was = row(State::Pending, held("4x, 5m 4.1x"));
        let check =
            |name: &str, now: Draft, expected: Change| assert_eq!(change(&was, &now), expected, "{name}");
        let with = |more: Signal| {
            let mut draft = held("4x, 5m 4.1x");
            draft.signals.push(more);
            draft
        };
        check("the same", held("4x, 5m 4.1x"), Change::None);
        check("it wobbles", held("4.4x, 5m 3.9x"), Change::None);
        check("it doubles and more", held("9x, 5m 9x"), Change::Worse);
        check("gone", draft(&reading(), Verdict::Hold, vec![]), Change::Better);
        check("milder", draft(&reading(), Verdict::Ship, vec![burn("4x, 5m 4.1x")]), Change::Better);
        check("worse", draft(&reading(), Verdict::Block, vec![burn("4x, 5m 4.1x")]), Change::Worse);
        let incident = |value: &str| signal("open-sev1/1", "open incident", value, Grade::Bad, Weight::Block);
        check("an incident", with(incident("INC-771")), Change::Worse);
        check("merely read", with(signal("read/1", "p95", "9 ms", Grade::Good, Weight::Note)), Change::None);
        check(
            "something speaks for it",
            with(signal("green-and-stable/1", "readiness", "green", Grade::Good, Weight::Go)),
            Change::Better,
        );
        check(
            "a new version of a rule cannot be compared",
            draft(
                &reading(),
                Verdict::Hold,
                vec![Signal { rule: "slo-burning/2".into(), ..burn("4x, 5m 4.1x") }],
            ),
            Change::Worse,
        );
        assert!(!alike("INC-771", "INC-772") && !alike("4x", "4 x") && alike("92% spent", "96% spent"));
        let unknown = |why: &str| signal("unknown-fact/1", "CI", why, Grade::Unknown, Weight::Hold);
        let (one, other) = (
            draft(&reading(), Verdict::Hold, vec![unknown("timeout")]),
            draft(&reading(), Verdict::Hold, vec![unknown("HTTP 502")]),
        );
        assert_eq!(change(&row(State::Pending, one), &other), Change::None);
    }

    #[test]
    fn a_row_is_revised_by_its_signals_now_and_then() {
        let reading = reading();
        let act = |row: RowView, draft: &Draft| act(&reading, draft, Known { rows: &[row] });
        let revise = Act::Revise { row: "gate-9826".parse().unwrap(), revision: 2 };
        assert_eq!(act(row(State::Pending, held("1x")), &held("4x")), revise);
        let gone = draft(&reading, Verdict::Hold, vec![]);
        assert_eq!(act(row(State::Pending, held("1x")), &gone), revise);
        // A key stays while what it saw got better.
        assert!(matches!(act(row(State::HalfSigned, held("1x")), &gone), Act::Rest(_)));
        assert_eq!(act(row(State::HalfSigned, held("1x")), &held("4x")), revise);
        let mut just = row(State::Pending, held("1x"));
        just.head.changed_at = sample::at(3590);
        assert!(matches!(act(just.clone(), &held("4x")), Act::Rest(_)));
        assert_eq!(act(just, &draft(&reading, Verdict::Block, vec![burn("4x")])), revise);
        let mut often = row(State::Pending, held("1x"));
        often.head.revision = REVISED_BY_SIGNALS_MAX;
        assert!(matches!(act(often, &held("4x")), Act::Rest(_)));
    }

    #[test]
    fn two_gatekeepers_say_the_same_and_a_new_occasion_is_a_new_call() {
        let base = Digest::of("base");
        let row: RowId = "gate-9826".parse().unwrap();
        let key = |act: &Act, newest, at| key(act, "a/1/production", base, newest, sample::at(at));
        let first = || key(&Act::Open, None, 0);
        assert_eq!(first(), first());
        let all = [
            first(),
            key(&Act::Open, Some(row), 0),
            key(&Act::Open, None, 24 * 60 * 60),
            key(&Act::Revise { row, revision: 1 }, None, 0),
            key(&Act::Supersede { row, revision: 1 }, None, 0),
            key(&Act::Withdraw { row, revision: 1, why: String::new() }, None, 0),
        ];
        assert_eq!(all.iter().collect::<std::collections::BTreeSet<_>>().len(), all.len());
    }

    #[test]
    fn a_row_is_taken_back_with_what_became_of_its_run() {
        let rows = [row(State::Pending, held("4x"))];
        let why = |instead: Option<&str>| {
            let over = Reading { waits: false, instead: instead.map(str::to_owned), ..reading() };
            match act(&over, &held("4x"), Known { rows: &rows }) {
                Act::Withdraw { why, .. } => why,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(why(Some("approved in GitHub by govind")), "approved in GitHub by govind");
        assert_eq!(why(Some("rejected\u{1b}[2J\n by x")), "rejected [2J by x", "what GitHub shows is data");
        assert_eq!(why(None), "it waits no more");
        assert!(why(Some(&"x".repeat(2000))).len() <= WithdrawRequest::WHY_MAX);
    }

    #[test]
    fn the_row_of_the_environment_before_is_found() {
        let service: gate::Service = toml::from_str(
            "repository = \"acme/billing-worker\"\nenvironments = { staging = \"reversible\", production = \
             \"irreversible\" }\npromotes_to = { staging = \"production\" }\n",
        )
        .unwrap();
        let staging = Reading { environment: "staging".into(), ..reading() };
        let rows = [row(State::Healthy, draft(&staging, Verdict::Ship, vec![]))];
        let found = Known { rows: &rows }.promoted(&service, &reading());
        assert_eq!(found.map(|row| row.head.id.to_string()).as_deref(), Some("gate-9826"));
        assert!(Known { rows: &rows }.promoted(&service, &staging).is_none());
    }
}
