//! Checks an evidence pack, with nothing but the pack and what its reader brings along.
//!
//! All that stands in the pack is looked at, to the last byte: what does not belong, does not follow from the log, or
//! was changed is a problem. `index.html`, `MANIFEST.json` and `log.vkey` are not evidence.
//!
//! ## Design notes
//! One pass over the entries in the log's order, reading each file once: the tree, the authority and each row's story
//! are replayed side by side. Signatures, which are nearly all of the work, are checked in batches on all cores.
//!
//! Never: the network, a clock, or the word of a server.

mod heads;
mod inventory;
mod replay;
mod report;
mod story;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::audit::authority::Authority;
use crate::audit::leaf::Leaf;
use crate::audit::merkle::{self, Frontier, Hash};
use crate::audit::note::{self, Checkpoint, KeyUse, VerifierKey};
use crate::audit::pack::Manifest;
use crate::audit::proof;
use crate::audit::sshsig::PublicKey;
use crate::row::{DecisionId, Digest};

pub use report::{Counts, PROBLEMS_MAX, Problem, Report, Severity};

use inventory::Inventory;
use replay::Replay;

/// The files of a pack, wherever they are.
pub trait Files {
    /// Calls `visit` with each file's path (`/` between folders), in any order.
    fn each_path(&self, visit: &mut dyn FnMut(&str)) -> Result<(), String>;

    /// A file's bytes; `None` where there is none.
    fn read(&self, path: &str) -> Result<Option<Cow<'_, [u8]>>, String>;
}

impl Files for BTreeMap<String, Vec<u8>> {
    fn each_path(&self, visit: &mut dyn FnMut(&str)) -> Result<(), String> {
        for path in self.keys() {
            visit(path);
        }
        Ok(())
    }

    fn read(&self, path: &str) -> Result<Option<Cow<'_, [u8]>>, String> {
        Ok(self.get(path).map(|bytes| Cow::Borrowed(bytes.as_slice())))
    }
}

/// What the reader brings along.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The log's key, from somewhere else than the pack.
    pub log_key: Option<VerifierKey>,
    /// The keys that the first administrator's must be among (see [`super::authority::parse_admins`]).
    pub admins: Option<Vec<PublicKey>>,
    /// A checkpoint that the reader kept: the note.
    pub trusted_checkpoint: Option<Vec<u8>>,
    /// Heads seen elsewhere, as platforms' tags carry them: lines that end with `SIZE ROOT16`.
    pub anchors: Option<String>,
}

/// Checks a whole pack.
pub fn verify(files: &impl Files, options: &Options) -> Report {
    let mut report = Report::default();
    let Some((note, head)) = open_head(files, options, &mut report) else { return report };
    let inventory = Inventory::take(files, &mut report);
    let mut run = Run {
        files,
        options,
        inventory,
        note,
        complete: false,
        frontier: Frontier::default(),
        roots: BTreeMap::new(),
        heads: Vec::new(),
        last_head: None,
        wanted: BTreeSet::new(),
        report,
        head,
    };
    run.complete = run.inventory.entries.len() as u64 == run.head.size
        && run.inventory.entries.last().is_none_or(|&last| last + 1 == run.head.size);
    let anchors = run.anchors();
    let trusted = run.trusted();
    let org = run.head.origin.strip_suffix("/dock").unwrap_or(&run.head.origin).to_owned();
    let mut replay = Replay::new(Authority::new(&org, options.admins.clone()), &run.head.origin);
    run.entries(&mut replay);
    replay.finish(&mut run.report);
    run.lone_files(&replay);
    run.signers(&replay);
    run.cosignatures(&replay);
    run.blobs();
    run.manifest();
    run.known_heads(&anchors, trusted.as_ref());
    run.sum_up(&replay);
    run.report
}

/// Whether a log that one holds oneself lets something be executed: for the executor, which trusts leaves, not flags.
///
/// Whether keys and roles are there still is the caller's to say, who knows whose are not.
/// `leaves` are all leaves of the row and all that say who held which key (see [`super::pack::belongs`]), in order;
/// `intent` is the `execution.intended` leaf that would be the log's next, of index `index`. Places in the tree are not
/// checked here.
pub fn may_execute(
    org: &str,
    admins: Option<Vec<PublicKey>>,
    leaves: impl IntoIterator<Item = (u64, Leaf)>,
    (index, intent): (u64, Leaf),
) -> Result<(), Vec<Problem>> {
    let mut report = Report::default();
    let mut replay = Replay::new(Authority::new(org, admins), &format!("{org}/dock")).bare();
    for (at, leaf) in leaves.into_iter().chain([(index, intent)]) {
        replay.take(at, &Arc::new(leaf), &mut report);
    }
    replay.finish(&mut report);
    if report.worst().is_none() { Ok(()) } else { Err(report.problems) }
}

