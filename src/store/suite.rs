//! One suite of named cases for every store. A case is a promise of the trait; each runs on each implementation.

use std::{collections::BTreeMap, num::NonZeroU32, sync::Arc};

use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::{
    audit::merkle,
    row::{
        Base, Effect, Event, Note, Pointer, PrincipalKind, Risk, Rule, Stage, State, Verdict, c1,
        draft::PROSE_BY_RULES,
        hold::Lifted,
        sync::{SyncBase, SyncEffect},
        waiting::{
            RUNS_MAX, SIGNS_WITHIN,
            example::{COMMIT, answer, place, said, says},
        },
    },
};

pub(super) fn setup() -> Setup {
    Setup { first_numbers: BTreeMap::from([(Kind::Sync, 8821)]) }
}

pub(super) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_780_000_000 + second).unwrap()
}

pub(super) fn id(text: &str) -> RowId {
    text.parse().unwrap()
}

fn name(text: &str) -> PrincipalId {
    text.parse().unwrap()
}

pub(super) fn draft(subject: &str, rationale: &str) -> Draft {
    let base = SyncBase {
        application: subject.to_owned(),
        project: "default".to_owned(),
        revisions: vec!["9f1c".to_owned()],
        sources: vec![],
        resources: vec![],
        hooks: vec![],
    };
    let effect = SyncEffect {
        application: subject.to_owned(),
        project: "default".to_owned(),
        revisions: vec!["9f1c".to_owned()],
        prune: false,
        resources: "all".to_owned(),
        hooks: vec![],
    };
    let pointer = Pointer {
        name: "argocd_application".to_owned(),
        platform: "argocd".to_owned(),
        reference: format!("argocd/app/{subject}"),
        url: "https://argocd.invalid".to_owned(),
    };
    Draft {
        kind: Kind::Sync,
        subject: subject.to_owned(),
        environment: "production".to_owned(),
        title: format!("{subject}: image 1.4.2"),
        verdict: Verdict::Sync,
        rationale: rationale.to_owned(),
        prose_by: PROSE_BY_RULES.to_owned(),
        signals: vec![],
        pointers: vec![pointer],
        incident: None,
        parent: None,
        reviewers: vec![name("sarah")],
        risk: Risk::Reversible,
        base: Base::Sync(base),
        effect: Effect::Argocd(effect),
        diff: "--- live\n+++ git\n".to_owned(),
        proposal: None,
        amended_by: vec![],
        facts: BTreeMap::new(),
        read_at: at(0),
    }
}

pub(super) fn row(number: u64, draft: &Draft, now: Timestamp) -> Row {
    let id = RowId { kind: Kind::Sync, number };
    Row {
        id,
        subject: draft.subject.clone(),
        environment: draft.environment.clone(),
        title: draft.title.clone(),
        agent: name("argus"),
        owner: name("admin"),
        verdict: draft.verdict,
        incident: draft.incident.clone(),
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
        stage: Stage::Pending,
        keys: vec![],
        withdrawn_by_person: false,
        revised_by: None,
        again: std::collections::BTreeMap::new(),
        created_at: now,
        changed_at: now,
        expires_at: now + SignedDuration::from_hours(4),
    }
}

pub(super) fn leaf(event: Event, about: About) -> LeafDraft {
    let actor = Actor { id: name("argus"), kind: PrincipalKind::Agent };
    LeafDraft { actor, event, about, body: c1::map([("word", c1::Value::from("x"))]) }
}

fn of_row(event: Event, row: RowId) -> LeafDraft {
    leaf(event, About::Row { row, revision: 1 })
}

fn of_person(event: Event, who: &str) -> LeafDraft {
    leaf(event, About::Principal(name(who)))
}

pub(super) fn opening(number: u64, subject: &str, now: Timestamp) -> Commit {
    let draft = draft(subject, "A new image by a commit whose CI is green.");
    let row = row(number, &draft, now);
    Commit {
        leaves: vec![of_row(Event::RowOpened, row.id)],
        row: Some(RowWrite { row, expected: None }),
        draft: Some(Box::new(draft)),
        ..Commit::at(now)
    }
}

/// The row as it is, with another stage, from a version.
async fn moving(
    store: &dyn Store,
    row: RowId,
    expected: crate::row::Version,
    stage: Stage,
    now: Timestamp,
) -> Commit {
    let mut row = store.row(row).await.unwrap().unwrap();
    (row.stage, row.changed_at) = (stage, now);
    Commit {
        leaves: vec![of_row(Event::RowState, row.id)],
        row: Some(RowWrite { row, expected: Some(expected) }),
        ..Commit::at(now)
    }
}

#[track_caller]
pub(super) fn receipt(done: Committed) -> Receipt {
    match done {
        Committed::At(receipt) => receipt,
        other => panic!("not committed: {other:?}"),
    }
}

async fn open(store: &dyn Store, number: u64, subject: &str, now: Timestamp) -> Receipt {
    receipt(store.commit(opening(number, subject, now)).await.unwrap())
}

