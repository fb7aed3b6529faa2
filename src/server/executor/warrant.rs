//! The right to write once: made from the record's leaves alone, and needed by the only hand that writes.
//!
//! Signatures, the chain of administrators, thresholds, policy and authority are checked anew; what a row says about
//! itself is compared with that and never believed.
//! Never: a [`Warrant`] from a flag; a write without one.

use std::{collections::BTreeSet, sync::Arc};

use jiff::Timestamp;

use crate::{
    audit::{
        authority::Authority,
        leaf::Leaf,
        sshsig::{PublicKey, Purpose},
        statement::Statement,
        verify,
    },
    lifecycle::Ruling,
    platform::argocd::{Accepted, Actuator, AppKey, Pin, Source, SyncError, SyncRequest, Tag, sync_body},
    policy::{Asker, Engine, Permission, Review, RowFacts, Tally, Vote, Wish, count},
    row::{
        Attributes, Base, Decision, DecisionId, Digest, Draft, Effect, Event, Row, RowId, Touch, c1,
        stage::Approval,
        sync::{SyncBase, SyncEffect},
    },
};

/// What a leaf's body says beside a reviewer's attributes.
const NOT_ATTRIBUTES: [&str; 15] = [
    "decision_id",
    "decision",
    "reviewer",
    "override",
    "key",
    "touch",
    "keys_needed",
    "statement",
    "signature",
    "from",
    "to",
    "void",
    "code",
    "log",
    "offline",
];

/// That this row's sync was decided, by whom it needed, over exactly this.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Warrant {
    row: RowId,
    tag: DecisionId,
    effect: SyncEffect,
    base: SyncBase,
}

/// Why there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NoWarrant {
    /// These keys count no more; the row waits for others.
    Void { decisions: Vec<DecisionId>, why: String },
    /// The record does not bear it out. Somebody has to look.
    NotProved(String),
}

/// What a warrant is made from: everything as it stands in the store.
pub(super) struct Case<'a> {
    pub(super) org: &'a str,
    pub(super) admins: Option<Vec<PublicKey>>,
    pub(super) engine: &'a Engine,
    pub(super) row: &'a Row,
    pub(super) approval: &'a Approval,
    pub(super) draft: &'a Draft,
    /// All leaves of the row and all that move the authority, in order.
    pub(super) leaves: &'a [(u64, Leaf)],
    /// An execution of the same drift failed before.
    pub(super) failed: bool,
    pub(super) now: Timestamp,
}

impl Warrant {
    pub(super) fn tag(&self) -> &DecisionId {
        &self.tag
    }

    pub(super) fn base(&self) -> &SyncBase {
        &self.base
    }

    pub(super) fn reviewed(&self) -> &[String] {
        &self.effect.revisions
    }

    pub(super) fn app(&self) -> AppKey {
        AppKey {
            name: self.effect.application.clone(),
            project: self.effect.project.clone(),
            namespace: None,
        }
    }

    /// What will be sent; `log` is the head that the intent made, as `SIZE ROOT16`.
    fn request(&self, auto_sync: bool, log: Option<&str>) -> SyncRequest {
        let tag = |name: &str, value: String| Tag { name: name.to_owned(), value };
        let mut tags =
            vec![tag("dock.row", self.row.to_string()), tag(super::plan::DECISION_TAG, self.tag.to_string())];
        tags.extend(log.map(|log| tag("dock.log", log.to_owned())));
        let pin = match self.effect.revisions.as_slice() {
            // ArgoCD takes no pin there; its answer is compared instead.
            _ if auto_sync => Pin::Target,
            [one] => Pin::Revision(one.clone()),
            many => Pin::Revisions(many.to_vec()),
        };
        SyncRequest { app: self.app(), pin, prune: self.effect.prune, resources: None, tags }
    }

    /// The digest that the intent names: of the whole request but `dock.log`, which names the intent's own entry.
    pub(super) fn request_digest(&self, auto_sync: bool) -> Digest {
        Digest::of(c1::sorted_json(&sync_body(&self.request(auto_sync, None))))
    }
}

/// The one hand that writes to ArgoCD.
pub(super) struct Hand(Actuator);

impl Hand {
    pub(super) fn new(actuator: Actuator) -> Self {
        Self(actuator)
    }

    pub(super) fn reads(&self) -> &Source {
        self.0.reads()
    }

    /// Asks for the sync that the warrant is about, once.
    pub(super) async fn sync(
        &self,
        warrant: &Warrant,
        auto_sync: bool,
        log: &str,
    ) -> Result<Accepted, SyncError> {
        self.0.sync(&warrant.request(auto_sync, Some(log))).await
    }

