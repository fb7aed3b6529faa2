//! The gatekeeper's whole loop over HTTP: a server, the simulated platforms, hooks between them.

mod limits;
mod many;
mod unknown;

use std::{
    future::{Future, pending, poll_fn},
    pin::pin,
    task::Poll,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use tokio::sync::mpsc;

use super::*;
use crate::{
    agent::{Told, Wish},
    client::api::{Api, POLL_MAX},
    clock::Clock,
    platform::github::{Repository, Source},
    row::{
        Base, Draft, Grade, State as RowState, Verdict,
        gate::{GateBase, Pipeline},
        waiting::{Asks, Ci, Place, Said},
    },
    server::tests::{World, write_private},
    simulator::{Account, Fault, Simulators, Site},
    wire::RowView,
};

const SECRET: &str = "a secret of the hooks";
const SEARCH: &str = "search-indexer";
const BILLING: &str = "billing-worker";

/// The services whose runs wait only where a test begins them.
const TABLES: &str = r#"
[gates.search-indexer]
repository = "acme/search-indexer"
argocd = "search-indexer"
[gates.billing-worker]
repository = "acme/billing-worker"
argocd = "billing-worker"
terraform = "acme/billing-worker"
[gates.notifications]
repository = "acme/notifications"
environments = { staging = "reversible" }
[gates.identity]
repository = "acme/identity"
"#;

/// Its runs wait at Dock itself.
const ELSEWHERE: &str = r#"
[gates.search-indexer]
pipeline = "elsewhere"
repository = "acme/search-indexer"
argocd = "search-indexer"
"#;

/// The tables, each with the SLO that Datadog keeps.
fn tables(of: &str, platforms: &Simulators) -> String {
    let line = |line: &str| match line.strip_prefix("[gates.").and_then(|rest| rest.strip_suffix(']')) {
        Some(service) => format!("{line}\ndatadog_slo = \"{}\"\n", platforms.world().datadog_slo(service)),
        None => format!("{line}\n"),
    };
    of.lines().map(line).collect()
}

/// A server, the platforms, and what a gatekeeper needs to work between them.
struct Loop {
    server: World,
    /// The gatekeeper's config but for its pace and how it signs in to GitHub.
    config: String,
    token: String,
    app: String,
    /// GitHub, read as anybody may.
    github: Source,
}

impl Loop {
    async fn start() -> Self {
        Self::start_with(TABLES).await
    }

    async fn start_with(of: &str) -> Self {
        let (mut config, mut app, mut github) = (String::new(), String::new(), String::new());
        let server = World::start_telling("memory:", |platforms, dir| {
            let world = platforms.world();
            let token = |name: &str, text: &str| {
                let file = dir.join(name);
                write_private(&file, text);
                file.display().to_string()
            };
            let section = |site: Site, file: &str| {
                format!("[platforms.{}]\nurl = \"{}\"\ntoken_file = \"{file}\"\n", site.name(), platforms.url(site))
            };
            let (tables, reader) = (tables(of, platforms), token("github", &world.token(Site::GitHub)));
            let owner = world.github_app();
            app = format!(
                "[platforms.github]\nurl = \"{}\"\napp_id = {}\ninstallation_id = {}\napp_key_file = \"{}\"\n",
                platforms.url(Site::GitHub),
                owner.id,
                owner.installation,
                token("app", owner.key)
            );
            github = section(Site::GitHub, &reader);
            let terraform = section(Site::Terraform, &token("terraform", &world.token(Site::Terraform)));
            let datadog = format!(
                "[platforms.datadog]\nurl = \"{}\"\napi_key_file = \"{}\"\napplication_key_file = \"{}\"\n",
                platforms.url(Site::Datadog),
                token("datadog", &world.token(Site::Datadog)),
                token("datadog-application", &world.datadog_application_key())
            );
            let argocd = section(Site::ArgoCd, &token("argocd-agent", &world.argocd_token(Account::Agent)));
            let pagerduty = section(Site::PagerDuty, &token("pagerduty", &world.token(Site::PagerDuty)));
            config = [tables.clone(), terraform.clone(), datadog, argocd, pagerduty].concat();
            let hook = format!("[hooks.github]\nsecret_file = \"{}\"\n", token("hook", SECRET));
            [tables, hook, github.clone(), terraform].concat()
        })
        .await;
        let file = server.dir.path().join("dock-token");
        write_private(&file, &server.agent_token);
        let all: toml::Table = toml::from_str(&github).unwrap();
        let section = all["platforms"]["github"].clone().try_into().unwrap();
        let token = file.display().to_string();
        Self { token, config: config + &github, app, github: Source::open(&section).unwrap(), server }
    }

    fn keeper(&self, poll_s: u32) -> Gatekeeper {
        self.keeper_over(poll_s, &self.config)
    }

    /// One that signs in to GitHub as the App.
    fn keeper_of_the_app(&self) -> Gatekeeper {
        let at = self.config.find("[platforms.github]").unwrap();
        self.keeper_over(1, &(self.config[..at].to_owned() + &self.app))
    }

    fn keeper_over(&self, poll_s: u32, config: &str) -> Gatekeeper {
        let text = format!(
            "server = \"{}\"\ntoken_file = \"{}\"\npoll_s = {poll_s}\nservice_s = 1\n{config}",
            self.server.url, self.token
        );
        let clock = Clock::with_offset_file(self.server.dir.path().join("clock"));
        Gatekeeper::open(toml::from_str(&text).unwrap(), clock).unwrap()
    }

    fn api(&self) -> Api {
        Api::new(&self.server.url).unwrap().with_token(self.server.agent_token.clone().into())
    }

    fn platforms(&self) -> &crate::simulator::World {
        self.server.platforms.world()
    }

    /// A change is pushed to this service; its run, once it waits at its gate.
    async fn waiting(&self, service: &str) -> u64 {
        let run = self.platforms().run(service).unwrap();
        self.waits(service, run).await;
        run
    }

    async fn waits(&self, service: &str, run: u64) {
        let repo: Repository = format!("acme/{service}").parse().unwrap();
        while self.github.pending_deployments(&repo, run).await.unwrap().is_empty() {
            self.platforms().tick();
        }
    }

    /// One look at everything; what was told.
    async fn once(&self, keeper: &Gatekeeper) -> Vec<Told> {
        let mut all = Vec::new();
        keeper.once(&Wish::default(), |told| all.push(told)).await.unwrap();
        all
    }

    /// The draft that would be sent about this service's run, and nothing else.
    async fn dry(&self, service: &str) -> Draft {
        let wish = Wish { only: Some(service.to_owned()), dry_run: true };
        let mut drafts = Vec::new();
        let keep = |told| match told {
            Told::Draft(draft) => drafts.push(*draft),
            Told::Answered { .. } | Told::Rest { .. } | Told::Trouble { .. } => (),
        };
        self.keeper(1).once(&wish, keep).await.unwrap();
        assert_eq!(drafts.len(), 1, "{service}");
        drafts.remove(0)
    }

    /// All rows that Dock tells of, in the order of their numbers.
    async fn rows(&self) -> Vec<RowView> {
        self.rows_when(|_| true).await
    }

    /// The rows, as soon as they are `enough`.
    async fn rows_when(&self, enough: impl Fn(&[RowView]) -> bool) -> Vec<RowView> {
        let api = self.api();
        loop {
            let mut told = api.snapshot().await.unwrap();
            told.rows.sort_by_key(|row| row.head.id);
            if enough(&told.rows) {
                return told.rows;
            }
            api.changes(told.position, POLL_MAX).await.unwrap();
        }
    }

    /// What `work` comes to while this gatekeeper runs beside it.
    async fn beside<T>(&self, keeper: &Gatekeeper, work: impl Future<Output = T>) -> T {
        let mut troubles = Vec::new();
        let keep = |told| match told {
            Told::Trouble { what, error } => troubles.push(format!("{what}: {error}")),
            Told::Draft(_) | Told::Answered { .. } | Told::Rest { .. } => (),
        };
        let wish = Wish::default();
        let done = tokio::select! {
            over = keeper.run(&wish, keep, pending()) => panic!("it ended: {:?}", over.err()),
            done = work => done,
        };
        assert_eq!(troubles, Vec::<String>::new());
        done
    }
}

fn base(row: &RowView) -> &GateBase {
    match &row.base_read {
        Base::Gate(base) => base,
        other => panic!("{other:?}"),
    }
}

/// The rows about this run.
fn of(rows: &[RowView], run: u64) -> Vec<&RowView> {
    rows.iter().filter(|row| base(row).run == run.to_string()).collect()
}

fn state(row: &RowView) -> (RowState, &str) {
    (row.head.state, row.why.as_deref().unwrap_or_default())
}

/// Does something once `inner` was polled so often; whether `inner` goes on is what it says.
async fn at<T>(inner: impl Future<Output = T>, polls: usize, act: impl FnOnce() -> bool) -> Option<T> {
    let (mut inner, mut left, mut act) = (pin!(inner), polls, Some(act));
    poll_fn(|context| {
        left = left.saturating_sub(1);
        if left == 0
            && let Some(act) = act.take()
            && !act()
        {
            return Poll::Ready(None);
        }
        inner.as_mut().poll(context).map(Some)
    })
    .await
}

#[tokio::test]
async fn a_waiting_run_is_one_row_however_often_it_is_seen() {
    let world = Loop::start().await;
    let run = world.waiting(SEARCH).await;
    for _ in 0..3 {
        world.once(&world.keeper(1)).await;
    }
    let rows = world.rows().await;
    assert_eq!(rows.len(), 1);
    let (row, base) = (&rows[0], base(&rows[0]));
    assert_eq!((row.head.subject.clone(), row.head.revision), (format!("{SEARCH}/{run}/production"), 1));
    assert_eq!((row.head.state, row.head.verdict), (RowState::Pending, Verdict::Ship), "{}", row.rationale);
    assert_eq!((base.run.clone(), base.attempt), (run.to_string(), 1));
    assert_eq!(row.mismatch(), None);
    let mut told = world.once(&world.keeper(1)).await;
    told.retain(|told| !matches!(told, Told::Rest { why, .. } if why == "its row is open"));
    assert_eq!(told, []);
}

#[tokio::test]
async fn what_is_read_again_at_each_look_is_not_stale_for_whoever_decides() {
    let world = Loop::start().await;
    let run = world.waiting(SEARCH).await;
    let keeper = world.keeper(1);
    world.once(&keeper).await;
    let of = |rows: Vec<RowView>| rows.into_iter().find(|row| base(row).run == run.to_string()).unwrap();
    let first = of(world.rows().await);
    for look in 1..=4 {
        world.server.advance(200 * look);
        world.once(&keeper).await;
        let row = of(world.rows().await);
        let stale: Vec<_> = row.signals.iter().filter(|one| !one.fresh).map(|one| &one.signal.name).collect();
        assert_eq!(stale, [""; 0], "{}", row.head.id);
        assert_eq!((row.head.revision, row.evidence_sha256), (1, first.evidence_sha256));
        assert_eq!(row.head.changed_at, first.head.changed_at);
    }
    // Who does not look any more leaves it stale.
    world.server.advance(4 * 200 + 301);
    assert!(of(world.rows().await).head.stale);
}

#[tokio::test]
async fn two_gatekeepers_at_once_draft_one_row_for_each_gate() {
    let world = Loop::start().await;
    let mut runs = Vec::new();
    for service in [SEARCH, BILLING, "notifications", "identity"] {
        runs.push(world.waiting(service).await);
    }
    let (one, other) = (world.keeper(1), world.keeper(1));
    let (one, other) = tokio::join!(world.once(&one), world.once(&other));
    let rows = world.rows().await;
    let numbers: Vec<_> = rows.iter().map(|row| base(row).run.clone()).collect();
    assert_eq!(rows.len(), runs.len(), "{numbers:?} {one:?} {other:?}");
    assert!(runs.iter().all(|run| of(&rows, *run).len() == 1), "{numbers:?}");
    let trouble = |told: &&Told| matches!(told, Told::Trouble { .. });
    assert_eq!(one.iter().chain(&other).find(trouble), None);
}

#[tokio::test]
async fn a_gatekeeper_that_is_cut_off_anywhere_and_begun_again_drafts_one_row() {
    let world = Loop::start().await;
    let mut cuts = 0;
    for (turn, polls) in [2, 5, 9, 14, 20, 28, 40, 60, 90, 150].into_iter().enumerate() {
        let run = world.waiting([SEARCH, "identity"][turn % 2]).await;
        let keeper = world.keeper(1);
        cuts += usize::from(at(world.once(&keeper), polls, || false).await.is_none());
        drop(keeper);
        world.once(&world.keeper(1)).await;
        let rows = world.rows().await;
        assert_eq!(of(&rows, run).len(), 1, "after {polls} polls");
    }
    assert!(cuts > 4, "most of them were cut off: {cuts}");
}

/// One delivery of GitHub's, as it came.
#[derive(Debug, Clone)]
struct Delivery {
    headers: HeaderMap,
    body: Bytes,
}

impl Delivery {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap().to_str().unwrap()
    }

    /// It asks for an answer before this run's gate.
    fn asks(&self, run: u64) -> bool {
        self.header("x-github-event") == "deployment_protection_rule"
            && String::from_utf8_lossy(&self.body).contains(&format!("/actions/runs/{run}/"))
    }

    /// Posted to Dock with this body and signature; what Dock answers.
    async fn send_as(&self, world: &Loop, body: &[u8], signature: &str, id: &str) -> u16 {
        let headers = [
            ("X-GitHub-Event", self.header("x-github-event")),
            ("X-GitHub-Delivery", id),
            ("X-Hub-Signature-256", signature),
        ];
        world.server.raw("POST", "/v1/hooks/github", None, Some(body.to_vec()), &headers).await.0
    }

    async fn send(&self, world: &Loop) -> u16 {
        let (signature, id) = (self.header("x-hub-signature-256"), self.header("x-github-delivery"));
        self.send_as(world, &self.body, signature, id).await
    }
}

