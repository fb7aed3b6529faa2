//! The executor: carries out what was decided, once, on the base that was reviewed, and says what became of it.
//!
//! A decided row is taken under a lease with a fencing number. The decision is proved again from the leaves
//! ([`warrant`]), the base is read again, the intent is committed, the write is sent, what follows is watched, the result
//! read back ([`worker`]), for each write of the effect in turn; afterwards health is followed until it settles
//! ([`post_check`]). What to do when any of that was cut off is one pure answer ([`plan`]), so that the way after a crash
//! is the usual one. What differs from platform to platform is in [`hand`].
//! Never: a write without a warrant and an intent; the same write twice.

use std::{
    collections::BTreeMap,
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::SignedDuration;
use serde::Deserialize;
use tokio::task::JoinSet;

use crate::{
    audit::sshsig::PublicKey,
    clock::Clock,
    platform::{self, PlatformError, Sources, argocd, confluence, github, notion, terraform},
    policy::Engine,
    row::{PrincipalId, PrincipalKind, RowId, gate::Service, page::Runbook},
    store::{Actor, Store, StoreError, Work, WorkKind},
};

/// A named place of a write, where a test can cut it: `intent.committed`, or `answer.intent.committed`.
macro_rules! point {
    ($write:expr, $name:literal) => {
        match $write {
            $crate::row::stage::Write::Sync => $name,
            $crate::row::stage::Write::Canary => concat!("canary.", $name),
            $crate::row::stage::Write::Answer => concat!("answer.", $name),
            $crate::row::stage::Write::Apply => concat!("apply.", $name),
            $crate::row::stage::Write::Publish => concat!("publish.", $name),
            $crate::row::stage::Write::Comment => concat!("comment.", $name),
            $crate::row::stage::Write::Record => concat!("record.", $name),
        }
    };
}

mod calls;
mod canary;
mod hand;
mod lease;
mod plan;
mod post_check;
mod signs;
mod warrant;
mod worker;

use hand::Hand;

/// Rows that are worked on at once.
const TOGETHER_MAX: usize = 8;

/// The executor's section.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// ArgoCD with the executor's own account, which may sync.
    pub argocd: Option<argocd::Config>,
    /// GitHub with the executor's own App or token, which owns the rule that holds runs and may answer it.
    pub github: Option<github::Config>,
    /// Terraform with the executor's own token, which may apply.
    pub terraform: Option<terraform::Config>,
    /// Confluence with the service account that may edit pages.
    pub confluence: Option<confluence::Config>,
    /// Notion with the integration that may edit pages.
    pub notion: Option<notion::Config>,
    #[serde(default)]
    pub pace: Pace,
}

/// What the executor shares with the server's config.
#[derive(Debug, Clone, Copy)]
pub struct Around<'a> {
    pub gates: &'a BTreeMap<String, Service>,
    pub runbooks: &'a BTreeMap<String, Runbook>,
    /// Read, never written.
    pub platforms: &'a platform::Config,
}

/// How long things take, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Pace {
    /// Between two looks at an operation, or at health.
    pub poll_ms: u32,
    /// A lease runs so long; a request of a former holder can still arrive within it.
    pub lease_ms: u32,
    /// Between two tries where a platform is away.
    pub retry_ms: u32,
    /// Health that is bad for so long is degraded.
    pub degraded_after_ms: u32,
    /// Health that has not settled by then is degraded.
    pub settle_within_ms: u32,
    /// A degraded row is watched so long for a rollback, a gate's deploy for whatever becomes of it.
    pub watch_ms: u32,
    /// A gate's deploy that can be taken back is healthy once all was fine for so long; any other once its watch is over.
    pub healthy_after_ms: u32,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            poll_ms: 1_000,
            lease_ms: 15_000,
            retry_ms: 2_000,
            degraded_after_ms: 5_000,
            settle_within_ms: 10 * 60 * 1_000,
            watch_ms: 30 * 60 * 1_000,
            healthy_after_ms: 5 * 60 * 1_000,
        }
    }
}

/// What cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum ExecutorError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Platform(#[from] PlatformError),
    #[error("the policies cannot be read: {0}")]
    Policy(String),
}

/// Why nothing goes on with a row, in words; told beside the row while it lasts.
pub type Troubles = Arc<Mutex<BTreeMap<RowId, String>>>;

/// The write path.
pub struct Executor {
    store: Arc<dyn Store>,
    clock: Clock,
    org: String,
    admins: Option<Vec<PublicKey>>,
    engine: &'static Engine,
    hand: Hand,
    /// What is read to tell how a deploy does, with the server's reading accounts.
    sources: Sources,
    pace: Pace,
    troubles: Troubles,
    /// What a test does between two steps; true cuts the worker off there.
    #[cfg(test)]
    between: Option<tests::Between>,
}

