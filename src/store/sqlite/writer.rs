//! The one thread that writes, and its groups: what waits is written in one transaction, each commit in a savepoint
//! of its own, and every answer is given after the one fsync.
//!
//! Never: an answer before its commit is durable.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use tokio::sync::{mpsc, oneshot, watch};

use super::{failed, int, json_of, number, schema, text_of};
use crate::{
    audit::merkle::{self, Frontier, Hash},
    row::{
        Digest, Draft, Hold, RowId,
        waiting::{self, No, Place, RUNS_MAX, SIGNS_WITHIN, Turn},
    },
    store::{
        Commit, Committed, FinalAnswer, Head, LeafDraft, Receipt, Repeatable, RowWrite, StoreError,
        WAITING_KEPT, Work, WorkChange, WorkKind, seal,
    },
};

/// Commits in one transaction.
const GROUP_MAX: usize = 64;
/// How long the answer under an idempotency key is kept.
const REPEATABLE_KEPT: SignedDuration = SignedDuration::from_hours(7 * 24);

type Answered<T> = oneshot::Sender<Result<T, StoreError>>;

/// What the thread is asked to do.
#[derive(Debug)]
pub(super) enum Job {
    Commit(Box<Commit>, Answered<Committed>),
    Take { kind: WorkKind, now: Timestamp, lease: SignedDuration, answer: Answered<Option<Work>> },
    Reclaim(Answered<u64>),
    Turn { place: Place, turn: Box<Turn>, now: Timestamp, answer: Answered<Result<waiting::Waiting, No>> },
}

/// An answer that waits for the fsync.
type Waiting = Box<dyn FnOnce(Result<(), StoreError>)>;

/// Where the log stands, kept beside the connection so that a commit need not read it.
#[derive(Debug, Clone)]
struct Tip {
    head: Head,
    fence: u64,
    frontier: Frontier,
}

pub(super) struct Writer {
    connection: Connection,
    tip: Tip,
    /// SQLite's own count of what other connections committed.
    seen: i64,
    grown: watch::Sender<u64>,
}

impl Writer {
    pub(super) fn new(connection: Connection, grown: watch::Sender<u64>) -> Result<Self, StoreError> {
        let read = |connection: &Connection| Ok((read_tip(connection)?, data_version(connection)?));
        let (tip, seen) = read(&connection).map_err(|error: rusqlite::Error| failed(&error))?;
        grown.send_replace(tip.head.size);
        Ok(Self { connection, tip, seen, grown })
    }

