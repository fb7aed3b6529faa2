//! The program: threads, the one loop, and what only the owner of the terminal can do.
//!
//! The first frame needs the cache and nothing else: no socket, no runtime, no answer of the terminal. A frame is made
//! when something changed and the writer has none in hand; all keys that wait are taken before it.
//!
//! Never: waits for anything but the next event.

use std::process::{Command as Process, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use base64::Engine as _;
use jiff::tz::TimeZone;

use super::effect::home::{EFFECTS_MAX, OpenError, Place, TellAnswer, Worker};
use super::effect::net::{self, ASKS_MAX};
use super::effect::{Answer, Effect};
use super::event::{EVENTS_MAX, Event, Stamp, What};
use super::keymap::Keymap;
use super::model::{Model, Surroundings};
use super::page::{self, By, Call, Rules};
use super::queue::Group;
use super::screen;
use super::terminal::paint::{Painter, Picture};
use super::terminal::{
    self, FromTerminal, Guard, LAST_FRAME_WAIT, Reader, Tell, TerminalError, Writer, hear_signals,
};
use super::theme::{Themes, Wish};
use super::update::{next_wake_ms, open_first, update, wants};
use crate::client::turn::{Turn, Waiting, Whose};
use crate::client::{Home, HomeError, Settings, StoreError};
use crate::clock::Clock;
use crate::config;
use crate::row::RowId;

/// A frame at most this often, but at once after a key.
const FRAME_EVERY_MS: u64 = 33;
/// A body that lies in the cache is there within this: the frame waits for it, so that one key is one frame.
const BODY_WAIT_MS: u64 = 4;
/// What one copy may hold.
const COPY_BYTES_MAX: usize = 64 * 1024;
/// Theme files of the reader's own that are read.
const OWN_THEMES_MAX: usize = 64;

/// What the command line hands over.
#[derive(Clone, Debug)]
pub struct Options {
    pub home: Home,
    pub settings: Settings,
    pub clock: Clock,
    /// `dock open ROW`.
    pub open: Option<RowId>,
    /// `--theme` or `DOCK_THEME`.
    pub theme: Option<String>,
    pub read_only: bool,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    Quit,
    /// The terminal was given back; the caller is to die of this signal.
    Signal(i32),
}

#[derive(Debug, thiserror::Error)]
pub enum ConsoleError {
    #[error(transparent)]
    Terminal(#[from] TerminalError),
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Home(#[from] HomeError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("a thread could not be started: {0}")]
    Thread(#[from] std::io::Error),
    #[error("the console has failed; what was signed and written is on disk")]
    Panicked,
}

/// Runs until the reader leaves.
pub fn run(options: Options) -> Result<Exit, ConsoleError> {
    let place = Place {
        home: options.home.clone(),
        settings: options.settings.clone(),
        clock: options.clock.clone(),
    };
    let (worker, remark) = Worker::open(place.clone())?;
    let snapshot = worker.snapshot()?;

    let stamp = Stamp::new(options.clock.clone());
    let (events, inbox) = sync_channel::<Event>(EVENTS_MAX);
    let mut model = Model::new(surroundings(&options), stamp.moment());
    let wheel = matches!(options.settings.mouse.as_deref(), Some("wheel" | "on"));
    let guard = Guard::enter(wheel)?;
    model.size = terminal::size();

    let tell = teller(&events, &stamp);
    let tell_answer: TellAnswer = {
        let (events, stamp) = (events.clone(), stamp.clone());
        Arc::new(move |answer| events.send(stamp.event(What::Answer(Box::new(answer)))).is_ok())
    };
    hear_signals(Arc::clone(&tell))?;
    let writer = Writer::start(Arc::clone(&tell))?;
    let ms = stamp.clone();
    let reader = Reader::start(tell, move || ms.ms())?;
    let (to_worker, effects) = sync_channel::<Effect>(EFFECTS_MAX);
    let (to_net, asks) = tokio::sync::mpsc::channel(ASKS_MAX);

    let mut runner = Runner {
        model,
        stamp,
        guard,
        writer,
        reader,
        painter: Painter::default(),
        to_worker: to_worker.clone(),
        waiting: Vec::new(),
        extra: Vec::new(),
        home: options.home,
        frame: 0,
        frame_ms: None,
        urgent: true,
        exit: None,
        turn: None,
    };
    // One that only reads keeps nobody from deciding.
    if !runner.model.read_only {
        runner.take_turn()?;
    }
    runner.take(What::Answer(Box::new(Answer::Known(Box::new(snapshot)))));
    if let Some(remark) = remark {
        runner.take(What::Answer(Box::new(Answer::Told(remark))));
    }
    if let Some(row) = options.open {
        let effects = open_first(&mut runner.model, row);
        runner.perform(effects);
    }
    let wanted = wants(&mut runner.model);
    runner.perform(wanted);
    runner.draw();
    // All that follows is begun behind the first frame.
    let worker_tell = Arc::clone(&tell_answer);
    thread("home", &events, &runner.stamp, move || worker.run(&effects, &worker_tell, &to_net))?;
    thread("network", &events, &runner.stamp, move || net::run(&place, asks, &to_worker, &tell_answer))?;
    drop(events);
    let ended = runner.run(&inbox);
    terminal::has_left();
    ended
}

/// What the model needs to know of where it runs.
fn surroundings(options: &Options) -> Surroundings {
    let settings = &options.settings;
    let mut themes = Themes::default();
    own_themes(&options.home, &mut themes);
    let file = options.home.settings_file();
    let text = std::fs::read_to_string(&file).unwrap_or_default();
    let (keymap, key_errors) = match Keymap::from_config(&file.display().to_string(), &text) {
        Ok(keymap) => (keymap, Vec::new()),
        Err(errors) => (Keymap::default(), errors.iter().map(ToString::to_string).collect()),
    };
    let set = |name: &str| config::environment(name);
    let wish = Wish {
        picked: None,
        flag: options.theme.clone(),
        variable: set("DOCK_THEME"),
        config: settings.theme.clone(),
        dark: settings.dark.clone(),
        light: settings.light.clone(),
        no_colour: set("NO_COLOR").is_some() || set("CLICOLOR").as_deref() == Some("0"),
        colorfgbg: set("COLORFGBG"),
        colorterm: set("COLORTERM"),
        term: set("TERM"),
    };
    let utf8 = ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .find_map(set)
        .is_none_or(|locale| locale.to_uppercase().contains("UTF"));
    let (page, remarks) = Rules::of(&settings.page);
    Surroundings {
        zone: TimeZone::system(),
        keymap,
        key_errors,
        themes,
        wish,
        utf8: utf8 && set("TERM").as_deref() != Some("linux"),
        charts: settings.charts.clone(),
        still: settings.motion.as_deref() == Some("none") || set("DOCK_REDUCED_MOTION").is_some(),
        leave_after_ms: u64::try_from(settings.leave_after().as_millis()).unwrap_or(0),
        read_only: options.read_only || settings.read_only,
        elsewhere: None,
        page,
        remarks,
        views: settings.views.clone().into_iter().collect(),
    }
}

/// Waits for the other console to end, and holds its place from then on.
fn take_over(waiting: Waiting, to_worker: &SyncSender<Effect>) {
    if let Ok(_turn) = waiting.wait()
        && to_worker.send(Effect::TakeOver).is_ok()
    {
        loop {
            std::thread::park();
        }
    }
}

fn own_themes(home: &Home, themes: &mut Themes) {
    let Ok(folder) = std::fs::read_dir(home.themes_folder()) else { return };
    for entry in folder.flatten().take(OWN_THEMES_MAX) {
        let path = entry.path();
        let toml = path.extension().is_some_and(|extension| extension == "toml");
        if let (true, Some(name)) = (toml, path.file_stem().and_then(|stem| stem.to_str()))
            && let Ok(text) = std::fs::read_to_string(&path)
        {
            themes.add(name, &text);
        }
    }
}

fn teller(events: &SyncSender<Event>, stamp: &Stamp) -> Tell {
    let (events, stamp) = (events.clone(), stamp.clone());
    Arc::new(move |seen| events.send(stamp.event(What::Terminal(seen))).is_ok())
}

/// A thread whose panic ends the console in order: the hook gave the terminal back, this tells the loop.
fn thread(
    name: &str,
    events: &SyncSender<Event>,
    stamp: &Stamp,
    work: impl FnOnce() + Send + 'static,
) -> std::io::Result<()> {
    let (events, stamp) = (events.clone(), stamp.clone());
    std::thread::Builder::new().name(name.to_owned()).spawn(move || {
        if std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).is_err() {
            let _ = events.send(stamp.event(What::Panicked));
        }
    })?;
    Ok(())
}

struct Runner {
    model: Model,
    stamp: Stamp,
    guard: Guard,
    writer: Writer,
    reader: Reader,
    painter: Painter,
    to_worker: SyncSender<Effect>,
    /// Effects that found the worker's queue full.
    waiting: Vec<Effect>,
    /// Bytes that go out with the next frame: a bell, a copy.
    extra: Vec<u8>,
    home: Home,
    frame: u64,
    frame_ms: Option<u64>,
    urgent: bool,
    exit: Option<Exit>,
    /// The right to decide for this home, where nobody else had it.
    turn: Option<Turn>,
}

impl Runner {
    fn run(mut self, inbox: &Receiver<Event>) -> Result<Exit, ConsoleError> {
        while self.exit.is_none() {
            match self.next(inbox) {
                Some(event) => self.event(event),
                None => self.take(What::Time),
            }
            // All that waits is taken before the next frame.
            for event in inbox.try_iter().take(EVENTS_MAX) {
                self.event(event);
            }
            for effect in std::mem::take(&mut self.waiting) {
                self.hand_over(effect);
            }
            self.want(inbox);
            self.draw();
        }
        self.writer.wait_idle(LAST_FRAME_WAIT);
        drop(self.guard);
        match self.exit {
            Some(exit) if !self.model.panicked => Ok(exit),
            _ => Err(ConsoleError::Panicked),
        }
    }

    /// Asks for what the next frame wants to show, and gives a body the moment that the cache takes for it.
    fn want(&mut self, inbox: &Receiver<Event>) {
        let wanted = wants(&mut self.model);
        let body = wanted.iter().find_map(|effect| match effect {
            Effect::LoadRow { row } => Some(*row),
            _ => None,
        });
        self.perform(wanted);
        let until = self.stamp.ms() + BODY_WAIT_MS;
        while body.is_some_and(|row| self.model.loading.contains(&row)) {
            let left = until.saturating_sub(self.stamp.ms());
            match inbox.recv_timeout(Duration::from_millis(left)) {
                Ok(event) if left > 0 => self.event(event),
                Ok(event) => return self.event(event),
                Err(_) => return,
            }
        }
    }

    /// The next event, or none when the model wants to be woken first.
    fn next(&self, inbox: &Receiver<Event>) -> Option<Event> {
        let now = self.stamp.ms();
        let paced =
            self.frame_ms.filter(|_| self.model.dirty && self.writer.is_idle()).map(|at| at + FRAME_EVERY_MS);
        let wake = [next_wake_ms(&self.model), paced].into_iter().flatten().min();
        let Some(wake) = wake else { return inbox.recv().ok() };
        inbox.recv_timeout(Duration::from_millis(wake.saturating_sub(now))).ok()
    }

    fn event(&mut self, event: Event) {
        if let What::Terminal(FromTerminal::Resized | FromTerminal::Continued) = &event.what {
            self.model.size = terminal::size();
            self.painter.forget();
        }
        if let What::Terminal(FromTerminal::Input(_)) = &event.what {
            self.urgent = true;
        }
        // The rest of what a key asked for.
        if let What::Answer(answer) = &event.what
            && let Answer::Row { row, .. } = answer.as_ref()
            && self.model.subject() == Some(*row)
            && self.model.body(*row).is_none()
        {
            self.urgent = true;
        }
        if let What::Terminal(FromTerminal::End { signal }) = &event.what {
            self.exit = Some(Exit::Signal(*signal));
        }
        panic_for_tests("update");
        let effects = update(&mut self.model, event);
        self.perform(effects);
    }

    fn take(&mut self, what: What) {
        let event = self.stamp.event(what);
        self.event(event);
    }

    fn perform(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Quit => self.exit = self.exit.or(Some(Exit::Quit)),
                Effect::Redraw => {
                    self.painter.forget();
                    self.model.dirty = true;
                    self.urgent = true;
                }
                Effect::Page(call) => self.page(&call),
                Effect::Copy(text) => self.copy(&text),
                Effect::OpenUrl(url) => self.open_url(&url),
                Effect::Suspend => {
                    self.away(terminal::stop_here);
                }
                Effect::TakeTurn => {
                    if let Err(error) = self.take_turn() {
                        self.model.read_only = true;
                        self.take(What::Answer(Box::new(Answer::Told(error.to_string()))));
                    }
                }
                Effect::Edit { text } => {
                    let edited = self.edit(&text);
                    self.take(What::Answer(Box::new(Answer::Edited(edited))));
                }
                other => self.hand_over(other),
            }
        }
    }

    /// The right to decide here, or the news of who has it, and a thread that waits behind them.
    fn take_turn(&mut self) -> Result<(), ConsoleError> {
        if self.turn.is_some() || self.model.elsewhere.is_some() {
            return Ok(());
        }
        match self.home.turn()? {
            Whose::Ours(turn) => self.turn = Some(turn),
            Whose::Another(waiting) => {
                self.model.elsewhere = Some(waiting.process.unwrap_or(0));
                let to_worker = self.to_worker.clone();
                let thread = std::thread::Builder::new().name("turn".to_owned());
                thread.spawn(move || take_over(waiting, &to_worker))?;
            }
        }
        Ok(())
    }

    fn hand_over(&mut self, effect: Effect) {
        if let Err(std::sync::mpsc::TrySendError::Full(effect)) = self.to_worker.try_send(effect) {
            self.waiting.push(effect);
        }
    }

    /// Draws where something changed, the last frame is out, and it is time.
    fn draw(&mut self) {
        let now = self.stamp.ms();
        let due = self.urgent || self.frame_ms.is_none_or(|at| now >= at + FRAME_EVERY_MS);
        if !self.model.dirty || !due || !self.writer.is_idle() {
            return;
        }
        let mut picture = Picture::new(self.model.size.0, self.model.size.1);
        panic_for_tests("draw");
        screen::draw(&self.model, &mut picture);
        let for_you = self.model.count(Group::ForYou);
        let title = if for_you > 0 { format!("dock ({for_you})") } else { "dock".to_owned() };
        let mut bytes = self.painter.paint(&picture, &title);
        bytes.append(&mut self.extra);
        self.frame += 1;
        self.model.dirty = false;
        self.urgent = false;
        self.frame_ms = Some(now);
        self.model.standing.pending = Some((self.frame, self.model.facts()));
        if bytes.is_empty() {
            // What was to be shown stands there already.
            self.take(What::Terminal(FromTerminal::Flushed(self.frame)));
        } else {
            self.writer.offer(self.frame, bytes);
        }
    }

    fn page(&mut self, call: &Call) {
        let sentence = call.sentence();
        let in_tmux = config::environment("TMUX").is_some();
        self.extra.extend(page::bytes(&self.model.page.by, &sentence, in_tmux));
        self.model.dirty = true;
        let By::Command(words) = self.model.page.by.clone() else { return };
        let mut process = Process::new(&words[0]);
        process.args(&words[1..]).arg(&sentence);
        process.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        match process.spawn() {
            // Waited for aside, so that nothing of it is left behind.
            Ok(mut child) => drop(std::thread::Builder::new().spawn(move || child.wait())),
            Err(error) => {
                let said = format!("page.command: {} cannot be started: {error}", words[0]);
                self.take(What::Answer(Box::new(Answer::Told(said))));
            }
        }
    }

    /// OSC 52: written, never read.
    fn copy(&mut self, text: &str) {
        if text.len() > COPY_BYTES_MAX {
            self.take(What::Answer(Box::new(Answer::Told(
                "too much to copy: 64 KiB are the limit".to_owned(),
            ))));
            return;
        }
        let encoded = base64::engine::general_purpose::STANDARD.encode(text);
        self.extra.extend(format!("\x1b]52;c;{encoded}\x07").into_bytes());
        self.model.dirty = true;
    }

    /// With a desktop at hand its opener, else the address to select.
    fn open_url(&mut self, url: &str) {
        let desktop = cfg!(target_os = "macos")
            || ["DISPLAY", "WAYLAND_DISPLAY"].into_iter().any(|name| config::environment(name).is_some());
        let opener = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
        let harmless = url.starts_with("https://") || url.starts_with("http://");
        let mut process = Process::new(opener);
        process.arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let said = if desktop && harmless && process.spawn().is_ok() { "opened: " } else { "" };
        self.take(What::Answer(Box::new(Answer::Told(format!("{said}{url}")))));
    }

    /// The terminal is somebody else's meanwhile.
    fn away<T>(&mut self, meanwhile: impl FnOnce() -> T) -> T {
        self.writer.wait_idle(LAST_FRAME_WAIT);
        self.reader.pause();
        terminal::give_back(false);
        let done = meanwhile();
        if let Err(error) = self.guard.take() {
            self.model.key_errors.push(error.to_string());
        }
        self.reader.resume();
        self.model.size = terminal::size();
        self.painter.forget();
        self.take(What::Terminal(FromTerminal::Resized));
        self.urgent = true;
        done
    }

    /// The note in the reader's own editor.
    fn edit(&mut self, text: &str) -> Result<String, String> {
        let editor =
            ["VISUAL", "EDITOR"].into_iter().find_map(config::environment).unwrap_or_else(|| "vi".to_owned());
        let folder = self.home.state_folder().map_err(|error| error.to_string())?;
        let file = folder.join(format!("note-{}.txt", std::process::id()));
        // Editors take a file without its last newline for one that was cut.
        let text = format!("{}\n", text.trim_end_matches('\n'));
        crate::client::home::write_private(&file, text.as_bytes()).map_err(|error| error.to_string())?;
        let mut words = editor.split_whitespace();
        let program = words.next().unwrap_or("vi").to_owned();
        let arguments: Vec<String> = words.map(str::to_owned).collect();
        let path = file.clone();
        let status = self.away(move || Process::new(program).args(arguments).arg(path).status());
        let read = std::fs::read(&file).map_err(|error| format!("the note cannot be read back: {error}"));
        let _ = std::fs::remove_file(&file);
        match status {
            Ok(status) if status.success() => Ok(String::from_utf8_lossy(&read?).into_owned()),
            Ok(status) => Err(format!("{editor} ended with {status}; the note is as it was")),
            Err(error) => Err(format!("{editor} cannot be started: {error}; set EDITOR")),
        }
    }
}

/// A panic where `DOCK_PANIC_AT` names it: that the terminal comes back is tried from outside.
#[cfg(debug_assertions)]
pub(super) fn panic_for_tests(place: &str) {
    let asked = config::environment("DOCK_PANIC_AT").is_some_and(|at| at == place);
    assert!(!asked, "asked for by DOCK_PANIC_AT={place}");
}

/// Nothing.
#[cfg(not(debug_assertions))]
pub(super) fn panic_for_tests(_: &str) {}
