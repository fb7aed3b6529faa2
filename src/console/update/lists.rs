//! The queue's list and every other list: movement, filter, order.
//!
//! Never: moves what the reader looks at without a key.

use jiff::Timestamp;

use super::super::effect::Effect;
use super::super::keymap::Command;
use super::super::layout;
use super::super::model::{Layer, Model, Screen, TextKind};
use super::super::queue::{DONE_FOR, Group, Grouping, Line as QueueLine};
use super::super::screen;
use super::super::widget::list::View;
use super::{layers, screens, telemetry, tell_watch};
use crate::client::filter::{Filter, Standing};
use crate::client::{Fate, Listed};
use crate::row::RowId;
use crate::wire::RowFound;

/// The rows that pass the filter, anew.
pub fn filter_rows(model: &mut Model) {
    let mut matcher = Filter::matcher();
    let now = model.now();
    let own = model.filter.of_this_reader();
    let mut passes = |row: &Listed| {
        let found = model.found.has(row.id) && own.matches(&mut matcher, row, &standing(model, row), now);
        found
            || model.filter.is_empty()
            || model.filter.matches(&mut matcher, row, &standing(model, row), now)
    };
    let passing = model.known.rows.values().filter(|row| passes(row)).map(|row| row.id).collect();
    let heads = model.found.rows().iter().filter_map(|row| model.head(*row));
    let found: Vec<RowId> = heads.filter(|head| passes(head)).map(|head| head.id).collect();
    let in_record = found.iter().filter(|row| in_record(model, **row)).count();
    model.passing = passing;
    model.queue.asked = model.found.title(in_record);
    model.queue.found = found;
    let today = |at: &&Timestamp| now.duration_since(**at) < DONE_FOR;
    let counts = model.filter.is_empty();
    model.queue.counted = if counts { model.known.over.values().filter(today).count() } else { 0 };
    model.queue.matching = model.passing.len() + if counts { model.known.over.len() } else { 0 };
    model.counts = model.known.counts();
}

/// No group of the list holds it: it is over, or not in the list at all.
fn in_record(model: &Model, row: RowId) -> bool {
    model.known.rows.get(&row).is_none_or(|head| model.known.group(head) == Group::Done)
}

/// The backend is asked for what is filtered by, once the typing has rested.
pub(super) fn ask_backend(model: &mut Model) -> Option<Effect> {
    let (now, away) = (model.at.ms, model.link.away());
    model.found.due_ms.filter(|due| *due <= now)?;
    let asked = model.found.ask(now, away);
    if asked.is_none() {
        settle(model);
    }
    asked.map(|(number, query)| Effect::Find { number, query })
}

/// What the backend found joins the list; the cursor stays on its row, and its row on its line.
pub(super) fn found(model: &mut Model, number: u64, rows: Result<Vec<RowFound>, String>) {
    if model.found.take(number, rows) {
        settle(model);
    }
}

pub(super) fn standing(model: &Model, row: &Listed) -> Standing {
    let known = &model.known;
    let seen = known.seen.get(&row.id);
    let fate = known.entry(row.id).map(|entry| &entry.fate);
    Standing {
        me: known.me.as_ref().map(|me| me.id.to_string()).unwrap_or_default(),
        new: seen.is_none(),
        changed: seen.is_some_and(|seen| seen.revision != row.revision || seen.at < row.changed_at),
        unknown: model.unknown.contains(&row.id),
        unsent: fate.is_some_and(Fate::unsent),
        refused: matches!(fate, Some(Fate::Refused { .. })),
        overtaken: matches!(fate, Some(Fate::Overtaken { .. })),
        on_hold: known.on_hold(row),
        sources: Vec::new(),
    }
}

/// Looks over what changed: marks and counts move, lines do not.
pub(super) fn look_over(model: &mut Model) {
    model.list_due_ms = None;
    filter_rows(model);
    let now = model.now();
    if model.queue.lines.is_empty() {
        return settle(model);
    }
    model.queue.notice(&model.known, &model.passing, now);
    model.dirty = true;
}