/// One check of one pack.
struct Run<'a, F> {
    files: &'a F,
    options: &'a Options,
    inventory: Inventory,
    note: (Vec<u8>, VerifierKey),
    head: Checkpoint,
    /// Every leaf under the checkpoint is here.
    complete: bool,
    frontier: Frontier,
    /// The sizes that the reader asks about, and the log's roots there as far as this pack proves them.
    wanted: BTreeSet<u64>,
    roots: BTreeMap<u64, Hash>,
    /// Sizes that a file in `consistency/` was read for.
    heads: Vec<u64>,
    last_head: Option<(u64, Digest)>,
    report: Report,
}

type Head = ((Vec<u8>, VerifierKey), Checkpoint);

fn open_head(files: &impl Files, options: &Options, report: &mut Report) -> Option<Head> {
    let note = read(files, "checkpoint", report);
    let shipped = read(files, "log.vkey", report);
    let shipped =
        shipped.and_then(|bytes| str::from_utf8(&bytes).ok()?.trim_end().parse::<VerifierKey>().ok());
    let Some(note) = note else {
        report.unchecked("checkpoint", "is missing: nothing can be checked");
        return None;
    };
    let Some(key) = options.log_key.clone().or(shipped) else {
        report.unchecked("log.vkey", "is missing or not a verifier key, and no log key was given");
        return None;
    };
    if key.usage() != KeyUse::Log {
        report.unchecked("log key", "is not the key of a log");
        return None;
    }
    match note::open(&note, &key, &[]) {
        Ok(opened) => {
            let head = opened.checkpoint;
            report.counts.size = head.size;
            let whose = if options.log_key.is_some() { "the log key that was given" } else { "the log key" };
            let line =
                format!("The checkpoint of {} over {} leaves is signed by {whose}.", head.origin, head.size);
            report.proved.push(line);
            Some(((note.into_owned(), key), head))
        }
        Err(error) => {
            report.disproved("checkpoint", error.to_string());
            None
        }
    }
}

/// A file's bytes; what cannot be read is a problem, what is not there is `None`.
fn read<'a>(files: &'a impl Files, path: &str, report: &mut Report) -> Option<Cow<'a, [u8]>> {
    match files.read(path) {
        Ok(bytes) => bytes,
        Err(error) => {
            report.unchecked(path, format!("cannot be read: {error}"));
            None
        }
    }
}

