//! Which events, messages, rows and breakpoints become lines, in the order of time, and what is left out.
//!
//! Never: a line without its source; a message that gives orders to programs, as anything but a count.

use jiff::Timestamp;

use super::{
    numbers::Measured,
    outcome::{self, Well},
};
use crate::{
    agent::{
        chronicler::{
            facts::Facts,
            rules::{self, COMMANDS, FOLLOWS_UP, WARNS},
            words,
        },
        rule::Rule,
        story::{Around, Channel, Event, EventKind, Said, Ticked, speaks_to_programs},
    },
    row::{
        Pointer,
        paper::{Line, Paper, Standing},
    },
};

/// Bytes of one line's text.
const LINE_MAX: usize = 600;

/// Something that was told, and the rule that reads it.
pub(super) struct Noted<'a> {
    pub(super) rule: Rule,
    pub(super) at: Timestamp,
    pub(super) source: String,
    pub(super) text: String,
    pub(super) pointer: &'a Pointer,
    pub(super) of: Of<'a>,
}

/// What it was made from.
#[derive(Clone, Copy)]
pub(super) enum Of<'a> {
    Event(&'a Event),
    Said(&'a Said),
    Row(&'a Around),
    Tick(&'a Ticked),
    /// The incident itself, where its log does not say so.
    Incident,
    Over,
    Under,
}

/// The lines that the paper carries, and how many it does not.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Kept {
    pub(super) lines: Vec<Line>,
    /// Beyond what a paper holds.
    pub(super) too_many: usize,
    /// Written by programs, or saying nothing that is done.
    pub(super) noise: usize,
    /// They speak to programs.
    pub(super) to_programs: Vec<Pointer>,
}

/// All that has a line, in the order of time.
pub(super) fn noted<'a>(facts: &'a Facts, measured: &[Measured<'a>]) -> Vec<Noted<'a>> {
    let story = &facts.story;
    let events = story.events.known().into_iter().flatten().filter_map(event);
    let said = story.said.known().into_iter().flatten().filter_map(|said| message(facts, said));
    let rows = story.rows.iter().map(row);
    let ticks = story.ticks.iter().filter(|tick| !tick.speaks_to_programs()).map(tick);
    let mut all: Vec<Noted<'a>> = events.chain(said).chain(rows).chain(ticks).collect();
    all.extend(incident(facts, &all));
    all.extend(measured.iter().flat_map(breakpoints));
    all.sort_by_key(|noted| noted.at);
    all
}

/// The lines themselves: where they are too many, the least telling go first.
pub(super) fn kept(facts: &Facts, noted: &[Noted<'_>]) -> Kept {
    let own = facts
        .before
        .as_ref()
        .map_or(0, |before| before.paper.timeline.iter().filter(|line| line.by.is_some()).count());
    let room = Paper::LINES_MAX.saturating_sub(own);
    let mut by_rank: Vec<usize> = (0..noted.len()).collect();
    by_rank.sort_by_key(|at| rank(&noted[*at]));
    by_rank.truncate(room);
    by_rank.sort_unstable();
    let said = facts.story.said.known().map(Vec::as_slice).unwrap_or_default();
    let to_programs =
        said.iter().filter(|said| speaks_to_programs(&said.text)).map(|said| said.pointer.clone());
    let notes = facts.story.events.known().map(Vec::as_slice).unwrap_or_default();
    let notes =
        notes.iter().filter(|event| speaks_to_programs(&event.text)).map(|event| event.pointer.clone());
    let ticks = facts.story.ticks.iter().filter(|tick| tick.speaks_to_programs());
    let ticks = ticks.map(|tick| tick.pointer.clone());
    let to_programs: Vec<Pointer> = to_programs.chain(notes).chain(ticks).collect();
    let lined = noted.iter().filter(|noted| matches!(noted.of, Of::Said(_))).count();
    let programs = said.iter().filter(|said| speaks_to_programs(&said.text)).count();
    Kept {
        too_many: noted.len() - by_rank.len(),
        noise: said.len().saturating_sub(lined + programs),
        lines: by_rank.iter().map(|at| noted[*at].line()).collect(),
        to_programs,
    }
}

/// The lower, the more telling.
fn rank(noted: &Noted<'_>) -> u8 {
    match noted.of {
        Of::Event(event) => match event.kind {
            EventKind::Triggered | EventKind::Resolved | EventKind::Acknowledged => 0,
            EventKind::Escalated | EventKind::Note | EventKind::Status => 1,
            EventKind::Assigned => 4,
            EventKind::Alert | EventKind::AlertResolved | EventKind::Other => 5,
        },
        Of::Row(_) | Of::Incident => 0,
        Of::Said(_) if noted.rule == rules::SAID_MARKED => 1,
        Of::Said(_) => 2,
        Of::Tick(tick) if tick.is_followed() => 3,
        Of::Tick(_) => 1,
        Of::Over | Of::Under => 3,
    }
}

impl Noted<'_> {
    /// What was said or done, without who did.
    pub(super) fn words(&self) -> &str {
        match self.of {
            Of::Said(said) => &said.text,
            Of::Event(event) => &event.text,
            Of::Row(_) | Of::Tick(_) | Of::Incident | Of::Over | Of::Under => &self.text,
        }
    }

    fn line(&self) -> Line {
        Line {
            at: self.at,
            source: self.source.clone(),
            text: words::cut(&self.text, LINE_MAX),
            pointer: Some(self.pointer.clone()),
            standing: Standing::Proposed,
            by: None,
        }
    }
}

/// When it opened and when it was resolved, as the incident itself says: a log may be unread, or begin later.
fn incident<'a>(facts: &'a Facts, told: &[Noted<'_>]) -> Vec<Noted<'a>> {
    let story = &facts.story;
    let by_log = |kind| told.iter().any(|noted| matches!(noted.of, Of::Event(event) if event.kind == kind));
    let line = |at, text: String| {
        let (rule, pointer) = (rules::LOGGED, &story.pointer);
        Noted { rule, at, source: pointer.platform.clone(), text, pointer, of: Of::Incident }
    };
    let mut lines = Vec::new();
    if !by_log(EventKind::Triggered) {
        lines.push(line(story.opened_at, "The incident opened".to_owned()));
    }
    if let Some(closed) = story.closed_at.filter(|_| !by_log(EventKind::Resolved)) {
        lines.push(line(closed, "Resolved".to_owned()));
    }
    lines
}

fn event(event: &Event) -> Option<Noted<'_>> {
    if speaks_to_programs(&event.text) {
        return None;
    }
    let (told, text) = (words::line(&event.text), words::quoted(&event.text));
    let by = event.by.as_deref().map(words::line).filter(|by| !by.is_empty());
    let by_whom = by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
    let somebody = by.as_deref().unwrap_or("somebody");
    // PagerDuty's own sentence says it whole: `Escalated to Jordan by timeout.`
    let moved = |verb: &str| match told.trim_end_matches('.') {
        "" => format!("{verb}{by_whom}"),
        whole if whole.to_lowercase().starts_with(&verb.to_lowercase()) => whole.to_owned(),
        whom => format!("{verb} to {whom}{by_whom}"),
    };
    let text = match event.kind {
        EventKind::Triggered => format!("The incident opened: {text}"),
        EventKind::Alert => format!("Alert: {text}"),
        EventKind::AlertResolved => format!("Alert resolved: {text}"),
        EventKind::Acknowledged => format!("Acknowledged{by_whom}"),
        EventKind::Escalated => moved("Escalated"),
        EventKind::Assigned => moved("Assigned"),
        EventKind::Note => format!("{somebody} noted: {text}"),
        EventKind::Status => format!("{somebody} told the stakeholders: {text}"),
        EventKind::Resolved => format!("Resolved{by_whom}"),
        EventKind::Other => return None,
    };
    let (rule, at, pointer) = (rules::LOGGED, event.at, &event.pointer);
    Some(Noted { rule, at, source: pointer.platform.clone(), text, pointer, of: Of::Event(event) })
}

fn message<'a>(facts: &Facts, said: &'a Said) -> Option<Noted<'a>> {
    let rule = told_by(facts, said)?;
    let text = format!("{}: {}", words::line(&said.by), words::quoted(&said.text));
    let (at, pointer) = (said.at, &said.pointer);
    Some(Noted { rule, at, source: pointer.platform.clone(), text, pointer, of: Of::Said(said) })
}

/// The rule that puts a message on the timeline, if one does.
fn told_by(facts: &Facts, said: &Said) -> Option<Rule> {
    if speaks_to_programs(&said.text) || said.text.trim().is_empty() {
        return None;
    }
    if said.reactions.iter().any(|reaction| facts.limits.marks.contains(reaction)) {
        return Some(rules::SAID_MARKED);
    }
    if said.bot || !responds(facts, &said.by) {
        return None;
    }
    if says_command(&said.text) {
        return Some(rules::SAID_COMMAND);
    }
    if words::says(&said.text, FOLLOWS_UP) {
        return Some(rules::SAID_FOLLOW_UP);
    }
    if said.text.trim_end().ends_with('?') {
        return None;
    }
    if words::says(&said.text, WARNS) {
        return Some(rules::SAID_WARNING);
    }
    match outcome::well(&said.text) {
        Some(Well::Again) => return Some(rules::SAID_RECOVERY),
        Some(Well::Perhaps) => return Some(rules::SAID_PERHAPS),
        Some(Well::NotYet) => return Some(rules::SAID_AGAIN),
        None => {}
    }
    outcome::says_done(&said.text).then_some(rules::SAID_DECISION)
}

/// Whoever writes in the incident's own channel; elsewhere a responder, or who did something in the incident's log. Where
/// the log names nobody, anybody may have.
pub(super) fn responds(facts: &Facts, name: &str) -> bool {
    let story = &facts.story;
    if story.channel == Channel::Own {
        return true;
    }
    let acted = story.events.known().into_iter().flatten().filter_map(|event| event.by.as_deref());
    let mut responders = story.responders.iter().map(crate::row::PrincipalId::as_str).chain(acted).peekable();
    responders.peek().is_none() || responders.any(|responder| responder.eq_ignore_ascii_case(name))
}

fn says_command(text: &str) -> bool {
    let begins = |line: &str| {
        let line = line.trim_start_matches(['$', '#', '>', '`', ' ']);
        line.split_whitespace().next().is_some_and(|word| COMMANDS.contains(&word))
    };
    text.contains('`') || text.lines().any(|line| line.starts_with("$ ") || begins(line))
}

fn row(around: &Around) -> Noted<'_> {
    let text = format!("{} ({}): {}", around.row, words::line(&around.title), words::line(&around.what));
    let (rule, at, pointer) = (rules::ROW_AROUND, around.at, &around.pointer);
    Noted { rule, at, source: "dock".to_owned(), text, pointer, of: Of::Row(around) }
}

fn tick(tick: &Ticked) -> Noted<'_> {
    let (rule, at, pointer, text) =
        (rules::STEP_TICKED, tick.at, &tick.pointer, words::capital(&tick.told()));
    Noted { rule, at, source: "dock".to_owned(), text, pointer, of: Of::Tick(tick) }
}

fn breakpoints<'a>(measured: &Measured<'a>) -> Vec<Noted<'a>> {
    let (name, threshold) = (words::line(&measured.gauge.name), measured.text(measured.threshold));
    let one = |crossing: &super::numbers::Crossing| {
        let value = measured.text(crossing.value);
        let side = if crossing.over { "over" } else { "under" };
        let verb = if crossing.from_start { "was already" } else { "went" };
        let gap = if crossing.after_gap && !crossing.from_start { ", first seen after a gap" } else { "" };
        let pointer = &measured.gauge.pointer;
        Noted {
            rule: rules::BREAKPOINT,
            at: crossing.at,
            source: pointer.platform.clone(),
            text: format!("{name} {verb} {side} {threshold}: {value}{gap}"),
            pointer,
            of: if crossing.over { Of::Over } else { Of::Under },
        }
    };
    measured.crossings.iter().map(one).collect()
}
