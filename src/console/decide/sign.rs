//! The last step before a signature: what must hold, the orders, and the key's passphrase.
//!
//! Never: an order for what moved, or before the note is on its way to the disk.

use super::super::dialog::Field;
use super::super::effect::{Effect, KeyState, Order};
use super::super::line::Line;
use super::super::model::{Layer, Model, Pin, Typing};
use super::super::text;
use super::super::theme::Slot;
use super::super::update::push_layer;
use super::{is_current, save, settled};

/// `Enter` in the sign field.
pub fn sign(model: &mut Model) -> Vec<Effect> {
    let settled = settled(model);
    let Some(dialog) = model.dialog() else { return Vec::new() };
    let wrong = |text: String| Some(text);
    let goes_on = dialog.verb.goes_on(dialog.verdict);
    let typed = dialog.typed.trim().to_lowercase();
    let error = if dialog.focus != Field::Sign || dialog.signing > 0 {
        return Vec::new();
    } else if !settled {
        wrong(text::TOO_SOON.to_owned())
    } else if let Some(missing) = dialog.missing() {
        wrong(missing)
    } else if typed != dialog.demand.text() {
        let not = if typed.is_empty() { String::new() } else { format!("{typed} is not it: ") };
        wrong(format!("{not}type {}, then Enter", dialog.demand.text()))
    } else if let KeyState::Missing(why) = &model.key {
        wrong(why.clone())
    } else if matches!(model.key, KeyState::Locked { .. } | KeyState::Unasked) {
        return unlock(model);
    } else if dialog.over {
        wrong("nothing can be decided on it any more: Esc".to_owned())
    } else if dialog.broken && !goes_on {
        wrong("it moved: Esc, read the new revision, then decide again".to_owned())
    } else if !dialog.broken && !dialog.pins.iter().all(|pin| is_current(model, pin)) {
        let rows: Vec<Effect> = dialog.pins.iter().map(|pin| Effect::LoadRow { row: pin.row }).collect();
        fail(model, text::BEHIND.to_owned());
        return rows;
    } else {
        None
    };
    if let Some(error) = error {
        fail(model, error);
        return Vec::new();
    }
    let orders = orders(model);
    // The note first: whatever becomes of the signature, its words are on disk.
    let note = save(model);
    if let Some(dialog) = model.dialog_mut() {
        dialog.signing = orders.len();
        dialog.error = None;
    }
    note.into_iter().chain(orders.into_iter().map(|order| Effect::Sign(Box::new(order)))).collect()
}

fn fail(model: &mut Model, error: String) {
    if let Some(dialog) = model.dialog_mut() {
        dialog.error = Some(error);
        dialog.typed.clear();
    }
}

fn orders(model: &Model) -> Vec<Order> {
    let Some(dialog) = model.dialog() else { return Vec::new() };
    let looked = |pin: &Pin| model.looked_ms.get(&(pin.row, pin.revision)).copied().unwrap_or(0) / 1000;
    let order = |pin: &Pin| Order {
        pin: pin.clone(),
        decision: dialog.verb.decision(dialog.verdict),
        overrides: dialog.verb.overrides(dialog.verdict),
        conditions: dialog.agreed().into_iter().collect(),
        note: dialog.note_text().trim().to_owned(),
        on_screen_s: looked(pin),
        offline: model.link.away(),
    };
    dialog.pins.iter().map(order).collect()
}

fn unlock(model: &mut Model) -> Vec<Effect> {
    if model.key == KeyState::Unasked {
        fail(model, "the key is being asked for".to_owned());
        return vec![Effect::Key];
    }
    ask_passphrase(model);
    Vec::new()
}

/// `:unlock`, from anywhere.
pub fn unlock_now(model: &mut Model) -> Vec<Effect> {
    match &model.key {
        KeyState::Locked { .. } => ask_passphrase(model),
        KeyState::Ready { .. } => model.tell(Slot::Info, text::UNLOCKED),
        KeyState::Unasked | KeyState::Missing(_) => {
            model.unlocking = true;
            return vec![Effect::Key];
        }
    }
    Vec::new()
}

/// The key was looked for, or tried.
pub fn key_came(model: &mut Model, key: KeyState) {
    let wanted = std::mem::take(&mut model.unlocking);
    let tried = matches!(model.key, KeyState::Locked { .. });
    match &key {
        KeyState::Locked { wrong: true, .. } => model.tell(Slot::Watch, text::WRONG_PASSPHRASE),
        KeyState::Ready { .. } if tried && model.dialog().is_some() => {
            model.tell(Slot::Ok, "your key is open: Enter signs");
        }
        KeyState::Ready { .. } if tried || wanted => model.tell(Slot::Ok, text::UNLOCKED),
        KeyState::Missing(why) if wanted => model.tell(Slot::Watch, why),
        _ => {}
    }
    let ask = matches!(&key, KeyState::Locked { wrong, .. } if wanted || *wrong);
    model.key = key;
    if ask {
        ask_passphrase(model);
    }
}

fn ask_passphrase(model: &mut Model) {
    let visit = model.visit();
    let typing = Typing { visit, input: Line::default(), before: String::new(), error: None };
    push_layer(model, Layer::Unlock(typing));
}
