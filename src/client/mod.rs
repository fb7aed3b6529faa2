//! The console's side: a person's home, what is cached of the rows, what was signed and not yet delivered, and the
//! exchange with the server.
//!
//! Reading order: [`home`] and [`settings`] are where and who, [`outbox`] what is kept, [`signer`] the key.
//! Never: a decision on the network before it is on disk; a plain key outside the demo.

pub mod api;
mod database;
pub mod filter;
pub mod home;
pub mod outbox;
pub mod settings;
pub mod signer;

pub use database::StoreError;
pub use home::{Home, HomeError};
pub use outbox::{Entry, Fate, NoteDraft, Outbox};
pub use settings::Settings;