/// What GitHub delivers comes here, not to Dock.
async fn held_back(world: &Loop) -> mpsc::Receiver<Delivery> {
    let (sender, receiver) = mpsc::channel(64);
    let take = async |State(sender): State<mpsc::Sender<Delivery>>, headers: HeaderMap, body: Bytes| {
        drop(sender.send(Delivery { headers, body }).await);
        StatusCode::ACCEPTED
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let app = Router::new().route("/", post(take)).with_state(sender);
    tokio::spawn(async move { axum::serve(listener, app).await });
    world.platforms().hook_github(&url, SECRET);
    receiver
}

fn signature(secret: &str, body: &[u8]) -> String {
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret.as_bytes());
    let hex =
        ring::hmac::sign(&key, body).as_ref().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    format!("sha256={hex}")
}

#[tokio::test]
async fn hooks_that_are_repeated_reordered_or_forged_make_no_row_too_many() {
    let world = Loop::start().await;
    let first = world.waiting(SEARCH).await;
    // Nothing but a hook wakes it for the second run.
    let keeper = world.keeper(3600);
    let told = async {
        world.rows_when(|rows| of(rows, first).len() == 1).await;
        let mut deliveries = held_back(&world).await;
        let second = world.platforms().run(SEARCH).unwrap();
        let mut all = vec![deliveries.recv().await.unwrap()];
        while !all.last().unwrap().asks(second) {
            all.push(deliveries.recv().await.unwrap());
        }
        let last = all.last().unwrap().clone();
        let (api, none) = (world.api(), std::time::Duration::ZERO);
        let before = api.hints("github", 0, none).await.unwrap().next;
        for forged in ["", "sha256=00", signature("another secret", &last.body).as_str()] {
            assert_eq!(last.send_as(&world, &last.body, forged, "forged").await, 401, "{forged}");
        }
        let other = String::from_utf8_lossy(&last.body).replace(&format!("/runs/{second}/"), "/runs/77777/");
        let theirs = last.header("x-hub-signature-256").to_owned();
        assert_eq!(last.send_as(&world, other.as_bytes(), &theirs, "changed").await, 401);
        let after = api.hints("github", before, none).await.unwrap();
        assert_eq!((after.next, after.hints), (before, vec![]), "what is forged tells nothing");
        // GitHub itself may be wrong about a run: whoever looks finds none.
        assert_eq!(
            last.send_as(&world, other.as_bytes(), &signature(SECRET, other.as_bytes()), "odd").await,
            202
        );
        for delivery in all.iter().rev() {
            assert_eq!((delivery.send(&world).await, delivery.send(&world).await), (202, 409), "told once");
        }
        let rows = world.rows_when(|rows| of(rows, second).len() == 1).await;
        // Told once more, under another id: it looks again, and finds what is there.
        assert_eq!(last.send_as(&world, &last.body, &theirs, "again").await, 202);
        let third = world.waiting(SEARCH).await;
        assert_eq!(last.send_as(&world, &last.body, &theirs, "again-2").await, 202);
        world.rows_when(|rows| of(rows, third).len() == 1).await;
        rows
    };
    let rows = Box::pin(world.beside(&keeper, told)).await;
    assert_eq!(rows.len(), 2);
    assert_eq!(world.rows().await.len(), 3, "one for each run that waits");
}

