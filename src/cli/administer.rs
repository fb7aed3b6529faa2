//! `dock people`, `key`, `token`: who may do what. Each change is a statement that an administrator signs.
//!
//! Never: a private key; a token in a file that others can read, or shown a second time.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use jiff::Timestamp;

use super::{
    Globals,
    exit::{Code, Failure, Outcome},
    out,
    person::{Person, block_on},
};
use crate::{
    audit::{
        admin::{AdminChange, Standing},
        sshsig::PublicKey,
    },
    client::{Api, home},
    row::{Digest, PrincipalId},
    server::tokens::{self, Token, TokenKind},
    wire::{AgentView, KeyView, PersonView},
};

/// What a token of an agent may do, where nothing else is said.
const SCOPES: [&str; 2] = ["read", "draft:sync"];

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  dock people\n  dock people set jordan --role sre --role lead\n  dock people remove marcus"
)]
pub(super) struct People {
    #[command(subcommand)]
    command: Option<PeopleCommand>,
}

#[derive(Debug, clap::Subcommand)]
enum PeopleCommand {
    /// Make a person, or change what they may: these roles and no others.
    Set {
        person: PrincipalId,
        /// reviewer, sre, lead, admin, or a word of your policies.
        #[arg(long, required = true, value_name = "ROLE")]
        role: Vec<String>,
    },
    /// End a person's part: all their keys are revoked, their agents suspended.
    Remove { person: PrincipalId },
}

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  dock key list\n  dock key enrol jordan jordan.pub\n  dock key revoke jordan SHA256:9f2c…"
)]
pub(super) struct Keys {
    #[command(subcommand)]
    command: KeyCommand,
}

#[derive(Debug, clap::Subcommand)]
enum KeyCommand {
    /// Everybody's keys.
    List,
    /// Let a key sign for a person.
    Enrol {
        person: PrincipalId,
        /// The public key's file: one line as in `id_ed25519.pub`.
        file: PathBuf,
        /// It ends by itself: 90d, or a time.
        #[arg(long, value_name = "TIME")]
        until: Option<String>,
    },
    /// From this entry of the record on, nothing that the key signs counts.
    Revoke { person: PrincipalId, fingerprint: String },
}

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  dock token list\n  dock token issue gatekeeper --owner admin --scope read --scope draft:gate --out gatekeeper.token\n  \
    dock token rotate argus --out argus.token"
)]
pub(super) struct Tokens {
    #[command(subcommand)]
    command: TokenCommand,
}

#[derive(Debug, clap::Subcommand)]
enum TokenCommand {
    /// Agents, who owns them, and their tokens by hash.
    List,
    /// A new token for an agent; the agent is made where it is not known.
    Issue(Issue),
    /// A new token with the old one's scopes; the old ones are revoked.
    Rotate {
        agent: PrincipalId,
        #[command(flatten)]
        to: Out,
    },
    /// Revoke one token of an agent, or all.
    Revoke {
        agent: PrincipalId,
        /// The first letters of its hash, as `dock token list` shows it.
        token: Option<String>,
    },
}

#[derive(Debug, clap::Args)]
struct Issue {
    agent: PrincipalId,
    /// Who answers for the agent, and may not decide on its rows. Asked for where the agent is new.
    #[arg(long, value_name = "NAME")]
    owner: Option<PrincipalId>,
    /// read, draft:sync, draft:gate, …; wait:SERVICE for a pipeline that waits at Dock itself.
    #[arg(long, value_name = "SCOPE", value_parser = scope)]
    scope: Vec<String>,
    #[command(flatten)]
    to: Out,
}

#[derive(Debug, clap::Args)]
struct Out {
    /// Where the token goes: a new file, readable by you alone.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// It ends by itself: 90d, or a time.
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
}

pub(super) fn people(globals: &Globals, args: &People) -> Outcome {
    let person = Person::open(globals)?;
    block_on(async {
        let Some(command) = &args.command else {
            let people = person.online().await?.people().await?;
            return Ok(listed(&person, &people, person_line));
        };
        let (change, said) = match command {
            PeopleCommand::Set { person, role } => {
                (described(person, role.iter().cloned().collect(), true), "changed")
            }
            PeopleCommand::Remove { person } => (described(person, BTreeSet::new(), false), "ended"),
        };
        change_one(&person, "people", change).await?;
        out::line(format!("{said}: the record holds it."));
        Ok(Code::Done)
    })
}

