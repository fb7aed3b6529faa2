//! An edit whose page moved: told apart, merged by its reviewer where it lies apart, refused where it is touched.

use super::*;

/// Its body with something else in one place.
fn rewrite(acting: &Acting, what: &str, with: &str) {
    let world = acting.world.platforms.world();
    let body = world.confluence_body(PAGE).unwrap();
    assert!(body.contains(what), "{what} in {body}");
    world.edit_page(PAGE, "acc-jordan", &PageEdit::Body(body.replacen(what, with, 1))).unwrap();
}

async fn amend(acting: &Acting, row: &RowView, body: Value) -> (u16, Value) {
    let sarah = acting.world.login("sarah").await;
    let path = format!("/v1/rows/{}/amendments", row.head.id);
    let revision = format!("\"{}\"", row.head.revision);
    let body = Some(body.to_string().into_bytes());
    acting.world.raw("POST", &path, Some(&sarah), body, &[("If-Match", &revision)]).await
}

async fn fresh(acting: &Acting, row: &RowView) -> crate::wire::Fresh {
    let path = format!("/v1/rows/{}/fresh", row.head.id);
    let (status, told) = acting.world.call("POST", &path, Some(&acting.world.agent_token), None).await;
    assert_eq!(status, 200, "{told}");
    serde_json::from_value(told).unwrap()
}

async fn again(acting: &Acting, row: &RowView) -> RowView {
    acting.world.row(&row.head.id.to_string()).await
}

/// Where the edit of these tests goes.
const ANCHOR: &str = "Stop the writers: scale";

#[tokio::test]
async fn what_lies_apart_is_told_merged_by_its_reviewer_and_published_with_both() {
    for stale in [false, true] {
        let acting = start().await;
        let row = opened(&acting).await;
        assert_eq!(fresh(&acting, &row).await.since, None, "nothing moved");
        let refused = amend(&acting, &row, json!({"merge": true})).await;
        assert_eq!((refused.0, &refused.1["field"]), (400, &json!("merge")), "nothing to merge");
        if stale {
            approved(&acting, &row).await;
        }
        let edit = PageEdit::Paragraph("Owned by the session team.".to_owned());
        acting.world.platforms.world().edit_page(PAGE, "acc-jordan", &edit).unwrap();
        if stale {
            acting.work(&acting.executor(), row.head.id, &[State::Stale]).await;
        } else {
            let statement = acting.world.statement("sarah", &row, Decision::Approve).await;
            assert_eq!(code(&acting.world.send(&statement).await), "base_moved");
        }
        let row = again(&acting, &row).await;
        assert_eq!(row.head.state, if stale { State::Stale } else { State::Pending });

        let told = fresh(&acting, &row).await;
        let since = told.since.unwrap();
        assert!(since.diff.contains("+Owned by the session team."), "{}", since.diff);
        assert_eq!((since.against(&[], &[]), since.touched.len()), (vec![], 0));

        let words = json!([{"is": "item", "ordered": true, "depth": 0, "text": [{"plain": "Wait."}]}]);
        let plainly = amend(&acting, &row, json!({"reword": {"1": words}})).await;
        assert_eq!(code(&plainly), "base_moved", "a change without the merge is of a page that is gone");
        assert!(plainly.1["hint"].as_str().unwrap().contains("--merge"), "{}", plainly.1);

        let (status, answer) = amend(&acting, &row, json!({"merge": true})).await;
        assert_eq!(status, 200, "{answer}");
        let merged = again(&acting, &row).await;
        assert_eq!((merged.head.revision, merged.head.state), (2, State::Pending));
        assert_eq!((merged.mismatch(), &merged.amended_by), (None, &vec![name("sarah")]));
        assert_ne!(merged.head.content_sha256, row.head.content_sha256, "its own digest");
        assert_eq!(merged.proposal, row.proposal, "the same words at the same place");
        assert!(merged.diff.contains(" Owned by the session team."), "{}", merged.diff);
        assert_eq!(fresh(&acting, &merged).await.since, None);

        approved(&acting, &merged).await;
        let done = acting.work(&acting.executor(), row.head.id, &ENDED).await;
        assert_eq!(done.state(), State::Executed, "{:?}", done.stage);
        let body = acting.world.platforms.world().confluence_body(PAGE).unwrap();
        assert!(body.contains("Owned by the session team.") && body.contains(NEW_STEP), "{body}");
    }
}

