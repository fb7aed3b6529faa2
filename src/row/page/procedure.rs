//! A page as the steps that people follow and tick, each named as the page numbers it, with all that stands under it.
//!
//! Numbered items and tasks are steps wherever they stand; bullets are where their heading says so, or where the page has
//! nothing else; of a page of prose each section is one. Whoever drafts a live runbook and whoever checks it read it here.
//! Never: a command or a warning of the page left out without a word; a number that the page does not show.

use std::ops::Range;

use super::{
    Outline, Passage,
    outline::PassageKind::{self, Bullet, Code, Heading, Opaque, Step, TableRow},
};
use crate::row::{
    Draft,
    proposal::{Live, LivePart, LiveStep, PartSort},
};

/// Bytes of one part, or of a step's own text.
pub const PART_BYTES_MAX: usize = 4 * 1024;
/// Bytes of all parts together. What stands under the steps goes before what stands around them.
pub const PARTS_BYTES_MAX: usize = 64 * 1024;
/// Characters of a heading in a label.
const HEADING_CHARS_MAX: usize = 48;
const CUT: &str = "… (cut here: the rest is on the page)";

/// Headings over bullets that are to be done in their order.
const PROCEDURES: &[&str] = &[
    "step",
    "steps",
    "procedure",
    "procedures",
    "runbook",
    "playbook",
    "checklist",
    "instructions",
    "actions",
    "mitigation",
    "failover",
    "rollback",
    "recovery",
    "to do",
    "what to do",
];
/// Blocks that say what the page itself has elsewhere.
const INDEXES: &[&str] = &["toc", "toc-zone", "children", "pagetree", "table_of_contents", "breadcrumb"];

/// The page's steps with nothing said of them yet.
pub fn of(outline: &Outline) -> Live {
    let passages = &outline.passages;
    let marked = Marked::of(passages);
    let places: Vec<usize> = (0..passages.len()).filter(|at| marked.steps[*at]).collect();
    let labels = labels(passages, &marked);
    let shown = places.len().min(Draft::STEPS_MAX);
    // What stands under a step ends where the next heading begins: what comes then stands before the step after it.
    let ends =
        |at: usize, until: usize| (at + 1..until).find(|next| is_heading(&passages[*next])).unwrap_or(until);
    let mut steps = Vec::with_capacity(shown);
    let (mut from, mut left) = (0, PARTS_BYTES_MAX);
    let mut before = Vec::with_capacity(shown);
    for (nth, at) in places.iter().copied().enumerate().take(shown) {
        let until = places.get(nth + 1).copied().unwrap_or(passages.len());
        let end = ends(at, until);
        before.push(from..at);
        steps.push(LiveStep {
            label: labels[nth].clone(),
            text: cut(&passages[at].text),
            under: parts(passages, at + 1..end, &mut left),
            deprecated: passages[at].deprecated,
            ..LiveStep::default()
        });
        from = end;
    }
    for (step, range) in steps.iter_mut().zip(before) {
        step.before = parts(passages, range, &mut left);
    }
    // Behind a step that is not shown nothing stands by itself.
    let more = places.len() - shown;
    let after = if more == 0 { parts(passages, from..passages.len(), &mut left) } else { Vec::new() };
    Live { steps, after, more, ..Live::default() }
}

/// Which passages are steps.
struct Marked {
    steps: Vec<bool>,
    /// The page has none, and its sections stand for them.
    sections: bool,
}

impl Marked {
    fn of(passages: &[Passage]) -> Self {
        let certain = |passage: &Passage| matches!(passage.kind, Step(_)) || is_task(passage);
        let bullets_too = !passages.iter().any(certain);
        let (mut steps, mut within): (Vec<bool>, Option<u8>) = (Vec::with_capacity(passages.len()), None);
        for passage in passages {
            within = within.filter(|depth| !is_heading(passage) && *depth < passage.depth);
            let named = bullets_too || passage.path.last().is_some_and(|heading| is_procedure(heading));
            let is_step = certain(passage) || passage.kind == Bullet && named && within.is_none();
            // A bullet within an item is how that is done, not a step of its own.
            if within.is_none() && (is_step || passage.kind == Bullet) {
                within = Some(passage.depth);
            }
            steps.push(is_step);
        }
        let sections = !steps.contains(&true);
        if sections {
            steps = sectioned(passages);
        }
        Self { steps, sections }
    }
}

/// The headings with something right under them, and what the page begins with. A page without headings is read by the
/// paragraph.
fn sectioned(passages: &[Passage]) -> Vec<bool> {
    let says = |passage: &Passage| !is_heading(passage) && is_said(passage);
    let headed = passages.iter().any(is_heading);
    let first = passages.iter().position(says);
    let is_step = |(at, passage): (usize, &Passage)| {
        if is_heading(passage) {
            let under = passages[at + 1..].iter().take_while(|next| !is_heading(next));
            return under.into_iter().any(says);
        }
        let begins = first == Some(at) && !passages[..at].iter().any(is_heading);
        begins || !headed && says(passage) && matches!(passage.kind, PassageKind::Paragraph)
    };
    passages.iter().enumerate().map(is_step).collect()
}