/// Back on the list after a decision: the cursor goes on to the next row of the same group that waits for its reader, and
/// stays where there is none. It was a key that asked for it; a capital that comes next means no row of another group.
pub(super) fn land(model: &mut Model) -> Vec<Effect> {
    if !model.screens.is_empty() {
        return Vec::new();
    }
    let Some(row) = model.done_with.take().filter(|row| model.queue.row() == Some(*row)) else {
        return Vec::new();
    };
    let waits = |line: &QueueLine| match line {
        QueueLine::Row(other) if *other != row => model.known.rows.get(other).is_some_and(|head| {
            matches!(model.known.group(head), Group::CameBack | Group::ForYou | Group::SecondKey)
        }),
        _ => false,
    };
    let (lines, at) = (&model.queue.lines, model.queue.cursor);
    let group = model.queue.group_at(at);
    let next = (at..group.end).find(|line| waits(&lines[*line]));
    let Some(next) = next.or_else(|| (group.start..at).rfind(|line| waits(&lines[*line]))) else {
        return Vec::new();
    };
    let height = list_height(model);
    model.queue.to(next, height);
    screens::preview(model)
}

/// Takes the new order over.
pub(super) fn settle(model: &mut Model) {
    filter_rows(model);
    let now = model.now();
    model.queue.settle(&model.known, &model.passing, now);
    model.dirty = true;
}

/// A filter or a grouping that the reader asked for: the list begins anew, at its top.
pub(super) fn begin_anew(model: &mut Model) {
    filter_rows(model);
    if model.queue.row().is_none_or(|row| !model.passing.contains(&row)) {
        model.queue.lines.clear();
        (model.queue.cursor, model.queue.top) = (0, 0);
    }
    settle(model);
    let height = list_height(model);
    model.queue.show(height);
}

pub(super) fn list_height(model: &Model) -> usize {
    layout::areas(model).list.map_or(1, |list| usize::from(list.height))
}

/// After a resize the list's window is found anew from where the reader had it; other views are clamped only as they
/// are drawn. So a window that was small for a while gives the place back.
pub(super) fn keep_views(model: &mut Model) {
    let height = list_height(model);
    model.queue.resized(height);
}

fn with_view(model: &mut Model, change: impl FnOnce(&mut View)) {
    match model.layers.last_mut() {
        Some(Layer::Text(text)) => return change(&mut text.view),
        Some(Layer::Moved(moved)) => return change(&mut moved.view),
        _ => {}
    }
    match model.screens.last_mut() {
        Some(Screen::Row(screen)) => change(&mut screen.view),
        Some(Screen::Diff(screen)) => change(&mut screen.view),
        Some(Screen::Telemetry(screen)) => {
            change(&mut screen.view);
            screen.table_top = 0;
        }
        Some(Screen::Outbox(plain) | Screen::Holds(plain)) => change(&mut plain.view),
        Some(Screen::Record(record)) => change(&mut record.view),
        Some(Screen::Incident(screen)) => change(&mut screen.view),
        None => {}
    }
}

