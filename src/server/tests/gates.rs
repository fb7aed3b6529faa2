//! Deploy gates through the API, over the simulated platforms: claimed, decided, answered once, told of a no, followed.

mod canaries;
mod hooks;
mod meanwhile;
mod reload;
mod thresholds;
mod watch;

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
                // As the guide has it: the App that owns the rules.
                format!(
                    "[github]\nurl = \"{}\"\napp_id = {}\ninstallation_id = {}\napp_key_file = \"{}\"\n",
                    platforms.url(Site::GitHub),
                    world.github_app().id,
                    world.github_app().installation,
                    token("github-app", world.github_app().key)
                ),
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
