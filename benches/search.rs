//! What it costs to keep ten thousand rows searchable, and to find one of them: commits of a SQLite store, beside one that
//! writes a leaf alone, and queries over all rows.
//!
//! Prints times and ratios. Never asserts a time.

#![expect(clippy::expect_used, reason = "a bench that cannot be set up has nothing to say")]

use std::{collections::BTreeMap, num::NonZeroU32, time::Instant};

use dock::{
    audit::leaf::Actor,
    row::{
        Base, Draft, Effect, Event, Kind, Pointer, PrincipalKind, Risk, Row, RowId, Rule, Stage, Verdict, c1,
        difference::{self, FileDifference},
        search::Query,
        sync::{SyncBase, SyncEffect},
    },
    store::{About, Commit, Committed, LeafDraft, RowQuery, RowWrite, Search, Setup, Store, sqlite::Sqlite},
};
use jiff::{SignedDuration, Timestamp};

const ROWS: u64 = 10_000;
const MEASURED: u64 = 200;
const LINES: usize = 40;

const QUERIES: [&str; 7] = [
    "redis replica",
    "\"rotate the redis replica\"",
    "merged",
    "service:service-0042",
    "who:sarah before:2d rolled",
    "no schema -redis",
    "red",
];

fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("dock.db");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let store = Sqlite::open(&file, &Setup::default()).expect("a store");
    runtime.block_on(measure(&store));
}

async fn measure(store: &dyn Store) {
    let now = Timestamp::from_second(1_780_000_000).expect("a time");
    let commits: Vec<_> = (1..=ROWS - MEASURED).map(|number| store.commit(opening(number, now))).collect();
    let start = Instant::now();
    for commit in commits {
        commit.await.expect("committed");
    }
    line("rows opened, many at once", start.elapsed().as_secs_f64(), ROWS - MEASURED, None);
    let mut each = [0.0; 4];
    for (number, _) in (ROWS - MEASURED + 1..).step_by(2).zip(0..MEASURED) {
        let row = RowId { kind: Kind::Sync, number };
        each[0] += time(store, Commit { leaves: vec![leaf(row)], ..Commit::at(now) }).await;
        each[1] += time(store, opening(number, now)).await;
        each[3] += time(store, unindexed(number + 1, now)).await;
        let mut moved = store.row(row).await.expect("read").expect("there");
        moved.changed_at = now;
        let write = RowWrite { expected: Some(moved.version), row: moved };
        each[2] += time(store, Commit { leaves: vec![leaf(row)], row: Some(write), ..Commit::at(now) }).await;
    }
    line("a leaf alone (bound)", each[0], MEASURED, Some(each[0]));
    line("a row opened, its body not indexed", each[3], MEASURED, Some(each[0]));
    line("a row opened, its body indexed", each[1], MEASURED, Some(each[0]));
    line("a row moved, its body as it was", each[2], MEASURED, Some(each[0]));
    for text in QUERIES {
        let query = Query::parse(text).expect("a query");
        let search = Search { query, among: RowQuery::default(), now, skip: 0, limit: 50 };
        let start = Instant::now();
        let found = store.search(search.clone()).await.expect("found").rows.len();
        let first = start.elapsed().as_secs_f64();
        let start = Instant::now();
        for _ in 0..10 {
            store.search(search.clone()).await.expect("found");
        }
        line(&format!("{text} ({found})"), start.elapsed().as_secs_f64(), 10, Some(first * 10.0));
    }
}

async fn time(store: &dyn Store, commit: Commit) -> f64 {
    let start = Instant::now();
    let committed = store.commit(commit).await.expect("committed");
    let elapsed = start.elapsed().as_secs_f64();
    assert!(matches!(committed, Committed::At(_)), "{committed:?}");
    elapsed
}

fn leaf(row: RowId) -> LeafDraft {
    let actor = Actor { id: "argus".parse().expect("a name"), kind: PrincipalKind::Agent };
    let body = c1::map([("word", c1::Value::from("losab"))]);
    LeafDraft { actor, event: Event::RowState, about: About::Row { row, revision: 1 }, body }
}

