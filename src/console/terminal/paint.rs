//! Turns the difference of two screens into the bytes that make the one into the other: one buffer, one synchronized
//! update.
//!
//! Never: a byte of a cell that is not printable; never a colour that the theme did not ask for, so that `NO_COLOR`
//! output holds none, and never the terminal's background but under a slot that has one.

use std::fmt::Write as _;

use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};
use unicode_width::UnicodeWidthStr;

/// A stretch of cells that opens a page; `https` and `http` only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    pub x: u16,
    pub y: u16,
    pub width: u16,
    pub url: String,
}

/// What is to stand on the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    pub buffer: Buffer,
    pub links: Vec<Link>,
    /// Where the hardware cursor sits; a screen reader follows it.
    pub cursor: Option<(u16, u16)>,
    /// A blinking bar where something is typed, else it is hidden.
    pub typing: bool,
}

impl Picture {
    pub fn new(width: u16, height: u16) -> Self {
        let buffer = Buffer::empty(Rect::new(0, 0, width, height));
        Self { buffer, links: Vec::new(), cursor: None, typing: false }
    }
}

/// Knows what stands on the screen.
#[derive(Debug, Default)]
pub struct Painter {
    last: Option<Picture>,
    title: String,
}

/// Unchanged cells between two changed ones that are rather written again than jumped over: a jump takes four bytes.
const GAP_MAX: u16 = 4;
/// Blank cells at a line's end that are rather erased than written.
const BLANKS_MIN: u16 = 6;

impl Painter {
    /// The next frame paints everything anew, behind a clear in the same buffer.
    pub fn forget(&mut self) {
        self.last = None;
    }

    /// The bytes from what stood there to `next`; empty where nothing differs.
    pub fn paint(&mut self, next: &Picture, title: &str) -> Vec<u8> {
        let known = self.last.as_ref().filter(|last| last.buffer.area == next.buffer.area);
        let mut out = String::new();
        let blank;
        let last = if let Some(last) = known {
            last
        } else {
            out.push_str("\x1b[0m\x1b[2J");
            blank = Picture::new(next.buffer.area.width, next.buffer.area.height);
            &blank
        };
        let body = out.len();
        let mut pen = Pen::default();
        for y in 0..next.buffer.area.height {
            row(&mut out, &mut pen, last, next, y);
        }
        pen.reset(&mut out);
        if self.title != title {
            let _ = write!(out, "\x1b]2;{title}\x07");
            title.clone_into(&mut self.title);
        }
        let moved = out.len() > body || known.is_none() || last.cursor != next.cursor;
        if moved && let Some((x, y)) = next.cursor {
            let _ = write!(out, "\x1b[{};{}H", y + 1, x + 1);
        }
        let showed = known.is_some_and(|last| last.typing);
        if showed != next.typing {
            out.push_str(if next.typing { "\x1b[?25h" } else { "\x1b[?25l" });
        }
        self.last = Some(next.clone());
        if out.is_empty() {
            return Vec::new();
        }
        format!("\x1b[?2026h{out}\x1b[?2026l").into_bytes()
    }
}

fn row(out: &mut String, pen: &mut Pen, last: &Picture, next: &Picture, y: u16) {
    let width = next.buffer.area.width;
    let links_moved = links(last, y).ne(links(next, y));
    let cell = |x: u16| &next.buffer[(x, y)];
    let changed = |x: u16| {
        let (was, is) = (&last.buffer[(x, y)], cell(x));
        let half_of_wide =
            x > 0 && columns(&last.buffer[(x - 1, y)]) > 1 && last.buffer[(x - 1, y)] != *cell(x - 1);
        (was.symbol(), look(was)) != (is.symbol(), look(is))
            || half_of_wide
            || (links_moved && (link_at(last, x, y).is_some() || link_at(next, x, y).is_some()))
    };
    let plain = |x: u16| cell(x).symbol() == " " && is_default(cell(x));
    let text_end = (0..width).rev().find(|x| !plain(*x)).map_or(0, |x| x + columns(cell(x)));
    let was_end = (0..width).rev().find(|x| {
        let was = &last.buffer[(*x, y)];
        !(was.symbol() == " " && is_default(was))
    });
    let erase = was_end.is_some_and(|end| end + 1 >= text_end + BLANKS_MIN);
    let stop = if erase { text_end.min(width) } else { width };

    let mut at = None; // where the cursor stands on this row
    let mut x = 0;
    while x < stop {
        if !changed(x) {
            x += 1;
            continue;
        }
        // A short stretch between two changes is cheaper written again, where the pen need not be changed for it, or is
        // changed anyway.
        let then = Pen::of(cell(x), link_at(next, x, y));
        let again = |x: u16| {
            let link = link_at(next, x, y);
            columns(cell(x)) == 1 && (pen.writes(cell(x), link) || then.writes(cell(x), link))
        };
        let from = match at {
            Some(end) if x - end <= GAP_MAX && (end..x).all(again) => end,
            Some(end) => {
                let _ = write!(out, "\x1b[{}C", x - end);
                x
            }
            None => {
                let _ = write!(out, "\x1b[{};{}H", y + 1, x + 1);
                x
            }
        };
        let mut write_at = from;
        while write_at <= x {
            let is = cell(write_at);
            let link = link_at(next, write_at, y);
            if write_at < x && !pen.writes(is, link) {
                pen.take(out, cell(x), link_at(next, x, y));
            }
            pen.take(out, is, link);
            out.push_str(if columns(is) == 0 { " " } else { is.symbol() });
            let wide = columns(is).max(1);
            // Terminals disagree on more than ASCII and boxes: behind such a cell the place is said again.
            at = surely(is.symbol()).then_some(write_at + wide);
            write_at += wide;
        }
        x = write_at.max(x + 1);
    }
    if erase {
        pen.reset(out);
        match at {
            Some(end) if end == stop => {}
            Some(end) if end < stop => drop(write!(out, "\x1b[{}C", stop - end)),
            _ => drop(write!(out, "\x1b[{};{}H", y + 1, stop + 1)),
        }
        out.push_str("\x1b[K");
    }
}

