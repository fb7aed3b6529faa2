//! What `outbox.db` and `cache.db` have in common: opening a small `SQLite` file that several programs share.
//!
//! Never: overwrites a file that it does not understand. Who may be rebuilt decides its owner.

use std::{
    fs,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, ErrorCode};

/// How long one program waits for another's short write.
const BUSY: Duration = Duration::from_secs(5);

/// What each connection keeps of its file, in KiB.
const PAGES_KIB: i64 = 512;

/// Why a file of ours cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("{} is damaged: {why}\nhint: keep a copy of it before anything else; nothing was changed", file.display())]
    Corrupt { file: PathBuf, why: String },
    #[error("{} is of format {found}; this dock knows {known}\nhint: use the newer dock that wrote it", file.display())]
    Newer { file: PathBuf, found: i64, known: i64 },
    #[error("{} cannot be used: {why}\nhint: check that the folder can be written and the disk has room", file.display())]
    Unusable { file: PathBuf, why: String },
    #[error("{} was damaged ({why}) and is gone now\nhint: run this again, it is made anew; `dock sync` fills it", file.display())]
    Discarded { file: PathBuf, why: String },
}

/// What a file is and how far its schema goes: each script takes it one version on.
pub(super) struct Schema {
    pub(super) application_id: i64,
    pub(super) synchronous: &'static str,
    pub(super) steps: &'static [&'static str],
}

impl Schema {
    /// Opens the file, makes it if there is none, takes its schema to the newest version.
    pub(super) fn open(&self, file: &Path) -> Result<Connection, StoreError> {
        let wrong = |error: rusqlite::Error| store_error(file, &error);
        // Made here so that it is its owner's alone from the first byte; SQLite gives its side files the same mode.
        fs::OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(file)
            .map_err(|error| StoreError::Unusable { file: file.to_owned(), why: error.to_string() })?;
        let mut db = Connection::open(file).map_err(wrong)?;
        db.busy_timeout(BUSY).map_err(wrong)?;
        self.check_kind(&db, file)?;
        db.pragma_update(None, "journal_mode", "wal").map_err(wrong)?;
        db.pragma_update(None, "synchronous", self.synchronous).map_err(wrong)?;
        db.pragma_update(None, "foreign_keys", true).map_err(wrong)?;
        // A list is read once, a row by its key: more pages than these are kept by the system, not by us.
        db.pragma_update(None, "cache_size", -PAGES_KIB).map_err(wrong)?;
        self.extend(&mut db, file)?;
        Ok(db)
    }

    fn check_kind(&self, db: &Connection, file: &Path) -> Result<(), StoreError> {
        let number = |name: &str| db.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        let wrong = |error: rusqlite::Error| store_error(file, &error);
        let (kind, found) =
            (number("application_id").map_err(wrong)?, number("user_version").map_err(wrong)?);
        let known = i64::try_from(self.steps.len()).unwrap_or(i64::MAX);
        if found > known {
            return Err(StoreError::Newer { file: file.to_owned(), found, known });
        }
        if kind != self.application_id && (kind != 0 || found != 0) {
            let why = "it is a database of something else".to_owned();
            return Err(StoreError::Corrupt { file: file.to_owned(), why });
        }
        Ok(())
    }

    fn extend(&self, db: &mut Connection, file: &Path) -> Result<(), StoreError> {
        let wrong = |error: rusqlite::Error| store_error(file, &error);
        let version =
            |db: &Connection| db.pragma_query_value(None, "user_version", |row| row.get::<_, usize>(0));
        if version(db).map_err(wrong)? == self.steps.len() {
            return Ok(());
        }
        let change = db.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).map_err(wrong)?;
        let from = version(&change).map_err(wrong)?;
        for step in self.steps.iter().skip(from) {
            change.execute_batch(step).map_err(wrong)?;
        }
        change.pragma_update(None, "application_id", self.application_id).map_err(wrong)?;
        change.pragma_update(None, "user_version", self.steps.len()).map_err(wrong)?;
        change.commit().map_err(wrong)
    }
}

/// The database's error in our words: damaged, or unusable for now.
pub(super) fn store_error(file: &Path, error: &rusqlite::Error) -> StoreError {
    let why = error.to_string();
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            StoreError::Corrupt { file: file.to_owned(), why }
        }
        _ => StoreError::Unusable { file: file.to_owned(), why },
    }
}
