//! Notion's rich text: read, and written as the platform takes it.
//!
//! Never: an item that was read and is sent back as less than it was.

use serde_json::{Map, Value as Json, json};

use super::super::{Piece, operation::is_web};

/// An item's longest text, in UTF-16 units as Notion counts.
pub const TEXT_MAX: usize = 2_000;

/// A rich text has at most so many items.
pub const ITEMS_MAX: usize = 100;

/// What can be sent back of what people and pages are mentioned.
const MENTIONS: &[&str] = &["user", "page", "database", "date"];

/// An item's text as people read it.
pub(super) fn characters(item: &Json) -> &str {
    match item["type"].as_str() {
        Some("equation") => item["equation"]["expression"].as_str(),
        Some("mention") => item["plain_text"].as_str(),
        _ => item["text"]["content"].as_str().or_else(|| item["plain_text"].as_str()),
    }
    .unwrap_or_default()
}

/// Where it goes; what Notion derives only where it says nothing itself.
pub(super) fn link(item: &Json) -> Option<&str> {
    item["text"]["link"]["url"].as_str().or_else(|| item["href"].as_str())
}

pub(super) fn is_struck(item: &Json) -> bool {
    item["annotations"]["strikethrough"].as_bool() == Some(true)
}

/// It is text, and not something that stands for something.
pub(super) fn is_text(item: &Json) -> bool {
    matches!(item["type"].as_str(), Some("text") | None) && item["text"].is_object()
}

/// All text, as it is.
pub(super) fn verbatim(items: &[Json]) -> String {
    items.iter().map(characters).collect()
}

/// White space collapsed; where `shown`, links with where they go and what is struck out between `~~`.
pub(super) fn collapsed(items: &[Json], shown: bool) -> String {
    let mut out = String::new();
    let mut struck = false;
    for item in items {
        let text = characters(item);
        if shown && !text.trim().is_empty() && is_struck(item) != struck {
            if struck {
                let end = out.trim_end().len();
                out.insert_str(end, "~~");
            } else {
                let blank = text.len() - text.trim_start().len();
                out.push_str(&text[..blank]);
                out.push_str("~~");
            }
            struck = !struck;
            let text = if struck { text.trim_start() } else { text };
            out.push_str(text);
        } else {
            out.push_str(text);
        }
        if let Some(url) = link(item).filter(|_| shown) {
            out.push_str(&format!(" <{url}>"));
        }
    }
    if struck {
        let end = out.trim_end().len();
        out.insert_str(end, "~~");
    }
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Pieces as items, each no longer than [`TEXT_MAX`].
pub(super) fn write(pieces: &[Piece]) -> Vec<Json> {
    let mut items = Vec::new();
    for piece in pieces {
        let (text, style) = match piece {
            Piece::Plain(text) => (text.clone(), json!({})),
            Piece::Strong(text) => (text.clone(), json!({"annotations": {"bold": true}})),
            Piece::Code(text) => (text.clone(), json!({"annotations": {"code": true}})),
            Piece::Link { text, url } if is_web(url) && url.len() <= TEXT_MAX => {
                (text.clone(), json!({"text": {"link": {"url": url}}}))
            }
            Piece::Link { text, url } => (format!("{text} <{url}>"), json!({})),
        };
        items.extend(split(&text).map(|part| text_item(part, &style)));
    }
    items
}

fn text_item(content: &str, style: &Json) -> Json {
    let mut item = Map::new();
    item.insert("type".to_owned(), json!("text"));
    let mut text = Map::new();
    text.insert("content".to_owned(), json!(content));
    if let Some(link) = style["text"].get("link").filter(|link| !link.is_null()) {
        text.insert("link".to_owned(), link.clone());
    }
    item.insert("text".to_owned(), Json::Object(text));
    if let Some(annotations) = style.get("annotations").filter(|it| it.is_object()) {
        item.insert("annotations".to_owned(), annotations.clone());
    }
    Json::Object(item)
}

/// Parts that are short enough; none of an empty text.
fn split(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (mut units, mut end) = (0, 0);
        for c in rest.chars() {
            units += c.len_utf16();
            if units > TEXT_MAX {
                break;
            }
            end += c.len_utf8();
        }
        let (part, after) = rest.split_at(end);
        rest = after;
        (!part.is_empty()).then_some(part)
    })
}

/// As it can be sent back: without what Notion derives.
pub(super) fn sendable(items: &[Json]) -> Result<Vec<Json>, String> {
    items.iter().map(one_sendable).collect()
}

fn one_sendable(item: &Json) -> Result<Json, String> {
    let kind = item["type"].as_str().unwrap_or("text");
    let mut sent = Map::new();
    sent.insert("type".to_owned(), json!(kind));
    match kind {
        "text" => {
            sent.insert("text".to_owned(), item["text"].clone());
        }
        "equation" => {
            sent.insert("equation".to_owned(), item["equation"].clone());
        }
        "mention" => {
            let mention = item["mention"]["type"].as_str().unwrap_or("");
            if !MENTIONS.contains(&mention) {
                let text = characters(item);
                return Err(format!(
                    "it mentions “{text}” in a way that Notion does not take back ({mention})"
                ));
            }
            let target = match item["mention"][mention]["id"].as_str() {
                Some(id) => json!({"id": id}),
                None => item["mention"][mention].clone(),
            };
            sent.insert("mention".to_owned(), json!({"type": mention, mention: target}));
        }
        other => return Err(format!("it holds a piece of a kind that Dock does not know ({other})")),
    }
    if item["annotations"].is_object() {
        sent.insert("annotations".to_owned(), item["annotations"].clone());
    }
    Ok(Json::Object(sent))
}

/// All of it struck out.
pub(super) fn struck(items: &[Json]) -> Result<Vec<Json>, String> {
    let mut items = sendable(items)?;
    for item in &mut items {
        item["annotations"]["strikethrough"] = json!(true);
    }
    Ok(items)
}

/// One value replaced within one item; the items around it as they are. `None` where no single item holds it.
pub(super) fn replaced(items: &[Json], was: &str, is: &str) -> Result<Option<Vec<Json>>, String> {
    let mut sent = Vec::with_capacity(items.len());
    let mut done = false;
    for item in items {
        let kept = one_sendable(item)?;
        let found = characters(item).find(was).filter(|_| !done && is_text(item));
        let Some(at) = found else {
            sent.push(kept);
            continue;
        };
        done = true;
        let text = characters(item);
        let text = format!("{}{is}{}", &text[..at], &text[at + was.len()..]);
        sent.extend(split(&text).map(|part| text_item(part, &kept)));
    }
    Ok(done.then_some(sent))
}
