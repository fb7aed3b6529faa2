//! Words of a reviewer's own: for an operation or a sentence, and lines, sentences and answers added.
//!
//! Never: words that cannot be read thrown away; they are kept as they were typed.

use jiff::Timestamp;
use jiff::civil::{Date, Time};

use super::super::super::changes::Changes;
use super::super::super::effect::Effect;
use super::super::super::keymap::Command;
use super::super::super::model::{Layer, Model, Reword, Saying};
use super::super::super::screen;
use super::super::super::screen::row::Item;
use super::super::super::theme::Slot;
use super::super::super::widget::area;
use super::super::{layers, push_layer, tell_watch};
use super::{change, proposed, say};
use crate::row::page::markup;
use crate::row::paper::{self, Line, Own, Standing};
use crate::row::{Proposal, RowId};

/// Bytes of a line of one's own.
const LINE_BYTES_MAX: usize = 1_024;

/// Other words for an operation.
pub(super) fn reword(model: &mut Model, row: RowId, number: usize) -> Vec<Effect> {
    let Some(Proposal::Edit(edit)) = proposed(model, row) else { return Vec::new() };
    let Some(operation) = edit.operations.get(number - 1) else { return Vec::new() };
    let before = markup::text(&operation.written()).trim_end().to_owned();
    write(model, row, number, before)
}

/// A text to write in.
fn write(model: &mut Model, row: RowId, number: usize, before: String) -> Vec<Effect> {
    let begun = model.changes.get(&row).and_then(|changes| changes.words.get(&number).cloned());
    let visit = model.visit();
    let area = area::text_area(begun.as_deref().unwrap_or(&before));
    push_layer(model, Layer::Reword(Box::new(Reword { visit, row, number, area, before })));
    Vec::new()
}

/// Keys of the text with other words.
pub(in super::super) fn words_command(model: &mut Model, command: Command) -> Vec<Effect> {
    if command == Command::WordsDone {
        return layers::close(model);
    }
    let Some(Layer::Reword(reword)) = model.layers.last_mut() else { return Vec::new() };
    if command == Command::WordsEditor {
        return vec![Effect::Edit { text: reword.text() }];
    }
    reword.area = area::text_area(&reword.before);
    Vec::new()
}

/// The text was left: what it says is kept, also where it cannot be read yet.
pub(in super::super) fn keep_words(model: &mut Model, reword: &Reword) {
    let (number, text) = (reword.number, reword.text());
    let empty = text.trim().is_empty();
    let same = text.trim_end() == reword.before.trim_end();
    change(model, reword.row, |changes| {
        if same || empty {
            changes.words.remove(&number);
        } else {
            changes.words.insert(number, text);
        }
    });
    if empty {
        let of_paper = matches!(proposed(model, reword.row), Some(Proposal::Paper(_)));
        let what = if of_paper { "sentence" } else { "operation" };
        model.tell(Slot::Watch, &format!("no words: Space strikes the {what}"));
    }
}

/// A line of one's own, at the time of the line under the cursor unless another is typed; in a section a sentence, and
/// under an open question its answer.
pub(super) fn add_line(model: &mut Model) -> Vec<Effect> {
    let Some(row) = model.subject() else { return Vec::new() };
    if let Some(Item::Sentence(number)) = screen::row::item_at(model) {
        return add_sentence(model, row, number);
    }
    let Some(near) = near(model, row) else { return Vec::new() };
    let before = near.to_zoned(model.zone.clone()).strftime("%H:%M ").to_string();
    say(model, row, Saying::Line(None), before);
    Vec::new()
}

fn add_sentence(model: &mut Model, row: RowId, number: usize) -> Vec<Effect> {
    let Some(Proposal::Paper(paper)) = proposed(model, row) else { return Vec::new() };
    let changes = model.changes.get(&row);
    let (before, question) = match paper.sentence(number) {
        Some((section, sentence)) if section.asks() => {
            let begun = changes.and_then(|changes| changes.answers.get(&number));
            let said = begun.or(sentence.answer.as_ref().map(|answer| &answer.text));
            (format!("{ANSWER}: {}", said.map_or("", String::as_str)), Some(number))
        }
        Some((section, _)) => (format!("{}: ", section.heading), None),
        None => {
            let own = number.checked_sub(paper.sentences().count() + 1);
            let Some(own) = own.and_then(|at| changes?.told.get(at)) else { return Vec::new() };
            (format!("{}: ", own.section), None)
        }
    };
    say(model, row, Saying::Sentence { own: None, question }, before);
    Vec::new()
}

