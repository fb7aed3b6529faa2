//! Layers of text: help, the exact statement, something to select by hand.
//!
//! Never: a key that is not in the table, or a mark that help does not explain.

use super::super::canvas::Styled;
use super::super::keymap::{Chord, Context};
use super::super::model::{Model, Say, Saying, TextKind};
use super::super::queue::marks::LEGEND;
use super::super::shown::Shown;
use super::super::theme::Slot;
use crate::client::why::Said;
use crate::row::RowId;

pub(super) fn title(kind: &TextKind) -> &'static str {
    match kind {
        TextKind::Help { .. } => "Keys and marks here",
        TextKind::Statement(_) => "The exact statement that you sign",
        TextKind::Plain(_) => "To select by hand",
        TextKind::Why(_) => "Why this line is here; Enter opens the row",
    }
}

/// What the line that is typed is about.
pub(super) fn saying(say: &Say) -> String {
    match say.about {
        Saying::Step(number) => format!("step {number}, a word: "),
        Saying::Line(_) => "time and what happened: ".to_owned(),
        Saying::Sentence { question: Some(_), .. } => "answer, or section and sentence: ".to_owned(),
        Saying::Sentence { .. } => "section and sentence: ".to_owned(),
    }
}

pub(super) fn text(model: &Model, kind: &TextKind, width: u16) -> Vec<Styled> {
    match kind {
        TextKind::Help { contexts } => help(model, contexts, width),
        TextKind::Statement(text) | TextKind::Plain(text) => Shown::lines(text)
            .flat_map(|line| line.wrap(usize::from(width)))
            .map(|line| Styled::of(Slot::Text, line))
            .collect(),
        TextKind::Why(said) => why(said.as_deref(), width).into_iter().map(|(line, _)| line).collect(),
    }
}

/// The answer in lines, each with the row that it tells of.
pub fn why(said: Option<&[Said]>, width: u16) -> Vec<(Styled, Option<RowId>)> {
    let Some(said) = said else { return vec![(Styled::of(Slot::Muted, "asking …"), None)] };
    let line = |said: &Said| {
        let slot = if said.row.is_some() { Slot::Text } else { Slot::Title };
        let lines = Shown::untrusted(&said.text).wrap(usize::from(width).saturating_sub(2));
        lines.into_iter().map(|line| (Styled::of(slot, line), said.row)).collect::<Vec<_>>()
    };
    said.iter().flat_map(line).collect()
}

const RULES: [&str; 7] = [
    "Small letters look, capitals decide, and no capital decides alone: it opens a dialog.",
    "What was on the screen is what is signed; when it moved, nothing is.",
    "The sign field is reached by Tab and filled by hand; Enter signs there alone.",
    "A signed decision rests before it leaves: u takes it back.",
    "Offline it waits, visibly unsent, and is judged when it arrives.",
    "STALE, UNKNOWN and OFFLINE are never fine.",
    "The word beside a row's id changes with its content.",
];

fn help(model: &Model, contexts: &[Context], width: u16) -> Vec<Styled> {
    let mut lines = Vec::new();
    for context in contexts {
        lines.push(Styled::of(Slot::Title, context.title()));
        for bound in model.keymap.all().iter().filter(|bound| bound.binding.context == *context) {
            let keys: Vec<String> = bound.keys.iter().map(Chord::to_string).collect();
            let keys = if keys.is_empty() { format!(":{}", bound.binding.name) } else { keys.join("  ") };
            let mut line = Styled::of(Slot::Key, format!("  {keys:<14} ")).text(bound.binding.help);
            if let Some(reason) = model.disabled(bound.binding.command) {
                line = line.add(Slot::Watch, format!("  off: {reason}"));
            }
            lines.push(line);
        }
        lines.push(Styled::new());
    }
    if contexts.contains(&Context::Queue) {
        lines.push(Styled::of(Slot::Title, "Marks"));
        for (mark, words) in LEGEND {
            lines.push(Styled::of(Slot::Key, format!("  {mark:<14} ")).text(words));
        }
        lines.push(Styled::new());
        lines.push(Styled::of(Slot::Title, "Filter"));
        for line in [
            "words are fuzzy over id, title, service, agent; key:value is exact; -word excludes",
            "kind env state risk service app agent owner asked reviewer incident source id",
            "is:new changed stale unknown unsent refused expiring mine half_signed on_hold overtaken read",
            "since:24h before:7d left:30m",
        ] {
            lines.push(Styled::new().text("  ").text(line));
        }
        lines.push(Styled::new());
    }
    lines.push(Styled::of(Slot::Title, "Rules"));
    for rule in RULES {
        let wrapped = Shown::untrusted(rule).wrap(usize::from(width).saturating_sub(2));
        lines.extend(wrapped.into_iter().map(|part| Styled::new().text("  ").text(part)));
    }
    lines
}