    /// Until nobody can ask any more.
    pub(super) fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        while let Some(first) = jobs.blocking_recv() {
            let mut group = vec![first];
            while group.len() < GROUP_MAX
                && let Ok(next) = jobs.try_recv()
            {
                group.push(next);
            }
            self.write_group(group);
        }
    }

    fn write_group(&mut self, group: Vec<Job>) {
        let before = self.tip.clone();
        let (waiting, done) = self.try_group(group);
        let outcome = done.map_err(|error| failed(&error));
        if outcome.is_err() {
            self.tip = before;
            // What was lost is read again before the next group.
            self.seen = -1;
        }
        let size = self.tip.head.size;
        self.grown.send_if_modified(|announced| std::mem::replace(announced, size) != size);
        for answer in waiting {
            answer(outcome.clone());
        }
    }

    /// The answers to give, and whether they are durable.
    fn try_group(&mut self, group: Vec<Job>) -> (Vec<Waiting>, rusqlite::Result<()>) {
        let mut waiting: Vec<Waiting> = Vec::new();
        let begun = self.connection.transaction_with_behavior(TransactionBehavior::Immediate);
        let mut transaction = match begun {
            Ok(transaction) => transaction,
            Err(error) => return (group.into_iter().map(refuse).collect(), Err(error)),
        };
        if let Err(error) = renew(&transaction, &mut self.tip, &mut self.seen) {
            return (group.into_iter().map(refuse).collect(), Err(error));
        }
        let mut jobs = group.into_iter();
        for job in jobs.by_ref() {
            waiting.push(match job {
                Job::Commit(commit, answer) => {
                    let done = in_savepoint(&mut transaction, &mut self.tip, |c, tip| write(c, tip, *commit));
                    wait(answer, done.map(|done| done.unwrap_or_else(|refused| refused)))
                }
                Job::Take { kind, now, lease, answer } => {
                    let done = in_savepoint(&mut transaction, &mut self.tip, |c, tip| {
                        take(c, tip, kind, now, lease).map(Ok::<_, Committed>)
                    });
                    wait(answer, done.map(Result::unwrap_or_default))
                }
                Job::Reclaim(answer) => {
                    let sql = "UPDATE work SET leased_until_ms = NULL WHERE leased_until_ms IS NOT NULL";
                    wait(answer, transaction.execute(sql, []).map(|count| count as u64))
                }
                Job::Turn { place, turn, now, answer } => {
                    let done = in_savepoint(&mut transaction, &mut self.tip, |c, _| {
                        take_turn(c, &place, *turn, now)
                    });
                    wait(answer, done)
                }
            });
            // Some errors make SQLite take back everything; what came after would stand alone.
            if transaction.is_autocommit() {
                waiting.extend(jobs.map(refuse));
                return (waiting, Err(rolled_back()));
            }
        }
        (waiting, transaction.commit())
    }
}

fn rolled_back() -> rusqlite::Error {
    let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_ABORT_ROLLBACK);
    rusqlite::Error::SqliteFailure(code, Some("the transaction was taken back; is the disk full?".to_owned()))
}

/// Holds an answer back until the group is durable.
fn wait<T: 'static>(answer: Answered<T>, done: rusqlite::Result<T>) -> Waiting {
    Box::new(move |durable| {
        // Nobody waits any more: then nobody is told.
        let _ = answer.send(durable.and_then(|()| done.map_err(|error| failed(&error))));
    })
}

fn refuse(job: Job) -> Waiting {
    match job {
        Job::Commit(_, answer) => wait(answer, Ok(Committed::Conflict)),
        Job::Take { answer, .. } => wait(answer, Ok(None)),
        Job::Reclaim(answer) => wait(answer, Ok(0)),
        // Whatever is said here, the group's own error is what is told.
        Job::Turn { answer, .. } => wait(answer, Ok(Err(No::Nobody))),
    }
}

/// Reads the tip again where another process has written, or a group failed.
fn renew(connection: &Connection, tip: &mut Tip, seen: &mut i64) -> rusqlite::Result<()> {
    let now = data_version(connection)?;
    if now != *seen {
        *tip = read_tip(connection)?;
        *seen = now;
    }
    Ok(())
}

fn data_version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))
}

fn read_tip(connection: &Connection) -> rusqlite::Result<Tip> {
    let (head, fence) = schema::read_head(connection)?;
    let mut peaks = Vec::new();
    let mut start = 0;
    for level in (0..64_u8).rev().filter(|level| head.size >> level & 1 == 1) {
        peaks.push(super::reader::node(connection, level, start >> level)?);
        start += 1 << level;
    }
    let frontier = Frontier::from_parts(head.size, peaks).unwrap_or_default();
    Ok(Tip { head, fence, frontier })
}

/// Runs one commit so that a refusal or an error leaves nothing of it, in the file or in the tip.
fn in_savepoint<T, R>(
    transaction: &mut rusqlite::Transaction<'_>,
    tip: &mut Tip,
    run: impl FnOnce(&Connection, &mut Tip) -> rusqlite::Result<Result<T, R>>,
) -> rusqlite::Result<Result<T, R>> {
    let before = tip.clone();
    let savepoint = transaction.savepoint()?;
    let done = run(&savepoint, tip);
    if let Ok(Ok(_)) = done {
        savepoint.commit()?;
    } else {
        *tip = before;
        drop(savepoint);
    }
    done
}

