//! What commands write: lines for people, JSON for programs, remarks on standard error.
//!
//! Whatever an agent, a platform or a colleague wrote passes [`safe`] on its way to a terminal, and [`json`] on its way
//! to a program that may show it on one.
//! Never: a control character, an escape sequence or a change of direction that we did not mean.

pub(super) use crate::row::count::plural;

use std::{
    fmt::Write as _,
    io::{self, IsTerminal, Write},
};

use jiff::{Timestamp, tz::TimeZone};
use serde::Serialize;

use crate::console::shown::Shown;

/// Whether colours are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum Colour {
    #[default]
    Auto,
    Always,
    Never,
}

/// One line of anybody's text, harmless.
pub(super) fn safe(text: &str) -> String {
    Shown::untrusted(text).to_string()
}

/// Several lines of anybody's text, each harmless.
pub(super) fn safe_lines(text: &str) -> String {
    Shown::lines(text).fold(String::new(), |mut out, line| {
        let _ = writeln!(out, "{line}");
        out
    })
}

/// A terminal that says it is narrower is not believed.
const COLUMNS_MIN: usize = 20;
/// Where lines that go on begin, behind the beginning of the line itself.
const HANG: usize = 2;

/// Columns of the terminal that standard output goes to. A pipe and a file have no end.
pub(super) fn columns() -> Option<usize> {
    io::stdout().is_terminal().then(of_terminal)
}

fn of_terminal() -> usize {
    usize::from(crate::console::terminal::size().0).max(COLUMNS_MIN)
}

/// The line broken between words where a terminal would break it within one. What has no space stays whole: an address, a
/// digest.
pub(super) fn wrapped(line: &str, columns: Option<usize>, hang: usize) -> String {
    let Some(columns) = columns.filter(|columns| width(line) > *columns) else { return line.to_owned() };
    let hang = hang.min(columns / 2);
    let (mut out, mut at) = (String::with_capacity(line.len() + 16), 0);
    for piece in line.split_inclusive(' ') {
        let word = piece.trim_end_matches(' ');
        if at + width(word) > columns && at > hang {
            out.truncate(out.trim_end_matches(' ').len());
            out.push('\n');
            out.push_str(&" ".repeat(hang));
            at = hang;
        }
        // What stood apart on one line has no column to stand in here.
        if word.is_empty() && at == hang && out.contains('\n') {
            continue;
        }
        out.push_str(piece);
        at += width(piece);
    }
    out.truncate(out.trim_end_matches(' ').len());
    out
}

/// Columns that a line of ours takes; our own marks for bold and red take none.
fn width(line: &str) -> usize {
    let bare = ["\x1b[1m", "\x1b[1;31m", "\x1b[0m"]
        .iter()
        .fold(line.to_owned(), |bare, mark| bare.replace(mark, ""));
    Shown::untrusted(&bare).width()
}

/// Behind the beginning of the line itself.
fn hang_of(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len() + HANG
}

/// A line on standard output. A reader that went away is no fault.
pub(super) fn line(text: impl AsRef<str>) {
    let text = text.as_ref();
    exact(&(wrapped(text, columns(), hang_of(text)) + "\n"));
}

/// Byte for byte, on a terminal too.
pub(super) fn exact(text: &str) {
    let _ = io::stdout().lock().write_all(text.as_bytes());
}

/// Many lines, byte for byte, written in large pieces: a line by itself is a call to the system.
pub(super) fn lines(all: impl Iterator<Item = String>) {
    let mut out = io::BufWriter::with_capacity(64 * 1024, io::stdout().lock());
    for text in all {
        if out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n")).is_err() {
            return;
        }
    }
    let _ = out.flush();
}

/// A text that ends its own lines.
pub(super) fn text(text: &str) {
    let columns = columns();
    if columns.is_none() {
        return exact(text);
    }
    exact(&text.split_inclusive('\n').fold(String::new(), |out, line| {
        let (bare, end) = line.strip_suffix('\n').map_or((line, ""), |bare| (bare, "\n"));
        out + &wrapped(bare, columns, hang_of(bare)) + end
    }));
}

/// A value as one line of JSON.
pub(super) fn json(value: &impl Serialize) {
    exact(&(json_line(value) + "\n"));
}

pub(super) fn json_line(value: &impl Serialize) -> String {
    let written = serde_json::to_string(value)
        .unwrap_or_else(|error| serde_json::json!({"error": error.to_string()}).to_string());
    if written.is_ascii() && !written.contains('\u{7f}') { written } else { escaped(&written) }
}

