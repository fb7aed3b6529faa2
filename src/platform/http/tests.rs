//! What every call keeps to, whatever the platform: each trouble has its own name, no wait is without an end.
//!
//! Never: a request off this machine.

use std::time::Duration;

use super::*;
use crate::{
    platform::tests::Ground,
    simulator::{Fault, Site},
};

/// For what never answers.
const HASTE: Duration = Duration::from_millis(50);

fn plain(_: &Answer) -> String {
    String::new()
}

fn http(url: &str) -> Http {
    Http::new(Platform::Prometheus, url, HeaderMap::new(), None, Manners { said: plain, failure: |_| None })
        .unwrap()
}

fn ask(path: &[&str]) -> Ask {
    Ask::get("a thing", path)
}

#[tokio::test]
async fn each_trouble_is_its_own_named_failure() {
    let ground = Ground::start().await;
    let faults = ground.world().faults(Site::Prometheus);
    let check = async |fault: Fault, expected: Failure| {
        faults.clear();
        faults.script("", fault.clone(), None);
        let ask = match fault {
            Fault::Hang => ask(&["x"]).within(Budget { piece: HASTE, whole: HASTE }),
            _ => ask(&["x"]),
        };
        let error = http(&ground.url(Site::Prometheus)).json::<serde_json::Value>(ask).await.unwrap_err();
        assert_eq!(error.failure, expected, "{fault:?}: {error}");
    };
    for (status, failure) in [
        (400, Failure::Refused { status: 400 }),
        (401, Failure::Unauthorised),
        (403, Failure::Forbidden),
        (404, Failure::NotFound),
        (409, Failure::Conflict),
        (500, Failure::ServerError { status: 500 }),
        (503, Failure::ServerError { status: 503 }),
    ] {
        check(Fault::Status(status), failure).await;
    }
    check(Fault::RateLimited(7), Failure::RateLimited { retry_after: Duration::from_secs(7) }).await;
    check(Fault::Garbage, Failure::Garbage).await;
    check(Fault::LostAnswer, Failure::CutOff).await;
    check(Fault::HalfBody, Failure::CutOff).await;
    check(Fault::Hang, Failure::Timeout).await;
    check(Fault::Redirect("http://192.0.2.1/x".to_owned()), Failure::Redirected).await;
    check(Fault::Redirect("/again".to_owned()), Failure::Redirected).await;
}

#[tokio::test]
async fn a_redirect_on_the_same_host_is_followed() {
    let ground = Ground::start().await;
    let faults = ground.world().faults(Site::GitHub);
    faults.script("GET /old", Fault::Redirect("/new".to_owned()), None);
    // It arrives, and the platform wants a token there.
    let answer = http(&ground.url(Site::GitHub)).send(ask(&["old"])).await.unwrap();
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_platform_that_is_away_is_unreachable_then_left_alone_and_comes_back() {
    let ground = Ground::start().await;
    let faults = ground.world().faults(Site::Prometheus);
    let http = http(&ground.url(Site::Prometheus));
    assert!(http.send(ask(&["x"])).await.is_ok());
    faults.down();
    let mut failures = vec![];
    for _ in 0..6 {
        failures.push(http.send(ask(&["x"])).await.unwrap_err().failure);
    }
    assert!(failures[1..5].iter().all(|failure| *failure == Failure::Unreachable), "{failures:?}");
    assert!(matches!(failures[5], Failure::Resting { .. }), "{failures:?}");
    faults.up();
}

#[test]
fn a_token_never_goes_over_plain_http_to_another_machine() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let new = |url: &str| {
        let manners = Manners { said: plain, failure: |_| None };
        Http::new(Platform::ArgoCd, url, HeaderMap::new(), None, manners)
    };
    for (url, good) in [
        ("https://argocd.example", true),
        ("http://127.0.0.1:8080", true),
        ("http://[::1]:8080", true),
        ("http://argocd.example", false),
        ("ftp://argocd.example", false),
        ("argocd.example", false),
    ] {
        assert_eq!(new(url).is_ok(), good, "{url}");
    }
}

#[test]
fn names_cannot_leave_their_place_in_the_path() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = http("http://127.0.0.1:1/prefix/");
    let url = http.url(&Ask::get("x", &["a b", "c/../d?e#f"]).query("q", "1&2"));
    assert_eq!(url.as_str(), "http://127.0.0.1:1/prefix/a%20b/c%2F..%2Fd%3Fe%23f?q=1%262");
}

#[test]
fn a_wait_is_read_as_seconds_or_as_a_date_and_clamped() {
    let answer = |value: &str| {
        let headers = [("retry-after", value), ("date", "Sat, 30 May 2026 02:14:00 GMT")];
        let headers =
            headers.into_iter().map(|(n, v)| (HeaderName::from_static(n), HeaderValue::from_str(v).unwrap()));
        Answer { status: StatusCode::TOO_MANY_REQUESTS, headers: headers.collect(), body: vec![] }
    };
    for (value, seconds) in [
        ("12", Some(12)),
        ("0", Some(1)),
        ("999999", Some(900)),
        ("Sat, 30 May 2026 02:14:30 GMT", Some(30)),
        ("Sat, 30 May 2026 02:13:00 GMT", Some(1)),
        ("soon", None),
    ] {
        assert_eq!(retry_after(&answer(value)), seconds.map(Duration::from_secs), "{value}");
    }
}
