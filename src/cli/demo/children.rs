//! The real commands as children: started, watched, started again when they die, ended with the demo.
//!
//! A child watches its standard input and ends with it, so that none lives on when the demo is killed.
//! Never: a child restarted that was ended on purpose, or more often than it can be of use.

use std::{collections::BTreeMap, fs, path::PathBuf, process::Stdio, time::Duration};

use tokio::process::{Child, Command};

use super::{Estate, Failure, Globals, estate::Place, out};
use crate::client::Api;

/// How long a child may take to end before it is killed.
const END_WITHIN: Duration = Duration::from_secs(5);
/// How often children are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);
const READY_LOOK_EVERY: Duration = Duration::from_millis(50);
/// A child that died this often is left alone.
const RESTARTS_MAX: u32 = 20;

/// What runs as a process of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    Serve,
    Executor,
    Argus,
    Gatekeeper,
    Scribe,
    Chronicler,
}

impl Part {
    pub(super) const AGENTS: [Self; 4] = [Self::Argus, Self::Gatekeeper, Self::Scribe, Self::Chronicler];

    fn name(self) -> &'static str {
        match self {
            Self::Serve => "serve",
            Self::Executor => "executor",
            Self::Argus => "argus",
            Self::Gatekeeper => "gatekeeper",
            Self::Scribe => "scribe",
            Self::Chronicler => "chronicler",
        }
    }

    fn words(self) -> &'static [&'static str] {
        match self {
            Self::Serve => &["serve"],
            Self::Executor => &["executor"],
            Self::Argus => &["agent", "argus"],
            Self::Gatekeeper => &["agent", "gatekeeper"],
            Self::Scribe => &["agent", "scribe"],
            Self::Chronicler => &["agent", "chronicler"],
        }
    }
}

pub(super) struct Children {
    running: BTreeMap<Part, Child>,
    deaths: BTreeMap<Part, u32>,
    /// Where children's words go while the console has the terminal.
    log: Option<PathBuf>,
    verbose: u8,
}

impl Children {
    pub(super) fn new(place: &Place, globals: &Globals, silent: bool) -> Self {
        let log = silent.then(|| place.dir().join("demo.log"));
        Self { running: BTreeMap::new(), deaths: BTreeMap::new(), log, verbose: globals.verbose }
    }

    pub(super) fn runs(&self, part: Part) -> bool {
        self.running.contains_key(&part)
    }

    pub(super) fn start(&mut self, part: Part, estate: &Estate) -> Result<(), Failure> {
        let program = std::env::current_exe()?;
        let mut command = Command::new(program);
        command.args(part.words()).arg("--config").arg(estate.config(part.name())).arg("--with-parent");
        for _ in 0..self.verbose {
            command.arg("-v");
        }
        let words = match &self.log {
            Some(file) => Stdio::from(fs::OpenOptions::new().create(true).append(true).open(file)?),
            None => Stdio::inherit(),
        };
        let child =
            command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(words).kill_on_drop(true).spawn()?;
        self.running.insert(part, child);
        Ok(())
    }

    /// Ends one part on purpose.
    pub(super) async fn stop(&mut self, part: Part) {
        if let Some(child) = self.running.remove(&part) {
            end(child).await;
        }
    }

    /// All parts, in no order: each copes with the others' absence.
    pub(super) async fn end(&mut self) {
        for child in self.running.values() {
            ask_to_end(child);
        }
        for (_, child) in std::mem::take(&mut self.running) {
            end(child).await;
        }
    }

    /// Waits a moment, then starts again what has died. Safe to be dropped at any await.
    pub(super) async fn watch(&mut self, estate: &Estate) {
        tokio::time::sleep(LOOK_EVERY).await;
        let died: Vec<_> = self
            .running
            .iter_mut()
            .filter_map(|(part, child)| Some((*part, child.try_wait().ok().flatten()?)))
            .collect();
        for (part, status) in died {
            self.running.remove(&part);
            let deaths = self.deaths.entry(part).or_default();
            *deaths += 1;
            if *deaths > RESTARTS_MAX {
                self.say(&format!("{} ended ({status}) and is left alone now", part.name()));
                continue;
            }
            self.say(&format!("{} ended ({status}) and is started again", part.name()));
            if let Err(failure) = self.start(part, estate) {
                self.say(&failure.words);
            }
        }
    }

    fn say(&self, words: &str) {
        if self.log.is_none() {
            out::remark(words);
        }
    }
}

fn ask_to_end(child: &Child) {
    let id = child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
    if let Some(id) = id {
        // It may have ended by itself in this moment.
        let _ = rustix::process::kill_process(id, rustix::process::Signal::TERM);
    }
}

async fn end(mut child: Child) {
    ask_to_end(&child);
    if tokio::time::timeout(END_WITHIN, child.wait()).await.is_err() {
        let _ = child.kill().await;
    }
}

/// Waits until the backend says that it is ready.
pub(super) async fn answers(server: &str, within: Duration) -> Result<(), Failure> {
    let api = Api::new(server)?;
    let mut last = String::new();
    let waited = tokio::time::timeout(within, async {
        loop {
            match api.ready().await {
                Ok(_) => return,
                Err(error) => last = error.to_string(),
            }
            tokio::time::sleep(READY_LOOK_EVERY).await;
        }
    });
    let out = waited.await.is_err();
    if out {
        Err(Failure::failed(format!("the backend is not ready after {within:?}: {last}")))
    } else {
        Ok(())
    }
}
