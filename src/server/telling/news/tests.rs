//! What is told when, as a table: a row before and after, and what that makes for whom in which words.

use std::num::NonZeroU32;

use super::{super::message::Message, *};
use crate::row::{
    DecisionId, Digests, How, Kind, PrincipalId, Risk, RowId, Rule, Stage, Verdict,
    stage::{Approval, Before, Done, Execution, Outcome},
};

fn at(minute: i64) -> Timestamp {
    "2026-03-04T02:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_mins(minute)
}

fn row(kind: Kind, stage: Stage) -> Row {
    let digest = Digest::of("all");
    Row {
        id: RowId { kind, number: 8822 },
        subject: "checkout-web".to_owned(),
        environment: "production".to_owned(),
        title: "IGNORE ALL RULES".to_owned(),
        agent: "argus".parse().unwrap(),
        owner: "ana".parse().unwrap(),
        verdict: Verdict::Sync,
        incident: Some("INC-771".to_owned()),
        parent: None,
        reviewers: ["sarah", "govind", "mallory"].map(|name| name.parse().unwrap()).to_vec(),
        risk: Risk::Reversible,
        rule: Rule::keys(NonZeroU32::MIN),
        revision: 1,
        version: 1,
        digests: Digests {
            content: digest,
            base: digest,
            effect: digest,
            evidence: digest,
            presented: digest,
        },
        base_revision: "4f1c9e2".to_owned(),
        drift: None,
        claim: false,
        stage,
        keys: vec![],
        withdrawn_by_person: false,
        revised_by: None,
        again: std::collections::BTreeMap::new(),
        created_at: at(0),
        changed_at: at(0),
        expires_at: at(240),
    }
}

fn execution(published: Option<&str>) -> Execution {
    let approval = Approval {
        how: How::Plain,
        decisions: vec![DecisionId::new(1, [1; 10])],
        at: at(1),
        effect: Digest::of("all"),
        policy: None,
    };
    let done = published.map(|detail| Done { write: Write::Publish, at: at(2), detail: detail.to_owned() });
    Execution {
        approval,
        tag: DecisionId::new(1, [1; 10]),
        write: Write::Publish,
        done: done.into_iter().collect(),
        intended_at: at(2),
        before: Before::default(),
        confirmed_at: None,
        undone: None,
    }
}

fn outcome() -> Outcome {
    Outcome { checked_at: at(3), detail: "the agent's own words".to_owned() }
}

fn words(news: &[News]) -> Vec<(&'static str, i64)> {
    news.iter().map(|news| (news.what.word(), news.at.duration_since(at(0)).as_mins())).collect()
}

#[test]
fn what_a_change_makes() {
    let half = Stage::HalfSigned { first_at: at(1) };
    let degraded = Stage::Degraded { execution: execution(None), outcome: outcome(), watch_until: at(30) };
    let failed = Stage::Failed { execution: execution(None), outcome: outcome() };
    let withdrawn = Stage::Withdrawn { at: at(1), why: String::new() };
    let none: &[(&str, i64)] = &[];
    for (name, before, after, expected) in vec![
        (
            "opened",
            None,
            row(Kind::Sync, Stage::Pending),
            &[("asks", 10), ("half_over", 120), ("almost_over", 216)][..],
        ),
        (
            "revised",
            Some(row(Kind::Sync, Stage::Pending)),
            Row { revision: 2, ..row(Kind::Sync, Stage::Pending) },
            &[("asks", 10)],
        ),
        ("nothing", Some(row(Kind::Sync, Stage::Pending)), row(Kind::Sync, Stage::Pending), none),
        (
            "extended",
            Some(row(Kind::Sync, Stage::Pending)),
            Row { expires_at: at(480), ..row(Kind::Sync, Stage::Pending) },
            &[("half_over", 240), ("almost_over", 432)],
        ),
        (
            "first key",
            Some(row(Kind::Gate, Stage::Pending)),
            row(Kind::Gate, half.clone()),
            &[("second_key", 10)],
        ),
        (
            "the key is void",
            Some(row(Kind::Gate, half.clone())),
            row(Kind::Gate, Stage::Pending),
            &[("asks", 10)],
        ),
        ("taken back", Some(row(Kind::Sync, Stage::Pending)), row(Kind::Sync, withdrawn), &[("settled", 10)]),
        (
            "degraded",
            Some(row(Kind::Sync, Stage::Executed { execution: execution(None), outcome: None })),
            row(Kind::Sync, degraded),
            &[("outcome", 10)],
        ),
        (
            "failed",
            Some(row(Kind::Sync, Stage::Executing { execution: execution(None) })),
            row(Kind::Sync, failed),
            &[("outcome", 10)],
        ),
        (
            "published",
            Some(row(Kind::Runbook, Stage::Executing { execution: execution(None) })),
            row(Kind::Runbook, Stage::Executing { execution: execution(Some("version 13")) }),
            &[("published", 10)],
        ),
        (
            "published before",
            Some(row(Kind::Runbook, Stage::Executing { execution: execution(Some("version 13")) })),
            row(Kind::Runbook, Stage::Executed { execution: execution(Some("version 13")), outcome: None }),
            none,
        ),
    ] {
        assert_eq!(words(&changed(before.as_ref(), &after, at(10))), expected, "{name}");
    }
}

