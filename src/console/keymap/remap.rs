//! The user's own keys: `[keys.queue] approve = ["A"]` replaces the default, `[keys] preset = "arrows"` several.
//!
//! Never: takes half of a map. One wrong line and the default map holds until it is mended.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

use super::super::key::Code;
use super::{Binding, Chord, Command, Context, Keymap, Resolved, SCREENS, TABLE, chords};
use crate::config::nearest;

/// One thing wrong with the keys of a config file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {what}")]
pub struct KeyError {
    pub file: String,
    /// From 1.
    pub line: usize,
    pub what: String,
}

/// With these, letters are needed only to decide and to type.
const ARROWS: &[(Command, &[&str])] = &[
    (Command::Down, &["↓"]),
    (Command::Up, &["↑"]),
    (Command::Open, &["Enter", "→"]),
    (Command::Leave, &["←", "Backspace"]),
    (Command::Top, &["Home"]),
    (Command::Bottom, &["End"]),
    (Command::SidewaysLeft, &["←"]),
    (Command::SidewaysRight, &["→"]),
    (Command::Palette, &["F2", ":"]),
    (Command::Filter, &["F3", "/"]),
    (Command::Views, &["F4"]),
    (Command::Diff, &["F4"]),
    (Command::Mode, &["F4"]),
    (Command::Refresh, &["F5"]),
    (Command::GoOutbox, &["F6"]),
    (Command::HunkNext, &["F7"]),
    (Command::TakeBack, &["F8"]),
    (Command::Copy, &["F9"]),
    (Command::Back, &["F10"]),
];

impl Keymap {
    /// The default map with the `[keys]` of a config file over it; the file's other sections are not looked at.
    pub fn from_config(file: &str, text: &str) -> Result<Keymap, Vec<KeyError>> {
        let error =
            |at: usize, what: String| KeyError { file: file.to_owned(), line: line_of(text, at), what };
        let parsed = match DeTable::parse(text) {
            Ok(parsed) => parsed,
            Err(wrong) => {
                let at = wrong.span().map_or(0, |span| span.start);
                return Err(vec![error(at, wrong.message().to_owned())]);
            }
        };
        let Some(keys) = parsed.get_ref().get("keys") else { return Ok(Keymap::default()) };
        let Some(table) = keys.get_ref().as_table() else {
            return Err(vec![error(keys.span().start, "`keys` is a table of contexts".to_owned())]);
        };
        let mut map = Keymap::default();
        let mut wrong = Vec::new();
        let mut touched: Vec<(Command, Range<usize>)> = Vec::new();
        // The preset first, so that single keys go over it wherever they stand in the file.
        for (name, value) in table.iter().filter(|(name, _)| name.get_ref() == "preset") {
            match value.get_ref().as_str() {
                Some("arrows") => ARROWS.iter().for_each(|(command, keys)| map.set(*command, chords(keys))),
                Some("default") => {}
                _ => wrong.push(error(name.span().start, "preset is \"default\" or \"arrows\"".to_owned())),
            }
        }
        for (context, entries) in table.iter().filter(|(name, _)| name.get_ref() != "preset") {
            match section(context.get_ref(), entries.get_ref()) {
                Ok(section) => {
                    for (name, value) in section {
                        match remap(context.get_ref(), name.get_ref(), value.get_ref()) {
                            Ok((command, keys)) => {
                                touched.push((command, name.span()));
                                map.set(command, keys);
                            }
                            Err(what) => wrong.push(error(name.span().start, what)),
                        }
                    }
                }
                Err(what) => wrong.push(error(context.span().start, what)),
            }
        }
        for (blamed, what) in map.faults() {
            let span =
                touched.iter().find(|(touched, _)| blamed.contains(touched)).map(|(_, span)| span.start);
            wrong.push(error(span.unwrap_or_else(|| keys.span().start), what));
        }
        if wrong.is_empty() { Ok(map) } else { Err(wrong) }
    }

    fn set(&mut self, command: Command, keys: Vec<Chord>) {
        for bound in self.bound.iter_mut().filter(|bound| bound.binding.command == command) {
            bound.keys.clone_from(&keys);
        }
    }

