//! Colours: how they are written, sent at each depth, and how well one is read on another.
//!
//! Never: a name for what a colour means; slots mean, colours look.

use ratatui::style::Color;

use super::Depth;

pub type Rgb = (u8, u8, u8);

const SIXTEEN: [(&str, Color, Rgb); 16] = [
    ("black", Color::Black, (0, 0, 0)),
    ("red", Color::Red, (205, 0, 0)),
    ("green", Color::Green, (0, 205, 0)),
    ("yellow", Color::Yellow, (205, 205, 0)),
    ("blue", Color::Blue, (0, 0, 238)),
    ("magenta", Color::Magenta, (205, 0, 205)),
    ("cyan", Color::Cyan, (0, 205, 205)),
    ("white", Color::Gray, (229, 229, 229)),
    ("bright-black", Color::DarkGray, (127, 127, 127)),
    ("bright-red", Color::LightRed, (255, 0, 0)),
    ("bright-green", Color::LightGreen, (0, 255, 0)),
    ("bright-yellow", Color::LightYellow, (255, 255, 0)),
    ("bright-blue", Color::LightBlue, (92, 92, 255)),
    ("bright-magenta", Color::LightMagenta, (255, 0, 255)),
    ("bright-cyan", Color::LightCyan, (0, 255, 255)),
    ("bright-white", Color::White, (255, 255, 255)),
];

pub(super) fn parse_colour(text: &str) -> Option<Color> {
    if let Some(hex) = text.strip_prefix('#') {
        let value = u32::from_str_radix(hex, 16).ok().filter(|_| hex.len() == 6)?;
        let [_, r, g, b] = value.to_be_bytes();
        return Some(Color::Rgb(r, g, b));
    }
    SIXTEEN.iter().find(|(name, ..)| *name == text).map(|(_, colour, _)| *colour)
}

pub(super) fn at_depth(colour: Color, depth: Depth) -> Option<Color> {
    match (colour, depth) {
        (_, Depth::None) => None,
        (Color::Rgb(r, g, b), Depth::Indexed) => Some(Color::Indexed(nearest_indexed((r, g, b)))),
        (Color::Rgb(r, g, b), Depth::Sixteen) => Some(nearest_of_sixteen((r, g, b))),
        (other, _) => Some(other),
    }
}

const CUBE: [u8; 6] = [0, 95, 135, 175, 215, 255];

fn indexed_rgb(index: u8) -> Rgb {
    match index {
        0..=15 => SIXTEEN[usize::from(index)].2,
        16..=231 => {
            let n = usize::from(index - 16);
            (CUBE[n / 36], CUBE[n / 6 % 6], CUBE[n % 6])
        }
        232..=255 => {
            let grey = 8 + 10 * (index - 232);
            (grey, grey, grey)
        }
    }
}

/// The first sixteen are left out: every terminal paints them as it likes.
fn nearest_indexed(colour: Rgb) -> u8 {
    (16..=255).min_by_key(|index| distance(colour, indexed_rgb(*index))).unwrap_or(255)
}

fn nearest_of_sixteen(colour: Rgb) -> Color {
    SIXTEEN
        .iter()
        .min_by_key(|(_, _, rgb)| distance(colour, *rgb))
        .map_or(Color::Gray, |(_, named, _)| *named)
}

fn distance(a: Rgb, b: Rgb) -> u32 {
    let square = |a: u8, b: u8| u32::from(a.abs_diff(b)).pow(2);
    2 * square(a.0, b.0) + 4 * square(a.1, b.1) + 3 * square(a.2, b.2)
}

/// Relative luminance by WCAG 2, 0 to 1.
pub(super) fn luminance((r, g, b): Rgb) -> f64 {
    let linear = |channel: u8| {
        let value = f64::from(channel) / 255.0;
        if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)
}

/// The contrast of two colours by WCAG 2, 1 to 21.
pub fn contrast(a: Rgb, b: Rgb) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

/// The colour as it is likely to look; for measuring and for pictures, not for drawing.
pub fn rgb_of(colour: Color) -> Option<Rgb> {
    match colour {
        Color::Rgb(r, g, b) => Some((r, g, b)),
        Color::Indexed(index) => Some(indexed_rgb(index)),
        Color::Reset => None,
        named => SIXTEEN.iter().find(|(_, colour, _)| *colour == named).map(|(_, _, rgb)| *rgb),
    }
}
