//! Blocks as Notion keeps them, within its limits.
//!
//! Never: more in one request than the platform takes: longer texts, tables and lists are written as several.

use serde_json::{Map, Value as Json, json};

use super::super::{Block, Piece};
use super::rich;

/// A block takes at most so many blocks at once.
pub const CHILDREN_MAX: usize = 100;

/// An item may lie in an item in an item: so deep are blocks taken in one request.
const DEEPEST: u8 = 2;

/// What Notion calls languages; anything else is `plain text`.
const LANGUAGES: &[&str] = &[
    "bash",
    "c",
    "c#",
    "c++",
    "clojure",
    "css",
    "dart",
    "diff",
    "docker",
    "elixir",
    "elm",
    "erlang",
    "f#",
    "go",
    "graphql",
    "groovy",
    "haskell",
    "html",
    "java",
    "javascript",
    "json",
    "julia",
    "kotlin",
    "latex",
    "less",
    "lisp",
    "lua",
    "makefile",
    "markdown",
    "matlab",
    "mermaid",
    "nix",
    "objective-c",
    "ocaml",
    "perl",
    "php",
    "powershell",
    "prolog",
    "protobuf",
    "python",
    "r",
    "ruby",
    "rust",
    "sass",
    "scala",
    "scheme",
    "scss",
    "shell",
    "sql",
    "swift",
    "typescript",
    "vb.net",
    "webassembly",
    "xml",
    "yaml",
];

const ALIASES: &[(&str, &str)] = &[
    ("sh", "shell"),
    ("console", "shell"),
    ("zsh", "shell"),
    ("js", "javascript"),
    ("ts", "typescript"),
    ("py", "python"),
    ("rs", "rust"),
    ("yml", "yaml"),
    ("dockerfile", "docker"),
    ("golang", "go"),
    ("md", "markdown"),
];

/// Blocks as a page keeps them: `children` beside the type.
pub fn write(blocks: &[Block]) -> Vec<Json> {
    let mut out = Vec::new();
    for block in blocks {
        match block {
            Block::Heading { level, text } => {
                out.extend(texts(&format!("heading_{}", (*level).clamp(1, 3)), text, &Map::new()));
            }
            Block::Paragraph { text } => out.extend(texts("paragraph", text, &Map::new())),
            Block::Item { ordered, depth, text } => {
                let kind = if *ordered { "numbered_list_item" } else { "bulleted_list_item" };
                for item in texts(kind, text, &Map::new()) {
                    nest(&mut out, (*depth).min(DEEPEST), item);
                }
            }
            Block::Code { language, code } => {
                let beside = Map::from_iter([("language".to_owned(), json!(named(language)))]);
                out.extend(texts("code", &[Piece::Plain(code.clone())], &beside));
            }
            Block::Table { rows } => out.extend(tables(rows)),
        }
    }
    out
}

/// The last item, or an item of it, takes a deeper one; a full one takes no more.
fn nest(level: &mut Vec<Json>, depth: u8, item: Json) {
    let takes = depth > 0
        && level.last().is_some_and(|last| {
            let kind = last["type"].as_str().unwrap_or_default();
            kind.ends_with("_list_item") && super::read::children(last).len() < CHILDREN_MAX
        });
    let below = level.last_mut().filter(|_| takes).and_then(Json::as_object_mut);
    let Some(below) = below else { return level.push(item) };
    if let Json::Array(children) = below.entry("children").or_insert_with(|| json!([])) {
        nest(children, depth - 1, item);
    }
}

/// One block, or several where its text has more items than one takes.
fn texts(kind: &str, text: &[Piece], beside: &Map<String, Json>) -> Vec<Json> {
    let items = rich::write(text);
    let parts = if items.is_empty() {
        vec![Vec::new()]
    } else {
        items.chunks(rich::ITEMS_MAX).map(<[_]>::to_vec).collect()
    };
    let block = |items: Vec<Json>| {
        let mut payload = beside.clone();
        payload.insert("rich_text".to_owned(), Json::Array(items));
        json!({"type": kind, kind: payload})
    };
    parts.into_iter().map(block).collect()
}

/// As many tables as its rows need.
fn tables(rows: &[Vec<Vec<Piece>>]) -> Vec<Json> {
    let width = rows.iter().map(Vec::len).max().unwrap_or(0).max(1);
    let rows: Vec<Json> = rows.iter().map(|cells| row(cells, width)).collect();
    let table = |(at, rows): (usize, &[Json])| {
        json!({
            "type": "table",
            "table": {"table_width": width, "has_column_header": at == 0, "has_row_header": false},
            "children": rows,
        })
    };
    rows.chunks(CHILDREN_MAX).enumerate().map(table).collect()
}

/// A row of `width` cells.
pub(super) fn row(cells: &[Vec<Piece>], width: usize) -> Json {
    let mut cells: Vec<Json> = cells.iter().map(|cell| Json::Array(rich::write(cell))).collect();
    cells.resize_with(width.max(cells.len()), || json!([]));
    json!({"type": "table_row", "table_row": {"cells": cells}})
}

pub(super) fn named(language: &str) -> &'static str {
    let language = language.trim().to_lowercase();
    let alias = ALIASES.iter().find(|(alias, _)| *alias == language).map(|(_, name)| *name);
    let known = LANGUAGES.iter().find(|name| **name == language).copied();
    alias.or(known).unwrap_or("plain text")
}

/// As a request takes it: a block's own blocks lie in its type.
pub fn request(blocks: &[Json]) -> Vec<Json> {
    blocks.iter().map(one_request).collect()
}

fn one_request(block: &Json) -> Json {
    let kind = block["type"].as_str().unwrap_or_default();
    let mut payload = block[kind].clone();
    let children = super::read::children(block);
    if let (false, Some(payload)) = (children.is_empty(), payload.as_object_mut()) {
        payload.insert("children".to_owned(), Json::Array(request(children)));
    }
    json!({"object": "block", "type": kind, kind: payload})
}
