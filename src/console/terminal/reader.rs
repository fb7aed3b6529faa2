//! Reads the terminal, and notices when nobody is there any more.
//!
//! Never: spins. At the end of input, or on a line that was hung up, it says so once and ends.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::stdio::stdin;

use super::input::{Input, Parser};
use super::{FromTerminal, Tell};

/// A reader thread that can be told to leave the terminal to somebody else for a while.
#[derive(Debug)]
pub struct Reader {
    wake: UnixStream,
    pause: Arc<Pause>,
}

#[derive(Debug, Default)]
struct Pause {
    state: Mutex<Parked>,
    changed: Condvar,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Parked {
    #[default]
    Reading,
    Asked,
    Resting,
}

/// Bytes taken at once.
const READ_BYTES: usize = 4096;
/// Reads in a row before what they brought is told.
const READS_MAX: usize = 64;

impl Reader {
    /// `clock` gives milliseconds that only go forward.
    pub fn start(tell: Tell, clock: impl Fn() -> u64 + Send + 'static) -> std::io::Result<Reader> {
        let (wake, woken) = UnixStream::pair()?;
        let pause = Arc::new(Pause::default());
        let seen = Arc::clone(&pause);
        let thread = std::thread::Builder::new().name("reader".to_owned());
        thread.spawn(move || run(&woken, &seen, &tell, &clock))?;
        Ok(Reader { wake, pause })
    }

    /// Leaves the terminal's input alone until [`Reader::resume`]; returns once that is so.
    pub fn pause(&self) {
        let mut state = self.pause.state.lock().unwrap_or_else(PoisonError::into_inner);
        *state = Parked::Asked;
        let _ = (&self.wake).write_all(b"p");
        let limit = Duration::from_millis(500);
        let _ = self.pause.changed.wait_timeout_while(state, limit, |state| *state == Parked::Asked);
    }

    pub fn resume(&self) {
        *self.pause.state.lock().unwrap_or_else(PoisonError::into_inner) = Parked::Reading;
        self.pause.changed.notify_all();
    }
}

fn run(mut woken: &UnixStream, pause: &Pause, tell: &Tell, clock: &dyn Fn() -> u64) {
    let mut parser = Parser::default();
    loop {
        let wait = parser.waits_ms().map(|ms| Timespec {
            tv_sec: i64::try_from(ms / 1000).unwrap_or(1),
            tv_nsec: i64::try_from(ms % 1000 * 1_000_000).unwrap_or(0),
        });
        let mut fds = [PollFd::from_borrowed_fd(stdin(), PollFlags::IN), PollFd::new(woken, PollFlags::IN)];
        match poll(&mut fds, wait.as_ref()) {
            Ok(0) => {
                let inputs = parser.wait_over(clock() + 1);
                if !inputs.is_empty() && !tell(FromTerminal::Input(inputs)) {
                    return;
                }
                continue;
            }
            Ok(_) | Err(Errno::INTR) => {}
            Err(_) => return lost(tell),
        }
        let (terminal, waker) = (fds[0].revents(), fds[1].revents());
        if waker.contains(PollFlags::IN) {
            let _ = woken.read(&mut [0; 8]);
            park(pause);
            parser = Parser::default();
            continue;
        }
        if waker.contains(PollFlags::HUP) {
            return; // the console is gone
        }
        if terminal.intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) {
            return lost(tell);
        }
        if !terminal.contains(PollFlags::IN) {
            continue;
        }
        let taken = take(&mut parser, clock);
        let (inputs, open) = match taken {
            Ok(inputs) => (inputs, true),
            Err(inputs) => (inputs, false),
        };
        if !inputs.is_empty() && !tell(FromTerminal::Input(inputs)) {
            return;
        }
        if !open {
            return lost(tell);
        }
    }
}

/// All that has come by now, so that many keys are one event and one frame. An error where the line has ended behind it.
fn take(parser: &mut Parser, clock: &dyn Fn() -> u64) -> Result<Vec<Input>, Vec<Input>> {
    let mut inputs = Vec::new();
    let mut bytes = [0; READ_BYTES];
    for _ in 0..READS_MAX {
        match rustix::io::read(stdin(), &mut bytes) {
            Ok(0) => return Err(inputs),
            Ok(count) => inputs.extend(parser.feed(clock(), &bytes[..count])),
            Err(Errno::INTR | Errno::AGAIN) => {}
            Err(_) => return Err(inputs),
        }
        let mut more = [PollFd::from_borrowed_fd(stdin(), PollFlags::IN)];
        let waits = poll(&mut more, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).is_ok_and(|ready| ready > 0);
        if !waits || !more[0].revents().contains(PollFlags::IN) {
            break;
        }
    }
    Ok(inputs)
}

fn lost(tell: &Tell) {
    tell(FromTerminal::Lost);
}

fn park(pause: &Pause) {
    let mut state = pause.state.lock().unwrap_or_else(PoisonError::into_inner);
    if *state == Parked::Reading {
        return; // resumed before it was heard
    }
    *state = Parked::Resting;
    pause.changed.notify_all();
    drop(pause.changed.wait_while(state, |state| *state != Parked::Reading));
}
