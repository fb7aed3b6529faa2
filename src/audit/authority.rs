//! Who held which key when, by replaying the administrative leaves in their order.
//!
//! The chain begins at leaf 0: a `key.enrolled` that is signed by the very key it enrols, which becomes the first
//! administrator's (and must be among the pinned ones, where some are pinned). Every later administrative leaf is
//! signed by a key of an administrator that is valid at that leaf. What is refused changes nothing.
//!
//! ## Design notes
//! The time that counts for a key is its leaf's `at`: not the statement's, not anybody's clock. A person who is no
//! longer active loses all keys for good; coming back means enrolling again, so that each line of `allowed_signers`
//! has one beginning and one end.
//!
//! Never: a key, a role or an agent that no signed leaf gave.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use jiff::Timestamp;

use crate::audit::admin::{ADMIN, AdminChange, AdminStatement, Standing};
use crate::audit::fields::FormError;
use crate::audit::leaf::Leaf;
use crate::audit::note::{KeyUse, VerifierKey};
use crate::audit::sshsig::{PublicKey, Purpose, SigError, Verified};
use crate::row::{Attributes, DecisionId, Event, PrincipalId, PrincipalKind};

/// Why a signature counts for nothing, or an administrative leaf changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthorityError {
    #[error("the statement: {0}")]
    Form(#[from] FormError),
    #[error("the leaf carries no statement and signature")]
    Unsigned,
    #[error("the statement speaks of another {0} than its leaf")]
    Differs(&'static str),
    #[error("the statement {0} was said before")]
    Repeated(DecisionId),
    #[error("{0} is not an administrator")]
    NotAdmin(PrincipalId),
    #[error("{0} has no valid key")]
    NoKey(PrincipalId),
    #[error("{person}: {error}")]
    Signature { person: PrincipalId, error: SigError },
    #[error("the first administrator's key is none of those that are pinned")]
    NotPinned,
    #[error("a second administrator has to sign this, and none did")]
    SecondNeeded,
    #[error("{0}")]
    Impossible(&'static str),
}

/// A key of a person, from one leaf to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrolment {
    pub key: Arc<PublicKey>,
    pub leaf: u64,
    pub valid_after: Timestamp,
    pub valid_before: Option<Timestamp>,
    /// The leaf that ended it.
    pub ended: Option<u64>,
}

/// A person, as the leaves so far describe them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Person {
    pub active: bool,
    pub roles: BTreeSet<String>,
    pub attributes: BTreeMap<String, String>,
    pub keys: Vec<Enrolment>,
    was_admin: bool,
}

/// An agent, as the leaves so far describe it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    pub owner: PrincipalId,
    pub standing: Standing,
    pub attributes: BTreeMap<String, String>,
}

/// What the leaves so far say about people, keys and agents.
#[derive(Clone, Debug)]
pub struct Authority {
    org: String,
    origin: String,
    pinned: Option<Vec<PublicKey>>,
    people: BTreeMap<PrincipalId, Person>,
    agents: BTreeMap<PrincipalId, Agent>,
    witnesses: Vec<(PrincipalId, VerifierKey)>,
    said: HashSet<DecisionId>,
}

/// Public keys from a file for `--admins`: one a line, with or without a name before or a comment after it.
pub fn parse_admins(text: &str) -> Result<Vec<PublicKey>, SigError> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let words: Vec<&str> = line.split_ascii_whitespace().collect();
            let key = |pair: &[&str]| PublicKey::parse(&pair.join(" "));
            words.windows(2).find_map(|pair| key(pair).ok()).ok_or(SigError::KeyLine)
        })
        .collect()
}

impl Authority {
    /// Before the first leaf. `pinned` are the keys that the first administrator's must be among.
    pub fn new(org: &str, pinned: Option<Vec<PublicKey>>) -> Authority {
        Authority {
            org: org.to_owned(),
            origin: format!("{org}/dock"),
            pinned,
            people: BTreeMap::new(),
            agents: BTreeMap::new(),
            witnesses: Vec::new(),
            said: HashSet::new(),
        }
    }

    pub fn org(&self) -> &str {
        &self.org
    }

