//! Pipelines that wait at Dock itself: told of, decided, told once, whatever is killed in between.

use super::{
    acting::{Acting, ENDED},
    gates::drafted,
    *,
};
use crate::{
    platform::reading::{self, Depth},
    row::{
        Event, Stage, State, gate,
        waiting::{Answer, Place, Word},
    },
    server::executor::Executor,
    wire::Waited,
};

const SERVICE: &str = "checkout-api";
const COMMIT: &str = "9b21c047e0c1a2b3d4e5f60718293a4b5c6d7e8f";

const GATES: &str = r#"
[gates.checkout-api]
pipeline = "elsewhere"
repository = "acme/identity"
environments = { staging = "reversible", production = "reversible" }
argocd = "identity"
prometheus = "identity"
[gates.identity]
repository = "acme/identity"
"#;

/// A server whose gates are those of pipelines elsewhere, and what a pipeline has.
struct Elsewhere {
    acting: Acting,
    token: String,
}

impl std::ops::Deref for Elsewhere {
    type Target = Acting;

    fn deref(&self) -> &Acting {
        &self.acting
    }
}

impl Elsewhere {
    async fn start() -> Self {
        Self::start_with(GATES).await
    }

    async fn start_with(gates: &str) -> Self {
        let acting = Acting::start(|platforms, token| {
            let section = |of: &str, site: Site| {
                let file = token(of, &platforms.world().token(site));
                format!("[platforms.{of}]\nurl = \"{}\"\ntoken_file = \"{file}\"\n", platforms.url(site))
            };
            let read =
                [gates.to_owned(), section("prometheus", Site::Prometheus), section("github", Site::GitHub)];
            let writer = token("github-writer", &platforms.world().github_writer());
            let write =
                format!("[github]\nurl = \"{}\"\ntoken_file = \"{writer}\"\n", platforms.url(Site::GitHub));
            (read.concat(), write)
        });
        let acting = acting.await;
        let token = acting.world.issued("pipeline", &["wait:checkout-api"]).await;
        Self { acting, token }
    }

    fn place() -> Place {
        Self::place_of(4711)
    }

    fn place_of(run: u64) -> Place {
        Place { service: SERVICE.to_owned(), environment: "production".to_owned(), run }
    }

    /// The pipeline says that it waits, as this attempt, and listens for so many seconds.
    async fn asks(&self, attempt: u32, wait: u64) -> (u16, Value) {
        self.asks_of(COMMIT, attempt, wait).await
    }

    async fn asks_of(&self, commit: &str, attempt: u32, wait: u64) -> (u16, Value) {
        let path = format!("/v1/gates/{SERVICE}/production/4711?wait={wait}");
        let said = json!({"commit": commit, "attempt": attempt, "branch": "main", "ci": "passed"});
        self.world.call("PUT", &path, Some(&self.token), Some(said)).await
    }

    /// It says so, and is told nothing yet.
    async fn waits(&self, attempt: u32) {
        let (status, told) = self.asks(attempt, 0).await;
        assert_eq!((status, &told["answer"]), (200, &Value::Null), "{told}");
    }

    /// What the pipeline is told, at last.
    async fn told(&self, attempt: u32) -> Answer {
        loop {
            let (status, told) = self.asks(attempt, 1).await;
            assert_eq!(status, 200, "{told}");
            let told: Waited = serde_json::from_value(told).unwrap();
            if let Some(answer) = told.answer {
                assert_eq!(told.row.unwrap().id, answer.row);
                return answer;
            }
        }
    }

    async fn reading(&self) -> gate::Reading {
        self.reading_of(4711).await
    }

    async fn reading_of(&self, run: u64) -> gate::Reading {
        let place = Self::place_of(run);
        let seen = super::super::waiting::seen(&self.world.app, &place, true).await.unwrap().unwrap();
        let service = &self.config.gates[SERVICE];
        reading::elsewhere(self.world.app.sources.around(), service, &seen, Depth::Whole).await.unwrap()
    }

    /// The row of the run as it waits now.
    async fn opened(&self, path: &str) -> RowView {
        self.open(path, &self.reading().await).await
    }

