//! One row's series over the whole screen: the chosen one as a chart, or as a table, above all of them in a line each.
//!
//! Never: a frozen picture that does not say so.

use jiff::Timestamp;
use ratatui::layout::Rect;

use super::super::canvas::{Canvas, Styled};
use super::super::model::{Model, TelemetryScreen};
use super::super::shown::Shown;
use super::super::telemetry;
use super::super::text;
use super::super::theme::Slot;
use super::super::widget::chart::Charts;
use super::series::{self, Drawn};

/// What is cut for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts {
    /// Title, chart, time, marks, words.
    pub chart: Rect,
    pub list: Rect,
}

/// At most a third of the screen is the list, and three lines at least.
pub fn parts(model: &Model, main: Rect) -> Parts {
    let count = drawn_of(model).map_or(0, |drawn| drawn.panes.len());
    let count = u16::try_from(count).unwrap_or(u16::MAX);
    let height = count.min((main.height / 3).max(3)).min(main.height);
    let chart = Rect { height: main.height.saturating_sub(height + 1), ..main };
    Parts { chart, list: Rect { y: main.bottom() - height, height, ..main } }
}

/// What the screen on top draws from; `None` where it is another one, or the row's text is not here.
pub fn drawn_of(model: &Model) -> Option<Drawn<'_>> {
    let super::Screen::Telemetry(screen) = model.screens.last()? else { return None };
    let view = &model.body(screen.row)?.view;
    let frozen = screen.frozen.as_ref();
    let told = match frozen {
        Some(frozen) => frozen.told.as_ref(),
        None => model.telemetry.live(screen.row).map(|live| &live.told),
    };
    let until = screen.until.unwrap_or_else(|| frozen.map_or(model.now(), |frozen| frozen.at));
    let window = (until.saturating_sub(screen.span.duration()).unwrap_or(until), until);
    let panes = telemetry::panes(view, told);
    let (past, frozen) = (screen.until.is_some(), frozen.map(|frozen| frozen.at));
    Some(Drawn { model, view, live: told, panes, window, past, frozen })
}

pub(super) fn heading(model: &Model, screen: &TelemetryScreen) -> [Styled; 2] {
    let Some(head) = model.head(screen.row) else { return [Styled::new(), Styled::new()] };
    let first = Styled::of(Slot::Title, format!(" {} r{} · {}", head.id, head.revision, head.word))
        .text(format!("   telemetry   {} · {}", head.about(), text::environment(&head.environment)));
    let mut second = Styled::of(Slot::Muted, format!(" span {}", screen.span));
    if let Some(until) = screen.until {
        let at = text::when(until, model.now(), &model.zone, false);
        second = second.add(Slot::Watch, format!("   up to {at}"));
    }
    if let Some(drawn) = drawn_of(model) {
        second = second.text("   ").join(series::state(&drawn));
    }
    [first, second]
}

pub(super) fn pane(model: &Model, screen: &TelemetryScreen, canvas: &mut Canvas<'_>, main: Rect) {
    let Some(drawn) = drawn_of(model) else {
        canvas.line(main.x, main.y, main.width, &Styled::of(Slot::Muted, format!(" {}", text::NO_BODY)));
        return;
    };
    let Parts { chart, list } = parts(model, main);
    for (y, line) in (chart.y..chart.bottom()).zip(chosen(&drawn, screen, chart)) {
        canvas.line(chart.x, y, chart.width, &line);
    }
    let names = drawn.panes.iter().map(|pane| Shown::untrusted(&pane.name).width()).max().unwrap_or(0);
    let mut view = screen.view;
    view.keep(drawn.panes.len(), usize::from(list.height));
    for (at, y) in (view.top..drawn.panes.len()).zip(list.y..list.bottom()) {
        let line =
            series::one_line(&drawn, &drawn.panes[at], names, usize::from(list.width).saturating_sub(2));
        canvas.line(list.x + 1, y, list.width.saturating_sub(1), &line);
        if at == view.cursor {
            canvas.put(list.x, y, 1, &">".into(), Slot::Focus);
            canvas.highlight(Rect::new(list.x, y, list.width, 1), Slot::Cursor);
            canvas.cursor(list.x, y, false);
        }
    }
}

