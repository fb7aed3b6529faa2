//! Storage format as a tree of byte ranges in the page's own string. Prefixes stay as they are; nothing is resolved or
//! fetched.
//!
//! Never: a page that is broken taken for one that is not; recursion without a bound: [`DEPTH_MAX`] holds it.

use std::{borrow::Cow, ops::Range};

use quick_xml::{
    escape::{resolve_html5_entity, resolve_xml_entity, unescape_with},
    events::{BytesRef, Event, attributes::Attributes},
    reader::Reader,
};

use super::super::Unreadable;

/// A page's longest body, in bytes.
pub const BYTES_MAX: usize = 4 * 1024 * 1024;

/// So deep may elements lie in each other.
pub const DEPTH_MAX: usize = 128;

/// A page: node 0 is its root, around everything.
pub(super) struct Tree<'a> {
    pub(super) source: &'a str,
    pub(super) nodes: Vec<Node<'a>>,
}

pub(super) struct Node<'a> {
    pub(super) kind: Kind<'a>,
    /// Where it stands, its tags included.
    pub(super) whole: Range<usize>,
    /// What lies between its tags; of text and CDATA the text itself.
    pub(super) inner: Range<usize>,
    pub(super) children: Vec<usize>,
}

pub(super) enum Kind<'a> {
    /// `closed` is `<p/>`, which has no inside.
    Element {
        name: &'a str,
        attributes: Vec<(&'a str, Cow<'a, str>)>,
        closed: bool,
    },
    Text,
    Entity(Cow<'static, str>),
    CData,
}

impl<'a> Tree<'a> {
    pub(super) fn parse(source: &'a str) -> Result<Self, Unreadable> {
        if source.len() > BYTES_MAX {
            let (is, may) = (source.len(), BYTES_MAX);
            return Err(Unreadable(format!("it has {is} bytes, and Dock reads pages up to {may}")));
        }
        let mut builder =
            Builder { tree: Tree { source, nodes: vec![Node::root(source.len())] }, open: vec![0] };
        // The reader leaves out such marks at the start, and does not count them.
        let text = source.trim_start_matches('\u{feff}');
        let head = source.len() - text.len();
        let mut reader = Reader::from_str(text);
        let mut at = head;
        loop {
            let event = reader.read_event();
            let end = usize::try_from(reader.buffer_position()).map_or(source.len(), |end| head + end);
            let event = event.map_err(|error| broken(source, at, &error.to_string()))?;
            if matches!(event, Event::Eof) {
                break;
            }
            builder.take(event, at..end)?;
            at = end;
        }
        builder.done()
    }

    pub(super) fn name(&self, node: usize) -> &'a str {
        match &self.nodes[node].kind {
            Kind::Element { name, .. } => name,
            Kind::Text | Kind::Entity(_) | Kind::CData => "",
        }
    }

    pub(super) fn attribute(&self, node: usize, key: &str) -> Option<&str> {
        let Kind::Element { attributes, .. } = &self.nodes[node].kind else { return None };
        attributes.iter().find(|(name, _)| *name == key).map(|(_, value)| value.as_ref())
    }

    pub(super) fn children(&self, node: usize) -> &[usize] {
        &self.nodes[node].children
    }

    /// The first of its own elements with this name.
    pub(super) fn child(&self, node: usize, name: &str) -> Option<usize> {
        self.children(node).iter().copied().find(|child| self.name(*child) == name)
    }

    /// Text, CDATA or entity as its characters; nothing of an element.
    pub(super) fn characters(&self, node: usize) -> Option<&str> {
        let it = &self.nodes[node];
        match &it.kind {
            Kind::Element { .. } => None,
            Kind::Text | Kind::CData => Some(&self.source[it.inner.clone()]),
            Kind::Entity(text) => Some(text),
        }
    }

    pub(super) fn is_blank(&self, node: usize) -> bool {
        self.characters(node).is_some_and(|text| text.chars().all(char::is_whitespace))
    }
}

impl Node<'_> {
    fn root(length: usize) -> Self {
        let kind = Kind::Element { name: "", attributes: Vec::new(), closed: false };
        Self { kind, whole: 0..length, inner: 0..length, children: Vec::new() }
    }
}

struct Builder<'a> {
    tree: Tree<'a>,
    open: Vec<usize>,
}

