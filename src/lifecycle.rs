//! All that may happen to a row: one function of (row, step), pure and total.
//!
//! Never: another way to change a stage. Nothing here reads a clock or a store; what is not allowed is a [`Refusal`].
//!
//! ## Design notes
//! A transition carries the next row, the entries of the record that tell it, and the work that follows. The store
//! commits the three together, from the row's version that was computed on, or not at all.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::{
    policy::{Review, Tally, Vote, count},
    row::{
        Again, Decision, DecisionId, Digest, Digests, Event, Hold, How, Key, Kind, Moved, Note, PrincipalId,
        Refusal, Risk, Row, Rule, Stage, State, Touch, Verdict, c1,
        stage::{Approval, Before, Done, Execution, Outcome, Told, Write},
    },
};

mod decide;
mod execute;
#[cfg(test)]
mod tests;

/// What happens to a row.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Its agent drafts again, or a reviewer changed what it proposes.
    Revise(Box<Revision>),
    /// A person says something, signed and verified.
    Decide(Box<Judgement>),
    /// A policy decides in a person's place.
    PolicyDecides { decision: DecisionId, policy: String },
    /// Its agent read the facts again and judges them the same, each by its place among the signals.
    ReadAgain { evidence: Digest, again: BTreeMap<u32, Again> },
    /// Its agent takes the row back; an empty reason is none.
    WithdrawDraft { why: String },
    /// The facts went away, or another row takes its place.
    Supersede { why: String },
    /// Time passed: whatever is due now.
    Lapse,
    /// A reviewer gives it more time.
    Extend { by: PrincipalId, note: Note, until: Timestamp },
    /// At a decision, the base was read and had moved.
    BaseMoved { moved: Vec<Moved> },
    /// A key's person lost the authority that it was given with, or the evidence behind it got worse.
    Void { decisions: Vec<DecisionId>, why: String },
    /// The executor begins a write: nothing of it is written yet. On a declined gate: the answer that says no.
    Intend { tag: DecisionId, write: Write, before: Before, request: Digest },
    /// One write of several was read back; the next follows.
    Wrote { detail: String },
    /// The executor read the base and it had moved; nothing was written.
    Stale { moved: Vec<Moved> },
    /// Read back from the platform.
    Confirm { detail: String },
    /// The writes before were done, and this one will not be: what they began runs, and is followed.
    Part { undone: Write, detail: String },
    /// The platform said no, or did another thing and was stopped.
    Fail { detail: String },
    /// It cannot be told whether it was done; a person looks.
    CannotTell { detail: String },
    /// A person looked.
    Attest { by: PrincipalId, executed: bool, note: Note },
    /// What was read after the execution.
    Health { health: Health, detail: String },
    /// The watch over a degraded row ends early: its subject has something new to decide.
    EndWatch { why: String },
    /// The database was restored from a backup: what was under way cannot be told.
    Restored,
}

/// The next revision of a row, judged by the backend's own reading.
#[derive(Debug, Clone, PartialEq)]
pub struct Revision {
    pub title: String,
    pub verdict: Verdict,
    pub incident: Option<String>,
    pub reviewers: Vec<PrincipalId>,
    pub risk: Risk,
    pub rule: Rule,
    pub digests: Digests,
    pub base_revision: String,
    pub drift: Option<Digest>,
    pub claim: bool,
    /// The reviewer who changed the proposal; none where its agent drafted again.
    pub amended_by: Option<PrincipalId>,
}

/// A verified decision, with what the backend looked up about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    pub key: Key,
    /// What was on the screen.
    pub content: Digest,
    pub base: Digest,
    pub presented: Digest,
    /// The row's effect under the statement's conditions; absent where it takes no such conditions.
    pub effect_due: Option<Digest>,
    /// The policy's no, where it says no.
    pub authority: Option<Refusal>,
    /// The author decided on this row after what this statement had seen.
    pub overtaken: bool,
    /// The same drift is held.
    pub hold: Option<Hold>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    Healthy,
    Degraded {
        watch_until: Timestamp,
    },
    RolledBack,
    /// The watch is over, and what was to be read could not be: neither well nor badly is known.
    Untold,
}

