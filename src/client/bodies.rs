//! Searching what this home keeps, where the backend is away: the same query, the same texts, the same rank.
//!
//! Never: said to be everything. What is older than the cache only the backend has.

use jiff::Timestamp;

use super::{Cache, database::StoreError};
use crate::{
    row::{
        RowId,
        search::{Document, Indexed, Looked, Match, Query, excerpts, ranked},
    },
    wire::RowView,
};

/// The rows since `since` (or undecided) that the query fits, best first, each with the lines that show why.
pub fn find(
    cache: &Cache,
    query: &Query,
    since: Timestamp,
    now: Timestamp,
) -> Result<Vec<(RowId, Vec<Match>)>, StoreError> {
    let mut views: Vec<RowView> = Vec::new();
    for row in cache.all(since, now)? {
        if query.admits(row.id, row.state, row.changed_at, now) {
            views.extend(cache.unchecked(row.id, now)?);
        }
    }
    Ok(among(query, &views))
}

/// The same among rows that are at hand.
pub fn among(query: &Query, views: &[RowView]) -> Vec<(RowId, Vec<Match>)> {
    let drafts: Vec<_> = views.iter().map(RowView::draft).collect();
    let looked = || views.iter().zip(&drafts).map(|(view, draft)| Looked { head: view.searched(), draft });
    let indexed: Vec<_> = looked().map(|looked| Indexed::of(&looked)).collect();
    let fits = ranked(query, &indexed).into_iter().zip(views).zip(looked());
    let mut found: Vec<_> =
        fits.filter_map(|((fit, view), looked)| Some((fit?, view.head.changed_at, looked))).collect();
    found.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.1.cmp(&a.1)).then(a.2.head.id.cmp(&b.2.head.id)));
    found.iter().map(|(_, _, looked)| (looked.head.id, excerpts(query, &Document::of(looked)))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::sample;

    fn found(cache: &Cache, text: &str) -> Vec<(String, Vec<String>)> {
        let query = Query::parse(text).unwrap();
        let rows = find(cache, &query, Timestamp::MIN, sample::at(60)).unwrap();
        let fields = |lines: Vec<Match>| lines.into_iter().map(|line| line.field).collect();
        rows.into_iter().map(|(row, lines)| (row.to_string(), fields(lines))).collect()
    }

    #[test]
    fn bodies_that_are_kept_here_are_found_without_the_backend() {
        let folder = tempfile::tempdir().unwrap();
        let (mut cache, _) = Cache::open(&folder.path().join("cache.db")).unwrap();
        let mut about = sample::draft();
        about.title = "rotate the redis replica".into();
        let mut mentions = sample::draft();
        mentions.rationale = "As with the redis replica.".into();
        for (row, draft) in [("sync-1", sample::draft()), ("sync-2", mentions), ("sync-3", about)] {
            cache.put(&sample::view(row, 1, draft), sample::at(0)).unwrap();
        }
        let row = |id: &str, fields: &[&str]| {
            (id.to_owned(), fields.iter().map(|field| (*field).to_owned()).collect::<Vec<_>>())
        };
        let expected = [row("sync-3", &["title"]), row("sync-2", &["rationale"])];
        assert_eq!(found(&cache, "redis replica"), expected);
        assert_eq!(found(&cache, "redis replica -rotate"), expected[1..]);
        assert_eq!(found(&cache, "\"replica redis\""), []);
        assert_eq!(found(&cache, "service:checkout-web kind:gate"), []);
        assert_eq!(found(&cache, "kubectl service:checkout-web").len(), 3);
    }
}
