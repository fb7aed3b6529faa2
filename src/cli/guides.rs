//! The guides as somebody follows them: each block of a config is read by the program that it is for, each command line by
//! the program's own parser, each permission is one that the connectors ask for.
//!
//! A block says whose it is behind its language, as in "toml dock.toml scribe.toml"; all blocks of a guide for one file are
//! one file, but for one "toml or …", which stands for itself. What a guide leaves to others is filled in, unless it begins
//! the file itself.
//! Never: a block that belongs to nobody; a network.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use clap::{Parser as _, error::ErrorKind};
use toml::{Table, Value};

use super::Cli;
use crate::{
    agent::{argus::Argus, chronicler::Chronicler, gatekeeper::Gatekeeper, scribe::Scribe},
    client::{home::write_private, settings::Settings},
    clock::Clock,
    config,
    platform::{confluence, datadog, github, notion, pagerduty, slack},
    server,
};

/// A fenced block, or the code in a line of prose.
struct Code {
    guide: String,
    line: usize,
    /// The language, and whose it is.
    info: Vec<String>,
    text: String,
}

impl Code {
    fn at(&self) -> String {
        format!("{}:{}", self.guide, self.line)
    }

    fn is(&self, language: &str) -> bool {
        self.info.first().is_some_and(|first| first == language)
    }
}

/// Every guide and the README, by name.
fn guides() -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let listed = fs::read_dir(root.join("assets/guides")).unwrap().map(|entry| entry.unwrap().path());
    let all =
        listed.chain([root.join("README.md")]).filter(|path| path.extension().is_some_and(|e| e == "md"));
    all.map(|path| {
        (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read_to_string(path).unwrap())
    })
    .collect()
}

/// The fenced blocks of a guide, and the spans of code between them.
fn code(guide: &str, text: &str) -> Vec<Code> {
    let mut found = Vec::new();
    let mut open: Option<Code> = None;
    for (at, line) in text.lines().enumerate() {
        let new = |info: &str, text: &str| Code {
            guide: guide.to_owned(),
            line: at + 1,
            info: info.split_whitespace().map(str::to_owned).collect(),
            text: text.to_owned(),
        };
        match (&mut open, line.strip_prefix("```")) {
            (Some(_), Some(_)) => found.extend(open.take()),
            (Some(block), None) => block.text += &format!("{line}\n"),
            (None, Some(info)) => open = Some(new(info, "")),
            (None, None) => found.extend(line.split('`').skip(1).step_by(2).map(|span| new("span", span))),
        }
    }
    assert!(open.is_none(), "{guide}: a block without its end");
    found
}

fn all_code() -> Vec<Code> {
    guides().iter().flat_map(|(name, text)| code(name, text)).collect()
}

/// What is the case with one file of one guide, with what is commented out or without.
type Files = BTreeMap<(String, String), Table>;

fn files(uncommented: bool) -> Result<Files, Vec<String>> {
    let (mut files, mut amiss) = (Files::new(), Vec::new());
    for block in all_code().into_iter().filter(|block| block.is("toml")) {
        let text = if uncommented { without_marks(&block.text) } else { block.text.clone() };
        let (guide, names) = match &block.info[1..] {
            [or, names @ ..] if or == "or" => (block.at(), names),
            names => (block.guide.clone(), names),
        };
        if names.is_empty() {
            amiss.push(format!("{}: it does not say whose it is", block.at()));
        }
        match toml::from_str::<Table>(&text) {
            Err(error) => amiss.push(format!("{}: {error}", block.at())),
            Ok(table) => {
                for name in names {
                    let file = files.entry((guide.clone(), name.clone())).or_default();
                    amiss.extend(merge(file, &table).err().map(|why| format!("{}: {why}", block.at())));
                }
            }
        }
    }
    if amiss.is_empty() { Ok(files) } else { Err(amiss) }
}

