//! Who may do what, replayed from the record: people, keys, agents, tokens, halts.
//!
//! What was replayed is kept and only what came since is read. A commit names the authority's version that it was
//! computed from, so that what is kept here can be old but never wrong.
//! Never: a word that no leaf says.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
};

use jiff::Timestamp;

use crate::{
    audit::{
        admin::{AdminChange, AdminStatement},
        authority::Authority,
        leaf::Leaf,
    },
    lifecycle::Ruling,
    row::{Digest, Event, PrincipalId},
    store::{self, Leaves, Store, StoreError},
    wire::Halted,
};

/// As of one entry of the log.
#[derive(Debug, Clone)]
pub(super) struct Standing {
    /// How many entries moved it: what a commit names.
    pub(super) version: u64,
    /// The first entry that was not looked at.
    next: u64,
    pub(super) authority: Authority,
    /// By the token's hash.
    pub(super) tokens: BTreeMap<Digest, Issued>,
    /// All, or one agent.
    halts: BTreeMap<Option<PrincipalId>, Halted>,
}

/// A token that was issued and not revoked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Issued {
    pub(super) principal: PrincipalId,
    pub(super) scopes: BTreeSet<String>,
    pub(super) expires_at: Option<Timestamp>,
}

impl Standing {
    pub(super) fn new(authority: Authority) -> Self {
        Self { version: 0, next: 0, authority, tokens: BTreeMap::new(), halts: BTreeMap::new() }
    }

    /// The halt that stands over everything.
    pub(super) fn halted(&self) -> Option<&Halted> {
        self.halts.get(&None)
    }

    /// The halts that stand over single agents.
    pub(super) fn halted_agents(&self) -> BTreeMap<PrincipalId, Halted> {
        let of_agents = self.halts.iter().filter_map(|(agent, halt)| Some((agent.clone()?, halt.clone())));
        of_agents.collect()
    }

    /// The halt that an agent stands under.
    pub(super) fn halted_agent(&self, agent: &PrincipalId) -> Option<&Halted> {
        self.halted().or_else(|| self.halts.get(&Some(agent.clone())))
    }

    /// What stands in force around a row of this agent.
    pub(super) fn ruling(&self, agent: &PrincipalId) -> Ruling {
        Ruling { halted: self.halted_agent(agent).map(|halt| (halt.by.clone(), halt.note.clone())) }
    }

    /// Takes one entry that moves the authority.
    pub(super) fn take(&mut self, index: u64, leaf: &Leaf) {
        self.version += 1;
        self.next = index + 1;
        match self.authority.apply(index, leaf) {
            Ok(Some(statement)) => self.change(&statement),
            Ok(None) if leaf.event == Event::Halt => {
                let agent = leaf.body.text("agent").and_then(|agent| agent.parse().ok());
                let note = leaf.body.text("note").unwrap_or_default().to_owned();
                self.halts.insert(agent, Halted { by: leaf.actor.id.clone(), at: leaf.at, note });
            }
            Ok(None) => {}
            Err(error) => tracing::error!(index, %error, "an administrative entry counts for nothing"),
        }
    }

    fn change(&mut self, statement: &AdminStatement) {
        match &statement.change {
            AdminChange::TokenIssued { token, principal, scopes, expires_at } => {
                if let Ok(hash) = token.parse() {
                    let (principal, scopes) = (principal.clone(), scopes.clone());
                    self.tokens.insert(hash, Issued { principal, scopes, expires_at: *expires_at });
                }
            }
            AdminChange::TokenRevoked { token, .. } => {
                if let Ok(hash) = token.parse::<Digest>() {
                    self.tokens.remove(&hash);
                }
            }
            AdminChange::Resumed { agent, .. } => {
                self.halts.remove(agent);
            }
            AdminChange::Person { .. }
            | AdminChange::KeyEnrolled { .. }
            | AdminChange::KeyRevoked { .. }
            | AdminChange::Agent { .. }
            | AdminChange::WitnessEnrolled { .. }
            | AdminChange::Epoch { .. } => {}
        }
    }
}

/// The newest standing, and the log's size when it was looked at last.
#[derive(Debug)]
pub(super) struct Standings(Mutex<(Arc<Standing>, Option<u64>)>);

impl Standings {
    pub(super) fn new(authority: Authority) -> Self {
        Self(Mutex::new((Arc::new(Standing::new(authority)), None)))
    }

    pub(super) async fn newest(&self, store: &dyn Store) -> Result<Arc<Standing>, StoreError> {
        let size = *store.grown().borrow();
        let (kept, seen) = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if seen == Some(size) {
            return Ok(kept);
        }
        let leaves = store.leaves(Leaves::Authority { from: kept.next }).await?;
        let newest = if leaves.is_empty() { kept } else { Arc::new(advanced(&kept, &leaves)?) };
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if newest.version >= held.0.version {
            *held = (Arc::clone(&newest), Some(size));
        }
        Ok(newest)
    }
}

fn advanced(kept: &Standing, leaves: &[store::Leaf]) -> Result<Standing, StoreError> {
    let mut next = kept.clone();
    for leaf in leaves {
        let damaged = |error| StoreError::Damaged(format!("entry {}: {error}", leaf.index));
        next.take(leaf.index, &Leaf::parse(&leaf.bytes).map_err(damaged)?);
    }
    Ok(next)
}
