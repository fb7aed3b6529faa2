//! `dock incident`: the rows of an incident, its post-mortem, and the incidents that were like it.
//!
//! Never: a likeness without what it rests on.

use jiff::Timestamp;

use super::{
    Globals,
    exit::{Code, Failure, Outcome},
    out,
    person::{Person, block_on},
    rows,
};
use crate::{
    client::{Cache, Listed},
    row::Kind,
    wire::{AlikeView, IncidentView},
};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  dock incident INC-2099\n  dock incident INC-2099 --json")]
pub(super) struct Incident {
    /// The incident, as rows name it: INC-2099.
    incident: String,
}

pub(super) fn run(globals: &Globals, args: &Incident) -> Outcome {
    let person = Person::open(globals)?;
    let name = &args.incident;
    let asked = block_on(async { Ok(person.online().await?.incident(name).await?) });
    let view = match asked {
        Ok(view) => view,
        Err(failure) if failure.code == Code::Away => kept(&person, name, &failure)?,
        Err(failure) if failure.code == Code::Nothing => {
            let what = format!("no row is about incident {}", out::safe(name));
            return Err(Failure::nothing(format!(
                "{what}\nhint: `dock rows --state all --search {}`",
                out::safe(name)
            )));
        }
        Err(failure) => return Err(failure),
    };
    if globals.json {
        out::json(&view);
    } else {
        out::text(&text(&view, person.now()));
    }
    Ok(Code::Done)
}

/// What is kept here of it. Likeness is told by the backend alone: it has all post-mortems.
fn kept(person: &Person, incident: &str, why: &Failure) -> Result<IncidentView, Failure> {
    let Some((cache, _)) = Cache::open_if_there(&person.home.cache_file())? else { return Err(why.clone()) };
    let now = person.now();
    let as_of = cache.as_of()?.ok_or_else(|| why.clone())?.as_of;
    let mut rows = cache.heads(Timestamp::MIN, now)?;
    rows.retain(|head| head.incident.as_deref() == Some(incident));
    rows.sort_by_key(|head| std::cmp::Reverse((head.changed_at, head.id)));
    out::remark(&format!(
        "{}; what is kept here, as of {}; which incidents were like it only the backend knows",
        why.words.lines().next().unwrap_or_default(),
        out::when(as_of, now)
    ));
    Ok(IncidentView { incident: incident.to_owned(), rows, alike: Vec::new(), as_of })
}

fn text(view: &IncidentView, now: Timestamp) -> String {
    let mut lines =
        vec![format!("{}: {}", out::safe(&view.incident), out::plural(view.rows.len(), "row", "rows"))];
    lines.extend(view.rows.iter().map(|head| rows::line(&Listed::from(head), now, out::columns())));
    let paper = view.rows.iter().find(|head| head.kind == Kind::Postmortem);
    lines.push(match paper {
        Some(paper) => format!("POST-MORTEM\n  {}: {}, {}", paper.id, paper.state, out::safe(&paper.title)),
        None => "POST-MORTEM\n  none".to_owned(),
    });
    lines.push("INCIDENTS LIKE THIS ONE".to_owned());
    if view.alike.is_empty() {
        lines.push("  none is known".to_owned());
    }
    lines.extend(view.alike.iter().map(|alike| like(alike, now)));
    lines.join("\n") + "\n"
}

fn like(alike: &AlikeView, now: Timestamp) -> String {
    let shared = |what: &str, words: &[String]| {
        if words.is_empty() { String::new() } else { format!("; {what} {}", out::safe(&words.join(", "))) }
    };
    format!(
        "  {:>3.0} % {} {}: {} ({}){}{}",
        alike.score * 100.0,
        out::safe(&alike.incident),
        alike.row,
        out::safe(&alike.title),
        out::when(alike.changed_at, now),
        shared("the same service:", &alike.shared.services),
        shared("both say", &alike.shared.words)
    )
}
