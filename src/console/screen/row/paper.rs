//! A post-mortem: its sections, and its timeline line by line, each with what reviewers said of it.
//!
//! Never: a line's standing told by colour alone; a sentence without what it rests on, unless it is an open question.

use super::super::super::canvas::Styled;
use super::super::super::changes::Changes;
use super::super::super::model::{Body, Model};
use super::super::super::shown::Shown;
use super::super::super::text::plural;
use super::super::super::theme::Slot;
use super::edit::INDENT;
use super::{Doc, Item, Pane};
use crate::row::Pointer;
use crate::row::paper::{Line, Own, Paper, Sentence, Standing, own_words};

/// Columns before a sentence: its number and its mark.
const TEXT: usize = INDENT + 2;
/// Columns of where a line comes from.
const SOURCE: usize = 10;

pub(super) fn paper(model: &Model, body: &Body, paper: &Paper, doc: &mut Doc) {
    let sections = plural(paper.sections.len(), "SECTION", "SECTIONS");
    let under = paper.parent.as_ref().map(|parent| format!(" under {parent}")).unwrap_or_default();
    doc.heading(
        Pane::Proposal,
        &format!("THE POST-MORTEM: {sections}"),
        &format!("a new page in {}{under}", paper.site.title()),
    );
    let nothing = Changes::default();
    let changes = model.changes.get(&body.view.head.id).unwrap_or(&nothing);
    for (heading, told) in sentences(paper, changes) {
        doc.wrapped(Pane::Proposal, Slot::Title, 1, heading);
        for (number, told) in told {
            doc.item = Some(Item::Sentence(number));
            match told {
                Told::Paper(sentence) => self::sentence(paper, sentence, number, changes, doc),
                Told::Own(own) => own_sentence(own, doc),
            }
            doc.item = None;
        }
    }
    timeline(model, body, paper, doc);
}

