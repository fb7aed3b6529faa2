//! The rules of the house, read off the source: who may name whom, what a pure module never names, what each file says
//! first. Run by `cargo test`, so that a broken rule is a failed test and not a review comment.
//!
//! Never: a rule without a line here that would catch its breach; `rules_catch_what_they_forbid` tries each one.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// Rooms, and the rooms of ours that each may name beside itself.
const MAY_NAME: &[(&str, &[&str])] = &[
    ("row", &[]),
    ("policy", &["row"]),
    ("lifecycle", &["row", "policy"]),
    ("audit", &["row"]),
    ("wire", &["row", "policy", "audit"]),
    ("store", &["row", "policy", "audit", "lifecycle", "clock"]),
    ("platform", &["row", "clock"]),
    ("agent", &["row", "platform", "wire", "client::api", "clock", "config"]),
    ("client", &["row", "policy", "lifecycle", "audit", "wire", "clock", "config"]),
    (
        "server",
        &["row", "policy", "lifecycle", "audit", "wire", "store", "platform", "agent", "clock", "config"],
    ),
    ("console", &["row", "policy", "lifecycle", "audit", "wire", "client", "clock", "config"]),
    ("simulator", &["row", "clock", "config"]),
    ("clock", &[]),
];

/// Rooms and files that only compute: values in, values out.
const PURE: &[&str] = &[
    "src/row/",
    "src/policy/",
    "src/lifecycle.rs",
    "src/lifecycle/",
    "src/audit/",
    "src/wire.rs",
    "src/wire/",
    "src/platform/github/webhook.rs",
    "src/platform/pagerduty/webhook.rs",
    "src/platform/slack/text.rs",
    "src/platform/slack/webhook.rs",
    "src/client/plan.rs",
    "src/client/filter.rs",
    "src/agent/chronicler/draft.rs",
    "src/agent/chronicler/draft/",
    "src/agent/chronicler/facts.rs",
    "src/agent/chronicler/rules.rs",
    "src/agent/chronicler/words.rs",
    "src/agent/drafter/check.rs",
    "src/agent/drafter/question.rs",
    "src/agent/facts.rs",
    "src/agent/story.rs",
    "src/agent/finding.rs",
    "src/agent/incidents/config.rs",
    "src/agent/incidents/plan.rs",
    "src/agent/rule.rs",
    "src/agent/scribe/chatter.rs",
    "src/agent/scribe/draft.rs",
    "src/agent/scribe/draft/",
    "src/agent/scribe/facts.rs",
    "src/agent/scribe/live.rs",
    "src/agent/scribe/place.rs",
    "src/agent/scribe/requests.rs",
    "src/agent/scribe/requests/",
    "src/agent/scribe/rules.rs",
    "src/agent/scribe/words.rs",
    "src/agent/words.rs",
    "src/agent/gatekeeper/draft.rs",
    "src/agent/gatekeeper/draft/",
    "src/agent/gatekeeper/facts.rs",
    "src/agent/gatekeeper/latency.rs",
    "src/agent/gatekeeper/plan.rs",
    "src/agent/gatekeeper/rules.rs",
    "src/agent/gatekeeper/schema.rs",
    "src/agent/gatekeeper/words.rs",
    "src/agent/argus/draft.rs",
    "src/agent/argus/draft/",
    "src/agent/argus/plan.rs",
    "src/agent/argus/words.rs",
    "src/server/executor/plan.rs",
    "src/server/executor/plan/",
    "src/server/telling/news.rs",
    "src/server/telling/message.rs",
    "src/agent/argus/rules.rs",
    "src/agent/argus/facts.rs",
    "src/console/update.rs",
    "src/console/keymap.rs",
    "src/console/shown.rs",
];

/// What a pure module never names.
const IMPURE: &[&str] = &[
    "tokio::",
    "reqwest",
    "rusqlite",
    "std::fs",
    "std::net",
    "std::env",
    "SystemTime",
    "Instant::now",
    "Timestamp::now",
    "clock::",
];

