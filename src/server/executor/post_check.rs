//! After the write: health as ArgoCD tells it, followed until it settles, and a rollback if one is seen; a gate's deploy for
//! its watch window ([`gate`]); a page for what its platform made of it ([`page`]).
//!
//! Never: health believed that is older than the sync.

use jiff::Timestamp;

use super::{
    Executor, Pace,
    lease::{Lease, Stepped, Stopped},
    milliseconds, plan,
};
use crate::{
    lifecycle::{Health, Ruling, Step},
    platform::argocd::{AppKey, Application, HealthState, Refresh},
    row::{Base, Effect, Row, RowId, Stage, stage::Execution},
};

mod gate;
mod page;

/// Resources that a detail names at most.
const NAMED: usize = 8;

/// A degraded row is looked at so much more rarely than one that settles.
const WATCH_SLOWER: i32 = 5;

/// What health says so far.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Verdict {
    /// Look again.
    Wait,
    Healthy {
        detail: String,
    },
    /// Bad since the first such look.
    Bad {
        detail: String,
    },
}

pub(super) async fn follow(executor: &Executor, lease: &Lease<'_>, id: RowId) -> Result<(), Stopped> {
    let Some(row) = executor.store.row(id).await? else { return lease.done().await };
    let draft = executor.store.draft(id, row.revision).await?;
    let effect = match draft.map(|draft| (draft.effect, draft.base)) {
        Some((Effect::Argocd(effect), _)) => effect,
        Some((Effect::Github(_) | Effect::Pipeline(_), Base::Gate(base))) => {
            return Box::pin(gate::follow(executor, lease, &row, &base)).await;
        }
        Some((Effect::Confluence(_) | Effect::Notion(_), _)) => {
            return page::follow(executor, lease, &row).await;
        }
        Some((Effect::Record(_), _)) => {
            let detail = "nothing was executed that could be watched".to_owned();
            return stamp(executor, lease, id, Health::Healthy, detail).await;
        }
        Some((Effect::Github(_) | Effect::Pipeline(_) | Effect::None, _)) | None => {
            return lease.done().await;
        }
    };
    let app = AppKey { name: effect.application, project: effect.project, namespace: None };
    match &row.stage {
        Stage::Executed { execution, outcome: None } => settle(executor, lease, &row, execution, &app).await,
        Stage::Degraded { execution, watch_until, .. } => {
            watch(executor, lease, &row, execution, &app, *watch_until, &effect.revisions).await
        }
        _ => lease.done().await,
    }
}

/// Looks until health is what it will be, and stamps it.
async fn settle(
    executor: &Executor,
    lease: &Lease<'_>,
    row: &Row,
    execution: &Execution,
    key: &AppKey,
) -> Result<(), Stopped> {
    let begun = execution.confirmed_at.unwrap_or(execution.intended_at);
    let mut bad_since: Option<Timestamp> = None;
    loop {
        let app = application(executor, lease, key).await?;
        let now = executor.clock.now();
        let (health, detail) = match judge(&app) {
            Verdict::Healthy { detail } => (Some(Health::Healthy), detail),
            Verdict::Bad { detail } => {
                let since = *bad_since.get_or_insert(now);
                let long = now.duration_since(since) >= milliseconds(executor.pace.degraded_after_ms);
                (long.then(|| degraded(executor.pace, now)), detail)
            }
            Verdict::Wait => {
                bad_since = None;
                let over = now.duration_since(begun) >= milliseconds(executor.pace.settle_within_ms);
                let detail =
                    format!("still {} after {} s", app.health.word(), now.duration_since(begun).as_secs());
                (over.then(|| degraded(executor.pace, now)), detail)
            }
        };
        if let Some(health) = health {
            return stamp(executor, lease, row.id, health, detail).await;
        }
        lease.pause().await?;
    }
}

