//! Blocks in a form that does not depend on what Notion adds, derives or leaves out by itself.
//!
//! Never: a block's text, type, order or own blocks left out.

use serde_json::{Map, Value as Json, json};

use super::read::children;
use super::rich;
use crate::row::c1;

/// What says who touched a block and when, or is derived from the rest.
const DROPPED: &[&str] = &[
    "created_time",
    "created_by",
    "last_edited_time",
    "last_edited_by",
    "request_id",
    "object",
    "parent",
    "has_children",
    "archived",
    "in_trash",
    "expiry_time",
    "plain_text",
    "href",
];

pub(super) fn canonical(blocks: &[Json], ids: bool) -> Vec<u8> {
    c1::sorted_json(&Json::Array(blocks.iter().map(|block| of_block(block, ids)).collect()))
}

fn of_block(block: &Json, ids: bool) -> Json {
    let mut out = Map::new();
    let kind = block["type"].as_str().unwrap_or_default();
    out.insert("type".to_owned(), json!(kind));
    if let Some(payload) = block.get(kind).and_then(settled) {
        out.insert("is".to_owned(), payload);
    }
    if let Some(id) = block["id"].as_str().filter(|_| ids) {
        out.insert("id".to_owned(), json!(id.replace('-', "").to_lowercase()));
    }
    let children = children(block);
    if !children.is_empty() {
        let children = children.iter().map(|child| of_block(child, ids)).collect();
        out.insert("children".to_owned(), Json::Array(children));
    }
    Json::Object(out)
}

/// Without what is as it is by default: absent, `null`, `false`, empty and the default colour are one.
fn settled(json: &Json) -> Option<Json> {
    match json {
        Json::Null | Json::Bool(false) => None,
        Json::String(text) if text.is_empty() || text == "default" => None,
        Json::Array(items) if items.iter().all(is_rich) => {
            let items = merged(items);
            (!items.is_empty()).then_some(Json::Array(items))
        }
        // A row's cells: an empty one is still a cell.
        Json::Array(items) => {
            Some(Json::Array(items.iter().map(|item| settled(item).unwrap_or(Json::Null)).collect()))
        }
        Json::Object(fields) => {
            let fields = fields.iter().filter(|(key, _)| !DROPPED.contains(&key.as_str()));
            let mut kept: Map<String, Json> =
                fields.filter_map(|(key, value)| Some((key.clone(), settled(value)?))).collect();
            if json.get("expiry_time").is_some() {
                unsigned(&mut kept);
            }
            (!kept.is_empty()).then_some(Json::Object(kept))
        }
        other => Some(other.clone()),
    }
}

fn is_rich(item: &Json) -> bool {
    item.is_object()
        && (item["text"].is_object() || item["mention"].is_object() || item["equation"].is_object())
}

/// An address that is signed for an hour: what it names stays, the signature goes.
fn unsigned(file: &mut Map<String, Json>) {
    if let Some(Json::String(url)) = file.get_mut("url") {
        url.truncate(url.find('?').unwrap_or(url.len()));
    }
}

/// Items that read alike are one, wherever Notion cuts them.
fn merged(items: &[Json]) -> Vec<Json> {
    let mut out: Vec<Json> = Vec::new();
    for item in items {
        let style = item.get("annotations").and_then(settled).unwrap_or(Json::Null);
        if !rich::is_text(item) {
            let kind = item["type"].as_str().unwrap_or_default();
            let target = &item[kind];
            let named = target["type"].as_str().unwrap_or_default();
            // Notion tells a person's name beside the id, or not.
            let target = match target[named]["id"].as_str() {
                Some(id) => json!({"type": named, "id": id}),
                None => settled(target).unwrap_or(Json::Null),
            };
            out.push(json!({"is": target, "style": style}));
            continue;
        }
        let link = item["text"]["link"]["url"].clone();
        let text = rich::characters(item);
        if text.is_empty() {
            continue;
        }
        match out.last_mut() {
            Some(last) if last["text"].is_string() && last["style"] == style && last["link"] == link => {
                let joined = format!("{}{text}", last["text"].as_str().unwrap_or_default());
                last["text"] = json!(joined);
            }
            _ => out.push(json!({"text": text, "style": style, "link": link})),
        }
    }
    out
}
