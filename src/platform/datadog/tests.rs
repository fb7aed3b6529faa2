//! Datadog's connector against the simulated one, and against answers that real accounts gave.
//!
//! Never: a request to the real one.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::*;
use crate::{
    clock::Clock,
    platform::tests::Ground,
    simulator::{Fault, Site},
};

fn now() -> Timestamp {
    Clock::system().now()
}

async fn slo(source: &Source, service: &str) -> Slo {
    source.slo_of(service).await.unwrap().known().unwrap()
}

#[tokio::test]
async fn it_reads_burn_budget_and_monitors_as_the_scenario_has_them() {
    let ground = Ground::start().await;
    let source = Source::open(&ground.datadog()).unwrap();
    source.health().await.unwrap();
    let billing = slo(&source, "billing-worker").await;
    assert_eq!(
        (&billing.kind, billing.timeframe, billing.target),
        (&SloKind::Metric, Timeframe::Days30, 99.9)
    );
    assert_eq!(source.slo(&billing.id).await.unwrap(), Fact::Known(billing.clone()));
    let at = now();
    for windows in [Windows::Fast, Windows::Middle] {
        let burn = source.burn(&billing, windows, at).await.unwrap().known().unwrap();
        for side in [burn.short, burn.long] {
            assert!((side.rate - 4.0).abs() < 0.02, "{windows:?}: {burn:?}");
        }
        assert_eq!(
            burn.long.to.duration_since(burn.long.from),
            SignedDuration::try_from(windows.long().span()).unwrap()
        );
    }
    let slow = source.burn(&billing, Windows::Slow, at).await.unwrap().known().unwrap();
    assert!(slow.at_least() < 1.0, "it began this morning: {slow:?}");
    let checkout = slo(&source, "checkout-api").await;
    let budget = source.budget(&checkout, at).await.unwrap().known().unwrap();
    assert!((budget.spent_percent() - 92.0).abs() < 0.1, "{budget:?}");
    let calm = source.burn(&checkout, Windows::Fast, at).await.unwrap().known().unwrap();
    assert!(calm.at_least() < 1.0, "it was spent long ago: {calm:?}");
    let monitors = source.monitors("billing-worker").await.unwrap().known().unwrap();
    assert_eq!(
        (monitors.len(), &monitors[0].state, monitors[0].mutes.is_empty()),
        (1, &MonitorState::Warn, true)
    );
    ground.world().mute("billing-worker", true).unwrap();
    let monitors = source.monitors("billing-worker").await.unwrap().known().unwrap();
    assert_eq!(monitors[0].state, MonitorState::Warn, "it still tells");
    assert_eq!(monitors[0].mutes, [Mute { scope: "*".to_owned(), until: None }]);
    assert!(
        matches!(source.monitors("nobody").await.unwrap(), Fact::Unknown(why) if why.contains("no monitor"))
    );
}

#[tokio::test]
async fn a_series_has_its_gaps_and_a_last_point_of_some_age() {
    let ground = Ground::start().await;
    let source = Source::open(&ground.datadog()).unwrap();
    let (at, days) = (now(), SignedDuration::from_hours(24 * 14));
    let series = source.p95("search-indexer", at - days, at).await.unwrap().known().unwrap();
    assert_eq!(series.step, Duration::from_secs(3_600));
    let known: Vec<f64> = series.points.iter().flatten().copied().collect();
    let (least, most) =
        known.iter().fold((f64::MAX, 0.0_f64), |(least, most), v| (least.min(*v), most.max(*v)));
    assert!(most / least < 1.11 && known.len() > 320, "{least} {most} {}", known.len());
    let recent = source.p95("search-indexer", at - SignedDuration::from_hours(4), at).await.unwrap();
    let gaps = recent.known().unwrap().points.iter().filter(|point| point.is_none()).count();
    assert!((2..12).contains(&gaps), "{gaps} gaps");
    let errors = source.error_rate("billing-worker", at - SignedDuration::from_hours(1), at).await.unwrap();
    let last = errors.known().unwrap().latest(at, Duration::from_secs(300)).known().unwrap();
    assert!((last.value - 0.004).abs() < 0.000_1, "{last:?}");
    ground.world().fall_silent("search-indexer", at - SignedDuration::from_mins(41)).unwrap();
    let stale = source.p95("search-indexer", at - SignedDuration::from_hours(2), at).await.unwrap();
    let stale = stale.known().unwrap().latest(at, Duration::from_secs(300));
    assert!(matches!(&stale, Fact::Unknown(why) if why.contains("5 min are allowed")), "{stale:?}");
    let nothing = source.p95("nobody", at - days, at).await.unwrap();
    assert_eq!(nothing, Fact::Unknown("no data".to_owned()));
    assert!(matches!(source.p95("a} or {*", at - days, at).await.unwrap(), Fact::Unknown(_)));
    let error = source.series("avg:nope{", at - days, at).await.unwrap_err();
    assert_eq!(
        (error.failure, error.said.as_str()),
        (Failure::Refused { status: 200 }, "Rule failed validation")
    );
}

