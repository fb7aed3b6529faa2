//! `--search`: the console's filter language over rows that a command lists, and over what stands in them.
//!
//! The backend looks through all bodies there ever were; without it, those that are kept here, and that is said.
//! Never: a second language.

use jiff::Timestamp;
use nucleo_matcher::Matcher;

use super::{exit::Failure, person::Person};
use crate::{
    client::{
        Api, Cache, Entry, Fate, Listed, Outbox, bodies,
        filter::{Filter, Standing},
        outbox::Seen,
    },
    row::{
        Grade, Hold, RowId,
        search::{Key, Match, Query, Test},
    },
    wire::RowFound,
};

const QUOTES: &str = "a shell takes quotation marks for itself: --search '\"redis replica\" who:priya'";
/// Pages of the backend's that are read for one search.
const PAGES_MAX: usize = 5;

/// A filter with what this home knows about rows beyond their heads.
pub(super) struct Search {
    filter: Filter,
    /// What of it a backend cannot tell.
    own: Filter,
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
        if let Some(open) = filter.query().unclosed() {
            return Err(Failure::usage(format!("the quotation is not closed: \"{open}\nhint: {QUOTES}")));
        }
        let file = person.home.outbox_file();
        let outbox = if file.exists() { Some(Outbox::open(&file)?) } else { None };
        let (seen, entries) = match outbox {
            Some(outbox) => (outbox.seen()?, outbox.entries()?),
            None => (Vec::new(), Vec::new()),
        };
        Ok(Self {
            own: filter.of_this_reader(),
            filter,
            matcher: Filter::matcher(),
            me: person.settings.person.as_ref().map(ToString::to_string).unwrap_or_default(),
            seen,
            entries,
            holds: cache.holds()?.into_iter().filter(|hold| hold.lifted.is_none()).collect(),
            bodies: text.contains("unknown") || text.contains("source:"),
        })
    }

    pub(super) fn query(&self) -> &Query {
        self.filter.query()
    }

    /// What the backend is asked, where it may know more than a list does.
    pub(super) fn of_bodies(&self, older: bool) -> Option<Query> {
        let query = self.query().for_backend(&self.me);
        let richer = |test: &Test| {
            let keys = [Key::Who, Key::Page, Key::Source, Key::Service, Key::App];
            matches!(test, Test::Text(_)) || matches!(test, Test::Key(key, _) if keys.contains(key))
        };
        let asks = !query.is_empty() && (older || query.terms.iter().any(|term| richer(&term.test)));
        asks.then_some(query)
    }

    /// The row's head passes.
    pub(super) fn takes(&mut self, person: &Person, cache: &Cache, head: &Listed) -> Result<bool, Failure> {
        let standing = self.standing(person, cache, head)?;
        Ok(self.filter.matches(&mut self.matcher, head, &standing, person.now()))
    }

    /// A row whose body was found passes what only this reader can tell.
    pub(super) fn keeps(&mut self, person: &Person, cache: &Cache, head: &Listed) -> Result<bool, Failure> {
        if self.own.is_empty() {
            return Ok(true);
        }
        let standing = self.standing(person, cache, head)?;
        Ok(self.own.matches(&mut self.matcher, head, &standing, person.now()))
    }

    fn standing(&self, person: &Person, cache: &Cache, head: &Listed) -> Result<Standing, Failure> {
        let opened = self.seen.iter().find(|seen| seen.row == head.id);
        let of_row = |ended: fn(&Fate) -> bool| {
            self.entries.iter().any(|entry| entry.row == head.id && !entry.opened && ended(&entry.fate))
        };
        let view =
            if self.bodies { cache.row(head.id, person.now())?.map(|cached| cached.view) } else { None };
        let signals = view.iter().flat_map(|view| &view.signals);
        Ok(Standing {
            me: self.me.clone(),
            new: opened.is_none(),
            changed: opened.is_some_and(|seen| seen.revision != head.revision || seen.at < head.changed_at),
            unknown: signals.clone().any(|signal| signal.signal.verdict == Grade::Unknown),
            unsent: head.unsent,
            refused: of_row(|fate| matches!(fate, Fate::Refused { .. })),
            overtaken: of_row(|fate| matches!(fate, Fate::Overtaken { .. })),
            on_hold: self.holds.iter().any(|hold| *hold.subject == *head.subject),
            sources: signals.map(|signal| signal.signal.pointer.platform.clone()).collect(),
        })
    }
}

/// All that the backend finds, best first, up to a bound.
pub(super) async fn in_backend(
    api: &Api,
    query: &Query,
    more: &[(&str, String)],
) -> Result<Vec<RowFound>, Failure> {
    let (mut rows, mut cursor) = (Vec::new(), None);
    for _ in 0..PAGES_MAX {
        let page = api.find(query, more, cursor.as_deref()).await?;
        rows.extend(page.rows);
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    Ok(rows)
}

/// The same over what is kept here.
pub(super) fn in_cache(
    cache: &Cache,
    query: &Query,
    since: Timestamp,
    now: Timestamp,
) -> Result<Vec<(RowId, Vec<Match>)>, Failure> {
    Ok(bodies::find(cache, query, since, now)?)
}