async fn application(executor: &Executor, lease: &Lease<'_>, key: &AppKey) -> Result<Application, Stopped> {
    let argocd = executor.hand.argocd().map_err(|why| Stopped::later(why, executor.retry()))?;
    let read = lease.holding(argocd.reads().application(key, Refresh::No)).await?;
    read.map_err(|error| Stopped::later(error.to_string(), executor.retry()))
}

async fn stamp(
    executor: &Executor,
    lease: &Lease<'_>,
    row: RowId,
    health: Health,
    detail: String,
) -> Result<(), Stopped> {
    // A degraded row is looked at again until its window is over.
    let ends = !matches!(health, Health::Degraded { .. });
    let stepped = lease.step(row, &Ruling::default(), &Step::Health { health, detail }, ends).await?;
    executor.at("health.stamped").await;
    match stepped {
        Stepped::Done(_) if ends => Ok(()),
        Stepped::Done(_) => Err(Stopped::Later { why: None, wait: executor.retry() * WATCH_SLOWER }),
        Stepped::Refused(refusal) => {
            tracing::error!(%row, why = refusal.sentence(), "health could not be stamped");
            lease.done().await
        }
    }
}

fn degraded(pace: Pace, now: Timestamp) -> Health {
    Health::Degraded { watch_until: now.checked_add(milliseconds(pace.watch_ms)).unwrap_or(now) }
}

/// Health counts once ArgoCD has looked at the application after the operation ended.
fn judge(app: &Application) -> Verdict {
    if app.is_busy() || !app.health_is_settled() {
        return Verdict::Wait;
    }
    match app.health {
        HealthState::Healthy => Verdict::Healthy { detail: "ArgoCD says Healthy".to_owned() },
        HealthState::Degraded | HealthState::Missing => Verdict::Bad { detail: detail(app) },
        HealthState::Progressing | HealthState::Suspended | HealthState::Other(_) => Verdict::Wait,
    }
}

/// `Degraded: Deployment/api: back-off restarting failed container`.
pub(super) fn detail(app: &Application) -> String {
    let bad = app.resources.iter().filter(|resource| {
        resource
            .health
            .as_ref()
            .is_some_and(|health| matches!(health, HealthState::Degraded | HealthState::Missing))
    });
    let named: Vec<_> = bad
        .map(|resource| {
            let word = resource.health.as_ref().map_or("", HealthState::word);
            format!("{}/{} {word}: {}", resource.kind, resource.name, resource.health_message)
        })
        .take(NAMED)
        .collect();
    let message =
        if app.health_message.is_empty() { String::new() } else { format!(": {}", app.health_message) };
    let rest = if named.is_empty() { String::new() } else { format!("; {}", named.join("; ")) };
    format!("{}{message}{rest}", app.health.word())
}

/// Until the window is over: was the application taken back to something else than what we synced?
async fn watch(
    executor: &Executor,
    lease: &Lease<'_>,
    row: &Row,
    execution: &Execution,
    key: &AppKey,
    until: Timestamp,
    synced: &[String],
) -> Result<(), Stopped> {
    if executor.clock.now() >= until {
        return lease.done().await;
    }
    let app = application(executor, lease, key).await?;
    match rolled_back(&app, execution, synced) {
        Some(detail) => stamp(executor, lease, row.id, Health::RolledBack, detail).await,
        None => Err(Stopped::Later { why: None, wait: executor.retry() * WATCH_SLOWER }),
    }
}

/// A later full sync to an earlier revision of the history.
fn rolled_back(app: &Application, execution: &Execution, synced: &[String]) -> Option<String> {
    let before = execution.before.history_id.unwrap_or(-1);
    let ours = app
        .history
        .iter()
        .filter(|entry| entry.id > before && entry.revisions == synced)
        .map(|entry| entry.id)
        .min()?;
    let last = app.last_sync().filter(|last| last.id > ours && last.revisions != synced)?;
    let earlier = app.history.iter().any(|entry| entry.id < ours && entry.revisions == last.revisions);
    earlier.then(|| {
        format!(
            "{} synced it back to {}",
            if last.by.is_empty() { "somebody" } else { &last.by },
            last.revisions.join(", ")
        )
    })
}
