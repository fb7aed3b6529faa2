//! What the flows about incidents have in common: the loop that looks for incidents that are over, and the story of one.
//!
//! `gather` asks the platforms for a [`Story`](super::story::Story); `plan` says what to do about one incident and one
//! subject; `run` looks, asks the flow for a draft and sends it; `beside` keeps an incident that finds its subject taken.
//! Never: a second row for the same incident and subject; an incident judged by what a webhook said.

mod beside;
pub mod config;
pub(in crate::agent) mod gather;
pub(in crate::agent) mod plan;
pub(in crate::agent) mod run;

pub use config::Config;
pub use run::IncidentsError;
