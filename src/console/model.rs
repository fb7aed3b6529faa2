//! All that the console remembers: what it knows, what is open, what lies on top, and what stands on the screen.
//!
//! Never: reads or writes anything outside of itself.

mod layers;
mod screens;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::changes::Changes;
use super::dialog::Dialog;
use super::effect::{Attempt, KeyState, Link};
use super::event::Moment;
use super::found::Found;
use super::key::Key;
use super::keymap::{Command, Context, Keymap, SCREENS};
use super::page::{Pager, Rules};
use super::queue::{Group, Known, Queue};
use super::shown::Shown;
use super::telemetry::Telemetry;
use super::theme::{Background, Slot, Theme, Themes, Wish};
use super::widget::chart::Charts;
use super::widget::diff::Diff;
use crate::client::Listed;
use crate::client::filter::Filter;
use crate::row::difference::FileDifference;
use crate::row::digest::{Word, word};
use crate::row::{Base, Digests, Proposal, RowId};
use crate::wire::{Fresh, RowView};

pub use layers::{About, Ask, Layer, Moved, Picking, Reword, Say, Saying, TextKind, TextLayer, Typing};
pub use screens::{
    DiffScreen, Frozen, IncidentScreen, Mode, Plain, Record, RowScreen, Screen, TelemetryScreen,
};

/// Layers that lie on each other; one more is not opened.
pub const LAYERS_MAX: usize = 8;
/// Bodies kept in memory; the rest are in the cache on disk.
pub const BODIES_MAX: usize = 8;
/// The smallest terminal in which one may decide, and in which one may read.
pub const DECIDE_SIZE: (u16, u16) = (60, 18);
pub const READ_SIZE: (u16, u16) = (40, 10);
/// A notice stays this long.
pub const NOTICE_MS: u64 = 4_000;

pub struct Model {
    pub at: Moment,
    pub size: (u16, u16),
    /// Whether the terminal has the reader's eye; `None` where it never said.
    pub focused: Option<bool>,
    pub zone: TimeZone,
    pub keymap: Keymap,
    /// Why the reader's own keys do not hold.
    pub key_errors: Vec<String>,
    pub themes: Themes,
    pub wish: Wish,
    pub background: Option<Background>,
    pub theme: Theme,
    pub charts: Charts,
    /// Nothing moves by itself.
    pub still: bool,
    pub leave_after_ms: u64,
    pub read_only: bool,
    /// Another console decides for this home: its process, 0 where that is not known.
    pub elsewhere: Option<u32>,
    pub page: Rules,
    pub pager: Pager,
    /// When it is to be looked at whether somebody is called.
    pub page_due_ms: u64,
    /// Whose base was last asked for, and when.
    pub base_asked: Option<(RowId, u64)>,
    pub views: Vec<(String, String)>,

    pub known: Known,
    pub link: Link,
    pub key: KeyState,
    /// `:unlock` was asked for, and the key is being looked for.
    pub unlocking: bool,
    pub bodies: BTreeMap<RowId, Body>,
    /// What was on the screen of each row that was opened: what may be signed.
    pub read: BTreeMap<RowId, Pin>,
    /// What the reader began to change of a row, and has not sent.
    pub changes: BTreeMap<RowId, Changes>,
    /// Ticks of ours that are being written.
    pub saving: BTreeMap<RowId, Saving>,
    /// Rows whose changes on disk are those in memory: where none are left in memory, none are kept.
    pub held: BTreeSet<RowId>,
    /// When changes were written last, and when the text that is being typed is to be written.
    pub kept_ms: u64,
    pub keep_due_ms: Option<u64>,
    /// Milliseconds that a revision was looked at.
    pub looked_ms: BTreeMap<(RowId, u32), u64>,
    /// Rows whose body holds a signal that could not be read.
    pub unknown: BTreeSet<RowId>,
    /// Rows whose body was asked for.
    pub loading: BTreeSet<RowId>,
    /// The last row whose body could not be had: not asked for again before something changes.
    pub missed: Option<RowId>,
    /// What is over is being read.
    pub reading_over: bool,
    pub telemetry: Telemetry,

