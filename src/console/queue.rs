//! The queue: what waits, grouped by what it wants from its reader, in an order that does not change under the eye.
//!
//! Never: moves the cursor's row to another line by itself. A new order waits, and flows around that row.

pub mod marks;
mod rank;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

pub use rank::rank;

use crate::client::{Begun, Entry, Fate, Listed, Me, NoteDraft, outbox::Seen};
use crate::row::{Decision, Hold, PrincipalId, RowId, State};

/// What a row wants from its reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Group {
    CameBack,
    ForYou,
    SecondKey,
    Others,
    Running,
    Done,
}

impl Group {
    pub fn title(self) -> &'static str {
        match self {
            Group::CameBack => "CAME BACK",
            Group::ForYou => "FOR YOU",
            Group::SecondKey => "SECOND KEY",
            Group::Others => "WAITS FOR OTHERS",
            Group::Running => "RUNNING",
            Group::Done => "DONE TODAY",
        }
    }
}

/// How the list is cut into groups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Grouping {
    #[default]
    ByWant,
    BySubject,
    None,
}

/// Everything that the queue is computed from, as the home has it.
#[derive(Clone, Debug, Default)]
pub struct Known {
    pub me: Option<Me>,
    pub rows: BTreeMap<RowId, Listed>,
    /// What is over and was only counted, with when it last changed; read when somebody looks at it.
    pub over: BTreeMap<RowId, Timestamp>,
    pub holds: Vec<Hold>,
    pub seen: BTreeMap<RowId, Seen>,
    /// Newest first.
    pub entries: Vec<Entry>,
    pub drafts: Vec<NoteDraft>,
    /// What this reader began to change of proposals, as it is on disk.
    pub begun: BTreeMap<RowId, Begun>,
    /// The newest entry of each row that was not taken back.
    newest: BTreeMap<RowId, usize>,
}

impl Known {
    /// The newest decision of this home on the row.
    pub fn entry(&self, row: RowId) -> Option<&Entry> {
        self.newest.get(&row).and_then(|at| self.entries.get(*at))
    }

    /// What was signed here, newest first.
    pub fn set_entries(&mut self, entries: Vec<Entry>) {
        self.newest.clear();
        for (at, entry) in entries.iter().enumerate().filter(|(_, entry)| entry.fate != Fate::TakenBack) {
            self.newest.entry(entry.row).or_insert(at);
        }
        self.entries = entries;
    }

    /// Rows by what they want, counted once for many frames.
    pub fn counts(&self) -> BTreeMap<Group, usize> {
        let mut counts = BTreeMap::new();
        for row in self.rows.values() {
            *counts.entry(self.group(row)).or_default() += 1;
        }
        *counts.entry(Group::Done).or_default() += self.over.len();
        counts
    }

    /// A line of the list, new or in place of what was known of the row.
    pub fn put(&mut self, row: Listed) {
        self.over.remove(&row.id);
        self.rows.insert(row.id, row);
    }