fn parsed(leaf: &Leaf) -> c1::Value {
    c1::parse(&leaf.bytes).unwrap()
}

async fn all_leaves(store: &dyn Store) -> Vec<Leaf> {
    store.leaves(Leaves::From { index: 0, limit: usize::MAX }).await.unwrap()
}

macro_rules! cases {
    ($($case:ident)+) => {
        mod in_memory {
            $(#[tokio::test]
            async fn $case() {
                super::$case(std::sync::Arc::new(super::memory::Memory::new(&super::setup()))).await;
            })+
        }
        mod in_sqlite {
            $(#[tokio::test]
            async fn $case() {
                let folder = tempfile::tempdir().unwrap();
                let store = super::sqlite::Sqlite::open(&folder.path().join("dock.db"), &super::setup()).unwrap();
                super::$case(std::sync::Arc::new(store)).await;
            })+
        }
    };
}

cases! {
    a_commit_lands_whole
    a_refused_commit_leaves_nothing
    numbers_count_up_without_gaps
    two_from_one_version_conflict
    a_moved_authority_conflicts
    one_open_row_a_subject
    a_degraded_row_frees_its_subject_when_its_watch_ends
    each_leaf_names_its_predecessor
    time_never_falls
    the_tree_proves_every_leaf
    an_answer_is_given_once
    an_idempotency_key_is_used_once
    work_is_held_under_a_fence
    pages_follow_each_other
    search_finds_words_and_their_beginnings
    search_asks_by_key
    search_ranks_what_is_about_it_first
    search_looks_through_the_newest_revision
    holds_stand_until_lifted
    a_snapshot_is_true_at_one_position
    what_lies_beside_the_log_is_kept
    who_waits_is_told_once
    turns_at_once_are_taken_one_after_the_other
    a_service_has_so_many_runs_a_day
    writers_and_readers_see_one_order
}

async fn a_commit_lands_whole(store: Arc<dyn Store>) {
    let mut commit = opening(8821, "payments-api", at(1));
    commit.blobs.push(b"evidence".to_vec());
    let done = receipt(store.commit(commit.clone()).await.unwrap());
    assert_eq!((done.indexes.as_slice(), done.size, done.version, done.at), (&[0][..], 1, Some(1), at(1)));
    let found = store.row(id("sync-8821")).await.unwrap().unwrap();
    let expected = Row { version: 1, ..commit.row.unwrap().row };
    assert_eq!(found, expected);
    assert_eq!(store.draft(id("sync-8821"), 1).await.unwrap(), commit.draft.map(|draft| *draft));
    assert_eq!(store.draft(id("sync-8821"), 2).await.unwrap(), None);
    let several = vec![(id("sync-8821"), 1), (id("sync-8822"), 1)];
    let drafts = store.drafts(several).await.unwrap();
    assert_eq!(drafts.keys().map(ToString::to_string).collect::<Vec<_>>(), ["sync-8821"]);
    assert_eq!(store.blob(Digest::of("evidence")).await.unwrap().unwrap(), b"evidence");
    let open = store.open_row(Kind::Sync, "payments-api", at(1)).await.unwrap();
    assert_eq!(open.map(|row| row.id), Some(id("sync-8821")));
    let head = store.head().await.unwrap();
    assert_eq!((head.epoch, head.size, head.authority, head.at), (1, 1, 0, at(1)));
    assert_eq!(*store.grown().borrow(), 1);
    let bytes = br#"{"actor":{"id":"argus","kind":"agent"},"at":"2026-05-28T20:26:41Z","body":{"word":"x"},"event":"row.opened","revision":"1","row":"sync-8821","v":"1"}"#;
    assert_eq!(all_leaves(&*store).await, [Leaf { index: 0, bytes: bytes.to_vec() }]);
}

async fn a_refused_commit_leaves_nothing(store: Arc<dyn Store>) {
    open(&*store, 8821, "payments-api", at(1)).await;
    let mut commit = opening(8822, "payments-api", at(2));
    commit.blobs.push(b"lost".to_vec());
    commit.work.push(WorkChange::Add {
        kind: WorkKind::Tell,
        row: id("sync-8822"),
        payload: String::new(),
        not_before: at(0),
    });
    let before = store.head().await.unwrap();
    assert_eq!(store.commit(commit).await.unwrap(), Committed::SubjectTaken(id("sync-8821")));
    assert_eq!(store.head().await.unwrap(), before);
    assert_eq!(store.row(id("sync-8822")).await.unwrap(), None);
    assert_eq!(store.blob(Digest::of("lost")).await.unwrap(), None);
    assert_eq!(store.take_work(WorkKind::Tell, at(9), SignedDuration::from_secs(1)).await.unwrap(), None);
    assert_eq!(all_leaves(&*store).await.len(), 1);
}

