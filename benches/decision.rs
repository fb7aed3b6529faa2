//! A decision made durable: signed and in the outbox on disk, beside the two things that cannot be avoided: one
//! decision-shaped commit with `synchronous=FULL` on the same disk, and one SSHSIG signature.
//!
//! Prints ratios; runs alternate so that a slow minute hits both. Never asserts a time.

#![expect(clippy::expect_used, reason = "a bench that cannot be set up has nothing to say")]

use std::{path::Path, time::Instant};

use dock::{
    audit::private_key::PrivateKey,
    client::outbox::{Entry, Fate, Outbox},
    row::{Decision, DecisionId, Digest},
};
use rusqlite::{Connection, params};

const ROUNDS: u64 = 400;
const STATEMENT_BYTES: usize = 1_000;

fn main() {
    let folder = tempfile::tempdir().expect("a folder for the two databases");
    let key = PrivateKey::from_seed(&[7; 32], "bench").expect("a key");
    let message = vec![b'x'; STATEMENT_BYTES];
    let bound_db = bound_database(&folder.path().join("bound.db"));
    let mut outbox = Outbox::open(&folder.path().join("outbox.db")).expect("an outbox");
    let (mut bound, mut ours) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        bound.push(time(|| {
            let signature = key.sign("decision.v1@demo.invalid", &message).expect("a signature");
            bound_commit(&bound_db, round, &message, &signature);
        }));
        ours.push(time(|| {
            let signature = key.sign("decision.v1@demo.invalid", &message).expect("a signature");
            outbox.put(&entry(round, &message, signature)).expect("on disk");
        }));
    }
    let (bound, ours) = (Percentiles::of(bound), Percentiles::of(ours));
    line("commit and signature alone (bound)", &bound, &bound);
    line("decision durable in the outbox", &ours, &bound);
}

/// The least that a durable decision is: head read, entry inserted, head and row updated, one fsync.
fn bound_database(file: &Path) -> Connection {
    let db = Connection::open(file).expect("a database");
    db.execute_batch(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;
         CREATE TABLE head(id INTEGER PRIMARY KEY, size INTEGER); INSERT INTO head VALUES(1, 0);
         CREATE TABLE entry(id INTEGER PRIMARY KEY, body BLOB, signature TEXT);
         CREATE TABLE row(id INTEGER PRIMARY KEY, state TEXT); INSERT INTO row VALUES(1, 'pending');",
    )
    .expect("a schema");
    db
}

fn bound_commit(db: &Connection, round: u64, body: &[u8], signature: &str) {
    let round = i64::try_from(round).unwrap_or(0);
    db.execute_batch("BEGIN IMMEDIATE").expect("begun");
    let size: i64 = db.query_row("SELECT size FROM head", [], |row| row.get(0)).expect("a head");
    db.execute("INSERT INTO entry VALUES(?1, ?2, ?3)", params![round, body, signature]).expect("an entry");
    db.execute("UPDATE head SET size = ?1", [size + 1]).expect("the head");
    db.execute("UPDATE row SET state = 'approved'", []).expect("the row");
    db.execute_batch("COMMIT").expect("durable");
}

fn entry(round: u64, message: &[u8], signature: String) -> Entry {
    let now = jiff::Timestamp::UNIX_EPOCH;
    Entry {
        id: DecisionId::new(round, [1; 10]),
        row: "sync-8821".parse().expect("an id"),
        revision: 1,
        decision: Decision::Approve,
        overrides: false,
        note: Some("read the whole diff".to_owned()),
        content: Digest::of("content"),
        base: Digest::of("base"),
        offline: false,
        statement: String::from_utf8_lossy(message).into_owned(),
        signature,
        key: "SHA256:bench".to_owned(),
        made_at: now,
        leaves_at: now,
        fate: Fate::Signed,
        attempts: 0,
        next_at: now,
        changed_at: now,
        opened: false,
    }
}

fn time(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64() * 1e3
}

struct Percentiles {
    p50: f64,
    p99: f64,
}

impl Percentiles {
    fn of(mut times: Vec<f64>) -> Self {
        times.sort_by(f64::total_cmp);
        let at = |percent: usize| times[(times.len() - 1) * percent / 100];
        Self { p50: at(50), p99: at(99) }
    }
}

fn line(name: &str, is: &Percentiles, bound: &Percentiles) {
    #[expect(clippy::print_stdout, reason = "a bench prints its table")]
    {
        println!("{name:<36} p50 {:>7.3} ms   p99 {:>7.3} ms   {:>5.2}x", is.p50, is.p99, is.p50 / bound.p50);
    }
}