/// What stands in force around all rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ruling {
    /// Who halted, and why: nothing new is drafted, decided by policy or executed; nothing lapses.
    pub halted: Option<(PrincipalId, String)>,
}

/// A step that was taken.
#[derive(Debug, Clone, PartialEq)]
pub struct Transition {
    pub row: Row,
    pub entries: Vec<Entry>,
    pub hold: Option<Hold>,
    pub work: Vec<Work>,
}

/// One entry of the record, without who and when.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub event: Event,
    pub body: c1::Value,
}

/// What follows a commit. Told to whoever waits; each is safe to do twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    Execute,
    CheckHealth,
}

/// Takes one step, or says why not.
pub fn apply(ruling: &Ruling, row: &Row, step: &Step, now: Timestamp) -> Result<Transition, Refusal> {
    match step {
        Step::Revise(revision) => revise(ruling, row, revision, now),
        Step::Decide(review) => decide::decide(row, review, now),
        Step::PolicyDecides { decision, policy } => decide::by_policy(ruling, row, decision, policy, now),
        Step::ReadAgain { evidence, again } => read_again(ruling, row, *evidence, again, now),
        Step::WithdrawDraft { why } => {
            end_undecided(row, Stage::Withdrawn { at: now, why: why.clone() }, "withdraw", now)
        }
        Step::Supersede { why } => {
            end_undecided(row, Stage::Superseded { at: now, why: why.clone() }, "supersede", now)
        }
        Step::Lapse => lapse(ruling, row, now),
        Step::Extend { by, note, until } => extend(row, by, note, *until, now),
        Step::BaseMoved { moved } => decide::base_moved(row, moved, now),
        Step::Void { decisions, why } => decide::void(row, decisions, why, now),
        Step::Intend { .. }
        | Step::Wrote { .. }
        | Step::Stale { .. }
        | Step::Confirm { .. }
        | Step::Part { .. }
        | Step::Fail { .. }
        | Step::CannotTell { .. }
        | Step::Attest { .. }
        | Step::Health { .. }
        | Step::EndWatch { .. }
        | Step::Restored => execute::apply(ruling, row, step, now),
    }
}

/// The entry of a new row. The row itself is built by whoever judged the draft.
pub fn opened(row: &Row) -> Entry {
    Entry { event: Event::RowOpened, body: revision_body(row).with("to", row.state().word()) }
}

fn revise(ruling: &Ruling, row: &Row, revision: &Revision, now: Timestamp) -> Result<Transition, Refusal> {
    // A halt stops agents; what a person changes is a person's.
    if let (Some((by, note)), None) = (&ruling.halted, &revision.amended_by) {
        return Err(Refusal::Halted { by: by.clone(), note: note.clone() });
    }
    // What is approved and not begun covers the signals that its keys saw: its agent may say that they got worse.
    let waits_for_executor =
        matches!(&row.stage, Stage::Approved { approval } if approval.how != How::ByHand);
    if !(row.state().undecided() || waits_for_executor && revision.amended_by.is_none()) {
        let step = if revision.amended_by.is_some() { "amend" } else { "revise" };
        return Err(Refusal::OutOfStep { state: row.state(), step: step.to_owned() });
    }
    if row.revision >= Row::REVISIONS_MAX {
        return Err(Refusal::TooManyRevisions { limit: Row::REVISIONS_MAX });
    }
    let mut next = row.clone();
    next.revision += 1;
    let why = match &revision.amended_by {
        Some(by) => format!("{by} changed what is proposed"),
        None => "the agent drafted again".to_owned(),
    };
    void_standing(&mut next, row.revision, &why);
    let Revision {
        title,
        verdict,
        incident,
        reviewers,
        risk,
        rule,
        digests,
        base_revision,
        drift,
        claim,
        amended_by,
    } = revision.clone();
    next.title = title;
    next.verdict = verdict;
    next.incident = incident;
    next.reviewers = reviewers;
    // A class may only rise, and a rule only tighten, while the row is open.
    next.risk = risk.max(row.risk);
    next.rule = rule.tightened_by(&row.rule);
    next.digests = digests;
    next.base_revision = base_revision;
    next.drift = drift;
    next.claim = claim;
    next.again.clear();
    next.revised_by.clone_from(&amended_by);
    let body = revision_body(&next).with_some("amended_by", amended_by.as_ref().map(PrincipalId::as_str));
    Ok(moved_to(row, next, Stage::Pending, Event::RowRevised, body, now))
}

