//! What Confluence means by an answer that is not a yes, in each of the shapes in which it says so.
//!
//! Never: a page that was made for a browser, quoted as if it were an answer.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use crate::platform::{
    Failure,
    http::{self, Answer},
};

/// Where it limits and names no time.
const LIMITED: Duration = Duration::from_secs(10);

/// Its own errors (v2), those of its older interface (v1), and those of the gateway before it.
#[derive(Debug, Default, Deserialize)]
struct Errors {
    #[serde(default)]
    errors: Vec<Error>,
    message: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Error {
    title: Option<String>,
    /// Text, or an object of some sort.
    detail: Option<Value>,
}

impl Errors {
    fn words(&self) -> String {
        let told = self.errors.iter().map(|error| {
            let title = error.title.clone().unwrap_or_default();
            match error.detail.as_ref().and_then(Value::as_str) {
                Some(detail) if !detail.is_empty() => format!("{title}: {detail}"),
                Some(_) | None => title,
            }
        });
        let told: Vec<String> = told.chain(self.message.clone()).filter(|words| !words.is_empty()).collect();
        told.join("; ")
    }
}

/// Its words alone.
pub(super) fn words(answer: &Answer) -> String {
    let start = answer.body.iter().find(|byte| !byte.is_ascii_whitespace());
    if start == Some(&b'<') {
        return "a page for browsers, no answer".to_owned();
    }
    match serde_json::from_slice::<Errors>(&answer.body) {
        Ok(errors) => errors.words(),
        Err(_) => String::from_utf8_lossy(&answer.body).into_owned(),
    }
}

/// Its words, with the number under which Atlassian's support finds the request.
pub(super) fn said(answer: &Answer) -> String {
    let words = words(answer);
    match answer.headers.get("atl-traceid").and_then(|value| value.to_str().ok()) {
        // It comes first: words can be long, and what is long is cut.
        Some(trace) if trace.len() <= 64 => format!("[trace {trace}] {words}").trim_end().to_owned(),
        Some(_) | None => words,
    }
}

/// Its 429 says how long in seconds, or until when as a time; some of its 503s are a limit, too.
pub(super) fn failure(answer: &Answer) -> Option<Failure> {
    let told = http::retry_after(answer);
    match (answer.status.as_u16(), told) {
        (429, told) => {
            let until = || http::wait_until(answer, "x-ratelimit-reset");
            Some(Failure::RateLimited { retry_after: told.or_else(until).unwrap_or(LIMITED) })
        }
        (503, Some(retry_after)) => Some(Failure::RateLimited { retry_after }),
        _ => None,
    }
}

/// Is this the lock that did not hold? 409, or 400 in the words of some of its builds.
pub(super) fn is_conflict(status: u16, words: &str) -> bool {
    status == 409 && !is_title_taken(words)
        || status == 400 && words.to_lowercase().contains("version must be incremented")
}

/// Is there another page of this title in the space?
pub(super) fn is_title_taken(words: &str) -> bool {
    let words = words.to_lowercase();
    words.contains("title already exists") || words.contains("same title in this space")
}

/// Is it the body that it cannot read?
pub(super) fn is_malformed(words: &str) -> bool {
    let words = words.to_lowercase();
    ["parsing xhtml", "invalid xhtml", "storage format", "parse the body", "macro"]
        .iter()
        .any(|one| words.contains(one))
}

/// The version that a conflict says the page has: `Current Version: [13]`, `Current version is: 13`.
pub(super) fn current_version(words: &str) -> Option<u64> {
    let words = words.to_lowercase();
    let (_, after) = words.split_once("current version")?;
    let digits = after.trim_start_matches(|c: char| !c.is_ascii_digit());
    // The number stands right there, not somewhere in the words that follow.
    let gap = after.len() - digits.len();
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    (gap <= 6).then(|| digits[..end].parse().ok()).flatten()
}
