//! Searching in SQLite: the index that FTS5 keeps, in the same transaction as the row, and the query in its language.
//!
//! Never: a word of the query as syntax. What is asked for is taken apart into letters and digits first.

use rusqlite::{Connection, OptionalExtension, params, params_from_iter, types::Value};

use super::{int, reader};
use crate::{
    row::{
        Draft, Row,
        search::{
            Head, Indexed, Key, Looked, Part, Query, Test, Text,
            document::{EVERY, asked},
        },
    },
    store::{Found, Search},
};

/// Keeps what is searched of a row. Without a new body only what a decision changes is looked at, and written where it
/// did change.
pub(super) fn index(
    connection: &Connection,
    pk: i64,
    row: &Row,
    draft: Option<&Draft>,
    new: bool,
) -> rusqlite::Result<()> {
    let Some(draft) = draft else { return index_head(connection, pk, row) };
    let indexed = Indexed::of(&Looked::of(row, draft));
    let columns = Indexed::NAMES;
    let sql = if new {
        let marks = (2..=columns.len() + 1).map(|at| format!("?{at}")).collect::<Vec<_>>().join(", ");
        format!("INSERT INTO search (rowid, {}) VALUES (?1, {marks})", columns.join(", "))
    } else {
        let sets = columns.iter().zip(2..).map(|(name, at)| format!("{name} = ?{at}"));
        format!("UPDATE search SET {} WHERE rowid = ?1", sets.collect::<Vec<_>>().join(", "))
    };
    let values = std::iter::once(Value::from(pk)).chain(indexed.columns.into_iter().map(Value::from));
    connection.prepare_cached(&sql)?.execute(params_from_iter(values)).map(drop)
}

fn index_head(connection: &Connection, pk: i64, row: &Row) -> rusqlite::Result<()> {
    let [note, given] = Indexed::of_head(&Head::of(row));
    let sql = "SELECT 1 FROM search WHERE rowid = ?1 AND note = ?2 AND given = ?3";
    let same: Option<i64> = connection
        .prepare_cached(sql)?
        .query_row(params![pk, note, given], |found| found.get(0))
        .optional()?;
    if same.is_none() {
        let sql = "UPDATE search SET note = ?2, given = ?3 WHERE rowid = ?1";
        connection.prepare_cached(sql)?.execute(params![pk, note, given])?;
    }
    Ok(())
}

/// Every row anew, after the index's form changed.
pub(super) fn index_all(connection: &Connection) -> rusqlite::Result<()> {
    let mut statement = connection.prepare("SELECT pk, json FROM row_head")?;
    let mut rows = statement.query([])?;
    while let Some(found) = rows.next()? {
        let (pk, row): (i64, Row) = (found.get(0)?, super::value_of(found.get_ref(1)?)?);
        if let Some(draft) = reader::draft(connection, row.id, row.revision)? {
            index(connection, pk, &row, Some(&draft), true)?;
        }
    }
    Ok(())
}

pub(super) fn rows(connection: &Connection, search: &Search) -> rusqlite::Result<Found> {
    let mut values: Vec<Value> = Vec::new();
    // Rows are found and ordered by what is small; the heads of one page alone are read.
    let (score, mut sql) = match matching(&search.query) {
        Some(asked) => {
            values.push(asked.into());
            let sql = "FROM search JOIN row ON row.pk = search.rowid WHERE search MATCH ?".to_owned();
            (scored(&search.query), sql)
        }
        None => ("0.0".to_owned(), "FROM row WHERE 1".to_owned()),
    };
    reader::narrow(&search.among, &mut sql, &mut values);
    narrow(search, &mut sql, &mut values);
    let sql = format!(
        "SELECT json FROM row_head JOIN \
         (SELECT row.pk AS pk, {score} AS score, changed_ms, id {sql} \
          ORDER BY score, changed_ms DESC, id DESC LIMIT ? OFFSET ?) USING (pk) \
         ORDER BY score, changed_ms DESC, id DESC"
    );
    values.extend([int(search.limit() as u64).into(), int(search.skip as u64).into()]);
    let rows = reader::many(connection, &sql, params_from_iter(values))?;
    Ok(Found::page(rows, search))
}

