//! What wakes Argus: ArgoCD's stream, Dock's feed, the clock. A signal only shortens a wait; the poll guarantees the look.
//!
//! Never: a fact. What woke it is read again.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, time};

use crate::{
    client::api::{Api, POLL_MAX},
    platform::argocd,
};

const PAUSE_MIN: Duration = Duration::from_millis(500);
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// Signals of so long are looked at together.
const GATHERED: Duration = Duration::from_millis(100);

/// What may have changed. At most one entry an application.
#[derive(Debug, Default)]
pub(super) struct Wake {
    dirty: Mutex<Dirty>,
    notify: Notify,
}

/// What is to be looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Dirty {
    /// Everything: list again.
    pub(super) all: bool,
    pub(super) apps: BTreeSet<String>,
}

impl Wake {
    pub(super) fn app(&self, name: &str) {
        self.dirty.lock().unwrap_or_else(PoisonError::into_inner).apps.insert(name.to_owned());
        self.notify.notify_one();
    }

    pub(super) fn all(&self) {
        self.dirty.lock().unwrap_or_else(PoisonError::into_inner).all = true;
        self.notify.notify_one();
    }

    /// Waits for a signal, `wait` at most, then a little for its neighbours; gives what is to be looked at.
    pub(super) async fn next(&self, wait: Duration) -> Dirty {
        if time::timeout(wait, self.notify.notified()).await.is_ok() {
            time::sleep(GATHERED).await;
        }
        std::mem::take(&mut *self.dirty.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Follows ArgoCD's stream for ever. Its end means: list again, nothing is replayed.
    pub(super) async fn follow_argocd(&self, argocd: &argocd::Source) {
        let mut pause = PAUSE_MIN;
        loop {
            match argocd.watch().await {
                Ok(mut watch) => {
                    self.all();
                    while let Ok(Some(change)) = watch.next().await {
                        pause = PAUSE_MIN;
                        self.app(change.application.name());
                    }
                }
                Err(error) => tracing::warn!(%error, "ArgoCD's stream is not open; the poll goes on"),
            }
            self.all();
            time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    /// Follows Dock's feed for ever: a decision asks for an answer within a second.
    pub(super) async fn follow_dock(&self, api: &Api) {
        let (mut pause, mut position) = (PAUSE_MIN, None);
        loop {
            let next = match position {
                None => api.snapshot().await,
                Some(at) => api.changes(at, POLL_MAX).await,
            };
            match next {
                Ok(changes) => {
                    pause = PAUSE_MIN;
                    // What changed before the first look is seen by that look.
                    if let Some(before) = position.replace(changes.position) {
                        changes.rows.iter().for_each(|row| self.app(&row.head.subject));
                        // Something else changed: a hold was lifted, a halt ended.
                        if changes.rows.is_empty() && before != changes.position {
                            self.all();
                        }
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "Dock's feed is not open; the poll goes on");
                    position = None;
                    self.all();
                    time::sleep(pause).await;
                    pause = (pause * 2).min(PAUSE_MAX);
                }
            }
        }
    }
}
