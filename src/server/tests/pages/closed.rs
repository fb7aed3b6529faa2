//! Pages that are restricted, archived, thrown away, gone or in another space: named, before anybody signs and before anything
//! is written.

use super::*;

type Change = fn(&crate::simulator::World);

const CLOSED: [(&str, Change, &str); 8] = [
    ("restricted", |world| world.restrict_page(PAGE, &["acc-jordan"], &[]).unwrap(), "who may edit the page"),
    ("archived", |world| world.archive_page(PAGE).unwrap(), "page"),
    ("trashed", |world| world.trash_page(PAGE).unwrap(), "page"),
    ("absent", |world| world.purge_page(PAGE).unwrap(), "page"),
    ("98306", |world| world.move_page(PAGE, "INC").unwrap(), "space"),
    // What it says of itself since the row froze one key.
    (
        "2: it says that it is sensitive",
        |world| says(world, &json!({"sensitive": true})),
        "keys that the page asks for",
    ),
    (
        "people by hand alone, as its property `dock` says",
        |world| says(world, &json!({"by_hand": true})),
        "who may edit the page",
    ),
    (
        "2: its property `dock` is not as it should be: it is no object",
        |world| says(world, &json!("sensitive")),
        "keys that the page asks for",
    ),
];

fn says(world: &crate::simulator::World, word: &Value) {
    world.page_property(PAGE, "acc-jordan", "dock", Some(word)).unwrap();
}

#[tokio::test]
async fn a_page_that_says_that_it_is_sensitive_takes_two_whatever_the_config_says() {
    for (word, keys) in [
        (json!({"sensitive": true}), 2),
        (json!({"sensitive": false, "owner": "sessions"}), 1),
        (json!({"sensitiv": true}), 2),
    ] {
        let acting = start().await;
        says(acting.world.platforms.world(), &word);
        let row = opened(&acting).await;
        assert_eq!(row.head.keys_needed, keys, "{word}");
        approved(&acting, &row).await;
        if keys == 2 {
            assert_eq!(acting.state(row.head.id).await, State::HalfSigned, "{word}");
            let second = acting.world.statement("govind", &row, Decision::Approve).await;
            assert_eq!(code(&acting.world.send(&second).await), "accepted");
        }
        let done = acting.work(&acting.executor(), row.head.id, &ENDED).await;
        assert_eq!(done.state(), State::Executed, "{word}: {:?}", done.stage);
    }
}

#[tokio::test]
async fn what_is_ticked_on_a_page_that_is_edited_by_hand_alone_can_be_signed() {
    let acting = start().await;
    says(acting.world.platforms.world(), &json!({"by_hand": true, "sensitive": true}));
    let live = live_of(&acting).await;
    let reading = read(&acting, RUNBOOK, Proposed::Live(live.clone())).await;
    let row = open(&acting, &drafted(&reading, Proposal::Live(live))).await;
    assert_eq!(row.head.keys_needed, 1, "nothing is written");
    let statement = acting.world.statement("sarah", &row, Decision::Approve).await;
    assert_eq!(code(&acting.world.send(&statement).await), "accepted");
}

#[tokio::test]
async fn nobody_signs_for_a_page_that_cannot_be_published() {
    for (name, change, what) in CLOSED {
        let acting = start().await;
        let row = opened(&acting).await;
        change(acting.world.platforms.world());
        let statement = acting.world.statement("sarah", &row, Decision::Approve).await;
        let answer = acting.world.send(&statement).await;
        assert_eq!(code(&answer), "base_moved", "{name}: {answer:?}");
        let moved = &answer.1["refusal"]["moved"];
        let named =
            moved.as_array().unwrap().iter().find(|one| one["what"].as_str().unwrap().ends_with(what));
        let is = named.map(|one| one["now"].as_str().unwrap().to_owned()).unwrap_or_default();
        let expected = if name == "restricted" { "Jordan alone" } else { name };
        assert_eq!(is, expected, "{name}: {moved}");
    }
}

#[tokio::test]
async fn what_closes_after_the_approval_goes_back_to_its_people_by_name_and_nothing_is_written() {
    for (name, change, what) in CLOSED {
        let acting = start().await;
        let row = opened(&acting).await;
        approved(&acting, &row).await;
        change(acting.world.platforms.world());
        let done = acting.work(&acting.executor(), row.head.id, &ENDED).await;
        assert_eq!(done.state(), State::Stale, "{name}: {:?}", done.stage);
        let why = acting.world.row(&row.head.id.to_string()).await.why.unwrap_or_default();
        assert!(why.contains(what), "{name}: {why}");
        assert_eq!(written(&acting), Vec::<String>::new(), "{name}");
    }
}

#[tokio::test]
async fn what_the_executor_alone_may_not_read_waits_for_its_account_and_is_no_move() {
    let acting = start().await;
    let row = opened(&acting).await;
    approved(&acting, &row).await;
    let faults = acting.world.platforms.world().faults(crate::simulator::Site::Confluence);
    faults.script(&format!("GET /wiki/api/v2/pages/{PAGE}/properties"), Fault::Status(403), None);
    let executor = acting.executor();
    for _ in 0..5 {
        executor.turn().await.unwrap();
    }
    assert_eq!(acting.world.row(&row.head.id.to_string()).await.head.state, State::Approved);
    assert_eq!(written(&acting), Vec::<String>::new());
}

