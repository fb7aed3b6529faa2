//! `outbox.db`: what a person wrote and signed, what became of it, and what their home knows of the record.
//!
//! `drafting → signed (→ taken back) → sending → accepted | overtaken | refused | unknown`. Each step is on disk
//! (`synchronous=FULL`) before it is told. Console and commands share the file: short writes by whoever, one sender at
//! a time under a lease.
//! Never: rebuilt, overwritten when damaged, or rid of a signed statement; a schema that is not an extension.

mod begun;
mod ticked;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row as Record, params};

use super::database::{Schema, StoreError, store_error};
use crate::row::{Decision, DecisionId, Digest, RowId};
pub use begun::Begun;

const SCHEMA: Schema = Schema {
    application_id: 0x446f_636b,
    synchronous: "full",
    steps: &["
CREATE TABLE draft (row TEXT NOT NULL, revision INTEGER NOT NULL, verb TEXT NOT NULL, note TEXT NOT NULL,
    conditions TEXT NOT NULL, since INTEGER NOT NULL, saved_at INTEGER NOT NULL, PRIMARY KEY (row, revision)) STRICT;
CREATE TABLE decision (id TEXT PRIMARY KEY, row TEXT NOT NULL, revision INTEGER NOT NULL, decision TEXT NOT NULL,
    overrides INTEGER NOT NULL, note TEXT, content TEXT NOT NULL, base TEXT NOT NULL, offline INTEGER NOT NULL,
    statement TEXT NOT NULL, signature TEXT NOT NULL, key TEXT NOT NULL, made_at INTEGER NOT NULL,
    leaves_at INTEGER NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL, next_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL, code TEXT, message TEXT, hint TEXT, row_state TEXT, log_index INTEGER, receipt TEXT,
    opened INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE INDEX decision_by_state ON decision (state, next_at);
CREATE INDEX decision_by_row ON decision (row);
CREATE TABLE checkpoint (place TEXT PRIMARY KEY, origin TEXT NOT NULL, epoch INTEGER NOT NULL, size INTEGER NOT NULL,
    note TEXT NOT NULL, at INTEGER NOT NULL) STRICT;
CREATE TABLE lease (name TEXT PRIMARY KEY, holder TEXT NOT NULL, until INTEGER NOT NULL) STRICT;
CREATE TABLE fact (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE seen (row TEXT PRIMARY KEY, revision INTEGER NOT NULL, base TEXT NOT NULL, at INTEGER NOT NULL) STRICT;
", "
CREATE TABLE begun (row TEXT PRIMARY KEY, revision INTEGER NOT NULL, what TEXT NOT NULL, changes TEXT NOT NULL,
    proposal TEXT NOT NULL, since INTEGER NOT NULL, saved_at INTEGER NOT NULL) STRICT;
"],
};

/// How long one sender may be silent before another takes over.
pub const LEASE_LASTS: SignedDuration = SignedDuration::from_secs(30);
/// How long the receipt of a delivered decision is kept.
pub const RECEIPT_LASTS: SignedDuration = SignedDuration::from_hours(90 * 24);

pub struct Outbox {
    db: Connection,
    file: PathBuf,
}

/// A note that is being written; nothing is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteDraft {
    pub row: RowId,
    pub revision: u32,
    /// `approve`, `decline`, `override`, …: the dialog that it was written in.
    pub verb: String,
    pub note: String,
    /// `canary=10%`, one a line.
    pub conditions: String,
    pub since: Timestamp,
    pub saved_at: Timestamp,
}

/// A signed decision and its fate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub id: DecisionId,
    pub row: RowId,
    pub revision: u32,
    pub decision: Decision,
    pub overrides: bool,
    pub note: Option<String>,
    /// What was seen, to tell before sending whether it still stands.
    pub content: Digest,
    pub base: Digest,
    pub offline: bool,
    /// The exact bytes that were signed.
    pub statement: String,
    /// The armored SSHSIG over them.
    pub signature: String,
    /// The key's fingerprint.
    pub key: String,
    pub made_at: Timestamp,
    /// Rests until then and can be taken back.
    pub leaves_at: Timestamp,
    pub fate: Fate,
    pub attempts: u32,
    pub next_at: Timestamp,
    pub changed_at: Timestamp,
    /// The reviewer has looked at how it ended.
    pub opened: bool,
}

/// Where a signed decision stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    Signed,
    TakenBack,
    Sending,
    /// Sent, and no final answer: it may have arrived, and counts once. Why is told.
    Unknown {
        code: String,
        message: String,
    },
    Accepted {
        log_index: u64,
        row_state: String,
        receipt: Option<String>,
    },
    Overtaken {
        message: String,
    },
    Refused {
        code: String,
        message: String,
        hint: String,
    },
}

