//! Who may do what, how many keys a row needs, and what may pass without a person.
//!
//! Never: IO or the clock; and no answer but "a person decides" when anything is unclear.

pub mod count;
pub mod engine;

pub use count::{Review, Tally, Vote, brings, count, missing};
pub use engine::{Asker, Engine, Permission, PolicyError, PolicyText, RowFacts, Wish};
