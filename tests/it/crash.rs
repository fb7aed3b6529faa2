//! kill -9 between any two steps of a decision's life: none lost, none executed twice, every database opens.
//!
//! Each step is a named stop point of the test build, at which the process ends without a word. The test starts a part
//! with a stop, waits for it to end there, starts it again without, and asks what became of the decision.

use serde_json::json;

use crate::world::{World, dock, until};

const NOTE: &str = "Read the diff before this round.";

/// Between any two steps of the backend and the executor in it, in the order in which they are met.
const BACKEND: &[&str] = &[
    "decision.verified",
    "decision.committed",
    "answer.sent",
    "lease.taken",
    "warrant.verified",
    "base.read",
    "intent.committed",
    "write.sent",
    "write.answered",
    "readback.done",
    "confirmed.committed",
    "health.stamped",
];

/// Of the person's own side: the command that signs and sends.
const CLIENT: &[&str] = &["statement.signed", "outbox.written", "sending", "answered"];

#[test]
fn the_backend_dies_at_each_step_and_each_approval_is_one_sync() {
    let mut world = World::start(&["--scenario", "seeds", "--only", "platforms"]);
    let _agent = world.part(&["agent", "argus"], "argus", None);
    let mut backend = world.part(&["serve"], "serve", None);
    for (round, point) in BACKEND.iter().enumerate() {
        if round > 0 {
            world.move_world(&json!({"do": "drift", "app": "payments-api"}));
        }
        let id = world.until_subject("govind", "payments-api", "pending");
        let before = world.syncs("payments-api");
        backend.kill();
        backend = world.part(&["serve"], "serve", Some(point));
        until("the backend is back", || {
            world.run("govind", &["sync", "--once"]).status.success().then_some(())
        });
        let said = world.run("govind", &["approve", &id, "--note", NOTE, "--yes", "--json"]);
        assert!(matches!(said.status.code(), Some(0 | 3)), "{point}: {said:?}");
        backend.until_stopped(point);
        backend = world.part(&["serve"], "serve", None);
        until("the decision is told", || {
            world.run("govind", &["sync", "--once"]).status.success().then_some(())
        });
        world.until_row("govind", &id, "healthy");
        let ours = world.syncs("payments-api").into_iter().filter(|entry| !before.contains(entry)).count();
        assert_eq!(ours, 1, "{point}: {ours} syncs for one approval\n{}", world.said());
        let row = world.row("govind", &id);
        assert_eq!(row["decisions"].as_array().map(Vec::len), Some(1), "{point}: {row}");
    }
}

#[test]
fn the_command_dies_at_each_step_and_the_decision_arrives_once() {
    let mut world = World::start(&["--scenario", "seeds"]);
    let dies = |world: &World, point: &str, words: &[&str]| {
        let home = world.home("govind");
        let died = dock().env("DOCK_HOME", home).env("DOCK_STOP_AT", point).args(words).output().unwrap();
        assert!(died.status.code().is_none(), "{point}: it was to die there: {died:?}");
    };
    for point in ["head.kept", "rows.cached"] {
        dies(&world, point, &["sync", "--once"]);
        world.ok("govind", &["sync", "--once"], 0);
    }
    for (round, point) in CLIENT.iter().enumerate() {
        if round > 0 {
            world.move_world(&json!({"do": "drift", "app": "payments-api"}));
        }
        let id = world.until_subject("govind", "payments-api", "pending");
        let approve = ["approve", &id, "--note", NOTE, "--yes"];
        dies(&world, point, &approve);
        if *point == "statement.signed" {
            assert_eq!(world.ok("govind", &["outbox", "--json"], 0), "", "it was never told to be signed");
            world.ok("govind", &approve, 0);
        }
        // The sender that died is not waited for.
        world.ok("govind", &["sync", "--once"], 0);
        let row = world.until_row("govind", &id, "healthy");
        assert_eq!(row["decisions"].as_array().map(Vec::len), Some(1), "{point}: {row}");
    }
}

