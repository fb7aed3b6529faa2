//! An edit in Notion is several calls: cut off or left without an answer at each of them, and somebody else at the page
//! between any two. Each call is made once, theirs is kept, and the row says what stands there.

use super::*;
use crate::simulator::NotionEdit;

const FIRST: &str = "Say that you take it.";
const SECOND: &str = "Drain the region.";
const OLD: &str = "Restart the edge by hand.";

fn at(text: &str, action: Action) -> Operation {
    let anchor = Anchor { id: None, path: vec![], text: text.to_owned() };
    Operation { anchor, action, because: "It was so.".to_owned(), pointers: vec![], by: None }
}

/// Four calls: two put something, one changes a block, one takes one away.
fn edit() -> Edit {
    let item = |text: &str| Block::Item { ordered: true, depth: 0, text: plain(text) };
    let heading = Block::Heading { level: 2, text: plain("By hand, never") };
    Edit {
        operations: vec![
            at(
                FIRST,
                Action::InsertAfter { blocks: vec![item("Look at the map."), item("Ask the provider.")] },
            ),
            at(SECOND, Action::ReplaceValue { was: "region".to_owned(), is: "zone".to_owned() }),
            at(OLD, Action::Replace { blocks: vec![heading] }),
        ],
    }
}

/// A page in Notion, and a row with the edit of it.
async fn opened(acting: &Acting) -> RowView {
    let block = |kind: &str, text: &str| json!({"type": kind, kind: {"rich_text": [{"type": "text", "text": {"content": text}}]}});
    let step = |text: &str| block("numbered_list_item", text);
    let blocks =
        json!([step(FIRST), step(SECOND), block("paragraph", OLD), block("paragraph", "Owned by edge.")]);
    acting.world.platforms.world().add_notion_page(OUTAGE, "Partial region outage", &blocks).unwrap();
    let reading = read(acting, "NOTION-91a", Proposed::Edit(edit())).await;
    open(acting, &drafted(&reading, Proposal::Edit(edit()))).await
}

async fn text(acting: &Acting) -> String {
    let notion = acting.world.app.sources.notion.as_ref().unwrap();
    page::outline::text(&notion.page(OUTAGE).await.unwrap().body).unwrap()
}

const WHOLE: &str = "1. Say that you take it.\n2. Look at the map.\n3. Ask the provider.\n4. Drain the zone.\n## By hand, never\nOwned by edge.\n";

/// What Notion carried out, by its own ledger, without the ids.
fn ledger(acting: &Acting) -> Vec<String> {
    let writes = acting.world.platforms.world().notion_writes();
    let what = |line: &String| {
        let (method, path) = line.split_once(' ').unwrap();
        let kind = if path.ends_with("/children") { "put" } else { path.rsplit('/').nth(1).unwrap() };
        format!("{method} {kind}")
    };
    writes.iter().map(what).collect()
}

const ONCE: [&str; 5] = ["PATCH put", "PATCH put", "PATCH blocks", "DELETE blocks", "POST v1"];

fn detail(row: &crate::row::Row) -> String {
    row.stage.outcome().map_or_else(|| format!("{:?}", row.stage), |outcome| outcome.detail.clone())
}

const SETTLED: [State; 5] = [State::Healthy, State::Degraded, State::Failed, State::Unknown, State::Stale];

/// Works, and a person changes the page when this place is met for the `nth` time.
async fn with_theirs(
    acting: &Acting,
    row: &RowView,
    point: &'static str,
    nth: usize,
    edit: NotionEdit,
) -> crate::row::Row {
    let world = acting.world.platforms.world().clone();
    let met = std::sync::atomic::AtomicUsize::new(0);
    let executor = acting.executor().stopping(Arc::new(move |at| {
        if at == point && met.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1 == nth {
            world.change_notion_page(OUTAGE, &edit).unwrap();
        }
        Box::pin(std::future::ready(false))
    }));
    acting.work(&executor, row.head.id, &SETTLED).await
}

#[tokio::test]
async fn cut_off_between_any_two_calls_each_is_made_once() {
    for point in ["publish.write.sent", "publish.write.answered"] {
        for nth in 1..=4 {
            let acting = start().await;
            let row = opened(&acting).await;
            approved(&acting, &row).await;
            acting.cut_at(row.head.id, point, nth).await;
            assert_eq!(ledger(&acting), ONCE[..nth], "{point} {nth}");
            let done = acting.work(&acting.executor(), row.head.id, &SETTLED).await;
            assert_eq!(done.state(), State::Healthy, "{point} {nth}: {}", detail(&done));
            assert_eq!(ledger(&acting), ONCE, "{point} {nth}");
            assert_eq!(text(&acting).await, WHOLE, "{point} {nth}");
        }
    }
}

