//! What only a file can do wrong: be another's, be newer, be torn, be written by two.

use super::*;
use crate::{
    audit::merkle::{Frontier, leaf_hash},
    row::Event,
    store::{
        About, LeafDraft,
        suite::{at, leaf, opening, receipt, setup},
    },
};

fn about(name: &str) -> LeafDraft {
    leaf(Event::PersonChanged, About::Principal(name.parse().unwrap()))
}

fn one_leaf() -> Commit {
    Commit { leaves: vec![about("sarah")], ..Commit::at(at(1)) }
}

fn refusal(file: &Path) -> StoreError {
    Sqlite::open(file, &setup()).map(|_| ()).unwrap_err()
}

#[tokio::test]
async fn it_is_found_again_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("dock.db");
    let store = Sqlite::open(&file, &setup()).unwrap();
    receipt(store.commit(opening(8821, "a", at(1))).await.unwrap());
    use std::os::unix::fs::PermissionsExt as _;
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o077, 0, "its owner's alone");
    let (head, root) = (store.head().await.unwrap(), store.root(1).await.unwrap());
    drop(store);
    let again = Sqlite::open(&file, &Setup::default()).unwrap();
    assert_eq!((again.head().await.unwrap(), again.root(1).await.unwrap()), (head, root));
    assert_eq!(*again.grown().borrow(), 1);
}

#[test]
fn newer_foreign_and_damaged_files_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    drop(Sqlite::open(&file("newer"), &setup()).unwrap());
    Connection::open(file("newer")).unwrap().execute_batch("PRAGMA user_version = 9").unwrap();
    assert!(matches!(refusal(&file("newer")), StoreError::Newer { found: 9, known: 3, .. }));
    assert!(refusal(&file("newer")).to_string().contains("schema 9"));

    Connection::open(file("foreign")).unwrap().execute_batch("CREATE TABLE photo (id)").unwrap();
    assert!(matches!(refusal(&file("foreign")), StoreError::Foreign { .. }));

    std::fs::write(file("damaged"), "This is not a database, and long enough to be none.".repeat(99))
        .unwrap();
    assert!(matches!(refusal(&file("damaged")), StoreError::Damaged(_)));
    assert!(matches!(refusal(&file("no/such/folder")), StoreError::Open { .. }));
}

#[tokio::test]
async fn two_processes_make_one_log() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("dock.db");
    let stores = [(); 2].map(|()| Sqlite::open(&file, &setup()).unwrap());
    let mut grown = stores[0].grown();
    for round in 0..10_u64 {
        for (place, store) in (0..).zip(&stores) {
            let done = receipt(store.commit(one_leaf()).await.unwrap());
            assert_eq!(done.indexes, [round * 2 + place]);
        }
    }
    grown.wait_for(|size| *size == 20).await.unwrap();
    assert_whole(&stores[0]).await;
}

/// The log's own tree, computed anew, is the one that is stored.
async fn assert_whole(store: &Sqlite) {
    let size = store.head().await.unwrap().size;
    let leaves = store.leaves(Leaves::From { index: 0, limit: Leaves::LEAVES_MAX }).await.unwrap();
    let mut frontier = Frontier::default();
    for leaf in &leaves {
        frontier.append(leaf_hash(&leaf.bytes));
    }
    assert_eq!((frontier.size(), leaves.len() as u64), (size, size));
    assert_eq!(frontier.root(), store.root(size).await.unwrap());
}

/// A crash leaves the write-ahead log cut at any byte. Whatever is left opens, is whole, and is a beginning.
#[tokio::test]
async fn a_file_cut_anywhere_opens_to_a_whole_beginning() {
    let folder = tempfile::tempdir().unwrap();
    let (file, wal) = (folder.path().join("dock.db"), folder.path().join("dock.db-wal"));
    let store = Sqlite::open(&file, &setup()).unwrap();
    for number in 0..6 {
        receipt(store.commit(opening(8821 + number, &format!("app-{number}"), at(1))).await.unwrap());
    }
    let (main, log) = (std::fs::read(&file).unwrap(), std::fs::read(&wal).unwrap());
    let mut sizes = Vec::new();
    for cut in (0..=log.len()).step_by(log.len() / 60) {
        let copy = tempfile::tempdir().unwrap();
        std::fs::write(copy.path().join("dock.db"), &main).unwrap();
        std::fs::write(copy.path().join("dock.db-wal"), &log[..cut]).unwrap();
        let again = Sqlite::open(&copy.path().join("dock.db"), &setup()).unwrap();
        assert_whole(&again).await;
        let size = again.head().await.unwrap().size;
        let rows = again.rows(RowQuery::default()).await.unwrap().rows;
        assert_eq!(rows.len() as u64, size, "a row without its leaf, or a leaf without its row");
        receipt(again.commit(one_leaf()).await.unwrap());
        sizes.push(size);
    }
    assert!(sizes.is_sorted() && sizes[0] == 0, "{sizes:?}");
    assert!(sizes.len() > 50 && sizes.contains(&3), "{sizes:?}");
}

/// Whatever statement of a commit fails, nothing of it is there, and the next commit stands.
#[tokio::test]
async fn a_commit_that_fails_halfway_leaves_nothing() {
    for table in ["leaf", "node", "thread", "row", "row_head", "draft", "search_content", "blob"] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("dock.db");
        let store = Sqlite::open(&file, &setup()).unwrap();
        receipt(store.commit(one_leaf()).await.unwrap());
        let other = Connection::open(&file).unwrap();
        let trigger =
            format!("CREATE TRIGGER fault BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'fault'); END");
        if table == "search_content" {
            other.execute_batch("DROP TABLE search").unwrap();
        } else {
            other.execute_batch(&trigger).unwrap();
        }
        let before = store.head().await.unwrap();
        let mut commit = opening(8821, "a", at(2));
        commit.blobs.push(b"x".to_vec());
        assert!(store.commit(commit).await.is_err(), "{table}");
        assert_eq!(store.head().await.unwrap(), before, "{table}");
        assert_eq!(store.row("sync-8821".parse().unwrap()).await.unwrap(), None, "{table}");
        if table != "search_content" {
            other.execute_batch("DROP TRIGGER fault").unwrap();
            let done = receipt(store.commit(opening(8821, "a", at(2))).await.unwrap());
            assert_eq!(done.indexes, [1], "{table}");
        }
        assert_whole(&store).await;
    }
}

/// A database from before rows were searched part by part: what it holds is found after it was brought up.
#[tokio::test]
async fn an_older_database_is_searched_like_a_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("dock.db");
    let store = Sqlite::open(&file, &setup()).unwrap();
    receipt(store.commit(opening(8821, "payments-api", at(1))).await.unwrap());
    drop(store);
    let older = Connection::open(&file).unwrap();
    older
        .execute_batch(
            "DROP TABLE search; CREATE VIRTUAL TABLE search USING fts5 (body, \
             tokenize = 'unicode61 remove_diacritics 0'); DROP TABLE waiting; \
             PRAGMA user_version = 1;",
        )
        .unwrap();
    drop(older);
    let store = Sqlite::open(&file, &setup()).unwrap();
    for (text, expected) in
        [("\"commit whose ci\"", 1), ("service:payments-api asked:sarah", 1), ("redis", 0)]
    {
        let found = store.search(crate::store::suite::searching(text)).await.unwrap().rows;
        assert_eq!(found.len(), expected, "{text}");
    }
}
