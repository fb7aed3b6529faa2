//! Series beside the row, or below it: what was on the table when it was drafted, and what was read since.
//!
//! One line is a sparkline; from eight lines on it is a chart. Each says in words what it shows.
//!
//! Never: a point that is missing drawn as zero, or joined over; a chart without its source and age.

use jiff::{SignedDuration, Timestamp};
use ratatui::layout::Rect;

use super::super::canvas::{Canvas, Styled};
use super::super::model::Model;
use super::super::shown::Shown;
use super::super::telemetry::{self, Pane, number};
use super::super::text;
use super::super::theme::Slot;
use super::super::widget::chart::{Charts, chart, threshold_row};
use super::super::widget::spark::sparkline;
use crate::row::RowId;
use crate::wire::{RowView, Telemetry};

/// A chart's lines, its title and its words not counted.
const CHART_HEIGHT: usize = 8;
/// Columns for the numbers beside a chart.
const GUTTER: usize = 7;
/// Beside each other, below the row.
const BELOW: u16 = 2;

/// Everything that is drawn of one row's series.
pub struct Drawn<'a> {
    pub model: &'a Model,
    pub view: &'a RowView,
    /// What was read live, as far as it is shown.
    pub live: Option<&'a Telemetry>,
    pub panes: Vec<Pane>,
    pub window: (Timestamp, Timestamp),
    /// A time that is over was asked for: nothing of it grows stale.
    pub past: bool,
    /// Since when nothing is read any more, because its reader wished so.
    pub frozen: Option<Timestamp>,
}

impl<'a> Drawn<'a> {
    /// As it stands beside the row.
    fn of(model: &'a Model, row: RowId) -> Option<Self> {
        let view = &model.body(row)?.view;
        let (_, past) = telemetry::time_of(view, model.now());
        let live = model.telemetry.live(row).filter(|live| live.look.until == past).map(|live| &live.told);
        let panes = telemetry::panes(view, live);
        let window = window(view, &panes, live, past.unwrap_or(model.now()));
        Some(Self { model, view, live, panes, window, past: past.is_some(), frozen: None })
    }

    /// When it is, for ages.
    fn now(&self) -> Timestamp {
        self.frozen.unwrap_or_else(|| self.model.now())
    }
}

/// Up to now, or to when its incident was over, in the span that was asked for; where nothing was read, the time of the
/// evidence.
fn window(
    view: &RowView,
    panes: &[Pane],
    live: Option<&Telemetry>,
    end: Timestamp,
) -> (Timestamp, Timestamp) {
    if let Some(live) = live {
        let until = live.until.max(end);
        return (until.saturating_sub(live.span.duration()).unwrap_or(until), until);
    }
    let from = panes.iter().filter_map(|pane| pane.points.first()).map(|point| point.at).min();
    let end = panes.iter().filter_map(|pane| pane.points.last()).map(|point| point.at).max();
    let until = end.map_or(view.read_at, |end| end.max(view.read_at));
    let until = until.saturating_add(SignedDuration::from_mins(1)).unwrap_or(until);
    (from.unwrap_or_else(|| until.saturating_sub(SignedDuration::from_hours(1)).unwrap_or(until)), until)
}

/// The column beside the row.
pub(super) fn beside(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    border(canvas, area);
    let Some(drawn) = model.subject().and_then(|row| Drawn::of(model, row)) else { return };
    canvas.line(area.x, area.y, area.width, &heading(&drawn));
    let lines = column(&drawn, usize::from(area.width), usize::from(area.height.saturating_sub(1)));
    for (y, line) in (area.y + 1..area.bottom()).zip(lines) {
        canvas.line(area.x, y, area.width, &line);
    }
}

/// Two charts below the row.
pub(super) fn below(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    border(canvas, area);
    let Some(drawn) = model.subject().and_then(|row| Drawn::of(model, row)) else { return };
    canvas.line(area.x, area.y, area.width, &heading(&drawn));
    let height = usize::from(area.height.saturating_sub(1));
    let width = area.width / BELOW;
    for (pane, x) in drawn.panes.iter().zip((0..BELOW).map(|at| area.x + at * width)) {
        for (y, line) in (area.y + 1..area.bottom()).zip(card(&drawn, pane, usize::from(width) - 1, height)) {
            canvas.line(x, y, width - 1, &line);
        }
    }
}

