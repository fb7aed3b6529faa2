//! A series in one line: what it did, without joining over what is not known.
//!
//! Never: a missing point drawn as zero. Zero is the bottom, a gap is a gap.

use super::super::canvas::Styled;
use super::super::shown::Shown;
use super::super::telemetry::number;
use super::super::theme::Slot;
use super::chart::{ASCII, BLOCKS, Charts};

/// `points` in at most `width` columns, newest at the right; several points of one column show their largest. The top is
/// at least the `limit` that is told beside it: what stays far below it looks low.
pub fn sparkline(points: &[Option<f64>], width: usize, limit: Option<f64>, charts: Charts) -> Styled {
    if charts == Charts::Table {
        return in_words(points);
    }
    let columns = columns(points, width);
    let top = columns.iter().flatten().copied().fold(limit.unwrap_or(0.0).max(0.0), f64::max);
    let ramp = if charts >= Charts::Ascii { &ASCII } else { &BLOCKS };
    let mut styled = Styled::new();
    let mut run = String::new();
    let mut in_gap = false;
    for column in columns {
        let gap = column.is_none();
        if gap != in_gap && !run.is_empty() {
            styled = styled.add(slot(in_gap), Shown::untrusted(&std::mem::take(&mut run)));
        }
        in_gap = gap;
        run.push(match column {
            None => '·',
            Some(_) if top <= 0.0 => ramp[0],
            Some(value) => ramp[step(value / top)],
        });
    }
    if run.is_empty() { styled } else { styled.add(slot(in_gap), Shown::untrusted(&run)) }
}

/// For who wants no drawing at all.
fn in_words(points: &[Option<f64>]) -> Styled {
    let known = || points.iter().flatten().copied();
    let said = match (known().reduce(f64::min), known().reduce(f64::max), known().last()) {
        (Some(least), Some(most), Some(last)) => {
            format!("min {} max {} last {}", number(least), number(most), number(last))
        }
        _ => "no data".to_owned(),
    };
    Styled::of(Slot::Muted, said)
}

fn slot(gap: bool) -> Slot {
    if gap { Slot::Gap } else { Slot::ChartA }
}

/// 0 to 1 onto eight steps.
fn step(share: f64) -> usize {
    (1..8_u8).rev().find(|step| share * 7.0 >= f64::from(*step) - 0.5).map_or(0, usize::from)
}

fn columns(points: &[Option<f64>], width: usize) -> Vec<Option<f64>> {
    if points.len() <= width {
        return points.to_vec();
    }
    (0..width)
        .map(|column| {
            let from = column * points.len() / width;
            let to = ((column + 1) * points.len() / width).max(from + 1);
            points[from..to].iter().flatten().copied().reduce(f64::max)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(points: &[Option<f64>], width: usize, charts: Charts, drawn: &str) {
        assert_eq!(sparkline(points, width, None, charts).plain(), drawn);
    }

    #[test]
    fn the_limit_is_no_higher_than_the_top() {
        for (value, limit, drawn) in [
            (0.2, Some(1.0), "▂▂▂"),
            (0.2, None, "███"),
            (1.0, Some(1.0), "███"),
            (4.0, Some(1.0), "███"),
            (0.0, Some(1.0), "▁▁▁"),
            (0.2, Some(-1.0), "███"),
        ] {
            assert_eq!(
                sparkline(&[Some(value); 3], 3, limit, Charts::Blocks).plain(),
                drawn,
                "{value} {limit:?}"
            );
        }
    }

    #[test]
    fn a_gap_is_never_zero_and_never_joined() {
        let points = [Some(0.0), Some(1.0), None, None, Some(8.0), Some(4.0)];
        check(&points, 6, Charts::Blocks, "▁▂··█▅");
        check(&points, 6, Charts::Ascii, "__··#=");
        check(&points, 3, Charts::Blocks, "▂·█");
        check(&[None, None], 8, Charts::Blocks, "··");
        check(&[Some(0.0), Some(0.0)], 8, Charts::Blocks, "▁▁");
        check(&[], 8, Charts::Blocks, "");
    }

    #[test]
    fn who_wants_no_drawing_gets_words() {
        check(&[Some(0.5), None, Some(8.0), Some(4.0)], 6, Charts::Table, "min 0.5 max 8 last 4");
        check(&[None], 6, Charts::Table, "no data");
    }
}
