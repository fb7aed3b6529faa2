//! Blocks as requests bring them, checked against Notion's limits.
//!
//! Never: a type that Notion's API cannot make.

use serde_json::{Map, Value, json};

use super::{No, rich};

const CHILDREN_MAX: usize = 100;
const BLOCKS_MAX: usize = 1_000;
/// Below the blocks that are put.
const NESTED_MAX: usize = 2;

/// With `rich_text` and a colour.
const TEXTS: [&str; 9] = [
    "paragraph",
    "heading_1",
    "heading_2",
    "heading_3",
    "bulleted_list_item",
    "numbered_list_item",
    "quote",
    "to_do",
    "toggle",
];
const OTHERS: [&str; 11] = [
    "callout",
    "code",
    "divider",
    "table",
    "table_row",
    "image",
    "bookmark",
    "embed",
    "equation",
    "synced_block",
    "table_of_contents",
];

/// A block that is to be, with what is to lie in it.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) kind: String,
    pub(super) payload: Value,
    pub(super) children: Vec<Draft>,
}

/// A request's `children`.
pub(super) fn drafts(children: &Value) -> Result<Vec<Draft>, No> {
    let drafts = level(children, 0)?;
    let count = drafts.iter().map(Draft::count).sum::<usize>();
    if count > BLOCKS_MAX {
        return Err(No::invalid(format!(
            "body failed validation: more than 1000 blocks, instead was `{count}`."
        )));
    }
    Ok(drafts)
}

fn level(children: &Value, depth: usize) -> Result<Vec<Draft>, No> {
    let Some(list) = children.as_array() else {
        return Err(No::invalid(
            "body failed validation: body.children should be defined, instead was `undefined`.",
        ));
    };
    if list.len() > CHILDREN_MAX {
        let why = format!(
            "body failed validation: body.children.length should be ≤ `100`, instead was `{}`.",
            list.len()
        );
        return Err(No::invalid(why));
    }
    if depth > NESTED_MAX && !list.is_empty() {
        return Err(No::invalid("body failed validation: children lie more than two levels deep."));
    }
    list.iter().map(|block| draft(block, depth)).collect()
}

fn draft(block: &Value, depth: usize) -> Result<Draft, No> {
    let kind = kind(block)?;
    let mut sent = block[&kind].as_object().cloned().unwrap_or_default();
    let children = sent.remove("children").or_else(|| block.get("children").cloned());
    let children = children.map_or_else(|| Ok(vec![]), |children| level(&children, depth + 1))?;
    if kind == "table" && (children.is_empty() || children.iter().any(|row| row.kind != "table_row")) {
        return Err(No::invalid("body failed validation: table.children should be rows of the table."));
    }
    let payload = payload(&kind, &sent, true)?;
    Ok(Draft { kind, payload, children })
}

/// The type of a block in a request: named, or the only one that it has a field for.
pub(super) fn kind(block: &Value) -> Result<String, No> {
    let known = |name: &str| TEXTS.contains(&name) || OTHERS.contains(&name);
    let fields = block.as_object().into_iter().flat_map(|fields| fields.keys());
    let mut kinds: Vec<&String> = fields.filter(|name| known(name)).collect();
    match (block["type"].as_str(), kinds.pop()) {
        (Some(named), Some(kind)) if named == kind => Ok(kind.clone()),
        (None, Some(kind)) if kinds.is_empty() => Ok(kind.clone()),
        _ => {
            Err(No::invalid("body failed validation: body.children[0] should have a type that can be made."))
        }
    }
}

/// What is kept of a type's fields. `whole`: a new block's, with everything that is so by default.
pub(super) fn payload(kind: &str, sent: &Map<String, Value>, whole: bool) -> Result<Value, No> {
    let mut kept = Map::new();
    if whole {
        if TEXTS.contains(&kind) {
            kept.insert("color".to_owned(), json!("default"));
        }
        let more = match kind {
            "paragraph" => json!({"icon": null}),
            "heading_1" | "heading_2" | "heading_3" => json!({"is_toggleable": false}),
            "to_do" => json!({"checked": false}),
            "code" => json!({"caption": [], "language": "plain text"}),
            "callout" => json!({"icon": null, "color": "default"}),
            "table" => json!({"has_column_header": false, "has_row_header": false}),
            _ => json!({}),
        };
        kept.extend(more.as_object().cloned().unwrap_or_default());
    }
    for (name, value) in sent {
        let value = match name.as_str() {
            "rich_text" | "caption" => rich::stored(value)?,
            "cells" => {
                let cells =
                    value.as_array().ok_or_else(|| No::invalid("body failed validation: table_row.cells"))?;
                Value::Array(cells.iter().map(rich::stored).collect::<Result<_, No>>()?)
            }
            "children" => return Err(No::invalid("body failed validation: children cannot be updated.")),
            _ => value.clone(),
        };
        kept.insert(name.clone(), value);
    }
    let lacks_text = TEXTS.contains(&kind) || matches!(kind, "code" | "callout");
    if whole && lacks_text && !kept.contains_key("rich_text") {
        return Err(No::invalid(format!("body failed validation: {kind}.rich_text should be defined.")));
    }
    if kind == "table_row" && !kept.contains_key("cells") {
        return Err(No::invalid("body failed validation: table_row.cells should be defined."));
    }
    Ok(Value::Object(kept))
}

impl Draft {
    fn count(&self) -> usize {
        1 + self.children.iter().map(Draft::count).sum::<usize>()
    }
}
