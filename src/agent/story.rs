//! What is known of one incident: who was told what when, what was said, what was run. The flows that write about
//! incidents draft from it.
//!
//! Never: a platform's own types; a time that no platform gave; words of a chat taken for anything but words.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{
    facts::{Asked, Gauge},
    words,
};
use crate::row::{Pointer, PrincipalId, RowId};

/// One incident, as the platforms tell it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Story {
    /// As people name it: `INC-2099`.
    pub incident: String,
    pub title: String,
    pub url: String,
    /// The service's name in PagerDuty.
    pub service: String,
    pub priority: Option<String>,
    pub opened_at: Timestamp,
    pub closed_at: Option<Timestamp>,
    /// As PagerDuty wrote it: an incident's base.
    pub updated_at: String,
    pub pointer: Pointer,
    /// Alerts, acknowledgements, escalations, notes, in the order of time.
    pub events: Asked<Vec<Event>>,
    pub channel: Channel,
    /// What was said in its channel, threads among it, in the order of time.
    pub said: Asked<Vec<Said>>,
    /// What was said and could not be read, and why; what [`Self::said`] has is then not all.
    pub unread: Option<String>,
    /// Rows that were decided or carried out around it, in the order of time.
    pub rows: Vec<Around>,
    /// What was ticked on its live runbooks and signed, in the order of time.
    pub ticks: Vec<Ticked>,
    /// What it did to the service's numbers, across its whole time.
    pub gauges: Vec<Gauge>,
    /// Who responded, as Dock knows them; the first was asked first.
    pub responders: Vec<PrincipalId>,
}

impl Story {
    /// What a row about it is found by.
    pub(super) fn row_facts(&self) -> BTreeMap<String, String> {
        BTreeMap::from([("service".to_owned(), self.service.clone())])
    }
}

/// Where people talk about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Channel {
    /// One for each incident: whoever writes there responds to it.
    Own,
    /// One for many incidents, or no chat at all: who responds, the incident's log says.
    Shared,
    /// The chat shows none under its name, and what it says of that.
    Missing(String),
}

/// One entry of PagerDuty's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub at: Timestamp,
    pub kind: EventKind,
    /// The alert's summary, the note's text, whom it was escalated to.
    pub text: String,
    /// Who did it; absent where nobody did.
    pub by: Option<String>,
    pub pointer: Pointer,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EventKind {
    Triggered,
    Alert,
    AlertResolved,
    Acknowledged,
    Escalated,
    Assigned,
    Note,
    Status,
    Resolved,
    Other,
}

/// One message of the incident's channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    pub at: Timestamp,
    /// As Dock knows them, else as the chat names them.
    pub by: String,
    /// Plain text: mentions and links are spelled out.
    pub text: String,
    /// Names of its reactions, without colons.
    pub reactions: Vec<String>,
    /// It stands in a thread under another message.
    pub in_thread: bool,
    /// A program wrote it.
    pub bot: bool,
    pub pointer: Pointer,
}

/// A row of Dock that stands near an incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Around {
    pub row: RowId,
    pub title: String,
    pub at: Timestamp,
    /// `executed, overridden by priya`.
    pub what: String,
    pub pointer: Pointer,
}

/// One step of a live runbook, as whoever signed it says that it went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticked {
    /// When it was signed: what is signed offline reaches the server later.
    pub at: Timestamp,
    /// When the server had it.
    pub received_at: Timestamp,
    /// As the live runbook counts its steps, from 1.
    pub number: usize,
    /// As the page names the step: `Failover 2`.
    pub label: String,
    pub step: String,
    /// `followed`, `skipped`, `wrong: gone since the move`.
    pub word: String,
    pub by: String,
    pub row: RowId,
    pub pointer: Pointer,
}

impl Ticked {
    pub(super) fn is_followed(&self) -> bool {
        self.word.starts_with("followed")
    }

    pub(super) fn is_wrong(&self) -> bool {
        self.word.starts_with("wrong")
    }

    /// `step 4 wrong (“gone since the move”): “Restart sentinel” (priya, rb-8830)`.
    pub(super) fn told(&self) -> String {
        let (word, why) = self.word.split_once(':').unwrap_or((&self.word, ""));
        let why = if why.trim().is_empty() { String::new() } else { format!(" ({})", words::quoted(why)) };
        let step = words::quoted(&self.step);
        format!("step {} {}{why}: {step} ({}, {})", self.number, words::line(word), self.by, self.row)
    }

    pub(super) fn speaks_to_programs(&self) -> bool {
        speaks_to_programs(&self.step) || speaks_to_programs(&self.word)
    }
}

/// A text that gives orders to whatever program reads it.
pub(super) fn speaks_to_programs(text: &str) -> bool {
    words::says(&words::undressed(text), TO_PROGRAMS)
}

impl Story {
    /// What people said of it: in its channel, and in notes on the incident, in the order of time.
    pub fn spoken(&self) -> Vec<Said> {
        let events = self.events.known().map(Vec::as_slice).unwrap_or_default();
        let notes = events.iter().filter(|event| event.kind == EventKind::Note).map(|note| Said {
            at: note.at,
            by: note.by.clone().unwrap_or_else(|| "somebody".to_owned()),
            text: note.text.clone(),
            reactions: Vec::new(),
            in_thread: false,
            // A note names its author, where that is a person.
            bot: note.by.is_none(),
            pointer: note.pointer.clone(),
        });
        let said = self.said.known().map(Vec::as_slice).unwrap_or_default();
        let mut spoken: Vec<Said> = said.iter().cloned().chain(notes).collect();
        spoken.sort_by_key(|said| said.at);
        spoken
    }

    /// When things were well again, as far as anybody recorded it: the last alert's end, else the incident's.
    pub fn recovered_at(&self) -> Option<Timestamp> {
        let events = self.events.known().map(Vec::as_slice).unwrap_or_default();
        let of = |kind| events.iter().rev().find(move |event| event.kind == kind).map(|event| event.at);
        of(EventKind::AlertResolved).or_else(|| of(EventKind::Resolved)).or(self.closed_at)
    }
}

/// A text that speaks to whatever program reads it.
const TO_PROGRAMS: &[&str] = &[
    "ignore the above",
    "ignore all previous",
    "ignore previous",
    "ignore your instructions",
    "ignore all instructions",
    "disregard the above",
    "disregard previous",
    "disregard all",
    "system prompt",
    "you are an ai",
    "you are a language model",
    "as an ai",
    "new instructions",
    "dear agent",
    "attention agent",
    "note to the agent",
    "instructions for the agent",
];
