//! From staging to production over the simulated platforms: one run with two gates, drafted by the gatekeeper over HTTP,
//! decided, answered on GitHub, and promoted from the row whose deploy was seen healthy.

use super::{acting::Acting, *};
use crate::{
    agent::{Told, Wish, gatekeeper::Gatekeeper},
    platform::github::Repository,
    row::{Base, State},
    server::executor::Executor,
};

const SERVICE: &str = "search-indexer";

const GATES: &str = r#"
[gates.search-indexer]
repository = "acme/search-indexer"
environments = { staging = "reversible", production = "reversible" }
argocd = "search-indexer"
promotes_to = { staging = "production" }
"#;

struct Promoting {
    acting: Acting,
    keeper: Gatekeeper,
    run: u64,
}

impl std::ops::Deref for Promoting {
    type Target = Acting;

    fn deref(&self) -> &Acting {
        &self.acting
    }
}

impl Promoting {
    /// A run that leads through staging to production, and waits before staging.
    async fn start() -> Self {
        let mut keeper = String::new();
        let acting = Acting::start(|platforms, token| {
            let section = |of: &str, file: String| {
                format!("[{of}]\nurl = \"{}\"\ntoken_file = \"{file}\"\n", platforms.url(Site::GitHub))
            };
            let world = platforms.world();
            let read = section("platforms.github", token("github", &world.token(Site::GitHub)));
            keeper = GATES.to_owned() + &read;
            (keeper.clone(), section("github", token("github-writer", &world.github_writer())))
        })
        .await;
        let file = acting.world.dir.path().join("dock-token");
        write_private(&file, &acting.world.agent_token);
        let text = format!(
            "server = \"{}\"\ntoken_file = \"{}\"\npoll_s = 1\nservice_s = 1\n{keeper}",
            acting.world.url,
            file.display()
        );
        let keeper =
            Gatekeeper::open(toml::from_str(&text).unwrap(), acting.world.app.clock.clone()).unwrap();
        let run = acting.world.platforms.world().run_through(SERVICE, &["staging", "production"]).unwrap();
        let promoting = Self { acting, keeper, run };
        promoting.waits("staging").await;
        promoting
    }

    async fn pending(&self) -> Vec<String> {
        let repo: Repository = format!("acme/{SERVICE}").parse().unwrap();
        let github = self.world.app.sources.github.as_ref().unwrap();
        let pending = github.pending_deployments(&repo, self.run).await.unwrap();
        pending.into_iter().map(|one| one.environment).collect()
    }

    /// Time passes until GitHub holds the run before this environment, and no other.
    async fn waits(&self, environment: &str) {
        while self.pending().await != [environment] {
            self.world.platforms.world().tick();
        }
    }

    /// One look of the gatekeeper's; why it rests, where it does.
    async fn looks(&self) -> Vec<String> {
        let mut rests = Vec::new();
        let keep = |told| match told {
            Told::Rest { why, .. } => rests.push(why),
            Told::Trouble { what, error } => panic!("{what}: {error}"),
            Told::Draft(_) | Told::Answered { .. } => (),
        };
        self.keeper.once(&Wish::default(), keep).await.unwrap();
        rests
    }

    /// The rows about the run, in the order of their numbers.
    async fn rows(&self) -> Vec<RowView> {
        let (_, page) = self.world.call("GET", "/v1/rows", Some(&self.world.agent_token), None).await;
        let mut ids: Vec<String> = page["rows"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["id"].as_str().unwrap().to_owned())
            .collect();
        ids.sort();
        let mut rows = Vec::new();
        for id in ids {
            rows.push(self.world.row(&id).await);
        }
        let run = self.run.to_string();
        rows.retain(|row| matches!(&row.base_read, Base::Gate(base) if base.run == run));
        rows
    }

    /// Approves it, whatever the agent says, and carries it out.
    async fn executed(&self, executor: &Executor, row: &RowView) {
        let mut statement = self.world.statement("govind", row, Decision::Approve).await;
        statement.overrides = row.head.verdict != Verdict::Ship;
        assert_eq!(code(&self.world.send(&statement).await), "accepted", "{}", row.rationale);
        self.work(executor, row.head.id, &[State::Executed]).await;
    }
}

#[tokio::test]
async fn a_run_is_promoted_once_its_staging_deploy_was_seen_healthy() {
    let promoting = Box::pin(Promoting::start()).await;
    let executor = promoting.executor();
    promoting.looks().await;
    let rows = promoting.rows().await;
    let [staging] = rows.as_slice() else { panic!("{rows:?}") };
    assert_eq!((staging.head.environment.as_str(), staging.parent), ("staging", None));

    promoting.executed(&executor, staging).await;
    promoting.waits("production").await;
    let rests = promoting.looks().await;
    assert!(rests.iter().any(|why| why == "the environment before it is not healthy yet"), "{rests:?}");
    assert_eq!(promoting.rows().await.len(), 1, "nobody is asked about production yet");

    promoting.world.advance(301);
    let done = promoting.work(&executor, staging.head.id, &[State::Healthy, State::Degraded]).await;
    assert_eq!(done.state(), State::Healthy, "{:?}", done.stage);
    promoting.looks().await;
    let rows = promoting.rows().await;
    let [_, production] = rows.as_slice() else { panic!("{} rows", rows.len()) };
    assert_eq!(production.head.environment, "production");
    assert_eq!(production.parent, Some(staging.head.id));
    assert_eq!(production.mismatch(), None);
    let promoted = production.signals.iter().find(|view| view.signal.name == "promoted from").unwrap();
    assert_eq!(promoted.signal.value, format!("{}, healthy there", staging.head.id));
    assert_eq!(promoted.signal.pointer.reference, staging.head.id.to_string());

    promoting.executed(&executor, production).await;
    while !promoting.pending().await.is_empty() {
        promoting.world.platforms.world().tick();
    }
    for _ in 0..20 {
        promoting.world.platforms.world().tick();
    }
    promoting.world.advance(301 + 301);
    let done = promoting.work(&executor, production.head.id, &[State::Healthy, State::Degraded]).await;
    assert_eq!(done.state(), State::Healthy, "{:?}", done.stage);
}

#[tokio::test]
async fn what_did_not_turn_out_well_in_staging_is_not_promoted_as_if_it_had() {
    let promoting = Box::pin(Promoting::start()).await;
    let executor = promoting.executor();
    promoting.looks().await;
    let staging = promoting.rows().await.remove(0);
    promoting.executed(&executor, &staging).await;
    promoting.waits("production").await;
    // Nobody can say how it does: at the end of its watch that is all there is to say.
    promoting.world.platforms.world().faults(Site::ArgoCd).down();
    promoting.world.advance(1801);
    loop {
        executor.turn().await.unwrap();
        let row = promoting.world.store().row(staging.head.id).await.unwrap().unwrap();
        if row.stage.outcome().is_some() {
            assert_eq!(row.state(), State::Executed);
            break;
        }
        tokio::task::yield_now().await;
    }
    promoting.looks().await;
    let rows = promoting.rows().await;
    assert_eq!(rows.len(), 2, "a person decides, without that evidence");
    assert_eq!(rows[1].parent, None);
    assert!(rows[1].signals.iter().all(|view| view.signal.name != "promoted from"));
}
