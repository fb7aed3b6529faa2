//! An edit of a runbook: which page, and operation by operation what is done where, and why.
//!
//! Never: a block that is written without its words; a reviewer's words passed off as the agent's.

use super::super::super::canvas::Styled;
use super::super::super::changes::{self, Changes};
use super::super::super::model::{Body, Model};
use super::super::super::shown::Shown;
use super::super::super::text::{self, plural};
use super::super::super::theme::Slot;
use super::{Doc, Item, Pane};
use crate::row::page::{Action, Anchor, Edit, Operation, Piece, WRITTEN_BY, markup, named};
use crate::row::{Base, base::PageBase};

/// Columns before what an operation says.
pub(super) const INDENT: usize = 5;
/// Of a block that is only named, so much is quoted.
const QUOTED: usize = 44;

pub(super) fn operations(model: &Model, body: &Body, edit: &Edit, doc: &mut Doc) {
    let nothing = Changes::default();
    let changes = model.changes.get(&body.view.head.id).unwrap_or(&nothing);
    let title = format!("WHAT THE EDIT DOES: {}", plural(edit.operations.len(), "OPERATION", "OPERATIONS"));
    let unsent = format!("{}, NOT SENT", changes.summary());
    doc.heading(Pane::Proposal, &title, if changes.amends() { &unsent } else { &body.view.head.subject });
    if let Base::Runbook(base) = &body.view.base_read {
        page(model, body, base, doc);
    }
    for (at, operation) in edit.operations.iter().enumerate() {
        let number = at + 1;
        doc.item = Some(Item::Part(number));
        self::operation(operation, number, changes, doc);
        doc.item = None;
    }
    super::changed::unsent(model, changes, doc);
}

/// The page that is edited, with its version as read.
fn page(model: &Model, body: &Body, base: &PageBase, doc: &mut Doc) {
    let platform = body.view.pointers.iter().find(|pointer| pointer.reference.contains(&base.page));
    let version =
        if base.version > 0 { format!("version {}", base.version) } else { "no version numbers".to_owned() };
    let written = base.created_at.parse().map_or_else(
        |_| Shown::untrusted(&base.created_at).to_string(),
        |at| text::when(at, model.now(), &model.zone, false),
    );
    // The id is what counts, by the backend's own reading; a name is what its agent says of it.
    let named = body.view.signals.iter().find(|shown| shown.signal.name == WRITTEN_BY);
    let called = named.filter(|shown| shown.signal.value != base.author);
    let called = called.map(|shown| format!(" (called {})", Shown::untrusted(&shown.signal.value)));
    let line = Styled::of(Slot::Title, format!(" {}", base.name)).text(format!(
        "   {version}, written by {}{} at {written}",
        Shown::untrusted(&base.author),
        called.unwrap_or_default()
    ));
    doc.push(Pane::Proposal, line);
    let Some(pointer) = platform.filter(|pointer| !pointer.url.is_empty()) else { return };
    let url = Shown::untrusted(&pointer.url);
    let width = u16::try_from(url.width().min(doc.width)).unwrap_or(0);
    doc.push(Pane::Proposal, Styled::from(" ").add(Slot::Link, url));
    doc.link(1, width, &pointer.url);
}

