//! The exchange with the server: pull what changed, check that the record only grew, push what was signed.
//!
//! Used by the commands and by the console's effects. One pull or push is one await; the caller chooses the pace.
//! Never: a decision dropped or signed again; a head of the record kept that was not proved to extend the last.

use std::{collections::HashMap, time::Duration};

use jiff::{SignedDuration, Timestamp};

use super::{
    api::{Api, ApiError},
    cache::Cache,
    database::StoreError,
    outbox::{Entry, Fate, Head, Holder, Outbox},
    plan::{self, Action, Known, Standing},
};
use crate::{
    audit::{
        merkle::{self, Hash, ProofError},
        note::{self, Checkpoint, KeyUse, NoteError, NoteKey, VerifierKey},
        proof,
    },
    clock::Clock,
    row::{DecisionId, RowId},
    stop_point,
    wire::{DecisionAnswer, DecisionOutcome, ProofBody, SignedDecision, Snapshot},
};

/// Answers that are not final: the same bytes may be accepted later.
const PASSING: [&str; 2] = ["source_unreachable", "busy"];
/// Plans in a row; each round asks for rows that the round before did not know.
const ROUNDS_MAX: usize = 64;
const LOG_KEY: &str = "log_key";
const WITNESS_SEED: &str = "witness_seed";

/// Why a pull or a push ended early.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    #[error(transparent)]
    Api(#[from] ApiError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(
        "RECORD BROKEN: {why}\nhint: both heads are kept; `dock audit checkpoint` shows them. Tell whoever runs the server"
    )]
    RecordBroken { why: String },
    #[error(
        "the server's log key is not the one that this home knows: {why}\nhint: `log_key` in console.toml names it"
    )]
    LogKey { why: String },
    #[error("the system gives no random numbers")]
    NoChance,
}

impl SyncError {
    /// Nobody is there, for now.
    pub fn away(&self) -> bool {
        matches!(self, Self::Api(error) if error.away())
    }

    pub fn signed_out(&self) -> bool {
        matches!(self, Self::Api(error) if error.signed_out())
    }
}

/// What a pull brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulled {
    pub as_of: Timestamp,
    pub rows: Vec<RowId>,
    /// Everything was read anew, not only what changed.
    pub whole: bool,
}

/// What a push did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pushed {
    /// Entries that came to an end, as they stand now.
    pub settled: Vec<Entry>,
    /// What still waits, and until when.
    pub waiting: usize,
    pub next_at: Option<Timestamp>,
    /// The server did not answer: nothing more was tried.
    pub away: Option<String>,
    /// Another program is sending.
    pub other_sender: bool,
}

/// Everything that one person's exchange needs.
pub struct Exchange<'a> {
    pub api: &'a Api,
    pub outbox: &'a Outbox,
    pub clock: &'a Clock,
    /// The log's key from `console.toml`; without it, the first that was seen.
    pub log_key: Option<&'a str>,
    pub cache_bytes_max: u64,
}

