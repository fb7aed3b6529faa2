//! Files that are damaged, newer, edited, open to others or cannot grow, and clocks that are off: a sentence says what
//! and what now, with the right exit code, and nothing that was signed is lost.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use rusqlite::Connection;
use serde_json::json;

use crate::world::{Part, World, dock, until};

const MITIGATION: &str = "Manual mitigation of INC-771 stays.";
const NOTE: &str = "Read the whole diff before this.";

fn change(file: &Path, sql: &str) {
    Connection::open(file).unwrap().execute_batch(sql).unwrap();
}

fn said(done: &Output) -> String {
    String::from_utf8_lossy(&done.stderr).into_owned()
}

/// The exit code, and words that standard error must have.
#[track_caller]
fn told(done: &Output, code: i32, words: &[&str]) {
    assert_eq!(done.status.code(), Some(code), "{done:?}");
    for word in words {
        assert!(said(done).contains(word), "{word}: {}", said(done));
    }
    assert!(!said(done).contains("panicked"), "{}", said(done));
}

/// A command to whom the disk is full: no file grows beyond so many blocks of 512 bytes.
fn full(blocks: u32, words: &[&str]) -> Command {
    let plain = dock();
    let mut limited = Command::new("sh");
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
    limited.args(["-c", &script]).arg(plain.get_program()).args(words).stdin(Stdio::null());
    for (name, value) in plain.get_envs() {
        match value {
            Some(value) => limited.env(name, value),
            None => limited.env_remove(name),
        };
    }
    limited
}

