//! How many calls went to a platform, and what it said is left.
//!
//! Never: a limit that the platform did not tell.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use reqwest::header::HeaderMap;

/// Header names for what may be asked and what is left: GitHub's, Datadog's, Terraform's and Confluence's; PagerDuty's.
const TOLD: [(&str, &str); 2] =
    [("x-ratelimit-limit", "x-ratelimit-remaining"), ("ratelimit-limit", "ratelimit-remaining")];

#[derive(Debug, Default)]
pub(super) struct Meter {
    made: AtomicU64,
    told: Mutex<Option<(u64, u64)>>,
}

/// What calls with one credential have come to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Calls {
    /// Sent by this process.
    pub made: u64,
    /// How many the platform takes in its window, and how many are left of it, as it said last.
    pub told: Option<(u64, u64)>,
}

impl Meter {
    /// One more goes out.
    pub(super) fn made(&self) {
        self.made.fetch_add(1, Ordering::Relaxed);
    }

    /// Remembers what an answer says.
    pub(super) fn told(&self, headers: &HeaderMap) {
        let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
        if let Some(told) = TOLD.iter().find_map(|(limit, left)| number(limit).zip(number(left))) {
            *self.told.lock().unwrap_or_else(PoisonError::into_inner) = Some(told);
        }
    }

    pub(super) fn calls(&self) -> Calls {
        let told = *self.told.lock().unwrap_or_else(PoisonError::into_inner);
        Calls { made: self.made.load(Ordering::Relaxed), told }
    }
}

impl std::ops::Add for Calls {
    type Output = Calls;

    /// Of several that answer together: all calls, and what is left where least is.
    fn add(self, other: Calls) -> Calls {
        let told = [self.told, other.told].into_iter().flatten().min_by_key(|(_, left)| *left);
        Calls { made: self.made + other.made, told }
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn what_is_left_is_what_the_platform_said_last() {
        let check = |said: &[&[(&'static str, &'static str)]], expected| {
            let meter = Meter::default();
            for headers in said {
                meter.made();
                let header = |&(name, value): &(&'static str, &'static str)| {
                    (HeaderName::from_static(name), HeaderValue::from_static(value))
                };
                meter.told(&headers.iter().map(header).collect());
            }
            let made = u64::try_from(said.len()).unwrap();
            assert_eq!(meter.calls(), Calls { made, told: expected }, "{said:?}");
        };
        check(&[&[("x-ratelimit-limit", "5000"), ("x-ratelimit-remaining", "4999")]], Some((5000, 4999)));
        check(&[&[("ratelimit-limit", "960"), ("ratelimit-remaining", "12")], &[]], Some((960, 12)));
        check(&[&[("x-ratelimit-limit", "5000")]], None);
        check(&[&[("x-ratelimit-limit", "5000"), ("x-ratelimit-remaining", "many")]], None);
        check(&[], None);
    }
}
