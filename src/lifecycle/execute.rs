//! Execution: from an approval to what became of it, write by write; and what a platform is told of a decline.
//!
//! Never: from anything but a decision. An intent is committed before a platform is written.

use super::{
    Approval, Before, DecisionId, Digest, Done, Event, Execution, Health, Outcome, Refusal, Row, Ruling,
    Stage, Step, Timestamp, Told, Transition, Work, Write, c1, moved_to, void_standing,
};

#[expect(clippy::too_many_lines, reason = "one table of steps and stages")]
pub(super) fn apply(ruling: &Ruling, row: &Row, step: &Step, now: Timestamp) -> Result<Transition, Refusal> {
    let outcome = |detail: &str| Outcome { checked_at: now, detail: detail.to_owned() };
    let text = |name: &'static str, value: &str| c1::map([(name, c1::Value::from(value))]);
    match (step, &row.stage) {
        (Step::Intend { tag, write, before, request }, Stage::Approved { approval }) => {
            not_halted(ruling)?;
            let (tag, before, write) = (tag.clone(), before.clone(), *write);
            let body = intent(approval, &tag, write, *request, &before);
            let (approval, done, confirmed_at) = (approval.clone(), Vec::new(), None);
            let undone = None;
            let execution =
                Execution { approval, tag, write, done, intended_at: now, before, confirmed_at, undone };
            let stage = Stage::Executing { execution };
            Ok(moved_to(row, row.clone(), stage, Event::ExecutionIntended, body, now))
        }
        (Step::Intend { tag, write, before, request }, Stage::Executing { execution }) => {
            not_halted(ruling)?;
            let again = execution.done.iter().any(|done| done.write == *write);
            if execution.under_way() || again || *tag != execution.tag {
                return Err(out_of_step(row, "begin another write"));
            }
            let body = intent(&execution.approval, tag, *write, *request, before);
            let (before, write) = (before.clone(), *write);
            let execution = Execution { write, intended_at: now, before, ..execution.clone() };
            let stage = Stage::Executing { execution };
            Ok(moved_to(row, row.clone(), stage, Event::ExecutionIntended, body, now))
        }
        (
            Step::Intend { tag, write, before, request },
            Stage::Declined { by, at, overridden, told: None },
        ) => {
            not_halted(ruling)?;
            let decisions = c1::list([tag.as_str()]);
            let body = c1::map([
                ("decision", decisions),
                ("tag", tag.as_str().into()),
                ("write", write.word().into()),
                ("answer", "rejected".into()),
                ("request_sha256", (*request).into()),
            ]);
            let (tag, before) = (tag.clone(), before.clone());
            let told = Some(Told { tag, intended_at: now, before, outcome: None });
            let stage = Stage::Declined { by: by.clone(), at: *at, overridden: *overridden, told };
            Ok(moved_to(row, row.clone(), stage, Event::ExecutionIntended, body, now))
        }
        (
            Step::Confirm { detail } | Step::Fail { detail } | Step::CannotTell { detail },
            Stage::Declined { by, at, overridden, told },
        ) => {
            // That it could not even be intended is told without an intent.
            let (event, needs_intent) = match step {
                Step::Confirm { .. } => (Event::ExecutionConfirmed, true),
                Step::Fail { .. } => (Event::ExecutionFailed, false),
                _ => (Event::ExecutionUnknown, true),
            };
            if told.as_ref().map_or(needs_intent, |told| told.outcome.is_some()) {
                return Err(out_of_step(row, "tell a decline"));
            }
            let body = text("detail", detail).with("answer", "rejected");
            let body = body.with_some("decision", told.as_ref().map(|told| told.tag.to_string()));
            let told = told.clone().map(|told| Told { outcome: Some(outcome(detail)), ..told });
            let stage = Stage::Declined { by: by.clone(), at: *at, overridden: *overridden, told };
            Ok(moved_to(row, row.clone(), stage, event, body, now))
        }
        (Step::Wrote { detail }, Stage::Executing { execution }) if execution.under_way() => {
            let body = text("detail", detail)
                .with("decision", execution.tag.as_str())
                .with("write", execution.write.word());
            let stage = Stage::Executing { execution: read_back(execution, detail, now) };
            Ok(moved_to(row, row.clone(), stage, Event::ExecutionConfirmed, body, now))
        }
        (Step::Stale { .. }, Stage::Executing { execution }) if !execution.done.is_empty() => {
            Err(out_of_step(row, "say that nothing was written"))
        }
        (Step::Stale { moved }, Stage::Approved { .. } | Stage::Executing { .. }) => {
            let names: Vec<_> = moved.iter().map(|moved| moved.what.clone()).collect();
            let mut next = row.clone();
            void_standing(&mut next, row.revision, "the base moved before execution");
            let body = c1::map([
                ("why", c1::Value::from("base_moved")),
                ("moved", c1::Value::List(names.iter().map(|name| name.as_str().into()).collect())),
            ]);
            let stage = Stage::Stale { at: now, moved: names };
            Ok(moved_to(row, next, stage, Event::RowState, body, now))
        }
        (Step::Confirm { detail }, Stage::Executing { execution }) => {
            let body = text("detail", detail).with("decision", execution.tag.as_str());
            let body = match execution.write {
                Write::Sync => body,
                write => body.with("write", write.word()),
            };
            let execution = match execution.write {
                Write::Sync => execution.clone(),
                Write::Canary
                | Write::Answer
                | Write::Apply
                | Write::Publish
                | Write::Comment
                | Write::Record => read_back(execution, detail, now),
            };
            let execution = Execution { confirmed_at: Some(now), ..execution };
            let stage = Stage::Executed { execution, outcome: None };
            Ok(moved_to(row, row.clone(), stage, Event::ExecutionConfirmed, body, now)
                .with(Work::CheckHealth))
        }
        // Not `failed`, after which nothing follows: what was written is under way, and has to be watched. The watch never
        // calls it healthy.
        (Step::Part { undone, detail }, Stage::Executing { execution }) => {
            if execution.done.is_empty() || execution.done.iter().any(|done| done.write == *undone) {
                return Err(out_of_step(row, "say what was not done"));
            }
            let body =
                text("detail", detail).with("decision", execution.tag.as_str()).with("write", undone.word());
            let undone = Some(Done { write: *undone, at: now, detail: detail.clone() });
            let execution = Execution { confirmed_at: Some(now), undone, ..execution.clone() };
            let stage = Stage::Executed { execution, outcome: None };
            let next = moved_to(row, row.clone(), stage, Event::ExecutionFailed, body, now);
            Ok(next.with(Work::CheckHealth))
        }
        (Step::Fail { detail }, Stage::Executing { execution }) => {
            let stage = Stage::Failed { execution: execution.clone(), outcome: outcome(detail) };
            let body = text("detail", detail).with("decision", execution.tag.as_str());
            Ok(moved_to(row, row.clone(), stage, Event::ExecutionFailed, body, now))
        }
        (Step::CannotTell { detail }, Stage::Executing { execution }) => {
            let (execution, approval) = (Some(execution.clone()), execution.approval.clone());
            let stage = Stage::Unknown { execution, approval, outcome: outcome(detail) };
            Ok(moved_to(row, row.clone(), stage, Event::ExecutionUnknown, text("detail", detail), now))
        }
        (Step::Attest { by, executed, note }, Stage::Unknown { execution: Some(execution), .. }) => {
            let stage = if *executed {
                let execution = Execution { confirmed_at: Some(now), ..execution.clone() };
                Stage::Executed { execution, outcome: None }
            } else {
                Stage::Failed { execution: execution.clone(), outcome: outcome(note.as_str()) }
            };
            let body = text("note", note.as_str()).with("by", by.as_str()).with("executed", *executed);
            Ok(moved_to(row, row.clone(), stage, Event::ExecutionAttested, body, now).with(Work::CheckHealth))
        }
        (
            Step::Health { health, detail },
            Stage::Executed { execution, outcome: None } | Stage::Degraded { execution, .. },
        ) => {
            let (execution, outcome) = (execution.clone(), outcome(detail));
            let stage = match (health, &row.stage) {
                (Health::RolledBack, _) => Stage::RolledBack { execution, outcome },
                (Health::Healthy, Stage::Executed { .. }) => Stage::Healthy { execution, outcome },
                // The table knows no state for it: it was executed, and more is not known.
                (Health::Untold, Stage::Executed { .. }) => {
                    Stage::Executed { execution, outcome: Some(outcome) }
                }
                (Health::Degraded { watch_until }, Stage::Executed { .. }) => {
                    Stage::Degraded { execution, outcome, watch_until: *watch_until }
                }
                // Nothing is left to watch: it was begun anew.
                (Health::Degraded { watch_until }, Stage::Degraded { watch_until: was, .. })
                    if watch_until < was =>
                {
                    Stage::Degraded { execution, outcome, watch_until: *watch_until }
                }
                _ => return Err(out_of_step(row, "stamp health")),
            };
            Ok(moved_to(row, row.clone(), stage, Event::HealthStamped, text("detail", detail), now))
        }
        (Step::EndWatch { why }, Stage::Degraded { execution, outcome, watch_until })
            if *watch_until > now =>
        {
            let (execution, outcome) = (execution.clone(), outcome.clone());
            let stage = Stage::Degraded { execution, outcome, watch_until: now };
            Ok(moved_to(row, row.clone(), stage, Event::RowState, text("why", why), now))
        }
        (Step::Restored, Stage::Approved { approval }) => {
            let detail = "the database was restored before this was executed";
            let stage =
                Stage::Unknown { execution: None, approval: approval.clone(), outcome: outcome(detail) };
            Ok(moved_to(row, row.clone(), stage, Event::ExecutionUnknown, text("detail", detail), now))
        }
        (Step::Restored, Stage::Executing { execution }) => {
            let detail = "the database was restored while this was executed";
            let (execution, approval) = (Some(execution.clone()), execution.approval.clone());
            let stage = Stage::Unknown { execution, approval, outcome: outcome(detail) };
            Ok(moved_to(row, row.clone(), stage, Event::ExecutionUnknown, text("detail", detail), now))
        }
        _ => Err(out_of_step(row, "execute")),
    }
}

