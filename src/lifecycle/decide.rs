//! Decisions: what a person, or a policy in a person's place, does to a row.
//!
//! Never: an agent's word counted as a key, or a review that was refused.

use crate::policy::{brings, missing};

use super::{
    Approval, Decision, DecisionId, Digest, Entry, Event, Hold, How, Judgement, Key, Kind, Moved, Refusal,
    Review, Risk, Row, Ruling, Stage, State, Tally, Timestamp, Touch, Transition, Vote, Work, c1, count,
    moved_to, void_standing,
};

pub(super) fn decide(row: &Row, review: &Judgement, now: Timestamp) -> Result<Transition, Refusal> {
    let mut review = review.clone();
    let conditions = !review.key.conditions.is_empty();
    if row.verdict.against(review.key.decision, conditions) && review.key.decision == Decision::Decline {
        review.key.overrides = true;
    }
    check(row, &review, now)?;
    let mut next = row.clone();
    if super::due(row, now) == Some(super::Due::FirstKey) {
        void_standing(&mut next, row.revision, "the first key was 15 minutes old");
    }
    match review.key.decision {
        Decision::Withdraw => Ok(withdraw(row, next, &review.key, now)),
        Decision::NeedsChanges => {
            let stage = Stage::NeedsChanges { by: review.key.reviewer.clone(), at: now };
            next.keys.push(review.key.clone());
            Ok(accepted(row, next, stage, &review.key, now))
        }
        Decision::Approve | Decision::Decline => Ok(vote(row, next, &review.key, now)),
    }
}

/// Everything that can refuse a decision, in the order in which it is told.
fn check(row: &Row, review: &Judgement, now: Timestamp) -> Result<(), Refusal> {
    let key = &review.key;
    check_state(row, key, now)?;
    if key.reviewer == row.owner || key.reviewer == row.agent {
        return Err(Refusal::OwnProposal { agent: row.agent.clone() });
    }
    check_seen(row, review)?;
    if let Some(no) = &review.authority {
        return Err(no.clone());
    }
    check_note(row, key)?;
    if key.decision == Decision::Approve {
        check_approval(row, review)?;
    }
    Ok(())
}

fn check_state(row: &Row, key: &Key, now: Timestamp) -> Result<(), Refusal> {
    let state = row.state();
    let out_of_step = |step: &str| Err(Refusal::OutOfStep { state, step: step.to_owned() });
    if key.decision == Decision::Withdraw {
        return match &row.stage {
            Stage::Executing { .. } | Stage::Executed { .. } => Err(Refusal::AlreadyExecuting),
            Stage::Approved { approval } if approval.how == How::Policy => Ok(()),
            Stage::Pending | Stage::HalfSigned { .. } | Stage::Approved { .. }
                if standing(row, key).is_some() =>
            {
                Ok(())
            }
            _ => out_of_step("withdraw"),
        };
    }
    if state == State::Expired || (state.undecided() && row.expires_at <= now) {
        return Err(Refusal::Expired { at: row.expires_at });
    }
    if !state.undecided() {
        return Err(settled_by(row));
    }
    match key.decision {
        Decision::Approve | Decision::NeedsChanges if !state.open() => out_of_step(key.decision.word()),
        _ => match standing(row, key) {
            Some(earlier) => Err(Refusal::AlreadyReviewed { at: earlier.at }),
            None => Ok(()),
        },
    }
}

/// The reviewer's own review of this revision that still stands.
fn standing<'a>(row: &'a Row, key: &Key) -> Option<&'a Key> {
    row.standing_keys().find(|earlier| earlier.reviewer == key.reviewer)
}

/// Who settled the row, in words; what no person settled says how it ended.
fn settled_by(row: &Row) -> Refusal {
    let last = row.keys.iter().rev().find(|key| key.void.is_none() && key.decision != Decision::Withdraw);
    match (&row.stage, last) {
        (Stage::Superseded { .. } | Stage::Withdrawn { .. }, _) | (_, None) => match row.stage.approval() {
            Some(approval) => Refusal::AlreadyDecided {
                by: crate::row::PrincipalId::system(),
                at: approval.at,
                decision: format!("approved it by {}", approval.policy.as_deref().unwrap_or("policy")),
            },
            None => Refusal::OutOfStep { state: row.state(), step: "decide".to_owned() },
        },
        (_, Some(key)) => Refusal::AlreadyDecided {
            by: key.reviewer.clone(),
            at: key.at,
            decision: key.decision.past().to_owned(),
        },
    }
}