#[tokio::test]
async fn an_installation_token_that_ends_in_the_middle_costs_no_row() {
    let world = Loop::start().await;
    let keeper = world.keeper_of_the_app();
    let mut expired = 0;
    for (turn, polls) in [3, 12, 30, 80].into_iter().enumerate() {
        let run = world.waiting([SEARCH, "identity"][turn % 2]).await;
        let issued = world.platforms().github_tokens_issued();
        let expire = || {
            world.platforms().expire_github_tokens();
            true
        };
        let told = at(world.once(&keeper), polls, expire).await.unwrap();
        assert!(!told.iter().any(|told| matches!(told, Told::Trouble { .. })), "{polls}: {told:?}");
        assert_eq!(of(&world.rows().await, run).len(), 1, "{polls}");
        expired += usize::from(world.platforms().github_tokens_issued() > issued);
    }
    assert!(expired >= 3, "they did end in the middle: {expired}");
}

#[tokio::test]
async fn a_row_says_what_became_of_its_run() {
    let world = Loop::start().await;
    world.platforms().hook_github(&format!("{}/v1/hooks/github", world.server.url), SECRET);
    let keeper = world.keeper(1);
    let opened = async |service: &str| {
        let run = world.waiting(service).await;
        world.rows_when(|rows| of(rows, run).len() == 1).await;
        run
    };
    let withdrawn = async |run: u64| {
        let gone = |row: &&RowView| row.head.state == RowState::Withdrawn;
        let rows = world.rows_when(|rows| of(rows, run).iter().any(gone)).await;
        of(&rows, run)[0].why.clone().unwrap()
    };
    let platforms = world.platforms();
    let work = async {
        for (approve, who, says) in [
            (true, "govind", "approved in GitHub by govind"),
            (false, "marcus", "rejected in GitHub by marcus"),
        ] {
            let run = opened(SEARCH).await;
            platforms.answer_run(run, approve, who).unwrap();
            assert_eq!(withdrawn(run).await, says);
        }
        let run = opened("identity").await;
        platforms.cancel_run(run).unwrap();
        assert_eq!(withdrawn(run).await, "the run was cancelled");

        let run = opened("identity").await;
        platforms.bypass_run(run).unwrap();
        let why = withdrawn(run).await;
        assert!(why.starts_with("the deploy to production was started past its rules"), "{why}");

        let run = opened(BILLING).await;
        platforms.rename_environment(BILLING, "production", "live").unwrap();
        let why = withdrawn(run).await;
        assert!(why.starts_with("the run waits before live now and no longer before production"), "{why}");

        let run = opened(SEARCH).await;
        platforms.rerun(run).unwrap();
        let rows = world.rows_when(|rows| of(rows, run).len() == 2).await;
        let (gone, next) = (of(&rows, run)[0], of(&rows, run)[1]);
        // It was seen while it built, or only when it waited again.
        let says = [
            (RowState::Withdrawn, "the run was started again, and its attempt 2 is in_progress"),
            (RowState::Superseded, "attempt: 1 → 2"),
        ];
        assert!(says.contains(&state(gone)), "{:?}", state(gone));
        assert_eq!((next.head.state, base(next).attempt), (RowState::Pending, 2));

        // A run that waits again before anybody looked: the row makes way for another.
        let run = opened("notifications").await;
        let again = || {
            platforms.rerun(run).unwrap();
            while !platforms.run_waits(run) {
                platforms.tick();
            }
        };
        again();
        let rows = world.rows_when(|rows| of(rows, run).len() == 2).await;
        let rows = of(&rows, run);
        assert_eq!(state(rows[0]), (RowState::Superseded, "attempt: 1 → 2"));
        assert_eq!((rows[1].head.state, base(rows[1]).attempt), (RowState::Pending, 2));

        // What main was is replaced: the run keeps its own head, the new one has a row of its own.
        let run = opened("identity").await;
        let next = platforms.force_push("identity").unwrap();
        let rows = world.rows_when(|rows| of(rows, next).len() == 1).await;
        let (old, new) = (of(&rows, run)[0], of(&rows, next)[0]);
        assert_ne!(base(old).head_sha, base(new).head_sha);
        assert_eq!((old.head.state, new.head.state), (RowState::Pending, RowState::Pending));
    };
    Box::pin(world.beside(&keeper, work)).await;
}

