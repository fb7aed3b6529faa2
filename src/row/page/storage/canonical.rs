//! A page in the form that Confluence's normalisation does not change.
//!
//! Never: two pages that people would read differently in one form, but for white space that no browser shows.

use super::passages::is_block;
use super::tree::{Kind, Tree};

/// What the platform adds by itself.
const DROPPED: &[&str] = &["ac:macro-id", "ac:schema-version", "local-id", "ac:local-id"];

/// Elements whose white space is text.
const VERBATIM: &[&str] = &["pre", "ac:plain-text-body", "ac:plain-text-link-body", "ac:parameter"];

/// Attributes sorted, empty elements as any other, CDATA and entities as text; comments and insignificant white space left
/// out.
pub(super) fn canonical(tree: &Tree<'_>) -> String {
    let out = String::with_capacity(tree.source.len());
    let mut writer = Writer { out, space: false, boundary: true };
    for child in tree.children(0) {
        writer.node(tree, *child, false);
    }
    writer.out
}

struct Writer {
    out: String,
    /// White space that is written once something follows it.
    space: bool,
    /// Nothing of the line is written yet.
    boundary: bool,
}

impl Writer {
    fn node(&mut self, tree: &Tree<'_>, node: usize, verbatim: bool) {
        if let Some(text) = tree.characters(node) {
            return self.text(text, verbatim);
        }
        let Kind::Element { name, attributes, .. } = &tree.nodes[node].kind else { return };
        let verbatim = verbatim || VERBATIM.contains(name);
        let block = verbatim || is_block(name);
        self.tag(block);
        let mut kept: Vec<_> = attributes.iter().filter(|(key, _)| !DROPPED.contains(key)).collect();
        kept.sort();
        self.out.push('<');
        self.out.push_str(name);
        for (key, value) in kept {
            self.out.push(' ');
            self.out.push_str(key);
            self.out.push_str("=\"");
            value.chars().for_each(|c| self.escaped(c));
            self.out.push('"');
        }
        self.out.push('>');
        for child in tree.children(node) {
            self.node(tree, *child, verbatim);
        }
        self.tag(block);
        self.out.push_str("</");
        self.out.push_str(name);
        self.out.push('>');
    }

    /// Before a tag: a block's ends the line.
    fn tag(&mut self, block: bool) {
        if block {
            (self.space, self.boundary) = (false, true);
        } else if std::mem::take(&mut self.space) && !self.boundary {
            self.out.push(' ');
            self.boundary = true;
        }
    }

    fn text(&mut self, text: &str, verbatim: bool) {
        for c in text.chars() {
            // A space that does not break is text.
            if !verbatim && matches!(c, ' ' | '\t' | '\n' | '\r') {
                self.space = true;
                continue;
            }
            if std::mem::take(&mut self.space) && !self.boundary {
                self.out.push(' ');
            }
            self.boundary = false;
            self.escaped(c);
        }
    }

    fn escaped(&mut self, c: char) {
        match c {
            '&' => self.out.push_str("&amp;"),
            '<' => self.out.push_str("&lt;"),
            '>' => self.out.push_str("&gt;"),
            '"' => self.out.push_str("&quot;"),
            c => self.out.push(c),
        }
    }
}