/// What was signed is what stands here. A decline of an earlier revision is still a no.
fn check_seen(row: &Row, review: &Judgement) -> Result<(), Refusal> {
    let key = &review.key;
    if key.decision == Decision::Withdraw {
        return Ok(());
    }
    if key.revision > row.revision || key.revision == 0 {
        return Err(Refusal::ContentMismatch { what: "the revision".to_owned() });
    }
    if key.revision < row.revision {
        let (row, signed, current) = (row.id, key.revision, row.revision);
        return if key.decision == Decision::Decline {
            Ok(())
        } else {
            Err(Refusal::StaleRevision { row, signed, current })
        };
    }
    let differs = |what: &str, signed: Digest, stands: Digest| {
        if signed == stands { Ok(()) } else { Err(Refusal::ContentMismatch { what: what.to_owned() }) }
    };
    differs("the content", review.content, row.digests.content)?;
    differs("the base", review.base, row.digests.base)?;
    if key.decision == Decision::Approve {
        return Ok(());
    }
    differs("the effect", key.effect, row.digests.effect)
}

fn check_note(row: &Row, key: &Key) -> Result<(), Refusal> {
    let asked = match key.decision {
        Decision::Decline => Some("a decline says why"),
        Decision::NeedsChanges => Some("say what to change"),
        Decision::Approve if key.overrides => Some("an override is in writing"),
        Decision::Approve if row.rule.note => Some("this row's rule asks for one"),
        Decision::Approve | Decision::Withdraw => None,
    };
    match (asked, &key.note) {
        (Some(why), None) => Err(Refusal::NoteRequired { why: why.to_owned() }),
        _ => Ok(()),
    }
}

fn check_approval(row: &Row, review: &Judgement) -> Result<(), Refusal> {
    let key = &review.key;
    if review.overtaken {
        return Err(Refusal::Overtaken { why: "you decided on this row again after it".to_owned() });
    }
    match review.effect_due {
        None => {
            return Err(Refusal::ContentMismatch {
                what: "the conditions: this row takes none such".to_owned(),
            });
        }
        Some(due) if due != key.effect => {
            return Err(Refusal::ContentMismatch { what: "the effect".to_owned() });
        }
        Some(_) => (),
    }
    if row.standing_keys().any(|first| first.decision == Decision::Approve && first.effect != key.effect) {
        return Err(Refusal::ContentMismatch { what: "the effect that the first key signed".to_owned() });
    }
    if key.evidence != row.digests.evidence {
        return Err(Refusal::EvidenceMoved { what: vec!["the signals".to_owned()] });
    }
    if review.presented != row.digests.presented {
        return Err(Refusal::ContentMismatch { what: "the text that was shown".to_owned() });
    }
    if let Some(hold) = &review.hold {
        return Err(Refusal::OnHold { by: hold.by.clone(), note: hold.note.clone() });
    }
    if row.verdict.against(Decision::Approve, !key.conditions.is_empty()) && !key.overrides {
        return Err(Refusal::GoesAgainstVerdict { verdict: row.verdict.word().to_owned() });
    }
    if row.rule.touch && key.touch == Touch::Unproven {
        return Err(Refusal::TouchRequired);
    }
    let open = missing(&row.rule, &reviews(row));
    if !open.is_empty() && !open.iter().any(|set| brings(set, &key.attributes)) {
        let asked = open.iter().flat_map(|set| set.iter()).filter(|one| one.approve.is_some());
        let asked: Vec<String> = asked.map(|one| format!("{} ({})", one.name, one.filter.words())).collect();
        let why = format!(
            "what is missing is {}, and an approval of theirs would count for nothing",
            asked.join(", ")
        );
        return Err(Refusal::NotAuthorised { who: key.reviewer.clone(), why });
    }
    Ok(())
}

