//! One difference, as lines to scroll through: files, hunks, folded stretches, words.
//!
//! Lines are compared once, under a deadline; words only for the lines that are drawn.
//!
//! Never: longer than its deadline, whatever it is fed; past it fewer lines are matched and [`Diff::cut_short`] says so.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Duration;

use similar::{Algorithm, DiffOp, TextDiff};

use crate::row::difference::{FileDifference, steps, within_ends};

mod words;

use words::alike;
pub use words::words;

/// For all files of a difference together.
pub const DEADLINE: Duration = Duration::from_millis(50);
/// More lines are not drawn here: `dock show --diff` prints them.
pub const LINES_MAX: usize = 50_000;
/// Lines of a change that are paired by what they share; longer changes, and those with more text to compare, line by line.
const PAIRED_MAX: usize = 40;
const PAIRED_BYTES_MAX: usize = 512 * 1024;
/// Equal lines around a change, unless the reader asks for more or fewer.
pub const CONTEXT: usize = 3;

/// A compared difference.
#[derive(Clone, Debug, Default)]
pub struct Diff {
    pub files: Vec<File>,
    /// The deadline came first: changes are right, but not as small as they could be.
    pub cut_short: bool,
    /// The whole is longer than [`LINES_MAX`]; it was cut there.
    pub too_long: bool,
}

#[derive(Clone, Debug)]
pub struct File {
    pub name: String,
    old: Vec<String>,
    new: Vec<String>,
    numbered: bool,
    ops: Vec<DiffOp>,
    pub added: usize,
    pub removed: usize,
}

/// How the reader wants it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    pub side_by_side: bool,
    pub context: usize,
    /// Equal stretches that were opened, by file and first old line.
    pub opened: BTreeSet<(usize, usize)>,
    pub all_open: bool,
}

impl Default for Shape {
    fn default() -> Self {
        Self { side_by_side: false, context: CONTEXT, opened: BTreeSet::new(), all_open: false }
    }
}

/// One line to draw; numbers are indexes into the two sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    Head {
        file: usize,
    },
    Same {
        file: usize,
        old: usize,
        new: usize,
    },
    Removed {
        file: usize,
        old: usize,
        pair: Option<usize>,
    },
    Added {
        file: usize,
        new: usize,
        pair: Option<usize>,
    },
    /// Side by side: a changed line on either side, or absence.
    Both {
        file: usize,
        old: Option<usize>,
        new: Option<usize>,
    },
    Fold {
        file: usize,
        old: usize,
        len: usize,
    },
}

impl Line {
    pub fn file(self) -> usize {
        match self {
            Line::Head { file }
            | Line::Same { file, .. }
            | Line::Removed { file, .. }
            | Line::Added { file, .. }
            | Line::Both { file, .. }
            | Line::Fold { file, .. } => file,
        }
    }

    pub fn is_change(self) -> bool {
        matches!(self, Line::Removed { .. } | Line::Added { .. } | Line::Both { .. })
    }
}

impl Diff {
    /// Compares. With `loose`, lines that differ in white space alone are equal.
    pub fn of(files: Vec<FileDifference>, loose: bool) -> Diff {
        let mut diff = Diff::default();
        let mut left = LINES_MAX;
        for file in files {
            let mut take = |text: &str| {
                let mut lines = text.split_terminator('\n');
                let taken: Vec<String> = lines.by_ref().take(left).map(str::to_owned).collect();
                diff.too_long |= lines.next().is_some();
                taken
            };
            let (old, new) = (take(&file.old), take(&file.new));
            left -= old.len().max(new.len());
            let (name, numbered) = (file.name, file.numbered);
            diff.files.push(File { name, old, new, numbered, ops: Vec::new(), added: 0, removed: 0 });
        }
        let lines: usize = diff.files.iter().map(|file| file.old.len() + file.new.len()).sum();
        for file in &mut diff.files {
            // The deadline is shared by length, so that many files take no longer than one.
            let share = (file.old.len() + file.new.len()) as f64 / lines.max(1) as f64;
            diff.cut_short |= file.compare(DEADLINE.mul_f64(share), loose);
        }
        diff
    }