/// Commands that move; `None` where it was none.
pub(super) fn movement(model: &mut Model, command: Command) -> Option<Vec<Effect>> {
    if model.layers.is_empty() && telemetry::movement(model, command) {
        return Some(Vec::new());
    }
    let on_queue = model.layers.is_empty() && model.screens.is_empty();
    let (len, height) = if on_queue {
        (model.queue.lines.len(), list_height(model))
    } else {
        screen::extent(model).unwrap_or((0, 1))
    };
    let page = height.saturating_sub(1).max(1).cast_signed();
    let by = match command {
        Command::Down => 1,
        Command::Up => -1,
        Command::PageDown => page,
        Command::PageUp => -page,
        Command::HalfDown => (page / 2).max(1),
        Command::HalfUp => -(page / 2).max(1),
        Command::Top => isize::MIN,
        Command::Bottom => isize::MAX,
        Command::Open => return Some(screens::open_under_cursor(model, command)),
        _ => return None,
    };
    if on_queue {
        match by {
            isize::MIN => model.queue.to(0, height),
            isize::MAX => model.queue.to(len.saturating_sub(1), height),
            by => model.queue.by(by, height),
        }
        return Some(Vec::new());
    }
    // Text under a layer, and documents, scroll as a whole; lists move their cursor.
    let chosen_from =
        |layer: &Layer| matches!(layer, Layer::Text(text) if matches!(text.kind, TextKind::Why(_)));
    let scrolls = matches!(model.layers.last(), Some(layer @ (Layer::Text(_) | Layer::Moved(_))) if !chosen_from(layer))
        || matches!(model.screens.last(), Some(Screen::Row(_)))
            && model.layers.is_empty()
            && !screen::row::points(model);
    with_view(model, |view| match by {
        isize::MIN => *view = View::default(),
        isize::MAX => view.to(len.saturating_sub(1), len, height),
        by if scrolls => view.scroll(by, len, height),
        by => view.by(by, len, height),
    });
    Some(Vec::new())
}

pub(super) fn wheel(model: &mut Model, lines: isize) -> Vec<Effect> {
    model.dirty = true;
    let command = if lines > 0 { Command::Down } else { Command::Up };
    (0..lines.unsigned_abs()).flat_map(|_| movement(model, command).unwrap_or_default()).collect()
}

pub(super) fn queue_command(model: &mut Model, command: Command) -> Vec<Effect> {
    match command {
        Command::Mark => {
            let marked = model.queue.row().is_some_and(|row| model.queue.marked.contains(&row));
            if let Some(why) = model.disabled(Command::Mark).filter(|_| !marked) {
                return tell_watch(model, &why);
            }
            if let Some(row) = model.queue.row() {
                mark(model, row);
            }
            movement(model, Command::Down).unwrap_or_default()
        }
        Command::Grouping => {
            model.queue.grouping = match model.queue.grouping {
                Grouping::ByWant => Grouping::BySubject,
                Grouping::BySubject => Grouping::None,
                Grouping::None => Grouping::ByWant,
            };
            begin_anew(model);
            Vec::new()
        }
        Command::Settle => {
            settle(model);
            let height = list_height(model);
            model.queue.show(height);
            Vec::new()
        }
        Command::Preview => {
            model.preview = !model.preview;
            let height = list_height(model);
            model.queue.show(height);
            Vec::new()
        }
        _ => layers::run(model, command),
    }
}

