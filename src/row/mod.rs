//! The vocabulary: what a row is, in the words that code, API, screens and docs share.
//!
//! Never: IO, the clock, the network; nothing of ours outside this folder is named here.
