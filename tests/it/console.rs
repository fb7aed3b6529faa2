//! The console as a person drives it, by keys in a pseudo-terminal, while the world around it fails.
//!
//! Never: looks inside; what became of a decision is asked of the commands, as a person would.

use serde_json::{Value, json};

use crate::{
    pty::Console,
    world::{World, until},
};

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

/// The backend is away while a decision is made; it is told so, and delivered once when the backend is back.
#[test]
fn offline_a_decision_waits_visibly_and_is_delivered_once() {
    let mut world = World::start(&["--scenario", "seeds"]);
    configure(&world, "govind", "");
    world.until_row("govind", "sync-8821", "pending");
    let before = world.syncs("payments-api");
    let mut console = Console::open(&world.home("govind"), &[], &[]);
    console.read("sync-8821");
    world.move_world(&json!({"do": "backend", "state": "down"}));
    console.press("r", "OFFLINE since");
    console.press("A", "Approve sync-8821");
    console.until("OFFLINE: it waits unsent");
    console.fill(NOTE, "y");
    console.press("\r", "1 unsent");
    console.press("go", "Nobody else can see it");
    console.until("NOT delivered");
    world.move_world(&json!({"do": "backend", "state": "up"}));
    console.press("r", "entry ");
    console.until("Accepted");
    world.until_row("govind", "sync-8821", "healthy");
    let ours = world.syncs("payments-api").into_iter().filter(|entry| !before.contains(entry)).count();
    let entries = outbox(&world, "govind", "sync-8821");
    assert_eq!((ours, entries.len()), (1, 1), "{entries:?}");
    assert_eq!(entries[0]["offline"], json!(true));
}

/// Between the screen and the signature the base moves: what moved opens, the note stays, nothing unseen is signed.
#[test]
fn what_moved_before_the_signature_is_shown_and_nothing_unseen_is_signed() {
    let mut world = World::start(&["--scenario", "seeds"]);
    configure(&world, "govind", "");
    world.until_row("govind", "sync-8821", "pending");
    let mut console = Console::open(&world.home("govind"), &[], &[]);
    console.read("sync-8821");
    console.press("A", "Approve sync-8821");
    console.press(NOTE, NOTE);
    console.press("\t", "▸ Sign");
    console.press("y", "[ y ]");
    let moved = world.move_world(&json!({"do": "move_base", "row": "sync-8821"}));
    assert_eq!(moved["ok"], json!(true), "{moved}");
    console.until("What moved while you decided");
    console.press("\x1b", "MOVED since you read it");
    console.until(NOTE);
    console.until("[ _ ]");
    console.press("y", "[ y ]");
    console.press("\r", "read the new revision");
    let kept = outbox(&world, "govind", "sync-8821");
    let [draft] = kept.as_slice() else { panic!("the note alone: {kept:?}") };
    assert_eq!(draft["decision_id"], Value::Null, "nothing was signed: {draft}");
}

/// Two consoles of one home: the second reads, and decides once the first has ended.
#[test]
fn a_second_console_reads_until_the_first_has_ended() {
    let world = World::start(&["--scenario", "seeds"]);
    configure(&world, "sarah", "");
    world.until_row("sarah", "sync-8822", "pending");
    let mut first = Console::open(&world.home("sarah"), &[], &[]);
    first.until("synced");
    let mut second = Console::open(&world.home("sarah"), &[], &[]);
    second.until("READ ONLY: another console holds the outbox");
    second.press("/", " filter");
    second.press("id:sync-8822", "1 of ");
    second.press("\r", "Enter read");
    second.press("\r", "SIGNALS");
    second.press("D", "end it to decide here");
    first.press("q", "");
    assert!(first.ended().success());
    second.until("the other console has ended");
    second.press("D", "Decline sync-8822");
    second.fill("The toggle is the mitigation of INC-771.", "y");
    second.press("\r", "sync-8822: ");
    world.until_row("sarah", "sync-8822", "declined");
}

