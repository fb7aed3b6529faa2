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
    search::{Search, in_backend, in_cache},
};
use crate::{
    client::{Cache, Listed, cache::RECENT},
    console::text,
    row::{Kind, RowId, State, search::Match},
    wire::{RowFound, RowHead},
};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  dock rows --mine\n  dock rows --declined            the stand-up view\n  \
    dock rows --state all --since 7d --json\n  \
    dock rows --state all --search '\"redis replica\" who:priya before:90d'"
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
    /// Words and key:value, as in the console's filter: env:prod -state:expired payments. Words are looked for in all that
    /// a row says, too: rationale, signals, notes, differences, what is to be published. Quotes keep words together, `-`
    /// is not. Keys: kind env state risk service app agent owner asked who incident page source id, before and since: those
    /// two go by a row's last change.
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    search: Option<String>,
    /// From the cache alone.
    #[arg(long)]
    offline: bool,
}

pub(super) fn run(globals: &Globals, args: &Rows) -> Outcome {
    let person = Person::open(globals)?;
    let wanted = Wanted::of(args, &person)?;
    let (cache, reached) = if args.offline { (offline(&person)?, false) } else { block_on(online(&person))? };
    let now = person.now();
    let unsent = person.unsent()?;
    let mut lines: Vec<Line> = cache.all(wanted.since, now)?.into_iter().map(Line::of).collect();
    lines.retain(|line| wanted.takes(&line.row));
    for line in &mut lines {
        line.row.unsent = unsent.contains(&line.row.id);
    }
    let mut ranked = false;
    if let Some(text) = &args.search {
        let mut search = Search::new(&person, &cache, text)?;
        let mut found = bodies(&person, &cache, reached, &search, &wanted)?;
        found.retain(|line| wanted.takes(&line.row));
        keep(&mut found, |line| search.keeps(&person, &cache, &line.row))?;
        keep(&mut lines, |line| search.takes(&person, &cache, &line.row))?;
        lines.sort_by_cached_key(|line| urgency(&line.row));
        lines.retain(|line| found.iter().all(|other| other.row.id != line.row.id));
        ranked = search.query().texts().next().is_some();
        found.append(&mut lines);
        for line in &mut found {
            line.row.unsent = unsent.contains(&line.row.id);
        }
        lines = found;
    }
    if !ranked {
        lines.sort_by_cached_key(|line| urgency(&line.row));
    }
    print(globals, &cache, &wanted, lines, now)
}

/// One row of the list.
struct Line {
    row: Listed,
    /// Where the backend sent it: what programs are given.
    head: Option<RowHead>,
    matches: Vec<Match>,
}

impl Line {
    fn of(row: Listed) -> Self {
        Self { row, head: None, matches: Vec::new() }
    }
}

fn keep(lines: &mut Vec<Line>, mut takes: impl FnMut(&Line) -> Result<bool, Failure>) -> Result<(), Failure> {
    let taken: Vec<bool> = lines.iter().map(&mut takes).collect::<Result<_, _>>()?;
    let mut taken = taken.into_iter();
    lines.retain(|_| taken.next().unwrap_or(false));
    Ok(())
}

/// What is undecided first, by the time that is left; then what changed last.
fn urgency(row: &Listed) -> impl Ord + use<> {
    let left = if row.state.undecided() { row.expires_at } else { Timestamp::MAX };
    (!row.state.undecided(), left, std::cmp::Reverse(row.changed_at), row.id)
}

/// The rows in whose bodies it is found, best first: the backend's, or those that are kept here.
fn bodies(
    person: &Person,
    cache: &Cache,
    reached: bool,
    search: &Search,
    wanted: &Wanted,
) -> Result<Vec<Line>, Failure> {
    let now = person.now();
    let recent = now.saturating_sub(RECENT).unwrap_or(Timestamp::MIN);
    let Some(query) = search.of_bodies(wanted.since < recent) else { return Ok(Vec::new()) };
    if reached {
        match block_on(async { in_backend(&person.online().await?, &query, &wanted.fields()).await }) {
            Ok(rows) => {
                let line = |found: RowFound| Line {
                    row: Listed::from(&found.head),
                    head: Some(found.head),
                    matches: found.matches,
                };
                return Ok(rows.into_iter().map(line).collect());
            }
            Err(failure) => out::remark(failure.words.lines().next().unwrap_or_default()),
        }
    }
    let as_of = cache.as_of()?.map(|as_of| format!(", as of {}", out::when(as_of.as_of, now)));
    let as_of = as_of.unwrap_or_default();
    out::remark(&format!("searched only what is kept here{as_of}; what is older the backend has"));
    let mut lines = Vec::new();
    for (id, matches) in in_cache(cache, &query, wanted.since, now)? {
        lines.extend(cache.listed(id, now)?.map(|row| Line { matches, ..Line::of(row) }));
    }
    Ok(lines)
}

