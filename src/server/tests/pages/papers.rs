//! A post-mortem in Notion of more blocks than one request takes: cut off or left without an answer at each request, it is
//! finished from what stands there; where somebody else was at it meanwhile, it is left as it is and told.

use super::*;
use crate::simulator::NotionEdit;

const PARENT: &str = "91a00000-0000-4000-8000-000000000009";
const LINES: usize = 240;

const TABLES: &str = r#"
[postmortems]
site = "notion"
parent = "91a00000-0000-4000-8000-000000000009"
"#;

const SETTLED: [State; 4] = [State::Healthy, State::Degraded, State::Failed, State::Unknown];

/// So long that it takes three requests.
fn long() -> Paper {
    let line =
        |number: usize| Line { text: format!("line {number} of the log"), ..paper().timeline[0].clone() };
    let (space, parent) = (String::new(), Some(PARENT.to_owned()));
    Paper { site: PageSite::Notion, space, parent, timeline: (0..LINES).map(line).collect(), ..paper() }
}

async fn long_row() -> (Acting, RowView) {
    let acting = start_with(TABLES).await;
    acting.world.platforms.world().add_notion_page(PARENT, "Post-mortems", &json!([])).unwrap();
    let row = row_of(&acting, long()).await;
    approved(&acting, &row).await;
    (acting, row)
}

/// The page's id and text.
async fn page(acting: &Acting) -> (String, String) {
    let notion = acting.world.app.sources.notion.as_ref().unwrap();
    let below = notion.below(PARENT).await.unwrap();
    assert_eq!(below.len(), 1, "one page: {below:?}");
    let text = page::outline::text(&notion.page(&below[0].id).await.unwrap().body).unwrap();
    (below[0].id.clone(), text)
}

/// The text of a page's last block.
async fn last(acting: &Acting, id: &str) -> String {
    let page = acting.world.app.sources.notion.as_ref().unwrap().page(id).await.unwrap();
    let page::Body::Blocks(blocks) = page.body else { panic!("{:?}", page.body) };
    let block = blocks.last().unwrap();
    let items = block[block["type"].as_str().unwrap()]["rich_text"].as_array().unwrap();
    items.iter().map(|item| item["plain_text"].as_str().unwrap()).collect()
}

fn whole(text: &str) -> bool {
    (0..LINES).all(|number| text.matches(&format!("line {number} of the log")).count() == 1)
}

/// What was written, without the comment.
fn requests(acting: &Acting) -> usize {
    let writes = acting.world.platforms.world().notion_writes();
    writes.iter().filter(|write| !write.contains("/comments")).count()
}

fn detail(row: &crate::row::Row) -> String {
    row.stage.outcome().map_or_else(|| format!("{:?}", row.stage), |outcome| outcome.detail.clone())
}

/// What becomes of the `nth` request, from 1.
fn script(acting: &Acting, nth: usize, fault: &Fault) {
    let faults = acting.world.platforms.world().faults(Site::Notion);
    if nth == 1 {
        return faults.script("POST /v1/pages", fault.clone(), Some(1));
    }
    for _ in 2..nth {
        faults.script("PATCH /v1/blocks", Fault::Slow(std::time::Duration::ZERO), Some(1));
    }
    faults.script("PATCH /v1/blocks", fault.clone(), Some(1));
}

#[tokio::test]
async fn a_long_paper_is_finished_wherever_its_requests_were_cut_off() {
    for (fault, dies) in [(Fault::LostAnswer, true), (Fault::Status(503), false)] {
        for nth in 1..=3 {
            let (acting, row) = Box::pin(long_row()).await;
            script(&acting, nth, &fault);
            if dies {
                acting.cut(row.head.id, "publish.write.sent").await;
            }
            let done = acting.work(&acting.executor(), row.head.id, &SETTLED).await;
            assert_eq!(done.state(), State::Healthy, "{fault:?} {nth}: {}", detail(&done));
            assert!(whole(&page(&acting).await.1), "{fault:?} {nth}");
            assert_eq!(requests(&acting), 3, "{fault:?} {nth}: each once");
        }
    }
}

#[tokio::test]
async fn a_long_paper_that_somebody_edited_half_made_is_theirs_and_told() {
    for adds in [true, false] {
        let (acting, row) = Box::pin(long_row()).await;
        script(&acting, 2, &Fault::Status(503));
        acting.cut(row.head.id, "publish.write.sent").await;
        let (id, _) = page(&acting).await;
        let edit = if adds {
            NotionEdit::Line("I go on by hand.".to_owned())
        } else {
            NotionEdit::Remove(last(&acting, &id).await)
        };
        acting.world.platforms.world().change_notion_page(&id, &edit).unwrap();
        let before = page(&acting).await;
        let done = acting.work(&acting.executor(), row.head.id, &SETTLED).await;
        assert_eq!(done.state(), State::Degraded, "{edit:?}: {}", detail(&done));
        assert!(detail(&done).contains("differs from what was approved"), "{}", detail(&done));
        assert_eq!(
            (page(&acting).await, requests(&acting)),
            (before, 1),
            "{edit:?}: nothing more was written"
        );
    }
}

#[tokio::test]
async fn a_long_paper_whose_rest_is_refused_says_how_far_it_came() {
    let (acting, row) = Box::pin(long_row()).await;
    script(&acting, 2, &Fault::Status(503));
    acting.cut(row.head.id, "publish.write.sent").await;
    script(&acting, 2, &Fault::Status(400));
    let done = acting.work(&acting.executor(), row.head.id, &SETTLED).await;
    assert_eq!(done.state(), State::Failed, "{}", detail(&done));
    assert!(detail(&done).contains("the first 100 of its 2"), "{}", detail(&done));
    assert_eq!(requests(&acting), 1);
}
