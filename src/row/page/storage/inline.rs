//! The text within one passage, character by character, with the bytes it stands in.
//!
//! Never: text that is on the page and is not among the leaves; a place in the source for text that only stands for
//! something (`[image flow.png]`).

use std::{borrow::Cow, ops::Range};

use super::tree::Tree;

/// A piece of a passage's text.
pub(super) struct Leaf<'a> {
    pub(super) text: Cow<'a, str>,
    /// The bytes that say it.
    pub(super) at: Range<usize>,
    pub(super) kind: LeafKind,
    pub(super) struck: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LeafKind {
    Text,
    Entity,
    CData,
    /// It stands for something: an image, a person, a macro.
    Fixed,
    /// Only for reading, beside the text: where a link goes.
    Beside,
    /// Between two blocks, or a line break.
    Gap,
}

/// The leaves of one passage, and where its links go.
#[derive(Default)]
pub(super) struct Inline<'a> {
    pub(super) leaves: Vec<Leaf<'a>>,
    pub(super) links: Vec<String>,
}

/// What is not text of a passage.
const SKIPPED: &[&str] = &[
    "ac:parameter",
    "ac:task-id",
    "ac:task-uuid",
    "ac:task-status",
    "ac:adf-attribute",
    "ac:adf-mark",
    "ac:adf-fallback",
    "colgroup",
];

/// Elements that are blocks wherever they stand.
pub(super) const BLOCKS: &[&str] = &[
    "p",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "ul",
    "ol",
    "li",
    "table",
    "thead",
    "tbody",
    "tfoot",
    "tr",
    "td",
    "th",
    "div",
    "section",
    "article",
    "center",
    "address",
    "blockquote",
    "pre",
    "hr",
    "dl",
    "dt",
    "dd",
    "colgroup",
    "col",
    "ac:layout",
    "ac:layout-section",
    "ac:layout-cell",
    "ac:task-list",
    "ac:task",
    "ac:task-body",
    "ac:rich-text-body",
    "ac:plain-text-body",
    "ac:parameter",
    "ac:adf-extension",
    "ac:adf-node",
    "ac:adf-content",
    "ac:adf-fallback",
];

pub(super) fn is_macro(tree: &Tree<'_>, node: usize) -> bool {
    matches!(tree.name(node), "ac:structured-macro" | "ac:macro")
}

pub(super) fn is_inline(tree: &Tree<'_>, node: usize) -> bool {
    !BLOCKS.contains(&tree.name(node)) && !is_macro(tree, node)
}

impl<'a> Inline<'a> {
    /// The leaves of these nodes; the groups (a row's cells) are joined by ` | `.
    pub(super) fn of(tree: &'a Tree<'a>, groups: &[Vec<usize>]) -> Self {
        let mut inline = Self::default();
        for (at, group) in groups.iter().enumerate() {
            if at > 0 {
                let place = inline.leaves.last().map_or(0, |leaf| leaf.at.end);
                inline.push(Cow::Borrowed(" | "), place..place, LeafKind::Fixed, false);
            }
            for node in group {
                inline.gather(tree, *node, false);
            }
        }
        inline
    }

    fn push(&mut self, text: Cow<'a, str>, at: Range<usize>, kind: LeafKind, struck: bool) {
        self.leaves.push(Leaf { text, at, kind, struck });
    }

