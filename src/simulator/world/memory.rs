//! The world on disk, so that a demo goes on where it stopped.
//!
//! Never: a half-written file.

use std::path::PathBuf;

use super::State;
use crate::simulator::SimulatorError;

pub(super) fn load(file: &PathBuf) -> Result<State, SimulatorError> {
    let name = || file.display().to_string();
    let text = std::fs::read(file).map_err(|error| SimulatorError::Memory(name(), error.to_string()))?;
    serde_json::from_slice(&text).map_err(|error| SimulatorError::Memory(name(), error.to_string()))
}

/// Replaces the file whole; a demo that cannot write goes on without memory, and says so.
pub(super) fn save(file: &PathBuf, state: &State) {
    let next = file.with_extension("next");
    let written = serde_json::to_vec(state)
        .map_err(std::io::Error::other)
        .and_then(|bytes| std::fs::write(&next, bytes))
        .and_then(|()| std::fs::rename(&next, file));
    if let Err(error) = written {
        tracing::warn!(file = %file.display(), %error, "the platforms' state was not kept");
    }
}
