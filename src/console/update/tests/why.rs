//! From a line of a page to the row that put it there, as scripts of keys.

use super::super::super::effect::{Answer, Effect, LinkState, WhyTold};
use super::super::super::model::{Layer, Screen};
use super::super::super::sample::{self, Desk, id};
use crate::row::page::origin::{Deed, Told, Touch};

/// What was asked last: the visit, the page, the line.
fn asked(desk: &Desk) -> Option<(u64, String, String)> {
    desk.effects.iter().rev().find_map(|effect| match effect {
        Effect::Why { visit, page, line } => Some((*visit, page.clone(), line.clone())),
        _ => None,
    })
}

fn answer(desk: &mut Desk, visit: u64, told: WhyTold) {
    desk.answer(Answer::Why { visit, told: Box::new(told) });
    desk.flush();
    desk.wait(300);
}

/// One row wrote the line.
fn put_there(row: &str) -> Told {
    let touch = Touch {
        row: id(row),
        at: sample::now(),
        deed: Deed::Wrote,
        line: "Wait for the lag".into(),
        because: "The failover stood\u{1b}[2J until it was gone.".into(),
        by: None,
    };
    Told { text: "Wait for the lag".into(), touches: vec![touch] }
}

#[test]
fn a_line_of_an_edit_a_step_and_a_difference_are_asked_about_by_their_own_words() {
    for (row, keys, under) in
        [("rb-8821", "n a", None), ("rb-8824", "n n a", Some(1)), ("rb-8821", "v k a", None)]
    {
        let mut desk = Desk::of_documents(120, 40);
        desk.open(row);
        desk.keys(keys);
        let (_, page, line) = asked(&desk).unwrap_or_else(|| panic!("{row} {keys}: {}", desk.screen()));
        let view = desk.cache.iter().find(|view| view.head.id == id(row)).unwrap();
        assert_eq!(Some(page.as_str()), view.head.subject.split('@').next(), "no incident behind it");
        assert!(!line.trim().is_empty());
        if let (Some(at), Some(crate::row::Proposal::Live(live))) = (under, &view.proposal) {
            assert_eq!(line, live.steps[at].text);
        }
        assert!(desk.screen().contains("asking …"), "{}", desk.screen());
    }
}

#[test]
fn a_line_that_the_row_only_proposes_is_on_no_page_yet() {
    let mut desk = Desk::of_documents(120, 40);
    desk.open("rb-8821");
    desk.keys("v a");
    assert!(
        asked(&desk).is_none() && desk.notice().starts_with("rb-8821 proposes this line"),
        "{}",
        desk.notice()
    );
}

#[test]
fn the_answer_names_the_row_and_enter_opens_it() {
    let mut desk = Desk::of_documents(120, 40);
    desk.open("rb-8824");
    desk.keys("n a");
    let (visit, ..) = asked(&desk).unwrap();
    let views = desk.cache.iter().filter(|view| view.head.id == id("rb-8821")).cloned().collect();
    answer(&mut desk, visit, WhyTold { line: Some(put_there("rb-8821")), views, away: None });
    let screen = desk.screen();
    for said in ["put there by rb-8821", "incident ", "because: The failover stood<ESC>[2J", "drafted by "] {
        assert!(screen.contains(said), "{said}: {screen}");
    }
    assert!(!screen.contains("OFFLINE: told"), "{screen}");
    desk.keys("j Enter");
    assert!(desk.model.layers.is_empty());
    assert!(matches!(desk.model.screens.last(), Some(Screen::Row(screen)) if screen.row == id("rb-8821")));
}

#[test]
fn without_the_backend_it_says_what_is_known_here_and_since_when() {
    let mut desk = Desk::of_documents(120, 40);
    desk.open("rb-8824");
    desk.keys("n a");
    let (visit, ..) = asked(&desk).unwrap();
    let away = Some(("the server does not answer".to_owned(), Some(sample::now())));
    answer(&mut desk, visit, WhyTold { away, ..WhyTold::default() });
    let screen = desk.screen();
    for said in [
        "THE BACKEND DID NOT SAY: told from what is kept here, as of",
        "does not answer",
        "No row that is kept here",
    ] {
        assert!(screen.contains(said), "{said}: {screen}");
    }
    desk.keys("Enter");
    assert_eq!(desk.notice(), "no row is told of here");
}

#[test]
fn an_answer_that_nobody_waits_for_any_more_is_dropped() {
    let mut desk = Desk::of_documents(120, 40);
    desk.open("rb-8824");
    desk.keys("n a");
    let (visit, ..) = asked(&desk).unwrap();
    desk.keys("Esc");
    answer(&mut desk, visit, WhyTold { line: Some(put_there("rb-8821")), ..WhyTold::default() });
    assert!(desk.model.layers.is_empty() && !desk.screen().contains("put there by"), "{}", desk.screen());
    desk.keys("n a");
    assert!(asked(&desk).is_some_and(|(again, ..)| again != visit));
    answer(&mut desk, visit, WhyTold { line: Some(put_there("rb-8821")), ..WhyTold::default() });
    assert!(matches!(desk.model.layers.last(), Some(Layer::Text(_))) && desk.screen().contains("asking …"));
}

#[test]
fn where_there_is_no_page_or_nobody_to_ask_it_says_so() {
    let mut desk = Desk::new(120, 40);
    desk.open("sync-8822");
    desk.keys("v a");
    assert!(desk.notice().contains("only a runbook's page"), "{}", desk.notice());
    let mut desk = Desk::of_documents(120, 40);
    desk.open("rb-8824");
    desk.keys("a");
    assert!(desk.notice().contains("n goes to"), "{}", desk.notice());
    desk.model.link.state = LinkState::NoServer;
    desk.keys("n a");
    assert!(desk.notice().contains("no server"), "{}", desk.notice());
    assert_eq!(asked(&desk), None);
}