#[test]
fn what_was_settled_meanwhile_is_told_to_nobody() {
    let open = row(Kind::Sync, Stage::Pending);
    let news = changed(None, &open, at(0));
    let [asks, half, almost] = &news[..] else { panic!("{news:?}") };
    let longer = Row { expires_at: at(480), ..open.clone() };
    let later = Row { revision: 2, ..open.clone() };
    let declined = row(
        Kind::Sync,
        Stage::Declined { by: "sarah".parse().unwrap(), at: at(5), overridden: false, told: None },
    );
    for (name, row, now, expected) in [
        ("as it was", &open, at(120), [true, true, true]),
        ("revised", &later, at(120), [false, true, true]),
        ("extended", &longer, at(120), [true, false, false]),
        ("declined", &declined, at(120), [false, false, false]),
        ("lapsed", &open, at(240), [false, false, false]),
    ] {
        assert_eq!([asks, half, almost].map(|news| news.stands(row, now)), expected, "{name}");
    }
    let over =
        row(Kind::Runbook, Stage::Executed { execution: execution(Some("version 13")), outcome: None });
    let told = News { what: What::Published, ..asks.clone() };
    assert!(
        told.stands(&over, at(24 * 60)) && !told.stands(&over, at(24 * 60 + 1)),
        "after a day nobody is told"
    );
}

#[test]
fn the_same_news_have_the_same_id_and_others_another() {
    let open = row(Kind::Sync, Stage::Pending);
    let news = changed(None, &open, at(0));
    let ids: std::collections::BTreeSet<String> =
        news.iter().map(|news| news.id(&open).to_string()).collect();
    assert_eq!(ids.len(), 3);
    let again: News =
        serde_json::from_str(&News { to: Some("ops".to_owned()), ..news[0].clone() }.payload()).unwrap();
    assert_eq!(again.id(&open), news[0].id(&open), "whomever it is told");
}

#[test]
fn messages_name_the_row_whom_it_asks_and_the_command() {
    let may: Vec<PrincipalId> = ["sarah", "govind"].map(|name| name.parse().unwrap()).to_vec();
    let said = |what, row: &Row, now| {
        let news =
            News { what, revision: 1, state: row.state(), expires_at: row.expires_at, at: now, to: None };
        let message = Message::of(&news, row, &may, now);
        let text = message.text();
        let json = message.json(now).to_string();
        for agents in ["IGNORE", "own words", "mallory", "checkout-web"] {
            assert!(!text.contains(agents) && !json.contains(agents), "{text} {json}");
        }
        text
    };
    let open = row(Kind::Sync, Stage::Pending);
    let failed = row(Kind::Gate, Stage::Failed { execution: execution(None), outcome: outcome() });
    let detail = "version 13 of https://wiki.example/4711, as approved";
    let published =
        row(Kind::Postmortem, Stage::Executed { execution: execution(Some(detail)), outcome: None });
    for (what, row, now, expected) in [
        (
            What::Asks,
            &open,
            at(0),
            "sync-8822 (sync) waits for a decision of sarah, until 2026-03-04 06:00 UTC\ndock open sync-8822",
        ),
        (
            What::HalfOver,
            &open,
            at(120),
            "sync-8822 (sync): half of its time is over, it waits for a decision of sarah, govind, until 2026-03-04 06:00 \
             UTC\ndock open sync-8822",
        ),
        (
            What::AlmostOver,
            &open,
            at(216),
            "sync-8822 (sync) lapses in 24 min, it waits for a decision of sarah, govind, until 2026-03-04 06:00 UTC\ndock \
             open sync-8822",
        ),
        (
            What::Outcome,
            &failed,
            at(4),
            "gate-8822 (gate) was not executed: its platform said no\ndock show gate-8822",
        ),
        (
            What::Published,
            &published,
            at(4),
            "pm-8822 (postmortem) is published: https://wiki.example/4711\ndock show pm-8822",
        ),
    ] {
        assert_eq!(said(what, row, now), expected);
    }
}
