//! One row from approved to executed, step by step; or from wherever a crash left it.
//!
//! Never: a step whose predecessor is not durable.

use jiff::{SignedDuration, Timestamp};

use super::{
    Executor, actor,
    calls::Calls,
    canary::{self, Held},
    hand::{BaseNow, Hand, Sent},
    lease::{Lease, Stepped, Stopped},
    milliseconds,
    plan::{self, Intent, Next, Written},
    warrant::{self, Case, Decided, NoWarrant, Warrant},
};
use crate::{
    audit::leaf::{self, Leaf},
    lifecycle::{self, Ruling, Step},
    row::{
        Base, Digest, Draft, Effect, Event, How, Kind, Moved, Reading, Row, RowId, Stage, State,
        gate::Pipeline,
        stage::{Before, Done, Write},
    },
    store::{Leaves, RowQuery, StoreError},
};

/// How an execution ended after which no policy decides the same drift again.
const FAILED: [State; 4] = [State::Failed, State::Unknown, State::Degraded, State::RolledBack];

/// A platform that is away is asked so much more rarely where it is only told a no.
const DECLINE_SLOWER: i32 = 5;

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

/// What is to be done about a row, as its stage says.
enum Job<'a> {
    /// The next write begins.
    Begin { decided: Decided<'a>, done: &'a [Done] },
    /// The intent of this write stands, and what became of it is not known.
    Recover { decided: Decided<'a>, write: Write, before: Before, since: Timestamp },
    /// Decided otherwise meanwhile, or done already.
    Nothing,
}

impl<'a> Job<'a> {
    fn of(row: &'a Row) -> Self {
        match &row.stage {
            Stage::Approved { approval } if approval.how != How::ByHand => {
                Self::Begin { decided: Decided::Approved(approval), done: &[] }
            }
            Stage::Executing { execution } if execution.under_way() => Self::Recover {
                decided: Decided::Approved(&execution.approval),
                write: execution.write,
                before: execution.before.clone(),
                since: execution.intended_at,
            },
            Stage::Executing { execution } => {
                Self::Begin { decided: Decided::Approved(&execution.approval), done: &execution.done }
            }
            Stage::Declined { told, .. } if row.id.kind == Kind::Gate => {
                let declines = |key: &&crate::row::Key| {
                    key.decision == crate::row::Decision::Decline && key.void.is_none()
                };
                let Some(key) = row.keys.iter().rev().find(declines) else { return Self::Nothing };
                let decided = Decided::Declined { tag: &key.decision_id, revision: key.revision };
                match told {
                    None => Self::Begin { decided, done: &[] },
                    Some(told) if told.outcome.is_none() => Self::Recover {
                        decided,
                        write: Write::Answer,
                        before: told.before.clone(),
                        since: told.intended_at,
                    },
                    Some(_) => Self::Nothing,
                }
            }
            _ => Self::Nothing,
        }
    }
}

/// What comes after a write.
enum After {
    /// The next write, from what the store says then.
    Next,
    /// The work is done.
    Ended,
}

pub(super) async fn execute(executor: &Executor, lease: &Lease<'_>, id: RowId) -> Result<(), Stopped> {
    loop {
        let Some(known) = known(executor, id).await? else { return lease.done().await };
        let after = match Job::of(&known.row) {
            Job::Begin { decided, done } => Box::pin(begin(executor, lease, &known, decided, done)).await?,
            Job::Recover { decided, write, before, since } => {
                Box::pin(recover(executor, lease, &known, decided, write, before, since)).await?
            }
            Job::Nothing => return lease.done().await,
        };
        match after {
            After::Next => {}
            After::Ended => return Ok(()),
        }
    }
}

