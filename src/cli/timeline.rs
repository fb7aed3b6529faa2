//! `dock timeline`: the lines of a post-mortem, accepted or struck one by one, and lines of one's own.
//!
//! Never: a decision. A change is the reviewer's own and makes a revision, which is then decided on like any other.

use jiff::{
    SignedDuration, Timestamp,
    civil::{DateTime, Time},
    tz::TimeZone,
};

use super::{
    Globals,
    aside::moment,
    exit::{Code, Failure, Outcome},
    out,
    person::{Person, block_on},
};
use crate::{
    row::{
        Amendment, Proposal, RowId,
        paper::{Line, Paper, Standing},
    },
    wire::RowView,
};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  dock timeline pm-31\n  dock timeline pm-31 accept 1-4 7\n  dock timeline pm-31 strike 5\n  \
    dock timeline pm-31 add --at 03:20 --text \"The pager was mute until here.\""
)]
pub(super) struct Timeline {
    /// The post-mortem's row.
    row: String,
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// The lines, with their numbers.
    List,
    /// These lines are so.
    Accept {
        /// Numbers, or ranges of them: 3, 5-8.
        #[arg(required = true, value_name = "LINE")]
        lines: Vec<Numbers>,
    },
    /// These lines are not published.
    Strike {
        /// Numbers, or ranges of them: 3, 5-8.
        #[arg(required = true, value_name = "LINE")]
        lines: Vec<Numbers>,
    },
    /// A line of your own, under your name.
    Add {
        /// When it happened, by your clock: 03:20 is that time within the incident. Or in full: 2026-05-29 03:20,
        /// 2026-05-29T03:20:00Z.
        #[arg(long, value_name = "TIME")]
        at: String,
        #[arg(long)]
        text: String,
    },
}

/// An incident that took longer has its times said in full.
const DAYS_MAX: usize = 400;

/// `3`, or `5-8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Numbers {
    pub(super) first: usize,
    pub(super) last: usize,
}

impl std::str::FromStr for Numbers {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no number: 3, or 5-8");
        let number = |text: &str| text.parse::<usize>().ok().filter(|n| (1..=Paper::LINES_MAX).contains(n));
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let (first, last) = (number(first).ok_or_else(wrong)?, number(last).ok_or_else(wrong)?);
        if first > last { Err(wrong()) } else { Ok(Self { first, last }) }
    }
}

pub(super) fn run(globals: &Globals, args: &Timeline) -> Outcome {
    let person = Person::open(globals)?;
    block_on(async {
        let row = Person::row_id(&args.row, &person.cache()?)?;
        let amendment = match &args.what {
            None | Some(What::List) => return list(&person, row).await,
            Some(What::Accept { lines }) => said(lines, true),
            Some(What::Strike { lines }) => said(lines, false),
            Some(What::Add { at, text }) => {
                let (outbox, mut cache) = (person.outbox()?, person.cache()?);
                let view = person.row(&outbox, &mut cache, row).await?.cached.view;
                let at = happened(at, paper(&view)?, &TimeZone::system(), person.now())?;
                own(at, text)?
            }
        };
        let view = amend(&person, row, &amendment).await?;
        let (accepted, proposed, struck) = paper(&view)?.tally();
        let words = format!(
            "{} accepted, {proposed} as proposed, {struck} struck",
            out::plural(accepted, "line", "lines")
        );
        if person.globals.json {
            out::json(&view.head);
        } else {
            out::line(format!("{} r{} · {} · {words}", view.head.id, view.head.revision, view.head.word));
        }
        Ok(Code::Done)
    })
}

/// Each number that is meant.
pub(super) fn numbers(ranges: &[Numbers]) -> impl Iterator<Item = usize> + '_ {
    ranges.iter().flat_map(|range| range.first..=range.last)
}

fn said(lines: &[Numbers], accepted: bool) -> Amendment {
    Amendment { lines: numbers(lines).map(|number| (number, accepted)).collect(), ..Amendment::default() }
}

