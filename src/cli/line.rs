//! `dock --line`: a prompt for the commands, where a full screen is of no use.
//!
//! Never: a command that the command line does not have, or one that ends the prompt because it failed.

use std::io::{self, IsTerminal as _, Write as _};

use clap::Parser as _;

use super::{
    Cli, Globals, dispatch,
    exit::{Code, Failure, Outcome},
    out,
};

/// Reads commands until the input ends or `quit`; the code is that of the last one.
pub(super) fn run(globals: &Globals) -> Outcome {
    if io::stdin().is_terminal() {
        out::remark(
            "Commands as on the command line, without `dock`: rows, show sync-8822, help. quit leaves.",
        );
    }
    let mut code = Code::Done;
    loop {
        if io::stdin().is_terminal() {
            let _ = write!(io::stderr().lock(), "dock> ").and_then(|()| io::stderr().lock().flush());
        }
        let mut line = String::new();
        if io::stdin().read_line(&mut line).map_err(|error| Failure::failed(error.to_string()))? == 0 {
            return Ok(code);
        }
        let words = match words(&line) {
            Ok(words) => words,
            Err(why) => {
                out::remark(why);
                code = Code::Usage;
                continue;
            }
        };
        match words.first().map(String::as_str) {
            None => continue,
            Some("quit" | "exit" | "q") => return Ok(code),
            Some(_) => {}
        }
        code = one(globals, words).unwrap_or_else(|failure| {
            if !failure.words.is_empty() {
                out::remark(&failure.words);
            }
            failure.code
        });
    }
}

fn one(globals: &Globals, words: Vec<String>) -> Outcome {
    let typed = std::iter::once("dock".to_owned()).chain(words);
    let mut cli = match Cli::try_parse_from(typed) {
        Ok(cli) => cli,
        Err(error) => {
            let code = if error.use_stderr() { Code::Usage } else { Code::Done };
            let _ = error.print();
            return Ok(code);
        }
    };
    if cli.command.is_none() {
        return Err(Failure::usage("which command? `help` lists them"));
    }
    // What stood before the prompt holds behind it too.
    let inner = &mut cli.globals;
    inner.config = inner.config.take().or_else(|| globals.config.clone());
    inner.server = inner.server.take().or_else(|| globals.server.clone());
    inner.json |= globals.json;
    inner.plain |= globals.plain;
    inner.quiet |= globals.quiet;
    inner.read_only |= globals.read_only;
    dispatch(cli)
}

/// The words of a line: apart by spaces, kept together by quotes of either kind; a backslash takes the next as it is.
fn words(line: &str) -> Result<Vec<String>, &'static str> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = line.trim().chars();
    while let Some(c) = chars.next() {
        match (c, quote) {
            ('\\', None | Some('"')) => word.get_or_insert_default().extend(chars.next()),
            (c, Some(open)) if c == open => quote = None,
            (c, Some(_)) => word.get_or_insert_default().push(c),
            ('"' | '\'', None) => {
                word.get_or_insert_default();
                quote = Some(c);
            }
            (c, None) if c.is_whitespace() => words.extend(word.take()),
            (c, None) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    if quote.is_some() { Err("a quote is open: nothing was done") } else { Ok(words) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_as_a_shell_reads_them() {
        for (line, read) in [
            ("", &[][..]),
            ("  rows   --mine \n", &["rows", "--mine"]),
            (
                "decline sync-8822 --note \"The toggle stays.\"",
                &["decline", "sync-8822", "--note", "The toggle stays."],
            ),
            ("a 'it''s' \"\" b\\ c \"q\\\"q\"", &["a", "its", "", "b c", "q\"q"]),
        ] {
            assert_eq!(words(line).unwrap(), read, "{line}");
        }
        assert!(words("decline \"half").is_err());
    }
}
