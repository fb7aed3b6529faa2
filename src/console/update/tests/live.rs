//! A runbook while its incident is on: ticks of two programs, what is signed of them, what comes again.

use super::super::super::effect::{Answer, Effect};
use super::super::super::model::Layer;
use super::super::super::sample::{Desk, entry, id, now};
use super::documents::{changes, desk, next_revision};
use crate::client::{Entry, Fate, NoteDraft};
use crate::row::{Decision, Proposal};

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
    desk.answer(Answer::TicksKept(id("rb-8824")));
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

/// What the console wrote of ticks, and of which steps it is the newest word.
fn written(desk: &Desk) -> Vec<(NoteDraft, Vec<usize>)> {
    let one = |effect: &Effect| match effect {
        Effect::SaveTicks { draft, said } => Some((draft.clone(), said.iter().copied().collect())),
        _ => None,
    };
    desk.effects.iter().filter_map(one).collect()
}

/// The disk has taken one of them, and holds this.
fn kept(desk: &mut Desk, entries: &[Entry], drafts: &[NoteDraft]) {
    desk.answer(Answer::TicksKept(id("rb-8824")));
    desk.answer(Answer::Outbox { entries: entries.to_vec(), drafts: drafts.to_vec() });
    desk.flush();
}

fn numbers(desk: &Desk) -> Vec<usize> {
    let changes = desk.model.changes.get(&id("rb-8824"));
    changes.map(|changes| changes.ticks.keys().copied().collect()).unwrap_or_default()
}

#[test]
fn a_tick_that_is_taken_back_in_one_read_does_not_come_again() {
    let mut desk = desk("rb-8824", "n");
    desk.at_once("Space Space Space Space");
    let all = written(&desk);
    assert_eq!((all.len(), all[3].0.conditions.as_str(), numbers(&desk).len()), (4, "", 0));
    for (draft, _) in &all[..3] {
        kept(&mut desk, &[], std::slice::from_ref(draft));
        assert!(numbers(&desk).is_empty() && desk.model.known.drafts.is_empty(), "{}", desk.notice());
    }
    kept(&mut desk, &[], &[]);
    assert!(numbers(&desk).is_empty() && desk.model.known.drafts.is_empty());
    // Somebody else read the disk before the last of them was there, and tells it late.
    desk.wait(50);
    desk.keys("Space Space Space");
    let third = written(&desk)[6].0.clone();
    desk.keys("Space");
    for _ in 0..4 {
        kept(&mut desk, &[], &[]);
    }
    desk.answer(Answer::Outbox { entries: vec![], drafts: vec![third] });
    assert!(numbers(&desk).is_empty() && !desk.notice().contains("outside"), "{}", desk.notice());
}

#[test]
fn two_ticks_of_one_read_stay_while_the_first_is_written() {
    let mut desk = desk("rb-8824", "n");
    desk.at_once("Space n Space");
    let all = written(&desk);
    assert_eq!((all.len(), all[0].0.saved_at), (2, all[1].0.saved_at), "in the same millisecond");
    for (draft, _) in &all {
        kept(&mut desk, &[], std::slice::from_ref(draft));
        assert_eq!(numbers(&desk), [1, 2], "{}", desk.notice());
    }
    assert!(!desk.notice().contains("outside"), "{}", desk.notice());
}

#[test]
fn what_was_signed_and_came_back_is_kept_beside_what_was_ticked_elsewhere_meanwhile() {
    let refused = Fate::Refused { code: "busy".into(), message: "Not now.".into(), hint: String::new() };
    for (name, fate) in [("refused", refused), ("taken back", Fate::TakenBack)] {
        let mut desk = desk("rb-8824", "n Space n Space");
        let ours = desk.draft().unwrap().clone();
        for _ in 0..2 {
            kept(&mut desk, &[], std::slice::from_ref(&ours));
        }
        let mut signed = entry("rb-8824", Decision::Approve, Fate::Signed, 0);
        signed.revision = ours.revision;
        desk.answer(Answer::Signed { row: id("rb-8824"), signed: Ok(Box::new(signed.clone())) });
        let theirs = NoteDraft { conditions: "3=wrong: gone\tthree".into(), ..ours.clone() };
        desk.answer(Answer::Outbox { entries: vec![signed.clone()], drafts: vec![theirs.clone()] });
        assert_eq!(numbers(&desk), [1, 2, 3], "{name}");
        let before = written(&desk).len();
        signed.fate = fate;
        desk.answer(Answer::Outbox { entries: vec![signed.clone()], drafts: vec![theirs] });
        let (draft, said) = written(&desk)[before..].first().cloned().unwrap();
        assert_eq!((draft.conditions.lines().count(), said), (3, vec![1, 2]), "{name}");
        kept(&mut desk, &[signed], std::slice::from_ref(&draft));
        assert_eq!((numbers(&desk), desk.draft()), (vec![1, 2, 3], Some(&draft)), "{name}");
    }
}

