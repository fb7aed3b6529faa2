//! Deploy gates through the API, over the simulated platforms: claimed, decided, answered once, told of a no, followed.

mod canaries;
mod reload;
mod thresholds;

use jiff::SignedDuration;

use super::{
    acting::{Acting, ENDED},
    *,
};
use crate::{
    platform::{
        github::{Approval, ApprovalState, Repository},
        reading::{self, Depth},
    },
    row::{Event, Kind, Reading as AnyReading, Risk, State, gate},
    server::executor::Executor,
    simulator::Fault,
};

const SERVICE: &str = "billing-worker";
const SECRET: &str = "It's a Secret to Everybody";

const GATES: &str = r#"
keys = { irreversible = 2 }
[gates.billing-worker]
repository = "acme/billing-worker"
terraform = "acme/billing-worker"
canary = { dispatch = { event_type = "dock-canary" } }
[gates.identity]
repository = "acme/identity"
environments = { production = "reversible" }
argocd = "identity"
prometheus = "identity"
[gates.notifications]
repository = "acme/notifications"
environments = { staging = "reversible", production = "reversible" }
promotes_to = { staging = "production" }
"#;

/// Turns after which nothing more is expected of the same second.
const TURNS_MAX: usize = 2_000;

/// A server over simulated pipelines, and what works on its store.
struct Gated {
    acting: Acting,
}

impl std::ops::Deref for Gated {
    type Target = Acting;

    fn deref(&self) -> &Acting {
        &self.acting
    }
}

impl Gated {
    async fn start() -> Self {
        Self::start_all(GATES, |_, _| String::new()).await
    }

    /// With these tables.
    async fn start_with(gates: &str) -> Self {
        Self::start_all(gates, |_, _| String::new()).await
    }

