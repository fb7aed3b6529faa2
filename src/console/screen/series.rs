//! The series behind the signals, as they were on the table, where there is room for more than a line.
//!
//! Never: a point that is missing drawn as zero, or joined over.

use ratatui::layout::Rect;

use super::super::canvas::{Canvas, Styled};
use super::super::model::Model;
use super::super::text;
use super::super::theme::Slot;
use super::super::widget::spark::tall;
use crate::row::Series;
use crate::wire::SignalView;

/// Rows of one chart, its title and its sentence not counted.
const CHART_HEIGHT: u16 = 8;

pub(super) fn pane(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    for y in 0..area.height {
        canvas.put(area.x.saturating_sub(1), area.y + y, 1, &"│".into(), Slot::Border);
    }
    let Some(body) = model.subject().and_then(|row| model.body(row)) else { return };
    canvas.line(area.x, area.y, area.width, &Styled::of(Slot::Title, " EVIDENCE AS IT WAS ON THE TABLE"));
    let mut y = area.y + 1;
    let series = body.view.signals.iter().filter_map(|signal| Some((signal, signal.signal.series.as_ref()?)));
    let mut any = false;
    for (signal, series) in series {
        if y + CHART_HEIGHT + 3 > area.y + area.height {
            break;
        }
        any = true;
        y = chart(model, canvas, Rect { y, ..area }, signal, series);
    }
    if !any {
        canvas.line(area.x, y, area.width, &Styled::of(Slot::Muted, " no series came with this draft"));
    }
}

fn chart(model: &Model, canvas: &mut Canvas<'_>, area: Rect, signal: &SignalView, series: &Series) -> u16 {
    let points: Vec<Option<f64>> = series.numbers().collect();
    let known: Vec<f64> = points.iter().flatten().copied().collect();
    let limit = series.threshold.as_ref().and_then(|limit| limit.parse::<f64>().ok());
    let over = limit.is_some_and(|limit| known.last().is_some_and(|last| *last > limit));
    let mut title = Styled::of(Slot::Title, format!(" {}", signal.signal.name));
    if let Some(limit) = series.threshold.as_ref().filter(|_| over) {
        title = title.add(Slot::Danger, format!("   OVER {limit} {}", series.unit));
    }
    if !signal.fresh {
        let age = model.now().duration_since(signal.signal.fetched_at);
        title = title.add(Slot::Stale, format!("   STALE {}", text::age(age)));
    }
    canvas.line(area.x, area.y, area.width, &title);
    let width = usize::from(area.width).saturating_sub(2);
    for (row, line) in (1..).zip(tall(&points, width, usize::from(CHART_HEIGHT), limit, model.glyphs)) {
        canvas.line(area.x + 1, area.y + row, area.width.saturating_sub(1), &line);
    }
    let least = known.iter().copied().reduce(f64::min);
    let most = known.iter().copied().reduce(f64::max);
    let said = match (least, most, known.last()) {
        (Some(least), Some(most), Some(newest)) => {
            format!(
                " min {least} max {most} last {newest} {} · {}",
                series.unit, signal.signal.pointer.platform
            )
        }
        _ => format!(" {} has no data here", signal.signal.pointer.platform),
    };
    canvas.line(area.x, area.y + 1 + CHART_HEIGHT, area.width, &Styled::of(Slot::Muted, said));
    area.y + CHART_HEIGHT + 3
}
