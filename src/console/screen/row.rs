//! One row: claim, signals, difference, effect, what moved, what was decided.
//!
//! It is one text that scrolls; its parts can be jumped to, or shown alone.
//!
//! Never: a claim without its author, a fact without its age.

pub mod gate;
mod proposal;
mod since;

use proposal::{claim, difference, effect, signals};
use ratatui::layout::Rect;
pub(super) use since::moved_in_short;
use since::{decided, pointers, what_moved};

use super::super::canvas::{Canvas, Styled};
use super::super::layout;
use super::super::model::{Model, Screen};
use super::super::shown::Shown;
use super::super::text;
use super::super::theme::Slot;
use crate::row::RowId;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pane {
    Claim,
    Signals,
    Difference,
    Effect,
    Moved,
    Decided,
    Pointers,
}

/// One line of the text.
#[derive(Clone, Debug)]
pub struct DocLine {
    pub pane: Pane,
    pub text: Styled,
    /// Columns that open a page.
    pub link: Option<(u16, u16, String)>,
}

/// The text's own area: below the row's two lines where the header does not have them.
pub fn inner(model: &Model, main: Rect) -> Rect {
    if layout::areas(model).list.is_some() {
        Rect { y: main.y + 2, height: main.height.saturating_sub(2), ..main }
    } else {
        main
    }
}

pub(super) fn pane(model: &Model, canvas: &mut Canvas<'_>, main: Rect, beside: bool) {
    let Some(row) = model.subject() else { return };
    let inner = inner(model, main);
    if beside {
        for y in 0..main.height {
            canvas.put(main.x.saturating_sub(1), main.y + y, 1, &"│".into(), Slot::Border);
        }
        let [first, second] = heading(model, row, main.width);
        canvas.line(main.x, main.y, main.width, &first);
        canvas.line(main.x, main.y + 1, main.width, &second);
    }
    let (mut view, zoom) = match model.screens.last() {
        Some(Screen::Row(screen)) => (screen.view, screen.zoom),
        _ => (super::View::default(), None),
    };
    let lines = shown(model, row, inner.width, zoom);
    view.top = view.top.min(lines.len().saturating_sub(usize::from(inner.height).min(lines.len())));
    for (y, line) in (0..inner.height).zip(lines.iter().skip(view.top)) {
        canvas.line(inner.x, inner.y + y, inner.width, &line.text);
        if let Some((x, width, url)) = &line.link {
            canvas.link(inner.x + x, inner.y + y, *width, url);
        }
    }
    let below = lines.len().saturating_sub(view.top + usize::from(inner.height));
    if matches!(model.screens.last(), Some(Screen::Row(_))) {
        canvas.cursor(inner.x, inner.y, false);
        if below > 0 {
            let more = Styled::of(Slot::Muted, format!("{below} more lines ↓ "));
            let y = inner.y + inner.height.saturating_sub(1);
            canvas.line_right(inner.x, y, inner.width, &more);
        }
    }
}

/// The two lines that say which row this is.
pub fn heading(model: &Model, row: RowId, width: u16) -> [Styled; 2] {
    let Some(head) = model.head(row) else { return [Styled::from(format!(" {row}")), Styled::new()] };
    let risk = if width < 90 { text::risk_medium(head.risk) } else { head.risk.word() };
    let left = Styled::of(Slot::Title, format!(" {} r{} · {}", head.id, head.revision, head.word))
        .text(format!("   {} · {} · {risk}", head.about(), text::environment(&head.environment)));
    let right = if head.state.undecided() {
        let time = text::left(head.expires_at.duration_since(model.now()));
        let asked = match () {
            () if model.known.own(head) => "not yours",
            () if model.known.asked(head) => "you are asked",
            () => "others asked",
        };
        let whole = format!("{time} left  {asked} ");
        // Where both have no room, the time that is left is told.
        let fits = left.width() + whole.len() < usize::from(width);
        if fits { whole } else { format!("{time} left ") }
    } else {
        format!("{} ", text::state(head.state))
    };
    let gap = usize::from(width).saturating_sub(left.width() + Shown::untrusted(&right).width());
    let first = left.text(" ".repeat(gap.max(1))).text(right);
    let verdict = if head.verdict.goes_ahead() { Slot::Title } else { Slot::Watch };
    let mut second = Styled::of(verdict, format!(" {}", head.verdict.word().to_uppercase()))
        .text(format!("   {} ({})", head.agent, head.owner));
    if let Some(body) = model.body(row) {
        second = second.add(
            Slot::Muted,
            format!(", drafted {}", text::when(body.view.read_at, model.now(), &model.zone, true)),
        );
    }
    if let Some(incident) = &head.incident {
        second = second.text("   ").add(Slot::Danger, &**incident);
    }
    [first, second]
}

