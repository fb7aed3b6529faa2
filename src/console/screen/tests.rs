//! What stands on the screen: every screen at every size that counts, each theme, and text that wants to steer.

mod documents;

use proptest::prelude::*;

use super::super::effect::{Answer, Attempt, LinkState};
use super::super::sample::{self, Desk, id};
use super::super::terminal::paint::Painter;
use super::super::theme::{EMBEDDED, Wish};
use super::super::widget::chart::Charts;
use crate::row::{Decision, Moved, State};
use crate::wire::{DecisionView, ExecutionView, Fresh, RowView};

/// Screens, and the keys that lead there.
const SCREENS: [(&str, &str); 23] = [
    ("queue", ""),
    ("row", "j j Enter"),
    ("diff", "j j Enter v"),
    ("dialog-decline", "j j Enter D \"The toggle is the mitigation of INC-771.\""),
    ("dialog-sign", "j j Enter O \"Rolled forward by hand already.\" Tab"),
    ("conditions", "j Enter C"),
    ("conditions-added", "j Enter C \"canary=10%\" Enter"),
    ("outbox", "g o"),
    ("record", "j j Enter g r"),
    ("holds", "g h"),
    ("help", "?"),
    ("palette", ": \"out\""),
    ("filter", "/ \"evn:prod\""),
    ("views", "v"),
    ("themes", "g c"),
    ("copy", "j j Enter y"),
    ("telemetry", "j j Enter t"),
    ("telemetry-table", "j j Enter t j v PgDn"),
    ("telemetry-frozen", "j j Enter t j f - h"),
    ("gate", "j Enter"),
    ("gate-diff", "j Enter v Tab"),
    ("gate-approve", "j Enter O \"The replica takes over in the window.\""),
    ("gate-second-key", "j j j Enter G"),
];

fn desk(width: u16, height: u16, keys: &str) -> Desk {
    let mut desk = Desk::new(width, height);
    desk.keys(keys);
    let attempt = Attempt {
        index: 48_112,
        at: sample::now(),
        actor: "argus".into(),
        event: "row.opened".into(),
        detail: "state pending, verdict hold".into(),
    };
    desk.answer(Answer::History { row: id("sync-8822"), attempts: Ok(vec![attempt]) });
    desk.model.notice = None;
    desk
}

#[test]
fn each_screen_at_three_sizes() {
    for (name, keys) in SCREENS {
        for (width, height) in [(80, 24), (120, 40), (200, 60)] {
            insta::assert_snapshot!(format!("{name}-{width}x{height}"), desk(width, height, keys).screen());
        }
    }
}

#[test]
fn each_step_of_charts_says_the_same() {
    for charts in Charts::ALL {
        for (name, size, keys) in [("screen", (80, 24), "j j Enter t"), ("beside", (200, 60), "j")] {
            let mut desk = Desk::new(size.0, size.1);
            desk.model.charts = charts;
            desk.keys(keys);
            insta::assert_snapshot!(format!("charts-{}-{name}", charts.name()), desk.screen());
        }
    }
}

#[test]
fn small_ones_say_what_they_cannot_do() {
    for (width, height) in [(60, 18), (52, 15), (20, 5)] {
        for (name, keys) in [("queue", "j"), ("row", "j j Enter")] {
            insta::assert_snapshot!(format!("{name}-{width}x{height}"), desk(width, height, keys).screen());
        }
    }
}

#[test]
fn each_theme_in_its_colours() {
    for (theme, _) in EMBEDDED {
        for (name, keys) in &SCREENS[..4] {
            let mut desk = desk(80, 24, keys);
            desk.model.wish.flag = Some(theme.to_owned());
            super::super::update::retheme(&mut desk.model);
            let bytes = Painter::default().paint(&desk.picture(), "dock");
            let text = String::from_utf8(bytes)
                .unwrap()
                .replace("\x1b[", "⌁")
                .replace('\x1b', "␛")
                .replace('\x07', "␇");
            insta::assert_snapshot!(format!("theme-{theme}-{name}"), text.replace('H', "H\n"));
        }
    }
}

#[test]
fn what_was_carried_out_is_not_told_as_moved() {
    let mut desk = Desk::new(200, 60);
    let row = id("gate-9826");
    let view = desk.cache.iter_mut().find(|view| view.head.id == row).unwrap();
    let fresh = Fresh {
        row,
        read_at: sample::now(),
        moved: vec![Moved {
            what: "waits".into(),
            was: "yes".into(),
            is: "approved in GitHub by dock-gate[bot]".into(),
        }],
        base: view.base_read.clone(),
        diff: view.diff.clone(),
        since: None,
    };
    let told = |desk: &mut Desk| {
        desk.answer(Answer::Fresh { row, fresh: Ok(Box::new(fresh.clone())) });
        desk.screen()
    };
    desk.keys("j Enter");
    assert!(told(&mut desk).contains("dock-gate[bot]"), "somebody else's answer, while it is undecided");
    desk.keys("q");
    let view = desk.cache.iter_mut().find(|view| view.head.id == row).unwrap();
    view.head.state = State::Executed;
    let tag = crate::row::DecisionId::new(1, [1; 10]);
    view.execution = Some(ExecutionView { tag, intended_at: sample::now(), confirmed_at: None });
    desk.keys("Enter");
    let screen = told(&mut desk);
    assert!(!screen.contains("dock-gate[bot]"), "{screen}");
    assert!(screen.contains("not compared: executed 02:14:31"), "{screen}");
}