fn columns(cell: &Cell) -> u16 {
    if cell.symbol().len() == 1 {
        return 1;
    }
    u16::try_from(cell.symbol().width()).unwrap_or(1)
}

fn is_default(cell: &Cell) -> bool {
    cell.bg == Color::Reset && !cell.modifier.intersects(FILLS)
}

/// What a blank cell still shows of its style.
const FILLS: Modifier = Modifier::REVERSED.union(Modifier::UNDERLINED);

/// The style as it is seen: a blank has no foreground and no weight, unless it is filled or underlined with them.
fn look(cell: &Cell) -> (Color, Color, Modifier) {
    if cell.symbol() == " " && !cell.modifier.intersects(FILLS) {
        (Color::Reset, cell.bg, Modifier::empty())
    } else {
        (cell.fg, cell.bg, cell.modifier)
    }
}

fn surely(symbol: &str) -> bool {
    symbol.chars().all(|c| matches!(c, ' '..='~' | '\u{a0}'..='\u{24f}' | '─'..='▟' | '⠀'..='⣿' | '…'))
}

fn links(picture: &Picture, y: u16) -> impl Iterator<Item = &Link> {
    picture.links.iter().filter(move |link| link.y == y)
}

fn link_at(picture: &Picture, x: u16, y: u16) -> Option<&str> {
    links(picture, y).find(|link| (link.x..link.x + link.width).contains(&x)).map(|link| link.url.as_str())
}

/// The style that the terminal has now.
#[derive(Debug, Default, PartialEq, Eq)]
struct Pen {
    fg: Color,
    bg: Color,
    modifier: Modifier,
    link: Option<String>,
}

impl Pen {
    fn of(cell: &Cell, link: Option<&str>) -> Pen {
        Pen { fg: cell.fg, bg: cell.bg, modifier: cell.modifier, link: link.map(str::to_owned) }
    }

    /// The cell comes out right with the pen as it is.
    fn writes(&self, cell: &Cell, link: Option<&str>) -> bool {
        let (fg, bg, modifier) = look(cell);
        // A blank that shows its background alone is written by any pen of that background.
        let blank = cell.symbol() == " " && !modifier.intersects(FILLS);
        let any = blank && bg == self.bg && !self.modifier.intersects(FILLS);
        self.link.as_deref() == link && (any || (fg, bg, modifier) == (self.fg, self.bg, self.modifier))
    }

    fn take(&mut self, out: &mut String, cell: &Cell, link: Option<&str>) {
        if self.writes(cell, link) {
            return;
        }
        if self.link.as_deref() != link {
            let _ = write!(out, "\x1b]8;;{}\x1b\\", link.unwrap_or_default());
            self.link = link.map(str::to_owned);
            if self.writes(cell, link) {
                return;
            }
        }
        let wanted = (cell.fg, cell.bg, cell.modifier);
        let mut codes: Vec<String> = Vec::new();
        let gone = !(self.modifier - cell.modifier).is_empty();
        let uncoloured = (cell.fg == Color::Reset && self.fg != Color::Reset)
            || (cell.bg == Color::Reset && self.bg != Color::Reset);
        if gone || uncoloured {
            codes.push("0".to_owned());
            (self.fg, self.bg, self.modifier) = (Color::Reset, Color::Reset, Modifier::empty());
        }
        for (modifier, code) in MODIFIERS {
            if cell.modifier.contains(modifier) && !self.modifier.contains(modifier) {
                codes.push(code.to_owned());
            }
        }
        if cell.fg != self.fg {
            codes.push(colour(cell.fg, 30));
        }
        if cell.bg != self.bg {
            codes.push(colour(cell.bg, 40));
        }
        (self.fg, self.bg, self.modifier) = wanted;
        let _ = write!(out, "\x1b[{}m", codes.join(";"));
    }

    fn reset(&mut self, out: &mut String) {
        if self.link.take().is_some() {
            out.push_str("\x1b]8;;\x1b\\");
        }
        if *self != Pen::default() {
            out.push_str("\x1b[0m");
            *self = Pen::default();
        }
    }
}

const MODIFIERS: [(Modifier, &str); 4] =
    [(Modifier::BOLD, "1"), (Modifier::DIM, "2"), (Modifier::UNDERLINED, "4"), (Modifier::REVERSED, "7")];

fn colour(colour: Color, base: u8) -> String {
    let named = |n: u8| if n < 8 { (base + n).to_string() } else { (base + 52 + n).to_string() };
    match colour {
        Color::Reset => (base + 9).to_string(),
        Color::Black => named(0),
        Color::Red => named(1),
        Color::Green => named(2),
        Color::Yellow => named(3),
        Color::Blue => named(4),
        Color::Magenta => named(5),
        Color::Cyan => named(6),
        Color::Gray => named(7),
        Color::DarkGray => named(8),
        Color::LightRed => named(9),
        Color::LightGreen => named(10),
        Color::LightYellow => named(11),
        Color::LightBlue => named(12),
        Color::LightMagenta => named(13),
        Color::LightCyan => named(14),
        Color::White => named(15),
        Color::Indexed(n) => format!("{};5;{n}", base + 8),
        Color::Rgb(r, g, b) => format!("{};2;{r};{g};{b}", base + 8),
    }
}

#[cfg(test)]
mod tests;