/// A verified head of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    pub origin: String,
    pub epoch: u64,
    pub size: u64,
    /// The signed note, as received.
    pub note: String,
    pub at: Timestamp,
}

/// Who holds a lease: this start of this machine, this process, this use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder(String);

/// What this reader last had open of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub row: RowId,
    pub revision: u32,
    /// The base that was shown, as JSON.
    pub base: String,
    pub at: Timestamp,
}

impl Holder {
    /// A name that nobody else has; `None` where the system gives no random numbers.
    pub fn new() -> Option<Self> {
        Some(Self(format!("{}/{}/{}", this_start(), std::process::id(), super::random_name()?)))
    }

    /// The other is of this start of this machine, and its process is gone.
    fn sees_dead(&self, other: &str) -> bool {
        let mut parts = other.split('/');
        let (start, process) =
            (parts.next().unwrap_or_default(), parts.next().and_then(|id| id.parse::<i32>().ok()));
        let process = process.and_then(rustix::process::Pid::from_raw);
        let here = !start.is_empty() && self.0.split('/').next() == Some(start);
        here && process.is_some_and(|id| {
            rustix::process::test_kill_process(id).is_err_and(|error| error == rustix::io::Errno::SRCH)
        })
    }
}

/// What tells one start of a machine from another; empty where the system does not say.
fn this_start() -> String {
    const FILE: &str = "/proc/sys/kernel/random/boot_id";
    std::fs::read_to_string(FILE).map(|id| id.trim().to_owned()).unwrap_or_default()
}

impl Fate {
    pub const WORDS: [&'static str; 7] =
        ["signed", "taken_back", "sending", "unknown", "accepted", "overtaken", "refused"];

    pub fn word(&self) -> &'static str {
        match self {
            Self::Signed => "signed",
            Self::TakenBack => "taken_back",
            Self::Sending => "sending",
            Self::Unknown { .. } => "unknown",
            Self::Accepted { .. } => "accepted",
            Self::Overtaken { .. } => "overtaken",
            Self::Refused { .. } => "refused",
        }
    }

    /// Still to be delivered.
    pub fn unsent(&self) -> bool {
        matches!(self, Self::Signed | Self::Sending | Self::Unknown { .. })
    }

    /// It counted for nothing, and its author is to look at it again.
    pub fn came_back(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::Overtaken { .. })
    }
}

