//! Confluence's connector against the simulated one.
//!
//! Never: a request to the real one.

use reqwest::{
    StatusCode,
    header::{HeaderName, HeaderValue},
};
use serde_json::{Value, json};
use std::time::Duration;

use super::*;
use crate::{
    platform::{Next, http::Answer, tests::Ground},
    row::base::PageBase,
    simulator::{Fault, PageEdit, Site as Simulated, World},
};

const PAGE_ID: &str = "4711";
const TAG: &str = "Dock rb-8821 approved by priya@example.com [dock:rb-8821 sha256:ab12]";

fn source(ground: &Ground) -> Source {
    Source::open(&ground.confluence()).unwrap()
}

fn actuator(ground: &Ground) -> Actuator {
    Actuator::open(&ground.confluence_writer()).unwrap()
}

fn storage(body: &Body) -> &str {
    let Body::Storage(storage) = body else { panic!("{body:?}") };
    storage
}

fn next(page: &Page, body: &str) -> Publish {
    Publish {
        page: page.id.clone(),
        title: page.title.clone(),
        expected_version: page.version,
        body: body.to_owned(),
        message: TAG.to_owned(),
    }
}

fn edit(world: &World, words: &str) -> u64 {
    world.edit_page(PAGE_ID, "acc-jordan", &PageEdit::Paragraph(words.to_owned())).unwrap()
}

#[tokio::test]
async fn a_page_is_read_whole_and_its_versions_newest_first() {
    let ground = Ground::start().await;
    let source = source(&ground);
    let health = source.health().await.unwrap();
    assert_eq!(health.account, Fact::Known("dock-reader@acme.example".into()));
    let page = source.page(PAGE_ID).await.unwrap();
    assert_eq!((page.title.as_str(), page.version, page.closed.as_ref()), ("Redis failover", 1, None));
    assert_eq!((page.space.as_str(), page.author.as_str()), ("98305", "acc-jordan"));
    assert!(storage(&page.body).contains("<hr />"), "as it is stored");
    assert_eq!(
        page.url,
        format!("{}/wiki/spaces/RUN/pages/4711/Redis+failover", ground.url(Simulated::Confluence))
    );
    assert!(source.link(PAGE_ID).ends_with("/wiki/pages/viewpage.action?pageId=4711"));
    let version = source.version(PAGE_ID).await.unwrap();
    assert_eq!((version.number, &version.author, &version.created_at), (1, &page.author, &page.created_at));
    let first = source.body_of(PAGE_ID, 1).await.unwrap();
    for number in 2..=PAGE as u64 + 3 {
        assert_eq!(edit(ground.world(), &format!("Edit {number}.")), number);
    }
    let numbers = async |limit| -> Vec<u64> {
        source.versions(PAGE_ID, limit).await.unwrap().iter().map(|version| version.number).collect()
    };
    assert_eq!(numbers(2).await, [53, 52]);
    assert_eq!(numbers(100).await, (1..=53).rev().collect::<Vec<_>>(), "over two pages of the list");
    assert_eq!(source.body_of(PAGE_ID, 1).await.unwrap(), first, "an old body stays what it was");
    assert!(storage(&source.body_of(PAGE_ID, 7).await.unwrap()).contains("Edit 7."));
    assert_eq!(source.body_of(PAGE_ID, 99).await.unwrap_err().failure, Failure::NotFound);
}

#[tokio::test]
async fn the_gateway_answers_as_the_site_does_and_its_lists_go_on_there() {
    let ground = Ground::start().await;
    for number in 2..=PAGE as u64 + 2 {
        edit(ground.world(), &format!("Edit {number}."));
    }
    let site = ground.url(Simulated::Confluence);
    let mut config = ground.confluence_with(None, &ground.world().token(Simulated::Confluence));
    config.url = format!("{site}/ex/confluence/0f9a6c1e-9d52-4a4e-8f6b-6a1f0f3c2b1d/");
    config.public_url = Some("https://acme.atlassian.net/wiki".to_owned());
    let source = Source::open(&config).unwrap();
    let page = source.page(PAGE_ID).await.unwrap();
    assert_eq!(page.url, "https://acme.atlassian.net/wiki/spaces/RUN/pages/4711/Redis+failover");
    assert_eq!(source.link("4711"), "https://acme.atlassian.net/wiki/pages/viewpage.action?pageId=4711");
    assert_eq!(source.versions(PAGE_ID, 100).await.unwrap().len(), PAGE + 2);
}