/// Words that no line may hold, and what to write instead.
const NEVER: &[(&str, &str)] = &[
    ("#[allow(", "`#[expect(…, reason = \"…\")]`"),
    ("todo!(", "the thing itself"),
    ("unimplemented!(", "the thing itself"),
    ("dbg!(", "a `tracing` event"),
    ("unsafe {", "a crate that keeps it"),
];

#[derive(Debug, PartialEq, Eq)]
struct Breach {
    file: String,
    line: usize,
    why: String,
}

/// The part of a file that is the program: what stands before its tests.
fn program(text: &str) -> &str {
    text.find("\n#[cfg(test)]").map_or(text, |at| &text[..at])
}

fn room(file: &str) -> &str {
    let path = file.strip_prefix("src/").unwrap_or(file);
    path.split('/').next().unwrap_or(path).trim_end_matches(".rs")
}

/// The rooms that a line names by `crate::…`, those in braces among them.
fn named(line: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in line.match_indices("crate::") {
        let rest = &line[at + "crate::".len()..];
        let word = |text: &str| {
            text.chars().take_while(|c| c.is_alphanumeric() || *c == '_' || *c == ':').collect::<String>()
        };
        if !rest.starts_with('{') {
            found.push(word(rest));
        }
    }
    found
}

/// `use crate::{a::X, b}` over several lines, flattened to one `crate::…` each.
fn flattened(text: &str) -> Vec<(usize, String)> {
    let mut lines = Vec::new();
    let mut open: Option<usize> = None;
    let mut depth = 0_usize;
    for (at, line) in text.lines().enumerate() {
        let code = line.split("//").next().unwrap_or("");
        if open.is_none() && code.contains("crate::{") {
            open = Some(at);
            depth = 0;
        }
        let Some(_) = open else {
            lines.push((at + 1, code.to_owned()));
            continue;
        };
        let start = code.find("crate::{").map_or(0, |at| at + "crate::{".len());
        let mut path = String::new();
        if start > 0 {
            depth = 1;
        }
        for c in code[start..].chars() {
            match c {
                '{' => depth += 1,
                '}' => depth = depth.saturating_sub(1),
                ',' if depth == 1 => {
                    lines.push((at + 1, format!("crate::{}", path.trim())));
                    path.clear();
                    continue;
                }
                _ => (),
            }
            if depth >= 1 {
                path.push(c);
            }
        }
        if depth <= 1 && !path.trim().is_empty() {
            lines.push((at + 1, format!("crate::{}", path.trim())));
        }
        if depth == 0 {
            open = None;
        }
    }
    lines
}

fn breaches(file: &str, text: &str) -> Vec<Breach> {
    let mut found = Vec::new();
    let mut breach = |line: usize, why: String| found.push(Breach { file: file.to_owned(), line, why });
    let is_test = file.ends_with("tests.rs") || file.ends_with("oracle.rs") || file.contains("/tests/");
    if !text.starts_with("//!") {
        breach(1, "opens without saying what it is for".to_owned());
    }
    for (at, line) in text.lines().enumerate() {
        for (word, instead) in NEVER {
            if line.contains(word) {
                breach(at + 1, format!("`{word}`: write {instead}"));
            }
        }
    }
    if is_test {
        return found;
    }
    let program = program(text);
    let own = room(file);
    if let Some((_, may)) = MAY_NAME.iter().find(|(name, _)| *name == own) {
        for (line, code) in flattened(program) {
            for path in named(&code) {
                let other = path.split("::").next().unwrap_or("");
                let allowed = other == own
                    || may.iter().any(|may| path == *may || path.starts_with(&format!("{may}::")));
                if MAY_NAME.iter().any(|(name, _)| *name == other) && !allowed {
                    breach(line, format!("`{own}` names `{path}`"));
                }
            }
        }
    }
    for (at, line) in program.lines().enumerate() {
        let code = line.split("//").next().unwrap_or("");
        if PURE.iter().any(|pure| file.starts_with(pure)) {
            for word in IMPURE.iter().filter(|word| code.contains(**word)) {
                breach(at + 1, format!("a pure module names `{word}`"));
            }
        }
        if own == "console" && ["reqwest", "rusqlite"].iter().any(|word| code.contains(word)) {
            breach(at + 1, "the console does its IO through effects on the client".to_owned());
        }
        if own == "agent" && code.contains("Actuator") {
            breach(at + 1, "an agent never reaches a writer".to_owned());
        }
        if own == "platform" && file != "src/platform/mod.rs" {
            let mine = file.trim_start_matches("src/platform/").split(['/', '.']).next().unwrap_or("");
            for other in [
                "alertmanager",
                "argocd",
                "confluence",
                "datadog",
                "github",
                "notion",
                "ntfy",
                "pagerduty",
                "prometheus",
                "slack",
                "terraform",
                "webhook",
            ] {
                if other != mine && code.contains(&format!("platform::{other}")) {
                    breach(at + 1, format!("`{mine}` names the platform `{other}`"));
                }
            }
        }
    }
    found
}

