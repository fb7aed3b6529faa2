//! The list in columns: ten thousand rows are listed, filtered and ordered without one JSON text being read.
//!
//! Never: what a decision is checked against; that is the body's, see [`super::Cached`].

use std::{collections::HashSet, sync::Arc};

use jiff::Timestamp;
use rusqlite::{Connection, Row, params, types::Type};
use serde::de::{DeserializeOwned, IntoDeserializer as _};

use crate::{
    client::listed::Listed,
    row::{DecisionId, Digest, How, PrincipalId, RowId, State},
    wire::{BaseHead, RowHead},
};

/// Times are microseconds. `stands`: 0 is undecided, 1 is carried out or hangs in doubt, 2 is over; each has its own
/// index, that of the last holds all that is counted. What is only for programs comes last.
pub(super) const SCHEMA: &str = "
ALTER TABLE head RENAME TO head_of_1;
DROP INDEX head_open;
CREATE TABLE head (id TEXT PRIMARY KEY, stands INTEGER NOT NULL, changed_at INTEGER NOT NULL, fresh_until INTEGER,
    state TEXT NOT NULL, verdict TEXT NOT NULL, risk TEXT NOT NULL, revision INTEGER NOT NULL,
    keys_needed INTEGER NOT NULL, keys_given INTEGER NOT NULL, subject TEXT NOT NULL, environment TEXT NOT NULL,
    title TEXT NOT NULL, word TEXT NOT NULL, agent TEXT NOT NULL, owner TEXT NOT NULL, reviewers TEXT NOT NULL,
    incident TEXT, created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, content_sha256 BLOB NOT NULL,
    base_sha256 BLOB NOT NULL, how TEXT, base_revision TEXT NOT NULL, as_of INTEGER NOT NULL) STRICT;
CREATE INDEX head_stands ON head (stands);
CREATE INDEX head_over ON head (changed_at, id) WHERE stands = 2;
";

/// What became of the keys that were given. A row of before is without until it changes, or is read anew.
pub(super) const KEYS: &str = "
ALTER TABLE head ADD COLUMN second_key_by INTEGER;
ALTER TABLE head ADD COLUMN void TEXT NOT NULL DEFAULT '';
";

/// In the order in which [`Reading`] takes them.
const COLUMNS: &str = "id, changed_at, fresh_until, state, verdict, risk, revision, keys_needed, keys_given, subject, \
    environment, title, word, agent, owner, reviewers, incident, created_at, expires_at, content_sha256, base_sha256, \
    second_key_by, void";
const MORE: &str = "how, base_revision, as_of";

/// What waits, and what is carried out if it changed since `?1`.
pub(super) fn live() -> String {
    format!(
        "SELECT {COLUMNS} FROM head WHERE stands = 0 UNION ALL SELECT {COLUMNS} FROM head WHERE stands = 1 AND changed_at >= ?1"
    )
}

pub(super) fn over() -> String {
    format!("SELECT {COLUMNS} FROM head WHERE stands = 2 AND changed_at >= ?1")
}

pub(super) const COUNTED: &str = "SELECT id, changed_at FROM head WHERE stands = 2 AND changed_at >= ?1";

pub(super) fn all() -> String {
    format!("SELECT {COLUMNS} FROM head WHERE stands = 0 OR changed_at >= ?1")
}

pub(super) fn whole() -> String {
    format!("SELECT {COLUMNS}, {MORE} FROM head WHERE stands = 0 OR changed_at >= ?1")
}

pub(super) fn one() -> String {
    format!("SELECT {COLUMNS} FROM head WHERE id = ?1")
}

fn stands(state: State) -> i64 {
    match () {
        () if state.undecided() => 0,
        () if state.over() => 2,
        () => 1,
    }
}

