//! What stands in the bodies: the backend is asked for the filter's words, and what it finds joins the list.
//!
//! Heads are filtered at once, by every letter; the backend is asked when the typing rests. An answer to an older question
//! is dropped.
//! Never: a line moved that the reader looks at; silence where the backend could not be asked.

use std::collections::BTreeMap;

use crate::client::Listed;
use crate::row::RowId;
use crate::row::search::{Match, Query};
use crate::wire::RowFound;

/// The typing rests this long before the backend is asked.
pub const ASK_AFTER_MS: u64 = 300;
/// Rows of one answer.
pub const ROWS_MAX: usize = 50;

/// What was asked, and what came.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Empty where the filter has no words.
    query: Query,
    /// When it is to be asked.
    pub due_ms: Option<u64>,
    /// Counts questions: tells late answers.
    number: u64,
    state: State,
    /// Best first.
    rows: Vec<RowId>,
    heads: BTreeMap<RowId, Listed>,
    matches: BTreeMap<RowId, Vec<Match>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum State {
    /// Nothing is asked.
    #[default]
    Idle,
    Asked,
    Came,
    Away,
    Failed(String),
}

impl Found {
    /// The filter is another one. `query` is what a backend is asked of it.
    pub fn turn_to(&mut self, query: Query, now_ms: u64) {
        let query = if query.texts().next().is_some() { query } else { Query::default() };
        if query == self.query {
            return;
        }
        let number = self.number + 1;
        *self = Self { query, number, ..Self::default() };
        if !self.query.is_empty() {
            self.due_ms = Some(now_ms + ASK_AFTER_MS);
            self.state = State::Asked;
        }
    }

    /// The question, when its time has come: its number and what is asked.
    pub fn ask(&mut self, now_ms: u64, away: bool) -> Option<(u64, Query)> {
        self.due_ms.filter(|due| *due <= now_ms)?;
        self.due_ms = None;
        if away {
            self.state = State::Away;
            return None;
        }
        Some((self.number, self.query.clone()))
    }

    /// The backend is back: what could not be asked is asked.
    pub fn back(&mut self, now_ms: u64) {
        if matches!(self.state, State::Away | State::Failed(_)) {
            (self.state, self.due_ms) = (State::Asked, Some(now_ms));
        }
    }

    /// True where it was the answer that is waited for.
    pub fn take(&mut self, number: u64, found: Result<Vec<RowFound>, String>) -> bool {
        if number != self.number {
            return false;
        }
        match found {
            Ok(rows) => {
                self.state = State::Came;
                for RowFound { head, matches } in rows {
                    self.rows.push(head.id);
                    self.heads.insert(head.id, Listed::from(&head));
                    self.matches.insert(head.id, matches);
                }
            }
            Err(why) => self.state = State::Failed(why),
        }
        true
    }

    /// Best first.
    pub fn rows(&self) -> &[RowId] {
        &self.rows
    }

    pub fn has(&self, row: RowId) -> bool {
        self.heads.contains_key(&row)
    }

    pub fn head(&self, row: RowId) -> Option<&Listed> {
        self.heads.get(&row)
    }

    /// The line that shows best why the row was found, where title and subject do not show it already.
    pub fn shows(&self, row: RowId) -> Option<&Match> {
        let lines = self.matches.get(&row)?;
        lines.iter().find(|line| !["title", "about"].contains(&line.field.as_str()))
    }

