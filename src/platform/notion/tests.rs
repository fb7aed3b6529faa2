//! Notion's connector against the simulated Notion.
//!
//! Never: a request to the real one.

use serde_json::{Value as Json, json};

use super::*;
use crate::{
    platform::{Next, tests::Ground},
    row::{base::PageBase, page::notion::Call},
    simulator::{Fault, Site as Simulated},
};

const PAGE_ID: &str = "393abc1e-edcd-8124-b37c-f7cb2f21e2d3";

fn text(kind: &str, words: &str) -> Json {
    json!({kind: {"rich_text": [{"text": {"content": words}}]}})
}

fn blocks() -> Json {
    let mut second = text("numbered_list_item", "Fail over.");
    second["numbered_list_item"]["children"] = json!([
        {"code": {"language": "bash", "rich_text": [{"text": {"content": "redis-cli failover"}}]}},
        text("bulleted_list_item", "not while the replica lags"),
    ]);
    json!([
        text("heading_2", "Steps"),
        text("numbered_list_item", "Stop the writers."),
        second,
        {"table": {"table_width": 2, "children": [
            {"table_row": {"cells": [[{"text": {"content": "eu-west-1"}}], [{"text": {"content": "4"}}]]}},
        ]}},
        {"divider": {}},
    ])
}

async fn ground() -> (Ground, Source, Actuator) {
    let ground = Ground::start().await;
    ground.world().add_notion_page(PAGE_ID, "Redis failover", &blocks()).unwrap();
    let source = Source::open(&ground.notion()).unwrap();
    let writer = Actuator::open(&ground.notion_with(&ground.world().notion_executor_token())).unwrap();
    (ground, source, writer)
}

fn body(page: &Page) -> &[Json] {
    let Body::Blocks(blocks) = &page.body else { panic!("{page:?}") };
    blocks
}

fn words(block: &Json) -> &str {
    let kind = block["type"].as_str().unwrap();
    block[kind]["rich_text"][0]["plain_text"].as_str().unwrap_or_default()
}

