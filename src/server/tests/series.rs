//! Live telemetry over HTTP: read once for all, dated, with its gaps; unknown where a platform does not answer.
//!
//! Never: a platform that the backend is not configured to read.

use super::*;
use crate::wire::{Pane, Telemetry};

const APP: &str = "payments-api";

async fn measured() -> (World, RowView, String) {
    let world = World::start_measured().await;
    let row = world.opened(APP).await;
    let token = world.login("sarah").await;
    (world, row, token)
}

async fn series(world: &World, row: &RowView, token: &str, query: &str) -> Telemetry {
    let path = format!("/v1/rows/{}/series{query}", row.head.id);
    let (status, body) = world.call("GET", &path, Some(token), None).await;
    assert_eq!(status, 200, "{body}");
    serde_json::from_value(body).unwrap()
}

fn pane<'a>(telemetry: &'a Telemetry, name: &str) -> &'a Pane {
    telemetry.panes.iter().find(|pane| pane.name == name).unwrap()
}

#[tokio::test]
async fn a_rows_service_is_measured_live() {
    let (world, row, token) = measured().await;
    let told = series(&world, &row, &token, "?span=1h").await;
    let names: Vec<_> = told.panes.iter().map(|pane| pane.name.as_str()).collect();
    assert_eq!(names, ["SLO burn 1h", "error rate", "p95", "request rate", "ready replicas"]);
    for pane in &told.panes {
        let series = pane.series.as_ref().unwrap_or_else(|| panic!("{}: {:?}", pane.name, pane.unknown));
        assert!(series.points.iter().any(Option::is_some), "{pane:?}");
        assert!(!pane.pointer.url.is_empty() && pane.unknown.is_none(), "{pane:?}");
    }
    let burn = pane(&told, "SLO burn 1h").series.clone().unwrap();
    assert_eq!((burn.points.len(), burn.threshold.as_deref()), (61, Some("1")));
    let ready = pane(&told, "ready replicas").series.clone().unwrap();
    assert_eq!(ready.points.last().cloned().flatten(), ready.threshold, "as many as are wanted");
    let marks: Vec<_> = told.marks.iter().map(|mark| mark.what.as_str()).collect();
    assert!(marks.contains(&"last sync") && marks.contains(&"drift seen"), "{marks:?}");
    assert_eq!(told.marks_unknown, [""; 0]);
}

#[tokio::test]
async fn it_is_read_once_a_cadence_and_unknown_where_nobody_answers() {
    let (world, row, token) = measured().await;
    let first = series(&world, &row, &token, "").await;
    world.platforms.world().faults(Site::Prometheus).down();
    // Nobody was asked: the same answer, with the time at which it was read.
    assert_eq!(series(&world, &row, &token, "").await.panes, first.panes);
    world.advance(61);
    let later = series(&world, &row, &token, "").await;
    let burn = pane(&later, "SLO burn 1h");
    assert!(burn.series.is_none() && burn.fetched_at > first.panes[0].fetched_at, "{burn:?}");
    assert!(burn.unknown.as_ref().is_some_and(|why| why.contains("Prometheus")), "{burn:?}");
    assert!(pane(&later, "ready replicas").series.is_some(), "the others go on");
}

#[tokio::test]
async fn a_time_that_is_over_can_be_asked_for() {
    let (world, row, token) = measured().await;
    let until = world.app.clock.now() - jiff::SignedDuration::from_hours(5);
    let told = series(&world, &row, &token, &format!("?span=12h&until={until}")).await;
    assert!(told.until <= until);
    assert!(pane(&told, "error rate").series.is_some());
    assert!(pane(&told, "ready replicas").unknown.is_some(), "what it was then nobody knows");
    for query in ["?span=2h", "?until=2001-01-01T00:00:00Z", "?sapn=1h"] {
        let path = format!("/v1/rows/{}/series{query}", row.head.id);
        let (status, body) = world.call("GET", &path, Some(&token), None).await;
        assert_eq!(status, 400, "{query}: {body}");
    }
    let (status, _) = world.call("GET", &format!("/v1/rows/{}/series", row.head.id), None, None).await;
    assert_eq!(status, 401);
    let (status, _) = world.call("GET", "/v1/rows/sync-99999/series", Some(&token), None).await;
    assert_eq!(status, 404);
}
