//! Promises that only the whole program can keep, each in a module of its own, through the real binary.
//!
//! Never: looks inside.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod administration;
mod amend;
mod commands;
mod console;
mod crash;
mod demo;
mod fault;
mod files;
mod injection;
mod pipelines;
mod pty;
mod runbook;
mod search;
#[cfg(test)]
mod terminal;
#[path = "../world/mod.rs"]
mod world;