/// The text, or the one part that is shown alone.
pub fn shown(model: &Model, row: RowId, width: u16, zoom: Option<usize>) -> Vec<DocLine> {
    let lines = document(model, row, width);
    match zoom {
        Some(pane) => lines.into_iter().filter(|line| line.pane as usize == pane).collect(),
        None => lines,
    }
}

/// Each part with its first line.
pub fn panes(model: &Model) -> Vec<(Pane, usize)> {
    let (Some(Screen::Row(screen)), Some(main)) = (model.screens.last(), layout::areas(model).main) else {
        return Vec::new();
    };
    let lines = document(model, screen.row, inner(model, main).width);
    let mut panes: Vec<(Pane, usize)> = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        if panes.last().is_none_or(|(pane, _)| *pane != line.pane) {
            panes.push((line.pane, at));
        }
    }
    panes
}

/// The part that the reader is at.
pub fn pane_at(model: &Model) -> Option<Pane> {
    let Some(Screen::Row(screen)) = model.screens.last() else { return None };
    let main = layout::areas(model).main?;
    let lines = shown(model, screen.row, inner(model, main).width, screen.zoom);
    let at = screen.view.cursor.max(screen.view.top).min(lines.len().saturating_sub(1));
    lines.get(at).map(|line| line.pane)
}

struct Doc {
    lines: Vec<DocLine>,
    width: usize,
    /// Room for an empty line before each part.
    airy: bool,
}

impl Doc {
    fn push(&mut self, pane: Pane, text: Styled) {
        self.lines.push(DocLine { pane, text, link: None });
    }

    fn heading(&mut self, pane: Pane, title: &str, right: &str) {
        if !self.lines.is_empty() && self.width > 0 {
            if self.airy {
                let before = self.lines.last().map_or(pane, |line| line.pane);
                self.push(before, Styled::new());
            }
            let title = Styled::of(Slot::Title, format!(" {title}"));
            let gap = self.width.saturating_sub(title.width() + Shown::untrusted(right).width() + 1);
            self.push(pane, title.text(" ".repeat(gap.max(1))).add(Slot::Muted, right));
        }
    }

    fn wrapped(&mut self, pane: Pane, slot: Slot, indent: usize, text: &str) {
        for line in Shown::lines(text) {
            for part in line.wrap(self.width.saturating_sub(indent + 1)) {
                self.push(pane, Styled::new().text(" ".repeat(indent)).add(slot, part));
            }
        }
    }
}

/// Everything about the row, in the order in which it is to be read.
pub fn document(model: &Model, row: RowId, width: u16) -> Vec<DocLine> {
    let mut doc = Doc { lines: Vec::new(), width: usize::from(width), airy: model.size.1 >= 34 };
    let Some(body) = model.body(row) else {
        let waits = if model.loading.contains(&row) { "…" } else { text::NO_BODY };
        doc.push(Pane::Claim, Styled::of(Slot::Muted, format!(" {waits}")));
        return doc.lines;
    };
    claim(model, body, &mut doc);
    signals(model, body, &mut doc);
    gate::brings(body, &mut doc);
    difference(model, body, &mut doc);
    effect(body, &mut doc);
    what_moved(model, body, &mut doc);
    decided(model, body, &mut doc);
    pointers(body, &mut doc);
    doc.lines
}
