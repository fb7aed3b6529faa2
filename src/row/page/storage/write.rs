//! Blocks as storage format.
//!
//! Never: markup out of text: every character that could be one is escaped, and what XML cannot hold is replaced.

use super::super::{Block, Piece, operation::is_web};

/// A whole document.
pub fn write(blocks: &[Block]) -> String {
    let mut out = String::new();
    let mut rest = blocks;
    while let Some((first, after)) = rest.split_first() {
        if matches!(first, Block::Item { .. }) {
            let count = rest.iter().take_while(|block| matches!(block, Block::Item { .. })).count();
            list(&rest[..count], &mut out);
            rest = &rest[count..];
        } else {
            block(first, &mut out);
            rest = after;
        }
    }
    out
}

/// One block that is no item.
pub(super) fn block(block: &Block, out: &mut String) {
    match block {
        Block::Heading { level, text } => {
            let tag = format!("h{}", (*level).clamp(1, 6));
            element(&tag, &in_line(text), out);
        }
        Block::Paragraph { text } => element("p", &in_line(text), out),
        Block::Item { text, .. } => element("li", &in_line(text), out),
        Block::Code { language, code } => self::code(language, code, out),
        Block::Table { rows } => {
            out.push_str("<table><tbody>");
            rows.iter().enumerate().for_each(|(at, cells)| row(cells, at == 0, out));
            out.push_str("</tbody></table>");
        }
    }
}

pub(super) fn element(tag: &str, content: &str, out: &mut String) {
    out.push_str(&format!("<{tag}>{content}</{tag}>"));
}

pub(super) fn row(cells: &[Vec<Piece>], head: bool, out: &mut String) {
    out.push_str("<tr>");
    for cell in cells {
        let content = format!("<p>{}</p>", in_line(cell));
        element(if head { "th" } else { "td" }, &content, out);
    }
    out.push_str("</tr>");
}

fn code(language: &str, code: &str, out: &mut String) {
    out.push_str("<ac:structured-macro ac:name=\"code\">");
    if !language.is_empty() {
        out.push_str("<ac:parameter ac:name=\"language\">");
        escape(language, out);
        out.push_str("</ac:parameter>");
    }
    out.push_str("<ac:plain-text-body><![CDATA[");
    out.push_str(&in_cdata(code));
    out.push_str("]]></ac:plain-text-body></ac:structured-macro>");
}

/// Deeper lists are written as deep as this.
const DEEPEST: u8 = 9;

/// Items one after the other; deeper ones lie in the item before them. Depths count from the least among them.
pub(super) fn list(items: &[Block], out: &mut String) {
    let items: Vec<_> = items
        .iter()
        .filter_map(|block| match block {
            Block::Item { ordered, depth, text } => Some((*ordered, (*depth).min(DEEPEST), text.as_slice())),
            _ => None,
        })
        .collect();
    lists(&items, out);
}

pub(super) type ItemOf<'a> = (bool, u8, &'a [Piece]);

/// One `<ol>` or `<ul>` for each stretch of one sort.
pub(super) fn lists(items: &[ItemOf<'_>], out: &mut String) {
    let mut open: Vec<(u8, &str)> = Vec::new();
    for (ordered, depth, text) in items {
        let tag = if *ordered { "ol" } else { "ul" };
        while open.last().is_some_and(|(at, _)| at > depth) && open.len() > 1 {
            close(&mut open, out);
        }
        match open.last_mut() {
            // Shallower than the first one was: still its list.
            Some((at, _)) if *at > *depth => *at = *depth,
            _ => (),
        }
        match open.last() {
            Some((at, was)) if at == depth && *was == tag => out.push_str("</li>"),
            Some((at, _)) if at == depth => {
                close(&mut open, out);
                start(*depth, tag, &mut open, out);
            }
            _ => start(*depth, tag, &mut open, out),
        }
        out.push_str("<li><p>");
        out.push_str(&in_line(text));
        out.push_str("</p>");
    }
    while !open.is_empty() {
        close(&mut open, out);
    }
}

fn start(depth: u8, tag: &'static str, open: &mut Vec<(u8, &str)>, out: &mut String) {
    open.push((depth, tag));
    out.push_str(&format!("<{tag}>"));
}

fn close(open: &mut Vec<(u8, &str)>, out: &mut String) {
    if let Some((_, tag)) = open.pop() {
        out.push_str(&format!("</li></{tag}>"));
    }
}

/// Pieces as inline content.
pub fn in_line(pieces: &[Piece]) -> String {
    let mut out = String::new();
    for piece in pieces {
        match piece {
            Piece::Plain(text) => escape(text, &mut out),
            Piece::Strong(text) => wrapped("strong", text, &mut out),
            Piece::Code(text) => wrapped("code", text, &mut out),
            Piece::Link { text, url } if is_web(url) => {
                out.push_str("<a href=\"");
                escape(url, &mut out);
                out.push_str("\">");
                escape(text, &mut out);
                out.push_str("</a>");
            }
            // What is no address of the web is shown, not followed.
            Piece::Link { text, url } => escape(&format!("{text} <{url}>"), &mut out),
        }
    }
    out
}

fn wrapped(tag: &str, text: &str, out: &mut String) {
    out.push_str(&format!("<{tag}>"));
    escape(text, out);
    out.push_str(&format!("</{tag}>"));
}

pub(super) fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(allowed(c)),
        }
    }
}

/// CDATA ends at `]]>`: where text has that, it goes on in the next one.
pub(super) fn in_cdata(text: &str) -> String {
    text.chars().map(allowed).collect::<String>().replace("]]>", "]]]]><![CDATA[>")
}

/// XML holds no control characters but these.
fn allowed(c: char) -> char {
    match c {
        '\t' | '\n' | '\r' => c,
        c if c < ' ' || matches!(c, '\u{fffe}' | '\u{ffff}') => char::REPLACEMENT_CHARACTER,
        c => c,
    }
}
