//! Installs the error reporter, parses the command line, runs one command.

use std::process::ExitCode;

fn main() -> ExitCode {
    // Only a programming error gets that far; people are told by `cli` in sentences.
    let _ = color_eyre::install();
    dock::cli::run()
}