    fn gather(&mut self, tree: &'a Tree<'a>, node: usize, struck: bool) {
        let it = &tree.nodes[node];
        if let Some(text) = tree.characters(node) {
            let kind = match it.kind {
                // Half of what one entity stands for cannot be replaced.
                super::tree::Kind::Entity(_) if text.chars().nth(1).is_some() => LeafKind::Fixed,
                super::tree::Kind::Entity(_) => LeafKind::Entity,
                super::tree::Kind::CData => LeafKind::CData,
                super::tree::Kind::Text | super::tree::Kind::Element { .. } => LeafKind::Text,
            };
            return self.push(Cow::Borrowed(text), it.inner.clone(), kind, struck);
        }
        let name = tree.name(node);
        if SKIPPED.contains(&name) {
            return;
        }
        let fixed = |text: String| (Cow::Owned(text), it.whole.clone(), LeafKind::Fixed, struck);
        let stands_for = match name {
            "br" => return self.push(Cow::Borrowed(" "), it.whole.clone(), LeafKind::Gap, struck),
            "a" => return self.link(tree, node, struck),
            "ac:link" => return self.page_link(tree, node, struck),
            "ac:image" => Some(image(tree, node)),
            "ac:emoticon" => Some(emoticon(tree, node)),
            "time" => tree.attribute(node, "datetime").map(str::to_owned),
            "ac:structured-macro" | "ac:macro" => return self.embedded(tree, node, struck),
            _ => None,
        };
        if let Some(text) = stands_for {
            let (text, at, kind, struck) = fixed(text);
            return self.push(text, at, kind, struck);
        }
        let struck = struck || strikes(tree, node);
        let apart = BLOCKS.contains(&name);
        self.gap(apart, it.whole.start);
        for child in tree.children(node) {
            self.gather(tree, *child, struck);
        }
        self.gap(apart, it.whole.end);
    }

    fn gap(&mut self, wanted: bool, at: usize) {
        if wanted {
            self.push(Cow::Borrowed(" "), at..at, LeafKind::Gap, false);
        }
    }

    fn link(&mut self, tree: &'a Tree<'a>, node: usize, struck: bool) {
        for child in tree.children(node) {
            self.gather(tree, *child, struck);
        }
        let Some(url) = tree.attribute(node, "href") else { return };
        self.links.push(url.to_owned());
        let at = tree.nodes[node].whole.end;
        self.push(Cow::Owned(format!(" <{url}>")), at..at, LeafKind::Beside, struck);
    }

    /// A link within Confluence: its text, or what it goes to.
    fn page_link(&mut self, tree: &'a Tree<'a>, node: usize, struck: bool) {
        let before = self.leaves.len();
        let mut target = None;
        for child in tree.children(node) {
            match tree.name(*child) {
                "ri:page" | "ri:blog-post" => target = tree.attribute(*child, "ri:content-title"),
                "ri:attachment" => target = tree.attribute(*child, "ri:filename"),
                "ri:url" => target = tree.attribute(*child, "ri:value"),
                "ri:space" => target = tree.attribute(*child, "ri:space-key"),
                "ri:user" => target = Some("@person"),
                _ => self.gather(tree, *child, struck),
            }
        }
        let Some(target) = target.or_else(|| tree.attribute(node, "ac:anchor")) else { return };
        let at = tree.nodes[node].whole.clone();
        if self.leaves[before..].iter().all(|leaf| leaf.text.trim().is_empty()) {
            self.push(Cow::Borrowed(target), at, LeafKind::Fixed, struck);
        } else {
            self.push(Cow::Owned(format!(" <{target}>")), at.end..at.end, LeafKind::Beside, struck);
        }
        self.links.push(target.to_owned());
    }

    /// A macro within a line.
    fn embedded(&mut self, tree: &'a Tree<'a>, node: usize, struck: bool) {
        let whole = tree.nodes[node].whole.clone();
        let body = tree.children(node).iter().copied().find(|child| is_body(tree, *child));
        let Some(body) = body else {
            let (name, said) = (macro_name(tree, node), parameters(tree, node));
            let text = if said.is_empty() { format!("[{name}]") } else { format!("[{name} {said}]") };
            return self.push(Cow::Owned(text), whole, LeafKind::Fixed, struck);
        };
        self.gap(true, whole.start);
        if let Some(title) = parameter(tree, node, "title") {
            self.push(Cow::Owned(format!("{title}: ")), whole.start..whole.start, LeafKind::Fixed, struck);
        }
        for child in tree.children(body) {
            self.gather(tree, *child, struck);
        }
        self.gap(true, whole.end);
    }

    /// It begins struck out.
    pub(super) fn deprecated(&self) -> bool {
        let said = |leaf: &&Leaf<'_>| leaf.kind != LeafKind::Beside && !leaf.text.trim().is_empty();
        self.leaves.iter().find(said).is_some_and(|leaf| leaf.struck)
    }

