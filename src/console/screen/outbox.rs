//! The outbox: drafts, what rests, what is unsent, overtaken, refused, and what was delivered.
//!
//! Never: a word that sounds delivered for what is not.

use super::super::canvas::Styled;
use super::super::model::Model;
use super::super::shown::Shown;
use super::super::text;
use super::super::theme::Slot;
use crate::client::{Begun, Entry, Fate, NoteDraft};
use crate::row::RowId;

/// Delivered and taken back ones that are listed.
const DONE_MAX: usize = 100;

/// One line of the list.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    Draft(NoteDraft),
    /// Changes of a proposal that are not sent.
    Begun(Box<Begun>),
    Entry(Box<Entry>),
}

impl Item {
    pub fn row(&self) -> RowId {
        match self {
            Item::Draft(draft) => draft.row,
            Item::Begun(begun) => begun.row,
            Item::Entry(entry) => entry.row,
        }
    }
}

/// What needs its reader first: unsent, then drafts, then what came back, then what is done.
pub fn items(model: &Model) -> Vec<Item> {
    let order = |entry: &Entry| match entry.fate {
        _ if entry.fate.unsent() => 0,
        Fate::Refused { .. } | Fate::Overtaken { .. } if !entry.opened => 2,
        _ => 3,
    };
    let entries = |wanted: u8| {
        let all = model.known.entries.iter().filter(move |entry| order(entry) == wanted);
        all.take(DONE_MAX).cloned().map(Box::new).map(Item::Entry)
    };
    let drafts = model.known.drafts.iter().cloned().map(Item::Draft);
    let begun = model.known.begun.values().filter(|begun| !begun.what.is_empty());
    let begun = begun.cloned().map(Box::new).map(Item::Begun);
    entries(0).chain(drafts).chain(begun).chain(entries(2)).chain(entries(3)).collect()
}

/// One line an item, as the views count them.
pub fn lines(model: &Model, width: u16) -> Vec<Styled> {
    let items = items(model);
    if items.is_empty() {
        return vec![Styled::from("You have signed nothing here yet, and no draft is kept.")];
    }
    items.iter().map(|item| line(model, item, width)).collect()
}

fn line(model: &Model, item: &Item, width: u16) -> Styled {
    let (row, revision, what, slot, said) = match item {
        Item::Draft(draft) => {
            let since = text::when(draft.since, model.now(), &model.zone, false);
            (
                draft.row,
                draft.revision,
                draft.verb.clone(),
                Slot::Text,
                format!("Not signed. Kept since {since}."),
            )
        }
        Item::Begun(begun) => {
            let since = text::when(begun.since, model.now(), &model.zone, false);
            let said = format!("{}. Not sent. Kept since {since}.", begun.what);
            (begun.row, begun.revision, "changes".to_owned(), Slot::Text, said)
        }
        Item::Entry(entry) => {
            let (slot, said) = words(model, entry);
            let over = if entry.overrides { "override: " } else { "" };
            (
                entry.row,
                entry.revision,
                format!("{over}{}", entry.decision.word().replace('_', " ")),
                slot,
                said,
            )
        }
    };
    let head = Styled::of(Slot::Title, format!("{:<10}", row.to_string()))
        .text(format!("r{revision:<3} {what:<17} "));
    let room = usize::from(width).saturating_sub(head.width() + 2);
    head.add(slot, Shown::untrusted(&said).fit(room))
}

/// The line under the cursor, in full.
pub(super) fn detail(model: &Model, cursor: usize) -> Vec<(Slot, String)> {
    match items(model).get(cursor) {
        Some(Item::Draft(draft)) => vec![
            (Slot::Title, format!("{} r{}: a draft, not signed", draft.row, draft.revision)),
            (Slot::Text, draft.note.clone()),
        ],
        Some(Item::Begun(begun)) => vec![
            (Slot::Title, format!("{} r{}: changes of yours, not sent", begun.row, begun.revision)),
            (Slot::Text, begun.what.clone()),
        ],
        Some(Item::Entry(entry)) => {
            let (slot, said) = words(model, entry);
            let note = entry.note.clone().unwrap_or_else(|| "no note".to_owned());
            vec![
                (slot, format!("{}: {said}", entry.row)),
                (Slot::Text, note),
                (Slot::Muted, format!("id {}", entry.id)),
            ]
        }
        None => Vec::new(),
    }
}

/// What an accepted decision has come to. The row's state says it only while the row is what was decided on.
fn since_accepted(model: &Model, entry: &Entry, row_state: &str) -> (Slot, String) {
    let Some(head) = model.head(entry.row) else {
        let state =
            row_state.parse().map_or_else(|_| row_state.to_owned(), |state| text::state(state).to_owned());
        return (Slot::Ok, format!("Now {state}."));
    };
    if model.known.voided(head).is_some_and(|voided| voided.id == entry.id) {
        let decisions = model.body(entry.row).map(|body| body.view.decisions.as_slice()).unwrap_or_default();
        let why = decisions.iter().find(|own| own.id == entry.id).and_then(|own| own.void.as_deref());
        let why = why.map(|why| format!(": {why}")).unwrap_or_default();
        return (Slot::Watch, format!("VOID since{why}. It does not count any more."));
    }
    if head.revision > entry.revision {
        let said = format!("The row is r{} now; this was on r{}.", head.revision, entry.revision);
        return (Slot::Ok, said);
    }
    (Slot::Ok, format!("Now {}.", text::state(head.state)))
}

/// What became of a signed decision, in the words of the outbox.
pub fn words(model: &Model, entry: &Entry) -> (Slot, String) {
    let now = model.now();
    let at = |at| text::when(at, now, &model.zone, false);
    match &entry.fate {
        Fate::Signed if entry.leaves_at > now => {
            let seconds = entry.leaves_at.duration_since(now).as_secs() + 1;
            (Slot::Unsent, format!("Signed. Leaves in {seconds} s; u takes it back."))
        }
        Fate::Signed => {
            (Slot::Unsent, format!("Signed {}, NOT delivered. Nobody else can see it.", at(entry.made_at)))
        }
        Fate::TakenBack => (Slot::Muted, text::TAKEN_BACK.to_owned()),
        Fate::Sending => {
            let attempt = entry.attempts.max(1);
            (Slot::Unsent, format!("Delivering, attempt {attempt}. It may have arrived; it counts once."))
        }
        Fate::Unknown { message, .. } => {
            let said = format!(
                "Delivering, attempt {}. It may have arrived; it counts once. {message}",
                entry.attempts.max(1)
            );
            (Slot::Unsent, said)
        }
        Fate::Overtaken { message } => (Slot::Watch, format!("Not sent: {message} Enter shows what moved.")),
        Fate::Accepted { log_index, row_state, .. } => {
            let accepted = format!(
                "Accepted {}, entry {} of the record.",
                at(entry.changed_at),
                text::grouped(*log_index)
            );
            let (slot, since) = since_accepted(model, entry, row_state);
            (slot, format!("{accepted} {since}"))
        }
        Fate::Refused { message, hint, .. } => {
            let hint = if hint.is_empty() { String::new() } else { format!(" hint: {hint}") };
            (Slot::Danger, format!("Refused {}: {message}{hint}", at(entry.changed_at)))
        }
    }
}