/// The chosen series.
fn chosen(drawn: &Drawn<'_>, screen: &TelemetryScreen, area: Rect) -> Vec<Styled> {
    let (width, height) = (usize::from(area.width), usize::from(area.height));
    let Some(pane) = drawn.panes.get(screen.view.cursor.min(drawn.panes.len().saturating_sub(1))) else {
        return vec![Styled::of(Slot::Muted, " no series came with this draft, and nothing was read live")];
    };
    let mut lines = vec![series::title(drawn, pane, width)];
    if screen.table || drawn.model.charts == Charts::Table {
        let rows = height.saturating_sub(2);
        let table = series::table(drawn, pane);
        let top = screen.table_top.min(table.len().saturating_sub(rows.min(table.len())));
        let below = table.len().saturating_sub(top + rows);
        lines.extend(table.into_iter().skip(top).take(rows));
        lines.resize(rows + 1, Styled::new());
        let more = if below > 0 { format!("   {below} more lines: PgDn") } else { String::new() };
        lines.push(series::words(drawn, pane).add(Slot::Muted, more));
        return lines;
    }
    let mut marks = series::marks(drawn, width);
    // The chart first: what happened is told where there is room for it.
    marks.truncate(height.saturating_sub(9));
    let chart = height.saturating_sub(4 + marks.len());
    lines.extend(series::with_numbers(drawn, pane, width, chart));
    lines.push(letters(drawn, width));
    lines.push(axis(drawn, width));
    lines.push(series::words(drawn, pane));
    lines.extend(marks);
    lines
}

/// Signs below the chart, at the times at which something happened.
fn letters(drawn: &Drawn<'_>, width: usize) -> Styled {
    let begins = series::chart_begins();
    let columns = width.saturating_sub(begins + 1);
    let mut line = vec![' '; columns];
    if let (Some(live), Some(plot)) = (drawn.live, drawn.panes.first()) {
        let plot = plot.plot(drawn.window, drawn.view.read_at);
        for (letter, mark) in series::lettered(live) {
            if let Some(column) = plot.column_at(mark.at, columns) {
                line[column] = letter;
            }
        }
    }
    Styled::from(" ".repeat(begins)).add(Slot::Key, line.into_iter().collect::<String>())
}

/// Where the time in sight begins, where the draft is, where it ends.
fn axis(drawn: &Drawn<'_>, width: usize) -> Styled {
    let model = drawn.model;
    let when = |at: Timestamp| text::when(at, model.now(), &model.zone, false);
    let begins = series::chart_begins();
    let columns = width.saturating_sub(begins + 1);
    let (from, until) = (when(drawn.window.0), when(drawn.window.1));
    let mut line = format!("{from}{:>rest$}", until, rest = columns.saturating_sub(from.chars().count()));
    let draft = format!("┆draft {}", when(drawn.view.read_at));
    let plot = drawn.panes.first().map(|pane| pane.plot(drawn.window, drawn.view.read_at));
    if let Some(at) = plot.and_then(|plot| plot.draft_column(columns)) {
        let (first, last) = (from.chars().count() + 1, columns.saturating_sub(until.chars().count() + 1));
        let length = draft.chars().count();
        if at >= first && at + length <= last {
            line = over(&line, at, &draft);
        } else if at + 1 >= first + length {
            // Left of its sign where the right has no room; where both meet, the end is not told.
            let turned = format!("draft {}┆", when(drawn.view.read_at));
            line = over(&line, at + 1 - length, &turned);
            if at + 1 > last {
                line = line.chars().take(at + 1).collect();
            }
        }
    }
    Styled::from(" ".repeat(begins)).add(Slot::Muted, line)
}

/// `part` over `line`, from this column on.
fn over(line: &str, at: usize, part: &str) -> String {
    let before = line.chars().take(at);
    before.chain(part.chars()).chain(line.chars().skip(at + part.chars().count())).collect()
}
