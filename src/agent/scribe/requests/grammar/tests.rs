//! Lines of notes, and what they ask for.

#![expect(clippy::unnecessary_wraps, reason = "as a line is read: what it asks for, or nothing")]

use super::*;
use crate::agent::requests::clauses::{self, wishes};

fn lines(note: &str) -> impl Iterator<Item = &str> {
    clauses::lines::<Request>(note).into_iter()
}

fn leaves(numbers: &[usize]) -> Option<Request> {
    Some(Request::Common(Common::LeaveOut(numbers.to_vec())))
}

fn keeps(numbers: &[usize]) -> Option<Request> {
    Some(Request::Common(Common::Keep(numbers.to_vec())))
}

fn links(number: Option<usize>, address: Option<&str>) -> Option<Request> {
    Some(Request::Link { number, address: address.map(str::to_owned) })
}

fn moves(number: Option<usize>, side: Side, step: u32) -> Option<Request> {
    Some(Request::Move { number, side, step })
}

fn says(number: Option<usize>, new: &str, old: &str) -> Option<Request> {
    Some(Request::Common(Common::Say { number, new: new.into(), old: old.into() }))
}

fn words(number: Option<usize>, new: &str) -> Option<Request> {
    Some(Request::Common(Common::Word { number, new: new.into() }))
}

#[test]
fn a_line_is_understood_whole_or_not_at_all() {
    let back = |numbers: &[usize]| Some(Request::Common(Common::BringBack(numbers.to_vec())));
    let add = |text: &str| Some(Request::Add(text.into()));
    let table = [
        ("drop operation 2", leaves(&[2])),
        ("Please remove the operations 1, 2 and 4, thanks.", leaves(&[1, 2, 4])),
        ("leave operation 3 out because it is wrong", leaves(&[3])),
        ("Operation 2: drop it", leaves(&[2])),
        ("strike #1 entirely", leaves(&[1])),
        ("Please do not remove operation 1", keeps(&[1])),
        ("don\u{2019}t drop operation 2!", keeps(&[2])),
        ("never delete operations 1 and 2", keeps(&[1, 2])),
        ("keep operation 1 as it is", keeps(&[1])),
        ("put operation 2 back", back(&[2])),
        ("Bring back operation 1 please", back(&[1])),
        ("drop operation 2 unless it helps", None),
        ("drop operation 1 or 2", None),
        ("drop operation 1, but keep its link", None),
        ("drop operation 1 and move operation 2 before step 1", None),
        ("Should I drop operation 1?", None),
        ("I would not drop operation 1", None),
        ("drop the second one", None),
        ("remove the word \"quickly\" from operation 1", None),
        ("Do not link the run", None),
        ("Paint it green.", None),
        ("Link the workflow by its file, not its run.", links(None, None)),
        (
            "Link the workflow\u{2019}s page, not a run: https://x.example/w.yml",
            links(None, Some("https://x.example/w.yml")),
        ),
        (
            "operation 2: link https://x.example/a, not https://x.example/b",
            links(Some(2), Some("https://x.example/a")),
        ),
        ("link https://x.example/a in operation 2.", links(Some(2), Some("https://x.example/a"))),
        ("link the file, not https://x.example/runs/1", links(None, None)),
        ("link https://x.example/a and https://x.example/b", None),
        ("link https://x.example/a and drop operation 2", None),
        ("link javascript:alert(1)", None),
        ("link ftp://x.example/file", None),
        ("link the right page", None),
        ("operation 1 before step 1", moves(Some(1), Side::Before, 1)),
        ("Move it after step 12.", moves(None, Side::After, 12)),
        ("operation 1 should not go before step 3", None),
        ("move it before step 3 and say \"x\"", None),
        ("say \"Swap\" instead of \"Rotate\"", says(None, "Swap", "Rotate")),
        ("say \u{201c}a. b\u{201d}, not \u{201c}c\u{201d}", says(None, "a. b", "c")),
        ("change `5s` to `9s` in operation 2", says(Some(2), "9s", "5s")),
        ("don't say \"Swap\"", None),
        ("say \"Swap\" and drop operation 2", None),
        ("say \"Swap", None),
        ("Word it \"Use `x` now\"", words(None, "Use `x` now")),
        ("word operation 2 as \"Run it\"", words(Some(2), "Run it")),
        ("Please add a step: check the lag after failover", add("check the lag after failover")),
        ("Add step: wait, if the lag is high", add("wait, if the lag is high")),
        ("do not add a step: wait", None),
        ("add: check the lag after failover", add("check the lag after failover")),
        ("add a link: check the lag", None),
        ("strike the second operation", leaves(&[2])),
        ("drop the second step", Some(Request::LeaveOutStep(2))),
        ("drop the second step of the page", None),
    ];
    for (line, expected) in table {
        assert_eq!(read(line).ok(), expected, "{line}: {:?}", read(line));
    }
}

