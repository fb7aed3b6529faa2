//! The pack's page for reading: rows, decisions, notes, evidence, in one file.
//!
//! Never: evidence (`verify` does not look at it); a script, a link that leads out, or text that was not made harmless.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::audit::leaf::Leaf;
use crate::audit::pack::{Files, Manifest};
use crate::audit::statement::Statement;
use crate::row::c1::Value;
use crate::row::{Decision, Event, RowId};

/// The most of one value that is drawn; the whole stands in the entry.
const SHOWN_CHARS_MAX: usize = 4096;
/// The most of one blob that is drawn.
const BLOB_CHARS_MAX: usize = 64 * 1024;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem;color:#111;background:#fff}\
table{border-collapse:collapse;width:100%}td,th{border-bottom:1px solid #ccc;padding:.3rem .6rem;text-align:left;vertical-align:top}\
.t,pre{white-space:pre-wrap;overflow-wrap:anywhere}code,pre{font-family:ui-monospace,monospace;font-size:.9em}\
h2{margin-top:2.5rem;border-top:2px solid #111;padding-top:.5rem}.note{border-left:4px solid #111;padding-left:.8rem}\
@media(prefers-color-scheme:dark){body{color:#eee;background:#111}td,th{border-color:#444}h2,.note{border-color:#eee}}";

/// The page over the leaves of a pack.
pub(super) fn write(manifest: &Manifest, leaves: &[(u64, Leaf)], files: &Files) -> String {
    let mut rows: BTreeMap<RowId, Vec<&(u64, Leaf)>> = BTreeMap::new();
    for entry in leaves {
        if let Some(row) = entry.1.row {
            rows.entry(row).or_default().push(entry);
        }
    }
    let mut out = String::with_capacity(64 * 1024);
    out.push_str("<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">");
    out.push_str("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">");
    put(
        &mut out,
        format_args!("<title>{} · Dock evidence</title><style>{STYLE}</style>", safe(&manifest.what)),
    );
    put(&mut out, format_args!("<h1>{}</h1>", safe(&manifest.what)));
    let kind = if manifest.complete { "every leaf of the log" } else { "a part of the log" };
    put(
        &mut out,
        format_args!(
            "<p>{} leaves, {kind}, under the checkpoint of <code>{}</code> at {}. This page is for reading and proves nothing: \
             <code>dock audit verify</code>, or ssh-keygen and sha256sum over the files beside it, do.</p>",
            leaves.len(),
            safe(&manifest.origin),
            manifest.size
        ),
    );
    for (row, entries) in &rows {
        put(&mut out, format_args!("<h2>{}</h2>", safe(&row.to_string())));
        for (_, leaf) in entries {
            decision(&mut out, leaf);
        }
        history(&mut out, entries.iter().copied());
    }
    out.push_str("<h2>People, keys, agents and the log itself</h2>");
    history(&mut out, leaves.iter().filter(|(_, leaf)| leaf.row.is_none()));
    let blobs: Vec<_> = files.iter().filter(|(path, _)| path.starts_with("blobs/")).collect();
    if !blobs.is_empty() {
        out.push_str("<h2>What the rows point at</h2>");
    }
    for (path, bytes) in blobs {
        let text = String::from_utf8_lossy(bytes);
        let shown: String = text.chars().take(BLOB_CHARS_MAX).collect();
        let more = if shown.len() < text.len() { "\n… (the file holds more)" } else { "" };
        put(&mut out, format_args!("<details><summary><code>{}</code></summary>", safe(path)));
        put(&mut out, format_args!("<pre>{}{more}</pre></details>", safe(&shown)));
    }
    out.push_str("</html>\n");
    out
}

fn decision(out: &mut String, leaf: &Leaf) {
    let signed = leaf.signed().and_then(|(text, _)| Statement::parse(text.as_bytes()).ok());
    let Some(statement) = signed.filter(|_| leaf.event == Event::DecisionAccepted) else { return };
    let against = if statement.overrides { ", against the agent's verdict" } else { "" };
    let what = match statement.decision {
        Decision::Approve => "approved",
        Decision::Decline => "declined",
        Decision::NeedsChanges => "asked for changes to",
        Decision::Withdraw => "withdrew from",
    };
    put(
        out,
        format_args!(
            "<p><b>{} {what}</b> revision {}{against}, {} <code>{}</code></p>",
            safe(statement.reviewer.as_str()),
            statement.revision,
            leaf.at,
            statement.decision_id
        ),
    );
    if !statement.note.is_empty() {
        put(out, format_args!("<p class=\"t note\">{}</p>", safe(&statement.note)));
    }
}

fn history<'a>(out: &mut String, entries: impl Iterator<Item = &'a (u64, Leaf)>) {
    out.push_str("<table><tr><th>leaf<th>at<th>who<th>what<th>of it</tr>");
    for (index, leaf) in entries {
        put(out, format_args!("<tr><td>{index}<td>{}<td>{}", leaf.at, safe(leaf.actor.id.as_str())));
        put(out, format_args!(" ({})<td>{}<td>", leaf.actor.kind.word(), leaf.event));
        for (key, value) in leaf.body.as_map().into_iter().flatten() {
            if key != "signature" && key != "statement" {
                put(out, format_args!("<div class=\"t\"><b>{}</b> {}</div>", safe(key), safe(&shown(value))));
            }
        }
        out.push_str("</tr>");
    }
    out.push_str("</table>");
}

fn shown(value: &Value) -> String {
    let text = match value {
        Value::Text(text) => text.clone(),
        Value::List(_) | Value::Map(_) => {
            String::from_utf8_lossy(&crate::row::c1::to_bytes(value)).into_owned()
        }
    };
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => format!("{} …", &text[..end]),
        None => text,
    }
}

/// Text for HTML: markup escaped; controls, bidi controls and other invisible characters made visible.
fn safe(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(c),
            '\0'..='\u{1f}' => out.push(char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}')),
            _ if c.is_control() || is_hidden(c) => put(&mut out, format_args!("⟨U+{:04X}⟩", u32::from(c))),
            _ => out.push(c),
        }
    }
    out
}

/// Characters that show nothing, or turn the direction of what follows.
fn is_hidden(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Writing to a string cannot fail.
fn put(out: &mut String, text: std::fmt::Arguments<'_>) {
    let _ = out.write_fmt(text);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_is_made_harmless() {
        for (text, html) in [
            ("<script>alert('1')</script>&\"", "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;&quot;"),
            ("\u{1b}[31m\0\r", "␛[31m␀␍"),
            ("a\u{202e}b\u{200b}\u{7f}", "a⟨U+202E⟩b⟨U+200B⟩⟨U+007F⟩"),
            ("two\nlines", "two\nlines"),
        ] {
            assert_eq!(safe(text), html);
        }
    }

    proptest! {
        #[test]
        fn no_markup_and_no_control_gets_through(text: String) {
            let out = safe(&text);
            prop_assert!(!out.contains(['<', '>', '"', '\'']));
            prop_assert!(!out.chars().any(|c| (c.is_control() && c != '\n' && c != '\t') || is_hidden(c)));
        }
    }
}
