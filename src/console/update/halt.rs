//! `:halt`: from then on no agent drafts, no policy decides and nothing new is executed, for everybody.
//!
//! Never: by a key, without a reason, or before it was asked once more. What ends it is an administrator's signature:
//! `dock resume`.

use super::super::effect::Effect;
use super::super::keymap::Command;
use super::super::line::Line;
use super::super::model::{About, Ask, Layer, Model, Typing};
use super::{push_layer, tell_watch};
use crate::row::Note;

/// Asks why.
pub(super) fn begin(model: &mut Model) -> Vec<Effect> {
    if let Some(why) = model.disabled(Command::Halt) {
        return tell_watch(model, &why);
    }
    let visit = model.visit();
    let typing = Typing { visit, input: Line::default(), before: String::new(), error: None };
    push_layer(model, Layer::Halt(typing));
    Vec::new()
}

/// The reason stands there: asks once more, with what it does.
pub(super) fn said(model: &mut Model) -> Vec<Effect> {
    let Some(Layer::Halt(typing)) = model.layers.last_mut() else { return Vec::new() };
    let note = typing.input.text().trim().to_owned();
    if let Err(why) = Note::parse(&note) {
        typing.error = Some(why.to_string());
        return Vec::new();
    }
    model.layers.pop();
    let visit = model.visit();
    push_layer(model, Layer::Ask(Ask { visit, about: About::Halt { note } }));
    Vec::new()
}
