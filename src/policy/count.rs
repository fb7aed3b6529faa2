//! Counts reviews against a rule. The semantics are those of Teleport's access requests, cases in `oracle.rs`.
//!
//! Never: changes its mind. The first threshold that is met settles the row; what comes later is refused elsewhere.

use std::num::NonZeroU32;

use crate::row::{Attributes, PrincipalId, Rule, Threshold};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Vote {
    Approve,
    Decline,
}

/// One person's review of one revision, with what was true of the person then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    pub reviewer: PrincipalId,
    pub vote: Vote,
    pub attributes: Attributes,
}

/// What the reviews come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tally {
    Open,
    Approved,
    Declined,
}

/// Walks `reviews` in order and stops at the first that settles the row. A met deny goes first; approval needs a met
/// threshold in every set. A second review by one person is not counted. A rule without sets never passes.
pub fn count(rule: &Rule, reviews: &[Review]) -> Tally {
    let reviews = first_of_each(reviews);
    for seen in 1..=reviews.len() {
        let reviews = &reviews[..seen];
        if rule.sets.iter().flatten().any(|t| met(t, t.deny, Vote::Decline, reviews)) {
            return Tally::Declined;
        }
        let set_met = |set: &Vec<Threshold>| set.iter().any(|t| met(t, t.approve, Vote::Approve, reviews));
        if !rule.sets.is_empty() && rule.sets.iter().all(set_met) {
            return Tally::Approved;
        }
    }
    Tally::Open
}

/// A review by someone with these attributes could move some threshold. If not, it is said before it is signed.
pub fn could_count(rule: &Rule, vote: Vote, attributes: &Attributes) -> bool {
    let asks = |t: &Threshold| match vote {
        Vote::Approve => t.approve.is_some(),
        Vote::Decline => t.deny.is_some(),
    };
    rule.sets.iter().flatten().any(|t| asks(t) && t.filter.admits(attributes))
}

/// The sets that these reviews leave open; what is declined has none.
pub fn missing<'r>(rule: &'r Rule, reviews: &[Review]) -> Vec<&'r [Threshold]> {
    let reviews = first_of_each(reviews);
    let open = |set: &&Vec<Threshold>| !set.iter().any(|t| met(t, t.approve, Vote::Approve, &reviews));
    rule.sets.iter().filter(open).map(Vec::as_slice).collect()
}

/// An approval by someone with these attributes brings a set nearer to being met.
pub fn brings(set: &[Threshold], attributes: &Attributes) -> bool {
    set.iter().any(|t| t.approve.is_some() && t.filter.admits(attributes))
}

fn first_of_each(reviews: &[Review]) -> Vec<&Review> {
    let mut kept: Vec<&Review> = Vec::with_capacity(reviews.len());
    for review in reviews {
        if !kept.iter().any(|earlier| earlier.reviewer == review.reviewer) {
            kept.push(review);
        }
    }
    kept
}

fn met(threshold: &Threshold, needed: Option<NonZeroU32>, vote: Vote, reviews: &[&Review]) -> bool {
    threshold.is_met(needed, reviews.iter().filter(|r| r.vote == vote).map(|r| &r.attributes))
}

#[cfg(test)]
#[path = "oracle.rs"]
mod oracle;
