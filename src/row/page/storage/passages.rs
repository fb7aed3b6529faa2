//! A storage-format page as its passages, each with the place in the source that an edit of it would touch.
//!
//! Never: a block that is skipped because Dock does not know its element: what is unknown is read as what lies in it.

use std::ops::Range;

use super::super::outline::{PASSAGES_MAX, Passage, PassageKind, Seen, Trail, Unreadable};
use super::inline::{self, BLOCKS, Inline, is_inline, is_macro};
use super::tree::{Kind, Tree};

/// Where a passage stands.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// Its element, tags included; of text that stands in no element of its own, that text.
    pub(super) whole: Range<usize>,
    /// Its inline content: what is replaced or struck out.
    pub(super) runs: Vec<Range<usize>>,
    /// The nodes that its text is made of, by cell.
    pub(super) groups: Vec<Vec<usize>>,
    pub(super) sort: Sort,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sort {
    /// `tag` is what its one element is called; empty where it has none.
    Text {
        tag: &'static str,
    },
    /// `inside` is where its element's content ends.
    Item {
        inside: usize,
    },
    Row {
        table: Range<usize>,
    },
    Code,
    Opaque,
}

pub(super) type Found = Seen<Place>;

pub(super) fn passages(tree: &Tree<'_>) -> Result<Vec<Found>, Unreadable> {
    let mut walk = Walk { tree, found: Vec::new(), trail: Trail::default() };
    walk.container(tree.children(0), 0);
    if walk.found.len() > PASSAGES_MAX {
        return Err(Unreadable(format!("it has more than {PASSAGES_MAX} passages")));
    }
    Ok(walk.found)
}

/// The ranges of inline content within a node, block by block; macros are left out.
fn runs(tree: &Tree<'_>, children: &[usize], into: &mut Vec<Range<usize>>) {
    let mut open: Option<Range<usize>> = None;
    for child in children {
        let whole = &tree.nodes[*child].whole;
        if is_inline(tree, *child) {
            if open.is_some() || !tree.is_blank(*child) {
                open = Some(open.map_or(whole.start, |run| run.start)..whole.end);
            }
            continue;
        }
        into.extend(open.take());
        if !is_macro(tree, *child) {
            runs(tree, tree.children(*child), into);
        }
    }
    into.extend(open);
}

struct Walk<'t, 'a> {
    tree: &'t Tree<'a>,
    found: Vec<Found>,
    trail: Trail,
}

impl Walk<'_, '_> {
    /// Blocks, with what text stands between them.
    fn container(&mut self, children: &[usize], depth: u8) {
        let mut loose: Vec<usize> = Vec::new();
        for child in children {
            if is_inline(self.tree, *child) {
                loose.push(*child);
                continue;
            }
            self.loose(std::mem::take(&mut loose), depth);
            self.block(*child, depth);
        }
        self.loose(loose, depth);
    }

    /// Text in no element of its own.
    fn loose(&mut self, mut nodes: Vec<usize>, depth: u8) {
        let blank = |node: &usize| self.tree.is_blank(*node);
        nodes.drain(..nodes.iter().take_while(|node| blank(node)).count());
        nodes.truncate(nodes.len() - nodes.iter().rev().take_while(|node| blank(node)).count());
        let (Some(first), Some(last)) = (nodes.first(), nodes.last()) else { return };
        let whole = self.tree.nodes[*first].whole.start..self.tree.nodes[*last].whole.end;
        let (runs, sort) = (vec![whole.clone()], Sort::Text { tag: "" });
        self.add(PassageKind::Paragraph, depth, None, Place { whole, runs, groups: vec![nodes], sort });
    }