#[tokio::test]
async fn a_plan_that_is_overtaken_is_drafted_again_and_says_so() {
    let world = Loop::start().await;
    let keeper = world.keeper(1);
    let work = async {
        let run = world.waiting(BILLING).await;
        let rows = world.rows_when(|rows| of(rows, run).len() == 1).await;
        let (row, was) = (of(&rows, run)[0].head.id, base(of(&rows, run)[0]).plan.clone());
        assert!(was.is_some());
        world
            .platforms()
            .plan(BILLING, "0123456789abcdef0123456789abcdef01234567", "aws_iam_role.other")
            .unwrap();
        let rows =
            world.rows_when(|rows| rows.iter().any(|one| one.head.id == row && one.head.revision > 1)).await;
        let row = rows.into_iter().find(|one| one.head.id == row).unwrap();
        assert_ne!(base(&row).plan, was, "what would be applied is another");
        row
    };
    let row = Box::pin(world.beside(&keeper, work)).await;
    let said = row.signals.iter().map(|signal| format!("{}: {}", signal.signal.name, signal.signal.value));
    let said: Vec<_> = said.collect();
    assert!(said.iter().any(|line| line.contains("overtaken")), "{said:#?}");
    assert!(!row.head.verdict.goes_ahead());
}

#[tokio::test]
async fn a_plan_that_is_discarded_is_drafted_again_and_says_so() {
    let world = Loop::start().await;
    let keeper = world.keeper(1);
    let work = async {
        let run = world.waiting(BILLING).await;
        let rows = world.rows_when(|rows| of(rows, run).len() == 1).await;
        let row = of(&rows, run)[0].head.id;
        assert_eq!(base(of(&rows, run)[0]).plan_waits, Some(true));
        world.platforms().discard(BILLING).unwrap();
        let revised = |rows: &[RowView]| rows.iter().any(|one| one.head.id == row && one.head.revision > 1);
        world.rows_when(revised).await.into_iter().find(|one| one.head.id == row).unwrap()
    };
    let row = Box::pin(world.beside(&keeper, work)).await;
    assert_eq!(base(&row).plan_waits, Some(false));
    assert!(
        row.rationale.contains("is discarded: nothing of the plan would be applied"),
        "{}",
        row.rationale
    );
    assert!(!row.head.verdict.goes_ahead());
}