    /// What makes a map unfit, each with the commands whose lines may be to blame.
    fn faults(&self) -> Vec<(Vec<Command>, String)> {
        let mut faults = Vec::new();
        for (at, bound) in self.bound.iter().enumerate() {
            let binding = bound.binding;
            for chord in &bound.keys {
                let twin = self.bound[..at]
                    .iter()
                    .find(|other| other.binding.context == binding.context && other.keys.contains(chord));
                if let Some(twin) = twin {
                    let what = format!("`{chord}` is both {} and {}", twin.binding.name, binding.name);
                    faults.push((vec![binding.command, twin.binding.command], what));
                }
                if let Some(what) = misplaced(binding, chord) {
                    faults.push((vec![binding.command], what));
                }
            }
        }
        let default = Keymap::default();
        for (screen, contexts) in SCREENS {
            for bound in self.within(contexts) {
                let command = bound.binding.command;
                if default.reaches(contexts, command) && !self.reaches(contexts, command) {
                    let what = format!("{} is out of reach on the screen {screen}", bound.binding.name);
                    faults.push((vec![command], what));
                }
            }
        }
        faults
    }

    /// Whether some key leads to the command where these contexts hold.
    pub(super) fn reaches(&self, contexts: &[Context], command: Command) -> bool {
        let found = |chord: &Chord| {
            let open = match chord.prefix {
                Some(prefix) => self.resolve(contexts, None, prefix) == Resolved::Prefix(prefix),
                None => true,
            };
            open && self.resolve(contexts, chord.prefix, chord.key) == Resolved::Command(command)
        };
        self.within(contexts).any(|bound| bound.binding.command == command && bound.keys.iter().any(&found))
    }
}

type Section<'a> = &'a DeTable<'a>;

fn section<'a>(context: &str, entries: &'a DeValue<'a>) -> Result<Section<'a>, String> {
    if Context::ALL.iter().all(|known| known.name() != context)
        && SCREENS.iter().all(|(known, _)| *known != context)
    {
        let nearest = nearest(context, Context::ALL.iter().map(|known| known.name()));
        return Err(format!("no keys are called `{context}`{}", hint(nearest)));
    }
    entries.as_table().ok_or_else(|| format!("`keys.{context}` is a table: command = [\"key\", …]"))
}

fn remap(context: &str, name: &str, value: &DeValue<'_>) -> Result<(Command, Vec<Chord>), String> {
    let screen = SCREENS.iter().find(|(screen, _)| *screen == context).map(|(_, contexts)| *contexts);
    let here = |binding: &Binding| {
        binding.context.name() == context
            || screen.is_some_and(|contexts| contexts.contains(&binding.context))
    };
    let Some(binding) = TABLE.iter().find(|binding| binding.name == name && here(binding)) else {
        let nearest = nearest(name, TABLE.iter().filter(|binding| here(binding)).map(|binding| binding.name));
        return Err(format!("{context} has no command `{name}`{}", hint(nearest)));
    };
    let strings: Option<Vec<&str>> = match value {
        DeValue::String(one) => Some(vec![one.as_ref()]),
        DeValue::Array(many) => many.iter().map(|key| key.get_ref().as_str()).collect(),
        _ => None,
    };
    let strings = strings.ok_or_else(|| format!("`{name}` wants keys: [\"A\"]"))?;
    let keys: Result<Vec<Chord>, _> = strings.iter().map(|text| text.parse::<Chord>()).collect();
    Ok((binding.command, keys.map_err(|error| error.to_string())?))
}

fn hint(nearest: Option<&str>) -> String {
    nearest.map(|name| format!("; nearest: {name}")).unwrap_or_default()
}

/// A key that would let a slip decide, or that a text field would swallow.
fn misplaced(binding: &Binding, chord: &Chord) -> Option<String> {
    let typing = matches!(binding.context, Context::Dialog | Context::Words | Context::Input);
    if typing {
        return chord
            .key
            .typed()
            .map(|_| format!("`{chord}` would type into a field; {} needs another key", binding.name));
    }
    let slips = chord.key.code == Code::Enter || chord.key.typed().is_some_and(|c| !c.is_uppercase());
    (binding.dangerous && slips)
        .then(|| format!("`{chord}` would let a slip {}; it needs a capital letter", binding.name))
}

fn line_of(text: &str, at: usize) -> usize {
    1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count()
}
