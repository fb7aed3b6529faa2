//! GitHub's limits: the primary one counts calls an hour, the secondary one says "slow down" when it likes.
//!
//! Never: a call while either holds; a clock of its own, the time comes with each question.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use tokio::time::Instant;

use super::said;
use crate::platform::http::{self, Answer};

/// What a secondary limit asks for at least, where it names no time.
pub(super) const SLOW_MIN: Duration = Duration::from_secs(60);
const SLOW_MAX: Duration = Duration::from_secs(15 * 60);
/// The primary limit's window.
const SPENT_MAX: Duration = Duration::from_secs(60 * 60);
const WAIT_MIN: Duration = Duration::from_secs(1);

/// What our calls have come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
    /// Calls an hour, as GitHub said last.
    pub limit: Option<u32>,
    pub remaining: Option<u32>,
    /// When the count begins anew.
    pub reset: Option<Timestamp>,
    /// Calls that this process sent.
    pub asked: u64,
    pub quota: Quota,
}

/// May we call?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quota {
    Free,
    /// The hour's calls are used up; they come back after this.
    Spent {
        wait: Duration,
    },
    /// GitHub asks us to slow down, so many times in a row.
    Slowed {
        wait: Duration,
        times: u32,
    },
}

#[derive(Debug, Clone, Copy)]
enum State {
    Free,
    Spent { until: Instant },
    Slowed { until: Instant },
}

/// What one answer says about limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    Spent(Duration),
    Slow(Option<Duration>),
}

#[derive(Debug)]
struct Book {
    limit: Option<u32>,
    remaining: Option<u32>,
    reset: Option<Timestamp>,
    asked: u64,
    state: State,
    /// Secondary refusals without a call that went well between them.
    slowed: u32,
}

#[derive(Debug)]
pub(super) struct Limits(Mutex<Book>);

impl Default for Limits {
    fn default() -> Self {
        let (limit, remaining, reset) = (None, None, None);
        Self(Mutex::new(Book { limit, remaining, reset, asked: 0, state: State::Free, slowed: 0 }))
    }
}

impl Limits {
    pub(super) fn quota(&self, now: Instant) -> Quota {
        self.with(|book| book.quota(now))
    }

    pub(super) fn usage(&self, now: Instant) -> Usage {
        self.with(|book| Usage {
            limit: book.limit,
            remaining: book.remaining,
            reset: book.reset,
            asked: book.asked,
            quota: book.quota(now),
        })
    }

    /// Remembers what an answer says.
    pub(super) fn note(&self, answer: &Answer, now: Instant) {
        self.with(|book| {
            book.asked += 1;
            book.limit = number(answer, "x-ratelimit-limit").or(book.limit);
            book.remaining = number(answer, "x-ratelimit-remaining").or(book.remaining);
            book.reset = reset(answer).or(book.reset);
            match told(answer) {
                Some(Told::Spent(wait)) => book.state = State::Spent { until: now + wait },
                Some(Told::Slow(wait)) => {
                    let grown = SLOW_MIN.saturating_mul(1 << book.slowed.min(8)).min(SLOW_MAX);
                    book.slowed += 1;
                    book.state = State::Slowed { until: now + wait.unwrap_or(grown) };
                }
                // It was under way when a later call was refused: that holds.
                None if book.quota(now) != Quota::Free => {}
                None => {
                    book.slowed = 0;
                    // The last call of the hour: the next would be refused.
                    let last = number::<u32>(answer, "x-ratelimit-remaining") == Some(0);
                    book.state = match until_reset(answer).filter(|_| last) {
                        Some(wait) => State::Spent { until: now + wait },
                        None => State::Free,
                    };
                }
            }
        });
    }

