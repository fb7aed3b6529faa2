//! What the terminal sends, read byte by byte: keys, pastes, focus, and the answers to what was asked of it.
//!
//! An answer that comes late is still an answer: it is swallowed here and never taken for keys.
//!
//! Never: reads a file or a clock; bytes and their time are handed in. Never keeps more than its limits.

use super::super::key::{Code, Key};

/// One thing that came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    Key(Key),
    /// A bracketed paste, cut to [`PASTE_BYTES_MAX`]; `cut` says how many bytes went.
    Paste {
        text: String,
        cut: usize,
    },
    Focus(bool),
    /// The background, as answered to OSC 11.
    Background(String),
    /// The end of the answers that were asked for at the start (device attributes).
    Answered,
    /// Mode 2031: the terminal went dark or light.
    Scheme {
        dark: bool,
    },
    /// Lines, up is negative.
    Wheel(i8),
}

/// More of a paste is cut off.
pub const PASTE_BYTES_MAX: usize = 16 * 1024;
/// More of an answer is dropped.
const SEQUENCE_BYTES_MAX: usize = 4 * 1024;
/// After this, a lone `ESC` was the Esc key.
pub const ESC_WAIT_MS: u64 = 40;
/// After this, a sequence that was begun comes to nothing: long, because slow lines tear sequences apart.
pub const SEQUENCE_WAIT_MS: u64 = 1_000;

#[derive(Debug, Default)]
pub struct Parser {
    state: State,
    /// When the last byte came.
    at_ms: u64,
    /// Esc was told already, and what follows may be the rest of its sequence.
    told_esc: bool,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Ground,
    Escape,
    /// `ESC [`, then parameters.
    Csi(Vec<u8>),
    /// `ESC O`.
    Ss3,
    /// `ESC ]` and the like, up to `BEL` or `ESC \`.
    Text {
        kind: u8,
        bytes: Vec<u8>,
        escape: bool,
    },
    Paste {
        bytes: Vec<u8>,
        cut: usize,
    },
    Utf8 {
        bytes: Vec<u8>,
        len: usize,
    },
}

const PASTE_END: &[u8] = b"\x1b[201~";

impl Parser {
    /// Takes what one read brought.
    pub fn feed(&mut self, at_ms: u64, bytes: &[u8]) -> Vec<Input> {
        let mut inputs = self.wait_over(at_ms);
        self.at_ms = at_ms;
        for byte in bytes {
            self.byte(*byte, &mut inputs);
        }
        inputs
    }

    /// How long to wait for more before [`Parser::wait_over`] has something to say; `None` where nothing is begun.
    pub fn waits_ms(&self) -> Option<u64> {
        match self.state {
            State::Ground if self.told_esc => Some(SEQUENCE_WAIT_MS),
            State::Ground | State::Paste { .. } => None,
            State::Escape => Some(ESC_WAIT_MS),
            _ => Some(SEQUENCE_WAIT_MS),
        }
    }

