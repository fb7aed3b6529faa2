//! Opening and closing screens, and what their own keys do.
//!
//! Never: shows a body that another row's answer brought.

use std::{collections::BTreeMap, sync::Arc};

use super::super::effect::Effect;
use super::super::incident::{self, Told};
use super::super::keymap::Command;
use super::super::layout;
use super::super::model::{
    BODIES_MAX, Body, DiffScreen, IncidentScreen, Layer, Mode, Model, Pin, Plain, Record, RowScreen, Screen,
};
use super::super::moved;
use super::super::queue::Line as QueueLine;
use super::super::screen;
use super::super::theme::Slot;
use super::super::widget::diff::{Diff, Line, Shape};
use super::super::widget::list::View;
use super::{layers, lists, push_screen, tell_watch};
use crate::client::Listed;
use crate::client::outbox::Seen;
use crate::row::RowId;
use crate::row::difference::read;

/// Opens the row that was asked for by its id: the list beside it points at it, too.
pub fn open_first(model: &mut Model, row: RowId) -> Vec<Effect> {
    if let Some(line) = model.queue.lines.iter().position(|line| *line == QueueLine::Row(row)) {
        let height = lists::list_height(model);
        model.queue.to(line, height);
    }
    open_row(model, row)
}

/// Opens a row's own screen.
pub fn open_row(model: &mut Model, row: RowId) -> Vec<Effect> {
    let visit = model.visit();
    push_screen(
        model,
        Screen::Row(RowScreen { visit, row, view: View::default(), zoom: None, search: String::new() }),
    );
    model.loading.insert(row);
    let came_back = model.known.entry(row).is_some_and(|entry| !entry.opened && !entry.fate.unsent());
    let opened = came_back.then_some(Effect::MarkOpened(row));
    if came_back {
        for entry in model.known.entries.iter_mut().filter(|entry| entry.row == row) {
            entry.opened = true;
        }
    }
    [Effect::LoadRow { row }, Effect::Fresh { row }].into_iter().chain(opened).collect()
}

/// The body of the row under the cursor, where the layout shows any of it.
pub(super) fn preview(model: &mut Model) -> Vec<Effect> {
    let Some(row) = model.queue.row() else { return Vec::new() };
    let known = model.bodies.contains_key(&row) || model.missed == Some(row);
    if !layout::shows_row(model) || known || !model.loading.insert(row) {
        return Vec::new();
    }
    vec![Effect::LoadRow { row }]
}

/// A frame was flushed: a row's own screen that stood there has been opened, and its pin may be signed.
pub(super) fn seen(model: &mut Model) -> Vec<Effect> {
    let on_row = matches!(model.screens.last(), Some(Screen::Row(_) | Screen::Diff(_)));
    if on_row { mark_read(model) } else { Vec::new() }
}

/// What stands on the screen counts as read from now on, here and in the home.
pub fn mark_read(model: &mut Model) -> Vec<Effect> {
    let Some(pin) = model.standing.facts.body.clone() else { return Vec::new() };
    let before = model.read.insert(pin.row, pin.clone());
    let Some(body) = model.body(pin.row) else { return Vec::new() };
    let current = Pin::of(&body.view) == pin;
    // What became of the same revision since is another thing to have looked at.
    let changed_at = body.view.head.changed_at;
    let looked_since = model.known.seen.get(&pin.row).is_some_and(|seen| seen.at >= changed_at);
    if before.as_ref() == Some(&pin) && looked_since || !current {
        return Vec::new();
    }
    let base = serde_json::to_string(&body.view.base_read).unwrap_or_default();
    let seen = Seen { row: pin.row, revision: pin.revision, base, at: model.now().max(changed_at) };
    model.known.seen.insert(pin.row, seen.clone());
    vec![Effect::MarkSeen(seen)]
}

pub(super) fn go(model: &mut Model, command: Command) -> Vec<Effect> {
    model.layers.clear();
    let subject = model.subject();
    let visit = model.visit();
    let plain = || Plain { visit, view: View::default() };
    match command {
        Command::GoOutbox => push_screen(model, Screen::Outbox(plain())),
        Command::GoHolds => push_screen(model, Screen::Holds(plain())),
        Command::GoRecord => {
            let row = subject.filter(|_| !model.screens.is_empty());
            push_screen(model, Screen::Record(Record { visit, row, view: View::default() }));
            return row.map(|row| Effect::History { row }).into_iter().collect();
        }
        _ => model.screens.clear(),
    }
    Vec::new()
}