/// One commit. `Err` says why it cannot stand.
fn write(
    connection: &Connection,
    tip: &mut Tip,
    commit: Commit,
) -> rusqlite::Result<Result<Committed, Committed>> {
    if let Some(refused) = refuses(connection, tip, &commit)? {
        return Ok(Err(refused));
    }
    let before = (tip.head.clone(), tip.fence);
    let at = commit.now.max(tip.head.at);
    let mut indexes = Vec::with_capacity(commit.leaves.len());
    for leaf in &commit.leaves {
        indexes.push(append(connection, tip, leaf, at)?);
    }
    let version = match commit.row {
        Some(write) => Some(put_row(connection, tip, write, commit.draft.as_deref(), commit.now)?),
        None => None,
    };
    for hold in &commit.holds {
        put_hold(connection, hold)?;
    }
    for change in &commit.work {
        change_work(connection, change)?;
    }
    for blob in &commit.blobs {
        let sql = "INSERT INTO blob (digest, bytes) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
        connection.prepare_cached(sql)?.execute(params![Digest::of(blob).0, blob])?;
    }
    if let Some(FinalAnswer { id, request, answer }) = &commit.answer {
        let sql = "INSERT INTO answer (decision, request, answer, leaf) VALUES (?1, ?2, ?3, ?4)";
        let leaf = indexes.first().map(|index| int(*index));
        connection.prepare_cached(sql)?.execute(params![id.as_str(), request.0, answer, leaf])?;
    }
    if let Some(repeatable) = &commit.repeatable {
        put_repeatable(connection, repeatable, commit.now)?;
    }
    if let Some(session) = &commit.session {
        put_session(connection, session, commit.now)?;
    }
    if let Some(epoch) = commit.epoch {
        connection.execute("UPDATE head SET epoch = ?1", [int(epoch)])?;
        tip.head.epoch = epoch;
    }
    if let Some((size, line)) = &commit.cosignature {
        let sql = "INSERT INTO cosignature (size, line) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
        connection.prepare_cached(sql)?.execute(params![int(*size), line])?;
    }
    if before != (tip.head.clone(), tip.fence) {
        write_head(connection, tip)?;
    }
    Ok(Ok(Committed::At(Receipt { indexes, size: tip.head.size, version, at })))
}

fn refuses(connection: &Connection, tip: &Tip, commit: &Commit) -> rusqlite::Result<Option<Committed>> {
    for (id, fence) in commit.work.iter().filter_map(WorkChange::lease) {
        let mut statement = connection.prepare_cached("SELECT fence FROM work WHERE id = ?1")?;
        let found: Option<i64> = statement.query_row([int(id)], |row| row.get(0)).optional()?;
        if found != Some(int(fence)) {
            return Ok(Some(Committed::LeaseLost));
        }
    }
    if commit.authority.is_some_and(|read| read != tip.head.authority) {
        return Ok(Some(Committed::Conflict));
    }
    if let Some(FinalAnswer { id, .. }) = &commit.answer
        && connection.prepare_cached("SELECT 1 FROM answer WHERE decision = ?1")?.exists([id.as_str()])?
    {
        return Ok(Some(Committed::Conflict));
    }
    if let Some(Repeatable { principal, key, .. }) = &commit.repeatable {
        let sql = "SELECT 1 FROM repeatable WHERE principal = ?1 AND key = ?2";
        if connection.prepare_cached(sql)?.exists([principal.as_str(), key])? {
            return Ok(Some(Committed::Conflict));
        }
    }
    match &commit.row {
        Some(write) => refuses_row(connection, tip, write, commit.now),
        None => Ok(None),
    }
}

