//! A real server on loopback, with the store in memory, over a simulated ArgoCD: driven with plain HTTP, as anybody could.
//!
//! Never: a handler called behind the router's back.

use std::{
    collections::BTreeMap,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    sync::{Arc, OnceLock},
};

use serde_json::{Value, json};

use super::{
    Config, Server, SignedChange, bind,
    tokens::{Token, TokenKind},
};
use crate::{
    audit::{
        admin::{AdminChange, AdminStatement, Standing},
        merkle, note,
        private_key::PrivateKey,
        sshsig::Purpose,
        statement::{Seen, Statement},
    },
    clock::Clock,
    platform::argocd::{AppKey, Refresh},
    row::{
        Base, Decision, DecisionId, Digest, Draft, Effect, Pointer, PrincipalId, RowId, Verdict, difference,
        draft::PROSE_BY_RULES, release, sync::Reading,
    },
    simulator::{Account, Pace, Scenario, Setting, Simulators, Site},
    store::{
        Store,
        faulty::{Faulty, How},
    },
    wire::RowView,
};

mod acting;
mod again;
mod amendments;
mod calls;
mod decisions;
mod drafts;
mod faults;
mod gates;
mod pages;
mod pipelines;
mod promotion;
mod record;
mod series;
mod telling;

const ORG: &str = "demo.invalid";
const PEOPLE: [&str; 4] = ["admin", "sarah", "govind", "ana"];
/// On call all but admin, who owns the agent, and ana.
const ROTA: &str = "[rota]\nsarah = \"rota\"\ngovind = \"rota\"\n";

fn key_of(person: &str) -> PrivateKey {
    PrivateKey::from_seed(&Digest::of(person).0, person).unwrap()
}

fn name(text: &str) -> PrincipalId {
    text.parse().unwrap()
}

/// A server and the platforms beside it.
pub(crate) struct World {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) platforms: Simulators,
    pub(crate) url: String,
    http: reqwest::Client,
    pub(crate) agent_token: String,
    pub(crate) app: Arc<super::App>,
    log_key: String,
    running: tokio::task::JoinHandle<()>,
}

impl Drop for World {
    fn drop(&mut self) {
        self.running.abort();
    }
}

/// The platforms' secrets are tokens that the simulators made; nothing is shared between two worlds but this.
fn tls() {
    static ONCE: OnceLock<()> = OnceLock::new();
    ONCE.get_or_init(|| drop(rustls::crypto::ring::default_provider().install_default()));
}

pub(crate) fn write_private(file: &Path, text: &str) {
    std::fs::write(file, text).unwrap();
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600)).unwrap();
}

impl World {
    async fn start() -> Self {
        Self::start_with("memory:", "").await
    }

    async fn start_with(database: &str, more: &str) -> Self {
        let told = |platforms: &Simulators, dir: &Path| {
            more.replace("PROMETHEUS", &platforms.url(Site::Prometheus))
                .replace("DIR", &dir.display().to_string())
        };
        Self::start_telling(database, told).await
    }

    /// `more` of the config is written once the platforms are there.
    pub(crate) async fn start_telling(
        database: &str,
        more: impl FnOnce(&Simulators, &Path) -> String,
    ) -> Self {
        tls();
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::with_offset_file(dir.path().join("clock"));
        let pace = Pace {
            tick: std::time::Duration::from_millis(20),
            refresh: std::time::Duration::ZERO,
            terraform_per_second: 10_000,
        };
        let setting = Setting { scenario: Scenario::Seeds, clock: clock.clone(), pace, dir: None };
        let platforms = Simulators::start(setting).await.unwrap();
        let token = Token::new(TokenKind::Agent).unwrap();
        write_private(&dir.path().join("bootstrap"), &bootstrap(&token, clock.now()));
        write_private(&dir.path().join("argocd"), &platforms.world().argocd_token(Account::Reader));
        write_private(&dir.path().join("log"), &Digest::of("log").to_string());
        write_private(&dir.path().join("prometheus"), &platforms.world().token(Site::Prometheus));
        let more = more(&platforms, dir.path());
        let config = config(dir.path(), &platforms.url(Site::ArgoCd), database, &more);
        Self::of(dir, platforms, token, bind(&config, clock).await.unwrap())
    }

    /// With a Prometheus that may be read.
    async fn start_measured() -> Self {
        Self::start_with(
            "memory:",
            "[platforms.prometheus]\nurl = \"PROMETHEUS\"\ntoken_file = \"DIR/prometheus\"\n",
        )
        .await
    }

