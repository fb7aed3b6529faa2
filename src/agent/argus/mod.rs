//! Argus, the deploy agent: watches ArgoCD for applications that differ from git, and drafts one row for each settled drift.
//!
//! [`facts`] is what was read (by `gather`), [`rules`] the table that judges it, [`draft()`] the pure step from one to the
//! other; `plan` says what to do about an application, and [`Argus`] does it whenever `wake` rouses it.
//! Never: syncs anything, or drafts twice for the same drift.

pub mod config;
mod draft;
pub mod facts;
mod gather;
mod plan;
pub mod rules;
mod run;
mod wake;
mod words;

pub use config::Config;
pub use draft::draft;
pub use run::{Argus, ArgusError};

#[cfg(test)]
mod tests;
