//! What the parts of a screen look like: slots that mean something, filled by a theme file.
//!
//! Code names a [`Slot`], a theme gives it a [`Style`], and the terminal's depth decides how a colour is sent. The
//! terminal's own background is never painted over.
//!
//! Never: reads the environment or a file; whoever starts the console hands both in.

use std::collections::BTreeMap;

use ratatui::style::{Color, Modifier, Style};
use serde::Deserialize;

/// Declares the slots once: the enum, their names in theme files, and the list of all.
macro_rules! slots {
    ($($variant:ident $name:literal),+ $(,)?) => {
        /// A meaning that a theme gives a look to.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Slot { $($variant),+ }

        impl Slot {
            pub const ALL: &'static [Slot] = &[$(Slot::$variant),+];

            /// The slot's name in a theme file.
            pub fn name(self) -> &'static str {
                match self { $(Slot::$variant => $name),+ }
            }
        }
    };
}

slots! {
    Text "text", Muted "muted", Title "title", Border "border", Focus "focus", Cursor "cursor", Marked "marked",
    Key "key", Link "link", Info "info", Ok "ok", Watch "watch", Danger "danger", Unknown "unknown", Stale "stale",
    Offline "offline", Unsent "unsent", Added "added", AddedWord "added_word", Removed "removed",
    RemovedWord "removed_word", Changed "changed", Fold "fold", ChartA "chart_a", ChartB "chart_b",
    ChartC "chart_c", Threshold "threshold", Gap "gap", Ghost "ghost",
}

/// The themes that come with the program, as the picker lists them.
pub const EMBEDDED: [(&str, &str); 5] = [
    ("terminal", include_str!("../../themes/terminal.toml")),
    ("dark", include_str!("../../themes/dark.toml")),
    ("light", include_str!("../../themes/light.toml")),
    ("night", include_str!("../../themes/night.toml")),
    ("mono", include_str!("../../themes/mono.toml")),
];

/// A theme that inherits from one that inherits … ends after this many.
const INHERIT_DEPTH: usize = 8;

/// How many colours the terminal takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    None,
    Sixteen,
    Indexed,
    Rgb,
}

/// What the terminal's background is, by its own word or by `COLORFGBG`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Background {
    Dark,
    Light,
}

/// A theme, ready to draw with at one depth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Theme {
    pub name: String,
    styles: Vec<Style>,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ThemeError {
    #[error("theme {theme}: {detail}")]
    Toml { theme: String, detail: String },
    #[error("theme {theme}: no slot is called {slot}; nearest: {nearest}")]
    UnknownSlot { theme: String, slot: String, nearest: &'static str },
    #[error(
        "theme {theme}: slot {slot} names the colour {colour}, which is neither #rrggbb, nor in the palette, nor one of the sixteen"
    )]
    UnknownColour { theme: String, slot: String, colour: String },
    #[error("theme {theme}: slot {slot} is missing, here and in what it inherits")]
    MissingSlot { theme: String, slot: &'static str },
    #[error("no theme is called {theme}; there are: {known}")]
    UnknownTheme { theme: String, known: String },
    #[error("theme {theme} inherits itself")]
    Circle { theme: String },
}

impl Theme {
    pub fn style(&self, slot: Slot) -> Style {
        self.styles[slot as usize]
    }

    /// The embedded theme of that name at full depth; for tests and as the last resort.
    pub fn embedded(name: &str, depth: Depth) -> Result<Theme, ThemeError> {
        Themes::default().load(name, depth)
    }

    /// No style at all: what is left when even an embedded theme does not load.
    pub fn bare() -> Theme {
        Theme { name: "bare".to_owned(), styles: vec![Style::new(); Slot::ALL.len()] }
    }
}

/// The theme files at hand: the embedded ones, and the user's own over them.
#[derive(Clone, Debug, Default)]
pub struct Themes {
    own: BTreeMap<String, String>,
}

