//! `--search`: the console's filter language over rows that a command lists.
//!
//! Never: a second language.

use nucleo_matcher::Matcher;

use super::{exit::Failure, person::Person};
use crate::{
    client::{
        Cache, Entry, Fate, Listed, Outbox,
        filter::{Filter, Standing},
        outbox::Seen,
    },
    row::{Grade, Hold},
};

/// A filter with what this home knows about rows beyond their heads.
pub(super) struct Search {
    filter: Filter,
    matcher: Matcher,
    me: String,
    seen: Vec<Seen>,
    entries: Vec<Entry>,
    holds: Vec<Hold>,
    /// Signals and platforms stand in bodies; they are read only where the filter may ask for them.
    bodies: bool,
}

impl Search {
    pub(super) fn new(person: &Person, cache: &Cache, text: &str) -> Result<Self, Failure> {
        let filter = Filter::parse(text).map_err(|error| Failure::usage(error.to_string()))?;
        let file = person.home.outbox_file();
        let outbox = if file.exists() { Some(Outbox::open(&file)?) } else { None };
        let (seen, entries) = match outbox {
            Some(outbox) => (outbox.seen()?, outbox.entries()?),
            None => (Vec::new(), Vec::new()),
        };
        Ok(Self {
            filter,
            matcher: Filter::matcher(),
            me: person.settings.person.as_ref().map(ToString::to_string).unwrap_or_default(),
            seen,
            entries,
            holds: cache.holds()?.into_iter().filter(|hold| hold.lifted.is_none()).collect(),
            bodies: text.contains("unknown") || text.contains("source:"),
        })
    }

    pub(super) fn takes(&mut self, person: &Person, cache: &Cache, head: &Listed) -> Result<bool, Failure> {
        let now = person.now();
        let opened = self.seen.iter().find(|seen| seen.row == head.id);
        let of_row = |ended: fn(&Fate) -> bool| {
            self.entries.iter().any(|entry| entry.row == head.id && !entry.opened && ended(&entry.fate))
        };
        let view = if self.bodies { cache.row(head.id, now)?.map(|cached| cached.view) } else { None };
        let signals = view.iter().flat_map(|view| &view.signals);
        let standing = Standing {
            me: self.me.clone(),
            new: opened.is_none(),
            changed: opened.is_some_and(|seen| seen.revision != head.revision || seen.at < head.changed_at),
            unknown: signals.clone().any(|signal| signal.signal.verdict == Grade::Unknown),
            unsent: head.unsent,
            refused: of_row(|fate| matches!(fate, Fate::Refused { .. })),
            overtaken: of_row(|fate| matches!(fate, Fate::Overtaken { .. })),
            on_hold: self.holds.iter().any(|hold| *hold.subject == *head.subject),
            sources: signals.map(|signal| signal.signal.pointer.platform.clone()).collect(),
        };
        Ok(self.filter.matches(&mut self.matcher, head, &standing, now))
    }
}
