//! A key press: what it may mean here and now, and what it must not mean.
//!
//! Never: a decision by a key that was typed ahead, pasted, held down or meant for another window.

use super::super::decide::{self, settled};
use super::super::dialog::Field;
use super::super::effect::Effect;
use super::super::key::{Code, Key};
use super::super::keymap::{Command, Resolved};
use super::super::model::{Layer, Model, Reword, Screen};
use super::super::text;
use super::super::theme::Slot;
use super::super::widget::area;
use super::{ask_to_quit, halt, layers, lists, proposal, screens, suspend, telemetry, tell_watch, why};

/// So many keys within [`BURST_MS`] were not typed by hand.
const BURST_KEYS: usize = 8;
const BURST_MS: u64 = 40;
/// Two capitals within this time come from Caps Lock.
const CAPS_LOCK_MS: u64 = 500;

pub(super) fn press(model: &mut Model, key: Key, keys_at_once: usize) -> Vec<Effect> {
    let burst = burst(model, keys_at_once);
    model.rested_ms = model.at.ms;
    model.missed = None;
    model.pager.heard();
    if let Some(effects) = typed_into_layer(model, key, burst) {
        return effects;
    }
    let contexts = model.contexts();
    let prefix = model.prefix.take();
    match model.keymap.resolve(contexts, prefix, key) {
        Resolved::Prefix(key) => {
            model.prefix = Some(key);
            Vec::new()
        }
        Resolved::Nothing => Vec::new(),
        Resolved::Command(command) => {
            let capital = decide::verb(command).is_some()
                || matches!(command, Command::SendNow | Command::Amend | Command::Merge);
            if capital && let Some(effects) = slip(model, key, burst) {
                return effects;
            }
            if burst && key.code == Code::Enter {
                return tell_watch(model, text::BURST);
            }
            let mut effects = run(model, command);
            effects.extend(lists::land(model));
            effects
        }
    }
}

/// Keeps the times of the last keys; true in a burst.
fn burst(model: &mut Model, keys_at_once: usize) -> bool {
    let now = model.at.ms;
    let keys = &mut model.recent.keys_ms;
    keys.push_back(now);
    while keys.len() > BURST_KEYS {
        keys.pop_front();
    }
    let quick = keys.len() == BURST_KEYS && keys.front().is_some_and(|first| now - first < BURST_MS);
    quick || keys_at_once >= BURST_KEYS
}

/// A capital that was not meant to decide: the reason is told and nothing opens.
fn slip(model: &mut Model, key: Key, burst: bool) -> Option<Vec<Effect>> {
    let now = model.at.ms;
    let last = if key.is_capital() { model.recent.capital_ms.replace(now) } else { None };
    if burst {
        return Some(tell_watch(model, text::BURST));
    }
    if last.is_some_and(|last| now - last < CAPS_LOCK_MS) {
        return Some(tell_watch(model, text::CAPS_LOCK));
    }
    if !model.screens.is_empty() && !settled(model) {
        return Some(tell_watch(model, text::TOO_SOON));
    }
    None
}

/// Keys that a layer takes as text, or drops; `None` where they mean a command.
fn typed_into_layer(model: &mut Model, key: Key, burst: bool) -> Option<Vec<Effect>> {
    let early = !settled(model);
    match model.layers.last_mut()? {
        Layer::Decision(_) if early && key.code != Code::Esc => Some(tell_watch(model, text::TOO_SOON)),
        Layer::Ask(_) | Layer::Moved(_) if early && key.code != Code::Esc => {
            Some(tell_watch(model, text::TOO_SOON))
        }
        Layer::Decision(dialog) => {
            let taken = match dialog.focus {
                Field::Note => {
                    let taken = dialog.note_key(key);
                    if taken {
                        dialog.touched_ms.get_or_insert(model.at.ms);
                    }
                    taken
                }
                Field::Conditions => {
                    let taken = dialog.conditions.key(key);
                    if taken {
                        dialog.touched_ms.get_or_insert(model.at.ms);
                    }
                    taken
                }
                Field::Sign => sign_key(model, key, burst),
            };
            taken.then(Vec::new)
        }
        Layer::Ask(_) => layers::answer(model, key, burst),
        Layer::Halt(typing) => {
            typing.error = None;
            typing.input.key(key).then(Vec::new)
        }
        Layer::Filter(typing) | Layer::Search(typing) | Layer::Unlock(typing) => {
            let typed = typing.input.key(key);
            if typed {
                layers::typed(model);
            }
            typed.then(Vec::new)
        }
        Layer::Palette(picking) | Layer::Views(picking) | Layer::Themes(picking) | Layer::Copy(picking) => {
            let typed = picking.input.key(key);
            if typed {
                picking.view = super::super::widget::list::View::default();
                layers::typed(model);
            }
            typed.then(Vec::new)
        }
        Layer::Say(say) => {
            say.typing.error = None;
            say.typing.input.key(key).then(Vec::new)
        }
        Layer::Reword(reword) => area::press(&mut reword.area, key, Reword::BYTES_MAX).then(Vec::new),
        Layer::Moved(_) | Layer::Text(_) => None,
    }
}