async fn numbers_count_up_without_gaps(store: Arc<dyn Store>) {
    for wrong in [1, 8820, 8822] {
        let done = store.commit(opening(wrong, "a", at(1))).await.unwrap();
        assert_eq!(done, Committed::Conflict, "{wrong}");
    }
    open(&*store, 8821, "a", at(1)).await;
    open(&*store, 8822, "b", at(1)).await;
    let head = store.head().await.unwrap();
    assert_eq!((head.next[&Kind::Sync], head.next[&Kind::Gate]), (8823, 1));
}

async fn two_from_one_version_conflict(store: Arc<dyn Store>) {
    open(&*store, 8821, "a", at(1)).await;
    let withdrawn = |second| Stage::Withdrawn { at: at(second), why: "the drift is gone".into() };
    let (first, second) = (
        moving(&*store, id("sync-8821"), 1, withdrawn(2), at(2)).await,
        moving(&*store, id("sync-8821"), 1, withdrawn(3), at(3)).await,
    );
    assert_eq!(receipt(store.commit(first).await.unwrap()).version, Some(2));
    assert_eq!(store.commit(second).await.unwrap(), Committed::Conflict);
    assert_eq!(store.row(id("sync-8821")).await.unwrap().unwrap().stage, withdrawn(2));
}

async fn a_moved_authority_conflicts(store: Arc<dyn Store>) {
    let read = store.head().await.unwrap().authority;
    let change = Commit { leaves: vec![of_person(Event::KeyRevoked, "sarah")], ..Commit::at(at(1)) };
    receipt(store.commit(change).await.unwrap());
    let stale = Commit { authority: Some(read), ..opening(8821, "a", at(2)) };
    assert_eq!(store.commit(stale.clone()).await.unwrap(), Committed::Conflict);
    let fresh = Commit { authority: Some(read + 1), ..stale };
    receipt(store.commit(fresh).await.unwrap());
    let moved = store.leaves(Leaves::Authority { from: 0 }).await.unwrap();
    assert_eq!(moved.iter().map(|leaf| leaf.index).collect::<Vec<_>>(), [0]);
}

async fn one_open_row_a_subject(store: Arc<dyn Store>) {
    open(&*store, 8821, "a", at(1)).await;
    let second = store.commit(opening(8822, "a", at(2))).await.unwrap();
    assert_eq!(second, Committed::SubjectTaken(id("sync-8821")));
    let ended = moving(&*store, id("sync-8821"), 1, Stage::Expired { at: at(3) }, at(3)).await;
    receipt(store.commit(ended).await.unwrap());
    open(&*store, 8822, "a", at(4)).await;
}

async fn a_degraded_row_frees_its_subject_when_its_watch_ends(store: Arc<dyn Store>) {
    open(&*store, 8821, "a", at(1)).await;
    let execution = execution(at(2));
    let outcome = crate::row::stage::Outcome { checked_at: at(2), detail: "Degraded".to_owned() };
    let degraded = Stage::Degraded { execution, outcome, watch_until: at(100) };
    let commit = moving(&*store, id("sync-8821"), 1, degraded, at(2)).await;
    receipt(store.commit(commit).await.unwrap());
    let early = store.commit(opening(8822, "a", at(99))).await.unwrap();
    assert_eq!(early, Committed::SubjectTaken(id("sync-8821")));
    let open_at = |second| store.open_row(Kind::Sync, "a", at(second));
    assert_eq!(open_at(99).await.unwrap().map(|row| row.id), Some(id("sync-8821")));
    assert_eq!(open_at(100).await.unwrap(), None);
    let since = |now| Changed::Since { since: at(50), now: at(now) };
    assert_eq!(store.snapshot(since(99)).await.unwrap().rows.len(), 1);
    assert_eq!(store.snapshot(since(100)).await.unwrap().rows.len(), 0);
    assert_eq!(store.open_rows(at(99)).await.unwrap().len(), 1);
    assert_eq!(store.open_rows(at(100)).await.unwrap().len(), 0);
    open(&*store, 8822, "a", at(100)).await;
}

fn execution(now: Timestamp) -> crate::row::stage::Execution {
    let decision = DecisionId::new(1, [0; 10]);
    let approval = crate::row::stage::Approval {
        how: crate::row::How::Plain,
        decisions: vec![decision.clone()],
        at: now,
        effect: Digest::of("effect"),
        policy: None,
    };
    let before = crate::row::stage::Before::default();
    crate::row::stage::Execution {
        approval,
        tag: decision,
        write: crate::row::stage::Write::Sync,
        done: Vec::new(),
        intended_at: now,
        before,
        confirmed_at: None,
        undone: None,
    }
}

