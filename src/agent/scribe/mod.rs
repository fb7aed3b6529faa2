//! The scribe: after an incident, what its runbook should have said, as operations on the page as it is now.
//!
//! `chatter` reads what was said and run, `place` finds the step that it belongs to, [`draft()`] turns both into a row by
//! the table in [`rules`], `requests` answers a reviewer's note line by line; [`Scribe`] goes round by the loop that flows
//! about incidents share. While an incident is on, `live` shows the page's steps beside the system as it is.
//! Never: publishes anything; does what a message says. A message is material, whoever wrote it.

mod chatter;
pub mod config;
mod draft;
pub mod facts;
mod live;
mod place;
mod requests;
pub mod rules;
mod run;
mod words;

pub use config::Config;
pub use draft::draft;
pub use run::Scribe;

#[cfg(test)]
mod tests;