fn operation(operation: &Operation, number: usize, changes: &Changes, doc: &mut Doc) {
    let struck = changes.struck.contains(&number);
    let words = changes.words.get(&number);
    let (what, near) = named(operation);
    let mut line = Styled::of(Slot::Title, format!("{number:>4} ")).add(slot(struck, Slot::Title), what);
    line = line.add(slot(struck, Slot::Text), format!("  {}", place(&operation.anchor, near)));
    let said = match (struck, words.is_some(), &operation.by) {
        (true, ..) => "STRUCK by you, not sent".to_owned(),
        (false, true, _) => "REWORDED by you, not sent".to_owned(),
        (false, false, Some(by)) => format!("words by {by}"),
        (false, false, None) => String::new(),
    };
    let unsent = struck || words.is_some();
    doc.spread(Pane::Proposal, line, &said, if unsent { Slot::Unsent } else { Slot::Changed }, INDENT);
    match words {
        Some(words) => {
            added(words, struck, doc);
            if let Err(why) = changes::read(words) {
                doc.wrapped(Pane::Proposal, Slot::Danger, INDENT, &format!("CANNOT BE READ, {why}"));
            }
        }
        None => action(&operation.action, struck, doc),
    }
    let because = format!("because {}", operation.because);
    doc.wrapped(Pane::Proposal, slot(struck, Slot::Muted), INDENT, &because);
    for pointer in &operation.pointers {
        let name = Shown::untrusted(pointer.called());
        let width = u16::try_from(name.width()).unwrap_or(0);
        let line = Styled::from(" ".repeat(INDENT)).add(Slot::Link, name);
        // The platform's own number beside it, for whoever looks for it there.
        let where_to =
            [(pointer.called() != pointer.reference).then_some(&pointer.reference), Some(&pointer.platform)];
        let where_to: Vec<&str> = where_to.into_iter().flatten().map(String::as_str).collect();
        doc.push(Pane::Proposal, line.add(Slot::Muted, format!("  {}", where_to.join(" "))));
        doc.link(u16::try_from(INDENT).unwrap_or(0), width, &pointer.url);
    }
}

/// What is struck stands back.
fn slot(struck: bool, otherwise: Slot) -> Slot {
    if struck { Slot::Ghost } else { otherwise }
}

/// `Failover > after “Promote the replica …”`
pub(super) fn place(anchor: &Anchor, near: &str) -> String {
    let one_line = |text: &str| Shown::untrusted(&text.replace('\n', " "));
    let mut said: String = anchor.path.iter().map(|heading| format!("{} › ", one_line(heading))).collect();
    said.push_str(near);
    if !anchor.text.is_empty() {
        let quote = one_line(&anchor.text);
        let space = if near.is_empty() { "" } else { " " };
        said.push_str(&format!("{space}“{}”", quote.fit(QUOTED)));
    }
    said
}

/// An operation in one line, for questions and what was lost.
pub fn short(operation: &Operation) -> String {
    let (what, near) = named(operation);
    format!("{} {}", what.to_lowercase(), place(&operation.anchor, near))
}

fn action(action: &Action, struck: bool, doc: &mut Doc) {
    match action {
        Action::InsertBefore { blocks } | Action::InsertAfter { blocks } | Action::Replace { blocks } => {
            added(markup::text(blocks).trim_end(), struck, doc);
        }
        Action::ReplaceValue { was, is } => {
            marked(" - ", Slot::Removed, was, struck, doc);
            marked(" + ", Slot::Added, is, struck, doc);
        }
        Action::MarkDeprecated { instead } => {
            doc.wrapped(Pane::Proposal, slot(struck, Slot::Text), INDENT, "it stays, struck out; after it:");
            marked(" + ", Slot::Added, &pieces(instead), struck, doc);
        }
    }
}

fn added(text: &str, struck: bool, doc: &mut Doc) {
    marked(" + ", Slot::Added, text, struck, doc);
}

/// Each line with its sign, the rest of a long one below itself.
fn marked(sign: &str, added: Slot, text: &str, struck: bool, doc: &mut Doc) {
    let added = slot(struck, added);
    let width = doc.width.saturating_sub(INDENT + sign.len() + 1);
    for line in Shown::lines(text) {
        for (at, part) in line.wrap(width).into_iter().enumerate() {
            let sign = if at == 0 { sign } else { "   " };
            let indent = " ".repeat(INDENT - 1);
            doc.push(Pane::Proposal, Styled::from(indent).add(added, sign).add(added, part));
        }
    }
}

/// Text as its reader would write it.
fn pieces(pieces: &[Piece]) -> String {
    let piece = |piece: &Piece| match piece {
        Piece::Plain(text) => text.clone(),
        Piece::Strong(text) => format!("**{text}**"),
        Piece::Code(text) => format!("`{text}`"),
        Piece::Link { text, url } => format!("[{text}]({url})"),
    };
    pieces.iter().map(piece).collect()
}
