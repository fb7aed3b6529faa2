//! A deploy gate against the simulated GitHub: what waits, how it is answered, what became of it.
//!
//! Never: a wait; time passes by ticks.

use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::{platform::Next, row::gate::Run};

const PRODUCTION: &str = "production";
const TAG: &str = "dock gate-9821 01JABC";

struct Gate {
    ground: Ground,
    source: Source,
    actuator: Actuator,
}

impl Gate {
    /// The plan's first run waits.
    async fn waiting() -> Self {
        let ground = Ground::start().await;
        let source = Source::open(&ground.github()).unwrap();
        let actuator = Actuator::open(&ground.github_writer()).unwrap();
        ground.ticks(10);
        Self { ground, source, actuator }
    }

    async fn run(&self, service: &str, id: u64) -> Run {
        self.source.run(&repo(service), id).await.unwrap()
    }

    async fn reviewed(&self) -> Reviewed {
        self.actuator.reviewed(&repo("checkout-api"), 9821, 1, PRODUCTION, TAG).await.unwrap()
    }

    /// Lets the plan go on to this run, and to its gate.
    fn until_planned(&self, id: u64) {
        while self.ground.world().run_next().unwrap() != id {}
        self.ground.ticks(10);
    }
}

fn review(answer: Answered) -> Review {
    let comment = format!("{TAG} {} by sarah", answer.word());
    let (repo, environment) = (repo("checkout-api"), PRODUCTION.to_owned());
    Review { repo, run: 9821, environment, answer, comment }
}

#[tokio::test]
async fn a_waiting_run_is_read_with_all_that_a_gate_is_judged_by() {
    let gate = Gate::waiting().await;
    let (source, repo) = (&gate.source, repo("checkout-api"));
    let run = gate.run("checkout-api", 9821).await;
    assert_eq!((run.attempt, run.status.as_str(), run.conclusion.as_deref()), (1, "waiting", None));
    assert_eq!((run.branch.as_str(), run.event.as_str(), run.actor.as_str()), ("main", "push", "govind"));
    assert_eq!(run.workflow, ".github/workflows/deploy.yml");
    assert!(run.url.ends_with("/acme/checkout-api/actions/runs/9821"), "{}", run.url);
    assert_eq!(source.run_attempt(&repo, 9821, 1).await.unwrap(), run);
    let jobs = source.jobs(&repo, 9821, 1).await.unwrap();
    let words: Vec<_> = jobs.iter().map(|job| (job.name.as_str(), job.status.as_str())).collect();
    assert_eq!(
        words,
        [("build", "completed"), ("test", "completed"), ("lint", "completed"), ("deploy", "waiting")]
    );
    assert!(jobs.iter().all(|job| !job.failed() && !job.skipped()));
    gate.ground.world().skip_job(9821, "test").unwrap();
    assert!(source.jobs(&repo, 9821, 1).await.unwrap()[1].skipped());
    let pending = source.pending_deployments(&repo, 9821).await.unwrap();
    assert_eq!(pending.iter().map(|one| one.environment.as_str()).collect::<Vec<_>>(), [PRODUCTION]);
    assert!(source.approvals(&repo, 9821).await.unwrap().is_empty());
    let environment = source.environment(&repo, PRODUCTION).await.unwrap().known().unwrap();
    assert_eq!((environment.custom[0].app.as_str(), environment.custom[0].enabled), ("dock-gate", true));
    assert!(matches!(source.environment(&repo, "moon").await.unwrap(), Fact::Unknown(_)));
    let waiting = source.waiting_runs(&repo).await.unwrap();
    assert_eq!(waiting, std::slice::from_ref(&run));
    let deploy = source.deploy_of(&repo, &run, PRODUCTION).await.unwrap().known().unwrap();
    assert_eq!((deploy.state(), &deploy.deployment.sha), (Some(&DeployState::Waiting), &run.head_sha));
    let good = source
        .last_good_deploy(&repo, PRODUCTION, Some(deploy.deployment.id))
        .await
        .unwrap()
        .known()
        .unwrap();
    assert!(good.went_well() && good.deployment.sha != run.head_sha);
    let changes = source.changes(&repo, &good.deployment.sha, &run.head_sha).await.unwrap();
    assert_eq!((changes.commits.len(), changes.complete), (1, true));
    let migration = changes.files.iter().find(|file| file.path.starts_with("migrations/")).unwrap();
    assert!(migration.status == "added" && migration.patch.as_ref().unwrap().contains("ALTER TABLE orders"));
    assert!(matches!(source.last_good_deploy(&repo, "staging", None).await.unwrap(), Fact::Unknown(_)));
}

