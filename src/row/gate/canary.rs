//! A part of the traffic first: how that is begun, and what a reviewer may ask of it.
//!
//! Never: a share that was not understood to the last letter; a hold that nobody keeps.

use std::fmt;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::{Pipeline, Run};

/// Where the condition `canary=10%` goes when the gate is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Canary {
    /// A `repository_dispatch` of this type, with row, decision, run and share in its payload.
    Dispatch { event_type: String },
    /// A `workflow_dispatch` of this workflow file, the share in this input; on the branch that is named here, else on the
    /// run's. A run elsewhere has none that anybody else vouches for: there it has to be named.
    Workflow {
        file: String,
        input: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        branch: Option<String>,
    },
    /// The pipeline that waits is told the share, and obeys it. Not for runs that GitHub holds.
    Told,
}

impl Canary {
    /// The branch that a workflow is begun on. What a pipeline elsewhere says of its branch is its own word, can change after
    /// the decision, and would choose the code that runs with the executor's rights.
    pub fn begun_on<'a>(&'a self, pipeline: Pipeline, run: &'a Run) -> Option<&'a str> {
        match (self, pipeline) {
            (Self::Workflow { branch: Some(branch), .. }, _) => Some(branch),
            (Self::Workflow { branch: None, .. }, Pipeline::Github) => Some(&run.branch),
            (Self::Workflow { branch: None, .. }, Pipeline::Elsewhere)
            | (Self::Dispatch { .. } | Self::Told, _) => None,
        }
    }

    /// In words, for the effect that is signed.
    pub fn sentence(&self) -> String {
        match self {
            Self::Dispatch { event_type } => format!("repository dispatch {event_type}"),
            Self::Workflow { file, input, branch } => {
                let on = branch.as_ref().map(|branch| format!(" on {branch}")).unwrap_or_default();
                format!("workflow {file}{on}, input {input}")
            }
            Self::Told => "the pipeline is told".to_owned(),
        }
    }
}

/// What is asked of a canary: `10%`, or `10% for 15m`: then all, unless something speaks against it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// From 1 to 100.
    pub percent: u8,
    /// In minutes: so long the part has it alone.
    pub held: Option<u32>,
}

impl Share {
    /// A day.
    pub const HELD_MAX: u32 = 24 * 60;

    /// As it is signed: one form for each meaning.
    pub fn of(text: &str) -> Option<Self> {
        let share = Self::meant(text)?;
        (share.held.is_none() && !text.contains(' ') || share.to_string() == text).then_some(share)
    }

    /// As people write it: `10%`, `10 % for 15 min, then all`.
    pub fn meant(text: &str) -> Option<Self> {
        let (share, rest) = text.split_once('%')?;
        let percent = share.trim().parse().ok().filter(|share| (1..=100).contains(share))?;
        let rest = rest.trim();
        if rest.is_empty() {
            return Some(Self { percent, held: None });
        }
        let rest = rest.strip_prefix("for ")?.trim();
        let rest = rest.strip_suffix("then all").map_or(rest, |rest| rest.trim_end_matches([' ', ',']));
        let end = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, unit) = rest.split_at(end);
        let minutes = match unit.trim() {
            "m" | "min" | "minutes" => 1,
            "h" | "hours" => 60,
            _ => return None,
        };
        let held = number.parse::<u32>().ok()?.checked_mul(minutes)?;
        let fits = percent < 100 && (1..=Self::HELD_MAX).contains(&held);
        fits.then_some(Self { percent, held: Some(held) })
    }

    /// `10%`, for whoever sends so much of the traffic there.
    pub fn part(&self) -> String {
        format!("{}%", self.percent)
    }

    /// `15m`, `2h`.
    pub fn time(&self) -> Option<String> {
        let held = self.held?;
        Some(if held.is_multiple_of(60) { format!("{}h", held / 60) } else { format!("{held}m") })
    }

    pub fn held_for(&self) -> Option<SignedDuration> {
        self.held.map(|minutes| SignedDuration::from_mins(i64::from(minutes)))
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.time() {
            None => write!(f, "{}", self.part()),
            Some(time) => write!(f, "{} for {time}", self.part()),
        }
    }
}

/// A condition's value as it is signed, from what a person wrote; what is not understood stays as it is, to be refused.
pub fn as_signed(name: &str, value: &str) -> String {
    let share = if name == "canary" { Share::meant(value) } else { None };
    share.map_or_else(|| value.to_owned(), |share| share.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_is_signed_in_one_form() {
        for (text, signed) in [
            ("10%", "10%"),
            ("10 %", "10%"),
            ("10% for 15m", "10% for 15m"),
            ("10 % for 15 min, then all", "10% for 15m"),
            ("10% for 15 minutes then all", "10% for 15m"),
            ("10%  for 90m", "10% for 90m"),
            ("10% for 120m", "10% for 2h"),
            ("10% for 2h", "10% for 2h"),
            ("5% for 24h", "5% for 24h"),
        ] {
            assert_eq!(as_signed("canary", text), signed, "{text}");
            assert_eq!(Share::of(signed), Share::meant(text), "{text}");
            assert_eq!(Share::of(text).is_some(), text == signed, "{text}: one form each");
        }
        assert_eq!(as_signed("soak", "10 %"), "10 %", "no canary of ours");
    }

    #[test]
    fn what_is_not_understood_to_the_last_letter_is_no_share() {
        for text in [
            "",
            "10",
            "0%",
            "101%",
            "ten%",
            "10% for",
            "10% for m",
            "10% for 15",
            "10% for 0m",
            "10% for 15s",
            "10% for 25h",
            "10% for 1441m",
            "100% for 15m",
            "10% until 06:00",
            "10% for 15m, then none",
            "10% for -1m",
            "10% for 99999999999m",
        ] {
            assert_eq!(Share::meant(text), None, "{text}");
            assert_eq!(as_signed("canary", text), text);
        }
    }

    #[test]
    fn what_was_signed_before_holds_were_there_means_what_it_meant() {
        for text in ["10%", "+10%", "010%"] {
            assert_eq!(Share::of(text), Some(Share { percent: 10, held: None }), "{text}");
        }
    }
}
