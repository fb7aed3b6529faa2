//! What helped and what hindered: what was done before a recovery, what was warned against, tried and taken back.
//!
//! The order of time is all that is told. Where it is in doubt whether something helped, it is asked, under the open
//! questions.
//! Never: what was contradicted or taken back, as what helped.

use jiff::SignedDuration;

use super::{
    Case,
    outcome::{self, Well},
    sections::{TOLD_MAX, carried_out, minutes},
    timeline::{Noted, Of},
};
use crate::{
    agent::{
        chronicler::{
            rules::{self, WARNS},
            words,
        },
        story::{EventKind, Said},
    },
    row::{Pointer, paper::Sentence},
};

/// A warning or a taking back so long after something was done is about that.
const ABOUT_WITHIN: SignedDuration = SignedDuration::from_mins(30);

/// So many things that were done before are held against what takes one of them back, or warns of it.
const LOOKS_BACK: usize = 20;

/// What came before a recovery.
enum Before<'c> {
    Helped(&'c Noted<'c>),
    /// Done last, and contradicted or taken back by this.
    Doubtful(&'c Noted<'c>, &'c Noted<'c>),
}

impl<'a> Case<'a> {
    pub(super) fn helped(&self) -> Vec<Sentence> {
        let mut told = Vec::new();
        if let Some((event, after)) = self.acknowledged()
            && after <= minutes(self.facts.limits.quick_min)
        {
            let within = words::span(self.facts.story.opened_at, event.at);
            let text = format!("Somebody had it within {within}.");
            told.push(self.sentence(&text, &[&event.pointer]));
        }
        for told_so in self.noted.iter().filter(|noted| says_recovery(noted)).take(TOLD_MAX) {
            let text = format!("At {}, {}", words::clock(told_so.at), told_so.text);
            told.push(self.sentence(&text, &[told_so.pointer]));
        }
        for (before, recovery) in self.recoveries() {
            let Before::Helped(done) = before else { continue };
            let after = words::span(done.at, recovery.at);
            let text =
                format!("{after} after “{}”: {}.", unquoted(&done.text), recovery.text.trim_end_matches('.'));
            told.push(self.sentence(&text, &[done.pointer, recovery.pointer]));
        }
        told
    }

    /// What was warned against, taken back, found wrong, and what came again.
    pub(super) fn hindering(&self) -> Vec<Sentence> {
        let mut told = Vec::new();
        let done: Vec<&Noted<'a>> = self.done().collect();
        for said in self.responders_said(WARNS).take(TOLD_MAX) {
            let warned =
                format!("A responder warned at {}: {}", words::clock(said.at), words::quoted(&said.text));
            let near = done.iter().rev().filter(|one| is_soon_after(one, said.at)).take(LOOKS_BACK);
            let against = near.copied().find(|one| warns_against(said, one));
            told.push(match against {
                Some(done) => {
                    let after = words::span(done.at, said.at);
                    let text = format!("{warned}, {after} after “{}”.", unquoted(&done.text));
                    // It rests on the warning: where that is struck, it falls.
                    self.sentence(&text, &[&said.pointer])
                }
                None => self.sentence(&warned, &[&said.pointer]),
            });
        }
        for (done, back) in self.taken_back().into_iter().take(TOLD_MAX) {
            let text = format!(
                "What was done at {} (“{}”) was taken back {} later: “{}”.",
                words::clock(done.at),
                unquoted(&done.text),
                words::span(done.at, back.at),
                unquoted(&back.text)
            );
            told.push(self.sentence(&text, &[done.pointer, back.pointer]));
        }
        let again = self.noted.iter().filter(|noted| noted.rule == rules::SAID_AGAIN);
        told.extend(again.take(TOLD_MAX).map(|noted| {
            let text = format!("It was not over at {}: {}", words::clock(noted.at), noted.text);
            self.sentence(&text, &[noted.pointer])
        }));
        let wrong = self.facts.story.ticks.iter().filter(|tick| tick.is_wrong());
        told.extend(wrong.filter(|tick| !tick.speaks_to_programs()).take(TOLD_MAX).map(|tick| {
            let text = format!("A responder found a step of the runbook wrong: {}.", tick.told());
            self.sentence(&text, &[&tick.pointer])
        }));
        told
    }

