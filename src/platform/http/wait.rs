//! How long a platform wants to be left alone, in each of the ways in which platforms say so.
//!
//! Never: longer than we are willing to wait, or not at all.

use std::time::Duration;

use super::Answer;

/// A wait that a platform names is obeyed between these.
const RETRY_AFTER_MIN: Duration = Duration::from_secs(1);
const RETRY_AFTER_MAX: Duration = Duration::from_secs(15 * 60);

/// `Retry-After`, in seconds or as a date (measured against the answer's own `Date`), clamped.
pub(in crate::platform) fn retry_after(answer: &Answer) -> Option<Duration> {
    let text = answer.headers.get(reqwest::header::RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = if let Ok(seconds) = text.parse::<u64>() {
        Duration::from_secs(seconds)
    } else {
        let until = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
        Duration::try_from(until.duration_since(answered_at(answer)?)).unwrap_or(RETRY_AFTER_MIN)
    };
    Some(wait.clamp(RETRY_AFTER_MIN, RETRY_AFTER_MAX))
}

/// When the platform answered, by its own clock.
pub(in crate::platform) fn answered_at(answer: &Answer) -> Option<jiff::Timestamp> {
    let date = answer.headers.get(reqwest::header::DATE)?.to_str().ok()?;
    Some(jiff::fmt::rfc2822::parse(date).ok()?.timestamp())
}

/// How long a rate-limit header says it is until it resets, in seconds, perhaps with a fraction; clamped.
pub(in crate::platform) fn seconds_until(answer: &Answer, header: &str) -> Option<Duration> {
    let seconds: f64 = answer.headers.get(header)?.to_str().ok()?.trim().parse().ok()?;
    let wait = Duration::try_from_secs_f64(seconds).ok()?;
    Some(wait.clamp(RETRY_AFTER_MIN, RETRY_AFTER_MAX))
}

/// How long it is until the time in a header, in ISO 8601, by the platform's own clock; clamped.
pub(in crate::platform) fn wait_until(answer: &Answer, header: &str) -> Option<Duration> {
    let until: jiff::Timestamp = answer.headers.get(header)?.to_str().ok()?.trim().parse().ok()?;
    let wait = Duration::try_from(until.duration_since(answered_at(answer)?)).unwrap_or(RETRY_AFTER_MIN);
    Some(wait.clamp(RETRY_AFTER_MIN, RETRY_AFTER_MAX))
}