fn mark(model: &mut Model, row: RowId) {
    let marked = &mut model.queue.marked;
    if !marked.remove(&row) {
        if marked.len() >= super::super::dialog::BATCH_MAX {
            model.tell(super::super::theme::Slot::Watch, "eight rows at most are decided at once");
            return;
        }
        marked.insert(row);
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::effect::{Answer, Effect, Snapshot};
    use super::super::super::event::What;
    use super::super::super::sample::{self, Desk, id};
    use super::super::super::terminal::FromTerminal;
    use crate::client::Listed;
    use crate::row::{RowId, State};

    fn many_rows() -> Desk {
        let mut desk = Desk::new(120, 40);
        let head = Listed::from(&desk.cache[0].head);
        let rows = (1..200).map(|n| Listed { id: id(&format!("sync-{n}")), ..head.clone() }).collect();
        desk.answer(Answer::All { rows, holds: vec![], me: None });
        desk.wait(300);
        desk.wait(6_000);
        desk
    }

    #[test]
    fn a_window_dragged_small_and_large_again_shows_what_it_showed() {
        for keys in ["j", "PgDn PgDn k k k k", "G k k", "j ? j j j"] {
            let mut desk = many_rows();
            desk.keys(keys);
            let before = desk.screen();
            for size in [(20, 3), (113, 43), (300, 100), (60, 5), (1, 1), (120, 40)] {
                desk.model.size = size;
                desk.what(What::Terminal(FromTerminal::Resized));
                desk.flush();
            }
            assert_eq!(desk.screen(), before, "{keys}");
        }
    }

    /// A desk whose cache counted three rows that are over.
    fn counted() -> Desk {
        let mut desk = Desk::empty(120, 40);
        let mut snapshot: Snapshot = sample::snapshot();
        snapshot.list.over = (1..=3).map(|number| (over(number), sample::now())).collect();
        desk.answer(Answer::Known(Box::new(snapshot)));
        desk.flush();
        desk
    }

    fn over(number: u64) -> RowId {
        id(&format!("sync-{number}"))
    }

    fn lines_of_over(desk: &Desk) -> Vec<Listed> {
        let line = |number| {
            let head = Listed::from(&desk.cache[0].head);
            Listed { id: over(number), state: State::Declined, ..head }
        };
        (1..=2).map(line).collect()
    }

    fn asked(desk: &Desk) -> usize {
        desk.effects.iter().filter(|effect| matches!(effect, Effect::LoadOver)).count()
    }

    #[test]
    fn what_is_over_is_counted_and_read_when_it_is_unfolded() {
        let mut desk = counted();
        assert!(desk.screen().contains("10 of 10") && desk.screen().contains("4 rows"), "{}", desk.screen());
        assert_eq!(asked(&desk), 0);
        desk.keys("G Enter");
        assert_eq!(asked(&desk), 1, "once");
        assert!(desk.screen().contains("4 rows"), "folded until it is read");
        let at = desk.model.queue.cursor;
        let rows = lines_of_over(&desk);
        desk.answer(Answer::Over(Ok(rows)));
        assert!(desk.screen().contains("sync-1") && desk.screen().contains("9 of 9"), "{}", desk.screen());
        assert_eq!(desk.model.queue.cursor, at, "the reader's place");
        desk.keys("j");
        assert_eq!(asked(&desk), 1, "all is read");
    }

    #[test]
    fn a_filter_is_not_done_before_it_saw_what_was_counted() {
        let mut desk = counted();
        desk.keys("/ \"state:declined\" Enter");
        assert_eq!(asked(&desk), 1);
        assert!(desk.screen().contains("0… of 10"), "{}", desk.screen());
        let rows = lines_of_over(&desk);
        desk.answer(Answer::Over(Ok(rows)));
        assert!(desk.screen().contains("2 of 9"), "{}", desk.screen());
        desk.answer(Answer::Over(Err("the disk is gone".to_owned())));
        assert!(desk.notice().contains("the disk is gone"));
    }

    #[test]
    fn news_of_a_counted_row_is_not_counted_twice() {
        let mut desk = counted();
        let news = lines_of_over(&desk).remove(0);
        desk.answer(Answer::Changed { rows: vec![news], gone: vec![over(2)] });
        desk.wait(300);
        assert_eq!((desk.model.known.len(), desk.model.known.over.len()), (9, 1));
        assert!(desk.screen().contains("9 of 9"), "{}", desk.screen());
    }

    #[test]
    fn many_keys_at_once_read_the_last_row_alone() {
        let mut desk = many_rows();
        let before = desk.effects.len();
        desk.at_once("j j j j j j j j j j j j j j j j j j j j");
        let last = desk.model.subject().unwrap();
        let read: Vec<_> = desk.effects[before..]
            .iter()
            .filter_map(|effect| match effect {
                Effect::LoadRow { row } => Some(*row),
                _ => None,
            })
            .collect();
        assert_eq!(read, [last]);
    }

    #[test]
    fn what_is_told_in_minutes_moves_with_the_minute() {
        let mut desk = many_rows();
        desk.flush();
        let before = desk.screen();
        desk.wait(60_000);
        assert!(desk.model.dirty && desk.screen() != before);
    }
}
