//! The rules against slips, as scripts of keys.

mod documents;
mod live;
mod meanwhile;
mod triage;
mod why;

use jiff::SignedDuration;
use proptest::prelude::*;

use super::super::dialog::Field;
use super::super::effect::{Answer, Effect, KeyState, LinkState};
use super::super::key::Key;
use super::super::model::{Layer, Model, Pin, Screen};
use super::super::queue::Line;
use super::super::sample::{self, Desk, id};
use super::super::terminal::input::Input;
use super::super::text;
use crate::client::Fate;
use crate::row::Decision;

const READ: &str = "j j Enter";

/// A desk with sync-8822, a hold of the reversible class, open and read.
fn reading() -> Desk {
    let mut desk = Desk::new(80, 24);
    desk.keys(READ);
    assert_eq!(desk.model.subject(), Some(id("sync-8822")));
    desk
}

fn open_dialogs(model: &Model) -> usize {
    model.layers.iter().filter(|layer| matches!(layer, Layer::Decision(_))).count()
}

#[test]
fn a_decline_from_the_queue_to_the_signature() {
    let mut desk = reading();
    desk.keys("D \"It is the mitigation of INC-771.\" Tab \"y\" Enter");
    let [order] = desk.orders()[..] else { panic!("{:?}", desk.effects) };
    assert_eq!(
        (order.decision, order.note.as_str()),
        (Decision::Decline, "It is the mitigation of INC-771.")
    );
    assert_eq!(order.pin, Pin::of(&desk.cache[0]));
    assert!(order.on_screen_s >= 1, "seconds on screen are counted");
}

#[test]
fn small_letters_change_nothing() {
    for letter in 'a'..='z' {
        let mut desk = reading();
        desk.keys(&format!("\"{letter}\""));
        let changes = desk.effects.iter().any(|effect| {
            matches!(
                effect,
                Effect::Sign(_) | Effect::TakeBack { .. } | Effect::SendNow(_) | Effect::SaveDraft(_)
            )
        });
        assert!(!changes && open_dialogs(&desk.model) == 0, "{letter}");
    }
}

#[test]
fn a_halt_has_no_key_and_asks_why_and_once_more() {
    let halts = |desk: &Desk| {
        let one =
            |effect: &Effect| if let Effect::Halt { note } = effect { Some(note.clone()) } else { None };
        desk.effects.iter().filter_map(one).collect::<Vec<_>>()
    };
    let mut desk = Desk::new(80, 24);
    desk.keys(": \"halt\" Enter Enter");
    assert!(desk.screen().contains("halt EVERYTHING, why: "), "{}", desk.screen());
    desk.keys("\"argus drafts nonsense\" Enter");
    assert!(
        desk.screen().contains("no policy decides") && desk.screen().contains("Why: argus drafts nonsense")
    );
    desk.keys("Enter n");
    assert_eq!((halts(&desk).len(), desk.model.layers.len()), (0, 0));
    desk.keys(": \"halt\" Enter \"argus drafts nonsense\" Enter y");
    assert_eq!(halts(&desk), ["argus drafts nonsense"]);
    desk.model.link.state = LinkState::Offline { since: sample::now() };
    desk.keys(": \"halt\" Enter");
    assert_eq!((desk.notice().as_str(), desk.model.layers.len()), (text::HALTING_ASKS, 0));
}

#[test]
fn typing_meant_for_another_window_becomes_a_note_at_worst() {
    let mut desk = reading();
    desk.keys("\"rm -rf Draft && echo Approved\" Enter Enter");
    assert!(desk.orders().is_empty());
    assert_eq!(open_dialogs(&desk.model), 1);
}