impl Themes {
    /// Adds a file of the user's; one with an embedded name replaces that one.
    pub fn add(&mut self, name: &str, text: &str) {
        self.own.insert(name.to_owned(), text.to_owned());
    }

    pub fn names(&self) -> Vec<String> {
        let embedded = EMBEDDED.iter().map(|(name, _)| (*name).to_owned());
        let own = self.own.keys().filter(|name| EMBEDDED.iter().all(|(known, _)| known != name)).cloned();
        embedded.chain(own).collect()
    }

    pub fn load(&self, name: &str, depth: Depth) -> Result<Theme, ThemeError> {
        let merged = self.merge(name, INHERIT_DEPTH)?;
        let mut styles = Vec::with_capacity(Slot::ALL.len());
        for slot in Slot::ALL {
            let paint = merged.slots.get(slot.name());
            let paint =
                paint.ok_or_else(|| ThemeError::MissingSlot { theme: name.to_owned(), slot: slot.name() })?;
            styles.push(paint.style(name, slot.name(), &merged.palette, depth)?);
        }
        Ok(Theme { name: name.to_owned(), styles })
    }

    fn merge(&self, name: &str, depth: usize) -> Result<File, ThemeError> {
        let file = self.parse(name)?;
        let Some(parent) = &file.inherits else { return Ok(file) };
        if depth == 0 {
            return Err(ThemeError::Circle { theme: name.to_owned() });
        }
        let mut merged = self.merge(parent, depth - 1)?;
        merged.palette.extend(file.palette);
        merged.slots.extend(file.slots);
        merged.backgrounds = file.backgrounds;
        Ok(merged)
    }

    fn parse(&self, name: &str) -> Result<File, ThemeError> {
        let embedded = || EMBEDDED.iter().find(|(known, _)| *known == name).map(|(_, text)| *text);
        let text = self.own.get(name).map(String::as_str).or_else(embedded).ok_or_else(|| {
            ThemeError::UnknownTheme { theme: name.to_owned(), known: self.names().join(", ") }
        })?;
        let file: File = toml::from_str(text)
            .map_err(|error| ThemeError::Toml { theme: name.to_owned(), detail: error.to_string() })?;
        for slot in file.slots.keys() {
            if Slot::ALL.iter().all(|known| known.name() != slot) {
                let nearest =
                    crate::config::nearest(slot, Slot::ALL.iter().map(|slot| slot.name())).unwrap_or("text");
                return Err(ThemeError::UnknownSlot { theme: name.to_owned(), slot: slot.clone(), nearest });
            }
        }
        Ok(file)
    }
}

/// What the user and the surroundings say about colour.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    /// `--theme`.
    pub flag: Option<String>,
    /// `DOCK_THEME`.
    pub variable: Option<String>,
    /// `theme =`.
    pub config: Option<String>,
    /// `dark =`, `light =`.
    pub dark: Option<String>,
    pub light: Option<String>,
    /// `NO_COLOR` is set and not empty, or `CLICOLOR=0`.
    pub no_colour: bool,
    /// `COLORFGBG`.
    pub colorfgbg: Option<String>,
    /// `COLORTERM` and `TERM`.
    pub colorterm: Option<String>,
    pub term: Option<String>,
}

impl Wish {
    /// The theme to use while the terminal has said this much about its background.
    pub fn theme(&self, background: Option<Background>) -> String {
        let asked =
            [&self.flag, &self.variable, &self.config].into_iter().flatten().find(|name| *name != "auto");
        if let Some(name) = asked {
            return name.clone();
        }
        if self.no_colour {
            return "mono".to_owned();
        }
        match background.or_else(|| self.colorfgbg.as_deref().and_then(from_colorfgbg)) {
            Some(Background::Dark) => self.dark.clone().unwrap_or_else(|| "dark".to_owned()),
            Some(Background::Light) => self.light.clone().unwrap_or_else(|| "light".to_owned()),
            None => "terminal".to_owned(),
        }
    }

