//! `dock agent`: what gathers and drafts.
//!
//! Never: decides.

use std::path::Path;

use super::{
    Globals,
    exit::{Code, Failure, Outcome},
    out, service, show,
};
use crate::{
    agent::{
        Told, Wish,
        argus::{self, Argus, ArgusError},
        chronicler::{self, Chronicler},
        gatekeeper::{self, Gatekeeper, GatekeeperError},
        incidents::IncidentsError,
        rule::Rule,
        scribe::{self, Scribe},
    },
    clock::Clock,
    config,
};

#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "switches of a command line")]
#[command(
    after_help = "Examples:\n  dock agent argus --config argus.toml\n  dock agent argus --once --app payments-api --dry-run\n  \
    dock agent gatekeeper --config gatekeeper.toml\n  dock agent gatekeeper --rules\n  \
    dock agent scribe --config scribe.toml --incident INC-2099 --dry-run\n  \
    dock agent chronicler --config chronicler.toml --incident INC-2099"
)]
pub(super) struct Agent {
    /// argus: what differs between ArgoCD and git. gatekeeper: what waits before an environment on GitHub.
    /// scribe: what a runbook lacked in an incident. chronicler: what happened in it, line by line.
    name: Name,
    /// Look once, and end when what was found has settled.
    #[arg(long)]
    once: bool,
    /// Only this application, or service.
    #[arg(long, value_name = "APP")]
    app: Option<String>,
    /// Only this incident, however long ago it was resolved.
    #[arg(long, value_name = "INC-N", conflicts_with = "app")]
    incident: Option<String>,
    /// The scribe: show an incident's runbook while it is on, even where the config says `live = false`.
    #[arg(long)]
    live: bool,
    /// Show drafts, send none.
    #[arg(long)]
    dry_run: bool,
    /// Print the rules and end.
    #[arg(long)]
    rules: bool,
    #[arg(long, hide = true)]
    with_parent: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Name {
    Argus,
    Gatekeeper,
    Scribe,
    Chronicler,
}

impl Name {
    fn word(self) -> &'static str {
        match self {
            Self::Argus => "argus",
            Self::Gatekeeper => "gatekeeper",
            Self::Scribe => "scribe",
            Self::Chronicler => "chronicler",
        }
    }
}

pub(super) fn run(globals: &Globals, args: &Agent) -> Outcome {
    if args.rules {
        rules(globals, args.name);
        return Ok(Code::Done);
    }
    let file = globals
        .config
        .as_ref()
        .ok_or_else(|| Failure::usage(format!("which config?\nhint: --config {}.toml", args.name.word())))?;
    let about_incidents = matches!(args.name, Name::Scribe | Name::Chronicler);
    if args.live && args.name != Name::Scribe {
        return Err(Failure::usage(format!(
            "{} has nothing live to show\nhint: scribe has",
            args.name.word()
        )));
    }
    if about_incidents != args.incident.is_some() && (args.incident.is_some() || args.app.is_some()) {
        let hint = if about_incidents { "--incident INC-N" } else { "--app NAME" };
        return Err(Failure::usage(format!("{} looks at other things\nhint: {hint}", args.name.word())));
    }
    match args.name {
        Name::Argus => argus(globals, args, file),
        Name::Gatekeeper => gatekeeper(globals, args, file),
        Name::Scribe => scribe(globals, args, file),
        Name::Chronicler => chronicler(globals, args, file),
    }
}

fn argus(globals: &Globals, args: &Agent, file: &Path) -> Outcome {
    let config: argus::Config = config::read(file)?;
    service::log(globals);
    let agent = Argus::open(config.clone(), clock(config.clock_file))?;
    let (wish, say) = (wish(args), say(globals, args));
    let run = agent.run(&wish, &say, service::told_to_stop(args.with_parent));
    kept(args, agent.once(&wish, &say), run)
}

fn gatekeeper(globals: &Globals, args: &Agent, file: &Path) -> Outcome {
    let config: gatekeeper::Config = config::read(file)?;
    service::log(globals);
    let agent = Gatekeeper::open(config.clone(), clock(config.clock_file))?;
    let (wish, say) = (wish(args), say(globals, args));
    let run = agent.run(&wish, &say, service::told_to_stop(args.with_parent));
    kept(args, agent.once(&wish, &say), run)
}

fn scribe(globals: &Globals, args: &Agent, file: &Path) -> Outcome {
    let mut config: scribe::Config = config::read(file)?;
    config.live |= args.live;
    service::log(globals);
    let agent = Scribe::open(config.clone(), clock(config.clock_file))?;
    let (wish, say) = (wish(args), say(globals, args));
    let run = agent.run(&wish, &say, service::told_to_stop(args.with_parent));
    kept(args, agent.once(&wish, &say), run)
}

