//! Hears signals. A console that cannot follow them in time is ended all the same, with the terminal given back.
//!
//! Never: works inside a signal handler; a thread reads from a pipe what came.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGWINCH};
use signal_hook::iterator::Signals;

use super::{FromTerminal, Tell, die_of, give_back};

/// How long the console may take to save what is typed and to leave.
const END_WITHIN: Duration = Duration::from_secs(3);

/// The console has left, with the terminal given back: nothing is to be ended any more.
static LEFT: AtomicBool = AtomicBool::new(false);

/// Says that the console has left; what its process has to do after that is not cut short.
pub fn has_left() {
    LEFT.store(true, Ordering::SeqCst);
}

/// Starts the thread. SIGHUP is heard even where the parent had it ignored (`nohup`).
pub fn hear_signals(tell: Tell) -> std::io::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGTSTP, SIGCONT, SIGWINCH])?;
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        for signal in signals.forever() {
            let said = match signal {
                SIGWINCH => FromTerminal::Resized,
                SIGTSTP => FromTerminal::Suspend,
                SIGCONT => FromTerminal::Continued,
                _ => {
                    let _ = std::thread::Builder::new().name("last resort".to_owned()).spawn(move || {
                        std::thread::sleep(END_WITHIN);
                        if !LEFT.load(Ordering::SeqCst) {
                            give_back(true);
                            die_of(signal);
                        }
                    });
                    FromTerminal::End { signal }
                }
            };
            if !tell(said) {
                return;
            }
        }
    })?;
    Ok(())
}