fn sources() -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = BTreeMap::new();
    let mut folders: Vec<PathBuf> =
        ["src", "tests", "benches"].map(|name| root.join(name)).into_iter().filter(|p| p.exists()).collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let name = path.strip_prefix(root).unwrap().to_string_lossy().replace('\\', "/");
                files.insert(name, fs::read_to_string(&path).unwrap());
            }
        }
    }
    files
}

#[test]
fn the_house_is_tidy() {
    let all: Vec<_> = sources()
        .iter()
        .filter(|(file, _)| *file != "tests/tidy.rs")
        .flat_map(|(file, text)| breaches(file, text))
        .collect();
    let lines: Vec<_> = all.iter().map(|b| format!("{}:{}: {}", b.file, b.line, b.why)).collect();
    assert!(all.is_empty(), "{} breaches:\n{}", all.len(), lines.join("\n"));
}

#[test]
fn every_room_says_what_it_never_does() {
    let missing: Vec<_> = sources()
        .into_iter()
        .filter(|(file, _)| {
            file.starts_with("src/") && (file.ends_with("/mod.rs") || file.matches('/').count() == 1)
        })
        .filter(|(file, _)| !["src/main.rs", "src/lib.rs"].contains(&file.as_str()))
        .filter(|(_, text)| {
            !text.lines().take_while(|line| line.starts_with("//!")).any(|line| line.contains("Never:"))
        })
        .map(|(file, _)| file)
        .collect();
    assert!(missing.is_empty(), "no `Never:` line in {missing:?}");
}

#[test]
fn rules_catch_what_they_forbid() {
    let caught = |file: &str, body: &str| !breaches(file, &format!("//! What for.\n{body}\n")).is_empty();
    for (file, body) in [
        ("src/row/x.rs", "use crate::store::Store;"),
        ("src/row/x.rs", "use tokio::fs;"),
        ("src/row/x.rs", "let now = Timestamp::now();"),
        ("src/console/x.rs", "use crate::{client::Home, server::serve};"),
        ("src/console/x.rs", "use crate::{\n    client::Home,\n    store::{self, Store},\n};"),
        ("src/server/x.rs", "use crate::client::api::Api;"),
        ("src/agent/x.rs", "use crate::client::outbox::Outbox;"),
        ("src/agent/x.rs", "use crate::platform::argocd::Actuator;"),
        ("src/platform/github.rs", "use crate::platform::argocd::Source;"),
        ("src/cli/x.rs", "#[allow(dead_code)]"),
    ] {
        assert!(caught(file, body), "{file}: {body}");
    }
    for (file, body) in [
        ("src/row/x.rs", "use super::Row; // tokio:: is not named"),
        ("src/agent/x.rs", "use crate::client::api::Api;"),
        ("src/console/x.rs", "use crate::{\n    client::Home,\n    row::{Row, RowId},\n};"),
        ("src/row/x.rs", "fn a() {}\n\n#[cfg(test)]\nmod tests { use crate::store::Store; }"),
    ] {
        assert!(
            !caught(file, body),
            "{file}: {body}: {:?}",
            breaches(file, &format!("//! What for.\n{body}\n"))
        );
    }
    assert!(!breaches("src/row/x.rs", "fn a() {}").is_empty(), "a file without its first sentence");
}
