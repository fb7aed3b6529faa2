//! How much one principal, or everybody together, may ask in a minute.
//!
//! An agent's drafts are few a minute, but for what the world itself brings: where five hundred runs begin to wait at once,
//! each is told of once, and our own read of the platform bears it out. Such a first telling is given back, up to a bound of
//! its own. What is refused, told again, revised or taken back and opened anew counts in full, so that nobody floods people
//! by means of what is really there.
//! Never: a table that grows without end; what cannot be counted is refused.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Mutex, MutexGuard, PoisonError},
};

use jiff::{SignedDuration, Timestamp};

use super::problem::Problem;
use crate::row::{Kind, PrincipalId, Refusal};

const REQUESTS: u32 = 6_000;
const DRAFTS: u32 = 60;
const DRAFTS_OF_ALL: u32 = 1_000;
/// Rows that one agent opens beyond [`DRAFTS`]: each the first about its subject, and borne out by our own read.
const FIRST_TOLD: u32 = 300;
/// A subject that was told of is no news for so long.
const TOLD_FOR: SignedDuration = SignedDuration::from_hours(24);
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
    /// What was given back because it was told first, and when.
    told: HashMap<(PrincipalId, Kind, String), Timestamp>,
}

/// A draft that was counted, and the minute in which it was.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counted {
    minute: i64,
}

impl Limits {
    pub(super) fn request(&self, who: &PrincipalId, now: Timestamp) -> Result<(), Problem> {
        self.count("request", who.as_str(), REQUESTS, now)
    }

    pub(super) fn draft(&self, agent: &PrincipalId, now: Timestamp) -> Result<Counted, Problem> {
        self.count("draft", agent.as_str(), DRAFTS, now)?;
        self.count("drafts", "", DRAFTS_OF_ALL, now)?;
        Ok(Counted { minute: minute(now) })
    }

    /// A draft that was told already in the same words changed nothing: it is given back.
    pub(super) fn repeated(&self, agent: &PrincipalId, counted: Counted) {
        self.window().give_back(agent, counted);
    }

    /// A draft opened a row that our own read bears out: if it is the first about its subject, it is given back.
    pub(super) fn first_told(
        &self,
        agent: &PrincipalId,
        (kind, subject): (Kind, &str),
        counted: Counted,
        now: Timestamp,
    ) {
        let mut window = self.window();
        window.turn_to(minute(now));
        window.told.retain(|_, at| now.duration_since(*at) < TOLD_FOR);
        let about = (agent.clone(), kind, subject.to_owned());
        if window.told.contains_key(&about) || window.told.len() >= NAMES_MAX {
            return;
        }
        let full = window.counts.len() >= NAMES_MAX;
        let most = match window.counts.entry(("first told", agent.as_str().to_owned())) {
            Entry::Vacant(_) if full => return,
            entry => entry.or_default(),
        };
        if *most >= FIRST_TOLD {
            return;
        }
        *most += 1;
        window.told.insert(about, now);
        window.give_back(agent, counted);
    }

    /// One decision more that no enrolled key signed.
    pub(super) fn stranger(&self, now: Timestamp) -> Result<(), Problem> {
        self.count("stranger", "", STRANGERS, now)
    }

    fn count(&self, what: &'static str, who: &str, most: u32, now: Timestamp) -> Result<(), Problem> {
        let mut window = self.window();
        window.turn_to(minute(now));
        let full = window.counts.len() >= NAMES_MAX;
        let count = match window.counts.entry((what, who.to_owned())) {
            Entry::Vacant(_) if full => return Err(too_much(now)),
            entry => entry.or_default(),
        };
        *count += 1;
        if *count > most { Err(too_much(now)) } else { Ok(()) }
    }

    fn window(&self) -> MutexGuard<'_, Window> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Window {
    fn turn_to(&mut self, minute: i64) {
        if self.minute != minute {
            self.counts.clear();
            self.minute = minute;
        }
    }

