//! The demo's contract, and a person's commands against it: fields, exit codes, the queue while the backend is away.

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader},
    net::TcpStream,
    path::Path,
    process::{Child, Stdio},
};

use serde_json::{Value, json};

use crate::world::{World, dock, until};

const NOTE: &str = "The toggle is the mitigation of INC-771, promote it first.";

fn fields(value: &Value) -> BTreeSet<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn rows_decisions_and_the_outbox_have_the_contracts_fields() {
    let mut world = World::start(&["--scenario", "seeds"]);
    for part in ["server", "log_key", "people", "agents", "platforms", "configs"] {
        assert!(!world.info[part].is_null(), "the ready line lacks {part}");
    }
    let row = world.until_row("sarah", "sync-8822", "pending");
    let listed = world.rows("sarah")["sync-8822"].clone();
    let expected = [
        "id",
        "kind",
        "subject",
        "environment",
        "title",
        "state",
        "how",
        "verdict",
        "risk",
        "revision",
        "word",
        "content_sha256",
        "base",
        "agent",
        "owner",
        "reviewers",
        "keys_needed",
        "keys_given",
        "second_key_by",
        "void",
        "incident",
        "created_at",
        "changed_at",
        "expires_at",
        "as_of",
        "stale",
        "unsent",
    ];
    assert_eq!(fields(&listed), BTreeSet::from(expected));
    for part in [
        "rationale",
        "prose_by",
        "claim",
        "signals",
        "pointers",
        "diff",
        "effect",
        "effect_sha256",
        "decisions",
        "execution",
        "outcome",
    ] {
        assert!(row.get(part).is_some(), "show lacks {part}");
    }

    // What cannot be a decision is told before anything is signed.
    for (words, code) in [
        (&["decline", "sync-8822", "--note", "", "--yes"][..], 2),
        (&["decline", "sync-8822", "--yes"], 2),
        (&["decline", "sync-8822", "--note", NOTE], 2),
        (&["approve", "sync-8822", "--note", NOTE, "--yes"], 4),
        (&["approve", "sync-8822", "--note", NOTE, "--yes", "--digest", &"0".repeat(64)], 4),
        (&["withdraw", "sync-8822", "--yes"], 4),
        (&["show", "sync-99999"], 6),
        (&["show", "nonsense"], 2),
    ] {
        world.ok("sarah", words, code);
    }
    assert_eq!(world.ok("sarah", &["outbox", "list", "--json"], 0), "", "nothing was signed");

    // With the backend away: signed, queued, visible; another is taken back; both survive.
    world.ok("sarah", &["sync", "--once"], 0);
    world.move_world(&json!({"do": "backend", "state": "down"}));
    let said = world.ok("sarah", &["decline", "sync_8822", "--note", NOTE, "--yes", "--json"], 3);
    let said: Value = serde_json::from_str(&said).unwrap();
    let answer = ["decision_id", "row", "outcome", "code", "message", "state", "log_index"];
    assert_eq!((fields(&said), &said["outcome"]), (BTreeSet::from(answer), &json!("queued")));
    assert!(world.ok("sarah", &["rows", "--offline", "--json"], 0).contains("\"unsent\":true"));
    let other = world.ok("priya", &["rows", "--offline"], 7);
    assert_eq!(other, "", "priya's home has nothing stored");
    world.ok("sarah", &["sync", "--once"], 7);
    world.move_world(&json!({"do": "backend", "state": "up"}));
    world.ok("sarah", &["sync", "--once"], 0);
    let row = world.until_row("sarah", "sync-8822", "declined");
    assert_eq!(
        (row["decisions"].as_array().unwrap().len(), &row["decisions"][0]["offline"]),
        (1, &json!(true))
    );
    let boxed: Value = serde_json::from_str(world.ok("sarah", &["outbox", "--json"], 0).trim()).unwrap();
    assert_eq!((&boxed["state"], &boxed["decision_id"]), (&json!("accepted"), &said["decision_id"]));

    // What is decided stays decided, and is told by whom.
    let refused = world.run("priya", &["approve", "sync-8822", "--note", NOTE, "--yes"]);
    assert_eq!(refused.status.code(), Some(4));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("sarah"), "{refused:?}");
    let declined = world.ok("priya", &["rows", "--declined", "--json"], 0);
    assert_eq!(declined.lines().count(), 1, "{declined}");
    let holds = world.ok("priya", &["holds", "--json"], 0);
    assert!(holds.contains("checkout-web") && holds.contains("INC-771"), "{holds}");
    let history = world.ok("priya", &["show", "sync-8822", "--history", "--json"], 0);
    assert!(history.contains("decision.accepted") && history.contains("row.opened"), "{history}");
}

