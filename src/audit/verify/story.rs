//! One row's story, as its leaves tell it: proposed, decided, voided, executed.
//!
//! Who had to sign is what was frozen into the row as its proposal's leaf tells it, never what a decision's leaf says of it;
//! roles are those that administrators gave.
//! Never: a key that counts twice, or for another revision than the newest.

use std::collections::{BTreeMap, BTreeSet};

use crate::audit::authority::Authority;
use crate::audit::leaf::Leaf;
use crate::audit::note;
use crate::row::c1::Value;
use crate::row::{
    Attributes, Decision, DecisionId, Digest, Event, PrincipalId, PrincipalKind, Rule, Threshold, Touch,
};

/// A row's story so far.
#[derive(Default)]
pub(super) struct Story {
    pub(super) last: u64,
    pub(super) proposers: BTreeSet<PrincipalId>,
    /// By revision: the content that was proposed, and the keys that it needs, where the leaf says so.
    pub(super) contents: BTreeMap<u32, String>,
    pub(super) keys_needed: u64,
    /// Who has to sign, where more is asked of the newest revision than keys of anybody.
    rule: Option<Rule>,
    /// Keys have to prove a touch.
    touch: bool,
    pub(super) decisions: Vec<Accepted>,
    pub(super) policies: Vec<(u32, String)>,
    pub(super) intended: bool,
}

pub(super) struct Accepted {
    pub(super) id: DecisionId,
    pub(super) reviewer: PrincipalId,
    pub(super) decision: Decision,
    pub(super) revision: u32,
    pub(super) content: Digest,
    pub(super) effect: Digest,
    pub(super) keys_needed: u64,
    /// The key that signed, as its signature says.
    pub(super) key: Vec<u8>,
    /// A touch was proved, or the leaf does not say.
    pub(super) touched: bool,
    /// What was true of the reviewer then.
    pub(super) attributes: Attributes,
    pub(super) void: bool,
}

/// A reviewer changed what an agent proposed, under their own name: that makes them no proposer, and what they decide on is
/// the revision that holds their words.
fn amends(leaf: &Leaf) -> bool {
    let reviewer = leaf.actor.kind == PrincipalKind::Human && leaf.event == Event::RowRevised;
    reviewer && leaf.body.text("amended_by") == Some(leaf.actor.id.as_str())
}

/// Only a signature's own word for a proof of touch counts, and the leaf's is held against that.
pub(super) fn touched(leaf: &Leaf) -> bool {
    leaf.body.text("touch") != Some(Touch::Unproven.word())
}

/// `dba (role dba) or lead (role lead)`.
fn in_words(set: &[Threshold]) -> String {
    let can = set.iter().filter(|one| one.approve.is_some());
    can.map(|one| format!("{} ({})", one.name, one.filter.words())).collect::<Vec<_>>().join(" or ")
}

impl Story {
    /// Takes a proposal; why it cannot be one of this row's, if so.
    pub(super) fn propose(&mut self, leaf: &Leaf) -> Result<(), String> {
        if !amends(leaf) {
            self.proposers.insert(leaf.actor.id.clone());
        }
        if let (Some(revision), Some(content)) = (leaf.revision, leaf.body.text("content_sha256")) {
            self.contents.insert(revision, content.to_owned());
        }
        let needed = leaf.body.text("keys_needed").and_then(note::plain_number);
        self.keys_needed = self.keys_needed.max(needed.unwrap_or(0));
        self.intended = false;
        let eased = "asks for less than the revision before it";
        if self.touch && leaf.body.text("touch").is_none() {
            return Err(eased.to_owned());
        }
        self.touch = leaf.body.text("touch").is_some();
        let told = leaf.body.text("rule").map(|told| Rule::of_told(told).ok_or("tells a rule that is none"));
        let before = std::mem::replace(&mut self.rule, told.transpose()?);
        let sets = self.rule.as_ref().map(|rule| rule.sets.as_slice()).unwrap_or_default();
        if before.is_some_and(|before| before.sets.iter().any(|set| !sets.contains(set))) {
            return Err(eased.to_owned());
        }
        match (&self.rule, needed) {
            (Some(rule), Some(needed)) if u64::from(rule.keys_needed()) != needed => {
                Err("says another number of keys than its rule".to_owned())
            }
            _ => Ok(()),
        }
    }