#[tokio::test]
async fn an_approval_lands_once_and_the_deploy_follows() {
    let gate = Gate::waiting().await;
    assert_eq!(gate.reviewed().await, Reviewed::NotYet);
    gate.actuator.review(&review(Answered::Approved)).await.unwrap();
    assert_eq!(gate.reviewed().await, Reviewed::Ours { state: ApprovalState::Approved });
    let again = gate.actuator.review(&review(Answered::Approved)).await.unwrap_err();
    assert_eq!(again.next(), Next::ReadBack, "{again}");
    let log = gate.source.approvals(&repo("checkout-api"), 9821).await.unwrap();
    assert_eq!(log.len(), 1, "{log:?}");
    assert_eq!(
        (log[0].by.as_str(), log[0].environments.as_slice()),
        ("dock-gate[bot]", [PRODUCTION.to_owned()].as_slice())
    );
    gate.ground.ticks(20);
    let run = gate.run("checkout-api", 9821).await;
    assert_eq!((run.status.as_str(), run.conclusion.as_deref()), ("completed", Some("success")));
    let deploy =
        gate.source.deploy_of(&repo("checkout-api"), &run, PRODUCTION).await.unwrap().known().unwrap();
    assert!(deploy.went_well() && deploy.state().unwrap().is_final());
    let good =
        gate.source.last_good_deploy(&repo("checkout-api"), PRODUCTION, None).await.unwrap().known().unwrap();
    assert_eq!(good.deployment.sha, run.head_sha);
    assert_eq!(gate.reviewed().await, Reviewed::Ours { state: ApprovalState::Approved });
}

#[tokio::test]
async fn a_rejection_fails_the_run_and_a_re_run_asks_again() {
    let gate = Gate::waiting().await;
    gate.actuator.review(&review(Answered::Rejected)).await.unwrap();
    assert_eq!(gate.reviewed().await, Reviewed::Ours { state: ApprovalState::Rejected });
    assert_eq!(gate.run("checkout-api", 9821).await.conclusion.as_deref(), Some("failure"));
    gate.ground.world().rerun(9821).unwrap();
    gate.ground.ticks(10);
    assert_eq!(gate.reviewed().await, Reviewed::AttemptMoved { now: 2, ours: true });
    assert_eq!(gate.run("checkout-api", 9821).await.status, "waiting");
    let first = gate.source.run_attempt(&repo("checkout-api"), 9821, 1).await.unwrap();
    assert_eq!((first.attempt, first.conclusion.as_deref()), (1, Some("failure")));
}

#[tokio::test]
async fn whoever_else_answered_is_told_from_nobody() {
    let gate = Gate::waiting().await;
    gate.ground.world().answer_run(9821, true, "admin").unwrap();
    assert_eq!(
        gate.reviewed().await,
        Reviewed::Theirs { state: ApprovalState::Approved, by: "admin".into() }
    );
    let gate = Gate::waiting().await;
    gate.ground.world().cancel_run(9821).unwrap();
    let nothing = |status: &str, conclusion: Option<&str>, others: &[&str]| Reviewed::NothingPends {
        status: status.into(),
        conclusion: conclusion.map(str::to_owned),
        others: others.iter().map(|&name| name.to_owned()).collect(),
    };
    assert_eq!(gate.reviewed().await, nothing("completed", Some("cancelled"), &[]));
    let gate = Gate::waiting().await;
    gate.ground.world().rename_environment("checkout-api", PRODUCTION, "live").unwrap();
    assert_eq!(gate.reviewed().await, nothing("waiting", None, &["live"]));
    let no = gate.actuator.review(&review(Answered::Approved)).await.unwrap_err();
    assert_eq!(no.next(), Next::ReadBack, "{no}");
    let gate = Gate::waiting().await;
    gate.ground.world().rerun(9821).unwrap();
    assert_eq!(gate.reviewed().await, Reviewed::AttemptMoved { now: 2, ours: false });
}

