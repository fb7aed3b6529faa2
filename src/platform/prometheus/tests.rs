//! Prometheus' connector against the simulated one; numbers, and what is none.
//!
//! Never: a request to a real one.

use jiff::SignedDuration;
use serde_json::json;

use super::*;
use crate::{
    clock::Clock,
    platform::tests::Ground,
    simulator::{Fault, Site},
};

#[tokio::test]
async fn it_reads_burn_and_series_and_says_what_is_not_there() {
    let ground = Ground::start().await;
    let source = Source::open(&ground.prometheus()).unwrap();
    assert_eq!(source.health().await.unwrap().version, Fact::Known("3.5.0".to_owned()));
    let calm = source.value(&source.queries("payments-api").burn_1h).await.unwrap().known().unwrap();
    assert!(calm.value < 1.0, "{calm:?}");
    let burning = source.value(&source.queries("checkout-web").burn_1h).await.unwrap().known().unwrap();
    assert!(burning.value > 1.0, "{burning:?}");
    let unmeasured = source.value(&source.queries("notifications").burn_1h).await.unwrap();
    assert_eq!(unmeasured, Fact::Unknown("no data".to_owned()));
    let several = source.value("service:slo_burn:ratio_rate1h").await.unwrap();
    assert!(matches!(several, Fact::Unknown(why) if why.contains("series where one is needed")));
    let end = Clock::system().now();
    let start = end - SignedDuration::from_hours(6);
    let query = source.queries("payments-api").p95_seconds;
    let series = source.series(&query, start, end, Duration::from_mins(1)).await.unwrap().known().unwrap();
    assert_eq!(series.points.len(), 361);
    let gaps = series.points.iter().filter(|point| point.is_none()).count();
    assert!((2..40).contains(&gaps), "{gaps} gaps");
}

#[tokio::test]
async fn noes_are_told_apart() {
    let ground = Ground::start().await;
    let source = Source::open(&ground.prometheus()).unwrap();
    let error = source.value("sum(rate(x[5m])").await.unwrap_err();
    assert_eq!((error.failure, error.said.contains("parse error")), (Failure::Refused { status: 400 }, true));
    let now = Clock::system().now();
    let tiny = source
        .series("x", now - SignedDuration::from_hours(24), now, Duration::from_secs(1))
        .await
        .unwrap_err();
    assert_eq!(tiny.failure, Failure::Setup);
    let faults = ground.world().faults(Site::Prometheus);
    for (fault, expected) in [
        (Fault::Status(401), Failure::Unauthorised),
        (Fault::Status(404), Failure::NotFound),
        (Fault::Status(503), Failure::Timeout),
        (Fault::Garbage, Failure::Garbage),
        (Fault::LostAnswer, Failure::CutOff),
    ] {
        faults.script("", fault, Some(1));
        assert_eq!(source.value("x").await.unwrap_err().failure, expected);
    }
}

#[test]
fn no_number_is_unknown_never_zero() {
    let check = |value: &str, known: bool| {
        let value: wire::Value = serde_json::from_value(json!([1_755_842_400.123, value])).unwrap();
        assert_eq!(value.sample().is_some(), known, "{value:?}");
    };
    check("0.0042", true);
    check("0", true);
    check("NaN", false);
    check("+Inf", false);
    check("-Inf", false);
    check("", false);
    let partial = json!({"data": {"result": []}, "warnings": ["one store is not reachable"]});
    let partial: wire::Answer<wire::Instant> = serde_json::from_value(partial).unwrap();
    assert_eq!(partial.partial().as_deref(), Some("partial data: one store is not reachable"));
}

#[test]
fn a_name_cannot_leave_its_quotes() {
    let queries = Queries::default().of("a\"} or vector(0) # \\");
    assert_eq!(queries.burn_1h, r#"service:slo_burn:ratio_rate1h{service="a\"} or vector(0) # \\"}"#);
}

#[test]
fn a_gap_stays_a_gap() {
    let start = Timestamp::from_second(1_000).unwrap();
    let values: Vec<wire::Value> =
        serde_json::from_value(json!([[1_000, "1"], [1_060, "NaN"], [1_180.4, "4"], [9_999, "5"]])).unwrap();
    let series = spread(&values, start, Duration::from_secs(60), 4);
    assert_eq!(series.points, [Some(1.0), None, None, Some(4.0)]);
}