    /// All rows of this home's list.
    pub fn len(&self) -> usize {
        self.rows.len() + self.over.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A decision of the reader's came back on a row that was only counted, or one that the reader approved ended while
    /// nobody looked: how, only the row tells.
    pub fn came_back_on_counted(&self) -> bool {
        let came_back = |entry: &&Entry| !entry.opened && entry.fate.came_back();
        self.entries.iter().filter(came_back).any(|entry| self.over.contains_key(&entry.row))
            || self.over.iter().any(|(row, at)| self.approved_here(*row) && self.unread_since(*row, *at))
    }

    pub fn unsent(&self) -> usize {
        self.entries.iter().filter(|entry| entry.fate.unsent()).count()
    }

    pub fn is_me(&self, person: &PrincipalId) -> bool {
        self.me.as_ref().is_some_and(|me| me.id == *person)
    }

    /// The reader's own proposal, or that of an agent of theirs.
    pub fn own(&self, row: &Listed) -> bool {
        self.is_me(&row.owner) || self.me.as_ref().is_some_and(|me| me.agents.contains(&row.agent))
    }

    pub fn asked(&self, row: &Listed) -> bool {
        row.reviewers.iter().any(|reviewer| self.is_me(reviewer))
    }

    pub fn on_hold(&self, row: &Listed) -> bool {
        self.holds.iter().any(|hold| hold.lifted.is_none() && *hold.subject == *row.subject)
    }

    pub fn standing_holds(&self) -> usize {
        self.holds.iter().filter(|hold| hold.lifted.is_none()).count()
    }

    /// What the reader approved went wrong, or cannot be told, and the reader has not opened it since.
    fn turned_out_badly(&self, row: &Listed) -> bool {
        let badly = matches!(row.state, State::Failed | State::Degraded | State::RolledBack | State::Unknown);
        badly && self.approved_here(row.id) && self.unread_since(row.id, row.changed_at)
    }

    /// The reader's decision on this revision was accepted and counts no more: its key lapsed, or another reason voided it.
    pub fn voided(&self, row: &Listed) -> Option<&Entry> {
        self.entry(row.id).filter(|entry| {
            matches!(entry.fate, Fate::Accepted { .. })
                && entry.revision == row.revision
                && row.void.contains(&entry.id)
        })
    }

    fn approved_here(&self, row: RowId) -> bool {
        let accepted = |entry: &Entry| matches!(entry.fate, Fate::Accepted { .. });
        self.entry(row).is_some_and(|entry| accepted(entry) && entry.decision == Decision::Approve)
    }

    fn unread_since(&self, row: RowId, changed_at: Timestamp) -> bool {
        self.seen.get(&row).is_none_or(|seen| seen.at < changed_at)
    }

    /// What the row wants from the reader now.
    pub fn group(&self, row: &Listed) -> Group {
        let entry = self.entry(row.id);
        if let Some(entry) = entry.filter(|entry| !entry.opened)
            && entry.fate.came_back()
        {
            return Group::CameBack;
        }
        let voided = self.voided(row).is_some();
        let asks_again = voided && row.state.undecided() && self.unread_since(row.id, row.changed_at);
        if self.turned_out_badly(row) || asks_again {
            return Group::CameBack;
        }
        let decided_here = entry.is_some_and(|entry| {
            let stands = entry.fate.unsent() || matches!(entry.fate, Fate::Accepted { .. });
            stands && !voided && entry.revision == row.revision && entry.decision != Decision::Withdraw
        });
        match row.state {
            State::Pending | State::HalfSigned if decided_here || self.own(row) => Group::Others,
            State::HalfSigned => Group::SecondKey,
            State::Pending => Group::ForYou,
            State::NeedsChanges | State::Stale => Group::Others,
            State::Approved | State::Executing | State::Executed | State::Unknown => Group::Running,
            State::Degraded
            | State::Healthy
            | State::RolledBack
            | State::Failed
            | State::Declined
            | State::Expired
            | State::Superseded
            | State::Withdrawn => Group::Done,
        }
    }
}

/// How long a row that is over stays in the queue.
pub const DONE_FOR: SignedDuration = SignedDuration::from_hours(24);
/// The cursor rests this long before a new order is taken over by itself.
pub const SETTLE_AFTER_MS: u64 = 5_000;

/// One line of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    Heading {
        title: String,
    },
    Row(RowId),
    /// Rows that are over, folded away.
    Folded {
        count: usize,
    },
}

/// The list as it stands on the screen.
#[derive(Clone, Debug, Default)]
pub struct Queue {
    pub lines: Vec<Line>,
    /// The first line on the screen; negative where the cursor's row keeps a line that the list does not reach.
    pub top: isize,
    /// Where the last key left it; resizes are measured from there.
    wished: isize,
    /// Index into `lines`; on a row or a fold.
    pub cursor: usize,
    pub grouping: Grouping,
    pub unfolded: bool,
    pub marked: BTreeSet<RowId>,
    /// What the row was when it went, for the line that stays.
    pub ghosts: BTreeMap<RowId, Listed>,
    /// Rows that the next order will show and this one does not.
    pub new: usize,
    /// The order on the screen is not what it would be now.
    pub unsettled: bool,
    /// How many rows the filter let through.
    pub matching: usize,
    /// Of these, so many are over and were only counted.
    pub counted: usize,
    /// What the backend found, best first; those that are in no other group stand at the end.
    pub found: Vec<RowId>,
    /// What is said of asking it, where it is asked.
    pub asked: Option<String>,
}

