//! Named places between two steps of a decision's life, where a test can end the process as kill -9 would.
//!
//! Never: in a release build, where reaching one is nothing at all.

/// Ends the process here if `DOCK_STOP_AT` names this place.
#[cfg(debug_assertions)]
pub fn reach(name: &str) {
    if crate::config::environment("DOCK_STOP_AT").is_some_and(|at| at == name) {
        std::process::abort();
    }
}

/// Nothing.
#[cfg(not(debug_assertions))]
pub fn reach(_: &str) {}
