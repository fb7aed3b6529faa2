//! Changes of who may do what, each signed by an administrator; and the halt, which anybody on call may call.
//!
//! Never: a change that the chain of authority would not take; a session taken for a signature.

use std::{fs, path::Path, sync::Arc};

use axum::{Json, extract::State, http::StatusCode};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    app::App,
    identity::Caller,
    input::Body,
    problem::Problem,
    standing::{Issued, Standing},
    step::TRIES_MAX,
};
use crate::{
    audit::{
        admin::{AdminChange, AdminStatement, Standing as AgentStanding},
        leaf::Leaf,
    },
    policy::{Asker, Permission, Wish},
    row::{Digest, Event, Note, PrincipalId, PrincipalKind, Refusal, c1},
    store::{About, Actor, Commit, Committed, LeafDraft, Store},
    wire::{AgentView, HaltRequest, KeyView, PersonView, SignedDecision, TokenView},
};

/// Statements of one bootstrap file.
const BOOTSTRAP_MAX: usize = 1_000;

/// `POST /v1/people`, `/keys`, `/agents`, `/tokens`, `/resume`, `/log/witnesses`: a signed statement each.
pub(super) async fn change(
    State(app): State<Arc<App>>,
    uri: axum::http::Uri,
    body: Body<SignedDecision>,
) -> Result<StatusCode, Problem> {
    app.writable()?;
    let signed = body.value;
    let statement = AdminStatement::parse(signed.statement.as_bytes())
        .map_err(|error| Problem::bad_request("statement", &error.to_string()))?;
    if !belongs(uri.path(), statement.change.event()) {
        let why = format!("{} does not belong here", statement.change.event());
        return Err(Problem::bad_request("statement", &why));
    }
    for _ in 0..TRIES_MAX {
        let (now, standing) = (app.clock.now(), app.standing().await?);
        let leaf = leaf_of(&statement, &signed);
        let asked = standing.authority.check(app.store.head().await?.size.max(1), &as_entry(&leaf, now));
        if let Err(error) = asked {
            app.counters.count("dock_strangers_total", "admin");
            app.limits.stranger(now)?;
            return Err(Problem::new(StatusCode::FORBIDDEN, "not_authorised", error.to_string()));
        }
        let commit = Commit { leaves: vec![leaf], authority: Some(standing.version), ..Commit::at(now) };
        if let Committed::At(_) = app.store.commit(commit).await? {
            return Ok(StatusCode::CREATED);
        }
    }
    Err(Refusal::Busy.into())
}

fn belongs(path: &str, event: Event) -> bool {
    let events: &[Event] = match path.rsplit('/').next().unwrap_or_default() {
        "people" => &[Event::PersonChanged],
        "keys" => &[Event::KeyEnrolled, Event::KeyRevoked],
        "agents" => &[Event::AgentChanged],
        "tokens" => &[Event::TokenIssued, Event::TokenRevoked],
        "resume" => &[Event::HaltResumed],
        "witnesses" => &[Event::WitnessEnrolled],
        _ => &[],
    };
    events.contains(&event)
}

/// `POST /v1/halt`: anybody on call, an administrator, or the agent's owner; without a signature, at once.
pub(super) async fn halt(
    State(app): State<Arc<App>>,
    caller: Caller,
    body: Body<HaltRequest>,
) -> Result<StatusCode, Problem> {
    caller.human()?;
    app.writable()?;
    let HaltRequest { agent, note } = body.value;
    let note = Note::parse(&note).map_err(|error| Problem::bad_request("note", &error.to_string()))?;
    let (now, standing) = (app.clock.now(), app.standing().await?);
    may_halt(&app, &standing, &caller, agent.as_ref(), now).await?;
    if let Some(unknown) = agent.as_ref().filter(|agent| !standing.authority.agents().contains_key(*agent)) {
        return Err(Problem::not_found(&format!("agent {unknown}")));
    }
    let body = c1::map([("note", c1::Value::from(note.as_str()))])
        .with_some("agent", agent.as_ref().map(PrincipalId::as_str));
    let about = About::Principal(agent.unwrap_or_else(|| caller.id.clone()));
    let leaf = LeafDraft { actor: caller.actor(), event: Event::Halt, about, body };
    app.store.commit(Commit { leaves: vec![leaf], ..Commit::at(now) }).await?;
    Ok(StatusCode::CREATED)
}

async fn may_halt(
    app: &App,
    standing: &Standing,
    caller: &Caller,
    agent: Option<&PrincipalId>,
    now: Timestamp,
) -> Result<(), Problem> {
    let attributes = app.shifts.attributes(app, standing, &caller.id, now).await;
    let on_call = attributes.get("on_call").is_some_and(|shifts| !shifts.is_empty());
    let owner = agent.is_some_and(|agent| standing.authority.owner(agent) == Some(&caller.id));
    let asker = Asker::Human { id: &caller.id, attributes: &attributes };
    let administers = matches!(app.engine.may(asker, Wish::Administer), Permission::Allow { .. });
    if on_call || owner || administers {
        return Ok(());
    }
    Err(Refusal::NotOnCall { who: caller.id.clone() }.into())
}

