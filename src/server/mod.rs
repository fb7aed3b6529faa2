//! The backend.

pub mod executor;
