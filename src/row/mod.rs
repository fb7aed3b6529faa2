//! The vocabulary: what a row is, in the words that code, API, screens and docs share.
//!
//! Never: IO, the clock, the network; nothing of ours outside this folder is named here.

pub mod base;
pub mod c1;
pub mod change;
pub mod decision;
pub mod difference;
pub mod digest;
pub mod event;
pub mod id;
pub mod note;
pub mod principal;
pub mod rule;
pub mod signal;
pub mod stage;
pub mod sync;
pub mod yaml;

pub use base::{Base, Effect, Moved};
pub use decision::{Decision, DecisionId, Touch};
pub use digest::{Digest, Word};
pub use event::Event;
pub use id::{Kind, RowId};
pub use note::Note;
pub use principal::{PrincipalId, PrincipalKind};
pub use rule::{Attributes, Filter, Risk, Rule, Threshold};
pub use signal::{Grade, Pointer, Series, Signal, Weight};
pub use stage::{How, Stage, State};
