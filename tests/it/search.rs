//! Finding rows again, through the real binary: words of bodies, operators, marks, and what is said without a backend.

use serde_json::{Value, json};

use crate::world::World;

fn found(world: &World, words: &[&str]) -> Vec<Value> {
    let mut all = vec!["rows", "--state", "all", "--json"];
    all.extend(words);
    let lines = world.ok("sarah", &all, 0);
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn ids(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|row| row["id"].as_str().unwrap()).collect()
}

#[test]
fn a_row_is_found_by_what_its_agent_and_its_reviewer_wrote() {
    let mut world = World::start(&["--scenario", "seeds"]);
    let row = world.until_row("sarah", "sync-8822", "pending");
    let note = "The toggle is the mitigation, promote it to git first.";
    world.ok("sarah", &["decline", "sync-8822", "--note", note, "--yes"], 0);

    // By a phrase of its reviewer's note, with where it was found.
    let rows = found(&world, &["--search", "\"promote it to git\" who:sarah"]);
    assert_eq!(ids(&rows), ["sync-8822"]);
    let line = &rows[0]["matches"][0];
    let mark = |at: usize| usize::try_from(line["marks"][0][at].as_u64().unwrap()).unwrap();
    assert_eq!(line["field"], "note");
    assert_eq!(&line["text"].as_str().unwrap()[mark(0)..mark(1)], "promote it to git");
    assert_eq!(rows[0]["content_sha256"], row["content_sha256"], "a line is a row, with more");

    // By its agent's words, and not by a phrase that nobody wrote.
    let rationale = row["rationale"].as_str().unwrap().split(' ').take(3).collect::<Vec<_>>().join(" ");
    assert!(ids(&found(&world, &["--search", &format!("\"{rationale}\"")])).contains(&"sync-8822"));
    assert_eq!(found(&world, &["--search", "\"git to it promote\""]), Vec::<Value>::new());
    for (search, expected) in [
        ("service:checkout-web \"promote it\" incident:INC-771", 1),
        ("\"promote it\" before:1d", 0),
        ("\"promote it\" -state:declined", 0),
    ] {
        assert_eq!(found(&world, &["--search", search]).len(), expected, "{search}");
    }
    let text = world.ok("sarah", &["rows", "--state", "all", "--search", "\"promote it to git\""], 0);
    assert!(text.contains("note: The toggle is the mitigation, promote it to git first."), "{text}");
    assert!(!text.contains('\u{1b}'), "bold is for terminals alone: {text}");

    // The incident's page has the row; nothing was published on a page.
    let incident = world.ok("sarah", &["incident", "INC-771"], 0);
    assert!(incident.contains("sync-8822") && incident.contains("INCIDENTS LIKE THIS ONE"), "{incident}");
    world.ok("sarah", &["incident", "INC-1"], 6);
    world.ok("sarah", &["why", "CONF-9999", "rotate", "redis"], 6);

    // Without the backend what is kept here is searched, and that is said.
    world.ok("sarah", &["sync", "--once"], 0);
    world.move_world(&json!({"do": "backend", "state": "down"}));
    let away = world.run("sarah", &["rows", "--state", "all", "--json", "--search", "\"promote it to git\""]);
    let (lines, said) = (String::from_utf8_lossy(&away.stdout), String::from_utf8_lossy(&away.stderr));
    assert!(lines.contains("sync-8822") && lines.contains("\"matches\""), "{lines}");
    assert!(said.contains("searched only what is kept here"), "{said}");
}
