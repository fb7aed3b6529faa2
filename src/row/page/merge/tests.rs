//! Two people on one page.

use proptest::prelude::*;

use super::super::{Anchor, Block, Piece, outline};
use super::*;

const WAS: &str = "<h2>Steps</h2><ol><li>Check</li><li>Promote</li><li>Restart api-gw</li></ol><h2>After</h2><p>Tell them.</p>";

fn at(text: &str, action: Action) -> Operation {
    let anchor = Anchor { id: None, path: vec!["Steps".to_owned()], text: text.to_owned() };
    Operation { anchor, action, because: "it was so".to_owned(), pointers: Vec::new(), by: None }
}

fn new(text: &str) -> Vec<Block> {
    vec![Block::Item { ordered: true, depth: 0, text: vec![Piece::Plain(text.to_owned())] }]
}

fn body(storage: &str) -> Body {
    Body::Storage(storage.to_owned())
}

fn merged(operation: Operation, now: &str) -> Result<String, String> {
    let edit = Edit { operations: vec![operation] };
    let merged = edit.merged(&body(WAS), &body(now)).map_err(|why| why.to_string())?;
    Ok(outline::text(&merged.apply(&body(now)).unwrap()).unwrap())
}

#[test]
fn what_moved_elsewhere_is_kept_and_the_edit_carried_out() {
    let now = WAS
        .replace("<h2>Steps", "<h2>How")
        .replace("<p>Tell them.", "<p>Tell everyone.")
        .replace("<li>Check", "<li>First</li><li>Check");
    let put = merged(at("Promote", Action::InsertAfter { blocks: new("Wait") }), &now).unwrap();
    assert_eq!(
        put,
        "## How\n1. First\n2. Check\n3. Promote\n4. Wait\n5. Restart api-gw\n## After\nTell everyone.\n"
    );
    let moved = moved(&body(WAS), &body(&now)).unwrap();
    let texts: Vec<_> = moved
        .iter()
        .map(|it| [&it.was, &it.now].map(|side| side.as_ref().map_or("", |passage| passage.text.as_str())))
        .collect();
    assert!(
        texts.contains(&["Steps", "How"]) && texts.contains(&["Tell them.", "Tell everyone."]),
        "{texts:?}"
    );
    assert!(texts.contains(&["", "First"]), "{texts:?}");
}

#[test]
fn what_was_rewritten_or_written_right_there_overlaps() {
    let after = || at("Promote", Action::InsertAfter { blocks: new("Wait") });
    assert_eq!(
        merged(after(), &WAS.replace("Promote", "Fail over")).unwrap_err(),
        "operation 1: “Promote” was rewritten or taken away"
    );
    let beside = WAS.replace("<li>Restart", "<li>Verify</li><li>Restart");
    assert_eq!(
        merged(after(), &beside).unwrap_err(),
        "operation 1: “Verify” was written right there meanwhile"
    );
    let value = at("Promote", Action::ReplaceValue { was: "Promote".to_owned(), is: "Fail over".to_owned() });
    assert!(merged(value, &beside).unwrap().contains("2. Fail over\n3. Verify\n"));
    assert!(merged(after(), "<p>").unwrap_err().contains("never closed"));
}

proptest! {
    /// Another's step at one place and ours at another both stand; beside each other they overlap.
    #[test]
    fn apart_both_stand(count in 2_usize..8, theirs: prop::sample::Index, ours: prop::sample::Index) {
        let items: String = (0..count).map(|at| format!("<li>step {at}</li>")).collect();
        let was = body(&format!("<ol>{items}</ol>"));
        let (theirs, ours) = (theirs.index(count), ours.index(count));
        let after = |step: usize, text: &str| Edit { operations: vec![Operation {
            anchor: Anchor { id: None, path: Vec::new(), text: format!("step {step}") },
            ..at("", Action::InsertAfter { blocks: new(text) })
        }] };
        let now = after(theirs, "theirs").apply(&was).unwrap();
        let merged = after(ours, "ours").merged(&was, &now);
        prop_assert_eq!(merged.is_err(), theirs == ours);
        if let Ok(merged) = merged {
            let text = outline::text(&merged.apply(&now).unwrap()).unwrap();
            let lines: Vec<_> = text.lines().map(|line| line.split_once(". ").unwrap().1).collect();
            let follows = |one: String, other: &str| lines.windows(2).any(|pair| pair[0] == one && pair[1] == other);
            let both = follows(format!("step {theirs}"), "theirs") && follows(format!("step {ours}"), "ours");
            prop_assert!(both, "{}", text);
            prop_assert_eq!(lines.len(), count + 2);
        }
    }
}
