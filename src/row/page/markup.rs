//! Blocks as a small text that a reviewer edits, and read back.
//!
//! `## heading`, paragraphs, `1. step`, `- bullet` (two spaces a depth), fences for code, `` `code` ``, `**strong**`,
//! `[text](url)`, tables as `| a | b |`, the first row their head. A backslash before a sign makes it a sign.
//! Never: a text read otherwise than it was written; a guess at what an unclosed mark means.

mod inline;

use super::outline::fence;
use super::{Block, Piece};

/// A text that is no markup.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct NotMarkup {
    /// From 1.
    pub line: usize,
    pub why: String,
}

/// Lists lie in each other at most this deep.
pub const DEEPEST: u8 = 9;

/// Blocks with an empty line between them; items of lists follow each other.
pub fn text(blocks: &[Block]) -> String {
    let mut out = String::new();
    let mut numbers: Vec<(bool, u32)> = Vec::new();
    let mut in_list = false;
    for block in blocks {
        let item = matches!(block, Block::Item { .. });
        if !out.is_empty() && (!item || !in_list) {
            out.push('\n');
        }
        if !item {
            numbers.clear();
        }
        in_list = item;
        match block {
            Block::Heading { level, text } => {
                let marks = "#".repeat(usize::from((*level).clamp(1, 6)));
                push_line(&mut out, &format!("{marks} {}", inline::text(text, false)));
            }
            Block::Paragraph { text } => push_line(&mut out, &inline::first(&inline::text(text, false))),
            Block::Item { ordered, depth, text } => {
                let depth = (*depth).min(DEEPEST);
                let mark = if *ordered { format!("{}.", next(&mut numbers, depth)) } else { "-".to_owned() };
                if !*ordered {
                    numbers.truncate(usize::from(depth));
                }
                let indent = "  ".repeat(usize::from(depth));
                push_line(&mut out, &format!("{indent}{mark} {}", inline::text(text, false)));
            }
            Block::Code { language, code } => {
                let fence = fence(code);
                let language: String = language.chars().filter(|c| !c.is_control() && *c != '`').collect();
                out.push_str(&format!("{fence}{}\n{code}\n{fence}\n", language.trim()));
            }
            Block::Table { rows } => rows.iter().for_each(|cells| push_line(&mut out, &row(cells))),
        }
    }
    out
}

fn push_line(out: &mut String, line: &str) {
    out.push_str(line.trim_end());
    out.push('\n');
}

/// The number of an ordered item, counted on each depth.
fn next(numbers: &mut Vec<(bool, u32)>, depth: u8) -> u32 {
    let depth = usize::from(depth);
    numbers.truncate(depth + 1);
    numbers.resize(depth + 1, (true, 0));
    numbers[depth].1 += 1;
    numbers[depth].1
}

fn row(cells: &[Vec<Piece>]) -> String {
    let cell = |cell: &Vec<Piece>| {
        let text = inline::text(cell, true);
        let text = text.trim();
        if text.starts_with(['-', ':']) { format!(" \\{text} |") } else { format!(" {text} |") }
    };
    format!("|{}", cells.iter().map(cell).collect::<String>())
}

/// Reads it back.
pub fn parse(text: &str) -> Result<Vec<Block>, NotMarkup> {
    let mut parser = Parser { blocks: Vec::new(), open: None };
    let mut lines = text.split('\n').enumerate();
    while let Some((at, raw)) = lines.next() {
        let line = raw.trim_end();
        let number = at + 1;
        let no = |why: &str| NotMarkup { line: number, why: why.to_owned() };
        if let Some(ticks) = fence_of(line) {
            parser.close()?;
            let language = line[ticks..].trim().to_owned();
            let mut code: Vec<&str> = Vec::new();
            loop {
                let Some((_, line)) = lines.next() else {
                    return Err(no("the code that begins here has no end"));
                };
                if line.trim_end() == &raw[..ticks] {
                    break;
                }
                code.push(line);
            }
            parser.blocks.push(Block::Code { language, code: code.join("\n") });
        } else {
            parser.line(line, number)?;
        }
    }
    parser.close()?;
    Ok(parser.blocks)
}

/// How many backticks open code here.
fn fence_of(line: &str) -> Option<usize> {
    let ticks = line.len() - line.trim_start_matches('`').len();
    (ticks >= 3 && !line[ticks..].contains('`')).then_some(ticks)
}

