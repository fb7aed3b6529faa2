//! The console's side: a person's home, what is cached of the rows, what was signed and not yet delivered, and the
//! exchange with the server.
//!
//! Reading order: [`home`] and [`settings`] are where and who, [`outbox`] and [`cache`] what is kept, [`signer`] the key;
//! [`ticks`] what was said of a live runbook's steps; [`decide`] signs into the outbox, [`plan`] says what to send, [`sync`] does it through [`api`].
//! Never: a decision on the network before it is on disk; a plain key outside the demo.

pub mod api;
pub mod bodies;
pub mod cache;
mod database;
pub mod decide;
pub mod filter;
pub mod home;
pub mod listed;
pub mod outbox;
pub mod plan;
#[cfg(test)]
pub(crate) mod sample;
pub mod session;
pub mod settings;
pub mod signer;
pub mod sync;
pub mod ticks;
pub mod turn;
pub mod why;

use ring::rand::SecureRandom as _;

pub use api::{Api, ApiError};
pub use cache::{Cache, Cached, Halts};
pub use database::StoreError;
pub use decide::{DecideError, Me, Pin, Wish};
pub use home::{Home, HomeError};
pub use listed::{List, Listed};
pub use outbox::{Begun, Entry, Fate, NoteDraft, Outbox};
pub use session::LoginError;
pub use settings::Settings;
pub use signer::{SignError, Signer};
pub use sync::{Exchange, Pulled, Pushed, SyncError};

/// Random bytes of the system; `None` where it gives none.
pub fn chance(bytes: &mut [u8]) -> Option<()> {
    ring::rand::SystemRandom::new().fill(bytes).ok()
}

/// A name that nobody else has: lease holders, idempotency keys.
pub fn random_name() -> Option<String> {
    let mut bytes = [0; 16];
    chance(&mut bytes)?;
    Some(format!("{:032x}", u128::from_be_bytes(bytes)))
}