#[tokio::test]
async fn a_version_is_published_once_and_found_again_by_its_message() {
    let ground = Ground::start().await;
    let (source, actuator) = (source(&ground), actuator(&ground));
    let page = source.page(PAGE_ID).await.unwrap();
    ground.world().draft_page(PAGE_ID, "acc-marcus", "<p>half a thought</p>").unwrap();
    let body = format!("{}<p>Rotate the replica first.</p>", storage(&page.body));
    let version = actuator.publish(&next(&page, &body)).await.unwrap();
    assert_eq!(
        (version.number, version.message.as_str(), version.author.as_str()),
        (2, TAG, "acc-dock-executor")
    );
    let now = actuator.reads().page(PAGE_ID).await.unwrap();
    assert_eq!((now.version, &now.title, &now.space), (2, &page.title, &page.space));
    let stored = storage(&now.body);
    assert_ne!(stored, body, "what is stored has ids that were not sent");
    assert!(stored.contains("\">Rotate the replica first.</p>"), "{stored}");
    edit(ground.world(), "And by hand.");
    let versions = source.versions(PAGE_ID, 5).await.unwrap();
    let at = versions.iter().position(|version| version.message.contains("dock:rb-8821"));
    assert_eq!((at, versions.len()), (Some(1), 3), "it landed, and somebody edited after");
    let ours: Vec<_> =
        ground.world().confluence_writes().into_iter().filter(|w| w.who == "acc-dock-executor").collect();
    assert_eq!((ours.len(), ours[0].page.as_str(), ours[0].version), (1, PAGE_ID, 2));
}

#[tokio::test]
async fn whoever_wrote_in_between_is_met_as_a_conflict_and_not_overwritten() {
    let ground = Ground::start().await;
    let actuator = actuator(&ground);
    let page = actuator.reads().page(PAGE_ID).await.unwrap();
    edit(ground.world(), "Somebody was here.");
    let error = actuator.publish(&next(&page, "<p>ours</p>")).await.unwrap_err();
    let PublishError::Conflict { current, text } = &error else { panic!("{error}") };
    assert_eq!(*current, Some(2));
    assert!(text.contains("Version must be incremented") && text.contains("[trace "), "{text}");
    assert_eq!(error.next(), Next::ReadBack);
    let ahead = Publish { expected_version: 7, ..next(&page, "<p>ours</p>") };
    assert!(matches!(actuator.publish(&ahead).await, Err(PublishError::Conflict { current: Some(2), .. })));
    assert!(ground.world().confluence_body(PAGE_ID).unwrap().contains("Somebody was here."));
    assert!(ground.world().confluence_writes().iter().all(|write| write.who != "acc-dock-executor"));
}

#[tokio::test]
async fn a_new_page_is_found_by_its_title_in_its_space() {
    let ground = Ground::start().await;
    let (source, actuator) = (source(&ground), actuator(&ground));
    let title = "PM-31: INC-771 & what we learned";
    assert_eq!(source.find("INC", title).await.unwrap(), None);
    let create = Create {
        space: "INC".to_owned(),
        parent: None,
        title: title.to_owned(),
        body: "<h1>What happened</h1>".to_owned(),
    };
    let made = actuator.create(&create).await.unwrap();
    assert_eq!((made.version.number, made.version.author.as_str()), (1, "acc-dock-executor"));
    let found = source.find("98306", title).await.unwrap().unwrap();
    assert_eq!((&found.id, &found.url, found.closed), (&made.page, &made.url, None));
    assert_eq!(source.find("RUN", title).await.unwrap(), None, "in its space alone");
    assert_eq!(storage(&source.page(&made.page).await.unwrap().body), create.body);
    let again = actuator.create(&create).await.unwrap_err();
    assert!(matches!(&again, PublishError::TitleTaken { why } if why.contains("already exists")), "{again}");
    assert_eq!(again.next(), Next::ReadBack, "it may be ours");
    ground.world().trash_page(&made.page).unwrap();
    assert_eq!(source.find("INC", title).await.unwrap(), None);
    let below = Create { parent: Some("4711".to_owned()), title: "Below".to_owned(), ..create.clone() };
    assert!(
        matches!(actuator.create(&below).await, Err(PublishError::Platform(error))
        if error.failure == Failure::Refused { status: 400 }),
        "a parent of another space"
    );
    let nowhere = Create { space: "NONE".to_owned(), ..create };
    assert!(matches!(actuator.create(&nowhere).await, Err(PublishError::Platform(error))
        if error.failure == Failure::NotFound));
}

