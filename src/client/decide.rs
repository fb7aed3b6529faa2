//! A decision on this side: what can be refused before anybody is asked, then the statement, the signature, the disk.
//!
//! Everything here is done without the network: when [`sign`] returns, the decision is in the outbox, fsynced.
//! Never: signs what is not exactly on the screen.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::{
    cache::Cached,
    database::StoreError,
    outbox::{Entry, Fate, Outbox},
    signer::{SignError, Signer},
};
use crate::{
    audit::{
        note::{Checkpoint, NoteError, read_unchecked},
        sshsig::Purpose,
        statement::{Seen, Statement},
    },
    row::{Decision, DecisionId, Digest, Note, PrincipalId, Proposal, Refusal, RowId, State},
    stop_point,
    wire::{self, DecisionView, RowView},
};

/// What a reviewer means to say.
#[derive(Debug, Clone, PartialEq)]
pub struct Wish {
    pub decision: Decision,
    /// Asked for by name: it goes against the agent's verdict.
    pub overrides: bool,
    pub note: Option<Note>,
    /// `canary` → `10%`.
    pub conditions: BTreeMap<String, String>,
    /// What was on the screen, from the last frame that was flushed.
    pub pin: Pin,
    pub on_screen_s: u64,
    /// The server was away when this was decided.
    pub offline: bool,
    /// How long it rests and can be taken back.
    pub rests: SignedDuration,
}

/// What was on the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pin {
    pub revision: u32,
    pub content: Digest,
    pub base: Digest,
    pub evidence: Digest,
    pub presented: Digest,
}

impl Pin {
    pub fn of(view: &RowView) -> Self {
        Self {
            revision: view.head.revision,
            content: view.head.content_sha256,
            base: view.head.base.sha256,
            evidence: view.evidence_sha256,
            presented: view.presented_sha256,
        }
    }
}

/// Who decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Me {
    pub id: PrincipalId,
    /// The agents that this person answers for, as far as known.
    pub agents: Vec<PrincipalId>,
    pub org: String,
    /// With what authority, as the server last said.
    pub roles: Vec<String>,
    pub on_call: bool,
    /// When the shift ends, where that is known.
    pub on_call_until: Option<Timestamp>,
}

impl Me {
    /// This person, with what the server last said, where it said anything.
    pub fn of(id: PrincipalId, org: &str, told: Option<wire::Me>) -> Self {
        let on_call = told.as_ref().is_some_and(|me| me.attributes.contains_key("on_call"));
        let on_call_until = told.as_ref().and_then(|me| me.on_call_until);
        let (agents, roles) = told.map(|me| (me.agents, me.roles)).unwrap_or_default();
        Self { id, agents, org: org.to_owned(), roles, on_call, on_call_until }
    }
}

/// Why nothing was signed.
#[derive(Debug, thiserror::Error)]
pub enum DecideError {
    #[error("{}\nhint: {}", .0.sentence(), .0.hint())]
    Refused(Refusal),
    #[error("{0}\nhint: `dock sync` reads it again")]
    Undecidable(String),
    #[error(
        "your {} of {row} r{revision} waits already, signed and unsent\nhint: `dock sync --once` delivers it", .decision.said()
    )]
    Waits { row: RowId, revision: u32, decision: Decision },
    #[error(
        "not signed: what is ticked of {row} here is not all that would be signed, see {}\nhint: `dock tick {row}` shows it; sign again, or take it back: `dock tick {row} {} nothing`", numbered(.steps), .steps.first().copied().unwrap_or(1)
    )]
    Ticked { row: RowId, steps: Vec<usize> },
    #[error(
        "this home has not seen a head of the record yet, and a decision names one\nhint: `dock sync --once`"
    )]
    NoHead,
    #[error("the head of the record that is kept here cannot be read: {0}")]
    Head(#[from] NoteError),
    #[error(
        "RECORD BROKEN: the server could not prove what was seen before; deciding is off\nhint: `dock audit checkpoint` shows both heads"
    )]
    RecordBroken,
    #[error(transparent)]
    Sign(#[from] SignError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the system gives no random numbers")]
    NoChance,
}

fn numbered(steps: &[usize]) -> String {
    let numbers: Vec<String> = steps.iter().map(usize::to_string).collect();
    format!("{} {}", if steps.len() == 1 { "step" } else { "steps" }, numbers.join(", "))
}

