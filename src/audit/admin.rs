//! What administrators sign: changes of people, keys, agents, tokens, witnesses, halts and epochs.
//!
//! A statement is the canonical object
//! `{"_type":"https://ORG/dock/admin/v1","by","change":{…},"event","id","made_at","seen":{"origin","root","size"}}`,
//! signed as SSHSIG under `admin.v1@ORG` by a key of `by`; it stands in its leaf as `body.statement`, the armored
//! signature as `body.signature`. `id` is a ULID that the log takes once, so that nothing old can be said again.
//! The first one, which makes the first administrator, has seen the empty log: size 0, root SHA-256 of nothing.
//! `witness.enrolled` alone is signed by the person it concerns, under `witness.v1@ORG`.
//!
//! | event | `change` |
//! | --- | --- |
//! | `person.changed` | `person`, `roles` (sorted list), `active`, `attributes` (object of strings); a person who is no longer active loses all keys and their agents are suspended |
//! | `key.enrolled` | `person`, `public_key` (type and base64), `valid_after`?, `valid_before`? |
//! | `key.revoked` | `person`, `fingerprint` (`SHA256:…`) |
//! | `agent.changed` | `agent`, `owner`, `standing` (`active`, `suspended`, `revoked`), `attributes` |
//! | `token.issued` | `token` (its public id), `principal`, `scopes` (sorted list), `expires_at`? |
//! | `token.revoked` | `token`, `principal` |
//! | `halt.resumed` | `agent`? (all where left out), `note` |
//! | `witness.enrolled` | `person`, `verifier_key` (C2SP, type 4) |
//! | `log.epoch` | `epoch`, `head`: `{"origin","root","size"}` of the last checkpoint known, `note` |
//!
//! Never: a change that is not signed.

use std::collections::{BTreeMap, BTreeSet};

use crate::audit::fields::{Fields, FormError};
use crate::audit::note::VerifierKey;
use crate::audit::sshsig::{PublicKey, Purpose};
use crate::audit::statement::{Seen, is_domain};
use crate::row::c1::{self, Value};
use crate::row::{DecisionId, Event, PrincipalId};

/// The role that may sign administrative statements.
pub const ADMIN: &str = "admin";

/// One change of who may do what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AdminChange {
    Person {
        person: PrincipalId,
        roles: BTreeSet<String>,
        active: bool,
        attributes: BTreeMap<String, String>,
    },
    KeyEnrolled {
        person: PrincipalId,
        key: PublicKey,
        /// From when on, if not from its leaf's time on.
        valid_after: Option<jiff::Timestamp>,
        valid_before: Option<jiff::Timestamp>,
    },
    KeyRevoked {
        person: PrincipalId,
        fingerprint: String,
    },
    Agent {
        agent: PrincipalId,
        owner: PrincipalId,
        standing: Standing,
        attributes: BTreeMap<String, String>,
    },
    TokenIssued {
        token: String,
        principal: PrincipalId,
        scopes: BTreeSet<String>,
        expires_at: Option<jiff::Timestamp>,
    },
    TokenRevoked {
        token: String,
        principal: PrincipalId,
    },
    /// All agents, policies and executions where no agent is named.
    Resumed {
        agent: Option<PrincipalId>,
        note: String,
    },
    WitnessEnrolled {
        person: PrincipalId,
        key: VerifierKey,
    },
    Epoch {
        epoch: u64,
        head: Seen,
        note: String,
    },
}

/// Whether an agent may draft.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    Active,
    Suspended,
    Revoked,
}

/// An administrative change as it is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminStatement {
    pub org: String,
    pub id: DecisionId,
    pub by: PrincipalId,
    /// By the author's clock.
    pub made_at: jiff::Timestamp,
    pub seen: Seen,
    pub change: AdminChange,
}

impl AdminStatement {
    /// The bytes that are signed.
    pub fn to_bytes(&self) -> Vec<u8> {
        c1::to_bytes(&c1::map([
            ("_type", type_of(&self.org).into()),
            ("by", self.by.as_str().into()),
            ("change", self.change.to_value()),
            ("event", self.change.event().name().into()),
            ("id", self.id.as_str().into()),
            ("made_at", self.made_at.into()),
            ("seen", self.seen.to_value()),
        ]))
    }

    /// Reads a statement, strictly.
    pub fn parse(bytes: &[u8]) -> Result<AdminStatement, FormError> {
        let value = c1::parse(bytes)?;
        let mut fields = Fields::of(&value, "")?;
        let event: Event = fields.exact("event", "an event of the record")?;
        let statement = AdminStatement {
            org: org(fields.text("_type")?)
                .ok_or_else(|| fields.wrong("_type", "https://ORG/dock/admin/v1"))?,
            id: fields.exact("id", "a ULID")?,
            by: fields.exact("by", "a name")?,
            made_at: fields.exact("made_at", TIME)?,
            seen: Seen::parse(fields.object("seen")?)?,
            change: AdminChange::parse(event, fields.object("change")?)?,
        };
        fields.end()?;
        Ok(statement)
    }
}

