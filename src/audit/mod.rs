//! The record: what is signed, how history is sealed, and how a stranger checks it.
//!
//! Reading order: [`statement`] and [`admin`] are what people sign, [`sshsig`] how; [`leaf`] is one entry of the
//! log, [`merkle`] its tree, [`note`] its signed head, [`proof`] an entry's place in it; [`authority`] replays who
//! held which key when; [`pack`] and [`verify`] carry all that to someone who does not trust us.
//! Never: IO, a clock, chance; a lenient reading of anything that was signed or hashed.

pub mod admin;
pub mod agent_protocol;
pub mod authority;
mod fields;
pub mod leaf;
pub mod merkle;
pub mod note;
pub mod pack;
mod page;
pub mod private_key;
pub mod proof;
mod ssh_wire;
pub mod sshsig;
pub mod statement;
pub mod verify;

pub use fields::FormError;

#[cfg(test)]
mod example;
#[cfg(test)]
mod tests;
