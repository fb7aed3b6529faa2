//! A store that fails at each commit in turn, before it or after it: what clients then repeat counts once.

use jiff::SignedDuration;

use super::*;
use crate::{
    row::{Event, State},
    store::{Leaves, Setup, WorkKind, memory::Memory},
};

/// The same request until it is answered; gives how often it had to be sent.
macro_rules! until_answered {
    ($send:expr) => {{
        let mut sent = 1;
        let mut answer = $send.await;
        while answer.0 == 503 && sent < 5 {
            answer = $send.await;
            sent += 1;
        }
        (answer, sent)
    }};
}

#[tokio::test]
async fn whatever_commit_fails_a_draft_and_a_decision_count_once() {
    for how in [How::Before, How::After] {
        for nth in 1..=3 {
            let inner: Arc<dyn Store> = Arc::new(Memory::new(&Setup {
                first_numbers: BTreeMap::from([(crate::row::Kind::Sync, 8821)]),
            }));
            let faulty = Arc::new(Faulty::new(inner));
            let world = World::start_over(&faulty).await;
            let draft = draft(&world.drifted("payments-api").await);
            faulty.fail(Some(nth), how);
            let (opened, first) = until_answered!(world.post("/v1/rows", "k", &draft, &[]));
            assert_eq!(opened.1["row"], "sync-8821", "{how:?} {nth} {opened:?}");
            let row = world.row("sync-8821").await;
            let statement = world.statement("sarah", &row, Decision::Approve).await;
            let (answer, second) = until_answered!(world.send(&statement));
            assert_eq!(code(&answer), "accepted", "{how:?} {nth} {answer:?}");
            // The third is nobody's request: the news of the decision, which nobody is to be told.
            assert_eq!(first + second, if nth < 3 { 3 } else { 2 }, "{how:?} {nth}");

            let view = world.row("sync-8821").await;
            assert_eq!((view.head.state, view.decisions.len()), (State::Approved, 1), "{how:?} {nth}");
            let leaves = world.store().leaves(Leaves::OfRow(id("sync-8821"))).await.unwrap();
            let events: Vec<_> = leaves
                .iter()
                .map(|leaf| crate::audit::leaf::Leaf::parse(&leaf.bytes).unwrap().event)
                .collect();
            assert_eq!(events, [Event::RowOpened, Event::DecisionAccepted], "{how:?} {nth}");
            let (now, lease) = (world.app.clock.now(), SignedDuration::from_secs(15));
            let take = || world.store().take_work(WorkKind::Execute, now, lease);
            assert!(take().await.unwrap().is_some(), "{how:?} {nth}: it will be executed");
            assert_eq!(take().await.unwrap(), None, "{how:?} {nth}: once");
        }
    }
}
