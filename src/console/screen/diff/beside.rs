//! Both sides beside each other: one row, or as many as the longer side takes.
//!
//! Never: a side that is cut while the reader asked for wrapping.

use super::super::super::canvas::Styled;
use super::super::super::theme::Slot;
use super::super::super::widget::diff::{Diff, Line, words};
use super::{Columns, NUMBER, marked, plain, sideways};

/// One side of one line.
struct Half {
    number: Option<usize>,
    sign: Styled,
    text: Styled,
}

pub(super) fn rows(diff: &Diff, line: Line, columns: Columns, mono: bool, wrap: bool) -> Vec<Styled> {
    let (left, right) = match line {
        Line::Same { file, old, new } => {
            let side = |at: usize, text: &str| Half {
                number: Some(at),
                sign: Styled::of(Slot::Text, "  "),
                text: plain(text, Slot::Text),
            };
            (Some(side(old, diff.old(file, old))), Some(side(new, diff.new(file, new))))
        }
        Line::Both { file, old, new } => {
            let (olds, news) = match (old, new) {
                (Some(old), Some(new)) => words(diff.old(file, old), diff.new(file, new)),
                _ => (Vec::new(), Vec::new()),
            };
            let left = old.map(|at| Half {
                number: Some(at),
                sign: Styled::of(Slot::Removed, "- "),
                text: marked(
                    diff.old(file, at),
                    &olds,
                    (Slot::Removed, Slot::RemovedWord),
                    ("[-", "-]"),
                    mono,
                ),
            });
            let right = new.map(|at| Half {
                number: Some(at),
                sign: Styled::of(Slot::Added, "+ "),
                text: marked(diff.new(file, at), &news, (Slot::Added, Slot::AddedWord), ("{+", "+}"), mono),
            });
            (left, right)
        }
        _ => (None, None),
    };
    let (left, right) = (half(left, columns, wrap), half(right, columns, wrap));
    let blank = Styled::new();
    let row = |at: usize| halves(columns, left.get(at).unwrap_or(&blank), right.get(at).unwrap_or(&blank));
    (0..left.len().max(right.len())).map(row).collect()
}

/// The rows of one side; absence is one of them.
fn half(half: Option<Half>, columns: Columns, wrap: bool) -> Vec<Styled> {
    let Some(Half { number, sign, text }) = half else { return vec![Styled::of(Slot::Fold, "      ╌")] };
    let number = number.map_or_else(|| " ".repeat(NUMBER), |n| format!("{:>NUMBER$}", n + 1));
    let head = Styled::of(Slot::Muted, number).text(" ").join(sign);
    let width = half_width(columns).saturating_sub(NUMBER + 3);
    let text = sideways(text, columns.sideways);
    let rows = if wrap { text.wrap(width, 0) } else { vec![text.fit(width)] };
    let indent = " ".repeat(head.width());
    let mut head = Some(head);
    rows.into_iter()
        .map(|row| head.take().unwrap_or_else(|| Styled::from(indent.as_str())).join(row))
        .collect()
}

fn half_width(columns: Columns) -> usize {
    if columns.width == usize::MAX { columns.width } else { columns.width.saturating_sub(1) / 2 }
}

fn halves(columns: Columns, left: &Styled, right: &Styled) -> Styled {
    let gap = half_width(columns).saturating_sub(left.width());
    left.clone().text(" ".repeat(gap)).add(Slot::Border, "│").join(right.clone())
}
