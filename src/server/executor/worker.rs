//! One row from approved to executed, step by step; or from wherever a crash left it.
//!
//! Never: a step whose predecessor is not durable.

use jiff::{SignedDuration, Timestamp};

use super::{
    Executor, actor,
    lease::{Lease, Stepped, Stopped},
    milliseconds,
    plan::{self, Next, Written},
    warrant::{self, Case, NoWarrant, Warrant},
};
use crate::{
    audit::leaf::{self, Leaf},
    lifecycle::{self, Ruling, Step},
    platform::{
        self, Failure, PlatformError,
        argocd::{Refresh, SyncError, SyncRefusal},
    },
    row::{
        Base, Digest, Event, How, Moved, Row, RowId, Stage, State,
        stage::{Approval, Before, Execution, Write},
        sync::Reading,
    },
    store::{Leaves, RowQuery, StoreError},
};

/// How an execution ended after which no policy decides the same drift again.
const FAILED: [State; 4] = [State::Failed, State::Unknown, State::Degraded, State::RolledBack];

/// A leaf and its index.
type Numbered = (u64, Leaf);

/// What the record says about a row, and at which authority.
struct Known {
    row: Row,
    leaves: Vec<Numbered>,
    ruling: Ruling,
    authority: u64,
    size: u64,
}

pub(super) async fn execute(executor: &Executor, lease: &Lease<'_>, id: RowId) -> Result<(), Stopped> {
    let Some(known) = known(executor, id).await? else { return lease.done().await };
    match known.row.stage.clone() {
        Stage::Approved { approval } if approval.how != How::ByHand => {
            begin(executor, lease, &known, &approval).await
        }
        Stage::Executing { execution } => recover(executor, lease, &known, execution).await,
        // Decided otherwise meanwhile, or done already.
        _ => lease.done().await,
    }
}

/// From the approval to the intent; then the write.
async fn begin(
    executor: &Executor,
    lease: &Lease<'_>,
    known: &Known,
    approval: &Approval,
) -> Result<(), Stopped> {
    let id = known.row.id;
    if let Some((by, note)) = &known.ruling.halted {
        return Err(Stopped::later(format!("halted by {by}: {note}"), executor.retry()));
    }
    let warrant = match prove(executor, known, approval).await? {
        Ok(warrant) => warrant,
        Err(no) => return not_proved(executor, lease, known, no).await,
    };
    executor.at("warrant.verified").await;
    let reading = match base(executor, lease, &warrant).await? {
        Read::As(reading) => reading,
        Read::Busy => return Err(Stopped::later("another operation is running", executor.retry())),
        Read::Moved(moved) => return stale(lease, id, moved).await,
        Read::Away(error) => return Err(Stopped::later(error.to_string(), executor.retry())),
    };
    executor.at("base.read").await;
    let before = Before {
        history_id: reading.history_id,
        operation_finished_at: reading.operation_finished_at.clone(),
    };
    let request = warrant.request_digest(reading.auto_sync);
    let step = Step::Intend { tag: warrant.tag().clone(), write: Write::Sync, before, request };
    // Exactly the row and the authority that the warrant was made from.
    let (row, receipt) = match lease.step_from(&known.row, known.authority, &known.ruling, &step).await? {
        Some(Stepped::Done { row, receipt }) => (row, receipt),
        Some(Stepped::Refused(_)) => return lease.done().await,
        None => return Err(Stopped::Later { why: None, wait: SignedDuration::ZERO }),
    };
    executor.at("intent.committed").await;
    let Stage::Executing { execution } = row.stage else { return lease.done().await };
    let log = head(executor, receipt.size).await?;
    let drive = Drive { executor, lease, row: id, warrant, execution, log };
    drive.run(Written::No, Some(reading.auto_sync)).await
}

/// A former holder got as far as the intent, at least.
async fn recover(
    executor: &Executor,
    lease: &Lease<'_>,
    known: &Known,
    execution: Execution,
) -> Result<(), Stopped> {
    let warrant = match prove(executor, known, &execution.approval).await? {
        Ok(warrant) => warrant,
        Err(NoWarrant::NotProved(why) | NoWarrant::Void { why, .. }) => {
            let detail = format!("cut off after the intent, and the decision no longer holds: {why}");
            return end(executor, lease, known.row.id, Step::CannotTell { detail }).await;
        }
    };
    let log = head(executor, known.intended_at_size()).await?;
    let since = execution.intended_at;
    let drive = Drive { executor, lease, row: known.row.id, warrant, execution, log };
    drive.run(Written::Perhaps { since }, None).await
}