/// The block as it is where somebody takes the mark away from each line that is commented out.
fn without_marks(text: &str) -> String {
    let line = |line: &str| {
        let bare = line.strip_prefix("# ").filter(|rest| {
            let name = rest.split(" = ").next().unwrap_or_default();
            rest.starts_with('[')
                || (name.len() < rest.len() && name.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
        });
        format!("{}\n", bare.unwrap_or(line))
    };
    text.lines().map(line).collect()
}

/// What one guide says in two places is one file; it says nothing twice in two ways.
fn merge(into: &mut Table, from: &Table) -> Result<(), String> {
    for (key, value) in from {
        match (into.get_mut(key), value) {
            (None, _) => drop(into.insert(key.clone(), value.clone())),
            (Some(Value::Table(into)), Value::Table(from)) => {
                merge(into, from).map_err(|why| format!("{key}.{why}"))?;
            }
            (Some(Value::Array(into)), Value::Array(from)) if into != from => into.extend(from.clone()),
            (Some(there), _) if there == value => {}
            (Some(there), _) => return Err(format!("{key} is {there} and {value}")),
        }
    }
    Ok(())
}

/// What others' guides give: the rest of a whole file.
fn rest(name: &str) -> &'static str {
    match name {
        "dock.toml" => "",
        "argus.toml" => {
            "server = \"http://127.0.0.1:1\"\ntoken_file = \"t\"\n[platforms.argocd]\nurl = \"https://argocd.example.com\"\n\
             token_file = \"t\"\n"
        }
        "gatekeeper.toml" => {
            "server = \"http://127.0.0.1:1\"\ntoken_file = \"t\"\n[platforms.github]\n[gates.a]\nrepository = \"acme/a\"\n"
        }
        "scribe.toml" => {
            "server = \"http://127.0.0.1:1\"\ntoken_file = \"t\"\n[platforms.pagerduty]\ntoken_file = \"t\"\n[runbooks.A]\n\
             site = \"confluence\"\npage = \"1\"\nservices = [\"a\"]\n"
        }
        "chronicler.toml" => {
            "server = \"http://127.0.0.1:1\"\ntoken_file = \"t\"\n[platforms.pagerduty]\ntoken_file = \"t\"\n[postmortems]\n\
             site = \"notion\"\nparent = \"1\"\n"
        }
        _ => "",
    }
}

/// The file of a guide with what it leaves to others, in a folder where its secrets lie.
fn whole(name: &str, said: &Table, dir: &Path) -> PathBuf {
    let mut table = said.clone();
    // A guide that begins the file gives all that it needs.
    if !said.contains_key("server") {
        let mut all: Table = toml::from_str(rest(name)).unwrap();
        fill(&mut all, said);
        table = all;
    }
    place(&mut table, dir);
    if name == "dock.toml" {
        write_private(&dir.join("log.key"), "7".repeat(64).as_bytes()).unwrap();
        let own = [
            ("listen", "127.0.0.1:0".to_owned()),
            ("database", "memory:".to_owned()),
            ("org", "example.com".to_owned()),
            ("log_key_file", dir.join("log.key").display().to_string()),
            ("checkpoint_file", dir.join("checkpoint").display().to_string()),
        ];
        table.extend(own.map(|(key, value)| (key.to_owned(), Value::String(value))));
    }
    let file = dir.join(name);
    write_private(&file, toml::to_string(&table).unwrap().as_bytes()).unwrap();
    file
}

/// What is said goes before what is filled in.
fn fill(all: &mut Table, said: &Table) {
    for (key, value) in said {
        match (all.get_mut(key), value) {
            (Some(Value::Table(all)), Value::Table(said)) => fill(all, said),
            _ => drop(all.insert(key.clone(), value.clone())),
        }
    }
}

/// Every file that is named lies in the folder.
fn place(table: &mut Table, dir: &Path) {
    for (key, value) in table.iter_mut() {
        match value {
            Value::Table(table) => place(table, dir),
            Value::Array(all) => {
                all.iter_mut().filter_map(Value::as_table_mut).for_each(|table| place(table, dir));
            }
            Value::String(path) if key.ends_with("_file") => {
                let name = Path::new(path.as_str()).file_name().unwrap().to_string_lossy().into_owned();
                let holds = match key.as_str() {
                    "app_key_file" => include_str!("../platform/github/app.pkcs8.pem").to_owned(),
                    "rota_file" => String::new(),
                    "routing_key_file" => "a".repeat(32),
                    _ => format!("whsec_{}", STANDARD.encode([7; 32])),
                };
                let file = dir.join(name);
                if !file.exists() {
                    write_private(&file, holds.as_bytes()).unwrap();
                }
                *path = file.display().to_string();
            }
            _ => {}
        }
    }
}

