//! Who writes a row's prose: the rules, or a language model that words what they decided.
//!
//! Rules have drafted before anybody is asked here. A model gets their sentences, fenced ([`question`]), a deadline and a
//! cap; what it answers counts only if nothing is in it that was not in them, and nothing is missing ([`check`]). Everything
//! else (no answer, a late one, another verdict, a name that it made up) leaves the rules' own words, and is told.
//! Never: a row that waits for longer than the deadline, or is another one because of a model; its word for a fact.

mod check;
mod question;

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use jiff::{SignedDuration, Timestamp};

use super::Told;
use crate::{
    clock::Clock,
    platform::{PlatformError, model},
    row::Draft,
};

/// The rules, with a model's help where one is configured.
#[derive(Debug, Default)]
pub(super) struct Drafter {
    model: Option<model::Model>,
    /// When it was asked within the last hour, the first first.
    asked: Mutex<VecDeque<Timestamp>>,
}

impl Drafter {
    pub(super) fn open(config: Option<&model::Config>) -> Result<Self, PlatformError> {
        Ok(Self { model: config.map(model::Model::open).transpose()?, asked: Mutex::default() })
    }

    /// The same draft, in a model's words where they hold.
    pub(super) async fn word(&self, mut draft: Draft, clock: &Clock, told: &mut impl FnMut(Told)) -> Draft {
        let Some(model) = &self.model else { return draft };
        match self.ask(model, &draft, clock).await {
            Ok(words) => {
                draft.rationale = words;
                model.name().clone_into(&mut draft.prose_by);
            }
            Err(error) => told(Told::Trouble { what: format!("the words for {}", draft.subject), error }),
        }
        draft
    }

    async fn ask(&self, model: &model::Model, draft: &Draft, clock: &Clock) -> Result<String, String> {
        if !self.may_ask(model.calls_an_hour(), clock.now()) {
            return Err(format!("{} was asked often enough this hour", model.name()));
        }
        let sentences = question::sentences(&draft.rationale);
        let answer =
            model.ask(&question::question(draft, &sentences)).await.map_err(|error| error.to_string())?;
        let words = check::check(&answer, draft, &sentences);
        words.map_err(|why| format!("what {} wrote was dropped: {why}", model.name()))
    }

    /// Counts the question, if there is room for one more.
    fn may_ask(&self, most: usize, now: Timestamp) -> bool {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        while asked.front().is_some_and(|at| now.duration_since(*at) >= SignedDuration::from_hours(1)) {
            asked.pop_front();
        }
        let room = asked.len() < most;
        if room {
            asked.push_back(now);
        }
        room
    }
}

#[cfg(test)]
mod tests;
