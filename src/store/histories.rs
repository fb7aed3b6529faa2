//! Generated histories: whatever is asked in whatever order, every store says the same.
//!
//! Never: a store asked alone; the one in memory says what is right.

use proptest::prelude::*;

use super::{
    suite::{at, leaf, opening, setup},
    *,
};
use crate::row::{Event, Stage};

/// One thing that is asked of a store. Numbers are small, so that they meet.
#[derive(Debug, Clone)]
enum Ask {
    Open { number: u64, subject: u8, second: u8 },
    Move { number: u64, version: u64, ends: bool, second: u8 },
    Authority { read: Option<u64>, second: u8 },
    Enqueue { second: u8 },
    Take { second: u8, lease: u8 },
    Change { change: u8, second: u8 },
    Answer { decision: u8 },
    Reclaim,
}

fn any_ask() -> impl Strategy<Value = Ask> {
    prop_oneof![
        4 => (8821..8826_u64, 0..4_u8, 0..20_u8)
            .prop_map(|(number, subject, second)| Ask::Open { number, subject, second }),
        4 => (8821..8826_u64, 0..4_u64, any::<bool>(), 0..20_u8)
            .prop_map(|(number, version, ends, second)| Ask::Move { number, version, ends, second }),
        1 => (prop::option::of(0..3_u64), 0..20_u8).prop_map(|(read, second)| Ask::Authority { read, second }),
        2 => (0..20_u8).prop_map(|second| Ask::Enqueue { second }),
        2 => (0..20_u8, 1..9_u8).prop_map(|(second, lease)| Ask::Take { second, lease }),
        2 => (0..5_u8, 0..20_u8).prop_map(|(change, second)| Ask::Change { change, second }),
        1 => (0..3_u8).prop_map(|decision| Ask::Answer { decision }),
        1 => Just(Ask::Reclaim),
    ]
}

/// Asks, and writes down all that was answered.
async fn told(store: &dyn Store, asks: &[Ask]) -> Vec<String> {
    let mut held: Option<Work> = None;
    let mut told = Vec::new();
    for ask in asks {
        told.push(one(store, ask, &mut held).await);
    }
    let page = store.rows(RowQuery { limit: 3, ..RowQuery::default() }).await.unwrap();
    told.push(format!("{page:?}"));
    told.push(format!("{:?}", store.open_rows(at(10)).await.unwrap()));
    let head = store.head().await.unwrap();
    told.push(format!("{:?}", store.root(head.size).await.unwrap()));
    told.push(format!("{:?}", store.leaves(Leaves::From { index: 0, limit: 1_000 }).await.unwrap()));
    told.push(format!("{:?}", store.snapshot(Changed::From(head.size / 2)).await.unwrap()));
    told
}

async fn one(store: &dyn Store, ask: &Ask, held: &mut Option<Work>) -> String {
    let second = |second: u8| at(i64::from(second));
    let commit = match *ask {
        Ask::Open { number, subject, second: s } => opening(number, &format!("app-{subject}"), second(s)),
        Ask::Move { number, version, ends, second: s } => {
            let id = RowId { kind: Kind::Sync, number };
            let Some(mut row) = store.row(id).await.unwrap() else { return "no row".to_owned() };
            row.stage = if ends { Stage::Expired { at: second(s) } } else { Stage::Pending };
            row.changed_at = second(s);
            let about = About::Row { row: id, revision: 1 };
            let leaves = vec![leaf(Event::RowState, about)];
            Commit { row: Some(RowWrite { row, expected: Some(version) }), leaves, ..Commit::at(second(s)) }
        }
        Ask::Authority { read, second: s } => {
            let about = About::Principal("sarah".parse().unwrap());
            Commit { authority: read, leaves: vec![leaf(Event::KeyRevoked, about)], ..Commit::at(second(s)) }
        }
        Ask::Enqueue { second: s } => {
            let (row, payload) = ("sync-8821".parse().unwrap(), "p".to_owned());
            let add = WorkChange::Add { kind: WorkKind::Execute, row, payload, not_before: second(s) };
            Commit { work: vec![add], ..Commit::at(second(s)) }
        }
        Ask::Take { second: s, lease } => {
            let lease = SignedDuration::from_secs(i64::from(lease));
            let taken = store.take_work(WorkKind::Execute, second(s), lease).await.unwrap();
            if taken.is_some() {
                held.clone_from(&taken);
            }
            return format!("{taken:?}");
        }
        Ask::Change { change, second: s } => {
            let Some(Work { id, fence, .. }) = *held else { return "nothing held".to_owned() };
            let change = match change {
                0 => WorkChange::Holding { id, fence },
                1 => WorkChange::Renew { id, fence, until: second(s) },
                2 => WorkChange::Later { id, fence, not_before: second(s) },
                3 => WorkChange::Untried { id, fence, not_before: second(s) },
                _ => WorkChange::Done { id, fence },
            };
            Commit { work: vec![change], ..Commit::at(second(s)) }
        }
        Ask::Answer { decision } => {
            let id = DecisionId::new(u64::from(decision), [0; 10]);
            let answer = FinalAnswer { id, request: Digest::of([decision]), answer: "{}".to_owned() };
            Commit { answer: Some(answer), ..Commit::at(at(1)) }
        }
        Ask::Reclaim => return format!("{}", store.reclaim_work().await.unwrap()),
    };
    format!("{:?}", store.commit(commit).await.unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn both_stores_say_the_same(asks in prop::collection::vec(any_ask(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let file = sqlite::Sqlite::open(&folder.path().join("dock.db"), &setup()).unwrap();
            let memory = memory::Memory::new(&setup());
            let (right, found) = (told(&memory, &asks).await, told(&file, &asks).await);
            for (step, (right, found)) in right.iter().zip(&found).enumerate() {
                assert_eq!(right, found, "step {step}: {:?}", asks.get(step));
            }
        });
    }
}
