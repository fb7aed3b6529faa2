//! Signing in: a challenge, signed with a key the person has; a token that reads for twelve hours.
//!
//! Never: a challenge used twice, or one that could be for another server, log or time.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{Json, extract::State};
use jiff::{SignedDuration, Timestamp};
use ring::{
    hmac,
    rand::{SecureRandom, SystemRandom},
};

use super::{
    app::App,
    identity::Caller,
    input::Body,
    problem::Problem,
    tokens::{Token, TokenKind},
};
use crate::{
    audit::sshsig::Purpose,
    row::{Digest, PrincipalId, PrincipalKind, c1},
    store::{self, Commit},
    wire,
};

const CHALLENGE_LASTS: SignedDuration = SignedDuration::from_mins(5);
const SESSION_LASTS: SignedDuration = SignedDuration::from_hours(12);
/// Challenges that were answered and are not over.
const CHALLENGES_MAX: usize = 10_000;

/// Challenges prove themselves: their nonce is half chance, half a code over that, the person and the time. Only those
/// that were answered are remembered, so that strangers fill nothing. A restart ends what was given out.
pub(super) struct Challenges {
    key: hmac::Key,
    used: Mutex<HashMap<Digest, Timestamp>>,
}

impl Challenges {
    pub(super) fn new() -> Option<Self> {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new()).ok()?;
        Some(Self { key, used: Mutex::new(HashMap::new()) })
    }

    fn nonce(&self, person: &PrincipalId, expires_at: Timestamp) -> Option<String> {
        let mut chance = [0; 16];
        SystemRandom::new().fill(&mut chance).ok()?;
        let mut nonce = [0; 32];
        nonce[..16].copy_from_slice(&chance);
        nonce[16..].copy_from_slice(&self.code(&chance, person, expires_at));
        Some(Digest(nonce).to_string())
    }

    fn code(&self, chance: &[u8], person: &PrincipalId, expires_at: Timestamp) -> [u8; 16] {
        let told = [chance, person.as_str().as_bytes(), b" ", expires_at.to_string().as_bytes()].concat();
        let mut code = [0; 16];
        code.copy_from_slice(&hmac::sign(&self.key, &told).as_ref()[..16]);
        code
    }

    /// We gave it to this person, and its time is not over.
    fn is_ours(&self, challenge: &str, person: &PrincipalId, now: Timestamp) -> bool {
        let read = || {
            let value = c1::parse(challenge.as_bytes()).ok()?;
            let expires_at: Timestamp = value.text("expires_at")?.parse().ok()?;
            let nonce: Digest = value.text("nonce")?.parse().ok()?;
            let code = self.code(&nonce.0[..16], person, expires_at);
            // Both are of one length, and neither is a secret worth a timing: a wrong one only costs a signature.
            Some(now < expires_at && code == nonce.0[16..])
        };
        read().unwrap_or(false)
    }

    /// True once for each; asked after the signature was found good.
    fn take(&self, challenge: &str, now: Timestamp) -> bool {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.retain(|_, until| *until > now);
        let until = now.saturating_add(CHALLENGE_LASTS).unwrap_or(now);
        used.len() < CHALLENGES_MAX && used.insert(Digest::of(challenge), until).is_none()
    }
}

pub(super) async fn challenge(
    State(app): State<Arc<App>>,
    body: Body<wire::ChallengeRequest>,
) -> Result<Json<wire::Challenge>, Problem> {
    let now = app.clock.now();
    let expires_at = now.saturating_add(CHALLENGE_LASTS).unwrap_or(now);
    let nonce = app.challenges.nonce(&body.value.person, expires_at).ok_or_else(no_randomness)?;
    let challenge = c1::map([
        ("server", c1::Value::from(app.url.as_str())),
        ("origin", app.record.key().name().into()),
        ("nonce", nonce.into()),
        ("expires_at", expires_at.into()),
    ]);
    let challenge = String::from_utf8_lossy(&c1::to_bytes(&challenge)).into_owned();
    Ok(Json(wire::Challenge { challenge, org: app.org.clone() }))
}

pub(super) async fn login(
    State(app): State<Arc<App>>,
    body: Body<wire::LoginRequest>,
) -> Result<Json<wire::Session>, Problem> {
    let now = app.clock.now();
    let wire::LoginRequest { person, challenge, signature } = body.value;
    if !app.challenges.is_ours(&challenge, &person, now) {
        return Err(refused("the challenge is not ours, or is too old"));
    }
    let standing = app.standing().await?;
    let verified = standing.authority.verify(&person, Purpose::Login, challenge.as_bytes(), &signature, now);
    let (_, enrolment) = verified.map_err(|error| refused(&error.to_string()))?;
    if !app.challenges.take(&challenge, now) {
        return Err(refused("the challenge was answered before"));
    }
    let token = Token::new(TokenKind::Session).map_err(|_| no_randomness())?;
    let expires_at = now.saturating_add(SESSION_LASTS).unwrap_or(now);
    let session = store::Session {
        token: token.hash(),
        principal: person,
        key_fingerprint: enrolment.key.fingerprint(),
        expires_at,
    };
    app.store.commit(Commit { session: Some(session), ..Commit::at(now) }).await?;
    Ok(Json(wire::Session { token: token.reveal().to_owned(), expires_at }))
}

pub(super) async fn me(State(app): State<Arc<App>>, caller: Caller) -> Result<Json<wire::Me>, Problem> {
    let now = app.clock.now();
    let standing = app.standing().await?;
    let authority = &standing.authority;
    let keys = authority.keys(&caller.id, now).map(|held| wire::KeyView {
        fingerprint: held.key.fingerprint(),
        kind: held.key.key_type().to_owned(),
        valid_after: held.valid_after,
        valid_before: held.valid_before,
    });
    let keys = keys.collect();
    let owned = authority.agents().iter().filter(|(_, agent)| agent.owner == caller.id);
    let person = authority.people().get(&caller.id);
    let attributes = match caller.kind {
        PrincipalKind::Human => app.shifts.attributes(&app, &standing, &caller.id, now).await,
        _ => caller.scopes().iter().map(|scope| ("scope".to_owned(), vec![scope.clone()])).collect(),
    };
    let on_call_until = match attributes.get("on_call") {
        Some(shifts) => app.shifts.until(&standing, &caller.id, shifts).await,
        None => None,
    };
    Ok(Json(wire::Me {
        on_call_until,
        agents: owned.map(|(id, _)| id.clone()).collect(),
        owner: authority.owner(&caller.id).cloned(),
        roles: person.map(|person| person.roles.iter().cloned().collect()).unwrap_or_default(),
        keys,
        attributes,
        org: app.org.clone(),
        kind: caller.kind,
        id: caller.id,
    }))
}

fn refused(why: &str) -> Problem {
    Problem::new(axum::http::StatusCode::UNAUTHORIZED, "login_refused", format!("not signed in: {why}"))
        .hint("`dock login` asks for a new challenge; `dock whoami` shows which keys are yours")
}

fn no_randomness() -> Problem {
    Problem::new(
        axum::http::StatusCode::SERVICE_UNAVAILABLE,
        "no_randomness",
        "the machine gave no random bytes",
    )
}
