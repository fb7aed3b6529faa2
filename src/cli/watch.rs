//! `dock watch`: a line for each row that changes, as it changes. For scripts and status bars.
//!
//! Never: a row twice for one change.

use std::{
    collections::HashMap,
    io::{self, Write},
    time::Duration,
};

use super::{
    Globals,
    exit::{Code, Failure, Outcome},
    out,
    person::{Person, block_on},
    rows::span,
    search::Search,
};
use crate::{
    client::{Listed, api::POLL_MAX},
    wire::RowHead,
};

/// What is waited after the server went away.
const PAUSE: Duration = Duration::from_secs(2);

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  dock watch --json\n  dock watch --search payments-api --exit-on-new --timeout 10m --bell"
)]
pub(super) struct Watch {
    /// Only rows that pass the console's filter.
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    /// Ring for each change.
    #[arg(long)]
    bell: bool,
    /// End with the first change.
    #[arg(long)]
    exit_on_new: bool,
    /// End after so long: exit 6 where nothing came.
    #[arg(long, value_name = "TIME")]
    timeout: Option<String>,
}

pub(super) fn run(globals: &Globals, args: &Watch) -> Outcome {
    let person = Person::open(globals)?;
    let limit = args.timeout.as_deref().map(span).transpose()?;
    block_on(async {
        let follow = follow(&person, args);
        let Some(limit) = limit else { return follow.await };
        match tokio::time::timeout(Duration::try_from(limit).unwrap_or(Duration::ZERO), follow).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Failure::nothing("nothing came")),
        }
    })
}

async fn follow(person: &Person, args: &Watch) -> Outcome {
    let (outbox, mut cache) = (person.outbox()?, person.cache()?);
    person.pull(&outbox, &mut cache, Duration::ZERO).await?;
    let since = person.now();
    let mut known: HashMap<_, _> =
        cache.all(jiff::Timestamp::MIN, since)?.into_iter().map(|head| (head.id, head.changed_at)).collect();
    let mut search = args.search.as_deref().map(|text| Search::new(person, &cache, text)).transpose()?;
    loop {
        match person.pull(&outbox, &mut cache, POLL_MAX).await {
            Ok(_) => {}
            Err(failure) if failure.code == Code::Away => {
                out::remark(&failure.words);
                tokio::time::sleep(PAUSE).await;
                continue;
            }
            Err(failure) => return Err(failure),
        }
        for head in cache.heads(since, person.now())? {
            let passes = match &mut search {
                Some(search) => search.takes(person, &cache, &Listed::from(&head))?,
                None => true,
            };
            if known.insert(head.id, head.changed_at) == Some(head.changed_at) || !passes {
                continue;
            }
            tell(person, args, &head);
            if args.exit_on_new {
                return Ok(Code::Done);
            }
        }
    }
}

fn tell(person: &Person, args: &Watch, head: &RowHead) {
    if person.globals.json {
        out::json(head);
    } else {
        let at = out::when(head.changed_at, person.now());
        out::line(format!(
            "{at} {} {} {}: {}",
            head.id,
            head.state,
            out::safe(&head.subject),
            out::safe(&head.title)
        ));
    }
    if args.bell {
        let _ = io::stderr().lock().write_all(b"\x07");
    }
}
