//! What runs until it is told to stop: `dock serve`, `dock executor`, `dock agent`, and how they log and end.
//!
//! Never: ends in the middle of a commit; logs on standard output.

use std::io::Read as _;

use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use super::{Globals, exit::Failure};
use crate::config;

/// The default threads of the parts that wait more than they work.
const THREADS: usize = 2;

/// Logs to standard error: `-v` more, `DOCK_LOG` as `tracing` writes filters.
pub(super) fn log(globals: &Globals) {
    let level = match (globals.quiet, globals.verbose) {
        (true, _) => "error",
        (false, 0) => "warn",
        (false, 1) => "info,dock=info",
        (false, _) => "info,dock=debug",
    };
    let filter = config::environment("DOCK_LOG").unwrap_or_else(|| level.to_owned());
    let filter = EnvFilter::try_new(&filter).unwrap_or_else(|_| EnvFilter::new(level));
    // A second start in one process, as in tests, keeps the first.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .try_init();
}

/// Runs a service on its own threads.
pub(super) fn run<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(THREADS).enable_all().build()?;
    let ended = runtime.block_on(work);
    // What still reads or waits has nothing left to lose.
    runtime.shutdown_background();
    ended
}

/// Done when somebody asks the process to end: SIGTERM, SIGINT, or the end of standard input where a parent holds it.
pub(super) async fn told_to_stop(with_parent: bool) {
    let (Ok(mut term), Ok(mut int)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return std::future::pending().await;
    };
    let orphaned = async {
        if !with_parent {
            return std::future::pending().await;
        }
        let (tell, told) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || {
            // The parent never writes; the end of its pipe is its end.
            let _ = std::io::stdin().lock().read_to_end(&mut Vec::new());
            let _ = tell.send(());
        });
        let _ = told.await;
    };
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
        () = orphaned => {}
    }
}

/// Does this at each SIGHUP, for ever. From the first time that it is polled on, a hangup no longer ends the process.
pub(super) async fn on_hangup(mut act: impl FnMut()) {
    let Ok(mut hangup) = signal(SignalKind::hangup()) else { return std::future::pending().await };
    while hangup.recv().await.is_some() {
        act();
    }
    std::future::pending::<()>().await;
}

#[cfg(test)]
mod tests {
    use std::{pin::pin, task::Poll};

    use super::*;

    #[tokio::test]
    async fn each_hangup_is_heard() {
        let (tell, mut told) = tokio::sync::mpsc::channel(4);
        let mut hangups = pin!(on_hangup(move || tell.try_send(()).unwrap()));
        let waits = std::future::poll_fn(|context| Poll::Ready(hangups.as_mut().poll(context).is_pending()));
        assert!(waits.await, "it listens");
        for _ in 0..2 {
            signal_hook::low_level::raise(signal_hook::consts::SIGHUP).unwrap();
            tokio::select! {
                () = &mut hangups => panic!("it ended"),
                heard = told.recv() => assert_eq!(heard, Some(())),
            }
        }
    }
}
