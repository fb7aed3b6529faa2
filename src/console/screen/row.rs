//! One row: claim, signals, difference, effect, what moved, what was decided.
//!
//! It is one text that scrolls; its parts can be jumped to, or shown alone.
//!
//! Never: a claim without its author, a fact without its age.

use ratatui::layout::Rect;

use super::super::canvas::{Canvas, Styled};
use super::super::layout;
use super::super::model::{Body, Model, Screen};
use super::super::moved;
use super::super::shown::Shown;
use super::super::text;
use super::super::theme::Slot;
use super::super::widget::diff::Shape;
use super::super::widget::spark::sparkline;
use super::diff;
use crate::client::Fate;
use crate::row::{Decision, Grade, RowId, Weight};
use crate::wire::{DecisionView, RowView, SignalView};

/// Lines of the difference that the row itself shows; `v` shows all.
const DIFF_LINES: usize = 16;
/// Columns that a signal's name may take before its value moves down.
const SIGNAL_NAME_WIDTH: usize = 24;
/// Columns of a series beside its signal.
const SPARK_WIDTH: usize = 16;

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
        .text(format!("   {} · {} · {risk}", head.subject, text::environment(&head.environment)));
    let right = if head.state.undecided() {
        let left = text::left(head.expires_at.duration_since(model.now()));
        let asked = match () {
            () if model.known.own(head) => "not yours",
            () if model.known.asked(head) => "you are asked",
            () => "others asked",
        };
        format!("{left} left  {asked} ")
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
        second = second.text("   ").add(Slot::Danger, incident.as_str());
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
    difference(model, body, &mut doc);
    effect(body, &mut doc);
    what_moved(model, body, &mut doc);
    decided(model, body, &mut doc);
    pointers(body, &mut doc);
    doc.lines
}

fn claim(model: &Model, body: &Body, doc: &mut Doc) {
    let view = &body.view;
    if let Some(why) = &body.undecidable {
        doc.wrapped(Pane::Claim, Slot::Danger, 1, why);
    }
    if let Some(why) = &view.why {
        doc.wrapped(Pane::Claim, Slot::Watch, 1, why);
    }
    doc.push(Pane::Claim, Styled::of(Slot::Title, format!(" {}", view.head.title)));
    doc.wrapped(Pane::Claim, Slot::Text, 1, &view.rationale);
    if view.prose_by != crate::row::draft::PROSE_BY_RULES {
        doc.push(Pane::Claim, Styled::of(Slot::Muted, format!(" worded by {}", view.prose_by)));
    }
    for hold in &view.declined_before {
        let since = text::when(hold.since, model.now(), &model.zone, false);
        let ended = if hold.lifted.is_some() { ", lifted since" } else { ", the hold stands" };
        doc.wrapped(
            Pane::Claim,
            Slot::Watch,
            1,
            &format!("declined by {} at {since}{ended}: {}", hold.by, hold.note),
        );
    }
}

fn signals(model: &Model, body: &Body, doc: &mut Doc) {
    let view = &body.view;
    let as_of = format!("evidence as of {}", text::when(view.read_at, model.now(), &model.zone, true));
    doc.heading(Pane::Signals, "SIGNALS", &as_of);
    if view.signals.is_empty() {
        doc.push(Pane::Signals, Styled::of(Slot::Muted, "   none: nothing speaks for it or against it"));
    }
    let mut sorted: Vec<&SignalView> = view.signals.iter().collect();
    sorted.sort_by_key(|signal| std::cmp::Reverse((signal.signal.weight, signal.signal.verdict)));
    let widest = sorted.iter().map(|signal| Shown::untrusted(&signal.signal.name).width()).max().unwrap_or(0);
    for signal in sorted {
        signal_lines(model, signal, widest.min(SIGNAL_NAME_WIDTH), doc);
    }
}

