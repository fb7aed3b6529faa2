//! What is open: the screens on each other, each with what its reader has made of it.
//!
//! Never: the row itself; a screen names it, and shows what is known of it now.

use std::sync::Arc;

use super::super::widget::diff::{Diff, Line, Shape};
use super::super::widget::list::View;
use crate::row::RowId;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    Draft,
    SinceDraft,
    SinceOpened,
}

impl Mode {
    pub fn words(self) -> &'static str {
        match self {
            Mode::Draft => "draft",
            Mode::SinceDraft => "since draft",
            Mode::SinceOpened => "since opened",
        }
    }

    #[must_use]
    pub fn next(self) -> Mode {
        match self {
            Mode::Draft => Mode::SinceDraft,
            Mode::SinceDraft => Mode::SinceOpened,
            Mode::SinceOpened => Mode::Draft,
        }
    }
}

#[derive(Clone, Debug)]
pub enum Screen {
    Row(RowScreen),
    Diff(DiffScreen),
    Outbox(Plain),
    Record(Record),
    Holds(Plain),
}

#[derive(Clone, Debug)]
pub struct RowScreen {
    pub visit: u64,
    pub row: RowId,
    pub view: View,
    /// One part over the whole screen.
    pub zoom: Option<usize>,
    pub search: String,
}

#[derive(Clone, Debug)]
pub struct DiffScreen {
    pub visit: u64,
    pub row: RowId,
    pub mode: Mode,
    pub shape: Shape,
    pub loose: bool,
    pub wrap: bool,
    pub sideways: usize,
    pub view: View,
    /// What is compared in this mode; `None` while it is being compared.
    pub diff: Option<Arc<Diff>>,
    pub lines: Arc<Vec<Line>>,
    pub search: String,
}

#[derive(Clone, Debug, Default)]
pub struct Plain {
    pub visit: u64,
    pub view: View,
}

#[derive(Clone, Debug)]
pub struct Record {
    pub visit: u64,
    /// One row's history; without, the newest attempts that this home knows.
    pub row: Option<RowId>,
    pub view: View,
}

impl Screen {
    pub fn visit(&self) -> u64 {
        match self {
            Screen::Row(screen) => screen.visit,
            Screen::Diff(screen) => screen.visit,
            Screen::Outbox(screen) | Screen::Holds(screen) => screen.visit,
            Screen::Record(screen) => screen.visit,
        }
    }
}
