//! A normal "no": a sentence and a hint. The console computes it before asking, the server again before committing.
//!
//! Never: an error. An error is what the protocol does not foresee.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Kind, Moved, PrincipalId, RowId, State};

/// Why a step is not taken. The codes are the wire's (4-backend §4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Refusal {
    BadStatement {
        why: String,
    },
    BadSignature {
        why: String,
    },
    UnknownKey {
        key: String,
    },
    KeyExpired {
        key: String,
    },
    TouchRequired,
    ForeignRecord {
        why: String,
    },
    StaleRevision {
        row: RowId,
        signed: u32,
        current: u32,
    },
    ContentMismatch {
        what: String,
    },
    BaseMoved {
        row: RowId,
        moved: Vec<Moved>,
    },
    /// What moved on a page and what is proposed for it cannot both stand as they are.
    EditTouched {
        row: RowId,
        touched: Vec<String>,
    },
    NotAuthorised {
        who: PrincipalId,
        why: String,
    },
    NotOnCall {
        who: PrincipalId,
    },
    OwnProposal {
        agent: PrincipalId,
    },
    AlreadyReviewed {
        at: Timestamp,
    },
    AlreadyDecided {
        by: PrincipalId,
        at: Timestamp,
        decision: String,
    },
    NoteRequired {
        why: String,
    },
    GoesAgainstVerdict {
        verdict: String,
    },
    OnHold {
        by: PrincipalId,
        note: String,
    },
    EvidenceMoved {
        what: Vec<String>,
    },
    Expired {
        at: Timestamp,
    },
    Overtaken {
        why: String,
    },
    AlreadyExecuting,
    /// The step does not fit the state: nothing to withdraw, nothing to revise.
    OutOfStep {
        state: State,
        step: String,
    },
    ClaimMismatch {
        what: String,
        claimed: String,
        read: String,
    },
    SubjectTaken {
        row: RowId,
    },
    TooManyRevisions {
        limit: u32,
    },
    Halted {
        by: PrincipalId,
        note: String,
    },
    SourceUnreachable {
        platform: String,
        why: String,
    },
    Busy,
}

