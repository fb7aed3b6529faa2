//! Lists to choose from: commands, views, themes, what to copy.
//!
//! Never: a command that does not exist, or one that cannot be done without its reason.

use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher};

use super::super::canvas::{Canvas, Styled};
use super::super::keymap::{Chord, Context};
use super::super::layout;
use super::super::model::{Layer, Model, Screen};
use super::super::theme::{AUTO, Slot};
use super::super::widget::diff::Diff;
use crate::row::RowId;

/// Lines of a list of choices.
pub const HEIGHT: usize = 14;

struct Choice {
    /// What is given back.
    name: String,
    text: Styled,
    /// What the typed letters are looked for in.
    search: String,
}

fn choices(model: &Model) -> Vec<Choice> {
    match model.layers.last() {
        Some(Layer::Palette(_)) => commands(model),
        Some(Layer::Views(_)) => views(model),
        Some(Layer::Themes(_)) => themes(model),
        Some(Layer::Copy(_)) => copies(model),
        _ => Vec::new(),
    }
}

fn themes(model: &Model) -> Vec<Choice> {
    let line = |name: String, about: &str| Choice {
        text: Styled::of(Slot::Title, format!("{name:<15} ")).add(Slot::Muted, about),
        search: name.clone(),
        name,
    };
    let auto = line(AUTO.to_owned(), "Dark or light, as the terminal's background is");
    let named = model.themes.names().into_iter().map(|name| {
        let about = model.themes.about(&name).to_owned();
        line(name, &about)
    });
    std::iter::once(auto).chain(named).collect()
}

/// `open rb-8821`, typed as a command: a row by its id.
pub fn named_row(model: &Model) -> Option<RowId> {
    let Some(Layer::Palette(picking)) = model.layers.last() else { return None };
    let (command, row) = picking.input.text().trim().split_once(' ')?;
    (command == "open").then(|| row.trim().replace('_', "-").parse().ok()).flatten()
}

fn commands(model: &Model) -> Vec<Choice> {
    if let Some(row) = named_row(model) {
        let about = model.head(row).map(|head| format!("{}: {}", head.about(), head.title));
        let text = Styled::of(Slot::Key, format!("{:<12} ", "Enter")).text(format!("open {row}   "));
        let about = about.unwrap_or_else(|| "not in this home's list; the backend is asked".to_owned());
        return vec![Choice {
            name: row.to_string(),
            text: text.add(Slot::Muted, about),
            search: String::new(),
        }];
    }
    let contexts = model.screen_contexts();
    let typing = [Context::Dialog, Context::Words, Context::Input];
    let bound = model.keymap.all().iter().filter(|bound| !typing.contains(&bound.binding.context));
    let here = bound.filter(|bound| contexts.contains(&bound.binding.context));
    here.map(|bound| {
        let binding = bound.binding;
        let keys: Vec<String> = bound.keys.iter().map(Chord::to_string).collect();
        let reason = model.disabled(binding.command);
        let slot = if reason.is_some() { Slot::Muted } else { Slot::Text };
        let mut text = Styled::of(Slot::Key, format!("{:<12} ", keys.join(" ")))
            .add(slot, format!("{:<15} ", binding.name))
            .add(Slot::Muted, binding.help);
        if let Some(reason) = reason {
            text = text.add(Slot::Watch, format!("  off: {reason}"));
        }
        Choice { name: binding.name.to_owned(), text, search: format!("{} {}", binding.name, binding.help) }
    })
    .collect()
}

fn views(model: &Model) -> Vec<Choice> {
    let line = |(name, filter): &(String, String)| Choice {
        name: name.clone(),
        text: Styled::of(Slot::Title, format!("{name:<14} ")).add(Slot::Muted, filter.as_str()),
        search: format!("{name} {filter}"),
    };
    model.views.iter().map(line).collect()
}

const COPIES: [(&str, &str); 6] = [
    ("id", "the row's id"),
    ("pointer", "the page of its first pointer"),
    ("digest", "the digest of its content"),
    ("hunk", "the change under the cursor"),
    ("rationale", "what the agent wrote"),
    ("row", "the whole row, as text"),
];

fn copies(model: &Model) -> Vec<Choice> {
    let offered = COPIES.iter().filter(|(name, _)| copy_text(model, name).is_some());
    offered
        .map(|(name, help)| Choice {
            name: (*name).to_owned(),
            text: Styled::of(Slot::Title, format!("{name:<12} ")).add(Slot::Muted, *help),
            search: (*name).to_owned(),
        })
        .collect()
}