    /// Ends an operation that went another way than the warrant says.
    pub(super) async fn terminate(&self, warrant: &Warrant) -> Result<bool, crate::platform::PlatformError> {
        self.0.terminate(&warrant.app()).await
    }
}

/// What stands in force around rows of this agent, by the leaves.
pub(super) fn ruling(leaves: &[(u64, Leaf)], row: &Row) -> Ruling {
    let mut halted = None;
    for (_, leaf) in leaves {
        let change = leaf
            .body
            .text("statement")
            .and_then(|text| crate::audit::admin::AdminStatement::parse(text.as_bytes()).ok());
        match (leaf.event, change.map(|statement| statement.change)) {
            (Event::Halt, _) => {
                let agent = leaf.body.text("agent");
                if agent.is_none_or(|agent| agent == row.agent.as_str()) {
                    halted = Some((agent.map(str::to_owned), leaf));
                }
            }
            (Event::HaltResumed, Some(crate::audit::admin::AdminChange::Resumed { agent, .. })) => {
                let ends = |whom: &Option<String>| {
                    whom.as_deref() == agent.as_ref().map(crate::row::PrincipalId::as_str)
                };
                halted = halted.filter(|(whom, _)| !ends(whom));
            }
            _ => {}
        }
    }
    let said = |leaf: &Leaf| (leaf.actor.id.clone(), leaf.body.text("note").unwrap_or_default().to_owned());
    Ruling { halted: halted.map(|(_, leaf)| said(leaf)) }
}

/// Checks everything; `intent` is the leaf that would be the log's next.
pub(super) fn verify(case: &Case<'_>, intent: (u64, Leaf)) -> Result<Warrant, NoWarrant> {
    let unproved = |why: &str| NoWarrant::NotProved(why.to_owned());
    let Case { row, approval, draft, .. } = case;
    let digests = draft.digests(row.id, row.revision);
    if digests != row.digests || approval.effect != digests.effect {
        return Err(unproved("the stored draft is not what was decided on"));
    }
    let (Effect::Argocd(effect), Base::Sync(base)) = (&draft.effect, &draft.base) else {
        return Err(unproved("it is no sync"));
    };
    let proposed = case.leaves.iter().rev().find(|(_, leaf)| {
        leaf.row == Some(row.id) && matches!(leaf.event, Event::RowOpened | Event::RowRevised)
    });
    let logged = |name: &str| proposed.and_then(|(_, leaf)| leaf.body.text(name)).map(str::to_owned);
    for (name, digest) in [
        ("content_sha256", digests.content),
        ("base_sha256", digests.base),
        ("effect_sha256", digests.effect),
        ("evidence_sha256", digests.evidence),
        ("presented_sha256", digests.presented),
    ] {
        if logged(name) != Some(digest.to_string()) {
            return Err(unproved(&format!("the record names another {name} for this revision")));
        }
    }
    if logged("keys_needed") != Some(row.rule.keys_needed().to_string())
        || logged("risk").as_deref() != Some(row.risk.word())
    {
        return Err(unproved("the record names another rule for this row"));
    }
    let leaves = case.leaves.iter().cloned();
    verify::may_execute(case.org, case.admins.clone(), leaves, intent).map_err(|problems| {
        unproved(&problems.first().map_or_else(String::new, |problem| problem.text.clone()))
    })?;
    let tag = approval.decisions.last().cloned().ok_or_else(|| unproved("no decision is named"))?;
    match &approval.policy {
        Some(policy) => by_policy(case, policy)?,
        None => by_people(case)?,
    }
    Ok(Warrant { row: row.id, tag, effect: effect.clone(), base: base.clone() })
}

/// The policy that decided would decide the same now.
fn by_policy(case: &Case<'_>, policy: &str) -> Result<(), NoWarrant> {
    let of = RowFacts { row: case.row, facts: &case.draft.facts };
    let now = case.engine.decides(of, case.failed, case.now);
    if now.as_deref() == Some(policy) {
        return Ok(());
    }
    let why = format!("the policy {policy} no longer decides this row");
    Err(NoWarrant::Void { decisions: case.approval.decisions.clone(), why })
}