/// From the decision, or the write before, to the intent; then the write.
async fn begin(
    executor: &Executor,
    lease: &Lease<'_>,
    known: &Known,
    decided: Decided<'_>,
    done: &[Done],
) -> Result<After, Stopped> {
    let id = known.row.id;
    if let Some((by, note)) = &known.ruling.halted {
        return Err(Stopped::later(format!("halted by {by}: {note}"), executor.retry()));
    }
    let warrant = match lease.holding(Box::pin(prove(executor, known, decided))).await?? {
        Ok(warrant) => warrant,
        Err(no) => return not_proved(executor, lease, known, done, no).await,
    };
    let Some(write) = warrant.writes().into_iter().find(|write| done.iter().all(|done| done.write != *write))
    else {
        tracing::error!(row = %id, "nothing is left to write, and it is not done");
        return lease.done().await.map(|()| After::Ended);
    };
    executor.at(point!(write, "warrant.verified")).await;
    match lease.holding(Box::pin(canary::held(executor, &warrant, write, done))).await? {
        Held::No => {}
        Held::Yes { why, wait } => return Err(Stopped::later(why, wait)),
        Held::Bad { why } => return ended(executor, lease, id, &given_up(done, write, &why)).await,
    }
    let reading = match lease.holding(Box::pin(executor.hand.base(&warrant, write, None))).await? {
        BaseNow::As(reading) => Some(reading),
        BaseNow::Needless => None,
        BaseNow::Busy => return Err(Stopped::later("another operation is running", executor.retry())),
        BaseNow::Moved(moved) => {
            let moved = lease.holding(executor.hand.named(&warrant.base, moved)).await?;
            return gone(executor, lease, known, done, moved).await;
        }
        // A decline is in no hurry: nothing is shipped meanwhile.
        BaseNow::Away(why) => {
            let declined = matches!(known.row.stage, Stage::Declined { .. });
            let wait = if declined { executor.retry() * DECLINE_SLOWER } else { executor.retry() };
            return Err(Stopped::later(why, wait));
        }
    };
    executor.at(point!(write, "base.read")).await;
    let before = match lease.holding(executor.hand.before(&warrant, write, reading.as_deref())).await? {
        Ok(before) => before,
        Err(why) => return Err(Stopped::later(why, executor.retry())),
    };
    let request = Hand::request_digest(&warrant, write, reading.as_deref());
    let step = Step::Intend { tag: warrant.tag.clone(), write, before: before.clone(), request };
    // Exactly the row and the authority that the warrant was made from.
    let receipt = match lease.step_from(&known.row, known.authority, &known.ruling, &step).await? {
        Some(Stepped::Done(receipt)) => receipt,
        Some(Stepped::Refused(_)) => return lease.done().await.map(|()| After::Ended),
        None => return Err(Stopped::Later { why: None, wait: SignedDuration::ZERO }),
    };
    executor.at(point!(write, "intent.committed")).await;
    let log = head(executor, receipt.size).await?;
    let last = warrant.writes().last() == Some(&write);
    let calls = Calls::none();
    let drive = Drive { executor, lease, row: id, warrant, write, before, last, log, calls };
    Box::pin(drive.run(Written::No, reading)).await
}

/// A former holder got as far as the intent, at least.
async fn recover(
    executor: &Executor,
    lease: &Lease<'_>,
    known: &Known,
    decided: Decided<'_>,
    write: Write,
    before: Before,
    since: Timestamp,
) -> Result<After, Stopped> {
    let warrant = match lease.holding(Box::pin(prove(executor, known, decided))).await?? {
        Ok(warrant) => warrant,
        Err(NoWarrant::NotProved(why) | NoWarrant::Void { why, .. }) => {
            let detail = format!("cut off after the intent, and the decision no longer holds: {why}");
            return cut_off(executor, lease, known, decided, write, detail).await;
        }
    };
    let log = head(executor, known.intended_at_size()).await?;
    let last = warrant.writes().last() == Some(&write);
    // Of several calls the last may have been sent right before the lease ran out, long after the intent.
    let several = !before.edit.is_empty() || warrant.in_parts(write);
    let since = if several { executor.clock.now() } else { since };
    let calls = Calls::unknown();
    let drive = Drive { executor, lease, row: known.row.id, warrant, write, before, last, log, calls };
    Box::pin(drive.run(Written::Perhaps { since }, None)).await
}

