//! How a command ends: the exit codes of the contract, and the sentence that goes with each.
//!
//! Never: a code that is not in the table of `7-command-line`; an end without a sentence.

use super::out;
use crate::{
    client::{ApiError, DecideError, HomeError, LoginError, SignError, StoreError, SyncError},
    clock::Clock,
    config::ConfigError,
    row::{Refusal, id::NotAnId},
};

/// The codes, by what they mean to a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    Done = 0,
    Failed = 1,
    Usage = 2,
    Queued = 3,
    Refused = 4,
    NoKey = 5,
    Nothing = 6,
    Away = 7,
    Unchecked = 8,
}

/// A command that did not do what was asked, in words for standard error. Empty words: it was said already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub code: Code,
    pub words: String,
}

/// What a command comes to.
pub type Outcome = Result<Code, Failure>;

impl Failure {
    pub fn new(code: Code, words: impl Into<String>) -> Self {
        Self { code, words: words.into() }
    }

    pub fn usage(words: impl Into<String>) -> Self {
        Self::new(Code::Usage, words)
    }

    pub fn failed(words: impl Into<String>) -> Self {
        Self::new(Code::Failed, words)
    }

    pub fn nothing(words: impl Into<String>) -> Self {
        Self::new(Code::Nothing, words)
    }

    /// A no that was computed here, before anything was sent.
    pub fn refused(refusal: &Refusal) -> Self {
        let now = Clock::system().now();
        let said = refusal.unsent(&|at| out::when(at, now));
        Self::new(of_refusal(refusal), format!("{said}\nhint: {}", refusal.hint()))
    }
}

/// The code of a refusal: a note that is missing is wrong usage, the rest is a no.
pub fn of_refusal(refusal: &Refusal) -> Code {
    if matches!(refusal, Refusal::NoteRequired { .. }) { Code::Usage } else { Code::Refused }
}

fn of_api(error: &ApiError) -> Code {
    match error {
        error if error.away() => Code::Away,
        error if error.signed_out() => Code::NoKey,
        error if error.not_found() => Code::Nothing,
        error if error.refusal().is_some() => Code::Refused,
        _ => Code::Failed,
    }
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        Self::new(of_api(&error), error.to_string())
    }
}

impl From<SyncError> for Failure {
    fn from(error: SyncError) -> Self {
        let code = match &error {
            SyncError::Api(error) => of_api(error),
            SyncError::Store(_)
            | SyncError::RecordBroken { .. }
            | SyncError::LogKey { .. }
            | SyncError::NoChance => Code::Failed,
        };
        Self::new(code, error.to_string())
    }
}

impl From<LoginError> for Failure {
    fn from(error: LoginError) -> Self {
        let code = match &error {
            LoginError::Api(error) if error.away() => Code::Away,
            LoginError::Api(_) | LoginError::Sign(_) | LoginError::Challenge(_) => Code::NoKey,
            LoginError::NoServer | LoginError::NoPerson | LoginError::Home(_) => Code::Failed,
        };
        Self::new(code, error.to_string())
    }
}

impl From<SignError> for Failure {
    fn from(error: SignError) -> Self {
        Self::new(Code::NoKey, error.to_string())
    }
}

impl From<DecideError> for Failure {
    fn from(error: DecideError) -> Self {
        let code = match &error {
            DecideError::Refused(refusal) => of_refusal(refusal),
            DecideError::Undecidable(_) | DecideError::Waits { .. } | DecideError::Ticked { .. } => {
                Code::Refused
            }
            DecideError::NoHead => Code::Away,
            DecideError::Sign(_) => Code::NoKey,
            DecideError::Head(_)
            | DecideError::RecordBroken
            | DecideError::Store(_)
            | DecideError::NoChance => Code::Failed,
        };
        if let DecideError::Refused(refusal) = &error {
            return Self::refused(refusal);
        }
        Self::new(code, error.to_string())
    }
}

impl From<HomeError> for Failure {
    fn from(error: HomeError) -> Self {
        Self::failed(error.to_string())
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::failed(error.to_string())
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::failed(error.to_string())
    }
}

impl From<NotAnId> for Failure {
    fn from(error: NotAnId) -> Self {
        Self::usage(error.to_string())
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::failed(error.to_string())
    }
}
