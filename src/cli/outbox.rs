//! `dock outbox`: what was written and signed here, and what became of it.
//!
//! Never: a signed statement deleted, or one discarded that may have arrived.

use serde_json::{Value, json};

use super::{
    Globals,
    exit::{Code, Failure, Outcome},
    out,
    person::{Person, block_on},
    sync::words,
};
use crate::{
    client::{Begun, Fate, NoteDraft, Outbox, outbox::Entry},
    row::DecisionId,
};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  dock outbox list --json\n  dock outbox retry\n  dock outbox discard 01J…"
)]
pub(super) struct OutboxArgs {
    #[command(subcommand)]
    command: Option<OutboxCommand>,
}

#[derive(Debug, clap::Subcommand)]
enum OutboxCommand {
    /// Drafts and decisions, newest first.
    List,
    /// Deliver now what waits.
    Retry {
        /// Only this one.
        id: Option<String>,
    },
    /// Take back what was not sent, or put away how something ended.
    Discard {
        /// A decision's id, or a row's for the note that is being written and the changes that are not sent.
        id: String,
    },
}

pub(super) fn run(globals: &Globals, args: &OutboxArgs) -> Outcome {
    let person = Person::open(globals)?;
    let outbox = person.outbox()?;
    match args.command.as_ref().unwrap_or(&OutboxCommand::List) {
        OutboxCommand::List => list(&person, &outbox),
        OutboxCommand::Retry { id } => block_on(retry(&person, &outbox, id.as_deref())),
        OutboxCommand::Discard { id } => discard(&person, &outbox, id),
    }
}

fn list(person: &Person, outbox: &Outbox) -> Outcome {
    let (drafts, entries) = (outbox.drafts()?, outbox.entries()?);
    let begun: Vec<_> = outbox.begun()?.into_iter().filter(|begun| !begun.what.is_empty()).collect();
    if person.globals.json {
        for draft in &drafts {
            out::json(&draft_line(draft));
        }
        for begun in &begun {
            out::json(&begun_line(begun));
        }
        for entry in &entries {
            out::json(&line(entry));
        }
        return Ok(Code::Done);
    }
    for draft in &drafts {
        let since = out::when(draft.since, person.now());
        out::line(format!(
            "{} {} r{}: Not signed. Kept since {since}.",
            draft.row, draft.verb, draft.revision
        ));
    }
    for begun in &begun {
        let since = out::when(begun.since, person.now());
        let what = out::safe(&begun.what);
        out::line(format!(
            "{} changes r{}: {what}. Not sent. Kept since {since}.",
            begun.row, begun.revision
        ));
    }
    for entry in &entries {
        out::line(format!("{} {}  {}", out::when(entry.made_at, person.now()), entry.id, words(entry)));
    }
    if drafts.is_empty() && begun.is_empty() && entries.is_empty() {
        out::line("Nothing was signed here yet.");
    }
    Ok(Code::Done)
}

/// One entry as `--json` has it.
pub(super) fn line(entry: &Entry) -> Value {
    let (mut code, mut message, mut hint, mut log_index) = (None, None, None, None);
    match &entry.fate {
        Fate::Signed | Fate::TakenBack | Fate::Sending => {}
        Fate::Unknown { code: c, message: m } => (code, message) = (Some(c), Some(m)),
        Fate::Accepted { log_index: index, .. } => log_index = Some(*index),
        Fate::Overtaken { message: m } => message = Some(m),
        Fate::Refused { code: c, message: m, hint: h } => (code, message, hint) = (Some(c), Some(m), Some(h)),
    }
    json!({
        "decision_id": entry.id, "row": entry.row, "revision": entry.revision, "decision": entry.decision.word(),
        "override": entry.overrides, "note": entry.note, "state": entry.fate.word(), "offline": entry.offline,
        "made_at": entry.made_at, "attempts": entry.attempts, "next_at": entry.fate.unsent().then_some(entry.next_at),
        "code": code, "message": message, "hint": hint, "log_index": log_index,
    })
}

fn draft_line(draft: &NoteDraft) -> Value {
    json!({"decision_id": null, "row": draft.row, "revision": draft.revision, "decision": draft.verb,
        "note": draft.note, "state": "drafting", "made_at": draft.since})
}

fn begun_line(begun: &Begun) -> Value {
    json!({"decision_id": null, "row": begun.row, "revision": begun.revision, "decision": "amend", "note": begun.what,
        "state": "drafting", "made_at": begun.since})
}

fn id(text: &str) -> Result<DecisionId, Failure> {
    text.parse().map_err(|error: crate::row::decision::NotADecisionId| Failure::usage(error.to_string()))
}

fn found(outbox: &Outbox, text: &str) -> Result<Entry, Failure> {
    outbox
        .get(&id(text)?)?
        .ok_or_else(|| Failure::nothing(format!("no decision {} in this outbox", out::safe(text))))
}

async fn retry(person: &Person, outbox: &Outbox, only: Option<&str>) -> Outcome {
    let now = person.now();
    let entries = match only {
        Some(text) => vec![found(outbox, text)?],
        None => outbox.unsent()?,
    };
    for entry in &entries {
        if !outbox.hurry(&entry.id, now)? {
            return Err(Failure::new(
                Code::Refused,
                format!("{}\nhint: this answer is final for these bytes; decide again", words(entry)),
            ));
        }
    }
    let pushed = person.push(outbox).await?;
    for entry in &entries {
        let now = found(outbox, entry.id.as_str())?;
        if person.globals.json { out::json(&line(&now)) } else { out::line(words(&now)) }
    }
    match (pushed.away, pushed.waiting) {
        (Some(why), _) => Err(Failure::new(Code::Queued, why)),
        (None, 0) => Ok(Code::Done),
        (None, _) => Ok(Code::Queued),
    }
}

fn discard(person: &Person, outbox: &Outbox, text: &str) -> Outcome {
    if let Ok(row) = text.parse::<crate::row::RowId>() {
        let drafts: Vec<_> = outbox.drafts()?.into_iter().filter(|draft| draft.row == row).collect();
        let begun = outbox.begun()?.iter().any(|begun| begun.row == row);
        if drafts.is_empty() && !begun {
            return Err(Failure::nothing(format!(
                "no note is being written for {row}, and nothing changed of it"
            )));
        }
        if begun {
            outbox.drop_begun(row)?;
        }
        for draft in drafts {
            outbox.drop_draft(row, draft.revision)?;
        }
        return Ok(Code::Done);
    }
    let entry = found(outbox, text)?;
    match &entry.fate {
        Fate::Signed if outbox.take_back(&entry.id, person.now())? => {
            out::line("Taken back. Nothing was sent.");
            Ok(Code::Done)
        }
        Fate::Signed | Fate::Sending | Fate::Unknown { .. } => Err(Failure::new(
            Code::Refused,
            "It may have arrived, so it cannot be discarded.\nhint: `dock withdraw` takes an approval back",
        )),
        Fate::TakenBack | Fate::Accepted { .. } | Fate::Overtaken { .. } | Fate::Refused { .. } => {
            outbox.mark_opened(entry.row)?;
            Ok(Code::Done)
        }
    }
}