async fn each_leaf_names_its_predecessor(store: Arc<dyn Store>) {
    open(&*store, 8821, "a", at(1)).await;
    open(&*store, 8822, "b", at(1)).await;
    let row = id("sync-8821");
    let two = Commit {
        leaves: vec![of_row(Event::DecisionRefused, row), of_row(Event::RowState, row)],
        ..Commit::at(at(2))
    };
    assert_eq!(receipt(store.commit(two).await.unwrap()).indexes, [2, 3]);
    for _ in 0..2 {
        let person = Commit { leaves: vec![of_person(Event::PersonChanged, "sarah")], ..Commit::at(at(3)) };
        receipt(store.commit(person).await.unwrap());
    }
    let prevs: Vec<_> =
        all_leaves(&*store).await.iter().map(|leaf| parsed(leaf).text("prev").map(str::to_owned)).collect();
    assert_eq!(prevs, [None, None, Some("0".into()), Some("2".into()), None, Some("4".into())]);
    let of_row = store.leaves(Leaves::OfRow(row)).await.unwrap();
    assert_eq!(of_row.iter().map(|leaf| leaf.index).collect::<Vec<_>>(), [0, 2, 3]);
}

async fn time_never_falls(store: Arc<dyn Store>) {
    open(&*store, 8821, "a", at(100)).await;
    let back = open(&*store, 8822, "b", at(50)).await;
    assert_eq!(back.at, at(100));
    open(&*store, 8823, "c", at(101)).await;
    let between = Leaves::Between { since: at(100), until: at(100), limit: 9 };
    assert_eq!(store.leaves(between).await.unwrap().len(), 2);
}

async fn the_tree_proves_every_leaf(store: Arc<dyn Store>) {
    for number in 0..9 {
        open(&*store, 8821 + number, &format!("app-{number}"), at(1)).await;
    }
    let leaves = all_leaves(&*store).await;
    let root = store.root(9).await.unwrap();
    for leaf in &leaves {
        let proof = store.inclusion(leaf.index, 9).await.unwrap();
        let hash = merkle::leaf_hash(&leaf.bytes);
        merkle::check_inclusion(leaf.index, 9, hash, &proof, &root).unwrap();
    }
    for old in 1..=9 {
        let (old_root, proof) = (store.root(old).await.unwrap(), store.consistency(old, 9).await.unwrap());
        merkle::check_consistency((old, &old_root), (9, &root), &proof).unwrap();
    }
    assert_eq!(store.nodes(0, 2, 3).await.unwrap()[0], merkle::leaf_hash(&leaves[2].bytes));
    assert_eq!(store.nodes(0, 8, 256).await.unwrap().len(), 1);
    assert_eq!(store.root(0).await.unwrap(), merkle::empty_root());
}

async fn an_answer_is_given_once(store: Arc<dyn Store>) {
    open(&*store, 8821, "a", at(1)).await;
    let decision = DecisionId::new(7, [1; 10]);
    let answered = || Commit {
        leaves: vec![of_row(Event::DecisionAccepted, id("sync-8821"))],
        answer: Some(FinalAnswer {
            id: decision.clone(),
            request: Digest::of("bytes"),
            answer: "{}".to_owned(),
        }),
        ..Commit::at(at(2))
    };
    receipt(store.commit(answered()).await.unwrap());
    assert_eq!(store.commit(answered()).await.unwrap(), Committed::Conflict);
    let kept = store.answer(decision.clone()).await.unwrap().unwrap();
    assert_eq!((kept.request, kept.answer.as_str(), kept.leaf), (Digest::of("bytes"), "{}", Some(1)));
    assert_eq!(store.answer(DecisionId::new(8, [1; 10])).await.unwrap(), None);
}

async fn an_idempotency_key_is_used_once(store: Arc<dyn Store>) {
    let kept = Repeatable {
        principal: name("argus"),
        key: "k1".to_owned(),
        request: Digest::of("body"),
        status: 201,
        answer: "{}".to_owned(),
    };
    let first = Commit { repeatable: Some(kept.clone()), ..opening(8821, "a", at(1)) };
    receipt(store.commit(first).await.unwrap());
    let second = Commit { repeatable: Some(kept.clone()), ..opening(8822, "b", at(1)) };
    assert_eq!(store.commit(second).await.unwrap(), Committed::Conflict);
    assert_eq!(store.repeated(name("argus"), "k1".to_owned()).await.unwrap(), Some(kept));
    assert_eq!(store.repeated(name("other"), "k1".to_owned()).await.unwrap(), None);
}

