//! Rich text as Notion takes it and as it gives it back.
//!
//! Never: longer than Notion takes.

use serde_json::{Value, json};

use super::No;

const ITEMS_MAX: usize = 100;
const TEXT_MAX: usize = 2_000;
const URL_MAX: usize = 2_000;

/// What was sent, with all that Notion adds.
pub(super) fn stored(items: &Value) -> Result<Value, No> {
    let Some(list) = items.as_array() else {
        return Err(No::invalid(
            "body failed validation: rich_text should be an array, instead was `undefined`.",
        ));
    };
    if list.len() > ITEMS_MAX {
        let why = format!(
            "body failed validation: rich_text.length should be ≤ `100`, instead was `{}`.",
            list.len()
        );
        return Err(No::invalid(why));
    }
    list.iter().map(item).collect::<Result<Vec<Value>, No>>().map(Value::Array)
}

fn item(sent: &Value) -> Result<Value, No> {
    let kind = ["text", "mention", "equation"].into_iter().find(|kind| sent[kind].is_object());
    let kind =
        kind.ok_or_else(|| No::invalid("body failed validation: rich_text.text should be defined."))?;
    let given = &sent["annotations"];
    let flag = |name: &str| given[name] == true;
    let annotations = json!({"bold": flag("bold"), "italic": flag("italic"), "strikethrough": flag("strikethrough"),
        "underline": flag("underline"), "code": flag("code"), "color": given["color"].as_str().unwrap_or("default")});
    if kind != "text" {
        let plain =
            sent["plain_text"].as_str().or_else(|| sent[kind]["expression"].as_str()).unwrap_or_default();
        return Ok(
            json!({"type": kind, kind: sent[kind], "annotations": annotations, "plain_text": plain, "href": null}),
        );
    }
    let content = sent["text"]["content"].as_str();
    let content =
        content.ok_or_else(|| No::invalid("body failed validation: text.content should be a string."))?;
    let length = content.encode_utf16().count();
    if length > TEXT_MAX {
        let why = format!(
            "body failed validation: text.content.length should be ≤ `2000`, instead was `{length}`."
        );
        return Err(No::invalid(why));
    }
    let link = sent["text"]["link"]["url"].as_str();
    if link.is_some_and(|url| url.len() > URL_MAX || !url.contains(':') && !url.starts_with('/')) {
        return Err(No::invalid("Invalid URL for link."));
    }
    let shown = link.map(|url| json!({ "url": url }));
    Ok(json!({"type": "text", "text": {"content": content, "link": shown}, "annotations": annotations,
        "plain_text": content, "href": link}))
}

/// The words alone.
pub(super) fn plain(items: &Value) -> String {
    let items = items.as_array().map(Vec::as_slice).unwrap_or_default();
    items.iter().filter_map(|item| item["plain_text"].as_str()).collect()
}
