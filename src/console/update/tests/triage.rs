//! A stand of gates gone through in a wide terminal, by keys alone, without leaving the queue; and very many of them.

use super::*;
use crate::client::{List, Listed};
use crate::console::effect::Snapshot;
use crate::console::update::open_first;
use crate::row::RowId;
use crate::wire::RowView;

/// So many gates wait, each of a service of its own, none decided.
fn gates(count: u32) -> Vec<RowView> {
    let like = sample::views().into_iter().find(|view| view.head.id == id("gate-9826")).unwrap();
    let gate = |number: u32| {
        let mut view = like.clone();
        view.head.id = id(&format!("gate-{}", 10_000 + number));
        view.head.subject = format!("service-{number}/{}/production", 20_000 + number);
        view.head.title = format!("service-{number} run {}", 20_000 + number);
        view.head.expires_at += SignedDuration::from_secs(i64::from(number));
        view
    };
    (0..count).map(gate).collect()
}

fn desk_of(views: Vec<RowView>, width: u16, height: u16) -> Desk {
    let mut desk = Desk::empty(width, height);
    desk.cache = views;
    let rows = desk.cache.iter().map(|view| Listed::from(&view.head)).collect();
    let list = List { rows, over: vec![] };
    let told = Snapshot { list, holds: vec![], seen: vec![], entries: vec![], ..sample::snapshot() };
    desk.answer(Answer::Known(Box::new(told)));
    desk.flush();
    desk
}

#[test]
fn after_a_decision_the_cursor_stays_in_its_group() {
    let mut views = gates(2);
    let mut half = gates(3).pop().unwrap();
    half.head.state = crate::row::State::HalfSigned;
    views.push(half);
    let mut desk = desk_of(views, 80, 24);
    desk.keys("j");
    let rows = [id("gate-10001"), id("gate-10000")];
    for (number, row) in [(0, rows[0]), (1, rows[1])] {
        assert_eq!(desk.model.queue.row(), Some(row));
        desk.keys("Enter");
        desk.wait(2_000);
        desk.keys("D \"The lock is held for too long here.\" Tab \"y\" Enter");
        signed(&mut desk, row, number);
        desk.keys("Esc");
    }
    // The last of its group: it stays there, and not on what waits for a second key.
    assert_eq!(desk.model.queue.row(), Some(rows[1]), "{}", desk.screen());
}

#[test]
fn a_row_is_opened_by_its_id_from_the_palette() {
    let mut desk = desk_of(gates(60), 120, 40);
    desk.keys(": \"open gate_10040\"");
    assert!(desk.screen().contains("open gate-10040   service-40 run 20040"), "{}", desk.screen());
    desk.keys("Enter");
    assert_eq!(
        (desk.model.subject(), desk.model.queue.row()),
        (Some(id("gate-10040")), Some(id("gate-10040")))
    );
    assert!(desk.model.layers.is_empty());
    desk.keys("Esc : \"open gate-77\"");
    assert!(desk.screen().contains("the backend is asked"), "{}", desk.screen());
    desk.keys("Enter");
    assert!(matches!(desk.model.screens.last(), Some(Screen::Row(screen)) if screen.row == id("gate-77")));
}

#[test]
fn a_row_that_was_asked_for_by_name_is_the_lists_too() {
    let mut desk = desk_of(gates(60), 120, 40);
    let (line, row) = desk
        .model
        .queue
        .lines
        .iter()
        .enumerate()
        .filter_map(|(at, line)| if let Line::Row(row) = line { Some((at, *row)) } else { None })
        .next_back()
        .unwrap();
    assert_ne!(desk.model.queue.cursor, line);
    let effects = open_first(&mut desk.model, row);
    assert!(!effects.is_empty());
    assert_eq!(desk.model.queue.row(), Some(row));
    let screen = desk.screen();
    assert!(screen.lines().any(|text| text.contains(&row.to_string())), "in sight in the list:\n{screen}");
}

/// The decision in the dialog is signed here, and the world says so.
fn signed(desk: &mut Desk, row: RowId, number: u8) {
    let decision = desk.orders().last().unwrap().decision;
    let entry = sample::entry(&row.to_string(), decision, Fate::Signed, number);
    desk.answer(Answer::Signed { row, signed: Ok(Box::new(entry)) });
    desk.flush();
}

