//! What a reviewer makes of an edit, from their words to the page: by `dock amend`, by the console, over a page that moved.
//!
//! Never: looks inside; what is published is read from the wiki, as anybody would.

use serde_json::{Value, json};

use crate::{
    pty::Console,
    world::{World, until},
};

const NOTE: &str = "Read it on the page before this round.";

/// What stands on the page, and what the message of its version says.
fn page(world: &World, id: &str) -> (String, String) {
    let page = world.platform("confluence", &format!("/wiki/api/v2/pages/{id}?body-format=storage"));
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (text(&page["body"]["storage"]["value"]), text(&page["version"]["message"]))
}

/// An editor that leaves this text.
fn editor(world: &World, text: &str) -> String {
    let file = world.dir.path().join("editor");
    std::fs::write(&file, format!("printf '{text}\\n' > \"$1\"\n")).unwrap();
    format!("sh {}", file.display())
}

/// The row is a revision of this person's, with a digest of its own; it is approved by them.
fn approved(world: &World, who: &str, before: &Value) {
    let id = before["id"].as_str().unwrap();
    let row = world.row(who, id);
    assert_eq!((&row["revision"], &row["amended_by"]), (&json!(2), &json!([who])), "{row}");
    assert_ne!(row["content_sha256"], before["content_sha256"]);
    world.ok(who, &["approve", id, "--note", NOTE, "--yes"], 0);
    world.until_row(who, id, "healthy");
}

#[test]
fn an_operation_in_a_reviewers_words_is_published_in_them() {
    let world = World::start(&["--scenario", "seeds"]);
    let before = world.until_row("priya", "rb-8821", "pending");
    let editor = editor(&world, "1. Rotate the replica by hand, then look at the clock.");
    let words = ["amend", "rb-8821", "--edit", "1"];
    let mut amend = Console::open(&world.home("priya"), &words, &[("EDITOR", &editor)]);
    amend.until("changed by priya");
    assert!(amend.ended().success(), "{}", amend.text());
    approved(&world, "priya", &before);
    let (body, message) = page(&world, "4711");
    assert!(body.contains("Rotate the replica by hand, then look at the clock."), "{body}");
    assert!(message.starts_with("dock rb-8821 ") && message.contains("approved by priya"), "{message}");
}

#[test]
fn a_page_that_moved_is_told_merged_and_published_with_both() {
    let mut world = World::start(&["--scenario", "seeds"]);
    let before = world.until_row("priya", "rb-8821", "pending");
    let edited = world.move_world(&json!({"do": "edit_page", "row": "rb-8821"}));
    assert_eq!(edited["ok"], json!(true), "{edited}");
    let refused = world.run("priya", &["approve", "rb-8821", "--note", NOTE, "--yes"]);
    let said =
        format!("{}{}", String::from_utf8_lossy(&refused.stdout), String::from_utf8_lossy(&refused.stderr));
    assert_eq!(refused.status.code(), Some(4), "{said}");
    assert!(said.contains("WHAT MOVED ON THE PAGE") && said.contains("dock amend rb-8821 --merge"), "{said}");
    let shown = world.ok("priya", &["show", "rb-8821", "--diff", "--since", "draft"], 0);
    assert!(shown.contains("The edit lies apart from it"), "{shown}");
    let merged = world.ok("priya", &["amend", "rb-8821", "--merge"], 0);
    assert!(merged.contains("changed by priya"), "{merged}");
    approved(&world, "priya", &before);
    let (body, _) = page(&world, "4711");
    let theirs =
        shown.lines().find_map(|line| line.strip_prefix('+').filter(|line| line.contains("rb-8821")));
    assert!(body.contains(theirs.unwrap().trim()), "{shown}\n{body}");
    assert!(body.contains("Redis replica"), "{body}");
}

