//! `PUT /v1/decisions/{id}`: a signed statement, judged in the order in which a reader would doubt it.
//!
//! The bytes are read strictly; the key is enrolled and valid now; the signature covers these bytes; what its author had
//! seen is a head of this log; then the row, the policies, the note and, for approvals, the base as the platform gives it
//! now. A final answer is kept: the same bytes get the same again, other bytes under the id get 409.
//! Never: a session asked for; a decline that waits for a platform; a refusal of somebody known that is no entry.

mod written;

use std::sync::Arc;

use axum::{Json, extract::State};
use jiff::Timestamp;
use ring::rand::{SecureRandom, SystemRandom};

use super::{
    app::App,
    claim,
    input::{Body, Named},
    problem::Problem,
    standing::Standing,
    step::TRIES_MAX,
};
use crate::{
    audit::{authority::AuthorityError, sshsig::Purpose, statement::Statement},
    lifecycle::{self, Judgement, Ruling, Step, Transition},
    policy::{Asker, Permission, RowFacts, Wish},
    row::{Decision, DecisionId, Digest, Key, Moved, Note, Refusal, Touch, c1, note::NotANote},
    stop_point,
    store::{Committed, KeptAnswer, Whole},
    wire::{DecisionAnswer, SignedDecision},
};

/// A new decision's id; `None` where the machine has no random bytes.
pub(super) fn new_id(now: Timestamp) -> Option<DecisionId> {
    let mut chance = [0; 10];
    SystemRandom::new().fill(&mut chance).ok()?;
    Some(DecisionId::new(u64::try_from(now.as_millisecond()).unwrap_or(0), chance))
}

pub(super) async fn decide(
    State(app): State<Arc<App>>,
    Named(id): Named<DecisionId>,
    body: Body<SignedDecision>,
) -> Result<Json<DecisionAnswer>, Problem> {
    let signed = body.value;
    let case = Case::of(&app, &id, signed)?;
    let answer = case.judged(&app).await?;
    stop_point::reach("answer.sent");
    Ok(Json(answer))
}

/// One decision on its way.
struct Case {
    signed: SignedDecision,
    /// Over statement and signature, as received.
    request: Digest,
    statement: Statement,
}

/// Whose signature it is.
struct Signer {
    touch: Touch,
    fingerprint: String,
}

/// What the statement comes to.
enum Ruled {
    Accepted(Box<Transition>),
    Refused(Refusal),
    /// Refused, and the row goes back to wait.
    Moved(Vec<Moved>, Box<Transition>),
}

impl Case {
    fn of(app: &App, id: &DecisionId, signed: SignedDecision) -> Result<Self, Problem> {
        let bad = |why: String| stranger(app, Refusal::BadStatement { why });
        let statement =
            Statement::parse(signed.statement.as_bytes()).map_err(|error| bad(error.to_string()))?;
        if statement.decision_id != *id {
            return Err(bad("it carries another id than its address".to_owned()));
        }
        if statement.org != app.org {
            let why = format!("it was signed for {}, this is {}", statement.org, app.org);
            return Err(stranger(app, Refusal::ForeignRecord { why }));
        }
        let request = c1::list([signed.statement.as_str(), signed.signature.as_str()]);
        let request = Digest::of(c1::to_bytes(&request));
        Ok(Self { signed, request, statement })
    }

    async fn judged(&self, app: &App) -> Result<DecisionAnswer, Problem> {
        if let Some(answer) = self.answered(app).await? {
            return answer;
        }
        app.writable()?;
        for _ in 0..TRIES_MAX {
            let now = app.clock.now();
            let standing = app.standing().await?;
            let signer = self.signer(&standing, now).map_err(|refusal| stranger(app, refusal))?;
            stop_point::reach("decision.verified");
            let foreign = self.foreign(app).await?.map(|why| Refusal::ForeignRecord { why });
            let Some(whole) = app.store.whole(self.statement.row, None).await? else {
                return self.about_no_row(app, foreign, now).await;
            };
            let ruled = match foreign {
                Some(refusal) => Ruled::Refused(refusal),
                None => self.ruled(app, &standing, signer, &whole, now).await?,
            };
            let (commit, answer) = self.commit(&whole.row, ruled, &standing, now)?;
            match app.store.commit(commit).await? {
                Committed::At(receipt) => {
                    stop_point::reach("decision.committed");
                    app.counters.count("dock_decisions_total", answer.code.as_deref().unwrap_or("accepted"));
                    return Ok(DecisionAnswer { log_index: receipt.indexes.first().copied(), ..answer });
                }
                Committed::Conflict | Committed::SubjectTaken(_) | Committed::LeaseLost => {}
            }
            if let Some(answer) = self.answered(app).await? {
                return answer;
            }
        }
        Err(Refusal::Busy.into())
    }

