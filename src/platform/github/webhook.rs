//! Deliveries of GitHub's hooks, read: is it GitHub's own, is it about what we watch, what does it say.
//!
//! A delivery is a hint to look, never a fact: what it names is read from GitHub before anything is judged. GitHub does not
//! repeat a lost one by itself, and gives a repeated one the same id.
//! Never: an address in a payload called; a word of a body before its signature was checked; a panic, on any bytes.

use ring::hmac;
use serde::{Deserialize, de::DeserializeOwned};

use super::Repository;

/// Bodies for what we read are some ten kilobytes.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;
/// What may stand in a header of ours to be taken for an id or a name.
const WORD_CHARS_MAX: usize = 100;

/// A delivery as it came.
#[derive(Debug, Clone, Copy)]
pub struct Delivery<'a> {
    /// `Content-Type`.
    pub content_type: Option<&'a str>,
    /// `X-GitHub-Event`.
    pub event: Option<&'a str>,
    /// `X-GitHub-Delivery`.
    pub id: Option<&'a str>,
    /// `X-Hub-Signature-256`.
    pub signature: Option<&'a str>,
    pub body: &'a [u8],
}

/// What a delivery is held against: our own configuration.
#[derive(Debug, Clone, Copy)]
pub struct Ours<'a> {
    pub secret: &'a [u8],
    /// The API's address, as the section `[github]` has it.
    pub api: &'a str,
    /// Others are not ours to answer.
    pub repositories: &'a [Repository],
}

/// What came, in a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// The same on a redelivery.
    pub id: String,
    pub event: Event,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A run waits for an answer before an environment.
    GateRequested {
        repo: Repository,
        run: u64,
        environment: String,
        /// The deployment that waits, and its commit.
        deployment: Option<u64>,
        sha: Option<String>,
    },
    /// A run began or ended.
    Run {
        repo: Repository,
        run: u64,
        attempt: Option<u32>,
        /// `requested`, `in_progress`, `completed`.
        action: String,
        sha: Option<String>,
    },
    /// A deploy went on.
    Deployment {
        repo: Repository,
        deployment: u64,
        environment: String,
        sha: Option<String>,
        /// In GitHub's word.
        state: String,
    },
    /// Nothing for us: its name, and why.
    Ignored { name: String, why: &'static str },
}

/// Why a delivery is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the body is over {BODY_BYTES_MAX} bytes")]
    TooLarge,
    #[error("the content type is not application/json: set the hook's content type to it")]
    NotJson,
    #[error("there is no X-Hub-Signature-256: give the hook our secret")]
    Unsigned,
    #[error("the signature is not by our secret")]
    Forged,
    #[error("there is no {0}")]
    Headless(&'static str),
    #[error("the body of {event} is not what GitHub's contract says: {why}")]
    Malformed { event: String, why: String },
    #[error("its callback address is not the one that our configuration gives for the run")]
    Elsewhere,
}

/// Checks a delivery and reads it.
pub fn read(ours: &Ours<'_>, delivery: &Delivery<'_>) -> Result<Received, Refusal> {
    if delivery.body.len() > BODY_BYTES_MAX {
        return Err(Refusal::TooLarge);
    }
    let kind = delivery.content_type.unwrap_or_default().split(';').next().unwrap_or_default();
    if !kind.trim().eq_ignore_ascii_case("application/json") {
        return Err(Refusal::NotJson);
    }
    verify(ours.secret, delivery.signature.ok_or(Refusal::Unsigned)?, delivery.body)?;
    let id = word(delivery.id).ok_or(Refusal::Headless("X-GitHub-Delivery"))?;
    let name = word(delivery.event).ok_or(Refusal::Headless("X-GitHub-Event"))?;
    let event = match name.as_str() {
        "deployment_protection_rule" => gate(ours, &parse(&name, delivery.body)?)?,
        "workflow_run" => run(ours, parse(&name, delivery.body)?),
        "deployment_status" => deployment(ours, parse(&name, delivery.body)?),
        _ => Event::Ignored { name, why: "we do not read this event" },
    };
    Ok(Received { id, event })
}

