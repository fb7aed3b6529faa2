//! Terraform's connector against the simulated one.
//!
//! Never: a request to the real one.

use serde_json::{Value, json};

use super::*;
use crate::{
    platform::{Next, tests::Ground},
    row::gate::Action,
    simulator::{Fault, Site},
};

const COMMIT: &str = "9b21c047e0c1a2b3d4e5f60718293a4b5c6d7e8f";
const ROLE: &str = "aws_iam_role.reports";

fn billing() -> WorkspaceName {
    "acme/billing-worker".parse().unwrap()
}

fn source(ground: &Ground) -> Source {
    Source::open(&ground.terraform()).unwrap()
}

fn actuator(ground: &Ground) -> Actuator {
    Actuator::open(&ground.terraform_with(&ground.world().terraform_executor_token())).unwrap()
}

async fn planned(source: &Source, commit: &str) -> (Plan, Option<String>) {
    let told = source.plan_for(&billing(), commit).await.unwrap();
    (told.plan.known().unwrap(), told.newer)
}

/// A commit for which billing-worker's infrastructure is planned.
fn first_commit(ground: &Ground) -> String {
    let commit = "0c1d2e3f405162738495a6b7c8d9eafb0c1d2e3f";
    ground.world().plan("billing-worker", commit, "aws_iam_role.billing_export").unwrap();
    commit.to_owned()
}

#[tokio::test]
async fn the_plan_of_a_commit_is_read_from_where_it_lies_without_the_token() {
    let ground = Ground::start().await;
    let source = source(&ground);
    let health = source.health().await.unwrap();
    assert_eq!(
        (health.version, health.account),
        (Fact::Known("API 2.6".into()), Fact::Known("api-team-reader".into()))
    );
    let commit = first_commit(&ground);
    // The store of the plans refuses a request with a token, so this says that none was sent.
    let (plan, newer) = planned(&source, &commit).await;
    assert_eq!((plan.status.as_str(), plan.confirmable, plan.auto_apply), ("policy_checked", true, false));
    let [role] = plan.changes.as_slice() else { panic!("{:?}", plan.changes) };
    assert_eq!((role.address.as_str(), role.action), ("aws_iam_role.billing_export", Action::Create));
    assert!(
        role.privileges() && role.fields.iter().any(|f| f.after.as_deref() == Some("(known after apply)"))
    );
    assert_eq!((plan.monthly_cost_delta.as_deref(), newer), (Some("4.38"), None));
    assert_eq!(plan.workspace, "acme/billing-worker");
    assert!(
        plan.url.ends_with(&format!("/app/acme/workspaces/billing-worker/runs/{}", plan.run)),
        "{}",
        plan.url
    );
    let run = source.run(&plan.run).await.unwrap();
    assert_eq!((&run.commit, run.plan_only, run.status_at.is_some()), (&Fact::Known(commit), false, true));
    let counts = source.counts(run.plan_id.as_deref().unwrap()).await.unwrap().known().unwrap();
    assert_eq!((counts.additions, counts.changes, counts.destructions, counts.has_changes), (1, 0, 0, true));
    let policies = source.policies(&plan.run).await.unwrap();
    assert_eq!((policies[0].engine, policies[0].verdict), ("Sentinel", Verdict::Passed));
    ground.world().set_auto_apply("billing-worker", true).unwrap();
    assert!(planned(&source, &run.commit.known().unwrap()).await.0.auto_apply);
}

#[tokio::test]
async fn a_run_is_found_by_its_commit_over_pages_and_says_when_it_is_overtaken() {
    let ground = Ground::start().await;
    let source = source(&ground);
    let commit = first_commit(&ground);
    let before = planned(&source, &commit).await.0;
    for number in 0..PAGE {
        ground.world().plan("billing-worker", &format!("{number:040x}"), ROLE).unwrap();
    }
    let (plan, newer) = planned(&source, &commit).await;
    assert_eq!(plan, before, "the same run, a page further");
    let newest = planned(&source, &format!("{:040x}", PAGE - 1)).await;
    assert_eq!((newer.as_ref(), newest.1), (Some(&newest.0.run), None));
    actuator(&ground).discard(&newest.0.run, "not this one").await.unwrap();
    let now_newest = planned(&source, &commit).await.1;
    assert!(now_newest.is_some() && now_newest != newer, "one that was discarded overtakes nobody");
    let none = source.plan_for(&billing(), COMMIT).await.unwrap().plan;
    assert!(matches!(&none, Fact::Unknown(why) if why.contains(COMMIT)), "{none:?}");
    for number in PAGE..PAGES_MAX * PAGE {
        ground.world().plan("billing-worker", &format!("{number:040x}"), ROLE).unwrap();
    }
    let far = source.plan_for(&billing(), &commit).await.unwrap().plan;
    assert!(matches!(&far, Fact::Unknown(why) if why.contains("newest 250 runs")), "{far:?}");
}

