//! Execution: from an approval to what became of it.
//!
//! Never: from anything but an approval. An intent is committed before a platform is written.

use super::{
    Event, Execution, Health, Outcome, Refusal, Row, Ruling, Stage, Step, Timestamp, Transition, Work, c1,
    moved_to, void_standing,
};

#[expect(clippy::too_many_lines, reason = "one table of steps and stages")]
pub(super) fn apply(ruling: &Ruling, row: &Row, step: &Step, now: Timestamp) -> Result<Transition, Refusal> {
    let outcome = |detail: &str| Outcome { checked_at: now, detail: detail.to_owned() };
    let text = |name: &'static str, value: &str| c1::map([(name, c1::Value::from(value))]);
    match (step, &row.stage) {
        (Step::Intend { tag, before, request }, Stage::Approved { approval }) => {
            if let Some((by, note)) = &ruling.halted {
                return Err(Refusal::Halted { by: by.clone(), note: note.clone() });
            }
            // Who decided, as the record's reader counts it: people by their decisions, a policy by its name.
            let decisions: Vec<c1::Value> = approval.decisions.iter().map(|id| id.as_str().into()).collect();
            let (by, who) = match &approval.policy {
                Some(policy) => ("policy", c1::Value::from(policy.as_str())),
                None => ("decision", c1::Value::List(decisions)),
            };
            let body = c1::map([
                (by, who),
                ("tag", tag.as_str().into()),
                ("request_sha256", (*request).into()),
                ("effect_sha256", approval.effect.into()),
            ])
            .with_some("history_id", before.history_id.map(|id| id.to_string()))
            .with_some("operation_finished_at", before.operation_finished_at.clone());
            let execution = Execution {
                approval: approval.clone(),
                tag: tag.clone(),
                intended_at: now,
                before: before.clone(),
                confirmed_at: None,
            };
            Ok(moved_to(
                row,
                row.clone(),
                Stage::Executing { execution },
                Event::ExecutionIntended,
                body,
                now,
            ))
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
            Ok(moved_to(row, next, stage, Event::RowState, body, now).with(Work::Notify))
        }
        (Step::Confirm { detail }, Stage::Executing { execution }) => {
            let stage =
                Stage::Executed { execution: Execution { confirmed_at: Some(now), ..execution.clone() } };
            let body = text("detail", detail).with("decision", execution.tag.as_str());
            Ok(moved_to(row, row.clone(), stage, Event::ExecutionConfirmed, body, now)
                .with(Work::CheckHealth))
        }
        (Step::Fail { detail }, Stage::Executing { execution }) => {
            let stage = Stage::Failed { execution: execution.clone(), outcome: outcome(detail) };
            let body = text("detail", detail).with("decision", execution.tag.as_str());
            Ok(moved_to(row, row.clone(), stage, Event::ExecutionFailed, body, now).with(Work::Notify))
        }
        (Step::CannotTell { detail }, Stage::Executing { execution }) => {
            let (execution, approval) = (Some(execution.clone()), execution.approval.clone());
            let stage = Stage::Unknown { execution, approval, outcome: outcome(detail) };
            Ok(moved_to(row, row.clone(), stage, Event::ExecutionUnknown, text("detail", detail), now)
                .with(Work::Notify))
        }
        (Step::Attest { by, executed, note }, Stage::Unknown { execution: Some(execution), .. }) => {
            let stage = if *executed {
                Stage::Executed { execution: Execution { confirmed_at: Some(now), ..execution.clone() } }
            } else {
                Stage::Failed { execution: execution.clone(), outcome: outcome(note.as_str()) }
            };
            let body = text("note", note.as_str()).with("by", by.as_str()).with("executed", *executed);
            Ok(moved_to(row, row.clone(), stage, Event::ExecutionAttested, body, now).with(Work::CheckHealth))
        }
        (
            Step::Health { health, detail },
            Stage::Executed { execution } | Stage::Degraded { execution, .. },
        ) => {
            let (execution, outcome) = (execution.clone(), outcome(detail));
            let stage = match (health, &row.stage) {
                (Health::RolledBack, _) => Stage::RolledBack { execution, outcome },
                (Health::Healthy, Stage::Executed { .. }) => Stage::Healthy { execution, outcome },
                (Health::Degraded { watch_until }, Stage::Executed { .. }) => {
                    Stage::Degraded { execution, outcome, watch_until: *watch_until }
                }
                _ => return Err(out_of_step(row, "stamp health")),
            };
            Ok(moved_to(row, row.clone(), stage, Event::HealthStamped, text("detail", detail), now)
                .with(Work::Notify))
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

fn out_of_step(row: &Row, step: &str) -> Refusal {
    Refusal::OutOfStep { state: row.state(), step: step.to_owned() }
}