impl Queue {
    pub fn row(&self) -> Option<RowId> {
        match self.lines.get(self.cursor) {
            Some(Line::Row(row)) => Some(*row),
            _ => None,
        }
    }

    /// Makes the order anew. The cursor stays on its row, and its row on its line.
    pub fn settle(&mut self, known: &Known, passing: &BTreeSet<RowId>, now: Timestamp) {
        let held = self.lines.get(self.cursor).cloned();
        let offset = isize::try_from(self.cursor).unwrap_or(0) - self.top;
        let mut lines = self.order(known, passing, now);
        let cursor_row = self.row();
        // A row that went while it was looked at stays where it was, as a ghost.
        if let Some(row) = cursor_row.filter(|row| !lines.contains(&Line::Row(*row)))
            && (known.rows.contains_key(&row) || self.ghosts.contains_key(&row))
        {
            let before = self.lines[..self.cursor].iter().rev().find(|line| lines.contains(line)).cloned();
            let at =
                before.and_then(|line| lines.iter().position(|other| *other == line)).map_or(0, |at| at + 1);
            lines.insert(at, Line::Row(row));
        }
        self.ghosts.retain(|row, _| Some(*row) == cursor_row && !passing.contains(row));
        self.marked.retain(|row| passing.contains(row));
        let at = self.cursor.min(self.lines.len());
        let group = self.group_at(at);
        let before = std::mem::replace(&mut self.lines, lines);
        self.new = 0;
        self.unsettled = false;
        if let Some(at) = held.and_then(|line| self.lines.iter().position(|other| *other == line)) {
            self.cursor = at;
            let moved = isize::try_from(at).unwrap_or(0) - offset - self.top;
            self.top += moved;
            self.wished += moved;
        } else {
            // Its row is not known any more: the cursor goes on within the group, if anything is left of that.
            let stood = |line: &Line| self.lines.iter().position(|other| other == line);
            let next = before[at..group.end].iter().find_map(stood);
            let near = next.or_else(|| before[group.start..at].iter().rev().find_map(stood));
            self.cursor = near.unwrap_or(self.cursor).min(self.lines.len().saturating_sub(1));
            self.seek_selectable(1);
        }
    }

    /// The lines of the group around this one, without its heading.
    pub fn group_at(&self, line: usize) -> std::ops::Range<usize> {
        let is_heading = |line: &Line| matches!(line, Line::Heading { .. });
        let line = line.min(self.lines.len());
        let start = self.lines[..line].iter().rposition(is_heading).map_or(0, |at| at + 1);
        let end = self.lines[line..].iter().position(is_heading).map_or(self.lines.len(), |at| line + at);
        start..end
    }

    /// Notices what changed without moving anything.
    pub fn notice(&mut self, known: &Known, passing: &BTreeSet<RowId>, now: Timestamp) {
        let next = self.order(known, passing, now);
        let shown: BTreeSet<&RowId> = self.lines.iter().filter_map(Line::row).collect();
        self.new = next.iter().filter_map(Line::row).filter(|row| !shown.contains(row)).count();
        self.unsettled = next != self.lines;
    }

    /// Moves by lines that can be stood on.
    pub fn by(&mut self, steps: isize, height: usize) {
        let before = self.cursor;
        for _ in 0..steps.unsigned_abs() {
            let mut at = self.cursor;
            loop {
                let next = at.checked_add_signed(steps.signum()).filter(|next| *next < self.lines.len());
                let Some(next) = next else { break };
                at = next;
                if self.stands(at) {
                    self.cursor = at;
                    break;
                }
            }
        }
        self.leave(before);
        self.show(height);
    }

    pub fn to(&mut self, line: usize, height: usize) {
        let before = self.cursor;
        self.cursor = line.min(self.lines.len().saturating_sub(1));
        self.seek_selectable(if line == 0 { 1 } else { -1 });
        self.leave(before);
        self.show(height);
    }

    /// Another height: as near to where the last key left the window as the cursor's line allows.
    pub fn resized(&mut self, height: usize) {
        let wished = self.wished;
        self.top = wished;
        self.show(height);
        self.wished = wished;
    }