impl Exchange<'_> {
    /// Reads what changed since the last pull, waiting up to `wait` for something to change.
    pub async fn pull(&self, cache: &mut Cache, wait: Duration) -> Result<Pulled, SyncError> {
        let known = cache.as_of()?;
        let changed = match &known {
            Some(known) => match self.api.changes(known.position, wait).await {
                Ok(changed) if changed.position.epoch == known.position.epoch => Some(changed),
                Ok(_) => None,
                Err(ApiError::Problem { problem, .. }) if matches!(problem.status, 400 | 404 | 409 | 410) => {
                    None
                }
                Err(error) => return Err(error.into()),
            },
            None => None,
        };
        let (snapshot, whole) = match changed {
            Some(changed) => (changed, false),
            None => (self.api.snapshot().await?, true),
        };
        self.accept_head(&snapshot).await?;
        stop_point::reach("head.kept");
        let now = self.clock.now();
        if whole {
            cache.replace(&snapshot, self.cache_bytes_max, now)?;
        } else {
            cache.merge(&snapshot, self.cache_bytes_max, now)?;
        }
        stop_point::reach("rows.cached");
        let rows = snapshot.rows.iter().map(|row| row.head.id).collect();
        Ok(Pulled { as_of: snapshot.as_of, rows, whole })
    }

    /// Takes a signed head only if it extends the last one; else both are kept and deciding is off.
    async fn accept_head(&self, snapshot: &Snapshot) -> Result<(), SyncError> {
        let key = self.log_key(&snapshot.log_key)?;
        let new = Self::open(&snapshot.checkpoint, &key)?;
        let head = Head {
            origin: new.origin.clone(),
            epoch: snapshot.position.epoch,
            size: new.size,
            note: snapshot.checkpoint.clone(),
            at: self.clock.now(),
        };
        let Some(last) = self.outbox.head()? else {
            self.outbox.keep_head(&head)?;
            return Ok(());
        };
        let old = note::read_unchecked(last.note.as_bytes()).map_err(|error| broken(&error))?;
        if let Err(why) = self.extends(&old, &new).await? {
            self.outbox.keep_broken(&head)?;
            return Err(SyncError::RecordBroken { why });
        }
        if new.size > old.size {
            self.outbox.keep_head(&head)?;
            self.witness(&head.note, &new).await;
        }
        Ok(())
    }

    /// Whether one log holds both heads. The inner error is the server's failure to prove it.
    async fn extends(&self, old: &Checkpoint, new: &Checkpoint) -> Result<Result<(), String>, SyncError> {
        if old.origin != new.origin {
            return Ok(Err(format!("this home followed {}, the server keeps {}", old.origin, new.origin)));
        }
        // Another program of this home may have seen a newer head while this answer was under way.
        let (from, to) = if old.size <= new.size { (old, new) } else { (new, old) };
        if from.size == to.size || from.size == 0 {
            let same = from.size == 0 || from.root == to.root;
            let why = || format!("the server shows another history of {} entries", from.size);
            return Ok(if same { Ok(()) } else { Err(why()) });
        }
        let cannot = || {
            format!("the server cannot prove that {} entries extend the {} seen before", to.size, from.size)
        };
        let proof = match self.api.consistency(from.size, to.size).await {
            Ok(body) => hashes(&body),
            Err(error) if error.away() || error.signed_out() => return Err(error.into()),
            Err(_) => None,
        };
        let checked = proof
            .map(|proof| merkle::check_consistency((from.size, &from.root), (to.size, &to.root), &proof));
        Ok(if matches!(checked, Some(Ok(()))) { Ok(()) } else { Err(cannot()) })
    }

    /// Tells the server that this home saw the head. Best effort: the next head comes soon.
    async fn witness(&self, signed: &str, checkpoint: &Checkpoint) {
        let Ok(key) = self.witness_key() else { return };
        let at_s = u64::try_from(self.clock.now().as_second()).unwrap_or(0);
        if let Ok(cosigned) = note::add_signature(signed, &key.cosign(checkpoint, at_s)) {
            let _ = self.api.witness(&cosigned).await;
        }
    }

    /// This home's witness key, made at its first use.
    pub fn witness_key(&self) -> Result<NoteKey, SyncError> {
        let mut seed = [0; 32];
        super::chance(&mut seed).ok_or(SyncError::NoChance)?;
        let kept = self.outbox.keep_first_fact(WITNESS_SEED, &crate::row::Digest(seed).to_string())?;
        let seed = kept.parse::<crate::row::Digest>().map_err(|_| SyncError::NoChance)?.0;
        let name = format!("dock-{}", &crate::row::Digest::of(seed).to_string()[..12]);
        NoteKey::from_seed(&name, KeyUse::Witness, &seed).map_err(|error| broken(&error))
    }

    fn log_key(&self, said: &str) -> Result<VerifierKey, SyncError> {
        let known = match self.log_key {
            Some(key) => key.to_owned(),
            None => self.outbox.keep_first_fact(LOG_KEY, said)?,
        };
        if known.trim() != said.trim() {
            let why = format!("known is {}, the server says {}", known.trim(), said.trim());
            return Err(SyncError::LogKey { why });
        }
        known.trim().parse().map_err(|error: NoteError| SyncError::LogKey { why: error.to_string() })
    }

    fn open(signed: &str, key: &VerifierKey) -> Result<Checkpoint, SyncError> {
        note::open(signed.as_bytes(), key, &[])
            .map(|opened| opened.checkpoint)
            .map_err(|error| broken(&error))
    }

    /// Delivers what is due, one sender at a time; what the server refuses for now is planned again.
    pub async fn push(&self) -> Result<Pushed, SyncError> {
        let holder = Holder::new().ok_or(SyncError::NoChance)?;
        if !self.outbox.take_lease(&holder, self.clock.now())? {
            return Ok(Pushed { other_sender: true, ..Pushed::default() });
        }
        let pushed = self.push_under_lease(&holder).await;
        self.outbox.release_lease(&holder)?;
        pushed
    }

    async fn push_under_lease(&self, holder: &Holder) -> Result<Pushed, SyncError> {
        let mut pushed = Pushed::default();
        let mut known: HashMap<RowId, Option<Standing>> = HashMap::new();
        for _ in 0..ROUNDS_MAX {
            let entries = self.outbox.unsent()?;
            let look = |row: RowId| match known.get(&row) {
                None => Known::NotAsked,
                Some(None) => Known::Absent,
                Some(Some(standing)) => Known::Row(standing),
            };
            let actions = plan::plan(&entries, look, self.clock.now());
            let next = entries.iter().zip(actions).find(|(_, action)| !matches!(action, Action::Hold { .. }));
            let Some((entry, action)) = next else { break };
            if !self.outbox.take_lease(holder, self.clock.now())? {
                pushed.other_sender = true;
                break;
            }
            let done = match action {
                Action::Ask { row } => self.ask(row).await.map(|standing| drop(known.insert(row, standing))),
                Action::Overtaken { message } => self.settle(entry, &Fate::Overtaken { message }, None),
                Action::Send => self.send(entry).await,
                Action::Hold { .. } => Ok(()),
            };
            match done {
                Err(error) if error.away() => {
                    pushed.away = Some(error.to_string());
                    break;
                }
                other => other?,
            }
            if let Some(now) = self.outbox.get(&entry.id)?.filter(|now| !now.fate.unsent()) {
                pushed.settled.push(now);
            }
        }
        let waiting = self.outbox.unsent()?;
        pushed.next_at = waiting.iter().map(|entry| entry.leaves_at.max(entry.next_at)).min();
        pushed.waiting = waiting.len();
        Ok(pushed)
    }

    /// The row as it stands at the server; `None` where it cannot be seen with what this home may read.
    async fn ask(&self, row: RowId) -> Result<Option<Standing>, SyncError> {
        match self.api.row(row).await {
            Ok(view) => Ok(Some(Standing::of(&view))),
            Err(error) if error.away() => Err(error.into()),
            // Signed out or hidden: an expired session stops reading, never deciding. The server judges.
            Err(_) => Ok(None),
        }
    }

    async fn send(&self, entry: &Entry) -> Result<(), SyncError> {
        if !self.outbox.begin_sending(&entry.id, self.clock.now())? {
            return Ok(());
        }
        stop_point::reach("sending");
        let signed =
            SignedDecision { statement: entry.statement.clone(), signature: entry.signature.clone() };
        let answer = self.api.decide(&entry.id, &signed).await;
        stop_point::reach("answered");
        let (fate, retry_after) = match &answer {
            Ok(answer) => (fate_of(answer), None),
            Err(error) => (fate_of_error(error), error.retry_after()),
        };
        let attempts = entry.attempts.saturating_add(1);
        let retry_after = retry_after.and_then(|pause| SignedDuration::try_from(pause).ok());
        self.settle(entry, &fate, Some((attempts, retry_after)))?;
        stop_point::reach("settled");
        match answer {
            Err(error) if error.away() => Err(error.into()),
            _ => Ok(()),
        }
    }

    fn settle(
        &self,
        entry: &Entry,
        fate: &Fate,
        again: Option<(u32, Option<SignedDuration>)>,
    ) -> Result<(), SyncError> {
        let now = self.clock.now();
        let next_at = match again {
            Some((attempts, retry_after)) => plan::next_attempt(attempts, retry_after, dice(), now),
            None => now,
        };
        Ok(self.outbox.settle(&entry.id, fate, next_at, now)?)
    }

    /// Proves that accepted decisions are in the log, and keeps the proofs. A proof that fails is the record's fault.
    pub async fn fetch_receipts(&self) -> Result<usize, SyncError> {
        let Some(head) = self.outbox.head()? else { return Ok(0) };
        let checkpoint = note::read_unchecked(head.note.as_bytes()).map_err(|error| broken(&error))?;
        let mut kept = 0;
        for entry in self.outbox.without_receipt()? {
            let Fate::Accepted { log_index, .. } = entry.fate else { continue };
            if log_index >= checkpoint.size {
                continue;
            }
            if let Some(receipt) = self.receipt(&entry, log_index, &checkpoint, &head.note).await? {
                self.outbox.keep_receipt(&entry.id, &receipt)?;
                kept += 1;
            }
        }
        self.outbox.forget_old_receipts(self.clock.now())?;
        Ok(kept)
    }

    async fn receipt(
        &self,
        entry: &Entry,
        index: u64,
        checkpoint: &Checkpoint,
        signed: &str,
    ) -> Result<Option<String>, SyncError> {
        let history = self.api.history(entry.row).await?;
        let Some(leaf) = history.into_iter().find(|leaf| leaf.index == index) else { return Ok(None) };
        let body = self.api.inclusion(index, checkpoint.size).await?;
        let wrong =
            |why: &str| SyncError::RecordBroken { why: format!("entry {index}, {}: {why}", entry.id) };
        let hashes = hashes(&body).ok_or_else(|| wrong("the proof cannot be read"))?;
        let hash = merkle::leaf_hash(leaf.leaf.as_bytes());
        merkle::check_inclusion(index, checkpoint.size, hash, &hashes, &checkpoint.root)
            .map_err(|error: ProofError| wrong(&error.to_string()))?;
        if !carries(&leaf.leaf, entry) {
            return Err(wrong("it does not hold the decision that was signed here"));
        }
        Ok(Some(proof::write(index, &hashes, signed)))
    }
}

