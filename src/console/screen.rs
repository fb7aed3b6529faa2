//! All appearance: the model drawn into one picture.
//!
//! Never: changes the model, and never draws what is not on the screen.

use ratatui::layout::Rect;

use super::canvas::{Canvas, Styled};
use super::layout;
use super::model::{Layer, Model, Screen, TextKind};
use super::terminal::paint::Picture;
use super::theme::Slot;
use super::widget::list::View;

pub mod chrome;
pub mod dialog;
pub mod diff;
pub mod holds;
pub mod incident;
pub mod outbox;
pub mod pick;
pub mod queue;
pub mod record;
mod reword;
pub mod row;
pub mod series;
pub mod telemetry;
pub mod words;

/// Draws everything.
pub fn draw(model: &Model, picture: &mut Picture) {
    let mut canvas = Canvas { picture, theme: &model.theme };
    if model.too_small_to_read() {
        let text = super::text::too_small(model.size.0, model.size.1);
        canvas.line(0, 0, model.size.0, &Styled::of(Slot::Watch, text));
        return;
    }
    let areas = layout::areas(model);
    chrome::header(model, &mut canvas, areas.header);
    if let Some(list) = areas.list {
        queue::list(model, &mut canvas, list);
    }
    if let Some(preview) = areas.preview {
        queue::preview(model, &mut canvas, preview);
    }
    match (areas.main, model.screens.last()) {
        (Some(main), None | Some(Screen::Row(_))) => {
            row::pane(model, &mut canvas, main, areas.list.is_some());
        }
        (Some(main), Some(Screen::Diff(screen))) => diff::pane(model, screen, &mut canvas, main),
        (Some(main), Some(Screen::Telemetry(screen))) => telemetry::pane(model, screen, &mut canvas, main),
        (Some(main), Some(Screen::Outbox(plain))) => {
            lines(&mut canvas, upper(main), plain.view, &outbox::lines(model, main.width));
            detail(&mut canvas, main, &outbox::detail(model, plain.view.cursor));
        }
        (Some(main), Some(Screen::Record(record))) => {
            lines(&mut canvas, upper(main), record.view, &record::lines(model, record, main.width));
            detail(&mut canvas, main, &record::detail(model, record));
        }
        (Some(main), Some(Screen::Holds(plain))) => {
            lines(&mut canvas, upper(main), plain.view, &holds::lines(model, main.width));
            detail(&mut canvas, main, &holds::detail(model, plain.view.cursor));
        }
        (Some(main), Some(Screen::Incident(screen))) => {
            lines(&mut canvas, upper(main), screen.view, &incident::lines(model, screen, main.width));
            detail(&mut canvas, main, &incident::detail(model, screen));
        }
        (None, _) => {}
    }
    if let Some(side) = areas.side {
        series::beside(model, &mut canvas, side);
    }
    if let Some(charts) = areas.charts {
        series::below(model, &mut canvas, charts);
    }
    for layer in &model.layers {
        self::layer(model, layer, &mut canvas);
    }
    chrome::footer(model, &mut canvas, areas.footer);
    if model.link.broken.is_some() {
        canvas.highlight(Rect::new(0, 0, model.size.0, model.size.1), Slot::Danger);
    }
}

fn layer(model: &Model, layer: &Layer, canvas: &mut Canvas<'_>) {
    match layer {
        Layer::Decision(dialog) => dialog::draw(model, dialog, canvas),
        Layer::Moved(moved) => {
            let area = layout::layer(model, 78, 16);
            let text: Vec<Styled> = moved_lines(model, &moved.lines, area.width);
            boxed(canvas, area, "What moved while you decided");
            lines_plain(canvas, inside(area), moved.view, &text);
        }
        Layer::Ask(ask) => dialog::ask(model, ask, canvas),
        Layer::Filter(typing) => chrome::typing(model, canvas, "filter ", typing),
        Layer::Search(typing) => chrome::typing(model, canvas, "search ", typing),
        Layer::Unlock(typing) => dialog::unlock(model, typing, canvas),
        Layer::Halt(typing) => chrome::typing(model, canvas, "halt EVERYTHING, why: ", typing),
        Layer::Reword(reword) => reword::draw(model, reword, canvas),
        Layer::Say(say) => chrome::typing(model, canvas, &words::saying(say), &say.typing),
        Layer::Palette(_) | Layer::Views(_) | Layer::Themes(_) | Layer::Copy(_) => {
            pick::draw(model, layer, canvas);
        }
        Layer::Text(text) => {
            let area = text_area(model, &text.kind);
            let drawn = words::text(model, &text.kind, inside(area).width);
            boxed(canvas, area, words::title(&text.kind));
            match text.kind {
                // Its lines are chosen from.
                TextKind::Why(_) => lines(canvas, inside(area), text.view, &drawn),
                _ => lines_plain(canvas, inside(area), text.view, &drawn),
            }
        }
    }
}

