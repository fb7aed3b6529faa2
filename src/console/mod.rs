//! The console: one full-screen program in which the on-call reads a draft, its evidence and what moved, and decides.
//!
//! Never: names the store, the server, a platform or an agent; all it knows of the world comes through `client`.

pub mod canvas;
pub mod key;
pub mod keymap;
pub mod shown;
pub mod terminal;
pub mod theme;
pub mod widget;

/// The candidate that a mistyped word most likely meant, if any is near.
pub(crate) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let near = |candidate: &&str| {
        let ratio = similar::TextDiff::from_chars(word, *candidate).ratio();
        (ratio * 1000.0) as u32
    };
    candidates.into_iter().max_by_key(near).filter(|candidate| near(candidate) >= 400)
}
