//! A series over several lines: values in, lines out, in five steps from braille to a table.
//!
//! Columns are times. A column whose times hold no point is a gap; an unbroken run of columns is drawn by itself.
//!
//! Never: a missing point drawn as a value, or joined over; anything wider or higher than it was asked for.

use jiff::{SignedDuration, Timestamp};

use super::super::canvas::Styled;
use super::super::theme::Slot;

/// What the terminal can show, the finest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Charts {
    Braille,
    Half,
    Blocks,
    Ascii,
    Table,
}

impl Charts {
    pub const ALL: [Charts; 5] =
        [Charts::Braille, Charts::Half, Charts::Blocks, Charts::Ascii, Charts::Table];

    /// As in `charts =`.
    pub fn name(self) -> &'static str {
        match self {
            Charts::Braille => "braille",
            Charts::Half => "half",
            Charts::Blocks => "blocks",
            Charts::Ascii => "ascii",
            Charts::Table => "table",
        }
    }

    /// What the config asks for; else by what the terminal can show.
    pub fn of(wish: Option<&str>, utf8: bool) -> Self {
        let named = wish.and_then(|wish| Self::ALL.into_iter().find(|charts| charts.name() == wish));
        named.unwrap_or(if utf8 { Charts::Braille } else { Charts::Ascii })
    }

    /// Dots of one cell, across and up.
    fn dots(self) -> (usize, usize) {
        match self {
            Charts::Braille => (2, 4),
            Charts::Half => (1, 2),
            Charts::Blocks | Charts::Ascii | Charts::Table => (1, 8),
        }
    }

    fn draft_sign(self) -> &'static str {
        if self >= Charts::Ascii { ":" } else { "┆" }
    }

    fn threshold_sign(self) -> &'static str {
        if self >= Charts::Ascii { "~" } else { "┄" }
    }
}

/// One measured time: its value, or `None` where nothing was measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    pub at: Timestamp,
    /// It stands for the time from `at` on, this long.
    pub step_s: u32,
    pub value: Option<f64>,
    /// It was on the table when the row was drafted; the others were read since.
    pub evidence: bool,
}

impl Point {
    /// The time that it stands for ends here.
    pub fn end(&self) -> Timestamp {
        let step = SignedDuration::from_secs(i64::from(self.step_s.max(1)));
        self.at.saturating_add(step).unwrap_or(self.at)
    }

    /// Some of the time that it stands for is between these.
    pub fn within(&self, from: Timestamp, until: Timestamp) -> bool {
        self.end() > from && self.at < until
    }
}

/// What is to be drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct Plot<'a> {
    /// In the order of their times.
    pub points: &'a [Point],
    pub from: Timestamp,
    pub until: Timestamp,
    pub threshold: Option<f64>,
    /// When the row was drafted.
    pub draft: Option<Timestamp>,
}

/// One column: what was measured in its time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Column {
    pub value: Option<f64>,
    /// Something is missing in it, too: nothing is joined here.
    pub broken: bool,
    pub evidence: bool,
}

impl Plot<'_> {
    /// The largest value of each column's time; a column without a value is a gap.
    pub fn columns(&self, width: usize) -> Vec<Column> {
        let mut columns = vec![Column::default(); width];
        let from = self.from.as_millisecond();
        let span = self.until.as_millisecond() - from;
        if span <= 0 || width == 0 {
            return columns;
        }
        let width_i = i64::try_from(width).unwrap_or(i64::MAX);
        let column_of = |ms: i64| (ms - from).saturating_mul(width_i).div_euclid(span);
        for point in self.points {
            let begin = point.at.as_millisecond();
            let end = begin + i64::from(point.step_s.max(1)) * 1_000;
            let (first, last) = (column_of(begin), column_of(end - 1));
            if last < 0 || first >= width_i {
                continue;
            }
            let first = usize::try_from(first.max(0)).unwrap_or(0);
            let last = usize::try_from(last).unwrap_or(0).min(width - 1);
            for column in &mut columns[first..=last] {
                match point.value {
                    Some(value) => {
                        column.value = Some(column.value.map_or(value, |was| was.max(value)));
                        column.evidence = point.evidence;
                    }
                    None => column.broken = true,
                }
            }
        }
        columns
    }

    /// Bottom and top of the axis. The bottom is zero where no value is below it.
    pub fn scale(&self) -> (f64, f64) {
        let inside = |point: &&Point| point.within(self.from, self.until);
        let values = || self.points.iter().filter(inside).filter_map(|point| point.value);
        let bottom = values().fold(0.0_f64, f64::min);
        let top = values().fold(self.threshold.unwrap_or(0.0), f64::max);
        (bottom, if top > bottom { top } else { bottom + 1.0 })
    }

    /// The column that the draft was made in, where it is in sight.
    pub fn draft_column(&self, width: usize) -> Option<usize> {
        self.column_at(self.draft?, width)
    }

    pub fn column_at(&self, at: Timestamp, width: usize) -> Option<usize> {
        let span = self.until.as_millisecond() - self.from.as_millisecond();
        let into = at.as_millisecond() - self.from.as_millisecond();
        if span <= 0 || into < 0 || into > span {
            return None;
        }
        let column = usize::try_from(into.saturating_mul(i64::try_from(width).ok()?) / span).ok()?;
        (column <= width && width > 0).then(|| column.min(width - 1))
    }
}

