//! What is known of an incident, in the order of time: its rows, signals that spoke against them, what was decided on them,
//! holds, and the lines of its post-mortem; behind that the incidents that were like it.
//!
//! This home's cache tells the most and the backend the rest, where it can be asked.
//! Never: complete. How far the backend was asked stands over it.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::row::paper::Standing;
use crate::row::{Hold, Proposal, RowId, State, Weight};
use crate::wire::{AlikeView, IncidentView, RowView};

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happening {
    pub at: Timestamp,
    /// The row that it is about, or that tells it.
    pub row: Option<RowId>,
    /// What it comes from: `scribe`, `priya`, `slack`.
    pub by: String,
    pub what: What,
    pub text: String,
}

/// What kind of thing, for its word and its look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// A line of the post-mortem.
    Line,
    /// What spoke against a row.
    Signal,
    Drafted,
    Decided,
    Executed,
    Ended,
    Hold,
    /// Another incident.
    Alike,
}

/// How far the backend was asked.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Told {
    #[default]
    Asked,
    Came(Box<IncidentView>),
    /// It has no row of it.
    Nothing,
    Away,
    Failed(String),
}

impl What {
    pub fn word(self) -> &'static str {
        match self {
            Self::Line => "line",
            Self::Signal => "signal",
            Self::Drafted => "drafted",
            Self::Decided => "decided",
            Self::Executed => "executed",
            Self::Ended => "ended",
            Self::Hold => "hold",
            Self::Alike => "like it",
        }
    }
}

/// Everything that these rows and holds tell of the incident.
pub fn happened(name: &str, views: &[RowView], holds: &[Hold]) -> Vec<Happening> {
    let mut all = Vec::new();
    for view in views {
        row(view, &mut all);
    }
    for hold in holds.iter().filter(|hold| hold.incident.as_deref() == Some(name)) {
        let about = |at: Timestamp, text: String| Happening {
            at,
            row: Some(hold.row),
            by: hold.by.to_string(),
            what: What::Hold,
            text,
        };
        all.push(about(hold.since, format!("{} is held: {}", hold.subject, hold.note)));
        if let Some(lifted) = &hold.lifted {
            let text = format!("the hold on {} ended: {}", hold.subject, lifted.why);
            all.push(Happening { by: lifted.by.to_string(), ..about(lifted.at, text) });
        }
    }
    all.sort_by_key(|one| (one.at, one.what, one.row));
    all
}

/// What is cached, with the rows that only the backend has, and at the end the incidents like it, most alike first.
pub fn together(cached: &[Happening], told: &Told) -> Vec<Happening> {
    let mut all = cached.to_vec();
    let Told::Came(view) = told else { return all };
    // A hold names a row that may well not be cached itself.
    let drafted = cached.iter().filter(|one| one.what == What::Drafted);
    let known: BTreeSet<RowId> = drafted.filter_map(|one| one.row).collect();
    for head in view.rows.iter().filter(|head| !known.contains(&head.id)) {
        let state = head.state.word();
        all.push(Happening {
            at: head.created_at,
            row: Some(head.id),
            by: head.agent.to_string(),
            what: What::Drafted,
            text: format!("{} ({}; {state} now, not cached here)", head.title, head.verdict.word()),
        });
    }
    all.sort_by_key(|one| (one.at, one.what, one.row));
    all.extend(view.alike.iter().map(alike));
    all
}

fn alike(one: &AlikeView) -> Happening {
    let shared = |what: &str, words: &[String]| {
        if words.is_empty() { String::new() } else { format!("; {what} {}", words.join(", ")) }
    };
    let (services, words) =
        (shared("the same service:", &one.shared.services), shared("both say", &one.shared.words));
    Happening {
        at: one.changed_at,
        row: Some(one.row),
        by: one.incident.clone(),
        what: What::Alike,
        text: format!("{:.0} %: {}{services}{words}", one.score * 100.0, one.title),
    }
}