/// FTS5's own rank with our weights: smaller is better. Where no word is asked for, all fit alike.
fn scored(query: &Query) -> String {
    if query.texts().next().is_none() {
        return "0.0".to_owned();
    }
    let weights = Part::ALL.iter().map(|part| format!("{:.1}", part.weight()));
    let keys = vec!["0.0".to_owned(); Indexed::COLUMNS - Part::ALL.len()];
    format!("bm25(search, {})", weights.chain(keys).collect::<Vec<_>>().join(", "))
}

/// What is asked of the head alone.
fn narrow(search: &Search, sql: &mut String, values: &mut Vec<Value>) {
    for term in &search.query.terms {
        let not = if term.not { "NOT " } else { "" };
        let mut among = |column: &str, words: Vec<String>| {
            let marks = vec!["?"; words.len()].join(", ");
            sql.push_str(&format!(" AND row.{column} {not}IN ({marks})"));
            values.extend(words.into_iter().map(Value::from));
        };
        match &term.test {
            Test::Key(Key::Kind, words) => among("kind", words.clone()),
            Test::Key(Key::State, words) => among("state", words.clone()),
            Test::Key(Key::Id, words) => {
                among("id", words.iter().map(|word| word.replace('_', "-").to_ascii_lowercase()).collect());
            }
            Test::Since(when) => {
                sql.push_str(&format!(" AND {not}changed_ms >= ?"));
                values.push(when.at(search.now).as_millisecond().into());
            }
            Test::Before(when) => {
                sql.push_str(&format!(" AND {not}changed_ms < ?"));
                values.push(when.at(search.now).as_millisecond().into());
            }
            Test::Key(..) | Test::Text(_) | Test::Is(_) | Test::Left(_) => {}
        }
    }
}

/// Words and keys in FTS5's language: `a AND b NOT c`. `None` where nothing is asked that it knows.
fn matching(query: &Query) -> Option<String> {
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for term in &query.terms {
        let one = match &term.test {
            Test::Text(text) => phrase(text),
            Test::Key(Key::Kind | Key::State | Key::Id, _)
            | Test::Is(_)
            | Test::Since(_)
            | Test::Before(_)
            | Test::Left(_) => None,
            Test::Key(key, values) => {
                let tokens = values.iter().flat_map(|value| asked(*key, value));
                let tokens: Vec<_> = tokens.map(|token| format!("\"{token}\"")).collect();
                Some(format!("({})", tokens.join(" OR ")))
            }
        };
        let side = if term.not { &mut without } else { &mut with };
        side.extend(one);
    }
    if with.is_empty() && without.is_empty() {
        return None;
    }
    if with.is_empty() {
        with.push(format!("\"{EVERY}\""));
    }
    let without: String = without.into_iter().map(|one| format!(" NOT {one}")).collect();
    Some(format!("({}){without}", with.join(" AND ")))
}

fn phrase(text: &Text) -> Option<String> {
    let words = text.words();
    let begun = if text.begun() { "*" } else { "" };
    (!words.is_empty()).then(|| format!("\"{}\"{begun}", words.join(" ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_written_in_the_index_s_language() {
        for (text, expected) in [
            ("", None),
            ("kind:gate since:7d ***", None),
            ("redis \"a replica\" -mongo", Some("(\"redis\"* AND \"a replica\") NOT \"mongo\"*")),
            ("\" OR 1", Some("(\"or 1\"*)")),
            ("-mongo", Some("(\"\u{e004}\") NOT \"mongo\"*")),
            ("who:priya", Some("((\"\u{e001}who\u{e002}priya\"))")),
        ] {
            let query = Query::parse(text).unwrap();
            assert_eq!(matching(&query).as_deref(), expected, "{text}");
        }
    }
}