    /// Whether something helped, where that is in doubt.
    pub(super) fn doubts(&self, ask: &mut dyn FnMut(String, &[&Pointer])) {
        for (before, recovery) in self.recoveries() {
            let Before::Doubtful(done, against) = before else { continue };
            let text = format!(
                "Was it “{}” that helped? {} {} after it, and against it stands “{}”.",
                unquoted(&done.text),
                recovery.text.trim_end_matches('.'),
                words::span(done.at, recovery.at),
                unquoted(&against.text)
            );
            ask(text, &[done.pointer, recovery.pointer, against.pointer]);
        }
        for perhaps in self.noted.iter().filter(|noted| noted.rule == rules::SAID_PERHAPS).take(TOLD_MAX) {
            let text = format!("Did that help? At {}, {}", words::clock(perhaps.at), perhaps.text);
            ask(text, &[perhaps.pointer]);
        }
    }

    /// Something that a responder did, that Dock carried out, or that somebody says made it well.
    pub(super) fn done(&self) -> impl Iterator<Item = &Noted<'a>> {
        self.noted.iter().filter(|noted| match noted.of {
            _ if says_recovery(noted) => true,
            Of::Said(_) => noted.rule == rules::SAID_DECISION || noted.rule == rules::SAID_COMMAND,
            Of::Row(around) => carried_out(around),
            Of::Event(event) => event.kind == EventKind::Note && outcome::says_done(&event.text),
            Of::Incident | Of::Tick(_) | Of::Over | Of::Under => false,
        })
    }

    /// Each recovery with the last thing that was done shortly before it.
    fn recoveries(&self) -> Vec<(Before<'_>, &Noted<'a>)> {
        let window = minutes(self.facts.limits.recovery_min);
        let recovers = |noted: &&Noted<'_>| match noted.of {
            Of::Under => true,
            Of::Event(event) => event.kind == EventKind::AlertResolved,
            Of::Said(_) | Of::Row(_) | Of::Incident | Of::Tick(_) | Of::Over => false,
        };
        let opened = self.facts.story.opened_at;
        let taken_back = self.taken_back();
        let with_cause = |recovery| {
            let recovery: &Noted<'a> = recovery;
            let done = self.done().filter(|done| done.at >= opened && done.at <= recovery.at).last()?;
            if recovery.at.duration_since(done.at) > window {
                return None;
            }
            let back = taken_back.iter().find(|(one, _)| std::ptr::eq(*one, done)).map(|(_, back)| *back);
            let warned = || {
                let warnings = self.noted.iter().filter(|noted| noted.rule == rules::SAID_WARNING);
                let is_near = |noted: &&Noted<'a>| is_soon_after(done, noted.at);
                let against =
                    |noted: &&Noted<'a>| matches!(noted.of, Of::Said(said) if warns_against(said, done));
                warnings.rev().filter(is_near).take(LOOKS_BACK).find(against)
            };
            let before = match back.or_else(warned) {
                Some(against) => Before::Doubtful(done, against),
                None => Before::Helped(done),
            };
            Some((before, recovery))
        };
        self.noted.iter().filter(recovers).filter_map(with_cause).take(TOLD_MAX).collect()
    }

    /// What was done with what took it back.
    fn taken_back(&self) -> Vec<(&Noted<'a>, &Noted<'a>)> {
        let done: Vec<&Noted<'a>> = self.done().filter(|done| !says_recovery(done)).collect();
        let undone = |(at, back): (usize, &&'_ Noted<'a>)| {
            let text = back.words();
            let before = done[..at].iter().rev().take(LOOKS_BACK).filter(|one| is_soon_after(one, back.at));
            let one = before.take_while(|one| !outcome::takes_back(one.words())).find(|one| {
                outcome::takes_back_what_was_last(text) || outcome::takes_back_of(text, one.words())
            });
            one.map(|one| (*one, at))
        };
        let pairs = done.iter().enumerate().filter(|(_, back)| outcome::takes_back(back.words()));
        pairs.filter_map(undone).map(|(one, at)| (one, done[at])).collect()
    }
}

/// It was said soon after this was done, and against it.
fn warns_against(warning: &Said, done: &Noted<'_>) -> bool {
    is_soon_after(done, warning.at)
        && done.pointer != &warning.pointer
        && outcome::warns_against(&warning.text, done.words())
}

fn is_soon_after(done: &Noted<'_>, at: jiff::Timestamp) -> bool {
    let after = at.duration_since(done.at);
    !after.is_negative() && after <= ABOUT_WITHIN
}

/// Somebody says that it is well again.
pub(super) fn says_recovery(noted: &Noted<'_>) -> bool {
    match noted.of {
        Of::Said(_) => noted.rule == rules::SAID_RECOVERY,
        Of::Event(event) => event.kind == EventKind::Note && outcome::well(&event.text) == Some(Well::Again),
        Of::Row(_) | Of::Incident | Of::Tick(_) | Of::Over | Of::Under => false,
    }
}

/// A line that holds a quotation, within another one.
fn unquoted(text: &str) -> String {
    text.replace(['“', '”'], "\"")
}
