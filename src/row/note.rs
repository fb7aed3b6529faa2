//! A reviewer's reason. There is no blank `Note`, and no lone full stop.
//!
//! Never: shortens what a person wrote; too long is refused with the limit in the words.

use std::{collections::BTreeSet, fmt};

use serde::{Deserialize, Deserializer, Serialize, de};

#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Note(String);

/// Why a text is no note.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotANote {
    #[error(
        "the note has {visible} visible characters and {letters} different letters; it needs {} and {}",
        Note::VISIBLE_MIN,
        Note::LETTERS_MIN
    )]
    TooLittle { visible: usize, letters: usize },
    #[error("the note has {bytes} bytes; {} are the limit", Note::BYTES_MAX)]
    TooLong { bytes: usize },
}

impl Note {
    pub const VISIBLE_MIN: usize = 10;
    pub const LETTERS_MIN: usize = 3;
    pub const BYTES_MAX: usize = 4096;
    /// What break-glass asks for instead of `VISIBLE_MIN`.
    pub const BREAK_GLASS_MIN: usize = 30;

    pub fn parse(text: &str) -> Result<Self, NotANote> {
        let text = text.trim();
        if text.len() > Self::BYTES_MAX {
            return Err(NotANote::TooLong { bytes: text.len() });
        }
        let visible = visible(text);
        let letters = letters(text);
        if visible < Self::VISIBLE_MIN || letters < Self::LETTERS_MIN {
            return Err(NotANote::TooLittle { visible, letters });
        }
        Ok(Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Visible characters, for the dialog's count.
    pub fn visible(text: &str) -> usize {
        visible(text)
    }
}

fn visible(text: &str) -> usize {
    text.chars().filter(|c| !c.is_whitespace() && !c.is_control() && !hidden(*c)).count()
}

fn letters(text: &str) -> usize {
    text.chars()
        .filter(|c| c.is_alphabetic() && !hidden(*c))
        .flat_map(char::to_lowercase)
        .collect::<BTreeSet<_>>()
        .len()
}

/// Format and filler characters that show nothing, though Unicode calls some of them letters.
fn hidden(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Note {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_is_no_note() {
        for text in [
            "",
            " ",
            ".",
            "\u{200b}\u{200b}\u{200b}",
            "..........",
            "aaaaaaaaaaaa",
            "abababababab",
            "\u{3164}\u{115f}\u{1160}".repeat(12).as_str(),
            "ok go",
        ] {
            assert!(matches!(Note::parse(text), Err(NotANote::TooLittle { .. })), "{text:?}");
        }
    }

    #[test]
    fn a_reason_is_a_note() {
        for text in ["Manual mitigation of INC-771 stays.", "読んだ差分は問題ありません", "ok go ahead now"]
        {
            assert!(Note::parse(text).is_ok(), "{text}");
        }
        assert_eq!(Note::parse("  trimmed at its ends \n").unwrap().as_str(), "trimmed at its ends");
    }

    #[test]
    fn a_note_of_4096_bytes_passes_and_of_4097_does_not() {
        let text = "abc ".repeat(1024);
        assert!(Note::parse(&(text.trim_end().to_owned() + "d")).is_ok());
        assert_eq!(Note::parse(&(text.trim_end().to_owned() + "de")), Err(NotANote::TooLong { bytes: 4097 }));
    }
}
