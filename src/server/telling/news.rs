//! What is told of a row, and when: from one change of it, from the time that it has, and whether it is still so.
//!
//! News are work: written in the commit that makes them so, due at their time. Whoever takes them up looks at the row as
//! it is then, so that nobody is called to what was settled meanwhile.
//! Never: a clock; a word that an agent wrote.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    row::{Digest, Row, State, c1, stage::Write},
    store::{WorkChange, WorkKind},
};

/// A policy that takes a row at once leaves nothing to ask.
const SETTLE: SignedDuration = SignedDuration::from_secs(2);
/// Older news are told to nobody.
const KEPT: SignedDuration = SignedDuration::from_hours(24);

/// What can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// It waits for a first decision.
    Asks,
    /// Half of its time is over, and nobody has decided: the next reviewer is asked, too.
    HalfOver,
    /// Nine tenths of its time are over.
    AlmostOver,
    /// One key is given, another is wanted.
    SecondKey,
    /// It was carried out, and not well; or nobody can tell.
    Outcome,
    /// Its page is written.
    Published,
    /// Somebody sent it back: it waits for its agent. Told to whoever keeps an alert open, and to nobody else.
    Answered,
    /// Nobody is asked any more. The same.
    Settled,
}

impl What {
    pub const ALL: [Self; 6] =
        [Self::Asks, Self::HalfOver, Self::AlmostOver, Self::SecondKey, Self::Outcome, Self::Published];

    pub fn word(self) -> &'static str {
        match self {
            Self::Asks => "asks",
            Self::HalfOver => "half_over",
            Self::AlmostOver => "almost_over",
            Self::SecondKey => "second_key",
            Self::Outcome => "outcome",
            Self::Published => "published",
            Self::Answered => "answered",
            Self::Settled => "settled",
        }
    }

    /// That nobody has to do anything: this ends an alert, and is no news to people.
    pub(super) fn quiets(self) -> bool {
        matches!(self, Self::Answered | Self::Settled)
    }
}

/// One thing to tell, as it stands in the work: to everybody whom it concerns, or to one of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct News {
    pub(super) what: What,
    /// Of which revision, state and end it is true.
    pub(super) revision: u32,
    pub(super) state: State,
    pub(super) expires_at: Timestamp,
    /// Since when.
    pub(super) at: Timestamp,
    /// The target's name, once it is clear whom it concerns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) to: Option<String>,
}

/// The work that follows from a row's change, or from its being opened.
pub(in crate::server) fn follow(before: Option<&Row>, after: &Row, now: Timestamp) -> Vec<WorkChange> {
    changed(before, after, now)
        .into_iter()
        .map(|news| {
            let settle = if news.what == What::Asks { SETTLE } else { SignedDuration::ZERO };
            let not_before = news.at.checked_add(settle).unwrap_or(news.at);
            WorkChange::Add { kind: WorkKind::Tell, row: after.id, payload: news.payload(), not_before }
        })
        .collect()
}

fn changed(before: Option<&Row>, after: &Row, now: Timestamp) -> Vec<News> {
    let (was, state) = (before.map(Row::state), after.state());
    let news =
        |what, at| News { what, revision: after.revision, state, expires_at: after.expires_at, at, to: None };
    let anew = was != Some(state) || before.is_some_and(|before| before.revision != after.revision);
    let mut told = Vec::new();
    match state {
        State::Pending if anew => told.push(news(What::Asks, now)),
        State::HalfSigned if anew => told.push(news(What::SecondKey, now)),
        State::Degraded | State::RolledBack | State::Failed | State::Unknown if anew => {
            told.push(news(What::Outcome, now));
        }
        State::NeedsChanges | State::Stale if anew => told.push(news(What::Answered, now)),
        _ if settled(state) && was.is_some_and(|was| !settled(was)) => told.push(news(What::Settled, now)),
        _ => {}
    }
    if published(after).is_some() && before.is_none_or(|before| published(before).is_none()) {
        told.push(news(What::Published, now));
    }
    let longer = before.is_none_or(|before| before.expires_at != after.expires_at);
    if longer && state.undecided() {
        let life = after.expires_at.duration_since(after.created_at);
        for (what, tenths) in [(What::HalfOver, 5), (What::AlmostOver, 9)] {
            let at = after.created_at.checked_add(life / 10 * tenths);
            told.extend(at.ok().filter(|at| *at > now).map(|at| news(what, at)));
        }
    }
    told
}

/// Nobody is asked about it, and nothing went wrong with it.
fn settled(state: State) -> bool {
    !state.undecided()
        && !matches!(state, State::Degraded | State::RolledBack | State::Failed | State::Unknown)
}

/// What the read-back of a published page said.
pub(super) fn published(row: &Row) -> Option<&str> {
    let done = &row.stage.execution()?.done;
    Some(done.iter().find(|done| done.write == Write::Publish)?.detail.as_str())
}

impl News {
    /// Is it still so?
    pub(super) fn stands(&self, row: &Row, now: Timestamp) -> bool {
        let (state, same) = (row.state(), row.revision == self.revision);
        let fresh = now.duration_since(self.at) <= KEPT;
        fresh
            && match self.what {
                What::Asks => same && state == State::Pending && row.expires_at > now,
                What::SecondKey => same && state == State::HalfSigned && row.expires_at > now,
                What::HalfOver | What::AlmostOver => {
                    state.undecided() && row.expires_at == self.expires_at && row.expires_at > now
                }
                What::Outcome => state == self.state,
                What::Published => published(row).is_some(),
                What::Answered => same && state == self.state,
                What::Settled => settled(state),
            }
    }

    /// The same for the same news, however often it is sent, and wherever to.
    pub(super) fn id(&self, row: &Row) -> Digest {
        let told = c1::map([
            ("row", c1::Value::from(row.id.to_string())),
            ("what", self.what.word().into()),
            ("revision", self.revision.into()),
            ("state", self.state.word().into()),
            ("at", self.at.into()),
        ]);
        Digest::of(c1::to_bytes(&told))
    }

    pub(super) fn payload(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
