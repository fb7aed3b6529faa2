//! What the console asks of the world, and what it hears back. Behaviour makes effects as data; [`home`] does
//! those that need this machine alone, [`net`] those that ask the backend.
//!
//! An answer carries the row and the visit that asked; one whose screen went meanwhile is dropped.
//!
//! Never: done on the way to a frame. The screen shows what it knows and is told later.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use zeroize::Zeroizing;

use super::incident::{Happening, Told as IncidentTold};
use super::model::{Body, Mode, Pin};
use super::page::Call;
use super::telemetry::Look;
use super::widget::diff::Diff;
use crate::client::outbox::Seen;
use crate::client::{Begun, Entry, Halts, List, Listed, Me, NoteDraft};
use crate::row::difference::FileDifference;
use crate::row::page::origin::Told;
use crate::row::search::Query;
use crate::row::{Amendment, Decision, DecisionId, Hold, RowId};
use crate::wire::{Fresh, RowFound, RowView, Telemetry, Untold};

pub mod home;
pub mod net;

/// Something to be done.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Read a row's body from the cache, and from the backend where the cache has none.
    LoadRow {
        row: RowId,
    },
    /// Read the lines of what is over: somebody looks at them.
    LoadOver,
    /// Compare two texts for another mode of the difference.
    Compare {
        row: RowId,
        visit: u64,
        mode: Mode,
        files: Vec<FileDifference>,
        loose: bool,
    },
    /// Ask the backend in which rows the filter's words stand.
    Find {
        number: u64,
        query: Query,
    },
    /// Ask which rows put this line on this page.
    Why {
        visit: u64,
        page: String,
        line: String,
    },
    /// Read the base now.
    Fresh {
        row: RowId,
    },
    /// Every attempt on a row, with its place in the record.
    History {
        row: RowId,
    },
    /// Read the live series of a row now.
    Series {
        look: Look,
    },
    /// What was on the screen, for "since you opened it".
    MarkSeen(Seen),
    /// How it ended has been looked at.
    MarkOpened(RowId),
    SaveDraft(NoteDraft),
    /// The draft of a live row. Of the steps in `said` its words are the newest; of the others what lies on the disk.
    SaveTicks {
        draft: NoteDraft,
        said: BTreeSet<usize>,
    },
    DropDraft {
        row: RowId,
        revision: u32,
    },
    /// What the reader began to change of a proposal, as it is now.
    SaveBegun(Begun),
    DropBegun {
        row: RowId,
    },
    /// Which key would sign.
    Key,
    /// A passphrase for a key file.
    Unlock(Secret),
    ForgetKey,
    /// Deciding was switched on: this console takes its turn among those of the home.
    TakeTurn,
    /// The home is ours now: what the other console left is read again.
    TakeOver,
    Sign(Box<Order>),
    TakeBack {
        row: RowId,
        id: DecisionId,
    },
    SendNow(DecisionId),
    /// A reviewer's changes, to become the next revision.
    Amend {
        row: RowId,
        revision: u32,
        amendment: Box<Amendment>,
    },
    /// What the cache knows of an incident.
    Incident {
        visit: u64,
        name: String,
    },
    /// What the backend knows of it: rows that are not cached, and the incidents like it.
    AskIncident {
        visit: u64,
        name: String,
    },
    /// Everything is to stand still, for this reason.
    Halt {
        note: String,
    },
    /// Ask the backend now.
    SyncNow,
    /// The note in the reader's own editor, over the whole terminal.
    Edit {
        text: String,
    },
    /// The theme that the reader chose, for the next time too.
    SaveTheme(String),
    Copy(String),
    OpenUrl(String),
    /// Call for the reader.
    Page(Call),
    Suspend,
    /// Paint everything anew.
    Redraw,
    Quit,
}

/// A passphrase on its way to the signer. Shows nothing of itself.
#[derive(Clone)]
pub struct Secret(pub Zeroizing<String>);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// One decision to be signed: exactly what stood on the screen, and what its author adds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    pub pin: Pin,
    pub decision: Decision,
    pub overrides: bool,
    /// `name=value`, as typed and checked.
    pub conditions: Vec<(String, String)>,
    /// Empty where none is given.
    pub note: String,
    pub on_screen_s: u64,
    /// The backend was away.
    pub offline: bool,
}

