//! The dialog's fields: conditions, note, and the one that signs.
//!
//! Never: a field without its cursor, or a note that is cut where it is written.

use super::super::super::canvas::Styled;
use super::super::super::conditions::Conditions;
use super::super::super::dialog::{Dialog, Field, Verb};
use super::super::super::shown::Shown;
use super::super::super::theme::Slot;
use super::super::super::widget::area;
use super::{Part, wrap};
use crate::row::Note;

/// Lines that a note is shown on before it scrolls.
const NOTE_LINES: usize = 5;

pub(super) fn fields(dialog: &Dialog, width: usize, parts: &mut Vec<Part>) {
    let heading = |title: &str, focused: bool| {
        let slot = if focused { Slot::Focus } else { Slot::Title };
        let mark = if focused { "▸ " } else { "" };
        Part::bar(Styled::of(Slot::Border, "├ ").add(slot, format!("{mark}{title}")))
    };
    if dialog.verb == Verb::Conditions {
        let focused = dialog.focus == Field::Conditions;
        parts.push(heading("Conditions", focused));
        conditions(&dialog.conditions, focused, width, parts);
    }
    let asks = match (dialog.verb.needs_note(), dialog.note_wanted) {
        (true, _) => "Note (always asked for here)",
        (false, true) => "Note (this policy asks for one)",
        (false, false) => "Note (may be left empty; what is written is a sentence)",
    };
    parts.push(heading(asks, dialog.focus == Field::Note));
    note(dialog, width, parts);
    parts.push(heading("Sign", dialog.focus == Field::Sign));
    let wanted = dialog.demand.text();
    let blanks = "_".repeat(wanted.chars().count().saturating_sub(dialog.typed.chars().count()));
    let before = format!("type {wanted}, then Enter   [ ");
    let column = Shown::untrusted(&before).width() + dialog.typed.chars().count();
    let visible = Note::visible(&dialog.note_text());
    let told = match dialog.missing() {
        Some(_) if visible == 0 && (dialog.verb.needs_note() || dialog.note_wanted) => {
            "write a note first".to_owned()
        }
        Some(missing) if dialog.verb.needs_note() || dialog.note_wanted => missing,
        Some(missing) if visible > 0 => format!("{missing}, or leave it empty"),
        Some(missing) => missing,
        None if visible > 0 && (dialog.verb.needs_note() || dialog.note_wanted) => {
            format!("a note of {visible} characters: enough")
        }
        None => String::new(),
    };
    let line = Styled::from(before)
        .add(Slot::Key, dialog.typed.as_str())
        .text(format!("{blanks} ]   "))
        .add(Slot::Muted, told);
    parts.push(Part { text: line, bar: false, field: Some(Field::Sign), cursor: Some(column) });
    if dialog.signing > 0 {
        parts.push(Part::text(Styled::of(Slot::Info, "signing … touch your key if it blinks, 20 s")));
    }
    if let Some(error) = &dialog.error {
        wrap(parts, Slot::Danger, error, width);
    }
    parts.push(Part::bar(Styled::of(Slot::Border, "└")));
}

/// What was added, one a line, and the line in which one is written.
fn conditions(conditions: &Conditions, focused: bool, width: usize, parts: &mut Vec<Part>) {
    let empty = conditions.line().text().is_empty();
    for (at, (name, value)) in conditions.taken().iter().enumerate() {
        let meant = focused && empty && at == conditions.at();
        let line = Styled::of(Slot::Focus, if meant { "> " } else { "  " }).text(format!("{name}={value}"));
        let hint = if meant { "Space changes it, Delete takes it away" } else { "" };
        parts.push(Part::text(line.to(30).add(Slot::Muted, hint)));
    }
    let hint = match conditions.line().text() {
        "" if conditions.taken().is_empty() => "canary=10%, or 10% for 15m; Enter adds it",
        "" => "another: name=value",
        _ => "Enter adds it",
    };
    let line = Styled::from(format!("+ {}", conditions.line().text()));
    parts.push(Part {
        text: line.to(30).add(Slot::Muted, hint),
        bar: false,
        field: Some(Field::Conditions),
        cursor: Some(2 + conditions.line().column()),
    });
    if let Some(error) = conditions.error() {
        wrap(parts, Slot::Danger, error, width);
    }
}

/// The note, wrapped, with the cursor; longer ones show the part around it.
fn note(dialog: &Dialog, width: usize, parts: &mut Vec<Part>) {
    let rows = area::rows(&dialog.note, width);
    let at = rows.iter().position(|(_, cursor)| cursor.is_some()).unwrap_or(0);
    let top = (at + 1).saturating_sub(NOTE_LINES);
    for (shown, column) in rows.into_iter().skip(top).take(NOTE_LINES) {
        parts.push(Part {
            text: Styled::of(Slot::Text, shown),
            bar: false,
            field: column.map(|_| Field::Note),
            cursor: column,
        });
    }
}
