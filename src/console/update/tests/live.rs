//! A runbook while its incident is on: ticks of two programs, what is signed of them, what comes again.

use super::super::super::effect::{Answer, Effect};
use super::super::super::sample::{Desk, id, now};
use super::documents::{changes, desk};
use crate::row::Proposal;

#[test]
fn ticks_of_another_program_are_seen_and_none_is_lost() {
    let mut desk = desk("rb-8824", "n Space");
    let ours = desk.draft().unwrap().clone();
    let said = desk.effects.iter().find_map(|effect| match effect {
        Effect::SaveTicks { said, .. } => Some(said.iter().copied().collect::<Vec<_>>()),
        _ => None,
    });
    assert_eq!(said, Some(vec![1]), "of the other steps nothing is said by it");
    // An answer that was read before ours was written changes nothing.
    desk.answer(Answer::Outbox { entries: vec![], drafts: vec![] });
    assert_eq!(changes(&desk, "rb-8824").ticks.len(), 1);
    let mut theirs = ours.clone();
    theirs.conditions = format!("{}\n3=wrong: gone\tthree", ours.conditions);
    theirs.saved_at += jiff::SignedDuration::from_secs(1);
    desk.answer(Answer::Outbox { entries: vec![], drafts: vec![theirs.clone()] });
    desk.flush();
    assert!(desk.notice().contains("ticked outside of this console"), "{}", desk.notice());
    assert_eq!(changes(&desk, "rb-8824").ticks.len(), 2, "{}", desk.screen());
    // While the dialog is open it says so, and what was typed before signs nothing.
    desk.keys("A Tab \"y\"");
    theirs.conditions = "3=wrong: gone\tthree".to_owned();
    theirs.saved_at += jiff::SignedDuration::from_secs(1);
    desk.answer(Answer::Outbox { entries: vec![], drafts: vec![theirs] });
    desk.flush();
    desk.keys("Enter");
    assert!(desk.orders().is_empty() && desk.screen().contains("type y, then Enter"), "{}", desk.screen());
    assert_eq!(desk.model.dialog().unwrap().ticks.len(), 1);
    desk.keys("\"y\" Enter");
    assert_eq!(desk.orders()[0].conditions.len(), 1, "what stands there");
}

#[test]
fn a_live_runbook_is_signed_not_published_and_says_what_comes_again() {
    let mut desk = desk("rb-8824", "n Space");
    desk.wait(10_000);
    let screen = desk.screen();
    assert!(
        screen.contains("SIGN TICKS")
            && screen.contains("A sign ticks")
            && !screen.to_lowercase().contains("publish"),
        "{screen}"
    );
    desk.keys("A");
    let screen = desk.screen();
    for said in ["SIGN TICKS of rb-8824", "NOT TICKED: 2 steps (2, 3)", "what is left comes again"] {
        assert!(screen.contains(said), "{said}: {screen}");
    }
    desk.keys("Esc n Space n Space A");
    assert!(desk.screen().contains("Every step is ticked: signing ends it"), "{}", desk.screen());
}

#[test]
fn what_is_signed_on_an_earlier_row_stands_beside_its_step() {
    let mut desk = Desk::of_documents(120, 40);
    let at = desk.cache.iter().position(|view| view.head.id == id("rb-8824")).unwrap();
    let Some(Proposal::Live(live)) = &mut desk.cache[at].proposal else { panic!() };
    live.steps[1].signed = Some(crate::row::proposal::SignedTick {
        said: "wrong: it is\u{1b}[2J gone".into(),
        by: "mei".parse().unwrap(),
        row: id("rb-8823"),
        at: now(),
    });
    desk.open("rb-8824");
    let screen = desk.screen();
    assert!(
        screen.contains("[wrong")
            && screen.contains("signed: wrong: it is<ESC>[2J gone, by mei in rb-8823, "),
        "{screen}"
    );
    assert!(desk.model.changes.is_empty(), "it is nothing that is signed again");
    desk.keys("n Space A");
    assert!(desk.screen().contains("NOT TICKED: 1 step (3)"), "{}", desk.screen());
}