#[tokio::test]
async fn what_is_touched_is_refused_with_the_operation_and_the_lines() {
    let acting = start().await;
    let row = opened(&acting).await;
    let body = acting.world.platforms.world().confluence_body(PAGE).unwrap();
    let step = &body[body.find(ANCHOR).unwrap()..];
    let end = &step[..step.find("</li>").unwrap() + "</li>".len()];
    rewrite(&acting, end, &format!("{end}<li><p>Look at the clock.</p></li>"));

    let since = fresh(&acting, &row).await.since.unwrap();
    let [touched] = since.touched.as_slice() else { panic!("{since:?}") };
    assert_eq!((touched.number, touched.how), (1, page::since::Touch::Beside));
    let refused = amend(&acting, &row, json!({"merge": true})).await;
    assert_eq!((refused.0, code(&refused).as_str()), (409, "edit_touched"), "{refused:?}");
    let detail = refused.1["detail"].as_str().unwrap();
    assert!(detail.contains("operation 1: “") && detail.contains("Look at the clock."), "{detail}");
    assert!(detail.contains("(line "), "{detail}");
    assert_eq!(again(&acting, &row).await.head.revision, 1, "nothing was changed");
    assert_eq!(
        amend(&acting, &row, json!({"merge": true, "strike": [1]})).await.0,
        400,
        "nothing would be left"
    );

    // Whoever words it anew has read both.
    let words =
        json!([{"is": "item", "ordered": true, "depth": 0, "text": [{"plain": "Note it, then rotate."}]}]);
    let (status, answer) = amend(&acting, &row, json!({"merge": true, "reword": {"1": words}})).await;
    assert_eq!(status, 200, "{answer}");
    let merged = again(&acting, &row).await;
    assert!(merged.diff.contains("+2. Note it, then rotate.\n 3. Look at the clock."), "{}", merged.diff);

    // A passage that was rewritten is not found by other words.
    let acting = start().await;
    let row = opened(&acting).await;
    rewrite(&acting, ANCHOR, "Pause the writers: scale");
    let since = fresh(&acting, &row).await.since.unwrap();
    assert_eq!(since.touched[0].how, page::since::Touch::Same);
    let words = json!([{"is": "item", "ordered": true, "depth": 0, "text": [{"plain": "Wait."}]}]);
    for change in [json!({"merge": true}), json!({"merge": true, "reword": {"1": words}})] {
        assert_eq!(code(&amend(&acting, &row, change).await), "edit_touched");
    }
}

#[tokio::test]
async fn a_page_that_is_closed_is_not_merged_and_the_servers_own_reading_decides() {
    let acting = start().await;
    let row = opened(&acting).await;
    let edit = PageEdit::Paragraph("Owned by the session team.".to_owned());
    acting.world.platforms.world().edit_page(PAGE, "acc-jordan", &edit).unwrap();
    acting.world.platforms.world().faults(Site::Confluence).down();
    assert_eq!(code(&amend(&acting, &row, json!({"merge": true})).await), "source_unreachable");
    acting.world.platforms.world().faults(Site::Confluence).up();
    acting.world.platforms.world().trash_page(PAGE).unwrap();
    assert_eq!(fresh(&acting, &row).await.since.unwrap().closed.as_deref(), Some("the page is trashed"));
    let refused = amend(&acting, &row, json!({"merge": true})).await;
    assert_eq!(code(&refused), "edit_touched");
    assert!(refused.1["detail"].as_str().unwrap().contains("the page is trashed"), "{}", refused.1);
}

#[tokio::test]
async fn blocks_are_merged_by_where_they_stand() {
    let acting = start().await;
    let row = in_notion(&acting).await;
    acting.world.platforms.world().edit_notion_page(OUTAGE, "jordan").unwrap();
    let since = fresh(&acting, &row).await.since.unwrap();
    assert_eq!(since.touched[0].how, page::since::Touch::Same, "its first block was put in other words");
    assert_eq!(code(&amend(&acting, &row, json!({"merge": true})).await), "edit_touched");

    let acting = start().await;
    let step = |text: &str| json!({"type": "numbered_list_item", "numbered_list_item": {"rich_text": [{"type": "text", "text": {"content": text}}]}});
    let blocks = json!([step("Say that you take it."), step("Look."), step("Drain the region.")]);
    acting.world.platforms.world().add_notion_page(OUTAGE, "Partial region outage", &blocks).unwrap();
    let anchor = Anchor { id: None, path: vec![], text: "Drain the region.".to_owned() };
    let blocks = vec![Block::Item { ordered: true, depth: 0, text: plain("Ask the provider.") }];
    let (because, action) = ("Nobody asked.".to_owned(), Action::InsertAfter { blocks });
    let edit = Edit { operations: vec![Operation { anchor, action, because, pointers: vec![], by: None }] };
    let reading = read(&acting, "NOTION-91a", Proposed::Edit(edit.clone())).await;
    let row = open(&acting, &drafted(&reading, Proposal::Edit(edit))).await;
    acting.world.platforms.world().edit_notion_page(OUTAGE, "jordan").unwrap();
    let (status, answer) = amend(&acting, &row, json!({"merge": true})).await;
    assert_eq!(status, 200, "{answer}");
    let merged = again(&acting, &row).await;
    assert!(
        merged.diff.contains("checked by jordan") && merged.diff.contains("Ask the provider."),
        "{}",
        merged.diff
    );
}