    /// Over a store that fails as it is told.
    async fn start_over(faulty: &Arc<Faulty>) -> Self {
        let mut world = Self::start().await;
        let clock = Clock::with_offset_file(world.dir.path().join("clock"));
        let config = config(world.dir.path(), &world.platforms.url(Site::ArgoCd), "memory:", "");
        let _ = std::fs::remove_file(&config.checkpoint_file);
        faulty.fail(None, How::Before);
        let store: Arc<dyn Store> = Arc::clone(faulty) as Arc<dyn Store>;
        let server = super::bind_over(&config, clock, store).await.unwrap();
        world.running.abort();
        world.url = format!("http://{}", server.address());
        world.app = Arc::clone(&server.app);
        world.running = run(server);
        world
    }

    fn of(dir: tempfile::TempDir, platforms: Simulators, token: Token, server: Server) -> Self {
        let (url, app, log_key) =
            (format!("http://{}", server.address()), Arc::clone(&server.app), server.log_key());
        Self {
            url,
            app,
            log_key,
            running: run(server),
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            agent_token: token.reveal().to_owned(),
            platforms,
            dir,
        }
    }

    /// Carries out what was approved of a row that writes nowhere, until it is over.
    pub(crate) async fn carried_out(&self, row: RowId) {
        let text = std::fs::read_to_string(self.dir.path().join("config")).unwrap();
        let config: Config = toml::from_str(&text).unwrap();
        let writes = toml::from_str("[pace]\npoll_ms = 5\nlease_ms = 400\nretry_ms = 5\n").unwrap();
        let (store, clock) = (Arc::clone(&self.app.store), self.app.clock.clone());
        let admins = config.pinned().unwrap();
        let executor =
            super::executor::Executor::open(store, clock, ORG, admins, &writes, &config.around()).unwrap();
        for _ in 0..10_000 {
            let worked = executor.turn().await.unwrap();
            if self.store().row(row).await.unwrap().unwrap().state() == crate::row::State::Healthy {
                return;
            }
            if !worked {
                tokio::task::yield_now().await;
            }
        }
        panic!("{row} was not carried out");
    }

    pub(crate) fn store(&self) -> &dyn Store {
        &*self.app.store
    }

    /// Moves the server's clock.
    pub(crate) fn advance(&self, seconds: i64) {
        std::fs::write(self.dir.path().join("clock"), seconds.to_string()).unwrap();
    }

    async fn call(&self, method: &str, path: &str, token: Option<&str>, body: Option<Value>) -> (u16, Value) {
        let bytes = body.map(|body| body.to_string().into_bytes());
        self.raw(method, path, token, bytes, &[]).await
    }