impl Outbox {
    /// Opens the file, or makes it. A damaged or newer one is refused and left as it is.
    pub fn open(file: &Path) -> Result<Self, StoreError> {
        let db = SCHEMA.open(file)?;
        let outbox = Self { db, file: file.to_owned() };
        let check: String = outbox.ask(|db| db.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)))?;
        if check != "ok" {
            return Err(StoreError::Corrupt { file: file.to_owned(), why: check });
        }
        Ok(outbox)
    }

    /// A note as it is written, under row and revision.
    pub fn save_draft(&self, draft: &NoteDraft) -> Result<(), StoreError> {
        self.ask(|db| {
            db.execute(
                "INSERT INTO draft VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (row, revision) DO UPDATE SET
                 verb = ?3, note = ?4, conditions = ?5, saved_at = ?7",
                params![
                    draft.row.to_string(),
                    draft.revision,
                    draft.verb,
                    draft.note,
                    draft.conditions,
                    draft.since.as_millisecond(),
                    draft.saved_at.as_millisecond()
                ],
            )
            .map(drop)
        })
    }

    /// The notes that are being written, newest first.
    pub fn drafts(&self) -> Result<Vec<NoteDraft>, StoreError> {
        self.list(
            "SELECT row, revision, verb, note, conditions, since, saved_at FROM draft ORDER BY saved_at DESC",
            [],
            draft,
        )
    }

    pub fn drop_draft(&self, row: RowId, revision: u32) -> Result<(), StoreError> {
        self.ask(|db| {
            db.execute(
                "DELETE FROM draft WHERE row = ?1 AND revision = ?2",
                params![row.to_string(), revision],
            )
            .map(drop)
        })
    }

    /// Keeps a signed decision. When this returns it is on disk; the draft of its note is not needed any more.
    pub fn put(&mut self, entry: &Entry) -> Result<(), StoreError> {
        self.put_with(entry, None).map(drop)
    }

    /// The same of an approval that signs a live row's ticks. Where the draft holds others, which nobody would sign any more,
    /// nothing is kept, and the numbers of their steps come back.
    pub fn put_ticks(
        &mut self,
        entry: &Entry,
        signed: &BTreeMap<String, String>,
    ) -> Result<Vec<usize>, StoreError> {
        self.put_with(entry, Some(signed))
    }

    fn put_with(
        &mut self,
        entry: &Entry,
        signed: Option<&BTreeMap<String, String>>,
    ) -> Result<Vec<usize>, StoreError> {
        let file = self.file.clone();
        let mut run = || -> rusqlite::Result<Vec<usize>> {
            let change = self.db.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
            let left = signed.map(|signed| ticked::unsigned(&change, entry, signed)).transpose()?;
            if let Some(left) = left.filter(|left| !left.is_empty()) {
                return Ok(left);
            }
            change.execute(
                "INSERT INTO decision (id, row, revision, decision, overrides, note, content, base, offline, statement,
                 signature, key, made_at, leaves_at, state, attempts, next_at, changed_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, 'signed', 0, ?14, ?13)",
                params![
                    entry.id.as_str(),
                    entry.row.to_string(),
                    entry.revision,
                    entry.decision.word(),
                    entry.overrides,
                    entry.note,
                    entry.content.to_string(),
                    entry.base.to_string(),
                    entry.offline,
                    entry.statement,
                    entry.signature,
                    entry.key,
                    entry.made_at.as_millisecond(),
                    entry.leaves_at.as_millisecond(),
                ],
            )?;
            change.execute(
                "DELETE FROM draft WHERE row = ?1 AND revision = ?2",
                params![entry.row.to_string(), entry.revision],
            )?;
            change.commit().map(|()| Vec::new())
        };
        run().map_err(|error| store_error(&file, &error))
    }

    /// Everything that was ever signed here and is still kept, newest first.
    pub fn entries(&self) -> Result<Vec<Entry>, StoreError> {
        self.list(&format!("{SELECT} ORDER BY made_at DESC, id DESC"), [], entry)
    }

    /// What is still to be delivered, oldest first: the order in which it was decided.
    pub fn unsent(&self) -> Result<Vec<Entry>, StoreError> {
        let sql = format!("{SELECT} WHERE state IN ('signed', 'sending', 'unknown') ORDER BY made_at, id");
        self.list(&sql, [], entry)
    }

    pub fn get(&self, id: &DecisionId) -> Result<Option<Entry>, StoreError> {
        Ok(self.list(&format!("{SELECT} WHERE id = ?1"), [id.as_str()], entry)?.pop())
    }

    /// Takes a decision back while it rests. False once it is on its way.
    pub fn take_back(&self, id: &DecisionId, now: Timestamp) -> Result<bool, StoreError> {
        let taken = self.ask(|db| {
            db.execute(
                "UPDATE decision SET state = 'taken_back', changed_at = ?2 WHERE id = ?1 AND state = 'signed'",
                params![id.as_str(), now.as_millisecond()],
            )
        })?;
        Ok(taken == 1)
    }

    /// Lets a decision leave now: no more resting, no more waiting for the next attempt.
    pub fn hurry(&self, id: &DecisionId, now: Timestamp) -> Result<bool, StoreError> {
        let hurried = self.ask(|db| {
            db.execute(
                "UPDATE decision SET leaves_at = min(leaves_at, ?2), next_at = ?2
                 WHERE id = ?1 AND state IN ('signed', 'sending', 'unknown')",
                params![id.as_str(), now.as_millisecond()],
            )
        })?;
        Ok(hurried == 1)
    }

    /// Marks an end as looked at: a refusal leaves "came back".
    pub fn mark_opened(&self, row: RowId) -> Result<(), StoreError> {
        self.ask(|db| {
            db.execute(
                "UPDATE decision SET opened = 1 WHERE row = ?1 AND state IN ('overtaken', 'refused', 'accepted')",
                [row.to_string()],
            )
            .map(drop)
        })
    }

    /// About to be sent: from here on it may have arrived. False where somebody took it back in between.
    pub fn begin_sending(&self, id: &DecisionId, now: Timestamp) -> Result<bool, StoreError> {
        let begun = self.ask(|db| {
            db.execute(
                "UPDATE decision SET state = 'sending', attempts = attempts + 1, changed_at = ?2
                 WHERE id = ?1 AND state IN ('signed', 'sending', 'unknown')",
                params![id.as_str(), now.as_millisecond()],
            )
        })?;
        Ok(begun == 1)
    }

    /// Keeps what became of it. A final answer stays: nothing is written over it.
    pub fn settle(
        &self,
        id: &DecisionId,
        fate: &Fate,
        next_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (mut code, mut message, mut hint, mut row_state, mut log_index, mut receipt) =
            (None, None, None, None, None, None);
        match fate {
            Fate::Signed | Fate::TakenBack | Fate::Sending => {}
            Fate::Unknown { code: c, message: m } => (code, message) = (Some(c), Some(m)),
            Fate::Overtaken { message: m } => message = Some(m),
            Fate::Refused { code: c, message: m, hint: h } => {
                (code, message, hint) = (Some(c), Some(m), Some(h));
            }
            Fate::Accepted { log_index: index, row_state: state, receipt: proof } => {
                (log_index, row_state, receipt) = (Some(*index), Some(state), proof.as_ref());
            }
        }
        self.ask(|db| {
            db.execute(
                "UPDATE decision SET state = ?2, next_at = ?3, changed_at = ?4, code = ?5, message = ?6, hint = ?7,
                 row_state = ?8, log_index = ?9, receipt = ?10
                 WHERE id = ?1 AND state IN ('signed', 'sending', 'unknown')",
                params![
                    id.as_str(),
                    fate.word(),
                    next_at.as_millisecond(),
                    now.as_millisecond(),
                    code,
                    message,
                    hint,
                    row_state,
                    log_index,
                    receipt
                ],
            )
            .map(drop)
        })
    }

    /// Adds the proof that an accepted decision is in the log.
    pub fn keep_receipt(&self, id: &DecisionId, receipt: &str) -> Result<(), StoreError> {
        self.ask(|db| {
            db.execute(
                "UPDATE decision SET receipt = ?2 WHERE id = ?1 AND state = 'accepted'",
                params![id.as_str(), receipt],
            )
            .map(drop)
        })
    }

    /// Accepted decisions that have no proof yet.
    pub fn without_receipt(&self) -> Result<Vec<Entry>, StoreError> {
        let sql = format!("{SELECT} WHERE state = 'accepted' AND receipt IS NULL ORDER BY made_at");
        self.list(&sql, [], entry)
    }

    /// Drops the proofs of what was delivered long ago; the decisions stay.
    pub fn forget_old_receipts(&self, now: Timestamp) -> Result<(), StoreError> {
        let before = now.saturating_sub(RECEIPT_LASTS).unwrap_or(now).as_millisecond();
        self.ask(|db| {
            db.execute(
                "UPDATE decision SET receipt = '' WHERE state = 'accepted' AND receipt IS NOT NULL AND changed_at < ?1",
                [before],
            )
            .map(drop)
        })
    }

    /// Takes or renews the right to send. False while another holder's has not run out; that of a program on this
    /// machine that has died is over at once.
    pub fn take_lease(&self, holder: &Holder, now: Timestamp) -> Result<bool, StoreError> {
        let after = |lasts| now.saturating_add(lasts).unwrap_or(now).as_millisecond();
        let (until, far) = (after(LEASE_LASTS), after(LEASE_LASTS * 2));
        let sql = "SELECT holder FROM lease WHERE name = 'sender'";
        let other: Option<String> = self.ask(|db| db.query_row(sql, [], |row| row.get(0)).optional())?;
        let dead = other.filter(|other| holder.sees_dead(other)).unwrap_or_default();
        let taken = self.ask(|db| {
            db.execute(
                "INSERT INTO lease VALUES ('sender', ?1, ?2) ON CONFLICT (name) DO UPDATE SET holder = ?1, until = ?2
                 WHERE holder IN (?1, ?5) OR until <= ?3 OR until > ?4",
                // A lease from a future that our leases cannot reach was written by a clock that was wrong.
                params![holder.0, until, now.as_millisecond(), far, dead],
            )
        })?;
        Ok(taken == 1)
    }

    pub fn release_lease(&self, holder: &Holder) -> Result<(), StoreError> {
        self.ask(|db| {
            db.execute("DELETE FROM lease WHERE name = 'sender' AND holder = ?1", [&holder.0]).map(drop)
        })
    }

    /// The newest head of the log that was verified here.
    pub fn head(&self) -> Result<Option<Head>, StoreError> {
        self.head_at("verified")
    }

    pub fn keep_head(&self, head: &Head) -> Result<(), StoreError> {
        self.keep_head_at("verified", head)
    }

    /// The head that a server gave and could not prove to extend ours: both are kept.
    pub fn broken(&self) -> Result<Option<Head>, StoreError> {
        self.head_at("broken")
    }

    pub fn keep_broken(&self, head: &Head) -> Result<(), StoreError> {
        self.keep_head_at("broken", head)
    }

    /// Something that this home remembers: the log's key, the witness's seed, which of the agent's keys signs.
    pub fn fact(&self, name: &str) -> Result<Option<String>, StoreError> {
        self.ask(|db| {
            db.query_row("SELECT value FROM fact WHERE name = ?1", [name], |row| row.get(0)).optional()
        })
    }

    /// Keeps a fact unless there is one; answers with the one that stands.
    pub fn keep_first_fact(&self, name: &str, value: &str) -> Result<String, StoreError> {
        self.ask(|db| {
            db.execute("INSERT OR IGNORE INTO fact VALUES (?1, ?2)", params![name, value]).map(drop)
        })?;
        Ok(self.fact(name)?.unwrap_or_else(|| value.to_owned()))
    }

    pub fn keep_fact(&self, name: &str, value: &str) -> Result<(), StoreError> {
        self.ask(|db| {
            db.execute("INSERT OR REPLACE INTO fact VALUES (?1, ?2)", params![name, value]).map(drop)
        })
    }

    /// What this reader has had open.
    pub fn seen(&self) -> Result<Vec<Seen>, StoreError> {
        self.list("SELECT row, revision, base, at FROM seen", [], seen)
    }

    pub fn mark_seen(&self, seen: &Seen) -> Result<(), StoreError> {
        self.ask(|db| {
            db.execute(
                "INSERT OR REPLACE INTO seen VALUES (?1, ?2, ?3, ?4)",
                params![seen.row.to_string(), seen.revision, seen.base, seen.at.as_millisecond()],
            )
            .map(drop)
        })
    }

    fn head_at(&self, place: &str) -> Result<Option<Head>, StoreError> {
        let sql = "SELECT origin, epoch, size, note, at FROM checkpoint WHERE place = ?1";
        Ok(self.list(sql, [place], head)?.pop())
    }

    fn keep_head_at(&self, place: &str, head: &Head) -> Result<(), StoreError> {
        self.ask(|db| {
            db.execute(
                "INSERT OR REPLACE INTO checkpoint VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![place, head.origin, head.epoch, head.size, head.note, head.at.as_millisecond()],
            )
            .map(drop)
        })
    }

    fn ask<T>(&self, run: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        run(&self.db).map_err(|error| store_error(&self.file, &error))
    }

    fn list<T>(
        &self,
        sql: &str,
        given: impl rusqlite::Params,
        read: fn(&Record<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StoreError> {
        self.ask(|db| db.prepare_cached(sql)?.query_map(given, read)?.collect())
    }
}

const SELECT: &str = "SELECT id, row, revision, decision, overrides, note, content, base, offline, statement, signature,
    key, made_at, leaves_at, state, attempts, next_at, changed_at, code, message, hint, row_state, log_index, receipt,
    opened FROM decision";

fn entry(record: &Record<'_>) -> rusqlite::Result<Entry> {
    let text = |name: &str| record.get::<_, Option<String>>(name).map(Option::unwrap_or_default);
    let fate = match text("state")?.as_str() {
        "signed" => Fate::Signed,
        "taken_back" => Fate::TakenBack,
        "sending" => Fate::Sending,
        "accepted" => Fate::Accepted {
            log_index: record.get("log_index")?,
            row_state: text("row_state")?,
            receipt: record.get("receipt")?,
        },
        "overtaken" => Fate::Overtaken { message: text("message")? },
        "refused" => Fate::Refused { code: text("code")?, message: text("message")?, hint: text("hint")? },
        _ => Fate::Unknown { code: text("code")?, message: text("message")? },
    };
    Ok(Entry {
        id: parsed(record, "id")?,
        row: parsed(record, "row")?,
        revision: record.get("revision")?,
        decision: parsed(record, "decision")?,
        overrides: record.get("overrides")?,
        note: record.get("note")?,
        content: parsed(record, "content")?,
        base: parsed(record, "base")?,
        offline: record.get("offline")?,
        statement: record.get("statement")?,
        signature: record.get("signature")?,
        key: record.get("key")?,
        made_at: time(record, "made_at")?,
        leaves_at: time(record, "leaves_at")?,
        fate,
        attempts: record.get("attempts")?,
        next_at: time(record, "next_at")?,
        changed_at: time(record, "changed_at")?,
        opened: record.get("opened")?,
    })
}

fn draft(record: &Record<'_>) -> rusqlite::Result<NoteDraft> {
    Ok(NoteDraft {
        row: parsed(record, "row")?,
        revision: record.get("revision")?,
        verb: record.get("verb")?,
        note: record.get("note")?,
        conditions: record.get("conditions")?,
        since: time(record, "since")?,
        saved_at: time(record, "saved_at")?,
    })
}

fn head(record: &Record<'_>) -> rusqlite::Result<Head> {
    Ok(Head {
        origin: record.get("origin")?,
        epoch: record.get("epoch")?,
        size: record.get("size")?,
        note: record.get("note")?,
        at: time(record, "at")?,
    })
}

fn seen(record: &Record<'_>) -> rusqlite::Result<Seen> {
    Ok(Seen {
        row: parsed(record, "row")?,
        revision: record.get("revision")?,
        base: record.get("base")?,
        at: time(record, "at")?,
    })
}

/// A column that holds a word of ours; what is none is a damaged file.
fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(
    record: &Record<'_>,
    name: &str,
) -> rusqlite::Result<T> {
    let text: String = record.get(name)?;
    text.parse().map_err(|error: T::Err| {
        let why = format!("{name}: {error}");
        rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, why.into())
    })
}

fn time(record: &Record<'_>, name: &str) -> rusqlite::Result<Timestamp> {
    let ms: i64 = record.get(name)?;
    Timestamp::from_millisecond(ms).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(0, ms))
}

#[cfg(test)]
mod tests;