/// Everything that can be refused from here, in the order in which the server would tell it; authority, touch of other
/// people's keys and the platforms' own word are the server's to judge.
pub fn check(
    view: &RowView,
    me: &Me,
    wish: &Wish,
    proves_touch: bool,
    now: Timestamp,
) -> Result<(), Refusal> {
    check_state(view, me, wish.decision, now)?;
    if view.head.owner == me.id || me.agents.contains(&view.head.agent) {
        return Err(Refusal::OwnProposal { agent: view.head.agent.clone() });
    }
    check_pin(view, wish)?;
    check_note(view, wish)?;
    if wish.decision != Decision::Approve {
        return Ok(());
    }
    if view.effect.with_conditions(&wish.conditions).is_none() {
        return Err(Refusal::ContentMismatch { what: "the conditions: this row takes none such".to_owned() });
    }
    if view.head.verdict.against(Decision::Approve, !wish.conditions.is_empty()) && !wish.overrides {
        return Err(Refusal::GoesAgainstVerdict { verdict: view.head.verdict.word().to_owned() });
    }
    if view.touch_needed && !proves_touch {
        return Err(Refusal::TouchRequired);
    }
    Ok(())
}

fn check_state(view: &RowView, me: &Me, decision: Decision, now: Timestamp) -> Result<(), Refusal> {
    let head = &view.head;
    let out_of_step = || Err(Refusal::OutOfStep { state: head.state, step: decision.word().to_owned() });
    let own = standing(view).find(|earlier| earlier.reviewer == me.id);
    if decision == Decision::Withdraw {
        return match head.state {
            State::Executing | State::Executed => Err(Refusal::AlreadyExecuting),
            State::Approved if view.policy.is_some() => Ok(()),
            State::Pending | State::HalfSigned | State::Approved if own.is_some() => Ok(()),
            _ => out_of_step(),
        };
    }
    if head.state == State::Expired || (head.state.undecided() && head.expires_at <= now) {
        return Err(Refusal::Expired { at: head.expires_at });
    }
    if !head.state.undecided() {
        return Err(settled_by(view));
    }
    if decision != Decision::Decline && !head.state.open() {
        return out_of_step();
    }
    own.map_or(Ok(()), |earlier| Err(Refusal::AlreadyReviewed { at: earlier.at }))
}

/// The reviews of the present revision that count.
fn standing(view: &RowView) -> impl Iterator<Item = &DecisionView> {
    let counts = |d: &&DecisionView| d.void.is_none() && d.decision != Decision::Withdraw;
    view.decisions.iter().filter(move |d| d.revision == view.head.revision).filter(counts)
}

fn settled_by(view: &RowView) -> Refusal {
    let last = view.decisions.iter().rev().find(|d| d.void.is_none() && d.decision != Decision::Withdraw);
    match last {
        Some(last) => Refusal::AlreadyDecided {
            by: last.reviewer.clone(),
            at: last.at,
            decision: last.decision.past().to_owned(),
        },
        None => Refusal::OutOfStep { state: view.head.state, step: "decide".to_owned() },
    }
}

fn check_pin(view: &RowView, wish: &Wish) -> Result<(), Refusal> {
    if wish.decision == Decision::Withdraw {
        return Ok(());
    }
    let (pin, now) = (wish.pin, Pin::of(view));
    if pin.revision != now.revision {
        if wish.decision == Decision::Decline && pin.revision < now.revision {
            return Ok(());
        }
        return Err(Refusal::StaleRevision {
            row: view.head.id,
            signed: pin.revision,
            current: now.revision,
        });
    }
    let same = [
        ("the content", pin.content == now.content),
        ("the base", pin.base == now.base),
        ("the text that was shown", pin.presented == now.presented),
    ];
    match same.into_iter().find(|(_, same)| !same) {
        Some((what, _)) => Err(Refusal::ContentMismatch { what: what.to_owned() }),
        None if pin.evidence != now.evidence && wish.decision == Decision::Approve => {
            Err(Refusal::EvidenceMoved { what: vec!["the signals".to_owned()] })
        }
        None => Ok(()),
    }
}

fn check_note(view: &RowView, wish: &Wish) -> Result<(), Refusal> {
    let why = match wish.decision {
        Decision::Decline => "a decline says why",
        Decision::NeedsChanges => "say what to change",
        Decision::Approve if wish.overrides => "an override is in writing",
        Decision::Approve if view.note_needed => "this row's rule asks for one",
        Decision::Approve | Decision::Withdraw => return Ok(()),
    };
    if wish.note.is_some() { Ok(()) } else { Err(Refusal::NoteRequired { why: why.to_owned() }) }
}

