//! Series in the console: what a row's draft had on the table, and what was read of the same since, on one axis.
//!
//! Only what is on the screen is read: [`look`] says what that is, [`Telemetry`] when it is read again.
//!
//! Never: a live number in place of evidence; an answer kept for a row or a screen that went.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::layout;
use super::model::{BODIES_MAX, Model, Screen};
use super::widget::chart::{Plot, Point};
use crate::row::{Kind, Measure, Pointer, Proposal, RowId, Series};
use crate::wire::{self, RowView, Side, Span};

/// Between two readings: with the reader's eye, without it, and at most, where nobody answers.
const WITH_FOCUS_MS: u64 = 10_000;
const WITHOUT_FOCUS_MS: u64 = 60_000;
const MOST_MS: u64 = 300_000;
/// A cursor that moves on asks for nothing.
const RESTS_MS: u64 = 250;
/// An answer that has not come until now does not come.
const GIVEN_UP_MS: u64 = 30_000;
/// What is shown before and after an incident that is over.
const AROUND: SignedDuration = SignedDuration::from_mins(10);

/// What is to be read: whose series, for which screen, over what time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    pub row: RowId,
    /// The screen that shows it; 0 is the queue.
    pub visit: u64,
    pub span: Span,
    /// `None`: up to now.
    pub until: Option<Timestamp>,
}

/// What was read last of one row.
#[derive(Clone, Debug)]
pub struct Live {
    pub look: Look,
    pub told: wire::Telemetry,
    pub came_ms: u64,
}

/// What was read, and how reading goes.
#[derive(Clone, Debug, Default)]
pub struct Telemetry {
    live: BTreeMap<RowId, Live>,
    /// The question that was asked last, and when; answered or not.
    asked: Option<(Look, u64)>,
    waits: bool,
    failures: u32,
    /// Why the last question has no answer.
    pub error: Option<String>,
}

impl Telemetry {
    pub fn live(&self, row: RowId) -> Option<&Live> {
        self.live.get(&row)
    }

    /// When this look is to be asked for; `None` where it needs no more asking.
    fn due_ms(&self, look: &Look, focused: bool, rested_ms: u64) -> Option<u64> {
        let Some((asked, at)) = self.asked.filter(|(asked, _)| asked == look) else {
            return Some(rested_ms + RESTS_MS);
        };
        if self.waits {
            return Some(at + GIVEN_UP_MS);
        }
        if self.failures == 0 && asked.until.is_some() {
            return None;
        }
        let every = if focused { WITH_FOCUS_MS } else { WITHOUT_FOCUS_MS };
        let every = every.saturating_mul(1 << self.failures.min(8)).min(MOST_MS);
        // Consoles that began together do not go on asking together.
        let share = (at ^ look.row.number.wrapping_mul(7_919)) % 21;
        Some(at + every * (90 + share) / 100)
    }

    fn ask(&mut self, look: Look, at_ms: u64) {
        if self.asked.is_some_and(|(asked, _)| asked.row != look.row) {
            (self.failures, self.error) = (0, None);
        }
        (self.asked, self.waits) = (Some((look, at_ms)), true);
    }

    /// Reads again as soon as may be.
    pub fn hurry(&mut self) {
        self.asked = None;
    }

    /// An answer came for what is still looked at.
    pub fn take(&mut self, look: Look, answer: Result<wire::Telemetry, String>, at_ms: u64) {
        self.waits = false;
        match answer {
            Ok(told) => {
                (self.failures, self.error) = (0, None);
                self.live.insert(look.row, Live { look, told, came_ms: at_ms });
                while self.live.len() > BODIES_MAX {
                    let oldest = self.live.iter().min_by_key(|(_, live)| live.came_ms).map(|(row, _)| *row);
                    let Some(oldest) = oldest else { break };
                    self.live.remove(&oldest);
                }
            }
            Err(why) => {
                self.failures = self.failures.saturating_add(1);
                self.error = Some(why);
            }
        }
    }
}

/// What the screen shows of telemetry now, where it shows any.
pub fn look(model: &Model) -> Option<Look> {
    if model.link.away() || model.too_small_to_read() {
        return None;
    }
    match model.screens.last() {
        Some(Screen::Telemetry(screen)) if screen.frozen.is_none() => {
            Some(Look { row: screen.row, visit: screen.visit, span: screen.span, until: screen.until })
        }
        None | Some(Screen::Row(_)) => {
            let areas = layout::areas(model);
            areas.side.or(areas.charts)?;
            let row = model.subject()?;
            let view = &model.body(row)?.view;
            let visit = model.screens.last().map_or(0, Screen::visit);
            let (span, until) = time_of(view, model.now());
            Some(Look { row, visit, span, until })
        }
        Some(_) => None,
    }
}