#[test]
fn the_agent_or_its_backend_dies_around_a_draft_and_each_drift_has_one_row() {
    let world = World::start(&["--scenario", "seeds", "--only", "platforms"]);
    for point in ["checkpoint.signed", "checkpoint.kept"] {
        let mut backend = world.part(&["serve"], "serve", Some(point));
        until("the backend is asked for its head", || {
            world.run("sarah", &["sync", "--once"]);
            (!backend.running()).then_some(())
        });
    }
    let mut backend = world.part(&["serve"], "serve", Some("draft.committed"));
    let mut agent = world.part(&["agent", "argus"], "argus", Some("draft.made"));
    agent.until_stopped("draft.made");
    let mut agent = world.part(&["agent", "argus"], "argus", None);
    backend.until_stopped("draft.committed");
    let _backend = world.part(&["serve"], "serve", None);
    agent.kill();
    let mut agent = world.part(&["agent", "argus"], "argus", Some("draft.posted"));
    agent.until_stopped("draft.posted");
    // Two at once, after those that died: each drift still has one row.
    let _first = world.part(&["agent", "argus"], "argus", None);
    let _second = world.part(&["agent", "argus"], "argus", None);
    world.until_subject("sarah", "checkout-web", "pending");
    let rows = world.rows("sarah");
    let of_app = |app: &str| rows.values().filter(|row| row["subject"] == app).count();
    assert_eq!((of_app("payments-api"), of_app("checkout-web")), (1, 1), "{rows:?}");
}

/// Who decides on which row about a page, and where its backend dies, one life after the other.
const PAGES: [(&str, &str, &[&str]); 2] = [
    (
        "rb-8821",
        "priya",
        &[
            "lease.taken",
            "publish.warrant.verified",
            "publish.base.read",
            "publish.write.sent",
            "publish.readback.done",
            "publish.confirmed.committed",
            "health.stamped",
        ],
    ),
    ("rb-8822", "marcus", &["publish.intent.committed", "publish.write.answered"]),
];

#[test]
fn the_backend_dies_between_any_two_steps_of_a_publication_and_each_approval_is_one_version() {
    let world = World::start(&["--scenario", "seeds", "--only", "platforms"]);
    // How long a request of a backend that died may still arrive: here it comes at once, or never.
    let config = world.info["configs"]["serve"].as_str().unwrap();
    let mut text = std::fs::read_to_string(config).unwrap();
    text.push_str("\n[executor.pace]\nlease_ms = 2000\n");
    std::fs::write(config, text).unwrap();
    let mut backend = world.part(&["serve"], "serve", None);
    let _scribe = world.part(&["agent", "scribe"], "scribe", None);
    let synced = |who: &str| {
        until("the backend is back", || world.run(who, &["sync", "--once"]).status.success().then_some(()));
    };
    for (id, who, points) in PAGES {
        world.until_row(who, id, "pending");
        for (life, point) in points.iter().enumerate() {
            backend.kill();
            backend = world.part(&["serve"], "serve", Some(point));
            if life == 0 {
                synced(who);
                let said = world.run(who, &["approve", id, "--note", NOTE, "--yes"]);
                assert!(matches!(said.status.code(), Some(0 | 3)), "{id}: {said:?}");
            }
            backend.until_stopped(&format!("{id} {point}"));
        }
        backend = world.part(&["serve"], "serve", None);
        synced(who);
        let row = world.until_row(who, id, "healthy");
        assert_eq!(row["decisions"].as_array().map(Vec::len), Some(1), "{id}: {row}");
    }
    let listed = |path: &str| {
        let answer = world.platform("confluence", &format!("/wiki/api/v2/pages{path}"));
        answer["results"].as_array().cloned().unwrap()
    };
    for page in ["4711", "3380"] {
        let ours = |version: &&serde_json::Value| version["message"].as_str().unwrap().starts_with("dock ");
        let count = listed(&format!("/{page}/versions?limit=50")).iter().filter(ours).count();
        assert_eq!(count, 1, "{page}: {count} versions for one approval\n{}", world.said());
    }
}
