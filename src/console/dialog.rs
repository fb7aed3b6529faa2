//! The decision dialog: which row, in which revision, what will be done, the note, and the field that signs.
//!
//! Never: decides by a key that was meant for something else. `Enter` signs in the sign field alone, and what must
//! stand there is typed by hand.

use std::collections::BTreeMap;

use jiff::Timestamp;
use tui_textarea::TextArea;

use super::conditions::Conditions;
use super::key::Key;
use super::model::Pin;
use super::widget::area;
use crate::row::{Decision, Note, Risk, Verdict};

/// Rows that one dialog decides at most.
pub const BATCH_MAX: usize = 8;
/// A key counts only this long after the dialog's first frame stood on the screen.
pub const SETTLED_MS: u64 = 250;
/// The note is saved this long after it was touched.
pub const SAVE_AFTER_MS: u64 = 1_000;

/// What the dialog was opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    Approve,
    Conditions,
    Decline,
    Override,
    NeedsChanges,
    Withdraw,
}

impl Verb {
    /// As the draft of a note is filed.
    pub fn word(self) -> &'static str {
        match self {
            Verb::Approve => "approve",
            Verb::Conditions => "conditions",
            Verb::Decline => "decline",
            Verb::Override => "override",
            Verb::NeedsChanges => "needs-changes",
            Verb::Withdraw => "withdraw",
        }
    }

    pub fn named(word: &str) -> Option<Verb> {
        let all = [
            Self::Approve,
            Self::Conditions,
            Self::Decline,
            Self::Override,
            Self::NeedsChanges,
            Self::Withdraw,
        ];
        all.into_iter().find(|verb| verb.word() == word)
    }

    pub fn decision(self, verdict: Verdict) -> Decision {
        match self {
            Verb::Approve | Verb::Conditions => Decision::Approve,
            Verb::Override if verdict.goes_ahead() => Decision::Decline,
            Verb::Override => Decision::Approve,
            Verb::Decline => Decision::Decline,
            Verb::NeedsChanges => Decision::NeedsChanges,
            Verb::Withdraw => Decision::Withdraw,
        }
    }

    /// The row will say "overridden": asked for by name, or a decline of what the agent would do.
    pub fn overrides(self, verdict: Verdict) -> bool {
        self == Verb::Override || (self == Verb::Decline && verdict.goes_ahead())
    }

    /// Declines, overrides and needs-changes carry a note, always.
    pub fn needs_note(self) -> bool {
        matches!(self, Verb::Decline | Verb::Override | Verb::NeedsChanges)
    }

    /// A no is always safe: a decline may go on against the revision that was seen.
    pub fn goes_on(self, verdict: Verdict) -> bool {
        self.decision(verdict) == Decision::Decline
    }
}

/// What must be typed into the sign field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Demand {
    Yes,
    Word(String),
}

impl Demand {
    pub fn of(verb: Verb, risk: Risk, word: &str) -> Demand {
        match verb {
            Verb::Decline | Verb::NeedsChanges | Verb::Withdraw => Demand::Yes,
            Verb::Approve | Verb::Conditions if risk == Risk::Reversible => Demand::Yes,
            Verb::Approve | Verb::Conditions | Verb::Override => Demand::Word(word.to_owned()),
        }
    }

    pub fn text(&self) -> &str {
        match self {
            Demand::Yes => "y",
            Demand::Word(word) => word,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    Conditions,
    Note,
    Sign,
}

#[derive(Clone, Debug)]
pub struct Dialog {
    pub visit: u64,
    pub verb: Verb,
    /// What stood on the screen when the key came; several in a batch.
    pub pins: Vec<Pin>,
    pub verdict: Verdict,
    pub demand: Demand,
    pub note: TextArea<'static>,
    pub note_wanted: bool,
    pub conditions: Conditions,
    /// What became of a live runbook's steps: signed with the decision, and changed on the row alone.
    pub ticks: BTreeMap<String, String>,
    pub typed: String,
    pub focus: Field,
    /// The first line of the body on the screen, where it is longer than the dialog.
    pub top: usize,
    /// When the note was begun.
    pub since: Timestamp,
    /// The note was touched then and is not saved.
    pub touched_ms: Option<u64>,
    /// The pin broke: what is on the screen is no longer what the row is.
    pub broken: bool,
    /// Nothing can be decided on it any more.
    pub over: bool,
    /// Signatures that are under way.
    pub signing: usize,
    pub error: Option<String>,
}

impl Dialog {
    pub fn fields(&self) -> &'static [Field] {
        match self.verb {
            Verb::Conditions => &[Field::Conditions, Field::Note, Field::Sign],
            _ => &[Field::Note, Field::Sign],
        }
    }

    pub fn next(&mut self, step: isize) {
        let fields = self.fields();
        let at = fields.iter().position(|field| *field == self.focus).unwrap_or(0);
        let to = (at.cast_signed() + step).rem_euclid(fields.len().cast_signed()).unsigned_abs();
        self.focus = fields[to];
        // What was typed to sign does not wait there for a stray Enter.
        self.typed.clear();
        self.top = 0;
    }

    /// What the approval is to carry: the ticks of a live runbook; else none but in the dialog that asks for them.
    pub fn agreed(&self) -> BTreeMap<String, String> {
        match self.verb {
            Verb::Conditions => self.conditions.map(),
            _ if self.verb.decision(self.verdict) == Decision::Approve => self.ticks.clone(),
            _ => BTreeMap::new(),
        }
    }

    pub fn note_text(&self) -> String {
        self.note.lines().join("\n")
    }

    pub fn set_note(&mut self, text: &str) {
        self.note = area::text_area(text);
    }

    /// Takes text into the note: what is not printable is left out; more than the limit is cut. Returns what went.
    pub fn insert_note(&mut self, text: &str) -> usize {
        area::insert(&mut self.note, text, Note::BYTES_MAX)
    }

    /// A key that writes or moves in the note; false where it is none of those.
    pub fn note_key(&mut self, key: Key) -> bool {
        area::press(&mut self.note, key, Note::BYTES_MAX)
    }

    /// Why the fields do not allow signing yet; the sign field's own text is not looked at.
    pub fn missing(&self) -> Option<String> {
        if self.verb == Verb::Conditions
            && let Some(what) = self.conditions.missing()
        {
            return Some(what);
        }
        let note = self.note_text();
        if note.trim().is_empty() && !self.verb.needs_note() && !self.note_wanted {
            return None;
        }
        Note::parse(&note).err().map(|error| error.to_string())
    }

    pub fn is_batch(&self) -> bool {
        self.pins.len() > 1
    }
}