/// A sentence of the paper, or one that its reader added and has not sent.
#[derive(Clone, Copy)]
pub enum Told<'a> {
    Paper(&'a Sentence),
    Own(&'a Own),
}

/// The sections with the reader's own sentences in them, each under the number that keys mean: own ones come after the
/// paper's.
pub fn sentences<'a>(paper: &'a Paper, changes: &'a Changes) -> Vec<(&'a str, Vec<(usize, Told<'a>)>)> {
    let mut numbers = 1..;
    let of_paper = paper.sections.iter().map(|section| {
        let told = section.sentences.iter().zip(&mut numbers);
        (section.heading.as_str(), told.map(|(one, number)| (number, Told::Paper(one))).collect())
    });
    let mut all: Vec<(&str, Vec<(usize, Told<'_>)>)> = of_paper.collect();
    for (own, number) in changes.told.iter().zip(numbers) {
        match all.iter_mut().find(|(heading, _)| *heading == own.section) {
            Some((_, told)) => told.push((number, Told::Own(own))),
            None => all.push((&own.section, vec![(number, Told::Own(own))])),
        }
    }
    all
}

fn sentence(paper: &Paper, sentence: &Sentence, number: usize, changes: &Changes, doc: &mut Doc) {
    let said = changes.sentences.get(&number);
    let standing = said.map_or(sentence.standing, |accepted| of(*accepted));
    let words = changes.words.get(&number).filter(|_| standing != Standing::Struck);
    let falls = words.is_none() && !changes.answers.contains_key(&number) && paper.falls_with_lines(sentence);
    let (mark, slot) = match standing {
        _ if words.is_some() => ("+", Slot::Added),
        Standing::Struck => ("x", Slot::Ghost),
        _ if falls => (" ", Slot::Ghost),
        Standing::Accepted => ("✓", Slot::Text),
        Standing::Proposed => (" ", Slot::Text),
    };
    let told = match (said, words) {
        (_, Some(_)) => "REWORDED by you, not sent".to_owned(),
        (Some(true), _) => "ACCEPTED by you, not sent".to_owned(),
        (Some(false), _) => "STRUCK by you, not sent".to_owned(),
        (None, None) => sentence.said(),
    };
    let unsent = said.is_some() || words.is_some();
    let head = Styled::of(Slot::Title, format!("{number:>4} ")).add(
        if standing == Standing::Accepted && words.is_none() { Slot::Ok } else { slot },
        format!("{mark} "),
    );
    let text = words.unwrap_or(&sentence.text).replace('\n', " ");
    let line = head.add(slot, Shown::untrusted(&text));
    doc.spread(Pane::Proposal, line, &told, if unsent { Slot::Unsent } else { Slot::Muted }, TEXT);
    if let Some(Err(why)) = words.map(|words| own_words(words)) {
        doc.wrapped(Pane::Proposal, Slot::Danger, TEXT, &format!("CANNOT BE READ, {why}"));
    }
    if falls {
        let told = "not published: the lines that it rests on are struck";
        doc.wrapped(Pane::Proposal, Slot::Changed, TEXT, told);
    }
    if let Some(was) = sentence.words.as_ref().and_then(|words| words.was.as_ref()) {
        doc.wrapped(Pane::Proposal, Slot::Muted, TEXT, &format!("its agent said: {was}"));
    }
    if !sentence.pointers.is_empty() {
        let rests: Vec<&str> = sentence.pointers.iter().map(Pointer::called).collect();
        doc.wrapped(Pane::Proposal, Slot::Muted, TEXT, &format!("from {}", rests.join(", ")));
    }
    match (changes.answers.get(&number), &sentence.answer) {
        (Some(answer), _) => {
            let line = Styled::of(Slot::Added, format!("{:INDENT$}+ {answer}", ""));
            doc.spread(Pane::Proposal, line, "YOUR ANSWER, not sent", Slot::Unsent, TEXT);
        }
        (None, Some(answer)) => {
            doc.wrapped(Pane::Proposal, slot, TEXT, &format!("answered by {}: {}", answer.by, answer.text));
        }
        (None, None) => {}
    }
}

fn own_sentence(own: &Own, doc: &mut Doc) {
    let line = Styled::of(Slot::Added, format!("{:INDENT$}+ {}", "", own.text));
    doc.spread(Pane::Proposal, line, "YOUR SENTENCE, not sent", Slot::Unsent, TEXT);
}

fn of(accepted: bool) -> Standing {
    if accepted { Standing::Accepted } else { Standing::Struck }
}

fn timeline(model: &Model, body: &Body, paper: &Paper, doc: &mut Doc) {
    let nothing = Changes::default();
    let changes = model.changes.get(&body.view.head.id).unwrap_or(&nothing);
    let standing = |line: &(usize, &Line), is: Standing| self::standing(changes, line.0, line.1) == is;
    let numbered = || paper.timeline.iter().enumerate().map(|(at, line)| (at + 1, line));
    let count = |is: Standing| numbered().filter(|line| standing(line, is)).count();
    let title = format!(
        "TIMELINE: {}, {} ACCEPTED, {} STRUCK",
        plural(paper.timeline.len(), "LINE", "LINES"),
        count(Standing::Accepted),
        count(Standing::Struck)
    );
    let unsent = format!("{}, NOT SENT", changes.summary());
    doc.heading(
        Pane::Timeline,
        &title,
        if changes.amends() { &unsent } else { "what nobody struck is published" },
    );
    let mut day = None;
    for (number, line) in lines(paper, changes) {
        let at = line.at.to_zoned(model.zone.clone());
        if day != Some(at.date()) {
            day = Some(at.date());
            doc.push(
                Pane::Timeline,
                Styled::of(Slot::Muted, format!("{:INDENT$}  {}", "", at.strftime("%Y-%m-%d, times in %Z"))),
            );
        }
        doc.item = Some(Item::Part(number));
        let own = number > paper.timeline.len();
        self::line(model, line, number, own, changes, doc);
        doc.item = None;
    }
    super::changed::unsent(model, changes, doc);
}

/// The timeline with the reader's own lines among it, each under the number that keys mean: own ones come after the
/// paper's.
pub fn lines<'a>(paper: &'a Paper, changes: &'a Changes) -> Vec<(usize, &'a Line)> {
    let mut lines: Vec<(usize, &Line)> =
        paper.timeline.iter().chain(&changes.own).enumerate().map(|(at, line)| (at + 1, line)).collect();
    lines.sort_by_key(|(_, line)| line.at);
    lines
}

/// As the paper has it, or as its reader says and has not sent.
fn standing(changes: &Changes, number: usize, line: &Line) -> Standing {
    changes.lines.get(&number).map_or(line.standing, |accepted| of(*accepted))
}

fn line(model: &Model, line: &Line, number: usize, own: bool, changes: &Changes, doc: &mut Doc) {
    let standing = standing(changes, number, line);
    let unsent = own || changes.lines.contains_key(&number);
    let (mark, slot) = match standing {
        _ if own => ("+", Slot::Added),
        Standing::Accepted => ("✓", Slot::Text),
        Standing::Struck => ("x", Slot::Ghost),
        Standing::Proposed => (" ", Slot::Text),
    };
    let at = line.at.to_zoned(model.zone.clone()).strftime("%H:%M:%S").to_string();
    let label = if own { String::new() } else { number.to_string() };
    let source = Shown::untrusted(if own { "you" } else { &line.source });
    let head = Styled::of(Slot::Title, format!("{label:>4} "))
        .add(if standing == Standing::Accepted { Slot::Ok } else { slot }, format!("{mark} "))
        .add(Slot::Muted, format!("{at} "))
        .add(Slot::Info, source.fit(SOURCE))
        .to(INDENT + 2 + 9 + SOURCE + 1);
    let indent = head.width();
    let text = line.text.replace('\n', " ");
    let said = said(own, unsent, standing, line);
    let told = if unsent { Slot::Unsent } else { Slot::Muted };
    doc.spread(Pane::Timeline, head.add(slot, Shown::untrusted(&text)), &said, told, indent);
}

fn said(own: bool, unsent: bool, standing: Standing, line: &Line) -> String {
    match (unsent, standing, &line.by) {
        (true, ..) if own => "YOUR LINE, not sent".to_owned(),
        (true, Standing::Accepted, _) => "ACCEPTED by you, not sent".to_owned(),
        (true, Standing::Struck, _) => "STRUCK by you, not sent".to_owned(),
        (false, Standing::Struck, Some(by)) => format!("STRUCK by {by}"),
        (false, Standing::Struck, None) => "STRUCK".to_owned(),
        (false, Standing::Accepted, Some(by)) => format!("accepted by {by}"),
        (false, Standing::Accepted, None) => "accepted".to_owned(),
        (_, Standing::Proposed, _) => String::new(),
    }
}
