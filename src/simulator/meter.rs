//! How many requests a platform takes in a while, and what it tells about that in its headers.
//!
//! Never: a window that slides; platforms count in windows that begin anew.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use jiff::Timestamp;

#[derive(Debug)]
pub(super) struct Meter {
    limit: u32,
    period_ms: i64,
    begun: Mutex<BTreeMap<&'static str, (i64, u32)>>,
}

/// What one request found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Reading {
    pub(super) taken: bool,
    pub(super) limit: u32,
    pub(super) remaining: u32,
    /// Until the next window begins, in seconds.
    pub(super) reset_s: f64,
    /// The same in whole seconds, rounded up, as `Retry-After` takes it.
    pub(super) retry_s: u64,
}

impl Meter {
    pub(super) fn new(limit: u32, period_ms: i64) -> Self {
        Self { limit, period_ms, begun: Mutex::default() }
    }

    /// Counts one request under a name.
    pub(super) fn count(&self, name: &'static str, now: Timestamp) -> Reading {
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        let (now, window) = (now.as_millisecond(), now.as_millisecond().div_euclid(self.period_ms));
        let (of, count) = begun.entry(name).or_insert((window, 0));
        if *of != window {
            (*of, *count) = (window, 0);
        }
        let taken = *count < self.limit;
        *count += u32::from(taken);
        let left_ms = (window + 1) * self.period_ms - now;
        Reading {
            taken,
            limit: self.limit,
            remaining: self.limit - *count,
            reset_s: left_ms as f64 / 1_000.0,
            retry_s: left_ms.unsigned_abs().div_ceil(1_000),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_has_its_own_count_and_each_window_its_own_beginning() {
        let meter = Meter::new(2, 1_000);
        let at = |ms| Timestamp::from_millisecond(ms).unwrap();
        let taken = |name, ms| meter.count(name, at(ms)).taken;
        assert_eq!(
            [taken("a", 100), taken("a", 200), taken("a", 300), taken("b", 300)],
            [true, true, false, true]
        );
        let over = meter.count("a", at(250));
        assert_eq!((over.remaining, over.reset_s), (0, 0.75));
        assert!(taken("a", 1_000), "a new window");
    }
}
