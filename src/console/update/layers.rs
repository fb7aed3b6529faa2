//! What lies on top: opening, typing into, choosing from and closing layers.
//!
//! Never: more than one closed by one key, and never a note lost by closing.

use super::super::decide;
use super::super::dialog::Field;
use super::super::effect::{Effect, Secret};
use super::super::key::{Code, Key};
use super::super::keymap::Command;
use super::super::line::Line;
use super::super::model::{About, Ask, Layer, Model, Picking, Reword, Screen, TextKind, TextLayer, Typing};
use super::super::screen::{self, pick};
use super::super::text;
use super::super::theme::Slot;
use super::super::widget::area;
use super::super::widget::list::View;
use super::{halt, keys, lists, proposal, push_layer, quit, retheme, screens, tell_watch};
use crate::client::Fate;
use crate::client::filter::Filter;

/// `Esc`: the layer on top, then the screen.
pub(super) fn close(model: &mut Model) -> Vec<Effect> {
    let save =
        if matches!(model.layers.last(), Some(Layer::Decision(_))) { decide::save(model) } else { None };
    match model.layers.pop() {
        Some(Layer::Filter(typing)) => {
            set_filter(model, &typing.before);
        }
        Some(Layer::Themes(picking)) => {
            model.wish.picked = Some(picking.before).filter(|name| !name.is_empty());
            retheme(model);
        }
        Some(Layer::Reword(reword)) => proposal::keep_words(model, &reword),
        Some(Layer::Decision(dialog)) if !dialog.note_text().trim().is_empty() => {
            model.tell(Slot::Info, text::DRAFT_KEPT);
        }
        Some(_) => {}
        None => {
            let popped = model.screens.pop();
            if popped.is_none() {
                model.queue.marked.clear();
                if !model.filter_text.is_empty() {
                    set_filter(model, "");
                }
            }
        }
    }
    save.into_iter().collect()
}

fn picking(model: &mut Model, before: String) -> Picking {
    Picking { visit: model.visit(), input: Line::default(), view: View::default(), before }
}

pub(super) fn run(model: &mut Model, command: Command) -> Vec<Effect> {
    match command {
        Command::Help | Command::DialogHelp | Command::WordsHelp => {
            let contexts = model.contexts();
            let visit = model.visit();
            let kind = TextKind::Help { contexts };
            push_layer(model, Layer::Text(TextLayer { visit, kind, view: View::default() }));
        }
        Command::GoSettings => {
            let before = model.wish.picked.clone().unwrap_or_default();
            let layer = Layer::Themes(picking(model, before));
            push_layer(model, layer);
            let now = model.theme.name.clone();
            let steps = pick::position(model, &now).unwrap_or(0);
            choose(model, steps.cast_signed());
        }
        Command::Palette => {
            let layer = Layer::Palette(picking(model, String::new()));
            push_layer(model, layer);
        }
        Command::Views => {
            let layer = Layer::Views(picking(model, String::new()));
            push_layer(model, layer);
        }
        Command::Copy => {
            let layer = Layer::Copy(picking(model, String::new()));
            push_layer(model, layer);
        }
        Command::Filter => {
            let visit = model.visit();
            let on_queue = model.screens.is_empty();
            let before = if on_queue { model.filter_text.clone() } else { String::new() };
            let typing = Typing { visit, input: Line::new(&before), before, error: None };
            push_layer(model, if on_queue { Layer::Filter(typing) } else { Layer::Search(typing) });
        }
        Command::Accept => return accept(model),
        Command::ChoiceDown | Command::ChoiceUp => {
            choose(model, if command == Command::ChoiceDown { 1 } else { -1 });
        }
        Command::ClearLine => {
            match model.layers.last_mut() {
                Some(
                    Layer::Filter(typing)
                    | Layer::Search(typing)
                    | Layer::Unlock(typing)
                    | Layer::Halt(typing),
                ) => {
                    typing.input.clear();
                }
                Some(Layer::Say(say)) => say.typing.input.clear(),
                _ => {}
            }
            typed(model);
        }
        Command::FieldNext | Command::FieldPrevious => {
            let writes =
                |model: &Model| model.dialog().is_some_and(|dialog| dialog.focus == Field::Conditions);
            // A condition that cannot be added is not left behind unsaid, and nothing is signed while it stands there.
            if writes(model)
                && !decide::add_condition(model)
                && let Some(said) = model.dialog().and_then(|dialog| dialog.conditions.left_over())
            {
                model.tell(Slot::Watch, &said);
            }
            if let Some(Layer::Decision(dialog)) = model.layers.last_mut() {
                dialog.next(if command == Command::FieldNext { 1 } else { -1 });
            }
        }
        Command::Editor => {
            if let Some(Layer::Decision(dialog)) = model.layers.last_mut() {
                dialog.focus = Field::Note;
                return vec![Effect::Edit { text: dialog.note_text() }];
            }
        }
        Command::Statement => statement(model),
        Command::Sign if matches!(model.layers.last(), Some(Layer::Decision(_))) => return enter(model),
        _ => {}
    }
    Vec::new()
}