#[test]
fn the_dialog_says_run_head_plan_and_with_what_authority() {
    let screen = desk(80, 24, "j Enter O").screen();
    assert!(screen.contains("run 9826.1, head "), "{screen}");
    assert!(screen.contains(", plan run-77"), "{screen}");
    assert!(screen.contains("sarah, on call until "), "{screen}");
}

#[test]
fn where_the_truth_stands() {
    let word = |change: &dyn Fn(&mut Desk)| {
        let mut desk = Desk::new(120, 40);
        change(&mut desk);
        super::chrome::truth(&desk.model).plain()
    };
    let since = sample::now() - jiff::SignedDuration::from_mins(14);
    assert_eq!(word(&|_| {}), "synced 02:14:31 · 1 unsent");
    assert_eq!(word(&|desk| desk.model.link.synced_at = Some(since)), "last sync 14 min ago · 1 unsent");
    assert_eq!(
        word(&|desk| desk.model.link.state = LinkState::Offline { since }),
        "OFFLINE since 02:00 · 1 unsent"
    );
    assert_eq!(
        word(&|desk| desk.model.link.state = LinkState::SignedOut { since }),
        "SIGNED OUT since 02:00 · decisions wait"
    );
    assert_eq!(
        word(&|desk| desk.model.link.broken = Some(since)),
        "RECORD BROKEN: the server cannot prove what you saw at 02:00 · deciding is off"
    );
    assert_eq!(
        word(&|desk| desk.model.link.clock_ahead_s = 94),
        "your clock is 94 s ahead: times left and ages are wrong by it"
    );
    let halted = |desk: &mut Desk| {
        desk.model.link.halts.all =
            Some(crate::wire::Halted { by: "sre-jordan".parse().unwrap(), at: since, note: "stop".into() });
    };
    let untold = |desk: &mut Desk| {
        let one = |to: &str| crate::wire::Untold { to: to.into(), since };
        desk.model.link.untold = vec![one("ops"), one("phones")];
    };
    assert_eq!(word(&untold), "synced 02:14:31 · 1 unsent · ops and 1 more not told since 02:00");
    assert_eq!(word(&halted), "HALTED 02:00 by sre-jordan: clocks stand still");
    let one = |desk: &mut Desk| {
        let halted =
            crate::wire::Halted { by: "sre-jordan".parse().unwrap(), at: since, note: "stop".into() };
        desk.model.link.halts.agents.insert("argus".parse().unwrap(), halted);
    };
    assert_eq!(word(&one), "HALTED: argus");
}

/// What somebody might write to take the screen over.
const CORPUS: [&str; 14] = [
    "\x1b[2J\x1b[H\x1b[31mred",
    "\x1b]0;title\x07",
    "\x1b]8;;http://evil\x07link\x1b]8;;\x07",
    "\x1b]11;#ff0000\x07",
    "\x1b]52;c;ZXZpbA==\x07",
    "\x1bP+q544e\x1b\\",
    "\x1b_Gi=1\x1b\\",
    "\u{9b}31m\u{9d}0;t\u{9c}",
    "\u{202e}desrever\u{2066}",
    "zero\u{200b}width\u{feff}\u{2060}",
    "tags\u{e0041}\u{e0042}\u{e007f}",
    "e\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}",
    "👩\u{200d}👩\u{200d}👧🇸🇪👍🏽\u{fe0f}",
    "line\nfeed\r\ttab\0nul\u{7f}",
];

/// The row with the text in every field that an agent or a platform fills.
fn poisoned(view: &RowView, text: &str) -> RowView {
    let mut draft = view.draft();
    for field in [
        &mut draft.subject,
        &mut draft.environment,
        &mut draft.title,
        &mut draft.rationale,
        &mut draft.prose_by,
    ] {
        field.push_str(text);
    }
    draft.incident = Some(text.to_owned());
    for pointer in draft.pointers.iter_mut().chain(draft.signals.iter_mut().map(|signal| &mut signal.pointer))
    {
        pointer.name.push_str(text);
        pointer.platform.push_str(text);
        pointer.reference.push_str(text);
        pointer.url.push_str(text);
    }
    for signal in &mut draft.signals {
        signal.name.push_str(text);
        signal.value.push_str(text);
    }
    draft.diff = draft.diff.replace("express_pay", &format!("express{}", text.replace(['\n', '\r'], " ")));
    let mut next = sample::view(&view.head.id.to_string(), view.head.revision, draft, 60, 240);
    next.why = Some(text.to_owned());
    next.decisions.push(DecisionView {
        id: crate::row::DecisionId::new(1, [1; 10]),
        decision: Decision::NeedsChanges,
        overrides: false,
        reviewer: "priya".parse().unwrap(),
        note: Some(format!("a note with {text}")),
        made_at: sample::now(),
        at: sample::now(),
        key: text.to_owned(),
        touch: crate::row::Touch::Unproven,
        offline: false,
        revision: 1,
        conditions: std::collections::BTreeMap::from([(text.to_owned(), text.to_owned())]),
        void: Some(text.to_owned()),
        log_index: Some(3),
    });
    next
}

