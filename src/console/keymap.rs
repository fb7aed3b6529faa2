//! Which key means what, where: bindings as data.
//!
//! Footer, help, palette, `dock keys` and the README's table are all drawn from [`TABLE`], so they cannot disagree.
//! Small letters look, capitals decide, and no capital decides alone: a dangerous command only opens a dialog.
//!
//! Never: says whether a command is possible right now; the model gives the reason when it is not.

pub mod remap;
mod table;

pub use table::{Binding, Command, Context, SCREENS, TABLE};

use super::key::Key;

/// One key, or a prefix and a key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Chord {
    pub prefix: Option<Key>,
    pub key: Key,
}

impl std::fmt::Display for Chord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(prefix) = self.prefix {
            write!(f, "{prefix} ")?;
        }
        write!(f, "{}", self.key)
    }
}

impl std::str::FromStr for Chord {
    type Err = super::key::NotAKey;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(' ') {
            Some((prefix, key)) => Ok(Self { prefix: Some(prefix.parse()?), key: key.parse()? }),
            None => Ok(Self { prefix: None, key: text.parse()? }),
        }
    }
}

/// A command with the keys that it has now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    pub binding: &'static Binding,
    pub keys: Vec<Chord>,
}

/// All bindings, after the user's own changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keymap {
    bound: Vec<Bound>,
}

/// What a key press comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolved {
    Command(Command),
    /// The key begins a chord; the next one completes it.
    Prefix(Key),
    Nothing,
}

impl Default for Keymap {
    fn default() -> Self {
        let bound = TABLE.iter().map(|binding| Bound { binding, keys: chords(binding.keys) }).collect();
        Self { bound }
    }
}

impl Keymap {
    /// What `key` means where these contexts hold, the nearest first.
    pub fn resolve(&self, contexts: &[Context], prefix: Option<Key>, key: Key) -> Resolved {
        for context in contexts {
            for bound in self.bound.iter().filter(|bound| bound.binding.context == *context) {
                if bound.keys.iter().any(|chord| chord.prefix == prefix && chord.key == key) {
                    return Resolved::Command(bound.binding.command);
                }
            }
        }
        let begins = |bound: &Bound| bound.keys.iter().any(|chord| chord.prefix == Some(key));
        let reachable = |bound: &&Bound| contexts.contains(&bound.binding.context);
        if prefix.is_none() && self.bound.iter().filter(reachable).any(begins) {
            return Resolved::Prefix(key);
        }
        Resolved::Nothing
    }

    /// Everything that can be done where these contexts hold, the nearest first.
    pub fn within<'a>(&'a self, contexts: &'a [Context]) -> impl Iterator<Item = &'a Bound> {
        contexts
            .iter()
            .flat_map(|context| self.bound.iter().filter(|bound| bound.binding.context == *context))
    }

    /// The first key of a command, for footers and hints.
    pub fn key_of(&self, command: Command) -> Option<String> {
        let bound = self.bound.iter().find(|bound| bound.binding.command == command)?;
        bound.keys.first().map(Chord::to_string)
    }

    pub fn all(&self) -> &[Bound] {
        &self.bound
    }
}

/// Keys of the table are literals; the tests read every one of them.
fn chords(keys: &[&str]) -> Vec<Chord> {
    keys.iter().filter_map(|text| text.parse().ok()).collect()
}

#[cfg(test)]
mod readme;
#[cfg(test)]
mod tests;