impl<'a, F: Files> Run<'a, F> {
    fn read(&mut self, path: &str) -> Option<Cow<'a, [u8]>> {
        read(self.files, path, &mut self.report)
    }

    /// Every entry: is it in the tree, what does it say, does it follow.
    fn entries(&mut self, replay: &mut Replay) {
        let entries = std::mem::take(&mut self.inventory.entries);
        for &index in &entries {
            let path = format!("entries/{index}.json");
            let Some(bytes) = self.read(&path) else { continue };
            let hash = merkle::leaf_hash(&bytes);
            self.place(index, hash);
            if self.complete {
                self.frontier.append(hash);
                if self.wanted.contains(&self.frontier.size()) {
                    self.roots.insert(self.frontier.size(), self.frontier.root());
                }
            }
            self.report.counts.entries += 1;
            match Leaf::parse(&bytes) {
                Ok(leaf) => {
                    let leaf = Arc::new(leaf);
                    let taken = replay.take(index, &leaf, &mut self.report);
                    if let Some(id) = taken.accepted {
                        self.decision(index, &id, &leaf);
                    }
                    if let Some(seen) = taken.seen {
                        self.seen(&path, &seen);
                    }
                }
                Err(error) => self.report.disproved(path, format!("is not a leaf: {error}")),
            }
        }
        self.inventory.entries = entries;
    }

    fn place(&mut self, index: u64, hash: Hash) {
        let path = format!("proofs/{index}.tlog-proof");
        let Some(bytes) = self.read(&path) else {
            return self.report.unchecked(path, "is missing: the entry's place in the log cannot be checked");
        };
        let checked = match proof::parse(&bytes) {
            Err(error) => Err(error.to_string()),
            Ok(proof) if proof.index != index => Err(format!("is the proof of leaf {}", proof.index)),
            Ok(proof) if proof.checkpoint.as_bytes() != self.note.0 => {
                Err("holds another checkpoint than the pack's".to_owned())
            }
            Ok(proof) => merkle::check_inclusion(index, self.head.size, hash, &proof.hashes, &self.head.root)
                .map_err(|error| format!("does not prove entries/{index}.json: {error}")),
        };
        if let Err(error) = checked {
            self.report.disproved(path, error);
        }
    }

    /// An accepted decision lies beside its leaf, byte for byte.
    fn decision(&mut self, index: u64, id: &DecisionId, leaf: &Leaf) {
        let Some((statement, signature)) = leaf.signed() else { return };
        for (ending, expected) in [("json", statement), ("sig", signature)] {
            let path = format!("decisions/{id}.{ending}");
            match self.read(&path) {
                None => {
                    self.report.unchecked(path, format!("is missing, though entries/{index}.json has it"));
                }
                Some(bytes) if *bytes != *expected.as_bytes() => {
                    self.report.disproved(path, format!("differs from entries/{index}.json"));
                }
                Some(_) => {}
            }
        }
    }

    /// Files that no entry asks for.
    fn lone_files(&mut self, replay: &Replay) {
        for index in &self.inventory.proofs {
            if self.inventory.entries.binary_search(index).is_err() {
                self.report.unchecked(format!("proofs/{index}.tlog-proof"), "has no entry beside it");
            }
        }
        self.heads.sort_unstable();
        for size in &self.inventory.consistency {
            if self.heads.binary_search(size).is_err() {
                self.report.unchecked(format!("consistency/{size}"), "belongs to no statement of the pack");
            }
        }
        if self.inventory.count("decisions") == 2 * replay.accepted() as u64 {
            return;
        }
        let report = &mut self.report;
        let listed = self.files.each_path(&mut |path| {
            let id = path.strip_prefix("decisions/").and_then(inventory::decision_of);
            if id.is_some_and(|id| !replay.has_accepted(&id)) {
                report.disproved(path, "is in no entry of the pack as an accepted decision");
            }
        });
        if let Err(error) = listed {
            self.report.unchecked("pack", format!("cannot be listed: {error}"));
        }
    }

    fn signers(&mut self, replay: &Replay) {
        match self.read("allowed_signers") {
            None => self.report.unchecked("allowed_signers", "is missing"),
            Some(bytes) if *bytes != *replay.authority().allowed_signers().as_bytes() => {
                self.report.disproved("allowed_signers", "is not what the key leaves say");
            }
            Some(_) => {}
        }
    }

    fn cosignatures(&mut self, replay: &Replay) {
        let witnesses: Vec<VerifierKey> = replay.authority().witnesses().cloned().collect();
        match note::open(&self.note.0, &self.note.1, &witnesses) {
            Err(error) => self.report.disproved("checkpoint", error.to_string()),
            Ok(opened) => {
                if let count @ 1.. = opened.cosignatures.len() {
                    let line = format!("The checkpoint is cosigned by {count} of the enrolled witnesses.");
                    self.report.proved.push(line);
                }
                if opened.unknown > 0 {
                    let line =
                        format!("{} signatures are of witnesses that no leaf enrolled.", opened.unknown);
                    self.report.unproved.push(line);
                }
            }
        }
    }

    fn blobs(&mut self) {
        for name in std::mem::take(&mut self.inventory.blobs) {
            let path = format!("blobs/{name}");
            let Some(bytes) = self.read(&path) else { continue };
            self.report.counts.blobs += 1;
            if Digest::of(&bytes).to_string() != name {
                self.report.disproved(path, "holds other bytes than its name says");
            }
        }
    }

    /// The manifest proves nothing, but it tells when a file was lost.
    fn manifest(&mut self) {
        let manifest = self.read("MANIFEST.json").and_then(|bytes| Manifest::parse(&bytes));
        let Some(manifest) = manifest else {
            return self
                .report
                .unchecked("MANIFEST.json", "is missing or unreadable: whether files were lost is unknown");
        };
        for (folder, &count) in &manifest.counts {
            let found = self.inventory.count(folder);
            if found != count {
                let text = format!("speaks of {count} files in {folder}, and {found} are here");
                self.report.unchecked("MANIFEST.json", text);
            }
        }
        if manifest.complete != self.complete {
            let text = "says that every leaf is here, or that some are not, and the entries differ from that";
            self.report.unchecked("MANIFEST.json", text);
        }
    }

    fn sum_up(&mut self, replay: &Replay) {
        let report = &mut self.report;
        if self.options.log_key.is_none() {
            report
                .unproved
                .push("That this is the right log: its key came with the pack (see --log-key).".to_owned());
        }
        if self.options.admins.is_none() {
            let line = "That the first administrator is the right one: the key is that of the first leaf (see --admins).";
            report.unproved.push(line.to_owned());
        }
        if !self.complete {
            let line = "That no later leaf of these rows, people and keys exists: this is a part of the log.";
            report.unproved.push(line.to_owned());
        }
        report.unproved.push("That nothing later than the checkpoint exists.".to_owned());
        report.unproved.push("That the server's clock was right.".to_owned());
        if replay.by_policy() > 0 {
            let line = format!(
                "That policy rightly decided {} executions: its text is not in the pack.",
                replay.by_policy()
            );
            report.unproved.push(line);
        }
        if report.worst().is_some() {
            return;
        }
        let Counts { entries, decisions, executions, blobs, .. } = report.counts;
        let all = if self.complete { "which is every one" } else { "a part of it" };
        report.proved.extend([
            format!("{entries} entries are in the log, {all}, each at its place, unchanged."),
            format!("{decisions} decisions are signed by keys that were enrolled and valid at their leaf."),
            "Every change of people, keys and agents is signed by an administrator of that moment."
                .to_owned(),
            "Every head that a statement saw is a head of this log.".to_owned(),
            format!("{executions} executions had their decision before them, with the keys that it needed."),
        ]);
        if blobs > 0 {
            report.proved.push(format!("{blobs} blobs hold what their digests say."));
        }
    }
}