/// The question that is due now, if one is.
pub fn due(model: &mut Model) -> Option<Look> {
    let look = look(model)?;
    let due = model.telemetry.due_ms(&look, model.focused != Some(false), model.rested_ms)?;
    if model.at.ms < due {
        return None;
    }
    model.telemetry.ask(look, model.at.ms);
    Some(look)
}

pub fn wake_ms(model: &Model) -> Option<u64> {
    let look = look(model)?;
    model.telemetry.due_ms(&look, model.focused != Some(false), model.rested_ms)
}

/// The time that a row's series are about: that of its incident, where a page or a paper is about one that is over; else up
/// to now.
pub fn time_of(view: &RowView, now: Timestamp) -> (Span, Option<Timestamp>) {
    let live = (span_for(view, now), None);
    let Some((from, until)) = incident_time(view) else { return live };
    let until = until.saturating_add(AROUND).unwrap_or(until);
    if now.duration_since(until) < AROUND {
        return live;
    }
    let lasts = until.duration_since(from).checked_add(AROUND).unwrap_or(AROUND);
    let span = Span::ALL.into_iter().find(|span| span.duration() >= lasts);
    (span.unwrap_or(live.0), Some(until))
}

/// From when until when its incident was, by the evidence, which stays in sight; else by the lines of its paper.
fn incident_time(view: &RowView) -> Option<(Timestamp, Timestamp)> {
    if !matches!(view.head.kind, Kind::Runbook | Kind::Postmortem) {
        return None;
    }
    let series = view.signals.iter().filter_map(|signal| signal.signal.series.as_ref());
    let ends = |series: &Series| {
        let placed = placed(series, true);
        Some((placed.first()?.at, placed.last()?.end()))
    };
    let evidence = series.filter_map(ends).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
    evidence.or_else(|| match &view.proposal {
        Some(Proposal::Paper(paper)) => {
            let times = paper.timeline.iter().map(|line| line.at);
            Some((times.clone().min()?, times.max()?))
        }
        _ => None,
    })
}

/// The shortest span in which the draft is still in sight.
fn span_for(view: &RowView, now: Timestamp) -> Span {
    let age = now.duration_since(view.read_at);
    let sees = |span: &Span| age < span.duration().checked_div(3).map_or(span.duration(), |third| third * 2);
    Span::ALL.into_iter().filter(|span| *span >= Span::Hours3).find(sees).unwrap_or_default()
}

/// One series as it is drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct Pane {
    pub name: String,
    pub unit: String,
    pub pointer: Pointer,
    pub points: Vec<Point>,
    pub threshold: Option<f64>,
    pub bad: Side,
    /// When the draft's own points were fetched, where it has any.
    pub evidence_at: Option<Timestamp>,
    /// When it was last read live, where it was.
    pub fetched_at: Option<Timestamp>,
    /// Why it could not be read.
    pub unknown: Option<String>,
    pub budget_s: u32,
}