#[tokio::test]
async fn a_plan_that_is_not_there_yet_or_failed_is_unknown() {
    let ground = Ground::start().await;
    let source = source(&ground);
    let commit = first_commit(&ground);
    let run = planned(&source, &commit).await.0.run;
    let plan_id = source.run(&run).await.unwrap().plan_id.unwrap();
    ground.world().unplan("billing-worker", false).unwrap();
    let told = source.plan_for(&billing(), &commit).await.unwrap();
    assert_eq!(told.plan, Fact::Unknown("the plan is not finished".to_owned()));
    assert_eq!(told.run.map(|run| run.status), Some("planning".to_owned()), "which run has none is told");
    assert_eq!(source.counts(&plan_id).await.unwrap(), Fact::Unknown("the plan is running".to_owned()));
    ground.world().unplan("billing-worker", true).unwrap();
    let told = source.plan_for(&billing(), &commit).await.unwrap().plan;
    assert_eq!(told, Fact::Unknown("the plan ended in an error".to_owned()));
    assert_eq!(source.policies(&run).await.unwrap()[0].verdict, Verdict::Passed);
}

#[tokio::test]
async fn what_goes_wrong_where_the_plan_lies_is_told_without_the_address() {
    let ground = Ground::start().await;
    let source = source(&ground);
    let run = planned(&source, &first_commit(&ground)).await.0.run;
    let plan_id = source.run(&run).await.unwrap().plan_id.unwrap();
    let archive = ground.world().faults(Site::TerraformArchive);
    archive.script("", Fault::Status(403), Some(1));
    assert!(
        source.changes(&plan_id).await.unwrap().known().is_some(),
        "an address that went stale is asked for again"
    );
    let check = async |fault: Fault, times: u32, expected: Failure| {
        archive.clear();
        archive.script("", fault, Some(times));
        let error = source.changes(&plan_id).await.unwrap_err();
        assert_eq!(error.failure, expected, "{error}");
        assert!(!error.to_string().contains("/v1/object"), "{error}");
    };
    check(Fault::Status(403), 2, Failure::NotFound).await;
    check(Fault::Status(500), 1, Failure::ServerError { status: 500 }).await;
    check(Fault::Garbage, 1, Failure::Garbage).await;
    check(Fault::HalfBody, 1, Failure::CutOff).await;
    check(Fault::Redirect("http://192.0.2.1/v1/object/x".to_owned()), 1, Failure::Redirected).await;
    archive.down();
    let error = source.changes(&plan_id).await.unwrap_err();
    assert!(matches!(error.failure, Failure::Unreachable | Failure::CutOff), "{error}");
    assert!(!error.to_string().contains("/v1/object"), "{error}");
    let api = ground.world().faults(Site::Terraform);
    api.script("json-output", Fault::Redirect("http://192.0.2.1/v1/object/x".to_owned()), Some(1));
    let error = source.changes(&plan_id).await.unwrap_err();
    assert_eq!(
        (error.failure, error.said.as_str()),
        (Failure::Redirected, "to an address without a certificate")
    );
    api.script("json-output", Fault::Status(422), Some(1));
    assert_eq!(source.changes(&plan_id).await.unwrap_err().failure, Failure::Refused { status: 422 });
    api.script("json-output", Fault::Garbage, Some(1));
    assert_eq!(source.changes(&plan_id).await.unwrap_err().failure, Failure::Garbage, "inline, but no plan");
}

