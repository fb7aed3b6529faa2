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
use crate::{
    client::{Cache, Outbox},
    wire::{PlatformCalls, Ready},
};

mod backend;
mod gates;
mod needs;
mod places;

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
    match ready(person).await {
        Ok(ready) => {
            add("server", Ok(format!("{} is ready", ready.at)));
            add("calls", calls(&ready.said.calls));
            if let Some(found) = telling(&ready.said) {
                add("telling", found);
            }
        }
        Err(why) => add("server", Err(why)),
    }
    add("session", session(person).await);
    if let (Ok(outbox), Ok(mut cache)) = (outbox, cache) {
        let record = record(person, &outbox, &mut cache).await;
        let heard = record.is_ok();
        add("record", record);
        if heard {
            add("clock", clock(person, &cache));
        }
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

/// A server that answers, and what it says of itself.
struct Answering {
    at: String,
    said: Ready,
}

async fn ready(person: &Person) -> Result<Answering, String> {
    let api = person.api().map_err(|failure| failure.words)?;
    let said = api.ready().await.map_err(|error| {
        format!(
            "{error}\nhint: is the address right, and does it run there? What was signed waits in the outbox"
        )
    })?;
    Ok(Answering { at: api.server().to_owned(), said })
}

/// A line for each platform; one that takes no more is a fault.
fn calls(all: &[PlatformCalls]) -> Result<String, String> {
    if all.is_empty() {
        return Ok("the server reads no platform".to_owned());
    }
    let line = |one: &PlatformCalls| {
        let (made, name) = (one.made, called(one));
        let at = one.at.map(|at| format!(", as told at {}", at.strftime("%H:%M UTC"))).unwrap_or_default();
        match (one.limit, one.left) {
            (Some(limit), Some(left)) => format!("{name}: {made} made, {left} of {limit} left{at}"),
            _ => format!("{name}: {made} made, it does not tell how many are left{at}"),
        }
    };
    let lines: Vec<String> = all.iter().map(line).collect();
    let spent: Vec<String> = all.iter().filter(|one| one.left == Some(0)).map(called).collect();
    if spent.is_empty() {
        return Ok(lines.join("\n"));
    }
    let hint =
        "hint: wait for the platform's next window; raise poll_s, or give agents a credential of their own";
    Err(format!("{}\n{} takes no more calls now\n{hint}", lines.join("\n"), spent.join(", ")))
}

/// `github`, and whose calls they are where they are not the server's own: `github by gatekeeper`.
fn called(one: &PlatformCalls) -> String {
    one.by.as_ref().map_or_else(|| one.platform.clone(), |by| format!("{} by {by}", one.platform))
}

/// Whom the server cannot tell anything; nothing to say where it tells nobody, or all.
fn telling(ready: &Ready) -> Option<Result<String, String>> {
    let missing = ready.missing.iter().map(String::as_str);
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
    if outbox.broken().map_err(|error| error.to_string())?.is_some() {
        return Err("RECORD BROKEN: see `dock audit checkpoint`".to_owned());
    }
    let entries = out::plural(usize::try_from(head.size).unwrap_or(usize::MAX), "entry", "entries");
    Ok(format!("{entries} of {}, proved to extend what was seen", head.origin))
}

fn clock(person: &Person, cache: &Cache) -> Result<String, String> {
    let as_of = cache.as_of().ok().flatten().ok_or("the server's time is not known yet")?;
    let off = person.now().duration_since(as_of.as_of).as_secs();
    if off.abs() <= CLOCK_OFF_S {
        return Ok("as the server's".to_owned());
    }
    let word = if off > 0 { "ahead" } else { "behind" };
    Err(format!(
        "your clock is {} s {word}; times left and ages are wrong by it\nhint: set it, or let NTP",
        off.abs()
    ))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_calls_have_come_to_is_told_by_platform() {
        let one = |platform: &str, made, told: Option<(u64, u64)>| PlatformCalls {
            by: None,
            at: None,
            platform: platform.to_owned(),
            made,
            limit: told.map(|(limit, _)| limit),
            left: told.map(|(_, left)| left),
        };
        let told = calls(&[one("argocd", 12, None), one("github", 2120, Some((5000, 2880)))]).unwrap();
        assert_eq!(
            told,
            "argocd: 12 made, it does not tell how many are left\ngithub: 2120 made, 2880 of 5000 left"
        );
        let spent = calls(&[one("github", 5003, Some((5000, 0)))]).unwrap_err();
        assert!(spent.contains("github takes no more calls now\nhint: "), "{spent}");
        let at = Some("2026-03-04T02:14:00Z".parse().unwrap());
        let theirs =
            PlatformCalls { by: Some("gatekeeper".to_owned()), at, ..one("github", 7, Some((5000, 0))) };
        let spent = calls(&[one("github", 1, None), theirs]).unwrap_err();
        assert!(
            spent.contains("github by gatekeeper: 7 made, 0 of 5000 left, as told at 02:14 UTC"),
            "{spent}"
        );
        assert!(spent.contains("\ngithub by gatekeeper takes no more calls now\n"), "{spent}");
        assert_eq!(calls(&[]), Ok("the server reads no platform".to_owned()));
    }
}
