//! Two people on one page.

use proptest::prelude::*;

use super::{
    super::{Action, Anchor, Block, Piece},
    *,
};

const WAS: &str = "<h2>Steps</h2><ol><li>Check</li><li>Promote</li><li>Restart api-gw</li></ol><h2>After</h2><p>Tell them.</p>";

fn at(path: &[&str], text: &str, action: Action) -> Operation {
    let path = path.iter().map(|one| (*one).to_owned()).collect();
    let anchor = Anchor { id: None, path, text: text.to_owned() };
    Operation { anchor, action, because: "it was so".to_owned(), pointers: Vec::new(), by: None }
}

fn new(text: &str) -> Vec<Block> {
    vec![Block::Item { ordered: true, depth: 0, text: vec![Piece::Plain(text.to_owned())] }]
}

fn body(storage: &str) -> Body {
    Body::Storage(storage.to_owned())
}

fn text(body: &Body) -> String {
    outline::text(body).unwrap()
}

fn after_promote() -> Operation {
    at(&["Steps"], "Promote", Action::InsertAfter { blocks: new("Wait") })
}

/// What moved from `was` to `now`, and the page with the edit merged where nothing of it is touched.
fn told(operations: Vec<Operation>, was: &str, now: &str) -> (Since, Option<String>) {
    let (edit, now) = (Edit { operations }, body(now));
    let since = since(&edit, &text(&body(was)), &now).unwrap();
    let merged = since.against(&[], &[]).is_empty().then(|| {
        let kept = edit.refitted(&now).unwrap().kept.into_iter().map(|one| one.operation).collect();
        text(&Edit { operations: kept }.apply(&now).unwrap())
    });
    (since, merged)
}

#[test]
fn what_moved_elsewhere_is_kept_and_the_edit_taken_over() {
    let now = WAS
        .replace("<h2>Steps", "<h2>How")
        .replace("<p>Tell them.", "<p>Tell everyone.")
        .replace("<li>Check", "<li>First</li><li>Check");
    let (since, merged) = told(vec![after_promote()], WAS, &now);
    let expected =
        "## How\n1. First\n2. Check\n3. Promote\n4. Wait\n5. Restart api-gw\n## After\nTell everyone.\n";
    assert_eq!(merged.as_deref(), Some(expected), "{since:?}");
    let changed: Vec<_> = since.diff.lines().filter(|line| line.starts_with(['+', '-'])).collect();
    let expected = [
        "--- then/page",
        "+++ now/page",
        "-## Steps",
        "+## How",
        "+1. First",
        "-Tell them.",
        "+Tell everyone.",
    ];
    assert_eq!(changed, expected, "steps that only moved down do not look changed");
}

#[test]
fn what_touches_an_operation_is_told_from_what_lies_apart() {
    let value =
        || at(&["After"], "Tell them.", Action::ReplaceValue { was: "them".into(), is: "all".into() });
    let mark = || {
        at(&["Steps"], "Restart api-gw", Action::MarkDeprecated { instead: vec![Piece::Plain("x".into())] })
    };
    let table: [(&str, Operation, String, Option<(Touch, &str)>); 13] = [
        ("nothing", after_promote(), WAS.to_owned(), None),
        ("another line's words", after_promote(), WAS.replace("Tell them", "Tell all"), None),
        ("before its passage", after_promote(), WAS.replace("<li>Promote", "<li>Ask</li><li>Promote"), None),
        (
            "its passage",
            after_promote(),
            WAS.replace("Promote", "Fail over"),
            Some((Touch::Same, "“Promote” under Steps was looked for and is not on the page")),
        ),
        (
            "right where it inserts",
            after_promote(),
            WAS.replace("<li>Restart", "<li>Verify</li><li>Stop</li><li>Restart"),
            Some((Touch::Beside, "“3. Verify” was written right there (lines 4 to 5)")),
        ),
        (
            "what follows is gone",
            after_promote(),
            WAS.replace("<li>Restart api-gw</li>", ""),
            Some((Touch::Beside, "“3. Restart api-gw” was taken away right there (before line 4)")),
        ),
        (
            "a line before a value",
            value(),
            WAS.replace("<p>Tell", "<p>Wait.</p><p>Tell"),
            Some((Touch::Beside, "“Wait.” was written right there (line 6)")),
        ),
        ("a line further up from a value", value(), WAS.replace("<h2>After", "<p>Wait.</p><h2>After"), None),
        (
            "after what is marked",
            mark(),
            WAS.replace("gw</li>", "gw</li><li>Verify</li>"),
            Some((Touch::Beside, "“4. Verify” was written right there (line 5)")),
        ),
        (
            "done by hand",
            after_promote(),
            WAS.replace("<li>Restart", "<li>Wait</li><li>Restart"),
            Some((Touch::Same, "the page says so already")),
        ),
        ("its heading is renamed", after_promote(), WAS.replace("<h2>Steps", "<h2>How"), None),
        (
            "a heading came above it",
            after_promote(),
            WAS.replace("<h2>Steps</h2>", "<h2>Steps</h2><h3>Roll back</h3>"),
            Some((
                Touch::Beside,
                "“Promote” stands under “Roll back” now, the edit was for it under “Steps”",
            )),
        ),
        (
            "all of it under another heading",
            after_promote(),
            WAS.replace("<h2>Steps</h2>", "<h2>Steps</h2><p>None.</p><h2>Roll back</h2>"),
            Some((
                Touch::Beside,
                "“Promote” stands under “Roll back” now, the edit was for it under “Steps”",
            )),
        ),
    ];
    for (name, operation, now, expected) in table {
        let (since, merged) = told(vec![operation], WAS, &now);
        let touched = since.touched.first().map(|one| (one.how, one.says.as_str()));
        assert_eq!(touched, expected, "{name}: {}", since.diff);
        assert_eq!(merged.is_some(), expected.is_none(), "{name}");
    }
}