/// One person's files, and the server's, from damage to damage.
#[test]
fn files_that_are_not_as_they_were() {
    let mut world = World::start(&["--scenario", "seeds"]);
    world.until_row("sarah", "sync-8821", "pending");
    world.until_row("sarah", "sync-8822", "pending");
    for who in ["sarah", "govind", "priya", "jordan"] {
        world.ok(who, &["sync", "--once"], 0);
    }
    world.move_world(&json!({"do": "backend", "state": "down"}));
    let cache = |who: &str| world.home(who).join("cache/cache.db");
    let outbox = |who: &str| world.home(who).join("state/outbox.db");
    let decline = ["decline", "sync-8822", "--note", MITIGATION, "--yes"];

    // Edited: it can be read, is said not to match, and cannot be decided.
    change(&cache("sarah"), "UPDATE body SET body = replace(body, 'INC-771', 'INC-700')");
    told(&world.run("sarah", &["show", "sync-8822"]), 0, &["digest does not match", "cannot be decided"]);
    told(&world.run("sarah", &decline), 4, &["digest does not match"]);
    assert_eq!(world.ok("sarah", &["outbox", "--json"], 0), "", "nothing was signed");

    // Damaged where it shows only later: it goes, and is made anew.
    change(&cache("govind"), "PRAGMA wal_checkpoint(TRUNCATE)");
    let mut bytes = fs::read(cache("govind")).unwrap();
    bytes[4096..].fill(0xa5);
    fs::write(cache("govind"), bytes).unwrap();
    let done = world.run("govind", &["show", "sync-8822"]);
    assert!(said(&done).contains("damaged") && said(&done).contains("dock sync"), "{done:?}");
    told(&world.run("govind", &["rows", "--offline"]), 7, &[]);

    // Written by a newer dock: refused by name, and left alone.
    for file in [cache("priya"), outbox("priya")] {
        let version =
            Connection::open(&file).unwrap().pragma_query_value(None, "user_version", |row| row.get(0));
        let version: i64 = version.unwrap();
        change(&file, "PRAGMA user_version = 99");
        told(&world.run("priya", &decline), 1, &[&file.display().to_string(), "format 99", "newer"]);
        change(&file, &format!("PRAGMA user_version = {version}"));
    }
    let database = PathBuf::from(world.info["dir"].as_str().unwrap()).join("server/dock.db");
    let version: i64 = Connection::open(&database)
        .unwrap()
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap();
    change(&database, "PRAGMA user_version = 99");
    let config = world.info["configs"]["serve"].as_str().unwrap();
    told(&dock().args(["serve", "--config", config]).output().unwrap(), 1, &["dock.db", "99"]);
    change(&database, &format!("PRAGMA user_version = {version}"));

    // Open to others: refused, with what to do.
    let key = PathBuf::from(world.info["dir"].as_str().unwrap()).join("keys/priya");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    told(&world.run("priya", &decline), 5, &["keys/priya", "chmod 600"]);
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    let token = world.info["agents"]["argus"]["token_file"].as_str().unwrap();
    fs::set_permissions(token, fs::Permissions::from_mode(0o644)).unwrap();
    let argus = world.info["configs"]["argus"].as_str().unwrap();
    let done = dock().args(["agent", "argus", "--once", "--config", argus]).output().unwrap();
    told(&done, 1, &["argus.token", "chmod 600"]);
    fs::set_permissions(token, fs::Permissions::from_mode(0o600)).unwrap();

    // No room: not signed, and said so; what is there can be read.
    let home = world.home("priya");
    told(&full(0, &decline).env("DOCK_HOME", &home).output().unwrap(), 1, &["outbox.db", "room"]);
    assert_eq!(world.ok("priya", &["outbox", "--json"], 0), "", "nothing is said to be signed");
    // A folder that cannot be made.
    let nowhere = world.dir.path().join("nowhere");
    fs::create_dir_all(nowhere.join("config")).unwrap();
    fs::set_permissions(nowhere.join("config"), fs::Permissions::from_mode(0o700)).unwrap();
    fs::copy(home.join("config/console.toml"), nowhere.join("config/console.toml")).unwrap();
    fs::write(nowhere.join("state"), "a file").unwrap();
    told(&dock().env("DOCK_HOME", &nowhere).args(["outbox"]).output().unwrap(), 1, &["nowhere/state"]);

    // No room for the backend: it goes on answering, and what it could not keep waits unsent, with the reason.
    let backend = full(64, &["serve", "--config", config]).stderr(Stdio::null()).spawn().unwrap();
    let mut backend = Part(backend);
    until("the backend answers", || world.run("priya", &["sync", "--once"]).status.success().then_some(()));
    told(&world.run("priya", &["needs-changes", "sync-8822", "--note", MITIGATION, "--yes"]), 3, &[]);
    let waits = world.ok("priya", &["outbox", "--json"], 0);
    assert!(waits.contains("disk full"), "{waits}");
    assert!(world.rows("priya").contains_key("sync-8822"));
    backend.kill();

    world.move_world(&json!({"do": "backend", "state": "up"}));
    world.ok("govind", &["show", "sync-8822"], 0);
    assert!(world.rows("govind").contains_key("sync-8821"), "the cache is filled again");

    // A clock that is a day off: told, and nothing lapses by it.
    for (who, offset, side, words) in [
        ("sarah", 86_400, "ahead of", &["approve", "sync-8821", "--note", NOTE, "--yes"][..]),
        ("jordan", -86_400, "behind", &decline),
    ] {
        let config = world.home(who).join("config/console.toml");
        let clock = world.dir.path().join(format!("{who}.clock"));
        fs::write(&clock, format!("{offset}\n")).unwrap();
        let text = fs::read_to_string(&config).unwrap();
        let kept = text.lines().filter(|line| !line.starts_with("clock_offset_file"));
        let kept = kept.fold(String::new(), |text, line| text + line + "\n");
        fs::write(&config, format!("{kept}clock_offset_file = {:?}\n", clock.display().to_string())).unwrap();
        told(&world.run(who, words), 0, &["this machine's clock is", side]);
    }
    world.until_row("govind", "sync-8821", "healthy");
    world.until_row("govind", "sync-8822", "declined");
}