/// The part from the write to what became of it.
struct Drive<'a> {
    executor: &'a Executor,
    lease: &'a Lease<'a>,
    row: RowId,
    warrant: Warrant,
    execution: Execution,
    /// The head that the intent made: `SIZE ROOT16`.
    log: String,
}

impl Drive<'_> {
    /// `auto_sync`: how the application was a moment ago, where its base was read then.
    async fn run(mut self, mut written: Written, mut auto_sync: Option<bool>) -> Result<(), Stopped> {
        let repeat_after = milliseconds(self.executor.pace.lease_ms);
        loop {
            let key = self.warrant.app();
            let reading = self.executor.hand.reads().application(&key, Refresh::No);
            let app = match self.lease.holding(reading).await? {
                Ok(app) => app,
                Err(error) => {
                    self.wait(&error.to_string(), self.executor.retry()).await?;
                    continue;
                }
            };
            let (reviewed, now) = (self.warrant.reviewed(), self.executor.clock.now());
            match plan::next(&self.execution, reviewed, &app, written, repeat_after, now) {
                Next::Wait => {
                    // What was read of the base is no longer fresh.
                    auto_sync = None;
                    self.lease.pause().await?;
                }
                Next::Terminate { revisions } => return self.terminate(&revisions).await,
                Next::Confirm { detail } => return self.end(Step::Confirm { detail }).await,
                Next::Fail { detail } => return self.end(Step::Fail { detail }).await,
                Next::CannotTell { detail } => return self.end(Step::CannotTell { detail }).await,
                Next::Write => {
                    let auto_sync = match auto_sync.take() {
                        Some(auto_sync) => auto_sync,
                        None => match self.again().await? {
                            Again::Write { auto_sync } => auto_sync,
                            Again::Wait => continue,
                            Again::Ended => return Ok(()),
                        },
                    };
                    match self.write(auto_sync).await? {
                        Some(now) => written = now,
                        None => return Ok(()),
                    }
                }
            }
        }
    }

    /// Sends it once. Gives what is known to be written; none where that was the end.
    async fn write(&self, auto_sync: bool) -> Result<Option<Written>, Stopped> {
        let since = self.executor.clock.now();
        let sending = self.executor.hand.sync(&self.warrant, auto_sync, &self.log);
        let answer = self.lease.holding(sending).await?;
        self.executor.at("write.sent").await;
        let written = match answer {
            Ok(accepted) if accepted.revisions == self.warrant.reviewed() => Written::Yes,
            Ok(accepted) => {
                self.terminate(&accepted.revisions).await?;
                return Ok(None);
            }
            Err(SyncError::Refused { refusal: SyncRefusal::Busy, .. }) => {
                self.wait("another operation is in progress", self.executor.retry()).await?;
                Written::No
            }
            Err(error) => match after(&error) {
                platform::Next::GiveUp => {
                    self.end(Step::Fail { detail: error.to_string() }).await?;
                    return Ok(None);
                }
                platform::Next::Retry { wait } => {
                    let wait = SignedDuration::try_from(wait).unwrap_or(self.executor.retry());
                    self.wait(&error.to_string(), wait).await?;
                    Written::No
                }
                // The answer is lost, and may hide a done write.
                platform::Next::ReadBack => Written::Perhaps { since },
            },
        };
        self.executor.at("write.answered").await;
        Ok(Some(written))
    }

    /// Before it is written later than planned: does everything still hold?
    async fn again(&mut self) -> Result<Again, Stopped> {
        let Some(known) = known(self.executor, self.row).await? else { return Err(Stopped::Lost) };
        if let Some((by, note)) = &known.ruling.halted {
            self.wait(&format!("halted by {by}: {note}"), self.executor.retry()).await?;
            return Ok(Again::Wait);
        }
        match prove(self.executor, &known, &self.execution.approval).await? {
            Ok(warrant) => self.warrant = warrant,
            Err(NoWarrant::NotProved(why) | NoWarrant::Void { why, .. }) => {
                let detail = format!("nothing was written, and the decision no longer holds: {why}");
                self.end(Step::Fail { detail }).await?;
                return Ok(Again::Ended);
            }
        }
        match base(self.executor, self.lease, &self.warrant).await? {
            Read::As(reading) => Ok(Again::Write { auto_sync: reading.auto_sync }),
            Read::Busy => Ok(Again::Wait),
            Read::Moved(moved) => stale(self.lease, self.row, moved).await.map(|()| Again::Ended),
            Read::Away(error) => {
                self.wait(&error.to_string(), self.executor.retry()).await?;
                Ok(Again::Wait)
            }
        }
    }

    /// It went to another revision than the reviewed one: end it, and say so.
    async fn terminate(&self, revisions: &[String]) -> Result<(), Stopped> {
        let key = self.warrant.app();
        let how = loop {
            let ended = self.lease.holding(self.executor.hand.terminate(&self.warrant)).await?;
            let failed = match ended {
                Ok(true) => break "terminated",
                // ArgoCD says so, too, before it has picked the operation up.
                Ok(false) => match self
                    .lease
                    .holding(self.executor.hand.reads().application(&key, Refresh::No))
                    .await?
                {
                    Ok(app) if app.operation.is_none() => break "it had ended before it could be terminated",
                    Ok(_) => None,
                    Err(error) => Some(error),
                },
                Err(error) => Some(error),
            };
            match failed {
                Some(error) if error.read_again_after().is_none() => {
                    tracing::error!(row = %self.row, %error, "an operation to another revision could not be ended");
                    break "it could not be terminated";
                }
                Some(error) => self.wait(&error.to_string(), self.executor.retry()).await?,
                None => self.lease.pause().await?,
            }
        };
        let (is, was) = (revisions.join(", "), self.warrant.reviewed().join(", "));
        self.end(Step::Fail { detail: format!("ArgoCD resolved {is} instead of the reviewed {was}; {how}") })
            .await
    }

    async fn end(&self, step: Step) -> Result<(), Stopped> {
        end(self.executor, self.lease, self.row, step).await
    }

    /// Tells why nothing goes on, and waits, holding the lease.
    async fn wait(&self, why: &str, wait: SignedDuration) -> Result<(), Stopped> {
        self.executor.trouble(self.row, Some(why.to_owned()));
        let wait = std::time::Duration::try_from(wait).unwrap_or_default();
        self.lease.holding(tokio::time::sleep(wait)).await
    }
}