/// A row's panes in the order of what is measured, evidence and live of one name in one; then what evidence there is else.
pub fn panes(view: &RowView, live: Option<&wire::Telemetry>) -> Vec<Pane> {
    let lives = live.map(|live| live.panes.as_slice()).unwrap_or_default();
    let mut panes = Vec::new();
    let mut taken = Vec::new();
    for signal in &view.signals {
        let Some(series) = &signal.signal.series else { continue };
        let (name, pointer) = (&signal.signal.name, &signal.signal.pointer);
        // One SLO has several burns: only what has no name that both know is joined by where it comes from.
        let same_place = |pane: &&wire::Pane| {
            Measure::of_name(name).is_none()
                && (&pane.pointer.platform, &pane.pointer.reference)
                    == (&pointer.platform, &pointer.reference)
                && !pointer.reference.is_empty()
                && pane.unit == series.unit
        };
        let found = lives.iter().find(|pane| pane.name == *name).or_else(|| lives.iter().find(same_place));
        taken.extend(found.map(|pane| &pane.name));
        let threshold = |series: &Series| series.threshold.as_ref().and_then(|text| text.parse::<f64>().ok());
        panes.push(Pane {
            name: signal.signal.name.clone(),
            unit: series.unit.clone(),
            pointer: found.map_or(pointer, |pane| &pane.pointer).clone(),
            points: points(
                Some((series, signal.signal.fetched_at)),
                found.and_then(|pane| pane.series.as_ref()),
            ),
            threshold: threshold(series).or_else(|| found.and_then(|pane| threshold(pane.series.as_ref()?))),
            bad: found.map_or_else(|| bad_side(name), |pane| pane.bad),
            evidence_at: Some(signal.signal.fetched_at),
            fetched_at: found.map(|pane| pane.fetched_at),
            unknown: found.and_then(|pane| pane.unknown.clone()),
            budget_s: found.map_or(signal.signal.budget_s, |pane| pane.budget_s),
        });
    }
    panes.extend(lives.iter().filter(|pane| !taken.contains(&&pane.name)).map(|pane| Pane {
        name: pane.name.clone(),
        unit: pane.unit.clone(),
        pointer: pane.pointer.clone(),
        points: points(None, pane.series.as_ref()),
        threshold: pane.series.as_ref().and_then(|series| series.threshold.as_ref()?.parse().ok()),
        bad: pane.bad,
        evidence_at: None,
        fetched_at: Some(pane.fetched_at),
        unknown: pane.unknown.clone(),
        budget_s: pane.budget_s,
    }));
    panes.sort_by_key(|pane| {
        let measure = Measure::of_name(&pane.name);
        (measure.is_none(), measure)
    });
    panes
}

/// On which side of its threshold a measure is bad.
fn bad_side(name: &str) -> Side {
    if Measure::of_name(name) == Some(Measure::BudgetLeft) { Side::Under } else { Side::default() }
}

/// Evidence where there is evidence, up to the time at which it was read; what was read live before and after it. A
/// point's step may be hours: what lies behind the reading is no evidence.
fn points(evidence: Option<(&Series, Timestamp)>, live: Option<&Series>) -> Vec<Point> {
    let mut points = match evidence {
        Some((series, read_at)) => {
            placed(series, true).into_iter().filter_map(|point| cut(point, point.at, read_at)).collect()
        }
        None => Vec::new(),
    };
    let range = points.first().zip(points.last()).map(|(first, last)| (first.at, last.end()));
    let outside = |point: Point| match range {
        None => Some(point),
        Some((from, _)) if point.end() <= from => Some(point),
        // What began before the reading and ended after it is newer than the evidence.
        Some((_, until)) => cut(point, point.at.max(until), point.end()),
    };
    let live = live.map(|series| placed(series, false)).unwrap_or_default();
    points.extend(live.into_iter().filter_map(outside));
    points.sort_by_key(|point| point.at);
    points
}

/// The point for the part of its time that lies between; none where no second of it does.
fn cut(point: Point, from: Timestamp, until: Timestamp) -> Option<Point> {
    let seconds = point.end().min(until).duration_since(from).as_secs();
    let step_s = u32::try_from(seconds).ok().filter(|seconds| *seconds > 0)?;
    Some(Point { at: from, step_s, ..point })
}

fn placed(series: &Series, evidence: bool) -> Vec<Point> {
    let step = SignedDuration::from_secs(i64::from(series.step_s.max(1)));
    let mut at = series.from;
    let mut points = Vec::with_capacity(series.points.len());
    for value in series.numbers() {
        points.push(Point { at, step_s: series.step_s.max(1), value, evidence });
        let Ok(next) = at.checked_add(step) else { break };
        at = next;
    }
    points
}

impl Pane {
    /// The newest known value, and its time, of what is in sight or of everything.
    pub fn last(&self) -> Option<&Point> {
        self.points.iter().rev().find(|point| point.value.is_some())
    }

    /// The last value is on the bad side of the threshold.
    pub fn is_bad(&self) -> bool {
        let last = self.last().and_then(|point| point.value);
        last.zip(self.threshold).is_some_and(|(last, threshold)| self.bad.is_bad(last, threshold))
    }

    /// How old the newest known point is, where that is over its budget.
    pub fn stale(&self, now: Timestamp) -> Option<SignedDuration> {
        let age = now.duration_since(self.last()?.end());
        (age > SignedDuration::from_secs(i64::from(self.budget_s))).then_some(age)
    }

    pub fn plot(&self, window: (Timestamp, Timestamp), draft: Timestamp) -> Plot<'_> {
        let (from, until) = window;
        Plot { points: &self.points, from, until, threshold: self.threshold, draft: Some(draft) }
    }
}

