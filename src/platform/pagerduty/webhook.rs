//! Deliveries of PagerDuty's webhooks (v3), read: is it PagerDuty's own, which incident is it about.
//!
//! A delivery is a hint to look, never a fact: the incident is read from PagerDuty before anything is judged. Nothing of
//! the time is signed, so a replay is told by the event's id; events come late, twice and out of order.
//! Never: a word of a body before its signature was checked; a panic, on any bytes.

use jiff::Timestamp;
use ring::hmac;
use serde::Deserialize;

use super::REFERENCE;

/// Bodies are some kilobytes.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;
const ID_CHARS_MAX: usize = 100;
/// While a secret is changed there are two signatures; nobody signs with more than a few.
const SIGNATURES_MAX: usize = 16;

/// A delivery as it came.
#[derive(Debug, Clone, Copy)]
pub struct Delivery<'a> {
    /// `X-PagerDuty-Signature`.
    pub signature: Option<&'a str>,
    pub body: &'a [u8],
}

/// What came, in a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// The same when it is delivered again.
    pub id: String,
    pub event: Event,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Something happened to an incident.
    Incident {
        /// As people name it, `INC-2099`, where the event tells its number.
        name: Option<String>,
        /// `incident.resolved`.
        what: String,
        at: Option<Timestamp>,
    },
    /// Nothing for us: its type.
    Ignored { name: String },
}

/// Why a delivery is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the body is over {BODY_BYTES_MAX} bytes")]
    TooLarge,
    #[error("there is no X-PagerDuty-Signature")]
    Unsigned,
    /// Perhaps ours is the wrong secret: PagerDuty is to try again.
    #[error("no signature is by our secret: is hooks.pagerduty the subscription's own?")]
    Forged,
    #[error("the body is not what PagerDuty's contract says: {0}")]
    Malformed(String),
}

/// Checks a delivery and reads it.
pub fn read(secret: &[u8], delivery: &Delivery<'_>) -> Result<Received, Refusal> {
    if delivery.body.len() > BODY_BYTES_MAX {
        return Err(Refusal::TooLarge);
    }
    verify(secret, delivery.signature.ok_or(Refusal::Unsigned)?, delivery.body)?;
    let body: Body =
        serde_json::from_slice(delivery.body).map_err(|error| Refusal::Malformed(error.to_string()))?;
    let Wire { id, event_type: what, occurred_at: at, data } = body.event;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if id.is_empty() || id.len() > ID_CHARS_MAX || !id.chars().all(plain) {
        return Err(Refusal::Malformed("the event has no id that can be one".to_owned()));
    }
    if !what.starts_with("incident.") {
        return Ok(Received { id, event: Event::Ignored { name: what } });
    }
    // A note's event brings the note, and the incident by its id alone.
    let number = data.and_then(|data| data.number);
    let name = number.map(|number| format!("{REFERENCE}{number}"));
    Ok(Received { id, event: Event::Incident { name, what, at } })
}

/// Is one of the signatures by our secret? Each is compared in constant time; of other versions nothing is read. An empty
/// secret signs nothing.
pub fn verify(secret: &[u8], signatures: &str, body: &[u8]) -> Result<(), Refusal> {
    if secret.is_empty() {
        return Err(Refusal::Forged);
    }
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let tags = signatures.split(',').take(SIGNATURES_MAX);
    let tags = tags.filter_map(|one| one.trim().strip_prefix("v1=").and_then(from_hex));
    let ours = tags.fold(false, |ours, tag| ours | hmac::verify(&key, body, &tag).is_ok());
    if ours { Ok(()) } else { Err(Refusal::Forged) }
}

#[derive(Deserialize)]
struct Body {
    event: Wire,
}

#[derive(Deserialize)]
struct Wire {
    id: String,
    event_type: String,
    occurred_at: Option<Timestamp>,
    data: Option<Data>,
}

#[derive(Deserialize)]
struct Data {
    number: Option<u64>,
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
    use serde_json::json;

