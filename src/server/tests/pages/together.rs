//! Two rows of ours at one page in the same second. A subject has one row, and the config refuses a page under two names; the
//! other is another Dock's, which comes with the same account between our look and our write. One is published, the other has
//! a moved base, and none is lost.

use super::*;
use crate::{
    platform::{confluence, notion},
    row::page::notion::Call,
};

const THEIRS: &str = "dock rb-9999 01ARYZ6S41ZZZZZZZZZZZZZZZZ approved by marcus";
const SETTLED: [State; 5] = [State::Healthy, State::Degraded, State::Failed, State::Unknown, State::Stale];

/// Where the other comes in between.
const BETWEEN: [&str; 3] = ["lease.taken", "publish.base.read", "publish.intent.committed"];

/// Works, and does this once when the place is met.
async fn met_at<F>(acting: &Acting, row: &RowView, point: &'static str, theirs: F) -> crate::row::Row
where
    F: Fn() -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync + 'static,
{
    let met = std::sync::atomic::AtomicBool::new(false);
    let executor = acting.executor().stopping(Arc::new(move |at| {
        let now = at == point && !met.swap(true, std::sync::atomic::Ordering::Relaxed);
        let theirs = now.then(&theirs);
        Box::pin(async move {
            if let Some(theirs) = theirs {
                theirs.await;
            }
            false
        })
    }));
    acting.work(&executor, row.head.id, &SETTLED).await
}

#[tokio::test]
async fn of_two_rows_that_meet_at_a_page_in_confluence_one_is_published_and_the_other_has_a_moved_base() {
    for point in BETWEEN {
        let acting = start().await;
        let row = opened(&acting).await;
        approved(&acting, &row).await;
        let other = Arc::new(confluence::Actuator::open(acting.writes.confluence.as_ref().unwrap()).unwrap());
        let done = met_at(&acting, &row, point, move || {
            let other = Arc::clone(&other);
            Box::pin(async move {
                let page = other.reads().page(PAGE).await.unwrap();
                let page::Body::Storage(body) = &page.body else { panic!("{page:?}") };
                let publish = confluence::Publish {
                    page: PAGE.to_owned(),
                    title: page.title.clone(),
                    expected_version: page.version,
                    body: format!("{body}<p>Theirs.</p>"),
                    message: THEIRS.to_owned(),
                };
                other.publish(&publish).await.unwrap();
            })
        })
        .await;
        assert_eq!(done.state(), State::Stale, "{point}: {:?}", done.stage);
        assert_eq!(ours(&acting, PAGE).await, [THEIRS], "{point}: one version, and it is not taken for ours");
        let body = acting.world.platforms.world().confluence_body(PAGE).unwrap();
        assert!(body.contains("Theirs.") && !body.contains(NEW_STEP), "{point}");
        let why = acting.world.row(&row.head.id.to_string()).await.why.unwrap_or_default();
        assert!(why.contains("version") && why.contains("author"), "{point}: {why}");
    }
}

#[tokio::test]
async fn of_two_rows_that_meet_at_a_page_in_notion_the_second_has_a_moved_base() {
    for point in BETWEEN {
        let acting = start().await;
        let row = in_notion(&acting).await;
        approved(&acting, &row).await;
        let other = Arc::new(notion::Actuator::open(acting.writes.notion.as_ref().unwrap()).unwrap());
        let done = met_at(&acting, &row, point, move || {
            let other = Arc::clone(&other);
            Box::pin(async move {
                let text = json!([{"type": "text", "text": {"content": "Theirs."}}]);
                let children = vec![json!({"type": "paragraph", "paragraph": {"rich_text": text}})];
                let call = Call::Append { parent: OUTAGE.to_owned(), after: None, children };
                other.carry_out(&call).await.unwrap();
            })
        })
        .await;
        assert_eq!(done.state(), State::Stale, "{point}: {:?}", done.stage);
        let notion = acting.world.app.sources.notion.as_ref().unwrap();
        let text = page::outline::text(&notion.page(OUTAGE).await.unwrap().body).unwrap();
        assert!(text.contains("Theirs.") && !text.contains("Ask the provider."), "{point}: {text}");
        assert_eq!(acting.world.platforms.world().notion_writes().len(), 1, "{point}");
    }
}