/// What came of an effect, or from the home by itself.
#[derive(Clone, Debug)]
pub enum Answer {
    /// The whole list, as at the start.
    Known(Box<Snapshot>),
    /// Every row, read anew.
    All {
        rows: Vec<Listed>,
        holds: Vec<Hold>,
        me: Option<Me>,
    },
    /// Rows that changed, and those that the backend no longer lists.
    Changed {
        rows: Vec<Listed>,
        gone: Vec<RowId>,
    },
    /// The rows that are over, which the start only counted.
    Over(Result<Vec<Listed>, String>),
    /// What the backend found for the question of this number.
    Found {
        number: u64,
        found: Result<Vec<RowFound>, String>,
    },
    Holds(Vec<Hold>),
    /// Signed decisions, newest first, and notes.
    Outbox {
        entries: Vec<Entry>,
        drafts: Vec<NoteDraft>,
    },
    /// Ticks of ours have been written, or could not be: what lies on the disk since follows.
    TicksKept(RowId),
    /// What another console of this home began to change, and left.
    Begun(Vec<Begun>),
    Link(Link),
    Row {
        row: RowId,
        body: Result<Box<Body>, String>,
    },
    Compared {
        row: RowId,
        visit: u64,
        mode: Mode,
        diff: Arc<Diff>,
    },
    Fresh {
        row: RowId,
        fresh: Result<Box<Fresh>, String>,
    },
    History {
        row: RowId,
        attempts: Result<Vec<Attempt>, String>,
    },
    Series {
        look: Look,
        series: Result<Box<Telemetry>, String>,
    },
    Key(KeyState),
    /// The console that held the outbox has ended.
    Alone,
    /// Signed and on disk, or why not; nothing was signed then.
    Signed {
        row: RowId,
        signed: Result<Box<Entry>, String>,
    },
    TakenBack {
        row: RowId,
        taken: bool,
    },
    /// The revision that the changes became, or why they did not.
    Amended {
        row: RowId,
        revision: Result<u32, String>,
    },
    Incident {
        visit: u64,
        known: Result<Vec<Happening>, String>,
    },
    IncidentTold {
        visit: u64,
        told: IncidentTold,
    },
    Why {
        visit: u64,
        told: Box<WhyTold>,
    },
    Edited(Result<String, String>),
    /// Something to tell in the footer.
    Told(String),
}

/// What rows did to a line of a page.
#[derive(Clone, Debug, Default)]
pub struct WhyTold {
    /// `None` where no row wrote or touched it.
    pub line: Option<Told>,
    /// The rows about the page.
    pub views: Vec<RowView>,
    /// Why the backend was not asked, and since when what is kept here stands.
    pub away: Option<(String, Option<Timestamp>)>,
}

/// The list as the cache has it.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    pub me: Option<Me>,
    pub list: List,
    pub holds: Vec<Hold>,
    pub seen: Vec<Seen>,
    pub entries: Vec<Entry>,
    pub drafts: Vec<NoteDraft>,
    pub begun: Vec<Begun>,
    pub link: Link,
}

/// How things stand with the backend.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Link {
    pub state: LinkState,
    /// When the cache was last known to be true.
    pub synced_at: Option<Timestamp>,
    /// When it is tried again.
    pub next_at: Option<Timestamp>,
    /// This clock against the server's; positive is ahead.
    pub clock_ahead_s: i64,
    pub halts: Halts,
    /// Whom the backend cannot tell anything now.
    pub untold: Vec<Untold>,
    /// The server could not prove what was seen here at this time.
    pub broken: Option<Timestamp>,
    /// The demo's own organisation.
    pub demo: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LinkState {
    /// Nothing was heard yet.
    #[default]
    Starting,
    NoServer,
    Synced,
    Offline {
        since: Timestamp,
    },
    SignedOut {
        since: Timestamp,
    },
}

impl Link {
    /// What is shown may be behind the world.
    pub fn away(&self) -> bool {
        !matches!(self.state, LinkState::Synced)
    }
}

/// The key that would sign.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum KeyState {
    #[default]
    Unasked,
    Ready {
        fingerprint: String,
        kind: String,
        touch: bool,
    },
    /// A file with a passphrase, not given yet.
    Locked {
        file: String,
        /// Type and fingerprint.
        key: String,
        /// A passphrase was given, and was another.
        wrong: bool,
    },
    Missing(String),
}

/// One entry of the record, about a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    pub index: u64,
    pub at: Timestamp,
    pub actor: String,
    pub event: String,
    /// What it says, in words.
    pub detail: String,
}