#[tokio::test]
async fn the_named_run_is_applied_once_with_its_comment_and_found_again() {
    let ground = Ground::start().await;
    let (source, actuator) = (source(&ground), actuator(&ground));
    let commit = first_commit(&ground);
    let run = planned(&source, &commit).await.0.run;
    let comment = "dock gate-9826 01J approved by priya".to_owned();
    let request = ApplyRequest { run: run.clone(), commit, comment };
    let another = ApplyRequest { commit: COMMIT.to_owned(), ..request.clone() };
    let error = actuator.apply(&another).await.unwrap_err();
    assert!(matches!(&error, RunError::Refused { refusal: RunRefusal::AnotherCommit { .. }, .. }), "{error}");
    assert_eq!((error.next(), source.run(&run).await.unwrap().confirmable), (Next::GiveUp, true));
    actuator.apply(&request).await.unwrap();
    assert_eq!(source.run(&run).await.unwrap().status, "confirmed");
    assert_eq!(source.comments(&run).await.unwrap()[0].body, request.comment);
    let error = actuator.apply(&request).await.unwrap_err();
    assert!(error.to_string().contains("does not wait for this, it is confirmed"), "{error}");
    assert_eq!(error.next(), Next::ReadBack, "it may have been us");
    ground.ticks(20);
    let applied = source.run(&run).await.unwrap();
    assert_eq!((applied.status.as_str(), applied.confirmable), ("applied", false));
    assert!(actuator.discard(&run, "too late").await.is_err());
    actuator.comment(&run, "health confirmed").await.unwrap();
    assert_eq!(source.comments(&run).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_run_is_discarded_and_a_lost_answer_is_found_by_its_comment() {
    let ground = Ground::start().await;
    let (source, actuator) = (source(&ground), actuator(&ground));
    let commit = first_commit(&ground);
    let run = planned(&source, &commit).await.0.run;
    let api = ground.world().faults(Site::Terraform);
    api.script("actions/apply", Fault::Status(409), Some(1));
    let request = ApplyRequest { run: run.clone(), commit, comment: "dock 01J".to_owned() };
    let error = actuator.apply(&request).await.unwrap_err();
    assert!(matches!(error, RunError::Refused { refusal: RunRefusal::Overtaken, .. }), "{error}");
    api.script("actions/apply", Fault::LostAnswer, Some(1));
    let error = actuator.apply(&request).await.unwrap_err();
    assert_eq!(error.next(), Next::ReadBack, "{error}");
    assert!(
        source.comments(&run).await.unwrap().iter().any(|comment| comment.body == "dock 01J"),
        "it was done"
    );
    ground.world().plan("billing-worker", COMMIT, ROLE).unwrap();
    let second = planned(&source, COMMIT).await.0.run;
    actuator.discard(&second, "declined by priya").await.unwrap();
    assert_eq!(source.run(&second).await.unwrap().status, "discarded");
}

#[tokio::test]
async fn noes_are_told_apart() {
    let ground = Ground::start().await;
    let (own, stranger) = (source(&ground), Source::open(&ground.terraform_with("wrong")).unwrap());
    assert_eq!(stranger.health().await.unwrap_err().failure, Failure::Unauthorised);
    let nowhere: WorkspaceName = "acme/nowhere".parse().unwrap();
    let error = own.workspace(&nowhere).await.unwrap_err();
    assert_eq!((error.failure, error.said.as_str()), (Failure::NotFound, "not found"));
    // The agents' token may not write: that is a 404, too.
    let run = planned(&own, &first_commit(&ground)).await.0.run;
    let reader = Actuator::open(&ground.terraform()).unwrap();
    assert_eq!(reader.comment(&run, "x").await.unwrap_err().failure, Failure::NotFound);
    let faults = ground.world().faults(Site::Terraform);
    for (fault, expected) in [
        (Fault::Status(401), Failure::Unauthorised),
        (Fault::Status(403), Failure::Forbidden),
        (Fault::Status(409), Failure::Conflict),
        (Fault::Status(422), Failure::Refused { status: 422 }),
        (Fault::RateLimited(2), Failure::RateLimited { retry_after: Duration::from_secs(2) }),
        (Fault::Status(503), Failure::ServerError { status: 503 }),
        (Fault::Garbage, Failure::Garbage),
        (Fault::HalfBody, Failure::CutOff),
        (Fault::Redirect("http://192.0.2.1/".to_owned()), Failure::Redirected),
    ] {
        faults.script("", fault, Some(1));
        assert_eq!(own.run(&run).await.unwrap_err().failure, expected);
    }
}

#[test]
fn the_words_of_an_error_and_the_wait_of_a_limit_are_read_as_they_come() {
    let answer = |body: Value, reset: &'static str| Answer {
        status: StatusCode::TOO_MANY_REQUESTS,
        headers: [(
            reqwest::header::HeaderName::from_static("x-ratelimit-reset"),
            HeaderValue::from_static(reset),
        )]
        .into_iter()
        .collect(),
        body: body.to_string().into_bytes(),
    };
    let recorded = json!({"errors": [{"detail": "You have exceeded the API's rate limit.", "status": 429, "title": "Too many requests"}]});
    let answer_of = answer(recorded, "1.532");
    assert_eq!(said(&answer_of), "Too many requests: You have exceeded the API's rate limit.");
    assert_eq!(
        failure(&answer_of),
        Some(Failure::RateLimited { retry_after: Duration::from_secs_f64(1.532) })
    );
    assert_eq!(said(&answer(json!({"errors": ["words alone"]}), "soon")), "words alone");
    let default = Some(Failure::RateLimited { retry_after: Duration::from_secs(1) });
    assert_eq!(failure(&answer(json!({}), "soon")), default);
}

#[test]
fn a_run_by_command_line_has_no_commit_and_a_new_status_is_kept() {
    let run = json!({"data": {"id": "run-CZcmD7eagjhyX0vN", "type": "runs",
        "attributes": {"status": "policy_soft_failed", "message": null, "created-at": "2026-08-22T14:03:11.000Z",
            "plan-only": false, "actions": {"is-confirmable": true, "is-discardable": true},
            "status-timestamps": {"planned-at": "2026-08-22T14:04:02+00:00", "policy-checked-at": "2026-08-22T14:04:09+00:00"}},
        "relationships": {"plan": {"data": {"id": "plan-8F5JFydVYAmtTjET", "type": "plans"}},
            "configuration-version": {"data": {"id": "cv-bXuCNFYJ8AeQ3sZ1", "type": "configuration-versions"}},
            "policy-checks": {"data": []}, "cost-estimate": {"data": null}}},
        "included": [{"id": "cv-bXuCNFYJ8AeQ3sZ1", "type": "configuration-versions", "attributes": {},
            "relationships": {"ingress-attributes": {"data": null}}}]});
    let one: wire::One = serde_json::from_value(run).unwrap();
    let read = wire::run(&one.data, &one.included).unwrap();
    assert_eq!(read.commit, Fact::Unknown("no commit started the run".to_owned()));
    assert_eq!(
        (read.status.as_str(), read.cost_estimate_id, read.confirmable),
        ("policy_soft_failed", None, true)
    );
    assert_eq!(read.status_at, Some("2026-08-22T14:04:09Z".parse().unwrap()));
    assert!(matches!(wire::run(&one.data, &[]).unwrap().commit, Fact::Unknown(_)), "without what came along");
    let other: wire::One =
        serde_json::from_value(json!({"data": {"id": "ws-1", "type": "workspaces"}})).unwrap();
    assert!(wire::run(&other.data, &[]).is_err());
    let untold: wire::One = serde_json::from_value(
        json!({"data": {"id": "ws-1", "type": "workspaces", "attributes": {"name": "w"}}}),
    )
    .unwrap();
    assert!(matches!(untold.workspace().unwrap().auto_apply, Fact::Unknown(_)));
}

#[test]
fn opa_and_sentinel_are_told_in_their_own_words() {
    let list = json!({"data": [{"id": "ts-1", "type": "task-stages", "attributes": {"status": "passed"}}],
        "included": [
            {"id": "poleval-1", "type": "policy-evaluations", "attributes": {"status": "failed"}},
            {"id": "poleval-2", "type": "policy-evaluations", "attributes": {"status": "unreachable"}},
            {"id": "x", "type": "task-results", "attributes": {"status": "passed"}}]});
    let stages: wire::Many = serde_json::from_value(list).unwrap();
    let opa: Vec<Verdict> = stages.opa().map(|policy| policy.verdict).collect();
    assert_eq!(opa, [Verdict::Failed, Verdict::Untold]);
    let checks = ["hard_failed", "soft_failed", "overridden", "passed", "pending", "errored", "a_new_word"];
    let data: Vec<Value> = checks
        .iter()
        .map(|status| json!({"id": "polchk-1", "type": "policy-checks", "attributes": {"status": status}}))
        .collect();
    let checks: wire::Many = serde_json::from_value(json!({ "data": data })).unwrap();
    let found: Vec<Verdict> = checks.sentinel().map(|policy| policy.verdict).collect();
    use Verdict::{Failed, Overridden, Passed, Pending, Untold};
    assert_eq!(found, [Failed, Failed, Overridden, Passed, Pending, Untold, Untold]);
}

#[test]
fn a_workspace_is_named_by_two_words() {
    for (text, good) in
        [("acme/billing", true), ("billing", false), ("a/b/c", false), ("/b", false), ("a b/c", false)]
    {
        assert_eq!(text.parse::<WorkspaceName>().is_ok(), good, "{text}");
    }
}
