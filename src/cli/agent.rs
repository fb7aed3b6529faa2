//! `dock agent`: what gathers and drafts.
//!
//! Never: decides.

use super::{
    Globals,
    exit::{Code, Failure, Outcome},
    out, service,
};
use crate::{
    agent::argus::{Argus, ArgusError, Config, Told, Wish, rules as argus_rules},
    clock::Clock,
    config,
};

#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "switches of a command line")]
#[command(
    after_help = "Examples:\n  dock agent argus --config argus.toml\n  dock agent argus --once --app payments-api --dry-run"
)]
pub(super) struct Agent {
    /// argus: what differs between ArgoCD and git.
    name: Name,
    /// Look once, and end when what was found has settled.
    #[arg(long)]
    once: bool,
    /// Only this application.
    #[arg(long, value_name = "APP")]
    app: Option<String>,
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
}

pub(super) fn run(globals: &Globals, args: &Agent) -> Outcome {
    let Name::Argus = args.name;
    if args.rules {
        rules(globals);
        return Ok(Code::Done);
    }
    let file =
        globals.config.as_ref().ok_or_else(|| Failure::usage("which config?\nhint: --config argus.toml"))?;
    let config: Config = config::read(file)?;
    service::log(globals);
    let clock = config.clock_file.clone().map_or_else(Clock::system, Clock::with_offset_file);
    let agent = Argus::open(config, clock).map_err(failure)?;
    let wish = Wish { app: args.app.clone(), dry_run: args.dry_run };
    let json = globals.json;
    let say = move |told: Told| tell(json, &told);
    service::run(async {
        if args.once || args.dry_run {
            Box::pin(agent.once(&wish, say)).await.map_err(failure)?;
        } else {
            Box::pin(agent.run(&wish, say, service::told_to_stop(args.with_parent)))
                .await
                .map_err(failure)?;
        }
        Ok(Code::Done)
    })
}

fn failure(error: ArgusError) -> Failure {
    match error {
        ArgusError::Api(error) => error.into(),
        ArgusError::NoSuchApp(_) => Failure::nothing(error.to_string()),
        ArgusError::Config(_) | ArgusError::Platform(_) | ArgusError::NoArgocd => {
            Failure::failed(error.to_string())
        }
    }
}

fn tell(json: bool, told: &Told) {
    match told {
        Told::Answered { app, answer } if json => {
            out::json(&serde_json::json!({"app": app, "answer": answer}));
        }
        Told::Answered { app, answer } => {
            let outcome = format!("{:?}", answer.outcome).to_lowercase();
            out::line(format!("{}: {} r{} {outcome}", out::safe(app), answer.row, answer.revision));
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
            out::text(&out::safe_lines(&draft.diff));
        }
        Told::Rest { app, why } => tracing::info!(app, why, "nothing is done"),
        Told::Trouble { what, error } => tracing::warn!(what, error, "trouble"),
    }
}

fn rules(globals: &Globals) {
    for rule in argus_rules::TABLE {
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
