//! `dock rows`: lists. Online it reads what changed first; `--offline` is the cache alone, and starts nothing else.
//!
//! Never: a network, a runtime or a TLS store on the offline path.

use std::{collections::HashMap, time::Duration};

use jiff::{SignedDuration, Timestamp};

use super::{
    FOUND, Globals,
    exit::{Code, Failure, Outcome},
    out,
    person::{Person, block_on},
    plain,
    search::Search,
};
use crate::{
    client::{Cache, Listed, cache::RECENT},
    row::{Kind, RowId, State},
    wire::RowHead,
};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  dock rows --mine\n  dock rows --declined            the stand-up view\n  \
    dock rows --state all --since 7d --json"
)]
pub(super) struct Rows {
    /// Only rows in this state, or `all`.
    #[arg(long, value_name = "STATE")]
    state: Vec<String>,
    /// Only rows of this kind: gate, sync, runbook, postmortem, policy.
    #[arg(long, value_name = "KIND")]
    kind: Vec<Kind>,
    /// Only rows of this incident.
    #[arg(long, value_name = "ID")]
    incident: Option<String>,
    /// Changed since: 30m, 24h, 7d, or a time.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only rows that ask you.
    #[arg(long)]
    mine: bool,
    /// What was declined within a day.
    #[arg(long)]
    declined: bool,
    /// Words and key:value, as in the console's filter: env:prod -state:expired payments.
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    /// From the cache alone.
    #[arg(long)]
    offline: bool,
}

pub(super) fn run(globals: &Globals, args: &Rows) -> Outcome {
    let person = Person::open(globals)?;
    let wanted = Wanted::of(args, &person)?;
    let cache = if args.offline { offline(&person)? } else { block_on(online(&person))? };
    let now = person.now();
    let mut rows: Vec<Listed> = cache.all(wanted.since, now)?;
    rows.retain(|row| wanted.takes(row));
    let unsent = person.unsent()?;
    for row in &mut rows {
        row.unsent = unsent.contains(&row.id);
    }
    if let Some(text) = &args.search {
        let mut search = Search::new(&person, &cache, text)?;
        let taken: Vec<_> =
            rows.iter().map(|row| search.takes(&person, &cache, row)).collect::<Result<_, _>>()?;
        let mut taken = taken.into_iter();
        rows.retain(|_| taken.next().unwrap_or(false));
    }
    rows.sort_by_cached_key(|row| {
        let urgency = if row.state.undecided() { row.expires_at } else { Timestamp::MAX };
        (!row.state.undecided(), urgency, std::cmp::Reverse(row.changed_at), row.id)
    });
    if globals.json {
        let heads = cache.heads(wanted.since, now)?;
        let mut heads: HashMap<RowId, RowHead> = heads.into_iter().map(|head| (head.id, head)).collect();
        let heads =
            rows.iter().filter_map(|row| Some(RowHead { unsent: row.unsent, ..heads.remove(&row.id)? }));
        out::lines(heads.map(|head| out::json_line(&head)));
    } else if globals.plain && !rows.is_empty() {
        out::lines(rows.iter().map(|row| plain::listed(row, now)));
    } else if rows.is_empty() {
        out::line("No row matches.");
    } else {
        out::lines(rows.iter().map(|row| line(row, now)));
    }
    Ok(FOUND)
}

fn offline(person: &Person) -> Result<Cache, Failure> {
    let none =
        || Failure::new(Code::Away, "nothing is stored here yet\nhint: `dock sync --once` fills the cache");
    let (cache, remark) = Cache::open_if_there(&person.home.cache_file())?.ok_or_else(none)?;
    if let Some(remark) = remark {
        out::remark(&remark);
    }
    if cache.as_of()?.is_none() { Err(none()) } else { Ok(cache) }
}

async fn online(person: &Person) -> Result<Cache, Failure> {
    let (outbox, mut cache) = (person.outbox()?, person.cache()?);
    match person.pull(&outbox, &mut cache, Duration::ZERO).await {
        Ok(_) => Ok(cache),
        Err(failure) if failure.code == Code::Away => {
            let as_of = cache.as_of()?.ok_or_else(|| failure.clone())?;
            let reason = failure.words.lines().next().unwrap_or_default().to_owned();
            out::remark(&format!("{reason}; rows as of {}", out::when(as_of.as_of, person.now())));
            Ok(cache)
        }
        Err(failure) => Err(failure),
    }
}

