//! `dock login`, `logout`, `whoami`: the session. Other commands sign in by themselves when the key can.
//!
//! Never: the token on a screen.

use super::{
    Globals,
    exit::{Code, Outcome},
    out,
    person::{Person, block_on},
};
use crate::client::session;

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  dock login")]
pub(super) struct Login {}

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  dock logout")]
pub(super) struct Logout {}

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  dock whoami --json")]
pub(super) struct Whoami {}

pub(super) fn login(globals: &Globals) -> Outcome {
    let person = Person::open(globals)?;
    block_on(async {
        let api = person.sign_in().await?;
        let me = api.me().await?;
        let (outbox, mut cache) = (person.outbox()?, person.cache()?);
        person.pull(&outbox, &mut cache, std::time::Duration::ZERO).await?;
        person.enrol_witness(&outbox, &cache).await;
        if globals.json {
            out::json(&me);
        } else {
            out::line(format!("Signed in to {} as {}.", out::safe(api.server()), me.id));
        }
        Ok(Code::Done)
    })
}

pub(super) fn logout(globals: &Globals) -> Outcome {
    let person = Person::open(globals)?;
    let was = session::logout(&person.home)?;
    if !globals.quiet {
        out::line(if was {
            "Signed out. What is signed and unsent still leaves."
        } else {
            "Nobody was signed in."
        });
    }
    Ok(Code::Done)
}

pub(super) fn whoami(globals: &Globals) -> Outcome {
    let person = Person::open(globals)?;
    block_on(async {
        let me = match person.online().await?.me().await {
            Err(error) if error.signed_out() => person.sign_in().await?.me().await?,
            other => other?,
        };
        if globals.json {
            out::json(&me);
            return Ok(Code::Done);
        }
        out::line(format!("{} ({}) of {}", me.id, me.kind.word(), out::safe(&me.org)));
        if !me.roles.is_empty() {
            out::line(format!("roles: {}", out::safe(&me.roles.join(", "))));
        }
        for (name, values) in &me.attributes {
            out::line(out::safe(&format!("{name}: {}", values.join(", "))));
        }
        for key in &me.keys {
            let until = key
                .valid_before
                .map(|at| format!(", until {}", out::when(at, person.now())))
                .unwrap_or_default();
            out::line(out::safe(&format!(
                "key: {} {} from {}{until}",
                key.kind,
                key.fingerprint,
                out::when(key.valid_after, person.now())
            )));
        }
        if !me.agents.is_empty() {
            let agents: Vec<_> = me.agents.iter().map(ToString::to_string).collect();
            out::line(format!("answers for: {}", agents.join(", ")));
        }
        Ok(Code::Done)
    })
}
