//! Rows about documents, at every size that counts, and in colour.

use super::super::super::sample::{self, Desk};
use super::super::super::terminal::paint::Painter;
use super::super::super::update::retheme;
use super::{CORPUS, only_our_own};
use crate::row::page::{Action, Block};
use crate::row::paper::{Answer, Words};
use crate::row::{Base, Proposal};
use crate::wire::RowView;

/// Name, row, and the keys after it was opened.
const SCREENS: [(&str, &str, &str); 17] = [
    ("edit", "rb-8821", ""),
    ("edit-below", "rb-8821", "n n G"),
    ("edit-diff", "rb-8821", "v"),
    ("edit-deprecates", "rb-8822", "n"),
    ("edit-notion", "rb-8823", "n"),
    ("live", "rb-8824", ""),
    ("live-ticked", "rb-8824", "n Space n Space Space Space w \"gone, used the workflow\" Enter"),
    ("live-signed", "rb-8824", "n Space n Space Space Space w \"gone, used the workflow\" Enter A"),
    ("edit-struck", "rb-8821", "n Space"),
    ("edit-reword", "rb-8821", "n w \"; `WAIT 1` says so\""),
    ("edit-amend", "rb-8821", "n w \"; `WAIT 1` says so\" Esc n Space M"),
    ("paper", "pm-31", "n"),
    (
        "paper-changed",
        "pm-31",
        "n n n n n n Space n n Space Space n n a \"Writers were paused by hand\" Enter",
    ),
    (
        "paper-amend",
        "pm-31",
        "n n n n n n Space n n Space Space n n a \"Writers were paused by hand\" Enter M",
    ),
    ("paper-judged", "pm-31", "n Space Space n w \" It hurt.\" Esc n n n a \"The cable.\" Enter"),
    ("paper-reword", "pm-31", "n n w \" It hurt.\""),
    ("incident", "pm-31", "i j j"),
];

pub(super) fn desk(width: u16, height: u16, row: &str, keys: &str) -> Desk {
    let mut desk = Desk::of_documents(width, height);
    desk.open(row);
    desk.keys(keys);
    desk.model.notice = None;
    desk
}

#[test]
fn each_document_at_three_sizes() {
    for (width, height) in [(80, 24), (120, 40), (200, 60)] {
        let mut queue = Desk::of_documents(width, height);
        queue.keys("j");
        insta::assert_snapshot!(format!("documents-queue-{width}x{height}"), queue.screen());
        for (name, row, keys) in SCREENS {
            insta::assert_snapshot!(
                format!("{name}-{width}x{height}"),
                desk(width, height, row, keys).screen()
            );
        }
    }
}

#[test]
fn documents_in_the_light_theme() {
    for (name, row, keys) in SCREENS {
        let mut desk = desk(80, 24, row, keys);
        desk.model.wish.flag = Some("light".to_owned());
        retheme(&mut desk.model);
        let bytes = Painter::default().paint(&desk.picture(), "dock");
        let text =
            String::from_utf8(bytes).unwrap().replace("\x1b[", "⌁").replace('\x1b', "␛").replace('\x07', "␇");
        insta::assert_snapshot!(format!("theme-light-{name}"), text.replace('H', "H\n"));
    }
}

/// The row with the text in everything that a page, an agent or a reviewer wrote.
fn poisoned(view: &RowView, text: &str) -> RowView {
    let mut draft = view.draft();
    if let Base::Runbook(base) = &mut draft.base {
        for field in [&mut base.name, &mut base.author, &mut base.created_at] {
            field.push_str(text);
        }
    }
    match &mut draft.proposal {
        Some(Proposal::Edit(edit)) => {
            for operation in &mut edit.operations {
                operation.because.push_str(text);
                operation.anchor.text.push_str(text);
                operation.anchor.path.push(text.to_owned());
                for pointer in &mut operation.pointers {
                    pointer.reference.push_str(text);
                    pointer.platform.push_str(text);
                    pointer.url.push_str(text);
                }
                match &mut operation.action {
                    Action::ReplaceValue { was, is } => {
                        was.push_str(text);
                        is.push_str(text);
                    }
                    Action::InsertBefore { blocks } => {
                        blocks.push(Block::Code { language: text.to_owned(), code: text.to_owned() });
                    }
                    _ => {}
                }
            }
        }
        Some(Proposal::Live(live)) => {
            for step in &mut live.steps {
                step.text.push_str(text);
                step.broken = Some(text.to_owned());
                for fact in &mut step.facts {
                    fact.name.push_str(text);
                    fact.value.push_str(text);
                }
            }
        }
        Some(Proposal::Paper(paper)) => {
            for line in &mut paper.timeline {
                line.text.push_str(text);
                line.source.insert_str(0, text);
            }
            for section in &mut paper.sections {
                section.heading.push_str(text);
                for sentence in &mut section.sentences {
                    sentence.text.push_str(text);
                    let by: crate::row::PrincipalId = "priya".parse().unwrap();
                    sentence.words = Some(Words { by: by.clone(), was: Some(text.to_owned()) });
                    sentence.answer = Some(Answer { by, text: text.to_owned() });
                }
            }
        }
        None => {}
    }
    sample::view(&view.head.id.to_string(), view.head.revision, draft, 60, 240)
}

#[test]
fn no_document_steers_the_terminal() {
    let text = CORPUS.concat();
    for (name, row, keys) in SCREENS {
        for (width, height) in [(80, 24), (200, 60)] {
            let mut desk = Desk::of_documents(width, height);
            desk.cache = desk.cache.iter().map(|view| poisoned(view, &text)).collect();
            let rows = desk.cache.iter().map(|view| (&view.head).into()).collect();
            desk.answer(super::super::super::effect::Answer::Changed { rows, gone: vec![] });
            desk.wait(300);
            desk.open(row);
            desk.keys(keys);
            let bytes = Painter::default().paint(&desk.picture(), "dock (3)");
            if let Err(what) = only_our_own(&bytes) {
                panic!("{name} at {width}x{height}: {what}");
            }
        }
    }
}
