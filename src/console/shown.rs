//! The one kind of text that reaches the terminal: screens, titles, notifications, hyperlinks and copies take [`Shown`].
//!
//! Agents, platforms and colleagues write text that people decide by, so nothing of it may move the cursor, recolour
//! a line, reverse its direction or hide in it. What is harmful is spelled out, what is invisible is counted.
//!
//! Never: signs or stores anything. The bytes that are signed are the original ones; this is only how they look.

use std::fmt;
use std::ops::Range;

use unicode_normalization::char::is_combining_mark;
use unicode_width::UnicodeWidthChar;

/// Combining marks that one character may carry; the rest of a longer stack is dropped and counted as hidden.
const MARKS_PER_CHARACTER: usize = 4;
/// Tabs go to the next multiple of this many columns.
const TAB_STOP: usize = 4;

/// Text that is safe to draw: no control character, no direction change, no width that terminals disagree on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Shown {
    text: String,
    width: usize,
    hidden: usize,
}

impl Shown {
    /// Makes one line of anything. Line feeds are spelled out too; for text of several lines see [`Shown::lines`].
    pub fn untrusted(text: &str) -> Self {
        let mut shown = Self::default();
        shown.push_untrusted(text);
        shown
    }

    /// The lines of a text, each harmless; a final line feed opens no further line.
    pub fn lines(text: &str) -> impl Iterator<Item = Shown> + '_ {
        text.strip_suffix('\n').unwrap_or(text).split('\n').map(Self::untrusted)
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Columns that the text takes; what is drawn takes exactly as many.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Characters that a reader of the raw text would not have seen: spelled out here or left away.
    pub fn hidden(&self) -> usize {
        self.hidden
    }

    pub fn push(&mut self, other: &Shown) {
        self.text.push_str(&other.text);
        self.width += other.width;
        self.hidden += other.hidden;
    }

    /// Each character with the marks that it carries, and its columns (1 or 2).
    pub fn cells(&self) -> impl Iterator<Item = (&str, usize)> {
        let mut starts = self.text.char_indices().peekable();
        std::iter::from_fn(move || {
            let (start, base) = starts.next()?;
            while starts.next_if(|(_, c)| c.width() == Some(0)).is_some() {}
            let end = starts.peek().map_or(self.text.len(), |(at, _)| *at);
            Some((&self.text[start..end], base.width().unwrap_or(1)))
        })
    }

    /// The text cut to `width` columns, with `…` where something was cut.
    #[must_use]
    pub fn fit(&self, width: usize) -> Shown {
        if self.width <= width {
            return self.clone();
        }
        if width == 0 {
            return Shown::default();
        }
        let mut shown = self.columns(0, width - 1);
        shown.text.push('…');
        shown.width += 1;
        shown
    }

    /// What stands in the columns `from .. from + width`; half of a wide character becomes a space.
    #[must_use]
    pub fn columns(&self, from: usize, width: usize) -> Shown {
        let mut shown = Shown { hidden: self.hidden, ..Shown::default() };
        let mut at = 0;
        for (cell, columns) in self.cells() {
            let end = at + columns;
            if width == 0 || at >= from + width {
                break;
            }
            if at >= from && end <= from + width {
                shown.text.push_str(cell);
                shown.width += columns;
            } else if end > from && at < from + width {
                shown.text.push(' ');
                shown.width += 1;
            }
            at = end;
        }
        shown
    }

    /// Breaks the text into lines of at most `width` columns, at spaces where there are any. Loses nothing but the
    /// spaces at which a line was broken; an empty text is one empty line.
    pub fn wrap(&self, width: usize) -> Vec<Shown> {
        wrap_ranges(self, width.max(2)).into_iter().map(|range| self.slice(range)).collect()
    }

    fn slice(&self, range: Range<usize>) -> Shown {
        let text = self.text[range].to_owned();
        let width = text.chars().map(|c| c.width().unwrap_or(0)).sum();
        Shown { text, width, hidden: 0 }
    }