/// The row that the line under the cursor tells of, where an answer lies on top.
pub fn why_row(model: &Model) -> Option<crate::row::RowId> {
    let Some(Layer::Text(text)) = model.layers.last() else { return None };
    let TextKind::Why(said) = &text.kind else { return None };
    let width = inside(text_area(model, &text.kind)).width;
    words::why(said.as_deref(), width).get(text.view.cursor)?.1
}

fn moved_lines(model: &Model, moved: &[String], width: u16) -> Vec<Styled> {
    let wrap = |text: &str| -> Vec<Styled> {
        let shown = super::shown::Shown::untrusted(text);
        shown
            .wrap(usize::from(width).saturating_sub(4))
            .into_iter()
            .map(|line| Styled::of(Slot::Text, line))
            .collect()
    };
    let no = model.dialog().is_some_and(|dialog| dialog.verb.goes_on(dialog.verdict));
    let what_now = if model.dialog().is_some_and(|dialog| dialog.over) {
        "Nothing can be decided on it any more. Your note is kept; Esc, Esc."
    } else if no {
        "Esc goes back to the dialog: a decline counts against the revision that you saw."
    } else {
        "Your note is kept. Esc, Esc, read the row again, then decide on what it is now."
    };
    let mut text: Vec<Styled> = moved.iter().flat_map(|line| wrap(line)).collect();
    text.push(Styled::new());
    text.extend(wrap(what_now));
    text
}

/// How many lines the thing on top has, and how many of them fit: what movement needs to know.
pub fn extent(model: &Model) -> Option<(usize, usize)> {
    let height = |area: Rect| usize::from(inside(area).height);
    match model.layers.last() {
        Some(Layer::Text(text)) => {
            let area = text_area(model, &text.kind);
            return Some((words::text(model, &text.kind, inside(area).width).len(), height(area)));
        }
        Some(Layer::Moved(moved)) => {
            let area = layout::layer(model, 78, 16);
            return Some((moved_lines(model, &moved.lines, area.width).len(), height(area)));
        }
        _ => {}
    }
    let main = layout::areas(model).main?;
    match model.screens.last()? {
        Screen::Row(screen) => {
            let inner = row::inner(model, main);
            Some((row::shown(model, screen.row, inner.width, screen.zoom).len(), usize::from(inner.height)))
        }
        Screen::Diff(screen) => Some((screen.lines.len(), usize::from(diff::inner(main).height))),
        Screen::Telemetry(_) => {
            let panes = telemetry::drawn_of(model).map_or(0, |drawn| drawn.panes.len());
            Some((panes, usize::from(telemetry::parts(model, main).list.height)))
        }
        Screen::Outbox(_) => Some((outbox::lines(model, main.width).len(), usize::from(upper(main).height))),
        Screen::Record(record) => {
            Some((record::lines(model, record, main.width).len(), usize::from(upper(main).height)))
        }
        Screen::Holds(_) => Some((holds::lines(model, main.width).len(), usize::from(upper(main).height))),
        Screen::Incident(screen) => {
            Some((incident::lines(model, screen, main.width).len(), usize::from(upper(main).height)))
        }
    }
}

/// The line that the cursor of the screen is on.
pub fn cursor(model: &Model) -> Option<usize> {
    Some(match model.screens.last()? {
        Screen::Row(screen) if row::points(model) => screen.view.cursor,
        Screen::Row(screen) => screen.view.top,
        Screen::Diff(screen) => screen.view.cursor,
        Screen::Telemetry(screen) => screen.view.cursor,
        Screen::Outbox(plain) | Screen::Holds(plain) => plain.view.cursor,
        Screen::Record(record) => record.view.cursor,
        Screen::Incident(screen) => screen.view.cursor,
    })
}

