//! A small, true log for tests: an administrator, three people, an agent, a witness, and rows of every fate.
//!
//! Never: an invented signature; everything is signed as the programs would.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::admin::{AdminChange, AdminStatement, Standing};
use super::leaf::{Actor, Leaf};
use super::merkle::Tree;
use super::note::{self, Checkpoint, KeyUse, NoteKey};
use super::pack::{self, Files, Source};
use super::private_key::PrivateKey;
use super::sshsig::Purpose;
use super::statement::{Seen, Statement};
use crate::row::c1::{self, Value};
use crate::row::{Decision, DecisionId, Digest, Event, PrincipalId, PrincipalKind, RowId};

pub(super) const ORG: &str = "example.com";
pub(super) const PEOPLE: [&str; 4] = ["admin", "govind", "priya", "sarah"];

/// A log that grows leaf by leaf.
pub(super) struct Log {
    pub(super) key: NoteKey,
    pub(super) witness: NoteKey,
    pub(super) leaves: Vec<Leaf>,
    pub(super) bytes: Vec<Vec<u8>>,
    pub(super) tree: Tree,
    pub(super) blobs: BTreeMap<Digest, Vec<u8>>,
    ids: u64,
}

pub(super) fn key_of(person: &str) -> PrivateKey {
    PrivateKey::from_seed(&Digest::of(person).0, person).unwrap()
}

fn id(name: &str) -> PrincipalId {
    name.parse().unwrap()
}

impl Log {
    pub(super) fn new() -> Log {
        Log {
            key: NoteKey::from_seed("example.com/dock", KeyUse::Log, &[3; 32]).unwrap(),
            witness: NoteKey::from_seed("example.com/dock/witness/sarah", KeyUse::Witness, &[4; 32]).unwrap(),
            leaves: Vec::new(),
            bytes: Vec::new(),
            tree: Tree::default(),
            blobs: BTreeMap::new(),
            ids: 0,
        }
    }

    /// People, keys, an agent and a witness.
    pub(super) fn with_people() -> Log {
        let mut log = Log::new();
        let key = |person: &str| key_of(person).public().clone();
        for person in PEOPLE {
            if person != "admin" {
                let roles = BTreeSet::from(["reviewer".to_owned()]);
                let attributes = BTreeMap::from([("team".to_owned(), "payments".to_owned())]);
                log.admin(
                    "admin",
                    AdminChange::Person { person: id(person), roles, active: true, attributes },
                );
            }
            let person = id(person);
            let key = key(person.as_str());
            log.admin(
                "admin",
                AdminChange::KeyEnrolled { person, key, valid_after: None, valid_before: None },
            );
        }
        let (agent, owner) = (id("argus"), id("admin"));
        let attributes = BTreeMap::new();
        log.admin("admin", AdminChange::Agent { agent, owner, standing: Standing::Active, attributes });
        let key = log.witness.public().clone();
        log.admin("sarah", AdminChange::WitnessEnrolled { person: id("sarah"), key });
        log
    }

    /// People and rows: approved and executed, declined, two keys, withdrawn, by policy.
    pub(super) fn full() -> Log {
        let mut log = Log::with_people();
        let one = log.open("sync-8821", 1);
        let two = log.open("sync-8822", 1);
        let yes = log.decide("govind", one, Decision::Approve, 1, "read the whole diff first");
        log.decide("sarah", two, Decision::Decline, 1, "Manual mitigation of INC-771 stays. <b>\u{202e}");
        log.execute(one, &[&yes]);
        let three = log.open("sync-8823", 2);
        log.decide("govind", three, Decision::Approve, 2, "one");
        log.decide("govind", three, Decision::Withdraw, 2, "");
        let first = log.decide("sarah", three, Decision::Approve, 2, "two");
        let second = log.decide("priya", three, Decision::Approve, 2, "three");
        log.execute(three, &[&first, &second]);
        let four = log.open("sync-8824", 1);
        let body = c1::map([("policy", "staging-patch".into())]);
        log.row_leaf(("staging-patch", PrincipalKind::Policy), four, Event::PolicyDecided, body.clone());
        log.row_leaf(("system", PrincipalKind::System), four, Event::ExecutionIntended, body);
        let fingerprint = key_of("priya").public().fingerprint();
        log.admin("admin", AdminChange::KeyRevoked { person: id("priya"), fingerprint });
        log
    }

