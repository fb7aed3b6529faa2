//! The backend's own read of what an agent, or a reviewer, speaks about.
//!
//! Never: an answer without having asked; what cannot be read is unreachable, never unmoved.

use std::{collections::BTreeMap, time::Duration};

use super::app::App;
use crate::{
    platform::{
        Fact, Failure, PlatformError,
        argocd::{AppKey, Refresh},
    },
    row::{
        Base, Refusal, release,
        sync::{Reading, SyncBase},
    },
};

/// How long a decision waits for the platform.
pub(super) const DECISION_WITHIN: Duration = Duration::from_secs(5);
/// How long a draft or a look waits: the platform may have to reconcile.
pub(super) const LOOK_WITHIN: Duration = Duration::from_secs(60);

/// The application as ArgoCD has it now. `None` where ArgoCD is not configured at all.
pub(super) async fn sync(
    app: &App,
    base: &SyncBase,
    refresh: Refresh,
    within: Duration,
) -> Result<Option<Reading>, Refusal> {
    let Some(argocd) = &app.sources.argocd else { return Ok(None) };
    let key = AppKey { name: base.application.clone(), project: base.project.clone(), namespace: None };
    match tokio::time::timeout(within, argocd.reading(&key, refresh)).await {
        Ok(Ok(reading)) => Ok(Some(reading)),
        // An answer, and no outage: asking again would not help.
        Ok(Err(error)) if error.failure == Failure::NotFound => Err(Refusal::ClaimMismatch {
            what: "the application".to_owned(),
            claimed: base.application.clone(),
            read: "absent".to_owned(),
        }),
        Ok(Err(error)) => Err(unreachable(&error)),
        Err(_) => Err(Refusal::SourceUnreachable {
            platform: "ArgoCD".to_owned(),
            why: format!("no answer within {} s", within.as_secs()),
        }),
    }
}

/// The base as the platform gives it now. Only the platform that will be written is asked.
pub(super) async fn base(app: &App, was: &Base, within: Duration) -> Result<Base, Refusal> {
    let missing = |platform: &str| Refusal::SourceUnreachable {
        platform: platform.to_owned(),
        why: "the backend is not configured to read it".to_owned(),
    };
    match was {
        Base::Sync(base) => match sync(app, base, Refresh::No, within).await? {
            Some(reading) => Ok(Base::Sync(reading.base())),
            None => Err(missing("ArgoCD")),
        },
        Base::Gate(_) => Err(missing("GitHub")),
        Base::Runbook(_) => Err(missing("The page's platform")),
        Base::Postmortem(_) => Err(missing("PagerDuty")),
        Base::Policy(base) => Ok(Base::Policy(base.clone())),
    }
}

/// What the policies look at, from our own reading.
pub(super) async fn facts(app: &App, reading: &Reading) -> Result<BTreeMap<String, String>, Refusal> {
    let mut notes = Vec::new();
    if let Some(github) = &app.sources.github {
        for chart in release::charts(reading) {
            notes.push(match github.chart_notes(&chart).await.map_err(|error| unreachable(&error))? {
                Fact::Known(notes) => Some(notes.text),
                Fact::Unknown(_) => None,
            });
        }
    }
    Ok(release::facts(reading, &notes))
}

fn unreachable(error: &PlatformError) -> Refusal {
    Refusal::SourceUnreachable { platform: error.platform.title().to_owned(), why: error.sentence() }
}