/// When something happened: a time of day, the reader's own, is the one within the incident, or nearest to it; else a whole
/// time, or a span before now.
fn happened(text: &str, paper: &Paper, zone: &TimeZone, now: Timestamp) -> Result<Timestamp, Failure> {
    let clock = ["%H:%M", "%H:%M:%S"].iter().find_map(|shape| Time::strptime(shape, text.trim()).ok());
    let Some(clock) = clock else {
        let local = DateTime::strptime("%Y-%m-%d %H:%M", text.trim())
            .ok()
            .and_then(|at| at.to_zoned(zone.clone()).ok());
        return local.map_or_else(|| moment(text, now), |at| Ok(at.timestamp()));
    };
    let times = || paper.timeline.iter().map(|line| line.at);
    let (first, last) = (times().min().unwrap_or(now), times().max().unwrap_or(now));
    let days = first.to_zoned(zone.clone()).date().yesterday().ok();
    let until = last.to_zoned(zone.clone()).date().tomorrow().ok();
    let days = std::iter::successors(days, |day| day.tomorrow().ok())
        .take_while(|day| until.is_none_or(|until| *day <= until));
    let at = days.take(DAYS_MAX).filter_map(|day| day.to_datetime(clock).to_zoned(zone.clone()).ok());
    let apart = |at: &Timestamp| {
        let (before, after) = (first.duration_since(*at), at.duration_since(last));
        before.max(after).max(SignedDuration::ZERO)
    };
    let mut near: Vec<Timestamp> = at.map(|at| at.timestamp()).collect();
    near.sort_by_key(|at| (apart(at), *at));
    match near.as_slice() {
        [one, two, ..] if apart(one) == apart(two) => Err(Failure::usage(format!(
            "{} is more than once within the incident\nhint: say the day: {}",
            out::safe(text),
            one.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M")
        ))),
        [one, ..] => Ok(*one),
        [] => moment(text, now),
    }
}

fn own(at: Timestamp, text: &str) -> Result<Amendment, Failure> {
    if text.trim().is_empty() || text.len() > Paper::OWN_LINE_MAX {
        let most = Paper::OWN_LINE_MAX;
        return Err(Failure::usage(format!("a line has 1 to {most} bytes of text")));
    }
    let (source, text) = (String::new(), text.trim().to_owned());
    let line = Line { at, source, text, pointer: None, standing: Standing::Accepted, by: None };
    Ok(Amendment { add: vec![line], ..Amendment::default() })
}

/// Sends a change of the newest revision. The backend reads the platforms again and makes the next one: no change is kept
/// for later, since its numbers would mean other things by then.
pub(super) async fn amend(person: &Person, row: RowId, amendment: &Amendment) -> Result<RowView, Failure> {
    let away = |failure: Failure| match failure.code {
        Code::Away => Failure::new(
            Code::Away,
            format!(
                "{}\nhint: a change of what is proposed needs the backend; nothing was changed",
                failure.words
            ),
        ),
        _ => failure,
    };
    let send = async {
        let api = person.online().await?;
        let view = api.row(row).await?;
        Ok::<_, Failure>(api.amend_row(row, view.head.revision, amendment).await?)
    };
    send.await.map_err(away)
}

async fn list(person: &Person, row: RowId) -> Outcome {
    let (outbox, mut cache) = (person.outbox()?, person.cache()?);
    let read = person.row(&outbox, &mut cache, row).await?;
    if let Some(why) = &read.offline {
        let as_of = out::when(read.cached.view.head.as_of, person.now());
        out::remark(&format!("{}; {row} as of {as_of}", why.lines().next().unwrap_or_default()));
    }
    let paper = paper(&read.cached.view)?;
    if person.globals.json {
        for (at, line) in paper.timeline.iter().enumerate() {
            out::json(
                &serde_json::json!({"number": at + 1, "at": line.at, "source": line.source, "text": line.text,
                "standing": line.standing, "by": line.by, "pointer": line.pointer}),
            );
        }
    } else {
        if person.globals.plain {
            let facts = paper.timeline.iter().enumerate().map(|(at, line)| plain(at + 1, line));
            facts.for_each(|facts| out::text(&facts));
            return Ok(Code::Done);
        }
        out::text(&out::safe_lines(&paper.timeline_text()));
    }
    Ok(Code::Done)
}