#[tokio::test]
async fn one_repository_that_is_not_shown_stops_no_other() {
    let world = Loop::start().await;
    let (search, hidden) = (world.waiting(SEARCH).await, world.waiting("identity").await);
    let faults = world.platforms().faults(Site::GitHub);
    faults.script("/repos/acme/identity/actions/runs?", Fault::Status(404), None);
    let told = world.once(&world.keeper(1)).await;
    let troubles: Vec<_> = told.iter().filter(|told| matches!(told, Told::Trouble { .. })).collect();
    let [Told::Trouble { what, .. }] = troubles.as_slice() else { panic!("{told:?}") };
    assert_eq!(what, "identity, acme/identity on GitHub");
    let rows = world.rows().await;
    assert_eq!((of(&rows, search).len(), of(&rows, hidden).len()), (1, 0), "{told:?}");
    faults.clear();
    world.once(&world.keeper(1)).await;
    assert_eq!(of(&world.rows().await, hidden).len(), 1);
}

#[tokio::test]
async fn without_datadog_nothing_ships() {
    let world = Loop::start().await;
    world.waiting(SEARCH).await;
    assert_eq!(world.dry(SEARCH).await.verdict, Verdict::Ship, "with it, this one would");
    let faults = world.platforms().faults(Site::Datadog);
    let check = |draft: Draft, how: &str| {
        assert_eq!(draft.verdict, Verdict::Hold, "{how}: {}", draft.rationale);
        assert!(draft.rationale.contains("Unknown: "), "{how}: {}", draft.rationale);
    };
    for fault in [
        Fault::Status(401),
        Fault::Status(403),
        Fault::Status(404),
        Fault::Status(500),
        Fault::RateLimited(60),
        Fault::Garbage,
        Fault::HalfBody,
    ] {
        faults.script("", fault.clone(), None);
        check(world.dry(SEARCH).await, &format!("{fault:?}"));
        faults.clear();
    }
    faults.down();
    check(world.dry(SEARCH).await, "down");
    faults.up();
    assert_eq!(world.dry(SEARCH).await.verdict, Verdict::Ship, "again-2");
}

