//! `dock extend`, `dock attest`: what a reviewer says about a row beside deciding.
//!
//! Never: a decision. Nothing here is signed; the server asks who is signed in, and the record keeps the words.

use jiff::{SignedDuration, Timestamp};

use super::{
    Globals,
    exit::{Code, Failure, Outcome},
    out,
    person::{Person, block_on},
};
use crate::{
    client::filter::span,
    row::{Note, RowId},
    wire::{AttestRequest, ExtendRequest, RowView},
};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  dock extend sync-8822 --until 4h --note \"Waiting for the provider's answer.\"\n  \
    dock extend gate-9821 --until 2026-05-30T06:00:00Z --note \"The morning shift decides.\""
)]
pub(super) struct Extend {
    /// The row.
    row: String,
    /// A time, or a span from now: 30m, 4h, 2d.
    #[arg(long, value_name = "TIME")]
    until: String,
    /// Why it waits.
    #[arg(long)]
    note: String,
}

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  dock attest sync-8821 executed --note \"ArgoCD's history shows revision 4f1c9e2, synced by dock at 02:14.\""
)]
pub(super) struct Attest {
    /// A row whose execution could not be told.
    row: String,
    /// What you saw on the platform.
    #[arg(value_enum)]
    saw: Saw,
    /// Where you looked, and what stood there.
    #[arg(long)]
    note: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Saw {
    Executed,
    Failed,
}

pub(super) fn extend(globals: &Globals, args: &Extend) -> Outcome {
    Note::parse(&args.note).map_err(|why| Failure::usage(why.to_string()))?;
    let person = Person::open(globals)?;
    let until = moment(&args.until, person.now())?;
    block_on(async {
        let row = known(&person, &args.row)?;
        let request = ExtendRequest { until, note: args.note.clone() };
        let view = person.online().await?.extend_row(row, &request).await?;
        told(&person, &view, &format!("waits until {}", out::when(view.head.expires_at, person.now())));
        Ok(Code::Done)
    })
}

pub(super) fn attest(globals: &Globals, args: &Attest) -> Outcome {
    Note::parse(&args.note).map_err(|why| Failure::usage(why.to_string()))?;
    let person = Person::open(globals)?;
    block_on(async {
        let row = known(&person, &args.row)?;
        let request = AttestRequest { executed: args.saw == Saw::Executed, note: args.note.clone() };
        let view = person.online().await?.attest_row(row, &request).await?;
        told(&person, &view, &format!("is {} by your word", view.head.state.word()));
        Ok(Code::Done)
    })
}

fn known(person: &Person, typed: &str) -> Result<RowId, Failure> {
    Person::row_id(typed, &person.cache()?)
}

fn told(person: &Person, view: &RowView, words: &str) {
    if person.globals.json {
        out::json(&view.head);
    } else {
        out::line(format!("{} {words}.", view.head.id));
    }
}

/// `2026-05-30T06:00:00Z`, or so long from now.
pub(super) fn moment(text: &str, now: Timestamp) -> Result<Timestamp, Failure> {
    let wrong = || {
        Failure::usage(format!(
            "`{}` is no time\nhint: 30m, 4h, 2d, or 2026-05-30T06:00:00Z",
            out::safe(text)
        ))
    };
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    let span: SignedDuration = span(text).ok_or_else(wrong)?;
    now.checked_add(span).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_moment_or_a_span() {
        let now: Timestamp = "2026-05-30T02:00:00Z".parse().unwrap();
        let read = |text: &str| moment(text, now).ok().map(|at| at.to_string());
        assert_eq!(read("4h").as_deref(), Some("2026-05-30T06:00:00Z"));
        assert_eq!(read("2026-05-30T06:00:00Z").as_deref(), Some("2026-05-30T06:00:00Z"));
        assert_eq!(read("soon"), None);
        assert_eq!(read("99999999999d"), None);
    }
}
