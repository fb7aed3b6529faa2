//! Promises that only the whole program can keep, each in a module of its own, through the real binary.
//!
//! Never: looks inside.

mod commands;
mod crash;
mod demo;
mod fault;
mod files;
mod injection;
#[cfg(test)]
mod terminal;
#[path = "../world/mod.rs"]
mod world;