/// `height` lines of at most `width` columns.
pub fn chart(plot: &Plot<'_>, width: usize, height: usize, charts: Charts) -> Vec<Styled> {
    if width == 0 || height == 0 {
        return vec![Styled::new(); height];
    }
    let (across, up) = charts.dots();
    let columns = plot.columns(width * across);
    let canvas = match charts {
        Charts::Braille => lines_of_dots(plot, &columns, width, height, braille),
        Charts::Half => lines_of_dots(plot, &columns, width, height, half),
        Charts::Blocks | Charts::Ascii | Charts::Table => bars(plot, &columns, height, up, charts),
    };
    let (draft, limit) = (plot.draft_column(width), threshold_row(plot, height));
    let cell = |row: usize, column: usize| -> (Slot, String) {
        if let Some((glyph, evidence)) = canvas[row][column] {
            let slot = if evidence { Slot::ChartA } else { Slot::ChartB };
            return (slot, glyph.to_string());
        }
        let own = &columns[column * across..(column + 1) * across];
        match () {
            () if row + 1 == height && own.iter().all(|column| column.value.is_none()) => {
                (Slot::Gap, "·".to_owned())
            }
            () if draft == Some(column) => (Slot::Muted, charts.draft_sign().to_owned()),
            () if limit == Some(row) => (Slot::Threshold, charts.threshold_sign().to_owned()),
            () => (Slot::Text, " ".to_owned()),
        }
    };
    (0..height).map(|row| joined((0..width).map(|column| cell(row, column)))).collect()
}

/// Neighbours of one meaning become one part.
fn joined(cells: impl Iterator<Item = (Slot, String)>) -> Styled {
    let mut parts: Vec<(Slot, String)> = Vec::new();
    for (slot, glyph) in cells {
        match parts.last_mut().filter(|(last, _)| *last == slot) {
            Some((_, run)) => run.push_str(&glyph),
            None => parts.push((slot, glyph)),
        }
    }
    parts.into_iter().fold(Styled::new(), |line, (slot, run)| line.add(slot, run))
}

/// The line, counted from the top, that the threshold lies in.
pub fn threshold_row(plot: &Plot<'_>, height: usize) -> Option<usize> {
    let (bottom, top) = plot.scale();
    let share = (plot.threshold? - bottom) / (top - bottom);
    if height == 0 || !(0.0..=1.0).contains(&share) {
        return None;
    }
    Some(height - 1 - level(share, height))
}

/// 0 to 1 onto `0..steps`.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a share of a screen's height; it is clamped to it"
)]
fn level(share: f64, steps: usize) -> usize {
    let last = steps.saturating_sub(1);
    ((share.clamp(0.0, 1.0) * last as f64).round() as usize).min(last)
}

type Grid = Vec<Vec<Option<(char, bool)>>>;

