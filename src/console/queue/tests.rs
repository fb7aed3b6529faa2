//! Groups, ranks and marks of the queue, and that nothing moves under the eye.

use super::super::sample::{self, id};
use super::*;
use crate::client::outbox::Seen;

fn known() -> Known {
    let snapshot = sample::snapshot();
    let mut known = Known { me: snapshot.me, holds: snapshot.holds, ..Known::default() };
    known.rows = snapshot.list.rows.into_iter().map(|row| (row.id, row)).collect();
    known.seen = snapshot.seen.into_iter().map(|seen| (seen.row, seen)).collect();
    known.set_entries(snapshot.entries);
    known
}

fn passing(known: &Known) -> BTreeSet<RowId> {
    known.rows.keys().copied().collect()
}

fn lines(queue: &Queue) -> Vec<String> {
    let line = |line: &Line| match line {
        Line::Heading { title } => format!("# {title}"),
        Line::Row(row) => row.to_string(),
        Line::Folded { count } => format!("+{count}"),
    };
    queue.lines.iter().map(line).collect()
}

#[test]
fn rows_stand_under_what_they_want() {
    let known = known();
    let mut queue = Queue::default();
    queue.settle(&known, &passing(&known), sample::now());
    assert_eq!(
        lines(&queue),
        [
            "# CAME BACK",
            "sync-8815",
            "# FOR YOU",
            "gate-9826",
            "sync-8822",
            "# SECOND KEY",
            "gate-9821",
            "# WAITS FOR OTHERS",
            "sync-8821",
            "# RUNNING",
            "sync-8819",
            "# DONE TODAY",
            "+1"
        ]
    );
}

#[test]
fn what_is_over_by_its_state_is_done_whoever_looks() {
    let known = known();
    let row = &known.rows[&id("gate-9821")];
    for state in State::ALL {
        let group = known.group(&Listed { state: *state, ..row.clone() });
        assert_eq!(group == Group::Done, state.over(), "{state}");
    }
}

#[test]
fn a_row_that_is_gone_from_under_the_cursor_leaves_it_in_its_group() {
    let mut known = known();
    let mut queue = Queue::default();
    queue.settle(&known, &passing(&known), sample::now());
    queue.cursor = queue.lines.iter().position(|line| *line == Line::Row(id("sync-8822"))).unwrap();
    known.rows.remove(&id("sync-8822"));
    queue.settle(&known, &passing(&known), sample::now());
    assert_eq!(queue.row(), Some(id("gate-9826")), "the other one of its group, not the next group's first");
    known.rows.remove(&id("gate-9826"));
    queue.settle(&known, &passing(&known), sample::now());
    assert!(queue.row().is_some(), "nothing is left of the group");
}

#[test]
fn what_was_only_counted_is_folded_with_the_rest() {
    let mut known = known();
    let recent = sample::now() - SignedDuration::from_hours(1);
    known.over = (1..=3).map(|number| (id(&format!("sync-{number}")), recent)).collect();
    let mut queue = Queue { counted: 3, unfolded: true, ..Queue::default() };
    queue.settle(&known, &passing(&known), sample::now());
    assert_eq!(lines(&queue)[11..], ["# DONE TODAY", "+4"], "until it is read");
    queue.counted = 0;
    queue.settle(&known, &passing(&known), sample::now());
    assert_eq!(lines(&queue)[11..], ["# DONE TODAY", "sync-8820"]);
    assert_eq!((known.counts()[&Group::Done], known.len()), (4, 10));
}

#[test]
fn ones_own_proposal_is_for_others() {
    let mut known = known();
    known.me.as_mut().unwrap().agents = ["argus", "gatekeeper"].map(|agent| agent.parse().unwrap()).to_vec();
    let group = |row: &str| known.group(&known.rows[&id(row)]);
    assert_eq!([group("sync-8822"), group("gate-9821")], [Group::Others, Group::Others]);
    let marks = marks::Marks::of(&known, &known.rows[&id("sync-8822")], false, sample::now());
    assert_eq!(marks.title, '=');
}

#[test]
fn marks_are_letters_in_their_columns() {
    let mut known = known();
    let mark = |known: &Known, row: &str, unknown: bool| {
        let marks = marks::Marks::of(known, &known.rows[&id(row)], unknown, sample::now());
        [marks.when, marks.news, marks.evidence, marks.delivery, marks.title].iter().collect::<String>()
    };
    assert_eq!(mark(&known, "gate-9826", true), "!*x @");
    assert_eq!(mark(&known, "sync-8822", false), " ~? @");
    assert_eq!(mark(&known, "sync-8821", false), " * ^ ");
    assert_eq!(mark(&known, "sync-8815", false), " * R ");
    known.holds[0].subject = "checkout-web".into();
    known.seen.insert(
        id("sync-8822"),
        Seen { row: id("sync-8822"), revision: 2, base: String::new(), at: sample::now() },
    );
    assert_eq!(mark(&known, "sync-8822", false), "H ? @");
    let words = marks::Marks::of(&known, &known.rows[&id("sync-8822")], false, sample::now()).words();
    assert_eq!(words.len(), 3, "each has its words: {words:?}");
}