fn vote(row: &Row, mut next: Row, key: &Key, now: Timestamp) -> Transition {
    let mut key = key.clone();
    key.overrides &= row.verdict.against(key.decision, !key.conditions.is_empty());
    next.keys.push(key.clone());
    match count(&next.rule, &reviews(&next)) {
        Tally::Approved => {
            let stage = Stage::Approved { approval: approval(&next, now) };
            accepted(row, next, stage, &key, now).with(Work::Execute)
        }
        Tally::Declined => {
            let (by, overridden) = (key.reviewer.clone(), key.overrides);
            let stage = Stage::Declined { by, at: now, overridden, told: None };
            let hold = hold(&next, &key, now);
            let mut transition = accepted(row, next, stage, &key, now);
            if row.id.kind == Kind::Gate {
                // A run waits for the answer: it is told the no.
                transition = transition.with(Work::Execute);
            }
            if let Some(hold) = &hold {
                transition.entries.push(hold_created(hold));
            }
            transition.hold = hold;
            transition
        }
        Tally::Open => {
            let stage = open_stage(&next);
            accepted(row, next, stage, &key, now)
        }
    }
}

/// The standing reviews in order; a decline of an earlier revision counts on.
fn reviews(row: &Row) -> Vec<Review> {
    let counts = |key: &&Key| {
        key.void.is_none() && (key.revision == row.revision || key.decision == Decision::Decline)
    };
    let review = |key: &Key| {
        let vote = match key.decision {
            Decision::Approve => Vote::Approve,
            Decision::Decline => Vote::Decline,
            Decision::NeedsChanges | Decision::Withdraw => return None,
        };
        Some(Review { reviewer: key.reviewer.clone(), vote, attributes: key.attributes.clone() })
    };
    row.keys.iter().filter(counts).filter_map(review).collect()
}

fn approval(row: &Row, now: Timestamp) -> Approval {
    let keys: Vec<_> = row.standing_keys().filter(|key| key.decision == Decision::Approve).collect();
    let how = if keys.iter().any(|key| key.overrides) {
        How::Overridden
    } else if keys.iter().any(|key| !key.conditions.is_empty()) {
        How::Conditions
    } else {
        How::Plain
    };
    let effect = keys.last().map_or(row.digests.effect, |key| key.effect);
    Approval {
        how,
        decisions: keys.iter().map(|key| key.decision_id.clone()).collect(),
        at: now,
        effect,
        policy: None,
    }
}

/// Half signed from the first standing approval on, else pending.
fn open_stage(row: &Row) -> Stage {
    let first = row.standing_keys().filter(|key| key.decision == Decision::Approve).map(|key| key.at).min();
    first.map_or(Stage::Pending, |first_at| Stage::HalfSigned { first_at })
}

fn hold(row: &Row, key: &Key, now: Timestamp) -> Option<Hold> {
    // A decline of an older revision declined the drift that was seen then; only the present one is known here.
    let drift = row.drift.filter(|_| key.revision == row.revision)?;
    Some(Hold {
        subject: row.subject.clone(),
        drift,
        row: row.id,
        by: key.reviewer.clone(),
        note: key.note.as_ref().map(ToString::to_string).unwrap_or_default(),
        incident: row.incident.clone(),
        since: now,
        lifted: None,
    })
}

fn hold_created(hold: &Hold) -> Entry {
    let body = c1::map([
        ("subject", c1::Value::from(hold.subject.as_str())),
        ("drift_sha256", hold.drift.into()),
        ("by", hold.by.as_str().into()),
    ]);
    Entry { event: Event::HoldCreated, body: body.with_some("incident", hold.incident.clone()) }
}

fn withdraw(row: &Row, mut next: Row, key: &Key, now: Timestamp) -> Transition {
    for own in next
        .keys
        .iter_mut()
        .filter(|k| k.void.is_none() && k.revision == row.revision && k.reviewer == key.reviewer)
    {
        own.void = Some("withdrawn by its author".to_owned());
    }
    let mut taken_back = key.clone();
    taken_back.void = Some("a withdrawal".to_owned());
    next.keys.push(taken_back);
    next.withdrawn_by_person = true;
    let stage = open_stage(&next);
    accepted(row, next, stage, key, now)
}

