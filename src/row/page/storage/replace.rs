//! One value within a passage's text, found in the bytes that say it.
//!
//! Never: a value that stands there twice; one that begins in one element and ends in another.

use std::ops::Range;

use super::super::anchor::cut;
use super::inline::{Inline, Leaf, LeafKind};
use super::passages::{Found, Sort};
use super::{tree::Tree, write};

/// A character of the text and the bytes that say it.
struct Placed {
    /// Where it begins in the text.
    at: usize,
    source: Range<usize>,
    kind: LeafKind,
}

/// The bytes to replace, and by what.
pub(super) fn value(
    tree: &Tree<'_>,
    seen: &Found,
    was: &str,
    is: &str,
) -> Result<(Range<usize>, String), String> {
    let verbatim = seen.place.sort == Sort::Code;
    let inline = Inline::of(tree, &seen.place.groups);
    let (text, placed) = placed(&inline.leaves, verbatim);
    let wanted = if verbatim { was.to_owned() } else { was.split_whitespace().collect::<Vec<_>>().join(" ") };
    let within = cut(&seen.passage.text);
    if wanted.is_empty() {
        return Err("the value that is to be replaced is empty".to_owned());
    }
    let Some(found) = text.find(&wanted) else {
        return Err(format!("“{}” is not in “{within}”", cut(was)));
    };
    let next = found + wanted.chars().next().map_or(1, char::len_utf8);
    if text[next..].contains(&wanted) {
        let count = text.matches(&wanted).count().max(2);
        return Err(format!("“{}” is {count} times in “{within}”", cut(was)));
    }
    let first = placed.partition_point(|c| c.at < found);
    let end = placed.partition_point(|c| c.at < found + wanted.len());
    let range = whole(&placed[first..end]).ok_or_else(|| {
        format!("“{}” begins in one piece of markup and ends in another; replace the passage", cut(was))
    })?;
    let cdata = placed[first].kind == LeafKind::CData;
    let text = if cdata { in_cdata(tree.source, &range, is)? } else { escaped(is) };
    Ok((range, text))
}

/// One stretch of bytes without markup in it.
fn whole(placed: &[Placed]) -> Option<Range<usize>> {
    let (first, last) = (placed.first()?, placed.last()?);
    let text = |c: &Placed| matches!(c.kind, LeafKind::Text | LeafKind::Entity | LeafKind::CData);
    let joined = placed.windows(2).all(|pair| pair[0].source.end == pair[1].source.start);
    (placed.iter().all(text) && joined).then_some(first.source.start..last.source.end)
}

fn escaped(is: &str) -> String {
    let mut out = String::new();
    write::escape(is, &mut out);
    out
}

/// Within CDATA nothing is escaped; it only must not come to end there.
fn in_cdata(source: &str, at: &Range<usize>, is: &str) -> Result<String, String> {
    let before: Vec<char> = source[..at.start].chars().rev().take(2).collect();
    let after = source[at.end..].chars().take(2);
    let around: String = before.into_iter().rev().chain(is.chars()).chain(after).collect();
    if around.matches("]]>").count() > is.matches("]]>").count() {
        return Err("the new value would end the code it stands in".to_owned());
    }
    Ok(write::in_cdata(is))
}

/// The text as [`Inline::text`] or [`Inline::verbatim`] has it, character by character; a run of white space is one.
fn placed(leaves: &[Leaf<'_>], verbatim: bool) -> (String, Vec<Placed>) {
    let (mut text, mut placed) = (String::new(), Vec::<Placed>::new());
    let mut space: Option<(Range<usize>, LeafKind)> = None;
    let skipped = if verbatim { LeafKind::Gap } else { LeafKind::Beside };
    for leaf in leaves.iter().filter(|leaf| leaf.kind != skipped && leaf.kind != LeafKind::Beside) {
        for (at, c) in leaf.text.char_indices() {
            let source = match leaf.kind {
                LeafKind::Text | LeafKind::CData => {
                    let start = leaf.at.start + at;
                    start..start + c.len_utf8()
                }
                LeafKind::Entity | LeafKind::Fixed | LeafKind::Beside | LeafKind::Gap => leaf.at.clone(),
            };
            if c.is_whitespace() && !verbatim {
                space = Some(match space {
                    // Markup within it makes it a gap, which belongs to nothing.
                    Some((run, kind)) if run.end == source.start && kind != LeafKind::Gap => {
                        (run.start..source.end, kind)
                    }
                    Some((run, _)) => (run, LeafKind::Gap),
                    None => (source, leaf.kind),
                });
                continue;
            }
            if let Some((source, kind)) = space.take().filter(|_| !text.is_empty()) {
                placed.push(Placed { at: text.len(), source, kind });
                text.push(' ');
            }
            placed.push(Placed { at: text.len(), source, kind: leaf.kind });
            text.push(c);
        }
    }
    (text, placed)
}