#[test]
fn of_several_that_read_the_same_none_is_taken_for_another() {
    let was = "<h2>Redis</h2><p>Restart it.</p><h2>Kafka</h2><p>Restart it.</p><p>Look.</p>";
    let redis = || at(&["Redis"], "Restart it.", Action::InsertAfter { blocks: new("Wait") });
    let gone = was.replacen("<p>Restart it.</p>", "", 1);
    let (since, _) = told(vec![redis()], was, &gone);
    assert_eq!(
        since.touched[0].says, "“Restart it.” was there 2 times, and which of them it is cannot be told",
        "it is Kafka's that is left"
    );
    let (since, merged) = told(vec![redis()], was, &was.replace("Look.", "Look again."));
    assert!(merged.unwrap().starts_with("## Redis\nRestart it.\n1. Wait\n"), "{since:?}");
}

#[test]
fn a_reviewer_strikes_what_is_gone_and_words_anew_what_lies_beside() {
    let now = WAS.replace("Tell them", "Tell all").replace("<li>Restart", "<li>Verify</li><li>Restart");
    let gone = at(&["After"], "Tell them.", Action::Replace { blocks: new("Tell.") });
    let (since, merged) = told(vec![after_promote(), gone], WAS, &now);
    assert_eq!((since.touched.len(), merged), (2, None));
    let left = |struck: &[usize], reworded: &[usize]| since.against(struck, reworded).len();
    assert_eq!((left(&[], &[]), left(&[1, 2], &[]), left(&[2], &[1])), (2, 0, 0));
    assert_eq!(left(&[], &[1, 2]), 1, "a passage that is gone is not found by other words");
    assert!(since.against(&[1], &[])[0].starts_with("operation 2: “Tell them.”"));
}

#[test]
fn what_its_text_does_not_show_is_no_difference_and_no_fine_either() {
    let was = "<p>Tell them.</p><p>Soon.</p>";
    let (since, merged) = told(vec![], was, &was.replace("Soon.", "<strong>Soon.</strong>"));
    assert_eq!((since.diff.as_str(), merged.as_deref()), ("", Some("Tell them.\nSoon.\n")));
    let paragraph = was.replace("<p>Soon.", "<p>3. Soon.");
    let (since, _) = told(vec![], &paragraph, &paragraph.replace("3. Soon", "4. Soon"));
    assert!(since.diff.contains("-3. Soon.\n+4. Soon."), "a number that is text: {}", since.diff);
}

proptest! {
    /// Another's step at one place and ours at another both stand; beside each other they touch.
    #[test]
    fn apart_both_stand(count in 2_usize..8, theirs: prop::sample::Index, ours: prop::sample::Index) {
        let items: String = (0..count).map(|at| format!("<li>step {at}</li>")).collect();
        let was = format!("<ol>{items}</ol>");
        let (theirs, ours) = (theirs.index(count), ours.index(count));
        let after = |step: usize, text: &str| at(&[], &format!("step {step}"), Action::InsertAfter { blocks: new(text) });
        let now = Edit { operations: vec![after(theirs, "theirs")] }.apply(&body(&was)).unwrap();
        let Body::Storage(now) = now else { panic!() };
        let (_, merged) = told(vec![after(ours, "ours")], &was, &now);
        prop_assert_eq!(merged.is_none(), theirs == ours);
        if let Some(text) = merged {
            let lines: Vec<_> = text.lines().map(|line| line.split_once(". ").unwrap().1).collect();
            let follows = |one: String, other: &str| lines.windows(2).any(|pair| pair[0] == one && pair[1] == other);
            let both = follows(format!("step {theirs}"), "theirs") && follows(format!("step {ours}"), "ours");
            prop_assert!(both, "{}", text);
            prop_assert_eq!(lines.len(), count + 2);
        }
    }
}
