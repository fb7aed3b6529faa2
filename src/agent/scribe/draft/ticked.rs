//! What who was on call ticked on the live runbook and signed, as operations on the page.
//!
//! Never: an operation for a step that something else is proposed of.

use super::{Case, Finding, Wanted, rules, words};
use crate::{
    agent::scribe::{
        chatter::{self, Remark},
        facts::{Said, Tick},
        place,
    },
    row::page::{Action, Passage, Piece},
};

impl Case<'_> {
    /// What who was on call ticked as wrong, where nothing else is proposed of the step.
    pub(super) fn ticked(&self, already: &[Wanted], found: &mut Vec<Finding>) -> Vec<Wanted> {
        let mut wanted = Vec::new();
        for tick in &self.facts.ticks {
            let at = self.outline.passages.iter().position(|passage| passage.text == tick.step);
            let touched = already.iter().any(|one| one.operation.anchor.text == tick.step);
            match (tick.word.split_once(':').map_or(tick.word.as_str(), |(word, _)| word).trim(), at) {
                ("wrong", Some(at)) if !touched && !self.outline.passages[at].deprecated => {
                    wanted.push(self.wrong(tick, at));
                }
                ("skipped", _) => {
                    let says = format!("{} skipped {}.", tick.by, words::quoted(&tick.step));
                    let pointer = tick.pointer.clone();
                    found.push(self.finding(rules::STEP_SKIPPED, "skipped", &tick.step, pointer, &says));
                }
                _ => {}
            }
        }
        wanted
    }

    /// With another value, where the word says one; else the step is marked as deprecated, with the word.
    fn wrong(&self, tick: &Tick, at: usize) -> Wanted {
        let passage = &self.outline.passages[at];
        let why = tick.word.split_once(':').map(|(_, why)| words::line(why)).unwrap_or_default();
        let (action, phrase) = righted(tick, &why, passage).unwrap_or_else(|| {
            let incident = &self.facts.story.incident;
            let instead = if why.is_empty() || chatter::instructs(&why) {
                format!("Found wrong in {incident}")
            } else {
                format!("Found wrong in {incident}: {why}")
            };
            let phrase = format!("Mark \"{}\" as deprecated", words::cut(&words::line(&tick.step), 80));
            (Action::MarkDeprecated { instead: vec![Piece::Plain(instead)] }, phrase)
        });
        let word = if why.is_empty() { String::new() } else { format!(" ({})", words::quoted(&why)) };
        let because =
            format!("{} ticked it as wrong{word} at {} and signed that.", tick.by, words::clock(tick.at));
        let pointers = vec![tick.pointer.clone()];
        self.wants(place::anchor(passage), action, because, pointers, (phrase, rules::TICKED_WRONG, at))
    }
}

/// What the word beside a tick says is right, where the rules read it: `the port is 6380 now, not 6379`.
fn righted(tick: &Tick, why: &str, passage: &Passage) -> Option<(Action, String)> {
    let said = Said {
        at: tick.at,
        by: tick.by.clone(),
        text: why.to_owned(),
        reactions: Vec::new(),
        in_thread: false,
        bot: false,
        pointer: tick.pointer.clone(),
    };
    chatter::remarks(&said, false).into_iter().find_map(|remark| {
        let Remark::Value { was, is, .. } = remark else { return None };
        let phrase = format!("Replace {was} with {is}");
        words::holds(&passage.text, &was).then_some((Action::ReplaceValue { was, is }, phrase))
    })
}
