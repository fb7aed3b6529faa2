//! Heads of the log that others saw: in statements, in a kept checkpoint, in platforms' tags.
//!
//! Never: believes that two heads belong to one history without a proof.

use super::{Files, Run};
use crate::audit::merkle;
use crate::audit::note::{self, Checkpoint};
use crate::audit::proof;
use crate::audit::statement::Seen;
use crate::row::Digest;

/// A head that was seen on a platform.
pub(super) struct Anchor {
    line: usize,
    size: u64,
    root: String,
}

impl<F: Files> Run<'_, F> {
    /// The head that a statement names is a head of this very log.
    pub(super) fn seen(&mut self, place: &str, seen: &Seen) {
        let Seen { size, root, .. } = *seen;
        if self.last_head == Some((size, root)) {
            return;
        }
        self.last_head = Some((size, root));
        if size == 0 || size >= self.head.size {
            let expected = if size == 0 { merkle::empty_root() } else { self.head.root };
            if size > self.head.size || root.0 != expected {
                let text = format!("its statement saw a head of {size} that is not this log's");
                self.report.disproved(place, text);
            }
            return;
        }
        self.heads.push(size);
        let path = format!("consistency/{size}");
        let Some(bytes) = self.read(&path) else {
            let text = format!("is missing: the head that {place} saw cannot be checked");
            return self.report.unchecked(path, text);
        };
        let checked = proof::parse_hash_lines(&bytes).map_err(|error| error.to_string()).and_then(|hashes| {
            let (old, new) = ((size, &root.0), (self.head.size, &self.head.root));
            merkle::check_consistency(old, new, &hashes).map_err(|error| error.to_string())
        });
        match checked {
            Ok(()) if self.wanted.contains(&size) => drop(self.roots.insert(size, root.0)),
            Ok(()) => {}
            Err(error) => self.report.disproved(path, format!("the head that {place} saw: {error}")),
        }
    }

    pub(super) fn anchors(&mut self) -> Vec<Anchor> {
        let mut anchors = Vec::new();
        let text = self.options.anchors.as_deref().unwrap_or_default();
        for (line, text) in text.lines().enumerate().filter(|(_, text)| !text.trim().is_empty()) {
            let mut words = text.split_ascii_whitespace().rev();
            let (root, size) = (words.next(), words.next().and_then(note::plain_number));
            match (root, size) {
                (Some(root), Some(size)) if (16..=64).contains(&root.len()) => {
                    anchors.push(Anchor { line: line + 1, size, root: root.to_owned() });
                    self.wanted.insert(size);
                }
                _ => self
                    .report
                    .unchecked(format!("anchors, line {}", line + 1), "does not end with SIZE ROOT16"),
            }
        }
        anchors
    }

    pub(super) fn trusted(&mut self) -> Option<Checkpoint> {
        let note = self.options.trusted_checkpoint.as_ref()?;
        match note::open(note, &self.note.1, &[]) {
            Ok(opened) => {
                self.wanted.insert(opened.checkpoint.size);
                Some(opened.checkpoint)
            }
            Err(error) => {
                self.report.unchecked("trusted checkpoint", error.to_string());
                None
            }
        }
    }

    /// The heads that the reader brought along are heads of this very log.
    pub(super) fn known_heads(&mut self, anchors: &[Anchor], trusted: Option<&Checkpoint>) {
        self.roots.insert(self.head.size, self.head.root);
        self.roots.insert(0, merkle::empty_root());
        if let Some(trusted) = trusted {
            let root = Digest(trusted.root).to_string();
            if self.known_head("trusted checkpoint", trusted.size, &root) {
                let line = format!("This log extends the trusted checkpoint over {} leaves.", trusted.size);
                self.report.proved.push(line);
            }
        }
        let holds = anchors.iter().filter(|anchor| {
            self.known_head(&format!("anchors, line {}", anchor.line), anchor.size, &anchor.root)
        });
        let count = holds.count();
        if count > 0 {
            self.report.proved.push(format!("{count} heads from the anchors are heads of this log."));
        }
    }

    fn known_head(&mut self, place: &str, size: u64, root: &str) -> bool {
        match self.roots.get(&size) {
            Some(known) if Digest(*known).to_string().starts_with(root) => return true,
            Some(_) => {
                self.report.disproved(place, format!("the head of {size} is not this log's: two histories"));
            }
            None if size > self.head.size => {
                self.report.unchecked(place, format!("this pack ends at {}, before {size}", self.head.size));
            }
            None => self.report.unchecked(place, format!("this pack cannot prove the root at {size}")),
        }
        false
    }
}
