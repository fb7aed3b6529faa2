//! A pipeline elsewhere, as its own script would have it: `dock gate wait … && ./deploy.sh`.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use serde_json::Value;

use crate::world::{Part, World, dock, until};

const NOTE: &str = "A tenth of the traffic first, then look again.";
const COMMIT: &str = "9b21c047e0c1a2b3d4e5f60718293a4b5c6d7e8f";
/// Appended to the configs of backend and gatekeeper.
const GATE: &str = "\n[gates.ledger-worker]\npipeline = \"elsewhere\"\nenvironments = { production = \"reversible\" }\n\
                    argocd = \"ledger-worker\"\n";

struct Elsewhere {
    world: World,
    token: PathBuf,
    _parts: [Part; 2],
}

impl Elsewhere {
    fn start() -> Self {
        let world = World::start(&["--scenario", "seeds", "--only", "platforms"]);
        for part in ["serve", "gatekeeper"] {
            let file = Path::new(world.info["configs"][part].as_str().unwrap());
            let config = std::fs::read_to_string(file).unwrap();
            std::fs::write(file, config + GATE).unwrap();
        }
        let backend = world.part(&["serve"], "serve", None);
        let keeper = world.part(&["agent", "gatekeeper"], "gatekeeper", None);
        until("the backend is there", || {
            world.run("govind", &["sync", "--once"]).status.success().then_some(())
        });
        let token = world.dir.path().join("pipeline.token");
        let out = token.display().to_string();
        let scope = "wait:ledger-worker";
        world.ok(
            "admin",
            &["token", "issue", "pipeline", "--owner", "admin", "--scope", scope, "--out", &out],
            0,
        );
        Self { world, token, _parts: [backend, keeper] }
    }

    /// `dock gate wait … > answer.json && touch deployed`, as a shell runs it for this run.
    fn script(&self, run: &str) -> Child {
        let dir = self.world.dir.path();
        let home = tempfile::tempdir_in(dir).unwrap().keep();
        let mut shell = Command::new("sh");
        shell
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("DOCK_HOME", home)
            .env("DOCK_TOKEN_FILE", &self.token);
        shell
            .env("DOCK", dock().get_program())
            .env("SERVER", self.world.info["server"].as_str().unwrap())
            .env("ANSWER", dir.join(format!("answer-{run}.json")))
            .env("DEPLOYED", self.deployed(run))
            .args([
                "-c",
                &format!(
                    "\"$DOCK\" gate wait --server \"$SERVER\" --service ledger-worker --environment production \
                     --run {run} --commit {COMMIT} --ci passed --timeout 10m --json > \"$ANSWER\" && touch \"$DEPLOYED\""
                ),
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        shell.spawn().unwrap()
    }

    fn deployed(&self, run: &str) -> PathBuf {
        self.world.dir.path().join(format!("deployed-{run}"))
    }
}

#[test]
fn a_script_goes_on_when_it_may_and_only_then() {
    let elsewhere = Elsewhere::start();
    let world = &elsewhere.world;
    let mut goes = elsewhere.script("4711");
    let id = world.until_subject("govind", "ledger-worker/4711/production", "pending");
    assert!(goes.try_wait().unwrap().is_none() && !elsewhere.deployed("4711").exists(), "it waits");
    world.ok("govind", &["approve", &id, "--with", "canary=10%", "--note", NOTE, "--yes"], 0);
    assert_eq!(goes.wait().unwrap().code(), Some(0), "{}", world.said());
    assert!(elsewhere.deployed("4711").exists());
    let answer = std::fs::read(world.dir.path().join("answer-4711.json")).unwrap();
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    assert_eq!((answer["id"].as_str(), answer["answer"].as_str()), (Some(id.as_str()), Some("approved")));
    assert_eq!(answer["conditions"]["canary"], "10%", "{answer}");
    let row = until("it was told", || {
        let row = world.row("govind", &id);
        matches!(row["state"].as_str(), Some("executed" | "healthy")).then_some(row)
    });
    assert_eq!(row["effect"]["platform"], "pipeline");

    let mut stays = elsewhere.script("4712");
    let id = world.until_subject("govind", "ledger-worker/4712/production", "pending");
    world.ok("sarah", &["decline", &id, "--note", "Not before the ledger is reconciled.", "--yes"], 0);
    assert_eq!(stays.wait().unwrap().code(), Some(4), "{}", world.said());
    assert!(!elsewhere.deployed("4712").exists());
}

#[test]
fn a_wait_that_is_ended_is_decided_for_by_nobody() {
    let elsewhere = Elsewhere::start();
    let world = &elsewhere.world;
    let mut wait = dock();
    wait.env("DOCK_HOME", tempfile::tempdir_in(world.dir.path()).unwrap().keep())
        .env("DOCK_TOKEN_FILE", &elsewhere.token)
        .args(["gate", "wait", "--server", world.info["server"].as_str().unwrap(), "--run", "4711"])
        .args(["--service", "ledger-worker", "--environment", "production", "--commit", COMMIT]);
    let mut wait = wait.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let id = world.until_subject("govind", "ledger-worker/4711/production", "pending");
    assert!(Command::new("kill").arg(wait.id().to_string()).status().unwrap().success());
    assert_eq!(wait.wait().unwrap().code(), Some(1));
    let row = world.until_row("govind", &id, "withdrawn");
    assert!(row["why"].as_str().unwrap_or_default().starts_with("the pipeline stopped waiting at "), "{row}");
}
