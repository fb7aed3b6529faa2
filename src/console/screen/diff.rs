//! The difference in full: one under the other or side by side, in three modes.
//!
//! Never: compares words of lines that are not drawn.

mod beside;

use std::ops::Range;

use ratatui::layout::Rect;

use super::super::canvas::{Canvas, Styled};
use super::super::model::{DiffScreen, Mode, Model};
use super::super::shown::Shown;
use super::super::text;
use super::super::theme::{Depth, Slot};
use super::super::widget::diff::{Diff, Line, words};

/// How one line is laid out.
#[derive(Clone, Copy, Debug)]
pub struct Columns {
    pub side_by_side: bool,
    pub width: usize,
    pub sideways: usize,
    pub numbers: bool,
}

/// Columns of one line number.
const NUMBER: usize = 5;

/// The lines' own area: without the last line, which says what moved.
pub fn inner(main: Rect) -> Rect {
    Rect { height: main.height.saturating_sub(1), ..main }
}

pub(super) fn heading(model: &Model, screen: &DiffScreen, width: u16) -> [Styled; 2] {
    let Some(head) = model.head(screen.row) else { return [Styled::new(), Styled::new()] };
    let shape = if screen.shape.side_by_side { "side by side" } else { "unified" };
    let mut first = Styled::of(Slot::Title, format!(" {} r{} · {}", head.id, head.revision, head.word))
        .text(if width < 100 { "   ".to_owned() } else { format!("   diff   {shape}   mode: ") });
    for (at, mode) in [Mode::Draft, Mode::SinceDraft, Mode::SinceOpened].into_iter().enumerate() {
        let bar = if at > 0 { " │ " } else { "" };
        let slot = if mode == screen.mode { Slot::Focus } else { Slot::Muted };
        let (open, close) = if mode == screen.mode { ("[", "]") } else { ("", "") };
        first = first.add(Slot::Muted, bar).add(slot, format!("{open}{}{close}", mode.words()));
    }
    let Some(diff) = &screen.diff else { return [first, Styled::of(Slot::Muted, " comparing …")] };
    let hunks = Diff::hunks(&screen.lines);
    let hunk = hunks.iter().filter(|at| **at <= screen.view.cursor).count().max(1).min(hunks.len());
    let file = screen.lines.get(screen.view.cursor).map_or(0, |line| line.file());
    let mut second = Styled::new();
    if let Some(file_of) = diff.files.get(file) {
        let told = format!(
            "  {} of {}  hunk {hunk} of {}  +{} -{}",
            file + 1,
            text::plural(diff.files.len(), "file", "files"),
            hunks.len(),
            file_of.added,
            file_of.removed
        );
        // The name gives way; which hunk it is never does.
        let room = usize::from(width).saturating_sub(told.len() + 8);
        let name = Shown::untrusted(&file_of.name).fit(room.max(8));
        second = Styled::of(Slot::Title, " ").add(Slot::Title, name).text(told);
    }
    second = second.add(Slot::Muted, if screen.wrap { "  wrap" } else { "" });
    if screen.loose {
        second = second.add(Slot::Muted, "   without white space");
    }
    if diff.cut_short {
        second = second.add(Slot::Watch, format!("   {}", text::LINES_ONLY));
    }
    if diff.too_long {
        second = second.add(Slot::Watch, format!("   {}", text::TOO_LONG));
    }
    [first, second]
}

pub(super) fn pane(model: &Model, screen: &DiffScreen, canvas: &mut Canvas<'_>, main: Rect) {
    let area = inner(main);
    if let Some(diff) = &screen.diff {
        if screen.lines.is_empty() || diff.is_empty() {
            let said = nothing(model, screen);
            for (y, line) in (0..area.height).zip(Shown::untrusted(&said).wrap(usize::from(area.width) - 2)) {
                canvas.line(area.x + 1, area.y + 1 + y, area.width, &Styled::of(Slot::Text, line));
            }
        } else {
            draw_lines(model, screen, diff, canvas, area);
        }
    }
    let said = moved(model, screen);
    canvas.line(main.x, main.y + main.height.saturating_sub(1), main.width, &said);
}