/// A remark on standard error; lines after the first are hints.
pub(super) fn remark(words: &str) {
    let columns = io::stderr().is_terminal().then(of_terminal);
    for shown in Shown::lines(words) {
        let shown = shown.to_string();
        let _ = writeln!(io::stderr().lock(), "{}", wrapped(&shown, columns, hang_of(&shown)));
    }
}

/// A remark that must not be overlooked: red where there is colour.
pub(super) fn warn(words: &str, colour: Colour) {
    let shown = safe(words);
    let on = colour == Colour::Always
        || (colour == Colour::Auto
            && io::stderr().is_terminal()
            && crate::config::environment("NO_COLOR").is_none());
    let mut err = io::stderr().lock();
    let _ = if on { writeln!(err, "\x1b[1;31m{shown}\x1b[0m") } else { writeln!(err, "{shown}") };
}

/// Whether standard output shows what is marked in bold.
pub(super) fn bold(colour: Colour) -> bool {
    colour == Colour::Always
        || (colour == Colour::Auto
            && io::stdout().is_terminal()
            && crate::config::environment("NO_COLOR").is_none())
}

/// The time of day for what happened within a day, else the whole time with its zone.
pub(super) fn when(at: Timestamp, now: Timestamp) -> String {
    let local = at.to_zoned(TimeZone::system());
    let near = now.duration_since(at).abs() < jiff::SignedDuration::from_hours(24);
    let form = if near { "%H:%M:%S" } else { "%Y-%m-%d %H:%M %Z" };
    local.strftime(form).to_string()
}

/// A span in the two largest units: `2h41m`, `11m`, `6d`.
pub(super) fn span(seconds: i64) -> String {
    match seconds {
        ..=0 => "0s".to_owned(),
        1..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m", seconds / 60),
        3_600..86_400 => format!("{}h{:02}m", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// JSON in which every character that could move a terminal is a `\u` escape. They only occur inside strings.
fn escaped(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if hidden(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    out
}

/// DEL, C1 controls, direction marks, joiners and other characters without a shape of their own, line and paragraph
/// separators, tags.
fn hidden(c: char) -> bool {
    matches!(c, '\u{7f}'..='\u{9f}' | '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_never_moves_a_terminal() {
        let hostile = "a\u{1b}]0;x\u{7}\u{7f}\u{9b}31m\u{202e}\u{2066}\u{200b}\u{e0041}\u{feff}é漢";
        let written = serde_json::to_string(&hostile).unwrap();
        let out = escaped(&written);
        assert!(out.chars().all(|c| !c.is_control() && !hidden(c)), "{out}");
        assert_eq!(serde_json::from_str::<String>(&out).unwrap(), hostile, "the value is the same");
        assert!(out.contains("é漢"));
    }

    #[test]
    fn text_never_moves_a_terminal() {
        let out = safe("a\u{1b}[2J\u{9b}K\u{202e}b\nc");
        assert!(out.chars().all(|c| !c.is_control() && !hidden(c)), "{out}");
        assert_eq!(safe_lines("a\nb\u{7}\n").lines().count(), 2);
    }

    #[test]
    fn lines_are_broken_between_words_where_a_terminal_ends() {
        for (line, columns, hang, expected) in [
            ("one two three", None, 2, "one two three"),
            ("one two three", Some(13), 2, "one two three"),
            ("one two three", Some(8), 2, "one two\n  three"),
            ("  a: one two three four", Some(12), 4, "  a: one two\n    three\n    four"),
            (
                "see https://example.com/a/long/one there",
                Some(12),
                2,
                "see\n  https://example.com/a/long/one\n  there",
            ),
            ("\u{1b}[1mone\u{1b}[0m two", Some(7), 2, "\u{1b}[1mone\u{1b}[0m two"),
            ("漢字 漢字 漢字", Some(10), 2, "漢字 漢字\n  漢字"),
            ("a          b", Some(6), 2, "a\n  b"),
        ] {
            let broken = wrapped(line, columns, hang);
            assert_eq!(broken, expected, "{line:?} {columns:?}");
        }
    }

    #[test]
    fn spans_are_short() {
        for (seconds, words) in [(-5, "0s"), (59, "59s"), (660, "11m"), (9_660, "2h41m"), (518_400, "6d")] {
            assert_eq!(span(seconds), words);
        }
    }
}
