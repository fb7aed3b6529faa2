//! The right to write once: made from the record's leaves alone, and needed by the only hand that writes.
//!
//! Signatures, the chain of administrators, thresholds, policy and authority are checked anew; what a row says about
//! itself is compared with that and never believed.
//! Never: a [`Warrant`] from a flag; a write without one.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::Timestamp;

use super::plan::Due;
use crate::{
    audit::{
        authority::Authority,
        leaf::Leaf,
        sshsig::{PublicKey, Purpose},
        statement::Statement,
        verify,
    },
    lifecycle::Ruling,
    policy::{Asker, Engine, Permission, Review, RowFacts, Tally, Vote, Wish, count},
    row::{
        Attributes, Base, Decision, DecisionId, Draft, Effect, Event, Proposal, Row, RowId, Touch,
        base::{PageEffect, RecordEffect},
        gate::{Canary, GateBase, GateEffect, Pipeline},
        page::Site,
        stage::{Approval, Write},
        sync::SyncEffect,
    },
};

/// That this was decided for this row, by whom it needed, over exactly this.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Warrant {
    pub(super) row: RowId,
    /// The deciding decision's id: what is left on the platform.
    pub(super) tag: DecisionId,
    pub(super) base: Base,
    pub(super) task: Task,
    /// How many keys the row's rule asked for.
    pub(super) keys: u32,
    /// In words, as `priya and sarah`.
    pub(super) by: String,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Task {
    Sync(SyncEffect),
    /// With the conditions that were signed.
    Approve(GateEffect),
    /// A run is told the no of a decline.
    Reject(GateEffect),
    Publish(Publication),
    /// Nothing is written anywhere.
    Record(RecordEffect),
}

/// What is to be published: the effect that was signed, and the proposal that makes it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Publication {
    pub(super) site: Site,
    pub(super) effect: PageEffect,
    pub(super) proposal: Proposal,
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
    pub(super) decided: Decided<'a>,
    /// Of the revision that was decided on.
    pub(super) draft: &'a Draft,
    /// All leaves of the row and all that move the authority, in order.
    pub(super) leaves: &'a [(u64, Leaf)],
    /// An execution of the same drift failed before.
    pub(super) failed: bool,
    pub(super) now: Timestamp,
}

/// What the row says was decided: to be proved.
#[derive(Clone, Copy)]
pub(super) enum Decided<'a> {
    Approved(&'a Approval),
    Declined {
        tag: &'a DecisionId,
        /// That its author saw.
        revision: u32,
    },
}

impl Decided<'_> {
    /// That was decided on.
    pub(super) fn revision(&self, row: &Row) -> u32 {
        match self {
            Self::Approved(_) => row.revision,
            Self::Declined { revision, .. } => *revision,
        }
    }

    /// What the execution is tagged with.
    pub(super) fn tag(&self) -> Option<&DecisionId> {
        match self {
            Self::Approved(approval) => approval.decisions.last(),
            Self::Declined { tag, .. } => Some(tag),
        }
    }
}

/// What the signatures of an approval come to.
struct Signed {
    conditions: BTreeMap<String, String>,
    by: String,
}

impl Warrant {
    /// The write is a new page in Notion, which may take several requests.
    pub(super) fn in_parts(&self, write: Write) -> bool {
        let new = |it: &Publication| it.site == Site::Notion && it.effect.create.is_some();
        write == Write::Publish && matches!(&self.task, Task::Publish(it) if new(it))
    }

    /// The writes, in order.
    pub(super) fn writes(&self) -> Vec<Write> {
        match &self.task {
            Task::Sync(_) => vec![Write::Sync],
            Task::Approve(effect) => {
                let begins = !effect.conditions.is_empty() && effect.canary != Some(Canary::Told);
                let canary = begins.then_some(Write::Canary);
                let apply = effect.apply.as_ref().map(|_| Write::Apply);
                canary.into_iter().chain([Write::Answer]).chain(apply).collect()
            }
            Task::Reject(_) => vec![Write::Answer],
            // Notion's pages have no versions that could carry the decision's id, nor has a new page's first one.
            Task::Publish(it) if it.site == Site::Notion || it.effect.create.is_some() => {
                vec![Write::Publish, Write::Comment]
            }
            Task::Publish(_) => vec![Write::Publish],
            Task::Record(_) => vec![Write::Record],
        }
    }

    /// Its run waits at Dock itself.
    pub(super) fn waits_here(&self) -> bool {
        matches!(&self.base, Base::Gate(base) if base.pipeline == Pipeline::Elsewhere)
    }

