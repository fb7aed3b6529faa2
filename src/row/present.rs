//! The text of one revision, in form `show.v1`: what a reviewer was shown, whose digest is signed.
//!
//! Never: clock, viewer or delivery state; nothing that differs from one screen to another.

use super::{RowId, draft::Draft};

/// Claim, signals, difference and effect, in this order.
pub fn text(draft: &Draft, row: RowId, revision: u32) -> String {
    let mut out = format!("show.v1\n{row} revision {revision}\n{}\n", draft.title);
    out.push_str(&format!("{} {} {}\n", draft.subject, draft.environment, draft.risk.word()));
    if let Some(incident) = &draft.incident {
        out.push_str(&format!("incident {incident}\n"));
    }
    out.push_str(&format!(
        "\nCLAIM\n{} (prose by {})\n{}\n",
        draft.verdict.word(),
        draft.prose_by,
        draft.rationale
    ));
    out.push_str("\nSIGNALS\n");
    for signal in &draft.signals {
        let (grade, weight) = (signal.verdict.word(), signal.weight.word());
        out.push_str(&format!(
            "{}: {} [{grade}, {weight}] {}\n",
            signal.name, signal.value, signal.pointer.reference
        ));
    }
    out.push_str("\nDIFFERENCE\n");
    out.push_str(&draft.diff);
    out.push_str(&format!("\nEFFECT\n{}\n", draft.effect.sentence()));
    out
}
