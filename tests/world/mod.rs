//! A whole Dock on this machine, driven from outside through its command line: what the tests of promises share.
//!
//! Never: looks inside. What a test knows, a user could know.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Output, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

/// How long a thing that must come may take on a busy machine before the test says that it never came.
const PATIENCE: Duration = Duration::from_secs(90);
/// How often it is asked for.
const LOOK_EVERY: Duration = Duration::from_millis(100);

pub(crate) struct World {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) info: Value,
    demo: Child,
    input: ChildStdin,
    lines: mpsc::Receiver<String>,
}

/// A part that the test starts and ends by itself.
pub(crate) struct Part(pub Child);

pub(crate) fn dock() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dock"));
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if name.starts_with("DOCK_") || name.starts_with("XDG_") || name == "SSH_AUTH_SOCK" {
            command.env_remove(name);
        }
    }
    command.env("NO_COLOR", "1").env("TERM", "xterm-256color").stdin(Stdio::null());
    command
}

impl World {
    /// `dock demo --headless --json` with these options, from its ready line on.
    pub(crate) fn start(options: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let log = std::fs::File::create(dir.path().join("demo.stderr")).unwrap();
        let mut demo = dock()
            .args(["demo", "--headless", "--json", "--dir"])
            .arg(dir.path())
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let input = demo.stdin.take().unwrap();
        let output = demo.stdout.take().unwrap();
        let (sender, lines) = mpsc::sync_channel(64);
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let ready = lines.recv_timeout(PATIENCE);
        let Ok(ready) = ready else {
            let said = std::fs::read_to_string(dir.path().join("demo.stderr")).unwrap_or_default();
            drop(demo.kill());
            panic!("the demo never got ready: {said}");
        };
        let info: Value = serde_json::from_str(&ready).unwrap_or_else(|_| panic!("not JSON: {ready}"));
        assert_eq!(info["ready"], json!(true), "{info}");
        Self { dir, info, demo, input, lines }
    }

    /// Moves the world: `{"do": …}`, and what it answers.
    pub(crate) fn move_world(&mut self, command: &Value) -> Value {
        writeln!(self.input, "{command}").unwrap();
        self.input.flush().unwrap();
        let line = self.lines.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("no answer to {command}"));
        serde_json::from_str(&line).unwrap()
    }

    pub(crate) fn home(&self, who: &str) -> PathBuf {
        PathBuf::from(self.info["people"][who]["home"].as_str().unwrap())
    }

    /// Runs a command as one of the demo's people.
    pub(crate) fn run(&self, who: &str, words: &[&str]) -> Output {
        dock().env("DOCK_HOME", self.home(who)).args(words).output().unwrap()
    }

    /// The same, with the exit code that it must have; standard output.
    #[track_caller]
    pub(crate) fn ok(&self, who: &str, words: &[&str], code: i32) -> String {
        let done = self.run(who, words);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert_eq!(
            done.status.code(),
            Some(code),
            "dock {}: {}{}",
            words.join(" "),
            text(&done.stdout),
            text(&done.stderr)
        );
        text(&done.stdout)
    }

    pub(crate) fn rows(&self, who: &str) -> BTreeMap<String, Value> {
        let out = self.run(who, &["rows", "--json"]);
        let lines = String::from_utf8_lossy(&out.stdout).into_owned();
        let rows = lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        rows.map(|row| (row["id"].as_str().unwrap_or_default().to_owned(), row)).collect()
    }

    /// The row whole, or null.
    pub(crate) fn row(&self, who: &str, id: &str) -> Value {
        let out = self.run(who, &["show", id, "--json"]);
        serde_json::from_slice(&out.stdout).unwrap_or(Value::Null)
    }

    #[track_caller]
    pub(crate) fn until_row(&self, who: &str, id: &str, state: &str) -> Value {
        until(&format!("{id} {state}"), || {
            let row = self.row(who, id);
            (row["state"] == state).then_some(row)
        })
    }

    /// The first row of a subject in a state.
    #[track_caller]
    pub(crate) fn until_subject(&self, who: &str, subject: &str, state: &str) -> String {
        until(&format!("a row of {subject} that is {state}"), || {
            self.rows(who)
                .into_iter()
                .find(|(_, row)| row["subject"] == subject && row["state"] == state)
                .map(|(id, _)| id)
        })
    }

    /// What the platform itself says, through its own API.
    pub(crate) fn platform(&self, name: &str, path: &str) -> Value {
        let place = &self.info["platforms"][name];
        get(place["url"].as_str().unwrap(), path, place["headers"].as_object())
    }

    /// The ids of the syncs that ArgoCD remembers (it keeps ten).
    pub(crate) fn syncs(&self, app: &str) -> Vec<i64> {
        let app = self.platform("argocd", &format!("/api/v1/applications/{app}"));
        let history = app["status"]["history"].as_array().cloned().unwrap_or_default();
        history.iter().filter_map(|entry| entry["id"].as_i64()).collect()
    }

    /// Starts a part by hand, with the config that the demo wrote for it.
    pub(crate) fn part(&self, words: &[&str], config: &str, stop_at: Option<&str>) -> Part {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.dir.path().join("parts.stderr"))
            .unwrap();
        let mut command = dock();
        command
            .args(words)
            .arg("--config")
            .arg(self.info["configs"][config].as_str().unwrap())
            .stderr(log)
            .stdout(Stdio::null());
        if let Some(point) = stop_at {
            command.env("DOCK_STOP_AT", point);
        }
        Part(command.spawn().unwrap())
    }

    /// What the parts and the demo wrote to standard error, for a failed test.
    pub(crate) fn said(&self) -> String {
        let read = |name: &str| std::fs::read_to_string(self.dir.path().join(name)).unwrap_or_default();
        format!("{}{}", read("demo.stderr"), read("parts.stderr"))
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // SIGTERM lets the demo end its children; it cleans up after itself.
        let ended = Command::new("kill").arg(self.demo.id().to_string()).status();
        if ended.is_err() {
            drop(self.demo.kill());
        }
        drop(self.demo.wait());
    }
}