#[tokio::test]
async fn a_report_answers_nothing_and_ten_are_the_most() {
    let gate = Gate::waiting().await;
    let repo = repo("checkout-api");
    for number in 0..10 {
        gate.actuator.report(&repo, 9821, PRODUCTION, &format!("{TAG} waits, {number}")).await.unwrap();
    }
    assert_eq!(gate.reviewed().await, Reviewed::NotYet, "a report with our tag is no answer");
    let many = gate.actuator.report(&repo, 9821, PRODUCTION, "one more").await.unwrap_err();
    assert_eq!(many, ReviewError::TooMany { run: 9821, environment: PRODUCTION.into() });
    let long = Review { comment: "é".repeat(1025), ..review(Answered::Approved) };
    assert_eq!(gate.actuator.review(&long).await.unwrap_err().next(), Next::GiveUp);
    let whole = Review { comment: format!("{TAG} {}", "é".repeat(1023 - TAG.len())), ..long };
    gate.actuator.review(&whole).await.unwrap();
    let log = gate.source.approvals(&repo, 9821).await.unwrap();
    assert_eq!((log.len(), log[10].comment.as_str()), (11, whole.comment.as_str()));
}

#[tokio::test]
async fn a_dispatch_begins_a_canary_of_the_reviewed_build() {
    let gate = Gate::waiting().await;
    let (actuator, repo) = (&gate.actuator, repo("checkout-api"));
    let run = gate.run("checkout-api", 9821).await;
    let payload = json!({"row": "gate-9821", "decision": "01J", "run": 9821, "share": "10%"});
    actuator.dispatch(&repo, "dock-canary", &payload).await.unwrap();
    actuator.dispatch(&repo, "nobody-listens", &json!({})).await.unwrap();
    gate.ground.ticks(30);
    let canary = gate.source.deployments(&repo, "production-canary").await.unwrap();
    assert_eq!((canary.len(), &canary[0].sha), (1, &run.head_sha));
    let inputs = BTreeMap::from([("share".to_owned(), "25%".to_owned())]);
    actuator.dispatch_workflow(&repo, ".github/workflows/canary.yml", "main", &inputs).await.unwrap();
    gate.ground.ticks(30);
    assert_eq!(gate.source.deployments(&repo, "production-canary").await.unwrap().len(), 2);
    let check = async |workflow: &str, target: &str, failure: Failure| {
        let no = actuator.dispatch_workflow(&repo, workflow, target, &inputs).await.unwrap_err();
        assert_eq!(no.failure, failure, "{no}");
    };
    check("none.yml", "main", Failure::NotFound).await;
    check("canary.yml", "gone", Failure::Refused { status: 422 }).await;
    let reader = Actuator::open(&gate.ground.github()).unwrap();
    assert_eq!(
        reader.dispatch(&repo, "dock-canary", &payload).await.unwrap_err().failure,
        Failure::Forbidden
    );
    let no = reader.review(&review(Answered::Approved)).await.unwrap_err();
    assert_eq!(no.next(), Next::GiveUp, "{no}");
}

