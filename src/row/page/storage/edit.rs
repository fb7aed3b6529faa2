//! Operations as splices of the page's own string.
//!
//! Blocks after an item of a list: items become items of that list; what is no item goes into the item before it, at its
//! end; a heading has no place there. Tables after a row become rows of its table; anything else goes after the table.
//! Never: some of the operations; two on one place that would undo each other.

use std::ops::Range;

use super::super::anchor::{self, Target, cut};
use super::super::{Action, Block, NotApplicable, Operation, Piece, operation::beside_struck};
use super::passages::{Found, Sort, passages, top};
use super::tree::Tree;
use super::{replace, write};

/// One change of the source: these bytes become that text.
pub(super) struct Splice {
    pub(super) at: Range<usize>,
    pub(super) text: String,
    side: Side,
}

/// Which comes first of what is put at one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Side {
    /// After what stands before it.
    After,
    /// Before what stands after it.
    Before,
    /// In place of it.
    Instead,
}

/// What one operation does, and which bytes nothing else may touch.
#[derive(Default)]
struct Change {
    splices: Vec<Splice>,
    claims: Vec<Range<usize>>,
}

pub(super) fn apply(body: &str, operations: &[Operation]) -> Result<String, NotApplicable> {
    let tree = Tree::parse(body)?;
    let found = passages(&tree)?;
    let page = Page { tree: &tree, found: &found };
    let mut changes = Vec::with_capacity(operations.len());
    for (at, operation) in operations.iter().enumerate() {
        let no = |why: String| NotApplicable::Operation { number: at + 1, why };
        changes.push(page.change(operation).map_err(no)?);
    }
    apart(&changes)?;
    let next = spliced(body, changes);
    // What comes out has to be a page again: nothing is published that Dock could not read back.
    passages(&Tree::parse(&next)?)?;
    Ok(next)
}

/// Two operations never touch the same bytes.
fn apart(changes: &[Change]) -> Result<(), NotApplicable> {
    let mut claims: Vec<_> = changes
        .iter()
        .enumerate()
        .flat_map(|(at, change)| change.claims.iter().map(move |claim| (claim.clone(), at)))
        .collect();
    claims.sort_by_key(|(claim, _)| (claim.start, claim.end));
    for pair in claims.windows(2) {
        let [(first, one), (second, other)] = pair else { continue };
        if one != other && second.start < first.end {
            let (number, with) = (one.max(other) + 1, one.min(other) + 1);
            let why = format!("it changes what operation {with} changes");
            return Err(NotApplicable::Operation { number, why });
        }
    }
    // What is put into the middle of something that goes.
    for (at, change) in changes.iter().enumerate() {
        for splice in change.splices.iter().filter(|splice| splice.at.is_empty()) {
            let upto = claims.partition_point(|(claim, _)| claim.start < splice.at.start);
            let hit = upto.checked_sub(1).map(|last| &claims[last]);
            if let Some((_, other)) = hit.filter(|(claim, by)| *by != at && splice.at.start < claim.end) {
                let why = format!("it puts something into what operation {} changes", other + 1);
                return Err(NotApplicable::Operation { number: at + 1, why });
            }
        }
    }
    Ok(())
}

fn spliced(body: &str, changes: Vec<Change>) -> String {
    let mut splices: Vec<_> = changes.into_iter().flat_map(|change| change.splices).collect();
    splices.sort_by_key(|splice| (splice.at.start, splice.side));
    let mut next = String::with_capacity(body.len() + splices.iter().map(|s| s.text.len()).sum::<usize>());
    let mut at = 0;
    for splice in splices {
        next.push_str(body.get(at..splice.at.start).unwrap_or_default());
        next.push_str(&splice.text);
        at = splice.at.end;
    }
    next.push_str(body.get(at..).unwrap_or_default());
    next
}

impl Change {
    fn put(mut self, at: usize, text: String, side: Side) -> Self {
        if !text.is_empty() {
            self.splices.push(Splice { at: at..at, text, side });
        }
        self
    }

    fn instead(mut self, at: Range<usize>, text: String) -> Self {
        self.claims.push(at.clone());
        self.splices.push(Splice { at, text, side: Side::Instead });
        self
    }
}

struct Page<'t, 'a> {
    tree: &'t Tree<'a>,
    found: &'t [Found],
}

impl Page<'_, '_> {
    fn change(&self, operation: &Operation) -> Result<Change, String> {
        let target = anchor::find(self.found.iter().map(|seen| &seen.passage), &operation.anchor)?;
        let Target::Passage(at) = target else {
            return match &operation.action {
                Action::InsertAfter { blocks } | Action::InsertBefore { blocks } => {
                    some(blocks)?;
                    Ok(Change::default().put(top(self.tree), write::write(blocks), Side::After))
                }
                _ => Err("the top of the page has no text that could change".to_owned()),
            };
        };
        let seen = &self.found[at];
        match &operation.action {
            Action::InsertBefore { blocks } => before(seen, some(blocks)?),
            Action::InsertAfter { blocks } => after(seen, some(blocks)?, Change::default()),
            Action::Replace { blocks } => Self::replaced(seen, some(blocks)?),
            Action::ReplaceValue { was, is } => {
                let (at, text) = replace::value(self.tree, seen, was, is)?;
                Ok(Change::default().instead(at, text))
            }
            Action::MarkDeprecated { instead } => deprecated(seen, instead),
        }
    }