pub(super) fn put(db: &Connection, head: &RowHead, fresh_until: Option<i64>) -> rusqlite::Result<()> {
    let marks = vec!["?"; COLUMNS.split(',').count() + MORE.split(',').count() + 1].join(", ");
    let sql = format!("INSERT OR REPLACE INTO head (stands, {COLUMNS}, {MORE}) VALUES ({marks})");
    let void: Vec<&str> = head.void.iter().map(DecisionId::as_str).collect();
    let reviewers: Vec<&str> = head.reviewers.iter().map(PrincipalId::as_str).collect();
    db.prepare_cached(&sql)?
        .execute(params![
            stands(head.state),
            head.id.to_string(),
            head.changed_at.as_microsecond(),
            fresh_until,
            head.state.word(),
            head.verdict.word(),
            head.risk.word(),
            head.revision,
            head.keys_needed,
            head.keys_given,
            head.subject,
            head.environment,
            head.title,
            head.word,
            head.agent.as_str(),
            head.owner.as_str(),
            reviewers.join(","),
            head.incident,
            head.created_at.as_microsecond(),
            head.expires_at.as_microsecond(),
            head.content_sha256.0,
            head.base.sha256.0,
            head.second_key_by.map(Timestamp::as_microsecond),
            void.join(","),
            head.how.map(How::word),
            head.base.revision,
            head.as_of.as_microsecond()
        ])
        .map(drop)
}

/// Fills the columns from a cache of the first format, once; true where there was one.
pub(super) fn take_over(db: &mut Connection) -> rusqlite::Result<bool> {
    let is_there = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'head_of_1')";
    if !db.query_row(is_there, [], |row| row.get::<_, bool>(0))? {
        return Ok(false);
    }
    let change = db.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    if change.query_row(is_there, [], |row| row.get::<_, bool>(0))? {
        let mut old = change.prepare("SELECT head, fresh_until FROM head_of_1")?;
        let mut rows = old.query([])?;
        while let Some(row) = rows.next()? {
            let head: RowHead = serde_json::from_str(text(row, 0)?).map_err(|error| damaged(0, error))?;
            let fresh_until: Option<i64> = row.get(1)?;
            put(&change, &head, fresh_until.map(|until| until.saturating_mul(1_000)))?;
        }
        drop(rows);
        drop(old);
        change.execute_batch("DROP TABLE head_of_1")?;
    }
    change.commit()?;
    Ok(true)
}

/// Reads many rows and keeps once what they share.
pub(super) struct Reading {
    /// Microseconds.
    now: i64,
    texts: HashSet<Arc<str>>,
    people: HashSet<PrincipalId>,
    /// The last reviewers, as written: neighbours often have the same.
    reviewers: (String, Arc<[PrincipalId]>),
}

impl Reading {
    pub(super) fn at(now: Timestamp) -> Self {
        Self {
            now: now.as_microsecond(),
            texts: HashSet::new(),
            people: HashSet::new(),
            reviewers: (String::new(), Arc::from([])),
        }
    }

    pub(super) fn listed(&mut self, row: &Row<'_>) -> rusqlite::Result<Listed> {
        let fresh_until: Option<i64> = row.get(2)?;
        Ok(Listed {
            id: id(row)?,
            changed_at: time(row, 1)?,
            stale: fresh_until.is_some_and(|until| until < self.now),
            state: word(row, 3)?,
            verdict: word(row, 4)?,
            risk: word(row, 5)?,
            revision: row.get(6)?,
            keys_needed: row.get(7)?,
            keys_given: row.get(8)?,
            subject: self.shared(text(row, 9)?),
            environment: self.shared(text(row, 10)?),
            title: text(row, 11)?.into(),
            word: text(row, 12)?.into(),
            agent: self.person(row, 13)?,
            owner: self.person(row, 14)?,
            reviewers: self.reviewers(row, 15)?,
            incident: optional(row, 16)?.map(|text| self.shared(text)),
            created_at: time(row, 17)?,
            expires_at: time(row, 18)?,
            content_sha256: Digest(row.get(19)?),
            base_sha256: Digest(row.get(20)?),
            second_key_by: row.get::<_, Option<i64>>(21)?.map(|_| time(row, 21)).transpose()?,
            void: void(row, 22)?,
            unsent: false,
        })
    }

