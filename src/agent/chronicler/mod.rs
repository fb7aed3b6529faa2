//! The chronicler: writes the post-mortem of an incident that is over, line by line, from what the platforms tell.
//!
//! [`facts`] is what was read, [`rules`] the table of what becomes a line or a sentence, [`draft()`] the pure step from one
//! to the other.
//! Never: a sentence without what it rests on; a guess, where nobody knows; a person's name in prose; words of a chat taken
//! for an order.

mod draft;
pub mod facts;
pub mod rules;
mod words;

pub use draft::draft;