    pub fn people(&self) -> &BTreeMap<PrincipalId, Person> {
        &self.people
    }

    pub fn agents(&self) -> &BTreeMap<PrincipalId, Agent> {
        &self.agents
    }

    pub fn owner(&self, agent: &PrincipalId) -> Option<&PrincipalId> {
        self.agents.get(agent).map(|agent| &agent.owner)
    }

    pub fn witnesses(&self) -> impl Iterator<Item = &VerifierKey> {
        self.witnesses.iter().map(|(_, key)| key)
    }

    /// What was true of somebody, with the roles that administrators have given them by now.
    pub fn with_roles(&self, person: &PrincipalId, then: &Attributes) -> Attributes {
        let mut attributes = then.clone();
        attributes.remove("role");
        let roles = self.people.get(person).filter(|person| person.active).map(|person| &person.roles);
        if let Some(roles) = roles.filter(|roles| !roles.is_empty()) {
            attributes.insert("role".to_owned(), roles.iter().cloned().collect());
        }
        attributes
    }

    /// No leaf so far took this key from them.
    pub fn still_has(&self, person: &PrincipalId, key_blob: &[u8]) -> bool {
        let keys = self.people.get(person).filter(|person| person.active).map(|person| &person.keys);
        keys.into_iter().flatten().any(|key| key.ended.is_none() && key.key.blob() == key_blob)
    }

    pub fn is_admin(&self, person: &PrincipalId) -> bool {
        self.people.get(person).is_some_and(|person| person.active && person.roles.contains(ADMIN))
    }

