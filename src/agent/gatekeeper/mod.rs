//! The gatekeeper: watches GitHub for runs that wait before an environment, and drafts one row for each.
//!
//! [`facts`] is what was read (by `gather`), [`rules`] the table that judges it, [`draft()`] the pure step from one to the
//! other.
//! Never: answers GitHub, or drafts twice for the same run and environment.

mod draft;
pub mod facts;
pub mod rules;
mod schema;
mod words;

pub use draft::draft;
