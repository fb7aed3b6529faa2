//! The executor against the simulated ArgoCD: whatever is cut, lost or moved, an approval is executed once or not at all.

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroU32,
    os::unix::fs::PermissionsExt as _,
    pin::Pin,
};

use jiff::Timestamp;
use tokio::sync::Notify;

use super::*;
use crate::{
    audit::{
        admin::{AdminChange, AdminStatement, Standing},
        private_key::PrivateKey,
        sshsig::Purpose,
        statement::{Seen, Statement},
    },
    lifecycle::{self, Judgement, Ruling, Step},
    platform::argocd::{
        Actuator, AppKey, Application, Phase, Pin as Target, Refresh, ResourceKey, SyncRequest, Tag,
    },
    row::{
        Attributes, Base, Decision, DecisionId, Digest, Draft, Effect, Event, Key, Pointer, Row, Rule, Stage,
        State, Touch, Verdict, c1, difference, draft::PROSE_BY_RULES,
    },
    server::step::commit_of,
    simulator::{Account, Fault, Scenario, Setting, Simulators, Site},
    store::{About, Commit, Committed, LeafDraft, RowWrite, Setup, WorkChange, memory::Memory},
};

/// What happens at a named place; true cuts the worker off.
pub(in crate::server) type Between =
    Arc<dyn Fn(&'static str) -> Pin<Box<dyn Future<Output = bool> + Send>> + Send + Sync>;

const ORG: &str = "example.com";
const APP: &str = "payments-api";

struct World {
    simulators: Simulators,
    store: Arc<Memory>,
    folder: tempfile::TempDir,
    /// Made once: a client reads the machine's certificates.
    reads: std::sync::OnceLock<Actuator>,
    ids: std::sync::atomic::AtomicU64,
}

fn key_of(person: &str) -> PrivateKey {
    PrivateKey::from_seed(&Digest::of(person).0, person).unwrap()
}

fn id(name: &str) -> PrincipalId {
    name.parse().unwrap()
}

impl World {
    /// People, an agent, and payments-api out of sync.
    async fn start() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let pace = crate::simulator::Pace {
            tick: Duration::from_millis(5),
            refresh: Duration::from_millis(1),
            ..crate::simulator::Pace::default()
        };
        let setting = Setting { scenario: Scenario::Seeds, clock: Clock::system(), pace, dir: None };
        let world = Self {
            simulators: Simulators::start(setting).await.unwrap(),
            store: Arc::new(Memory::new(&Setup { first_numbers: BTreeMap::new() })),
            folder: tempfile::tempdir().unwrap(),
            reads: std::sync::OnceLock::new(),
            ids: 0.into(),
        };
        let key = |person: &str| key_of(person).public().clone();
        let enrolled = |who: &str| AdminChange::KeyEnrolled {
            person: id(who),
            key: key(who),
            valid_after: None,
            valid_before: None,
        };
        let roles = BTreeSet::from(["reviewer".to_owned()]);
        world.admin(enrolled("admin")).await;
        world
            .admin(AdminChange::Person {
                person: id("sarah"),
                roles,
                active: true,
                attributes: BTreeMap::new(),
            })
            .await;
        world.admin(enrolled("sarah")).await;
        let (agent, owner, attributes) = (id("argus"), id("admin"), BTreeMap::new());
        world.admin(AdminChange::Agent { agent, owner, standing: Standing::Active, attributes }).await;
        world.simulators.world().drift(APP).unwrap();
        while !world.simulators.world().is_out_of_sync(APP) {
            tokio::task::yield_now().await;
        }
        world
    }

    fn seen() -> Seen {
        Seen { origin: format!("{ORG}/dock"), root: Digest(crate::audit::merkle::empty_root()), size: 0 }
    }

    fn next_id(&self) -> DecisionId {
        let at = self.ids.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        DecisionId::new(1_780_000_000_000 + at, [7; 10])
    }

    async fn admin(&self, change: AdminChange) {
        let event = change.event();
        let about = About::Principal(id("admin"));
        let statement = AdminStatement {
            org: ORG.into(),
            id: self.next_id(),
            by: id("admin"),
            made_at: Self::now(),
            seen: Self::seen(),
            change,
        };
        let body = Self::signed("admin", Purpose::Admin, &statement.to_bytes());
        self.commit(Commit {
            leaves: vec![LeafDraft { actor: human("admin"), event, about, body }],
            ..Commit::at(Self::now())
        })
        .await;
    }

    fn signed(who: &str, purpose: Purpose, bytes: &[u8]) -> c1::Value {
        let signature = key_of(who).sign(&purpose.namespace(ORG), bytes).unwrap();
        c1::map([
            ("signature", signature.into()),
            ("statement", String::from_utf8(bytes.to_vec()).unwrap().into()),
        ])
    }

    fn now() -> Timestamp {
        Clock::system().now()
    }

    async fn commit(&self, commit: Commit) {
        let committed = self.store.commit(commit).await.unwrap();
        assert!(matches!(committed, Committed::At(_)), "{committed:?}");
    }

    fn config(&self) -> Config {
        let token = self.folder.path().join("token");
        std::fs::write(&token, self.simulators.world().argocd_token(Account::Executor)).unwrap();
        std::fs::set_permissions(&token, std::fs::Permissions::from_mode(0o600)).unwrap();
        let pace =
            "poll_ms = 5\nlease_ms = 400\nretry_ms = 5\ndegraded_after_ms = 30\nsettle_within_ms = 5000\n";
        let url = self.simulators.url(Site::ArgoCd);
        toml::from_str(&format!("[argocd]\nurl = {url:?}\ntoken_file = {token:?}\n[pace]\n{pace}")).unwrap()
    }

    fn reads(&self) -> &argocd::Source {
        self.reads.get_or_init(|| Actuator::open(&self.config().argocd.unwrap()).unwrap()).reads()
    }

    fn executor(&self) -> Executor {
        let store: Arc<dyn Store> = self.store.clone();
        let (gates, runbooks, platforms) = (BTreeMap::new(), BTreeMap::new(), platform::Config::default());
        let around = Around { gates: &gates, runbooks: &runbooks, platforms: &platforms };
        Executor::open(store, Clock::system(), ORG, None, &self.config(), &around).unwrap()
    }

    fn cut_or(
        &self,
        between: impl Fn(&'static str) -> Pin<Box<dyn Future<Output = bool> + Send>> + Send + Sync + 'static,
    ) -> Executor {
        Executor { between: Some(Arc::new(between)), ..self.executor() }
    }

    /// A pending row over what ArgoCD says now.
    async fn open(&self, app: &str, project: &str, change: impl FnOnce(&mut Draft)) -> RowId {
        let key = AppKey { name: app.to_owned(), project: project.to_owned(), namespace: None };
        let reading = self.reads().reading(&key, Refresh::Normal).await.unwrap();
        let number = self.store.head().await.unwrap().next[&crate::row::Kind::Sync];
        let row_id = RowId { kind: crate::row::Kind::Sync, number };
        let pointer = Pointer {
            name: "argocd_application".into(),
            platform: "argocd".into(),
            reference: app.into(),
            url: String::new(),
        };
        let mut draft = Draft {
            kind: crate::row::Kind::Sync,
            subject: app.to_owned(),
            environment: reading.environment.clone().unwrap(),
            title: "behind".to_owned(),
            verdict: Verdict::Sync,
            rationale: "Roll forward.".to_owned(),
            prose_by: PROSE_BY_RULES.to_owned(),
            signals: vec![],
            pointers: vec![pointer],
            incident: None,
            parent: None,
            reviewers: vec![],
            risk: reading.risk(),
            base: Base::Sync(reading.base()),
            effect: Effect::Argocd(reading.effect()),
            diff: difference::of_sync(&reading),
            proposal: None,
            amended_by: vec![],
            facts: BTreeMap::new(),
            read_at: Self::now(),
        };
        change(&mut draft);
        let now = Self::now();
        let row = Row {
            id: row_id,
            subject: draft.subject.clone(),
            environment: draft.environment.clone(),
            title: draft.title.clone(),
            agent: id("argus"),
            owner: id("admin"),
            verdict: draft.verdict,
            incident: None,
            parent: None,
            reviewers: vec![],
            risk: draft.risk,
            rule: Rule::keys(NonZeroU32::MIN),
            revision: 1,
            version: 0,
            digests: draft.digests(row_id, 1),
            base_revision: draft.base.revision(),
            drift: Some(reading.base().drift()),
            claim: false,
            stage: Stage::Pending,
            keys: vec![],
            withdrawn_by_person: false,
            revised_by: None,
            again: std::collections::BTreeMap::new(),
            created_at: now,
            changed_at: now,
            expires_at: now + SignedDuration::from_hours(4),
        };
        let entry = lifecycle::opened(&row);
        let actor = Actor { id: id("argus"), kind: PrincipalKind::Agent };
        let leaf = LeafDraft {
            actor,
            event: entry.event,
            about: About::Row { row: row_id, revision: 1 },
            body: entry.body,
        };
        let write = RowWrite { row, expected: None };
        self.commit(Commit {
            row: Some(write),
            draft: Some(Box::new(draft)),
            leaves: vec![leaf],
            ..Commit::at(now)
        })
        .await;
        row_id
    }

    /// A signed approval, verified and committed as the server would.
    async fn approve(&self, row: RowId, who: &str) -> DecisionId {
        let before = self.row(row).await;
        let decision_id = self.next_id();
        let statement = Statement {
            org: ORG.into(),
            decision_id: decision_id.clone(),
            decision: Decision::Approve,
            row,
            revision: before.revision,
            reviewer: id(who),
            base: before.digests.base,
            content: before.digests.content,
            effect: before.digests.effect,
            evidence: before.digests.evidence,
            presented: before.digests.presented,
            conditions: BTreeMap::new(),
            note: "read the whole diff first".into(),
            made_at: Self::now(),
            offline: false,
            on_screen_s: 9,
            overrides: false,
            seen: Self::seen(),
        };
        let now = Self::now();
        let attributes = Attributes::from([("role".to_owned(), vec!["reviewer".to_owned()])]);
        let key = Key {
            decision_id: decision_id.clone(),
            decision: Decision::Approve,
            overrides: false,
            reviewer: id(who),
            revision: before.revision,
            note: None,
            made_at: now,
            at: now,
            offline: false,
            on_screen_s: 9,
            attributes,
            key_fingerprint: key_of(who).public().fingerprint(),
            touch: Touch::Unproven,
            evidence: before.digests.evidence,
            effect: before.digests.effect,
            conditions: BTreeMap::new(),
            void: None,
        };
        let judgement = Judgement {
            key,
            content: before.digests.content,
            base: before.digests.base,
            presented: before.digests.presented,
            effect_due: Some(before.digests.effect),
            authority: None,
            overtaken: false,
            hold: None,
        };
        let transition =
            lifecycle::apply(&Ruling::default(), &before, &Step::Decide(Box::new(judgement)), now).unwrap();
        let mut commit = commit_of(&before, transition, &actor(), now);
        let signed = Self::signed(who, Purpose::Decision, &statement.to_bytes());
        for leaf in &mut commit.leaves {
            leaf.actor = human(who);
            for name in ["statement", "signature"] {
                leaf.body = leaf.body.clone().with(name, signed.text(name).unwrap());
            }
        }
        self.commit(commit).await;
        decision_id
    }

    async fn row(&self, id: RowId) -> Row {
        self.store.row(id).await.unwrap().unwrap()
    }

    /// Works until nothing more follows, or the worker is cut off.
    async fn work(&self, executor: &Executor, row: RowId) -> Row {
        loop {
            executor.turn().await.unwrap();
            let now = self.row(row).await;
            let waits = matches!(now.state(), State::Approved | State::Executing | State::Executed);
            if !waits {
                return now;
            }
            tokio::task::yield_now().await;
        }
    }

    async fn application(&self, app: &str, project: &str) -> Application {
        let key = AppKey { name: app.to_owned(), project: project.to_owned(), namespace: None };
        self.reads().application(&key, Refresh::No).await.unwrap()
    }

    async fn history(&self) -> Vec<i64> {
        self.application(APP, "payments").await.history.iter().map(|entry| entry.id).collect()
    }
}

fn human(who: &str) -> Actor {
    Actor { id: id(who), kind: PrincipalKind::Human }
}

#[tokio::test]
async fn an_approval_is_executed_once_pinned_and_tagged_and_becomes_healthy() {
    let world = World::start().await;
    let row = world.open(APP, "payments", |_| ()).await;
    let before = world.history().await;
    let decision = world.approve(row, "sarah").await;
    let done = world.work(&world.executor(), row).await;
    assert_eq!(done.state(), State::Healthy, "{:?}", done.stage);
    let app = world.application(APP, "payments").await;
    assert_eq!(world.history().await.len(), before.len() + 1);
    assert_eq!(app.tag("dock.decision"), Some(decision.as_str()));
    assert_eq!(app.tag("dock.row"), Some(row.to_string().as_str()));
    assert!(
        app.tag("dock.log").is_some_and(|log| log.split(' ').nth(1).is_some_and(|root| root.len() == 16))
    );
    assert_eq!(app.last_sync().unwrap().revisions.join(","), done.base_revision);
    assert!(!world.executor().turn().await.unwrap(), "no work is left");
}

#[tokio::test]
async fn cut_off_anywhere_it_is_executed_once() {
    for point in [
        "lease.taken",
        "warrant.verified",
        "base.read",
        "intent.committed",
        "write.sent",
        "write.answered",
        "readback.done",
        "confirmed.committed",
        "health.stamped",
    ] {
        let world = World::start().await;
        let row = world.open(APP, "payments", |_| ()).await;
        let before = world.history().await;
        world.approve(row, "sarah").await;
        let reached = Arc::new(Notify::new());
        let there = reached.clone();
        let executor = world.cut_or(move |at| {
            let cut = at == point;
            if cut {
                there.notify_one();
            }
            Box::pin(std::future::ready(cut))
        });
        tokio::select! {
            done = world.work(&executor, row) => panic!("{point} was never reached: {:?}", done.stage),
            () = reached.notified() => {}
        }
        drop(executor);
        world.store.reclaim_work().await.unwrap();
        let done = world.work(&world.executor(), row).await;
        assert_eq!(done.state(), State::Healthy, "{point}: {:?}", done.stage);
        assert_eq!(world.history().await.len(), before.len() + 1, "{point}");
    }
}

#[tokio::test]
async fn a_lost_answer_is_read_back_and_a_write_that_never_arrived_is_repeated() {
    for fault in [Fault::LostAnswer, Fault::Status(503), Fault::RateLimited(1), Fault::HalfBody] {
        let world = World::start().await;
        let row = world.open(APP, "payments", |_| ()).await;
        let before = world.history().await;
        world.approve(row, "sarah").await;
        world.simulators.world().faults(Site::ArgoCd).script(
            "POST /api/v1/applications/payments-api/sync",
            fault.clone(),
            Some(1),
        );
        let done = world.work(&world.executor(), row).await;
        assert_eq!(done.state(), State::Healthy, "{fault:?}: {:?}", done.stage);
        assert_eq!(world.history().await.len(), before.len() + 1, "{fault:?}");
    }
}

#[tokio::test]
async fn nothing_executes_on_a_base_that_moved() {
    for point in ["before", "intent.committed"] {
        let world = World::start().await;
        let row = world.open(APP, "payments", |_| ()).await;
        let before = world.history().await;
        world.approve(row, "sarah").await;
        if point == "before" {
            world.simulators.world().move_base(APP).unwrap();
        } else {
            let reached = Arc::new(Notify::new());
            let there = reached.clone();
            let executor = world.cut_or(move |at| {
                let cut = at == point;
                if cut {
                    there.notify_one();
                }
                Box::pin(std::future::ready(cut))
            });
            tokio::select! {
                _ = world.work(&executor, row) => panic!("not cut"),
                () = reached.notified() => world.simulators.world().move_base(APP).unwrap(),
            }
            world.store.reclaim_work().await.unwrap();
        }
        let done = world.work(&world.executor(), row).await;
        assert_eq!(done.state(), State::Stale, "{point}: {:?}", done.stage);
        assert!(done.standing_keys().next().is_none(), "its keys are void");
        assert_eq!(world.history().await, before, "{point}");
    }
}

#[tokio::test]
async fn a_taken_slot_is_waited_for() {
    let world = Arc::new(World::start().await);
    let row = world.open(APP, "payments", |_| ()).await;
    let before = world.history().await;
    world.approve(row, "sarah").await;
    let other = world.clone();
    let executor = world.cut_or(move |at| {
        let other = other.clone();
        Box::pin(async move {
            if at == "intent.committed" {
                // Somebody syncs one resource that does not differ.
                let key = ResourceKey {
                    group: String::new(),
                    kind: "Service".into(),
                    namespace: "payments".into(),
                    name: APP.into(),
                };
                let app = AppKey { name: APP.into(), project: "payments".into(), namespace: None };
                let tags = vec![Tag { name: "by".into(), value: "hand".into() }];
                let request =
                    SyncRequest { app, pin: Target::Target, prune: false, resources: Some(vec![key]), tags };
                Actuator::open(&other.config().argocd.unwrap()).unwrap().sync(&request).await.unwrap();
            }
            false
        })
    });
    let done = world.work(&executor, row).await;
    assert_eq!(done.state(), State::Healthy, "{:?}", done.stage);
    assert_eq!(world.history().await.len(), before.len() + 1, "the partial sync wrote none");
}

#[tokio::test]
async fn an_operation_to_another_revision_is_ended_and_told() {
    let world = Arc::new(World::start().await);
    // It syncs by itself, and could not: so it takes no pin, and main can move on under the approval.
    world.simulators.world().fail_syncs(APP, 99, "quota exceeded").unwrap();
    world.simulators.world().set_auto_sync(APP, true).unwrap();
    let mut changes = world.reads().watch().await.unwrap();
    loop {
        let app = changes.next().await.unwrap().unwrap().application;
        let failed = app.operation_state.as_ref().is_some_and(|state| state.phase == Phase::Failed);
        if app.name() == APP && app.operation.is_none() && failed {
            break;
        }
    }
    let row = world.open(APP, "payments", |_| ()).await;
    let before = world.history().await;
    world.approve(row, "sarah").await;
    let other = world.clone();
    let executor = world.cut_or(move |at| {
        if at == "intent.committed" {
            other.simulators.world().drift(APP).unwrap();
        }
        Box::pin(std::future::ready(false))
    });
    let done = world.work(&executor, row).await;
    let Stage::Failed { outcome, .. } = &done.stage else { panic!("{:?}", done.stage) };
    assert!(outcome.detail.contains("instead of the reviewed"), "{}", outcome.detail);
    assert_eq!(world.history().await, before);
}

#[tokio::test]
async fn what_argocd_refuses_is_a_failure_with_its_words() {
    let world = Arc::new(World::start().await);
    let row = world.open(APP, "payments", |_| ()).await;
    world.approve(row, "sarah").await;
    let other = world.clone();
    let executor = world.cut_or(move |at| {
        if at == "intent.committed" {
            other.simulators.world().set_window_closed(APP, true).unwrap();
        }
        Box::pin(std::future::ready(false))
    });
    let done = world.work(&executor, row).await;
    let Stage::Failed { outcome, .. } = &done.stage else { panic!("{:?}", done.stage) };
    assert!(outcome.detail.contains("a sync window blocks it"), "{}", outcome.detail);
}

#[tokio::test]
async fn what_the_record_does_not_bear_out_is_not_executed() {
    let world = World::start().await;
    let row = world.open(APP, "payments", |_| ()).await;
    let before = world.history().await;
    // The flag says approved; no leaf does.
    let mut forged = world.row(row).await;
    let expected = Some(forged.version);
    let approval = crate::row::stage::Approval {
        how: crate::row::How::Plain,
        decisions: vec![world.next_id()],
        at: World::now(),
        effect: forged.digests.effect,
        policy: None,
    };
    forged.stage = Stage::Approved { approval };
    let work = vec![WorkChange::Add {
        kind: WorkKind::Execute,
        row,
        payload: String::new(),
        not_before: World::now(),
    }];
    world
        .commit(Commit { row: Some(RowWrite { row: forged, expected }), work, ..Commit::at(World::now()) })
        .await;
    let executor = world.executor();
    assert!(executor.turn().await.unwrap());
    assert_eq!(world.row(row).await.state(), State::Approved);
    let troubles = executor.troubles().lock().unwrap().clone();
    assert!(troubles[&row].contains("no such decision was accepted"), "{troubles:?}");
    assert_eq!(world.history().await, before);
}

#[tokio::test]
async fn who_lost_the_authority_is_not_executed_for() {
    let world = World::start().await;
    let row = world.open(APP, "payments", |_| ()).await;
    let before = world.history().await;
    world.approve(row, "sarah").await;
    let fingerprint = key_of("sarah").public().fingerprint();
    world.admin(AdminChange::KeyRevoked { person: id("sarah"), fingerprint }).await;
    let done = world.work(&world.executor(), row).await;
    assert_eq!(done.state(), State::Pending);
    assert!(done.keys[0].void.as_ref().is_some_and(|why| why.contains("no longer")), "{:?}", done.keys);
    assert_eq!(world.history().await, before);
}

#[tokio::test]
async fn a_halt_lets_nothing_new_begin() {
    let world = World::start().await;
    let row = world.open(APP, "payments", |_| ()).await;
    world.approve(row, "sarah").await;
    let body = c1::map([("note", c1::Value::from("stop everything now"))]);
    let about = About::Principal(id("sarah"));
    let halt = LeafDraft { actor: human("sarah"), event: Event::Halt, about, body };
    world.commit(Commit { leaves: vec![halt], ..Commit::at(World::now()) }).await;
    let executor = world.executor();
    assert!(executor.turn().await.unwrap());
    assert_eq!(world.row(row).await.state(), State::Approved);
    assert!(executor.troubles().lock().unwrap()[&row].starts_with("halted by sarah"));
    world.admin(AdminChange::Resumed { agent: None, note: "all is well".into() }).await;
    assert_eq!(world.work(&executor, row).await.state(), State::Healthy);
}

#[tokio::test]
async fn a_policys_decision_is_executed_while_the_policy_stands() {
    for (environment, expected) in [("staging", State::Healthy), ("production", State::Pending)] {
        let world = World::start().await;
        while world.simulators.world().drift_next().is_some_and(|app| app != "ledger-worker") {}
        while !world.simulators.world().is_out_of_sync("ledger-worker") {
            tokio::task::yield_now().await;
        }
        let row = world
            .open("ledger-worker", "ledger", |draft| {
                draft.environment = environment.to_owned();
                let facts = [("bump", "patch"), ("changelog", "dependencies")];
                draft.facts = facts.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
            })
            .await;
        let before = world.row(row).await;
        let step = Step::PolicyDecides { decision: world.next_id(), policy: "staging-patch v3".to_owned() };
        let transition = lifecycle::apply(&Ruling::default(), &before, &step, World::now()).unwrap();
        let mut commit = commit_of(&before, transition, &actor(), World::now());
        commit.leaves[0].actor = Actor { id: id("staging-patch"), kind: PrincipalKind::Policy };
        world.commit(commit).await;
        let done = world.work(&world.executor(), row).await;
        assert_eq!(done.state(), expected, "{environment}: {:?}", done.stage);
    }
}

#[tokio::test]
async fn argocd_away_is_named_and_passes() {
    let world = World::start().await;
    let row = world.open(APP, "payments", |_| ()).await;
    world.approve(row, "sarah").await;
    let executor = world.executor();
    world.simulators.world().faults(Site::ArgoCd).script("GET ", Fault::Status(500), Some(2));
    assert!(executor.turn().await.unwrap());
    assert_eq!(world.row(row).await.state(), State::Approved);
    assert!(executor.troubles().lock().unwrap()[&row].contains("ArgoCD failed itself (500)"));
    assert_eq!(world.work(&executor, row).await.state(), State::Healthy);
    assert!(executor.troubles().lock().unwrap().is_empty());
}

#[tokio::test]
async fn what_argocd_says_of_a_failure_is_told() {
    let world = World::start().await;
    let row = world.open(APP, "payments", |_| ()).await;
    world.approve(row, "sarah").await;
    world.simulators.world().fail_syncs(APP, 9, "admission webhook said no").unwrap();
    let done = world.work(&world.executor(), row).await;
    let Stage::Failed { outcome, .. } = &done.stage else { panic!("{:?}", done.stage) };
    assert!(outcome.detail.contains("admission webhook said no"), "{}", outcome.detail);
}

#[tokio::test]
async fn bad_health_is_stamped_with_its_reason() {
    let world = World::start().await;
    let row = world.open(APP, "payments", |_| ()).await;
    world.approve(row, "sarah").await;
    world.simulators.world().set_outlook(APP, "Degraded", "back-off restarting failed container").unwrap();
    let done = world.work(&world.executor(), row).await;
    let Stage::Degraded { outcome, .. } = &done.stage else { panic!("{:?}", done.stage) };
    assert!(outcome.detail.contains("Degraded"), "{}", outcome.detail);
}