    pub(crate) async fn raw(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: Option<Vec<u8>>,
        headers: &[(&str, &str)],
    ) -> (u16, Value) {
        let mut request = self.http.request(method.parse().unwrap(), format!("{}{path}", self.url));
        for (key, value) in headers {
            request = request.header(*key, *value);
        }
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.header("Content-Type", "application/json").body(body);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    pub(crate) async fn login(&self, person: &str) -> String {
        let (status, session) = self.try_login(person, person).await;
        assert_eq!(status, 200, "{session}");
        session["token"].as_str().unwrap().to_owned()
    }

    async fn try_login(&self, person: &str, signer: &str) -> (u16, Value) {
        let body = json!({"person": person});
        let (status, challenge) = self.call("POST", "/v1/login/challenge", None, Some(body)).await;
        assert_eq!(status, 200, "{challenge}");
        let text = challenge["challenge"].as_str().unwrap();
        let signature = key_of(signer).sign(&Purpose::Login.namespace(ORG), text.as_bytes()).unwrap();
        let body = json!({"person": person, "challenge": text, "signature": signature});
        self.call("POST", "/v1/login", None, Some(body)).await
    }

    /// The application drifts; what ArgoCD then says.
    async fn drifted(&self, app: &str) -> Reading {
        self.platforms.world().drift(app).unwrap();
        self.reading(app).await
    }

    async fn reading(&self, app: &str) -> Reading {
        let argocd = self.app.sources.argocd.as_ref().unwrap();
        let listed = argocd.applications().await.unwrap();
        let project = listed.iter().find(|one| one.key.name == app).unwrap().key.project.clone();
        let key = AppKey { name: app.to_owned(), project, namespace: None };
        argocd.reading(&key, Refresh::Normal).await.unwrap()
    }

    async fn post(&self, path: &str, key: &str, draft: &Draft, headers: &[(&str, &str)]) -> (u16, Value) {
        let all: Vec<_> = [("Idempotency-Key", key)].into_iter().chain(headers.iter().copied()).collect();
        let body = serde_json::to_vec(draft).unwrap();
        self.raw("POST", path, Some(&self.agent_token), Some(body), &all).await
    }

    /// A drift of this application, opened as a row.
    async fn opened(&self, app: &str) -> RowView {
        let draft = draft(&self.drifted(app).await);
        let (status, answer) = self.post("/v1/rows", &format!("open {app}"), &draft, &[]).await;
        assert_eq!(status, 201, "{answer}");
        self.row(answer["row"].as_str().unwrap()).await
    }

    pub(crate) async fn row(&self, id: &str) -> RowView {
        let (status, row) = self.call("GET", &format!("/v1/rows/{id}"), Some(&self.agent_token), None).await;
        assert_eq!(status, 200, "{row}");
        serde_json::from_value(row).unwrap()
    }

    async fn seen(&self) -> Seen {
        let (_, text) = self.call("GET", "/v1/log/checkpoint", Some(&self.agent_token), None).await;
        let key = self.log_key.parse().unwrap();
        let head = note::open(text.as_str().unwrap().as_bytes(), &key, &[]).unwrap().checkpoint;
        Seen { origin: head.origin, root: Digest(head.root), size: head.size }
    }

    /// What this person would sign about this row.
    async fn statement(&self, who: &str, row: &RowView, decision: Decision) -> Statement {
        let digests = row.digests();
        let now = self.app.clock.now();
        Statement {
            org: ORG.to_owned(),
            decision_id: super::decisions::new_id(now).unwrap(),
            decision,
            row: row.head.id,
            revision: row.head.revision,
            reviewer: name(who),
            base: digests.base,
            content: digests.content,
            effect: digests.effect,
            evidence: digests.evidence,
            presented: digests.presented,
            conditions: BTreeMap::new(),
            note: "Read the whole diff first.".to_owned(),
            made_at: now,
            offline: false,
            on_screen_s: 41,
            overrides: false,
            seen: self.seen().await,
        }
    }

    async fn send(&self, statement: &Statement) -> (u16, Value) {
        self.send_signed(statement, statement.reviewer.as_str()).await
    }

    async fn send_signed(&self, statement: &Statement, signer: &str) -> (u16, Value) {
        self.put(&statement.decision_id, &signed(statement, signer)).await
    }

    async fn put(&self, id: &DecisionId, body: &Value) -> (u16, Value) {
        self.call("PUT", &format!("/v1/decisions/{id}"), None, Some(body.clone())).await
    }

    /// Signs, sends, and gives the outcome's code, or `accepted`.
    pub(crate) async fn decide(&self, who: &str, row: &RowView, decision: Decision) -> String {
        let statement = self.statement(who, row, decision).await;
        code(&self.send(&statement).await)
    }

    /// Signs and sends what became of a live runbook's steps, by their numbers.
    pub(crate) async fn tick(&self, who: &str, row: &RowView, ticks: &[(&str, &str)]) -> String {
        let mut statement = self.statement(who, row, Decision::Approve).await;
        let said = ticks.iter().map(|(step, said)| ((*step).to_owned(), (*said).to_owned()));
        statement.conditions = said.collect();
        statement.effect = row.effect.with_conditions(&statement.conditions).unwrap().digest();
        code(&self.send(&statement).await)
    }

    /// The same with a note of one's own.
    pub(crate) async fn decide_saying(
        &self,
        who: &str,
        row: &RowView,
        decision: Decision,
        note: &str,
    ) -> String {
        let statement = self.statement(who, row, decision).await;
        code(&self.send(&Statement { note: note.to_owned(), ..statement }).await)
    }

    /// A new agent of the administrator's, and its token with these scopes.
    pub(crate) async fn issued(&self, agent: &str, scopes: &[&str]) -> String {
        let (principal, attributes) = (name(agent), BTreeMap::new());
        let (owner, standing) = (name("admin"), Standing::Active);
        let made = AdminChange::Agent { agent: principal.clone(), owner, standing, attributes };
        assert_eq!(self.change("/v1/agents", "admin", made).await.0, 201, "{agent}");
        let token = Token::new(TokenKind::Agent).unwrap();
        let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        let hash = token.hash().to_string();
        let issued = AdminChange::TokenIssued { token: hash, principal, scopes, expires_at: None };
        assert_eq!(self.change("/v1/tokens", "admin", issued).await.0, 201, "{agent}");
        token.reveal().to_owned()
    }

    /// An administrator's change, as the API takes it.
    async fn change(&self, path: &str, by: &str, change: AdminChange) -> (u16, Value) {
        let statement = admin_statement(by, change, self.app.clock.now(), self.seen().await);
        let body = serde_json::to_value(sign_change(&statement, by)).unwrap();
        self.call("POST", path, None, Some(body)).await
    }
}

fn run(server: Server) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move { server.run(std::future::pending()).await.unwrap() })
}

