//! Who may do what, changed through the command line: signed by an administrator, in force at once, in the record.

use std::{fs, os::unix::fs::PermissionsExt, process::Command};

use crate::world::World;

#[test]
fn people_keys_and_tokens_are_an_administrators() {
    let world = World::start(&["--only", "serve", "--only", "agents"]);
    let file = |name: &str| world.dir.path().join(name).display().to_string();

    let refused = world.run("sarah", &["people", "set", "sarah", "--role", "admin"]);
    assert_ne!(refused.status.code(), Some(0), "nobody makes themselves an administrator");
    world.ok("admin", &["people", "set", "jordan", "--role", "sre", "--role", "lead"], 0);
    let people = world.ok("sarah", &["people"], 0);
    assert!(people.lines().any(|line| line.starts_with("jordan, roles lead sre")), "{people}");

    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "laptop", "-f", &file("laptop")])
        .status();
    assert!(made.unwrap().success());
    world.ok("admin", &["key", "enrol", "jordan", &file("laptop.pub"), "--until", "90d"], 0);
    let keys = world.ok("admin", &["key", "list"], 0);
    let jordans: Vec<_> = keys.lines().filter(|line| line.starts_with("jordan ")).collect();
    let laptop = jordans.iter().find(|line| line.contains(", until ")).unwrap();
    assert_eq!(jordans.len(), 2, "{keys}");
    let fingerprint = laptop.split_whitespace().nth(2).unwrap().trim_end_matches(',');
    world.ok("admin", &["key", "revoke", "jordan", fingerprint], 0);
    assert!(!world.ok("admin", &["key", "list"], 0).contains(fingerprint));

    let token = file("scout.token");
    let nobodys = world.run("admin", &["token", "issue", "scout", "--out", &token]);
    assert_eq!(nobodys.status.code(), Some(2), "a new agent has an owner");
    world.ok("admin", &["token", "issue", "scout", "--owner", "admin", "--out", &token], 0);
    assert_eq!(fs::metadata(&token).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(fs::read_to_string(&token).unwrap().starts_with("dock_agt_"));
    world.ok("admin", &["token", "issue", "scout", "--out", &token], 1);
    world.ok("admin", &["token", "rotate", "scout", "--out", &file("next.token")], 0);
    let tokens = |rest: &str| rest.lines().skip(1).take_while(|line| line.starts_with("  token ")).count();
    let scout = |listed: &str| listed.split("\nscout ").nth(1).map(tokens);
    let listed = world.ok("admin", &["token", "list"], 0);
    assert_eq!(scout(&format!("\n{listed}")), Some(1), "the old one is revoked: {listed}");
    world.ok("admin", &["token", "revoke", "scout"], 0);
    world.ok("admin", &["token", "revoke", "scout"], 6);

    let pack = file("pack");
    world.ok("admin", &["audit", "export", "--out", &pack], 0);
    world.ok("admin", &["audit", "verify", &pack], 0);
}

#[test]
fn a_row_waits_longer_when_a_reviewer_says_why() {
    let world = World::start(&["--only", "serve", "--only", "agents"]);
    let row = world.until_row("sarah", "sync-8822", "pending");
    let note = ["--note", "Waiting for the provider's answer."];
    world.ok("sarah", &["extend", "sync-8822", "--until", "9h", note[0], note[1]], 0);
    let longer = world.row("sarah", "sync-8822");
    assert!(longer["expires_at"].as_str() > row["expires_at"].as_str());
    world.ok("sarah", &["extend", "sync-8822", "--until", "soon", note[0], note[1]], 2);
    world.ok("sarah", &["extend", "sync-8822", "--until", "9h", "--note", "x"], 2);
    let early = world.run("sarah", &["attest", "sync-8822", "executed", note[0], note[1]]);
    assert_ne!(early.status.code(), Some(0), "only what cannot be told is attested");
}

#[test]
fn doctor_tells_a_credential_that_may_too_much() {
    let world = World::start(&["--only", "platforms"]);
    let config = world.info["configs"]["serve"].as_str().unwrap().to_owned();
    let sound = world.ok("admin", &["doctor", "--backend", &config], 0);
    assert!(sound.contains("the reading token can not sync"), "{sound}");
    assert!(sound.contains("the executor's token may sync"), "{sound}");
    for platform in
        ["argocd", "github", "pagerduty", "prometheus", "datadog", "terraform", "answers", "applies"]
    {
        assert!(sound.contains(&format!("ok   {platform} ")), "{platform}: {sound}");
    }
    assert!(sound.contains("calls left this hour"), "{sound}");
    assert!(sound.contains("the reading account can not edit CONF-3380, CONF-4711"), "{sound}");
    assert!(sound.contains("the executor's account may edit CONF-3380, CONF-4711"), "{sound}");

    assert!(sound.contains("the executor's account may make pages in 98306"), "{sound}");
    assert!(sound.contains("ok   edits in Notion") && sound.contains("it sees NOTION-91a"), "{sound}");

    let text = fs::read_to_string(&config).unwrap().replace("argocd-agent.token", "argocd-executor.token");
    let loose = world.dir.path().join("loose.toml");
    fs::write(&loose, text).unwrap();
    let found = world.ok("admin", &["doctor", "--backend", loose.to_str().unwrap()], 1);
    assert!(found.contains("FAIL agents' right") && found.contains("may sync"), "{found}");

    let text = fs::read_to_string(&config).unwrap().replace("acc-dock-executor", "acc-somebody");
    fs::write(&loose, text).unwrap();
    let found = world.ok("admin", &["doctor", "--backend", loose.to_str().unwrap()], 1);
    assert!(found.contains("FAIL edits") && found.contains("names acc-somebody"), "{found}");

    let text = fs::read_to_string(&config).unwrap();
    let text = text.replace("confluence.token", "confluence-executor.token");
    fs::write(&loose, text.replace("dock-reader@", "dock@")).unwrap();
    let found = world.ok("admin", &["doctor", "--backend", loose.to_str().unwrap()], 1);
    assert!(found.contains("FAIL agents' pages") && found.contains("may edit CONF-3380"), "{found}");
}
