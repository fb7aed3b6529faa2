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
use super::{Doc, Pane};
use crate::row::paper::{Line, Paper, Section, Standing};

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
    for section in &paper.sections {
        self::section(paper, section, doc);
    }
    timeline(model, body, paper, doc);
}

fn section(paper: &Paper, section: &Section, doc: &mut Doc) {
    doc.wrapped(Pane::Proposal, Slot::Title, 1, &section.heading);
    for sentence in &section.sentences {
        let rests: Vec<&str> = sentence.pointers.iter().map(|pointer| pointer.reference.as_str()).collect();
        let falls = paper.falls_with_lines(sentence);
        doc.wrapped(Pane::Proposal, if falls { Slot::Ghost } else { Slot::Text }, 3, &sentence.text);
        if falls {
            doc.wrapped(
                Pane::Proposal,
                Slot::Changed,
                5,
                "not published: the lines that it rests on are struck",
            );
        }
        if !rests.is_empty() {
            doc.wrapped(Pane::Proposal, Slot::Muted, 5, &format!("from {}", rests.join(", ")));
        }
    }
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
        doc.item = Some(number);
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
    match changes.lines.get(&number) {
        Some(true) => Standing::Accepted,
        Some(false) => Standing::Struck,
        None => line.standing,
    }
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
