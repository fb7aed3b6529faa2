//! The store in one SQLite file: for a team.
//!
//! One thread writes, in groups ([`writer`]); a pool of connections reads ([`reader`]). WAL, `synchronous = FULL`: what
//! was answered survives the machine. `dock executor` may share the file with `dock serve`; each notices the other.
//! Never: an async task that waits on the disk.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    str::FromStr,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, ErrorCode, types::ValueRef};
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

use super::{
    Changed, Commit, Committed, Found, Head, KeptAnswer, Leaf, Leaves, Page, Pending, Repeatable, RowQuery,
    Search, Session, Setup, Snapshot, Store, StoreError, Whole, Work, WorkKind,
};
use crate::{
    audit::merkle::Hash,
    row::{
        DecisionId, Digest, Draft, Hold, Kind, PrincipalId, Row, RowId,
        waiting::{No, Place, Turn, Waiting},
    },
};

mod reader;
mod schema;
mod search;
#[cfg(test)]
mod tests;
mod writer;

use writer::{Job, Writer};

/// How long a connection waits for another process's write.
const BUSY_MAX: Duration = Duration::from_secs(5);
/// Commits that wait for the writer before those who ask have to wait themselves.
const JOBS_MAX: usize = 1_024;
/// Connections that read at once.
const READERS_MAX: usize = 4;
/// How often it is looked whether another process wrote: a guarantee for those who wait on [`Store::grown`].
const LOOK_EVERY: Duration = Duration::from_millis(200);

pub struct Sqlite {
    jobs: mpsc::Sender<Job>,
    readers: Arc<Readers>,
    grown: watch::Sender<u64>,
}

/// Connections that read, made when first needed.
struct Readers {
    file: PathBuf,
    idle: Mutex<Vec<Connection>>,
    seats: Arc<Semaphore>,
}

impl Sqlite {
    /// Opens the database, makes it where there is none, and starts its writer.
    pub fn open(file: &Path, setup: &Setup) -> Result<Self, StoreError> {
        let connection = schema::open(file, setup)?;
        let grown = watch::Sender::new(0);
        let writer = Writer::new(connection, grown.clone())?;
        let (jobs, queue) = mpsc::channel(JOBS_MAX);
        let readers = Arc::new(Readers {
            file: file.to_owned(),
            idle: Mutex::new(Vec::new()),
            seats: Arc::new(Semaphore::new(READERS_MAX)),
        });
        let named = |name: &str| std::thread::Builder::new().name(name.to_owned());
        let no_thread =
            |error: std::io::Error| StoreError::Failed(format!("no thread could be started: {error}"));
        named("store-writer").spawn(move || writer.run(queue)).map_err(no_thread)?;
        let (watched, announced) = (Arc::downgrade(&readers), grown.clone());
        named("store-watcher").spawn(move || watch_others(&watched, &announced)).map_err(no_thread)?;
        Ok(Self { jobs, readers, grown })
    }

    fn write<T: Send + 'static>(
        &self,
        job: impl FnOnce(oneshot::Sender<Result<T, StoreError>>) -> Job + Send + 'static,
    ) -> Pending<'_, T> {
        let (answer, answered) = oneshot::channel();
        Box::pin(async move {
            self.jobs.send(job(answer)).await.map_err(|_| StoreError::Stopped)?;
            answered.await.map_err(|_| StoreError::Stopped)?
        })
    }

    fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Pending<'_, T> {
        let readers = Arc::clone(&self.readers);
        Box::pin(async move {
            let seat = Arc::clone(&readers.seats).acquire_owned().await.map_err(|_| StoreError::Stopped)?;
            let reading = tokio::task::spawn_blocking(move || {
                let _seat = seat;
                readers.with(read)
            });
            reading.await.map_err(|_| StoreError::Stopped)?
        })
    }
}

impl Readers {
    fn with<T>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => schema::open_reader(&self.file)?,
        };
        let value = read(&connection).map_err(|error| failed(&error));
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        value
    }
}

/// Announces what other processes wrote, for as long as the store is there.
fn watch_others(readers: &Weak<Readers>, grown: &watch::Sender<u64>) {
    let Some(file) = readers.upgrade().map(|readers| readers.file.clone()) else { return };
    let Ok(connection) = schema::open_reader(&file) else { return };
    let version = || connection.query_row("PRAGMA data_version", [], |row| row.get::<_, i64>(0)).ok();
    let mut seen = version();
    while readers.strong_count() > 0 {
        std::thread::sleep(LOOK_EVERY);
        let now = version();
        if now == seen {
            continue;
        }
        if let Ok((head, _)) = schema::read_head(&connection) {
            seen = now;
            grown.send_if_modified(|size| {
                let more = head.size > *size;
                *size = head.size.max(*size);
                more
            });
        }
    }
}