/// The statement, as it would be signed: also what the dialog shows on request.
pub fn statement(
    view: &RowView,
    me: &Me,
    wish: &Wish,
    id: DecisionId,
    head: &Checkpoint,
    now: Timestamp,
) -> Statement {
    let approves = wish.decision == Decision::Approve;
    let effect = if approves { view.effect.with_conditions(&wish.conditions) } else { None };
    let against = view.head.verdict.against(wish.decision, !wish.conditions.is_empty());
    Statement {
        org: me.org.clone(),
        decision_id: id,
        decision: wish.decision,
        row: view.head.id,
        revision: wish.pin.revision,
        reviewer: me.id.clone(),
        base: wish.pin.base,
        content: wish.pin.content,
        effect: effect.map_or(view.effect_sha256, |effect| effect.digest()),
        evidence: wish.pin.evidence,
        presented: wish.pin.presented,
        conditions: if approves { wish.conditions.clone() } else { BTreeMap::new() },
        note: wish.note.as_ref().map(ToString::to_string).unwrap_or_default(),
        made_at: now,
        offline: wish.offline,
        on_screen_s: wish.on_screen_s,
        // A plain decline against the verdict is marked as one; it is never refused for that.
        overrides: against && (wish.overrides || wish.decision == Decision::Decline),
        seen: Seen { origin: head.origin.clone(), root: Digest(head.root), size: head.size },
    }
}

/// Checks, signs, and puts the decision on disk. The network is not touched; `crate::client::sync` delivers.
pub fn sign(
    outbox: &mut Outbox,
    signer: &Signer,
    cached: &Cached,
    me: &Me,
    wish: &Wish,
    now: Timestamp,
) -> Result<Entry, DecideError> {
    if let Some(why) = &cached.undecidable {
        return Err(DecideError::Undecidable(why.clone()));
    }
    if outbox.broken()?.is_some() {
        return Err(DecideError::RecordBroken);
    }
    let view = &cached.view;
    // Whether it lapsed is told by the server's clock, as last heard: ours may be a day off.
    check(view, me, wish, signer.proves_touch(), view.head.as_of).map_err(DecideError::Refused)?;
    // A second one could only be refused when both arrive. What is withdrawn may be on its way already.
    let waits = |entry: &&Entry| {
        entry.row == view.head.id
            && entry.revision == wish.pin.revision
            && (entry.decision == Decision::Withdraw) == (wish.decision == Decision::Withdraw)
    };
    if let Some(entry) = outbox.unsent()?.iter().find(waits) {
        let (row, revision, decision) = (entry.row, entry.revision, entry.decision);
        return Err(DecideError::Waits { row, revision, decision });
    }
    let head = outbox.head()?.ok_or(DecideError::NoHead)?;
    let seen = read_unchecked(head.note.as_bytes())?;
    let id = new_id(now)?;
    let statement = statement(view, me, wish, id.clone(), &seen, now);
    let bytes = statement.to_bytes();
    let signature = signer.sign(Purpose::Decision, &me.org, &bytes)?;
    stop_point::reach("statement.signed");
    let leaves_at = now.saturating_add(wish.rests).unwrap_or(now);
    let entry = Entry {
        id,
        row: view.head.id,
        revision: statement.revision,
        decision: statement.decision,
        overrides: statement.overrides,
        note: (!statement.note.is_empty()).then_some(statement.note),
        content: statement.content,
        base: statement.base,
        offline: statement.offline,
        statement: String::from_utf8_lossy(&bytes).into_owned(),
        signature,
        key: signer.fingerprint(),
        made_at: now,
        leaves_at,
        fate: Fate::Signed,
        attempts: 0,
        next_at: leaves_at,
        changed_at: now,
        opened: false,
    };
    put(outbox, view, wish, &entry)?;
    stop_point::reach("outbox.written");
    Ok(entry)
}

/// On disk. An approval ends a live runbook: what was ticked in another program since it was read would be signed by nobody.
fn put(outbox: &mut Outbox, view: &RowView, wish: &Wish, entry: &Entry) -> Result<(), DecideError> {
    if wish.decision != Decision::Approve || !matches!(view.proposal, Some(Proposal::Live(_))) {
        return Ok(outbox.put(entry)?);
    }
    match outbox.put_ticks(entry, &wish.conditions)? {
        left if left.is_empty() => Ok(()),
        steps => Err(DecideError::Ticked { row: entry.row, steps }),
    }
}

/// A new decision's name.
pub fn new_id(now: Timestamp) -> Result<DecisionId, DecideError> {
    let mut chance = [0; 10];
    super::chance(&mut chance).ok_or(DecideError::NoChance)?;
    Ok(DecisionId::new(u64::try_from(now.as_millisecond()).unwrap_or(0), chance))
}

#[cfg(test)]
mod tests;
