//! The console: one full-screen program in which the on-call reads a draft, its evidence and what moved, and decides.
//!
//! Reading order: [`event`] is what can happen, [`model`] what is remembered, [`update`] all behaviour, [`effect`] all
//! that is asked of the world, [`screen`] all appearance. [`decide`] and [`dialog`] are the way to a signature. Below
//! them [`keymap`], [`theme`], [`shown`] and [`terminal`].
//!
//! Never: names the store, the server, a platform or an agent; all it knows of the world comes through `client`.

pub mod canvas;
pub mod changes;
pub mod conditions;
pub mod decide;
pub mod dialog;
pub mod effect;
pub mod event;
pub mod found;
pub mod incident;
pub mod key;
pub mod keymap;
pub mod layout;
pub mod line;
pub mod model;
pub mod moved;
pub mod page;
pub mod queue;
mod run;
#[cfg(test)]
pub(crate) mod sample;
pub mod screen;
pub mod shown;
pub mod signers;
pub mod telemetry;
pub mod terminal;
pub mod text;
pub mod theme;
pub mod update;
pub mod widget;

pub use run::{ConsoleError, Exit, Options, run};