#[tokio::test]
async fn what_cannot_be_published_is_told_before_or_by_confluence() {
    let ground = Ground::start().await;
    let actuator = actuator(&ground);
    let page = actuator.reads().page(PAGE_ID).await.unwrap();
    let wrong = actuator.publish(&next(&page, "<p><b>a</p>")).await.unwrap_err();
    assert!(
        matches!(&wrong, PublishError::Malformed { why } if why.contains("Unexpected close tag")),
        "{wrong}"
    );
    assert_eq!(wrong.next(), Next::GiveUp);
    let before = ground.world().confluence_writes();
    let large = next(&page, &"a".repeat(BODY_BYTES_MAX + 1));
    assert_eq!(actuator.publish(&large).await, Err(PublishError::TooLarge));
    let long = Publish { message: "é".repeat(MESSAGE_CHARS_MAX + 1), ..next(&page, "<p>a</p>") };
    assert_eq!(actuator.publish(&long).await, Err(PublishError::MessageTooLong { chars: 256 }));
    let title = Publish { title: "api-gw does not answer".to_owned(), ..next(&page, "<p>a</p>") };
    assert!(matches!(actuator.publish(&title).await, Err(PublishError::TitleTaken { .. })));
    assert_eq!(ground.world().confluence_writes(), before);
    let nearly = format!("<p>{}</p>", "a".repeat(BODY_BYTES_MAX - 7));
    assert_eq!(actuator.publish(&next(&page, &nearly)).await.unwrap().number, 2);
}

#[tokio::test]
async fn a_page_that_may_not_be_edited_says_so() {
    let ground = Ground::start().await;
    let (source, actuator) = (source(&ground), actuator(&ground));
    assert_eq!(actuator.reads().may_edit(PAGE_ID).await.unwrap(), Fact::Known(true));
    assert_eq!(source.may_edit(PAGE_ID).await.unwrap(), Fact::Known(false), "the agents' token");
    ground.world().restrict_page(PAGE_ID, &["acc-jordan"], &[]).unwrap();
    assert_eq!(actuator.reads().may_edit(PAGE_ID).await.unwrap(), Fact::Known(false));
    let restricted =
        actuator.publish(&next(&source.page(PAGE_ID).await.unwrap(), "<p>a</p>")).await.unwrap_err();
    assert!(matches!(restricted, PublishError::Restricted { .. }), "{restricted}");
    assert_eq!(restricted.next(), Next::GiveUp);
    ground.world().restrict_page(PAGE_ID, &[], &[]).unwrap();
    let page = source.page(PAGE_ID).await.unwrap();
    let failure =
        async |actuator: &Actuator, page: &Page| match actuator.publish(&next(page, "<p>a</p>")).await {
            Err(PublishError::Platform(error)) => error,
            other => panic!("{other:?}"),
        };
    let reader = Actuator::open(&ground.confluence()).unwrap();
    let error = failure(&reader, &page).await;
    assert_eq!((error.failure.clone(), error.after_write()), (Failure::Unauthorised, Next::GiveUp));
    assert!(error.said.contains("scope does not match"), "{error}");
    let gone = Page { id: "1".to_owned(), ..page.clone() };
    assert_eq!(failure(&actuator, &gone).await.failure, Failure::NotFound);
    ground.world().archive_page(PAGE_ID).unwrap();
    assert_eq!(source.page(PAGE_ID).await.unwrap().closed.as_deref(), Some("archived"));
    ground.world().trash_page(PAGE_ID).unwrap();
    assert_eq!(source.page(PAGE_ID).await.unwrap().closed.as_deref(), Some("trashed"));
    ground.world().purge_page(PAGE_ID).unwrap();
    assert_eq!(source.page(PAGE_ID).await.unwrap_err().failure, Failure::NotFound);
}

