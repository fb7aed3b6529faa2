//! The console as a person drives it, by keys in a pseudo-terminal, while the world around it fails.
//!
//! Never: looks inside; what became of a decision is asked of the commands, as a person would.

use serde_json::{Value, json};

use crate::{pty::Console, world::World};

const NOTE: &str = "Read the diff before this round.";

/// Between any two steps of a decision's life on the person's side, in the order in which they are met.
const STEPS: &[&str] = &[
    "head.kept",
    "rows.cached",
    "draft.kept",
    "statement.signed",
    "outbox.written",
    "sending",
    "answered",
    "settled",
];

/// What is signed leaves at once; `more` are further lines of the config.
fn configure(world: &World, who: &str, more: &str) {
    let file = world.home(who).join("config/console.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let before = more.split_once(" =").map_or("", |(name, _)| name);
    let kept: String = text
        .lines()
        .filter(|line| before.is_empty() || !line.starts_with(before))
        .map(|line| format!("{line}\n"))
        .collect();
    std::fs::write(&file, format!("leave_after_s = 0\n{more}{}", kept.replace("leave_after_s = 0\n", "")))
        .unwrap();
}

/// Notes and decisions on a row, as `dock outbox` tells them.
fn outbox(world: &World, who: &str, row: &str) -> Vec<Value> {
    let listed = world.ok(who, &["outbox", "list", "--json"], 0);
    let lines = listed.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["row"] == row).collect()
}

fn approve(console: &mut Console, row: &str) {
    console.read(row);
    console.press("A", &format!("Approve {row}"));
    console.fill(NOTE, "y");
    console.write("\r");
}

#[test]
fn the_console_dies_at_each_step_and_nothing_is_lost_or_done_twice() {
    let mut world = World::start(&["--scenario", "seeds"]);
    configure(&world, "govind", "");
    let home = world.home("govind");
    for (round, step) in STEPS.iter().enumerate() {
        if round > 0 {
            world.move_world(&json!({"do": "drift", "app": "payments-api"}));
        }
        let row = world.until_subject("sarah", "payments-api", "pending");
        let before = world.syncs("payments-api");
        let mut dies = Console::open(&home, &[], &[("DOCK_STOP_AT", step)]);
        let read = !["head.kept", "rows.cached"].contains(step);
        if *step == "draft.kept" {
            dies.read(&row);
            dies.press("A", &format!("Approve {row}"));
            dies.press(NOTE, NOTE);
        } else if read {
            approve(&mut dies, &row);
        }
        assert!(dies.ended().code().is_none(), "{step}: it was to die there:\n{}", dies.text());
        drop(dies);

        let mut console = Console::open(&home, &[], &[]);
        let signed = ["outbox.written", "sending", "answered", "settled"].contains(step);
        if !signed {
            let kept = ["draft.kept", "statement.signed"].contains(step);
            assert_eq!(outbox(&world, "govind", &row).len(), usize::from(kept), "{step}: the draft alone");
            console.read(&row);
            console.press("A", &format!("Approve {row}"));
            if kept {
                console.until(NOTE);
                console.press("\t", "▸ Sign");
                console.press("y", "[ y ]");
            } else {
                console.fill(NOTE, "y");
            }
            console.press("\r", &format!("{row}: "));
        }
        console.press("go", "signed here");
        console.until("Accepted");
        world.until_row("govind", &row, "healthy");
        let ours = world.syncs("payments-api").into_iter().filter(|entry| !before.contains(entry)).count();
        assert_eq!(ours, 1, "{step}: {ours} syncs for one approval\n{}", world.said());
        let of_row = outbox(&world, "govind", &row);
        let [entry] = of_row.as_slice() else { panic!("{step}: one decision, no draft: {of_row:?}") };
        assert_eq!((&entry["state"], &entry["note"]), (&json!("accepted"), &json!(NOTE)), "{step}");
        let told = world.row("govind", &row);
        assert_eq!(told["decisions"].as_array().map(Vec::len), Some(1), "{step}: {told}");
    }
}