/// The leaf holds the statement and the signature, byte for byte.
fn carries(leaf: &str, entry: &Entry) -> bool {
    let Ok(value) = crate::row::c1::parse(leaf.as_bytes()) else { return false };
    let body = value.get("body");
    let text = |name: &str| body.and_then(|body| body.text(name));
    text("statement") == Some(entry.statement.as_str())
        && text("signature").map(str::trim_end) == Some(entry.signature.trim_end())
}

fn fate_of(answer: &DecisionAnswer) -> Fate {
    let code = answer.code.clone().unwrap_or_default();
    let message = answer.message.clone();
    match answer.outcome {
        DecisionOutcome::Accepted => Fate::Accepted {
            log_index: answer.log_index.unwrap_or_default(),
            row_state: answer.state.word().to_owned(),
            receipt: None,
        },
        DecisionOutcome::Overtaken => Fate::Overtaken { message },
        DecisionOutcome::Refused if PASSING.contains(&code.as_str()) => Fate::Unknown { code, message },
        DecisionOutcome::Refused => {
            let hint = answer
                .hint
                .clone()
                .or_else(|| answer.refusal.as_ref().map(|refusal| refusal.hint().into_owned()));
            Fate::Refused { code, message, hint: hint.unwrap_or_default() }
        }
        DecisionOutcome::Queued => Fate::Unknown { code: "queued".to_owned(), message },
    }
}