fn border(canvas: &mut Canvas<'_>, area: Rect) {
    for y in 0..area.height {
        canvas.put(area.x.saturating_sub(1), area.y + y, 1, &"│".into(), Slot::Border);
    }
}

/// `TELEMETRY: evidence of 02:11:40, then live`.
fn heading(drawn: &Drawn<'_>) -> Styled {
    let line = Styled::of(Slot::Title, " TELEMETRY");
    if drawn.panes.is_empty() {
        return line.add(Slot::Muted, format!("   {}", nothing(drawn)));
    }
    let line = match drawn.live {
        Some(live) if drawn.past => {
            let until = text::when(drawn.window.1, drawn.now(), &drawn.model.zone, false);
            line.add(Slot::Watch, format!("   {} up to {until}", live.span))
        }
        _ => line,
    };
    line.text("   ").join(state(drawn))
}

/// Evidence, live, or why not.
pub fn state(drawn: &Drawn<'_>) -> Styled {
    let model = drawn.model;
    let precise = |at| text::when(at, model.now(), &model.zone, true);
    let has_evidence = drawn.panes.iter().any(|pane| pane.evidence_at.is_some());
    let evidence = if has_evidence {
        format!("evidence of {}", precise(drawn.view.read_at))
    } else {
        "no evidence".to_owned()
    };
    if let Some(at) = drawn.frozen {
        return Styled::of(Slot::Watch, format!("FROZEN {}", precise(at)));
    }
    if model.link.away() {
        return Styled::of(Slot::Offline, format!("{evidence}; live is off"));
    }
    if model.telemetry.error.is_some() {
        return Styled::of(Slot::Muted, format!("{evidence}; ")).add(Slot::Unknown, "live UNKNOWN");
    }
    match drawn.live {
        None => Styled::of(Slot::Muted, format!("{evidence}; reading …")),
        Some(_) if drawn.past => Styled::of(Slot::Muted, evidence),
        Some(live) => Styled::of(Slot::Muted, format!("{evidence} ┆ live, {}", live.span)),
    }
}

/// Why there is nothing to draw.
fn nothing(drawn: &Drawn<'_>) -> String {
    let model = drawn.model;
    match (&model.telemetry.error, drawn.live) {
        _ if model.link.away() => "no series came with this draft; live is off".to_owned(),
        (Some(why), _) => format!("live UNKNOWN: {why}"),
        (None, Some(_)) => "nothing is measured of this row".to_owned(),
        (None, None) => "reading …".to_owned(),
    }
}

/// As many charts as fit, the rest in a line each, and what happened.
fn column(drawn: &Drawn<'_>, width: usize, height: usize) -> Vec<Styled> {
    let marks = marks(drawn, width);
    let marks = if marks.len() + 2 + CHART_HEIGHT < height { marks } else { Vec::new() };
    let room = height - if marks.is_empty() { 0 } else { marks.len() + 1 };
    let card_height = CHART_HEIGHT + 3;
    let names = drawn.panes.iter().map(|pane| Shown::untrusted(&pane.name).width()).max().unwrap_or(0);
    let mut lines = Vec::new();
    for (at, pane) in drawn.panes.iter().enumerate() {
        // Each that follows gets a line of its own at least.
        let left = room.saturating_sub(lines.len() + drawn.panes.len() - at - 1);
        if pane.last().is_some() && left >= card_height {
            lines.extend(card(drawn, pane, width, CHART_HEIGHT + 2));
            lines.push(Styled::new());
        } else if lines.len() < room {
            lines.push(one_line(drawn, pane, names, width));
        }
    }
    if !marks.is_empty() {
        lines.push(Styled::new());
        lines.extend(marks);
    }
    lines
}

/// `a drift seen 01:41 argus`, wrapped.
pub fn marks(drawn: &Drawn<'_>, width: usize) -> Vec<Styled> {
    let model = drawn.model;
    let error = model.telemetry.error.as_ref().filter(|_| drawn.frozen.is_none() && !model.link.away());
    let error = error.map(|why| wrapped(&format!("live UNKNOWN: {why}"), Slot::Unknown, width));
    let mut lines = error.unwrap_or_default();
    let Some(live) = drawn.live else { return lines };
    let in_sight =
        |mark: &&(char, &crate::wire::Mark)| drawn.window.0 <= mark.1.at && mark.1.at <= drawn.window.1;
    let lettered: Vec<_> = lettered(live).collect();
    let told = lettered.iter().filter(in_sight).map(|(letter, mark)| {
        format!(
            "{letter} {} {} {}",
            mark.what,
            text::when(mark.at, model.now(), &model.zone, false),
            mark.detail
        )
    });
    let told: Vec<String> = told.collect();
    lines.extend(wrapped(&told.join(" · "), Slot::Muted, width));
    for why in &live.marks_unknown {
        lines.extend(wrapped(&format!("UNKNOWN what happened: {why}"), Slot::Unknown, width));
    }
    lines
}

