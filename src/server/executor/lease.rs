//! One piece of work in hand: every commit stands only while the lease does.
//!
//! Never: a step taken by a holder whose lease ran out and was taken by another.

use std::{future::Future, time::Duration};

use jiff::SignedDuration;

use super::{Executor, actor, milliseconds};
use crate::{
    lifecycle::{self, Ruling, Step},
    row::{Refusal, Row, RowId},
    server::step::{TRIES_MAX, commit_of},
    store::{Commit, Committed, Receipt, StoreError, Work, WorkChange},
};

/// A lease on a row's work.
pub(super) struct Lease<'a> {
    executor: &'a Executor,
    id: u64,
    fence: u64,
}

/// Why work stops before it is done.
#[derive(Debug)]
pub(super) enum Stopped {
    /// The lease is another's now.
    Lost,
    /// It goes on after a while; `why` is told meanwhile.
    Later {
        why: Option<String>,
        wait: SignedDuration,
    },
    Store(StoreError),
}

impl From<StoreError> for Stopped {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Stopped {
    pub(super) fn later(why: impl Into<String>, wait: SignedDuration) -> Self {
        Self::Later { why: Some(why.into()), wait }
    }
}

/// A step that was taken, or not.
pub(super) enum Stepped {
    Done(Receipt),
    Refused(Refusal),
}

impl<'a> Lease<'a> {
    pub(super) fn new(executor: &'a Executor, work: &Work) -> Self {
        Self { executor, id: work.id, fence: work.fence }
    }

    /// Takes a step on the row as it is in the store, if the lifecycle and the lease allow it. `ends`: the work is done.
    pub(super) async fn step(
        &self,
        row: RowId,
        ruling: &Ruling,
        step: &Step,
        ends: bool,
    ) -> Result<Stepped, Stopped> {
        let Self { id, fence, .. } = *self;
        for _ in 0..TRIES_MAX {
            let now = self.executor.clock.now();
            let Some(before) = self.executor.store.row(row).await? else { return Err(Stopped::Lost) };
            let transition = match lifecycle::apply(ruling, &before, step, now) {
                Ok(transition) => transition,
                Err(refusal) => return Ok(Stepped::Refused(refusal)),
            };
            let mut commit = commit_of(&before, transition, &actor(), now);
            commit.work.push(if ends { WorkChange::Done { id, fence } } else { self.renewal() });
            match self.executor.store.commit(commit).await? {
                Committed::At(receipt) => return Ok(Stepped::Done(receipt)),
                Committed::Conflict => {}
                Committed::LeaseLost | Committed::SubjectTaken(_) => return Err(Stopped::Lost),
            }
        }
        Err(Stopped::Later { why: None, wait: self.executor.retry() })
    }

    /// Takes a step on exactly this row and under this authority; none where either has moved.
    pub(super) async fn step_from(
        &self,
        before: &Row,
        authority: u64,
        ruling: &Ruling,
        step: &Step,
    ) -> Result<Option<Stepped>, Stopped> {
        let now = self.executor.clock.now();
        let transition = match lifecycle::apply(ruling, before, step, now) {
            Ok(transition) => transition,
            Err(refusal) => return Ok(Some(Stepped::Refused(refusal))),
        };
        let mut commit = commit_of(before, transition, &actor(), now);
        commit.authority = Some(authority);
        commit.work.push(self.renewal());
        match self.executor.store.commit(commit).await? {
            Committed::At(receipt) => Ok(Some(Stepped::Done(receipt))),
            Committed::Conflict => Ok(None),
            Committed::LeaseLost | Committed::SubjectTaken(_) => Err(Stopped::Lost),
        }
    }

    /// Nothing is left to do.
    pub(super) async fn done(&self) -> Result<(), Stopped> {
        let Self { id, fence, .. } = *self;
        self.change(WorkChange::Done { id, fence }).await
    }

    /// Gives the work back, to be taken again after `wait`.
    pub(super) async fn later(&self, wait: SignedDuration) -> Result<(), StoreError> {
        let Self { id, fence, .. } = *self;
        let now = self.executor.clock.now();
        let not_before = now.checked_add(wait).unwrap_or(now);
        match self.change(WorkChange::Later { id, fence, not_before }).await {
            Err(Stopped::Store(error)) => Err(error),
            Ok(()) | Err(Stopped::Lost | Stopped::Later { .. }) => Ok(()),
        }
    }

    /// Waits for what may take longer than a lease, and holds on to it meanwhile.
    pub(super) async fn holding<T>(&self, what: impl Future<Output = T>) -> Result<T, Stopped> {
        let third = Duration::from_millis(u64::from(self.executor.pace.lease_ms / 3).max(1));
        tokio::pin!(what);
        loop {
            tokio::select! {
                done = &mut what => return Ok(done),
                () = tokio::time::sleep(third) => self.change(self.renewal()).await?,
            }
        }
    }

    /// Stops whoever lost it meanwhile.
    pub(super) async fn held(&self) -> Result<(), Stopped> {
        self.change(self.renewal()).await
    }

    /// Waits between two looks.
    pub(super) async fn pause(&self) -> Result<(), Stopped> {
        self.holding(tokio::time::sleep(self.executor.poll())).await?;
        self.change(self.renewal()).await
    }

    fn renewal(&self) -> WorkChange {
        let now = self.executor.clock.now();
        let until = now.checked_add(milliseconds(self.executor.pace.lease_ms)).unwrap_or(now);
        WorkChange::Renew { id: self.id, fence: self.fence, until }
    }

    async fn change(&self, change: WorkChange) -> Result<(), Stopped> {
        let commit = Commit { work: vec![change], ..Commit::at(self.executor.clock.now()) };
        match self.executor.store.commit(commit).await? {
            Committed::At(_) | Committed::Conflict | Committed::SubjectTaken(_) => Ok(()),
            Committed::LeaseLost => Err(Stopped::Lost),
        }
    }
}