/// Other words for a sentence, or for a line of the reader's own.
pub(super) fn other_words(model: &mut Model, row: RowId, item: Item) -> Vec<Effect> {
    let Some(Proposal::Paper(paper)) = proposed(model, row) else { return Vec::new() };
    let number = match item {
        Item::Part(number) => return own_line(model, row, number),
        Item::Sentence(number) => number,
    };
    if let Some((_, sentence)) = paper.sentence(number) {
        let before = sentence.text.clone();
        return write(model, row, number, before);
    }
    let own = number.checked_sub(paper.sentences().count() + 1);
    let told = own.and_then(|at| model.changes.get(&row)?.told.get(at));
    let Some(before) = told.map(|told| format!("{}: {}", told.section, told.text)) else { return Vec::new() };
    say(model, row, Saying::Sentence { own, question: None }, before);
    Vec::new()
}

fn own_line(model: &mut Model, row: RowId, number: usize) -> Vec<Effect> {
    let Some(Proposal::Paper(paper)) = proposed(model, row) else { return Vec::new() };
    let count = paper.timeline.len();
    let own = number.checked_sub(count + 1);
    let line = own.and_then(|at| model.changes.get(&row)?.own.get(at));
    let Some(line) = line else {
        return tell_watch(model, "only a line of your own has other words: a adds one");
    };
    let before =
        format!("{} {}", line.at.to_zoned(model.zone.clone()).strftime("%Y-%m-%d %H:%M:%S"), line.text);
    say(model, row, Saying::Line(own), before);
    Vec::new()
}

/// What stands before an answer, as a section's heading before a sentence.
const ANSWER: &str = "Answer";

/// What was typed of a sentence.
pub(super) enum Read {
    Own(Own),
    Answer(String),
}

/// `Actions: Page somebody before the replica is rotated`; `Answer: …` where an open question is under the cursor. An
/// answer may be empty: then none is given.
pub(super) fn read_sentence(
    model: &Model,
    row: RowId,
    question: Option<usize>,
    typed: &str,
) -> Result<Read, String> {
    const SHAPE: &str = "a sentence has its section before it, as in: Actions: Page somebody first";
    let Some(Proposal::Paper(paper)) = proposed(model, row) else { return Err(SHAPE.to_owned()) };
    let (named, text) = typed.split_once(':').ok_or(SHAPE)?;
    if question.is_some() && named.trim().eq_ignore_ascii_case(ANSWER) {
        let text = text.trim();
        return Ok(Read::Answer(if text.is_empty() { String::new() } else { paper::own_words(text)? }));
    }
    let section = paper::heading(paper, named)?;
    Ok(Read::Own(Own { section, text: paper::own_words(text)? }))
}

/// The time of the line under the cursor; of the first one where the cursor is on none.
fn near(model: &Model, row: RowId) -> Option<Timestamp> {
    let Proposal::Paper(paper) = proposed(model, row)? else { return None };
    let nothing = Changes::default();
    let changes = model.changes.get(&row).unwrap_or(&nothing);
    let lines = screen::row::paper::lines(paper, changes);
    let here = screen::row::item_at(model);
    let found = lines.iter().find(|(number, _)| Some(Item::Part(*number)) == here).or(lines.first());
    Some(found.map_or_else(|| model.now(), |(_, line)| line.at))
}

/// `04:12 Writers were paused by hand`, also with seconds, also with a date before it. Without one it is the day that
/// is nearest to the line under the cursor.
pub(super) fn read_line(model: &Model, row: RowId, typed: &str) -> Result<Line, String> {
    const SHAPE: &str = "a line is a time and what happened, as in: 04:12 Writers were paused by hand";
    let (first, rest) = typed.split_once(' ').ok_or(SHAPE)?;
    let (date, time, text) = match first.parse::<Date>() {
        Ok(date) => {
            let (time, text) = rest.trim_start().split_once(' ').ok_or(SHAPE)?;
            (Some(date), time, text.trim())
        }
        Err(_) => (None, first, rest.trim()),
    };
    let time =
        ["%H:%M", "%H:%M:%S"].iter().find_map(|shape| Time::strptime(shape, time).ok()).ok_or(SHAPE)?;
    if text.is_empty() || text.len() > LINE_BYTES_MAX {
        return Err(format!("{SHAPE}; at most {LINE_BYTES_MAX} bytes"));
    }
    let near = near(model, row).unwrap_or_else(|| model.now());
    let today = near.to_zoned(model.zone.clone()).date();
    let days = match date {
        Some(date) => vec![date],
        None => [today.yesterday().ok(), Some(today), today.tomorrow().ok()].into_iter().flatten().collect(),
    };
    let times = days.iter().filter_map(|day| day.to_datetime(time).to_zoned(model.zone.clone()).ok());
    let at = times.map(|at| at.timestamp()).min_by_key(|at| at.duration_since(near).abs()).ok_or(SHAPE)?;
    let me = model.known.me.as_ref().map(|me| me.id.clone());
    Ok(Line {
        at,
        source: me.as_ref().map(ToString::to_string).unwrap_or_default(),
        text: text.to_owned(),
        pointer: None,
        standing: Standing::Accepted,
        by: me,
    })
}