fn opening(number: u64, now: Timestamp) -> Commit {
    let draft = draft(number, now);
    let id = RowId { kind: Kind::Sync, number };
    let row = Row {
        revised_by: None,
        id,
        subject: draft.subject.clone(),
        environment: draft.environment.clone(),
        title: draft.title.clone(),
        agent: "argus".parse().expect("a name"),
        owner: "admin".parse().expect("a name"),
        verdict: draft.verdict,
        incident: None,
        parent: None,
        reviewers: draft.reviewers.clone(),
        risk: draft.risk,
        rule: Rule::keys(NonZeroU32::MIN),
        revision: 1,
        version: 0,
        digests: draft.digests(id, 1),
        base_revision: draft.base.revision(),
        drift: None,
        claim: false,
        stage: Stage::Expired { at: now },
        keys: Vec::new(),
        withdrawn_by_person: false,
        again: std::collections::BTreeMap::new(),
        created_at: now,
        changed_at: now.saturating_sub(SignedDuration::from_mins(number.cast_signed())).unwrap_or(now),
        expires_at: now,
    };
    Commit {
        leaves: vec![leaf(id)],
        row: Some(RowWrite { row, expected: None }),
        draft: Some(Box::new(draft)),
        ..Commit::at(now)
    }
}

/// The same bytes in the same number of tables, but beside the index: what opening a row would cost without it.
fn unindexed(number: u64, now: Timestamp) -> Commit {
    let mut commit = opening(number, now);
    let body = commit.draft.take().expect("a body");
    commit.blobs = vec![serde_json::to_vec(&*body).expect("JSON")];
    commit
}

fn draft(number: u64, at: Timestamp) -> Draft {
    let app = format!("service-{:04}", number % 1_700);
    let revisions = vec![format!("{number:040x}")];
    let side = |word: &str| {
        (0..LINES).map(|at| format!("key_{at}: {word} {}\n", at as u64 * number)).collect::<String>()
    };
    let file = FileDifference::of("ConfigMap/settings", side("before"), side("after"));
    let rationale = if number.is_multiple_of(500) {
        "Rotate the redis replica before failover; it was done by hand."
    } else {
        "Roll forward to ship what was merged. Low blast radius, no schema change."
    };
    Draft {
        kind: Kind::Sync,
        subject: app.clone(),
        environment: "production".to_owned(),
        title: format!("image tag behind main by {} commits", number % 9 + 1),
        verdict: Verdict::Sync,
        rationale: rationale.to_owned(),
        prose_by: "rules".to_owned(),
        signals: Vec::new(),
        pointers: vec![Pointer {
            name: "argocd_application".to_owned(),
            platform: "argocd".to_owned(),
            reference: format!("argocd/app/{app}"),
            url: "https://argocd.invalid".to_owned(),
        }],
        incident: None,
        parent: None,
        reviewers: vec!["sarah".parse().expect("a name")],
        risk: Risk::Reversible,
        base: Base::Sync(SyncBase {
            application: app.clone(),
            project: "default".to_owned(),
            revisions: revisions.clone(),
            sources: Vec::new(),
            resources: Vec::new(),
            hooks: Vec::new(),
        }),
        effect: Effect::Argocd(SyncEffect {
            application: app,
            project: "default".to_owned(),
            revisions,
            prune: false,
            resources: "all".to_owned(),
            hooks: Vec::new(),
        }),
        diff: difference::write(&[file], "live", "git"),
        proposal: None,
        amended_by: Vec::new(),
        facts: BTreeMap::new(),
        read_at: at,
    }
}

fn line(name: &str, seconds: f64, count: u64, bound: Option<f64>) {
    #[expect(clippy::cast_precision_loss, reason = "counts are small")]
    let each_ms = seconds * 1e3 / count as f64;
    let ratio = bound.map(|bound| format!("{:>6.2}x", seconds / bound)).unwrap_or_default();
    #[expect(clippy::print_stdout, reason = "a bench prints its table")]
    {
        println!("{name:<36} {each_ms:>9.3} ms each   {ratio}");
    }
}
