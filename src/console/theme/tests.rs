//! Themes: whole, readable on what they are for, by all eyes, and never by colour alone.

use super::colour::at_depth;
use super::*;

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
    for name in ["dark", "light", "contrast-dark", "contrast-light", "deuter", "tritan", "night"] {
        for depth in [Depth::Rgb, Depth::Indexed] {
            let measured = measure(&Themes::default(), name, depth).unwrap();
            assert!(measured.len() > 40, "{name} measures something");
            for Measured { slot, on, ratio } in measured {
                assert!(ratio >= floor(name, slot), "{name} {depth:?} {} on {on:?}: {ratio:.2}", slot.name());
            }
        }
    }
}

/// Viénot, Brettel and Mollon 1999; tritan after Brettel, simplified.
const SIGHTS: [(&str, [[f64; 3]; 3]); 3] = [
    ("protan", [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]]),
    ("deutan", [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]]),
    ("tritan", [[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]]),
];

/// A colour as somebody with this sight sees it.
fn seen(sight: &str, (r, g, b): Rgb) -> Rgb {
    let matrix = SIGHTS.iter().find(|(name, _)| *name == sight).unwrap().1;
    let channel = |row: [f64; 3]| {
        let value = row[0] * f64::from(r) + row[1] * f64::from(g) + row[2] * f64::from(b);
        (0..=u8::MAX).rev().find(|step| f64::from(*step) <= value).unwrap_or(0)
    };
    (channel(matrix[0]), channel(matrix[1]), channel(matrix[2]))
}

#[test]
fn text_can_be_read_by_eyes_that_lack_a_colour() {
    let (dark, light) = ((0x28, 0x2c, 0x34), (0xef, 0xf1, 0xf5));
    for (name, background) in [
        ("dark", dark),
        ("light", light),
        ("contrast-dark", dark),
        ("contrast-light", light),
        ("deuter", dark),
        ("tritan", dark),
    ] {
        let theme = Theme::embedded(name, Depth::Rgb).unwrap();
        for (sight, slot) in
            SIGHTS.iter().flat_map(|(sight, _)| Slot::ALL.iter().map(move |slot| (*sight, *slot)))
        {
            let Some(fg) = theme.style(slot).fg.and_then(rgb_of) else { continue };
            let ratio = contrast(seen(sight, fg), seen(sight, background));
            assert!(ratio >= floor("dark", slot), "{name}, {sight}: {} {ratio:.2}", slot.name());
        }
    }
}

/// What is opposite stays so for the eyes that a theme is made for; `dark` alone would not do for them.
#[test]
fn opposites_stay_apart_for_the_eyes_that_a_theme_is_for() {
    const APART: f64 = 120.0;
    let apart = |theme: &str, sight: &str, a: Slot, b: Slot| {
        let theme = Theme::embedded(theme, Depth::Rgb).unwrap();
        let (a, b) =
            (rgb_of(theme.style(a).fg.unwrap()).unwrap(), rgb_of(theme.style(b).fg.unwrap()).unwrap());
        let (a, b) = (seen(sight, a), seen(sight, b));
        let square = |a: u8, b: u8| f64::from(a.abs_diff(b)).powi(2);
        (square(a.0, b.0) + square(a.1, b.1) + square(a.2, b.2)).sqrt()
    };
    for (theme, sight) in [("deuter", "protan"), ("deuter", "deutan"), ("tritan", "tritan")] {
        for (a, b) in
            [(Slot::Added, Slot::Removed), (Slot::AddedWord, Slot::RemovedWord), (Slot::Ok, Slot::Danger)]
        {
            let told = apart(theme, sight, a, b);
            assert!(told >= APART, "{theme}, {sight}: {} and {} are {told:.0} apart", a.name(), b.name());
        }
    }
    assert!(apart("dark", "deutan", Slot::Added, Slot::Removed) < APART, "the measure can tell");
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
    assert_eq!(load("[slots]\nmuted = {}"), "theme own: slot text is missing, here and in what it inherits");
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