fn print(globals: &Globals, cache: &Cache, wanted: &Wanted, lines: Vec<Line>, now: Timestamp) -> Outcome {
    if globals.json {
        let heads = cache.heads(wanted.since, now)?;
        let mut heads: HashMap<RowId, RowHead> = heads.into_iter().map(|head| (head.id, head)).collect();
        let found = lines.into_iter().filter_map(|Line { row, head, matches }| {
            let head = head.or_else(|| heads.remove(&row.id))?;
            Some(RowFound { head: RowHead { unsent: row.unsent, ..head }, matches })
        });
        out::lines(found.map(|found| out::json_line(&found)));
    } else if globals.plain && !lines.is_empty() {
        let shown = |line: &Line| {
            let matches = line
                .matches
                .iter()
                .map(|one| format!("found in {}: {}\n", out::safe(&one.field), out::safe(&one.text)));
            plain::listed(&line.row, now) + &matches.collect::<String>()
        };
        out::lines(lines.iter().map(shown));
    } else if lines.is_empty() {
        out::line("No row matches.");
    } else {
        let (bold, columns) = (out::bold(globals.color), out::columns());
        let fit = |line: String| out::wrapped(&line, columns, TEXT_AT);
        out::lines(lines.iter().flat_map(|one| {
            std::iter::once(fit(line(&one.row, now, columns)))
                .chain(one.matches.iter().find_map(|found| shown(found, bold)).map(fit))
        }));
    }
    Ok(FOUND)
}

/// Where it was found, under the row's own line, which shows title and subject already.
fn shown(found: &Match, bold: bool) -> Option<String> {
    if ["title", "about"].contains(&found.field.as_str()) {
        return None;
    }
    let piece = |(marked, text): (bool, &str)| match (marked, bold) {
        (true, true) => format!("\x1b[1m{}\x1b[0m", out::safe(text)),
        _ => out::safe(text),
    };
    let text: String = found.pieces().into_iter().map(piece).collect();
    Some(format!("              {}: {text}", out::safe(&found.field)))
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

/// The cache, brought up where the backend answers, and whether it did.
async fn online(person: &Person) -> Result<(Cache, bool), Failure> {
    let (outbox, mut cache) = (person.outbox()?, person.cache()?);
    match person.pull(&outbox, &mut cache, Duration::ZERO).await {
        Ok(_) => Ok((cache, true)),
        Err(failure) if failure.code == Code::Away => {
            let as_of = cache.as_of()?.ok_or_else(|| failure.clone())?;
            let reason = failure.words.lines().next().unwrap_or_default().to_owned();
            out::remark(&format!("{reason}; rows as of {}", out::when(as_of.as_of, person.now())));
            Ok((cache, false))
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

    /// The same, as the backend is asked for it. What is recent or undecided it cannot tell in one question.
    fn fields(&self) -> Vec<(&'static str, String)> {
        let states = self.states.iter().flatten().map(|state| ("state", state.word().to_owned()));
        let kinds = self.kinds.iter().map(|kind| ("kind", kind.word().to_owned()));
        let incident = self.incident.iter().map(|incident| ("incident", incident.clone()));
        let since = self.strictly_since.then(|| ("since", self.since.to_string()));
        states.chain(kinds).chain(incident).chain(since).collect()
    }

    fn takes(&self, head: &Listed) -> bool {
        (head.state.undecided() || head.changed_at >= self.since)
            && self.states.as_ref().is_none_or(|states| states.contains(&head.state))
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

/// Where what others wrote goes on, below a row's own line.
const TEXT_AT: usize = 14;
/// Columns that the long names of environment and risk ask for.
const WIDE: usize = 110;

/// One row on one line: what is short and fixed first, what others wrote last. Where there are few columns, environment and
/// risk have the short names that the console has for them.
pub(super) fn line(head: &Listed, now: Timestamp, columns: Option<usize>) -> String {
    let narrow = columns.is_some_and(|columns| columns < WIDE);
    let (environment, risk) = if narrow {
        (
            format!("{:<4}", out::safe(text::environment(&head.environment))),
            format!("{:<9}", text::risk_medium(head.risk)),
        )
    } else {
        (format!("{:<10}", out::safe(&head.environment)), format!("{:<12}", head.risk.word()))
    };
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
        "{mark} {:<11} {:<13} {:>8}  {environment} {risk} {:<5} {}: {}{incident}{keys}",
        head.id.to_string(),
        head.state.word(),
        left,
        if head.is_live() { "live" } else { head.verdict.word() },
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

    #[test]
    fn at_eighty_columns_every_line_fits_and_says_environment_and_risk() {
        let mut head =
            Listed::from(&crate::client::sample::view("sync-8822", 1, crate::client::sample::draft()).head);
        head.environment = "production".into();
        head.risk = crate::row::Risk::Irreversible;
        head.title = "configmap drift on feature flag of the checkout, toggled by hand in the night".into();
        let now = head.created_at;
        let whole = line(&head, now, None);
        assert!(
            whole.contains("production") && whole.contains("irreversible") && !whole.contains('\n'),
            "{whole}"
        );
        for columns in [80, 100, 120] {
            let shown = out::wrapped(&line(&head, now, Some(columns)), Some(columns), TEXT_AT);
            assert!(shown.lines().all(|line| line.chars().count() <= columns), "{shown}");
            assert!(shown.contains("prod") && shown.contains("irrevers"), "{shown}");
            let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
            assert_eq!(words(&shown), words(&line(&head, now, Some(columns))), "no word is broken");
        }
    }

    #[test]
    fn where_it_was_found_is_bold_on_a_terminal_and_harmless_everywhere() {
        let found =
            Match { field: "note".into(), text: "the redis\u{1b}[2J replica".into(), marks: vec![(4, 9)] };
        let plain = shown(&found, false).unwrap();
        assert!(plain.trim_start().starts_with("note: the redis") && !plain.contains('\u{1b}'), "{plain:?}");
        let bold = shown(&found, true).unwrap();
        assert!(bold.contains("the \u{1b}[1mredis\u{1b}[0m"), "{bold:?}");
        assert_eq!(bold.matches('\u{1b}').count(), 2, "only ours: {bold:?}");
        let title = Match { field: "title".into(), ..found };
        assert_eq!(shown(&title, false), None, "the row's own line shows it");
    }
}