#[test]
fn enter_signs_in_the_sign_field_alone_and_only_what_was_typed_by_hand() {
    for keys in [
        "D \"A good reason.\" Enter Enter Enter",
        "D Tab Enter",
        "D \"A good reason.\" Tab Enter Enter",
        "D \"A good reason.\" Tab \"n\" Enter",
        "D \"A good reason.\" Tab \"y\" Tab Tab Enter",
        "D Tab \"y\" Enter",
        "D \".\" Tab \"y\" Enter",
        "D \"A good reason.\" Tab \"D\" Enter",
    ] {
        let mut desk = reading();
        desk.keys(keys);
        assert!(desk.orders().is_empty(), "{keys}");
    }
}

#[test]
fn the_same_bytes_in_one_write_one_by_one_and_slowly() {
    let keys = "D \"A good reason.\" Tab \"y\" Enter";
    let mut at_once = reading();
    at_once.at_once(keys);
    at_once.wait(1_000);
    assert!(at_once.orders().is_empty() && open_dialogs(&at_once.model) == 0, "a burst opens nothing");
    assert_eq!(at_once.notice(), text::BURST);

    let mut quick = reading();
    for key in ["D", "\"A\"", "Tab", "\"y\"", "Enter"] {
        quick.at_once(key);
        quick.wait(5);
    }
    assert!(quick.orders().is_empty(), "typed ahead");

    let mut slow = reading();
    slow.keys(keys);
    assert_eq!(slow.orders().len(), 1);
}

#[test]
fn keys_typed_before_the_dialog_stood_there_are_dropped() {
    let mut desk = reading();
    desk.inputs(vec![Input::Key(Key::char('D'))]);
    desk.wait(5_000);
    desk.inputs(vec![Input::Key(Key::char('x'))]);
    assert_eq!(desk.notice(), text::TOO_SOON, "not flushed, however late");
    desk.flush();
    desk.wait(200);
    desk.inputs(vec![Input::Key(Key::char('x'))]);
    desk.wait(100);
    desk.inputs(vec![Input::Key(Key::char('z'))]);
    assert_eq!(desk.model.dialog().unwrap().note_text(), "z");
}

#[test]
fn a_paste_goes_into_notes_and_filters_only() {
    let paste = |desk: &mut Desk, text: &str| {
        desk.inputs(vec![Input::Paste { text: text.into(), cut: 0 }]);
        desk.flush();
        desk.wait(300);
    };
    let mut desk = reading();
    paste(&mut desk, "A\nD\ny\n");
    assert_eq!((desk.notice().as_str(), open_dialogs(&desk.model)), (text::PASTE_IGNORED, 0));
    desk.keys("D");
    paste(&mut desk, "Two lines\nof \u{1b}[31mreason\u{202e}");
    assert_eq!(desk.model.dialog().unwrap().note_text(), "Two lines\nof [31mreason");
    desk.keys("Tab");
    paste(&mut desk, "y");
    assert_eq!(desk.notice(), text::PASTE_IGNORED);
    desk.keys("Enter");
    assert!(desk.orders().is_empty());
    desk.keys("Esc Esc /");
    paste(&mut desk, "env:prod");
    assert_eq!(desk.model.filter_text, "env:prod");
}

#[test]
fn caps_lock_is_noticed() {
    let mut desk = reading();
    desk.inputs(vec![Input::Key(Key::char('W'))]);
    desk.wait(200);
    desk.inputs(vec![Input::Key(Key::char('D'))]);
    assert_eq!((desk.notice().as_str(), open_dialogs(&desk.model)), (text::CAPS_LOCK, 0));
}

#[test]
fn what_was_not_read_is_opened_instead() {
    let mut desk = Desk::new(80, 24);
    desk.keys("j j D");
    assert_eq!(desk.notice(), text::READ_FIRST);
    assert!(matches!(desk.model.screens.last(), Some(Screen::Row(_))));
    assert_eq!(open_dialogs(&desk.model), 0);
    desk.wait(500);
    desk.keys("D");
    assert_eq!(open_dialogs(&desk.model), 1);
}

