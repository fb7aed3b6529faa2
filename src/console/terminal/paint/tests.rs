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
            (b'C', _) => self.at.1 += args.parse::<usize>().unwrap(),
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
                let mut is = Cell::default();
                is.set_symbol(symbol).set_style(*style);
                assert_eq!(seen(&is), seen(cell), "at {x},{y}");
            }
        }
    }
}

/// What an eye makes out: of a blank its ground alone, unless it is reversed or underlined.
fn seen(cell: &Cell) -> (Option<Color>, Color, Modifier) {
    let drawn = cell.symbol() != " " || cell.modifier.intersects(Modifier::REVERSED | Modifier::UNDERLINED);
    if drawn { (Some(cell.fg), cell.bg, cell.modifier) } else { (None, cell.bg, Modifier::empty()) }
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

#[test]
fn a_blank_costs_no_change_of_the_pen() {
    let mut painter = Painter::default();
    let line = |weight: Style| {
        let mut picture = picture(30, &[("one", weight.fg(Color::Red))]);
        picture.buffer.set_string(3, 0, "     ", weight);
        picture.buffer.set_string(8, 0, "two", weight.fg(Color::Red));
        picture
    };
    painter.paint(&line(Style::new()), "dock");
    let bytes = painter.paint(&line(Style::new().add_modifier(Modifier::BOLD)), "dock");
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.contains("\x1b[1;1H\x1b[1;31mone\x1b[5Ctwo\x1b[0m"), "{text:?}");
    let mut blue = line(Style::new().add_modifier(Modifier::BOLD));
    blue.buffer.set_string(3, 0, "     ", Style::new().bg(Color::Blue));
    let text = String::from_utf8(painter.paint(&blue, "dock")).unwrap();
    assert!(text.contains("\x1b[1;4H\x1b[1;44m     \x1b[0m"), "its ground is seen: {text:?}");
}

proptest! {
    #[test]
    fn whatever_stood_there_the_new_picture_stands_there_afterwards(
        frames in prop::collection::vec(prop::collection::vec(
            prop::collection::vec(("[a-c 漢é─]{0,6}", 0usize..5), 0..4), 0..4), 1..6)
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
            let mut picture = picture(20, &[]);
            for (y, line) in (0..4).zip(&frame) {
                let mut at = 0;
                for (text, style) in line {
                    let room = usize::from(20 - at);
                    (at, _) = picture.buffer.set_stringn(at, y, text, room, styles[*style]);
                }
            }
            screen.feed(&painter.paint(&picture, "dock"));
            screen.shows(&picture);
        }
    }
}
