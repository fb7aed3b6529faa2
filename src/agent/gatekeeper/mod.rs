//! The gatekeeper: watches for runs that wait before an environment, on GitHub or at Dock itself, and drafts one row for
//! each.
//!
//! [`facts`] is what was read (by `gather`), [`rules`] the table that judges it, [`draft()`] the pure step from one to the
//! other; `plan` says what to do about a run, `memory` what is kept between looks, and [`Gatekeeper`] does it whenever
//! something rouses it.
//! Never: answers a run, or drafts twice for the same run and environment.

pub mod config;
mod draft;
pub mod facts;
mod gather;
mod latency;
mod memory;
mod plan;
pub mod rules;
mod run;
mod schema;
mod severity;
mod telemetry;
#[cfg(test)]
mod tests;
mod words;

pub use config::Config;
pub use draft::draft;
pub use run::{Gatekeeper, GatekeeperError};