#[tokio::test]
async fn a_broken_deploy_is_seen_to_be_rolled_back() {
    let gate = Gate::waiting().await;
    gate.until_planned(9826);
    let repo = repo("billing-worker");
    let run = gate.run("billing-worker", 9826).await;
    let before = gate.source.last_good_deploy(&repo, PRODUCTION, None).await.unwrap().known().unwrap();
    let answer = Review { repo: repo.clone(), run: 9826, ..review(Answered::Approved) };
    gate.actuator.review(&answer).await.unwrap();
    gate.ground.ticks(20);
    let ours = gate.source.deploy_of(&repo, &run, PRODUCTION).await.unwrap().known().unwrap();
    assert!(ours.went_well(), "so far");
    let id = ours.deployment.id;
    assert!(gate.source.deployments_after(&repo, PRODUCTION, id).await.unwrap().is_empty());
    gate.ground.ticks(100);
    let newer = gate.source.runs_after(&repo, "main", 9826).await.unwrap();
    assert_eq!((newer.len(), newer[0].workflow.as_str()), (1, ".github/workflows/rollback.yml"));
    assert_eq!(
        (&newer[0].head_sha, newer[0].conclusion.as_deref()),
        (&before.deployment.sha, Some("success"))
    );
    let back = gate.source.deployments_after(&repo, PRODUCTION, id).await.unwrap();
    assert_eq!((back.len(), &back[0].sha), (1, &before.deployment.sha));
    let ours = gate.source.deploy_of(&repo, &run, PRODUCTION).await.unwrap().known().unwrap();
    assert_eq!(ours.state(), Some(&DeployState::Inactive));
    assert!(gate.source.workflow_runs_after(&repo, "deploy.yml", 9826).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_head_that_was_pushed_over_is_still_compared() {
    let gate = Gate::waiting().await;
    let run = gate.run("checkout-api", 9821).await;
    let newer = gate.ground.world().force_push("checkout-api").unwrap();
    let repo = repo("checkout-api");
    let now = gate.run("checkout-api", newer).await;
    assert_ne!(now.head_sha, run.head_sha);
    let compared = gate.source.compare(&repo, &run.head_sha, &now.head_sha).await.unwrap();
    assert_eq!((compared.total_commits, compared.behind_by), (1, 1));
    let changes = gate.source.changes(&repo, &run.head_sha, &now.head_sha).await.unwrap();
    assert!(!changes.complete, "what the head takes back is not listed");
}

#[tokio::test]
async fn a_renamed_repository_is_read_by_its_old_name_and_not_written_to() {
    let gate = Gate::waiting().await;
    gate.ground.world().rename_repository("checkout-api", "checkout");
    assert_eq!(gate.run("checkout-api", 9821).await, gate.run("checkout-api", 9821).await);
    assert_eq!(gate.source.pending_deployments(&repo("checkout-api"), 9821).await.unwrap().len(), 1);
    let ReviewError::Platform(no) = gate.actuator.review(&review(Answered::Approved)).await.unwrap_err()
    else {
        panic!("it was sent")
    };
    assert_eq!(no.failure, Failure::Redirected);
    assert_eq!(gate.reviewed().await, Reviewed::NotYet);
    let renamed = Review { repo: repo("checkout"), ..review(Answered::Approved) };
    gate.actuator.review(&renamed).await.unwrap();
}

#[tokio::test]
async fn every_trouble_has_its_name_for_reads_and_its_next_step_for_answers() {
    let gate = Gate::waiting().await;
    let faults = gate.ground.world().faults(Site::GitHub);
    let repo = repo("checkout-api");
    let check = async |fault: Fault, failure: Failure, next: Next| {
        faults.clear();
        faults.script("GET /repos", fault.clone(), None);
        let no = gate.source.run(&repo, 9821).await.unwrap_err();
        assert_eq!(no.failure, failure, "{fault:?}");
        faults.clear();
        faults.script("POST /repos", fault.clone(), Some(1));
        let no = gate.actuator.review(&review(Answered::Approved)).await.unwrap_err();
        assert_eq!(no.next(), next, "{fault:?}: {no}");
        assert!(!no.hint().is_empty());
    };
    for (status, failure, next) in [
        (401, Failure::Unauthorised, Next::GiveUp),
        (403, Failure::Forbidden, Next::GiveUp),
        (404, Failure::NotFound, Next::ReadBack),
        (409, Failure::Conflict, Next::ReadBack),
        (422, Failure::Refused { status: 422 }, Next::ReadBack),
        (500, Failure::ServerError { status: 500 }, Next::ReadBack),
        (503, Failure::ServerError { status: 503 }, Next::ReadBack),
    ] {
        check(Fault::Status(status), failure, next).await;
    }
    check(Fault::Redirect("http://192.0.2.1/x".into()), Failure::Redirected, Next::GiveUp).await;
    assert_eq!(gate.reviewed().await, Reviewed::NotYet, "none of these was carried out");
    faults.clear();
    faults.script("GET /repos", Fault::Garbage, Some(1));
    assert_eq!(gate.source.run(&repo, 9821).await.unwrap_err().failure, Failure::Garbage);
    faults.script("GET /repos", Fault::HalfBody, Some(1));
    assert_eq!(gate.source.run(&repo, 9821).await.unwrap_err().failure, Failure::CutOff);
    faults.script("GET /repos", Fault::Slow(std::time::Duration::from_millis(5)), Some(1));
    assert!(gate.source.run(&repo, 9821).await.is_ok());
    faults.script("POST /repos", Fault::LostAnswer, Some(1));
    let lost = gate.actuator.review(&review(Answered::Approved)).await;
    // A 204 has no body that could break off: it may arrive whole.
    assert!(lost.is_ok() || lost.unwrap_err().next() == Next::ReadBack);
    assert_eq!(gate.reviewed().await, Reviewed::Ours { state: ApprovalState::Approved });
}
