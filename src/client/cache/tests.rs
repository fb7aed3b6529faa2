//! What the cache keeps, what it forgets, and what it does with a file that it cannot trust.

use super::*;
use crate::{
    client::sample::{at, draft, snapshot, view},
    row::State,
};

const PLENTY: u64 = 1 << 20;

fn cache() -> (tempfile::TempDir, PathBuf, Cache) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cache.db");
    let (cache, remark) = Cache::open(&file).unwrap();
    assert_eq!(remark, None);
    (folder, file, cache)
}

#[test]
fn a_row_comes_back_as_the_server_said_it() {
    let (_folder, _, mut cache) = cache();
    let shown = view("sync-8822", 1, draft());
    cache.replace(&snapshot(vec![shown.clone()]), PLENTY, at(61)).unwrap();
    let cached = cache.row(shown.head.id, at(61)).unwrap().unwrap();
    assert_eq!(cached.undecidable, None);
    let mut expected = shown;
    expected.head.as_of = at(60);
    assert_eq!(cached.view, expected);
    assert_eq!(cache.as_of().unwrap().unwrap().position.to_string(), "1.7");
}

#[test]
fn facts_age_while_nobody_answers() {
    let (_folder, _, mut cache) = cache();
    cache.replace(&snapshot(vec![view("sync-8822", 1, draft())]), PLENTY, at(61)).unwrap();
    for (now, stale) in [(300, false), (301, true)] {
        assert_eq!(cache.heads(at(0), at(now)).unwrap()[0].stale, stale, "{now}");
        let row = cache.row("sync-8822".parse().unwrap(), at(now)).unwrap().unwrap();
        assert_eq!((row.view.head.stale, row.view.signals[0].fresh), (stale, !stale), "{now}");
    }
}

#[test]
fn lists_hold_what_is_open_or_changed_lately() {
    let (_folder, _, mut cache) = cache();
    let mut declined = view("sync-8821", 1, draft());
    declined.head.state = State::Declined;
    cache.replace(&snapshot(vec![declined, view("sync-8822", 1, draft())]), PLENTY, at(61)).unwrap();
    let ids = |since| {
        let mut ids: Vec<_> =
            cache.heads(since, at(61)).unwrap().iter().map(|head| head.id.to_string()).collect();
        ids.sort();
        ids
    };
    assert_eq!(ids(at(0)), ["sync-8821", "sync-8822"]);
    assert_eq!(ids(at(1)), ["sync-8822"]);
}

#[test]
fn an_edited_row_is_undecidable_and_says_so() {
    for (from, to) in [
        ("Reconciling would revert", "Reconciling would keep"),
        ("kubectl changed", "nobody changed"),
        (r#""verdict":"hold""#, r#""verdict":"sync""#),
        ("4f1c9e2", "4f1c9e3"),
        (r#""prune":false"#, r#""prune":true"#),
    ] {
        let (_folder, file, mut cache) = cache();
        cache.replace(&snapshot(vec![view("sync-8822", 1, draft())]), PLENTY, at(61)).unwrap();
        let edit = Connection::open(&file).unwrap();
        assert_eq!(edit.execute("UPDATE body SET body = replace(body, ?1, ?2)", [from, to]).unwrap(), 1);
        let row = cache.row("sync-8822".parse().unwrap(), at(61)).unwrap().unwrap();
        assert!(row.undecidable.is_some_and(|why| why.contains("does not match")), "{from}");
    }
    let (_folder, file, mut cache) = cache();
    cache.replace(&snapshot(vec![view("sync-8822", 1, draft())]), PLENTY, at(61)).unwrap();
    Connection::open(&file).unwrap().execute("UPDATE blob SET bytes = x'00'", []).unwrap();
    assert!(cache.row("sync-8822".parse().unwrap(), at(61)).unwrap().unwrap().undecidable.is_some());
}

#[test]
fn above_the_cap_differences_go_and_the_row_stays_readable() {
    let (_folder, _, mut cache) = cache();
    cache.replace(&snapshot(vec![view("sync-8822", 1, draft())]), 1, at(61)).unwrap();
    let row = cache.row("sync-8822".parse().unwrap(), at(61)).unwrap().unwrap();
    assert!(row.undecidable.unwrap().contains("not kept here"));
    assert_eq!(row.view.head.subject, "checkout-web");
}

#[test]
fn an_earlier_revision_stays_until_the_row_goes() {
    let (_folder, _, mut cache) = cache();
    cache.replace(&snapshot(vec![view("sync-8822", 1, draft())]), PLENTY, at(61)).unwrap();
    cache.merge(&snapshot(vec![view("sync-8822", 2, draft())]), PLENTY, at(62)).unwrap();
    let id = "sync-8822".parse().unwrap();
    assert_eq!(cache.row(id, at(62)).unwrap().unwrap().view.head.revision, 2);
    assert_eq!(cache.revision(id, 1, at(62)).unwrap().unwrap().view.head.revision, 1);
}

#[test]
fn a_damaged_cache_is_made_anew_and_a_newer_one_refused() {
    let (_folder, file, cache) = cache();
    drop(cache);
    for side in ["-wal", "-shm"] {
        let _ = fs::remove_file(format!("{}{side}", file.display()));
    }
    fs::write(&file, [0xff; 4096]).unwrap();
    let (_, remark) = Cache::open(&file).unwrap();
    assert!(remark.unwrap().contains("made anew"));
    Connection::open(&file).unwrap().pragma_update(None, "user_version", 99).unwrap();
    assert!(matches!(Cache::open(&file), Err(StoreError::Newer { found: 99, .. })));
}

#[test]
fn damage_that_shows_late_takes_the_file_with_it() {
    let (_folder, file, mut cache) = cache();
    let shown = view("sync-8822", 1, draft());
    cache.replace(&snapshot(vec![shown.clone()]), PLENTY, at(61)).unwrap();
    cache.db.execute("UPDATE body SET body = 'no JSON'", []).unwrap();
    let said = cache.row(shown.head.id, at(61)).unwrap_err().to_string();
    assert!(said.contains("damaged") && said.contains("dock sync"), "{said}");
    assert!(!file.exists());
    assert_eq!(Cache::open(&file).unwrap().1, None);
}