    /// What was reviewed of a write; none where the warrant is not for it.
    pub(super) fn due(&self, write: Write) -> Option<Due> {
        let attempt = match &self.base {
            Base::Gate(base) => Some(base.attempt),
            _ => None,
        };
        match (write, &self.task) {
            (Write::Sync, Task::Sync(effect)) => Some(Due::Sync { revisions: effect.revisions.clone() }),
            (Write::Canary, Task::Approve(effect)) => {
                Some(Due::Canary { what: effect.canary.as_ref()?.sentence() })
            }
            (Write::Answer, Task::Approve(effect) | Task::Reject(effect)) if self.waits_here() => {
                let Base::Gate(base) = &self.base else { return None };
                Some(Due::Tell {
                    attempt: base.attempt,
                    commit: base.head_sha.clone(),
                    environment: effect.environment.clone(),
                    approve: matches!(self.task, Task::Approve(_)),
                })
            }
            (Write::Answer, Task::Approve(effect) | Task::Reject(effect)) => Some(Due::Answer {
                attempt: attempt?,
                environment: effect.environment.clone(),
                approve: matches!(self.task, Task::Approve(_)),
            }),
            (Write::Apply, Task::Approve(effect)) => Some(Due::Apply { run: effect.apply.clone()? }),
            (Write::Publish, Task::Publish(it)) => {
                let was = match &self.base {
                    Base::Runbook(base) => Some(base.clone()),
                    _ => None,
                };
                Some(Due::Publish { was, body: it.effect.body })
            }
            (Write::Comment, Task::Publish(_)) => Some(Due::Comment),
            (Write::Record, Task::Record(_)) => Some(Due::Record),
            _ => None,
        }
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
    let leaves = case.leaves.iter().cloned();
    verify::may_execute(case.org, case.admins.clone(), leaves, intent).map_err(|problems| {
        unproved(&problems.first().map_or_else(String::new, |problem| problem.text.clone()))
    })?;
    match case.decided {
        Decided::Approved(approval) => approved(case, approval),
        Decided::Declined { tag, revision } => declined(case, tag, revision),
    }
}

/// The draft is what was opened or revised in the record, under the rule that stands there.
fn approved(case: &Case<'_>, approval: &Approval) -> Result<Warrant, NoWarrant> {
    let unproved = |why: &str| NoWarrant::NotProved(why.to_owned());
    let Case { row, draft, .. } = case;
    let digests = draft.digests(row.id, row.revision);
    if digests != row.digests {
        return Err(unproved("the stored draft is not what was decided on"));
    }
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
        || logged("rule") != row.rule.told()
        || logged("touch").is_some() && !row.rule.touch
    {
        return Err(unproved("the record names another rule for this row"));
    }
    let tag = approval.decisions.last().cloned().ok_or_else(|| unproved("no decision is named"))?;
    let signed = match &approval.policy {
        Some(policy) => by_policy(case, approval, policy)?,
        None => by_people(case, approval)?,
    };
    let effect = draft.effect.with_conditions(&signed.conditions);
    let effect = effect.filter(|effect| effect.digest() == approval.effect);
    let task = match (effect, &draft.base) {
        (None, _) => return Err(unproved("the effect under its conditions is not what was decided on")),
        (Some(Effect::Argocd(effect)), Base::Sync(_)) => Task::Sync(effect),
        (Some(effect), Base::Gate(base)) => Task::Approve(of_gate(effect, base)?),
        (Some(Effect::Record(effect)), Base::Runbook(_)) => Task::Record(effect),
        (Some(Effect::Confluence(effect)), _) => Task::Publish(publication(Site::Confluence, effect, draft)?),
        (Some(Effect::Notion(effect)), _) => Task::Publish(publication(Site::Notion, effect, draft)?),
        (Some(_), _) => return Err(unproved("it is of a kind that is not carried out here")),
    };
    let keys = row.rule.keys_needed();
    Ok(Warrant { row: row.id, tag, base: draft.base.clone(), task, keys, by: signed.by })
}

/// The answer that is given where the run waits, and nowhere else.
fn of_gate(effect: Effect, base: &GateBase) -> Result<GateEffect, NoWarrant> {
    match (effect, base.pipeline) {
        (Effect::Github(effect), Pipeline::Github) | (Effect::Pipeline(effect), Pipeline::Elsewhere) => {
            Ok(effect)
        }
        _ => Err(NoWarrant::NotProved("the answer would go where the run does not wait".to_owned())),
    }
}

/// The proposal is not signed itself: what it comes to is compared with the signed effect before it is sent.
fn publication(site: Site, effect: PageEffect, draft: &Draft) -> Result<Publication, NoWarrant> {
    let why = || NoWarrant::NotProved("the draft holds nothing to publish".to_owned());
    Ok(Publication { site, effect, proposal: draft.proposal.clone().ok_or_else(why)? })
}

/// Somebody who could said no to this very run, and it was enough. Whether they still could does not matter: no is
/// always safe.
fn declined(case: &Case<'_>, tag: &DecisionId, revision: u32) -> Result<Warrant, NoWarrant> {
    let unproved = |why: &str| NoWarrant::NotProved(why.to_owned());
    let Case { row, draft, .. } = case;
    let mut authority = Authority::new(case.org, case.admins.clone());
    let (mut reviews, mut said) = (Vec::new(), None);
    for (index, leaf) in case.leaves {
        let _ = authority.apply(*index, leaf);
        if leaf.row != Some(row.id) || leaf.event != Event::DecisionAccepted {
            continue;
        }
        let (statement, _) = signed(case, &authority, leaf)?;
        if statement.decision == Decision::Decline && stands(row, &statement.decision_id) {
            let (reviewer, attributes) = (statement.reviewer.clone(), leaf.attributes());
            reviews.push(Review { reviewer, vote: Vote::Decline, attributes });
            if statement.decision_id == *tag {
                said = Some(statement);
            }
        }
    }
    let said = said.ok_or_else(|| unproved("the decline is not in the record"))?;
    let digests = draft.digests(row.id, revision);
    let same = (said.revision, said.content, said.base, said.effect)
        == (revision, digests.content, digests.base, digests.effect);
    if !same || count(&row.rule, &reviews) != Tally::Declined {
        return Err(unproved("the declines in the record are about something else, or not enough"));
    }
    let Base::Gate(base) = &draft.base else { return Err(unproved("nobody waits for the answer")) };
    let effect = of_gate(draft.effect.clone(), base)?;
    let (task, by) = (Task::Reject(effect), said.reviewer.to_string());
    let keys = row.rule.keys_needed();
    Ok(Warrant { row: row.id, tag: tag.clone(), base: draft.base.clone(), task, keys, by })
}

/// The policy that decided would decide the same now.
fn by_policy(case: &Case<'_>, approval: &Approval, policy: &str) -> Result<Signed, NoWarrant> {
    let of = RowFacts { row: case.row, facts: &case.draft.facts };
    let now = case.engine.decides(of, case.failed, case.now);
    if now.as_deref() == Some(policy) {
        return Ok(Signed { conditions: BTreeMap::new(), by: policy.to_owned() });
    }
    let why = format!("the policy {policy} no longer decides this row");
    Err(NoWarrant::Void { decisions: approval.decisions.clone(), why })
}

/// Each key is good, they are enough by the row's frozen rule, and their people may still decide.
fn by_people(case: &Case<'_>, approval: &Approval) -> Result<Signed, NoWarrant> {
    let row = case.row;
    let mut authority = Authority::new(case.org, case.admins.clone());
    let (mut reviews, mut counted, mut gone) = (Vec::new(), BTreeSet::new(), Vec::new());
    let (mut statements, mut roles_changed) = (Vec::new(), Vec::new());
    for (index, leaf) in case.leaves {
        // What the chain refuses changes nothing; `may_execute` has told where that matters.
        let _ = authority.apply(*index, leaf);
        if leaf.row != Some(row.id) || leaf.event != Event::DecisionAccepted {
            continue;
        }
        statements.push((signed(case, &authority, leaf)?, leaf.attributes()));
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
            same_words(row, approval, statement)?;
            counted.insert(statement.decision_id.clone());
            if !may_still(case, &authority, statement, key, attributes) {
                gone.push(statement.decision_id.clone());
            }
        }
        let now = authority.with_roles(&statement.reviewer, attributes);
        if names && now.get("role") != attributes.get("role") {
            roles_changed.push(statement.decision_id.clone());
        }
        reviews.push(Review { reviewer: statement.reviewer.clone(), vote, attributes: now });
    }
    if !gone.is_empty() {
        return Err(NoWarrant::Void {
            decisions: gone,
            why: "their author may no longer decide this".to_owned(),
        });
    }
    let enough = count(&row.rule, &reviews) == Tally::Approved;
    if counted.len() == approval.decisions.len() && !enough && !roles_changed.is_empty() {
        let why = "their author has no longer the role that this row asks for".to_owned();
        return Err(NoWarrant::Void { decisions: roles_changed, why });
    }
    if counted.len() != approval.decisions.len() || !enough {
        return Err(NoWarrant::NotProved("the decisions in the record are not enough".to_owned()));
    }
    let approving = |id: &DecisionId| statements.iter().find(|((said, _), _)| said.decision_id == *id);
    let names = approval.decisions.iter().filter_map(approving).map(|((said, _), _)| said.reviewer.as_str());
    let by = names.collect::<Vec<_>>().join(" and ");
    let conditions = approval.decisions.last().and_then(approving);
    let conditions = conditions.map(|((said, _), _)| said.conditions.clone()).unwrap_or_default();
    Ok(Signed { conditions, by })
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
fn same_words(row: &Row, approval: &Approval, statement: &Statement) -> Result<(), NoWarrant> {
    let digests = row.digests;
    let same = statement.revision == row.revision
        && statement.content == digests.content
        && statement.base == digests.base
        && statement.effect == approval.effect
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
    if authority.people().get(&statement.reviewer).is_none_or(|person| !person.active) {
        return false;
    }
    let attributes = authority.with_roles(&statement.reviewer, then);
    let has_key = authority.keys(&statement.reviewer, case.now).any(|now| now.key.blob() == key.blob());
    let asker = Asker::Human { id: &statement.reviewer, attributes: &attributes };
    let wish = Wish::Review(RowFacts { row: case.row, facts: &case.draft.facts });
    has_key && matches!(case.engine.may(asker, wish), Permission::Allow { .. })
}

fn stands(row: &Row, id: &DecisionId) -> bool {
    row.keys.iter().any(|key| key.decision_id == *id && key.void.is_none())
}