    fn push_untrusted(&mut self, text: &str) {
        // Most of what is shown is this, and needs no look at each character.
        if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            return self.push_ascii(text);
        }
        let mut marks = MARKS_PER_CHARACTER; // a mark at the very start has nothing to stand on
        for c in text.chars() {
            match look(c) {
                Look::Plain(width) => {
                    self.text.push(c);
                    self.width += width;
                    marks = 0;
                }
                Look::Mark if marks < MARKS_PER_CHARACTER => {
                    self.text.push(c);
                    marks += 1;
                }
                Look::Mark if self.text.is_empty() => self.spell(&format!("<U+{:04X}>", c as u32)),
                Look::Mark => self.hidden += 1,
                Look::Tab => {
                    let spaces = TAB_STOP - self.width % TAB_STOP;
                    self.text.extend(std::iter::repeat_n(' ', spaces));
                    self.width += spaces;
                    marks = MARKS_PER_CHARACTER;
                }
                Look::Selector => {}
                Look::Control(name) => {
                    self.spell(&format!("<{name}>"));
                    marks = MARKS_PER_CHARACTER;
                }
                Look::Hidden => {
                    self.spell(&format!("<U+{:04X}>", c as u32));
                    marks = MARKS_PER_CHARACTER;
                }
                Look::Doubtful => {
                    self.push_ascii(&format!("<U+{:04X}>", c as u32));
                    marks = MARKS_PER_CHARACTER;
                }
            }
        }
    }

    fn spell(&mut self, name: &str) {
        self.push_ascii(name);
        self.hidden += 1;
    }

    fn push_ascii(&mut self, text: &str) {
        self.text.push_str(text);
        self.width += text.len();
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl From<&str> for Shown {
    fn from(text: &str) -> Self {
        Self::untrusted(text)
    }
}

impl From<String> for Shown {
    fn from(text: String) -> Self {
        Self::untrusted(&text)
    }
}

enum Look {
    Plain(usize),
    Mark,
    Tab,
    /// A presentation selector: goes without a word, emoji carry them everywhere.
    Selector,
    Control(&'static str),
    Hidden,
    /// Visible, but terminals disagree on its columns.
    Doubtful,
}

const CONTROLS: [&str; 32] = [
    "NUL", "SOH", "STX", "ETX", "EOT", "ENQ", "ACK", "BEL", "BS", "HT", "LF", "VT", "FF", "CR", "SO", "SI",
    "DLE", "DC1", "DC2", "DC3", "DC4", "NAK", "SYN", "ETB", "CAN", "EM", "SUB", "ESC", "FS", "GS", "RS",
    "US",
];

fn look(c: char) -> Look {
    match c {
        '\t' => Look::Tab,
        '\u{0}'..='\u{1f}' => Look::Control(CONTROLS[c as usize]),
        ' '..='~' => Look::Plain(1),
        '\u{7f}' => Look::Control("DEL"),
        '\u{fe0e}' | '\u{fe0f}' => Look::Selector,
        // Flags, skin tones and keycaps join with their neighbours in some terminals only; private use has no width.
        '\u{1f1e6}'..='\u{1f1ff}' | '\u{1f3fb}'..='\u{1f3ff}' | '\u{20e3}' => Look::Doubtful,
        '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}' | '\u{fdfd}' => Look::Doubtful,
        // Blank, and yet not spaces.
        '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{2800}' | '\u{3164}' | '\u{ffa0}' => {
            Look::Hidden
        }
        // Variation selectors for ideographs and Mongolian can carry a message of any length.
        '\u{fe00}'..='\u{fe0d}' | '\u{180b}'..='\u{180f}' | '\u{e0000}'..='\u{e0fff}' => Look::Hidden,
        '\u{80}'..='\u{9f}' | '\u{ad}' | '\u{61c}' | '\u{34f}' | '\u{2028}'..='\u{202e}' => Look::Hidden,
        '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{206f}' | '\u{fff0}'..='\u{fffb}' => Look::Hidden,
        _ if is_combining_mark(c) && c.width() == Some(0) => Look::Mark,
        _ => match c.width() {
            Some(width @ 1..=2) => Look::Plain(width),
            Some(0) | None => Look::Hidden,
            Some(_) => Look::Doubtful,
        },
    }
}

fn wrap_ranges(text: &Shown, width: usize) -> Vec<Range<usize>> {
    let measure = |part: &str| -> usize { part.chars().map(|c| c.width().unwrap_or(0)).sum() };
    let mut lines = Vec::new();
    let (mut start, mut at, mut column) = (0, 0, 0);
    let mut after_space = None;
    for (cell, columns) in text.cells() {
        // Twice at most: first at the last space, and where the rest is still too long, right here.
        while column + columns > width {
            let cut = after_space.take().unwrap_or(at);
            lines.push(start..start + text.text[start..cut].trim_end_matches(' ').len());
            start = cut;
            column = measure(&text.text[start..at]);
        }
        at += cell.len();
        column += columns;
        if cell == " " {
            after_space = Some(at);
        }
    }
    lines.push(start..text.text.len());
    lines
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(raw: &str, text: &str, hidden: usize) {
        let shown = Shown::untrusted(raw);
        assert_eq!((shown.as_str(), shown.hidden()), (text, hidden), "{raw:?}");
    }

    #[test]
    fn what_could_harm_is_spelled_out_and_what_was_hidden_is_counted() {
        check("plain text, ünïcödé, 漢字", "plain text, ünïcödé, 漢字", 0);
        check("\x1b[31mred\x1b[0m", "<ESC>[31mred<ESC>[0m", 2);
        check("\x1b]0;title\x07", "<ESC>]0;title<BEL>", 2);
        check("a\tb\ttab", "a   b   tab", 0);
        check("one\r\ntwo", "one<CR><LF>two", 2);
        check("\u{9b}31m", "<U+009B>31m", 1);
        check("\u{202e}gnihton", "<U+202E>gnihton", 1);
        check("zero\u{200b}width\u{feff}", "zero<U+200B>width<U+FEFF>", 2);
        check("tag\u{e0041}\u{e007f}", "tag<U+E0041><U+E007F>", 2);
        check("warning \u{26a0}\u{fe0f}", "warning \u{26a0}", 0);
        check("family 👩\u{200d}👧", "family 👩<U+200D>👧", 1);
        check("flag 🇸🇪", "flag <U+1F1F8><U+1F1EA>", 0);
        check("e\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}", "e\u{301}\u{302}\u{303}\u{304}", 2);
        check("\u{301}first", "<U+0301>first", 1);
        check("\u{7f}\u{0}", "<DEL><NUL>", 2);
        check("blank\u{3164}", "blank<U+3164>", 1);
        check("שלום ｶﾅ", "שלום ｶﾅ", 0);
    }

    #[test]
    fn lines_split_at_line_feeds_only() {
        let lines: Vec<_> = Shown::lines("a\nb\r\n\nc\n").map(|line| line.to_string()).collect();
        assert_eq!(lines, ["a", "b<CR>", "", "c"]);
    }

    #[test]
    fn fitting_and_wrapping_by_columns() {
        assert_eq!(Shown::untrusted("漢字かな").fit(5).as_str(), "漢字…");
        assert_eq!(Shown::untrusted("漢字かな").columns(1, 4).as_str(), " 字 ");
        assert_eq!(Shown::untrusted("漢字かな").columns(1, 0).as_str(), "");
        assert_eq!(Shown::untrusted("abc").fit(3).as_str(), "abc");
        let wrapped = |text: &str, width| -> Vec<String> {
            Shown::untrusted(text).wrap(width).iter().map(Shown::to_string).collect()
        };
        assert_eq!(wrapped("Hold. Drift is from a toggle", 10), ["Hold.", "Drift is", "from a", "toggle"]);
        assert_eq!(wrapped("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(wrapped("漢字かな", 5), ["漢字", "かな"]);
        assert_eq!(wrapped("", 5), [""]);
    }

    proptest! {
        #[test]
        fn nothing_shown_can_steer_a_terminal(raw in any::<String>()) {
            let shown = Shown::untrusted(&raw);
            prop_assert!(shown.as_str().chars().all(|c| !c.is_control()));
            prop_assert!(!shown.as_str().chars().any(|c| matches!(look(c), Look::Hidden | Look::Control(_))));
            let columns: usize = shown.cells().map(|(_, columns)| columns).sum();
            prop_assert_eq!(columns, shown.width());
        }

        #[test]
        fn what_is_harmless_stays_as_it_is(raw in any::<String>()) {
            let once = Shown::untrusted(&raw);
            let twice = Shown::untrusted(once.as_str());
            prop_assert_eq!(twice.as_str(), once.as_str());
            prop_assert_eq!(twice.hidden(), 0);
        }

        #[test]
        fn a_cut_never_exceeds_its_columns(raw in "\\PC{0,60}", from in 0usize..40, width in 0usize..40) {
            let shown = Shown::untrusted(&raw);
            prop_assert!(shown.fit(width).width() <= width);
            prop_assert!(shown.columns(from, width).width() <= width);
        }

        #[test]
        fn wrapping_loses_only_spaces(raw in "[a-z漢é ]{0,80}", width in 2usize..30) {
            let shown = Shown::untrusted(&raw);
            let lines = shown.wrap(width);
            prop_assert!(lines.iter().all(|line| line.width() <= width));
            let kept: String = lines.iter().flat_map(|line| line.as_str().chars()).filter(|c| *c != ' ').collect();
            let all: String = shown.as_str().chars().filter(|c| *c != ' ').collect();
            prop_assert_eq!(kept, all);
        }
    }
}