/// Marks by letter, oldest first.
pub fn lettered(live: &Telemetry) -> impl Iterator<Item = (char, &crate::wire::Mark)> {
    ('a'..='z').zip(&live.marks)
}

fn wrapped(text: &str, slot: Slot, width: usize) -> Vec<Styled> {
    if text.is_empty() {
        return Vec::new();
    }
    let parts = Shown::untrusted(text).wrap(width.saturating_sub(2));
    parts.into_iter().map(|part| Styled::from(" ").add(slot, part)).collect()
}

/// Title, chart, words: `height` lines in all.
pub fn card(drawn: &Drawn<'_>, pane: &Pane, width: usize, height: usize) -> Vec<Styled> {
    let charts = drawn.model.charts;
    let inner = height.saturating_sub(2);
    let mut lines = vec![title(drawn, pane, width)];
    if charts == Charts::Table {
        let newest = table(drawn, pane).into_iter().take(inner);
        lines.extend(newest);
        lines.resize(inner + 1, Styled::new());
    } else {
        lines.extend(with_numbers(drawn, pane, width, inner));
    }
    lines.push(words(drawn, pane));
    lines.truncate(height);
    lines
}

/// The chart with top, threshold and bottom in numbers beside it.
pub fn with_numbers(drawn: &Drawn<'_>, pane: &Pane, width: usize, height: usize) -> Vec<Styled> {
    let plot = pane.plot(drawn.window, drawn.view.read_at);
    let (bottom, top) = plot.scale();
    let limit = threshold_row(&plot, height);
    let label = |row: usize| match pane.threshold {
        Some(threshold) if limit == Some(row) => Styled::of(Slot::Threshold, gutter(threshold)),
        _ if row == 0 => Styled::of(Slot::Muted, gutter(top)),
        _ if row + 1 == height => Styled::of(Slot::Muted, gutter(bottom)),
        _ => Styled::from(" ".repeat(GUTTER)),
    };
    let lines = chart(&plot, width.saturating_sub(GUTTER + 1), height, drawn.model.charts);
    lines.into_iter().enumerate().map(|(row, line)| label(row).join(line)).collect()
}

/// Columns before the chart itself begins.
pub const fn chart_begins() -> usize {
    GUTTER
}

fn gutter(value: f64) -> String {
    format!("{:>width$} ", number(value), width = GUTTER - 1)
}

/// `errors   OVER 1 %   STALE 41 min`, with source and age at the right.
pub fn title(drawn: &Drawn<'_>, pane: &Pane, width: usize) -> Styled {
    let mut line = Styled::of(Slot::Title, format!(" {}", pane.name)).join(alarms(drawn, pane));
    // What was so then may have been over for hours.
    if let Some(last) = pane.last().filter(|_| drawn.past && pane.is_bad()) {
        let then = text::when(last.at, drawn.model.now(), &drawn.model.zone, false);
        line = line.add(Slot::Danger, format!(" at {then}"));
    }
    let (bottom, _) = pane.plot(drawn.window, drawn.view.read_at).scale();
    if bottom < 0.0 {
        line = line.add(Slot::Watch, format!("   from {}", number(bottom)));
    }
    let source = source(drawn, pane);
    let gap = width.saturating_sub(line.width() + source.width() + 1);
    if gap < 2 { line } else { line.text(" ".repeat(gap)).join(source) }
}

/// What must not be overlooked of it.
fn alarms(drawn: &Drawn<'_>, pane: &Pane) -> Styled {
    let mut line = Styled::new();
    if let Some(threshold) = pane.threshold.filter(|_| pane.is_bad()) {
        line = line.add(Slot::Danger, format!("   {} {}{}", pane.bad.word(), number(threshold), pane.unit));
    }
    if let Some(age) = pane.stale(drawn.now()).filter(|_| !drawn.past) {
        line = line.add(Slot::Stale, format!("   STALE {}", text::age(age)));
    }
    if pane.unknown.is_some() {
        line = line.add(Slot::Unknown, "   UNKNOWN");
    }
    line
}

