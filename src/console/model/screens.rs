//! What is open: the screens on each other, each with what its reader has made of it.
//!
//! Never: the row itself; a screen names it, and shows what is known of it now.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;

use super::super::incident::{Happening, Told};
use super::super::widget::diff::{Diff, Line, Shape};
use super::super::widget::list::View;
use crate::client::Listed;
use crate::row::RowId;
use crate::wire::{Span, Telemetry};

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
    Telemetry(TelemetryScreen),
    Outbox(Plain),
    Record(Record),
    Holds(Plain),
    Incident(IncidentScreen),
}

/// What is known of one incident, in the order of time.
#[derive(Clone, Debug)]
pub struct IncidentScreen {
    pub visit: u64,
    pub name: String,
    pub view: View,
    /// `None` while the cache is being read.
    pub cached: Option<Result<Vec<Happening>, String>>,
    pub told: Told,
    /// Both together, as they are shown.
    pub all: Vec<Happening>,
    /// Rows that only the backend has told.
    pub heads: BTreeMap<RowId, Listed>,
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

/// A row's series; the view's cursor is on the one that is drawn.
#[derive(Clone, Debug)]
pub struct TelemetryScreen {
    pub visit: u64,
    pub row: RowId,
    pub view: View,
    pub span: Span,
    /// Where the time in sight ends; `None` is now.
    pub until: Option<Timestamp>,
    pub frozen: Option<Box<Frozen>>,
    pub table: bool,
    pub table_top: usize,
}

/// What was known when the reader asked for it to stand still.
#[derive(Clone, Debug)]
pub struct Frozen {
    pub at: Timestamp,
    pub told: Option<Telemetry>,
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
            Screen::Telemetry(screen) => screen.visit,
            Screen::Outbox(screen) | Screen::Holds(screen) => screen.visit,
            Screen::Incident(screen) => screen.visit,
            Screen::Record(screen) => screen.visit,
        }
    }
}