/// The same evidence, dated anew: the row's state, its keys and its digests stay, and so does the time of its last change.
fn read_again(
    ruling: &Ruling,
    row: &Row,
    evidence: Digest,
    again: &BTreeMap<u32, Again>,
    now: Timestamp,
) -> Result<Transition, Refusal> {
    if let Some((by, note)) = &ruling.halted {
        return Err(Refusal::Halted { by: by.clone(), note: note.clone() });
    }
    if !row.state().undecided() {
        return Err(Refusal::OutOfStep { state: row.state(), step: "confirm".to_owned() });
    }
    if row.digests.evidence != evidence {
        return Err(Refusal::EvidenceMoved { what: vec!["the signals".to_owned()] });
    }
    let mut next = row.clone();
    for (place, one) in again {
        // An agent's clock may be ahead of ours.
        let one = Again { at: one.at.min(now), value: one.value.clone() };
        let before = next.again.get(place);
        if before.is_none_or(|before| before.at < one.at) {
            next.again.insert(*place, one);
        }
    }
    let dated =
        |one: &Again| c1::map([("at", c1::Value::from(one.at))]).with_some("value", one.value.as_deref());
    let dated = next.again.iter().map(|(place, one)| (place.to_string(), dated(one)));
    let body = c1::map([("evidence_sha256", c1::Value::from(evidence)), ("again", c1::map(dated))]);
    let entries = vec![Entry { event: Event::RowEvidence, body }];
    Ok(Transition { row: next, entries, hold: None, work: Vec::new() })
}

fn revision_body(row: &Row) -> c1::Value {
    c1::map([
        ("agent", c1::Value::from(row.agent.as_str())),
        ("owner", row.owner.as_str().into()),
        ("subject", row.subject.as_str().into()),
        ("environment", row.environment.as_str().into()),
        ("verdict", row.verdict.word().into()),
        ("risk", row.risk.word().into()),
        ("keys_needed", row.rule.keys_needed().into()),
        ("content_sha256", row.digests.content.into()),
        ("base_sha256", row.digests.base.into()),
        ("effect_sha256", row.digests.effect.into()),
        ("evidence_sha256", row.digests.evidence.into()),
        ("presented_sha256", row.digests.presented.into()),
    ])
    .with_some("drift_sha256", row.drift)
    .with_some("rule", row.rule.told())
    .with_some("touch", row.rule.touch.then_some("true"))
}

fn end_undecided(row: &Row, stage: Stage, step: &str, now: Timestamp) -> Result<Transition, Refusal> {
    if !row.state().undecided() {
        return Err(Refusal::OutOfStep { state: row.state(), step: step.to_owned() });
    }
    let why = match &stage {
        Stage::Superseded { why, .. } | Stage::Withdrawn { why, .. } => Some(why.clone()),
        _ => None,
    };
    let body = c1::map::<&str>([]).with_some("why", why.filter(|why| !why.is_empty()));
    Ok(moved_to(row, row.clone(), stage, Event::RowState, body, now))
}