/// Everything that is known of the incident of the row that is meant.
pub(super) fn incident(model: &mut Model) -> Vec<Effect> {
    let head = model.subject().and_then(|row| model.head(row));
    let Some(head) = head else {
        return tell_watch(model, "no row is meant here: an incident is opened from a row");
    };
    let Some(name) = head.incident.as_deref().map(str::to_owned) else {
        let said = format!("{} is linked to no incident", head.id);
        return tell_watch(model, &said);
    };
    model.layers.clear();
    let visit = model.visit();
    let away = model.link.away();
    let screen = IncidentScreen {
        visit,
        name: name.clone(),
        view: View::default(),
        cached: None,
        told: if away { Told::Away } else { Told::Asked },
        all: Vec::new(),
        heads: BTreeMap::new(),
    };
    push_screen(model, Screen::Incident(screen));
    let asked = (!away).then(|| Effect::AskIncident { visit, name: name.clone() });
    std::iter::once(Effect::Incident { visit, name }).chain(asked).collect()
}

/// Rows changed: an incident that is open is read again.
pub(super) fn incident_again(model: &Model) -> Option<Effect> {
    let screen = open_incident(model)?;
    Some(Effect::Incident { visit: screen.visit, name: screen.name.clone() })
}

/// The backend is back: what it could not be asked of an incident that is open is asked.
pub(super) fn incident_back(model: &mut Model) -> Option<Effect> {
    let screen = model.screens.iter_mut().rev().find_map(|screen| match screen {
        Screen::Incident(screen) => Some(screen),
        _ => None,
    })?;
    if !matches!(screen.told, Told::Away | Told::Failed(_)) {
        return None;
    }
    screen.told = Told::Asked;
    Some(Effect::AskIncident { visit: screen.visit, name: screen.name.clone() })
}

fn open_incident(model: &Model) -> Option<&IncidentScreen> {
    model.screens.iter().rev().find_map(|screen| match screen {
        Screen::Incident(screen) => Some(screen),
        _ => None,
    })
}

/// What came of an incident joins what is shown of it; the cursor stays on what it stands on.
pub(super) fn incident_came(model: &mut Model, visit: u64, came: impl FnOnce(&mut IncidentScreen)) {
    let found = model.screens.iter_mut().find_map(|screen| match screen {
        Screen::Incident(screen) if screen.visit == visit => Some(screen),
        _ => None,
    });
    let Some(screen) = found else { return };
    came(screen);
    if let Told::Came(view) = &screen.told {
        let alike = view.alike.iter().filter_map(|alike| alike.head.as_ref());
        screen.heads = view.rows.iter().chain(alike).map(|head| (head.id, Listed::from(head))).collect();
    }
    let before = screen.all.get(screen.view.cursor).cloned();
    let cached = screen.cached.as_ref().and_then(|cached| cached.as_ref().ok());
    screen.all = incident::together(cached.map(Vec::as_slice).unwrap_or_default(), &screen.told);
    let stood = before.and_then(|before| screen.all.iter().position(|one| *one == before));
    screen.view.cursor = stood.unwrap_or(screen.view.cursor.min(screen.all.len().saturating_sub(1)));
}

/// `Enter` on whatever the cursor is on.
pub(super) fn open_under_cursor(model: &mut Model, command: Command) -> Vec<Effect> {
    if command != Command::Open || !model.layers.is_empty() {
        return Vec::new();
    }
    match model.screens.last() {
        None => match model.queue.lines.get(model.queue.cursor) {
            Some(QueueLine::Row(row)) => open_row(model, *row),
            Some(QueueLine::Folded { .. }) => {
                model.queue.unfolded = true;
                lists::settle(model);
                Vec::new()
            }
            Some(QueueLine::Heading { .. }) | None => Vec::new(),
        },
        Some(Screen::Row(_)) => open_diff(model),
        Some(Screen::Diff(_) | Screen::Telemetry(_)) => Vec::new(),
        Some(Screen::Outbox(plain)) => {
            let row = screen::outbox::items(model).get(plain.view.cursor).map(screen::outbox::Item::row);
            row.map(|row| open_row(model, row)).unwrap_or_default()
        }
        Some(Screen::Holds(plain)) => {
            let row = screen::holds::items(model).get(plain.view.cursor).map(|hold| hold.row);
            row.filter(|row| model.knows(*row)).map(|row| open_row(model, row)).unwrap_or_default()
        }
        Some(Screen::Incident(screen)) => {
            let row = screen::incident::happening(screen).and_then(|happening| happening.row);
            match row.filter(|row| model.knows(*row)) {
                Some(row) => open_row(model, row),
                None => tell_watch(model, "this has no row here"),
            }
        }
        Some(Screen::Record(_)) => Vec::new(),
    }
}