fn described(person: &PrincipalId, roles: BTreeSet<String>, active: bool) -> AdminChange {
    AdminChange::Person { person: person.clone(), roles, active, attributes: BTreeMap::new() }
}

pub(super) fn keys(globals: &Globals, args: &Keys) -> Outcome {
    let person = Person::open(globals)?;
    block_on(async {
        let change = match &args.command {
            KeyCommand::List => {
                let people = person.online().await?.people().await?;
                return Ok(listed(&person, &people, keys_line));
            }
            KeyCommand::Enrol { person: whose, file, until } => AdminChange::KeyEnrolled {
                person: whose.clone(),
                key: public_key(file)?,
                valid_after: None,
                valid_before: ends(until.as_deref(), person.now())?,
            },
            KeyCommand::Revoke { person, fingerprint } => {
                AdminChange::KeyRevoked { person: person.clone(), fingerprint: fingerprint.clone() }
            }
        };
        change_one(&person, "keys", change).await?;
        out::line("Done: the record holds it.");
        Ok(Code::Done)
    })
}

pub(super) fn tokens(globals: &Globals, args: &Tokens) -> Outcome {
    let person = Person::open(globals)?;
    block_on(async {
        let agents = person.online().await?.agents().await?;
        match &args.command {
            TokenCommand::List => Ok(listed(&person, &agents, agent_line)),
            TokenCommand::Issue(issue) => {
                known_or_made(&person, &agents, issue).await?;
                let scopes = if issue.scope.is_empty() {
                    SCOPES.map(str::to_owned).to_vec()
                } else {
                    issue.scope.clone()
                };
                issued(&person, &issue.agent, scopes, &issue.to).await
            }
            TokenCommand::Rotate { agent, to } => {
                let known = found(&agents, agent)?;
                if known.tokens.is_empty() {
                    let why = format!("{agent} has no token to rotate\nhint: `dock token issue {agent}`");
                    return Err(Failure::nothing(why));
                }
                let scopes = known.tokens.iter().flat_map(|token| token.scopes.clone()).collect();
                issued(&person, agent, scopes, to).await?;
                revoke(&person, agent, &known.tokens.iter().map(|token| token.id).collect::<Vec<_>>()).await
            }
            TokenCommand::Revoke { agent, token } => {
                let known = found(&agents, agent)?;
                let meant =
                    |id: &Digest| token.as_ref().is_none_or(|start| id.to_string().starts_with(start));
                let ids: Vec<_> = known.tokens.iter().map(|token| token.id).filter(meant).collect();
                if ids.is_empty() {
                    return Err(Failure::nothing(format!("{agent} has no such token")));
                }
                revoke(&person, agent, &ids).await
            }
        }
    })
}

fn found<'a>(agents: &'a [AgentView], agent: &PrincipalId) -> Result<&'a AgentView, Failure> {
    let known = agents.iter().find(|known| known.id == *agent);
    known.ok_or_else(|| Failure::nothing(format!("no agent {agent}\nhint: `dock token list`")))
}

/// A scope as it is typed; one that opens nothing is signed for nobody.
fn scope(text: &str) -> Result<String, String> {
    let known = "read, wait, wait:SERVICE, draft:KIND or draft:KIND:SUBJECT, of the kinds gate, sync, runbook, postmortem";
    if tokens::is_scope(text) { Ok(text.to_owned()) } else { Err(format!("no scope is called so: {known}")) }
}

/// The agent is there and active, or it is made so.
async fn known_or_made(person: &Person, agents: &[AgentView], issue: &Issue) -> Result<(), Failure> {
    let known = agents.iter().find(|known| known.id == issue.agent);
    let owner = match (known, &issue.owner) {
        (Some(known), None) if known.standing == Standing::Active.word() => return Ok(()),
        (Some(known), None) => known.owner.clone(),
        (_, Some(owner)) => owner.clone(),
        (None, None) => {
            let why = format!(
                "{} is a new agent\nhint: --owner NAME, who answers for it and may not decide on its rows",
                issue.agent
            );
            return Err(Failure::usage(why));
        }
    };
    let attributes = BTreeMap::new();
    let change =
        AdminChange::Agent { agent: issue.agent.clone(), owner, standing: Standing::Active, attributes };
    change_one(person, "agents", change).await
}