/// A line of dots through the columns of each unbroken run.
fn lines_of_dots(
    plot: &Plot<'_>,
    columns: &[Column],
    width: usize,
    height: usize,
    glyph: fn(&[(usize, usize)]) -> char,
) -> Grid {
    let across = columns.len() / width;
    let up = if across == 2 { 4 } else { 2 };
    let (bottom, top) = plot.scale();
    let dot = |value: f64| level((value - bottom) / (top - bottom), height * up);
    let mut lit: Vec<Vec<Vec<(usize, usize)>>> = vec![vec![Vec::new(); width]; height];
    let mut light = |x: usize, y: usize| {
        let row = height - 1 - y / up;
        lit[row][x / across].push((x % across, y % up));
    };
    for (x, column) in columns.iter().enumerate() {
        let Some(value) = column.value else { continue };
        let y = dot(value);
        light(x, y);
        // Upwards or downwards to the neighbour, within one run alone.
        let next = columns.get(x + 1).filter(|next| !next.broken && !column.broken);
        if let Some(next) = next.and_then(|next| next.value).map(dot) {
            for between in y.min(next) + 1..y.max(next) {
                light(if between.abs_diff(y) <= between.abs_diff(next) { x } else { x + 1 }, between);
            }
        }
    }
    let evidence = |column: usize| {
        columns[column * across..(column + 1) * across]
            .iter()
            .any(|column| column.value.is_some() && column.evidence)
    };
    lit.into_iter()
        .map(|row| {
            let cells = row.into_iter().enumerate();
            cells.map(|(at, dots)| (!dots.is_empty()).then(|| (glyph(&dots), evidence(at)))).collect()
        })
        .collect()
}

/// Dots by column (0 left) and height (0 at the bottom).
fn braille(dots: &[(usize, usize)]) -> char {
    const BITS: [[u32; 4]; 2] = [[0x40, 0x04, 0x02, 0x01], [0x80, 0x20, 0x10, 0x08]];
    let bits = dots.iter().fold(0, |bits, (x, y)| bits | BITS[x % 2][y % 4]);
    char::from_u32(0x2800 + bits).unwrap_or('⠿')
}

fn half(dots: &[(usize, usize)]) -> char {
    let (low, high) = (dots.iter().any(|(_, y)| *y == 0), dots.iter().any(|(_, y)| *y == 1));
    match (low, high) {
        (true, true) => '█',
        (false, true) => '▀',
        _ => '▄',
    }
}

pub(super) const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
pub(super) const ASCII: [char; 8] = ['_', '_', '.', '-', '=', '+', '*', '#'];

