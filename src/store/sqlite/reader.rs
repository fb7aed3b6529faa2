//! What is read, as plain functions over a connection.
//!
//! Never: a write.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params, params_from_iter, types::Value};

use super::{int, number, text_of, value_of};
use crate::{
    audit::merkle::{self, Hash},
    row::{
        DecisionId, Digest, Draft, Hold, Kind, PrincipalId, Row, RowId,
        waiting::{Place, Waiting},
    },
    store::{
        Changed, Cursor, KeptAnswer, Leaf, Leaves, Page, Repeatable, RowQuery, Session, Snapshot, Whole,
    },
};

pub(super) fn row(connection: &Connection, id: RowId) -> rusqlite::Result<Option<Row>> {
    let sql = "SELECT json FROM row_head JOIN row USING (pk) WHERE id = ?1";
    one(connection, sql, [id.to_string()])
}

pub(super) fn draft(connection: &Connection, id: RowId, revision: u32) -> rusqlite::Result<Option<Draft>> {
    let sql = "SELECT json FROM draft JOIN row USING (pk) WHERE id = ?1 AND revision = ?2";
    one(connection, sql, params![id.to_string(), revision])
}

pub(super) fn open_row(
    connection: &Connection,
    kind: Kind,
    subject: &str,
    now: Timestamp,
) -> rusqlite::Result<Option<Row>> {
    let sql = "SELECT json FROM row_head JOIN row USING (pk) WHERE kind = ?1 AND subject = ?2 AND ended = 0 \
               AND (ends_ms IS NULL OR ends_ms > ?3)";
    one(connection, sql, params![kind.word(), subject, now.as_millisecond()])
}

pub(super) fn rows(connection: &Connection, query: &RowQuery) -> rusqlite::Result<Page> {
    let mut sql = "SELECT json FROM row JOIN row_head USING (pk) WHERE 1".to_owned();
    let mut values: Vec<Value> = Vec::new();
    narrow(query, &mut sql, &mut values);
    if let Some(Cursor { changed_at, row }) = query.after {
        sql.push_str(" AND (changed_ms, id) < (?, ?)");
        values.extend([changed_at.as_millisecond().into(), row.to_string().into()]);
    }
    sql.push_str(" ORDER BY changed_ms DESC, id DESC LIMIT ?");
    values.push(int(query.limit() as u64).into());
    let rows: Vec<Row> = many(connection, &sql, params_from_iter(values))?;
    let next = if rows.len() == query.limit() { rows.last().map(Cursor::of) } else { None };
    Ok(Page { rows, next })
}

/// What a query asks of the columns of `row`, as conditions that follow others.
pub(super) fn narrow(query: &RowQuery, sql: &mut String, values: &mut Vec<Value>) {
    among(sql, values, "state", query.states.iter().map(|state| state.word()));
    among(sql, values, "kind", query.kinds.iter().map(|kind| kind.word()));
    among(sql, values, "incident", query.incident.as_deref());
    among(sql, values, "subject", query.subject.as_deref());
    if let Some(since) = query.since {
        sql.push_str(" AND changed_ms >= ?");
        values.push(since.as_millisecond().into());
    }
}

/// The column is one of these, where there are any.
fn among<'a>(
    sql: &mut String,
    values: &mut Vec<Value>,
    column: &str,
    words: impl IntoIterator<Item = &'a str>,
) {
    let words: Vec<Value> = words.into_iter().map(|word| Value::from(word.to_owned())).collect();
    if !words.is_empty() {
        let marks = vec!["?"; words.len()].join(", ");
        sql.extend([" AND ", column, " IN (", &marks, ")"]);
        values.extend(words);
    }
}

const NOT_ENDED: &str = "(ended = 0 AND (ends_ms IS NULL OR ends_ms > ?1))";

pub(super) fn open_rows(connection: &Connection, now: Timestamp) -> rusqlite::Result<Vec<Row>> {
    let sql = format!("SELECT json FROM row JOIN row_head USING (pk) WHERE {NOT_ENDED} ORDER BY pk");
    many(connection, &sql, [now.as_millisecond()])
}

