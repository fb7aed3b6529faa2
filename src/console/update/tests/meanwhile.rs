//! What happens to a row while a dialog or a question about it stands on the screen.

use super::super::super::queue::Group;
use super::*;
use crate::row::State;

fn fate(desk: &mut Desk, of: &str, fate: &Fate) {
    let mut entries = desk.model.known.entries.clone();
    let own = entries.iter_mut().find(|entry| entry.row == id(of)).unwrap();
    own.fate = fate.clone();
    desk.answer(Answer::Outbox { entries, drafts: vec![] });
    desk.flush();
}

/// The row as the backend has it now.
fn becomes(desk: &mut Desk, row: &str, change: impl FnOnce(&mut crate::wire::RowView)) {
    let view = desk.cache.iter_mut().find(|view| view.head.id == id(row)).unwrap();
    change(view);
    view.head.changed_at = desk.model.now();
    let rows = vec![crate::client::Listed::from(&view.head)];
    desk.answer(Answer::Changed { rows, gone: vec![] });
    desk.wait(300);
    desk.flush();
}

#[test]
fn a_question_about_a_decision_that_leaves_meanwhile_goes_and_says_so() {
    let accepted = Fate::Accepted { log_index: 61, row_state: "approved".into(), receipt: None };
    for (then, said) in [
        (accepted, "sync-8821: it has left already, entry 61 of the record."),
        (Fate::Sending, text::LEFT_ALREADY),
        (Fate::TakenBack, text::TAKEN_BACK),
    ] {
        let mut desk = Desk::new(80, 24);
        desk.keys("u");
        assert!(desk.screen().contains("sync-8821, has not left"), "{}", desk.screen());
        fate(&mut desk, "sync-8821", &then);
        assert!(desk.model.layers.is_empty() && desk.notice().contains(said), "{}", desk.notice());
        desk.keys("y");
        assert!(!desk.effects.iter().any(|effect| matches!(effect, Effect::TakeBack { .. })));
    }
}

#[test]
fn a_row_that_is_over_under_the_dialog_says_so_and_signs_nothing() {
    for state in [State::Expired, State::Declined, State::Executing] {
        for verb in ["A", "D"] {
            let mut desk = Desk::new(80, 24);
            desk.open("sync-8821");
            let first = desk.model.known.entries.iter().find(|entry| entry.row == id("sync-8821")).unwrap();
            let own = Fate::Refused { code: "busy".into(), message: String::new(), hint: String::new() };
            assert_eq!(first.fate, Fate::Signed);
            fate(&mut desk, "sync-8821", &own);
            desk.keys(&format!("{verb} \"It was looked at.\" Tab"));
            becomes(&mut desk, "sync-8821", |view| view.head.state = state);
            let screen = desk.screen();
            assert!(screen.contains("What moved while you decided"), "{state}: {screen}");
            assert!(screen.contains(&format!("→ {}", text::state(state))), "{state}: {screen}");
            assert!(screen.contains("Nothing can be decided on it any more"), "{state}: {screen}");
            desk.keys("Esc \"y\" Enter");
            assert!(desk.orders().is_empty(), "{state} {verb}");
            assert!(desk.screen().contains("OVER"), "{}", desk.screen());
        }
    }
}

#[test]
fn a_key_that_counts_no_more_brings_its_row_back() {
    let mut desk = Desk::new(80, 24);
    let key = sample::entry(
        "gate-9826",
        Decision::Approve,
        Fate::Accepted { log_index: 60, row_state: "half_signed".into(), receipt: None },
        7,
    );
    desk.answer(Answer::Outbox { entries: vec![key.clone()], drafts: vec![] });
    becomes(&mut desk, "gate-9826", |view| view.head.state = State::HalfSigned);
    let group = |desk: &Desk| desk.model.known.group(desk.model.head(id("gate-9826")).unwrap());
    assert_eq!(group(&desk), Group::Others, "the second key is somebody else's");
    desk.open("gate-9826");
    desk.keys("Esc");
    let mut own =
        desk.cache.iter().find(|view| view.head.id == id("gate-9821")).unwrap().decisions[0].clone();
    own.id = key.id.clone();
    own.void = Some("the first key was 15 minutes old".into());
    becomes(&mut desk, "gate-9826", |view| {
        view.head.state = State::Pending;
        view.head.void = vec![own.id.clone()];
        view.decisions = vec![own];
    });
    assert_eq!(group(&desk), Group::CameBack);
    assert_eq!(desk.calls().last().map(String::as_str), Some("gate-9826 came back"));
    desk.keys(". g g");
    assert!(desk.screen().contains("your approval is void"), "{}", desk.screen());
    desk.keys("g o");
    let said = "VOID since: the first key was 15 minutes old. It does not count any more.";
    let outbox = desk
        .model
        .known
        .entries
        .first()
        .map(|entry| super::super::super::screen::outbox::words(&desk.model, entry).1);
    assert!(outbox.as_deref().is_some_and(|words| words.ends_with(said)), "{outbox:?}");
    desk.keys("Esc Enter Esc");
    assert_eq!(group(&desk), Group::ForYou, "it was looked at, and waits for the reader again");
}