    /// A line with what only programs read. `as_of` is when the whole cache was last known to be true.
    pub(super) fn head(&mut self, row: &Row<'_>, as_of: Option<Timestamp>) -> rusqlite::Result<RowHead> {
        let listed = self.listed(row)?;
        let own = time(row, 25)?;
        let how = match optional(row, 23)? {
            Some(_) => Some(word(row, 23)?),
            None => None,
        };
        Ok(RowHead {
            id: listed.id,
            kind: listed.id.kind,
            subject: listed.subject.to_string(),
            environment: listed.environment.to_string(),
            title: listed.title.into(),
            state: listed.state,
            how,
            verdict: listed.verdict,
            risk: listed.risk,
            revision: listed.revision,
            word: listed.word.into(),
            content_sha256: listed.content_sha256,
            base: BaseHead { revision: text(row, 24)?.to_owned(), sha256: listed.base_sha256 },
            agent: listed.agent,
            owner: listed.owner,
            reviewers: listed.reviewers.to_vec(),
            keys_needed: listed.keys_needed,
            keys_given: listed.keys_given,
            second_key_by: listed.second_key_by,
            void: listed.void.into_vec(),
            incident: listed.incident.map(|incident| incident.to_string()),
            created_at: listed.created_at,
            changed_at: listed.changed_at,
            expires_at: listed.expires_at,
            as_of: as_of.map_or(own, |as_of| as_of.max(own)),
            stale: listed.stale,
            unsent: false,
        })
    }

    fn shared(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.texts.get(text) {
            return Arc::clone(known);
        }
        let new: Arc<str> = text.into();
        self.texts.insert(Arc::clone(&new));
        new
    }

    fn person(&mut self, row: &Row<'_>, at: usize) -> rusqlite::Result<PrincipalId> {
        self.name(text(row, at)?).map_err(|error| damaged(at, error))
    }

    fn name(&mut self, text: &str) -> Result<PrincipalId, crate::row::principal::NotAName> {
        if let Some(known) = self.people.get(text) {
            return Ok(known.clone());
        }
        let new: PrincipalId = text.parse()?;
        self.people.insert(new.clone());
        Ok(new)
    }

    fn reviewers(&mut self, row: &Row<'_>, at: usize) -> rusqlite::Result<Arc<[PrincipalId]>> {
        let written = text(row, at)?;
        if written != self.reviewers.0 {
            let names = written.split(',').filter(|name| !name.is_empty()).map(|name| self.name(name));
            let names = names.collect::<Result<Arc<[_]>, _>>().map_err(|error| damaged(at, error))?;
            self.reviewers = (written.to_owned(), names);
        }
        Ok(Arc::clone(&self.reviewers.1))
    }
}

pub(super) fn counted(row: &Row<'_>) -> rusqlite::Result<(RowId, Timestamp)> {
    Ok((id(row)?, time(row, 1)?))
}

fn id(row: &Row<'_>) -> rusqlite::Result<RowId> {
    text(row, 0)?.parse().map_err(|error| damaged::<crate::row::id::NotAnId>(0, error))
}

fn void(row: &Row<'_>, at: usize) -> rusqlite::Result<Box<[DecisionId]>> {
    let ids = text(row, at)?.split(',').filter(|id| !id.is_empty());
    ids.map(|id| id.parse().map_err(|error| damaged::<crate::row::decision::NotADecisionId>(at, error)))
        .collect()
}

fn text<'a>(row: &'a Row<'_>, at: usize) -> rusqlite::Result<&'a str> {
    row.get_ref(at)?.as_str().map_err(|error| damaged(at, error))
}

fn optional<'a>(row: &'a Row<'_>, at: usize) -> rusqlite::Result<Option<&'a str>> {
    row.get_ref(at)?.as_str_or_null().map_err(|error| damaged(at, error))
}

/// One of a closed list of words, as in JSON.
fn word<T: DeserializeOwned>(row: &Row<'_>, at: usize) -> rusqlite::Result<T> {
    let word: serde::de::value::StrDeserializer<'_, serde::de::value::Error> =
        text(row, at)?.into_deserializer();
    T::deserialize(word).map_err(|error| damaged(at, error))
}

fn time(row: &Row<'_>, at: usize) -> rusqlite::Result<Timestamp> {
    Timestamp::from_microsecond(row.get(at)?).map_err(|error| damaged(at, error))
}

/// What stands in a column is nothing that was ever written there.
fn damaged<E: std::error::Error + Send + Sync + 'static>(at: usize, error: E) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(at, Type::Text, Box::new(error))
}
