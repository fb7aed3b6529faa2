//! `dock demo`: everything on this machine, nothing to configure.
//!
//! This process owns the simulated platforms, the clock's file and standard input. It makes people, keys, ports and
//! configs first, then starts the real commands as children, which end when it does.
//! Never: a row or a decision of its own; a child that outlives it; anything left behind in a folder that it made.

use std::{collections::BTreeSet, path::PathBuf, time::Duration};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    signal::unix::{SignalKind, signal},
};

use super::{
    Globals,
    exit::{Code, Failure, Outcome},
    out,
    person::Person,
};
use crate::{
    client::Home,
    clock::Clock,
    simulator::{Pace, Scenario, Setting, Simulators, Site},
};

mod children;
mod estate;
mod gates;
mod orders;
mod pages;

use children::{Children, Part};
use estate::Estate;

/// How long the console may take to leave after a signal.
const CONSOLE_ENDS_WITHIN: Duration = Duration::from_secs(3);
/// How long everything may take to answer before the demo says that it does not.
const READY_WITHIN: Duration = Duration::from_secs(60);

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  dock demo\n  dock demo --dir my-demo            keeps it, and goes on where it stopped\n  \
    dock demo --headless --json        for scripts: one line when all answers, then orders on standard input"
)]
pub(super) struct Demo {
    /// Without the console: until it is interrupted.
    #[arg(long)]
    headless: bool,
    /// People's and the log's keys from this number, in place of chance.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// What the world is like: seeds.
    #[arg(long, value_name = "NAME", default_value = "seeds")]
    scenario: String,
    /// Keep everything here; what an earlier demo left goes on.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// How fast the platforms work, 1 is their usual pace.
    #[arg(long, value_name = "X", default_value_t = 1.0)]
    speed: f64,
    /// Where the backend keeps its rows, in place of a file in the folder.
    #[arg(long, value_name = "URL")]
    store: Option<String>,
    /// Start this part alone, the platforms always; more than once for several.
    #[arg(long, value_name = "PART")]
    only: Vec<Only>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
enum Only {
    Platforms,
    Serve,
    Executor,
    Agents,
}

pub(super) fn run(globals: &Globals, args: &Demo) -> Outcome {
    let scenario = Scenario::named(&args.scenario).ok_or_else(|| {
        Failure::usage(format!("there is no scenario {}\nhint: seeds", out::safe(&args.scenario)))
    })?;
    if !(args.speed.is_finite() && args.speed > 0.0) {
        return Err(Failure::usage("--speed is a number above 0"));
    }
    let place = estate::Place::open(args.dir.as_deref())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(live(globals, args, scenario, &place));
    // Tasks that still read standard input would keep the process alive.
    runtime.shutdown_background();
    place.leave();
    outcome
}

async fn live(globals: &Globals, args: &Demo, scenario: Scenario, place: &estate::Place) -> Outcome {
    let mut stop = Stop::listen()?;
    let clock = Clock::with_offset_file(place.clock_file());
    let setting =
        Setting { scenario, clock: clock.clone(), pace: pace(args.speed), dir: Some(place.dir().to_owned()) };
    let simulators = Simulators::start(setting).await.map_err(|error| Failure::failed(error.to_string()))?;
    let estate = Estate::make(place, &simulators, &clock, args.store.as_deref(), args.seed)?;
    let (url, secret) = estate.hook(estate::GITHUB)?;
    simulators.world().hook_github(&url, &secret);
    let (url, secret) = estate.hook(estate::PAGERDUTY)?;
    simulators.world().hook_pagerduty(&url, &secret);
    let mut children = Children::new(place, globals, !(args.headless || globals.json));
    let parts = parts(&args.only);
    for part in &parts {
        children.start(*part, &estate)?;
    }
    let ready = async {
        if parts.contains(&Part::Serve) {
            children::answers(&estate.server, READY_WITHIN).await?;
        }
        Ok::<(), Failure>(())
    };
    tokio::select! {
        ready = ready => ready?,
        () = stop.asked() => {
            children.end().await;
            return Ok(Code::Done);
        }
    }
    let outcome = if args.headless || globals.json {
        tell_ready(globals, &estate, &simulators);
        serve_orders(globals, &mut children, &estate, &simulators, &mut stop).await
    } else {
        console(globals, &mut children, &estate, &mut stop).await
    };
    children.end().await;
    outcome
}

fn tell_ready(globals: &Globals, estate: &Estate, simulators: &Simulators) {
    if globals.json {
        out::json(&ready_line(estate, simulators));
        return;
    }
    out::line(format!(
        "Dock runs at {}; people, configs and keys are in {}.",
        estate.server,
        estate.dir.display()
    ));
    out::line(format!("Try: DOCK_HOME={} dock rows", estate.home("sarah").display()));
}

/// The console as sarah, on this terminal; the children's words go to a file meanwhile.
async fn console(globals: &Globals, children: &mut Children, estate: &Estate, stop: &mut Stop) -> Outcome {
    let sarah = Person::at(globals, Home::at(&estate.home("sarah")))?;
    let globals = globals.clone();
    let mut shown = tokio::task::spawn_blocking(move || super::console::shown(&globals, sarah, None));
    loop {
        let ended = tokio::select! {
            // The console hears the same signal, and gives the terminal back.
            () = stop.asked() => match tokio::time::timeout(CONSOLE_ENDS_WITHIN, &mut shown).await {
                Ok(ended) => ended,
                Err(_) => return Ok(Code::Done),
            },
            () = children.watch(estate) => continue,
            ended = &mut shown => ended,
        };
        // Nobody dies of a signal here before the folder with the keys is gone.
        ended.map_err(|error| Failure::failed(error.to_string()))??;
        return Ok(Code::Done);
    }
}

/// Until it is told to stop: orders on standard input, children that die are started again.
async fn serve_orders(
    globals: &Globals,
    children: &mut Children,
    estate: &Estate,
    simulators: &Simulators,
    stop: &mut Stop,
) -> Outcome {
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    let mut listening = globals.json;
    loop {
        tokio::select! {
            () = stop.asked() => return Ok(Code::Done),
            () = children.watch(estate) => {}
            line = lines.next_line(), if listening => match line {
                Ok(Some(line)) if line.trim().is_empty() => {}
                Ok(Some(line)) => out::json(&orders::obey(&line, children, estate, simulators).await),
                // Nobody speaks any more; the demo goes on.
                Ok(None) | Err(_) => listening = false,
            },
        }
    }
}

fn parts(only: &[Only]) -> BTreeSet<Part> {
    if only.is_empty() {
        return [Part::Serve].into_iter().chain(Part::AGENTS).collect();
    }
    let named = only.iter().flat_map(|only| match only {
        Only::Platforms => vec![],
        Only::Serve => vec![Part::Serve],
        Only::Executor => vec![Part::Executor],
        Only::Agents => Part::AGENTS.to_vec(),
    });
    named.collect()
}

fn pace(speed: f64) -> Pace {
    let usual = Pace::default();
    Pace { tick: usual.tick.div_f64(speed), refresh: usual.refresh.div_f64(speed), ..usual }
}

/// The contract's first line.
fn ready_line(estate: &Estate, simulators: &Simulators) -> Value {
    let people: serde_json::Map<_, _> = estate::PEOPLE
        .iter()
        .map(|person| (person.to_string(), json!({"home": estate.home(person)})))
        .collect();
    let platforms: serde_json::Map<_, _> = Site::ALL
        .into_iter()
        // Nobody asks there of their own accord.
        .filter(|site| *site != Site::TerraformArchive)
        .map(|site| {
            (
                site.name().to_owned(),
                json!({"url": simulators.url(site), "headers": simulators.headers(site)}),
            )
        })
        .collect();
    json!({
        "ready": true, "dir": estate.dir, "server": estate.server, "log_key": estate.log_key, "org": estate::ORG,
        "people": people, "agents": estate.agents(), "configs": estate.configs(),
        "platforms": platforms,
    })
}

/// SIGTERM, SIGINT, or a terminal that was closed.
struct Stop {
    term: tokio::signal::unix::Signal,
    int: tokio::signal::unix::Signal,
    /// `None` where whoever started it wants it to outlive the terminal: `nohup`.
    hangup: Option<tokio::signal::unix::Signal>,
}

impl Stop {
    fn listen() -> Result<Self, Failure> {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let hangup = (!ignores_hangup(&status)).then(|| signal(SignalKind::hangup())).transpose()?;
        Ok(Self { term: signal(SignalKind::terminate())?, int: signal(SignalKind::interrupt())?, hangup })
    }

    async fn asked(&mut self) {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => drop(hangup.recv().await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.term.recv() => {}
            _ = self.int.recv() => {}
            () = hangup => {}
        }
    }
}

/// Whether a process that has this status was started with SIGHUP ignored: its mask has the first signal's bit.
fn ignores_hangup(status: &str) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_demo_that_was_started_to_outlive_its_terminal_does() {
        for (status, ignored) in [
            ("Name:\tdock\nSigIgn:\t0000000000000001\n", true),
            ("SigIgn:\t0000000000001000\n", false),
            ("SigIgn:\t0000000000001003\n", true),
            ("", false),
        ] {
            assert_eq!(ignores_hangup(status), ignored, "{status}");
        }
    }
}