/// `prometheus 8 s`: whom it comes from, and how long ago it was read.
fn source(drawn: &Drawn<'_>, pane: &Pane) -> Styled {
    if drawn.past {
        return Styled::of(Slot::Muted, pane.pointer.platform.clone());
    }
    let read = match (pane.fetched_at, pane.evidence_at) {
        (Some(at), _) | (None, Some(at)) => text::age(drawn.now().duration_since(at)),
        (None, None) => String::new(),
    };
    Styled::of(Slot::Muted, format!("{} {read}", pane.pointer.platform))
}

/// Least, most and last of what is in sight, in words; or why there is nothing.
pub fn words(drawn: &Drawn<'_>, pane: &Pane) -> Styled {
    let model = drawn.model;
    if let Some(why) = &pane.unknown {
        return Styled::of(Slot::Unknown, format!(" UNKNOWN: {why}"));
    }
    let (from, until) = drawn.window;
    let known =
        || pane.points.iter().filter(|point| point.within(from, until)).filter_map(|point| point.value);
    let (least, most) = (known().reduce(f64::min), known().reduce(f64::max));
    let when = |at| text::when(at, model.now(), &model.zone, false);
    let (Some(least), Some(most), Some(last)) = (least, most, pane.last()) else {
        let who = &pane.pointer.platform;
        return Styled::of(Slot::Gap, format!(" {who} has no data for {} to {}", when(from), when(until)));
    };
    let value = last.value.map(number).unwrap_or_default();
    let said =
        format!(" min {} max {} last {value}{} at {}", number(least), number(most), pane.unit, when(last.at));
    Styled::of(Slot::Muted, said)
}

/// One series in a line.
pub fn one_line(drawn: &Drawn<'_>, pane: &Pane, name_width: usize, width: usize) -> Styled {
    let name = Styled::of(Slot::Text, format!(" {}", pane.name)).to(name_width + 2);
    if let Some(why) = &pane.unknown {
        return name.add(Slot::Unknown, format!("UNKNOWN: {why}"));
    }
    let last = pane.last().and_then(|point| point.value);
    let last = last.map_or_else(|| "no data".to_owned(), |last| format!("{}{}", number(last), pane.unit));
    let tail = Styled::from(format!("  {last:<9}")).join(alarms(drawn, pane));
    let source = source(drawn, pane);
    let room = width.saturating_sub(name.width() + tail.width() + source.width() + 3).min(60);
    let plot = pane.plot(drawn.window, drawn.view.read_at);
    let values: Vec<Option<f64>> = plot.columns(room).iter().map(|column| column.value).collect();
    let spark = if drawn.model.charts == Charts::Table {
        Styled::new()
    } else {
        sparkline(&values, room, pane.threshold, drawn.model.charts)
    };
    let line = name.join(spark).join(tail);
    let gap = width.saturating_sub(line.width() + source.width() + 1);
    if gap == 0 { line } else { line.text(" ".repeat(gap)).join(source) }
}

/// Each point of the time in sight in a line, the newest first.
pub fn table(drawn: &Drawn<'_>, pane: &Pane) -> Vec<Styled> {
    let model = drawn.model;
    let (from, until) = drawn.window;
    let inside = pane.points.iter().rev().filter(|point| point.within(from, until));
    let line = |point: &super::super::widget::chart::Point| {
        let at =
            Styled::of(Slot::Muted, format!(" {} ", text::when(point.at, model.now(), &model.zone, true)));
        let value = match point.value {
            Some(value) => {
                let over = pane.threshold.is_some_and(|threshold| pane.bad.is_bad(value, threshold));
                let said = Styled::from(format!("{:>9}{}", number(value), pane.unit));
                if over { said.add(Slot::Danger, format!("   {}", pane.bad.word())) } else { said }
            }
            None => Styled::of(Slot::Gap, format!("{:>9} no data", "·")),
        };
        let line = at.join(value).to(36);
        line.add(Slot::Muted, if point.evidence { "evidence" } else { "live" })
    };
    inside.map(line).collect()
}