impl Executor {
    /// Reads the executor's tokens; asks nobody yet. `admins` are the keys that the chain of authority begins with.
    pub fn open(
        store: Arc<dyn Store>,
        clock: Clock,
        org: &str,
        admins: Option<Vec<PublicKey>>,
        config: &Config,
        around: &Around<'_>,
    ) -> Result<Self, ExecutorError> {
        let engine = Engine::embedded().map_err(|error| ExecutorError::Policy(error.to_string()))?;
        let hand = Hand::open(config, around, Arc::clone(&store), clock.clone())?;
        Ok(Self {
            store,
            clock,
            org: org.to_owned(),
            admins,
            engine,
            hand,
            sources: Sources::open(around.platforms)?,
            pace: config.pace,
            troubles: Troubles::default(),
            #[cfg(test)]
            between: None,
        })
    }

    /// The same, but for what a test does between two steps.
    #[cfg(test)]
    pub(super) fn stopping(mut self, between: tests::Between) -> Self {
        self.between = Some(between);
        self
    }

    /// What calls with the executor's own credentials have come to.
    pub fn calls(&self) -> Vec<(platform::Platform, platform::Calls)> {
        self.hand.calls()
    }

    /// What stands in the way of which row now.
    pub fn troubles(&self) -> Troubles {
        self.troubles.clone()
    }

    /// Works until `stop` is done. Whoever held leases before is gone: they are free at once.
    pub async fn run(self: Arc<Self>, stop: impl Future<Output = ()>) -> Result<(), ExecutorError> {
        self.store.reclaim_work().await?;
        let mut running = JoinSet::new();
        let mut grown = self.store.grown();
        tokio::pin!(stop);
        loop {
            while running.len() < TOGETHER_MAX {
                let Some(work) = self.take().await? else { break };
                let executor = Arc::clone(&self);
                running.spawn(async move { executor.carry_out(work).await });
            }
            tokio::select! {
                () = &mut stop => return Ok(()),
                _ = grown.changed() => {}
                Some(done) = running.join_next(), if !running.is_empty() => tell(done),
                () = tokio::time::sleep(self.poll()) => {}
            }
        }
    }

    /// Takes one piece of work that is due and does it; false where none is.
    pub async fn turn(&self) -> Result<bool, ExecutorError> {
        let Some(work) = self.take().await? else { return Ok(false) };
        self.carry_out(work).await?;
        Ok(true)
    }

    async fn take(&self) -> Result<Option<Work>, StoreError> {
        for kind in [WorkKind::Execute, WorkKind::Follow] {
            let taken =
                self.store.take_work(kind, self.clock.now(), milliseconds(self.pace.lease_ms)).await?;
            if taken.is_some() {
                return Ok(taken);
            }
        }
        Ok(None)
    }

    async fn carry_out(&self, work: Work) -> Result<(), StoreError> {
        self.at("lease.taken").await;
        let row = work.row;
        let lease = lease::Lease::new(self, &work);
        let done = match work.kind {
            WorkKind::Execute => Box::pin(worker::execute(self, &lease, row)).await,
            WorkKind::Follow => Box::pin(post_check::follow(self, &lease, row)).await,
            WorkKind::Tell => Ok(()),
        };
        match done {
            Ok(()) => {
                self.trouble(row, None);
                Ok(())
            }
            // Somebody else goes on with it.
            Err(lease::Stopped::Lost) => Ok(()),
            Err(lease::Stopped::Later { why, wait }) => {
                self.trouble(row, why);
                lease.later(wait).await
            }
            Err(lease::Stopped::Store(error)) => Err(error),
        }
    }

    fn trouble(&self, row: RowId, why: Option<String>) {
        let mut troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        match why {
            None => drop(troubles.remove(&row)),
            Some(why) => {
                if troubles.get(&row) != Some(&why) {
                    tracing::warn!(%row, why, "not executed yet");
                }
                troubles.insert(row, why);
            }
        }
    }

    /// A named place between two steps, where a test can cut the life of a decision.
    #[cfg_attr(not(test), expect(clippy::unused_async, reason = "only tests wait here"))]
    async fn at(&self, point: &'static str) {
        crate::stop_point::reach(point);
        #[cfg(test)]
        if let Some(between) = &self.between
            && between(point).await
        {
            std::future::pending::<()>().await;
        }
    }

    fn poll(&self) -> Duration {
        Duration::from_millis(u64::from(self.pace.poll_ms.max(1)))
    }

    fn retry(&self) -> SignedDuration {
        milliseconds(self.pace.retry_ms)
    }
}

/// A task of the executor has ended.
fn tell(done: Result<Result<(), StoreError>, tokio::task::JoinError>) {
    match done {
        Ok(Ok(())) => {}
        // The lease runs out, and the work is taken again.
        Ok(Err(error)) => tracing::error!(%error, "the executor could not go on with a row"),
        Err(error) => tracing::error!(%error, "the executor was cut off on a row"),
    }
}

/// The executor, in the record.
fn actor() -> Actor {
    // A name that is one: were it not, the system itself would stand there.
    let id = "executor".parse().unwrap_or_else(|_| PrincipalId::system());
    Actor { id, kind: PrincipalKind::Service }
}

fn milliseconds(of: u32) -> SignedDuration {
    SignedDuration::from_millis(i64::from(of))
}

#[cfg(test)]
mod tests;