    /// The lines in order, for this shape.
    pub fn lines(&self, shape: &Shape) -> Vec<Line> {
        let mut lines = Vec::new();
        for (at, file) in self.files.iter().enumerate() {
            lines.push(Line::Head { file: at });
            file.lines(at, shape, &mut lines);
        }
        lines
    }

    /// Where each hunk begins: changed lines without an unchanged one between them.
    pub fn hunks(lines: &[Line]) -> Vec<usize> {
        let starts = |at: &usize| lines[*at].is_change() && (*at == 0 || !lines[*at - 1].is_change());
        (0..lines.len()).filter(starts).collect()
    }

    pub fn old(&self, file: usize, line: usize) -> &str {
        self.files.get(file).and_then(|file| file.old.get(line)).map_or("", String::as_str)
    }

    #[expect(clippy::new_ret_no_self, reason = "a line of the new side")]
    pub fn new(&self, file: usize, line: usize) -> &str {
        self.files.get(file).and_then(|file| file.new.get(line)).map_or("", String::as_str)
    }

    pub fn is_empty(&self) -> bool {
        self.files.iter().all(|file| file.added + file.removed == 0)
    }

    pub fn changed(&self) -> usize {
        self.files.iter().map(|file| file.added.max(file.removed)).sum()
    }

    /// Every changed line with three around it, as `diff -u` would print it: for copying.
    pub fn hunk_text(&self, lines: &[Line], hunk: usize) -> String {
        let hunks = Diff::hunks(lines);
        let Some(start) = hunks.get(hunk) else { return String::new() };
        let end = (*start..lines.len()).find(|at| !lines[*at].is_change()).unwrap_or(lines.len());
        let mut text = String::new();
        for line in &lines[*start..end] {
            match *line {
                Line::Removed { file, old, .. } => text.extend(["-", self.old(file, old), "\n"]),
                Line::Added { file, new, .. } => text.extend(["+", self.new(file, new), "\n"]),
                Line::Both { file, old, new } => {
                    text.extend(old.map(|old| format!("-{}\n", self.old(file, old))));
                    text.extend(new.map(|new| format!("+{}\n", self.new(file, new))));
                }
                Line::Head { .. } | Line::Same { .. } | Line::Fold { .. } => {}
            }
        }
        text
    }
}

impl File {
    /// True where the deadline came first.
    fn compare(&mut self, deadline: Duration, loose: bool) -> bool {
        let old: Vec<&str> = self.old.iter().map(String::as_str).collect();
        let new: Vec<&str> = self.new.iter().map(String::as_str).collect();
        let (old_keys, new_keys) = (self.keys(&old, loose), self.keys(&new, loose));
        let (old_keys, new_keys): (Vec<&str>, Vec<&str>) =
            (old_keys.iter().map(Cow::as_ref).collect(), new_keys.iter().map(Cow::as_ref).collect());
        let started = std::time::Instant::now();
        let mut timed = TextDiff::configure();
        timed.algorithm(Algorithm::Patience).timeout(deadline.max(Duration::from_millis(1)));
        let ops = within_ends(&old_keys, &new_keys, |old, new| timed.diff_slices(old, new).ops().to_vec());
        self.ops = if self.numbered { steps::with_breaks(ops, &old, &new) } else { ops };
        for op in &self.ops {
            let (_, old, new) = op.as_tag_tuple();
            if op.tag() != similar::DiffTag::Equal {
                self.removed += old.len();
                self.added += new.len();
            }
        }
        started.elapsed() >= deadline && self.old.len() + self.new.len() > 100
    }

