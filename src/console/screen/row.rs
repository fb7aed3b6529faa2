//! One row: claim, signals, difference, effect, what moved, what was decided.
//!
//! It is one text that scrolls; its parts can be jumped to, or shown alone.
//!
//! Never: a claim without its author, a fact without its age.

mod changed;
pub mod edit;
pub mod gate;
mod live;
pub mod paper;
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
use crate::row::{Proposal, RowId};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pane {
    Claim,
    Signals,
    /// What rows about documents propose: operations, steps, sections.
    Proposal,
    Timeline,
    Difference,
    Effect,
    Moved,
    Decided,
    Pointers,
}

/// What a key may mean, by the number that it is shown with, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item {
    /// An operation, a step, or a line of a timeline.
    Part(usize),
    /// A sentence of a post-mortem's sections.
    Sentence(usize),
}

impl Item {
    pub fn number(self) -> usize {
        let (Self::Part(number) | Self::Sentence(number)) = self;
        number
    }
}

/// One line of the text.
#[derive(Clone, Debug)]
pub struct DocLine {
    pub pane: Pane,
    pub text: Styled,
    /// Columns that open a page.
    pub link: Option<(u16, u16, String)>,
    pub item: Option<Item>,
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
    if beside {
        for y in 0..main.height {
            canvas.put(main.x.saturating_sub(1), main.y + y, 1, &"│".into(), Slot::Border);
        }
    }
    let Some(row) = model.subject() else { return };
    let inner = inner(model, main);
    if beside {
        let [first, second] = heading(model, row, main.width);
        canvas.line(main.x, main.y, main.width, &first);
        canvas.line(main.x, main.y + 1, main.width, &second);
    }
    let (mut view, zoom) = match model.screens.last() {
        Some(Screen::Row(screen)) => (screen.view, screen.zoom),
        _ => (super::View::default(), None),
    };
    let lines = shown(model, row, inner.width, zoom);
    let cursor = points(model).then(|| view.cursor.min(lines.len().saturating_sub(1)));
    if cursor.is_some() {
        view.keep(lines.len(), usize::from(inner.height));
    }
    view.top = view.top.min(lines.len().saturating_sub(usize::from(inner.height).min(lines.len())));
    for (y, line) in (0..inner.height).zip(lines.iter().skip(view.top)) {
        canvas.line(inner.x, inner.y + y, inner.width, &line.text);
        if let Some((x, width, url)) = &line.link {
            canvas.link(inner.x + x, inner.y + y, *width, url);
        }
        if cursor == Some(view.top + usize::from(y)) {
            canvas.put(inner.x, inner.y + y, 1, &">".into(), Slot::Focus);
            canvas
                .highlight(Rect { x: inner.x, y: inner.y + y, width: inner.width, height: 1 }, Slot::Cursor);
        }
    }
    let below = lines.len().saturating_sub(view.top + usize::from(inner.height));
    if matches!(model.screens.last(), Some(Screen::Row(_))) {
        let y = cursor.and_then(|at| u16::try_from(at.saturating_sub(view.top)).ok()).unwrap_or(0);
        canvas.cursor(inner.x, inner.y + y, false);
        if below > 0 {
            let more =
                Styled::of(Slot::Muted, format!("  {} ↓ ", text::plural(below, "more line", "more lines")));
            let y = inner.y + inner.height.saturating_sub(1);
            canvas.line_right(inner.x, y, inner.width, &more);
        }
    }
}

/// The row screen on top has a cursor: its row is made of things that a key may mean.
pub fn points(model: &Model) -> bool {
    let Some(Screen::Row(screen)) = model.screens.last() else { return false };
    model.body(screen.row).is_some_and(|body| body.view.proposal.is_some())
}

/// The items of the row screen on top, each with its first line.
pub fn items(model: &Model) -> Vec<(Item, usize)> {
    let (Some(Screen::Row(screen)), Some(main)) = (model.screens.last(), layout::areas(model).main) else {
        return Vec::new();
    };
    let lines = shown(model, screen.row, inner(model, main).width, screen.zoom);
    let mut items: Vec<(Item, usize)> = Vec::new();
    let mut before = None;
    for (at, line) in lines.iter().enumerate() {
        items.extend(line.item.filter(|_| line.item != before).map(|item| (item, at)));
        before = line.item;
    }
    items
}

/// The item under the cursor.
pub fn item_at(model: &Model) -> Option<Item> {
    let Some(Screen::Row(screen)) = model.screens.last() else { return None };
    let main = layout::areas(model).main?;
    let lines = shown(model, screen.row, inner(model, main).width, screen.zoom);
    lines.get(screen.view.cursor.min(lines.len().saturating_sub(1)))?.item
}