fn signal_lines(model: &Model, view: &SignalView, name_width: usize, doc: &mut Doc) {
    let signal = &view.signal;
    let age = model.now().duration_since(signal.fetched_at);
    let (mark, slot) = match (signal.verdict, view.fresh) {
        (Grade::Unknown, _) => ("x", Slot::Unknown),
        (_, false) => ("?", Slot::Stale),
        (Grade::Bad, true) => ("!", Slot::Danger),
        (Grade::Good, true) => (" ", Slot::Text),
    };
    let told = match (signal.verdict, view.fresh) {
        (Grade::Unknown, _) => "UNKNOWN".to_owned(),
        (_, false) if doc.width < 100 => format!("STALE {}", text::age(age)),
        (_, false) => format!("STALE {} (budget {})", text::age(age), signal.budget_s / 60),
        (_, true) => text::age(age),
    };
    let right = format!("{:<9} {:>8}", signal.pointer.platform, told);
    let mut line = Styled::of(slot, format!(" {mark} ")).add(slot, signal.name.as_str());
    let weight = if signal.weight == Weight::Note { "" } else { signal.weight.word() };
    line = line.to(name_width + 4).add(slot, format!("{weight:<6}"));
    let chart = signal.series.as_ref().map(|series| {
        let points: Vec<Option<f64>> = series.numbers().collect();
        let limit = series.threshold.as_ref().map(|limit| format!(" limit {limit}")).unwrap_or_default();
        sparkline(&points, SPARK_WIDTH, model.glyphs).add(Slot::Threshold, limit)
    });
    let value = Shown::untrusted(&signal.value.replace('\n', " "));
    let room = doc.width.saturating_sub(line.width() + Shown::untrusted(&right).width() + 2);
    let fits = value.width() <= room;
    let chart_fits = |chart: &Styled| fits && value.width() + chart.width() + 2 <= room;
    let (beside, below) = match chart {
        Some(chart) if chart_fits(&chart) => (Some(chart), None),
        chart => (None, chart),
    };
    if fits {
        line = line.text(value.clone());
    }
    if let Some(chart) = beside {
        line = line.text("  ").join(chart);
    }
    let gap = doc.width.saturating_sub(line.width() + Shown::untrusted(&right).width() + 1);
    line = line.text(" ".repeat(gap.max(1))).add(if view.fresh { Slot::Muted } else { Slot::Stale }, right);
    doc.push(Pane::Signals, line);
    let (x, width) = (3, u16::try_from(Shown::untrusted(&signal.name).width()).unwrap_or(0));
    if let Some(last) = doc.lines.last_mut() {
        last.link = Some((x, width, signal.pointer.url.clone()));
    }
    if !fits {
        doc.wrapped(Pane::Signals, Slot::Text, 5, value.as_str());
    }
    if let Some(chart) = below {
        doc.push(Pane::Signals, Styled::from("     ").join(chart));
    }
}

fn difference(model: &Model, body: &Body, doc: &mut Doc) {
    if body.files.is_empty() {
        doc.heading(Pane::Difference, "WHAT DIFFERS", "");
        doc.push(Pane::Difference, Styled::of(Slot::Muted, " no text came with this draft"));
        return;
    }
    let title = format!(
        "WHAT DIFFERS: {}, {}",
        text::plural(body.files.len(), "RESOURCE", "RESOURCES"),
        text::plural(body.diff.changed(), "LINE", "LINES")
    );
    doc.heading(Pane::Difference, &title, "live → proposed");
    if body.view.claim {
        doc.push(Pane::Difference, Styled::of(Slot::Watch, format!(" {}", text::CLAIM)));
    }
    let lines = body.diff.lines(&Shape::default());
    let shape =
        diff::Columns { side_by_side: false, width: doc.width.saturating_sub(1), sideways: 0, numbers: true };
    for line in lines.iter().take(DIFF_LINES) {
        for drawn in diff::wrapped(model, &body.diff, *line, shape) {
            doc.push(Pane::Difference, Styled::from(" ").join(drawn));
        }
    }
    let rest = lines.len().saturating_sub(DIFF_LINES);
    if rest > 0 {
        let key = model.keymap.key_of(super::super::keymap::Command::Diff).unwrap_or_default();
        doc.push(
            Pane::Difference,
            Styled::of(Slot::Fold, format!("   ┄ {rest} more lines: {key} shows all of it")),
        );
    }
}

