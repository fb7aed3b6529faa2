//! One rule that fired, and the signal that it made.
//!
//! Never: a value without its source and time; text that somebody else gave a length or a line break.

use jiff::Timestamp;

use super::{
    facts::Incident,
    rule::{READ_ID, Rule},
    words,
};
use crate::row::{Draft, Grade, Pointer, Series, Signal, Weight};

/// A rule that fired: the signal that it made, and what it adds to the rationale (nothing, for mere evidence).
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Finding {
    pub(super) rule: Rule,
    pub(super) signal: Signal,
    pub(super) sentence: Option<String>,
    /// The same in a few words, for a title.
    pub(super) phrase: Option<String>,
}

impl Finding {
    /// What speaks for going ahead, or was read without concern, is good; every other rule's signal is bad.
    pub(super) fn new(
        rule: Rule,
        name: &str,
        value: &str,
        pointer: Pointer,
        at: Timestamp,
        budget_s: u32,
    ) -> Self {
        let verdict = match rule.weight {
            Weight::Go => Grade::Good,
            Weight::Note if rule.id == READ_ID => Grade::Good,
            Weight::Note | Weight::Hold | Weight::Block => Grade::Bad,
        };
        let value = words::cut(&words::line(value), Draft::FIELD_BYTES_MAX);
        let value = if value.is_empty() { "not told".to_owned() } else { value };
        let signal = Signal {
            name: words::cut(&words::line(name), Draft::FIELD_BYTES_MAX),
            value,
            verdict,
            weight: rule.weight,
            pointer,
            rule: rule.name(),
            fetched_at: at,
            budget_s,
            series: None,
        };
        Self { rule, signal, sentence: None, phrase: None }
    }

    pub(super) fn saying(mut self, sentence: impl Into<String>) -> Self {
        self.sentence = Some(sentence.into());
        self
    }

    pub(super) fn in_short(mut self, phrase: impl Into<String>) -> Self {
        self.phrase = Some(phrase.into());
        self
    }

    pub(super) fn with_series(mut self, series: Option<Series>) -> Self {
        self.signal.series = series;
        self
    }

    pub(super) fn unknown(mut self) -> Self {
        self.signal.verdict = Grade::Unknown;
        self
    }
}

/// A way back to a platform's record.
pub(super) fn pointer(name: &str, platform: &str, reference: &str, url: &str) -> Pointer {
    let reference = words::cut(&words::line(reference), Draft::FIELD_BYTES_MAX);
    Pointer { name: name.to_owned(), platform: platform.to_owned(), reference, url: url.to_owned() }
}

pub(super) fn incident_pointer(incident: &Incident) -> Pointer {
    pointer("pagerduty_incident", "pagerduty", &incident.name, &incident.url)
}

pub(super) fn application_pointer(app: &str, url: &str) -> Pointer {
    pointer("argocd_application", "argocd", &format!("argocd/app/{app}"), url)
}

pub(super) fn pull_pointer(number: u64, url: &str) -> Pointer {
    pointer("github_pull_request", "github", &number.to_string(), url)
}

/// The weightiest first; among equals the order in which they were found.
pub(super) fn sort(findings: &mut [Finding]) {
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.rule.weight));
}