#[test]
fn in_a_wide_terminal_one_decides_without_leaving_the_queue() {
    let mut desk = Desk::new(200, 60);
    desk.keys("j j D");
    assert_eq!(desk.notice(), text::READ_FIRST, "not at a glance");
    desk.keys("Esc");
    desk.wait(2_000);
    desk.keys("D");
    assert_eq!((desk.model.screens.len(), open_dialogs(&desk.model)), (0, 1));
}

#[test]
fn a_plain_approval_against_the_verdict_is_refused_with_the_way_out() {
    let mut desk = reading();
    desk.keys("A");
    assert!(desk.notice().contains("override"), "{}", desk.notice());
    desk.wait(500);
    desk.keys("O");
    let dialog = desk.model.dialog().unwrap();
    assert_eq!(
        dialog.demand.text(),
        &*desk.model.head(id("sync-8822")).unwrap().word,
        "an override asks for the word"
    );
    let word = dialog.demand.text().to_owned();
    desk.keys("\"Rolled forward by hand, see INC-771.\" Tab \"y\" Enter");
    assert!(desk.orders().is_empty(), "y is not the word");
    desk.keys(&format!("\"{word}\" Enter"));
    assert!(desk.orders()[0].overrides && desk.orders()[0].decision == Decision::Approve);
}

#[test]
fn a_pin_that_breaks_signs_nothing_and_keeps_the_note() {
    let mut desk = reading();
    desk.keys("N \"Please explain the toggle.\" Tab \"y\"");
    let mut next = desk.cache[0].clone();
    next.rationale = "Reworded.".into();
    let draft = next.draft();
    let mut next = sample::view("sync-8822", 3, draft, 79, 240);
    next.head.changed_at = sample::now();
    desk.cache[0] = next.clone();
    desk.answer(Answer::Changed { rows: vec![(&next.head).into()], gone: vec![] });
    assert!(matches!(desk.model.layers.last(), Some(Layer::Moved(_))), "what moved opens by itself");
    let dialog = desk.model.dialog().unwrap();
    assert_eq!((dialog.typed.as_str(), dialog.note_text().as_str()), ("", "Please explain the toggle."));
    desk.flush();
    desk.wait(300);
    desk.keys("Esc \"y\" Enter");
    assert!(desk.orders().is_empty(), "needs-changes was for r2");

    let mut decline = reading();
    decline.keys("D \"It is the mitigation.\"");
    decline.cache[0] = next.clone();
    decline.answer(Answer::Changed { rows: vec![(&next.head).into()], gone: vec![] });
    decline.flush();
    decline.wait(300);
    decline.keys("Esc");
    let (screen, pin) = (decline.screen(), decline.model.dialog().unwrap().pins[0].clone());
    let said = format!("revision 2                 word {}", pin.word());
    assert!(screen.contains(&said), "the word is that of what was read:\n{screen}");
    assert!(screen.contains("the row is revision 3 now"), "{screen}");
    decline.keys("Tab \"y\" Enter");
    assert_eq!(decline.orders()[0].pin.revision, 2, "a no counts against what was seen");
}

#[test]
fn a_note_survives_leaving_and_comes_back() {
    let mut desk = reading();
    desk.keys("D \"Half a reas\"");
    desk.wait(1_200);
    assert_eq!(desk.draft().map(|draft| draft.note.as_str()), Some("Half a reas"));
    desk.keys("Esc");
    assert_eq!(open_dialogs(&desk.model), 0);
    desk.keys("D \"on.\"");
    assert_eq!(desk.model.dialog().unwrap().note_text(), "Half a reason.");
    desk.keys("Esc Esc q");
    assert!(matches!(desk.model.layers.last(), Some(Layer::Ask(_))), "quitting asks: something is unsent");
    desk.keys("\"y\"");
    assert!(desk.model.quitting);
}

