//! `dock doctor` tries every part against the real thing: a person's home, or with `--backend` a server's config.
//!
//! Never: a check that is passed without having been tried; a write to a platform.

use std::{path::PathBuf, time::Duration};

use serde_json::json;

use super::{
    Globals,
    exit::{Code, Failure, Outcome},
    out,
    person::{Person, block_on},
};
use crate::client::{Cache, Outbox};

mod backend;

/// What differs by more than this is told: signatures carry the reviewer's clock.
const CLOCK_OFF_S: i64 = 30;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  dock doctor --json\n  dock doctor --backend dock.toml     what the server and its executor need"
)]
pub(super) struct Doctor {
    /// A server's config: its files, its platforms, what its credentials may and may not do.
    #[arg(long, value_name = "FILE")]
    backend: Option<PathBuf>,
}

/// One check: its name, and what was found or what to do.
struct Check {
    name: &'static str,
    found: Result<String, String>,
}

pub(super) fn run(globals: &Globals, args: &Doctor) -> Outcome {
    if let Some(file) = &args.backend {
        return told(globals, &block_on(async { Box::pin(backend::checks(file)).await })?);
    }
    let person = match Person::open(globals) {
        Ok(person) => person,
        Err(failure) => {
            tell(globals, &Check { name: "config", found: Err(failure.words) });
            return Err(Failure::failed(""));
        }
    };
    told(globals, &block_on(async { Ok(checks(&person).await) })?)
}

/// Each check on its line; one that failed fails the whole.
fn told(globals: &Globals, checks: &[Check]) -> Outcome {
    for check in checks {
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
    if let Some(found) = telling(person).await {
        add("telling", found);
    }
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

/// Whom the server cannot tell anything; nothing to say where it tells nobody, or all.
async fn telling(person: &Person) -> Option<Result<String, String>> {
    let ready = person.api().ok()?.ready().await.ok()?;
    let ready: serde_json::Value = serde_json::from_str(&ready).ok()?;
    let missing = ready["missing"].as_array()?.iter().filter_map(serde_json::Value::as_str);
    let dead: Vec<&str> = missing.filter(|what| what.starts_with("telling ")).collect();
    let hint = "hint: `dock doctor --backend dock.toml`, on the server";
    (!dead.is_empty()).then(|| Err(format!("{}\n{hint}", dead.join("\n"))))
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
        out::line(format!("{mark} {name:<14} {line}"));
    }
}
