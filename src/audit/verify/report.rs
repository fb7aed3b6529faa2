//! What a verification found, in sentences.
//!
//! Never: an exit code or a terminal; the command line makes those of it.

/// The most problems that a report spells out; the rest is counted.
pub const PROBLEMS_MAX: usize = 1000;

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It could not be checked: something is missing or not readable.
    Unchecked,
    /// It was checked, and is not true.
    Disproved,
}

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub severity: Severity,
    /// The file, or what the reader brought along.
    pub place: String,
    pub text: String,
}

/// What was found, in sentences.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub proved: Vec<String>,
    /// What no pack can prove, or this one does not say. Never changes the verdict.
    pub unproved: Vec<String>,
    pub problems: Vec<Problem>,
    /// Problems beyond [`PROBLEMS_MAX`].
    pub more_problems: usize,
    worst: Option<Severity>,
    pub counts: Counts,
}

/// How much was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub size: u64,
    pub entries: u64,
    pub decisions: u64,
    pub executions: u64,
    pub blobs: u64,
    pub signatures: u64,
}

impl Report {
    /// The worst that was found; `None` where all holds.
    pub fn worst(&self) -> Option<Severity> {
        self.worst
    }

    pub(super) fn problem(&mut self, severity: Severity, place: impl Into<String>, text: impl Into<String>) {
        self.worst = self.worst.max(Some(severity));
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(Problem { severity, place: place.into(), text: text.into() });
        } else {
            self.more_problems += 1;
        }
    }

    pub(super) fn disproved(&mut self, place: impl Into<String>, text: impl Into<String>) {
        self.problem(Severity::Disproved, place, text);
    }

    pub(super) fn unchecked(&mut self, place: impl Into<String>, text: impl Into<String>) {
        self.problem(Severity::Unchecked, place, text);
    }
}
