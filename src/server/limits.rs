//! How much one principal, or everybody together, may ask in a minute.
//!
//! Never: a table that grows without end; what cannot be counted is refused.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use jiff::Timestamp;

use super::problem::Problem;
use crate::row::{PrincipalId, Refusal};

const REQUESTS: u32 = 6_000;
const DRAFTS: u32 = 60;
const DRAFTS_OF_ALL: u32 = 1_000;
/// Decisions that nobody could be found to have signed, from everybody together.
const STRANGERS: u32 = 600;
/// Names counted at once.
const NAMES_MAX: usize = 10_000;

/// Counts by minute.
#[derive(Debug, Default)]
pub(super) struct Limits(Mutex<Window>);

#[derive(Debug, Default)]
struct Window {
    minute: i64,
    counts: HashMap<(&'static str, String), u32>,
}

impl Limits {
    pub(super) fn request(&self, who: &PrincipalId, now: Timestamp) -> Result<(), Problem> {
        self.count("request", who.as_str(), REQUESTS, now)
    }

    pub(super) fn draft(&self, agent: &PrincipalId, now: Timestamp) -> Result<(), Problem> {
        self.count("draft", agent.as_str(), DRAFTS, now)?;
        self.count("drafts", "", DRAFTS_OF_ALL, now)
    }

    /// One decision more that no enrolled key signed.
    pub(super) fn stranger(&self, now: Timestamp) -> Result<(), Problem> {
        self.count("stranger", "", STRANGERS, now)
    }

    fn count(&self, what: &'static str, who: &str, most: u32, now: Timestamp) -> Result<(), Problem> {
        let mut window = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let minute = now.as_second().div_euclid(60);
        if window.minute != minute {
            *window = Window { minute, counts: HashMap::new() };
        }
        let full = window.counts.len() >= NAMES_MAX;
        let count = match window.counts.entry((what, who.to_owned())) {
            std::collections::hash_map::Entry::Vacant(_) if full => return Err(too_much(now)),
            entry => entry.or_default(),
        };
        *count += 1;
        if *count > most { Err(too_much(now)) } else { Ok(()) }
    }
}

fn too_much(now: Timestamp) -> Problem {
    let left = 60 - now.as_second().rem_euclid(60);
    let problem = Problem::new(
        axum::http::StatusCode::TOO_MANY_REQUESTS,
        Refusal::Busy.code(),
        "too much in one minute",
    );
    problem.hint(Refusal::Busy.hint()).retry_after(u64::try_from(left).unwrap_or(60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_is_counted_a_principal() {
        let limits = Limits::default();
        let at = |second| Timestamp::from_second(second).unwrap();
        let (argus, other) = ("argus".parse().unwrap(), "other".parse().unwrap());
        for _ in 0..DRAFTS {
            limits.draft(&argus, at(10)).unwrap();
        }
        let refused = limits.draft(&argus, at(20)).unwrap_err();
        assert_eq!((refused.body.status, refused.retry_after_s), (429, Some(40)));
        assert!(limits.draft(&other, at(20)).is_ok());
        assert!(limits.draft(&argus, at(60)).is_ok());
    }
}