fn nothing(model: &Model, screen: &DiffScreen) -> String {
    let body = model.body(screen.row);
    let read = body
        .and_then(|body| body.fresh.as_ref()?.as_ref().ok())
        .map(|fresh| format!(" Base read {}.", text::when(fresh.read_at, model.now(), &model.zone, true)));
    match screen.mode {
        Mode::Draft => "Nothing differs in text.".to_owned(),
        Mode::SinceDraft => format!("{}{}", text::NOTHING_MOVED_DRAFT, read.unwrap_or_default()),
        Mode::SinceOpened => match body.and_then(|body| body.opened.as_ref()) {
            None => text::NOT_OPENED_BEFORE.to_owned(),
            Some(opened)
                if opened.view.is_none()
                    && opened.revision != body.map_or(0, |body| body.view.head.revision) =>
            {
                format!("What r{} said is not in the cache any more.", opened.revision)
            }
            Some(_) => text::NOTHING_MOVED_OPENED.to_owned(),
        },
    }
}

fn moved(model: &Model, screen: &DiffScreen) -> Styled {
    let short = model.body(screen.row).map(super::row::moved_in_short).unwrap_or_default();
    let slot = if short.starts_with("BASE") { Slot::Watch } else { Slot::Muted };
    Styled::of(slot, format!(" {short}"))
}

fn draw_lines(model: &Model, screen: &DiffScreen, diff: &Diff, canvas: &mut Canvas<'_>, area: Rect) {
    let mut view = screen.view;
    view.keep(screen.lines.len(), usize::from(area.height));
    let columns = Columns {
        side_by_side: screen.shape.side_by_side,
        width: usize::from(area.width).saturating_sub(1),
        sideways: if screen.wrap { 0 } else { screen.sideways },
        numbers: true,
    };
    // Wrapped lines above the cursor's may push it out: then the window begins later.
    if screen.wrap {
        let rows = |from: usize| -> usize {
            screen.lines[from..=view.cursor]
                .iter()
                .map(|line| wrapped(model, diff, *line, columns).len())
                .sum()
        };
        while view.top < view.cursor && rows(view.top) > usize::from(area.height) {
            view.top += 1;
        }
    }
    let mut y = 0;
    for (at, line) in screen.lines.iter().enumerate().skip(view.top) {
        if y >= area.height {
            break;
        }
        let drawn = if screen.wrap {
            wrapped(model, diff, *line, columns)
        } else {
            vec![one(model, diff, *line, columns)]
        };
        for part in drawn {
            if y >= area.height {
                break;
            }
            canvas.line(area.x + 1, area.y + y, area.width.saturating_sub(1), &part);
            if at == view.cursor {
                canvas.put(area.x, area.y + y, 1, &">".into(), Slot::Focus);
                canvas.cursor(area.x, area.y + y, false);
            }
            y += 1;
        }
    }
}

/// What can be searched.
pub(super) fn as_text(screen: &DiffScreen) -> Vec<String> {
    let Some(diff) = &screen.diff else { return Vec::new() };
    let text = |line: &Line| match *line {
        Line::Head { file } => diff.files.get(file).map(|file| file.name.clone()).unwrap_or_default(),
        Line::Removed { file, old, .. } => diff.old(file, old).to_owned(),
        Line::Same { file, new, .. } | Line::Added { file, new, .. } => diff.new(file, new).to_owned(),
        Line::Both { file, old, new } => {
            format!(
                "{} {}",
                old.map_or("", |old| diff.old(file, old)),
                new.map_or("", |new| diff.new(file, new))
            )
        }
        Line::Fold { .. } => String::new(),
    };
    screen.lines.iter().map(text).collect()
}

/// One line in as many rows as it takes.
pub fn wrapped(model: &Model, diff: &Diff, line: Line, columns: Columns) -> Vec<Styled> {
    if columns.side_by_side {
        return match line {
            Line::Same { .. } | Line::Both { .. } => beside::rows(diff, line, columns, is_mono(model), true),
            _ => vec![one(model, diff, line, columns)],
        };
    }
    let whole = one(model, diff, line, Columns { width: usize::MAX, ..columns });
    whole.wrap(columns.width, gutter(columns))
}