    /// Decisions that a leaf says count no longer: the base moved, or authority was lost.
    pub(super) fn void(&mut self, leaf: &Leaf) {
        let void: Vec<&str> = leaf
            .body
            .get("void")
            .and_then(Value::as_list)
            .into_iter()
            .flatten()
            .filter_map(Value::as_text)
            .collect();
        for accepted in &mut self.decisions {
            accepted.void |= void.contains(&accepted.id.as_str());
        }
    }

    /// Who declined what an execution is about, where that was not taken back.
    pub(super) fn declined(&self, intent: &Leaf) -> Option<&PrincipalId> {
        let about = |it: &&Accepted| it.decision == Decision::Decline && Some(it.revision) == intent.revision;
        self.decisions.iter().filter(|it| !it.void).find(about).map(|it| &it.reviewer)
    }

    /// Whether the no that a platform is told was said: by a decline that stands.
    pub(super) fn may_reject(&self, leaf: &Leaf) -> Result<(), String> {
        let ids = leaf.decisions();
        if ids.is_empty() {
            return Err("names no decline that it had".to_owned());
        }
        for id in ids {
            let accepted = self.decisions.iter().find(|accepted| accepted.id.as_str() == id);
            match accepted {
                None => return Err(format!("no such decision was accepted before it: {id}")),
                Some(it) if it.decision != Decision::Decline => {
                    return Err(format!("the decision {id} that it names does not decline"));
                }
                Some(it) if it.void => return Err(format!("the decline {id} that it names was withdrawn")),
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// Whether what is executed was decided, by the keys that it needed; true where a policy decided it. With `now`, keys
    /// and roles have to be there still.
    pub(super) fn may_execute(&self, leaf: &Leaf, now: Option<&Authority>) -> Result<bool, String> {
        let revision = leaf.revision.ok_or("does not say which revision it executes")?;
        if self.contents.last_key_value().is_some_and(|(&newest, _)| newest != revision) {
            return Err("executes a revision that was not the newest".to_owned());
        }
        let ids = leaf.decisions();
        if ids.is_empty() {
            let policy = leaf.body.text("policy").ok_or("names no decision that it had")?;
            if self.keys_needed > 1 || self.rule.as_ref().is_some_and(|rule| !rule.one_of_anybody()) {
                return Err(format!("was decided by the policy {policy}, and people have to sign it"));
            }
            let decided = self.policies.iter().any(|(at, name)| *at == revision && name == policy);
            return decided.then_some(true).ok_or_else(|| format!("the policy {policy} had not decided it"));
        }
        let mut reviewers = BTreeSet::new();
        let mut first: Option<&Accepted> = None;
        let mut needed = self.keys_needed.max(1);
        let mut signers: Vec<Attributes> = Vec::new();
        for id in ids {
            let found = self.decisions.iter().find(|accepted| accepted.id.as_str() == id);
            let accepted = found.ok_or_else(|| format!("no such decision was accepted before it: {id}"))?;
            let first = first.get_or_insert(accepted);
            let same = (accepted.revision, accepted.content, accepted.effect)
                == (first.revision, first.content, first.effect);
            for (wrong, what) in [
                (accepted.decision != Decision::Approve, "does not approve"),
                (accepted.void, "was withdrawn or void"),
                (revision != accepted.revision, "is about another revision"),
                (!same, "is about other content or another effect than the first"),
                (!reviewers.insert(&accepted.reviewer), "is a second one of the same person"),
                (self.touch && !accepted.touched, "proves no touch, as it was asked to"),
                (
                    now.is_some_and(|now| !now.still_has(&accepted.reviewer, &accepted.key)),
                    "was made with a key that had been revoked by then",
                ),
            ] {
                if wrong {
                    return Err(format!("the decision {id} that it names {what}"));
                }
            }
            needed = needed.max(accepted.keys_needed);
            let then = &accepted.attributes;
            signers.push(now.map_or_else(|| then.clone(), |now| now.with_roles(&accepted.reviewer, then)));
        }
        if (reviewers.len() as u64) < needed {
            return Err(format!("had {} keys of the {needed} that were needed", reviewers.len()));
        }
        let met = |one: &Threshold| one.is_met(one.approve, signers.iter());
        let sets = self.rule.iter().flat_map(|rule| &rule.sets);
        match sets.into_iter().find(|set| !set.iter().any(met)) {
            Some(unmet) => Err(format!("lacks what its rule asks for: {}", in_words(unmet))),
            None => Ok(false),
        }
    }
}
