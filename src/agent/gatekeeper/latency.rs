//! What p95 is usual, and was it stable? Day by day, by medians, so that neither a spike nor the rhythm of a day decides.
//!
//! Never: a gap filled; "stable" from a few days of many.

use super::facts::Usual;

/// The share of days that must have been measured, in percent.
const DAYS_TOLD_PERCENT_MIN: usize = 85;

/// The median of all days' medians, in milliseconds, and how far the worst day's lies from it. Absent where too many days
/// of `days` have no point, or the median is zero. `points`, in seconds, are evenly spaced over the whole span, oldest first.
pub(super) fn usual(points: &[Option<f64>], days: usize) -> Option<Usual> {
    if days == 0 || points.len() < days {
        return None;
    }
    let day = |n: usize| &points[n * points.len() / days..(n + 1) * points.len() / days];
    let medians: Vec<f64> = (0..days).filter_map(|n| median(day(n))).collect();
    if medians.len() * 100 < days * DAYS_TOLD_PERCENT_MIN {
        return None;
    }
    let told: Vec<_> = medians.iter().copied().map(Some).collect();
    let middle = median(&told).filter(|middle| *middle > 0.0)?;
    let moved_percent = medians.iter().map(|one| (one - middle).abs() / middle * 100.0).reduce(f64::max)?;
    Some(Usual { ms: middle * 1000.0, moved_percent })
}

fn median(points: &[Option<f64>]) -> Option<f64> {
    let mut known: Vec<f64> = points.iter().flatten().copied().filter(|n| n.is_finite()).collect();
    known.sort_by(f64::total_cmp);
    let middle = known.len() / 2;
    let upper = *known.get(middle)?;
    if known.len() % 2 == 1 { Some(upper) } else { Some(f64::midpoint(*known.get(middle - 1)?, upper)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(medians: &[Option<f64>], in_a_day: usize) -> Vec<Option<f64>> {
        medians.iter().flat_map(|median| std::iter::repeat_n(*median, in_a_day)).collect()
    }

    #[test]
    fn the_worst_day_decides() {
        let check = |medians: &[Option<f64>], expected: Option<f64>| {
            let got = usual(&days(medians, 12), medians.len()).map(|usual| usual.moved_percent);
            let same = match (got, expected) {
                (Some(got), Some(expected)) => (got - expected).abs() < 1e-9,
                (got, expected) => got == expected,
            };
            assert!(same, "{medians:?}: {got:?}");
        };
        let flat = vec![Some(100.0); 14];
        check(&flat, Some(0.0));
        let with = |at: usize, value: Option<f64>| {
            let mut all = flat.clone();
            all[at] = value;
            all
        };
        check(&with(13, Some(125.0)), Some(25.0));
        check(&with(0, Some(91.0)), Some(9.0));
        check(&with(7, None), Some(0.0));
        check(&vec![Some(0.0); 14], None);
        check(&[None; 14], None);
        let half: Vec<_> = (0..14).map(|n| (n < 7).then_some(100.0)).collect();
        check(&half, None);
    }

    #[test]
    fn a_spike_within_a_day_is_none() {
        let mut points = days(&[Some(100.0); 14], 12);
        points[40] = Some(9_000.0);
        points[41] = None;
        assert_eq!(usual(&points, 14), Some(Usual { ms: 100_000.0, moved_percent: 0.0 }));
        assert_eq!(usual(&points[..5], 14), None);
        assert_eq!(usual(&[], 0), None);
    }
}
