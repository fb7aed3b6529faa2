//! `dock timeline`: the lines of a post-mortem, accepted or struck one by one, and lines of one's own.
//!
//! Never: a decision. A change is the reviewer's own and makes a revision, which is then decided on like any other.

use jiff::Timestamp;

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
    dock timeline pm-31 add --at 2026-05-29T03:20:00Z --text \"The pager was mute until here.\""
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
        /// When it happened: 2026-05-29T03:20:00Z.
        #[arg(long, value_name = "TIME")]
        at: String,
        #[arg(long)]
        text: String,
    },
}

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
    let amendment = match &args.what {
        None | Some(What::List) => None,
        Some(What::Accept { lines }) => Some(said(lines, true)),
        Some(What::Strike { lines }) => Some(said(lines, false)),
        Some(What::Add { at, text }) => Some(own(moment(at, person.now())?, text)?),
    };
    block_on(async {
        let row = Person::row_id(&args.row, &person.cache()?)?;
        let Some(amendment) = amendment else { return list(&person, row).await };
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

fn said(lines: &[Numbers], accepted: bool) -> Amendment {
    let numbers = lines.iter().flat_map(|range| range.first..=range.last);
    Amendment { lines: numbers.map(|number| (number, accepted)).collect(), ..Amendment::default() }
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
        out::text(&out::safe_lines(&paper.timeline_text()));
    }
    Ok(Code::Done)
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
    fn an_own_line_says_something() {
        let at: Timestamp = "2026-05-29T03:20:00Z".parse().unwrap();
        assert_eq!(own(at, "  ").unwrap_err().code, Code::Usage);
        assert_eq!(own(at, " mute ").unwrap().add[0].text, "mute");
    }
}