    /// What makes two lines the same.
    fn keys<'a>(&self, lines: &[&'a str], loose: bool) -> Vec<Cow<'a, str>> {
        let mut keys: Vec<Cow<'a, str>> = if self.numbered {
            steps::keys(lines)
        } else {
            lines.iter().map(|line| Cow::Borrowed(*line)).collect()
        };
        if loose {
            for key in &mut keys {
                *key = key.split_whitespace().collect();
            }
        }
        keys
    }

    fn lines(&self, file: usize, shape: &Shape, lines: &mut Vec<Line>) {
        for (at, op) in self.ops.iter().enumerate() {
            let (tag, old, new) = op.as_tag_tuple();
            if tag == similar::DiffTag::Equal {
                let first = at == 0;
                let last = at + 1 == self.ops.len();
                Self::equal(file, shape, lines, (old.start, new.start, old.len()), (first, last));
                continue;
            }
            let pairs = self.pairs(&old, &new);
            if shape.side_by_side {
                beside(file, &old, &new, &pairs, lines);
                continue;
            }
            for line in old.clone() {
                let pair = pairs.iter().find(|(of, _)| *of == line).map(|(_, with)| *with);
                lines.push(Line::Removed { file, old: line, pair });
            }
            for line in new.clone() {
                let pair = pairs.iter().find(|(_, with)| *with == line).map(|(of, _)| *of);
                lines.push(Line::Added { file, new: line, pair });
            }
        }
    }

    /// Which old line became which new one, in order. Where both sides have as many lines it is line by line; a line
    /// that came in between is nobody's.
    fn pairs(&self, old: &Range<usize>, new: &Range<usize>) -> Vec<(usize, usize)> {
        let bytes = |lines: &[String]| lines.iter().map(String::len).sum::<usize>();
        let read = || bytes(&self.old[old.clone()]) * new.len() + bytes(&self.new[new.clone()]) * old.len();
        if old.len() == new.len() || old.len().max(new.len()) > PAIRED_MAX || read() > PAIRED_BYTES_MAX {
            return old.clone().zip(new.clone()).collect();
        }
        let (rows, columns) = (old.len(), new.len());
        let alike: Vec<Vec<usize>> = old
            .clone()
            .map(|at| new.clone().map(|with| alike(&self.old[at], &self.new[with])).collect())
            .collect();
        // The most that can be alike of what begins here.
        let mut best = vec![vec![0; columns + 1]; rows + 1];
        for row in (0..rows).rev() {
            for column in (0..columns).rev() {
                let both = alike[row][column] + best[row + 1][column + 1];
                best[row][column] = both.max(best[row + 1][column]).max(best[row][column + 1]);
            }
        }
        let (mut row, mut column, mut pairs) = (0, 0, Vec::new());
        while row < rows && column < columns {
            if alike[row][column] > 0 && best[row][column] == alike[row][column] + best[row + 1][column + 1] {
                pairs.push((old.start + row, new.start + column));
                (row, column) = (row + 1, column + 1);
            } else if best[row + 1][column] >= best[row][column + 1] {
                row += 1;
            } else {
                column += 1;
            }
        }
        pairs
    }

    fn equal(
        file: usize,
        shape: &Shape,
        lines: &mut Vec<Line>,
        (old, new, len): (usize, usize, usize),
        (first, last): (bool, bool),
    ) {
        let same = |row: usize| Line::Same { file, old: old + row, new: new + row };
        let above = if first { 0 } else { shape.context };
        let below = if last { 0 } else { shape.context };
        // A fold that hides one line saves nothing.
        if len <= above + below + 1 || shape.all_open || shape.opened.contains(&(file, old)) {
            lines.extend((0..len).map(same));
            return;
        }
        lines.extend((0..above).map(same));
        lines.push(Line::Fold { file, old, len: len - above - below });
        lines.extend((len - below..len).map(same));
    }
}

