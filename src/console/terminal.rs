//! The terminal: taken over as a whole, given back as it was, whatever happens in between.
//!
//! Three threads: one reads, one writes, one hears signals. Each tells what it saw through one [`Tell`]; none of them
//! is waited for by the console's own thread but at the very end, and then not for long.
//!
//! Never: answered for. Questions to the terminal are asked and not awaited; frames are dropped, not queued.

use std::io::IsTerminal as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::stdio::{stdin, stdout};
use rustix::termios::{OptionalActions, QueueSelector, Termios, tcflush, tcgetattr, tcgetwinsize, tcsetattr};

pub mod input;
pub mod paint;
mod reader;
mod signals;
mod writer;

use input::Input;
pub use reader::Reader;
pub use signals::{has_left, hear_signals};
pub use writer::Writer;

/// What the threads see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FromTerminal {
    /// All that one read brought: a burst is seen as one.
    Input(Vec<Input>),
    /// The frame of this number stands on the screen.
    Flushed(u64),
    Resized,
    /// SIGTSTP.
    Suspend,
    /// SIGCONT: the terminal may be any size, in any state.
    Continued,
    /// SIGTERM, SIGHUP, SIGINT: leave, then die of it.
    End {
        signal: i32,
    },
    /// Nobody is there any more: the terminal was closed.
    Lost,
}

/// Hands over what a thread saw; false once nobody listens.
pub type Tell = Arc<dyn Fn(FromTerminal) -> bool + Send + Sync>;

#[derive(Debug, thiserror::Error)]
pub enum TerminalError {
    #[error(
        "the console needs a terminal on standard input and output\nhint: `dock rows` and `dock show` print lines"
    )]
    NotATerminal,
    #[error("the terminal refused to be set up: {0}")]
    Refused(#[from] std::io::Error),
}

/// How the terminal was before; empty while it is its owner's.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

/// Alternate screen, title kept aside, pastes and focus told apart, dark and light told, cursor hidden.
const ENTER: &str = "\x1b[?1049h\x1b[22;2t\x1b[?2004h\x1b[?1004h\x1b[?2031h\x1b[?25l";
/// Background colour, then device attributes: the second answer says that the first will not come any more.
const ASK: &str = "\x1b]11;?\x1b\\\x1b[c";
/// Each thing that may be on goes off, in an order that suits a terminal stopped in the middle of a frame.
const LEAVE: &str = "\x1b[?2026l\x1b[0m\x1b]8;;\x1b\\\x1b[?2031l\x1b[?1004l\x1b[?2004l\x1b[?1006l\x1b[?1000l\x1b[23;2t\x1b[?1049l\x1b[?25h";
/// `CAN` ends a sequence that was torn off.
const CANCEL: &str = "\x18";
/// Wheel only, and in the form that has no limit on columns.
const WHEEL: &str = "\x1b[?1000h\x1b[?1006h";

/// Whoever holds it has the terminal; dropping it gives it back.
#[derive(Debug)]
pub struct Guard {
    wheel: bool,
}

impl Guard {
    /// Takes the terminal over, and makes sure that a panic gives it back before it speaks.
    pub fn enter(wheel: bool) -> Result<Guard, TerminalError> {
        if !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
            return Err(TerminalError::NotATerminal);
        }
        let guard = Guard { wheel };
        guard.take()?;
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            give_back(true);
            before(info);
        }));
        writer::write_all(ASK.as_bytes());
        Ok(guard)
    }

    /// Takes the terminal again, after [`give_back`].
    pub fn take(&self) -> Result<(), TerminalError> {
        let before = tcgetattr(stdin()).map_err(std::io::Error::from)?;
        let mut raw = before.clone();
        raw.make_raw();
        *BEFORE.lock().unwrap_or_else(PoisonError::into_inner) = Some(before);
        tcsetattr(stdin(), OptionalActions::Now, &raw).map_err(std::io::Error::from)?;
        writer::write_all(ENTER.as_bytes());
        if self.wheel {
            writer::write_all(WHEEL.as_bytes());
        }
        Ok(())
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        give_back(false);
    }
}

/// Whether the terminal is ours now; false after a panic somewhere gave it back.
pub fn is_ours() -> bool {
    BEFORE.lock().unwrap_or_else(PoisonError::into_inner).is_some()
}

/// Gives the terminal back as it was. Does nothing where that is done; a frame that was torn off is ended first.
pub fn give_back(torn: bool) {
    let Some(before) = BEFORE.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
    if torn {
        writer::write_all(CANCEL.as_bytes());
    }
    writer::write_all(LEAVE.as_bytes());
    // An answer still under way would be typed into the shell.
    let _ = tcflush(stdin(), QueueSelector::IFlush);
    let _ = tcsetattr(stdin(), OptionalActions::Now, &before);
}

/// Columns and rows; what a terminal answers that knows neither is taken for 80×24.
pub fn size() -> (u16, u16) {
    match tcgetwinsize(stdout()) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => (size.ws_col, size.ws_row),
        _ => (80, 24),
    }
}

/// Stops the process as the shell expects it; returns when it goes on.
pub fn stop_here() {
    let _ = signal_hook::low_level::emulate_default_handler(signal_hook::consts::SIGTSTP);
}

/// Dies of a signal, so that the parent sees what it sent. The terminal must have been given back.
pub fn die_of(signal: i32) {
    let _ = signal_hook::low_level::emulate_default_handler(signal);
}

/// How long the end waits for a frame that is still being written.
pub const LAST_FRAME_WAIT: Duration = Duration::from_millis(300);