/// A pipeline elsewhere: what its runs say, and where they wait.
struct Elsewhere {
    api: Api,
    place: Place,
    said: Said,
}

impl Elsewhere {
    async fn of(world: &Loop) -> Self {
        let token = world.server.issued("pipeline", &["wait:search-indexer"]).await;
        let api = Api::new(&world.server.url).unwrap().with_token(token.into());
        let (service, environment) = (SEARCH.to_owned(), "production".to_owned());
        let run = world.platforms().run(SEARCH).unwrap();
        let repo: Repository = format!("acme/{SEARCH}").parse().unwrap();
        let commit = world.github.run(&repo, run).await.unwrap().head_sha;
        let (branch, url) = (Some("main".to_owned()), Some("https://gitlab.invalid/p/4711".to_owned()));
        let said = Said { commit, attempt: 1, branch, url, ci: Some(Ci::Passed) };
        Self { api, place: Place { service, environment, run: 4711 }, said }
    }

    async fn waits(&self, said: &Said) {
        let Said { commit, attempt, branch, url, ci } = said.clone();
        let (attempt, listener) = (Some(attempt), Some("one".to_owned()));
        let asks = Asks { commit, attempt, branch, url, ci, listener };
        let told = self.api.wait_at(&self.place, &asks, std::time::Duration::ZERO).await.unwrap();
        assert_eq!(told.answer, None);
    }
}