#[test]
fn too_small_or_read_only_or_broken_decides_nothing() {
    let mut small = Desk::new(52, 15);
    small.keys("j j Enter D");
    assert_eq!(small.notice(), "too small to decide: needs 60×18, is 52×15");
    let mut read_only = reading();
    read_only.keys(": \"read-only\" Enter D");
    assert_eq!(read_only.notice(), text::READ_ONLY);
    let mut broken = reading();
    broken.model.link.broken = Some(sample::now());
    broken.keys("D");
    assert_eq!(broken.notice(), text::BROKEN);
    for desk in [small, read_only, broken] {
        assert_eq!(open_dialogs(&desk.model), 0);
    }
}

#[test]
fn the_newest_that_rests_is_taken_back() {
    let mut desk = Desk::new(80, 24);
    desk.keys("u \"y\"");
    let taken = desk
        .effects
        .iter()
        .any(|effect| matches!(effect, Effect::TakeBack { row, .. } if *row == id("sync-8821")));
    assert!(taken);
}

#[test]
fn offline_it_is_signed_and_marked_so() {
    let mut desk = reading();
    desk.model.link.state = LinkState::Offline { since: sample::now() };
    desk.keys("D \"It is the mitigation.\" Tab \"y\" Enter");
    assert!(desk.orders()[0].offline);
}

#[test]
fn a_batch_takes_rows_of_one_kind_that_were_read() {
    let mut desk = Desk::new(80, 24);
    for number in [8901, 8902] {
        let view = sample::view(&format!("sync-{number}"), 1, sample::payments(), 10, 240);
        desk.cache.push(view.clone());
        desk.answer(Answer::Changed { rows: vec![(&view.head).into()], gone: vec![] });
    }
    desk.wait(300);
    desk.keys(".");
    let line = |desk: &Desk, row: &str| {
        desk.model.queue.lines.iter().position(|line| *line == Line::Row(id(row))).unwrap()
    };
    let go = |desk: &mut Desk, row: &str, keys: &str| {
        let at = line(desk, row);
        desk.model.queue.cursor = at;
        desk.flush();
        desk.keys(keys);
    };
    go(&mut desk, "sync-8901", "Space");
    go(&mut desk, "sync-8902", "Space");
    desk.keys("A");
    assert_eq!(desk.notice(), text::MIXED_BATCH, "unread rows are not decided");
    go(&mut desk, "sync-8901", "Enter Esc");
    go(&mut desk, "sync-8902", "Enter Esc");
    desk.keys("A");
    assert_eq!(desk.model.dialog().unwrap().pins.len(), 2);
    desk.keys("Tab \"y\" Enter");
    assert_eq!(desk.orders().len(), 2, "one statement and one signature a row");
}

#[test]
fn late_answers_of_other_rows_change_nothing() {
    let mut desk = reading();
    desk.keys("v");
    let before = desk.screen();
    let other = super::super::widget::diff::Diff::default();
    let mode = super::super::model::Mode::Draft;
    desk.answer(Answer::Compared { row: id("sync-8821"), visit: 1, mode, diff: other.into() });
    assert_eq!(desk.screen(), before);
}

#[test]
fn what_came_back_is_told_and_stays_until_it_is_opened() {
    let mut desk = Desk::new(80, 24);
    let mut entries = desk.model.known.entries.clone();
    let signed = entries.iter_mut().find(|entry| entry.fate == Fate::Signed).unwrap();
    signed.fate = Fate::Overtaken { message: "argus drafted r2 before yours left.".into() };
    desk.answer(Answer::Outbox { entries, drafts: vec![] });
    desk.wait(300);
    assert_eq!(desk.calls(), ["sync-8821 came back"]);
    desk.keys(". g g");
    assert!(desk.screen().contains("CAME BACK"));
    let came_back = |desk: &Desk| {
        let group = |row: &str| desk.model.known.group(desk.model.head(id(row)).unwrap());
        [group("sync-8821"), group("sync-8815")]
    };
    assert_eq!(came_back(&desk), [super::super::queue::Group::CameBack; 2]);
    desk.keys("Enter");
    let opened =
        came_back(&desk).iter().filter(|group| **group == super::super::queue::Group::CameBack).count();
    assert_eq!(opened, 1);
}

