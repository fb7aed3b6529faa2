//! What lies in a pack, by folder: as little as possible is kept for each file, since there may be millions.
//!
//! Never: looks into a file; passes over one that does not belong.

use std::collections::BTreeMap;

use super::{Files, Report};
use crate::audit::note;
use crate::row::{DecisionId, Digest};

/// The decision that a file in `decisions/` is about.
pub(super) fn decision_of(name: &str) -> Option<DecisionId> {
    let (id, ending) = name.split_once('.')?;
    if matches!(ending, "json" | "sig") { id.parse().ok() } else { None }
}

/// The files of a pack, sorted.
#[derive(Default)]
pub(super) struct Inventory {
    pub(super) entries: Vec<u64>,
    pub(super) proofs: Vec<u64>,
    pub(super) consistency: Vec<u64>,
    /// Digests.
    pub(super) blobs: Vec<String>,
    counts: BTreeMap<&'static str, u64>,
}

impl Inventory {
    pub(super) fn take(files: &impl Files, report: &mut Report) -> Inventory {
        let mut all = Inventory::default();
        let mut strangers = Vec::new();
        let listed = files.each_path(&mut |path| {
            if !all.sort_in(path) {
                strangers.push(path.to_owned());
            }
        });
        if let Err(error) = listed {
            report.unchecked("pack", format!("cannot be listed: {error}"));
        }
        for path in strangers {
            report.unchecked(path, "is no part of an evidence pack");
        }
        all.entries.sort_unstable();
        all.proofs.sort_unstable();
        all
    }

    /// How many files a folder has.
    pub(super) fn count(&self, folder: &str) -> u64 {
        self.counts.get(folder).copied().unwrap_or(0)
    }

    fn sort_in(&mut self, path: &str) -> bool {
        let Some((folder, name)) = path.split_once('/') else {
            return matches!(
                path,
                "checkpoint" | "log.vkey" | "allowed_signers" | "index.html" | "MANIFEST.json"
            );
        };
        let number = |ending: &str| name.strip_suffix(ending).and_then(note::plain_number);
        let (folder, known) = match folder {
            "entries" => ("entries", number(".json").map(|index| self.entries.push(index))),
            "proofs" => ("proofs", number(".tlog-proof").map(|index| self.proofs.push(index))),
            "consistency" => ("consistency", number("").map(|size| self.consistency.push(size))),
            "decisions" => ("decisions", decision_of(name).map(drop)),
            "blobs" => {
                let known = name.parse::<Digest>().is_ok();
                ("blobs", known.then(|| self.blobs.push(name.to_owned())))
            }
            _ => return false,
        };
        if known.is_some() {
            *self.counts.entry(folder).or_default() += 1;
        }
        known.is_some()
    }
}