/// Read, checked and opened as the program does it.
async fn opened(name: &str, file: &Path) -> Result<(), String> {
    fn read<T: serde::de::DeserializeOwned>(file: &Path) -> Result<T, String> {
        config::read(file).map_err(|error| error.to_string())
    }
    fn said<T>(opened: Result<T, impl ToString>) -> Result<(), String> {
        opened.map(drop).map_err(|error| error.to_string())
    }
    let clock = Clock::system;
    match name {
        "dock.toml" => said(Box::pin(server::bind(&read(file)?, clock())).await),
        "argus.toml" => said(Argus::open(read(file)?, clock())),
        "gatekeeper.toml" => said(Gatekeeper::open(read(file)?, clock())),
        "scribe.toml" => said(Scribe::open(read(file)?, clock())),
        "chronicler.toml" => said(Chronicler::open(read(file)?, clock())),
        "console.toml" => read::<Settings>(file).map(drop),
        "rota.toml" => {
            let named =
                Table::from_iter([("rota_file".to_owned(), Value::String(file.display().to_string()))]);
            let config = whole("dock.toml", &named, file.parent().unwrap());
            said(Box::pin(server::bind(&read(&config)?, clock())).await)
        }
        _ => Err("no program reads a file of this name".to_owned()),
    }
}

#[tokio::test]
async fn every_config_in_the_guides_is_read_by_its_program() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut amiss = Vec::new();
    for uncommented in [false, true] {
        match files(uncommented) {
            Err(found) => amiss.extend(found),
            Ok(files) => {
                assert!(files.len() > 10, "{}", files.len());
                for ((guide, name), said) in files {
                    let dir = tempfile::tempdir().unwrap();
                    let file = whole(&name, &said, dir.path());
                    let wrong = opened(&name, &file).await.err();
                    amiss.extend(wrong.map(|why| format!("{guide}, {name}: {why}")));
                }
            }
        }
    }
    assert!(amiss.is_empty(), "{}", amiss.join("\n"));
}

/// The words of the command that begins a text, as a shell reads them; and whether some of it is left out (`…`).
fn words(text: &str) -> (Vec<String>, bool) {
    let (mut words, mut word, mut within) = (Vec::new(), String::new(), false);
    let (mut quote, mut depth, mut elided) = (None, 0_u32, false);
    let mut letters = text.chars().peekable();
    while let Some(c) = letters.next() {
        match (quote, c) {
            (Some(end), _) if c == end && depth == 0 => quote = None,
            (Some('"') | None, '(') if word.ends_with('$') || depth > 0 => {
                depth += 1;
                word.push(c);
            }
            (Some('"') | None, ')') if depth > 0 => {
                depth -= 1;
                word.push(c);
            }
            (Some(_), _) => word.push(c),
            (None, _) if depth > 0 => word.push(c),
            (None, '\'' | '"') => (quote, within) = (Some(c), true),
            (None, '\\') if letters.peek() == Some(&'\n') => drop(letters.next()),
            (None, '#') if !within && word.is_empty() => break,
            (None, '\n' | '|' | '&' | ';' | '>' | '<' | ')') => break,
            (None, '…') => elided = true,
            (None, c) if c.is_whitespace() => {
                if within || !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                within = false;
            }
            (None, c) => word.push(c),
        }
    }
    if within || !word.is_empty() {
        words.push(word);
    }
    (words, elided)
}