/// The text that a copy takes; `None` where there is none here.
pub fn copy_text(model: &Model, what: &str) -> Option<String> {
    let row = model.subject()?;
    let head = model.head(row)?;
    let body = model.body(row);
    match what {
        "id" => Some(head.id.to_string()),
        "digest" => Some(head.content_sha256.to_string()),
        "pointer" => body.and_then(|body| body.view.pointers.first()).map(|pointer| pointer.url.clone()),
        "rationale" => body.map(|body| body.view.rationale.clone()),
        "row" => body.map(|body| {
            crate::row::present::text(&body.view.draft(), body.view.head.id, body.view.head.revision)
        }),
        "hunk" => {
            let Some(Screen::Diff(screen)) = model.screens.last() else { return None };
            let hunks = Diff::hunks(&screen.lines);
            let at = hunks.iter().rposition(|start| *start <= screen.view.cursor)?;
            Some(screen.diff.as_ref()?.hunk_text(&screen.lines, at))
        }
        _ => None,
    }
}

fn input(model: &Model) -> Option<(&super::super::line::Line, super::View)> {
    match model.layers.last() {
        Some(
            Layer::Palette(picking) | Layer::Views(picking) | Layer::Themes(picking) | Layer::Copy(picking),
        ) => Some((&picking.input, picking.view)),
        _ => None,
    }
}

/// What the typed letters leave, best first.
fn matching(model: &Model) -> Vec<Choice> {
    let mut choices = choices(model);
    let Some((input, _)) = input(model).filter(|(input, _)| !input.text().is_empty()) else { return choices };
    if named_row(model).is_some() {
        return choices;
    }
    let pattern = Pattern::parse(input.text(), CaseMatching::Ignore, Normalization::Smart);
    let mut matcher = Matcher::new(Config::DEFAULT);
    let mut buffer = Vec::new();
    let mut scored: Vec<(u32, usize)> = choices
        .iter()
        .enumerate()
        .filter_map(|(at, choice)| {
            // A command's own name weighs more than what is told of it.
            let name = pattern.score(nucleo_matcher::Utf32Str::new(&choice.name, &mut buffer), &mut matcher);
            let all = pattern.score(nucleo_matcher::Utf32Str::new(&choice.search, &mut buffer), &mut matcher);
            Some((name.unwrap_or(0) * 2 + all?, at))
        })
        .collect();
    scored.sort_by_key(|(score, at)| (std::cmp::Reverse(*score), *at));
    let order: Vec<usize> = scored.into_iter().map(|(_, at)| at).collect();
    let mut taken: Vec<Option<Choice>> = choices.drain(..).map(Some).collect();
    order.into_iter().filter_map(|at| taken[at].take()).collect()
}

/// Where a name stands among the choices.
pub fn position(model: &Model, name: &str) -> Option<usize> {
    matching(model).iter().position(|choice| choice.name == name)
}

pub fn len(model: &Model) -> usize {
    matching(model).len()
}

/// The name under the cursor.
pub fn chosen(model: &Model) -> Option<String> {
    let (_, view) = input(model)?;
    matching(model).into_iter().nth(view.cursor).map(|choice| choice.name)
}

pub(super) fn draw(model: &Model, layer: &Layer, canvas: &mut Canvas<'_>) {
    let Some((input, view)) = input(model) else { return };
    let title = match layer {
        Layer::Palette(_) => "Commands",
        Layer::Views(_) => "Views",
        Layer::Themes(_) => "Themes, as you move; Enter keeps one in console.toml, Esc goes back",
        _ => "Copy",
    };
    let height = u16::try_from(choices(model).len().min(HEIGHT)).unwrap_or(14) + 4;
    let area = layout::layer(model, 92, height);
    super::boxed(canvas, area, title);
    let inside = super::inside(area);
    canvas.line(inside.x, inside.y, inside.width, &Styled::of(Slot::Key, "› ").text(input.text()));
    let list = super::Rect { y: inside.y + 1, height: inside.height.saturating_sub(1), ..inside };
    let lines: Vec<Styled> = matching(model).into_iter().map(|choice| choice.text).collect();
    if lines.is_empty() {
        canvas.line(list.x, list.y, list.width, &Styled::of(Slot::Muted, "nothing is called so"));
    }
    super::lines(canvas, list, view, &lines);
    let column = u16::try_from(input.column()).unwrap_or(0);
    canvas.cursor(inside.x + 2 + column, inside.y, true);
}