/// `GET /v1/people`.
pub(super) async fn people(
    State(app): State<Arc<App>>,
    caller: Caller,
) -> Result<Json<Vec<PersonView>>, Problem> {
    caller.human()?;
    let (now, standing) = (app.clock.now(), app.standing().await?);
    let authority = &standing.authority;
    let view = |id: &PrincipalId| PersonView {
        id: id.clone(),
        active: authority.people()[id].active,
        roles: authority.people()[id].roles.iter().cloned().collect(),
        keys: authority
            .keys(id, now)
            .map(|held| KeyView {
                fingerprint: held.key.fingerprint(),
                kind: held.key.key_type().to_owned(),
                valid_after: held.valid_after,
                valid_before: held.valid_before,
            })
            .collect(),
        agents: authority
            .agents()
            .iter()
            .filter(|(_, agent)| agent.owner == *id)
            .map(|(id, _)| id.clone())
            .collect(),
    };
    Ok(Json(authority.people().keys().map(view).collect()))
}

/// `GET /v1/agents`.
pub(super) async fn agents(
    State(app): State<Arc<App>>,
    caller: Caller,
) -> Result<Json<Vec<AgentView>>, Problem> {
    caller.human()?;
    let standing = app.standing().await?;
    let view = |(id, agent): (&PrincipalId, &crate::audit::authority::Agent)| AgentView {
        id: id.clone(),
        owner: agent.owner.clone(),
        standing: AgentStanding::word(agent.standing).to_owned(),
        halted: standing.halted_agent(id).is_some(),
        tokens: standing.tokens.iter().filter(|(_, token)| token.principal == *id).map(token_view).collect(),
    };
    Ok(Json(standing.authority.agents().iter().map(view).collect()))
}

fn token_view((id, token): (&Digest, &Issued)) -> TokenView {
    TokenView { id: *id, scopes: token.scopes.iter().cloned().collect(), expires_at: token.expires_at }
}

/// One line of a bootstrap file: an administrator's statement and its armored signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedChange {
    pub statement: String,
    pub signature: String,
}

/// Writes the statements of a file as the first entries of an empty log: all of them, once.
pub(super) async fn bootstrap(
    store: &dyn Store,
    file: &Path,
    first: &Standing,
    now: Timestamp,
) -> Result<(), String> {
    let shown = file.display();
    if store.head().await.map_err(|error| error.to_string())?.size > 0 {
        return Ok(());
    }
    let text = fs::read_to_string(file).map_err(|error| format!("{shown}: {error}"))?;
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    if lines.len() > BOOTSTRAP_MAX {
        return Err(format!("{shown} has {} statements; {BOOTSTRAP_MAX} are the limit", lines.len()));
    }
    let mut authority = first.authority.clone();
    let mut leaves = Vec::with_capacity(lines.len());
    for (index, line) in (0..).zip(lines) {
        let wrong = |why: String| format!("{shown}, statement {}: {why}", index + 1);
        let SignedChange { statement, signature } =
            serde_json::from_str(line).map_err(|error| wrong(error.to_string()))?;
        let signed = SignedDecision { statement, signature };
        let parsed =
            AdminStatement::parse(signed.statement.as_bytes()).map_err(|error| wrong(error.to_string()))?;
        let leaf = leaf_of(&parsed, &signed);
        authority.apply(index, &as_entry(&leaf, now)).map_err(|error| wrong(error.to_string()))?;
        leaves.push(leaf);
    }
    let commit = Commit { leaves, authority: Some(0), ..Commit::at(now) };
    match store.commit(commit).await.map_err(|error| error.to_string())? {
        // Conflict: another process of ours was faster, and wrote the same file.
        Committed::At(_) | Committed::Conflict => Ok(()),
        other => Err(format!("{shown} could not be written: {other:?}")),
    }
}

fn leaf_of(statement: &AdminStatement, signed: &SignedDecision) -> LeafDraft {
    let about = match &statement.change {
        AdminChange::Person { person, .. }
        | AdminChange::KeyEnrolled { person, .. }
        | AdminChange::KeyRevoked { person, .. }
        | AdminChange::WitnessEnrolled { person, .. } => person,
        AdminChange::Agent { agent, .. } => agent,
        AdminChange::TokenIssued { principal, .. } | AdminChange::TokenRevoked { principal, .. } => principal,
        AdminChange::Resumed { agent, .. } => agent.as_ref().unwrap_or(&statement.by),
        AdminChange::Epoch { .. } => &statement.by,
    };
    let body = c1::map([
        ("statement", c1::Value::from(signed.statement.as_str())),
        ("signature", signed.signature.as_str().into()),
    ]);
    LeafDraft {
        actor: Actor { id: statement.by.clone(), kind: PrincipalKind::Human },
        event: statement.change.event(),
        about: About::Principal(about.clone()),
        body,
    }
}

/// The entry as the chain of authority would see it.
fn as_entry(draft: &LeafDraft, at: Timestamp) -> Leaf {
    let (actor, body, event) = (draft.actor.clone(), draft.body.clone(), draft.event);
    Leaf { actor, at, body, event, prev: None, revision: None, row: None }
}