/// `Failover 2`, `Failover 2a`, `Checks task 3`: of each step, as the page shows it.
fn labels(passages: &[Passage], marked: &Marked) -> Vec<String> {
    let mut open: Vec<(u8, String)> = Vec::new();
    let (mut tasks, mut bullets, mut sections) = (0, 0, 0);
    let mut labels = Vec::new();
    for (passage, is_step) in passages.iter().zip(&marked.steps) {
        if is_heading(passage) {
            open.clear();
            (tasks, bullets) = (0, 0);
        }
        if !is_step {
            continue;
        }
        open.retain(|(depth, _)| *depth < passage.depth);
        let number = match &passage.kind {
            Step(number) => {
                let number = nested(open.last().map(|(_, above)| above.as_str()), open.len(), *number);
                open.push((passage.depth, number.clone()));
                number
            }
            Bullet => counted("bullet", &mut bullets),
            Opaque(_) if !marked.sections => counted("task", &mut tasks),
            _ => counted("section", &mut sections),
        };
        let heading = passage.path.last().filter(|_| !marked.sections);
        let heading =
            heading.map(|heading| heading.chars().take(HEADING_CHARS_MAX).collect::<String>() + " ");
        labels.push(heading.unwrap_or_default() + &number);
    }
    labels
}

fn counted(word: &str, count: &mut u32) -> String {
    *count += 1;
    format!("{word} {count}")
}

/// Pages number lists within lists by letters, and those within them by Roman numbers.
fn nested(above: Option<&str>, deep: usize, number: u32) -> String {
    let own = match deep % 3 {
        0 => number.to_string(),
        1 => letters(number),
        _ => roman(number),
    };
    match (above, deep) {
        (None, _) => own,
        (Some(above), 1) => format!("{above}{own}"),
        (Some(above), _) => format!("{above}.{own}"),
    }
}

/// `a`, `z`, `aa`.
fn letters(number: u32) -> String {
    let (mut left, mut text) = (number, String::new());
    while left > 0 {
        left -= 1;
        let letter = u8::try_from(left % 26).unwrap_or_default();
        text.insert(0, char::from(b'a' + letter));
        left /= 26;
    }
    if text.is_empty() { number.to_string() } else { text }
}

fn roman(number: u32) -> String {
    const SIGNS: [(u32, &str); 9] =
        [(100, "c"), (90, "xc"), (50, "l"), (40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i")];
    if number == 0 || number >= 400 {
        return number.to_string();
    }
    let (mut left, mut text) = (number, String::new());
    for (value, sign) in SIGNS {
        while left >= value {
            text.push_str(sign);
            left -= value;
        }
    }
    text
}

/// The passages as parts, as far as there is room; what there is no room for is counted.
fn parts(passages: &[Passage], range: Range<usize>, left: &mut usize) -> Vec<LivePart> {
    let mut parts = Vec::new();
    let mut missing = 0;
    for passage in passages.get(range).unwrap_or_default().iter().filter(|passage| is_said(passage)) {
        let part = part(passage);
        if part.text.len() > *left {
            missing += 1;
            continue;
        }
        *left -= part.text.len();
        parts.push(part);
    }
    if missing > 0 {
        let text = format!("({missing} more, not shown here: see the page)");
        parts.push(LivePart { sort: PartSort::Text, text });
    }
    parts
}

fn part(passage: &Passage) -> LivePart {
    let text = &passage.text;
    let (sort, text) = match &passage.kind {
        Heading(_) => (PartSort::Heading, text.clone()),
        Code => (PartSort::Code, text.clone()),
        Bullet => (PartSort::Text, format!("- {text}")),
        Step(number) => (PartSort::Text, format!("{number}. {text}")),
        Opaque(name) => (PartSort::Note, format!("{name}: {text}")),
        PassageKind::Paragraph | TableRow => (PartSort::Text, text.clone()),
    };
    let struck = if passage.deprecated { "(struck out on the page) " } else { "" };
    LivePart { sort, text: cut(&format!("{struck}{text}")) }
}

fn cut(text: &str) -> String {
    if text.len() <= PART_BYTES_MAX {
        return text.to_owned();
    }
    let end = (0..=PART_BYTES_MAX - CUT.len()).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    format!("{}{CUT}", &text[..end])
}

fn is_heading(passage: &Passage) -> bool {
    matches!(passage.kind, Heading(_))
}

/// It says something of its own.
fn is_said(passage: &Passage) -> bool {
    let index = matches!(&passage.kind, Opaque(name) if INDEXES.contains(&name.as_str()));
    !index && !passage.text.trim().is_empty()
}

/// Confluence's and Notion's boxes to tick.
fn is_task(passage: &Passage) -> bool {
    matches!(&passage.kind, Opaque(name) if matches!(name.as_str(), "task" | "to_do")) && is_said(passage)
}

fn is_procedure(heading: &str) -> bool {
    let words: Vec<String> = heading
        .split(|c: char| !c.is_alphanumeric())
        .map(str::to_lowercase)
        .filter(|w| !w.is_empty())
        .collect();
    let flat = format!(" {} ", words.join(" "));
    PROCEDURES.iter().any(|phrase| flat.contains(&format!(" {phrase} ")))
}

#[cfg(test)]
mod tests;
