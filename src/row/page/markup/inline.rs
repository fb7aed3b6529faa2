//! Pieces within a line of the reviewer's text.
//!
//! Never: a sign of a piece's own taken for a mark.

use super::super::Piece;

/// Pieces as text; line ends become spaces, empty pieces go.
pub(super) fn text(pieces: &[Piece], in_table: bool) -> String {
    let mut out = String::new();
    for piece in pieces {
        match piece {
            Piece::Plain(text) => escape(text, "`[", in_table, &mut out),
            Piece::Strong(text) if !text.is_empty() => {
                out.push_str("**");
                escape(text, "`[", in_table, &mut out);
                out.push_str("**");
            }
            Piece::Code(text) if !text.is_empty() => {
                out.push('`');
                escape(text, "`", in_table, &mut out);
                out.push('`');
            }
            Piece::Link { text, url } => {
                out.push('[');
                escape(text, "`[]", in_table, &mut out);
                out.push_str("](");
                escape(url, "()", in_table, &mut out);
                out.push(')');
            }
            Piece::Strong(_) | Piece::Code(_) => (),
        }
    }
    out
}

/// A backslash before what would be read as a mark: before `also`, before stars beside each other or at an end, and before
/// a backslash that would itself be read as one.
fn escape(text: &str, also: &str, in_table: bool, out: &mut String) {
    let mut before = None;
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let after = rest.peek().copied();
        let mark = match c {
            '*' => before.is_none_or(|c| c == '*') || after.is_none_or(|c| c == '*'),
            '\\' => after.is_none_or(|c| c.is_ascii_punctuation()),
            '|' => in_table,
            c => also.contains(c),
        };
        if mark {
            out.push('\\');
        }
        out.push(if matches!(c, '\n' | '\r') { ' ' } else { c });
        before = Some(c);
    }
}

/// A paragraph whose first sign would make it another block.
pub(super) fn first(line: &str) -> String {
    let line = line.trim();
    let digits = line.len() - line.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    if digits > 0 && line[digits..].starts_with('.') {
        return format!("{}\\{}", &line[..digits], &line[digits..]);
    }
    if line.starts_with(['#', '-', '|']) { format!("\\{line}") } else { line.to_owned() }
}

/// The cells of a row, after its first `|`.
pub(super) fn cells(row: &str) -> Vec<String> {
    let (mut cells, mut cell, mut escaped) = (Vec::new(), String::new(), false);
    for c in row.chars() {
        if c == '|' && !escaped {
            cells.push(std::mem::take(&mut cell));
            continue;
        }
        escaped = c == '\\' && !escaped;
        cell.push(c);
    }
    if !cell.trim().is_empty() {
        cells.push(cell);
    }
    cells
}

pub(super) fn parse(text: &str) -> Result<Vec<Piece>, String> {
    let (mut pieces, mut plain) = (Vec::new(), String::new());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let marked = if let Some(after) = rest.strip_prefix("**") {
            let (text, after) =
                until(after, "**").ok_or("`**` is opened and never closed; write \\** for stars")?;
            Some((Piece::Strong(text), after))
        } else if let Some(after) = rest.strip_prefix('`') {
            let (text, after) =
                until(after, "`").ok_or("a backtick is opened and never closed; write \\` for one")?;
            Some((Piece::Code(text), after))
        } else {
            link(rest)
        };
        let Some((piece, after)) = marked else {
            let (c, after) = one(rest, c);
            plain.push(c);
            rest = after;
            continue;
        };
        flush(&mut plain, &mut pieces);
        if !matches!(&piece, Piece::Strong(text) | Piece::Code(text) if text.is_empty()) {
            pieces.push(piece);
        }
        rest = after;
    }
    flush(&mut plain, &mut pieces);
    Ok(pieces)
}

fn flush(plain: &mut String, pieces: &mut Vec<Piece>) {
    if !plain.is_empty() {
        pieces.push(Piece::Plain(std::mem::take(plain)));
    }
}

/// One character, and what comes after it; a backslash before a sign is none itself.
fn one(rest: &str, c: char) -> (char, &str) {
    let after = &rest[c.len_utf8()..];
    match after.chars().next() {
        Some(sign) if c == '\\' && sign.is_ascii_punctuation() => (sign, &after[sign.len_utf8()..]),
        _ => (c, after),
    }
}

/// What stands before the mark that closes, and what after it.
fn until<'a>(text: &'a str, mark: &str) -> Option<(String, &'a str)> {
    let mut out = String::new();
    let mut rest = text;
    loop {
        if let Some(after) = rest.strip_prefix(mark) {
            return Some((out, after));
        }
        let (c, after) = one(rest, rest.chars().next()?);
        out.push(c);
        rest = after;
    }
}

/// A link's text is looked for within so many characters.
const LINK_MAX: usize = 4_000;

/// `[text](url)`; a bracket that begins none is a bracket.
fn link(rest: &str) -> Option<(Piece, &str)> {
    // Brackets without end would otherwise be looked through once each.
    let within = rest.char_indices().nth(LINK_MAX).map_or(rest.len(), |(at, _)| at);
    let (text, after) = until(rest[..within].strip_prefix('[')?, "]")?;
    let after = &rest[within - after.len()..];
    let url = after.strip_prefix('(')?;
    let within = url.char_indices().nth(LINK_MAX).map_or(url.len(), |(at, _)| at);
    let (to, rest) = until(&url[..within], ")")?;
    Some((Piece::Link { text, url: to }, &url[within - rest.len()..]))
}
