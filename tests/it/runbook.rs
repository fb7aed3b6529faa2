//! A runbook while its incident is on, through the real binary: it opens by itself, is ticked and signed by command line,
//! and what was said of its steps stands in the edit afterwards.

use serde_json::{Value, json};

use crate::world::{World, until};

fn steps(world: &World, row: &str, words: &[&str]) -> Vec<Value> {
    let mut all = vec!["tick", row, "--json"];
    all.extend(words);
    world.ok("sarah", &all, 0).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_live_runbook_is_ticked_signed_and_heard_without_the_console() {
    let mut world = World::start(&["--scenario", "seeds"]);
    for row in ["rb-8821", "rb-8822", "rb-8823"] {
        world.until_row("sarah", row, "pending");
    }
    world.ok("sarah", &["decline", "rb-8822", "--note", "The workflow is not there yet.", "--yes"], 0);
    world.move_world(&json!({"do": "incident", "id": "INC-2200", "state": "open", "service": "api-gw"}));
    let live = world.until_subject("sarah", "CONF-3380@INC-2200", "pending");
    let live = live.as_str();
    let row = world.row("sarah", live);
    assert_eq!(row["proposal"]["proposes"], "live");

    let untouched = steps(&world, live, &[]);
    assert_eq!(untouched.len(), 3, "{untouched:?}");
    assert!(untouched.iter().all(|step| step["ticked"].is_null()));
    steps(&world, live, &["1", "followed"]);
    steps(&world, live, &["2-3", "wrong", "--word", "nobody has the keys of the nodes"]);
    let ticked = steps(&world, live, &["3", "nothing"]);
    let said: Vec<_> = ticked.iter().map(|step| step["ticked"].as_str()).collect();
    assert_eq!(said, [Some("followed"), Some("wrong: nobody has the keys of the nodes"), None]);
    world.ok("sarah", &["tick", live, "4", "followed"], 2);
    world.ok("sarah", &["tick", "rb-8821", "1", "followed"], 2);
    let text = world.ok("sarah", &["tick", live], 0);
    assert!(text.contains("2 of 3 steps ticked, NOT SIGNED: dock approve"), "{text}");

    world.ok("sarah", &["approve", live, "--yes"], 0);
    let row = world.row("sarah", live);
    let signed = json!({"1": "followed", "2": "wrong: nobody has the keys of the nodes"});
    assert_eq!(row["decisions"][0]["conditions"], signed, "{row}");
    world.ok("sarah", &["tick", live, "1", "skipped"], 4);
    let over = world.ok("sarah", &["tick", live], 0);
    assert!(over.contains(": 2 of 3 steps ticked, signed by sarah, "), "{over}");

    // The incident is on: the step that nobody said anything of comes again, and what is signed stands beside the others.
    let next = world.until_subject("sarah", "CONF-3380@INC-2200", "pending");
    let next = world.row("sarah", &next);
    let said: Vec<_> = (0..3)
        .map(|at| next["proposal"]["steps"][at]["signed"]["said"].as_str().map(str::to_owned))
        .collect();
    let wrong = "wrong: nobody has the keys of the nodes".to_owned();
    assert_eq!(said, [Some("followed".to_owned()), Some(wrong), None], "{next}");

    world.move_world(&json!({"do": "incident", "id": "INC-2200", "state": "resolved"}));
    let edited = world.until_subject("sarah", "CONF-3380", "pending");
    let edited = edited.as_str();
    let edit = world.row("sarah", edited);
    assert_eq!(edit["incident"], "INC-2200");
    let diff = edit["diff"].as_str().unwrap();
    assert!(diff.contains("Found wrong in INC-2200: nobody has the keys of the nodes"), "{diff}");
    let found = until("rows of the service", || {
        let lines =
            world.ok("sarah", &["rows", "--state", "all", "--search", "service:api-gw incident:INC-2200"], 0);
        (lines.contains(live) && lines.contains(edited)).then_some(lines)
    });
    assert!(!found.contains("rb-8821"), "{found}");

    // On again: its steps are asked for anew, and what was signed stays what it was.
    world.move_world(&json!({"do": "incident", "id": "INC-2200", "state": "open"}));
    let again = world.until_subject("sarah", "CONF-3380@INC-2200", "pending");
    assert_ne!(again, live);
    assert_eq!(world.row("sarah", live)["state"], "healthy");
}
