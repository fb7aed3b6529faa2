//! What the gatekeeper remembers between looks: what waits, what was gathered of it, what Dock and services said.
//!
//! Pure; the time comes with each question.
//! Never: a fact that stands in the place of one that could be read.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};

use super::{
    facts::{Facts, Service},
    gather::{Listed, Place, Target, Waits},
    run::WAIT_MIN,
};
use crate::{
    agent::{dock::Dock, wake::Dirty},
    platform::github::Usage,
    row::gate::{self, Pipeline, Run},
};

/// A run that was listed so long ago is read again for its draft.
const LISTED_JUST_NOW: SignedDuration = SignedDuration::from_secs(90);
/// While less than this part of the hour's calls is left, one in so many, hooks call for no list, and polls come less
/// often.
const THRIFTY_BELOW: u32 = 5;
pub(super) const THRIFTY_POLLS: u32 = 4;

/// What is remembered of one gate.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// What was gathered last: what is immutable of it need not be asked again.
    pub(super) facts: Option<Facts>,
    pub(super) read_at: Option<Timestamp>,
    /// Not before then: it failed, or somebody else was faster.
    pub(super) not_before: Option<Timestamp>,
    pub(super) failures: u32,
    pub(super) rested: &'static str,
    /// The list is not enough: what it told was overtaken.
    pub(super) reread: bool,
}

#[derive(Debug, Default)]
pub(super) struct Memory {
    pub(super) gates: BTreeMap<Target, Seen>,
    /// With the time at which each was asked.
    pub(super) services: BTreeMap<Place, (Service, Timestamp)>,
    pub(super) dock: Dock,
    /// What waits, by service.
    pub(super) listed: BTreeMap<String, Listed>,
    /// Services whose repository could not be listed the last time, why, and when that was: each is told once.
    pub(super) unlisted: BTreeMap<String, (String, Timestamp)>,
    pub(super) failures: u32,
    /// Dock takes no more drafts, or GitHub no more calls, until then.
    pub(super) full_until: Option<Timestamp>,
}

impl Seen {
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        self.not_before.is_none_or(|at| at <= now)
    }

    /// What waited when it was read does so no more, or its pipeline says something else of itself: it is read again now.
    fn is_overtaken(&self, waits: Option<&Waits>) -> bool {
        let Some(Facts { reading, .. }) = &self.facts else { return false };
        match waits {
            None => reading.waits,
            Some(Waits::Github(_)) => false,
            Some(Waits::Elsewhere(said)) => {
                (reading.run.attempt, &reading.run.head_sha, reading.says_ci)
                    != (said.attempt, &said.commit, said.ci)
            }
        }
    }
}

impl Memory {
    /// The run as the last list told of it, where that is enough.
    pub(super) fn just_listed(&self, target: &Target, now: Timestamp) -> Option<Run> {
        let listed = self.listed.get(&target.service)?;
        let fresh = now.duration_since(listed.at) <= LISTED_JUST_NOW
            && self.gates.get(target).is_none_or(|seen| !seen.reread);
        match listed.runs.get(target).filter(|_| fresh)? {
            Waits::Github(run) => Some(run.as_ref().clone()),
            Waits::Elsewhere(_) => None,
        }
    }

    pub(super) fn full(&self, now: Timestamp) -> bool {
        self.full_until.is_some_and(|until| now < until)
    }

    /// Takes what was listed, and what is `open` in Dock, waiting or not; what is neither is forgotten.
    pub(super) fn take(&mut self, open: BTreeSet<Target>) {
        let waits: BTreeMap<&Target, &Waits> =
            self.listed.values().flat_map(|listed| listed.runs.iter()).collect();
        self.gates.retain(|target, _| waits.contains_key(target) || open.contains(target));
        for (target, seen) in &mut self.gates {
            if seen.is_overtaken(waits.get(target).copied()) {
                seen.read_at = None;
            }
        }
        for target in waits.into_keys().cloned().chain(open) {
            self.gates.entry(target).or_default();
        }
    }

    /// This service's runs were listed so long ago, or never, that they are listed again whatever was told.
    pub(super) fn list_is_old(&self, name: &str, poll: Duration, now: Timestamp) -> bool {
        let unlisted = self.unlisted.get(name).map(|(_, at)| *at);
        let last = unlisted.or_else(|| self.listed.get(name).map(|listed| listed.at));
        last.is_none_or(|at| now.duration_since(at).unsigned_abs() >= poll)
    }

    /// What was never read and is due. First what people cannot see yet: after a restart, all that has a row is new to us and
    /// to nobody else. Of these, each place in turn, so that one service's hundred runs do not keep another's one waiting;
    /// within a place the oldest run, whose wait ends first.
    pub(super) fn new_ones(&self, now: Timestamp, shown: impl Fn(&Target) -> bool) -> Vec<Target> {
        let new = self.gates.iter().filter(|(_, seen)| seen.facts.is_none() && seen.is_due(now));
        let mut turns: BTreeMap<(bool, Place), usize> = BTreeMap::new();
        let mut ordered: Vec<((bool, usize), &Target)> = new
            .map(|(target, _)| {
                let shown = shown(target);
                let turn = turns.entry((shown, target.place())).or_default();
                *turn += 1;
                ((shown, *turn), target)
            })
            .collect();
        ordered.sort();
        ordered.into_iter().map(|(_, target)| target.clone()).collect()
    }

    /// Until the first thing is due, the poll at the latest.
    pub(super) fn wait(&self, now: Timestamp, poll: Duration) -> Duration {
        if !self.full(now) && self.gates.values().any(|seen| seen.facts.is_none() && seen.is_due(now)) {
            return WAIT_MIN;
        }
        let pauses = self.gates.values().filter_map(|seen| seen.not_before);
        let due = pauses.chain(self.full_until).filter(|at| *at > now).min();
        let wait = due.map_or(poll, |due| Duration::try_from(due.duration_since(now)).unwrap_or(WAIT_MIN));
        wait.clamp(WAIT_MIN, poll)
    }
}

/// Something told of a run of this service.
pub(super) fn told_of(dirty: &Dirty, service: &gate::Service) -> bool {
    dirty.all
        || match service.pipeline {
            Pipeline::Github => dirty.repositories.contains(&service.repository.to_ascii_lowercase()),
            Pipeline::Elsewhere => dirty.pipelines,
        }
}

/// Little is left of the hour's calls.
pub(super) fn thrifty(usage: &Usage, now: Timestamp) -> bool {
    let (Some(limit), Some(remaining), Some(reset)) = (usage.limit, usage.remaining, usage.reset) else {
        return false;
    };
    now < reset && remaining < limit / THRIFTY_BELOW
}

#[cfg(test)]
mod tests;