/// The intent stands and nothing bears it out any more. A platform is not asked; an answer that lies here for a pipeline
/// is taken back, since it would still be taken for a yes.
async fn cut_off(
    executor: &Executor,
    lease: &Lease<'_>,
    known: &Known,
    decided: Decided<'_>,
    write: Write,
    detail: String,
) -> Result<After, Stopped> {
    let row = &known.row;
    let draft = executor.store.draft(row.id, decided.revision(row)).await?;
    let (step, follows) = match (draft, decided.tag()) {
        (Some(Draft { base: Base::Gate(base), effect, .. }), Some(tag))
            if matches!(decided, Decided::Approved(_))
                && write == Write::Answer
                && base.pipeline == Pipeline::Elsewhere =>
        {
            let applies = matches!(&effect, Effect::Pipeline(effect) if effect.apply.is_some());
            match executor.hand.take_back(&Base::Gate(base), tag).await {
                Ok(true) => (Step::Fail { detail: format!("{detail}; the run was told nothing") }, false),
                Ok(false) if applies => {
                    (Step::Wrote { detail: format!("the run was told, then {detail}") }, true)
                }
                Ok(false) => (Step::Confirm { detail: format!("the run was told, then {detail}") }, false),
                Err(why) => return Err(Stopped::later(why, executor.retry())),
            }
        }
        _ => (Step::CannotTell { detail }, false),
    };
    if !follows {
        return end(executor, lease, row.id, write, step).await.map(|()| After::Ended);
    }
    match lease.step(row.id, &Ruling::default(), &step, false).await? {
        Stepped::Done(_) => Ok(After::Next),
        Stepped::Refused(_) => lease.done().await.map(|()| After::Ended),
    }
}

/// The part from a write to what became of it.
struct Drive<'a> {
    executor: &'a Executor,
    lease: &'a Lease<'a>,
    row: RowId,
    warrant: Warrant,
    write: Write,
    before: Before,
    /// No other write follows.
    last: bool,
    /// The head that the intent made: `SIZE ROOT16`.
    log: String,
    calls: Calls,
}

