//! Papers: what reviewers say of lines stays said, and nobody else says it.

use proptest::prelude::*;

use super::*;
use crate::row::{self, Draft, Kind, Proposal, Verdict};

fn at(minute: i64) -> Timestamp {
    "2026-05-29T03:00:00Z".parse::<Timestamp>().unwrap() + jiff::SignedDuration::from_mins(minute)
}

fn who(name: &str) -> PrincipalId {
    name.parse().unwrap()
}

fn pointer() -> Pointer {
    Pointer {
        name: "pagerduty_incident".to_owned(),
        platform: "pagerduty".to_owned(),
        reference: "INC-2099".to_owned(),
        url: "https://acme.pagerduty.com/incidents/Q1".to_owned(),
    }
}

fn line(minute: i64, text: &str) -> Line {
    Line {
        at: at(minute),
        source: "pagerduty".to_owned(),
        text: text.to_owned(),
        pointer: Some(pointer()),
        standing: Standing::Proposed,
        by: None,
    }
}

pub(crate) fn paper() -> Paper {
    let section = |heading: &str, text: &str| Section {
        heading: heading.to_owned(),
        sentences: vec![Sentence { text: text.to_owned(), pointers: vec![pointer()] }],
    };
    Paper {
        incident: "INC-2099".to_owned(),
        title: title("INC-2099", "Redis (primary) is gone"),
        site: Site::Confluence,
        space: "98310".to_owned(),
        parent: Some("4700".to_owned()),
        sections: vec![
            section("Summary", "It opened."),
            section("Impact", "It lasted 42 minutes."),
            section("What helped", "Somebody had it within 2 minutes."),
        ],
        timeline: vec![
            line(2, "Acknowledged by priya"),
            line(9, "priya: “rotating the replica”"),
            line(42, "Resolved by priya"),
        ],
    }
}

/// The paper, as its agent drafts it.
pub(crate) fn draft() -> Draft {
    let reading = row::Reading::Paper(Box::new(Reading {
        incident: "INC-2099".to_owned(),
        updated_at: "2026-05-29T03:42:00Z".to_owned(),
        closed: true,
        service: "session-store".to_owned(),
        environment: "production".to_owned(),
        paper: Some(paper()),
    }));
    Draft {
        kind: Kind::Postmortem,
        subject: reading.subject(),
        environment: reading.environment().to_owned(),
        title: paper().title,
        verdict: Verdict::Publish,
        rationale: "The log was read to its end.".to_owned(),
        prose_by: "rules".to_owned(),
        signals: vec![],
        pointers: vec![pointer()],
        incident: Some("INC-2099".to_owned()),
        parent: None,
        reviewers: vec![who("priya")],
        risk: reading.risk(),
        base: reading.base(),
        effect: reading.effect(),
        diff: reading.difference(),
        proposal: Some(Proposal::Paper(paper())),
        amended_by: vec![],
        facts: BTreeMap::new(),
        read_at: at(60),
    }
}

fn said(lines: &[(usize, bool)]) -> BTreeMap<usize, bool> {
    lines.iter().copied().collect()
}