    async fn open(&self, path: &str, reading: &gate::Reading) -> RowView {
        let draft = drafted(reading);
        let (status, answer) =
            self.world.post(path, &format!("open {}", draft.base.digest()), &draft, &[]).await;
        assert_eq!(status, 201, "{answer}");
        self.world.row(answer["row"].as_str().unwrap()).await
    }

    /// A run that waits, with its row.
    async fn pending(&self) -> RowView {
        self.waits(1).await;
        self.opened("/v1/rows").await
    }

    /// The same, approved with a canary.
    async fn approved(&self) -> (RowView, DecisionId) {
        let row = self.pending().await;
        let decision = self.approve(&row).await;
        (row, decision)
    }

    async fn approve(&self, row: &RowView) -> DecisionId {
        let mut statement = self.world.statement("govind", row, Decision::Approve).await;
        statement.conditions = BTreeMap::from([("canary".to_owned(), "10%".to_owned())]);
        statement.effect = row.effect.with_conditions(&statement.conditions).unwrap().digest();
        assert_eq!(code(&self.world.send(&statement).await), "accepted");
        statement.decision_id
    }

    async fn ended(&self, executor: &Executor, row: RowId) -> crate::row::Row {
        self.work(executor, row, &ENDED).await
    }
}

#[tokio::test]
async fn who_waits_is_told_what_was_signed_and_the_same_again() {
    let elsewhere = Elsewhere::start().await;
    let (row, decision) = elsewhere.approved().await;
    assert_eq!(row.mismatch(), None);
    assert!(row.effect.sentence().starts_with("The pipeline: answer run 4711 for production: approved"));
    let executor = elsewhere.executor();
    let ((status, told), done) = tokio::join!(elsewhere.asks(1, 25), elsewhere.ended(&executor, row.head.id));
    let told: Waited = serde_json::from_value(told).unwrap();
    let answer = told.answer.unwrap();
    assert_eq!((status, answer.word, answer.row), (200, Word::Approved, row.head.id));
    assert_eq!(answer.decision, Some(decision.clone()));
    assert_eq!(answer.conditions, BTreeMap::from([("canary".to_owned(), "10%".to_owned())]));
    let begins = format!("dock {} {decision} approved by govind with canary=10%, log ", row.head.id);
    assert!(answer.said.starts_with(&begins), "{}", answer.said);
    assert_eq!(done.state(), State::Executed, "{:?}", done.stage);
    assert_eq!(elsewhere.told(1).await, Answer { taken_at: answer.taken_at, ..answer.clone() });

    let leaves = elsewhere.leaves(row.head.id).await;
    let told: Vec<_> =
        leaves.iter().filter_map(|leaf| Some((leaf.event, leaf.body.text("write")?))).collect();
    assert_eq!(told, [(Event::ExecutionIntended, "answer"), (Event::ExecutionConfirmed, "answer")]);
    assert_eq!(elsewhere.asks_of("4f1c9e2a", 1, 0).await.1["code"], "attempt_taken", "one outcome a run");
    elsewhere.waits(2).await;
    assert_eq!(elsewhere.told(1).await.decision, Some(decision), "the earlier attempt's stays what it was");
}

#[tokio::test]
async fn two_that_wait_for_the_same_run_are_told_the_same() {
    let elsewhere = Elsewhere::start().await;
    let (row, _) = elsewhere.approved().await;
    let executor = elsewhere.executor();
    let (one, other, done) =
        tokio::join!(elsewhere.told(1), elsewhere.told(1), elsewhere.ended(&executor, row.head.id));
    assert_eq!((one.decision, one.word), (other.decision, other.word));
    assert_eq!(done.state(), State::Executed);
}

