//! What is read as what, what is found, in which order, and which lines show it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::row::{
    Base, Digest, Draft, Effect, Kind, Pointer, Proposal, Risk, Verdict,
    base::PageBase,
    draft::PROSE_BY_RULES,
    page::{Action, Anchor, Block, Edit, Operation, Piece},
};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// rb-8821 as the scribe drafts it.
pub(crate) fn rotate() -> Draft {
    let item =
        |text: &str| Block::Item { ordered: true, depth: 0, text: vec![Piece::Plain(text.to_owned())] };
    let operation = Operation {
        anchor: Anchor { id: None, path: vec!["Failover".into()], text: "Fail over to the standby.".into() },
        action: Action::InsertBefore { blocks: vec![item("Rotate the Redis replica before failover.")] },
        because: "In INC-2099 the failover stood until the replica was rotated.".into(),
        pointers: vec![],
        by: None,
    };
    let pointer = Pointer {
        name: "confluence_page_id".into(),
        platform: "confluence".into(),
        reference: "CONF-4711".into(),
        url: "https://confluence.invalid".into(),
    };
    Draft {
        kind: Kind::Runbook,
        subject: "CONF-4711".into(),
        environment: "production".into(),
        title: "Add step: rotate before failover".into(),
        verdict: Verdict::Publish,
        rationale: "The on-call did this by hand.".into(),
        prose_by: PROSE_BY_RULES.into(),
        signals: vec![],
        pointers: vec![pointer],
        incident: Some("INC-2099".into()),
        parent: None,
        reviewers: vec!["priya".parse().unwrap()],
        risk: Risk::Reversible,
        base: Base::Runbook(PageBase {
            name: "CONF-4711".into(),
            page: "4711".into(),
            version: 7,
            author: "mei".into(),
            created_at: "2026-05-01".into(),
            body: Digest::of("body"),
            space: String::new(),
        }),
        effect: Effect::None,
        diff: "--- page/CONF-4711\n+++ edit/CONF-4711\n@@ -1 +1,2 @@\n 1. Call\n+2. Rotate\n".into(),
        proposal: Some(Proposal::Edit(Edit { operations: vec![operation] })),
        amended_by: vec!["marcus".parse().unwrap()],
        facts: BTreeMap::from([("service".to_owned(), "session-store".to_owned())]),
        read_at: at("2026-05-29T04:00:00Z"),
    }
}

pub(crate) fn looked<'a>(draft: &'a Draft, id: &str, note: Option<&'a str>) -> Looked<'a> {
    let head = Head {
        id: id.parse().unwrap(),
        environment: &draft.environment,
        risk: draft.risk,
        incident: draft.incident.as_deref(),
        agent: "scribe",
        owner: "admin",
        asked: vec!["priya"],
        said: vec![("priya", note)],
    };
    Looked { head, draft }
}

fn query(text: &str) -> Query {
    Query::parse(text).unwrap_or_else(|error| panic!("{text}: {}", error.sentence(None)))
}

#[test]
fn what_is_asked_is_found_in_every_part() {
    let draft = rotate();
    let row = Indexed::of(&looked(&draft, "rb-8821", Some("Confirmed on the standby at 03:40.")));
    for (text, found) in [
        ("redis replica", true),
        ("\"redis replica\"", true),
        ("\"replica redis\"", false),
        ("REDIS repl", true),
        ("\"redis repl\"", false),
        ("\"redis repl", true),
        ("edis", false),
        ("rb-8821 CONF-4711", true),
        ("standby confirmed", true),
        ("\"failover in inc-2099\"", false),
        ("-mongo redis", true),
        ("redis -replica", false),
        ("service:session-store", true),
        ("app:CONF-4711", true),
        ("service:session", false),
        ("incident:inc-2099", true),
        ("incident:2099", true),
        ("incident:209", false),
        ("incident:INC-2099,INC-1", true),
        ("-incident:INC-2099", false),
        ("who:marcus", true),
        ("who:priya asked:priya", true),
        ("asked:marcus", false),
        ("agent:scribe owner:admin env:prod risk:reversible", true),
        ("page:conf-4711 source:confluence", true),
        ("env:staging", false),
        ("***", true),
        ("", true),
    ] {
        assert_eq!(ranked(&query(text), std::slice::from_ref(&row))[0].is_some(), found, "{text}");
    }
}

#[test]
fn a_row_about_it_stands_before_one_that_mentions_it() {
    let about = rotate();
    let mut mentions = rotate();
    mentions.title = "Add step: call the lead".into();
    mentions.proposal = None;
    mentions.rationale = "As before; see the redis replica.".into();
    let mut other = mentions.clone();
    other.rationale = "Nothing of that kind.".into();
    let rows: Vec<_> =
        [(&mentions, "rb-1"), (&other, "rb-2"), (&about, "rb-3"), (&other, "rb-4"), (&other, "rb-5")]
            .iter()
            .map(|(draft, id)| Indexed::of(&looked(draft, id, None)))
            .collect();
    let fit = ranked(&query("redis replica"), &rows);
    assert!(fit[1].is_none() && fit[2] > fit[0] && fit[0] > Some(0.0), "{fit:?}");
}

