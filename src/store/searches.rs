//! Whatever is searched for: memory, which says what is right, and SQLite's index find the same rows in the same order.

use proptest::prelude::*;

use super::{
    memory::Memory,
    sqlite::Sqlite,
    suite::{at, draft, opening, receipt, searching, setup},
    *,
};

const CASES: u32 = 24;

/// Title, rationale, subject, and how many seconds later it changed.
type Written = (String, String, usize, i64);

fn written() -> impl Strategy<Value = Written> {
    let text = |most: usize| {
        let word = prop_oneof![
            "[ab]{1,2}",
            Just("Café".to_owned()),
            Just("redis".to_owned()),
            Just("a-b".to_owned())
        ];
        prop::collection::vec(word, 1..most).prop_map(|words| words.join(" "))
    };
    (text(4), text(12), 0..3_usize, 0..4_i64)
}

fn asked() -> impl Strategy<Value = String> {
    let term = prop_oneof![
        "[ab]{1,2}",
        "-[ab]{1,2}",
        "\"[ab]{1,2} [ab]{1,2}\"",
        Just("caf".to_owned()),
        Just("a-b".to_owned()),
        Just("service:app-1".to_owned()),
        Just("-service:app-1,app-2".to_owned()),
        Just("asked:sarah".to_owned()),
        Just("before:998s".to_owned()),
        Just("kind:sync".to_owned()),
    ];
    prop::collection::vec(term, 0..4).prop_map(|terms| terms.join(" "))
}

async fn fill(store: &dyn Store, rows: &[Written]) {
    for (number, (title, rationale, app, second)) in (8821..).zip(rows) {
        let mut commit = opening(number, &format!("app-{app}"), at(*second));
        let mut body = draft(&format!("app-{app}"), rationale);
        body.title.clone_from(title);
        if let Some(write) = &mut commit.row {
            // Ended, so that a subject may have several.
            write.row.stage = crate::row::Stage::Expired { at: at(*second) };
        }
        commit.draft = Some(Box::new(body));
        receipt(store.commit(commit).await.unwrap());
    }
}

async fn found(store: &dyn Store, text: &str) -> Vec<RowId> {
    store.search(searching(text)).await.unwrap().rows.iter().map(|row| row.id).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    #[test]
    fn both_find_the_same_in_the_same_order(
        rows in prop::collection::vec(written(), 1..8),
        searches in prop::collection::vec(asked(), 12),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let memory = Memory::new(&setup());
            let sqlite = Sqlite::open(&folder.path().join("dock.db"), &setup()).unwrap();
            fill(&memory, &rows).await;
            fill(&sqlite, &rows).await;
            for search in &searches {
                let (right, is) = (found(&memory, search).await, found(&sqlite, search).await);
                prop_assert_eq!(is, right, "{} in {:?}", search, &rows);
            }
            Ok(())
        })?;
    }
}