impl AdminChange {
    pub fn event(&self) -> Event {
        match self {
            AdminChange::Person { .. } => Event::PersonChanged,
            AdminChange::KeyEnrolled { .. } => Event::KeyEnrolled,
            AdminChange::KeyRevoked { .. } => Event::KeyRevoked,
            AdminChange::Agent { .. } => Event::AgentChanged,
            AdminChange::TokenIssued { .. } => Event::TokenIssued,
            AdminChange::TokenRevoked { .. } => Event::TokenRevoked,
            AdminChange::Resumed { .. } => Event::HaltResumed,
            AdminChange::WitnessEnrolled { .. } => Event::WitnessEnrolled,
            AdminChange::Epoch { .. } => Event::LogEpoch,
        }
    }

    /// What it must be signed for.
    pub fn purpose(&self) -> Purpose {
        if matches!(self, AdminChange::WitnessEnrolled { .. }) { Purpose::Witness } else { Purpose::Admin }
    }

    fn to_value(&self) -> Value {
        let name = |id: &PrincipalId| Value::from(id.as_str());
        let set = |items: &BTreeSet<String>| c1::list(items);
        match self {
            AdminChange::Person { person, roles, active, attributes } => c1::map([
                ("person", name(person)),
                ("roles", set(roles)),
                ("active", (*active).into()),
                ("attributes", attributes.clone().into()),
            ]),
            AdminChange::KeyEnrolled { person, key, valid_after, valid_before } => {
                c1::map([("person", name(person)), ("public_key", key.line().into())])
                    .with_some("valid_after", *valid_after)
                    .with_some("valid_before", *valid_before)
            }
            AdminChange::KeyRevoked { person, fingerprint } => {
                c1::map([("person", name(person)), ("fingerprint", fingerprint.into())])
            }
            AdminChange::Agent { agent, owner, standing, attributes } => c1::map([
                ("agent", name(agent)),
                ("owner", name(owner)),
                ("standing", standing.word().into()),
                ("attributes", attributes.clone().into()),
            ]),
            AdminChange::TokenIssued { token, principal, scopes, expires_at } => {
                c1::map([("token", token.into()), ("principal", name(principal)), ("scopes", set(scopes))])
                    .with_some("expires_at", *expires_at)
            }
            AdminChange::TokenRevoked { token, principal } => {
                c1::map([("token", token.into()), ("principal", name(principal))])
            }
            AdminChange::Resumed { agent, note } => {
                c1::map([("note", note.into())]).with_some("agent", agent.as_ref().map(PrincipalId::as_str))
            }
            AdminChange::WitnessEnrolled { person, key } => {
                c1::map([("person", name(person)), ("verifier_key", key.to_string().into())])
            }
            AdminChange::Epoch { epoch, head, note } => {
                c1::map([("epoch", (*epoch).into()), ("head", head.to_value()), ("note", note.into())])
            }
        }
    }

    fn parse(event: Event, mut fields: Fields<'_>) -> Result<AdminChange, FormError> {
        let name = "a name";
        let change = match event {
            Event::PersonChanged => AdminChange::Person {
                person: fields.exact("person", name)?,
                roles: fields.set("roles")?,
                active: fields.exact("active", "`true` or `false`")?,
                attributes: fields.texts("attributes")?,
            },
            Event::KeyEnrolled => AdminChange::KeyEnrolled {
                person: fields.exact("person", name)?,
                key: public_key(&mut fields)?,
                valid_after: fields.optional_exact("valid_after", TIME)?,
                valid_before: fields.optional_exact("valid_before", TIME)?,
            },
            Event::KeyRevoked => AdminChange::KeyRevoked {
                person: fields.exact("person", name)?,
                fingerprint: fields.text("fingerprint")?.to_owned(),
            },
            Event::AgentChanged => AdminChange::Agent {
                agent: fields.exact("agent", name)?,
                owner: fields.exact("owner", name)?,
                standing: standing(&mut fields)?,
                attributes: fields.texts("attributes")?,
            },
            Event::TokenIssued => AdminChange::TokenIssued {
                token: fields.text("token")?.to_owned(),
                principal: fields.exact("principal", name)?,
                scopes: fields.set("scopes")?,
                expires_at: fields.optional_exact("expires_at", TIME)?,
            },
            Event::TokenRevoked => AdminChange::TokenRevoked {
                token: fields.text("token")?.to_owned(),
                principal: fields.exact("principal", name)?,
            },
            Event::HaltResumed => AdminChange::Resumed {
                agent: fields.optional_exact("agent", name)?,
                note: fields.text("note")?.to_owned(),
            },
            Event::WitnessEnrolled => AdminChange::WitnessEnrolled {
                person: fields.exact("person", name)?,
                key: fields.exact("verifier_key", "a verifier key of type 4")?,
            },
            Event::LogEpoch => AdminChange::Epoch {
                epoch: fields.exact("epoch", "a plain number")?,
                head: Seen::parse(fields.object("head")?)?,
                note: fields.text("note")?.to_owned(),
            },
            _ => {
                return Err(FormError::Wrong {
                    field: "event".to_owned(),
                    expected: "an administrative event",
                });
            }
        };
        fields.end()?;
        Ok(change)
    }
}

