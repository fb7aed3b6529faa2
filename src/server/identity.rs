//! Who asks: a token, and whose it is now.
//!
//! A person's session reads, and does what needs no signature; it cannot decide and cannot administer. An agent's token
//! does what its scopes say: `read`, `draft:KIND`, `draft:KIND:SUBJECT`; of a gate's subject, the service is enough;
//! `wait`, `wait:SERVICE` for a pipeline, which neither reads nor drafts with it. No scope decides.
//! Never: a token that is compared or kept in the clear; an agent that is not active let through.

use std::{collections::BTreeSet, sync::Arc};

use axum::{
    extract::FromRequestParts,
    http::{header, request::Parts},
};

use super::{
    app::App,
    problem::Problem,
    tokens::{Token, TokenKind},
};
use crate::{
    audit::admin::Standing as AgentStanding,
    row::{Digest, Draft, PrincipalId, PrincipalKind},
    store::Actor,
};

/// An authenticated principal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Caller {
    pub(super) id: PrincipalId,
    pub(super) kind: PrincipalKind,
    scopes: BTreeSet<String>,
}

impl Caller {
    pub(super) fn actor(&self) -> Actor {
        Actor { id: self.id.clone(), kind: self.kind }
    }

    pub(super) fn scopes(&self) -> &BTreeSet<String> {
        &self.scopes
    }

    /// Reading what is not a row of one's own.
    pub(super) fn may_read(&self) -> Result<(), Problem> {
        if self.kind == PrincipalKind::Human || self.scopes.contains("read") {
            return Ok(());
        }
        Err(Problem::forbidden("this token has no scope `read`"))
    }

    pub(super) fn may_draft(&self, draft: &Draft) -> Result<(), Problem> {
        self.agent()?;
        let (kind, subject) = (draft.kind.word(), &draft.subject);
        let service = subject.split('/').next().unwrap_or_default();
        let scopes =
            [format!("draft:{kind}"), format!("draft:{kind}:{subject}"), format!("draft:{kind}:{service}")];
        if scopes.iter().any(|scope| self.scopes.contains(scope)) {
            return Ok(());
        }
        Err(Problem::forbidden(&format!("this token may not draft {kind} rows for {subject}")))
    }

    /// Telling that a pipeline of this service waits, and being told its answer: `wait`, or `wait:SERVICE`.
    pub(super) fn may_wait(&self, service: &str) -> Result<(), Problem> {
        if self.scopes.contains("wait") || self.scopes.contains(&format!("wait:{service}")) {
            return Ok(());
        }
        let why = format!("this token has no scope `wait:{}`", service.escape_default());
        Err(Problem::forbidden(&why).hint("`dock token issue NAME --owner OWNER --scope wait:SERVICE`"))
    }

    pub(super) fn agent(&self) -> Result<(), Problem> {
        if self.kind == PrincipalKind::Agent { Ok(()) } else { Err(Problem::forbidden("this is for agents")) }
    }

    pub(super) fn human(&self) -> Result<(), Problem> {
        if self.kind == PrincipalKind::Human { Ok(()) } else { Err(Problem::forbidden("this is for people")) }
    }
}

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let text = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = text.and_then(|text| text.strip_prefix("Bearer ")).and_then(Token::parse);
        let caller = match token {
            Some((TokenKind::Session, hash)) => session(app, hash).await?,
            Some((TokenKind::Agent | TokenKind::Service, hash)) => issued(app, hash).await?,
            None => None,
        };
        let caller = caller.ok_or_else(Problem::unauthorised)?;
        app.limits.request(&caller.id, app.clock.now())?;
        Ok(caller)
    }
}

/// A session ends with its time, or with the key that began it.
async fn session(app: &App, hash: Digest) -> Result<Option<Caller>, Problem> {
    let now = app.clock.now();
    let Some(session) = app.store.session(hash).await?.filter(|session| session.expires_at > now) else {
        return Ok(None);
    };
    let standing = app.standing().await?;
    let mut keys = standing.authority.keys(&session.principal, now);
    let stands = keys.any(|key| key.key.fingerprint() == session.key_fingerprint);
    drop(keys);
    let caller = Caller {
        id: session.principal,
        kind: PrincipalKind::Human,
        scopes: BTreeSet::from(["read".to_owned()]),
    };
    Ok(stands.then_some(caller))
}

async fn issued(app: &App, hash: Digest) -> Result<Option<Caller>, Problem> {
    let standing = app.standing().await?;
    let now = app.clock.now();
    let found = standing.tokens.get(&hash).filter(|token| token.expires_at.is_none_or(|at| at > now));
    let Some(token) = found else { return Ok(None) };
    let agent = standing.authority.agents().get(&token.principal);
    match agent.map(|agent| agent.standing) {
        Some(AgentStanding::Active) => {}
        Some(AgentStanding::Suspended | AgentStanding::Revoked) | None => {
            return Err(Problem::forbidden(&format!("the agent {} is not active", token.principal)));
        }
    }
    let (id, scopes) = (token.principal.clone(), token.scopes.clone());
    Ok(Some(Caller { id, kind: PrincipalKind::Agent, scopes }))
}