/// The sign field takes single keys, typed by hand, and nothing else.
fn sign_key(model: &mut Model, key: Key, burst: bool) -> bool {
    let Some(dialog) = model.dialog_mut() else { return false };
    match key.code {
        Code::Enter if burst => {
            dialog.typed.clear();
            model.tell(Slot::Watch, text::BURST);
            true
        }
        Code::Enter => false,
        Code::Backspace => {
            dialog.typed.pop();
            true
        }
        _ => {
            let Some(c) = key.typed() else { return false };
            if burst {
                dialog.typed.clear();
                model.tell(Slot::Watch, text::BURST);
            } else if dialog.typed.chars().count() < dialog.demand.text().chars().count() && c.is_alphabetic()
            {
                dialog.typed.push(c);
                dialog.error = None;
            }
            true
        }
    }
}

pub(super) fn paste(model: &mut Model, pasted: &str, cut: usize) {
    let now = model.at.ms;
    let mut gone = cut;
    match model.layers.last_mut() {
        Some(Layer::Decision(dialog)) if dialog.focus == Field::Note => {
            gone += dialog.insert_note(pasted);
            dialog.touched_ms.get_or_insert(now);
        }
        Some(Layer::Decision(dialog)) if dialog.focus == Field::Conditions => {
            dialog.conditions.insert(pasted);
            dialog.touched_ms.get_or_insert(now);
        }
        Some(Layer::Filter(typing) | Layer::Search(typing)) => {
            typing.input.insert(pasted);
            layers::typed(model);
        }
        Some(Layer::Palette(picking) | Layer::Views(picking) | Layer::Copy(picking)) => {
            picking.input.insert(pasted);
        }
        Some(Layer::Unlock(typing)) => typing.input.insert(pasted.trim_end_matches('\n')),
        Some(Layer::Say(say)) => say.typing.input.insert(pasted),
        Some(Layer::Halt(typing)) => typing.input.insert(pasted),
        Some(Layer::Reword(reword)) => gone += area::insert(&mut reword.area, pasted, Reword::BYTES_MAX),
        _ => {
            model.tell(Slot::Watch, text::PASTE_IGNORED);
            return;
        }
    }
    if gone > 0 {
        model.tell(
            Slot::Watch,
            &format!(
                "{} left out: too many, or not printable",
                text::plural(gone, "character of the paste was", "characters of the paste were")
            ),
        );
    }
}

/// Does what a key or the palette asked for.
pub(super) fn run(model: &mut Model, command: Command) -> Vec<Effect> {
    if let Some(verb) = decide::verb(command) {
        return decide::open(model, verb, command);
    }
    match command {
        Command::Why => why::ask(model),
        Command::Open if why::answered(model) => why::open(model),
        Command::Close | Command::LeaveDialog | Command::Cancel => layers::close(model),
        Command::Interrupt => match (model.layers.is_empty(), model.screens.is_empty()) {
            (true, true) => ask_to_quit(model),
            _ => layers::close(model),
        },
        Command::Back | Command::Leave => {
            if !model.layers.is_empty() {
                return layers::close(model);
            }
            match (model.screens.pop(), command) {
                (None, Command::Back) => ask_to_quit(model),
                _ => Vec::new(),
            }
        }
        Command::Quit => ask_to_quit(model),
        Command::Suspend => suspend(model),
        Command::Redraw => vec![Effect::Redraw],
        Command::Refresh => {
            model.telemetry.hurry();
            model.tell(Slot::Info, text::SYNCING);
            let row = model.subject().filter(|_| !model.screens.is_empty());
            [Effect::SyncNow].into_iter().chain(row.map(|row| Effect::Fresh { row })).collect()
        }
        // Every key is heard, see `press`; this one does nothing else.
        Command::Quiet => {
            model.tell(Slot::Info, text::QUIET);
            Vec::new()
        }
        Command::ReadOnly => {
            model.read_only = !model.read_only;
            if model.read_only {
                return tell_watch(model, "read-only: capitals are off");
            }
            model.tell(Slot::Watch, "deciding is on");
            vec![Effect::TakeTurn]
        }
        Command::Unlock => decide::unlock_now(model),
        Command::Halt => halt::begin(model),
        Command::TakeBack => layers::take_back(model),
        Command::SendNow => layers::send_now(model),
        Command::AgentsWords | Command::WordsEditor | Command::WordsDone => {
            proposal::words_command(model, command)
        }
        Command::Help
        | Command::DialogHelp
        | Command::WordsHelp
        | Command::Palette
        | Command::Filter
        | Command::Views
        | Command::GoSettings
        | Command::Copy
        | Command::Accept
        | Command::ChoiceDown
        | Command::ChoiceUp
        | Command::ClearLine
        | Command::FieldNext
        | Command::FieldPrevious
        | Command::Editor
        | Command::Statement
        | Command::Sign => layers::run(model, command),
        Command::GoQueue | Command::GoOutbox | Command::GoRecord | Command::GoHolds => {
            screens::go(model, command)
        }
        Command::GoIncident | Command::Incident => screens::incident(model),
        _ => move_or_act(model, command),
    }
}

fn move_or_act(model: &mut Model, command: Command) -> Vec<Effect> {
    if let Some(effects) = lists::movement(model, command) {
        return effects;
    }
    match model.screens.last() {
        None => lists::queue_command(model, command),
        Some(Screen::Row(_)) => match proposal::command(model, command) {
            Some(effects) => effects,
            None => screens::row_command(model, command),
        },
        Some(Screen::Diff(_)) => screens::diff_command(model, command),
        Some(Screen::Telemetry(_)) => telemetry::command(model, command),
        Some(Screen::Outbox(_)) => screens::outbox_command(model, command),
        Some(Screen::Record(_) | Screen::Holds(_) | Screen::Incident(_)) => {
            screens::open_under_cursor(model, command)
        }
    }
}