/// Is it signed by our secret? In constant time. An empty secret signs nothing.
pub fn verify(secret: &[u8], signature: &str, body: &[u8]) -> Result<(), Refusal> {
    let tag = signature.strip_prefix("sha256=").and_then(from_hex).ok_or(Refusal::Forged)?;
    if secret.is_empty() {
        return Err(Refusal::Forged);
    }
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    hmac::verify(&key, body, &tag).map_err(|_| Refusal::Forged)
}

#[derive(Deserialize)]
struct Gate {
    action: String,
    environment: Option<String>,
    deployment_callback_url: Option<String>,
    deployment: Option<Deployed>,
    repository: Place,
}

#[derive(Deserialize)]
struct Ran {
    action: String,
    workflow_run: Run,
    repository: Place,
}

#[derive(Deserialize)]
struct Run {
    id: u64,
    #[serde(rename = "run_attempt")]
    attempt: Option<u32>,
    head_sha: Option<String>,
}

#[derive(Deserialize)]
struct Went {
    deployment_status: Status,
    deployment: Deployed,
    repository: Place,
}

#[derive(Deserialize)]
struct Status {
    state: String,
}

#[derive(Deserialize)]
struct Deployed {
    id: u64,
    sha: Option<String>,
    environment: Option<String>,
}

#[derive(Deserialize)]
struct Place {
    full_name: String,
}

fn gate(ours: &Ours<'_>, gate: &Gate) -> Result<Event, Refusal> {
    const NAME: &str = "deployment_protection_rule";
    if gate.action != "requested" {
        return Ok(ignored(NAME, "another action than requested"));
    }
    let Some(repo) = watched(ours, &gate.repository) else { return Ok(ignored(NAME, NOT_OURS)) };
    let malformed = |why: &str| Refusal::Malformed { event: NAME.to_owned(), why: why.to_owned() };
    let callback = gate.deployment_callback_url.as_deref().ok_or_else(|| malformed("no callback address"))?;
    let environment = gate.environment.clone().ok_or_else(|| malformed("no environment"))?;
    Ok(Event::GateRequested {
        run: run_of(ours.api, &repo, callback).ok_or(Refusal::Elsewhere)?,
        repo,
        environment,
        deployment: gate.deployment.as_ref().map(|deployment| deployment.id),
        sha: gate.deployment.as_ref().and_then(|deployment| deployment.sha.clone()),
    })
}

fn run(ours: &Ours<'_>, ran: Ran) -> Event {
    let Some(repo) = watched(ours, &ran.repository) else { return ignored("workflow_run", NOT_OURS) };
    let Run { id: run, attempt, head_sha: sha } = ran.workflow_run;
    Event::Run { repo, run, attempt, action: ran.action, sha }
}

fn deployment(ours: &Ours<'_>, went: Went) -> Event {
    let Some(repo) = watched(ours, &went.repository) else { return ignored("deployment_status", NOT_OURS) };
    let Deployed { id: deployment, sha, environment } = went.deployment;
    let environment = environment.unwrap_or_default();
    Event::Deployment { repo, deployment, environment, sha, state: went.deployment_status.state }
}

const NOT_OURS: &str = "a repository that we do not watch";

fn ignored(name: &str, why: &'static str) -> Event {
    Event::Ignored { name: name.to_owned(), why }
}

/// The repository as our configuration writes it; GitHub's names do not tell upper from lower case.
fn watched(ours: &Ours<'_>, place: &Place) -> Option<Repository> {
    ours.repositories.iter().find(|repo| repo.to_string().eq_ignore_ascii_case(&place.full_name)).cloned()
}

/// The run that a callback address names, if it is exactly the address that we would build ourselves.
fn run_of(api: &str, repo: &Repository, callback: &str) -> Option<u64> {
    let ours = format!("{}/repos/{repo}/actions/runs/", api.trim_end_matches('/'));
    let start = callback.get(..ours.len()).filter(|start| start.eq_ignore_ascii_case(&ours))?;
    let digits = callback[start.len()..].strip_suffix("/deployment_protection_rule")?;
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if plain { digits.parse().ok() } else { None }
}

fn parse<T: DeserializeOwned>(event: &str, body: &[u8]) -> Result<T, Refusal> {
    let malformed =
        |why: serde_json::Error| Refusal::Malformed { event: event.to_owned(), why: why.to_string() };
    serde_json::from_slice(body).map_err(malformed)
}

