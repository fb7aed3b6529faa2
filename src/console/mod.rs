//! The console: one full-screen program in which the on-call reads a draft, its evidence and what moved, and decides.
//!
//! Never: names the store, the server, a platform or an agent; all it knows of the world comes through `client`.

pub mod canvas;
pub mod key;
pub mod keymap;
pub mod shown;
pub mod terminal;
pub mod theme;
pub mod widget;
