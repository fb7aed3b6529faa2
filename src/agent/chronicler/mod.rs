//! The chronicler: writes the post-mortem of an incident that is over, line by line, from what the platforms tell.
//!
//! [`facts`] is what was read, [`rules`] the table of what becomes a line or a sentence, [`draft()`] the pure step from one
//! to the other, `requests` answers a reviewer's note line by line; [`Chronicler`] goes round by the loop that flows about incidents share.
//! Never: a sentence without what it rests on; a guess, where nobody knows; a person's name in prose; words of a chat taken
//! for an order.

pub mod config;
mod draft;
pub mod facts;
mod requests;
pub mod rules;
mod run;
mod words;

pub use config::Config;
pub use draft::draft;
pub use run::Chronicler;

#[cfg(test)]
mod tests;