fn refuses_row(
    connection: &Connection,
    tip: &Tip,
    RowWrite { row, expected }: &RowWrite,
    now: Timestamp,
) -> rusqlite::Result<Option<Committed>> {
    let mut statement = connection.prepare_cached("SELECT version FROM row WHERE id = ?1")?;
    let found: Option<i64> = statement.query_row([row.id.to_string()], |row| row.get(0)).optional()?;
    let out_of_turn = expected.is_none() && tip.head.next.get(&row.id.kind) != Some(&row.id.number);
    if found.map(number) != *expected || out_of_turn {
        return Ok(Some(Committed::Conflict));
    }
    if row.stage.terminal(now) {
        return Ok(None);
    }
    let sql = "UPDATE row SET ended = 1 WHERE kind = ?1 AND subject = ?2 AND ended = 0 AND ends_ms <= ?3";
    let (kind, subject) = (row.id.kind.word(), row.subject.as_str());
    connection.prepare_cached(sql)?.execute(params![kind, subject, now.as_millisecond()])?;
    let sql = "SELECT id FROM row WHERE kind = ?1 AND subject = ?2 AND ended = 0 AND id != ?3";
    let mut statement = connection.prepare_cached(sql)?;
    let other: Option<String> =
        statement.query_row(params![kind, subject, row.id.to_string()], |row| row.get(0)).optional()?;
    other.map(|id| text_of::<RowId>(&id).map(Committed::SubjectTaken)).transpose()
}

fn append(connection: &Connection, tip: &mut Tip, leaf: &LeafDraft, at: Timestamp) -> rusqlite::Result<u64> {
    let index = tip.head.size;
    let thread = leaf.about.thread();
    let mut statement = connection.prepare_cached("SELECT last FROM thread WHERE name = ?1")?;
    let prev: Option<i64> = statement.query_row([&thread], |row| row.get(0)).optional()?;
    let sql = "INSERT INTO thread (name, last) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET last = ?2";
    connection.prepare_cached(sql)?.execute(params![thread, int(index)])?;

    let bytes = seal::bytes(leaf, at, prev.map(number));
    let sql = "INSERT INTO leaf (idx, at_ms, event, row, authority, bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let row = leaf.about.row().map(|row| row.to_string());
    let (event, authority) = (leaf.event.name(), leaf.moves_authority());
    let at_ms = at.as_millisecond();
    connection.prepare_cached(sql)?.execute(params![int(index), at_ms, event, row, authority, bytes])?;

    let mut insert = connection.prepare_cached("INSERT INTO node (level, idx, hash) VALUES (?1, ?2, ?3)")?;
    for (level, place, hash) in tip.frontier.append(merkle::leaf_hash(&bytes)) {
        let hash: Hash = hash;
        insert.execute(params![level, int(place), hash])?;
    }
    tip.head.size += 1;
    tip.head.at = at;
    tip.head.authority += u64::from(authority);
    Ok(index)
}

fn write_head(connection: &Connection, tip: &Tip) -> rusqlite::Result<()> {
    let sql = "UPDATE head SET size = ?1, authority = ?2, at = ?3, fence = ?4";
    let (size, authority, fence) = (int(tip.head.size), int(tip.head.authority), int(tip.fence));
    connection.prepare_cached(sql)?.execute(params![size, authority, tip.head.at.to_string(), fence])?;
    Ok(())
}

