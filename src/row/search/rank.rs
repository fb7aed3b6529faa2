//! How well rows fit: Okapi BM25, as SQLite's FTS5 computes it, so that a row stands in the same place wherever it is
//! looked for.
//!
//! For each text of the query, *n* rows of *N* have it; a row with *D* tokens of *A* on average has it *f* times, each time
//! counted with its part's weight: the row gets idf · f · (k + 1) / (f + k · (1 − b + b · D / A)), with k = 1.2, b = 0.75
//! and idf = ln((N − n + ½) / (n + ½)), at least a millionth.
//! Never: a row that lacks a word it was asked for.

use super::{Indexed, Part, Query, Test, Text, document, runs};

const K: f64 = 1.2;
const B: f64 = 0.75;
const IDF_MIN: f64 = 1e-6;

/// For each row, how well it fits; `None` where it does not. What is asked of the head alone is not looked at here
/// ([`Query::admits`]).
pub fn ranked(query: &Query, rows: &[Indexed]) -> Vec<Option<f64>> {
    let rows: Vec<Split<'_>> = rows.iter().map(Split::of).collect();
    let texts: Vec<&Text> = query.texts().collect();
    let weights: Vec<Vec<f64>> =
        texts.iter().map(|text| rows.iter().map(|row| row.weight(text)).collect()).collect();
    let all = float(rows.len());
    let average = float(rows.iter().map(|row| row.size).sum::<usize>()) / all;
    let idf = |weights: &[f64]| {
        let having = float(weights.iter().filter(|weight| **weight > 0.0).count());
        ((all - having + 0.5) / (having + 0.5)).ln().max(IDF_MIN)
    };
    let idfs: Vec<f64> = weights.iter().map(|weights| idf(weights)).collect();
    let fit = |(at, row): (usize, &Split<'_>)| {
        row.passes(query).then(|| {
            let length = K * (1.0 - B + B * float(row.size) / average);
            let each =
                |(idf, weights): (&f64, &Vec<f64>)| idf * weights[at] * (K + 1.0) / (weights[at] + length);
            idfs.iter().zip(&weights).map(each).sum()
        })
    };
    rows.iter().enumerate().map(fit).collect()
}

#[expect(clippy::cast_precision_loss, reason = "rows and their words are counted far below 2^52")]
fn float(count: usize) -> f64 {
    count as f64
}

/// A row's columns as lists of tokens.
struct Split<'a> {
    columns: Vec<Vec<&'a str>>,
    size: usize,
}

impl<'a> Split<'a> {
    fn of(row: &'a Indexed) -> Self {
        let tokens = |column: &'a String| column.split(' ').filter(|token| !token.is_empty()).collect();
        let columns: Vec<Vec<&str>> = row.columns.iter().map(tokens).collect();
        let size = columns.iter().map(Vec::len).sum();
        Self { columns, size }
    }

    /// Occurrences, each with its part's weight.
    fn weight(&self, text: &Text) -> f64 {
        let (words, begun) = (text.words(), text.begun());
        let parts = Part::ALL.iter().zip(&self.columns);
        parts.map(|(part, tokens)| part.weight() * float(runs(tokens, &words, begun).len())).sum()
    }

    fn passes(&self, query: &Query) -> bool {
        query.terms.iter().all(|term| {
            let has = match &term.test {
                Test::Text(text) if text.words().is_empty() => return true,
                Test::Text(text) => self.weight(text) > 0.0,
                Test::Key(super::Key::Kind | super::Key::State | super::Key::Id, _)
                | Test::Is(_)
                | Test::Since(_)
                | Test::Before(_)
                | Test::Left(_) => return true,
                Test::Key(key, values) => {
                    values.iter().flat_map(|value| document::asked(*key, value)).any(|token| self.has(&token))
                }
            };
            has != term.not
        })
    }

    fn has(&self, token: &str) -> bool {
        self.columns[Part::ALL.len()..].iter().flatten().any(|other| *other == token)
    }
}