enum Again {
    Write { auto_sync: bool },
    Wait,
    Ended,
}

/// What was read back is committed; the work is done.
async fn end(executor: &Executor, lease: &Lease<'_>, row: RowId, step: Step) -> Result<(), Stopped> {
    executor.at("readback.done").await;
    let stepped = lease.step(row, &Ruling::default(), &step, true).await?;
    executor.at("confirmed.committed").await;
    match stepped {
        Stepped::Done { .. } => Ok(()),
        Stepped::Refused(refusal) => {
            tracing::error!(%row, why = refusal.sentence(), "what became of it could not be recorded");
            lease.done().await
        }
    }
}

async fn stale(lease: &Lease<'_>, row: RowId, moved: Vec<Moved>) -> Result<(), Stopped> {
    match lease.step(row, &Ruling::default(), &Step::Stale { moved }, true).await? {
        Stepped::Done { .. } => Ok(()),
        Stepped::Refused(_) => lease.done().await,
    }
}

async fn not_proved(
    executor: &Executor,
    lease: &Lease<'_>,
    known: &Known,
    no: NoWarrant,
) -> Result<(), Stopped> {
    let row = known.row.id;
    match no {
        NoWarrant::Void { decisions, why } => {
            match lease.step(row, &known.ruling, &Step::Void { decisions, why }, true).await? {
                Stepped::Done { .. } => Ok(()),
                Stepped::Refused(_) => lease.done().await,
            }
        }
        NoWarrant::NotProved(why) => {
            tracing::error!(%row, why, "the record does not bear out this approval: it is not executed");
            // It may be a leaf that is not read yet; the approval lapses by itself.
            Err(Stopped::later(format!("the record does not bear it out: {why}"), executor.retry() * 15))
        }
    }
}

/// The base as it is now, against the reviewed one.
enum Read {
    As(Box<Reading>),
    Busy,
    Moved(Vec<Moved>),
    Away(PlatformError),
}

async fn base(executor: &Executor, lease: &Lease<'_>, warrant: &Warrant) -> Result<Read, Stopped> {
    let app = warrant.app();
    let read = lease.holding(executor.hand.reads().reading(&app, Refresh::Normal)).await?;
    let reading = match read {
        Ok(reading) => reading,
        Err(error) if error.failure == Failure::NotFound => {
            let gone = Moved { what: "application".to_owned(), was: app.name, is: "absent".to_owned() };
            return Ok(Read::Moved(vec![gone]));
        }
        Err(error) => return Ok(Read::Away(error)),
    };
    if reading.operation_running {
        return Ok(Read::Busy);
    }
    let moved = Base::Sync(warrant.base().clone()).moved(&Base::Sync(reading.base()));
    Ok(if moved.is_empty() { Read::As(Box::new(reading)) } else { Read::Moved(moved) })
}