/// `Enter` in the dialog: the next field, and a signature in the sign field alone.
fn enter(model: &mut Model) -> Vec<Effect> {
    let Some(Layer::Decision(dialog)) = model.layers.last_mut() else { return Vec::new() };
    match dialog.focus {
        Field::Conditions => {
            decide::add_condition(model);
            Vec::new()
        }
        Field::Note => Vec::new(),
        Field::Sign => decide::sign(model),
    }
}

fn statement(model: &mut Model) {
    let visit = model.visit();
    let kind = TextKind::Statement(screen::dialog::statement(model));
    push_layer(model, Layer::Text(TextLayer { visit, kind, view: View::default() }));
}

/// The line that is typed changed: a filter applies while it is written.
pub(super) fn typed(model: &mut Model) {
    try_theme(model);
    let Some(Layer::Filter(typing)) = model.layers.last_mut() else { return };
    let text = typing.input.text().to_owned();
    match Filter::parse(&text) {
        Ok(_) => {
            typing.error = None;
            set_filter(model, &text);
        }
        Err(error) => typing.error = Some(error.to_string()),
    }
}

pub(super) fn set_filter(model: &mut Model, text: &str) {
    let Ok(filter) = Filter::parse(text) else { return };
    model.filter = filter;
    text.clone_into(&mut model.filter_text);
    let me = model.known.me.as_ref().map(|me| me.id.to_string()).unwrap_or_default();
    model.found.turn_to(model.filter.query().for_backend(&me), model.at.ms);
    lists::begin_anew(model);
}

fn choose(model: &mut Model, by: isize) {
    let len = pick::len(model);
    if let Some(
        Layer::Palette(picking) | Layer::Views(picking) | Layer::Themes(picking) | Layer::Copy(picking),
    ) = model.layers.last_mut()
    {
        picking.view.by(by, len, pick::HEIGHT);
    }
    try_theme(model);
}

/// The theme under the cursor is shown while it is chosen.
fn try_theme(model: &mut Model) {
    if matches!(model.layers.last(), Some(Layer::Themes(_)))
        && let Some(name) = pick::chosen(model)
    {
        model.wish.picked = Some(name);
        retheme(model);
    }
}

fn accept(model: &mut Model) -> Vec<Effect> {
    let chosen = pick::chosen(model);
    match model.layers.last() {
        Some(Layer::Filter(typing)) if typing.error.is_none() => {
            "".clone_into(&mut model.view_name);
            model.layers.pop();
            screens::preview(model)
        }
        Some(Layer::Search(typing)) => {
            let text = typing.input.text().to_owned();
            model.layers.pop();
            search(model, &text)
        }
        Some(Layer::Unlock(typing)) => {
            let secret = Secret(typing.input.text().to_owned().into());
            model.layers.pop();
            vec![Effect::Unlock(secret)]
        }
        Some(Layer::Say(_)) => proposal::said(model),
        Some(Layer::Halt(_)) => halt::said(model),
        Some(Layer::Palette(_)) => {
            if let Some(row) = pick::named_row(model) {
                // Whatever lies open, the row is what was asked for.
                model.layers.clear();
                return screens::open_first(model, row);
            }
            let Some(binding) = chosen.as_deref().and_then(super::super::keymap::Command::named) else {
                return tell_watch(model, "no command is called so");
            };
            model.layers.pop();
            keys::run(model, binding.command)
        }
        Some(Layer::Views(_)) => {
            let Some(name) = chosen else { return Vec::new() };
            let filter = model.views.iter().find(|(view, _)| *view == name).map(|(_, filter)| filter.clone());
            model.layers.pop();
            model.view_name = name;
            set_filter(model, &filter.unwrap_or_default());
            screens::preview(model)
        }
        Some(Layer::Themes(_)) => {
            let Some(name) = chosen else { return tell_watch(model, "no theme is called so") };
            model.layers.pop();
            vec![Effect::SaveTheme(name)]
        }
        Some(Layer::Copy(_)) => {
            let text = chosen.and_then(|name| pick::copy_text(model, &name));
            model.layers.pop();
            match text {
                Some(text) => {
                    model.tell(Slot::Info, text::COPIED);
                    vec![Effect::Copy(text)]
                }
                None => Vec::new(),
            }
        }
        _ => Vec::new(),
    }
}