/// A header's value, if it can stand in a message and a database.
fn word(header: Option<&str>) -> Option<String> {
    let text = header?.trim();
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    (!text.is_empty() && text.len() <= WORD_CHARS_MAX && text.chars().all(plain)).then(|| text.to_owned())
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let high = char::from(digits[0]).to_digit(16)?;
        let low = char::from(digits[1]).to_digit(16)?;
        *byte = u8::try_from(high * 16 + low).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const SECRET: &[u8] = b"It's a Secret to Everybody";
    const API: &str = "https://api.github.com";

    fn signed(secret: &[u8], body: &[u8]) -> String {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), body);
        tag.as_ref().iter().fold("sha256=".to_owned(), |hex, byte| hex + &format!("{byte:02x}"))
    }

    fn repo() -> Repository {
        Repository { owner: "acme".to_owned(), name: "checkout-api".to_owned() }
    }

    fn take(event: &str, body: &Value) -> Result<Event, Refusal> {
        let body = body.to_string();
        let signature = signed(SECRET, body.as_bytes());
        let delivery = Delivery {
            content_type: Some("application/json; charset=utf-8"),
            event: Some(event),
            id: Some("72d3162e-cc78-11e3-81ab-4c9367dc0958"),
            signature: Some(&signature),
            body: body.as_bytes(),
        };
        let ours = Ours { secret: SECRET, api: API, repositories: &[repo()] };
        read(&ours, &delivery).map(|received| received.event)
    }

    fn requested(callback: &str) -> Value {
        json!({"action": "requested", "environment": "production", "deployment_callback_url": callback,
            "deployment": {"id": 145_988_746, "sha": "f95f852", "environment": "production"},
            "repository": {"full_name": "acme/checkout-api"}, "sender": {"login": "priya"}})
    }

    #[test]
    fn githubs_own_vector_holds_and_nothing_near_it_does() {
        let good = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        let check = |secret: &[u8], signature: &str, body: &[u8], expected: bool| {
            assert_eq!(verify(secret, signature, body).is_ok(), expected, "{signature} {body:?}");
        };
        check(SECRET, good, b"Hello, World!", true);
        check(SECRET, &good.to_uppercase().replace("SHA256", "sha256"), b"Hello, World!", true);
        check(SECRET, good, b"Hello, World", false);
        check(b"another", good, b"Hello, World!", false);
        check(SECRET, &good.replace("757107", "757108"), b"Hello, World!", false);
        check(SECRET, &good[..good.len() - 2], b"Hello, World!", false);
        check(SECRET, good.trim_start_matches("sha256="), b"Hello, World!", false);
        check(SECRET, "sha256=", b"", false);
        check(b"", &signed(b"", b"x"), b"x", false);
    }

    #[test]
    fn a_gate_is_read_only_from_the_address_that_we_would_build() {
        let good =
            "https://api.github.com/repos/acme/checkout-api/actions/runs/9821/deployment_protection_rule";
        let gate = Event::GateRequested {
            repo: repo(),
            run: 9821,
            environment: "production".to_owned(),
            deployment: Some(145_988_746),
            sha: Some("f95f852".to_owned()),
        };
        let check = |callback: &str, expected: Result<Event, Refusal>| {
            assert_eq!(take("deployment_protection_rule", &requested(callback)), expected, "{callback}");
        };
        check(good, Ok(gate.clone()));
        check(&good.replace("acme/checkout-api", "Acme/Checkout-API"), Ok(gate));
        for bad in [
            good.replace("api.github.com", "evil.example"),
            good.replace("api.github.com", "api.github.com@evil.example"),
            good.replace("https", "http"),
            good.replace("checkout-api", "billing-worker"),
            good.replace("9821", "9821/../9822"),
            good.replace("9821", "+9821"),
            good.replace("9821", ""),
            good.replace("9821", "99999999999999999999999"),
            format!("{good}?x=1"),
            "é".repeat(200),
        ] {
            check(&bad, Err(Refusal::Elsewhere));
        }
    }

    #[test]
    fn what_is_not_for_us_is_ignored_by_name() {
        let check = |event: &str, body: Value, expected: Event| assert_eq!(take(event, &body), Ok(expected));
        let mut other = requested("https://api.github.com/x");
        other["repository"]["full_name"] = json!("acme/elsewhere");
        check("deployment_protection_rule", other, ignored("deployment_protection_rule", NOT_OURS));
        check("ping", json!({"zen": "x"}), ignored("ping", "we do not read this event"));
        let place = json!({"full_name": "acme/checkout-api"});
        check(
            "workflow_run",
            json!({"action": "completed", "workflow_run": {"id": 9821, "run_attempt": 2, "head_sha": "a"}, "repository": place}),
            Event::Run {
                repo: repo(),
                run: 9821,
                attempt: Some(2),
                action: "completed".into(),
                sha: Some("a".into()),
            },
        );
        check(
            "deployment_status",
            json!({"action": "created", "deployment_status": {"state": "success"}, "repository": place,
                "deployment": {"id": 7, "sha": "a", "environment": "production"}}),
            Event::Deployment {
                repo: repo(),
                deployment: 7,
                environment: "production".into(),
                sha: Some("a".into()),
                state: "success".into(),
            },
        );
        assert!(matches!(take("workflow_run", &json!({})), Err(Refusal::Malformed { .. })));
        let bare = json!({"action": "requested", "repository": place});
        assert!(matches!(take("deployment_protection_rule", &bare), Err(Refusal::Malformed { .. })));
    }

    #[test]
    fn a_delivery_is_refused_for_what_it_lacks() {
        let body = json!({"zen": "x"}).to_string();
        let signature = signed(SECRET, body.as_bytes());
        let ours = Ours { secret: SECRET, api: API, repositories: &[] };
        let good = Delivery {
            content_type: Some("application/json"),
            event: Some("ping"),
            id: Some("a-1"),
            signature: Some(&signature),
            body: body.as_bytes(),
        };
        let check =
            |delivery: Delivery<'_>, expected: Refusal| assert_eq!(read(&ours, &delivery), Err(expected));
        assert_eq!(read(&ours, &good).unwrap().id, "a-1");
        check(Delivery { content_type: Some("application/x-www-form-urlencoded"), ..good }, Refusal::NotJson);
        check(Delivery { content_type: None, ..good }, Refusal::NotJson);
        check(Delivery { signature: None, ..good }, Refusal::Unsigned);
        check(Delivery { signature: Some("sha256=00"), ..good }, Refusal::Forged);
        check(Delivery { id: None, ..good }, Refusal::Headless("X-GitHub-Delivery"));
        check(Delivery { id: Some("a\u{1b}[2J"), ..good }, Refusal::Headless("X-GitHub-Delivery"));
        check(Delivery { event: Some(""), ..good }, Refusal::Headless("X-GitHub-Event"));
        let large = vec![b' '; BODY_BYTES_MAX + 1];
        check(Delivery { body: &large, ..good }, Refusal::TooLarge);
    }

    proptest::proptest! {
        #[test]
        fn any_delivery_is_answered(
            event in "(deployment_protection_rule|workflow_run|deployment_status|[a-z_]{0,12})",
            body in proptest::prop_oneof![
                proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200),
                proptest::prelude::any::<String>().prop_map(|text| json!({"action": "requested",
                    "deployment_callback_url": text, "environment": text, "repository": {"full_name": "acme/checkout-api"},
                    "workflow_run": {"id": 1}, "deployment": {"id": 1}, "deployment_status": {"state": text}})
                    .to_string().into_bytes()),
            ],
        ) {
            let signature = signed(SECRET, &body);
            let delivery = Delivery {
                content_type: Some("application/json"),
                event: Some(&event),
                id: Some("a"),
                signature: Some(&signature),
                body: &body,
            };
            let ours = Ours { secret: SECRET, api: API, repositories: &[repo()] };
            let _ = read(&ours, &delivery);
            let forged = Delivery { signature: Some("sha256=zz"), ..delivery };
            proptest::prop_assert_eq!(read(&ours, &forged), Err(Refusal::Forged));
        }

        #[test]
        fn any_signature_is_read_without_harm(signature in "(sha256=)?.{0,70}") {
            let _ = verify(SECRET, &signature, b"x");
        }
    }

    use proptest::strategy::Strategy as _;
}