    pub queue: Queue,
    pub filter_text: String,
    pub filter: Filter,
    /// What the backend finds for it.
    pub found: Found,
    pub view_name: String,
    pub passing: BTreeSet<RowId>,
    pub counts: BTreeMap<Group, usize>,
    pub preview: bool,
    /// The rows changed since the list was last looked over.
    pub list_due_ms: Option<u64>,
    /// The row that was just decided from its own screen: going back to the list leads past it.
    pub done_with: Option<RowId>,
    /// The cursor has rested since.
    pub rested_ms: u64,

    /// The queue is always there, below these.
    pub screens: Vec<Screen>,
    pub layers: Vec<Layer>,
    pub prefix: Option<Key>,
    pub notice: Option<Notice>,
    /// Keys that came lately, for bursts and Caps Lock.
    pub recent: Recent,
    /// Counts screens and layers that were opened: tells late answers and early keys.
    pub visits: u64,
    pub standing: Standing,
    pub dirty: bool,
    pub quitting: bool,
    pub panicked: bool,
}

/// Where the console runs: read once, by whoever starts it.
#[derive(Clone, Debug)]
pub struct Surroundings {
    pub zone: TimeZone,
    pub keymap: Keymap,
    pub key_errors: Vec<String>,
    pub themes: Themes,
    pub wish: Wish,
    /// The terminal can show more than ASCII.
    pub utf8: bool,
    /// `charts =` of the config.
    pub charts: Option<String>,
    pub still: bool,
    pub leave_after_ms: u64,
    pub read_only: bool,
    pub elsewhere: Option<u32>,
    /// `[page]`.
    pub page: Rules,
    /// What is wrong with the config, told once.
    pub remarks: Vec<String>,
    pub views: Vec<(String, String)>,
}

/// Views that everybody has; the reader's own come before them, and one of the same name in its place.
const VIEWS: [(&str, &str); 7] = [
    ("now", "state:pending,half_signed"),
    ("mine", "is:mine"),
    ("prod", "env:prod"),
    ("second-key", "is:half_signed"),
    ("standup", "state:declined since:24h"),
    ("handoff", "state:pending,half_signed,approved,executing"),
    ("all", ""),
];

/// What stands on the screen, by the last frame that was written out.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    pub frame: u64,
    /// What each frame that is under way will show.
    pub pending: Option<(u64, Facts)>,
    pub facts: Facts,
    /// When each visit's first frame stood there.
    pub first_ms: BTreeMap<u64, u64>,
}

/// What one frame shows, as far as deciding goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The row that a capital would mean.
    pub row: Option<RowId>,
    /// The revision whose body is drawn.
    pub body: Option<Pin>,
    /// The visits of the screen and of the layer on top.
    pub visits: Vec<u64>,
    /// When the reader began to look: since then the same revision stands there, however often it was drawn.
    pub since_ms: u64,
    /// Until when that was counted.
    pub counted_ms: u64,
}

/// A revision, by everything that a statement is signed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin {
    pub row: RowId,
    pub revision: u32,
    pub digests: Digests,
}

impl Pin {
    pub fn of(view: &RowView) -> Pin {
        Pin { row: view.head.id, revision: view.head.revision, digests: view.digests() }
    }

    /// The word of what was read; a newer revision has another.
    pub fn word(&self) -> Word {
        word(&self.digests.content)
    }
}

/// One row whole, with what was compared for it.
#[derive(Clone, Debug)]
pub struct Body {
    pub view: RowView,
    /// Why the row cannot be decided from here: a digest that does not match what is drawn.
    pub undecidable: Option<String>,
    /// Live against proposed: what is signed.
    pub files: Vec<FileDifference>,
    pub diff: Arc<Diff>,
    /// What this reader had open before: revision, base, and the text where it is still cached.
    pub opened: Option<Opened>,
    pub fresh: Option<Result<Fresh, String>>,
    pub attempts: Option<Result<Vec<Attempt>, String>>,
}

#[derive(Clone, Debug)]
pub struct Opened {
    pub revision: u32,
    pub base: Option<Base>,
    pub at: Timestamp,
    pub view: Option<RowView>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    pub text: Shown,
    pub slot: Slot,
    pub until_ms: u64,
    /// When what it is about leaves: told with the seconds until then.
    pub leaves_at: Option<Timestamp>,
}