/// The two lines that say which row this is.
pub fn heading(model: &Model, row: RowId, width: u16) -> [Styled; 2] {
    let Some(head) = model.head(row) else { return [Styled::from(format!(" {row}")), Styled::new()] };
    let risk = if width < 90 { text::risk_medium(head.risk) } else { head.risk.word() };
    let name = Styled::of(Slot::Title, format!(" {} r{} · {}", head.id, head.revision, head.word));
    let class = format!(" · {} · {risk}", text::environment(&head.environment));
    let about = Shown::untrusted(&head.about());
    let left_of = |about: &Shown| name.clone().text("   ").text(about.clone()).text(&*class);
    let left = left_of(&about);
    let right = if head.state.undecided() {
        let time = text::left(head.waits_until().duration_since(model.now()));
        let asked = match &*head.reviewers {
            _ if model.known.own(head) => "not yours".to_owned(),
            _ if model.known.asked(head) => "you are asked".to_owned(),
            [] => "nobody is asked".to_owned(),
            [one] => format!("asks {one}"),
            [one, rest @ ..] => format!("asks {one} +{}", rest.len()),
        };
        let left_for = if head.second_key_by.is_some() { "for second key" } else { "left" };
        let whole = format!("{time} {left_for}  {asked} ");
        // Where both have no room, the time that is left is told.
        let fits = left.width() + whole.len() < usize::from(width);
        if fits { whole } else { format!("{time} {left_for} ") }
    } else {
        format!("{} ", text::state_short(head.state))
    };
    // What it is about gives way; its state and its time never do.
    let over = (left.width() + Shown::untrusted(&right).width() + 1).saturating_sub(usize::from(width));
    let left = left_of(&about.fit(about.width().saturating_sub(over)));
    let gap = usize::from(width).saturating_sub(left.width() + Shown::untrusted(&right).width());
    let first = left.text(" ".repeat(gap.max(1))).text(right);
    let verdict = if head.verdict.goes_ahead() { Slot::Title } else { Slot::Watch };
    let mut second = Styled::of(verdict, format!(" {}", head.call().to_uppercase()))
        .text(format!("   {} ({})", head.agent, head.owner));
    if let Some(body) = model.body(row) {
        let (made, at) = body.view.made();
        second =
            second.add(Slot::Muted, format!(", {made} {}", text::when(at, model.now(), &model.zone, true)));
    }
    if base_moved(model, row) && head.state.undecided() {
        second = second.text("   ").add(Slot::Danger, "BASE MOVED");
    }
    if let Some(incident) = &head.incident {
        second = second.text("   ").add(Slot::Danger, &**incident);
    }
    [first, second]
}

/// What the row is about is no longer what its draft was made on, as far as was read.
fn base_moved(model: &Model, row: RowId) -> bool {
    let fresh = model.body(row).and_then(|body| body.fresh.as_ref());
    matches!(fresh, Some(Ok(fresh)) if !fresh.moved.is_empty())
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
    /// What the lines that come now belong to.
    item: Option<Item>,
}

impl Doc {
    fn push(&mut self, pane: Pane, text: Styled) {
        self.lines.push(DocLine { pane, text, link: None, item: self.item });
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

    /// Columns of the last line open a page.
    fn link(&mut self, x: u16, width: u16, url: &str) {
        if let Some(last) = self.lines.last_mut() {
            last.link = Some((x, width, url.to_owned()));
        }
    }

    /// A line with words at its right end; below it where they have no room.
    fn spread(&mut self, pane: Pane, line: Styled, right: &str, slot: Slot, indent: usize) {
        let right = Shown::untrusted(right);
        let width = self.width.saturating_sub(1);
        let mut rows = line.wrap(width, indent);
        if !right.is_empty() {
            let gap = width.saturating_sub(rows.last().map_or(0, Styled::width) + right.width());
            match rows.pop() {
                Some(last) if gap > 1 => rows.push(last.text(" ".repeat(gap)).add(slot, right)),
                last => {
                    rows.extend(last);
                    rows.push(Styled::from(" ".repeat(indent)).add(slot, right));
                }
            }
        }
        for row in rows {
            self.push(pane, row);
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
    let mut doc = Doc { lines: Vec::new(), width: usize::from(width), airy: model.size.1 >= 34, item: None };
    let Some(body) = model.body(row) else {
        let waits = if model.loading.contains(&row) { "…" } else { text::NO_BODY };
        doc.push(Pane::Claim, Styled::of(Slot::Muted, format!(" {waits}")));
        return doc.lines;
    };
    claim(model, body, &mut doc);
    // What became of it is what its reader comes for, once it is over.
    let over = body.view.head.state.over();
    if over {
        decided(model, body, &mut doc);
    }
    // While the incident is on, the steps come before everything else.
    if let Some(Proposal::Live(live)) = &body.view.proposal {
        live::steps(model, body, live, &mut doc);
    }
    signals(model, body, &mut doc);
    gate::brings(body, &mut doc);
    match &body.view.proposal {
        Some(Proposal::Edit(edit)) => edit::operations(model, body, edit, &mut doc),
        Some(Proposal::Paper(paper)) => paper::paper(model, body, paper, &mut doc),
        Some(Proposal::Live(_)) | None => {}
    }
    difference(model, body, &mut doc);
    effect(body, &mut doc);
    what_moved(model, body, &mut doc);
    if !over {
        decided(model, body, &mut doc);
    }
    pointers(body, &mut doc);
    doc.lines
}