/// The command lines of `dock` in a piece of code.
fn commands(code: &Code) -> Vec<String> {
    let mut text = code.text.replace("cargo run -- ", "dock ");
    if code.is("yaml") {
        // A plain scalar goes on in lines that are deeper.
        text = text.replace("\n        ", " ");
    }
    let begins = |at: usize| {
        let line = text[..at].rsplit('\n').next().unwrap_or_default().trim_end_matches(' ');
        line.is_empty() || ["$(", "&&", "||", "-", "'''"].iter().any(|mark| line.ends_with(mark))
    };
    let starts = text.match_indices("dock ").map(|(at, _)| at).filter(|at| begins(*at));
    starts.map(|at| text[at..].to_owned()).collect()
}

/// The program's own answer to a command line; `None` where it takes it. In prose a command may be named without what it is
/// given.
fn refused(line: &str, prose: bool) -> Option<String> {
    let (words, elided) = words(line);
    // `dock gate-9821 …` is what an answer leaves on a platform, and no command.
    if words.get(1).is_some_and(|word| word.parse::<crate::row::RowId>().is_ok()) {
        return None;
    }
    let filled = words.iter().map(|word| match word.as_str() {
        "URL" => "http://127.0.0.1:1",
        "ROW" => "sync-1",
        "NAME" => "sarah",
        variable if variable.starts_with('$') => "1",
        word => word,
    });
    match Cli::try_parse_from(filled) {
        Ok(_) => None,
        Err(error) if (elided || prose) && error.kind() == ErrorKind::MissingRequiredArgument => None,
        Err(error) if prose && error.to_string().contains("but none was supplied") => None,
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => None,
        Err(error) => Some(error.to_string()),
    }
}

#[test]
fn every_command_in_the_guides_is_one() {
    let (mut amiss, mut tried) = (Vec::new(), 0);
    for code in all_code().iter().filter(|code| !code.is("toml")) {
        for line in commands(code) {
            tried += 1;
            let wrong = refused(&line, code.is("span"));
            amiss.extend(
                wrong.map(|why| format!("{}: {}\n{why}", code.at(), line.lines().next().unwrap_or(""))),
            );
        }
    }
    assert!(tried > 60, "{tried}");
    assert!(amiss.is_empty(), "{}", amiss.join("\n"));
}

#[test]
fn a_line_is_read_as_a_shell_does() {
    for (text, expected, elided) in [
        (
            "dock rows --search '\"a b\" who:c'  # what waits",
            &["dock", "rows", "--search", "\"a b\" who:c"][..],
            false,
        ),
        ("dock gate wait … --commit SHA && ./deploy.sh", &["dock", "gate", "wait", "--commit", "SHA"], true),
        ("dock show \\\n  pm-31 > x", &["dock", "show", "pm-31"], false),
        ("dock a --run \"$(date +%s)\" b) || exit", &["dock", "a", "--run", "$(date +%s)", "b"], false),
        ("dock a --note \"\"", &["dock", "a", "--note", ""], false),
    ] {
        let (found, left_out) = words(text);
        assert_eq!(
            (found.iter().map(String::as_str).collect::<Vec<_>>().as_slice(), left_out),
            (expected, elided)
        );
    }
    let block = |info: &str, text: &str| Code {
        guide: String::new(),
        line: 1,
        info: vec![info.to_owned()],
        text: text.to_owned(),
    };
    let first = |code: &Code| commands(code).first().map(|line| words(line).0.join(" "));
    let yaml = block(
        "yaml",
        "  script:\n    - dock gate wait --service a\n        --run \"$ID\"\n    - ./deploy.sh\n",
    );
    assert_eq!(first(&yaml).as_deref(), Some("dock gate wait --service a --run $ID"));
    assert_eq!(commands(&block("sh", "answer=$(dock gate wait) || exit $?\nmv x dock/y\n")).len(), 1);
    for (line, prose, taken) in [
        ("dock rows --serch x", true, false),
        ("dock agent … --once --app x", false, true),
        ("dock agent --once --app x", false, false),
        ("dock decline", true, true),
        ("dock decline", false, false),
        ("dock declin", true, false),
        ("dock doctor --backend", true, true),
        ("dock doctor --backend", false, false),
    ] {
        assert_eq!(refused(line, prose).is_none(), taken, "{line}");
    }
}

