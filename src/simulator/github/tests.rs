//! The simulated GitHub keeps GitHub's rules, asked as a stranger would ask it: the plan's order, who may what, hooks.
//!
//! Never: a wait that is not for an answer.

use std::time::Duration;

use axum::{body::Bytes, routing::post};
use ring::{rand::SystemRandom, signature::RSA_PKCS1_SHA256};
use tokio::sync::mpsc;

use super::*;
use crate::{
    clock::Clock,
    platform::github::{
        Repository as Place,
        webhook::{self, Event},
    },
    simulator::{Pace, Scenario, Setting, Simulators, Site},
};

struct GitHub {
    simulators: Simulators,
    client: reqwest::Client,
}

impl GitHub {
    async fn start() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let pace = Pace { tick: Duration::from_secs(86_400), refresh: Duration::ZERO, ..Pace::default() };
        let setting = Setting { scenario: Scenario::Seeds, clock: Clock::system(), pace, dir: None };
        let client = reqwest::Client::builder().no_proxy().user_agent("test").build().unwrap();
        Self { simulators: Simulators::start(setting).await.unwrap(), client }
    }

    fn world(&self) -> &World {
        self.simulators.world()
    }

    fn ticks(&self, count: usize) {
        (0..count).for_each(|_| self.world().tick());
    }

    async fn ask(&self, method: &str, path: &str, token: &str, body: Option<Value>) -> (u16, Value) {
        let url = format!("{}{path}", self.simulators.url(Site::GitHub));
        let mut request = self.client.request(method.parse().unwrap(), url).bearer_auth(token);
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap_or(Value::Null))
    }

    async fn get(&self, path: &str) -> Value {
        self.ask("GET", path, &self.world().token(Site::GitHub), None).await.1
    }

    /// A JWT of the App that owns the rules, with these claims.
    fn jwt(&self, claims: &Value) -> String {
        Self::jwt_by(self.world().github_app().key, claims)
    }

    fn jwt_by(key: &str, claims: &Value) -> String {
        use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
        use rustls::pki_types::{PrivatePkcs1KeyDer, pem::PemObject};
        let key = PrivatePkcs1KeyDer::from_pem_slice(key.as_bytes()).unwrap();
        let key = ring::signature::RsaKeyPair::from_der(key.secret_pkcs1_der()).unwrap();
        let packed = |part: &Value| base64::Engine::encode(&BASE64, part.to_string());
        let text = format!("{}.{}", packed(&json!({"alg": "RS256"})), packed(claims));
        let mut signature = vec![0; key.public().modulus_len()];
        key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature).unwrap();
        format!("{text}.{}", base64::Engine::encode(&BASE64, signature))
    }

    fn good_jwt(&self) -> String {
        let (now, id) = (self.world().now().as_second(), self.world().github_app().id);
        self.jwt(&json!({"iat": now - 60, "exp": now + 540, "iss": id}))
    }
}

#[tokio::test]
async fn runs_follow_by_plan_once_the_last_was_looked_at_and_three_answer_themselves() {
    let github = GitHub::start().await;
    let services =
        ["checkout-api", "notifications", "image-resizer", "search-indexer", "identity", "billing-worker"];
    for (service, id) in services.into_iter().zip(9821..) {
        github.ticks(60);
        let path = format!("/repos/acme/{service}/actions/runs/{id}");
        let run = github.get(&path).await;
        assert_eq!((&run["status"], &run["run_attempt"]), (&json!("waiting"), &json!(1)), "{service} {run}");
        if let Some(later) = services.get(usize::try_from(id - 9821).unwrap() + 1) {
            let none = github.get(&format!("/repos/acme/{later}/actions/runs/{}", id + 1)).await;
            assert_eq!(none["message"], "Not Found", "nobody has looked at {id} yet");
        }
        github.get(&format!("{path}/pending_deployments")).await;
    }
    github.ticks(400);
    let check = async |service: &str, id: u64, status: &str, conclusion: Value| {
        let run = github.get(&format!("/repos/acme/{service}/actions/runs/{id}")).await;
        assert_eq!((&run["status"], &run["conclusion"]), (&json!(status), &conclusion), "{service}");
    };
    for (service, id) in [("checkout-api", 9821), ("search-indexer", 9824), ("billing-worker", 9826)] {
        check(service, id, "waiting", Value::Null).await;
    }
    check("notifications", 9822, "completed", json!("success")).await;
    check("image-resizer", 9823, "completed", json!("cancelled")).await;
    check("identity", 9825, "completed", json!("success")).await;
    let log = github.get("/repos/acme/identity/actions/runs/9825/approvals").await;
    assert_eq!(log[0]["user"]["login"], "admin");
    assert_eq!(github.world().run("search-indexer").unwrap(), 9827);
    assert!(github.world().run("nope").is_err() && github.world().run_next().is_none());
}