/// A refusal of our own token passes; it is renewed by somebody.
fn after(error: &SyncError) -> platform::Next {
    match error {
        SyncError::Platform(PlatformError { failure: Failure::Unauthorised, .. }) => {
            platform::Next::Retry { wait: std::time::Duration::from_secs(2) }
        }
        error => error.next(),
    }
}

async fn known(executor: &Executor, id: RowId) -> Result<Option<Known>, StoreError> {
    // The head first: what comes after it makes the commit conflict.
    let head = executor.store.head().await?;
    let Some(row) = executor.store.row(id).await? else { return Ok(None) };
    let mut leaves = executor.store.leaves(Leaves::Authority { from: 0 }).await?;
    leaves.extend(executor.store.leaves(Leaves::OfRow(id)).await?);
    leaves.sort_by_key(|leaf| leaf.index);
    leaves.dedup_by_key(|leaf| leaf.index);
    let parsed = leaves.iter().map(|leaf| {
        let damaged = |error| StoreError::Damaged(format!("entry {}: {error}", leaf.index));
        Ok((leaf.index, Leaf::parse(&leaf.bytes).map_err(damaged)?))
    });
    let leaves = parsed.collect::<Result<Vec<_>, StoreError>>()?;
    let ruling = warrant::ruling(&leaves, &row);
    Ok(Some(Known { row, leaves, ruling, authority: head.authority, size: head.size }))
}

/// The warrant, from the leaves.
async fn prove(
    executor: &Executor,
    known: &Known,
    approval: &Approval,
) -> Result<Result<Warrant, NoWarrant>, Stopped> {
    let row = &known.row;
    let unproved = |why: &str| Ok(Err(NoWarrant::NotProved(why.to_owned())));
    let Some(draft) = executor.store.draft(row.id, row.revision).await? else {
        return unproved("the draft is gone");
    };
    let query =
        RowQuery { states: FAILED.to_vec(), subject: Some(row.subject.clone()), ..RowQuery::default() };
    let others = executor.store.rows(query).await?.rows;
    let failed =
        others.iter().any(|other| other.id != row.id && other.drift.is_some() && other.drift == row.drift);
    let now = executor.clock.now();
    let Some((leaves, intent)) = known.intent(approval, now) else {
        return unproved("the row is not approved");
    };
    let case = Case {
        org: &executor.org,
        admins: executor.admins.clone(),
        engine: executor.engine,
        row,
        approval,
        draft: &draft,
        leaves,
        failed,
        now,
    };
    Ok(warrant::verify(&case, intent))
}

impl Known {
    /// The leaves before the intent, and the intent: the one in the log, or the one that would be next.
    fn intent(&self, approval: &Approval, now: Timestamp) -> Option<(&[Numbered], Numbered)> {
        let of_row = |(_, leaf): &&(u64, Leaf)| leaf.row == Some(self.row.id);
        if matches!(self.row.stage, Stage::Executing { .. }) {
            let at = self
                .leaves
                .iter()
                .rposition(|entry| of_row(&entry) && entry.1.event == Event::ExecutionIntended)?;
            return Some((&self.leaves[..at], self.leaves[at].clone()));
        }
        let step = Step::Intend {
            tag: approval.decisions.last()?.clone(),
            write: Write::Sync,
            before: Before::default(),
            request: Digest::of(""),
        };
        let entry =
            lifecycle::apply(&Ruling::default(), &self.row, &step, now).ok()?.entries.into_iter().next()?;
        let last = self.leaves.iter().map(|(_, leaf)| leaf.at).max().unwrap_or(now);
        let executor = actor();
        let leaf = Leaf {
            actor: leaf::Actor { id: executor.id, kind: executor.kind },
            at: now.max(last),
            body: entry.body,
            event: entry.event,
            prev: self.leaves.iter().rev().find(of_row).map(|(index, _)| *index),
            revision: Some(self.row.revision),
            row: Some(self.row.id),
        };
        Some((&self.leaves, (self.size, leaf)))
    }

    /// The log's size with the intent as its last entry.
    fn intended_at_size(&self) -> u64 {
        let intended = |(_, leaf): &&(u64, Leaf)| {
            leaf.event == Event::ExecutionIntended && leaf.row == Some(self.row.id)
        };
        self.leaves.iter().rev().find(intended).map_or(self.size, |(index, _)| index + 1)
    }
}

/// A head of the log, as tags carry it.
async fn head(executor: &Executor, size: u64) -> Result<String, StoreError> {
    let root = executor.store.root(size).await?;
    Ok(format!("{size} {}", Digest(root).short()))
}