    /// RGB only where the terminal says so: a wrong guess draws nonsense.
    pub fn depth(&self) -> Depth {
        if self.no_colour {
            return Depth::None;
        }
        match (self.colorterm.as_deref(), self.term.as_deref()) {
            (Some("truecolor" | "24bit"), _) => Depth::Rgb,
            (_, Some(term)) if term.contains("256color") => Depth::Indexed,
            (_, Some("dumb")) => Depth::None,
            _ => Depth::Sixteen,
        }
    }
}

/// `15;0`: the last number is the background; 0 to 6 and 8 are dark.
fn from_colorfgbg(value: &str) -> Option<Background> {
    let background: u8 = value.rsplit(';').next()?.parse().ok()?;
    Some(if background < 7 || background == 8 { Background::Dark } else { Background::Light })
}

/// Whether a colour, as the terminal answers it to OSC 11 (`rgb:1e1e/1e1e/2e2e`), is dark.
pub fn background_of(answer: &str) -> Option<Background> {
    let mut parts = answer.strip_prefix("rgb:").or_else(|| answer.strip_prefix("rgba:"))?.split('/');
    let mut channel = || {
        let digits = parts.next()?;
        let value = u32::from_str_radix(digits, 16).ok()?;
        let full = 16u32.checked_pow(u32::try_from(digits.len()).ok()?)?.checked_sub(1)?;
        u8::try_from(value * 255 / full.max(1)).ok()
    };
    let colour = (channel()?, channel()?, channel()?);
    Some(if luminance(colour) < 0.18 { Background::Dark } else { Background::Light })
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    inherits: Option<String>,
    /// What the theme is made for and measured on; nothing paints it.
    #[serde(default)]
    backgrounds: Vec<String>,
    #[serde(default)]
    palette: BTreeMap<String, String>,
    #[serde(default)]
    slots: BTreeMap<String, Paint>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Paint {
    fg: Option<String>,
    bg: Option<String>,
    bold: bool,
    underline: bool,
    reversed: bool,
    dim: bool,
}

impl Paint {
    fn style(
        &self,
        theme: &str,
        slot: &str,
        palette: &BTreeMap<String, String>,
        depth: Depth,
    ) -> Result<Style, ThemeError> {
        let colour = |name: &Option<String>| -> Result<Option<Color>, ThemeError> {
            let Some(name) = name else { return Ok(None) };
            let meant = palette.get(name).unwrap_or(name);
            let parsed = parse_colour(meant).ok_or_else(|| ThemeError::UnknownColour {
                theme: theme.to_owned(),
                slot: slot.to_owned(),
                colour: name.clone(),
            })?;
            Ok(at_depth(parsed, depth))
        };
        let mut style = Style { fg: colour(&self.fg)?, bg: colour(&self.bg)?, ..Style::new() };
        let modifiers = [
            (self.bold, Modifier::BOLD),
            (self.underline, Modifier::UNDERLINED),
            (self.reversed, Modifier::REVERSED),
            (self.dim, Modifier::DIM),
        ];
        for (_, modifier) in modifiers.into_iter().filter(|(on, _)| *on) {
            style = style.add_modifier(modifier);
        }
        Ok(style)
    }
}

type Rgb = (u8, u8, u8);

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

fn parse_colour(text: &str) -> Option<Color> {
    if let Some(hex) = text.strip_prefix('#') {
        let value = u32::from_str_radix(hex, 16).ok().filter(|_| hex.len() == 6)?;
        let [_, r, g, b] = value.to_be_bytes();
        return Some(Color::Rgb(r, g, b));
    }
    SIXTEEN.iter().find(|(name, ..)| *name == text).map(|(_, colour, _)| *colour)
}

fn at_depth(colour: Color, depth: Depth) -> Option<Color> {
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
fn luminance((r, g, b): Rgb) -> f64 {
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

/// One line a slot and background: the measured contrast, for `dock theme check`.
pub fn measure(themes: &Themes, name: &str, depth: Depth) -> Result<Vec<Measured>, ThemeError> {
    let theme = themes.load(name, depth)?;
    let backgrounds = themes.merge(name, INHERIT_DEPTH)?.backgrounds;
    let mut measured = Vec::new();
    for slot in Slot::ALL {
        let Some(fg) = theme.style(*slot).fg.and_then(rgb_of) else { continue };
        for background in backgrounds.iter().filter_map(|hex| parse_colour(hex).and_then(rgb_of)) {
            measured.push(Measured { slot: *slot, on: background, ratio: contrast(fg, background) });
        }
        // Every slot may stand on the line under the cursor.
        if let Some(cursor) = theme.style(Slot::Cursor).bg.and_then(rgb_of) {
            measured.push(Measured { slot: *slot, on: cursor, ratio: contrast(fg, cursor) });
        }
    }
    Ok(measured)
}

/// A slot's contrast on one background.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    pub slot: Slot,
    pub on: Rgb,
    pub ratio: f64,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn floor(slot: Slot) -> f64 {
        match slot {
            Slot::Border
            | Slot::Focus
            | Slot::Marked
            | Slot::Threshold
            | Slot::Gap
            | Slot::ChartA
            | Slot::ChartB
            | Slot::ChartC => 3.0,
            _ => 4.5,
        }
    }

    #[test]
    fn every_embedded_theme_fills_every_slot_at_every_depth() {
        for (name, _) in EMBEDDED {
            for depth in [Depth::None, Depth::Sixteen, Depth::Indexed, Depth::Rgb] {
                Theme::embedded(name, depth).unwrap();
            }
        }
    }

    #[test]
    fn text_can_be_read_on_every_background_the_theme_is_for() {
        for name in ["dark", "light", "night"] {
            for depth in [Depth::Rgb, Depth::Indexed] {
                let measured = measure(&Themes::default(), name, depth).unwrap();
                assert!(measured.len() > 40, "{name} measures something");
                for Measured { slot, on, ratio } in measured {
                    assert!(ratio >= floor(slot), "{name} {depth:?} {} on {on:?}: {ratio:.2}", slot.name());
                }
            }
        }
    }

    #[test]
    fn text_can_be_read_by_eyes_that_lack_a_colour() {
        // Viénot, Brettel and Mollon 1999; tritan after Brettel, simplified.
        const SIGHTS: [(&str, [[f64; 3]; 3]); 3] = [
            ("protan", [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]]),
            ("deutan", [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]]),
            ("tritan", [[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]]),
        ];
        for (sight, matrix) in SIGHTS {
            let seen = |(r, g, b): Rgb| -> Rgb {
                let channel = |row: [f64; 3]| {
                    let value = row[0] * f64::from(r) + row[1] * f64::from(g) + row[2] * f64::from(b);
                    (0..=u8::MAX).rev().find(|step| f64::from(*step) <= value).unwrap_or(0)
                };
                (channel(matrix[0]), channel(matrix[1]), channel(matrix[2]))
            };
            for (name, background) in [("dark", (0x28, 0x2c, 0x34)), ("light", (0xef, 0xf1, 0xf5))] {
                let theme = Theme::embedded(name, Depth::Rgb).unwrap();
                for slot in Slot::ALL {
                    let Some(fg) = theme.style(*slot).fg.and_then(rgb_of) else { continue };
                    let ratio = contrast(seen(fg), seen(background));
                    assert!(ratio >= floor(*slot), "{name}, {sight}: {} {ratio:.2}", slot.name());
                }
            }
        }
    }

    #[test]
    fn no_theme_tells_apart_by_colour_alone() {
        for (name, _) in EMBEDDED {
            let theme = Theme::embedded(name, Depth::None).unwrap();
            for slot in Slot::ALL {
                let style = theme.style(*slot);
                assert_eq!((style.fg, style.bg), (None, None), "{name} without colour");
            }
            assert_ne!(theme.style(Slot::AddedWord), theme.style(Slot::Added), "{name}: words stand out");
        }
    }

    #[test]
    fn night_is_red_and_bright_enough() {
        for slot in Slot::ALL {
            let theme = Theme::embedded("night", Depth::Rgb).unwrap();
            let Some((r, g, b)) = theme.style(*slot).fg.and_then(rgb_of) else { continue };
            assert!(r >= 0xeb && g < r / 2 && b < r / 2, "{}", slot.name());
        }
    }

    #[test]
    fn wishes_come_in_order() {
        let plain = Wish::default();
        assert_eq!(plain.theme(None), "terminal");
        assert_eq!(plain.theme(Some(Background::Light)), "light");
        let by_variable = Wish { colorfgbg: Some("0;15".into()), ..Wish::default() };
        assert_eq!(by_variable.theme(None), "light");
        assert_eq!(by_variable.theme(Some(Background::Dark)), "dark");
        let quiet = Wish { no_colour: true, ..by_variable.clone() };
        assert_eq!((quiet.theme(None).as_str(), quiet.depth()), ("mono", Depth::None));
        let asked = Wish { flag: Some("night".into()), config: Some("dark".into()), ..Wish::default() };
        assert_eq!(asked.theme(Some(Background::Light)), "night");
    }

    #[test]
    fn depth_is_what_the_terminal_says() {
        let wish = |colorterm: &str, term: &str| Wish {
            colorterm: Some(colorterm.into()).filter(|value: &String| !value.is_empty()),
            term: Some(term.into()),
            ..Wish::default()
        };
        assert_eq!(wish("truecolor", "xterm-256color").depth(), Depth::Rgb);
        assert_eq!(wish("", "xterm-256color").depth(), Depth::Indexed);
        assert_eq!(wish("yes", "linux").depth(), Depth::Sixteen);
        assert_eq!(wish("", "dumb").depth(), Depth::None);
    }

    #[test]
    fn backgrounds_as_terminals_answer_them() {
        assert_eq!(background_of("rgb:1e1e/1e1e/2e2e"), Some(Background::Dark));
        assert_eq!(background_of("rgb:ff/ff/ff"), Some(Background::Light));
        assert_eq!(background_of("rgba:fdfd/f6f6/e3e3/ffff"), Some(Background::Light));
        assert_eq!(background_of("rgb:zz/00/00"), None);
        assert_eq!(background_of("#000000"), None);
    }

    #[test]
    fn a_wrong_file_is_told_with_what_was_meant() {
        let load = |text: &str| {
            let mut themes = Themes::default();
            themes.add("own", text);
            themes.load("own", Depth::Rgb).unwrap_err().to_string()
        };
        assert_eq!(
            load("inherits = \"dark\"\n[slots]\nremovd = {}"),
            "theme own: no slot is called removd; nearest: removed"
        );
        assert!(load("inherits = \"dark\"\n[slots]\ntext = { fg = \"reddish\" }").contains("reddish"));
        assert_eq!(
            load("[slots]\nmuted = {}"),
            "theme own: slot text is missing, here and in what it inherits"
        );
        assert_eq!(load("inherits = \"own\""), "theme own inherits itself");
        assert!(load("inherits = \"drak\"").starts_with("no theme is called drak"));
        assert!(load("slots = 3").starts_with("theme own: "));
    }

    #[test]
    fn colours_go_to_the_nearest() {
        assert_eq!(at_depth(Color::Rgb(255, 0, 0), Depth::Indexed), Some(Color::Indexed(196)));
        assert_eq!(at_depth(Color::Rgb(250, 10, 5), Depth::Sixteen), Some(Color::LightRed));
        assert_eq!(at_depth(Color::Cyan, Depth::Sixteen), Some(Color::Cyan));
    }
}
