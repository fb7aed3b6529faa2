//! What can go wrong between Dock and a platform, for people (sentence and hint) and for code (what next).
//!
//! Never: a credential, or more of an answer than a short, harmless quotation.

use std::time::Duration;

use super::Platform;

/// How much of a platform's own words an error quotes.
const SAID_CHARS_MAX: usize = 300;
/// What is waited after a failure that names no time of its own.
const PAUSE: Duration = Duration::from_secs(2);

/// A call that did not bring what was asked for: who, what, why, in the platform's own words where it had any.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.sentence())]
pub struct PlatformError {
    pub platform: Platform,
    /// What was asked, as in "the application payments-api".
    pub asked: String,
    pub failure: Failure,
    /// The platform's own words, shortened, without control characters; empty where there were none.
    pub said: String,
}

/// Why. Each is a named state; none is ever taken for an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The section cannot work as written: address, secret, certificate.
    Setup,
    /// No connection: nothing was sent.
    Unreachable,
    /// The connection broke after something was sent.
    CutOff,
    /// No answer within the time.
    Timeout,
    /// Our own limit of calls in flight is used up; nothing was sent.
    Busy,
    /// It failed so often that it is left alone for a while; nothing was sent.
    Resting {
        wait: Duration,
    },
    Unauthorised,
    /// No right; some platforms say so for what does not exist, too.
    Forbidden,
    NotFound,
    Conflict,
    /// The platform understood and said no (400, 402, 415, 422 and the like).
    Refused {
        status: u16,
    },
    RateLimited {
        retry_after: Duration,
    },
    ServerError {
        status: u16,
    },
    /// It sends us to another host, where we do not take our credential.
    Redirected,
    /// The answer is not what the platform's contract says.
    Garbage,
    TooLarge,
}

/// What a writer does after a failure. A lost answer may hide a done write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// It was refused; asking again changes nothing.
    GiveUp,
    /// It was not done; ask again after this long.
    Retry { wait: Duration },
    /// Nobody can tell from here; look at the platform before anything else.
    ReadBack,
}

impl PlatformError {
    pub(super) fn new(platform: Platform, asked: &str, failure: Failure, said: &str) -> Self {
        Self { platform, asked: asked.to_owned(), failure, said: quotable(said) }
    }

    /// One sentence for people: what failed, on what, why.
    pub fn sentence(&self) -> String {
        let Self { platform, asked, .. } = self;
        let why = match &self.failure {
            Failure::Setup => "cannot be set up".to_owned(),
            Failure::Unreachable => "is not reachable".to_owned(),
            Failure::CutOff => "broke off its answer".to_owned(),
            Failure::Timeout => "did not answer in time".to_owned(),
            Failure::Busy => "has too many calls of ours in flight".to_owned(),
            Failure::Resting { wait } => {
                format!("failed repeatedly and is left alone for {} s", wait.as_secs())
            }
            Failure::Unauthorised => "does not accept our token (401)".to_owned(),
            Failure::Forbidden => "does not permit it (403)".to_owned(),
            Failure::NotFound => "does not have it (404)".to_owned(),
            Failure::Conflict => "reports a conflict (409)".to_owned(),
            Failure::Refused { status } => format!("refused ({status})"),
            Failure::RateLimited { retry_after } => {
                format!("limits our rate for {} s (429)", retry_after.as_secs())
            }
            Failure::ServerError { status } => format!("failed itself ({status})"),
            Failure::Redirected => "sends us to another host".to_owned(),
            Failure::Garbage => "answered something that is not its contract".to_owned(),
            Failure::TooLarge => "answered more than we take".to_owned(),
        };
        let said = if self.said.is_empty() { String::new() } else { format!(": {}", self.said) };
        format!("{platform} {why}, asked for {asked}{said}")
    }

