//! The terminal is given back as it was, whatever ends the console: a key, a signal, a panic, a window that closes.
//!
//! Never: a real terminal. Each case has a pseudo-terminal of its own, and looks at its modes before and after.

use std::{
    fs::File,
    io::{Read, Write},
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, Signal, kill_process},
    termios::{Termios, tcgetattr},
};

/// What may be switched on, and what switches it off again.
const PAIRS: [(&str, &str); 6] = [
    ("\x1b[?1049h", "\x1b[?1049l"),
    ("\x1b[?2004h", "\x1b[?2004l"),
    ("\x1b[?1004h", "\x1b[?1004l"),
    ("\x1b[?2031h", "\x1b[?2031l"),
    ("\x1b[?25l", "\x1b[?25h"),
    ("\x1b[?2026h", "\x1b[?2026l"),
];
const PATIENCE: Duration = Duration::from_secs(30);

struct Session {
    child: Child,
    master: Option<File>,
    slave: File,
    before: Termios,
    said: Arc<Mutex<Vec<u8>>>,
    closed: Arc<AtomicBool>,
    ear: Option<JoinHandle<()>>,
    _home: tempfile::TempDir,
}

impl Session {
    fn start(variables: &[(&str, &str)]) -> Session {
        let (master, slave) = crate::pty::pair(80, 24);
        let before = tcgetattr(&slave).unwrap();
        let home = tempfile::tempdir().unwrap();
        let side = || Stdio::from(slave.try_clone().unwrap());
        let mut command = Command::new(env!("CARGO_BIN_EXE_dock"));
        command.env("DOCK_HOME", home.path().join("home")).env("TERM", "xterm-256color");
        command.env_remove("NO_COLOR").envs(variables.iter().copied());
        let child = command.stdin(side()).stdout(side()).stderr(side()).spawn().unwrap();
        let said = Arc::new(Mutex::new(Vec::new()));
        let (mut reader, heard) = (master.try_clone().unwrap(), Arc::clone(&said));
        let closed = Arc::new(AtomicBool::new(false));
        let closing = Arc::clone(&closed);
        let ear = std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while !closing.load(Ordering::Relaxed) {
                let mut fds = [PollFd::new(&reader, PollFlags::IN)];
                let brief = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };
                if poll(&mut fds, Some(&brief)).is_ok_and(|ready| ready > 0) {
                    let Ok(count @ 1..) = reader.read(&mut bytes) else { break };
                    heard.lock().unwrap().extend_from_slice(&bytes[..count]);
                }
            }
        });
        Session { child, master: Some(master), slave, before, said, closed, ear: Some(ear), _home: home }
    }

    fn said(&self) -> String {
        String::from_utf8_lossy(&self.said.lock().unwrap()).into_owned()
    }

    fn until(&self, what: &str) {
        let begun = Instant::now();
        while !self.said().contains(what) {
            assert!(begun.elapsed() < PATIENCE, "`{what}` never stood there: {:?}", self.said());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Nobody holds the other side any more.
    fn close(&mut self) {
        self.closed.store(true, Ordering::Relaxed);
        self.ear.take().map(JoinHandle::join);
        self.master.take();
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    fn ended(&mut self) -> std::process::ExitStatus {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            if begun.elapsed() > PATIENCE {
                let _ = self.child.kill();
                panic!("it never ended: {:?}", self.said());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Modes are as before, and all that was switched on is off.
    fn is_restored(&mut self, how: &str) {
        std::thread::sleep(Duration::from_millis(50));
        let after = tcgetattr(&self.slave).unwrap();
        assert_eq!(
            (after.input_modes, after.output_modes, after.control_modes, after.local_modes),
            (
                self.before.input_modes,
                self.before.output_modes,
                self.before.control_modes,
                self.before.local_modes
            ),
            "{how}: modes"
        );
        let said = self.said();
        for (on, off) in PAIRS {
            let (last_on, last_off) = (said.rfind(on), said.rfind(off));
            assert!(last_on <= last_off, "{how}: {on:?} is left behind");
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_key_and_each_signal_end_it_in_order() {
    use std::os::unix::process::ExitStatusExt as _;
    let mut quit = Session::start(&[]);
    quit.until("judge what agents propose");
    quit.master.as_mut().unwrap().write_all(b"q").unwrap();
    assert_eq!(quit.ended().code(), Some(0));
    quit.is_restored("q");
    for signal in [Signal::TERM, Signal::HUP, Signal::INT, Signal::QUIT] {
        let mut session = Session::start(&[]);
        session.until("judge what agents propose");
        session.signal(signal);
        assert_eq!(session.ended().signal(), Some(signal.as_raw()), "the parent sees what it sent");
        session.is_restored(&format!("{signal:?}"));
    }
}

#[test]
fn a_panic_anywhere_gives_the_terminal_back_and_is_told() {
    for place in ["draw", "update", "effect"] {
        let mut session = Session::start(&[("DOCK_PANIC_AT", place)]);
        if place == "effect" {
            session.until("judge what agents propose");
            // A key that asks for an effect.
            session.master.as_mut().unwrap().write_all(b"r").unwrap();
        }
        assert!(!session.ended().success(), "{place}");
        session.is_restored(place);
        session.until("DOCK_PANIC_AT");
    }
}

#[test]
fn a_window_that_was_closed_ends_it() {
    let mut session = Session::start(&[]);
    session.until("judge what agents propose");
    // No controlling terminal here, so nobody sends SIGHUP: as under `nohup`. Only the line itself tells.
    session.close();
    session.ended();
}

#[test]
fn it_stops_and_goes_on() {
    let mut session = Session::start(&[]);
    session.until("judge what agents propose");
    session.master.as_mut().unwrap().write_all(b"\x1a").unwrap();
    let begun = Instant::now();
    while !session.said().contains("\x1b[?1049l") {
        assert!(begun.elapsed() < PATIENCE, "it never stopped");
        std::thread::sleep(Duration::from_millis(10));
    }
    session.is_restored("stopped");
    session.said.lock().unwrap().clear();
    session.signal(Signal::CONT);
    session.until("judge what agents propose");
    session.master.as_mut().unwrap().write_all(b"q").unwrap();
    assert!(session.ended().success());
    session.is_restored("after going on");
}

#[test]
fn late_answers_of_the_terminal_are_not_keys() {
    let mut session = Session::start(&[]);
    session.until("judge what agents propose");
    for byte in b"\x1b]11;rgb:ffff/ffff/ffff\x1b\\\x1b[?62;22c" {
        session.master.as_mut().unwrap().write_all(&[*byte]).unwrap();
        std::thread::sleep(Duration::from_millis(5));
    }
    session.said.lock().unwrap().clear();
    session.master.as_mut().unwrap().write_all(b"?").unwrap();
    session.until("Keys and marks here");
    session.master.as_mut().unwrap().write_all(b"qq").unwrap();
    assert!(session.ended().success());
    session.is_restored("after answers");
}
