//! The sentences: what happened, what it cost, what came before, what helped, what hindered, what follows, what is not known.
//!
//! Never: a cause. What came before what is said; whether it was why is an open question.

use jiff::{SignedDuration, Timestamp};

use super::{
    Case,
    helped::says_recovery,
    numbers::{self, Measured},
    timeline::{self, Noted},
};
use crate::{
    agent::{
        chronicler::{rules::FOLLOWS_UP, words},
        facts::Asked,
        story::{Around, Channel, Event, EventKind, Said, speaks_to_programs},
    },
    row::{
        Pointer,
        paper::{self, Paper, Sentence},
    },
};

/// Actions and warnings that are told; more are counted.
pub(super) const TOLD_MAX: usize = 20;

impl Case<'_> {
    pub(super) fn summary(&self) -> Vec<Sentence> {
        let story = &self.facts.story;
        let incident = &story.pointer;
        let priority =
            story.priority.as_deref().map(|p| format!(" ({})", words::line(p))).unwrap_or_default();
        let title = words::quoted(paper::without_incident(&story.incident, &words::line(&story.title)));
        let (name, service) = (words::line(&story.incident), words::line(&story.service));
        let opened = story.opened_at.strftime("%Y-%m-%d at %H:%M UTC");
        let opens = format!("{name}{priority}, {title}, opened on {service} on {opened}.");
        let mut told = vec![self.sentence(&opens, &[incident])];
        if let Some(closed) = story.closed_at {
            let text = format!(
                "It was resolved at {}, {} later.",
                words::clock(closed),
                words::span(story.opened_at, closed)
            );
            told.push(self.sentence(&text, &[incident]));
        }
        if let Some(first) = self.first(EventKind::Acknowledged) {
            let text = format!("It was acknowledged after {}.", words::span(story.opened_at, first.at));
            told.push(self.sentence(&text, &[&first.pointer]));
        }
        if let Some(last) = self.done_last() {
            let what = if says_recovery(last) { "told" } else { "done" };
            let text = format!(
                "The last thing that was {what} before it was resolved, at {}: {}",
                words::clock(last.at),
                last.text
            );
            told.push(self.sentence(&text, &[last.pointer]));
        }
        told
    }

    pub(super) fn impact(&self) -> Vec<Sentence> {
        let story = &self.facts.story;
        let lasted = match story.closed_at {
            Some(closed) => format!("The incident lasted {}.", words::span(story.opened_at, closed)),
            None => "The incident is not resolved.".to_owned(),
        };
        let mut told = vec![self.sentence(&lasted, &[&story.pointer])];
        for measured in self.measured.iter().filter(|measured| !measured.crossings.is_empty()) {
            told.push(self.sentence(&over(measured), &[&measured.gauge.pointer]));
        }
        for spent in numbers::spent(story) {
            told.push(self.sentence(&cost(&spent), &[&spent.gauge.pointer]));
        }
        told
    }

    pub(super) fn factors(&self) -> Vec<Sentence> {
        let opened = self.facts.story.opened_at;
        let one = |around: &&Around| {
            let before = words::span(around.at, opened);
            let (row, title) = (around.row, words::line(&around.title));
            // How it was decided stands after the comma: `executed, overridden by priya`.
            let (state, how) = around.what.split_once(',').unwrap_or((&around.what, ""));
            let how = if how.trim().is_empty() { String::new() } else { format!(", {}", words::line(how)) };
            let now = if state == "executed" {
                String::new()
            } else {
                format!("; it is {} now", words::line(state))
            };
            let text = format!("{row} ({title}) was executed {before} before the incident opened{how}{now}.");
            self.sentence(&text, &[&around.pointer, &self.facts.story.pointer])
        };
        self.executed_before().iter().map(one).collect()
    }

    pub(super) fn hindered(&self) -> Vec<Sentence> {
        let mut told = Vec::new();
        for measured in &self.measured {
            let first = measured.crossings.iter().find(|crossing| crossing.over);
            let opened = self.facts.story.opened_at;
            let late = |at: Timestamp| opened.duration_since(at) >= SignedDuration::from_mins(5);
            if let Some(first) = first.filter(|first| late(first.at)) {
                let (name, threshold) =
                    (words::line(&measured.gauge.name), measured.text(measured.threshold));
                let text = format!(
                    "{name} was over {threshold} {} before the incident opened.",
                    words::span(first.at, opened)
                );
                told.push(self.sentence(&text, &[&measured.gauge.pointer, &self.facts.story.pointer]));
            }
        }
        if let Some((event, after)) = self.acknowledged()
            && after > minutes(self.facts.limits.slow_min)
        {
            let nobody = words::span(self.facts.story.opened_at, event.at);
            let text = format!("Nobody had acknowledged it for {nobody}.");
            told.push(self.sentence(&text, &[&event.pointer]));
        }
        let escalations: Vec<&Event> =
            self.events().filter(|event| event.kind == EventKind::Escalated).collect();
        if let [first, rest @ ..] = escalations.as_slice() {
            let times = if rest.is_empty() { "once".to_owned() } else { format!("{} times", rest.len() + 1) };
            let pointers: Vec<&Pointer> =
                escalations.iter().take(TOLD_MAX).map(|event| &event.pointer).collect();
            let text = format!(
                "It was escalated {times}, first after {}.",
                words::span(self.facts.story.opened_at, first.at)
            );
            told.push(self.sentence(&text, &pointers));
        }
        told.extend(self.hindering());
        told
    }

    pub(super) fn actions(&self) -> Vec<Sentence> {
        let said = self.responders_said(FOLLOWS_UP).map(|said| (&said.text, &said.pointer));
        let notes = self.events().filter(|event| {
            event.kind == EventKind::Note
                && !speaks_to_programs(&event.text)
                && words::says(&event.text, FOLLOWS_UP)
        });
        let named = said.chain(notes.map(|event| (&event.text, &event.pointer)));
        let mut told: Vec<Sentence> = named
            .take(TOLD_MAX)
            .map(|(text, pointer)| {
                self.sentence(&format!("Named during the response: {}", words::quoted(text)), &[pointer])
            })
            .collect();
        let pages =
            self.facts.story.rows.iter().filter(|around| around.row.kind == crate::row::Kind::Runbook);
        let pages = pages.take(TOLD_MAX).map(|around| {
            let text = format!(
                "The runbook's change is {} ({}): {}.",
                around.row,
                words::line(&around.title),
                words::line(&around.what)
            );
            self.sentence(&text, &[&around.pointer])
        });
        told.extend(pages);
        told
    }

    pub(super) fn questions(&self) -> Vec<Sentence> {
        let story = &self.facts.story;
        let mut asked: Vec<Sentence> = Vec::new();
        let mut ask = |text: String, pointers: &[&Pointer]| asked.push(self.sentence(&text, pointers));
        self.unknown(&mut ask);
        match self.executed_before().as_slice() {
            [] => {
                let before = usize::try_from(self.facts.limits.before_min).unwrap_or(usize::MAX);
                let before = words::plural(before, "minute", "minutes");
                let text = format!(
                    "What set it off? Dock knows of nothing that was executed within {before} before it opened."
                );
                ask(text, &[]);
            }
            before => {
                let names: Vec<String> = before.iter().map(|around| around.row.to_string()).collect();
                let pointers: Vec<&Pointer> = before.iter().map(|around| &around.pointer).collect();
                ask(
                    format!(
                        "Was {} why it happened? The order of time alone does not tell.",
                        words::list(&names)
                    ),
                    &pointers,
                );
            }
        }
        if numbers::spent(story).is_empty() {
            let partly: Vec<&Pointer> = numbers::budgets(story).map(|(gauge, _)| &gauge.pointer).collect();
            let why = if partly.is_empty() {
                "No source tells it."
            } else {
                "It was not measured both before and after."
            };
            ask(format!("How much of the error budget did it spend? {why}"), &partly);
        }
        if self.measured.is_empty() {
            ask("How bad did it get? No series with a threshold was read.".to_owned(), &[]);
        }
        ask("How many people were affected, and what did they see? No source tells it.".to_owned(), &[]);
        self.doubts(&mut ask);
        if self.helped().is_empty() {
            ask("What helped? Nothing that was read says so.".to_owned(), &[]);
        }
        if self.actions().is_empty() {
            ask("What is to be done? Nobody named an action where it was read.".to_owned(), &[]);
        }
        self.left_out(&mut ask);
        asked
    }

    /// What was asked of a platform and not answered, and what no platform is configured for.
    fn unknown(&self, ask: &mut dyn FnMut(String, &[&Pointer])) {
        let story = &self.facts.story;
        let mut source = |what: &str, asked: Option<String>| {
            if let Some(why) = asked {
                ask(format!("What did {what} hold? It is unknown: {}.", words::line(&why)), &[]);
            }
        };
        source("the incident's log", unread(&story.events));
        source(
            "the incident's channel",
            match &story.channel {
                Channel::Missing(why) => Some(why.clone()),
                Channel::Own | Channel::Shared => unread(&story.said),
            },
        );
        source("what of the channel could not be read", story.unread.clone());
        for gauge in &story.gauges {
            let why = gauge.value.unknown().map(|(why, _)| why.to_owned());
            source(&words::line(&gauge.name), why);
        }
        for measured in self.measured.iter().filter(|measured| measured.gaps.0 > 0) {
            let (gaps, all) = measured.gaps;
            let name = words::line(&measured.gauge.name);
            let text = format!("What was {name} while nothing was measured ({gaps} of {all} points)?");
            ask(text, &[&measured.gauge.pointer]);
        }
    }

    fn left_out(&self, ask: &mut dyn FnMut(String, &[&Pointer])) {
        let kept = &self.kept;
        if kept.too_many > 0 {
            let most = Paper::LINES_MAX;
            let (were, of_them) = if kept.too_many == 1 { ("was", "it") } else { ("were", "one of them") };
            let count = words::plural(kept.too_many, "line", "lines");
            ask(
                format!(
                    "{count} more than the {most} that a paper holds {were} left out, the least telling first: is {of_them} needed?"
                ),
                &[],
            );
        }
        if kept.noise > 0 {
            let (are, of_them) = if kept.noise == 1 { ("is", "it") } else { ("are", "one of them") };
            let count = words::plural(kept.noise, "message", "messages");
            ask(
                format!(
                    "{count} of the channel {are} on no line (from programs, or about nothing that is done): is {of_them} needed?"
                ),
                &[],
            );
        }
        if !kept.to_programs.is_empty() {
            let pointers: Vec<&Pointer> = kept.to_programs.iter().take(TOLD_MAX).collect();
            let text = match kept.to_programs.len() {
                1 => "1 text that speaks to programs was left out and not followed: who wrote it, and why?"
                    .to_owned(),
                count => format!(
                    "{count} texts that speak to programs were left out and not followed: who wrote them, and why?"
                ),
            };
            ask(text, &pointers);
        }
    }

    pub(super) fn executed_before(&self) -> Vec<&Around> {
        let (opened, window) = (self.facts.story.opened_at, minutes(self.facts.limits.before_min));
        let near = |around: &&Around| {
            let before = opened.duration_since(around.at);
            carried_out(around) && !before.is_negative() && before <= window
        };
        self.facts.story.rows.iter().filter(near).collect()
    }

    pub(super) fn events(&self) -> impl Iterator<Item = &Event> {
        self.facts.story.events.known().into_iter().flatten()
    }

    fn first(&self, kind: EventKind) -> Option<&Event> {
        self.events().filter(|event| event.kind == kind).min_by_key(|event| event.at)
    }

    pub(super) fn acknowledged(&self) -> Option<(&Event, SignedDuration)> {
        let first = self.first(EventKind::Acknowledged)?;
        Some((first, first.at.duration_since(self.facts.story.opened_at)))
    }

    /// Messages of responders that say one of the phrases; none that speaks to programs.
    pub(super) fn responders_said<'s>(
        &'s self,
        phrases: &'static [&'static str],
    ) -> impl Iterator<Item = &'s Said> {
        let said = self.facts.story.said.known().into_iter().flatten();
        said.filter(move |said| {
            !said.bot
                && !speaks_to_programs(&said.text)
                && timeline::responds(self.facts, &said.by)
                && words::says(&said.text, phrases)
        })
    }

    fn done_last(&self) -> Option<&Noted<'_>> {
        let story = &self.facts.story;
        let within =
            |at: Timestamp| at >= story.opened_at && story.closed_at.is_some_and(|closed| at <= closed);
        self.done().filter(|noted| within(noted.at)).last()
    }
}