    pub(super) fn seen(&self) -> Seen {
        // As a console that is a little behind would have it.
        let size = self.tree.size() - self.tree.size() % 3;
        let root = super::merkle::root(size, |level, index| self.tree.node(level, index)).unwrap();
        Seen { origin: "example.com/dock".into(), root: Digest(root), size }
    }

    pub(super) fn now(&self) -> Timestamp {
        let start: Timestamp = "2026-05-30T02:14:09.25Z".parse().unwrap();
        start + SignedDuration::from_millis(700) * i32::try_from(self.leaves.len()).unwrap()
    }

    pub(super) fn push(&mut self, leaf: Leaf) -> u64 {
        let bytes = leaf.to_bytes();
        self.tree.push(&bytes);
        self.bytes.push(bytes);
        self.leaves.push(leaf);
        self.tree.size() - 1
    }

    pub(super) fn next_id(&mut self) -> DecisionId {
        self.ids += 1;
        DecisionId::new(self.ids, [9; 10])
    }

    pub(super) fn admin_leaf(&mut self, by: &str, change: AdminChange) -> Leaf {
        let (event, purpose) = (change.event(), change.purpose());
        let statement = AdminStatement {
            org: ORG.into(),
            id: self.next_id(),
            by: id(by),
            made_at: self.now(),
            seen: self.seen(),
            change,
        };
        let bytes = statement.to_bytes();
        let signature = key_of(by).sign(&purpose.namespace(ORG), &bytes).unwrap();
        let body = c1::map([
            ("signature", signature.into()),
            ("statement", String::from_utf8(bytes).unwrap().into()),
        ]);
        self.leaf((by, PrincipalKind::Human), event, body)
    }

    pub(super) fn admin(&mut self, by: &str, change: AdminChange) -> u64 {
        let leaf = self.admin_leaf(by, change);
        self.push(leaf)
    }

    pub(super) fn leaf(&self, (who, kind): (&str, PrincipalKind), event: Event, body: Value) -> Leaf {
        let actor = Actor { id: id(who), kind };
        Leaf { actor, at: self.now(), body, event, prev: None, revision: None, row: None }
    }

    pub(super) fn row_leaf(
        &mut self,
        who: (&str, PrincipalKind),
        row: RowId,
        event: Event,
        body: Value,
    ) -> u64 {
        let prev = self.leaves.iter().rposition(|leaf| leaf.row == Some(row)).map(|prev| prev as u64);
        let leaf = Leaf { row: Some(row), revision: Some(1), prev, ..self.leaf(who, event, body) };
        self.push(leaf)
    }

    pub(super) fn open(&mut self, row: &str, keys_needed: u64) -> RowId {
        self.open_asking(row, keys_needed, c1::map::<&str>([]))
    }

    /// A row of which more is asked than keys of anybody: `rule`, `touch`.
    pub(super) fn open_asking(&mut self, row: &str, keys_needed: u64, asked: Value) -> RowId {
        let diff = format!("--- {row}\n+++ {row}\n-replicas: 3\n+replicas: 4\n").into_bytes();
        let blob = Digest::of(&diff);
        self.blobs.insert(blob, diff);
        let body = c1::map([
            ("blobs", c1::list([blob])),
            ("content_sha256", Digest::of(row).into()),
            ("keys_needed", keys_needed.into()),
            ("verdict", "sync".into()),
        ]);
        let asked = asked.as_map().into_iter().flatten();
        let body = asked.fold(body, |body, (name, value)| body.with(name, value.clone()));
        let row = row.parse().unwrap();
        self.row_leaf(("argus", PrincipalKind::Agent), row, Event::RowOpened, body);
        row
    }

