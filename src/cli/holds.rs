//! `dock holds`, `halt`, `resume`: what stays as it is, and the brake.
//!
//! Never: a hold that ends by itself; a halt ended without an administrator's signature.

use std::time::Duration;

use super::{
    Globals,
    exit::{Code, Failure, Outcome},
    out,
    person::{Person, block_on},
};
use crate::{
    audit::admin::AdminChange,
    row::{Hold, Note, PrincipalId},
    wire::{AgentView, HaltRequest, LiftRequest},
};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  dock holds\n  dock holds lift checkout-web --note \"INC-771 is over, the flag is in git.\""
)]
pub(super) struct Holds {
    #[command(subcommand)]
    command: Option<HoldsCommand>,
}

#[derive(Debug, clap::Subcommand)]
enum HoldsCommand {
    /// End a hold: the drift may be proposed again.
    Lift {
        /// The application, or the row that was declined.
        what: String,
        /// Why.
        #[arg(long)]
        note: String,
    },
}

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  dock halt --all --note \"Argus drafts nonsense since 02:00.\"\n  dock halt --agent argus --note \"…\""
)]
pub(super) struct Halt {
    #[arg(long, value_name = "NAME", conflicts_with = "all")]
    agent: Option<PrincipalId>,
    /// All agents, policies and executions.
    #[arg(long)]
    all: bool,
    /// Why.
    #[arg(long)]
    note: String,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  dock resume --note \"Argus is back on rule version 3.\"")]
pub(super) struct Resume {
    #[arg(long, value_name = "NAME")]
    agent: Option<PrincipalId>,
    /// Why.
    #[arg(long)]
    note: String,
}

pub(super) fn run(globals: &Globals, args: &Holds) -> Outcome {
    let person = Person::open(globals)?;
    block_on(async {
        let holds = read(&person).await?;
        match &args.command {
            None => {
                list(&person, &holds);
                Ok(Code::Done)
            }
            Some(HoldsCommand::Lift { what, note }) => lift(&person, &holds, what, note).await,
        }
    })
}

/// The holds that stand, from the server, else as of the last sync.
async fn read(person: &Person) -> Result<Vec<Hold>, Failure> {
    let (outbox, mut cache) = (person.outbox()?, person.cache()?);
    match person.pull(&outbox, &mut cache, Duration::ZERO).await {
        Ok(_) => {}
        Err(failure) if failure.code == Code::Away && cache.as_of()?.is_some() => out::remark(&failure.words),
        Err(failure) => return Err(failure),
    }
    Ok(cache.holds()?.into_iter().filter(|hold| hold.lifted.is_none()).collect())
}

fn list(person: &Person, holds: &[Hold]) {
    if person.globals.json {
        for hold in holds {
            out::json(hold);
        }
        return;
    }
    for hold in holds {
        let incident = hold.incident.as_deref().map(|id| format!(" ({})", out::safe(id))).unwrap_or_default();
        let since = out::when(hold.since, person.now());
        let (subject, note) = (out::safe(&hold.subject), out::safe(&hold.note));
        out::line(format!(
            "{subject} {} by {}, {}, since {since}{incident}: {note}",
            hold.drift.short(),
            hold.by,
            hold.row
        ));
    }
    if holds.is_empty() {
        out::line("No hold stands.");
    }
}

async fn lift(person: &Person, holds: &[Hold], what: &str, note: &str) -> Outcome {
    Note::parse(note).map_err(|why| Failure::usage(why.to_string()))?;
    let row = what.parse().ok();
    let fits: Vec<_> = holds.iter().filter(|hold| hold.subject == what || Some(hold.row) == row).collect();
    let [hold] = fits.as_slice() else {
        let words = match fits.len() {
            0 => format!("no hold stands on {}", out::safe(what)),
            many => format!("{many} holds stand on {}; name the row that was declined", out::safe(what)),
        };
        return Err(Failure::new(if fits.is_empty() { Code::Nothing } else { Code::Usage }, words));
    };
    let request = LiftRequest { subject: hold.subject.clone(), drift: hold.drift, note: note.to_owned() };
    person.online().await?.lift_hold(&request).await?;
    out::line(format!("Lifted: {} may be proposed again.", out::safe(&hold.subject)));
    Ok(Code::Done)
}

pub(super) fn halt(globals: &Globals, args: &Halt) -> Outcome {
    if args.agent.is_none() && !args.all {
        return Err(Failure::usage("say what to halt: --agent NAME or --all"));
    }
    Note::parse(&args.note).map_err(|why| Failure::usage(why.to_string()))?;
    let person = Person::open(globals)?;
    block_on(async {
        let request = HaltRequest { agent: args.agent.clone(), note: args.note.clone() };
        person.online().await?.halt(&request).await?;
        out::line("Halted. Waiting rows keep their time; what runs is followed to its end.");
        Ok(Code::Done)
    })
}

pub(super) fn resume(globals: &Globals, args: &Resume) -> Outcome {
    Note::parse(&args.note).map_err(|why| Failure::usage(why.to_string()))?;
    let person = Person::open(globals)?;
    block_on(async {
        let change = AdminChange::Resumed { agent: args.agent.clone(), note: args.note.clone() };
        let signed = person.signed_change(change).await?;
        let api = person.online().await?;
        api.resume(&signed).await?;
        out::line("Resumed.");
        match api.agents().await {
            Ok(agents) => {
                if let Some(said) = still_halted(&agents, args.agent.as_ref()) {
                    out::line(said);
                }
            }
            Err(error) => out::remark(&format!("whether an agent stays halted could not be asked: {error}")),
        }
        Ok(Code::Done)
    })
}

/// What a resumption did not end: agents that were halted by name, or everything where one was resumed by name.
fn still_halted(agents: &[AgentView], resumed: Option<&PrincipalId>) -> Option<String> {
    match resumed {
        None => {
            let halted = agents.iter().filter(|agent| agent.halted);
            let names: Vec<_> = halted.map(|agent| agent.id.as_str()).collect();
            (!names.is_empty()).then(|| {
                format!(
                    "Still halted, each by name: {}. `dock resume --agent NAME --note …` ends one.",
                    names.join(", ")
                )
            })
        }
        Some(one) => agents
            .iter()
            .any(|agent| agent.halted && agent.id == *one)
            .then(|| format!("{one} stays halted with everything else: `dock resume --note …` ends that.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stays_halted_is_named() {
        let agent = |name: &str, halted| AgentView {
            id: name.parse().unwrap(),
            owner: "ana".parse().unwrap(),
            standing: "active".to_owned(),
            halted,
            tokens: vec![],
        };
        let agents = [agent("argus", true), agent("gatekeeper", false), agent("scribe", true)];
        let said = |agents: &[AgentView], resumed: Option<&str>| {
            still_halted(agents, resumed.map(|name| name.parse().unwrap()).as_ref()).unwrap_or_default()
        };
        assert!(said(&agents, None).starts_with("Still halted, each by name: argus, scribe. "));
        assert_eq!(said(&agents[1..2], None), "");
        assert!(said(&agents, Some("argus")).starts_with("argus stays halted with everything else"));
        assert_eq!(said(&agents, Some("gatekeeper")), "");
    }
}