/// The note in the reader's own editor, and a key that a passphrase protects: unlocked in the dialog, then it signs.
#[test]
fn a_locked_key_is_unlocked_in_the_console_and_the_note_is_written_in_an_editor() {
    let world = World::start(&["--scenario", "seeds"]);
    configure(&world, "sarah", "");
    world.until_row("sarah", "sync-8822", "pending");
    let (key, editor) = (world.dir.path().join("keys/sarah"), world.dir.path().join("editor"));
    let protect = ["-q", "-p", "-P", "", "-N", "open sesame", "-f"];
    let done = std::process::Command::new("ssh-keygen").args(protect).arg(&key).status().unwrap();
    assert!(done.success());
    std::fs::remove_file(world.home("sarah").join("state/session")).unwrap();
    std::fs::write(&editor, "printf 'It was set by hand.' >> \"$1\"\n").unwrap();
    let editor = format!("sh {}", editor.display());
    let mut console = Console::open(&world.home("sarah"), &[], &[("EDITOR", &editor)]);

    console.until("SIGNED OUT since");
    console.press(":", "Commands");
    console.press("unlock", "› unlock");
    console.press("\r", "Passphrase for");
    console.until("ssh-ed25519 SHA256:");
    console.press("open says me", "typed; Enter unlocks");
    assert!(!console.shows("says me"), "{}", console.text());
    console.press("\r", "nothing typed yet");
    console.press("open sesame", "typed; Enter unlocks");
    console.press("\r", "synced");
    console.read("sync-8822");
    console.press("D", "Decline sync-8822");
    console.press("A person decides.", "A person decides.");
    console.press("\x18", "It was set by hand.");
    console.press("\t", "▸ Sign");
    console.press("y", "[ y ]");
    console.press("\r", "sync-8822: ");
    let row = world.until_row("sarah", "sync-8822", "declined");
    assert_eq!(row["decisions"][0]["note"], json!("A person decides.\nIt was set by hand."));
}

/// The key in ssh-agent, as most people have theirs.
#[test]
fn a_key_in_ssh_agent_signs_in_the_console() {
    let world = World::start(&["--scenario", "seeds"]);
    world.until_row("sarah", "sync-8822", "pending");
    let socket = world.dir.path().join("agent.sock");
    let mut agent =
        Ended(std::process::Command::new("ssh-agent").arg("-D").arg("-a").arg(&socket).spawn().unwrap());
    let add = || {
        let mut add = std::process::Command::new("ssh-add");
        add.arg("-q").arg(world.dir.path().join("keys/sarah")).env("SSH_AUTH_SOCK", &socket);
        add.stderr(std::process::Stdio::null()).status().unwrap().success().then_some(())
    };
    until("the agent has the key", add);
    configure(&world, "sarah", "key = \"agent\"\n");
    let socket = socket.to_string_lossy();
    let mut console = Console::open(&world.home("sarah"), &[], &[("SSH_AUTH_SOCK", &socket)]);
    console.read("sync-8822");
    console.press("D", "You sign with ssh-agent SHA256:");
    console.fill("The toggle is the mitigation of INC-771.", "y");
    console.press("\r", "sync-8822: ");
    world.until_row("sarah", "sync-8822", "declined");
    assert!(agent.0.try_wait().unwrap().is_none());
}

/// A program of the test's own, ended with it.
struct Ended(std::process::Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// At 200×60 rows are gone through without leaving the queue: read beside the list, decided, the next one.
#[test]
fn in_a_wide_terminal_rows_are_decided_from_the_queue() {
    let world = World::start(&["--scenario", "seeds"]);
    configure(&world, "govind", "");
    for row in ["sync-8821", "sync-8822", "gate-9821", "gate-9824", "gate-9826"] {
        world.until_row("govind", row, "pending");
    }
    let mut console = Console::open_at((200, 60), &world.home("govind"), &[], &[]);
    console.until("synced");
    let mut decided: Vec<String> = Vec::new();
    while decided.len() < 3 {
        let row = console.beside();
        // What else was drafted by now, and in which order, is the agents' to say: papers and runbooks are passed by.
        if ["sync-", "gate-"].iter().any(|kind| row.starts_with(kind)) {
            assert!(!decided.contains(&row), "{row} again:\n{}", console.text());
            // Its parts, and what is measured, stand beside it; a person reads them for a while.
            console.until("WHAT AN APPROVAL DOES");
            console.until("TELEMETRY");
            std::thread::sleep(std::time::Duration::from_millis(2_500));
            console.press("D", &format!("Decline {row}"));
            console.fill("Not in this freeze, please.", "y");
            console.press("\r", &format!("{row}: "));
            assert_eq!(console.beside(), row, "nothing moves without a key");
            decided.push(row.clone());
        }
        console.press("j", "A approve");
        let begun = std::time::Instant::now();
        while console.beside() == row {
            assert!(begun.elapsed().as_secs() < 60, "it never went on:\n{}", console.text());
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
    for row in &decided {
        world.until_row("govind", row, "declined");
        let entries = outbox(&world, "govind", row);
        assert_eq!(entries.len(), 1, "{row}: {entries:?}");
        assert_eq!((&entries[0]["decision"], &entries[0]["state"]), (&json!("decline"), &json!("accepted")));
    }
}