#[test]
fn what_was_begun_in_the_console_outlives_it_and_is_published() {
    let world = World::start(&["--scenario", "seeds"]);
    let before = world.until_row("priya", "rb-8821", "pending");
    let home = world.home("priya");
    let mut dies = Console::open(&home, &[], &[("DOCK_STOP_AT", "draft.kept")]);
    dies.read("rb-8821");
    dies.press("n", "INSERT");
    dies.press("w", "Your words for 1 of rb-8821");
    dies.write(" Then look at the clock.");
    assert!(dies.ended().code().is_none(), "it was to die with the first words on disk:\n{}", dies.text());
    drop(dies);
    let kept = world.ok("priya", &["outbox", "list"], 0);
    assert!(kept.contains("rb-8821 changes r1: 1 reworded. Not sent."), "{kept}");

    let mut console = Console::open(&home, &[], &[]);
    console.read("rb-8821");
    console.press("n", "REWORDED by you, not sent");
    console.press("w", "Your words for 1 of rb-8821");
    console.press(" Then look at the clock.", "clock.");
    console.press("\x1b", "REWORDED by you, not sent");
    console.press("M", "Amend rb-8821: revision 2, yours");
    console.press("y", "revision 2 is yours");
    until("nothing is kept any more", || {
        let kept = world.ok("priya", &["outbox", "list"], 0);
        (!kept.contains("Not sent.")).then_some(())
    });
    approved(&world, "priya", &before);
    let (body, _) = page(&world, "4711");
    assert!(body.contains("Then look at the clock."), "{body}");
}

/// The sentences of a post-mortem's sections, as `dock amend` numbers them.
fn sentences(world: &World, row: &str) -> Vec<Value> {
    let listed = world.ok("priya", &["amend", row, "--json"], 2);
    listed.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The number and text of a section's first sentence.
fn first_of(sentences: &[Value], section: &str) -> (String, String) {
    let found = sentences.iter().find(|one| one["section"] == section).unwrap();
    (found["number"].to_string(), found["sentence"]["text"].as_str().unwrap().to_owned())
}

#[test]
fn a_post_mortem_is_published_in_its_reviewers_words_under_their_name() {
    let world = World::start(&["--scenario", "seeds"]);
    let before = world.until_row("priya", "pm-31", "pending");
    let sentences = sentences(&world, "pm-31");
    let (summary, was) = first_of(&sentences, "Summary");
    let (impact, struck) = first_of(&sentences, "Impact");
    let (question, asked) = first_of(&sentences, "Open questions");
    let editor = editor(&world, "Sessions were lost,\\nand people had to log in again.");
    let mut amend =
        Console::open(&world.home("priya"), &["amend", "pm-31", "--edit", &summary], &[("EDITOR", &editor)]);
    amend.until("changed by priya");
    assert!(amend.ended().success(), "{}", amend.text());
    let answer = format!("{question}=About 120 customers could not log in.");
    let more = [
        "amend",
        "pm-31",
        "--strike",
        &impact,
        "--answer",
        &answer,
        "--add",
        "Actions=Page the cache team first.",
    ];
    let told = world.ok("priya", &more, 0);
    assert!(told.contains("pm-31 r3 ") && told.contains("struck by priya"), "{told}");
    let wrong = format!("{summary}=Yes.");
    world.ok("priya", &["amend", "pm-31", "--answer", &wrong], 1);
    world.ok("priya", &["amend", "pm-31", "--merge"], 2);

    let row = world.row("priya", "pm-31");
    assert_eq!((&row["revision"], &row["amended_by"]), (&json!(3), &json!(["priya"])), "{row}");
    assert_ne!(row["content_sha256"], before["content_sha256"]);
    let shown = world.ok("priya", &["show", "pm-31"], 0);
    assert!(
        shown.contains("worded by priya  Sessions were lost, and people had to log in again."),
        "{shown}"
    );
    world.ok("priya", &["approve", "pm-31", "--note", NOTE, "--yes"], 0);
    world.until_row("priya", "pm-31", "healthy");

    let listed = world.platform("confluence", "/wiki/api/v2/pages?space-id=98306&limit=50");
    let ours = |page: &&Value| page["title"].as_str().unwrap().ends_with("(pm-31)");
    let page_id = listed["results"].as_array().unwrap().iter().find(ours).unwrap()["id"].clone();
    let (published, _) = page(&world, page_id.as_str().unwrap());
    let exported = world.ok("priya", &["show", "pm-31", "--html"], 0);
    for (what, text) in [("the page", &published), ("the export", &exported)] {
        for there in [
            "Sessions were lost, and people had to log in again.",
            "(worded by priya)",
            "Page the cache team first. (added by priya)",
            "<strong>Answered by priya:</strong> About 120 customers could not log in.",
        ] {
            assert!(text.contains(there), "{what} lacks {there}: {text}");
        }
        let plain =
            |words: &str| words.split(['“', '”', '"', '<', '&']).next().unwrap_or_default().to_owned();
        for gone in [plain(&was), plain(&struck)] {
            assert!(gone.len() > 8 && !text.contains(&gone), "{what} has {gone}: {text}");
        }
        assert!(text.contains(&plain(&asked)), "{what} lacks {asked}: {text}");
    }
}