/// A block that goes on until an empty line.
enum Open {
    Paragraph(String),
    Item { ordered: bool, depth: u8, text: String },
    Table(Vec<Vec<Vec<Piece>>>),
}

struct Parser {
    blocks: Vec<Block>,
    /// With the line that it began at.
    open: Option<(usize, Open)>,
}

impl Parser {
    fn close(&mut self) -> Result<(), NotMarkup> {
        let Some((number, open)) = self.open.take() else { return Ok(()) };
        let pieces = |text: &str| inline::parse(text).map_err(|why| NotMarkup { line: number, why });
        self.blocks.push(match open {
            Open::Paragraph(text) => match pieces(&text)? {
                // Marks around nothing say nothing.
                nothing if nothing.is_empty() => return Ok(()),
                text => Block::Paragraph { text },
            },
            Open::Item { ordered, depth, text } => Block::Item { ordered, depth, text: pieces(&text)? },
            Open::Table(rows) => Block::Table { rows },
        });
        Ok(())
    }

    fn line(&mut self, line: &str, number: usize) -> Result<(), NotMarkup> {
        let no = |why: String| NotMarkup { line: number, why };
        let content = line.trim_start();
        if content.is_empty() {
            return self.close();
        }
        if let Some((level, text)) = heading(content) {
            self.close()?;
            if level > 6 {
                return Err(no("a heading has at most six `#`".to_owned()));
            }
            let text = inline::parse(text).map_err(no)?;
            self.blocks.push(Block::Heading { level, text });
            return Ok(());
        }
        if let Some((ordered, text)) = item(content) {
            self.close()?;
            let depth = depth(&line[..line.len() - content.len()]).map_err(no)?;
            self.open = Some((number, Open::Item { ordered, depth, text: text.to_owned() }));
            return Ok(());
        }
        if let Some(cells) = content.strip_prefix('|') {
            let cells = inline::cells(cells);
            let parsed: Result<Vec<_>, _> = cells.iter().map(|cell| inline::parse(cell.trim())).collect();
            let parsed = parsed.map_err(no)?;
            match &mut self.open {
                Some((_, Open::Table(rows)))
                    if rows.len() == 1 && !cells.is_empty() && cells.iter().all(|cell| is_rule(cell)) => {}
                Some((_, Open::Table(rows))) => rows.push(parsed),
                _ => {
                    self.close()?;
                    self.open = Some((number, Open::Table(vec![parsed])));
                }
            }
            return Ok(());
        }
        if let Some((_, Open::Paragraph(text) | Open::Item { text, .. })) = &mut self.open {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(content);
        } else {
            self.close()?;
            self.open = Some((number, Open::Paragraph(content.to_owned())));
        }
        Ok(())
    }
}

fn heading(line: &str) -> Option<(u8, &str)> {
    let level = line.len() - line.trim_start_matches('#').len();
    let text = &line[level..];
    let is = level > 0 && (text.is_empty() || text.starts_with(' '));
    is.then(|| (u8::try_from(level).unwrap_or(u8::MAX), text.trim()))
}

/// `- text` or `12. text`.
fn item(line: &str) -> Option<(bool, &str)> {
    let after = |rest: &'_ str| rest.is_empty() || rest.starts_with(' ');
    if let Some(rest) = line.strip_prefix('-').filter(|rest| after(rest)) {
        return Some((false, rest.trim()));
    }
    let digits = line.len() - line.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let rest = line[digits..].strip_prefix('.').filter(|rest| digits > 0 && after(rest))?;
    Some((true, rest.trim()))
}

fn depth(indent: &str) -> Result<u8, String> {
    if indent.chars().any(|c| c != ' ') || indent.len() % 2 == 1 {
        return Err("an item is indented by two spaces a depth".to_owned());
    }
    let depth = u8::try_from(indent.len() / 2).unwrap_or(u8::MAX);
    if depth > DEEPEST { Err(format!("lists lie at most {DEEPEST} deep")) } else { Ok(depth) }
}

/// What other writers put below a table's head.
fn is_rule(cell: &str) -> bool {
    let cell = cell.trim();
    cell.contains('-') && cell.chars().all(|c| matches!(c, '-' | ':'))
}

#[cfg(test)]
mod tests;