impl Refusal {
    pub fn code(&self) -> &'static str {
        match self {
            Self::BadStatement { .. } => "bad_statement",
            Self::BadSignature { .. } => "bad_signature",
            Self::UnknownKey { .. } => "unknown_key",
            Self::KeyExpired { .. } => "key_expired",
            Self::TouchRequired => "touch_required",
            Self::ForeignRecord { .. } => "foreign_record",
            Self::StaleRevision { .. } => "stale_revision",
            Self::ContentMismatch { .. } => "content_mismatch",
            Self::BaseMoved { .. } => "base_moved",
            Self::EditTouched { .. } => "edit_touched",
            Self::NotAuthorised { .. } => "not_authorised",
            Self::NotOnCall { .. } => "not_on_call",
            Self::OwnProposal { .. } => "own_proposal",
            Self::AlreadyReviewed { .. } => "already_reviewed",
            Self::AlreadyDecided { .. } => "already_decided",
            Self::NoteRequired { .. } => "note_required",
            Self::GoesAgainstVerdict { .. } => "goes_against_verdict",
            Self::OnHold { .. } => "on_hold",
            Self::EvidenceMoved { .. } => "evidence_moved",
            Self::Expired { .. } => "expired",
            Self::Overtaken { .. } => "overtaken",
            Self::AlreadyExecuting => "already_executing",
            Self::OutOfStep { .. } => "out_of_step",
            Self::ClaimMismatch { .. } => "claim_mismatch",
            Self::SubjectTaken { .. } => "subject_taken",
            Self::TooManyRevisions { .. } => "too_many_revisions",
            Self::Halted { .. } => "halted",
            Self::SourceUnreachable { .. } => "source_unreachable",
            Self::Busy => "busy",
        }
    }

    /// Not final: the same bytes may be accepted later.
    pub fn passing(&self) -> bool {
        matches!(self, Self::SourceUnreachable { .. } | Self::Busy)
    }

    /// As the backend says it, which knows nothing of its reader's clock: times are UTC.
    pub fn sentence(&self) -> String {
        self.said(&|at| at.strftime("%Y-%m-%d %H:%M UTC").to_string())
    }

    /// As it is said where it was computed before anything was sent: nothing of it is in the record.
    pub fn unsent(&self, when: &dyn Fn(Timestamp) -> String) -> String {
        match self {
            Self::AlreadyDecided { by, at, decision } => {
                format!("{by} {decision} at {}. Yours would change nothing, and was not sent.", when(*at))
            }
            Self::Expired { at } => format!("The row lapsed at {}. Nothing was decided.", when(*at)),
            other => other.said(when),
        }
    }

    fn said(&self, when: &dyn Fn(Timestamp) -> String) -> String {
        match self {
            Self::BadStatement { why } => format!("The statement cannot be read: {why}."),
            Self::BadSignature { why } => format!("The signature does not hold: {why}."),
            Self::UnknownKey { key } => format!("The key {key} is not enrolled for this reviewer."),
            Self::KeyExpired { key } => format!("The key {key} is not valid now."),
            Self::TouchRequired => "This row needs a key that proves a touch.".to_owned(),
            Self::ForeignRecord { why } => format!("The decision was made on another record: {why}."),
            Self::StaleRevision { row, signed, current } => {
                format!("{row} is at revision {current} now; you signed r{signed}.")
            }
            Self::ContentMismatch { what } => {
                format!("What was signed is not what stands here: {what} differs.")
            }
            Self::BaseMoved { moved, .. } => {
                format!("Not executed: {} changed after you read it.", names(moved))
            }
            Self::EditTouched { touched, .. } => {
                format!("Not merged, since what moved on the page touches the edit: {}.", touched.join("; "))
            }
            Self::NotAuthorised { who, why } => format!("{who} may not do this: {why}."),
            Self::NotOnCall { who } => format!("{who} is not on call now."),
            Self::OwnProposal { agent } => format!("{agent} is your agent. Another person must decide."),
            Self::AlreadyReviewed { at } => {
                format!("You decided on this revision at {}; one review a person counts.", when(*at))
            }
            Self::AlreadyDecided { by, at, decision } => {
                format!(
                    "{by} {decision} at {}. Yours is recorded as an attempt and changes nothing.",
                    when(*at)
                )
            }
            Self::NoteRequired { why } => format!("A note is needed: {why}."),
            Self::GoesAgainstVerdict { verdict } => {
                format!("The agent says {verdict}: a plain approval goes against it.")
            }
            Self::OnHold { by, note } => format!("The same drift is held by {by}: {note}"),
            Self::EvidenceMoved { what } => {
                format!("The evidence has changed since you signed: {}.", what.join(", "))
            }
            Self::Expired { at } => {
                format!("The row lapsed at {}, before this arrived. Nothing was decided.", when(*at))
            }
            Self::Overtaken { why } => format!("Not sent: {why}."),
            Self::AlreadyExecuting => {
                "It is being executed already and can no longer be withdrawn.".to_owned()
            }
            Self::OutOfStep { state, step } => {
                format!("The row is {}: there is nothing to {step}.", state.said())
            }
            Self::ClaimMismatch { what, claimed, read } => {
                format!("The draft says {what} is {claimed}; our own read says {read}.")
            }
            Self::SubjectTaken { row } => format!("{row} is open for this subject already."),
            Self::TooManyRevisions { limit } => format!("A row has {limit} revisions at most."),
            Self::Halted { by, note } => format!("Halted by {by}: {note}"),
            Self::SourceUnreachable { platform, why } => format!("{platform} cannot be read now: {why}."),
            Self::Busy => "Too much at once.".to_owned(),
        }
    }

    /// What a mismatch is called when an agent's revision passes over the reviewers who amended the row.
    pub const WHO_AMENDED: &'static str = "who amended it";

    pub fn hint(&self) -> Cow<'static, str> {
        match self {
            Self::BaseMoved { row, .. } if row.kind == Kind::Runbook => format!(
                "`dock show {row} --diff --since draft` says what moved; where the edit lies apart from it, \
                 `dock amend {row} --merge` (J in the console) takes it over, else the agent drafts again"
            )
            .into(),
            _ => self.hint_of_its_kind().into(),
        }
    }

    fn hint_of_its_kind(&self) -> &'static str {
        match self {
            Self::ClaimMismatch { what, .. } if what == Self::WHO_AMENDED => {
                "read the row again, keep what its reviewers changed, and name them"
            }
            Self::BadStatement { .. } | Self::BadSignature { .. } => "decide again with this version of dock",
            Self::UnknownKey { .. } | Self::KeyExpired { .. } => {
                "`dock whoami` shows your keys; an administrator enrols new ones"
            }
            Self::TouchRequired => "sign with a security key (sk-), or let a second person sign",
            Self::ForeignRecord { .. } => "`dock sync` reads this server's record, then decide again",
            Self::StaleRevision { .. } | Self::ContentMismatch { .. } | Self::Overtaken { .. } => {
                "read the new revision, then decide again"
            }
            Self::BaseMoved { .. } => "v shows what moved; the agent drafts again",
            Self::EditTouched { .. } => {
                "strike those operations with the merge, or put what lies beside in other words; else the agent drafts again"
            }
            Self::NotAuthorised { .. } | Self::NotOnCall { .. } => {
                "ask one of the reviewers named on the row"
            }
            Self::OwnProposal { .. } => "ask another reviewer",
            Self::AlreadyReviewed { .. } => "withdraw first, then decide again: a decline is always free",
            Self::AlreadyDecided { .. } | Self::AlreadyExecuting => {
                "the row's own page tells who and when; `g r` shows every attempt"
            }
            Self::NoteRequired { .. } => "write ten characters or more, three different letters among them",
            Self::GoesAgainstVerdict { .. } => "approve with conditions, or `override` in writing",
            Self::OnHold { .. } => "lift the hold first: `dock holds lift`",
            Self::EvidenceMoved { .. } => "read the new evidence, then sign again",
            Self::Expired { .. } => "ask the agent to draft it again",
            Self::OutOfStep { .. } => "`dock show` says where the row stands",
            Self::ClaimMismatch { .. } => "read the platform again, then draft",
            Self::SubjectTaken { .. } => "revise that row instead",
            Self::TooManyRevisions { .. } => "withdraw it and open a new row",
            Self::Halted { .. } => "`dock resume` by an administrator",
            Self::SourceUnreachable { .. } | Self::Busy => "it is tried again by itself",
        }
    }
}

fn names(moved: &[Moved]) -> String {
    let names: Vec<_> = moved.iter().map(|moved| moved.what.as_str()).collect();
    if names.is_empty() { "something".to_owned() } else { names.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_sent_is_not_said_to_be_in_the_record() {
        let at: Timestamp = "2026-05-12T09:14:03.225Z".parse().unwrap();
        let decided =
            Refusal::AlreadyDecided { by: "priya".parse().unwrap(), at, decision: "declined".to_owned() };
        let local = |at: Timestamp| at.strftime("%H:%M").to_string();
        assert_eq!(
            decided.sentence(),
            "priya declined at 2026-05-12 09:14 UTC. Yours is recorded as an attempt and changes nothing."
        );
        assert_eq!(
            decided.unsent(&local),
            "priya declined at 09:14. Yours would change nothing, and was not sent."
        );
        assert_eq!(Refusal::Expired { at }.unsent(&local), "The row lapsed at 09:14. Nothing was decided.");
        let step = "confirm".to_owned();
        assert_eq!(
            Refusal::OutOfStep { state: State::HalfSigned, step }.unsent(&local),
            "The row is half signed: there is nothing to confirm."
        );
    }
}