async fn work_is_held_under_a_fence(store: Arc<dyn Store>) {
    let lease = SignedDuration::from_secs(15);
    let take = |second| store.take_work(WorkKind::Execute, at(second), lease);
    let row = id("sync-8821");
    let add = WorkChange::Add { kind: WorkKind::Execute, row, payload: "p".to_owned(), not_before: at(5) };
    let commit = Commit { work: vec![add], ..opening(8821, "a", at(1)) };
    receipt(store.commit(commit).await.unwrap());
    assert_eq!(take(4).await.unwrap(), None, "not due");
    let first = take(5).await.unwrap().unwrap();
    assert_eq!((first.row, first.payload.as_str(), first.attempts), (row, "p", 1));
    assert_eq!(take(19).await.unwrap(), None, "held");
    let second = take(20).await.unwrap().unwrap();
    assert!(second.fence > first.fence && second.attempts == 2);

    let change = |change: WorkChange| Commit { work: vec![change], ..Commit::at(at(21)) };
    let holding = |work: &Work| WorkChange::Holding { id: work.id, fence: work.fence };
    assert_eq!(store.commit(change(holding(&first))).await.unwrap(), Committed::LeaseLost);
    receipt(store.commit(change(holding(&second))).await.unwrap());
    let renew = WorkChange::Renew { id: second.id, fence: second.fence, until: at(60) };
    receipt(store.commit(change(renew)).await.unwrap());
    assert_eq!(take(50).await.unwrap(), None, "renewed");
    assert_eq!(store.reclaim_work().await.unwrap(), 1);
    let third = take(50).await.unwrap().unwrap();
    let later = WorkChange::Later { id: third.id, fence: third.fence, not_before: at(70) };
    receipt(store.commit(change(later)).await.unwrap());
    assert_eq!(take(69).await.unwrap(), None, "put off");
    let fourth = take(70).await.unwrap().unwrap();
    let untried = WorkChange::Untried { id: fourth.id, fence: fourth.fence, not_before: at(80) };
    receipt(store.commit(change(untried)).await.unwrap());
    assert_eq!(take(79).await.unwrap(), None, "put off");
    let last = take(80).await.unwrap().unwrap();
    assert_eq!((fourth.attempts, last.attempts), (4, 4), "what nobody tried is no attempt");
    let done = WorkChange::Done { id: last.id, fence: last.fence };
    receipt(store.commit(change(done.clone())).await.unwrap());
    assert_eq!(store.commit(change(done)).await.unwrap(), Committed::LeaseLost);
}

async fn pages_follow_each_other(store: Arc<dyn Store>) {
    for number in 0..7_u64 {
        let second = i64::try_from(number / 2).unwrap();
        open(&*store, 8821 + number, &format!("app-{number}"), at(second)).await;
    }
    let mut query = RowQuery { limit: 3, ..RowQuery::default() };
    let mut seen = Vec::new();
    loop {
        let page = store.rows(query.clone()).await.unwrap();
        seen.extend(page.rows.iter().map(|row| row.id.number));
        query.after = page.next;
        if query.after.is_none() {
            break;
        }
    }
    assert_eq!(seen, [8827, 8826, 8825, 8824, 8823, 8822, 8821]);
    let count = async |query| store.rows(query).await.unwrap().rows.len();
    assert_eq!(count(RowQuery { since: Some(at(2)), ..RowQuery::default() }).await, 3);
    assert_eq!(count(RowQuery { kinds: vec![Kind::Gate], ..RowQuery::default() }).await, 0);
    assert_eq!(count(RowQuery { states: vec![State::Pending], ..RowQuery::default() }).await, 7);
    assert_eq!(count(RowQuery { states: vec![State::Expired], ..RowQuery::default() }).await, 0);
    assert_eq!(count(RowQuery { subject: Some("app-3".to_owned()), ..RowQuery::default() }).await, 1);
    assert_eq!(count(RowQuery { incident: Some("INC-1".to_owned()), ..RowQuery::default() }).await, 0);
}

pub(super) fn searching(text: &str) -> Search {
    let query = crate::row::search::Query::parse(text).unwrap();
    Search { query, among: RowQuery::default(), now: at(1_000), skip: 0, limit: 0 }
}

async fn found(store: &dyn Store, text: &str) -> Vec<u64> {
    store.search(searching(text)).await.unwrap().rows.iter().map(|row| row.id.number).collect()
}

async fn search_finds_words_and_their_beginnings(store: Arc<dyn Store>) {
    open(&*store, 8821, "payments-api", at(1)).await;
    open(&*store, 8822, "checkout-web", at(2)).await;
    for (search, expected) in [
        ("payments", vec![8821]),
        ("PAYM image", vec![8821]),
        ("sync-8822", vec![8822]),
        ("commit green", vec![8822, 8821]),
        ("ayments", vec![]),
        ("\"drop* OR (", vec![]),
        ("NEAR(a b) AND col:", vec![]),
        ("--- ***", vec![8822, 8821]),
        ("-payments", vec![8822]),
        ("\"commit whose ci\"", vec![8822, 8821]),
        ("\"whose commit\"", vec![]),
    ] {
        if let Ok(query) = crate::row::search::Query::parse(search) {
            let all = Search { query, ..searching("") };
            let rows = store.search(all).await.unwrap().rows;
            assert_eq!(rows.iter().map(|row| row.id.number).collect::<Vec<_>>(), expected, "{search}");
        }
    }
    let mut row = store.row(id("sync-8821")).await.unwrap().unwrap();
    row.keys.push(key(&row, "Reverting would undo the mitigation."));
    let commit = Commit { row: Some(RowWrite { row, expected: Some(1) }), ..Commit::at(at(3)) };
    receipt(store.commit(commit).await.unwrap());
    assert_eq!(found(&*store, "mitigation").await, [8821]);
    assert_eq!(found(&*store, "mitigation green").await, [8821]);
    assert_eq!(found(&*store, "\"undo the mitigation\"").await, [8821]);
}

