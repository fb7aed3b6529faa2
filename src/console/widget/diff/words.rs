//! Which words of two lines differ.
//!
//! Never: longer than a line's length asks for. What both ends share is left out first, however long the line is; of what
//! lies between, too long a part is marked as one.

use std::collections::HashMap;
use std::ops::Range;
use std::time::Duration;

use similar::{ChangeTag, TextDiff};

/// More than this of two lines is not compared word by word.
const COMPARED_BYTES_MAX: usize = 4_000;

/// How many words two lines share, in thousandths of the longer one's; 0 where it is less than half.
pub(super) fn alike(old: &str, new: &str) -> usize {
    let mut left: HashMap<&str, usize> = HashMap::new();
    let mut olds = 0_usize;
    for word in old.split_whitespace() {
        olds += 1;
        *left.entry(word).or_default() += 1;
    }
    let (mut news, mut shared) = (0_usize, 0_usize);
    for word in new.split_whitespace() {
        news += 1;
        if let Some(count) = left.get_mut(word).filter(|count| **count > 0) {
            *count -= 1;
            shared += 1;
        }
    }
    let alike = shared * 1_000 / olds.max(news).max(1);
    if alike < 500 { 0 } else { alike }
}

/// Which parts of two paired lines differ, as byte ranges of each.
pub fn words(old: &str, new: &str) -> (Vec<Range<usize>>, Vec<Range<usize>>) {
    let (head, tail) = shared_ends(old, new);
    let (was, is) = (&old[head..old.len() - tail], &new[head..new.len() - tail]);
    let mut equal = old[..head].trim().len() + old[old.len() - tail..].trim().len();
    let (mut olds, mut news): (Vec<Range<usize>>, Vec<Range<usize>>) = (Vec::new(), Vec::new());
    if was.len() + is.len() > COMPARED_BYTES_MAX {
        push(&mut olds, head, old.len() - tail);
        push(&mut news, head, new.len() - tail);
    } else {
        let diff = TextDiff::configure().timeout(Duration::from_millis(5)).diff_words(was, is);
        let (mut at_old, mut at_new) = (head, head);
        for change in diff.iter_all_changes() {
            let len = change.value().len();
            match change.tag() {
                ChangeTag::Equal => {
                    equal += change.value().trim().len();
                    at_old += len;
                    at_new += len;
                }
                ChangeTag::Delete => {
                    push(&mut olds, at_old, at_old + len);
                    at_old += len;
                }
                ChangeTag::Insert => {
                    push(&mut news, at_new, at_new + len);
                    at_new += len;
                }
            }
        }
    }
    // Two lines with next to nothing in common are two lines, not one with many changed words.
    let changed: usize = olds.iter().chain(&news).map(ExactSizeIterator::len).sum();
    if equal * 4 < changed { (Vec::new(), Vec::new()) } else { (olds, news) }
}

fn push(ranges: &mut Vec<Range<usize>>, from: usize, to: usize) {
    match ranges.last_mut() {
        Some(last) if last.end == from => last.end = to,
        _ if from == to => {}
        _ => ranges.push(from..to),
    }
}

/// How many bytes both lines begin and end with, in whole words with what parts them.
fn shared_ends(old: &str, new: &str) -> (usize, usize) {
    let pairs = old.char_indices().zip(new.chars());
    let same = pairs.take_while(|((_, a), b)| a == b).last().map_or(0, |((at, c), _)| at + c.len_utf8());
    if same == old.len() && same == new.len() {
        return (same, 0);
    }
    let head = old[..same].rfind(char::is_whitespace).map_or(0, |at| after_char(old, at));
    let (old, new) = (&old[head..], &new[head..]);
    let pairs = old.chars().rev().zip(new.chars().rev());
    let same: usize = pairs.take_while(|(a, b)| a == b).map(|(c, _)| c.len_utf8()).sum();
    let from = old.len() - same;
    let tail = old[from..].find(char::is_whitespace).map_or(0, |at| same - at);
    (head, tail)
}

fn after_char(text: &str, at: usize) -> usize {
    at + text[at..].chars().next().map_or(0, char::len_utf8)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The changed parts, as they read.
    fn told<'a>(old: &'a str, new: &'a str) -> (Vec<&'a str>, Vec<&'a str>) {
        let (olds, news) = words(old, new);
        (olds.into_iter().map(|at| &old[at]).collect(), news.into_iter().map(|at| &new[at]).collect())
    }

    #[test]
    fn a_word_of_a_long_paragraph_is_found() {
        let (before, behind) = ("so it is ".repeat(900), " all of them".repeat(900));
        let long = |word: &str| format!("{before}then wait {word} s, and tell{behind}");
        let (old, new) = (long("90"), long("120"));
        assert_eq!(told(&old, &new), (vec!["90"], vec!["120"]));
        let table: [(&str, &str, &[&str], &[&str]); 6] = [
            ("timeout: 800 ms", "timeout: 8000 ms", &["800"], &["8000"]),
            ("wait 90 s", "wait 90 s, then go on", &["s"], &["s, then go on"]),
            ("a b c d", "a c d", &["b "], &[]),
            ("tell the desk", "tell the desk", &[], &[]),
            ("nothing of it", "is in the other at all", &[], &[]),
            ("warten → größer 10", "warten → größer 12", &["10"], &["12"]),
        ];
        for (old, new, olds, news) in table {
            assert_eq!(told(old, new), (olds.to_vec(), news.to_vec()), "{old} | {new}");
        }
    }

    #[test]
    fn a_part_too_long_to_compare_is_marked_as_one() {
        let long = |word: &str| format!("{} {} end", "kept ".repeat(5_000), word.repeat(500));
        let (old, new) = (long("one two "), long("two three "));
        let (olds, news) = words(&old, &new);
        assert_eq!((olds.len(), news.len()), (1, 1));
        assert!(old[olds[0].clone()].starts_with("one two") && old[olds[0].end..].ends_with("end"));
    }

    proptest! {
        #[test]
        fn what_is_not_marked_is_the_same(old in "[ab é\u{301}👩]{0,20}", new in "[ab é\u{301}👩]{0,20}") {
            let (olds, news) = words(&old, &new);
            let rest = |text: &str, marked: &[Range<usize>]| {
                let mut rest = text.to_owned();
                marked.iter().rev().for_each(|range| rest.replace_range(range.clone(), ""));
                rest
            };
            if !olds.is_empty() || !news.is_empty() {
                prop_assert_eq!(rest(&old, &olds), rest(&new, &news));
            }
        }
    }
}
