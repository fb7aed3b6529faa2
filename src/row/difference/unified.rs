//! A difference in hunks: all of it as it is stored, or what changed with some lines around as it is read.
//!
//! Never: a line that stayed told as changed for its number.

use std::ops::RangeInclusive;

use similar::{Algorithm, DiffOp, capture_diff_slices, group_diff_ops};

use super::{FileDifference, labelled, steps};

/// The lines of both sides, and what became of them.
fn compared(file: &FileDifference) -> (Vec<&str>, Vec<&str>, Vec<DiffOp>) {
    // Not `lines`: a carriage return before the break is part of the text.
    let old: Vec<&str> = file.old.split_terminator('\n').collect();
    let new: Vec<&str> = file.new.split_terminator('\n').collect();
    let ops = if file.numbered {
        steps::with_breaks(between(&steps::keys(&old), &steps::keys(&new)), &old, &new)
    } else {
        between(&old, &new)
    };
    (old, new, ops)
}

fn between<T: Eq + std::hash::Hash>(old: &[T], new: &[T]) -> Vec<DiffOp> {
    within_ends(old, new, |old, new| capture_diff_slices(Algorithm::Patience, old, new))
}

/// What is the same at both ends is told apart; only what lies between is compared.
pub fn within_ends<T: Eq>(
    old: &[T],
    new: &[T],
    compare: impl FnOnce(&[T], &[T]) -> Vec<DiffOp>,
) -> Vec<DiffOp> {
    let head = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let most = old.len().min(new.len()) - head;
    let tail = old.iter().rev().zip(new.iter().rev()).take(most).take_while(|(a, b)| a == b).count();
    let same = |old_index, new_index, len| (len > 0).then_some(DiffOp::Equal { old_index, new_index, len });
    let mut ops: Vec<DiffOp> = same(0, 0, head).into_iter().collect();
    let (was, is) = (&old[head..old.len() - tail], &new[head..new.len() - tail]);
    ops.extend(compare(was, is).into_iter().map(|op| after(op, head)));
    ops.extend(same(old.len() - tail, new.len() - tail, tail));
    ops
}

fn after(op: DiffOp, head: usize) -> DiffOp {
    match op {
        DiffOp::Equal { old_index, new_index, len } => {
            DiffOp::Equal { old_index: old_index + head, new_index: new_index + head, len }
        }
        DiffOp::Delete { old_index, old_len, new_index } => {
            DiffOp::Delete { old_index: old_index + head, old_len, new_index: new_index + head }
        }
        DiffOp::Insert { old_index, new_index, new_len } => {
            DiffOp::Insert { old_index: old_index + head, new_index: new_index + head, new_len }
        }
        DiffOp::Replace { old_index, old_len, new_index, new_len } => {
            DiffOp::Replace { old_index: old_index + head, old_len, new_index: new_index + head, new_len }
        }
    }
}

/// One file with all of its lines; empty where nothing differs.
pub(super) fn whole(file: &FileDifference, old: &str, new: &str) -> String {
    let (olds, news, ops) = compared(file);
    if ops.iter().all(|op| matches!(op, DiffOp::Equal { .. })) {
        return String::new();
    }
    let renumbered = Renumbered::between(&ops, &olds, &news).text();
    let mut out = header(file, old, new);
    hunk(&ops, &olds, &news, &renumbered, &mut out);
    out
}

/// One file with so many lines around each change; empty where nothing differs.
pub fn in_hunks(file: &FileDifference, old: &str, new: &str, around: usize) -> String {
    let (olds, news, ops) = compared(file);
    let groups = group_diff_ops(ops, around);
    if groups.is_empty() {
        return String::new();
    }
    let mut out = header(file, old, new);
    let mut shown = 0;
    let lines =
        |count| if count == 1 { "1 line the same".to_owned() } else { format!("{count} lines the same") };
    for group in groups {
        let from = group.first().map_or(shown, |op| op.new_range().start);
        let above = if from > shown { format!(" after {}", lines(from - shown)) } else { String::new() };
        hunk(&group, &olds, &news, &above, &mut out);
        shown = group.last().map_or(shown, |op| op.new_range().end);
    }
    if shown < news.len() {
        out.push_str(&format!("@@ then {} @@\n", lines(news.len() - shown)));
    }
    out
}

