//! What to do next about a sync, from what ArgoCD shows.
//!
//! ArgoCD is class B (4-backend §5): our tag can be found on the running or the last operation, until another operation
//! follows; after that only the history's id and times tell whether anything happened since the intent.
//! Never: a repeat where ours may have happened; IO.

use jiff::{SignedDuration, Timestamp};

use super::{Intent, Next, Written};
use crate::platform::argocd::{Application, Operation, OperationState, Phase, Progress};

/// The tag that an execution is found by.
pub(in super::super) const DECISION_TAG: &str = "dock.decision";

/// `repeat_after`: how long a request that may have been sent can still arrive.
pub(super) fn next(
    intent: &Intent<'_>,
    reviewed: &[String],
    app: &Application,
    written: &Written,
    repeat_after: SignedDuration,
    now: Timestamp,
) -> Next {
    let tag = intent.tag.as_str();
    if let Some(running) = &app.operation {
        return if is_ours(running, tag) {
            if running.revisions == reviewed {
                Next::Wait
            } else {
                Next::Terminate { revisions: running.revisions.clone() }
            }
        } else {
            match written {
                // It has the slot; ours has not been there.
                Written::No | Written::Refused { .. } => Next::Wait,
                Written::Perhaps { .. } | Written::Yes { .. } => Next::CannotTell {
                    detail: format!(
                        "another operation, by {}, runs now; look whether ours ran before it",
                        by(running)
                    ),
                },
            }
        };
    }
    if let Some(last) = app.operation_state.as_ref().filter(|last| is_ours(&last.operation, tag)) {
        return finished(last, reviewed, app);
    }
    match written {
        Written::No => Next::Write,
        Written::Refused { why } => Next::Fail { detail: why.clone() },
        // Accepted, and neither running nor last: another one followed.
        Written::Yes { .. } => {
            Next::CannotTell { detail: "ours was accepted, and another operation followed it".to_owned() }
        }
        Written::Perhaps { since } if is_as_at_intent(intent, app) => {
            if now.duration_since(*since) >= repeat_after { Next::Write } else { Next::Wait }
        }
        Written::Perhaps { .. } => Next::CannotTell {
            detail: format!(
                "ArgoCD's history moved on ({} then, {} now) and shows no tag of ours; compare its history with {tag}",
                id(intent.before.history_id),
                id(app.last_sync().map(|last| last.id))
            ),
        },
    }
}

fn finished(last: &OperationState, reviewed: &[String], app: &Application) -> Next {
    if !matches!(app.progress(), Progress::Finished(_)) {
        return Next::Wait;
    }
    match last.phase {
        Phase::Succeeded if last.synced_revisions == reviewed => Next::Confirm {
            detail: format!(
                "synced to {}, history id {}",
                reviewed.join(", "),
                id(app.last_sync().map(|last| last.id))
            ),
        },
        Phase::Succeeded => Next::Fail {
            detail: format!(
                "synced to {} instead of the reviewed {}",
                last.synced_revisions.join(", "),
                reviewed.join(", ")
            ),
        },
        Phase::Failed | Phase::Error => Next::Fail { detail: failure(last) },
        Phase::Running | Phase::Terminating | Phase::Other(_) => Next::Wait,
    }
}

/// ArgoCD's own message, and the resources that failed.
fn failure(last: &OperationState) -> String {
    const SHOWN: usize = 8;
    let bad = last.results.iter().filter(|result| result.status == "SyncFailed");
    let named = bad.map(|result| format!("{}/{}: {}", result.kind, result.name, result.message));
    let named: Vec<_> = named.take(SHOWN).collect();
    let message =
        if last.message.is_empty() { "the operation failed".to_owned() } else { last.message.clone() };
    if named.is_empty() { message } else { format!("{message}; {}", named.join("; ")) }
}

fn is_ours(operation: &Operation, tag: &str) -> bool {
    operation.tags.iter().any(|one| one.name == DECISION_TAG && one.value == tag)
}

/// Nothing happened since the intent: the same newest history entry, the same end of the last operation.
fn is_as_at_intent(intent: &Intent<'_>, app: &Application) -> bool {
    let finished = app.operation_state.as_ref().and_then(|state| state.finished_at).map(|at| at.to_string());
    intent.before.history_id == app.last_sync().map(|last| last.id)
        && intent.before.operation_finished_at == finished
}

fn by(operation: &Operation) -> &str {
    match operation.by.as_str() {
        "" if operation.automated => "automated sync",
        "" => "somebody",
        by => by,
    }
}

