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

/// Rows of every state, and with everything that may be missing.
fn all_kinds() -> Vec<RowView> {
    let one = |(number, state): (usize, &State)| {
        let mut shown = view(&format!("sync-{}", number + 1), 1, draft());
        let head = &mut shown.head;
        head.state = *state;
        if number % 2 == 0 {
            head.incident = None;
            head.how = Some(crate::row::How::Overridden);
            head.reviewers = vec!["govind".parse().unwrap(), "priya".parse().unwrap()];
            (head.keys_needed, head.keys_given) = (2, 1);
            head.risk = crate::row::Risk::Irreversible;
            head.verdict = crate::row::Verdict::Publish;
            head.title = "naïve 漢 \u{202e}, \"quoted\"".into();
            head.changed_at = at(0) - SignedDuration::from_micros(1);
        } else {
            head.reviewers = vec![];
        }
        shown
    };
    State::ALL.iter().enumerate().map(one).collect()
}

fn sorted(mut heads: Vec<RowHead>) -> Vec<RowHead> {
    heads.sort_by_key(|head| head.id);
    heads
}

/// What the list says of these views: each as true as the whole cache.
fn expected(views: &[RowView]) -> Vec<RowHead> {
    let head = |view: &RowView| RowHead { as_of: at(60).max(view.head.as_of), ..view.head.clone() };
    sorted(views.iter().map(head).collect())
}

#[test]
fn the_columns_say_what_the_server_said() {
    let (_folder, _, mut cache) = cache();
    let views = all_kinds();
    cache.replace(&snapshot(views.clone()), PLENTY, at(61)).unwrap();
    let heads = sorted(cache.heads(Timestamp::MIN, at(61)).unwrap());
    let json = |heads: &[RowHead]| serde_json::to_string(heads).unwrap();
    assert_eq!(json(&heads), json(&expected(&views)));
    let mut lines = cache.all(Timestamp::MIN, at(61)).unwrap();
    lines.sort_by_key(|line| line.id);
    assert_eq!(lines, heads.iter().map(Listed::from).collect::<Vec<_>>());
    let one = cache.listed(heads[0].id, at(61)).unwrap();
    assert_eq!(one, Some(Listed::from(&heads[0])));
    assert_eq!(cache.listed("gate-1".parse().unwrap(), at(61)).unwrap(), None);
}

#[test]
fn what_is_over_is_counted_apart() {
    let (_folder, _, mut cache) = cache();
    let views = all_kinds();
    cache.replace(&snapshot(views.clone()), PLENTY, at(61)).unwrap();
    let ids = |wanted: &dyn Fn(State) -> bool| -> Vec<RowId> {
        views.iter().filter(|view| wanted(view.head.state)).map(|view| view.head.id).collect()
    };
    let of = |lines: Vec<Listed>| {
        let mut ids: Vec<RowId> = lines.iter().map(|line| line.id).collect();
        ids.sort();
        ids
    };
    let list = cache.list(Timestamp::MIN, at(61)).unwrap();
    assert_eq!(of(list.rows), ids(&|state| !state.over()));
    let mut counted = list.over;
    counted.sort();
    let over = views.iter().filter(|view| view.head.state.over());
    assert_eq!(counted, over.map(|view| (view.head.id, view.head.changed_at)).collect::<Vec<_>>());
    assert_eq!(of(cache.over(Timestamp::MIN, at(61)).unwrap()), ids(&State::over));
    let later = cache.list(at(1), at(61)).unwrap();
    assert_eq!(of(later.rows), ids(&State::undecided), "what waits is listed whenever it changed");
    assert!(later.over.is_empty() && cache.over(at(1), at(61)).unwrap().is_empty());
}

/// A cache as the first format kept it: a JSON text for each line.
fn first_format(file: &Path, views: &[RowView]) -> Connection {
    let (mut cache, _) = Cache::open(file).unwrap();
    cache.replace(&snapshot(views.to_vec()), PLENTY, at(61)).unwrap();
    cache.db.execute_batch("DROP TABLE head").unwrap();
    let first = SCHEMA.steps[0];
    let table = &first[first.find("CREATE TABLE head").unwrap()..first.find("CREATE TABLE body").unwrap()];
    cache.db.execute_batch(table).unwrap();
    for view in views {
        let until = view.signals.iter().map(|signal| fresh_until(signal).as_millisecond()).min();
        let head = &view.head;
        let (id, changed_at) = (head.id.to_string(), head.changed_at.as_millisecond());
        let given =
            params![id, head.state.undecided(), changed_at, until, head.revision, json(head).unwrap()];
        cache.db.execute("INSERT INTO head VALUES (?1, ?2, ?3, ?4, ?5, ?6)", given).unwrap();
    }
    cache.db.pragma_update(None, "user_version", 1).unwrap();
    cache.db
}

#[test]
fn a_cache_of_the_first_format_is_taken_over_offline() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cache.db");
    let views = all_kinds();
    drop(first_format(&file, &views));
    for _ in 0..2 {
        let (cache, remark) = Cache::open(&file).unwrap();
        assert_eq!(remark, None);
        assert_eq!(sorted(cache.heads(Timestamp::MIN, at(61)).unwrap()), expected(&views));
        assert!(cache.all(Timestamp::MIN, at(301)).unwrap().iter().all(|line| line.stale));
        assert_eq!(cache.as_of().unwrap().unwrap().position.to_string(), "1.7");
        let row = cache.row(views[0].head.id, at(61)).unwrap().unwrap();
        assert_eq!(row.view.head.state, views[0].head.state);
    }
}

#[test]
fn a_damaged_cache_of_the_first_format_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cache.db");
    let db = first_format(&file, &all_kinds());
    db.execute("UPDATE head SET head = 'no JSON' WHERE id = 'sync-3'", []).unwrap();
    drop(db);
    let (cache, remark) = Cache::open(&file).unwrap();
    assert!(remark.unwrap().contains("made anew"));
    assert_eq!(cache.as_of().unwrap(), None);
}

#[test]
fn a_column_that_nobody_wrote_takes_the_file_with_it() {
    for edit in [
        "id = 'sync-08'",
        "state = 'no state'",
        "verdict = ''",
        "risk = 'low'",
        "agent = 'no name!'",
        "reviewers = 'sarah,A'",
        "base_sha256 = x'00'",
        "changed_at = 9223372036854775807",
        "keys_needed = -1",
        "title = CAST(x'ff' AS TEXT)",
    ] {
        let (_folder, file, mut cache) = cache();
        cache.replace(&snapshot(vec![view("sync-8822", 1, draft())]), PLENTY, at(61)).unwrap();
        cache.db.execute(&format!("UPDATE head SET {edit}"), []).unwrap();
        let said = cache.list(at(0), at(61)).unwrap_err().to_string();
        assert!(said.contains("damaged") && said.contains("dock sync"), "{edit}: {said}");
        assert!(!file.exists(), "{edit}");
    }
}