fn config(dir: &Path, argocd: &str, database: &str, more: &str) -> Config {
    let shown = dir.display();
    let database = database.replace("DIR", &shown.to_string());
    let text = format!(
        "listen = \"127.0.0.1:0\"\ndatabase = \"{database}\"\norg = \"{ORG}\"\nlog_key_file = \"{shown}/log\"\n\
         checkpoint_file = \"{shown}/checkpoint\"\nbootstrap = \"{shown}/bootstrap\"\nplain_keys_allowed = true\n\
         admins = [\"{}\"]\nfirst_numbers = {{ sync = 8821 }}\n{more}\n\
         [platforms.argocd]\nurl = \"{argocd}\"\ntoken_file = \"{shown}/argocd\"\n{ROTA}",
        key_of("admin").public_line()
    );
    std::fs::write(dir.join("config"), &text).unwrap();
    toml::from_str(&text).unwrap()
}

/// The first entries: the administrator's key, the people, their keys, the agent, its token.
fn bootstrap(token: &Token, now: jiff::Timestamp) -> String {
    let person = |who: &str, roles: &[&str]| AdminChange::Person {
        person: name(who),
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        active: true,
        attributes: BTreeMap::new(),
    };
    let key = |who: &str| enrolment(who, who);
    let agent = AdminChange::Agent {
        agent: name("argus"),
        owner: name("admin"),
        standing: Standing::Active,
        attributes: BTreeMap::new(),
    };
    let token = AdminChange::TokenIssued {
        token: token.hash().to_string(),
        principal: name("argus"),
        scopes: ["read", "draft:sync", "draft:gate", "draft:runbook", "draft:postmortem"]
            .map(str::to_owned)
            .into_iter()
            .collect(),
        expires_at: None,
    };
    let mut changes = vec![key("admin")];
    for who in &PEOPLE[1..] {
        changes.extend([person(who, &["sre"]), key(who)]);
    }
    changes.extend([agent, token]);
    let seen = Seen { origin: format!("{ORG}/dock"), root: Digest(merkle::empty_root()), size: 0 };
    let line = |change| {
        let statement = admin_statement("admin", change, now, seen.clone());
        serde_json::to_string(&sign_change(&statement, "admin")).unwrap() + "\n"
    };
    changes.into_iter().map(line).collect()
}

fn enrolment(who: &str, seed: &str) -> AdminChange {
    let key = key_of(seed).public().clone();
    AdminChange::KeyEnrolled { person: name(who), key, valid_after: None, valid_before: None }
}

fn admin_statement(by: &str, change: AdminChange, made_at: jiff::Timestamp, seen: Seen) -> AdminStatement {
    let id = super::decisions::new_id(made_at).unwrap();
    AdminStatement { org: ORG.to_owned(), id, by: name(by), made_at, seen, change }
}

fn sign_change(statement: &AdminStatement, by: &str) -> SignedChange {
    let bytes = statement.to_bytes();
    let signature = key_of(by).sign(&statement.change.purpose().namespace(ORG), &bytes).unwrap();
    SignedChange { statement: String::from_utf8(bytes).unwrap(), signature }
}

fn signed(statement: &Statement, signer: &str) -> Value {
    let bytes = statement.to_bytes();
    let signature = key_of(signer).sign(&Purpose::Decision.namespace(ORG), &bytes).unwrap();
    json!({"statement": String::from_utf8(bytes).unwrap(), "signature": signature})
}

/// What an honest agent drafts from a reading.
fn draft(reading: &Reading) -> Draft {
    let pointer = Pointer {
        name: "argocd_application".to_owned(),
        platform: "argocd".to_owned(),
        reference: format!("argocd/app/{}", reading.app),
        url: "https://argocd.invalid".to_owned(),
    };
    Draft {
        kind: crate::row::Kind::Sync,
        subject: reading.app.clone(),
        environment: reading.environment.clone().unwrap(),
        title: format!("{} has drifted", reading.app),
        verdict: Verdict::Sync,
        rationale: "Only images, CI is green.".to_owned(),
        prose_by: PROSE_BY_RULES.to_owned(),
        signals: vec![],
        pointers: vec![pointer],
        incident: None,
        parent: None,
        reviewers: vec![name("sarah")],
        risk: reading.risk(),
        base: Base::Sync(reading.base()),
        effect: Effect::Argocd(reading.effect()),
        diff: difference::of_sync(reading),
        proposal: None,
        amended_by: vec![],
        facts: release::facts(reading, &[]),
        read_at: jiff::Timestamp::UNIX_EPOCH,
    }
}

fn code((status, answer): &(u16, Value)) -> String {
    match (*status, answer["outcome"].as_str()) {
        (200, Some("accepted")) => "accepted".to_owned(),
        _ => answer["code"].as_str().unwrap_or_else(|| panic!("{status} {answer}")).to_owned(),
    }
}

fn id(row: &str) -> RowId {
    row.parse().unwrap()
}