/// A reader who knows which account publishes.
fn knowing(ground: &Ground) -> Source {
    let executor = Some(ground.world().confluence_executor_id().to_owned());
    Source::open(&Config { executor, ..ground.confluence() }).unwrap()
}

#[tokio::test]
async fn whom_a_restriction_lets_edit_a_page_is_told_by_whoever_only_reads() {
    let ground = Ground::start().await;
    let (plain, knowing, world) = (source(&ground), knowing(&ground), ground.world());
    let unknown = "it is restricted to Jordan and the group sre, and whether acc-dock-executor is one of them is not told";
    for (accounts, groups, expected) in [
        (&[][..], &[][..], Editing::Open),
        (&["acc-jordan"], &[], Editing::Restricted("Jordan alone".to_owned())),
        (
            &["acc-jordan", "acc-gone"],
            &[],
            Editing::Restricted("Jordan and acc-gone (its name is not told) alone".to_owned()),
        ),
        (&["acc-jordan", "acc-dock-executor"], &["sre"], Editing::Open),
        (&["acc-jordan"], &["sre"], Editing::Unknown(unknown.to_owned())),
    ] {
        world.restrict_page(PAGE_ID, accounts, groups).unwrap();
        assert_eq!(knowing.page(PAGE_ID).await.unwrap().editing, expected);
        let editors = knowing.editors(PAGE_ID).await.unwrap();
        assert_eq!((editors.accounts.len(), editors.groups.len()), (accounts.len(), groups.len()));
        assert_eq!(
            plain.page(PAGE_ID).await.unwrap().editing,
            Editing::Open,
            "it does not know whom to ask for"
        );
    }
    let many = Editors { accounts: vec!["acc-jordan".to_owned()], cut: true, ..Editors::default() };
    assert!(
        matches!(many.lets("acc-dock-executor", &Names::default()), Editing::Unknown(_)),
        "a list that is cut names not all"
    );
}

#[tokio::test]
async fn restrictions_that_cannot_be_read_are_unknown_by_name_and_the_page_is_read() {
    let ground = Ground::start().await;
    let faults = ground.world().faults(Simulated::Confluence);
    let elsewhere = Fault::Redirect("https://other.atlassian.net/wiki".to_owned());
    for (fault, expected) in [
        (Fault::Status(401), Failure::Unauthorised),
        (Fault::Status(403), Failure::Forbidden),
        (Fault::Status(404), Failure::NotFound),
        (Fault::Status(409), Failure::Conflict),
        (Fault::Status(410), Failure::NotFound),
        (Fault::Status(500), Failure::ServerError { status: 500 }),
        (Fault::RateLimited(7), Failure::RateLimited { retry_after: Duration::from_secs(7) }),
        (Fault::Garbage, Failure::Garbage),
        (Fault::HalfBody, Failure::CutOff),
        (elsewhere, Failure::Redirected),
    ] {
        // One that failed often is left alone for a while; each of these is met by a fresh one.
        let source = knowing(&ground);
        faults.clear();
        faults.script("GET /wiki/rest/api/content", fault.clone(), None);
        let error = source.editors(PAGE_ID).await.unwrap_err();
        assert_eq!(error.failure, expected, "{fault:?}: {error}");
        let page = knowing(&ground).page(PAGE_ID).await.unwrap();
        assert!(matches!(page.editing, Editing::Unknown(_)), "{fault:?}: {:?}", page.editing);
    }
    faults.clear();
    faults.script("GET /wiki/rest/api/content", Fault::Slow(Duration::from_millis(50)), Some(1));
    assert_eq!(knowing(&ground).page(PAGE_ID).await.unwrap().editing, Editing::Open, "late is not wrong");
}