impl<'a> Builder<'a> {
    fn take(&mut self, event: Event<'a>, whole: Range<usize>) -> Result<(), Unreadable> {
        let source = self.tree.source;
        match event {
            Event::Start(tag) => self.element(tag.name().as_ref().len(), whole, false),
            Event::Empty(tag) => self.element(tag.name().as_ref().len(), whole, true),
            Event::End(_) => {
                // The reader has checked that the names agree.
                let Some(open) = self.open.pop().filter(|open| *open != 0) else {
                    return Err(broken(source, whole.start, "a tag is closed that was never opened"));
                };
                let node = &mut self.tree.nodes[open];
                node.inner.end = whole.start;
                node.whole.end = whole.end;
                Ok(())
            }
            Event::Text(_) => {
                self.leaf(Kind::Text, whole.clone(), whole);
                Ok(())
            }
            Event::CData(_) => {
                let inner = whole.start + "<![CDATA[".len()..whole.end - "]]>".len();
                self.leaf(Kind::CData, whole, inner);
                Ok(())
            }
            Event::GeneralRef(entity) => {
                let text = characters_of(&entity).ok_or_else(|| {
                    broken(source, whole.start, &format!("nobody knows the entity &{};", entity.as_ref()))
                })?;
                self.leaf(Kind::Entity(text), whole.clone(), whole);
                Ok(())
            }
            // Nothing that anyone reads; the bytes stay.
            Event::Comment(_) | Event::PI(_) | Event::Decl(_) => Ok(()),
            Event::DocType(_) => Err(broken(source, whole.start, "a page declares no document type")),
            Event::Eof => Ok(()),
        }
    }

    fn element(&mut self, name: usize, whole: Range<usize>, closed: bool) -> Result<(), Unreadable> {
        let source = self.tree.source;
        let tag = source
            .get(whole.clone())
            .and_then(|tag| tag.strip_prefix('<')?.strip_suffix('>'))
            .ok_or_else(|| broken(source, whole.start, "a tag has no end"))?;
        let tag = if closed { tag.strip_suffix('/').unwrap_or(tag) } else { tag };
        let attributes = attributes(tag, name).map_err(|why| broken(source, whole.start, &why))?;
        let kind = Kind::Element { name: &tag[..name], attributes, closed };
        let inner = whole.end..whole.end;
        self.leaf(kind, whole, inner);
        if !closed {
            if self.open.len() > DEPTH_MAX {
                return Err(Unreadable(format!("its elements lie more than {DEPTH_MAX} deep in each other")));
            }
            self.open.push(self.tree.nodes.len() - 1);
        }
        Ok(())
    }

    fn leaf(&mut self, kind: Kind<'a>, whole: Range<usize>, inner: Range<usize>) {
        let at = self.tree.nodes.len();
        let parent = self.open.last().copied().unwrap_or(0);
        self.tree.nodes[parent].children.push(at);
        self.tree.nodes.push(Node { kind, whole, inner, children: Vec::new() });
    }

    fn done(self) -> Result<Tree<'a>, Unreadable> {
        if let Some(open) = self.open.last().filter(|open| **open != 0) {
            let (at, name) = (self.tree.nodes[*open].whole.start, self.tree.name(*open));
            return Err(broken(self.tree.source, at, &format!("<{name}> is never closed")));
        }
        Ok(self.tree)
    }
}

/// In the order of the tag, values with their entities resolved.
fn attributes(tag: &str, name: usize) -> Result<Vec<(&str, Cow<'_, str>)>, String> {
    let mut found = Vec::new();
    // The reader's own check looks at each pair; sorting finds the same.
    for attribute in Attributes::new(tag, name).with_checks(false) {
        let attribute = attribute.map_err(|error| error.to_string())?;
        let value = match attribute.value {
            Cow::Borrowed(raw) => unescape_with(raw, named),
            Cow::Owned(_) => return Err("an attribute cannot be read".to_owned()),
        };
        found.push((attribute.key.0, value.map_err(|error| error.to_string())?));
    }
    let mut names: Vec<_> = found.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(format!("the attribute {} stands twice in one tag", pair[0])),
        None => Ok(found),
    }
}

fn characters_of(entity: &BytesRef<'_>) -> Option<Cow<'static, str>> {
    match entity.resolve_char_ref() {
        Ok(Some(character)) => Some(Cow::Owned(character.to_string())),
        Ok(None) => named(entity.as_ref()).map(Cow::Borrowed),
        Err(_) => None,
    }
}

/// XML's entities, and HTML's.
fn named(entity: &str) -> Option<&'static str> {
    resolve_xml_entity(entity).or_else(|| resolve_html5_entity(entity))
}

/// What is wrong, and before which words.
fn broken(source: &str, at: usize, why: &str) -> Unreadable {
    let rest = source.get(at..).unwrap_or_default();
    let near: String = rest.chars().take(NEAR).map(|c| if c.is_control() { ' ' } else { c }).collect();
    Unreadable(format!("its markup is broken at byte {at}, “{near}”: {why}"))
}

const NEAR: usize = 40;