/// Writes the token to its file before it counts: one that nobody has is harmless, one that nobody kept is not.
async fn issued(person: &Person, agent: &PrincipalId, scopes: Vec<String>, to: &Out) -> Outcome {
    if to.out.exists() {
        return Err(Failure::failed(format!(
            "{} is there already\nhint: nothing was changed",
            to.out.display()
        )));
    }
    let expires_at = ends(to.until.as_deref(), person.now())?;
    let token = Token::new(TokenKind::Agent).map_err(|error| Failure::failed(error.to_string()))?;
    home::write_private(&to.out, token.reveal().as_bytes())?;
    let (id, principal) = (token.hash().to_string(), agent.clone());
    let scopes = scopes.into_iter().collect();
    let issued =
        change_one(person, "tokens", AdminChange::TokenIssued { token: id, principal, scopes, expires_at })
            .await;
    if issued.is_err() {
        let _ = fs::remove_file(&to.out);
    }
    issued?;
    out::line(format!("{} holds {agent}'s new token; it is shown nowhere else.", to.out.display()));
    Ok(Code::Done)
}

async fn revoke(person: &Person, agent: &PrincipalId, ids: &[Digest]) -> Outcome {
    for id in ids {
        let change = AdminChange::TokenRevoked { token: id.to_string(), principal: agent.clone() };
        change_one(person, "tokens", change).await?;
        out::line(format!("Revoked {} of {agent}.", id.short()));
    }
    Ok(Code::Done)
}

async fn change_one(person: &Person, of: &str, change: AdminChange) -> Result<(), Failure> {
    let signed = person.signed_change(change).await?;
    let api: Api = person.online().await?;
    Ok(api.administer(of, &signed).await?)
}

fn public_key(file: &Path) -> Result<PublicKey, Failure> {
    let shown = file.display();
    let line = fs::read_to_string(file).map_err(|error| Failure::failed(format!("{shown}: {error}")))?;
    PublicKey::parse(line.trim()).map_err(|error| Failure::failed(format!("{shown}: {error}")))
}

fn ends(text: Option<&str>, now: Timestamp) -> Result<Option<Timestamp>, Failure> {
    text.map(|text| super::aside::moment(text, now)).transpose()
}

fn listed<T: serde::Serialize>(person: &Person, all: &[T], line: fn(&T, Timestamp) -> Vec<String>) -> Code {
    for one in all {
        if person.globals.json {
            out::json(one);
        } else {
            line(one, person.now()).iter().for_each(out::line);
        }
    }
    Code::Done
}

fn person_line(person: &PersonView, _now: Timestamp) -> Vec<String> {
    let standing = if person.active { "" } else { " (ended)" };
    let list = |what: &str, items: Vec<String>| {
        if items.is_empty() { String::new() } else { format!(", {what} {}", items.join(" ")) }
    };
    let agents = person.agents.iter().map(ToString::to_string).collect();
    let roles = list("roles", person.roles.iter().map(|role| out::safe(role)).collect());
    vec![format!(
        "{}{standing}{roles}, {}{}",
        person.id,
        out::plural(person.keys.len(), "key", "keys"),
        list("owns", agents)
    )]
}

fn keys_line(person: &PersonView, now: Timestamp) -> Vec<String> {
    let line = |key: &KeyView| {
        let until = key.valid_before.map(|at| format!(", until {}", out::when(at, now))).unwrap_or_default();
        let since = out::when(key.valid_after, now);
        format!("{} {} {}, since {since}{until}", person.id, key.kind, key.fingerprint)
    };
    person.keys.iter().map(line).collect()
}

fn agent_line(agent: &AgentView, now: Timestamp) -> Vec<String> {
    let halted = if agent.halted { ", HALTED" } else { "" };
    let mut lines =
        vec![format!("{} {}{halted}, owned by {}", agent.id, out::safe(&agent.standing), agent.owner)];
    lines.extend(agent.tokens.iter().map(|token| {
        let scopes: Vec<_> = token.scopes.iter().map(|scope| out::safe(scope)).collect();
        let until = token.expires_at.map(|at| format!(", until {}", out::when(at, now))).unwrap_or_default();
        format!("  token {} {}{until}", token.id.short(), scopes.join(" "))
    }));
    lines
}