impl Notice {
    /// As it reads now.
    pub fn says(&self, now: Timestamp) -> Shown {
        let left = self.leaves_at.map(|at| at.duration_since(now).as_secs()).filter(|left| *left >= 0);
        match left {
            Some(left) => {
                Shown::untrusted(&format!("{} Leaves in {} s; u takes it back.", self.text, left + 1))
            }
            None => self.text.clone(),
        }
    }
}

/// What was written last of a row's ticks, and how much of it is still on its way to the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Saving {
    pub unanswered: usize,
    pub last: Timestamp,
}

/// The last keys' times.
#[derive(Clone, Debug, Default)]
pub struct Recent {
    pub keys_ms: std::collections::VecDeque<u64>,
    pub capital_ms: Option<u64>,
}

impl Model {
    pub fn new(from: Surroundings, at: Moment) -> Self {
        let mut views = from.views;
        let more = VIEWS.iter().filter(|(name, _)| views.iter().all(|(own, _)| own != name)).copied();
        let more: Vec<(String, String)> =
            more.map(|(name, filter)| (name.to_owned(), filter.to_owned())).collect();
        views.extend(more);
        let mut model = Self {
            at,
            size: (80, 24),
            focused: None,
            zone: from.zone,
            keymap: from.keymap,
            key_errors: from.key_errors,
            themes: from.themes,
            wish: from.wish,
            background: None,
            theme: Theme::bare(),
            charts: Charts::of(from.charts.as_deref(), from.utf8),
            still: from.still,
            leave_after_ms: from.leave_after_ms,
            read_only: from.read_only,
            elsewhere: from.elsewhere,
            page: from.page,
            pager: Pager::default(),
            page_due_ms: at.ms,
            base_asked: None,
            views,
            known: Known::default(),
            link: Link::default(),
            key: KeyState::default(),
            unlocking: false,
            bodies: BTreeMap::new(),
            read: BTreeMap::new(),
            changes: BTreeMap::new(),
            saving: BTreeMap::new(),
            held: BTreeSet::new(),
            kept_ms: 0,
            keep_due_ms: None,
            looked_ms: BTreeMap::new(),
            unknown: BTreeSet::new(),
            loading: BTreeSet::new(),
            missed: None,
            reading_over: false,
            telemetry: Telemetry::default(),
            queue: Queue::default(),
            filter_text: String::new(),
            filter: Filter::default(),
            found: Found::default(),
            view_name: String::new(),
            passing: BTreeSet::new(),
            counts: BTreeMap::new(),
            preview: true,
            list_due_ms: None,
            done_with: None,
            rested_ms: at.ms,
            screens: Vec::new(),
            layers: Vec::new(),
            prefix: None,
            notice: None,
            recent: Recent::default(),
            visits: 0,
            standing: Standing::default(),
            dirty: true,
            quitting: false,
            panicked: false,
        };
        super::update::retheme(&mut model);
        if let Some(remark) = from.remarks.first() {
            model.tell(Slot::Watch, remark);
        }
        model
    }