#[test]
fn the_line_that_has_it_is_shown_with_its_marks() {
    let draft = rotate();
    let looked = looked(&draft, "rb-8821", Some("The replica lagged by four minutes."));
    let lines = excerpts(&query("redis replica"), &Document::of(&looked));
    assert_eq!(lines[0].field, "proposal");
    assert_eq!(
        lines[0].pieces(),
        [
            (false, "Rotate the "),
            (true, "Redis"),
            (false, " "),
            (true, "replica"),
            (false, " before failover.")
        ]
    );
    assert!(lines.iter().any(|line| line.field == "note"), "{lines:?}");
    let phrase = excerpts(&query("\"redis replica\""), &Document::of(&looked));
    assert_eq!((phrase.len(), phrase[0].pieces()[1]), (1, (true, "Redis replica")));
    let broken = Match { field: "note".into(), text: "é".into(), marks: vec![(0, 1), (1, 9), (2, 1)] };
    assert_eq!(broken.pieces(), [(false, "é")], "what a server sends may be anything");
}

#[test]
fn a_long_text_is_cut_around_its_first_mark() {
    let mut draft = rotate();
    draft.rationale = format!("{}the needle lies here{}", "é word ".repeat(60), " and goes on".repeat(60));
    let lines = excerpts(&query("needle"), &Document::of(&looked(&draft, "rb-1", None)));
    let line = &lines[0];
    assert!(line.text.starts_with('…') && line.text.ends_with('…') && line.text.len() < 180, "{line:?}");
    assert!(line.pieces().contains(&(true, "needle")), "{line:?}");
}

#[test]
fn a_backend_is_not_asked_what_only_a_reader_knows() {
    let typed = query("redis is:new,mine left:2h who:me -asked:me state:healthy before:2026-05-01");
    let asked = typed.for_backend("priya").to_string();
    assert_eq!(asked, "redis who:\"priya\" -asked:\"priya\" state:\"healthy\" before:2026-05-01T00:00:00Z");
    assert!(typed.own().is_some() && query(&asked).own().is_none());
}

#[test]
fn heads_are_asked_for_kind_state_id_and_time() {
    let (id, changed) = ("rb-8821".parse().unwrap(), at("2026-05-29T04:12:00Z"));
    let now = at("2026-11-29T00:00:00Z");
    for (text, admitted) in [
        ("kind:runbook state:healthy,failed id:rb_8821", true),
        ("-kind:runbook", false),
        ("state:failed", false),
        ("before:90d since:2026-05-01", true),
        ("since:24h", false),
        ("redis who:nobody", true),
    ] {
        let admits = query(text).admits(id, crate::row::State::Healthy, changed, now);
        assert_eq!(admits, admitted, "{text}");
    }
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused_and_written_as_the_same(text in "(?s).{0,80}|([a-z:\"-]| |,|redis|is:new|since:7d){0,16}") {
        if let Ok(read) = Query::parse(&text) {
            prop_assert_eq!(Query::parse(&read.to_string()), Ok(read));
        }
    }

    #[test]
    fn a_phrase_never_matches_what_lacks_it(text in "[abc ,.-]{0,60}", phrase in "[abc]{1,3}( [abc]{1,3}){0,2}") {
        let mut draft = rotate();
        draft.rationale = format!("q {text} q");
        let looked = looked(&draft, "rb-1", None);
        let asked = query(&format!("\"{phrase}\""));
        let has = format!(" {} ", words(&draft.rationale).collect::<Vec<_>>().join(" ")).contains(&format!(" {phrase} "));
        prop_assert_eq!(ranked(&asked, &[Indexed::of(&looked)])[0].is_some(), has);
        let lines = excerpts(&asked, &Document::of(&looked));
        prop_assert_eq!(!lines.is_empty(), has);
        for line in lines {
            let marked: Vec<_> = line.pieces().into_iter().filter(|(marked, _)| *marked).map(|(_, text)| text).collect();
            prop_assert!(!marked.is_empty());
            for mark in marked {
                let mark = words(mark).collect::<Vec<_>>().join(" ");
                prop_assert!(mark.contains(&phrase), "{} of {}", mark, phrase);
            }
        }
    }

    #[test]
    fn excerpts_of_any_text_stand_on_whole_characters(text in "(?s).{0,400}", word in "\\PC{1,5}") {
        let mut draft = rotate();
        draft.rationale = text;
        if let Ok(asked) = Query::parse(&word) {
            for line in excerpts(&asked, &Document::of(&looked(&draft, "rb-1", None))) {
                prop_assert!(line.pieces().iter().any(|(marked, _)| *marked), "{:?}", line);
            }
        }
    }
}
