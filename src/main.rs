//! Installs the error reporter, parses the command line, runs one command.

fn main() {}
