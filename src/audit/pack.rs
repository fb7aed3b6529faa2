//! The evidence pack: what a stranger needs to check a part of the record without us.
//!
//! Never: a file that `verify` would not ask for; a network address to be trusted.

use std::collections::{BTreeMap, BTreeSet};

use crate::audit::authority::Authority;
use crate::audit::fields::FormError;
use crate::audit::leaf::Leaf;
use crate::audit::merkle::{self, Hash};
use crate::audit::note::{self, NoteError, VerifierKey};
use crate::audit::statement::Statement;
use crate::audit::{page, proof};
use crate::row::c1;
use crate::row::{Digest, Event, RowId};

/// The files of a pack by their path, `/` between folders.
pub type Files = BTreeMap<String, Vec<u8>>;

/// What a pack is made of.
pub struct Source<'a> {
    /// What is in it and why, as a sentence: "All of sync-8821".
    pub what: &'a str,
    /// Leaves with their index, ascending, as [`belongs`] chooses them: their exact bytes.
    pub leaves: &'a [(u64, Vec<u8>)],
    /// The signed note over all leaves of the pack, with the cosignatures known.
    pub checkpoint: &'a str,
    pub log_key: &'a VerifierKey,
    /// What the rows point at, where kept.
    pub blobs: &'a BTreeMap<Digest, Vec<u8>>,
}

/// Why no pack was made.
#[derive(Debug, thiserror::Error)]
pub enum PackError<E> {
    #[error("the checkpoint: {0}")]
    Checkpoint(#[from] NoteError),
    #[error("leaf {index}: {error}")]
    Leaf { index: u64, error: FormError },
    #[error("leaf {0} is not under the checkpoint")]
    Beyond(u64),
    #[error("the tree: {0}")]
    Tree(E),
}

/// Whether a leaf belongs into a pack of these rows: theirs, and all that say who held which key.
pub fn belongs(event: Event, row: Option<RowId>, rows: &BTreeSet<RowId>) -> bool {
    let authority = matches!(
        event,
        Event::PersonChanged
            | Event::KeyEnrolled
            | Event::KeyRevoked
            | Event::AgentChanged
            | Event::WitnessEnrolled
            | Event::LogEpoch
    );
    authority || row.is_some_and(|row| rows.contains(&row))
}

/// Makes a pack. `node` gives the hashes of complete subtrees, see [`merkle`].
pub fn build<E>(
    source: &Source<'_>,
    node: impl FnMut(u8, u64) -> Result<Hash, E>,
) -> Result<Files, PackError<E>> {
    let node = std::cell::RefCell::new(node);
    let ask = |level, index| node.borrow_mut()(level, index);
    let size = note::open(source.checkpoint.as_bytes(), source.log_key, &[])?.checkpoint.size;
    assemble(source, |index| merkle::inclusion(index, size, ask), |old| merkle::consistency(old, size, ask))
}

/// The same where the proofs are there already: `inclusion` of a leaf, `consistency` of an older size, both against
/// the checkpoint.
pub fn assemble<E>(
    source: &Source<'_>,
    mut inclusion: impl FnMut(u64) -> Result<Vec<Hash>, E>,
    mut consistency: impl FnMut(u64) -> Result<Vec<Hash>, E>,
) -> Result<Files, PackError<E>> {
    let head = note::open(source.checkpoint.as_bytes(), source.log_key, &[])?.checkpoint;
    let org = head.origin.strip_suffix("/dock").unwrap_or(&head.origin).to_owned();
    let mut authority = Authority::new(&org, None);
    let mut files = Files::new();
    let mut parsed = Vec::with_capacity(source.leaves.len());
    let mut seen = BTreeSet::new();
    for (index, bytes) in source.leaves {
        if *index >= head.size {
            return Err(PackError::Beyond(*index));
        }
        let leaf = Leaf::parse(bytes).map_err(|error| PackError::Leaf { index: *index, error })?;
        let path = inclusion(*index).map_err(PackError::Tree)?;
        files.insert(format!("entries/{index}.json"), bytes.clone());
        let text = proof::write(*index, &path, source.checkpoint);
        files.insert(format!("proofs/{index}.tlog-proof"), text.into_bytes());
        // A leaf that is wrong goes into the pack as well: the one who verifies it shall see.
        if let Ok(Some(statement)) = authority.apply(*index, &leaf) {
            seen.insert(statement.seen.size);
        }
        if leaf.event == Event::DecisionAccepted
            && let Some((text, signature)) = leaf.signed()
            && let Ok(statement) = Statement::parse(text.as_bytes())
        {
            let id = &statement.decision_id;
            files.insert(format!("decisions/{id}.json"), text.as_bytes().to_vec());
            files.insert(format!("decisions/{id}.sig"), signature.as_bytes().to_vec());
            seen.insert(statement.seen.size);
        }
        parsed.push((*index, leaf));
    }
    for size in seen.into_iter().filter(|&size| size > 0 && size < head.size) {
        let path = consistency(size).map_err(PackError::Tree)?;
        files.insert(format!("consistency/{size}"), proof::hash_lines(&path).into_bytes());
    }
    for (digest, bytes) in source.blobs {
        files.insert(format!("blobs/{digest}"), bytes.clone());
    }
    files.insert("checkpoint".to_owned(), source.checkpoint.as_bytes().to_vec());
    files.insert("log.vkey".to_owned(), format!("{}\n", source.log_key).into_bytes());
    files.insert("allowed_signers".to_owned(), authority.allowed_signers().into_bytes());
    let manifest = Manifest::of(source.what, &head, files.keys().map(String::as_str));
    files.insert("MANIFEST.json".to_owned(), manifest.to_bytes());
    files.insert("index.html".to_owned(), page::write(&manifest, &parsed, &files).into_bytes());
    Ok(files)
}

/// What is in a pack and why. Not evidence, but it tells when a file was lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    pub what: String,
    pub origin: String,
    pub size: u64,
    pub complete: bool,
    /// Files by folder.
    pub counts: BTreeMap<String, u64>,
}

