//! Signing in: a challenge, signed with a key the person has; a token that reads for twelve hours.
//!
//! Never: a challenge used twice, or one that could be for another server, log or time.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{Json, extract::State};
use jiff::{SignedDuration, Timestamp};
use ring::rand::{SecureRandom, SystemRandom};

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
/// Challenges that wait for their answer.
const CHALLENGES_MAX: usize = 10_000;

/// Challenges that were given out and not answered. A restart forgets them; the client asks for another.
#[derive(Debug, Default)]
pub(super) struct Challenges(Mutex<HashMap<String, (PrincipalId, Timestamp)>>);

impl Challenges {
    fn put(&self, challenge: &str, person: PrincipalId, now: Timestamp) -> Result<(), Problem> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, (_, until)| *until > now);
        if all.len() >= CHALLENGES_MAX {
            return Err(crate::row::Refusal::Busy.into());
        }
        let until = now.saturating_add(CHALLENGE_LASTS).unwrap_or(now);
        all.insert(challenge.to_owned(), (person, until));
        Ok(())
    }

    /// Each counts once, for the person who asked for it.
    fn take(&self, challenge: &str, person: &PrincipalId, now: Timestamp) -> bool {
        let found = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(challenge);
        found.is_some_and(|(whose, until)| whose == *person && until > now)
    }
}

pub(super) async fn challenge(
    State(app): State<Arc<App>>,
    body: Body<wire::ChallengeRequest>,
) -> Result<Json<wire::Challenge>, Problem> {
    let now = app.clock.now();
    let person = body.value.person;
    app.limits.login(&person, now)?;
    let mut nonce = [0; 32];
    SystemRandom::new().fill(&mut nonce).map_err(|_| no_randomness())?;
    let challenge = c1::map([
        ("server", c1::Value::from(app.url.as_str())),
        ("origin", app.record.key().name().into()),
        ("nonce", Digest(nonce).into()),
        ("expires_at", now.saturating_add(CHALLENGE_LASTS).unwrap_or(now).into()),
    ]);
    let challenge = String::from_utf8_lossy(&c1::to_bytes(&challenge)).into_owned();
    app.challenges.put(&challenge, person, now)?;
    Ok(Json(wire::Challenge { challenge, org: app.org.clone() }))
}

pub(super) async fn login(
    State(app): State<Arc<App>>,
    body: Body<wire::LoginRequest>,
) -> Result<Json<wire::Session>, Problem> {
    let now = app.clock.now();
    let wire::LoginRequest { person, challenge, signature } = body.value;
    if !app.challenges.take(&challenge, &person, now) {
        return Err(refused("the challenge is not ours, was used, or is too old"));
    }
    let standing = app.standing().await?;
    let verified = standing.authority.verify(&person, Purpose::Login, challenge.as_bytes(), &signature, now);
    let (_, enrolment) = verified.map_err(|error| refused(&error.to_string()))?;
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
    Ok(Json(wire::Me {
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
        .hint("`dock login` asks for a new challenge; `dock key list` shows which keys are yours")
}

fn no_randomness() -> Problem {
    Problem::new(
        axum::http::StatusCode::SERVICE_UNAVAILABLE,
        "no_randomness",
        "the machine gave no random bytes",
    )
}