#[tokio::test]
async fn a_call_whose_answer_is_lost_is_found_and_one_that_never_came_is_sent_again() {
    for fault in [Fault::LostAnswer, Fault::Status(503), Fault::HalfBody] {
        for nth in 1..=4 {
            let acting = start().await;
            let row = opened(&acting).await;
            approved(&acting, &row).await;
            let faults = acting.world.platforms.world().faults(Site::Notion);
            let method = if nth == 4 { "DELETE /v1/blocks" } else { "PATCH /v1/blocks" };
            for _ in 1..if nth == 4 { 1 } else { nth } {
                faults.script(method, Fault::Slow(std::time::Duration::ZERO), Some(1));
            }
            faults.script(method, fault.clone(), Some(1));
            let done = acting.work(&acting.executor(), row.head.id, &SETTLED).await;
            assert_eq!(done.state(), State::Healthy, "{fault:?} {nth}: {}", detail(&done));
            assert_eq!(ledger(&acting), ONCE, "{fault:?} {nth}");
            assert_eq!(text(&acting).await, WHOLE, "{fault:?} {nth}");
        }
    }
}

#[tokio::test]
async fn a_call_that_is_refused_ends_it_with_what_stands_there() {
    for (nth, says) in [
        (1, ""),
        (2, "operation 1 is on the page, operations 2 and 3 are not"),
        (3, "operation 1 is on the page, operation 3 is there in part, operation 2 is not"),
    ] {
        let acting = start().await;
        let row = opened(&acting).await;
        approved(&acting, &row).await;
        let faults = acting.world.platforms.world().faults(Site::Notion);
        for _ in 1..nth {
            faults.script("PATCH /v1/blocks", Fault::Slow(std::time::Duration::ZERO), Some(1));
        }
        faults.script("PATCH /v1/blocks", Fault::Status(400), Some(1));
        let done = acting.work(&acting.executor(), row.head.id, &SETTLED).await;
        assert_eq!(done.state(), State::Failed, "{nth}: {}", detail(&done));
        assert!(detail(&done).contains(says), "{nth}: {}", detail(&done));
        assert_eq!(ledger(&acting), ONCE[..nth - 1], "{nth}");
    }
}

#[tokio::test]
async fn two_executors_make_each_call_once() {
    let acting = start().await;
    let row = opened(&acting).await;
    approved(&acting, &row).await;
    let (one, two) = (acting.executor(), acting.executor());
    let (done, _) =
        tokio::join!(acting.work(&one, row.head.id, &SETTLED), acting.work(&two, row.head.id, &SETTLED));
    assert_eq!(done.state(), State::Healthy, "{}", detail(&done));
    assert_eq!(ledger(&acting), ONCE);
    assert_eq!(text(&acting).await, WHOLE);
}

#[tokio::test]
async fn what_somebody_does_meanwhile_is_kept_and_the_row_says_what_stands_there() {
    let line = || NotionEdit::Line("Call Ana first.".to_owned());
    let reword = |was: &str, is: &str| NotionEdit::Reword { was: was.to_owned(), is: is.to_owned() };
    let (answered, call) = ("publish.write.answered", "Call Ana first.");
    let one = "operation 1 is on the page, operations 2 and 3 are not";
    let half = "operation 1 is on the page, operation 3 is there in part, operation 2 is not";
    let most = "operations 1 and 2 are on the page, operation 3 is there in part";
    let (region, pair) = ("Drain it, region by region.", "Restart the edge by hand, as a pair.");
    let slowly = "Drain the zone, slowly.";
    // Where, for the how manieth time, what they do, what is theirs, and what becomes of the row after how many writes.
    let table = [
        ("lease.taken", 1, line(), call, State::Stale, "body", 0),
        ("publish.base.read", 1, line(), call, State::Stale, "body", 0),
        ("publish.intent.committed", 1, line(), call, State::Stale, "body", 0),
        (answered, 1, line(), call, State::Failed, one, 1),
        (answered, 2, line(), call, State::Failed, half, 2),
        (answered, 3, line(), call, State::Failed, most, 3),
        (answered, 4, line(), call, State::Degraded, "all that was approved is on it", 5),
        // The blocks that we are about to change and to take away, and what we wrote.
        (answered, 2, reword(SECOND, region), region, State::Failed, half, 2),
        (answered, 3, reword(OLD, pair), pair, State::Failed, most, 3),
        (answered, 3, reword("Drain the zone.", slowly), slowly, State::Failed, most, 3),
    ];
    for (point, nth, theirs, kept, state, says, writes) in table {
        let acting = start().await;
        let row = opened(&acting).await;
        approved(&acting, &row).await;
        let what = format!("{point} {nth} {theirs:?}");
        let done = with_theirs(&acting, &row, point, nth, theirs).await;
        let why = acting.world.row(&row.head.id.to_string()).await.why.unwrap_or_default();
        assert_eq!(done.state(), state, "{what}: {}", detail(&done));
        assert!(detail(&done).contains(says) || why.contains(says), "{what}: {} {why}", detail(&done));
        assert!(text(&acting).await.contains(kept), "{what}: {}", text(&acting).await);
        assert_eq!(ledger(&acting), ONCE[..writes], "{what}");
    }
}