    fn block(&mut self, node: usize, depth: u8) {
        let name = self.tree.name(node);
        if is_macro(self.tree, node) {
            return self.embedded(node, depth);
        }
        match name {
            "p" => self.element(node, "p", PassageKind::Paragraph, depth),
            "h1" => self.element(node, "h1", PassageKind::Heading(1), depth),
            "h2" => self.element(node, "h2", PassageKind::Heading(2), depth),
            "h3" => self.element(node, "h3", PassageKind::Heading(3), depth),
            "h4" => self.element(node, "h4", PassageKind::Heading(4), depth),
            "h5" => self.element(node, "h5", PassageKind::Heading(5), depth),
            "h6" => self.element(node, "h6", PassageKind::Heading(6), depth),
            "ol" | "ul" => self.list(node, depth),
            "table" => self.table(node, depth),
            "pre" => {
                let place = self.place(node, vec![self.tree.children(node).to_vec()], Sort::Code);
                self.add(PassageKind::Code, depth, Some(node), place);
            }
            "ac:task" => {
                let body = self.tree.child(node, "ac:task-body").unwrap_or(node);
                let place = self.place(node, vec![self.tree.children(body).to_vec()], Sort::Opaque);
                self.add(PassageKind::Opaque("task".to_owned()), depth, Some(node), place);
            }
            "ac:adf-extension" => {
                let place = self.place(node, vec![self.tree.children(node).to_vec()], Sort::Opaque);
                self.add(PassageKind::Opaque("panel".to_owned()), depth, Some(node), place);
            }
            "hr" | "ac:parameter" | "colgroup" | "col" => (),
            _ => self.container(self.tree.children(node), depth),
        }
    }

    fn place(&self, node: usize, groups: Vec<Vec<usize>>, sort: Sort) -> Place {
        Place { whole: self.tree.nodes[node].whole.clone(), runs: Vec::new(), groups, sort }
    }

    fn element(&mut self, node: usize, tag: &'static str, kind: PassageKind, depth: u8) {
        let mut place = self.place(node, vec![self.tree.children(node).to_vec()], Sort::Text { tag });
        place.runs = vec![self.tree.nodes[node].inner.clone()];
        // A paragraph may hold what is a block; then no single run is its text.
        if self.tree.children(node).iter().any(|child| !is_inline(self.tree, *child)) {
            place.runs.clear();
            runs(self.tree, self.tree.children(node), &mut place.runs);
        }
        self.add(kind, depth, Some(node), place);
    }

    fn list(&mut self, node: usize, depth: u8) {
        let ordered = self.tree.name(node) == "ol";
        let start = self.tree.attribute(node, "start").and_then(|start| start.parse::<u32>().ok());
        let mut number = start.unwrap_or(1);
        for child in self.tree.children(node) {
            if self.tree.name(*child) != "li" {
                // A list right within a list is what old editors wrote.
                if !is_inline(self.tree, *child) {
                    self.block(*child, depth.saturating_add(1));
                }
                continue;
            }
            let kind = if ordered { PassageKind::Step(number) } else { PassageKind::Bullet };
            self.item(*child, kind, depth);
            number = number.saturating_add(1);
        }
    }

    /// An item's own text is what stands before its first block, or its first paragraph; the rest are passages below it.
    fn item(&mut self, node: usize, kind: PassageKind, depth: u8) {
        let tree = self.tree;
        let children = tree.children(node);
        let skipped = children.iter().take_while(|child| tree.is_blank(**child)).count();
        let children = &children[skipped..];
        let own = children.iter().take_while(|child| is_inline(tree, **child)).count();
        let (own, rest) = children.split_at(own);
        let sort = Sort::Item { inside: tree.nodes[node].inner.end };
        if let (Some(first), Some(last)) =
            (own.first(), own.iter().rev().find(|child| !tree.is_blank(**child)))
        {
            let mut place = self.place(node, vec![own.to_vec()], sort);
            let run = tree.nodes[*first].whole.start..tree.nodes[*last].whole.end;
            place.runs = std::iter::once(run).collect();
            self.add(kind, depth, Some(node), place);
            return self.container(rest, depth.saturating_add(1));
        }
        let paragraph = rest.first().copied().filter(|child| tree.name(*child) == "p");
        let Some(paragraph) = paragraph else { return self.container(rest, depth.saturating_add(1)) };
        let mut place = self.place(node, vec![tree.children(paragraph).to_vec()], sort);
        runs(tree, tree.children(paragraph), &mut place.runs);
        self.add(kind, depth, Some(node), place);
        self.container(&rest[1..], depth.saturating_add(1));
    }

    fn table(&mut self, node: usize, depth: u8) {
        let tree = self.tree;
        let table = tree.nodes[node].whole.clone();
        let mut rows = Vec::new();
        for child in tree.children(node) {
            match tree.name(*child) {
                "tr" => rows.push(*child),
                "thead" | "tbody" | "tfoot" => {
                    rows.extend(tree.children(*child).iter().filter(|row| tree.name(**row) == "tr"));
                }
                _ => (),
            }
        }
        for row in rows {
            let cells: Vec<_> =
                tree.children(row).iter().filter(|cell| matches!(tree.name(**cell), "td" | "th")).collect();
            let groups = cells.iter().map(|cell| tree.children(**cell).to_vec()).collect();
            let mut place = self.place(row, groups, Sort::Row { table: table.clone() });
            for cell in cells {
                runs(tree, tree.children(*cell), &mut place.runs);
            }
            self.add(PassageKind::TableRow, depth, Some(row), place);
        }
    }

