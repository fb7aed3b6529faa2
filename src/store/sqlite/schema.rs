//! Opening a database: whose it is, which schema it has, and bringing an older one up.
//!
//! Never: a newer database touched, or one of another program.

use std::path::Path;

use rusqlite::{Connection, OpenFlags, params};

use super::{int, number, text_of};
use crate::{
    row::Kind,
    store::{Setup, StoreError},
};

/// "DOCK", where SQLite keeps whose file it is.
const APPLICATION: i64 = 0x444f_434b;
/// Numbered from 1; added to, never changed.
const MIGRATIONS: [&str; 3] =
    [include_str!("0001_the_record.sql"), include_str!("0002_search.sql"), include_str!("0003_waiting.sql")];
/// From this one on, what is searched is kept as it is now; an older database is read anew for it.
const SEARCH_SINCE: usize = 2;

/// The connection that writes, with the database made or brought up as needed.
pub(super) fn open(file: &Path, setup: &Setup) -> Result<Connection, StoreError> {
    let wrong = |error: rusqlite::Error| open_error(file, &error);
    keep_private(file);
    let mut connection = Connection::open(file).map_err(wrong)?;
    connection.busy_timeout(super::BUSY_MAX).map_err(wrong)?;
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
             PRAGMA trusted_schema = OFF;",
        )
        .map_err(wrong)?;
    migrate(&mut connection, file, setup)?;
    Ok(connection)
}

/// Makes the file so that only its owner reads it; SQLite gives its companions the same rights. What goes wrong is told
/// when it is opened.
fn keep_private(file: &Path) {
    use std::os::unix::fs::OpenOptionsExt as _;
    let made = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
    drop(made);
}

/// A connection that reads. The writer has been there before.
pub(super) fn open_reader(file: &Path) -> Result<Connection, StoreError> {
    let wrong = |error: rusqlite::Error| open_error(file, &error);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags).map_err(wrong)?;
    connection.busy_timeout(super::BUSY_MAX).map_err(wrong)?;
    Ok(connection)
}

fn migrate(connection: &mut Connection, file: &Path, setup: &Setup) -> Result<(), StoreError> {
    let wrong = |error: rusqlite::Error| open_error(file, &error);
    // One transaction over looking and changing: two processes that start at once make one database.
    let transaction =
        connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).map_err(wrong)?;
    let pragma =
        |name: &str| transaction.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0));
    let (application, found) =
        (pragma("application_id").map_err(wrong)?, pragma("user_version").map_err(wrong)?);
    let tables: i64 =
        transaction.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(wrong)?;
    let known = int(MIGRATIONS.len() as u64);
    if tables > 0 && application != APPLICATION {
        return Err(StoreError::Foreign { file: file.display().to_string() });
    }
    if found > known {
        return Err(StoreError::Newer { file: file.display().to_string(), found, known });
    }
    let done = usize::try_from(found).unwrap_or(0);
    for migration in &MIGRATIONS[done..] {
        transaction.execute_batch(migration).map_err(wrong)?;
    }
    if found < known {
        transaction
            .execute_batch(&format!("PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {known};"))
            .map_err(wrong)?;
    }
    if tables > 0 && done < SEARCH_SINCE {
        super::search::index_all(&transaction).map_err(wrong)?;
    }
    if tables == 0 {
        begin(&transaction, setup).map_err(wrong)?;
    }
    transaction.commit().map_err(wrong)
}

fn begin(connection: &Connection, setup: &Setup) -> rusqlite::Result<()> {
    let at = jiff::Timestamp::UNIX_EPOCH;
    connection.execute(
        "INSERT INTO head (one, epoch, size, authority, at, fence) VALUES (1, 1, 0, 0, ?1, 0)",
        params![at.to_string()],
    )?;
    for kind in Kind::ALL {
        let first = int(setup.first(kind));
        connection.execute("INSERT INTO number (kind, next) VALUES (?1, ?2)", params![kind.word(), first])?;
    }
    Ok(())
}

/// The head row, with the fence beside it.
pub(super) fn read_head(connection: &Connection) -> rusqlite::Result<(crate::store::Head, u64)> {
    let mut statement = connection.prepare_cached("SELECT epoch, size, authority, at, fence FROM head")?;
    let (mut head, fence) = statement.query_row([], |row| {
        let head = crate::store::Head {
            epoch: number(row.get(0)?),
            size: number(row.get(1)?),
            authority: number(row.get(2)?),
            at: text_of(&row.get::<_, String>(3)?)?,
            next: std::collections::BTreeMap::new(),
        };
        Ok((head, number(row.get(4)?)))
    })?;
    let mut statement = connection.prepare_cached("SELECT kind, next FROM number")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let kind: Kind = text_of(&row.get::<_, String>(0)?)?;
        head.next.insert(kind, number(row.get(1)?));
    }
    Ok((head, fence))
}

fn open_error(file: &Path, error: &rusqlite::Error) -> StoreError {
    match super::failed(error) {
        StoreError::Failed(why) => StoreError::Open { file: file.display().to_string(), why },
        StoreError::Damaged(why) => StoreError::Damaged(format!("{}: {why}", file.display())),
        other => other,
    }
}