#[tokio::test]
async fn a_restriction_that_comes_between_the_look_and_the_write_is_a_named_end() {
    let acting = start().await;
    let row = opened(&acting).await;
    approved(&acting, &row).await;
    let world = acting.world.platforms.world().clone();
    let executor = acting.executor().stopping(Arc::new(move |at| {
        if at == "publish.intent.committed" {
            world.restrict_page(PAGE, &["acc-jordan"], &[]).unwrap();
        }
        Box::pin(std::future::ready(false))
    }));
    let done = acting.work(&executor, row.head.id, &ENDED).await;
    assert!(matches!(done.state(), State::Failed | State::Stale), "{:?}", done.stage);
    let told = format!("{:?}", done.stage);
    assert!(told.contains("restricted") || told.contains("who may edit"), "{told}");
    assert_eq!(written(&acting), Vec::<String>::new());
}

#[tokio::test]
async fn a_page_in_notion_that_closes_after_the_approval_goes_back_and_nothing_is_written() {
    let closed: [(&str, Change); 3] = [
        ("trashed", |world| world.trash_notion_page(OUTAGE).unwrap()),
        ("locked", |world| world.lock_notion_page(OUTAGE, true).unwrap()),
        // Who takes it from the integration makes it a page that is not there.
        ("absent", |world| world.share_notion_page(OUTAGE, false).unwrap()),
    ];
    for point in ["lease.taken", "publish.intent.committed"] {
        for (name, change) in closed {
            let acting = start().await;
            let row = in_notion(&acting).await;
            approved(&acting, &row).await;
            let world = acting.world.platforms.world().clone();
            let executor = acting.executor().stopping(Arc::new(move |at| {
                if at == point {
                    change(&world);
                }
                Box::pin(std::future::ready(false))
            }));
            let done = acting.work(&executor, row.head.id, &ENDED).await;
            assert_eq!(done.state(), State::Stale, "{name} {point}: {:?}", done.stage);
            assert_eq!(
                acting.world.platforms.world().notion_writes(),
                Vec::<String>::new(),
                "{name} {point}"
            );
        }
    }
}

#[tokio::test]
async fn what_only_lies_elsewhere_is_published_where_it_lies_by_then() {
    let acting = start().await;
    let row = opened(&acting).await;
    approved(&acting, &row).await;
    acting.world.platforms.world().hang_page(PAGE, "3380").unwrap();
    let done = acting.work(&acting.executor(), row.head.id, &ENDED).await;
    assert_eq!(done.state(), State::Executed, "{:?}", done.stage);

    let parent = "91a00000-0000-4000-8000-000000000009";
    let moves: [(&str, Change); 2] = [
        ("renamed", |world| world.rename_notion_page(OUTAGE, "A region is out").unwrap()),
        ("moved", |world| world.move_notion_page(OUTAGE, "91a00000-0000-4000-8000-000000000009").unwrap()),
    ];
    for (name, change) in moves {
        let acting = start().await;
        acting.world.platforms.world().add_notion_page(parent, "Runbooks", &json!([])).unwrap();
        let row = in_notion(&acting).await;
        approved(&acting, &row).await;
        change(acting.world.platforms.world());
        let done = acting.work(&acting.executor(), row.head.id, &ENDED).await;
        assert_eq!(done.state(), State::Executed, "{name}: {:?}", done.stage);
    }
}

#[tokio::test]
async fn a_reader_who_may_no_longer_see_a_page_waits_and_nothing_is_written() {
    let acting = start().await;
    let row = opened(&acting).await;
    approved(&acting, &row).await;
    let faults = acting.world.platforms.world().faults(Site::Confluence);
    faults.script("GET /wiki/api/v2/pages", Fault::Status(403), None);
    let executor = acting.executor();
    for _ in 0..5 {
        executor.turn().await.unwrap();
    }
    let troubles = executor.troubles();
    let why = troubles.lock().unwrap().get(&row.head.id).cloned().unwrap_or_default();
    assert!(why.contains("does not permit it (403)"), "{why}");
    assert_eq!((acting.state(row.head.id).await, written(&acting)), (State::Approved, vec![]));
    faults.clear();
    let done = acting.work(&executor, row.head.id, &ENDED).await;
    assert_eq!(done.state(), State::Executed, "{:?}", done.stage);
}

#[tokio::test]
async fn a_page_that_is_renamed_after_the_approval_goes_back() {
    let acting = start().await;
    let row = opened(&acting).await;
    approved(&acting, &row).await;
    let edit = PageEdit::Title("Redis failover, the old way".to_owned());
    acting.world.platforms.world().edit_page(PAGE, "acc-jordan", &edit).unwrap();
    let done = acting.work(&acting.executor(), row.head.id, &ENDED).await;
    assert_eq!(done.state(), State::Stale, "{:?}", done.stage);
    assert_eq!(written(&acting), Vec::<String>::new());
}