#[tokio::test]
async fn what_a_page_says_of_itself_is_read_beside_others_words_and_shuts_us_out_where_it_says_so() {
    let ground = Ground::start().await;
    let (source, world) = (source(&ground), ground.world());
    assert_eq!(source.page(PAGE_ID).await.unwrap().says, Says::Nothing);
    for number in 0..=PAGE {
        world
            .page_property(PAGE_ID, "acc-jordan", &format!("emoji-{number}"), Some(&json!("1f6a8")))
            .unwrap();
    }
    assert_eq!(source.page(PAGE_ID).await.unwrap().says, Says::Nothing, "others' properties are others'");
    let dock = |value: Value| world.page_property(PAGE_ID, "acc-jordan", "dock", Some(&value)).unwrap();
    dock(json!({"sensitive": true, "owner": "sessions"}));
    let page = source.page(PAGE_ID).await.unwrap();
    assert_eq!((page.says.keys().get(), page.editing, page.version), (2, Editing::Open, 1));
    assert_eq!(page.says.words().as_deref(), Some("sensitive: two people; owner: sessions"));
    dock(json!({"by_hand": true}));
    let page = source.page(PAGE_ID).await.unwrap();
    assert!(matches!(&page.editing, Editing::Restricted(who) if who.contains("by hand alone")), "{page:?}");
    dock(json!({"sensitiv": true}));
    let page = source.page(PAGE_ID).await.unwrap();
    assert!(matches!(&page.says, Says::Unknown(why) if why.contains("`sensitiv`")), "{page:?}");
    world.page_property(PAGE_ID, "acc-jordan", "dock", None).unwrap();
    assert_eq!(source.says(PAGE_ID).await.unwrap(), Says::Nothing);
    assert_eq!(source.says("404404").await.unwrap().keys().get(), 2, "a page that is not seen is not known");
}

#[tokio::test]
async fn what_may_not_be_asked_of_a_page_is_unknown_and_what_fails_is_asked_again() {
    let ground = Ground::start().await;
    let faults = ground.world().faults(Simulated::Confluence);
    let path = format!("GET /wiki/api/v2/pages/{PAGE_ID}/properties");
    for (fault, unknown) in [
        (Fault::Status(401), true),
        (Fault::Status(403), true),
        (Fault::Status(404), true),
        (Fault::Status(500), false),
        (Fault::RateLimited(7), false),
        (Fault::Garbage, false),
        (Fault::HalfBody, false),
    ] {
        // One that failed often is left alone for a while; each of these is met by a fresh one.
        let source = source(&ground);
        faults.clear();
        faults.script(&path, fault.clone(), None);
        match source.page(PAGE_ID).await {
            Ok(page) => assert!(unknown && matches!(page.says, Says::Unread(_)), "{fault:?}: {page:?}"),
            Err(error) => assert!(!unknown && error.asked.contains("property `dock`"), "{fault:?}: {error}"),
        }
    }
}

#[tokio::test]
async fn each_way_in_which_a_page_is_no_longer_as_it_was_has_its_name_and_what_to_do() {
    type Change = fn(&World);
    // What is done to it; why it is shut, in which space it is, whether its base moved.
    let table: [(&str, Change, Option<&str>, &str, bool); 6] = [
        ("nothing", |_| {}, None, "98305", false),
        (
            "trashed",
            |world| world.trash_page(PAGE_ID).unwrap(),
            Some("get it out of the trash"),
            "98305",
            false,
        ),
        (
            "archived",
            |world| world.archive_page(PAGE_ID).unwrap(),
            Some("get it out of the archive"),
            "98305",
            false,
        ),
        ("another space", |world| world.move_page(PAGE_ID, "INC").unwrap(), None, "98306", true),
        // Below another page of its space it is the same page, and is kept there.
        ("another parent", |world| world.hang_page(PAGE_ID, "3380").unwrap(), None, "98305", false),
        (
            "a draft beside it",
            |world| world.draft_page(PAGE_ID, "acc-marcus", "<p>half a thought</p>").unwrap(),
            None,
            "98305",
            false,
        ),
    ];
    for (name, change, shut, space, moved) in table {
        let ground = Ground::start().await;
        let source = source(&ground);
        let before = PageBase::of("CONF-4711", &source.page(PAGE_ID).await.unwrap());
        change(ground.world());
        let page = source.page(PAGE_ID).await.unwrap();
        assert_eq!(page.space, space, "{name}");
        let told = page.shut();
        assert_eq!(told.is_some(), shut.is_some(), "{name}: {told:?}");
        assert!(
            shut.is_none_or(|what| told.as_deref().unwrap_or_default().contains(what)),
            "{name}: {told:?}"
        );
        assert_eq!(!before.moved(&PageBase::of("CONF-4711", &page)).is_empty(), moved, "{name}");
    }
    for (fault, failure, hint) in [
        (Some(Fault::Status(403)), Failure::Forbidden, "give the token's account the right"),
        (Some(Fault::Status(404)), Failure::NotFound, "gone, renamed, or hidden"),
        (None, Failure::NotFound, "gone, renamed, or hidden"),
    ] {
        let ground = Ground::start().await;
        match fault.clone() {
            Some(fault) => {
                ground.world().faults(Simulated::Confluence).script("GET /wiki/api/v2/pages", fault, None);
            }
            None => ground.world().purge_page(PAGE_ID).unwrap(),
        }
        let error = source(&ground).page(PAGE_ID).await.unwrap_err();
        assert_eq!(error.failure, failure, "{fault:?}");
        assert!(error.hint().contains(hint), "{fault:?}: {}", error.hint());
    }
    let draft: wire::Page =
        serde_json::from_value(json!({"id": "1", "status": "draft", "title": "New", "spaceId": "98305",
        "version": {"number": 1}, "body": {"storage": {"value": "<p>a</p>"}}}))
        .unwrap();
    let shut = draft.page(String::new()).unwrap().shut();
    assert_eq!(shut.as_deref(), Some("the page is draft: publish it, or take it out of [runbooks]"));
}