#[tokio::test]
async fn a_pipeline_that_tells_of_itself_is_drafted_and_taken_back_without_a_poll() {
    let world = Loop::start_with(ELSEWHERE).await;
    let pipeline = Elsewhere::of(&world).await;
    let keeper = world.keeper(3600);
    let work = async {
        pipeline.waits(&pipeline.said).await;
        let row = world.rows_when(|rows| !rows.is_empty()).await.remove(0);
        pipeline.api.leave(&pipeline.place, "one").await.unwrap();
        let gone = world.rows_when(|rows| rows[0].head.state == RowState::Withdrawn).await.remove(0);
        (row, gone)
    };
    let (row, gone) = world.beside(&keeper, work).await;
    assert_eq!(row.head.verdict, Verdict::Hold, "{}", row.rationale);
    assert!(row.rationale.contains("no earlier deploy to there was reported"), "{}", row.rationale);
    assert_eq!(row.head.subject, format!("{SEARCH}/4711/production"));
    assert_eq!((base(&row).pipeline, base(&row).run.as_str()), (Pipeline::Elsewhere, "4711"));
    assert_eq!(row.mismatch(), None);
    let pointer = &row.pointers[0];
    assert_eq!(
        (pointer.name.as_str(), pointer.url.as_str()),
        ("pipeline_run", "https://gitlab.invalid/p/4711")
    );
    let (state, why) = state(&gone);
    assert_eq!(state, RowState::Withdrawn);
    assert!(why.starts_with("the pipeline stopped waiting at "), "{why}");
}

#[tokio::test]
async fn what_a_pipeline_says_of_its_ci_is_its_word_and_silence_holds() {
    let world = Loop::start_with(ELSEWHERE).await;
    let pipeline = Elsewhere::of(&world).await;
    for (attempt, ci, verdict) in [
        (1, None, Verdict::Hold),
        (2, Some(Ci::Failed), Verdict::Block),
        // Nothing was deployed before that it could be compared with.
        (3, Some(Ci::Passed), Verdict::Hold),
    ] {
        pipeline.waits(&Said { attempt, ci, ..pipeline.said.clone() }).await;
        world.once(&world.keeper(1)).await;
        let rows = world.rows().await;
        let row = rows.last().unwrap();
        assert_eq!((base(row).attempt, row.head.verdict), (attempt, verdict), "{}", row.rationale);
        let signal = &row.signals.iter().find(|view| view.signal.name == "CI").unwrap().signal;
        match ci {
            None => assert_eq!(signal.verdict, Grade::Unknown, "{}", signal.value),
            Some(Ci::Failed) => {
                assert!(signal.value.contains("what the pipeline says failure"), "{}", signal.value);
            }
            Some(Ci::Passed) => {
                assert_eq!(signal.verdict, Grade::Good, "{}", signal.value);
                assert!(signal.value.contains("by the pipeline's word"), "{}", signal.value);
            }
        }
    }
    let rows = world.rows().await;
    let states: Vec<_> = rows.iter().map(|row| row.head.state).collect();
    assert_eq!(states, [RowState::Superseded, RowState::Superseded, RowState::Pending], "one row an attempt");
}
