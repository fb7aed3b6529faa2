//! `dock` without a command, and `dock open ROW`: the console.
//!
//! Never: anything on standard output; the console has the terminal to itself.

use super::{
    Globals,
    exit::{Code, Failure, Outcome},
    person::Person,
};
use crate::{
    console::{self, ConsoleError, Exit, Options},
    row::RowId,
};

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  dock open sync-8822             what a page carries")]
pub(super) struct Open {
    /// The row, or a prefix that only one row has.
    row: String,
}

pub(super) fn open(globals: &Globals, args: &Open) -> Outcome {
    run(globals, Some(&args.row))
}

pub(super) fn run(globals: &Globals, row: Option<&str>) -> Outcome {
    let person = Person::open(globals)?;
    let row = row.map(|typed| Person::row_id(typed, &person.cache()?)).transpose()?;
    at(globals, person, row)
}

fn at(globals: &Globals, person: Person, row: Option<RowId>) -> Outcome {
    match shown(globals, person, row)? {
        Exit::Quit => Ok(Code::Done),
        Exit::Signal(signal) => {
            console::terminal::die_of(signal);
            Err(Failure::new(Code::Failed, ""))
        }
    }
}

/// The console of whoever's home this is, until it ends; whoever called dies of the signal, once nothing is left to do.
pub(super) fn shown(globals: &Globals, person: Person, row: Option<RowId>) -> Result<Exit, Failure> {
    let options = Options {
        home: person.home,
        settings: person.settings,
        clock: person.clock,
        open: row,
        theme: globals.theme.clone(),
        read_only: globals.read_only,
    };
    Ok(console::run(options)?)
}

impl From<ConsoleError> for Failure {
    fn from(error: ConsoleError) -> Self {
        let code = if matches!(error, ConsoleError::Terminal(_)) { Code::Usage } else { Code::Failed };
        Self::new(code, error.to_string())
    }
}