fn put_row(
    connection: &Connection,
    tip: &mut Tip,
    RowWrite { mut row, expected }: RowWrite,
    draft: Option<&Draft>,
    now: Timestamp,
) -> rusqlite::Result<u64> {
    row.version = expected.unwrap_or(0) + 1;
    if expected.is_none() {
        count(connection, tip, row.id)?;
    }
    let id = row.id.to_string();
    let ended = row.stage.terminal(now);
    let ends = match &row.stage {
        crate::row::Stage::Degraded { watch_until, .. } => Some(watch_until.as_millisecond()),
        _ => None,
    };
    let sql = "INSERT INTO row (id, kind, subject, state, incident, version, changed_ms, ended, ends_ms) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) \
               ON CONFLICT (id) DO UPDATE SET state = ?4, incident = ?5, version = ?6, changed_ms = ?7, \
               ended = ?8, ends_ms = ?9 RETURNING pk";
    let (kind, state, changed) = (row.id.kind.word(), row.state().word(), row.changed_at.as_millisecond());
    let values = params![id, kind, row.subject, state, row.incident, int(row.version), changed, ended, ends];
    let pk: i64 = connection.prepare_cached(sql)?.query_row(values, |found| found.get(0))?;

    let sql = "INSERT INTO row_head (pk, json) VALUES (?1, ?2) ON CONFLICT (pk) DO UPDATE SET json = ?2";
    connection.prepare_cached(sql)?.execute(params![pk, json_of(&row)?])?;
    if let Some(draft) = draft {
        let sql = "INSERT INTO draft (pk, revision, json) VALUES (?1, ?2, ?3)";
        connection.prepare_cached(sql)?.execute(params![pk, row.revision, json_of(draft)?])?;
    }
    super::search::index(connection, pk, &row, draft, expected.is_none())?;
    Ok(row.version)
}

fn count(connection: &Connection, tip: &mut Tip, id: RowId) -> rusqlite::Result<()> {
    let next = id.number + 1;
    tip.head.next.insert(id.kind, next);
    let sql = "UPDATE number SET next = ?1 WHERE kind = ?2";
    connection.prepare_cached(sql)?.execute(params![int(next), id.kind.word()])?;
    Ok(())
}

fn put_hold(connection: &Connection, hold: &Hold) -> rusqlite::Result<()> {
    let sql = "INSERT INTO hold (subject, drift, since_ms, lifted, json) VALUES (?1, ?2, ?3, ?4, ?5) \
               ON CONFLICT (subject, drift) DO UPDATE SET since_ms = ?3, lifted = ?4, json = ?5";
    let (drift, since, lifted) = (hold.drift.to_string(), hold.since.as_millisecond(), hold.lifted.is_some());
    connection.prepare_cached(sql)?.execute(params![hold.subject, drift, since, lifted, json_of(hold)?])?;
    Ok(())
}

fn put_repeatable(connection: &Connection, kept: &Repeatable, now: Timestamp) -> rusqlite::Result<()> {
    let oldest = now.saturating_sub(REPEATABLE_KEPT).map_or(0, Timestamp::as_millisecond);
    connection.prepare_cached("DELETE FROM repeatable WHERE at_ms < ?1")?.execute([oldest])?;
    let sql = "INSERT INTO repeatable (principal, key, request, status, answer, at_ms) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let Repeatable { principal, key, request, status, answer } = kept;
    let values = params![principal.as_str(), key, request.0, status, answer, now.as_millisecond()];
    connection.prepare_cached(sql)?.execute(values)?;
    Ok(())
}

fn put_session(
    connection: &Connection,
    session: &crate::store::Session,
    now: Timestamp,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM session WHERE expires_ms < ?1")?
        .execute([now.as_millisecond()])?;
    let sql = "INSERT INTO session (token, principal, key_fingerprint, expires_ms) VALUES (?1, ?2, ?3, ?4) \
               ON CONFLICT (token) DO UPDATE SET expires_ms = ?4";
    let (principal, expires) = (session.principal.as_str(), session.expires_at.as_millisecond());
    connection.prepare_cached(sql)?.execute(params![
        session.token.0,
        principal,
        session.key_fingerprint,
        expires
    ])?;
    Ok(())
}