impl Drive<'_> {
    /// `reading`: how the base was a moment ago, where it was read then.
    async fn run(
        mut self,
        mut written: Written,
        mut reading: Option<Box<Reading>>,
    ) -> Result<After, Stopped> {
        let repeat_after = milliseconds(self.executor.pace.lease_ms);
        loop {
            let showing = Box::pin(self.executor.hand.shown(&self.warrant, self.write, &self.before));
            let mut shown = match self.lease.holding(showing).await? {
                Ok(shown) => shown,
                Err(why) => {
                    self.wait(&why, self.executor.retry()).await?;
                    continue;
                }
            };
            if self.calls.look(&mut shown) {
                written = Written::No;
                reading = self.calls.reading.take();
            }
            let Some(due) = self.warrant.due(self.write) else {
                let detail = "the warrant is not for what was intended".to_owned();
                return self.end(Step::CannotTell { detail }).await;
            };
            let intent = Intent { tag: &self.warrant.tag, before: &self.before };
            let now = self.executor.clock.now();
            match plan::next(&intent, &due, &shown, &written, repeat_after, now) {
                Next::Wait => {
                    // What was read of the base is no longer fresh.
                    reading = None;
                    self.rest().await?;
                }
                Next::Terminate { revisions } => return self.terminate(&revisions).await,
                Next::Confirm { detail } if self.last => return self.end(Step::Confirm { detail }).await,
                Next::Confirm { detail } => return self.wrote(detail).await,
                Next::Fail { detail } => return self.fail(detail).await,
                Next::CannotTell { mut detail } => {
                    if let Some(part) = self.calls.part.filter(|part| !detail.contains(part.as_str())) {
                        detail = format!("{detail}; when it was last seen, {part}");
                    }
                    return end(self.executor, self.lease, self.row, self.write, Step::CannotTell { detail })
                        .await
                        .map(|()| After::Ended);
                }
                Next::Moved { moved } => match self.moved(moved).await? {
                    Some(after) => return Ok(after),
                    None => reading = None,
                },
                Next::Write => {
                    let reading = match reading.take() {
                        Some(reading) => reading,
                        None => match Box::pin(self.again()).await? {
                            Again::Write(reading) => reading,
                            Again::Wait => continue,
                            Again::Ended(after) => return Ok(after),
                        },
                    };
                    match self.send(&reading).await? {
                        Some(now) => {
                            if matches!(now, Written::Yes { .. } | Written::Perhaps { .. }) {
                                self.calls.sent(reading, matches!(now, Written::Yes { .. }));
                            }
                            written = now;
                        }
                        None => return Ok(After::Ended),
                    }
                }
            }
        }
    }

    /// Until the next look. A page of many blocks takes many requests, of which Notion answers three a second.
    async fn rest(&self) -> Result<(), Stopped> {
        if self.before.edit.is_empty() && !self.warrant.in_parts(self.write) {
            return self.lease.pause().await;
        }
        let long = std::time::Duration::from_millis(u64::from(self.executor.pace.lease_ms / 4));
        self.lease.holding(tokio::time::sleep(long.max(self.executor.poll()))).await
    }

    /// Sends it once. Gives what is known to be written; none where that was the end.
    async fn send(&self, reading: &Reading) -> Result<Option<Written>, Stopped> {
        let since = self.executor.clock.now();
        // Still ours to send?
        self.lease.held().await?;
        let what = (self.write, &self.before);
        let sending = self.executor.hand.send(&self.warrant, what, reading, &self.log);
        let sent = self.lease.holding(sending).await?;
        self.executor.at(point!(self.write, "write.sent")).await;
        let written = match sent {
            Sent::Accepted => Written::Yes { since: self.executor.clock.now() },
            Sent::Elsewhere { revisions } => {
                self.terminate(&revisions).await?;
                return Ok(None);
            }
            Sent::No { why } => {
                self.fail(why).await?;
                return Ok(None);
            }
            Sent::Refused { why } => Written::Refused { why },
            Sent::Later { why, wait } => {
                self.wait(&why, wait.unwrap_or(self.executor.retry())).await?;
                Written::No
            }
            // Of several requests the last one may have been sent just now.
            Sent::Lost if self.warrant.in_parts(self.write) => {
                Written::Perhaps { since: self.executor.clock.now() }
            }
            Sent::Lost => Written::Perhaps { since },
        };
        self.executor.at(point!(self.write, "write.answered")).await;
        Ok(Some(written))
    }

    /// Before it is written later than planned: does everything still hold?
    async fn again(&mut self) -> Result<Again, Stopped> {
        let Some(known) = known(self.executor, self.row).await? else { return Err(Stopped::Lost) };
        if let Some((by, note)) = &known.ruling.halted {
            self.wait(&format!("halted by {by}: {note}"), self.executor.retry()).await?;
            return Ok(Again::Wait);
        }
        let (Job::Recover { decided, .. } | Job::Begin { decided, .. }) = Job::of(&known.row) else {
            return Err(Stopped::Lost);
        };
        match self.lease.holding(Box::pin(prove(self.executor, &known, decided))).await?? {
            Ok(warrant) => self.warrant = warrant,
            Err(NoWarrant::NotProved(why) | NoWarrant::Void { why, .. }) => {
                let detail = format!("nothing more was written, and the decision no longer holds: {why}");
                return self.fail(detail).await.map(Again::Ended);
            }
        }
        let reading = self.executor.hand.base(&self.warrant, self.write, Some(&self.before));
        match self.lease.holding(Box::pin(reading)).await? {
            BaseNow::As(reading) => Ok(Again::Write(reading)),
            BaseNow::Needless | BaseNow::Busy => Ok(Again::Wait),
            BaseNow::Moved(moved) => Ok(self.moved(moved).await?.map_or(Again::Wait, Again::Ended)),
            BaseNow::Away(why) => {
                self.wait(&why, self.executor.retry()).await?;
                Ok(Again::Wait)
            }
        }
    }

    /// It went to another revision than the reviewed one: end it, and say so.
    async fn terminate(&self, revisions: &[String]) -> Result<After, Stopped> {
        let how = loop {
            let ended = self.lease.holding(self.executor.hand.terminate(&self.warrant)).await?;
            let failed = match ended {
                Ok(true) => break "terminated",
                // ArgoCD says so, too, before it has picked the operation up.
                Ok(false) => {
                    let showing = self.executor.hand.shown(&self.warrant, self.write, &self.before);
                    match self.lease.holding(showing).await? {
                        Ok(plan::Shown::Application(app)) if app.operation.is_none() => {
                            break "it had ended before it could be terminated";
                        }
                        Ok(_) => None,
                        Err(why) => Some(why),
                    }
                }
                Err(error) if error.read_again_after().is_none() => {
                    tracing::error!(row = %self.row, %error, "an operation to another revision could not be ended");
                    break "it could not be terminated";
                }
                Err(error) => Some(error.to_string()),
            };
            match failed {
                Some(why) => self.wait(&why, self.executor.retry()).await?,
                None => self.lease.pause().await?,
            }
        };
        let was = match self.warrant.due(self.write) {
            Some(plan::Due::Sync { revisions }) => revisions.join(", "),
            _ => "revisions".to_owned(),
        };
        let is = revisions.join(", ");
        self.end(Step::Fail { detail: format!("ArgoCD resolved {is} instead of the reviewed {was}; {how}") })
            .await
    }

    /// Nothing of this write was written, and what was reviewed is no more. None where it turns out to be written: somebody
    /// took an answer that lay there for them.
    async fn moved(&self, moved: Vec<Moved>) -> Result<Option<After>, Stopped> {
        if self.write == Write::Answer {
            match self.executor.hand.take_back(&self.warrant.base, &self.warrant.tag).await {
                Ok(true) => {}
                Ok(false) => return Ok(None),
                Err(why) => return self.wait(&why, self.executor.retry()).await.map(|()| None),
            }
        }
        let moved = self.lease.holding(self.executor.hand.named(&self.warrant.base, moved)).await?;
        if let Some(part) = &self.calls.part {
            let detail = format!("the base moved: {}; of what was approved, {part}", told(&moved));
            return self.fail(detail).await.map(Some);
        }
        let Some(known) = known(self.executor, self.row).await? else { return Err(Stopped::Lost) };
        let done = known.row.stage.execution().map(|execution| execution.done.clone()).unwrap_or_default();
        gone(self.executor, self.lease, &known, &done, moved).await.map(Some)
    }

    /// Read back, and another write follows.
    async fn wrote(&self, detail: String) -> Result<After, Stopped> {
        self.executor.at(point!(self.write, "readback.done")).await;
        let stepped = self.lease.step(self.row, &Ruling::default(), &Step::Wrote { detail }, false).await?;
        self.executor.at(point!(self.write, "confirmed.committed")).await;
        match stepped {
            Stepped::Done(_) => Ok(After::Next),
            Stepped::Refused(refusal) => {
                tracing::error!(row = %self.row, why = refusal.sentence(), "a write could not be recorded");
                self.lease.done().await.map(|()| After::Ended)
            }
        }
    }

    /// This write will not be done; those before it were.
    async fn fail(&self, detail: String) -> Result<After, Stopped> {
        let Some(known) = known(self.executor, self.row).await? else { return Err(Stopped::Lost) };
        let done = known.row.stage.execution().map(|execution| execution.done.as_slice()).unwrap_or_default();
        self.end(given_up(done, self.write, &detail)).await
    }

    async fn end(&self, step: Step) -> Result<After, Stopped> {
        end(self.executor, self.lease, self.row, self.write, step).await.map(|()| After::Ended)
    }

    /// Tells why nothing goes on, and waits, holding the lease.
    async fn wait(&self, why: &str, wait: SignedDuration) -> Result<(), Stopped> {
        self.executor.trouble(self.row, Some(why.to_owned()));
        let wait = std::time::Duration::try_from(wait).unwrap_or_default();
        self.lease.holding(tokio::time::sleep(wait)).await
    }
}