    /// Says what a begun sequence comes to when nothing followed in time.
    pub fn wait_over(&mut self, at_ms: u64) -> Vec<Input> {
        let waited = at_ms.saturating_sub(self.at_ms);
        match self.state {
            State::Escape if waited >= ESC_WAIT_MS => {
                self.state = State::Ground;
                self.told_esc = true;
                vec![Input::Key(Key::new(Code::Esc))]
            }
            State::Ground => {
                self.told_esc &= waited < SEQUENCE_WAIT_MS;
                Vec::new()
            }
            State::Paste { .. } | State::Escape => Vec::new(),
            _ if waited >= SEQUENCE_WAIT_MS => {
                self.state = State::Ground;
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    fn byte(&mut self, byte: u8, inputs: &mut Vec<Input>) {
        let told_esc = std::mem::take(&mut self.told_esc);
        match std::mem::take(&mut self.state) {
            State::Ground if told_esc && byte == b'[' => self.state = State::Csi(Vec::new()),
            State::Ground => self.ground(byte, inputs),
            State::Escape => self.escape(byte, inputs),
            State::Csi(bytes) => self.csi(bytes, byte, inputs),
            State::Ss3 => inputs.extend(ss3(byte).map(Input::Key)),
            State::Text { kind, bytes, escape } => self.text(kind, bytes, escape, byte, inputs),
            State::Paste { bytes, cut } => self.paste(bytes, cut, byte, inputs),
            State::Utf8 { mut bytes, len } => {
                if byte & 0xc0 != 0x80 {
                    return self.ground(byte, inputs);
                }
                bytes.push(byte);
                if bytes.len() < len {
                    self.state = State::Utf8 { bytes, len };
                } else if let Some(c) = std::str::from_utf8(&bytes).ok().and_then(|text| text.chars().next())
                {
                    inputs.extend(Some(c).filter(|c| !c.is_control()).map(|c| Input::Key(Key::char(c))));
                }
            }
        }
    }

    fn ground(&mut self, byte: u8, inputs: &mut Vec<Input>) {
        let len = match byte {
            0x1b => {
                self.state = State::Escape;
                return;
            }
            0xc2..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf4 => 4,
            _ => {
                inputs.extend(plain(byte).map(Input::Key));
                return;
            }
        };
        self.state = State::Utf8 { bytes: vec![byte], len };
    }

    fn escape(&mut self, byte: u8, inputs: &mut Vec<Input>) {
        match byte {
            b'[' => self.state = State::Csi(Vec::new()),
            b'O' => self.state = State::Ss3,
            b']' | b'P' | b'_' | b'^' | b'X' => {
                self.state = State::Text { kind: byte, bytes: Vec::new(), escape: false };
            }
            0x1b => {
                inputs.push(Input::Key(Key::new(Code::Esc)));
                self.state = State::Escape;
            }
            _ => inputs.extend(plain(byte).map(|key| Input::Key(Key { alt: true, ..key }))),
        }
    }

    fn csi(&mut self, mut bytes: Vec<u8>, byte: u8, inputs: &mut Vec<Input>) {
        match byte {
            0x40..=0x7e if bytes == b"200" && byte == b'~' => {
                self.state = State::Paste { bytes: Vec::new(), cut: 0 };
            }
            0x40..=0x7e => inputs.extend(sequence(&bytes, byte)),
            0x20..=0x3f if bytes.len() < SEQUENCE_BYTES_MAX => {
                bytes.push(byte);
                self.state = State::Csi(bytes);
            }
            0x1b => self.state = State::Escape,
            _ => {} // broken off: what was begun comes to nothing
        }
    }

    fn text(&mut self, kind: u8, mut bytes: Vec<u8>, escape: bool, byte: u8, inputs: &mut Vec<Input>) {
        match byte {
            b'\\' if escape => inputs.extend(answer(kind, &bytes)),
            0x07 if kind == b']' => inputs.extend(answer(kind, &bytes)),
            0x1b => self.state = State::Text { kind, bytes, escape: true },
            _ => {
                if bytes.len() < SEQUENCE_BYTES_MAX {
                    bytes.push(byte);
                }
                self.state = State::Text { kind, bytes, escape: false };
            }
        }
    }

    fn paste(&mut self, mut bytes: Vec<u8>, mut cut: usize, byte: u8, inputs: &mut Vec<Input>) {
        // The buffer holds the limit and, behind it, as much as may turn out to be the end mark.
        bytes.push(byte);
        if bytes.ends_with(PASTE_END) {
            bytes.truncate(bytes.len() - PASTE_END.len());
            while bytes.len() > PASTE_BYTES_MAX {
                bytes.pop();
                cut += 1;
            }
            let text = String::from_utf8_lossy(&bytes).replace("\r\n", "\n").replace('\r', "\n");
            inputs.push(Input::Paste { text, cut });
            return;
        }
        if bytes.len() > PASTE_BYTES_MAX + PASTE_END.len() {
            bytes.remove(PASTE_BYTES_MAX);
            cut += 1;
        }
        self.state = State::Paste { bytes, cut };
    }
}

fn plain(byte: u8) -> Option<Key> {
    Some(match byte {
        b'\r' => Key::new(Code::Enter),
        b'\t' => Key::new(Code::Tab),
        0x7f | 0x08 => Key::new(Code::Backspace),
        0x00 => Key::ctrl(' '),
        0x01..=0x1a => Key::ctrl(char::from(byte - 1 + b'a')),
        0x20..=0x7e => Key::char(char::from(byte)),
        _ => return None,
    })
}

fn ss3(byte: u8) -> Option<Key> {
    let code = match byte {
        b'P'..=b'S' => Code::Function(byte - b'P' + 1),
        b'M' => Code::Enter,
        other => arrow(other)?,
    };
    Some(Key::new(code))
}

fn arrow(byte: u8) -> Option<Code> {
    Some(match byte {
        b'A' => Code::Up,
        b'B' => Code::Down,
        b'C' => Code::Right,
        b'D' => Code::Left,
        b'H' => Code::Home,
        b'F' => Code::End,
        _ => return None,
    })
}

fn sequence(bytes: &[u8], last: u8) -> Option<Input> {
    let text = std::str::from_utf8(bytes).ok()?;
    if let Some(rest) = text.strip_prefix('?') {
        return match (last, rest) {
            (b'c', _) => Some(Input::Answered),
            (b'n', "997;1") => Some(Input::Scheme { dark: true }),
            (b'n', "997;2") => Some(Input::Scheme { dark: false }),
            _ => None,
        };
    }
    if let Some(rest) = text.strip_prefix('<') {
        return match rest.split(';').next()? {
            "64" => Some(Input::Wheel(-3)),
            "65" => Some(Input::Wheel(3)),
            _ => None,
        };
    }
    match (last, text) {
        (b'I', "") => return Some(Input::Focus(true)),
        (b'O', "") => return Some(Input::Focus(false)),
        _ => {}
    }
    let mut parts = text.split(';');
    let first = parts.next().unwrap_or_default();
    let second = parts.next().unwrap_or_default();
    let mut modifiers = second.split(':');
    let modifier: u32 = modifiers.next().and_then(|n| n.parse().ok()).unwrap_or(1);
    if matches!(modifiers.next(), Some("2" | "3")) {
        return None; // kitty: a repeat or a release
    }
    let bits = modifier.saturating_sub(1);
    let (shift, alt, ctrl) = (bits & 1 != 0, bits & 2 != 0, bits & 4 != 0);
    let code = match last {
        b'~' => tilde(first)?,
        b'u' => kitty(first, shift)?,
        b'Z' => Code::BackTab,
        b'P'..=b'S' => Code::Function(last - b'P' + 1),
        other => arrow(other)?,
    };
    Some(Input::Key(Key { code, ctrl, alt }))
}

fn tilde(number: &str) -> Option<Code> {
    Some(match number.parse::<u8>().ok()? {
        1 | 7 => Code::Home,
        2 => Code::Insert,
        3 => Code::Delete,
        4 | 8 => Code::End,
        5 => Code::PageUp,
        6 => Code::PageDown,
        n @ 11..=15 => Code::Function(n - 10),
        n @ 17..=21 => Code::Function(n - 11),
        n @ 23..=24 => Code::Function(n - 12),
        _ => return None,
    })
}

fn kitty(number: &str, shift: bool) -> Option<Code> {
    Some(match number.split(':').next()?.parse::<u32>().ok()? {
        13 => Code::Enter,
        27 => Code::Esc,
        9 if shift => Code::BackTab,
        9 => Code::Tab,
        127 => Code::Backspace,
        n => {
            let c = char::from_u32(n).filter(|c| !c.is_control())?;
            Code::Char(if shift { c.to_uppercase().next().unwrap_or(c) } else { c })
        }
    })
}

fn answer(kind: u8, bytes: &[u8]) -> Option<Input> {
    let text = std::str::from_utf8(bytes).ok()?;
    let colour = text.strip_prefix("11;").filter(|_| kind == b']')?;
    Some(Input::Background(colour.to_owned()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(bytes: &[u8]) -> Vec<Input> {
        let mut parser = Parser::default();
        let mut inputs = parser.feed(0, bytes);
        inputs.extend(parser.wait_over(10_000));
        inputs
    }

    fn one(bytes: &[u8], input: Input) {
        assert_eq!(all(bytes), [input], "{:?}", String::from_utf8_lossy(bytes));
    }

    fn key(code: Code) -> Input {
        Input::Key(Key::new(code))
    }

    #[test]
    fn keys_of_common_terminals() {
        one(b"a", key(Code::Char('a')));
        one("é".as_bytes(), key(Code::Char('é')));
        one("漢".as_bytes(), key(Code::Char('漢')));
        one(b"\r", key(Code::Enter));
        one(b"\x7f", key(Code::Backspace));
        one(b"\x18", Input::Key(Key::ctrl('x')));
        one(b"\x1b", key(Code::Esc));
        one(b"\x1b[A", key(Code::Up));
        one(b"\x1bOB", key(Code::Down));
        one(b"\x1b[5~", key(Code::PageUp));
        one(b"\x1b[Z", key(Code::BackTab));
        one(b"\x1bOP", key(Code::Function(1)));
        one(b"\x1b[11~", key(Code::Function(1)));
        one(b"\x1b[24~", key(Code::Function(12)));
        one(b"\x1b[1;5C", Input::Key(Key { ctrl: true, ..Key::new(Code::Right) }));
        one(b"\x1ba", Input::Key(Key { alt: true, ..Key::char('a') }));
        one(b"\x1b[97;5u", Input::Key(Key::ctrl('a')));
        one(b"\x1b[97;2u", key(Code::Char('A')));
        one(b"\x1b[I", Input::Focus(true));
        assert_eq!(all(b"\x1b[97;1:3u"), [], "a release");
        assert_eq!(all(b"\x1b[<0;3;4M"), [], "a click");
    }

    #[test]
    fn answers_are_never_keys_however_they_are_torn() {
        let bytes = b"\x1b]11;rgb:1e1e/1e1e/2e2e\x1b\\\x1b[?62;22c";
        let answers = [Input::Background("rgb:1e1e/1e1e/2e2e".into()), Input::Answered];
        assert_eq!(all(bytes), answers);
        for cut in 2..bytes.len() {
            let mut parser = Parser::default();
            let mut inputs = parser.feed(0, &bytes[..cut]);
            inputs.extend(parser.feed(900, &bytes[cut..]));
            let keys =
                inputs.iter().filter(|input| matches!(input, Input::Key(key) if key.code != Code::Esc));
            assert_eq!(keys.count(), 0, "torn after {cut}");
        }
    }

    #[test]
    fn a_sequence_torn_behind_its_escape_opens_no_dialog() {
        let mut parser = Parser::default();
        assert_eq!(parser.feed(0, b"\x1b"), []);
        assert_eq!(parser.wait_over(50), [key(Code::Esc)]);
        assert_eq!(parser.feed(300, b"[A"), [key(Code::Up)], "not the letter A");
        assert_eq!(parser.feed(5_000, b"[A"), [key(Code::Char('[')), key(Code::Char('A'))]);
    }

    #[test]
    fn a_paste_is_text_with_a_limit() {
        one(b"\x1b[200~A\r\nD\x1b[201~", Input::Paste { text: "A\nD".into(), cut: 0 });
        let long = [b"\x1b[200~".as_slice(), &vec![b'x'; 100_000], b"\x1b[201~"].concat();
        let text = "x".repeat(PASTE_BYTES_MAX);
        one(&long, Input::Paste { text, cut: 100_000 - PASTE_BYTES_MAX });
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken_in_any_pieces(bytes in prop::collection::vec(any::<u8>(), 0..300), cut in 0usize..300) {
            let cut = cut.min(bytes.len());
            let whole = Parser::default().feed(0, &bytes);
            let mut parser = Parser::default();
            let mut pieces = parser.feed(0, &bytes[..cut]);
            pieces.extend(parser.feed(0, &bytes[cut..]));
            prop_assert_eq!(whole, pieces);
        }
    }
}
