//! The one clock. Everything that asks for the time asks here, or is handed what was read here.
//!
//! Never: read in a pure module; those take `now` as an argument.

use std::{path::PathBuf, sync::Arc};

use jiff::{SignedDuration, Timestamp};

/// The machine's clock, with an offset that a file may name: the demo and the tests move time by it.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    offset_file: Option<Arc<PathBuf>>,
}

impl Clock {
    /// The machine's own time.
    pub fn system() -> Self {
        Self::default()
    }

    /// The machine's time plus the seconds (a decimal number, may be negative) that stand in `file` at each reading.
    /// A missing or unreadable file is no offset.
    pub fn with_offset_file(file: PathBuf) -> Self {
        Self { offset_file: Some(Arc::new(file)) }
    }

    /// Now, to the millisecond.
    pub fn now(&self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "this is the one clock")]
        let machine = Timestamp::now();
        let moved = machine.saturating_add(self.offset()).unwrap_or(machine);
        Timestamp::from_millisecond(moved.as_millisecond()).unwrap_or(moved)
    }

    fn offset(&self) -> SignedDuration {
        let read = self.offset_file.as_ref().and_then(|file| std::fs::read_to_string(file.as_path()).ok());
        let seconds = read.and_then(|text| text.trim().parse::<f64>().ok()).unwrap_or(0.0);
        SignedDuration::try_from_secs_f64(seconds).unwrap_or(SignedDuration::ZERO)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_moves_time() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("clock");
        let clock = Clock::with_offset_file(file.clone());
        let before = clock.now();
        std::fs::write(&file, "1800\n").unwrap();
        assert!(clock.now().duration_since(before) >= SignedDuration::from_mins(30));
        std::fs::write(&file, "not a number").unwrap();
        assert!(clock.now().duration_since(before) < SignedDuration::from_mins(1));
    }
}
