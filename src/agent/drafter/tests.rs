//! The drafter against an endpoint: taken words, dropped words, none, and how often it asks.
//!
//! Never: a request off this machine.

use serde_json::json;

use super::*;
use crate::{
    client::sample,
    platform::model::tests::{Endpoint, start},
};

const RULES: &str = "Reconciling would revert the mitigation of INC-771.";

fn says(text: &str) -> String {
    let answer = json!({ "verdict": "hold", "sentences": [{ "from": [1], "text": text }] }).to_string();
    json!({ "choices": [{ "message": { "content": answer }, "finish_reason": "stop" }] }).to_string()
}

async fn drafter(status: u16, body: &str, more: &str) -> (Endpoint, Drafter) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (endpoint, url) = start(status, body).await;
    let config =
        toml::from_str(&format!("api = \"openai\"\nurl = {url:?}\nmodel = \"words-1\"\n{more}")).unwrap();
    (endpoint, Drafter::open(Some(&config)).unwrap())
}

/// The draft's rationale, whose it is, and what was told.
async fn worded(drafter: &Drafter) -> (String, String, String) {
    let mut told = Vec::new();
    let draft = drafter.word(sample::draft(), &Clock::system(), &mut |what| told.push(what)).await;
    let rest = Draft { rationale: RULES.to_owned(), prose_by: "rules".to_owned(), ..draft.clone() };
    assert_eq!(rest, sample::draft(), "words alone change");
    let told: Vec<_> = told
        .into_iter()
        .map(|what| match what {
            Told::Trouble { what, error } => format!("{what}: {error}"),
            other => format!("{other:?}"),
        })
        .collect();
    (draft.rationale, draft.prose_by, told.join("\n"))
}

#[tokio::test]
async fn a_model_words_what_rules_decided() {
    let better = "The mitigation of INC-771 would be gone: reconciling would revert it.";
    let (endpoint, drafter) = drafter(200, &says(better), "").await;
    assert_eq!(worded(&drafter).await, (better.to_owned(), "words-1".to_owned(), String::new()));
    let asked = endpoint.asked.lock().unwrap();
    let user = asked[0].2["messages"][1]["content"].as_str().unwrap();
    let (mark, rest) = user.split_once('\n').unwrap();
    assert!(rest.ends_with(mark) && mark.starts_with("DATA-"), "{user}");
    assert!(
        user.contains(RULES) && !user.contains("express_pay") && !user.contains("+on"),
        "no difference: {user}"
    );
}

#[tokio::test]
async fn what_does_not_hold_leaves_the_rules_words_and_is_told() {
    let kept = |told: &str| (RULES.to_owned(), "rules".to_owned(), told.to_owned());
    let (_, other) = drafter(200, &says("Reconciling would revert the mitigation of INC-772."), "").await;
    let why = "the words for checkout-web: what words-1 wrote was dropped: it says \"INC-772\", which is not among the facts";
    assert_eq!(worded(&other).await, kept(why));
    let (_, away) = drafter(503, "", "").await;
    let (text, by, told) = worded(&away).await;
    assert_eq!((text.as_str(), by.as_str()), (RULES, "rules"));
    assert!(told.contains("The language model failed itself (503)"), "{told}");
    assert_eq!(
        worded(&Drafter::default()).await,
        kept(""),
        "without one, nothing is asked and nothing is said"
    );
}

#[tokio::test]
async fn it_is_asked_so_often_an_hour() {
    let (endpoint, drafter) = drafter(200, &says(RULES), "calls_an_hour = 1").await;
    assert_eq!(worded(&drafter).await.1, "words-1");
    let (_, by, told) = worded(&drafter).await;
    assert_eq!((by.as_str(), told.contains("often enough")), ("rules", true));
    assert_eq!(endpoint.asked.lock().unwrap().len(), 1);
    let now = Clock::system().now() + SignedDuration::from_mins(61);
    assert!(drafter.may_ask(1, now));
}