/// A bar for each column.
fn bars(plot: &Plot<'_>, columns: &[Column], height: usize, up: usize, charts: Charts) -> Grid {
    let ramp = if charts == Charts::Blocks { &BLOCKS } else { &ASCII };
    let (bottom, top) = plot.scale();
    let cell = |row: usize, column: &Column| {
        let level = level((column.value? - bottom) / (top - bottom), height * up);
        let floor = (height - 1 - row) * up;
        let glyph = match level.checked_sub(floor)? {
            above if above >= up => ramp[7],
            above => ramp[above],
        };
        // The top of a full bar is where the next cell would begin with nothing.
        (level > floor || floor == 0).then_some((glyph, column.evidence))
    };
    (0..height).map(|row| columns.iter().map(|column| cell(row, column)).collect()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn points(values: &[Option<f64>]) -> Vec<Point> {
        let point = |(index, value): (usize, &Option<f64>)| Point {
            at: at(i64::try_from(index).unwrap() * 60),
            step_s: 60,
            value: *value,
            evidence: index < values.len() / 2,
        };
        values.iter().enumerate().map(point).collect()
    }

    fn plot(points: &[Point]) -> Plot<'_> {
        let until = points.last().map_or(at(60), |last| at(last.at.as_second() + 60));
        Plot { points, from: at(0), until, threshold: None, draft: None }
    }

    fn drawn(plot: &Plot<'_>, width: usize, height: usize, charts: Charts) -> Vec<String> {
        chart(plot, width, height, charts).iter().map(Styled::plain).collect()
    }

    #[test]
    fn each_step_draws_the_same_series() {
        let values = [Some(0.0), Some(2.0), Some(4.0), None, Some(8.0), Some(8.0), Some(0.0), Some(4.0)];
        let points = points(&values);
        let plot = Plot { threshold: Some(6.0), draft: Some(at(3 * 60)), ..plot(&points) };
        for (charts, expected) in [
            (Charts::Braille, ["┄┄┄┆⠉⢹┄┄", " ⢀⠖┆ ⠘⡄⡖", "⣠⠋ ·  ⣿ "]),
            (Charts::Half, ["┄┄┄┆▀█┄┄", " ▄▀┆ ▀▄█", "▄▀ ·  █ "]),
            (Charts::Blocks, ["┄┄┄┆██┄┄", "  ▅┆██ ▅", "▁▇█·██▁█"]),
            (Charts::Ascii, ["~~~:##~~", "  =:## =", "_*#·##_#"]),
        ] {
            assert_eq!(drawn(&plot, 8, 3, charts), expected, "{charts:?}");
        }
    }

    #[test]
    fn a_gap_parts_two_runs() {
        let points = points(&[Some(0.0), None, Some(8.0)]);
        for charts in Charts::ALL {
            let lines = drawn(&plot(&points), 9, 4, charts);
            for line in &lines[..3] {
                let middle: String = line.chars().skip(3).take(3).collect();
                assert_eq!(middle, "   ", "{charts:?}: {lines:?}");
            }
            let foot: String = lines[3].chars().skip(3).take(3).collect();
            assert_eq!(foot, "···", "{charts:?}: {lines:?}");
        }
    }

    #[test]
    fn zero_is_the_bottom_unless_something_is_below() {
        let above = points(&[Some(5.0), Some(6.0)]);
        assert_eq!(plot(&above).scale(), (0.0, 6.0));
        let below = points(&[Some(-2.0), Some(1.0)]);
        assert_eq!(plot(&below).scale(), (-2.0, 1.0));
        let flat = points(&[Some(0.0)]);
        assert_eq!(plot(&flat).scale(), (0.0, 1.0));
        let limited = Plot { threshold: Some(14.4), ..plot(&above) };
        assert_eq!(limited.scale(), (0.0, 14.4));
        let spent = points(&[Some(-8.0), Some(-3.0)]);
        assert_eq!(plot(&spent).scale(), (-8.0, 0.0));
    }

    #[test]
    fn the_ladder_is_chosen_by_setting_or_by_terminal() {
        for (wish, utf8, charts) in [
            (None, true, Charts::Braille),
            (None, false, Charts::Ascii),
            (Some("half"), false, Charts::Half),
            (Some("table"), true, Charts::Table),
            (Some("nonsense"), false, Charts::Ascii),
        ] {
            assert_eq!(Charts::of(wish, utf8), charts, "{wish:?} {utf8}");
        }
    }

    proptest! {
        #[test]
        fn a_gap_is_never_a_value_and_every_size_is_drawn(
            values in prop::collection::vec(prop::option::of(-1e6f64..1e6), 0..60),
            width in 0usize..70, height in 0usize..20, step in 0usize..5,
            threshold in prop::option::of(-1e6f64..1e6),
        ) {
            let points = points(&values);
            let plot = Plot { threshold, ..plot(&points) };
            let charts = Charts::ALL[step];
            let lines = drawn(&plot, width, height, charts);
            prop_assert_eq!(lines.len(), height);
            let across = charts.dots().0;
            let columns = plot.columns(width * across);
            for (row, line) in lines.iter().enumerate() {
                let cells: Vec<char> = line.chars().collect();
                prop_assert_eq!(cells.len(), width);
                for (at, cell) in cells.iter().enumerate() {
                    let gap = columns[at * across..(at + 1) * across].iter().all(|column| column.value.is_none());
                    let empty = matches!(cell, ' ' | '·' | '┄' | '~');
                    prop_assert!(!gap || empty, "{:?} in a gap", cell);
                    if row + 1 == height && gap {
                        prop_assert_eq!(*cell, '·');
                    }
                    prop_assert!(gap || *cell != '·', "a value drawn as a gap");
                }
                // Whoever has a value is seen somewhere.
                if row == 0 {
                    for at in 0..width {
                        let known = columns[at * across..(at + 1) * across].iter().any(|column| column.value.is_some());
                        let seen = lines.iter().any(|line| line.chars().nth(at).is_some_and(|c| !matches!(c, ' ' | '·' | '┄' | '~')));
                        prop_assert!(!known || seen, "a value not drawn");
                    }
                }
            }
        }

        #[test]
        fn wherever_all_is_missing_the_column_is_a_gap(
            values in prop::collection::vec(prop::option::of(0f64..10.0), 1..200), width in 1usize..150,
        ) {
            let points = points(&values);
            let columns = plot(&points).columns(width);
            for (at, column) in columns.iter().enumerate() {
                let span = values.len() * 60_000;
                let (from, until) = (at * span / width, ((at + 1) * span).div_ceil(width));
                let touched = values.iter().enumerate()
                    .filter(|(index, _)| (index + 1) * 60_000 > from && index * 60_000 < until);
                let most = touched.filter_map(|(_, value)| *value).reduce(f64::max);
                if most.is_none() {
                    prop_assert_eq!(column.value, None);
                }
            }
        }
    }
}
