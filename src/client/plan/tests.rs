//! The plan as a table: outbox entry and row in, the one action out.

use super::*;
use crate::row::DecisionId;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_780_000_000 + second).unwrap()
}

fn entry(decision: Decision, fate: Fate) -> Entry {
    Entry {
        id: DecisionId::new(1, [7; 10]),
        row: "sync-8821".parse().unwrap(),
        revision: 1,
        decision,
        overrides: false,
        note: None,
        content: Digest::of("content"),
        base: Digest::of("base"),
        offline: true,
        statement: String::new(),
        signature: String::new(),
        key: String::new(),
        made_at: at(0),
        leaves_at: at(10),
        fate,
        attempts: 0,
        next_at: at(10),
        changed_at: at(0),
        opened: false,
    }
}

fn standing() -> Standing {
    Standing {
        revision: 1,
        content: Digest::of("content"),
        base: Digest::of("base"),
        state: State::Pending,
        agent: "argus".into(),
        arrived: vec![],
    }
}

#[test]
fn what_leaves_and_what_does_not() {
    use Decision::{Approve, Decline, NeedsChanges, Withdraw};
    let unknown = || Fate::Unknown { code: "busy".into(), message: String::new() };
    let same = standing();
    let revised = Standing { revision: 2, content: Digest::of("other"), ..standing() };
    let moved = Standing { base: Digest::of("moved"), ..standing() };
    let reworded = Standing { content: Digest::of("reworded"), ..standing() };
    let stale = Standing { state: State::Stale, ..standing() };
    let arrived = Standing { arrived: vec![DecisionId::new(1, [7; 10]).to_string()], ..revised.clone() };
    for (name, decision, fate, known, now, expected) in [
        ("it rests", Approve, Fate::Signed, Known::Row(&same), 9, "hold"),
        ("ask first", Approve, Fate::Signed, Known::NotAsked, 10, "ask"),
        ("nothing moved", Approve, Fate::Signed, Known::Row(&same), 10, "send"),
        ("a new revision", Approve, Fate::Signed, Known::Row(&revised), 10, "overtaken"),
        ("the base moved", Approve, Fate::Signed, Known::Row(&moved), 10, "overtaken"),
        ("other content", Approve, Fate::Signed, Known::Row(&reworded), 10, "overtaken"),
        ("stale", Approve, Fate::Signed, Known::Row(&stale), 10, "overtaken"),
        ("no such row", Approve, Fate::Signed, Known::Absent, 10, "send"),
        ("sent before a crash", Approve, Fate::Sending, Known::Row(&revised), 10, "send"),
        ("no answer yet", Approve, unknown(), Known::Row(&moved), 10, "send"),
        ("arrived already", Approve, Fate::Signed, Known::Row(&arrived), 10, "send"),
        ("a decline goes on", Decline, Fate::Signed, Known::Row(&revised), 10, "send"),
        ("a decline asks nobody", Decline, Fate::Signed, Known::NotAsked, 10, "send"),
        ("needs changes goes on", NeedsChanges, Fate::Signed, Known::Row(&moved), 10, "send"),
        ("a withdrawal goes on", Withdraw, Fate::Signed, Known::Row(&revised), 10, "send"),
        ("a decline rests too", Decline, Fate::Signed, Known::NotAsked, 3, "hold"),
    ] {
        let is = match plan(&[entry(decision, fate)], |_| known, at(now)).remove(0) {
            Action::Hold { .. } => "hold",
            Action::Ask { .. } => "ask",
            Action::Send => "send",
            Action::Overtaken { .. } => "overtaken",
        };
        assert_eq!(is, expected, "{name}");
    }
}

#[test]
fn pauses_grow_to_five_minutes_and_obey_the_server() {
    let asked = |seconds| Some(SignedDuration::from_secs(seconds));
    for (attempts, retry_after, dice, expected) in [
        (0, None, 1.0, 1),
        (0, None, 0.0, 1),
        (1, None, 1.0, 2),
        (4, None, 1.0, 16),
        (4, None, 0.5, 8),
        (9, None, 1.0, 300),
        (40, None, 1.0, 300),
        (u32::MAX, None, 1.0, 300),
        (1, asked(30), 1.0, 30),
        (9, asked(30), 1.0, 300),
        (1, asked(9_999), 1.0, 300),
        (1, None, f64::NAN, 2),
    ] {
        assert_eq!(
            next_attempt(attempts, retry_after, dice, at(0)),
            at(expected),
            "{attempts} {retry_after:?} {dice}"
        );
    }
}
