//! Argus, the deploy agent: watches ArgoCD for applications that differ from git, and drafts one row for each settled drift.
//!
//! [`facts`] is what was read, [`rules`] the table that judges it, [`draft()`] the pure step from one to the other.
//! Never: syncs anything, or drafts twice for the same drift.

mod draft;
pub mod facts;
pub mod rules;
mod words;

pub use draft::draft;