/// The folders whose files are counted.
pub const FOLDERS: [&str; 5] = ["blobs", "consistency", "decisions", "entries", "proofs"];

impl Manifest {
    fn of<'a>(what: &str, head: &note::Checkpoint, paths: impl Iterator<Item = &'a str>) -> Manifest {
        let mut counts: BTreeMap<String, u64> =
            FOLDERS.iter().map(|&folder| (folder.to_owned(), 0)).collect();
        for (folder, _) in paths.filter_map(|path| path.split_once('/')) {
            *counts.entry(folder.to_owned()).or_default() += 1;
        }
        let complete = counts.get("entries") == Some(&head.size);
        Manifest { what: what.to_owned(), origin: head.origin.clone(), size: head.size, complete, counts }
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        let value = c1::map([
            ("what", (&self.what).into()),
            ("origin", (&self.origin).into()),
            ("size", self.size.into()),
            ("complete", self.complete.into()),
            ("files", self.counts.clone().into()),
            ("v", "1".into()),
        ]);
        c1::to_bytes(&value)
    }

    /// `None` for what is not a manifest.
    pub fn parse(bytes: &[u8]) -> Option<Manifest> {
        let value = c1::parse(bytes).ok()?;
        let files = value.get("files")?.as_map()?.iter();
        let count = |(folder, count): (&String, &c1::Value)| {
            Some((folder.clone(), note::plain_number(count.as_text()?)?))
        };
        Some(Manifest {
            what: value.text("what")?.to_owned(),
            origin: value.text("origin")?.to_owned(),
            size: note::plain_number(value.text("size")?)?,
            complete: value.text("complete")?.parse().ok()?,
            counts: files.map(count).collect::<Option<_>>()?,
        })
    }
}
