//! Everything that can happen to the console: one closed list, on one bounded channel, so that there is one order and
//! a run can be recorded and played again.
//!
//! Never: read from a clock further in. The moment comes with the event.

use std::sync::Arc;

use jiff::Timestamp;

use super::effect::Answer;
use super::terminal::FromTerminal;
use crate::clock::Clock;

/// Events that wait at once; whoever sends more waits.
pub const EVENTS_MAX: usize = 1024;

#[derive(Clone, Debug)]
pub struct Event {
    pub at: Moment,
    pub what: What,
}

/// When: the time that people mean, and milliseconds that only go forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    pub now: Timestamp,
    pub ms: u64,
}

#[derive(Clone, Debug)]
pub enum What {
    Terminal(FromTerminal),
    /// An effect came to an end, or the home changed.
    Answer(Box<Answer>),
    /// The time came that the model had asked to be woken at.
    Time,
    /// A thread of ours panicked; the terminal was given back already.
    Panicked,
}

/// Stamps events.
#[derive(Clone, Debug)]
pub struct Stamp {
    clock: Clock,
    start: Arc<std::time::Instant>,
}

impl Stamp {
    pub fn new(clock: Clock) -> Self {
        Self { clock, start: Arc::new(std::time::Instant::now()) }
    }

    pub fn moment(&self) -> Moment {
        Moment { now: self.clock.now(), ms: self.ms() }
    }

    /// Milliseconds since the start.
    pub fn ms(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    pub fn event(&self, what: What) -> Event {
        Event { at: self.moment(), what }
    }
}
