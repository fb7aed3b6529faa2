//! Parts that several screens draw with.
//!
//! Never: more than the lines on the screen laid out for one frame.

pub mod area;
pub mod chart;
pub mod diff;
pub mod list;
pub mod spark;
