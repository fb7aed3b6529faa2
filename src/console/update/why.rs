//! Why a line stands on a page: asked of the line under the cursor, told on top of the screen, with a way to each row.
//!
//! Never: told as if it were all, where the backend was not asked.

use super::super::effect::{Effect, LinkState, WhyTold};
use super::super::model::{Layer, Mode, Model, Screen, TextKind, TextLayer};
use super::super::screen;
use super::super::text;
use super::super::widget::diff::{Diff, Line};
use super::super::widget::list::View;
use super::{open_row, push_layer, tell_watch};
use crate::client::why::{self, Said};
use crate::row::{Kind, Proposal};

pub(super) fn ask(model: &mut Model) -> Vec<Effect> {
    let Some(body) = model.subject().and_then(|row| model.body(row)) else { return Vec::new() };
    if body.view.head.kind != Kind::Runbook {
        return tell_watch(model, "only a runbook's page has lines that rows put there");
    }
    let subject = &body.view.head.subject;
    let page = subject.split('@').next().unwrap_or(subject).to_owned();
    if model.link.state == LinkState::NoServer {
        return tell_watch(model, "no server is configured that could be asked");
    }
    if proposes(model) {
        let row = body.view.head.id;
        let said =
            format!("{row} proposes this line: it is not on the page yet, and WHAT THE EDIT DOES says why");
        return tell_watch(model, &said);
    }
    let Some(line) = line(model) else {
        return tell_watch(model, "no line of the page is here: n goes to the next one");
    };
    let visit = model.visit();
    let kind = TextKind::Why(None);
    push_layer(model, Layer::Text(TextLayer { visit, kind, view: View::default() }));
    vec![Effect::Why { visit, page, line }]
}

/// The line under the cursor is the row's own, which nobody has published.
fn proposes(model: &Model) -> bool {
    let Some(Screen::Diff(screen)) = model.screens.last() else { return false };
    let published = model.body(screen.row).is_some_and(|body| body.view.execution.is_some());
    let added = matches!(
        screen.lines.get(screen.view.cursor),
        Some(Line::Added { .. } | Line::Both { old: None, new: Some(_), .. })
    );
    added && !published && screen.mode == Mode::Draft
}

/// The line of the page under the cursor, as it is now.
fn line(model: &Model) -> Option<String> {
    let text = match model.screens.last()? {
        Screen::Diff(screen) => {
            let diff: &Diff = screen.diff.as_ref()?;
            match *screen.lines.get(screen.view.cursor)? {
                Line::Same { file, new, .. } | Line::Added { file, new, .. } => diff.new(file, new),
                Line::Removed { file, old, .. } => diff.old(file, old),
                Line::Both { file, old: Some(old), .. } => diff.old(file, old),
                Line::Both { file, new: Some(new), .. } => diff.new(file, new),
                Line::Both { .. } | Line::Head { .. } | Line::Fold { .. } => return None,
            }
            .to_owned()
        }
        Screen::Row(screen) => {
            let at = screen::row::item_at(model)?.number().checked_sub(1)?;
            match model.body(screen.row)?.view.proposal.as_ref()? {
                Proposal::Edit(edit) => edit.operations.get(at)?.anchor.text.clone(),
                Proposal::Live(live) => live.steps.get(at)?.text.clone(),
                Proposal::Paper(_) => return None,
            }
        }
        _ => return None,
    };
    Some(text).filter(|text| !text.trim().is_empty())
}

pub(super) fn came(model: &mut Model, visit: u64, told: &WhyTold) {
    let said = said(model, told);
    let waits = model.layers.iter_mut().find_map(|layer| match layer {
        Layer::Text(text) if text.visit == visit => Some(&mut text.kind),
        _ => None,
    });
    if let Some(TextKind::Why(answer)) = waits {
        *answer = Some(said);
    }
}

fn said(model: &Model, told: &WhyTold) -> Vec<Said> {
    let when = |at| text::when(at, model.now(), &model.zone, true);
    let mut lines = Vec::new();
    let mut plain = |text: String| lines.push(Said { text, row: None });
    if let Some((why, as_of)) = &told.away {
        let as_of = as_of.map(|at| format!(", as of {}", when(at))).unwrap_or_default();
        plain(format!(
            "{}: told from what is kept here{as_of}; rows that only the backend has are not in it ({why})",
            if model.link.away() { "OFFLINE" } else { "THE BACKEND DID NOT SAY" }
        ));
    }
    match &told.line {
        Some(line) => lines.extend(why::lines(line, &told.views, &when)),
        None if told.away.is_some() => plain("No row that is kept here put this line there.".to_owned()),
        None => plain(
            "No row put this line there: it stood on the page before, or somebody wrote it by hand. The page's own \
             history tells who."
                .to_owned(),
        ),
    }
    lines
}

pub(super) fn answered(model: &Model) -> bool {
    matches!(model.layers.last(), Some(Layer::Text(text)) if matches!(text.kind, TextKind::Why(_)))
}

/// The row that the line under the cursor tells of; else the first that is told of.
pub(super) fn open(model: &mut Model) -> Vec<Effect> {
    let first = || match model.layers.last() {
        Some(Layer::Text(TextLayer { kind: TextKind::Why(Some(said)), .. })) => {
            said.iter().find_map(|line| line.row)
        }
        _ => None,
    };
    let Some(row) = screen::why_row(model).or_else(first) else {
        return tell_watch(model, "no row is told of here");
    };
    if !model.knows(row) {
        return tell_watch(model, &format!("{row} is not kept here; `dock show {row}` reads it"));
    }
    model.layers.pop();
    open_row(model, row)
}