/// The filter that the options make.
struct Wanted {
    states: Option<Vec<State>>,
    kinds: Vec<Kind>,
    incident: Option<String>,
    since: Timestamp,
    /// Undecided rows are listed whatever their age, unless a time was asked for.
    strictly_since: bool,
    mine: Option<crate::row::PrincipalId>,
}

impl Wanted {
    fn of(args: &Rows, person: &Person) -> Result<Self, Failure> {
        let all = args.state.iter().any(|state| state == "all");
        let mut states = Vec::new();
        for text in args.state.iter().filter(|state| *state != "all") {
            states.push(text.parse::<State>().map_err(|why| unknown_state(text, &why))?);
        }
        if args.declined {
            states.push(State::Declined);
        }
        let now = person.now();
        let since = match &args.since {
            Some(text) => since(text, now)?,
            None if all => Timestamp::MIN,
            None => now.saturating_sub(RECENT).unwrap_or(Timestamp::MIN),
        };
        Ok(Self {
            states: (!all && !states.is_empty()).then_some(states),
            kinds: args.kind.clone(),
            incident: args.incident.clone(),
            since,
            strictly_since: args.since.is_some(),
            mine: args.mine.then(|| person.id()).transpose()?,
        })
    }

    fn takes(&self, head: &Listed) -> bool {
        self.states.as_ref().is_none_or(|states| states.contains(&head.state))
            && (self.kinds.is_empty() || self.kinds.contains(&head.kind()))
            && self.incident.as_ref().is_none_or(|incident| head.incident.as_deref() == Some(incident))
            && (!self.strictly_since || head.changed_at >= self.since)
            && self.mine.as_ref().is_none_or(|me| head.reviewers.contains(me))
    }
}

fn unknown_state(text: &str, why: &str) -> Failure {
    let meant = crate::config::nearest(text, State::ALL.iter().map(|state| state.word()));
    let hint = meant.map_or_else(
        || "all, pending, declined, healthy, …".to_owned(),
        |word| format!("did you mean {word}?"),
    );
    Failure::usage(format!("{why}\nhint: {hint}"))
}

/// `30m`, `24h`, `7d` before now, or an RFC 3339 time.
pub(super) fn since(text: &str, now: Timestamp) -> Result<Timestamp, Failure> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    Ok(now.saturating_sub(span(text)?).unwrap_or(Timestamp::MIN))
}

/// `90s`, `30m`, `24h`, `7d`.
pub(super) fn span(text: &str) -> Result<SignedDuration, Failure> {
    let wrong =
        || Failure::usage(format!("`{}` is no time: 30m, 24h, 7d or 2026-05-30T02:14:00Z", out::safe(text)));
    let (digits, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(wrong)?;
    let number: i64 = digits.parse().map_err(|_| wrong())?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(wrong()),
    };
    number
        .checked_mul(seconds)
        .filter(|seconds| *seconds >= 0)
        .map(SignedDuration::from_secs)
        .ok_or_else(wrong)
}

/// One row on one line: what is short and fixed first, what others wrote last.
fn line(head: &Listed, now: Timestamp) -> String {
    let left = if head.state.undecided() {
        out::span(head.expires_at.duration_since(now).as_secs())
    } else {
        out::when(head.changed_at, now)
    };
    let mark = match (head.unsent, head.stale && head.state.undecided()) {
        (true, _) => "^",
        (false, true) => "?",
        (false, false) => " ",
    };
    let keys = if head.keys_needed > 1 {
        format!(" {}/{} keys", head.keys_given, head.keys_needed)
    } else {
        String::new()
    };
    let incident = head.incident.as_deref().map(|id| format!(" ({})", out::safe(id))).unwrap_or_default();
    format!(
        "{mark} {:<11} {:<13} {:>8}  {:<10} {:<12} {:<5} {}: {}{incident}{keys}",
        head.id.to_string(),
        head.state.word(),
        left,
        out::safe(&head.environment),
        head.risk.word(),
        head.verdict.word(),
        out::safe(&head.about()),
        out::safe(&head.title)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        let now: Timestamp = "2026-05-30T02:14:00Z".parse().unwrap();
        for (text, expected) in [
            ("30m", "2026-05-30T01:44:00Z"),
            ("24h", "2026-05-29T02:14:00Z"),
            ("7d", "2026-05-23T02:14:00Z"),
            ("2026-05-01T00:00:00Z", "2026-05-01T00:00:00Z"),
        ] {
            assert_eq!(since(text, now).unwrap().to_string(), expected);
        }
        for text in ["", "h", "-1h", "7w", "99999999999999999999d", "é"] {
            assert_eq!(since(text, now).unwrap_err().code, Code::Usage, "{text}");
        }
    }
}
