//! Each promise of the key table, over the table itself.

use super::super::key::Code;
use super::*;

/// Characters that need `AltGr`, a dead key or two hands on each layout.
const LAYOUTS: [(&str, &str); 7] = [
    ("US", ""),
    ("DE", "@[]{}\\|~^`´€²³µ"),
    ("FR", "~#{[|`\\^@]}¤¨€"),
    ("ES", "|@#~[]{}\\^`´¨€¬"),
    ("SE", "@£${[]}\\~|^`´¨€"),
    ("PL", "ąćęłńóśźż€"),
    ("BR", "´`~^¨\"'¹²³£¢¬§°ªº"),
];

fn every_key() -> impl Iterator<Item = (&'static Binding, Key)> {
    TABLE.iter().flat_map(|binding| {
        binding.keys.iter().flat_map(move |text| {
            let chord: Chord = text.parse().unwrap_or_else(|_| panic!("{text}"));
            chord.prefix.into_iter().chain([chord.key]).map(move |key| (binding, key))
        })
    })
}

#[test]
fn no_key_is_missing_on_any_layout_or_taken_by_a_multiplexer() {
    for (binding, key) in every_key() {
        let name = binding.name;
        assert!(!key.alt, "{name}: Alt");
        if key.ctrl {
            let Code::Char(c) = key.code else {
                panic!("{name}: Ctrl with a named key is not sent by terminals")
            };
            assert!(
                !"basq hjkim[".contains(c),
                "{name}: Ctrl+{c} belongs to tmux, screen, flow control or panes"
            );
            continue;
        }
        let Code::Char(c) = key.code else { continue };
        assert!(!c.is_numeric(), "{name}: digits need Shift on some layouts, and count elsewhere");
        for (layout, unreachable) in LAYOUTS {
            assert!(!unreachable.contains(c), "{name}: `{c}` on {layout}");
            assert!(!"[]{}\\|@~#".contains(c), "{name}: `{c}`");
        }
    }
}

#[test]
fn small_letters_look_and_capitals_decide() {
    for (binding, key) in every_key() {
        let (name, decides) = (binding.name, binding.dangerous);
        if matches!(binding.context, Context::Dialog | Context::Words) {
            assert_eq!(decides, binding.command == Command::Sign, "{name}");
            continue;
        }
        let capital_that_looks = key == Key::char('G');
        assert_eq!(decides, key.is_capital() && !capital_that_looks, "{name}");
    }
}

#[test]
fn control_d_and_u_only_scroll() {
    for (binding, key) in every_key().filter(|(_, key)| *key == Key::ctrl('d') || *key == Key::ctrl('u')) {
        assert!(
            matches!(binding.command, Command::HalfDown | Command::HalfUp | Command::ClearLine),
            "{key} is {}",
            binding.name
        );
    }
}

#[test]
fn each_command_stands_once_and_is_reached_where_it_holds() {
    for (at, binding) in TABLE.iter().enumerate() {
        assert!(TABLE[..at].iter().all(|other| other.name != binding.name), "{} twice", binding.name);
        assert!(!binding.help.is_empty() && !binding.help.ends_with('.'), "{}", binding.name);
        let map = Keymap::default();
        let reached = SCREENS.iter().any(|(_, contexts)| map.reaches(contexts, binding.command));
        assert!(reached || binding.keys.is_empty(), "{} cannot be reached", binding.name);
    }
}

#[test]
fn a_chord_takes_two_presses() {
    let map = Keymap::default();
    let queue = SCREENS[0].1;
    let g = Key::char('g');
    assert_eq!(map.resolve(queue, None, g), Resolved::Prefix(g));
    assert_eq!(map.resolve(queue, Some(g), Key::char('q')), Resolved::Command(Command::GoQueue));
    assert_eq!(map.resolve(queue, Some(g), Key::char('A')), Resolved::Nothing, "a prefix hides the capital");
    assert_eq!(map.resolve(queue, None, Key::char('A')), Resolved::Command(Command::Approve));
    assert_eq!(map.resolve(queue, None, Key { alt: true, ..Key::char('A') }), Resolved::Nothing);
    let dialog = SCREENS.iter().find(|(name, _)| *name == "dialog").unwrap().1;
    assert_eq!(map.resolve(dialog, None, Key::char('A')), Resolved::Nothing, "in the dialog it is text");
}

#[test]
fn a_remap_replaces() {
    let map = Keymap::from_config("dock.toml", "[keys.queue]\napprove = [\"Y\"]\n").unwrap();
    let queue = SCREENS[0].1;
    assert_eq!(map.resolve(queue, None, Key::char('Y')), Resolved::Command(Command::Approve));
    assert_eq!(map.resolve(queue, None, Key::char('A')), Resolved::Nothing);
    assert_eq!(map.key_of(Command::Approve).as_deref(), Some("Y"));
    assert_eq!(Keymap::from_config("dock.toml", "leave_after_s = 10\n").unwrap(), Keymap::default());
}

#[test]
fn the_preset_arrows_needs_letters_only_to_decide() {
    let map = Keymap::from_config("dock.toml", "[keys]\npreset = \"arrows\"\n").unwrap();
    let needed = [
        Command::Down,
        Command::Up,
        Command::Open,
        Command::Leave,
        Command::Top,
        Command::Bottom,
        Command::Palette,
        Command::Filter,
        Command::Refresh,
        Command::Back,
        Command::Copy,
        Command::TakeBack,
        Command::Diff,
        Command::HunkNext,
        Command::Views,
        Command::GoOutbox,
        Command::Help,
        Command::Mark,
    ];
    for command in needed {
        let bound = map.all().iter().find(|bound| bound.binding.command == command).unwrap();
        let plain = |chord: &Chord| !chord.key.typed().is_some_and(char::is_alphabetic);
        assert!(bound.keys.iter().any(plain), "{}", bound.binding.name);
    }
}

#[test]
fn what_is_wrong_is_told_with_file_and_line() {
    let cases = [
        ("[keys.queue]\naprove = [\"A\"]", "dock.toml:2: queue has no command `aprove`; nearest: approve"),
        ("\n[keys.queu]\nmark = [\"m\"]", "dock.toml:2: no keys are called `queu`; nearest: queue"),
        ("[keys.queue]\nmark = [\"v\"]", "dock.toml:2: `v` is both mark and views"),
        (
            "[keys.decide]\napprove = [\"a\"]",
            "dock.toml:2: `a` would let a slip approve; it needs a capital letter",
        ),
        (
            "[keys.decide]\ndecline = [\"Enter\"]",
            "dock.toml:2: `Enter` would let a slip decline; it needs a capital letter",
        ),
        ("[keys.dialog]\nsign = [\"X\"]", "dock.toml:2: `X` would type into a field; sign needs another key"),
        ("[keys.everywhere]\nhelp = []", "dock.toml:2: help is out of reach on the screen queue"),
        ("[keys.queue]\nmark = [\"Hyper+m\"]", "dock.toml:2: `Hyper+m` is not a key"),
        ("[keys.queue]\nmark = 3", "dock.toml:2: `mark` wants keys: [\"A\"]"),
        ("[keys]\npreset = \"vim\"", "dock.toml:2: preset is \"default\" or \"arrows\""),
        ("[keys.queue]\nmark = [", "dock.toml:2: "),
    ];
    for (text, said) in cases {
        let wrong = Keymap::from_config("dock.toml", text).unwrap_err();
        assert!(wrong[0].to_string().starts_with(said), "{text:?}: {}", wrong[0]);
    }
}
