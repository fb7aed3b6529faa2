//! What a ruling on a decision writes, and what it answers.
//!
//! Never: a final answer without its entry; an answer that the entry does not bear out.

use jiff::Timestamp;

use super::{Case, Ruled};
use crate::{
    lifecycle::Transition,
    row::{Event, PrincipalKind, Refusal, Row, c1},
    server::{app::App, problem::Problem, standing::Standing, step},
    store::{About, Actor, Commit, FinalAnswer, LeafDraft},
    wire::{DecisionAnswer, DecisionOutcome, SignedDecision},
};

impl Case {
    /// What is written, and what is answered; the index comes with the commit.
    pub(super) fn commit(
        &self,
        before: &Row,
        ruled: Ruled,
        standing: &Standing,
        now: Timestamp,
    ) -> Result<(Commit, DecisionAnswer), Problem> {
        let actor = self.author();
        let (mut commit, answer) = match ruled {
            Ruled::Accepted(transition) => {
                let answer = self.accepted(before, &transition.row);
                (step::commit_of(before, self.signed_into(*transition), &actor, now), answer)
            }
            Ruled::Moved(moved, back) => {
                let refusal = Refusal::BaseMoved { row: before.id, moved };
                let answer = self.refused(&back.row, refusal.clone());
                let mut commit = step::commit_of(before, *back, &step::system(), now);
                commit.leaves.insert(0, self.refusal_leaf(about(before), &refusal, &actor));
                (commit, answer)
            }
            Ruled::Refused(refusal) if refusal.passing() => return Err(refusal.into()),
            Ruled::Refused(refusal) => {
                let leaves = vec![self.refusal_leaf(about(before), &refusal, &actor)];
                (Commit { leaves, ..Commit::at(now) }, self.refused(before, refusal))
            }
        };
        commit.authority = Some(standing.version);
        commit.answer = Some(FinalAnswer {
            id: self.statement.decision_id.clone(),
            request: self.request,
            answer: serde_json::to_string(&answer).unwrap_or_default(),
        });
        Ok((commit, answer))
    }

    /// Somebody known signed about a row that is not here. Without a row there is no state to answer: the attempt is
    /// written down, and told as a problem.
    pub(super) async fn about_no_row(
        &self,
        app: &App,
        foreign: Option<Refusal>,
        now: Timestamp,
    ) -> Result<DecisionAnswer, Problem> {
        let why = format!("there is no row {}", self.statement.row);
        let refusal = foreign.unwrap_or(Refusal::BadStatement { why });
        let actor = self.author();
        app.limits.request(&actor.id, now)?;
        let leaves = vec![self.refusal_leaf(About::Principal(actor.id.clone()), &refusal, &actor)];
        app.store.commit(Commit { leaves, ..Commit::at(now) }).await?;
        Err(refusal.into())
    }

    fn author(&self) -> Actor {
        Actor { id: self.statement.reviewer.clone(), kind: PrincipalKind::Human }
    }

    /// The statement and its signature stand in the leaf, byte for byte.
    fn signed_into(&self, mut transition: Transition) -> Transition {
        let SignedDecision { statement, signature } = &self.signed;
        for entry in transition.entries.iter_mut().filter(|entry| entry.event == Event::DecisionAccepted) {
            let body = std::mem::replace(&mut entry.body, c1::map::<&str>([]));
            entry.body = body.with("statement", statement).with("signature", signature);
        }
        transition
    }

    fn refusal_leaf(&self, about: About, refusal: &Refusal, actor: &Actor) -> LeafDraft {
        let SignedDecision { statement, signature } = &self.signed;
        let body = c1::map([
            ("code", c1::Value::from(refusal.code())),
            ("why", refusal.sentence().into()),
            ("decision_id", self.statement.decision_id.as_str().into()),
            ("decision", self.statement.decision.word().into()),
            ("statement", statement.into()),
            ("signature", signature.into()),
        ]);
        LeafDraft { actor: actor.clone(), event: Event::DecisionRefused, about, body }
    }

    fn accepted(&self, before: &Row, after: &Row) -> DecisionAnswer {
        let past = self.statement.decision.past();
        DecisionAnswer {
            decision_id: self.statement.decision_id.clone(),
            row: before.id,
            outcome: DecisionOutcome::Accepted,
            code: None,
            message: format!(
                "{} {past} {}; the row is {}.",
                self.statement.reviewer,
                before.id,
                after.state()
            ),
            hint: None,
            state: after.state(),
            log_index: None,
            refusal: None,
        }
    }

    fn refused(&self, row: &Row, refusal: Refusal) -> DecisionAnswer {
        let overtaken = matches!(refusal, Refusal::Overtaken { .. });
        DecisionAnswer {
            decision_id: self.statement.decision_id.clone(),
            row: row.id,
            outcome: if overtaken { DecisionOutcome::Overtaken } else { DecisionOutcome::Refused },
            code: Some(refusal.code().to_owned()),
            message: refusal.sentence(),
            hint: Some(refusal.hint().into_owned()),
            state: row.state(),
            log_index: None,
            refusal: Some(refusal),
        }
    }
}

fn about(row: &Row) -> About {
    About::Row { row: row.id, revision: row.revision }
}