#[test]
fn a_row_that_goes_keeps_its_line_for_whoever_comes_to_stand_on_it() {
    let mut desk = Desk::new(80, 24);
    desk.keys("G");
    let gone = id("sync-8815");
    desk.answer(Answer::Changed { rows: vec![], gone: vec![gone] });
    desk.keys("g g");
    assert_eq!(desk.model.queue.row(), Some(gone), "still drawn, so still there");
    let before = cursor_line(&desk.model);
    desk.wait(6_000);
    assert_eq!(cursor_line(&desk.model), before);
    desk.keys("j k");
    assert_ne!(desk.model.queue.row(), Some(gone), "left, and gone");
}

/// Another console has the outbox: this one opens no dialog, says why, and decides once it is alone.
#[test]
fn one_console_at_a_time_decides() {
    let mut desk = reading();
    desk.model.elsewhere = Some(4_711);
    desk.keys("D");
    assert_eq!(
        (desk.notice().as_str(), open_dialogs(&desk.model)),
        ("another console holds the outbox (process 4711): end it to decide here", 0)
    );
    desk.answer(Answer::Alone);
    desk.wait(500);
    desk.keys("D");
    assert_eq!(open_dialogs(&desk.model), 1);
}

#[test]
fn a_locked_key_asks_until_the_passphrase_is_right_and_then_enter_signs() {
    let locked = |wrong| KeyState::Locked { file: "~/.ssh/id".into(), key: String::new(), wrong };
    let mut desk = reading();
    desk.keys("D \"A good reason.\" Tab \"y\"");
    desk.answer(Answer::Key(locked(false)));
    desk.keys("Enter \"wrong\" Enter");
    desk.answer(Answer::Key(locked(true)));
    assert_eq!(desk.notice(), text::WRONG_PASSPHRASE);
    assert!(
        matches!(desk.model.layers.last(), Some(Layer::Unlock(typing)) if typing.input.text().is_empty())
    );
    desk.flush();
    desk.wait(300);
    desk.keys("\"right\" Enter");
    let unlocks = desk.effects.iter().filter(|effect| matches!(effect, Effect::Unlock(_))).count();
    assert_eq!((unlocks, desk.orders().len()), (2, 0));
    desk.answer(Answer::Key(KeyState::Ready {
        fingerprint: "SHA256:x".into(),
        kind: "key file".into(),
        touch: false,
    }));
    desk.flush();
    desk.wait(300);
    desk.keys("Enter");
    assert_eq!(desk.orders().len(), 1);
}

#[test]
fn a_theme_is_shown_as_it_is_chosen_and_kept_or_left() {
    let mut desk = Desk::new(80, 24);
    let name = |desk: &Desk| desk.model.theme.name.clone();
    let before = name(&desk);
    desk.keys("g c");
    assert_eq!(name(&desk), before, "the list opens on the theme that is");
    desk.keys("\"tritan\"");
    assert_eq!(name(&desk), "tritan");
    desk.keys("Esc");
    assert_eq!(name(&desk), before);
    desk.keys("g c ↑ Enter");
    let saved = desk.effects.iter().find_map(|effect| match effect {
        Effect::SaveTheme(name) => Some(name.clone()),
        _ => None,
    });
    assert_eq!(saved, Some(name(&desk)));
    assert_ne!(saved, Some(before));
}

