//! The answer to a pipeline that waits at Dock itself: written into our own store, where it asks for it.
//!
//! Never: an answer to another attempt or commit than the reviewed one; one that is left lying for nobody.

use std::collections::BTreeMap;

use super::{BaseNow, Hand, Sent, gate::comment};
use crate::{
    platform::reading::{self, Depth, NoReading},
    row::{
        Base, DecisionId, Moved, Reading,
        gate::{Canary, GateBase, GateEffect, Service},
        waiting::{Answer, No, Place, Seen, Turn, Waiting, Word},
    },
    server::executor::{
        plan::pipeline::Listening,
        warrant::{Task, Warrant},
    },
    store::StoreError,
};

impl Hand {
    /// The run as it waits now, and the plan. That it was told what `tag` decided is no move: it is told the same again.
    pub(super) async fn waiting(
        &self,
        base: &GateBase,
        service: &Service,
        tag: &DecisionId,
    ) -> Result<Reading, BaseNow> {
        let moved = |what: &str, was: &str, is: &str| {
            let (what, was, is) = (what.to_owned(), was.to_owned(), is.to_owned());
            BaseNow::Moved(vec![Moved { what, was, is }])
        };
        let Some(place) = place(base) else { return Err(moved("run", &base.run, "no run's number")) };
        let waiting = self.store.waiting(place).await.map_err(|error| BaseNow::Away(error.to_string()))?;
        let Some(waiting) = waiting else { return Err(moved("waits", "yes", "no pipeline tells of it")) };
        let now = self.clock.now();
        let ours = waiting.answer.as_ref().is_some_and(|answer| answer.decision.as_ref() == Some(tag));
        let instead = if ours { waiting.gone(self.since, now) } else { waiting.instead(self.since, now) };
        let seen = Seen { waiting, instead, deployed: None };
        let from = reading::Around {
            github: self.github.as_ref().map(crate::platform::github::Actuator::reads),
            terraform: self.terraform.as_ref().map(crate::platform::terraform::Actuator::reads),
        };
        let reading = match reading::elsewhere(from, service, &seen, Depth::Base).await {
            Ok(reading) => reading,
            Err(NoReading::NotGated { environment, .. }) => {
                return Err(moved("environment", &environment, "not gated"));
            }
            Err(error @ (NoReading::NotConfigured { .. } | NoReading::Platform(_))) => {
                return Err(BaseNow::Away(error.to_string()));
            }
        };
        match reading.plan_untold(base) {
            Some(why) => Err(BaseNow::Away(format!("the plan: {why}"))),
            None => Ok(Reading::Gate(Box::new(reading))),
        }
    }

    pub(super) async fn listening(&self, warrant: &Warrant) -> Result<Listening, String> {
        let waiting = self.store.waiting(place_of(warrant)?).await.map_err(|error| error.to_string())?;
        let gone = waiting.as_ref().and_then(|waiting| waiting.gone(self.since, self.clock.now()));
        Ok(Listening { waiting, gone })
    }

    pub(super) async fn tell(&self, warrant: &Warrant, log: &str) -> Result<Sent, String> {
        let (Base::Gate(base), place) = (&warrant.base, place_of(warrant)?) else {
            return Err("it is about no run".to_owned());
        };
        let (attempt, commit) = (base.attempt, base.head_sha.clone());
        let turn = Turn::Answer { attempt, commit, answer: answer(warrant, log) };
        Ok(match self.store.turn(place, turn, self.clock.now()).await {
            Ok(Ok(_)) => Sent::Accepted,
            // What is shown next says what came instead.
            Ok(Err(
                No::Nobody
                | No::Attempt { .. }
                | No::OtherCommit { .. }
                | No::Over { .. }
                | No::NotToldToGoOn(_)
                | No::TooMany(_)
                | No::Left(_)
                | No::Told(_),
            )) => Sent::Later { why: "who waits has changed".to_owned(), wait: None },
            Ok(Err(no @ (No::Taken(_) | No::TakenBack))) => Sent::Refused { why: no.to_string() },
            Err(StoreError::Full) => Sent::Later { why: StoreError::Full.to_string(), wait: None },
            Err(_) => Sent::Lost,
        })
    }

    /// Nobody can take the answer any more; false where somebody has.
    pub(in crate::server::executor) async fn take_back(
        &self,
        base: &Base,
        tag: &DecisionId,
    ) -> Result<bool, String> {
        let Base::Gate(base) = base else { return Ok(true) };
        if base.pipeline.is_github() {
            return Ok(true);
        }
        let Some(place) = place(base) else { return Ok(true) };
        let turn = Turn::TakeBack { decision: tag.clone() };
        match self.store.turn(place, turn, self.clock.now()).await {
            Ok(Err(No::Taken(_))) => Ok(false),
            Ok(_) => Ok(true),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Somebody has taken this answer already: a no is told from the row, without waiting for an executor.
    pub(super) async fn was_told(&self, warrant: &Warrant) -> Result<bool, String> {
        let Base::Gate(base) = &warrant.base else { return Ok(false) };
        let waiting = self.store.waiting(place_of(warrant)?).await.map_err(|error| error.to_string())?;
        let told = waiting.as_ref().and_then(|waiting| waiting.told(base.attempt, &base.head_sha));
        Ok(told.is_some_and(|told| told.decision.as_ref() == Some(&warrant.tag) && told.taken_at.is_some()))
    }

    /// The run as it is now, for a deploy that is watched.
    pub(in crate::server::executor) async fn run_elsewhere(
        &self,
        base: &GateBase,
    ) -> Result<Option<Waiting>, String> {
        let Some(place) = place(base) else { return Ok(None) };
        self.store.waiting(place).await.map_err(|error| error.to_string())
    }
}

fn place(base: &GateBase) -> Option<Place> {
    let (service, environment) = (base.service.clone(), base.environment.clone());
    Some(Place { service, environment, run: base.run.parse().ok()? })
}

fn place_of(warrant: &Warrant) -> Result<Place, String> {
    let found = match &warrant.base {
        Base::Gate(base) => place(base),
        _ => None,
    };
    found.ok_or_else(|| "it is about no run".to_owned())
}

fn answer(warrant: &Warrant, log: &str) -> Answer {
    let (word, conditions) = match &warrant.task {
        Task::Approve(effect) => {
            // What was dispatched elsewhere is no longer the pipeline's to do.
            let left = matches!(effect.canary, Some(Canary::Told) | None);
            (Word::Approved, if left { told(effect) } else { BTreeMap::new() })
        }
        _ => (Word::Declined, BTreeMap::new()),
    };
    Answer {
        word,
        row: warrant.row,
        decision: Some(warrant.tag.clone()),
        conditions,
        said: comment(warrant, Some(log)),
        given_at: jiff::Timestamp::UNIX_EPOCH,
        taken_at: None,
        taken_by: None,
        report: None,
    }
}

/// What is the pipeline's to obey, each in a word of its own: `canary` → `10%`, `canary_for` → `15m`.
fn told(effect: &GateEffect) -> BTreeMap<String, String> {
    let Some(share) = effect.share() else { return effect.conditions.clone() };
    let time = share.time().map(|time| ("canary_for".to_owned(), time));
    [("canary".to_owned(), share.part())].into_iter().chain(time).collect()
}

/// As a body of JSON.
pub(super) fn request(warrant: &Warrant) -> serde_json::Value {
    let answer = answer(warrant, "");
    let said = comment(warrant, None);
    serde_json::json!({"word": answer.word.word(), "conditions": answer.conditions, "said": said})
}
