//! `dock sync`: reads what changed, delivers what was signed; once, or for as long as it is left running.
//!
//! Never: ends because the server went away, unless it was asked to try once.

use std::time::Duration;

use super::{
    Globals,
    exit::{Code, Failure, Outcome},
    out,
    person::{Person, block_on},
};
use crate::client::{Cache, Fate, Outbox, Pushed, api::POLL_MAX, outbox::Entry, plan};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  dock sync --once\n  dock sync                       until interrupted")]
pub(super) struct Sync {
    /// Once; exit 7 where the server did not answer.
    #[arg(long)]
    once: bool,
}

pub(super) fn run(globals: &Globals, args: &Sync) -> Outcome {
    let person = Person::open(globals)?;
    block_on(async {
        let (outbox, mut cache) = (person.outbox()?, person.cache()?);
        if args.once {
            once(&person, &outbox, &mut cache).await
        } else {
            person.remark(Some(
                "Reads and delivers until it is interrupted; `dock sync --once` ends by itself.",
            ));
            follow(&person, &outbox, &mut cache).await
        }
    })
}

/// Push first: an expired session stops reading, never deciding. Then what changed, and the proofs.
async fn once(person: &Person, outbox: &Outbox, cache: &mut Cache) -> Outcome {
    let pushed = push_all(person, outbox).await?;
    let pulled = person.pull(outbox, cache, Duration::ZERO).await?;
    person.receipts(outbox).await?;
    person.keep_me(cache).await;
    person.enrol_witness(outbox, cache).await;
    tell(person, &pushed);
    if pushed.other_sender && pushed.waiting > 0 {
        out::remark("another dock is sending what was signed");
    }
    if let Some(why) = &pushed.away {
        return Err(Failure::new(Code::Away, why.clone()));
    }
    if !person.globals.json && !person.globals.quiet {
        let unsent = if pushed.waiting == 0 { String::new() } else { format!(" {} unsent.", pushed.waiting) };
        out::line(format!("Synced {}.{unsent}", out::when(pulled.as_of, person.now())));
    }
    Ok(Code::Done)
}

/// What waits for its next attempt goes now: somebody asked.
async fn push_all(person: &Person, outbox: &Outbox) -> Result<Pushed, Failure> {
    let now = person.now();
    for entry in outbox.unsent()?.iter().filter(|entry| entry.leaves_at <= now) {
        outbox.hurry(&entry.id, now)?;
    }
    person.push_in_turn(outbox).await
}

async fn follow(person: &Person, outbox: &Outbox, cache: &mut Cache) -> Outcome {
    let mut failures = 0_u32;
    loop {
        let work = async {
            let pushed = person.push(outbox).await?;
            tell(person, &pushed);
            let wait = pushed.next_at.map_or(POLL_MAX, |at| {
                Duration::try_from(at.duration_since(person.now())).unwrap_or(Duration::ZERO).min(POLL_MAX)
            });
            person.pull(outbox, cache, wait).await?;
            person.receipts(outbox).await
        };
        let ended = tokio::select! {
            done = work => done,
            _ = tokio::signal::ctrl_c() => return Ok(Code::Done),
        };
        match ended {
            Ok(()) => failures = 0,
            Err(failure) if failure.code == Code::Away => {
                out::remark(&failure.words);
                failures = failures.saturating_add(1);
                let pause =
                    plan::next_attempt(failures, None, 1.0, person.now()).duration_since(person.now());
                tokio::select! {
                    () = tokio::time::sleep(Duration::try_from(pause).unwrap_or(Duration::from_secs(1))) => {}
                    _ = tokio::signal::ctrl_c() => return Ok(Code::Done),
                }
            }
            Err(failure) => return Err(failure),
        }
    }
}

/// Each decision that came to an end, once.
fn tell(person: &Person, pushed: &Pushed) {
    for entry in &pushed.settled {
        if person.globals.json {
            out::json(&super::outbox::line(entry));
        } else {
            out::line(words(entry));
        }
    }
}

/// An entry of the outbox in the console's words.
pub(super) fn words(entry: &Entry) -> String {
    let what = format!("{} {} r{}", entry.row, entry.decision.word(), entry.revision);
    let fate = match &entry.fate {
        Fate::Signed => "Signed, NOT delivered. Nobody else can see it.".to_owned(),
        Fate::TakenBack => "Taken back. Nothing was sent.".to_owned(),
        Fate::Sending => {
            format!("Delivering, attempt {}. It may have arrived; it counts once.", entry.attempts)
        }
        Fate::Unknown { message, .. } => {
            let why = message.lines().next().unwrap_or_default().trim_end_matches('.');
            format!("Attempt {} brought no final answer: {}. It counts once.", entry.attempts, out::safe(why))
        }
        Fate::Accepted { log_index, .. } => format!("Accepted, entry {log_index} of the record."),
        Fate::Overtaken { message } => format!("Not sent: {}.", out::safe(message)),
        Fate::Refused { message, hint, .. } => {
            format!("Refused: {} hint: {}", out::safe(message), out::safe(hint))
        }
    };
    format!("{what}: {fate}")
}
