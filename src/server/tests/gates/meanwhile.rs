//! What became of a run, its plan or its row between draft, approval and write: nothing is written on what nobody saw.

use std::{future::Future, pin::Pin};

use super::*;
use crate::{row::Stage, simulator::World as Platforms};

/// What becomes of a run, of its plan or of its environment, by name; and what the row says has moved.
type Meanwhile = (&'static str, fn(&Platforms, u64), &'static str);

const MEANWHILE: [Meanwhile; 7] = [
    (
        "it was tried again",
        |platforms, run| {
            platforms.rerun(run).unwrap();
            while !platforms.run_waits(run) {
                platforms.tick();
            }
        },
        "attempt",
    ),
    (
        "approved in GitHub's own page",
        |platforms, run| platforms.answer_run(run, true, "marcus").unwrap(),
        "waits",
    ),
    (
        "rejected in GitHub's own page",
        |platforms, run| platforms.answer_run(run, false, "marcus").unwrap(),
        "waits",
    ),
    ("cancelled", |platforms, run| platforms.cancel_run(run).unwrap(), "waits"),
    ("started past its rules", |platforms, run| platforms.bypass_run(run).unwrap(), "waits"),
    (
        "its environment was renamed",
        |platforms, _| platforms.rename_environment(SERVICE, "production", "live").unwrap(),
        "waits",
    ),
    (
        "its plan was overtaken",
        |platforms, _| {
            let commit = "0123456789abcdef0123456789abcdef01234567";
            platforms.plan(SERVICE, commit, "aws_iam_role.other").unwrap();
        },
        "plan",
    ),
];

#[tokio::test]
async fn whatever_becomes_of_an_approved_run_is_said_and_nothing_of_ours_is_written() {
    for (how, act, says) in MEANWHILE {
        let gated = Gated::start().await;
        let (reading, row) = gated.opened().await;
        gated.approved(&row, false).await;
        act(gated.world.platforms.world(), reading.run.id);
        let done = gated.work(&gated.executor(), row.head.id, &ENDED).await;
        let Stage::Stale { moved, .. } = &done.stage else { panic!("{how}: {:?}", done.stage) };
        assert!(moved.iter().any(|moved| moved == says), "{how}: {moved:?}");
        assert!(done.keys.iter().all(|key| key.void.is_some()), "{how}: whoever approved is asked again");
        let answers = gated.answers(SERVICE, reading.run.id).await;
        assert!(answers.iter().all(|answer| !answer.comment.contains("dock ")), "{how}: {answers:?}");
    }
}

#[tokio::test]
async fn a_token_of_the_apps_that_ends_between_two_calls_costs_no_answer() {
    let gated = Gated::start().await;
    let (reading, row) = gated.opened().await;
    gated.approved(&row, true).await;
    let platforms = gated.world.platforms.world().clone();
    let before = platforms.github_tokens_issued();
    let executor = gated.executor().stopping(Arc::new(move |at| {
        if ["canary.base.read", "answer.base.read", "answer.write.sent"].contains(&at) {
            platforms.expire_github_tokens();
        }
        Box::pin(std::future::ready(false)) as Pin<Box<dyn Future<Output = bool> + Send>>
    }));
    let done = gated.work(&executor, row.head.id, &ENDED).await;
    assert_eq!(done.state(), State::Executed, "{:?}", done.stage);
    assert_eq!(gated.answers(SERVICE, reading.run.id).await.len(), 1, "answered once");
    let issued = gated.world.platforms.world().github_tokens_issued() - before;
    assert!(issued >= 3, "each that ended was renewed: {issued}");
}

#[tokio::test]
async fn a_run_that_was_answered_or_begun_anew_is_no_longer_what_was_read() {
    let gated = Gated::start().await;
    let (reading, row) = gated.opened().await;
    let again = gated.post("/v1/rows", "again", &drafted(&reading)).await;
    assert_eq!((again.0, &again.1["outcome"]), (200, &json!("exists")), "{again:?}");
    let platforms = gated.world.platforms.world();
    platforms.rerun(reading.run.id).unwrap();
    let next = gated.waits(SERVICE, reading.run.id, "production").await;
    assert_eq!(next.run.attempt, 2);
    let path = format!("/v1/rows/{}/fresh", row.head.id);
    let (_, fresh) = gated.world.call("POST", &path, Some(&gated.world.agent_token), None).await;
    assert_eq!(fresh["moved"], json!([{"what": "attempt", "was": "1", "now": "2"}]), "{fresh}");
    let statement = gated.approval("govind", &row, false).await;
    assert_eq!(code(&gated.send(&statement).await), "base_moved");

    let taken = gated.post("/v1/rows", "new", &drafted(&next)).await;
    assert_eq!((taken.0, &taken.1["code"]), (409, &json!("subject_taken")), "{taken:?}");
    let opened = gated.post("/v1/rows?supersede=true", "new", &drafted(&next)).await;
    assert_eq!((opened.0, &opened.1["outcome"]), (201, &json!("opened")), "{opened:?}");
    assert_eq!(gated.state(row.head.id).await, State::Superseded);

    let row = gated.world.row(opened.1["row"].as_str().unwrap()).await;
    platforms.answer_run(next.run.id, true, "marcus").unwrap();
    let statement = gated.approval("govind", &row, false).await;
    let (_, answer) = gated.send(&statement).await;
    assert_eq!(answer["code"], "base_moved", "{answer}");
    assert!(answer["refusal"].to_string().contains("approved in GitHub by marcus"), "{answer}");
}

