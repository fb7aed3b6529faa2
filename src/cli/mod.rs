//! The command line: one file a command, text for people and `--json` for programs.
//!
//! Names, exit codes and JSON fields are an interface: added to, never changed.
//! Never: judges. What may be done is asked of the same code that the console and the server ask.

use std::{path::PathBuf, process::ExitCode};

use clap::{CommandFactory, Parser, Subcommand};

mod administer;
mod agent;
mod amend;
mod aside;
mod audit;
mod console;
mod decide;
mod demo;
mod doctor;
pub mod exit;
mod founding;
mod gate;
#[cfg(test)]
mod guides;
mod holds;
mod incident;
mod init;
mod line;
mod login;
mod marked;
mod operations;
mod out;
mod outbox;
mod page;
mod paperwork;
mod person;
mod plain;
mod rows;
mod search;
mod serve;
mod service;
mod show;
mod sync;
mod tick;
mod timeline;
mod watch;
mod why;

use exit::{Code, Failure, Outcome};

/// Where an on-call engineer judges what agents propose.
#[derive(Debug, Parser)]
#[command(name = "dock", version, about, max_term_width = 100)]
#[command(
    after_help = "Examples:\n  dock demo                      everything on this machine, nothing to configure\n  \
    dock rows                      what waits\n  dock show sync-8822            one row, whole\n  \
    dock decline sync-8822 --note \"The toggle is the mitigation of INC-771.\""
)]
struct Cli {
    #[command(flatten)]
    globals: Globals,
    /// A prompt for the commands, in place of the full screen.
    #[arg(long)]
    line: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

/// What every command takes.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Globals {
    /// Read this file in place of console.toml (or dock.toml, for what runs on a server).
    #[arg(long, global = true, value_name = "FILE", env = "DOCK_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Talk to this server.
    #[arg(long, global = true, value_name = "URL", env = "DOCK_SERVER")]
    pub(crate) server: Option<String>,
    /// One JSON value, or one a line for lists, on standard output.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// The label first, one fact a line, words for marks: for screen readers.
    #[arg(long, global = true)]
    pub(crate) plain: bool,
    /// Say more on standard error; twice: everything.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// No remarks.
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Decide nothing.
    #[arg(long, global = true)]
    pub(crate) read_only: bool,
    #[arg(long, global = true, value_name = "NAME", env = "DOCK_THEME")]
    pub(crate) theme: Option<String>,
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: out::Colour,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The console, on one row.
    Open(console::Open),
    /// Everything on this machine, nothing to configure.
    Demo(demo::Demo),
    /// The rows that are open or changed within a day.
    Rows(rows::Rows),
    /// One row, whole.
    Show(show::Show),
    /// Why a line stands on a runbook's page: the row, the reviewer and the incident that put it there.
    Why(why::Why),
    /// The rows of an incident, its post-mortem, and incidents like it.
    Incident(incident::Incident),
    /// Approve what a row proposes.
    Approve(decide::Approve),
    /// Say no: nothing is executed, the reason stays.
    #[command(visible_alias = "block")]
    Decline(decide::Plain),
    /// Go against the agent's verdict, in writing.
    Override(decide::Override),
    /// Send a row back to its agent, with words.
    NeedsChanges(decide::Plain),
    /// Take one's own approval back, until it is being executed.
    Withdraw(decide::Plain),
    /// Give a row more time, before it lapses.
    Extend(aside::Extend),
    /// Say what you saw on the platform, where Dock could not tell whether it was executed.
    Attest(aside::Attest),
    /// Change what an edit of a page proposes, before deciding on it.
    Amend(amend::Amend),
    /// The lines of a post-mortem: accept, strike, add.
    Timeline(timeline::Timeline),
    /// The steps of a runbook while its incident is on: what was followed, skipped or wrong.
    Tick(tick::Ticking),
    /// Read what changed, deliver what was signed.
    Sync(sync::Sync),
    /// What was signed here, and what became of it.
    Outbox(outbox::OutboxArgs),
    /// Sign in with one's SSH key.
    Login(login::Login),
    /// Forget the session.
    Logout(login::Logout),
    /// Who one is to the server.
    Whoami(login::Whoami),
    /// For scripts: wait for what was decided about a run.
    Gate(gate::Gate),
    /// Events as they happen.
    Watch(watch::Watch),
    /// Drifts that were declined and stay as they are.
    Holds(holds::Holds),
    /// Stop agents, policies and new executions at once.
    Halt(holds::Halt),
    /// End a halt; an administrator's signature.
    Resume(holds::Resume),
    /// People: who they are, what they may, which keys they have.
    People(administer::People),
    /// Signing keys: list, enrol, revoke.
    Key(administer::Keys),
    /// Agents and their tokens: list, issue, rotate, revoke.
    Token(administer::Tokens),
    /// The record: export, verify, look.
    Audit(audit::Audit),
    /// The backend, with the executor in it.
    Serve(serve::Serve),
    /// The write path alone, against the same store.
    Executor(serve::ExecutorArgs),
    /// An agent: gathers and drafts, decides nothing.
    Agent(agent::Agent),
    /// Write a commented config.
    Init(init::Init),
    /// Check every part against the real thing, and say what to do.
    Doctor(doctor::Doctor),
    /// Shell completion on standard output.
    Completions(paperwork::Completions),
    /// Man pages into a folder.
    Man(paperwork::Man),
    /// The console's keys.
    Keys(paperwork::Keys),
    /// Themes, and what they measure.
    Theme(paperwork::ThemeArgs),
}