fn gutter(columns: Columns) -> usize {
    if columns.numbers { 2 * NUMBER + 4 } else { 2 }
}

/// Nothing has a colour: changed words stand in brackets.
fn is_mono(model: &Model) -> bool {
    model.wish.depth() == Depth::None || model.theme.name == "mono"
}

/// One line in one row.
fn one(model: &Model, diff: &Diff, line: Line, columns: Columns) -> Styled {
    let mono = is_mono(model);
    let number = |n: Option<usize>| n.map_or_else(|| " ".repeat(NUMBER), |n| format!("{:>NUMBER$}", n + 1));
    let numbers = |old: Option<usize>, new: Option<usize>| {
        let text = if columns.numbers { format!("{}{}", number(old), number(new)) } else { String::new() };
        Styled::of(Slot::Muted, text)
    };
    let body = |text: Styled| {
        let text = sideways(text, columns.sideways);
        let room = columns.width.saturating_sub(gutter(columns));
        if columns.width == usize::MAX { text } else { text.fit(room) }
    };
    match line {
        Line::Head { file } => {
            let name = diff.files.get(file).map(|file| file.name.as_str()).unwrap_or_default();
            Styled::of(Slot::Title, name)
        }
        Line::Fold { len, .. } => Styled::of(
            Slot::Fold,
            format!("{:>width$} {} the same", "┄", text::plural(len, "line", "lines"), width = NUMBER + 2),
        ),
        Line::Same { .. } | Line::Both { .. } if columns.side_by_side => {
            beside::rows(diff, line, columns, mono, false).into_iter().next().unwrap_or_default()
        }
        Line::Same { file, old, new } => {
            numbers(Some(old), Some(new)).text("    ").join(body(plain(diff.new(file, new), Slot::Text)))
        }
        Line::Removed { file, old, pair } => {
            let ranges =
                pair.map(|new| words(diff.old(file, old), diff.new(file, new)).0).unwrap_or_default();
            let text =
                marked(diff.old(file, old), &ranges, (Slot::Removed, Slot::RemovedWord), ("[-", "-]"), mono);
            numbers(Some(old), None).add(Slot::Removed, "  - ").join(body(text))
        }
        Line::Added { file, new, pair } => {
            let ranges =
                pair.map(|old| words(diff.old(file, old), diff.new(file, new)).1).unwrap_or_default();
            let text =
                marked(diff.new(file, new), &ranges, (Slot::Added, Slot::AddedWord), ("{+", "+}"), mono);
            numbers(None, Some(new)).add(Slot::Added, "  + ").join(body(text))
        }
        // Made for both sides only.
        Line::Both { .. } => Styled::new(),
    }
}

fn sideways(text: Styled, by: usize) -> Styled {
    if by == 0 { text } else { text.split(by).1 }
}

fn plain(text: &str, slot: Slot) -> Styled {
    with_hidden(Styled::of(slot, text))
}

/// A line whose changed words stand out; without colour they are put in brackets.
fn marked(
    text: &str,
    ranges: &[Range<usize>],
    slots: (Slot, Slot),
    brackets: (&str, &str),
    mono: bool,
) -> Styled {
    let mut styled = Styled::new();
    let mut at = 0;
    for range in ranges {
        let (Some(before), Some(word)) = (text.get(at..range.start), text.get(range.clone())) else {
            continue;
        };
        styled = styled.add(slots.0, before);
        styled = if mono {
            styled.add(slots.1, brackets.0).add(slots.1, word).add(slots.1, brackets.1)
        } else {
            styled.add(slots.1, word)
        };
        at = range.end;
    }
    with_hidden(styled.add(slots.0, text.get(at..).unwrap_or_default()))
}

/// Hidden characters are counted behind the line that holds them.
fn with_hidden(text: Styled) -> Styled {
    let hidden: usize = text.0.iter().map(|(_, shown)| shown.hidden()).sum();
    if hidden == 0 {
        return text;
    }
    text.add(Slot::Danger, format!("   {}", text::plural(hidden, "hidden character", "hidden characters")))
}