    /// The contexts that hold now, the nearest first.
    pub fn contexts(&self) -> &'static [Context] {
        let named =
            |name: &str| SCREENS.iter().find(|(known, _)| *known == name).map_or(&[][..], |(_, all)| *all);
        match self.layers.last() {
            Some(Layer::Decision(_) | Layer::Ask(_)) => named("dialog"),
            Some(
                Layer::Filter(_)
                | Layer::Search(_)
                | Layer::Unlock(_)
                | Layer::Halt(_)
                | Layer::Palette(_)
                | Layer::Views(_)
                | Layer::Themes(_)
                | Layer::Copy(_)
                | Layer::Say(_),
            ) => named("input"),
            Some(Layer::Reword(_)) => named("words"),
            Some(Layer::Text(_) | Layer::Moved(_)) => named("record"),
            None => self.screen_contexts(),
        }
    }

    /// Those of the screen below the layers.
    pub fn screen_contexts(&self) -> &'static [Context] {
        let name = match self.screens.last() {
            None => "queue",
            Some(Screen::Row(screen)) => {
                match self.body(screen.row).and_then(|body| body.view.proposal.as_ref()) {
                    Some(Proposal::Edit(_)) => "edit",
                    Some(Proposal::Live(_)) => "live",
                    Some(Proposal::Paper(_)) => "paper",
                    None => "row",
                }
            }
            Some(Screen::Diff(_)) => "diff",
            Some(Screen::Telemetry(_)) => "telemetry",
            Some(Screen::Outbox(_)) => "outbox",
            Some(Screen::Record(_) | Screen::Holds(_) | Screen::Incident(_)) => "record",
        };
        SCREENS.iter().find(|(known, _)| *known == name).map_or(&[][..], |(_, all)| *all)
    }

    /// The row that a decision here would be about.
    pub fn subject(&self) -> Option<RowId> {
        match self.screens.last() {
            None => self.queue.row(),
            Some(Screen::Row(screen)) => Some(screen.row),
            Some(Screen::Diff(screen)) => Some(screen.row),
            Some(Screen::Telemetry(screen)) => Some(screen.row),
            Some(Screen::Record(screen)) => screen.row,
            Some(Screen::Outbox(_) | Screen::Holds(_) | Screen::Incident(_)) => None,
        }
    }

    pub fn head(&self, row: RowId) -> Option<&Listed> {
        let known = self.known.rows.get(&row).or_else(|| self.queue.ghosts.get(&row));
        let told = || {
            self.screens.iter().find_map(|screen| match screen {
                Screen::Incident(screen) => screen.heads.get(&row),
                _ => None,
            })
        };
        known.or_else(|| self.found.head(row)).or_else(told)
    }

    /// The row is in this home's list, read or counted.
    pub fn knows(&self, row: RowId) -> bool {
        self.head(row).is_some() || self.known.over.contains_key(&row)
    }

    pub fn body(&self, row: RowId) -> Option<&Body> {
        self.bodies.get(&row)
    }

    /// How many rows want this.
    pub fn count(&self, group: Group) -> usize {
        self.counts.get(&group).copied().unwrap_or(0)
    }

    pub fn now(&self) -> Timestamp {
        self.at.now
    }

    pub fn visit(&mut self) -> u64 {
        self.visits += 1;
        self.visits
    }

    pub fn tell(&mut self, slot: Slot, text: &str) {
        let until_ms = self.at.ms + NOTICE_MS;
        self.notice = Some(Notice { text: Shown::untrusted(text), slot, until_ms, leaves_at: None });
        self.dirty = true;
    }

    /// What the frame that is drawn now will show.
    pub fn facts(&self) -> Facts {
        let row = self.subject();
        let drawn = |row: &RowId| self.body(*row).map(|body| Pin::of(&body.view));
        // In a wide terminal the whole row stands beside the list.
        let beside = self.screens.is_empty() && super::layout::is_wide(self);
        let shows_body = beside || matches!(self.screens.last(), Some(Screen::Row(_) | Screen::Diff(_)));
        let visits =
            self.screens.last().map(Screen::visit).into_iter().chain(self.layers.last().map(Layer::visit));
        Facts {
            row,
            body: row.as_ref().filter(|_| shows_body).and_then(drawn),
            visits: visits.collect(),
            since_ms: self.at.ms,
            counted_ms: self.at.ms,
        }
    }

    pub fn too_small_to_decide(&self) -> bool {
        self.size.0 < DECIDE_SIZE.0 || self.size.1 < DECIDE_SIZE.1
    }

    pub fn too_small_to_read(&self) -> bool {
        self.size.0 < READ_SIZE.0 || self.size.1 < READ_SIZE.1
    }

    /// The dialog, wherever it lies.
    pub fn dialog(&self) -> Option<&Dialog> {
        self.layers.iter().rev().find_map(|layer| match layer {
            Layer::Decision(dialog) => Some(dialog.as_ref()),
            _ => None,
        })
    }

    pub fn dialog_mut(&mut self) -> Option<&mut Dialog> {
        self.layers.iter_mut().rev().find_map(|layer| match layer {
            Layer::Decision(dialog) => Some(dialog.as_mut()),
            _ => None,
        })
    }

    /// Why a command cannot be done now; `None` where it can.
    pub fn disabled(&self, command: Command) -> Option<String> {
        super::decide::disabled(self, command)
    }
}