fn lapse(ruling: &Ruling, row: &Row, now: Timestamp) -> Result<Transition, Refusal> {
    let told = |next: Row, stage: Stage, why: &str| {
        let body = c1::map([("why", why)].map(|(k, v)| (k, c1::Value::from(v))));
        Ok(moved_to(row, next, stage, Event::RowState, body, now))
    };
    match due(row, now) {
        Some(Due::Expiry) if ruling.halted.is_none() => {
            told(row.clone(), Stage::Expired { at: now }, "its time ran out")
        }
        Some(Due::FirstKey) => {
            let mut next = row.clone();
            void_standing(&mut next, row.revision, "the first key was 15 minutes old");
            told(next, Stage::Pending, "the first key was 15 minutes old")
        }
        Some(Due::Approval) => {
            let mut next = row.clone();
            void_standing(&mut next, row.revision, "the execution had not begun in time");
            told(next, Stage::Pending, "the execution had not begun in time")
        }
        Some(Due::Expiry) | None => Err(Refusal::OutOfStep { state: row.state(), step: "lapse".to_owned() }),
    }
}

/// What time alone will do to a row next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    Expiry,
    FirstKey,
    Approval,
}

/// What is due now, if anything.
pub fn due(row: &Row, now: Timestamp) -> Option<Due> {
    if row.state().undecided() && row.expires_at <= now {
        return Some(Due::Expiry);
    }
    let over = |since: Timestamp, lasts| now.duration_since(since) >= lasts;
    match &row.stage {
        _ if row.second_key_by().is_some_and(|by| by <= now) => Some(Due::FirstKey),
        Stage::Approved { approval } if over(approval.at, row.approval_lasts()) => Some(Due::Approval),
        _ => None,
    }
}

fn extend(
    row: &Row,
    by: &PrincipalId,
    note: &Note,
    until: Timestamp,
    now: Timestamp,
) -> Result<Transition, Refusal> {
    if row.expires_at <= now {
        return Err(Refusal::Expired { at: row.expires_at });
    }
    if !row.state().undecided() || until <= row.expires_at {
        return Err(Refusal::OutOfStep { state: row.state(), step: "extend".to_owned() });
    }
    let mut next = row.clone();
    next.expires_at = until;
    next.changed_at = now;
    let body = c1::map([
        ("by", c1::Value::from(by.as_str())),
        ("note", note.as_str().into()),
        ("until", until.into()),
    ]);
    Ok(Transition {
        row: next,
        entries: vec![Entry { event: Event::RowExtended, body }],
        hold: None,
        work: Vec::new(),
    })
}

/// Keys of `revision` that stand become void; void stays void.
fn void_standing(row: &mut Row, revision: u32, why: &str) {
    for key in row.keys.iter_mut().filter(|key| key.void.is_none() && key.revision == revision) {
        key.void = Some(why.to_owned());
    }
}

/// The transition of `next` into `stage`, with the entry that tells it, and which keys became void by it: whoever
/// counts from the record alone has to know.
fn moved_to(
    row: &Row,
    mut next: Row,
    stage: Stage,
    event: Event,
    body: c1::Value,
    now: Timestamp,
) -> Transition {
    next.stage = stage;
    next.changed_at = now;
    let body = body
        .with("from", row.state().word())
        .with("to", next.state().word())
        .with_some("void", newly_void(row, &next));
    Transition { row: next, entries: vec![Entry { event, body }], hold: None, work: Vec::new() }
}

/// The decisions that stood in `row` and are void in `next`.
fn newly_void(row: &Row, next: &Row) -> Option<c1::Value> {
    let stood = |id: &DecisionId| row.keys.iter().any(|key| key.decision_id == *id && key.void.is_none());
    let void = next.keys.iter().filter(|key| key.void.is_some()).map(|key| &key.decision_id);
    let ids: Vec<c1::Value> = void.filter(|id| stood(id)).map(|id| id.as_str().into()).collect();
    (!ids.is_empty()).then_some(c1::Value::List(ids))
}

impl Transition {
    fn with(mut self, work: Work) -> Self {
        self.work.push(work);
        self
    }
}