#[tokio::test]
async fn a_job_that_is_started_again_asks_anew() {
    let elsewhere = Elsewhere::start().await;
    let (row, _) = elsewhere.approved().await;
    let executor = elsewhere.executor();
    tokio::join!(elsewhere.told(1), elsewhere.ended(&executor, row.head.id));
    elsewhere.world.advance(3 * 86_400);
    let (status, over) = elsewhere.asks(1, 0).await;
    assert_eq!((status, &over["code"]), (409, &json!("attempt_over")), "{over}");
    assert!(
        over["detail"].as_str().unwrap().starts_with("attempt 1 of this run is over: dock gate-"),
        "{over}"
    );
    assert!(over["hint"].as_str().unwrap().contains("--attempt 2"), "{over}");

    let retries = async |listener: &str| {
        let path = format!("/v1/gates/{SERVICE}/production/4711?wait=0");
        let asks = json!({"commit": COMMIT, "branch": "main", "ci": "passed", "listener": listener});
        elsewhere.world.call("PUT", &path, Some(&elsewhere.token), Some(asks)).await
    };
    let (status, told) = retries("a-retry").await;
    assert_eq!((status, &told["attempt"], &told["answer"]), (200, &json!(2), &Value::Null), "{told}");
    // Nothing more can be told of the deploy before it.
    elsewhere.looks(&executor).await;
    let again = elsewhere.opened("/v1/rows").await;
    assert_ne!(again.head.id, row.head.id);
    assert_eq!(elsewhere.world.decide("govind", &again, Decision::Decline).await, "accepted");
    let (_, told) = retries("a-retry").await;
    assert_eq!((&told["attempt"], &told["answer"]["word"]), (&json!(2), &json!("declined")), "{told}");
}

#[tokio::test]
async fn who_waits_is_told_no_more_of_the_row_than_it_needs() {
    let elsewhere = Elsewhere::start().await;
    let row = elsewhere.pending().await;
    let (_, told) = elsewhere.asks(1, 0).await;
    let names = |row: &Value| {
        let mut names: Vec<_> = row.as_object().unwrap().keys().cloned().collect();
        names.sort();
        names
    };
    let expected = ["by", "environment", "how", "id", "kind", "note", "state", "subject", "title"];
    assert_eq!(names(&told["row"]), expected, "{told}");
    assert_eq!((&told["row"]["by"], &told["row"]["note"]), (&json!([]), &Value::Null));
    assert_eq!(elsewhere.world.decide("sarah", &row, Decision::Decline).await, "accepted");
    let (_, told) = elsewhere.asks(1, 0).await;
    assert_eq!(names(&told["row"]), expected, "{told}");
    assert_eq!(
        told["row"]["by"],
        json!(["sarah"]),
        "who said no, and why, is for whoever is refused: {told}"
    );
    assert!(told["row"]["note"].is_string(), "{told}");
}

#[tokio::test]
async fn nothing_is_executed_for_a_pipeline_that_is_gone() {
    let elsewhere = Elsewhere::start().await;
    let (row, _) = elsewhere.approved().await;
    elsewhere.world.advance(61);
    // An executor that has just begun has not listened long enough to tell.
    let young = elsewhere.executor();
    elsewhere.world.advance(122);
    let done = elsewhere.ended(&young, row.head.id).await;
    let Stage::Stale { moved, .. } = &done.stage else { panic!("{:?}", done.stage) };
    assert_eq!(moved, &["waits"]);
    elsewhere.waits(1).await;
    let (_, told) = elsewhere.asks(1, 0).await;
    assert_eq!(told["row"]["state"], "stale", "it is there again, and waits for its next revision: {told}");
}

#[tokio::test]
async fn an_answer_that_nobody_took_is_taken_back() {
    let elsewhere = Elsewhere::start().await;
    let (row, _) = elsewhere.approved().await;
    elsewhere.cut(row.head.id, "answer.write.answered").await;
    let lies = async || elsewhere.world.store().waiting(Elsewhere::place()).await.unwrap().unwrap().answer;
    assert_eq!(lies().await.unwrap().taken_at, None);
    let executor = elsewhere.executor();
    elsewhere.world.advance(61);
    let done = elsewhere.ended(&executor, row.head.id).await;
    assert_eq!((done.state(), lies().await), (State::Stale, None), "{:?}", done.stage);
    elsewhere.waits(1).await;
}

/// The gates with a canary that GitHub begins.
fn with_a_workflow() -> String {
    let canary = "canary = { workflow = { file = \"canary.yml\", input = \"share\", branch = \"main\" } }\n";
    GATES.replacen("argocd = ", &format!("{canary}argocd = "), 1)
}

