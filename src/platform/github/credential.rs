//! Whom GitHub takes us for: a token, or an App that signs for short tokens, each narrowed to what it is for.
//!
//! An App's JWT (RS256) buys an installation token for an hour. Reading tokens are kept until shortly before their end;
//! a writing token is bought for its one write. GitHub's own clock counts, so that a clock of ours that is off does no
//! harm.
//! Never: a key or token in a message; a token with more rights than its purpose needs.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use reqwest::{
    StatusCode,
    header::{AUTHORIZATION, HeaderValue},
};
use ring::{
    rand::SystemRandom,
    signature::{RSA_PKCS1_SHA256, RsaKeyPair},
};
use rustls::pki_types::{PrivateKeyDer, pem::PemObject};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{sync::Mutex, time::Instant};
use zeroize::Zeroizing;

use super::{Config, READER_PERMISSIONS, Repository, api::Role};
use crate::{
    clock::Clock,
    platform::{
        Failure, Platform, PlatformError,
        http::{self, Answer, Ask, Http},
        secret,
    },
};

/// A JWT is dated back this much, for a clock that is a little ahead, and lives shorter than the 10 minutes allowed.
const JWT_BACK_S: i64 = 60;
const JWT_LIFE_S: i64 = 9 * 60;
/// A token is renewed this long before its end.
const MARGIN: Duration = Duration::from_secs(5 * 60);
/// A clock that differs by more from GitHub's is taken for off.
const SKEW_S: i64 = 30;

/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Purpose {
    /// The answer to a protection rule.
    Answer,
    DispatchRepository,
    DispatchWorkflow,
}

#[derive(Debug)]
pub(super) enum Credential {
    /// Only what is public.
    Nobody,
    Token(HeaderValue),
    App(Box<App>),
}

#[derive(Debug)]
pub(super) struct App {
    id: String,
    installation: u64,
    key: RsaKeyPair,
    role: Role,
    /// Names without their owner, as the installation's tokens are narrowed by.
    repositories: Vec<String>,
    /// By the repository that a token is narrowed to; empty: all that the installation sees, or those configured.
    held: Mutex<BTreeMap<String, Held>>,
    clock: Clock,
    /// What GitHub's clock is ahead of ours.
    skew_s: AtomicI64,
}

#[derive(Debug)]
struct Held {
    pass: HeaderValue,
    until: Instant,
}

#[derive(Deserialize)]
struct Token {
    token: String,
    expires_at: Timestamp,
}

impl Credential {
    pub(super) fn open(config: &Config, role: Role) -> Result<Self, PlatformError> {
        let place = secret::Place { env: config.token_env.as_deref(), file: config.token_file.as_ref() };
        let token = secret::read(Platform::GitHub, place)?;
        match (token, &config.app_id, config.installation_id, &config.app_key_file) {
            (None, None, None, None) => Ok(Self::Nobody),
            (Some(token), None, None, None) => {
                Ok(Self::Token(secret::header(Platform::GitHub, "Bearer ", &token)?))
            }
            (None, Some(id), Some(installation), Some(file)) => {
                let place = secret::Place { env: None, file: Some(file) };
                let pem = secret::read(Platform::GitHub, place)?.unwrap_or_default();
                Ok(Self::App(Box::new(App {
                    id: id.to_string(),
                    installation,
                    key: key(&pem).map_err(|why| setup(&format!("{}: {why}", file.display())))?,
                    role,
                    repositories: names(&config.repositories)?,
                    held: Mutex::default(),
                    clock: Clock::system(),
                    skew_s: AtomicI64::new(0),
                })))
            }
            (Some(_), ..) => Err(setup("both a token and an App are given")),
            (None, ..) => Err(setup("an App needs app_id, installation_id and app_key_file")),
        }
    }

    /// For a read about `repo`.
    pub(super) async fn pass(
        &self,
        http: &Http,
        repo: Option<&Repository>,
    ) -> Result<Option<HeaderValue>, PlatformError> {
        match self {
            Self::Nobody => Ok(None),
            Self::Token(pass) => Ok(Some(pass.clone())),
            Self::App(app) => app.reading(http, repo).await.map(Some),
        }
    }

    /// For one write on `repo`: what was bought for it, and nothing that could run out on the way.
    pub(super) async fn fresh(
        &self,
        http: &Http,
        purpose: Purpose,
        repo: &Repository,
    ) -> Result<Option<HeaderValue>, PlatformError> {
        match self {
            Self::Nobody => Ok(None),
            Self::Token(pass) => Ok(Some(pass.clone())),
            Self::App(app) => app
                .bought(http, std::slice::from_ref(&repo.name), purpose.permissions())
                .await
                .map(|held| Some(held.pass)),
        }
    }

    /// GitHub no longer takes this one. `false`: there is no other to be had.
    pub(super) async fn forget(&self, pass: &HeaderValue) -> bool {
        let Self::App(app) = self else { return false };
        app.held.lock().await.retain(|_, held| held.pass != *pass);
        true
    }
}

