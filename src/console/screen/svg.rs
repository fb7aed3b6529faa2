//! The screens in `assets/screens`, drawn by the program itself: each is compared with what is drawn now, and renewed
//! where `DOCK_RENEW` is set (`assets/renew`).
//!
//! Never: part of the program that runs; pictures are made by its tests.

use std::{fmt::Write as _, fs, path::Path};

use ratatui::{
    buffer::Cell,
    style::{Color, Modifier},
};

use super::super::{effect::LinkState, sample::Desk, terminal::paint::Picture};

const CELL_WIDTH: f32 = 8.4;
const CELL_HEIGHT: f32 = 18.0;
const FONT_SIZE: f32 = 14.0;

/// Name, theme, size, keys that lead there, whether the backend is away.
const PICTURES: &[(&str, &str, (u16, u16), &str, bool)] = &[
    ("queue", "dark", (80, 24), "j j", true),
    ("row", "dark", (80, 24), "j j Enter", true),
    ("diff", "dark", (80, 24), "j j Enter v", false),
    ("decline", "dark", (80, 24), "j j Enter D \"The toggle is the mitigation of INC-771.\" Tab y", false),
    ("row-light", "light", (120, 40), "j j Enter", false),
    ("row-night", "night", (80, 24), "j j Enter", true),
];

#[test]
fn the_screens_in_assets_are_those_of_the_program() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/screens");
    let renew = std::env::var_os("DOCK_RENEW").is_some();
    for (name, theme, (width, height), keys, offline) in PICTURES {
        let mut desk = Desk::new(*width, *height);
        desk.model.wish.flag = Some((*theme).to_owned());
        super::super::update::retheme(&mut desk.model);
        if *offline {
            desk.model.link.state = LinkState::Offline { since: super::super::sample::now() };
        }
        desk.keys(keys);
        desk.model.notice = None;
        let drawn = svg(&desk.picture(), theme);
        let file = folder.join(format!("{name}.svg"));
        if renew {
            fs::create_dir_all(&folder).unwrap();
            fs::write(&file, &drawn).unwrap();
        }
        let kept = fs::read_to_string(&file).unwrap_or_default();
        assert!(
            kept == drawn,
            "assets/screens/{name}.svg is not what the program draws; `assets/renew` renews it"
        );
    }
}

/// One text run for each stretch of equal style, one rectangle for each background.
fn svg(picture: &Picture, theme: &str) -> String {
    let area = picture.buffer.area;
    let (paper, ink) = if theme == "light" { ("#ffffff", "#1c1c1c") } else { ("#1e1e1e", "#e6e6e6") };
    let (width, height) =
        (f32::from(area.width) * CELL_WIDTH + 16.0, f32::from(area.height) * CELL_HEIGHT + 16.0);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" font-family=\"DejaVu Sans Mono, Menlo, Consolas, monospace\" font-size=\"{FONT_SIZE}\">\n<rect width=\"100%\" height=\"100%\" rx=\"6\" fill=\"{paper}\"/>\n"
    );
    for y in 0..area.height {
        let mut x = 0;
        while x < area.width {
            let from = x;
            let look = Look::of(&picture.buffer[(x, y)], paper, ink);
            let mut text = String::new();
            while x < area.width && Look::of(&picture.buffer[(x, y)], paper, ink) == look {
                text.push_str(picture.buffer[(x, y)].symbol());
                x += 1;
            }
            look.write(&text, (from, y, x - from), &mut out);
        }
    }
    out.push_str("</svg>\n");
    out
}

#[derive(Debug, Clone, PartialEq)]
struct Look {
    ink: String,
    paper: Option<String>,
    bold: bool,
    underlined: bool,
    dim: bool,
}

impl Look {
    fn of(cell: &Cell, paper: &str, ink: &str) -> Self {
        let (mut front, mut back) = (hex(cell.fg).unwrap_or_else(|| ink.to_owned()), hex(cell.bg));
        if cell.modifier.contains(Modifier::REVERSED) {
            let behind = back.take().unwrap_or_else(|| paper.to_owned());
            back = Some(std::mem::replace(&mut front, behind));
        }
        Self {
            ink: front,
            paper: back,
            bold: cell.modifier.contains(Modifier::BOLD),
            underlined: cell.modifier.contains(Modifier::UNDERLINED),
            dim: cell.modifier.contains(Modifier::DIM),
        }
    }

    fn write(&self, text: &str, (x, y, cells): (u16, u16, u16), out: &mut String) {
        let (left, top) = (f32::from(x) * CELL_WIDTH + 8.0, f32::from(y) * CELL_HEIGHT + 8.0);
        let width = f32::from(cells) * CELL_WIDTH;
        if let Some(paper) = &self.paper {
            let _ = writeln!(
                out,
                "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{CELL_HEIGHT}\" fill=\"{paper}\"/>"
            );
        }
        if text.trim().is_empty() {
            return;
        }
        let bold = if self.bold { " font-weight=\"bold\"" } else { "" };
        let underlined = if self.underlined { " text-decoration=\"underline\"" } else { "" };
        let dim = if self.dim { " opacity=\"0.7\"" } else { "" };
        let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let base = top + 14.0;
        let ink = &self.ink;
        let _ = writeln!(
            out,
            "<text x=\"{left:.1}\" y=\"{base:.1}\" textLength=\"{width:.1}\" xml:space=\"preserve\" fill=\"{ink}\"{bold}{underlined}{dim}>{text}</text>"
        );
    }
}

fn hex(color: Color) -> Option<String> {
    match color {
        Color::Rgb(r, g, b) => Some(format!("#{r:02x}{g:02x}{b:02x}")),
        _ => None,
    }
}
