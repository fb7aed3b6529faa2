//! The lines that show why a row was found.
//!
//! Never: cut inside of a character; a mark on what was not asked for.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::{Document, Query, placed, runs};

/// A piece of one of a row's texts, with what was asked for marked in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Match {
    /// Where it stands, as [`super::Part::word`] says.
    pub field: String,
    /// Plain text of one line; `…` where more of it was left out.
    pub text: String,
    /// Byte ranges of `text`, in order, none over another: from, to.
    pub marks: Vec<(usize, usize)>,
}

impl Match {
    /// Lines for one row.
    pub const MAX: usize = 3;
    /// Bytes of one line, about.
    pub const TEXT_BYTES: usize = 160;

    /// The text in pieces, each marked or not. Ranges that do not fit the text mark nothing.
    pub fn pieces(&self) -> Vec<(bool, &str)> {
        let (mut pieces, mut done) = (Vec::new(), 0);
        for (from, to) in &self.marks {
            let Some((before, marked)) = self.text.get(done..*from).zip(self.text.get(*from..*to)) else {
                continue;
            };
            pieces.extend([(false, before), (true, marked)]);
            done = *to;
        }
        pieces.push((false, &self.text[done..]));
        pieces.retain(|(_, text)| !text.is_empty());
        pieces
    }
}

/// The texts of a row in which the query's words stand, those with most of them first.
pub fn excerpts(query: &Query, document: &Document<'_>) -> Vec<Match> {
    let mut found: Vec<(usize, f64, Match)> = Vec::new();
    for passage in &document.passages {
        let tokens = placed(&passage.text);
        let words: Vec<&str> = tokens.iter().map(|(_, word)| word.as_str()).collect();
        let mut marks: Vec<Range<usize>> = Vec::new();
        let mut kinds = 0;
        for text in query.texts() {
            let asked = text.words();
            let places = runs(&words, &asked, text.begun());
            kinds += usize::from(!places.is_empty());
            let range = |at: usize| tokens[at].0.start..tokens[at + asked.len() - 1].0.end;
            marks.extend(places.into_iter().map(range));
        }
        if kinds > 0 {
            found.push((
                kinds,
                passage.part.weight(),
                cut(passage.part.word(), &passage.text, joined(marks)),
            ));
        }
    }
    // Stable: what stands first in the row stays first among equals.
    found.sort_by(|a, b| b.0.cmp(&a.0).then(b.1.total_cmp(&a.1)));
    let mut lines: Vec<Match> = Vec::new();
    for (_, _, line) in found {
        if lines.len() < Match::MAX && lines.iter().all(|known| known.text != line.text) {
            lines.push(line);
        }
    }
    lines
}

/// In order, with those that touch or lie over each other as one.
fn joined(mut marks: Vec<Range<usize>>) -> Vec<Range<usize>> {
    marks.sort_by_key(|mark| (mark.start, mark.end));
    let mut out: Vec<Range<usize>> = Vec::new();
    for mark in marks {
        match out.last_mut() {
            Some(last) if mark.start <= last.end => last.end = last.end.max(mark.end),
            _ => out.push(mark),
        }
    }
    out
}

/// One line around the first mark.
fn cut(field: &str, text: &str, marks: Vec<Range<usize>>) -> Match {
    let first = marks.first().cloned().unwrap_or(0..0);
    let room = Match::TEXT_BYTES.saturating_sub(first.len());
    let floor = |at: usize| (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let mut start = floor(first.start.saturating_sub(room / 3));
    if start > 0 {
        // From the next word on, so that none is cut in half.
        start = text[start..first.start].find(' ').map_or(start, |space| start + space + 1);
    }
    let mut end = floor((start + Match::TEXT_BYTES).max(first.end));
    if end < text.len() {
        end = text[first.end..end].rfind(' ').map_or(end, |space| first.end + space);
    }
    let before = if start > 0 { "…" } else { "" };
    // White space and controls of one byte become spaces: the places of the marks stay.
    let line: String = text[start..end].chars().map(|c| if c.is_ascii_control() { ' ' } else { c }).collect();
    let shift = |at: usize| at - start + before.len();
    let inside = marks.into_iter().filter(|mark| mark.end <= end && mark.start >= start);
    let marks = inside.map(|mark| (shift(mark.start), shift(mark.end))).collect();
    Match {
        field: field.to_owned(),
        text: format!("{before}{line}{}", if end < text.len() { "…" } else { "" }),
        marks,
    }
}