impl Elsewhere {
    /// The canaries that GitHub has begun.
    async fn canaries(&self) -> Vec<gate::Run> {
        let github = self.world.app.sources.github.as_ref().unwrap();
        github.workflow_runs_after(&"acme/identity".parse().unwrap(), "canary.yml", 0).await.unwrap()
    }
}

impl Elsewhere {
    /// The pipeline says how its deploy went.
    async fn reports(&self, state: &str) -> (u16, Value) {
        let path = format!("/v1/gates/{SERVICE}/production/4711/report");
        let said = json!({"commit": COMMIT, "state": state});
        let (status, answer) = self.world.call("PUT", &path, Some(&self.token), Some(said)).await;
        (status, answer["code"].clone())
    }

    /// What is known to run there.
    async fn deployed(&self) -> Value {
        let path = format!("/v1/gates/{SERVICE}/production/4711");
        self.world.call("GET", &path, Some(&self.world.agent_token), None).await.1["deployed"].clone()
    }

    /// The executor looks as often as it would now.
    async fn looks(&self, executor: &Executor) {
        while executor.turn().await.unwrap() {}
    }
}

#[tokio::test]
async fn a_canary_begins_on_the_branch_that_was_signed_whatever_the_pipeline_says_of_its_own() {
    let elsewhere = Elsewhere::start_with(&with_a_workflow()).await;
    elsewhere.world.platforms.world().run("identity").unwrap();
    let path = format!("/v1/gates/{SERVICE}/production/4711?wait=0");
    let says = async |branch: &str| {
        let said = json!({"commit": COMMIT, "attempt": 1, "branch": branch, "ci": "passed"});
        assert_eq!(elsewhere.world.call("PUT", &path, Some(&elsewhere.token), Some(said)).await.0, 200);
    };
    says("main").await;
    let row = elsewhere.opened("/v1/rows").await;
    let share = BTreeMap::from([("canary".to_owned(), "10%".to_owned())]);
    let said = row.effect.with_conditions(&share).unwrap().sentence();
    assert!(said.contains("workflow canary.yml on main"), "{said}");
    elsewhere.approve(&row).await;
    says("theirs").await;
    let executor = elsewhere.executor();
    let (answer, done) = tokio::join!(elsewhere.told(1), elsewhere.ended(&executor, row.head.id));
    assert_eq!((answer.word, done.state()), (Word::Approved, State::Executed), "{:?}", done.stage);
    assert_eq!(elsewhere.canaries().await.len(), 1);
}

#[tokio::test]
async fn whether_a_canary_was_begun_is_told_by_githubs_numbers_not_the_pipelines() {
    // Greater than any run of GitHub's, and smaller than all.
    for run in [9_000_000_000_000, 1] {
        let elsewhere = Elsewhere::start_with(&with_a_workflow()).await;
        elsewhere.world.platforms.world().run("identity").unwrap();
        let path = format!("/v1/gates/{SERVICE}/production/{run}?wait=0");
        let said = json!({"commit": COMMIT, "attempt": 1, "branch": "main", "ci": "passed"});
        assert_eq!(elsewhere.world.call("PUT", &path, Some(&elsewhere.token), Some(said)).await.0, 200);
        let row = elsewhere.open("/v1/rows", &elsewhere.reading_of(run).await).await;
        elsewhere.approve(&row).await;
        elsewhere.cut(row.head.id, "canary.write.sent").await;
        let executor = elsewhere.executor();
        let done = elsewhere.ended(&executor, row.head.id).await;
        assert_eq!(done.state(), State::Unknown, "{run}: it may have been ours: {:?}", done.stage);
        assert_eq!(elsewhere.canaries().await.len(), 1, "{run}: it was not dispatched again");
    }
}

#[tokio::test]
async fn an_answer_that_no_decision_bears_out_any_more_is_taken_back() {
    let elsewhere = Elsewhere::start().await;
    let (row, _) = elsewhere.approved().await;
    elsewhere.cut(row.head.id, "answer.write.answered").await;
    let done = elsewhere.ended(&elsewhere.executor_of("other.invalid"), row.head.id).await;
    assert_eq!(done.state(), State::Failed, "{:?}", done.stage);
    assert!(done.stage.outcome().unwrap().detail.ends_with("the run was told nothing"), "{:?}", done.stage);
    assert_eq!(elsewhere.told(1).await.word, Word::Failed, "the yes that lay there is told to nobody");
}

