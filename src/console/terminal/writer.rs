//! Writes frames: one at a time, each in one piece, none behind another.
//!
//! Never: holds more than the frame that is being written. Who has a newer one waits to hear `Flushed` and draws then.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::stdio::stdout;

use super::{FromTerminal, Tell, is_ours};

/// A writer thread and its one slot.
#[derive(Debug)]
pub struct Writer {
    frames: SyncSender<(u64, Vec<u8>)>,
    idle: Arc<(Mutex<bool>, Condvar)>,
}

/// How long restoring the terminal waits for one that takes nothing.
const STALLED: Timespec = Timespec { tv_sec: 0, tv_nsec: 500_000_000 };

impl Writer {
    pub fn start(tell: Tell) -> std::io::Result<Writer> {
        let (frames, jobs) = sync_channel(1);
        let idle = Arc::new((Mutex::new(true), Condvar::new()));
        let seen = Arc::clone(&idle);
        std::thread::Builder::new().name("writer".to_owned()).spawn(move || run(&jobs, &seen, &tell))?;
        Ok(Writer { frames, idle })
    }

    /// Hands a frame over; false while the one before is not written yet.
    pub fn offer(&self, number: u64, bytes: Vec<u8>) -> bool {
        if !self.is_idle() {
            return false;
        }
        self.set_idle(false);
        if self.frames.try_send((number, bytes)).is_ok() {
            return true;
        }
        self.set_idle(true);
        false
    }

    pub fn is_idle(&self) -> bool {
        *self.idle.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until nothing is being written; false where that took too long.
    pub fn wait_idle(&self, limit: Duration) -> bool {
        let idle = self.idle.0.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.idle.1.wait_timeout_while(idle, limit, |idle| !*idle);
        waited.map_or_else(|poisoned| *poisoned.into_inner().0, |(idle, _)| *idle)
    }

    fn set_idle(&self, idle: bool) {
        *self.idle.0.lock().unwrap_or_else(PoisonError::into_inner) = idle;
        self.idle.1.notify_all();
    }
}

fn run(jobs: &Receiver<(u64, Vec<u8>)>, idle: &(Mutex<bool>, Condvar), tell: &Tell) {
    while let Ok((number, bytes)) = jobs.recv() {
        let written = !is_ours() || write(&bytes).is_ok();
        *idle.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        idle.1.notify_all();
        if !tell(if written { FromTerminal::Flushed(number) } else { FromTerminal::Lost }) || !written {
            return;
        }
    }
}

/// All of it, however long the terminal takes.
fn write(mut bytes: &[u8]) -> Result<(), Errno> {
    while !bytes.is_empty() {
        match rustix::io::write(stdout(), bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => {
                poll(&mut [PollFd::from_borrowed_fd(stdout(), PollFlags::OUT)], None)?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// For the few bytes of taking over and giving back: not at all where the terminal takes nothing for a while.
pub(super) fn write_all(mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let mut out = [PollFd::from_borrowed_fd(stdout(), PollFlags::OUT)];
        match poll(&mut out, Some(&STALLED)) {
            Ok(0) => return,
            Ok(_) | Err(Errno::INTR) => {}
            Err(_) => return,
        }
        match rustix::io::write(stdout(), bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(Errno::INTR | Errno::AGAIN) => {}
            Err(_) => return,
        }
    }
}
