//! `dock init` writes a commented config; `dock doctor` tries every part against the real thing.
//!
//! Never: overwrites a config; a check that is passed without having been tried.

use std::{fs, io::Write, os::unix::fs::OpenOptionsExt, time::Duration};

use serde_json::json;

use super::{
    Globals,
    exit::{Code, Failure, Outcome},
    out,
    person::{Person, block_on},
};
use crate::client::{Cache, Outbox, Signer, signer::SignError};

/// What differs by more than this is told: signatures carry the reviewer's clock.
const CLOCK_OFF_S: i64 = 30;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  dock init --server https://dock.example.com --person sarah\n  dock init --backend ./dock --org example.com --person govind \\\n      --reviewer sarah=sarah.pub --argocd https://argocd.example.com"
)]
pub(super) struct Init {
    /// Who you are to the server; with --backend, its first administrator.
    #[arg(long, value_name = "NAME")]
    pub(super) person: Option<crate::row::PrincipalId>,
    /// Lay down a backend of your own in this folder instead: keys, config, the signed beginning of its record.
    #[arg(long, value_name = "DIR")]
    backend: Option<std::path::PathBuf>,
    /// The team's domain, for --backend: it stands in every signature.
    #[arg(long, value_name = "DOMAIN")]
    pub(super) org: Option<String>,
    /// Somebody who decides, for --backend: a name and the file of their public key. May be repeated.
    #[arg(long, value_name = "NAME=FILE")]
    pub(super) reviewer: Vec<String>,
    /// Where ArgoCD is, for --backend.
    #[arg(long, value_name = "URL")]
    pub(super) argocd: Option<String>,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  dock doctor --json")]
pub(super) struct Doctor {}

pub(super) fn init(globals: &Globals, args: &Init) -> Outcome {
    if let Some(dir) = &args.backend {
        return super::founding::backend(globals, args, dir);
    }
    let person = Person::open(globals)?;
    let file = person.home.settings_file();
    if globals.config.is_none() {
        person.home.config_folder()?;
    }
    let text = settings_text(
        person.settings.server.as_deref(),
        args.person.as_ref().map(ToString::to_string).as_deref(),
    );
    let mut options = fs::OpenOptions::new();
    let mut opened = options.write(true).create_new(true).mode(0o600).open(&file).map_err(|error| {
        let hint = if error.kind() == std::io::ErrorKind::AlreadyExists {
            "\nhint: edit it; nothing was changed"
        } else {
            ""
        };
        Failure::failed(format!("{}: {error}{hint}", file.display()))
    })?;
    opened.write_all(text.as_bytes())?;
    out::line(format!("Wrote {}.", file.display()));
    match Signer::agent_keys() {
        Ok(keys) if !keys.is_empty() => {
            out::line("Keys in ssh-agent that can sign; an administrator enrols one for you:");
            for (key, comment) in &keys {
                out::line(format!("  {} {} {}", key.key_type(), key.fingerprint(), out::safe(comment)));
            }
        }
        Ok(_) | Err(SignError::NoAgent) => {
            out::line("No key is in ssh-agent yet: ssh-keygen -t ed25519-sk, then ssh-add.");
        }
        Err(error) => out::remark(&error.to_string()),
    }
    Ok(Code::Done)
}

/// The whole file with everything in it as a comment, but for what was said.
fn settings_text(server: Option<&str>, person: Option<&str>) -> String {
    let line = |name: &str, value: Option<&str>, example: &str| match value {
        Some(value) => format!("{name} = {value:?}\n"),
        None => format!("# {name} = {example:?}\n"),
    };
    format!(
        "# Dock's console and commands. Every line can be left out.\n\n# The backend.\n{}\n# Who you are to it.\n{}\n\
         # The log's verifier key, from whoever runs the server. Without it the first one seen is kept.\n\
         # log_key = \"example.com/dock+1a2b3c4d+AQ…\"\n\n\
         # \"agent\": the best key in ssh-agent; \"SHA256:…\": that one; or a file with a passphrase.\n# key = \"agent\"\n\n\
         # A decision signed in the console rests so long and can be taken back; 0 to 60.\n# leave_after_s = 10\n\n\
         # terminal, dark, light, night, mono, or a file in themes/ beside this one.\n# theme = \"terminal\"\n\n\
         # [page]\n# by = \"bell\"            # off, osc9, osc777, osc99, command\n\n\
         # [views]\n# payments = \"service:payments-api env:prod\"\n\n\
         # [keys.decide]\n# approve = [\"A\"]\n",
        line("server", server, "https://dock.example.com"),
        line("person", person, "sarah"),
    )
}

/// One check: its name, and what was found or what to do.
struct Check {
    name: &'static str,
    found: Result<String, String>,
}

pub(super) fn doctor(globals: &Globals) -> Outcome {
    let person = match Person::open(globals) {
        Ok(person) => person,
        Err(failure) => {
            tell(globals, &Check { name: "config", found: Err(failure.words) });
            return Err(Failure::failed(""));
        }
    };
    let checks = block_on(async { Ok(checks(&person).await) })?;
    for check in &checks {
        tell(globals, check);
    }
    if checks.iter().all(|check| check.found.is_ok()) { Ok(Code::Done) } else { Err(Failure::failed("")) }
}

async fn checks(person: &Person) -> Vec<Check> {
    let file = person.home.settings_file();
    let config = if file.exists() {
        Ok(file.display().to_string())
    } else {
        Err(format!("{} is not there\nhint: dock init", file.display()))
    };
    let mut checks = vec![Check { name: "config", found: config }];
    let mut add = |name, found| checks.push(Check { name, found });
    let outbox = person.outbox();
    add("outbox", outbox.as_ref().map(outbox_words).map_err(|failure| failure.words.clone()));
    let cache = person.cache();
    add("cache", cache.as_ref().map(cache_words).map_err(|failure| failure.words.clone()));
    add("key", key(person, cache.as_ref().ok(), outbox.as_ref().ok()));
    add("server", server(person).await);
    add("session", session(person).await);
    if let (Ok(outbox), Ok(mut cache)) = (outbox, cache) {
        add("record", record(person, &outbox, &mut cache).await);
        add("clock", clock(person, &cache));
    }
    checks
}

fn outbox_words(outbox: &Outbox) -> String {
    outbox.unsent().map_or_else(|error| error.to_string(), |unsent| format!("{} unsent", unsent.len()))
}

fn cache_words(cache: &Cache) -> String {
    let as_of = cache.as_of().ok().flatten();
    as_of.map_or_else(|| "empty".to_owned(), |as_of| format!("as of {}, at {}", as_of.as_of, as_of.position))
}

fn key(person: &Person, cache: Option<&Cache>, outbox: Option<&Outbox>) -> Result<String, String> {
    let org =
        cache.zip(outbox).and_then(|(cache, outbox)| person.org(cache, outbox).ok()).unwrap_or_default();
    let signer = person.signer(&org, cache).map_err(|failure| failure.words)?;
    let touch = if signer.proves_touch() { "proves a touch" } else { "proves no touch" };
    Ok(format!("{} {} from {}, {touch}", signer.public().key_type(), signer.fingerprint(), signer.origin()))
}

async fn server(person: &Person) -> Result<String, String> {
    let api = person.api().map_err(|failure| failure.words)?;
    api.ready().await.map(|_| format!("{} is ready", api.server())).map_err(|error| error.to_string())
}

async fn session(person: &Person) -> Result<String, String> {
    let api = person.online().await.map_err(|failure| failure.words)?;
    let me = match api.me().await {
        Err(error) if error.signed_out() => person
            .sign_in()
            .await
            .map_err(|failure| failure.words)?
            .me()
            .await
            .map_err(|error| error.to_string())?,
        other => other.map_err(|error| error.to_string())?,
    };
    Ok(format!("signed in as {}", me.id))
}

async fn record(person: &Person, outbox: &Outbox, cache: &mut Cache) -> Result<String, String> {
    person.pull(outbox, cache, Duration::ZERO).await.map_err(|failure| failure.words)?;
    let head = outbox.head().map_err(|error| error.to_string())?;
    let head = head.ok_or("no head was verified here yet")?;
    match outbox.broken().map_err(|error| error.to_string())? {
        Some(_) => Err("RECORD BROKEN: see `dock audit checkpoint`".to_owned()),
        None => Ok(format!("{} entries of {}, proved to extend what was seen", head.size, head.origin)),
    }
}

fn clock(person: &Person, cache: &Cache) -> Result<String, String> {
    let as_of = cache.as_of().ok().flatten().ok_or("the server's time is not known yet")?;
    let off = person.now().duration_since(as_of.as_of).as_secs();
    if off.abs() <= CLOCK_OFF_S {
        return Ok("as the server's".to_owned());
    }
    let word = if off > 0 { "ahead" } else { "behind" };
    Err(format!("your clock is {} s {word}; times are the server's\nhint: set it, or let NTP", off.abs()))
}

fn tell(globals: &Globals, check: &Check) {
    let (ok, words) = match &check.found {
        Ok(words) => (true, words),
        Err(words) => (false, words),
    };
    if globals.json {
        out::json(&json!({"check": check.name, "ok": ok, "found": words}));
        return;
    }
    let mark = if ok { "ok  " } else { "FAIL" };
    let lines = out::safe_lines(words);
    for (at, line) in lines.lines().enumerate() {
        let name = if at == 0 { check.name } else { "" };
        out::line(format!("{mark} {name:<8} {line}"));
    }
}
