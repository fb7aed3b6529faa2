//! What wakes an agent: Dock's feed, its platforms' streams, the clock. A signal only shortens a wait; the poll guarantees
//! the look.
//!
//! Never: a fact. What woke it is read again.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use tokio::{sync::Notify, time};

use crate::{
    client::api::{Api, POLL_MAX},
    row::{Kind, RowId},
    wire::Hint,
};

pub(super) const PAUSE_MIN: Duration = Duration::from_millis(500);
pub(super) const PAUSE_MAX: Duration = Duration::from_secs(30);
/// No platform's hooks: what pipelines tell that wait at Dock itself.
pub(super) const PIPELINES: &str = "pipelines";
/// Signals of so long are looked at together.
const GATHERED: Duration = Duration::from_millis(100);
/// Rows whose last change is remembered.
const REMEMBERED_MAX: usize = 10_000;
const RETRY_MIN: SignedDuration = SignedDuration::from_secs(1);
const RETRY_MAX: SignedDuration = SignedDuration::from_secs(60);

/// What may have changed. At most one entry a subject.
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
    pub(super) subjects: BTreeSet<String>,
    /// Repositories that a hook told of: what waits there is listed again.
    pub(super) repositories: BTreeSet<String>,
    /// A pipeline that waits at Dock itself told of itself: what waits there is listed again.
    pub(super) pipelines: bool,
}

impl Dirty {
    /// What a start looks at.
    pub(super) fn everything() -> Self {
        Self { all: true, ..Self::default() }
    }
}

impl Wake {
    pub(super) fn subject(&self, name: &str) {
        self.dirty.lock().unwrap_or_else(PoisonError::into_inner).subjects.insert(name.to_owned());
        self.notify.notify_one();
    }

    fn hint(&self, platform: &str, hint: &Hint) {
        let mut dirty = self.dirty.lock().unwrap_or_else(PoisonError::into_inner);
        if platform == PIPELINES {
            dirty.pipelines = true;
        } else if hint.repository.is_empty() {
            dirty.all = true;
        } else {
            dirty.repositories.insert(hint.repository.to_ascii_lowercase());
        }
        drop(dirty);
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

    /// Follows Dock's feed for ever: a decision on a row of this kind asks for an answer within a second.
    pub(super) async fn follow_dock(&self, api: &Api, kind: Kind) {
        let (mut pause, mut position) = (PAUSE_MIN, None);
        let mut changed: BTreeMap<RowId, Timestamp> = BTreeMap::new();
        loop {
            let next = match position {
                None => api.snapshot().await,
                Some(at) => api.changes(at, POLL_MAX).await,
            };
            match next {
                Ok(changes) => {
                    pause = PAUSE_MIN;
                    if changed.len() > REMEMBERED_MAX {
                        changed.clear();
                    }
                    let ours = changes.rows.iter().map(|row| &row.head).filter(|head| head.kind == kind);
                    // A row whose facts were dated anew is what it was: that calls nobody.
                    let moved: Vec<_> = ours
                        .filter(|head| changed.insert(head.id, head.changed_at) != Some(head.changed_at))
                        .collect();
                    // What changed before the first look is seen by that look.
                    if let Some(before) = position.replace(changes.position) {
                        for head in &moved {
                            self.subject(&head.subject);
                        }
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

impl Wake {
    /// Follows what a platform's hooks tell Dock, for ever: each hint means "list again", there where it says where. Where
    /// no hook is configured the poll has to do.
    pub(super) async fn follow_hooks(&self, api: &Api, platform: &str) {
        let mut after = 0;
        loop {
            match api.hints(platform, after, POLL_MAX).await {
                Ok(hints) => {
                    if hints.missed {
                        self.all();
                    }
                    hints.hints.iter().for_each(|hint| self.hint(platform, hint));
                    after = hints.next;
                }
                Err(error) => {
                    if error.code() != "no_hook" {
                        tracing::debug!(%error, "hints of {platform} are not to be had; the poll goes on");
                    }
                    time::sleep(PAUSE_MAX).await;
                }
            }
        }
    }
}

/// How long a failure rests: 1 s, 2 s, 4 s, … 60 s.
pub(super) fn pause(failures: u32) -> SignedDuration {
    RETRY_MIN.checked_mul(1 << failures.min(6)).unwrap_or(RETRY_MAX).min(RETRY_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_hint_says_what_is_listed_again_and_is_told_once() {
        let hint = |repository: &str| Hint {
            number: 1,
            event: "run".to_owned(),
            repository: repository.to_owned(),
            run: None,
            environment: None,
            incident: None,
            at: Timestamp::UNIX_EPOCH,
        };
        let check = async |hints: &[(&str, Hint)], expected: Dirty| {
            let wake = Wake::default();
            for (platform, hint) in hints {
                wake.hint(platform, hint);
            }
            assert_eq!(wake.next(Duration::ZERO).await, expected, "{hints:?}");
            assert_eq!(wake.next(Duration::ZERO).await, Dirty::default(), "{hints:?}: once");
        };
        let pipelines = Dirty { pipelines: true, ..Dirty::default() };
        check(&[(PIPELINES, hint(""))], pipelines.clone()).await;
        check(&[(PIPELINES, hint("")), (PIPELINES, hint("acme/a"))], pipelines.clone()).await;
        let of = |name: &str| Dirty { repositories: [name.to_owned()].into(), ..Dirty::default() };
        check(&[("github", hint("Acme/A")), ("github", hint("acme/a"))], of("acme/a")).await;
        check(&[("github", hint(""))], Dirty::everything()).await;
        let both = Dirty { pipelines: true, ..of("acme/a") };
        check(&[("github", hint("acme/a")), (PIPELINES, hint(""))], both).await;
    }
}
