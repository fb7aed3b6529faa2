//! How far an edit came, told at every place where it can be cut off, with and without somebody else at the page.

use super::super::steps::{Progress, Step, Trace, progress, taken_back};
use super::*;

/// A page on which the first calls of an edit were made.
struct Cut {
    was: Vec<Json>,
    calls: Vec<Call>,
    steps: Vec<Step>,
    platform: Platform,
}

fn cut(was: &[Json], operations: &[Operation], made: usize) -> Cut {
    let (calls, steps): (Vec<_>, Vec<_>) = planned("page", was, operations).unwrap().into_iter().unzip();
    let mut platform = Platform { blocks: was.to_vec(), made: 0 };
    platform.carry_out(&calls[..made]);
    Cut { was: was.to_vec(), calls, steps, platform }
}

impl Cut {
    fn progress(&self) -> Progress {
        progress("page", &self.platform.blocks, &self.steps, digest(&self.was, true))
    }

    /// A person puts a line behind a block of the page, or first.
    fn line(&mut self, behind: usize, text: &str) {
        let at = behind.min(self.platform.blocks.len());
        self.platform.blocks.insert(at, block("theirs", "paragraph", text, Vec::new()));
    }

    /// A person takes a block away, where it is.
    fn remove(&mut self, id: &str) {
        delete(&mut self.platform.blocks, id);
    }

    /// A person gives a block other words.
    fn reword(&mut self, id: &str, text: &str) {
        let found = find(&mut self.platform.blocks, id).unwrap();
        let kind = found["type"].as_str().unwrap().to_owned();
        found[&kind]["rich_text"] = rich(text);
    }
}

/// Something is put, something changed, something taken away.
fn edit() -> Vec<Operation> {
    vec![
        after("Promote", vec![step("Wait"), step("Look")]),
        value("timeout | 30s", "30s", "45s"),
        at("שלום", Action::Replace { blocks: vec![Block::Heading { level: 2, text: plain("End") }] }),
        at("Restart api-gw", Action::MarkDeprecated { instead: plain("use the workflow") }),
    ]
}

/// `.`: there, `-`: missing, `?`: unclear.
fn traces(progress: &Progress) -> String {
    let sign = |trace: &Trace| match trace {
        Trace::There => '.',
        Trace::Missing => '-',
        Trace::Unclear => '?',
    };
    progress.traces.iter().map(sign).collect()
}

#[test]
fn every_place_where_an_edit_can_be_cut_off_is_told() {
    let calls = ["put 1", "put 3", "change 4", "change 2", "take 3"];
    let words = [
        "operations 1, 2, 3 and 4 are not",
        "operation 1 is on the page, operations 2, 3 and 4 are not",
        "operation 1 is on the page, operation 3 is there in part, operations 2 and 4 are not",
        "operations 1 and 4 are on the page, operation 3 is there in part, operation 2 is not",
        "operations 1, 2 and 4 are on the page, operation 3 is there in part",
        "operations 1, 2, 3 and 4 are on the page",
    ];
    for (made, words) in words.into_iter().enumerate() {
        let cut = cut(&redis(), &edit(), made);
        assert_eq!(cut.calls.len(), calls.len());
        let told = cut.progress();
        assert_eq!((told.reviewed, told.done(), told.words().as_str()), (true, made, words));
        assert_eq!((told.all(), told.none(), told.unclear()), (made == calls.len(), made == 0, false));
        let back =
            taken_back("page", &cut.platform.blocks, &cut.steps[..made], digest(&redis(), true)).unwrap();
        assert_eq!(digest(&back, true), digest(&redis(), true));
        assert_eq!(super::calls("page", &back, &edit()).unwrap(), cut.calls, "what is left is as it was");
    }
}