/// Paired lines beside each other; the rest beside nothing.
fn beside(
    file: usize,
    old: &Range<usize>,
    new: &Range<usize>,
    pairs: &[(usize, usize)],
    lines: &mut Vec<Line>,
) {
    let (mut row, mut column) = (old.start, new.start);
    for (of, with) in pairs.iter().copied().chain([(old.end, new.end)]) {
        lines.extend((row..of).map(|old| Line::Both { file, old: Some(old), new: None }));
        lines.extend((column..with).map(|new| Line::Both { file, old: None, new: Some(new) }));
        if of < old.end && with < new.end {
            lines.push(Line::Both { file, old: Some(of), new: Some(with) });
        }
        (row, column) = (of + 1, with + 1);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn file(old: &str, new: &str) -> Vec<FileDifference> {
        vec![FileDifference::of("ConfigMap/flags", old, new)]
    }

    fn drawn(diff: &Diff, shape: &Shape) -> Vec<String> {
        let show = |line: &Line| match *line {
            Line::Head { file } => format!("# {}", diff.files[file].name),
            Line::Same { file, new, .. } => format!("  {}", diff.new(file, new)),
            Line::Removed { file, old, .. } => format!("- {}", diff.old(file, old)),
            Line::Added { file, new, .. } => format!("+ {}", diff.new(file, new)),
            Line::Both { file, old, new } => format!(
                "{} | {}",
                old.map_or("╌", |old| diff.old(file, old)),
                new.map_or("╌", |new| diff.new(file, new))
            ),
            Line::Fold { len, .. } => format!("┄ {len}"),
        };
        diff.lines(shape).iter().map(show).collect()
    }

    /// As rows are stored today, and as they were stored before: each renumbered step as a change.
    #[test]
    fn steps_below_one_that_came_are_no_change_and_have_their_new_numbers() {
        let old = "# Failover\n1. Check\n2. Promote\n3. Tell them\n";
        let new = "# Failover\n1. Check\n2. Rotate\n3. Promote\n4. Tell them\n";
        let file = FileDifference::of_page("CONF-4711", old, new);
        let today = crate::row::difference::write(std::slice::from_ref(&file), "page", "edit");
        let unified =
            ["# CONF-4711", "  # Failover", "  1. Check", "+ 2. Rotate", "  3. Promote", "  4. Tell them"];
        for text in [today.clone(), crate::row::difference::plain(&today)] {
            let diff = Diff::of(crate::row::difference::read(&text), false);
            assert_eq!(drawn(&diff, &Shape::default()), unified, "{text}");
            assert_eq!((diff.files[0].added, diff.files[0].removed), (1, 0));
            let beside = diff.lines(&Shape { side_by_side: true, ..Shape::default() });
            let Line::Same { file, old, new } = beside[4] else { panic!("{beside:?}") };
            assert_eq!((diff.old(file, old), diff.new(file, new)), ("2. Promote", "3. Promote"));
        }
    }

    /// 2 MiB on each side; a limit on both together once cut the new side short, and showed a page that was gone.
    #[test]
    fn a_big_page_is_compared_whole_and_its_changed_words_are_found() {
        let step = |at: usize| format!("{at}. Step of the big page, in so many words as they have: {at}\n");
        let old: String = (1..=32_000).map(step).collect();
        let new = old.replace("they have: 15000\n", "they had: 15000\nBetween.\n");
        assert!(old.len() > 2_000_000);
        let diff = Diff::of(vec![FileDifference::of_page("CONF-1", old, new)], false);
        assert!(!diff.too_long);
        let lines = diff.lines(&Shape::default());
        assert_eq!((lines.len(), diff.files[0].added, diff.files[0].removed), (12, 2, 1));
        let changed = |line: &Line| match *line {
            Line::Removed { file, old, pair: Some(new) } => Some((diff.old(file, old), diff.new(file, new))),
            _ => None,
        };
        let (was, is) = lines.iter().find_map(changed).unwrap();
        let (olds, news) = words(was, is);
        assert_eq!((&was[olds[0].clone()], &is[news[0].clone()]), ("have:", "had:"));
    }

    #[test]
    fn changes_stand_with_three_lines_around_them_and_the_rest_folded() {
        let old = "a\nb\nc\nd\ne\nf\ng\nh\nflag: off\nz\n";
        let diff = Diff::of(file(old, &old.replace("off", "on")), false);
        let unified = ["# ConfigMap/flags", "┄ 5", "  f", "  g", "  h", "- flag: off", "+ flag: on", "  z"];
        assert_eq!(drawn(&diff, &Shape::default()), unified);
        let beside = Shape { side_by_side: true, context: 1, ..Shape::default() };
        assert_eq!(drawn(&diff, &beside), ["# ConfigMap/flags", "┄ 7", "  h", "flag: off | flag: on", "  z"]);
        let open = Shape { opened: BTreeSet::from([(0, 0)]), ..Shape::default() };
        assert_eq!(drawn(&diff, &open).len(), 12);
        assert_eq!(Diff::hunks(&diff.lines(&Shape::default())), [5]);
        assert_eq!(diff.hunk_text(&diff.lines(&Shape::default()), 0), "-flag: off\n+flag: on\n");
    }

    #[test]
    fn a_step_that_came_in_between_does_not_shift_the_others() {
        let old = "2. Promote the replica\n3. Start the writers again\n";
        let new = "2. Rotate it\n3. Promote the replica\n4. Start the writers again\n";
        let diff = Diff::of(file(old, new), false);
        let beside = Shape { side_by_side: true, ..Shape::default() };
        assert_eq!(
            drawn(&diff, &beside)[1..],
            [
                "╌ | 2. Rotate it",
                "2. Promote the replica | 3. Promote the replica",
                "3. Start the writers again | 4. Start the writers again"
            ]
        );
    }

    #[test]
    fn white_space_can_be_left_out() {
        assert!(!Diff::of(file("a:  1\n", "a: 1\n"), false).is_empty());
        assert!(Diff::of(file("a:  1\n", "a: 1\n"), true).is_empty());
    }

    #[test]
    #[expect(clippy::single_range_in_vec_init, reason = "one range of letters is meant")]
    fn words_are_marked_where_lines_are_alike() {
        assert_eq!(words("flag: off", "flag: on"), (vec![6..9], vec![6..8]));
        assert_eq!(words("one", "something else entirely"), (vec![], vec![]));
        assert_eq!(words(&"x ".repeat(2000), "y"), (vec![], vec![]), "too long to compare");
    }

    #[test]
    fn the_worst_input_ends_in_time_and_says_so() {
        let shuffled = |step: usize| -> String {
            (0..25_000).map(|at: usize| format!("line {}\n", (at * step + at / 97) % 97)).collect()
        };
        let started = std::time::Instant::now();
        let diff = Diff::of(file(&shuffled(31), &shuffled(57)), false);
        // The deadline is 50 ms; the rest is for a debug build on a busy machine.
        assert!(started.elapsed() < Duration::from_secs(5));
        assert!(diff.cut_short && !diff.too_long);
        assert!(Diff::of(file(&"x\n".repeat(LINES_MAX + 5), ""), false).too_long);
    }

    proptest! {
        #[test]
        fn no_line_is_lost_in_any_shape(old in "([a-c]\n){0,30}", new in "([a-c]\n){0,30}", context in 0usize..5, side in any::<bool>()) {
            let diff = Diff::of(file(&old, &new), false);
            let shape = Shape { side_by_side: side, context, ..Shape::default() };
            let (mut olds, mut news) = (0, 0);
            for line in diff.lines(&shape) {
                match line {
                    Line::Head { .. } => {}
                    Line::Same { .. } => { olds += 1; news += 1; }
                    Line::Fold { len, .. } => { olds += len; news += len; }
                    Line::Removed { .. } => olds += 1,
                    Line::Added { .. } => news += 1,
                    Line::Both { old, new, .. } => { olds += usize::from(old.is_some()); news += usize::from(new.is_some()); }
                }
            }
            prop_assert_eq!((olds, news), (old.lines().count(), new.lines().count()));
        }
    }
}
