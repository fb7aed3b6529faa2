//! Dock: the place where an on-call engineer judges what agents propose.
//!
//! A pure middle says what a row is, what a decision needs, what may follow what, and how history is sealed. Around it
//! are ports that touch the world. On top are programs that share nothing but the middle: agents, server, console.
//! `tests/tidy.rs` holds who may name whom; `tests/life_of_a_decision.rs` walks one decision through all rooms.
//!
//! # The code map, in reading order
//!
//! **The middle, pure.** No IO, no clock, no network; `now` and chance are arguments.
//!
//! * [`row`] is the vocabulary: ids, drafts, signals, the five kinds, stages, keys, notes, refusals; canonical JSON and the
//!   digests. One reading of an application, a run or a page gives base, effect, difference and risk. `row::search` finds rows
//!   again: one language, one rank, for everybody. `row::waiting` is all that may happen to a pipeline that waits at Dock
//!   itself. Names nothing of ours.
//! * [`policy`] says who may do what, how many keys a row needs (the counting), and what may pass without a person (Cedar).
//! * [`lifecycle`] is one function, `apply(ruling, row, step, now)`: all that may ever happen to a row.
//! * [`audit`] makes and checks the record: statements, signatures, the Merkle log, checkpoints, evidence packs.
//! * [`wire`] holds the JSON bodies that client and server exchange.
//!
//! **The ports.** Each touches one part of the world and knows nothing of the others.
//!
//! * [`store`] is the server's database: one trait whose only write is `commit`; memory and SQLite under one suite.
//! * [`platform`] speaks to each platform: ArgoCD, GitHub, PagerDuty, what measures, plans, keeps pages and chats. Agents get a `Source`; the executor alone an `Actuator`.
//! * [`clock`] is the one clock; [`config`] reads files and the environment, and says which key was meant.
//!
//! **The programs.**
//!
//! * [`agent`] gathers (IO) and drafts (pure). Argus watches ArgoCD, the gatekeeper what waits on GitHub or at Dock itself,
//!   scribe and chronicler the incidents that end. Rules decide; a language model may have a say in the words.
//! * [`server`] is the API on one screen, the judge of drafts and decisions, and the executor.
//! * [`client`] is the person's side: cache, outbox, signer, the pure plan of a sync, the typed calls.
//! * [`console`] is the full-screen program: one event queue, `update` for behaviour, `draw` for appearance, effects for IO.
//! * [`cli`] has one file per command. [`simulator`] plays the platforms on loopback, for the demo and the tests.
//! * [`stop_point`] ends the process at a named step of a decision's life, in test builds alone.

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
