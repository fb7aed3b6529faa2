//! The world fails around a decision: the backend away and back, ArgoCD away, the base moved. The decision arrives once
//! or is told, nothing executes that was not reviewed, and each wait has a name.

use serde_json::{Value, json};

use crate::world::{World, until};

const NOTE: &str = "Read the whole diff before this.";
const MITIGATION: &str = "Manual mitigation of INC-771 stays.";

fn outbox(world: &World, who: &str) -> Vec<Value> {
    let listed = world.ok(who, &["outbox", "list", "--json"], 0);
    listed.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn queued_decisions_arrive_once_or_are_told_through_two_outages() {
    let mut world = World::start(&["--scenario", "seeds"]);
    world.until_row("govind", "sync-8821", "pending");
    world.until_row("govind", "sync-8822", "pending");
    for who in ["govind", "sarah", "priya"] {
        world.ok(who, &["sync", "--once"], 0);
    }
    let before = world.syncs("payments-api");
    let turn = |world: &mut World, state: &str| world.move_world(&json!({"do": "backend", "state": state}));
    turn(&mut world, "down");
    world.ok("govind", &["approve", "sync-8821", "--note", NOTE, "--yes"], 3);
    world.ok("sarah", &["decline", "sync-8822", "--note", MITIGATION, "--yes"], 3);
    world.ok("priya", &["needs-changes", "sync-8822", "--note", MITIGATION, "--yes"], 3);
    world.ok("govind", &["sync", "--once"], 7);
    turn(&mut world, "up");
    turn(&mut world, "down");
    world.ok("govind", &["sync", "--once"], 7);
    turn(&mut world, "up");

    // ArgoCD is away now: a no goes through, the loser is told by whom; a yes waits, unsent, with the reason.
    world.move_world(&json!({"do": "down", "platform": "argocd"}));
    world.ok("sarah", &["sync", "--once"], 0);
    world.until_row("sarah", "sync-8822", "declined");
    world.ok("priya", &["sync", "--once"], 0);
    let lost = &outbox(&world, "priya")[0];
    assert_eq!((&lost["state"], &lost["code"]), (&json!("refused"), &json!("already_decided")), "{lost}");
    assert!(lost["message"].as_str().unwrap().contains("sarah"), "{lost}");
    world.run("govind", &["sync", "--once"]);
    let waits = &outbox(&world, "govind")[0];
    assert_eq!(
        (&waits["state"], &waits["code"]),
        (&json!("unknown"), &json!("source_unreachable")),
        "{waits}"
    );
    let row = world.row("govind", "sync-8821");
    assert_eq!((&row["state"], &row["unsent"]), (&json!("pending"), &json!(true)));

    world.move_world(&json!({"do": "up", "platform": "argocd"}));
    until("the approval is accepted", || {
        world.run("govind", &["outbox", "retry"]);
        (outbox(&world, "govind")[0]["state"] == "accepted").then_some(())
    });
    let row = world.until_row("govind", "sync-8821", "healthy");
    assert_eq!(row["decisions"].as_array().map(Vec::len), Some(1), "{row}");
    assert_eq!(world.syncs("payments-api").len(), before.len() + 1);
}

#[test]
fn a_base_that_moves_under_an_approval_is_not_synced_and_the_row_says_what_moved() {
    let mut world = World::start(&["--scenario", "seeds", "--only", "platforms"]);
    let mut backend = world.part(&["serve"], "serve", Some("decision.committed"));
    let mut agent = world.part(&["agent", "argus"], "argus", None);
    world.until_row("govind", "sync-8821", "pending");
    let before = world.syncs("payments-api");
    world.ok("govind", &["approve", "sync-8821", "--note", NOTE, "--yes"], 3);
    backend.until_stopped("decision.committed");
    agent.kill();

    // Approved and not begun: why is told, at the row.
    world.move_world(&json!({"do": "down", "platform": "argocd"}));
    let _backend = world.part(&["serve"], "serve", None);
    let row = until("the wait has a name", || {
        let row = world.row("govind", "sync-8821");
        row["why"].is_string().then_some(row)
    });
    assert_eq!(row["state"], "approved");
    assert!(row["why"].as_str().unwrap().contains("ArgoCD"), "{}", row["why"]);
    assert!(world.ok("govind", &["show", "sync-8821"], 0).contains("ArgoCD"));

    world.move_world(&json!({"do": "move_base", "row": "sync-8821"}));
    world.move_world(&json!({"do": "up", "platform": "argocd"}));
    let row = world.until_row("govind", "sync-8821", "stale");
    assert!(row["why"].as_str().unwrap().contains("moved"), "{row}");
    let moved = world.ok("govind", &["show", "sync-8821", "--diff", "--since", "draft"], 0);
    assert!(moved.contains("was"), "{moved}");
    world.ok("govind", &["approve", "sync-8821", "--note", NOTE, "--yes"], 4);
    assert_eq!(world.syncs("payments-api"), before, "nothing was synced");

    // The agent drafts again, and that can be approved.
    let _agent = world.part(&["agent", "argus"], "argus", None);
    until("a second revision", || {
        let row = world.row("govind", "sync-8821");
        (row["state"] == "pending" && row["revision"] == 2).then_some(())
    });
    world.ok("govind", &["approve", "sync-8821", "--note", NOTE, "--yes"], 0);
    world.until_row("govind", "sync-8821", "healthy");
    assert_eq!(world.syncs("payments-api").len(), before.len() + 1);
}