#[tokio::test]
async fn no_data_is_not_green() {
    let ground = Ground::start().await;
    let source = Source::open(&ground.datadog()).unwrap();
    let unmeasured = slo(&source, "notifications").await;
    let expected = "The denominator is zero valued";
    let burn = source.burn(&unmeasured, Windows::Fast, now()).await.unwrap();
    assert_eq!(burn, Fact::Unknown(format!("burn over 5m: {expected}")));
    assert_eq!(source.budget(&unmeasured, now()).await.unwrap(), Fact::Unknown(expected.to_owned()));
    let monitors = source.monitors("notifications").await.unwrap().known().unwrap();
    assert_eq!(monitors[0].state, MonitorState::NoData);
    // Quiet for a while: the short window has nothing, the long one still has.
    let at = now();
    ground.world().fall_silent("identity", at - SignedDuration::from_mins(20)).unwrap();
    let identity = slo(&source, "identity").await;
    let burn = source.burn(&identity, Windows::Fast, at).await.unwrap();
    assert_eq!(burn, Fact::Unknown(format!("burn over 5m: {expected}")));
    assert!(
        matches!(slo_unknown(&source, "nobody").await, Fact::Unknown(why) if why.contains("service:nobody"))
    );
}

async fn slo_unknown(source: &Source, service: &str) -> Fact<Slo> {
    source.slo_of(service).await.unwrap()
}

#[tokio::test]
async fn noes_are_told_apart() {
    let ground = Ground::start().await;
    let source = Source::open(&ground.datadog()).unwrap();
    let error = source.slo("a1b2c3").await.unwrap_err();
    assert_eq!((error.failure, error.said.as_str()), (Failure::NotFound, "SLO not found: a1b2c3 not found"));
    let wrong = Some(ground.token_file("stranger", "wrong"));
    let stranger = Source::open(&Config { api_key_file: wrong.clone(), ..ground.datadog() }).unwrap();
    let error = stranger.health().await.unwrap_err();
    assert_eq!(error.failure, Failure::Forbidden);
    assert_eq!(error.said, "Forbidden: a scope is missing, or the keys are not of 127.0.0.1");
    let scopeless = Source::open(&Config { application_key_file: wrong, ..ground.datadog() }).unwrap();
    let error = scopeless.health().await.unwrap_err();
    assert!(error.asked.contains("application key"), "{error}");
    let faults = ground.world().faults(Site::Datadog);
    for (fault, expected) in [
        (Fault::Status(401), Failure::Unauthorised),
        (Fault::Status(403), Failure::Forbidden),
        (Fault::Status(404), Failure::NotFound),
        (Fault::Status(409), Failure::Conflict),
        (Fault::Status(422), Failure::Refused { status: 422 }),
        (Fault::RateLimited(17), Failure::RateLimited { retry_after: Duration::from_secs(17) }),
        (Fault::Status(500), Failure::ServerError { status: 500 }),
        (Fault::Garbage, Failure::Garbage),
        (Fault::HalfBody, Failure::CutOff),
        (Fault::LostAnswer, Failure::CutOff),
        (Fault::Redirect("http://192.0.2.1/".to_owned()), Failure::Redirected),
    ] {
        faults.script("", fault, Some(1));
        assert_eq!(source.slo("x").await.unwrap_err().failure, expected);
    }
    faults.down();
    let failure = source.slo("x").await.unwrap_err().failure;
    assert!(matches!(failure, Failure::Unreachable | Failure::CutOff), "{failure:?}");
}