/// Label first, one fact a line, as every list is with `--plain`.
fn plain(number: usize, line: &Line) -> String {
    let at = line.at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
    let by = line.by.as_ref().map(|by| ("by", by.to_string()));
    let facts = [("line", number.to_string()), ("time", at), ("standing", line.standing.word().to_owned())];
    let facts =
        facts.into_iter().chain(by).chain([("source", line.source.clone()), ("text", line.text.clone())]);
    let lines: Vec<String> =
        facts.map(|(label, fact)| format!("{label}: {}", out::safe(&fact.replace('\n', " ")))).collect();
    lines.join("\n") + "\n\n"
}

/// The paper that a row proposes.
fn paper(view: &RowView) -> Result<&Paper, Failure> {
    match &view.proposal {
        Some(Proposal::Paper(paper)) => Ok(paper),
        _ => Err(Failure::usage(format!("{} is no post-mortem: it has no timeline", view.head.id))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_numbers_or_ranges() {
        let read = |text: &str| text.parse::<Numbers>().ok().map(|n| (n.first, n.last));
        assert_eq!(read("3"), Some((3, 3)));
        assert_eq!(read("5-8"), Some((5, 8)));
        for wrong in ["0", "8-5", "x", "", "-3", "1-", "1-99999999999"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
        let lines: Vec<_> =
            said(&["2-3".parse().unwrap(), "7".parse().unwrap()], false).lines.into_iter().collect();
        assert_eq!(lines, [(2, false), (3, false), (7, false)]);
    }

    #[test]
    fn a_time_of_day_is_the_one_within_the_incident() {
        let mut paper = crate::row::paper::tests::paper();
        let line = |at: &str| Line { at: at.parse().unwrap(), ..paper.timeline[0].clone() };
        let night = vec![line("2026-05-29T20:31:00Z"), line("2026-05-30T02:10:00Z")];
        let long = vec![line("2026-05-28T20:31:00Z"), line("2026-05-30T22:10:00Z")];
        let zone = TimeZone::fixed(jiff::tz::offset(2));
        let now: Timestamp = "2026-06-02T09:00:00Z".parse().unwrap();
        let mut read = |timeline: &[Line], text: &str| {
            paper.timeline = timeline.to_vec();
            happened(text, &paper, &zone, now).map(|at| at.to_string()).map_err(|failure| failure.words)
        };
        for (text, expected) in [
            ("22:40", "2026-05-29T20:40:00Z"),
            ("02:15", "2026-05-30T00:15:00Z"),
            ("02:15:30", "2026-05-30T00:15:30Z"),
            ("22:20", "2026-05-29T20:20:00Z"),
            ("05:00", "2026-05-30T03:00:00Z"),
            ("2026-05-29 22:40", "2026-05-29T20:40:00Z"),
            ("2026-05-29T03:20:00Z", "2026-05-29T03:20:00Z"),
        ] {
            assert_eq!(read(&night, text).as_deref(), Ok(expected), "{text}");
        }
        assert!(read(&long, "23:00").unwrap_err().contains("say the day: 2026-05-28 23:00"));
        assert!(read(&night, "soon").is_err());
    }

    #[test]
    fn plain_lines_have_their_labels_first_and_steer_nothing() {
        let mut line = crate::row::paper::tests::paper().timeline[0].clone();
        line.text = "a\u{1b}[2J\nby: you".to_owned();
        let told = plain(3, &line);
        assert!(
            told.starts_with("line: 3\ntime: ") && told.contains("\ntext: a<ESC>[2J by: you\n\n"),
            "{told}"
        );
    }

    #[test]
    fn an_own_line_says_something() {
        let at: Timestamp = "2026-05-29T03:20:00Z".parse().unwrap();
        assert_eq!(own(at, "  ").unwrap_err().code, Code::Usage);
        assert_eq!(own(at, " mute ").unwrap().add[0].text, "mute");
    }
}