/// Each key is good, they are enough by the row's frozen rule, and their people may still decide.
fn by_people(case: &Case<'_>) -> Result<(), NoWarrant> {
    let Case { row, approval, .. } = case;
    let mut authority = Authority::new(case.org, case.admins.clone());
    let (mut reviews, mut counted, mut gone) = (Vec::new(), BTreeSet::new(), Vec::new());
    let mut statements = Vec::new();
    for (index, leaf) in case.leaves {
        // What the chain refuses changes nothing; `may_execute` has told where that matters.
        let _ = authority.apply(*index, leaf);
        if leaf.row != Some(row.id) || leaf.event != Event::DecisionAccepted {
            continue;
        }
        statements.push((signed(case, &authority, leaf)?, attributes(leaf)));
    }
    for ((statement, key), attributes) in &statements {
        let names = approval.decisions.contains(&statement.decision_id);
        let vote = match statement.decision {
            Decision::Approve if names => Vote::Approve,
            Decision::Decline
                if statement.revision == row.revision && stands(row, &statement.decision_id) =>
            {
                Vote::Decline
            }
            Decision::Approve | Decision::Decline | Decision::NeedsChanges | Decision::Withdraw => continue,
        };
        if names {
            same_words(case, statement)?;
            counted.insert(statement.decision_id.clone());
            if !may_still(case, &authority, statement, key, attributes) {
                gone.push(statement.decision_id.clone());
            }
        }
        reviews.push(Review { reviewer: statement.reviewer.clone(), vote, attributes: attributes.clone() });
    }
    if !gone.is_empty() {
        return Err(NoWarrant::Void {
            decisions: gone,
            why: "their author may no longer decide this".to_owned(),
        });
    }
    if counted.len() != approval.decisions.len() || count(&row.rule, &reviews) != Tally::Approved {
        return Err(NoWarrant::NotProved("the decisions in the record are not enough".to_owned()));
    }
    Ok(())
}

/// An accepted decision whose signature was good at its leaf, and the key that made it; its touch is what the row asks.
fn signed(
    case: &Case<'_>,
    authority: &Authority,
    leaf: &Leaf,
) -> Result<(Statement, Arc<PublicKey>), NoWarrant> {
    let unproved = |why: String| NoWarrant::NotProved(why);
    let (text, signature) =
        leaf.signed().ok_or_else(|| unproved("a decision carries no signature".to_owned()))?;
    let statement = Statement::parse(text.as_bytes()).map_err(|error| unproved(error.to_string()))?;
    let (verified, enrolment) = authority
        .verify(&statement.reviewer, Purpose::Decision, text.as_bytes(), signature, leaf.at)
        .map_err(|error| unproved(error.to_string()))?;
    if case.row.rule.touch && statement.decision == Decision::Approve && verified.touch == Touch::Unproven {
        return Err(unproved(format!("the key of {} proves no touch", statement.reviewer)));
    }
    Ok((statement, enrolment.key.clone()))
}

/// What was signed is what will be done.
fn same_words(case: &Case<'_>, statement: &Statement) -> Result<(), NoWarrant> {
    let digests = case.row.digests;
    let same = statement.revision == case.row.revision
        && statement.content == digests.content
        && statement.base == digests.base
        && statement.effect == case.approval.effect
        && statement.evidence == digests.evidence
        && statement.presented == digests.presented;
    if same {
        Ok(())
    } else {
        Err(NoWarrant::NotProved(format!("{} signed something else", statement.reviewer)))
    }
}

/// By roles as they are now and the shift as it was then, with a key that nobody has revoked since.
fn may_still(
    case: &Case<'_>,
    authority: &Authority,
    statement: &Statement,
    key: &PublicKey,
    then: &Attributes,
) -> bool {
    let Some(person) = authority.people().get(&statement.reviewer).filter(|person| person.active) else {
        return false;
    };
    let mut attributes = then.clone();
    attributes.insert("role".to_owned(), person.roles.iter().cloned().collect());
    let has_key = authority.keys(&statement.reviewer, case.now).any(|now| now.key.blob() == key.blob());
    let asker = Asker::Human { id: &statement.reviewer, attributes: &attributes };
    let wish = Wish::Review(RowFacts { row: case.row, facts: &case.draft.facts });
    has_key && matches!(case.engine.may(asker, wish), Permission::Allow { .. })
}

fn stands(row: &Row, id: &DecisionId) -> bool {
    row.keys.iter().any(|key| key.decision_id == *id && key.void.is_none())
}

/// What the leaf says was true of the reviewer.
fn attributes(leaf: &Leaf) -> Attributes {
    let body = leaf.body.as_map().into_iter().flatten();
    let other = body.filter(|(name, _)| !NOT_ATTRIBUTES.contains(&name.as_str()));
    other
        .filter_map(|(name, value)| Some((name.clone(), value.as_text()?)))
        .map(|(name, text)| {
            (name, text.split(',').filter(|value| !value.is_empty()).map(str::to_owned).collect())
        })
        .collect()
}