    /// A macro: code is read as code. What holds one paragraph is read as one passage; what holds more is announced and
    /// then read passage by passage.
    fn embedded(&mut self, node: usize, depth: u8) {
        let tree = self.tree;
        let name = inline::macro_name(tree, node);
        let body = tree.children(node).iter().copied().find(|child| inline::is_body(tree, *child));
        let children = body.map(|body| tree.children(body)).unwrap_or_default();
        if matches!(name.as_str(), "code" | "noformat") {
            let place = self.place(node, vec![children.to_vec()], Sort::Code);
            return self.add(PassageKind::Code, depth, Some(node), place);
        }
        let place = self.place(node, vec![children.to_vec()], Sort::Opaque);
        let simple = |child: &usize| {
            is_inline(tree, *child)
                || tree.name(*child) == "p" && tree.children(*child).iter().all(|c| is_inline(tree, *c))
        };
        let paragraphs = children.iter().filter(|child| !tree.is_blank(**child)).count();
        let small =
            children.iter().all(simple) && (paragraphs <= 1 || children.iter().all(|c| is_inline(tree, *c)));
        let code = body.is_some_and(|body| tree.name(body) == "ac:plain-text-body");
        if small || code {
            return self.add(PassageKind::Opaque(name), depth, Some(node), place);
        }
        let place = Place { groups: Vec::new(), ..place };
        self.add(PassageKind::Opaque(name), depth, Some(node), place);
        // Its headings are for what it holds alone.
        let trail = self.trail.clone();
        self.container(children, depth);
        self.trail = trail;
    }

    fn add(&mut self, kind: PassageKind, depth: u8, node: Option<usize>, place: Place) {
        if self.found.len() > PASSAGES_MAX {
            return;
        }
        let tree = self.tree;
        let inline = Inline::of(tree, &place.groups);
        let (mut text, mut shown) = match place.sort {
            Sort::Code => (inline.verbatim(), inline.verbatim()),
            _ => (inline.text(), inline.shown()),
        };
        let of_macro = |name: &str| node.and_then(|node| inline::parameter(tree, node, name));
        if matches!(kind, PassageKind::Opaque(_)) {
            let title = match node {
                Some(node) if is_macro(tree, node) && text.is_empty() && of_macro("title").is_none() => {
                    Some(inline::parameters(tree, node)).filter(|said| !said.is_empty())
                }
                _ => of_macro("title"),
            };
            for side in [&mut text, &mut shown] {
                let joined = [title.as_deref().unwrap_or_default(), side.as_str()].map(str::trim);
                *side = joined.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(": ");
            }
        } else if text.trim().is_empty() {
            return;
        }
        let path = self.trail.path(&kind, &text);
        let keys = ["local-id", "ac:local-id", "ac:macro-id"];
        let id =
            node.and_then(|node| keys.iter().find_map(|key| tree.attribute(node, key)).map(str::to_owned));
        let language = of_macro("language").filter(|_| kind == PassageKind::Code).unwrap_or_default();
        let (links, deprecated) = (inline.links.clone(), inline.deprecated());
        let passage = Passage { id, kind, path, depth, text, links, deprecated };
        self.found.push(Seen { passage, shown, language, place });
    }
}

/// Where what is inserted at the top goes: into the first cell of a layout, where the page is one.
pub(super) fn top(tree: &Tree<'_>) -> usize {
    let mut node = 0;
    loop {
        let first = tree.children(node).iter().copied().find(|child| !tree.is_blank(*child));
        let within = first.filter(|child| {
            matches!(tree.name(*child), "ac:layout" | "ac:layout-section" | "ac:layout-cell")
                && matches!(tree.nodes[*child].kind, Kind::Element { closed: false, .. })
        });
        match within {
            Some(child) => node = child,
            None if matches!(tree.name(node), "" | "ac:layout-cell") => return tree.nodes[node].inner.start,
            None => return 0,
        }
    }
}

/// The element is a block by its name.
pub(super) fn is_block(name: &str) -> bool {
    BLOCKS.contains(&name)
}
