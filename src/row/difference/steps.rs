//! Lists number their steps by themselves: a step whose number moved because others came or went before it has not changed.
//!
//! Two lines of a page are compared without their steps' numbers. A number is a change of its own only where its list was
//! broken: where the last step before it that stayed is another one, or the list begins elsewhere.
//!
//! Never: a number left out of a comparison in code, or in a sentence that only looks like a step.

use std::{borrow::Cow, collections::HashMap};

use similar::DiffOp;

/// `  4. Fail over`, in parts.
struct Step<'a> {
    indent: usize,
    number: u32,
    text: &'a str,
}

impl<'a> Step<'a> {
    fn of(line: &'a str) -> Option<Self> {
        let rest = line.trim_start_matches(' ');
        let (number, text) = rest.split_once(". ")?;
        let digits = (1..=9).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit());
        // A list writes no zeros before its numbers: who does, wrote a sentence.
        let plain = digits && (number == "0" || !number.starts_with('0'));
        let number = number.parse().ok().filter(|_| plain)?;
        Some(Self { indent: line.len() - rest.len(), number, text })
    }
}

/// The lines of a page's text, each with what it is as a step; what lies between fences is code.
fn steps<'a>(lines: &[&'a str]) -> Vec<Option<Step<'a>>> {
    let mut fence = None;
    let step = |line: &&'a str| {
        let bare = line.trim_start_matches(' ');
        let ticks = bare.len() - bare.trim_start_matches('`').len();
        match fence {
            Some(open) => {
                if ticks == open && bare.len() == open {
                    fence = None;
                }
                None
            }
            None if ticks >= 3 && !bare[ticks..].contains('`') => {
                fence = Some(ticks);
                None
            }
            None => Step::of(line),
        }
    };
    lines.iter().map(step).collect()
}

/// The lines of a page that are numbered steps, each with its number and its text.
pub fn numbers<'a>(lines: &[&'a str]) -> Vec<Option<(u32, &'a str)>> {
    steps(lines).into_iter().map(|step| step.map(|step| (step.number, step.text))).collect()
}

/// What makes two lines of a page the same.
pub fn keys<'a>(lines: &[&'a str]) -> Vec<Cow<'a, str>> {
    lines.iter().zip(steps(lines)).map(|(line, step)| key_of(line, step)).collect()
}

/// The same of one line that is known not to be code.
pub fn key(line: &str) -> Cow<'_, str> {
    key_of(line, Step::of(line))
}

fn key_of<'a>(line: &'a str, step: Option<Step<'a>>) -> Cow<'a, str> {
    match step {
        Some(step) => Cow::Owned(format!("{}#. {}", &line[..step.indent], step.text)),
        None => Cow::Borrowed(line),
    }
}

/// The line with its number moved; as it is, where it has none or that number would be none.
pub fn renumbered(line: &str, by: i64) -> Cow<'_, str> {
    let moved = Step::of(line).and_then(|step| {
        let number = u32::try_from(i64::from(step.number).checked_add(by)?).ok()?;
        Some(format!("{}{number}. {}", &line[..step.indent], step.text))
    });
    moved.map_or(Cow::Borrowed(line), Cow::Owned)
}

/// By how much the number of a line that stayed moved.
pub fn moved(old: &str, new: &str) -> i64 {
    match (Step::of(old), Step::of(new)) {
        (Some(was), Some(is)) if old != new => i64::from(is.number) - i64::from(was.number),
        _ => 0,
    }
}

/// Which list a line is a step of, and the number that the list begins with.
#[derive(Clone, Copy)]
struct Place {
    list: usize,
    start: u32,
}

/// A list goes on while its numbers do.
fn places(steps: &[Option<Step<'_>>]) -> Vec<Option<Place>> {
    let mut open: Vec<(usize, u32, Place)> = Vec::new();
    let mut lists = 0;
    let mut place = |step: &Step<'_>| {
        open.retain(|(indent, ..)| *indent <= step.indent);
        let goes_on = |(indent, last, _): &(usize, u32, Place)| {
            *indent == step.indent && last.checked_add(1) == Some(step.number)
        };
        let place = match open.pop_if(|top| top.0 == step.indent) {
            Some(top) if goes_on(&top) => top.2,
            _ => {
                lists += 1;
                Place { list: lists, start: step.number }
            }
        };
        open.push((step.indent, step.number, place));
        place
    };
    steps.iter().map(|step| step.as_ref().map(&mut place)).collect()
}