impl Standing {
    pub fn word(self) -> &'static str {
        match self {
            Standing::Active => "active",
            Standing::Suspended => "suspended",
            Standing::Revoked => "revoked",
        }
    }
}

const TIME: &str = "a time in UTC, as `2026-05-30T02:14:09Z`";

/// `https://ORG/dock/admin/v1`.
fn type_of(org: &str) -> String {
    format!("https://{org}/dock/admin/v1")
}

fn org(text: &str) -> Option<String> {
    let org = text.strip_prefix("https://")?.strip_suffix("/dock/admin/v1")?;
    is_domain(org).then(|| org.to_owned())
}

fn public_key(fields: &mut Fields<'_>) -> Result<PublicKey, FormError> {
    let line = fields.text("public_key")?;
    let key = PublicKey::parse(line).ok().filter(|key| key.line() == line);
    key.ok_or_else(|| fields.wrong("public_key", "an accepted key's type and base64"))
}

fn standing(fields: &mut Fields<'_>) -> Result<Standing, FormError> {
    let text = fields.text("standing")?;
    let all = [Standing::Active, Standing::Suspended, Standing::Revoked];
    let found = all.into_iter().find(|standing| standing.word() == text);
    found.ok_or_else(|| fields.wrong("standing", "active, suspended or revoked"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::note::{KeyUse, NoteKey};
    use crate::audit::private_key::PrivateKey;
    use crate::row::Digest;

    #[test]
    fn every_change_travels() {
        let (sarah, argus) = (|| "sarah".parse().unwrap(), || "argus".parse().unwrap());
        let seen = Seen { origin: "example.com/dock".into(), root: Digest::of(""), size: 0 };
        let at = Some("2026-05-30T02:14:09Z".parse().unwrap());
        let key = PrivateKey::from_seed(&[1; 32], "").unwrap().public().clone();
        let witness = NoteKey::from_seed("w", KeyUse::Witness, &[1; 32]).unwrap().public().clone();
        let (set, map) = (
            || BTreeSet::from(["a".to_owned(), "b".to_owned()]),
            || BTreeMap::from([("k".to_owned(), "v".to_owned())]),
        );
        for change in [
            AdminChange::Person { person: sarah(), roles: set(), active: true, attributes: map() },
            AdminChange::KeyEnrolled {
                person: sarah(),
                key: key.clone(),
                valid_after: None,
                valid_before: at,
            },
            AdminChange::KeyRevoked { person: sarah(), fingerprint: key.fingerprint() },
            AdminChange::Agent {
                agent: argus(),
                owner: sarah(),
                standing: Standing::Suspended,
                attributes: map(),
            },
            AdminChange::TokenIssued {
                token: "t1".into(),
                principal: argus(),
                scopes: set(),
                expires_at: at,
            },
            AdminChange::TokenRevoked { token: "t1".into(), principal: argus() },
            AdminChange::Resumed { agent: None, note: "all is well".into() },
            AdminChange::Resumed { agent: Some(argus()), note: "all is well".into() },
            AdminChange::WitnessEnrolled { person: sarah(), key: witness },
            AdminChange::Epoch { epoch: 2, head: seen.clone(), note: "disk lost".into() },
        ] {
            let id = DecisionId::new(1, [2; 10]);
            let made_at = "2026-05-30T02:14:09Z".parse().unwrap();
            let one = AdminStatement {
                org: "example.com".into(),
                id,
                by: sarah(),
                made_at,
                seen: seen.clone(),
                change,
            };
            let bytes = one.to_bytes();
            assert_eq!(AdminStatement::parse(&bytes), Ok(one));
            let text = String::from_utf8(bytes).unwrap();
            let odd = text.replacen(r#""change":{"#, r#""change":{"!":"1","#, 1);
            assert_eq!(AdminStatement::parse(odd.as_bytes()), Err(FormError::Unknown("change.!".into())));
        }
    }
}
