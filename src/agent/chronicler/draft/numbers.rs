//! What the series say: where they cross their thresholds, how long they stayed over, how high they went.
//!
//! Never: a gap read as zero, or as calm.

use jiff::{SignedDuration, Timestamp};

use crate::{
    agent::{
        chronicler::rules::Limits,
        facts::{Gauge, Sample},
        story::Story,
    },
    row::Series,
};

/// One series with a threshold, walked from end to end.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Measured<'a> {
    pub(super) gauge: &'a Gauge,
    pub(super) unit: &'a str,
    pub(super) threshold: f64,
    pub(super) crossings: Vec<Crossing>,
    /// The highest point and when.
    pub(super) peak: Option<(f64, Timestamp)>,
    pub(super) over: SignedDuration,
    /// Points that nobody measured, and points in all.
    pub(super) gaps: (usize, usize),
}

/// Where a series goes over its threshold, or comes back under it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Crossing {
    pub(super) at: Timestamp,
    pub(super) over: bool,
    pub(super) value: f64,
    /// It was so when the series began.
    pub(super) from_start: bool,
    /// Nothing was measured right before it.
    pub(super) after_gap: bool,
}

/// The series of a story that have a threshold.
pub(super) fn measured<'a>(story: &'a Story, limits: &Limits) -> Vec<Measured<'a>> {
    story.gauges.iter().filter_map(|gauge| of(gauge, limits)).collect()
}

/// The gauges of the error budget itself.
pub(super) fn budgets(story: &Story) -> impl Iterator<Item = (&Gauge, &Sample)> {
    let budget = |gauge: &&Gauge| gauge.name.to_lowercase().contains("budget");
    story.gauges.iter().filter(budget).filter_map(|gauge| Some((gauge, gauge.value.known()?)))
}

fn of<'a>(gauge: &'a Gauge, limits: &Limits) -> Option<Measured<'a>> {
    let series = gauge.value.known()?.series.as_ref()?;
    let number = |text: &String| text.parse::<f64>().ok().filter(|n| n.is_finite());
    let burns = gauge.name.to_lowercase().contains("burn").then_some(limits.burn_over);
    let threshold = series.threshold.as_ref().or(gauge.hold_at.as_ref()).and_then(number).or(burns)?;
    let mut found = Measured {
        gauge,
        unit: &series.unit,
        threshold,
        crossings: Vec::new(),
        peak: None,
        over: SignedDuration::ZERO,
        gaps: (0, series.points.len()),
    };
    found.walk(series);
    Some(found)
}

impl Measured<'_> {
    fn walk(&mut self, series: &Series) {
        let step = SignedDuration::from_secs(i64::from(series.step_s));
        let (mut was, mut at, mut gap) = (None, series.from, false);
        for number in series.numbers() {
            let Some(value) = number else {
                self.gaps.0 += 1;
                gap = true;
                at = later(at, step);
                continue;
            };
            let over = value >= self.threshold;
            if was.map_or(over, |was: bool| was != over) {
                let from_start = was.is_none();
                self.crossings.push(Crossing { at, over, value, from_start, after_gap: gap });
            }
            if self.peak.is_none_or(|(highest, _)| value > highest) {
                self.peak = Some((value, at));
            }
            if over {
                self.over = self.over.saturating_add(step);
            }
            (was, gap) = (Some(over), false);
            at = later(at, step);
        }
    }

    /// A value with the unit: `4.1x`.
    pub(super) fn text(&self, value: f64) -> String {
        format!("{}{}", number(value), self.unit)
    }
}

fn later(at: Timestamp, step: SignedDuration) -> Timestamp {
    at.checked_add(step).unwrap_or(at)
}

/// Two decimals at most, without zeros at the end.
fn number(value: f64) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// What an error budget lost between two readings.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Spent<'a> {
    pub(super) gauge: &'a Gauge,
    pub(super) unit: &'a str,
    pub(super) before: (f64, Timestamp),
    pub(super) after: (f64, Timestamp),
    /// Of the whole budget.
    pub(super) lost: f64,
}

/// What the incident spent, by each series of a budget that was measured before it and, where it is over, after it.
pub(super) fn spent(story: &Story) -> Vec<Spent<'_>> {
    budgets(story).filter_map(|(gauge, sample)| of_budget(story, gauge, sample)).collect()
}

fn of_budget<'a>(story: &Story, gauge: &'a Gauge, sample: &'a Sample) -> Option<Spent<'a>> {
    let series = sample.series.as_ref()?;
    let step = SignedDuration::from_secs(i64::from(series.step_s));
    let times = std::iter::successors(Some(series.from), |at| Some(later(*at, step)));
    let known: Vec<(f64, Timestamp)> =
        series.numbers().zip(times).filter_map(|(number, at)| Some((number?, at))).collect();
    let (before, after) = (*known.first()?, *known.last()?);
    // A budget that was first or last read in the middle of it tells nothing of the rest.
    let covers = before.1 <= story.opened_at && story.closed_at.is_none_or(|closed| after.1 >= closed);
    let says_left = !gauge.name.to_lowercase().contains("spent");
    let spent = if says_left { before.0 - after.0 } else { after.0 - before.0 };
    (covers && before.1 < after.1).then_some(Spent { gauge, unit: &sample.unit, before, after, lost: spent })
}

impl Spent<'_> {
    pub(super) fn text(&self, value: f64) -> String {
        format!("{}{}", number(value), self.unit)
    }
}