#[test]
fn what_was_rolled_back_is_not_laid_at_the_door_of_who_approved_it() {
    let mut desk = Desk::new(80, 24);
    let accepted = Fate::Accepted { log_index: 60, row_state: "approved".into(), receipt: None };
    let key = sample::entry("gate-9826", Decision::Approve, accepted, 7);
    desk.answer(Answer::Outbox { entries: vec![key], drafts: vec![] });
    let signed = desk.cache.iter().find(|view| view.head.id == id("gate-9821")).unwrap().decisions.clone();
    becomes(&mut desk, "gate-9826", |view| {
        view.head.state = State::RolledBack;
        view.decisions = signed;
    });
    desk.keys(". g g");
    let screen = desk.screen();
    assert!(screen.contains("rolled back; appr") && !screen.contains("rolled back by"), "{screen}");
    becomes(&mut desk, "gate-9826", |view| view.head.state = State::Executing);
    assert!(!desk.screen().contains("executing by"), "{}", desk.screen());
}

#[test]
fn the_seconds_until_a_decision_leaves_are_counted_and_none_are_told_while_the_backend_is_away() {
    for (state, said) in [
        (LinkState::Synced, ["Leaves in 10 s", "Leaves in 7 s"]),
        (LinkState::Offline { since: sample::now() }, ["It waits here until the backend answers"; 2]),
    ] {
        let mut desk = Desk::new(120, 24);
        desk.answer(Answer::Link(crate::console::effect::Link { state, ..desk.model.link.clone() }));
        let mut entry = sample::entry("sync-8822", Decision::Decline, Fate::Signed, 9);
        entry.leaves_at = desk.model.now() + SignedDuration::from_millis(9_500);
        desk.answer(Answer::Signed { row: id("sync-8822"), signed: Ok(Box::new(entry)) });
        assert!(desk.screen().contains(said[0]), "{}", desk.screen());
        desk.wait(3_000);
        assert!(desk.screen().contains(said[1]), "{}", desk.screen());
    }
}

#[test]
fn a_refusal_is_read_whole_and_hints_at_what_this_row_offers() {
    for (row, hint) in [
        ("gate-9826", "C approves with conditions, O overrides in writing"),
        ("sync-8822", "hint: O overrides in writing"),
    ] {
        let mut desk = Desk::new(80, 24);
        desk.open(row);
        desk.keys("A");
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words(&desk.screen()).contains(hint), "{row}: {}", desk.screen());
        assert!(!desk.notice().contains("or `override`"), "{}", desk.notice());
    }
}

#[test]
fn the_outbox_offers_what_can_be_done_with_the_line_under_the_cursor() {
    let mut desk = Desk::new(120, 24);
    desk.keys("g o");
    let footer = |desk: &Desk| desk.screen().lines().last().unwrap_or_default().to_owned();
    assert!(footer(&desk).contains("send now") && !footer(&desk).contains("edit draft"), "{}", desk.screen());
    desk.keys("j");
    assert!(
        !footer(&desk).contains("send now") && !footer(&desk).contains("edit draft"),
        "{}",
        desk.screen()
    );
}

#[test]
fn a_word_that_is_not_the_rows_is_told_from_none() {
    let mut desk = Desk::new(80, 24);
    desk.open("sync-8822");
    desk.keys("O \"It is safe by now.\" Tab \"zimom\" Enter");
    assert!(desk.orders().is_empty());
    assert!(desk.screen().contains("zimom is not it: type"), "{}", desk.screen());
}

#[test]
fn a_terminal_that_grew_is_not_called_too_small_any_more() {
    let mut desk = Desk::new(52, 15);
    desk.keys("A");
    assert!(desk.notice().contains("too small"), "{}", desk.notice());
    desk.model.size = (60, 18);
    desk.what(super::super::super::event::What::Terminal(
        super::super::super::terminal::FromTerminal::Resized,
    ));
    assert!(!desk.screen().contains("too small"), "{}", desk.screen());
}

#[test]
fn a_sync_that_grows_old_is_drawn_though_nobody_answers() {
    let mut desk = Desk::new(80, 24);
    desk.model.link.synced_at = Some(desk.model.now());
    desk.model.link.state = LinkState::Synced;
    let due = super::super::aging_ms(&desk.model).unwrap();
    assert_eq!(due, desk.model.at.ms + 30_000);
    assert!(super::super::next_wake_ms(&desk.model).is_some_and(|wake| wake <= due), "it is woken for it");
    desk.wait(30_000);
    assert!(desk.screen().contains("last sync"), "{}", desk.screen());
    assert_eq!(super::super::aging_ms(&desk.model), None, "it is told once");
}
