//! A series in one line: what it did, without joining over what is not known.
//!
//! Never: a missing point drawn as zero. Zero is the bottom, a gap is a gap.

use super::super::canvas::Styled;
use super::super::shown::Shown;
use super::super::theme::Slot;

/// What the terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Glyphs {
    Blocks,
    Ascii,
}

const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const ASCII: [char; 8] = ['_', '_', '.', '-', '=', '+', '*', '#'];

/// `points` in at most `width` columns, newest at the right; several points of one column show their largest.
pub fn sparkline(points: &[Option<f64>], width: usize, glyphs: Glyphs) -> Styled {
    let columns = columns(points, width);
    let top = columns.iter().flatten().copied().fold(0.0_f64, f64::max);
    let ramp = if glyphs == Glyphs::Blocks { &BLOCKS } else { &ASCII };
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

/// The same over several rows; a threshold is a dotted line behind the columns.
pub fn tall(
    points: &[Option<f64>],
    width: usize,
    height: usize,
    limit: Option<f64>,
    glyphs: Glyphs,
) -> Vec<Styled> {
    let columns = columns(points, width);
    let most = columns
        .iter()
        .flatten()
        .copied()
        .fold(0.0_f64, f64::max)
        .max(limit.unwrap_or(0.0))
        .max(f64::MIN_POSITIVE);
    let rows = f64::from(u32::try_from(height).unwrap_or(1));
    let row_of = |value: f64| value / most * rows;
    let ramp = if glyphs == Glyphs::Blocks { &BLOCKS } else { &ASCII };
    let limit_row = limit.map(|limit| row_of(limit).ceil().max(1.0));
    (1..=height)
        .rev()
        .map(|row| {
            let row = f64::from(u32::try_from(row).unwrap_or(1));
            let dotted = limit_row == Some(row);
            columns.iter().fold(Styled::new(), |line, column| match column {
                None if row <= 1.0 => line.add(Slot::Gap, "·"),
                Some(value) if row_of(*value) > row - 1.0 => {
                    let full = row_of(*value) >= row;
                    let glyph = if full { ramp[7] } else { ramp[step(row_of(*value) - (row - 1.0))] };
                    line.add(Slot::ChartA, glyph.to_string())
                }
                _ if dotted => line.add(Slot::Threshold, "┄"),
                Some(_) if row <= 1.0 => line.add(Slot::ChartA, ramp[0].to_string()),
                _ => line.text(" "),
            })
        })
        .collect()
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

    fn check(points: &[Option<f64>], width: usize, glyphs: Glyphs, drawn: &str) {
        assert_eq!(sparkline(points, width, glyphs).plain(), drawn);
    }

    #[test]
    fn a_gap_is_never_zero_and_never_joined() {
        let points = [Some(0.0), Some(1.0), None, None, Some(8.0), Some(4.0)];
        check(&points, 6, Glyphs::Blocks, "▁▂··█▅");
        check(&points, 6, Glyphs::Ascii, "__··#=");
        check(&points, 3, Glyphs::Blocks, "▂·█");
        check(&[None, None], 8, Glyphs::Blocks, "··");
        check(&[Some(0.0), Some(0.0)], 8, Glyphs::Blocks, "▁▁");
        check(&[], 8, Glyphs::Blocks, "");
    }

    #[test]
    fn a_tall_chart_has_its_limit_and_its_gaps() {
        let points = [Some(0.0), Some(2.0), None, Some(4.0)];
        let drawn: Vec<String> =
            tall(&points, 4, 4, Some(3.0), Glyphs::Blocks).iter().map(Styled::plain).collect();
        assert_eq!(drawn, ["   █", "┄┄┄█", " █ █", "▁█·█"]);
    }
}