    /// Its text, white space collapsed.
    pub(super) fn text(&self) -> String {
        self.collapsed(false)
    }

    /// For reading: links with where they go, what is struck out between `~~`.
    pub(super) fn shown(&self) -> String {
        self.collapsed(true)
    }

    fn collapsed(&self, shown: bool) -> String {
        let (mut out, mut space, mut struck) = (String::new(), false, false);
        for leaf in self.leaves.iter().filter(|leaf| shown || leaf.kind != LeafKind::Beside) {
            for c in leaf.text.chars() {
                if c.is_whitespace() {
                    space = true;
                    continue;
                }
                if shown && struck && !leaf.struck {
                    out.push_str("~~");
                }
                if space && !out.is_empty() {
                    out.push(' ');
                }
                if shown && !struck && leaf.struck {
                    out.push_str("~~");
                }
                (space, struck) = (false, leaf.struck);
                out.push(c);
            }
        }
        if shown && struck {
            out.push_str("~~");
        }
        out
    }

    /// Its text as it is: code.
    pub(super) fn verbatim(&self) -> String {
        self.leaves.iter().filter(|leaf| leaf.kind != LeafKind::Gap).map(|leaf| leaf.text.as_ref()).collect()
    }
}

pub(super) fn is_body(tree: &Tree<'_>, node: usize) -> bool {
    matches!(tree.name(node), "ac:rich-text-body" | "ac:plain-text-body")
}

pub(super) fn macro_name(tree: &Tree<'_>, node: usize) -> String {
    tree.attribute(node, "ac:name").unwrap_or("macro").to_owned()
}

pub(super) fn parameter(tree: &Tree<'_>, node: usize, name: &str) -> Option<String> {
    let found = tree.children(node).iter().copied().find(|child| {
        tree.name(*child) == "ac:parameter" && tree.attribute(*child, "ac:name") == Some(name)
    })?;
    Some(plain(tree, found)).filter(|text| !text.is_empty())
}

/// All of a macro's parameters: `key=OPS-12`.
pub(super) fn parameters(tree: &Tree<'_>, node: usize) -> String {
    let parameters = tree.children(node).iter().filter(|child| tree.name(**child) == "ac:parameter");
    let said = parameters.map(|child| {
        let (name, value) = (tree.attribute(*child, "ac:name").unwrap_or_default(), plain(tree, *child));
        if name.is_empty() { value } else { format!("{name}={value}") }
    });
    said.collect::<Vec<_>>().join(" ")
}

/// The text right within an element, and the names of what it refers to.
fn plain(tree: &Tree<'_>, node: usize) -> String {
    let said = tree.children(node).iter().filter_map(|child| {
        tree.characters(*child).or_else(|| {
            let keys = ["ri:content-title", "ri:filename", "ri:value", "ri:space-key"];
            keys.iter().find_map(|key| tree.attribute(*child, key))
        })
    });
    said.collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
}

fn image(tree: &Tree<'_>, node: usize) -> String {
    let refers = tree.children(node).iter().find_map(|child| {
        tree.attribute(*child, "ri:filename").or_else(|| tree.attribute(*child, "ri:value"))
    });
    match tree.attribute(node, "ac:alt").filter(|alt| !alt.is_empty()).or(refers) {
        Some(name) => format!("[image {name}]"),
        None => "[image]".to_owned(),
    }
}

fn emoticon(tree: &Tree<'_>, node: usize) -> String {
    let fallback = tree.attribute(node, "ac:emoji-fallback").filter(|text| !text.is_empty());
    fallback
        .map_or_else(|| format!(":{}:", tree.attribute(node, "ac:name").unwrap_or("emoji")), str::to_owned)
}

fn strikes(tree: &Tree<'_>, node: usize) -> bool {
    match tree.name(node) {
        "del" | "s" | "strike" => true,
        "span" => tree.attribute(node, "style").is_some_and(|style| style.contains("line-through")),
        _ => false,
    }
}