fn id(id: Option<i64>) -> String {
    id.map_or_else(|| "none".to_owned(), |id| id.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::row::{DecisionId, stage::Before};

    const TAG: &str = "01ARYZ6S41ZZZZZZZZZZZZZZZZ";
    const INTENDED: &str = "2026-05-30T02:14:00Z";
    const ENDED: &str = "2026-05-29T10:00:00Z";

    fn operation(tag: &str, revision: &str) -> Json {
        json!({"sync": {"revision": revision}, "info": [{"name": "dock.decision", "value": tag}], "initiatedBy": {"username": "ana"}})
    }

    fn state(tag: &str, phase: &str, revision: &str, ended: Option<&str>) -> Json {
        json!({"operation": operation(tag, revision), "phase": phase, "message": "one or more objects failed",
            "startedAt": "2026-05-30T02:14:01Z", "finishedAt": ended, "syncResult": {"revision": revision, "resources": []}})
    }

    fn app(operation: Option<Json>, state: Option<Json>, history: i64) -> Application {
        let (operation, state) = (operation.unwrap_or_default(), state.unwrap_or_default());
        let app = json!({"metadata": {"name": "payments-api"}, "spec": {"project": "p", "source": {"repoURL": "r"}},
            "operation": operation, "status": {"operationState": state, "history": [{"id": history, "revision": "r3"}]}});
        serde_json::from_value(app).unwrap()
    }

    #[test]
    fn what_follows_from_what_argocd_shows() {
        let old = || Some(state("other", "Succeeded", "r3", Some(ENDED)));
        let ours = |phase: &str, revision: &str, ended| Some(state(TAG, phase, revision, ended));
        let now = Some("2026-05-30T02:14:05Z");
        let early: Timestamp = "2026-05-30T02:14:10Z".parse().unwrap();
        let late: Timestamp = "2026-05-30T02:14:15Z".parse().unwrap();
        let (no, yes) = (|| Written::No, || Written::Yes { since: INTENDED.parse().unwrap() });
        let perhaps = || Written::Perhaps { since: INTENDED.parse().unwrap() };
        let table: Vec<(&str, Application, Written, Timestamp, &str)> = vec![
            ("not begun", app(None, old(), 3), no(), early, "write"),
            ("not begun, never operated", app(None, None, 3), no(), early, "write"),
            ("somebody's runs first", app(Some(operation("other", "r9")), None, 3), no(), early, "wait"),
            (
                "crashed before the write, the request could still come",
                app(None, old(), 3),
                perhaps(),
                early,
                "wait",
            ),
            (
                "crashed before the write, it cannot come any more",
                app(None, old(), 3),
                perhaps(),
                late,
                "write",
            ),
            ("crashed, ours accepted", app(Some(operation(TAG, "r4")), None, 3), perhaps(), early, "wait"),
            (
                "crashed, ours runs",
                app(Some(operation(TAG, "r4")), ours("Running", "r4", None), 3),
                perhaps(),
                late,
                "wait",
            ),
            (
                "crashed, ours is done",
                app(None, ours("Succeeded", "r4", now), 4),
                perhaps(),
                early,
                "confirm",
            ),
            ("ours is done", app(None, ours("Succeeded", "r4", now), 4), yes(), early, "confirm"),
            ("ours did another revision", app(None, ours("Succeeded", "r5", now), 4), yes(), early, "fail"),
            (
                "ours runs to another revision",
                app(Some(operation(TAG, "r5")), None, 3),
                yes(),
                early,
                "terminate",
            ),
            ("ours failed", app(None, ours("Failed", "r4", now), 3), perhaps(), early, "fail"),
            ("ours erred", app(None, ours("Error", "r4", now), 3), yes(), early, "fail"),
            ("ours not finished", app(None, ours("Running", "r4", None), 3), yes(), early, "wait"),
            ("crashed, another sync since", app(None, old(), 4), perhaps(), late, "cannot tell"),
            (
                "crashed, another operation ended since",
                app(None, Some(state("other", "Failed", "r3", now)), 3),
                perhaps(),
                late,
                "cannot tell",
            ),
            ("crashed, the trace is wiped", app(None, None, 3), perhaps(), late, "cannot tell"),
            (
                "crashed, another runs",
                app(Some(operation("other", "r9")), None, 3),
                perhaps(),
                late,
                "cannot tell",
            ),
            ("accepted, another followed", app(None, old(), 4), yes(), early, "cannot tell"),
        ];
        for (name, app, written, now, expected) in table {
            let reviewed = ["r4".to_owned()];
            let tag: DecisionId = TAG.parse().unwrap();
            let before = Before {
                history_id: Some(3),
                operation_finished_at: Some(ENDED.to_owned()),
                ..Before::default()
            };
            let intent = Intent { tag: &tag, before: &before };
            let got = match next(&intent, &reviewed, &app, &written, SignedDuration::from_secs(15), now) {
                Next::Wait => "wait",
                Next::Terminate { .. } => "terminate",
                Next::Confirm { .. } => "confirm",
                Next::Fail { .. } => "fail",
                Next::Write => "write",
                Next::CannotTell { .. } => "cannot tell",
                Next::Moved { .. } => "moved",
            };
            assert_eq!(got, expected, "{name}");
        }
    }
}
