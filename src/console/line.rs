//! One line that is typed: a filter, a command's name, a passphrase.
//!
//! Never: holds a character that could steer a terminal; what is not printable is not taken.

use super::key::{Code, Key};
use super::shown::Shown;

/// More is not taken.
const LINE_BYTES_MAX: usize = 1024;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    text: String,
    /// Byte offset, on a character's border.
    cursor: usize,
}

impl Line {
    pub fn new(text: &str) -> Self {
        let mut line = Self::default();
        line.insert(text);
        line
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// The columns before the cursor.
    pub fn column(&self) -> usize {
        Shown::untrusted(&self.text[..self.cursor]).width()
    }

    pub fn clear(&mut self) {
        self.text.clear();
        self.cursor = 0;
    }

    /// Takes what can be printed of a text, up to the limit; line ends become spaces.
    pub fn insert(&mut self, text: &str) {
        for c in text.chars() {
            let c = if c == '\n' { ' ' } else { c };
            let harmless = Shown::untrusted(c.encode_utf8(&mut [0; 4])).hidden() == 0 && !c.is_control();
            if harmless && self.text.len() + c.len_utf8() <= LINE_BYTES_MAX {
                self.text.insert(self.cursor, c);
                self.cursor += c.len_utf8();
            }
        }
    }

    /// True where the key belonged to the line.
    pub fn key(&mut self, key: Key) -> bool {
        let before = |line: &Self| line.text[..line.cursor].chars().next_back().map_or(0, char::len_utf8);
        let after = |line: &Self| line.text[line.cursor..].chars().next().map_or(0, char::len_utf8);
        match key.code {
            _ if key.typed().is_some() => self.insert(&key.typed().map(String::from).unwrap_or_default()),
            Code::Backspace => {
                let gone = before(self);
                self.cursor -= gone;
                self.text.drain(self.cursor..self.cursor + gone);
            }
            Code::Delete => {
                let gone = after(self);
                self.text.drain(self.cursor..self.cursor + gone);
            }
            Code::Left => self.cursor -= before(self),
            Code::Right => self.cursor += after(self),
            Code::Home => self.cursor = 0,
            Code::End => self.cursor = self.text.len(),
            _ => return false,
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_edited_where_the_cursor_stands() {
        let mut line = Line::new("env:prdo");
        for _ in 0..2 {
            line.key(Key::new(Code::Backspace));
        }
        line.insert("od\u{1b}[31m\u{202e}");
        assert_eq!(line.text(), "env:prod[31m", "what steers terminals is not taken");
        line.key(Key::new(Code::Home));
        line.key(Key::new(Code::Delete));
        assert_eq!((line.text(), line.column()), ("nv:prod[31m", 0));
        line.key(Key::new(Code::Backspace));
        assert_eq!(line.text(), "nv:prod[31m", "nothing before the start");
        assert!(!line.key(Key::ctrl('x')));
    }
}