#[tokio::test]
async fn a_no_that_was_told_while_nothing_was_executed_is_recorded_as_told() {
    let elsewhere = Elsewhere::start().await;
    let row = elsewhere.pending().await;
    assert_eq!(elsewhere.world.decide("sarah", &row, Decision::Decline).await, "accepted");
    assert_eq!(elsewhere.told(1).await.word, Word::Declined);
    // Nothing was executed meanwhile, the pipeline has gone home, and its job was started again.
    elsewhere.world.advance(3_600);
    elsewhere.waits(2).await;
    elsewhere.world.advance(3_661);
    assert!(elsewhere.executor().turn().await.unwrap());
    let last = elsewhere.leaves(row.head.id).await.pop().unwrap();
    assert_eq!(last.event, Event::ExecutionConfirmed, "{:?}", last.body.text("detail"));
    assert_eq!(last.body.text("detail"), Some("run 4711 was told declined before production, attempt 1"));
}

#[tokio::test]
async fn who_stops_waiting_says_so_and_is_not_decided_for() {
    let elsewhere = Elsewhere::start().await;
    let row = elsewhere.pending().await;
    let path = format!("/v1/gates/{SERVICE}/production/4711?attempt=1");
    assert_eq!(elsewhere.world.call("DELETE", &path, Some(&elsewhere.token), None).await.0, 204);
    let statement = elsewhere.world.statement("govind", &row, Decision::Approve).await;
    let (_, answer) = elsewhere.world.send(&statement).await;
    assert_eq!(answer["code"], "base_moved", "{answer}");
    assert!(answer["refusal"].to_string().contains("the pipeline stopped waiting at"), "{answer}");
}

#[tokio::test]
async fn another_attempt_is_another_base() {
    let elsewhere = Elsewhere::start().await;
    let (row, _) = elsewhere.approved().await;
    elsewhere.waits(2).await;
    let done = elsewhere.ended(&elsewhere.executor(), row.head.id).await;
    assert_eq!(done.state(), State::Stale, "{:?}", done.stage);
    let path = format!("/v1/rows/{}/fresh", row.head.id);
    let (_, fresh) = elsewhere.world.call("POST", &path, Some(&elsewhere.world.agent_token), None).await;
    assert_eq!(fresh["moved"], json!([{"what": "attempt", "was": "1", "now": "2"}]), "{fresh}");
    assert_eq!(elsewhere.asks(1, 0).await.1["code"], "attempt_taken", "the first was told nothing");
    let next = elsewhere.opened("/v1/rows?supersede=true").await;
    assert_eq!(elsewhere.world.decide("govind", &next, Decision::Approve).await, "accepted");
    let executor = elsewhere.executor();
    let (answer, done) = tokio::join!(elsewhere.told(2), elsewhere.ended(&executor, next.head.id));
    assert_eq!((answer.row, done.state()), (next.head.id, State::Executed));
}

#[tokio::test]
async fn a_no_is_told_at_once_and_needs_no_executor() {
    let elsewhere = Elsewhere::start().await;
    let row = elsewhere.pending().await;
    let (answer, code) =
        tokio::join!(elsewhere.told(1), elsewhere.world.decide("sarah", &row, Decision::Decline));
    assert_eq!((code.as_str(), answer.word), ("accepted", Word::Declined));
    assert_eq!(elsewhere.told(1).await.word, Word::Declined);
    assert!(elsewhere.executor().turn().await.unwrap());
    let last = elsewhere.leaves(row.head.id).await.pop().unwrap();
    assert_eq!(last.event, Event::ExecutionConfirmed, "{:?}", last.body.text("detail"));
    let draft = drafted(&elsewhere.reading().await);
    let (_, again) = elsewhere.world.post("/v1/rows", "again", &draft, &[]).await;
    assert_eq!(again["code"], "claim_mismatch", "it waits for nothing more: {again}");
}

