//! What operations do to a page's blocks: what is put where, what becomes of which block, which goes.
//!
//! As in storage format: items after an item are items beside it, what is none goes into it, a heading has no place there;
//! tables after a row become its table's rows. A block's type cannot change: what is replaced by something else is written
//! after it and then taken away.
//! Never: a block taken away that holds others; one changed by two operations.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json, json};

use super::super::anchor::{self, Target, cut};
use super::super::{Action, Block, NotApplicable, Operation, Piece, operation::beside_struck};
use super::read::{self, Found, Sort, passages};
use super::{rich, write};

/// Among a parent's blocks: after the one with this number, or first.
pub(super) type Spot = (Vec<usize>, Option<usize>);

#[derive(Default)]
pub(super) struct Plan {
    pub(super) inserts: BTreeMap<Spot, Vec<Put>>,
    /// A block's new content, by its address: fields of its type.
    pub(super) updates: BTreeMap<Vec<usize>, Map<String, Json>>,
    pub(super) deletes: BTreeSet<Vec<usize>>,
    /// Which operation changes a block or takes it away.
    pub(super) claimed: BTreeMap<Vec<usize>, usize>,
}

/// What one operation puts at a place.
pub(super) struct Put {
    side: Side,
    pub(super) number: usize,
    pub(super) blocks: Vec<Json>,
}

/// Which comes first of what is put at one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Side {
    Instead,
    After,
    Before,
}

pub(super) fn plan(blocks: &[Json], operations: &[Operation]) -> Result<Plan, NotApplicable> {
    let found = passages(blocks)?;
    let mut plan = Plan::default();
    for (at, operation) in operations.iter().enumerate() {
        let no = |why: String| NotApplicable::Operation { number: at + 1, why };
        let mut one = One { blocks, found: &found, plan: &mut plan, number: at + 1 };
        one.take(operation).map_err(no)?;
    }
    for at in plan.inserts.values_mut() {
        at.sort_by_key(|put| put.side);
    }
    let into =
        plan.inserts.keys().find(|(parent, _)| plan.deletes.iter().any(|gone| parent.starts_with(gone)));
    if let Some((parent, _)) = into {
        let number = plan.claimed.get(parent).copied().unwrap_or(1);
        let why = "it takes away a block that another operation puts something into".to_owned();
        return Err(NotApplicable::Operation { number, why });
    }
    Ok(plan)
}

/// The block at an address.
pub(super) fn block<'a>(blocks: &'a [Json], address: &[usize]) -> Option<&'a Json> {
    let (first, rest) = address.split_first()?;
    let found = blocks.get(*first)?;
    if rest.is_empty() { Some(found) } else { block(read::children(found), rest) }
}

struct One<'a> {
    blocks: &'a [Json],
    found: &'a [Found],
    plan: &'a mut Plan,
    number: usize,
}

