//! What moved on the page that an edit is for: the text, the operations that it touches, and the merge where there is one.
//!
//! Never: a merge offered that the backend would refuse.

use super::{out, person::Person, show};
use crate::{
    row::{Kind, Proposal, RowId, page::Since},
    wire::RowView,
};

/// What is shown of it beside a row or a refusal; `--diff --since draft` shows all.
const LINES_MAX: usize = 60;
const LINE_CHARS_MAX: usize = 400;

/// What moved, in lines to read.
pub(super) fn text(row: RowId, since: &Since, whole: bool) -> String {
    let mut text = String::from("\nWHAT MOVED ON THE PAGE\n");
    match (since.diff.is_empty(), &since.closed) {
        (true, None) => text.push_str("its text reads as before: formatting, macros or properties\n"),
        _ if whole => text.push_str(&out::safe_lines(&since.diff)),
        _ => text.push_str(&out::safe_lines(&cut(row, &since.diff))),
    }
    for touched in &since.touched {
        text.push_str(&format!("TOUCHES {}\n", out::safe(&touched.sentence())));
    }
    text.push_str(&match since.against(&[], &[]).as_slice() {
        [] => format!("The edit lies apart from it: `dock amend {row} --merge` takes it over, as a revision of yours.\n"),
        [first, ..] if since.closed.is_some() => format!("The edit cannot be merged: {}.\n", out::safe(first)),
        [..] => format!(
            "The edit is not merged as it is: `dock amend {row} --merge --strike N` leaves an operation out, --reword N=FILE \
             says it anew beside what moved; else its agent drafts again.\n"
        ),
    });
    text
}

/// As much of what moved as somebody reads before a decision: a page can have moved by megabytes.
fn cut(row: RowId, diff: &str) -> String {
    let mut text = String::new();
    for line in diff.lines().take(LINES_MAX) {
        let cut: String = line.chars().take(LINE_CHARS_MAX).collect();
        text.push_str(&cut);
        text.push_str(if cut.len() < line.len() { "\u{2026}\n" } else { "\n" });
    }
    match diff.lines().count().saturating_sub(LINES_MAX) {
        0 => text,
        more => {
            let more = out::plural(more, "line", "lines");
            text + &format!("\u{2026} {more} more: `dock show {row} --diff --since draft`\n")
        }
    }
}

/// The same for a row that is opened. Nothing where nothing moved, or there is no page to move.
pub(super) async fn moved(person: &Person, view: &RowView, offline: Option<String>) -> String {
    let edit = view.head.kind == Kind::Runbook && matches!(view.proposal, Some(Proposal::Edit(_)));
    if !edit || !view.head.state.undecided() {
        return String::new();
    }
    let unknown = |why: &str| {
        let why = out::safe(why.lines().next().unwrap_or_default());
        format!("\nWHAT MOVED ON THE PAGE\nUNKNOWN, {why}\n")
    };
    if let Some(why) = offline {
        return unknown(&why);
    }
    let ask = async {
        let api = person.online().await.map_err(|failure| failure.words)?;
        api.fresh(view.head.id).await.map_err(|error| error.to_string())
    };
    match tokio::time::timeout(show::MEASURED_WITHIN, ask).await {
        Ok(Ok(fresh)) => fresh.since.map(|since| text(view.head.id, &since, false)).unwrap_or_default(),
        Ok(Err(why)) => unknown(&why),
        Err(_) => unknown(&format!("no answer within {} s", show::MEASURED_WITHIN.as_secs())),
    }
}
