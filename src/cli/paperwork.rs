//! `dock completions`, `man`, `keys`, `theme`: what is made from the program's own tables.
//!
//! Never: a list of its own.

use std::{fs, path::PathBuf};

use serde_json::json;

use super::{
    Globals,
    exit::{Code, Failure, Outcome},
    out,
    person::Person,
};
use crate::client::Home;
use crate::console::{
    keymap::{Context, Keymap},
    theme::{self, Depth, Themes},
};

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  dock completions bash > ~/.local/share/bash-completion/completions/dock")]
pub(super) struct Completions {
    shell: clap_complete::Shell,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  dock man ~/.local/share/man/man1")]
pub(super) struct Man {
    folder: PathBuf,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  dock keys")]
pub(super) struct Keys {}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  dock theme list\n  dock theme check my-theme.toml")]
pub(super) struct ThemeArgs {
    #[command(subcommand)]
    command: ThemeCommand,
}

#[derive(Debug, clap::Subcommand)]
enum ThemeCommand {
    /// What there is.
    List,
    /// Measure a theme's contrast.
    Check { file: PathBuf },
}

pub(super) fn completions(args: &Completions, command: &mut clap::Command) {
    // Into memory first: a reader that goes away is no fault, and the generator would take it for one.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, command, "dock", &mut script);
    out::exact(&String::from_utf8_lossy(&script));
}

pub(super) fn man(args: &Man, command: clap::Command) -> Outcome {
    fs::create_dir_all(&args.folder)?;
    clap_mangen::generate_to(command, &args.folder)?;
    out::line(format!("Man pages are in {}.", args.folder.display()));
    Ok(Code::Done)
}

/// The keys as they are here: the defaults, with this person's own changes over them.
pub(super) fn keys(globals: &Globals) -> Outcome {
    let home = Home::find()?;
    let file = globals.config.clone().unwrap_or_else(|| home.settings_file());
    let text = fs::read_to_string(&file).unwrap_or_default();
    let default = Keymap::default();
    let (keymap, wrong) = match Keymap::from_config(&file.display().to_string(), &text) {
        Ok(keymap) => (keymap, Vec::new()),
        Err(wrong) => (default.clone(), wrong),
    };
    for context in Context::ALL {
        let bound: Vec<_> = keymap.all().iter().filter(|bound| bound.binding.context == context).collect();
        if !globals.json && !bound.is_empty() {
            out::line(context.title());
        }
        for bound in bound {
            let keys: Vec<_> = bound.keys.iter().map(ToString::to_string).collect();
            let binding = bound.binding;
            let yours = default.all().iter().all(|known| known != bound);
            if globals.json {
                out::json(&json!({"context": context.name(), "command": binding.name, "keys": keys,
                    "help": binding.help, "dangerous": binding.dangerous, "yours": yours}));
            } else {
                let danger = if binding.dangerous { "  opens a dialog" } else { "" };
                let yours = if yours { "  yours" } else { "" };
                let keys = if keys.is_empty() { format!(":{}", binding.name) } else { keys.join(" ") };
                out::line(format!("  {keys:<22} {}{danger}{yours}", binding.help));
            }
        }
    }
    let [first, ..] = wrong.as_slice() else { return Ok(Code::Done) };
    for one in &wrong {
        out::remark(&one.to_string());
    }
    Err(Failure::failed(format!("the default keys hold until {}:{} is mended", first.file, first.line)))
}

pub(super) fn theme(globals: &Globals, args: &ThemeArgs) -> Outcome {
    let mut themes = Themes::default();
    let person = Person::open(globals)?;
    for (name, text) in own_themes(&person) {
        themes.add(&name, &text);
    }
    match &args.command {
        ThemeCommand::List => {
            for name in themes.names() {
                let about = themes.about(&name);
                if globals.json {
                    out::json(&json!({"name": name, "about": about}));
                } else {
                    out::line(out::safe(&format!("{name:<15} {about}")).trim_end());
                }
            }
            Ok(Code::Done)
        }
        ThemeCommand::Check { file } => check(globals, &mut themes, file),
    }
}

/// The themes in the user's own folder; what cannot be read is left out and found by `check`.
fn own_themes(person: &Person) -> Vec<(String, String)> {
    let files = fs::read_dir(person.home.themes_folder()).into_iter().flatten().flatten();
    files
        .filter_map(|entry| {
            let path = entry.path();
            let name = path.file_stem()?.to_str()?.to_owned();
            path.extension().is_some_and(|extension| extension == "toml").then_some(())?;
            Some((name, fs::read_to_string(&path).ok()?))
        })
        .collect()
}

fn check(globals: &Globals, themes: &mut Themes, file: &PathBuf) -> Outcome {
    let text =
        fs::read_to_string(file).map_err(|error| Failure::failed(format!("{}: {error}", file.display())))?;
    let name = file.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    themes.add(&name, &text);
    let measured =
        theme::measure(themes, &name, Depth::Rgb).map_err(|error| Failure::failed(error.to_string()))?;
    let mut low = 0;
    for one in &measured {
        let ((r, g, b), floor) = (one.on, theme::floor(&name, one.slot));
        let enough = one.ratio >= floor;
        low += usize::from(!enough);
        if globals.json {
            out::json(
                &json!({"slot": one.slot.name(), "on": format!("#{r:02x}{g:02x}{b:02x}"), "ratio": one.ratio,
                "floor": floor, "enough": enough}),
            );
        } else {
            let word = if enough { String::new() } else { format!("  LOW: {floor} is needed") };
            out::line(format!(
                "{:<14} on #{r:02x}{g:02x}{b:02x}  {:>5.2}:1{word}",
                one.slot.name(),
                one.ratio
            ));
        }
    }
    if measured.is_empty() {
        out::remark("it names no colours of its own, or no backgrounds that it is for: nothing was measured");
    }
    if low == 0 {
        return Ok(Code::Done);
    }
    Err(Failure::failed(format!("{low} of {} measurements are too low to be read", measured.len())))
}