#[test]
fn somebody_elses_change_is_told_from_ours() {
    const EXACT: [&str; 6] = ["-----", ".----", "..---", "...--", "....-", "....."];
    type Theirs = fn(&mut Cut);
    // Empty: the page is as our calls alone leave it.
    let table: [(&str, Theirs, [&str; 6]); 6] = [
        ("a line of theirs", |cut| cut.line(3, "Mind the gap."), EXACT),
        ("another block's words", |cut| cut.reword("s-1", "Look twice"), EXACT),
        // Whether ours was made before theirs, or theirs alone, only the calls around it tell.
        (
            "words that we change",
            |cut| cut.reword("s-3", "Stop"),
            ["-----", ".----", "..?--", "..?--", "....-", "....."],
        ),
        ("a block that we take away", |cut| cut.remove("p"), ["----.", ".---.", "..--.", "...-.", "", ""]),
        (
            "a table that we change",
            |cut| cut.remove("t"),
            ["-----", ".----", "..---", "...?-", "...?-", "...?."],
        ),
        ("what we put", |cut| cut.remove("new-1"), ["", "?----", "..---", "...--", "....-", "....."]),
    ];
    for (name, theirs, expected) in table {
        for (made, expected) in expected.into_iter().enumerate() {
            let mut cut = cut(&redis(), &edit(), made);
            theirs(&mut cut);
            let told = cut.progress();
            assert_eq!(told.reviewed, expected.is_empty(), "{name} after {made}");
            if !told.reviewed {
                assert_eq!(traces(&told), expected, "{name} after {made}");
            }
        }
    }
}

#[test]
fn what_reads_the_same_and_is_not_ours_is_not_taken_for_ours() {
    let mut page = redis();
    page.insert(5, block("s-2b", "numbered_list_item", "Wait", Vec::new()));
    for (made, expected) in ["--", ".-", ".."].into_iter().enumerate() {
        let twice = [after("Promote", vec![step("Wait")]), after("Restart api-gw", vec![step("Wait")])];
        let mut cut = cut(&page, &twice, made);
        assert_eq!((cut.progress().reviewed, cut.progress().done()), (true, made));
        cut.line(0, "Read this first.");
        assert_eq!(traces(&cut.progress()), expected);
    }
}

#[test]
fn what_is_known_beside_the_page_narrows_what_it_shows() {
    let mut cut = cut(&redis(), &edit(), 2);
    cut.reword("s-3", "Stop");
    for (seen, sent, expected) in
        [(0, 9, "..?--"), (2, 2, "..---"), (2, 3, "..?--"), (3, 3, "...--"), (3, 9, "...--")]
    {
        let mut told = cut.progress();
        told.narrow(seen, sent);
        assert_eq!(traces(&told), expected, "{seen} {sent}");
    }
    for ours in ["new-1", "new-2"] {
        cut.remove(ours);
    }
    let mut told = cut.progress();
    told.narrow(2, 2);
    assert_eq!(
        told.words(),
        "operation 3 is there in part, operations 2 and 4 are not, operation 1 cannot be told"
    );
}

#[test]
fn steps_are_kept_with_a_row_and_read_again() {
    let steps: Vec<Step> =
        planned("page", &redis(), &edit()).unwrap().into_iter().map(|(_, step)| step).collect();
    let kept = serde_json::to_string(&steps).unwrap();
    assert_eq!(serde_json::from_str::<Vec<Step>>(&kept).unwrap(), steps);
    assert!(kept.len() < 4_000, "what is kept is small: {} bytes", kept.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Wherever an edit is cut off, it is told how far it came, and what is left makes it whole.
    #[test]
    fn what_is_left_makes_it_whole(
        page in pages(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), actions()), 1..4),
        theirs in any::<prop::sample::Index>(),
    ) {
        let outline = read(&page).unwrap();
        prop_assume!(!outline.passages.is_empty());
        let operations: Vec<_> = edits.into_iter().map(|(index, action)| {
            Operation { anchor: index.get(&outline.passages).anchor(), ..at("", action) }
        }).collect();
        let Ok(next) = apply(&page, &operations) else { return Ok(()) };
        for made in 0..=calls("page", &page, &operations).unwrap().len() {
            let mut cut = cut(&page, &operations, made);
            let told = cut.progress();
            prop_assert!(told.reviewed);
            // A call that changes nothing is as good as made.
            prop_assert!(told.done() >= made);
            let back = taken_back("page", &cut.platform.blocks, &cut.steps[..told.done()], digest(&page, true)).unwrap();
            let left = calls("page", &back, &operations).unwrap().split_off(told.done());
            prop_assert_eq!(&left, &cut.calls[told.done()..]);
            let before = cut.platform.blocks.clone();
            cut.platform.carry_out(&left);
            prop_assert_eq!(digest(&cut.platform.blocks, false), digest(&next, false));
            // The same with a line of theirs anywhere.
            cut.platform.blocks = before;
            cut.line(theirs.index(page.len() + 1), "zzz");
            let told = cut.progress();
            prop_assert!(!told.reviewed);
            for (at, trace) in told.traces.iter().enumerate() {
                prop_assert!(at >= made || *trace == Trace::There, "{made} were made: {}", traces(&told));
            }
        }
    }
}