pub(super) fn snapshot(connection: &Connection, which: Changed) -> rusqlite::Result<Snapshot> {
    // One transaction, so that all of it is true at one position.
    let transaction = connection.unchecked_transaction()?;
    let (head, _) = super::schema::read_head(&transaction)?;
    let (condition, values) = match which {
        Changed::Since { since, now } => {
            (format!("changed_ms >= ?2 OR {NOT_ENDED}"), vec![now.as_millisecond(), since.as_millisecond()])
        }
        Changed::From(index) => {
            ("id IN (SELECT row FROM leaf WHERE idx >= ?1 AND row IS NOT NULL)".to_owned(), vec![int(index)])
        }
    };
    let sql = format!(
        "SELECT json FROM row JOIN row_head USING (pk) WHERE {condition} ORDER BY changed_ms DESC, id DESC"
    );
    let rows: Vec<Row> = many(&transaction, &sql, params_from_iter(values))?;
    let rows = rows.into_iter().filter_map(|row| with_body(&transaction, row, None).transpose());
    let rows = rows.collect::<rusqlite::Result<_>>()?;
    let holds = holds(&transaction)?;
    Ok(Snapshot { head, rows, holds })
}

pub(super) fn whole(
    connection: &Connection,
    id: RowId,
    revision: Option<u32>,
) -> rusqlite::Result<Option<Whole>> {
    let transaction = connection.unchecked_transaction()?;
    let Some(row) = row(&transaction, id)? else { return Ok(None) };
    with_body(&transaction, row, revision)
}

fn with_body(connection: &Connection, row: Row, revision: Option<u32>) -> rusqlite::Result<Option<Whole>> {
    let Some(draft) = draft(connection, row.id, revision.unwrap_or(row.revision))? else { return Ok(None) };
    let mut decisions = Vec::with_capacity(row.keys.len());
    for key in &row.keys {
        let leaf = answer(connection, &key.decision_id)?.and_then(|answer| answer.leaf);
        decisions.extend(leaf.map(|leaf| (key.decision_id.clone(), leaf)));
    }
    Ok(Some(Whole { row, draft, decisions }))
}

pub(super) fn leaves(connection: &Connection, which: Leaves) -> rusqlite::Result<Vec<Leaf>> {
    let limit = |limit: usize| int(limit.min(Leaves::LEAVES_MAX) as u64);
    let (tail, values): (_, Vec<Value>) = match which {
        Leaves::From { index, limit: most } => {
            ("idx >= ? ORDER BY idx LIMIT ?", vec![int(index).into(), limit(most).into()])
        }
        Leaves::OfRow(row) => ("row = ? ORDER BY idx", vec![row.to_string().into()]),
        Leaves::Authority { from } => ("authority = 1 AND idx >= ? ORDER BY idx", vec![int(from).into()]),
        Leaves::Between { since, until, limit: most } => (
            "at_ms BETWEEN ? AND ? ORDER BY idx LIMIT ?",
            vec![since.as_millisecond().into(), until.as_millisecond().into(), limit(most).into()],
        ),
    };
    let mut statement = connection.prepare_cached(&format!("SELECT idx, bytes FROM leaf WHERE {tail}"))?;
    let read = |row: &rusqlite::Row<'_>| Ok(Leaf { index: number(row.get(0)?), bytes: row.get(1)? });
    statement.query_map(params_from_iter(values), read)?.collect()
}

pub(super) fn answer(connection: &Connection, id: &DecisionId) -> rusqlite::Result<Option<KeptAnswer>> {
    let mut statement =
        connection.prepare_cached("SELECT request, answer, leaf FROM answer WHERE decision = ?1")?;
    let read = |row: &rusqlite::Row<'_>| {
        let leaf: Option<i64> = row.get(2)?;
        Ok(KeptAnswer { request: Digest(row.get(0)?), answer: row.get(1)?, leaf: leaf.map(number) })
    };
    statement.query_row([id.as_str()], read).optional()
}

pub(super) fn repeated(
    connection: &Connection,
    principal: PrincipalId,
    key: String,
) -> rusqlite::Result<Option<Repeatable>> {
    let sql = "SELECT request, status, answer FROM repeatable WHERE principal = ?1 AND key = ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let found = statement.query_row([principal.as_str(), &key], |row| {
        Ok((Digest(row.get(0)?), row.get::<_, u16>(1)?, row.get::<_, String>(2)?))
    });
    let found = found.optional()?;
    Ok(found.map(|(request, status, answer)| Repeatable { principal, key, request, status, answer }))
}

pub(super) fn holds(connection: &Connection) -> rusqlite::Result<Vec<Hold>> {
    many(connection, "SELECT json FROM hold WHERE lifted = 0 ORDER BY since_ms, rowid", [])
}

pub(super) fn blob(connection: &Connection, digest: Digest) -> rusqlite::Result<Option<Vec<u8>>> {
    let mut statement = connection.prepare_cached("SELECT bytes FROM blob WHERE digest = ?1")?;
    statement.query_row([digest.0], |row| row.get(0)).optional()
}

