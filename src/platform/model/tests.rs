//! The model against an endpoint on this machine: both ways of asking, every way of not answering.
//!
//! Never: a request off this machine.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap as Headers, StatusCode, Uri},
};

use super::*;

/// What it answers, and what it was asked.
#[derive(Clone)]
pub(crate) struct Endpoint {
    status: u16,
    body: String,
    pub(crate) asked: Arc<Mutex<Vec<(String, Headers, Value)>>>,
}

async fn answer(
    State(endpoint): State<Endpoint>,
    uri: Uri,
    headers: Headers,
    body: Bytes,
) -> (StatusCode, [(&'static str, &'static str); 1], String) {
    let body = serde_json::from_slice(&body).unwrap();
    endpoint.asked.lock().unwrap().push((uri.path().to_owned(), headers, body));
    if endpoint.status == 0 {
        std::future::pending::<()>().await;
    }
    (StatusCode::from_u16(endpoint.status).unwrap(), [("retry-after", "7")], endpoint.body.clone())
}

/// An endpoint that gives this answer; status 0 never does.
pub(crate) async fn start(status: u16, body: &str) -> (Endpoint, String) {
    let endpoint = Endpoint { status, body: body.to_owned(), asked: Arc::default() };
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let app = Router::new().fallback(answer).with_state(endpoint.clone());
    tokio::spawn(async move { axum::serve(listener, app).await });
    (endpoint, url)
}

fn model(api: &str, url: &str, more: &str) -> Model {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let text = format!("api = {api:?}\nurl = {url:?}\nmodel = \"words-1\"\n{more}");
    Model::open(&toml::from_str(&text).unwrap()).unwrap()
}

fn question() -> Question {
    Question { system: "reword".to_owned(), user: "Hold.".to_owned() }
}

const ANTHROPIC: &str = r#"{"content":[{"type":"text","text":"Ho"},{"type":"thinking","thinking":"x"},{"type":"text","text":"ld."}],"stop_reason":"end_turn"}"#;
const OPENAI: &str = r#"{"choices":[{"message":{"content":"Hold."},"finish_reason":"stop"}]}"#;

#[tokio::test]
async fn anthropic_is_asked_as_its_messages_api_says() {
    let (endpoint, url) = start(200, ANTHROPIC).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    std::fs::write(&file, "sk-ant-1\n").unwrap();
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let model = model("anthropic", &url, &format!("key_file = {file:?}\ntokens_max = 300"));
    assert_eq!(model.ask(&question()).await.unwrap(), "Hold.");
    let asked = endpoint.asked.lock().unwrap();
    let (path, headers, body) = &asked[0];
    assert_eq!(path, "/v1/messages");
    assert_eq!(
        (&headers["x-api-key"], &headers["anthropic-version"]),
        (&"sk-ant-1".parse().unwrap(), &"2023-06-01".parse().unwrap())
    );
    assert_eq!(
        *body,
        json!({ "model": "words-1", "max_tokens": 300, "system": "reword",
            "messages": [{ "role": "user", "content": "Hold." }] })
    );
    assert!(!format!("{model:?}").contains("sk-ant-1"));
}

#[tokio::test]
async fn an_openai_endpoint_is_asked_with_the_field_that_it_knows() {
    let (endpoint, url) = start(200, OPENAI).await;
    let at = format!("{url}/v1");
    for more in ["", "tokens_field = \"max_tokens\""] {
        assert_eq!(model("openai", &at, more).ask(&question()).await.unwrap(), "Hold.");
    }
    let asked = endpoint.asked.lock().unwrap();
    assert_eq!(asked[0].0, "/v1/chat/completions");
    assert!(!asked[0].1.contains_key("authorization"), "an endpoint without a key is asked without one");
    assert_eq!(asked[0].2["max_completion_tokens"], 1_000);
    assert_eq!(asked[1].2["max_tokens"], 1_000);
    assert_eq!(asked[1].2["messages"][0], json!({ "role": "system", "content": "reword" }));
}

#[tokio::test]
async fn what_is_not_a_whole_answer_is_a_named_failure() {
    let said = r#"{"error":{"message":"no such model"}}"#;
    let cut = r#"{"content":[{"type":"text","text":"Ho"}],"stop_reason":"max_tokens"}"#;
    let refused = r#"{"content":[],"stop_reason":"refusal"}"#;
    let empty = r#"{"content":[{"type":"text","text":" "}],"stop_reason":"end_turn"}"#;
    for (status, body, failure, words) in [
        (400, said, Failure::Refused { status: 400 }, "no such model"),
        (401, said, Failure::Unauthorised, "401"),
        (403, said, Failure::Forbidden, "403"),
        (404, said, Failure::NotFound, "no such model"),
        (429, said, Failure::RateLimited { retry_after: Duration::from_secs(7) }, "7 s"),
        (500, said, Failure::ServerError { status: 500 }, "500"),
        (529, "", Failure::ServerError { status: 529 }, "529"),
        (200, "<html>", Failure::Garbage, ""),
        (200, "{}", Failure::Garbage, "came to an end"),
        (200, cut, Failure::Garbage, "stopped early: max_tokens"),
        (200, refused, Failure::Garbage, "stopped early: refusal"),
        (200, empty, Failure::Garbage, "said nothing"),
    ] {
        let (_endpoint, url) = start(status, body).await;
        let error = model("anthropic", &url, "").ask(&question()).await.unwrap_err();
        assert_eq!(error.failure, failure, "{status} {body}: {error}");
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[tokio::test]
async fn one_that_thinks_for_too_long_is_not_waited_for() {
    let (_endpoint, url) = start(0, "").await;
    let error = model("openai", &url, "deadline_s = 1").ask(&question()).await.unwrap_err();
    assert_eq!(error.failure, Failure::Timeout, "{error}");
}

#[test]
fn what_a_section_may_not_say() {
    let wrong = |text: &str| toml::from_str::<Config>(text).unwrap_err().to_string();
    assert!(wrong("api = \"grok\"\nmodel = \"m\"").contains("unknown variant"));
    assert!(wrong("api = \"openai\"").contains("model"));
    assert!(wrong("api = \"openai\"\nmodel = \"m\"\nkey = \"sk-1\"").contains("unknown field"));
    let far: Config =
        toml::from_str("api = \"openai\"\nmodel = \"m\"\nurl = \"http://10.0.0.1/v1\"").unwrap();
    assert_eq!(Model::open(&far).unwrap_err().failure, Failure::Setup, "a key goes over https");
}