enum Again {
    Write(Box<Reading>),
    Wait,
    Ended(After),
}

/// What was read back is committed; the work is done.
async fn end(
    executor: &Executor,
    lease: &Lease<'_>,
    row: RowId,
    write: Write,
    step: Step,
) -> Result<(), Stopped> {
    executor.at(point!(write, "readback.done")).await;
    let stepped = lease.step(row, &Ruling::default(), &step, true).await?;
    executor.at(point!(write, "confirmed.committed")).await;
    match stepped {
        Stepped::Done(_) => Ok(()),
        Stepped::Refused(refusal) => {
            tracing::error!(%row, why = refusal.sentence(), "what became of it could not be recorded");
            lease.done().await
        }
    }
}

/// A write that will not be done. Once a gate was answered its deploy runs, so that the row is executed in part and is
/// followed; `failed` would be the end of it, with a deploy that nobody looks at.
fn given_up(done: &[Done], write: Write, why: &str) -> Step {
    let detail = if done.is_empty() { why.to_owned() } else { format!("{}; then {why}", so_far(done)) };
    if done.iter().any(|done| done.write == Write::Answer) && write == Write::Apply {
        return Step::Part { undone: write, detail: format!("{detail}; the plan was not applied") };
    }
    Step::Fail { detail }
}

