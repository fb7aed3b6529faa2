//! `cache.db`: what the server last said, for reading and deciding without it. It may be deleted at any time.
//!
//! List columns ([`columns`]) lie apart from bodies, bodies apart from differences, so that a queue of ten thousand rows
//! opens without reading one of them. Blobs stay below a cap; a row without its blob can be read, not decided.
//! Never: believed. Whoever draws a row recomputes its digests ([`Cached::undecidable`]).

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    database::{Schema, StoreError, store_error},
    listed::{List, Listed},
};
use crate::{
    row::{Digest, Hold, PrincipalId, RowId},
    wire::{Halted, Position, RowHead, RowView, Snapshot, Untold},
};

mod columns;

const SCHEMA: Schema = Schema {
    application_id: 0x446f_6361,
    synchronous: "normal",
    steps: &["
CREATE TABLE head (id TEXT PRIMARY KEY, undecided INTEGER NOT NULL, changed_at INTEGER NOT NULL,
    fresh_until INTEGER, revision INTEGER NOT NULL, head TEXT NOT NULL) STRICT;
CREATE INDEX head_open ON head (undecided, changed_at);
CREATE TABLE body (id TEXT NOT NULL, revision INTEGER NOT NULL, diff TEXT NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (id, revision)) STRICT, WITHOUT ROWID;
CREATE TABLE blob (sha256 TEXT PRIMARY KEY, bytes BLOB NOT NULL, size INTEGER NOT NULL, used INTEGER NOT NULL) STRICT;
CREATE INDEX blob_used ON blob (used);
CREATE TABLE fact (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
",
        columns::SCHEMA,
        columns::KEYS],
};

/// Rows that changed within this time are listed although they are decided.
pub const RECENT: SignedDuration = SignedDuration::from_hours(24);
/// Decided rows that changed longer ago than this leave the cache.
const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

pub struct Cache {
    db: Connection,
    file: PathBuf,
}

/// A row as it is cached, and why it cannot be decided from here, where it cannot.
#[derive(Debug, Clone, PartialEq)]
pub struct Cached {
    pub view: RowView,
    pub undecidable: Option<String>,
}

impl Cached {
    /// Recomputes everything from what will be drawn.
    pub fn of(view: RowView) -> Self {
        let undecidable = view.mismatch().map(|what| {
            format!(
                "{}: the {what} digest does not match what is shown; it cannot be decided from here",
                view.head.id
            )
        });
        Self { view, undecidable }
    }
}

/// What the whole cache is true at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AsOf {
    pub position: Position,
    /// The server's clock.
    pub as_of: Timestamp,
    pub halts: Halts,
    pub untold: Vec<Untold>,
    pub org: String,
}

/// What stands still at once, over everything or over single agents.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Halts {
    pub all: Option<Halted>,
    pub agents: BTreeMap<PrincipalId, Halted>,
}

impl Halts {
    /// What keeps an approval of this agent's rows from being executed.
    pub fn over(&self, agent: &PrincipalId) -> Option<&Halted> {
        self.all.as_ref().or_else(|| self.agents.get(agent))
    }

    /// `HALTED by jordan (wrong drafts): nothing of argus is executed before that ends`
    pub fn sentence(&self, agent: &PrincipalId) -> Option<String> {
        let halted = self.over(agent)?;
        let what = if self.all.is_some() { "nothing".to_owned() } else { format!("nothing of {agent}") };
        Some(format!("HALTED by {} ({}): {what} is executed before that ends", halted.by, halted.note))
    }
}

impl Cache {
    /// Opens the file. A damaged one is made anew, and the second value says so; a newer one is refused.
    pub fn open(file: &Path) -> Result<(Self, Option<String>), StoreError> {
        let opened = SCHEMA.open(file).and_then(|mut db| {
            let read = db.query_row("SELECT count(*) FROM fact", [], |_| Ok(()));
            read.map_err(|error| store_error(file, &error))?;
            columns::take_over(&mut db).map_err(|error| damage(file, &error))?;
            Ok(Self { db, file: file.to_owned() })
        });
        match opened {
            Ok(cache) => Ok((cache, None)),
            Err(StoreError::Corrupt { why, .. }) => {
                let cache = Self::renew(file)?;
                Ok((
                    cache,
                    Some(format!("the cache was damaged ({why}) and is made anew; `dock sync` fills it")),
                ))
            }
            Err(error) => Err(error),
        }
    }

    /// For reading alone; nothing is made. `None` where there is no cache yet.
    pub fn open_if_there(file: &Path) -> Result<Option<(Self, Option<String>)>, StoreError> {
        if file.exists() { Self::open(file).map(Some) } else { Ok(None) }
    }