    /// What stands over the rows that the backend found, and how far it was asked. `rows`: so many stand below.
    pub fn title(&self, rows: usize) -> Option<String> {
        let said = match &self.state {
            State::Idle => return None,
            State::Asked => ": asking the backend".to_owned(),
            State::Came if rows == 0 => ": nothing more".to_owned(),
            State::Came => ", BEST FIRST".to_owned(),
            State::Away => ": offline, not asked".to_owned(),
            State::Failed(why) => format!(": UNKNOWN, {}", why.lines().next().unwrap_or_default()),
        };
        Some(format!("IN THE RECORD{said}"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::effect::{Answer, Effect, Link, LinkState};
    use super::super::queue::Line;
    use super::super::sample::{Desk, id, now};
    use super::*;
    use crate::row::{Kind, State as RowState};

    fn asked(desk: &Desk) -> Vec<(u64, String)> {
        let find = |effect: &Effect| match effect {
            Effect::Find { number, query } => Some((*number, query.to_string())),
            _ => None,
        };
        desk.effects.iter().filter_map(find).collect()
    }

    /// A row of last winter that only the backend has, found in a note, and one that is in the list.
    fn found(desk: &Desk) -> Vec<RowFound> {
        let old = now() - jiff::SignedDuration::from_hours(24 * 180);
        let mut head = desk.cache[0].head.clone();
        (head.id, head.kind, head.state) = (id("rb-8821"), Kind::Runbook, RowState::Healthy);
        (head.title, head.changed_at) = ("Add step before failover".into(), old);
        let line =
            |field: &str, text: &str| Match { field: field.into(), text: text.into(), marks: vec![(4, 9)] };
        let listed = desk.cache[1].head.clone();
        vec![
            RowFound {
                head,
                matches: vec![line("title", "Add step"), line("note", "the redis replica lagged")],
            },
            RowFound { head: listed, matches: vec![line("rationale", "the redis client is bumped")] },
        ]
    }

    #[test]
    fn words_ask_the_backend_once_the_typing_rests_and_what_it_finds_joins_the_list() {
        let mut desk = Desk::new(100, 40);
        desk.keys("/");
        desk.at_once("\"redis\"");
        assert_eq!(asked(&desk), [], "not by every letter");
        desk.wait(ASK_AFTER_MS);
        assert_eq!(asked(&desk).last().map(|(_, query)| query.as_str()), Some("redis"));
        assert_eq!(asked(&desk).len(), 1);
        assert!(desk.screen().contains("IN THE RECORD: asking the backend"), "{}", desk.screen());
        let (number, _) = asked(&desk)[0];
        let rows = found(&desk);
        desk.answer(Answer::Found { number: number - 1, found: Ok(rows.clone()) });
        assert!(!desk.screen().contains("rb-8821"), "a late answer is dropped");
        desk.answer(Answer::Found { number, found: Ok(rows) });
        desk.keys("Enter");
        let screen = desk.screen();
        assert!(screen.contains("IN THE RECORD, BEST FIRST") && screen.contains("rb-8821"), "{screen}");
        assert!(screen.contains("sync-8821"), "in its own group: {screen}");
        let lines = &desk.model.queue.lines;
        let of = |row: &str| lines.iter().filter(|line| **line == Line::Row(id(row))).count();
        assert_eq!((of("rb-8821"), of("sync-8821")), (1, 1));
        desk.keys("G");
        assert_eq!(desk.model.queue.row(), Some(id("rb-8821")));
        assert!(desk.screen().contains("found in note: the redis replica lagged"), "{}", desk.screen());
        desk.model.size = (120, 40);
        desk.flush();
        assert!(desk.screen().contains("found in note: the redis"), "below the list: {}", desk.screen());
        desk.keys("Esc");
        assert!(!desk.screen().contains("IN THE RECORD"), "{}", desk.screen());
    }

    #[test]
    fn offline_says_so_and_the_backend_is_asked_when_it_is_back() {
        let mut desk = Desk::new(100, 40);
        desk.answer(Answer::Link(Link { state: LinkState::Offline { since: now() }, ..Link::default() }));
        desk.keys("/ \"redis\" Enter");
        desk.wait(ASK_AFTER_MS);
        assert!(desk.screen().contains("offline, not asked"), "{}", desk.screen());
        assert_eq!(asked(&desk), []);
        desk.answer(Answer::Link(Link {
            state: LinkState::Synced,
            synced_at: Some(now()),
            ..Link::default()
        }));
        desk.wait(1);
        let (number, _) = asked(&desk)[0];
        desk.answer(Answer::Found { number, found: Err("it is too busy".into()) });
        assert!(desk.screen().contains("UNKNOWN, it is too busy"), "{}", desk.screen());
    }

    #[test]
    fn keys_alone_ask_nobody() {
        let mut desk = Desk::new(120, 40);
        desk.keys("/");
        desk.at_once("\"env:prod is:new\" Enter");
        desk.wait(2 * ASK_AFTER_MS);
        assert_eq!(asked(&desk), []);
        assert!(!desk.screen().contains("IN THE RECORD"), "{}", desk.screen());
    }
}