#[test]
fn where_it_is_and_how_it_is_opened() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let check = |section: &str, why: &str| {
        let config: Config = toml::from_str(section).unwrap();
        let error = Source::open(&config).unwrap_err();
        assert!(error.failure == Failure::Setup && error.said.contains(why), "{section}: {error}");
    };
    check("site = \"datadoghq.eu\"\nurl = \"https://proxy.example\"", "both url and site");
    check("", "api_key_env or api_key_file is needed");
    check("api_key_env = \"X\"\napi_key_file = \"/x\"", "both api_key_env and api_key_file");
}

/// An answer to a history as a real account gives it, with what a case changes in it.
fn history(kind: SloKind, change: impl FnOnce(&mut Value)) -> Fact<super::History> {
    let mut answer = json!({"data": {
        "from_ts": 1_755_820_800, "to_ts": 1_755_842_400, "type": "metric", "group_by": [],
        "thresholds": {"30d": {"timeframe": "30d", "target": 99.9, "target_display": "99.9"}},
        "series": {"resp_version": 2, "interval": 7200, "times": [1_755_820_800_000.0],
            "numerator": {"values": [29880.0], "sum": 29880.0, "count": 3},
            "denominator": {"values": [30000.0], "sum": 30000.0, "count": 3}},
        "overall": {"errors": [], "sli_value": 99.6, "span_precision": 2, "precision": {"30d": 2}, "uptime": 99.6,
            "corrections": [], "error_budget_remaining": {"30d": -300.0}, "state": "breached"}}, "errors": null});
    change(&mut answer);
    let wire: wire::History = serde_json::from_value(answer).unwrap();
    wire.history(&kind, Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH)
}

#[test]
fn a_number_counts_only_if_something_was_counted() {
    let good = history(SloKind::Metric, |_| ()).known().unwrap();
    assert_eq!((good.sli, good.events, good.decimals), (99.6, Some(30_000.0), Some(2.0)));
    assert_eq!((good.from.as_second(), good.to.as_second()), (1_755_820_800, 1_755_842_400));
    assert!((good.budget_left["30d"] + 300.0).abs() < 1e-9, "overspent is told as it is");
    let cases: [(&str, &str, Value); 9] = [
        ("null", "/data/overall/sli_value", json!(null)),
        ("no_data", "/data/overall/state", json!("no_data")),
        (
            "errors",
            "/data/overall/errors",
            json!([{"error_type": "ZERO_VALUED_DENOMINATOR", "error_message": "The denominator is zero valued"}]),
        ),
        ("top errors", "/errors", json!([{"error": "no such metric"}])),
        ("zero", "/data/series/denominator", json!({"values": [0.0], "sum": 0.0, "count": 3})),
        ("no point", "/data/series/denominator", json!({"values": [], "sum": 7.0, "count": 0})),
        ("no overall", "/data/overall", json!(null)),
        ("no counts", "/data/series", json!(null)),
        ("no data", "/data", json!(null)),
    ];
    for (name, place, value) in cases {
        let found = history(SloKind::Metric, |answer| *answer.pointer_mut(place).unwrap() = value);
        assert!(matches!(found, Fact::Unknown(why) if !why.is_empty()), "{name}");
    }
    let preview = history(SloKind::Monitor, |answer| answer["data"]["overall"]["preview"] = json!(true));
    assert!(matches!(preview, Fact::Unknown(why) if why.contains("preview")));
    let states = |states: Value| {
        history(SloKind::Monitor, |answer| {
            answer["data"]["series"] = json!(null);
            answer["data"]["overall"]["history"] = states;
        })
    };
    assert!(states(json!([[1_755_820_800, 0], [1_755_830_000, 1]])).known().is_some());
    assert!(
        matches!(states(json!([[1_755_820_800, 0], [1_755_830_000, 2]])), Fact::Unknown(_)),
        "no data for a while"
    );
    assert!(matches!(states(json!(null)), Fact::Unknown(_)), "100 % of what nobody saw");
}