#[tokio::test]
async fn what_nobody_decides_expires_and_says_so() {
    let elsewhere = Elsewhere::start().await;
    elsewhere.pending().await;
    elsewhere.world.advance(2 * 3600 + 1);
    assert_eq!(elsewhere.told(1).await.word, Word::Expired);
    assert_eq!(elsewhere.told(1).await.word, Word::Expired, "nobody opens it again for this attempt");
}

#[tokio::test]
async fn cut_off_between_any_two_steps_a_pipeline_is_told_once() {
    for point in [
        "lease.taken",
        "answer.warrant.verified",
        "answer.base.read",
        "answer.intent.committed",
        "answer.write.sent",
        "answer.write.answered",
        "answer.readback.done",
        "answer.confirmed.committed",
    ] {
        let elsewhere = Elsewhere::start().await;
        let (row, decision) = elsewhere.approved().await;
        if point.starts_with("answer.readback") || point.starts_with("answer.confirmed") {
            let ((), answer) = tokio::join!(elsewhere.cut(row.head.id, point), elsewhere.told(1));
            assert_eq!(answer.decision, Some(decision.clone()));
        } else {
            elsewhere.cut(row.head.id, point).await;
        }
        let executor = elsewhere.executor();
        let (answer, done) = tokio::join!(elsewhere.told(1), elsewhere.ended(&executor, row.head.id));
        assert_eq!((done.state(), answer.decision), (State::Executed, Some(decision)), "{point}");
    }
}

/// Govind, who approved, has no key any more.
async fn revoked(elsewhere: &Elsewhere) {
    let fingerprint = key_of("govind").public().fingerprint();
    let change = AdminChange::KeyRevoked { person: name("govind"), fingerprint };
    assert_eq!(elsewhere.world.change("/v1/keys", "admin", change).await.0, 201);
}

#[tokio::test]
async fn a_key_that_is_revoked_before_the_intent_lets_nothing_be_told_and_after_it_what_lies_ready_is() {
    for point in ["lease.taken", "answer.warrant.verified", "answer.base.read"] {
        let elsewhere = Elsewhere::start().await;
        let (row, _) = elsewhere.approved().await;
        elsewhere.cut(row.head.id, point).await;
        revoked(&elsewhere).await;
        let executor = elsewhere.executor();
        let done = elsewhere.work(&executor, row.head.id, &[State::Pending, State::Executed]).await;
        assert_eq!(done.state(), State::Pending, "{point}: {:?}", done.stage);
        assert!(done.keys.iter().all(|key| key.void.is_some()), "{point}: {:?}", done.keys);
        let (_, told) = elsewhere.asks(1, 0).await;
        assert_eq!(told["answer"], Value::Null, "{point}: {told}");
    }
    // What was begun with a good key goes on: the answer lies there, and may be taken at any moment.
    for point in ["answer.intent.committed", "answer.write.sent", "answer.write.answered"] {
        let elsewhere = Elsewhere::start().await;
        let (row, decision) = elsewhere.approved().await;
        elsewhere.cut(row.head.id, point).await;
        revoked(&elsewhere).await;
        let executor = elsewhere.executor();
        let (answer, done) = tokio::join!(elsewhere.told(1), elsewhere.ended(&executor, row.head.id));
        assert_eq!((done.state(), answer.decision), (State::Executed, Some(decision)), "{point}");
        let events: Vec<Event> = elsewhere.leaves(row.head.id).await.iter().map(|leaf| leaf.event).collect();
        let intents = events.iter().filter(|event| **event == Event::ExecutionIntended).count();
        assert_eq!(intents, 1, "{point}: begun before the key was revoked, and not again: {events:?}");
    }
}

