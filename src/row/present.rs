//! The text of one revision, in form `show.v1`: what a reviewer was shown, whose digest is signed.
//!
//! Never: clock, viewer or delivery state; nothing that differs from one screen to another; a line at the left edge that
//! an agent wrote and that could pass for one of ours.

use std::fmt::Write as _;

use super::{RowId, draft::Draft};

/// Claim, signals, difference and effect, in this order.
pub fn text(draft: &Draft, row: RowId, revision: u32) -> String {
    let mut out = format!("show.v1\n{row} revision {revision}\n{}\n", line(&draft.title));
    let (subject, environment) = (line(&draft.subject), line(&draft.environment));
    let _ = writeln!(out, "{subject} {environment} {}", draft.risk.word());
    if let Some(incident) = &draft.incident {
        let _ = writeln!(out, "incident {}", line(incident));
    }
    let (verdict, author) = (draft.verdict.word(), line(&draft.prose_by));
    let _ = writeln!(out, "\nCLAIM\n{verdict} (prose by {author})");
    for line in draft.rationale.lines() {
        let _ = writeln!(out, "  {line}");
    }
    out.push_str("\nSIGNALS\n");
    for signal in &draft.signals {
        let (name, value, pointer) =
            (line(&signal.name), line(&signal.value), line(&signal.pointer.reference));
        let (grade, weight) = (signal.verdict.word(), signal.weight.word());
        let _ = writeln!(out, "{name}: {value} [{grade}, {weight}] {pointer}");
    }
    let _ = write!(out, "\nDIFFERENCE\n{}\nEFFECT\n{}\n", draft.diff, line(&draft.effect.sentence()));
    out
}

/// On one line, whatever it holds: breaks are spelled out.
fn line(text: &str) -> String {
    text.replace('\n', "\\n").replace('\r', "\\r")
}