async fn search_asks_by_key(store: Arc<dyn Store>) {
    open(&*store, 8821, "payments-api", at(1)).await;
    open(&*store, 8822, "checkout-web", at(2)).await;
    let mut row = store.row(id("sync-8821")).await.unwrap().unwrap();
    row.keys.push(crate::row::Key { reviewer: name("priya"), ..key(&row, "Reverting would undo it all.") });
    (row.incident, row.stage, row.changed_at) =
        (Some("INC-2099".into()), Stage::Expired { at: at(9) }, at(9));
    let commit = Commit { row: Some(RowWrite { row, expected: Some(1) }), ..Commit::at(at(9)) };
    receipt(store.commit(commit).await.unwrap());
    for (search, expected) in [
        ("service:payments-api", vec![8821]),
        ("service:PAYMENTS-API,checkout-web", vec![8821, 8822]),
        ("-service:payments-api", vec![8822]),
        ("service:payments", vec![]),
        ("incident:inc-2099", vec![8821]),
        ("who:priya", vec![8821]),
        ("who:sarah", vec![8821, 8822]),
        ("who:sarah -who:priya", vec![8822]),
        ("asked:priya", vec![]),
        ("agent:argus env:prod risk:reversible source:argocd", vec![8821, 8822]),
        ("kind:sync state:expired", vec![8821]),
        ("-state:expired", vec![8822]),
        ("kind:gate", vec![]),
        ("id:sync_8822 green", vec![8822]),
        ("since:993s", vec![8821]),
        ("before:993s", vec![8822]),
        ("before:2026-05-28 image", vec![]),
        ("before:2027-01-01 image who:priya", vec![8821]),
    ] {
        assert_eq!(found(&*store, search).await, expected, "{search}");
    }
    let narrowed = RowQuery { states: vec![State::Pending], ..RowQuery::default() };
    let rows = store.search(Search { among: narrowed, ..searching("image") }).await.unwrap().rows;
    assert_eq!(rows.iter().map(|row| row.id.number).collect::<Vec<_>>(), [8822]);
}

async fn search_ranks_what_is_about_it_first(store: Arc<dyn Store>) {
    let titles = [
        ("a", "image 1.4.2", "The redis replica was not touched."),
        ("b", "rotate the redis replica", "By hand until now."),
        ("c", "image 1.4.3", "Nothing of it."),
        ("d", "image 1.4.4", "Nothing of it."),
        ("e", "rotate the redis replica at once and tell everybody about it", "By hand until now."),
    ];
    for (place, (subject, title, rationale)) in (0..).zip(titles) {
        let mut draft = draft(subject, rationale);
        draft.title = title.to_owned();
        let row = row(8821 + place, &draft, at(1));
        let commit = Commit {
            leaves: vec![of_row(Event::RowOpened, row.id)],
            row: Some(RowWrite { row, expected: None }),
            draft: Some(Box::new(draft)),
            ..Commit::at(at(1))
        };
        receipt(store.commit(commit).await.unwrap());
    }
    assert_eq!(found(&*store, "redis replica").await, [8822, 8825, 8821]);
    let page =
        async |skip| store.search(Search { skip, limit: 2, ..searching("redis replica") }).await.unwrap();
    let (first, second) = (page(0).await, page(2).await);
    assert_eq!((first.rows.len(), first.next, second.rows.len(), second.next), (2, Some(2), 1, None));
    assert_eq!(second.rows[0].id.number, 8821);
}

async fn search_looks_through_the_newest_revision(store: Arc<dyn Store>) {
    open(&*store, 8821, "payments-api", at(1)).await;
    let mut row = store.row(id("sync-8821")).await.unwrap().unwrap();
    let mut draft = draft("payments-api", "A replica that lags.");
    draft.diff = "--- live/a\n+++ git/ConfigMap/flags\n@@ -1 +1 @@\n kept\n-old\n+spinnaker\n".to_owned();
    row.revision = 2;
    let commit = Commit {
        row: Some(RowWrite { row, expected: Some(1) }),
        draft: Some(Box::new(draft)),
        ..Commit::at(at(2))
    };
    receipt(store.commit(commit).await.unwrap());
    for (search, expected) in
        [("replica", 1), ("spinnaker", 1), ("configmap/flags", 1), ("green", 0), ("kept", 0)]
    {
        assert_eq!(found(&*store, search).await.len(), expected, "{search}");
    }
}

