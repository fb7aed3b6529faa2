//! A webhook out: one message to an address of the team's own, signed as Standard Webhooks say.
//!
//! The receiver holds `webhook-signature` against `webhook-id`, `webhook-timestamp` and the body's very bytes, and forgets
//! an id that it has had: the same message may come twice, and has the same id then.
//! Never: a second try; a redirect; a body that was signed as another.

use std::path::PathBuf;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use ring::hmac;
use serde::Deserialize;
use serde_json::Value;

use super::{
    Failure, Platform, PlatformError,
    http::{Ask, Http, Manners},
    secret,
};

/// How a secret begins, as receivers' libraries take it.
const PREFIX: &str = "whsec_";
/// Bytes of a secret.
const KEY: std::ops::RangeInclusive<usize> = 24..=64;

/// Where it is sent, and what it is signed with.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub url: String,
    /// `whsec_` and 24 to 64 bytes in base64.
    pub secret_env: Option<String>,
    pub secret_file: Option<PathBuf>,
    pub ca_file: Option<PathBuf>,
}

/// One address, with the secret that its receiver knows. Not `Debug`: the secret is in it.
pub struct Actuator {
    http: Http,
    key: hmac::Key,
}

impl Actuator {
    /// Reads the secret; asks nobody.
    pub fn open(config: &Config) -> Result<Self, PlatformError> {
        let setup = |why: &str| PlatformError::new(Platform::Webhook, "its secret", Failure::Setup, why);
        let place = secret::Place { env: config.secret_env.as_deref(), file: config.secret_file.as_ref() };
        let text = secret::read_named(Platform::Webhook, "secret", place)?
            .ok_or_else(|| setup("secret_env or secret_file is needed"))?;
        let key = key(&text).ok_or_else(|| setup("whsec_ and 24 to 64 bytes in base64 are needed"))?;
        let manners = Manners { said: |_| String::new(), failure: |_| None };
        let ca_file = config.ca_file.as_deref();
        let http = Http::new(Platform::Webhook, &config.url, HeaderMap::new(), ca_file, manners)?;
        Ok(Self { http, key })
    }

    /// Sends it, once. After a lost answer it may be sent again under the same id.
    pub async fn send(&self, id: &str, at: Timestamp, body: &Value) -> Result<(), PlatformError> {
        let asked = "a message";
        let wrong = |_| self.http.error(asked, Failure::Setup, "its id is no header");
        let signature = signature(&self.key, id, at, &body.to_string());
        let header = |name: &'static str, value: &str| {
            Ok((HeaderName::from_static(name), HeaderValue::from_str(value).map_err(wrong)?))
        };
        let mut ask = Ask::post(asked, &[], body).header(CONTENT_TYPE, "application/json");
        for pair in [
            header("webhook-id", id),
            header("webhook-timestamp", &at.as_second().to_string()),
            header("webhook-signature", &signature),
        ] {
            let (name, value) = pair?;
            ask = ask.header_value(name, value);
        }
        let answer = self.http.send(ask).await?;
        self.http.accept(asked, answer).map(drop)
    }
}

fn key(secret: &str) -> Option<hmac::Key> {
    let bytes = zeroize::Zeroizing::new(STANDARD.decode(secret.strip_prefix(PREFIX)?).ok()?);
    KEY.contains(&bytes.len()).then(|| hmac::Key::new(hmac::HMAC_SHA256, &bytes))
}

fn signature(key: &hmac::Key, id: &str, at: Timestamp, body: &str) -> String {
    let tag = hmac::sign(key, format!("{id}.{}.{body}", at.as_second()).as_bytes());
    format!("v1,{}", STANDARD.encode(tag.as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_signs_as_the_specifications_example_does() {
        let key = key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let at = Timestamp::from_second(1_614_265_330).unwrap();
        assert_eq!(
            signature(&key, "msg_p5jXN8AQM9LWM0D4loKWxJek", at, "{\"test\": 2432232314}"),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }

    #[test]
    fn a_secret_that_is_none_is_refused() {
        for secret in ["", "whsec_", "whsec_c2hvcnQ=", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_not base64"]
        {
            assert!(key(secret).is_none(), "{secret}");
        }
    }
}