fn accepted(row: &Row, next: Row, stage: Stage, key: &Key, now: Timestamp) -> Transition {
    let mut body = c1::map([
        ("decision_id", c1::Value::from(key.decision_id.as_str())),
        ("decision", key.decision.word().into()),
        ("reviewer", key.reviewer.as_str().into()),
        ("override", key.overrides.into()),
        ("key", key.key_fingerprint.as_str().into()),
        ("touch", key.touch.word().into()),
        ("keys_needed", row.rule.keys_needed().into()),
    ]);
    for (name, values) in &key.attributes {
        body = body.with(name, values.join(","));
    }
    moved_to(row, next, stage, Event::DecisionAccepted, body, now)
}

pub(super) fn by_policy(
    ruling: &Ruling,
    row: &Row,
    id: &DecisionId,
    policy: &str,
    now: Timestamp,
) -> Result<Transition, Refusal> {
    if let Some((by, note)) = &ruling.halted {
        return Err(Refusal::Halted { by: by.clone(), note: note.clone() });
    }
    let why_not = if row.state() != State::Pending {
        Some("it does not wait for a first decision")
    } else if !row.rule.one_of_anybody() {
        Some("two keys, and keys of people who are asked for, are people")
    } else if row.risk == Risk::Irreversible {
        Some("it is irreversible")
    } else if row.claim {
        Some("it rests on an agent's claim")
    } else if row.id.kind == crate::row::Kind::Policy {
        Some("policies are decided by people")
    } else if row.withdrawn_by_person {
        Some("a person took its approval back")
    } else if !row.verdict.goes_ahead() {
        Some("its agent says no")
    } else {
        None
    };
    if let Some(why) = why_not {
        return Err(Refusal::NotAuthorised { who: crate::row::PrincipalId::system(), why: why.to_owned() });
    }
    let approval = Approval {
        how: How::Policy,
        decisions: vec![id.clone()],
        at: now,
        effect: row.digests.effect,
        policy: Some(policy.to_owned()),
    };
    let body = c1::map([
        ("decision_id", c1::Value::from(id.as_str())),
        ("policy", policy.into()),
        ("content_sha256", row.digests.content.into()),
        ("effect_sha256", row.digests.effect.into()),
    ]);
    let stage = Stage::Approved { approval };
    Ok(moved_to(row, row.clone(), stage, Event::PolicyDecided, body, now).with(Work::Execute))
}

/// At a decision the base was read and had moved: the keys given so far are for something that is no more.
pub(super) fn base_moved(row: &Row, moved: &[Moved], now: Timestamp) -> Result<Transition, Refusal> {
    let state = row.state();
    if !matches!(state, State::Pending | State::HalfSigned | State::Approved) {
        return Err(Refusal::OutOfStep { state, step: "tell that the base moved".to_owned() });
    }
    let names: Vec<c1::Value> = moved.iter().map(|moved| moved.what.as_str().into()).collect();
    let mut next = row.clone();
    void_standing(&mut next, row.revision, "the base moved");
    let body = c1::map([("why", c1::Value::from("base_moved")), ("moved", c1::Value::List(names))]);
    Ok(moved_to(row, next, Stage::Pending, Event::RowState, body, now))
}

pub(super) fn void(
    row: &Row,
    decisions: &[DecisionId],
    why: &str,
    now: Timestamp,
) -> Result<Transition, Refusal> {
    let state = row.state();
    if !matches!(state, State::HalfSigned | State::Approved) {
        return Err(Refusal::OutOfStep { state, step: "void".to_owned() });
    }
    let mut next = row.clone();
    for key in next.keys.iter_mut().filter(|key| key.void.is_none() && decisions.contains(&key.decision_id)) {
        key.void = Some(why.to_owned());
    }
    // An approval that lost one of its keys is no approval; the others stand as keys.
    let stage = open_stage(&next);
    let body = c1::map([("why", c1::Value::from(why))]);
    Ok(moved_to(row, next, stage, Event::RowState, body, now))
}
