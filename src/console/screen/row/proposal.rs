//! What is proposed and why: claim, signals, difference, effect.
//!
//! Never: a fact without its age.

use super::super::super::canvas::Styled;
use super::super::super::keymap::Command;
use super::super::super::model::{Body, Model};
use super::super::super::shown::Shown;
use super::super::super::text;
use super::super::super::theme::Slot;
use super::super::super::widget::diff::Shape;
use super::super::super::widget::spark::sparkline;
use super::super::diff;
use super::{Doc, Pane};
use crate::row::{Decision, Grade, Kind, Proposal, Weight};
use crate::wire::{DecisionView, SignalView};

/// Lines of the difference that the row itself shows; `v` shows all.
const DIFF_LINES: usize = 16;
/// Columns that a signal's name may take before its value moves down.
const SIGNAL_NAME_WIDTH: usize = 24;
/// Columns of a series beside its signal.
const SPARK_WIDTH: usize = 16;

pub(super) fn claim(model: &Model, body: &Body, doc: &mut Doc) {
    let view = &body.view;
    if let Some(why) = &body.undecidable {
        doc.wrapped(Pane::Claim, Slot::Danger, 1, why);
    }
    if let Some(why) = &view.why {
        doc.wrapped(Pane::Claim, Slot::Watch, 1, why);
    }
    doc.push(Pane::Claim, Styled::of(Slot::Title, format!(" {}", view.head.title)));
    if !view.amended_by.is_empty() {
        let by: Vec<String> = view.amended_by.iter().map(ToString::to_string).collect();
        let at = text::when(view.read_at, model.now(), &model.zone, true);
        let said = match &view.revised_by {
            Some(last) => format!(
                "amended by {}; r{} is {last}'s, of {at}: what {} says here is of its own draft",
                by.join(", "),
                view.head.revision,
                view.head.agent
            ),
            None => format!("amended by {}", by.join(", ")),
        };
        doc.wrapped(Pane::Claim, Slot::Changed, 1, &said);
    }
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

pub(super) fn signals(model: &Model, body: &Body, doc: &mut Doc) {
    let view = &body.view;
    let as_of = format!("evidence as of {}", text::when(view.evidence_at(), model.now(), &model.zone, true));
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
    let age = model.now().duration_since(view.read_at());
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
        let top = series.threshold.as_ref().and_then(|limit| limit.parse().ok());
        sparkline(&points, SPARK_WIDTH, top, model.charts).add(Slot::Threshold, limit)
    });
    let value = Shown::untrusted(&view.says().replace('\n', " "));
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

pub(super) fn difference(model: &Model, body: &Body, doc: &mut Doc) {
    if body.files.is_empty() {
        doc.heading(Pane::Difference, "WHAT DIFFERS", "");
        doc.push(Pane::Difference, Styled::of(Slot::Muted, " no text came with this draft"));
        return;
    }
    let changed = text::plural(body.diff.changed(), "LINE", "LINES");
    let resources =
        |one, many| format!("WHAT DIFFERS: {}, {changed}", text::plural(body.files.len(), one, many));
    let (title, sides) = match (body.view.head.kind, &body.view.proposal) {
        // Steps and sections stand above in full; as one text they are what is signed.
        (_, Some(Proposal::Live(_) | Proposal::Paper(_))) => {
            let key = model.keymap.key_of(Command::Diff).unwrap_or_default();
            doc.heading(Pane::Difference, &format!("AS ONE TEXT: {changed}"), &format!("{key} shows it"));
            return;
        }
        (_, Some(Proposal::Edit(_))) => (format!("THE PAGE AFTERWARDS: {changed}"), "page → edit"),
        (Kind::Gate, None) => (resources("TEXT", "TEXTS"), "deployed → this run"),
        (_, None) => (resources("RESOURCE", "RESOURCES"), "live → proposed"),
    };
    doc.heading(Pane::Difference, &title, sides);
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
        let key = model.keymap.key_of(Command::Diff).unwrap_or_default();
        doc.push(
            Pane::Difference,
            Styled::of(
                Slot::Fold,
                format!("   ┄ {}: {key} shows all of it", text::plural(rest, "more line", "more lines")),
            ),
        );
    }
}

pub(super) fn effect(body: &Body, doc: &mut Doc) {
    let view = &body.view;
    let stands = |one: &&DecisionView| {
        one.decision == Decision::Approve && one.void.is_none() && one.revision == view.head.revision
    };
    let signed = view.decisions.iter().filter(stands).rfind(|one| !one.conditions.is_empty());
    let agreed = signed.and_then(|one| view.effect.with_conditions(&one.conditions));
    let done = !view.head.state.undecided() && view.decisions.iter().any(|one| stands(&one));
    doc.heading(Pane::Effect, if done { "WHAT WAS APPROVED" } else { "WHAT AN APPROVAL DOES" }, "");
    doc.wrapped(
        Pane::Effect,
        Slot::Text,
        1,
        &agreed.as_ref().unwrap_or(&view.effect).sentence_of(view.head.id),
    );
}
