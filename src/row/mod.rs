//! The vocabulary: what a row is, in the words that code, API, screens and docs share.
//!
//! Never: IO, the clock, the network; nothing of ours outside this folder is named here.

pub mod c1;
pub mod decision;
pub mod digest;
pub mod event;
pub mod id;
pub mod note;
pub mod principal;

pub use decision::{Decision, DecisionId, Touch};
pub use digest::{Digest, Word};
pub use event::Event;
pub use id::{Kind, RowId};
pub use note::Note;
pub use principal::{PrincipalId, PrincipalKind};