fn effect(body: &Body, doc: &mut Doc) {
    doc.heading(Pane::Effect, "WHAT AN APPROVAL DOES", "");
    doc.wrapped(Pane::Effect, Slot::Text, 1, &body.view.effect.sentence());
}

/// What moved, for the preview's last line.
pub(super) fn moved_in_short(body: &Body) -> String {
    match &body.fresh {
        Some(Ok(fresh)) if fresh.moved.is_empty() => "base moved: no".to_owned(),
        Some(Ok(fresh)) => format!("BASE MOVED: {}", text::plural(fresh.moved.len(), "thing", "things")),
        Some(Err(_)) => "base moved: UNKNOWN".to_owned(),
        None => "base not read again yet".to_owned(),
    }
}

fn what_moved(model: &Model, body: &Body, doc: &mut Doc) {
    doc.heading(Pane::Moved, "WHAT MOVED", "");
    let now = model.now();
    let label = |label: &str| Styled::of(Slot::Muted, format!(" {label:<24}"));
    match &body.fresh {
        Some(Ok(fresh)) if fresh.moved.is_empty() => {
            let read = text::when(fresh.read_at, now, &model.zone, true);
            doc.push(Pane::Moved, label("since the draft").text(format!("nothing (base read {read})")));
        }
        Some(Ok(fresh)) => {
            let read = text::when(fresh.read_at, now, &model.zone, true);
            let said = Styled::of(
                Slot::Watch,
                format!("{} (base read {read})", text::plural(fresh.moved.len(), "thing", "things")),
            );
            doc.push(Pane::Moved, label("since the draft").join(said));
            for moved in &fresh.moved {
                doc.wrapped(
                    Pane::Moved,
                    Slot::Watch,
                    5,
                    &format!("{}: {} → {}", moved.what, moved.was, moved.is),
                );
            }
        }
        Some(Err(why)) => {
            doc.push(Pane::Moved, label("since the draft").add(Slot::Unknown, format!("UNKNOWN: {why}")));
        }
        None if model.link.away() => {
            let said = "UNKNOWN: the backend is away, the base is not read";
            doc.push(Pane::Moved, label("since the draft").add(Slot::Unknown, said));
        }
        None => doc.push(Pane::Moved, label("since the draft").add(Slot::Muted, "reading the base …")),
    }
    let Some(opened) = &body.opened else {
        doc.push(Pane::Moved, label("since you opened it").add(Slot::Muted, text::NOT_OPENED_BEFORE));
        return;
    };
    let moved = match &opened.view {
        Some(view) => moved::between(Some(view), &body.view, now, &model.zone),
        None => opened_base(body, opened.revision, opened.base.as_ref()),
    };
    let since = format!("since you opened r{}", opened.revision);
    match moved.split_first() {
        None => doc.push(Pane::Moved, label(&since).text("nothing")),
        Some((first, rest)) => {
            doc.push(Pane::Moved, label(&since).add(Slot::Changed, first.as_str()));
            for line in rest {
                doc.wrapped(Pane::Moved, Slot::Changed, 5, line);
            }
        }
    }
}

fn opened_base(body: &Body, revision: u32, base: Option<&crate::row::Base>) -> Vec<String> {
    let mut lines = Vec::new();
    if revision != body.view.head.revision {
        lines.push(format!("r{} came; what r{revision} said is not cached", body.view.head.revision));
    }
    let moved = base.map(|base| base.moved(&body.view.base_read)).unwrap_or_default();
    lines.extend(moved.into_iter().map(|moved| format!("{}: {} → {}", moved.what, moved.was, moved.is)));
    lines
}