#[tokio::test]
async fn people_have_names_that_are_asked_for_once_and_never_an_error() {
    let ground = Ground::start().await;
    let (source, faults) = (source(&ground), ground.world().faults(Simulated::Confluence));
    faults.script("GET /wiki/rest/api/user/bulk", Fault::Status(503), Some(1));
    let all = ["acc-jordan", "acc-dock-executor", "acc-gone", "acc-nobody", ""];
    let names = source.names(&all).await;
    assert_eq!(names.of("acc-jordan"), "acc-jordan (its name is not told)", "it failed, and is asked again");
    let names = source.names(&all).await;
    assert_eq!((names.of("acc-jordan").as_str(), names.of("acc-dock-executor").as_str()), ("Jordan", "Dock"));
    assert_eq!((names.known("acc-gone"), names.known("acc-nobody")), (None, None));
    let calls = source.calls();
    faults.down();
    assert_eq!(source.names(&all).await, names, "kept, those without a name, too");
    assert_eq!(source.calls(), calls);
}

#[test]
fn an_answer_that_leaves_out_whom_it_names_is_garbage() {
    let read = |text: &str| serde_json::from_str::<wire::Restrictions>(text).unwrap().editors();
    let empty = r#"{"results":[{"operation":"update","restrictions":{"user":{"results":[]},"group":{"results":[]}}}]}"#;
    assert_eq!(read(empty), Ok(Editors::default()));
    assert_eq!(read(r#"{"results":[]}"#), Ok(Editors::default()), "no restriction at all");
    for text in [
        r#"{"results":[{"operation":"update"}]}"#,
        r#"{"results":[{"operation":"update","restrictions":{"user":{"results":[]}}}]}"#,
    ] {
        assert!(read(text).is_err(), "{text}");
    }
    assert!(serde_json::from_str::<wire::Restrictions>("{}").is_err());
}

#[tokio::test]
async fn a_wrong_token_and_a_wrong_address_are_told_apart() {
    let ground = Ground::start().await;
    let email = Some(ground.world().confluence_reader());
    for config in
        [ground.confluence_with(email, "no-token"), ground.confluence_with(Some("who@acme.example"), "x")]
    {
        let error = Source::open(&config).unwrap().health().await.unwrap_err();
        assert_eq!(error.failure, Failure::Unauthorised, "{error}");
    }
    let error = source(&ground).page("404404").await.unwrap_err();
    assert_eq!(error.failure, Failure::NotFound);
    assert!(error.to_string().contains("the page 404404"), "{error}");
    let none = toml::from_str::<Config>("url = \"https://acme.atlassian.net\"").unwrap();
    assert_eq!(Source::open(&none).unwrap_err().failure, Failure::Setup);
    assert!(toml::from_str::<Config>("url = \"https://acme.atlassian.net\"\ntoken = \"x\"").is_err());
}

#[tokio::test]
async fn each_trouble_on_the_way_has_its_name() {
    let ground = Ground::start().await;
    let (source, faults) = (source(&ground), ground.world().faults(Simulated::Confluence));
    let elsewhere = Fault::Redirect("https://other.atlassian.net/wiki/api/v2/pages/4711".to_owned());
    for (fault, expected) in [
        (Fault::Status(401), Failure::Unauthorised),
        (Fault::Status(403), Failure::Forbidden),
        (Fault::Status(404), Failure::NotFound),
        (Fault::Status(410), Failure::NotFound),
        (Fault::Status(422), Failure::Refused { status: 422 }),
        (Fault::Status(500), Failure::ServerError { status: 500 }),
        (Fault::RateLimited(7), Failure::RateLimited { retry_after: Duration::from_secs(7) }),
        (Fault::Garbage, Failure::Garbage),
        (Fault::HalfBody, Failure::CutOff),
        (elsewhere, Failure::Redirected),
    ] {
        faults.clear();
        faults.script("GET", fault.clone(), Some(1));
        let error = source.page(PAGE_ID).await.unwrap_err();
        assert_eq!(error.failure, expected, "{fault:?}: {error}");
    }
    faults.script("GET", Fault::Slow(Duration::from_millis(50)), Some(1));
    assert!(source.page(PAGE_ID).await.is_ok(), "late is not wrong");
    faults.down();
    let error = source.page(PAGE_ID).await.unwrap_err();
    assert!(matches!(error.failure, Failure::Unreachable | Failure::CutOff), "{error}");
    faults.up();
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_is_read_back_and_none_is_tried_twice() {
    let ground = Ground::start().await;
    let (source, faults) = (source(&ground), ground.world().faults(Simulated::Confluence));
    let page = source.page(PAGE_ID).await.unwrap();
    for (fault, expected) in [
        (Fault::Status(500), Next::ReadBack),
        (Fault::Status(503), Next::ReadBack),
        (Fault::Garbage, Next::ReadBack),
        (Fault::Status(409), Next::ReadBack),
        (Fault::Status(413), Next::GiveUp),
        (Fault::Status(422), Next::GiveUp),
        (Fault::RateLimited(9), Next::Retry { wait: Duration::from_secs(9) }),
        (Fault::Redirect("/elsewhere".to_owned()), Next::GiveUp),
    ] {
        // One that failed often is left alone for a while; each of these is met by a fresh one.
        let actuator = actuator(&ground);
        faults.clear();
        faults.script("PUT", fault.clone(), Some(1));
        let error = actuator.publish(&next(&page, "<p>a</p>")).await.unwrap_err();
        assert_eq!(error.next(), expected, "{fault:?}: {error}");
        assert_eq!(source.version(PAGE_ID).await.unwrap().number, 1, "{fault:?}");
    }
    faults.clear();
    faults.script("PUT", Fault::LostAnswer, Some(1));
    let actuator = actuator(&ground);
    let error = actuator.publish(&next(&page, "<p>a</p>")).await.unwrap_err();
    assert_eq!(error.next(), Next::ReadBack, "{error}");
    assert_eq!(source.versions(PAGE_ID, 5).await.unwrap()[0].message, TAG, "it landed");
    let again = actuator.publish(&next(&page, "<p>a</p>")).await.unwrap_err();
    assert!(matches!(again, PublishError::Conflict { current: Some(2), .. }), "{again}");
}

fn answer(status: u16, body: &str, headers: &[(&'static str, &'static str)]) -> Answer {
    let headers =
        headers.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
    Answer {
        status: StatusCode::from_u16(status).unwrap(),
        headers: headers.collect(),
        body: body.as_bytes().to_vec(),
    }
}

#[test]
fn conflicts_are_known_in_all_their_recorded_words() {
    let version_two = json!({"errors": [{"status": "409", "code": "CONFLICT", "detail": null,
        "title": "Version must be incremented when updating a page. Current Version: [13]. Provided version: [13]"}]});
    let version_one = json!({"statusCode": 409, "message": "Version must be incremented on update. Current version is: 13"});
    let custom = json!({"errors": [{"status": 400, "code": "BAD_REQUEST",
        "title": "Version must be incremented when updating a page. Current Version: 13. Provided version: 12"}]});
    for (status, body) in [(409, &version_two), (409, &version_one), (400, &custom)] {
        let words = said::words(&answer(status, &body.to_string(), &[]));
        assert!(said::is_conflict(status, &words), "{words}");
        assert_eq!(said::current_version(&words), Some(13), "{words}");
    }
    let busy = "409 ConflictException: content was being concurrently updated";
    assert_eq!((said::is_conflict(409, busy), said::current_version(busy)), (true, None));
    assert_eq!(said::current_version("the current version is not told, 7 pages are"), None);
    let taken =
        "A page with this title already exists: A page already exists with the same TITLE in this space";
    assert!(!said::is_conflict(400, taken) && !said::is_conflict(409, taken) && said::is_title_taken(taken));
    assert!(said::is_malformed("Error parsing xhtml: Unexpected close tag </p>; expected </b>."));
}

#[test]
fn limits_and_errors_are_read_in_each_of_their_shapes() {
    let date = ("date", "Sun, 30 Aug 2026 14:00:00 GMT");
    let limited = |seconds| Some(Failure::RateLimited { retry_after: Duration::from_secs(seconds) });
    assert_eq!(said::failure(&answer(429, "", &[("retry-after", "42"), date])), limited(42));
    let reset = ("x-ratelimit-reset", "2026-08-30T14:01:30Z");
    assert_eq!(said::failure(&answer(429, "", &[reset, date])), limited(90));
    assert_eq!(
        said::failure(&answer(429, "", &[("x-ratelimit-reset", "90"), date])),
        limited(10),
        "not a time"
    );
    assert_eq!(
        said::failure(&answer(429, "", &[("x-ratelimit-reset", "2026-08-30T13:00Z"), date])),
        limited(1)
    );
    assert_eq!(said::failure(&answer(503, "", &[("retry-after", "5")])), limited(5));
    assert_eq!(said::failure(&answer(503, "", &[])), None);
    let trace = ("atl-traceid", "7f00aa11");
    let gateway = json!({"code": 401, "message": "Unauthorized; scope does not match"}).to_string();
    assert_eq!(
        said::said(&answer(401, &gateway, &[trace])),
        "[trace 7f00aa11] Unauthorized; scope does not match"
    );
    let two = json!({"errors": [{"title": "One", "detail": "why"}, {"title": "Two", "detail": {"x": 1}}]})
        .to_string();
    assert_eq!(said::said(&answer(400, &two, &[])), "One: why; Two");
    let page = "\n<!DOCTYPE html><title>Atlassian is down</title>";
    assert_eq!(said::said(&answer(500, page, &[])), "a page for browsers, no answer");
    assert_eq!(said::said(&answer(500, "", &[trace])), "[trace 7f00aa11]");
}

#[test]
fn what_confluence_says_about_addresses_and_lists_is_believed_only_where_it_fits() {
    let page = |webui: &str| -> wire::Page {
        serde_json::from_value(
            json!({"id": "1", "status": "current", "title": null, "_links": {"webui": webui}}),
        )
        .unwrap()
    };
    assert_eq!(page("/spaces/RUN/pages/1/X").webui(), Some("/spaces/RUN/pages/1/X"));
    for odd in ["https://evil.example/", "//evil.example/spaces/", "@evil.example/spaces/", "/spaces/a b"] {
        assert_eq!(page(odd).webui(), None, "{odd}");
    }
    assert!(page("").version().is_err() && page("").storage().is_err());
    let cursor = |body: Value, header: &'static str| {
        let many: wire::Many<Value> = serde_json::from_value(body).unwrap();
        many.cursor(&answer(200, "", &[("link", header)]))
    };
    let next =
        json!({"results": [], "_links": {"next": "/wiki/api/v2/pages/1/versions?limit=2&cursor=eyJ%3D"}});
    assert_eq!(cursor(next, ""), Ok(Some("eyJ=".to_owned())));
    let header =
        "</wiki/api/v2/pages?cursor=abc>; rel=\"next\", <https://acme.atlassian.net/wiki>; rel=\"base\"";
    assert_eq!(cursor(json!({"results": []}), header), Ok(Some("abc".to_owned())));
    assert_eq!(cursor(json!({"results": []}), ""), Ok(None));
    assert!(cursor(json!({"results": [], "_links": {"next": "/wiki/x"}}), "").is_err());
    let nobody: wire::User =
        serde_json::from_value(json!({"type": "anonymous", "displayName": "Anonymous"})).unwrap();
    assert!(nobody.is_nobody());
    let told: wire::Operations = serde_json::from_value(json!({})).unwrap();
    assert!(matches!(told.update(), Fact::Unknown(_)));
}
