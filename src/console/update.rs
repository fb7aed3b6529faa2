//! All behaviour: one event in, the model changed, effects out.
//!
//! Never: draws, waits, or reads anything; the moment comes with the event, answers come as events.

mod answers;
mod begun;
mod halt;
mod keys;
mod layers;
mod lists;
mod paging;
mod proposal;
mod screens;
mod telemetry;
#[cfg(test)]
mod tests;
mod why;

use super::decide;
use super::effect::{Effect, KeyState, LinkState};
use super::event::{Event, What};
use super::model::{DiffScreen, LAYERS_MAX, Layer, Model, RowScreen, Screen, Standing};
use super::queue::SETTLE_AFTER_MS;
use super::screen::chrome::FRESH_FOR;
use super::terminal::FromTerminal;
use super::terminal::input::Input;
use super::text;
use super::theme::{Background, Slot, background_of};
use crate::row::RowId;

pub use lists::filter_rows;
pub use proposal::{ask as ask_to_amend, save_ticks};
pub use screens::{diff_lines, mark_read, open_first, open_row};

/// A key that was unlocked is forgotten after this long without a key press.
const KEY_STAYS_MS: u64 = 15 * 60 * 1_000;
/// Rows that changed are looked over this much later, so that a storm of changes costs one look.
/// The base of an open row is read this often, and so long after the last key.
const BASE_AGAIN_MS: u64 = 60_000;
const BASE_FOR_MS: u64 = 10 * 60_000;
const LOOK_OVER_MS: u64 = 200;

pub fn update(model: &mut Model, event: Event) -> Vec<Effect> {
    model.at = event.at;
    let effects = happened(model, event);
    note_bases(model, &effects);
    let leaves = effects.iter().any(|effect| matches!(effect, Effect::Quit | Effect::Suspend));
    // On disk before anything that may end the console.
    let mut all = begun::keep(model, leaves);
    all.extend(effects);
    all
}

fn happened(model: &mut Model, event: Event) -> Vec<Effect> {
    let mut effects = timers(model);
    effects.extend(match event.what {
        What::Terminal(seen) => terminal(model, seen),
        What::Answer(answer) => answers::take(model, *answer),
        // Each time that was asked for is one at which something reads differently.
        What::Time => {
            model.dirty = true;
            Vec::new()
        }
        What::Panicked => {
            model.panicked = true;
            quit(model)
        }
    });
    effects
}

/// What the next frame wants to show and nobody asked for yet: once, after all that waited was taken.
pub fn wants(model: &mut Model) -> Vec<Effect> {
    let mut effects = if model.screens.is_empty() { screens::preview(model) } else { Vec::new() };
    effects.extend(telemetry::due(model));
    effects.extend(base_due(model));
    note_bases(model, &effects);
    let looked_at = model.queue.unfolded || !model.filter.is_empty() || model.known.came_back_on_counted();
    if looked_at && !model.known.over.is_empty() && !model.reading_over {
        model.reading_over = true;
        effects.push(Effect::LoadOver);
    }
    effects
}

/// The base of what is being read, once more: it moves while its reader thinks.
fn base_due(model: &Model) -> Option<Effect> {
    let row = reads(model)?;
    base_due_ms(model, row).is_none_or(|due| due <= model.at.ms).then_some(Effect::Fresh { row })
}

fn base_due_ms(model: &Model, row: RowId) -> Option<u64> {
    model.base_asked.filter(|(asked, _)| *asked == row).map(|(_, at)| at + BASE_AGAIN_MS)
}

/// The row that is being decided on or read, as long as it is to be decided, its base can be read and somebody is there.
fn reads(model: &Model) -> Option<RowId> {
    let asked = model.dialog().and_then(|dialog| dialog.pins.first()).map(|pin| pin.row);
    let opened = || match model.screens.last()? {
        Screen::Row(RowScreen { row, .. }) | Screen::Diff(DiffScreen { row, .. }) => Some(*row),
        _ => None,
    };
    let row = asked.or_else(opened)?;
    let undecided = model.body(row).is_some_and(|body| body.view.head.state.undecided());
    let there = model.focused != Some(false) && model.at.ms < model.rested_ms + BASE_FOR_MS;
    (undecided && there && !model.link.away()).then_some(row)
}

