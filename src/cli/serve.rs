//! `dock serve` and `dock executor`: the backend, and the write path by itself.
//!
//! Never: a write path that was not asked for: without a section `[executor]`, `serve` executes nothing and says so.

use std::sync::Arc;

use super::{
    Globals,
    exit::{Code, Failure, Outcome},
    out, service,
};
use crate::{
    clock::Clock,
    config,
    server::{
        self, Config, ServerError,
        executor::{Executor, ExecutorError},
    },
};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "SIGHUP reads the rota file and the hooks' secrets again, all or nothing: what is wrong is logged, and what was \
    read before stands.\n\nExamples:\n  dock serve --config dock.toml\n  dock serve --config dock.toml --store sqlite:/var/lib/dock/dock.db --no-executor"
)]
pub(super) struct Serve {
    /// The database, in place of the config's: sqlite:FILE.
    #[arg(long, value_name = "URL")]
    store: Option<String>,
    /// Leave the writing to `dock executor`.
    #[arg(long)]
    no_executor: bool,
    #[arg(long, hide = true)]
    with_parent: bool,
}

#[derive(Debug, clap::Args)]
#[command(name = "executor", after_help = "Example:\n  dock executor --config dock.toml")]
pub(super) struct ExecutorArgs {
    /// The database, in place of the config's: sqlite:FILE.
    #[arg(long, value_name = "URL")]
    store: Option<String>,
    #[arg(long, hide = true)]
    with_parent: bool,
}

pub(super) fn serve(globals: &Globals, args: &Serve) -> Outcome {
    let (mut config, clock) = read(globals, args.store.as_deref())?;
    service::log(globals);
    if args.no_executor {
        config.executor = None;
    } else if config.executor.is_none() {
        out::remark("no section [executor]: approvals wait for `dock executor`");
    }
    service::run(async {
        let server = server::bind(&config, clock).await.map_err(|error| failure(&error))?;
        if !globals.quiet {
            out::remark(&format!("dock serves {} at http://{}", config.org, server.address()));
        }
        let reload = server.reload(&config);
        let hangups = service::on_hangup(move || match reload.now() {
            Ok(()) => tracing::warn!("the rota file and the hooks' secrets were read again"),
            Err(error) => tracing::error!(%error, "nothing was read again; what was read before stands"),
        });
        tokio::select! {
            ended = server.run(service::told_to_stop(args.with_parent)) => ended.map_err(|error| failure(&error))?,
            () = hangups => {}
        }
        Ok(Code::Done)
    })
}

pub(super) fn executor(globals: &Globals, args: &ExecutorArgs) -> Outcome {
    let (config, clock) = read(globals, args.store.as_deref())?;
    let section = config.executor.as_ref().ok_or_else(|| {
        Failure::usage("the executor needs a section [executor.argocd]\nhint: url and token_file of an account that may sync")
    })?;
    service::log(globals);
    service::run(async {
        let store = server::open_store(&config).map_err(|error| failure(&error))?;
        let admins = config.pinned().map_err(|error| failure(&error.into()))?;
        let around = config.around();
        let executor = Executor::open(store, clock, &config.org, admins, section, &around);
        let executor = Arc::new(executor.map_err(|error| executor_failure(&error))?);
        let ended = executor.run(service::told_to_stop(args.with_parent)).await;
        ended.map(|()| Code::Done).map_err(|error| executor_failure(&error))
    })
}

fn read(globals: &Globals, store: Option<&str>) -> Result<(Config, Clock), Failure> {
    let file =
        globals.config.as_ref().ok_or_else(|| Failure::usage("which config?\nhint: --config dock.toml"))?;
    let mut config: Config = config::read(file)?;
    if let Some(store) = store {
        store.clone_into(&mut config.database);
    }
    let clock = config.clock_file.clone().map_or_else(Clock::system, Clock::with_offset_file);
    Ok((config, clock))
}

fn failure(error: &ServerError) -> Failure {
    Failure::failed(error.to_string())
}

fn executor_failure(error: &ExecutorError) -> Failure {
    Failure::failed(error.to_string())
}