fn decided(model: &Model, body: &Body, doc: &mut Doc) {
    let view = &body.view;
    doc.heading(Pane::Decided, "DECIDED SO FAR", "");
    let asked: Vec<String> = view.head.reviewers.iter().map(ToString::to_string).collect();
    if view.decisions.is_empty() {
        let keys = text::plural(usize::try_from(view.head.keys_needed).unwrap_or(1), "key", "keys");
        let asked = if asked.is_empty() { "nobody by name".to_owned() } else { asked.join(", ") };
        doc.wrapped(Pane::Decided, Slot::Text, 1, &format!("nothing yet. Needs {keys}. Asked: {asked}"));
    }
    for decision in &view.decisions {
        decision_lines(model, view, decision, doc);
    }
    if let Some(policy) = &view.policy {
        doc.push(Pane::Decided, Styled::of(Slot::Text, format!(" auto ({policy})")));
    }
    if let Some(execution) = &view.execution {
        let begun = text::when(execution.intended_at, model.now(), &model.zone, true);
        let done = match execution.confirmed_at {
            Some(at) => format!("read back {}", text::when(at, model.now(), &model.zone, true)),
            None => "not read back yet".to_owned(),
        };
        doc.push(Pane::Decided, Styled::of(Slot::Text, format!(" executed from {begun}, {done}")));
    }
    if let Some(outcome) = &view.outcome {
        let at = text::when(outcome.checked_at, model.now(), &model.zone, true);
        let slot = if outcome.state == crate::row::State::Healthy { Slot::Ok } else { Slot::Watch };
        doc.wrapped(
            Pane::Decided,
            slot,
            1,
            &format!("{} at {at}: {}", text::state(outcome.state), outcome.detail),
        );
    }
    for entry in
        model.known.entries.iter().filter(|entry| entry.row == view.head.id && entry.fate != Fate::TakenBack)
    {
        let (slot, said) = super::outbox::words(model, entry);
        doc.wrapped(
            Pane::Decided,
            slot,
            1,
            &format!("you: {} r{}. {said}", entry.decision.past(), entry.revision),
        );
    }
}

fn decision_lines(model: &Model, view: &RowView, decision: &DecisionView, doc: &mut Doc) {
    let at = text::when(decision.at, model.now(), &model.zone, false);
    let mut line = Styled::of(Slot::Title, format!(" {}", decision.reviewer)).text(format!(
        " {} r{} {at}",
        decision.decision.past(),
        decision.revision
    ));
    if decision.overrides {
        line = line.add(Slot::Watch, " overridden");
    }
    for (name, value) in &decision.conditions {
        line = line.text(format!(" with {name}={value}"));
    }
    let mut facts = vec![format!("touch {}", decision.touch.word())];
    facts.extend(decision.offline.then(|| "made offline".to_owned()));
    facts.extend(decision.log_index.map(|index| format!("entry {}", text::grouped(index))));
    if decision.revision != view.head.revision && decision.decision == Decision::Approve {
        facts.push("for an earlier revision: does not count".to_owned());
    }
    doc.push(Pane::Decided, line.add(Slot::Muted, format!("   {}", facts.join(", "))));
    if let Some(note) = &decision.note {
        doc.wrapped(Pane::Decided, Slot::Text, 3, note.as_str());
    }
    if let Some(void) = &decision.void {
        doc.wrapped(Pane::Decided, Slot::Watch, 3, &format!("void: {void}"));
    }
}

fn pointers(body: &Body, doc: &mut Doc) {
    doc.heading(Pane::Pointers, "WHERE IT COMES FROM", "");
    for pointer in &body.view.pointers {
        let name = Shown::untrusted(&format!("{:<22} ", pointer.name));
        let reference = Shown::untrusted(&pointer.reference);
        let x = u16::try_from(name.width() + 1).unwrap_or(1);
        let width = u16::try_from(reference.width()).unwrap_or(0);
        doc.push(Pane::Pointers, Styled::from(" ").add(Slot::Muted, name).add(Slot::Link, reference));
        if let Some(last) = doc.lines.last_mut() {
            last.link = Some((x, width, pointer.url.clone()));
        }
    }
    let digests = body.view.digests();
    doc.push(
        Pane::Pointers,
        Styled::of(
            Slot::Muted,
            format!(" content sha256:{}  base {}", digests.content.short(), body.view.head.base.revision),
        ),
    );
}
