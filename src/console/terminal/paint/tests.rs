//! What reaches the terminal for a changed screen, byte for byte.

use proptest::prelude::*;
use ratatui::style::Style;

use super::*;

/// The least terminal that shows what our own sequences draw; it fails on any other.
struct Screen {
    cells: Vec<Vec<(String, Style)>>,
    at: (usize, usize),
    style: Style,
}

impl Screen {
    fn new(width: u16, height: u16) -> Self {
        let line = vec![(" ".to_owned(), Style::new()); usize::from(width)];
        Self { cells: vec![line; usize::from(height)], at: (0, 0), style: Style::new() }
    }

    fn feed(&mut self, bytes: &[u8]) {
        let text = std::str::from_utf8(bytes).unwrap();
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            if c != '\x1b' {
                assert!(!c.is_control(), "a bare control character");
                let width = unicode_width::UnicodeWidthChar::width(c).unwrap();
                let (y, x) = self.at;
                if width == 0 {
                    self.cells[y][x - 1].0.push(c);
                } else {
                    self.cells[y][x] = (c.to_string(), self.style);
                    (1..width).for_each(|more| self.cells[y][x + more] = (String::new(), self.style));
                }
                self.at.1 += width;
                rest = &rest[c.len_utf8()..];
            } else if let Some(osc) = rest.strip_prefix("\x1b]") {
                let end = osc.find(['\x07', '\x1b']).unwrap();
                let skip = if osc[end..].starts_with('\x07') { 1 } else { 2 };
                rest = &osc[end + skip..];
            } else {
                let body = rest.strip_prefix("\x1b[").unwrap();
                let end = body.find(|c: char| c.is_ascii_alphabetic()).unwrap();
                self.csi(&body[..end], body.as_bytes()[end]);
                rest = &body[end + 1..];
            }
        }
    }

    fn csi(&mut self, args: &str, last: u8) {
        match (last, args) {
            (b'h' | b'l', "?2026" | "?25") => {}
            (b'J', "2") => {
                self.cells.iter_mut().flatten().for_each(|cell| *cell = (" ".to_owned(), Style::new()));
            }
            (b'K', "") => {
                let (y, x) = self.at;
                self.cells[y][x..].iter_mut().for_each(|cell| *cell = (" ".to_owned(), Style::new()));
            }
            (b'H', _) => {
                let (y, x) = args.split_once(';').unwrap();
                self.at = (y.parse::<usize>().unwrap() - 1, x.parse::<usize>().unwrap() - 1);
            }
            (b'm', _) => {
                for code in args.split(';') {
                    self.style = match code.parse::<u8>().unwrap() {
                        0 => Style::new(),
                        1 => self.style.add_modifier(Modifier::BOLD),
                        4 => self.style.add_modifier(Modifier::UNDERLINED),
                        7 => self.style.add_modifier(Modifier::REVERSED),
                        31 => self.style.fg(Color::Red),
                        44 => self.style.bg(Color::Blue),
                        other => panic!("SGR {other}"),
                    };
                }
            }
            other => panic!("{other:?}"),
        }
    }

    fn shows(&self, picture: &Picture) {
        for (y, line) in self.cells.iter().enumerate() {
            for (x, (symbol, style)) in line.iter().enumerate() {
                let (Ok(cx), Ok(cy)) = (u16::try_from(x), u16::try_from(y)) else { continue };
                let cell = &picture.buffer[(cx, cy)];
                if symbol.is_empty() {
                    continue; // the second half of a wide character
                }
                assert_eq!(symbol, cell.symbol(), "at {x},{y}");
                if symbol != " " {
                    let wanted = (Some(cell.fg), Some(cell.bg), cell.modifier);
                    let reset = |colour: Option<Color>| colour.or(Some(Color::Reset));
                    assert_eq!((reset(style.fg), reset(style.bg), style.add_modifier), wanted, "at {x},{y}");
                }
            }
        }
    }
}

fn picture(width: u16, lines: &[(&str, Style)]) -> Picture {
    let mut picture = Picture::new(width, 4);
    for (y, (text, style)) in (0..4).zip(lines) {
        picture.buffer.set_string(0, y, text, *style);
    }
    picture
}

#[test]
fn nothing_changed_is_no_byte() {
    let mut painter = Painter::default();
    let same = picture(20, &[("hello", Style::new())]);
    assert!(!painter.paint(&same, "dock").is_empty());
    assert_eq!(painter.paint(&same, "dock"), b"");
}

#[test]
fn a_moved_mark_is_a_few_bytes() {
    let mut painter = Painter::default();
    painter.paint(&picture(20, &[("> one", Style::new()), ("  two", Style::new())]), "dock");
    let bytes = painter.paint(&picture(20, &[("  one", Style::new()), ("> two", Style::new())]), "dock");
    assert!(bytes.len() < 40, "{}", String::from_utf8_lossy(&bytes));
}

#[test]
fn without_colours_in_the_theme_there_is_none_in_the_bytes() {
    let bold = Style::new().add_modifier(Modifier::BOLD | Modifier::REVERSED);
    let bytes = Painter::default().paint(&picture(20, &[("bold", bold), ("plain", Style::new())]), "dock");
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.contains("\x1b[1;7m"), "{text:?}");
    assert!(!text.contains("\x1b[3") && !text.contains("\x1b[4"), "{text:?}");
}

#[test]
fn a_link_opens_and_closes() {
    let mut linked = picture(20, &[("see here now", Style::new())]);
    linked.links.push(Link { x: 4, y: 0, width: 4, url: "https://argo.example/x".into() });
    let text = String::from_utf8(Painter::default().paint(&linked, "dock")).unwrap();
    assert!(text.contains("see \x1b]8;;https://argo.example/x\x1b\\here\x1b]8;;\x1b\\ now"), "{text:?}");
}

proptest! {
    #[test]
    fn whatever_stood_there_the_new_picture_stands_there_afterwards(
        frames in prop::collection::vec(prop::collection::vec(("[a-c 漢é─]{0,9}", 0usize..5), 0..4), 1..6)
    ) {
        let styles = [
            Style::new(),
            Style::new().fg(Color::Red),
            Style::new().bg(Color::Blue),
            Style::new().add_modifier(Modifier::BOLD),
            Style::new().fg(Color::Red).add_modifier(Modifier::UNDERLINED | Modifier::REVERSED),
        ];
        let mut screen = Screen::new(20, 4);
        let mut painter = Painter::default();
        for frame in frames {
            let lines: Vec<_> = frame.iter().map(|(text, style)| (text.as_str(), styles[*style])).collect();
            let picture = picture(20, &lines);
            screen.feed(&painter.paint(&picture, "dock"));
            screen.shows(&picture);
        }
    }
}
