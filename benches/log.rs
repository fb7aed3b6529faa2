//! The log's own work, beside its bound: appending, inclusion and consistency proofs over a million entries.
//!
//! Prints ratios against the hashing that cannot be avoided, measured in the same run. Never asserts a time.

use std::{hint::black_box, time::Instant};

use dock::audit::merkle::{self, Frontier, Tree};

const ENTRIES: u64 = 1_000_000;
const ENTRY_BYTES: usize = 900;
const PROOFS: u64 = 2_000;

fn main() {
    let entry = vec![b'x'; ENTRY_BYTES];
    let bound = time(|| {
        for _ in 0..ENTRIES {
            black_box(merkle::leaf_hash(black_box(&entry)));
        }
    });
    let leaf = merkle::leaf_hash(&entry);
    let appended = time(|| {
        let mut frontier = Frontier::default();
        for _ in 0..ENTRIES {
            black_box(frontier.append(merkle::leaf_hash(black_box(&entry))));
        }
        black_box(frontier.root());
    });
    black_box(leaf);
    row("leaf hashes alone (bound)", bound, ENTRIES, bound);
    row("append and root", appended, ENTRIES, bound);

    let mut tree = Tree::default();
    for _ in 0..ENTRIES {
        tree.push(&entry);
    }
    let node = |level, index| tree.node(level, index);
    let seventeen = time(|| {
        for _ in 0..PROOFS {
            for level in 0..17 {
                black_box(node(level, 1).ok());
            }
        }
    });
    let consistency = time(|| {
        for step in 0..PROOFS {
            black_box(merkle::consistency(ENTRIES - 1_000 - step % 100, ENTRIES, node).ok());
        }
    });
    let inclusion = time(|| {
        for step in 0..PROOFS {
            black_box(merkle::inclusion(step * 499, ENTRIES, node).ok());
        }
    });
    row("17 reads of stored hashes (bound)", seventeen, PROOFS, seventeen);
    row("consistency proof at a million", consistency, PROOFS, seventeen);
    row("inclusion proof at a million", inclusion, PROOFS, seventeen);
}

fn time(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64()
}

fn row(name: &str, seconds: f64, count: u64, bound: f64) {
    #[expect(clippy::cast_precision_loss, reason = "counts are small")]
    let each_us = seconds * 1e6 / count as f64;
    #[expect(clippy::print_stdout, reason = "a bench prints its table")]
    {
        println!("{name:<36} {each_us:>10.2} µs each   {:>6.2}x", seconds / bound);
    }
}