#[test]
fn ticks_that_are_taken_back_lie_on_the_disk_again() {
    let mut desk = desk("rb-8824", "n Space");
    let ours = desk.draft().unwrap().clone();
    kept(&mut desk, &[], std::slice::from_ref(&ours));
    let mut signed = entry("rb-8824", Decision::Approve, Fate::Signed, 0);
    signed.revision = ours.revision;
    desk.answer(Answer::Signed { row: id("rb-8824"), signed: Ok(Box::new(signed.clone())) });
    assert!(desk.draft().is_none());
    signed.fate = Fate::TakenBack;
    desk.answer(Answer::Outbox { entries: vec![signed], drafts: vec![] });
    let last = written(&desk).pop().unwrap();
    assert_eq!((last.0.conditions, last.1), (ours.conditions, vec![1]));
}

#[test]
fn a_tick_on_a_step_that_is_struck_out_since_is_taken_back_and_goes_with_the_revision() {
    let strike = |proposal: &mut Proposal| {
        let Proposal::Live(live) = proposal else { panic!() };
        live.steps[0].deprecated = true;
    };
    let mut here = desk("rb-8824", "n Space");
    strike(here.model.bodies.get_mut(&id("rb-8824")).unwrap().view.proposal.as_mut().unwrap());
    here.keys("Space");
    assert!(numbers(&here).is_empty(), "{}", here.notice());
    here.keys("Space");
    assert!(numbers(&here).is_empty() && here.notice().contains("struck out"), "{}", here.notice());

    let ticked = desk("rb-8824", "n Space n Space").draft().unwrap().clone();
    let mut running = desk("rb-8824", "n Space n Space");
    next_revision(&mut running, "rb-8824", |draft| strike(draft.proposal.as_mut().unwrap()));
    let mut again = Desk::of_documents(120, 40);
    next_revision(&mut again, "rb-8824", |draft| strike(draft.proposal.as_mut().unwrap()));
    again.model.known.drafts = vec![ticked];
    again.open("rb-8824");
    for desk in [&running, &again] {
        assert_eq!(numbers(desk), [2]);
        assert_eq!(changes(desk, "rb-8824").lost, ["step 1: followed"]);
    }
}

#[test]
fn a_second_reviewer_sees_what_they_sign_beside_what_is_signed() {
    let mut desk = Desk::of_documents(120, 40);
    let at = desk.cache.iter().position(|view| view.head.id == id("rb-8824")).unwrap();
    let mut first = crate::client::sample::said("priya", Decision::Approve, desk.cache[at].head.revision);
    first.conditions = [("2".to_owned(), "wrong: it is\u{1b}[2J gone".to_owned())].into();
    desk.cache[at].decisions.push(first);
    desk.cache[at].head.state = crate::row::State::HalfSigned;
    desk.open("rb-8824");
    desk.keys("n Space");
    let screen = desk.screen();
    assert!(screen.contains("1 [followed]") && !screen.contains("[wrong"), "{screen}");
    assert!(screen.contains("signed: wrong: it is<ESC>[2J gone, by priya,"), "{screen}");
    assert!(screen.contains("1 of 3 steps ticked, NOT SIGNED"), "{screen}");
    desk.cache[at].head.state = crate::row::State::Healthy;
    let over = desk.cache[at].clone();
    desk.model.bodies.get_mut(&id("rb-8824")).unwrap().view = over;
    let screen = desk.screen();
    assert!(screen.contains("[wrong") && screen.contains("1 of 3 steps ticked, and signed."), "{screen}");
}

#[test]
fn ticks_that_were_not_read_are_not_signed_past() {
    let mut desk = desk("rb-8824", "n Space A Tab \"y\" Enter");
    let why = "not signed: what is ticked of rb-8824 here is not all that would be signed, see step 3";
    desk.answer(Answer::Signed { row: id("rb-8824"), signed: Err(why.into()) });
    let mut theirs = desk.draft().unwrap().clone();
    theirs.conditions += "\n3=wrong: gone\tthree";
    theirs.saved_at += jiff::SignedDuration::from_secs(1);
    kept(&mut desk, &[], &[theirs]);
    let dialog = desk.model.dialog().unwrap();
    assert_eq!((dialog.ticks.len(), dialog.typed.as_str()), (2, ""));
    assert!(matches!(desk.model.layers.last(), Some(Layer::Decision(_))));
}
