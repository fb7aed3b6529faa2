//! Slack's Events API, read: is it Slack's own and fresh, is it a first greeting, what happened where.
//!
//! A delivery is a hint to look, never a fact: what was said is read from Slack before anything rests on it. Slack repeats
//! a delivery that is not answered within three seconds, under the same event id.
//! Never: a word of a body before its signature was checked; a decision taken from a chat; a panic, on any bytes.

use jiff::Timestamp;
use ring::hmac;
use serde::Deserialize;

use crate::row::Digest;

/// Bodies of events are some kilobytes.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;
/// A delivery that is older or younger than this is refused: it may be one that somebody kept.
const FRESH_S: i64 = 300;

/// A delivery as it came.
#[derive(Debug, Clone, Copy)]
pub struct Delivery<'a> {
    /// `X-Slack-Request-Timestamp`.
    pub timestamp: Option<&'a str>,
    /// `X-Slack-Signature`.
    pub signature: Option<&'a str>,
    pub body: &'a [u8],
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// The first delivery to a new address: its challenge is to be answered as it is.
    Greeting { challenge: String },
    /// The same id on a repeated delivery.
    Event { id: String, event: Event },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Slack's word, as in `message`.
    pub kind: String,
    /// The channel's id, where it is about one.
    pub channel: Option<String>,
}

/// Why a delivery is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the body is over {BODY_BYTES_MAX} bytes")]
    TooLarge,
    #[error("there is no {0}")]
    Headless(&'static str),
    #[error("it is not from within {FRESH_S} s of now: repeated by somebody, or a clock is wrong")]
    Stale,
    #[error("the signature is not by our app's signing secret")]
    Forged,
    #[error("the body is not what Slack's contract says: {0}")]
    Malformed(String),
}

/// Checks a delivery and reads it.
pub fn read(secret: &[u8], now: Timestamp, delivery: &Delivery<'_>) -> Result<Received, Refusal> {
    if delivery.body.len() > BODY_BYTES_MAX {
        return Err(Refusal::TooLarge);
    }
    verify(secret, now, delivery)?;
    let body: Body =
        serde_json::from_slice(delivery.body).map_err(|error| Refusal::Malformed(error.to_string()))?;
    let lacks = |what: &str| Refusal::Malformed(format!("no {what}"));
    if body.kind == "url_verification" {
        let challenge = body.challenge.ok_or_else(|| lacks("challenge"))?;
        return Ok(Received::Greeting { challenge });
    }
    let id = body.event_id.ok_or_else(|| lacks("event_id"))?;
    let event = body.event.ok_or_else(|| lacks("event"))?;
    let channel = event.channel.and_then(|channel| Some(channel.as_str()?.to_owned()));
    Ok(Received::Event { id, event: Event { kind: event.kind, channel } })
}

/// Is it signed by our secret, now? In constant time. An empty secret signs nothing.
pub fn verify(secret: &[u8], now: Timestamp, delivery: &Delivery<'_>) -> Result<(), Refusal> {
    let timestamp = delivery.timestamp.ok_or(Refusal::Headless("X-Slack-Request-Timestamp"))?;
    let signature = delivery.signature.ok_or(Refusal::Headless("X-Slack-Signature"))?;
    let at: i64 = timestamp.parse().map_err(|_| Refusal::Stale)?;
    if now.as_second().abs_diff(at) > FRESH_S.unsigned_abs() {
        return Err(Refusal::Stale);
    }
    let tag = signature.strip_prefix("v0=").and_then(|hex| hex.parse::<Digest>().ok());
    let tag = tag.ok_or(Refusal::Forged)?;
    if secret.is_empty() {
        return Err(Refusal::Forged);
    }
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let signed = [b"v0:", timestamp.as_bytes(), b":", delivery.body].concat();
    hmac::verify(&key, &signed, &tag.0).map_err(|_| Refusal::Forged)
}