impl Part {
    /// It stopped by itself: it met its stop point.
    #[track_caller]
    pub(crate) fn until_stopped(&mut self, point: &str) {
        until(&format!("the stop at {point}"), || self.0.try_wait().unwrap());
    }

    pub(crate) fn running(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }

    /// As `kill -9`.
    pub(crate) fn kill(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Asks until there is an answer.
#[track_caller]
pub(crate) fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        if let Some(found) = ask() {
            return found;
        }
        thread::sleep(LOOK_EVERY);
    }
    panic!("never came: {what}");
}

fn get(url: &str, path: &str, headers: Option<&serde_json::Map<String, Value>>) -> Value {
    let headers: Vec<_> = headers
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.as_str(), value.as_str().unwrap_or_default()))
        .collect();
    let (_, body) = send(url, &format!("GET {path}"), &headers, b"");
    let json = body.find(['{', '[']).map_or("", |at| &body[at..]);
    let end = json.rfind(['}', ']']).map_or(0, |at| at + 1);
    serde_json::from_str(&json[..end]).unwrap_or(Value::Null)
}

/// One plain request, as `("POST /v1/rows", …)`: its status and the text of its body.
pub(crate) fn send(url: &str, request: &str, headers: &[(&str, &str)], body: &[u8]) -> (u16, String) {
    let place = url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(place).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut head =
        format!("{request} HTTP/1.1\r\nHost: {place}\r\nConnection: close\r\nUser-Agent: dock-tests\r\n");
    if !body.is_empty() {
        head.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    stream.write_all(format!("{head}\r\n").as_bytes()).unwrap();
    // Who refuses a body may do so before it is all there.
    let _ = stream.write_all(body);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let text = String::from_utf8_lossy(&answer).into_owned();
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    (status, text.split_once("\r\n\r\n").map_or("", |(_, body)| body).to_owned())
}

/// The folder `pack` under the world's own.
pub(crate) fn pack(world: &World) -> PathBuf {
    Path::new(world.dir.path()).join("pack")
}