/// What was compared by [`keys`], with the steps whose list was broken as the changes that they are.
pub fn with_breaks(ops: Vec<DiffOp>, old: &[&str], new: &[&str]) -> Vec<DiffOp> {
    let (olds, news) = (places(&steps(old)), places(&steps(new)));
    // Of each list the last step that stayed, by its line on the new side.
    let (mut old_last, mut new_last) = (HashMap::new(), HashMap::new());
    let mut broken = |was: usize, is: usize| {
        let (Some(from), Some(to)) = (olds[was], news[is]) else { return false };
        let whole = match (old_last.insert(from.list, is), new_last.insert(to.list, is)) {
            (None, None) => from.start == to.start,
            (before, after) => before == after,
        };
        !whole && old[was] != new[is]
    };
    let mut all = Vec::new();
    for op in ops {
        let DiffOp::Equal { old_index, new_index, len } = op else {
            all.push(op);
            continue;
        };
        let mut from = 0;
        let equal = |from: usize, to: usize| {
            let (old_index, new_index) = (old_index + from, new_index + from);
            (from < to).then_some(DiffOp::Equal { old_index, new_index, len: to - from })
        };
        for at in 0..len {
            let (old_index, new_index) = (old_index + at, new_index + at);
            if broken(old_index, new_index) {
                all.extend(equal(from, at));
                all.push(DiffOp::Replace { old_index, old_len: 1, new_index, new_len: 1 });
                from = at + 1;
            }
        }
        all.extend(equal(from, len));
    }
    all
}

#[cfg(test)]
mod tests {
    use similar::{Algorithm, capture_diff_slices};

    use super::*;

    /// Changed lines, and the numbers of those that stayed, as `diff -u` marks them.
    fn told(old: &str, new: &str) -> Vec<String> {
        let (old, new): (Vec<_>, Vec<_>) = (old.lines().collect(), new.lines().collect());
        let ops = with_breaks(capture_diff_slices(Algorithm::Patience, &keys(&old), &keys(&new)), &old, &new);
        let mut told = Vec::new();
        for op in ops {
            if let DiffOp::Equal { new_index, len, .. } = op {
                told.extend(new[new_index..new_index + len].iter().map(|line| format!(" {line}")));
                continue;
            }
            told.extend(old[op.old_range()].iter().map(|line| format!("-{line}")));
            told.extend(new[op.new_range()].iter().map(|line| format!("+{line}")));
        }
        told
    }

    #[test]
    fn a_number_changes_only_where_its_list_breaks() {
        let table: [(&str, &str, &str, &str); 12] = [
            ("a step between", "1. a\n2. b\n3. c", "1. a\n2. x\n3. b\n4. c", " 1. a\n+2. x\n 3. b\n 4. c"),
            ("before all", "1. a\n2. b", "1. x\n2. a\n3. b", "+1. x\n 2. a\n 3. b"),
            ("one gone", "1. a\n2. b\n3. c", "1. b\n2. c", "-1. a\n 1. b\n 2. c"),
            ("one gone, one come", "1. a\n2. b", "1. b\n2. x", "-1. a\n 1. b\n+2. x"),
            (
                "a list broken in two",
                "1. a\n2. b\n3. c",
                "1. a\nBut first:\n1. b\n2. c",
                " 1. a\n+But first:\n-2. b\n+1. b\n 2. c",
            ),
            (
                "two lists made one",
                "1. a\nThen\n1. b\n2. c",
                "1. a\n2. b\n3. c",
                " 1. a\n-Then\n-1. b\n+2. b\n 3. c",
            ),
            ("it begins elsewhere", "1. a\n2. b", "4. a\n5. b", "-1. a\n+4. a\n 5. b"),
            (
                "within a step",
                "1. a\n  1. u\n  2. v\n2. b",
                "1. a\n  1. w\n  2. u\n  3. v\n2. b",
                " 1. a\n+  1. w\n   2. u\n   3. v\n 2. b",
            ),
            (
                "code within a step",
                "1. a\n  ```\n  1. u\n  ```\n2. b",
                "1. x\n2. a\n  ```\n  1. u\n  ```\n3. b",
                "+1. x\n 2. a\n   ```\n   1. u\n   ```\n 3. b",
            ),
            ("in code a number is text", "```\n1. a\n```", "```\n2. a\n```", " ```\n-1. a\n+2. a\n ```"),
            ("so it is in a sentence", "Wait.\n4. a", "Wait.\n5. a", " Wait.\n-4. a\n+5. a"),
            (
                "one list grows, the other stays",
                "1. a\n2. b\nThen\n1. c\n2. d",
                "1. a\n2. x\n3. b\nThen\n1. c\n2. d",
                " 1. a\n+2. x\n 3. b\n Then\n 1. c\n 2. d",
            ),
        ];
        for (what, old, new, expected) in table {
            assert_eq!(told(old, new).join("\n"), expected, "{what}");
        }
    }

    #[test]
    fn a_line_is_renumbered_where_it_has_a_number() {
        let table = [
            ("4. a", 1, "5. a"),
            ("  4. a. b", -3, "  1. a. b"),
            ("a. b", 1, "a. b"),
            ("4.a", 1, "4.a"),
            ("4. a", -5, "4. a"),
        ];
        for (line, by, expected) in table {
            assert_eq!(renumbered(line, by), expected);
        }
        assert_eq!((moved("4. a", "5. a"), moved("a", "a"), moved("- a", "- a")), (1, 0, 0));
    }
}