pub(super) fn session(connection: &Connection, token: Digest) -> rusqlite::Result<Option<Session>> {
    let sql = "SELECT principal, key_fingerprint, expires_ms FROM session WHERE token = ?1";
    let mut statement = connection.prepare_cached(sql)?;
    let read = |row: &rusqlite::Row<'_>| {
        let expires_at = Timestamp::from_millisecond(row.get(2)?).unwrap_or(Timestamp::UNIX_EPOCH);
        let principal = text_of(&row.get::<_, String>(0)?)?;
        Ok(Session { token, principal, key_fingerprint: row.get(1)?, expires_at })
    };
    statement.query_row([token.0], read).optional()
}

pub(super) fn nodes(
    connection: &Connection,
    level: u8,
    from: u64,
    count: u64,
) -> rusqlite::Result<Vec<Hash>> {
    let sql = "SELECT hash FROM node WHERE level = ?1 AND idx >= ?2 AND idx < ?3 ORDER BY idx";
    let mut statement = connection.prepare_cached(sql)?;
    let values = params![level, int(from), int(from.saturating_add(count))];
    statement.query_map(values, |row| row.get(0))?.collect()
}

pub(super) fn node(connection: &Connection, level: u8, index: u64) -> rusqlite::Result<Hash> {
    let sql = "SELECT hash FROM node WHERE level = ?1 AND idx = ?2";
    connection.prepare_cached(sql)?.query_row(params![level, int(index)], |row| row.get(0))
}

pub(super) fn root(connection: &Connection, size: u64) -> rusqlite::Result<Hash> {
    merkle::root(size, |level, index| node(connection, level, index))
}

pub(super) fn inclusion(connection: &Connection, index: u64, size: u64) -> rusqlite::Result<Vec<Hash>> {
    merkle::inclusion(index, size, |level, index| node(connection, level, index))
}

pub(super) fn consistency(connection: &Connection, old: u64, new: u64) -> rusqlite::Result<Vec<Hash>> {
    merkle::consistency(old, new, |level, index| node(connection, level, index))
}

pub(super) fn cosignatures(connection: &Connection, size: u64) -> rusqlite::Result<Vec<String>> {
    let mut statement =
        connection.prepare_cached("SELECT line FROM cosignature WHERE size = ?1 ORDER BY line")?;
    statement.query_map([int(size)], |row| row.get(0))?.collect()
}

fn one<T: serde::de::DeserializeOwned>(
    connection: &Connection,
    sql: &str,
    values: impl rusqlite::Params,
) -> rusqlite::Result<Option<T>> {
    connection.prepare_cached(sql)?.query_row(values, |row| value_of(row.get_ref(0)?)).optional()
}

pub(super) fn many<T: serde::de::DeserializeOwned>(
    connection: &Connection,
    sql: &str,
    values: impl rusqlite::Params,
) -> rusqlite::Result<Vec<T>> {
    let mut statement = connection.prepare_cached(sql)?;
    statement.query_map(values, |row| value_of(row.get_ref(0)?))?.collect()
}

pub(super) fn waiting(connection: &Connection, place: &Place) -> rusqlite::Result<Option<Waiting>> {
    let sql = "SELECT json FROM waiting WHERE service = ?1 AND environment = ?2 AND run = ?3";
    let values = params![place.service, place.environment, int(place.run)];
    connection.prepare_cached(sql)?.query_row(values, |row| value_of(row.get_ref(0)?)).optional()
}

pub(super) fn waiting_since(
    connection: &Connection,
    since: Timestamp,
    limit: usize,
) -> rusqlite::Result<Vec<Waiting>> {
    let sql = "SELECT json FROM waiting WHERE seen_ms >= ?1 ORDER BY seen_ms DESC LIMIT ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let found = statement.query_map([since.as_millisecond(), limit], |row| value_of(row.get_ref(0)?))?;
    found.collect()
}

/// How many runs of a service gave a sign at or after `since`.
pub(super) fn waiting_of(
    connection: &Connection,
    service: &str,
    since: Timestamp,
) -> rusqlite::Result<usize> {
    let sql = "SELECT count(*) FROM waiting WHERE service = ?1 AND seen_ms >= ?2";
    let count = |row: &rusqlite::Row<'_>| row.get::<_, i64>(0);
    let found = connection.prepare_cached(sql)?.query_row(params![service, since.as_millisecond()], count)?;
    Ok(usize::try_from(found).unwrap_or(usize::MAX))
}