#[tokio::test]
async fn a_pipeline_that_is_told_a_time_beside_its_share_is_watched_from_its_end() {
    let elsewhere = Elsewhere::start().await;
    let row = elsewhere.pending().await;
    let mut statement = elsewhere.world.statement("govind", &row, Decision::Approve).await;
    statement.conditions = BTreeMap::from([("canary".to_owned(), "10% for 15m".to_owned())]);
    statement.effect = row.effect.with_conditions(&statement.conditions).unwrap().digest();
    assert_eq!(code(&elsewhere.world.send(&statement).await), "accepted");
    let executor = elsewhere.executor();
    let (answer, done) = tokio::join!(elsewhere.told(1), elsewhere.ended(&executor, row.head.id));
    assert_eq!(done.state(), State::Executed, "Dock holds nothing back: {:?}", done.stage);
    let expected = [("canary", "10%"), ("canary_for", "15m")];
    assert_eq!(answer.conditions, expected.map(|(name, told)| (name.to_owned(), told.to_owned())).into());
    assert_eq!(elsewhere.reports("deployed").await.0, 204);
    elsewhere.world.advance(14 * 60);
    for _ in 0..50 {
        executor.turn().await.unwrap();
        tokio::task::yield_now().await;
    }
    assert_eq!(elsewhere.state(row.head.id).await, State::Executed, "a part alone proves nothing");
    elsewhere.world.advance(15 * 60 + 301);
    let done = elsewhere.work(&executor, row.head.id, &[State::Healthy, State::Degraded]).await;
    assert_eq!(done.state(), State::Healthy, "{:?}", done.stage);
}

#[tokio::test]
async fn a_backend_that_ends_in_between_changes_nothing() {
    let mut elsewhere = Elsewhere::start().await;
    let (row, decision) = elsewhere.approved().await;
    elsewhere.acting.restarted().await;
    elsewhere.cut(row.head.id, "answer.write.answered").await;
    elsewhere.acting.restarted().await;
    let answer = elsewhere.told(1).await;
    assert_eq!(answer.decision, Some(decision));
    elsewhere.acting.restarted().await;
    assert_eq!(elsewhere.ended(&elsewhere.executor(), row.head.id).await.state(), State::Executed);
    assert_eq!(elsewhere.told(1).await.taken_at, answer.taken_at);
}

#[tokio::test]
async fn a_pipelines_token_waits_and_does_nothing_else() {
    let elsewhere = Elsewhere::start().await;
    elsewhere.waits(1).await;
    let (world, ours) = (&elsewhere.world, elsewhere.token.clone());
    let said = json!({"commit": COMMIT});
    let put = async |token: &str, path: &str| {
        let (status, answer) = world.call("PUT", path, Some(token), Some(said.clone())).await;
        (status, answer["code"].as_str().unwrap_or_default().to_owned())
    };
    let path = format!("/v1/gates/{SERVICE}/production/4712");
    assert_eq!(put(&world.agent_token, &path).await.0, 403, "reading and drafting is not waiting");
    let other = world.issued("other", &["wait:identity"]).await;
    assert_eq!(put(&other, &path).await.0, 403);
    assert_eq!(put(&other, "/v1/gates/identity/production/1").await.1, "waits_on_github");
    let any = world.issued("any", &["wait"]).await;
    for (path, status) in [
        ("/v1/gates/checkout-api/production/1", 200),
        ("/v1/gates/checkout-api/qa/1", 404),
        ("/v1/gates/unheard-of/production/1", 404),
        ("/v1/gates/checkout-api/production/one", 400),
        ("/v1/gates/checkout-api/production/18446744073709551615", 400),
    ] {
        assert_eq!(put(&any, path).await.0, status, "{path}");
    }
    for path in ["/v1/snapshot", "/v1/rows", "/v1/gates", "/v1/gates/checkout-api/production/4711"] {
        assert_eq!(world.call("GET", path, Some(&ours), None).await.0, 403, "{path}");
    }
    let draft = serde_json::to_vec(&drafted(&elsewhere.reading().await)).unwrap();
    let key = [("Idempotency-Key", "k")];
    assert_eq!(world.raw("POST", "/v1/rows", Some(&ours), Some(draft), &key).await.0, 403);
    for wrong in [json!({"commit": "main"}), json!({"commit": COMMIT, "ci": "green"}), json!({})] {
        let (status, answer) = world.call("PUT", &path, Some(&ours), Some(wrong)).await;
        assert_eq!(status, 400, "{answer}");
    }
}