impl Purpose {
    fn permissions(self) -> Value {
        match self {
            Self::Answer => json!({"deployments": "write"}),
            Self::DispatchRepository => json!({"contents": "write"}),
            Self::DispatchWorkflow => json!({"actions": "write"}),
        }
    }
}

impl App {
    async fn reading(&self, http: &Http, repo: Option<&Repository>) -> Result<HeaderValue, PlatformError> {
        let narrow: Vec<String> = match repo {
            _ if !self.repositories.is_empty() => self.repositories.clone(),
            Some(repo) => vec![repo.name.clone()],
            None => vec![],
        };
        let name = narrow.join(" ");
        // Held while one is bought, so that many calls at once buy one.
        let mut all = self.held.lock().await;
        if let Some(held) = all.get(&name).filter(|held| Instant::now() < held.until) {
            return Ok(held.pass.clone());
        }
        let held = self.bought(http, &narrow, self.role.permissions()).await?;
        let pass = held.pass.clone();
        all.retain(|_, held| Instant::now() < held.until);
        all.insert(name, held);
        Ok(pass)
    }

    async fn bought(
        &self,
        http: &Http,
        narrow: &[String],
        permissions: Value,
    ) -> Result<Held, PlatformError> {
        let asked = "a token for our App";
        let mut body = json!({"permissions": permissions});
        if !narrow.is_empty() {
            body["repositories"] = json!(narrow);
        }
        let mut answer = self.ask_for_token(http, asked, &body).await?;
        // Our clock may be off: once more by GitHub's.
        if answer.status == StatusCode::UNAUTHORIZED && self.learn_skew(&answer) {
            answer = self.ask_for_token(http, asked, &body).await?;
        }
        let answer = http.accept(asked, answer)?;
        let Token { token, expires_at } = http.parse(asked, &answer)?;
        let token = Zeroizing::new(token);
        let now = http::answered_at(&answer).unwrap_or_else(|| self.now());
        let life = Duration::try_from(expires_at.duration_since(now)).unwrap_or_default();
        let until = Instant::now() + life.saturating_sub(MARGIN.min(life / 2));
        Ok(Held { pass: secret::header(Platform::GitHub, "Bearer ", &token)?, until })
    }

    async fn ask_for_token(&self, http: &Http, asked: &str, body: &Value) -> Result<Answer, PlatformError> {
        let path = ["app", "installations", &self.installation.to_string(), "access_tokens"];
        let jwt = self.jwt().map_err(setup)?;
        let pass = secret::header(Platform::GitHub, "Bearer ", &jwt)?;
        http.send(Ask::post(asked, &path, body).header_value(AUTHORIZATION, pass)).await
    }

    fn jwt(&self) -> Result<Zeroizing<String>, &'static str> {
        let now = self.now().as_second();
        let claims = json!({"iat": now - JWT_BACK_S, "exp": now + JWT_LIFE_S, "iss": self.id});
        let packed = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let text = format!("{}.{}", packed(&json!({"alg": "RS256", "typ": "JWT"})), packed(&claims));
        let mut signature = vec![0; self.key.public().modulus_len()];
        self.key
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature)
            .map_err(|_| "the App's key does not sign")?;
        Ok(Zeroizing::new(format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))))
    }

    fn now(&self) -> Timestamp {
        let (now, skew) = (self.clock.now(), self.skew_s.load(Ordering::Relaxed));
        now.saturating_add(jiff::SignedDuration::from_secs(skew)).unwrap_or(now)
    }

    /// Is GitHub's clock another than we thought?
    fn learn_skew(&self, answer: &Answer) -> bool {
        let Some(theirs) = http::answered_at(answer) else { return false };
        let off = theirs.duration_since(self.now()).as_secs();
        self.skew_s.fetch_add(off, Ordering::Relaxed);
        off.abs() > SKEW_S
    }
}

impl Role {
    fn permissions(self) -> Value {
        match self {
            Role::Reader => BTreeMap::from(READER_PERMISSIONS).into_iter().collect(),
            // What a writer reads back.
            Role::Writer => json!({"actions": "read", "deployments": "read"}),
        }
    }
}

/// PKCS#1 as GitHub gives it, or PKCS#8.
fn key(pem: &str) -> Result<RsaKeyPair, String> {
    let der =
        PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| "no private key in PEM".to_owned())?;
    let pair = match &der {
        PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()),
        PrivateKeyDer::Pkcs8(der) => RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()),
        _ => return Err("not an RSA key in PKCS#1 or PKCS#8".to_owned()),
    };
    pair.map_err(|rejected| format!("not an RSA key that can sign: {rejected}"))
}

fn names(repositories: &[String]) -> Result<Vec<String>, PlatformError> {
    let parsed = repositories.iter().map(|text| text.parse::<Repository>().map(|repo| repo.name));
    parsed.collect::<Result<_, _>>().map_err(|error| setup(&error.to_string()))
}

fn setup(why: &str) -> PlatformError {
    PlatformError::new(Platform::GitHub, "its credential", Failure::Setup, why)
}