#[test]
fn the_reader_is_called_until_a_key_and_not_while_watching() {
    let mut desk = Desk::new(80, 24);
    desk.wait(300);
    assert_eq!(desk.calls(), [] as [String; 0], "what stood there at the start calls nobody");
    let view = sample::view("sync-8901", 1, sample::checkout(), 1, 240);
    let new = |desk: &mut Desk, view: &crate::wire::RowView| {
        desk.answer(Answer::Changed { rows: vec![(&view.head).into()], gone: vec![] });
        desk.wait(300);
    };
    new(&mut desk, &view);
    assert_eq!(desk.calls(), ["sync-8901 asks you"]);
    for _ in 0..12 {
        desk.wait(60_000);
    }
    assert_eq!(desk.calls().len(), 3, "after 5 and 10 minutes: {:?}", desk.calls());
    desk.keys("b");
    for _ in 0..30 {
        desk.wait(60_000);
    }
    let mine = |desk: &Desk| desk.calls().iter().filter(|said| said.starts_with("sync-8901")).count();
    assert_eq!(mine(&desk), 3, "{:?}", desk.calls());
    desk.inputs(vec![Input::Focus(true)]);
    let next = sample::view("sync-8901", 2, sample::checkout(), 1, 240);
    new(&mut desk, &next);
    assert_eq!(mine(&desk), 3, "whoever watches needs no call");
}

#[test]
fn conditions_are_added_one_by_one_and_the_effect_with_them_is_written_out_and_signed() {
    let mut desk = Desk::new(80, 24);
    desk.keys("j Enter C \"canary=ten\" Enter");
    assert!(desk.screen().contains("canary cannot be ten here"), "{}", desk.screen());
    desk.keys("Tab");
    assert_eq!(desk.model.dialog().unwrap().focus, Field::Note, "what is typed next is the note");
    assert!(desk.notice().contains("canary=ten is not added"), "{}", desk.notice());
    let word = desk.model.dialog().unwrap().demand.text().to_owned();
    desk.keys(&format!("\"Small first.\" Tab \"{word}\" Enter"));
    assert!(desk.orders().is_empty(), "it is not left behind");
    desk.keys("Tab Ctrl+u \"canary=10%\" Enter");
    assert!(desk.screen().contains("with canary=10%"), "the effect says it: {}", desk.screen());
    desk.keys("Space Backspace Backspace Backspace \"5%\" Tab Tab");
    assert!(desk.screen().contains("with canary=5%"), "{}", desk.screen());
    let word = desk.model.dialog().unwrap().demand.text().to_owned();
    desk.keys(&format!("\"{word}\" Enter"));
    assert_eq!(desk.orders()[0].conditions, [("canary".to_owned(), "5%".to_owned())]);
    let mut sync = reading();
    sync.keys("C");
    assert_eq!((sync.notice().as_str(), open_dialogs(&sync.model)), (text::NO_CONDITIONS, 0));
}