#[tokio::test]
async fn after_a_crash_what_nothing_tells_is_said_to_be_unknown() {
    let acting = start().await;
    let row = opened(&acting).await;
    approved(&acting, &row).await;
    acting.cut_at(row.head.id, "publish.write.sent", 3).await;
    let theirs = NotionEdit::Reword { was: "Drain the zone.".to_owned(), is: "Drain it.".to_owned() };
    acting.world.platforms.world().change_notion_page(OUTAGE, &theirs).unwrap();
    let done = acting.work(&acting.executor(), row.head.id, &SETTLED).await;
    assert_eq!(done.state(), State::Unknown, "{}", detail(&done));
    let says = "operation 1 is on the page, operation 3 is there in part, operation 2 cannot be told";
    assert!(detail(&done).contains(says), "{}", detail(&done));
    assert!(text(&acting).await.contains("Drain it."));
    assert_eq!(ledger(&acting), ONCE[..3]);
}

#[tokio::test]
async fn a_block_that_is_changed_in_the_very_moment_is_put_back() {
    for theirs in [
        NotionEdit::Reword { was: OLD.to_owned(), is: "Restart the edge as a pair.".to_owned() },
        NotionEdit::Within { block: OLD.to_owned(), line: "Restart the edge as a pair.".to_owned() },
    ] {
        let acting = start().await;
        let row = opened(&acting).await;
        approved(&acting, &row).await;
        acting.world.platforms.world().change_notion_page_before("DELETE", OUTAGE, &theirs);
        let done = acting.work(&acting.executor(), row.head.id, &SETTLED).await;
        assert_eq!(done.state(), State::Failed, "{}", detail(&done));
        let said = detail(&done);
        assert!(said.contains("it was put back"), "{said}");
        assert!(said.contains("operations 1 and 2 are on the page, operation 3 is there in part"), "{said}");
        let text = text(&acting).await;
        assert!(text.contains("Restart the edge as a pair.") && text.contains("By hand, never"), "{text}");
    }
}

#[tokio::test]
async fn a_page_that_closes_between_two_calls_ends_with_what_stands_there() {
    type Close = fn(&crate::simulator::World);
    let closes: [(&str, Close, State, &str); 3] = [
        ("trashed", |world| world.trash_notion_page(OUTAGE).unwrap(), State::Failed, "trashed"),
        ("locked", |world| world.lock_notion_page(OUTAGE, true).unwrap(), State::Failed, "locked"),
        (
            "not shared",
            |world| world.share_notion_page(OUTAGE, false).unwrap(),
            State::Unknown,
            "no longer open to Dock",
        ),
    ];
    for (name, close, state, says) in closes {
        let acting = start().await;
        let row = opened(&acting).await;
        approved(&acting, &row).await;
        let world = acting.world.platforms.world().clone();
        let met = std::sync::atomic::AtomicUsize::new(0);
        let executor = acting.executor().stopping(Arc::new(move |at| {
            if at == "publish.write.answered" && met.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 1 {
                close(&world);
            }
            Box::pin(std::future::ready(false))
        }));
        let done = acting.work(&executor, row.head.id, &SETTLED).await;
        assert_eq!(done.state(), state, "{name}: {}", detail(&done));
        assert!(detail(&done).contains(says), "{name}: {}", detail(&done));
        assert_eq!(ledger(&acting), ONCE[..2], "{name}");
    }
}