impl One<'_> {
    fn take(&mut self, operation: &Operation) -> Result<(), String> {
        let target = anchor::find(self.found.iter().map(|seen| &seen.passage), &operation.anchor)?;
        let Target::Passage(at) = target else {
            return match &operation.action {
                Action::InsertAfter { blocks } | Action::InsertBefore { blocks } => {
                    some(blocks)?;
                    self.put((Vec::new(), None), Side::After, write::write(blocks));
                    Ok(())
                }
                _ => Err("the top of the page has no text that could change".to_owned()),
            };
        };
        let seen = &self.found[at];
        match &operation.action {
            Action::InsertBefore { blocks } => self.before(seen, some(blocks)?),
            Action::InsertAfter { blocks } => self.after(seen, some(blocks)?, Side::After),
            Action::Replace { blocks } => self.replace(seen, some(blocks)?),
            Action::ReplaceValue { was, is } => self.value(seen, was, is),
            Action::MarkDeprecated { instead } => self.deprecate(seen, instead),
        }
    }

    fn put(&mut self, spot: Spot, side: Side, blocks: Vec<Json>) {
        if !blocks.is_empty() {
            let put = Put { side, number: self.number, blocks };
            self.plan.inserts.entry(spot).or_default().push(put);
        }
    }

    fn claim(&mut self, seen: &Found) -> Result<(), String> {
        if seen.place.sort == Sort::Opaque {
            return Err(carried(seen));
        }
        match self.plan.claimed.insert(seen.place.address.clone(), self.number) {
            Some(other) => Err(format!("it changes what operation {other} changes")),
            None => Ok(()),
        }
    }

    fn update(&mut self, seen: &Found, payload: Map<String, Json>) -> Result<(), String> {
        let too_long = |items: &Json| items.as_array().is_some_and(|items| items.len() > rich::ITEMS_MAX);
        let cells = payload.get("cells").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
        if payload.get("rich_text").is_some_and(too_long) || cells.iter().any(too_long) {
            let most = rich::ITEMS_MAX;
            return Err(format!("“{}” would have more than {most} pieces", cut(&seen.passage.text)));
        }
        self.plan.updates.insert(seen.place.address.clone(), payload);
        Ok(())
    }

    fn payload(&self, seen: &Found) -> (&str, &Json) {
        let block = block(self.blocks, &seen.place.address).unwrap_or(&Json::Null);
        read::payload(block).unwrap_or(("", &Json::Null))
    }

    fn before(&mut self, seen: &Found, blocks: &[Block]) -> Result<(), String> {
        let new = match seen.place.sort {
            Sort::Item => {
                let (own, items) = self.items(seen, blocks)?;
                if !own.is_empty() {
                    return Err("only items can stand before a list's item".to_owned());
                }
                items
            }
            Sort::Row => {
                let Some(rows) = self.rows(seen, blocks)? else {
                    let table = above(&seen.place.address);
                    self.put(spot(table, false), Side::Before, write::write(blocks));
                    return Ok(());
                };
                rows
            }
            Sort::Text | Sort::Code | Sort::Opaque => write::write(blocks),
        };
        self.put(spot(&seen.place.address, false), Side::Before, new);
        Ok(())
    }

    fn after(&mut self, seen: &Found, blocks: &[Block], side: Side) -> Result<(), String> {
        let address = &seen.place.address;
        let new = match seen.place.sort {
            Sort::Item => {
                let (own, items) = self.items(seen, blocks)?;
                let count = block(self.blocks, address).map_or(0, |block| read::children(block).len());
                self.put((address.clone(), count.checked_sub(1)), Side::After, own);
                items
            }
            Sort::Row => {
                let Some(rows) = self.rows(seen, blocks)? else {
                    self.put(spot(above(address), true), side, write::write(blocks));
                    return Ok(());
                };
                rows
            }
            Sort::Text | Sort::Code | Sort::Opaque => write::write(blocks),
        };
        self.put(spot(address, true), side, new);
        Ok(())
    }

    /// What goes into the item that stands there, and the items beside it, of its own type.
    fn items(&self, seen: &Found, blocks: &[Block]) -> Result<(Vec<Json>, Vec<Json>), String> {
        if blocks.iter().any(|block| matches!(block, Block::Heading { .. })) {
            return Err("a heading has no place in a list".to_owned());
        }
        let own = blocks.iter().take_while(|block| !matches!(block, Block::Item { .. })).count();
        let (own, rest) = blocks.split_at(own);
        let ordered = self.payload(seen).0 == "numbered_list_item";
        let least = rest.iter().filter_map(depth).min().unwrap_or(0);
        let mut items: Vec<Json> = Vec::new();
        let mut rest = rest;
        while let Some((head, tail)) = rest.split_first() {
            let Block::Item { text, .. } = head else {
                return Err("only items stand beside items".to_owned());
            };
            let below =
                tail.iter().take_while(|block| depth(block).is_none_or(|depth| depth > least)).count();
            let (below, after) = tail.split_at(below);
            items.extend(write::write(&[Block::Item { ordered, depth: 0, text: text.clone() }]));
            let below = write::write(&shallower(below, least.saturating_add(1)));
            if deep(&below) > WITHIN_ITEM {
                return Err("Notion takes no block as deep in a list as that".to_owned());
            }
            if let (false, Some(last)) = (below.is_empty(), items.last_mut().and_then(Json::as_object_mut)) {
                last.insert("children".to_owned(), Json::Array(below));
            }
            rest = after;
        }
        Ok((write::write(own), items))
    }

    /// As rows of the table that the anchor is a row of.
    fn rows(&self, seen: &Found, blocks: &[Block]) -> Result<Option<Vec<Json>>, String> {
        let width = read::cells(self.payload(seen).1).len();
        let mut out = Vec::new();
        for block in blocks {
            let Block::Table { rows } = block else { return Ok(None) };
            if let Some(cells) = rows.iter().find(|cells| cells.len() > width) {
                return Err(format!(
                    "the table has {width} columns, and a row of {} does not fit",
                    cells.len()
                ));
            }
            out.extend(rows.iter().map(|cells| write::row(cells, width)));
        }
        Ok(Some(out))
    }

    fn replace(&mut self, seen: &Found, blocks: &[Block]) -> Result<(), String> {
        self.claim(seen)?;
        let (first, rest) = blocks.split_first().ok_or("it has no blocks")?;
        let same = match (seen.place.sort, first, self.payload(seen).0) {
            (Sort::Item, Block::Item { text, .. } | Block::Paragraph { text }, _) => Some(text_of(text)),
            (Sort::Item, ..) => return Err("a list's item is replaced by items".to_owned()),
            (Sort::Text, Block::Paragraph { text }, "paragraph" | "quote" | "toggle") => Some(text_of(text)),
            (Sort::Text, Block::Heading { level, text }, kind)
                if kind == format!("heading_{}", (*level).clamp(1, 3)) =>
            {
                Some(text_of(text))
            }
            (Sort::Code, Block::Code { language, code }, _) => {
                let mut fields = text_of(&[Piece::Plain(code.clone())]);
                fields.insert("language".to_owned(), json!(write::named(language)));
                Some(fields)
            }
            (Sort::Row, ..) => {
                let rows = self.rows(seen, blocks)?.ok_or("a table's row is replaced by a table's rows")?;
                let mut rows = rows.into_iter();
                let first = rows.next().ok_or("it has no rows")?;
                self.put(spot(&seen.place.address, true), Side::Instead, rows.collect());
                let fields = first["table_row"].as_object().cloned().unwrap_or_default();
                return self.update(seen, fields);
            }
            _ => None,
        };
        if let Some(fields) = same {
            self.update(seen, fields)?;
            return if rest.is_empty() { Ok(()) } else { self.after(seen, rest, Side::Instead) };
        }
        let address = &seen.place.address;
        if block(self.blocks, address).is_some_and(|block| !read::children(block).is_empty()) {
            let text = cut(&seen.passage.text);
            return Err(format!("“{text}” holds other blocks, which would go with it"));
        }
        self.put(spot(address, true), Side::Instead, write::write(blocks));
        self.plan.deletes.insert(address.clone());
        Ok(())
    }

    fn value(&mut self, seen: &Found, was: &str, is: &str) -> Result<(), String> {
        self.claim(seen)?;
        let within = cut(&seen.passage.text);
        let payload = self.payload(seen).1;
        let texts: Vec<&[Json]> = match seen.place.sort {
            Sort::Row => read::cells(payload)
                .iter()
                .map(|c| c.as_array().map(Vec::as_slice).unwrap_or_default())
                .collect(),
            _ => vec![read::rich_text(payload)],
        };
        let all = texts.iter().map(|items| rich::verbatim(items)).collect::<Vec<_>>().join(" | ");
        let first = all.find(was).filter(|_| !was.trim().is_empty());
        let Some(first) = first else { return Err(format!("“{}” is not in “{within}”", cut(was))) };
        let next = first + was.chars().next().map_or(1, char::len_utf8);
        if all[next..].contains(was) {
            let count = all.matches(was).count().max(2);
            return Err(format!("“{}” is {count} times in “{within}”", cut(was)));
        }
        let mut done = false;
        let mut next = Vec::with_capacity(texts.len());
        for items in texts {
            let replaced = rich::replaced(items, was, is)?;
            done |= replaced.is_some();
            next.push(Json::Array(replaced.map_or_else(|| rich::sendable(items), Ok)?));
        }
        if !done {
            let was = cut(was);
            return Err(format!(
                "“{was}” begins in one piece of text and ends in another; replace the passage"
            ));
        }
        self.update(seen, fields(seen, next))
    }

    fn deprecate(&mut self, seen: &Found, instead: &[Piece]) -> Result<(), String> {
        self.claim(seen)?;
        if seen.place.sort == Sort::Code {
            return Err("code cannot be struck out; replace it".to_owned());
        }
        if seen.passage.deprecated {
            return Err(format!("“{}” is struck out already", cut(&seen.passage.text)));
        }
        let payload = self.payload(seen).1;
        let mut texts = match seen.place.sort {
            Sort::Row => read::cells(payload)
                .iter()
                .map(|cell| rich::struck(cell.as_array().map(Vec::as_slice).unwrap_or_default()))
                .collect::<Result<Vec<_>, _>>()?,
            _ => vec![rich::struck(read::rich_text(payload))?],
        };
        if let Some(last) = texts.last_mut() {
            last.extend(rich::write(&beside_struck(instead)));
        }
        self.update(seen, fields(seen, texts.into_iter().map(Json::Array).collect()))
    }
}