/// Parses the command line, runs one command, says how it ended.
pub fn run() -> ExitCode {
    // Somebody else may have installed one in a test; either does.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let cli = Cli::parse();
    let outcome = dispatch(cli);
    let code = outcome.unwrap_or_else(|failure: Failure| {
        if !failure.words.is_empty() {
            out::remark(&failure.words);
        }
        failure.code
    });
    ExitCode::from(code as u8)
}

fn dispatch(cli: Cli) -> Outcome {
    let globals = &cli.globals;
    let Some(command) = cli.command else {
        return if cli.line || globals.plain { line::run(globals) } else { console::run(globals, None) };
    };
    match command {
        Command::Open(args) => console::open(globals, &args),
        Command::Demo(args) => demo::run(globals, &args),
        Command::Rows(args) => rows::run(globals, &args),
        Command::Show(args) => show::run(globals, &args),
        Command::Why(args) => why::run(globals, &args),
        Command::Incident(args) => incident::run(globals, &args),
        Command::Approve(args) => decide::approve(globals, &args),
        Command::Decline(args) => decide::plain(globals, crate::row::Decision::Decline, &args),
        Command::Override(args) => decide::over(globals, &args),
        Command::NeedsChanges(args) => decide::plain(globals, crate::row::Decision::NeedsChanges, &args),
        Command::Withdraw(args) => decide::plain(globals, crate::row::Decision::Withdraw, &args),
        Command::Extend(args) => aside::extend(globals, &args),
        Command::Attest(args) => aside::attest(globals, &args),
        Command::Amend(args) => amend::run(globals, &args),
        Command::Timeline(args) => timeline::run(globals, &args),
        Command::Tick(args) => tick::run(globals, &args),
        Command::People(args) => administer::people(globals, &args),
        Command::Key(args) => administer::keys(globals, &args),
        Command::Token(args) => administer::tokens(globals, &args),
        Command::Sync(args) => sync::run(globals, &args),
        Command::Outbox(args) => outbox::run(globals, &args),
        Command::Login(_) => login::login(globals),
        Command::Logout(_) => login::logout(globals),
        Command::Whoami(_) => login::whoami(globals),
        Command::Gate(args) => gate::run(globals, &args),
        Command::Watch(args) => watch::run(globals, &args),
        Command::Holds(args) => holds::run(globals, &args),
        Command::Halt(args) => holds::halt(globals, &args),
        Command::Resume(args) => holds::resume(globals, &args),
        Command::Audit(args) => audit::run(globals, &args),
        Command::Serve(args) => serve::serve(globals, &args),
        Command::Executor(args) => serve::executor(globals, &args),
        Command::Agent(args) => agent::run(globals, &args),
        Command::Init(args) => init::init(globals, &args),
        Command::Doctor(args) => doctor::run(globals, &args),
        Command::Completions(args) => {
            paperwork::completions(&args, &mut Cli::command());
            Ok(Code::Done)
        }
        Command::Man(args) => paperwork::man(&args, Cli::command()),
        Command::Keys(_) => paperwork::keys(globals),
        Command::Theme(args) => paperwork::theme(globals, &args),
    }
}

/// What a filter finds nothing for is no failure; a script asks by the lines.
const FOUND: Code = Code::Done;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_has_help_with_an_example() {
        for command in Cli::command().get_subcommands() {
            let has = |command: &clap::Command| {
                command.get_after_help().is_some_and(|help| help.to_string().contains("dock "))
            };
            assert!(has(command), "{} has no example", command.get_name());
            assert!(command.get_about().is_some(), "{} says nothing", command.get_name());
        }
    }
}