#[tokio::test]
async fn a_broken_build_burns_until_it_is_rolled_back() {
    let github = GitHub::start().await;
    while github.world().run_next() != Some(9826) {}
    github.ticks(10);
    let burn = || {
        let script = |state: &WorldState| serde_json::to_value(&state.telemetry["billing-worker"]).unwrap();
        github.world().read(script)["pieces"].as_array().unwrap().last().unwrap()["burn"].clone()
    };
    assert_eq!(burn(), json!(4.0));
    github.world().answer_run(9826, true, "admin").unwrap();
    github.ticks(20);
    assert_eq!(burn(), json!(26.0));
    github.ticks(70);
    assert_eq!(burn(), json!(4.0));
    let runs = github.get("/repos/acme/billing-worker/actions/runs").await;
    assert_eq!(runs["workflow_runs"][0]["path"], ".github/workflows/rollback.yml");
}

#[tokio::test]
async fn who_may_what() {
    let github = GitHub::start().await;
    github.ticks(10);
    let (reader, writer) = (github.world().token(Site::GitHub), github.world().github_writer());
    let rule = "/repos/acme/checkout-api/actions/runs/9821/deployment_protection_rule";
    let answer =
        |state: &str| Some(json!({"environment_name": "production", "state": state, "comment": "x"}));
    let check = async |method: &str, path: &str, token: &str, body: Option<Value>, status: u16| {
        let (got, said) = github.ask(method, path, token, body).await;
        assert_eq!(got, status, "{method} {path} {said}");
    };
    check("GET", "/repos/acme/checkout-api", "stranger", None, 401).await;
    check("GET", "/repos/acme/none", &reader, None, 404).await;
    check("GET", "/repos/acme/checkout-api/actions/runs/9821/attempts/2", &reader, None, 404).await;
    check("GET", "/repos/acme/identity/actions/runs/9821", &reader, None, 404).await;
    check("POST", rule, &reader, answer("approved"), 403).await;
    check("POST", rule, &writer, answer("postponed"), 422).await;
    check("POST", rule, &writer, Some(json!({"environment_name": "production"})), 422).await;
    check("POST", rule, &writer, Some(json!({"environment_name": "moon", "state": "approved"})), 422).await;
    check("POST", rule, &writer, answer("approved"), 204).await;
    check("POST", rule, &writer, answer("approved"), 422).await;
    check("GET", "/app", &reader, None, 401).await;
    check("GET", "/app", &github.good_jwt(), None, 200).await;
    check("GET", "/repos/acme/checkout-api", &github.good_jwt(), None, 404).await;
    let (now, id) = (github.world().now().as_second(), github.world().github_app().id);
    for claims in [
        json!({"iat": now - 60, "exp": now + 900, "iss": id}),
        json!({"iat": now - 900, "exp": now - 300, "iss": id}),
        json!({"iat": now + 300, "exp": now + 540, "iss": id}),
        json!({"iat": now - 60, "exp": now + 540, "iss": id + 1}),
    ] {
        check("GET", "/app", &github.jwt(&claims), None, 401).await;
    }
    let forged = format!("{}x", github.good_jwt());
    check("GET", "/app", &forged, None, 401).await;
}

#[tokio::test]
async fn tokens_are_as_narrow_as_they_were_asked_for() {
    let github = GitHub::start().await;
    let path = format!("/app/installations/{}/access_tokens", github.world().github_app().installation);
    let wanted = async |body: Value| github.ask("POST", &path, &github.good_jwt(), Some(body)).await;
    let narrow = json!({"repositories": ["checkout-api"], "permissions": {"actions": "read"}});
    let (status, told) = wanted(narrow).await;
    assert_eq!((status, &told["repository_selection"]), (201, &json!("selected")));
    let token = told["token"].as_str().unwrap();
    let check = async |path: &str, status: u16| {
        assert_eq!(github.ask("GET", path, token, None).await.0, status, "{path}");
    };
    check("/repos/acme/checkout-api/actions/runs/9821", 200).await;
    check("/repos/acme/checkout-api/deployments", 403).await;
    check("/repos/acme/identity/actions/runs", 404).await;
    github.world().expire_github_tokens();
    check("/repos/acme/checkout-api/actions/runs/9821", 401).await;
    assert_eq!(wanted(json!({"permissions": {"secrets": "read"}})).await.0, 422);
    assert_eq!(wanted(json!({"permissions": {"deployments": "write", "checks": "write"}})).await.0, 422);
    assert_eq!(wanted(json!({"repositories": ["nope"]})).await.0, 422);
    assert_eq!(wanted(json!({})).await.1["repository_selection"], "all");
}