pub(super) fn row_command(model: &mut Model, command: Command) -> Vec<Effect> {
    match command {
        Command::Diff => open_diff(model),
        Command::Telemetry => super::telemetry::open(model),
        Command::PaneNext => pane(model, 1),
        Command::PanePrevious => pane(model, -1),
        Command::Evidence => to_pane(model, screen::row::Pane::Signals),
        Command::Zoom => {
            let at = screen::row::pane_at(model).map(|pane| pane as usize);
            if let Some(Screen::Row(screen)) = model.screens.last_mut() {
                screen.zoom = if screen.zoom.is_some() { None } else { at };
                screen.view = View::default();
            }
            Vec::new()
        }
        Command::OpenUrl => {
            let urls = pointers(model);
            match urls.first() {
                Some(url) => vec![Effect::OpenUrl(url.clone())],
                None => tell_watch(model, "no pointer here leads to a page"),
            }
        }
        _ => layers::run(model, command),
    }
}

fn pointers(model: &Model) -> Vec<String> {
    let Some(body) = model.subject().and_then(|row| model.body(row)) else { return Vec::new() };
    let page = |url: &&String| url.starts_with("https://") || url.starts_with("http://");
    body.view.pointers.iter().map(|pointer| &pointer.url).filter(page).cloned().collect()
}

fn pane(model: &mut Model, step: isize) -> Vec<Effect> {
    let panes = screen::row::panes(model);
    let here = screen::row::pane_at(model);
    let at = panes.iter().position(|(pane, _)| Some(*pane) == here).unwrap_or(0);
    let len = panes.len().max(1);
    let to = (at.cast_signed() + step).rem_euclid(len.cast_signed()).unsigned_abs();
    if let Some((pane, _)) = panes.get(to).copied() {
        return to_pane(model, pane);
    }
    Vec::new()
}

fn to_pane(model: &mut Model, pane: screen::row::Pane) -> Vec<Effect> {
    let zoomed = matches!(model.screens.last(), Some(Screen::Row(screen)) if screen.zoom.is_some());
    if zoomed {
        if let Some(Screen::Row(screen)) = model.screens.last_mut() {
            screen.zoom = Some(pane as usize);
            screen.view = View::default();
        }
        return Vec::new();
    }
    let line =
        screen::row::panes(model).iter().find(|(known, _)| *known == pane).map_or(0, |(_, line)| *line);
    let Some((len, height)) = screen::extent(model) else { return Vec::new() };
    if let Some(Screen::Row(screen)) = model.screens.last_mut() {
        screen.view.cursor = line;
        screen.view.top = line.min(len.saturating_sub(height));
    }
    Vec::new()
}

fn open_diff(model: &mut Model) -> Vec<Effect> {
    let Some(row) = model.subject() else { return Vec::new() };
    let visit = model.visit();
    let side_by_side = model.size.0 >= layout::SIDE_BY_SIDE;
    // Prose is made of long lines.
    let prose = model.body(row).is_some_and(|body| body.view.proposal.is_some());
    let mut screen = DiffScreen {
        visit,
        row,
        mode: Mode::Draft,
        shape: Shape { side_by_side, ..Shape::default() },
        loose: false,
        wrap: prose || !side_by_side,
        sideways: 0,
        view: View::default(),
        diff: model.body(row).map(|body| Arc::clone(&body.diff)),
        lines: Arc::default(),
        search: String::new(),
    };
    diff_lines(&mut screen);
    first_change(&mut screen);
    push_screen(model, Screen::Diff(screen));
    Vec::new()
}

/// Lays the lines out anew, after another shape or another text.
pub fn diff_lines(screen: &mut DiffScreen) {
    let lines = screen.diff.as_ref().map(|diff| diff.lines(&screen.shape)).unwrap_or_default();
    screen.view.cursor = screen.view.cursor.min(lines.len().saturating_sub(1));
    screen.lines = Arc::new(lines);
}