#[derive(Clone, Debug)]
enum Step {
    Keys(&'static str),
    Revise(usize),
    Evidence(usize),
    Flush,
    Wait(u64),
    New(u16),
    Gone(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let keys = prop::sample::select(vec![
        "j",
        "k",
        "Enter",
        "Esc",
        "A",
        "D",
        "O",
        "N",
        "C",
        "W",
        "Tab",
        "\"y\"",
        "\"A reason to read.\"",
        "v",
        "g g",
        "G",
        ".",
        "Space",
        "q",
        "u",
        "s",
        "\"n\"",
        "PgDn",
    ]);
    let step = prop_oneof![
        6 => keys.prop_map(Step::Keys),
        1 => (0usize..7).prop_map(Step::Revise),
        1 => (0usize..7).prop_map(Step::Evidence),
        2 => Just(Step::Flush),
        2 => (0u64..6_000).prop_map(Step::Wait),
        1 => (0u16..50).prop_map(Step::New),
        1 => (0usize..7).prop_map(Step::Gone),
    ];
    prop::collection::vec(step, 1..60)
}

fn take_step(desk: &mut Desk, step: &Step) {
    match step {
        Step::Keys(keys) => desk.keys(keys),
        Step::Revise(at) => {
            let at = at % desk.cache.len();
            let old = &desk.cache[at];
            let mut draft = old.draft();
            draft.rationale.push('.');
            let mut next = sample::view(&old.head.id.to_string(), old.head.revision + 1, draft, 70, 240);
            next.head.changed_at =
                sample::now() + SignedDuration::from_millis(i64::try_from(desk.ms).unwrap());
            desk.cache[at] = next.clone();
            desk.answer(Answer::Changed { rows: vec![(&next.head).into()], gone: vec![] });
        }
        Step::Evidence(at) => {
            let at = at % desk.cache.len();
            let view = &mut desk.cache[at];
            let mut draft = view.draft();
            draft.signals[0].value.push('!');
            let (revision, changed) = (view.head.revision, desk.ms);
            let mut next = sample::view(&view.head.id.to_string(), revision, draft, 70, 240);
            next.head.changed_at =
                sample::now() + SignedDuration::from_millis(i64::try_from(changed).unwrap());
            *view = next.clone();
            desk.answer(Answer::Changed { rows: vec![(&next.head).into()], gone: vec![] });
        }
        Step::Flush => desk.flush(),
        Step::Wait(ms) => desk.wait(*ms),
        Step::New(number) => {
            let view = sample::view(&format!("sync-{}", 9000 + number), 1, sample::payments(), 1, 240);
            desk.cache.retain(|old| old.head.id != view.head.id);
            desk.cache.push(view.clone());
            desk.answer(Answer::Changed { rows: vec![(&view.head).into()], gone: vec![] });
        }
        Step::Gone(at) => {
            let row = desk.cache[at % desk.cache.len()].head.id;
            desk.answer(Answer::Changed { rows: vec![], gone: vec![row] });
        }
    }
}

/// The line of the screen that the cursor's row is on.
fn cursor_line(model: &Model) -> Option<(crate::row::RowId, isize)> {
    Some((model.queue.row()?, model.queue.cursor.cast_signed() - model.queue.top))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn a_signed_order_equals_the_row_as_it_was_drawn_or_nothing_is_signed(steps in steps()) {
        let mut desk = Desk::new(80, 24);
        for step in &steps {
            let drawn = desk.model.read.clone();
            let before = desk.orders().len();
            take_step(&mut desk, step);
            for order in &desk.orders()[before..] {
                let mut seen = drawn.clone();
                seen.extend(desk.model.read.clone());
                prop_assert_eq!(seen.get(&order.pin.row).map(|pin| pin.revision >= order.pin.revision), Some(true));
                if order.decision != Decision::Decline {
                    let cached = desk.cache.iter().find(|view| view.head.id == order.pin.row).map(Pin::of);
                    prop_assert_eq!(Some(&order.pin), cached.as_ref());
                }
            }
        }
    }

    #[test]
    fn the_cursors_row_changes_its_line_by_a_key_alone(steps in steps()) {
        let mut desk = Desk::new(80, 24);
        for step in &steps {
            let before = cursor_line(&desk.model);
            take_step(&mut desk, step);
            if !matches!(step, Step::Keys(_)) && before.is_some() {
                prop_assert_eq!(cursor_line(&desk.model), before, "{:?}", step);
            }
        }
    }
}

#[test]
fn going_back_after_a_decision_leads_to_the_next_row() {
    let mut desk = Desk::new(80, 24);
    desk.keys("j j Enter");
    let decided = desk.model.subject().unwrap();
    let entry = sample::entry(&decided.to_string(), Decision::Decline, crate::client::Fate::Signed, 7);
    desk.answer(Answer::Signed { row: decided, signed: Ok(Box::new(entry)) });
    assert_eq!(desk.model.queue.row(), Some(decided), "nothing moves without a key");
    desk.keys("q");
    let next = desk.model.queue.row().unwrap();
    assert_ne!(next, decided);
    // A row that was only looked at stays where it is.
    desk.keys("Enter q");
    assert_eq!(desk.model.queue.row(), Some(next));
}

#[test]
fn a_gate_is_found_by_its_service() {
    let mut desk = Desk::new(80, 24);
    desk.keys("/ \"service:billing-worker\" Enter");
    assert_eq!(desk.model.passing.iter().copied().collect::<Vec<_>>(), [id("gate-9826")]);
}
