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
async fn burn_is_read_over_both_windows_and_only_while_it_is_fresh() {
    let ground = Ground::start().await;
    let source = Source::open(&ground.prometheus()).unwrap();
    let now = Clock::system().now();
    for windows in [Windows::Fast, Windows::Middle] {
        let burn = source.burn("billing-worker", windows, now).await.unwrap().known().unwrap();
        assert!((burn.short.rate - 4.0).abs() < 0.05 && (burn.long.rate - 4.0).abs() < 0.05, "{burn:?}");
        assert_eq!(burn.short.to.duration_since(burn.short.from).unsigned_abs(), windows.short().span());
    }
    let slow = source.burn("billing-worker", Windows::Slow, now).await.unwrap().known().unwrap();
    assert!(slow.short.rate > 3.9 && slow.long.rate < 1.0, "{slow:?}");
    let expression = "service:slo_burn:ratio{service=\"$service\",window=\"$window\"}";
    let queries = Queries { burn_expression: Some(expression.to_owned()), ..Queries::default() };
    let by_expression = Source::open(&Config { queries, ..ground.prometheus() }).unwrap();
    let burn = by_expression.burn("billing-worker", Windows::Fast, now).await.unwrap().known().unwrap();
    assert!((burn.at_least() - 4.0).abs() < 0.05, "{burn:?}");
    let none = source.burn("notifications", Windows::Fast, now).await.unwrap();
    assert_eq!(none, Fact::Unknown("burn over 5m: no data".to_owned()));
    // Prometheus answers with the last sample for five minutes more; here it is too old before.
    let later = now + SignedDuration::from_mins(30);
    let old = source.burn("billing-worker", Windows::Fast, later).await.unwrap();
    assert!(matches!(&old, Fact::Unknown(why) if why.contains("min old")), "{old:?}");
    ground.world().fall_silent("identity", now - SignedDuration::from_secs(290)).unwrap();
    let old = source.burn("identity", Windows::Fast, now).await.unwrap();
    assert!(
        matches!(&old, Fact::Unknown(why) if why.contains("min old") || why.contains("no data")),
        "{old:?}"
    );
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