/// What lies in an item that is written may itself hold this much more.
const WITHIN_ITEM: usize = 2;

fn some(blocks: &[Block]) -> Result<&[Block], String> {
    if blocks.is_empty() { Err("it has no blocks".to_owned()) } else { Ok(blocks) }
}

fn carried(seen: &Found) -> String {
    format!("“{}” is of a kind that Dock carries as it is", cut(&seen.passage.text))
}

fn depth(block: &Block) -> Option<u8> {
    if let Block::Item { depth, .. } = block { Some(*depth) } else { None }
}

fn shallower(blocks: &[Block], by: u8) -> Vec<Block> {
    let one = |block: &Block| match block {
        Block::Item { ordered, depth, text } => {
            Block::Item { ordered: *ordered, depth: depth.saturating_sub(by), text: text.clone() }
        }
        other => other.clone(),
    };
    blocks.iter().map(one).collect()
}

/// How many levels these blocks are.
fn deep(blocks: &[Json]) -> usize {
    blocks.iter().map(|block| 1 + deep(read::children(block))).max().unwrap_or(0)
}

fn text_of(pieces: &[Piece]) -> Map<String, Json> {
    Map::from_iter([("rich_text".to_owned(), Json::Array(rich::write(pieces)))])
}

fn fields(seen: &Found, mut texts: Vec<Json>) -> Map<String, Json> {
    match seen.place.sort {
        Sort::Row => Map::from_iter([("cells".to_owned(), Json::Array(texts))]),
        _ => Map::from_iter([("rich_text".to_owned(), texts.pop().unwrap_or_else(|| json!([])))]),
    }
}

fn above(address: &[usize]) -> &[usize] {
    address.split_last().map(|(_, above)| above).unwrap_or_default()
}

/// Right after a block, or right before it.
fn spot(address: &[usize], after: bool) -> Spot {
    match address.split_last() {
        Some((at, above)) => (above.to_vec(), if after { Some(*at) } else { at.checked_sub(1) }),
        None => (Vec::new(), None),
    }
}