    /// Brings the cursor's line into the window, and the window into the list. Only a key may ask for it.
    pub fn show(&mut self, height: usize) {
        let (cursor, height) =
            (isize::try_from(self.cursor).unwrap_or(0), isize::try_from(height.max(1)).unwrap_or(1));
        let len = isize::try_from(self.lines.len()).unwrap_or(0);
        self.top = self.top.min(len - height).max(0);
        // The heading above the first row of a group is shown with it.
        let wanted = if cursor > 0 && !self.stands(self.cursor - 1) { cursor - 1 } else { cursor };
        self.top = self.top.clamp(cursor + 1 - height, wanted.max(cursor + 1 - height));
        self.wished = self.top;
    }

    fn seek_selectable(&mut self, way: isize) {
        if self.lines.is_empty() || self.stands(self.cursor) {
            return;
        }
        let all = 0..self.lines.len();
        let mut ahead = all.clone().filter(|at| self.stands(*at));
        self.cursor = if way > 0 {
            ahead.clone().find(|at| *at >= self.cursor).or_else(|| ahead.next_back())
        } else {
            ahead.clone().rfind(|at| *at <= self.cursor).or_else(|| ahead.clone().next())
        }
        .unwrap_or(0);
    }

    fn stands(&self, line: usize) -> bool {
        !matches!(self.lines.get(line), None | Some(Line::Heading { .. }))
    }

    /// A ghost is gone once the cursor has left it.
    fn leave(&mut self, before: usize) {
        if before == self.cursor {
            return;
        }
        if let Some(Line::Row(row)) = self.lines.get(before)
            && self.ghosts.remove(row).is_some()
        {
            self.lines.remove(before);
            if before < self.cursor {
                self.cursor -= 1;
                self.top -= 1;
                self.wished -= 1;
            }
        }
    }

    fn order(&self, known: &Known, passing: &BTreeSet<RowId>, now: Timestamp) -> Vec<Line> {
        let mut rows: Vec<(Group, &Listed)> = passing
            .iter()
            .filter_map(|row| known.rows.get(row))
            .map(|row| (known.group(row), row))
            .filter(|(group, row)| {
                let today = now.duration_since(row.changed_at) < DONE_FOR;
                *group != Group::Done || (today && !self.found.contains(&row.id))
            })
            .collect();
        rows.sort_by_cached_key(|(group, row)| {
            let subject = (self.grouping == Grouping::BySubject).then(|| row.service());
            let group = if self.grouping == Grouping::ByWant || *group == Group::Done {
                *group
            } else {
                Group::CameBack
            };
            (group == Group::Done, subject, group, rank(row, known.me.as_ref().map(|me| &me.id), now))
        });
        let done = rows.partition_point(|(group, _)| *group != Group::Done);
        let mut lines = Vec::with_capacity(rows.len() + 8);
        let mut last = None;
        for (group, row) in &rows[..done] {
            let title = match self.grouping {
                Grouping::ByWant => Some(group.title()),
                Grouping::BySubject => Some(row.service()),
                Grouping::None => None,
            };
            if title != last {
                lines.extend(title.map(|title| Line::Heading { title: title.to_owned() }));
                last = title;
            }
            lines.push(Line::Row(row.id));
        }
        lines.extend(self.done(&rows[done..]));
        // An empty list says by itself how far the backend was asked.
        let asked = self.asked.iter().filter(|_| !lines.is_empty() || !self.found.is_empty());
        let asked: Vec<Line> = asked.map(|title| Line::Heading { title: title.clone() }).collect();
        lines.extend(asked);
        let elsewhere = |row: &RowId| rows[..done].iter().all(|(_, head)| head.id != *row);
        lines.extend(self.found.iter().filter(|row| elsewhere(row)).map(|row| Line::Row(*row)));
        lines
    }

    /// What is over: folded, also while it is being read for unfolding it.
    fn done(&self, rows: &[(Group, &Listed)]) -> Vec<Line> {
        let count = rows.len() + self.counted;
        if count == 0 {
            return Vec::new();
        }
        let mut lines = vec![Line::Heading { title: Group::Done.title().to_owned() }];
        if self.unfolded && self.counted == 0 {
            lines.extend(rows.iter().map(|(_, row)| Line::Row(row.id)));
        } else {
            lines.push(Line::Folded { count });
        }
        lines
    }
}

impl Line {
    fn row(&self) -> Option<&RowId> {
        match self {
            Line::Row(row) => Some(row),
            Line::Heading { .. } | Line::Folded { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests;