    /// The keys of a person that are valid now, after the leaves so far, at a leaf's time.
    pub fn keys<'a>(&'a self, person: &PrincipalId, at: Timestamp) -> impl Iterator<Item = &'a Enrolment> {
        let person = self.people.get(person).filter(|person| person.active);
        person.into_iter().flat_map(|person| &person.keys).filter(move |key| key.is_valid(at))
    }

    /// Checks a person's signature at this point of the log. `at` is the time of the leaf that carries it.
    pub fn verify(
        &self,
        person: &PrincipalId,
        purpose: Purpose,
        message: &[u8],
        armored: &str,
        at: Timestamp,
    ) -> Result<(Verified, &Enrolment), AuthorityError> {
        let mut error = AuthorityError::NoKey(person.clone());
        for enrolment in self.keys(person, at) {
            match enrolment.key.verify(&purpose.namespace(&self.org), message, armored) {
                Ok(verified) => return Ok((verified, enrolment)),
                Err(SigError::OtherKey) => {}
                Err(why) => error = AuthorityError::Signature { person: person.clone(), error: why },
            }
        }
        Err(error)
    }

    /// Takes one leaf, in the log's order. Gives the statement of an administrative leaf; others change nothing here.
    pub fn apply(&mut self, index: u64, leaf: &Leaf) -> Result<Option<AdminStatement>, AuthorityError> {
        if !is_administrative(leaf.event) {
            return Ok(None);
        }
        let statement = self.check(index, leaf)?;
        self.change(index, leaf.at, &statement.change)?;
        self.said.insert(statement.id.clone());
        Ok(Some(statement))
    }

    /// Whether an administrative leaf would be taken: signed by whom it must be, about this log, and new.
    pub fn check(&self, index: u64, leaf: &Leaf) -> Result<AdminStatement, AuthorityError> {
        let (text, signature) = leaf.signed().ok_or(AuthorityError::Unsigned)?;
        let statement = AdminStatement::parse(text.as_bytes())?;
        let human = leaf.actor.kind == PrincipalKind::Human;
        for (differs, what) in [
            (statement.org != self.org, "organisation"),
            (statement.seen.origin != self.origin, "log"),
            (statement.change.event() != leaf.event, "event"),
            (statement.by != leaf.actor.id || !human, "person"),
        ] {
            if differs {
                return Err(AuthorityError::Differs(what));
            }
        }
        if self.said.contains(&statement.id) {
            return Err(AuthorityError::Repeated(statement.id));
        }
        let message = text.as_bytes();
        if index == 0 && self.people.is_empty() {
            self.check_first(&statement, message, signature)?;
            return Ok(statement);
        }
        if let AdminChange::WitnessEnrolled { person, .. } = &statement.change {
            if *person != statement.by {
                return Err(AuthorityError::Differs("person"));
            }
        } else if !self.is_admin(&statement.by) {
            return Err(AuthorityError::NotAdmin(statement.by));
        }
        self.verify(&statement.by, statement.change.purpose(), message, signature, leaf.at)?;
        if leaf.event == Event::LogEpoch {
            self.check_second(leaf, &statement.by, message)?;
        }
        Ok(statement)
    }

    /// The lines that `ssh-keygen -Y verify -f` takes, for all keys that ever were: sorted, each with its beginning
    /// and end in whole seconds.
    pub fn allowed_signers(&self) -> String {
        let mut lines = Vec::new();
        for (id, person) in &self.people {
            let purposes = [Purpose::Admin, Purpose::Decision, Purpose::Login, Purpose::Witness];
            let purposes =
                purposes.into_iter().filter(|&purpose| purpose != Purpose::Admin || person.was_admin);
            let namespaces: Vec<String> = purposes.map(|purpose| purpose.namespace(&self.org)).collect();
            for key in &person.keys {
                let until = key.valid_before.map(|at| format!(",valid-before=\"{}\"", whole_seconds(at)));
                lines.push(format!(
                    "{id} namespaces=\"{}\",valid-after=\"{}\"{} {}\n",
                    namespaces.join(","),
                    whole_seconds(key.valid_after),
                    until.unwrap_or_default(),
                    key.key.line()
                ));
            }
        }
        lines.sort_unstable();
        lines.concat()
    }

    fn check_first(
        &self,
        first: &AdminStatement,
        message: &[u8],
        armored: &str,
    ) -> Result<(), AuthorityError> {
        let AdminChange::KeyEnrolled { person, key, .. } = &first.change else {
            return Err(AuthorityError::Impossible(
                "the log does not begin with the first administrator's key",
            ));
        };
        if *person != first.by {
            return Err(AuthorityError::Differs("person"));
        }
        if self.pinned.as_ref().is_some_and(|pinned| !pinned.contains(key)) {
            return Err(AuthorityError::NotPinned);
        }
        let signed = key.verify(&Purpose::Admin.namespace(&self.org), message, armored);
        signed.map(drop).map_err(|error| AuthorityError::Signature { person: person.clone(), error })
    }

    /// An epoch takes two administrators, where there are two.
    fn check_second(&self, leaf: &Leaf, first: &PrincipalId, message: &[u8]) -> Result<(), AuthorityError> {
        let can_sign = |id: &&PrincipalId| self.is_admin(id) && self.keys(id, leaf.at).next().is_some();
        if self.people.keys().filter(can_sign).count() < 2 {
            return Ok(());
        }
        let second = leaf.body.get("second").ok_or(AuthorityError::SecondNeeded)?;
        let by = second.text("by").and_then(|by| by.parse::<PrincipalId>().ok());
        let (Some(by), Some(armored)) = (by, second.text("signature")) else {
            return Err(AuthorityError::SecondNeeded);
        };
        if by == *first {
            return Err(AuthorityError::SecondNeeded);
        }
        if !self.is_admin(&by) {
            return Err(AuthorityError::NotAdmin(by));
        }
        self.verify(&by, Purpose::Admin, message, armored, leaf.at).map(drop)
    }

    fn change(&mut self, index: u64, at: Timestamp, change: &AdminChange) -> Result<(), AuthorityError> {
        match change {
            AdminChange::Person { person, roles, active, attributes } => {
                let entry = self.people.entry(person.clone()).or_default();
                entry.roles.clone_from(roles);
                entry.attributes.clone_from(attributes);
                entry.active = *active;
                entry.was_admin |= roles.contains(ADMIN);
                if !active {
                    self.leave(index, at, person);
                }
            }
            AdminChange::KeyEnrolled { person, key, valid_after, valid_before } => {
                self.enrol(index, at, person, key, (*valid_after, *valid_before))?;
            }
            AdminChange::KeyRevoked { person, fingerprint } => {
                let keys = self.people.get_mut(person).into_iter().flat_map(|person| &mut person.keys);
                let mut live =
                    keys.filter(|key| key.ended.is_none() && key.key.fingerprint() == *fingerprint);
                live.next()
                    .ok_or(AuthorityError::Impossible("there is no such key to revoke"))?
                    .end(index, at);
            }
            AdminChange::Agent { agent, owner, standing, attributes } => {
                if !self.people.get(owner).is_some_and(|owner| owner.active) {
                    return Err(AuthorityError::Impossible("the agent's owner is not an active person"));
                }
                let attributes = attributes.clone();
                let new = Agent { owner: owner.clone(), standing: *standing, attributes };
                self.agents.insert(agent.clone(), new);
            }
            AdminChange::WitnessEnrolled { person, key } => {
                if key.usage() != KeyUse::Witness {
                    return Err(AuthorityError::Impossible("a witness's key is of type 4"));
                }
                self.witnesses.push((person.clone(), key.clone()));
            }
            AdminChange::TokenIssued { .. }
            | AdminChange::TokenRevoked { .. }
            | AdminChange::Resumed { .. }
            | AdminChange::Epoch { .. } => {}
        }
        Ok(())
    }

    fn enrol(
        &mut self,
        index: u64,
        at: Timestamp,
        person: &PrincipalId,
        key: &PublicKey,
        (valid_after, valid_before): (Option<Timestamp>, Option<Timestamp>),
    ) -> Result<(), AuthorityError> {
        let live = |enrolment: &Enrolment| enrolment.ended.is_none() && *enrolment.key == *key;
        if self.people.values().flat_map(|person| &person.keys).any(live) {
            return Err(AuthorityError::Impossible("this key is enrolled already"));
        }
        let is_first = self.people.is_empty();
        if is_first {
            let roles = BTreeSet::from([ADMIN.to_owned()]);
            let admin = Person { active: true, was_admin: true, roles, ..Person::default() };
            self.people.insert(person.clone(), admin);
        }
        let known = self.people.get_mut(person).filter(|person| person.active);
        let known = known.ok_or(AuthorityError::Impossible("the key's owner is not an active person"))?;
        let valid_after = valid_after.map_or(at, |after| after.max(at));
        let key = Arc::new(key.clone());
        known.keys.push(Enrolment { key, leaf: index, valid_after, valid_before, ended: None });
        Ok(())
    }

    fn leave(&mut self, index: u64, at: Timestamp, person: &PrincipalId) {
        for key in self.people.get_mut(person).into_iter().flat_map(|person| &mut person.keys) {
            if key.ended.is_none() {
                key.end(index, at);
            }
        }
        for agent in self.agents.values_mut().filter(|agent| agent.owner == *person) {
            agent.standing = agent.standing.max(Standing::Suspended);
        }
    }
}

impl Enrolment {
    /// Whether it counts at a leaf's time, unless a leaf ended it.
    pub fn is_valid(&self, at: Timestamp) -> bool {
        let begun = self.valid_after <= at;
        let over = self.ended.is_some() || self.valid_before.is_some_and(|before| before <= at);
        begun && !over
    }

    fn end(&mut self, index: u64, at: Timestamp) {
        self.ended = Some(index);
        self.valid_before = Some(self.valid_before.map_or(at, |before| before.min(at)));
    }
}

/// Whether an event changes who may do what, so that its leaf carries a signed statement.
pub fn is_administrative(event: Event) -> bool {
    matches!(
        event,
        Event::PersonChanged
            | Event::KeyEnrolled
            | Event::KeyRevoked
            | Event::AgentChanged
            | Event::TokenIssued
            | Event::TokenRevoked
            | Event::HaltResumed
            | Event::WitnessEnrolled
            | Event::LogEpoch
    )
}

/// `20260530021409Z`: ssh-keygen reads times without `Z` in the machine's own zone.
fn whole_seconds(at: Timestamp) -> String {
    at.strftime("%Y%m%d%H%M%SZ").to_string()
}