#[tokio::test]
async fn what_moved_between_approval_and_execution_is_not_answered() {
    let gated = Gated::start().await;
    let (reading, row) = gated.opened().await;
    gated.approved(&row, false).await;
    gated.world.platforms.world().rerun(reading.run.id).unwrap();
    gated.waits(SERVICE, reading.run.id, "production").await;
    let done =
        gated.work(&gated.executor(), row.head.id, &[State::Stale, State::Executed, State::Failed]).await;
    assert_eq!(done.state(), State::Stale, "{:?}", done.stage);
    assert_eq!(gated.answers(SERVICE, reading.run.id).await, [], "nobody saw the second attempt");
}

#[tokio::test]
async fn a_decline_of_what_was_answered_meanwhile_is_recorded_as_read() {
    let gated = Gated::start().await;
    let (reading, row) = gated.opened().await;
    gated.world.platforms.world().answer_run(reading.run.id, false, "marcus").unwrap();
    assert_eq!(gated.world.decide("sarah", &row, Decision::Decline).await, "accepted", "no waits for nobody");
    let executor = gated.executor();
    assert!(executor.turn().await.unwrap());
    let last = gated.leaves(row.head.id).await.pop().unwrap();
    assert_eq!(last.event, Event::ExecutionFailed);
    let said = last.body.text("detail").unwrap();
    assert_eq!(said, "the run was not told: waits: yes → rejected in GitHub by marcus");
    assert_eq!(gated.state(row.head.id).await, State::Declined);
    assert_eq!(gated.answers(SERVICE, reading.run.id).await.len(), 1, "theirs alone");
}

/// What somebody does to a plan in Terraform, by name.
type Spoilt = (&'static str, fn(&crate::simulator::World));

const SPOILT: [Spoilt; 3] = [
    ("discarded", |world| world.discard(SERVICE).unwrap()),
    ("errored", |world| world.unplan(SERVICE, true).unwrap()),
    ("overtaken", |world| {
        world.plan(SERVICE, "0123456789abcdef0123456789abcdef01234567", "aws_iam_role.other").unwrap();
    }),
];

#[tokio::test]
async fn a_plan_that_nobody_could_apply_any_more_keeps_the_answer_back() {
    for (how, spoil) in SPOILT {
        let gated = Gated::start().await;
        let (reading, row) = gated.opened().await;
        gated.approved(&row, true).await;
        spoil(gated.world.platforms.world());
        let done = gated.work(&gated.executor(), row.head.id, &ENDED).await;
        assert_eq!(done.state(), State::Stale, "{how}: {:?}", done.stage);
        assert_eq!(gated.answers(SERVICE, reading.run.id).await, [], "{how}");
    }
}

#[tokio::test]
async fn a_plan_that_goes_between_answer_and_apply_leaves_a_deploy_that_is_followed() {
    for (how, spoil) in SPOILT {
        let gated = Gated::start().await;
        let (reading, row) = gated.opened().await;
        gated.approved(&row, false).await;
        gated.cut(row.head.id, "answer.confirmed.committed").await;
        let platforms = gated.world.platforms.world();
        spoil(platforms);
        let executor = gated.executor();
        let done = gated.work(&executor, row.head.id, &ENDED).await;
        assert_eq!(done.state(), State::Executed, "{how}: {:?}", done.stage);
        assert_eq!(gated.answers(SERVICE, reading.run.id).await.len(), 1, "{how}");
        let told = gated.world.row(&row.head.id.to_string()).await.outcome.unwrap();
        assert!(
            told.detail.starts_with("approved in GitHub before production, attempt 1; then "),
            "{}",
            told.detail
        );
        assert!(told.detail.contains(how), "{how}: {}", told.detail);
        assert!(told.detail.ends_with("; the plan was not applied"), "{}", told.detail);
        let last = gated.leaves(row.head.id).await.pop().unwrap();
        assert_eq!((last.event, last.body.text("write")), (Event::ExecutionFailed, Some("apply")), "{how}");

        for _ in 0..20 {
            platforms.tick();
        }
        let (state, detail) = gated.told_at_last(&executor, &row).await;
        assert_eq!((state, detail), (State::Degraded, told.detail), "{how}: half of it is not healthy");
    }
}

#[tokio::test]
async fn an_approval_that_nobody_has_begun_is_void_once_its_agent_drafts_again() {
    let gated = Gated::start().await;
    let (reading, row) = gated.opened().await;
    gated.approved(&row, false).await;
    let worse = Draft { verdict: Verdict::Block, title: "CI failed".to_owned(), ..drafted(&reading) };
    let path = format!("/v1/rows/{}/revisions", row.head.id);
    let (status, answer) = gated.world.post(&path, "worse", &worse, &[("If-Match", "\"1\"")]).await;
    assert_eq!((status, &answer["state"]), (200, &json!("pending")), "{answer}");
    let now = gated.world.row(&row.head.id.to_string()).await;
    assert_eq!((now.head.state, now.head.keys_given), (State::Pending, 0));
    let executor = gated.executor();
    while executor.turn().await.unwrap() {}
    assert_eq!(gated.answers(SERVICE, reading.run.id).await, [], "nobody stands behind it any more");
    assert_eq!(gated.state(row.head.id).await, State::Pending);
}

#[tokio::test]
async fn a_decline_is_told_whatever_became_of_the_plan() {
    let gated = Gated::start().await;
    let (reading, row) = gated.opened().await;
    gated.world.platforms.world().discard(SERVICE).unwrap();
    assert_eq!(gated.world.decide("sarah", &row, Decision::Decline).await, "accepted");
    gated.world.platforms.world().faults(Site::Terraform).down();
    let executor = gated.executor();
    while executor.turn().await.unwrap() {}
    gated.world.platforms.world().faults(Site::Terraform).up();
    let answers = gated.answers(SERVICE, reading.run.id).await;
    assert_eq!((answers.len(), &answers[0].state), (1, &ApprovalState::Rejected));
}
