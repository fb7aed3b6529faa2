//! The stream of changes: who listens hears of a drift within a second.
//!
//! It is a wake-up, never evidence: read the application before a fact is written. Buffers on ArgoCD's side overflow
//! silently, so a reader lists again every few minutes in any case.
//! Never: a promise that nothing was missed.

use std::time::Duration;

use reqwest::header::ACCEPT;
use serde::Deserialize;

use super::Application;
use crate::platform::{
    Failure, PlatformError,
    http::{Ask, Http, Lines},
};

/// ArgoCD sends a sign of life every 15 s; after three missed ones the stream is dead.
const SILENCE_MAX: Duration = Duration::from_secs(45);

/// An open stream.
#[derive(Debug)]
pub struct Watch {
    lines: Lines,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    pub kind: ChangeKind,
    pub application: Application,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ChangeKind {
    Added,
    Modified,
    Deleted,
    #[serde(untagged)]
    Other(String),
}

impl Watch {
    pub(super) const PATH: [&str; 4] = ["api", "v1", "stream", "applications"];

    pub(super) async fn open(http: &Http, ask: Ask) -> Result<Self, PlatformError> {
        let lines = http.lines(ask.header(ACCEPT, "text/event-stream"), SILENCE_MAX).await?;
        Ok(Self { lines })
    }

    /// The next change; `None` when ArgoCD ended the stream, an error when it broke, fell silent, or told one. After
    /// either: open again. Waiting may be dropped and taken up again without losing anything.
    pub async fn next(&mut self) -> Result<Option<Change>, PlatformError> {
        while let Some(line) = self.lines.next().await? {
            if let Some(frame) = line.strip_prefix(b"data:") {
                return self.change(frame).map(Some);
            }
        }
        Ok(None)
    }

    fn change(&self, frame: &[u8]) -> Result<Change, PlatformError> {
        #[derive(Deserialize)]
        struct Frame {
            result: Option<Body>,
            error: Option<StreamError>,
        }
        #[derive(Deserialize)]
        struct Body {
            #[serde(rename = "type")]
            kind: ChangeKind,
            application: Application,
        }
        #[derive(Deserialize)]
        struct StreamError {
            #[serde(default)]
            http_code: u16,
            #[serde(default)]
            message: String,
        }
        let frame: Frame = serde_json::from_slice(frame)
            .map_err(|error| self.lines.error(Failure::Garbage, &error.to_string()))?;
        match (frame.result, frame.error) {
            (Some(body), _) => Ok(Change { kind: body.kind, application: body.application }),
            (None, Some(error)) => {
                let failure = match error.http_code {
                    401 => Failure::Unauthorised,
                    403 => Failure::Forbidden,
                    status => Failure::ServerError { status },
                };
                Err(self.lines.error(failure, &error.message))
            }
            (None, None) => Err(self.lines.error(Failure::Garbage, "a frame without result or error")),
        }
    }
}
