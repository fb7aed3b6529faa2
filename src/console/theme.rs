//! What the parts of a screen look like: slots that mean something, filled by a theme file.
//!
//! Code names a [`Slot`], a theme gives it a [`Style`], and the terminal's depth decides how a colour is sent. The
//! terminal's own background is never painted over.
//!
//! Never: reads the environment or a file; whoever starts the console hands both in.

mod colour;

use std::collections::BTreeMap;

pub use colour::{Rgb, contrast, rgb_of};
use colour::{at_depth, luminance, parse_colour};
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
pub const EMBEDDED: [(&str, &str); 9] = [
    ("terminal", include_str!("../../themes/terminal.toml")),
    ("dark", include_str!("../../themes/dark.toml")),
    ("light", include_str!("../../themes/light.toml")),
    ("contrast-dark", include_str!("../../themes/contrast-dark.toml")),
    ("contrast-light", include_str!("../../themes/contrast-light.toml")),
    ("deuter", include_str!("../../themes/deuter.toml")),
    ("tritan", include_str!("../../themes/tritan.toml")),
    ("night", include_str!("../../themes/night.toml")),
    ("mono", include_str!("../../themes/mono.toml")),
];

/// In the place of a theme's name: by the terminal's background.
pub const AUTO: &str = "auto";

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

    /// What a theme is for, by how the first line of its file begins; empty where that is no comment.
    pub fn about(&self, name: &str) -> &str {
        let embedded = EMBEDDED.iter().find(|(known, _)| *known == name).map(|(_, text)| *text);
        let text = self.own.get(name).map(String::as_str).or(embedded).unwrap_or_default();
        let first = text.lines().next().and_then(|line| line.strip_prefix('#')).unwrap_or_default();
        first.split([':', ',', '.']).next().unwrap_or_default().trim()
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
        if !file.backgrounds.is_empty() {
            merged.backgrounds = file.backgrounds;
        }
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
    /// Chosen in this run; `auto` goes by the background again.
    pub picked: Option<String>,
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
        let asked = match &self.picked {
            Some(picked) => Some(picked),
            None => [&self.flag, &self.variable, &self.config].into_iter().flatten().next(),
        };
        let asked = asked.filter(|name| *name != AUTO);
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

/// What a slot is to have at least on every background that its theme is for: text, and marks, lines and focus.
pub fn floor(theme: &str, slot: Slot) -> f64 {
    let strong = theme.starts_with("contrast");
    match slot {
        Slot::Border
        | Slot::Focus
        | Slot::Marked
        | Slot::Threshold
        | Slot::Gap
        | Slot::ChartA
        | Slot::ChartB
        | Slot::ChartC => {
            if strong {
                4.5
            } else {
                3.0
            }
        }
        _ => {
            if strong {
                7.0
            } else {
                4.5
            }
        }
    }
}

/// A slot's contrast on one background.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    pub slot: Slot,
    pub on: Rgb,
    pub ratio: f64,
}

#[cfg(test)]
mod tests;
