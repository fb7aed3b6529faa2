//! A write of several calls: which of them were made, as far as whoever sends them knows it beside the page.
//!
//! Never: a call counted as made before the platform took it or the page shows it.

use super::plan::{Published, Shown};
use crate::row::{Reading, page::notion::steps::Trace};

/// What is known of the calls of a write of several, beside what its page shows.
pub(super) struct Calls {
    /// So many were made: seen on the page, or taken by the platform.
    made: usize,
    /// So many may have been sent; all, after a crash.
    pub(super) sent: usize,
    /// The one that was sent and is not seen yet, by its number from 0.
    awaited: Option<usize>,
    /// What stands on the page of it, in words, once something does.
    pub(super) part: Option<String>,
    /// With what the call before was sent.
    pub(super) reading: Option<Box<Reading>>,
}

impl Calls {
    /// Before the first.
    pub(super) fn none() -> Self {
        Self { sent: 0, ..Self::unknown() }
    }

    /// Somebody else was at it until now.
    pub(super) fn unknown() -> Self {
        Self { made: 0, sent: usize::MAX, awaited: None, part: None, reading: None }
    }

    /// Takes in what the page shows. True where the awaited call is there now.
    pub(super) fn look(&mut self, shown: &mut Shown) -> bool {
        let Shown::Published(Published { edit: Some(edit), page, .. }) = shown else { return false };
        if edit.reviewed {
            self.made = edit.done();
        } else {
            edit.narrow(self.made, self.sent);
        }
        let there = self.awaited.filter(|at| edit.traces.get(*at) == Some(&Trace::There));
        if let Some(at) = there {
            (self.awaited, self.made) = (None, self.made.max(at + 1));
            self.sent = self.made;
        }
        self.part = (!edit.none()).then(|| edit.words());
        match (&mut self.reading, page.take()) {
            (Some(reading), Some(page)) if there.is_some() && page.closed.is_none() => {
                if let Reading::Page(reading) = reading.as_mut() {
                    reading.page = *page;
                }
            }
            _ => self.reading = None,
        }
        there.is_some()
    }

    /// The next one was sent, on this; and taken.
    pub(super) fn sent(&mut self, reading: Box<Reading>, taken: bool) {
        self.awaited = Some(self.made);
        self.sent = self.made + 1;
        self.made += usize::from(taken);
        self.reading = Some(reading);
    }
}
