//! Facts that an agent read again and found the same: dated anew beside the revision, seldom, and never for it.

use super::*;
use crate::{
    row::{Again, Event, Grade, Signal, Weight},
    wire::{ConfirmRequest, HistoryEntry},
};

const BUDGET_S: i64 = 300;

fn signal(name: &str, at: jiff::Timestamp) -> Signal {
    let pointer = Pointer {
        name: "prometheus_query".to_owned(),
        platform: "prometheus".to_owned(),
        reference: name.to_owned(),
        url: String::new(),
    };
    Signal {
        name: name.to_owned(),
        value: "0.4 %".to_owned(),
        verdict: Grade::Good,
        weight: Weight::Note,
        pointer,
        rule: "read/1".to_owned(),
        fetched_at: at,
        budget_s: 300,
        series: None,
    }
}

/// A row with two signals, just read.
async fn opened(world: &World) -> RowView {
    let reading = world.drifted("payments-api").await;
    let now = world.app.clock.now();
    let signals = vec![signal("error rate", now), signal("p95", now)];
    let draft = Draft { signals, ..draft(&reading) };
    let (status, answer) = world.post("/v1/rows", "open", &draft, &[]).await;
    assert_eq!(status, 201, "{answer}");
    world.row(answer["row"].as_str().unwrap()).await
}

fn request(row: &RowView, places: &[u32], at: jiff::Timestamp) -> ConfirmRequest {
    let again = places.iter().map(|place| (*place, Again { at, value: Some("0.5 %".to_owned()) })).collect();
    ConfirmRequest { revision: row.head.revision, evidence_sha256: row.evidence_sha256, again }
}

async fn confirm(world: &World, row: &RowView, request: &ConfirmRequest) -> (u16, Value) {
    let path = format!("/v1/rows/{}/confirm", row.head.id);
    let body = serde_json::to_value(request).unwrap();
    world.call("POST", &path, Some(&world.agent_token), Some(body)).await
}

async fn events(world: &World, row: &RowView) -> Vec<String> {
    let path = format!("/v1/rows/{}/history", row.head.id);
    let (_, told) = world.call("GET", &path, Some(&world.agent_token), None).await;
    let told: Vec<HistoryEntry> = serde_json::from_value(told).unwrap();
    told.iter()
        .map(|entry| serde_json::from_str::<Value>(&entry.leaf).unwrap()["event"].to_string())
        .collect()
}

#[tokio::test]
async fn what_was_read_again_is_fresh_and_what_was_not_is_stale() {
    let world = World::start().await;
    let row = opened(&world).await;
    assert!(!row.head.stale);
    world.advance(BUDGET_S - 60);
    let at = world.app.clock.now();
    let (status, answer) = confirm(&world, &row, &request(&row, &[0], at)).await;
    assert_eq!((status, &answer["dated"]), (200, &json!(true)), "{answer}");
    world.advance(BUDGET_S + 1);
    let told = world.row(&row.head.id.to_string()).await;
    let fresh: Vec<_> = told.signals.iter().map(|signal| (signal.fresh, signal.says())).collect();
    assert_eq!(
        fresh,
        [(true, "0.4 % (now 0.5 %)".to_owned()), (false, "0.4 %".to_owned())],
        "only what was read again"
    );
    assert!(told.head.stale);
    // What is signed stays as it was, byte for byte.
    assert_eq!((told.head.revision, told.digests()), (1, row.digests()));
    assert_eq!(told.draft().digests(row.head.id, 1), row.digests());
    assert_eq!(told.head.changed_at, row.head.changed_at, "nothing has changed");
    let whole = world.store().whole(row.head.id, None).await.unwrap().unwrap();
    let read_at = row.signals[0].signal.fetched_at;
    assert_eq!(whole.draft.signals[0].fetched_at, read_at, "the draft is as it was sent");
    // Whoever decides on what was on the table before is heard.
    let answer = world.decide("sarah", &row, Decision::Approve).await;
    assert_eq!(answer, "accepted");
}

#[tokio::test]
async fn the_record_does_not_grow_with_each_look() {
    let world = World::start().await;
    let row = opened(&world).await;
    let mut dated = 0;
    for look in 1..=20 {
        world.advance(30 * look);
        let (status, answer) = confirm(&world, &row, &request(&row, &[0, 1], world.app.clock.now())).await;
        assert_eq!(status, 200, "{answer}");
        dated += usize::from(answer["dated"] == json!(true));
        assert!(!world.row(&row.head.id.to_string()).await.head.stale);
    }
    // Ten minutes of looks each half a minute: one entry for each half of five minutes.
    assert!((3..=5).contains(&dated), "{dated}");
    let evidence = format!("\"{}\"", Event::RowEvidence.name());
    assert_eq!(events(&world, &row).await.iter().filter(|event| **event == evidence).count(), dated);
}

#[tokio::test]
async fn an_entry_comes_only_where_it_makes_a_fact_younger() {
    let world = World::start().await;
    let row = opened(&world).await;
    let dated = async |places: &[u32], at| {
        let (status, answer) = confirm(&world, &row, &request(&row, places, at)).await;
        assert_eq!(status, 200, "{answer}");
        answer["dated"] == json!(true)
    };
    let now = || world.app.clock.now();
    world.advance(200);
    let early = now();
    assert!(dated(&[0], early).await);
    // The other is old and was not read again: saying so changes nothing, however often.
    for second in 210..220 {
        world.advance(second);
        assert!(!dated(&[0], now()).await && !dated(&[], now()).await, "{second}");
    }
    world.advance(390);
    assert!(!dated(&[0, 1], early).await, "what was read then is old itself");
    assert!(dated(&[0], now()).await);
    assert!(!dated(&[1], now()).await, "not twice in half a minute");
    world.advance(421);
    assert!(dated(&[1], now()).await);
    let evidence = format!("\"{}\"", Event::RowEvidence.name());
    assert_eq!(events(&world, &row).await.iter().filter(|event| **event == evidence).count(), 3);
}

#[tokio::test]
async fn what_cannot_be_meant_is_refused() {
    let world = World::start().await;
    let row = opened(&world).await;
    world.advance(200);
    let now = world.app.clock.now();
    let good = request(&row, &[0], now);
    for (wrong, expected) in [
        (ConfirmRequest { revision: 2, ..good.clone() }, "stale_revision"),
        (ConfirmRequest { evidence_sha256: Digest::of("other"), ..good.clone() }, "evidence_moved"),
        (request(&row, &[2], now), "bad_request"),
    ] {
        assert_eq!(code(&confirm(&world, &row, &wrong).await), expected);
    }
    let path = format!("/v1/rows/{}/confirm", row.head.id);
    let token = world.login("sarah").await;
    let body = serde_json::to_value(&good).unwrap();
    assert_eq!(world.call("POST", &path, Some(&token), Some(body)).await.0, 403, "people do not date facts");
    // A clock that is ahead dates nothing into the future.
    let ahead = request(&row, &[0], now + jiff::SignedDuration::from_hours(9));
    assert_eq!(confirm(&world, &row, &ahead).await.0, 200);
    let told = world.row(&row.head.id.to_string()).await;
    assert!(told.signals[0].read_at() <= world.app.clock.now());
    assert_eq!(world.decide("sarah", &row, Decision::Decline).await, "accepted");
    assert_eq!(code(&confirm(&world, &row, &good).await), "out_of_step", "it is decided");
}
