//! Differences for reading: the words of a line that changed are marked, as `wdiff` does: `[-off-]`, `{+on+}`.
//!
//! Never: on what is signed, or where every byte was asked for.

use std::ops::Range;

use crate::console::widget::diff::words;

/// More lines than these that stand together are not compared with each other.
const PAIRED_MAX: usize = 50;

/// The changed words of lines that changed into each other.
pub(super) fn words_of(diff: &str) -> String {
    let lines: Vec<&str> = diff.split_inclusive('\n').collect();
    let mut out = String::with_capacity(diff.len());
    let mut at = 0;
    while at < lines.len() {
        let is_header =
            lines[at].starts_with("--- ") && lines.get(at + 1).is_some_and(|next| next.starts_with("+++ "));
        if is_header {
            out.extend(lines[at..at + 2].iter().copied());
            at += 2;
            continue;
        }
        let olds = run(&lines[at..], '-');
        let news = run(&lines[at + olds..], '+');
        if olds + news == 0 {
            out.push_str(lines[at]);
            at += 1;
            continue;
        }
        let (removed, added) = (&lines[at..at + olds], &lines[at + olds..at + olds + news]);
        out.extend(marked(removed, added));
        at += olds + news;
    }
    out
}

fn run(lines: &[&str], sign: char) -> usize {
    lines.iter().take_while(|line| line.starts_with(sign)).count()
}

/// Each removed line with the next added one that shares enough with it.
fn marked(removed: &[&str], added: &[&str]) -> Vec<String> {
    let mut olds: Vec<String> = removed.iter().map(|line| (*line).to_owned()).collect();
    let mut news: Vec<String> = added.iter().map(|line| (*line).to_owned()).collect();
    if removed.len().max(added.len()) <= PAIRED_MAX {
        let mut from = 0;
        for (old, line) in removed.iter().zip(&mut olds) {
            let pair = (from..added.len()).find_map(|at| {
                let (was, is) = words(body(old), body(added[at]));
                (!was.is_empty() || !is.is_empty()).then_some((at, was, is))
            });
            let Some((at, was, is)) = pair else { continue };
            *line = with(old, &was, ("[-", "-]"));
            news[at] = with(added[at], &is, ("{+", "+}"));
            from = at + 1;
        }
    }
    olds.into_iter().chain(news).collect()
}

/// The line without its sign and its end.
fn body(line: &str) -> &str {
    line[1..].trim_end_matches('\n')
}

fn with(line: &str, ranges: &[Range<usize>], (open, close): (&str, &str)) -> String {
    let text = body(line);
    let mut out = line[..1].to_owned();
    let mut at = 0;
    for range in ranges {
        let word = &text[range.clone()];
        let (from, to) = (
            range.start + word.len() - word.trim_start().len(),
            range.end - (word.len() - word.trim_end().len()),
        );
        if from >= to {
            continue;
        }
        out.extend([&text[at..from], open, &text[from..to], close]);
        at = to;
    }
    out.extend([&text[at..], &line[1 + text.len()..]]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_that_changed_are_marked_and_nothing_else() {
        for (diff, expected) in [
            (
                "--- live/ConfigMap\n+++ git/ConfigMap\n@@ -1 +1 @@\n data:\n-  express_pay: off\n+  express_pay: on\n",
                "--- live/ConfigMap\n+++ git/ConfigMap\n@@ -1 +1 @@\n data:\n-  express_pay: [-off-]\n+  express_pay: {+on+}\n",
            ),
            ("+new line\n same\n", "+new line\n same\n"),
            ("-gone\n+quite another sentence of it\n", "-gone\n+quite another sentence of it\n"),
            (
                "-1. Wait 30 s for the lag\n-2. Fail over\n+1. Say it\n+2. Wait 90 s for the lag\n",
                "-1. Wait [-30-] s for the lag\n-2. Fail over\n+1. Say it\n+2. Wait {+90+} s for the lag\n",
            ),
            ("-a é b\n+a ü b", "-a [-é-] b\n+a {+ü+} b"),
            ("", ""),
        ] {
            let marked = words_of(diff);
            let plain = marked.replace("[-", "").replace("-]", "").replace("{+", "").replace("+}", "");
            assert_eq!(plain, diff, "nothing is lost");
            if diff.contains("30 s") {
                assert!(marked.contains("[-30-] s") && marked.contains("{+90+} s"), "{marked}");
            } else {
                assert_eq!(marked, expected);
            }
        }
    }
}
