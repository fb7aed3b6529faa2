//! A long answer, line by line: for platforms that tell changes as they happen.
//!
//! Never: a line without an end to its length, a silence without an end to its time.

use std::{collections::VecDeque, time::Duration};

use reqwest::Response;
use tokio::time::timeout;

use crate::platform::{Failure, Platform, PlatformError};

/// The longest line that is kept; one application can be large.
const LINE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// The lines of an answer that is still coming.
#[derive(Debug)]
pub(in crate::platform) struct Lines {
    platform: Platform,
    asked: String,
    response: Response,
    silence: Duration,
    rest: Vec<u8>,
    ready: VecDeque<Vec<u8>>,
}

impl Lines {
    pub(super) fn new(platform: Platform, asked: String, response: Response, silence: Duration) -> Self {
        Self { platform, asked, response, silence, rest: vec![], ready: VecDeque::new() }
    }

    /// The next line without its end; `None` when the platform ended the answer.
    pub(in crate::platform) async fn next(&mut self) -> Result<Option<Vec<u8>>, PlatformError> {
        loop {
            if let Some(line) = self.ready.pop_front() {
                return Ok(Some(line));
            }
            match timeout(self.silence, self.response.chunk()).await {
                Ok(Ok(Some(bytes))) => self.take(&bytes)?,
                Ok(Ok(None)) => return Ok(None),
                Ok(Err(error)) => return Err(self.error(Failure::CutOff, &super::cause(error))),
                Err(_) => return Err(self.error(Failure::Timeout, "the stream fell silent")),
            }
        }
    }

    pub(in crate::platform) fn error(&self, failure: Failure, said: &str) -> PlatformError {
        PlatformError::new(self.platform, &self.asked, failure, said)
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), PlatformError> {
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            self.rest.extend_from_slice(piece);
            if self.rest.len() > LINE_BYTES_MAX {
                return Err(self.error(Failure::TooLarge, "one line of the stream"));
            }
            if self.rest.last() == Some(&b'\n') {
                self.rest.pop();
                self.ready.push_back(std::mem::take(&mut self.rest));
            }
        }
        Ok(())
    }
}
