//! The README's table of keys, and the whole table in `assets/keys.md`: compared with the bindings, and renewed where
//! `DOCK_RENEW` is set (`assets/renew`).
//!
//! Never: part of the program that runs; the tables are made by its tests.

use std::{fs, path::Path};

use super::{Bound, Context, Keymap};

const BEGIN: &str = "<!-- keys: from the table of bindings, `assets/renew` -->\n";
const END: &str = "<!-- /keys -->";

/// What the first five minutes need.
const FIRST: &[&str] = &[
    "down",
    "open-row",
    "back",
    "diff",
    "next-hunk",
    "mode",
    "approve",
    "decline",
    "override",
    "needs-changes",
    "next-field",
    "sign",
    "take-back",
    "strike",
    "reword",
    "amend",
    "tick",
    "row-incident",
    "outbox",
    "record",
    "holds",
    "filter",
    "palette",
    "help",
];

#[test]
fn the_tables_of_keys_are_those_of_the_bindings() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let keymap = Keymap::default();
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let (before, rest) = readme.split_once(BEGIN).expect("the README marks its table of keys");
    let (_, after) = rest.split_once(END).expect("the README marks the end of its table of keys");
    check(&root.join("README.md"), &format!("{before}{BEGIN}{}{END}{after}", first(&keymap)));
    check(&root.join("assets/keys.md"), &whole(&keymap));
}

fn check(file: &Path, due: &str) {
    if std::env::var_os("DOCK_RENEW").is_some() {
        fs::write(file, due).unwrap();
    }
    let kept = fs::read_to_string(file).unwrap_or_default();
    assert!(kept == due, "{} does not say what the bindings say; `assets/renew` renews it", file.display());
}

fn first(keymap: &Keymap) -> String {
    let found = FIRST.iter().filter_map(|name| keymap.all().iter().find(|bound| bound.binding.name == *name));
    format!("| key | does |\n| --- | --- |\n{}", found.map(line).collect::<String>())
}

fn whole(keymap: &Keymap) -> String {
    let mut out = "# Keys\n\nFrom the table of bindings; `dock keys` prints it, `?` shows those of where you are with your own changes.\n".to_owned();
    for context in Context::ALL {
        let bound: String =
            keymap.all().iter().filter(|bound| bound.binding.context == context).map(line).collect();
        if !bound.is_empty() {
            out.push_str(&format!("\n## {}\n\n| key | does |\n| --- | --- |\n{bound}", context.title()));
        }
    }
    out
}

fn line(bound: &Bound) -> String {
    let keys: Vec<_> =
        bound.keys.iter().map(|key| format!("`{}`", key.to_string().replace('|', "\\|"))).collect();
    let keys = if keys.is_empty() { "`:` by name".to_owned() } else { keys.join(" ") };
    let opens = bound.binding.dangerous && bound.binding.context != Context::Dialog;
    let danger = if opens { " (opens a dialog)" } else { "" };
    format!("| {keys} | {}{danger} |\n", bound.binding.help)
}
