//! What lies on top of the screens and sees a key first.
//!
//! Never: more than one closed by one key.

use tui_textarea::TextArea;

use super::super::dialog::Dialog;
use super::super::keymap::Context;
use super::super::line::Line;
use super::super::widget::list::View;
use crate::client::why::Said;
use crate::row::RowId;

#[derive(Clone, Debug)]
pub enum Layer {
    Decision(Box<Dialog>),
    /// What moved while a dialog was open.
    Moved(Moved),
    Ask(Ask),
    Filter(Typing),
    Search(Typing),
    Palette(Picking),
    Views(Picking),
    Themes(Picking),
    Copy(Picking),
    Unlock(Typing),
    /// Why everything is to be halted.
    Halt(Typing),
    /// A few words on one thing of a row.
    Say(Say),
    /// Other words for an operation.
    Reword(Box<Reword>),
    /// Text to read: help, the exact statement, something to select by hand.
    Text(TextLayer),
}

#[derive(Clone, Debug)]
pub struct Moved {
    pub visit: u64,
    pub lines: Vec<String>,
    pub view: View,
}

/// A question that `y` answers.
#[derive(Clone, Debug)]
pub struct Ask {
    pub visit: u64,
    pub about: About,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    TakeBack {
        row: RowId,
        id: crate::row::DecisionId,
    },
    SendNow {
        row: RowId,
        id: crate::row::DecisionId,
    },
    /// The reader's changes become the revision after this one; with a merge, on the page as it is now.
    Amend {
        row: RowId,
        revision: u32,
        merge: bool,
    },
    DropChanges {
        row: RowId,
    },
    /// Everything stands still, for this reason.
    Halt {
        note: String,
    },
    Quit {
        unsent: usize,
        drafts: usize,
        changed: usize,
    },
}

#[derive(Clone, Debug)]
pub struct Typing {
    pub visit: u64,
    pub input: Line,
    /// What stood there before, for leaving it as it was.
    pub before: String,
    pub error: Option<String>,
}

/// A line that is typed about one thing of a row.
#[derive(Clone, Debug)]
pub struct Say {
    pub row: RowId,
    pub about: Saying,
    pub typing: Typing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Saying {
    /// What became of a step, by its number.
    Step(usize),
    /// A line of the reader's own: a new one, or the one of this number.
    Line(Option<usize>),
    /// A sentence of the reader's own, a new one or one of those already written, or the answer to the open question under
    /// the cursor.
    Sentence { own: Option<usize>, question: Option<usize> },
}

/// Other words for an operation of an edit or a sentence of a post-mortem, while they are written.
#[derive(Clone, Debug)]
pub struct Reword {
    pub visit: u64,
    pub row: RowId,
    pub number: usize,
    pub area: TextArea<'static>,
    /// What the row says.
    pub before: String,
}

impl Reword {
    pub const BYTES_MAX: usize = 32 * 1024;

    pub fn text(&self) -> String {
        self.area.lines().join("\n")
    }
}

/// A list to choose from.
#[derive(Clone, Debug)]
pub struct Picking {
    pub visit: u64,
    pub input: Line,
    pub view: View,
    pub before: String,
}

#[derive(Clone, Debug)]
pub struct TextLayer {
    pub visit: u64,
    pub kind: TextKind,
    pub view: View,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextKind {
    Help {
        contexts: &'static [Context],
    },
    Statement(String),
    Plain(String),
    /// Why a line stands on a page; `None` while it is asked. Each line with the row that it tells of.
    Why(Option<Vec<Said>>),
}

impl Layer {
    pub fn visit(&self) -> u64 {
        match self {
            Layer::Decision(dialog) => dialog.visit,
            Layer::Moved(moved) => moved.visit,
            Layer::Ask(ask) => ask.visit,
            Layer::Filter(typing) | Layer::Search(typing) | Layer::Unlock(typing) | Layer::Halt(typing) => {
                typing.visit
            }
            Layer::Palette(picking)
            | Layer::Views(picking)
            | Layer::Themes(picking)
            | Layer::Copy(picking) => picking.visit,
            Layer::Say(say) => say.typing.visit,
            Layer::Reword(reword) => reword.visit,
            Layer::Text(text) => text.visit,
        }
    }
}