fn note_bases(model: &mut Model, effects: &[Effect]) {
    for effect in effects {
        if let Effect::Fresh { row } = effect {
            model.base_asked = Some((*row, model.at.ms));
        }
    }
}

/// When the model wants to be woken, in the milliseconds of its moments.
pub fn next_wake_ms(model: &Model) -> Option<u64> {
    let notice = model.notice.as_ref().map(|notice| notice.until_ms);
    let save =
        model.dialog().and_then(|dialog| dialog.touched_ms).map(|at| at + super::dialog::SAVE_AFTER_MS);
    let settle = (model.queue.unsettled && may_settle(model)).then_some(model.rested_ms + SETTLE_AFTER_MS);
    let list = model.list_due_ms;
    let resting = model.known.entries.iter().any(|entry| {
        entry.fate == crate::client::Fate::Signed && entry.leaves_at > model.now() && !model.still
    });
    let second = resting.then(|| model.at.ms + 1_000 - model.at.ms % 1_000);
    // Times that are told in minutes move with the minute.
    let minute = (!model.still).then(|| {
        let into = u64::try_from(model.now().as_millisecond().rem_euclid(60_000)).unwrap_or(0);
        model.at.ms + 60_000 - into
    });
    let key = matches!(model.key, KeyState::Ready { .. }).then_some(model.rested_ms + KEY_STAYS_MS);
    let page = (model.page.by != super::page::By::Off).then_some(model.page_due_ms);
    let series = super::telemetry::wake_ms(model);
    let find = model.found.due_ms;
    let keep = model.keep_due_ms;
    let base = reads(model).and_then(|row| base_due_ms(model, row));
    [aging_ms(model), base, keep, notice, save, settle, list, second, minute, key, page, series, find]
        .into_iter()
        .flatten()
        .min()
}

/// When the last sync is old enough to be told by its age: a backend that hangs answers nothing that would draw it.
fn aging_ms(model: &Model) -> Option<u64> {
    let at = model.link.synced_at.filter(|_| model.link.state == LinkState::Synced)?;
    let left = FRESH_FOR.checked_sub(model.now().duration_since(at))?;
    let left = u64::try_from(left.as_millis()).ok().filter(|left| *left > 0)?;
    Some(model.at.ms + left)
}

fn may_settle(model: &Model) -> bool {
    model.layers.is_empty()
}

fn timers(model: &mut Model) -> Vec<Effect> {
    let now = model.at.ms;
    if model.notice.as_ref().is_some_and(|notice| notice.until_ms <= now) {
        model.notice = None;
        model.dirty = true;
    }
    if model.list_due_ms.is_some_and(|due| due <= now) {
        lists::look_over(model);
        model.page_due_ms = now;
    }
    if model.queue.unsettled && may_settle(model) && now >= model.rested_ms + SETTLE_AFTER_MS {
        lists::settle(model);
    }
    let due = model.dialog().and_then(|dialog| dialog.touched_ms);
    let mut effects: Vec<Effect> = lists::ask_backend(model).into_iter().collect();
    if model.page_due_ms <= now && model.page.by != super::page::By::Off {
        effects.extend(paging::look(model));
    }
    if matches!(model.key, KeyState::Ready { .. }) && now >= model.rested_ms + KEY_STAYS_MS {
        model.key = KeyState::Unasked;
        effects.push(Effect::ForgetKey);
    }
    if due.is_some_and(|at| now >= at + super::dialog::SAVE_AFTER_MS) {
        effects.extend(decide::save(model));
    }
    effects
}

fn terminal(model: &mut Model, seen: FromTerminal) -> Vec<Effect> {
    match seen {
        FromTerminal::Input(inputs) => {
            let keys = inputs.iter().filter(|input| matches!(input, Input::Key(_))).count();
            inputs.into_iter().flat_map(|input| self::input(model, input, keys)).collect()
        }
        FromTerminal::Flushed(frame) => flushed(model, frame),
        FromTerminal::Resized => {
            lists::keep_views(model);
            // What was said of another size holds no more.
            if model
                .notice
                .as_ref()
                .is_some_and(|notice| notice.text.to_string().starts_with(text::TOO_SMALL))
            {
                model.notice = None;
            }
            model.dirty = true;
            Vec::new()
        }
        FromTerminal::Suspend => suspend(model),
        FromTerminal::Continued => {
            model.dirty = true;
            vec![Effect::Redraw]
        }
        FromTerminal::End { .. } | FromTerminal::Lost => {
            let save = decide::save(model);
            save.into_iter().chain(quit(model)).collect()
        }
    }
}