    /// Deletes what is there: a cache holds nothing of its own.
    fn renew(file: &Path) -> Result<Self, StoreError> {
        remove(file)?;
        Ok(Self { db: SCHEMA.open(file)?, file: file.to_owned() })
    }

    /// Takes everything that a snapshot says in place of what was here.
    pub fn replace(&mut self, snapshot: &Snapshot, bytes_max: u64, now: Timestamp) -> Result<(), StoreError> {
        self.take(snapshot, true, bytes_max, now)
    }

    /// Adds what changed.
    pub fn merge(&mut self, snapshot: &Snapshot, bytes_max: u64, now: Timestamp) -> Result<(), StoreError> {
        self.take(snapshot, false, bytes_max, now)
    }

    fn take(
        &mut self,
        snapshot: &Snapshot,
        whole: bool,
        bytes_max: u64,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let file = self.file.clone();
        let mut run = || -> rusqlite::Result<()> {
            let change = self.db.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
            if whole {
                change.execute_batch("DELETE FROM head; DELETE FROM body")?;
            }
            for view in &snapshot.rows {
                put_view(&change, view, now)?;
            }
            let facts = [
                ("position", json(&snapshot.position)?),
                ("as_of", json(&snapshot.as_of)?),
                ("halted", json(&snapshot.halted)?),
                ("halted_agents", json(&snapshot.halted_agents)?),
                ("untold", json(&snapshot.untold)?),
                ("holds", json(&snapshot.holds)?),
                ("org", json(&snapshot.org)?),
            ];
            for (name, value) in facts {
                change.execute("INSERT OR REPLACE INTO fact VALUES (?1, ?2)", params![name, value])?;
            }
            forget(&change, bytes_max, now)?;
            change.commit()
        };
        run().map_err(|error| store_error(&file, &error))
    }

    /// One row that was read by itself.
    pub fn put(&mut self, view: &RowView, now: Timestamp) -> Result<(), StoreError> {
        let file = self.file.clone();
        let mut run = || -> rusqlite::Result<()> {
            let change = self.db.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
            put_view(&change, view, now)?;
            change.commit()
        };
        run().map_err(|error| store_error(&file, &error))
    }

    /// What all of this is true at; `None` before the first sync.
    pub fn as_of(&self) -> Result<Option<AsOf>, StoreError> {
        let (Some(position), Some(as_of), Some(org)) =
            (self.fact("position")?, self.fact("as_of")?, self.fact("org")?)
        else {
            return Ok(None);
        };
        let agents = self.fact("halted_agents")?.unwrap_or_default();
        let halts = Halts { all: self.fact("halted")?.flatten(), agents };
        let untold = self.fact("untold")?.unwrap_or_default();
        Ok(Some(AsOf { position, as_of, halts, untold, org }))
    }

    pub fn holds(&self) -> Result<Vec<Hold>, StoreError> {
        Ok(self.fact("holds")?.unwrap_or_default())
    }

    /// Something remembered with the cache (who one is, as the server says).
    pub fn fact<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, StoreError> {
        let sql = "SELECT value FROM fact WHERE name = ?1";
        let text: Option<String> = self.ask(|db| db.query_row(sql, [name], |row| row.get(0)).optional())?;
        text.map(|text| self.parse(name, &text)).transpose()
    }

    pub fn keep_fact(&self, name: &str, value: &impl Serialize) -> Result<(), StoreError> {
        self.ask(|db| {
            db.execute("INSERT OR REPLACE INTO fact VALUES (?1, ?2)", params![name, json(value)?]).map(drop)
        })
    }

    /// What the queue shows at first: the rows that wait or are carried out, and what is over since `since`, to be counted.
    pub fn list(&self, since: Timestamp, now: Timestamp) -> Result<List, StoreError> {
        let rows = self.lines(&columns::live(), since, now)?;
        let over = self.ask(|db| {
            let mut statement = db.prepare_cached(columns::COUNTED)?;
            statement.query_map([since.as_microsecond()], columns::counted)?.collect()
        })?;
        Ok(List { rows, over })
    }

    /// What is over since `since`.
    pub fn over(&self, since: Timestamp, now: Timestamp) -> Result<Vec<Listed>, StoreError> {
        self.lines(&columns::over(), since, now)
    }

    /// The rows that are undecided or changed since `since`, in no order that means anything.
    pub fn all(&self, since: Timestamp, now: Timestamp) -> Result<Vec<Listed>, StoreError> {
        self.lines(&columns::all(), since, now)
    }

