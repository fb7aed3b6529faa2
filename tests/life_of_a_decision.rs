//! The life of a decision, in the order of the table of that name in the README, through the real binary.
//!
//! Never: a shortcut. Argus drafts over HTTP, a person's command signs, the backend judges, the executor acts on an
//! ArgoCD that keeps ArgoCD's rules, and a stranger checks the pack.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

#[expect(dead_code, reason = "the other tests use the rest")]
mod world;

use serde_json::{Value, json};
use world::World;

const NOTE: &str = "Read the whole diff, the fix is what we wait for.";

#[test]
fn from_drift_to_health_to_proof() {
    let mut world = World::start(&["--scenario", "seeds"]);

    // The agent gathers, drafts; the backend reads for itself, judges the claim, commits the first entry.
    let id = "sync-8821";
    let row = world.until_row("govind", id, "pending");
    assert_eq!((&row["subject"], &row["verdict"]), (&json!("payments-api"), &json!("sync")));
    let first = first_entry(&world, id);
    assert_eq!((&first["event"], &first["actor"]["id"]), (&json!("row.opened"), &json!("argus")));
    assert_eq!(first["body"]["content_sha256"], row["content_sha256"], "the record names what was opened");

    // The client syncs and caches: with the backend away, the row can still be read.
    world.ok("govind", &["sync", "--once"], 0);
    world.move_world(&json!({"do": "backend", "state": "down"}));
    let cached = world.ok("govind", &["rows", "--offline", "--json"], 0);
    assert!(cached.contains(id), "{cached}");

    // The reviewer decides; it is signed, and in the outbox on disk before anything says so; nothing is sent yet.
    let syncs = world.syncs("payments-api");
    let said: Value =
        serde_json::from_str(&world.ok("govind", &["approve", id, "--note", NOTE, "--yes", "--json"], 3))
            .unwrap();
    assert_eq!(said["outcome"], "queued");
    let decision = said["decision_id"].as_str().unwrap().to_owned();
    let outbox = world.ok("govind", &["outbox", "list", "--json"], 0);
    assert!(outbox.contains(&decision) && outbox.contains("signed"), "{outbox}");

    // Sync pushes it; the backend verifies the exact bytes, applies, commits.
    world.move_world(&json!({"do": "backend", "state": "up"}));
    world::until("the backend answers", || {
        world.run("govind", &["sync", "--once"]).status.success().then_some(())
    });

    // The executor verifies again from the record, reads the base, acts, tagged, once; health is stamped.
    let done = world.until_row("govind", id, "healthy");
    assert_eq!(done["decisions"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&done["decisions"][0]["id"], &done["decisions"][0]["offline"]),
        (&json!(decision), &json!(true))
    );
    assert_eq!(done["execution"]["tag"], json!(decision));
    let ours: Vec<_> =
        world.syncs("payments-api").into_iter().filter(|entry| !syncs.contains(entry)).collect();
    assert_eq!(ours.len(), 1, "exactly one sync");
    let app = world.platform("argocd", "/api/v1/applications/payments-api");
    assert!(
        app["status"]["operationState"]["operation"]["info"].to_string().contains(&decision),
        "tagged with the decision"
    );
    assert_eq!(
        app["status"]["history"].as_array().unwrap().last().unwrap()["revision"],
        row["base"]["revision"]
    );

    // A checkpoint seals the head; anyone re-walks it, without network; one bit off is found.
    let pack = world::pack(&world);
    let pack_text = pack.to_string_lossy().into_owned();
    world.ok("govind", &["audit", "export", "--out", &pack_text], 0);
    let log_key = world.info["log_key"].as_str().unwrap().to_owned();
    let verify = ["audit", "verify", &pack_text, "--log-key", &log_key];
    let proved = world.ok("govind", &verify, 0);
    assert!(
        proved.to_lowercase().contains("cannot") || proved.contains("not"),
        "it says what it could not prove: {proved}"
    );
    let statement = pack.join(format!("decisions/{decision}.json"));
    let mut bytes = std::fs::read(&statement).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&statement, &bytes).unwrap();
    world.ok("govind", &verify, 1);
}

fn first_entry(world: &World, id: &str) -> Value {
    let history = world.ok("govind", &["show", id, "--history", "--json"], 0);
    let parsed: Value = serde_json::from_str(&history).unwrap_or_else(|_| {
        let line = history.lines().next().unwrap_or_default();
        serde_json::from_str(line).unwrap_or(Value::Null)
    });
    let entries = parsed.get("history").cloned().unwrap_or(parsed);
    let first = entries.as_array().and_then(|all| all.first().cloned()).unwrap_or(entries);
    first.get("leaf").cloned().map_or(first.clone(), |leaf| match leaf {
        Value::String(text) => serde_json::from_str(&text).unwrap(),
        other => other,
    })
}