/// What can be searched, line by line as the views count them.
pub fn lines_as_text(model: &Model) -> Vec<String> {
    let Some(main) = layout::areas(model).main else { return Vec::new() };
    let plain = |lines: Vec<Styled>| lines.iter().map(Styled::plain).collect();
    match model.screens.last() {
        Some(Screen::Row(screen)) => {
            let inner = row::inner(model, main);
            plain(
                row::shown(model, screen.row, inner.width, screen.zoom)
                    .into_iter()
                    .map(|line| line.text)
                    .collect(),
            )
        }
        Some(Screen::Diff(screen)) => diff::as_text(screen),
        Some(Screen::Telemetry(_)) => telemetry::drawn_of(model)
            .map(|drawn| drawn.panes.into_iter().map(|pane| pane.name).collect())
            .unwrap_or_default(),
        Some(Screen::Outbox(_)) => plain(outbox::lines(model, main.width)),
        Some(Screen::Record(record)) => plain(record::lines(model, record, main.width)),
        Some(Screen::Holds(_)) => plain(holds::lines(model, main.width)),
        Some(Screen::Incident(screen)) => plain(incident::lines(model, screen, main.width)),
        None => Vec::new(),
    }
}

/// A list with a cursor.
fn lines(canvas: &mut Canvas<'_>, area: Rect, view: View, lines: &[Styled]) {
    let mut view = view;
    view.keep(lines.len(), usize::from(area.height));
    for (row, line) in (0..area.height).zip(lines.iter().skip(view.top)) {
        let here = view.top + usize::from(row) == view.cursor;
        canvas.line(area.x + 2, area.y + row, area.width.saturating_sub(2), line);
        if here {
            canvas.put(area.x, area.y + row, 1, &">".into(), Slot::Focus);
            canvas.highlight(Rect::new(area.x, area.y + row, area.width, 1), Slot::Cursor);
            canvas.cursor(area.x, area.y + row, false);
        }
    }
}

/// Lines below a list that say the line under the cursor in full.
const DETAIL_HEIGHT: u16 = 6;

/// The list's own part of the screen.
fn upper(main: Rect) -> Rect {
    Rect { height: main.height.saturating_sub(DETAIL_HEIGHT).max(main.height.min(4)), ..main }
}

fn detail(canvas: &mut Canvas<'_>, main: Rect, text: &[(Slot, String)]) {
    let top = upper(main).height + 1;
    let wrapped = text.iter().flat_map(|(slot, text)| {
        let lines =
            super::shown::Shown::untrusted(&text.replace('\n', " ")).wrap(usize::from(main.width) - 4);
        lines.into_iter().map(|line| Styled::of(*slot, line)).collect::<Vec<_>>()
    });
    for (y, line) in (top..main.height).zip(wrapped) {
        canvas.line(main.x + 2, main.y + y, main.width.saturating_sub(2), &line);
    }
}

/// Text without a cursor.
fn lines_plain(canvas: &mut Canvas<'_>, area: Rect, view: View, lines: &[Styled]) {
    let mut view = view;
    view.keep(lines.len(), usize::from(area.height));
    for (row, line) in (0..area.height).zip(lines.iter().skip(view.top)) {
        canvas.line(area.x, area.y + row, area.width, line);
    }
    let below = lines.len().saturating_sub(view.top + usize::from(area.height));
    if below > 0 {
        let more = Styled::of(Slot::Muted, format!(" {below} more lines below "));
        canvas.line_right(area.x, area.y + area.height, area.width, &more);
    }
    canvas.cursor(area.x, area.y, false);
}

/// A place over the screen, with the left bar that layers have, and a title.
fn boxed(canvas: &mut Canvas<'_>, area: Rect, title: &str) {
    canvas.clear(area);
    let edge = |c: &str| super::shown::Shown::untrusted(c);
    for y in 0..area.height {
        let sign = match y {
            0 => "┌",
            y if y + 1 == area.height => "└",
            _ => "│",
        };
        canvas.put(area.x, area.y + y, 1, &edge(sign), Slot::Border);
    }
    canvas.line(area.x + 2, area.y, area.width.saturating_sub(2), &Styled::of(Slot::Title, title));
}

fn inside(area: Rect) -> Rect {
    Rect {
        x: area.x + 2,
        y: area.y + 1,
        width: area.width.saturating_sub(3),
        height: area.height.saturating_sub(2),
    }
}

fn text_area(model: &Model, kind: &TextKind) -> Rect {
    let height = model.size.1.saturating_sub(2);
    let width = if matches!(kind, TextKind::Help { .. }) { 84 } else { 100 };
    layout::layer(model, width, height)
}

#[cfg(test)]
mod svg;
#[cfg(test)]
mod tests;