pub(super) fn first_change(screen: &mut DiffScreen) {
    let first = Diff::hunks(&screen.lines).first().copied().unwrap_or(0);
    screen.view = View { top: 0, cursor: first };
}

pub(super) fn diff_command(model: &mut Model, command: Command) -> Vec<Effect> {
    let height = screen::extent(model).map_or(1, |(_, height)| height);
    let Some(Screen::Diff(screen)) = model.screens.last_mut() else { return Vec::new() };
    let len = screen.lines.len();
    match command {
        Command::HunkNext | Command::HunkPrevious => {
            let hunks = Diff::hunks(&screen.lines);
            let here = screen.view.cursor;
            let to = if command == Command::HunkNext {
                hunks.iter().find(|at| **at > here)
            } else {
                hunks.iter().rev().find(|at| **at < here)
            };
            let Some(to) = to.copied() else {
                let what = if command == Command::HunkNext { "no change below" } else { "no change above" };
                return tell_watch(model, what);
            };
            screen.view.to(to, len, height);
            // Some of what follows is shown too.
            screen.view.to((to + 4).min(len.saturating_sub(1)), len, height);
            screen.view.to(to, len, height);
        }
        Command::FileNext | Command::FilePrevious => {
            let heads: Vec<usize> =
                (0..len).filter(|at| matches!(screen.lines[*at], Line::Head { .. })).collect();
            let here = screen.view.cursor;
            let to = if command == Command::FileNext {
                heads.iter().find(|at| **at > here).or_else(|| heads.first())
            } else {
                heads.iter().rev().find(|at| **at < here).or_else(|| heads.last())
            };
            if let Some(to) = to.copied() {
                screen.view.cursor = to;
                screen.view.top = to.min(len.saturating_sub(height));
            }
        }
        Command::Mode => return change_mode(model),
        Command::WhiteSpace => {
            screen.loose = !screen.loose;
            return compare(model);
        }
        Command::SideBySide => reshape(screen, |shape| shape.side_by_side = !shape.side_by_side),
        Command::FoldAll => reshape(screen, |shape| {
            shape.all_open = !shape.all_open;
            shape.opened.clear();
        }),
        Command::ContextMore => reshape(screen, |shape| shape.context = (shape.context + 3).min(60)),
        Command::ContextLess => reshape(screen, |shape| shape.context = shape.context.saturating_sub(3)),
        Command::Fold => fold(screen),
        Command::Wrap => {
            screen.wrap = !screen.wrap;
            screen.sideways = 0;
        }
        Command::SidewaysLeft if !screen.wrap && screen.sideways > 0 => {
            screen.sideways = screen.sideways.saturating_sub(8);
        }
        Command::SidewaysLeft => {
            model.screens.pop();
        }
        Command::SidewaysRight if !screen.wrap => screen.sideways = (screen.sideways + 8).min(10_000),
        Command::SidewaysRight => {}
        _ => return layers::run(model, command),
    }
    Vec::new()
}

/// Another shape of the same text; the cursor stays on its line as far as that is there.
fn reshape(screen: &mut DiffScreen, change: impl FnOnce(&mut Shape)) {
    let place = place(screen);
    let offset = screen.view.cursor - screen.view.top;
    change(&mut screen.shape);
    diff_lines(screen);
    if let Some((file, old)) = place {
        let after = |line: &Line| {
            line.file() > file || (line.file() == file && position(*line).is_some_and(|at| at >= old))
        };
        let at = screen.lines.iter().position(after).unwrap_or(screen.lines.len().saturating_sub(1));
        screen.view = View { top: at.saturating_sub(offset), cursor: at };
    }
}

fn place(screen: &DiffScreen) -> Option<(usize, usize)> {
    let here = screen.lines.get(screen.view.cursor..)?;
    here.iter().find_map(|line| Some((line.file(), position(*line)?)))
}

fn position(line: Line) -> Option<usize> {
    match line {
        Line::Same { old, .. } | Line::Removed { old, .. } | Line::Fold { old, .. } => Some(old),
        Line::Both { old, .. } => old,
        Line::Added { pair, .. } => pair,
        Line::Head { .. } => None,
    }
}