#[tokio::test]
async fn the_app_that_reads_is_another_and_writes_nothing() {
    let github = GitHub::start().await;
    let (owner, reads) = (github.world().github_app(), github.world().github_reading_app());
    assert_ne!((owner.id, owner.installation, owner.key), (reads.id, reads.installation, reads.key));
    let now = github.world().now().as_second();
    let signed =
        |key: &str| GitHub::jwt_by(key, &json!({"iat": now - 60, "exp": now + 540, "iss": reads.id}));
    let path = format!("/app/installations/{}/access_tokens", reads.installation);
    let jwt = signed(reads.key);
    assert_eq!(github.ask("POST", &path, &signed(owner.key), None).await.0, 401, "another App's key");
    assert_eq!(github.ask("POST", &path, &github.good_jwt(), None).await.0, 404, "another's installation");
    let writes = Some(json!({"permissions": {"deployments": "write"}}));
    assert_eq!(github.ask("POST", &path, &jwt, writes).await.0, 422);
    let (status, told) = github.ask("POST", &path, &jwt, None).await;
    assert_eq!((status, &told["permissions"]["deployments"]), (201, &json!("read")));
    let token = told["token"].as_str().unwrap();
    let run = "/repos/acme/checkout-api/actions/runs/9821";
    assert_eq!(github.ask("GET", run, token, None).await.0, 200);
    let answer = json!({"environment_name": "production", "state": "approved", "comment": "x"});
    let rule = format!("{run}/deployment_protection_rule");
    assert_eq!(github.ask("POST", &rule, token, Some(answer)).await.0, 403);
}

/// Who is told: everything that arrives.
async fn listener() -> (String, mpsc::Receiver<(HeaderMap, Bytes)>) {
    let (sender, receiver) = mpsc::channel(50);
    let take = async move |headers: HeaderMap, body: Bytes| {
        let _ = sender.send((headers, body)).await;
        StatusCode::ACCEPTED
    };
    let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(socket, Router::new().route("/hooks", post(take))).await });
    (format!("http://{address}/hooks"), receiver)
}

#[tokio::test]
async fn hooks_are_signed_once_and_told_again_on_request() {
    let github = GitHub::start().await;
    let (url, mut told) = listener().await;
    github.world().hook_github(&url, "secret");
    let api = github.simulators.url(Site::GitHub);
    let place = Place { owner: "acme".to_owned(), name: "checkout-api".to_owned() };
    let read = |(headers, body): &(HeaderMap, Bytes)| {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let delivery = webhook::Delivery {
            content_type: text("content-type"),
            event: text("x-github-event"),
            id: text("x-github-delivery"),
            signature: text("x-hub-signature-256"),
            body,
        };
        let ours = webhook::Ours { secret: b"secret", api: &api, repositories: std::slice::from_ref(&place) };
        webhook::read(&ours, &delivery).unwrap()
    };
    github.ticks(10);
    let mut gate = None;
    for _ in 0..3 {
        let received = read(&told.recv().await.unwrap());
        if let Event::GateRequested { run, environment, sha, .. } = &received.event {
            assert_eq!((*run, environment.as_str(), sha.is_some()), (9821, "production", true));
            gate = Some(received);
        }
    }
    let gate = gate.expect("the rule was asked");
    let (_, kept) = github.ask("GET", "/app/hook/deliveries", &github.good_jwt(), None).await;
    let one = kept.as_array().unwrap().iter().find(|one| one["guid"] == gate.id.as_str()).unwrap();
    assert_eq!(one["redelivery"], false);
    let again = format!("/app/hook/deliveries/{}/attempts", one["id"]);
    assert_eq!(github.ask("POST", &again, &github.good_jwt(), None).await.0, 202);
    assert_eq!(read(&told.recv().await.unwrap()), gate, "the same, by the same id");
    assert_eq!(
        github.ask("POST", "/app/hook/deliveries/999/attempts", &github.good_jwt(), None).await.0,
        404
    );
    github.world().answer_run(9821, false, "admin").unwrap();
    let mut ended = false;
    for _ in 0..2 {
        let received = read(&told.recv().await.unwrap());
        ended |= matches!(received.event, Event::Run { run: 9821, ref action, .. } if action == "completed");
    }
    assert!(ended, "a rejection ends the run");
}