#[test]
fn a_demo_goes_on_where_it_stopped_and_takes_its_children_along() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("somebody-elses.txt"), "stays").unwrap();
    let (mut first, info) = start(dir.path());
    let home = info["people"]["govind"]["home"].as_str().unwrap().to_owned();
    let run = |words: &[&str]| dock().env("DOCK_HOME", &home).args(words).output().unwrap();
    until("a row", || {
        String::from_utf8_lossy(&run(&["rows", "--json"]).stdout).contains("sync-8821").then_some(())
    });
    let server = info["server"].as_str().unwrap().trim_start_matches("http://").to_owned();

    // kill -9: nobody tidied up, and still nothing lives on.
    first.kill().unwrap();
    first.wait().unwrap();
    until("the backend ends with the demo", || TcpStream::connect(&server).is_err().then_some(()));
    let offline = String::from_utf8(run(&["rows", "--offline", "--json"]).stdout).unwrap();
    assert!(offline.contains("sync-8821"), "{offline}");

    let (mut second, again) = start(dir.path());
    for part in ["server", "log_key", "people", "agents", "configs", "platforms"] {
        assert_eq!(info[part], again[part], "{part} is as it was");
    }
    assert_eq!(run(&["sync", "--once"]).status.code(), Some(0), "the record goes on");
    assert!(String::from_utf8_lossy(&run(&["rows", "--json"]).stdout).contains("sync-8821"));
    stop(&mut second);
    assert!(dir.path().join("somebody-elses.txt").exists());
}

/// A server that lost the tail of its log, or tells another one, is found out; deciding is off, both heads are kept.
#[test]
fn a_server_rolled_back_is_found_out() {
    let dir = tempfile::tempdir().unwrap();
    let (mut first, info) = start(dir.path());
    let home = info["people"]["sarah"]["home"].as_str().unwrap().to_owned();
    let run = |words: &[&str]| dock().env("DOCK_HOME", &home).args(words).output().unwrap();
    let has = |id: &str| String::from_utf8_lossy(&run(&["rows", "--json"]).stdout).contains(id).then_some(());
    until("a row", || has("sync-8821"));
    stop(&mut first);
    let (database, kept) = (dir.path().join("server/dock.db"), dir.path().join("server/kept.db"));
    std::fs::copy(&database, &kept).unwrap();
    let (mut second, _) = start(dir.path());
    until("another row", || has("sync-8822"));
    assert_eq!(run(&["sync", "--once"]).status.code(), Some(0));
    stop(&mut second);

    std::fs::rename(&kept, &database).unwrap();
    for trace in ["server/dock.db-wal", "server/dock.db-shm", "server/checkpoint"] {
        let _ = std::fs::remove_file(dir.path().join(trace));
    }
    let (mut third, _) = start(dir.path());
    until("the loss is told", || (run(&["sync", "--once"]).status.code() == Some(1)).then_some(()));
    let told = run(&["sync", "--once"]);
    assert!(String::from_utf8_lossy(&told.stderr).contains("RECORD BROKEN"), "{told:?}");
    let decided = run(&["decline", "sync-8822", "--note", NOTE, "--yes"]);
    assert_ne!(decided.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&decided.stderr).contains("RECORD BROKEN"), "{decided:?}");
    let heads = run(&["audit", "checkpoint", "--json"]);
    let heads: Value = serde_json::from_slice(&heads.stdout).unwrap();
    assert!(heads["verified"]["size"].as_u64() > heads["broken"]["size"].as_u64(), "{heads}");
    stop(&mut third);
}

fn stop(demo: &mut Child) {
    assert!(std::process::Command::new("kill").arg(demo.id().to_string()).status().unwrap().success());
    assert_eq!(demo.wait().unwrap().code(), Some(0));
}

/// A demo in this folder, from its ready line on.
fn start(dir: &Path) -> (Child, Value) {
    let mut demo = dock()
        .args(["demo", "--headless", "--json", "--dir"])
        .arg(dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(demo.stdout.take().unwrap()).read_line(&mut line).unwrap();
    (demo, serde_json::from_str(&line).unwrap())
}
