//! The terminal: taken over as a whole, given back as it was, whatever happens in between.
//!
//! Never: waited for. Frames go through a writer that holds one at a time; questions are asked and not awaited.

pub mod input;
pub mod paint;