    /// The final answer that stands, if one does.
    async fn answered(&self, app: &App) -> Result<Option<Result<DecisionAnswer, Problem>>, Problem> {
        let Some(kept) = app.store.answer(self.statement.decision_id.clone()).await? else { return Ok(None) };
        let KeptAnswer { request, answer, leaf } = kept;
        if request != self.request {
            let why = "this id belongs to a decision with other bytes";
            let taken = Problem::new(axum::http::StatusCode::CONFLICT, "decision_id_taken", why);
            return Ok(Some(Err(taken.hint("decide again: a new decision has a new id"))));
        }
        let answer: DecisionAnswer = serde_json::from_str(&answer).map_err(|error| {
            crate::store::StoreError::Damaged(format!(
                "the answer of {}: {error}",
                self.statement.decision_id
            ))
        })?;
        Ok(Some(Ok(DecisionAnswer { log_index: leaf, ..answer })))
    }

    /// An enrolled key, valid now, over exactly these bytes.
    fn signer(&self, standing: &Standing, now: Timestamp) -> Result<Signer, Refusal> {
        let Statement { reviewer, .. } = &self.statement;
        let message = self.signed.statement.as_bytes();
        let verified =
            standing.authority.verify(reviewer, Purpose::Decision, message, &self.signed.signature, now);
        match verified {
            Ok((verified, enrolment)) => {
                Ok(Signer { touch: verified.touch, fingerprint: enrolment.key.fingerprint() })
            }
            Err(AuthorityError::Signature { error, .. }) => {
                Err(Refusal::BadSignature { why: error.to_string() })
            }
            Err(_) => Err(self.without_key(standing)),
        }
    }

    /// No key that is valid now signed it. One that was valid once is told as such.
    fn without_key(&self, standing: &Standing) -> Refusal {
        let Statement { reviewer, .. } = &self.statement;
        let purpose = Purpose::Decision.namespace(standing.authority.org());
        let held = standing.authority.people().get(reviewer).map(|person| person.keys.as_slice());
        let fits = |key: &&crate::audit::authority::Enrolment| {
            key.key.verify(&purpose, self.signed.statement.as_bytes(), &self.signed.signature).is_ok()
        };
        match held.unwrap_or_default().iter().find(fits) {
            Some(old) => Refusal::KeyExpired { key: old.key.fingerprint() },
            None => Refusal::UnknownKey { key: format!("that signed for {reviewer}") },
        }
    }

    /// Everything after the signature and the record: the row, the policies, the note, the base.
    async fn ruled(
        &self,
        app: &App,
        standing: &Standing,
        signer: Signer,
        whole: &Whole,
        now: Timestamp,
    ) -> Result<Ruled, Problem> {
        let review = match self.judgement(app, standing, signer, whole, now).await? {
            Ok(review) => review,
            Err(refusal) => return Ok(Ruled::Refused(refusal)),
        };
        let (row, ruling) = (&whole.row, Ruling::default());
        let approves = self.statement.decision == Decision::Approve;
        let transition = match lifecycle::apply(&ruling, row, &Step::Decide(Box::new(review)), now) {
            Ok(transition) => transition,
            Err(refusal) => return Ok(Ruled::Refused(refusal)),
        };
        if !approves {
            return Ok(Ruled::Accepted(Box::new(transition)));
        }
        let moved = claim::moved(app, &whole.draft, &whole.row.rule).await?;
        if moved.is_empty() {
            return Ok(Ruled::Accepted(Box::new(transition)));
        }
        let step = Step::BaseMoved { moved: moved.clone() };
        match lifecycle::apply(&ruling, row, &step, now) {
            Ok(back) => Ok(Ruled::Moved(moved, Box::new(back))),
            Err(_) => Ok(Ruled::Refused(Refusal::BaseMoved { row: row.id, moved })),
        }
    }