    /// What the reader can do about it.
    pub fn hint(&self) -> &'static str {
        match self.failure {
            Failure::Setup => "mend the platform's section in the config; `dock doctor` checks it",
            Failure::Unreachable | Failure::CutOff | Failure::Timeout | Failure::ServerError { .. } => {
                "it is asked again by itself; look at the platform if it stays"
            }
            Failure::Busy | Failure::Resting { .. } | Failure::RateLimited { .. } => {
                "it is asked again by itself"
            }
            Failure::Unauthorised => "renew the token that the platform's section names",
            Failure::Forbidden => "give the token's account the right, or correct the project",
            Failure::NotFound => "it may be gone, renamed, or hidden from this token",
            Failure::Conflict => "somebody else changed it at the same time; it is read again",
            Failure::Refused { .. } => "the platform's own words say why",
            Failure::Redirected => "correct the url in the platform's section",
            Failure::Garbage => "is the url the platform's own, with no proxy's page before it?",
            Failure::TooLarge => "narrow what is read, for instance by projects",
        }
    }

    /// What a writer does next.
    pub fn after_write(&self) -> Next {
        match self.failure {
            Failure::Setup
            | Failure::Unauthorised
            | Failure::Forbidden
            | Failure::NotFound
            | Failure::Refused { .. }
            | Failure::Redirected => Next::GiveUp,
            Failure::Unreachable | Failure::Busy => Next::Retry { wait: PAUSE },
            Failure::Resting { wait } => Next::Retry { wait },
            Failure::RateLimited { retry_after } => Next::Retry { wait: retry_after },
            Failure::CutOff
            | Failure::Timeout
            | Failure::Conflict
            | Failure::ServerError { .. }
            | Failure::Garbage
            | Failure::TooLarge => Next::ReadBack,
        }
    }

    /// How long a reader waits before it asks again; `None` where asking again changes nothing.
    pub fn read_again_after(&self) -> Option<Duration> {
        match self.after_write() {
            Next::GiveUp => None,
            Next::Retry { wait } => Some(wait),
            Next::ReadBack => Some(PAUSE),
        }
    }

    /// Did nobody answer for the platform (as opposed to: it answered, and said no)?
    pub fn is_unreachable(&self) -> bool {
        match self.failure {
            Failure::Unreachable
            | Failure::CutOff
            | Failure::Timeout
            | Failure::Busy
            | Failure::Resting { .. }
            | Failure::RateLimited { .. }
            | Failure::ServerError { .. }
            | Failure::Garbage
            | Failure::TooLarge => true,
            Failure::Setup
            | Failure::Unauthorised
            | Failure::Forbidden
            | Failure::NotFound
            | Failure::Conflict
            | Failure::Refused { .. }
            | Failure::Redirected => false,
        }
    }
}

/// One line, short, without control characters.
fn quotable(said: &str) -> String {
    let plain = said.trim().chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut short: String = plain.clone().take(SAID_CHARS_MAX).collect();
    if plain.count() > SAID_CHARS_MAX {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(failure: Failure) -> PlatformError {
        PlatformError::new(Platform::ArgoCd, "the application payments-api", failure, "")
    }

    #[test]
    fn a_lost_answer_is_read_back_and_never_repeated_blindly() {
        for failure in
            [Failure::CutOff, Failure::Timeout, Failure::ServerError { status: 503 }, Failure::Garbage]
        {
            assert_eq!(error(failure.clone()).after_write(), Next::ReadBack, "{failure:?}");
        }
        for failure in [Failure::Unauthorised, Failure::Forbidden, Failure::Refused { status: 400 }] {
            assert_eq!(error(failure.clone()).after_write(), Next::GiveUp, "{failure:?}");
        }
        let limited = error(Failure::RateLimited { retry_after: Duration::from_secs(7) });
        assert_eq!(limited.after_write(), Next::Retry { wait: Duration::from_secs(7) });
    }

    #[test]
    fn it_says_who_what_and_why_on_one_harmless_line() {
        let said = format!("first\n\u{1b}[2Jsecond {}", "x".repeat(1000));
        let error = PlatformError::new(Platform::GitHub, "the pull requests", Failure::Forbidden, &said);
        let sentence = error.to_string();
        assert!(sentence.starts_with("GitHub does not permit it (403), asked for the pull requests: first "));
        assert!(!sentence.contains(char::is_control) && sentence.ends_with('…'));
    }
}