impl Store for Sqlite {
    fn commit(&self, commit: Commit) -> Pending<'_, Committed> {
        self.write(|answer| Job::Commit(Box::new(commit), answer))
    }

    fn take_work(&self, kind: WorkKind, now: Timestamp, lease: SignedDuration) -> Pending<'_, Option<Work>> {
        self.write(move |answer| Job::Take { kind, now, lease, answer })
    }

    fn reclaim_work(&self) -> Pending<'_, u64> {
        self.write(Job::Reclaim)
    }

    fn turn(&self, place: Place, turn: Turn, now: Timestamp) -> Pending<'_, Result<Waiting, No>> {
        self.write(move |answer| Job::Turn { place, turn: Box::new(turn), now, answer })
    }

    fn waiting(&self, place: Place) -> Pending<'_, Option<Waiting>> {
        self.read(move |connection| reader::waiting(connection, &place))
    }

    fn waiting_since(&self, since: Timestamp, limit: usize) -> Pending<'_, Vec<Waiting>> {
        self.read(move |connection| reader::waiting_since(connection, since, limit))
    }

    fn head(&self) -> Pending<'_, Head> {
        self.read(|connection| schema::read_head(connection).map(|(head, _)| head))
    }

    fn grown(&self) -> watch::Receiver<u64> {
        self.grown.subscribe()
    }

    fn row(&self, id: RowId) -> Pending<'_, Option<Row>> {
        self.read(move |connection| reader::row(connection, id))
    }

    fn draft(&self, id: RowId, revision: u32) -> Pending<'_, Option<Draft>> {
        self.read(move |connection| reader::draft(connection, id, revision))
    }

    fn drafts(&self, of: Vec<(RowId, u32)>) -> Pending<'_, HashMap<RowId, Draft>> {
        self.read(move |connection| {
            let transaction = connection.unchecked_transaction()?;
            let one =
                |(id, revision)| Ok(reader::draft(&transaction, id, revision)?.map(|draft| (id, draft)));
            of.into_iter().filter_map(|of| one(of).transpose()).collect()
        })
    }

    fn open_row(&self, kind: Kind, subject: &str, now: Timestamp) -> Pending<'_, Option<Row>> {
        let subject = subject.to_owned();
        self.read(move |connection| reader::open_row(connection, kind, &subject, now))
    }

    fn rows(&self, query: RowQuery) -> Pending<'_, Page> {
        self.read(move |connection| reader::rows(connection, &query))
    }

    fn search(&self, search: Search) -> Pending<'_, Found> {
        self.read(move |connection| search::rows(connection, &search))
    }

    fn whole(&self, id: RowId, revision: Option<u32>) -> Pending<'_, Option<Whole>> {
        self.read(move |connection| reader::whole(connection, id, revision))
    }

    fn open_rows(&self, now: Timestamp) -> Pending<'_, Vec<Row>> {
        self.read(move |connection| reader::open_rows(connection, now))
    }

    fn snapshot(&self, which: Changed) -> Pending<'_, Snapshot> {
        self.read(move |connection| reader::snapshot(connection, which))
    }

    fn leaves(&self, which: Leaves) -> Pending<'_, Vec<Leaf>> {
        self.read(move |connection| reader::leaves(connection, which))
    }

    fn answer(&self, id: DecisionId) -> Pending<'_, Option<KeptAnswer>> {
        self.read(move |connection| reader::answer(connection, &id))
    }

    fn repeated(&self, principal: PrincipalId, key: String) -> Pending<'_, Option<Repeatable>> {
        self.read(move |connection| reader::repeated(connection, principal, key))
    }

    fn holds(&self) -> Pending<'_, Vec<Hold>> {
        self.read(reader::holds)
    }

    fn blob(&self, digest: Digest) -> Pending<'_, Option<Vec<u8>>> {
        self.read(move |connection| reader::blob(connection, digest))
    }

    fn session(&self, token: Digest) -> Pending<'_, Option<Session>> {
        self.read(move |connection| reader::session(connection, token))
    }

    fn nodes(&self, level: u8, from: u64, count: u64) -> Pending<'_, Vec<Hash>> {
        self.read(move |connection| reader::nodes(connection, level, from, count))
    }

    fn root(&self, size: u64) -> Pending<'_, Hash> {
        self.read(move |connection| reader::root(connection, size))
    }

    fn inclusion(&self, index: u64, size: u64) -> Pending<'_, Vec<Hash>> {
        self.read(move |connection| reader::inclusion(connection, index, size))
    }

    fn consistency(&self, old: u64, new: u64) -> Pending<'_, Vec<Hash>> {
        self.read(move |connection| reader::consistency(connection, old, new))
    }

    fn cosignatures(&self, size: u64) -> Pending<'_, Vec<String>> {
        self.read(move |connection| reader::cosignatures(connection, size))
    }
}

/// What an error of SQLite means to us.
fn failed(error: &rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StoreError::Full,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreError::Damaged(error.to_string()),
        _ => StoreError::Failed(error.to_string()),
    }
}

/// SQLite counts to 2^63; nothing of ours gets there.
fn int(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn number(int: i64) -> u64 {
    u64::try_from(int).unwrap_or(0)
}

fn json_of(value: &impl serde::Serialize) -> rusqlite::Result<String> {
    serde_json::to_string(value).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

fn value_of<T: serde::de::DeserializeOwned>(text: ValueRef<'_>) -> rusqlite::Result<T> {
    serde_json::from_slice(text.as_bytes()?).map_err(damaged)
}

fn text_of<T: FromStr>(text: &str) -> rusqlite::Result<T> {
    text.parse().map_err(|_| damaged(format!("{text:?} does not belong there")))
}

fn damaged(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, why.into())
}