#[test]
fn recorded_slos_and_monitors_are_read() {
    let recorded = json!({"id": "ebf2e048f49a5134b61a586438c66505", "name": "a name", "tags": [], "monitor_tags": [],
        "thresholds": [{"timeframe": "7d", "target": 95.0, "target_display": "95.", "warning": 98.0}], "type": "metric",
        "type_id": 1, "timeframe": "7d", "target_threshold": 95.0, "creator": {"name": null}, "created_at": 1_704_322_488});
    let read = |value: &Value| serde_json::from_value::<wire::Slo>(value.clone()).unwrap().slo();
    let slo = read(&recorded).known().unwrap();
    assert_eq!((slo.timeframe, slo.target), (Timeframe::Days7, 95.0));
    for (place, value) in [("/thresholds", json!([])), ("/thresholds/0/timeframe", json!("custom"))] {
        let mut odd = recorded.clone();
        *odd.pointer_mut(place).unwrap() = value;
        assert!(matches!(read(&odd), Fact::Unknown(_)), "{place}");
    }
    let monitor = json!({"id": 155_844_758, "type": "log alert", "name": "logs", "tags": ["env:ci"], "query": "logs(…)",
        "options": {"silenced": {"host:a": 1_728_578_999}, "thresholds": {"critical": 2.0}}, "overall_state": "No Data",
        "multi": true, "matching_downtimes": [{"id": 1625, "end": null, "scope": ["env:ci", "host:b"]}]});
    let monitor: Monitor = serde_json::from_value::<wire::Monitor>(monitor).unwrap().into();
    assert_eq!(monitor.state, MonitorState::NoData);
    let scopes: Vec<&str> = monitor.mutes.iter().map(|mute| mute.scope.as_str()).collect();
    assert_eq!(scopes, ["host:a", "env:ci,host:b"]);
    assert_eq!(monitor.mutes[0].until.unwrap().as_second(), 1_728_578_999);
}

#[test]
fn a_query_tells_its_failure_inside_and_nulls_are_gaps() {
    let read = |value: Value| serde_json::from_value::<wire::Query>(value).unwrap();
    let failed = read(json!({"status": "error", "error": "Rule failed validation", "series": []}));
    assert_eq!(failed.trouble().as_deref(), Some("Rule failed validation"));
    assert!(read(json!({"series": []})).trouble().is_some(), "an answer that does not say that it went well");
    let points = json!([[1_755_820_800_000.0, 1.0], [1_755_820_860_000.0, null], [1_755_820_980_000.0, 3.0]]);
    let good = read(json!({"status": "ok", "series": [{"pointlist": points, "interval": 60}]}));
    assert_eq!(good.trouble(), None);
    let series = good.series().known().unwrap();
    assert_eq!(
        (series.step, series.points),
        (Duration::from_secs(60), vec![Some(1.0), None, None, Some(3.0)])
    );
    let empty = json!([[1_755_820_800_000.0, null]]);
    let unknown = [
        json!({"status": "ok", "series": []}),
        json!({"status": "ok", "series": [{"pointlist": []}]}),
        json!({"status": "ok", "series": [{"pointlist": empty}]}),
        json!({"status": "ok", "series": [{"pointlist": []}, {"pointlist": []}]}),
    ];
    for value in unknown {
        assert!(matches!(read(value.clone()).series(), Fact::Unknown(_)), "{value}");
    }
}