#[test]
fn a_line_of_several_wishes_is_each_of_them_or_none() {
    let add = |text: &str| Some(Request::Add(text.into()));
    let table: [(&str, &[Option<Request>]); 17] = [
        (
            "drop the second step, and add: check the lag after failover",
            &[Some(Request::LeaveOutStep(2)), add("check the lag after failover")],
        ),
        (
            "Add a step: wait for the replica before step 3, and drop operation 2.",
            &[add("wait for the replica before step 3"), leaves(&[2])],
        ),
        (
            "drop operation 1 and move operation 2 before step 1",
            &[leaves(&[1]), moves(Some(2), Side::Before, 1)],
        ),
        (
            "say \"Swap, and drop operation 3\" instead of \"x\" and drop operation 2",
            &[says(None, "Swap, and drop operation 3", "x"), leaves(&[2])],
        ),
        ("drop operations 1, 2 and 4, keep operation 3", &[leaves(&[1, 2, 4]), keeps(&[3])]),
        ("drop operation 1, and do not drop operation 2", &[leaves(&[1]), keeps(&[2])]),
        ("link the file, not its run, and drop operation 2", &[links(None, None), leaves(&[2])]),
        ("drop operation 1 because it is old, and then keep operation 2", &[leaves(&[1]), keeps(&[2])]),
        // A step's own words go on until a request stands behind them.
        ("add a step: stop the writer and drop operation 2", &[add("stop the writer and drop operation 2")]),
        ("add a step: stop it, and remove the lock file", &[add("stop it, and remove the lock file")]),
        ("add a step: ask, and add a step: wait for it", &[add("ask"), add("wait for it")]),
        // Not one of them is done where one is not understood, or may be meant otherwise.
        ("drop operation 1, and paint operation 2 green, and keep operation 3", &[]),
        ("drop operation 1, and remove operation two", &[]),
        ("do not drop operation 1, and drop operation 2", &[]),
        ("add a step: never restart it, and drop operation 2", &[]),
        ("drop operation 1 because you keep operation 3 and drop operation 2", &[]),
        ("link the file, not its run and drop operation 2", &[]),
    ];
    for (line, expected) in table {
        let read: Vec<Option<Request>> =
            wishes(line).into_iter().flatten().map(|(_, wish)| Some(wish)).collect();
        assert_eq!(read, expected, "{line}: {:?}", wishes::<Request>(line));
    }
    let why = wishes::<Request>("drop operation 1, and remove operation two").unwrap_err().0;
    assert!(
        why.starts_with("of it, \u{201c}remove operation two\u{201d} is not understood, and nothing"),
        "{why}"
    );
    let many = "drop operation 1, and ".repeat(40);
    assert!(wishes::<Request>(&many).unwrap_err().0.contains("too many things"));
}

#[test]
fn a_note_is_cut_into_lines_and_never_within_a_quotation() {
    let cut = |note| lines(note).collect::<Vec<_>>();
    assert_eq!(cut("1. drop operation 1\n2) keep #2; x"), ["drop operation 1", "keep #2", "x"]);
    assert_eq!(
        cut("- say \"a. b; c\" instead of \"d\". Thanks!"),
        ["say \"a. b; c\" instead of \"d\".", "Thanks!"]
    );
    assert_eq!(cut("link https://x.example/a.yml; \n\n"), ["link https://x.example/a.yml"]);
    assert_eq!(cut("add: stop the writer. Why?"), ["add: stop the writer.", "Why?"]);
}

#[test]
fn what_is_said_behind_a_step_is_no_part_of_it() {
    let lag = "check the replica lag.";
    for (behind, expected) in [
        ("I think the rest is fine.", None),
        ("It should be before step 2.", moves(None, Side::Before, 2)),
        ("Unless ben disagrees.", None),
        ("It must be low.", None),
        ("Thanks!", None),
        ("Drop operation 2.", leaves(&[2])),
    ] {
        let note = format!("Add a step: {lag} {behind}");
        let all: Vec<&str> = lines(&note).collect();
        let [step, rest] = all.as_slice() else { panic!("{note}: {all:?}") };
        assert_eq!(read(step), Ok(Request::Add(lag.into())), "{note}");
        assert_eq!(*rest, behind);
        assert_eq!(read(rest).ok(), expected, "{note}");
    }
}

proptest::proptest! {
    #[test]
    fn any_note_is_read_without_harm(note in "(?s).{0,120}") {
        for line in lines(&note) {
            let _ = read(line);
            let _ = wishes::<Request>(line);
            let _ = wishes::<Request>(&format!("add: {line}, and drop operation 1, and {line}"));
            let _ = read(&format!("say \"{line}\" instead of {line}"));
        }
    }

    #[test]
    fn a_denial_before_it_never_leaves_an_operation_out(word in "(not|no|never|don't|do not|cannot)", rest in "[a-z ]{0,12}") {
        let line = format!("{word} {rest} drop operation 1");
        proptest::prop_assert!(!matches!(read(&line), Ok(Request::Common(Common::LeaveOut(_)))), "{line}");
    }

    #[test]
    fn nothing_behind_a_denial_in_its_line_is_done(
        denial in "(do not|don't|never)", verb in "(drop|keep|move|restart|link)",
        what in "(operation 2|it|the file|nothing)", join in "(, and | and |, | and then |, also )",
    ) {
        let drops = |line: &str| {
            wishes::<Request>(line).into_iter().flatten().any(|(_, wish)| {
                matches!(wish, Request::Common(Common::LeaveOut(_)) | Request::LeaveOutStep(_))
            })
        };
        let line = format!("{denial} {verb} {what}{join}drop operation 1");
        proptest::prop_assert!(!drops(&line), "{line}");
        let line = format!("add a step: {denial} {verb} {what}{join}drop operation 1");
        proptest::prop_assert!(!drops(&line), "{line}");
    }

    #[test]
    fn of_a_line_all_is_done_or_nothing(first in "[a-z ]{0,20}", join in "(, and |, then )") {
        let line = format!("drop operation 1{join}keep {first}");
        if let Ok(all) = wishes::<Request>(&line) {
            proptest::prop_assert_eq!(all.len(), 2, "{}", line);
        }
    }
}