    fn replaced(seen: &Found, blocks: &[Block]) -> Result<Change, String> {
        let place = &seen.place;
        let change = Change::default();
        let (first, rest) = blocks.split_first().ok_or("it has no blocks")?;
        match &place.sort {
            Sort::Item { .. } => {
                let (Block::Item { text, .. } | Block::Paragraph { text }) = first else {
                    return Err("a list's item is replaced by items".to_owned());
                };
                let run =
                    joined(&place.runs).ok_or("its text lies in several parts; replace a value of it")?;
                after(seen, rest, change.instead(run, write::in_line(text)))
            }
            Sort::Row { .. } => match all_rows(blocks) {
                Some(rows) => Ok(change.instead(place.whole.clone(), rows)),
                None => Err("a table's row is replaced by a table's rows".to_owned()),
            },
            Sort::Opaque => Err(carried(seen)),
            Sort::Code => Ok(change.instead(place.whole.clone(), write::write(blocks))),
            Sort::Text { tag } => {
                // The same element with another text keeps its attributes.
                let same = match (blocks, place.runs.as_slice()) {
                    ([Block::Paragraph { text }], [run]) if *tag == "p" => Some((run, text)),
                    ([Block::Heading { level, text }], [run]) if *tag == format!("h{level}") => {
                        Some((run, text))
                    }
                    _ => None,
                };
                Ok(match same {
                    Some((run, text)) => change.instead(run.clone(), write::in_line(text)),
                    None => change.instead(place.whole.clone(), write::write(blocks)),
                })
            }
        }
    }
}

fn some(blocks: &[Block]) -> Result<&[Block], String> {
    if blocks.is_empty() { Err("it has no blocks".to_owned()) } else { Ok(blocks) }
}

fn carried(seen: &Found) -> String {
    format!("“{}” lies in a macro, which Dock carries as it is", cut(&seen.passage.text))
}

fn before(seen: &Found, blocks: &[Block]) -> Result<Change, String> {
    let place = &seen.place;
    let (at, text) = match &place.sort {
        Sort::Item { .. } => {
            let items = items(blocks)?;
            let (None, within) = &items else {
                return Err("only items can stand before a list's item".to_owned());
            };
            (place.whole.start, within.concat())
        }
        Sort::Row { table } => match all_rows(blocks) {
            Some(rows) => (place.whole.start, rows),
            None => (table.start, write::write(blocks)),
        },
        Sort::Text { .. } | Sort::Code | Sort::Opaque => (place.whole.start, write::write(blocks)),
    };
    Ok(Change::default().put(at, text, Side::Before))
}

fn after(seen: &Found, blocks: &[Block], change: Change) -> Result<Change, String> {
    let place = &seen.place;
    Ok(match &place.sort {
        Sort::Item { inside } => {
            let (first, items) = items(blocks)?;
            let change = change.put(*inside, first.unwrap_or_default(), Side::After);
            change.put(place.whole.end, items.concat(), Side::After)
        }
        Sort::Row { table } => match all_rows(blocks) {
            Some(rows) => change.put(place.whole.end, rows, Side::After),
            None => change.put(table.end, write::write(blocks), Side::After),
        },
        Sort::Text { .. } | Sort::Code | Sort::Opaque => {
            change.put(place.whole.end, write::write(blocks), Side::After)
        }
    })
}

/// What goes into the item that stands there already, and new items, each with what comes after it and is none.
fn items(blocks: &[Block]) -> Result<(Option<String>, Vec<String>), String> {
    if blocks.iter().any(|block| matches!(block, Block::Heading { .. })) {
        return Err("a heading has no place in a list".to_owned());
    }
    let own = blocks.iter().take_while(|block| !matches!(block, Block::Item { .. })).count();
    let (own, mut rest) = blocks.split_at(own);
    let first = (!own.is_empty()).then(|| write::write(own));
    let depth = |block: &Block| if let Block::Item { depth, .. } = block { *depth } else { u8::MAX };
    let least = rest.iter().map(depth).min().unwrap_or(0);
    let mut items = Vec::new();
    while let Some((head, tail)) = rest.split_first() {
        let below = tail.iter().take_while(|block| depth(block) > least).count();
        let mut item = String::new();
        let content = if let Block::Item { text, .. } = head { write::in_line(text) } else { String::new() };
        item.push_str(&format!("<li><p>{content}</p>{}</li>", write::write(&tail[..below])));
        items.push(item);
        rest = &tail[below..];
    }
    Ok((first, items))
}

/// The rows of tables, where there is nothing else.
fn all_rows(blocks: &[Block]) -> Option<String> {
    let mut out = String::new();
    for block in blocks {
        let Block::Table { rows } = block else { return None };
        for cells in rows {
            write::row(cells, false, &mut out);
        }
    }
    Some(out)
}

fn joined(runs: &[Range<usize>]) -> Option<Range<usize>> {
    match runs {
        [run] => Some(run.clone()),
        _ => None,
    }
}

/// Each run between `<del>` and `</del>`, and what replaces it after the last one.
fn deprecated(seen: &Found, instead: &[Piece]) -> Result<Change, String> {
    let place = &seen.place;
    match place.sort {
        Sort::Opaque => return Err(carried(seen)),
        Sort::Code => return Err("code cannot be struck out; replace it".to_owned()),
        Sort::Text { .. } | Sort::Item { .. } | Sort::Row { .. } => (),
    }
    if seen.passage.deprecated {
        return Err(format!("“{}” is struck out already", cut(&seen.passage.text)));
    }
    let mut change = Change::default();
    let Some(last) = place.runs.last() else { return Err(carried(seen)) };
    for run in &place.runs {
        let end = if run == last {
            format!("</del>{}", write::in_line(&beside_struck(instead)))
        } else {
            "</del>".to_owned()
        };
        change = change.put(run.start, "<del>".to_owned(), Side::Before).put(run.end, end, Side::After);
        change.claims.push(run.clone());
    }
    Ok(change)
}