    /// Only within the minute that counted it: the next begins at nothing.
    fn give_back(&mut self, agent: &PrincipalId, counted: Counted) {
        let key = ("draft", agent.as_str().to_owned());
        if let Some(count) = self.counts.get_mut(&key).filter(|_| self.minute == counted.minute) {
            *count = count.saturating_sub(1);
        }
    }
}

fn minute(now: Timestamp) -> i64 {
    now.as_second().div_euclid(60)
}

fn too_much(now: Timestamp) -> Problem {
    let left = 60 - now.as_second().rem_euclid(60);
    let problem = Problem::new(
        axum::http::StatusCode::TOO_MANY_REQUESTS,
        Refusal::Busy.code(),
        "too much in one minute",
    );
    problem.hint(&Refusal::Busy.hint()).retry_after(u64::try_from(left).unwrap_or(60))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// Drafts about these subjects, each borne out; how many went through.
    fn opened(limits: &Limits, agent: &PrincipalId, subjects: std::ops::Range<u32>, now: Timestamp) -> u32 {
        let mut through = 0;
        for subject in subjects {
            let Ok(counted) = limits.draft(agent, now) else { continue };
            limits.first_told(agent, (Kind::Gate, &format!("a/{subject}/production")), counted, now);
            through += 1;
        }
        through
    }

    #[test]
    fn a_minute_is_counted_a_principal() {
        let limits = Limits::default();
        let (argus, other) = ("argus".parse().unwrap(), "other".parse().unwrap());
        for _ in 0..DRAFTS {
            limits.draft(&argus, at(10)).unwrap();
        }
        let refused = limits.draft(&argus, at(20)).unwrap_err();
        assert_eq!((refused.body.status, refused.retry_after_s), (429, Some(40)));
        assert!(limits.draft(&other, at(20)).is_ok());
        assert!(limits.draft(&argus, at(60)).is_ok());
    }

    #[test]
    fn what_the_world_brings_is_told_in_two_minutes_and_no_more_than_that() {
        let limits = Limits::default();
        let keeper = "gatekeeper".parse().unwrap();
        let first = opened(&limits, &keeper, 0..500, at(0));
        assert_eq!(first, FIRST_TOLD + DRAFTS, "its own bound, then what any agent has");
        assert_eq!(opened(&limits, &keeper, first..500, at(60)), 500 - first);
        assert!(limits.draft(&keeper, at(61)).is_ok(), "what was given back is there again");
    }

    #[test]
    fn what_was_told_before_is_no_news_for_a_day() {
        let limits = Limits::default();
        let keeper = "gatekeeper".parse().unwrap();
        assert_eq!(opened(&limits, &keeper, 0..100, at(0)), 100);
        for minute in 1..4 {
            assert_eq!(opened(&limits, &keeper, 0..100, at(60 * minute)), DRAFTS, "opened anew, and anew");
        }
        assert_eq!(opened(&limits, &keeper, 0..100, at(24 * 60 * 60)), 100);
    }

    #[test]
    fn the_same_words_again_cost_nothing_and_all_agents_together_stay_bounded() {
        let limits = Limits::default();
        let keeper: PrincipalId = "gatekeeper".parse().unwrap();
        for _ in 0..10 * DRAFTS / 2 {
            let counted = limits.draft(&keeper, at(0)).unwrap();
            limits.repeated(&keeper, counted);
        }
        let late = limits.draft(&keeper, at(0)).unwrap();
        for _ in 0..DRAFTS {
            limits.draft(&keeper, at(60)).unwrap();
        }
        limits.repeated(&keeper, late);
        assert!(
            limits.draft(&keeper, at(61)).is_err(),
            "another minute's draft gives nothing back in this one"
        );
        let agents = (0..10).map(|one| format!("agent-{one}").parse().unwrap());
        let limits = Limits::default();
        let all: u32 = agents.map(|agent| opened(&limits, &agent, 0..500, at(0))).sum();
        assert_eq!(all, DRAFTS_OF_ALL);
    }
}