fn key(row: &Row, note: &str) -> crate::row::Key {
    crate::row::Key {
        decision_id: DecisionId::new(1, [2; 10]),
        decision: crate::row::Decision::Decline,
        overrides: true,
        reviewer: name("sarah"),
        revision: 1,
        note: Some(Note::parse(note).unwrap()),
        made_at: at(2),
        at: at(2),
        offline: false,
        on_screen_s: 41,
        attributes: BTreeMap::new(),
        key_fingerprint: "SHA256:x".to_owned(),
        touch: crate::row::Touch::Unproven,
        evidence: row.digests.evidence,
        effect: row.digests.effect,
        conditions: BTreeMap::new(),
        void: None,
    }
}

async fn holds_stand_until_lifted(store: Arc<dyn Store>) {
    let hold = |subject: &str, second| Hold {
        subject: subject.to_owned(),
        drift: Digest::of(subject),
        row: id("sync-8822"),
        by: name("sarah"),
        note: "The toggle is the mitigation.".to_owned(),
        incident: Some("INC-771".to_owned()),
        since: at(second),
        lifted: None,
    };
    let put = |hold: &Hold| store.commit(Commit { holds: vec![hold.clone()], ..Commit::at(at(9)) });
    let (web, api) = (hold("checkout-web", 2), hold("payments-api", 1));
    receipt(put(&web).await.unwrap());
    receipt(put(&api).await.unwrap());
    assert_eq!(store.holds().await.unwrap(), [api.clone(), web.clone()]);
    let lifted = Lifted { by: name("priya"), at: at(9), why: "promoted".to_owned() };
    receipt(put(&Hold { lifted: Some(lifted), ..api }).await.unwrap());
    assert_eq!(store.holds().await.unwrap(), std::slice::from_ref(&web));
    let all = Changed::Since { since: at(0), now: at(9) };
    assert_eq!(store.snapshot(all).await.unwrap().holds, [web]);
}

async fn a_snapshot_is_true_at_one_position(store: Arc<dyn Store>) {
    open(&*store, 8821, "a", at(1)).await;
    open(&*store, 8822, "b", at(2)).await;
    let mut row = store.row(id("sync-8821")).await.unwrap().unwrap();
    let decision = key(&row, "The toggle is the mitigation.");
    let answer =
        FinalAnswer { id: decision.decision_id.clone(), request: Digest::of("bytes"), answer: String::new() };
    row.keys.push(decision.clone());
    row.changed_at = at(3);
    let commit = Commit {
        leaves: vec![of_row(Event::DecisionAccepted, row.id)],
        row: Some(RowWrite { row, expected: Some(1) }),
        answer: Some(answer),
        ..Commit::at(at(3))
    };
    receipt(store.commit(commit).await.unwrap());
    let told = async |which| {
        let snapshot = store.snapshot(which).await.unwrap();
        let ids: Vec<_> = snapshot.rows.iter().map(|whole| whole.row.id.number).collect();
        (snapshot.head.size, ids)
    };
    assert_eq!(told(Changed::From(0)).await, (3, vec![8821, 8822]));
    assert_eq!(told(Changed::From(2)).await, (3, vec![8821]));
    assert_eq!(told(Changed::From(3)).await, (3, vec![]));
    let whole = store.whole(id("sync-8821"), None).await.unwrap().unwrap();
    assert_eq!(whole.decisions, [(decision.decision_id, 2)]);
    assert_eq!(whole.draft.subject, "a");
    assert_eq!(store.whole(id("sync-8821"), Some(2)).await.unwrap(), None);
    assert_eq!(store.whole(id("sync-8829"), None).await.unwrap(), None);
}

async fn what_lies_beside_the_log_is_kept(store: Arc<dyn Store>) {
    let session = Session {
        token: Digest::of("token"),
        principal: name("sarah"),
        key_fingerprint: "SHA256:x".to_owned(),
        expires_at: at(100),
    };
    let line = "— demo.invalid/dock AAAA".to_owned();
    let commit =
        Commit { session: Some(session.clone()), cosignature: Some((3, line.clone())), ..Commit::at(at(1)) };
    for _ in 0..2 {
        assert_eq!(receipt(store.commit(commit.clone()).await.unwrap()).size, 0);
    }
    assert_eq!(store.session(Digest::of("token")).await.unwrap(), Some(session));
    assert_eq!(store.session(Digest::of("other")).await.unwrap(), None);
    assert_eq!(store.cosignatures(3).await.unwrap(), [line]);
    assert!(store.cosignatures(4).await.unwrap().is_empty());
}

