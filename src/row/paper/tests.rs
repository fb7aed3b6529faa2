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
        sentences: vec![Sentence::of(text, vec![pointer()])],
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
        assert_eq!(why.to_string(), format!("line {number}: the timeline has 3 lines"));
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
fn a_title_names_its_incident_once() {
    for (about, whole) in [
        ("Redis is gone", "INC-1: Redis is gone"),
        ("INC-1 Redis is gone", "INC-1: Redis is gone"),
        ("inc-1: Redis is gone", "INC-1: Redis is gone"),
        ("INC-1 - Redis", "INC-1: Redis"),
        ("INC-12 is back", "INC-1: INC-12 is back"),
        ("INC-1-b", "INC-1: INC-1-b"),
        ("INC-1", "INC-1"),
        ("", "INC-1"),
    ] {
        assert_eq!(title("INC-1", about), whole, "{about}");
    }
}

#[test]
fn what_stands_between_backticks_is_code() {
    let plain = |text: &str| Piece::Plain(text.to_owned());
    let code = |text: &str| Piece::Code(text.to_owned());
    for (text, expected) in [
        ("ran `WAIT 1` twice", vec![plain("ran "), code("WAIT 1"), plain(" twice")]),
        ("`a``b`", vec![code("a``b")]),
        ("`` a`b `` and `c`", vec![code("a`b"), plain(" and "), code("c")]),
        ("a ` alone", vec![plain("a ` alone")]),
        ("` `", vec![plain("` `")]),
        ("“`x`”", vec![plain("“"), code("x"), plain("”")]),
        ("", vec![]),
    ] {
        assert_eq!(pieces(text), expected, "{text}");
    }
    let mut paper = paper();
    paper.timeline[1].text = "priya: “`redis-cli <x>`”".to_owned();
    let html = export::html(&paper, "x");
    assert!(html.contains("priya: “<code>redis-cli &lt;x&gt;</code>” <a "), "{html}");
    assert!(html.contains("<h1 dir=\"auto\">") && html.contains("<p dir=\"auto\">"), "{html}");
    assert!(export::markdown(&paper, "x").contains("` redis-cli <x> `"));
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

fn sections(changes: &SectionChanges) -> Result<Paper, NotApplicable> {
    asking().with_sections(&who("priya"), changes)
}

/// With an open question: sentences 1 to 4.
fn asking() -> Paper {
    let mut paper = paper();
    let question = Sentence::of("How many people were affected?", vec![]);
    paper.sections.push(Section { heading: OPEN_QUESTIONS.to_owned(), sentences: vec![question] });
    paper
}

fn own(section: &str, text: &str) -> Own {
    Own { section: section.to_owned(), text: text.to_owned() }
}

/// Strikes 1, words 2, answers 4, and adds two.
fn judged() -> SectionChanges {
    SectionChanges {
        standing: said(&[(1, false)]),
        words: BTreeMap::from([(2, "Checkout was slow\n for 42 minutes. ".to_owned())]),
        answers: BTreeMap::from([(4, "About 120.".to_owned())]),
        add: vec![own("what helped", "The pager."), own("Actions", "Page the cache team.")],
    }
}

fn published(paper: &Paper) -> String {
    crate::row::page::outline::text(&paper.body()).unwrap()
}

#[test]
fn sentences_are_struck_worded_answered_and_added_and_each_says_whose_words_it_is() {
    let amended = sections(&judged()).unwrap();
    let told: Vec<_> = amended
        .sentences()
        .map(|(number, section, one)| (number, section.heading.as_str(), one.text.as_str(), one.said()))
        .collect();
    let said = |text: &str| text.to_owned();
    assert_eq!(
        told,
        [
            (1, "Summary", "It opened.", said("struck by priya")),
            (2, "Impact", "Checkout was slow for 42 minutes.", said("worded by priya")),
            (3, "What helped", "Somebody had it within 2 minutes.", said("")),
            (4, "What helped", "The pager.", said("added by priya")),
            (5, "Actions", "Page the cache team.", said("added by priya")),
            (6, "Open questions", "How many people were affected?", said("")),
        ]
    );
    let text = published(&amended);
    for there in [
        "Checkout was slow for 42 minutes. INC-2099 <https://acme.pagerduty.com/incidents/Q1> (worded by priya)",
        "The pager. (added by priya)",
        "How many people were affected? Answered by priya: About 120.",
    ] {
        assert!(text.contains(there), "{there}: {text}");
    }
    for gone in ["It opened.", "It lasted 42 minutes.", "Summary"] {
        assert!(!text.contains(gone), "{gone}: {text}");
    }
    assert_ne!(amended.effect(), asking().effect(), "another text has another digest");
    assert!(amended.sections_text().contains("      answered by priya: About 120.\n"));
}

#[test]
fn whoever_words_a_sentence_stands_by_it_and_the_agents_words_are_the_agents_again() {
    let amended = sections(&judged()).unwrap();
    let word = |paper: &Paper, by: &str, number: usize, text: &str| {
        let words = BTreeMap::from([(number, text.to_owned())]);
        paper.with_sections(&who(by), &SectionChanges { words, ..SectionChanges::default() }).unwrap()
    };
    let back = word(&amended, "marcus", 2, "It lasted 42 minutes.");
    assert_eq!(back.sentence(2).unwrap().1.said(), "accepted by marcus");
    let stands_again = word(&amended, "marcus", 1, "It began.");
    assert_eq!(stands_again.sentence(1).unwrap().1.said(), "worded by marcus");
    let same = word(&amended, "marcus", 2, "Checkout was slow for 42 minutes.");
    assert_eq!(same, amended, "it changes nothing");
    let standing = said(&[(4, false)]);
    let struck =
        amended.with_sections(&who("marcus"), &SectionChanges { standing, ..SectionChanges::default() });
    assert_eq!(struck.unwrap().sentence(4).unwrap().1.said(), "added by priya, struck by marcus");
}

#[test]
fn what_cannot_be_said_of_a_sentence_is_said() {
    let words = |number: usize, text: &str| BTreeMap::from([(number, text.to_owned())]);
    let none = SectionChanges::default;
    let long = "x".repeat(Paper::OWN_SENTENCE_MAX + 1);
    for (changes, why) in [
        (SectionChanges { standing: said(&[(5, true)]), ..none() }, "sentence 5: the sections have 4"),
        (SectionChanges { words: words(0, "x"), ..none() }, "sentence 0: the sections have 4"),
        (
            SectionChanges { words: words(1, " "), ..none() },
            "sentence 1: a sentence of your own has 1 to 2048",
        ),
        (SectionChanges { answers: words(4, &long), ..none() }, "sentence 4: a sentence of your own has 1"),
        (SectionChanges { answers: words(1, "yes"), ..none() }, "sentence 1: it is no open question"),
        (
            SectionChanges { standing: said(&[(1, false)]), words: words(1, "x"), ..none() },
            "sentence 1: it is either struck or put in other words",
        ),
        (
            SectionChanges { add: vec![own("Blame", "x")], ..none() },
            "sentence 5: there is no section “Blame”",
        ),
        (
            SectionChanges { add: vec![own("Impact", "x"); Paper::SENTENCES_MAX], ..none() },
            "sentence 1004: a paper has",
        ),
    ] {
        let said = sections(&changes).unwrap_err().to_string();
        assert!(said.starts_with(why), "{said}");
    }
}

#[test]
fn a_reviewers_own_words_do_not_fall_with_struck_lines() {
    let mut paper = asking();
    let of_chat = Pointer { reference: "C1/2".to_owned(), ..pointer() };
    paper.timeline[1].pointer = Some(of_chat.clone());
    paper.sections[2].sentences[0].pointers = vec![of_chat];
    let struck = paper.amended(&who("priya"), &said(&[(2, false)]), &[]).unwrap();
    assert!(!published(&struck).contains("What helped"), "the sentence falls, and its empty section with it");
    let words = BTreeMap::from([(3, "The replica was rotated.".to_owned())]);
    let changes = SectionChanges { words, ..SectionChanges::default() };
    let worded = struck.with_sections(&who("priya"), &changes).unwrap();
    assert!(published(&worded).contains("The replica was rotated."));
}

#[test]
fn the_next_draft_keeps_what_people_said_of_sentences() {
    let before = sections(&judged()).unwrap();
    let mut next = asking();
    // It draws the same again, but for what was worded; a struck sentence of another text is a new one.
    next.sections[1].sentences[0].text = "It lasted 43 minutes.".to_owned();
    let kept = next.clone().keeping(&before);
    let told: Vec<_> = kept.sentences().map(|(_, _, one)| (one.text.as_str(), one.said())).collect();
    let said = |text: &str| text.to_owned();
    assert_eq!(
        told,
        [
            ("It opened.", said("struck by priya")),
            ("Checkout was slow for 42 minutes.", said("worded by priya")),
            ("It lasted 43 minutes.", said("")),
            ("Somebody had it within 2 minutes.", said("")),
            ("The pager.", said("added by priya")),
            ("Page the cache team.", said("added by priya")),
            ("How many people were affected?", said("")),
        ]
    );
    assert_eq!(kept.sentences().last().unwrap().2.answer.as_ref().unwrap().text, "About 120.");
    assert_eq!(kept.put_in_mouths(Some(&before)), None);
    next.sections[0].sentences[0].text = "It began.".to_owned();
    let gone = next.keeping(&before);
    assert_eq!(gone.sentence(1).unwrap().1.said(), "", "a strike goes with its sentence");
}

#[test]
fn an_agent_words_no_sentence_in_anybodys_name() {
    let amended = sections(&judged()).unwrap();
    assert!(amended.put_in_mouths(None).unwrap().contains("Summary"));
    assert_eq!(amended.put_in_mouths(Some(&amended)), None);
    let forged = |change: fn(&mut Sentence)| {
        let mut paper = amended.clone();
        change(&mut paper.sections[2].sentences[0]);
        paper.put_in_mouths(Some(&amended)).is_some()
    };
    assert!(forged(|one| one.words = Some(Words { by: who("priya"), was: None })));
    assert!(forged(|one| one.answer = Some(Answer { by: who("priya"), text: "Yes.".to_owned() })));
    assert!(forged(|one| one.standing = Standing::Accepted) && forged(|one| one.by = Some(who("priya"))));
    let mut moved = amended.clone();
    let of_priya = moved.sections[1].sentences.remove(0);
    moved.sections[0].sentences.push(of_priya);
    assert!(moved.put_in_mouths(Some(&amended)).is_some(), "said of another section");
}

#[test]
fn a_paper_that_was_written_before_sentences_were_judged_reads_as_it_was_written() {
    let old = r#"{"incident":"INC-2099","title":"INC-2099: Redis","site":"confluence","space":"98310","sections":[{"heading":"Summary","sentences":[{"text":"It opened.","pointers":[{"name":"pagerduty_incident","platform":"pagerduty","ref":"INC-2099","url":""}]},{"text":"Why?"}]}],"timeline":[]}"#;
    let paper: Paper = serde_json::from_str(old).unwrap();
    assert!(paper.sentences().all(|(.., one)| !one.is_reviewed()));
    assert_eq!(serde_json::to_string(&paper).unwrap(), old);
    let amendment: crate::row::Amendment = serde_json::from_str(r#"{"lines":{"1":true}}"#).unwrap();
    assert_eq!(serde_json::to_string(&amendment).unwrap(), r#"{"lines":{"1":true}}"#);
}

proptest! {
    #[test]
    fn a_draft_that_says_the_same_again_changes_nothing_of_what_was_said(
        standing in prop::collection::btree_map(1_usize..5, any::<bool>(), 0..4),
        words in prop::collection::btree_map(1_usize..5, "[a-z]{1,8}", 0..4),
        add in prop::collection::vec((0..HEADINGS.len(), "[a-z]{1,8}"), 0..4),
    ) {
        let mut standing = standing;
        standing.retain(|number, _| !words.contains_key(number));
        let add = add.into_iter().map(|(at, text)| own(HEADINGS[at], &text)).collect();
        let amended = sections(&SectionChanges { standing, words, answers: BTreeMap::new(), add }).unwrap();
        prop_assert_eq!(asking().keeping(&amended), amended);
    }

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
