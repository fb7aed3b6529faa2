//! The circuit breaker: after repeated failures a platform is left alone for a while, then one call tries.
//!
//! Never: a clock of its own; the time comes with each question.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// Failures in a row that open the breaker.
const FAILURES_MAX: u32 = 5;
/// How long it stays open, and how long one probe may take before the next may try.
const REST: Duration = Duration::from_secs(30);

#[derive(Debug, Clone, Copy)]
enum State {
    Closed {
        failures: u32,
    },
    /// Nobody is let through before `until`; then one call is, and moves `until` on.
    Open {
        until: Instant,
    },
}

#[derive(Debug)]
pub(super) struct Breaker {
    state: Mutex<State>,
}

impl Default for Breaker {
    fn default() -> Self {
        Self { state: Mutex::new(State::Closed { failures: 0 }) }
    }
}

impl Breaker {
    /// May a call go out? If not, after how long it may.
    pub(super) fn admit(&self, now: Instant) -> Result<(), Duration> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match *state {
            State::Closed { .. } => Ok(()),
            State::Open { until } if now < until => Err(until - now),
            State::Open { .. } => {
                *state = State::Open { until: now + REST };
                Ok(())
            }
        }
    }

    /// How a call went.
    pub(super) fn record(&self, now: Instant, well: bool) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        *state = match *state {
            _ if well => State::Closed { failures: 0 },
            State::Closed { failures } if failures + 1 < FAILURES_MAX => {
                State::Closed { failures: failures + 1 }
            }
            State::Closed { .. } | State::Open { .. } => State::Open { until: now + REST },
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_failures_open_it_and_one_probe_closes_it() {
        let (breaker, start) = (Breaker::default(), Instant::now());
        for _ in 0..FAILURES_MAX {
            assert_eq!(breaker.admit(start), Ok(()));
            breaker.record(start, false);
        }
        assert_eq!(breaker.admit(start), Err(REST));
        let later = start + REST;
        assert_eq!(breaker.admit(later), Ok(()), "one probe");
        assert_eq!(breaker.admit(later), Err(REST), "and only one");
        breaker.record(later, false);
        assert!(breaker.admit(later).is_err(), "a failed probe opens it again");
        breaker.record(later, true);
        assert_eq!(breaker.admit(later), Ok(()));
    }

    #[test]
    fn a_success_between_failures_forgets_them() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        for _ in 0..3 {
            (0..FAILURES_MAX - 1).for_each(|_| breaker.record(now, false));
            breaker.record(now, true);
        }
        assert_eq!(breaker.admit(now), Ok(()));
    }
}