    fn with<T>(&self, act: impl FnOnce(&mut Book) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Book {
    fn quota(&self, now: Instant) -> Quota {
        let left = |until: Instant| until.checked_duration_since(now).filter(|left| !left.is_zero());
        match self.state {
            State::Free => Quota::Free,
            State::Spent { until } => left(until).map_or(Quota::Free, |wait| Quota::Spent { wait }),
            State::Slowed { until } => {
                left(until).map_or(Quota::Free, |wait| Quota::Slowed { wait, times: self.slowed })
            }
        }
    }
}

impl Quota {
    /// How long no call may go out.
    pub fn wait(self) -> Option<Duration> {
        match self {
            Quota::Free => None,
            Quota::Spent { wait } | Quota::Slowed { wait, .. } => Some(wait),
        }
    }
}

/// GitHub limits with 403 as well as 429: the primary limit says when it resets, the secondary may say nothing.
pub(super) fn told(answer: &Answer) -> Option<Told> {
    if !matches!(answer.status.as_u16(), 403 | 429) {
        return None;
    }
    let retry = http::retry_after(answer);
    if number::<u32>(answer, "x-ratelimit-remaining") == Some(0) && retry.is_none() {
        return Some(Told::Spent(until_reset(answer).unwrap_or(SLOW_MIN)));
    }
    let words = said(answer).to_ascii_lowercase();
    let slow = words.contains("rate limit") || words.contains("abuse detection");
    (slow || retry.is_some() || answer.status.as_u16() == 429).then_some(Told::Slow(retry))
}

fn reset(answer: &Answer) -> Option<Timestamp> {
    Timestamp::from_second(number(answer, "x-ratelimit-reset")?).ok()
}

/// By GitHub's own clock, whatever ours says.
fn until_reset(answer: &Answer) -> Option<Duration> {
    let wait = reset(answer)?.duration_since(http::answered_at(answer)?);
    Some(Duration::try_from(wait).unwrap_or(WAIT_MIN).clamp(WAIT_MIN, SPENT_MAX))
}

fn number<T: std::str::FromStr>(answer: &Answer, header: &str) -> Option<T> {
    answer.headers.get(header)?.to_str().ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use reqwest::{
        StatusCode,
        header::{HeaderName, HeaderValue},
    };

    use super::*;

    const DATE: (&str, &str) = ("date", "Sat, 30 May 2026 02:14:00 GMT");
    const IN_HALF_A_MINUTE: (&str, &str) = ("x-ratelimit-reset", "1780107270");
    const NONE_LEFT: (&str, &str) = ("x-ratelimit-remaining", "0");

    fn answer(status: u16, headers: &[(&'static str, &'static str)], body: &str) -> Answer {
        let header = |&(n, v)| (HeaderName::from_static(n), HeaderValue::from_static(v));
        Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers: headers.iter().map(header).collect(),
            body: body.as_bytes().to_vec(),
        }
    }

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn a_403_can_be_a_limit() {
        let slow = r#"{"message":"You have exceeded a secondary rate limit"}"#;
        let check = |status: u16, headers: &[(&'static str, &'static str)], body: &str, expected| {
            assert_eq!(told(&answer(status, headers, body)), expected, "{status} {headers:?} {body}");
        };
        check(403, &[DATE, IN_HALF_A_MINUTE, NONE_LEFT], "{}", Some(Told::Spent(seconds(30))));
        check(429, &[DATE, IN_HALF_A_MINUTE, NONE_LEFT], "{}", Some(Told::Spent(seconds(30))));
        check(403, &[NONE_LEFT], "{}", Some(Told::Spent(SLOW_MIN)));
        check(403, &[("retry-after", "5")], "{}", Some(Told::Slow(Some(seconds(5)))));
        check(
            403,
            &[("retry-after", "5"), ("x-ratelimit-remaining", "4000")],
            slow,
            Some(Told::Slow(Some(seconds(5)))),
        );
        check(403, &[], slow, Some(Told::Slow(None)));
        check(429, &[], "", Some(Told::Slow(None)));
        check(403, &[("x-ratelimit-remaining", "4000")], r#"{"message":"Resource not accessible"}"#, None);
        check(200, &[NONE_LEFT], "{}", None);
        check(404, &[NONE_LEFT], "{}", None);
    }

    #[test]
    fn the_hours_calls_come_back_at_the_reset() {
        let (limits, now) = (Limits::default(), Instant::now());
        assert_eq!(limits.quota(now), Quota::Free);
        limits.note(
            &answer(200, &[DATE, IN_HALF_A_MINUTE, NONE_LEFT, ("x-ratelimit-limit", "5000")], "{}"),
            now,
        );
        assert_eq!(limits.quota(now), Quota::Spent { wait: seconds(30) }, "the last call of the hour");
        assert_eq!(limits.quota(now + seconds(29)).wait(), Some(seconds(1)));
        assert_eq!(limits.quota(now + seconds(30)), Quota::Free);
        let usage = limits.usage(now);
        assert_eq!((usage.limit, usage.remaining, usage.asked), (Some(5000), Some(0), 1));
        assert_eq!(usage.reset.unwrap().to_string(), "2026-05-30T02:14:30Z");
    }

    #[test]
    fn slowing_down_doubles_until_a_call_goes_well() {
        let (limits, now) = (Limits::default(), Instant::now());
        let slow = || answer(403, &[], r#"{"message":"You have exceeded a secondary rate limit"}"#);
        for (times, wait) in [(1, 60), (2, 120), (3, 240), (4, 480), (5, 900), (6, 900)] {
            limits.note(&slow(), now);
            assert_eq!(limits.quota(now), Quota::Slowed { wait: seconds(wait), times });
        }
        limits.note(&answer(200, &[], "{}"), now + seconds(1));
        let still = Quota::Slowed { wait: seconds(899), times: 6 };
        assert_eq!(limits.quota(now + seconds(1)), still, "that one had been sent before");
        let now = now + seconds(900);
        limits.note(&answer(200, &[], "{}"), now);
        assert_eq!(limits.quota(now), Quota::Free);
        limits.note(&slow(), now);
        assert_eq!(limits.quota(now), Quota::Slowed { wait: seconds(60), times: 1 });
        limits.note(&answer(429, &[("retry-after", "7")], ""), now);
        assert_eq!(limits.quota(now), Quota::Slowed { wait: seconds(7), times: 2 });
    }
}
