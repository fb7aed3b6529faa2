//! What was read, as signals, and the rationale that sums it up.
//!
//! Never: silence about a platform that did not answer.

use jiff::Timestamp;

use super::{Case, sections_named};
use crate::{
    agent::{
        chronicler::{
            requests::{self, Answered},
            rules::{self, FRESH_S},
            words,
        },
        facts::Asked,
        finding::{self, Finding},
        rule::Rule,
        story::Channel,
    },
    row::{Pointer, Weight, paper::Paper},
};

impl Case<'_> {
    pub(super) fn signals(&self, paper: &Paper) -> Vec<Finding> {
        let story = &self.facts.story;
        let mut found = Vec::new();
        if story.closed_at.is_none() {
            let says = format!("{} is not resolved.", words::line(&story.incident));
            found.push(self.about(rules::NOT_CLOSED, "incident", "open", story.pointer.clone()).saying(says));
        }
        let lines = |source: &str| paper.timeline.iter().filter(|line| line.source == source).count();
        let log = story.events.known().map(|events| words::plural(events.len(), "entry", "entries"));
        self.source(&mut found, "incident log", log, &story.events, &story.pointer);
        let said = story.said.known().map(|said| {
            let platform = said.first().map_or("slack", |said| said.pointer.platform.as_str());
            format!(
                "{}, {} on the timeline",
                words::plural(said.len(), "message", "messages"),
                lines(platform)
            )
        });
        let channel =
            story.said.known().and_then(|said| said.first()).map_or(&story.pointer, |said| &said.pointer);
        if let Channel::Missing(why) = &story.channel {
            let says = format!("There is no channel to read: {}.", words::line(why));
            let finding = self.about(rules::NO_CHANNEL, "incident channel", why, story.pointer.clone());
            found.push(finding.unknown().saying(says));
        } else {
            self.source(&mut found, "incident channel", said, &story.said, channel);
        }
        if let Some(why) = &story.unread {
            let says = format!("Unknown: a part of the channel ({}).", words::line(why));
            let finding = self.about(rules::UNKNOWN_FACT, "rest of the channel", why, channel.clone());
            found.push(finding.unknown().saying(says));
        }
        for gauge in &story.gauges {
            let value = gauge.value.known().map(|sample| format!("{}{}", sample.value, sample.unit));
            let series = gauge.value.known().and_then(|sample| sample.series.clone());
            let before = found.len();
            self.source(&mut found, &gauge.name, value, &gauge.value, &gauge.pointer);
            if let Some(signal) = found.get_mut(before) {
                *signal = signal.clone().with_series(series);
            }
        }
        for around in story.rows.iter().take(ROWS_MAX) {
            let name = around.row.to_string();
            found.push(self.about(rules::READ, &name, &around.what, around.pointer.clone()));
        }
        let past = self.facts.past.known().map(Vec::as_slice).unwrap_or_default();
        if let Some((value, says)) = words::declined_before(past, "paper") {
            let pointer = story.pointer.clone();
            found.push(self.about(rules::DECLINED_BEFORE, "earlier decision", &value, pointer).saying(says));
        }
        if found.iter().all(|finding| finding.rule.weight < Weight::Hold) {
            let value = format!(
                "{}, {}",
                words::plural(paper.timeline.len(), "line", "lines"),
                words::plural(paper.sections.len(), "section", "sections")
            );
            let says = "The incident is resolved and its log was read to the end.";
            found.push(self.about(rules::TOLD_WHOLE, "paper", &value, story.pointer.clone()).saying(says));
        }
        finding::sort(&mut found);
        found
    }

    /// One source: what it told, or that it did not.
    fn source<T>(
        &self,
        found: &mut Vec<Finding>,
        name: &str,
        value: Option<String>,
        asked: &Asked<T>,
        pointer: &Pointer,
    ) {
        if let Some(value) = value {
            found.push(self.dated(rules::READ, name, &value, pointer, asked.at()));
        } else if let Some((why, at)) = asked.unknown() {
            let says = format!("Unknown: {} ({}).", words::line(name), words::line(why));
            let finding = self.dated(rules::UNKNOWN_FACT, name, why, pointer, Some(at));
            found.push(finding.unknown().saying(says));
        }
    }

    fn about(&self, rule: Rule, name: &str, value: &str, pointer: Pointer) -> Finding {
        self.dated(rule, name, value, &pointer, None)
    }

    fn dated(
        &self,
        rule: Rule,
        name: &str,
        value: &str,
        pointer: &Pointer,
        at: Option<Timestamp>,
    ) -> Finding {
        Finding::new(rule, name, value, pointer.clone(), at.unwrap_or(self.facts.read_at), FRESH_S)
    }

    /// What the paper comes to, in sentences without names.
    pub(super) fn rationale(paper: &Paper, findings: &[Finding], answers: &[Answered]) -> String {
        let hold = findings.iter().any(|finding| finding.rule.weight >= Weight::Hold);
        let word = if hold { "Hold" } else { "Publish" };
        let sources: std::collections::BTreeSet<&str> =
            paper.timeline.iter().map(|line| line.source.as_str()).collect();
        let sources: Vec<String> = sources.into_iter().map(str::to_owned).collect();
        let count =
            |heading: &str| sections_named(paper, heading).map_or(0, |section| section.sentences.len());
        let mut told = vec![format!(
            "{word} the post-mortem of {}: {} from {}, {}, {} and {}.",
            paper.incident,
            words::plural(paper.timeline.len(), "timeline line", "timeline lines"),
            if sources.is_empty() { "nowhere".to_owned() } else { words::list(&sources) },
            words::plural(count("Contributing factors"), "contributing factor", "contributing factors"),
            words::plural(count("Actions"), "action", "actions"),
            words::plural(count("Open questions"), "open question", "open questions"),
        )];
        // Whoever sent it back looks for the answers first.
        told.extend(requests::sentences(answers));
        told.extend(
            findings.iter().filter(|f| f.rule.weight >= Weight::Go).filter_map(|f| f.sentence.clone()),
        );
        for heading in ["Contributing factors", "Open questions"] {
            let section = sections_named(paper, heading).into_iter().flat_map(|section| &section.sentences);
            told.extend(section.take(SENTENCES_MAX).map(|sentence| sentence.text.clone()));
        }
        told.extend(
            findings.iter().filter(|f| f.rule.weight == Weight::Note).filter_map(|f| f.sentence.clone()),
        );
        told.join(" ")
    }
}

/// Rows that are shown as signals.
const ROWS_MAX: usize = 16;
/// Sentences of a section that the rationale repeats.
const SENTENCES_MAX: usize = 3;