    pub(super) fn statement(&mut self, who: &str, row: RowId, decision: Decision, note: &str) -> Statement {
        Statement {
            org: ORG.into(),
            decision_id: self.next_id(),
            decision,
            row,
            revision: 1,
            reviewer: id(who),
            base: Digest::of("base"),
            content: Digest::of(row.to_string()),
            effect: Digest::of("effect"),
            evidence: Digest::of("evidence"),
            presented: Digest::of("presented"),
            conditions: BTreeMap::new(),
            note: note.into(),
            made_at: self.now(),
            offline: false,
            on_screen_s: 41,
            overrides: false,
            seen: self.seen(),
        }
    }

    pub(super) fn accept(&mut self, signer: &str, statement: &Statement, keys_needed: u64) -> String {
        self.accept_as(signer, statement, keys_needed, &[])
    }

    /// With what the server says was true of the reviewer.
    pub(super) fn accept_as(
        &mut self,
        signer: &str,
        statement: &Statement,
        keys_needed: u64,
        attributes: &[(&str, &str)],
    ) -> String {
        let bytes = statement.to_bytes();
        let signature = key_of(signer).sign(&Purpose::Decision.namespace(ORG), &bytes).unwrap();
        let body = c1::map([
            ("keys_needed", keys_needed.into()),
            ("signature", signature.into()),
            ("statement", String::from_utf8(bytes).unwrap().into()),
            ("touch", "unproven".into()),
        ]);
        let body = attributes.iter().fold(body, |body, (name, value)| body.with(name, *value));
        let who = (statement.reviewer.as_str(), PrincipalKind::Human);
        self.row_leaf(who, statement.row, Event::DecisionAccepted, body);
        statement.decision_id.to_string()
    }

    pub(super) fn decide(
        &mut self,
        who: &str,
        row: RowId,
        decision: Decision,
        needed: u64,
        note: &str,
    ) -> String {
        let statement = self.statement(who, row, decision, note);
        self.accept(who, &statement, needed)
    }

    pub(super) fn execute(&mut self, row: RowId, decisions: &[&str]) {
        let system = ("system", PrincipalKind::System);
        let body = c1::map([("decision", c1::list(decisions.iter().copied()))]);
        self.row_leaf(system, row, Event::ExecutionIntended, body);
        self.row_leaf(system, row, Event::ExecutionConfirmed, c1::map::<&str>([]));
    }

    pub(super) fn checkpoint(&self) -> String {
        let (size, root) = (self.tree.size(), self.tree.root());
        let head = Checkpoint { origin: "example.com/dock".into(), size, root };
        note::add_signature(&self.key.sign(size, root), &self.witness.cosign(&head, 1_780_107_300)).unwrap()
    }

    /// A pack of everything, or of one row.
    pub(super) fn pack(&self, row: Option<&str>) -> Files {
        let rows: BTreeSet<RowId> = row.iter().map(|row| row.parse().unwrap()).collect();
        let chosen = |leaf: &Leaf| row.is_none() || pack::belongs(leaf.event, leaf.row, &rows);
        let leaves: Vec<(u64, Vec<u8>)> = (0..)
            .zip(self.leaves.iter().zip(&self.bytes))
            .filter(|(_, (leaf, _))| chosen(leaf))
            .map(|(index, (_, bytes))| (index, bytes.clone()))
            .collect();
        let source = Source {
            what: "All of <it>",
            leaves: &leaves,
            checkpoint: &self.checkpoint(),
            log_key: self.key.public(),
            blobs: &self.blobs,
        };
        pack::build(&source, |level, index| self.tree.node(level, index)).unwrap()
    }
}
