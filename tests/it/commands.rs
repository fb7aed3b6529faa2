//! The command line by itself: exit codes, sentences, files, with no server anywhere.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Output,
};

use crate::world::dock;

/// A home whose server is on a port where nobody listens.
struct Alone {
    dir: tempfile::TempDir,
}

impl Alone {
    fn new() -> Self {
        let alone = Self { dir: tempfile::tempdir().unwrap() };
        alone.write("server = \"http://127.0.0.1:9\"\nperson = \"sarah\"\n");
        alone
    }

    fn write(&self, settings: &str) {
        let folder = self.path("config");
        fs::create_dir_all(&folder).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
        fs::write(folder.join("console.toml"), settings).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn run(&self, words: &[&str]) -> Output {
        dock().env("DOCK_HOME", self.dir.path()).args(words).output().unwrap()
    }
}

fn said(done: &Output) -> String {
    String::from_utf8_lossy(&done.stderr).into_owned()
}

#[test]
fn exit_codes_with_nobody_there() {
    let alone = Alone::new();
    let note = "Manual mitigation of INC-771 stays.";
    for (words, code) in [
        (&["rows"][..], 7),
        (&["rows", "--offline"], 7),
        (&["rows", "--state", "pendign"], 2),
        (&["rows", "--since", "tomorrow"], 2),
        (&["show", "sync-8822"], 7),
        (&["show", "nonsense"], 7),
        (&["sync", "--once"], 7),
        (&["whoami"], 7),
        (&["watch", "--timeout", "1s"], 7),
        (&["decline", "sync-8822", "--note", note, "--yes"], 7),
        (&["decline", "sync-8822", "--note", "", "--yes"], 2),
        (&["decline", "sync-8822", "--note", " . ", "--yes"], 2),
        (&["decline", "sync-8822", "--note", "\u{200b}\u{200b}\u{200b}", "--yes"], 2),
        (&["block", "sync-8822", "--note", "", "--yes"], 2),
        (&["approve", "sync-8822", "--with", "canary", "--yes"], 2),
        (&["override", "sync-8822", "sideways"], 2),
        (&["approve"], 2),
        (&["nonsense"], 2),
        (&["outbox", "list"], 0),
        (&["outbox", "discard", "01ARYZ6S41ZZZZZZZZZZZZZZZZ"], 6),
        (&["outbox", "retry", "not-an-id"], 2),
        (&["audit", "verify", "/nowhere"], 8),
        (&["audit", "checkpoint"], 6),
        (&["halt", "--note", note], 2),
        (&["gate", "wait", "--run", "7", "--commit", "9b21c047"], 2),
        (&["gate", "wait", "--run", "7", "--ci", "passed"], 2),
        (&["agent", "argus", "--rules"], 0),
        (&["keys"], 0),
        (&["theme", "list"], 0),
        (&["logout"], 0),
        (&["--read-only", "decline", "sync-8822", "--note", note, "--yes"], 4),
        (&["--help"], 0),
        (&["--version"], 0),
    ] {
        let done = alone.run(words);
        assert_eq!(done.status.code(), Some(code), "dock {}: {}", words.join(" "), said(&done));
        assert!(code == 0 || !said(&done).is_empty(), "dock {} says why", words.join(" "));
        assert!(!said(&done).contains("panicked"), "{}", said(&done));
    }
}

#[test]
fn a_slip_in_the_config_is_named() {
    let alone = Alone::new();
    alone.write("sever = \"http://127.0.0.1:9\"\n");
    let done = alone.run(&["rows"]);
    assert_eq!(done.status.code(), Some(1));
    assert!(
        said(&done).contains("line 1") && said(&done).contains("did you mean `server`"),
        "{}",
        said(&done)
    );
}

#[test]
fn a_damaged_outbox_is_refused_and_never_overwritten() {
    let alone = Alone::new();
    assert_eq!(alone.run(&["outbox"]).status.code(), Some(0));
    let file = alone.path("state/outbox.db");
    remove_side_files(&file);
    let damaged = vec![0xa5; 8192];
    fs::write(&file, &damaged).unwrap();
    for words in [
        &["outbox"][..],
        &["sync", "--once"],
        &["decline", "sync-8822", "--note", "say why, in words", "--yes"],
    ] {
        let done = alone.run(words);
        assert_eq!(done.status.code(), Some(1), "{}", said(&done));
        assert!(said(&done).contains("damaged"), "{}", said(&done));
        assert_eq!(fs::read(&file).unwrap(), damaged);
    }
}

#[test]
fn a_damaged_cache_is_made_anew_and_says_so() {
    let alone = Alone::new();
    alone.run(&["rows"]);
    let file = alone.path("cache/cache.db");
    remove_side_files(&file);
    fs::write(&file, vec![0xa5; 8192]).unwrap();
    let done = alone.run(&["rows"]);
    assert!(said(&done).contains("made anew"), "{}", said(&done));
    assert!(!said(&alone.run(&["rows"])).contains("made anew"), "once");
}

#[test]
fn a_state_folder_that_others_can_read_is_refused() {
    let alone = Alone::new();
    alone.run(&["outbox"]);
    fs::set_permissions(alone.path("state"), fs::Permissions::from_mode(0o755)).unwrap();
    let done = alone.run(&["outbox"]);
    assert_eq!(done.status.code(), Some(1));
    assert!(said(&done).contains("chmod 700"), "{}", said(&done));
}

#[test]
fn init_writes_a_config_once() {
    let dir = tempfile::tempdir().unwrap();
    let run = || {
        let words = ["init", "--server", "https://dock.example.com", "--person", "sarah"];
        dock().env("DOCK_HOME", dir.path()).args(words).output().unwrap()
    };
    assert_eq!(run().status.code(), Some(0));
    let text = fs::read_to_string(dir.path().join("config/console.toml")).unwrap();
    assert!(
        text.contains("server = \"https://dock.example.com\"") && text.contains("person = \"sarah\""),
        "{text}"
    );
    assert_eq!(run().status.code(), Some(1), "it is not overwritten");
}

#[test]
fn every_command_has_help_with_an_example() {
    let help = String::from_utf8(dock().arg("--help").output().unwrap().stdout).unwrap();
    let commands = help.split("Commands:").nth(1).unwrap().split("Options:").next().unwrap();
    let names: Vec<_> = commands
        .lines()
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect();
    assert!(names.len() > 20, "{names:?}");
    for name in names {
        let help = String::from_utf8(dock().args([name, "--help"]).output().unwrap().stdout).unwrap();
        assert!(help.contains("Example"), "{name}: {help}");
    }
}

fn remove_side_files(file: &Path) {
    for side in ["-wal", "-shm"] {
        let _ = fs::remove_file(format!("{}{side}", file.display()));
    }
}

#[test]
fn keys_are_those_of_the_person_and_a_wrong_map_is_told() {
    let alone = Alone::new();
    alone.write("[keys.decide]\ndecline = [\"X\"]\n");
    let done = alone.run(&["keys"]);
    let text = String::from_utf8_lossy(&done.stdout).into_owned();
    let line = text.lines().find(|line| line.contains(" decline  opens")).unwrap();
    assert!(line.trim_start().starts_with("X ") && line.ends_with("yours"), "{line}");
    assert_eq!((done.status.code(), text.matches("  yours").count()), (Some(0), 1), "{}", said(&done));

    alone.write("[keys.decide]\ndecline = [\"x\"]\n");
    let done = alone.run(&["keys"]);
    assert_eq!(done.status.code(), Some(1));
    assert!(said(&done).contains("console.toml:2: `x` would let a slip decline"), "{}", said(&done));
}

/// The prompt takes the commands of the command line; one that fails does not end it.
#[test]
fn the_prompt_takes_commands_until_it_is_left() {
    use std::io::Write as _;
    let alone = Alone::new();
    let mut command = dock();
    command.env("DOCK_HOME", alone.dir.path()).arg("--line");
    command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let mut prompt = command.stderr(std::process::Stdio::piped()).spawn().unwrap();
    let lines = "nonsense\n\nshow \"half\nrows --offline\ntheme list\nquit\nkeys\n";
    prompt.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let done = prompt.wait_with_output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&done.stdout).into_owned(), said(&done));
    assert!(err.contains("nonsense") && err.contains("a quote is open"), "{err}");
    assert!(err.contains("nothing is stored here yet"), "{err}");
    assert!(out.contains("tritan") && !out.contains("Everywhere"), "left before `keys`: {out}");
    assert_eq!(done.status.code(), Some(0), "the code of the last command");
}