fn change_work(connection: &Connection, change: &WorkChange) -> rusqlite::Result<()> {
    match change {
        WorkChange::Add { kind, row, payload, not_before } => {
            let sql = "INSERT INTO work (kind, row, payload, not_before_ms, fence, attempts) \
                       VALUES (?1, ?2, ?3, ?4, 0, 0)";
            let values = params![kind.word(), row.to_string(), payload, not_before.as_millisecond()];
            connection.prepare_cached(sql)?.execute(values)?;
        }
        WorkChange::Holding { .. } => {}
        WorkChange::Renew { id, until, .. } => {
            let sql = "UPDATE work SET leased_until_ms = ?2 WHERE id = ?1";
            connection.prepare_cached(sql)?.execute([int(*id), until.as_millisecond()])?;
        }
        WorkChange::Later { id, not_before, .. } => {
            let sql = "UPDATE work SET leased_until_ms = NULL, not_before_ms = ?2 WHERE id = ?1";
            connection.prepare_cached(sql)?.execute([int(*id), not_before.as_millisecond()])?;
        }
        WorkChange::Untried { id, not_before, .. } => {
            let sql = "UPDATE work SET leased_until_ms = NULL, not_before_ms = ?2, attempts = max(attempts - 1, 0) \
                       WHERE id = ?1";
            connection.prepare_cached(sql)?.execute([int(*id), not_before.as_millisecond()])?;
        }
        WorkChange::Done { id, .. } => {
            connection.prepare_cached("DELETE FROM work WHERE id = ?1")?.execute([int(*id)])?;
        }
    }
    Ok(())
}

fn take(
    connection: &Connection,
    tip: &mut Tip,
    kind: WorkKind,
    now: Timestamp,
    lease: SignedDuration,
) -> rusqlite::Result<Option<Work>> {
    let sql = "SELECT id, row, payload, attempts FROM work WHERE kind = ?1 AND not_before_ms <= ?2 \
               AND (leased_until_ms IS NULL OR leased_until_ms <= ?2) ORDER BY id LIMIT 1";
    let mut statement = connection.prepare_cached(sql)?;
    let found = statement.query_row(params![kind.word(), now.as_millisecond()], |row| {
        let attempts: u32 = row.get(3)?;
        Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?, attempts))
    });
    let Some((id, row, payload, attempts)) = found.optional()? else { return Ok(None) };
    let leased_until = now.saturating_add(lease).unwrap_or(now);
    tip.fence += 1;
    let sql = "UPDATE work SET leased_until_ms = ?2, fence = ?3, attempts = attempts + 1 WHERE id = ?1";
    connection.prepare_cached(sql)?.execute([id, leased_until.as_millisecond(), int(tip.fence)])?;
    write_head(connection, tip)?;
    let (fence, attempts) = (tip.fence, attempts + 1);
    Ok(Some(Work { id: number(id), kind, row: text_of(&row)?, payload, fence, attempts, leased_until }))
}

fn take_turn(
    connection: &Connection,
    place: &Place,
    turn: Turn,
    now: Timestamp,
) -> rusqlite::Result<Result<waiting::Waiting, No>> {
    let before = super::reader::waiting(connection, place)?;
    let lately = now.saturating_sub(SIGNS_WITHIN).unwrap_or(Timestamp::MIN);
    if waiting::begins(before.as_ref(), &turn)
        && super::reader::waiting_of(connection, &place.service, lately)? >= RUNS_MAX
    {
        return Ok(Err(No::TooMany(place.service.clone())));
    }
    let after = match waiting::turn(before.as_ref(), place, turn, now) {
        Ok(after) => after,
        Err(no) => return Ok(Err(no)),
    };
    let oldest = now.saturating_sub(WAITING_KEPT).map_or(0, Timestamp::as_millisecond);
    connection.prepare_cached("DELETE FROM waiting WHERE seen_ms < ?1")?.execute([oldest])?;
    let sql = "INSERT INTO waiting (service, environment, run, seen_ms, json) VALUES (?1, ?2, ?3, ?4, ?5) \
               ON CONFLICT (service, environment, run) DO UPDATE SET seen_ms = ?4, json = ?5";
    let (run, seen) = (int(place.run), after.seen_at.as_millisecond());
    let values = params![place.service, place.environment, run, seen, json_of(&after)?];
    connection.prepare_cached(sql)?.execute(values)?;
    Ok(Ok(after))
}