    fn lines(&self, sql: &str, since: Timestamp, now: Timestamp) -> Result<Vec<Listed>, StoreError> {
        let mut reading = columns::Reading::at(now);
        self.ask(|db| {
            let mut statement = db.prepare_cached(sql)?;
            statement.query_map([since.as_microsecond()], |row| reading.listed(row))?.collect()
        })
    }

    /// The same rows as [`Self::all`], with what only programs read.
    pub fn heads(&self, since: Timestamp, now: Timestamp) -> Result<Vec<RowHead>, StoreError> {
        let as_of: Option<Timestamp> = self.fact("as_of")?;
        let mut reading = columns::Reading::at(now);
        self.ask(|db| {
            let mut statement = db.prepare_cached(&columns::whole())?;
            statement.query_map([since.as_microsecond()], |row| reading.head(row, as_of))?.collect()
        })
    }

    /// One line of the list.
    pub fn listed(&self, id: RowId, now: Timestamp) -> Result<Option<Listed>, StoreError> {
        let mut reading = columns::Reading::at(now);
        self.ask(|db| {
            let mut statement = db.prepare_cached(&columns::one())?;
            statement.query_row([id.to_string()], |row| reading.listed(row)).optional()
        })
    }

    /// All ids that are cached, for prefixes.
    pub fn ids(&self) -> Result<Vec<RowId>, StoreError> {
        let texts: Vec<String> = self.ask(|db| {
            db.prepare_cached("SELECT id FROM head ORDER BY id")?.query_map([], |row| row.get(0))?.collect()
        })?;
        Ok(texts.iter().filter_map(|text| text.parse().ok()).collect())
    }

    /// One row whole, as far as it is here, checked.
    pub fn row(&self, id: RowId, now: Timestamp) -> Result<Option<Cached>, StoreError> {
        let sql = "SELECT body.body, body.diff FROM body JOIN head ON head.id = body.id AND head.revision = body.revision
                   WHERE body.id = ?1";
        self.cached(sql, params![id.to_string()], now)
    }

    /// An earlier revision, as this reader saw it.
    pub fn revision(&self, id: RowId, revision: u32, now: Timestamp) -> Result<Option<Cached>, StoreError> {
        let sql = "SELECT body, diff FROM body WHERE id = ?1 AND revision = ?2";
        self.cached(sql, params![id.to_string(), revision], now)
    }

    /// A row's body as it is kept, for searching alone: nothing is recomputed, and nothing may be decided on it.
    pub fn unchecked(&self, id: RowId, now: Timestamp) -> Result<Option<RowView>, StoreError> {
        let sql = "SELECT body.body, body.diff FROM body JOIN head ON head.id = body.id AND head.revision = body.revision
                   WHERE body.id = ?1";
        let found: Option<(String, String)> = self
            .ask(|db| db.query_row(sql, [id.to_string()], |row| Ok((row.get(0)?, row.get(1)?))).optional())?;
        let Some((body, diff)) = found else { return Ok(None) };
        let mut view: RowView = self.parse("a row", &body)?;
        view.diff = self.blob(&diff, now)?.unwrap_or_default();
        Ok(Some(view))
    }

    fn cached(
        &self,
        sql: &str,
        given: impl rusqlite::Params,
        now: Timestamp,
    ) -> Result<Option<Cached>, StoreError> {
        let found: Option<(String, String)> =
            self.ask(|db| db.query_row(sql, given, |row| Ok((row.get(0)?, row.get(1)?))).optional())?;
        let Some((body, diff)) = found else { return Ok(None) };
        let mut view: RowView = self.parse("a row", &body)?;
        let as_of: Option<Timestamp> = self.fact("as_of")?;
        view.head.as_of = as_of.map_or(view.head.as_of, |as_of| as_of.max(view.head.as_of));
        refresh(&mut view, now);
        let Some(diff) = self.blob(&diff, now)? else {
            let why =
                format!("{}: its difference is not kept here; it can be read and not decided", view.head.id);
            return Ok(Some(Cached { view, undecidable: Some(why) }));
        };
        view.diff = diff;
        Ok(Some(Cached::of(view)))
    }

    fn blob(&self, sha256: &str, now: Timestamp) -> Result<Option<String>, StoreError> {
        let bytes: Option<Vec<u8>> = self.ask(|db| {
            db.query_row("SELECT bytes FROM blob WHERE sha256 = ?1", [sha256], |row| row.get(0)).optional()
        })?;
        if bytes.is_some() {
            // Best effort: a reader that cannot write still reads.
            let used = params![sha256, now.as_millisecond()];
            let _ =
                self.db.execute("UPDATE blob SET used = ?2 WHERE sha256 = ?1 AND used < ?2 - 3600000", used);
        }
        Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }

    fn parse<T: DeserializeOwned>(&self, what: &str, text: &str) -> Result<T, StoreError> {
        serde_json::from_str(text).map_err(|error| self.discard(format!("{what}: {error}")))
    }

    fn ask<T>(&self, run: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        run(&self.db).map_err(|error| match damage(&self.file, &error) {
            StoreError::Corrupt { why, .. } => self.discard(why),
            other => other,
        })
    }

    /// Damage that shows only when it is read: the file goes, for it holds nothing of its own.
    fn discard(&self, why: String) -> StoreError {
        match remove(&self.file) {
            Ok(()) => StoreError::Discarded { file: self.file.clone(), why },
            Err(error) => error,
        }
    }
}

/// A column that does not hold what was written there is damage, like a page that cannot be read.
fn damage(file: &Path, error: &rusqlite::Error) -> StoreError {
    match error {
        rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::InvalidColumnType(..)
        | rusqlite::Error::IntegralValueOutOfRange(..) => {
            StoreError::Corrupt { file: file.to_owned(), why: error.to_string() }
        }
        _ => store_error(file, error),
    }
}

/// Deletes a cache with what SQLite keeps beside it.
fn remove(file: &Path) -> Result<(), StoreError> {
    for side in ["", "-wal", "-shm"] {
        let mut name = file.as_os_str().to_owned();
        name.push(side);
        if let Err(error) = fs::remove_file(&name)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            return Err(StoreError::Unusable { file: file.to_owned(), why: error.to_string() });
        }
    }
    Ok(())
}

/// Ages are told by the reader's own clock: what was fresh at the sync may be stale now.
pub fn refresh(view: &mut RowView, now: Timestamp) {
    for signal in &mut view.signals {
        signal.fresh = signal.is_fresh(now);
    }
    view.head.stale = view.signals.iter().any(|signal| !signal.fresh);
}

fn fresh_until(view: &crate::wire::SignalView) -> Timestamp {
    let budget = SignedDuration::from_secs(i64::from(view.signal.budget_s));
    view.read_at().saturating_add(budget).unwrap_or(Timestamp::MAX)
}

fn put_view(db: &Connection, view: &RowView, now: Timestamp) -> rusqlite::Result<()> {
    let head = &view.head;
    let until = view.signals.iter().map(|signal| fresh_until(signal).as_microsecond()).min();
    columns::put(db, head, until)?;
    let sha256 = Digest::of(&view.diff).to_string();
    db.prepare_cached(
        "INSERT INTO blob VALUES (?1, ?2, ?3, ?4) ON CONFLICT (sha256) DO UPDATE SET used = ?4",
    )?
    .execute(params![sha256, view.diff.as_bytes(), view.diff.len(), now.as_millisecond()])?;
    let mut value = serde_json::to_value(view).map_err(unwritable)?;
    value["diff"] = serde_json::Value::String(String::new());
    db.prepare_cached("INSERT OR REPLACE INTO body VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![head.id.to_string(), head.revision, sha256, value.to_string()])
        .map(drop)
}

/// Drops what is old and decided, then the blobs that nobody names, then those least recently used above the cap.
fn forget(db: &Connection, bytes_max: u64, now: Timestamp) -> rusqlite::Result<()> {
    let before = now.saturating_sub(KEPT).unwrap_or(now).as_microsecond();
    db.execute("DELETE FROM head WHERE stands <> 0 AND changed_at < ?1", [before])?;
    db.execute("DELETE FROM body WHERE id NOT IN (SELECT id FROM head)", [])?;
    let size = |db: &Connection| {
        db.query_row("SELECT coalesce(sum(size), 0) FROM blob", [], |row| row.get::<_, u64>(0))
    };
    if size(db)? <= bytes_max {
        return Ok(());
    }
    db.execute("DELETE FROM blob WHERE sha256 NOT IN (SELECT diff FROM body)", [])?;
    let over = size(db)?.saturating_sub(bytes_max);
    db.execute(
        "DELETE FROM blob WHERE sha256 IN (SELECT sha256 FROM
            (SELECT sha256, size, sum(size) OVER (ORDER BY used, sha256) - size AS before FROM blob) WHERE before < ?1)",
        [over],
    )
    .map(drop)
}

fn json(value: &impl Serialize) -> rusqlite::Result<String> {
    serde_json::to_string(value).map_err(unwritable)
}

fn unwritable(error: serde_json::Error) -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(error.into())
}

#[cfg(test)]
mod tests;