/// A problem is final only where it carries the domain's own refusal, or says that other bytes hold the id.
fn fate_of_error(error: &ApiError) -> Fate {
    let (code, message) = (error.code().to_owned(), error.to_string());
    let ApiError::Problem { problem, .. } = error else { return Fate::Unknown { code, message } };
    let passing = PASSING.contains(&code.as_str()) || problem.status >= 500 || problem.status == 429;
    let says_no = problem.refusal.is_some() || matches!(problem.status, 400 | 409 | 413 | 422);
    if passing || !says_no {
        return Fate::Unknown { code, message };
    }
    Fate::Refused { code, message: problem.detail.clone(), hint: problem.hint.clone().unwrap_or_default() }
}

fn hashes(body: &ProofBody) -> Option<Vec<Hash>> {
    let mut text = body.hashes.join("\n");
    if !text.is_empty() {
        text.push('\n');
    }
    proof::parse_hash_lines(text.as_bytes()).ok()
}

fn broken(error: &NoteError) -> SyncError {
    SyncError::RecordBroken { why: error.to_string() }
}

/// 0 to 1, for the jitter; without chance the longest pause.
fn dice() -> f64 {
    let mut bytes = [0; 4];
    if super::chance(&mut bytes).is_none() {
        return 1.0;
    }
    f64::from(u32::from_be_bytes(bytes)) / f64::from(u32::MAX)
}

/// What became of one decision, as the outbox has it.
pub fn fate(outbox: &Outbox, id: &DecisionId) -> Result<Option<Fate>, StoreError> {
    Ok(outbox.get(id)?.map(|entry| entry.fate))
}
