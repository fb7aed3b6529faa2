//! What to do with what was signed: a pure plan over the outbox and what the server says of the rows.
//!
//! Never: IO, a clock or chance; `now` and the dice are handed in. Never drops a decision.

use jiff::{SignedDuration, Timestamp};

use super::outbox::{Entry, Fate};
use crate::{
    row::{Decision, Digest, RowId, State},
    wire::RowView,
};

/// The first pause after a failure, and the longest.
pub const PAUSE_MIN: SignedDuration = SignedDuration::from_secs(1);
pub const PAUSE_MAX: SignedDuration = SignedDuration::from_mins(5);

/// What is done with one entry now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// It rests, or its next attempt is not due.
    Hold {
        until: Timestamp,
    },
    /// The row must be asked for first.
    Ask {
        row: RowId,
    },
    Send,
    /// It does not leave: why, for the reviewer.
    Overtaken {
        message: String,
    },
}

/// What is known of an entry's row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Known<'a> {
    NotAsked,
    /// The server has no such row, or does not show it: it says so itself when the decision comes.
    Absent,
    Row(&'a Standing),
}

/// The part of a row that an approval stands or falls with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    pub revision: u32,
    pub content: Digest,
    pub base: Digest,
    pub state: State,
    pub agent: String,
    /// The decisions that the server has of it: what has arrived is not overtaken by itself.
    pub arrived: Vec<String>,
}

impl Standing {
    pub fn of(view: &RowView) -> Self {
        Self {
            revision: view.head.revision,
            content: view.head.content_sha256,
            base: view.head.base.sha256,
            state: view.head.state,
            agent: view.head.agent.to_string(),
            arrived: view.decisions.iter().map(|decision| decision.id.to_string()).collect(),
        }
    }
}

/// One answer for each entry, in order. An approval whose revision, content or base moved is overtaken; a decline goes
/// on; what was sent and not answered is sent again, for its id makes that safe.
pub fn plan<'a>(entries: &[Entry], known: impl Fn(RowId) -> Known<'a>, now: Timestamp) -> Vec<Action> {
    entries.iter().map(|entry| action(entry, known(entry.row), now)).collect()
}

fn action(entry: &Entry, known: Known<'_>, now: Timestamp) -> Action {
    let due = entry.leaves_at.max(entry.next_at);
    if due > now {
        return Action::Hold { until: due };
    }
    // Sent already: it may have arrived, and only the server knows. It answers the same bytes with the same answer.
    if !matches!(entry.fate, Fate::Signed) || entry.decision != Decision::Approve {
        return Action::Send;
    }
    match known {
        Known::NotAsked => Action::Ask { row: entry.row },
        Known::Absent => Action::Send,
        Known::Row(row) => {
            overtaken(entry, row).map_or(Action::Send, |message| Action::Overtaken { message })
        }
    }
}

/// Why an approval is not for what stands there now.
fn overtaken(entry: &Entry, row: &Standing) -> Option<String> {
    if row.arrived.iter().any(|id| id == entry.id.as_str()) {
        return None;
    }
    if row.revision != entry.revision {
        let agent = &row.agent;
        return Some(format!("{agent} drafted r{} before yours of r{} left", row.revision, entry.revision));
    }
    if row.content != entry.content || row.base != entry.base {
        return Some("what you read is not what stands there now".to_owned());
    }
    if row.state == State::Stale {
        return Some("its base moved before yours left".to_owned());
    }
    None
}

/// When to try again: exponential from a second to five minutes with full jitter (`dice` in 0..1), and never before
/// the server's own `Retry-After`.
pub fn next_attempt(
    attempts: u32,
    retry_after: Option<SignedDuration>,
    dice: f64,
    now: Timestamp,
) -> Timestamp {
    let doubled =
        PAUSE_MIN.checked_mul(1_i32.checked_shl(attempts.min(16)).unwrap_or(i32::MAX)).unwrap_or(PAUSE_MAX);
    let ceiling = doubled.clamp(PAUSE_MIN, PAUSE_MAX);
    let dice = if dice.is_finite() { dice.clamp(0.0, 1.0) } else { 1.0 };
    let pause = ceiling.mul_f64(dice).max(PAUSE_MIN);
    let pause = retry_after.map_or(pause, |asked| pause.max(asked.min(PAUSE_MAX)));
    now.saturating_add(pause).unwrap_or(now)
}

#[cfg(test)]
mod tests;