#[test]
fn what_goes_under_the_cursor_stays_as_a_ghost_until_it_is_left() {
    let mut known = known();
    let mut queue = Queue::default();
    queue.settle(&known, &passing(&known), sample::now());
    queue.by(1, 20);
    assert_eq!(queue.row(), Some(id("gate-9826")));
    let gone = known.rows.remove(&id("gate-9826")).unwrap();
    queue.ghosts.insert(gone.id, gone);
    queue.settle(&known, &passing(&known), sample::now());
    assert_eq!(queue.row(), Some(id("gate-9826")), "still there");
    queue.by(1, 20);
    assert_eq!(queue.row(), Some(id("sync-8822")));
    assert!(!lines(&queue).contains(&"gate-9826".to_owned()));
}

#[test]
fn a_window_that_was_small_for_a_while_gives_the_place_back() {
    let mut queue =
        Queue { lines: (1..100).map(|n| Line::Row(id(&format!("sync-{n}")))).collect(), ..Queue::default() };
    queue.by(50, 20);
    queue.by(-9, 20);
    let before = (queue.top, queue.cursor);
    for height in [3, 1, 40, 7, 20] {
        queue.resized(height);
    }
    assert_eq!((queue.top, queue.cursor), before);
}

#[test]
fn rank_is_total_over_what_differs() {
    let known = known();
    let me = "sarah".parse().unwrap();
    let rows: Vec<_> = known.rows.values().collect();
    for a in &rows {
        for b in &rows {
            let (x, y) = (rank(a, Some(&me), sample::now()), rank(b, Some(&me), sample::now()));
            assert_eq!(x == y, a.id == b.id);
        }
    }
}

#[test]
fn a_runbook_whose_incident_is_on_comes_before_all_but_what_is_about_to_lapse() {
    let known = known();
    let now = sample::now();
    // So many hundredths of a day are left, on a production row of this subject and state.
    let row = |number: u32, subject: &str, left: i64, state: State| Listed {
        id: format!("rb-{number}").parse().unwrap(),
        subject: subject.into(),
        state,
        second_key_by: None,
        created_at: now - SignedDuration::from_mins((100 - left) * 10),
        expires_at: now + SignedDuration::from_mins(left * 10),
        ..known.rows.values().next().unwrap().clone()
    };
    let live = row(1, "CONF-4711@INC-2099", 99, State::Pending);
    for (name, other, first) in [
        ("an edit with all its time", row(2, "CONF-4711", 99, State::Pending), true),
        ("one with less", row(2, "CONF-4711", 11, State::Pending), true),
        ("one about to lapse", row(2, "CONF-4711", 9, State::Pending), false),
        ("a live one that is over", row(2, "CONF-4711@INC-1", 50, State::Healthy), true),
        ("a live one about to lapse", row(2, "CONF-4711@INC-1", 3, State::Pending), false),
    ] {
        assert_eq!(rank(&live, None, now) < rank(&other, None, now), first, "{name}");
    }
}

#[test]
fn what_went_wrong_after_ones_own_approval_comes_back_until_it_is_opened() {
    let mut known = known();
    let row = known.rows[&id("gate-9826")].clone();
    let turned = |state: State| Listed { state, ..row.clone() };
    assert_eq!(known.group(&turned(State::Failed)), Group::Done, "somebody else approved it");
    let accepted = Fate::Accepted { log_index: 7, row_state: "approved".into(), receipt: None };
    known.set_entries(vec![sample::entry("gate-9826", Decision::Approve, accepted.clone(), 7)]);
    for (state, expected) in [
        (State::Executing, Group::Running),
        (State::Healthy, Group::Done),
        (State::Failed, Group::CameBack),
        (State::Degraded, Group::CameBack),
        (State::RolledBack, Group::CameBack),
        (State::Unknown, Group::CameBack),
    ] {
        assert_eq!(known.group(&turned(state)), expected, "{state}");
    }
    let seen = |at| Seen { row: row.id, revision: 1, base: String::new(), at };
    known.seen.insert(row.id, seen(row.changed_at - SignedDuration::from_secs(1)));
    assert_eq!(known.group(&turned(State::Failed)), Group::CameBack, "it went wrong after it was opened");
    known.seen.insert(row.id, seen(row.changed_at + SignedDuration::from_secs(1)));
    assert_eq!(known.group(&turned(State::Failed)), Group::Done);
    known.set_entries(vec![sample::entry("gate-9826", Decision::Decline, accepted, 8)]);
    known.seen.clear();
    assert_eq!(known.group(&turned(State::Failed)), Group::Done, "a no carries nothing out");
}