/// What the record says of an intent: who decided, as its reader counts it: people by their decisions, a policy by its
/// name.
fn intent(
    approval: &Approval,
    tag: &DecisionId,
    write: Write,
    request: Digest,
    before: &Before,
) -> c1::Value {
    let decisions: Vec<c1::Value> = approval.decisions.iter().map(|id| id.as_str().into()).collect();
    let (by, who) = match &approval.policy {
        Some(policy) => ("policy", c1::Value::from(policy.as_str())),
        None => ("decision", c1::Value::List(decisions)),
    };
    let body = c1::map([
        (by, who),
        ("tag", tag.as_str().into()),
        ("request_sha256", request.into()),
        ("effect_sha256", approval.effect.into()),
    ]);
    let body = body
        .with_some("history_id", before.history_id.map(|id| id.to_string()))
        .with_some("operation_finished_at", before.operation_finished_at.clone());
    match write {
        Write::Sync => body,
        Write::Canary | Write::Answer | Write::Apply | Write::Publish | Write::Comment | Write::Record => {
            body.with("write", write.word())
        }
    }
}

fn read_back(execution: &Execution, detail: &str, now: Timestamp) -> Execution {
    let mut execution = execution.clone();
    execution.done.push(Done { write: execution.write, at: now, detail: detail.to_owned() });
    execution
}

fn not_halted(ruling: &Ruling) -> Result<(), Refusal> {
    match &ruling.halted {
        Some((by, note)) => Err(Refusal::Halted { by: by.clone(), note: note.clone() }),
        None => Ok(()),
    }
}

fn out_of_step(row: &Row, step: &str) -> Refusal {
    Refusal::OutOfStep { state: row.state(), step: step.to_owned() }
}