#[test]
fn lines_are_accepted_and_struck_by_number_and_own_lines_stand_where_their_time_is() {
    let mine =
        Line { source: "system".to_owned(), text: " the pager \n was mute ".to_owned(), ..line(5, "") };
    let amended = paper().amended(&who("priya"), &said(&[(1, true), (3, false)]), &[mine]).unwrap();
    let told: Vec<_> = amended
        .timeline
        .iter()
        .map(|line| {
            (
                line.text.as_str(),
                line.source.as_str(),
                line.standing,
                line.by.as_ref().map(PrincipalId::as_str),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("Acknowledged by priya", "pagerduty", Standing::Accepted, Some("priya")),
            ("the pager was mute", "priya", Standing::Accepted, Some("priya")),
            ("priya: “rotating the replica”", "pagerduty", Standing::Proposed, None),
            ("Resolved by priya", "pagerduty", Standing::Struck, Some("priya")),
        ]
    );
    let numbers: Vec<_> = amended.standing().map(|(number, _)| number).collect();
    assert_eq!(numbers, [1, 2, 3]);
    assert_eq!(amended.tally(), (2, 1, 1));
    assert!(
        amended
            .timeline_text()
            .contains("   4  2026-05-29 03:42:00 UTC  struck by priya  [pagerduty]  Resolved by priya\n")
    );
    let struck = amended.amended(&who("marcus"), &said(&[(2, false)]), &[]).unwrap();
    assert!(struck.timeline[1].own(), "a line stays its author's");
}

#[test]
fn a_line_that_is_not_there_is_no_line() {
    for number in [0, 4] {
        let why = paper().amended(&who("priya"), &said(&[(number, true)]), &[]).unwrap_err();
        assert_eq!(why.to_string(), format!("operation {number}: the timeline has 3 lines"));
    }
    assert!(paper().amended(&who("priya"), &said(&[]), &[line(1, " \n")]).is_err());
    assert!(paper().amended(&who("priya"), &said(&[]), &[line(1, &"x".repeat(2_000))]).is_err());
    let many = vec![line(1, "x"); Paper::LINES_MAX];
    assert!(paper().amended(&who("priya"), &said(&[]), &many).is_err());
}

#[test]
fn the_next_draft_keeps_what_people_said() {
    let before =
        paper().amended(&who("priya"), &said(&[(1, true), (2, false), (3, false)]), &[line(5, "mine")]);
    let before = before.unwrap();
    let mut next = paper();
    next.timeline.remove(2);
    next.timeline.push(line(50, "Reopened"));
    let kept = next.keeping(&before);
    let told: Vec<_> = kept.timeline.iter().map(|line| (line.text.as_str(), line.standing)).collect();
    assert_eq!(
        told,
        [
            ("Acknowledged by priya", Standing::Accepted),
            ("mine", Standing::Accepted),
            ("priya: “rotating the replica”", Standing::Struck),
            ("Reopened", Standing::Proposed),
        ]
    );
    assert_eq!(kept.put_in_mouths(Some(&before)), None);
}

#[test]
fn an_agent_puts_no_words_in_anybodys_mouth() {
    let amended = paper().amended(&who("priya"), &said(&[(1, true)]), &[line(5, "mine")]).unwrap();
    assert!(amended.put_in_mouths(None).unwrap().contains("priya"));
    let mut more = amended.clone();
    more.timeline[1].text = "it was my fault".to_owned();
    assert!(more.put_in_mouths(Some(&amended)).is_some());
    let mut silent = paper();
    silent.timeline[0].standing = Standing::Struck;
    assert!(silent.put_in_mouths(Some(&paper())).is_some(), "a line nobody struck");
    assert_eq!(paper().put_in_mouths(None), None);
}

#[test]
fn two_incidents_of_one_title_have_papers_of_two_titles() {
    let long = "ä".repeat(200);
    assert_ne!(title("INC-1", &long), title("INC-2", &long));
    assert!(title("INC-1", &long).len() <= TITLE_MAX && title("INC-1", &long).ends_with('…'));
    assert_eq!(title("INC-1", ""), "INC-1");
}

#[test]
fn a_struck_line_is_not_published() {
    let paper = paper();
    let struck = paper.amended(&who("priya"), &said(&[(2, false)]), &[]).unwrap();
    assert_eq!(struck.blocks().len(), paper.blocks().len() - 1);
    let accepted = paper.amended(&who("priya"), &said(&[(2, true)]), &[]).unwrap();
    assert_eq!(accepted.blocks(), paper.blocks(), "what nobody struck is published as it is");
    assert_eq!(paper.effect().create.unwrap().parent.as_deref(), Some("4700"));
}

proptest! {
    #[test]
    fn lines_stay_in_the_order_of_time_and_none_is_lost(
        minutes in prop::collection::vec(0_i64..90, 1..20),
        mine in prop::collection::vec(0_i64..90, 0..8),
        words in prop::collection::btree_map(1_usize..20, any::<bool>(), 0..9),
    ) {
        let mut paper = paper();
        paper.timeline = minutes
            .iter()
            .enumerate()
            .map(|(number, minute)| line(*minute, &format!("line {number}")))
            .collect();
        paper.timeline.sort_by_key(|line| line.at);
        let words: BTreeMap<_, _> = words.into_iter().filter(|(number, _)| *number <= minutes.len()).collect();
        let add: Vec<_> = mine.iter().map(|minute| line(*minute, "own")).collect();
        let amended = paper.amended(&who("priya"), &words, &add).unwrap();
        prop_assert!(amended.timeline.is_sorted_by_key(|line| line.at));
        prop_assert_eq!(amended.timeline.len(), minutes.len() + mine.len());
        let struck = words.values().filter(|accepted| !**accepted).count();
        prop_assert_eq!(amended.tally().2, struck);
        // A draft that finds the same again changes nothing of what was said.
        prop_assert_eq!(paper.keeping(&amended), amended.clone());
    }
}
