//! The agents that Dock brings along: each gathers facts (IO) and drafts a row from them (pure).
//!
//! Never: decides, or writes to a platform. An agent gets a `Source` of each platform, never an `Actuator`.

pub mod argus;
