//! Alertmanager's connector against two simulated replicas, and against recorded answers.
//!
//! Never: a request to a real one.

use serde_json::{Value, json};

use super::*;
use crate::{
    platform::tests::Ground,
    simulator::{Fault, Quiet, Site},
};

fn source(ground: &Ground) -> Source {
    Source::open(&ground.alertmanager()).unwrap()
}

#[tokio::test]
async fn what_fires_and_what_is_kept_quiet_are_told_apart() {
    let ground = Ground::start().await;
    let source = source(&ground);
    assert_eq!(source.health().await.unwrap().version, Fact::Known("0.28.1".to_owned()));
    let burning = source.alerts("checkout-web").await.unwrap();
    let firing = burning.firing().known().unwrap();
    assert_eq!(
        (firing.len(), firing[0].name.as_str(), firing[0].severity.as_deref()),
        (1, "ErrorBudgetBurn", Some("page"))
    );
    assert!(
        firing[0].starts_at.is_some() && firing[0].runbook_url.is_some() && burning.disagreements.is_empty()
    );
    let calm = source.alerts("search-indexer").await.unwrap();
    assert_eq!(calm.firing(), Fact::Known(vec![]));
    for (quiet, is_silence) in [(Quiet::Silenced, true), (Quiet::Inhibited, false)] {
        ground.world().alert("search-indexer", "QueueGrows", Some(quiet)).unwrap();
        let alerts = source.alerts("search-indexer").await.unwrap();
        assert_eq!(alerts.firing(), Fact::Known(vec![]));
        let state = &alerts.suppressed().next().unwrap().state;
        assert_eq!(matches!(state, AlertState::Silenced(by) if by.len() == 1), is_silence, "{state:?}");
    }
    ground.world().alert("search-indexer", "QueueGrows", None).unwrap();
    assert_eq!(source.alerts("search-indexer").await.unwrap().firing().known().unwrap().len(), 1);
    assert_eq!(source.alerts("a\"} or {x=\"").await.unwrap().alerts, []);
}

#[tokio::test]
async fn replicas_that_differ_or_are_not_heard_are_said() {
    let ground = Ground::start().await;
    let source = source(&ground);
    ground.world().silence_at_one_replica("checkout-web").unwrap();
    let alerts = source.alerts("checkout-web").await.unwrap();
    assert_eq!(alerts.alerts[0].state, AlertState::Active, "the loudest counts");
    let [said] = alerts.disagreements.as_slice() else { panic!("{alerts:?}") };
    assert!(
        said.starts_with("ErrorBudgetBurn: active at http") && said.contains(", silenced at http"),
        "{said}"
    );
    let faults = ground.world().faults(Site::Alertmanager);
    faults.script("/replica-2/", Fault::Status(500), Some(2));
    let alerts = source.alerts("checkout-web").await.unwrap();
    assert_eq!(
        (alerts.unheard.len(), alerts.firing().known().unwrap().len()),
        (1, 1),
        "it fires, whatever the other says"
    );
    let calm = source.alerts("identity").await.unwrap();
    assert!(matches!(calm.firing(), Fact::Unknown(why) if why.contains("failed itself (500)")));
    faults.script("", Fault::Status(500), None);
    assert_eq!(source.alerts("identity").await.unwrap_err().failure, Failure::ServerError { status: 500 });
}

#[tokio::test]
async fn noes_are_told_apart() {
    let ground = Ground::start().await;
    let alone = Config { replicas: vec![], ..ground.alertmanager() };
    let own = Source::open(&alone).unwrap();
    let wrong = Config { token_file: Some(ground.token_file("stranger", "wrong")), ..alone.clone() };
    assert_eq!(Source::open(&wrong).unwrap().health().await.unwrap_err().failure, Failure::Unauthorised);
    let bad = Source::open(&Config { matchers: vec!["not a matcher".to_owned()], ..alone.clone() }).unwrap();
    let error = bad.alerts("identity").await.unwrap_err();
    assert_eq!(
        (error.failure, error.said.as_str()),
        (Failure::Refused { status: 400 }, "bad matcher format: not a matcher")
    );
    let none = Source::open(&Config { matchers: vec![], ..alone }).unwrap_err();
    assert_eq!(none.failure, Failure::Setup);
    let faults = ground.world().faults(Site::Alertmanager);
    for (fault, expected) in [
        (Fault::Status(403), Failure::Forbidden),
        (Fault::Status(404), Failure::NotFound),
        (Fault::Status(409), Failure::Conflict),
        (Fault::Status(422), Failure::Refused { status: 422 }),
        (Fault::RateLimited(9), Failure::RateLimited { retry_after: std::time::Duration::from_secs(9) }),
        (Fault::Garbage, Failure::Garbage),
        (Fault::HalfBody, Failure::CutOff),
        (Fault::Redirect("http://192.0.2.1/".to_owned()), Failure::Redirected),
    ] {
        faults.script("", fault, Some(1));
        assert_eq!(own.alerts("identity").await.unwrap_err().failure, expected);
    }
    faults.down();
    let failure = own.alerts("identity").await.unwrap_err().failure;
    assert!(matches!(failure, Failure::Unreachable | Failure::CutOff), "{failure:?}");
}

#[test]
fn a_recorded_alert_and_the_ways_of_being_quiet() {
    let recorded = |status: Value| {
        json!({"annotations": {"runbook_url": "https://runbooks.example.com/checkout", "summary": "error ratio 20%"},
            "endsAt": "2026-11-21T09:22:07.256Z", "fingerprint": "ac3ead42bcd1bd56", "receivers": [{"name": "dock"}],
            "startsAt": "2026-11-21T09:17:06.256Z", "status": status, "updatedAt": "2026-11-21T09:18:07.259Z",
            "generatorURL": "http://prom.example:19090/graph?g0.expr=x",
            "labels": {"alertname": "ErrorBudgetBurn", "service": "checkout-api", "severity": "page"}})
    };
    let state = |state: &str, silenced: &[&str], inhibited: &[&str]| {
        let status = json!({"state": state, "silencedBy": silenced, "inhibitedBy": inhibited});
        let alert: Alert = serde_json::from_value::<wire::Alert>(recorded(status)).unwrap().into();
        assert_eq!((alert.name.as_str(), alert.severity.as_deref()), ("ErrorBudgetBurn", Some("page")));
        alert.state
    };
    assert_eq!(state("active", &[], &[]), AlertState::Active);
    assert_eq!(state("unprocessed", &[], &[]), AlertState::Unprocessed);
    assert_eq!(state("suppressed", &["s"], &["f"]), AlertState::Silenced(vec!["s".to_owned()]));
    assert_eq!(state("suppressed", &[], &["f"]), AlertState::Inhibited(vec!["f".to_owned()]));
    for word in ["suppressed", "a_new_word"] {
        let state = state(word, &[], &[]);
        assert!(!state.is_suppressed(), "nobody knows that it is quiet: {state:?}");
    }
}

#[test]
fn errors_are_words_objects_or_nothing() {
    let words = |body: &str| {
        let (status, headers) = (reqwest::StatusCode::BAD_REQUEST, HeaderMap::new());
        said(&Answer { status, headers, body: body.as_bytes().to_vec() })
    };
    assert_eq!(words("\"bad matcher format: x\""), "bad matcher format: x");
    assert_eq!(
        words(r#"{"code":612,"message":"matchers in body should have at least 1 items"}"#),
        "matchers in body should have at least 1 items"
    );
    assert_eq!(words(""), "");
}