#[derive(Deserialize)]
struct Body {
    #[serde(rename = "type")]
    kind: String,
    challenge: Option<String>,
    event_id: Option<String>,
    event: Option<Inner>,
}

#[derive(Deserialize)]
struct Inner {
    #[serde(rename = "type")]
    kind: String,
    /// An id; in some events an object.
    channel: Option<serde_json::Value>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"8f742231b10e8888abcd99yyyzzz85a5";
    /// From Slack's own documentation.
    const BODY: &[u8] = b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    const TIME: &str = "1531420618";
    const SIGNATURE: &str = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";

    fn now(after: i64) -> Timestamp {
        Timestamp::from_second(TIME.parse::<i64>().unwrap() + after).unwrap()
    }

    fn vector() -> Delivery<'static> {
        Delivery { timestamp: Some(TIME), signature: Some(SIGNATURE), body: BODY }
    }

    fn signed(body: &str) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET);
        let tag = hmac::sign(&key, format!("v0:{TIME}:{body}").as_bytes());
        tag.as_ref().iter().fold("v0=".to_owned(), |hex, byte| hex + &format!("{byte:02x}"))
    }

    #[test]
    fn slacks_own_example_is_taken_for_five_minutes_and_nothing_else_is() {
        for after in [-300, 0, 300] {
            assert_eq!(verify(SECRET, now(after), &vector()), Ok(()), "{after}");
        }
        for after in [-301, 301] {
            assert_eq!(verify(SECRET, now(after), &vector()), Err(Refusal::Stale), "{after}");
        }
        let changed = [&BODY[..BODY.len() - 1], b"d"].concat();
        for delivery in [
            Delivery { body: &changed, ..vector() },
            Delivery { timestamp: Some("1531420619"), ..vector() },
            Delivery { signature: Some("v0=00"), ..vector() },
            Delivery { signature: Some(&SIGNATURE[3..]), ..vector() },
        ] {
            assert_eq!(verify(SECRET, now(0), &delivery), Err(Refusal::Forged));
        }
        assert_eq!(verify(b"", now(0), &vector()), Err(Refusal::Forged));
        let bare = Delivery { signature: None, ..vector() };
        assert_eq!(verify(SECRET, now(0), &bare), Err(Refusal::Headless("X-Slack-Signature")));
        let timeless = Delivery { timestamp: None, ..vector() };
        assert_eq!(verify(SECRET, now(0), &timeless), Err(Refusal::Headless("X-Slack-Request-Timestamp")));
    }

    #[test]
    fn a_greeting_and_an_event_are_told_apart() {
        let read = |body: &str| {
            let signature = signed(body);
            let delivery =
                Delivery { timestamp: Some(TIME), signature: Some(&signature), body: body.as_bytes() };
            super::read(SECRET, now(1), &delivery)
        };
        let greeting = read(r#"{"type":"url_verification","challenge":"3eZb","token":"x"}"#);
        assert_eq!(greeting, Ok(Received::Greeting { challenge: "3eZb".to_owned() }));
        let said = r#"{"type":"event_callback","event_id":"Ev01","event":{"type":"message","channel":"C012","ts":"1.000001"}}"#;
        let event = Event { kind: "message".to_owned(), channel: Some("C012".to_owned()) };
        assert_eq!(read(said), Ok(Received::Event { id: "Ev01".to_owned(), event }));
        assert!(matches!(read(r#"{"type":"event_callback"}"#), Err(Refusal::Malformed(_))));
        assert!(matches!(read("token=x"), Err(Refusal::Malformed(_))), "signed, and no JSON");
    }

    proptest::proptest! {
        #[test]
        fn any_delivery_is_read_without_harm(time in "[0-9.-]{0,24}", signature in "(v0=)?[0-9a-f]{0,70}", body: Vec<u8>) {
            let delivery = Delivery { timestamp: Some(&time), signature: Some(&signature), body: &body };
            proptest::prop_assert!(super::read(SECRET, now(0), &delivery).is_err());
        }
    }
}