/// The next line that holds the words, from the cursor on and round.
fn search(model: &mut Model, words: &str) -> Vec<Effect> {
    let lines = screen::lines_as_text(model);
    let wanted = words.to_lowercase();
    let Some((len, height)) = screen::extent(model).filter(|_| !wanted.is_empty()) else { return Vec::new() };
    let from = screen::cursor(model).unwrap_or(0);
    let at = (1..=lines.len())
        .map(|step| (from + step) % lines.len())
        .find(|at| lines[*at].to_lowercase().contains(&wanted));
    let Some(at) = at else { return tell_watch(model, &format!("not found: {words}")) };
    match model.screens.last_mut() {
        Some(Screen::Row(screen)) => {
            screen.view.top = at.min(len.saturating_sub(height));
            screen.view.cursor = at;
        }
        Some(Screen::Diff(screen)) => screen.view.to(at, len, height),
        Some(Screen::Telemetry(screen)) => screen.view.to(at, len, height),
        Some(Screen::Outbox(plain) | Screen::Holds(plain)) => plain.view.to(at, len, height),
        Some(Screen::Incident(screen)) => screen.view.to(at, len, height),
        Some(Screen::Record(record)) => record.view.to(at, len, height),
        None => {}
    }
    Vec::new()
}

/// The newest decision that has not left.
pub(super) fn take_back(model: &mut Model) -> Vec<Effect> {
    let newest = model.known.entries.iter().find(|entry| entry.fate == Fate::Signed);
    let Some((row, id)) = newest.map(|entry| (entry.row, entry.id.clone())) else {
        return tell_watch(model, text::NOTHING_TO_TAKE_BACK);
    };
    let visit = model.visit();
    push_layer(model, Layer::Ask(Ask { visit, about: About::TakeBack { row, id } }));
    Vec::new()
}

/// A question about a decision that is not the reader's to hold any more asks for nothing: it goes, and why is said.
pub(super) fn left_meanwhile(model: &mut Model) {
    let Some(Layer::Ask(Ask { about: About::TakeBack { row, id } | About::SendNow { row, id }, .. })) =
        model.layers.last()
    else {
        return;
    };
    let (row, fate) =
        (*row, model.known.entries.iter().find(|entry| entry.id == *id).map(|entry| &entry.fate));
    let said = match fate {
        Some(Fate::Signed | Fate::Unknown { .. }) => return,
        Some(Fate::Accepted { log_index, .. }) => {
            format!("{row}: it has left already, entry {} of the record.", text::grouped(*log_index))
        }
        Some(Fate::Refused { message, .. } | Fate::Overtaken { message }) => format!("{row}: {message}"),
        Some(Fate::Sending) => format!("{row}: {}", text::LEFT_ALREADY),
        Some(Fate::TakenBack) | None => format!("{row}: {}", text::TAKEN_BACK),
    };
    model.layers.pop();
    model.tell(Slot::Watch, &said);
}

pub(super) fn send_now(model: &mut Model) -> Vec<Effect> {
    let Some(Screen::Outbox(plain)) = model.screens.last() else { return Vec::new() };
    let items = screen::outbox::items(model);
    let signed = items.get(plain.view.cursor).and_then(|item| match item {
        screen::outbox::Item::Entry(entry) if entry.fate.unsent() => Some((entry.row, entry.id.clone())),
        _ => None,
    });
    let Some((row, id)) = signed else { return tell_watch(model, text::NOTHING_TO_SEND) };
    let visit = model.visit();
    push_layer(model, Layer::Ask(Ask { visit, about: About::SendNow { row, id } }));
    Vec::new()
}

/// A question's answer: `y` does it, anything else but `Esc` does nothing.
pub(super) fn answer(model: &mut Model, key: Key, burst: bool) -> Option<Vec<Effect>> {
    let Some(Layer::Ask(ask)) = model.layers.last() else { return None };
    let about = ask.about.clone();
    match key.code {
        Code::Char('y') if key.typed().is_some() && !burst => {
            model.layers.pop();
            Some(match about {
                About::TakeBack { row, id } => vec![Effect::TakeBack { row, id }],
                About::SendNow { id, .. } => vec![Effect::SendNow(id)],
                About::Amend { row, revision, merge } => proposal::send(model, row, revision, merge),
                About::DropChanges { row } => {
                    model.changes.remove(&row);
                    Vec::new()
                }
                About::Halt { note } => vec![Effect::Halt { note }],
                About::Quit { .. } => quit(model),
            })
        }
        Code::Char('n') => Some(close(model)),
        Code::Esc => None,
        _ if key.ctrl => None,
        _ => Some(Vec::new()),
    }
}

/// The reader's editor gave the note back.
pub(super) fn edited(model: &mut Model, edited: Result<String, String>) {
    let now = model.at.ms;
    match edited {
        Ok(note) => {
            if let Some(Layer::Reword(reword)) = model.layers.last_mut() {
                reword.area = area::text_area("");
                let gone = area::insert(&mut reword.area, note.trim_end(), Reword::BYTES_MAX);
                left_out(model, gone);
            } else if let Some(dialog) = model.dialog_mut() {
                dialog.set_note("");
                let gone = dialog.insert_note(note.trim_end());
                dialog.touched_ms = Some(now);
                left_out(model, gone);
            }
        }
        Err(why) => model.tell(Slot::Watch, &why),
    }
}

fn left_out(model: &mut Model, gone: usize) {
    if gone > 0 {
        let gone = text::plural(gone, "character was", "characters were");
        model.tell(Slot::Watch, &format!("{gone} left out: too many, or not printable"));
    }
}
