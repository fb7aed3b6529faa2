//! A key press, as the console understands it, and how it is written in the config and on the screen.
//!
//! Never: a release or a repeat; only presses count, whatever protocol the terminal speaks.

use std::fmt;
use std::str::FromStr;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Code {
    Char(char),
    Enter,
    Esc,
    Tab,
    BackTab,
    Backspace,
    Delete,
    Insert,
    Up,
    Down,
    Left,
    Right,
    PageUp,
    PageDown,
    Home,
    End,
    Function(u8),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    pub code: Code,
    pub ctrl: bool,
    /// Never bound; kept so that `Alt+A` is not taken for `A`.
    pub alt: bool,
}

const NAMED: [(&str, Code); 16] = [
    ("Enter", Code::Enter),
    ("Esc", Code::Esc),
    ("Tab", Code::Tab),
    ("Shift+Tab", Code::BackTab),
    ("Backspace", Code::Backspace),
    ("Del", Code::Delete),
    ("Ins", Code::Insert),
    ("↑", Code::Up),
    ("↓", Code::Down),
    ("←", Code::Left),
    ("→", Code::Right),
    ("PgUp", Code::PageUp),
    ("PgDn", Code::PageDown),
    ("Home", Code::Home),
    ("End", Code::End),
    ("Space", Code::Char(' ')),
];

/// What people also write for the same keys.
const ALSO: [(&str, Code); 6] = [
    ("Up", Code::Up),
    ("Down", Code::Down),
    ("Left", Code::Left),
    ("Right", Code::Right),
    ("Delete", Code::Delete),
    ("Escape", Code::Esc),
];

impl Key {
    pub const fn new(code: Code) -> Self {
        Self { code, ctrl: false, alt: false }
    }

    pub const fn char(c: char) -> Self {
        Self::new(Code::Char(c))
    }

    pub const fn ctrl(c: char) -> Self {
        Self { code: Code::Char(c), ctrl: true, alt: false }
    }

    /// The character that this key types into a text field.
    pub fn typed(self) -> Option<char> {
        match self.code {
            Code::Char(c) if !self.ctrl && !self.alt => Some(c),
            _ => None,
        }
    }

    /// A capital letter: the keys that decide.
    pub fn is_capital(self) -> bool {
        self.typed().is_some_and(char::is_uppercase)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.alt {
            f.write_str("Alt+")?;
        }
        if self.ctrl {
            f.write_str("Ctrl+")?;
        }
        if let Some((name, _)) = NAMED.iter().find(|(_, code)| *code == self.code) {
            return f.write_str(name);
        }
        match self.code {
            Code::Char(c) if self.ctrl => write!(f, "{}", c.to_ascii_uppercase()),
            Code::Char(c) => write!(f, "{c}"),
            Code::Function(n) => write!(f, "F{n}"),
            _ => Ok(()),
        }
    }
}

/// The text names no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a key; keys are written A, ?, Enter, Shift+Tab, Ctrl+X, F1, PgDn")]
pub struct NotAKey(pub String);

impl FromStr for Key {
    type Err = NotAKey;

    fn from_str(text: &str) -> Result<Self, NotAKey> {
        let wrong = || NotAKey(text.to_owned());
        if let Some((_, code)) = NAMED.iter().chain(&ALSO).find(|(name, _)| *name == text) {
            return Ok(Key::new(*code));
        }
        let (rest, ctrl, alt) = match text.split_once('+') {
            Some(("Ctrl", rest)) => (rest, true, false),
            Some(("Alt", rest)) => (rest, false, true),
            _ => (text, false, false),
        };
        if let Some(n) = rest.strip_prefix('F').and_then(|n| n.parse().ok()).filter(|n| (1..=12).contains(n))
        {
            return Ok(Key { code: Code::Function(n), ctrl, alt });
        }
        let named = NAMED.iter().chain(&ALSO).find(|(name, _)| *name == rest).map(|(_, code)| *code);
        let mut chars = rest.chars();
        let code = match (named, chars.next(), chars.next()) {
            (Some(code), ..) => code,
            (None, Some(c), None) if ctrl => Code::Char(c.to_ascii_lowercase()),
            (None, Some(c), None) if !c.is_control() => Code::Char(c),
            _ => return Err(wrong()),
        };
        Ok(Key { code, ctrl, alt })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_they_are_written() {
        for text in
            ["A", "?", ":", "+", "-", "Enter", "Shift+Tab", "Ctrl+X", "F1", "F12", "PgDn", "Space", "↓"]
        {
            assert_eq!(text.parse::<Key>().unwrap().to_string(), text);
        }
        assert_eq!("Down".parse::<Key>().unwrap(), Key::new(Code::Down));
        assert_eq!("Ctrl+Space".parse::<Key>().unwrap(), Key::ctrl(' '));
        for text in ["", "AB", "Hyper+X", "F13", "Ctrl+", "Ctrl+XY"] {
            assert!(text.parse::<Key>().is_err(), "{text}");
        }
    }

    #[test]
    fn only_plain_characters_are_typed() {
        assert_eq!(Key::char('é').typed(), Some('é'));
        assert_eq!(Key::ctrl('x').typed(), None);
        assert_eq!(Key { alt: true, ..Key::char('a') }.typed(), None);
        assert!(Key::char('Å').is_capital() && !Key::char('a').is_capital() && !Key::char('?').is_capital());
    }
}
