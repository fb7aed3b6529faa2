//! Numbers over time, as every platform that measures gives them: evenly stepped, with their gaps.
//!
//! Never: a gap bridged, an old point taken for a new one.

use std::time::Duration;

use jiff::Timestamp;

use super::Fact;

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    pub value: f64,
    /// What the platform dates it to. An instant query of Prometheus dates its evaluation: the data can be five minutes
    /// older.
    pub at: Timestamp,
}

/// A series at even steps; `None` is a gap.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Series {
    pub start: Timestamp,
    pub step: Duration,
    pub points: Vec<Option<f64>>,
}

impl Series {
    /// Puts samples where they belong in time; what is not there, or not finite, is a gap.
    pub(super) fn spread(
        samples: impl IntoIterator<Item = Sample>,
        start: Timestamp,
        step: Duration,
        count: u64,
    ) -> Self {
        let mut points = vec![None; usize::try_from(count).unwrap_or(0)];
        let step_ms = i64::try_from(step.as_millis()).unwrap_or(i64::MAX).max(1);
        for sample in samples.into_iter().filter(|sample| sample.value.is_finite()) {
            let index =
                (sample.at.as_millisecond() - start.as_millisecond() + step_ms / 2).div_euclid(step_ms);
            if let Some(point) = usize::try_from(index).ok().and_then(|index| points.get_mut(index)) {
                *point = Some(sample.value);
            }
        }
        Self { start, step, points }
    }

    /// The last point that is no gap.
    pub fn last(&self) -> Option<Sample> {
        let (index, value) =
            self.points.iter().enumerate().rev().find_map(|(index, point)| Some((index, (*point)?)))?;
        let after = self.step.checked_mul(u32::try_from(index).ok()?)?;
        Some(Sample { value, at: self.start.checked_add(after).ok()? })
    }

    /// The last point, if it is no older than `budget`; else unknown, with its age.
    pub fn latest(&self, now: Timestamp, budget: Duration) -> Fact<Sample> {
        let Some(last) = self.last() else { return Fact::Unknown("no data".to_owned()) };
        too_old("the last point", last.at, now, budget).map_or(Fact::Known(last), Fact::Unknown)
    }
}

/// Says so where `at` is further back than `budget`, or as far ahead.
pub(super) fn too_old(what: &str, at: Timestamp, now: Timestamp, budget: Duration) -> Option<String> {
    let age = now.duration_since(at).as_secs();
    let limit = i64::try_from(budget.as_secs()).unwrap_or(i64::MAX);
    if age < -limit {
        // Ours is behind, or theirs is ahead: how old it is cannot be told.
        return Some(format!("{what} is dated {} min ahead of our clock", -age / 60));
    }
    (age > limit).then(|| format!("{what} is {} min old, {} min are allowed", age / 60, limit / 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn what_is_too_old_or_of_another_clock_says_so() {
        let check = |second: i64| too_old("the sample", at(second), at(10_000), Duration::from_secs(300));
        assert_eq!((check(10_000), check(9_700), check(10_300)), (None, None, None));
        assert_eq!(check(9_699).as_deref(), Some("the sample is 5 min old, 5 min are allowed"));
        assert_eq!(check(12_400).as_deref(), Some("the sample is dated 40 min ahead of our clock"));
    }

    #[test]
    fn gaps_stay_and_no_number_is_one() {
        let sample = |second, value| Sample { at: at(second), value };
        let samples = [
            sample(1_000, 1.0),
            sample(1_060, f64::NAN),
            sample(1_180, 4.0),
            sample(9_999, 5.0),
            sample(1, 6.0),
        ];
        let series = Series::spread(samples, at(1_000), Duration::from_secs(60), 5);
        assert_eq!(series.points, [Some(1.0), None, None, Some(4.0), None]);
        assert_eq!(series.last(), Some(Sample { value: 4.0, at: at(1_180) }));
    }

    #[test]
    fn an_old_last_point_is_unknown_with_its_age() {
        let series =
            Series { start: at(0), step: Duration::from_secs(60), points: vec![Some(1.0), Some(2.0), None] };
        let budget = Duration::from_secs(600);
        assert_eq!(series.latest(at(660), budget), Fact::Known(Sample { value: 2.0, at: at(60) }));
        let old = series.latest(at(60 * 42), budget);
        assert_eq!(old, Fact::Unknown("the last point is 41 min old, 10 min are allowed".to_owned()));
        let empty = Series { points: vec![None; 3], ..series };
        assert_eq!(empty.latest(at(0), budget), Fact::Unknown("no data".to_owned()));
    }
}