fn row(view: &RowView, all: &mut Vec<Happening>) {
    let head = &view.head;
    let about = |at: Timestamp, by: String, what: What, text: String| Happening {
        at,
        row: Some(head.id),
        by,
        what,
        text,
    };
    let revision =
        if head.revision > 1 { format!(", revision {} now", head.revision) } else { String::new() };
    let title = format!("{} ({}{revision})", head.title, head.verdict.word());
    all.push(about(head.created_at, head.agent.to_string(), What::Drafted, title));
    let against = view.signals.iter().map(|signal| &signal.signal);
    let against = against.filter(|signal| signal.weight >= Weight::Hold);
    all.extend(against.map(|signal| {
        let text = format!("{} {} ({})", signal.name, signal.value, signal.weight.word());
        about(signal.fetched_at, signal.pointer.platform.clone(), What::Signal, text)
    }));
    for decision in &view.decisions {
        let mut text = format!("{} r{}", decision.decision.past(), decision.revision);
        if decision.overrides {
            text.push_str(" overridden");
        }
        for (name, value) in &decision.conditions {
            text.push_str(&format!(" {name}={value}"));
        }
        if let Some(void) = &decision.void {
            text.push_str(&format!(", void: {void}"));
        }
        if let Some(note) = &decision.note {
            text.push_str(&format!(": {note}"));
        }
        all.push(about(decision.at, decision.reviewer.to_string(), What::Decided, text));
    }
    if let Some(execution) = &view.execution {
        all.push(about(
            execution.intended_at,
            "dock".to_owned(),
            What::Executed,
            view.effect.sentence_of(view.head.id),
        ));
    }
    if let Some(outcome) = &view.outcome {
        let text = format!("{}: {}", outcome.state.word(), outcome.detail);
        all.push(about(outcome.checked_at, "dock".to_owned(), What::Ended, text));
    } else if matches!(
        head.state,
        State::Expired | State::Superseded | State::Withdrawn | State::Stale | State::Unknown
    ) {
        let why = view.why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        all.push(about(
            head.changed_at,
            "dock".to_owned(),
            What::Ended,
            format!("{}{why}", head.state.word()),
        ));
    }
    if let Some(Proposal::Paper(paper)) = &view.proposal {
        // What Dock itself tells stands here by its rows already.
        let lines =
            paper.timeline.iter().filter(|line| line.standing != Standing::Struck && line.source != "dock");
        all.extend(lines.map(|line| about(line.at, line.source.clone(), What::Line, line.text.clone())));
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::documents;
    use super::*;

    #[test]
    fn rows_lines_and_holds_stand_in_the_order_of_time_and_what_was_struck_does_not() {
        let views: Vec<RowView> = documents::views()
            .into_iter()
            .filter(|view| view.head.incident.as_deref() == Some("INC-2099"))
            .collect();
        let hold = Hold {
            subject: "cache".into(),
            drift: crate::row::Digest([7; 32]),
            row: "sync-8790".parse().unwrap(),
            by: "priya".parse().unwrap(),
            note: "Until the replica is replaced.".into(),
            incident: Some("INC-2099".into()),
            since: "2026-05-29T05:00:00Z".parse().unwrap(),
            lifted: Some(crate::row::hold::Lifted {
                by: "marcus".parse().unwrap(),
                at: "2026-05-29T06:00:00Z".parse().unwrap(),
                why: "replaced".into(),
            }),
        };
        let other = Hold { incident: Some("INC-1".into()), ..hold.clone() };
        let all = happened("INC-2099", &views, &[hold, other]);
        assert!(all.is_sorted_by_key(|happening| happening.at));
        let count = |what: What| all.iter().filter(|happening| happening.what == what).count();
        assert_eq!((count(What::Drafted), count(What::Hold)), (2, 2));
        assert_eq!(count(What::Line), 6, "one of eight is struck, one is Dock's own");
        assert!(all.iter().all(|happening| !happening.text.contains("#cache-oncall")));
    }
}