    /// Why what its author had seen is no head of this log, if so.
    async fn foreign(&self, app: &App) -> Result<Option<String>, Problem> {
        let seen = &self.statement.seen;
        let origin = app.record.key().name();
        if seen.origin != origin {
            return Ok(Some(format!("of {}, this is {origin}", seen.origin)));
        }
        let size = *app.store.grown().borrow();
        if seen.size > size {
            return Ok(Some(format!("of {} entries, this has {size}", seen.size)));
        }
        let same = app.store.root(seen.size).await? == seen.root.0;
        Ok((!same).then(|| format!("its first {} entries are others", seen.size)))
    }

    async fn judgement(
        &self,
        app: &App,
        standing: &Standing,
        signer: Signer,
        whole: &Whole,
        now: Timestamp,
    ) -> Result<Result<Judgement, Refusal>, Problem> {
        let (said, row) = (&self.statement, &whole.row);
        let note = match Note::parse(&said.note) {
            Ok(note) => Some(note),
            Err(NotANote::TooLong { bytes }) => {
                return Ok(Err(Refusal::BadStatement { why: format!("the note has {bytes} bytes") }));
            }
            Err(NotANote::TooLittle { .. }) => None,
        };
        let attributes = app.shifts.attributes(app, standing, &said.reviewer, now).await;
        let of = RowFacts { row, facts: &whole.draft.facts };
        let asker = Asker::Human { id: &said.reviewer, attributes: &attributes };
        // No is always safe: it needs an enrolled key, not a shift.
        let needs_shift = matches!(said.decision, Decision::Approve);
        let authority = match app.engine.may(asker, Wish::Review(of)) {
            Permission::Deny { why: Refusal::NotOnCall { .. } } if !needs_shift => None,
            Permission::Deny { why } => Some(why),
            Permission::Allow { .. } => None,
        };
        let hold = match row.drift {
            Some(drift) if said.decision == Decision::Approve => {
                let holds = app.store.holds().await?;
                holds.into_iter().find(|hold| hold.subject == row.subject && hold.drift == drift)
            }
            _ => None,
        };
        let key = Key {
            decision_id: said.decision_id.clone(),
            decision: said.decision,
            overrides: said.overrides,
            reviewer: said.reviewer.clone(),
            revision: said.revision,
            note,
            made_at: said.made_at,
            at: now,
            offline: said.offline,
            on_screen_s: said.on_screen_s,
            attributes,
            key_fingerprint: signer.fingerprint,
            touch: signer.touch,
            evidence: said.evidence,
            effect: said.effect,
            conditions: said.conditions.clone(),
            void: None,
        };
        Ok(Ok(Judgement {
            key,
            content: said.content,
            base: said.base,
            presented: said.presented,
            effect_due: whole.draft.effect.with_conditions(&said.conditions).map(|effect| effect.digest()),
            authority,
            overtaken: self.overtaken(whole),
            hold,
        }))
    }

    /// Its author decided on this row after what this statement had seen.
    fn overtaken(&self, whole: &Whole) -> bool {
        let Statement { reviewer, seen, .. } = &self.statement;
        let mut own = whole.row.keys.iter().filter(|key| key.reviewer == *reviewer);
        own.any(|key| whole.decisions.iter().any(|(id, leaf)| *id == key.decision_id && *leaf >= seen.size))
    }
}

/// Nobody known signed this: it is counted, not written down, so that nobody can flood the record.
fn stranger(app: &App, refusal: Refusal) -> Problem {
    app.counters.count("dock_strangers_total", refusal.code());
    match app.limits.stranger(app.clock.now()) {
        Ok(()) => refusal.into(),
        Err(too_much) => too_much,
    }
}