/// Three digits that mean something, thousands as `k`.
pub fn number(value: f64) -> String {
    let size = value.abs();
    let text = match size {
        _ if size >= 10_000.0 => return format!("{}k", number(value / 1_000.0)),
        _ if size >= 100.0 => format!("{value:.0}"),
        _ if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    };
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn series(from: i64, step_s: u32, points: &[Option<&str>]) -> Series {
        Series {
            unit: "x".into(),
            from: at(from),
            step_s,
            points: points.iter().map(|point| point.map(str::to_owned)).collect(),
            threshold: None,
        }
    }

    #[test]
    fn a_page_or_a_paper_is_about_the_time_of_its_incident() {
        let views = super::super::sample::documents::views();
        for view in views.iter().filter(|view| matches!(view.proposal, Some(Proposal::Paper(_)))) {
            let Some(Proposal::Paper(paper)) = &view.proposal else { continue };
            let mut view = view.clone();
            view.signals.retain(|signal| signal.signal.series.is_none());
            let (first, last) = (
                paper.timeline.first().unwrap().at,
                paper.timeline.iter().map(|line| line.at).max().unwrap(),
            );
            let later = last + SignedDuration::from_hours(48);
            let (span, until) = time_of(&view, later);
            let until = until.unwrap();
            assert!(until > last && until - span.duration() < first, "{span} {until}");
            assert_eq!(time_of(&view, last + SignedDuration::from_mins(1)).1, None, "it is hardly over");
        }
        let mut sync = views[0].clone();
        sync.head.kind = Kind::Sync;
        assert_eq!(time_of(&sync, sync.read_at + SignedDuration::from_hours(48)).1, None);
    }

    #[test]
    fn what_was_on_the_table_is_never_replaced() {
        let evidence = series(600, 60, &[Some("1"), None, Some("3")]);
        let live = series(480, 60, &[Some("7"), Some("7"), Some("7"), Some("7"), Some("7"), Some("8"), None]);
        let merged = points(Some((&evidence, at(780))), Some(&live));
        let told: Vec<_> =
            merged.iter().map(|point| (point.at.as_second(), point.value, point.evidence)).collect();
        assert_eq!(
            told,
            [
                (480, Some(7.0), false),
                (540, Some(7.0), false),
                (600, Some(1.0), true),
                (660, None, true),
                (720, Some(3.0), true),
                (780, Some(8.0), false),
                (840, None, false)
            ]
        );
    }

    #[test]
    fn evidence_and_live_of_one_name_are_one_pane_in_the_order_of_what_is_measured() {
        let signal = |measure: Measure, platform: &str, points: &[Option<&str>]| {
            let limit = Series { threshold: Some("3".into()), ..series(600, 60, points) };
            let pointer = sample::pointer("datadog_slo", platform, "abc");
            let mut signal = crate::client::sample::draft().signals[0].clone();
            (signal.name, signal.pointer, signal.series) = (measure.name().into(), pointer, Some(limit));
            signal.fetched_at = at(720);
            signal
        };
        // One SLO tells several burns: whence they come does not tell them apart.
        let signals = vec![
            signal(Measure::P95, "datadog", &[Some("206")]),
            signal(Measure::Burn3d, "datadog", &[Some("0.3")]),
            signal(Measure::Burn1h, "datadog", &[Some("4.1")]),
        ];
        let draft = crate::row::Draft { signals, ..crate::client::sample::draft() };
        let view = crate::client::sample::view("gate-9826", 1, draft);
        let live = |measure: Measure, value: &str| wire::Pane {
            name: measure.name().into(),
            unit: "x".into(),
            pointer: sample::pointer("datadog_slo", "prometheus", "abc"),
            fetched_at: at(900),
            budget_s: 300,
            series: Some(series(840, 60, &[Some(value)])),
            unknown: None,
            bad: Side::Over,
        };
        let told = wire::Telemetry {
            row: view.head.id,
            until: at(900),
            span: Span::Hour,
            panes: vec![
                live(Measure::Burn1h, "4.4"),
                live(Measure::ErrorRate, "0.4"),
                live(Measure::Burn3d, "0.2"),
                live(Measure::P95, "1602"),
            ],
            marks: vec![],
            marks_unknown: vec![],
        };
        let panes = panes(&view, Some(&told));
        let drawn: Vec<_> = panes
            .iter()
            .map(|pane| {
                (pane.name.as_str(), pane.last().and_then(|last| last.value), pane.evidence_at.is_some())
            })
            .collect();
        assert_eq!(
            drawn,
            [
                ("SLO burn 1h", Some(4.4), true),
                ("error rate", Some(0.4), false),
                ("p95", Some(1602.0), true),
                ("SLO burn 3d", Some(0.2), true)
            ]
        );
        assert!(
            panes[0].is_bad() && panes[0].points.len() == 2,
            "evidence and live on one axis: {:?}",
            panes[0]
        );
        assert_eq!(panes[0].threshold, Some(3.0), "what the rules went by");
    }

    #[test]
    fn evidence_ends_when_it_was_read_and_what_came_after_is_shown() {
        // Two weeks in steps of two hours, read 60 s after the last step began.
        let evidence = series(0, 7_200, &[Some("206"), Some("912")]);
        let read_at = at(7_260);
        let alone = points(Some((&evidence, read_at)), None);
        assert_eq!(alone.last().map(Point::end), Some(read_at), "nothing is known of the time after it");
        let live = series(7_200, 60, &[Some("900"), Some("1500"), Some("1602")]);
        let merged = points(Some((&evidence, read_at)), Some(&live));
        let told: Vec<_> = merged.iter().map(|one| (one.at.as_second(), one.value, one.evidence)).collect();
        assert_eq!(
            told,
            [
                (0, Some(206.0), true),
                (7_200, Some(912.0), true),
                (7_260, Some(1500.0), false),
                (7_320, Some(1602.0), false)
            ]
        );
        let across = series(7_230, 300, &[Some("1600")]);
        let merged = points(Some((&evidence, read_at)), Some(&across));
        assert_eq!(
            merged.last().map(|last| (last.at, last.end(), last.value)),
            Some((read_at, at(7_530), Some(1600.0)))
        );
        let pane = |points| Pane {
            name: "p95".into(),
            unit: " ms".into(),
            pointer: sample::pointer("datadog_metric", "datadog", "p95"),
            points,
            threshold: None,
            bad: Side::Over,
            evidence_at: Some(read_at),
            fetched_at: None,
            unknown: None,
            budget_s: 300,
        };
        assert_eq!(pane(alone.clone()).stale(at(7_560)), None);
        assert_eq!(pane(alone).stale(at(7_561)), Some(SignedDuration::from_secs(301)));
    }

    #[test]
    fn it_is_read_often_with_focus_seldom_without_and_rarely_while_nobody_answers() {
        let look = Look { row: "sync-8822".parse().unwrap(), visit: 1, span: Span::Hour, until: None };
        let mut telemetry = Telemetry::default();
        assert_eq!(telemetry.due_ms(&look, true, 1_000), Some(1_250), "a cursor that moves asks for nothing");
        telemetry.ask(look, 2_000);
        assert_eq!(telemetry.due_ms(&look, true, 1_000), Some(32_000), "one question at a time");
        let told = wire::Telemetry {
            row: look.row,
            until: at(0),
            span: look.span,
            panes: vec![],
            marks: vec![],
            marks_unknown: vec![],
        };
        telemetry.take(look, Ok(told.clone()), 2_100);
        let near = |due: Option<u64>, every: u64| {
            let due = due.unwrap() - 2_000;
            assert!((every * 9 / 10..=every * 11 / 10).contains(&due), "{due} for {every}");
        };
        near(telemetry.due_ms(&look, true, 1_000), 10_000);
        near(telemetry.due_ms(&look, false, 1_000), 60_000);
        for every in [20_000, 40_000, 80_000, 160_000, 300_000, 300_000] {
            telemetry.take(look, Err("away".into()), 2_100);
            near(telemetry.due_ms(&look, true, 1_000), every);
        }
        assert!(telemetry.live(look.row).is_some(), "what was read stays while nobody answers");
        let past = Look { until: Some(at(0)), ..look };
        assert_eq!(telemetry.due_ms(&past, true, 9_000), Some(9_250));
        telemetry.ask(past, 9_250);
        telemetry.take(past, Ok(told), 9_300);
        assert_eq!(telemetry.due_ms(&past, true, 9_000), None, "what is over changes no more");
    }

    #[test]
    fn numbers_take_few_columns() {
        for (value, text) in [
            (0.0, "0"),
            (0.4, "0.4"),
            (14.44, "14.4"),
            (310.2, "310"),
            (12_345.0, "12.3k"),
            (-0.001, "0"),
            (-12.0, "-12"),
            (100.0, "100"),
        ] {
            assert_eq!(number(value), text);
        }
    }
}