fn fold(screen: &mut DiffScreen) {
    match screen.lines.get(screen.view.cursor).copied() {
        Some(Line::Fold { file, old, .. }) => reshape(screen, |shape| {
            shape.opened.insert((file, old));
        }),
        // On an opened stretch: fold the one that began before here.
        Some(Line::Same { file, old, .. }) => reshape(screen, |shape| {
            let begun = shape.opened.iter().rfind(|(at, from)| *at == file && *from <= old).copied();
            if let Some(begun) = begun {
                shape.opened.remove(&begun);
            }
        }),
        _ => {
            let next =
                screen.lines[screen.view.cursor..].iter().position(|line| matches!(line, Line::Fold { .. }));
            if let Some(step) = next {
                screen.view.cursor += step;
            }
        }
    }
}

fn change_mode(model: &mut Model) -> Vec<Effect> {
    if let Some(Screen::Diff(screen)) = model.screens.last_mut() {
        screen.mode = screen.mode.next();
        screen.view = View::default();
        screen.diff = None;
        diff_lines(screen);
    }
    compare(model)
}

/// Asks for the texts of this mode to be compared; what needs no comparing is there at once.
pub(super) fn compare(model: &mut Model) -> Vec<Effect> {
    let Some(Screen::Diff(screen)) = model.screens.last() else { return Vec::new() };
    let (row, visit, mode, loose) = (screen.row, screen.visit, screen.mode, screen.loose);
    let Some(body) = model.body(row) else { return Vec::new() };
    let files = match mode {
        Mode::Draft if !loose => {
            let diff = Arc::clone(&body.diff);
            take_diff(model, diff);
            return Vec::new();
        }
        Mode::Draft => read(&body.view.diff),
        Mode::SinceDraft => match since_draft(body) {
            Some(files) => files,
            None => return vec![Effect::Fresh { row }],
        },
        Mode::SinceOpened => since_opened(body),
    };
    vec![Effect::Compare { row, visit, mode, files, loose }]
}

pub(super) fn take_diff(model: &mut Model, diff: Arc<Diff>) {
    if let Some(Screen::Diff(screen)) = model.screens.last_mut() {
        screen.diff = Some(diff);
        diff_lines(screen);
        first_change(screen);
    }
    model.dirty = true;
}

fn since_draft(body: &Body) -> Option<Vec<crate::row::difference::FileDifference>> {
    let fresh = body.fresh.as_ref()?.as_ref().ok()?;
    Some(moved::files(&body.view.base_read, &body.view.diff, &fresh.diff))
}

fn since_opened(body: &Body) -> Vec<crate::row::difference::FileDifference> {
    let before = body.opened.as_ref().and_then(|opened| opened.view.as_ref());
    before.map(|before| moved::files(&body.view.base_read, &before.diff, &body.view.diff)).unwrap_or_default()
}

pub(super) fn outbox_command(model: &mut Model, command: Command) -> Vec<Effect> {
    if command != Command::EditDraft {
        return layers::run(model, command);
    }
    let Some(Screen::Outbox(plain)) = model.screens.last() else { return Vec::new() };
    let items = screen::outbox::items(model);
    match items.get(plain.view.cursor) {
        Some(screen::outbox::Item::Draft(draft)) => {
            let row = draft.row;
            let mut effects = open_row(model, row);
            model.tell(Slot::Info, "Read it, then the same capital opens your draft.");
            effects.extend(preview(model));
            effects
        }
        Some(screen::outbox::Item::Begun(begun)) => {
            let row = begun.row;
            let mut effects = open_row(model, row);
            effects.extend(preview(model));
            effects
        }
        _ => tell_watch(model, "not a draft: what is signed is not edited, u takes it back"),
    }
}

/// Keeps a body, and lets one go that nobody looks at where there are too many.
pub(super) fn keep_body(model: &mut Model, row: RowId, body: Body) {
    let open = |model: &Model, row: &RowId| {
        let on_screen = model.screens.iter().any(|screen| match screen {
            Screen::Row(screen) => screen.row == *row,
            Screen::Diff(screen) => screen.row == *row,
            Screen::Telemetry(screen) => screen.row == *row,
            _ => false,
        });
        let in_dialog = model.layers.iter().any(|layer| match layer {
            Layer::Decision(dialog) => dialog.pins.iter().any(|pin| pin.row == *row),
            _ => false,
        });
        on_screen || in_dialog || model.queue.marked.contains(row) || model.queue.row() == Some(*row)
    };
    model.bodies.insert(row, body);
    while model.bodies.len() > BODIES_MAX {
        let Some(go) = model.bodies.keys().find(|row| !open(model, row)).copied() else { break };
        model.bodies.remove(&go);
    }
}