/// What was reviewed is no more, and nothing of the next write was written. Where nothing at all was, the row waits for
/// its agent; a decline needs nobody to be told any more; what was half done says how far it got.
async fn gone(
    executor: &Executor,
    lease: &Lease<'_>,
    known: &Known,
    done: &[Done],
    moved: Vec<Moved>,
) -> Result<After, Stopped> {
    let told = told(&moved);
    let step = match &known.row.stage {
        Stage::Declined { .. } => Step::Fail { detail: format!("the run was not told: {told}") },
        _ if done.is_empty() => Step::Stale { moved },
        _ => given_up(done, next_of(done), &format!("the base moved: {told}")),
    };
    ended(executor, lease, known.row.id, &step).await
}

/// Between two writes, or before the first.
async fn ended(executor: &Executor, lease: &Lease<'_>, id: RowId, step: &Step) -> Result<After, Stopped> {
    match lease.step(id, &Ruling::default(), step, true).await? {
        Stepped::Done(_) => {
            executor.trouble(id, None);
            Ok(After::Ended)
        }
        Stepped::Refused(_) => lease.done().await.map(|()| After::Ended),
    }
}

/// `body: 1a2b → 3c4d, space: OPS → INC`.
fn told(moved: &[Moved]) -> String {
    let one = |moved: &Moved| format!("{}: {} → {}", moved.what, moved.was, moved.is);
    moved.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// What comes after these writes: of those with several, an answer is followed by an apply, and nothing else is given up
/// in the middle.
fn next_of(done: &[Done]) -> Write {
    match done.last().map(|done| done.write) {
        Some(Write::Answer) => Write::Apply,
        Some(Write::Canary) => Write::Answer,
        Some(Write::Publish) => Write::Comment,
        last => last.unwrap_or_default(),
    }
}

fn so_far(done: &[Done]) -> String {
    let done: Vec<_> = done.iter().map(|done| done.detail.as_str()).collect();
    done.join("; ")
}

async fn not_proved(
    executor: &Executor,
    lease: &Lease<'_>,
    known: &Known,
    done: &[Done],
    no: NoWarrant,
) -> Result<After, Stopped> {
    let row = known.row.id;
    let step = match no {
        // Nobody lapses a decline.
        NoWarrant::Void { why, .. } | NoWarrant::NotProved(why)
            if matches!(known.row.stage, Stage::Declined { .. }) =>
        {
            Step::Fail { detail: format!("the run was not told: the record does not bear it out: {why}") }
        }
        NoWarrant::Void { why, .. } if done.iter().any(|done| done.write == Write::Answer) => {
            given_up(done, next_of(done), &format!("the decision no longer held: {why}"))
        }
        NoWarrant::Void { why, .. } if !done.is_empty() => {
            Step::CannotTell { detail: format!("{}; then the decision no longer held: {why}", so_far(done)) }
        }
        NoWarrant::Void { decisions, why } => Step::Void { decisions, why },
        NoWarrant::NotProved(why) => {
            tracing::error!(%row, why, "the record does not bear out this decision: it is not executed");
            // It may be a leaf that is not read yet; an approval lapses by itself.
            return Err(Stopped::later(
                format!("the record does not bear it out: {why}"),
                executor.retry() * 15,
            ));
        }
    };
    match lease.step(row, &known.ruling, &step, true).await? {
        Stepped::Done(_) => Ok(After::Ended),
        Stepped::Refused(_) => lease.done().await.map(|()| After::Ended),
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
    decided: Decided<'_>,
) -> Result<Result<Warrant, NoWarrant>, Stopped> {
    let row = &known.row;
    let unproved = |why: &str| Ok(Err(NoWarrant::NotProved(why.to_owned())));
    let Some(draft) = executor.store.draft(row.id, decided.revision(row)).await? else {
        return unproved("the draft is gone");
    };
    let query =
        RowQuery { states: FAILED.to_vec(), subject: Some(row.subject.clone()), ..RowQuery::default() };
    let others = executor.store.rows(query).await?.rows;
    let failed =
        others.iter().any(|other| other.id != row.id && other.drift.is_some() && other.drift == row.drift);
    let now = executor.clock.now();
    let Some((leaves, intent)) = known.intent(decided, now) else {
        return unproved("the row is not decided");
    };
    let case = Case {
        org: &executor.org,
        admins: executor.admins.clone(),
        engine: executor.engine,
        row,
        decided,
        draft: &draft,
        leaves,
        failed,
        now,
    };
    Ok(warrant::verify(&case, intent))
}

impl Known {
    /// The leaves before the intent, and the intent: the one in the log, or the one that would be next.
    fn intent(&self, decided: Decided<'_>, now: Timestamp) -> Option<(&[Numbered], Numbered)> {
        let of_row = |(_, leaf): &&(u64, Leaf)| leaf.row == Some(self.row.id);
        if matches!(Job::of(&self.row), Job::Recover { .. }) {
            let at = self
                .leaves
                .iter()
                .rposition(|entry| of_row(&entry) && entry.1.event == Event::ExecutionIntended)?;
            return Some((&self.leaves[..at], self.leaves[at].clone()));
        }
        // Which one it is changes nothing of the proof, but it must not be done yet.
        let done = self.row.stage.execution().map(|execution| execution.done.as_slice()).unwrap_or_default();
        let open = |write: &Write| done.iter().all(|done| done.write != *write);
        let step = Step::Intend {
            tag: decided.tag()?.clone(),
            write: [Write::Answer, Write::Apply, Write::Comment].into_iter().find(open)?,
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