#[test]
fn ten_gates_are_gone_through_without_leaving_the_queue() {
    let mut desk = desk_of(gates(10), 200, 60);
    let mut seen = Vec::new();
    for number in 0_u8..10 {
        let row = desk.model.queue.row().unwrap();
        let head = desk.model.head(row).unwrap().clone();
        assert!(!seen.contains(&row), "{row} again");
        seen.push(row);
        // Read beside the list, with what is measured beside that.
        desk.wait(2_000);
        let screen = desk.screen();
        for what in [format!("{row} r1"), "WHAT AN APPROVAL DOES".to_owned(), "TELEMETRY".to_owned()] {
            assert!(screen.contains(&what), "{row}: {what}:\n{screen}");
        }
        let keys = ["D", "O", "N"][usize::from(number) % 3];
        desk.keys(keys);
        assert_eq!((desk.model.screens.len(), open_dialogs(&desk.model)), (0, 1), "{row}: {}", desk.notice());
        let sign = desk.model.dialog().unwrap().demand.text().to_owned();
        desk.keys(&format!("\"The lock is held for too long here.\" Tab \"{sign}\" Enter"));
        let order = desk.orders().last().copied().unwrap();
        assert_eq!((order.pin.row, order.note.as_str()), (row, "The lock is held for too long here."));
        signed(&mut desk, row, number);
        assert_eq!((desk.model.screens.len(), desk.model.layers.len()), (0, 0), "{row}: it closed by itself");
        assert_eq!(desk.model.queue.row(), Some(row), "nothing moves without a key");
        assert!(desk.screen().contains(&format!("{row}: signed.")), "{}", head.title);
        desk.keys("j");
    }
    assert_eq!(desk.orders().len(), 10);
    // The queue said nothing of all that: it settles when it is asked to.
    desk.keys(".");
    let waits = desk.screen();
    assert!(waits.contains("WAITS FOR OTHERS") && !waits.contains("FOR YOU"), "{waits}");
}

#[test]
fn a_key_that_comes_before_a_row_was_read_keeps_the_place() {
    let mut desk = desk_of(gates(3), 200, 60);
    desk.keys("j");
    let row = desk.model.queue.row().unwrap();
    desk.keys("D");
    assert_eq!(desk.notice(), text::READ_FIRST);
    assert_eq!((desk.model.screens.len(), open_dialogs(&desk.model)), (0, 0), "it stands beside the list");
    assert_eq!(desk.model.queue.row(), Some(row));
    desk.wait(2_000);
    desk.keys("D");
    assert_eq!((desk.model.screens.len(), open_dialogs(&desk.model)), (0, 1));
    // What is written is kept where it was begun, and the next row is read as any other.
    desk.keys("\"Half a thought\" Esc");
    assert_eq!(desk.model.queue.row(), Some(row));
    desk.keys("j");
    assert_ne!(desk.model.queue.row(), Some(row));
}

#[test]
fn a_row_that_is_measured_again_while_it_is_read_stays_read() {
    let mut desk = desk_of(gates(2), 200, 60);
    let row = desk.model.queue.row().unwrap();
    for _ in 0..8 {
        desk.wait(250);
        desk.flush();
    }
    desk.keys("D");
    assert_eq!((desk.notice(), open_dialogs(&desk.model)), (String::new(), 1), "{row}");
}

#[test]
fn five_hundred_gates_are_one_queue_on_one_screen() {
    const COUNT: u32 = 500;
    for (width, height) in [(60, 18), (80, 24), (120, 40), (200, 60)] {
        let mut desk = desk_of(gates(COUNT), width, height);
        let screen = desk.screen();
        assert!(screen.contains("500 for you"), "{width}x{height}:\n{screen}");
        assert_eq!(screen.lines().count(), usize::from(height));
        let rows = |desk: &Desk| {
            let lines = desk.model.queue.lines.iter();
            let row = |line: &Line| match line {
                Line::Row(row) => Some(*row),
                Line::Heading { .. } | Line::Folded { .. } => None,
            };
            lines.filter_map(row).collect::<Vec<_>>()
        };
        let listed = rows(&desk);
        assert_eq!(listed.len(), 500);
        // The one with the least time left stands first; the last is reached, and what is under the cursor is drawn.
        assert_eq!(desk.model.queue.row(), Some(id("gate-10000")));
        assert!(screen.contains("gate-10000"));
        desk.keys("G");
        assert_eq!(desk.model.queue.row(), Some(id("gate-10499")));
        assert!(desk.screen().contains("gate-10499"), "{}", desk.screen());
        // A row more moves nothing until it is asked for.
        let mut more = gates(COUNT + 1);
        more.rotate_right(1);
        desk.cache.clone_from(&more);
        let list = List { rows: more.iter().map(|view| Listed::from(&view.head)).collect(), over: vec![] };
        let told = Snapshot { list, holds: vec![], seen: vec![], entries: vec![], ..sample::snapshot() };
        desk.answer(Answer::Known(Box::new(told)));
        desk.flush();
        desk.wait(2_000);
        assert_eq!((rows(&desk), desk.model.queue.row()), (listed, Some(id("gate-10499"))));
        assert!(desk.screen().contains("1 new"), "{}", desk.screen());
    }
}