/// Something was written on a platform: `executed, …`, `healthy, …`.
pub(super) fn carried_out(around: &Around) -> bool {
    let state = around.what.split(',').next().unwrap_or_default();
    ["executed", "healthy", "degraded", "rolled back", "rolled_back"].contains(&state.trim())
}

pub(super) fn minutes(count: u32) -> SignedDuration {
    SignedDuration::from_mins(i64::from(count))
}

fn over(measured: &Measured<'_>) -> String {
    let (name, threshold) = (words::line(&measured.gauge.name), measured.text(measured.threshold));
    let peak = measured
        .peak
        .map(|(value, at)| format!(", at most {} at {}", measured.text(value), words::clock(at)));
    let lasted = words::lasting(measured.over);
    let more = if measured.gaps.0 > 0 { "at least " } else { "" };
    format!("{name} was over {threshold} for {more}{lasted}{}.", peak.unwrap_or_default())
}

/// `It spent 14 % of the error budget: error budget left went from 62 % at 01:50 to 48 % at 02:45.`
fn cost(spent: &numbers::Spent<'_>) -> String {
    let ((before, from), (after, to)) = (spent.before, spent.after);
    let (before, after) = (spent.text(before), spent.text(after));
    let name = words::line(&spent.gauge.name);
    let went =
        format!("{name} went from {before} at {} to {after} at {}", words::clock(from), words::clock(to));
    if spent.lost > 0.0 {
        format!("It spent {} of the error budget: {went}.", spent.text(spent.lost))
    } else {
        format!("None of the error budget was spent: {went}.")
    }
}

/// Why nothing is known of it.
fn unread<T>(asked: &Asked<T>) -> Option<String> {
    match asked {
        Asked::Known { .. } => None,
        Asked::Unknown { why, .. } => Some(why.clone()),
        Asked::Never => Some("no platform is configured that could say".to_owned()),
    }
}