/// A difference as it is stored, for reading: what is the same is left out but for so many lines around each change. What
/// is no difference stays as it is.
pub fn folded(text: &str, around: usize) -> String {
    let files = labelled(text);
    if files.iter().all(|(_, labels)| *labels == ("", "")) {
        return text.to_owned();
    }
    files.iter().map(|(file, labels)| in_hunks(file, labels.0, labels.1, around)).collect()
}

fn header(file: &FileDifference, old: &str, new: &str) -> String {
    let name = file.name.replace('\n', " ");
    format!("--- {old}/{name}\n+++ {new}/{name}\n")
}

fn hunk(ops: &[DiffOp], olds: &[&str], news: &[&str], behind: &str, out: &mut String) {
    let (Some(first), Some(last)) = (ops.first(), ops.last()) else { return };
    let range = |from: usize, to: usize| match to - from {
        0 => format!("{from},0"),
        1 => (from + 1).to_string(),
        len => format!("{},{len}", from + 1),
    };
    let was = range(first.old_range().start, last.old_range().end);
    let is = range(first.new_range().start, last.new_range().end);
    out.push_str(&format!("@@ -{was} +{is} @@{behind}\n"));
    let mut put = |mark: char, lines: &[&str]| {
        for line in lines {
            out.push(mark);
            out.push_str(line);
            out.push('\n');
        }
    };
    for op in ops {
        if let DiffOp::Equal { .. } = op {
            put(' ', &news[op.new_range()]);
        } else {
            put('-', &olds[op.old_range()]);
            put('+', &news[op.new_range()]);
        }
    }
}

/// Lines of the new side, from 1, that stayed with another number, and by how much it moved.
#[derive(Debug, Default)]
pub(super) struct Renumbered {
    stretches: Vec<(RangeInclusive<usize>, i64)>,
    /// The line that comes next, while a text is read.
    line: usize,
}

const RENUMBERED: &str = " steps renumbered: ";

impl Renumbered {
    fn between(ops: &[DiffOp], olds: &[&str], news: &[&str]) -> Self {
        let mut stretches: Vec<(RangeInclusive<usize>, i64)> = Vec::new();
        for op in ops {
            let DiffOp::Equal { old_index, new_index, len } = *op else { continue };
            for at in 0..len {
                let (line, by) =
                    (new_index + at + 1, steps::moved(olds[old_index + at], news[new_index + at]));
                match stretches.last_mut() {
                    _ if by == 0 => (),
                    Some((lines, last)) if *last == by && *lines.end() + 1 == line => {
                        *lines = *lines.start()..=line;
                    }
                    _ => stretches.push((line..=line, by)),
                }
            }
        }
        Self { stretches, line: 1 }
    }

    fn text(&self) -> String {
        if self.stretches.is_empty() {
            return String::new();
        }
        let told = self.stretches.iter().map(|(lines, by)| match (lines.start(), lines.end()) {
            (from, to) if from == to => format!("{from} by {by}"),
            (from, to) => format!("{from}-{to} by {by}"),
        });
        format!("{RENUMBERED}{}", told.collect::<Vec<_>>().join(", "))
    }

    /// What stands behind a hunk's `@@`; nothing where that is something else.
    pub(super) fn read(text: &str) -> Self {
        let stretch = |told: &str| {
            let (lines, by) = told.split_once(" by ")?;
            let (from, to) = lines.split_once('-').unwrap_or((lines, lines));
            Some((from.parse().ok()?..=to.parse().ok()?, by.parse().ok()?))
        };
        let told = text.strip_prefix(RENUMBERED).map(|told| told.split(", ").map(stretch).collect());
        let mut stretches: Vec<_> = told.flatten().unwrap_or_default();
        stretches.reverse();
        Self { stretches, line: 1 }
    }

    /// By how much the number of the line that comes next moved.
    pub(super) fn of_next(&mut self) -> i64 {
        while self.stretches.last().is_some_and(|(lines, _)| *lines.end() < self.line) {
            self.stretches.pop();
        }
        self.stretches.last().filter(|(lines, _)| lines.contains(&self.line)).map_or(0, |(_, by)| *by)
    }

    /// A line of the new side was read.
    pub(super) fn pass(&mut self) {
        self.line += 1;
    }
}
