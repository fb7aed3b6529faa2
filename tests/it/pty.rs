//! A person at a terminal: the real console in a pseudo-terminal, keys in, the picture out.
//!
//! Never: a key before the screen shows what it is meant for; a person looks first, and so does this.

use std::{
    fs::File,
    io::{Read, Write},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use rustix::{
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Winsize, tcsetwinsize},
};
use unicode_width::UnicodeWidthChar;

use crate::world::dock;

/// How long a thing that must come may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// What a person takes to see that a screen changed; the console drops keys that come sooner.
const READING: Duration = Duration::from_millis(350);
/// The console says that a key came before its screen was seen, or faster than hands are.
const DROPPED: [&str; 2] = ["too soon", "ignored: too many keys"];

/// Both sides of a new pseudo-terminal of this size.
pub(crate) fn pair(columns: u16, rows: u16) -> (File, File) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
    let slave = File::options().read(true).write(true).open(name).unwrap();
    tcsetwinsize(&slave, Winsize { ws_col: columns, ws_row: rows, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
    (File::from(master), slave)
}

pub(crate) struct Console {
    child: Child,
    keyboard: File,
    screen: Arc<Mutex<Screen>>,
    ear: Option<JoinHandle<()>>,
}

impl Console {
    /// `dock` with these words, at 80×24.
    pub(crate) fn open(home: &Path, words: &[&str], variables: &[(&str, &str)]) -> Self {
        Self::open_at((80, 24), home, words, variables)
    }

    /// The same, so many columns wide and so many rows high.
    pub(crate) fn open_at(
        (columns, rows): (u16, u16),
        home: &Path,
        words: &[&str],
        variables: &[(&str, &str)],
    ) -> Self {
        let (master, slave) = pair(columns, rows);
        let side = || Stdio::from(slave.try_clone().unwrap());
        let mut command: Command = dock();
        command.args(words).env("DOCK_HOME", home).envs(variables.iter().copied());
        let child = command.stdin(side()).stdout(side()).stderr(side()).spawn().unwrap();
        drop((command, slave));
        let screen = Arc::new(Mutex::new(Screen::new(columns.into(), rows.into())));
        let (mut reader, seen) = (master.try_clone().unwrap(), Arc::clone(&screen));
        // The line ends, with an error, when the console is gone and nobody else holds it.
        let ear = std::thread::spawn(move || {
            let mut bytes = [0; 16 * 1024];
            while let Ok(count @ 1..) = reader.read(&mut bytes) {
                seen.lock().unwrap().take(&bytes[..count]);
            }
        });
        Self { child, keyboard: master, screen, ear: Some(ear) }
    }

    pub(crate) fn text(&self) -> String {
        self.screen.lock().unwrap().text()
    }

    pub(crate) fn shows(&self, what: &str) -> bool {
        self.text().contains(what)
    }

    #[track_caller]
    pub(crate) fn until(&self, what: &str) {
        let begun = Instant::now();
        while !self.shows(what) {
            assert!(begun.elapsed() < PATIENCE, "`{what}` never stood there:\n{}", self.text());
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// Keys, without looking.
    pub(crate) fn write(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    /// Presses, and sees what it leads to; again where the console says that it came too soon.
    #[track_caller]
    pub(crate) fn press(&mut self, keys: &str, then: &str) {
        let begun = Instant::now();
        let dropped = |screen: &str| DROPPED.iter().any(|words| screen.contains(words));
        loop {
            std::thread::sleep(READING);
            self.write(keys);
            loop {
                let screen = self.text();
                if screen.contains(then) {
                    return;
                }
                assert!(begun.elapsed() < PATIENCE, "{keys:?} never led to `{then}`:\n{screen}");
                std::thread::sleep(LOOK_EVERY);
                if dropped(&screen) {
                    break;
                }
            }
            while dropped(&self.text()) {
                std::thread::sleep(LOOK_EVERY);
            }
        }
    }

    /// From the queue to the row's own screen: the list is filtered to it, then it is opened.
    #[track_caller]
    pub(crate) fn read(&mut self, row: &str) {
        self.until("synced");
        self.press("/", " filter");
        self.press(&format!("id:{row}"), "1 of ");
        self.press("\r", "Enter read");
        self.press("\r", "SIGNALS");
    }

    /// The dialog's fields by hand, up to the signature: the note, the sign field.
    #[track_caller]
    pub(crate) fn fill(&mut self, note: &str, word: &str) {
        self.press(note, note);
        self.press("\t", "▸ Sign");
        self.press(word, &format!("[ {word} ]"));
        std::thread::sleep(READING);
    }

    /// The row that stands whole beside the list, at 200×60.
    #[track_caller]
    pub(crate) fn beside(&self) -> String {
        let begun = Instant::now();
        loop {
            let screen = self.text();
            let named = |line: &str| {
                let head = line.split('│').nth(1)?.trim_start().split(' ').collect::<Vec<_>>();
                let is_row =
                    head.get(1)?.strip_prefix('r')?.parse::<u32>().is_ok() && head.get(2) == Some(&"·");
                is_row.then(|| head[0].to_owned())
            };
            if let Some(row) = screen.lines().find_map(named) {
                return row;
            }
            assert!(begun.elapsed() < PATIENCE, "no row stands beside the list:\n{screen}");
            std::thread::sleep(LOOK_EVERY);
        }
    }

    #[track_caller]
    pub(crate) fn ended(&mut self) -> ExitStatus {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(begun.elapsed() < PATIENCE, "it never ended:\n{}", self.text());
            std::thread::sleep(LOOK_EVERY);
        }
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if !std::thread::panicking() {
            let _ = self.ear.take().map(JoinHandle::join);
        }
    }
}

/// What stands on the terminal, as far as the console's own sequences go.
struct Screen {
    cells: Vec<Vec<char>>,
    x: usize,
    y: usize,
    /// Bytes of a sequence or a letter that is not whole yet.
    begun: Vec<u8>,
}

impl Screen {
    fn new(columns: usize, rows: usize) -> Self {
        Self { cells: vec![vec![' '; columns]; rows], x: 0, y: 0, begun: Vec::new() }
    }

    fn text(&self) -> String {
        let line = |line: &Vec<char>| {
            line.iter().filter(|c| **c != '\0').collect::<String>().trim_end().to_owned() + "\n"
        };
        self.cells.iter().map(line).collect()
    }

    fn take(&mut self, bytes: &[u8]) {
        self.begun.extend_from_slice(bytes);
        let all = std::mem::take(&mut self.begun);
        let mut rest = all.as_slice();
        while !rest.is_empty() {
            let Some(used) = self.one(rest) else { break };
            rest = &rest[used..];
        }
        self.begun = rest.to_vec();
    }

    /// One letter or sequence; how many bytes it had, `None` where more is to come.
    fn one(&mut self, bytes: &[u8]) -> Option<usize> {
        match bytes {
            [0x1b, b'[', rest @ ..] => {
                let end = rest.iter().position(|byte| (0x40..=0x7e).contains(byte))?;
                self.control(&String::from_utf8_lossy(&rest[..end]), rest[end]);
                Some(end + 3)
            }
            [0x1b, b']', rest @ ..] => {
                let end = rest.iter().position(|byte| matches!(byte, 0x07 | 0x1b))?;
                if rest[end] == 0x07 { Some(end + 3) } else { rest.get(end + 1).map(|_| end + 4) }
            }
            [] | [0x1b] => None,
            [0x1b, ..] => Some(2),
            [b'\r', ..] => {
                self.x = 0;
                Some(1)
            }
            [b'\n', ..] => {
                self.y = (self.y + 1).min(self.cells.len() - 1);
                Some(1)
            }
            [first, ..] => {
                let len = match first {
                    0xc0..=0xdf => 2,
                    0xe0..=0xef => 3,
                    0xf0.. => 4,
                    _ => 1,
                };
                let letter = bytes.get(..len)?;
                for c in String::from_utf8_lossy(letter).chars() {
                    self.put(c);
                }
                Some(len)
            }
        }
    }

    fn put(&mut self, c: char) {
        let width = c.width().unwrap_or(0);
        for (at, c) in
            std::iter::once(c).chain(std::iter::repeat_n('\0', width.saturating_sub(1))).enumerate()
        {
            if let Some(cell) = self.cells[self.y].get_mut(self.x + at).filter(|_| width > 0) {
                *cell = c;
            }
        }
        self.x += width;
    }

    fn control(&mut self, parameters: &str, last: u8) {
        let number = |at: usize| parameters.split(';').nth(at).and_then(|text| text.parse::<usize>().ok());
        match last {
            b'H' => {
                self.y = number(0).unwrap_or(1).clamp(1, self.cells.len()) - 1;
                self.x = number(1).unwrap_or(1).max(1) - 1;
            }
            b'C' => self.x += number(0).unwrap_or(1).max(1),
            b'K' => self.cells[self.y].iter_mut().skip(self.x).for_each(|cell| *cell = ' '),
            b'J' => self.clear(),
            b'h' | b'l' if parameters == "?1049" => self.clear(),
            _ => (),
        }
    }

    fn clear(&mut self) {
        self.cells.iter_mut().flatten().for_each(|cell| *cell = ' ');
    }
}
