//! `dock audit verify` over 10,000 entries, beside its bound: each leaf hashed and each signature checked, one thread.
//!
//! `cargo bench --bench verify -- DIR` leaves the pack in DIR, for measuring the command from outside.
//!
//! Prints ratios and the growth of memory; never asserts a time.

#![expect(clippy::expect_used, reason = "a bench that cannot be set up has nothing to say")]

use std::{fs, hint::black_box, path::Path, time::Instant};

use dock::row;

use audit::{Made, merkle, sshsig::Purpose, verify};

const ENTRIES: usize = 10_000;
const ROUNDS: usize = 5;

fn main() {
    let made = audit::make(ENTRIES);
    let (mut bound, mut ours) = (Vec::new(), Vec::new());
    let before = peak_kib();
    for _ in 0..ROUNDS {
        bound.push(time(|| hash_and_check(&made)));
        ours.push(time(|| {
            let report = verify::verify(&made.pack, &verify::Options::default());
            assert_eq!(report.problems, [], "the example log is a true one");
        }));
    }
    let (bound, ours) = (median(bound), median(ours));
    say(&format!("{ENTRIES} entries, {} signatures", made.signed.len()));
    say(&format!("hash and check, one thread (bound)   {bound:>9.1} ms"));
    say(&format!("verified                             {ours:>9.1} ms   {:>5.2}x", ours / bound));
    say(&format!("peak memory beyond the pack          {:>9} KiB", peak_kib().saturating_sub(before)));
    if let Some(dir) = std::env::args().skip(1).find(|word| !word.starts_with("--")) {
        write(&made, Path::new(&dir));
        say(&format!("the pack is in {dir}"));
    }
}

/// The example log of the tests, signed as the programs would.
#[path = "../src/audit"]
mod audit {
    pub(crate) use dock::audit::*;

    #[expect(dead_code, clippy::unwrap_used, reason = "written for the tests, which use all of it")]
    mod example;

    use crate::row::Decision;

    /// A log and its pack.
    pub(crate) struct Made {
        pub(crate) bytes: Vec<Vec<u8>>,
        /// Statement, signature, key.
        pub(crate) signed: Vec<(String, String, sshsig::PublicKey)>,
        pub(crate) pack: pack::Files,
    }

    /// Two of six entries are decisions: one row is opened, approved and executed, the next opened and declined.
    pub(crate) fn make(entries: usize) -> Made {
        let mut log = example::Log::with_people();
        for number in (1..).step_by(2) {
            if log.leaves.len() >= entries {
                break;
            }
            let row = log.open(&format!("sync-{number}"), 1);
            let yes = log.decide("govind", row, Decision::Approve, 1, "read the whole diff first");
            log.execute(row, &[&yes]);
            let row = log.open(&format!("sync-{}", number + 1), 1);
            log.decide("sarah", row, Decision::Decline, 1, "the toggle is the mitigation of INC-771");
        }
        let signed = |leaf: &leaf::Leaf| {
            let (statement, signature) = leaf.signed()?;
            let key = example::key_of(leaf.actor.id.as_str()).public().clone();
            Some((statement.to_owned(), signature.to_owned(), key))
        };
        let signed = log.leaves.iter().filter(|leaf| leaf.row.is_some()).filter_map(signed).collect();
        Made { signed, pack: log.pack(None), bytes: log.bytes }
    }
}

/// What cannot be left out.
fn hash_and_check(made: &Made) {
    for bytes in &made.bytes {
        black_box(merkle::leaf_hash(bytes));
    }
    let namespace = Purpose::Decision.namespace("example.com");
    for (statement, signature, key) in &made.signed {
        key.verify(&namespace, statement.as_bytes(), signature).expect("a good signature");
    }
}

fn write(made: &Made, dir: &Path) {
    for (path, bytes) in &made.pack {
        let file = dir.join(path);
        fs::create_dir_all(file.parent().unwrap_or(dir)).expect("a folder");
        fs::write(file, bytes).expect("written");
    }
}

fn time(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64() * 1e3
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// The most memory that this process had at once; 0 where the system does not tell.
fn peak_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

fn say(line: &str) {
    #[expect(clippy::print_stdout, reason = "a bench prints its table")]
    {
        println!("{line}");
    }
}