fn input(model: &mut Model, input: Input, keys_at_once: usize) -> Vec<Effect> {
    match input {
        Input::Key(key) => {
            model.dirty = true;
            keys::press(model, key, keys_at_once)
        }
        Input::Paste { text, cut } => {
            model.dirty = true;
            keys::paste(model, &text, cut);
            Vec::new()
        }
        Input::Focus(focused) => {
            model.focused = Some(focused);
            Vec::new()
        }
        Input::Background(answer) => background(model, background_of(&answer)),
        Input::Scheme { dark } => {
            background(model, Some(if dark { Background::Dark } else { Background::Light }))
        }
        Input::Answered => Vec::new(),
        Input::Wheel(lines) => lists::wheel(model, isize::from(lines)),
    }
}

fn background(model: &mut Model, background: Option<Background>) -> Vec<Effect> {
    if background.is_some() && background != model.background {
        model.background = background;
        retheme(model);
    }
    Vec::new()
}

/// Loads the theme that is wished for now; one that does not load leaves the old one and says so.
pub fn retheme(model: &mut Model) {
    let name = model.wish.theme(model.background);
    match model.themes.load(&name, model.wish.depth()) {
        Ok(theme) => model.theme = theme,
        Err(error) => model.tell(Slot::Watch, &error.to_string()),
    }
    model.dirty = true;
}

/// A frame stands on the screen: what it shows is what a key may mean from now on.
fn flushed(model: &mut Model, frame: u64) -> Vec<Effect> {
    let Some((number, facts)) = model.standing.pending.take() else { return Vec::new() };
    if number != frame {
        model.standing.pending = Some((number, facts));
        return Vec::new();
    }
    let same = model.standing.facts.body == facts.body;
    decide::count_looking(model, model.at.ms);
    let since_ms = if same { model.standing.facts.since_ms } else { model.at.ms };
    let Standing { first_ms, .. } = &mut model.standing;
    for visit in &facts.visits {
        first_ms.entry(*visit).or_insert(model.at.ms);
    }
    first_ms.retain(|visit, _| facts.visits.contains(visit) || *visit + 64 > model.visits);
    model.standing.frame = frame;
    model.standing.facts = facts;
    model.standing.facts.since_ms = since_ms;
    screens::seen(model)
}

pub fn push_layer(model: &mut Model, layer: Layer) {
    if model.layers.len() < LAYERS_MAX {
        model.layers.push(layer);
    }
    model.dirty = true;
}

pub fn push_screen(model: &mut Model, screen: Screen) {
    model.screens.push(screen);
    model.dirty = true;
}

fn suspend(model: &mut Model) -> Vec<Effect> {
    let save = decide::save(model);
    model.key = KeyState::Unasked;
    save.into_iter().chain([Effect::ForgetKey, Effect::Suspend]).collect()
}

fn quit(model: &mut Model) -> Vec<Effect> {
    model.quitting = true;
    vec![Effect::ForgetKey, Effect::Quit]
}

/// Told in the footer for a while.
fn tell_watch(model: &mut Model, what: &str) -> Vec<Effect> {
    model.tell(Slot::Watch, what);
    Vec::new()
}

/// A change of the list: it is looked over soon, once for many.
fn list_changed(model: &mut Model) {
    model.missed = None;
    let due = model.at.ms + LOOK_OVER_MS;
    model.list_due_ms = Some(model.list_due_ms.map_or(due, |already| already.min(due)));
    model.dirty = true;
}

fn ask_to_quit(model: &mut Model) -> Vec<Effect> {
    let (unsent, drafts) = (model.known.unsent(), model.known.drafts.len());
    let changed = model.known.begun.values().filter(|begun| !begun.what.is_empty()).count();
    if unsent + drafts + changed == 0 {
        return quit(model);
    }
    let visit = model.visit();
    let about = super::model::About::Quit { unsent, drafts, changed };
    push_layer(model, Layer::Ask(super::model::Ask { visit, about }));
    Vec::new()
}