/// The bytes hold printable text and sequences of our own list alone.
fn only_our_own(bytes: &[u8]) -> Result<(), String> {
    let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_control()) {
        let tail = &rest[at..];
        let ours =
            own_sequence(tail).ok_or_else(|| format!("{:?}", &tail.chars().take(24).collect::<String>()))?;
        rest = &tail[ours..];
    }
    let hidden = super::super::shown::Shown::untrusted(&text.replace(|c: char| c.is_control(), " ")).hidden();
    if hidden > 0 { Err(format!("{hidden} hidden characters")) } else { Ok(()) }
}

fn own_sequence(text: &str) -> Option<usize> {
    if let Some(body) = text.strip_prefix("\x1b[") {
        let end = body.find(|c: char| !c.is_ascii_digit() && c != ';' && c != '?')?;
        let known = matches!(
            (&body[..end], body.as_bytes()[end]),
            ("?2026" | "?25", b'h' | b'l') | ("2", b'J') | ("", b'K') | (_, b'H' | b'C' | b'm')
        );
        return known.then_some(2 + end + 1);
    }
    if let Some(body) = text.strip_prefix("\x1b]8;;") {
        let end = body.find('\x1b')?;
        let address = &body[..end];
        let harmless = address.is_empty() || address.starts_with("https://");
        return (harmless && body[end..].starts_with("\x1b\\")).then_some(5 + end + 2);
    }
    let body = text.strip_prefix("\x1b]2;dock")?;
    let end = body.find('\x07')?;
    body[..end].chars().all(|c| c.is_ascii_digit() || " ()".contains(c)).then_some(8 + end + 1)
}

#[test]
fn no_text_of_others_steers_the_terminal() {
    assert!(only_our_own(b"\x1b[31mok\x1b[0m").is_ok());
    assert!(only_our_own(b"\x1b]52;c;x\x07").is_err(), "the check itself can fail");
    // One by one where most of it stands, all together everywhere.
    let together = CORPUS.concat();
    let alone = CORPUS.iter().map(|text| ((*text).to_owned(), &SCREENS[1..2], &[(200, 60)][..]));
    let everywhere = (together, &SCREENS[..], &[(80, 24), (200, 60)][..]);
    for (text, screens, sizes) in alone.chain([everywhere]) {
        let text = text.as_str();
        for (name, keys) in screens {
            for (width, height) in sizes {
                let mut desk = Desk::new(*width, *height);
                desk.cache = desk.cache.iter().map(|view| poisoned(view, text)).collect();
                let rows = desk.cache.iter().map(|view| (&view.head).into()).collect();
                for entry in &mut desk.model.known.entries {
                    entry.note = Some(text.to_owned());
                    if let crate::client::Fate::Refused { message, hint, .. } = &mut entry.fate {
                        message.push_str(text);
                        hint.push_str(text);
                    }
                }
                for hold in &mut desk.model.known.holds {
                    hold.note.push_str(text);
                    hold.subject.push_str(text);
                }
                desk.answer(Answer::Changed { rows, gone: vec![] });
                desk.answer(Answer::Told(text.to_owned()));
                desk.wait(300);
                desk.keys(keys);
                let bytes = Painter::default().paint(&desk.picture(), "dock (3)");
                if let Err(what) = only_our_own(&bytes) {
                    panic!("{name} at {width}x{height}, {text:?}: {what}");
                }
            }
        }
    }
}

#[test]
fn without_colour_nothing_is_coloured() {
    for (name, keys) in SCREENS {
        let mut desk = desk(120, 40, keys);
        desk.model.wish = Wish { no_colour: true, ..Wish::default() };
        super::super::update::retheme(&mut desk.model);
        let bytes = String::from_utf8(Painter::default().paint(&desk.picture(), "dock")).unwrap();
        for part in bytes.split("\x1b[").skip(1) {
            if let Some(end) =
                part.find(|c: char| c.is_ascii_alphabetic()).filter(|end| part.as_bytes()[*end] == b'm')
            {
                let codes: Vec<&str> = part[..end].split(';').collect();
                assert!(
                    codes.iter().all(|code| ["0", "1", "2", "4", "7"].contains(code)),
                    "{name}: {codes:?}"
                );
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_size_is_drawn(width in 1u16..240, height in 1u16..80, screen in 0usize..SCREENS.len(), after in (1u16..240, 1u16..80)) {
        let mut desk = desk(width, height, SCREENS[screen].1);
        desk.screen();
        desk.model.size = after;
        desk.what(super::super::event::What::Terminal(super::super::terminal::FromTerminal::Resized));
        desk.screen();
        desk.keys("j G k PgUp g g");
        desk.screen();
    }
}