    use super::*;

    /// A delivery that PagerDuty's own client is tested with.
    const VECTOR: &str = include_str!("../../../tests/vectors/pagerduty_webhook.json");

    #[derive(Deserialize)]
    struct Vector {
        secret: String,
        raw: String,
        value: String,
        also_valid: String,
    }

    fn signed(secret: &[u8], body: &[u8]) -> String {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), body);
        tag.as_ref().iter().fold("v1=".to_owned(), |hex, byte| hex + &format!("{byte:02x}"))
    }

    #[test]
    fn pagerdutys_own_vector_holds_and_nothing_near_it_does() {
        let vector: Vector = serde_json::from_str(VECTOR).unwrap();
        let (secret, raw) = (vector.secret.as_bytes(), vector.raw.as_bytes());
        let check = |secret: &[u8], signature: &str, body: &[u8], expected: bool| {
            assert_eq!(verify(secret, signature, body).is_ok(), expected, "{signature}");
        };
        check(secret, &vector.value, raw, true);
        check(secret, &vector.also_valid, raw, true);
        check(secret, &format!("v0=00, {}", vector.value), raw, true);
        check(secret, &vector.value.replace("v1=", "v2="), raw, false);
        check(secret, &vector.value, &raw[1..], false);
        check(b"another", &vector.value, raw, false);
        check(secret, "", raw, false);
        check(b"", &signed(b"", raw), raw, false);
        let delivery = Delivery { signature: Some(&vector.value), body: raw };
        let received = read(secret, &delivery).unwrap();
        assert_eq!(received.id, "01BWDWL3NYY7LUFPZCC28QUCMK");
        let expected = Event::Incident {
            name: Some("INC-2".to_owned()),
            what: "incident.priority_updated".to_owned(),
            at: Some("2021-04-26T17:36:27.458Z".parse().unwrap()),
        };
        assert_eq!(received.event, expected);
    }

    #[test]
    fn a_delivery_is_refused_for_what_it_lacks() {
        let take = |body: &[u8]| {
            let signature = signed(b"s", body);
            read(b"s", &Delivery { signature: Some(&signature), body })
        };
        let event = |id: &str, kind: &str, data: serde_json::Value| {
            json!({"event": {"id": id, "event_type": kind, "resource_type": "incident", "data": data}})
                .to_string()
        };
        let note = event("01A", "incident.annotated", json!({"incident": {"id": "P1"}, "content": "x"}));
        let named = |received: Received| match received.event {
            Event::Incident { name, .. } => name,
            Event::Ignored { name } => Some(name),
        };
        assert_eq!(named(take(note.as_bytes()).unwrap()), None);
        let ping = event("01B", "pagey.ping", json!({"message": "Hello from your friend Pagey!"}));
        assert_eq!(named(take(ping.as_bytes()).unwrap()).as_deref(), Some("pagey.ping"));
        let bad = event("a b", "incident.resolved", json!({}));
        assert!(matches!(take(bad.as_bytes()), Err(Refusal::Malformed(_))));
        assert!(matches!(take(b"{}"), Err(Refusal::Malformed(_))));
        assert_eq!(read(b"s", &Delivery { signature: None, body: b"{}" }), Err(Refusal::Unsigned));
        assert_eq!(read(b"s", &Delivery { signature: Some("v1=00"), body: b"{}" }), Err(Refusal::Forged));
        let large = vec![b' '; BODY_BYTES_MAX + 1];
        assert_eq!(take(&large), Err(Refusal::TooLarge));
    }

    proptest::proptest! {
        #[test]
        fn any_delivery_is_answered(
            body in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200),
            signature in "(v1=)?.{0,70}",
        ) {
            let good = signed(b"s", &body);
            let _ = read(b"s", &Delivery { signature: Some(&good), body: &body });
            let _ = read(b"s", &Delivery { signature: Some(&signature), body: &body });
        }
    }
}