async fn who_waits_is_told_once(store: Arc<dyn Store>) {
    let place = place();
    assert_eq!(store.waiting(place.clone()).await.unwrap(), None);
    let take = |what: Turn, second: i64| store.turn(place.clone(), what, at(second));
    let tells = |decision| Turn::Answer { attempt: 1, commit: COMMIT.to_owned(), answer: answer(decision) };
    assert_eq!(take(tells(1), 1).await.unwrap(), Err(No::Nobody));
    let waits = take(says(said()), 2).await.unwrap().unwrap();
    assert_eq!(store.waiting(place.clone()).await.unwrap(), Some(waits.clone()));
    let told = take(tells(1), 3).await.unwrap().unwrap();
    assert!(matches!(take(tells(2), 4).await.unwrap(), Err(No::Told(_))));
    assert_eq!(store.waiting(place.clone()).await.unwrap(), Some(told), "a refusal changed nothing");
    let taken = take(says(said()), 5).await.unwrap().unwrap();
    assert_eq!(taken.answer.unwrap().taken_at, Some(at(5)));
    assert_eq!(store.head().await.unwrap().size, 0, "nothing of it is in the record");

    let other = Place { run: 4712, ..place.clone() };
    store.turn(other.clone(), says(said()), at(90)).await.unwrap().unwrap();
    let since = async |second| {
        let found = store.waiting_since(at(second), 10).await.unwrap();
        found.into_iter().map(|one| one.place.run).collect::<Vec<_>>()
    };
    assert_eq!((since(5).await, since(6).await, since(91).await), (vec![4712, 4711], vec![4712], vec![]));
    let newest = store.waiting_since(at(5), 1).await.unwrap();
    assert_eq!(newest.iter().map(|one| one.place.run).collect::<Vec<_>>(), [4712], "the latest first");
    let much_later = at(90) + WAITING_KEPT;
    store.turn(other, says(said()), much_later).await.unwrap().unwrap();
    assert_eq!(store.waiting(place).await.unwrap(), None, "what was silent for so long is forgotten");
}

async fn a_service_has_so_many_runs_a_day(store: Arc<dyn Store>) {
    let begins = |place: Place, second| store.turn(place, says(said()), at(second));
    for run in 0..u64::try_from(RUNS_MAX).unwrap() {
        begins(Place { run, ..place() }, 1).await.unwrap().unwrap();
    }
    let another = Place { run: 9_999_999, ..place() };
    assert_eq!(begins(another.clone(), 2).await.unwrap(), Err(No::TooMany(another.service.clone())));
    begins(Place { run: 7, ..place() }, 3).await.unwrap().unwrap();
    let service = "another".to_owned();
    begins(Place { service, ..another.clone() }, 3).await.unwrap().unwrap();
    begins(another, 2 + SIGNS_WITHIN.as_secs()).await.unwrap().unwrap();
}

/// Whoever is first answers; taking and taking back never both succeed.
async fn turns_at_once_are_taken_one_after_the_other(store: Arc<dyn Store>) {
    for round in 0..20_u64 {
        let place = Place { run: round, ..place() };
        let take = |what: Turn| {
            let (store, place) = (Arc::clone(&store), place.clone());
            tokio::spawn(async move { store.turn(place, what, at(2)).await.unwrap() })
        };
        take(says(said())).await.unwrap().unwrap();
        let tells =
            |decision| Turn::Answer { attempt: 1, commit: COMMIT.to_owned(), answer: answer(decision) };
        let (one, other) = (take(tells(1)), take(tells(2)));
        let answered = [one.await.unwrap().is_ok(), other.await.unwrap().is_ok()];
        assert_eq!(answered.iter().filter(|done| **done).count(), 1, "{answered:?}");
        let decision = DecisionId::new(if answered[0] { 1 } else { 2 }, [0; 10]);
        let (back, asks) = (take(Turn::TakeBack { decision }), take(says(said())));
        let (back, asked) = (back.await.unwrap(), asks.await.unwrap().unwrap());
        assert_ne!(back.is_ok(), asked.answer.is_some(), "{back:?}");
    }
}

async fn writers_and_readers_see_one_order(store: Arc<dyn Store>) {
    const WRITERS: usize = 16;
    const EACH: usize = 8;
    let write = |store: Arc<dyn Store>, writer: usize| async move {
        for _ in 0..EACH {
            let leaf = of_person(Event::PersonChanged, &format!("p{writer}"));
            let commit = Commit { leaves: vec![leaf], ..Commit::at(at(1)) };
            receipt(store.commit(commit).await.unwrap());
        }
    };
    let read = |store: Arc<dyn Store>| async move {
        let (mut next, mut grown) = (0, store.grown());
        while next < (WRITERS * EACH) as u64 {
            for leaf in store.leaves(Leaves::From { index: next, limit: 5 }).await.unwrap() {
                assert_eq!(leaf.index, next, "a gap or a repeat");
                next += 1;
            }
            let _ = grown.wait_for(|size| *size > next || *size == (WRITERS * EACH) as u64).await;
        }
    };
    let mut tasks = tokio::task::JoinSet::new();
    (0..WRITERS).for_each(|writer| drop(tasks.spawn(write(Arc::clone(&store), writer))));
    (0..4).for_each(|_| drop(tasks.spawn(read(Arc::clone(&store)))));
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    assert_eq!(store.head().await.unwrap().authority, (WRITERS * EACH) as u64);
}