fn chronicler(globals: &Globals, args: &Agent, file: &Path) -> Outcome {
    let config: chronicler::Config = config::read(file)?;
    service::log(globals);
    let agent = Chronicler::open(config.clone(), clock(config.clock_file))?;
    let (wish, say) = (wish(args), say(globals, args));
    let run = agent.run(&wish, &say, service::told_to_stop(args.with_parent));
    kept(args, agent.once(&wish, &say), run)
}

/// One look, or looks until it is told to stop, as was asked.
fn kept<E>(
    args: &Agent,
    once: impl Future<Output = Result<(), E>>,
    run: impl Future<Output = Result<(), E>>,
) -> Outcome
where
    Failure: From<E>,
{
    service::run(async {
        if args.once || args.dry_run {
            Box::pin(once).await?;
        } else {
            Box::pin(run).await?;
        }
        Ok(Code::Done)
    })
}

fn clock(file: Option<std::path::PathBuf>) -> Clock {
    file.map_or_else(Clock::system, Clock::with_offset_file)
}

fn wish(args: &Agent) -> Wish {
    Wish { only: args.app.clone().or_else(|| args.incident.clone()), dry_run: args.dry_run }
}

fn say(globals: &Globals, args: &Agent) -> impl Fn(Told) + use<> {
    let (json, name) = (globals.json, args.name);
    // Who asks once about one thing is told why nothing is done about it.
    let named = (args.once || args.dry_run) && (args.app.is_some() || args.incident.is_some());
    move |told| match told {
        Told::Rest { subject, why } if named && json => {
            out::json(&serde_json::json!({"subject": subject, "nothing_is_done": why}));
        }
        Told::Rest { subject, why } if named => {
            out::line(format!("{}: nothing is done: {}", out::safe(&subject), out::safe(&why)));
        }
        told => tell(json, name, &told),
    }
}

impl From<ArgusError> for Failure {
    fn from(error: ArgusError) -> Self {
        match error {
            ArgusError::Api(error) => error.into(),
            ArgusError::NoSuchApp(_) => Self::nothing(error.to_string()),
            ArgusError::Config(_) | ArgusError::Platform(_) | ArgusError::NoArgocd => {
                Self::failed(error.to_string())
            }
        }
    }
}

impl From<GatekeeperError> for Failure {
    fn from(error: GatekeeperError) -> Self {
        match error {
            GatekeeperError::Api(error) => error.into(),
            GatekeeperError::NotGated(_) => Self::nothing(error.to_string()),
            GatekeeperError::Config(_)
            | GatekeeperError::Platform(_)
            | GatekeeperError::Reading(_)
            | GatekeeperError::NoGithub
            | GatekeeperError::NoGates
            | GatekeeperError::NoSuchGate(_)
            | GatekeeperError::Gate(..) => Self::failed(error.to_string()),
        }
    }
}

impl From<IncidentsError> for Failure {
    fn from(error: IncidentsError) -> Self {
        match error {
            IncidentsError::Api(error) => error.into(),
            IncidentsError::NoSuchIncident(_) => Self::nothing(error.to_string()),
            IncidentsError::Config(_)
            | IncidentsError::Platform(_)
            | IncidentsError::NoPagerduty(_)
            | IncidentsError::Section { .. } => Self::failed(error.to_string()),
        }
    }
}

fn tell(json: bool, name: Name, told: &Told) {
    match told {
        Told::Answered { subject, answer } if json => {
            // Argus' subjects are applications, and were called so first.
            let what = if name == Name::Argus { "app" } else { "subject" };
            out::json(&serde_json::json!({what: subject, "answer": answer}));
        }
        Told::Answered { subject, answer } => {
            let outcome = format!("{:?}", answer.outcome).to_lowercase();
            out::line(format!("{}: {} r{} {outcome}", out::safe(subject), answer.row, answer.revision));
        }
        Told::Draft(draft) if json => out::json(draft),
        Told::Draft(draft) => {
            out::line(format!(
                "{}: {}: {}",
                out::safe(&draft.subject),
                draft.verdict,
                out::safe(&draft.title)
            ));
            out::text(&out::safe_lines(&draft.rationale));
            out::text(&out::safe_lines(&show::folded(&draft.diff, false)));
        }
        Told::Rest { subject, why } => tracing::info!(subject, why, "nothing is done"),
        Told::Trouble { what, error } => tracing::warn!(what, error, "trouble"),
    }
}

fn rules(globals: &Globals, name: Name) {
    let table: &[Rule] = match name {
        Name::Argus => argus::rules::TABLE,
        Name::Gatekeeper => gatekeeper::rules::TABLE,
        Name::Scribe => scribe::rules::TABLE,
        Name::Chronicler => chronicler::rules::TABLE,
    };
    for rule in table {
        if globals.json {
            out::json(&serde_json::json!({"id": rule.id, "version": rule.version, "fires_on": rule.fires_on,
                "says": rule.says, "weight": rule.weight.word(), "source": rule.source}));
        } else {
            out::line(format!(
                "{:<24} {:<6} {}: {}",
                rule.name(),
                rule.weight.word(),
                rule.fires_on,
                rule.says
            ));
        }
    }
}