/// The code in the row of a table that begins so, by its columns after the first.
fn cells(guide: &str, begins: &str) -> Vec<BTreeSet<String>> {
    let text = &guides()[guide];
    let row = text.lines().find(|line| line.starts_with(&format!("| {begins}"))).unwrap();
    let spans = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    row.trim_matches('|').split('|').skip(1).map(spans).collect()
}

fn set(all: &[&str]) -> BTreeSet<String> {
    all.iter().map(|one| (*one).to_owned()).collect()
}

/// The code in a guide that looks like a scope of this platform's.
fn spans(guide: &str, like: impl Fn(&str) -> bool) -> BTreeSet<String> {
    let spans = code(guide, &guides()[guide]).into_iter().filter(|code| code.is("span"));
    spans.map(|code| code.text).filter(|text| like(text)).collect()
}

#[test]
fn the_permissions_in_the_guides_are_those_that_connectors_need() {
    assert_eq!(
        cells("slack.md", "bot token scopes"),
        [set(&slack::READER_SCOPES), set(&slack::WRITER_SCOPES)]
    );
    let confluence = cells("confluence.md", "token's scopes");
    assert_eq!(confluence, [set(&confluence::READER_SCOPES), set(&confluence::WRITER_SCOPES)]);
    assert_eq!(spans("confluence.md", |text| text.ends_with(":confluence")), set(&confluence::WRITER_SCOPES));
    assert_eq!(
        spans("pagerduty.md", |text| text.rsplit('.').next() == Some("read")),
        set(&pagerduty::READER_SCOPES)
    );
    let datadog = |text: &str| text.ends_with("_read") || text.ends_with("_query");
    assert_eq!(spans("telemetry.md", datadog), set(&datadog::READER_SCOPES));
    let capabilities = |begins| cells_in_italics("notion.md", begins);
    for (begins, at) in [("content capabilities", "content"), ("comment capabilities", "comments")] {
        let of = |all: &[&str]| set(all).into_iter().filter(|one| one.ends_with(at)).collect::<BTreeSet<_>>();
        let expected = [of(&notion::READER_CAPABILITIES), of(&notion::WRITER_CAPABILITIES)];
        assert_eq!(capabilities(begins), expected, "{begins}");
    }
    assert_eq!(
        cells_of_github("repository permissions"),
        [github::READER_PERMISSIONS.map(shown).into(), github::WRITER_PERMISSIONS.map(shown).into()]
    );
}

/// `*Read content*` in the row of a table, by its columns after the first.
fn cells_in_italics(guide: &str, begins: &str) -> Vec<BTreeSet<String>> {
    let text = &guides()[guide];
    let row = text.lines().find(|line| line.starts_with(&format!("| {begins}"))).unwrap();
    let spans = |cell: &str| cell.split('*').skip(1).step_by(2).map(str::to_owned).collect();
    row.trim_matches('|').split('|').skip(1).map(spans).collect()
}

/// `Commit statuses: read`, as the settings of an App have it.
fn shown((name, level): (&str, &str)) -> String {
    let name = if name == "statuses" { "commit statuses".to_owned() } else { name.replace('_', " ") };
    let (first, rest) = name.split_at(1);
    format!("{}{rest}: {level}", first.to_uppercase())
}

/// Each permission of an App by itself: the table has several before one level, and those of a canary with their own words.
fn cells_of_github(begins: &str) -> Vec<BTreeSet<String>> {
    let text = &guides()["github.md"];
    let row = text.lines().find(|line| line.starts_with(&format!("| {begins}"))).unwrap();
    let of = |cell: &str| {
        let always = cell.split("; ").filter(|part| !part.contains("only for"));
        let each = always.filter_map(|part| part.split_once(": *")).flat_map(|(names, level)| {
            let level = if level.contains("write") { "write" } else { "read" };
            names.split(", ").map(move |name| format!("{}: {level}", name.trim()))
        });
        each.collect()
    };
    row.trim_matches('|').split('|').skip(1).map(of).collect()
}
