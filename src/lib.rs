//! Dock: the place where an on-call engineer judges what agents propose.
//!
//! The code map, in reading order, comes with the rooms.

pub mod agent;
pub mod audit;
pub mod cli;
pub mod client;
pub mod clock;
pub mod config;
pub mod console;
pub mod lifecycle;
pub mod platform;
pub mod policy;
pub mod row;
pub mod server;
pub mod simulator;
pub mod stop_point;
pub mod store;
pub mod wire;