#[tokio::test]
async fn a_deploy_elsewhere_is_watched_and_the_next_is_compared_with_it() {
    let elsewhere = Elsewhere::start().await;
    let (row, _) = elsewhere.approved().await;
    let executor = elsewhere.executor();
    assert_eq!(elsewhere.reports("deployed").await, (409, json!("not_told")), "it waits still");
    tokio::join!(elsewhere.told(1), elsewhere.ended(&executor, row.head.id));
    // The deploy takes ten minutes, and what runs meanwhile is fine.
    elsewhere.world.advance(600);
    elsewhere.looks(&executor).await;
    assert_eq!(elsewhere.state(row.head.id).await, State::Executed, "nobody said that it is there");
    assert_eq!(elsewhere.deployed().await, Value::Null);
    assert_eq!(elsewhere.reports("deployed").await, (204, Value::Null));
    assert_eq!(elsewhere.deployed().await, json!(COMMIT));
    elsewhere.world.advance(899);
    elsewhere.looks(&executor).await;
    assert_eq!(elsewhere.state(row.head.id).await, State::Executed, "its time counts from then on");
    elsewhere.world.advance(902);
    let done = elsewhere.work(&executor, row.head.id, &[State::Healthy, State::Degraded]).await;
    let detail = done.stage.outcome().unwrap().detail.clone();
    assert_eq!(done.state(), State::Healthy, "{detail}");
    let says = "the pipeline says that 9b21c04 is deployed; ArgoCD says Healthy; the error budget burns at ";
    assert!(detail.starts_with(says), "{detail}");
    elsewhere.waits(2).await;
    assert_eq!(elsewhere.deployed().await, json!(COMMIT));
}

#[tokio::test]
async fn what_nobody_said_is_there_is_never_healthy_nor_compared_with() {
    let elsewhere = Elsewhere::start().await;
    let (row, _) = elsewhere.approved().await;
    let executor = elsewhere.executor();
    tokio::join!(elsewhere.told(1), elsewhere.ended(&executor, row.head.id));
    elsewhere.world.advance(1801);
    elsewhere.looks(&executor).await;
    let done = elsewhere.world.store().row(row.head.id).await.unwrap().unwrap();
    let detail = done.stage.outcome().map(|outcome| outcome.detail.clone()).unwrap_or_default();
    assert_eq!(done.state(), State::Executed);
    assert!(detail.contains("nobody has said that its commit is there"), "{detail}");
    assert_eq!(elsewhere.deployed().await, Value::Null);
    let unknown = elsewhere.reading().await.changes;
    assert!(matches!(&unknown, gate::Told::Unknown(why) if why.contains("no earlier deploy")), "{unknown:?}");
}

#[tokio::test]
async fn a_deploy_that_is_tried_again_makes_the_former_neither_healthy_nor_bad() {
    let elsewhere = Elsewhere::start().await;
    let (row, _) = elsewhere.approved().await;
    let executor = elsewhere.executor();
    tokio::join!(elsewhere.told(1), elsewhere.ended(&executor, row.head.id));
    elsewhere.world.advance(120);
    elsewhere.waits(2).await;
    elsewhere.looks(&executor).await;
    let done = elsewhere.world.store().row(row.head.id).await.unwrap().unwrap();
    let detail = done.stage.outcome().map(|outcome| outcome.detail.clone()).unwrap_or_default();
    assert_eq!(done.state(), State::Executed, "{detail}");
    assert!(detail.starts_with("the run was started again as attempt 2; "), "{detail}");
}

#[tokio::test]
async fn a_deploy_that_the_pipeline_says_failed_is_degraded() {
    let elsewhere = Elsewhere::start().await;
    let (row, _) = elsewhere.approved().await;
    let executor = elsewhere.executor();
    tokio::join!(elsewhere.told(1), elsewhere.ended(&executor, row.head.id));
    assert_eq!(elsewhere.reports("failed").await, (204, Value::Null));
    let done = elsewhere.work(&executor, row.head.id, &[State::Healthy, State::Degraded]).await;
    assert_eq!(done.state(), State::Degraded);
    assert_eq!(done.stage.outcome().unwrap().detail, "the pipeline says that its deploy failed");
    assert_eq!(elsewhere.deployed().await, Value::Null);
}