fn id(block: &Json) -> String {
    block["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn it_reads_a_page_with_all_of_its_blocks() {
    let (_ground, source, _) = ground().await;
    let health = source.health().await.unwrap();
    assert_eq!(health.account, Fact::Known("Dock in Acme".to_owned()));
    let page = source.page(&PAGE_ID.replace('-', "").to_uppercase()).await.unwrap();
    assert_eq!((page.site, page.id.as_str(), page.title.as_str()), (Site::Notion, PAGE_ID, "Redis failover"));
    assert_eq!((page.version, page.space.as_str(), page.closed.as_ref()), (0, "", None));
    assert!(
        page.created_at.ends_with(":00.000Z") && page.url.ends_with(&PAGE_ID.replace('-', "")),
        "{page:?}"
    );
    let blocks = body(&page);
    let kinds: Vec<&str> = blocks.iter().map(|block| block["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["heading_2", "numbered_list_item", "numbered_list_item", "table", "divider"]);
    let inner: Vec<&str> = blocks[2]["children"].as_array().unwrap().iter().map(words).collect();
    assert_eq!(inner, ["redis-cli failover", "not while the replica lags"]);
    assert_eq!(blocks[3]["children"][0]["table_row"]["cells"][1][0]["plain_text"], "4");
    assert!(blocks[0].get("children").is_none());
    assert_eq!(source.changed(PAGE_ID).await.unwrap(), page.created_at);
}

#[tokio::test]
async fn a_long_and_deep_page_is_read_to_its_end_and_one_too_deep_is_a_no() {
    let (ground, source, writer) = ground().await;
    let many: Vec<Json> = (0..250).map(|number| text("paragraph", &format!("line {number}"))).collect();
    let other = "393abc1e-edcd-8170-aebf-cf1d14057b30";
    ground.world().add_notion_page(other, "Long", &json!(many)).unwrap();
    let page = source.page(other).await.unwrap();
    let lines: Vec<&str> = body(&page).iter().map(words).collect();
    assert_eq!((lines.len(), lines[0], lines[100], lines[249]), (250, "line 0", "line 100", "line 249"));
    let mut parent = id(&body(&page)[0]);
    for depth in 0..34 {
        let children = vec![text("bulleted_list_item", &format!("level {depth}"))];
        parent = writer.carry_out(&Call::Append { parent, after: None, children }).await.unwrap().remove(0);
    }
    let error = source.page(other).await.unwrap_err();
    assert_eq!(error.failure, Failure::TooLarge);
    assert!(error.said.contains("more than 32 deep"), "{error}");
}

#[tokio::test]
async fn an_edit_is_carried_out_call_by_call() {
    let (ground, source, writer) = ground().await;
    let before = source.page(PAGE_ID).await.unwrap();
    let ids: Vec<String> = body(&before).iter().map(id).collect();
    let after = Some(ids[1].clone());
    let children = vec![text("numbered_list_item", "Tell #incidents."), text("numbered_list_item", "Wait.")];
    let made = writer.carry_out(&Call::Append { parent: PAGE_ID.to_owned(), after, children }).await.unwrap();
    let first = vec![text("paragraph", "For the session store.")];
    let top = writer.carry_out(&Call::Prepend { parent: PAGE_ID.to_owned(), children: first }).await.unwrap();
    let payload = json!({"rich_text": [{"text": {"content": "Stop "}}, {"text": {"content": "all", "link": {"url": "https://r.example"}}, "annotations": {"bold": true}}]});
    let update = Call::Update { block: ids[1].clone(), kind: "numbered_list_item".to_owned(), payload };
    assert!(writer.carry_out(&update).await.unwrap().is_empty());
    assert!(writer.carry_out(&Call::Delete { block: ids[4].clone() }).await.unwrap().is_empty());
    let page = source.page(PAGE_ID).await.unwrap();
    let now: Vec<String> = body(&page).iter().map(id).collect();
    assert_eq!(now, [&top[0], &ids[0], &ids[1], &made[0], &made[1], &ids[2], &ids[3]].map(Clone::clone));
    let changed = &body(&page)[2]["numbered_list_item"]["rich_text"];
    assert_eq!(changed[1]["href"], "https://r.example");
    assert_eq!(changed[1]["annotations"]["bold"], true);
    assert_eq!(changed[0]["plain_text"], "Stop ");
    assert_eq!(page.author, writer.reads().json::<Json>(get("me", &["users", "me"])).await.unwrap()["id"]);
    let writes = ground.world().notion_writes();
    assert_eq!(writes.len(), 4);
    assert_eq!(writes[3], format!("DELETE /v1/blocks/{}", ids[4]));
}

#[tokio::test]
async fn notions_own_limits_and_rules_are_its_noes() {
    let (_ground, source, writer) = ground().await;
    let page = source.page(PAGE_ID).await.unwrap();
    let (step, divider) = (id(&body(&page)[1]), id(&body(&page)[4]));
    let refused = async |call: Call, words: &str| {
        let error = writer.carry_out(&call).await.unwrap_err();
        assert_eq!(error.next(), Next::GiveUp);
        let WriteError::Platform(error) = error else { panic!("{error}") };
        assert_eq!(error.failure, Failure::Refused { status: 400 });
        assert!(error.said.starts_with("validation_error: ") && error.said.contains(words), "{error}");
    };
    let append = |children: Vec<Json>, after: Option<&str>| Call::Append {
        parent: PAGE_ID.to_owned(),
        after: after.map(str::to_owned),
        children,
    };
    let paragraph = text("paragraph", "x");
    refused(append(vec![paragraph.clone(); 101], None), "should be ≤ `100`").await;
    refused(append(vec![text("paragraph", &"x".repeat(2_001))], None), "should be ≤ `2000`").await;
    refused(append(vec![json!({"child_page": {"title": "x"}})], None), "type that can be made").await;
    refused(append(vec![paragraph], Some("393abc1e-edcd-8124-b37c-000000000000")), "is not a child").await;
    let payload = json!({"rich_text": []});
    refused(
        Call::Update { block: step, kind: "paragraph".to_owned(), payload },
        "body.numbered_list_item should be defined",
    )
    .await;
    writer.carry_out(&Call::Delete { block: divider.clone() }).await.unwrap();
    refused(Call::Delete { block: divider }, "is archived").await;
    assert_eq!(source.page("not an id").await.unwrap_err().failure, Failure::Setup);
}

#[tokio::test]
async fn who_may_not_write_and_what_is_not_shared() {
    let (ground, source, writer) = ground().await;
    let reader = Actuator::open(&ground.notion()).unwrap();
    let error = reader.comment(PAGE_ID, "x").await.unwrap_err();
    assert_eq!(error.next(), Next::GiveUp);
    assert!(
        error.to_string().contains("does not permit it (403)")
            && error.to_string().contains("restricted_resource")
    );
    let stranger = Source::open(&ground.notion_with("ntn_wrong")).unwrap();
    assert_eq!(stranger.health().await.unwrap_err().failure, Failure::Unauthorised);
    ground.world().share_notion_page(PAGE_ID, false).unwrap();
    let error = source.page(PAGE_ID).await.unwrap_err();
    assert_eq!(error.failure, Failure::NotFound);
    assert!(error.said.contains("shared with your integration"), "{error}");
    assert!(writer.comment(PAGE_ID, "x").await.is_err());
    assert!(ground.world().notion_writes().is_empty());
}

#[tokio::test]
async fn a_page_that_nobody_may_edit_says_why() {
    let (ground, source, writer) = ground().await;
    ground.world().lock_notion_page(PAGE_ID, true).unwrap();
    assert_eq!(source.page(PAGE_ID).await.unwrap().closed.as_deref(), Some("locked"));
    ground.world().trash_notion_page(PAGE_ID).unwrap();
    let page = source.page(PAGE_ID).await.unwrap();
    assert_eq!(page.closed.as_deref(), Some("trashed"));
    let block = id(&body(&page)[0]);
    assert_eq!(writer.carry_out(&Call::Delete { block }).await.unwrap_err().next(), Next::GiveUp);
}

#[tokio::test]
async fn each_way_in_which_a_page_is_no_longer_as_it_was_has_its_name_and_what_to_do() {
    const OTHER: &str = "393abc1e-edcd-8170-aebf-cf1d14057b30";
    type Change = fn(&crate::simulator::World);
    // What is done to it; why it is shut, or why it is not read.
    let table: [(&str, Change, Result<Option<&str>, &str>); 7] = [
        ("nothing", |_| {}, Ok(None)),
        ("trashed", |world| world.trash_notion_page(PAGE_ID).unwrap(), Ok(Some("get it out of the trash"))),
        ("locked", |world| world.lock_notion_page(PAGE_ID, true).unwrap(), Ok(Some("unlock it"))),
        // Under another title or in another page it is the same page.
        ("renamed", |world| world.rename_notion_page(PAGE_ID, "Failover").unwrap(), Ok(None)),
        ("moved", |world| world.move_notion_page(PAGE_ID, OTHER).unwrap(), Ok(None)),
        (
            "moved out of sight",
            |world| {
                world.share_notion_page(OTHER, false).unwrap();
                world.move_notion_page(PAGE_ID, OTHER).unwrap();
            },
            Err("gone, renamed, or hidden"),
        ),
        (
            "not shared",
            |world| world.share_notion_page(PAGE_ID, false).unwrap(),
            Err("gone, renamed, or hidden"),
        ),
    ];
    for (name, change, expected) in table {
        let (ground, source, _) = ground().await;
        ground.world().add_notion_page(OTHER, "Runbooks", &json!([])).unwrap();
        let before = PageBase::of("RUN-7", &source.page(PAGE_ID).await.unwrap());
        change(ground.world());
        match (source.page(PAGE_ID).await, expected) {
            (Ok(page), Ok(shut)) => {
                let told = page.shut();
                assert_eq!(told.is_some(), shut.is_some(), "{name}: {told:?}");
                let told = told.unwrap_or_default();
                assert!(shut.is_none_or(|what| told.contains(what)), "{name}: {told}");
                assert_eq!(
                    before.moved(&PageBase::of("RUN-7", &page)).iter().find(|one| one.what == "body"),
                    None
                );
            }
            (Err(error), Err(hint)) => {
                assert_eq!(error.failure, Failure::NotFound, "{name}: {error}");
                assert!(
                    error.said.contains("object_not_found") && error.hint().contains(hint),
                    "{name}: {error}"
                );
            }
            other => panic!("{name}: {other:?}"),
        }
    }
    let archived: wire::Page = serde_json::from_value(
        json!({"id": PAGE_ID, "last_edited_time": "2026-07-04T09:08:00.000Z", "is_archived": true}),
    )
    .unwrap();
    let shut = archived.page(Body::Blocks(vec![])).shut();
    assert!(shut.is_some_and(|told| told.contains("get it out of the archive")));
}

#[tokio::test]
async fn people_have_names_where_an_integration_is_told_them() {
    let (ground, source, _) = ground().await;
    ground.world().edit_notion_page(PAGE_ID, "jordan").unwrap();
    let page = source.page(PAGE_ID).await.unwrap();
    let faults = ground.world().faults(Simulated::Notion);
    let nobody = "393abc1e-edcd-8170-aebf-cf1d14057b30";
    let all = [page.author.as_str(), nobody, ""];
    faults.script("GET /v1/users", Fault::Status(403), Some(1));
    let other = Source::open(&ground.notion()).unwrap();
    let names = other.names(&all).await;
    assert_eq!(names.known(&page.author), None, "an integration without user information");
    let calls = other.calls();
    assert_eq!((other.names(&all).await, other.calls()), (names, calls), "not asked again at once");
    let names = source.names(&all).await;
    assert_eq!((names.of(&page.author).as_str(), names.known(nobody)), ("Jordan", None));
}

#[tokio::test]
async fn somebody_elses_edit_moves_the_body_even_within_a_minute() {
    let (ground, source, _) = ground().await;
    let before = source.page(PAGE_ID).await.unwrap();
    ground.world().edit_notion_page(PAGE_ID, "jordan").unwrap();
    let after = source.page(PAGE_ID).await.unwrap();
    assert_ne!(before.body.digest(), after.body.digest());
    assert_ne!(before.author, after.author);
    assert!(words(&body(&after)[0]).contains("jordan"));
}

#[tokio::test]
async fn a_page_is_made_with_all_of_its_blocks_and_found_again() {
    let (ground, source, writer) = ground().await;
    let many: Vec<Json> = (0..230).map(|number| text("paragraph", &format!("line {number}"))).collect();
    let made = writer.create(PAGE_ID, "INC-2099, what happened", &many).await.unwrap();
    assert_eq!(ground.world().notion_writes().len(), 3, "a hundred in each");
    let page = source.page(&made.id).await.unwrap();
    assert_eq!((page.title.as_str(), body(&page).len()), ("INC-2099, what happened", 230));
    assert_eq!((words(&body(&page)[229]), page.url.as_str()), ("line 229", made.url.as_str()));
    let below = source.below(PAGE_ID).await.unwrap();
    assert_eq!(below, [Below { id: made.id.clone(), title: "INC-2099, what happened".to_owned() }]);
    assert_eq!(source.find(PAGE_ID, "INC-2099, what happened").await.unwrap(), below);
    assert!(source.find(PAGE_ID, "INC-2100").await.unwrap().is_empty());
    let parent = source.page(PAGE_ID).await.unwrap();
    assert!(body(&parent)[5].get("children").is_none(), "a page in a page is a page of its own");
    // The second batch fails: what is there is told, and nothing is made twice.
    let faults = ground.world().faults(Simulated::Notion);
    faults.script("/children", Fault::Status(500), Some(1));
    let error = writer.create(PAGE_ID, "half", &many).await.unwrap_err();
    assert_eq!(error.next(), Next::ReadBack);
    let WriteError::Partly { page, written, of, .. } = error else { panic!("{error}") };
    assert_eq!((written, of), (100, 230));
    assert_eq!(source.find(PAGE_ID, "half").await.unwrap()[0].id, page);
}

#[tokio::test]
async fn a_comment_says_whose_an_edit_was() {
    let (_ground, source, writer) = ground().await;
    let long = format!("Dock rb-8823 [dock:rb-8823 sha256:9f86] {}", "é".repeat(2_500));
    let made = writer.comment(PAGE_ID, &long).await.unwrap();
    let comments = source.comments(PAGE_ID).await.unwrap();
    assert_eq!((comments.len(), &comments[0].id, &comments[0].text), (1, &made, &long));
}

#[tokio::test]
async fn what_a_writer_does_after_each_trouble() {
    let (ground, source, writer) = ground().await;
    let world = ground.world();
    let call =
        || Call::Append { parent: PAGE_ID.to_owned(), after: None, children: vec![text("paragraph", "new")] };
    let retry = Next::Retry { wait: Duration::from_secs(1) };
    for (status, code, expected) in [
        (409, "conflict_error", Next::ReadBack),
        (429, "rate_limited", retry),
        (529, "service_overload", retry),
        (500, "internal_server_error", Next::ReadBack),
        (503, "service_unavailable", Next::ReadBack),
        (504, "gateway_timeout", Next::ReadBack),
    ] {
        world.notion_says(true, status, code);
        let error = writer.carry_out(&call()).await.unwrap_err();
        assert_eq!(error.next(), expected, "{error}");
        assert!(error.to_string().contains(code), "{error}");
        // It has nothing to forget: the breaker opens at five in a row.
        source.changed(PAGE_ID).await.unwrap();
        writer.reads().changed(PAGE_ID).await.unwrap();
    }
    let count = async || body(&source.page(PAGE_ID).await.unwrap()).len();
    assert_eq!(count().await, 5, "none of them was carried out");
    world.faults(Simulated::Notion).script("PATCH", Fault::LostAnswer, Some(1));
    assert_eq!(writer.carry_out(&call()).await.unwrap_err().next(), Next::ReadBack);
    assert_eq!(count().await, 6, "this one was");
}

#[tokio::test]
async fn each_no_is_its_own_and_pauses_are_waited_out() {
    let (ground, source, _) = ground().await;
    let faults = ground.world().faults(Simulated::Notion);
    for (fault, expected) in [
        (Fault::Status(400), Failure::Refused { status: 400 }),
        (Fault::Status(401), Failure::Unauthorised),
        (Fault::Status(403), Failure::Forbidden),
        (Fault::Status(404), Failure::NotFound),
        (Fault::Status(409), Failure::Conflict),
        (Fault::Status(529), Failure::RateLimited { retry_after: PAUSE }),
        (Fault::Status(503), Failure::ServerError { status: 503 }),
        (Fault::RateLimited(9), Failure::RateLimited { retry_after: Duration::from_secs(9) }),
        (Fault::Garbage, Failure::Garbage),
        (Fault::HalfBody, Failure::CutOff),
        (Fault::Redirect("http://192.0.2.1/".to_owned()), Failure::Redirected),
    ] {
        faults.script("", fault, Some(1));
        assert_eq!(source.changed(PAGE_ID).await.unwrap_err().failure, expected);
    }
    faults.script("/children", Fault::RateLimited(1), Some(1));
    faults.script("/children", Fault::Slow(Duration::from_millis(20)), Some(1));
    assert_eq!(body(&source.page(PAGE_ID).await.unwrap()).len(), 5);
    faults.script("/children", Fault::RateLimited(60), Some(1));
    let error = source.page(PAGE_ID).await.unwrap_err();
    assert_eq!(error.failure, Failure::RateLimited { retry_after: Duration::from_secs(60) });
}

#[test]
fn ids_are_one_with_dashes_and_without() {
    let whole = Some(PAGE_ID.to_owned());
    for (text, expected) in [
        (PAGE_ID, whole.clone()),
        ("393abc1eedcd8124b37cf7cb2f21e2d3", whole.clone()),
        (" 393ABC1E-EDCD-8124-B37C-F7CB2F21E2D3 ", whole),
        ("393abc1e-edcd-8124-b37c", None),
        ("393abc1e-edcd-8124-b37c-f7cb2f21e2dé", None),
        ("", None),
    ] {
        assert_eq!(normalised(text), expected, "{text}");
    }
}

#[test]
fn a_recorded_page_is_read() {
    let page = json!({"object": "page", "id": "393abc1eedcd8124b37cf7cb2f21e2d3",
        "last_edited_time": "2026-07-04T09:12:00.000Z", "last_edited_by": {"object": "user", "id": "7775f3a3"},
        "in_trash": false, "is_archived": false, "is_locked": true, "archived": false,
        "properties": {"Status": {"type": "select"}, "Name": {"id": "title", "type": "title",
            "title": [{"type": "text", "plain_text": "Redis "}, {"type": "text", "plain_text": "failover"}]}},
        "url": "https://app.notion.com/p/Redis"});
    let page: wire::Page = serde_json::from_value(page).unwrap();
    let page = page.page(Body::Blocks(vec![]));
    assert_eq!(
        (page.id.as_str(), page.title.as_str(), page.author.as_str()),
        (PAGE_ID, "Redis failover", "7775f3a3")
    );
    assert_eq!(
        (page.closed.as_deref(), page.created_at.as_str()),
        (Some("locked"), "2026-07-04T09:12:00.000Z")
    );
    let said: wire::Error = serde_json::from_value(
        json!({"object": "error", "status": 401, "code": "unauthorized", "message": "API token is invalid."}),
    )
    .unwrap();
    assert_eq!(said.words(), "unauthorized: API token is invalid.");
}
