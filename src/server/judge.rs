//! What an agent says is a claim: here it is held against the backend's own reading, before anything is stored.
//!
//! Pure: the draft, the reading, the rules in; a row or a refusal out. The reading was made by the caller, now.
//! Never: takes environment, risk, keys, effect, base or difference from the draft.

use std::num::NonZeroU32;

use jiff::Timestamp;

use super::thresholds::{About, Asked};
use crate::{
    lifecycle,
    row::{Digest, Draft, PrincipalId, Reading, Refusal, Risk, Row, RowId, Rule, Stage, difference},
};

/// What the team asks of rows, by risk: how many keys, and whether each needs a touch or a note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asks {
    pub(super) keys: [NonZeroU32; 3],
    /// Who must be among them, where that is asked.
    pub(super) thresholds: Vec<Asked>,
    pub(super) touch_in_production: bool,
}

/// Who drafts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Author {
    pub(super) agent: PrincipalId,
    pub(super) owner: PrincipalId,
}

/// A claim that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Judged {
    pub(super) risk: Risk,
    pub(super) rule: Rule,
    pub(super) drift: Option<Digest>,
}

/// Compares field by field what the draft says with what was read. A base that moved in between is told as such, so
/// that the agent reads again; everything else that differs is a claim that does not hold.
pub(super) fn claim(row: RowId, draft: &Draft, reading: &Reading, asks: &Asks) -> Result<Judged, Refusal> {
    let base = reading.base();
    let moved = draft.base.moved(&base);
    if !moved.is_empty() {
        return Err(Refusal::BaseMoved { row, moved });
    }
    if let Some(read) = reading.nothing_to_decide() {
        let (what, claimed) = ("what waits".to_owned(), "a decision".to_owned());
        return Err(Refusal::ClaimMismatch { what, claimed, read });
    }
    let same = |what: &str, claimed: &str, read: &str| {
        if claimed == read {
            return Ok(());
        }
        Err(Refusal::ClaimMismatch {
            what: what.to_owned(),
            claimed: claimed.to_owned(),
            read: read.to_owned(),
        })
    };
    same("the subject", &draft.subject, &reading.subject())?;
    same("the environment", &draft.environment, reading.environment())?;
    same("the base", &draft.base.digest().to_string(), &base.digest().to_string())?;
    same("the effect", &draft.effect.digest().to_string(), &reading.effect().digest().to_string())?;
    let read = reading.difference();
    // An agent of an earlier version writes the same difference as it was written then.
    if draft.diff != read && draft.diff != difference::plain(&read) {
        same("the difference", &Digest::of(&draft.diff).short(), &Digest::of(&read).short())?;
    }
    let risk = reading.risk();
    same("the risk", draft.risk.word(), risk.word())?;
    let about = About { kind: row.kind, environment: &draft.environment, risk, reading: Some(reading) };
    let rule = rule(about, asks, reading.keys());
    Ok(Judged { risk, rule, drift: reading.drift() })
}

/// The rule that a new row freezes; the subject itself asks for `least` keys.
pub(super) fn rule(about: About<'_>, asks: &Asks, least: NonZeroU32) -> Rule {
    let by_risk = match about.risk {
        Risk::Reversible => asks.keys[0],
        Risk::Costly => asks.keys[1],
        Risk::Irreversible => asks.keys[2],
    };
    let keys = by_risk.max(least);
    let asked = asks.thresholds.iter().filter(|asked| asked.applies(about)).map(Asked::threshold);
    let mut rule = Rule::with(keys, asked.collect());
    // In production what is hard to take back needs a touch, or two people.
    rule.touch = asks.touch_in_production
        && about.environment == "production"
        && about.risk > Risk::Reversible
        && keys.get() < 2;
    rule
}

/// A new row, before its first commit.
pub(super) fn open(id: RowId, draft: &Draft, author: &Author, judged: Judged, now: Timestamp) -> Row {
    Row {
        id,
        subject: draft.subject.clone(),
        environment: draft.environment.clone(),
        title: draft.title.clone(),
        agent: author.agent.clone(),
        owner: author.owner.clone(),
        verdict: draft.verdict,
        incident: draft.incident.clone(),
        parent: draft.parent,
        reviewers: draft.reviewers.clone(),
        risk: judged.risk,
        rule: judged.rule,
        revision: 1,
        version: 1,
        digests: draft.digests(id, 1),
        base_revision: draft.base.revision(),
        drift: judged.drift,
        claim: false,
        stage: Stage::Pending,
        keys: Vec::new(),
        withdrawn_by_person: false,
        revised_by: None,
        again: std::collections::BTreeMap::new(),
        created_at: now,
        changed_at: now,
        expires_at: now.saturating_add(Row::lifetime(id.kind)).unwrap_or(Timestamp::MAX),
    }
}

/// The next revision of an open row.
pub(super) fn revision(row: &Row, draft: &Draft, judged: Judged) -> lifecycle::Revision {
    lifecycle::Revision {
        title: draft.title.clone(),
        verdict: draft.verdict,
        incident: draft.incident.clone(),
        reviewers: draft.reviewers.clone(),
        risk: judged.risk,
        rule: judged.rule,
        digests: draft.digests(row.id, row.revision + 1),
        base_revision: draft.base.revision(),
        drift: judged.drift,
        claim: false,
        amended_by: None,
    }
}