    /// With more sections of the server's config.
    async fn start_beside(more: impl FnOnce(&Simulators, super::acting::Secrets<'_>) -> String) -> Self {
        Self::start_all(GATES, more).await
    }

    async fn start_all(
        gates: &str,
        more: impl FnOnce(&Simulators, super::acting::Secrets<'_>) -> String,
    ) -> Self {
        let acting = Acting::start(|platforms, token| {
            let world = platforms.world();
            let section = |of: &str, site: Site, file: String| {
                format!("[{of}]\nurl = \"{}\"\ntoken_file = \"{file}\"\n", platforms.url(site))
            };
            let read = [
                gates.replace("ROTA_FILE", &token("rota.toml", &reload::night_of("ana", "UTC"))),
                more(platforms, token),
                format!("[hooks.github]\nsecret_file = \"{}\"\n", token("hook", SECRET)),
                section(
                    "platforms.prometheus",
                    Site::Prometheus,
                    token("burns", &world.token(Site::Prometheus)),
                ),
                section("platforms.github", Site::GitHub, token("github", &world.token(Site::GitHub))),
                section(
                    "platforms.terraform",
                    Site::Terraform,
                    token("terraform", &world.token(Site::Terraform)),
                ),
            ];
            let writes = [
                section("github", Site::GitHub, token("github-writer", &world.github_writer())),
                section(
                    "terraform",
                    Site::Terraform,
                    token("terraform-writer", &world.terraform_executor_token()),
                ),
            ];
            (read.concat(), writes.concat())
        });
        Self { acting: acting.await }
    }

    fn repo(service: &str) -> Repository {
        format!("acme/{service}").parse().unwrap()
    }

    async fn read(&self, service: &str, run: u64, environment: &str) -> gate::Reading {
        let from = self.world.app.sources.gate().unwrap();
        let config = &self.config.gates[service];
        reading::gate(from, service, config, run, environment, Depth::Whole).await.unwrap()
    }

    /// A change is pushed; its run, once it waits at its gate.
    async fn waiting(&self, service: &str, environment: &str) -> gate::Reading {
        let run = self.world.platforms.world().run(service).unwrap();
        self.waits(service, run, environment).await
    }

    async fn waits(&self, service: &str, run: u64, environment: &str) -> gate::Reading {
        let github = self.world.app.sources.github.as_ref().unwrap();
        while github.pending_deployments(&Self::repo(service), run).await.unwrap().is_empty() {
            self.world.platforms.world().tick();
        }
        self.read(service, run, environment).await
    }

    async fn post(&self, path: &str, key: &str, draft: &Draft) -> (u16, Value) {
        self.world.post(path, key, draft, &[]).await
    }

    async fn send(&self, statement: &Statement) -> (u16, Value) {
        self.world.send(statement).await
    }

    /// A waiting run of billing-worker, opened as a row.
    async fn opened(&self) -> (gate::Reading, RowView) {
        let reading = self.waiting(SERVICE, "production").await;
        let (status, answer) = self.post("/v1/rows", "open", &drafted(&reading)).await;
        assert_eq!(status, 201, "{answer}");
        let row = self.world.row(answer["row"].as_str().unwrap()).await;
        (reading, row)
    }

    /// An approval under the canary's condition, or a plain one.
    async fn approval(&self, who: &str, row: &RowView, canary: bool) -> Statement {
        self.asking(who, row, canary.then_some("10%")).await
    }

    /// An approval that asks for such a canary.
    async fn asking(&self, who: &str, row: &RowView, canary: Option<&str>) -> Statement {
        let mut statement = self.world.statement(who, row, Decision::Approve).await;
        if let Some(share) = canary {
            statement.conditions = BTreeMap::from([("canary".to_owned(), share.to_owned())]);
            let effect = row.effect.with_conditions(&statement.conditions);
            statement.effect = effect.unwrap_or_else(|| row.effect.clone()).digest();
        }
        statement
    }

    async fn approved(&self, row: &RowView, canary: bool) -> DecisionId {
        for (who, state) in [("govind", "half_signed"), ("sarah", "approved")] {
            let statement = self.approval(who, row, canary).await;
            let (_, answer) = self.send(&statement).await;
            assert_eq!(
                (&answer["outcome"], &answer["state"]),
                (&json!("accepted"), &json!(state)),
                "{answer}"
            );
            if who == "sarah" {
                return statement.decision_id;
            }
        }
        unreachable!("sarah is the last")
    }

    /// Answers to the rule, reports left out.
    async fn answers(&self, service: &str, run: u64) -> Vec<Approval> {
        let github = self.world.app.sources.github.as_ref().unwrap();
        let all = github.approvals(&Self::repo(service), run).await.unwrap();
        all.into_iter().filter(|one| one.state != ApprovalState::Pending).collect()
    }

    /// A delivery of GitHub's under this id, signed with this secret; the status of the answer.
    async fn delivered(&self, body: &str, secret: &str, id: &str) -> u16 {
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret.as_bytes());
        let tag = ring::hmac::sign(&key, body.as_bytes());
        let signature =
            tag.as_ref().iter().fold("sha256=".to_owned(), |hex, byte| hex + &format!("{byte:02x}"));
        let headers = [
            ("X-GitHub-Event", "workflow_run"),
            ("X-GitHub-Delivery", id),
            ("X-Hub-Signature-256", signature.as_str()),
        ];
        self.world.raw("POST", "/v1/hooks/github", None, Some(body.as_bytes().to_vec()), &headers).await.0
    }

    /// A waiting run of a service that can be taken back, approved and answered.
    async fn executed(&self, service: &str, environment: &str, executor: &Executor) -> RowView {
        let reading = self.waiting(service, environment).await;
        let (status, answer) =
            self.post("/v1/rows", &format!("open {}", reading.run.id), &drafted(&reading)).await;
        assert_eq!(status, 201, "{answer}");
        let row = self.world.row(answer["row"].as_str().unwrap()).await;
        assert_eq!(
            self.world.decide("govind", &row, Decision::Approve).await,
            "accepted",
            "one key is enough"
        );
        self.work(executor, row.head.id, &[State::Executed]).await;
        row
    }

    /// What the watch says at last, and in which state the row then is.
    async fn told_at_last(&self, executor: &Executor, row: &RowView) -> (State, String) {
        for _ in 0..TURNS_MAX {
            executor.turn().await.unwrap();
            let now = self.world.store().row(row.head.id).await.unwrap().unwrap();
            if let Some(outcome) = now.stage.outcome() {
                return (now.state(), outcome.detail.clone());
            }
            tokio::task::yield_now().await;
        }
        panic!(
            "nothing was told of {}; its work is {:?}",
            row.head.id,
            self.world.store().row(row.head.id).await
        );
    }
}

/// What an honest agent drafts from a reading.
pub(super) fn drafted(reading: &gate::Reading) -> Draft {
    let read = AnyReading::Gate(Box::new(reading.clone()));
    let pointer = Pointer {
        name: "github_run_id".to_owned(),
        platform: "github".to_owned(),
        reference: reading.run.id.to_string(),
        url: reading.run.url.clone(),
    };
    Draft {
        kind: Kind::Gate,
        subject: read.subject(),
        environment: read.environment().to_owned(),
        title: format!("{} waits", reading.service),
        verdict: Verdict::Ship,
        rationale: "CI is green.".to_owned(),
        prose_by: PROSE_BY_RULES.to_owned(),
        signals: vec![],
        pointers: vec![pointer],
        incident: None,
        parent: None,
        reviewers: vec![name("sarah")],
        risk: read.risk(),
        base: read.base(),
        effect: read.effect(),
        diff: read.difference(),
        proposal: None,
        amended_by: vec![],
        facts: BTreeMap::new(),
        read_at: jiff::Timestamp::UNIX_EPOCH,
    }
}

#[tokio::test]
async fn a_gate_is_answered_once_with_its_canary_and_its_plan_is_applied() {
    let gated = Gated::start().await;
    let (reading, row) = gated.opened().await;
    assert_eq!((row.head.risk, row.head.keys_needed), (Risk::Irreversible, 2));
    assert_eq!(row.mismatch(), None, "the digests are those of what is shown");
    let decision = gated.approved(&row, true).await;
    let executor = gated.executor();
    let done = gated.work(&executor, row.head.id, &[State::Executed, State::Failed, State::Unknown]).await;
    assert_eq!(done.state(), State::Executed, "{:?}", done.stage);

    let answers = gated.answers(SERVICE, reading.run.id).await;
    assert_eq!(answers.len(), 1, "{answers:?}");
    let begins =
        format!("dock {} {decision} approved by govind and sarah with canary=10%, log ", row.head.id);
    assert!(answers[0].comment.starts_with(&begins), "{}", answers[0].comment);
    assert_eq!(answers[0].state, ApprovalState::Approved);
    let terraform = gated.world.app.sources.terraform.as_ref().unwrap();
    let run = reading.plan.known().unwrap().run.clone();
    assert_eq!(terraform.run(&run).await.unwrap().status, "applied");
    assert!(terraform.comments(&run).await.unwrap()[0].body.contains(decision.as_str()));

    let leaves = gated.leaves(row.head.id).await;
    let told: Vec<_> =
        leaves.iter().filter_map(|leaf| Some((leaf.event, leaf.body.text("write")?))).collect();
    let (begun, confirmed) = (Event::ExecutionIntended, Event::ExecutionConfirmed);
    let expected = ["canary", "answer", "apply"].map(|write| [(begun, write), (confirmed, write)]);
    assert_eq!(told, expected.concat(), "each write has its own intent and its own confirmation");
    assert_eq!(done.stage.execution().unwrap().done.len(), 3);
}

#[tokio::test]
async fn a_deploy_is_healthy_when_its_watch_is_over_and_rolled_back_when_an_older_one_follows() {
    let gated = Gated::start().await;
    let reading = gated.waiting("notifications", "staging").await;
    let (status, answer) = gated.world.post("/v1/rows", "open", &drafted(&reading), &[]).await;
    assert_eq!(status, 201, "{answer}");
    let row = gated.world.row(answer["row"].as_str().unwrap()).await;
    assert_eq!(gated.world.decide("govind", &row, Decision::Approve).await, "accepted", "one key is enough");
    let executor = gated.executor();
    gated.work(&executor, row.head.id, &[State::Executed]).await;
    for _ in 0..20 {
        gated.world.platforms.world().tick();
    }
    executor.turn().await.unwrap();
    assert_eq!(gated.state(row.head.id).await, State::Executed, "fine is not healthy before its time");
    gated.world.advance(301);
    let done = gated.work(&executor, row.head.id, &[State::Healthy, State::Degraded]).await;
    let detail = done.stage.outcome().unwrap().detail.clone();
    assert_eq!((done.state(), detail.as_str()), (State::Healthy, "GitHub says success of the deployment"));
}

#[tokio::test]
async fn a_deploy_that_is_rolled_back_on_github_is_stamped_so() {
    let gated = Gated::start().await;
    let platforms = gated.world.platforms.world();
    // The last run of the plan breaks what it deploys.
    let mut run = 0;
    while let Some(next) = platforms.run_next() {
        run = next;
    }
    let reading = gated.waits(SERVICE, run, "production").await;
    let (status, answer) = gated.post("/v1/rows", "open", &drafted(&reading)).await;
    assert_eq!(status, 201, "{answer}");
    let row = gated.world.row(answer["row"].as_str().unwrap()).await;
    gated.approved(&row, false).await;
    let executor = gated.executor();
    gated.work(&executor, row.head.id, &[State::Executed]).await;
    let done = loop {
        platforms.tick();
        executor.turn().await.unwrap();
        let now = gated.world.store().row(row.head.id).await.unwrap().unwrap();
        if now.state() != State::Executed {
            break now;
        }
    };
    let detail = done.stage.outcome().unwrap().detail.clone();
    assert_eq!(done.state(), State::RolledBack, "{detail}");
    assert!(detail.contains("deployed the older"), "{detail}");
}

#[tokio::test]
async fn a_row_is_promoted_only_from_the_healthy_deploy_of_its_own_run() {
    let gated = Gated::start().await;
    let reading = gated.waiting("notifications", "staging").await;
    let draft = drafted(&reading);
    let (status, answer) = gated.post("/v1/rows", "open", &draft).await;
    assert_eq!(status, 201, "{answer}");
    let row = gated.world.row(answer["row"].as_str().unwrap()).await;
    let check = async |parent: &Draft, says: &str| {
        let named = super::super::drafts::parent(&gated.world.app, parent).await;
        let told = named.err().map(|problem| format!("{problem:?}")).unwrap_or_default();
        assert!(told.contains(says) && told.is_empty() == says.is_empty(), "{says}: {told}");
    };
    let production = gate::GateBase { environment: "production".to_owned(), ..reading.base() };
    let next = Draft {
        parent: Some(row.head.id),
        environment: "production".to_owned(),
        base: Base::Gate(production.clone()),
        ..draft.clone()
    };
    check(&next, "pending").await;
    check(&Draft { parent: Some(row.head.id), ..draft.clone() }, "promotes nothing here").await;
    let other = gate::GateBase { run: "77".to_owned(), ..production };
    check(&Draft { base: Base::Gate(other), ..next.clone() }, "promotes nothing here").await;
    assert_eq!(gated.world.decide("govind", &row, Decision::Approve).await, "accepted");
    let executor = gated.executor();
    gated.work(&executor, row.head.id, &[State::Executed]).await;
    gated.world.advance(301);
    gated.work(&executor, row.head.id, &[State::Healthy]).await;
    check(&next, "").await;
}

#[tokio::test]
async fn cut_off_between_any_two_steps_a_gate_is_answered_and_applied_once() {
    for point in [
        "lease.taken",
        "answer.warrant.verified",
        "answer.base.read",
        "answer.intent.committed",
        "answer.write.sent",
        "answer.write.answered",
        "answer.readback.done",
        "answer.confirmed.committed",
        "apply.warrant.verified",
        "apply.base.read",
        "apply.intent.committed",
        "apply.write.sent",
        "apply.write.answered",
        "apply.readback.done",
        "apply.confirmed.committed",
    ] {
        let gated = Gated::start().await;
        let (reading, row) = gated.opened().await;
        gated.approved(&row, false).await;
        gated.cut(row.head.id, point).await;
        let done = gated.work(&gated.executor(), row.head.id, &ENDED).await;
        assert_eq!(done.state(), State::Executed, "{point}: {:?}", done.stage);
        assert_eq!(gated.answers(SERVICE, reading.run.id).await.len(), 1, "{point}");
        let terraform = gated.world.app.sources.terraform.as_ref().unwrap();
        let comments = terraform.comments(&reading.plan.known().unwrap().run).await.unwrap();
        assert_eq!(comments.len(), 1, "{point}: {comments:?}");
    }
}

#[tokio::test]
async fn a_canary_that_may_have_been_dispatched_is_not_dispatched_again() {
    for (point, expected) in [
        ("canary.warrant.verified", State::Executed),
        ("canary.base.read", State::Executed),
        ("canary.intent.committed", State::Unknown),
        ("canary.write.sent", State::Unknown),
        ("canary.write.answered", State::Unknown),
        ("canary.readback.done", State::Unknown),
        ("canary.confirmed.committed", State::Executed),
    ] {
        let gated = Gated::start().await;
        let (reading, row) = gated.opened().await;
        gated.approved(&row, true).await;
        gated.cut(row.head.id, point).await;
        let done = gated.work(&gated.executor(), row.head.id, &ENDED).await;
        assert_eq!(done.state(), expected, "{point}: {:?}", done.stage);
        let answered = usize::from(expected == State::Executed);
        assert_eq!(gated.answers(SERVICE, reading.run.id).await.len(), answered, "{point}");
    }
}

#[tokio::test]
async fn an_answer_that_is_lost_is_read_back_and_one_that_never_came_is_given_again() {
    for fault in [Fault::LostAnswer, Fault::Status(503), Fault::HalfBody] {
        let gated = Gated::start().await;
        let (reading, row) = gated.opened().await;
        gated.approved(&row, false).await;
        let path = format!(
            "POST /repos/acme/billing-worker/actions/runs/{}/deployment_protection_rule",
            reading.run.id
        );
        gated.world.platforms.world().faults(Site::GitHub).script(&path, fault.clone(), Some(1));
        let done = gated.work(&gated.executor(), row.head.id, &ENDED).await;
        assert_eq!(done.state(), State::Executed, "{fault:?}: {:?}", done.stage);
        assert_eq!(gated.answers(SERVICE, reading.run.id).await.len(), 1, "{fault:?}");
    }
}

#[tokio::test]
async fn a_claim_about_a_gate_that_our_own_read_contradicts_is_refused() {
    let gated = Gated::start().await;
    let reading = gated.waiting(SERVICE, "production").await;
    let good = drafted(&reading);
    let (base, effect) = (reading.base(), reading.effect());
    let with_base = |base: gate::GateBase| Draft { base: Base::Gate(base), ..good.clone() };
    let unapplied = gate::GateEffect { apply: None, ..effect.clone() };
    for (draft, expected) in [
        (with_base(gate::GateBase { service: "unheard-of".to_owned(), ..base.clone() }), "claim_mismatch"),
        (with_base(gate::GateBase { repository: "acme/other".to_owned(), ..base.clone() }), "claim_mismatch"),
        (with_base(gate::GateBase { environment: "staging".to_owned(), ..base.clone() }), "claim_mismatch"),
        (with_base(gate::GateBase { run: "77".to_owned(), ..base.clone() }), "claim_mismatch"),
        (with_base(gate::GateBase { attempt: 2, ..base.clone() }), "base_moved"),
        (with_base(gate::GateBase { plan: None, plan_sha256: None, ..base.clone() }), "base_moved"),
        (with_base(gate::GateBase { plan_waits: Some(false), ..base.clone() }), "base_moved"),
        (Draft { effect: Effect::Github(unapplied), ..good.clone() }, "claim_mismatch"),
        (Draft { risk: Risk::Reversible, ..good.clone() }, "claim_mismatch"),
        (Draft { diff: "nothing to see".to_owned(), ..good.clone() }, "claim_mismatch"),
        (Draft { subject: "billing-worker".to_owned(), ..good.clone() }, "claim_mismatch"),
        (
            Draft { facts: BTreeMap::from([("bump".into(), "patch".into())]), ..good.clone() },
            "claim_mismatch",
        ),
        (Draft { parent: Some(id("gate-7")), ..good.clone() }, "claim_mismatch"),
    ] {
        let (status, answer) = gated.post("/v1/rows", "k", &draft).await;
        assert_eq!(answer["code"], expected, "{status} {answer}");
    }
    for site in [Site::GitHub, Site::Terraform] {
        gated.world.platforms.world().faults(site).down();
        let (status, answer) = gated.world.post("/v1/rows", "k", &good, &[]).await;
        assert_eq!((status, &answer["code"]), (503, &json!("source_unreachable")), "{site:?}: {answer}");
        gated.world.platforms.world().faults(site).up();
    }
    gated.world.platforms.world().answer_run(reading.run.id, true, "govind").unwrap();
    let (_, answer) = gated.post("/v1/rows", "k", &good).await;
    assert_eq!(answer["code"], "claim_mismatch", "{answer}");
    assert!(answer.to_string().contains("approved in GitHub by govind"), "{answer}");
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
async fn two_keys_within_fifteen_minutes_answer_a_gate() {
    let gated = Gated::start().await;
    let (_, row) = gated.opened().await;
    let approve = async |who: &str| code(&gated.send(&gated.approval(who, &row, false).await).await);
    assert_eq!(approve("govind").await, "accepted");
    gated.world.advance(16 * 60);
    assert_eq!(approve("sarah").await, "accepted");
    let now = gated.world.row(&row.head.id.to_string()).await;
    assert_eq!((now.head.state, now.head.keys_given), (State::HalfSigned, 1), "the first key was too old");
    assert_eq!(approve("govind").await, "accepted");
    assert_eq!(gated.state(row.head.id).await, State::Approved);
}

#[tokio::test]
async fn a_decline_is_told_to_github_even_after_an_outage() {
    let gated = Gated::start().await;
    let (reading, row) = gated.opened().await;
    let statement = gated.world.statement("sarah", &row, Decision::Decline).await;
    assert_eq!(code(&gated.world.send(&statement).await), "accepted");
    let executor = gated.executor();
    gated.world.platforms.world().faults(Site::GitHub).down();
    assert!(executor.turn().await.unwrap());
    gated.world.platforms.world().faults(Site::GitHub).up();
    let told = |row: &crate::row::Row| match &row.stage {
        crate::row::Stage::Declined { told, .. } => told.clone().and_then(|told| told.outcome),
        other => panic!("{other:?}"),
    };
    let outcome = loop {
        executor.turn().await.unwrap();
        let now = gated.world.store().row(row.head.id).await.unwrap().unwrap();
        if let Some(outcome) = told(&now) {
            break outcome;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(outcome.detail, "rejected in GitHub before production, attempt 1");
    let answers = gated.answers(SERVICE, reading.run.id).await;
    assert_eq!((answers.len(), &answers[0].state), (1, &ApprovalState::Rejected));
    let begins = format!("dock {} {} declined by sarah, log ", row.head.id, statement.decision_id);
    assert!(answers[0].comment.starts_with(&begins), "{}", answers[0].comment);
    assert!(!executor.turn().await.unwrap(), "no work is left");
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

#[tokio::test]
async fn a_hook_is_verified_told_once_and_wakes_who_waits() {
    let gated = Gated::start().await;
    let path = "/v1/hooks/wait?platform=github&after=0&wait=25";
    let url = format!("{}/v1/hooks/github", gated.world.url);
    let token = Some(gated.world.agent_token.as_str());
    let (told, ()) = tokio::join!(gated.world.call("GET", path, token, None), async {
        gated.world.platforms.world().hook_github(&url, SECRET);
        gated.world.platforms.world().run(SERVICE).unwrap();
    });
    assert_eq!(told.0, 200, "{told:?}");
    assert_eq!(told.1["hints"][0]["repository"], "acme/billing-worker", "{told:?}");

    let body = json!({"action": "requested", "repository": {"full_name": "acme/billing-worker"},
        "workflow_run": {"id": 9, "run_attempt": 1, "head_sha": "a"}})
    .to_string();
    let send = async |secret: &str| gated.delivered(&body, secret, "one").await;
    assert_eq!(send("another").await, 401);
    assert_eq!(send(SECRET).await, 202);
    assert_eq!(send(SECRET).await, 409, "a delivery is told once");
    assert_eq!(gated.world.call("POST", "/v1/hooks/jenkins", None, Some(json!({}))).await.0, 404);
    let (_, all) = gated.world.call("GET", "/v1/hooks/wait?platform=github&after=99999", token, None).await;
    assert_eq!(all["missed"], true, "a number of the time before a restart: {all}");
    let lease = SignedDuration::from_secs(15);
    let now = gated.world.app.clock.now();
    let work = gated.world.store().take_work(crate::store::WorkKind::Execute, now, lease).await.unwrap();
    assert!(work.is_none(), "a hook changes nothing");
}

#[tokio::test]
async fn pagerdutys_hook_is_asked_to_come_again_where_the_secret_may_be_ours_to_mend() {
    let world = World::start_telling("memory:", |_, dir| {
        super::write_private(&dir.join("pager-hook"), SECRET);
        format!("[hooks.pagerduty]\nsecret_file = \"{}\"\n", dir.join("pager-hook").display())
    })
    .await;
    let url = format!("{}/v1/hooks/pagerduty", world.url);
    let token = Some(world.agent_token.as_str());
    let path = "/v1/hooks/wait?platform=pagerduty&after=0&wait=25";
    let (told, ()) = tokio::join!(world.call("GET", path, token, None), async {
        world.platforms.world().hook_pagerduty(&url, SECRET);
        world.platforms.world().incident("INC-771", false, None).unwrap();
    });
    assert_eq!(told.0, 200, "{told:?}");
    let hint = &told.1["hints"][0];
    assert_eq!((&hint["incident"], &hint["event"]), (&json!("INC-771"), &json!("incident.resolved")));

    let body = json!({"event": {"id": "01X", "event_type": "incident.resolved", "data": {"number": 7}}});
    let body = body.to_string().into_bytes();
    let tag = |secret: &str| {
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret.as_bytes());
        let tag = ring::hmac::sign(&key, &body);
        tag.as_ref().iter().fold("v1=".to_owned(), |hex, byte| hex + &format!("{byte:02x}"))
    };
    let send = async |signature: Option<String>| {
        let headers: Vec<_> =
            signature.iter().map(|value| ("X-PagerDuty-Signature", value.as_str())).collect();
        world.raw("POST", "/v1/hooks/pagerduty", None, Some(body.clone()), &headers).await.0
    };
    assert_eq!(send(None).await, 401);
    assert_eq!(send(Some(tag("another"))).await, 503, "perhaps ours is the wrong secret");
    let both = format!("{},{}", tag("another"), tag(SECRET));
    assert_eq!(send(Some(both)).await, 202);
    assert_eq!(send(Some(tag(SECRET))).await, 202, "a refusal would count against the subscription");
    let (_, all) = world.call("GET", "/v1/hooks/wait?platform=pagerduty&after=1&wait=0", token, None).await;
    assert_eq!(all["hints"].as_array().map(Vec::len), Some(1), "told once: {all}");
}

#[tokio::test]
async fn a_delivery_that_is_replayed_over_a_restart_is_one_look_and_nothing_else() {
    let mut gated = Gated::start().await;
    let (_, row) = gated.opened().await;
    let body = json!({"action": "completed", "repository": {"full_name": "acme/billing-worker"},
        "workflow_run": {"id": 9, "run_attempt": 1, "head_sha": "a"}})
    .to_string();
    assert_eq!(gated.delivered(&body, SECRET, "one").await, 202);
    assert_eq!(gated.delivered(&body, SECRET, "one").await, 409);
    let before = gated.world.store().head().await.unwrap();
    gated.acting.restarted().await;
    assert_eq!(gated.delivered(&body, SECRET, "one").await, 202, "it is not remembered");
    assert_eq!(gated.delivered(&body, SECRET, "one").await, 409, "but from now on");
    let token = Some(gated.world.agent_token.as_str());
    let (_, told) = gated.world.call("GET", "/v1/hooks/wait?platform=github&after=7", token, None).await;
    assert_eq!((&told["missed"], told["hints"].as_array().unwrap().len()), (&json!(true), 1), "{told}");
    assert_eq!(gated.world.store().head().await.unwrap(), before, "nothing was written");
    assert_eq!(gated.state(row.head.id).await, State::Pending);
}

#[tokio::test]
async fn a_watch_whose_github_never_answers_again_has_an_end_and_says_so() {
    let gated = Gated::start().await;
    let executor = gated.executor();
    let row = gated.executed("notifications", "staging", &executor).await;
    gated.world.platforms.world().faults(Site::GitHub).down();
    executor.turn().await.unwrap();
    let now = gated.world.store().row(row.head.id).await.unwrap().unwrap();
    assert_eq!(now.stage.outcome(), None, "its window is not over");
    gated.world.advance(1801);
    let (state, detail) = gated.told_at_last(&executor, &row).await;
    assert_eq!(state, State::Executed, "neither degraded nor healthy is known: {detail}");
    assert!(detail.starts_with("it could not be told in time how it does: "), "{detail}");
    assert!(detail.contains("GitHub"), "{detail}");
    let now = gated.world.store().row(row.head.id).await.unwrap().unwrap();
    assert!(now.stage.terminal(gated.world.app.clock.now()), "nothing is awaited any more");
    let shown = gated.world.row(&row.head.id.to_string()).await.outcome.unwrap();
    assert_eq!((shown.state, shown.detail), (State::Executed, detail.clone()));
    let last = gated.leaves(row.head.id).await.pop().unwrap();
    assert_eq!((last.event, last.body.text("detail")), (Event::HealthStamped, Some(detail.as_str())));
    gated.world.platforms.world().faults(Site::GitHub).up();
    assert!(!executor.turn().await.unwrap(), "no work is left");
}

#[tokio::test]
async fn a_watch_reads_argocd_and_the_burn() {
    let gated = Gated::start().await;
    let (executor, platforms) = (gated.executor(), gated.world.platforms.world());
    let row = gated.executed("identity", "production", &executor).await;
    for _ in 0..20 {
        platforms.tick();
    }
    gated.world.advance(301);
    let told = gated.told_at_last(&executor, &row).await;
    assert_eq!(told.0, State::Healthy, "{}", told.1);
    let begins = "GitHub says success of the deployment; ArgoCD says Healthy; the error budget burns at ";
    assert!(told.1.starts_with(begins), "{}", told.1);

    // Nobody can say how the application is: that is not fine, and not bad either.
    let row = gated.executed("identity", "production", &executor).await;
    platforms.faults(Site::ArgoCd).script("GET /api/v1/applications", Fault::Status(500), None);
    gated.world.advance(301 + 1801);
    let told = gated.told_at_last(&executor, &row).await;
    platforms.faults(Site::ArgoCd).clear();
    assert_eq!(told.0, State::Executed, "{}", told.1);
    assert!(told.1.contains("ArgoCD"), "{}", told.1);

    let row = gated.executed("identity", "production", &executor).await;
    let since = gated.world.app.clock.now().saturating_sub(SignedDuration::from_hours(7)).unwrap();
    platforms.burn("identity", since, 26.0).unwrap();
    let told = gated.told_at_last(&executor, &row).await;
    assert_eq!(told.0, State::Degraded, "{}", told.1);
    assert!(told.1.starts_with("the error budget burns at 26.0 over "), "{}", told.1);
}

#[tokio::test]
async fn an_application_that_degrades_during_the_watch_degrades_the_row_in_its_own_words() {
    let gated = Gated::start().await;
    let (executor, platforms) = (gated.executor(), gated.world.platforms.world());
    let row = gated.executed("identity", "production", &executor).await;
    for _ in 0..20 {
        platforms.tick();
    }
    executor.turn().await.unwrap();
    assert_eq!(gated.state(row.head.id).await, State::Executed, "fine so far, and watched");
    gated.world.advance(120);
    platforms.set_health("identity", "Degraded", "CrashLoopBackOff: back-off 40s restarting").unwrap();
    let (state, detail) = gated.told_at_last(&executor, &row).await;
    assert_eq!(state, State::Degraded, "{detail}");
    let expected = "ArgoCD says Degraded: CrashLoopBackOff: back-off 40s restarting; Deployment/identity Degraded: \
                    CrashLoopBackOff: back-off 40s restarting";
    assert_eq!(detail, expected);
    let shown = gated.world.row(&row.head.id.to_string()).await;
    assert_eq!(shown.head.state, State::Degraded);
    assert_eq!(
        shown.outcome.map(|outcome| outcome.detail).as_deref(),
        Some(expected),
        "as the console shows it"
    );
    let last = gated.leaves(row.head.id).await.pop().unwrap();
    assert_eq!((last.event, last.body.text("detail")), (Event::HealthStamped, Some(expected)));
    // It recovers: what was seen stays said, and the watch goes on to its end.
    platforms.set_health("identity", "Healthy", "").unwrap();
    gated.world.advance(120 + 1801);
    for _ in 0..3 {
        executor.turn().await.unwrap();
    }
    assert_eq!(gated.state(row.head.id).await, State::Degraded);
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
async fn the_watch_begins_with_the_deploy_and_not_with_our_answer() {
    let gated = Gated::start().await;
    let (executor, platforms) = (gated.executor(), gated.world.platforms.world());
    platforms.hold_on("notifications");
    let row = gated.executed("notifications", "staging", &executor).await;
    gated.world.advance(2 * 1801);
    executor.turn().await.unwrap();
    let now = gated.world.store().row(row.head.id).await.unwrap().unwrap();
    assert_eq!(
        (now.state(), now.stage.outcome()),
        (State::Executed, None),
        "a reviewer of GitHub's own holds it"
    );
    let Base::Gate(base) = &row.base_read else { panic!("{:?}", row.base_read) };
    platforms.answer_run(base.run.parse().unwrap(), true, "govind").unwrap();
    for _ in 0..20 {
        platforms.tick();
    }
    executor.turn().await.unwrap();
    assert_eq!(gated.state(row.head.id).await, State::Executed, "fine is not healthy before its time");
    gated.world.advance(2 * 1801 + 301);
    assert_eq!(gated.told_at_last(&executor, &row).await.0, State::Healthy);
}

#[tokio::test]
async fn a_service_whose_slo_is_found_by_its_tag_is_watched_by_it() {
    let gated = Gated::start_beside(|platforms, token| {
        let world = platforms.world();
        let key = token("datadog", &world.token(Site::Datadog));
        let application = token("datadog-application", &world.datadog_application_key());
        format!(
            "[platforms.datadog]\nurl = \"{}\"\napi_key_file = \"{key}\"\napplication_key_file = \"{application}\"\n",
            platforms.url(Site::Datadog)
        )
    })
    .await;
    let (executor, platforms) = (gated.executor(), gated.world.platforms.world());
    let deployed = async || {
        let row = gated.executed("notifications", "staging", &executor).await;
        for _ in 0..20 {
            platforms.tick();
        }
        row
    };
    let calm = gated.world.app.clock.now().saturating_sub(SignedDuration::from_hours(48)).unwrap();
    platforms.burn("notifications", calm, 0.5).unwrap();
    let row = deployed().await;
    gated.world.advance(301);
    let told = gated.told_at_last(&executor, &row).await;
    assert_eq!(told.0, State::Healthy, "{}", told.1);
    assert!(told.1.contains("; the error budget burns at "), "{}", told.1);

    let row = deployed().await;
    platforms.faults(Site::Datadog).down();
    gated.world.advance(301 + 1801);
    let told = gated.told_at_last(&executor, &row).await;
    platforms.faults(Site::Datadog).up();
    assert_eq!(told.0, State::Executed, "what was not read is not fine: {}", told.1);
    assert!(told.1.contains("the burn: "), "{}", told.1);

    let row = deployed().await;
    let since = gated.world.app.clock.now().saturating_sub(SignedDuration::from_hours(7)).unwrap();
    platforms.burn("notifications", since, 26.0).unwrap();
    gated.world.advance(301 + 1801 + 120);
    let told = gated.told_at_last(&executor, &row).await;
    assert_eq!(told.0, State::Degraded, "{}", told.1);
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
